"""Cases: every situation of the case files by its symptom, each with its run and the switch that makes it go away."""

import streamlit as st

from explorer.ui.casebook import SYMPTOMS, Case, casebook, lab
from explorer.ui.drawn import drawn
from explorer.ui.seen import see

TOGETHER = "races, maps and landscapes"
"""The heading of the cases that are not a single curve."""

COLUMNS = 3


def main() -> None:
    """Show the filters, then the cards."""
    st.title("What does your loss do?", anchor=False)
    st.markdown(
        "Every card below is a real run. Flip its switch and it goes away; open it in the lab to run it again and turn its other knobs."
    )
    kinds = {kind: [case for case in casebook() if (case.symptom or TOGETHER) == kind] for kind in (*SYMPTOMS, TOGETHER)}
    chosen = st.pills("It", list(kinds), key="cases:symptom", format_func=lambda kind: f"{kind} ({len(kinds[kind])})")
    words = st.text_input("Search", key="cases:search", placeholder="Adam, dead, scale …")
    shown = {kind: matching(group, words) for kind, group in kinds.items() if chosen in (None, kind)}
    if not any(shown.values()):
        st.info("No case contains these words. Here are all cases.", icon=":material/search_off:")
        shown = {kind: group for kind, group in kinds.items() if chosen in (None, kind)}
    for kind, group in shown.items():
        if group:
            st.subheader(f"It {kind}" if kind in ("explodes", "jumps", "spikes") else kind.capitalize(), anchor=False)
            for begin in range(0, len(group), COLUMNS):
                for column, case in zip(st.columns(COLUMNS), group[begin : begin + COLUMNS], strict=False):
                    with column.container(border=True):
                        card(case)


def matching(group: list[Case], words: str) -> list[Case]:
    """Return the cases that have every word somewhere."""
    texts = [f"{case.title} {case.label} {case.question} {case.text} {case.knob}".casefold() for case in group]
    return [case for case, text in zip(group, texts, strict=True) if all(word in text for word in words.casefold().split())]


def card(case: Case) -> None:
    """Show one case: the picture with its sentence, the switch, the question, why, and the way into the lab."""
    st.markdown(f"**{case.title}**")
    undone = bool(case.switch) and st.session_state.get(f"cases:switch:{case.name}", False)
    shown = case.undone if undone else case
    seen = see(shown.page, shown.query)
    st.html(drawn(seen, case.title))
    st.caption(seen.sentence)
    if case.switch:
        st.toggle(case.switch_label, key=f"cases:switch:{case.name}")
    st.caption(f"“{case.question}”")
    with st.expander("Why"):
        st.markdown(case.why)
        found = [other.title for other in casebook() if other.name in case.related]
        if found:
            st.caption(f"See also: {'; '.join(found)}.")
    if lab(case.page):
        st.page_link(lab(case.page), label="Open in the lab", icon=":material/science:", query_params=shown.link)


main()
