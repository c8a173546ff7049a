"""An ascent from a random part of the batch."""

import json

import keras
import numpy as np
import pytest

import keras_sam
from keras_sam import methods
from tests.methods import cubic
from tests.toys import mean_output, quadratic, restore

START = np.array([3.0, 2.0])
# Each row is an example's curvature, each subset has its own direction.
ROWS = np.array([[1, 8], [2, 4], [3, 2], [5, 1], [8, 0.5], [0.5, 3]], "float32")
RHO = 0.5


def fitted(method, steps, rows=ROWS, **arguments):
    """For each step the perturbation, the logs and the examples that metrics have seen."""
    model = quadratic()
    sam = keras_sam.SAMModel(model, method=method, **arguments)
    seen = keras.metrics.MeanMetricWrapper(lambda y_true, y_pred: y_true, name="seen")
    sam.compile(keras.optimizers.SGD(0.1), mean_output, metrics=[seen])
    targets = 10.0 ** np.arange(len(rows), dtype="float32")[:, None]  # Sums tell subsets.
    found = []
    for _ in range(steps):
        logs = sam.fit(rows, targets, batch_size=len(rows), shuffle=False, verbose=0).history
        moved = (START - cubic.flat([model.kernel])) / 0.1
        found.append((moved / rows.mean(axis=0) - START, {k: v[0] for k, v in logs.items()}))
        restore([model.kernel], [START.astype("float32")])
    return found


def members(mean_target, size):
    """Which examples have this mean of targets 1, 10, 100, …, if `size` of them."""
    digits = f"{round(mean_target * size):06d}"[::-1]
    assert set(digits) <= {"0", "1"} and digits.count("1") == size
    return [index for index, digit in enumerate(digits) if digit == "1"]


def sam_eps(rows):
    """SAM's perturbation from these examples alone."""
    g = rows.mean(axis=0) * START
    return RHO * g / np.linalg.norm(g)


@pytest.mark.parametrize(
    ("fraction", "size"), [(0.5, 3), (1 / 3, 2), (0.45, 3), (0.9, 5), (0.01, 1)]
)
def test_ascends_on_a_part_and_descends_on_all(fraction, size):
    """The perturbation, the loss and the metrics are those of the same few examples."""
    chosen = []
    for eps, logs in fitted(methods.SAM(RHO, ascent_fraction=fraction), steps=5):
        chosen.append(members(logs["seen"], size))
        part = ROWS[chosen[-1]]
        np.testing.assert_allclose(eps, sam_eps(part), atol=1e-4)
        np.testing.assert_allclose(logs["loss"], part.mean(axis=0) @ START**2 / 2, rtol=1e-5)
    assert len(set(map(tuple, chosen))) > 1


def test_every_example_has_its_turn():
    turns = [members(logs["seen"], 1) for _, logs in fitted(methods.SAM(ascent_fraction=0.1), 40)]
    assert {example for turn in turns for example in turn} == set(range(6))


@pytest.mark.parametrize("name", ["sam", "asam", "multistep"])
def test_the_whole_batch_is_the_method_itself(name):
    whole, _ = cubic.trained(methods.get(name, rho=RHO, ascent_fraction=1.0))
    plain, _ = cubic.trained(methods.get(name, rho=RHO))
    cubic.assert_same(whole, plain, atol=1e-6)


def test_a_part_of_many_alike_is_sam():
    rows = np.array([[1.0, 2.0]] * 6, "float32")
    ((eps, _),) = fitted(methods.SAM(RHO, ascent_fraction=0.5), 1, rows)
    np.testing.assert_allclose(eps, (0.3, 0.4), atol=1e-5)


def test_each_micro_batch_has_its_part():
    """Two micro-batches of 3 rows: one example of each, and the mean of what they say."""
    method = methods.SAM(RHO, ascent_fraction=1 / 3)
    ((eps, logs),) = fitted(method, 1, num_batch_splits=2)
    first, second = members(logs["seen"], 2)
    assert first < 3 <= second
    gradients = [
        half.mean(axis=0) * (START + sam_eps(ROWS[[index]]))
        for half, index in zip((ROWS[:3], ROWS[3:]), (first, second), strict=True)
    ]
    expected = np.mean(gradients, axis=0) / ROWS.mean(axis=0) - START
    np.testing.assert_allclose(eps, expected, atol=1e-4)


def test_weights_of_examples_go_with_them():
    """Weightless examples make no gradient, whichever part they are drawn into."""
    model = quadratic()
    sam = keras_sam.SAMModel(model, RHO, methods.SAM(ascent_fraction=0.5))
    sam.compile(keras.optimizers.SGD(0.1), mean_output)
    only = np.array([0, 0, 0, 6, 6, 6], "float32")
    rows = np.array([[1, 8]] * 3 + [[2, 1]] * 3, "float32")
    sam.fit(rows, np.zeros((6, 1)), sample_weight=only, batch_size=6, verbose=0)
    moved = (START - cubic.flat([model.kernel])) / 0.1 / (3 * np.array([2, 1]))
    expected = START + sam_eps(rows[3:])
    alone = START  # Where all drawn examples weigh nothing.
    assert min(np.abs(moved - expected).max(), np.abs(moved - alone).max()) < 1e-4


def test_logs_what_it_knows():
    """The gradient's norm is the part's; the clean loss is not known, nor the sharpness."""
    method = methods.SAM(RHO, ascent_fraction=0.5)
    ((_, logs),) = fitted(method, 1, log_sharpness=True)
    part = ROWS[members(logs["seen"], 3)]
    np.testing.assert_allclose(logs["perturbation_norm"], RHO, rtol=1e-5)
    np.testing.assert_allclose(
        logs["grad_norm"], np.linalg.norm(part.mean(axis=0) * START), rtol=1e-5
    )
    assert "sharpness" not in logs


ACCEPTED = (
    "sam",
    "fgsm",
    "multistep",
    "asam",
    "sam_on",
    "friendly",
    "vasso",
    "le_sam",
    "zsharp",
    "xsam",
    "mup_sam",
    "ssam_f",
    "ssam_d",
)
REFUSED = sorted(set(methods.list()) - set(ACCEPTED))


def with_fraction(name):
    """The parts of a named method, and half of the batch."""
    method = methods.get(name)
    when = {"every": method.every, "start": method.start, "policy": method.policy}
    return methods.Method(method.ascent, method.descent, ascent_fraction=0.5, **when)


@pytest.mark.parametrize("name", REFUSED)
def test_needs_a_method_that_uses_the_gradient_for_the_ascent_alone(name):
    with pytest.raises(ValueError, match=r"for the ascent alone.*Received: ascent_fraction=0.5"):
        with_fraction(name)
    with pytest.raises(ValueError, match="ascent_fraction"):
        methods.get(name, ascent_fraction=0.5)


def test_goes_with_every_method_that_does():
    for name in ACCEPTED:
        assert with_fraction(name).ascent_fraction == 0.5


@pytest.mark.parametrize("fraction", [0.0, -0.5, 1.5, float("nan"), "half", True])
def test_is_a_share(fraction):
    with pytest.raises(ValueError, match="ascent_fraction must be a number above 0 and at most 1"):
        methods.SAM(ascent_fraction=fraction)


def test_is_saved():
    config = json.loads(json.dumps(methods.serialize(methods.SAM(RHO, ascent_fraction=0.25))))
    assert methods.deserialize(config).ascent_fraction == 0.25
