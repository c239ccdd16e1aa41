"""The background job: work in its own thread, by turns with others', shown as it progresses, stopped when its visitor has left."""

import math
import threading
import time
import weakref
from collections.abc import Callable, Generator, Hashable, Iterable
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import streamlit as st

from explorer.core.ground.halt import Halt, Stopped, heeding
from explorer.core.maps.render import Unfinished
from explorer.ui import notes
from explorer.ui.part import part
from explorer.ui.turns import TURNS, Gone, Turn, visitor
from explorer.ui.words import literally

Result = TypeVar("Result")
Work = Callable[[Halt], Generator[Result, None, None]]
PATIENCE = 4.0  # seconds without a look after which the visitor is elsewhere: an open page looks every `EVERY` seconds
GRACE = 1.0  # seconds for which abandoned work may go on to its next result, from which it could be resumed; then it is broken off
EVERY = 0.6  # seconds between two looks of an open page; times as many as wait before it, up to `SELDOM`, for looks are work too
SELDOM = 3.0


@dataclass(eq=False)
class _State(Generic[Result]):
    """What a job and its thread both hold. It is a `Halt`: set when stopped, or when abandoned."""

    latest: Result | None = None
    first: tuple[float, Result] | None = None
    error: str = ""
    failure: BaseException | None = None
    results: Generator[Result, None, None] | None = None
    finished: bool = False
    stopped: bool = False
    dropped: bool = False
    idle: threading.Lock = field(default_factory=threading.Lock)
    context: Context = field(default_factory=Context)  # of all its threads: numpy's error state must be left where it was entered
    seen: float = field(default_factory=time.monotonic)
    turn: Turn = field(default_factory=lambda: Turn(visitor()))

    @property
    def abandoned(self) -> bool:
        """Whether the visitor has closed the window, or has not looked for `PATIENCE` seconds."""
        return time.monotonic() - self.seen > PATIENCE or Gone(self.turn.visitor).is_set()

    def is_set(self) -> bool:
        return self.stopped or self.abandoned

    def drop(self) -> None:
        """Stop for good: what was interrupted gives back what it holds, now or when its thread has heard of it."""
        self.dropped = self.stopped = True
        if self.idle.acquire(blocking=False):
            threading.Thread(target=self.context.run, args=(self.give_up,), daemon=True).start()  # nobody need wait

    def give_up(self) -> None:
        """Close the work."""
        results, self.results = self.results, None
        if results is not None:
            results.close()


@dataclass(eq=False)
class _Firm:
    """A `Halt` that is set once a job has been abandoned for `GRACE` seconds."""

    state: _State[Any]
    since: float = math.inf

    def is_set(self) -> bool:
        self.since = min(self.since, time.monotonic()) if self.state.abandoned else math.inf
        return time.monotonic() - self.since > GRACE


class Job(Generic[Result]):
    """A generator that runs in a thread, when it is its turn; `latest` is what it yielded last.

    It ends by itself, when `stop` is called, when its visitor has closed the window or not called `look` for `PATIENCE` seconds, and when
    it is dropped, as a session that ends does. A look at one that was left alone resumes it; what was stopped by hand waits for `go_on`.
    Either way it continues after its last result: the work is left suspended, or begun again if it `keeps` by itself what it has done, or
    if its next result was more than `GRACE` seconds away when it was left alone. What it refuses
    (ValueError) and what kept it from finishing is a sentence in `error`; any other exception is raised at the next look. What comes of
    it, or came of the same work before, is in `done`.
    """

    def __init__(self, work: Work[Result], *, keeps: bool = False, done: list[Result] | None = None) -> None:
        self._work, self._keeps, self._done = work, keeps, [] if done is None else done
        self._state: _State[Result] = _State()
        self.by_hand = False
        self._thread = threading.Thread()
        weakref.finalize(self, self._state.drop)
        if self._done:
            self._state.latest, self._state.finished = self._done[0], True
        else:
            self.go_on()

    def go_on(self) -> None:
        """Begin, or go on after the last result."""
        state = self._state
        self.by_hand = state.stopped = False
        state.error, state.first, state.seen = "", None, time.monotonic()
        if not self.running:  # else it has not heard yet that it should stop, or goes on at the next look
            work = _run, self._work, self._keeps, state, self._done
            self._thread = threading.Thread(target=state.context.run, args=work, daemon=True, name="job")
            self._thread.start()

    def look(self) -> Result | None:
        """Return the latest result, and record that the visitor is still there."""
        state = self._state
        state.seen = time.monotonic()
        if state.failure is not None:
            raise state.failure
        if not (self.running or state.finished or self.by_hand or state.error):
            self.go_on()
        return state.latest

    def wait(self, patience: float, glance: float | None = None) -> None:
        """Wait for the end, at most `patience` seconds; after a `glance`, only until there is something to see, or others come first.

        A visitor who waits for that has not left.
        """
        if self.running:  # it may never have had to begin
            self._thread.join(patience if glance is None else glance)
        end = time.monotonic() + patience - (glance or patience)
        while self.running and self.latest is None and not self.ahead and time.monotonic() < end:
            self._state.seen = time.monotonic()
            time.sleep(0.01)

    @property
    def latest(self) -> Result | None:
        return self._state.latest

    @property
    def first(self) -> tuple[float, Result] | None:
        """First result since it began (again), and the seconds since then."""
        first = self._state.first
        return None if first is None else (time.monotonic() - first[0], first[1])

    @property
    def error(self) -> str:
        return self._state.error

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    @property
    def left_off(self) -> bool:
        """Whether it was stopped by hand before it was done; it may still be on its way out of a step."""
        return self.by_hand and not self._state.finished

    @property
    def seconds(self) -> float:
        """How long it has been at work, in all, when it last had a turn."""
        return self._state.turn.spent

    @property
    def ahead(self) -> int:
        """How many other visitors come first, if it waits for its turn."""
        return TURNS.ahead(self._state.turn)

    @property
    def waits(self) -> str:
        """The same as a sentence; nothing if it is at work, or over."""
        ahead = self.ahead
        first = "one other visitor comes" if ahead == 1 else f"{ahead} other visitors come"
        return f"Waiting for a turn: {first} first. Heavy work takes turns, and who has had least of it is next." if ahead else ""

    def stop(self) -> None:
        """Interrupt the work within a step; only `go_on` resumes it."""
        self.by_hand = self._state.stopped = True


