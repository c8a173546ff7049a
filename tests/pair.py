"""Two processes that run a program of the tests at once."""

import socket
import subprocess
import sys

from tests import one_backend

PROCESSES = 2


def free_port():
    """A port that nobody listens to."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def run(module, arguments, environment):
    """What each process has printed, once both have ended well.

    Args:
        module: String, the program.
        arguments: Function from a process's number to its list of strings.
        environment: Function from that number to a dict of variables beside the test's own.
    """
    common = one_backend.environment(OMP_NUM_THREADS="1")
    started = [
        subprocess.Popen(
            [sys.executable, "-m", module, *arguments(rank)],
            env=common | environment(rank),
            cwd=one_backend.ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(PROCESSES)
    ]
    try:
        texts = [process.communicate(timeout=300) for process in started]
    finally:
        for process in started:
            process.kill()
    assert [process.returncode for process in started] == [0] * PROCESSES, texts
    return [printed for printed, _ in texts]
