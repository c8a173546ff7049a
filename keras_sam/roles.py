"""What each trainable variable does in its layer, decided from the layer.

Adaptive methods scale kernels but not biases, filter-wise ones need the axes that index a
kernel's filters, and masks choose variables by what they are.
"""

import dataclasses
from dataclasses import dataclass

import keras

from keras_sam import backend, keras_hooks

NORMALIZATION_LAYERS = tuple(
    getattr(keras.layers, name)
    for name in (
        "BatchNormalization",
        "GroupNormalization",
        "LayerNormalization",
        "RMSNormalization",
    )
    if hasattr(keras.layers, name)  # RMSNormalization came after the oldest Keras we support.
)
TRANSPOSED_LAYERS = (
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
)
DEPTHWISE_LAYERS = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
OFFSET_NAMES = ("bias", "beta")


@dataclass(frozen=True)
class Role:
    """A trainable variable's place in the model.

    Args:
        variable: The `keras.Variable`.
        kind: `"kernel"`, `"embedding"`, `"scale"` (a normalization layer's gamma), or
            `"bias"` (every bias, and a normalization layer's beta).
        in_normalization: Whether the variable belongs to a normalization layer.
        filter_axes: Axes that index filters; empty where the variable has none.
        index: Position among the trainable variables.
        adapts: The layer with whose frozen weight this variable, an adapter of LoRA, is merged;
            `None` for every other variable.
    """

    variable: keras.Variable
    kind: str
    in_normalization: bool = False
    filter_axes: tuple[int, ...] = ()
    index: int = 0
    adapts: keras.layers.Layer | None = None


def roles_of(model: keras.layers.Layer) -> list[Role]:
    """Roles of `model.trainable_variables`, in their order.

    Args:
        model: A built `keras.Model` or layer.

    Returns:
        List of `Role`.
    """
    owners: dict[int, keras.layers.Layer] = {}
    layers = keras_hooks.layers_of(model)
    for layer in layers:
        for variable in keras_hooks.own_variables(layer):
            owners.setdefault(id(variable), layer)
    # Modules of PyTorch lay out their weights in another way.
    modules = backend.wrapped_modules(layers, to_place=False)
    known = {id(v): Role(v, **fields) for v, fields in (modules.weights() if modules else ())}
    roles = []
    for index, variable in enumerate(model.trainable_variables):
        owner = owners.get(id(variable))
        role = known.get(id(variable)) or role_of(variable, owner)
        adapts = keras_hooks.adapted_layer(variable, owner)
        roles.append(dataclasses.replace(role, index=index, adapts=adapts))
    return roles


def role_of(variable: keras.Variable, layer: keras.layers.Layer | None) -> Role:
    """Role of one variable that `layer` owns."""
    is_offset = variable.name in OFFSET_NAMES or variable is getattr(layer, "bias", None)
    if isinstance(layer, NORMALIZATION_LAYERS):
        return Role(variable, "bias" if is_offset else "scale", in_normalization=True)
    if is_offset:
        return Role(variable, "bias")
    if isinstance(layer, keras.layers.Embedding):
        return Role(variable, "embedding", filter_axes=(0,))
    return Role(variable, "kernel", filter_axes=_filter_axes(variable, layer))


def role_by_name(variable: keras.Variable) -> Role:
    """Role of a variable whose layer is not known: Keras's own layers name theirs alike."""
    role = role_of(variable, None)
    if variable.name in ("gamma", "beta"):
        kind = "scale" if variable.name == "gamma" else "bias"
        return dataclasses.replace(role, kind=kind, in_normalization=True, filter_axes=())
    if variable.name == "embeddings":
        return dataclasses.replace(role, kind="embedding", filter_axes=(0,))
    return role


def _filter_axes(variable: keras.Variable, layer: keras.layers.Layer | None) -> tuple[int, ...]:
    rank = len(variable.shape)
    if rank < 2:
        return ()
    if isinstance(layer, TRANSPOSED_LAYERS):  # Kernels are (…, filters, channels in).
        return (rank - 2,)
    if isinstance(layer, DEPTHWISE_LAYERS) or variable is getattr(layer, "depthwise_kernel", None):
        return (rank - 2, rank - 1)  # One filter for each channel in and multiplier.
    if isinstance(layer, keras.layers.EinsumDense) and variable.name == "kernel":
        return _einsum_filter_axes(layer.equation)
    return (rank - 1,)


def _einsum_filter_axes(equation: str) -> tuple[int, ...]:
    """Axes of the kernel that the output keeps: the rest is summed over, one filter at a time."""
    operands, output = equation.replace(" ", "").split("->")
    kernel = operands.split(",")[1].replace(".", "")
    return tuple(axis for axis, letter in enumerate(kernel) if letter in output)
