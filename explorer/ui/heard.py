"""What a component's browser reports."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st


def pass_on(key: str, name: str, listener: Callable[[Any], None] | None) -> None:
    """Pass what the component of that key reports by a name to its listener; what comes from a browser has to be checked there.

    Where a run was interrupted before it came to the component, Streamlit calls this, but knows no such key: nothing is heard then.
    """
    state = st.session_state.get(key)
    reported = state.get(name) if isinstance(state, Mapping) else None
    if listener is not None and reported is not None:
        listener(reported)
