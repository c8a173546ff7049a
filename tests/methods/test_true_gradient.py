"""Layers with random gradients learn which passes must have the true one."""

import keras
import numpy as np
import pytest

import keras_sam
from keras_sam.training import true_gradient


class Listening(keras.layers.Layer):
    """Notes, for each evaluation in training, what a method wants of the gradient."""

    def __init__(self):
        super().__init__()
        self.heard = []

    def call(self, inputs, training=False):
        if training:
            wanted = true_gradient.wanted()
            self.heard.append(wanted if isinstance(wanted, bool) else "a tensor")
        return inputs


def heard_in_a_step(method, **arguments):
    listening = Listening()
    base = keras.Sequential([keras.Input((2,)), listening, keras.layers.Dense(1)])
    model = keras_sam.SAMModel(base, method=method, **arguments)
    model.compile("sgd", "mse")
    model.train_on_batch(np.ones((4, 2)), np.ones((4, 1)))
    return listening.heard


@pytest.mark.parametrize(
    "method, wanted",
    [
        ("sam", [True, False]),
        (keras_sam.methods.get("multistep", steps=2), [True, True, False]),
        ("gsam", [True, False]),
        ("s2sam", [False]),
        ("msam", [False]),
    ],
)
def test_ascents_want_the_true_gradient(method, wanted):
    heard = heard_in_a_step(method)
    # A backend may trace a step more than once.
    assert heard[-len(wanted) :] == wanted and len(heard) % len(wanted) == 0


def test_only_the_step_knows_whether_a_periodic_method_acts():
    heard = heard_in_a_step(keras_sam.methods.get("sam", every=2))
    assert heard[0] == "a tensor" and heard[1:] == [False]


def test_nothing_is_wanted_outside_a_step():
    assert true_gradient.wanted() is False
    with pytest.raises(RuntimeError), true_gradient.asked(True):
        assert true_gradient.wanted() is True
        raise RuntimeError
    assert true_gradient.wanted() is False
