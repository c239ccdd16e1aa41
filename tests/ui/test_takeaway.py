"""This run as Python, on every page that has a run: the text is that of the setup that holds, also after it was changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from explorer.core.run.program import program
from explorer.core.run.setup import Setup
from tests.ui.reading import FOLDER, MAIN, finished, leave, opened

NETWORK = {"v": "1", "loss": "network", "learning_rate": "0.25", "steps": "20", "loss.hidden": "3", "loss.examples": "10"}
PAGES: list[tuple[str, dict[str, str]]] = [
    ("10_step_size", {"v": "1", "loss": "x_squared", "learning_rate": "0.25", "steps": "20"}),
    ("50_network", NETWORK),
    ("60_landscape", NETWORK),
    ("82_why_nan", NETWORK),
]


def page(name: str) -> Path:
    return FOLDER / "pages" / f"{name}.py"


def codes(app: AppTest) -> list[str]:
    assert not app.exception, [each.value for each in app.exception]
    return [each.value.strip() for each in app.code if "losses" in each.value]


def both(setup: Setup) -> list[str]:
    return [program(setup).strip(), program(setup, "torch").strip()]


@pytest.mark.parametrize(("name", "query"), PAGES)
def test_the_text_is_that_of_the_run_on_the_page(name: str, query: dict[str, str]) -> None:
    app = finished(opened(page(name), query))
    assert codes(app) == both(Setup.from_query(query))
    app.text_input(key="box:learning_rate").set_value("0.125").run()
    changed = Setup.from_query(query | {"learning_rate": "0.125"})
    assert app.session_state["setup"] == changed
    assert codes(app) == both(changed)
    assert "0.125" in codes(app)[0]
    leave(app)


def test_a_race_has_one_for_each_racer() -> None:
    app = opened(page("20_race"), {"v": "1", "loss": "x_squared", "racers": "gradient_descent:0.25,adam:0.5", "steps": "20"})
    choice = app.selectbox(key="takeaway:whose")
    assert codes(app) == both(Setup("x_squared", learning_rate=0.25, steps=20))
    choice.select(choice.options[1]).run()
    assert codes(app) == both(Setup("x_squared", "adam", 0.5, steps=20))


def test_nothing_is_written_while_it_is_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*args: Any) -> str:
        raise AssertionError

    monkeypatch.setattr("explorer.ui.takeaway.program", refused)
    app = AppTest.from_file(str(MAIN), default_timeout=300).run()
    assert not app.exception
    assert "This run as Python" in [each.label for each in app.expander]
    assert not codes(app)
