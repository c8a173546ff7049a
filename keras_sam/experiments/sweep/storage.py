"""Where the trials of a sweep are kept: a journal in the work directory, or a database."""

from pathlib import Path

import optuna

from keras_sam.experiments.sweep.database import Database
from keras_sam.experiments.sweep.journal import Journal
from keras_sam.experiments.sweep.kept import Kept


def kept_in(workdir: Path, url: str | None) -> Kept:
    """What keeps the trials of a sweep.

    Args:
        workdir: Path of the sweep's folder, which is made where there is none.
        url: String, of a database; `None` for the journal.
    """
    workdir.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return Journal(workdir) if url is None else Database(workdir, url)
