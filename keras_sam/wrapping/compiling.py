"""A base model with a `compile` of its own: it is called, and what Keras makes of it taken over."""

import inspect
from typing import Any

import keras

from keras_sam import checks, keras_hooks
from keras_sam.backend.types import ModelMixin, documented_as
from keras_sam.keras_hooks import overrides
from keras_sam.wrapping.arguments import named
from keras_sam.wrapping.saving import portable


class Compiling(ModelMixin):
    """Compiles through the base model where it has a way of its own, and saves how."""

    base_model: keras.Model
    # What the base model's own `compile` was given.
    _own_arguments: dict[str, Any] | None = None

    @documented_as(keras.Model.compile)
    def compile(self, *args: Any, **kwargs: Any) -> None:
        keras_hooks.refuse_workers(self)
        if not overrides(self.base_model, "compile"):
            super().compile(*args, **kwargs)
            return
        given = _bound(self.base_model, args, kwargs)
        self.base_model.compile(**given)
        if not self.base_model.compiled:
            raise ValueError(
                "The model's own compile must call super().compile(...), with the optimizer at "
                f"least. Received: a class {type(self.base_model).__name__} that does not"
            )
        self._adopt(keras_hooks.optimizer_given(self.base_model))
        self._own_arguments = given

    def _adopt(self, optimizer: Any = None) -> None:
        """Compiles this as the base model is, with this optimizer or a new one of its settings."""
        arguments = keras_hooks.compile_arguments(self.base_model)
        if optimizer is not None:
            arguments["optimizer"] = optimizer
        super().compile(**arguments)

    def _base_config(self) -> dict[str, Any]:
        """The base model for `get_config`."""
        config = keras.saving.serialize_keras_object(self.base_model)
        if self._own_arguments is not None:  # `compile_from_config` sees to it.
            config.pop("compile_config", None)
        return config

    def get_compile_config(self) -> dict[str, Any]:
        """What `compile` was given, for `compile_from_config`."""
        if not overrides(self.base_model, "compile"):
            return super().get_compile_config()
        if self._own_arguments is None:  # It was compiled before it came here, nobody knows how.
            return {}
        config = keras_hooks.serialized(self._own_arguments)
        return {name: portable(part) for name, part in config.items()}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """The inverse of `get_compile_config`: Keras has none for an overridden `compile`."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built:
            self.optimizer.build(self.trainable_variables)


def _bound(model: keras.Model, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments by their names in the model's own `compile`."""
    try:
        return named(model.compile, args, kwargs, like=keras.Model.compile)
    except TypeError as error:
        name, signature = type(model).__name__, inspect.signature(model.compile)
        raise TypeError(
            f"These are not the arguments of {name}.compile{signature}: {error}. "
            f"Received: {checks.received(args=args, **kwargs)}"
        ) from None
