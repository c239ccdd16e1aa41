"""The picture in a real browser: what a drag draws and sends, keyboard, phone, themes, and what is said to a screen reader."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, WebSocketRoute, expect
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from explorer.site.content import CODE
from tests.browser.points import points
from tests.browser.traffic import Traffic
from tests.browser.waiting import settle

FRAMES, STEPS, PRESET, BEYOND = 131, 240, 60, 120
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def demo(start: Callable[[Path], str]) -> str:
    return start(Path(__file__).with_name("picture_app.py"))


def drawn(page: Page, position: int, time: int = STEPS - 1) -> None:
    """Wait until exactly this has been drawn."""
    expect(page.locator(".picture")).to_have_attribute("data-drawn", f"{position} {time}")


def committed(page: Page, position: int) -> None:
    """Wait until Python says so, in the text it wrote under the picture."""
    expect(page.get_by_text(re.compile(r"^position \d+, run"))).to_contain_text(f"position {position},")


def runs(page: Page) -> int:
    return int(page.get_by_text(re.compile(r"^position \d+, run")).inner_text().rsplit(" ", 1)[1])


def run(page: Page, act: Callable[[], None]) -> None:
    """Do something that runs the page once, and wait until it has."""
    before = runs(page)
    act()
    expect(page.get_by_text(re.compile(r"^position \d+, run"))).to_have_text(re.compile(f"run {before + 1}$"))
    settle(page)


def dial(page: Page) -> Locator:
    return page.get_by_role("slider", name="Learning rate")


def clock(page: Page) -> Locator:
    return page.get_by_role("slider", name="Time")


def point(page: Page, position: int) -> tuple[float, float]:
    """Where the thumb's center is at a position of the dial."""
    box = dial(page).bounding_box()
    thumb = page.evaluate("parseFloat(getComputedStyle(document.querySelector('.picture-ruler')).getPropertyValue('--thumb'))")
    return box["x"] + thumb / 2 + (box["width"] - thumb) * position / (FRAMES - 1), box["y"] + box["height"] / 2


def axis(page: Page, name: str) -> list[float]:
    return page.evaluate("name => document.querySelector('.js-plotly-plot')._fullLayout[name].range", name)


def test_a_drag_draws_every_position_and_only_the_release_is_sent(visit: Visit, demo: str) -> None:
    traffic = Traffic()
    page = visit(demo, before=traffic.watch)
    drawn(page, PRESET)
    assert len(traffic.fetched) == 1  # the frames came once
    settle(page)
    traffic.reset()
    before = runs(page)
    page.mouse.move(*point(page, PRESET))
    page.mouse.down()
    for position in range(PRESET, 100):
        page.mouse.move(*point(page, position))
        drawn(page, position)
        assert points(page, 1)["y"][1] == pytest.approx(2.2 * (1 - 2 * (0.02 + position * 0.01)), abs=1e-5)
    assert traffic.sent == []
    assert traffic.received == []
    page.mouse.up()
    committed(page, 99)
    settle(page)
    assert len(traffic.sent) == 1
    assert runs(page) == before + 1
    assert sum(traffic.received) < 20_000
    assert traffic.fetched == []  # the frames are not among it
    drawn(page, 99)
    a_drag_that_returns_to_where_it_began_reports_nothing(page, traffic, 99)


def test_the_frame_moves_axes_ticks_image_and_level_lines(visit: Visit, demo: str) -> None:
    page = visit(demo)
    drawn(page, PRESET)
    look = """() => ({
        ticks: document.querySelector('.ytick text').textContent,
        image: document.querySelector('image').getAttribute('height'),
        lines: document.querySelector('.scatterlayer .trace path').getAttribute('d')})"""
    before = page.evaluate(look)
    dial(page).press("End")
    drawn(page, FRAMES - 1)
    after = page.evaluate(look)
    assert axis(page, "yaxis") == [-60, 60]
    assert all(after[name] != before[name] for name in before), (before, after)
    committed(page, FRAMES - 1)
    the_view_follows_time_and_a_drag_shows_the_end(page)


