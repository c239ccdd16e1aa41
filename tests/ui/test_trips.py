"""A problem travels with its visitor: what is set on one page is there on every other that can use it, and a link always wins."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from explorer.core.run.setup import Setup
from explorer.ui import address, way
from explorer.ui.part import pass_on
from tests.ui.reading import FOLDER, PATIENCE, leave, opened

PLACES = {path.stem.split("_", 1)[1]: f"pages/{path.name}" for path in (FOLDER / "pages").glob("[0-9]*.py")}
KNOBS = {"loss.eigenvalues": (1.0, 30.0), "optimizer.momentum": 0.8}
BOWL = Setup("quadratic", "momentum", 0.05, start=(1.0, 2.0), steps=60).with_knobs(KNOBS)
NET = Setup("network", "momentum", 0.05, steps=40).with_knobs({"loss.examples": 8, "loss.hidden": (4,)})


def go(app: AppTest, page: str, query: dict[str, str] | None = None) -> AppTest:
    """The visitor goes to a page by the navigation, or by a link."""
    leave(app)
    app.switch_page(PLACES[page])
    app.query_params.clear()
    for name, value in (query or {}).items():
        app.query_params[name] = value
    app.run()
    assert not app.exception, f"{page}: {[each.value for each in app.exception]}"
    return app


def held(app: AppTest) -> Any:
    """The problem that holds."""
    return app.session_state["setup"]


def start_with(setup: Setup) -> AppTest:
    return opened(FOLDER / PLACES["step_size"], setup.to_query())


@pytest.mark.parametrize("page", ["race", "sweep", "map", "why_nan", "gradient", "safe_rate"])
def test_a_problem_goes_to_a_page_and_comes_back_whole(page: str) -> None:
    app = go(start_with(BOWL), page)
    assert held(app) == BOWL
    assert app.query_params["loss.eigenvalues"] in ("1,30", ["1,30"])
    assert held(go(app, "step_size")) == BOWL
    leave(app)


@pytest.mark.parametrize("page", ["network", "landscape"])
def test_a_page_that_cannot_use_a_problem_gives_it_back(page: str) -> None:
    app = go(start_with(BOWL), page)
    assert held(app).loss == "network"
    assert (held(app).optimizer, dict(held(app).knobs)["optimizer.momentum"]) == ("momentum", 0.8), "under the visitor's own rule"
    assert held(go(app, "network" if page == "landscape" else "landscape")).loss == "network"
    assert held(go(app, "sweep")) == BOWL
    app = go(app, page)
    app.text_input(key="box:learning_rate").set_value("0.01").run()
    mine = held(app)  # what was turned is the visitor's problem now
    go(app, "step_size")
    assert "steps must be" in app.warning[0].value, "too large a network for its ruler"
    assert held(app) == BOWL
    assert held(go(app, page)) == mine, "and not forgotten for that"
    assert mine.learning_rate == 0.01
    leave(app)


def test_an_optimizer_travels_to_a_page_that_has_another_loss() -> None:
    """With its knobs; and at its rate, where that is the length of a step. From another page, to the next, and back to the problem."""
    adam = Setup("rosenbrock", "adam", 0.02).with_knobs({"optimizer.beta1": 0.5})
    app = start_with(adam)
    for first, then in (("race", "network"), ("step_size", "landscape"), ("sweep", "network")):
        go(app, first)
        assert held(app) == adam
        go(app, then)
        assert (held(app).loss, held(app).optimizer, held(app).learning_rate) == ("network", "adam", 0.02)
        assert dict(held(app).knobs)["optimizer.beta1"] == 0.5
        assert app.query_params["optimizer"] in ("adam", ["adam"])
    assert held(go(app, "step_size")) == adam
    leave(app)


def test_a_network_goes_wherever_it_can_be_used() -> None:
    app = start_with(NET)
    for page in ("network", "race", "sweep", "why_nan", "landscape", "step_size"):
        assert held(go(app, page)) == NET, page
    leave(app)


def test_a_long_trip_with_a_link_in_between() -> None:
    app = start_with(BOWL)
    for page in ("race", "cases", "sweep", "quiz", "map", "diagnose", "safe_rate"):
        assert held(go(app, page)) == BOWL, page
    app.switch_page(PLACES["map"])
    app.run()
    go(app, "step_size", {"v": "1", "loss": "x_squared", "learning_rate": "0.7"})
    linked = Setup("x_squared", learning_rate=0.7)
    assert held(app) == linked
    for page in ("network", "race", "sweep", "landscape", "map", "step_size"):
        go(app, page)
        if page not in ("network", "landscape"):
            assert held(app) == linked, page
    leave(app)


def test_a_race_runs_the_problem_that_its_visitor_brings() -> None:
    app = go(start_with(BOWL), "race")
    rows = app.table[0].value
    assert set(rows["learning rate"]) == {"0.05"}, "at the visitor's rate"
    assert "momentum (momentum β 0.8)" in list(rows["racer"])
    link = {name: each[0] if isinstance(each, list) else each for name, each in dict(app.query_params).items()}
    assert link["optimizer.momentum"] == "0.8", "with the visitor's own knobs"
    friend = opened(FOLDER / PLACES["race"], link)
    assert friend.table[0].value.equals(rows), "and so it is for whoever opens the link"
    app.radio[0].set_value("fraction").run()
    assert held(go(app, "step_size")) == BOWL, "a share of the edge is no rate"
    for each in (app, friend):
        leave(each)


@pytest.mark.parametrize("page", ["race", "sweep", "map"])
def test_who_goes_on_before_the_link_was_read_takes_it_along(page: str) -> None:
    """A click in the navigation interrupts the first run; then to another page, and back."""
    app = AppTest.from_file(str(FOLDER / "main.py"), default_timeout=PATIENCE)
    for name, value in BOWL.to_query().items():
        app.query_params[name] = value
    app.session_state["go"] = {"page": PLACES[page]}
    assert held(app.run()) == BOWL
    assert not app.warning
    for other in ("step_size", page):
        assert held(go(app, other)) == BOWL
    leave(app)


@pytest.mark.parametrize(("name", "value"), [("lesson", "07_networks"), ("case", "09_x_squared"), ("curve", "3"), ("example", "spike")])
def test_the_link_of_a_page_without_an_experiment_stays_there(name: str, value: str) -> None:
    app = AppTest.from_file(str(FOLDER / "main.py"), default_timeout=PATIENCE)
    app.query_params[name] = value
    app.session_state["go"] = {"page": PLACES["step_size"]}
    app.run()
    assert not app.exception
    assert not app.warning
    assert name not in app.query_params
    leave(app)


def test_a_click_on_what_an_interrupted_run_had_not_come_to_breaks_nothing() -> None:
    """Streamlit hears of the click, but has lost the component's key; then what is no report, and then a report."""
    heard: list[object] = []
    for state, expected in ((None, []), ({}, []), ({"case": None}, []), ({"case": "sweep"}, ["sweep"])):
        st.session_state.pop("words", None)
        if state is not None:
            st.session_state["words"] = state
        pass_on("words", "case", heard.append)
        assert heard == expected
    st.session_state.pop("words")


def test_each_wish_is_heard_once_and_in_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also after a run that knew nothing of the component, two at once, and nonsense."""
    heard: list[object] = []
    monkeypatch.setattr(way, "LISTENERS", {name: partial(lambda *said: heard.append(said), name) for name in way.LISTENERS})
    st.session_state[way.HEARD] = 0
    for state, expected in (
        ({"page": [1, "race"]}, [("page", "race")]),
        (None, []),
        ({"page": [1, "race"]}, []),
        ({"page": [3, "sweep"], "predict": [2, True]}, [("predict", True), ("page", "sweep")]),
        ({"page": "race", "case": [True, "x"], "step": [9], "back": [5, ["", "v=1"]]}, [("back", ["", "v=1"])]),
    ):
        st.session_state[way.WAY] = state
        way.hear()
        assert heard == expected
        heard.clear()
    assert st.session_state[address.BACK] == 5
    for key in (way.WAY, way.HEARD, address.BACK):
        st.session_state.pop(key)


@pytest.mark.parametrize("there", [None, 3, [], ["race"], ["race", 5], ["nowhere", ""], ["../etc", ""]])
def test_nobody_goes_back_to_nonsense(there: object) -> None:
    way.back(there)
    assert address.BOUND not in st.session_state
