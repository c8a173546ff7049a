"""Training on several devices gives the numbers of one device."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from tests.contract import distributed

ROOT = pathlib.Path(__file__).parents[2]


def trained(kind, **case):
    """Weights and logs after training; on several devices in a process of its own."""
    case["kind"] = kind
    result = distributed.result(case) if kind == "one device" else in_a_process(case)
    if "methods" in case:
        return {name: [np.array(weight) for weight in result[name]] for name in result}
    if "policies" in case:
        return result
    weights, logs = result
    return [np.array(weight) for weight in weights], logs


def in_a_process(case):
    done = subprocess.run(
        [sys.executable, "-m", distributed.__name__, json.dumps(case)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def assert_same(left, right, names):
    for a, b in zip(left[0], right[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    for name in names:
        np.testing.assert_allclose(left[1][name], right[1][name], rtol=1e-4, err_msg=name)


def only_on(backend, wanted, what):
    if backend != wanted:
        pytest.skip(f"{what} is for Keras on {wanted}")


def test_mirrored_strategy_perturbs_each_replica_on_its_own(backend):
    only_on(backend, "tensorflow", "MirroredStrategy")
    # The halves of each batch that the replicas get are the micro-batches of one device.
    replicated, alone = trained("mirrored"), trained("one device", num_batch_splits=2)
    assert_same(replicated, alone, ["loss", "mae", "sharpness", "grad_norm", "perturbation_norm"])


def test_mirrored_strategy_with_micro_batches_and_steps_that_skip(backend):
    only_on(backend, "tensorflow", "MirroredStrategy")
    replicated = trained("mirrored", num_batch_splits=2, every=2)
    alone = trained("one device", num_batch_splits=4, every=2)
    assert_same(replicated, alone, ["loss", "mae", "sharpness"])


def test_mirrored_strategy_skips_on_all_replicas_what_is_bad_on_one(backend):
    """With loss scaling, whose optimizer looks at the first replica alone, and without."""
    only_on(backend, "tensorflow", "MirroredStrategy")
    case = {"policies": ["float32", "mixed_float16"], "bad_rows": [5, 6]}
    replicated = trained("mirrored", **case)
    alone = trained("one device", num_batch_splits=2, **case)
    for ours, expected in zip(replicated, alone, strict=True):
        assert ours[1]["skipped_steps"] == expected[1]["skipped_steps"]
        assert ours[1]["skipped_steps"][1] == 1
        for a, b in zip(ours[0], expected[0], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(ours[1]["loss"], expected[1]["loss"], rtol=1e-3)


STATEFUL = ["ae_sam", "friendly", "looksam", "msam", "opt_sam", "ssam_f", "wsam"]
SPLIT = {"methods": STATEFUL, "num_batch_splits": 2}


def test_mirrored_strategy_keeps_one_state(backend):
    only_on(backend, "tensorflow", "MirroredStrategy")
    assert_all_same(trained("mirrored", methods=STATEFUL), trained("one device", **SPLIT))


def test_keras_distribution_keeps_one_state(backend):
    only_on(backend, "jax", "keras.distribution")
    assert_all_same(trained("model", **SPLIT), trained("one device", **SPLIT))


def assert_all_same(left, right):
    for name in STATEFUL:
        for a, b in zip(left[name], right[name], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5, err_msg=name)


def test_mirrored_strategy_with_batch_norm(backend):
    only_on(backend, "tensorflow", "MirroredStrategy")
    weights, logs = trained("mirrored", batch_norm=True)
    assert all(np.isfinite(weight).all() for weight in weights)
    assert logs["loss"][1] < logs["loss"][0]
    assert logs["perturbation_norm"] == pytest.approx([0.5, 0.5], rel=1e-4)


@pytest.mark.parametrize("kind", ["data", "model"])
def test_keras_distribution_equals_one_device(backend, kind):
    only_on(backend, "jax", "keras.distribution")
    case = {"batch_norm": True, "num_batch_splits": 2, "every": 2}
    names = ["loss", "mae", "sharpness", "perturbation_norm"]
    assert_same(trained(kind, **case), trained("one device", **case), names)
