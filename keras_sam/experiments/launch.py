"""Whether this process is one of several that train together, as torchrun starts them.

The first leads: it alone plans, prints and writes.
"""

import contextlib
import os
import sys
import time
import warnings
from collections.abc import Iterator
from typing import NoReturn

# What PyTorch needs to know to bring processes together; others than torchrun say it as well.
VARIABLES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
SECONDS = 10.0  # In which a process that leads can say what is wrong.


def is_launched() -> bool:
    """Whether a launcher has said which process this is."""
    return all(os.environ.get(name) for name in VARIABLES)


def processes() -> int:
    """How many processes were started."""
    return int(os.environ["WORLD_SIZE"]) if is_launched() else 1


def follows() -> bool:
    """Whether another process leads this one."""
    return is_launched() and os.environ["RANK"] != "0"


def end_after_leader() -> NoReturn:
    """Ends a process that follows with an error of which the one that leads tells.

    The end of one is the end of all for torchrun, which would cut the leader off.
    """
    time.sleep(SECONDS)
    sys.exit(1)


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
                print(f"{name}: process {os.environ['RANK']}: {text}", file=sys.stderr)
                raise SystemExit(1) from None
