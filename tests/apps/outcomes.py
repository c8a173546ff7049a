"""Invented outcomes for the table and the figures."""

from pathlib import Path

from keras_sam.experiments.results.outcomes import Outcome
from keras_sam.experiments.results.runs import DIVERGED, FAILED, FINISHED, Run, has_diverged


def run(accuracy, seconds=1.0, epochs=3, loss=0.5):
    """Metrics of a run whose first epoch compiles."""
    return [
        {
            "epoch": epoch,
            "loss": loss,
            "accuracy": 0.5,
            "val_loss": loss,
            "val_accuracy": accuracy / 100,
            "train_seconds": seconds if epoch > 1 else 100.0,
            "seconds": seconds + 3,
        }
        for epoch in range(1, epochs + 1)
    ]


def outcome_of(label, gradients, histories, failed=0):
    """Outcome of a method with a run for each list of metrics, and some that failed."""
    states = [DIVERGED if any(map(has_diverged, lines)) else FINISHED for lines in histories]
    pairs = [*zip(states, histories), *[(FAILED, [])] * failed]
    runs = [Run(Path(), {"seed": seed}, *pair) for seed, pair in enumerate(pairs)]
    return Outcome(label=label, gradients=gradients, runs=runs)


def outcome(label, *accuracies, seconds=1.0, failed=0, epochs=3):
    """Outcome of a method with a run for each accuracy."""
    runs = [run(accuracy, seconds, epochs) for accuracy in accuracies]
    return outcome_of(label, "2", runs, failed)
