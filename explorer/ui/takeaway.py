"""The run of a page as Python, to copy or as a notebook."""

from collections.abc import Mapping

import streamlit as st

from explorer.core.run.program import notebook, program
from explorer.core.run.setup import Setup
from explorer.core.verdict.sentence import marked
from explorer.core.verdict.verdict import judge
from explorer.ui.fold import fold


def takeaway(runs: Setup | Mapping[str, Setup]) -> None:
    """Offer the programs that make this run, or the chosen one of several by name; nothing is written until the fold is opened."""
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
