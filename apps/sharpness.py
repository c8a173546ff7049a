"""Measures how sharp the minima are that trained models have found, and draws them side by side.

    python apps/sharpness.py --checkpoint=SGD=runs/demo/sgd --checkpoint=SAM=runs/demo/sam_rho_0.5

looks at the models that apps/train_resnet.py left there, those of all seeds. Expect a table with a
line for each label (mean ± 95 % interval over the models): accuracies, the largest eigenvalue λ1 of
the Hessian and λ1/λ5, its trace, and m-sharpness, by how much the loss of a batch rises after one
ascent step of length --rho. It takes about half a minute for each model of the demo on two cores.

    python apps/sharpness.py --checkpoint=SGD=a.keras --checkpoint=SAM=b.keras \\
        --dataset=cifar10 --data_dir=data --measure=all --num_examples=2000

measures files that were saved elsewhere, and all there is: in addition adaptive sharpness (worst
case, relative to the size of each weight and independent of the scale of the logits), the bounds
of McAllester and of SAM's theorem on the error, the Hessian's spectrum, and the landscape around
the weights along two random directions that are normalised by filter. A number of models after the
same label counts as repetitions. Spectrum and landscape are those of a label's first model. Expect
a minute or two for each model of the demo; a ResNet on thousands of images is a task for a GPU.

The folder --workdir gets sharpness.json, sharpness.txt (the table) and, where they are measured,
gap.png (m-sharpness against the generalisation gap), spectrum.png, landscape.png, surface.png and
landscape_<label>.npz. Data, label noise and seed are those of the settings.json beside a model,
unless flags say otherwise; the training labels are then the ones that the model was trained with.
The variable KERAS_BACKEND chooses jax, tensorflow or torch.
"""

import sys

from absl import flags

from keras_sam.experiments.flags import command_line as _command_line

FLAGS = flags.FlagValues()
MEASURES = ("eigenvalues", "trace", "m_sharpness", "adaptive", "bound", "spectrum", "landscape")

flags.DEFINE_multi_string(
    "checkpoint",
    [],
    "label=path, as often as there are models: of a .keras file, a folder with a model.keras, or a "
    "folder with seed_<n>/model.keras.",
    flag_values=FLAGS,
)
flags.DEFINE_list(
    "measure",
    ["eigenvalues", "trace", "m_sharpness"],
    f"all, or several of: {', '.join(MEASURES)}.",
    flag_values=FLAGS,
)
flags.DEFINE_string("dataset", None, "See keras_sam.datasets.list().", flag_values=FLAGS)
flags.DEFINE_string("data_dir", None, "Folder that holds the data set.", flag_values=FLAGS)
flags.DEFINE_float("label_noise", None, "Share of wrong training labels.", flag_values=FLAGS)
flags.DEFINE_integer("seed", None, "Seed of the label noise.", flag_values=FLAGS)
flags.DEFINE_integer(
    "num_examples", 1024, "Training images to measure on, of all classes alike.", flag_values=FLAGS
)
flags.DEFINE_integer(
    "batch_size", 128, "Images at a time, and the m of m-sharpness.", flag_values=FLAGS
)
flags.DEFINE_float("rho", 0.05, "Radius of m-sharpness and of the bound.", flag_values=FLAGS)
flags.DEFINE_float(
    "adaptive_rho", 0.5, "Radius of adaptive sharpness, relative to the weights.", flag_values=FLAGS
)
flags.DEFINE_integer("steps", 80, "Lanczos steps of the spectrum.", flag_values=FLAGS)
flags.DEFINE_integer("points", 25, "Points along each axis of the landscape.", flag_values=FLAGS)
flags.DEFINE_float(
    "reach", 1.0, "How far the landscape goes, in lengths of the directions.", flag_values=FLAGS
)
flags.DEFINE_integer("draws", 0, "Seed of start vectors and directions.", flag_values=FLAGS)
flags.DEFINE_bool(
    "logits", True, "Whether the models return logits rather than probabilities.", flag_values=FLAGS
)
flags.DEFINE_bool(
    "smoke", False, "Few images, steps and points: to see whether it works.", flag_values=FLAGS
)
flags.DEFINE_string("workdir", "runs/sharpness", "Folder of the results.", flag_values=FLAGS)


def main(argv):
    """Measures what the flags ask for; an error of the user's ends it in one line."""
    options = _command_line.parse(FLAGS, argv, __doc__)
    _command_line.keep_compiled(options["workdir"])
    try:
        # Imported here, so that --help and a mistyped flag need not wait for a backend.
        from keras_sam.experiments.sharpness import options as _sharpness_options
        from keras_sam.experiments.sharpness import report as _sharpness_report
        from keras_sam.experiments.sharpness.measuring import measured

        options = _sharpness_options.checked(options, MEASURES)
        findings = measured(_sharpness_options.checkpoints(options), options)
        _sharpness_report.write(findings, options, _command_line.command(FLAGS, argv))
    except (ValueError, TypeError, OSError, ImportError, RuntimeError) as error:
        _command_line.fail(argv, error)
    except KeyboardInterrupt:
        _command_line.fail(argv, "Stopped; nothing was written.")


if __name__ == "__main__":
    main(sys.argv)
