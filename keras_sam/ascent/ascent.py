"""What every ascent offers."""

from collections.abc import Sequence
from typing import Any, Self

import keras

from keras_sam.exports import exported
from keras_sam.roles import Role
from keras_sam.tensors import Tensor, Vector
from keras_sam.training.carriers import Context
from keras_sam.training.memory import Slot
from keras_sam.training.oracle import GradientOracle


@exported
class Ascent:
    """Where to look: maps the clean gradient to a perturbation of length rho.

    An ascent sees only the perturbed weights: masks are applied around it. One that is a
    closed form in the gradient and the weights implements `direction`; one that evaluates the
    loss again, or keeps or draws something, overrides `perturbation`.

    Attributes:
        is_closed_form: Whether `direction` is all of it.
        is_one_pass: Whether `origin` is the perturbation already, known before any gradient.
        starts_clean: Whether the first evaluation of a batch gives its gradient at the weights.
        is_random: Whether it draws numbers.
        climbs_in_steps: Whether it evaluates the batch again on its way.
        counts_updates: Whether what it keeps goes with the optimizer's updates, so that gradient
            accumulation would confuse it.
        learns_perturbed: Whether `learn_perturbed` takes note of anything.
        needs_adapters: Whether it is for models with LoRA alone.
        takes_examples: Whether it evaluates single examples of the batch.
        probes: Number of tensors that `probe` returns; 0 where the first gradient is that of the
            plain mean.
        family: Name that the descent must share, where the two work only together.
    """

    is_closed_form = True
    is_one_pass = False
    starts_clean = True
    is_random = False
    climbs_in_steps = False
    counts_updates = False
    learns_perturbed = False
    needs_adapters = False
    takes_examples = False
    probes = 0
    family: str | None = None

    def slots(self) -> dict[str, Slot]:
        """What is kept between steps: dict from a name to its `keras_sam.training.memory.Slot`."""
        return {}

    def check(self, roles: Sequence[Role]) -> None:
        """Refuses weights with which it can do nothing.

        Args:
            roles: Sequence of `keras_sam.roles.Role`, those of the perturbed weights.

        Raises:
            ValueError: With what to do.
        """
        del roles

    def frozen_offsets(
        self, oracle: GradientOracle, context: Context
    ) -> list[tuple[keras.Variable, Tensor]]:
        """What weights that are not trained have added in every evaluation of the batch.

        Args:
            oracle: `GradientOracle` over the perturbed weights.
            context: `keras_sam.training.carriers.Context` of these weights.

        Returns:
            List of `(variable, offset)`.
        """
        del oracle, context
        return []

    def origin(self, oracle: GradientOracle, context: Context) -> Vector | None:
        """Where to evaluate the batch first, relative to the weights.

        Args:
            oracle: `GradientOracle` over the perturbed weights.
            context: `keras_sam.training.carriers.Context` of these weights.

        Returns:
            List of tensors; `None` for the weights themselves.
        """
        del oracle, context
        return None

    def probe(self, oracle: GradientOracle, context: Context) -> list[Tensor]:
        """What `weigh` wants to know beforehand: `probes` tensors of shape `(batch,)`."""
        raise NotImplementedError

    def weigh(self, losses: Tensor, probes: list[Tensor]) -> Tensor:
        """Weights of the examples in the first gradient, of mean 1.

        Args:
            losses: Tensor of shape `(batch,)`, the examples' losses at the first evaluation.
            probes: What `probe` has returned.
        """
        raise NotImplementedError

    def perturbation(self, oracle: GradientOracle, gradients: Vector, context: Context) -> Vector:
        """The perturbation at the oracle's weights.

        Args:
            oracle: `GradientOracle` over the perturbed weights.
            gradients: List of tensors, the first gradient with respect to them.
            context: `keras_sam.training.carriers.Context` of these weights.

        Returns:
            List of tensors shaped as the weights.
        """
        return self.direction(gradients, oracle.weights, context.rho, oracle.roles)

    @property
    def learns(self) -> bool:
        """Whether it looks at the gradient of the first evaluation once more, by `learn`."""
        return type(self).learn is not Ascent.learn

    def learn(self, oracle: GradientOracle, gradients: Vector, context: Context) -> None:
        """Takes note of the first gradient for later steps, once the perturbation is made.

        Called on every step, whether the method acts or not.
        """
        del oracle, gradients, context

    def learn_perturbed(self, oracle: GradientOracle, gradients: Vector, context: Context) -> None:
        """Takes note of the gradient at the perturbed weights for later steps.

        Called where the descent has asked for it with `Climb.perturbed`.
        """
        del oracle, gradients, context

    def direction(
        self, gradients: Vector, weights: Vector, rho: Tensor, roles: Sequence[Role]
    ) -> Vector:
        """The perturbation as a function of the gradient and the weights alone."""
        raise NotImplementedError

    def project(
        self, perturbation: Vector, weights: Vector, rho: Tensor, roles: Sequence[Role]
    ) -> Vector:
        """`perturbation`, pulled back into the ball of radius rho where it has left it."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The inverse of `get_config`."""
        return cls(**config)
