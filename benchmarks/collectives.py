"""What the devices of JAX send each other in a training step: the compiled program's collectives.

    python benchmarks/collectives.py                 # ResNet-20 on four devices
    python benchmarks/collectives.py --normalization=group

`in parts` is one perturbation a device, `num_batch_splits` = devices. KiB are of the results, as
one device holds them.
"""

import argparse
import os
import re

parser = argparse.ArgumentParser(description="Prints the collectives of a compiled training step.")
parser.add_argument("--devices", type=int, default=4, help="Simulated devices.")
parser.add_argument("--depth", type=int, default=20, help="Of the ResNet.")
parser.add_argument("--normalization", default="batch", help="Of the ResNet: batch or group.")
OPTIONS = parser.parse_args()
os.environ["KERAS_BACKEND"] = "jax"
os.environ["XLA_FLAGS"] = (  # Nothing is run: compiled fast rather than fast.
    f"--xla_force_host_platform_device_count={OPTIONS.devices} --xla_backend_optimization_level=0"
)

import jax  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
from _text import aligned  # noqa: E402

import keras_sam  # noqa: E402

EXAMPLES = 8  # A device.
BYTES = {"f64": 8, "s64": 8, "f32": 4, "s32": 4, "u32": 4, "bf16": 2, "f16": 2, "pred": 1}
KINDS = ("all-reduce", "all-gather", "all-to-all", "collective-permute", "reduce-scatter")
CASES = {
    "plain": None,
    "sam": {},
    "sam, log_sharpness": {"log_sharpness": True},
    "sam in parts": {"num_batch_splits": OPTIONS.devices},
}


def compiled(arguments):
    """A model, and the text of the program of its step."""
    network = keras_sam.models.resnet_cifar(OPTIONS.depth, normalization=OPTIONS.normalization)
    model = network if arguments is None else keras_sam.SAMModel(network, **arguments)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss, metrics=["accuracy"])
    examples = OPTIONS.devices * EXAMPLES
    batch = [np.zeros((examples, 32, 32, 3), "float32"), np.zeros((examples,), "int32")]
    model.evaluate(*batch, batch_size=examples, verbose=0)  # Builds metrics.
    model.optimizer.build(model.trainable_variables)
    layout = keras.distribution.distribution().get_data_layout
    data = [jax.device_put(part, layout(part.shape).backend_layout) for part in batch]
    # What Keras's own `make_train_function` does, whose program nobody can look into.
    state = model._get_jax_state(True, True, True, True)
    shardings = (None, model._get_state_sharding_spec())
    step = jax.jit(model.train_step, donate_argnums=0, out_shardings=shardings)
    return model, step.lower(state, data).compile().as_text()


def collectives(program):
    """Dict from a kind to `(how many, bytes of all together)`."""
    found: dict[str, tuple[int, int]] = {}
    for line in program.splitlines():
        match = re.search(rf"= (.*?) ({'|'.join(KINDS)})(?:-start)?\(", line)
        if match:
            count, size = found.get(match[2], (0, 0))
            found[match[2]] = (count + 1, size + _bytes(match[1]))
    return found


def _bytes(shapes):
    return sum(
        BYTES[kind] * int(np.prod([int(number) for number in sizes.split(",") if number]))
        for kind, sizes in re.findall(r"(\w+)\[([\d,]*)\]", shapes)
    )


def rows():
    """A line for each case and kind of message."""
    keras.distribution.set_distribution(keras.distribution.DataParallel())
    for name, arguments in CASES.items():
        model, program = compiled(arguments)
        weights = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights) * 4
        for kind, (count, size) in sorted(collectives(program).items()):
            yield name, kind, str(count), f"{size / 1024:.0f}", f"{size / weights:.2f}"


if __name__ == "__main__":
    print(
        f"ResNet-{OPTIONS.depth}, {OPTIONS.normalization} normalization, {OPTIONS.devices} devices"
    )
    print(aligned([("step", "message", "count", "KiB", "÷ weights"), *rows()]))
