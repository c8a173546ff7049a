"""What a method keeps between steps, as variables of the model."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from keras_sam import tensors
from keras_sam.tensors import Tensor
from keras_sam.training.carriers import State
from keras_sam.training.last_batch import LastBatch, Spec, as_array, fits, from_array

ACTED = "updates_acted"  # The slot that counts how often a policy has said yes.
SPEC = "last_batch"  # Under which name files hold what the kept batch is like.


@dataclass(frozen=True)
class Slot:
    """A quantity that a part of a method keeps.

    Args:
        per_weight: Whether it has a tensor for each trainable variable; else it is a scalar.
            Defaults to `True`.
        initial: Float, or a function of `shapes` that returns a list of arrays for the
            perturbed variables. Defaults to `0.0`.
        is_averaged: Whether micro-batches average what they make of it; else the first one's
            counts, as for a mask, whose average is none. Defaults to `True`.
        is_newer: Whether files of older versions lack it; such a scalar comes last of a method's.
            Defaults to `False`.
    """

    per_weight: bool = True
    initial: float | Callable = 0.0
    is_averaged: bool = True
    is_newer: bool = False


class Memory(keras.layers.Layer):
    """The variables of a method's state, created after the weights that they follow.

    Args:
        slots: Dict from a name to its `Slot`.
        is_random: Whether the method draws numbers.
    """

    def __init__(self, slots: dict[str, Slot], is_random: bool) -> None:
        super().__init__(name="memory")
        self.seed = keras.random.SeedGenerator() if is_random else None
        # Out of sight of Keras's tracking, which would wrap the dictionaries.
        self.contents = _Contents(dict(slots))
        self.built = True  # Its variables come later, and need no input.

    @property
    def state(self) -> State:
        """Dict from a slot's name to its variable, or to the list of its variables."""
        return self.contents.state

    def prepare(self, variables: Sequence[keras.Variable], chosen: list[int]) -> None:
        """Creates what is missing for these trainable variables; the chosen ones are perturbed."""
        if self.contents.prepared_for == [id(variable) for variable in variables]:
            return
        for name, slot in self.contents.slots.items():
            if slot.per_weight:
                self.contents.state[name] = self._follow(name, slot, variables, chosen)
            elif name not in self.contents.state:
                self.contents.state[name] = self._variable(
                    (name,), np.array(slot.initial), "float32"
                )
        self.contents.prepared_for = [id(variable) for variable in variables]

    def _follow(
        self, name: str, slot: Slot, variables: Sequence[keras.Variable], chosen: Sequence[int]
    ) -> list[keras.Variable]:
        initial = self._initial(slot, variables, chosen)
        known = self.contents.known
        for variable, value in zip(variables, initial, strict=True):
            if (name, id(variable)) not in known:
                dtype = tensors.float_type(variable.dtype)
                path = (name, *variable.path.split("/"))
                known[name, id(variable)] = self._variable(path, value, dtype)
        return [known[name, id(variable)] for variable in variables]

    def _initial(
        self, slot: Slot, variables: Sequence[keras.Variable], chosen: Sequence[int]
    ) -> list[np.ndarray]:
        if not callable(slot.initial):
            return [np.full(tuple(variable.shape), slot.initial) for variable in variables]
        values = [np.zeros(tuple(variable.shape)) for variable in variables]
        shapes = [values[index].shape for index in chosen]
        for index, value in zip(chosen, slot.initial(shapes), strict=True):
            values[index] = value
        return values

    def _variable(self, path: Sequence[str], value: np.ndarray, dtype: str) -> keras.Variable:
        """A variable whose path ends as its weight's does: a layout map finds both."""
        with contextlib.ExitStack() as stack:
            for scope in path[:-1]:
                stack.enter_context(keras.name_scope(scope))
            variable = keras.Variable(
                lambda shape, dtype: keras.ops.cast(value, dtype),
                shape=value.shape,
                dtype=dtype,
                trainable=False,
                autocast=False,
                name=path[-1],
            )
        setattr(self, f"slot_{len(self.variables)}", variable)  # So the layer owns it.
        return variable

    @property
    def last_batch(self) -> LastBatch | None:
        """The `LastBatch`; `None` before the first batch, or where none is kept."""
        return self.contents.last_batch

    def prepare_batch(self, spec: Spec) -> bool:
        """Makes room for batches of this `last_batch.spec_of`; says if it was needed."""
        known = self.last_batch
        if known is not None and fits(spec, known.spec):
            return False
        if known is not None:
            known.forget(self)
            self.state["batches_seen"].assign(0.0)
        self.contents.last_batch = LastBatch(self, spec)
        return True

    def save_own_variables(self, store: Any) -> None:
        super().save_own_variables(store)
        if self.last_batch is not None:
            store[SPEC] = as_array(self.last_batch.spec)

    def load_own_variables(self, store: Any) -> None:
        # A model that is yet to train has no room for the batch that the file holds.
        if SPEC in store.keys() and self.last_batch is None:
            self.prepare_batch(from_array(store[SPEC]))
        found = {key: store[key] for key in store.keys() if key != SPEC}
        super().load_own_variables(found | self._lacking(found))

    def _lacking(self, found: dict[str, Any]) -> dict[str, Tensor]:
        """What a file of an older version lacks: it stays as it is."""
        if not self.state:  # Neither the file nor this has any yet.
            return {}
        newer = [self.state[name] for name, slot in self.contents.slots.items() if slot.is_newer]
        missing = len(keras.tree.flatten(self.state)) - len(found)
        if not 0 < missing <= len(newer):
            return {}
        return {str(len(found) + n): v.value for n, v in enumerate(newer[-missing:])}


class _Contents:
    def __init__(self, slots: dict[str, Slot]):
        self.slots = slots
        self.state: State = {}
        self.known: dict[tuple[str, int], keras.Variable] = {}
        self.prepared_for: list[int] | None = None
        self.last_batch: LastBatch | None = None
