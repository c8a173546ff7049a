"""Trains text classifiers with and without sharpness-aware minimization, and compares them.

`python apps/train_text.py --help` tells more.
"""

import sys

import starting  # noqa: F401  # First: it takes care of Ctrl-C until the app does.

from keras_sam.experiments.commands.train_text import main

if __name__ == "__main__":
    main(sys.argv)
