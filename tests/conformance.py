"""What the tests of all methods must know of single ones, from the registry and from the parts."""

import keras

import keras_sam
from keras_sam import keras_hooks
from keras_sam.ascent import FrozenNoiseAscent, PrecisionAscent, RandomAscent

ROWS = {row.name: row for row in keras_sam.methods.list(detail=True)}
NAMES = list(ROWS)
METHODS = {name: row.factory() for name, row in ROWS.items()}

# The methods that no setting makes the base optimizer with its logs: bsam has an update of its
# own, and sampa evaluates the batch where plain SGD would go.
NEVER_NEUTRAL = [name for name, row in ROWS.items() if row.neutral is None]
# Methods that draw weights to look at without regard to the gradient: they leave a minimum.
RESTLESS = [
    name
    for name, method in METHODS.items()
    if isinstance(method.ascent, FrozenNoiseAscent | RandomAscent | PrecisionAscent)
]
# They perturb the weights under adapters of LoRA, and refuse a model without: see `suited`.
OF_LORA = [name for name, method in METHODS.items() if method.ascent.needs_adapters]
# They ask for the outputs, of which a `SAMStep` knows nothing.
OF_OUTPUTS = [name for name, method in METHODS.items() if method.descent.needs_outputs]
# They evaluate the batch at random weights alone: so are BatchNorm's statistics, at any gradient.
NEVER_CLEAN = [
    name for name, method in METHODS.items() if method.is_random and method.ascent.is_one_pass
]
# Default methods that are SAM on the steps on which they act; no other two are the same.
SAM_WHEN_ACTING = ("imb_sam", "late", "mup_sam", "sam")
# They draw numbers, or use the whole batch before: parts of a batch are not the batch.
NOT_IN_PARTS = [
    name for name, method in METHODS.items() if method.is_random or method.descent.needs_last_batch
]


def optimizer(method, learning_rate=0.1, **options):
    """SGD with these options, or without them for a method that makes its own update."""
    is_plain = method is not None and method.descent.needs_plain_sgd
    return keras.optimizers.SGD(learning_rate, **({} if is_plain else options))


def short(name):
    """The method with options with which it acts and rests within a few steps."""
    return keras_sam.methods.get(name, **ROWS[name].brief)


def suited(name, model):
    """`model`; where the method asks for LoRA, with adapters in all layers that train."""
    for layer in keras_hooks.layers_of(model) if name in OF_LORA else ():
        if layer.trainable and hasattr(layer, "enable_lora"):
            layer.enable_lora(2)
    return model
