"""The row of situations that a page can start from: its case files, by their labels."""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

import streamlit as st

from explorer.site.casebook import Case, casebook
from explorer.ui import panel, widgets


def presets(
    page: str,
    here: Any,
    adopt: Callable[[Any], None] = panel.adopt,
    of: Callable[[Case], Any] = attrgetter("record"),
    *,
    among: Mapping[str, Case] | None = None,
    below: Any = st,
) -> None:
    """Show the page's cases as a row to choose from; of the one that is shown its question, the answer, and the switch that undoes it.

    A case that is not in the row shows its question too: a visitor comes to it by a link from the page of cases. `of` says what a case
    is on this page, a setup, a race or a view of it, `here` is what the page shows now, and `adopt` makes another hold. `among` are the
    cases to choose from by their labels, where they are not the page's own. The question and the switch stand in the container `below`:
    under the picture they come and go without moving it.
    """
    filed = [case for case in casebook() if case.page == page] if among is None else list(among.values())
    known = {case.label: case for case in filed if case.preset} if among is None else dict(among)
    undone = {case.name: of(case.undone) for case in filed if case.switch}
    shown = next((case for case in filed if here in (of(case), undone.get(case.name, of(case)))), None)
    key = f"{page}:preset"
    if known:
        st.session_state[key] = next((label for label, case in known.items() if case == shown), None)
        st.pills("Start from", list(known), key=key, on_change=_choose, args=(key, known, adopt, of), label_visibility="collapsed")
    if shown is None:
        return
    question, button = below.columns([3, 1], vertical_alignment="center") if shown.switch else (below.container(), None)
    question.markdown(f"*“{shown.question}”*")
    if here == of(shown):
        with below.expander("Why", expanded=True):
            st.markdown(shown.why)
    if button is not None:
        after = undone[shown.name]
        other, label = (of(shown), "Switch back") if here == after else (after, shown.switch_label)
        button.button(label, on_click=adopt, args=(other,), width="stretch")


def _choose(key: str, known: dict[str, Case], adopt: Callable[[Any], None], of: Callable[[Case], Any]) -> None:
    """Adopt a clicked preset."""
    if st.session_state[key] in known and not widgets.echo():
        adopt(of(known[st.session_state[key]]))
