"""Lets KerasTuner choose the points of a sweep."""

import tempfile

from keras_sam.checks import import_extra
from keras_sam.experiments.sweep.points import Point

TUNERS = {"random": "RandomSearch", "bayesian": "BayesianOptimization"}
SEED = 1  # Of 0, KerasTuner makes a random one.
DIGITS = 4  # Enough to tell values apart, and few enough for the name of a folder.


def search(kind, choices, ranges, trials, measure):
    """Measures the points that a tuner of KerasTuner asks for.

    The tuner's seed is fixed and nothing of it is kept: one that is started again asks for the
    same points, as long as it hears the same of them.

    Args:
        kind: String, a key of `TUNERS`.
        choices: Dictionary from a flag's name to a list of values.
        ranges: Dictionary from a flag's name to `(Range, is_whole)`.
        trials: Integer, how many points to try.
        measure: Function of a `Point` that returns a float, the higher the better.
    """
    tuners = import_extra("keras_tuner", "keras-tuner")

    class Search(getattr(tuners, TUNERS[kind])):
        def run_trial(self, trial, **verbosity):
            try:
                return {"score": measure(_point(trial.hyperparameters, choices, ranges))}
            except Exception as error:  # Any other kind, KerasTuner would keep to itself.
                raise tuners.errors.FatalError from error

    with tempfile.TemporaryDirectory() as folder:
        tuner = Search(
            objective=tuners.Objective("score", "max"),
            max_trials=trials,
            seed=SEED,
            hyperparameters=_space(tuners.HyperParameters(), choices, ranges),
            tune_new_entries=False,
            directory=folder,
        )
        try:
            tuner.search(verbose=0)
        except tuners.errors.FatalError as error:
            raise error.__cause__ or error from None


def _space(space, choices, ranges):
    for name, values in choices.items():
        space.Choice(name, values)
    for name, (limits, is_whole) in ranges.items():
        number, kind = (space.Int, int) if is_whole else (space.Float, float)
        sampling = "log" if limits.is_log else "linear"
        number(name, kind(limits.low), kind(limits.high), sampling=sampling)
    return space


def _point(found, choices, ranges):
    numbers = {
        name: str(found.get(name)) if is_whole else f"{found.get(name):.{DIGITS}g}"
        for name, (_, is_whole) in ranges.items()
    }
    return Point({name: found.get(name) for name in choices} | numbers)
