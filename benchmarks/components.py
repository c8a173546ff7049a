"""Which part of a batch's gradient makes SAM's ascent useful: the full gradient's, or the batch's?

    KERAS_BACKEND=jax python benchmarks/components.py --workdir=runs/components

repeats the question of "Friendly Sharpness-Aware Minimization" (Li et al., CVPR 2024, section 3) on
digits of which 40 % have a wrong label. Three ascents of the same length, each from one batch:
along the batch's whole gradient, which is SAM; along the running mean of the gradients, which
stands for the full gradient; and along what is left of the batch's without that mean, its noise.
All three are the method `friendly`, with a `sigma` of 0, of a large negative number, and of 1. It
leaves <workdir>/components.txt, with the intervals of the differences to plain training on the
same seeds, and components.png. A stopped one goes on. Two minutes on a core; --smoke takes one.
"""

from pathlib import Path

from absl import app, flags
from matplotlib import style
from matplotlib.figure import Figure

from keras_sam import experiments
from keras_sam.experiments.results.runs import read
from keras_sam.experiments.results.seeds import Seeds
from keras_sam.experiments.results.statistics import paired_difference
from keras_sam.experiments.results.table import aligned, spread
from keras_sam.figures import literal

FLAGS = flags.FLAGS
flags.DEFINE_string("workdir", "runs/components", "Folder of the runs and the results.")
flags.DEFINE_bool("smoke", False, "Shrink it to a minute's run.")

SEEDS, EPOCHS, RHO = ["0", "1", "2"], 30, 0.5
# The ascent goes along g - sigma m: of a large sigma the mean m alone is left.
COMPONENTS = {"whole gradient (sam)": 0.0, "mean gradient": -1e6, "batch noise": 1.0}
PLAIN = "none (sgd)"


def trained(name: str, **given) -> Seeds:
    """The runs of one method."""
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
    return Seeds(runs=[read(run) for run in runs])


def everything() -> dict[str, Seeds]:
    """Plain training, and each component as the ascent."""
    found = {PLAIN: trained("sgd", method="sgd")}
    for label, sigma in COMPONENTS.items():
        name, arguments = f"sigma_{sigma:g}_rho_{RHO:g}", [f"sigma={sigma}"]
        found[label] = trained(name, method="friendly", rho=RHO, method_arguments=arguments)
    return found


def table(found: dict[str, Seeds]) -> str:
    """A line for each component, beside plain training on the same seeds."""
    reference = found[PLAIN].numbers["accuracy"]
    differences = [paired_difference(o.numbers["accuracy"], reference) for o in found.values()]
    columns = {
        "ascent along the": [*found],
        "test accuracy, %": [spread(one.accuracies, 1) for one in found.values()],
        "more than sgd": ["" if one is None else one.text(1, True) for one in differences],
        "final train loss": [spread(one.numbers["loss"], 2) for one in found.values()],
    }
    columns["more than sgd"][0] = ""
    return aligned(columns)


def draw(found: dict[str, Seeds], path: Path) -> None:
    """Accuracy over the epochs: the mean of the seeds, and their range."""
    with style.context("keras_sam.figures"):
        figure = Figure(figsize=(6.5, 4.5))
        axes = figure.add_subplot()
        for label, one in found.items():
            curves = 100 * one.curves("val_accuracy")
            axes.plot(curves.mean(axis="columns"), label=label, markevery=5)
            low, high = curves.min(axis="columns"), curves.max(axis="columns")
            axes.fill_between(curves.index, low, high, alpha=0.2)
        axes.set_xlabel("epoch")
        axes.set_ylabel("accuracy on clean test images, %")
        axes.set_title(f"Digits, 40 % of the labels wrong, rho {RHO:g}, {len(SEEDS)} seeds")
        axes.legend(title="ascent along the")
        literal(figure).savefig(path)


def main(_: list[str]) -> None:
    """Trains, prints and draws."""
    found = everything()
    text = f"python benchmarks/components.py\n\n{table(found)}"
    workdir = Path(FLAGS.workdir)
    (workdir / "components.txt").write_text(f"{text}\n", encoding="utf-8")
    draw(found, workdir / "components.png")
    print(f"\n{text}")


if __name__ == "__main__":
    app.run(main)
