"""What the contract tests must know of single methods; of all others they hold as they are."""

import keras

import keras_sam

NAMES = keras_sam.methods.list()

# Options at which rho = 0 leaves the base optimizer, beside those methods of which it is so anyway.
NEUTRAL = {
    "ao_sam": {"step": 0.0},
    "esam": {"gamma": 1.0},
    "lookahead_sam": {"step": 0.0},
    "lookbehind": {"k": 1, "alpha": 1.0},
    "opt_sam": {"step": 0.0},
    "random_sam": {"sigma": 0.0},
}
# The methods that no setting makes the base optimizer with its logs: bsam has an update of its
# own, and sampa evaluates the batch where plain SGD would go.
NEVER_NEUTRAL = ("bsam", "sampa")
# Methods that draw weights to look at without regard to the gradient: they leave a minimum.
RESTLESS = ("bsam", "det_sam", "frob_sam", "trace_sam")
# Default methods that are SAM on the steps on which they act; no other two are the same.
SAM_WHEN_ACTING = ("late", "mup_sam", "sam")
# Options with which the methods that rest at times do both within three or four steps.
SHORT = {
    "ae_sam": {"l1": -1e9, "l2": -1e9},
    "ao_sam": {"l1": -1e9, "l2": -1e9},
    "fgsm": {"steps": 2},
    "late": {"start": 2},
    "looksam": {"k": 2},
    "lookbehind": {"momentum": 0.5},
    "multistep": {"steps": 2},
    "periodic": {"every": 2},
    "sampa": {"momentum": 0.5},
    "ssam_d": {"update_every": 2},
    "ssam_f": {"update_every": 2, "fisher_samples": 3},
}


def optimizer(method, learning_rate=0.1, **options):
    """SGD with these options, or without them for a method that makes its own update."""
    is_plain = method is not None and method.descent.needs_plain_sgd
    return keras.optimizers.SGD(learning_rate, **({} if is_plain else options))


def short(name):
    """The method with options with which it acts and rests within a few steps."""
    options = SHORT.get(name, {})
    return keras_sam.methods.get(name, **options)
