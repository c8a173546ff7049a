"""A method: an ascent, a descent, and when they act."""

import copy
import math
from collections.abc import Sequence
from typing import Any, Self

import keras
from keras import ops

from keras_sam import checks
from keras_sam.ascent import Ascent, DualNormAscent
from keras_sam.descent import Descent, PerturbedGradient
from keras_sam.masks import Mask, check_mask, is_perturbed
from keras_sam.methods import composition
from keras_sam.policy import Policy
from keras_sam.roles import Role
from keras_sam.schedules import Rho, check_rho, deserialize_rho, serialize_rho
from keras_sam.tensors import Tensor
from keras_sam.training.memory import ACTED, Slot


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
        ascent_fraction: Share of the batch, in (0, 1], from which the ascent takes its
            gradient; its examples are drawn anew for each batch, and the metrics and BatchNorm
            statistics are theirs. A step costs `1 + ascent_fraction`. Defaults to `1.0`.
        policy: A `keras_sam.policy.Policy` that looks at the first gradient to say whether to
            act on a step. Defaults to `None`, to act.
        name: String. Defaults to `"sam"`.

    Raises:
        ValueError: If an argument is outside its range, or the parts do not fit together.

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
        ascent_fraction: float = 1.0,
        policy: Policy | None = None,
        name: str = "sam",
    ):
        ascent = DualNormAscent() if ascent is None else ascent
        descent = PerturbedGradient() if descent is None else descent
        self.ascent = checks.instance("ascent", ascent, Ascent)
        self.descent = checks.instance("descent", descent, Descent)
        self.rho = check_rho(rho)
        check_mask(mask)
        self.mask = mask
        self.every = checks.positive_integer("every", every)
        self.start = checks.non_negative_integer("start", start)
        self.ascent_fraction = checks.fraction("ascent_fraction", ascent_fraction)
        self.policy = None if policy is None else checks.instance("policy", policy, Policy)
        self.name = checks.instance("name", name, str)
        composition.check(self)

    def __repr__(self) -> str:
        """As in `SAM(rho=0.05, p=2)`: the radius, the numbers of its parts, when and where."""
        from keras_sam.methods import registry  # Which needs this class.

        values = {"rho": self.rho}
        for part in self.parts:
            values |= _flat(part.get_config())
        when_and_where = {"mask": None, "every": 1, "start": 0, "ascent_fraction": 1.0}
        for name, default in when_and_where.items():
            if getattr(self, name) != default:
                values[name] = getattr(self, name)
        shown = ", ".join(f"{name}={_shown(value)}" for name, value in values.items())
        return f"{registry.label(self.name)}({shown})"

    @property
    def parts(self) -> list[Ascent | Descent | Policy]:
        """The ascent, the descent and the policy, where there is one."""
        return [part for part in (self.ascent, self.descent, self.policy) if part is not None]

    def slots(self) -> dict[str, Slot]:
        """What is kept between steps: dict from a name to its `keras_sam.training.memory.Slot`."""
        slots = {name: slot for part in self.parts for name, slot in part.slots().items()}
        if self.policy is not None:
            slots[ACTED] = Slot(per_weight=False, is_newer=True)
        return slots

    @property
    def is_random(self) -> bool:
        """Whether the method draws numbers."""
        return self.ascent_fraction < 1 or any(part.is_random for part in self.parts)

    @property
    def has_clean_loss(self) -> bool:
        """Whether a step evaluates the batch at the weights, so that sharpness can be told."""
        is_clean = self.ascent.starts_clean or self.ascent.probes > 0  # Only its gradient is not.
        is_clean = is_clean and not self.descent.looks_ahead
        return is_clean and self.ascent_fraction == 1

    @property
    def needs_example_losses(self) -> bool:
        """Whether a step uses the loss of each example, and not their mean alone."""
        return self.ascent.probes > 0 or self.descent.needs_example_losses

    @property
    def needs_data(self) -> bool:
        """Whether a step uses the batch itself: parts of it, or the one of the step before."""
        takes_parts = self.ascent_fraction < 1 or self.ascent.takes_examples
        return takes_parts or self.needs_example_losses or self.descent.needs_last_batch

    def is_due(self, iteration: Tensor) -> bool | Tensor:
        """Whether `every` and `start` leave this update to act on: `True` or a bool tensor."""
        if self.every == 1 and self.start == 0:
            return True
        since = ops.cast(iteration, "int32") - self.start
        return ops.logical_and(since >= 0, ops.equal(ops.mod(since, self.every), 0))

    def next_due(self, iteration: int) -> int:
        """The first update from `iteration` on that `every` and `start` leave to act on."""
        since = max(iteration - self.start, 0)
        return self.start + math.ceil(since / self.every) * self.every

    def chosen(self, roles: Sequence[Role]) -> list[int]:
        """Indices of the variables that the mask leaves to perturb."""
        chosen = [index for index, role in enumerate(roles) if is_perturbed(role, self.mask)]
        if not chosen:
            raise ValueError(
                "mask must leave at least one trainable variable to perturb. The trainable "
                f"variables are: {', '.join(role.variable.path for role in roles)}. "
                f"Received: {checks.received(mask=self.mask)}"
            )
        self.ascent.check([roles[index] for index in chosen])
        return chosen

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor."""
        return {
            "ascent": keras.saving.serialize_keras_object(self.ascent),
            "descent": keras.saving.serialize_keras_object(self.descent),
            "rho": serialize_rho(self.rho),
            "mask": keras.saving.serialize_keras_object(self.mask),
            "every": self.every,
            "start": self.start,
            "ascent_fraction": self.ascent_fraction,
            "policy": keras.saving.serialize_keras_object(self.policy),
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The inverse of `get_config`."""
        parts = {
            part: keras.saving.deserialize_keras_object(config[part])
            for part in ("ascent", "descent", "mask", "policy")
        }
        return cls(**{**config, **parts, "rho": deserialize_rho(config["rho"])})

    def with_rho(self, rho: Rho) -> Self:
        """The same method with another radius."""
        other = copy.copy(self)
        other.rho = check_rho(rho)
        return other


def _flat(config: dict[str, Any]) -> dict[str, Any]:
    """The numbers of a part and of the parts inside it."""
    flat: dict[str, Any] = {}
    for name, value in config.items():
        is_part = isinstance(value, dict) and isinstance(value.get("config"), dict)
        flat |= _flat(value["config"]) if is_part else {name: value}
    return flat


def _shown(value: Any) -> str:
    if isinstance(value, dict) and "config" in value:  # A function.
        return value["config"].split(">")[-1]
    if isinstance(value, float):
        return f"{value:g}"
    is_schedule = hasattr(value, "get_config")
    return type(value).__name__ if is_schedule else repr(value)
