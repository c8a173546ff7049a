"""A step on PyTorch waits for the device no more often than a plain one."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_sam
from keras_sam import methods

pytestmark = [
    pytest.mark.skipif(
        keras.backend.backend() != "torch", reason="other backends compile a step into one program"
    ),
    pytest.mark.skipif(
        keras.__version__.startswith("3.13."), reason="Keras before 3.14 waits in each pass"
    ),
]


def classifier():
    """Without dropout: Keras itself waits for the seed of each pass."""
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, activation="softmax"),
        ]
    )


def waits(model):
    """How often one step needs a number from the device."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    class Counter(TorchDispatchMode):
        found = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            self.found += function is torch.ops.aten._local_scalar_dense.default
            return function(*args, **(kwargs or {}))

    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(), metrics=["accuracy"])
    batch = torch.rand(4, 8, 8, 3), torch.from_numpy(np.arange(4))
    model.train_on_batch(*batch)
    with Counter() as counter:
        model.train_step(batch)
    return counter.found


# Keras seeds PyTorch's generator with a number from the host for each draw.
NO_CHANCE = [name for name in methods.list() if not methods.get(name).is_random]


@pytest.mark.parametrize("name", NO_CHANCE)
def test_step_waits_as_often_as_plain(name):
    method = methods.get(name)
    # A branch that is real has to know its predicate.
    is_occasional = (method.every, method.start, method.policy) != (1, 0, None)
    branches = is_occasional + len({"mask", "alpha"} & set(method.slots()))
    model = keras_sam.SAMModel(classifier(), method=method, log_sharpness=True)
    assert waits(model) == waits(classifier()) + branches


def test_step_that_may_be_skipped_waits_once_more():
    assert waits(keras_sam.SAMModel(classifier(), skip_nonfinite=True)) == waits(classifier()) + 1
