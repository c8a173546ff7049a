"""A training on several devices, as a program: a distribution is set for a whole process."""

import contextlib
import json
import sys

import keras
import numpy as np

import keras_sam
from tests.toys import values


def two_replicas():
    """A `MirroredStrategy` of two CPU devices; TensorFlow must not have started before."""
    import tensorflow as tf

    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    assert strategy.num_replicas_in_sync == 2
    return strategy


def distribute(kind):
    """Sets Keras's distribution over four CPU devices: of the data, or of the model too."""
    devices = keras.distribution.list_devices("cpu")
    assert len(devices) == 4
    if kind == "data":
        keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices))
        return
    mesh = keras.distribution.DeviceMesh((2, 2), ["batch", "model"], devices)
    layout = keras.distribution.LayoutMap(mesh)
    layout[".*hidden/kernel"] = (None, "model")
    layout[".*out/kernel"] = ("model", None)
    keras.distribution.set_distribution(
        keras.distribution.ModelParallel(layout_map=layout, batch_dim_name="batch")
    )


def base_model(batch_norm):
    """A small regressor, always of the same weights."""
    keras.utils.set_random_seed(2)
    layers = [keras.Input((4,)), keras.layers.Dense(8, activation="tanh", name="hidden")]
    if batch_norm:
        layers.append(keras.layers.BatchNormalization())
    return keras.Sequential([*layers, keras.layers.Dense(2, name="out")])


def fitted(name, case, scope):
    """The SAMModel after two epochs, and its logs."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(32, 4)).astype("float32")
    y = generator.normal(size=(32, 2)).astype("float32")
    y[case.get("bad_rows", [])] = np.nan
    with scope:
        options = {"every": case["every"]} if "every" in case else {}
        method = keras_sam.methods.get(name, rho=0.5, **options)
        model, splits = base_model(case.get("batch_norm")), case.get("num_batch_splits")
        skips = "bad_rows" in case
        sam = keras_sam.SAMModel(
            model, None, method, splits, log_sharpness=True, skip_nonfinite=skips
        )
        sam.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss="mse", metrics=["mae"])
    logs = sam.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0).history
    return sam, logs


def result(case, strategy=None):
    """What a case ends with: weights and logs, or weights and state of each of its methods."""

    def scope():
        return contextlib.nullcontext() if strategy is None else strategy.scope()

    if "methods" in case:
        return {name: everything(fitted(name, case, scope())[0]) for name in case["methods"]}
    if "policies" in case:
        return [with_bad_rows(policy, case, scope()) for policy in case["policies"]]
    sam, logs = fitted("sam", case, scope())
    check_placement(sam.base_model, case["kind"], strategy)
    return [[weight.tolist() for weight in values(sam.base_model.weights)], logs]


def with_bad_rows(policy, case, scope):
    """Weights and logs of a training under a policy of precision."""
    keras.config.set_dtype_policy(policy)
    sam, logs = fitted("wsam", case, scope)
    return [[weight.tolist() for weight in values(sam.base_model.weights)], logs]


def everything(sam):
    """Weights and state."""
    state = [] if sam.memory is None else sam.memory.variables
    return [value.tolist() for value in values(sam.base_model.weights + state)]


def check_placement(model, kind, strategy):
    """Replicas are equal, and a model that is split is really split."""
    for variable in model.trainable_variables if strategy else ():
        copies = [copy.numpy() for copy in strategy.experimental_local_results(variable.value)]
        assert len(copies) == 2 and (copies[0] == copies[1]).all()
    if kind == "model":
        sharding = model.layers[0].kernel.value.sharding
        assert len(sharding.device_set) == 4 and not sharding.is_fully_replicated


if __name__ == "__main__":
    kind, cases = sys.argv[1], json.loads(sys.argv[2])
    strategy = two_replicas() if kind == "mirrored" else None
    if strategy is None:
        distribute(kind)
    print(json.dumps({key: result({**cases[key], "kind": kind}, strategy) for key in cases}))
