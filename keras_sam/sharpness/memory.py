"""How much memory is free, for what may be kept but need not."""

import contextlib
import math
import re
from collections.abc import Iterator
from pathlib import Path

from keras_sam import backend

ROOT = Path("/")
# Where the two versions of Linux's control groups have a group's limit and what it uses.
GROUPS = {
    "": ("sys/fs/cgroup", "memory.max", "memory.current"),
    "memory": ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
}


class Room:
    """A share of the memory that is free at first.

    What is free is read anew each time, as other processes take memory as well: the rest is for
    all of them.

    Args:
        share: Number of at least 0 and below 1; `None` for no limit.
    """

    def __init__(self, share: float | None):
        free = free_memory()
        self._most = math.inf if share is None else share * free
        self._rest = free - self._most

    def left(self) -> float:
        """Bytes, not above 0 where nothing may be taken any more."""
        # What others have given back since is not this share's.
        return min(self._most, free_memory() - self._rest)


def free_memory() -> int:
    """Bytes that are free where tensors are; 0 where nobody says, as on macOS and Windows."""
    on_device = backend.free_memory()
    return _of_machine() if on_device is None else on_device


def _of_machine() -> int:
    try:
        said = (ROOT / "proc/meminfo").read_text()
        groups = (ROOT / "proc/self/cgroup").read_text()
    except OSError:
        return 0
    available = re.search(r"MemAvailable:\s+(\d+) kB", said)
    return min([int(available[1]) * 1024, *_left_by(groups)]) if available else 0


def _left_by(groups: str) -> Iterator[int]:
    """What the control groups around this process leave, such as a container's or a job's."""
    for line in groups.splitlines():
        _, controllers, name = line.split(":", 2)
        for controller in GROUPS.keys() & set(controllers.split(",")):
            root, limit, used = GROUPS[controller]
            folder = ROOT / root / name.lstrip("/")
            for group in (folder, *folder.parents):  # In a container its own may be the root.
                with contextlib.suppress(OSError, ValueError):  # Not there, or "max".
                    yield max(0, _number(group / limit) - _number(group / used))


def _number(path: Path) -> int:
    return int(path.read_text())
