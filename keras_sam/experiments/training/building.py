"""Builds and compiles what a run's settings ask for."""

from functools import partial
from typing import Any

import keras

import keras_sam
from keras_sam import backend, methods, models
from keras_sam.datasets import Dataset
from keras_sam.descent import Descent
from keras_sam.experiments.flags.training import WITH_MOMENTUM
from keras_sam.experiments.presets import smoke
from keras_sam.experiments.training import losses
from keras_sam.experiments.training.entries import PLAIN
from keras_sam.keras_hooks import layers_of
from keras_sam.methods import composition
from keras_sam.methods.composition import Sync
from keras_sam.training.carriers import Climb, Context, Evaluation
from keras_sam.training.oracle import GradientOracle

OPTIMIZERS = {
    "sgd": keras.optimizers.SGD,
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "rmsprop": keras.optimizers.RMSprop,
    "lion": keras.optimizers.Lion,
}
SYNCS: dict[str, Sync] = {"none": False, "gradient": True, "mean": "mean"}
# Of the schedule with steps: at half and three quarters of the way, as for the ResNets on CIFAR.
STEPS, FACTOR = (0.5, 0.75), 0.1


def base_model(settings: dict[str, Any], dataset: Dataset) -> keras.Model:
    """The network of a run, pre-trained where the settings have `weights`.

    Returns:
        A `keras.Model` from images or texts to logits.

    Raises:
        ValueError: If the network cannot be built so.
    """
    shape: Any = dataset.input_shape  # Each builder checks whether it is one of its own.
    classes = dataset.num_classes
    if "weights" in settings:
        name, arguments = smoke.pretrained(settings)
        return models.pretrained(
            name,
            shape,
            classes,
            source=settings["model_source"],
            weights=settings["weights"],
            frozen_batch_norm=settings["freeze_batch_norm"],
            dropout=settings["dropout"],
            keep_top=settings.get("keep_top", False),
            arguments=arguments,
        )
    build = smoke.network(settings) or partial(models.get, settings["model"])
    kind = settings.get("normalization", "batch")
    if kind == "batch":  # What every model has.
        return build(shape, classes)
    return build(shape, classes, normalization=None if kind == "none" else kind)


def compiled(
    settings: dict[str, Any], base: keras.Model, num_classes: int, steps: int
) -> keras.Model:
    """The model to train around the network.

    Args:
        settings: Dictionary of a run's settings.
        base: The `keras.Model` of `base_model`.
        num_classes: Integer.
        steps: Integer, the steps of the whole training.

    Returns:
        A compiled `keras.Model`. The network itself stays uncompiled, so that it can be saved
        without anything that only training needs.
    """
    if settings.get("l2"):
        losses.decay_through_loss(base, settings["l2"])
    model = _around(settings, base)
    model.compile(
        optimizer=_optimizer(settings, steps),
        **losses.loss_and_metrics(settings, num_classes),
        jit_compile=jit_compile(settings, base),
        steps_per_execution=settings["steps_per_execution"],
    )
    return model


def _around(settings: dict[str, Any], base: keras.Model) -> keras.Model:
    if settings["method"] == PLAIN:
        if settings["distribute"] == "all" and backend.name == "torch":
            # Keras itself averages nothing over processes.
            plain = methods.Method(descent=CleanGradient(), name=PLAIN)
            return keras_sam.SAMModel(base, method=plain)
        return keras.Model(base.inputs, base.outputs)
    splits = settings["num_batch_splits"]
    return keras_sam.SAMModel(
        base,
        method=_method(settings),
        num_batch_splits=splits and splits // backend.num_processes(),
        skip_nonfinite=settings.get("skip_nonfinite", False),
        sync_perturbation=_sync(settings),
    )


class CleanGradient(Descent):
    """The gradient at the weights, for one pass: no sharpness-aware method at all."""

    def evaluation(self, oracle: GradientOracle, climb: Climb, context: Context) -> Evaluation:
        return climb.first


def _sync(settings: dict[str, Any]) -> Sync:
    return SYNCS[settings.get("sync_perturbation", "none")]


def jit_compile(settings: dict[str, Any], base: keras.Model) -> bool | str:
    """What `compile` is told: `auto` leaves XLA out where it would cost most of the time.

    On a CPU XLA takes eight times as long for a step of MobileNet as TensorFlow alone.
    """
    if settings["jit_compile"] != "auto":
        return settings["jit_compile"] == "true"
    if backend.name == "tensorflow" and "cpu" in keras.distribution.list_devices()[0].lower():
        if any(isinstance(layer, keras.layers.DepthwiseConv2D) for layer in layers_of(base)):
            return False
    return "auto"


def check_combination(settings: dict[str, Any]) -> None:
    """Refuses a method with an optimizer or splits that it cannot be trained with.

    Raises:
        ValueError: If they do not go together.
    """
    if settings["method"] != PLAIN:
        optimizer = _optimizer(settings, steps=settings["epochs"])
        composition.check_model(_method(settings), optimizer, settings["num_batch_splits"])
        composition.checked_sync(_method(settings), _sync(settings))


def _method(settings: dict[str, Any]) -> methods.Method:
    return methods.get(settings["method"], **settings["method_arguments"])


def _optimizer(settings: dict[str, Any], steps: int) -> keras.optimizers.Optimizer:
    name = settings["optimizer"]
    momentum = {"momentum": settings["momentum"]} if name in WITH_MOMENTUM else {}
    nesterov = {"nesterov": True} if settings["nesterov"] else {}
    return OPTIMIZERS[name](
        learning_rate=_learning_rate(settings, steps),
        weight_decay=settings["weight_decay"] or None,
        global_clipnorm=settings["clipnorm"],
        **momentum,
        **nesterov,
    )


def _learning_rate(
    settings: dict[str, Any], steps: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    peak, schedules = settings["learning_rate"], keras.optimizers.schedules
    if settings["schedule"] == "cosine":
        warmup = min(round(steps * settings["warmup_epochs"] / settings["epochs"]), steps - 1)
        if warmup:
            return schedules.CosineDecay(
                0.0, steps - warmup, warmup_target=peak, warmup_steps=warmup
            )
        return schedules.CosineDecay(peak, steps)
    if settings["schedule"] == "linear":
        return schedules.PolynomialDecay(peak, steps, end_learning_rate=0.0)
    if settings["schedule"] == "step":
        places = settings.get("schedule_steps", STEPS)
        boundaries = [max(number, int(steps * share)) for number, share in enumerate(places, 1)]
        divisor = 1 / settings.get("schedule_factor", FACTOR)
        rates = [peak / divisor**number for number in range(len(places) + 1)]
        return schedules.PiecewiseConstantDecay(boundaries, rates)
    return peak
