"""Trains image classifiers with and without sharpness-aware minimization, and compares them.

    python apps/train_resnet.py --label_noise=0.4 --compare=sgd,sam:0.5 --seeds=0,1,2

trains a small network on scanned digits of which 40 % have a wrong label. Expect about 70 % of
the clean test images for SGD and 95 % for SAM, in a minute on two cores with JAX; TensorFlow and
PyTorch take longer.

    python apps/train_resnet.py --dataset=cifar10 --data_dir=data --model=resnet20 \\
        --compare=sgd,sam,asam --epochs=200 --batch_size=128 --learning_rate=0.1 \\
        --weight_decay=0.001 --augment=basic --workdir=runs/resnet20

trains on CIFAR-10, from files that are in --data_dir already: a task for a GPU, in which He et al.
(2016) report 91.25 % for plain training. Some thousand images and a few epochs (--num_train,
--num_test, --epochs) give an impression in some minutes on two cores.

--compare=sgd,sam:0.5,all compares every method. One that fails or diverges is marked in the
table and does not stop the others; after a failure the app ends with status 1.

Each run leaves settings.json, metrics.jsonl (a line per epoch) and model.keras (the plain model,
which loads without keras_sam) in <workdir>/<method>/seed_<n>/, or error.txt if it failed. The
comparison leaves <workdir>/table.txt, cost.png (test accuracy against the time of a step) and, of
up to 8 methods, curves.png. The same command with --resume goes on where it stopped.
The variable KERAS_BACKEND chooses jax, tensorflow or torch. JAX compiles a method for its first
seed only: <workdir>/.jax_cache keeps it, or the folder of the variable JAX_COMPILATION_CACHE_DIR.
"""

import os
import shlex
import sys
from pathlib import Path

from absl import app, flags, logging

FLAGS = flags.FLAGS

flags.DEFINE_string("model", "convnet", "convnet, resnet8 … resnet56, resnet18 or resnet50.")
flags.DEFINE_string("dataset", "digits", "digits (with scikit-learn), cifar10 or cifar100.")
flags.DEFINE_string("data_dir", None, "Folder of cifar-10-batches-py/ or cifar-100-python/.")
flags.DEFINE_string("method", "sam", "sgd (plain training) or a name of keras_sam.methods.list().")
flags.DEFINE_list(
    "compare",
    [],
    "Methods to train instead of --method, each with its own rho after a colon if "
    "it needs one: sgd,sam,sam:0.5. A method with its own rho keeps its runs in sam_rho_0.5. "
    "The word all stands for every method of keras_sam.methods.list() that is not listed.",
)
flags.DEFINE_float("rho", None, "Radius of the perturbation. Default: each method's own.")
flags.DEFINE_float("p", None, "Order of the norm, 1 to inf. Default: each method's own.")
flags.DEFINE_list(
    "method_arguments", [], "Further arguments of the method: steps=3,projection=True."
)
flags.DEFINE_integer("num_batch_splits", None, "Perturb this many parts of a batch separately.")
flags.DEFINE_integer("epochs", 60, "Passes over the training images.")
flags.DEFINE_integer("batch_size", 64, "Images a step.")
flags.DEFINE_string("optimizer", "sgd", "sgd, adam, adamw, rmsprop or lion.")
flags.DEFINE_float("learning_rate", 0.02, "The highest learning rate.")
flags.DEFINE_string(
    "schedule", "cosine", "constant, cosine (to 0), or step (a tenth at 1/2 and at 3/4)."
)
flags.DEFINE_float(
    "momentum", None, "Of sgd and rmsprop. Default: 0.9; 0 where the method has its own."
)
flags.DEFINE_float(
    "weight_decay",
    0.0,
    "Keras's, apart from the gradient: multiply the value of a PyTorch "
    "recipe for SGD by 1 / (1 - momentum).",
)
flags.DEFINE_string("augment", "none", "none or basic (shift, and flip for photographs).")
flags.DEFINE_float("label_noise", 0.0, "Share of training labels to make wrong, in [0, 1).")
flags.DEFINE_list("seeds", ["0"], "Each fixes initial weights, batches and noise: 0,1,2.")
flags.DEFINE_string("mixed_precision", "none", "none, float16 or bfloat16.")
flags.DEFINE_string("jit_compile", "auto", "auto, true or false.")
flags.DEFINE_integer("num_train", None, "Keep this many training images, of all classes alike.")
flags.DEFINE_integer("num_test", None, "Keep this many test images, of all classes alike.")
flags.DEFINE_string("workdir", "runs/train_resnet", "Folder of the results.")
flags.DEFINE_bool("resume", False, "Go on with the runs in --workdir.")
flags.DEFINE_bool("overwrite", False, "Remove the runs in --workdir first.")
flags.DEFINE_integer("verbose", 1, "0 for a line per run, 1 for progress bars, 2 per epoch.", 0, 2)


def main(argv):
    """Trains what the flags ask for; an error of the user's ends it in one line."""
    if len(argv) > 1:
        _fail(f"Options start with two dashes, see --help. Received: {' '.join(argv[1:])}")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.set_verbosity(logging.WARNING)  # Backends tell absl which devices they did not find.
    own = FLAGS.get_key_flags_for_module(sys.modules[__name__])
    options = {flag.name: flag.value for flag in own}
    _keep_compiled(Path(options["workdir"]))
    try:
        # Imported here, so that --help and a mistyped flag need not wait for a backend.
        import _comparison

        comparison = _comparison.plan(options)
    except (ValueError, TypeError, OSError, ImportError) as error:
        _fail(_with_hint(error))
    try:
        failed = _comparison.run(comparison, options, _command(own))
    except KeyboardInterrupt:
        _fail("Stopped. The same command with --resume goes on from the last completed epoch.")
    if failed:
        _fail(
            "Failed, with a traceback in the run's error.txt; the same command with --resume tries "
            f"again: {'; '.join(failed)}"
        )


def parse_flags(argv):
    """Parses the command line; absl alone would answer a mistyped flag in several lines."""
    try:
        return FLAGS(argv)
    except flags.Error as error:
        _fail(error)


def _keep_compiled(workdir):
    """JAX compiles for each new model; from this folder it takes what another seed left there."""
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(workdir.resolve() / ".jax_cache"))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")


def _command(own):
    """The command line to keep beside the results: the flags as given, no path of the machine."""
    import keras

    flags_given = [_without_machine(flag) for flag in own if flag.present]
    script = f"KERAS_BACKEND={keras.backend.backend()} python apps/{Path(__file__).name}"
    return " ".join([script, *map(shlex.quote, flags_given)])


def _without_machine(flag):
    if flag.name in ("data_dir", "workdir") and Path(flag.value).is_absolute():
        return f"--{flag.name}=.../{Path(flag.value).name}"
    return flag.serialize()


def _with_hint(error):
    """Keras names only the module when its backend is missing."""
    if getattr(error, "name", None) in ("jax", "tensorflow", "torch"):
        return (
            f"The backend of Keras is not installed: choose an installed one of jax, tensorflow "
            f"and torch with the variable KERAS_BACKEND. Received: {error}"
        )
    return error


def _fail(error):
    sys.exit(f"{Path(__file__).name}: {' '.join(str(error).split())}")


if __name__ == "__main__":
    app.run(main, flags_parser=parse_flags)
