"""Training on several devices gives the numbers of one device."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parents[2]

# A distribution is set for a whole process, so each case runs in one of its own.
PROGRAM = """
import contextlib, json, sys
import numpy as np
case = json.loads(sys.argv[1])
if case["kind"] == "mirrored":
    import tensorflow as tf
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import keras
import keras_sam
from tests.toys import values

scope = contextlib.nullcontext
if case["kind"] == "mirrored":
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    assert strategy.num_replicas_in_sync == 2
    scope = strategy.scope
if case["kind"] in ("data", "model"):
    devices = keras.distribution.list_devices("cpu")
    assert len(devices) == 4
if case["kind"] == "data":
    keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices))
if case["kind"] == "model":
    mesh = keras.distribution.DeviceMesh((2, 2), ["batch", "model"], devices)
    layout = keras.distribution.LayoutMap(mesh)
    layout[".*hidden/kernel"] = (None, "model")
    layout[".*out/kernel"] = ("model", None)
    keras.distribution.set_distribution(
        keras.distribution.ModelParallel(layout_map=layout, batch_dim_name="batch")
    )

def build():
    keras.utils.set_random_seed(2)
    layers = [keras.Input((4,)), keras.layers.Dense(8, activation="tanh", name="hidden")]
    if case.get("batch_norm"):
        layers.append(keras.layers.BatchNormalization())
    return keras.Sequential(layers + [keras.layers.Dense(2, name="out")])

generator = np.random.default_rng(0)
x = generator.normal(size=(32, 4)).astype("float32")
y = generator.normal(size=(32, 2)).astype("float32")
def trained(name):
    with scope():
        options = {"every": case["every"]} if "every" in case else {}
        method = keras_sam.methods.get(name, rho=0.5, **options)
        sam = keras_sam.SAMModel(
            build(), None, method, case.get("num_batch_splits"), log_sharpness=True
        )
        sam.compile(
            keras.optimizers.SGD(0.1, momentum=0.9), loss="mse", metrics=["mae"]
        )
    logs = sam.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0).history
    return sam, logs

def everything(sam):
    state = [] if sam.memory is None else sam.memory.variables
    return [value.tolist() for value in values(sam.base_model.weights + state)]

if "methods" in case:
    print(json.dumps({name: everything(trained(name)[0]) for name in case["methods"]}))
    sys.exit()
sam, logs = trained("sam")
if case["kind"] == "mirrored":
    for variable in sam.base_model.trainable_variables:
        copies = [copy.numpy() for copy in strategy.experimental_local_results(variable.value)]
        assert len(copies) == 2 and (copies[0] == copies[1]).all()
if case["kind"] == "model":
    assert len(sam.base_model.layers[0].kernel.value.sharding.device_set) == 4
    assert not sam.base_model.layers[0].kernel.value.sharding.is_fully_replicated
print(json.dumps([[v.tolist() for v in values(sam.base_model.weights)], logs]))
"""


def trained(kind, **case):
    """Weights and logs after training in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps({"kind": kind, **case})],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    if "methods" in case:
        return {name: [np.array(weight) for weight in result[name]] for name in result}
    weights, logs = result
    return [np.array(weight) for weight in weights], logs


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
