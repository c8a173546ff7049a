"""The figures that the papers and reports publish, as data, in percent."""

import dataclasses
import json
from pathlib import Path

import pandas as pd

LIKE = ("schedule", "batch_size")  # Settings that make a comparison of size fair.


@dataclasses.dataclass(frozen=True)
class Published:
    """One published figure, a line of `published.csv`.

    Args:
        experiment: String such as `"e6"`.
        source: String, who published it.
        model: String as published.
        dataset: String as published.
        method: String, a name of the registry or `"sgd"`.
        kind: `"accuracy"` or `"error"`.
        text: String as published, `"2.7±.1"`: a mean, and its spread where there is one.
        epochs: Integer; `None` where it is not stated.
        augment: String; `None` where it is not stated.
        noise: Share of wrong training labels.
        top_k: Top-k error; `None` where it is not stated.
        k: String, the k of `top_k` as published.
        only: Tuple of `(key, values)`: settings without which it is another experiment.
        like: Tuple of `(key, value)`: settings that make a comparison of size fair.
    """

    experiment: str
    source: str
    model: str
    dataset: str
    method: str
    kind: str
    text: str
    epochs: int | None
    augment: str | None
    noise: float
    top_k: float | None
    k: str
    only: tuple
    like: tuple

    @property
    def accuracy(self) -> float:
        """Float, in percent."""
        value = float(self.text.split("±")[0])
        return value if self.kind == "accuracy" else 100 - value


def read(path: Path) -> tuple[Published, ...]:
    """Reads published figures.

    Where several are equally near to a run, the first one of each source is shown beside it.

    Args:
        path: Path of a CSV file with a column for each argument of `Published`, but one for each
            setting of `like`. Empty cells are `None`; `only` is JSON.

    Returns:
        Tuple of `Published`.
    """
    types = {"text": "str", "k": "str", "epochs": "Int64", "batch_size": "Int64"}
    lines = pd.read_csv(path, dtype=types, keep_default_na=False, na_values=[""])
    lines = lines.astype("object").where(lines.notna(), None)
    return tuple(map(_published, lines.to_dict("records")))


def _published(line: dict) -> Published:
    like = [(key, line.pop(key)) for key in LIKE]
    line["like"] = tuple(pair for pair in like if pair[1] is not None)
    only = json.loads(line["only"] or "{}")
    return Published(**line | {"only": tuple((key, tuple(only[key])) for key in only)})


FIGURES = read(Path(__file__).with_name("published.csv"))
