"""Lessons: ten minutes each before an audience, with what to ask, what is seen, and the common wrong answer."""

from html import escape

import streamlit as st

from explorer.core.ground.checks import typed
from explorer.site.lessons import lessons
from explorer.ui import address, notes
from explorer.ui.drawn import drawn
from explorer.ui.words import fit_to_read

CHOSEN, SHOWN = "lessons:lesson", "lessons:shown"
KEYS = (
    ("p", "begins and ends the presenter's view: full screen, no navigation, large type"),
    ("n, b", "the next step of the lesson, and the one before; without a lesson, of the page's situations"),
    ("h, r", "hides the answer while you ask, also after the presenter's view, and reveals it; Enter reveals it, too"),
    ("arrows, space", "drag the rate, and play the steps"),
)


def main() -> None:
    """The lessons to choose from, the steps of one, and the keys."""
    st.title("What shall I show, and ask?", anchor=False)
    by_title = {lesson.title: lesson for lesson in lessons()}
    kept = st.session_state.get(SHOWN)  # Streamlit forgets the choice of a page that was left
    link = address.linked("lesson")
    linked = next((each.title for each in lessons() if each.name == link.get("lesson", kept)), lessons()[0].title)
    if link.get("lesson", kept) not in (None, *(each.name for each in lessons())):
        names = ", ".join(each.name for each in lessons())
        notes.also_say(f"lesson must be one of {names}, got {typed(link['lesson'])}. The first is shown.")
    if address.opened() or CHOSEN not in st.session_state:
        st.session_state[CHOSEN] = linked
    lesson = by_title[st.pills("Lesson", list(by_title), key=CHOSEN, label_visibility="collapsed") or linked]
    st.session_state[SHOWN] = lesson.name
    notes.show()
    address.write({"lesson": lesson.name})
    st.header(lesson.about, anchor=False)
    st.markdown("Begin at a step, press **p**, and go on with **n**. The notes are yours: print this page, or keep it on another screen.")
    for place, stop in enumerate(lesson.stops):
        with st.container(border=True):
            words, beside = st.columns([3, 1])
            words.html(f'<h3 class="lesson"><a href="#" data-step="{lesson.name}.{place}">{place + 1}. {escape(stop.case.title)}</a></h3>')
            words.markdown(f"**Ask.** {fit_to_read(stop.ask)}")
            words.markdown(f"**What is seen.** {stop.case.seen.sentence}")
            words.markdown(f"**Why.** {fit_to_read(stop.because)}")
            words.markdown(f"**The common wrong answer.** {fit_to_read(stop.wrong)}")
            beside.html(drawn(stop.case))
    with st.expander("The keys of the presenter's view"):
        st.markdown("\n".join(f"- **{keys}**: {does}" for keys, does in KEYS))


main()
