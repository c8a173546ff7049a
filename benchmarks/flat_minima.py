"""Minima of equal training loss, those that generalise and those that do not: how sharp are they?

    KERAS_BACKEND=jax python benchmarks/flat_minima.py --output=runs/flat_minima

trains networks on 600 digits, and on these with 200 more whose labels are drawn at random, in
the manner of Huang et al. (2020, "Understanding Generalization through Visualizations"): what the
random labels do to the minimum is not in the loss on the 600. Plain SGD stops at the first epoch
after which the mean loss on the 600 is below 0.003, and that on the random labels below 0.02: all
minima fit their digits alike, and what they were trained on besides. Then the sharpness of the loss
on the 600 is measured, which are the same ones for all networks. It leaves flat_minima.txt and
flat_minima.png. Five minutes on a core; --smoke takes one.
"""

from pathlib import Path

import keras
import numpy as np
from absl import app, flags
from matplotlib import style
from matplotlib.figure import Figure
from scipy import stats

import keras_sam
from keras_sam import models, sharpness
from keras_sam.experiments.results.table import aligned, spread
from keras_sam.figures import literal

FLAGS = flags.FLAGS
flags.DEFINE_string("output", "runs/flat_minima", "Folder of the table and the figure.")
flags.DEFINE_bool("smoke", False, "One seed, and no training to the end.")

DIGITS, POISON = 600, (0, 200)
SEEDS, MOST_EPOCHS, RHO = 3, 300, 0.05
SMALL_LOSS, SMALL_LOSS_OF_RANDOM = 0.003, 0.02
QUANTITIES = {
    "loss": "loss on the 600",
    "accuracy": "test accuracy, %",
    "eigenvalue": "largest eigenvalue λ1",
    "rise": f"rise of the loss within {RHO:g}",
}


class StopsWhereFitted(keras.callbacks.Callback):
    """Stops where both losses are small, with the statistics that BatchNorm tests with."""

    def __init__(self, x, y):
        super().__init__()
        self.x, self.y = x, y

    def on_epoch_end(self, epoch, logs=None):
        rest = self._loss(DIGITS, None) if len(self.x) > DIGITS else 0.0
        is_fitted = self._loss(0, DIGITS) < SMALL_LOSS and rest < SMALL_LOSS_OF_RANDOM
        self.model.stop_training = is_fitted

    def _loss(self, start, end):
        x, y = self.x[start:end], self.y[start:end]
        return self.model.evaluate(x, y, batch_size=DIGITS, verbose=0)


def minimum(poison: int, seed: int) -> dict[str, float]:
    """Trains to a small loss, and measures there."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    data = keras_sam.datasets.digits()
    x, labels = data.x_train[: DIGITS + poison], np.array(data.y_train[: DIGITS + poison])
    labels[DIGITS:] = np.random.default_rng(seed).integers(data.num_classes, size=poison)
    model = models.convnet((8, 8, 1), data.num_classes)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), loss)
    epochs = 1 if FLAGS.smoke else MOST_EPOCHS
    stop = StopsWhereFitted(x, labels)
    history = model.fit(x, labels, batch_size=64, epochs=epochs, callbacks=[stop], verbose=0)
    found = measured(model, sharpness.Objective(model, x[:DIGITS], labels[:DIGITS], loss, DIGITS))
    right = model.predict(data.x_test, verbose=0).argmax(-1) == data.y_test
    found["accuracy"] = 100 * float(np.mean(right))
    print(f"{poison} random labels, seed {seed}: {len(history.epoch)} epochs, {found}", flush=True)
    return found


def measured(model: keras.Model, objective: sharpness.Objective) -> dict[str, float]:
    """Loss, largest eigenvalue of the Hessian, and SAM's rise of the loss, on the clean digits."""
    hessian = sharpness.Hessian(objective)
    return {
        "loss": float(objective.loss()),
        "eigenvalue": float(sharpness.top_eigenvalues(hessian, tolerance=1e-2).values[0]),
        "rise": float(sharpness.worst_case(objective, RHO, method="apgd").value),
    }


def table(found: dict[int, list[dict[str, float]]]) -> str:
    """A line for each number of random labels, and Kendall's tau over all networks."""
    columns = {"random labels": [str(poison) for poison in found]}
    for name, title in QUANTITIES.items():
        digits = 1 if name == "accuracy" else 4
        columns[title] = [
            spread((one[name] for one in networks), digits) for networks in found.values()
        ]
    every = [one for networks in found.values() for one in networks]
    taus = [f"{QUANTITIES[name]} {_tau(every, name):+.2f}" for name in ("eigenvalue", "rise")]
    return f"{aligned(columns)}\n\nKendall's tau with the test accuracy: {'; '.join(taus)}"


def _tau(every: list[dict[str, float]], name: str) -> float:
    sharp, right = [one[name] for one in every], [one["accuracy"] for one in every]
    return float(stats.kendalltau(sharp, right).statistic)


def draw(found: dict[int, list[dict[str, float]]], path: Path) -> None:
    """Test accuracy over each sharpness, a point a network."""
    with style.context("keras_sam.figures"):
        figure = Figure(figsize=(9, 4))
        for axes, name in zip(
            figure.subplots(1, 2, sharey=True), ("eigenvalue", "rise"), strict=True
        ):
            for poison, networks in found.items():
                sharp = [one[name] for one in networks]
                right = [one["accuracy"] for one in networks]
                axes.plot(sharp, right, linestyle="none", label=f"{poison}")
            axes.set_xlabel(f"{QUANTITIES[name]}, of the loss on the 600 digits")
        figure.axes[0].set_ylabel("accuracy on test images, %")
        figure.axes[0].legend(title="random labels beside them", loc="center")
        figure.suptitle(f"Minima of SGD with a loss below {SMALL_LOSS:g} on the same 600 digits")
        literal(figure).savefig(path)


def main(_: list[str]) -> None:
    """Trains, prints and draws."""
    seeds = range(1 if FLAGS.smoke else SEEDS)
    found = {poison: [minimum(poison, seed) for seed in seeds] for poison in POISON}
    output = Path(FLAGS.output)
    output.mkdir(parents=True, exist_ok=True)
    text = f"python benchmarks/flat_minima.py\n\n{table(found)}"
    (output / "flat_minima.txt").write_text(f"{text}\n", encoding="utf-8")
    draw(found, output / "flat_minima.png")
    print(f"\n{text}")


if __name__ == "__main__":
    app.run(main)
