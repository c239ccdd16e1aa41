"""The page "Step size" in a real browser: the ruler dragged, played and typed, its links, a phone, a dark room, the file to take away."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from explorer.core.run.setup import Setup
from explorer.site.content import CONTENTS
from tests.browser.points import POINTS, points
from tests.browser.traffic import Traffic
from tests.browser.waiting import settle

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
CALM = {"v": "1", "loss": "x_squared", "optimizer": "gradient_descent", "learning_rate": "0.1", "start": "1"}
RAVINE = {"v": "1", "loss": "ravine", "optimizer": "gradient_descent", "learning_rate": "1.5", "start": "1,0.3"}
Visit = Callable[..., Page]


@pytest.fixture
def opened(visit: Visit, server: str) -> Visit:
    """`opened(query, **options)` is the page behind a link, drawn."""

    def open_page(query: dict[str, str] | None = None, **options: object) -> Page:
        page = visit(f"{server}/?{urlencode(query or {})}", **options)
        expect(picture(page)).to_have_attribute("data-drawn", drawn_at(page))
        return page

    return open_page


def picture(page: Page) -> Locator:
    return page.locator(".picture").first


def dial(page: Page) -> Locator:
    return page.get_by_role("slider", name="Learning rate")


def clock(page: Page) -> Locator:
    return page.get_by_role("slider", name="Time").first


def drawn_at(page: Page) -> str:
    """Where the two sliders stand, as the picture says it once it has been drawn."""
    picture(page).wait_for()
    hidden = page.get_by_role("slider", name="Time", include_hidden=True).first  # beside a picture that stays while the words are read
    return f"{dial(page).input_value()} {hidden.input_value()}"


def drawn(page: Page) -> None:
    expect(picture(page)).to_have_attribute("data-drawn", drawn_at(page))


def sentence(page: Page) -> str:
    return page.locator(".picture-sentence").first.inner_text()


def path(page: Page) -> dict[str, list[float]]:
    """The points of the path that are drawn now."""
    return points(page, 1)


def point(page: Page, position: int) -> tuple[float, float]:
    """Where the thumb's center is at a position of the dial."""
    box, last = dial(page).bounding_box(), int(dial(page).get_attribute("max"))
    thumb = page.evaluate("parseFloat(getComputedStyle(document.querySelector('.picture')).getPropertyValue('--thumb'))")
    return box["x"] + thumb / 2 + (box["width"] - thumb) * position / last, box["y"] + box["height"] / 2


def link(page: Page) -> dict[str, str]:
    return {name: value for name, [value] in parse_qs(urlsplit(page.url).query).items()}


def test_a_drag_from_end_to_end_shows_every_rate_and_sends_only_the_last(opened: Visit) -> None:
    traffic = Traffic()
    page = opened(CALM, before=traffic.watch)
    settle(page)
    last = int(dial(page).get_attribute("max"))
    assert last >= 120
    page.mouse.move(*point(page, int(dial(page).input_value())))
    page.mouse.down()
    traffic.reset()
    sentences, ends = set(), set()
    for position in range(last + 1):
        page.mouse.move(*point(page, position))
        expect(picture(page)).to_have_attribute("data-drawn", f"{position} 100")
        sentences.add(sentence(page))
        ends.add(path(page)["x"][1])
    assert len(ends) == last + 1  # each rate lands somewhere else
    assert len(sentences) > 0.9 * last
    assert any(text.startswith("Converges") for text in sentences)
    assert any(text.startswith("Diverges") for text in sentences)
    assert traffic.sent == []
    assert traffic.received == []
    with page.expect_response(lambda answer: CONTENTS in answer.url):
        page.mouse.up()
    page.wait_for_function("location.search.includes('learning_rate=10')")
    settle(page)
    assert len(traffic.sent) == 1
    assert link(page) == CALM | {"learning_rate": "10"}
    expect(page.get_by_role("textbox", name="learning rate")).to_have_value("10")
    assert sum(traffic.received) < 40_000  # the numbers and the page's words, the microscope's name, and nothing that a picture shows
    assert len(traffic.fetched) == 1  # the microscope


