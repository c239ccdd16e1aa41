"""A file that only one process may write at a time."""

import sys
from typing import BinaryIO

if sys.platform == "win32":
    import msvcrt

BEYOND = 2**62
"""A place that no file reaches: Windows lets nobody else read what is locked."""


def claimed(file: BinaryIO) -> bool:
    """Whether no other process has claimed this file; from now on this one has, where the file system knows of locks.

    That ends when the file is closed, and all that was made of its descriptor, such as a memory map; or with the process, however it ends.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as first, open(first.name, "r+b") as second:
    ...     claimed(first), claimed(second)
    (True, False)
    """
    try:
        if sys.platform == "win32":
            file.seek(BEYOND)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # here: a browser's Python may be without it

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except (OSError, ModuleNotFoundError):
        pass  # it knows of none, or there is no other process
    return True
