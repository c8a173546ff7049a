"""Trains image classifiers with and without sharpness-aware minimization, and compares them.

    python apps/train_resnet.py --label_noise=0.4 --compare=sgd,sam:0.5 --seeds=0,1,2

trains a small network on scanned digits of which 40 % have a wrong label. Expect about 70 % of
the clean test images for SGD and 95 % for SAM, in a minute on two cores with JAX; TensorFlow and
PyTorch take longer.

    python apps/train_resnet.py --preset=e6 --data_dir=data --workdir=runs/e6

reproduces a row of a published table: the presets are listed below. Any flag of the command comes
before the preset's, so --dataset=cifar100 or --epochs=400 give the row's neighbours. A preset is a
task for a GPU, of an hour (e6) to weeks (e2). With --smoke the same command takes a minute on two
cores, on a small network of the family, few images, and digits where --data_dir is missing.

--compare=sgd,sam:0.5,all compares every method. One that fails or diverges is marked in the
table and does not stop the others; after a failure the app ends with status 1.

--watch=eigenvalues,angle measures sharpness on the way: the numbers join metrics.jsonl, and
<workdir>/lambda_max.png and so on show them over the epochs; --watch=spectrum leaves the densities
in the run's folder and spectra.png.

Each run leaves settings.json, metrics.jsonl (a line per epoch) and model.keras (the plain model,
which loads without keras_sam; Shake-Shake and ShakeDrop have layers of it) in
<workdir>/<method>/seed_<n>/, or error.txt if it failed. The
comparison leaves <workdir>/table.txt, cost.png (test accuracy against the time of a step) and, of
up to 8 methods, curves.png; apps/report.py makes a page of them. The same command with --resume
goes on where it stopped, whatever stopped it, to the same final weights; started several times, it
shares the runs among its processes.
The variable KERAS_BACKEND chooses jax, tensorflow or torch. JAX compiles a method for its first
seed only: <workdir>/.jax_cache keeps it, or the folder of the variable JAX_COMPILATION_CACHE_DIR.
"""

from keras_sam.experiments.flags.command_line import train
from keras_sam.experiments.flags.train_resnet import FLAGS


def main(argv: list[str]) -> None:
    """Runs the command line `argv`, whose first word is the command's name."""
    train(FLAGS, argv, __doc__)
