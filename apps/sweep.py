"""Chooses flags of a training app on held-out images, then trains with the choice.

`python apps/sweep.py --help` tells more.
"""

import sys

import starting  # noqa: F401  # First: it takes care of Ctrl-C until the app does.

from keras_sam.experiments.commands.sweep import main

if __name__ == "__main__":
    main(sys.argv)
