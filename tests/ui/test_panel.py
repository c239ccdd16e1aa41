"""The panel by itself: every knob of every shelf is turned, and what the panel says beside its controls."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.core.run.setup import SHELVES, Setup
from tests.ui.reading import FOLDER, PATIENCE, control, controls, ends, finished, leave, opened, unreadable

EVERYTHING = [(kind, name) for kind, shelf in SHELVES.items() for name in shelf]


def test_the_controls_load_no_library_of_tables() -> None:
    """Every page has them, and pandas alone takes longer to load than all of the rest."""
    said = [sys.executable, "-c", "import sys, explorer.ui.panel; print('pandas' in sys.modules)"]
    assert subprocess.run(said, capture_output=True, text=True, check=True).stdout.strip() == "False"


def only_the_panel() -> None:
    """A page that has all controls and computes nothing but the loss, without which there is nothing to control."""
    import streamlit as st

    from explorer.core.run.setup import Setup
    from explorer.ui import notes, panel

    setup = panel.current(Setup())
    try:
        setup.make_loss()
    except ValueError as error:
        good = st.session_state["good"]
        panel.refuse(setup, good, str(error))
        setup = good
    st.session_state["good"] = setup
    notes.show()
    panel.controls(setup)
    panel.sampling(setup)
    panel.rescues(setup)


@pytest.mark.parametrize(("kind", "name"), EVERYTHING)
def test_every_knob_of_every_shelf_is_turned_to_both_ends(kind: str, name: str) -> None:
    """The setup is then what it would be without a panel, and runs; or it is refused with a reason, and is what it was."""
    app = AppTest.from_function(only_the_panel, default_timeout=PATIENCE)
    app.session_state["fold:Rescues:True"] = app.session_state["fold:Rescues:False"] = True
    chosen = Setup("linear_regression").with_choice(kind, name)
    for dotted, parameter in chosen.parameters(kind).items():
        other = parameter.knob.only_with
        first = chosen if other is None else chosen.with_knobs({f"{kind}.{other[0]}": other[1]})
        app.session_state["setup"] = first
        [widget] = [each for each in (*controls(app.run()), *app.text_input) if each.key == f"box:{dotted}"]
        turned = []
        for value in ends(widget) if widget.type != "text_input" else []:
            app.session_state["setup"], app.session_state["good"], app.session_state["setup:refused"] = first, first, {}
            control(app, widget.key).set_value(value).run()
            assert not app.exception, f"{dotted} = {value}: {[each.value for each in app.exception]}"
            assert not [each.value for each in app.error if unreadable(each.value)]
            turned.append(control(app, widget.key).value)  # as it is meant; options are texts
            try:
                expected, refused = first.with_knobs({dotted: turned[-1]}), False
                expected.make_loss()
            except ValueError:
                expected, refused = first, True
            assert app.session_state["setup"] == expected, f"{dotted} = {value}"
            assert bool(app.error) == refused, f"{dotted} = {value}: {[each.value for each in app.error]}"
            with np.errstate(all="ignore"):
                replace(expected, steps=1).run()
        assert len(set(map(str, turned))) == len(turned), f"{dotted} stays where it was"


def page_with_work() -> None:
    """A page that was opened by a link it could not read, and that runs once more by itself when its work is done."""
    import streamlit as st

    from explorer.ui import notes

    if st.session_state.setdefault("to do", ["read the link", "work"]):
        if st.session_state["to do"].pop(0) == "read the link":
            notes.say(["learning_rate must be one number, got 'abc'. The rest of the link is used."])
            notes.show()
            notes.again()
        notes.show()
        notes.again()
    notes.show()
    st.toggle("a control")


def test_what_was_wrong_with_a_link_is_said_until_something_is_turned() -> None:
    app = AppTest.from_function(page_with_work, default_timeout=PATIENCE).run()
    said = "learning_rate must be one number, got 'abc'. The rest of the link is used."
    assert [each.value for each in app.warning] == [said]
    app.toggle[0].set_value(True).run()
    assert not app.warning


def page_that_follows() -> None:
    import streamlit as st

    from explorer import Setup
    from explorer.ui import address, panel

    setup = panel.current(Setup("x_squared", learning_rate=0.1))
    if "moved" in st.session_state:
        panel.mover([st.session_state.pop("moved")])(0)
        setup = st.session_state[panel.STATE]
    address.write(setup.to_query())
    panel.controls(setup)


def test_what_a_browser_still_says_of_a_box_is_not_taken_for_typed() -> None:
    """A run of a part of the page that Streamlit merges with a run of the whole page brings along the boxes as they were before a move."""
    app = AppTest.from_function(page_that_follows).run()
    before = dict(app.query_params)
    for rate in (0.2, 0.3, 0.4):
        app.session_state["moved"] = rate
        app.run()
        app.query_params.clear()
        app.query_params.update(before)  # the browser has heard of nothing yet
        app.text_input(key="box:learning_rate").set_value("0.1").run()
        assert app.session_state["setup"].learning_rate == rate
        assert app.text_input(key="box:learning_rate").value == str(rate)
    app.text_input(key="box:learning_rate").set_value("0.1").run()  # now it has, and somebody types the first rate again
    assert app.session_state["setup"].learning_rate == 0.1
    app.session_state["moved"] = 0.5
    app.run()
    app.query_params.clear()
    app.query_params.update(before)
    app.text_input(key="box:learning_rate").set_value("0.7").run()  # typed while the browser lagged behind
    assert app.session_state["setup"].learning_rate == 0.7


def page_whose_work_is_refused_later() -> None:
    import streamlit as st

    from explorer import Setup
    from explorer.ui import address, notes, panel

    def begun(setup: Setup) -> int:
        if setup.steps == 7 and st.session_state.setdefault("looks", 0):
            raise ValueError("steps must be another number, got 7")
        st.session_state["looks"] = 1
        return setup.steps

    default = Setup("x_squared", steps=3)
    setup, result = panel.computable("later", panel.current(default), default, begun)
    notes.show()
    address.write(setup.to_query())
    st.write(f"{result} steps")


@pytest.mark.parametrize("first", ["7", "5"])
def test_what_is_refused_after_it_had_begun_gives_way_to_the_page_s_own_example(first: str) -> None:
    app = AppTest.from_function(page_whose_work_is_refused_later)
    app.query_params.update({"v": "1", "loss": "x_squared", "steps": first})
    assert app.run().markdown[-1].value == f"{first} steps"
    for _ in range(2):
        app.session_state["setup"] = Setup("x_squared", steps=7)
        app.run()
        assert not app.exception
        assert app.markdown[-1].value == f"{3 if first == '7' else 5} steps"
        assert "steps must be another number, got 7" in app.warning[0].value


def test_the_recipe_says_in_one_line_what_is_run() -> None:
    def page() -> None:
        import streamlit as st

        from explorer.ui import panel

        panel.recipe(st.session_state["asked"].recipe)

    setup = Setup("ravine", "momentum", 0.01, steps=1200).with_knobs({"optimizer.momentum": 0.95})
    for asked, said in (
        (setup, "ravine · momentum, momentum β 0.95 · 1,200 steps"),
        (setup.with_part("schedule", "cosine"), "ravine · momentum, momentum β 0.95 · cosine · 1,200 steps"),
        (Setup("linear_regression", batch_size=10), "linear regression · gradient descent · batches of 10 · 100 steps"),
    ):
        app = AppTest.from_function(page)
        app.session_state["asked"] = asked
        [found] = app.run().get("html")
        assert said in found.proto.body, found.proto.body


LOOKS = {
    "30_sweep": {"view.rules": "adam,momentum", "view.seeds": "3", "view.finder": "true"},
    "90_safe_rate": {"view.rules": "momentum,sgd"},
}


@pytest.mark.parametrize("page", LOOKS)
def test_a_link_says_how_a_page_looks_at_it(page: str) -> None:
    """What is turned is in the link, a friend sees the same, and a part that means nothing is said and left out."""
    setup = {"v": "1", "loss": "ravine", "optimizer": "gradient_descent", "learning_rate": "0.1", "steps": "20"}
    look = {name: text.replace("sgd", "gradient_descent") for name, text in LOOKS[page].items()}
    app = finished(opened(FOLDER / "pages" / f"{page}.py", query=setup | look))
    assert not app.exception
    assert not app.warning
    assert {name: "".join(text) for name, text in app.query_params.items() if name.startswith("view.")} == look
    name = f"{page[3:]}:rules"
    assert app.multiselect(key=name).value == look["view.rules"].split(",")
    for chosen in (["adam"], ["adam", "nesterov"], ["nesterov"]):
        app.multiselect(key=name).set_value(chosen).run()
        assert "".join(app.query_params["view.rules"]) == ",".join(chosen)
    app.multiselect(key=name).set_value([]).run()
    assert "".join(app.query_params["view.rules"]) == "nesterov"
    assert app.error, "none of them is no question"
    leave(app)
    app = opened(FOLDER / "pages" / f"{page}.py", query=setup | {"view.rules": "nobody", "view.angle": "3"})
    assert len(app.warning) == 2
    leave(app)
