"""Examples dealt out to clients, each with classes of its own."""

import numpy as np

from keras_sam import checks

TRIES = 200


def dirichlet_parts(
    labels: np.ndarray, clients: int, alpha: float, seed: int = 0, least: int = 10
) -> list[np.ndarray]:
    """Deals out the examples of each class in shares from a Dirichlet distribution.

    Args:
        labels: Integer array (examples,).
        clients: Positive integer.
        alpha: Float above 0: about equal shares where it is large, few clients with most of a
            class where it is small.
        seed: Integer of at least 0. Defaults to `0`.
        least: Integer of at least 1: it is dealt out again until each client has this many
            examples. Defaults to `10`.

    Returns:
        List of integer arrays, the shuffled indices of each client's examples.

    Raises:
        ValueError: If an argument is outside its range, or a client stays with too few.

    Reference:
        Hsu, Qi and Brown, Measuring the Effects of Non-Identical Data Distribution for Federated
        Visual Classification, 2019 (https://arxiv.org/abs/1909.06335); class by class, and again
        where a client has too few, as Li et al., Federated Learning on Non-IID Data Silos, 2022
        (https://arxiv.org/abs/2102.02079).

    Example:

    >>> labels = np.arange(100) % 10
    >>> parts = keras_sam.federated.dirichlet_parts(labels, clients=4, alpha=0.5, least=5)
    >>> sorted(np.concatenate(parts)) == list(range(100))
    True
    """
    checks.positive_integer("clients", clients)
    checks.positive("alpha", alpha)
    checks.positive_integer("least", least)
    rng = np.random.default_rng(checks.seed("seed", seed))
    for _ in range(TRIES):
        parts = _dealt(np.asarray(labels), clients, alpha, rng)
        if min(map(len, parts)) >= least:
            return [rng.permutation(part) for part in parts]
    raise ValueError(
        f"{TRIES} times some client had fewer than {least} of the {len(labels)} examples: take "
        f"fewer clients, or a larger alpha. Received: clients={clients}, alpha={alpha}"
    )


def _dealt(
    labels: np.ndarray, clients: int, alpha: float, rng: np.random.Generator
) -> list[np.ndarray]:
    parts: list[list[np.ndarray]] = [[] for _ in range(clients)]
    for label in np.unique(labels):
        examples = rng.permutation(np.flatnonzero(labels == label))
        shares = rng.dirichlet(np.full(clients, alpha))
        cuts = np.round(np.cumsum(shares)[:-1] * len(examples)).astype(int)
        for part, piece in zip(parts, np.split(examples, cuts)):
            part.append(piece)
    return [np.concatenate(part) for part in parts]
