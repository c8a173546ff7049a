"""What a run was trained with: versions, commit, device and date; nothing that names a machine."""

import contextlib
import datetime
import functools
import importlib
import platform
import subprocess
from pathlib import Path

import keras

import keras_sam
from keras_sam import backend
from keras_sam.experiments import launch
from keras_sam.experiments.results.folder import RunFolder


@functools.cache
def versions() -> dict[str, str]:
    """Versions and device of this process, each under its name."""
    processes = launch.processes()
    return {
        "keras_sam": keras_sam.__version__,
        **_commit(),
        "keras": keras.__version__,
        backend.name: importlib.import_module(backend.name).__version__,
        "python": platform.python_version(),
        "device": backend.device_name(),
        **({"processes": str(processes)} if processes > 1 else {}),
    }


def _commit() -> dict[str, str]:
    """The commit of a checkout, marked where files of it were changed; empty without one."""
    root = Path(keras_sam.__file__).parents[1]
    if not (root / ".git").exists():
        return {}
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=9"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):  # Without git, for one.
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
        return {"commit": done.stdout.strip()}
    return {}


def described() -> str:
    """Versions and device in a line, to print before a training."""
    return ", ".join(f"{name} {value}" for name, value in versions().items())


def keep(folder: RunFolder) -> None:
    """Adds a line to the run's file: each process that trains a part of it leaves one."""
    date = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    folder.add_environment({"date": date, **versions()})