def _run(work: Work[Result], keeps: bool, state: _State[Result], done: list[Result]) -> None:
    """Run in the thread, which holds the job's state and not the job, so that an unused job is dropped."""
    state.idle.acquire()
    try:
        if not TURNS.enter(state.turn, state):
            return
        state.results = state.results or work(state)
        with heeding(_Firm(state)):
            for result in state.results:
                state.latest = result
                state.first = state.first or (time.monotonic(), result)
                if state.is_set() or not TURNS.give_way(state.turn, state):
                    return  # what is interrupted here goes on here
        state.results, state.finished = None, not state.is_set()
        if state.finished and state.latest is not None:
            done[:] = [state.latest]
    except Stopped:
        state.results = None
    except (ValueError, MemoryError, Unfinished, RuntimeError) as error:
        state.results, state.error = None, str(error)
    except Exception as error:  # noqa: BLE001 - not lost with the thread: the page raises it
        state.results, state.failure = None, error
    finally:
        TURNS.leave(state.turn)
        if state.dropped or keeps:
            state.give_up()
        if not state.dropped:
            state.idle.release()


@st.cache_resource(max_entries=16, show_spinner=False)
def _done(key: str, identity: Hashable) -> list[Any]:
    """Return where the result of such work is kept for all visitors, once it is done: most begin with what others began with."""
    return []


def job(key: str, identity: Hashable, work: Work[Result], *, keeps: bool = False) -> Job[Result]:
    """Return the session's job of that name, at work: the one that is there if it is about the same, else a new one.

    It is done at once if another visitor's was about the same, unless the work `keeps` by itself what it has done.
    """
    kept = st.session_state.get(key)
    if kept is None or kept[0] != identity:
        if kept is not None:
            kept[1].stop()
        st.session_state[key] = kept = (identity, Job(work, keeps=keeps, done=None if keeps else _done(key, identity)))
    found: Job[Result] = kept[1]
    found.look()
    return found


def stop(*keys: str) -> None:
    """Interrupt the session's jobs of these names, as far as there are any."""
    for key in keys:
        if key in st.session_state:
            st.session_state[key][1].stop()


def go_on(*keys: str) -> None:
    """Let the session's jobs of these names go on that were stopped."""
    for each in _left_off(keys):
        each.go_on()


def _left_off(keys: Iterable[str]) -> list[Job[Any]]:
    """Return the session's jobs of these names that were stopped before they were done."""
    return [each for key in keys if key in st.session_state and (each := st.session_state[key][1]).left_off]


def stopped(*keys: str) -> None:
    """Say once, where any of the session's jobs of these names was stopped, that it was, with a button on which all of them go on.

    Above a picture that stays while one scrolls: what is under it is out of reach then.
    """
    if left := _left_off(keys):
        with st.container(horizontal=True, vertical_alignment="center"):
            found = any(each.latest is not None for each in left)
            st.markdown("**Stopped**; what was found stays." if found else "**Stopped** before anything was found.")
            st.button("Go on", on_click=go_on, args=keys, key=f"go_on:{keys[0]}", icon=":material/play_arrow:")


def watched(job: Job[Result], show: Callable[[Result], None], waiting: str, *, aside: bool = False) -> None:
    """Show the job's results as they come, without running the rest of the page again; and once more when it is done.

    Until there is a result it says what is `waiting`, or its place in the queue; nothing, if that is empty. What comes `aside` of a page's
    own result is missed without alarm where it is refused.
    """
    began = job.running

    def look() -> None:
        result = job.look()
        if job.error:
            (st.info if aside else st.error)(literally(job.error), icon=":material/info:" if aside else ":material/error:")
        elif result is not None:
            show(result)
        elif waiting and not job.left_off:
            waits = job.waits
            st.info(waits or waiting)
            if waits:
                st.button("Stop", on_click=job.stop, key=f"stop:{waiting}", icon=":material/stop:")
        if job.running and not began:  # resumed: the page looks at it from time to time again
            notes.again()
        if not job.running and st.session_state.pop(f"{id(job)}:watched", False):
            notes.again()

    if began:
        st.session_state[f"{id(job)}:watched"] = True
    part(look, min(EVERY * (1 + job.ahead), SELDOM) if began else None)()


def beside(job: Job[Result], show: Callable[[Result], None]) -> None:
    """Show more of the latest result of a job in another place than the one where it is `watched`, as it comes."""

    def look() -> None:
        if job.latest is not None and not job.error:
            show(job.latest)

    part(look, EVERY if job.running else None)()
