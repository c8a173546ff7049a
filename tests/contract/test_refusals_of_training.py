"""Optimizers and settings that would apply a part of a method twice, or past what they promise."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_sam
from keras_sam import ascent, descent, methods
from keras_sam.policy import GradientNormPolicy
from tests.toys import mlp, values, vectors

SGD = keras.optimizers.SGD
REFUSED = [
    ("bsam", lambda: SGD(0.1, momentum=0.9), "makes the whole update itself"),
    ("bsam", lambda: SGD(0.1, clipnorm=1.0), "makes the whole update itself"),
    ("bsam", lambda: SGD(0.1, gradient_accumulation_steps=2), "makes the whole update itself"),
    ("bsam", lambda: keras.optimizers.Adam(0.1), "makes the whole update itself"),
    ("wsam", lambda: SGD(0.1, gradient_accumulation_steps=2), "use num_batch_splits"),
    ("wsam", lambda: SGD(0.1, use_ema=True), "WeightAveraging"),
    ("msam", lambda: SGD(0.1, gradient_accumulation_steps=2), "use num_batch_splits"),
    ("ssam_f", lambda: SGD(0.1, gradient_accumulation_steps=2), "use num_batch_splits"),
    ("sampa", lambda: SGD(0.1, gradient_accumulation_steps=2), "use num_batch_splits"),
]


@pytest.mark.parametrize(("name", "optimizer", "message"), REFUSED)
def test_optimizer_is_refused_before_anything_moves(name, optimizer, message):
    model = mlp()
    before = values(model.variables)
    sam = keras_sam.SAMModel(model, method=name)
    sam.compile(optimizer(), "mse")
    with pytest.raises(ValueError, match=rf"{message}.*Received: "):
        sam.fit(*vectors(), verbose=0)
    for old, new in zip(before, values(model.variables), strict=True):
        np.testing.assert_array_equal(new, old)


@pytest.mark.once
@pytest.mark.parametrize(
    "build",
    [
        lambda: methods.Method(ascent.MomentumAscent(), policy=GradientNormPolicy()),
        lambda: methods.Method(
            ascent.FriendlyAscent(), descent.OptimisticGradient(), ascent_fraction=0.5
        ),
        lambda: methods.Method(ascent.PrecisionAscent(10), descent.BayesianGradient(20)),
        lambda: methods.LookSAM(every=2),
        lambda: methods.LookSAM(layerwise=True, p=1),
        lambda: methods.GSAM(0.1, rho_max=0.2, lr_max=0.1),
        lambda: methods.SAMPa(every=2),
        lambda: methods.SAM(ascent_fraction=0.0),
    ],
)
def test_method_is_refused_when_it_is_made(build):
    with pytest.raises(ValueError, match="Received: "):
        build()


def test_overflow_of_the_perturbed_pass_alone_is_skipped_by_decoupled_wsam():
    keras.config.set_dtype_policy("mixed_float16")
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, "tanh"), layers.Dense(1)])
    keras.config.set_dtype_policy("float32")
    before = values(model.variables)
    sam = keras_sam.SAMModel(model, method=methods.WSAM(1e30))
    sam.compile(SGD(0.01), "mse", loss_weights=[1e-3])
    sam.train_on_batch(*vectors())
    for old, new in zip(before, values(model.variables), strict=True):
        np.testing.assert_array_equal(new, old)
    assert int(sam.optimizer.iterations) == 0


def test_displacement_keeps_to_constraints():
    kernel = layers.Dense(3, "tanh", kernel_constraint="non_neg", kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((4,)), kernel, layers.Dense(1)])
    sam = keras_sam.SAMModel(model, method=methods.WSAM(0.5))
    sam.compile(SGD(0.5), "mse")
    sam.fit(*vectors(), epochs=3, verbose=0)
    weights = values([kernel.kernel])[0]
    assert weights.min() >= 0 and weights.max() > 0


@pytest.mark.parametrize("name", ["opt_sam", "random_sam", "delta_sam", "msam", "friendly"])
def test_before_its_start_a_method_is_the_base_optimizer(name):
    ends = []
    for method in (methods.get(name, start=100), None):
        keras.utils.set_random_seed(3)
        model = mlp()
        trained = model if method is None else keras_sam.SAMModel(model, method=method)
        trained.compile(SGD(0.05, momentum=0.5), "mse")
        trained.fit(*vectors(), batch_size=4, epochs=2, shuffle=False, verbose=0)
        ends.append(values(model.trainable_variables))
    for ours, plain in zip(*ends, strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-5, atol=1e-6)
