"""Modules of PyTorch inside of Keras layers take part in both passes."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_sam
from keras_sam import sharpness
from tests.toys import values, vectors

torch = pytest.importorskip("torch")
nn = torch.nn
pytestmark = [
    pytest.mark.skipif(keras.backend.backend() != "torch", reason="modules of PyTorch"),
    # Keras, of the dtype that its own wrapper has for a parameter.
    pytest.mark.filterwarnings("ignore::UserWarning:keras"),
]
OUTPUTS = 5


class Own(layers.Layer):
    """Keras wraps the module that a layer has as an attribute."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, OUTPUTS)

    def call(self, x):
        return self.linear(x)


def with_module(layer=None):
    keras.utils.set_random_seed(0)
    layer = layer or layers.TorchModuleWrapper(nn.Linear(4, OUTPUTS))
    model = keras.Sequential([layer, layers.Activation("tanh"), layers.Dense(1)])
    model(keras.ops.zeros((2, 4)))
    return model


def with_keras(model):
    """A model of Keras's own layers with the same weights; PyTorch's kernels have outputs first."""
    twin = with_module(layers.Dense(OUTPUTS))
    kernel, *others = model.get_weights()
    twin.set_weights([kernel.T, *others])
    return twin


def trained(model, rho=0.1, **options):
    sam = model if rho is None else keras_sam.SAMModel(model, rho=rho, **options)
    sam.compile(keras.optimizers.SGD(0.05, momentum=0.5), "mse")
    for factor in (1.0, 2.0):
        x, y = vectors(8)
        sam.train_on_batch(x, factor * y)
    return values(model.variables)


@pytest.mark.parametrize("method", ["sam", "asam", "looksam", "esam"])
@pytest.mark.parametrize("layer", [None, Own])
def test_steps_are_those_of_keras_own_layer(layer, method):
    def model():
        return with_module(layer and layer())

    kernel, *others = trained(model(), method=method)
    expected = trained(with_keras(model()), method=method)
    for ours, theirs in zip([kernel.T, *others], expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_statistics_are_those_of_one_clean_pass():
    ends = []
    for rho in (None, 0.0, 0.1):
        keras.utils.set_random_seed(0)
        module = nn.Sequential(nn.Linear(4, OUTPUTS), nn.BatchNorm1d(OUTPUTS))
        model = with_module(layers.TorchModuleWrapper(module))
        weights = trained(model, rho)
        ends.append((weights, module[1].running_mean.numpy(), int(module[1].num_batches_tracked)))
    (plain, mean, batches), (neutral, same, counted), (sam, other, again) = ends
    assert batches == counted == again == 3  # The first one built the model.
    np.testing.assert_allclose(same, mean, atol=1e-7)
    for ours, theirs in zip(neutral, plain, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert np.abs(other - mean).max() > 1e-4 and np.abs(sam[0] - plain[0]).max() > 1e-4


def test_a_loop_of_ones_own_and_curvature_see_them():
    x, y = vectors(8)
    losses, curvatures = [], []
    start = with_module()
    for model in (start, with_keras(start)):
        objective = sharpness.Objective(model, x, y, loss="mse")
        curvatures.append(sharpness.top_eigenvalues(sharpness.Hessian(objective), k=1).values[0])
    for model in (start, with_keras(start)):
        step, optimizer = keras_sam.SAMStep(model, rho=0.1), keras.optimizers.SGD(0.1)

        def loss(model=model):
            return keras.ops.mean(keras.losses.mean_squared_error(y, model(x, training=True)))

        losses.append([float(step.minimize(loss, optimizer=optimizer)[0]) for _ in range(3)])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)
    np.testing.assert_allclose(curvatures[0], curvatures[1], rtol=1e-3)
    assert losses[0][2] < losses[0][0]
