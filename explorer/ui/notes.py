"""What could not be used of a link or of what was typed, said at the head of the page until something is turned."""

from contextlib import nullcontext
from typing import NoReturn

import streamlit as st

from explorer.ui.words import literally

NOTES, SAID = "setup:notes", "setup:said"
"""Where in the session it is kept what is to be said next, and what is said."""

REST, UNUSED = "The rest of the link is used.", "Not all of this link could be used"


def say(sentences: list[str]) -> None:
    """Keeps what `show` should say next."""
    st.session_state[NOTES] = sentences


def also_say(sentence: str) -> None:
    """Keeps one more sentence for `show`."""
    say([*st.session_state.get(NOTES, []), sentence])


def show() -> None:
    """Says what was wrong with the link that opened the page, until something is turned; in a frame as one line that unfolds."""
    st.session_state[SAID] = st.session_state.pop(NOTES, [])
    if st.session_state[SAID]:
        with st.container(key="notes"), st.expander(UNUSED) if st.context.is_embedded else nullcontext():
            for note in st.session_state[SAID]:
                st.warning(literally(note), icon=":material/link_off:")


def again() -> NoReturn:
    """Rerun the page because work is done, not because of the visitor: notes are shown again."""
    st.session_state[NOTES] = st.session_state.get(SAID, [])
    st.rerun()
