"""Makes one page of tables and figures from the folders of finished runs.

`python apps/report.py --help` tells more.
"""

import sys

import starting  # noqa: F401  # First: it takes care of Ctrl-C until the app does.

from keras_sam.experiments.commands.report import main

if __name__ == "__main__":
    main(sys.argv)