ESCAPE_SOON = """() => {
  const root = document.querySelector(".picture"), time = root.querySelector(".picture-player input");
  const escape = () => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  new MutationObserver((_, watch) => {
    if (root.querySelector(".picture-play").textContent !== "Pause" || time.value <= 3) return;
    watch.disconnect();
    escape();
  }).observe(root, { attributeFilter: ["data-drawn"] });
}"""
"""Presses Escape once a few steps were played, from within the page: a slow machine would come too late."""


def test_a_picture_needs_no_mouse(visit: Visit, demo: str) -> None:
    page = visit(demo)
    drawn(page, PRESET)
    while page.evaluate("document.activeElement.getAttribute('aria-label')") != "Learning rate":
        page.keyboard.press("Tab")
    for key, position in {"ArrowRight": 61, "PageUp": 71, "PageDown": 61, "ArrowLeft": 60, "End": 130, "Home": 0}.items():
        page.keyboard.press(key)
        drawn(page, position)
    committed(page, 0)
    page.evaluate(ESCAPE_SOON)
    page.keyboard.press(" ")
    page.wait_for_function("Number(document.querySelector('.picture-player input').value) > 3")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    assert int(clock(page).input_value()) < STEPS - 1
    page.keyboard.press("Tab")  # the picture itself
    expect(page.get_by_role("img", name="Path of gradient descent")).to_be_focused()
    at = int(clock(page).input_value())
    page.keyboard.press("ArrowRight")
    drawn(page, 0, at + 1)
    page.keyboard.press("Tab")  # past the plot's own buttons, which only a pointer can use
    expect(page.get_by_role("button", name="One step back")).to_be_focused()
    page.get_by_role("button", name="One step back").press("Enter")
    drawn(page, 0, at)
    page.get_by_role("button", name="One step forward").press("Enter")
    drawn(page, 0, at + 1)


EIGHT_KEYS = """dial => {
  for (let i = 0; i < 8; i++) {
    dial.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
    dial.stepUp();
    for (const kind of ["input", "change"]) dial.dispatchEvent(new Event(kind, { bubbles: true }));
  }
}"""


def test_keys_in_a_row_are_one_commit(visit: Visit, demo: str) -> None:
    page = visit(demo)
    drawn(page, PRESET)
    for times in (1, 2, 3):
        before = runs(page)
        dial(page).focus()
        dial(page).evaluate(EIGHT_KEYS)  # all at once, as a machine that is busy would stretch them
        committed(page, PRESET + 8 * times)
        assert runs(page) == before + 1


def test_time_reveals_the_path_step_by_step(visit: Visit, demo: str) -> None:
    page = visit(demo)
    drawn(page, PRESET)
    whole = points(page, 1)
    assert len(whole["x"]) == 180
    clock(page).press("Home")
    drawn(page, PRESET, 0)
    for step in range(1, 4):
        clock(page).press("ArrowRight")
        drawn(page, PRESET, step)
        seen, head = points(page, 1), points(page, 2)
        assert seen["x"] == whole["x"][: step + 1]
        assert head == {"x": [whole["x"][step]], "y": [whole["y"][step]]}
    assert len(points(page, 4)["x"]) == STEPS  # theory is no thing that happens in time
    expect(clock(page)).to_have_attribute("aria-valuetext", "step 3")
    clock(page).fill(str(STEPS - 40))
    drawn(page, PRESET, STEPS - 40)
    page.get_by_role("button", name="Play").click()
    drawn(page, PRESET, STEPS - 1)  # it ends by itself
    assert points(page, 1) == whole
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def the_view_follows_time_and_a_drag_shows_the_end(page: Page) -> None:
    """From the end of the dial, which is drawn."""
    clock(page).press("Home")
    drawn(page, 130, 0)
    assert axis(page, "yaxis") == [-3, 3]
    dial(page).press("ArrowLeft")
    drawn(page, 129)
    assert axis(page, "yaxis") == [-60, 60]
    committed(page, 129)


