"""Trains a published table, cell by cell, and makes the report of it.

`python apps/reproduce.py --help` tells more.
"""

import sys

import starting  # noqa: F401  # First: it takes care of Ctrl-C until the app does.

from keras_sam.experiments.commands.reproduce import main

if __name__ == "__main__":
    main(sys.argv)
