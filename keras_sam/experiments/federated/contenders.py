"""Which federated algorithms to compare, from what the command line says."""

import dataclasses
from typing import Any

from keras_sam.experiments.flags.checking import check_known, rho_after_colon
from keras_sam.federated import Algorithm, algorithms
from keras_sam.federated.local_training import client_method

SWA = "+swa"


@dataclasses.dataclass(frozen=True)
class Contender:
    """An algorithm of a comparison.

    Args:
        label: String, as on the command line.
        algorithm: The `Algorithm`.
        averages: Whether the mean of the server's last weights counts.
        method: Name of the method of its clients; `None` for the algorithm's own.
        options: Dictionary of the method's options that are not the algorithm's own.
    """

    label: str
    algorithm: Algorithm
    averages: bool
    method: str | None
    options: dict[str, Any]

    @property
    def folder(self) -> str:
        """Name of the folder of its runs."""
        return self.label.replace(":", "_rho_").replace(SWA, "_swa")


def contenders(texts: list[str], method: str | None) -> list[Contender]:
    """The algorithms to compare, in the order of the table.

    Args:
        texts: List of strings, such as `"fedasam+swa:0.5"`.
        method: Name from the registry, for all algorithms that take one; or `None`.

    Raises:
        ValueError: If one is unknown, has options that it does not take, or comes twice.
    """
    found = [_contender(text.strip(), method) for text in texts]
    if not found or len({contender.label for contender in found}) < len(found):
        raise ValueError(
            "Name each algorithm once, or with another rho, as in fedsam:0.5. "
            f"Received: --compare={','.join(texts)}"
        )
    return found


def _contender(text: str, method: str | None) -> Contender:
    name, _, rho = text.partition(":")
    name, plus, more = name.partition("+")
    check_known("algorithm", name, algorithms.names())
    if f"{plus}{more}" not in ("", SWA):
        raise ValueError(f"Only {SWA} can follow an algorithm's name. Received: {text}")
    algorithm = algorithms.get(name)
    own = method if algorithm.takes_method else None
    options = {"rho": rho_after_colon(text, rho, "an algorithm", "fedsam:0.5")} if rho else {}
    client_method(algorithm, own, options)  # Refused now, if at all.
    return Contender(text, algorithm, bool(plus), own, options)
