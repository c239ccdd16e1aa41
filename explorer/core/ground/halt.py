"""What says that work should stop, and what says that it has."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@runtime_checkable
class Halt(Protocol):
    """What says that work should stop: an event, or several of them."""

    def is_set(self) -> bool:
        """Return whether to stop."""


@dataclass(frozen=True)
class AnyOf:
    """Set when one of its events is."""

    events: tuple[Halt, ...]

    def is_set(self) -> bool:
        return any(event.is_set() for event in self.events)


class Stopped(Exception):
    """Work was asked to stop before it was done.

    See also: `sweep`, `render`, `safe_rate`.

    >>> import threading
    >>> from explorer import sweep
    >>> stop = threading.Event()
    >>> stop.set()
    >>> sweep("booth", "adam", 0.1, steps=10**6, stop=stop)
    Traceback (most recent call last):
    explorer.core.ground.halt.Stopped: asked to stop before the work was done
    """

    def __str__(self) -> str:
        return "asked to stop before the work was done"


_heeded: ContextVar[Halt | None] = ContextVar("heeded", default=None)


@contextmanager
def heeding(halt: Halt | None) -> Iterator[None]:
    """Let the loop over steps raise Stopped once `halt` is set, or what is heeded already; other threads do not hear of it.

    >>> import threading
    >>> stop = threading.Event()
    >>> with heeding(stop):
    ...     heed()
    ...     stop.set()
    ...     heed()
    Traceback (most recent call last):
    ...
    explorer.core.ground.halt.Stopped: asked to stop before the work was done
    """
    before = _heeded.get()
    if before is not None:
        halt = before if halt is None else AnyOf((before, halt))
    token = _heeded.set(halt)
    try:
        yield
    finally:
        _heeded.reset(token)


def heed() -> None:
    """Raise Stopped if what is heeded here is set."""
    halt = _heeded.get()
    if halt is not None and halt.is_set():
        raise Stopped
