"""Every page in a real browser: by keyboard, on a phone, in the dark, no text on another, and nothing on the console.

Opening a page is most of the work, so each is opened once in a window and once on a phone, and asked everything there.
"""

from __future__ import annotations

import csv
import io
import math
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

import explorer.ui
from tests.browser.axe import violations
from tests.browser.conftest import PATIENCE, WIDE
from tests.browser.test_overlaps import overlaps
from tests.browser.waiting import settle

PAGES = [path.stem.split("_", 1)[1] for path in sorted((Path(explorer.ui.__path__[0]) / "pages").glob("[0-9]*.py"))]
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
PICTURED = [name for name in PAGES if name not in ("cases", "lessons", "quiz", "class")]
"""The pages with a picture of Plotly's; what those of Cases and Quiz say are three numbers in the corners of one drawing."""
SAVED = ("sweep", "race", "network", "why_nan", "gradient")
"""The pages whose picture's numbers are saved: one of each kind of picture."""
QUICK = {"network": "?v=1&loss=network&loss.examples=20&learning_rate=0.5&steps=40"}
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
def test_everything_is_reached_by_keyboard_and_all_is_well_in_the_dark_and_at_every_width(visit: Visit, server: str, name: str) -> None:
    page = settled(visit, server, f"{name}{QUICK.get(name, '')}")
    if name in WITH_RULER:
        all_at_once(page, (WIDE["width"], WIDE["height"]))
    for_everyone(page)
    is_reached_by_keyboard(page)
    if name in SAVED:
        has_a_file_that_says_what_its_numbers_are(page, name)
    page.emulate_media(color_scheme="dark")
    settle(page)
    for_everyone(page)
    keeps_to_the_window(page)
    page.set_viewport_size({"width": WIDE["width"] // 2, "height": WIDE["height"] // 2})  # the same window, at a zoom of 200 %
    settle(page)
    keeps_to_the_window(page)
    if name in PICTURED:
        page.evaluate(f"() => {{ {WITHOUT_SIDEBAR} }}")
        expect(page.locator("[data-testid=stSidebar][data-collapsed=false]")).to_have_count(0)
        wrong = overlaps(page, name)
        assert not wrong, "\n".join(wrong)


WITHOUT_SIDEBAR = "document.querySelector('[data-collapsed=false] [data-testid=stSidebarCollapseButton] button')?.click()"
"""As a narrow window is without it from the beginning."""


def is_reached_by_keyboard(page: Page) -> None:
    page.evaluate(NOTE_FOCUS)
    deadline = time.monotonic() + PATIENCE
    while (left := page.evaluate(UNREACHED)) and time.monotonic() < deadline:  # a page still at work may put new controls among them
        for _ in range(10):
            page.keyboard.press("Tab")
    assert left == [], "these are reached by no key"


def has_a_file_that_says_what_its_numbers_are(page: Page, name: str) -> None:
    """A name for every trace and a number for every point; losses, and not their logarithms, also beside a tick that says "lower"."""
    page.evaluate("document.querySelector('[data-testid=stMain]').scrollTo(0, 0)")  # what stays while one reads on has no foot
    ways = page.locator(".picture-save summary").first
    ways.click()
    with page.expect_download() as download:
        page.locator(".picture-save").first.get_by_role("button", name="CSV").click()
    if page.locator(".picture-save[open]").count():
        ways.click()
    head, *rows = csv.reader(io.StringIO(download.value.path().read_text("utf-8")))
    assert head[0] == "trace"
    assert rows
    numbers = (2, 4) if head[1] == "x is" else (1, 2)
    for row in rows:
        assert row[0], row
        assert not row[0].isdecimal(), row
        assert [row[i] for i in numbers if math.isnan(float(row[i]))] == [], row
    if name == "sweep":
        assert min(float(row[4]) for row in rows if row[3] == "loss at the end") >= 0


@every_page
def test_a_phone(visit: Visit, server: str, name: str) -> None:
    page = settled(visit, server, name, **PHONE)
    if name in WITH_RULER:
        all_at_once(page, (390, 844))
    else:
        expect(page.locator("[data-testid=stSidebar][data-collapsed=false]")).to_have_count(0)
    for_everyone(page)
    keeps_to_the_window(page)
    if name in WITH_RULER:
        page.set_viewport_size({"width": 360, "height": 640})
        page.wait_for_function(HALF)


def for_everyone(page: Page) -> None:
    """No rule of axe-core (deque.com/axe) is broken; a page still at work, or still fading to another theme, is asked again."""
    deadline = time.monotonic() + PATIENCE / 4
    while (broken := violations(page)) and time.monotonic() < deadline:
        settle(page)
    assert broken == []


def keeps_to_the_window(page: Page) -> None:
    over = "document.documentElement.scrollWidth <= innerWidth && (({ scrollWidth, clientWidth }) => scrollWidth <= clientWidth)"
    page.wait_for_function(f"{over}(document.querySelector('[data-testid=stMain]'))")  # nothing runs over to the side
    assert page.evaluate(NAMELESS) == [], "every picture and every control has a name"


TWO_LOOKS = """new Promise((done) => {
  let looks = 0;
  const each = setInterval(() => ++looks < 2 || done(clearInterval(each)), 1000);
})"""
"""Waits in the page itself, which looks at its headline once a second by the same clock, however slow the machine."""


@pytest.mark.parametrize("name", ["step_size", "race"])
def test_the_slider_is_one_skip_away_and_a_new_verdict_is_heard(visit: Visit, server: str, name: str) -> None:
    page = settled(visit, server, name)
    skip = page.get_by_role("button", name="Skip to the slider")
    expect(skip).to_be_visible()  # there is a slider
    page.get_by_role("link", name="Skip to main content").press("Enter")  # Streamlit's own
    page.keyboard.press("Tab")
    expect(skip).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".picture").first.get_by_role("slider").first).to_be_focused()
    heard = page.locator(".heard" if name == "race" else ".picture-said").first
    expect(heard).to_have_text("")
    page.evaluate(TWO_LOOKS)  # a headline is heard when it has stood for a second, and not the one that a page begins with
    expect(heard).to_have_text("")
    page.get_by_test_id("stMain").get_by_role("radio").nth(1).press("Enter")
    said = page.locator("h2" if name == "race" else ".picture-sentence").first
    expect(heard).not_to_have_text("")
    expect(heard).to_have_text(said.inner_text())


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


