"""Weight averaging leaves the mean of the weights, and statistics that fit them.

That Keras's `use_ema` averages the unperturbed weights is in `test_optimizer.py` (`ema`).
"""

import keras
import numpy as np
import pytest
from keras import layers

import keras_sam
from keras_sam.callbacks import WeightAveraging
from tests.toys import mlp, noisy_mlp, twin, values, vectors

BATCH_SIZE = 4
X, Y = vectors(16)  # Four batches an epoch.


class Snapshots(keras.callbacks.Callback):
    """Keeps the trainable weights after each batch and after each epoch."""

    def __init__(self):
        super().__init__()
        self.batches, self.epochs = [], []

    def on_train_batch_end(self, batch, logs=None):
        self.batches.append(values(self.model.trainable_variables))

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(values(self.model.trainable_variables))


def sam_of(model, optimizer=None, rho=0.5, **arguments):
    sam = keras_sam.SAMModel(model, rho=rho)
    sam.compile(optimizer or keras.optimizers.SGD(0.05, momentum=0.5), loss="mse", **arguments)
    return sam


def fit(model, *callbacks, epochs=4):
    return model.fit(
        X, Y, batch_size=BATCH_SIZE, epochs=epochs, shuffle=False, verbose=0, callbacks=callbacks
    )


def mean_of(snapshots):
    return [np.mean(weights, axis=0, dtype="float64") for weights in zip(*snapshots)]


def assert_close(actual, expected, rtol=2e-5, atol=2e-6):
    for a, b in zip(actual, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        ({}, [0, 1, 2, 3]),
        ({"start": 1}, [1, 2, 3]),
        ({"start": 1, "stop": 3}, [1, 2]),
        ({"start": 3, "stop": 9}, [3]),
    ],
)
def test_mean_over_epochs(options, chosen):
    averaging, snapshots = WeightAveraging(**options), Snapshots()
    sam = sam_of(mlp())
    fit(sam, averaging, snapshots)
    expected = mean_of([snapshots.epochs[epoch] for epoch in chosen])
    assert averaging.count == len(chosen)
    assert_close(averaging.average, expected)
    assert_close(values(sam.base_model.trainable_variables), expected)


@pytest.mark.once
@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        ({"every": 1}, range(16)),
        ({"every": 3}, [2, 5, 8, 11, 14]),
        ({"every": 2, "start": 3}, [4, 6, 8, 10, 12, 14]),
        ({"every": 2, "start": 3, "stop": 8}, [4, 6]),
        ({"every": 4, "stop": 16}, [3, 7, 11, 15]),
    ],
)
@pytest.mark.parametrize("wrapped", [True, False])
def test_mean_over_updates(options, chosen, wrapped):
    averaging, snapshots = WeightAveraging(**options), Snapshots()
    model = mlp()
    model.compile("sgd", loss="mse")
    model = sam_of(model) if wrapped else model
    fit(model, averaging, snapshots)
    expected = mean_of([snapshots.batches[update] for update in chosen])
    assert averaging.count == len(chosen)
    assert_close(values(model.trainable_variables), expected)


def test_updates_are_not_micro_steps():
    averaging, snapshots = WeightAveraging(every=2, start=1), Snapshots()
    fit(
        sam_of(mlp(), keras.optimizers.SGD(0.05, gradient_accumulation_steps=2)),
        averaging,
        snapshots,
    )
    # The updates are done after micro-steps 1, 3, 5, …; of these the third, fifth and seventh.
    assert_close(averaging.average, mean_of([snapshots.batches[step] for step in (5, 9, 13)]))


def test_updates_within_an_execution_of_several_steps(backend):
    if backend == "torch":
        pytest.skip("Keras on PyTorch executes one step at a time")
    averaging, snapshots = WeightAveraging(every=3), Snapshots()
    fit(sam_of(mlp(), steps_per_execution=2), averaging, snapshots)
    # Updates 3, 6, 9, 12, 15 lie in the executions that end with 4, 6, 10, 12, 16.
    chosen = [snapshots.batches[execution] for execution in (1, 2, 4, 5, 7)]
    assert_close(averaging.average, mean_of(chosen))


def test_each_fit_starts_again_and_counts_updates_on():
    averaging, sam = WeightAveraging(every=1, start=6), sam_of(mlp())
    fit(sam, averaging, epochs=2)
    assert averaging.count == 2
    first = averaging.average
    snapshots = Snapshots()
    fit(sam, averaging, snapshots, epochs=1)
    assert_close(averaging.average, mean_of(snapshots.batches))
    assert np.abs(first[0] - averaging.average[0]).max() > 1e-4


