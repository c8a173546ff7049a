"""The start of a training by several processes: they are one, or it is refused on all of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import keras

from keras_sam import backend, tensors

if TYPE_CHECKING:
    from keras_sam.model import SAMModel


def start_together(model: SAMModel) -> None:
    """Gives all processes what the first one has: weights, optimizer, method's state, seeds.

    Does nothing in a single process. A process that never comes here lets the others wait for
    the time-out of the process group. On JAX what is shared is one array already.

    Args:
        model: The compiled `SAMModel` of this process.

    Raises:
        ValueError: If the processes do not train the same, or their weights are sharded; on all
            of them.
    """
    if not backend.is_shared(model):
        return
    variables = _shared(model)
    told = backend.told_to_all(_facts(model, variables))
    for facts in told:
        _check_weights(facts)
    _check_batches([facts.pop("batches") for facts in told])
    _check_equal(told)
    agree(variables, is_averaged=False)


def agree(variables: list[keras.Variable], is_averaged: bool) -> None:
    """Gives variables the same values in all processes.

    Args:
        variables: List of `keras.Variable`.
        is_averaged: Whether these are the means, or the first process's values.
    """
    values = backend.across_replicas(tensors.values(variables), [is_averaged] * len(variables))
    tensors.assign(variables, values)


def _shared(model: SAMModel) -> list[keras.Variable]:
    """The variables of the training but for metrics and a kept batch, which are the process's."""
    parts = [*model.base_model.variables, *model.context().variables]
    if model.memory is not None:
        kept = model.memory.last_batch
        own = set() if kept is None else {id(variable) for variable in kept.variables}
        parts = [variable for variable in parts if id(variable) not in own]
        parts += [] if model.memory.seed is None else [model.memory.seed.state]
    return [*parts, *model.optimizer.variables]


def _facts(model: SAMModel, variables: Sequence[keras.Variable]) -> dict[str, str]:
    """What must be the same in all processes, in words."""
    kinds = [(tuple(variable.shape), str(variable.dtype)) for variable in variables]
    return {
        "sharded": backend.sharded_part(model.base_model),
        "float8": _first_path(v for v in model.trainable_variables if v.overwrite_with_gradient),
        "method": model.method.name,
        "rho": f"{float(keras.ops.convert_to_numpy(model.current_rho())):g}",
        "options": repr(model.method),
        "num_batch_splits": repr(model.num_batch_splits),
        "skip_nonfinite": repr(model.skip_nonfinite),
        "sync_perturbation": repr(model.sync_perturbation),
        "optimizer": type(model.optimizer).__name__,
        "batches": repr(model.batches_an_epoch),
        "variables": f"{len(kinds)} ({hashlib.sha256(repr(kinds).encode()).hexdigest()[:8]})",
    }


def _first_path(variables: Iterator[keras.Variable]) -> str:
    return next((variable.path for variable in variables), "")


def _check_weights(facts: dict[str, str]) -> None:
    if facts["sharded"]:
        raise ValueError(
            "Keras trains the whole weights that it has made, and shards of PyTorch's (DTensor) "
            "are others beside them, which nothing would train: leave out fully_shard and "
            "parallelize_module, or train a sharded model with KERAS_BACKEND=jax and "
            f"keras.distribution.ModelParallel. Received: {facts['sharded']} is sharded"
        )
    if facts["float8"]:
        raise ValueError(
            "Scales of float8 are no gradients that could be averaged over processes: train "
            "in one process, or with another dtype policy. "
            f"Received: float8 scales, first {facts['float8']}"
        )


def _check_equal(told: list[dict[str, str]]) -> None:
    for process, facts in enumerate(told):
        for name, value in facts.items():
            if value != told[0][name]:
                raise ValueError(
                    f"All processes must train with the same {name}: build and compile the "
                    f"SAMModel alike in each. Received: {name}={told[0][name]} in process 0, "
                    f"{name}={value} in process {process}"
                )


def _check_batches(counts: Sequence[str]) -> None:
    if len(set(counts)) > 1:
        found = ", ".join(f"{count} in process {process}" for process, count in enumerate(counts))
        raise ValueError(
            "All processes must have as many batches an epoch, or one waits for another: share the "
            "examples out evenly, as a DistributedSampler does, or give fit the same "
            f"steps_per_epoch in each. Received: {found}"
        )
