"""Maps in the background: a thread paints while the page shows how far it is, and stops when nobody looks any more."""

from __future__ import annotations

import threading
import time
import weakref
from dataclasses import dataclass, field

import streamlit as st

from explorer.core.maps.canvas import Canvas
from explorer.core.maps.map import Map
from explorer.core.maps.render import Unfinished, render

PATIENCE = 5.0
"""Seconds without a sign of life from the page after which the browser is taken to have left."""

MOST_KEPT = 24
"""So many maps are kept for all visitors together, so that going back, or a shared link, shows at once what is known."""


@dataclass(eq=False)
class _Work:
    """What the thread and the painter both hold. It is a `Halt`: set when stopped by hand, or when the page has been silent."""

    canvas: Canvas
    stopped: bool = False
    seen: float = field(default_factory=time.monotonic)
    spent: float = 0.0
    began: float | None = None
    share_at_begin: float = 0.0
    problem: str = ""

    def is_set(self) -> bool:
        return self.stopped or time.monotonic() - self.seen > PATIENCE


class Painter:
    """Paints one map for one session. `touch` says that somebody still looks; what is done stays done.

    Whoever drops it stops it too, as a session does that ends.
    """

    def __init__(self, plan: Map) -> None:
        self.plan = plan
        self._work = _Work(_canvas(plan))
        self._thread: threading.Thread | None = None
        self.by_hand = False
        weakref.finalize(self, setattr, self._work, "stopped", True)

    @property
    def canvas(self) -> Canvas:
        return self._work.canvas

    @property
    def running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    @property
    def finished(self) -> bool:
        return bool(self.canvas.done.all())

    @property
    def problem(self) -> str:
        """Why it could not go on, in a sentence; empty if nothing is wrong."""
        return self._work.problem

    @property
    def seconds(self) -> float:
        """How long it has been painting."""
        began = self._work.began
        return self._work.spent + (time.monotonic() - began if began is not None else 0.0)

    @property
    def seconds_left(self) -> float | None:
        """At the speed so far; None before anything is known."""
        work, share = self._work, self.canvas.share
        if work.began is None or share <= work.share_at_begin:
            return None
        return (time.monotonic() - work.began) * (1 - share) / (share - work.share_at_begin)

    def touch(self) -> None:
        """Somebody looks. A painter that had given up because nobody did goes on."""
        self._work.seen = time.monotonic()
        if not (self.running or self.finished or self.by_hand or self.problem):
            self.go_on()

    def go_on(self) -> None:
        """Begins, or begins again where it stopped."""
        self.by_hand, self._work.problem = False, ""
        if self.running or self.finished:
            return
        self._work.stopped, self._work.seen = False, time.monotonic()
        self._thread = threading.Thread(target=_paint, args=(self.plan, self._work), daemon=True, name="painter")
        self._thread.start()

    def stop(self) -> None:
        """Ends the work within a step; only `go_on` resumes it."""
        self.by_hand = self._work.stopped = True

    def wait(self, glance: float, patience: float) -> None:
        """Until it is finished; but after a `glance` only until there is something to see, and never beyond `patience`, all in seconds."""
        began = time.monotonic()
        while self.running and (waited := time.monotonic() - began) < patience:
            if waited > glance and self.canvas.done.any():
                break
            time.sleep(0.01)


def _paint(plan: Map, work: _Work) -> None:
    """The thread: it knows the painter's work and not the painter, so that a painter nobody holds is dropped."""
    work.began, work.share_at_begin = time.monotonic(), work.canvas.share
    try:
        for _ in render(plan, work.canvas, stop=work):
            pass
    except (ValueError, MemoryError, Unfinished, RuntimeError) as error:
        work.problem = str(error)
    finally:
        work.spent += time.monotonic() - work.began
        work.began = None


@st.cache_resource(show_spinner=False, max_entries=MOST_KEPT)
def _canvas(plan: Map) -> Canvas:
    """What is known of a map, whoever asked for it."""
    return Canvas.blank(plan)
