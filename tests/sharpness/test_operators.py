"""Curvature matrices are those of the mean loss over the data, and nothing else changes."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_sam import sharpness
from tests import toys


def dense(operator):
    """The matrix of an operator."""
    return np.stack([operator.matvec(row) for row in np.eye(operator.shape[0])], axis=1)


def differences(objective, step=1e-2):
    """The Hessian by central differences of the gradient."""
    rows = step * np.eye(objective.size)
    columns = [(objective.gradient(row) - objective.gradient(-row)) / (2 * step) for row in rows]
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("operator", [sharpness.Hessian, sharpness.GaussNewton])
def test_quadratic(quadratic, operator):
    assert quadratic.loss() == 8.5
    np.testing.assert_array_equal(quadratic.gradient(), [3, 4])
    np.testing.assert_allclose(quadratic.loss([0.3, 0.4]), 11.205, rtol=1e-6)
    curvature = np.diag([1.0, 2.0]) if operator is sharpness.Hessian else np.zeros((2, 2))
    np.testing.assert_allclose(dense(operator(quadratic)), curvature, atol=1e-6)


def test_hessian_is_that_by_finite_differences(classifier, examples):
    objective = sharpness.Objective(classifier, *examples, batch_size=6)
    hessian = dense(sharpness.Hessian(objective))
    np.testing.assert_allclose(hessian, hessian.T, atol=1e-6)
    np.testing.assert_allclose(hessian, differences(objective), atol=2e-4)
    assert np.abs(hessian).max() > 0.1


def test_gauss_newton_of_a_linear_model_with_squared_loss_is_the_hessian():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    x, y = toys.vectors(8)
    objective = sharpness.Objective(model, x, np.hstack([y, -y]), loss="mse")
    gauss_newton = dense(sharpness.GaussNewton(objective))
    np.testing.assert_allclose(gauss_newton, dense(sharpness.Hessian(objective)), atol=1e-6)
    assert np.abs(gauss_newton).max() > 0.1


def test_gauss_newton_is_j_h_j(classifier, examples):
    x, y = examples
    objective = sharpness.Objective(classifier, x, y)
    gauss_newton = dense(sharpness.GaussNewton(objective))
    weights, shapes = classifier.get_weights(), [w.shape for w in classifier.get_weights()]

    def logits(vector):
        ends = np.cumsum([np.prod(shape) for shape in shapes])[:-1]
        parts = [p.reshape(s) for p, s in zip(np.split(vector, ends), shapes)]
        hidden = np.tanh(x @ parts[0] + parts[1])
        return hidden @ parts[2] + parts[3]

    start = np.concatenate([w.reshape(-1) for w in weights]).astype("float64")
    step = 1e-5 * np.eye(len(start))
    jacobian = np.stack([(logits(start + s) - logits(start - s)) / 2e-5 for s in step], axis=-1)
    p = np.exp(logits(start))
    p /= p.sum(axis=1, keepdims=True)
    middle = np.einsum("ec,cd->ecd", p, np.eye(3)) - np.einsum("ec,ed->ecd", p, p)
    expected = np.einsum("eci,ecd,edj->ij", jacobian, middle, jacobian) / len(x)
    np.testing.assert_allclose(gauss_newton, expected, atol=1e-5)
    assert np.linalg.eigvalsh(gauss_newton).min() > -1e-6
    assert np.linalg.eigvalsh(dense(sharpness.Hessian(objective))).min() < -1e-3


def attention(inputs):
    return layers.MultiHeadAttention(1, 2)(inputs, inputs)


def recurrence(inputs):
    return layers.LSTM(2, return_sequences=True)(inputs)


@pytest.mark.parametrize("layer", [attention, recurrence])
def test_curvature_of_layers_for_sequences(layer):
    inputs = keras.Input((3, 2))
    model = keras.Model(inputs, layer(inputs))
    x, y = np.random.default_rng(0).normal(size=(2, 4, 3, 2))
    objective = sharpness.Objective(model, x, y, loss="mse")
    vector = np.linspace(-1.0, 1.0, objective.size)
    ahead, behind = objective.gradient(1e-2 * vector), objective.gradient(-1e-2 * vector)
    product = sharpness.Hessian(objective).matvec(vector)
    np.testing.assert_allclose(product, (ahead - behind) / 2e-2, atol=2e-3)
    assert vector @ sharpness.GaussNewton(objective).matvec(vector) > 0


def noise(inputs):
    hidden = layers.BatchNormalization()(layers.Dense(3, "tanh")(inputs))
    return layers.Dropout(0.5, seed=1)(layers.Dense(2)(hidden))


def rematerialised(inputs):
    # On TensorFlow Keras finds no gradient through it.
    mode = None if keras.backend.backend() == "tensorflow" else "full"
    with keras.RematScope(mode=mode):
        return layers.Dense(2, "tanh")(attention(inputs))


@pytest.mark.parametrize("layer", [attention, recurrence, noise, rematerialised])
def test_a_kept_hessian_is_the_hessian(layer):
    inputs = keras.Input((3, 2))
    model = keras.Model(inputs, layer(inputs))
    x, y = np.random.default_rng(0).normal(size=(2, 4, 3, 2))
    objective = sharpness.Objective(model, x, y, loss="mse", batch_size=3, training=True)
    vectors = np.random.default_rng(1).normal(size=(2, objective.size))
    hessian = sharpness.Hessian(objective)
    kept = {share: sharpness.KeptHessian(objective, share) for share in (None, 0)}
    expected = [hessian.matvec(vector) for vector in vectors]
    model.set_weights([2 * weight for weight in model.get_weights()])
    assert np.abs(hessian.matvec(vectors[0]) - expected[0]).max() > 1e-2
    for share, num_kept in {None: 2, 0: 0}.items():
        assert kept[share].num_kept == num_kept
        found = [kept[share].matvec(vector) for vector in vectors]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def with_images():
    """The objective of a small network with convolutions and statistics of its own."""
    inputs = keras.Input((6, 6, 2))
    hidden = layers.Conv2D(3, 3, strides=2, padding="same", use_bias=False)(inputs)
    hidden = layers.ReLU()(layers.BatchNormalization()(hidden))
    hidden = layers.BatchNormalization()(layers.SeparableConv2D(4, 2)(hidden))
    model = keras.Model(inputs, layers.Dense(3)(layers.Flatten()(hidden)))
    draw = np.random.default_rng(1).uniform  # Also for variances, which are above 0.
    model.set_weights([draw(0.1, 0.9, size=weight.shape) for weight in model.get_weights()])
    x = np.random.default_rng(0).normal(size=(10, 6, 6, 2))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return sharpness.Objective(model, x, np.arange(10) % 3, loss, batch_size=4)


@pytest.mark.parametrize("memory", [[100, 90, 80, 70, 60, 45], [100, 90, 80, 40], [100, 50]])
def test_as_many_batches_are_kept_as_there_is_room_for(monkeypatch, memory):
    """The first before and the second after each batch, in gibibytes; half may be taken."""
    objective = with_images()
    expected = sharpness.top_eigenvalues(sharpness.Hessian(objective), k=5)
    said = iter(memory)
    monkeypatch.setattr(sharpness.memory, "free_memory", lambda: next(said) * 2**30)
    kept = sharpness.KeptHessian(objective)
    assert kept.num_kept == (len(memory) - 2) // 2
    for variable in objective.model.weights:  # Statistics, too.
        variable.assign(2 * variable.value)
    found = sharpness.top_eigenvalues(kept, k=5)
    np.testing.assert_allclose(found.values, expected.values, rtol=1e-3)


def test_a_batch_that_is_known_to_be_too_large_is_not_kept(monkeypatch, backend):
    monkeypatch.setattr(sharpness.memory, "free_memory", lambda: 1000)
    kept = sharpness.KeptHessian(with_images())
    assert kept.num_kept == (3 if backend == "torch" else 0)


def test_share_is_refused_outside_of_its_range(quadratic):
    with pytest.raises(ValueError, match="share must be a number of at least 0 and below 1"):
        sharpness.KeptHessian(quadratic, share=1)


def test_gauss_newton_knows_masks():
    """Masked steps count neither for the Hessian nor for the other split of the same loss."""
    stack = [layers.Masking(), layers.Dense(2)]
    model = keras.Sequential([keras.Input((3, 2)), *stack])
    x, y = np.random.default_rng(0).normal(size=(2, 4, 3, 2))
    x[0, 1:] = x[1, 2:] = 0
    objective = sharpness.Objective(model, x, y, loss="mse")
    vector = np.arange(1.0, objective.size + 1)
    product = sharpness.Hessian(objective).matvec(vector)
    np.testing.assert_allclose(sharpness.GaussNewton(objective).matvec(vector), product, rtol=1e-5)
    plain = keras.Sequential([keras.Input((3, 2)), model.layers[-1]])
    unmasked = sharpness.Hessian(sharpness.Objective(plain, x, y, loss="mse")).matvec(vector)
    assert np.abs(unmasked - product).max() > 0.1


def test_uneven_batches_are_one_big_batch(classifier, examples):
    whole = sharpness.Objective(classifier, *examples)
    parts = sharpness.Objective(classifier, *examples, batch_size=4)
    vector = np.arange(whole.size) / whole.size
    np.testing.assert_allclose(parts.loss(), whole.loss(), rtol=1e-6)
    np.testing.assert_allclose(parts.gradient(), whole.gradient(), atol=1e-6)
    product = sharpness.Hessian(whole).matvec(vector)
    np.testing.assert_allclose(sharpness.Hessian(parts).matvec(vector), product, atol=1e-6)
    assert len(parts.losses()) == 3
    np.testing.assert_allclose(np.average(parts.losses(), weights=[4, 4, 2]), whole.loss())


def test_mask_leaves_a_block(classifier, examples):
    hessian = dense(sharpness.Hessian(sharpness.Objective(classifier, *examples)))
    chosen = np.r_[0:12, 15:24]  # The two kernels.
    for mask in ("kernels", lambda variable: variable.name == "kernel"):
        block = sharpness.Hessian(sharpness.Objective(classifier, *examples, mask=mask))
        np.testing.assert_allclose(dense(block), hessian[np.ix_(chosen, chosen)], atol=1e-6)


def test_linear_operator(quadratic):
    operator = sharpness.Hessian(quadratic).as_linear_operator()
    np.testing.assert_array_equal(operator @ np.eye(2), np.diag([1, 2]))
    np.testing.assert_array_equal(operator.T @ np.ones(2), [1, 2])


def test_regularisers_have_a_curvature_of_their_own():
    regularizer = keras.regularizers.L2(0.5)
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1, kernel_regularizer=regularizer)])
    model.compile(loss="mse")
    x, y = toys.vectors(8)
    without = sharpness.Objective(model, x, y, batch_size=4)
    included = sharpness.Objective(model, x, y, batch_size=4, additional_losses=True)
    np.testing.assert_allclose(included.loss(), model.evaluate(x, y, verbose=0), rtol=1e-6)
    difference = dense(sharpness.Hessian(included)) - dense(sharpness.Hessian(without))
    np.testing.assert_allclose(difference, np.diag([1, 1, 1, 1, 0]), atol=1e-6)
    same = sharpness.Objective(model, x, y, loss="mse")
    np.testing.assert_allclose(same.loss(), without.loss(), rtol=1e-6)
    sharpness.GaussNewton(without).matvec(np.ones(5))
    with pytest.raises(ValueError, match="additional_losses"):
        sharpness.GaussNewton(included)


def test_largest_eigenvalues_of_a_network(classifier, examples, quadratic):
    hessian = sharpness.Hessian(sharpness.Objective(classifier, *examples))
    expected = np.linalg.eigvalsh(dense(hessian))[::-1][:3]
    found = sharpness.top_eigenvalues(hessian, k=3, method="lanczos")
    np.testing.assert_allclose(found.values, expected, rtol=1e-2)
    # Of a gap that power iteration sees at once.
    found = sharpness.top_eigenvalues(sharpness.Hessian(quadratic), k=1, method="power")
    np.testing.assert_allclose(found.values, [2], rtol=1e-2)


def test_trace_of_the_quadratic(quadratic):
    assert sharpness.trace(sharpness.Hessian(quadratic)).value == 3


@pytest.mark.parametrize("share", [None, 0])
def test_a_kept_hessian_of_the_quadratic(quadratic, share):
    kept = sharpness.KeptHessian(quadratic, share)
    np.testing.assert_allclose(dense(kept), np.diag([1, 2]), atol=1e-6)
    linear = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    flat = sharpness.Objective(linear, np.ones((4, 2)), np.zeros((4, 1)), toys.mean_output)
    assert not dense(sharpness.KeptHessian(flat, share)).any()


@pytest.mark.parametrize(
    "normalized",
    [
        lambda inputs: layers.BatchNormalization()(inputs, training=True),
        layers.GroupNormalization(1),
        layers.LayerNormalization(),
        layers.UnitNormalization(),
    ],
    ids=["batch", "group", "layer", "unit"],
)
def test_hessian_through_a_normalization(normalized):
    inputs = keras.Input((2, 2, 2))
    hidden = layers.Conv2D(4, 1)(inputs)
    outputs = layers.Dense(1)(layers.Flatten()(normalized(hidden) ** 2))
    x = np.random.default_rng(0).normal(size=(5, 2, 2, 2)).astype("float32")
    objective = sharpness.Objective(keras.Model(inputs, outputs), x, x[:, 0, 0, :1], loss="mse")
    hessian = dense(sharpness.Hessian(objective))
    np.testing.assert_allclose(hessian, differences(objective), atol=1e-2 * np.abs(hessian).max())
