"""What says that work should stop, and what says that it has."""

from typing import Protocol, runtime_checkable


@runtime_checkable
class Halt(Protocol):
    """What says that work should stop: an event, or several of them."""

    def is_set(self) -> bool:
        """Return whether to stop."""


class Stopped(Exception):
    """Work was asked to stop before it was done."""
