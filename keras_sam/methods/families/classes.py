"""Methods for long-tailed data, which climb for the rare classes."""

from collections.abc import Sequence
from typing import Any

from keras_sam import checks
from keras_sam.ascent import ClassWeightedAscent, DualNormAscent
from keras_sam.descent import ClassWeightedGradient
from keras_sam.methods.method import Method
from keras_sam.methods.registry import NO_FRACTION, Cost, register
from keras_sam.schedules import Rho

CLASSES = 1_000_000  # No data set has more.


@register(
    "focal_sam",
    summary="climbs more for rarer classes",
    paper="Li et al. 2025",
    cost=Cost(3),
    fixed=NO_FRACTION,
)
def FocalSAM(
    rho: Rho = 0.2,
    gamma: float = 3.0,
    lam: float = 0.5,
    class_counts: Sequence[int] | None = None,
    p: float = 2,
    **when_and_where: Any,
) -> Method:
    """SAM in which a class counts by its rarity: `c = lam (1 - n / N)^gamma`.

    Args:
        {{rho}}
        gamma: Float of at least 0; 0 is the same share for each class. Defaults to `3.0`.
        lam: Float in [0, 1], share of the perturbed gradient for the rarest classes. Defaults to
            `0.5`.
        class_counts: Sequence of integers, the training examples n of each class, N in all. It
            weighs labels of shape `(batch,)` or `(batch, 1)` and shares of classes of shape
            `(batch, classes)`. Defaults to `None`: each class weighs `lam`, as in
            `GNP(alpha=lam)`.
        {{p}}
        {{when_and_where}}

    Returns:
        `Method` named `"focal_sam"`.

    Raises:
        ValueError: If an argument is outside its range; at the first step, if there are counts
            and the targets are no labels.

    Reference:
        Li et al., Focal-SAM: Focal Sharpness-Aware Minimization for Long-Tailed Classification,
        ICML 2025.

    Example:

    >>> method = keras_sam.methods.FocalSAM(class_counts=[5000, 500, 50])
    """
    gamma, lam = checks.non_negative("gamma", gamma), checks.from_zero_to_one("lam", lam)
    counts = [] if class_counts is None else _integers("class_counts", class_counts)
    total = max(sum(counts), 1)
    # A class without examples is the rarest.
    weights = [lam * (1 - count / total) ** gamma for count in counts] + [lam]
    descent = ClassWeightedGradient([1 - weight for weight in weights], weights)
    ascent = ClassWeightedAscent(DualNormAscent(p), weights)
    return Method(ascent, descent, rho, name="focal_sam", **when_and_where)


@register(
    "imb_sam",
    summary="SAM for the tail, the plain gradient for the head",
    paper="Zhou et al. 2023",
    cost=Cost(3),
    fixed=NO_FRACTION,
    neutral={"tail_weight": 1.0},
)
def ImbSAM(
    rho: Rho = 0.05,
    tail_classes: Sequence[int] | None = None,
    tail_weight: float = 1.0,
    p: float = 2,
    **when_and_where: Any,
) -> Method:
    """SAM for the rare classes alone, and the plain gradient for the others.

    Args:
        {{rho}}
        tail_classes: Sequence of integers, the classes for SAM. Defaults to `None`, all of them:
            `SAM`, at the price of a gradient more.
        tail_weight: Float of at least 0, factor on their loss; the authors' code has 2. Defaults
            to `1.0`.
        {{p}}
        {{when_and_where}}

    Returns:
        `Method` named `"imb_sam"`.

    Raises:
        ValueError: If an argument is outside its range; at the first step, if there are classes
            and the targets are no labels.

    Reference:
        Zhou et al., ImbSAM: A Closer Look at Sharpness-Aware Minimization in Class-Imbalanced
        Recognition, ICCV 2023.

    Example:

    >>> counts = [5000, 500, 50, 5]
    >>> tail = [label for label, count in enumerate(counts) if count < 100]
    >>> method = keras_sam.methods.ImbSAM(tail_classes=tail)
    """
    weight = checks.non_negative("tail_weight", tail_weight)
    is_tail = [True] if tail_classes is None else _among(tail_classes)
    tail = [weight * chosen for chosen in is_tail]
    ascent = ClassWeightedAscent(DualNormAscent(p), tail)
    descent = ClassWeightedGradient([float(not chosen) for chosen in is_tail], tail)
    return Method(ascent, descent, rho, name="imb_sam", **when_and_where)


def _among(tail_classes: Sequence[int]) -> list[bool]:
    """Whether each class is in the tail: of those from 0 to one that is beyond all of it."""
    classes = {*_integers("tail_classes", tail_classes)}
    highest = max(classes, default=-1)
    if highest >= CLASSES:
        checks.refuse("tail_classes", f"a list of integers below {CLASSES}", tail_classes)
    return [label in classes for label in range(highest + 2)]


def _integers(name: str, values: Any) -> list[int]:
    """The values as a list of integers; those of an array too."""
    values = values.tolist() if hasattr(values, "tolist") else values
    if not isinstance(values, list | tuple) or len(values) > CLASSES:
        checks.refuse(name, "a list of integers of at least 0, such as [500, 50]", values)
    return [checks.non_negative_integer(f"{name}[{n}]", value) for n, value in enumerate(values)]
