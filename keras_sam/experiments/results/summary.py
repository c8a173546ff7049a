"""The table and the figures that a comparison leaves in its work directory."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from keras_sam.experiments.results import afterwards, corruptions, export
from keras_sam.experiments.results.outcomes import Outcome, outcomes
from keras_sam.experiments.results.table import table

if TYPE_CHECKING:
    from keras_sam.experiments.training.features import Probe
    from keras_sam.experiments.training.planning import Comparison

MOST_CURVES = 8  # Methods; with more, lines over the epochs hide each other.


def report(
    comparison: "Comparison",
    headline: str,
    title: str,
    command: str,
    floor: "Probe | None" = None,
) -> tuple[str, list[Path]]:
    """Writes the table and the figures of the finished runs.

    Args:
        comparison: A `Comparison`.
        headline: String, what was trained on what.
        title: String over the table and the figures.
        command: String, the command line that made the runs.
        floor: The `Probe` that fine-tuning has to pass. Defaults to `None`, where none was made.

    Returns:
        `(text, paths)`: the table, and the list of the files written.
    """
    found = outcomes(comparison.runs)
    parts = [table(found, None if floor is None else floor.accuracy), corruptions.table(found)]
    parts += afterwards.tables(found)
    if floor is not None:
        parts.append(floor.text)
    text = "\n\n".join(filter(None, parts))
    path = comparison.workdir / "table.txt"
    path.write_text(f"{command}\n\n{headline}\n{title}\n\n{text}\n", encoding="utf-8")
    data = export.write([run for outcome in found for run in outcome.runs], comparison.workdir)
    drawn = figures(found, title, comparison.workdir, comparison.options["watch"])
    return text, [path, *data, *drawn]


def figures(
    found: list[Outcome], title: str, workdir: Path, watch: Sequence[str] = ()
) -> list[Path]:
    """Draws the outcomes that have finished runs.

    Args:
        found: List of `Outcome`.
        title: String over the figures.
        workdir: Path of the folder to write to.
        watch: What the trainings measured of their sharpness. Defaults to nothing.

    Returns:
        List of the paths written.
    """
    # Imported here: who plans a training has looked whether Matplotlib is there.
    import matplotlib.style

    from keras_sam.experiments.results import afterwards_figure, cost, curves, watched

    trained = [outcome for outcome in found if outcome.finished]
    timed = [outcome for outcome in trained if outcome.step_time is not None]
    paths = []
    with matplotlib.style.context("keras_sam.figures"):
        if trained and (len(trained) <= MOST_CURVES or not timed):
            paths.append(workdir / "curves.png")
            curves.draw({outcome.label: outcome for outcome in trained}, title, paths[-1])
        if timed:
            paths.append(workdir / "cost.png")
            cost.draw(timed, title, paths[-1])
        paths += afterwards_figure.draw(trained, title, workdir)
        if watch and trained:
            paths += watched.draw(trained, title, workdir)
    return paths
