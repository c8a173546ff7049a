"""Where the time of a SAM step goes on PyTorch, with and without its fused kernels.

    KERAS_BACKEND=torch python benchmarks/profile_step.py

prints the ten operations that take longest in three steps of a ResNet-20, batch 128, on one core:
a minute.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import _cases
from absl import app, flags
from tabulate import tabulate
from torch.profiler import ProfilerActivity, profile

import keras_sam

FLAGS = flags.FLAGS
flags.DEFINE_string("model", "resnet20", "Name of a network for small images.")
flags.DEFINE_integer("batch_size", 128, "Images a step.", lower_bound=1)
ROWS, STEPS = 10, 3


def main(argv: list[str]) -> None:
    """Prints both tables."""
    del argv
    train = _cases.build(
        "sam", FLAGS.model, FLAGS.batch_size, _cases.random_data(FLAGS.batch_size, 3)
    )
    for is_fused in (False, True):
        keras_sam.use_fused_kernels(is_fused)
        train(1)
        with profile(activities=[ProfilerActivity.CPU]) as profiled:
            train(STEPS)
        kernels = "fused kernels" if is_fused else "Keras's own operations"
        print(f"\n{FLAGS.model}, batch {FLAGS.batch_size}, {kernels}")
        print(_table(profiled.key_averages()))


def _table(operations):
    whole = sum(operation.self_cpu_time_total for operation in operations)
    longest = sorted(operations, key=lambda operation: -operation.self_cpu_time_total)[:ROWS]
    rows = [
        (
            o.key,
            o.self_cpu_time_total / 1e3 / STEPS,
            100 * o.self_cpu_time_total / whole,
            o.count // STEPS,
        )
        for o in longest
    ]
    rows.append(("all", whole / 1e3 / STEPS, 100.0, ""))
    headers = ("operation", "ms a step", "%", "calls a step")
    return tabulate(rows, headers, floatfmt=".1f")


if __name__ == "__main__":
    app.run(main)
