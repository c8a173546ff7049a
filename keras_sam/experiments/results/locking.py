"""Locks a file for this process, on systems of either kind."""

import sys

if sys.platform == "win32":
    import msvcrt

    def lock(file):
        """See below."""
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def lock(file):
        """Takes a file for this process, until the file is closed or the process ends.

        Args:
            file: An open file.

        Raises:
            OSError: With `EACCES` or `EAGAIN` if another process has it.
        """
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
