"""Other processes of this machine, for work of many small array operations: its threads would wait for the interpreter."""

import os
import threading
import time
from concurrent.futures import Executor

from explorer.core.ground.extras import needs

IDLE = 60
"""Seconds after which an idle process ends and frees its memory."""

POLITE = 10
"""How much they give way to other programs: to those who only look at a page, say."""


def processes() -> Executor:
    """Return the pool of one process a core, started when first needed and shared by all who ask: their jobs take turns.

    Nobody may shut it down; cancel what you submitted instead. The first jobs wait a second or two, until the processes have imported
    numpy. What travels there must be known by name to a fresh interpreter, or be pickled by value as functions of a script are. They end
    within two seconds of this process, however it ended.

    >>> processes().submit(pow, 2, 10).result()
    1024
    """
    with needs("parallel", "a process for each core"):
        from loky import get_reusable_executor  # here: the extra is not everybody's
    pool: Executor = get_reusable_executor(timeout=IDLE, initializer=_serve, initargs=(os.getpid(),))
    return pool


def _serve(parent: int) -> None:
    """Begin as a process of the pool: politely, and for as long as the one that started it lives."""
    if hasattr(os, "nice"):
        os.nice(POLITE)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="end with the parent").start()
