"""Finding one's way in a real browser: twelve pages in four groups at every width, and a link of exactly what is shown."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from explorer.ui.way import GROUPS, PAGES, title_of
from tests.browser.test_every_page import PHONE
from tests.browser.waiting import settle

Visit = Callable[..., Page]
READ = {"permissions": ["clipboard-read", "clipboard-write"]}
SHORT = "v=1&loss=x_squared&learning_rate=0.7&steps=40"


@pytest.mark.parametrize("options", [{}, {"viewport": {"width": 1024, "height": 768}}, PHONE], ids=["wide", "projector", "phone"])
def test_all_pages_are_in_sight_in_their_groups(visit: Visit, server: str, options: dict[str, object]) -> None:
    page = visit(f"{server}/quiz", ignore="404", **options)
    settle(page)
    way = page.get_by_role("navigation", name="Pages")
    expect(way.get_by_role("link")).to_have_text([title_of(path) for path in PAGES])
    assert way.locator("li > ul").evaluate_all("all => all.map((each) => each.ariaLabel)") == list(GROUPS.values())
    assert way.locator("[aria-current=page]").all_inner_texts() == ["Quiz"]
    expect(way.get_by_role("link", name="Quiz")).to_be_in_viewport()
    if options is not PHONE:
        assert way.evaluate("each => each.scrollWidth <= each.clientWidth"), "nothing to scroll"
    way.get_by_role("link", name="Safe rate").focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("largest safe rate")
    expect(way.locator("[aria-current=page]")).to_have_text("Safe rate")
    expect(way.get_by_role("link", name="Safe rate")).to_be_in_viewport()


def test_a_link_of_exactly_this_says_the_step_too(visit: Visit, server: str) -> None:
    page = visit(f"{server}/?{SHORT}", **READ)
    settle(page)
    page.get_by_label("Time", exact=True).first.evaluate("each => { each.value = 17; each.dispatchEvent(new Event('input')); }")
    expect(page.locator(".picture").first).to_have_attribute("data-drawn", re.compile(r" 17$"))
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_text("Link copied")).to_be_visible()
    friend = visit(page.evaluate("navigator.clipboard.readText()"), **READ)
    settle(friend)
    expect(friend.locator(".picture").first).to_have_attribute(
        "data-drawn", page.locator(".picture").first.get_attribute("data-drawn") or ""
    )
    assert friend.url.startswith(f"{server}/?v=1&loss=x_squared&optimizer=gradient_descent&learning_rate=0.7&steps=40")


def test_where_the_clipboard_is_refused_the_link_is_shown_and_selected(visit: Visit, server: str) -> None:
    page = visit(f"{server}/?{SHORT}")
    settle(page)
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(); }")
    page.get_by_role("button", name="Share").click()
    box = page.get_by_label("The link of exactly this")
    expect(box).to_have_value(page.url)
    assert box.evaluate("each => [each.selectionStart, each.selectionEnd]") == [0, len(page.url)]
    page.keyboard.press("Escape")
    expect(box).to_be_hidden()


def test_a_problem_travels_through_the_navigation(visit: Visit, server: str) -> None:
    page = visit(f"{server}/?{SHORT}")
    settle(page)
    for name, title in (("Race", "survives"), ("Network", "network"), ("Sweep", "edge"), ("Step size", "stop working")):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.locator("h1")).to_contain_text(title)
        settle(page)
        if name != "Network":
            expect(page).to_have_url(re.compile("loss=x_squared.*learning_rate=0.7.*steps=40"))


MOVED_AND_LEFT = """name => {
  for (const ruler of document.querySelectorAll(".picture input[type=range]")) {
    ruler.value > ruler.min ? ruler.stepDown() : ruler.stepUp();
    for (const type of ["input", "change"]) ruler.dispatchEvent(new Event(type, { bubbles: true }));
  }
  [...document.querySelectorAll(".way a")].find((each) => each.innerText === name).click();
}"""
"""Moves the rulers of a page and leaves it before Streamlit has sent that: all is one message, which names the part that a ruler is in."""


@pytest.mark.parametrize("name", ["landscape", "network", "safe_rate"])
def test_who_moves_a_ruler_and_leaves_at_once_has_left(visit: Visit, server: str, name: str) -> None:
    page = visit(f"{server}/{name}")
    for _ in range(3):
        settle(page)
        page.evaluate(MOVED_AND_LEFT, "Quiz")
        expect(page.locator("h1")).to_have_text("Which knob made this curve?")
        settle(page)
        page.get_by_role("link", name=name.capitalize().replace("_", " "), exact=True).click()
        page.wait_for_function("name => location.pathname.endsWith(name)", arg=name)


LOOKS = """() => [...new Set([...document.querySelectorAll("button[kind^=secondary], [data-testid=stPageLink-NavLink],"
  + " .picture-player button, .picture-save summary, .way-share")].filter((each) => each.checkVisibility() && !each.matches(":hover"))
  .map((each) => getComputedStyle(each)).map((look) => [look.backgroundColor, look.border, look.borderRadius, look.color].join("; ")))]"""
"""The looks of all buttons that are not filled with the primary color."""


@pytest.mark.parametrize("name", ["step_size", "map", "cases", "network"])
def test_what_is_no_primary_action_has_one_quiet_look(visit: Visit, server: str, name: str) -> None:
    """In both themes, the second of which is the system's that changes."""
    page = visit(f"{server}/{name}", ignore="404", color_scheme="light")
    settle(page)
    page.wait_for_function(f"() => ({LOOKS})().length > 0")
    light = page.evaluate(LOOKS)
    assert len(light) == 1, light
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"light => ({LOOKS})().length === 1 && ({LOOKS})()[0] !== light", arg=light[0])  # the rest follows its theme