NAMELESS = """() => [...document.querySelectorAll("input, button, select, textarea, [role=slider], [role=img]")]
  .filter((each) => each.offsetParent && !each.closest("[aria-hidden=true]"))
  .filter((each) => !(each.getAttribute("aria-label") || each.textContent.trim() || each.labels?.length || each.title
                      || each.getAttribute("aria-labelledby") || each.closest("label")?.textContent.trim()))
  .map((each) => each.outerHTML.slice(0, 200))"""
"""Whatever can be used, or is a picture, and has no name."""


def test_nothing_is_sent_that_the_browser_has(opened: Visit) -> None:
    """Releases in a row, a preset and the way back, a link opened anew: what a picture shows is fetched once, and no run sends it."""
    traffic = Traffic()
    page = opened(CALM, before=traffic.watch)
    settle(page)
    for preset in ("Double well", "Ravine"):
        for key in ("End", "Home", "PageUp", "PageUp"):
            address = page.url
            dial(page).press(key)
            page.wait_for_function("(before) => location.href !== before", arg=address)
            settle(page)
        address, before = page.url, sentence(page)
        page.get_by_role("radio", name=preset).click()
        page.wait_for_function("(before) => location.href !== before", arg=address)
        settle(page)
        page.go_back()
        page.wait_for_url(address)
        expect(page.locator(".picture-sentence").first).to_have_text(before)  # a page is at rest, too, before it hears of the way back
        settle(page)
    assert len(traffic.fetched) == len({*traffic.fetched})
    assert max(traffic.received) < 20_000
    traffic.reset()
    dial(page).press("End")
    page.wait_for_function("location.search.includes('learning_rate=10')")
    settle(page)
    assert sum(traffic.received) < 40_000
    assert traffic.fetched == []  # not even the microscope, which this browser has seen at that place


def test_a_picture_is_not_said_to_be_drawn_while_another_is_fetched(opened: Visit) -> None:
    """Twice, and with a preset that the browser has: what stands there meanwhile is of the problem before."""
    page = opened(CALM)
    settle(page)
    held: list[Route] = []
    for preset in ("Double well", "Ravine"):
        before = sentence(page)
        page.route("**/assets/contents/*", lambda route: held.append(route))
        page.get_by_role("radio", name=preset).click()
        while not held:
            page.wait_for_timeout(50)
        expect(picture(page)).not_to_have_attribute("data-drawn", re.compile(""))
        assert sentence(page) == before
        page.unroute("**/assets/contents/*")  # which lets go what is held
        held.clear()
        settle(page)
        assert sentence(page) != before


def test_the_picture_is_the_run_and_every_control_has_a_name(opened: Visit) -> None:
    """Every hop that is drawn is the trajectory's own point, here and beyond the edge."""
    page = opened(RAVINE)
    assert page.evaluate(NAMELESS) == []
    run = Setup.from_query(RAVINE).run()
    seen = path(page)
    assert seen["x"] == pytest.approx(run.x[: len(seen["x"]), 0, 0].tolist(), rel=1e-6)
    assert seen["y"] == pytest.approx(run.x[: len(seen["y"]), 1, 0].tolist(), rel=1e-6)
    assert len(seen["x"]) == 101


def test_the_keyboard_alone_is_enough(opened: Visit) -> None:
    page = opened(CALM)
    settle(page)
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('aria-label')") == "Learning rate":
            break
    expect(dial(page)).to_be_focused()
    page.keyboard.press("End")
    drawn(page)
    assert sentence(page).startswith("Diverges")
    page.wait_for_function("location.search.includes('learning_rate=10')")
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    drawn(page)
    expect(dial(page)).to_be_focused()
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Pause").first).to_be_visible()
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)


def test_play_shows_the_hops_one_by_one(opened: Visit) -> None:
    page = opened(CALM | {"learning_rate": "0.9", "steps": "12"})
    counts = page.evaluate(
        f"""() => new Promise((resolve) => {{
          const root = document.querySelector(".picture"), points = {POINTS}, counts = [];
          new MutationObserver(() => {{
            counts.push(points(1).x.length);
            if (counts.length > 3 && counts.at(-1) === 13) resolve(counts);
          }}).observe(root, {{ attributeFilter: ["data-drawn"] }});
          root.querySelector(".picture-play").click();
        }})"""
    )
    # What stood there may be drawn once more before the first, as when the window changes; so may a step. A slow machine leaves some out.
    shown = [count for count, _ in groupby(counts[next(at for at, count in enumerate(counts) if count < 13) :])]
    assert len(shown) > 3
    assert shown == sorted(set(shown))
    assert shown[-1] == 13