HALF = """() => {
  const main = document.querySelector("[data-testid=stMain]"), plot = document.querySelector(".picture-plot");
  if (!plot) return false;
  main.scrollTop += plot.getBoundingClientRect().top; // the plot's top at the window's, behind the ruler that stays
  const dial = document.querySelector(".picture-dial:not([hidden])")?.getBoundingClientRect();
  return !dial || (dial.top > 0 && innerHeight - dial.bottom > innerHeight / 2);
}"""
"""On a small phone, the ruler leaves half of the window to the plots that it moves."""

STAYS = "document.querySelector('.picture-stuck')"
"""The picture that stays while the words below it are read."""

WITH_RULER = ("step_size", "race", "map", "landscape")


@pytest.mark.parametrize("name", WITH_RULER)
def test_a_projector_shows_what_is_dragged_and_what_it_moves(visit: Visit, server: str, name: str) -> None:
    """And draws no picture beside the sidebar first."""
    page = settled(visit, server, name, viewport={"width": 1024, "height": 768}, before=lambda page: page.add_init_script(WIDTHS))
    expect(page.get_by_test_id("stSidebar")).to_have_attribute("data-collapsed", "true")
    page.wait_for_function("() => Math.min(...widths) > 0.9 * document.querySelector('.picture')?.clientWidth")
    all_at_once(page, (1024, 768))
    if page.locator(".picture-player:not([hidden])").count():
        for _ in range(2):
            page.get_by_test_id("stMain").evaluate("e => e.scrollTo(0, e.scrollHeight)")
            page.wait_for_function(f"() => {{ const {{ dial, shown }} = ({SEEN_AT_ONCE})(); return {STAYS} && dial && shown === 1; }}")
            page.get_by_test_id("stMain").evaluate("e => e.scrollTo(0, 0)")
            page.wait_for_function(f"() => !({STAYS})")
            all_at_once(page, (1024, 768))
    if name != "race":
        page.locator(".recipe").click()
        expect(page.get_by_test_id("stSidebar")).to_have_attribute("data-collapsed", "false")


def all_at_once(page: Page, size: tuple[int, int]) -> None:
    """What is dragged and what it moves are in the first screen; on a phone the first of two plots, and some of the second."""
    sidebar = page.get_by_test_id("stSidebar")
    expect(sidebar).to_have_attribute("data-collapsed", "true" if size[0] < 1280 else "false")
    least, all_of_it = (0.6, "dial") if size[0] < 640 else (0.95, "dial && player")
    # at one moment: a page still at work may take the picture away and bring it again, and its presets come last
    page.wait_for_function(f"() => {{ const {{ dial, player, shown }} = ({SEEN_AT_ONCE})(); return {all_of_it} && shown >= {least}; }}")


WIDTHS = """
window.widths = new Set();
new MutationObserver(() => {
  const picture = document.querySelector(".picture");
  if (picture?.clientWidth && document.querySelector("[data-testid=stSidebar]")) widths.add(picture.clientWidth);
}).observe(document, { childList: true, subtree: true, attributes: true });
"""


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["quiz", "class"])
def test_forced_colors_leave_a_main_button_its_words(visit: Visit, server: str, name: str, scheme: str) -> None:
    page = settled(visit, server, name, forced_colors="active", color_scheme=scheme)
    button = page.locator("[kind^=primary]").first
    ground, words = (button.locator(where).last.evaluate(f"each => getComputedStyle(each).{what}") for where, what in COLORED)
    assert ground != words
    assert page.evaluate("!CSS.highlights?.get('words')"), "marked words would look as if they were selected"


COLORED = (("xpath=.", "backgroundColor"), ("p", "color"))
