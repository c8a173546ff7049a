"""How much memory a step takes beyond that of plain `fit`, in copies of weights and activations.

    KERAS_BACKEND=jax python benchmarks/memory.py

trains two models for three steps, each case in a fresh process: one whose weights are large (dense
layers, 268 MB) and one whose activations are (convolutions, some 135 MB). The peak is that of the
process, less what it had before the first step; on a GPU that of the backend. *Beyond plain* is
given in copies of that model's weights, or of its activations: the outputs of all layers for one
batch. Three minutes.
"""

import json
import math
import os
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from absl import app, flags
from tabulate import tabulate

FLAGS = flags.FLAGS
flags.DEFINE_string("case", None, "Internal: measure this model and case in this process.")

MEBIBYTE = 2**20
STEPS = 3
CASES = {
    "plain": None,
    "sam": {},
    "sam, every=2": {"method": "sam", "every": 2},
    "msam": {"method": "msam"},
    "gsam": {"method": "gsam"},
    "sam, 4 micro-batches": {"num_batch_splits": 4},
    "plain, keras.RematScope": None,
    "sam, keras.RematScope": {},
}
WEIGHTS, ACTIVATIONS = "large weights", "large activations"
MODELS = {WEIGHTS: "weights", ACTIVATIONS: "activations"}


def main(argv: list[str]) -> None:
    """Prints a table, or measures the one case that `--case` names."""
    del argv
    if FLAGS.case:
        print(json.dumps(_measured(*FLAGS.case.split("; "))))
        return
    rows = []
    for model, large in MODELS.items():
        found = {case: _in_fresh_process(model, case) for case in CASES}
        plain = found["plain"]["peak"]
        rows += [(model, case, *_row(part, plain, large)) for case, part in found.items() if part]
    headers = ("model", "case", "peak, MiB", "beyond plain, MiB", "in copies of", "", "÷ plain")
    print(tabulate(rows, headers, floatfmt=("", "", ".0f", ".0f", "", ".2f", ".2f")))


def _row(found, plain, large):
    beyond = found["peak"] - plain
    copies = beyond / found[large]
    return found["peak"] / MEBIBYTE, beyond / MEBIBYTE, large, copies, found["peak"] / plain


def _in_fresh_process(model, case):
    command = [sys.executable, __file__, f"--case={model}; {case}"]
    ended = subprocess.run(command, capture_output=True, text=True)
    if ended.returncode:  # TensorFlow has no gradient through Keras's rematerialisation.
        print(f"{model}, {case}: {ended.stderr.splitlines()[-1]}", file=sys.stderr)
        return None
    return json.loads(ended.stdout.splitlines()[-1])


def _measured(name, case):
    # Imported here: the process that starts the others stays small.
    import contextlib

    import _probing
    import keras
    import numpy as np

    import keras_sam

    images, base = {WEIGHTS: _large_weights, ACTIVATIONS: _large_activations}[name]()
    scope = keras.RematScope("full") if "Remat" in case else contextlib.nullcontext()
    with scope:
        model = base()
    options = CASES[case]
    trained = model if options is None else keras_sam.SAMModel(model, rho=0.05, **options)
    trained.compile(keras.optimizers.SGD(1e-3), "mse")
    y = np.zeros((len(images), 1), "float32")
    before = _probing.reset_peak()
    trained.fit(images, y, batch_size=len(images) // STEPS, verbose=0)
    peak = _probing.device_peak()
    return {
        "peak": _probing.process_peak() - before if peak is None else peak,
        "weights": sum(4 * math.prod(v.shape) for v in model.trainable_variables),
        "activations": sum(
            4 * (len(images) // STEPS) * math.prod(layer.output.shape[1:]) for layer in model.layers
        ),
    }


def _large_weights():
    import keras
    import numpy as np

    def build():
        hidden = [keras.layers.Dense(4096, activation="relu") for _ in range(4)]
        return keras.Sequential([keras.Input((4096,)), *hidden, keras.layers.Dense(1)])

    return np.ones((STEPS * 16, 4096), "float32"), build


def _large_activations():
    import keras
    import numpy as np
    from keras import layers

    def build():
        parts = [layers.Conv2D(16, 3, padding="same", activation="relu") for _ in range(8)]
        pooled = [layers.GlobalAveragePooling2D(), layers.Dense(1)]
        return keras.Sequential([keras.Input((64, 64, 3)), *parts, *pooled])

    return np.ones((STEPS * 64, 64, 64, 3), "float32"), build


if __name__ == "__main__":
    app.run(main)
