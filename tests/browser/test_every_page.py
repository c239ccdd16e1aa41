"""Every page in a real browser: by keyboard, on a phone, in the dark, and nothing on the console."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

import explorer.ui
from tests.browser.conftest import PATIENCE
from tests.browser.waiting import settle

PAGES = [path.stem.split("_", 1)[1] for path in sorted((Path(explorer.ui.__path__[0]) / "pages").glob("[0-9]*.py"))]
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
Visit = Callable[..., Page]

every_page = pytest.mark.parametrize("name", PAGES)

NOTE_FOCUS = "() => { window.reached = new WeakSet(); document.addEventListener('focusin', (event) => reached.add(event.target)); }"
SEEN = """const seen = (each) => each.checkVisibility({ visibilityProperty: true }) && !each.closest("[aria-hidden=true], [inert]");"""
UNREACHED = f"""() => {{
  {SEEN}
  const group = (each) => each.closest("[role=radiogroup]") ?? each;  // one stop for Tab, arrows within
  return [...document.querySelectorAll("[data-testid=stMain] :is(button, input, textarea, a[href])")]
    .filter((each) => each.tabIndex >= 0 && !each.disabled && seen(each) && !reached.has(each))
    .filter((each) => ![...group(each).querySelectorAll("*")].some((other) => reached.has(other)))
    .map((each) => each.outerHTML.slice(0, 200));
}}"""
NAMELESS = f"""() => {{
  {SEEN}
  const named = (each) => each.ariaLabel || each.alt || each.title || each.innerText || each.labels?.length
    || each.ariaLabelledByElements?.length;
  return [...document.querySelectorAll(":is(img, [role=img], canvas[role], input[type=range], button)")]
    .filter((each) => seen(each) && each.alt !== "" && !named(each)).map((each) => each.outerHTML.slice(0, 200));
}}"""


def settled(visit: Visit, server: str, name: str, **options: object) -> Page:
    """A page when it has run and is drawn. Streamlit looks for itself below the page's own address first, which is the one 404."""
    page = visit(f"{server}/{name}", ignore="404", **options)
    settle(page)
    expect(page.locator("[data-testid=stMain] h1").first).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)
    return page


@every_page
def test_everything_is_reached_by_keyboard(visit: Visit, server: str, name: str) -> None:
    page = settled(visit, server, name)
    page.evaluate(NOTE_FOCUS)
    deadline = time.monotonic() + PATIENCE
    while (left := page.evaluate(UNREACHED)) and time.monotonic() < deadline:  # a page still at work may put new controls among them
        for _ in range(10):
            page.keyboard.press("Tab")
    assert left == []


@every_page
@pytest.mark.parametrize("options", [PHONE, {"color_scheme": "dark"}], ids=["phone", "dark"])
def test_a_phone_and_the_dark(visit: Visit, server: str, name: str, options: dict[str, object]) -> None:
    page = settled(visit, server, name, **options)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing runs over to the side"
    assert page.evaluate(NAMELESS) == [], "every picture and every control has a name"


def test_the_first_page_has_a_name_too(visit: Visit, server: str) -> None:
    """Streamlit knows it by `/` only; a link that names it is as good."""
    page = visit(f"{server}/step_size?v=1&loss=x_squared&learning_rate=0.7")
    expect(page.get_by_label("learning rate", exact=True).first).to_have_value("0.7")
    assert urlsplit(page.url).path == "/"


SEEN_AT_ONCE = """() => {
  const picture = document.querySelector(".picture"); // not there while Streamlit takes it from one place to another
  if (!picture) return { dial: false, shown: 0 };
  const plot = picture.querySelector(".picture-plot").getBoundingClientRect();
  const dial = picture.querySelector(".picture-dial:not([hidden]) input")?.getBoundingClientRect();
  const shown = Math.max(Math.min(plot.bottom, innerHeight) - plot.top, 0) / plot.height;
  const player = picture.querySelector(".picture-player:not([hidden])")?.getBoundingClientRect();
  return { dial: !dial || (dial.top >= 0 && dial.bottom <= innerHeight), player: !player || player.bottom <= innerHeight, shown };
}"""


@pytest.mark.parametrize("size", [(1440, 900), (1024, 768), (390, 844)], ids=["laptop", "projector", "phone"])
@pytest.mark.parametrize("name", ["step_size", "race", "map", "landscape"])
def test_what_is_dragged_and_what_it_moves_are_in_the_first_screen(visit: Visit, server: str, name: str, size: tuple[int, int]) -> None:
    """On a phone two plots stand one above the other: the first of them, and some of the second."""
    page = settled(visit, server, name, **(PHONE if size[0] < 640 else {"viewport": {"width": size[0], "height": size[1]}}))
    sidebar = page.get_by_test_id("stSidebar")
    expect(sidebar).to_have_attribute("data-collapsed", "true" if size[0] < 1280 else "false")
    least = 0.6 if size[0] < 640 else 0.95  # both at one moment: a page still at work may take the picture away and bring it again
    page.wait_for_function(f"() => {{ const {{ dial, shown }} = ({SEEN_AT_ONCE})(); return dial && shown >= {least}; }}")
    if size[0] > 640:
        assert page.evaluate(SEEN_AT_ONCE)["player"]
    if size[0] < 1280 and name != "race":
        page.locator(".recipe").click()
        expect(sidebar).to_have_attribute("data-collapsed", "false")


def test_a_narrow_window_stays_without_a_sidebar_until_it_is_asked_for(visit: Visit, server: str) -> None:
    """Also where the first page has none: from Quiz to two others; opened by the recipe, it stays open."""
    page = settled(visit, server, "quiz", viewport={"width": 1024, "height": 768})
    sidebar = page.get_by_test_id("stSidebar")
    for name in ("Step size", "Map"):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.locator(".recipe")).to_be_visible()
        settle(page)
        expect(sidebar).to_have_attribute("data-collapsed", "true")
    page.locator(".recipe").click()
    expect(sidebar).to_have_attribute("data-collapsed", "false")
    page.get_by_role("link", name="Step size", exact=True).click()
    settle(page)
    expect(sidebar).to_have_attribute("data-collapsed", "false")
