"""Trains clients that do not show each other their images, with and without SAM (federated).

`python apps/federated.py --help` tells more.
"""

import sys

import starting  # noqa: F401  # First: it takes care of Ctrl-C until the app does.

from keras_sam.experiments.commands.federated import main

if __name__ == "__main__":
    main(sys.argv)