def test_windows_of_any_size_follow_each_other_without_an_error(visit: Visit, demo: str) -> None:
    page = visit(f"{demo}/?wild=1")
    drawn(page, PRESET)
    dial(page).press("End")
    drawn(page, 130)
    assert axis(page, "yaxis")[1] > 1e200
    for time in (STEPS - 11, 0, STEPS - 1, STEPS - 2):
        clock(page).fill(str(time))
        drawn(page, 130, time)
    clock(page).fill("0")
    drawn(page, 130, 0)
    assert axis(page, "yaxis")[1] < 1e20
    committed(page, 130)


def test_without_times_play_moves_the_dial_and_reports_at_the_end(visit: Visit, demo: str) -> None:
    page = visit(f"{demo}/?frames=1")
    drawn(page, PRESET, 0)
    expect(clock(page)).to_be_hidden()
    before, button = runs(page), page.locator(".picture-play")
    page.evaluate("""() => {  // paused from within the page: a slow machine would come too late
        const [root, input, play] = ["", "-ruler input", "-play"].map((each) => document.querySelector(".picture" + each));
        const pause = () => input.value > 90 && play.textContent === "Pause" && play.click();
        new MutationObserver(pause).observe(root, {attributeFilter: ["data-drawn"]}) }""")
    run(page, button.click)
    expect(button).to_have_text("Play")
    assert int(dial(page).input_value()) > 90
    committed(page, int(dial(page).input_value()))
    assert runs(page) == before + 1


def test_what_cannot_be_fetched_comes_with_the_words(visit: Visit, demo: str) -> None:
    """Of another replica, perhaps: the picture is asked for again, and drags as ever."""
    page = visit(demo, ignore="404", before=lambda page: page.route("**/assets/contents/*", lambda route: route.fulfill(status=404)))
    drawn(page, PRESET)
    settle(page)
    dial(page).press("ArrowRight")
    committed(page, PRESET + 1)
    drawn(page, PRESET + 1)


def a_drag_that_returns_to_where_it_began_reports_nothing(page: Page, traffic: Traffic, began: int) -> None:
    traffic.reset()
    before = runs(page)
    page.mouse.move(*point(page, began))
    page.mouse.down()
    for position in (began + 20, 3, began):
        page.mouse.move(*point(page, position))
        drawn(page, position)
    page.mouse.up()
    run(page, lambda: page.get_by_role("button", name="Another widget").click())
    assert len(traffic.sent) == 1, "of the button: what the drag might have sent would have come before it"
    assert runs(page) == before + 1
    drawn(page, began)
    dial(page).press("ArrowRight")
    committed(page, began + 1)


def test_a_release_outlives_the_element_that_took_it(visit: Visit, demo: str) -> None:
    """A part of a page that runs again at once may take a picture away for a moment, and Streamlit then forgets what it was told."""
    path: list[int] = []  # where the picture is
    losing = False

    def down(message: str | bytes) -> None:
        said = ForwardMsg.FromString(message)  # type: ignore[arg-type]
        if said.delta.new_element.HasField("bidi_component"):
            path[:] = said.metadata.delta_path
        if not (losing and path and list(said.metadata.delta_path) == path):
            socket.send(message)

    def up(message: str | bytes) -> None:
        asked = BackMsg.FromString(message)  # type: ignore[arg-type]
        if losing:
            del asked.rerun_script.widget_states.widgets[:]
        server.send(asked.SerializeToString())

    def between(page: WebSocketRoute) -> None:
        nonlocal socket, server
        socket, server = page, page.connect_to_server()
        socket.on_message(up)
        server.on_message(down)

    socket = server = cast("WebSocketRoute", None)
    page = visit(demo, before=lambda page: page.route_web_socket("**/_stcore/stream", between))
    drawn(page, PRESET)
    dial(page).press("ArrowRight")
    committed(page, PRESET + 1)
    settle(page)
    losing = True
    run(page, lambda: dial(page).press("ArrowRight"))
    expect(page.locator(".picture")).to_have_count(0)
    losing = False
    page.get_by_role("button", name="Another widget").click()
    drawn(page, PRESET + 2)
    committed(page, PRESET + 2)
    drawn(page, PRESET + 2)


