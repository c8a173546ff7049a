"""Gradients and the train step on JAX."""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import keras

from keras_sam.backend import unrolled
from keras_sam.backend.displacement import displaced
from keras_sam.backend.jax_convolutions import in_fast_layout
from keras_sam.backend.jax_curvature import (  # noqa: F401  (To be had here.)
    gauss_newton_vector_product,
    hessian_at,
    hessian_vector_product,
    kept_products,
)
from keras_sam.backend.jax_processes import (  # noqa: F401  (To be had here.)
    is_shared,
    joined,
    told_by_first,
    told_to_all,
)
from keras_sam.backend.jax_shards import (  # noqa: F401  (To be had here.)
    across_replicas,
    num_processes,
    on_own_parts,
    own_parts,
)
from keras_sam.backend.one_process import process, sharded_part  # noqa: F401
from keras_sam.backend.types import (
    Function,
    Gradients,
    ModelMixin,
    Nested,
    Tensor,
    documented_as,
)
from keras_sam.backend.unrolled import State
from keras_sam.backend.vectors import (  # noqa: F401  (To be had here.)
    added,
    multiplied,
    scaled,
    sums,
)

FEW = 3  # Times that a step is written out below, rather than put in a loop.


def value_and_gradient(
    function: Callable[..., Any], tensors: list[Tensor]
) -> tuple[Tensor, Any, Gradients]:
    """Value, auxiliary output and gradient of `function(tensors) -> (value, auxiliary)`.

    Args:
        function: Maps a list of tensors to a scalar and anything else.
        tensors: List of tensors, the point at which to differentiate.

    Returns:
        `(value, auxiliary, gradients)`; a tensor that the value does not depend on has a
        gradient of zeros on JAX and `None` on the other backends.
    """
    (value, auxiliary), gradients = jax.value_and_grad(function, has_aux=True)(tensors)
    return value, auxiliary, gradients


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` of nested tensors, without side effects, compiled once for equal shapes."""
    return jax.jit(function)


def free_memory() -> int | None:
    """Bytes that are free on an accelerator, 0 where nobody says; `None` on a CPU."""
    if jax.process_count() > 1:
        return 0  # All must compute the same, whatever each has.
    device = jax.local_devices()[0]
    if device.platform == "cpu":
        return None
    said = device.memory_stats() or {}
    return said.get("bytes_limit", 0) - said.get("bytes_in_use", 0)


def cond(predicate: Tensor, if_true: Callable[[], Any], if_false: Callable[[], Any]) -> Any:
    """Result of one of two functions without arguments; the other one costs nothing.

    Args:
        predicate: Bool scalar tensor.
        if_true: Function that evaluates the model again.
        if_false: Function that does not.
    """
    return jax.lax.cond(predicate, _within(if_true), if_false)


def repeated(step: Callable[[State], State], state: State, times: int) -> State:
    """See `keras_sam.backend.unrolled.repeated`: here a loop, whose step is compiled once.

    Five ascent steps compile in half the time; each takes 5 % more, so few are written out.
    """
    is_traced = any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(state))
    if times < FEW or not is_traced:  # Outside of `jit` a loop would be compiled at each call.
        return unrolled.repeated(step, state, times)
    return jax.lax.fori_loop(0, times, lambda _, before: _within(lambda: step(before))(), state)


def _within(function: Callable[[], Any]) -> Callable[[], Any]:
    """A function that evaluates the model, as a branch or a loop is to hold it."""
    return in_fast_layout(function) if jax.default_backend() == "cpu" else function


def runs_one_branch() -> bool:
    """Whether `cond` calls one of its functions only; on JAX it traces both."""
    return False


def computed_once(tensor: Tensor) -> Tensor:
    """`tensor`, as a value that no operation computes for itself.

    XLA turns the sum of a stack of scalars into a chain of additions and repeats the chain in
    each operation that uses the sum: a norm over all weights would triple the compilation.
    """
    return jax.lax.optimization_barrier(tensor)


def once_known(tensor: Tensor, others: list[Tensor]) -> Tensor:
    """`tensor`, which nothing reads before the others are known.

    Several micro-batches would else be begun at once, and memory hold what all of them need. (On a
    CPU XLA takes the barrier away before it decides on an order.)
    """
    return jax.lax.optimization_barrier((tensor, others))[0]


def random_state() -> Any:
    """State of any generator outside Keras's seed variables: none on JAX."""
    return None


def set_random_state(state: Any) -> None:
    """Counterpart of `random_state`."""
    del state


def num_replicas() -> int:
    """Factor by which Keras has divided the loss: none, the batch is global on JAX."""
    return 1


def test_step_of(
    base_model: keras.Model, model: keras.Model, state: Any, data: Nested
) -> tuple[dict[str, Any], tuple[list[Tensor], ...]]:
    """The `test_step` of a model inside of another one, whose state is a part of that one's.

    Args:
        base_model: The `keras.Model` whose step it is.
        model: The `keras.Model` that holds it.
        state: Tuple of lists of arrays, as the `test_step` of `model` gets it.
        data: The batch.

    Returns:
        The logs, and the state of `model` after the step.
    """
    known = {id(v): value for v, value in _pairs(_tested(model), state)}
    theirs = _tested(base_model)
    logs, after = base_model.test_step(tuple([known[id(v)] for v in vs] for vs in theirs), data)
    known |= {id(v): value for v, value in _pairs(theirs, after)}
    return logs, tuple([known[id(v)] for v in variables] for variables in _tested(model))


def _tested(model):
    """What Keras hands to a `test_step` and takes back."""
    return model.trainable_variables, model.non_trainable_variables, model.metrics_variables


def _pairs(variables, values):
    return [pair for lists in zip(variables, values) for pair in zip(*lists, strict=True)]


def without_graph() -> contextlib.AbstractContextManager[Any]:
    """A block whose computations keep no graph; on JAX none does."""
    return contextlib.nullcontext()


def fused_kernels() -> contextlib.AbstractContextManager[Any]:
    """A block in which layers run on kernels that do more at once; XLA fuses by itself."""
    return contextlib.nullcontext()


def unconverted(function: Function) -> Function:
    """A function that TensorFlow's AutoGraph leaves as it is; on JAX as on PyTorch all are."""
    return function


def is_recorded() -> bool:
    """Whether a tape is recording what is computed here; there are none on JAX."""
    return False


def plain_modules(parts: Sequence[Any]) -> None:
    """Modules that are the backend's own and know nothing of Keras: on JAX there are none."""
    del parts


def wrapped_modules(layers: Sequence[keras.layers.Layer], to_place: bool = True) -> None:
    """Modules that are the backend's own, inside of Keras layers: on JAX there are none.

    Args:
        layers: List of layers.
        to_place: Whether their values are to be placed, for which their buffers need variables.
            Defaults to `True`.
    """
    del layers, to_place


def neutral_train_step(function: Function) -> Function:
    """See `keras_sam.neutral_train_step`; on JAX Keras hands the step the model's state."""

    @documented_as(function)
    def train_step(self: Any, state: Any, data: Nested) -> Any:
        variables = (
            self.trainable_variables,
            self.non_trainable_variables,
            self.optimizer.variables,
            self.metrics_variables,
        )
        with keras.StatelessScope(state_mapping=_pairs(variables, state)) as scope:
            logs = function(self, data)
        return logs, tuple([scope.get_current_value(v) for v in refs] for refs in variables)

    return train_step  # type: ignore[return-value]


class TrainStep(ModelMixin):
    """The stateless `train_step` of Keras's JAX trainer around `compute_update`.

    The lists of `state` follow the model's own properties, so a scope that maps every
    variable to its traced value lets the step read and assign variables as elsewhere.
    """

    def train_step(
        self, state: Any, data: Nested
    ) -> tuple[dict[str, Any], tuple[list[Tensor], ...]]:
        if not self.trainable_variables:
            return super().train_step(state, data)
        variables = (
            self.trainable_variables,
            self.non_trainable_variables,
            self.optimizer.variables,
            self.metrics_variables,
        )

        def updated(state, data):
            with keras.StatelessScope(state_mapping=_pairs(variables, state)) as scope:
                outcome, logs = self.compute_update(data)
                if num_processes() > 1:
                    logs |= self._metrics_of_all()
            refs = variables[1], variables[3]
            return outcome, logs, [[scope.get_current_value(v) for v in vs] for vs in refs]

        updated = on_own_parts(updated, self)
        outcome, logs, (non_trainable, metrics) = updated(state, data)
        trainable, optimizer = self.optimizer.stateless_apply(state[2], outcome.gradients, state[0])
        trainable = displaced(variables[0], trainable, outcome.displacement)
        if outcome.is_made is not True:
            made, before = (trainable, optimizer), (state[0], state[2])
            trainable, optimizer = jax.tree.map(
                lambda new, old: jax.numpy.where(outcome.is_made, new, old), made, before
            )
        return logs, (trainable, non_trainable, optimizer, metrics)

    def _metrics_of_all(self):
        """Metrics are quotients of sums: of their means they are those of the whole batch."""
        values = [variable.value for variable in self.metrics_variables]
        for variable, value in zip(
            self.metrics_variables, across_replicas(values, [True] * len(values)), strict=True
        ):
            variable.assign(value)
        return self.get_metrics_result()


@contextlib.contextmanager
def on_all_devices() -> Iterator[None]:
    """Models made and trained in the block split their batches among all devices."""
    before = keras.distribution.distribution()
    keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))
    try:
        yield
    finally:
        keras.distribution.set_distribution(before)


def device_name() -> str:
    """What a training runs on, by the name that its maker gave it."""
    return jax.devices()[0].device_kind


def keep_compiled(folder: Path) -> None:
    """Keeps what is compiled in a folder, from which a later process takes it.

    What the user's environment says comes first: JAX has read its variables already.

    Args:
        folder: Path.
    """
    settings = {
        "jax_compilation_cache_dir": str(folder),
        "jax_persistent_cache_min_compile_time_secs": 0.2,  # Less is compiled faster than read.
    }
    for name, value in settings.items():
        if name.upper() not in os.environ:
            jax.config.update(name, value)
