"""The law of every dial on every page: where a visitor puts it, there it stays, and everything on the page speaks of it.

What is tested is found on the pages themselves. A release that is followed once may be undone the next time, so everything is done twenty
times, by key, click and drag, slowly and fast, with all that may come between.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Locator, Page, TimeoutError, WebSocket, expect

import explorer.ui
from tests.browser.waiting import INTO_SIGHT, settle

SOURCES = {path.stem.split("_", 1)[1]: path.read_text("utf-8") for path in (Path(explorer.ui.__path__[0]) / "pages").glob("[0-9]*.py")}
WITH_DIAL = sorted(name for name, source in SOURCES.items() if re.search(r"\bdial\b|\btimes=", source))
FOLLOWING = sorted(name for name, source in SOURCES.items() if "on_move=" in source)
SMALL = {"v": "1", "loss": "network", "loss.examples": "20", "optimizer": "gradient_descent", "learning_rate": "0.5", "steps": "40"}
CALM = {"v": "1", "loss": "ravine", "optimizer": "gradient_descent", "learning_rate": "0.4", "start": "1,0.3"}
NEEDS = {"step_size": CALM, "network": SMALL, "landscape": SMALL}
"""The link of a page whose own first run takes long, or needs one."""

HOWS = ["key", "click", "drag", "key", "drag", "click", "key"]
Visit = Callable[..., Page]

UNSAID = """() => [...document.querySelectorAll(".picture")].map((each) => {
  const said = each.querySelector(".picture-said").textContent, shown = each.querySelector(".picture-sentence").textContent;
  return said && said !== shown ? `said “${said}”, shown “${shown}”` : "";
}).filter(Boolean)"""
RATES = """() => {
  const digits = (powers) => [...powers].map((each) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(each)).map((at) => (at ? at - 1 : "-")).join("");
  const read = (text) => text.replaceAll(",", "").replace(/ × 10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)/, (_, powers) => "e" + digits(powers));
  return {
    link: Number(new URL(location).searchParams.get("learning_rate")),
    box: Number(document.querySelector("[data-testid=stSidebar] input[aria-label='learning rate']")?.value),
    dial: parseFloat(read(document.querySelector(".picture-value .picture-now").textContent)),
  };
}"""
AGREED = f"""() => {{
  const {{ link, box, dial }} = ({RATES})();
  return Math.abs(box - link) <= 1e-9 * link && Math.abs(dial - link) <= 6e-4 * link;
}}"""


def idle(page: Page) -> None:
    """Wait until no run of the page is going on."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def open_page(visit: Visit, server: str, name: str, before: Callable[[Page], None] | None = None) -> Page:
    page = visit(f"{server}/{'' if name == 'step_size' else name}?{urlencode(NEEDS.get(name, {}))}", ignore="404", before=before)
    ready(page)
    return page


def ready(page: Page) -> None:
    expect(page.locator(".picture[data-drawn]").first).to_be_visible()
    settle(page)


def dials(page: Page) -> list[Locator]:
    """Every slider of a picture that can be seen."""
    return [each for each in page.locator(".picture input[type=range]").all() if each.is_visible()]


def move(page: Page, dial: Locator, how: str, draw: random.Random, *, moves: bool = True) -> int:
    """One move as a hand makes it, which `moves` the thumb; where it stands then."""
    dial.evaluate(INTO_SIGHT)  # at once: Playwright's own way waits, and meanwhile the page may put another element in its place
    before, last = int(dial.input_value()), int(dial.get_attribute("max") or 0)
    if how == "key":
        dial.press("ArrowLeft" if before == last or (before and draw.random() < 0.5) else "ArrowRight")
    else:
        box = dial.bounding_box()
        assert box is not None
        thumb = dial.evaluate("each => parseFloat(getComputedStyle(each).getPropertyValue('--thumb'))")

        def at(position: int) -> tuple[float, float]:
            return box["x"] + thumb / 2 + (box["width"] - thumb) * position / last, box["y"] + box["height"] / 2

        others = [each for each in range(last + 1) if each != before]
        pace = (box["width"] - thumb) / last  # a click on the thumb itself need not move it
        to = draw.choice([each for each in others if abs(each - before) * pace > thumb] or others)
        if how == "drag":
            page.mouse.move(*at(before))
            page.mouse.down()
            page.mouse.move(*at(to), steps=5)
            page.mouse.up()
        else:
            page.mouse.click(*at(to))
        assert not moves or int(dial.input_value()) != before
    return int(dial.input_value())


def stays(page: Page, dial: Locator, position: int, *, follows: bool) -> None:
    """The thumb is where it was put once the server has answered, and all else speaks of it."""
    if follows:
        agree(page)
    idle(page)
    assert int(dial.input_value()) == position
    spoken(page)


