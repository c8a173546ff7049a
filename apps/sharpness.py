"""Measures how sharp the minima are that trained models have found, and draws them side by side.

`python apps/sharpness.py --help` tells more.
"""

import sys

import starting  # noqa: F401  # First: it takes care of Ctrl-C until the app does.

from keras_sam.experiments.commands.sharpness import main

if __name__ == "__main__":
    main(sys.argv)
