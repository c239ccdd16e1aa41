"""What pages are made of beside pictures and controls: a fold, a row of numbers, a short table, what one takes away, a case in small."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import pandas as pd
import streamlit as st

from explorer.core.run.program import notebook, program
from explorer.core.run.setup import Setup
from explorer.core.verdict.sentence import marked
from explorer.core.verdict.verdict import judge
from explorer.site.casebook import Case


@contextmanager
def fold(label: str, *, used: bool = False) -> Iterator[bool]:
    """Yield an expander, and whether it is open to be filled; it opens by itself when what it holds comes into use.

    Folded it costs nothing: its contents are made and sent only while it is open. What colors a program takes Streamlit a third of a second
    to start, before the picture is drawn if there is a program on the page.

    with fold("The numbers") as unfolded:
        if unfolded:
            st.dataframe(numbers)
    """
    key, other = (f"fold:{label}:{each}" for each in (used, not used))
    expanded = used or bool(st.session_state.get(other))  # stays open when the last setting is switched off
    with st.expander(label, key=key, expanded=expanded, on_change="rerun") as container:
        yield bool(container.open)


class Metric(NamedTuple):
    """A number as text, its name, what to compare it with, and an explanation."""

    label: str
    value: str
    beside: str | None = None
    help: str | None = None


def metrics(*row: Metric) -> None:
    """Show numbers side by side, large enough for the last row of a hall, each as wide as its text: on a narrow screen they wrap."""
    with st.container(horizontal=True, gap="medium"):
        for label, value, beside, explained in row:
            st.metric(label, value, beside, delta_color="off", delta_arrow="off", help=explained, width="content")


def short_table(rows: pd.DataFrame, about: str) -> None:
    """Show a table whole, with long lines wrapped and no number broken; `about` describes it to screen readers."""
    st.table(rows.map(_unbroken), hide_index=True, border="horizontal", alt=about)


def _unbroken(cell: object) -> str:
    return str(cell).replace(" × ", "\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}").replace(" %", "\N{NO-BREAK SPACE}%")


def offer(label: str, frame: pd.DataFrame, name: str) -> None:
    """Offer a table as a file of that name, with nan written out."""
    # It is written when it is clicked: one that was written before is gone by then, if the page has run meanwhile.
    written = partial(frame.to_csv, index=False, na_rep="nan")
    st.download_button(label, written, name, "text/csv", icon=":material/download:", on_click="ignore")


def takeaway(runs: Setup | Mapping[str, Setup]) -> None:
    """Offer a run as Python, or the chosen one of several by name, to copy or as a notebook; nothing is written until it is unfolded."""
    with fold("This run as Python") as unfolded:
        if not unfolded:
            return
        setup = runs if isinstance(runs, Setup) else runs[st.selectbox("Whose run", list(runs), key="takeaway:whose")]
        numpy, torch = st.tabs(["numpy", "PyTorch"])
        numpy.code(program(setup), "python")
        torch.code(program(setup, "torch"), "python")
        st.download_button(
            "Download as a notebook",
            lambda: notebook(setup, marked(judge(setup.run()).sentence())),  # when it is clicked, for a run may take a while
            f"{setup.loss}-{setup.optimizer}.ipynb",
            "application/x-ipynb+json",
            icon=":material/download:",
            key="takeaway:notebook",
            on_click="ignore",
        )


def ink() -> str:
    """Return the color of words and lines on this page."""
    return "#FAFAFA" if st.context.theme.type == "dark" else "#31333F"


def drawn(case: Case, *, words: bool = True) -> str:
    """Return the small picture of a case in the ink of the page's theme, with or without words in it."""
    return case.seen.drawn(case.title, ink=ink(), words=words)