def spoken(page: Page) -> None:
    """Wait until what was announced last is what is shown: keys are reported 300 ms after the last of them."""
    page.wait_for_function(f"() => ({UNSAID})().length === 0")


def agree(page: Page) -> None:
    """Wait until link, typed rate and dial are one rate."""
    try:
        page.wait_for_function(AGREED)
    except TimeoutError:
        pytest.fail(f"link, typed rate and dial did not become one: {page.evaluate(RATES)}")


@pytest.mark.parametrize("name", WITH_DIAL)
def test_twenty_moves_of_every_dial_all_stay(visit: Visit, server: str, name: str) -> None:
    sockets: list[WebSocket] = []
    page, draw = open_page(visit, server, name, lambda page: page.on("websocket", lambda each: sockets.append(each))), random.Random(name)
    found = [each for each in dials(page) if each.get_attribute("max") != "0"]
    assert found
    for i, dial in enumerate(found):
        ready(page)  # the moves of the ruler before it began other work
        follows, time = name in FOLLOWING and i == 0, dial.get_attribute("aria-label") == "Time"
        for turn in range(20):
            waits = turn < len(HOWS) or turn in (13, 19)  # the others follow each other as fast as a hand can
            if waits and not follows and not time:
                with sockets[-1].expect_event("framereceived"), sockets[-1].expect_event("framesent"):
                    position = move(page, dial, HOWS[turn % len(HOWS)], draw)
            else:
                position = move(page, dial, HOWS[turn % len(HOWS)], draw)
            if waits:
                stays(page, dial, position, follows=follows)


@pytest.mark.parametrize("name", FOLLOWING)
def test_what_comes_between_two_moves_holds_until_the_next(visit: Visit, server: str, name: str) -> None:
    """A typed rate, a change of theme, a link, a preset: each is shown, and the move after it stays; then all the way back."""
    page, draw, hows = open_page(visit, server, name), random.Random(name), cycle(("drag", "key", "click"))
    ruler = page.get_by_role("slider", name="Learning rate", exact=True)

    def moved() -> None:
        stays(page, ruler, move(page, ruler, next(hows), draw), follows=True)

    def typed(rate: str) -> None:
        box = page.get_by_role("textbox", name="learning rate")
        box.fill(rate)
        box.press("Enter")
        page.wait_for_function("rate => new URL(location).searchParams.get('learning_rate') === rate", arg=rate)
        ready(page)
        agree(page)
        spoken(page)

    for scheme in ("dark", "light"):
        moved()
        rate = rate_of(page)
        moved()
        typed(rate)  # where the dial was before, on the same ruler
        moved()
        typed(rate)
        moved()
        page.emulate_media(color_scheme=scheme)
        agree(page)
        moved()
    old = page.url
    page.get_by_test_id("stPills").or_(page.get_by_test_id("stButtonGroup")).get_by_role("radio").nth(1).click()
    page.wait_for_function("old => location.href !== old", arg=old)
    agree(page)
    spoken(page)
    if name == "step_size":  # the runs of Network's presets take long
        idle(page)
        moved()
    page.goto(f"{server}/{'' if name == 'step_size' else name}?{urlencode(NEEDS[name])}")
    ready(page)
    agree(page)
    moved()
    back_undoes_the_last_move_and_nothing_else(page, ruler, draw)


def back_undoes_the_last_move_and_nothing_else(page: Page, ruler: Locator, draw: random.Random) -> None:
    seen = []
    for how in ("drag", "click", "key"):
        position = move(page, ruler, how, draw)
        stays(page, ruler, position, follows=True)
        seen.append((page.url, position))
    for url, position in reversed(seen[:-1]):
        page.evaluate("history.back()")
        expect(page).to_have_url(url)
        expect(ruler).to_have_value(str(position))
        stays(page, ruler, position, follows=True)
    stays(page, ruler, move(page, ruler, "drag", draw), follows=True)
    rest, rate = (re.sub(r"learning_rate=[^&]*", "", url) for url in (page.url, seen[0][0])), rate_of(page)
    assert len(set(rest)) == 1, "only the rate was moved"
    assert rate != parse_qs(urlsplit(seen[0][0]).query)["learning_rate"][0]


