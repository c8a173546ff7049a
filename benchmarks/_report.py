"""The table of a step-time benchmark, and whether its targets hold."""

from typing import Any

from _text import aligned, ratio_text, surroundings_text, verdict

# Case, ratio, most that it may be.
TARGETS = (
    ("sam", "step_ratio", 2.05),
    ("every=5", "step_ratio", 1.3),
    ("sam", "compile_ratio", 1.5),
    ("every=5", "compile_ratio", 1.6),
    ("multistep=5", "compile_ratio", 1.5),
)
# Ours over a peer's, in images a second: the least that it should be.
PEERS = {
    "sam: keras_sam over pytorch_optimizer sam": 1.0,
    "sam: keras_sam over flax/optax sam": 1.1,
    "sam: keras_sam over tf_keras sam": 1.1,
    "sam: keras_sam over two tapes sam": 1.0,
}
EAGER = ("torch",)  # Backends on which `fit` compiles nothing: a first call only loads kernels.
HEADER = (
    "case",
    "images/s",
    "step ÷ plain",
    "its processor time",
    "first call, s",
    "compile, s",
    "compile ÷ plain",
    "its processor time",
    "peak, MiB",
)
TITLES = {
    "step_ratio": "step over plain step",
    "compile_ratio": "compilation over plain",
    "peer": "images/s over the peer's",
}


def targets(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The targets that apply, each with what was measured.

    Args:
        result: Dictionary with `setting` and `cases`.

    Returns:
        List of dictionaries: `case`, `quantity`, `at_most` or, beside a peer, `at_least`,
        `measured` and `verdict`, one of `"pass"`, `"FAIL"` and, where the quartiles span the
        target, `"open"`.
    """
    found = []
    for case, quantity, at_most in TARGETS:
        if quantity == "compile_ratio" and result["setting"]["backend"] in EAGER:
            continue
        ratio = result["cases"][case][quantity]
        target = {"case": case, "quantity": quantity, "at_most": at_most}
        found.append({**target, "measured": ratio["median"], "verdict": verdict(ratio, at_most)})
    return found + [
        {
            "case": name,
            "quantity": "peer",
            "at_least": PEERS[name],
            "measured": ratio["median"],
            "verdict": verdict(ratio, PEERS[name], at_least=True),
        }
        for name, ratio in result["peers"].items()
        if name in PEERS
    ]


def text(result: dict[str, Any]) -> str:
    """All of a result that people read: setting, table, peers, targets, notes."""
    parts = [_setting(result["setting"]), _table(result["cases"])]
    if result["peers"]:
        parts.append(peers_text(result["peers"]))
    parts.append("\n".join(_target(target) for target in result["targets"]))
    parts += result["notes"]
    return "\n\n".join(parts)


def _setting(setting: dict[str, Any]) -> str:
    return (
        f"{surroundings_text(setting)}\n"
        f"{setting['blocks']} turns of {setting['steps_per_block']} steps; medians, and quartiles "
        "in brackets"
    )


def _table(cases: dict[str, Any]) -> str:
    return aligned([HEADER, *(_row(name, case) for name, case in cases.items())])


def _row(name: str, case: dict[str, Any]) -> tuple[str, ...]:
    row = [name, f"{case['images_per_second']:.0f}"]
    row += [ratio_text(case["step_ratio"]), ratio_text(case["step_cpu_ratio"])]
    if "first_call" not in case:
        return (*row, "", "", "", "", "")
    row += [f"{case['first_call']:.1f}", f"{case['compile']:.1f}"]
    row += [ratio_text(case["compile_ratio"]), ratio_text(case["compile_cpu_ratio"])]
    return (*row, f"{case['peak_mebibytes']:.0f}")


def peers_text(peers: dict[str, Any]) -> str:
    """A line for each peer, with the speed of ours over theirs."""
    lines = [f"  {name}: {ratio_text(ratio)}" for name, ratio in peers.items()]
    return "\n".join(["images/s of ours over theirs", *lines])


def _target(target):
    bounds = (("at_most", "at most"), ("at_least", "at least"))
    limit = next(f"{words} {target[key]}" for key, words in bounds if key in target)
    line = (
        f"{target['verdict']}  {target['case']}: {TITLES[target['quantity']]} "
        f"{target['measured']:.2f}, {limit}"
    )
    busy = " (the quartiles span it: repeat this on a machine that does nothing else)"
    return line + busy * (target["verdict"] == "open")
