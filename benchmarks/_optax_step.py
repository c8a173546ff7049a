"""A training step by hand on JAX: `jax.value_and_grad`, Optax, and its SAM; one jitted function."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from _cases import LEARNING_RATE, MOMENTUM, RHO, Train


def optimizers() -> dict[str, Any]:
    """SGD with momentum by itself, `"plain"`, and within `optax.contrib.sam`, `"sam"`."""
    plain = optax.sgd(LEARNING_RATE, momentum=MOMENTUM)
    climb = optax.chain(optax.contrib.normalize(), optax.sgd(RHO))
    return {"plain": plain, "sam": optax.contrib.sam(plain, climb, opaque_mode=True)}


def trainer(
    apply: Callable[..., tuple[Any, Any]],
    parameters: Any,
    statistics: Any,
    case: str,
    batch_at: Callable[[int], tuple[Any, Any]],
) -> Train:
    """A network that trains by one jitted step.

    Args:
        apply: Function of parameters, statistics and images: `(logits, statistics)` of a pass in
            training.
        parameters: Tree of arrays, which the step takes over.
        statistics: Tree of arrays, likewise: what a pass changes by itself.
        case: `"plain"` or `"sam"`.
        batch_at: Function of a step's number: `(images, labels)`.

    Returns:
        Function of a number of steps.
    """
    optimizer = optimizers()[case]
    state = [parameters, statistics, optimizer.init(parameters), _no_metrics()]
    step = jax.jit(functools.partial(_step, apply, optimizer, case == "sam"), donate_argnums=0)

    def train(steps: int) -> None:
        for number in range(steps):
            state[:] = step(tuple(state), batch_at(number))
        jax.block_until_ready(state)

    return train


def _no_metrics():
    return {"loss": jnp.zeros(()), "correct": jnp.zeros((), "int32")}


def _step(apply, optimizer, is_sam, state, batch):
    parameters, statistics, optimizer_state, metrics = state
    images, labels = batch

    def loss(parameters):
        logits, after = apply(parameters, statistics, images)
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        return losses.mean(), (logits, after)

    (value, (logits, statistics_after)), gradients = jax.value_and_grad(loss, has_aux=True)(
        parameters
    )
    again = {"grad_fn": lambda point, _: jax.grad(loss, has_aux=True)(point)[0]} if is_sam else {}
    updates, optimizer_state = optimizer.update(gradients, optimizer_state, parameters, **again)
    metrics = {
        "loss": metrics["loss"] + value,
        "correct": metrics["correct"] + (logits.argmax(-1) == labels).sum(),
    }
    return optax.apply_updates(parameters, updates), statistics_after, optimizer_state, metrics