def test_a_link_opens_the_same_run_elsewhere(opened: Visit) -> None:
    first = opened(CALM | {"loss": "booth", "start": "2,-1", "learning_rate": "0.07", "steps": "40"})
    dial(first).press("ArrowRight")
    drawn(first)
    first.wait_for_function("!location.search.includes('learning_rate=0.07&')")
    settle(first)
    second = opened(link(first))
    assert sentence(second) == sentence(first)
    assert path(second) == path(first)
    assert link(second) == link(first)


def test_a_broken_link_says_so_and_shows_a_picture(opened: Visit) -> None:
    page = opened(CALM | {"steps": "many", "color": "blue"})
    expect(page.get_by_text("steps must be a number, got 'many'")).to_be_visible()
    expect(page.get_by_text("a link has no part named 'color'")).to_be_visible()


def test_a_phone_shows_the_picture_before_the_controls(opened: Visit) -> None:
    page = opened(RAVINE, **PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
    expect(page.get_by_role("combobox", name="loss", exact=True)).not_to_be_in_viewport()
    left, right = (page.locator(f".{name}.nsewdrag, .{name} .nsewdrag").first.bounding_box() for name in ("xy", "x2y2"))
    assert right["y"] > left["y"] + left["height"]
    assert left["width"] > 240
    assert dial(page).bounding_box()["y"] < 844  # on the first screen
    box = dial(page).bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] - 40, box["y"] + box["height"] / 2)
    expect(page.locator(".picture-sentence").first).to_contain_text("Diverges")


def test_a_dark_room(opened: Visit) -> None:
    page = opened(CALM, color_scheme="dark")
    look = page.evaluate(
        """() => ({ ground: getComputedStyle(document.querySelector(".stApp")).backgroundColor,
                    ticks: getComputedStyle(document.querySelector(".xtick text")).fill,
                    words: getComputedStyle(document.querySelector(".picture-sentence")).color })"""
    )
    assert look == {"ground": "rgb(17, 20, 24)", "ticks": "rgb(240, 242, 244)", "words": "rgb(240, 242, 244)"}


def test_a_typed_rate_and_a_refused_one(opened: Visit) -> None:
    page = opened(CALM)
    box = page.get_by_role("textbox", name="learning rate")
    box.fill("1.1")
    box.press("Enter")
    expect(page.locator(".picture-sentence").first).to_contain_text("Diverges: each step multiplies the error by 1.2 (theory: 1.2)")
    drawn(page)
    settle(page)
    before = path(page)
    box.fill("-1")
    box.press("Enter")
    expect(page.get_by_text("learning_rate must be finite and ≥ 0, got -1")).to_be_visible()
    expect(box).to_have_value("-1")
    assert path(page) == before
    assert link(page)["learning_rate"] == "1.1"


def test_a_preset_and_its_switch(opened: Visit) -> None:
    page = opened(CALM)
    page.get_by_role("radio", name="Raw features").click()
    expect(page.locator(".picture-sentence").first).to_contain_text("inf at step 161")
    expect(page.get_by_text("Minimizing maximizes!")).to_be_visible()
    button = page.get_by_role("button", name="Standardize the features", exact=True)
    button.scroll_into_view_if_needed()  # the picture then stays at the top, lower
    settle(page)  # a button that is pressed while it is replaced hears nothing
    button.click()
    expect(page.locator(".picture-sentence").first).to_contain_text("Converges")
    drawn(page)
    assert link(page)["loss.standardize"] == "true"
    page.get_by_role("button", name="Switch back").click()
    expect(page.locator(".picture-sentence").first).to_contain_text("inf at step 161")


