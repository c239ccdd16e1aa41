"""The page Map without a browser: cases, windows, stop and resume, and a browser that leaves."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from streamlit.testing.v1 import AppTest

from explorer import Setup
from explorer.core.ground.halt import Halt
from explorer.core.maps.canvas import Canvas
from explorer.core.maps.map import Axis, Map
from explorer.core.maps.render import render
from explorer.site.casebook import Case, cases
from explorer.site.kept import kept, known
from explorer.ui import job as jobs
from explorer.ui.job import Job
from tests.ui.reading import FOLDER, PATIENCE, opened, pictures

PAGE = FOLDER / "pages" / "40_map.py"
MAPS = [case for case in cases() if case.page == "map"]
SMALL = Map(Setup("x_squared", steps=50), Axis("learning_rate", 0, 1.5, count=32), Axis("start.0", 1, 2, count=32))
LONG = Map(Setup("x_squared", learning_rate=1.0, steps=20_000), Axis("start.0", 1, 2, count=128), Axis("gradient_noise", 1, 2, count=128))


@pytest.mark.parametrize("case", MAPS, ids=lambda case: case.name)
def test_a_case_is_written_as_a_link(case: Case) -> None:
    assert case.record.to_query() == case.query


@pytest.mark.parametrize("case", [case for case in MAPS if kept(case.record)], ids=lambda case: case.name)
def test_what_was_computed_beforehand_is_what_rendering_finds(case: Case) -> None:
    plan: Map = case.record
    kept = known(plan)
    assert kept.done.all()
    some = np.random.default_rng(0).choice(plan.pixels, 16, replace=False)

    def rendered(share: float) -> Canvas:
        """These pixels again, with both axes moved by this share."""
        ends = [replace(axis, low=axis.low * (1 + share), high=axis.high * (1 + share)) for axis in (plan.x, plan.y)]
        moved = replace(plan, x=ends[0], y=ends[1])
        canvas = Canvas(kept.codes.copy(), kept.pace.copy(), moved)
        canvas.codes.ravel()[some] = Canvas.blank(plan).codes.ravel()[some]
        for _ in render(moved, canvas):
            pass
        return canvas

    def same(one: Canvas, other: Canvas) -> NDArray[np.bool_]:
        return np.asarray((one.codes == other.codes) & np.isclose(one.pace, other.pace, rtol=1e-4, equal_nan=True)).ravel()[some]

    again, settled = rendered(0.0), np.ones(some.size, dtype=bool)
    for share in (1e-13, -1e-13, 1e-12, 1e-11):  # chaos: the last bit decides a pixel, and each processor has its own
        if same(again, kept)[settled].all():
            break
        settled &= same(again, rendered(share))
    assert settled.sum() >= 8
    assert np.count_nonzero(~same(again, kept)[settled]) <= 2


def test_the_fractal_is_there_at_once_and_another_window_of_it_is_computed() -> None:
    plan: Map = next(case.record for case in MAPS if case.name == "45_map_fractal")
    app = opened(PAGE, query=plan.to_query())
    assert not app.get("progress")
    assert not app.header[0].value.startswith("So far")
    assert not known(replace(plan, x=replace(plan.x, high=plan.x.high * 0.9))).done.any()


def shown(app: AppTest) -> dict[str, Any]:
    assert not app.exception
    [picture] = pictures(app)
    return picture


def link(app: AppTest) -> Map:
    values = {name: app.query_params[name] for name in app.query_params}
    return Map.from_query({name: value if isinstance(value, str) else value[0] for name, value in values.items()})


def button(app: AppTest, label: str) -> Any:
    return next(each for each in app.button if each.label == label)


def box(app: AppTest, label: str) -> list[Any]:
    return [each for each in app.text_input if each.label == label]


def test_it_opens_with_momentums_triangle_in_agreement_with_theory() -> None:
    app = opened(PAGE)
    assert "Theory's line is right for every run" in app.header[0].value
    assert app.header[0].value in shown(app)["alt"]


def test_a_link_opens_its_map_and_is_kept() -> None:
    app = opened(PAGE, SMALL.to_query())
    assert link(app) == SMALL
    assert "1,024 runs" in app.header[0].value


def test_a_broken_link_says_so_and_shows_a_map() -> None:
    app = opened(PAGE, SMALL.to_query() | {"x": "learning_rate:2:1:log:32", "y": "optimizer.beta1:0:1:linear:32"})
    said = " ".join(each.value for each in app.warning)
    assert "the low end of learning_rate must be below the high one, got 2 and 1" in said
    assert "optimizer.beta1" in said
    assert shown(app)


def test_windows_are_moved_by_keyboard() -> None:
    app = opened(PAGE, SMALL.to_query())
    box(app, "to")[0].set_value("3").run()
    assert link(app).x.high == 3
    button(app, "Zoom in").click().run()
    assert (link(app).x.low, link(app).x.high) == (0.75, 2.25)
    assert (link(app).y.low, link(app).y.high) == (1.25, 1.75)
    button(app, "Back").click().run()
    assert (link(app).x.low, link(app).x.high) == (0, 3)
    button(app, "Zoom out").click().run()
    assert link(app).x.low == 0, "a rate cannot be negative"
    assert link(app).x.high == 4.5


@pytest.mark.parametrize(
    ("label", "text", "sentence"),
    [
        ("from", "9", "the low end of learning_rate must be below the high one, got 9 and 1.5"),
        ("to", "ten", "the high end of learning_rate must be a number, got 'ten'"),
        ("from", "-1", "learning_rate must be finite and ≥ 0"),
        ("to", "nan", "the high end of learning_rate must be finite, got nan"),
    ],
)
def test_a_refused_end_stays_in_its_box_with_the_reason(label: str, text: str, sentence: str) -> None:
    app = opened(PAGE, SMALL.to_query())
    box(app, label)[0].set_value(text).run()
    assert box(app, label)[0].value == text
    assert sentence in app.error[0].value
    assert link(app) == SMALL
    box(app, label)[0].set_value("1").run()
    assert not app.error


def test_axes_are_chosen_and_change_places() -> None:
    app = opened(PAGE, SMALL.to_query())
    across, up = app.selectbox[0], app.selectbox[1]
    across.set_value("optimizer.weight_decay").run()
    assert link(app).x == Map.of(SMALL.setup, y=replace(link(app).x)).y
    up.set_value("optimizer.weight_decay").run()
    assert (link(app).x.knob, link(app).y.knob) == ("start.0", "optimizer.weight_decay")


def test_another_loss_gets_windows_that_fit_it() -> None:
    app = opened(PAGE, SMALL.to_query())
    next(each for each in app.selectbox if each.label == "loss").set_value("linear_regression").run()
    assert link(app).x.knob == "learning_rate"
    assert link(app).x.high < 0.01
    assert link(app).y.knob == "start.0"


def test_a_knob_that_goes_makes_way() -> None:
    app = opened(PAGE)
    next(each for each in app.selectbox if each.label == "optimizer").set_value("gradient_descent").run()
    assert shown(app)
    assert "optimizer.momentum" not in (link(app).x.knob, link(app).y.knob)


def test_too_much_work_is_refused_with_what_would_fit() -> None:
    app = opened(PAGE, SMALL.to_query())
    next(each for each in app.text_input if each.label == "steps").set_value("1000000000").run()
    assert "pixels × steps × dim must be ≤ 4 × 10¹⁰" in app.error[0].value
    assert shown(app)
    assert link(app) == SMALL


def test_the_end_of_float64_is_told() -> None:
    plan = Map(SMALL.setup, Axis("learning_rate", 0.5, 0.5 + 1e-14, count=32), SMALL.y)
    app = opened(PAGE, plan.to_query())
    assert "float64 ends here" in app.warning[0].value
    assert shown(app)


def test_what_a_browser_sends_is_checked() -> None:
    app = opened(PAGE, SMALL.to_query())
    for event in ("boxed", "clicked"):
        for rubbish in ("x", [1, None], [1, 2, 3], [float("nan")] * 4, [1e308, -1e308, 1e308, -1e308], [0, 0, 0, 0]):
            app.session_state["map:picture"] = {event: rubbish}
            assert not app.run().exception


def test_stop_and_resume() -> None:
    app = opened(PAGE, LONG.to_query())
    until(lambda: bool(app.session_state["map:job"][1].latest))  # on a busy machine the first pixels take their time
    button(app, "Stop").click().run()
    assert "stopped" in app.get("progress")[0].proto.text
    assert "So far" in app.header[0].value
    until(lambda: not app.session_state["map:job"][1].running)
    before = app.session_state["map:job"][1].latest
    assert app.run().session_state["map:job"][1].latest == before
    button(app, "Go on").click().run()
    assert button(app, "Stop")
    app.session_state["map:job"][1].stop()


def painted(plan: Map, canvas: Canvas | None = None) -> Job[float]:
    canvas = canvas or Canvas.blank(plan)
    return Job(lambda halt: render(plan, canvas, stop=halt), keeps=True)


def until(seen: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not seen():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_it_stops_when_the_browser_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "PATIENCE", 0.3)
    painting = painted(LONG)
    until(lambda: not painting.running)
    assert painting.latest is None or painting.latest < 1
    for _ in range(2):  # the visitor comes back, and goes again
        painting.look()
        assert painting.running
        until(lambda: not painting.running)
    painting.look()
    painting.stop()
    painting.look()
    until(lambda: not painting.running)
    painting.look()
    assert not painting.running, "what was stopped by hand stays so"
    painting.go_on()
    assert painting.running
    painting.stop()


def test_it_stops_when_the_session_is_dropped() -> None:
    painting = painted(LONG)
    thread = painting._thread
    del painting
    gc.collect()
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_a_map_is_kept_for_the_next_visitor() -> None:
    plan = replace(SMALL, setup=Setup("x_squared", steps=49))
    canvas = Canvas.blank(plan)
    first = painted(plan, canvas)
    first.wait(PATIENCE)
    assert canvas.done.all()
    assert first.latest == 1
    assert first.seconds > 0
    again = painted(plan, canvas)
    again.wait(PATIENCE)
    assert again.latest is None, "nothing is left to do"


def test_what_went_wrong_is_told() -> None:
    def broken(halt: Halt) -> Generator[float, None, None]:
        yield 0.5
        raise RuntimeError("the reason")

    painting = Job(broken)
    painting.wait(PATIENCE)
    assert painting.look() == 0.5
    assert painting.error == "the reason"
