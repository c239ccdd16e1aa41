"""Parts of a page that run by themselves, and what a component's browser reports, which may concern all of the page.

A browser sends what its components report at about the same time as one message. If one of them stands in a part, Streamlit runs that part
alone, also where another one asks for a page. So each component's listener is `heard`, and the part runs all of the page instead.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import partial, wraps
from typing import Any

import streamlit as st

WHOLE = "part:whole"
inside = ContextVar("inside", default=False)  # whether what is shown now belongs to a part


def part(show: Callable[..., None], every: float | None = None) -> Callable[..., None]:
    """Return `show` as a part of the page: it runs by itself when something in it was turned, and after as many seconds.

    part(show, every=1.0 if job.running else None)(job)
    """

    @wraps(show)  # by whose name Streamlit knows a part
    def look(*arguments: Any) -> None:
        if WHOLE in st.session_state:
            st.rerun()
        within = inside.set(True)
        try:
            show(*arguments)
        finally:
            inside.reset(within)

    return st.fragment(look, run_every=every)


def heard(listener: Callable[[], object]) -> Callable[[], None]:
    """Return the listener of a component that is shown here: what it hears concerns all of the page, unless this is a part."""
    within = inside.get()

    def hear() -> None:
        listener()
        if not within:
            st.session_state[WHOLE] = True

    return hear


def reported(key: str, name: str, listener: Callable[[Any], None] | None) -> Callable[[], None]:
    """Return what hears the component of that key report by a name; what comes from a browser has to be checked in `listener`."""
    return heard(partial(pass_on, key, name, listener))


def pass_on(key: str, name: str, listener: Callable[[Any], None] | None) -> None:
    """Pass what was reported to its listener.

    Where a run was interrupted before it came to the component, Streamlit calls this, but knows no such key: nothing is heard then.
    """
    state = st.session_state.get(key)
    said = state.get(name) if isinstance(state, Mapping) else None
    if listener is not None and said is not None:
        listener(said)


def begun() -> None:
    """Say that all of the page runs."""
    st.session_state.pop(WHOLE, None)
