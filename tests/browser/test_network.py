"""The page "Network" in a real browser: its ruler, whose rates are tried in the background, chooses the rate that is trained."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlencode, urlsplit

from playwright.sync_api import Page, expect

from tests.browser.waiting import settle

SMALL = {"v": "1", "loss": "network", "loss.examples": "20", "optimizer": "gradient_descent", "learning_rate": "0.5", "steps": "40"}
TRIED = re.compile(r"(\d+) of \1 rates tried")
FEWEST = """() => {
  const count = () => { window.fewest = Math.min(window.fewest ?? 9, document.querySelectorAll(".picture").length); };
  new MutationObserver(count).observe(document.body, { childList: true, subtree: true });
}"""
"""Counts the pictures of a page at every change, and keeps the smallest number."""

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


def test_a_ruler_stays_under_the_hand_that_drags_it_again_and_again(visit: Visit, server: str) -> None:
    """Each release trains anew, and the next drag begins before that is over: none is broken off, and the last is what is trained."""
    page = visit(f"{server}/network", ignore="404")
    settle(page)
    dial = page.get_by_role("slider", name="Learning rate").first
    own, box, last = dial.element_handle(), dial.bounding_box(), int(dial.get_attribute("max") or 0)
    assert own is not None
    assert box is not None
    middle = box["y"] + box["height"] / 2
    for shares in ((0.3, 0.6), (0.2, 0.5), (0.7, 0.4), (0.1, 0.8)):
        for to in shares:
            before = int(dial.input_value()) / last
            page.mouse.move(box["x"] + 22 + before * (box["width"] - 44), middle)
            page.mouse.down()
            page.mouse.move(box["x"] + 22 + to * (box["width"] - 44), middle, steps=4)
            page.wait_for_function("([dial, to]) => Math.abs(dial.value - to) <= 2", arg=[own, to * last])
            page.mouse.up()
        page.mouse.down()  # and hold it until the page is at rest
        settle(page)
        page.mouse.move(box["x"] + 22 + 0.55 * (box["width"] - 44), middle, steps=4)
        page.wait_for_function("([dial, to]) => dial.isConnected && Math.abs(dial.value - to) <= 2", arg=[own, 0.55 * last])
        page.mouse.up()
    said = page.locator(".picture-value .picture-now").first.inner_text().split()[0]
    page.wait_for_function("to => Math.abs(new URL(location).searchParams.get('learning_rate') / to - 1) < 1e-3", arg=float(said))


def test_every_picture_is_there_while_another_run_is_under_way(visit: Visit, server: str) -> None:
    """Nothing below leaves and comes back under the hand of somebody who types one rate after another."""
    page = visit(f"{server}/network?{urlencode(SMALL)}", ignore="404")
    settle(page)
    step, box = page.get_by_role("slider", name="Step"), page.get_by_role("textbox", name="learning rate")
    assert page.locator(".picture").count() == 3
    page.evaluate(FEWEST)
    for typed in ("0.25", "0.75", "0.3"):
        box.fill(typed)
        box.press("Enter")
        page.wait_for_function("rate => new URL(location).searchParams.get('learning_rate') === rate", arg=typed)
        settle(page)
        expect(step).to_have_value(str(int(step.get_attribute("max") or 0)))
    assert page.evaluate("window.fewest") >= 2, "only the ruler may wait for its first rates"
