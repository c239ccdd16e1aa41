"""A class that bets, in real windows: a lecturer's before the hall and students' phones, several rounds in a row."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from explorer.hall import pages, routes
from tests.browser.axe import violations
from tests.browser.conftest import PATIENCE
from tests.browser.test_contrast import written
from tests.figures.test_theme import contrast
from tests.hall.people import Student

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
HALL = {"viewport": {"width": 1280, "height": 720}}
RAVINE = "v=1&loss=ravine&learning_rate=0.1"
REFUSED = "Failed to load resource"
"""What a browser says of a refusal, and of a network that is not there: both are asked for here."""

Window = Callable[..., Page]

HURRY = "const wait = setTimeout; window.setTimeout = (act, time, ...given) => wait(act, Math.min(time, 300), ...given);"
"""What waits for seconds between two looks at a room, so that a hall does not ask at once, waits for a moment: the same looks, sooner."""


@pytest.fixture
def window(browser: Browser, server: str) -> Iterator[Window]:
    """`window(path)` opens one as another person has it, with cookies of its own; what its console says as an error fails the test."""
    said: list[str] = []
    contexts: list[BrowserContext] = []

    def opened(path: str, **options: object) -> Page:
        context = browser.new_context(base_url=server, **options)  # type: ignore[arg-type]
        context.set_default_timeout(1000 * PATIENCE)
        context.add_init_script(HURRY)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text) if message.type == "error" and REFUSED not in message.text else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []


def lecturer(window: Window) -> tuple[Page, str]:
    """The page before the hall of a new room, and its code."""
    hall = window(f"/room?{RAVINE}", **HALL)
    hall.get_by_role("button", name="Open the room").click()
    return hall, hall.locator(".code").inner_text()


def glance(page: Page) -> None:
    """Looks at a phone again, which sees at once what it else would within some seconds."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def bet(phone: Page, rate: str, nickname: str = "") -> None:
    phone.get_by_label("As a number").fill(rate)
    phone.get_by_label("Nickname").fill(nickname)
    phone.get_by_role("button", name="et").click()


UNCOVERED = """() => {
  const button = document.querySelector("form.bet button"), { left, right, top, bottom } = button.getBoundingClientRect();
  return [top + 2, bottom - 2].every((y) => document.elementFromPoint((left + right) / 2, y) === button);
}"""
"""Whether the button that changes a bet is in sight, all of it."""


def for_everyone(page: Page, scheme: str = "light") -> None:
    """No rule of axe-core is broken in this theme, and nothing runs over to the side."""
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_button_that_was_pressed_stays_in_sight_when_more_stands_above_it(window: Window) -> None:
    _, code = lecturer(window)
    phone = window(f"/room/{code}", **PHONE)
    taller = "<p style='height: 300px'>What is new.</p><form class=\"bet\""

    def more(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace('<form class="bet"', taller, 1))

    phone.route(f"**/room/{code}", more)
    for rate in ("0.5", "0.4", "0.6"):
        bet(phone, rate)
        expect(phone.locator("#said")).to_have_text(f"Your bet of {rate} is in.")
        expect(phone.get_by_text("What is new.")).to_have_count(1)
        phone.wait_for_function(UNCOVERED)
    phone.unroute_all(behavior="wait")


