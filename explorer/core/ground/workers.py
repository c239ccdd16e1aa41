"""Threads, and other processes for work of many small array operations: this machine's, or a cluster's. In a browser there are none."""

import contextlib
import functools
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, InvalidStateError, ThreadPoolExecutor
from typing import Any
from weakref import WeakSet

from explorer.core.ground.extras import needs

LOG = logging.getLogger("explorer")

ANSWER = 5.0
"""Seconds within which a scheduler must answer."""

AGAIN = 30.0
"""Seconds until one that did not answer is asked again: meanwhile nobody waits for it."""

LOOK = 0.5
"""Seconds between two looks at whether the scheduler is still there."""

LOST = "the connection to the scheduler is lost"

IDLE = 60
"""Seconds after which an idle process ends and frees its memory."""

POLITE = 10
"""How much they give way to other programs: to those who only look at a page, say."""


@functools.cache
def threads_start() -> bool:
    """Return whether a thread can be started here: under Pyodide, in a browser, none can.

    >>> threads_start()
    True
    """
    try:
        threading.Thread(target=int).start()
    except RuntimeError:
        return False
    return True


class AtOnce(ThreadPoolExecutor):
    """Does every job when it is submitted, in the thread that submits it.

    >>> with AtOnce(4) as pool:
    ...     pool.submit(pow, 2, 10).done()
    True
    """

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - it is the job's, and raised where its result is asked for
            future.set_exception(error)
        return future


def threads(count: int) -> ThreadPoolExecutor:
    """Return a pool of threads; where none can be started, one that does its jobs at once."""
    return ThreadPoolExecutor(count) if threads_start() else AtOnce(count)


def processes() -> Executor:
    """Return the pool of one process a core, started when first needed and shared by all who ask: their jobs take turns.

    Where the environment names a cluster that answers (see `Cluster`), its workers are the pool. Nobody may shut it down; cancel what you
    submitted instead, and ask again when it breaks. The first jobs wait a second or two, until the processes have imported numpy. What
    travels there must be known by name to a fresh interpreter, or be pickled by value as functions of a script are. The processes of this
    machine end within two seconds of this one, however it ended. Raises RuntimeError in a browser, where there are no other processes.

    >>> processes().submit(pow, 2, 10).result()
    1024
    """
    if not threads_start():
        raise RuntimeError("processes must be started for this, which a browser does not allow; without an executor it is done in this one")
    cluster = CLUSTER.pool()
    if cluster is not None:
        return cluster
    with needs("parallel", "a process for each core"):
        from loky import get_reusable_executor  # here: the extra is not everybody's
    pool: Executor = get_reusable_executor(timeout=IDLE, initializer=_serve, initargs=(os.getpid(),))
    return pool


class Workers(Executor):
    """The workers of a Dask cluster; a broken pool, while there is no connection to its scheduler.

    A worker that dies costs nothing: the scheduler gives its jobs to others. Raises OSError if there is no answer within `ANSWER` seconds,
    and ValueError for what is no address.
    """

    def __init__(self, address: str) -> None:
        from distributed import Client  # the extra `cluster`
        from distributed.comm.addressing import get_address_host_port

        socket.create_connection(get_address_host_port(address), ANSWER).close()  # fails at once, where Dask would go on trying
        self._client = Client(address, timeout=ANSWER, set_as_default=False)
        self._executor = self._client.get_executor(pure=False)  # else two equal maps would share jobs, and either could cancel them
        self._max_workers = 0  # as executors of threads and processes call it
        self._unanswered = WeakSet[Future[Any]]()
        self._client.loop.add_callback(self._look)

    @property
    def connected(self) -> bool:
        return bool(self._client.status == "running")

    def count(self) -> int:
        """Return how many there are now."""
        self._max_workers = sum(self._client.nthreads(callback_timeout=ANSWER).values())
        return self._max_workers

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if not self.connected:  # it would keep the job until there is a connection again, if ever
            raise BrokenExecutor(LOST)
        future: Future[Any] = self._executor.submit(fn, *args, **kwargs)
        self._unanswered.add(future)
        return future

    def _look(self) -> None:
        """End the jobs that were handed over in the moment in which the connection was lost: Dask never says that these are lost."""
        if not self.connected:
            for future in [*self._unanswered]:
                with contextlib.suppress(InvalidStateError):  # it is done, or cancelled at this moment
                    future.set_exception(BrokenExecutor(LOST))
        if self._client.status != "closed":
            self._client.loop.call_later(LOOK, self._look)


class Cluster:
    """A Dask cluster that may come and go, at the address of its scheduler, such as `tcp://scheduler:8786`; none if that is empty.

    >>> Cluster("").pool() is None
    True
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._workers: Workers | None = None
        self._absent = False
        self._again = 0.0
        self._lock = threading.Lock()

    def pool(self) -> Workers | None:
        """Return its workers, connected anew where the connection was lost; None while there are none, which the log says once."""
        with self._lock:
            if not self._address or time.monotonic() < self._again:
                return None
            try:
                if self._workers is None or not self._workers.connected:
                    self._workers = Workers(self._address)
                if not self._workers.count():
                    raise OSError("it has no workers")
            except (ImportError, OSError, ValueError) as error:
                self._again = time.monotonic() + AGAIN
                if not self._absent:
                    reason = f"There is no cluster at {self._address} ({error})"
                    LOG.warning("%s: until there is, long maps are computed by processes of this machine.", reason)
                self._absent = True
                return None
            self._absent = False
            return self._workers


CLUSTER = Cluster(os.environ.get("EXPLORER_SCHEDULER", ""))
"""The one that the environment names."""


def _serve(parent: int) -> None:
    """Begin as a process of the pool: politely, and for as long as the one that started it lives."""
    if hasattr(os, "nice"):
        os.nice(POLITE)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="end with the parent").start()
