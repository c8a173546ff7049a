"""Steps that come to something not finite: skipped where the model is told so, else warned of."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_sam
from tests import conformance
from tests.selection import each_method
from tests.toys import mlp, values, vectors

X, Y = vectors()
NAN, INF = float("nan"), float("inf")


def tiny():
    """A model with BatchNorm and dropout and of few variables, which compiles fast."""
    hidden = [layers.BatchNormalization(), layers.Dropout(0.3, seed=7)]
    return keras.Sequential([keras.Input((4,)), *hidden, layers.Dense(1)])


def skipping(method, model=None, optimizer=None, num_batch_splits=None):
    """A compiled SAMModel that skips; its optimizer clips where the method lets it."""
    model = conformance.suited(method, tiny()) if model is None else model
    method = conformance.short(method)
    sam = keras_sam.SAMModel(
        model,
        method=method,
        num_batch_splits=num_batch_splits,
        log_sharpness=True,
        skip_nonfinite=True,
    )
    options = {"momentum": 0.9, "clipvalue": 1.0}
    sam.compile(optimizer or conformance.optimizer(method, 0.01, **options), "mse", metrics=["mae"])
    return sam


def with_one(value, of=Y, row=0):
    """Data of which one entry is another value."""
    changed = of.copy()
    changed[row, 0] = value
    return changed


def everything(sam):
    """All that a step may change, but for the metrics: weights, state, seeds, the optimizer's."""
    metrics = {id(variable) for variable in sam.metrics_variables}
    optimizer = getattr(sam.optimizer, "inner_optimizer", sam.optimizer)
    kept = [*sam.variables, *optimizer.variables]
    return values(variable for variable in kept if id(variable) not in metrics)


def assert_as_before(before, after):
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(new, old)


BAD = [(X, with_one(NAN)), (X, with_one(INF)), (with_one(NAN, X), Y), (X, with_one(1e30))]


@pytest.mark.parametrize("name", each_method())
def test_bad_batch_might_as_well_not_have_been_there(name):
    sam = skipping(name)
    sam.train_on_batch(X, Y)
    before = everything(sam)
    for batch in BAD:
        sam.reset_metrics()  # Not every Keras does it for a batch.
        logs = sam.train_on_batch(*batch, return_dict=True)
        assert_as_before(before, everything(sam))
        assert logs["skipped_steps"] == 1
        assert np.isfinite(list(logs.values())).all()
    sam.train_on_batch(X, Y)
    assert int(sam.optimizer.iterations) == 2
    assert not all(map(np.array_equal, before, everything(sam)))
    assert "skipped_steps" not in sam.evaluate(X, Y, verbose=0, return_dict=True)


@pytest.mark.parametrize("name", ["ae_sam", "ssam_f", "wsam"])
def test_bad_micro_batch_skips_the_step(name):
    """Of the other one the metrics and BatchNorm's statistics know."""
    sam = skipping(name, num_batch_splits=2)
    sam.train_on_batch(X, Y)
    state = [] if sam.memory is None else keras.tree.flatten(sam.memory.state)
    kept = [*sam.trainable_variables, *state, *sam.optimizer.variables]
    statistics = sam.base_model.layers[0].non_trainable_variables[:2]
    before, before_statistics = values(kept), values(statistics)
    for row in (0, 7):
        logs = sam.train_on_batch(with_one(NAN, X, row), Y, return_dict=True)
        assert_as_before(before, values(kept))
        assert logs["skipped_steps"] == 1 and logs["loss"] > 0
        assert np.isfinite(list(logs.values())).all()
    assert np.isfinite(values(statistics)).all()
    assert not any(map(np.array_equal, values(statistics), before_statistics))


def test_optimizer_is_left_alone():
    """Accumulated gradients, averages of the weights, decay, and clipping by an infinite norm."""
    options = {"gradient_accumulation_steps": 2, "use_ema": True, "weight_decay": 0.1}
    sam = skipping("sam", optimizer=keras.optimizers.Adam(0.1, global_clipnorm=1.0, **options))
    for _ in range(3):
        sam.train_on_batch(X, Y)
    before = everything(sam)
    for batch in (*BAD, (X, with_one(1e20))):
        sam.train_on_batch(*batch)
    assert_as_before(before, everything(sam))


