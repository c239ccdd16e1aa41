"""Who runs in a race: a row of its table in a real browser, whatever pace they have."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.waiting import settle

Visit = Callable[..., Page]


@pytest.mark.parametrize("pace", ["shared", "fraction"])
def test_who_joins_a_race_of_one_pace_runs(visit: Visit, server: str, pace: str) -> None:
    """One after another, and one more: each is in the table of results and in the link, though nobody typed a rate for it."""
    racers = "gradient_descent:1.9,momentum:0.5"
    page = visit(f"{server}/race?v=1&loss=ravine&learning_rate=0.1&racers={racers}&pace={pace}", ignore="404")
    settle(page)
    results = page.get_by_test_id("stMain").get_by_role("table")
    for count, name in enumerate(("lion", "Adam", "Nesterov"), 3):
        settle(page)
        table = page.get_by_test_id("stDataFrame").first
        page.wait_for_function(  # it grows with its racers, its head and the row that adds one
            "rows => document.querySelector('[data-testid=stDataFrame]')?.offsetHeight >= 36 * rows", arg=count + 1
        )
        table.scroll_into_view_if_needed()
        box = table.bounding_box()
        assert box
        page.mouse.click(box["x"] + 60, box["y"] + box["height"] - 14)
        choice = page.locator("input[id^=react-select]")
        expect(choice).to_be_focused()  # what is typed before is lost, and Enter then takes the first of all
        page.keyboard.type(name)
        expect(page.locator("[id^=react-select][role=option]").first).to_have_text(re.compile(name, re.IGNORECASE))
        page.keyboard.press("Enter")
        expect(results.get_by_role("row")).to_have_count(count + 1)
        expect(results).to_contain_text(name)
        page.wait_for_function("name => new URL(location).searchParams.get('racers').includes(name)", arg=name.lower())
