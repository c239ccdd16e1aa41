"""Cases: every situation by its symptom, each with its run and the switch that makes it go away."""

from html import escape

import streamlit as st

from explorer.core.ground.checks import typed
from explorer.site.casebook import SYNONYMS, Case, by_name, by_symptom, casebook, heading
from explorer.ui import address, notes
from explorer.ui.drawn import drawn
from explorer.ui.way import SHOWN, lab

SYMPTOM, SEARCH, CHOSEN = (f"cases:{name}" for name in ("symptom", "search", "chosen"))
LONGEST = 100  # letters of a search


def main() -> None:
    """Show the filters, then the gallery, and beside it the case that was chosen in it; an embedded page has room for that alone."""
    kinds = by_symptom(casebook())
    linked(kinds)
    case = current()
    notes.show()
    if st.context.is_embedded:
        chosen, words = st.session_state.get(SYMPTOM), st.session_state.get(SEARCH, "")
        card(case or next(iter(matching(kinds[chosen] if chosen else list(casebook()), words)), casebook()[0]))
        return
    st.title("What does your loss do?", anchor=False)
    st.markdown("Every picture is a real run. Choose one: its switch makes it go away, and the lab runs it again with all its knobs.")
    chosen = st.pills("It", list(kinds), key=SYMPTOM, format_func=lambda kind: f"{kind} ({len(kinds[kind])})")
    words = st.text_input("Search", key=SEARCH, placeholder="Adam, CNN, plateau, dead …", max_chars=LONGEST)
    parts = {"symptom": chosen, "search": words, "case": st.session_state.get(CHOSEN)}
    address.write({name: part for name, part in parts.items() if part})
    shown = {kind: matching(group, words) for kind, group in kinds.items() if chosen in (None, kind)}
    if not any(shown.values()):
        st.info("No case contains these words. Here are all cases.", icon=":material/search_off:")
        shown = {kind: group for kind, group in kinds.items() if chosen in (None, kind)}
    found = [case for group in shown.values() for case in group]
    case = case or found[0]
    with st.container(key="cases"):
        gallery, beside = st.columns([3, 2])
        gallery.html("".join(strip(kind, group, case) for kind, group in shown.items() if group))
        with beside.container(border=True, key="cases-card"):
            card(case if case in found else found[0])


def linked(kinds: dict[str, list[Case]]) -> None:
    """Make what the page was opened with hold: the symptom, the words of the search and the case."""
    link = address.linked("symptom", "search", "case")
    if not address.opened() and not address.returned():
        return
    symptom, words = link.get("symptom"), link.get("search", "")
    st.session_state[SYMPTOM] = symptom if symptom in kinds else None
    st.session_state[SEARCH], st.session_state[CHOSEN] = words[:LONGEST], link.get("case")
    if symptom is not None and symptom not in kinds:
        notes.also_say(f"symptom must be one of {', '.join(kinds)}, got {typed(symptom)}. All cases are shown.")
    if len(words) > LONGEST:
        notes.also_say(f"search must have at most {LONGEST} letters, got {len(words)}. The first {LONGEST} are searched for.")


def current() -> Case | None:
    """Return the case that was clicked, or that the link named; None if there is none."""
    name = st.session_state[CHOSEN] = st.session_state.pop(SHOWN, st.session_state.get(CHOSEN))
    if name is not None and name not in by_name():
        notes.also_say(f"There is no case named “{name}”. Choose one of the pictures below, or search for a word of it.")
    return by_name().get(name or "")


def strip(kind: str, group: list[Case], current: Case) -> str:
    """Return the pictures of one symptom in a row, each a link to its card."""
    tiles = "".join(tile(case, case == current) for case in group)
    return f'<h2 class="gallery-title">{heading(kind)}</h2><div class="gallery">{tiles}</div>'


def tile(case: Case, shown: bool) -> str:
    """Return one picture with its title, marked where its card is shown."""
    mark = ' aria-current="true"' * shown
    inside = drawn(case, words=False) + f'<span aria-hidden="true">{escape(case.title)}</span>'
    return f'<a href="cases?case={case.name}" data-case="{case.name}"{mark}>{inside}</a>'


def matching(group: list[Case], words: str) -> list[Case]:
    """Return the cases that have every word somewhere, or one that means the same."""
    wanted = [(word, *SYNONYMS.get(word, ())) for word in words.casefold().split()]
    return [case for case in group if all(any(each in case.words for each in alike) for alike in wanted)]


def card(case: Case) -> None:
    """Show one case: the picture with its sentence, the switch, the question, why, and the way into the lab."""
    st.markdown(f"**{case.title}**")
    undone = bool(case.switch) and st.session_state.get(f"cases:switch:{case.name}", False)
    shown = case.undone if undone else case
    st.html(drawn(shown))
    st.caption(shown.seen.sentence)
    if case.switch:
        st.toggle(case.switch_label, key=f"cases:switch:{case.name}")
    if lab(case.page):
        st.page_link(lab(case.page), label="Open in the lab", icon=":material/science:", query_params=shown.link)
    if st.context.is_embedded:
        return
    st.caption(f"“{case.question}”")
    with st.expander("Why"):
        st.markdown(case.why)
        found = [other.title for other in casebook() if other.name in case.related]
        if found:
            st.caption(f"See also: {'; '.join(found)}.")


main()