def test_less_motion_is_a_few_stills(visit: Visit, demo: str) -> None:
    page = visit(demo, reduced_motion="reduce")
    drawn(page, PRESET)
    expect(page.get_by_role("button", name="Play")).to_be_visible()  # nothing moves by itself
    page.evaluate("""() => { window.stills = []; const root = document.querySelector('.picture');
        new MutationObserver(() => stills.push(root.dataset.drawn)).observe(root, {attributeFilter: ['data-drawn']}) }""")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(f"stills.at(-1) === '{PRESET} {STEPS - 1}'")
    assert 3 <= len(page.evaluate("stills")) <= 9


def test_a_preset_moves_the_slider_and_old_commits_are_forgotten(visit: Visit, demo: str) -> None:
    page = visit(demo)
    drawn(page, PRESET)
    dial(page).press("Home")
    committed(page, 0)
    page.get_by_text("Beyond the edge").click()
    committed(page, BEYOND)
    drawn(page, BEYOND)
    run(page, lambda: page.get_by_role("button", name="Another widget").click())
    committed(page, BEYOND)
    dial(page).press("ArrowLeft")
    committed(page, BEYOND - 1)
    page.get_by_text("Beyond the edge").click()
    committed(page, PRESET)
    drawn(page, PRESET)


def test_another_widget_leaves_zoom_and_position(visit: Visit, demo: str) -> None:
    traffic = Traffic()
    page = visit(demo, before=traffic.watch)
    drawn(page, PRESET)
    box = page.locator(".nsewdrag").first.bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 220, steps=5)
    page.mouse.up()
    page.wait_for_function("document.querySelector('.js-plotly-plot')._fullLayout.xaxis.range[0] > -4.9")
    zoomed = [axis(page, name) for name in ("xaxis", "yaxis")]
    settle(page)
    traffic.reset()
    run(page, lambda: page.get_by_role("button", name="Another widget").click())
    assert [axis(page, name) for name in ("xaxis", "yaxis")] == zoomed
    assert sum(traffic.received) < 20_000
    dial(page).press("ArrowRight")  # this frame has the same window, so the zoom stays
    drawn(page, PRESET + 1)
    assert [axis(page, name) for name in ("xaxis", "yaxis")] == zoomed
    page.emulate_media(color_scheme="dark")  # drawn anew in the other colors
    page.wait_for_function("getComputedStyle(document.querySelector('.xtick text')).fill === 'rgb(240, 242, 244)'")
    assert [axis(page, name) for name in ("xaxis", "yaxis")] == zoomed


def test_a_phone_stacks_the_plots_and_scrolls_only_down(visit: Visit, demo: str) -> None:
    page = visit(demo, **PHONE)
    drawn(page, PRESET)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    left, right = (page.locator(f".{name} .nsewdrag, .{name}.nsewdrag").first.bounding_box() for name in ("xy", "x2y2"))
    assert right["y"] > left["y"] + left["height"]
    assert min(left["width"], right["width"]) > 240
    assert 380 <= page.locator(".picture-plot").bounding_box()["height"] <= 760, "as high as the window has room for, at least half"
    for button in page.locator(".picture-player button").all():
        assert min(button.bounding_box()["height"], button.bounding_box()["width"]) >= 44
    page.set_viewport_size({"width": 1000, "height": 800})
    page.wait_for_function("document.querySelector('.js-plotly-plot')._fullLayout.height <= 440")
    names_stay_apart(page)


def test_the_ruler_as_it_opens(visit: Visit, demo: str) -> None:
    """Ticks where the thumb stands, zones by word and hatch, sizes for the back row; names apart in a wide and in a narrow window."""
    page = visit(demo)
    drawn(page, PRESET)
    a_tick_stands_where_the_thumb_stands(page)
    zones_differ_by_word_and_hatch(page)
    sizes_are_readable_from_the_back_row(page)
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 800})
        settle(page)
        names_stay_apart(page)


def names_stay_apart(page: Page) -> None:
    boxes = [label.bounding_box() for label in page.locator(".picture-word, .picture-mark").all()]
    assert len(boxes) >= 6
    ruler = page.locator(".picture-names").bounding_box()
    for box in boxes:
        assert ruler["x"] - 0.5 <= box["x"]
        assert box["x"] + box["width"] <= ruler["x"] + ruler["width"] + 0.5
        assert box["y"] + box["height"] <= ruler["y"] + ruler["height"] + 0.5
    for i, one in enumerate(boxes):
        for other in boxes[:i]:
            beside = one["x"] + one["width"] <= other["x"] + 0.5 or other["x"] + other["width"] <= one["x"] + 0.5
            below = one["y"] + one["height"] <= other["y"] + 0.5 or other["y"] + other["height"] <= one["y"] + 0.5
            assert beside or below, (one, other)


