"""Every public object explains itself, and its example runs."""

import doctest
import importlib
import inspect
import pkgutil

import keras
import numpy as np
import pytest

import keras_sam

pytestmark = pytest.mark.once

PACKAGES = ("models", "datasets", "sharpness", "federated", "backend")
CORE = [
    module.name
    for module in pkgutil.walk_packages(keras_sam.__path__, "keras_sam.")
    if module.name.split(".")[1] not in PACKAGES
]
PUBLIC = [keras_sam.SAMModel, keras_sam.SAMStep, keras_sam.find_rho] + [
    getattr(namespace, name)
    for namespace in (
        keras_sam.methods,
        keras_sam.ascent,
        keras_sam.descent,
        keras_sam.callbacks,
    )
    for name in namespace.__all__
    if name not in ("Ascent", "Descent", "Climb")
]
PUBLIC += [keras_sam.schedules.FollowLearningRate, keras_sam.schedules.WarmUpHoldDecay]
PUBLIC += [keras_sam.policy.GradientNormPolicy, keras_sam.neutral_train_step]


@pytest.mark.parametrize("name", CORE)
def test_examples_run(name):
    names = {"keras": keras, "keras_sam": keras_sam, "np": np}
    # `math` is what an example imports for an order of infinity.
    names["math"] = importlib.import_module("math")
    outcome = doctest.testmod(importlib.import_module(name), extraglobs=names)
    assert outcome.failed == 0


@pytest.mark.parametrize("thing", PUBLIC, ids=lambda thing: thing.__name__)
def test_docstring_says_what_is_needed(thing):
    check_docstring(thing)


def check_docstring(thing):
    """A public object's docstring has an example, and says what goes in and comes out."""
    text = inspect.getdoc(thing)
    assert ">>> " in text, "no example"
    target = thing.__init__ if inspect.isclass(thing) else thing
    for name in inspect.signature(target).parameters:
        if name not in ("self", "args", "kwargs"):
            assert f"{name}: " in text, f"{name} is not explained"
    assert inspect.isclass(thing) or "Returns:" in text


def test_something_is_tested():
    assert len(CORE) > 20 and len(PUBLIC) > 15
