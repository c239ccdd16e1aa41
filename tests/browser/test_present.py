"""The presenter's view and the lessons: by keys alone, again and again, at the size of a projector."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from explorer.site.lessons import lessons
from tests.browser.axe import violations
from tests.browser.waiting import settle

Visit = Callable[..., Page]
PROJECTOR = {"width": 1280, "height": 720}


def shown(page: Page) -> bool:
    return bool(page.evaluate("'present' in document.documentElement.dataset"))


def size(page: Page, selector: str) -> float:
    """The size of its type in pixels, once it is there."""
    there = "selector => { const each = document.querySelector(selector); return each && parseFloat(getComputedStyle(each).fontSize); }"
    return float(page.wait_for_function(there, arg=selector).json_value())


def test_keys_drag_play_hide_reveal_and_change_the_situation(visit: Visit, server: str) -> None:
    page = visit(server, ignore="404", viewport=PROJECTOR)
    expect(page.get_by_role("button", name="Present")).to_be_visible()  # before, nobody listens to keys
    settle(page)
    ordinary = size(page, ".xtick text")
    for turn in range(3):
        page.keyboard.press("p")
        expect(page.locator(".way")).to_be_hidden()
        settle(page)
        page.wait_for_function(f"parseFloat(getComputedStyle(document.querySelector('.xtick text')).fontSize) >= {max(18, 1.2 * ordinary)}")
        assert size(page, ".picture-sentence") >= 28
        dial, sentence = page.get_by_role("slider", name="Learning rate"), page.locator(".picture-sentence > span").first
        at = int(dial.input_value())
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowRight")
        assert int(dial.input_value()) == at - 1
        page.keyboard.press("h")
        expect(sentence).to_be_hidden()
        page.keyboard.press("r")
        expect(sentence).to_be_visible()
        settle(page)
        before = page.url
        page.keyboard.press("n" if turn != 1 else "b")
        page.wait_for_function("before => location.href !== before", arg=before)
        settle(page)
        page.keyboard.press("r")  # what comes next was hidden, too
        settle(page)
        assert page.locator(".picture").first.evaluate("each => each.getBoundingClientRect().bottom <= innerHeight")
        page.keyboard.press("p" if turn else "Escape")
        expect(page.locator(".way")).to_be_visible()
        assert not hushed(page)
        page.wait_for_function("!document.fullscreenElement")
        page.wait_for_function(f"parseFloat(getComputedStyle(document.querySelector('.xtick text')).fontSize) === {ordinary}")


def hushed(page: Page) -> bool:
    return bool(page.evaluate("'hushed' in document.documentElement.dataset"))


BOTH = """async (on) => {
  for (let rests = 0; rests < 30; rests++) {
    if ([!!document.fullscreenElement, "present" in document.documentElement.dataset].some((each) => each !== on)) rests = -1;
    await new Promise(requestAnimationFrame);
  }
  return true;
}"""
"""Waits until the view and the full screen are both on, or both off, and stay so for thirty frames."""


def test_the_view_and_the_full_screen_begin_and_end_together_however_fast(visit: Visit, server: str) -> None:
    page = visit(server, ignore="404", viewport=PROJECTOR)
    settle(page)
    on = False
    for presses in (1, 4, 5, 2, 3, 6):
        for _ in range(presses):
            page.keyboard.press("p")
            page.evaluate("new Promise(requestAnimationFrame)")
        on ^= presses % 2 == 1
        assert page.evaluate(BOTH, on)


def test_what_a_presenter_hid_stays_hidden_until_it_is_asked_for(visit: Visit, server: str) -> None:
    """After the view, by either of its ends; on the next page; not on one without an answer; and a button or `r` shows it everywhere."""
    page = visit(server, ignore="404", viewport=PROJECTOR)
    show, way = page.get_by_role("button", name="Show what happens"), page.get_by_role("navigation")
    answers = {"Step size": ".picture-sentence >> nth=0", "Map": ".picture", "Lessons": "h2"}

    def go(name: str) -> None:
        way.get_by_role("link", name=name, exact=True).click()
        expect(way.get_by_role("link", name=name, exact=True)).to_have_attribute("aria-current", "page")
        settle(page)

    for name, leave, reveal in (("Step size", "Escape", "r"), ("Map", "p", ""), ("Map", "Escape", "r"), ("Step size", "p", "")):
        go(name)
        answer = page.locator(answers[name])
        expect(answer).to_be_visible()
        for key in ("p", "h", leave):
            page.keyboard.press(key)
        expect(page.locator(".way")).to_be_visible()
        expect(show).to_have_count(1) if name == "Map" else expect(show.first).to_be_visible()
        expect(answer).to_be_hidden()
        go("Lessons")
        expect(page.locator(answers["Lessons"]).first).to_be_visible()
        expect(show).to_be_hidden()
        go(name)
        expect(answer).to_be_hidden()
        page.keyboard.press(reveal) if reveal else show.locator("visible=true").click()
        expect(answer).to_be_visible()
        assert not hushed(page)


def test_a_key_that_is_typed_is_text(visit: Visit, server: str) -> None:
    page = visit(f"{server}/cases", ignore="404", viewport=PROJECTOR)
    settle(page)
    search = page.get_by_role("textbox", name="Search")
    search.press_sequentially("php")
    expect(search).to_have_value("php")
    assert not shown(page)
    page.get_by_role("button", name="Present").click()
    assert shown(page)


@pytest.mark.parametrize("name", ["01_overshoot"])
def test_a_lesson_is_walked_there_and_back(visit: Visit, server: str, name: str) -> None:
    page = visit(f"{server}/lessons?lesson={name}", ignore="404", viewport=PROJECTOR)
    settle(page)
    assert violations(page) == []
    lesson = next(each for each in lessons() if each.name == name)
    steps = [stop.case.link for stop in lesson.stops]
    first = page.get_by_role("link", name="1. ")
    for key in ("p", "h", "h", "r", "h", "Escape"):  # there is no answer to hide
        page.keyboard.press(key)
        expect(first).to_be_visible()
    expect(page.locator(".way")).to_be_visible()
    first.click()
    place = 0
    for key in (None, "p", "n", "n", "b", "n", "n", "n"):
        if key:
            page.keyboard.press(key)
            place = min(max(place + {"n": 1, "b": -1}.get(key, 0), 0), len(steps) - 1)
        wanted = steps[place]
        page.wait_for_function(
            "([rate, loss]) => (u => u.get('learning_rate') === rate && u.get('loss') === loss)(new URL(location).searchParams)",
            arg=[wanted["learning_rate"], wanted["loss"]],
        )
        settle(page)
        assert shown(page) == (key is not None)
    page.keyboard.press("n")
    expect(page.get_by_text("This is the last step of the lesson.")).to_be_visible()
    for key, hides in (("h", True), ("r", False), ("b", True), ("r", False), ("n", False), ("b", False), ("b", True)):  # each by itself
        page.keyboard.press(key)
        if key in "nb":
            place += {"n": 1, "b": -1}[key]
            rate = steps[place]["learning_rate"]
            page.wait_for_function("rate => new URL(location).searchParams.get('learning_rate') === rate", arg=rate)
        settle(page)
        page.wait_for_function("hides => hides === 'hushed' in document.documentElement.dataset", arg=hides)


def test_n_on_the_page_of_lessons_opens_the_first_step_of_the_chosen_one(visit: Visit, server: str) -> None:
    page = visit(f"{server}/lessons", ignore="404", viewport=PROJECTOR)
    for name in ("03_momentum", "05_schedules", "03_momentum"):
        lesson = next(each for each in lessons() if each.name.startswith(name))
        settle(page)
        page.get_by_role("radio", name=lesson.title).click()
        expect(page.get_by_role("link", name=f"1. {lesson.stops[0].case.title}")).to_be_visible()
        settle(page)
        for key in "pb":
            page.keyboard.press(key)
        expect(page.get_by_text("n opens the first step of the lesson.")).to_be_visible()
        for stop in lesson.stops[:2]:
            page.keyboard.press("n")
            rate = stop.case.link["learning_rate"]
            page.wait_for_function("rate => new URL(location).searchParams.get('learning_rate') === rate", arg=rate)
            settle(page)
        page.keyboard.press("p")
        page.get_by_role("navigation").get_by_role("link", name="Lessons", exact=True).click()


def test_every_lesson_has_steps_of_cases_with_a_question_and_both_answers() -> None:
    assert len(lessons()) == 8
    for lesson in lessons():
        assert 3 <= len(lesson.stops) <= 6
        assert all(text.endswith((".", "?")) for stop in lesson.stops for text in (stop.ask, stop.because, stop.wrong)), lesson.name


def test_a_lesson_that_was_left_by_hand_is_over(visit: Visit, server: str) -> None:
    """Then n is the next situation of the page, as without one; again, and once more."""
    page = visit(f"{server}/lessons?lesson=03_momentum", ignore="404", viewport=PROJECTOR)
    for name in ("Step size", "Sweep", "Step size"):
        settle(page)
        page.get_by_role("navigation").get_by_role("link", name="Lessons", exact=True).click()
        page.get_by_role("link", name="3. ").click()
        page.wait_for_function("new URL(location).searchParams.get('learning_rate') === '3.79'")
        settle(page)
        page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("link", name=name, exact=True)).to_have_attribute("aria-current", "page")
        settle(page)
        page.keyboard.press("p")
        page.keyboard.press("n")
        if name == "Step size":
            expect(page.get_by_role("radio", checked=True)).to_have_count(1)
        page.keyboard.press("p")
    assert not shown(page)