def test_the_file_to_take_away_is_the_run(opened: Visit, tmp_path: Path) -> None:
    query = CALM | {"learning_rate": "1.1", "steps": "2000"}
    page = opened(query)
    page.get_by_text("The numbers of this run").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download this run as CSV").click()
    download.value.save_as(tmp_path / "run.csv")
    rows = list(csv.DictReader((tmp_path / "run.csv").read_text().splitlines()))
    run = Setup.from_query(query).run()
    assert list(rows[0]) == ["step", "x", "loss", "gradient norm"]
    assert len(rows) == 2001
    assert [float(row["x"]) for row in rows[:50]] == run.x[:50, 0, 0].tolist()
    assert (rows[1946]["loss"] != "inf", rows[1947]["loss"]) == (True, "inf")


def test_a_step_under_the_microscope(opened: Visit) -> None:
    page = opened(CALM | {"learning_rate": "1.1"})
    words = page.locator(".picture-sentence").nth(1)
    expect(words).to_contain_text("Step 1: the slope gives −ε gᵀg = −4.4, the curvature adds +4.84; the second outgrows the first")
    steps = page.get_by_role("slider", name="Step", exact=True)
    steps.press("ArrowRight")
    expect(words).to_contain_text("Step 2:")
    expect(page.locator(".picture").nth(1)).to_have_attribute("data-drawn", "1 0")
    before = words.inner_text()
    dial(page).press("ArrowLeft")  # the same step of another run
    expect(words).not_to_have_text(before)
    expect(words).to_contain_text("Step 2:")


@pytest.mark.parametrize("size", [(1440, 900), (1366, 768), (1024, 768)])
def test_the_picture_stays_while_the_words_below_it_are_read(opened: Visit, size: tuple[int, int]) -> None:
    """Down, a move there, up, and all of it again: the words never move, and the ruler is always in the window with its plots."""
    page = opened(CALM, viewport=dict(zip(("width", "height"), size, strict=True)))
    settle(page)
    expect(page.get_by_role("radio", name="Raw features")).to_be_visible()  # the row of presets comes last, and then the picture makes room
    page.wait_for_function("() => document.querySelector('.picture').getBoundingClientRect().bottom <= innerHeight")
    main = page.locator("[data-testid=stMain]")
    plot, at_rest = page.locator(".picture-plot").first, main.evaluate("e => e.scrollHeight")
    height = plot.bounding_box()["height"]
    for down in (700, 1000):
        main.evaluate("(e, to) => e.scrollTo(0, to)", down)
        expect(page.locator(".picture-stuck")).to_have_count(1)
        shown, ruler = plot.bounding_box(), dial(page).bounding_box()
        assert 60 < ruler["y"] < shown["y"]
        assert shown["y"] + shown["height"] < 0.73 * size[1], "words have room below it"
        before = sentence(page)
        page.mouse.click(ruler["x"] + ruler["width"] * (0.97 if down == 700 else 0.3), ruler["y"] + ruler["height"] / 2)
        expect(page.locator(".picture-sentence").first).not_to_have_text(before)
        settle(page)
        assert abs(dial(page).bounding_box()["y"] - ruler["y"]) < 2
        main.evaluate("e => e.scrollTo(0, 0)")
        expect(page.locator(".picture-stuck")).to_have_count(0)
        page.wait_for_function(
            "height => document.querySelector('.picture-plot').offsetHeight > height - 12", arg=height
        )  # the row of presets comes last
    assert abs(main.evaluate("e => e.scrollHeight") - at_rest) < 400, "what the words below say may be longer, never the picture"


def test_a_picture_that_stays_follows_the_window_and_keeps_its_place(opened: Visit) -> None:
    """It is as high as it would be at rest, in windows of other sizes and for another case chosen meanwhile: the page under it stays."""
    page = opened(CALM)
    settle(page)
    main, picture = page.locator("[data-testid=stMain]"), page.locator(".picture").first
    chips = page.get_by_role("radiogroup").first.get_by_role("radio")
    for size, chip in (((1440, 900), 2), ((1200, 900), 3), ((1440, 860), 5), ((1200, 1000), 1)):
        main.evaluate("e => e.scrollTo(0, 900)")
        expect(page.locator(".picture-stuck")).to_have_count(1)
        page.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))
        before = sentence(page)
        chips.nth(chip).dispatch_event("click")
        expect(page.locator(".picture-sentence").first).not_to_have_text(before)
        settle(page)
        stays = picture.bounding_box()["height"]
        main.evaluate("e => e.scrollTo(0, 0)")
        expect(page.locator(".picture-stuck")).to_have_count(0)
        settle(page)
        page.wait_for_function("stays => Math.abs(document.querySelector('.picture').offsetHeight - stays) < 3", arg=stays)


