"""The map in a real browser: a box zooms, a click opens its run, stop and resume, and nothing runs over on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qs, urlencode, urlparse

import pytest
from playwright.sync_api import Locator, Page, expect

from explorer import Setup
from explorer.core.maps.map import Axis, Map

Visit = Callable[..., Page]
PLAN = Map(Setup("x_squared", steps=100), Axis("learning_rate", 0.01, 10, log=True, count=64), Axis("start.0", 0, 4, count=64))
LONG = Map(Setup("x_squared", learning_rate=1.0, steps=100_000), Axis("start.0", 1, 2, count=256), Axis("gradient_noise", 1, 2, count=256))
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


def shown(visit: Visit, server: str, plan: Map, **options: object) -> Page:
    """The page with this map on it. Streamlit looks for itself below the page's own address first, which is the one 404."""
    page = visit(f"{server}/map?{urlencode(plan.to_query())}", ignore="404", **options)
    page.locator(".picture[data-drawn]").wait_for()
    expect(page.get_by_role("heading", name=re.compile("runs diverge"))).to_be_visible()
    expect(page.get_by_text("Double well", exact=True).first).to_be_visible()  # loaded last, it moves what is below
    return page


def place(page: Page, across: float, up: float) -> tuple[float, float]:
    """A point of the plot, as shares of it from its lower left corner."""
    box = page.locator(".js-plotly-plot .nsewdrag").first.bounding_box()
    assert box is not None
    return box["x"] + box["width"] * across, box["y"] + box["height"] * (1 - up)


def query(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlparse(page.url).query).items()}


def test_a_box_zooms_and_back_returns(visit: Visit, server: str) -> None:
    page = shown(visit, server, PLAN)
    page.mouse.move(*place(page, 1 / 3, 0.25))
    page.mouse.down()
    for share in (0.4, 0.6, 2 / 3):
        page.mouse.move(*place(page, share, share))
    page.mouse.up()
    page.wait_for_url(lambda url: urlencode({"x": PLAN.x.write()}) not in url)
    zoomed = Map.from_query(query(page))
    assert zoomed.x.low == pytest.approx(0.1, rel=0.05), "a box on a logarithmic axis is told in values"
    assert zoomed.x.high == pytest.approx(1, rel=0.05)
    assert (zoomed.y.low, zoomed.y.high) == pytest.approx((1, 8 / 3), abs=0.05)
    page.get_by_role("button", name="Back").click()
    page.wait_for_url(lambda url: urlencode({"x": PLAN.x.write()}) in url)


def test_a_click_opens_that_run(visit: Visit, server: str) -> None:
    page = shown(visit, server, PLAN)
    page.mouse.click(*place(page, 0.5, 0.5))
    page.wait_for_url(lambda url: "/map" not in url and "learning_rate=" in url)
    expect(page.get_by_role("heading", name="Where does the learning rate stop working?")).to_be_visible()
    opened = query(page)
    assert float(opened["learning_rate"]) == pytest.approx(0.316, rel=0.15)
    assert float(opened["start"]) == pytest.approx(2, abs=0.1)


def stop(page: Page) -> Locator:
    """The page's own button, which is not Streamlit's of the same name, there while a script runs."""
    return page.get_by_test_id("stMain").get_by_role("button", name="Stop", exact=True)


def stopped(page: Page) -> Locator:
    """Click "Stop" once; return the button to go on, which is then there."""
    stop(page).click()
    resume = page.get_by_role("button", name="Go on")
    expect(resume).to_be_visible()
    return resume


def test_stop_and_resume_while_it_is_made(visit: Visit, server: str) -> None:
    page = shown(visit, server, LONG)
    resume = stopped(page)
    expect(page.get_by_text("stopped")).to_be_visible()
    resume.click()
    expect(page.get_by_text(re.compile("runs, (.* left|beginning)"))).to_be_visible()
    stopped(page)


def test_stop_is_the_same_button_while_the_work_of_others_comes_and_goes(visit: Visit, server: str) -> None:
    """A click is a press and a release on one element: on another that stands in its place it would be lost."""
    page = shown(visit, server, LONG)
    button, waiting = stop(page).element_handle(), page.get_by_text(re.compile("runs, waiting for a turn"))
    assert button is not None
    for steps in (99_999, 99_998):
        other = shown(visit, server, replace(LONG, setup=replace(LONG.setup, steps=steps)))
        page.bring_to_front()
        expect(waiting).to_be_visible()
        other.close()
        expect(waiting).to_be_hidden()
        assert button.evaluate("each => each.isConnected")
    button.click()
    expect(page.get_by_role("button", name="Go on")).to_be_visible()


def test_on_a_phone_nothing_runs_over(visit: Visit, server: str) -> None:
    page = shown(visit, server, PLAN, **PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    plot = page.locator(".js-plotly-plot").first.bounding_box()
    assert plot is not None
    assert plot["x"] >= 0
    assert plot["x"] + plot["width"] <= 390
    expect(page.get_by_role("button", name="Zoom in")).to_be_visible()
