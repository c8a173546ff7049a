"""A process that does jobs of the GPU benchmark: one for each job, or one for all."""

import json
import os
import subprocess
import sys
from typing import Any


class Workers:
    """Asks processes; while none lives, nothing is on the device.

    Args:
        command: List of strings that starts one, in which `serve` is called.
        is_kept: Whether one does all jobs. Its memory is then that of all.
    """

    def __init__(self, command: list[str], is_kept: bool):
        self.command = command
        self.is_kept = is_kept
        self.process: subprocess.Popen | None = None

    def ask(self, *job: Any) -> dict[str, Any]:
        """What the job finds; `{"error": …}` where it fails or its process ends."""
        process = self._started()
        assert process.stdin and process.stdout
        print(json.dumps(job), file=process.stdin, flush=True)
        line = process.stdout.readline()
        if not line or not self.is_kept:
            self.close()
        return json.loads(line) if line else {"error": f"exit code {process.returncode}"}

    def _started(self):
        if self.process is None:
            pipe = subprocess.PIPE
            self.process = subprocess.Popen(self.command, text=True, stdin=pipe, stdout=pipe)
        return self.process

    def close(self) -> None:
        """Waits until the process has left the device."""
        if self.process:
            self.process.communicate()
        self.process = None


def serve(setting: dict[str, Any]) -> None:
    """Reads jobs, a line each, and answers them in a line each.

    Args:
        setting: Dictionary of what the flags say.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # What a library prints is no answer.
    # Imported here, as it loads the backend: the parent has none, which would take memory.
    import _gpu_work

    for line in sys.stdin:
        print(json.dumps(_gpu_work.answer(json.loads(line), setting)), file=answers, flush=True)
