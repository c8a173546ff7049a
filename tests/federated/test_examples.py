"""The examples run, every argument is explained, and without Flower the hint is to the extra."""

import doctest
import importlib
import pathlib
import pkgutil
import sys

import keras
import numpy as np
import pytest

import keras_sam
from keras_sam import federated

from ..test_docstrings import check_docstring

pytestmark = pytest.mark.once
MODULES = [name for _, name, _ in pkgutil.iter_modules(federated.__path__) if name != "flower"]
PUBLIC = [
    getattr(federated, name)
    for name in federated.__all__
    if name not in ("algorithms", *federated.OF_FLOWER)
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    names = {"keras": keras, "keras_sam": keras_sam, "np": np}
    module = importlib.import_module(f"keras_sam.federated.{name}")
    assert doctest.testmod(module, extraglobs=names).failed == 0


def test_docstrings_say_what_is_needed():
    for thing in PUBLIC:
        if thing.__name__ not in ("Algorithm", "Task", "Update"):
            check_docstring(thing)


def test_the_documents_example_runs():
    page = pathlib.Path(__file__).parents[2] / "docs" / "depth" / "federated.md"
    code = page.read_text(encoding="utf-8").split("```")[1].removeprefix("python")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
    x, y = np.ones((8, 4)), np.zeros(8)
    names = {"model": model, "clients": [(x, y), (x, y + 1)], "num_rounds": 2}
    exec(code, names)
    assert names["server"].round == 2


def test_without_flower_the_hint_is_to_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "flwr.app", None)
    monkeypatch.delitem(sys.modules, "keras_sam.federated.flower", raising=False)
    with pytest.raises(ImportError, match=r"pip install keras-sam\[federated\]"):
        federated.FlowerStrategy  # noqa: B018
