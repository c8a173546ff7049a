"""The examples of the numerical part run, and every argument is explained."""

import doctest
import importlib
import pathlib
import sys

import keras
import numpy as np
import pytest

import keras_sam
from keras_sam import sharpness

from ..test_docstrings import check_docstring

MODULES = ("average_case", "bounds", "density", "eigenvalues", "generalization", "losses")
MODULES += ("objective", "operators", "trace", "worst_case")
PUBLIC = [
    getattr(sharpness, name)
    for name in sharpness.__all__
    if getattr(getattr(sharpness, name), "__module__", "").rpartition(".")[2] in MODULES
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    module = importlib.import_module(f"keras_sam.sharpness.{name}")
    outcome = doctest.testmod(module, extraglobs={"keras": keras, "np": np})
    assert outcome.failed == 0 < outcome.attempted


@pytest.mark.once
@pytest.mark.parametrize("thing", PUBLIC, ids=lambda thing: thing.__name__)
def test_docstring_says_what_is_needed(thing):
    check_docstring(thing)


def test_the_guides_example_runs(classifier, examples):
    root = pathlib.Path(__file__).parents[2]
    section = (root / "docs/depth/sharpness.md").read_text(encoding="utf-8")
    code = section.split("```")[1].removeprefix("python")
    x, y = examples
    names = {"model": classifier, "x": x, "y": y}
    exec(code, names)
    assert names["objective"].size == 27


def test_without_scipy_the_hint_is_to_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.linalg", None)
    monkeypatch.delitem(sys.modules, "keras_sam.sharpness.scipy_parts")
    with pytest.raises(ImportError, match=r"keras-sam\[sharpness\]"):
        importlib.import_module("keras_sam.sharpness.scipy_parts")


@pytest.mark.once
def test_something_is_public():
    assert len(PUBLIC) >= 13


def test_the_package_does_not_need_scipy():
    """Only who imports `keras_sam.sharpness`, or runs experiments, needs its extra."""
    root, users = pathlib.Path(keras_sam.__file__).parent, {"sharpness", "experiments"}
    others = [p for p in root.rglob("*.py") if not users & set(p.relative_to(root).parts)]
    assert len(others) > 50
    for path in others:
        text = path.read_text()
        assert "import scipy" not in text and "from scipy" not in text, path
        assert "keras_sam.sharpness" not in text.replace("`keras_sam.sharpness", ""), path
        assert "keras_sam import sharpness" not in text, path
