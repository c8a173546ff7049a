"""All that is relied on beyond Keras's public face, in one place.

What is PyTorch's alone is in `backend/torch_kernels.py`: the backend may not know this file, which
is built upon it.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

from keras_sam.backend.types import ModelMixin
from keras_sam.tensors import Batch, Nested, Tensor
from keras_sam.training.last_batch import spec_of

# What `compile` leaves on a model, and an override of `compute_loss` that calls `super()` reads.
COMPILED_STATE = (
    "_compile_loss",
    "_compile_metrics",
    "_jit_compile",
    "_loss_tracker",
    "_run_eagerly",
    "compiled",
    "loss",
    "optimizer",
    "steps_per_execution",
)


def overrides(model: keras.Model, name: str) -> bool:
    """Whether the class of `model` brings its own version of a method of `keras.Model`."""
    return getattr(type(model), name) is not getattr(keras.Model, name)


@contextlib.contextmanager
def lent(lender: keras.Model, borrower: keras.Model) -> Iterator[keras.Model]:
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


@contextlib.contextmanager
def last_part(model: keras.Model, name: str, part: Any) -> Iterator[None]:
    """Lets `model` save and load `part` after all its own parts, under `name` in its files.

    Keras visits attributes by name, and those that start with `~` after all that a program has.
    """
    attribute = f"~{name}"
    vars(model)[attribute] = part  # Past `__setattr__`, which would track it.
    try:
        yield
    finally:
        del vars(model)[attribute]


def loss_of(
    model: keras.Model, x: Nested, y: Nested, y_pred: Tensor, sample_weight: Nested, training: bool
) -> Tensor:
    """The loss by a model's own `compute_loss`, without `training` where that does not take it."""
    return model._compute_loss(x, y, y_pred, sample_weight, training)


def compile_arguments(model: keras.Model) -> dict[str, Any]:
    """Arguments to compile another model as `model` was: its settings, without its state."""
    arguments = dict(model._compile_config.config)
    arguments["auto_scale_loss"] = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    return keras.tree.map_structure(_fresh, arguments)


def is_compiled(model: keras.Model) -> bool:
    """Whether `compile` was called; of a loaded model with its own, Keras says so too early."""
    return model.compiled and hasattr(model, "_compile_config")


def optimizer_given(model: keras.Model) -> Any:
    """What `model` was compiled with as its optimizer."""
    return model._compile_config.config["optimizer"]


def serialized(arguments: dict[str, Any]) -> dict[str, Any]:
    """Arguments of a `compile` as `keras.saving.deserialize_keras_object` reads them."""
    return {key: keras.saving.serialize_keras_object(value) for key, value in arguments.items()}


def _fresh(part: Any) -> Any:
    """A new optimizer or metric with the settings of `part`; anything else as it is."""
    if isinstance(part, keras.optimizers.Optimizer | keras.metrics.Metric):
        return type(part).from_config(part.get_config())
    return part


def has_unbuilt_loss(model: keras.Model) -> bool:
    """Whether a compiled model has yet to make the trackers of its loss."""
    loss = getattr(model, "_compile_loss", None)
    return loss is not None and not loss.built


def build_compiled(model: keras.Model, batch: Batch, predictions: Tensor) -> None:
    """Lets a compiled model make the trackers of its loss; metrics and optimizer stay unbuilt.

    Args:
        model: The compiled `keras.Model`.
        batch: `(x, y, sample_weight)`.
        predictions: Those of the model for the batch.
    """
    model._compile_loss.build(batch[1], predictions)


def has_strategy(model: keras.Model) -> bool:
    """Whether a model was made under a strategy of TensorFlow, be it of one replica."""
    return getattr(model, "_distribute_strategy", None) is not None


def refuse_replicas(model: keras.Model, what: str) -> None:
    """Refuses several replicas of TensorFlow's for what is of all of them.

    Args:
        model: The `keras.Model`.
        what: String, what is not for replicas.

    Raises:
        ValueError: With what to use instead.
    """
    strategy = getattr(model, "distribute_strategy", None)
    if strategy is not None and strategy.num_replicas_in_sync > 1:
        raise ValueError(
            f"With tf.distribute each replica has a batch of its own, which rules out {what}; "
            "train on one device, or on JAX with keras.distribution. "
            f"Received: {strategy.num_replicas_in_sync} replicas"
        )


def refuse_workers(model: keras.Model) -> None:
    """Refuses a strategy of TensorFlow's over several processes, whose batches `fit` cannot take.

    Args:
        model: The `keras.Model`.

    Raises:
        ValueError: With what to use instead.
    """
    strategy = getattr(model, "distribute_strategy", None)
    cluster = getattr(strategy, "cluster_resolver", None)
    tasks = cluster.cluster_spec().as_dict().values() if cluster else ()
    workers = sum(map(len, tasks))
    if workers > 1:
        raise ValueError(
            "Keras 3 does not train over several processes of TensorFlow: use "
            "tf.distribute.MirroredStrategy for the devices of one, or train with "
            "KERAS_BACKEND=jax and keras.distribution, or with KERAS_BACKEND=torch and torchrun. "
            f"Received: {type(strategy).__name__} of {workers} workers"
        )


