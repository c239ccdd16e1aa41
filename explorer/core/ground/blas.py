"""How many threads the matrix products may use: one, while there are many small ones."""

import functools
import threading
from contextlib import ContextDecorator
from typing import Any

from threadpoolctl import ThreadpoolController


class OneBlasThread(ContextDecorator):
    """Holds BLAS to one thread, for the whole process, until the last of those who asked for it at the same time is done.

    Separate limits would each restore what they found, which may be another's one thread. Entering it again costs next to nothing, so a
    gradient of a few microseconds may.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders = 0
        self._limits: Any = None

    def __enter__(self) -> None:
        with self._lock:
            self._holders += 1
            if self._holders == 1:
                self._limits = _libraries().limit(limits=1, user_api="blas")

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._holders -= 1
            if self._holders == 0:
                self._limits.restore_original_limits()


@functools.cache
def _libraries() -> ThreadpoolController:
    """Those of this process; looking for them takes longer than many a sweep, so it is done once."""
    import scipy.linalg  # noqa: F401 - it has a BLAS of its own, which would not be seen if it were loaded later

    return ThreadpoolController()


@functools.cache
def turned_is_slow() -> bool:
    """Return whether this BLAS is slow to multiply by a small matrix that is transposed: OpenBLAS with its kernels for AVX-512."""
    return any(each.get("architecture") in AVX_512 for each in _libraries().info())


AVX_512 = {"SkylakeX", "Cooperlake", "SapphireRapids"}

one_blas_thread = OneBlasThread()
