"""A checksum at the end of a file of weights, which HDF5 reads over: a changed bit is noticed."""

import hashlib
from pathlib import Path

MARK = b"sha256 of all before: "
SIZE = len(MARK) + hashlib.sha256().digest_size


def seal(path: Path) -> None:
    """Adds the checksum of a file to its end.

    Args:
        path: Path.
    """
    digest = _digest(path, path.stat().st_size)
    with open(path, "ab") as file:
        file.write(MARK + digest)


def check_seal(path: Path) -> None:
    """Refuses a sealed file that has changed; one without a seal is of an older version.

    Args:
        path: Path.

    Raises:
        ValueError: If the file is not as it was when it was sealed.
    """
    if not path.is_file():  # To read a pipe would take for ever.
        raise ValueError("no file")
    whole = max(0, path.stat().st_size - SIZE)
    with open(path, "rb") as file:
        file.seek(whole)
        found = file.read()
    if found.startswith(MARK) and found != MARK + _digest(path, whole):
        raise ValueError("another checksum than its own")


def _digest(path: Path, size: int) -> bytes:
    """SHA-256 of the first `size` bytes of a file."""
    checksum = hashlib.sha256()
    with open(path, "rb") as file:
        while size and (block := file.read(min(size, 2**20))):
            checksum.update(block)
            size -= len(block)
    return checksum.digest()
