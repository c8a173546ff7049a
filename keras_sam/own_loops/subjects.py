"""What a step of one's own trains: layers, variables, or on PyTorch plain modules."""

import contextlib
import dataclasses
from collections.abc import Iterable
from typing import Any

import keras

from keras_sam import backend, checks, keras_hooks
from keras_sam.roles import Role, role_by_name, roles_of
from keras_sam.tensors import Vector


class Subject:
    """The weights of layers, variables or modules, with their roles.

    Args:
        trained: A `keras.Model` or layer, a `keras.Variable`, or a list of these; on PyTorch also
            a `torch.nn.Module`, a `torch.nn.Parameter`, or several.

    Raises:
        TypeError: If it is none of these.
    """

    def __init__(self, trained: Any) -> None:
        self.parts = _parts(trained)
        self.modules = backend.plain_modules(self.parts)
        self._inside: tuple[tuple[int, ...], Any] = (), None
        known = (keras.layers.Layer, keras.Variable)
        strange = [part for part in self.parts if not isinstance(part, known)]
        if self.modules is None and (strange or not self.parts):
            raise TypeError(
                "What is trained must be a keras.Model or layer, trainable variables, or a list of "
                "either (on PyTorch also of torch.nn.Module or torch.nn.Parameter alone). "
                f"Received: {checks.received(trained=strange or trained)}"
            )

    def roles(self) -> list[Role]:
        """Roles of the trainable variables."""
        found: dict[int, Role] = {}
        for role in self._roles():
            found.setdefault(id(role.variable), role)
        return [dataclasses.replace(role, index=index) for index, role in enumerate(found.values())]

    def _roles(self) -> list[Role]:
        if self.modules is not None:
            return [Role(variable, **fields) for variable, fields in self.modules.weights()]
        roles = []
        for part in self.parts:
            if isinstance(part, keras.layers.Layer):
                roles += roles_of(part)
            elif part.trainable:
                roles.append(role_by_name(part))
        return roles

    @property
    def variables(self) -> list[keras.Variable]:
        """All variables of the layers, trained or not."""
        if self.modules is not None:
            return [role.variable for role in self.roles()]
        parts = [p.variables if isinstance(p, keras.layers.Layer) else [p] for p in self.parts]
        return [variable for part in parts for variable in part]

    def placed(self) -> contextlib.AbstractContextManager[None]:
        """Within it, weights that are not Keras's have their variables' values too."""
        return backend.placed(self.modules or self._wrapped())

    def _wrapped(self) -> Any:
        """The modules inside of layers, which are there once the layers are built."""
        layers = [part for part in self.parts if isinstance(part, keras.layers.Layer)]
        inside = [layer for part in layers for layer in keras_hooks.layers_of(part)]
        known = tuple(map(id, inside))
        if self._inside[0] != known:
            self._inside = known, backend.wrapped_modules(inside)
        return self._inside[1]

    def adopt(self) -> None:
        """Makes what a step cannot make on its way."""
        if self.modules is not None:
            self.modules.adopt()
        else:
            self._wrapped()

    def receive(self, gradients: Vector) -> None:
        """Lets PyTorch's optimizers find the gradients."""
        if self.modules is not None:
            self.modules.receive(gradients)


def _parts(trained: Any) -> list[Any]:
    """The parts of a list, a generator or a tuple; anything else is one part."""
    is_one = isinstance(trained, keras.layers.Layer | keras.Variable)
    if is_one or hasattr(trained, "shape") or hasattr(trained, "named_parameters"):
        return [trained]
    return list(trained) if isinstance(trained, Iterable) else [trained]
