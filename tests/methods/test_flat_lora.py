"""Flat-LoRA: gradients of adapters where the frozen weights have noise."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_sam
from keras_sam import keras_hooks, methods
from tests.methods import draws
from tests.toys import mean_output, mlp, noisy_mlp, restore, twin, values, vectors

Z = np.array([[1.0], [-1.0]])
DRAW = np.array([[0.3, -1.0], [0.8, 0.2], [-0.4, 1.3]])
RATE = 0.1


def adapted(model, rank=2, **options):
    """`model` with LoRA in each layer that can have it, past the step at which B is still zero."""
    for layer in keras_hooks.layers_of(model):
        if hasattr(layer, "enable_lora"):
            layer.enable_lora(rank, **options)
    generator = np.random.default_rng(0)
    for variable in model.trainable_variables:
        if variable.name.startswith("lora_"):
            variable.assign(generator.normal(size=variable.shape))
    return model


def compiled(model, method, optimizer="adam", loss="mse", **arguments):
    sam = keras_sam.SAMModel(model, method=method, **arguments)
    sam.compile(optimizer, loss)
    return sam


def test_the_number_of_the_sheet(monkeypatch):
    """W' = (3, 2) of one filter: a deviation of 0.127475, and gradients of A and B there."""
    draws.fix(monkeypatch, Z)
    dense = layers.Dense(1, use_bias=False)
    model = keras.Sequential([keras.Input((2,)), dense])
    dense.enable_lora(1, lora_alpha=2)
    # With the scale of 2 the adapters add (2, 4).
    restore([dense._kernel, *dense.trainable_variables], [[[1.0], [-2.0]], [[1.0], [2.0]], [[1.0]]])
    sam = compiled(model, methods.FlatLoRA(0.05), keras.optimizers.SGD(RATE), mean_square)
    sam.train_on_batch(np.eye(2), np.zeros((2, 1)))
    noisy = np.array([3.127475, 1.872525])
    np.testing.assert_allclose(values([dense._kernel])[0], [[1.0], [-2.0]], atol=0)
    a, b = values(dense.trainable_variables)
    np.testing.assert_allclose(a[:, 0], [1, 2] - RATE * 2 * noisy, atol=1e-6)
    np.testing.assert_allclose(b, 1 - RATE * 2 * (noisy @ [1, 2]), atol=1e-6)


@keras.saving.register_keras_serializable(package="tests")
def mean_square(y_true, y_pred):
    """On the rows of the unit matrix half of the square norm of the kernel."""
    return ops.mean(ops.square(y_pred), axis=-1)


def by_hand(start, x, y, rho, steps):
    """A, B and the bias after some steps on the mean square error of a layer of two units."""
    frozen, a, b, bias = start
    for step in range(steps):
        merged = frozen + 0.5 * a @ b
        radius = rho * (step % 2 == 0)  # It acts on each second step.
        noisy = merged + radius * DRAW * np.sqrt(np.mean(merged**2, axis=0))
        slope = (x @ noisy + bias - y) * 2 / y.size
        at_kernel = x.T @ slope
        steps_down = 0.5 * at_kernel @ b.T, 0.5 * a.T @ at_kernel, slope.sum(axis=0)
        a, b, bias = (w - RATE * down for w, down in zip((a, b, bias), steps_down, strict=True))
    return a, b, bias


def test_several_steps(monkeypatch):
    draws.fix(monkeypatch, DRAW)
    dense = layers.Dense(2)
    model = adapted(keras.Sequential([keras.Input((3,)), dense]), 4, lora_alpha=2)
    variables = dense._kernel, dense.lora_kernel_a, dense.lora_kernel_b, dense.bias
    start = values(variables)
    generator = np.random.default_rng(1)
    x, y = generator.normal(size=(6, 3)), generator.normal(size=(6, 2))
    sam = compiled(model, methods.FlatLoRA(0.7, every=2), keras.optimizers.SGD(RATE))
    for _ in range(5):
        sam.train_on_batch(x, y)
    frozen, *trained = values(variables)
    np.testing.assert_array_equal(frozen, start[0])
    for found, expected in zip(trained, by_hand(start, x, y, 0.7, 5), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)