def test_beside_an_open_sidebar_no_page_is_cut_off(visit: Visit, server: str) -> None:
    page = visit(f"{server}/")
    expect(page.get_by_test_id("stSidebar")).to_have_attribute("data-collapsed", "false")
    expect(page.locator(".way nav a").last).to_be_visible()
    for width in (1280, 1366, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        settle(page)
        expect(page.get_by_test_id("stSidebar")).to_have_attribute("data-collapsed", "false")
        page.wait_for_function(
            "() => { const { clientWidth, scrollWidth } = document.querySelector('.way nav'); return scrollWidth <= clientWidth; }"
        )


DRAWN_BY_PYTHON = """() => {
  const over = (each) => (each ? [getComputedStyle(each).filter, ...over(each.parentElement)] : []);
  const all = [...document.querySelectorAll("img[src^='data:image/svg']")].filter((each) => each.checkVisibility());
  return JSON.stringify(all.map((each) => [each.src, ...over(each)]));
}"""
"""All small pictures, in the ink that they have, with what turns their colors round."""


@pytest.mark.parametrize("name", ["quiz", "class", "cases", "lessons"])
def test_small_pictures_and_the_mark_follow_a_theme_that_changes(visit: Visit, server: str, name: str) -> None:
    """Whether the system's theme changes or a visitor chooses one: they are as on a page that was opened in that theme."""
    address = f"{server}/quiz?curve=709902.1" if name == "quiz" else f"{server}/{name}"
    page = visit(address, ignore="404", color_scheme="dark")
    settle(page)
    dark = page.evaluate(DRAWN_BY_PYTHON)
    page.emulate_media(color_scheme="light")
    page.reload()
    settle(page)
    light = page.evaluate(DRAWN_BY_PYTHON)
    assert dark != light
    assert dark.count("svg") == light.count("svg") > (name != "lessons"), "the mark, and what the page draws"
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"drawn => ({DRAWN_BY_PYTHON})() === drawn", arg=dark)
    page.get_by_test_id("stMainMenu").get_by_role("button").click()
    page.get_by_test_id("stMainMenuItem-theme-Light").click()
    page.wait_for_function(f"drawn => ({DRAWN_BY_PYTHON})() === drawn", arg=light)
