"""Whether this process is one of several that train together, and which of them.

The first leads: it alone plans, prints and writes.
"""

import contextlib
import os
import sys
import time
import warnings
from collections.abc import Iterator
from typing import NoReturn

# What a backend needs to know to bring processes together: which one this is, of how many, and
# where to meet. Others than torchrun say it to PyTorch as well; Keras reads its own for JAX.
VARIABLES = {
    "torch": ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"),
    "jax": (
        "KERAS_DISTRIBUTION_PROCESS_ID",
        "KERAS_DISTRIBUTION_NUM_PROCESSES",
        "KERAS_DISTRIBUTION_JOB_ADDRESSES",
    ),
}
FAREWELL = 1.0  # Seconds in which those that follow can end too: without the first JAX aborts them.
SECONDS = 10.0  # In which a process that leads can say what is wrong.


def backend() -> str:
    """The backend for which it is said which process this is; empty where it is for none."""
    for name, variables in VARIABLES.items():
        if all(os.environ.get(variable) for variable in variables):
            return name
    return ""


def process() -> int:
    """Which of the processes this one is, counted from 0."""
    return int(os.environ[VARIABLES[backend()][0]]) if backend() else 0


def processes() -> int:
    """How many processes were started."""
    return int(os.environ[VARIABLES[backend()][1]]) if backend() else 1


def follows() -> bool:
    """Whether another process leads this one."""
    return process() > 0


def end_after_leader() -> NoReturn:
    """Ends a process that follows with an error of which the one that leads tells.

    The end of one is the end of all for torchrun, which would cut the leader off.
    """
    if backend() == "torch":
        time.sleep(SECONDS)
    sys.exit(1)


@contextlib.contextmanager
def left_at_once() -> Iterator[None]:
    """Within it one of several processes of JAX that ends early does not wait for the others.

    JAX takes leave of all at a process's end, for which they would have to come to theirs.
    """
    try:
        yield
    except SystemExit as end:
        if backend() != "jax" or processes() == 1:
            raise
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        sys.stdout.flush()
        sys.stderr.flush()
        if not follows():
            time.sleep(FAREWELL)
        os._exit(end.code if isinstance(end.code, int) else 1)


@contextlib.contextmanager
def quiet_if_following(name: str) -> Iterator[None]:
    """Within it a process that follows prints nothing, but what ends it against its will.

    Args:
        name: String, the app's.
    """
    if not follows():
        yield
        return
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        with warnings.catch_warnings(action="ignore"):
            try:
                yield
            except Exception as error:
                text = " ".join(f"{type(error).__name__}: {error}".split())
                print(f"{name}: process {process()}: {text}", file=sys.stderr)
                raise SystemExit(1) from None
