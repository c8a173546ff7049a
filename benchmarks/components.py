"""Which part of a batch's gradient makes SAM's ascent useful: the full gradient's, or the batch's?

    KERAS_BACKEND=torch python benchmarks/components.py --workdir=runs/components

repeats the question of "Friendly Sharpness-Aware Minimization" (Li et al., CVPR 2024, section 3) on
digits of which 40 % have a wrong label. Three ascents of the same length, each from one batch:
along the batch's whole gradient, which is SAM; along the running mean of the gradients, which
stands for the full gradient; and along what is left of the batch's without that mean, its noise.
All three are the method `friendly`, with a `sigma` of 0, of a large negative number, and of 1. It
leaves <workdir>/components.txt, with the intervals of the differences to plain training on the
same seeds, and components.png. A stopped one goes on. Ten minutes on a core; --smoke takes one.
"""

from pathlib import Path

from absl import app, flags
from matplotlib import style
from matplotlib.figure import Figure

from keras_sam import experiments
from keras_sam.experiments.results.statistics import Estimate, estimate, paired_difference
from keras_sam.experiments.results.table import aligned
from keras_sam.figures import literal

FLAGS = flags.FLAGS
flags.DEFINE_string("workdir", "runs/components", "Folder of the runs and the results.")
flags.DEFINE_bool("smoke", False, "Shrink it to a minute's run.")

SEEDS, EPOCHS = ["0", "1", "2"], 20
RADII = (0.2, 0.5)
# The ascent goes along g - sigma m: of a large sigma the mean m alone is left.
COMPONENTS = {"whole gradient (sam)": 0.0, "mean gradient": -1e6, "batch noise": 1.0}


def accuracies(name: str, **given) -> dict[int, float]:
    """Those of a training on the clean test images in percent, by the seed."""
    runs = experiments.train(
        workdir=f"{FLAGS.workdir}/{name}",
        label_noise=0.4,
        epochs=EPOCHS,
        seeds=SEEDS,
        smoke=FLAGS.smoke,
        resume=True,
        verbose=0,
        **given,
    )
    return {run.settings["seed"]: 100 * run.history()[-1]["val_accuracy"] for run in runs}


def trained() -> dict[str, dict[float, dict[int, float]]]:
    """The accuracies of each component at each radius."""
    return {
        label: {
            rho: accuracies(
                f"sigma_{sigma:g}_rho_{rho:g}",
                method="friendly",
                rho=rho,
                method_arguments=[f"sigma={sigma}"],
            )
            for rho in RADII
        }
        for label, sigma in COMPONENTS.items()
    }


def mean_of(values: dict[int, float]) -> Estimate:
    found = estimate(values.values())
    assert found is not None
    return found


def difference(values: dict[int, float], reference: dict[int, float]) -> str:
    found = paired_difference(values, reference)
    assert found is not None
    return found.text(1, signed=True)


def table(found: dict[str, dict[float, dict[int, float]]], plain: dict[int, float]) -> str:
    """A line for each component and radius."""
    rows = [
        (label, f"{rho:g}", mean_of(own), difference(own, plain))
        for label, by_rho in found.items()
        for rho, own in by_rho.items()
    ]
    columns = {
        "ascent along the": [row[0] for row in rows],
        "rho": [row[1] for row in rows],
        "test accuracy, %": [row[2].text(1) for row in rows],
        "more than sgd": [row[3] for row in rows],
    }
    return f"sgd: {mean_of(plain).text(1)} %\n\n{aligned(columns)}"


def draw(found, plain: dict[int, float], path: Path) -> None:
    """Accuracy over the radius, a line for each component, with intervals."""
    with style.context("keras_sam.figures"):
        figure = Figure(figsize=(6.5, 4.5))
        axes = figure.add_subplot()
        for label, by_rho in found.items():
            means = [mean_of(own) for own in by_rho.values()]
            margins = [one.half_width or 0.0 for one in means]
            axes.errorbar([*by_rho], [one.mean for one in means], margins, capsize=3, label=label)
        axes.axhline(mean_of(plain).mean, color="0.4", linestyle="--", label="sgd")
        axes.set_xscale("log")
        axes.set_xticks(RADII, [f"{rho:g}" for rho in RADII])
        axes.set_xlabel("rho, length of the perturbation")
        axes.set_ylabel("accuracy on clean test images, %")
        axes.set_title(f"Digits, 40 % of the labels wrong, {len(plain)} seeds")
        axes.legend(title="ascent along the")
        literal(figure).savefig(path)


def main(_: list[str]) -> None:
    """Trains, prints and draws."""
    plain = accuracies("sgd", method="sgd")
    found = trained()
    text = f"python benchmarks/components.py\n\n{table(found, plain)}"
    workdir = Path(FLAGS.workdir)
    (workdir / "components.txt").write_text(f"{text}\n", encoding="utf-8")
    draw(found, plain, workdir / "components.png")
    print(f"\n{text}")


if __name__ == "__main__":
    app.run(main)
