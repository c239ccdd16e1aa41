"""Whose turn it is to compute: fewer heavy pieces of work at once than cores, and who has had least goes first."""

import threading
import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

import streamlit as st
from loky import cpu_count
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explorer.core.ground.halt import Halt, Stopped, heeding

SLICE = 0.5  # seconds of work after which one gives way to others who have had no more of it
LIGHT = 2_000_000  # numbers that a page may compute at once, which takes a few tenths of a second; more wait for a turn
TICK = 0.2  # seconds between two looks of one who waits whether it is still wanted
_arrivals = count()
_held = threading.local()


@dataclass(eq=False)
class Turn:
    """One who works by turns, for a visitor; `spent` are the seconds that it has worked."""

    visitor: Hashable
    spent: float = 0.0
    began: float = 0.0
    arrived: int = field(default_factory=lambda: next(_arrivals))

    @property
    def rank(self) -> tuple[int, int]:
        """Who has the smallest is next: fewest slices, then first come."""
        return int(self.spent / SLICE), self.arrived


class Turns:
    """A number of places at work, and those who wait for one; no visitor has two.

    >>> turns = Turns(places=1)
    >>> anna, ben = Turn("Anna"), Turn("Ben")
    >>> turns.enter(anna), turns.ahead(anna)
    (True, 0)
    >>> class Gone:
    ...     def is_set(self):
    ...         return True
    >>> turns.enter(ben, Gone())  # Ben has left before Anna was done
    False
    >>> turns.leave(anna)
    >>> turns.enter(ben)
    True
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._at_work: set[Turn] = set()
        self._waiting: set[Turn] = set()
        self._changed = threading.Condition()

    def enter(self, turn: Turn, halt: Halt | None = None) -> bool:
        """Wait for a place, and return True; or False once `halt` is set, without one."""
        with self._changed:
            self._waiting.add(turn)
            self._admit()
            while turn in self._waiting and not (halt is not None and halt.is_set()):
                self._changed.wait(TICK)
            self._waiting.discard(turn)
            turn.began = time.monotonic()
            return turn in self._at_work

    def leave(self, turn: Turn) -> None:
        """Give the place to the next one; nothing happens to one who has none."""
        with self._changed:
            if turn in self._at_work:
                self._at_work.remove(turn)
                turn.spent += time.monotonic() - turn.began
                self._admit()

    def give_way(self, turn: Turn, halt: Halt | None = None) -> bool:
        """Between two pieces of work: let those go first who have had less, and wait for a place again; False once `halt` is set."""
        with self._changed:
            had = turn.spent + time.monotonic() - turn.began
            others = {each.visitor for each in self._at_work} - {turn.visitor}
            slices = int(had / SLICE)
            if not any(each.visitor not in others and each.rank[0] < slices for each in self._waiting):
                return True
        self.leave(turn)
        turn.arrived = next(_arrivals)
        return self.enter(turn, halt)

    def ahead(self, turn: Turn) -> int:
        """How many other visitors have a place now, or will have one, before one who waits; 0 for one who works."""
        with self._changed:
            if turn not in self._waiting:
                return 0
            before = self._at_work | {each for each in self._waiting if each.rank < turn.rank}
            return len({each.visitor for each in before} - {turn.visitor})

    def _admit(self) -> None:
        """Give free places to those whose turn it is."""
        for turn in sorted(self._waiting, key=lambda each: each.rank):
            if len(self._at_work) >= self._places:
                break
            if turn.visitor not in {each.visitor for each in self._at_work}:
                self._waiting.remove(turn)
                self._at_work.add(turn)
        self._changed.notify_all()


TURNS = Turns(max(cpu_count() - 1, 1))
"""Of the whole app. One core is left to those who only look: heavy work in threads keeps the interpreter busy, however many there are."""


def visitor() -> Hashable:
    """Who asks: the session whose page is running, or else nobody whom another could be taken for."""
    context = get_script_run_ctx(suppress_warning=True)
    return object() if context is None else context.session_id


@dataclass(frozen=True)
class Gone:
    """A `Halt` that is set once a visitor has closed the window. One who comes back has a browser that asks again."""

    visitor: Hashable

    def is_set(self) -> bool:
        if not isinstance(self.visitor, str):
            return False
        try:  # asking first whether there is a server would answer for a moment ago: it may stop between two questions
            return not runtime.get_instance().is_active_session(self.visitor)
        except RuntimeError:
            return False


@contextmanager
def turn(numbers: float) -> Iterator[None]:
    """Compute that many numbers within a page's own run: at once if they are few, else when it is the visitor's turn.

    The page's run ends there, within a step of its runs, once its visitor has closed the window.
    """
    if numbers <= LIGHT or getattr(_held, "turn", None) is not None:
        yield
        return
    _held.turn = mine = Turn(visitor())
    gone = Gone(mine.visitor)
    try:
        if not TURNS.enter(mine, gone):
            raise Stopped
        with heeding(gone):
            yield
    except Stopped:
        st.stop()
        raise  # where no page runs
    finally:
        _held.turn = None
        TURNS.leave(mine)
