"""Race: up to eight optimizers from one start, each at its own rate, one shared, or the same share of its own edge."""

from dataclasses import replace
from typing import get_args

import pandas as pd
import streamlit as st

from explorer.core.ground.checks import short
from explorer.core.ground.prose import plain, plain_or
from explorer.core.optimizers import OPTIMIZERS
from explorer.core.run.race import DEFAULT, MOST_RACERS, Pace, Race, Racer
from explorer.core.run.setup import LEARNING_RATE, Setup
from explorer.core.verdict.explanation import Explanation
from explorer.figures import stage
from explorer.site.content import Content
from explorer.site.questions import final, leading
from explorer.site.shown import content_of, raced
from explorer.ui import address, notes, panel, widgets
from explorer.ui.picture import picture
from explorer.ui.presets import presets
from explorer.ui.short_table import offer, short_table
from explorer.ui.takeaway import takeaway
from explorer.ui.turns import turn

RACERS, PACE, TABLE, SHARE, FOR = (f"race:{name}" for name in ("racers", "pace", "table", "share", "for"))
PACES = {"own": "its own rate each", "shared": "one rate for all", "fraction": "the same share of its own edge"}
NARROW = stage.NARROW | {"height": 940, "legend": {"y": 1.06, "yanchor": "bottom"}}


@st.cache_resource(max_entries=16, show_spinner="Running the race…")
def computed(race: Race) -> tuple[list[Explanation], Content]:
    """Return every racer's run, explained, and the picture of them all."""
    race.setup.check_work({"racer": len(race.racers)})
    race.setup.check_start()
    with turn(race.setup.steps * race.setup.make_loss().dim * len(race.racers)):
        explanations, shown = raced(race)
        return explanations, content_of(replace(shown, narrow=NARROW))


def current() -> Race:
    """Return the race that holds now: the session's, unless the page was opened by a link."""
    panel.arrive(Race.salvage, adopt, DEFAULT, panel.STATE)
    setup = panel.usable(DEFAULT.setup)
    come = f"{PACE}:{st.session_state.get(TABLE)}" not in st.session_state  # Streamlit forgets the widgets of a page that was left
    if come and st.session_state.get(FOR) != (setup.loss, setup.optimizer):
        mine = Racer(setup.optimizer, setup.learning_rate)  # another problem: at the rate its visitor has, for theirs are of the last one
        others = [each for each in st.session_state.get(RACERS, DEFAULT.racers) if each.optimizer != mine.optimizer]
        adopt(Race(setup, (mine, *others)[:MOST_RACERS], "shared"))
    return race_at(st.session_state[PACE], st.session_state[RACERS])


def race_at(pace: Pace, racers: tuple[Racer, ...]) -> Race:
    """Return the race of the session's problem at this pace: a share of the edge is no rate, and is kept apart from it."""
    setup: Setup = st.session_state[panel.STATE]
    st.session_state[FOR] = setup.loss, setup.optimizer
    return Race(replace(setup, learning_rate=st.session_state.get(SHARE, 0.5)) if pace == "fraction" else setup, racers, pace)


def adopt(race: Race) -> None:
    """Make `race` the one that holds. The list of paces and the table of racers are new ones, so that they show it."""
    share = race.pace == "fraction"
    panel.adopt(replace(race.setup, learning_rate=race.racers[0].learning_rate) if share else race.setup)
    if share:
        st.session_state[SHARE] = race.setup.learning_rate
    st.session_state[RACERS], st.session_state[PACE] = race.racers, race.pace
    st.session_state[FOR] = race.setup.loss, race.setup.optimizer
    st.session_state[TABLE] = st.session_state.get(TABLE, 0) + 1


def type_share() -> None:
    """Take a typed share of the edge."""
    with widgets.refusing(f"{SHARE}:box"):
        st.session_state[SHARE] = LEARNING_RATE.parse(st.session_state[f"{SHARE}:box"])


