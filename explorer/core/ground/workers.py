"""Other processes of this machine, for work of many small array operations: its threads would wait for the interpreter."""

from concurrent.futures import Executor

from loky import get_reusable_executor

IDLE = 60  # seconds after which an idle process ends and frees its memory


def processes() -> Executor:
    """Return the pool of one process a core, started when first needed and shared by all who ask: their jobs take turns.

    Nobody may shut it down; cancel what you submitted instead. The first jobs wait a second or two, until the processes have imported
    numpy. What travels there must be known by name to a fresh interpreter, or be pickled by value as functions of a script are.

    >>> processes().submit(pow, 2, 10).result()
    1024
    """
    pool: Executor = get_reusable_executor(timeout=IDLE)
    return pool
