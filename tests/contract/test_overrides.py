"""A base model that brings its own losses and metrics, or is not built yet, keeps its ways."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_sam
from keras_sam.wrapping import overrides
from tests.toys import gradients_by_hand, values


class Base(keras.Model):
    """A dense network."""

    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(5, activation="tanh")
        self.out = layers.Dense(2)

    def build(self, input_shape):
        self.hidden.build(input_shape)
        self.out.build((None, 5))

    def call(self, x):
        return self.out(self.hidden(x))

    def penalty(self):
        return 0.1 * ops.sum(ops.square(self.out.kernel))


class SuperWithTraining(Base):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        return loss + (self.penalty() if training else 0.0)


class SuperWithoutTraining(Base):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
        return super().compute_loss(x, y, y_pred, sample_weight) + self.penalty()


class OwnWithTraining(Base):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return ops.mean(ops.square(ops.subtract(y, y_pred))) + (self.penalty() if training else 0.0)


class OwnWithoutTraining(Base):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
        return ops.mean(ops.abs(ops.subtract(y, y_pred))) + self.penalty()


class OwnMetricInLoss(Base):
    def __init__(self):
        super().__init__()
        self.tracked = keras.metrics.Mean(name="penalty")

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        self.tracked.update_state(ops.mean(ops.square(y_pred)))
        return super().compute_loss(x, y, y_pred, sample_weight, training)


class OwnMetrics(Base):
    def __init__(self):
        super().__init__()
        self.bias = keras.metrics.Mean(name="bias")

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        self.bias.update_state(ops.mean(ops.subtract(y_pred, y)))
        return super().compute_metrics(x, y, y_pred, sample_weight)


class OwnMetricInCall(Base):
    def __init__(self):
        super().__init__()
        self.size = keras.metrics.Mean(name="size")

    def call(self, x, training=False):
        y_pred = super().call(x)
        if training:
            self.size.update_state(ops.mean(ops.abs(y_pred)))
        return y_pred


class MetricsFromScratch(OwnMetrics):
    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        self.bias.update_state(ops.mean(ops.subtract(y_pred, y)))
        return {"bias": self.bias.result()}


WITH_LOSS = [SuperWithTraining, SuperWithoutTraining, OwnWithTraining, OwnWithoutTraining]
ALL = [Base, *WITH_LOSS, OwnMetricInLoss, OwnMetrics]


def data(rows=12):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(rows, 3)).astype("float32")
    return x, generator.normal(size=(rows, 2)).astype("float32")


def built(model_class):
    keras.utils.set_random_seed(5)
    model = model_class()
    model.build((None, 3))
    return model


def history(model, rate, metrics=("mae",)):
    """Logs of two epochs of uneven batches, with validation."""
    model.compile(keras.optimizers.SGD(rate), loss="mse", metrics=metrics and list(metrics))
    x, y = data()
    fitted = model.fit(
        x, y, batch_size=5, epochs=2, shuffle=False, verbose=0, validation_data=(x[:4], y[:4])
    )
    return fitted.history


def assert_same_logs(ours, plain):
    assert set(ours) == set(plain)
    for name in plain:
        np.testing.assert_allclose(ours[name], plain[name], rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("model_class", ALL)
def test_without_radius_logs_and_weights_are_those_of_the_base_model(model_class):
    plain, base_model = built(model_class), built(model_class)
    expected = history(plain, 0.1)
    assert_same_logs(history(keras_sam.SAMModel(base_model, rho=0.0), 0.1), expected)
    for left, right in zip(values(base_model.weights), values(plain.weights), strict=True):
        np.testing.assert_allclose(left, right, atol=1e-6)


@pytest.mark.parametrize("model_class", [SuperWithTraining, OwnMetricInLoss, OwnMetrics])
def test_logs_are_those_of_the_clean_pass_averaged_and_reset_per_epoch(model_class):
    # At learning rate 0 all passes but the clean one leave no trace, and both epochs agree.
    expected = history(built(model_class), 0.0)
    ours = history(keras_sam.SAMModel(built(model_class), rho=3.0, method="multistep"), 0.0)
    assert_same_logs(ours, expected)
    for name, (first, second) in ours.items():
        assert first == pytest.approx(second, rel=1e-5), name


@pytest.mark.parametrize("model_class", WITH_LOSS)
def test_own_loss_is_in_both_passes(model_class):
    model = built(model_class)
    x, y = data()
    _, perturbed = gradients_by_hand(model, x, y, "mse", 0.5)
    before = values(model.trainable_variables)
    sam = keras_sam.SAMModel(model, rho=0.5)
    sam.compile(keras.optimizers.SGD(0.1), loss="mse")
    sam.train_on_batch(x, y)
    after = values(model.trainable_variables)
    for start, end, gradient in zip(before, after, perturbed, strict=True):
        np.testing.assert_allclose(end, start - 0.1 * gradient, rtol=1e-5, atol=2e-6)


def test_own_metrics_with_micro_batches_are_means_over_them():
    x, y = data(8)
    logs = []
    for splits, batch_size in ((None, 4), (2, 8)):
        model = built(OwnMetricInLoss)
        sam = keras_sam.SAMModel(model, rho=0.5, num_batch_splits=splits)
        sam.compile(keras.optimizers.SGD(0.0), loss="mse", metrics=["mae"])
        logs.append(sam.fit(x, y, batch_size=batch_size, shuffle=False, verbose=0).history)
    assert_same_logs(*logs)


@pytest.mark.parametrize(
    ("model_class", "name", "measure"),
    [(OwnMetricInCall, "size", lambda y_pred, y: np.mean(np.abs(y_pred))),
     (MetricsFromScratch, "bias", lambda y_pred, y: np.mean(y_pred - y))],
)  # fmt: skip
def test_own_metric_is_the_mean_over_clean_passes(model_class, name, measure):
    # Plain Keras cannot do the first on JAX, and shows the last batch only of the second.
    ours = history(keras_sam.SAMModel(built(model_class), rho=3.0), 0.0, metrics=None)
    x, y = data()
    y_pred = keras.ops.convert_to_numpy(built(Base)(x))
    batches = [slice(0, 5), slice(5, 10), slice(10, 12)]
    expected = np.mean([measure(y_pred[rows], y[rows]) for rows in batches])
    np.testing.assert_allclose(ours[name], [expected, expected], rtol=1e-5)


@pytest.mark.parametrize("method", ["fit", "train_on_batch"])
@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.Sequential([layers.Dense(4), layers.BatchNormalization(), layers.Dense(2)]),
        Base,
    ],
    ids=["sequential", "subclassed"],
)
def test_first_batch_builds_the_model(make, method):
    x, y = data()
    weights = []
    for wrap in (lambda model: model, lambda model: keras_sam.SAMModel(model, rho=0.0)):
        keras.utils.set_random_seed(5)
        base_model = make()
        model = wrap(base_model)
        model.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss="mse", metrics=["mae"])
        for _ in range(2):
            getattr(model, method)(x, y, **({"verbose": 0} if method == "fit" else {}))
        assert model.built and base_model.built
        weights.append(values(base_model.weights))
    for plain, ours in zip(*weights, strict=True):
        np.testing.assert_allclose(ours, plain, atol=1e-6)


def test_model_built_by_the_first_batch_is_perturbed():
    x, y = data()
    keras.utils.set_random_seed(5)
    model = Base()
    sam = keras_sam.SAMModel(model, rho=0.5, log_sharpness=True)
    sam.compile(keras.optimizers.SGD(0.1), loss="mse")
    logs = sam.fit(x, y, verbose=0).history
    assert logs["perturbation_norm"][0] == pytest.approx(0.5, rel=1e-5)
    assert logs["sharpness"][0] > 0


class OwnSteps(Base):
    """Evaluates and predicts in its own way, and tracks a metric of its own."""

    def __init__(self):
        super().__init__()
        self.largest = keras.metrics.Mean(name="largest")

    def test_step(self, *args):
        if keras.backend.backend() != "jax":
            x, _ = args[0]
            self.largest.update_state(ops.max(self(x)))
            return {"largest": self.largest.result()}
        state, (x, _) = args
        outputs, non_trainable = self.stateless_call(*state[:2], x)
        metrics = self.largest.stateless_update_state(state[2][-2:], ops.max(outputs))
        logs = {"largest": self.largest.stateless_result(metrics)}
        return logs, (state[0], non_trainable, [*state[2][:-2], *metrics])

    def predict_step(self, *args):
        if keras.backend.backend() != "jax":
            return super().predict_step(*args) + 1.0
        outputs, state = super().predict_step(*args)
        return outputs + 1.0, state

    def get_metrics_result(self):
        return {**super().get_metrics_result(), "of_mine": 3.0}


def test_steps_of_its_own_are_called():
    x, y = np.ones((8, 3), "float32"), np.ones((8, 2), "float32")
    base_model = OwnSteps()
    sam = keras_sam.SAMModel(base_model)
    sam.compile("sgd", "mse")
    logs = sam.fit(x, y, batch_size=4, validation_data=(x, y), verbose=0).history
    outputs = ops.convert_to_numpy(base_model(x))
    assert logs["of_mine"] == [3.0]
    assert logs["val_largest"][0] == pytest.approx(outputs.max(), rel=1e-5)
    assert sam.evaluate(x, y, verbose=0, return_dict=True)["largest"] == pytest.approx(
        outputs.max(), rel=1e-5
    )
    np.testing.assert_allclose(sam.predict(x, verbose=0), outputs + 1.0, rtol=1e-5)
    np.testing.assert_allclose(sam.predict_on_batch(x), outputs + 1.0, rtol=1e-5)
    assert not base_model.compiled


@pytest.mark.once
@pytest.mark.parametrize("name", overrides.REFUSED)
def test_what_would_be_skipped_is_refused_by_name(name):
    model = type("Own", (Base,), {name: lambda self, *args, **kwargs: None})()
    with pytest.raises(ValueError, match=rf"the model's own {name}\..*Received: model=.*Own"):
        keras_sam.SAMModel(model)
