"""What only a fresh process can tell: the seconds of a first call and the peak memory."""

import gc
import importlib.metadata
import os
import platform
import re
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import _cases
import keras

PACKAGES = (
    "keras",
    "jax",
    "tensorflow",
    "torch",
    "flax",
    "optax",
    "pytorch_optimizer",
    "tf_keras",
    "curvlinops-for-pytorch",
)
MEBIBYTE = 2**20


def probe(
    name: str, model_name: str, batch_size: int, jit_compile: bool | str = "auto"
) -> dict[str, float]:
    """First call, a later call and peak memory of one case.

    Args:
        name: Name of the case.
        model_name: Name from `keras_sam.models.list()`.
        batch_size: Integer, images a step.
        jit_compile: As of `_cases.compiled`.

    Returns:
        Dictionary: `first_call` and `later_call` (seconds of a `fit` of one step), each with its
        processor seconds, and `peak_mebibytes`.
    """
    before = process_peak()
    data = _cases.random_data(batch_size, 5)
    return measured(_cases.build(name, model_name, batch_size, data, jit_compile), before)


def measured(train: _cases.Train, before: int) -> dict[str, float]:
    """As `probe`, of a case that is built.

    Args:
        train: Function of a number of steps, not called yet.
        before: Integer, the `process_peak` before the case was built.
    """
    first_call, first_cpu = timed(train, 1)
    later_call, later_cpu = min(timed(train, 1) for _ in range(3))
    train(5)
    peak = device_peak()
    return {
        "first_call": first_call,
        "first_call_cpu": first_cpu,
        "later_call": later_call,
        "later_call_cpu": later_cpu,
        "peak_mebibytes": (process_peak() - before if peak is None else peak) / MEBIBYTE,
    }


def timed(function: Callable[..., object], *arguments: Any) -> tuple[float, float]:
    """Seconds by the clock and of this process's processors that a call takes."""
    clock, cpu = time.perf_counter(), time.process_time()
    function(*arguments)
    return time.perf_counter() - clock, time.process_time() - cpu


def process_peak() -> int:
    """Most bytes of memory that this process has had."""
    status = Path("/proc/self/status")
    if status.exists():  # `getrusage` knows of no new start.
        return int(re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())[0]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def reset_peak() -> int:
    """Bytes of memory that this process has now; on Linux its peak starts again from these."""
    gc.collect()
    try:
        Path("/proc/self/clear_refs").write_text("5")
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return process_peak()
    return pages * resource.getpagesize()


def device_peak() -> int | None:
    """Most bytes allocated on the first GPU; `None` without one."""
    return PEAKS[keras.backend.backend()]()


def _jax_peak():
    import jax

    device = jax.local_devices()[0]
    return None if device.platform == "cpu" else device.memory_stats()["peak_bytes_in_use"]


def _tensorflow_peak():
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        return None
    return tf.config.experimental.get_memory_info("GPU:0")["peak"]


def _torch_peak():
    import torch

    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None


PEAKS = {"jax": _jax_peak, "tensorflow": _tensorflow_peak, "torch": _torch_peak}


def device_name() -> str | None:
    """Name of the first GPU of the backend; `None` without one."""
    return FINDERS[keras.backend.backend()]()


def _jax_device():
    import jax

    found = [device for device in jax.devices() if device.platform == "gpu"]
    return found[0].device_kind if found else None


def _torch_device():
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else None


def _tensorflow_device():
    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")
    return found[0].name if found else None


FINDERS = {"jax": _jax_device, "torch": _torch_device, "tensorflow": _tensorflow_device}


def surroundings() -> dict[str, Any]:
    """Backend, device, number of processors and versions."""
    return {
        "backend": keras.backend.backend(),
        "device": "cpu" if device_peak() is None else "gpu",
        "processors": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: version for name in PACKAGES if (version := _version(name))},
    }


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
