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

lets Optuna choose what to try; --grid then lists the values it may take.

The choice is the point with the best mean accuracy on the held-out images; of equal ones, that with
the smaller value. A point of which a run failed or diverged is marked and never chosen. The sweep
leaves <workdir>/sweep.txt and sweep.json, each point's runs in <workdir>/points/<flag>=<value>/
(printed.txt has what the app says of them), and the final runs in <workdir>/final/; study.log is
Optuna's journal of it all. The same command with --resume goes on where it stopped, whatever
stopped it; started several times, on machines with a common folder as well, it shares the points
among its processes. --storage=postgresql+psycopg://host/name keeps the trials in a database, where
a point goes back in the queue a minute after the last sign of life of its process. --engine=ray
has the workers of a Ray cluster share the points and the final runs.
"""

from keras_sam.experiments.flags.sweep import start


def main(argv: list[str]) -> None:
    """Runs the command line `argv`, whose first word is the command's name."""
    start(argv, __doc__)
