"""`quantize` of a wrapped model is that of the model inside."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_sam

X = np.random.default_rng(0).normal(size=(16, 8)).astype("float32")
Y = np.arange(16) % 4


def trained(method="sam"):
    keras.utils.set_random_seed(0)
    base = keras.Sequential(
        [keras.Input((8,)), layers.Dense(16, activation="relu"), layers.Dense(4)]
    )
    model = keras_sam.SAMModel(base, rho=0.1, method=method)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss, metrics=["accuracy"])
    model.fit(X, Y, epochs=2, verbose=0)
    return model


@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method")
@pytest.mark.filterwarnings("ignore:__array__ implementation")
@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_a_wrapped_model_is_quantised_as_its_base_model_is(mode, tmp_path):
    wrapped, alone = trained(), trained().base_model
    before = wrapped.predict(X, verbose=0)  # Its compiled function is to be replaced.
    wrapped.quantize(mode)
    alone.quantize(mode)
    found = wrapped.predict(X, verbose=0)
    assert not np.array_equal(found, before)
    np.testing.assert_allclose(found, alone.predict(X, verbose=0), rtol=1e-6, atol=1e-6)
    assert [layer.dtype_policy.quantization_mode for layer in wrapped.base_model.layers] == [
        mode,
        mode,
    ]
    accuracy = wrapped.evaluate(X, Y, verbose=0, return_dict=True)["accuracy"]
    assert accuracy == pytest.approx(np.mean(found.argmax(-1) == Y))
    for model in (wrapped, wrapped.base_model):
        model.save(tmp_path / "quantised.keras")
        loaded = keras.models.load_model(tmp_path / "quantised.keras")
        np.testing.assert_allclose(loaded.predict(X, verbose=0), found, rtol=1e-6, atol=1e-6)
