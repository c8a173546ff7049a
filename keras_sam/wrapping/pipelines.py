"""A base model that prepares its data itself, as KerasHub's tasks do: so does the wrapper."""

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_sam import checks
from keras_sam.backend.types import ModelMixin, documented_as
from keras_sam.tensors import Nested
from keras_sam.wrapping.arguments import named

HOOK = "preprocess_samples"  # Of KerasHub's models: from a raw batch to one to train on.
PARTS = ("x", "y", "sample_weight")
REPLACED = (*PARTS, "batch_size", "shuffle")  # By a data set that is prepared.
SIZE = 32  # Examples of a batch, as in Keras.


def is_pipeline(model: keras.Model) -> bool:
    """Whether a model prepares raw batches itself."""
    return callable(getattr(model, HOOK, None))


def is_of_pipeline(model: keras.Model, name: str) -> bool:
    """Whether the class that overrides a method has the hook, and does so just to call it."""
    owner = next(part for part in type(model).__mro__ if name in vars(part))
    return HOOK in vars(owner)


class Preprocessing(ModelMixin):
    """Prepares the data of `fit`, `evaluate` and single batches where the base model does."""

    base_model: keras.Model

    @documented_as(keras.Model.fit)
    def fit(self, *args: Any, **kwargs: Any) -> Any:
        if not is_pipeline(self.base_model):
            return super().fit(*args, **kwargs)
        given = named(keras.Model.fit, (self, *args), kwargs)
        held = given.pop("validation_data", None)
        share = given.pop("validation_split", 0.0)
        if held is None and share:
            given, held = _split(given, share)
        if held is not None:
            size = given.get("validation_batch_size") or given.get("batch_size")
            given["validation_data"] = self._prepared(_arguments(held) | {"batch_size": size})["x"]
        return super().fit(**self._prepared(given), shuffle=False)

    @documented_as(keras.Model.evaluate)
    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        # What `fit` validates on is prepared.
        if not is_pipeline(self.base_model) or kwargs.get("_use_cached_eval_dataset"):
            return super().evaluate(*args, **kwargs)
        given = named(keras.Model.evaluate, (self, *args), kwargs)
        return super().evaluate(**self._prepared(given))

    @documented_as(keras.Model.train_on_batch)
    def train_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        if is_pipeline(self.base_model):
            args, kwargs = (), self._prepared_batch(keras.Model.train_on_batch, args, kwargs)
        return super().train_on_batch(*args, **kwargs)

    @documented_as(keras.Model.test_on_batch)
    def test_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        if is_pipeline(self.base_model):
            args, kwargs = (), self._prepared_batch(keras.Model.test_on_batch, args, kwargs)
        return super().test_on_batch(*args, **kwargs)

    def _prepared_batch(
        self, function: Callable, args: tuple, kwargs: dict[str, Any]
    ) -> dict[str, Any]:
        given = named(function, (self, *args), kwargs)
        parts = (given.get(name) for name in PARTS)
        return given | _arguments(_arrays(self.base_model.preprocess_samples(*parts)))

    def _prepared(self, given: dict[str, Any]) -> dict[str, Any]:
        """The arguments with a data set of prepared batches as `x`, in the order of the raw."""
        others = {name: value for name, value in given.items() if name not in REPLACED}
        x: Any = given.get("x")
        prepare = self.base_model.preprocess_samples
        if hasattr(x, "element_spec"):  # Of tf.data.
            return others | {"x": x.map(prepare)}
        if isinstance(x, keras.utils.PyDataset):
            return others | {"x": _PreparedSource(x, prepare)}
        parts = tuple(given.get(name) for name in PARTS)
        size, examples = given.get("batch_size") or SIZE, _examples(x)
        batch = functools.partial(_rows_of_batch, parts, size)
        return others | {"x": _Prepared(-(-examples // size), batch, prepare)}


class _Prepared(keras.utils.PyDataset):
    """Batches that are prepared as they are asked for.

    Args:
        size: Integer, the number of batches.
        batch: Function from a batch's number to what is raw of it.
        prepare: The base model's hook.
    """

    def __init__(
        self, size: int, batch: Callable[[int], Any], prepare: Callable, **options: Any
    ) -> None:
        super().__init__(**options)
        self.size, self.batch, self.prepare = size, batch, prepare

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> Any:
        parts = keras.utils.unpack_x_y_sample_weight(self.batch(index))
        return _arrays(self.prepare(*parts))


class _PreparedSource(_Prepared):
    """The batches of a user's own data set, which is told of the epochs: it may shuffle."""

    def __init__(self, source: keras.utils.PyDataset, prepare: Callable) -> None:
        options = {"workers": source.workers, "max_queue_size": source.max_queue_size}
        super().__init__(len(source), source.__getitem__, prepare, **options)
        self.source = source

    def on_epoch_begin(self) -> None:
        self.source.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self.source.on_epoch_end()


def _rows_of_batch(parts: Nested, size: int, index: int) -> Nested:
    return _rows(parts, slice(index * size, (index + 1) * size))


def _rows(data: Any, rows: slice) -> Any:
    """Examples of nested data, in which a list is one column, of texts for instance."""
    if isinstance(data, tuple):
        return tuple(_rows(part, rows) for part in data)
    if isinstance(data, dict):
        return {name: _rows(part, rows) for name, part in data.items()}
    return None if data is None else data[rows]


def _examples(x: Any) -> int:
    """How many examples raw data have."""
    while isinstance(x, tuple | dict) and x:
        x = next(iter(x.values())) if isinstance(x, dict) else x[0]
    if not isinstance(x, list) and not getattr(x, "shape", None):
        expected = "arrays, lists, a tf.data.Dataset or a keras.utils.PyDataset of raw examples"
        checks.refuse("x", expected, x)
    return len(x)


def _split(given: dict[str, Any], share: float) -> tuple[dict[str, Any], Any]:
    """The arguments with the first examples, and the parts of the others."""
    kept = int(_examples(given.get("x")) * (1 - share))
    parts = {name: given.get(name) for name in PARTS}
    first = {name: _rows(part, slice(kept)) for name, part in parts.items()}
    return given | first, tuple(_rows(part, slice(kept, None)) for part in parts.values())


def _arguments(data: Any) -> dict[str, Any]:
    """A batch or data set by the names of its parts."""
    if not isinstance(data, tuple | list):
        return {"x": data}
    return dict(zip(PARTS, keras.utils.unpack_x_y_sample_weight(data)))


def _arrays(data: Any) -> Any:
    """Prepared data as NumPy arrays: some is of TensorFlow, whatever the backend."""
    return keras.tree.map_structure(_array, data)


def _array(leaf: Any) -> np.ndarray | None:
    if leaf is None:
        return None
    is_ours = keras.ops.is_tensor(leaf)
    return keras.ops.convert_to_numpy(leaf) if is_ours else np.asarray(leaf)
