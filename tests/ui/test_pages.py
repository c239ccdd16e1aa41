"""Laws of every page, at both ends of its controls: it runs, it says something, and what it says is fit to read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from explorer.core.losses import LOSSES
from explorer.core.networks import trials
from explorer.core.theory import gradient_check
from tests.ui.reading import (
    FOLDER,
    MAIN,
    PATIENCE,
    begun,
    components,
    content,
    control,
    controls,
    drawings,
    ends,
    finished,
    leave,
    opened,
    pictures,
    unreadable,
)


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ruler of the page Network is tried for a few steps only, and one coordinate of a gradient: what they say is tested with them."""
    monkeypatch.setattr(trials, "MOST_WORK", 2e7)
    monkeypatch.setattr(trials, "FEWEST_STEPS", 1)
    monkeypatch.setattr(gradient_check, "ON_THE_CURVE", 1)


PAGES = sorted((FOLDER / "pages").glob("[0-9]*.py"))
SHORT = {"v": "1", "learning_rate": "0.1", "steps": "12"}
FEW_STEPS = {
    "10_step_size": SHORT | {"loss": "linear_regression", "learning_rate": "1e-3"},
    "20_race": SHORT | {"loss": "ravine"},
    "30_sweep": SHORT | {"loss": "linear_regression", "learning_rate": "1e-4"},
    "40_map": SHORT
    | {"loss": "quadratic", "optimizer": "momentum", "x": "learning_rate:0:4.5:linear:16", "y": "optimizer.momentum:0:1:linear:16"},
    "50_network": SHORT | {"loss": "network", "loss.examples": "8"},
    "60_landscape": SHORT | {"loss": "network", "loss.examples": "8", "view.side": "11"},
    "85_gradient": SHORT | {"loss": "homemade_network", "loss.examples": "4"},
    "90_safe_rate": SHORT | {"loss": "ravine"},
}
"""Pages that compute longest, opened with fewer steps where every control is turned; the number of steps is one of the controls."""

PANEL = {"10_step_size": ("box:",), "50_network": ("box:loss.",), "85_gradient": ("box:loss.",)}
"""Where the controls that pages share are turned: all of them on the first page, the knobs of other losses on the page that is about them.

Every knob of every shelf, by itself: `tests/ui/test_panel.py`. Other pages are shown one loss of each family.
"""
ELSEWHERE = {"10_step_size": ("box:loss", "box:optimizer")}
"""What `tests/ui/test_step_size.py` turns."""

TOGETHER = ("box:loss.", "map:x:knob", "map:y:knob")
"""What is turned several at once; each knob by itself: `tests/ui/test_panel.py`."""

FAMILIES = {LOSSES[name].__module__: LOSSES.title(name) for name in reversed([*LOSSES])}


def texts(app: AppTest) -> Iterator[str]:
    """All that is written on a page, but for tables and code."""
    for kind in ("title", "header", "subheader", "markdown", "caption", "error", "warning", "info", "success"):
        yield from (each.value for each in app.get(kind))
    for metric in app.metric:
        yield from (metric.label, metric.value)


def check(app: AppTest, what: str) -> None:
    """Nothing broke, every picture has a sentence at every position, and every number can be read."""
    assert not app.exception, f"{what}: {[each.value for each in app.exception]}"
    if not pictures(app) and not drawings(app):
        begun(app)  # at work: a slow machine has nothing to show yet
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


def tried(page: str, widget: Any) -> list[Any]:
    """The values a page's widget is tried at; none where it is one of the panel's that another page tries."""
    shared = widget.key.startswith("box:")
    if shared and (not widget.key.startswith(PANEL.get(page, ())) or widget.key.startswith(ELSEWHERE.get(page, ()))):
        return [name for name in widget.options if name in FAMILIES.values()] if widget.key == "box:loss" else []
    values = ends(widget)
    return values[:1] + values[-1:] if shared and page in PANEL and page != "10_step_size" else values


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_page_has_a_picture_and_words(page: Any) -> None:
    check(opened(page), page.stem)


