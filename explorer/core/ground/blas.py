"""How many threads the matrix products may use: one, while there are many small ones."""

import contextlib
import functools
import threading
from typing import Any


class OneBlasThread(contextlib.ContextDecorator):
    """Holds BLAS to one thread, for the whole process, until the last of those who asked for it at the same time is done.

    Separate limits would each restore what they found, which may be another's one thread. Entering it again costs next to nothing, so a
    gradient of a few microseconds may. Without threadpoolctl, of the extra `parallel`, it holds nothing: the numbers are the same.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders = 0
        self._limits: Any = None

    def __enter__(self) -> None:
        with self._lock:
            self._holders += 1
            if self._holders == 1:
                self._limits = _limit()

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._holders -= 1
            if self._holders == 0:
                self._limits.__exit__(None, None, None)


def _limit() -> contextlib.AbstractContextManager[Any]:
    libraries = _libraries()
    return contextlib.nullcontext() if libraries is None else libraries.limit(limits=1, user_api="blas")


@functools.cache
def _libraries() -> Any:
    """Those of this process; looking for them takes longer than many a sweep, so it is done once. None without threadpoolctl."""
    try:
        from threadpoolctl import ThreadpoolController
    except ModuleNotFoundError:
        return None
    import scipy.linalg  # noqa: F401 - it has a BLAS of its own, which would not be seen if it were loaded later

    return ThreadpoolController()


one_blas_thread = OneBlasThread()