def test_rho_0_is_the_base_models_own_average():
    averaged = []
    for wrap in (lambda model: sam_of(model, rho=0.0), lambda model: model):
        keras.utils.set_random_seed(3)
        base_model = noisy_mlp()
        base_model.compile(keras.optimizers.SGD(0.05, momentum=0.5), loss="mse")
        fit(wrap(base_model), WeightAveraging(start=1, data=X, batch_size=BATCH_SIZE))
        averaged.append(values(base_model.variables))
    assert_close(*averaged)


def test_the_average_is_kept_in_float32():
    keras.config.set_dtype_policy("bfloat16")
    averaging, snapshots = WeightAveraging(every=1), Snapshots()
    sam = sam_of(mlp())
    fit(sam, averaging, snapshots)
    expected = mean_of([[w.astype("float32") for w in taken] for taken in snapshots.batches])
    assert {str(array.dtype) for array in averaging.average} == {"float32"}
    assert_close(averaging.average, expected)
    assert sam.trainable_variables[0].dtype == "bfloat16"
    final = [w.astype("float32") for w in values(sam.trainable_variables)]
    assert_close(final, expected, rtol=2**-8)


def statistics_by_hand(model, batches):
    """Mean over batches of the mean and variance that the first BatchNorm layer sees."""
    dense, norm = model.layers[:2]
    assert isinstance(norm, layers.BatchNormalization)
    seen = [keras.ops.convert_to_numpy(dense(batch)).astype("float64") for batch in batches]
    return [np.mean([moment(x, axis=0) for x in seen], axis=0) for moment in (np.mean, np.var)]


X_BATCHES = [X[:4], X[4:8], X[8:12], X[12:15]]  # The last one is short.


class Dataset(keras.utils.PyDataset):
    """The batches, with targets."""

    def __len__(self):
        return len(X_BATCHES)

    def __getitem__(self, index):
        return X_BATCHES[index], np.zeros((len(X_BATCHES[index]), 1))


def tensorflow_dataset():
    tf = pytest.importorskip("tensorflow", reason="the data are a tf.data.Dataset")
    return tf.data.Dataset.from_tensor_slices((X[:15], Y[:15])).batch(BATCH_SIZE)


def torch_loader():
    torch = pytest.importorskip("torch", reason="the data are a torch DataLoader")
    examples = torch.utils.data.TensorDataset(torch.tensor(X[:15]), torch.tensor(Y[:15]))
    return torch.utils.data.DataLoader(examples, batch_size=BATCH_SIZE)


DATA = {
    "array": lambda: X[:15],
    "tensor": lambda: keras.ops.convert_to_tensor(X[:15]),
    "tuple": lambda: (X[:15], Y[:15]),
    "list": lambda: X_BATCHES,
    "generator": lambda: ([x, x[:, :1], np.ones(len(x))] for x in X_BATCHES),
    "py_dataset": Dataset,
    "tf_data": tensorflow_dataset,
    "data_loader": torch_loader,
}


@pytest.mark.parametrize("name", DATA)
def test_statistics_are_those_of_the_averaged_weights(name):
    model = noisy_mlp()
    norm = model.layers[1]
    fit(sam_of(model), WeightAveraging(data=DATA[name](), batch_size=BATCH_SIZE), epochs=2)
    mean, variance = statistics_by_hand(model, X_BATCHES)
    assert_close(values([norm.moving_mean, norm.moving_variance]), [mean, variance])
    assert norm.momentum == 0.99


def test_inputs_in_a_dict():
    inputs = {key: keras.Input((2,), name=key) for key in ("left", "right")}
    joined = layers.Concatenate()([inputs["left"], inputs["right"]])
    norm = layers.BatchNormalization()
    model = keras.Model(inputs, layers.Dense(1)(norm(joined)))
    model.compile("sgd", loss="mse")
    x = {"left": X[:, :2], "right": X[:, 2:]}
    averaging = WeightAveraging(data=x, batch_size=BATCH_SIZE)
    model.fit(x, Y, verbose=0, callbacks=[averaging])
    parts = X.reshape(4, 4, 4)
    expected = [parts.mean(axis=(0, 1)), parts.var(axis=1).mean(axis=0)]
    assert_close(values([norm.moving_mean, norm.moving_variance]), expected)


class Last(keras.callbacks.Callback):
    """Keeps everything but the trainable weights, as it is when the training ends."""

    def on_train_end(self, logs=None):
        self.state = values(self.model.non_trainable_variables)
        self.random_state = keras_sam.backend.random_state()


