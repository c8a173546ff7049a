"""Training on several devices gives the numbers of one device."""

import functools
import json
import subprocess
import sys
import types

import numpy as np
import pytest

import keras_sam
from tests import one_backend
from tests.contract import distributed
from tests.toys import mlp

# Numbers that are averaged over replicas, vectors that are, some that are not, and a mask.
STATEFUL = ["ae_sam", "friendly", "looksam", "ssam_f"]
SPLIT = {"methods": STATEFUL, "num_batch_splits": 2}
NORMED = {"batch_norm": True, "num_batch_splits": 2, "every": 2}
BAD = {"policies": ["float32", "mixed_float16"], "bad_rows": [5, 6]}
# What is trained on several devices, by their kind.
CASES = {
    "mirrored": {
        "plain": {},
        "skips": {"num_batch_splits": 2, "every": 2},
        "states": {"methods": STATEFUL},
        "batch norm": {"batch_norm": True},
        "bad": BAD,
    },
    "data": {"batch norm": NORMED},
    "model": {"batch norm": NORMED, "states": SPLIT},
}


def alone(**case):
    """Weights and logs after training on one device."""
    return with_arrays(distributed.result({**case, "kind": "one device"}))


def together(kind, case):
    """Weights and logs after training on several devices."""
    return with_arrays(all_together(kind)[case])


def with_arrays(result):
    if isinstance(result, dict):
        return {name: [np.array(weight) for weight in result[name]] for name in result}
    if not isinstance(result[1], dict):  # Of several policies.
        return result
    weights, logs = result
    return [np.array(weight) for weight in weights], logs


@functools.cache
def all_together(kind):
    """The results of all cases of a kind, from a process of their own."""
    done = subprocess.run(
        [sys.executable, "-m", distributed.__name__, kind, json.dumps(CASES[kind])],
        env=one_backend.environment(),
        cwd=one_backend.ROOT,
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
    names = ["loss", "mae", "sharpness", "grad_norm", "perturbation_norm"]
    assert_same(together("mirrored", "plain"), alone(num_batch_splits=2), names)


def test_mirrored_strategy_with_micro_batches_and_steps_that_skip(backend):
    only_on(backend, "tensorflow", "MirroredStrategy")
    names = ["loss", "mae", "sharpness"]
    assert_same(together("mirrored", "skips"), alone(num_batch_splits=4, every=2), names)


def test_mirrored_strategy_skips_on_all_replicas_what_is_bad_on_one(backend):
    """With loss scaling, whose optimizer looks at the first replica alone, and without."""
    only_on(backend, "tensorflow", "MirroredStrategy")
    replicated, one = together("mirrored", "bad"), alone(num_batch_splits=2, **BAD)
    for ours, expected in zip(replicated, one, strict=True):
        assert ours[1]["skipped_steps"] == expected[1]["skipped_steps"]
        assert ours[1]["skipped_steps"][1] == 1
        for a, b in zip(ours[0], expected[0], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(ours[1]["loss"], expected[1]["loss"], rtol=1e-3)


def test_mirrored_strategy_keeps_one_state(backend):
    only_on(backend, "tensorflow", "MirroredStrategy")
    assert_all_same(together("mirrored", "states"), alone(**SPLIT))


def test_keras_distribution_keeps_one_state(backend):
    only_on(backend, "jax", "keras.distribution")
    assert_all_same(together("model", "states"), alone(**SPLIT))


def assert_all_same(left, right):
    for name in STATEFUL:
        for a, b in zip(left[name], right[name], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5, err_msg=name)


def test_mirrored_strategy_with_batch_norm(backend):
    only_on(backend, "tensorflow", "MirroredStrategy")
    weights, logs = together("mirrored", "batch norm")
    assert all(np.isfinite(weight).all() for weight in weights)
    assert logs["loss"][1] < logs["loss"][0]
    assert logs["perturbation_norm"] == pytest.approx([0.5, 0.5], rel=1e-4)


@pytest.mark.parametrize("kind", ["data", "model"])
def test_keras_distribution_equals_one_device(backend, kind):
    only_on(backend, "jax", "keras.distribution")
    names = ["loss", "mae", "sharpness", "perturbation_norm"]
    assert_same(together(kind, "batch norm"), alone(**NORMED), names)


def test_workers_of_tensorflow_are_refused():
    """`fit` of plain Keras fails at their first batch; the strategy is a stand-in."""
    sam = keras_sam.SAMModel(mlp())
    cluster = types.SimpleNamespace(as_dict=lambda: {"worker": ["a:1", "b:1"]})
    resolver = types.SimpleNamespace(cluster_spec=lambda: cluster)
    strategy = types.SimpleNamespace(cluster_resolver=resolver)
    sam.__dict__["distribute_strategy"] = sam.__dict__["_distribute_strategy"] = strategy
    with pytest.raises(ValueError, match=r"KERAS_BACKEND=jax.*Received: .* of 2 workers$"):
        sam.compile("sgd", "mse")
