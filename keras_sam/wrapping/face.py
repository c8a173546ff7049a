"""What a `SAMModel` shows as its own: weights, layers and shapes of the model that it trains."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_sam import backend, checks
from keras_sam.backend.types import ModelMixin, documented_as
from keras_sam.keras_hooks import last_part, lent
from keras_sam.tensors import Tensor

OWN_PART = "keras_sam"  # Under which name a file of weights has what is not the base model's.
LEGACY = (".h5", ".hdf5")  # Of whole models.
VERSION = "version"  # Of that part, so that it is never empty.


class Face(ModelMixin):
    """Shows the base model, so that callbacks, tools and files of weights find what they know.

    The radius and the method's state are variables, as training needs, but no weights.
    """

    base_model: keras.Model
    foreign_modules: Any = None  # Of PyTorch, inside of the base model's layers.
    _is_visited = False  # Whether Keras looks through the attributes, `layers` among them.

    def __call__(self, *args: Any, **kwargs: Any) -> Tensor:
        if any(isinstance(part, keras.KerasTensor) for part in keras.tree.flatten([args, kwargs])):
            raise ValueError(
                "A SAMModel trains a whole model and is no layer of another one: build that one "
                f"of its base_model, and wrap it. Received: {self.name!r} called on a KerasTensor"
            )
        return super().__call__(*args, **kwargs)

    def call(
        self, inputs: Tensor, *args: Any, training: bool | None = None, **kwargs: Any
    ) -> Tensor:
        with backend.placed(self.foreign_modules):
            return self.base_model(inputs, *args, training=training, **kwargs)

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor) -> Tensor | None:
        return self.base_model.compute_mask(inputs, previous_mask)

    def __getattr__(self, name: str) -> Any:
        """What the base model has, such as `inputs` or a layer that is its attribute."""
        with contextlib.suppress(AttributeError):
            return super().__getattr__(name)  # So a module of PyTorch finds its parts.
        # What is private is Keras's bookkeeping, and not the base model's for us.
        if name.startswith("_") or name == "base_model":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.base_model, name)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_model!r}, method={self.method!r})"

    @property
    def weights(self) -> list[keras.Variable]:
        """Those of the base model; `variables` has the radius and the method's state as well."""
        return self.base_model.weights

    @property
    def layers(self) -> list[keras.layers.Layer]:
        """Those of the base model."""
        if self._is_visited:  # By Keras, which saves or loads: files have the state in this list.
            self._is_visited = False
            return super().layers
        return self.base_model.layers

    def save_own_variables(self, store: Any) -> None:
        self._is_visited = True
        super().save_own_variables(store)

    def load_own_variables(self, store: Any) -> None:
        self._is_visited = True
        super().load_own_variables(store)

    @documented_as(keras.Model.save)
    def save(self, filepath: Any, *args: Any, **kwargs: Any) -> None:
        if str(filepath).endswith(LEGACY):
            expected = "a path that ends in .keras, or base_model.save(...) for the model alone"
            checks.refuse("filepath", f"{expected}: HDF5 has no place for the method", filepath)
        super().save(filepath, *args, **kwargs)

    @documented_as(keras.Model.summary)
    def summary(self, *args: Any, **kwargs: Any) -> None:
        with lent(self, self.base_model) as base_model:  # It shows the optimizer's numbers, too.
            base_model.summary(*args, **kwargs)
        kwargs.get("print_fn", print)(f" Trained with: {self.method!r}")

    @documented_as(keras.Model.export)
    def export(self, *args: Any, **kwargs: Any) -> Any:
        return self.base_model.export(*args, **kwargs)

    @documented_as(keras.Model.save_weights)
    def save_weights(self, filepath: str | Path, *args: Any, **kwargs: Any) -> None:
        with self._in_base() as base_model:
            base_model.save_weights(filepath, *args, **kwargs)

    @documented_as(keras.Model.load_weights)
    def load_weights(self, filepath: str | Path, skip_mismatch: bool = False, **kw: Any) -> None:
        """As Keras does; a plain model's file leaves the radius and the method's state alone."""
        try:
            self._load_as_base(filepath, **kw)
        except ValueError:
            try:  # Files of older versions hold the base model as a part of the wrapper.
                super().load_weights(filepath, **kw)
            except ValueError:
                self._load_as_base(filepath, skip_mismatch=skip_mismatch, **kw)

    def _load_as_base(self, *args: Any, **kwargs: Any) -> None:
        with self._in_base() as base_model:
            base_model.load_weights(*args, **kwargs)

    @contextlib.contextmanager
    def _in_base(self) -> Iterator[keras.Model]:
        """The base model, compiled as this is, with our part added: so files look like its own."""
        part = _OwnPart(self)
        with lent(self, self.base_model) as base_model, last_part(base_model, OWN_PART, part):
            yield base_model


class _OwnPart(keras.layers.Layer):
    """What a `SAMModel` saves beside its base model: the radius, seeds, the method's state."""

    def __init__(self, model: keras.Model):
        super().__init__(name=OWN_PART)
        self.memory = model.memory
        own: Any = super(Face, model)  # No list of layers is going to be asked for.
        self._save, self._load = own.save_own_variables, own.load_own_variables

    def save_own_variables(self, store: Any) -> None:
        self._save(store)
        store[VERSION] = np.array(1)

    def load_own_variables(self, store: Any) -> None:
        if VERSION not in store.keys():  # The file of a plain model.
            self.memory = None
            return
        self._load({key: store[key] for key in store.keys() if key != VERSION})
