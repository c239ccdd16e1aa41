"""A table of a few rows, all of which is to be read: it is as high as its rows, and what is long breaks its lines instead of being cut."""

from __future__ import annotations

import pandas as pd
import streamlit as st


def short_table(rows: pd.DataFrame, about: str) -> None:
    """Shows the table; `about` says what it holds to those who cannot see it. Numbers stay in one line."""
    st.table(rows.map(_unbroken), hide_index=True, border="horizontal", alt=about)


def _unbroken(cell: object) -> str:
    return str(cell).replace(" × ", "\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}").replace(" %", "\N{NO-BREAK SPACE}%")
