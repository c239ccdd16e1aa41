"""Quiz: a curve is shown, the visitor says which knob made it; the answer opens the case and lets them undo it."""

import random
import re
from dataclasses import dataclass, field

import streamlit as st

from explorer.core.ground.checks import typed
from explorer.site.casebook import Case, asked, casebook, choices
from explorer.site.gift import QUESTION, curve, facts, gift
from explorer.ui import address, notes
from explorer.ui.drawn import drawn, ink
from explorer.ui.way import lab

STATE = "quiz:state"
SEEDS = 1_000_000

ASKED = asked(casebook())


@dataclass
class Game:
    """One visitor's quiz: the cases in their order, how far it is, what was answered, how many so far, and which of them wrong."""

    order: list[Case]
    seed: int
    place: int = 0
    answer: str | None = None
    answered: int = 0
    missed: list[str] = field(default_factory=list)

    @property
    def case(self) -> Case:
        return self.order[self.place % len(self.order)]

    @property
    def link(self) -> str:
        """What a link says of the curve that is shown."""
        return f"{self.seed}.{self.place % len(self.order) + 1}"


def begin(seed: int) -> Game:
    """A new game; equal seeds ask alike."""
    return Game(random.Random(seed).sample(ASKED, len(ASKED)), seed)


def main() -> None:
    """The curve, the question, and after an answer the case behind it."""
    st.title("Which knob made this curve?", anchor=False)
    game = linked() or st.session_state.setdefault(STATE, begin(random.randrange(SEEDS)))
    st.session_state[STATE] = game
    address.write({"curve": game.link})
    notes.show()
    case = game.case
    st.markdown(f"**Curve {game.place + 1}** · {game.answered - len(game.missed)} of {game.answered} right")
    drawing, words = st.columns([3, 2], vertical_alignment="center")
    drawing.html(curve(case.seen, ink()))
    words.markdown(f"*“{case.question}”*")
    words.caption(facts(case.setup, case.seen))
    if game.answer is None:
        ask(game)
    else:
        tell(game)
    if st.context.is_embedded:
        st.html("<p class='small'>“Open” shows the plot.</p>")  # where the frame has no room for all of this (house.js)
    else:
        said = "Every curve as a question for Moodle and others, in the format GIFT: four choices, the right one, and why."
        st.download_button(
            "For Moodle (GIFT)",
            lambda: gift(casebook(), game.seed),
            "quiz.gift.txt",
            help=said,
            on_click="ignore",
            icon=":material/download:",
        )


def linked() -> Game | None:
    """Return the game whose curve the page was opened with; its number says nothing of the answer."""
    link = address.linked("curve")
    if "curve" not in link:
        return None
    named = re.fullmatch(r"([0-9]{1,6})\.([0-9]{1,3})", link["curve"])
    if named and 0 < int(named[2]) <= len(ASKED):
        mine: Game | None = st.session_state.get(STATE)
        game = mine if mine is not None and mine.seed == int(named[1]) else begin(int(named[1]))
        game.place, game.answer = int(named[2]) - 1, None
        return game
    rule = f"a number, a dot and a number up to {len(ASKED)}"
    notes.also_say(f"This link names no curve of the quiz, which is {rule}: curve is {typed(link['curve'])}. Another game begins.")
    return None


def ask(game: Game) -> None:
    """The choices and the button; arrow keys and Enter will do."""
    with st.form("quiz:form", border=False):
        options = choices(game.case, casebook(), game.seed)
        st.radio(QUESTION, options, index=None, key=f"quiz:choice:{game.place}")
        st.form_submit_button("Answer", on_click=answer, type="primary")
    if st.session_state.pop("quiz:nothing", False):
        st.info("Choose one of the knobs first.")


def answer() -> None:
    """Score the choice, once."""
    game: Game = st.session_state[STATE]
    given = st.session_state.get(f"quiz:choice:{game.place}")
    st.session_state["quiz:nothing"] = given is None
    if given is None or game.answer is not None:
        return
    game.answer = given
    game.answered += 1
    if given != game.case.knob:
        game.missed.append(game.case.title)


def tell(game: Game) -> None:
    """Whether it was right, the case's explanation, the switch that undoes it, and the next curve."""
    case = game.case
    if game.answer == case.knob:
        st.success(f"Right: {case.knob}.", icon=":material/check:")
    else:
        st.error(f"It was {case.knob}, not {game.answer}.", icon=":material/close:")
    st.button("Next curve", on_click=following, type="primary")
    if st.context.is_embedded:
        return
    left, right = st.columns(2)
    with left:
        st.header(case.title, anchor=False)
        st.markdown(case.why)
        if case.also:
            st.caption(f"Would have done it too: {', '.join(case.also)}.")
    with right:
        undone = st.toggle(f"Undo it: {case.switch_label}", key=f"quiz:switch:{game.place}")
        shown = case.undone if undone else case
        st.html(drawn(shown))
        st.caption(shown.seen.sentence)
        if lab(case.page):
            st.page_link(lab(case.page), label="Open in the lab", icon=":material/science:", query_params=shown.link)
    if game.missed:
        st.caption(f"To look at again: {'; '.join(dict.fromkeys(game.missed))}.")


def following() -> None:
    """Go on to the next curve; after the last one, reshuffle."""
    game: Game = st.session_state[STATE]
    game.place, game.answer = game.place + 1, None
    if game.place % len(game.order) == 0:
        fresh = begin((game.seed + game.place) % SEEDS)
        game.order, game.seed = fresh.order, fresh.seed


main()
