"""Fine-tunes pre-trained image classifiers with and without sharpness-aware minimization.

`python apps/finetune_efficientnet.py --help` tells more.
"""

import sys

import starting  # noqa: F401  # First: it takes care of Ctrl-C until the app does.

from keras_sam.experiments.commands.finetune_efficientnet import main

if __name__ == "__main__":
    main(sys.argv)
