"""Callbacks that look at sharpness while a model trains."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_sam import checks
from keras_sam.sharpness.density import Density, spectral_density
from keras_sam.sharpness.losses import Loss
from keras_sam.sharpness.measurement import Measurement
from keras_sam.sharpness.measures import MEASURES, NAMES, Settings
from keras_sam.sharpness.objective import Objective
from keras_sam.sharpness.operators import KeptHessian
from keras_sam.tensors import Nested


class SharpnessCallback(Measurement):
    """Logs measures of sharpness on a fixed held-out set, at the end of every n-th epoch.

    Measured are the first epoch of a `fit` and each `every`-th one; between them the logs repeat
    the last numbers, so that no column has holes. `History` has them all; list the callback
    before a `CSVLogger` or `TensorBoard`, which write what is there when their turn comes. The
    training is the same to the last bit with the callback and without it. Eigenvalues and the
    trace take up to half of the memory that is free, as `KeptHessian` does. Where a loss is not
    finite, or the eigenvalues are not found in time, the numbers are NaN, with a warning.

    Args:
        x: Array (examples, …) or nested arrays, to measure on.
        y: Array (examples, …), their targets.
        measures: Sequence of names: `"eigenvalues"` logs `lambda_max`, the Hessian's largest
            eigenvalue, and `lambda_ratio`, this over the fifth; `"trace"`, `"m_sharpness"` (one
            ascent step) and `"adaptive"` (worst case by Auto-PGD, of normalised logits) log
            numbers of these names; `"bound"` logs `bound_sam` and three others. Defaults
            to `("eigenvalues", "m_sharpness")`.
        every: Positive integer. Defaults to `1`.
        rho: Float above 0, the radius of `m_sharpness` and `bound`. Defaults to `0.05`.
        adaptive_rho: Float above 0, the radius of `adaptive`, relative to the weights. Defaults
            to `0.5`.
        batch_size: Positive integer, the batches of the loss, and the m of `m_sharpness`.
            Defaults to `128`.
        loss: As in `Objective`. Defaults to `None`, the compiled loss.
        seed: Integer of at least 0, of start vectors and probes. Defaults to `0`.
        prefix: String before each name in the logs. Defaults to `""`.

    Attributes:
        measured: Dictionary from the number of an epoch, from 1, to the numbers measured at its
            end, themselves a dictionary from names to floats.

    Raises:
        ValueError: If a measure is unknown or a number is outside its range.

    Example:

    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    >>> model.compile(optimizer="sgd", loss="mse")
    >>> x, y = np.eye(4, dtype="float32"), np.ones((4, 1), "float32")
    >>> callback = keras_sam.sharpness.SharpnessCallback(x, y, measures=["trace"], every=2)
    >>> history = model.fit(x, y, epochs=3, verbose=0, callbacks=[callback])
    >>> len(history.history["trace"]), list(callback.measured)
    (3, [1, 2])
    """

    def __init__(
        self,
        x: Nested,
        y: Nested,
        measures: Sequence[str] = ("eigenvalues", "m_sharpness"),
        every: int = 1,
        rho: float = 0.05,
        adaptive_rho: float = 0.5,
        batch_size: int = 128,
        loss: Loss | None = None,
        seed: int = 0,
        prefix: str = "",
    ):
        super().__init__(every, prefix)
        self.data: dict[str, Any] = {"x": x, "y": y, "batch_size": batch_size, "loss": loss}
        self.measures = [checks.one_of("measure", measure, MEASURES) for measure in measures]
        self.settings = Settings(
            rho=checks.positive("rho", rho),
            adaptive_rho=checks.positive("adaptive_rho", adaptive_rho),
            seed=checks.seed("seed", seed),
        )

    def prepare(self) -> Objective:
        return Objective(self.model, **self.data)

    def measure(self, prepared: Objective, epoch: int) -> dict[str, float]:
        found = {}
        for measure in self.measures:
            found.update(MEASURES[measure](prepared, self.settings))
        return found

    def names(self, prepared: Objective) -> list[str]:
        return [name for measure in self.measures for name in NAMES[measure]]


class HessianSpectrumCallback(Measurement):
    """Keeps the Hessian's spectral density on a fixed held-out set, every n-th epoch.

    The logs get `hessian_max` and `hessian_min`, the ends of the spectrum as Lanczos sees them,
    and `hessian_trace`. When it measures, what the logs hold in between and what memory it takes is
    as with `SharpnessCallback`.

    Args:
        x: Array (examples, …) or nested arrays, to measure on.
        y: Array (examples, …), their targets.
        every: Positive integer. Defaults to `1`.
        steps: Positive integer, Lanczos steps, and products with the Hessian for each start.
            Defaults to `40`.
        starts: Positive integer, random start vectors. Defaults to `1`.
        batch_size: Positive integer. Defaults to `128`.
        loss: As in `Objective`. Defaults to `None`, the compiled loss.
        seed: Integer of at least 0. Defaults to `0`.
        prefix: String before each name in the logs. Defaults to `"hessian_"`.
        folder: Path of a folder in which to keep each density, as `spectrum_<epoch>.npz` that
            `Density.load` reads. Defaults to `None`, none.

    Attributes:
        spectra: Dictionary from the number of an epoch, from 1, to its
            `keras_sam.sharpness.Density`, as `keras_sam.sharpness.plots.spectra` takes it.
        measured: Dictionary from the number of an epoch to the numbers logged.

    Raises:
        ValueError: If a number is outside its range.

    Example:

    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    >>> model.compile(optimizer="sgd", loss="mse")
    >>> x, y = np.eye(4, dtype="float32"), np.ones((4, 1), "float32")
    >>> callback = keras_sam.sharpness.HessianSpectrumCallback(x, y)
    >>> history = model.fit(x, y, epochs=1, verbose=0, callbacks=[callback])
    >>> round(callback.spectra[1].moment(0).value, 6)
    1.0
    """

    def __init__(
        self,
        x: Nested,
        y: Nested,
        every: int = 1,
        steps: int = 40,
        starts: int = 1,
        batch_size: int = 128,
        loss: Loss | None = None,
        seed: int = 0,
        prefix: str = "hessian_",
        folder: str | Path | None = None,
    ):
        super().__init__(every, prefix)
        self.data: dict[str, Any] = {"x": x, "y": y, "batch_size": batch_size, "loss": loss}
        self.options: dict[str, Any] = {
            "steps": checks.positive_integer("steps", steps),
            "starts": checks.positive_integer("starts", starts),
            "seed": checks.seed("seed", seed),
        }
        self.folder = None if folder is None else Path(folder)
        self.spectra: dict[int, Density] = {}

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        super().on_train_begin(logs)
        self.spectra = {}

    def prepare(self) -> Objective:
        return Objective(self.model, **self.data)

    def measure(self, prepared: Objective, epoch: int) -> dict[str, float]:
        # Of the weights of now; what it keeps is free again when it is measured.
        hessian = KeptHessian(prepared)
        density = self.spectra[epoch] = spectral_density(hessian, **self.options)
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            density.save(self.folder / f"spectrum_{epoch:05d}.npz")
        return {
            "max": float(max(nodes.max() for nodes in density.nodes)),
            "min": float(min(nodes.min() for nodes in density.nodes)),
            "trace": prepared.size * density.moment(1).value,
        }

    def names(self, prepared: Objective) -> list[str]:
        return ["max", "min", "trace"]