# Layer, its input's shape, and the axes of a filter's entries in the weight.
LAYERS = [
    (lambda: layers.Dense(3), (4,), (0,)),
    (lambda: layers.Conv2D(3, 2), (4, 4, 2), (0, 1, 2)),
    (lambda: layers.EinsumDense("abc,cde->abde", (None, 2, 3)), (5, 4), (0,)),
    (lambda: layers.EinsumDense("abde,dec->abc", (None, 4)), (5, 2, 3), (0, 1)),
    (lambda: layers.Embedding(6, 4), (2,), (1,)),
]


@pytest.mark.parametrize(("make", "shape", "axes"), LAYERS)
def test_noise_is_as_large_as_the_merged_filter(monkeypatch, make, shape, axes):
    layer = make()
    model = adapted(keras.Sequential([keras.Input(shape), layer]))
    merged = ops.convert_to_numpy(keras_hooks.merged_weight(layer))
    draws.fix(monkeypatch, np.ones(merged.shape))
    sam = compiled(
        model, methods.FlatLoRA(0.5), keras.optimizers.SGD(1e-9), mean_output, log_sharpness=True
    )
    before = values(model.non_trainable_variables)
    x = np.ones((2, *shape), "float32")
    logs = sam.train_on_batch(x, model.predict(x, verbose=0), return_dict=True)
    deviation = np.sqrt(np.mean(merged**2, axis=axes, keepdims=True))
    noise = 0.5 * np.broadcast_to(deviation, merged.shape)
    np.testing.assert_allclose(logs["perturbation_norm"], np.linalg.norm(noise), rtol=1e-5)
    noisy = twin(model)
    restore([keras_hooks.frozen_weight(noisy.layers[0])], [before[0] + noise])
    np.testing.assert_allclose(logs["loss"], np.mean(noisy.predict(x, verbose=0)), atol=1e-5)
    np.testing.assert_array_equal(values(model.non_trainable_variables)[0], before[0])


def test_goes_on_bit_for_bit_from_its_variables():
    x, y = vectors()
    first, second = (compiled(adapted(twin(noisy_mlp())), "flat_lora") for _ in range(2))
    first.train_on_batch(x, y)
    second.train_on_batch(x, 2 * y)
    kept, taken = ([*sam.variables, *sam.optimizer.variables] for sam in (first, second))
    restore(taken, values(kept))
    for sam in (first, second):
        sam.train_on_batch(x, 3 * y)
    for mine, theirs in zip(values(taken), values(kept), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_trains_what_keras_writes_in_half_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = adapted(mlp())
    before = values(model.non_trainable_variables)
    losses = compiled(model, "flat_lora").fit(*vectors(), epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    for frozen, start in zip(values(model.non_trainable_variables), before, strict=True):
        np.testing.assert_array_equal(frozen, start)


def thawed():
    model = adapted(mlp())
    for variable in model.variables:
        variable.trainable = True
    return model


def quantized():
    dense = layers.Dense(2)
    model = keras.Sequential([keras.Input((4,)), dense])
    dense.quantize("int8")
    return adapted(model)


@pytest.mark.once
@pytest.mark.parametrize(
    ("make", "mask", "expected"),
    [
        (mlp, None, r"call enable_lora\(rank\).*Received: .*dense/kernel"),
        (thawed, None, r"call enable_lora\(rank\).*Received: .*lora_kernel_a"),
        (lambda: adapted(mlp()), "biases", r"let the mask have their adapters.*Received: .*bias"),
        (quantized, None, r"quantize it after the training.*Received: .*dense"),
    ],
)
def test_is_refused_without_frozen_floats_under_adapters(make, mask, expected):
    with pytest.raises(ValueError, match=expected):
        keras_sam.SAMModel(make(), method="flat_lora", mask=mask)


@pytest.mark.once
def test_a_step_of_ones_own_wants_the_layers():
    model = adapted(mlp())
    assert keras_sam.SAMStep(model, "flat_lora").roles[1].adapts is model.layers[0]
    with pytest.raises(ValueError, match="frozen weights under adapters"):
        keras_sam.SAMStep(model.trainable_variables, "flat_lora")
