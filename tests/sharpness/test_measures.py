"""Sharpness measures: closed forms on the quadratic, and what must not change them."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_sam import sharpness
from tests import toys

# A few steps and samples are enough for what holds of any number of them.
FEW = {"steps": 4}
MEASURES = [(sharpness.worst_case, {"method": m, **FEW}) for m in ("one_step", "n_step", "apgd")]
MEASURES += [(sharpness.average_case, {"samples": 4})]
IDS = ["one_step", "n_step", "apgd", "average"]


def value(objective, *arguments, **options):
    return sharpness.worst_case(objective, *arguments, **options).value


@pytest.mark.parametrize(
    ("adaptive", "norm", "expected"),
    [
        (False, "l2", 2.7077940),
        (True, "l2", 7.0918978),
        (False, "linf", 3.875),
        (True, "linf", 10.625),
    ],
)
def test_worst_case_on_the_quadratic(quadratic, adaptive, norm, expected):
    found = value(quadratic, 0.5, method="apgd", adaptive=adaptive, norm=norm, steps=40)
    assert found == pytest.approx(expected, rel=1e-6)
    one_step = value(quadratic, 0.5, adaptive=adaptive, norm=norm)
    assert one_step <= found * (1 + 1e-6)


@pytest.mark.parametrize(
    ("options", "offset"),
    [
        ({}, (0.3, 0.4)),
        ({"norm": "linf"}, (0.5, 0.5)),
        ({"adaptive": True}, (1.121114, 0.664364)),
        ({"adaptive": True, "norm": "linf"}, (1.5, 1.0)),
        ({"method": "n_step", "steps": 2}, (0.295528, 0.403277)),
        ({"method": "n_step", "steps": 3}, (0.293997, 0.404388)),
        ({"method": "apgd", "steps": 40}, (0.281079, 0.413515)),
    ],
)
def test_worst_offset_on_the_quadratic(quadratic, options, offset):
    found, rise = sharpness.worst_offset(quadratic, 0.5, **{"method": "one_step", **options})
    np.testing.assert_allclose(found, offset, atol=2e-4 if "apgd" in options.values() else 1e-6)
    a, b = found
    assert rise == pytest.approx(3 * a + 4 * b + a**2 / 2 + b**2, rel=1e-6)


@pytest.mark.parametrize(("measure", "options"), MEASURES, ids=IDS)
def test_a_progress_bar_over_the_batches(classifier, examples, measure, options, capsys):
    objective = sharpness.Objective(classifier, *examples)
    measure(objective, 0.05, m=4, **options)
    assert not capsys.readouterr().err
    measure(objective, 0.05, m=4, progress=True, **options)
    assert "3/3" in capsys.readouterr().err


def test_a_progress_bar_where_the_number_of_batches_is_not_known(classifier, examples, capsys):
    class Streamed:
        def __iter__(self):
            return iter([examples] * 2)

    sharpness.worst_case(sharpness.Objective(classifier, Streamed()), 0.05, progress=True)
    assert "2batch" in capsys.readouterr().err


def test_the_authors_search_stops_short_where_scales_differ(quadratic):
    arguments = {"method": "euclidean_apgd", "steps": 40}
    assert value(quadratic, 0.5, **arguments) == pytest.approx(2.7077940, rel=1e-6)
    adaptive = value(quadratic, 0.5, adaptive=True, **arguments)
    assert 7.0909 < adaptive < 7.0914  # Of 7.0918978.


def test_one_step_is_sams_own(quadratic):
    assert value(quadratic, 0.5) == pytest.approx(2.705, rel=1e-6)


@pytest.mark.parametrize(
    ("adaptive", "norm", "expected"),
    [(False, "l2", 0.375), (True, "l2", 2.125), (False, "linf", 0.125), (True, "linf", 17 / 24)],
)
def test_average_case_on_the_quadratic(quadratic, adaptive, norm, expected):
    samples = 150
    found = sharpness.average_case(
        quadratic, 0.5, adaptive=adaptive, norm=norm, samples=samples, seed=2
    )
    assert abs(found.value - expected) < 3 * found.standard_error < 0.4 * expected
    generator = np.random.default_rng(2)
    draw = generator.standard_normal if norm == "l2" else lambda n: generator.uniform(-1, 1, n)
    scale = 0.5 * np.array([3.0, 2.0] if adaptive else [1.0, 1.0])
    squares = np.array([(scale * draw(2)) ** 2 for _ in range(samples)])
    rises = squares @ [0.5, 1.0]  # The slope is gone: each draw counts on both sides.
    assert found.value == pytest.approx(rises.mean(), rel=1e-5)
    error = rises.std(ddof=1) / np.sqrt(samples)
    assert found.standard_error == pytest.approx(error, rel=1e-4)


def test_batches_are_averaged_by_size_each_at_its_worst():
    """Micro-batches with A1 = diag(2, 0) and A2 = diag(0, 4), of one and of two examples."""
    x = np.array([[2, 0], [0, 4], [0, 4]], "float32")
    model, y = toys.quadratic(), np.zeros((3, 1), "float32")
    objective = sharpness.Objective(model, [(x[:1], y[:1]), (x[1:], y[1:])], loss=toys.mean_output)
    found = sharpness.worst_case(objective, 0.5)
    rises = [(3.5**2 - 3**2), 2 * (2.5**2 - 2**2)]
    np.testing.assert_allclose(found.values, rises, rtol=1e-6)
    assert found.value == pytest.approx((rises[0] + 2 * rises[1]) / 3)
    arrays = sharpness.Objective(model, x, y, loss=toys.mean_output)
    single = sharpness.worst_case(arrays, 0.5, m=1)
    np.testing.assert_allclose(single.values, [rises[0], rises[1], rises[1]], rtol=1e-6)
    error = np.std(single.values, ddof=1) / np.sqrt(3)
    assert single.standard_error == pytest.approx(error)
    assert np.isnan(sharpness.worst_case(arrays, 0.5).standard_error)


def relu_network():
    """A network of a positive homogeneity, the same on every backend."""
    hidden = layers.Dense(6, activation="relu", use_bias=False, name="hidden")
    model = keras.Sequential([keras.Input((4,)), hidden, layers.Dense(3, name="logits")])
    draw = np.random.default_rng(3).normal
    model.set_weights([draw(scale=0.6, size=weight.shape) for weight in model.get_weights()])
    return model


LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize(("measure", "options"), MEASURES, ids=IDS)
def test_rescaling_changes_no_adaptive_measure(measure, options, norm, examples):
    model = relu_network()
    hidden, logits = (model.get_layer(name).kernel for name in ("hidden", "logits"))
    options = {"norm": norm, **options}
    objective = sharpness.Objective(model, *examples, loss=LOSS)

    def both():
        return [
            measure(objective, 0.1, adaptive=adaptive, **options).value
            for adaptive in (True, False)
        ]

    adaptive, plain = both()
    hidden.assign(hidden * 3)
    logits.assign(logits / 3)
    rescaled, changed = both()
    assert rescaled == pytest.approx(adaptive, rel=1e-4)
    assert abs(changed - plain) > 0.05 * abs(plain)


@pytest.mark.parametrize(("measure", "options"), MEASURES, ids=IDS)
def test_normalised_logits_have_no_scale(measure, options, examples):
    model = relu_network()
    objective = sharpness.Objective(model, *examples, loss=LOSS)
    layer = model.get_layer("logits")

    def both():
        return [
            measure(objective, 0.1, adaptive=True, logit_normalization=flag, **options).value
            for flag in (True, False)
        ]

    normalised, plain = both()
    layer.set_weights([4 * weight for weight in layer.get_weights()])
    same, changed = both()
    assert same == pytest.approx(normalised, rel=1e-4)
    assert abs(changed - plain) > 0.1 * abs(plain)


def test_normalised_logits_are_a_function_of_the_papers(examples):
    model, (x, y) = relu_network(), examples
    z = ops.convert_to_numpy(model(x)).astype("float64")
    z -= z.mean(axis=1, keepdims=True)
    z /= np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-10)
    expected = np.mean(np.log(np.exp(z).sum(axis=1)) - z[np.arange(10), y])
    objective = sharpness.Objective(model, x, y, loss=LOSS).of_normalized_logits
    assert objective.loss() == pytest.approx(expected, rel=1e-5)
    model.get_layer("logits").set_weights([np.zeros((6, 3)), np.zeros(3)])
    assert np.isfinite(objective.gradient()).all()


def test_what_has_no_logits_is_not_normalised(quadratic, examples):
    with pytest.raises(ValueError, match=r"two classes.*Received: .*\(4, 1\)"):
        value(quadratic, 0.1, logit_normalization=True)
    objective = sharpness.Objective(relu_network(), *examples, loss=LOSS)
    for loss in ("sparse_categorical_crossentropy", keras.losses.SparseCategoricalCrossentropy()):
        with pytest.raises(ValueError, match=r"from_logits=True.*Received: the loss"):
            value(objective.with_loss(loss), 0.1, logit_normalization=True)


@pytest.mark.parametrize(("measure", "options"), MEASURES, ids=IDS)
def test_no_radius_no_sharpness(measure, options, quadratic):
    assert measure(quadratic, 0.0, **options).value == 0


@pytest.mark.parametrize(
    "bad", [{"rho": -1}, {"norm": "l1"}, {"method": "best"}, {"steps": 0}, {"m": 0}]
)
def test_bad_arguments(bad, quadratic):
    name = "batch_size" if "m" in bad else next(iter(bad))
    with pytest.raises(ValueError, match=name):
        sharpness.worst_case(quadratic, **{"rho": 0.1, "norm": "l2", **bad})
