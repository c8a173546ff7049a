"""On JAX a branch or a loop keeps the speed of convolutions: `backend/jax_convolutions.py`."""

import re

import keras
import numpy as np
import pytest
from keras import layers

import keras_sam

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="other backends need no such rewriting"
)

LOOKBEHIND = keras_sam.methods.Lookbehind(k=5, momentum=0.9)
CONVOLUTIONS = {
    "strided": lambda: layers.Conv2D(6, 3, strides=2, padding="same"),
    "dilated": lambda: layers.Conv2D(6, 3, dilation_rate=2),
    "grouped": lambda: layers.Conv2D(8, 3, groups=4),
    "depthwise": lambda: layers.DepthwiseConv2D(3, depth_multiplier=2),
    "separable": lambda: layers.SeparableConv2D(6, 3),
    "transposed": lambda: layers.Conv2DTranspose(6, 3, strides=2),
    "channels_first": lambda: layers.Conv2D(6, 3, data_format="channels_first"),
    "sequence": lambda: keras.Sequential([layers.Reshape((32, 8)), layers.Conv1D(6, 3)]),
    "volume": lambda: keras.Sequential([layers.Reshape((4, 4, 4, 4)), layers.Conv3D(6, 3)]),
}


def gradient_function(layer, images):
    import jax

    def loss(weights):
        outputs, _ = layer.stateless_call(weights, layer.non_trainable_variables, images)
        return (outputs**2).sum()

    return jax.grad(loss)


@pytest.mark.parametrize("kind", CONVOLUTIONS)
def test_rewritten_gradients_are_equal(kind):
    import jax

    from keras_sam.backend.jax_convolutions import in_fast_layout

    images = np.random.default_rng(0).normal(size=(2, 8, 8, 4)).astype("float32")
    layer = keras.Sequential([layers.Conv2D(4, 1), CONVOLUTIONS[kind]()])
    layer.build(images.shape)
    gradient = gradient_function(layer, images)
    weights = [variable.value for variable in layer.trainable_variables]
    expected = jax.jit(gradient)(weights)
    found = jax.jit(lambda point: in_fast_layout(lambda: gradient(point))())(weights)
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-3)


def compiled_layouts(method):
    """The layout of each convolution in the compiled step of a small network."""
    import jax

    images = np.zeros((8, 8, 8, 3), "float32")
    base_model = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.Conv2D(4, 3), layers.Flatten()]
    )
    base_model.add(layers.Dense(1))
    model = keras_sam.SAMModel(base_model, method=method)
    model.compile("sgd", "mse")
    model.train_on_batch(images, np.zeros((8, 1)))
    state = model._get_jax_state(
        trainable_variables=True,
        non_trainable_variables=True,
        optimizer_variables=True,
        metrics_variables=True,
    )
    program = jax.jit(model.train_step).lower(state, (images, np.zeros((8, 1)))).compile().as_text()
    return re.findall(r" convolution\(.*dim_labels=(\w+)->", program)


# Two forward and three backward in each pass that is compiled: the clean one and that of the
# branch; of five ascent steps the first, that of the loop and the descent's.
@pytest.mark.parametrize(
    "method, passes",
    [("periodic", 2), (keras_sam.methods.MultiStep(steps=5), 3), (LOOKBEHIND, 3)],
)
def test_each_pass_is_compiled_once_and_channels_last(method, passes):
    layouts = compiled_layouts(method)
    assert len(layouts) == 5 * passes
    assert set(layouts) == {"b01f_01io"}


@pytest.mark.parametrize(
    "method", [keras_sam.methods.FGSM(0.01, steps=5, momentum=1.0), LOOKBEHIND]
)
def test_a_loop_makes_the_steps_that_it_stands_for(method, monkeypatch):
    from keras_sam.backend import jax as ours

    weights = []
    for few in (ours.FEW, 100):
        monkeypatch.setattr(ours, "FEW", few)
        keras.utils.set_random_seed(0)
        base_model = keras.Sequential(
            [
                *(keras.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.BatchNormalization()),
                *(layers.Dropout(0.5), layers.Flatten(), layers.Dense(2)),
            ]
        )
        model = keras_sam.SAMModel(base_model, method=method)
        model.compile("sgd", "mse")
        images = np.random.default_rng(0).normal(size=(16, 8, 8, 3)).astype("float32")
        model.fit(images, images[:, 0, :2, 0], batch_size=8, verbose=0)
        weights.append(base_model.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def rematerialised_model():
    with keras.RematScope(mode="full"):
        return keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.Flatten()])


def test_rematerialised_layers_train_in_a_branch():
    weights = []
    for every in (1, 2):
        keras.utils.set_random_seed(0)
        base_model = rematerialised_model()
        model = keras_sam.SAMModel(base_model, method=keras_sam.methods.get("sam", every=every))
        model.compile("sgd", "mse")
        model.train_on_batch(np.ones((4, 8, 8, 3), "float32"), np.zeros((4, 144), "float32"))
        weights.append(base_model.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
