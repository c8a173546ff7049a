"""A base model whose class has a `compile` of its own."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_sam
from tests.toys import values

X = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")
Y = np.arange(16) % 2
FIT = {"batch_size": 8, "epochs": 2, "shuffle": False, "verbose": 0}


@keras.saving.register_keras_serializable(package="tests")
class Scaled(keras.Model):
    """Has a factor of the loss given to its `compile`."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.hidden, self.out = layers.Dense(4, activation="tanh"), layers.Dense(2)

    def call(self, x):
        return self.out(self.hidden(x))

    def compile(self, factor, optimizer="sgd", **kwargs):
        self.factor = factor
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        super().compile(optimizer=optimizer, loss=loss, metrics=["accuracy"], **kwargs)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return self.factor * super().compute_loss(x, y, y_pred, sample_weight, training)


def built():
    keras.utils.set_random_seed(0)
    model = Scaled()
    model(X)
    return model


def momentum():
    return keras.optimizers.SGD(0.1, momentum=0.9)


def test_it_is_called_and_its_optimizer_trains():
    plain, optimizer = built(), momentum()
    plain.compile(3.0, momentum())
    expected = plain.fit(X, Y, **FIT).history
    sam = keras_sam.SAMModel(built(), rho=0.0)
    sam.compile(3.0, optimizer)
    with pytest.warns(UserWarning, match="rho was 0"):
        history = sam.fit(X, Y, **FIT).history
    assert sam.optimizer is optimizer and sam.base_model.factor == 3.0
    for name, found in history.items():
        np.testing.assert_allclose(found, expected[name], rtol=1e-5)
    for ours, theirs in zip(values(sam.weights), values(plain.weights), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_it_is_called_again_where_a_file_is_loaded(tmp_path):
    sam = keras_sam.SAMModel(built())
    sam.compile(factor=3.0, optimizer=momentum(), jit_compile=False)
    sam.fit(X, Y, **FIT)
    sam.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.base_model.factor == 3.0 and loaded.optimizer.momentum == 0.9
    for model in (sam, loaded):
        model.fit(X, Y, **FIT)
    for ours, theirs in zip(values(loaded.variables), values(sam.variables), strict=True):
        np.testing.assert_array_equal(ours, theirs)


class HandsOn(keras.Sequential):
    """Hands its arguments on as they come."""

    def compile(self, *args, **kwargs):
        super().compile(*args, **kwargs)


@pytest.mark.once
def test_arguments_may_be_handed_on_as_they_come():
    base_model = HandsOn([keras.Input((3,)), layers.Dense(1)])
    sam, optimizer = keras_sam.SAMModel(base_model), momentum()
    sam.compile(optimizer, "mse", metrics=["mae"])
    sam.fit(X, Y, **FIT)
    assert sam.optimizer is optimizer and sam.loss == base_model.loss == "mse"
    assert {"loss", "mae"} <= set(sam.get_metrics_result())


@pytest.mark.once
@pytest.mark.filterwarnings("ignore:`compile\\(\\)` was not called")  # By Keras, of the base model.
def test_settings_of_a_compiled_model_are_adopted_but_no_file_can_hold_how(tmp_path):
    base_model = built()
    base_model.compile(3.0, momentum())
    sam = keras_sam.SAMModel(base_model)
    assert sam.optimizer is not base_model.optimizer and sam.optimizer.momentum == 0.9
    sam.fit(X, Y, **FIT)
    sam.save(tmp_path / "model.keras")
    assert not keras.saving.load_model(tmp_path / "model.keras").compiled


@pytest.mark.once
def test_what_it_does_not_know_is_refused():
    sam = keras_sam.SAMModel(built())
    with pytest.raises(TypeError, match=r"not the arguments of Scaled.compile\(factor.*Received: "):
        sam.compile(optimizer="sgd")
    Scaled.compile, kept = lambda self: None, Scaled.compile
    try:
        with pytest.raises(ValueError, match=r"must call super.*Received: a class Scaled"):
            sam.compile()
    finally:
        Scaled.compile = kept


@pytest.mark.skipif(not hasattr(keras, "distillation"), reason="Keras has no distiller yet.")
def test_a_student_is_distilled_as_by_keras_alone():
    def trained(rho):
        keras.utils.set_random_seed(0)
        teacher, student = (
            keras.Sequential([keras.Input((3,)), layers.Dense(width, "relu"), layers.Dense(2)])
            for width in (8, 4)
        )
        soft = keras.distillation.LogitsDistillation(temperature=3.0)
        model = keras.distillation.Distiller(teacher, student, distillation_losses=soft)
        model = model if rho is None else keras_sam.SAMModel(model, rho=rho)
        model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
        history = model.fit(X, Y, **FIT).history
        return history, values(student.weights), values(teacher.weights)

    (plain, student, teacher), (logs, ours, taught) = trained(None), trained(1e-12)
    assert set(logs) == set(plain)
    for name, found in logs.items():
        np.testing.assert_allclose(found, plain[name], rtol=1e-4)
    np.testing.assert_allclose(
        np.concatenate([w.ravel() for w in ours]),
        np.concatenate([w.ravel() for w in student]),
        atol=1e-5,
    )
    for before, after in zip(teacher, taught, strict=True):
        np.testing.assert_array_equal(before, after)
