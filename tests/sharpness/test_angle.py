"""Cosines between the gradients of sharpness-aware methods."""

import keras
import numpy as np
import pytest

import keras_sam
from keras_sam import backend, methods
from keras_sam.sharpness import GradientAngle, gradient_cosines
from keras_sam.sharpness.gradients import Gradients
from tests.toys import (
    CURVATURE,
    NO_TARGET,
    compiled,
    convnet,
    images,
    mean_output,
    mlp,
    quadratic,
    values,
    vectors,
)

A = np.array([1.0, 2.0])
W = np.array([3.0, 2.0])
BATCH = (CURVATURE, NO_TARGET, None)


def two_steps(rho):
    """Gradient after two ascent steps of half the radius, on the quadratic."""
    point = W
    for _ in range(2):
        gradient = A * point
        point = point + rho / 2 * gradient / np.linalg.norm(gradient)
    return A * point


def cosine(left, right):
    return left @ right / np.linalg.norm(left) / np.linalg.norm(right)


def test_gradients_of_the_quadratic_are_exact():
    gradients = Gradients(quadratic(), ["second_order", "multistep"], "sam", mean_output)
    sam, second, several = gradients.of(BATCH, rho=0.5)
    np.testing.assert_allclose(sam, [3.3, 4.8], rtol=1e-6)
    np.testing.assert_allclose(second, [3.2808, 4.8288], rtol=1e-6)
    np.testing.assert_allclose(several, two_steps(0.5), rtol=1e-6)


def test_cosines_of_the_quadratic_are_exact():
    found = gradient_cosines(quadratic(), *BATCH, rho=5.0, loss=mean_output)
    sam, clean = A * (W + 5 * A * W / 5), A * W
    # The exact gradient of L(w + rho g / |g|), by the chain rule.
    unit = clean / np.linalg.norm(clean)
    second = sam + 5 / np.linalg.norm(clean) * A * (sam - unit * (unit @ sam))
    assert found["second_order"] == pytest.approx(cosine(sam, second), abs=1e-6)
    assert found["multistep"] == pytest.approx(cosine(sam, two_steps(5.0)), abs=1e-6)
    assert found["second_order"] < 0.9999 and found["multistep"] < 0.99999


def test_a_method_agrees_with_itself_and_the_labels_are_ours():
    model, (x, y) = compiled(convnet()), images(8)
    others = {"again": "sam", "three": methods.MultiStep(steps=3), "wide": "asam"}
    found = gradient_cosines(model, x, y, rho=0.3, others=others)
    assert list(found) == ["again", "three", "wide"]
    assert found["again"] == pytest.approx(1.0, abs=1e-6)  # The dropout masks are the same.
    assert found["wide"] < found["three"] < 0.999999


def test_sample_weights_count():
    model, (x, y) = compiled(convnet()), images(8)
    weights = np.array([1.0] * 4 + [0.0] * 4, "float32")
    options = {"rho": 0.5, "others": ["second_order"]}
    weighted = gradient_cosines(model, x, y, weights, **options)["second_order"]
    assert weighted != gradient_cosines(model, x, y, **options)["second_order"]


@pytest.mark.once
def test_the_radius_is_that_of_the_model_in_training():
    (x, y), base = vectors(), mlp()
    sam = keras_sam.SAMModel(base, rho=0.4)
    sam.compile("sgd", "mse")
    own = gradient_cosines(sam, x, y)
    assert own == pytest.approx(gradient_cosines(base, x, y, rho=0.4, loss="mse"), abs=1e-6)
    sam.rho = 0.05
    default = gradient_cosines(base, x, y, loss="mse")
    assert gradient_cosines(sam, x, y) == pytest.approx(default, abs=1e-6)
    assert default["second_order"] > own["second_order"]


def test_callback_follows_the_training():
    (x, y), model = vectors(), mlp()
    model.compile(keras.optimizers.SGD(0.1), "mse")
    before = gradient_cosines(model, x, y, rho=0.5)
    angle = GradientAngle(x, y, rho=0.5)
    history = model.fit(x, y, epochs=2, verbose=0, callbacks=[angle]).history
    after = gradient_cosines(model, x, y, rho=0.5)
    assert angle.measured[2] == pytest.approx(after, abs=1e-6)
    assert history["cosine_second_order"][-1] == angle.measured[2]["second_order"]
    assert abs(after["second_order"] - before["second_order"]) > 1e-6


def generators():
    """State of the CPU's generator outside Keras, which PyTorch alone has."""
    state = backend.random_state()
    return state and keras.ops.convert_to_numpy(state[0])


def test_nothing_of_the_model_changes():
    model, (x, y) = compiled(convnet(seed=None)), images(8)
    model.fit(x, y, verbose=0)
    kept = values([*model.variables, *model.optimizer.variables])
    state = generators()
    gradient_cosines(model, x, y)
    for before, after in zip(kept, values([*model.variables, *model.optimizer.variables])):
        np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(state, generators())


@pytest.mark.parametrize(
    "method", ["friendly", "random_sam", methods.SAM(every=2), methods.SAM(start=3), "ae_sam"]
)
def test_methods_that_differ_from_step_to_step_are_refused(method):
    with pytest.raises(ValueError, match=r"same one for the same batch.*Received: '"):
        gradient_cosines(compiled(mlp()), *vectors(), others=[method])


def test_refusals():
    with pytest.raises(ValueError, match="Unknown method: did you mean"):
        gradient_cosines(mlp(), *vectors(), others=["multistp"], loss="mse")
    with pytest.raises(ValueError, match="loss"):
        gradient_cosines(mlp(), *vectors())
    with pytest.raises(ValueError, match="Received: rho=-1"):
        GradientAngle(*vectors(), rho=-1)
