"""Masks: which variables a method perturbs, by what they do in their layers."""

from collections.abc import Callable, Sequence

import keras

from keras_sam import checks
from keras_sam.roles import Role

Mask = str | Sequence[str] | Callable[[keras.Variable], bool] | None

MASKS: dict[str, Callable[[Role], bool]] = {
    "all": lambda role: True,
    "kernels": lambda role: role.kind in ("kernel", "embedding"),
    "embeddings": lambda role: role.kind == "embedding",
    "biases": lambda role: role.kind == "bias",
    "normalization": lambda role: role.in_normalization,
}


def check_mask(mask: Mask) -> None:
    """Refuse a mask that is neither a known name, a sequence of these, nor a predicate."""
    names = [mask] if isinstance(mask, str) else mask
    if mask is None or callable(mask):
        return
    if isinstance(names, list | tuple) and names:
        if all(isinstance(name, str) and name in MASKS for name in names):
            return
    expected = (
        f"one of {', '.join(MASKS)}, a list of these names (their union), or a function of a "
        "variable that says whether to perturb it"
    )
    checks.refuse("mask", expected, mask)


def is_perturbed(role: Role, mask: Mask) -> bool:
    """Whether `mask` chooses the variable of `role`.

    Variables that are overwritten with their gradient (float8 scales) are not weights and are
    never perturbed.
    """
    if role.variable.overwrite_with_gradient:
        return False
    if mask is None:
        return True
    if callable(mask):
        return bool(mask(role.variable))
    names = [mask] if isinstance(mask, str) else mask
    return any(MASKS[name](role) for name in names)
