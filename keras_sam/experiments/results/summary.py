"""The table and the figures that a comparison leaves in its work directory."""

from keras_sam.experiments.results import cost as _cost
from keras_sam.experiments.results import curves as _curves
from keras_sam.experiments.results import watched as _watched
from keras_sam.experiments.results.outcomes import outcomes
from keras_sam.experiments.results.table import table

MOST_CURVES = 8  # Methods; with more, lines over the epochs hide each other.


def report(comparison, headline, title, command):
    """Writes the table and the figures of the finished runs.

    Args:
        comparison: A `Comparison`.
        headline: String, what was trained on what.
        title: String over the table and the figures.
        command: String, the command line that made the runs.

    Returns:
        `(text, paths)`: the table, and the list of the files written.
    """
    found = outcomes(comparison.runs)
    text = table(found)
    path = comparison.workdir / "table.txt"
    path.write_text(f"{command}\n\n{headline}\n{title}\n\n{text}\n", encoding="utf-8")
    paths = [path, *_figures(found, title, comparison.workdir)]
    trained = [outcome for outcome in found if outcome.runs]
    if comparison.options["watch"] and trained:
        paths += _watched.draw(trained, comparison.runs, title, comparison.workdir)
    return text, paths


def _figures(found, title, workdir):
    trained = [outcome for outcome in found if outcome.runs]
    timed = [outcome for outcome in trained if outcome.step_time is not None]
    paths = []
    if trained and (len(trained) <= MOST_CURVES or not timed):
        paths.append(workdir / "curves.png")
        _curves.draw({outcome.label: outcome.runs for outcome in trained}, title, paths[-1])
    if timed:
        paths.append(workdir / "cost.png")
        _cost.draw(timed, title, paths[-1])
    return paths
