"""KerasTuner searches over a SAMModel as over any model."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_sam


@pytest.mark.once
def test_build_function_may_return_a_sam_model(tmp_path):
    keras_tuner = pytest.importorskip("keras_tuner", reason="needs the dev extra")

    def build(parameters):
        base_model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
        rho = parameters.Float("rho", 0.01, 0.5)
        model = keras_sam.SAMModel(base_model, rho=rho)
        model.compile("sgd", loss="mse")
        return model

    tuner = keras_tuner.RandomSearch(
        build, objective="val_loss", max_trials=2, seed=0, directory=tmp_path
    )
    x = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
    y = x[:, :2]
    tuner.search(x, y, epochs=1, validation_data=(x, y), verbose=0)
    trials = tuner.oracle.get_best_trials(2)
    assert len(trials) == 2
    assert trials[0].score <= trials[1].score
    (best,) = tuner.get_best_models(1)
    assert isinstance(best, keras_sam.SAMModel)
    rho = trials[0].hyperparameters.get("rho")
    assert float(keras.ops.convert_to_numpy(best.rho.value)) == pytest.approx(rho)
    best.compile("sgd", loss="mse")
    assert best.evaluate(x, y, verbose=0) == pytest.approx(trials[0].score, rel=1e-4)
