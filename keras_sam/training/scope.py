"""Scopes in which variables have other values, and none is really assigned."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import keras
from keras import ops

from keras_sam import backend
from keras_sam.tensors import Tensor, Vector
from keras_sam.training.carriers import Context


class Scope(keras.StatelessScope):
    """Collects assignments, over the variables and over the scope of a JAX step around it.

    What was assigned inside (BatchNorm statistics, seeds, metrics, a method's state) is
    remembered, so that it can be handed on from where it counts and dropped from elsewhere.
    """

    def __init__(self, collect_losses: bool = False) -> None:
        super().__init__(collect_losses=collect_losses)
        self.assigned: dict[int, keras.Variable] = {}

    def get_current_value(self, variable: keras.Variable) -> Tensor | None:
        value = super().get_current_value(variable)
        if value is None and self.original_scope is not None:
            value = self.original_scope.get_current_value(variable)
        return value

    def value(self, variable: keras.Variable) -> Tensor:
        """The value of a variable as the code inside the scope has left it."""
        value = self.get_current_value(variable)
        return variable.value if value is None else value

    def add_update(self, update: Any) -> None:
        super().add_update(update)
        self.assigned[id(update[0])] = update[0]

    def hand_on(self, predicate: bool | Tensor = True) -> None:
        """Really assigns, once the scope is left, what was assigned in it.

        Args:
            predicate: `True`, or a bool tensor: where it is false, the variables stay.
        """
        for variable in self.assigned.values():
            value = self.get_current_value(variable)
            if predicate is not True:
                value = ops.where(predicate, value, variable.value)
            variable.assign(value)

    def place(self, variables: Sequence[keras.Variable], values: Vector) -> None:
        """From here on the variables have these values; this is no assignment."""
        for variable, value in zip(variables, values, strict=True):
            super().add_update((variable, value))


class Pass(Scope):
    """The scope of a pass through a network, made with the backend's fused kernels."""

    def __init__(self) -> None:
        super().__init__(collect_losses=True)
        self._kernels = backend.fused_kernels()

    def __enter__(self) -> Self:
        self._kernels.__enter__()
        return super().__enter__()

    def __exit__(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().__exit__(*args, **kwargs)
        finally:  # Or all of Keras would keep the kernels.
            self._kernels.__exit__(None, None, None)


def pure(
    function: Callable[..., Any], variables: Sequence[keras.Variable]
) -> Callable[[], tuple[Any, list[Tensor]]]:
    """`function` without side effects: what it assigns to `variables` is returned as well.

    Args:
        function: Function without arguments.
        variables: List of `keras.Variable`.

    Returns:
        Function without arguments that returns `(result, values)`.
    """

    def without_side_effects() -> tuple[Any, list[Tensor]]:
        with Scope() as scope:
            result = function()
        return result, [scope.value(variable) for variable in variables]

    return without_side_effects


def stateless(
    function: Callable[..., Any], variables: Sequence[keras.Variable]
) -> Callable[..., tuple[list[Tensor], Any]]:
    """`function` as a pure function of the variables' values.

    Args:
        function: Function that reads and assigns variables.
        variables: List of `keras.Variable`, all that it assigns.

    Returns:
        Function `(values, …)` that returns `(new values, result)`.
    """

    def without_side_effects(
        values: Sequence[Tensor], *args: Any, **kwargs: Any
    ) -> tuple[list[Tensor], Any]:
        mapping = list(zip(variables, values, strict=True))
        with keras.StatelessScope(state_mapping=mapping) as scope:
            result = function(*args, **kwargs)
        return [scope.get_current_value(variable) for variable in variables], result

    return without_side_effects


def only_if(
    predicate: Tensor, act: Callable[[], Any], rest: Callable[[], Any], context: Context
) -> Any:
    """One of two functions without arguments; the other one costs nothing.

    Args:
        predicate: Bool scalar tensor.
        act: Function that evaluates the model again.
        rest: Function that does not.
        context: `keras_sam.training.carriers.Context` whose variables the functions may assign.
    """
    variables = [*context.variables, *([] if context.seed is None else [context.seed.state])]
    outcome, values = backend.cond(predicate, pure(act, variables), pure(rest, variables))
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return outcome


@contextlib.contextmanager
def replayed(state: Any) -> Iterator[None]:
    """Runs a block from a given random state and leaves the generators as they were.

    Args:
        state: What `keras_sam.backend.random_state` gave.
    """
    later = backend.random_state()
    backend.set_random_state(state)
    try:
        yield
    finally:
        backend.set_random_state(later)
