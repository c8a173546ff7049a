"""Ends an app in one line when it is stopped while Python still imports what it needs.

To be imported first: backends take seconds, and nothing is lost of an app that has not begun.
"""

import os
import signal
import sys
from pathlib import Path
from types import FrameType


def _end(number: int, frame: FrameType | None) -> None:
    if os.environ.get("RANK", "0") == "0":  # Of several processes one says it.
        os.write(2, f"{Path(sys.argv[0]).name}: Stopped before it began.\n".encode())
    os._exit(128 + number)


for _number in (signal.SIGINT, signal.SIGTERM):
    # A shell's job in the background ignores Ctrl-C, and goes on doing so.
    if signal.getsignal(_number) is not signal.SIG_IGN:
        signal.signal(_number, _end)
