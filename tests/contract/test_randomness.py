"""The passes of one step see the same dropout masks; steps and micro-batches see new ones.

The loss of these models is linear in the weights, so its gradient does not depend on them: with
the same mask in every pass each method's step is the plain step, and with another mask it is not.
"""

import functools
import itertools

import keras
import numpy as np
import pytest
from keras import layers

import keras_sam
from tests import conformance
from tests.selection import each_method
from tests.toys import mean_output, values

FEATURES = 64


@keras.saving.register_keras_serializable(package="tests")
class Noise(layers.Layer):
    """Multiplies by uniform noise without a seed of its own."""

    def call(self, x, training=False):
        return x * keras.random.uniform(x.shape) if training else x


def linear(random_layer, batch_size=None):
    """A model with a random layer, whose mean output is linear in its weights."""
    inputs = keras.Input((FEATURES,), batch_size=batch_size)
    kernel = layers.Dense(1, use_bias=False, kernel_initializer="ones")
    return keras.Model(inputs, kernel(random_layer(inputs)))


RANDOM_LAYERS = {
    "seeded": lambda: layers.Dropout(0.5, seed=3),
    "unseeded": lambda: layers.Dropout(0.5),
    "seeded_gaussian": lambda: layers.GaussianNoise(1.0, seed=3),
    "alpha": lambda: layers.AlphaDropout(0.5),
}


def moves(wrap, random_layer, steps=2, rows=4, **arguments):
    """How far each of some steps moves the weights, and the seeds after them."""
    keras.utils.set_random_seed(11)
    base_model = linear(random_layer(), **arguments)
    model = wrap(base_model)
    model.compile(keras.optimizers.SGD(1.0), loss=mean_output)
    keras.utils.set_random_seed(12)
    places = [np.ones((FEATURES, 1), "float32")]
    for _ in range(steps):
        model.train_on_batch(np.ones((rows, FEATURES), "float32"), np.zeros((rows, 1)))
        places += values(base_model.trainable_variables)
    seeds = values(base_model.non_trainable_variables)
    return [start - end for start, end in itertools.pairwise(places)], seeds


def sam_with(method, **options):
    def wrap(model):
        arguments = {"mask": "all"} if method == "sam_on" else {}
        if method == "esam":
            arguments = {"gamma": 1.0}  # A selection of the examples has other masks.
        chosen = keras_sam.methods.get(method, rho=2.0, **arguments)
        return keras_sam.SAMModel(model, method=chosen, **options)

    return wrap


@functools.cache
def plain_moves(random_layer, **arguments):
    return moves(lambda model: model, random_layer, **arguments)


def assert_same_step(random_layer, method, **arguments):
    plain, plain_seeds = plain_moves(random_layer, **arguments)
    ours, our_seeds = moves(sam_with(method), random_layer, **arguments)
    np.testing.assert_allclose(ours, plain, atol=1e-5)
    for left, right in zip(our_seeds, plain_seeds, strict=True):
        np.testing.assert_array_equal(left, right)


# bsam divides its gradient, with a prior added, by a precision; LoRA has other weights.
@pytest.mark.parametrize("method", each_method(but={"bsam", *conformance.OF_LORA}, of_chance=True))
def test_every_pass_of_a_method_sees_the_same_mask(method):
    assert_same_step(RANDOM_LAYERS["seeded"], method)


@pytest.mark.parametrize("name", sorted(set(RANDOM_LAYERS) - {"seeded"}))
def test_every_random_layer_is_replayed(name):
    assert_same_step(RANDOM_LAYERS[name], "multistep")


def test_keras_random_without_a_seed_is_replayed(backend):
    if backend == "jax":
        pytest.skip("Keras refuses draws without a seed generator in a traced step on JAX")
    assert_same_step(Noise, "multistep", batch_size=4)


@pytest.mark.parametrize("name", ["seeded", "unseeded"])
def test_masks_change_from_step_to_step(name):
    (first, second), _ = moves(sam_with("sam"), RANDOM_LAYERS[name])
    assert np.abs(first - second).max() > 0.1


@pytest.mark.parametrize("name", ["seeded", "unseeded"])
def test_masks_change_between_micro_batches(name):
    # Of two rows, a mask that both shared would give each weight a gradient of 0 or 2.
    (move,), _ = moves(sam_with("sam", num_batch_splits=2), RANDOM_LAYERS[name], 1, rows=2)
    assert set(np.unique(move.round(4))) == {0.0, 1.0, 2.0}


@pytest.mark.parametrize("name", ["seeded", "unseeded"])
def test_losses_of_examples_are_compared_under_the_same_masks(name):
    """The first example's loss rises less than the second's; with other masks chance would tell."""
    keras.utils.set_random_seed(11)
    base_model = linear(RANDOM_LAYERS[name]())
    method = keras_sam.methods.get("esam", rho=2.0, beta=1.0, gamma=0.5)
    model = keras_sam.SAMModel(base_model, method=method)
    model.compile(keras.optimizers.SGD(1.0), loss=mean_output)
    own_features = np.repeat([[1.0, 0.0], [0.0, 10.0]], FEATURES // 2, axis=1).astype("float32")
    for _ in range(8):
        model.train_on_batch(own_features, np.zeros((2, 1)))
    (kernel,) = values(base_model.trainable_variables)
    assert np.all(kernel[: FEATURES // 2] == 1) and np.mean(kernel) < 0


def test_global_generator_of_pytorch_is_where_a_plain_step_leaves_it(backend):
    if backend != "torch":
        pytest.skip("only PyTorch has a generator of its own outside Keras's seeds")
    import torch

    draws = []
    # Further passes, products with Hessians, losses alone, and those of single examples.
    wraps = map(sam_with, ["multistep", "second_order", "xsam", "ssam_f"])
    for wrap in (lambda model: model, *wraps):
        moves(wrap, RANDOM_LAYERS["unseeded"])
        draws.append(torch.rand(4).numpy())
    for drawn in draws:
        np.testing.assert_array_equal(drawn, draws[0])
