"""The figures of what trainings measured of their sharpness."""

from pathlib import Path

import numpy as np

from keras_sam.experiments.results.outcomes import Outcome

SPECTRUM = "spectrum_*.npz"
MOST_ROWS = 4  # Of the figure of spectra.
# The title of an axis, and whether it is logarithmic.
QUANTITIES = {
    "lambda_max": ("largest eigenvalue λ1 of the Hessian", True),
    "lambda_ratio": ("λ1/λ5 of the Hessian", False),
    "trace": ("trace of the Hessian", True),
    "m_sharpness": ("m-sharpness", True),
    "adaptive": ("adaptive sharpness", True),
    "bound_sam": ("bound of SAM's theorem on the error", False),
    "bound_mcallester": ("McAllester's bound on the error", False),
    "bound_maurer": ("Maurer's bound on the error", False),
    "bound_hoeffding": ("Hoeffding's bound on the error", False),
    "cosine_second_order": ("cosine, sam and second_order", False),
    "cosine_multistep": ("cosine, sam and multistep", False),
}


def draw(found: list[Outcome], title: str, workdir: Path) -> list[Path]:
    """Draws each quantity over the epochs, and the spectra at some of them.

    Args:
        found: List of `Outcome`, each with finished runs.
        title: String over the figures.
        workdir: Path of the folder to write to.

    Returns:
        List of the paths written.
    """
    # Imported here: a training without measures needs no SciPy.
    from keras_sam.sharpness import plots

    paths = []
    for name, (quantity, log) in QUANTITIES.items():
        watching = [outcome for outcome in found if name in outcome.finished[0].metrics[0]]
        if watching:
            curves = {outcome.label: _curve(outcome, name) for outcome in watching}
            paths.append(workdir / f"{name}.png")
            plots.sharpness_over_epochs(curves, quantity, log, title, paths[-1])
    spectra = _spectra(found)
    if spectra:
        paths.append(workdir / "spectra.png")
        plots.spectra(spectra, "Spectrum of the Hessian, first seed", paths[-1])
    return paths


def _curve(outcome: Outcome, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Epochs with a new value, and the values (runs, epochs) there: logs repeat the last one."""
    curves = outcome.curves(name).join(outcome.finished[0].history["epoch"])
    values = curves.drop(columns="epoch").to_numpy().T
    is_new = np.append(True, (values[:, 1:] != values[:, :-1]).any(axis=0))
    return curves["epoch"].to_numpy()[is_new], values[:, is_new]


def _spectra(found: list[Outcome]) -> dict:
    """Densities by label and epoch, of the first run of each label; of epochs that all have."""
    from keras_sam.sharpness import Density

    files = {
        outcome.label: {_epoch(path): path for path in outcome.runs[0].path.glob(SPECTRUM)}
        for outcome in found
    }
    shared = sorted(set.intersection(*map(set, files.values()))) if files else []
    chosen = shared
    if len(shared) > MOST_ROWS:
        chosen = [shared[i] for i in np.linspace(0, len(shared) - 1, MOST_ROWS).round().astype(int)]
    return {
        label: {epoch: Density.load(paths[epoch]) for epoch in chosen}
        for label, paths in files.items()
        if chosen
    }


def _epoch(path: Path) -> int:
    return int(path.stem.split("_")[1])
