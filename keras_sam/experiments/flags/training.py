"""The flags that all training apps share."""

from absl import flags


def define(values, **defaults):
    """Defines the shared flags.

    Args:
        values: The app's own `absl.flags.FlagValues`.
        **defaults: The app's defaults: `epochs`, `batch_size`, `learning_rate`, `augment`,
            `dataset`, `workdir` and `weight_decay`.
    """
    for group in (_data, _methods, _optimisation, _watching, _running):
        group(values, defaults)


def _data(values, defaults):
    own = {"flag_values": values}
    flags.DEFINE_string(
        "preset",
        None,
        "A row of the published tables; --help lists them. Flags of the command come first.",
        **own,
    )
    flags.DEFINE_string("dataset", defaults["dataset"], "See keras_sam.datasets.list().", **own)
    flags.DEFINE_string("data_dir", None, "Folder that holds the data set; see the errors.", **own)
    flags.DEFINE_integer(
        "num_train", None, "Keep this many training images, of all classes alike.", **own
    )
    flags.DEFINE_integer(
        "num_test", None, "Keep this many test images, of all classes alike.", **own
    )
    flags.DEFINE_float(
        "holdout", 0.0, "Share of the training images to test on, in place of the test set.", **own
    )
    flags.DEFINE_list(
        "augment",
        defaults["augment"],
        "none, or several of: basic (shift, and flip for photographs), crop (of all sizes, and "
        "flip), cutout, autoaugment, randaugment, mixup, cutmix.",
        **own,
    )
    flags.DEFINE_float("mixup_alpha", 1.0, "How evenly mixup and cutmix mix two images.", **own)
    flags.DEFINE_float("label_noise", 0.0, "Share of training labels to make wrong.", **own)
    flags.DEFINE_string(
        "noise_kind", "symmetric", "symmetric, pair, or class (classes that look alike).", **own
    )


def _methods(values, defaults):
    own = {"flag_values": values}
    flags.DEFINE_string(
        "method", "sam", "sgd (plain training) or a name of keras_sam.methods.list().", **own
    )
    flags.DEFINE_list(
        "compare",
        [],
        "Methods to train instead of --method, each with its own rho after a colon if "
        "it needs one: sgd,sam,sam:0.5. A method with its own rho keeps its runs in sam_rho_0.5. "
        "The word all stands for every method of keras_sam.methods.list() that is not listed.",
        **own,
    )
    flags.DEFINE_float("rho", None, "Radius of the perturbation. Default: each method's.", **own)
    flags.DEFINE_float("p", None, "Order of the norm, 1 to inf. Default: each method's.", **own)
    flags.DEFINE_list(
        "method_arguments",
        [],
        "Further arguments of the method, steps=3,projection=True; of one method of several, "
        "multistep.steps=2.",
        **own,
    )
    flags.DEFINE_integer(
        "num_batch_splits", None, "Perturb this many parts of a batch separately.", **own
    )


def _optimisation(values, defaults):
    own = {"flag_values": values}
    flags.DEFINE_integer("epochs", defaults["epochs"], "Passes over the training images.", **own)
    flags.DEFINE_integer(
        "plain_epochs", None, "Epochs of sgd, as twice as many cost what SAM's do.", **own
    )
    flags.DEFINE_integer("batch_size", defaults["batch_size"], "Images a step.", **own)
    flags.DEFINE_string("optimizer", "sgd", "sgd, adam, adamw, rmsprop or lion.", **own)
    flags.DEFINE_float(
        "learning_rate", defaults["learning_rate"], "The highest learning rate.", **own
    )
    flags.DEFINE_string(
        "schedule",
        "cosine",
        "constant, cosine (to 0), linear (to 0), or step (a tenth at 1/2 and at 3/4).",
        **own,
    )
    flags.DEFINE_float("warmup_epochs", 0.0, "Epochs in which the rate rises from 0.", **own)
    flags.DEFINE_float(
        "momentum", None, "Of sgd and rmsprop. Default: 0.9; 0 where the method has its own.", **own
    )
    flags.DEFINE_bool("nesterov", False, "Nesterov's momentum, for sgd.", **own)
    flags.DEFINE_float(
        "weight_decay",
        defaults["weight_decay"],
        "Keras's, apart from the gradient: multiply the value of a PyTorch "
        "recipe for SGD by 1 / (1 - momentum).",
        **own,
    )
    flags.DEFINE_float("clipnorm", None, "Longest gradient that the optimizer takes.", **own)
    flags.DEFINE_float("label_smoothing", 0.0, "Share of a label spread over classes.", **own)


def _watching(values, defaults):
    own = {"flag_values": values}
    flags.DEFINE_list(
        "watch",
        [],
        "Sharpness to measure during the training, several of: eigenvalues (λ1 and λ1/λ5 of the "
        "Hessian), trace, m_sharpness, adaptive, bound, angle (between the gradients of sam and "
        "of second_order and multistep), spectrum. It changes nothing of the training.",
        **own,
    )
    flags.DEFINE_integer("watch_every", 10, "Epochs between measurements.", **own)
    flags.DEFINE_integer(
        "watch_examples", 512, "Training images to measure on, of all classes alike.", **own
    )
    flags.DEFINE_float(
        "watch_rho", 0.05, "Radius of m_sharpness, bound and angle, for all methods.", **own
    )


def _running(values, defaults):
    own = {"flag_values": values}
    flags.DEFINE_list(
        "seeds", ["0"], "Each fixes initial weights, batches and noise: 0,1,2.", **own
    )
    flags.DEFINE_string("mixed_precision", "none", "none, float16 or bfloat16.", **own)
    flags.DEFINE_string("jit_compile", "auto", "auto, true or false.", **own)
    flags.DEFINE_integer(
        "steps_per_execution", 1, "Steps in one call of a compiled function; not PyTorch.", **own
    )
    flags.DEFINE_string(
        "distribute", "none", "none, or all: every device (JAX, TensorFlow) has a share.", **own
    )
    flags.DEFINE_bool("smoke", False, "Shrink everything to a minute's run on two cores.", **own)
    flags.DEFINE_string("workdir", defaults["workdir"], "Folder of the results.", **own)
    flags.DEFINE_bool(
        "resume",
        False,
        "Go on with the runs in --workdir. The same command, started several times with it, "
        "shares the runs among the processes.",
        **own,
    )
    flags.DEFINE_bool("overwrite", False, "Remove the runs in --workdir first.", **own)
    flags.DEFINE_integer(
        "verbose", 1, "0 for a line per run, 1 for progress bars, 2 per epoch.", 0, 2, **own
    )
