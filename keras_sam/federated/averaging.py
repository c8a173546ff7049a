"""The mean of a server's weights over its last rounds (SWA)."""

from dataclasses import dataclass

from keras_sam import checks


@dataclass(frozen=True)
class CyclicAveraging:
    """When a server takes its weights into their mean, and the clients' learning rate meanwhile.

    From round `start` on, the rate falls along each cycle of rounds from its usual value to
    `lowest` times that, and the weights after a cycle's last round enter the mean.

    Reference:
        Caldarola et al., Improving Generalization in Federated Learning by Seeking Flat Minima,
        ECCV 2022 (https://arxiv.org/abs/2203.11834), algorithm 1: `start` at 75 % of the rounds.

    Args:
        start: Integer of at least 0, the first round.
        cycle: Positive integer, rounds of a cycle. Defaults to `10`.
        lowest: Float above 0 and at most 1. Defaults to `0.01`.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> averaging = keras_sam.federated.CyclicAveraging(start=8, cycle=4, lowest=0.2)
    >>> [round(averaging.factor(number), 3) for number in range(7, 12)]
    [1.0, 0.8, 0.6, 0.4, 0.2]
    """

    start: int
    cycle: int = 10
    lowest: float = 0.01

    def __post_init__(self) -> None:
        checks.non_negative_integer("start", self.start)
        checks.positive_integer("cycle", self.cycle)
        checks.fraction("lowest", self.lowest)

    def factor(self, number: int) -> float:
        """What to multiply the clients' learning rate with in a round."""
        if number < self.start:
            return 1.0
        share = (number % self.cycle + 1) / self.cycle
        return 1 - share + share * self.lowest

    def is_due(self, number: int) -> bool:
        """Whether the weights after a round enter the mean."""
        return number >= self.start and number % self.cycle == self.cycle - 1
