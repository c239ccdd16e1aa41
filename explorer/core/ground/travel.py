"""Calls that travel to another process: what a script defines goes along by value, to any executor, as loky and Dask do it for theirs."""

import pickle
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

from explorer.core.ground.extras import needs


def sent(pool: Executor, function: Callable[..., Any], *given: Any) -> Future[Any]:
    """Submit a call to a pool; classes, functions and lambdas of a script, which a fresh process cannot import, travel by value.

    Raises ValueError for what cannot travel, such as an open file.

    >>> with ThreadPoolExecutor(1) as pool:
    ...     sent(pool, lambda x: 2 * x, 3).result()
    6
    """
    return pool.submit(function, *given) if isinstance(pool, ThreadPoolExecutor) else pool.submit(unpacked, packed((function, given)))


def packed(value: Any) -> bytes:
    """Return anything as bytes, what a script defines by value. Raises ValueError for what cannot be packed.

    >>> import threading
    >>> packed(threading.Lock())
    Traceback (most recent call last):
    ValueError: what travels to another process must be numbers, functions and classes, got: cannot pickle '_thread.lock' object
    """
    with needs("parallel", "work in another process"):
        import cloudpickle  # here: a sweep on threads does without

    try:
        return bytes(cloudpickle.dumps(value))
    except (TypeError, RuntimeError, pickle.PicklingError) as error:  # the second of PyTorch, for what is parametrized
        raise ValueError(f"what travels to another process must be numbers, functions and classes, got: {error}") from error


def unpacked(load: bytes) -> Any:
    """Make the call that was `sent`. An error that could not travel back comes as a RuntimeError with its name and words.

    >>> unpacked(packed((pow, (2, 10))))
    1024
    """
    function, given = pickle.loads(load)
    try:
        return function(*given)
    except Exception as error:
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:  # noqa: BLE001 - whatever is wrong with it, its words must come back
            raise RuntimeError(f"{type(error).__name__}: {error}") from None
        raise
