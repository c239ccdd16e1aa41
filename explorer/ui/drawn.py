"""The small picture of a case, in the ink of the page's theme."""

import streamlit as st

from explorer.site.casebook import Case


def ink() -> str:
    """Return the color of words and lines on this page."""
    return "#FAFAFA" if st.context.theme.type == "dark" else "#31333F"


def drawn(case: Case, *, words: bool = True) -> str:
    """Return the small picture of a case in the ink of the page's theme, with or without words in it."""
    return case.seen.drawn(case.title, ink=ink(), words=words)
