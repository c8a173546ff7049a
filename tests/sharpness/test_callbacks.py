"""Callbacks of sharpness: what they measure, where it goes, and that training goes on as ever."""

import csv

import keras
import numpy as np
import pytest

import keras_sam
from keras_sam import sharpness
from keras_sam.sharpness import HessianSpectrumCallback, SharpnessCallback
from tests.toys import compiled, convnet, images, mlp, values, vectors

HELD_OUT = vectors(6, seed=5)


def trained(callbacks, epochs=1, model=None, **options):
    """A regressor after some epochs, and its history."""
    model = mlp() if model is None else model
    model.compile(keras.optimizers.SGD(0.05), "mse")
    history = model.fit(
        *vectors(), batch_size=4, epochs=epochs, verbose=0, callbacks=callbacks, **options
    )
    return model, history.history


def objective(model):
    return sharpness.Objective(model, *HELD_OUT, loss="mse")


def test_numbers_are_those_of_direct_calls():
    measures = ("eigenvalues", "trace", "m_sharpness", "adaptive", "bound")
    callback = SharpnessCallback(*HELD_OUT, measures, rho=0.1, adaptive_rho=0.3, seed=4)
    model, history = trained([callback])
    found, hessian = objective(model), sharpness.Hessian(objective(model))
    top = sharpness.top_eigenvalues(hessian, k=5, seed=4)
    adaptive = {"adaptive": True, "method": "apgd", "logit_normalization": True}
    bounds = sharpness.generalization_bounds(found, 0.1, seed=4)
    expected = {
        "lambda_max": top.values[0],
        "lambda_ratio": top.ratio(5),
        "trace": sharpness.trace(hessian, seed=4).value,
        "m_sharpness": sharpness.worst_case(found, 0.1).value,
        "adaptive": sharpness.worst_case(found, 0.3, **adaptive).value,
        "bound_sam": bounds.sam,
        "bound_mcallester": bounds.mcallester,
    }
    assert set(history) == {"loss", *expected}
    for name, value in expected.items():
        assert history[name] == pytest.approx([value], rel=1e-4), name


def test_spectrum_is_that_of_a_direct_call():
    callback = HessianSpectrumCallback(*HELD_OUT, steps=10, starts=2, seed=3)
    model, history = trained([callback])
    hessian = sharpness.Hessian(objective(model))
    density = sharpness.spectral_density(hessian, steps=10, starts=2, seed=3)
    np.testing.assert_allclose(callback.spectra[1].nodes[1], density.nodes[1], atol=1e-4)
    largest = max(nodes.max() for nodes in density.nodes)
    assert history["hessian_max"] == pytest.approx([largest], rel=1e-4)
    assert history["hessian_min"][0] < history["hessian_max"][0]
    trace = hessian.shape[0] * density.moment(1).value
    assert history["hessian_trace"] == pytest.approx([trace], rel=1e-3)


def test_epochs_between_repeat_the_last_numbers(tmp_path):
    callback = SharpnessCallback(*HELD_OUT, ["m_sharpness"], every=2, prefix="held_out_")
    logger = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    _, history = trained([callback, logger], epochs=5)
    column = history["held_out_m_sharpness"]
    assert list(callback.measured) == [1, 2, 4]
    assert column[0] != column[1] == column[2] != column[3] == column[4]
    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    assert [float(row["held_out_m_sharpness"]) for row in rows] == pytest.approx(column)


def test_a_later_fit_starts_with_a_measurement():
    callback = HessianSpectrumCallback(*HELD_OUT, every=3, steps=3)
    model, _ = trained([callback], epochs=2)
    assert list(callback.spectra) == [1]
    trained([callback], epochs=6, model=model, initial_epoch=4)
    assert list(callback.spectra) == list(callback.measured) == [5, 6]


def test_of_a_sam_model_its_base_is_looked_at():
    callback = SharpnessCallback(*HELD_OUT, ["m_sharpness"])
    model, history = trained([callback], model=keras_sam.SAMModel(mlp(), rho=0.1))
    expected = sharpness.worst_case(objective(model.base_model), 0.05).value
    assert history["m_sharpness"] == pytest.approx([expected], rel=1e-4)


def outcome(seed, callbacks):
    """All variables after a training with BatchNorm and Dropout."""
    keras.utils.set_random_seed(1)
    model = compiled(keras_sam.SAMModel(convnet(seed=seed), rho=0.1))
    model.fit(*images(16), batch_size=8, epochs=2, verbose=0, callbacks=callbacks)
    return values([*model.variables, *model.optimizer.variables])


@pytest.mark.parametrize("seed", [7, None])
def test_training_is_the_same_to_the_last_bit(seed):
    x, y = images(8, seed=1)
    callbacks = [
        SharpnessCallback(x, y, ["m_sharpness", "trace"]),
        HessianSpectrumCallback(x, y, steps=3),
        sharpness.GradientAngle(x, y),
    ]
    watched, plain = outcome(seed, callbacks), outcome(seed, [])
    for left, right in zip(watched, plain, strict=True):
        np.testing.assert_array_equal(left, right)


def test_batches_are_not_waited_for():
    for kind in (SharpnessCallback, HessianSpectrumCallback, sharpness.GradientAngle):
        callback = kind(*HELD_OUT)
        # Keras dispatches batch ends on the side unless a callback wants their logs.
        assert callback.async_safe
        assert type(callback).on_train_batch_end is keras.callbacks.Callback.on_train_batch_end


def test_refusals():
    with pytest.raises(ValueError, match=r"measure must be one of .*Received: measure='hessian'"):
        SharpnessCallback(*HELD_OUT, ["hessian"])
    with pytest.raises(ValueError, match="Received: every=0"):
        SharpnessCallback(*HELD_OUT, every=0)
    with pytest.raises(ValueError, match="Received: rho=0"):
        SharpnessCallback(*HELD_OUT, rho=0)
    with pytest.raises(ValueError, match="Received: steps=0"):
        HessianSpectrumCallback(*HELD_OUT, steps=0)
