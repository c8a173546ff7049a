"""Trains one run, or goes on with it where it stopped."""

import math
import time

import keras
from _entries import PLAIN
from _options import OPTIMIZERS, WITH_MOMENTUM

import keras_sam
from keras_sam import datasets, methods, models

EVALUATION_BATCH = 1000


def train(folder, dataset, verbose):
    """Trains the run of a folder to its last epoch.

    Args:
        folder: The `RunFolder`, with the resolved settings.
        dataset: A `keras_sam.datasets.Dataset` with clean labels.
        verbose: Integer, 0 to 2, as in Keras's `fit`.
    """
    settings = folder.settings
    folder.begin()
    keras.utils.clear_session()
    keras.utils.set_random_seed(settings["seed"])
    precision = settings["mixed_precision"]
    keras.config.set_dtype_policy("float32" if precision == "none" else f"mixed_{precision}")
    batches = _batches(settings, dataset)
    base_model = models.get(settings["model"], dataset.input_shape, dataset.num_classes)
    model = _compiled(settings, base_model, settings["epochs"] * batches.num_batches)
    model.fit(
        batches,
        initial_epoch=folder.restore(model),
        epochs=settings["epochs"],
        validation_data=(dataset.x_test, dataset.y_test),
        validation_batch_size=min(EVALUATION_BATCH, len(dataset.y_test)),
        callbacks=[batches.follow_epochs(), _CompletedEpochs(folder)],
        shuffle=False,  # The batches are shuffled; Keras's own order would not survive a stop.
        verbose=verbose,
    )
    folder.finish(base_model)


def _batches(settings, dataset):
    seed = settings["seed"]
    noisy = datasets.with_label_noise(dataset, settings["label_noise"], seed)

    def augment(images, generator):
        return datasets.shift_and_flip(images, generator, dataset.shift, dataset.flip)

    basic = settings["augment"] == "basic"
    return datasets.Batches(
        noisy.x_train, noisy.y_train, settings["batch_size"], seed, augment if basic else None
    )


def _compiled(settings, base_model, steps):
    model = base_model
    if settings["method"] != PLAIN:
        method = methods.get(settings["method"], **settings["method_arguments"])
        splits = settings["num_batch_splits"]
        model = keras_sam.SAMModel(base_model, method=method, num_batch_splits=splits)
    model.compile(
        optimizer=_optimizer(settings, steps),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile={"auto": "auto", "true": True, "false": False}[settings["jit_compile"]],
    )
    return model


def _optimizer(settings, steps):
    name = settings["optimizer"]
    momentum = {"momentum": settings["momentum"]} if name in WITH_MOMENTUM else {}
    return OPTIMIZERS[name](
        learning_rate=_learning_rate(settings, steps),
        weight_decay=settings["weight_decay"] or None,
        **momentum,
    )


def _learning_rate(settings, steps):
    peak, schedules = settings["learning_rate"], keras.optimizers.schedules
    if settings["schedule"] == "cosine":
        return schedules.CosineDecay(peak, steps)
    if settings["schedule"] == "step":
        # At half and three quarters of the way, as for the ResNets on CIFAR.
        boundaries = [max(1, steps // 2), max(2, steps * 3 // 4)]
        return schedules.PiecewiseConstantDecay(boundaries, [peak, peak / 10, peak / 100])
    return peak


class _CompletedEpochs(keras.callbacks.Callback):
    """Keeps every completed epoch, so that a run can go on from it; ends a run of NaN."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_test_begin(self, logs=None):
        int(self.model.optimizer.iterations)  # Waits for a device that is still training.
        self.trained = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        line = {"epoch": epoch + 1} | {key: float(value) for key, value in logs.items()}
        # The evaluation costs every method the same, and would hide how their steps differ.
        line["train_seconds"] = round(self.trained - self.started, 6)
        line["seconds"] = round(time.perf_counter() - self.started, 3)
        self.folder.complete_epoch(self.model, line)
        if is_nan(line):
            self.model.stop_training = True


def is_nan(line):
    """Whether an epoch's metrics show a training that will not come back.

    Args:
        line: Dictionary of an epoch's metrics.

    Returns:
        Bool.
    """
    return math.isnan(line["loss"]) or math.isnan(line["val_loss"])
