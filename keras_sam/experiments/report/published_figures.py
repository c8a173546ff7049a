"""The figures that the papers and reports publish, as data, in percent."""

import dataclasses
import json
import statistics
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
        method: String, a name of the registry or `"sgd"`; with a capital, a method that is neither.
        kind: `"accuracy"` or `"error"`.
        text: String as published, `"2.7±.1"`: a mean, and its spread where there is one. Of `seeds`
            it is their mean and standard deviation.
        epochs: Integer; `None` where it is not stated.
        augment: String; `None` where it is not stated.
        noise: Share of wrong training labels.
        top_k: Top-k error; `None` where it is not stated.
        k: String, the k of `top_k` as published.
        only: Tuple of `(key, values)`: settings without which it is another experiment.
        like: Tuple of `(key, value)`: settings that make a comparison of size fair.
        seeds: Tuple of `(seed, figure)`, where the source has single ones.
        loss: String as published, which loss and its value, of each seed where there are some.
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
    seeds: tuple
    loss: str | None

    @property
    def accuracy(self) -> float:
        """Float, in percent."""
        value = float(self.text.split("±")[0])
        return value if self.kind == "accuracy" else 100 - value

    @property
    def is_elsewhere(self) -> bool:
        """Whether the method is none that a run of ours can have."""
        return self.method[0].isupper()


def read(path: Path) -> tuple[Published, ...]:
    """Reads published figures.

    Where several are equally near to a run, the first one of each source is shown beside it.

    Args:
        path: Path of a CSV file with a column for each argument of `Published`, but one for each
            setting of `like`. Empty cells are `None`; `only` and `seeds` are JSON.

    Returns:
        Tuple of `Published`.
    """
    types = {"text": "str", "k": "str", "loss": "str", "epochs": "Int64", "batch_size": "Int64"}
    lines = pd.read_csv(path, dtype=types, keep_default_na=False, na_values=[""])
    lines = lines.astype("object").where(lines.notna(), None)
    return tuple(map(_published, lines.to_dict("records")))


def _published(line: dict) -> Published:
    like = [(key, line.pop(key)) for key in LIKE]
    line["like"] = tuple(pair for pair in like if pair[1] is not None)
    only = json.loads(line["only"] or "{}")
    line["only"] = tuple((key, tuple(only[key])) for key in only)
    line["seeds"] = tuple(json.loads(line["seeds"] or "{}").items())
    line["text"] = line["text"] or _mean_text([value for _, value in line["seeds"]])
    return Published(**line)


def _mean_text(values: list[float]) -> str:
    return f"{statistics.mean(values):.2f}±{statistics.stdev(values):.2f}"


FIGURES = read(Path(__file__).with_name("published.csv"))
