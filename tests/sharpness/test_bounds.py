"""Bounds: published numbers, what moves them, and their parts for a trained model."""

import math

import keras
import numpy as np
import pytest
from keras import layers

from keras_sam import sharpness


def test_numbers_of_the_formulas():
    sam = sharpness.sam_bound(0.0, squared_norm=100.0, rho=0.5, k=1000, n=50_000)
    assert sam == pytest.approx(0.356308, abs=5e-7)
    assert sharpness.mcallester(0.0, 10.0, 50_000) == pytest.approx(0.0154324, abs=5e-8)
    assert sharpness.mcallester(0.3, 10.0, 50_000) == pytest.approx(0.3154324, abs=5e-8)
    expected = 0.3 + math.sqrt((10 + math.log(math.sqrt(5000)) + math.log(2 / 0.1)) / (2 * 5000))
    assert sharpness.maurer(0.3, 10.0, 5000, 0.9) == pytest.approx(expected)
    expected = 0.1 + math.sqrt(math.log(1 / 0.1) / (2 * 5000))
    assert sharpness.hoeffding(0.1, 5000, 0.9) == pytest.approx(expected)


def test_maurers_form_is_the_sharper_one_and_the_choice_has_a_price():
    for kl in (0.0, 10.0, 1e4):
        for n in (2, 8, 50_000):
            bounds = (sharpness.maurer(0.1, kl, n), sharpness.mcallester(0.1, kl, n))
            assert sharpness.hoeffding(0.1, n) < bounds[0] < bounds[1]


def test_hoeffdings_bound_fails_as_seldom_as_it_says():
    """Of 200 examples with an error of 0.3, drawn again and again, with confidence 0.8."""
    errors = np.random.default_rng(0).binomial(200, 0.3, 2000) / 200
    failures = np.mean([sharpness.hoeffding(error, 200, 0.8) < 0.3 for error in errors])
    assert 0 < failures < 0.2


def test_sam_bound_is_the_perturbed_one_with_the_proofs_sigma():
    """The theorem's term is four times that of the proof, without its constant."""
    k, n, rho, norm = 1000, 50_000, 0.5, 100.0
    sigma = rho / (math.sqrt(k) + math.sqrt(math.log(n)))
    root = sharpness.perturbed_bound(0.0, norm, sigma, k, n)
    expected = 4 * (root**2 * (n - 1) - 1 / 4)
    assert sharpness.sam_bound(0.0, norm, rho, k, n) ** 2 * (n - 1) == pytest.approx(expected)


def test_bounds_move_as_they_should():
    def sam(**changed):
        settings = {"squared_norm": 10.0, "rho": 0.1, "k": 100, "n": 1000, "confidence": 0.9}
        return sharpness.sam_bound(0.0, **{**settings, **changed})

    start = sam()
    assert sam(rho=0.2) < start < sam(rho=0.05)
    assert sam(n=2000) < start < sam(n=500)
    assert sam(squared_norm=5.0) < start < sam(squared_norm=20.0)
    assert sam(confidence=0.5) < start < sam(confidence=0.99)


@pytest.mark.parametrize(
    ("targets", "outputs", "expected"),
    [
        ([0, 1, 2], np.eye(3), 0),
        ([[0], [0], [2]], np.eye(3), 1 / 3),
        (np.eye(3)[[0, 1, 1]], np.eye(3), 1 / 3),
        ([0, 1, 1, 1], [[0.1], [0.9], [0.4], [0.6]], 1 / 4),
        ([[0], [1], [1]], [[0.1], [0.9], [0.4]], 1 / 3),
    ],
)
def test_zero_one_error(targets, outputs, expected):
    error = sharpness.ZeroOneError()(np.array(targets), np.array(outputs, "float32"))
    assert float(error) == pytest.approx(expected)


def test_expected_loss_under_noise(quadratic):
    """1/2 w'Aw + sigma²/2 tr A = 8.5 + 0.375."""
    found = sharpness.expected_loss(quadratic, sigma=0.5, samples=150)
    assert abs(found.value - 8.875) < 3 * found.standard_error < 0.15
    assert sharpness.expected_loss(quadratic, 0.0, 2) == sharpness.Estimate(8.5, 0.0, 2)
    assert sharpness.expected_loss(quadratic, 0.5, 3) != sharpness.expected_loss(
        quadratic, 0.5, 3, seed=1
    )


