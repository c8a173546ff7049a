"""Which parts of a method fit together, and which optimizers fit a method."""

import keras


def check(method):
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
    for name in sorted(set(ascent.slots()) & set(descent.slots())):
        if ascent.slots()[name] != descent.slots()[name]:
            raise ValueError(f"Two parts must not keep the same slot {name}. Received: {names}")
    if method.ascent_fraction < 1:
        _check_fraction(method, names)


def _check_fraction(method, names):
    """A gradient of a part of the batch is good for the ascent, and for nothing else."""
    uses_it = method.descent.needs_clean_gradient or method.descent.looks_ahead
    if _is_occasional(method) or uses_it or not method.ascent.starts_clean:
        raise ValueError(
            "ascent_fraction below 1 is for methods that use the first gradient for the ascent "
            "alone, on every step, such as sam, asam or multistep. Received: "
            f"ascent_fraction={method.ascent_fraction}, {names}, every={method.every}, "
            f"start={method.start}"
        )


def _is_occasional(method):
    return method.every > 1 or method.start > 0 or method.policy is not None


def check_model(method, optimizer, num_batch_splits):
    """Refuse a training that would apply a part of the method twice, or not as it says.

    Args:
        method: The `Method`.
        optimizer: The compiled `keras.optimizers.Optimizer`.
        num_batch_splits: Positive integer or `None`.

    Raises:
        ValueError: With what to use instead.
    """
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    if method.descent.needs_plain_sgd and not _is_plain_sgd(optimizer):
        raise ValueError(
            f"The method {method.name!r} makes the whole update itself; another optimizer's "
            "momentum, scaling or decay would apply on top. Compile with "
            "keras.optimizers.SGD(learning_rate), and give momentum to the method. "
            f"Received: optimizer={optimizer.get_config()}"
        )
    if method.descent.displaces and getattr(optimizer, "gradient_accumulation_steps", None):
        raise ValueError(
            f"The method {method.name!r} moves the weights beside the optimizer, which between "
            "accumulated gradients must stay; use decoupled=False, or num_batch_splits. Received: "
            f"gradient_accumulation_steps={optimizer.gradient_accumulation_steps}"
        )
    if method.descent.needs_last_batch and num_batch_splits not in (None, 1):
        raise ValueError(
            f"The method {method.name!r} uses the whole batch before; leave out num_batch_splits. "
            f"Received: num_batch_splits={num_batch_splits}"
        )


def _is_plain_sgd(optimizer):
    settings = optimizer.get_config()
    is_sgd = isinstance(optimizer, keras.optimizers.SGD)
    return is_sgd and not settings["momentum"] and not settings["weight_decay"]
