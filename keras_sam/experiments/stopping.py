"""Ctrl-C and SIGTERM: they end an app in one line, after the training step under way.

Apps listen, within `listening`. Where nobody does, a signal means what Python makes of it.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from types import FrameType

from keras_sam.experiments import launch

SIGNALS = (signal.SIGINT, signal.SIGTERM)
GRACE = 3.0  # Seconds. What takes longer is left where it is, as by a kill, which loses no epoch.


class Stopped(KeyboardInterrupt):
    """A signal asked the app to end; no error of a run, and so no `Exception`."""


class _Asked:
    """What came so far, and whether it has to wait."""

    number: int | None = None
    waits = False


@contextlib.contextmanager
def listening(name: str, advice: str) -> Iterator[None]:
    """Ends the app in one line, with the exit code of a shell, if a signal stops what is within.

    Args:
        name: String, the app's.
        advice: String, what the user hears.

    Raises:
        SystemExit: With 130 after Ctrl-C and 143 after SIGTERM.
    """
    line = "" if launch.follows() else f"{name}: {advice}\n"
    with _handled(line):
        try:
            yield
        except BaseException as error:
            # Whatever became of the signal on its way through the code of others.
            number = _Asked.number or isinstance(error, KeyboardInterrupt) * signal.SIGINT
            if not number:
                raise
            print(line, end="", file=sys.stderr, flush=True)
            raise SystemExit(128 + number) from None


@contextlib.contextmanager
def after_step() -> Iterator[None]:
    """Within it a signal waits for `check`, so that it breaks neither a step nor a file."""
    _Asked.waits = True
    try:
        yield
    finally:
        _Asked.waits = False
        check()


def check() -> None:
    """Ends the training if a signal asked for it.

    Raises:
        Stopped: If one did.
    """
    if _Asked.number is not None:
        raise Stopped


def _ask(number: int, frame: FrameType | None) -> None:
    _Asked.number = number
    if not _Asked.waits:
        raise Stopped


@contextlib.contextmanager
def _handled(line: str) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # Signals are the main thread's.
        return
    _Asked.number = None
    # What is ignored stays so: a shell's job in the background hears no Ctrl-C.
    heard = [n for n in SIGNALS if signal.getsignal(n) not in (signal.SIG_IGN, None)]
    bell, rope = socket.socketpair()
    rope.setblocking(False)
    before = {number: signal.signal(number, _ask) for number in heard}
    wakeup = signal.set_wakeup_fd(rope.fileno())
    watch = threading.Thread(target=_watch, args=(bell, line), daemon=True)
    watch.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        rope.close()
        watch.join()
        bell.close()
        _Asked.number = None


def _watch(bell: socket.socket, line: str) -> None:
    """Ends the process if it has not ended in time, or if a second signal comes.

    Python hears of signals between two lines of its own only; compiling a model is one for XLA.
    """
    number = _rung(bell)
    if number is None:
        return
    bell.settimeout(GRACE)
    with contextlib.suppress(TimeoutError):
        if _rung(bell) is None:
            return
    os.write(2, line.encode())
    os._exit(128 + number)


def _rung(bell: socket.socket) -> int | None:
    """The next of the signals; `None` once nobody listens any more."""
    while byte := bell.recv(1):
        if byte[0] in SIGNALS:
            return byte[0]
    return None
