"""How many threads the matrix products may use: one, while there are many small ones."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Iterator
from typing import Any

from threadpoolctl import ThreadpoolController


class _Blas:
    """How many callers hold BLAS to one thread now, and how it was before the first of them."""

    lock = threading.Lock()
    holders = 0
    limits: Any = None

    @staticmethod
    @functools.cache
    def libraries() -> ThreadpoolController:
        """Those of this process; looking for them takes longer than many a sweep, so it is done once."""
        return ThreadpoolController()


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Holds BLAS to one thread, for the whole process, until the last of those who asked for it at the same time is done.

    Each one by itself would put back what it found, which may be the one thread of another.
    """
    with _Blas.lock:
        _Blas.holders += 1
        if _Blas.holders == 1:
            _Blas.limits = _Blas.libraries().limit(limits=1, user_api="blas")
    try:
        yield
    finally:
        with _Blas.lock:
            _Blas.holders -= 1
            if _Blas.holders == 0 and _Blas.limits is not None:
                _Blas.limits.restore_original_limits()
