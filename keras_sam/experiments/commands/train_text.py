"""Trains text classifiers with and without sharpness-aware minimization, and compares them.

    python apps/train_text.py --compare=sgd,sam --seeds=0,1,2

trains a small Transformer to tell from which library a paragraph of a docstring is: those of NumPy,
SciPy, Keras and so on, as far as they are installed. Their sources are read and none is imported;
no module has paragraphs both to train and to test on, and words that name a library are left out.
Of ten libraries expect about 44 % for AdamW alone and 48 % with SAM, in five minutes a seed on two
cores.

    python apps/train_text.py --dataset=text_folder --data_dir=letters --compare=sgd,sam

trains on any text files, letters/<class>/*.txt, a fifth of which is to test on, or
letters/train/<class>/*.txt and letters/test/<class>/*.txt; the first 256 words of each are read.
What the model takes of a text is keras_sam.datasets.encode(texts, length): numbers of words, which
need no vocabulary.

The optimizer is AdamW, alone in the row sgd of the table and under a method in the others. SAM's
step takes two passes: --plain_epochs gives plain training twice the epochs. With --smoke the same
command takes a few texts and one epoch.

Each run leaves settings.json, metrics.jsonl (a line per epoch) and model.keras (the plain model,
which loads without keras_sam) in <workdir>/<method>/seed_<n>/, or error.txt if it failed. The same
command with --resume goes on where it stopped, to the same final weights. apps/report.py makes a
page of the results, apps/sweep.py --app=train_text chooses flags.
"""

from keras_sam.experiments.flags.command_line import train
from keras_sam.experiments.flags.train_text import FLAGS


def main(argv: list[str]) -> None:
    """Runs the command line `argv`, whose first word is the command's name."""
    train(FLAGS, argv, __doc__)
