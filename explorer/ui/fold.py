"""A folded expander costs nothing: its contents are made and sent only while it is open.

What colors a program takes Streamlit a third of a second to start, before the picture is drawn if there is a program on the page.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st


@contextmanager
def fold(label: str, *, used: bool = False) -> Iterator[bool]:
    """Yield an expander, and whether it is open to be filled; it opens by itself when what it holds comes into use.

    with fold("The numbers") as unfolded:
        if unfolded:
            st.dataframe(numbers)
    """
    key, other = (f"fold:{label}:{each}" for each in (used, not used))
    expanded = used or bool(st.session_state.get(other))  # stays open when the last setting is switched off
    with st.expander(label, key=key, expanded=expanded, on_change="rerun") as container:
        yield bool(container.open)
