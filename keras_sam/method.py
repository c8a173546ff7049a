"""A method: an ascent, a descent, and when they act."""

import copy
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from keras_sam import backend, checks, tensors
from keras_sam.ascent import Ascent, DualNormAscent
from keras_sam.descent import Climb, Descent, PerturbedGradient
from keras_sam.roles import Mask, check_mask, is_perturbed
from keras_sam.schedules import Rho, check_rho, deserialize_rho, serialize_rho


@dataclass(frozen=True)
class Step:
    """What a method makes of one batch.

    Args:
        gradients: List of tensors, the gradient for the optimizer.
        sharpness: Scalar tensor, perturbed minus clean loss.
        grad_norm: Scalar tensor, norm of the clean gradient.
        perturbation_norm: Scalar tensor; `None`, as the two above, unless measured.
        is_active: Whether the method acted on this step: `True` or a bool tensor.
    """

    gradients: list
    sharpness: Any = None
    grad_norm: Any = None
    perturbation_norm: Any = None
    is_active: Any = True


@keras.saving.register_keras_serializable(package="keras_sam")
class Method:
    """A sharpness-aware method: which gradient goes to the optimizer for a batch.

    Args:
        ascent: The `keras_sam.ascent.Ascent`. Defaults to `DualNormAscent()`.
        descent: The `keras_sam.descent.Descent`. Defaults to `PerturbedGradient()`.
        rho: Radius of the perturbation: a float of at least 0, or a
            `keras.optimizers.schedules.LearningRateSchedule` over the optimizer's iterations,
            whose negative values count as 0. Defaults to `0.05`.
        mask: Which variables to perturb; the norm runs over these alone. `"kernels"` (with
            embeddings), `"embeddings"`, `"biases"`, `"normalization"`, a list of such names,
            or a function of a `keras.Variable` that returns a bool. Defaults to `None`, all.
        every: Positive integer: act on each `every`-th update from `start` on and hand on
            the clean gradient between, at the price of one pass. Defaults to `1`.
        start: Integer of at least 0: the first update to act on. Defaults to `0`.
        name: String. Defaults to `"sam"`.

    Raises:
        ValueError: If an argument is outside its range, or the descent cannot follow the
            ascent.

    Example:

    >>> from keras_sam import ascent, methods
    >>> method = methods.Method(ascent.AdaptiveAscent(p=2), rho=0.5, every=2, name="rare_asam")
    """

    def __init__(
        self,
        ascent: Ascent | None = None,
        descent: Descent | None = None,
        rho: Rho = 0.05,
        mask: Mask = None,
        every: int = 1,
        start: int = 0,
        name: str = "sam",
    ):
        self.ascent = DualNormAscent() if ascent is None else ascent
        self.descent = PerturbedGradient() if descent is None else descent
        self.rho = check_rho(rho)
        check_mask(mask)
        self.mask = mask
        self.every = checks.positive_integer("every", every)
        self.start = checks.non_negative_integer("start", start)
        self.name = name
        if self.descent.needs_closed_form_ascent and not self.ascent.is_closed_form:
            raise ValueError(
                f"{type(self.descent).__name__} differentiates the ascent and needs one in closed "
                "form, such as DualNormAscent or AdaptiveAscent; use PerturbedGradient after "
                f"several steps. Received: ascent={type(self.ascent).__name__}"
            )

    def gradient(self, oracle, rho, iteration, measure=False):
        """The gradient for the optimizer, of one batch.

        Args:
            oracle: `GradientOracle` over all trainable weights.
            rho: Scalar tensor, the radius now.
            iteration: Integer scalar tensor, updates that the optimizer has made.
            measure: Whether to fill in the measurements. Defaults to `False`.

        Returns:
            `Step`.
        """
        clean = oracle.clean()
        if self.every == 1 and self.start == 0:
            return self._step(clean, self._act(oracle, clean, rho, measure), measure, True)
        is_active = self._is_active(iteration)
        # A real branch: an inactive step costs one pass.
        outcome = backend.cond(
            is_active,
            lambda: self._act(oracle, clean, rho, measure),
            lambda: (clean.gradients, clean.loss, ops.zeros(())),
        )
        return self._step(clean, outcome, measure, is_active)

    def _is_active(self, iteration):
        since = ops.cast(iteration, "int32") - self.start
        return ops.logical_and(since >= 0, ops.equal(ops.mod(since, self.every), 0))

    def _act(self, oracle, clean, rho, measure):
        """Gradients for the optimizer, perturbed loss, norm of the perturbation."""
        chosen = self.chosen(oracle.roles)
        around = oracle.over(chosen)
        perturbation = self.ascent.perturbation(
            around, [clean.gradients[index] for index in chosen], rho
        )
        full = [None] * len(oracle.roles)
        for index, tensor in zip(chosen, perturbation, strict=True):
            full[index] = tensor
        climb = Climb(clean, full, chosen, self._direction(around, rho))
        outcome = self.descent.evaluation(oracle, climb)
        gradients = [
            ops.cast(after, before.dtype)
            for after, before in zip(outcome.gradients, clean.gradients, strict=True)
        ]
        length = tensors.norm(perturbation) if measure else ops.zeros(())
        return gradients, outcome.loss, ops.cast(length, "float32")

    def chosen(self, roles):
        """Indices of the variables that the mask leaves to perturb."""
        chosen = [index for index, role in enumerate(roles) if is_perturbed(role, self.mask)]
        if not chosen:
            raise ValueError(
                "mask must leave at least one trainable variable to perturb. The trainable "
                f"variables are: {', '.join(role.variable.path for role in roles)}. "
                f"Received: mask={self.mask!r}"
            )
        return chosen

    def _direction(self, around, rho):
        if not self.ascent.is_closed_form:
            return None
        return lambda gradients, weights: self.ascent.direction(
            gradients, weights, rho, around.roles
        )

    def _step(self, clean, outcome, measure, is_active):
        gradients, perturbed_loss, perturbation_norm = outcome
        if not measure:
            return Step(gradients, is_active=is_active)
        sharpness = perturbed_loss - clean.loss
        return Step(
            gradients, sharpness, tensors.norm(clean.gradients), perturbation_norm, is_active
        )

    def get_config(self):
        """Arguments of the constructor."""
        return {
            "ascent": keras.saving.serialize_keras_object(self.ascent),
            "descent": keras.saving.serialize_keras_object(self.descent),
            "rho": serialize_rho(self.rho),
            "mask": keras.saving.serialize_keras_object(self.mask),
            "every": self.every,
            "start": self.start,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        """The inverse of `get_config`."""
        parts = {
            part: keras.saving.deserialize_keras_object(config[part])
            for part in ("ascent", "descent", "mask")
        }
        return cls(**{**config, **parts, "rho": deserialize_rho(config["rho"])})

    def with_rho(self, rho):
        """The same method with another radius."""
        other = copy.copy(self)
        other.rho = check_rho(rho)
        return other