@pytest.mark.parametrize("name", ["step_size", "race"])
def test_every_rate_that_is_typed_stays_and_back_undoes_the_last(visit: Visit, server: str, name: str) -> None:
    query = {"v": "1", "loss": "ravine", "learning_rate": "0.5", "steps": "200"}
    query |= {"racers": "gradient_descent:1.9,momentum:0.5", "pace": "shared"} if name == "race" else {}
    page = visit(f"{server}/{'' if name == 'step_size' else name}?{urlencode(query)}", ignore="404")
    box, rates = page.get_by_role("textbox", name="learning rate"), ["0.5", "1.5", "0.25", "0.3", "1.5", "0.2"]
    expect(box).to_have_value("0.5")
    for rate in rates[1:]:
        box.fill(rate)
        box.press("Enter")
        page.wait_for_function("rate => new URL(location).searchParams.get('learning_rate') === rate", arg=rate)
        idle(page)
        expect(box).to_have_value(rate)
    for rate in reversed(rates[:-1]):
        page.evaluate("history.back()")
        expect(box).to_have_value(rate)
        idle(page)
        assert rate_of(page) == rate


TURNED = ["rate", "optimizer", "steps", "rate and optimizer"]


@pytest.mark.parametrize("what", TURNED)
@pytest.mark.parametrize("name", ["step_size"])  # not yet on Network: a run merged with a part's may bring a box from before the release
def test_a_drag_is_not_undone_by_what_was_turned_just_before_it(visit: Visit, server: str, name: str, what: str) -> None:
    """The hand on the ruler sends what stands in a box, and lets go again before the browser has heard of that, or of another ruler."""
    page, draw = open_page(visit, server, name), random.Random(name + what)
    ruler = page.get_by_role("slider", name="Learning rate", exact=True)
    rules = cycle(["RAdam", "AdaMax", "momentum", "gradient descent"])
    for rate, steps in (("0.7", "41"), ("0.8", "42"), ("0.7", "43"), ("0.2", "44"), ("0.77", "45"), ("0.3", "46")):
        expected = {}
        if "optimizer" in what:
            rule = next(rules)
            choose(page, rule)
            expected["optimizer"] = rule.lower().replace(" ", "_")
        if "rate" in what:
            page.get_by_role("textbox", name="learning rate").fill(rate)
        if what == "steps":
            page.get_by_role("textbox", name="steps").fill(steps)
            expected["steps"] = steps
        chosen = let_go(page, ruler, draw)
        try:
            page.wait_for_function(f"chosen => Math.abs(({RATES})().link / chosen - 1) < 6e-4", arg=chosen)
        except TimeoutError:
            pytest.fail(f"let go at {chosen} after {what} {expected}, and then: {page.evaluate(RATES)} at {page.url}")
        agree(page)
        idle(page)
        assert abs(float(rate_of(page)) / chosen - 1) < 6e-4
        link = parse_qs(urlsplit(page.url).query)
        assert {part: link[part][0] for part in expected} == expected


@pytest.mark.parametrize("name", FOLLOWING)
def test_a_drag_of_the_picture_before_does_not_undo_the_example_just_chosen(visit: Visit, server: str, name: str) -> None:
    page, draw = open_page(visit, server, name), random.Random(name)
    ruler = page.get_by_role("slider", name="Learning rate", exact=True)
    row = page.get_by_test_id("stButtonGroup").first
    labels = row.get_by_role("radio").all_inner_texts()
    links: dict[str, dict[str, list[str]]] = {}
    for label in labels[:3] * 3:
        row.get_by_role("radio", name=label, exact=True).click()
        if label in links:
            move(page, ruler, draw.choice(["drag", "click"]), draw)
        idle(page)
        ready(page)
        agree(page)
        idle(page)
        link = parse_qs(urlsplit(page.url).query)
        rest = {part: value for part, value in link.items() if part != "learning_rate"}
        assert links.setdefault(label, rest) == rest, label


def let_go(page: Page, ruler: Locator, draw: random.Random) -> float:
    """Drag or click, and say the rate as the hand let go: what was turned before may be shown after that for a moment."""
    note = f"() => (each.dataset.chosen = ({RATES})().dial)"
    while True:
        ruler.evaluate(f"each => {{ delete each.dataset.chosen; each.addEventListener('change', {note}, {{ once: true }}); }}")
        move(page, ruler, draw.choice(["drag", "click"]), draw, moves=False)
        if chosen := ruler.get_attribute("data-chosen"):
            return float(chosen)  # else another ruler came under the hand, and the thumb was where it should go


def choose(page: Page, rule: str) -> None:
    """Choose an optimizer; the list is opened again if the page, as it runs, has closed it."""
    box, option = page.get_by_role("combobox", name="optimizer"), page.get_by_role("option", name=rule, exact=True)
    while not option.is_visible():
        box.click()
        box.fill(rule)
        page.wait_for_timeout(100)
    option.click()


def rate_of(page: Page) -> str:
    """The rate as the page's link writes it."""
    return parse_qs(urlsplit(page.url).query)["learning_rate"][0]
