"""The features of a pretrained network: a new last layer trained on them, and a floor from them."""

import dataclasses
from typing import Any

import keras
import numpy as np

from keras_sam.datasets import Dataset
from keras_sam.datasets.batches import Batches
from keras_sam.experiments import stopping
from keras_sam.experiments.training import building, losses

HEAD = "logits"
HEAD_RATE = 0.001
STRENGTHS = np.logspace(-3, 6, 37)  # Over the variance of a feature.
BATCH = 32


@dataclasses.dataclass(frozen=True)
class Probe:
    """What a linear classifier on the pretrained features reaches.

    Args:
        accuracy: Float, percent of the test images.
    """

    accuracy: float

    @property
    def text(self) -> str:
        """A line."""
        return (
            f"linear probe: {self.accuracy:.1f} % of the test images, by ridge regression on the "
            "pretrained features, its strength chosen by leave-one-out"
        )


def probe(settings: dict[str, Any], dataset: Dataset) -> Probe:
    """Fits ridge regression to the features of all training images, which are not augmented.

    It has a closed form, and so has the error without each example in turn, which chooses the
    penalty: no test image is looked at.

    Args:
        settings: Dictionary of a run's settings.
        dataset: The `keras_sam.datasets.Dataset`, with the labels to fit.

    Returns:
        A `Probe`.
    """
    # Imported here: a training without a probe does not need it.
    from sklearn.linear_model import RidgeClassifierCV

    keras.utils.clear_session()
    keras.utils.set_random_seed(settings["seed"])  # Of weights that are not pretrained at all.
    keras.config.set_dtype_policy("float32")
    network = _extractor(settings, building.base_model(settings, dataset))
    train = dataclasses.replace(dataset, x_test=dataset.x_train, y_test=dataset.y_train)
    found, unseen = (
        network.predict(part.test_batches(BATCH, augment=settings["augment"]), verbose=0)
        for part in (train, dataset)
    )
    spread = float(found.var(axis=0).mean()) or 1.0
    ridge = RidgeClassifierCV(STRENGTHS * spread).fit(found, dataset.y_train)
    return Probe(100 * ridge.score(unseen, dataset.y_test))


def train_head(settings: dict[str, Any], base: keras.Model, batches: Batches) -> None:
    """Trains the last layer for `head_epochs`, on features that stay as they are.

    It is done with Adam and without any perturbation, whatever the run's method: the same start
    for all. All of it is a function of the seed, so that a run that was stopped here begins it
    again and comes to the same weights.

    Args:
        settings: Dictionary of a run's settings.
        base: The `keras.Model` to fine-tune, changed in place.
        batches: The run's training `Batches`.
    """
    head, network = base.get_layer(HEAD), _extractor(settings, base)
    alone = keras.Sequential(
        [keras.Input(head.input.shape[1:]), keras.layers.Dense(head.units, dtype="float32")]
    )
    alone.set_weights(head.get_weights())
    alone.compile(
        keras.optimizers.Adam(HEAD_RATE), losses.loss_and_metrics(settings, head.units)["loss"]
    )
    for epoch in range(settings["head_epochs"]):
        batches.epoch = epoch
        for index in range(batches.num_batches):
            stopping.check()
            images, labels = batches[index]
            alone.train_on_batch(network.predict_on_batch(images), labels)
    batches.release()
    head.set_weights(alone.get_weights())


def _extractor(settings: dict[str, Any], base: keras.Model) -> keras.Model:
    """The network from images to what its last layer takes, in float32."""
    features = keras.layers.Activation("linear", dtype="float32")(base.get_layer(HEAD).input)
    network = keras.Model(base.input, features)
    network.compile(jit_compile=building.jit_compile(settings, base))
    return network
