"""Landscapes: normalised directions, the losses along them, and what they leave alone."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_sam import SAMModel
from keras_sam.sharpness import (
    Landscape,
    Objective,
    filter_normalized,
    interpolation,
    landscape,
    perturbation_landscape,
    random_direction,
    sam_direction,
)
from tests.toys import convnet, images, mlp, vectors


def regressor(*stack, shape=(4,), count=6):
    model = keras.Sequential([keras.Input(shape), *stack])
    x = np.random.default_rng(0).normal(size=(count, *shape)).astype("float32")
    return Objective(model, x, np.zeros((count, *model.output_shape[1:]), "float32"), loss="mse")


def norms(array, axes):
    within = tuple(axis for axis in range(array.ndim) if axis not in axes)
    return np.sqrt(np.sum(np.square(array), axis=within))


# The kernel's name and the axes that index its filters.
LAYERS = [
    (lambda: layers.Dense(3), (4,), "kernel", (1,)),
    (lambda: layers.Conv2D(3, 2), (4, 4, 2), "kernel", (3,)),
    (lambda: layers.Conv2DTranspose(3, 2), (4, 4, 2), "kernel", (2,)),
    (lambda: layers.DepthwiseConv2D(2, depth_multiplier=2), (4, 4, 2), "kernel", (2, 3)),
]


@pytest.mark.parametrize("layer, shape, name, axes", LAYERS)
def test_each_filter_is_as_long_as_its_weights(layer, shape, name, axes):
    objective = regressor(layer(), shape=shape)
    directions = objective.layout.arrays(random_direction(objective, seed=3))
    for role, direction in zip(objective.roles, directions, strict=True):
        weight = keras.ops.convert_to_numpy(role.variable.value)
        if role.variable.name == name:
            np.testing.assert_allclose(norms(direction, axes), norms(weight, axes), rtol=1e-5)
        else:
            assert not direction.any(), "biases stay"


def test_embeddings_are_normalised_by_rows_and_normalisations_left_out():
    table = layers.Embedding(5, 3)
    model = keras.Sequential([keras.Input((2,), dtype="int32"), table, layers.LayerNormalization()])
    objective = Objective(model, np.zeros((2, 2), "int32"), np.zeros((2, 2, 3)), loss="mse")
    rows, *rest = objective.layout.arrays(random_direction(objective))
    expected = norms(keras.ops.convert_to_numpy(table.embeddings.value), (0,))
    np.testing.assert_allclose(norms(rows, (0,)), expected, rtol=1e-5)
    assert not any(array.any() for array in rest)


def test_a_seed_is_a_direction():
    objective = regressor(layers.Dense(3))
    first, again, other = (random_direction(objective, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01
    plain = random_direction(objective, normalization="none")
    np.testing.assert_allclose(plain, np.random.default_rng(0).standard_normal(15), rtol=1e-6)


def test_rescaling_a_relu_network_leaves_the_surface_alone():
    objective = regressor(layers.Dense(5, activation="relu"), layers.Dense(2), shape=(4,))
    gaussian = np.random.default_rng(1).normal(size=(2, objective.size))

    def surface(directions):
        return landscape(objective, *directions, points=3).losses

    before = surface([filter_normalized(objective, row) for row in gaussian])
    plain = surface(gaussian)
    first, bias, second, last = objective.model.get_weights()
    objective.model.set_weights([first * 10, bias * 10, second / 10, last])
    after = surface([filter_normalized(objective, row) for row in gaussian])
    np.testing.assert_allclose(after, before, rtol=1e-4)
    assert np.abs(surface(gaussian) / plain - 1).max() > 0.1  # It is the normalisation's doing.


def test_losses_of_a_quadratic(quadratic):
    found = landscape(quadratic, [1.0, 0.0], [0.0, 1.0], reach=2.0, points=5)
    first, second = np.meshgrid(*found.coordinates, indexing="ij")
    np.testing.assert_allclose(found.losses, (3 + first) ** 2 / 2 + (2 + second) ** 2, rtol=1e-6)
    np.testing.assert_allclose(found.losses[2, 2], quadratic.loss(), rtol=1e-6)
    np.testing.assert_allclose(found.coordinates[1], [-2, -1, 0, 1, 2])


def test_along_the_perturbation_of_sam(quadratic):
    np.testing.assert_allclose(sam_direction(quadratic, rho=0.5), [0.3, 0.4], rtol=1e-6)
    found = perturbation_landscape(quadratic, rho=0.5, points=5)
    np.testing.assert_allclose(found.coordinates[0], [-1, -0.5, 0, 0.5, 1])
    # The linearised one-step sharpness of this quadratic is 2.705.
    np.testing.assert_allclose(found.losses[3] - found.losses[2], 2.705, rtol=1e-5)


def two_models():
    first, second = convnet(), convnet()
    x, y = images(8)
    for model in (first, second):  # So that their BatchNorm statistics differ.
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.fit(x, y, verbose=0)
    return first, second, x, y


def test_interpolation_ends_at_both_models():
    first, second, x, y = two_models()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    ends = [Objective(model, x, y, loss) for model in (first, second)]
    before = first.get_weights()
    found = interpolation(ends[0], SAMModel(second), start=0.0, stop=1.0, points=3)
    np.testing.assert_allclose(found.losses[[0, 2]], [o.loss() for o in ends], rtol=1e-5)
    for kept, value in zip(before, first.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, value)
    masked = interpolation(Objective(first, x, y, loss, mask="kernels"), second, points=3)
    np.testing.assert_allclose(masked.losses, found.losses, rtol=1e-5)


def test_interpolation_beyond_the_models_has_a_loss():
    first, second, x, y = two_models()
    found = interpolation(Objective(first, x, y), second, start=-3.0, stop=4.0, points=3)
    assert np.isfinite(found.losses).all()
    with pytest.raises(ValueError, match="batch 0 of 1"):  # Bad data are no hole.
        interpolation(Objective(first, np.nan * x, y), second, points=3)


def test_nothing_of_the_model_changes():
    model = convnet()
    objective = Objective(model, *images(8), loss="sparse_categorical_crossentropy")
    before = [np.array(keras.ops.convert_to_numpy(v.value)) for v in model.variables]
    landscape(objective, random_direction(objective), points=3)
    for kept, variable in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(kept, keras.ops.convert_to_numpy(variable.value))


def test_a_loss_that_overflows_is_a_hole(quadratic):
    found = landscape(quadratic, [1e30, 0.0], points=3)
    assert np.isnan(found.losses[[0, 2]]).all() and found.losses[1] == pytest.approx(
        quadratic.loss()
    )


@pytest.mark.parametrize("shape", [(3,), (3, 5)])
def test_saved_and_loaded(tmp_path, shape):
    losses = np.arange(float(np.prod(shape))).reshape(shape)
    axes = tuple(np.linspace(0, 1, count) for count in shape)
    saved = Landscape(losses, axes, ("one", "two")[: len(shape)])
    saved.save(tmp_path / "found.npz")
    loaded = Landscape.load(tmp_path / "found.npz")
    np.testing.assert_array_equal(loaded.losses, losses)
    assert loaded.axis_names == saved.axis_names
    for left, right in zip(loaded.coordinates, axes, strict=True):
        np.testing.assert_array_equal(left, right)
    with pytest.raises(AttributeError):
        loaded.losses = losses


def test_a_progress_bar_on_request(quadratic, capsys):
    landscape(quadratic, [1.0, 0.0], points=3)
    assert not capsys.readouterr().err
    landscape(quadratic, [1.0, 0.0], points=3, progress=True)
    assert "3/3" in capsys.readouterr().err


def test_refusals(quadratic):
    with pytest.raises(ValueError, match=r"'none' for other weights. Received: .*kernel"):
        random_direction(quadratic)
    with pytest.raises(ValueError, match="one or two directions of shape"):
        landscape(quadratic, [1.0, 0.0, 0.0])
    with pytest.raises(ValueError, match="one or two directions"):
        landscape(quadratic)
    with pytest.raises(ValueError, match=r"must be odd.*Received: points=4"):
        landscape(quadratic, [1.0, 0.0], points=4)
    with pytest.raises(ValueError, match="Received: reach=0"):
        landscape(quadratic, [1.0, 0.0], reach=0)
    objective = Objective(mlp(), *vectors(), loss="mse")
    with pytest.raises(ValueError, match="same architecture"):
        interpolation(objective, convnet())
    with pytest.raises(ValueError, match="start must be below stop"):
        interpolation(objective, mlp(), start=1, stop=0)
    with pytest.raises(ValueError, match="a coordinate and a name for each axis"):
        Landscape(np.zeros(3), (np.zeros(2),), ("step",))