def a_tick_stands_where_the_thumb_stands(page: Page) -> None:
    ticks = [tick.bounding_box() for tick in page.locator(".picture-tick").all()]
    centers = [tick["x"] + tick["width"] / 2 for tick in ticks]
    assert centers == pytest.approx([point(page, position)[0] for position in (48, 90, 98, 101)], abs=1)


def zones_differ_by_word_and_hatch(page: Page) -> None:
    zones = page.evaluate(
        "[...document.querySelectorAll('.picture-zone')].map(zone => [zone.style.backgroundColor, getComputedStyle(zone).backgroundImage])"
    )
    assert len({color for color, _ in zones}) == len({hatch for _, hatch in zones}) == 4
    assert {"slow", "converged", "diverged"} <= set(page.locator(".picture-word").all_inner_texts())


def test_the_theme_colors_the_plot(visit: Visit, demo: str) -> None:
    page = visit(demo, color_scheme="dark")
    drawn(page, PRESET)
    color = "getComputedStyle(document.querySelector('.xtick text')).fill"
    line = "document.querySelector('.js-plotly-plot').data[4].line.color"
    assert page.evaluate(color) == "rgb(240, 242, 244)"
    assert page.evaluate(line) == "#f0f2f4"
    page.emulate_media(color_scheme="light")
    page.wait_for_function(f"{color} === 'rgb(31, 35, 40)'")
    assert page.evaluate(line) == "#1f2328"


def sizes_are_readable_from_the_back_row(page: Page) -> None:
    size = "selector => parseFloat(getComputedStyle(document.querySelector(selector)).fontSize)"
    assert page.evaluate(size, ".picture-sentence") >= 22
    assert page.evaluate(size, ".xtick text") >= 14
    assert page.evaluate(size, ".picture-mark") >= 14


def test_a_screen_reader_hears_what_is_shown(visit: Visit, demo: str) -> None:
    page = visit(demo)
    drawn(page, PRESET)
    name = "Path of gradient descent on a ravine, and its loss. At rate 0.62 the path is converged."
    expect(page.get_by_role("img", name=name)).to_be_visible()
    words = "converged: each step multiplies the error by 0.897"
    expect(dial(page)).to_have_attribute("aria-valuetext", f"0.62 = 0.62 × the edge, converged, {words}")
    live = page.locator("[aria-live=polite].picture-said")
    expect(live).to_have_text("")
    page.mouse.move(*point(page, PRESET))
    page.mouse.down()
    page.mouse.move(*point(page, 120))
    drawn(page, 120)
    expect(live).to_have_text("")
    page.mouse.up()
    expect(live).to_have_text("diverged: each step multiplies the error by 1.440")
    dial(page).press("Home")
    words = page.locator(".picture-sentence")
    expect(live).to_have_text(words.inner_text())
    assert "diverged" not in live.inner_text()
    page.get_by_text("Beyond the edge").click()
    committed(page, BEYOND)
    expect(live).to_have_text("diverged: each step multiplies the error by 1.440")


def test_forced_colors_leave_the_ruler_its_track_and_the_plot_its_ground(visit: Visit, demo: str) -> None:
    page = visit(demo, forced_colors="active")
    drawn(page, PRESET)
    colors = "(name) => [...document.querySelectorAll(name)].map((each) => getComputedStyle(each).backgroundColor)"
    zones, ticks = (page.evaluate(colors, name) for name in (".picture-zone", ".picture-tick"))
    ground = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    assert len(set(zones)) == 4
    assert ground not in {*zones, *ticks}
    assert page.evaluate("getComputedStyle(document.querySelector('.picture-zone.picture-hatch-1')).backgroundImage") != "none"
    assert page.evaluate(colors, ".picture-plot") == ["rgb(255, 255, 255)"], "what the letters of the plot were made for"


