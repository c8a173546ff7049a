"""One process beside two, a thread each, for the same global batch: seconds of a step.

    KERAS_BACKEND=torch python benchmarks/scaling.py
    KERAS_BACKEND=jax python benchmarks/scaling.py
    KERAS_BACKEND=tensorflow python benchmarks/scaling.py

All of them live at once and take turns, so that what else the machine does falls on all alike.
Two that know nothing of each other, with half of the batch each, show what the machine allows.
On TensorFlow two replicas of a MirroredStrategy, in one process of two threads, stand for the two.
"""

import argparse
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import time

from _text import aligned

BACKEND = os.environ.get("KERAS_BACKEND", "torch")
STEPS = 3  # Of a turn.
BATCH = 64  # Of all processes together.
CASES = ("plain", "sam", *(() if BACKEND == "tensorflow" else ("sam, one perturbation",)))
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")  # The last: XLA.


def worker(rank, processes, address):
    """Makes a turn of steps for each line that it reads, and prints its seconds."""
    own = range(processes) if is_mirrored(address) else (rank,)
    os.sched_setaffinity(0, {each % (os.cpu_count() or 1) for each in own})
    import keras
    import numpy as np

    with join(rank, processes, address):
        steps = {case: step_of(case, processes, address, keras, np) for case in CASES}
    for line in sys.stdin:
        start = time.perf_counter()
        for _ in range(STEPS):
            steps[line.strip()]()
        print(f"{(time.perf_counter() - start) / STEPS:.6f}", flush=True)


def is_mirrored(address):
    """Whether replicas in one process stand for processes that would meet at the address."""
    return BACKEND == "tensorflow" and bool(address)


def join(rank, processes, address):
    """Brings the processes together, each with one device; a scope to build the model in."""
    if not address:
        return contextlib.nullcontext()
    if BACKEND == "tensorflow":
        return mirrored(processes).scope()
    if BACKEND == "torch":
        from torch import distributed

        distributed.init_process_group(
            "gloo", init_method=f"tcp://{address}", rank=rank, world_size=processes
        )
        return contextlib.nullcontext()
    import keras

    keras.distribution.initialize(address, processes, rank)
    keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))
    return contextlib.nullcontext()


def mirrored(replicas):
    """A `MirroredStrategy` of so many devices, each of them the CPU."""
    import tensorflow as tf

    (cpu,) = tf.config.list_physical_devices("CPU")
    devices = [tf.config.LogicalDeviceConfiguration()] * replicas
    tf.config.set_logical_device_configuration(cpu, devices)
    return tf.distribute.MirroredStrategy([f"CPU:{number}" for number in range(replicas)])


def step_of(case, processes, address, keras, np):
    """A function that makes a training step, already made once."""
    import keras_sam

    keras.utils.set_random_seed(0)
    model = keras_sam.models.resnet_cifar(8)
    options = {
        # Of PyTorch's processes plain Keras averages nothing: a SAM that never acts does.
        "plain": {"method": "late", "start": 10**9},
        "sam": {"num_batch_splits": processes} if BACKEND == "jax" else {},
        "sam, one perturbation": {"sync_perturbation": BACKEND == "torch"},
    }[case]
    if not (case == "plain" and BACKEND == "jax"):
        model = keras_sam.SAMModel(model, **options)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01), loss)
    shares = 1 if is_mirrored(address) else processes  # Its strategy shares the batch out.
    generator, size = np.random.default_rng(0), BATCH // shares
    x = generator.normal(size=(size, 32, 32, 3)).astype("float32")
    y = generator.integers(0, 10, size)
    if BACKEND == "tensorflow":
        return tensorflow_step(model, x, y)
    model.train_on_batch(x, y)
    return lambda: model.train_on_batch(x, y)


def tensorflow_step(model, x, y):
    """As `fit` makes it: `train_on_batch` would give each replica the whole batch."""
    import tensorflow as tf

    data = tf.data.Dataset.from_tensors((x, y)).repeat()
    batches = iter(model.distribute_strategy.experimental_distribute_dataset(data))
    model.make_train_function()

    def step():
        return {key: float(value) for key, value in model.train_function(batches).items()}

    step()
    return step


def free_address():
    """Where the first process can wait for the other one."""
    with socket.socket() as found:
        found.bind(("localhost", 0))
        return f"localhost:{found.getsockname()[1]}"


def started(processes, address=""):
    """The processes of a training, which meet at an address if there is one."""
    intra = str(processes if is_mirrored(address) else 1)
    threads = dict.fromkeys(THREADS, "1") | {"TF_NUM_INTRAOP_THREADS": intra}
    threads |= {"TF_ENABLE_ONEDNN_OPTS": "1"}  # Off by default on older processors.
    return [
        subprocess.Popen(
            [sys.executable, __file__, "--worker", str(rank), str(processes), address],
            env={**os.environ, "KERAS_BACKEND": BACKEND, **threads},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for rank in range(1 if is_mirrored(address) else processes)
    ]


def turn(training, case):
    """Seconds of a step, of the slowest process."""
    for process in training:
        process.stdin.write(f"{case}\n")
        process.stdin.flush()
    return max(map(seconds, training))


def seconds(process):
    """The next number that a process prints: others print there as well."""
    for line in process.stdout:
        if line[0].isdigit():
            return float(line)
    raise SystemExit("A process has ended.")


def measured(turns):
    """Dict from a case and a kind of training to the seconds of its turns."""
    trainings = {1: started(1), 2: started(2, free_address()), "apart": started(2)}
    found: dict = {}
    try:
        for number in range(turns + 1):
            for case in CASES:
                for kind, training in trainings.items():
                    took = turn(training, case)
                    if number:  # The first ones wait for the compilation.
                        found.setdefault((case, kind), []).append(took)
    finally:
        for process in [process for training in trainings.values() for process in training]:
            process.kill()
    return found


def rows(found):
    """A line for each case: seconds alone and of two, and how many times faster they are."""
    for case in CASES:
        alone = found[case, 1]
        gains = [gain(alone, found[case, kind]) for kind in (2, "apart")]
        times = [f"{statistics.median(found[case, kind]):.3f}" for kind in (1, 2)]
        yield case, *times, *gains


def gain(alone, two):
    """Median, and quartiles in brackets."""
    gains = [a / b for a, b in zip(alone, two, strict=True)]
    low, middle, high = statistics.quantiles(gains, n=4)
    return f"{middle:.2f} ({low:.2f}-{high:.2f})"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Prints how a step gains from a second process.")
    parser.add_argument("--turns", type=int, default=9, help="Of each case and number.")
    parser.add_argument("--worker", nargs=3, help="Of the program itself.")
    options = parser.parse_args()
    if options.worker:
        worker(int(options.worker[0]), int(options.worker[1]), options.worker[2])
    else:
        table = rows(measured(options.turns))
        kind = f"ResNet-8, global batch {BATCH}, {BACKEND}, {options.turns} turns"
        print(f"{kind}; medians, and quartiles in brackets")
        two = "2 replicas, s" if BACKEND == "tensorflow" else "2 processes, s"
        header = ("step", "1 process, s", two, "times faster", "of two apart")
        print(aligned([header, *table]))