def test_a_class_bets_in_three_rounds(window: Window) -> None:
    hall, code = lecturer(window)
    ada, ben, eve = (window(f"/room/{code}", **options) for options in (PHONE, PHONE, {}))
    for each, scheme in ((hall, "dark"), (ada, "dark"), (eve, "light")):
        for_everyone(each, scheme)
    for round, names in ((1, ("Ada", "<b>Ben</b>", "🦆")), (2, ("Ada", "Ben", "🦆")), (3, ("Ada", "Ben", "🦆"))):
        for phone, name, rate in ((ada, names[0], "0.5"), (ben, names[1], "0.4"), (eve, names[2], "0.6")):
            glance(phone)
            expect(phone.locator("main")).to_contain_text(f"round {round}")
            expect(phone.locator("#heard")).to_have_text(f"Round {round} is open: bet." if round > 1 else "")
            bet(phone, rate, name)
            expect(phone.locator("#said")).to_have_text(f"Your bet of {rate} is in.")
            expect(phone.locator("#heard")).to_be_empty()  # it is no longer what there is to do
            phone.wait_for_function(UNCOVERED)
        slider = ada.get_by_role("slider")
        before = float(ada.get_by_label("As a number").input_value())
        slider.focus()
        for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "PageUp"):
            ada.keyboard.press(key)
        after = ada.get_by_label("As a number").input_value()
        assert float(after) > before
        expect(ada.locator("output")).to_have_text(after)
        assert slider.get_attribute("aria-valuetext") == after
        ada.get_by_role("button", name="Change my bet").press("Enter")
        expect(ada.locator("main")).to_contain_text(f"You bet {float(after):.3g}")
        expect(hall.locator("#count")).to_have_text("3")  # by itself
        hall.get_by_role("button", name="Close bets").click()
        expect(hall.locator(".count")).to_contain_text("closed")
        if round > 1:
            glance(ben)
        expect(ben.locator("main")).to_contain_text("Bets are closed. You bet 0.4.")  # by itself
        expect(ben.locator("form.bet")).to_have_count(0)
        hall.get_by_role("button", name="Reveal").click()
        expect(hall.locator(".strip")).to_be_visible()
        for each in (hall, ada, ben, eve):
            glance(each)
            expect(each.locator(".strip")).to_be_visible()
            expect(each.locator("h1")).to_be_in_viewport()
            expect(each.locator("main")).to_contain_text("3 bets")
            expect(each.locator("#said")).to_be_empty()  # it would cover what stands below
        if round == 1:
            for each, scheme in ((hall, "light"), (ada, "light"), (ben, "dark")):
                for_everyone(each, scheme)
        hall.get_by_label("A problem").select_option("09_x_squared")  # of the next one in the list the range may have no 0.5
        hall.get_by_role("button", name="Next round").click()
        expect(hall.locator("main")).to_contain_text(f"Bets in round {round + 1}: 0")


def test_a_link_that_is_no_problem_is_refused_beside_its_field_which_keeps_it(window: Window) -> None:
    """Before the reveal, where the form is folded, and after it; then the corrected link makes the round."""
    hall, _ = lecturer(window)
    for round in (1, 2):
        hall.get_by_role("button", name="Reveal").click()
        for wrong in ("http://a/?loss=nosuch", "http://a/?loss=absolute", "nonsense"):
            hall.get_by_label("or any link of the app").fill(wrong)
            hall.get_by_role("button", name="Next round").click()
            expect(hall.get_by_label("or any link of the app")).to_have_attribute("aria-invalid", "true")
            expect(hall.get_by_label("or any link of the app")).to_have_value(wrong)
            expect(hall.get_by_label("or any link of the app")).to_be_focused()
            expect(hall.get_by_role("alert")).to_be_in_viewport(ratio=0.999)
            expect(hall.locator(".strip")).to_be_visible()
        hall.get_by_label("or any link of the app").fill("http://a/?v=1&loss=x_squared")
        hall.get_by_role("button", name="Next round").click()
        expect(hall.locator("main")).to_contain_text(f"Bets in round {round + 1}: 0")


