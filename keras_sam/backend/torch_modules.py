"""Plain PyTorch modules and parameters, as variables that Keras's scopes can place."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from keras_sam.backend.types import Vector

NORMALIZATIONS = (
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.BatchNorm3d,
    nn.SyncBatchNorm,
    nn.GroupNorm,
    nn.InstanceNorm1d,
    nn.InstanceNorm2d,
    nn.InstanceNorm3d,
    nn.LayerNorm,
    nn.RMSNorm,
)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


class PlainModules:
    """Modules and parameters that know nothing of Keras.

    Each parameter and buffer has a `keras.Variable` that shares its memory. Nothing of a module is
    ever perturbed: within `placed` PyTorch's functions are handed the variables' values instead.

    Args:
        parts: List of `torch.nn.Module` and `torch.nn.Parameter`.
    """

    def __init__(self, parts: Sequence[Any]) -> None:
        self.parts = parts
        self._known: dict[int, tuple[torch.Tensor, keras.Variable]] = {}

    def weights(self) -> list[tuple[keras.Variable, dict[str, Any]]]:
        """Variables of the parameters that want gradients, each with the fields of its `Role`."""
        found: dict[int, tuple[keras.Variable, dict[str, Any]]] = {}
        for owner, name, parameter in self._owned():
            if parameter.requires_grad and id(parameter) not in found:
                found[id(parameter)] = (
                    self._variable(name, parameter),
                    _role(owner, name, parameter),
                )
        return list(found.values())

    def _owned(self):
        """`(owner, name, parameter)` of each; without an owner where the parameter came alone."""
        for number, part in enumerate(self.parts):
            if isinstance(part, nn.Parameter):
                yield None, f"parameter_{number}", part
                continue
            for path, module in part.named_modules():
                for name, parameter in module.named_parameters(recurse=False):
                    yield module, f"{path}.{name}" if path else name, parameter

    def _variable(self, name, tensor):
        """The variable of a tensor, which a module may have replaced since the last step."""
        if id(tensor) not in self._known:
            shared = tensor if isinstance(tensor, nn.Parameter) else nn.Parameter(tensor, False)
            variable = keras.Variable(
                shared, trainable=tensor.requires_grad, autocast=False, name=name
            )
            if variable.value.data_ptr() != tensor.data_ptr():
                raise ValueError(
                    "A module must be on the device that Keras computes on; move it there, or "
                    f"enter keras.device. Received: {name} on {tensor.device}"
                )
            self._known[id(tensor)] = tensor, variable
        return self._known[id(tensor)][1]

    def _buffers(self):
        modules = [part for part in self.parts if isinstance(part, nn.Module)]
        named = [pair for module in modules for pair in module.named_buffers()]
        return [(buffer, self._variable(name, buffer)) for name, buffer in named]

    def adopt(self) -> None:
        """Makes the variables of all parameters and buffers, outside of any scope."""
        self.weights()
        self._buffers()

    @contextlib.contextmanager
    def placed(self) -> Iterator[None]:
        """In the block parameters and buffers are what their variables are in Keras's scope.

        What the block writes to a buffer (the statistics of BatchNorm) is assigned to its variable.
        """
        parameters = {id(p): p for _, _, p in self._owned() if p.requires_grad}
        values = {key: self._known[key][1].value for key in parameters}
        buffers = self._buffers()
        copies = {id(buffer): variable.value.clone() for buffer, variable in buffers}
        with _Instead({**values, **copies}):
            yield
        for buffer, variable in buffers:
            variable.assign(copies[id(buffer)])

    def receive(self, gradients: Vector) -> None:
        """Puts gradients, in the order of `weights`, where PyTorch's optimizers look for them."""
        for (variable, _), gradient in zip(self.weights(), gradients, strict=True):
            variable.value.grad = gradient.detach()


class WrappedModules(PlainModules):
    """Modules inside of Keras layers, whose parameters are Keras's own variables already.

    Args:
        wrappers: List of `keras.layers.TorchModuleWrapper`, into which Keras puts every module
            that a layer has as an attribute.
    """

    def __init__(self, wrappers: Sequence[Any]) -> None:
        super().__init__([wrapper.module for wrapper in wrappers])
        for variable in (variable for wrapper in wrappers for variable in wrapper.variables):
            self._known[id(variable.value)] = variable.value, variable


class _Instead(TorchFunctionMode):
    """Hands functions other tensors instead of some: dictionary from the `id` of these."""

    def __init__(self, others: dict[int, torch.Tensor]) -> None:
        super().__init__()
        self.others = others

    def __torch_function__(
        self, func: Callable, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = {name: self._of(value) for name, value in (kwargs or {}).items()}
        return func(*map(self._of, args), **kwargs)

    def _of(self, value):
        if isinstance(value, torch.Tensor):
            return self.others.get(id(value), value)
        if type(value) in (list, tuple):
            return type(value)(map(self._of, value))
        return value


def _role(owner, name, parameter):
    """Fields of the `Role`: PyTorch's layers have the axis of their filters first."""
    own_name, rank = name.rsplit(".", 1)[-1], parameter.ndim
    if isinstance(owner, NORMALIZATIONS):
        kind = "bias" if own_name == "bias" else "scale"
        return {"kind": kind, "in_normalization": True}
    if own_name.startswith("bias") or (owner is None and rank < 2):
        return {"kind": "bias"}
    if isinstance(owner, nn.Embedding | nn.EmbeddingBag):
        return {"kind": "embedding", "filter_axes": (0,)}
    axes = () if rank < 2 else (1,) if isinstance(owner, TRANSPOSED) else (0,)
    return {"kind": "kernel", "filter_axes": axes}


def wrapped_modules(
    layers: Sequence[keras.layers.Layer], to_place: bool = True
) -> WrappedModules | None:
    """The `WrappedModules` among these layers; `None` where there are none."""
    wrappers = [layer for layer in layers if isinstance(layer, keras.layers.TorchModuleWrapper)]
    if not wrappers:
        return None
    modules = WrappedModules(wrappers)
    if to_place:
        modules.adopt()
    return modules


def plain_modules(parts: Sequence[Any]) -> PlainModules | None:
    """The `PlainModules` of these parts; `None` unless all of them are PyTorch's own."""
    kinds = nn.Module | nn.Parameter
    is_plain = [isinstance(p, kinds) and not isinstance(p, keras.layers.Layer) for p in parts]
    return PlainModules(parts) if parts and all(is_plain) else None
