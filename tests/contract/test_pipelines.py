"""A base model that prepares raw batches itself, after the manner of KerasHub's tasks."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_sam
from tests.toys import values

WORDS = ("flat", "sharp", "minimum", "wide", "deep")
TEXTS = [" ".join(WORDS[n % k] for n in range(k)) for k in (1, 2, 3, 4, 5, 2, 3, 1)] * 2
LABELS = np.arange(16) % 2
WEIGHTS = np.linspace(0.5, 1.5, 16).astype("float32")


def counted(texts):
    """How often each word is in each text: what the preprocessor makes of raw texts."""
    return np.array([[text.split().count(word) for word in WORDS] for text in texts], "float32")


class Pipeline(keras.Model):
    """Overrides what takes data, as KerasHub's does, to map the hook over them."""

    def preprocess_samples(self, x, y=None, sample_weight=None):
        return keras.utils.pack_x_y_sample_weight(x, y, sample_weight)

    def fit(self, *args, **kwargs):
        raise AssertionError("is the base model's own, and SAMModel has its")

    evaluate = train_on_batch = test_on_batch = fit

    def predict(self, x, **kwargs):
        return super().predict(self.preprocess_samples(x), **kwargs)


@keras.saving.register_keras_serializable(package="tests")
class Task(Pipeline):
    """Classifies texts."""

    def __init__(self, preprocessor="counts", **kwargs):
        super().__init__(**kwargs)
        self.preprocessor = preprocessor
        self.hidden, self.out = layers.Dense(4, activation="tanh"), layers.Dense(2)

    def call(self, x):
        return self.out(self.hidden(x))

    def preprocess_samples(self, x, y=None, sample_weight=None):
        return keras.utils.pack_x_y_sample_weight(counted(x), y, sample_weight)

    def get_config(self):
        return {"preprocessor": self.preprocessor}


def compiled():
    keras.utils.set_random_seed(0)
    base_model = Task()
    base_model(counted(TEXTS))
    sam = keras_sam.SAMModel(base_model, rho=0.1)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    sam.compile(keras.optimizers.SGD(0.5), loss, weighted_metrics=["accuracy"])
    return sam


def by_hand(texts, labels, weights=None, size=4, epochs=2):
    """The same training on prepared arrays, in their order."""
    sam = compiled()
    sam.base_model.preprocess_samples = None  # What is prepared needs no hook.
    sam.fit(counted(texts), labels, size, epochs, 0, sample_weight=weights, shuffle=False)
    return sam


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        rows = slice(4 * index, 4 * index + 4)
        return TEXTS[rows], LABELS[rows], WEIGHTS[rows]


SOURCES = {
    "lists": lambda: {"x": TEXTS, "y": LABELS, "sample_weight": WEIGHTS, "batch_size": 4},
    "batches": lambda: {"x": Batches()},
}


@pytest.mark.parametrize("source", SOURCES)
def test_raw_data_are_prepared_batch_by_batch(source):
    sam = compiled()
    sam.fit(**SOURCES[source](), epochs=2, verbose=0)
    expected = by_hand(TEXTS, LABELS, WEIGHTS)
    for ours, theirs in zip(values(sam.variables), values(expected.variables), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.once
def test_a_data_set_is_told_of_the_epochs():
    told = []

    class Told(Batches):
        def on_epoch_begin(self):
            told.append("begin")

        def on_epoch_end(self):
            told.append("end")

    compiled().fit(Told(), epochs=2, verbose=0)
    assert told[-4:] == ["begin", "end"] * 2  # Keras may look at a batch first.


@pytest.mark.once
def test_data_to_validate_on_are_prepared_too():
    split, given = compiled(), compiled()
    logs = split.fit(TEXTS, LABELS, 4, validation_split=0.25, verbose=0).history
    held = (TEXTS[12:], LABELS[12:])
    other = given.fit(TEXTS[:12], LABELS[:12], 4, validation_data=held, verbose=0).history
    assert logs == other and "val_loss" in logs
    found = split.evaluate(TEXTS[12:], LABELS[12:], batch_size=4, verbose=0)
    assert found[0] == pytest.approx(logs["val_loss"][0], rel=1e-5)


@pytest.mark.once
def test_single_batches_are_prepared():
    sam, expected = compiled(), by_hand(TEXTS[:4], LABELS[:4], epochs=1)
    sam.train_on_batch(TEXTS[:4], LABELS[:4])
    for ours, theirs in zip(values(sam.weights), values(expected.weights), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    loss = sam.test_on_batch(TEXTS, LABELS)[0]
    assert loss == pytest.approx(sam.evaluate(TEXTS, LABELS, verbose=0)[0], rel=1e-5)


def test_saved_with_what_prepares(tmp_path):
    sam = compiled()
    sam.fit(TEXTS, LABELS, verbose=0)
    sam.save(tmp_path / "task.keras")
    loaded = keras.saving.load_model(tmp_path / "task.keras")
    expected = sam.predict(TEXTS[:2], verbose=0)
    np.testing.assert_allclose(loaded.predict(TEXTS[:2], verbose=0), expected, rtol=1e-6)
    loaded.fit(TEXTS, LABELS, verbose=0)


@pytest.mark.once
@pytest.mark.parametrize("x", [iter(TEXTS), 3, "flat"], ids=["iterator", "number", "text"])
def test_other_data_are_refused(x):
    with pytest.raises(ValueError, match=r"x must be arrays, lists, a tf.data.*Received: x="):
        compiled().fit(x, LABELS, verbose=0)


@pytest.mark.once
def test_a_fit_that_does_more_is_refused():
    class Other(Task):
        def fit(self, *args, **kwargs):
            return super().fit(*args, **kwargs)

    with pytest.raises(ValueError, match=r"skip the model's own fit\..*Received: model=.*Other"):
        keras_sam.SAMModel(Other())