def test_on_a_projector_nothing_that_is_needed_is_below_the_fold(window: Window, server: str) -> None:
    """Two rounds with as many names as are listed, long ones: what to look at, and what the lecturer clicks next."""
    hall, code = lecturer(window)
    class_ = [Student(server) for _ in range(pages.LISTED + 2)]
    for round in (1, 2):
        for number, student in enumerate(class_):
            student.join(code).bet(0.5 + number / 10, f"Student of physics {number:02}")
        expect(hall.locator("#count")).to_have_text(str(len(class_)))
        for button, needed in (
            ("Close bets", (".join svg", ".code", "#count", ".told", ".told + img")),
            ("Reveal", (".join svg", ".code", "#count", ".told", ".told + img")),
            ("Next round", (".strip", ".code", "#count", ".points >> nth=0", ".points >> nth=1", "select[name=case]", "input[name=link]")),
        ):
            shown = hall.get_by_role("button", name=button)
            expect(shown).to_be_visible()
            assert hall.evaluate("scrollY") == 0
            for each in (shown, *map(hall.locator, needed)):
                expect(each).to_be_in_viewport(ratio=0.999)
            if button == "Next round":
                hall.get_by_label("A problem").select_option("09_x_squared")
            shown.click()
        expect(hall.locator("main")).to_contain_text(f"Bets in round {round + 1}: 0")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_words_of_the_picture_stand_out_in_both_themes(window: Window, scheme: str) -> None:
    """WCAG 2.2, 1.4.3, in the pixels of the name of an axis, in the corner of the picture."""
    page = window(f"/room?{RAVINE}", **HALL, color_scheme=scheme, device_scale_factor=2)
    box = page.locator(".told + img").bounding_box()
    assert box
    shot = page.screenshot(clip={"x": box["x"], "y": box["y"], "width": box["width"] / 6, "height": box["height"] / 14})
    seen = np.unique(np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).reshape(-1, 3), axis=0)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)")
    assert max(contrast(written(pixel), written(ground)) for pixel in seen) >= 4.5


def test_without_a_network_a_bet_is_kept_and_sent_once_it_is_back(window: Window) -> None:
    hall, code = lecturer(window)
    phone = window(f"/room/{code}", **PHONE)
    for number, rate in enumerate(("0.2", "0.3", "0.7"), 1):
        phone.context.set_offline(True)
        bet(phone, "9", "Ada")  # one that a later one replaces
        expect(phone.locator("#said")).to_contain_text("kept and sent again")
        bet(phone, rate, "Ada")
        expect(phone.locator("#said")).to_contain_text("kept and sent again")
        phone.context.set_offline(False)
        expect(phone.locator("#said")).to_have_text(f"Your bet of {rate} is in.")
        expect(phone.locator("main")).to_contain_text(f"You bet {rate}.")
        expect(hall.locator("#count")).to_have_text("1")
        if number == 2:
            phone.reload()
    phone.context.set_offline(True)
    bet(phone, "9")
    expect(phone.locator("#said")).to_contain_text("kept and sent again")
    hall.get_by_role("button", name="Close bets").click()
    expect(hall.locator(".count")).to_contain_text("closed")
    phone.context.set_offline(False)
    expect(phone.locator("main")).to_contain_text("Bets are closed. You bet 0.7.")
    hall.get_by_role("button", name="Open again").click()
    expect(phone.locator("main")).to_contain_text("You bet 0.7. You can change it")
    assert phone.evaluate("Object.keys(localStorage)") == ["turn"]


def test_of_two_tabs_the_last_press_counts_and_not_the_last_to_arrive(window: Window) -> None:
    hall, code = lecturer(window)
    one = window(f"/room/{code}", **PHONE)
    other = one.context.new_page()
    other.goto(f"/room/{code}")
    for _ in range(2):
        for rate in ("0.2", "0.3", "0.4"):
            bet(one, rate)
            expect(one.locator("#said")).to_have_text(f"Your bet of {rate} is in.")
        other.bring_to_front()
        bet(other, "0.5")
        expect(other.locator("#said")).to_have_text("Your bet of 0.5 is in.")
        expect(one.locator("main")).to_contain_text("You bet 0.5.")
        expect(one.locator("#said")).to_be_empty()
        one.bring_to_front()
        one.route("**/bet", lambda route: route.abort())
        bet(one, "0.6")
        expect(one.locator("#said")).to_contain_text("kept and sent again")
        other.bring_to_front()
        bet(other, "0.7")
        expect(other.locator("#said")).to_have_text("Your bet of 0.7 is in.")
        one.unroute("**/bet")
        one.evaluate("dispatchEvent(new Event('online'))")
        expect(one.locator("#said")).to_have_text("A later bet of yours holds. Bet again on this page to change it.")
        expect(one.locator("main")).to_contain_text("You bet 0.7.")
        one.bring_to_front()
    expect(hall.locator("#count")).to_have_text("1")