def test_without_plotly_the_words_still_work(visit: Visit, demo: str) -> None:
    page = visit(
        demo,
        ignore="plotly-cartesian",
        before=lambda page: page.route("**/plotly-cartesian-*.js", lambda route: route.fulfill(status=404)),
    )
    expect(page.get_by_role("alert").filter(has_text="plotly-cartesian")).to_contain_text("streamlit run app.py")
    dial(page).press("End")
    expect(page.locator(".picture-sentence")).to_contain_text("diverged")
    committed(page, FRAMES - 1)


CALLS = """async (address) => {
  const { default: made } = await import(new URL(address, document.baseURI).href);
  const parentElement = document.body.appendChild(document.createElement("div"));
  const content = JSON.stringify({ figure: { data: [], layout: {} }, frames: [], dial: null, narrow: {}, times: [], question: null });
  const given = { parentElement, setStateValue() {}, setTriggerValue() {} };
  const shown = async (keys) => {
    const ends = keys.map((key) => made({ ...given, data: { key, alt: "", height: 100, epoch: 1, value: 0, content } }));
    ends.slice(1).forEach((end) => end()); // the first was of the last state of the page
    await new Promise((resolve) => setTimeout(resolve));
    return [[...parentElement.querySelectorAll(".picture")].map(({ dataset }) => dataset.key), ends[0]];
  };
  const [first] = await shown(["new", "old", "older"]), [second, end] = await shown(["newer", "old"]);
  end();
  const ended = parentElement.children.length;
  parentElement.remove();
  end();
  return [first, second, ended, parentElement.children.length];
}"""


def test_a_picture_is_of_the_last_call_and_ends_when_its_place_has_left_the_page(visit: Visit, demo: str) -> None:
    """Streamlit makes the calls of earlier states of a page later, and then ends them, where the component's code is fetched meanwhile."""
    page = visit(demo)
    drawn(page, PRESET)
    for _ in range(2):
        assert page.evaluate(CALLS, CODE.address) == [["new"], ["newer"], 1, 0]
    drawn(page, PRESET)


def test_the_picture_can_be_taken_away_as_it_stands(visit: Visit, demo: str) -> None:
    """PNG and SVG with the sentence, CSV with the points; after a move the next file is of the next position."""
    page = visit(demo)
    drawn(page, PRESET)

    def saved(kind: str) -> bytes:
        page.locator(".picture-save summary").click()
        with page.expect_download() as download:
            page.locator(".picture-save").get_by_role("button", name=kind).click()
        assert download.value.suggested_filename == f"demo.{kind.lower()}"
        expect(page.locator(".picture-save")).not_to_have_attribute("open", "")
        return download.value.path().read_bytes()

    width, height = (page.evaluate(f"document.querySelector('.picture-plot').{side}") for side in ("clientWidth", "clientHeight"))
    for position in (PRESET, BEYOND):
        if position != PRESET:
            run(page, lambda: dial(page).press("PageUp"))
            run(page, lambda: page.get_by_text("Beyond the edge").click())
            drawn(page, position)
        image = Image.open(io.BytesIO(saved("PNG")))
        assert image.size == (2 * width, 2 * (height + 72))
        assert image.convert("RGB").getpixel((2, 2)) == (255, 255, 255), "it stands on the ground of the page"
        assert image.convert("L").crop((0, 0, image.width, 8)).getextrema() == (255, 255), "its headline is not cut"
        words = page.locator(".picture-sentence").inner_text()
        text = re.sub(r"<[^>]*>", " ", saved("SVG").decode())
        assert re.sub(r"\s+", "", words) in re.sub(r"\s+", "", text)
        rows = list(csv.reader(io.StringIO(saved("CSV").decode())))
        assert rows[0][:5] == ["trace", "x is", "x", "y is", "y"]
        path = [[float(each) for each in row[2:5:2]] for row in rows if row[0] == "path"]
        shown = points(page, 1)
        assert path == [[pytest.approx(x), pytest.approx(y)] for x, y in zip(shown["x"], shown["y"], strict=True)]
        assert len(path) == 180
