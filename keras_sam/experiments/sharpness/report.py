"""The table, the numbers and the figures of an app's measurements."""

import json
import math
from pathlib import Path

import numpy as np

from keras_sam.experiments.results.table import aligned, spread
from keras_sam.experiments.sharpness import ranking
from keras_sam.experiments.sharpness.measuring import Finding
from keras_sam.sharpness import Density, Landscape, plots

COLUMNS = {
    "train_accuracy": "train acc, %",
    "test_accuracy": "test acc, %",
    "gap": "gap, %",
    "loss": "train loss",
    "lambda_max": "λ1",
    "lambda_ratio": "λ1/λ5",
    "trace": "trace",
    "m_sharpness": "m-sharpness",
    "adaptive": "adaptive",
    "bound_sam": "SAM's bound",
    "bound_mcallester": "McAllester's",
    "bound_maurer": "Maurer's",
    "bound_hoeffding": "Hoeffding's",
}


def write(findings: list[Finding], options: dict, command: str) -> None:
    """Writes all files, and prints the table and their names.

    Args:
        findings: List of `Finding`.
        options: Dictionary of the app's options.
        command: String, the command line.
    """
    workdir = Path(options["workdir"])
    workdir.mkdir(parents=True, exist_ok=True)
    by_label: dict[str, list[Finding]] = {}
    for finding in findings:
        by_label.setdefault(finding.checkpoint.label, []).append(finding)
    text = table(by_label)
    taus = ranking.correlations([finding.numbers for finding in findings], options["m"])
    note = _note(findings, options)
    note += f"\n{ranking.described(taus, len(findings))}" if taus else ""
    (workdir / "sharpness.txt").write_text(f"{command}\n\n{text}\n\n{note}\n", encoding="utf-8")
    (workdir / "sharpness.json").write_text(_json(findings, options, command), encoding="utf-8")
    print(f"\n{text}\n\n{note}\n")
    for name in ["sharpness.txt", "sharpness.json", *_pictures(by_label, workdir)]:
        print(f"written  {workdir / name}")


def table(by_label: dict[str, list[Finding]]) -> str:
    """An aligned table with a line for each label: mean and 95 % interval over its models.

    Args:
        by_label: Dictionary from a label to its list of `Finding`.

    Returns:
        String of several lines.
    """
    columns = {"": list(by_label), "models": [str(len(found)) for found in by_label.values()]}
    for name, title in COLUMNS.items():
        if name in next(iter(by_label.values()))[0].numbers:
            columns[title] = [
                _cell([finding.numbers[name] for finding in found]) for found in by_label.values()
            ]
    return aligned(columns)


def _cell(values: list[float]) -> str:
    """Three digits of the mean, and as many decimals of its interval."""
    mean = float(np.mean(values))
    size = math.floor(math.log10(abs(mean))) if mean and math.isfinite(mean) else 0
    return spread(values, min(max(2 - size, 0), 6))


def _note(findings: list[Finding], options: dict) -> str:
    count = max(finding.num_examples for finding in findings)
    labels = "whose label is right" if options["right_labels"] else "with the labels trained on"
    return (
        f"On {count} training images {labels}; gap: training minus test accuracy; "
        f"m-sharpness: m {options['batch_size']}, rho {options['rho']:g}; "
        f"adaptive: worst case, rho {options['adaptive_rho']:g}, normalised logits."
    )


def _json(findings: list[Finding], options: dict, command: str) -> str:
    models = [
        {
            "label": finding.checkpoint.label,
            "path": str(finding.checkpoint.path),
            "data": finding.checkpoint.data,
            **{name: _finite(value) for name, value in finding.numbers.items()},
            **_ritz(finding.density),
        }
        for finding in findings
    ]
    content = {"command": command, "options": options, "models": models}
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None  # JSON knows no NaN.


def _ritz(density: Density | None) -> dict:
    if density is None:
        return {}
    pairs = {"nodes": density.nodes, "weights": density.weights}
    return {"spectrum": {name: [list(map(float, a)) for a in part] for name, part in pairs.items()}}


def _pictures(by_label: dict[str, list[Finding]], workdir: Path) -> list[str]:
    """Draws what was measured; returns the names of the files."""
    names = []
    firsts = {label: found[0] for label, found in by_label.items()}
    densities = {label: f.density for label, f in firsts.items() if f.density is not None}
    if densities:
        names.append("spectrum.png")
        plots.spectra(densities, "Spectrum of the Hessian", workdir / names[-1])
    landscapes = {label: f.landscape for label, f in firsts.items() if f.landscape is not None}
    if landscapes:
        names += _draw_landscapes(landscapes, workdir)
    if "m_sharpness" in next(iter(firsts.values())).numbers:
        names.append("gap.png")
        points = {label: _sharpness_and_gap(found) for label, found in by_label.items()}
        plots.sharpness_against_gap(points, path=workdir / names[-1])
    return names


def _draw_landscapes(landscapes: dict[str, Landscape], workdir: Path) -> list[str]:
    title = "Loss along two filter-normalised directions"
    plots.contours(landscapes, title, workdir / "landscape.png")
    plots.surfaces(landscapes, title, workdir / "surface.png")
    names = ["landscape.png", "surface.png"]
    for label, landscape in landscapes.items():
        # A label may be any text, a file's name may not.
        safe = "".join(letter if letter.isalnum() else "_" for letter in label)
        while f"landscape_{safe}.npz" in names:  # Of another label: "SAM+" and "SAM-".
            safe += "_"
        names.append(f"landscape_{safe}.npz")
        landscape.save(workdir / names[-1])
    return names


def _sharpness_and_gap(found: list[Finding]) -> tuple[list[float], list[float]]:
    numbers = [finding.numbers for finding in found]
    return [each["m_sharpness"] for each in numbers], [each["gap"] for each in numbers]
