"""What a worker of the GPU benchmark does; it holds the device, and the parent does not."""

import functools
from collections.abc import Callable
from typing import Any

import _gpu_cases
import _gpu_trace
import _probing
import _timing

PROFILED = 4  # Steps by which one profile is longer than the other.


def answer(job: list[Any], setting: dict[str, Any]) -> dict[str, Any]:
    """What a job finds, or `{"error": …}`.

    Args:
        job: Name of a function here, and its arguments.
        setting: Dictionary of what the flags say.

    Returns:
        Dictionary that JSON takes.
    """
    kind, *arguments = job
    try:
        return JOBS[kind](*arguments, setting)
    except Exception as error:  # Out of memory, not installed, not compiled: the others go on.
        first_line = (str(error).strip() or "no message").splitlines()[0]
        return {"error": f"{type(error).__name__}: {first_line}"}


def _surroundings(setting):
    return {**_probing.surroundings(), "name": _probing.device_name()}


def _probe(network: str, name: str, setting: Any) -> dict[str, Any]:
    """First call, peak memory and profile of a case."""
    before = _probing.process_peak()
    train = _case(network, name, setting)
    found: dict[str, Any] = _probing.measured(train, before)
    return {**found, **_gpu_trace.per_step(train, PROFILED)}


def _turns(network: str, names: list[str], setting: Any) -> dict[str, Any]:
    """Speeds and ratios of the cases of a network, which take turns."""
    cases = {name: _case(network, name, setting) for name in names}
    turns = _timing.take_turns(cases, setting["rounds"], setting["steps"])
    return _timing.relate(turns, setting["batch_size"] * setting["steps"], {})


def _case(network: str, name: str, setting: Any) -> Any:
    return _built(network, name, tuple(setting.items()))


@functools.cache
def _built(network: str, name: str, items: Any) -> Any:
    """A process that does all jobs builds and compiles a case once."""
    return _gpu_cases.build(network, name, dict(items))


JOBS: dict[str, Callable[..., dict[str, Any]]] = {
    "surroundings": _surroundings,
    "probe": _probe,
    "turns": _turns,
}
