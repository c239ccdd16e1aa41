"""Laws of every page, at both ends of every control: it runs, it says something, and what it says is fit to read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from explorer.core.networks import trials
from tests.ui.reading import FOLDER, MAIN, drawings, finished, opened, pictures, unreadable


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ruler of the page Network is tried for a few steps only, hundreds of times: what it says is tested with the page."""
    monkeypatch.setattr(trials, "MOST_WORK", 2e7)
    monkeypatch.setattr(trials, "FEWEST_STEPS", 1)


KINDS = ("toggle", "checkbox", "select_slider", "slider", "number_input", "multiselect", "selectbox", "pills", "segmented_control", "radio")
PAGES = sorted((FOLDER / "pages").glob("[0-9]*.py"))
SHORT = {"v": "1", "learning_rate": "0.1", "steps": "30"}
FEW_STEPS = {
    "30_sweep": SHORT | {"loss": "linear_regression", "learning_rate": "1e-4"},
    "50_network": SHORT | {"loss": "network"},
    "60_landscape": SHORT | {"loss": "network"},
}
"""Pages that compute longest, opened with fewer steps where every control is turned; the number of steps is one of the controls."""


def texts(app: AppTest) -> Iterator[str]:
    """All that is written on a page, but for tables and code."""
    for kind in ("title", "header", "subheader", "markdown", "caption", "error", "warning", "info", "success"):
        yield from (each.value for each in app.get(kind))
    for metric in app.metric:
        yield from (metric.label, metric.value)


def check(app: AppTest, what: str) -> None:
    """Nothing broke, every picture has a sentence at every position, and every number can be read."""
    assert not app.exception, f"{what}: {[each.value for each in app.exception]}"
    shown = pictures(app)
    alts = drawings(app)
    assert shown or alts, f"{what}: there is no picture"
    assert all(alt.strip() for alt in alts), f"{what}: a drawing without a text"
    written = [*texts(app), *(text for each in shown for text in words(each)), *alts]
    assert [text for text in written if unreadable(text)] == [], what


def words(picture: dict[str, Any]) -> list[str]:
    """What a picture says at each position of its dial; none of it may be missing."""
    dial = picture["dial"]
    if dial is None:
        return []
    found = [*dial["words"], *dial["values"], *dial["alts"]]
    assert all(text.strip() for text in found)
    assert len(dial["values"]) == len(picture["frames"])
    return found


def ends(widget: Any) -> list[Any]:
    """The values a widget is tried at: both ends, or everything there is to choose."""
    match widget.type:
        case "toggle" | "checkbox":
            return [True, False]
        case "select_slider":
            return [widget.options[0], widget.options[-1]]
        case "slider" | "number_input":
            return [widget.min, widget.max]
        case "multiselect":
            return [widget.options[:1], widget.options]
        case _:
            return list(widget.options)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_page_has_a_picture_and_words(page: Any) -> None:
    check(opened(page), page.stem)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_page_runs_at_both_ends_of_every_control(page: Any) -> None:
    """Each control is turned to its ends and back, with all others as the page opens (but for `FEW_STEPS`)."""
    query = FEW_STEPS.get(page.stem)
    app = opened(page, query)
    turns = [(kind, each.key, each.label, ends(each), each.value) for kind in KINDS for each in app.get(kind) if each.key]
    keys = {key for _, key, *_ in turns}
    for kind, key, label, values, before in turns:
        for value in [value for value in values if value != before]:
            check(widget(app, kind, key).set_value(value).run(), f"{label} = {value}")
            if {each.key for kind in KINDS for each in app.get(kind) if each.key} == keys:
                widget(app, kind, key).set_value(before)  # with the next run
            else:
                app = opened(page, query)
    for index, each in enumerate(opened(page, query).button):
        if not each.disabled:
            clicked = opened(page, query)
            check(clicked.button[index].click().run(), f"{each.label} clicked")


def widget(app: AppTest, kind: str, key: str) -> Any:
    """The control of that key, None if the page has no such control now."""
    return next((each for each in app.get(kind) if each.key == key and not getattr(each, "disabled", False)), None)


TYPED = ["", " ", "0", "-1", "nan", "inf", "1e308", "1e-308", "1e999", "ten", "1,2", "1,,2", "1, foo", "٣", "<b>", "$x$"]
TRAINING = {"50_network", "60_landscape"}
"""Pages that train a network whenever something is turned: a few of the texts are enough there, the boxes are those of the others."""


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_page_survives_whatever_is_typed(page: Any) -> None:
    app = opened(page)
    boxes = [(each.key, each.label, each.value) for each in app.text_input]
    for key, label, before in boxes:
        for text in TYPED[::5] if page.stem in TRAINING else TYPED:
            if not any(each.key == key for each in app.text_input):
                app = opened(page)
            check(app.text_input(key=key).set_value(text).run(), f"{label} = {text!r}")
            kept = [each.value for each in app.text_input if each.key == key]
            assert kept == [text] or not app.error, f"{label}: what was refused must stay in its box"
        if any(each.key == key for each in app.text_input):
            app.text_input(key=key).set_value(before).run()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_picture_that_stays_is_not_sent_again(page: Any) -> None:
    app = finished(opened(page))
    before = [each.proto.json for each in app.get("bidi_component")]
    assert [each.proto.json for each in app.run().get("bidi_component")] == before


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_every_number_that_is_drawn_is_json(page: Any) -> None:
    """NaN is no JSON, but Python's json writes it: a browser would refuse the whole picture."""
    for each in opened(page).get("bidi_component"):
        for text in (each.proto.json, json.loads(each.proto.json)["content"]):
            json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in the data of a picture"))


def test_the_main_script_finds_every_page() -> None:
    app = AppTest.from_file(str(MAIN)).run()
    assert not app.exception
    assert PAGES
