"""A row of numbers that are large enough for the last row of a lecture hall."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st


class Metric(NamedTuple):
    """A number as text, what it is, what it is to be held against, and an explanation."""

    label: str
    value: str
    beside: str | None = None
    help: str | None = None


def metrics(*row: Metric) -> None:
    """The numbers side by side, each as wide as it is: on a narrow screen some go below the others, and none over its neighbor."""
    with st.container(horizontal=True, gap="medium"):
        for label, value, beside, explained in row:
            st.metric(label, value, beside, delta_color="off", delta_arrow="off", help=explained, width="content")
