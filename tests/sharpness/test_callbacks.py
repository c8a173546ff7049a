"""Callbacks of sharpness: what they measure, where it goes, and that training goes on as ever."""

import csv

import keras
import numpy as np
import pytest
from keras import layers

import keras_sam
from keras_sam import sharpness
from keras_sam.sharpness import HessianSpectrumCallback, SharpnessCallback
from keras_sam.sharpness.errors import NotConvergedError
from tests.toys import mlp, values, vectors

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


@pytest.mark.once
def test_numbers_are_those_of_direct_calls(classifier, examples):
    measures = ("eigenvalues", "trace", "m_sharpness", "adaptive", "bound")
    callback = SharpnessCallback(*examples, measures, rho=0.1, adaptive_rho=0.3, seed=4)
    history = classifier.fit(*examples, verbose=0, callbacks=[callback]).history
    found = sharpness.Objective(classifier, *examples)
    hessian = sharpness.Hessian(found)
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
        "bound_maurer": bounds.maurer,
        "bound_hoeffding": bounds.hoeffding,
    }
    assert set(history) == {"loss", *expected}
    for name, value in expected.items():
        assert history[name] == pytest.approx([value], rel=1e-3), name
    assert history["adaptive"][0] > 0


def test_training_goes_on_where_nothing_can_be_measured(monkeypatch):
    held_out = (np.full((6, 4), np.nan), HELD_OUT[1])
    callbacks = [SharpnessCallback(*held_out), HessianSpectrumCallback(*held_out)]
    with pytest.warns(UserWarning, match="after epoch [12]: .*must be finite"):
        _, history = trained(callbacks, epochs=2)
    assert np.isnan(history["lambda_ratio"]).all() and np.isnan(history["m_sharpness"]).all()
    assert np.isnan(history["hessian_trace"]).all() and np.isfinite(history["loss"]).all()

    def late(*arguments, **options):
        raise NotConvergedError("not found in time")

    monkeypatch.setattr(sharpness.measures, "top_eigenvalues", late)
    with pytest.warns(UserWarning, match="not found in time"):
        _, history = trained([SharpnessCallback(*HELD_OUT, ["eigenvalues"])])
    assert np.isnan(history["lambda_max"]).all()


@pytest.mark.once
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
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    assert [float(row["held_out_m_sharpness"]) for row in rows] == pytest.approx(column)


def test_a_later_fit_starts_with_a_measurement():
    callback = HessianSpectrumCallback(*HELD_OUT, every=3, steps=3)
    model, _ = trained([callback], epochs=2)
    assert list(callback.spectra) == [1]
    trained([callback], epochs=6, model=model, initial_epoch=4)
    assert list(callback.spectra) == list(callback.measured) == [5, 6]


def test_spectra_are_kept_in_a_folder(tmp_path):
    callback = HessianSpectrumCallback(*HELD_OUT, every=2, steps=3, folder=tmp_path / "new")
    trained([callback], epochs=2)
    names = {epoch: f"spectrum_{epoch:05d}.npz" for epoch in callback.spectra}
    assert {path.name for path in (tmp_path / "new").iterdir()} == set(names.values())
    for epoch, density in callback.spectra.items():
        kept = sharpness.Density.load(tmp_path / "new" / names[epoch])
        np.testing.assert_array_equal(kept.density, density.density)


def test_of_a_sam_model_its_base_is_looked_at():
    callback = SharpnessCallback(*HELD_OUT, ["m_sharpness"])
    model, history = trained([callback], model=keras_sam.SAMModel(mlp(), rho=0.1))
    expected = sharpness.worst_case(objective(model.base_model), 0.05).value
    assert history["m_sharpness"] == pytest.approx([expected], rel=1e-4)


def outcome(callbacks):
    """All variables after a training with BatchNorm and Dropout, with a seed and without one."""
    keras.utils.set_random_seed(1)
    dropout = [layers.Dropout(0.3, seed=7), layers.Dropout(0.3)]
    stack = [keras.Input((4,)), *dropout, layers.BatchNormalization(), layers.Dense(1)]
    model = keras_sam.SAMModel(keras.Sequential(stack), rho=0.1)
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.fit(*vectors(16), batch_size=8, epochs=2, verbose=0, callbacks=callbacks)
    return values([*model.variables, *model.optimizer.variables])


def test_training_is_the_same_to_the_last_bit():
    callbacks = [
        SharpnessCallback(*HELD_OUT, ["m_sharpness"]),
        HessianSpectrumCallback(*HELD_OUT, steps=3),
        sharpness.GradientAngle(*HELD_OUT),
    ]
    watched, plain = outcome(callbacks), outcome([])
    for left, right in zip(watched, plain, strict=True):
        np.testing.assert_array_equal(left, right)


def test_batches_are_not_waited_for():
    for kind in (SharpnessCallback, HessianSpectrumCallback, sharpness.GradientAngle):
        callback = kind(*HELD_OUT)
        # Keras dispatches batch ends on the side unless a callback wants their logs.
        assert callback.async_safe
        assert type(callback).on_train_batch_end is keras.callbacks.Callback.on_train_batch_end


@pytest.mark.once
def test_refusals():
    with pytest.raises(ValueError, match=r"measure must be one of .*Received: measure='hessian'"):
        SharpnessCallback(*HELD_OUT, ["hessian"])
    with pytest.raises(ValueError, match="Received: every=0"):
        SharpnessCallback(*HELD_OUT, every=0)
    with pytest.raises(ValueError, match="Received: rho=0"):
        SharpnessCallback(*HELD_OUT, rho=0)
    with pytest.raises(ValueError, match="Received: steps=0"):
        HessianSpectrumCallback(*HELD_OUT, steps=0)
