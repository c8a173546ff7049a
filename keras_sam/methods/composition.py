"""Which parts of a method fit together, and which optimizers fit a method."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import keras

from keras_sam import checks

if TYPE_CHECKING:
    from keras_sam.methods.method import Method

Sync: TypeAlias = bool | Literal["mean"]
BEYOND_PLAIN_SGD = (
    "momentum",
    "weight_decay",
    "clipnorm",
    "clipvalue",
    "global_clipnorm",
    "gradient_accumulation_steps",
)


def check(method: Method) -> None:
    """Refuse parts that would compose to something else than they say.

    Args:
        method: The `Method`.

    Raises:
        ValueError: With what to use instead.
    """
    ascent, descent = method.ascent, method.descent
    names = f"ascent={type(ascent).__name__}, descent={type(descent).__name__}"
    if descent.needs_closed_form_ascent and not ascent.is_closed_form:
        raise ValueError(
            f"{type(descent).__name__} uses the ascent as a function and needs one in closed "
            "form, such as DualNormAscent or AdaptiveAscent; use PerturbedGradient after several "
            f"steps or an ascent with a memory. Received: {names}"
        )
    if descent.needs_clean_gradient and not ascent.starts_clean:
        raise ValueError(
            f"{type(descent).__name__} uses the gradient at the weights, and "
            f"{type(ascent).__name__} does not evaluate it; use PerturbedGradient with it. "
            f"Received: {names}"
        )
    if descent.looks_ahead and not ascent.starts_clean:
        raise ValueError(
            f"{type(descent).__name__} and {type(ascent).__name__} each say where the batch is "
            f"evaluated first; use one of them. Received: {names}"
        )
    if ascent.family != descent.family:
        raise ValueError(
            "The ascents and descents of sampa and of bsam work only with each other, and with the "
            f"same data_size; take the named method. Received: {names}, "
            f"of the families {ascent.family} and {descent.family}"
        )
    if ascent.family is not None and _is_occasional(method):
        raise ValueError(
            f"The method {method.name!r} acts on every step. Received: every={method.every}, "
            f"start={method.start}, policy={method.policy!r}"
        )
    if descent.looks_ahead and ascent.climbs_in_steps:
        raise ValueError(
            f"{type(descent).__name__} starts away from the weights, and {type(ascent).__name__} "
            f"would climb from them; use an ascent of one step. Received: {names}"
        )
    if descent.needs_random_ascent and not ascent.is_random:
        raise ValueError(
            f"{type(descent).__name__} looks at several draws, and {type(ascent).__name__} draws "
            f"nothing; use RandomAscent, or samples=1. Received: {names}"
        )
    if ascent.learns_perturbed and not descent.tells_perturbed:
        raise ValueError(
            f"{type(ascent).__name__} learns from the gradient at the perturbed weights, and "
            f"{type(descent).__name__} asks for another one; use PerturbedGradient or "
            f"WeightedGradient. Received: {names}"
        )
    if method.policy is not None and not ascent.starts_clean:
        raise ValueError(
            f"A policy decides by the gradient at the weights, and {type(ascent).__name__} does "
            f"not evaluate it; use every or start. Received: {names}, policy={method.policy!r}"
        )
    for left, right in itertools.combinations(method.parts, 2):
        for name in sorted(set(left.slots()) & set(right.slots())):
            if left.slots()[name] != right.slots()[name]:
                raise ValueError(
                    f"Two parts must not keep different things as {name!r}; rename one. "
                    f"Received: {type(left).__name__}, {type(right).__name__}"
                )
    if method.ascent_fraction < 1:
        _check_fraction(method, names)


def _check_fraction(method: Method, names: str) -> None:
    """A gradient of a part of the batch is good for the ascent, and for nothing else."""
    uses_it = method.descent.needs_clean_gradient or method.descent.looks_ahead
    if _is_occasional(method) or uses_it or not method.ascent.starts_clean:
        raise ValueError(
            "ascent_fraction below 1 is for methods that use the first gradient for the ascent "
            "alone, on every step, such as sam, asam or multistep. Received: "
            f"ascent_fraction={method.ascent_fraction}, {names}, every={method.every}, "
            f"start={method.start}, policy={method.policy!r}"
        )


def checked_sync(method: Method, sync: Sync) -> Sync:
    """How processes share a perturbation, where the method allows it.

    Args:
        method: The `Method`.
        sync: `sync_perturbation` of `SAMModel`.

    Returns:
        `sync`.

    Raises:
        ValueError: With what to use instead.
    """
    if isinstance(sync, str) and sync == "mean":
        _check_mean(method)
    elif checks.boolean("sync_perturbation", sync, '"mean"'):
        _check_global(method)
    return sync


def _check_mean(method: Method) -> None:
    """The processes must meet at the same places, and the perturbation be all of the ascent."""
    trouble = ""
    if method.policy is not None:
        trouble = "decides by its own batch whether to perturb, and may be alone in it"
    elif method.descent.needs_closed_form_ascent:
        trouble = "goes on from the ascent as a function, of which no mean is known"
    if trouble:
        raise ValueError(
            f"With the method {method.name!r} a process {trouble}: use sync_perturbation=True, or "
            "leave it out. Received: sync_perturbation='mean'"
        )


def _check_global(method: Method) -> None:
    """One perturbation of all batches is not for processes that look at examples of their own."""
    takes_parts = method.ascent_fraction < 1 or method.ascent.takes_examples
    if takes_parts or method.needs_example_losses:
        raise ValueError(
            f"The method {method.name!r} chooses among the examples of a batch, and of those of "
            "other processes a process knows none: leave out sync_perturbation, so that each "
            "perturbs for its own. Received: sync_perturbation=True"
        )


def _is_occasional(method: Method) -> bool:
    return method.every > 1 or method.start > 0 or method.policy is not None


def check_model(
    method: Method, optimizer: keras.optimizers.Optimizer, num_batch_splits: int | None
) -> None:
    """Refuse a training that would apply a part of the method twice, or not as it says.

    Args:
        method: The `Method`.
        optimizer: The `keras.optimizers.Optimizer`.
        num_batch_splits: Positive integer or `None`.

    Raises:
        ValueError: With what to use instead.
    """
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    if method.descent.needs_plain_sgd and not _is_plain_sgd(optimizer):
        raise ValueError(
            f"The method {method.name!r} makes the whole update itself; another optimizer's "
            "momentum, scaling, decay, clipping or accumulation would apply on top. Compile with "
            "keras.optimizers.SGD(learning_rate), and give momentum to the method. "
            f"Received: optimizer={type(optimizer).__name__} with {_beyond_plain(optimizer)}"
        )
    _check_accumulation(method, getattr(optimizer, "gradient_accumulation_steps", None))
    if method.descent.displaces and optimizer.use_ema:
        raise ValueError(
            f"The method {method.name!r} moves the weights after the optimizer's update, and the "
            "optimizer's average would miss that; use decoupled=False, or "
            "keras_sam.callbacks.WeightAveraging. Received: use_ema=True"
        )
    if method.descent.needs_last_batch and num_batch_splits not in (None, 1):
        raise ValueError(
            f"The method {method.name!r} uses the whole batch before; leave out num_batch_splits. "
            f"Received: num_batch_splits={num_batch_splits}"
        )


def _check_accumulation(method: Method, steps: int | None) -> None:
    """Between accumulated gradients the weights stay, which some methods do not expect."""
    parts = (method.ascent, method.descent)
    counts = method.descent.displaces or any(part.counts_updates for part in parts)
    if steps and counts:
        raise ValueError(
            f"The method {method.name!r} goes by the optimizer's updates, and with accumulated "
            "gradients there is not one for each batch; use num_batch_splits (for wsam also "
            f"decoupled=False). Received: gradient_accumulation_steps={steps}"
        )


def _is_plain_sgd(optimizer: keras.optimizers.Optimizer) -> bool:
    is_sgd = isinstance(optimizer, keras.optimizers.SGD)
    return is_sgd and not _beyond_plain(optimizer)


def _beyond_plain(optimizer: keras.optimizers.Optimizer) -> dict[str, Any]:
    """What an optimizer does beside multiplying by a learning rate, by name."""
    settings = {name: getattr(optimizer, name, None) for name in BEYOND_PLAIN_SGD}
    return {name: value for name, value in settings.items() if value}
