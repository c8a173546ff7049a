"""The table of the benchmark of all methods."""

from typing import Any

from _method_cases import LEAST_STEPS, ON_KERNELS
from _text import aligned, ratio_text, surroundings_text, verdict

# Case, most that its step may take over a plain one.
TARGETS = {"msam": 1.15, "s2sam": 1.15, "looksam k=5": 1.35, "sam ascent_fraction=0.25": 1.45}
HEADER = (
    *("method", "gradients a step", "step ÷ plain", "its processor time", "÷ its gradients"),
    *("ms", "target"),
)
EXPLANATION = """\
step ÷ plain: the time of a step in `fit` over that of plain training, both with SGD without
momentum. A method's turn is {steps} steps or more, whole cycles of one that does not do the same on
each, and is divided by the mean of the plain turns before and after it. Compiling, the setting up
of `fit` and its first step are not counted. {rounds} rounds; medians, and quartiles in brackets.
÷ its gradients: its processor time over that of as many plain steps on our kernels as it asks for
gradients, where a forward pass counts as a third of one and a Hessian-vector product as two. What
is above 1 is spent on something else."""


def text(result: dict[str, Any]) -> str:
    """All of a result that people read.

    Args:
        result: Dictionary with `setting` and `cases`.

    Returns:
        String of several lines.
    """
    cases, setting = result["cases"], result["setting"]
    explanation = EXPLANATION.format(steps=LEAST_STEPS, rounds=setting["rounds"])
    gradient = cases[ON_KERNELS]["step_cpu_ratio"]["median"]
    sound = {label: case for label, case in cases.items() if "error" not in case}
    rows = [HEADER, *(_row(label, case, gradient) for label, case in sound.items())]
    parts = [f"{surroundings_text(setting)}\n{explanation}", aligned(rows)]
    failed = [f"  {label}: {case['error']}" for label, case in cases.items() if "error" in case]
    return "\n\n".join([*parts, *(["\n".join(["failed", *failed])] if failed else [])])


def targets(cases: dict[str, Any]) -> list[dict[str, Any]]:
    """The targets of the methods that were measured.

    Args:
        cases: Dictionary from a label to what was measured, or to its `error`.

    Returns:
        List of dictionaries: `case`, `at_most`, `measured` and `verdict`, as in `_text`.
    """
    return [
        {
            "case": label,
            "at_most": at_most,
            "measured": cases[label]["step_ratio"]["median"],
            "verdict": verdict(cases[label]["step_ratio"], at_most),
        }
        for label, at_most in TARGETS.items()
        if "step_ratio" in cases.get(label, {})
    ]


def _row(label: str, case: dict[str, Any], gradient: float) -> tuple[str, ...]:
    at_most = TARGETS.get(label)
    verdict_text = at_most and f"at most {at_most}: {verdict(case['step_ratio'], at_most)}"
    ratios = (ratio_text(case["step_ratio"]), ratio_text(case["step_cpu_ratio"]))
    milliseconds = f"{1000 * case['seconds_per_step']:.1f}"
    work = case.get("work")
    beyond = f"{case['step_cpu_ratio']['median'] / (work * gradient):.2f}" if work else "-"
    return (label, case["gradients"], *ratios, beyond, milliseconds, verdict_text or "")
