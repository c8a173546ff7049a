"""The federated algorithms: what their clients do, what is exchanged, how it is averaged."""

from dataclasses import dataclass, field
from typing import Any

from keras_sam import checks


@dataclass(frozen=True)
class Algorithm:
    """A row of the table of federated algorithms.

    Args:
        name: String.
        summary: String, what its clients do.
        paper: String.
        method: Name from `keras_sam.methods.list()` of the clients' steps; `None` for plain steps,
            or for an ascent that no method on one machine has.
        options: Dictionary of that method's options.
        is_weighted: Whether clients count by their examples; else each counts as one.
            Defaults to `False`.
        has_momentum: Whether the server's last change is sent along and mixed into each step.
            Defaults to `False`.
        looks_back: Whether a client climbs towards the weights that it was sent the last time.
            Defaults to `False`.
    """

    name: str
    summary: str
    paper: str
    method: str | None
    options: dict[str, Any] = field(default_factory=dict)
    is_weighted: bool = False
    has_momentum: bool = False
    looks_back: bool = False

    @property
    def takes_method(self) -> bool:
        """Whether the steps of its clients may be those of any method of the registry."""
        return self.method is not None


QU = "Qu et al. 2022"
TABLE = {
    row.name: row
    for row in (
        Algorithm("fedavg", "plain steps", "McMahan et al. 2017", None),
        Algorithm("fedsam", "steps of SAM", QU, "sam", {"rho": 0.1}),
        Algorithm(
            "mofedsam",
            "steps of SAM, mixed with the server's last change",
            QU,
            "sam",
            {"rho": 0.1},
            has_momentum=True,
        ),
        Algorithm(
            "fedasam",
            "steps of ASAM; a client counts by its examples",
            "Caldarola et al. 2022",
            "asam",
            {"rho": 0.7, "eta": 0.2},
            is_weighted=True,
        ),
        Algorithm(
            "fedlesam",
            "climbs towards the weights it was sent the last time, with one gradient a step",
            "Fan et al. 2024",
            None,
            {"rho": 0.1},
            looks_back=True,
        ),
    )
}


def names() -> list[str]:
    """Names of the federated algorithms.

    Returns:
        List of strings.

    Example:

    >>> from keras_sam.federated import algorithms
    >>> algorithms.names()
    ['fedavg', 'fedsam', 'mofedsam', 'fedasam', 'fedlesam']
    """
    return list(TABLE)


def get(algorithm: str | Algorithm) -> Algorithm:
    """An algorithm by its name.

    Args:
        algorithm: String from `names()`, or an `Algorithm`, which is returned.

    Returns:
        The `Algorithm`.

    Raises:
        ValueError: If there is none of this name.

    Example:

    >>> from keras_sam.federated import algorithms
    >>> algorithms.get("fedasam").is_weighted
    True
    """
    if isinstance(algorithm, Algorithm):
        return algorithm
    if algorithm not in TABLE:
        raise ValueError(
            f"Unknown federated algorithm: {checks.nearest(algorithm, names())} "
            f"Received: {checks.received(algorithm=algorithm)}"
        )
    return TABLE[algorithm]
