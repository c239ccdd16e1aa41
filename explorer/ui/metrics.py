"""A row of numbers, large enough to read from the last row of a lecture hall."""

from typing import NamedTuple

import streamlit as st


class Metric(NamedTuple):
    """A number as text, its name, what to compare it with, and an explanation."""

    label: str
    value: str
    beside: str | None = None
    help: str | None = None


def metrics(*row: Metric) -> None:
    """Show the numbers side by side, each as wide as its text: on a narrow screen they wrap and never overlap."""
    with st.container(horizontal=True, gap="medium"):
        for label, value, beside, explained in row:
            st.metric(label, value, beside, delta_color="off", delta_arrow="off", help=explained, width="content")
