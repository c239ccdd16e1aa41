"""Class: a room where students bet on the edge from their phones, before you show it."""

from urllib.parse import urlencode

import streamlit as st

from explorer.core.run.setup import Setup
from explorer.hall.problem import Problem
from explorer.hall.store import MOST_BETS
from explorer.site.casebook import by_name
from explorer.ui import address, notes, panel
from explorer.ui.turns import turn

EXPLAINED = "explained"  # what a page in a frame leaves out
DEFAULT = by_name()["15_ravine"].setup


@st.cache_resource(max_entries=64, show_spinner="Looking for the edge…")
def posed(setup: Setup) -> Problem:
    """Return the problem of a setup, whose edge is there to be bet on."""
    with turn(float("inf")):
        return Problem.of(setup)


def main() -> None:
    """The problem as students see it, and the way into a room."""
    st.title("Where does my class believe the edge is?", anchor=False)
    setup, problem = panel.computable("class", panel.current(DEFAULT), DEFAULT, posed)
    notes.show()
    address.write(setup.to_query())
    with st.container(key=EXPLAINED):
        st.markdown(
            "Open a room, and show the page that follows: it has a code and a QR code. Students join with their phones, without an account,"
            " drag to where they believe runs begin to diverge, and bet. You see how many have bet, and on **Reveal** every bet stands as a"
            " dot over what really happens. Then comes the next round; points add up for those who give a nickname."
        )
    st.link_button(f"Open a room with this problem: {setup.recipe}", f"room?{urlencode(setup.to_query())}", type="primary")
    st.header("The problem, as students see it", anchor=False)
    with st.container(key=f"told_{st.context.theme.type}"):
        st.html(problem.shown)
    with st.container(key=f"{EXPLAINED}_below"):
        st.caption(
            "The problem is the one you had on the last page; the sidebar changes it. Students see neither the edge nor any run. A room"
            f" holds {MOST_BETS:,} bets a round, and is deleted after a day with all that is in it: bets, and nicknames if they gave one."
        )
    with st.sidebar:
        panel.all_controls(setup, rate=False)


main()
