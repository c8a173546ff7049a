"""Compares curvature with that of `curvlinops`, on the same network, weights and data.

    make bench-curvature

or, where `curvlinops-for-pytorch` and `pytorch_optimizer` (for its twin) are installed,

    KERAS_BACKEND=torch python benchmarks/curvature_peer.py --output=curvature_peer.json

trains a ResNet for 32x32 images for some steps on random ones, copies it to its twin in `torch.nn`,
and prints for both the largest eigenvalues of the Hessian, its trace, how far their products with
the same vectors differ, and the time of ours over theirs, turn by turn. Expect differences of
float32's size and a minute on two cores. It ends with an error where they are larger.
"""

import json
import os
import sys

import _text
from absl import app, flags

FLAGS = flags.FLAGS

flags.DEFINE_string("model", "resnet8", "resnet8 … resnet56, of depth 6n + 2.")
flags.DEFINE_integer("batch_size", 64, "Images a batch.", lower_bound=1)
flags.DEFINE_integer("batches", 4, "Batches of the data set.", lower_bound=1)
flags.DEFINE_integer("eigenvalues", 5, "How many.", lower_bound=1)
flags.DEFINE_integer("probes", 30, "Random vectors of a trace.", lower_bound=10)
flags.DEFINE_integer("blocks", 6, "Turns that each product gets.", lower_bound=1)
flags.DEFINE_string("output", None, "JSON file to write.")

PRODUCTS = 1e-3  # Largest difference of two products, relative to their length.
EIGENVALUES = 1e-4  # The same of eigenvalues, to the largest.
DEVIATIONS = 4.0  # Of two traces, in standard errors of their difference.


def main(argv: list[str]) -> None:
    """Measures what the flags ask for; the exit code says whether both agree."""
    if len(argv) > 1:
        raise app.UsageError(f"Options start with two dashes. Received: {' '.join(argv[1:])}")
    if os.environ.setdefault("KERAS_BACKEND", "torch") != "torch":
        raise app.UsageError(
            "curvlinops is for PyTorch: set KERAS_BACKEND=torch. "
            f"Received: KERAS_BACKEND={os.environ['KERAS_BACKEND']}"
        )
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # As in step_time.py.
    result = _measure()
    print(json.dumps(result, indent=2))
    _text.save(result, FLAGS.output)
    sys.exit(not all(result["agree"].values()))


def _measure():
    # Imported here: --help need not wait.
    import _cases
    import _probing
    import _timing
    import _twin

    from keras_sam import sharpness

    x, y = _cases.random_data(FLAGS.batch_size, FLAGS.batches)
    model = _cases.compiled("plain", FLAGS.model)
    model.fit(x, y, batch_size=FLAGS.batch_size, epochs=3, verbose=0)
    objective = sharpness.Objective(model, x, y, batch_size=FLAGS.batch_size)
    theirs = _twin.operators(model, x, y, FLAGS.batch_size)
    ours = {
        "hessian": sharpness.Hessian(objective),
        "gauss_newton": sharpness.GaussNewton(objective),
    }
    products = {kind: _product_difference(ours[kind], theirs[kind]) for kind in ours}
    eigenvalues = _eigenvalues(ours["hessian"], theirs["hessian"])
    trace = _trace(ours["hessian"], theirs["hessian"])
    names = ("model", "batch_size", "batches", "eigenvalues", "probes", "blocks")
    return {
        "setting": {**_probing.surroundings(), **{name: FLAGS[name].value for name in names}},
        "product_difference": products,
        "eigenvalues": eigenvalues,
        "trace": trace,
        "time_ours_over_theirs": {
            kind: _timing.spread(_ratio(ours[kind], theirs[kind])) for kind in ours
        },
        "agree": {
            "products": max(products.values()) <= PRODUCTS,
            "eigenvalues": eigenvalues["difference"] <= EIGENVALUES,
            "trace": trace["deviations"] <= DEVIATIONS,
        },
    }


def _product_difference(ours, theirs):
    import numpy as np

    vector = np.random.default_rng(1).standard_normal(ours.shape[0]).astype("float32")
    product = ours.matvec(vector)
    difference = np.linalg.norm(product - theirs.matvec(vector))
    return float(difference / np.linalg.norm(product))


def _eigenvalues(ours, theirs):
    import numpy as np
    from scipy.sparse.linalg import eigsh

    from keras_sam import sharpness

    found = sharpness.top_eigenvalues(ours, k=FLAGS.eigenvalues).values
    expected = eigsh(theirs, k=FLAGS.eigenvalues, which="LA", return_eigenvectors=False)[::-1]
    difference = np.abs(found - expected).max() / np.abs(expected).max()
    return {
        "ours": [float(value) for value in found],
        "theirs": [float(value) for value in expected],
        "difference": float(difference),
    }


def _trace(ours, theirs):
    from keras_sam import sharpness

    found = sharpness.trace(ours, max_products=FLAGS.probes, tolerance=1e-9)
    expected = theirs.trace(FLAGS.probes)
    # Both draw their own vectors, so the difference has twice the variance of one.
    deviations = abs(found.value - expected) / (2**0.5 * found.standard_error)
    return {
        "ours": found.value,
        "standard_error": found.standard_error,
        "theirs": expected,
        "deviations": deviations,
    }


def _ratio(ours, theirs):
    """Time of our product over that of theirs, turn by turn."""
    import _timing
    import numpy as np

    vector = np.ones(ours.shape[0], "float32")
    cases = {
        "ours": lambda _: ours.matvec(vector),
        "theirs": lambda _: theirs.matvec(vector),
    }
    turns = _timing.take_turns(cases, FLAGS.blocks, 1)
    return turns["ours"][:, 0] / turns["theirs"][:, 0]


if __name__ == "__main__":
    app.run(main)
