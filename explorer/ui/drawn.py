"""The small picture of a case, in the ink of the page's theme."""

import streamlit as st

from explorer.figures.thumbnail import sparkline, tiles
from explorer.ui.seen import Seen


def ink() -> str:
    """Return the color of words and lines on this page."""
    return "#FAFAFA" if st.context.theme.type == "dark" else "#31333F"


def drawn(seen: Seen, title: str) -> str:
    """Return the small picture of a case; its text begins with the title."""
    alt = f"{title}. {seen.sentence.replace('**', '')}"
    return tiles(seen.cells, seen.coordinates, alt, ink=ink()) if seen.cells else sparkline(seen.curves, alt, ink=ink())
