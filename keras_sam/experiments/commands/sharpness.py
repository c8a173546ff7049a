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
of SAM's theorem, McAllester, Maurer (McAllester's in its sharper form) and Hoeffding on the error,
the Hessian's spectrum, and the landscape around the weights along two random directions that are
normalised by filter. Hoeffding's bound is for weights that the data have not chosen: what it lies
below the others is the price of that choice. A number of models after the
same label counts as repetitions. Spectrum and landscape are those of a label's first model. Expect
a minute or two for each model of the demo; a ResNet on thousands of images is a task for a GPU.

The folder --workdir gets sharpness.json, sharpness.txt (the table) and, where they are measured,
gap.png (m-sharpness against the generalisation gap), spectrum.png, landscape.png, surface.png and
landscape_<label>.npz. Data, label noise and seed are those of the settings.json beside a model,
unless flags say otherwise; the training labels are then the ones that the model was trained with.
The variable KERAS_BACKEND chooses jax, tensorflow or torch.
"""

from keras_sam.experiments.sharpness import options


def main(argv: list[str]) -> None:
    """Runs the command line `argv`, whose first word is the command's name."""
    options.main(argv, __doc__)