@pytest.mark.parametrize("change", [{"learning_rate": "1.1"}, {"loss": "double_well", "start": "0.1", "learning_rate": "0.05"}])
def test_the_file_of_points_has_the_losses_themselves(opened: Visit, change: dict[str, str]) -> None:
    query = CALM | {"steps": "30", **change}
    page = opened(query)
    settle(page)
    page.locator(".picture-save summary").first.click()
    with page.expect_download() as download:
        page.locator(".picture-save").first.get_by_role("button", name="CSV").click()
    rows = list(csv.reader(io.StringIO(download.value.path().read_text("utf-8"))))
    assert rows[0][:5] == ["trace", "x is", "x", "y is", "y"]
    losses = [float(y) for name, _, _, _, y, *_ in rows[1:] if name == "loss"]
    run = Setup.from_query(query).run()
    assert losses == pytest.approx(run.loss[:, 0].tolist(), rel=1e-4)
    assert {tuple(row[1:4:2]) for row in rows if row[0] == "loss"} == {("step", "loss")}
    assert not [row for row in rows if row[0] == "ground"]
    path = [text for name, _, text, *_ in rows[1:] if name == "path"][:9]
    assert [float(text) for text in path] == run.x[:9, 0, 0].astype(np.float32).astype(str).astype(float).tolist()
    assert max(map(len, path)) < 13, "as short as single precision is"


def test_a_saved_picture_has_its_names_where_the_page_has_them(opened: Visit) -> None:
    """On the ground's color, above the lines, and each once: Plotly itself would put them back on their points."""
    page = opened(RAVINE)
    settle(page)
    plot = page.locator(".picture-plot").first
    places = """plot => Object.fromEntries([...plot.querySelectorAll(".textpoint text, .annotation-text")]
      .filter((each) => each.textContent && each.style.visibility !== "hidden")
      .map((each) => [each.textContent, each.getBoundingClientRect()])
      .map(([name, { left, top, height }]) => [name, [left, top + height / 2]]))"""
    expect(page.locator(".st-key-step_size-preset")).to_be_visible()  # what comes last above the picture may still change its height
    assert plot.locator("image").count() == 1
    shown, box, saved_at = {}, None, object()
    while saved_at != box:
        saved_at = plot.bounding_box()
        page.locator(".picture-save summary").first.click()
        with page.expect_download() as download:
            page.locator(".picture-save").first.get_by_role("button", name="SVG").click()
        shown, box = plot.evaluate(places), plot.bounding_box()
    assert {"start", "minimum"} < {*shown}
    page.set_content(download.value.path().read_text("utf-8"))
    names, saved = page.locator("svg").first.evaluate(places), page.locator("svg").first.bounding_box()
    assert {*names} == {*shown}
    assert page.locator("svg image").count() == 1, "the depth of the ground"
    for name in ("start", "minimum"):
        x, y = ((each - saved[side]) / 2 for each, side in zip(names[name], "xy", strict=True))  # twice as large
        assert x == pytest.approx(shown[name][0] - box["x"], abs=4)
        assert y - 72 == pytest.approx(shown[name][1] - box["y"], abs=6), "below its headline"


def test_a_name_in_a_saved_picture_covers_no_line_that_it_stands_on(opened: Visit) -> None:
    page = opened()
    settle(page)
    page.locator(".picture-save summary").first.click()
    with page.expect_download() as download:
        page.locator(".picture-save").first.get_by_role("button", name="SVG").click()
    page.set_content(download.value.path().read_text("utf-8"))
    [ground] = page.locator(".annotation", has_text="below 10").locator("rect").all()
    box, plot = ground.bounding_box(), page.locator(".x2y2 .scatterlayer .lines").first.bounding_box()
    assert box is not None
    assert plot is not None
    assert box["y"] + box["height"] < plot["y"] + plot["height"] - 8, "the run goes on below it, eight pixels wide"
