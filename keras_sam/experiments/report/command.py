"""What the app of the report does: from its flags to the page."""

from pathlib import Path

from keras_sam.experiments.flags import command_line
from keras_sam.experiments.flags.report import FLAGS


def main(argv: list[str], text: str) -> None:
    """Writes the page that the flags ask for; an error of the user's ends it in one line.

    Args:
        argv: List of strings, the command line.
        text: String, the app's help.
    """
    with command_line.listening(argv, "Stopped before the page was written."):
        _main(argv, text)


def _main(argv: list[str], text: str) -> None:
    options = command_line.parse(FLAGS, argv, text)
    try:
        counted, pages = report(options)
    except ModuleNotFoundError as error:
        command_line.fail(argv, f"Install `pip install keras-sam[apps]`. Received: {error}")
    except (ValueError, OSError) as error:
        command_line.fail(argv, error)
    print(f"{counted} runs are in the tables")
    for page in pages:
        print(f"page    {page}")


def report(options: dict) -> tuple[str, list[Path]]:
    """Writes the pages of a report.

    Args:
        options: Dictionary of the report's flags.

    Returns:
        How many runs count, in words, and the list of the pages' paths.

    Raises:
        ValueError: If there are no runs, or one cannot be read.
    """
    # Imported here, so that --help and a mistyped flag need not wait.
    from keras_sam.experiments.report import page
    from keras_sam.experiments.report.across import overview
    from keras_sam.experiments.report.groups import tables
    from keras_sam.experiments.report.sections import HOW_TO_READ, sections
    from keras_sam.experiments.results import export
    from keras_sam.experiments.results.runs import FINISHED, find

    runs = find(_existing(options["runs"]))
    output = Path(options["output"])
    if output.exists() and not output.is_dir():
        raise ValueError(f"The output must be a folder. Received: --output={output}")
    found = tables(runs, _baseline(runs, options["baseline"]))
    experiment = _experiment(options["experiment"])
    parts = overview(found, experiment)
    parts += sections(found, output, experiment, options["weights"])
    counted = sum(run.state == FINISHED for run in runs)
    pages = page.write(parts, options["title"], HOW_TO_READ, output)
    export.write(runs, output)
    return f"{counted} of {len(runs)}", pages


def _existing(folders: list[str]) -> list[str]:
    if not folders:
        raise ValueError("Name folders with runs, as in --runs=runs/e6. Received: no --runs")
    for folder in folders:
        if not Path(folder).is_dir():
            raise ValueError(f"There is no such folder. Received: --runs={folder}")
    return folders


def _baseline(runs: list, name: str | None) -> str | None:
    methods = sorted({run.settings["method"] for run in runs})
    if name is None:
        return "sgd" if "sgd" in methods else None
    if name not in methods:
        raise ValueError(
            f"The baseline must be a method of the runs: {', '.join(methods)}. "
            f"Received: --baseline={name}"
        )
    return name


def _experiment(name: str | None) -> str | None:
    from keras_sam.experiments.report.published import READINGS

    if name is not None and name.lower() not in READINGS:
        raise ValueError(
            f"The experiment must be one of {', '.join(READINGS)}. Received: --experiment={name}"
        )
    return name and name.lower()
