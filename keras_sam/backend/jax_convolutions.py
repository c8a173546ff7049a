"""Convolutions that XLA's CPU compiler is fast at inside a branch.

XLA's pass that brings convolutions into the layout of its fast kernels visits a program's entry
only. In a branch or a loop a convolution's gradient keeps the axes that JAX gives it and becomes
a plain loop, 30 times slower (https://github.com/jax-ml/jax/issues/12868). Here the axes are put
in order beforehand; the numbers are the same.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
from jax import lax
from jax.extend import core
from jax.extend.core import primitives


def in_fast_layout(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function()`, with all of its convolutions channels last.

    Args:
        function: Function without arguments that returns a tree of tensors.

    Returns:
        Function without arguments that returns equal tensors.
    """

    def rewritten():
        program, shapes = jax.make_jaxpr(function, return_shape=True)()
        outputs = core.jaxpr_as_fun(_rewritten(program))()
        return jax.tree.unflatten(jax.tree.structure(shapes), outputs)

    return rewritten


def _rewritten(part):
    """A program with its convolutions replaced; anything else as it is."""
    if isinstance(part, core.ClosedJaxpr):
        return part.replace(jaxpr=_rewritten(part.jaxpr))
    if isinstance(part, core.Jaxpr):
        return part.replace(eqns=[_replacement(equation) for equation in part.eqns])
    return part


def _replacement(equation):
    if equation.primitive is not primitives.conv_general_dilated_p:
        inner = {name: _rewritten(value) for name, value in equation.params.items()}
        return equation.replace(params=inner)
    function = jax.jit(functools.partial(_channels_last, **equation.params))
    shapes = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in equation.invars]
    (call,) = jax.make_jaxpr(function)(*shapes).jaxpr.eqns
    return call.replace(invars=equation.invars, outvars=equation.outvars)


def _channels_last(images, kernel, *, dimension_numbers, **arguments):
    """The convolution with its operands' axes put in order, and its result's put back."""
    (batch, channels, *space), (filters, depth, *window), result = dimension_numbers
    rank = images.ndim
    last = (0, rank - 1, *range(1, rank - 1))
    outputs = primitives.conv_general_dilated_p.bind(
        lax.transpose(images, (batch, *space, channels)),
        lax.transpose(kernel, (*window, depth, filters)),
        dimension_numbers=lax.ConvDimensionNumbers(
            last, (rank - 1, rank - 2, *range(rank - 2)), last
        ),
        **arguments,
    )
    order = (result[0], *result[2:], result[1])
    return lax.transpose(outputs, [order.index(axis) for axis in range(rank)])
