"""What the profilers of JAX and PyTorch see: how long the device works, how often one waits."""

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import keras
from _cases import Train

DEVICE_WORK = ("kernel", "gpu_memcpy", "gpu_memset")  # Categories of PyTorch's traces.
RUNTIME = ("cuda_runtime", "cuda_driver")
READS_SCALAR = "aten::_local_scalar_dense"  # Without a GPU it stands for the wait that it would be.
READS_ARRAY = "np.asarray(jax.Array)"


class Seen(NamedTuple):
    """Of a run: how often the host waited, and the device's seconds of work; `None` of no GPU."""

    waits: int
    busy: float | None


def per_step(train: Train, steps: int) -> dict[str, float | None]:
    """Waits of the host and work of the device in a step.

    What a run has at its beginning and its end alone, such as the reading of the loss, is not
    counted: of two runs the longer one has more of a step's only.

    Args:
        train: Function of a number of steps, called before.
        steps: Integer, by how many the second run is longer.

    Returns:
        Dictionary: `syncs_per_step`, and `busy_seconds` of a step or `None` without a GPU.
    """
    record = RECORDERS[keras.backend.backend()]
    short, long = record(train, 1), record(train, 1 + steps)
    found: dict[str, float | None] = {"syncs_per_step": (long.waits - short.waits) / steps}
    if short.busy is None or long.busy is None:
        return {**found, "busy_seconds": None}
    return {**found, "busy_seconds": (long.busy - short.busy) / steps}


def covered(intervals: Iterable[tuple[float, float]]) -> float | None:
    """The length of what intervals cover together, whether or not they overlap; `None` of none."""
    total, end = 0.0, float("-inf")
    ordered = sorted(intervals)
    for start, stop in ordered:
        total += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return total if ordered else None


def _record_torch(train: Train, steps: int) -> Seen:
    import torch
    from torch.profiler import ProfilerActivity, profile

    gpu = [ProfilerActivity.CUDA] if torch.cuda.is_available() else []
    with profile(activities=[ProfilerActivity.CPU, *gpu]) as profiled:
        train(steps)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profiled.export_chrome_trace(str(path))
        return torch_seen(json.loads(path.read_text())["traceEvents"])


def torch_seen(events: list[dict[str, Any]]) -> Seen:
    """What a trace of PyTorch tells, whose times are in microseconds."""
    work = [e for e in events if e.get("cat") in DEVICE_WORK]
    if work:
        runtime = [e for e in events if e.get("cat") in RUNTIME]
        waits = sum(event["name"].endswith("Synchronize") for event in runtime)
    else:
        waits = sum(event.get("name") == READS_SCALAR for event in events)
    return Seen(waits, covered((e["ts"] / 1e6, (e["ts"] + e["dur"]) / 1e6) for e in work))


def _record_jax(train: Train, steps: int) -> Seen:
    import jax

    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            train(steps)
        (path,) = Path(folder).rglob("*.xplane.pb")
        return jax_seen(jax.profiler.ProfileData.from_file(str(path)).planes)


def jax_seen(planes: Iterable[Any]) -> Seen:
    """What a trace of JAX tells, whose times are in nanoseconds."""
    waits, work = 0, []
    for plane in planes:
        for line in plane.lines:
            if plane.name.startswith("/host"):
                waits += sum(_is_wait(event.name) for event in line.events)
            elif plane.name.startswith("/device:GPU") and "Stream" in line.name:
                # Its other lines tell the same work again, operation by operation.
                work += [
                    (e.start_ns / 1e9, (e.start_ns + e.duration_ns) / 1e9) for e in line.events
                ]
    return Seen(waits, covered(work))


def _is_wait(name: str) -> bool:
    return name == READS_ARRAY or name.endswith(" block_until_ready")


RECORDERS = {"jax": _record_jax, "torch": _record_torch}
