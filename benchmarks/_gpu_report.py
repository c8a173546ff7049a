"""The tables of the GPU benchmark."""

from typing import Any

from _report import peers_text
from _text import aligned, ratio_text

HEADER = (
    "case",
    "images/s",
    "step ÷ plain",
    "peak, MiB",
    "compile, s",
    "host syncs a step",
    "device idle",
)
KERAS_BY_HAND = (
    "By hand it is Keras's own network here, without the fused kernels that SAMModel uses, and not "
    "compiled: torch.compile takes Keras's code layer by layer, for minutes, and gives up."
)


def network(turns: dict[str, Any], probes: dict[str, Any], setting: dict[str, Any]) -> dict:
    """The columns of a network's cases.

    Args:
        turns: What `_timing.relate` returns.
        probes: Dictionary from a case's name to what was measured in its own process.
        setting: Dictionary with `batch_size`.

    Returns:
        Dictionary `{"cases": …, "peers": …}`.
    """
    size = setting["batch_size"]
    cases = {
        name: {**_own(probes[name], case, size), **case} for name, case in turns["cases"].items()
    }
    return {"cases": cases, "peers": turns["peers"]}


def _own(probe: Any, case: Any, batch_size: int) -> dict[str, Any]:
    seconds, busy = batch_size / case["images_per_second"], probe["busy_seconds"]
    return {
        "peak_mebibytes": probe["peak_mebibytes"],
        "compile": probe["first_call"] - probe["later_call"],
        "syncs_per_step": probe["syncs_per_step"],
        "busy_seconds": busy,
        # By the clock of the turns, as a profiler lengthens the gaps and not the kernels.
        "idle_share": None if busy is None else 1 - busy / seconds,
    }


def heading(setting: dict[str, Any]) -> str:
    """Device, sizes and versions."""
    versions = ", ".join(f"{name} {version}" for name, version in setting["versions"].items())
    words = "stand-ins that measure nothing, " if setting["tiny"] else ""
    return (
        f"{words}mixed bfloat16, batch {setting['batch_size']}, {setting['backend']} on "
        f"{setting['name'] or 'a CPU'}; {versions}\n"
        f"{setting['rounds']} turns of {setting['steps']} steps; medians, and quartiles in brackets"
    )


def text(name: str, found: dict[str, Any], backend: str) -> str:
    """A network's table, its peers and its notes."""
    parts = [f"{name}\n{aligned([HEADER, *(_row(*item) for item in found['cases'].items())])}"]
    if found["peers"]:
        parts.append(peers_text(found["peers"]))
    notes = [KERAS_BY_HAND] if backend == "torch" and name == "efficientnet_b0" else []
    return "\n".join([*parts, *notes, *found["notes"]])


def _row(name: str, case: Any) -> tuple[str, ...]:
    idle = case["idle_share"]
    return (
        name,
        f"{case['images_per_second']:.0f}",
        ratio_text(case["step_ratio"]),
        f"{case['peak_mebibytes']:.0f}",
        f"{case['compile']:.1f}",
        f"{case['syncs_per_step']:.1f}",
        "-" if idle is None else f"{100 * idle:.0f} %",
    )
