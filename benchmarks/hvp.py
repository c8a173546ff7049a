"""Measures what a Hessian-vector product costs, and a whole spectrum.

    KERAS_BACKEND=jax python benchmarks/hvp.py --output=hvp.json

lets a gradient and products with the Hessian, a kept one and the Gauss-Newton matrix of a ResNet-20
over the same random 32x32 images take turns, on the backend of KERAS_BACKEND, and prints each one's
time over that of the gradient; then the time to a spectral density of 80 steps. The target is a
product with the Hessian of at most 4 gradients. With --spectrum_images=0 there is no spectrum.
"""

import json
import os

import _text
from absl import app, flags

FLAGS = flags.FLAGS

flags.DEFINE_string("model", "resnet20", "resnet8 … resnet56, of depth 6n + 2.")
flags.DEFINE_integer("batch_size", 128, "Images a batch.", lower_bound=1)
flags.DEFINE_integer("batches", 1, "Batches a product, in the turns.", lower_bound=1)
flags.DEFINE_integer("blocks", 8, "Turns that each case gets.", lower_bound=1)
flags.DEFINE_integer("spectrum_images", 2000, "Images of the spectrum; 0 for none.", 0)
flags.DEFINE_integer("spectrum_steps", 80, "Its Lanczos steps.", lower_bound=1)
flags.DEFINE_string("output", None, "JSON file to write.")

TARGET = 4.0


def main(argv: list[str]) -> None:
    """Measures what the flags ask for."""
    if len(argv) > 1:
        raise app.UsageError(f"Options start with two dashes. Received: {' '.join(argv[1:])}")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # PyTorch's threads spin while they wait, which costs much beside other processes.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    result = {**_measure(), "target": TARGET}
    result["target_holds"] = result["over_gradient"]["hessian"]["median"] <= TARGET
    print(json.dumps(result, indent=2))
    _text.save(result, FLAGS.output)


def _measure():
    # Imported here: --help need not wait.
    import _cases
    import _probing
    import _timing

    model = _cases.compiled("plain", FLAGS.model)
    images = max(FLAGS.batch_size * FLAGS.batches, FLAGS.spectrum_images)
    x, y = _cases.random_data(images, 1)
    count = FLAGS.batch_size * FLAGS.batches
    turns = _timing.take_turns(_products(model, x[:count], y[:count]), FLAGS.blocks, 1)
    ratios = {name: turns[name][:, 0] / turns["gradient"][:, 0] for name in turns}
    names = ("model", "batch_size", "batches", "blocks", "spectrum_images", "spectrum_steps")
    return {
        "setting": {**_probing.surroundings(), **{name: FLAGS[name].value for name in names}},
        "over_gradient": {name: _timing.spread(ratio) for name, ratio in ratios.items()},
        "gradient_seconds": _timing.spread(turns["gradient"][:, 0]),
        "spectrum": _spectrum(model, x, y) if FLAGS.spectrum_images else None,
    }


def _products(model, x, y):
    """The cases, as functions of a number of repetitions."""
    import numpy as np

    from keras_sam import sharpness

    objective = sharpness.Objective(model, x, y, batch_size=FLAGS.batch_size)
    kept = sharpness.KeptHessian(objective, share=None)
    vector = np.random.default_rng(0).standard_normal(objective.size)
    products = {
        "gradient": objective.gradient,
        "hessian": lambda: sharpness.Hessian(objective).matvec(vector),
        "kept_hessian": lambda: kept.matvec(vector),
        "gauss_newton": lambda: sharpness.GaussNewton(objective).matvec(vector),
    }
    return {name: _repeated(function) for name, function in products.items()}


def _repeated(function):
    def run(times):
        for _ in range(times):
            function()

    return run


def _spectrum(model, x, y):
    from _probing import timed

    from keras_sam import sharpness

    chosen = slice(FLAGS.spectrum_images)
    objective = sharpness.Objective(model, x[chosen], y[chosen], batch_size=FLAGS.batch_size)
    kept = []

    def density():
        hessian = sharpness.KeptHessian(objective)
        kept.append(hessian.num_kept)
        sharpness.spectral_density(hessian, FLAGS.spectrum_steps)

    # What is kept and the first product, with their compilation, count.
    clock, processors = timed(density)
    seconds = {"seconds": clock, "processor_seconds": processors}
    return {**seconds, "weights": objective.size, "kept_batches": kept[0]}


if __name__ == "__main__":
    app.run(main)
