"""The words of the field in a real browser: explained by pointer, finger and keyboard, on a page that is never changed for it."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.test_every_page import PHONE
from tests.browser.waiting import settle

Visit = Callable[..., Page]
MARKED = "() => [...(CSS.highlights.get('words') ?? [])].map(String)"
PLACE = """(word) => {
  const inPicture = ({ startContainer }) => startContainer.parentElement.closest(".picture");
  const range = [...CSS.highlights.get("words")].find((each) => String(each) === word && inPicture(each));
  const { x, y, width, height } = range?.getBoundingClientRect() ?? {};
  return width && [x + width / 2, y + height / 2];
}"""


NAN = "v=1&loss=linear_regression&loss.half=false&loss.start=zero&learning_rate=0.01&steps=200"


def opened(visit: Visit, server: str, link: str = NAN, **options: object) -> Page:
    page = visit(f"{server}/?{link}", **options)
    settle(page)
    page.wait_for_function(f"({MARKED})().includes('critical rate')")
    return page


def place(page: Page, word: str) -> tuple[float, float]:
    """Where a word is marked in the picture, once it is."""
    x, y = page.wait_for_function(PLACE, arg=word).json_value()
    return x, y


def test_a_word_is_explained_where_it_stands_and_leads_to_its_case(visit: Visit, server: str) -> None:
    page = opened(visit, server)
    before = page.locator(".picture-value").first.inner_html()
    page.mouse.move(*place(page, "critical rate"))
    line = page.locator("#beside")
    expect(line).to_contain_text("The largest learning rate at which the error does not grow")
    assert page.locator(".picture-value").first.inner_html() == before
    page.keyboard.press("Escape")
    expect(line).to_be_hidden()
    page.locator(".picture-sentence strong").first.hover()
    expect(line).to_contain_text("diverged: The error grew")
    line.get_by_role("link").click()
    expect(page).to_have_url(re.compile("loss=linear_regression"))


def test_a_finger_asks_too(visit: Visit, server: str) -> None:
    page = opened(visit, server, **PHONE)
    page.touchscreen.tap(*place(page, "critical rate"))
    expect(page.locator("#beside")).to_contain_text("2/λ for plain gradient descent")
    page.locator("h1").tap()
    expect(page.locator("#beside")).to_be_hidden()


def test_what_a_drag_says_anew_is_explained_and_listed(visit: Visit, server: str) -> None:
    page = opened(visit, server, "v=1&loss=double_well&learning_rate=0.5&steps=60")
    listed = page.locator(".words")
    listed.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(listed.locator("dt").filter(has_text=re.compile("^momentum$"))).to_have_count(0)
    page.get_by_role("link", name="Race", exact=True).click()
    expect(page.locator("h1")).to_contain_text("survives")
    expect(listed.locator("dt").filter(has_text=re.compile("^momentum$"))).to_have_count(1)
    expect(listed.get_by_role("link")).not_to_have_count(0)