NUMBERS = ("0.5", "10,5", "0,125", "1,0", "1e-1", "2.5 × 10⁻¹", "3·10^-1", "−1", ".5", "5.", "1e999", "1e9", "0")
TYPED = (*NUMBERS, "1,000", "1,000,0", "10²", ".", "", "1 000", "a", "0x10")
"""Rates as people type them, well and badly."""


def test_the_page_reads_a_rate_as_the_server_does_and_shows_one_that_can_be_bet(window: Window) -> None:
    _, code = lecturer(window)
    phone = window(f"/room/{code}", **PHONE)
    box, output, slider = phone.get_by_label("As a number"), phone.locator("output"), phone.get_by_role("slider")
    low, high = (float(slider.get_attribute(f"data-{end}") or "nan") for end in ("low", "high"))
    for text in (*TYPED, *reversed(TYPED)):
        try:
            rate = routes.number(text)
        except routes.Refused:
            rate = math.nan
        before, fits = slider.input_value(), low <= rate <= high
        box.fill(text)
        read = output.inner_text()
        assert float(read) == pytest.approx(rate, rel=1e-2) if fits else read == "?", text
        assert fits or slider.input_value() == before, text
    for rate, said in (("1e400", "inf"), ("-3", "−3")):  # what is said of one that was refused goes with it
        bet(phone, rate)
        expect(phone.locator("#said")).to_contain_text(f"got {said}")
        box.fill("")
        expect(phone.locator("#said")).to_be_empty()


def test_a_refusal_goes_with_its_round_and_that_of_a_late_bet_some_time_later(window: Window) -> None:
    """Twice for a bet that was kept while its round was revealed and the next one opened; of one that is in, the page speaks."""
    hall, code = lecturer(window)
    phone = window(f"/room/{code}", **PHONE)
    said = phone.locator("#said")
    bet(phone, "0.5")
    expect(said).to_have_text("Your bet of 0.5 is in.")
    hall.get_by_role("button", name="Close bets").click()
    expect(phone.locator("main")).to_contain_text("Bets are closed. You bet 0.5.")  # by itself
    expect(said).to_be_empty()
    for button, told in (("Close bets", "Bets are closed. You bet 0.5."), ("Reveal", "too low")):
        hall.get_by_role("button", name="Open again").click()
        expect(phone.locator("main")).to_contain_text("You bet 0.5. You can change it")
        bet(phone, "abc")
        expect(said).to_have_text("A bet is a number such as 0.05, got 'abc'.")
        hall.get_by_role("button", name=button).click()
        expect(phone.locator("main")).to_contain_text(told)
        assert said.inner_text() == ""
    hall.get_by_label("A problem").select_option("09_x_squared")
    hall.get_by_role("button", name="Next round").click()
    phone.clock.install(time=0)
    phone.clock.pause_at(10**9)
    for round in (2, 3):
        phone.reload()
        expect(phone.get_by_role("button", name="et")).to_be_visible()
        phone.context.set_offline(True)
        bet(phone, "0.7")
        expect(said).to_contain_text("kept and sent again")
        hall.get_by_role("button", name="Reveal").click()
        hall.get_by_label("A problem").select_option("09_x_squared")
        hall.get_by_role("button", name="Next round").click()
        expect(hall.locator("main")).to_contain_text(f"Bets in round {round + 1}: 0")
        phone.context.set_offline(False)
        for wait in (5_000, 60_000):
            expect(said).to_have_text(f"Your bet for round {round} came too late; round {round + 1} is open.")
            expect(phone.locator("main")).to_contain_text(f"round {round + 1}")
            phone.clock.fast_forward(wait)
        expect(said).to_be_empty()
    bet(phone, "0.9")
    expect(said).to_have_text("Your bet of 0.9 is in.")


