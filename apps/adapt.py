"""Follows digits that turn slowly, with labels for the upright ones alone (self-training).

`python apps/adapt.py --help` tells more.
"""

import sys

import starting  # noqa: F401  # First: it takes care of Ctrl-C until the app does.

from keras_sam.experiments.commands.adapt import main

if __name__ == "__main__":
    main(sys.argv)
