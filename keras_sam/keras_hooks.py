"""What `SAMModel` needs of Keras's trainer beyond its public face, in one place."""

import contextlib

import keras

# What `compile` leaves on a model, and an override of `compute_loss` that calls `super()` reads.
COMPILED_STATE = (
    "_compile_loss",
    "_compile_metrics",
    "_loss_tracker",
    "compiled",
    "loss",
    "optimizer",
)


def layers_of(model):
    """All layers of a model, also those inside of layers, in their order."""
    return list(model._flatten_layers())


def overrides(model, name):
    """Whether the class of `model` brings its own version of a method of `keras.Model`."""
    return getattr(type(model), name) is not getattr(keras.Model, name)


def check_model(model):
    """Refuse what is not a Keras model, or one whose own training would be skipped."""
    if not isinstance(model, keras.Model):
        raise TypeError(
            "model must be a keras.Model; wrap a layer in keras.Sequential first. "
            f"Received: model={model!r}"
        )
    if getattr(model, "preprocessor", None) is not None:
        raise ValueError(
            "SAMModel calls the model directly and would skip its preprocessor. Wrap a model of "
            "the task's backbone and a head, or map task.preprocessor over the data and set "
            f"task.preprocessor = None. Received: model={model.name!r}"
        )
    if overrides(model, "train_step"):
        raise ValueError(
            "SAMModel brings its own train_step, and the model's would be skipped. Put what is "
            "special about its training into compute_loss, which is kept; of a SAMModel, wrap "
            f"the base_model. Received: model={model.name!r} of class {type(model).__name__}"
        )


@contextlib.contextmanager
def lent(lender, borrower):
    """Lets `borrower` compute losses and metrics with what `lender` was compiled with."""
    own = {name: vars(borrower)[name] for name in COMPILED_STATE if name in vars(borrower)}
    # Past `__setattr__`, which would track the lender's metrics as the borrower's own.
    vars(borrower).update({name: getattr(lender, name, None) for name in COMPILED_STATE})
    try:
        yield borrower
    finally:
        for name in COMPILED_STATE:
            vars(borrower).pop(name, None)
        vars(borrower).update(own)


def compile_arguments(model):
    """Arguments to compile another model as `model` was: its settings, without its state."""
    arguments = dict(model._compile_config.config)
    arguments["auto_scale_loss"] = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    return keras.tree.map_structure(_fresh, arguments)


def _fresh(part):
    """A new optimizer or metric with the settings of `part`; anything else as it is."""
    if isinstance(part, keras.optimizers.Optimizer | keras.metrics.Metric):
        return type(part).from_config(part.get_config())
    return part


def build_compiled(model, batch, predictions):
    """Lets a compiled model make the trackers of its loss; metrics and optimizer stay unbuilt.

    Args:
        model: The compiled `keras.Model`.
        batch: `(x, y, sample_weight)`.
        predictions: Those of the model for the batch.
    """
    model._compile_loss.build(batch[1], predictions)
