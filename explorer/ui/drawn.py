"""The small picture of a case, in the ink of the page's theme."""

import streamlit as st

from explorer.site.seen import Seen


def ink() -> str:
    """Return the color of words and lines on this page."""
    return "#FAFAFA" if st.context.theme.type == "dark" else "#31333F"


def drawn(seen: Seen, title: str, *, words: bool = True) -> str:
    """Return the small picture of a case, with or without words in it; its text begins with the title."""
    return seen.drawn(title, ink=ink(), words=words)
