"""Predict, then reveal: nothing that is seen or spoken holds the answer before the guess, and after it the numbers are the library's."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, Route, expect

from explorer import Setup, find_edge, judge
from explorer.core.ground.prose import plain
from explorer.core.networks.trials import trials
from explorer.core.run.race import Race
from explorer.core.verdict.sentence import TABLE
from explorer.site import write_html
from explorer.site.casebook import casebook
from explorer.site.questions import BECAME
from tests.browser.axe import violations
from tests.browser.waiting import settle

Visit = Callable[..., Page]
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "reduced_motion": "reduce"}
RAVINE = {"v": "1", "loss": "ravine", "optimizer": "momentum", "learning_rate": "0.5"}
NETWORK = {"v": "1", "loss": "network", "loss.examples": "20", "loss.objective": "squared_error", "learning_rate": "0.5", "steps": "40"}
RACE = {"v": "1", "loss": "ravine", "learning_rate": "0.5", "steps": "200", "racers": "gradient_descent:1.9,momentum:0.5,adam:0.1"}

PERCEIVED = """() => {
  const SPOKEN = ["aria-label", "aria-valuetext", "aria-description", "title", "alt", "placeholder", "value"];
  const seen = (each) => each.checkVisibility({ visibilityProperty: true, opacityProperty: true }), found = [];
  for (const each of document.querySelectorAll("body *")) {
    if (!seen(each) || ["SCRIPT", "STYLE", "OPTION"].includes(each.tagName)) continue;
    found.push(...SPOKEN.map((name) => each.getAttribute(name) ?? ""));
    found.push(...[...each.childNodes].filter(({ nodeType }) => nodeType === 3).map(({ data }) => data));
  }
  return found.filter((text) => text.trim()).join(" | ");
}"""
"""All that one can see, hover over or be read, of the page and beside it."""

AT = "link => Object.entries(link).every(([name, text]) => new URL(location).searchParams.get(name) === text)"

COLORED = """() => [...document.querySelectorAll(".picture-zone, .picture-word, .picture-live, .js-line, .js-fill, .shapelayer path")]
  .filter((each) => each.checkVisibility({ visibilityProperty: true }) && getComputedStyle(each).stroke !== "rgb(127, 127, 127)").length"""
"""How many zones are seen, lines of plots that are not the level lines of the loss, or its curve, and plots that move."""

MOVES = "[...document.querySelectorAll('.picture-live')].some((each) => each.checkVisibility())"

PLAYS = f"""press => {{
  const play = document.querySelector(".picture-play"), moves = {MOVES};
  if (!moves && play.textContent.trim() === "Play") play.click();
  if (moves) press ? document.querySelector(press).click() : dispatchEvent(new KeyboardEvent("keydown", {{ key: "h", bubbles: true }}));
  return moves;
}}"""
"""Plays, and presses a button, or the presenter's key, in the moment in which something moves."""

WORDS = {word for verdict, (head, _) in TABLE.items() for word in (f"{verdict}", head)} - {"Slow", "slow", "noisy"}
WORDS |= {"× the", "critical", "leads", "tie"}
"""What every sentence about a run begins with or holds, but for what is a word of the knobs, too."""


def asks(page: Page) -> None:
    """Wait until a guess is asked for, and nothing runs."""
    expect(page.get_by_role("button", name="Show what happens")).to_be_visible()
    settle(page)


def hides(page: Page, *numbers: str) -> None:
    """Nothing that is perceived tells the answer: no word of a verdict, none of these numbers, no zone, no path."""
    asks(page)
    told = page.evaluate(PERCEIVED)
    assert "diverge?" in told or "diverging?" in told  # it is asked, and this finds what is there
    assert not re.search(rf"(?<!\w)({'|'.join(map(re.escape, WORDS))})(?!\w)", told), told
    for number in numbers:
        assert not re.search(rf"(?<![\d.]){re.escape(number)}(?![\d.]*\d)", told), (number, told)
    page.wait_for_function(f"({COLORED})() === 0")
    assert page.locator("h2:visible, [data-testid=stMetric]:visible, table:visible, .picture-save:visible").count() == 0


