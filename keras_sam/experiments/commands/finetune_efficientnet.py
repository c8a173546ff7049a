"""Fine-tunes pre-trained image classifiers with and without sharpness-aware minimization.

    python apps/finetune_efficientnet.py --dataset=oxford_flowers102 --data_dir=data \\
        --model=efficientnet_b0 --image_size=224 --compare=sgd,sam --workdir=runs/flowers

replaces the head of EfficientNet-B0 with weights from ImageNet by a new one and trains all of it
on Oxford's 102 flowers: a task of minutes on a GPU, of many hours on two cores. With --probe the
result stands beside that of ridge regression on the pretrained features, which fine-tuning has to
pass. The defaults suit a batch of 32 on one device: eight epochs of SGD at a rate of 0.01 that
rises for two epochs and then falls on a cosine, gradients of length 1 at most, the statistics of
BatchNorm frozen, and a fifth of each method's usual rho, as pretrained weights stand in sharp
places. A loss that is above that of a guess after the first epoch is said, with what to try;
--head_epochs=3 trains the new last layer alone first.

    python apps/finetune_efficientnet.py --preset=e3_b7_flowers --data_dir=data

reproduces a row of a published table: the presets are listed below. Any flag of the command comes
before the preset's; where it has another --batch_size and no --learning_rate, the preset's rate is
scaled alike, and the settings that are printed say so. With --smoke the same command takes a minute
on two cores: random weights, few small images, and digits where --data_dir is missing.

The presets' protocol is that of Foret et al. (2021): SGD with Nesterov's momentum 0.9, a cosine
schedule to 0, weight decay 1e-5 (1e-4 in Keras's terms), dropout 0.5, the statistics of BatchNorm
frozen, a number of --steps or --epochs, AutoAugment for CIFAR alone; for ImageNet the pretrained
last layer is kept (--keep_top).

--model is any name of keras.applications (efficientnet_b0 … b7, efficientnet_v2_s, mobilenet,
resnet50 …) or efficientnet_l2; with --model_source=keras_cv or keras_hub a preset of theirs. The
images stay in [0, 255]: each network scales them for itself. --weights=FILE reads the weights of
the network without its top from a .weights.h5, .h5, .keras or .npz file, or an EfficientNet's from
a Flax checkpoint of google-research/sam, unpacked (which takes `pip install msgpack`);
with --keep_top the file holds the layer `predictions` as well.

Each run leaves settings.json, metrics.jsonl (a line per epoch, with the accuracy of the best guess
and of the best five) and model.keras, which keras.saving.load_model opens without keras_sam, in
<workdir>/<method>/seed_<n>/, or error.txt if it failed. The same command with --resume goes on
where it stopped, to the same final weights. apps/report.py makes a page of the results.
"""

from keras_sam.experiments.flags.command_line import train
from keras_sam.experiments.flags.finetune_efficientnet import FLAGS


def main(argv: list[str]) -> None:
    """Runs the command line `argv`, whose first word is the command's name."""
    train(FLAGS, argv, __doc__)
