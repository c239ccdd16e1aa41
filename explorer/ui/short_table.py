"""A short table, shown whole, as high as its rows, with long lines wrapped instead of cut; and any table as a file."""

from functools import partial

import pandas as pd
import streamlit as st


def short_table(rows: pd.DataFrame, about: str) -> None:
    """Show the table; `about` describes it to screen readers. Numbers stay in one line."""
    st.table(rows.map(_unbroken), hide_index=True, border="horizontal", alt=about)


def offer(label: str, frame: pd.DataFrame, name: str) -> None:
    """Offer a table as a file of that name, with nan written out."""
    # It is written when it is clicked: one that was written before is gone by then, if the page has run meanwhile.
    written = partial(frame.to_csv, index=False, na_rep="nan")
    st.download_button(label, written, name, "text/csv", icon=":material/download:", on_click="ignore")


def _unbroken(cell: object) -> str:
    return str(cell).replace(" × ", "\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}").replace(" %", "\N{NO-BREAK SPACE}%")
