"""Keras's callbacks see the SAMModel as they see any model."""

import csv

import keras
import numpy as np
import pytest
from keras import layers

import keras_sam
from tests.toys import values


def data():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(32, 4)).astype("float32")
    return x, generator.normal(size=(32, 2)).astype("float32")


def fresh(optimizer=None, method="periodic"):
    """A compiled SAMModel with BatchNorm, seeded dropout and an optimizer with state."""
    keras.utils.set_random_seed(1)
    base_model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(6, activation="tanh"),
            layers.BatchNormalization(),
            layers.Dropout(0.3, seed=4),
            layers.Dense(2),
        ]
    )
    options = {"every": 2} if method == "periodic" else {}
    chosen = keras_sam.methods.get(method, rho=0.5, **options)
    sam = keras_sam.SAMModel(base_model, method=chosen, log_sharpness=True)
    sam.compile(optimizer or keras.optimizers.Adam(0.05), loss="mse", metrics=["mae"])
    return sam


def fit(sam, epochs=3, **arguments):
    x, y = data()
    arguments = {"validation_data": (x[:8], y[:8]), **arguments}
    return sam.fit(x, y, batch_size=8, epochs=epochs, shuffle=False, verbose=0, **arguments)


def state(sam):
    return values(sam.variables) + values(sam.optimizer.variables)


def assert_equal(left, right):
    for a, b in zip(left, right, strict=True):
        np.testing.assert_array_equal(a, b)


class Remember(keras.callbacks.Callback):
    """Keeps the state at the end of every epoch."""

    def __init__(self):
        super().__init__()
        self.states = []

    def on_epoch_end(self, epoch, logs=None):
        self.states.append(values(self.model.variables))


def test_model_checkpoint_of_the_whole_model(tmp_path):
    path = tmp_path / "best.keras"
    sam = fresh()
    checkpoint = keras.callbacks.ModelCheckpoint(path, monitor="loss")
    fit(sam, callbacks=[checkpoint])
    loaded = keras.saving.load_model(path)
    assert isinstance(loaded, keras_sam.SAMModel)
    assert_equal(state(loaded), state(sam))
    fit(loaded, epochs=1)
    fit(sam, epochs=1)
    assert_equal(state(loaded), state(sam))


# The new model has not stepped: Keras leaves the slots of its optimizer as they are.
@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
def test_model_checkpoint_of_the_best_weights(tmp_path):
    path = tmp_path / "best.weights.h5"
    sam, remember = fresh(), Remember()
    checkpoint = keras.callbacks.ModelCheckpoint(
        path, monitor="val_loss", save_best_only=True, save_weights_only=True
    )
    history = fit(sam, callbacks=[checkpoint, remember]).history
    other = fresh()
    other.load_weights(path)
    best = remember.states[int(np.argmin(history["val_loss"]))]
    assert_equal(values(other.variables), best)


class StopAt(keras.callbacks.Callback):
    """Raises in the middle of an epoch, as a machine that goes away."""

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.optimizer.iterations) == 6:
            raise KeyboardInterrupt


def test_backup_and_restore_equals_the_unbroken_run(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit(fresh(), callbacks=[keras.callbacks.BackupAndRestore(tmp_path), StopAt()])
    resumed, unbroken = fresh(), fresh()
    for variable in resumed.base_model.weights:
        variable.assign(variable * 0)
    history = fit(resumed, callbacks=[keras.callbacks.BackupAndRestore(tmp_path)]).history
    fit(unbroken)
    assert len(history["loss"]) == 2
    assert_equal(state(resumed), state(unbroken))


def test_early_stopping_restores_the_best_weights():
    sam, remember = fresh(), Remember()
    # Of a falling loss the largest is an early one.
    stop = keras.callbacks.EarlyStopping(
        "val_loss", patience=2, mode="max", restore_best_weights=True
    )
    history = fit(sam, epochs=12, callbacks=[remember, stop]).history
    best = int(np.argmax(history["val_loss"]))
    assert len(history["val_loss"]) == best + 3 < 12
    paths = [variable.path for variable in sam.variables]
    places = [paths.index(variable.path) for variable in sam.base_model.weights]
    expected, last = ([remember.states[epoch][place] for place in places] for epoch in (best, -1))
    assert_equal(values(sam.base_model.weights), expected)
    assert np.abs(expected[0] - last[0]).max() > 0.01


def test_learning_rate_scheduler():
    rates = [0.1, 0.0, 0.1]
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch: rates[epoch])
    sam, remember = fresh(keras.optimizers.SGD(1.0)), Remember()
    history = fit(sam, callbacks=[schedule, remember]).history
    np.testing.assert_allclose(history["learning_rate"], rates)
    kernel = [variable.name for variable in sam.variables].index("kernel")
    first, second, third = (weights[kernel] for weights in remember.states)
    np.testing.assert_array_equal(first, second)
    assert np.abs(second - third).max() > 1e-4


def test_swap_ema_weights_evaluates_the_average():
    def optimizer():
        return keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5)

    x, y = data()
    sam = fresh(optimizer(), method="sam")
    swap = keras.callbacks.SwapEMAWeights()
    history = fit(sam, epochs=1, callbacks=[swap]).history
    plain = fresh(optimizer(), method="sam")
    fit(plain, epochs=1)  # `fit` ends with the average in place of the weights.
    expected = plain.evaluate(x[:8], y[:8], verbose=0, return_dict=True)["loss"]
    assert history["val_loss"][0] == pytest.approx(expected, rel=1e-5)


def test_csv_logger_writes_every_log(tmp_path):
    path = tmp_path / "log.csv"
    history = fit(fresh(), callbacks=[keras.callbacks.CSVLogger(path)]).history
    with open(path) as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3
    for name in ("loss", "mae", "sharpness", "grad_norm", "perturbation_norm", "val_loss"):
        logged = [float(row[name]) for row in rows]
        np.testing.assert_allclose(logged, history[name], rtol=1e-6)


def test_tensorboard_writes_the_measurements(tmp_path):
    pytest.importorskip("tensorflow", reason="Keras writes TensorBoard files with TensorFlow")
    sam = fresh()
    board = keras.callbacks.TensorBoard(tmp_path, histogram_freq=1, update_freq="batch")
    fit(sam, epochs=1, callbacks=[board])
    written = b"".join(path.read_bytes() for path in (tmp_path / "train").iterdir())
    for name in (b"epoch_loss", b"epoch_sharpness", b"batch_loss", b"kernel/histogram"):
        assert name in written
