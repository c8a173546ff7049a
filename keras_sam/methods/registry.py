"""The registry of named methods: a factory registers itself where it is defined."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from keras_sam.exports import exported
from keras_sam.methods.method import Method

Factory = TypeVar("Factory", bound=Callable[..., Method])

# Every method takes these beside its own options.
WHEN_AND_WHERE = ("mask", "every", "start", "ascent_fraction")
# `fixed` of a method whose first gradient is good for more than the ascent.
NO_FRACTION = ("ascent_fraction",)
# What the docstrings of factories share: `{{rho}}` becomes this text and the factory's default.
SHARED_ARGUMENTS = {
    "rho": "rho: Radius, a float of at least 0 or a schedule of `keras_sam.schedules.Rho`.",
    "p": "p: Order of the norm, from 1 to `math.inf`.",
}


@dataclass(frozen=True)
class Cost:
    """How often a step evaluates the batch.

    Args:
        gradients: Number of gradients on a step on which the method acts. Defaults to `2`.
        per: Name of an option that counts further gradients, or is the share of the batch that
            one more has. Defaults to `None`.
        cycle: Name of the option k of a method that acts on every k-th step. Defaults to `None`.
        start: Name of the option that says from which step on it acts. Defaults to `None`.
        by_policy: Whether a policy decides on which steps it acts. Defaults to `False`.
        forwards: Number of forward passes beside the gradients. Defaults to `0`.
        hessian_products: Number of Hessian-vector products, or the name of an option that counts
            them. Defaults to `0`.
        search: `(forwards, option)`: so many forward passes more on each step that is a multiple of
            the option. Defaults to `None`.
        note: What else there is to say, in words. Defaults to `""`.

    Example:

    >>> str(keras_sam.methods.Cost(1, per="steps"))
    '1 + steps'
    """

    gradients: int = 2
    per: str | None = None
    cycle: str | None = None
    start: str | None = None
    by_policy: bool = False
    forwards: int = 0
    hessian_products: int | str = 0
    search: tuple[int, str] | None = None
    note: str = ""

    def acts(self, options: Mapping[str, Any], step: int) -> bool:
        """Whether the method acts on a step; a policy might, and counts as if it did.

        Args:
            options: Dict from the names of the method's options to their values.
            step: Integer of at least 0, updates of the optimizer before.
        """
        if self.start is not None:
            return step >= options[self.start]
        return self.cycle is None or step % options[self.cycle] == 0

    def passes(self, options: Mapping[str, Any], step: int) -> int:
        """How often the model runs in a step; a part of the batch counts as all of it.

        Args:
            options: As in `acts`.
            step: As in `acts`.
        """
        if not self.acts(options, step):
            return 1
        further = 0 if self.per is None else max(1, int(options[self.per]))
        products = self.hessian_products
        products = int(options[products]) if isinstance(products, str) else products
        forwards, option = self.search or (0, None)
        searched = forwards if option is not None and step % options[option] == 0 else 0
        return self.gradients + further + self.forwards + products + searched

    def __str__(self) -> str:
        acting = str(self.gradients) if self.per is None else f"{self.gradients} + {self.per}"
        if self.cycle is not None:
            acting = f"1 + {self.gradients - 1} / {self.cycle}"
        elif self.start is not None:
            acting = f"1, then {acting}"
        elif self.by_policy:
            acting = "1 + share"
        products = _counted(self.hessian_products, "Hessian-vector product", "s")
        forwards = _counted(self.forwards, "forward pass", "es")
        words = " and ".join(filter(None, (acting, products, forwards)))
        search = "{} forward passes each {}".format(*self.search) if self.search else ""
        return ", ".join(filter(None, (words, search, self.note)))


def _counted(number: int | str, word: str, plural: str) -> str:
    few: dict[int | str, str] = {0: "", 1: f"a {word}"}
    return few.get(number, f"{number} {word}{plural}")


@dataclass(frozen=True)
class Row:
    """A named method.

    Args:
        name: Registry name, as in `SAMModel(model, method=name)`.
        factory: Builds the `Method`; its keyword arguments are the method's options.
        summary: One line on what the method does.
        paper: Short reference.
        cost: The `Cost` of a step.
        state: What the method keeps between steps beside the optimizer's state, in words.
        fixed: Options of all other methods that this one does not have.
        neutral: Options with which `rho=0` leaves the base optimizer; `None` where none does.
        brief: Options with which the method shows all that it does within four steps, for
            trials.

    Example:

    >>> rows = keras_sam.methods.list(detail=True)
    >>> [row.name for row in rows if str(row.cost) == "1"]
    ['arwp', 'flat_lora', 'msam', 'rwp', 's2sam']
    """

    name: str
    factory: Callable[..., Method]
    summary: str
    paper: str
    cost: Cost = Cost()
    state: str = "none"
    fixed: tuple[str, ...] = ()
    neutral: Mapping[str, Any] | None = field(default_factory=dict)
    brief: Mapping[str, Any] = field(default_factory=dict)

    @property
    def own_options(self) -> dict[str, Any]:
        """The factory's own options and their defaults."""
        parameters = inspect.signature(self.factory).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is not p.VAR_KEYWORD}

    @property
    def options(self) -> list[str]:
        """Names of all options, the factory's own first."""
        own = list(self.own_options)
        return own + [n for n in WHEN_AND_WHERE if n not in self.fixed and n not in own]


ROWS: dict[str, Row] = {}


def register(name: str, **fields: Any) -> Callable[[Factory], Factory]:
    """Enters a factory into the registry, exports it and fills in its docstring.

    Args:
        name: Registry name, which the factory's `Method` must bear.
        **fields: The other fields of `Row`.

    Returns:
        Decorator of the factory.

    Example:

    >>> @keras_sam.methods.register("descend", summary="rho is 0", paper="none")
    ... def Descend(**when_and_where):
    ...     return keras_sam.methods.Method(rho=0.0, name="descend", **when_and_where)
    >>> keras_sam.methods.get("descend", every=2).rho
    0.0
    >>> row = keras_sam.methods.registry.ROWS.pop("descend")  # It was but an example.
    """

    def entered(factory: Factory) -> Factory:
        row = ROWS[name] = Row(name, factory, **fields)
        factory.__doc__ = _filled(row)
        return exported(factory)

    return entered


def label(name: str) -> str:
    """What the factory of a method is called; for a method of one's own, its name.

    Args:
        name: String, the name of a `Method`.

    Example:

    >>> keras_sam.methods.registry.label("asam")
    'ASAM'
    """
    return ROWS[name].factory.__name__ if name in ROWS else name


def _filled(row: Row) -> str:
    """The factory's docstring with the arguments that many share written out."""
    text = row.factory.__doc__ or ""
    for name, default in row.own_options.items():
        if name in SHARED_ARGUMENTS:
            line = f"{SHARED_ARGUMENTS[name]} Defaults to `{default!r}`."
            text = text.replace(f"{{{{{name}}}}}", line)
    further = [f"`{name}`" for name in row.options if name not in row.own_options]
    if further:
        listed = " and ".join(filter(None, (", ".join(further[:-1]), further[-1])))
        line = f"**when_and_where: {listed} of `keras_sam.methods.Method`."
        text = text.replace("{{when_and_where}}", line)
    return text
