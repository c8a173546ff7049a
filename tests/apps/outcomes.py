"""Invented outcomes for the table and the figures."""

from keras_sam.experiments.results.outcomes import Outcome


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


def outcome(label, *accuracies, seconds=1.0, failed=0, epochs=3):
    """Outcome of a method with a run for each accuracy."""
    runs = [run(accuracy, seconds, epochs) for accuracy in accuracies]
    return Outcome(label, "2", runs, failed)
