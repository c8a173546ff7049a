"""LoRA, with SAM and with Flat-LoRA: a Vision Transformer from five digits to the other five.

    KERAS_BACKEND=tensorflow python benchmarks/flat_lora.py

trains a small Vision Transformer on the digits 0 to 4, once a seed, gives its dense layers adapters
of rank 4 and a fresh head, and trains these (with the layers' biases) on 20 images of each of the
digits 5 to 9. It prints the accuracy on the test images of these five, for each method and radius,
as the mean of the seeds and half of the 95 % interval of Student's t. No radius is chosen: all that
were tried are in the table. Eight minutes on a core.
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from scipy import stats
from tabulate import tabulate

import keras_sam
from keras_sam import methods, models, schedules

SEEDS = range(3)
EACH, RANK, BATCH = 20, 4, 20
PRETRAINING, EPOCHS, RATE = 40, 60, 5e-3
STEPS = EPOCHS * 5 * EACH // BATCH
HEAD = "logits"
RADII = {"sam": (0.05, 0.1, 0.2), "flat_lora": (0.05, 0.15, 0.5)}


def half(classes, each=None):
    """`(x_train, y_train), (x_test, y_test)` of five digits, `each` images of one to train."""
    data = keras_sam.datasets.digits()
    parts = []
    for x, y, most in ((data.x_train, data.y_train, each), (data.x_test, data.y_test, None)):
        chosen = np.concatenate([np.flatnonzero(y == label)[:most] for label in classes])
        parts.append((x[chosen], y[chosen] - classes[0]))
    return parts


def compiled(model, rate):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    return model


def network():
    return models.vit(2, width=32, depth=2, heads=4, input_shape=(8, 8, 1), num_classes=5)


def pretrained(seed):
    """Weights after the first five digits, and the accuracy on their test images."""
    keras.utils.set_random_seed(seed)
    train, test = half(range(5))
    model = compiled(network(), 1e-3)
    model.fit(*train, batch_size=32, epochs=PRETRAINING, verbose=0)
    return model.get_weights(), model.evaluate(*test, verbose=0)[1]


def with_adapters(weights):
    """The network with a fresh head, adapters in its other layers, and the rest frozen."""
    model = network()
    model.set_weights(weights)
    head = model.get_layer(HEAD)
    head.set_weights([np.zeros(part.shape) for part in head.get_weights()])
    for layer in model._flatten_layers(include_self=False, recursive=True):
        if layer is head:
            continue
        if hasattr(layer, "enable_lora"):
            layer.enable_lora(RANK)
        elif not list(layer._flatten_layers(include_self=False)):
            layer.trainable = False
    return model


def accuracy(weights, seed, method):
    """That on the other five digits."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    model = with_adapters(weights)
    if method is not None:
        model = keras_sam.SAMModel(model, method=method)
    train, test = half(range(5, 10), EACH)
    compiled(model, RATE).fit(*train, batch_size=BATCH, epochs=EPOCHS, verbose=0)
    found = model.evaluate(*test, verbose=0)[1]
    print(f"seed {seed}, {method}: {found:.4f}", file=sys.stderr, flush=True)
    return found


def rivals():
    """Dict from a label to the method; `None` for LoRA alone."""
    found: dict[str, methods.Method | None] = {"LoRA": None}
    for name, radii in RADII.items():
        for rho in radii:
            found[f"{name}, rho {rho:g}"] = methods.get(name, rho=rho)
    growing = schedules.WarmUpHoldDecay(0.0, STEPS, end=0.15)
    found["flat_lora, rho 0 to 0.15"] = methods.FlatLoRA(growing)
    return found


def row(label, found):
    """Mean, half of its interval, and the single seeds, in per cent."""
    found = 100 * np.array(found)
    margin = stats.t.ppf(0.975, len(found) - 1) * stats.sem(found)
    return [label, f"{found.mean():.1f} ± {margin:.1f}", *(f"{value:.1f}" for value in found)]


if __name__ == "__main__":
    starts = [pretrained(seed) for seed in SEEDS]
    print(f"KERAS_BACKEND={keras.backend.backend()} python benchmarks/flat_lora.py")
    before = ", ".join(f"{100 * known:.1f}" for _, known in starts)
    print(f"Keras {keras.__version__}; digits 0 to 4 before: {before} %\n", flush=True)
    rows = [
        row(label, [accuracy(starts[seed][0], seed, method) for seed in SEEDS])
        for label, method in rivals().items()
    ]
    heads = ["method", "digits 5 to 9, %", *(f"seed {seed}" for seed in SEEDS)]
    print(tabulate(rows, heads, disable_numparse=True, stralign="right"))
