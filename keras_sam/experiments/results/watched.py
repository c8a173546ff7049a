"""The figures of what trainings measured of their sharpness."""

import numpy as np

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
    "cosine_second_order": ("cosine, sam and second_order", False),
    "cosine_multistep": ("cosine, sam and multistep", False),
}


def draw(found, runs, title, workdir):
    """Draws each quantity over the epochs, and the spectra at some of them.

    Args:
        found: List of `Outcome`, each with runs.
        runs: Dictionary from a label to the list of its `RunFolder`s.
        title: String over the figures.
        workdir: Path of the folder to write to.

    Returns:
        List of the paths written.
    """
    # Imported here: a training without measures needs no SciPy.
    from keras_sam.sharpness import plots

    paths = []
    for name, (quantity, log) in QUANTITIES.items():
        curves = {o.label: _curve(o.runs, name) for o in found if name in o.runs[0][0]}
        if curves:
            paths.append(workdir / f"{name}.png")
            plots.sharpness_over_epochs(curves, quantity, log, title, paths[-1])
    spectra = _spectra({outcome.label: runs[outcome.label] for outcome in found})
    if spectra:
        paths.append(workdir / "spectra.png")
        plots.spectra(spectra, "Spectrum of the Hessian, first seed", paths[-1])
    return paths


def _curve(runs, name):
    """Epochs with a new value, and the values (runs, epochs) there: logs repeat the last one."""
    values = np.array(list(zip(*([line[name] for line in run] for run in runs)))).T
    epochs = np.array([line["epoch"] for line in runs[0]])[: values.shape[1]]
    is_new = np.append(True, (values[:, 1:] != values[:, :-1]).any(axis=0))
    return epochs[is_new], values[:, is_new]


def _spectra(runs):
    """Densities by label and epoch, of the first run of each label; of epochs that all have."""
    from keras_sam.sharpness import Density

    files = {
        label: {_epoch(path): path for path in folders[0].path.glob(SPECTRUM)}
        for label, folders in runs.items()
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


def _epoch(path):
    return int(path.stem.split("_")[1])
