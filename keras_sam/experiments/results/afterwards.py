"""Tables of what networks do once they were changed, and on classes of few training images."""

from keras_sam.experiments.results import evaluated
from keras_sam.experiments.results.evaluated import CLASS_SIZES, COMPRESSED, SECOND_TASK
from keras_sam.experiments.results.outcomes import Outcome, plain
from keras_sam.experiments.results.statistics import estimate, paired_difference
from keras_sam.experiments.results.table import aligned, spread

TITLES = {
    COMPRESSED: "compressed",
    SECOND_TASK: "after a second task",
    CLASS_SIZES: "by training images of a class",
}
AS_TRAINED = "as trained"
Errors = dict[str, dict[int, float]]  # From what was done to the error in percent of each seed.


def errors(outcome: Outcome, name: str) -> Errors:
    """The errors of a method's finished runs that were changed, `"as trained"` first.

    Args:
        outcome: An `Outcome`.
        name: String, one of `TITLES`.

    Returns:
        Dictionary from what was done to a dictionary from the seed to the error in percent; empty
        where no run was tested so.
    """
    tested = {run: evaluated.read(run.path).get(name) for run in outcome.finished}
    found: Errors = {}
    for run, kinds in tested.items():
        if kinds:
            found.setdefault(AS_TRAINED, {})[run.seed] = run.numbers["error"]
            for kind, (error,) in kinds.items():
                found.setdefault(kind, {})[run.seed] = 100 * error
    return found


def errors_by_method(found: list[Outcome], name: str) -> dict[str, Errors]:
    """The errors of each method with runs that were changed, by its label.

    Args:
        found: List of `Outcome`.
        name: String, one of `TITLES`.

    Returns:
        Dictionary from a label to what `errors` returns; empty where no run was tested so.
    """
    every = {one.label: errors(one, name) for one in found}
    return {label: of_one for label, of_one in every.items() if of_one}


def tables(found: list[Outcome]) -> list[str]:
    """Aligned tables: for each change the errors, and how far they rose by it; those of classes.

    Beside the methods is what each has more than plain training on the same seeds, with the
    interval of these differences.

    Args:
        found: List of `Outcome`.

    Returns:
        List of strings; empty where no network was changed.
    """
    texts = []
    for name, title in TITLES.items():
        if every := errors_by_method(found, name):
            reference = plain(found)
            against = reference.label if reference and reference.label in every else None
            risen = {label: _rises(of_one) for label, of_one in every.items()}
            texts.append(_table(f"error {title}, %", every, against))
            if name != CLASS_SIZES:
                texts.append(_table(f"rise of the error {title}, points", risen, against))
    return texts


def _rises(of_one: Errors) -> Errors:
    before = of_one[AS_TRAINED]
    return {
        kind: {seed: error - before[seed] for seed, error in seeds.items()}
        for kind, seeds in of_one.items()
        if kind not in (AS_TRAINED, "second task")  # Which had not been trained on before.
    }


def _table(title: str, every: dict[str, Errors], against: str | None) -> str:
    kinds = list(dict.fromkeys(kind for of_one in every.values() for kind in of_one))
    columns = {title: kinds}
    for label, own in every.items():
        columns[label] = [spread(own.get(kind, {}).values(), 1) for kind in kinds]
    for label, own in every.items():
        if against is not None and label != against:
            of = every[against]
            columns[f"{label} − {against}"] = [
                _difference(own.get(kind, {}), of.get(kind, {})) for kind in kinds
            ]
    return aligned(columns)


def _difference(values: dict[int, float], reference: dict[int, float]) -> str:
    found = paired_difference(values, reference)
    return "-" if found is None else found.text(1, signed=True)


def means(of_one: Errors) -> dict[str, tuple[float, float]]:
    """For each change the mean error and half the width of its interval, 0 with one seed."""
    found = {kind: estimate(seeds.values()) for kind, seeds in of_one.items()}
    return {kind: (one.mean, one.half_width or 0.0) for kind, one in found.items() if one}