def test_a_browser_without_scripts_bets_and_sees_all(window: Window) -> None:
    hall, code = lecturer(window)
    phone = window("/race", **PHONE, java_script_enabled=False)
    expect(phone.get_by_text("You need to enable JavaScript")).to_be_hidden()
    phone.get_by_role("link", name="a room").click()
    phone.get_by_label("The code of your room").fill(code)
    phone.get_by_role("button", name="Join").click()
    expect(phone.get_by_role("img")).to_be_visible()
    expect(phone.get_by_role("slider")).to_have_count(0)
    for rate in ("0.5", "0.8"):
        bet(phone, rate, "Ada")
        expect(phone.get_by_text(f"You bet {rate}.")).to_be_visible()
    bet(phone, "a lot")
    expect(phone.get_by_text("A bet is a number such as 0.05, got 'a lot'.")).to_be_visible()
    phone.get_by_role("link", name="Back to the room").click()
    expect(phone.get_by_text("You bet 0.8.")).to_be_visible()
    hall.get_by_role("button", name="Reveal").click()
    expect(hall.locator(".strip")).to_be_visible()
    phone.get_by_role("link", name="Look again").click()
    expect(phone.locator(".strip")).to_be_visible()
    expect(phone.get_by_role("cell", name="Ada")).to_be_visible()


def test_whatever_is_asked_below_room_a_page_of_ours_answers(server: str) -> None:
    """Streamlit, in whose application the rooms are, would show its own page, or say two words."""
    stranger = Student(server)
    for path in (
        "/room/%00x",
        "/room/..%2fx",
        "/room/BCDFGH/%2e%2e/%2e%2e",
        "/room/.%00./x",
        "/room/BCDFGH/bet/x",
        "/room/BCDFGH/bet",
        "/room/x",
    ):
        stranger.ask(path)
        assert stranger.status == 404, path
        assert "No such" in stranger.page
        assert 'class="button" href="/room' in stranger.page


def test_from_the_page_class_to_a_room_with_the_problem_that_is_set_there(window: Window) -> None:
    page = window("/class?v=1&loss=x_squared&optimizer=momentum&learning_rate=0.1", **HALL)
    link = page.get_by_role("link", name="Open a room with this problem")
    with page.context.expect_page() as opened:
        link.click()
    hall = opened.value
    expect(hall.get_by_text("momentum, momentum β 0.9")).to_be_visible()
    hall.get_by_role("button", name="Open the room").click()
    expect(hall.locator(".code")).to_be_visible()
    expect(hall.get_by_text("momentum, momentum β 0.9")).to_be_visible()
    for_everyone(hall)
    hall.get_by_text("End the room").click()
    hall.get_by_role("button", name="End it now").click()
    expect(hall.get_by_label("The code of your room")).to_be_visible()
    for_everyone(hall)


def test_the_page_before_the_hall_fits_a_phone_in_the_dark(window: Window) -> None:
    page = window("/room?v=1&loss=ravine&learning_rate=0.1", **PHONE, color_scheme="dark")
    page.get_by_role("button", name="Open the room").click()
    for button in ("Close bets", "Open again", "Reveal"):
        page.get_by_role("button", name=button).click()
    expect(page.locator(".strip")).to_be_visible()
    expect(page.get_by_text("The loss still falls, at a pace worth waiting for")).to_be_visible()
    for_everyone(page)