def test_nothing_else_is_touched():
    model = mlp(layers.BatchNormalization(), layers.Dropout(0.3, seed=7), layers.Dropout(0.3))
    sam, before, after = sam_of(model), Last(), Last()
    fit(sam, before, WeightAveraging(data=X), after)
    norm = model.layers[1]
    moved = {id(norm.moving_mean), id(norm.moving_variance)}
    assert any("seed" in variable.path for variable in sam.non_trainable_variables)
    for variable, old, new in zip(sam.non_trainable_variables, before.state, after.state):
        assert (id(variable) in moved) != np.array_equal(old, new), variable.path
    flat = keras.tree.flatten((before.random_state, after.random_state))
    for old, new in zip(flat[: len(flat) // 2], flat[len(flat) // 2 :]):
        assert old is new or bool((old == new).all())


def test_a_frozen_layer_keeps_its_statistics():
    model = noisy_mlp()
    model.layers[1].trainable = False
    fit(sam_of(model), WeightAveraging())
    np.testing.assert_array_equal(values([model.layers[1].moving_mean])[0], np.zeros(5))


def test_an_error_in_the_data_leaves_the_model_as_it_was():
    def broken():
        yield X
        raise RuntimeError("the disk is gone")

    model = noisy_mlp()
    sam, last, copy = sam_of(model), Last(), twin(model)
    averaging = WeightAveraging(data=broken())
    with pytest.raises(RuntimeError, match="the disk is gone"):
        fit(sam, last, averaging)
    assert model.layers[1].momentum == 0.99
    assert_close(values(sam.non_trainable_variables), last.state, rtol=0, atol=0)
    fit(sam_of(copy))
    assert_close(values(model.trainable_variables), values(copy.trainable_variables))


def test_the_loss_is_evaluated_as_the_averaged_model_has_it():
    model = noisy_mlp()
    sam = sam_of(model)
    fit(sam, WeightAveraging(data=X))
    copy = twin(model)
    copy.compile(loss="mse")
    expected = copy.evaluate(X, Y, verbose=0)
    assert sam.evaluate(X, Y, verbose=0, return_dict=True)["loss"] == pytest.approx(expected)
    fit(sam, epochs=1)  # And the training can go on.


@pytest.mark.once
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"every": "batch"}, "every must be one of 'epoch'.*Received: every='batch'$"),
        ({"every": 0}, "every must be an integer of at least 1.*Received: every=0$"),
        ({"every": 1.5}, "Received: every=1.5$"),
        ({"start": -1}, "start must be an integer of at least 0.*Received: start=-1$"),
        ({"start": 3, "stop": 3}, "stop must be above start.*Received: stop=3, start=3$"),
        ({"stop": "end"}, "Received: stop='end'$"),
        ({"batch_size": 0}, "Received: batch_size=0$"),
        ({"initial": "false"}, "count and the average.*Received: initial=.false.$"),
        ({"initial": (-1, [])}, "at least 0.*Received: the count of initial=-1$"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        WeightAveraging(**arguments)


def test_data_are_asked_for_before_training():
    model = noisy_mlp()
    before = values(model.trainable_variables)
    with pytest.raises(ValueError, match=r"pass the training inputs.*Received: data=None, for a"):
        fit(sam_of(model), WeightAveraging())
    assert_close(values(model.trainable_variables), before, rtol=0, atol=0)


def test_data_without_a_batch_are_refused():
    with pytest.raises(ValueError, match=r"at least one batch. Received: data=\[\]$"):
        fit(sam_of(noisy_mlp()), WeightAveraging(data=[]))


def test_training_that_ends_before_the_start_keeps_its_weights():
    averaging, snapshots, sam = WeightAveraging(start=4), Snapshots(), sam_of(mlp())
    with pytest.warns(UserWarning, match="ended before any weights were due"):
        fit(sam, averaging, snapshots)
    assert averaging.average == [] and averaging.count == 0
    assert_close(values(sam.trainable_variables), snapshots.epochs[-1], rtol=0, atol=0)


def test_the_callback_lets_keras_run_ahead(monkeypatch):
    """A callback that Keras calls at a batch's end would wait for the device each time."""
    assert WeightAveraging.on_train_batch_end is keras.callbacks.Callback.on_train_batch_end
    asked, averaging, sam = [], WeightAveraging(every=4, start=4), sam_of(mlp())
    take = averaging._take
    monkeypatch.setattr(averaging, "_take", lambda: (asked.append(1), take()))
    fit(sam, averaging)
    assert len(asked) == 3


def test_a_mean_goes_on_from_what_was_kept_of_it():
    whole, first = WeightAveraging(), WeightAveraging()
    unbroken = mlp()
    model = sam_of(twin(unbroken))
    fit(sam_of(unbroken), whole, epochs=4)
    snapshots = Snapshots()
    fit(model, snapshots, first, epochs=2)
    for variable, value in zip(model.trainable_variables, snapshots.epochs[-1], strict=True):
        variable.assign(value)
    second = WeightAveraging(initial=(first.count, first.average))
    fit(model, second, epochs=2)
    assert second.count == whole.count == 4
    assert_close(second.average, whole.average)
