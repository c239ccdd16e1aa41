"""Work that takes longer than a blink: done in a thread of its own, shown as it comes, and stopped when nobody looks any more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Hashable
from typing import Generic, TypeVar

import streamlit as st

from explorer.ui import panel

Result = TypeVar("Result")

PATIENCE = 6.0
"""Seconds without a look after which the visitor has gone: a page that is open looks every `EVERY` seconds."""

EVERY = 0.6
"""Seconds between two looks of an open page."""


class Job(Generic[Result]):
    """A generator that runs in a thread; `latest` is what it yielded last.

    It ends by itself, when `stop` is called, or when nobody has called `look` for `PATIENCE` seconds: then it is `abandoned`. A ValueError
    it raises is kept in `error`, as a sentence; any other is raised at the next look.
    """

    def __init__(self, work: Callable[[], Generator[Result, None, None]]) -> None:
        self.latest: Result | None = None
        self.error = ""
        self.abandoned = False
        self._failure: BaseException | None = None
        self._seen = time.monotonic()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def _run(self, work: Callable[[], Generator[Result, None, None]]) -> None:
        results = work()
        try:
            for result in results:
                self.latest = result
                self.abandoned = time.monotonic() - self._seen > PATIENCE
                if self._stopped.is_set() or self.abandoned:
                    break
        except ValueError as error:
            self.error = str(error)
        except Exception as error:  # noqa: BLE001 - not lost with the thread: the page raises it
            self._failure = error
        finally:
            results.close()

    def look(self) -> Result | None:
        """What there is by now; also tells the job that somebody is still looking."""
        self._seen = time.monotonic()
        if self._failure is not None:
            raise self._failure
        return self.latest

    def wait(self, seconds: float) -> None:
        """Waits for the end, so many seconds at most: what is quick is shown whole at once."""
        self._thread.join(seconds)

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        """Asks the job to end after the step it is in."""
        self._stopped.set()


def job(key: str, identity: Hashable, work: Callable[[], Generator[Result, None, None]]) -> Job[Result]:
    """The session's job of that name: the one that is there if it is about the same and was not abandoned, else a new one."""
    kept = st.session_state.get(key)
    if kept is None or kept[0] != identity or kept[1].abandoned:
        if kept is not None:
            kept[1].stop()
        st.session_state[key] = kept = (identity, Job(work))
    found: Job[Result] = kept[1]
    return found


def watched(job: Job[Result], show: Callable[[Result], None], waiting: str) -> None:
    """Shows the job's results as they come, without running the rest of the page again; and once more when it is done."""

    @st.fragment(run_every=EVERY if job.running else None)
    def look() -> None:
        result = job.look()
        if job.error:
            st.error(job.error, icon=":material/error:")
        elif result is None:
            st.info(waiting)
        else:
            show(result)
        if not job.running and st.session_state.pop(f"{id(job)}:watched", False):
            panel.again()

    if job.running:
        st.session_state[f"{id(job)}:watched"] = True
    look()
