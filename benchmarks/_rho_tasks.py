"""The tasks on which ways to a radius are compared: examples, networks and recipes."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from absl import flags

from keras_sam import datasets, models

FLAGS = flags.FLAGS


@dataclasses.dataclass(frozen=True)
class Task:
    """Examples, a network and a recipe.

    Args:
        title: String, for tables and figures.
        rho: Float, the usual radius for such a task; the grid lies around it.
        wrong: Float, the share of the training labels that is wrong.
        epochs: Integer.
        batch_size: Integer.
        data: Function that loads the `Dataset`.
        network: Function of the dataset, and of whether to build it at half its width.
        optimizer: Function from the number of steps to the optimizer.
        has_narrow: Whether there is a narrow network.
        jit_compile: As `compile` takes it.
    """

    title: str
    rho: float
    wrong: float
    epochs: int
    batch_size: int
    data: Callable[[], datasets.Dataset]
    network: Callable[[datasets.Dataset, bool], keras.Model]
    optimizer: Callable[[int], keras.optimizers.Optimizer]
    has_narrow: bool = True
    jit_compile: bool | str = False  # A run is over before XLA's compiling would have paid.

    @property
    def setting(self) -> str:
        """What a run must share with another to stand beside it."""
        backend = keras.backend.backend()
        return f"{self.wrong:.0%} wrong, {self.epochs} epochs of {self.batch_size}, {backend}"


def momentum(rate: float, steps: int, **options: Any) -> keras.optimizers.Optimizer:
    """SGD with momentum, its rate along a cosine."""
    schedule = keras.optimizers.schedules.CosineDecay(rate, steps)
    return keras.optimizers.SGD(schedule, momentum=0.9, **options)


def warmed_up(rate: float, steps: int, share: float = 0.25) -> keras.optimizers.Optimizer:
    """The optimizer for fine-tuning: a rate that rises first, and a clipped gradient."""
    warm = round(share * steps)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps - warm, warmup_target=rate, warmup_steps=warm
    )
    return keras.optimizers.SGD(schedule, momentum=0.9, weight_decay=1e-4, global_clipnorm=1.0)


def adamw(rate: float, steps: int) -> keras.optimizers.Optimizer:
    """AdamW, its rate along a cosine."""
    schedule = keras.optimizers.schedules.CosineDecay(rate, steps)
    return keras.optimizers.AdamW(schedule, weight_decay=0.01)


def convolutional(name: str, data: datasets.Dataset, narrow: bool) -> keras.Model:
    """A network of this package, or it with half the channels everywhere."""
    model = models.get(name, data.input_shape, data.num_classes)
    return keras.models.clone_model(model, clone_function=_halved) if narrow else model


def _halved(layer: keras.layers.Layer) -> keras.layers.Layer:
    config = layer.get_config()
    if "filters" in config:
        config["filters"] //= 2
    if isinstance(layer, keras.layers.ZeroPadding2D) and not any(config["padding"][0]):
        # A shortcut's new channels; what pads an image does so in its first axis as well.
        config["padding"] = [[0, 0], [number // 2 for number in config["padding"][1]]]
    return type(layer).from_config(config)


def transformer(data: datasets.Dataset, narrow: bool) -> keras.Model:
    """The small Transformer on texts, smaller still."""
    shape, width = data.input_shape, 16 if narrow else 32
    return models.get("text_transformer", shape, data.num_classes, width=width, blocks=1)


def mobilenet(data: datasets.Dataset, narrow: bool) -> keras.Model:
    """MobileNet with ImageNet's weights and a head of zeros."""
    weights = f"{FLAGS.data_dir}/mobilenet_075_imagenet.npz"
    shape: Any = data.input_shape
    arguments = {"alpha": 0.75}
    return models.pretrained(
        "mobilenet", shape, data.num_classes, weights=weights, arguments=arguments
    )


def beginnings(examples: int, words: int) -> datasets.Dataset:
    """The docstrings' first words."""
    data = datasets.docstrings(num_train=examples)
    x_train, x_test = (np.asarray(texts)[:, :words] for texts in (data.x_train, data.x_test))
    return dataclasses.replace(data, x_train=x_train, x_test=x_test)


TASKS = {
    "digits": Task(
        title="digits, convnet",
        rho=0.05,
        wrong=0.4,
        epochs=60,
        batch_size=64,
        data=datasets.digits,
        network=functools.partial(convolutional, "convnet"),
        optimizer=functools.partial(momentum, 0.02),
    ),
    "cifar10": Task(
        title="CIFAR-10, resnet8",
        rho=0.05,
        wrong=0.0,
        epochs=20,
        batch_size=64,
        data=lambda: datasets.cifar10(FLAGS.data_dir, num_train=1500, num_test=2000, image_size=16),
        network=functools.partial(convolutional, "resnet8"),
        optimizer=functools.partial(momentum, 0.1),
    ),
    "flowers12": Task(
        title="flowers12, MobileNet",
        rho=0.01,  # A fifth of the usual one, as the app for fine-tuning has it.
        wrong=0.4,
        epochs=8,
        batch_size=32,
        data=lambda: datasets.get("flowers12", FLAGS.data_dir, num_train=480, image_size=64),
        network=mobilenet,
        optimizer=functools.partial(warmed_up, 0.01),
        has_narrow=False,  # There are ImageNet's weights for one width.
    ),
    "docstrings": Task(
        title="docstrings, Transformer",
        rho=0.05,
        wrong=0.4,
        epochs=20,
        batch_size=64,
        data=functools.partial(beginnings, 1500, 32),
        network=transformer,
        optimizer=functools.partial(adamw, 0.001),
    ),
}


def grid(task: str) -> list[float]:
    """The radii that are tried: from a quarter of the usual one to 16 times as much, doubling."""
    return [TASKS[task].rho * 2.0**power for power in range(-2, 5)]


def snapped(task: str, rho: float) -> float:
    """The radius of a task's grid, continued at both ends, that is nearest to another."""
    usual = TASKS[task].rho
    return float(usual * 2.0 ** np.round(np.log2(rho / usual)))
