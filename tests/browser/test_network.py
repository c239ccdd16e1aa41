"""The page "Network" in a real browser: its ruler, whose rates are tried in the background, chooses the rate that is trained."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlencode, urlsplit

from playwright.sync_api import Page, expect

SMALL = {"v": "1", "loss": "network", "loss.examples": "20", "optimizer": "gradient_descent", "learning_rate": "0.5", "steps": "40"}
TRIED = re.compile(r"(\d+) of \1 rates tried")
Visit = Callable[..., Page]


def rate(page: Page) -> float:
    """The rate in the page's link."""
    return float(parse_qs(urlsplit(page.url).query)["learning_rate"][0])


def test_the_ruler_is_dragged_and_its_rate_is_trained(visit: Visit, server: str) -> None:
    page = visit(f"{server}/network?{urlencode(SMALL)}", ignore="404")  # Streamlit looks for itself below the page first
    expect(page.get_by_text(TRIED)).to_be_visible()  # or the ruler would be drawn anew under the mouse
    dial = page.get_by_role("slider", name="Learning rate").first
    said = page.locator(".picture-sentence").first
    box = dial.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    before = said.inner_text()
    page.mouse.move(box["x"] + box["width"] * (int(dial.input_value()) / int(dial.get_attribute("max") or 1)), middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 16, middle, steps=8)
    expect(said).not_to_have_text(before)
    assert rate(page) == 0.5, "nothing is trained before the release"
    page.mouse.up()
    expect(page).not_to_have_url(re.compile(r"learning_rate=0\.5(&|$)"))
    assert rate(page) > 0.5
    dial.focus()
    page.keyboard.press("Home")
    page.wait_for_function("Number(new URL(location).searchParams.get('learning_rate')) < 0.5")
    expect(page.get_by_text(TRIED)).to_be_visible()
    expect(said).to_have_text(re.compile("^[A-Z][a-z]+: "))
    expect(page.locator("h2").first).not_to_contain_text(said.inner_text().partition(":")[0])