def racers(race: Race) -> Race:
    """Return the controls of who runs and how fast; a row that cannot be read is left out, with the reason."""
    paces, place = get_args(Pace), st.session_state[TABLE]
    pace: Pace = st.radio("Each racer has", paces, paces.index(race.pace), format_func=lambda name: PACES[name], key=f"{PACE}:{place}")
    if pace == "shared":
        panel.rate_box(race.setup, "learning rate for all")
    elif pace == "fraction":
        widgets.text(f"{SHARE}:box", "share of its own edge (1 is the edge)", short(st.session_state.get(SHARE, 0.5)), type_share)
        widgets.refusal(f"{SHARE}:box")
    own = pace == "own"
    edited = st.data_editor(
        pd.DataFrame([(each.optimizer, each.learning_rate) for each in race.racers], columns=["optimizer", "learning rate"]),
        key=f"{TABLE}:{place}",
        num_rows="dynamic",
        column_order=["optimizer", "learning rate"] if own else ["optimizer"],  # beside one rate for all, no other is shown
        hide_index=True,
        column_config={
            "optimizer": st.column_config.SelectboxColumn(
                options=list(OPTIMIZERS), format_func=lambda name: OPTIMIZERS.title(str(name)), required=True, width=128
            ),
            "learning rate": st.column_config.NumberColumn("rate", min_value=0.0, required=own, format="%.4g", width=72),
        },
    )
    if not own:  # who joins such a race has no rate yet
        edited = edited.fillna({"learning rate": race.setup.learning_rate})
    found = [Racer(str(row["optimizer"]), float(row["learning rate"])) for row in edited.dropna().to_dict("records")]
    if len(found) > MOST_RACERS:
        st.warning(f"At most {MOST_RACERS} racers can be told apart; the first {MOST_RACERS} run.")
    if not found:
        st.warning("A race needs at least one racer; the last ones still run.")
    st.session_state[PACE] = pace
    return race_at(pace, tuple(found[:MOST_RACERS]) or race.racers)


def table(race: Race, explanations: list[Explanation]) -> pd.DataFrame:
    """Return a row for each racer: its rate, its edge, its verdict and its factors per step."""
    return pd.DataFrame(
        [
            {
                "racer": name,
                "verdict": str(each.outcome.verdict[0]),
                "learning rate": plain(setup.learning_rate, 4),
                "edge": plain_or("none", edge.rate, 4),
                "loss at the end": final(each),
                "per step, theory": plain_or("–", each.predicted[0], 4),
                "per step, measured": plain_or("–", each.measured[0], 4),
                "what happened": each.sentence(0).replace("**", ""),
            }
            for name, each, setup, edge in zip(race.names, explanations, race.setups(), race.edges(), strict=True)
        ]
    )


def problem(race: Race) -> Setup:
    """Return the problem that a race is about, at the rate that the session has."""
    return replace(race.setup, learning_rate=st.session_state[panel.STATE].learning_rate) if race.pace == "fraction" else race.setup


def main() -> None:
    """The race, its table, and in the sidebar who runs on what."""
    st.title("Which optimizer survives here?", anchor=False)
    race = current()
    top, chips = st.container(), st.container()
    with st.sidebar:
        race = racers(race)
    race, (explanations, shown) = panel.computable("race", race, DEFAULT, computed, problem)
    address.write(race.to_query() | address.predicting().to_query())
    address.about(race.to_query())
    notes.show()
    with top:
        panel.recipe(race.recipe)
    with st.sidebar:
        panel.controls(race.setup, ("loss",), rate=False)
        panel.upload(race.setup)
        panel.sampling(race.setup)
    sentence = leading(race.names, explanations)
    st.header(sentence, anchor=False)
    picture(
        shown,
        key="race:picture",
        alt=f"Left, the paths of all racers on the landscape; right, their losses. {sentence}",
        said=sentence,
    )
    below = st.container()
    with chips:
        presets("race", race, adopt, below=below)
    numbers = table(race, explanations)
    short_table(numbers.drop(columns="what happened"), "Rate, edge, verdict and factors of every racer")
    st.markdown("\n".join(f"- {name}: {each.sentence(0)}" for name, each in zip(race.names, explanations, strict=True)))
    offer("Download the table as CSV", numbers, "race.csv")
    takeaway(dict(zip(race.names, race.setups(), strict=True)))
    st.caption("All racers see the same random numbers. A racer without an edge runs at its own rate instead of a share of it.")


main()