@pytest.mark.parametrize("page", [page for page in PAGES if page.stem in FEW_STEPS], ids=lambda path: path.stem)
def test_a_page_of_hardly_any_steps_has_a_picture_and_words(page: Any) -> None:
    """None, one, two, and one again: of one it says `1 step`."""
    for steps in ("0", "1", "2", "1"):
        app = opened(page, FEW_STEPS[page.stem] | {"steps": steps})
        check(app, f"{page.stem} at {steps}")
        leave(app)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_page_runs_at_both_ends_of_every_control(page: Any) -> None:
    """Each of its own is turned to its ends and back, with all others as the page opens (but for `FEW_STEPS` and `TOGETHER`)."""
    query = FEW_STEPS.get(page.stem)
    app = opened(page, query)
    before = {each.key: each.value for each in controls(app)}
    turned = {each.key: [value for value in tried(page.stem, each) if value != each.value] for each in controls(app)}
    waiting = list(turns(turned))
    while waiting:
        turn = waiting.pop(0)
        for key, value in turn.items():
            control(app, key).set_value(value)
        check(app.run(), ", ".join(f"{key} = {value}" for key, value in turn.items()))
        if len(turn) > 1 and (app.error or any(control(app, key) is None for key in turn)):
            waiting = [{key: value} for key, value in turn.items()] + waiting  # each by itself: one stood in the way of the others
        if {each.key for each in controls(app)} == {*before}:
            for key in turn:
                control(app, key).set_value(before[key])  # with the next run
        else:
            leave(app)
            app = opened(page, query)
    leave(app)
    for label in [each.label for each in app.button if not each.disabled]:
        clicked = opened(page, query)
        for button in [each for each in clicked.button if each.label == label and not each.disabled]:  # a short run may be over already
            check(button.click().run(), f"{label} clicked")
        leave(clicked)


def turns(turned: dict[str, list[Any]]) -> Iterator[dict[str, Any]]:
    """What is turned in one run each: the knobs of a loss several at once, some to their one end and some to their other; others alone."""
    knobs = [key for key, values in turned.items() if values and key.startswith(TOGETHER)]
    for few in (knobs[i : i + 4] for i in range(0, len(knobs), 4)):
        for turn in range(max(len(turned[key]) for key in few)):
            yield {key: turned[key][(turn + i) % len(turned[key])] for i, key in enumerate(few)}
    yield from ({key: value} for key, values in turned.items() if key not in knobs for value in values)


TYPED = ["", " ", "0", "-1", "nan", "inf", "1e308", "1e-308", "1e999", "ten", "1,2", "1,,2", "1, foo", "٣", "<b>", "$x$"]
FEW_TYPED = ["", "0", "1e308", "1,2", "$x$"]
"""What is typed into the panel's boxes on all pages but the first, where everything is."""


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_page_survives_whatever_is_typed(page: Any) -> None:
    query = FEW_STEPS.get(page.stem)
    app = opened(page, query)
    boxes = [(each.key, each.label, each.value) for each in app.text_input]
    for key, label, before in boxes:
        for text in FEW_TYPED if key.startswith("box:") and page.stem != "10_step_size" else TYPED:
            if not any(each.key == key for each in app.text_input):
                leave(app)
                app = opened(page, query)
            check(app.text_input(key=key).set_value(text).run(), f"{label} = {text!r}")
            kept = [each.value for each in app.text_input if each.key == key]
            assert kept == [text] or not app.error, f"{label}: what was refused must stay in its box"
        if any(each.key == key for each in app.text_input):
            app.text_input(key=key).set_value(before).run()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_picture_that_stays_is_not_sent_again(page: Any) -> None:
    app = finished(opened(page, FEW_STEPS.get(page.stem)))
    before = [each.proto.json for each in components(app)]
    assert [each.proto.json for each in components(app.run())] == before


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_every_number_that_is_drawn_is_json(page: Any) -> None:
    """NaN is no JSON, but Python's json writes it: a browser would refuse the whole picture."""
    for each in components(opened(page)):
        for text in (each.proto.json, content(each)):
            json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in the data of a picture"))


def test_the_page_in_contributing_is_a_page() -> None:
    text = (FOLDER.parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    [recipe] = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    app = AppTest.from_string(recipe).run()
    check(app, "as it opens")
    check(app.text_input(key="box:steps").set_value("1e9").run(), "refused")
    assert app.error


def test_the_main_script_finds_every_page() -> None:
    app = AppTest.from_file(str(MAIN), default_timeout=PATIENCE).run()
    assert not app.exception
    assert PAGES
