"""Trains a published table, cell by cell, and makes the report of it.

    python apps/reproduce.py --table=e1 --data_dir=data --workdir=runs/e1

trains each cell of the table (network, data, augmentation, noise and so on, as --list shows them)
in a folder of its own, tells before each cell what is done and how long the rest takes, and ends
with <workdir>/report/report.html: our figures with intervals, the published ones beside. Expect
days to weeks on a GPU; --only=wrn28_10/cifar10 chooses cells by parts of their names.

    python apps/reproduce.py --table=e4 --budget=small --data_dir=data --workdir=runs/e4_small

trains the table in kind, in half an hour or so of one core on JAX: a small network to its end on
few images, five seeds or three. There each method is a cell of its own: plain training's learning
rate is chosen on held-out training images, then each method's rho at that rate, and other seeds on
all training images give the figures. That of e3 starts from --weights=mobilenet=FILE, or Keras's
weights by the internet. With --smoke any table takes minutes: few cells, in which each value of
each axis occurs, scaled down, and digits where --data_dir is left out.

    python apps/reproduce.py --table=methods --workdir=runs/methods

compares all methods of the registry: each has eight trials of its own settings on held-out digits,
then five fresh seeds. --table=methods_cifar10 repeats that for eight of them on small photographs,
--table=long_tail has the methods for rare classes; each takes an hour or two of one core.

A run that fails or diverges is marked and does not stop the others; after a failure the app ends
with status 1. The same command with --resume goes on where it stopped, whatever stopped it; started
several times, on machines with a common folder as well, it shares the runs among the processes.
"""

from keras_sam.experiments.flags.reproduce import start


def main(argv: list[str]) -> None:
    """Runs the command line `argv`, whose first word is the command's name."""
    start(argv, __doc__)
