"""Children of one process that has imported everything and computed nothing: a case costs a fork.

A backend must not have started its threads before a fork, so the parent never computes.
"""

import gc
import json
import os
import select
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TextIO

BLOCK = 25  # Cases a child: a fork is cheap, but what a backend grows with each model is not.
HUNG = -signal.SIGALRM


@dataclass(frozen=True)
class Ended:
    """How a child ended.

    Args:
        value: What its function returned; `None` if it did not get there.
        code: Integer, its exit code, or the negative number of the signal that ended it.
        text: String, what it printed and its traceback.
    """

    value: Any
    code: int
    text: str

    @property
    def trouble(self) -> str:
        """How it failed to return, in words; empty where it returned."""
        if self.code == 0:
            return ""
        if self.code == HUNG:
            return "hung"
        if self.code < 0:
            return f"died of {signal.Signals(-self.code).name}"
        return (self.text.strip().splitlines() or ["exit code " + str(self.code)])[-1]


def settle() -> None:
    """Spares children half their time: to look for garbage in what the parent has imported."""
    gc.collect()
    gc.freeze()


def forked(
    function: Callable[[], Any], seconds: float = 60.0, killed_after: float | None = None
) -> Ended:
    """Calls a function in a child.

    Args:
        function: What to call; it returns what JSON takes.
        seconds: Float, after which a child that still runs hangs, and is ended. Defaults to `60`.
        killed_after: Float, seconds after which it gets a SIGKILL. Defaults to `None`: it does not.

    Returns:
        An `Ended`.
    """
    with tempfile.TemporaryFile("w+", errors="replace") as printed:
        pid, pipe = _start(lambda send: send(function()), printed, seconds)
        try:
            if killed_after is not None and not select.select([pipe], [], [], killed_after)[0]:
                os.kill(pid, signal.SIGKILL)
            lines = pipe.read().splitlines()
        finally:
            code = _ended(pid, pipe)
        printed.seek(0)
        value = json.loads(lines[-1]) if lines and code == 0 else None
        return Ended(value, code, printed.read())


def streamed(
    function: Callable[[int], Any], numbers: Iterable[int], seconds: float = 60.0
) -> Iterator[tuple[int, Ended]]:
    """Calls a function of a number for many numbers, a child for each few of them.

    Args:
        function: Function of an integer that returns what JSON takes.
        numbers: Integers.
        seconds: Float, that one call may take. Defaults to `60`.

    Returns:
        Iterator over pairs of a number and its `Ended`.
    """
    waiting = list(numbers)
    while waiting:
        block = waiting[:BLOCK]
        with tempfile.TemporaryFile("w+", errors="replace") as printed:
            yield from _block(function, block, printed, seconds, waiting)


def _block(function, block, printed, seconds, waiting):
    def each(send):
        for number in block:
            signal.setitimer(signal.ITIMER_REAL, seconds)
            send(function(number))

    pid, pipe = _start(each, printed, seconds)
    try:
        while block and (line := pipe.readline()):
            waiting.remove(block[0])
            yield block.pop(0), Ended(json.loads(line), 0, "")
    finally:
        code = _ended(pid, pipe)
    if block:  # The child ended within this one; the others are for the next child.
        printed.seek(0)
        waiting.remove(block[0])
        yield block[0], Ended(None, code, printed.read())


def _start(work: Callable[[Callable], None], printed: TextIO, seconds: float) -> tuple[int, TextIO]:
    """Forks; returns the child's process id and the pipe of what it sends."""
    reader, writer = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(reader)
            _prepare(printed, seconds)
            with os.fdopen(writer, "w") as pipe:
                work(lambda value: print(json.dumps(value), file=pipe, flush=True))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    os.close(writer)
    return pid, os.fdopen(reader)


def _prepare(printed: TextIO, seconds: float) -> None:
    """What a child needs: its own output, deafness to the terminal's Ctrl-C, an end of its own."""
    os.setsid()
    os.dup2(printed.fileno(), 1)
    os.dup2(printed.fileno(), 2)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # Which ends it, wherever it hangs.
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _ended(pid: int, pipe: TextIO) -> int:
    """Waits for a child, ended by force where the campaign is stopped; returns its exit code."""
    if sys.exc_info()[0] is not None:
        os.kill(pid, signal.SIGKILL)
    pipe.close()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
