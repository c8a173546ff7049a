"""Chooses flags of a training app on held-out images, then trains with the choice.

    python apps/sweep.py --grid=rho=0.05,0.1,0.2,0.5 --workdir=runs/sweep -- \\
        --label_noise=0.4 --method=sam --epochs=30

trains a small network on noisy digits with each rho, tests on a tenth of the training images and
then trains with the best rho on all of them, with fresh seeds, for the figures to report. What
follows -- is for the app (--app=train_resnet or finetune_efficientnet): presets, --flagfile and
all. Expect as many minutes as the app takes for (points x sweep seeds + final seeds) runs: here 11
runs, two or three minutes on two cores with JAX.

    python apps/sweep.py --grid=rho=0.01,0.02,0.05,0.1,0.2,0.5 --grid=learning_rate=0.05,0.1 \\
        --sweep_seeds=0 --final_seeds=10,11,12,13,14 --workdir=runs/sweep -- \\
        --preset=e1_wrn28_10 --method=sam --data_dir=data

is how the papers choose, a task for a GPU. Any flag can have a --grid; several make all
combinations. A method at a time: sweep each into a --workdir of its own, and compare the final runs
with apps/report.py --runs=runs/sweep_sgd/final,runs/sweep_sam/final.

    python apps/sweep.py --tuner=bayesian --range=rho=0.01:0.5:log --trials=12 -- --method=sam

lets KerasTuner choose what to try; --grid then lists the values it may take.

The choice is the point with the best mean accuracy on the held-out images; of equal ones, that with
the smaller value. A point of which a run failed or diverged is marked and never chosen. The sweep
leaves <workdir>/sweep.txt and sweep.json, each point's runs in <workdir>/points/<flag>=<value>/
(printed.txt has what the app says of them), and the final runs in <workdir>/final/. The same
command with --resume goes on where it stopped, whatever stopped it.
"""

import sys
from typing import Any

from absl import flags

from keras_sam.experiments.flags import command_line as _command_line

FLAGS = flags.FlagValues()
OWN: dict[str, Any] = {"flag_values": FLAGS}
flags.DEFINE_enum(
    "app", "train_resnet", ["train_resnet", "finetune_efficientnet"], "What to sweep.", **OWN
)
flags.DEFINE_multi_string(
    "grid",
    [],
    "flag=value,value,…; where values have commas themselves, augment=none;basic,cutout.",
    **OWN,
)
flags.DEFINE_enum(
    "tuner", "grid", ["grid", "random", "bayesian"], "grid, or a search of KerasTuner.", **OWN
)
flags.DEFINE_multi_string(
    "range", [], "flag=low:high or flag=low:high:log, of a number, for KerasTuner.", **OWN
)
flags.DEFINE_integer("trials", 10, "Points that KerasTuner tries.", 1, **OWN)
flags.DEFINE_float("holdout", 0.1, "Share of the training images to choose on.", **OWN)
flags.DEFINE_list("sweep_seeds", ["0", "1"], "Seeds of each point.", **OWN)
flags.DEFINE_list(
    "final_seeds",
    ["10", "11", "12"],
    "Seeds of the final runs, other ones; none (--final_seeds=) to choose only.",
    **OWN,
)
flags.DEFINE_bool("smoke", False, "Shrink each run, as the app's flag does.", **OWN)
flags.DEFINE_string("workdir", "runs/sweep", "Folder of the results.", **OWN)
flags.DEFINE_bool("resume", False, "Go on with the sweep in --workdir.", **OWN)
flags.DEFINE_bool("overwrite", False, "Remove the sweep in --workdir first.", **OWN)


def main(argv):
    """Sweeps as the flags ask; an error of the user's ends it in one line."""
    end = argv.index("--") if "--" in argv else len(argv)
    options = _command_line.parse(FLAGS, argv[:end], __doc__)
    _command_line.keep_compiled(options["workdir"])
    try:
        # Imported here, so that --help and a mistyped flag need not wait for a backend.
        from keras_sam.experiments.sweep.request import Request
        from keras_sam.experiments.sweep.running import Sweep

        request = Request(options, argv[0], argv[end + 1 :])
        command = [_command_line.command(FLAGS, argv), "--", *request.app_flags]
        with _command_line.stops_explained(argv):
            failed = Sweep(request, " ".join(command)).run()
    except (ValueError, TypeError, OSError, ImportError) as error:
        _command_line.fail(argv, error)
    _command_line.report_failed(argv, failed)


if __name__ == "__main__":
    main(sys.argv)