def test_a_progress_bar_over_the_draws(quadratic, capsys):
    sharpness.expected_loss(quadratic, 0.1, samples=7, progress=True)
    assert "7/7" in capsys.readouterr().err


def test_of_a_model(classifier, examples):
    x, _ = examples
    learnt = classifier.predict(x, verbose=0).argmax(axis=1)
    learnt[0] = (learnt[0] + 1) % 3  # One error of ten.
    objective = sharpness.Objective(classifier, x, learnt, batch_size=5)
    found = sharpness.generalization_bounds(objective, rho=2.0, samples=3, steps=5)
    k, n = 27, 10
    assert (found.size, found.num_examples) == (k, n)
    assert found.sigma == pytest.approx(2 / (math.sqrt(k) + math.sqrt(math.log(n))))
    assert found.clean == pytest.approx(0.1)
    assert found.worst > found.clean  # A radius of 2 finds worse.
    norm = np.sum(objective.weights() ** 2)
    assert found.squared_norm == pytest.approx(norm)
    assert found.sam == pytest.approx(sharpness.sam_bound(found.worst, float(norm), 2, k, n))
    perturbed = sharpness.perturbed_bound(found.perturbed.value, float(norm), found.sigma, k, n)
    assert found.mcallester == pytest.approx(perturbed)
    assert found.clean < found.hoeffding < found.maurer < found.mcallester
    larger = sharpness.generalization_bounds(objective, rho=2.0, samples=1, steps=1, n=5000)
    assert larger.num_examples == 5000 and larger.sam < found.sam
    with pytest.raises(ValueError, match=r"in \[0, 1\].*Received: loss with the values"):
        sharpness.generalization_bounds(objective, 2.0, loss=classifier.loss, samples=1, steps=1)


def test_a_logit_is_not_a_probability():
    model = keras.Sequential([keras.Input((1,)), layers.Dense(1, use_bias=False)])
    model.set_weights([np.ones((1, 1))])
    x, y = np.array([[0.3], [-0.3]], "float32"), np.array([[1], [0]])
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    objective = sharpness.Objective(model, x, y, loss=loss)
    assert sharpness.generalization_bounds(objective, 0.01, samples=1, steps=1).clean == 0


def test_an_error_of_several_outputs_is_refused():
    with pytest.raises(ValueError, match=r"models of one output.*Received: .*dict"):
        sharpness.ZeroOneError()({"a": np.ones(2)}, {"a": np.ones((2, 2))})


def test_bound_holds_for_a_model_that_can_be_known():
    """One weight and thousands of examples: the bound says something, and it is true."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(4000, 1)).astype("float32")
    y = (x[:, 0] > 0).astype("int32")
    model = keras.Sequential([keras.Input((1,)), layers.Dense(1, use_bias=False)])
    model.set_weights([np.ones((1, 1))])
    objective = sharpness.Objective(model, x, y[:, None], loss="mse", batch_size=4000)
    error = sharpness.ZeroOneError(threshold=0.0)
    found = sharpness.generalization_bounds(objective, 0.3, loss=error, samples=10)
    assert found.clean == found.worst == 0
    assert 0 < found.mcallester < 0.15  # The true error is 0.
    assert 0 < found.sam < 0.3


@pytest.mark.parametrize(
    ("match", "changed"),
    [
        ("rho", {"rho": 0}),
        ("n must", {"n": 1}),
        ("confidence", {"confidence": 1}),
        ("confidence", {"confidence": 0}),
        ("k must", {"k": 0}),
        ("squared_norm", {"squared_norm": -1}),
    ],
)
def test_bad_arguments(match, changed):
    settings = {"squared_norm": 10.0, "rho": 0.1, "k": 100, "n": 1000}
    with pytest.raises(ValueError, match=match):
        sharpness.sam_bound(0.0, **{**settings, **changed})


@pytest.mark.parametrize("bound", [sharpness.mcallester, sharpness.maurer])
def test_kl_cannot_be_negative(bound):
    with pytest.raises(ValueError, match="kl"):
        bound(0.0, -1.0, 100)
