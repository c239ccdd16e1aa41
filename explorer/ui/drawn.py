"""The small picture of a case, in the ink of the page's theme."""

from typing import Any

import streamlit as st

from explorer.figures.thumbnail import sparkline, tiles
from explorer.site.seen import Seen


def ink() -> str:
    """Return the color of words and lines on this page."""
    return "#FAFAFA" if st.context.theme.type == "dark" else "#31333F"


def drawn(seen: Seen, title: str, *, words: bool = True) -> str:
    """Return the small picture of a case, with or without words in it; its text begins with the title."""
    alt = f"{title}. {seen.sentence.replace('**', '')}"
    look: Any = {"ink": ink(), "words": words}
    return tiles(seen.cells, seen.coordinates, alt, **look) if seen.cells else sparkline(seen.curves, alt, **look)
