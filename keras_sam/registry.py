"""The table of named methods: a new method is one row."""

from collections.abc import Callable
from dataclasses import dataclass

from keras_sam.method import Method
from keras_sam.named import ASAM, FGSM, SAM, SAMON, Late, MultiStep, Periodic, SecondOrder


@dataclass(frozen=True)
class Row:
    """A named method.

    Args:
        name: Registry name, as in `SAMModel(model, method=name)`.
        factory: Builds the `Method`; its keyword arguments are the method's options.
        summary: One line on what the method does.
        paper: Short reference.
        cost: Gradient evaluations a step, in words.
        state: What the method keeps between steps beside the optimizer's state.
    """

    name: str
    factory: Callable[..., Method]
    summary: str
    paper: str
    cost: str
    state: str = "none"


ROWS = {
    row.name: row
    for row in (
        Row("sam", SAM, "gradient at the worst point of a p-norm ball", "Foret et al. 2021", "2"),
        Row("fgsm", FGSM, "sign steps, optionally with momentum", "Dong et al. 2018", "1 + steps"),
        Row("multistep", MultiStep, "several ascent steps", "Foret et al. 2021, C.6", "1 + steps"),
        Row(
            "second_order",
            SecondOrder,
            "the exact gradient of SAM's objective",
            "Foret et al. 2021, C.4",
            "2 and a Hessian-vector product",
        ),
        Row("asam", ASAM, "a ball scaled with the weights", "Kwon et al. 2021", "2"),
        Row("sam_on", SAMON, "perturbs normalization layers only", "Mueller et al. 2023", "2"),
        Row("periodic", Periodic, "SAM on each `every`-th update", "Composer", "1 + 1 / every"),
        Row("late", Late, "SAM from update `start` on", "Zhou et al. 2025", "1, then 2"),
    )
}
