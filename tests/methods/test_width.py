"""muP^2, whose radius holds at every width."""

import json

import keras
import numpy as np
import pytest
from keras import layers

import keras_sam
from keras_sam import methods
from tests.methods import cubic
from tests.methods.draws import gradients_for, perturbation
from tests.toys import one_step, values, vectors

pytestmark = pytest.mark.once

START = np.array([3.0, 2.0])
A = np.array([1.0, 2.0])
BASE = 4


def mlp(width, between=()):
    """Input, hidden and output kernels and their biases."""
    return keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(width, activation="tanh"),
            *between,
            layers.Dense(width, activation="tanh"),
            layers.Dense(1),
        ]
    )


def norms(tensors):
    """The tensors' norms."""
    return np.array([np.linalg.norm(tensor) for tensor in tensors])


# For the ratio n of widths and the kernels and biases of `mlp` in their order: the exponents
# -d_l and -d of a preset. The last bias has fixed fans, those of no growth.
TABLE = {
    "mup2": ((0.5, 0.5, -0.5, 0.5, -1.5, -0.5), 0.5),
    "naive": ((0,) * 6, 0),
    "global": ((0,) * 6, -0.5),
    "balanced": ((0.5, 0.5, 0, 0.5, -0.5, 0), -0.5),
}


def by_hand(gradients, ratio, preset="mup2", rho=0.5):
    """`rho n^-d n^-d_l G_l / ||(n^-d_1 G_1, …)||` in NumPy."""
    powers, overall = TABLE[preset]
    scaled = [ratio**power * g for power, g in zip(powers, gradients, strict=True)]
    length = np.sqrt(sum(np.sum(g**2) for g in scaled))
    return [rho * ratio**overall * g / length for g in scaled]


@pytest.mark.parametrize("ratio", [1, 2, 8, 0.5])
@pytest.mark.parametrize("preset", TABLE)
def test_is_the_formula(preset, ratio):
    model = mlp(int(BASE * ratio))
    gradients = gradients_for(model)
    ascent = methods.MuPSAM(base_model=mlp(BASE), preset=preset).ascent
    expected = by_hand(gradients, ratio, preset)
    for found, tensor in zip(perturbation(ascent, model, gradients), expected, strict=True):
        np.testing.assert_allclose(found, tensor, rtol=1e-5)


@pytest.mark.parametrize("preset", TABLE)
def test_base_widths_and_a_base_model_agree(preset):
    model = mlp(8)
    widths = methods.MuPSAM(base_widths={8: BASE}, preset=preset).ascent
    whole = methods.MuPSAM(base_model=mlp(BASE), preset=preset).ascent
    gradients = gradients_for(model)
    for ascent in (whole, saved(widths), saved(whole)):
        for found, expected in zip(
            perturbation(ascent, model, gradients),
            perturbation(widths, model, gradients),
            strict=True,
        ):
            np.testing.assert_allclose(found, expected, rtol=1e-6)


def saved(ascent):
    """The ascent, once through JSON."""
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(ascent)))
    return keras.saving.deserialize_keras_object(config)


MUP_NORMS = (-0.5, -0.5, 0, -0.5, 0.5, 0)  # How gradients grow in muP.


def test_lengths_in_mup_grow_as_the_spectral_rule_says():
    """Exponents (1/2, 0, -1/2) of the kernels, and lengths as `sqrt(fan out / fan in)`."""
    lengths = {}
    for ratio in (64, 256):
        model = mlp(ratio)
        gradients = gradients_for(model, MUP_NORMS, ratio)
        found = perturbation(methods.MuPSAM(base_model=mlp(1)).ascent, model, gradients)
        lengths[ratio] = norms(found)
        fans = np.array([ratio, ratio, 1, ratio, 1 / ratio, 1.0])  # Out by in, over the base's.
        np.testing.assert_allclose(lengths[ratio] / np.sqrt(fans), lengths[ratio][2], rtol=1e-5)
    exponents = np.log(lengths[256] / lengths[64]) / np.log(4)
    np.testing.assert_allclose(exponents, (0.5, 0.5, 0, 0.5, -0.5, 0), atol=0.01)


@pytest.mark.parametrize(
    ("preset", "length"),
    [("mup2", np.sqrt(2)), ("naive", 1), ("global", 1 / np.sqrt(2)), ("balanced", 1 / np.sqrt(2))],
)
def test_factors_cancel_where_there_is_one_tensor(preset, length):
    weights, _ = one_step(methods.MuPSAM(0.5, base_widths={2: 1}, preset=preset))
    expected = A * (START + 0.5 * length * np.array([0.6, 0.8]))
    np.testing.assert_allclose((START - weights) / 0.1, expected, atol=1e-5)


@pytest.mark.parametrize("bases", [{}, {"base_widths": {2: 2}}, {"base_model": cubic.Cubic()}])
def test_at_its_base_is_sam(bases):
    found, _ = cubic.trained(methods.MuPSAM(0.5, **bases))
    expected, _ = cubic.trained(methods.SAM(0.5))
    cubic.assert_same(found, expected, atol=1e-6)


def stepped(model, method=None):
    """How a step of SGD with rate 1 moves the weights, which stay where they were."""
    x, y = vectors(8)
    before = values(model.trainable_variables)
    training = model if method is None else keras_sam.SAMModel(model, method=method)
    training.compile(keras.optimizers.SGD(1.0), "mse")
    training.fit(x[:, :3], y, batch_size=8, verbose=0)
    after = values(model.trainable_variables)
    model.set_weights(before)
    return [old - new for old, new in zip(before, after, strict=True)]


def test_fit_descends_from_there():
    model = mlp(8)
    start = model.get_weights()
    found = stepped(model, methods.MuPSAM(0.3, base_model=mlp(BASE)))
    offset = by_hand(stepped(model), 2.0, rho=0.3)
    model.set_weights([w + e.astype("float32") for w, e in zip(start, offset, strict=True)])
    for got, expected in zip(found, stepped(model), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-5)


def test_a_wrong_base_model_is_refused():
    with pytest.raises(ValueError, match=r"same architecture in another width.*Received: .*\(4,\)"):
        stepped(mlp(8), methods.MuPSAM(base_model=mlp(BASE, [layers.LayerNormalization()])))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"base_model": keras.Sequential([layers.Dense(2)])}, "base_model must be a built"),
        ({"base_widths": {8: 4}, "base_model": mlp(4)}, "not both"),
        ({"base_widths": {8: 2.5}}, "base_widths.* must be an integer of at least 1"),
        ({"base_widths": {8: 0}}, "base_widths.* must be an integer of at least 1"),
        ({"preset": "mup"}, "preset must be one of 'mup2'"),
    ],
)
def test_a_wrong_base_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        methods.MuPSAM(**options)
