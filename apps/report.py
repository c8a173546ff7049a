"""Makes one page of tables and figures from the folders of finished runs.

    python apps/report.py --runs=runs/e6,runs/e4 --output=report --title="SAM on CIFAR-10"

searches runs/e6 and runs/e4 for <method>/seed_<n>/ as train_resnet.py leaves them, and writes
report/report.md with its figures beside it and report/report.html, one file to read, to print and
to send. Expect a table for each network and data set (mean ± 95 % interval over the seeds, the
difference to --baseline on the same seeds, published figures beside), curves with bands, accuracy
over training time, and results over rho, label noise and batch size where these vary. It takes a
second or two for each figure and reads no data set.

    python apps/report.py --runs=runs/e8 --output=report --experiment=e8 --weights

puts the figures of experiment e8 beside the runs, even if their network is another one, and draws
the weights of each first convolution: that loads the models with Keras and takes some seconds more.

Runs that are unfinished, failed or diverged are named and are in no mean.
"""

import sys
from pathlib import Path

from absl import flags

from keras_sam.experiments.flags import command_line as _command_line

FLAGS = flags.FlagValues()

flags.DEFINE_list("runs", [], "Folders to search for runs, at any depth.", flag_values=FLAGS)
flags.DEFINE_string("output", "report", "Folder of the page.", flag_values=FLAGS)
flags.DEFINE_string("title", "Runs", "Title of the page.", flag_values=FLAGS)
flags.DEFINE_string(
    "baseline", None, "Method to compare with. Default: sgd, where it is.", flag_values=FLAGS
)
flags.DEFINE_string(
    "experiment",
    None,
    "e1 to e10: whose published figures to show. Default: as the runs' presets and settings say.",
    flag_values=FLAGS,
)
flags.DEFINE_bool(
    "weights", False, "Draw the weights of the first convolutions.", flag_values=FLAGS
)


def main(argv):
    """Writes the page that the flags ask for; an error of the user's ends it in one line."""
    options = _command_line.parse(FLAGS, argv, __doc__)
    try:
        # Imported here, so that --help and a mistyped flag need not wait.
        from keras_sam.experiments.results import runs as _report_runs

        runs = _report_runs.find(_existing(options["runs"]))
        pages = _write(runs, options)
    except ModuleNotFoundError as error:
        _command_line.fail(argv, f"Install `pip install keras-sam[apps]`. Received: {error}")
    except (ValueError, OSError) as error:
        _command_line.fail(argv, error)
    counted = sum(run.state == _report_runs.FINISHED for run in runs)
    print(f"{counted} of {len(runs)} runs are in the tables")
    for page in pages:
        print(f"page    {page}")


def _write(runs, options):
    from keras_sam.experiments.report import groups as _report_groups
    from keras_sam.experiments.report import page as _page
    from keras_sam.experiments.report import sections as _report_sections
    from keras_sam.experiments.results.workdir import write_whole

    output = Path(options["output"])
    if output.exists() and not output.is_dir():
        raise ValueError(f"The output must be a folder. Received: --output={output}")
    tables = _report_groups.tables(runs, _baseline(runs, options["baseline"]))
    experiment = _experiment(options["experiment"])
    blocks = _report_sections.sections(tables, output, experiment, options["weights"])
    return _page.write(blocks, options["title"], output, write_whole)


def _existing(folders):
    if not folders:
        raise ValueError("Name folders with runs, as in --runs=runs/e6. Received: no --runs")
    for folder in folders:
        if not Path(folder).is_dir():
            raise ValueError(f"There is no such folder. Received: --runs={folder}")
    return folders


def _baseline(runs, name):
    methods = sorted({run.settings["method"] for run in runs})
    if name is None:
        return "sgd" if "sgd" in methods else None
    if name not in methods:
        raise ValueError(
            f"The baseline must be a method of the runs: {', '.join(methods)}. "
            f"Received: --baseline={name}"
        )
    return name


def _experiment(name):
    from keras_sam.experiments.report.published import READINGS

    if name is not None and name.lower() not in READINGS:
        raise ValueError(
            f"The experiment must be one of {', '.join(READINGS)}. Received: --experiment={name}"
        )
    return name and name.lower()


if __name__ == "__main__":
    main(sys.argv)
