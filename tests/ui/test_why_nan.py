"""The page Why nan: each origin with one click, and whatever else is asked of it."""

from __future__ import annotations

import pytest

from explorer.core.verdict.forensics import Origin
from tests.ui.reading import FOLDER, opened, pictures

PAGE = FOLDER / "pages" / "82_why_nan.py"

ORIGINS = {
    "Learning rate": Origin.RATE,
    "Outlier": Origin.OUTLIER,
    "`nan` in the data": Origin.DATA,
    "Logarithm of 0": Origin.LOG,
    "0/0": Origin.RATIO,
    "Out of the domain": Origin.DOMAIN,
    "Weight decay": Origin.DECAY,
    "float32": Origin.PRECISION,
}


def test_there_is_a_click_for_every_origin() -> None:
    assert list(opened(PAGE).pills[0].options) == list(ORIGINS)
    assert {*ORIGINS.values()} == {*Origin}


@pytest.mark.parametrize("label", ORIGINS)
def test_one_click_shows_an_origin_and_another_undoes_it(label: str) -> None:
    app = opened(PAGE)
    app.pills[0].set_value(label).run()
    assert not app.exception
    assert app.header[0].value.replace("`", "").lower().startswith(f"{ORIGINS[label]}: ")
    assert app.success[0].value.startswith("**What to change.**")
    (shown,) = pictures(app)
    assert ORIGINS[label] in shown["alt"]
    assert app.metric[1].value == shown["alt"].split("at step ")[1].split(" ")[0].rstrip(".;")
    switch = next(each for each in app.main.button)
    switch.click().run()
    assert "every number of this run is finite" in app.header[0].value.lower()
    assert not app.metric


def test_the_example_at_fault_is_shown() -> None:
    app = opened(PAGE)
    app.pills[0].set_value("Outlier").run()
    assert {each.label: each.value for each in app.metric}["from example"] == "1"


def test_a_run_that_would_take_too_long_is_refused_with_a_sentence() -> None:
    app = opened(PAGE, {"v": "1", "loss": "network", "learning_rate": "0.1", "steps": "10000000"})
    assert "steps must be ≤" in app.warning[0].value
    assert pictures(app)
