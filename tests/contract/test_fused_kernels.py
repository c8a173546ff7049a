"""What layers compute on a backend's fused kernels is what Keras computes, to rounding."""

import functools
import importlib
import math
import threading

import keras
import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st
from keras import layers, ops

import keras_sam
from keras_sam import backend
from keras_sam.training.scope import Pass
from tests.properties.fuzzing import fuzzed

if backend.name == "jax":
    pytest.skip("XLA fuses by itself", allow_module_level=True)

KERNELS = importlib.import_module(f"keras_sam.backend.{backend.name}_kernels").KERNELS
on_torch = pytest.mark.skipif(backend.name != "torch", reason="the kernels are PyTorch's")
TOLERANCE = {"float32": 1e-4, "mixed_bfloat16": 3e-2, "mixed_float16": 4e-3}


def numbers(*shape, seed, dtype):
    drawn = np.random.default_rng(seed).normal(0.5, 2.0, shape)
    return ops.cast(ops.convert_to_tensor(drawn), dtype)


def computed(layer, inputs, fused):
    """Outputs, all gradients, a product with the Hessian, and what is assigned."""
    weights = [numbers(*v.shape, seed=1, dtype=v.dtype) for v in layer.trainable_variables]

    def function(tensors):
        with Pass() as scope:
            scope.place(layer.trainable_variables, tensors[1:])
            found = layer(tensors[0], training=True)
            assigned = [scope.value(v) for v in layer.non_trainable_variables]
        cotangent = numbers(*found.shape, seed=2, dtype=found.dtype)
        return ops.sum(found * cotangent * ops.sin(found)), (found, assigned)

    keras_sam.use_fused_kernels(fused)
    tensors = [inputs, *weights]
    vectors = [numbers(*tensor.shape, seed=3, dtype=tensor.dtype) for tensor in tensors]
    try:
        _, (found, assigned), gradients = backend.value_and_gradient(function, tensors)
        product = backend.hessian_vector_product(function, tensors, vectors)
    finally:
        keras_sam.use_fused_kernels()
    return [found, *gradients, *product, *assigned]


def assert_equal_with_and_without(make, shape, policy="float32"):
    layer = make(dtype=policy)
    layer.build(shape)
    inputs = numbers(*shape, seed=0, dtype=layer.compute_dtype)
    pairs = zip(*(computed(layer, inputs, fused) for fused in (True, False)), strict=True)
    for found, expected in pairs:
        assert found.dtype == expected.dtype
        found, expected = (ops.convert_to_numpy(ops.cast(p, "float64")) for p in (found, expected))
        size = np.max(np.abs(expected), initial=1.0)
        np.testing.assert_allclose(found, expected, rtol=0, atol=size * TOLERANCE[policy])


SHAPES = st.tuples(st.integers(2, 4)) | st.tuples(st.integers(2, 4), st.integers(1, 5))
SHAPES |= st.tuples(st.integers(1, 3), st.integers(2, 5), st.integers(1, 5))
DRAWN = {
    "shape": SHAPES,
    "is_last": st.booleans(),
    "policy": st.sampled_from(sorted(TOLERANCE)),
    "options": st.fixed_dictionaries({"center": st.booleans(), "scale": st.booleans()}),
}


def with_channels(shape, channels, is_last):
    return (*shape, channels) if is_last else (shape[0], channels, *shape[1:])


@fuzzed(channels=st.integers(1, 4), **DRAWN)
def test_batch_normalization(shape, channels, is_last, policy, options):
    make = functools.partial(layers.BatchNormalization, axis=-1 if is_last else 1, **options)
    assert_equal_with_and_without(make, with_channels(shape, channels, is_last), policy)


@on_torch
@fuzzed(groups=st.integers(1, 3), members=st.integers(1, 2), **DRAWN)
def test_group_normalization(shape, groups, members, is_last, policy, options):
    # Two numbers alone become 1 and -1, whatever they are, and their gradients mere rounding.
    assume(math.prod(shape[1:]) * members > 2)
    axis = -1 if is_last else 1
    make = functools.partial(layers.GroupNormalization, groups, axis=axis, **options)
    assert_equal_with_and_without(make, with_channels(shape, groups * members, is_last), policy)


@on_torch
@fuzzed(
    kind=st.sampled_from(["Conv", "DepthwiseConv", "AveragePooling", "MaxPooling"]),
    rank=st.integers(1, 2),
    size=st.integers(3, 7),
    window=st.integers(1, 3),
    strides=st.integers(1, 2),
    padding=st.sampled_from(["same", "valid"]),
)
def test_layers_that_look_at_windows(kind, rank, size, window, strides, padding):
    make = getattr(layers, f"{kind}{rank}D")
    arguments = (4, window) if kind == "Conv" else (window,)
    make = functools.partial(make, *arguments, strides=strides, padding=padding)
    # Of fewer than eight channels the gradient of a strided kernel of size 1 ends PyTorch 2.13.
    assert_equal_with_and_without(make, (2, *[size] * rank, 8))


def test_statistics_have_a_gradient():
    """Where a layer is used a second time with what the first has left, a loss depends on them."""

    class Twice(layers.BatchNormalization):
        def call(self, inputs, training=None, mask=None):
            first = super().call(inputs, training=True)
            return first + super().call(inputs**2, training=False)

    assert_equal_with_and_without(functools.partial(Twice, momentum=0.5), (5, 2, 2, 3))


RENORM = pytest.mark.skipif(keras.__version__.startswith("3.13."), reason="since Keras 3.14")


@pytest.mark.parametrize(
    "options", [pytest.param({"renorm": True}, marks=RENORM), {"trainable": False}]
)
def test_what_no_kernel_has_is_left_to_keras(options):
    assert_equal_with_and_without(
        functools.partial(layers.BatchNormalization, **options), (4, 1, 2, 3)
    )


def test_all_that_is_replaced_is_where_it_was():
    """Fails where Keras moves it: without it, steps are as slow as Keras's own."""
    moved = ["call", "_transpose_spatial_inputs", "_transpose_spatial_outputs"]
    expected = {"torch": ["call", *moved], "tensorflow": ["call"]}[backend.name]
    assert [name for _, name, *_ in KERNELS.replaced] == expected


def is_replaced():
    found = {
        getattr(owner, name) is replacement for owner, name, _, replacement in KERNELS.replaced
    }
    assert len(found) == 1
    return found.pop()


def test_keras_is_as_it_was_outside_of_a_pass():
    inside = threading.Event(), threading.Event()

    def another():
        with Pass():
            inside[0].set()
            inside[1].wait(30)

    thread = threading.Thread(target=another)
    with pytest.raises(KeyError), Pass():
        thread.start()
        inside[0].wait(30)
        assert is_replaced()
        raise KeyError
    assert is_replaced()  # The other thread is in the midst of its own.
    inside[1].set()
    thread.join()
    assert not is_replaced()


def test_what_somebody_else_has_replaced_stays_theirs(monkeypatch):
    def theirs(layer, inputs, training=None, mask=None):
        return inputs

    monkeypatch.setattr(layers.BatchNormalization, "call", theirs)
    with Pass():
        assert layers.BatchNormalization.call is theirs
    assert layers.BatchNormalization.call is theirs