def layers_of(model: keras.Model) -> list[keras.layers.Layer]:
    """All layers of a model, also those inside of layers, in their order.

    Keras has no public way to the layers of a composite layer.

    Args:
        model: A built `keras.Model`.

    Returns:
        List of `keras.layers.Layer`.
    """
    return list(model._flatten_layers())


def has_inside(model: keras.Model, kind: type) -> bool:
    """Whether a layer inside of `model` is of a class."""
    return any(isinstance(layer, kind) for layer in layers_of(model))


def own_variables(layer: keras.layers.Layer) -> list[keras.Variable]:
    """The variables that a layer itself has made, without those of layers inside it."""
    return [*layer._trainable_variables, *layer._non_trainable_variables]


def adapted_layer(variable: keras.Variable, layer: Any) -> keras.layers.Layer | None:
    """`layer`, if the variable is one of its adapters of LoRA, over a weight that is frozen."""
    is_adapter = getattr(layer, "lora_enabled", False) and variable.name.startswith("lora_")
    weight = frozen_weight(layer) if is_adapter else None
    # All of a model may have been made trainable again.
    return None if not is_adapter or getattr(weight, "trainable", False) else layer


def frozen_weight(layer: keras.layers.Layer) -> keras.Variable | None:
    """The weight that the adapters of a layer are merged into; `None` if it is none of Keras's."""
    return getattr(layer, "_kernel", getattr(layer, "_embeddings", None))


def merged_weight(layer: keras.layers.Layer) -> Tensor:
    """That weight plus the product of the adapters, as the layer computes with it."""
    return layer.kernel if hasattr(layer, "_kernel") else layer.embeddings


def _element_of(iterator: Any) -> Nested:
    """Shapes and dtypes of the batches of TensorFlow's epoch iterator, without taking one."""
    spec = iterator._get_iterator().element_spec
    return keras.tree.map_structure(lambda part: part if hasattr(part, "shape") else None, spec)


class MakesVariables(ModelMixin):
    """Makes all variables before the first step, those that hold the batch before included."""

    _is_evaluating = False
    batches_an_epoch: int | None = None  # Of the data that `fit` has; `None` where nobody knows.

    @property
    def is_ready(self) -> bool:
        """Whether the model and all that it was compiled with have their variables."""
        parts = (self.base_model, self._compile_loss, self._compile_metrics, self.optimizer)
        return all(part is None or part.built for part in parts)

    def make_variables(self, data_batch: Nested) -> None:
        """Makes what is missing, from the shapes of a batch."""
        keras.Model._symbolic_build(self, data_batch=data_batch)

    def track_loss(self, loss: Tensor, size: int | Tensor) -> None:
        """Counts a batch's loss in the mean that Keras shows as `loss`."""
        self._loss_tracker.update_state(loss, sample_weight=size)

    def _symbolic_build(self, iterator: Any = None, data_batch: Nested = None) -> None:
        self.batches_an_epoch = None if iterator is None else iterator.num_batches
        if self._wants_batch() and data_batch is None:
            data_batch = self._peek(iterator)
        super()._symbolic_build(iterator, data_batch)
        if self._wants_batch():
            self._prepare_last_batch(data_batch)

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Nested = None) -> None:
        super()._maybe_symbolic_build(iterator, data_batch)
        if not (self.is_ready or self._is_evaluating):
            # TensorFlow traces a step twice that makes variables on its way: they come before it.
            self._make_variables_of(data_batch if iterator is None else _element_of(iterator))
        if self._wants_batch():
            self._prepare_last_batch(self._peek(iterator) if data_batch is None else data_batch)

    def _make_variables_of(self, batch: Nested) -> None:
        parts = [part for part in keras.tree.flatten(batch) if part is not None]
        # Neither lists of numbers, nor what several replicas share.
        if parts and all(hasattr(part, "shape") for part in parts):
            self.make_variables(batch)

    def _wants_batch(self) -> bool:
        return self.method.descent.needs_last_batch and not self._is_evaluating

    def _peek(self, iterator: Any) -> Nested:
        """The first batch of a Keras epoch iterator."""
        for _, _, batches_or_iterator in iterator:
            if isinstance(batches_or_iterator, list | tuple):
                return batches_or_iterator[0]
            return next(batches_or_iterator)
        return None

    def _prepare_last_batch(self, data_batch: Nested) -> None:
        refuse_replicas(self, f"keeping a batch, as the method {self.method.name!r} does")
        if self.base_model.built:
            self._prepare()  # Slots come first, as where a file is loaded.
        batch = keras.utils.unpack_x_y_sample_weight(data_batch)
        if self.memory.prepare_batch(spec_of(batch)):
            self.train_function = None  # It was made for other variables.