@pytest.mark.parametrize("name", ["ae_sam", "sampa", "wsam"])
def test_half_precision_shares_the_way_to_skip(name):
    """Loss scaling looks for itself and halves its scale; what it skips counts as well."""
    keras.config.set_dtype_policy("mixed_float16")
    sam = skipping(name, optimizer=keras.optimizers.SGD(1e-4, momentum=0.9))
    keras.config.set_dtype_policy("float32")
    # From 2^15 the scale falls until the steps are made.
    logs = [sam.train_on_batch(X, 100 * Y, return_dict=True) for _ in range(16)]
    skipped = sum(line["skipped_steps"] for line in logs)
    assert 0 < skipped < 14 and int(sam.optimizer.iterations) == 16 - skipped
    before, scale = everything(sam), float(sam.optimizer.scale_loss(1.0))
    logs.append(sam.train_on_batch(*BAD[0], return_dict=True))
    assert_as_before(before, everything(sam))
    assert float(sam.optimizer.scale_loss(1.0)) == scale / 2
    assert logs[-1]["skipped_steps"] == 1
    assert all(np.isfinite(list(line.values())).all() for line in logs)
    assert all(np.isfinite(value).all() for value in before)


def fitted(batches, steps, num_batch_splits=None):
    """Weights and logs after two epochs of these batches."""
    keras.utils.set_random_seed(0)
    sam = skipping("sam", num_batch_splits=num_batch_splits)
    sam.compile(keras.optimizers.SGD(0.01), "mse", metrics=["mae"], steps_per_execution=steps)
    x, y = map(np.concatenate, zip(*batches, strict=True))
    logs = sam.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0).history
    return everything(sam), logs


def test_fit_is_as_without_the_bad_batch(backend):
    steps = 1 if backend == "torch" else 3  # Keras refuses more on PyTorch.
    end, logs = fitted([(X, Y), BAD[0], (-X, Y)], steps)
    expected, expected_logs = fitted([(X, Y), (-X, Y)], 1)
    for a, b in zip(end, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    assert (logs.pop("skipped_steps"), expected_logs.pop("skipped_steps")) == ([1, 1], [0, 0])
    for name, line in logs.items():
        np.testing.assert_allclose(line, expected_logs[name], rtol=1e-6)


def test_fit_in_micro_batches_of_unknown_size():
    end, logs = fitted([(X, Y), BAD[0], (X[:5], Y[:5])], 1, num_batch_splits=6)
    assert logs["skipped_steps"] == [1, 1]
    assert np.isfinite([value for line in logs.values() for value in line]).all()
    assert all(np.isfinite(value).all() for value in end)


@pytest.mark.once
@pytest.mark.parametrize(
    ("y", "expected"), [(with_one(NAN), "loss=.*nan"), (1e30 * Y, "loss=.*inf")]
)
def test_fit_warns_of_what_it_leaves(y, expected):
    sam = keras_sam.SAMModel(mlp())
    sam.compile("sgd", "mse")
    with pytest.warns(UserWarning, match=f"skip_nonfinite=True.*Received: {expected}"):
        sam.fit(X, y, verbose=0)


@pytest.mark.once
def test_fit_warns_of_the_last_step():
    """Its loss is finite yet, and its weights are not."""
    sam = keras_sam.SAMModel(mlp())
    sam.compile(keras.optimizers.SGD(1e38), "mse")
    with pytest.warns(UserWarning, match=r"skip_nonfinite=True.*Received: loss=\[\d"):
        sam.fit(X, Y, batch_size=8, verbose=0)


@pytest.mark.once
def test_fit_warns_of_what_the_optimizer_has_gathered():
    """Loss and weights are finite, and the next step is not going to be."""
    linear = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    linear.layers[0].kernel.assign(np.full((4, 1), 1e-4))
    sam = keras_sam.SAMModel(linear)
    sam.compile(keras.optimizers.SGD(0.1, gradient_accumulation_steps=9), "mse")
    with pytest.warns(UserWarning, match=r"an optimizer that are not finite.*loss=\[\d"):
        sam.fit(np.full_like(X, 1e21), Y, batch_size=8, verbose=0)


@pytest.mark.once
def test_config_has_it():
    config = skipping("sam").get_config()
    assert config["skip_nonfinite"] is True
    assert keras_sam.SAMModel.from_config(config).skipped_steps is not None
    assert keras_sam.SAMModel(mlp()).get_config()["skip_nonfinite"] is False