def answer(page: Page) -> str:
    shown = page.locator(".picture-answer:visible")
    expect(shown).to_have_count(1)
    return shown.inner_text()


def scale(page: Page, place: int = 0):  # type: ignore[no-untyped-def]
    return page.locator(".picture-guess input[type=range]").nth(place)


def checked(text: str, edge: float) -> None:
    """What was said to a guess is right, against an edge that was found otherwise."""
    told = re.search(r"Runs diverge beyond (\S+): you said ([^,]+), ([\d.,]+) times too (low|high)", text)
    found, said, by, side = told.groups()  # type: ignore[union-attr]
    guess = float(re.sub(r" × 10(\S+)", lambda power: "e" + power[1].translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")), said))
    assert float(found) == pytest.approx(edge, rel=2e-3)
    assert float(by.replace(",", "")) == pytest.approx(max(guess / edge, edge / guess), rel=1e-2)
    assert (side == "low") == (guess < edge)


def edge_of(setup: Setup) -> float:
    return find_edge(setup.make_loss(), setup.make_optimizer(), 1e-7, 1e3, **setup.conditions())[0]  # type: ignore[arg-type]


def by_key(page: Page) -> None:
    scale(page).focus()
    for key in ("PageUp", "ArrowLeft", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)


def by_click(page: Page) -> None:
    box = scale(page).bounding_box()
    assert box
    page.mouse.click(box["x"] + 0.2 * box["width"], box["y"] + box["height"] / 2)


def by_drag(page: Page) -> None:
    box = scale(page).bounding_box()
    assert box
    middle, x = box["y"] + box["height"] / 2, box["x"]
    page.mouse.move(x + box["width"] * int(scale(page).input_value()) / int(scale(page).get_attribute("max")), middle)
    page.mouse.down()
    page.mouse.move(x + 0.9 * box["width"], middle, steps=5)
    page.mouse.move(x + 0.85 * box["width"], middle, steps=5)
    page.mouse.up()


WATCH = f"""window.told = new Set();
window.colored = 0;
(function watch() {{
  if (document.body) told.add(({PERCEIVED})()), (colored += ({COLORED})());
  requestAnimationFrame(watch);
}})();"""
"""Notes at every frame, from the first on, what is perceived."""

DESCRIBED = """() => [...document.querySelectorAll("[data-testid=stSidebar] [data-testid=stCaptionContainer]")]
  .map(({ textContent }) => textContent).filter(({ length }) => length > 40)"""
"""What the sidebar says of the loss and the optimizer."""


@pytest.mark.parametrize("embed", [{}, {"embed": "true"}])
@pytest.mark.parametrize(("name", "query"), [("", RAVINE), ("race", RACE), ("sweep", RAVINE), ("network", NETWORK)])
def test_no_frame_tells_before_the_scripts_come(visit: Visit, server: str, name: str, query: dict[str, str], embed: dict[str, str]) -> None:
    """The answers are written, and no script is there that hides them; then the way comes first, or the picture."""
    late: dict[str, list[Route]] = {"way": [], "picture": []}

    def keep(route: Route) -> None:
        code = route.request.url.rpartition("/")[2].partition("-")[0]
        late[code].append(route) if code in late else route.continue_()

    def before(page: Page) -> None:
        page.add_init_script(WATCH)
        page.route("**/assets/code/*.js", keep)

    page = visit(f"{server}/{name}?{urlencode(query | {'view.predict': 'true'} | embed)}", ignore="404", before=before)
    page.wait_for_function("document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'")
    page.wait_for_function("document.querySelector('.stMain h2, .stMain [data-testid=stMetric]')")
    while not all(late.values()):
        page.wait_for_timeout(50)
    for code in ("picture", "way") if embed else ("way", "picture"):
        for route in late.pop(code):
            route.continue_()
        page.wait_for_function("code => document.querySelector(`.${code}`)", arg=code)
    hides(page)
    told = " ".join(page.evaluate("[...told]"))
    leaked = re.findall(rf"(?<!\w)(?:{'|'.join(map(re.escape, WORDS))})(?!\w)", told)
    leaked += [each for each in page.evaluate(DESCRIBED) if each in told]
    assert (leaked, page.evaluate("colored")) == ([], 0)


def test_a_click_before_the_page_can_hear_it_is_heard(visit: Visit, server: str) -> None:
    """The picture is there before the code of what stands above the page: the first click counts, and the next."""
    late: list[Route] = []

    def keep(route: Route) -> None:
        late.append(route)

    page = visit(f"{server}/?{urlencode(RAVINE)}", ignore="404", before=lambda page: page.route("**/assets/code/way-*.js", keep))
    page.get_by_role("button", name="Predict first").first.click()
    expect(page.get_by_role("button", name="Show what happens")).to_be_visible()
    while not late:
        page.wait_for_timeout(50)
    late.pop().continue_()
    page.wait_for_url("**view.predict=true**")
    hides(page)
    page.locator(".picture-predict:visible").first.click()
    page.wait_for_url(lambda url: "view.predict" not in url)
    expect(page.get_by_role("button", name="Show what happens")).to_have_count(0)


def test_the_edge_is_guessed_again_and_again(visit: Visit, server: str) -> None:
    """By key, click and drag, on a link, on presets and in the dark: hidden each time, and told each time by its own numbers."""
    first = Setup.from_query(RAVINE)
    page = visit(f"{server}/?{urlencode(RAVINE)}", ignore="404")
    page.get_by_role("button", name="Predict first").first.click()
    hides(page, plain(edge_of(first), 4))
    page.wait_for_function("new URL(location).searchParams.get('view.predict') === 'true'")
    by_key(page)
    expect(scale(page)).to_have_attribute("aria-valuetext", re.compile(r"^0\.0"))
    page.keyboard.press("Enter")
    checked(answer(page), edge_of(first))
    expect(page.locator(".picture-mark", has_text="you: 0.0")).to_be_visible()
    settle(page)
    known = [case for case in casebook() if case.page == "step_size" and case.preset]
    for turn, (place, guess) in enumerate(((2, by_click), (4, by_drag), (1, by_key))):
        page.locator("[class*='-preset'] button").nth(place).click()
        case = known[place]
        page.wait_for_function(AT, arg=case.link)
        edge = edge_of(case.setup)
        hides(page, *{plain(edge, digits) for digits in (3, 4, 5)})
        expect(page.locator("[class*='-preset'] button").nth(place)).to_have_accessible_name(f"Problem {place + 1}")
        guess(page)
        page.emulate_media(color_scheme="dark" if turn % 2 else "light")
        hides(page, *{plain(edge, digits) for digits in (3, 4, 5)})
        page.get_by_role("radio", name="It diverges").check()
        page.get_by_role("button", name="Show what happens").click()
        checked(answer(page), edge)
        assert ("Right: it diverges." in answer(page)) == (str(judge(case.setup.run()).verdict[0]) == "diverged")
        expect(page.locator(".picture-answer:visible")).to_contain_text(re.compile(rf"so far: \d of {2 * turn + 3} right"))
        settle(page)
    page.go_back()
    page.wait_for_function(AT, arg=known[4].link)
    page.wait_for_function("atob(document.querySelector('[data-link]')?.dataset.link ?? '').endsWith(location.search)")
    settle(page)
    expect(page.locator(".picture-sentence").first).to_be_visible()  # what was revealed stays so
    page.get_by_role("button", name="Predict first").first.click()
    expect(page.locator(".picture-sentence").first).to_be_visible()
    page.wait_for_function("!new URL(location).searchParams.has('view.predict')")
    assert page.locator(".picture-guess:visible").count() == 0


def test_a_sweep_has_two_rates_to_guess(visit: Visit, server: str) -> None:
    page = visit(f"{server}/sweep?{urlencode(RAVINE | {'view.predict': 'true'})}", ignore="404")
    setup = Setup.from_query(RAVINE)
    for turn in range(2):
        edge = edge_of(setup)
        hides(page, plain(edge, 4), plain(edge, 5))
        line = page.locator(".recipe")  # shown where the sidebar is closed, as before a hall: the rates that are swept lie around the edge

        assert " to " in (line.locator(".tells").text_content() or "")
        assert line.locator(".tells").evaluate_all("all => all.map((each) => getComputedStyle(each).display)") == ["none"]
        by_click(page)
        scale(page, 1).focus()
        page.keyboard.press("Home")
        page.keyboard.press("Enter")
        checked(answer(page), edge)
        assert "The loss ends lowest at" in answer(page)
        expect(page.locator("h2").first).to_be_visible()
        settle(page)
        if turn == 0:
            setup = Setup.from_query(RAVINE | {"steps": "150"})
            box = page.get_by_role("textbox", name="steps")
            box.fill("150")
            box.press("Enter")
            page.wait_for_function("new URL(location).searchParams.get('steps') === '150'")


def test_who_wins_a_race_is_chosen_by_keys(visit: Visit, server: str) -> None:
    page = visit(f"{server}/race?{urlencode(RACE | {'view.predict': 'true'})}", ignore="404")
    final = [trajectory.loss[-1, 0] for trajectory in Race.from_query(RACE).run()]
    racers = {"gradient descent": 1.9, "momentum": 0.5, "Adam": 0.1}
    winner = [*racers][final.index(min(final))]
    for turn, wanted in enumerate(("momentum", "Adam")):
        hides(page, plain(min(final)))
        page.get_by_role("radio", name="gradient descent").focus()
        for _ in range(turn + 1):
            page.keyboard.press("ArrowDown")
        expect(page.get_by_role("radio", name=wanted)).to_be_checked()
        page.keyboard.press("Enter")
        right, chosen = (f"{name} at the rate {racers[name]}" for name in (winner, wanted))
        assert (f"Right: {right}." if wanted == winner else f"You said {chosen}; it is {right}.") in answer(page)
        expect(page.locator("h2").first).to_contain_text(re.compile(f"^{winner} leads", re.IGNORECASE))
        settle(page)
        for _ in range(2):  # left and begun again, the same is asked again
            page.get_by_role("button", name="Predict first").click()
            settle(page)


def test_a_network_is_asked_before_its_first_trial_is_seen(visit: Visit, server: str) -> None:
    page = visit(f"{server}/network?{urlencode(NETWORK | {'view.predict': 'true'})}", ignore="404")
    *_, found = trials(Setup.from_query(NETWORK))
    held = max(low for low, high in pairwise(found.ruler.rates) if high <= found.first_diverged)
    hides(page, plain(held, 4))
    by_key(page)
    expect(page.locator("[data-testid=stStatusWidget]")).to_have_count(0)
    page.get_by_role("button", name="Show what happens").click()
    expect(page.get_by_text(re.compile(r"(\d+) of \1 rates tried"))).to_be_visible()
    expect(page.locator(".picture-answer:visible")).not_to_contain_text("so far")
    checked(answer(page), held)


def test_the_presenter_hides_and_reveals_by_keys(visit: Visit, server: str) -> None:
    """What h hid stays hidden on the next problem, where the guess is made anew; on a page that asks nothing all of it is hidden."""
    page = visit(f"{server}/?{urlencode(RAVINE)}", ignore="404", viewport={"width": 1280, "height": 720})
    expect(page.get_by_role("button", name="Present")).to_be_visible()
    settle(page)
    page.keyboard.press("p")
    for _ in range(2):
        page.keyboard.press("h")
        hides(page)
        page.keyboard.press("ArrowRight")
        expect(scale(page)).not_to_have_attribute("aria-valuetext", "no guess yet")
        page.get_by_role("radio", name="It diverges").check()  # a key there is no text
        before = page.url
        page.keyboard.press("n")
        page.wait_for_function("before => location.href !== before", arg=before)
        settle(page)
        expect(scale(page)).to_have_attribute("aria-valuetext", "no guess yet")
        hides(page)
        page.keyboard.press("r")
        expect(page.locator(".picture-sentence").first).to_be_visible()
        assert page.locator(".picture-answer:visible").count() == 0  # nobody guessed
    for key in "hpr":
        page.keyboard.press(key)
        expect(page.locator(".picture-sentence").first).to_be_visible(visible=key == "r")  # leaving the view shows nothing
    page.goto(f"{server}/landscape")
    expect(page.get_by_role("button", name="Present")).to_be_visible()
    settle(page)
    for key in "phrh":
        page.keyboard.press(key)
        expect(page.locator(".picture").first).to_be_visible(visible=key in "pr")


AT_THE_END = "() => [...document.querySelectorAll('.picture input[aria-label=Time]')].every((each) => each.value === each.max)"
"""Whether the pictures show all of the time, of which their words speak."""


@pytest.mark.parametrize(("name", "query"), [("", RAVINE), ("race", RACE), ("network", NETWORK)])
def test_what_moves_is_hidden_too(visit: Visit, server: str, name: str, query: dict[str, str]) -> None:
    """Asked in mid-play, by the button and before an audience, and in mid-drag; and drawn anew meanwhile."""
    page = visit(f"{server}/{name}?{urlencode(query)}", ignore="404")
    hidden = asks if name == "race" else hides
    settle(page)
    for press in (".picture-predict", None, ".picture-predict"):
        if press is None:
            page.keyboard.press("p")
        page.wait_for_function(PLAYS, arg=press)
        hidden(page)
        page.set_viewport_size({"width": 1200, "height": 800})
        page.emulate_media(color_scheme="dark")
        hidden(page)
        page.wait_for_function(f"({COLORED})() === 0")
        page.get_by_role("button", name="Show what happens").click()
        page.wait_for_function(AT_THE_END)
        if press is None:
            page.keyboard.press("p")
        else:
            page.get_by_role("button", name="Predict first").first.click()
            page.wait_for_url(lambda url: "view.predict" not in url)
    box = page.locator(".picture input[type=range]:visible").first.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y, steps=3)
    page.wait_for_function(MOVES)
    page.evaluate("document.querySelector('.picture-predict').click()")
    page.mouse.move(x - 60, y, steps=3)
    page.mouse.up()
    hidden(page)
    page.wait_for_function(f"({COLORED})() === 0")


@pytest.mark.parametrize(("name", "query"), [("", RAVINE), ("race", RACE)])
def test_a_phone_asks_in_the_dark_without_barriers(visit: Visit, server: str, name: str, query: dict[str, str]) -> None:
    page = visit(f"{server}/{name}?{urlencode(query | {'view.predict': 'true'})}", ignore="404", color_scheme="dark", **PHONE)
    hides(page)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator(".picture-guess").get_by_role("radio").first.tap()
    page.get_by_role("button", name="Show what happens").tap()
    assert answer(page)
    settle(page)
    assert violations(page) == []


def test_a_page_that_stands_alone_asks_too(visit: Visit, tmp_path: Path) -> None:
    setup = Setup.from_query(RAVINE)
    page = visit(write_html(setup, tmp_path / "ravine.html").as_uri())
    page.wait_for_function("document.querySelector('.picture')?.dataset.drawn")
    for _ in range(2):
        page.wait_for_function(PLAYS, arg=".picture-predict")
        expect(page.get_by_role("button", name="Show what happens")).to_be_visible()
        page.wait_for_function(f"({COLORED})() === 0")
        by_key(page)
        page.keyboard.press("Enter")
        checked(answer(page), edge_of(setup))
        page.get_by_role("button", name="Predict first").click()
        expect(page.locator(".picture-answer")).to_be_hidden()


def test_every_end_of_a_run_is_a_choice() -> None:
    assert sorted(verdict for among in BECAME.values() for verdict in among) == sorted(TABLE)


def test_what_is_refused_of_a_link_is_said_beside_the_question_about_what_is_shown(visit: Visit, server: str) -> None:
    for start in ("1e300", "2", "1e300"):
        link = {"v": "1", "loss": "x_squared", "start": start, "racers": "adam:0.1,momentum:0.1", "view.predict": "true"}
        page = visit(f"{server}/race?{urlencode(link)}", ignore="404")
        asks(page)
        expect(page.get_by_role("group", name="On x²")).to_be_visible()
        expect(page.get_by_text("start must be where the loss is finite")).to_be_visible(visible=start == "1e300")
