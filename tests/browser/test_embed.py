"""A page in a frame of another site: its picture, its ruler and its sentence fill it, nothing scrolls, and it is dragged there."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from urllib.request import urlopen

import pytest
from playwright.sync_api import Frame, Page, Route, expect

from explorer.site.qr import qr
from tests.browser.axe import violations
from tests.browser.conftest import ROOT, at, free, healthy, running, streamlit
from tests.browser.test_every_page import PAGES
from tests.browser.test_overlaps import TEXTS
from tests.browser.test_site import served
from tests.browser.waiting import settle

Visit = Callable[..., Page]
SIZES = ((800, 450), (1024, 768), (390, 600))
RAW_FEATURES = "step_size?v=1&loss=linear_regression&learning_rate=0.001&steps=200"
PICTURED = [RAW_FEATURES, *(name for name in PAGES if name != "lessons")]  # but notes for whoever teaches: a page of text

WRONG = """() => {
  const main = document.querySelector("[data-testid=stMain]"), shown = document.querySelector(".picture-embedded") ?? main;
  const inside = ({ left, top, right, bottom }) => left >= 0 && top >= 0 && right <= innerWidth + 1 && bottom <= innerHeight + 1;
  const seen = (each) => each?.checkVisibility({ visibilityProperty: true });
  const { scrollWidth, scrollHeight } = document.documentElement, found = [];
  if (scrollWidth > innerWidth || scrollHeight > innerHeight) found.push("the page scrolls");
  const still = getComputedStyle(main).overflowY === "hidden", fits = main.scrollHeight <= main.clientHeight;
  if (!still && !fits) found.push("its main part scrolls");
  const around = "[data-testid=stSidebar], [data-testid=stHeader], .way, h1, .picture:not(.picture-embedded), [data-testid=stMetric]";
  if ([...document.querySelectorAll(around)].some(seen)) found.push("more than the picture is shown");
  const open = document.querySelector(".way-open");
  if (!seen(open) || !inside(open.getBoundingClientRect())) found.push("no way out of the frame");
  if (shown === main) {
    const pictures = [...main.querySelectorAll("img[role=img]")].filter((each) => seen(each) && inside(each.getBoundingClientRect()));
    return [...found, ...(pictures.length ? [] : ["no picture"])].join();
  }
  const parts = [".picture-plot", ".picture-sentence", ".picture-dial:not([hidden])", ".picture-player:not([hidden])"];
  for (const part of parts) {
    const each = shown.querySelector(part);
    if (!each && part.includes("hidden")) continue;
    if (!seen(each) || !inside(each.getBoundingClientRect())) found.push(`${part} is not in the frame`);
  }
  if (!shown.querySelector(".picture-sentence").innerText.trim()) found.push("no sentence");
  const plot = shown.querySelector(".picture-plot"), drawn = plot.querySelector(".main-svg")?.getBoundingClientRect();
  const stage = shown.querySelector(".picture-stage").getBoundingClientRect();
  const filled = drawn && Math.abs(drawn.height - stage.height) <= 1 && Math.abs(drawn.width - stage.width) <= 1;
  if (!filled) found.push("the plot does not fill its stage");
  if (stage.height < 150) found.push(`the plot is ${stage.height} px high`);
  return found.join();
}"""
TINY = ((640, 480), (480, 320), (320, 240), (200, 150), (160, 120))
TINY_WRONG = f"""() => {{
  const inside = (each) => {{
    if (!each?.checkVisibility({{ visibilityProperty: true }})) return false;
    const {{ left, right, top, bottom }} = each.getBoundingClientRect(), below = document.querySelector(".st-key-notes");
    return left >= 0 && top >= 0 && right <= innerWidth + 1 && bottom <= (below?.getBoundingClientRect().top ?? innerHeight) + 1;
  }};
  const open = document.querySelector(".way-open"), {{ right, top }} = open.getBoundingClientRect();
  if (!inside(open) || !open.contains(document.elementFromPoint(right - 9, top + 9))) return "no way out of the frame";
  const shown = document.querySelector(".picture-embedded");
  if (!shown && document.querySelector(".small")) {{ // all of a quiz, or a line that leads to it
    const main = document.querySelector(".stMain"), whole = main.scrollHeight <= main.clientHeight + 1;
    if (whole) return inside(document.querySelector(".stForm button")) ? "" : "the button is not in the frame";
    const led = inside(document.querySelector(".small")) && getComputedStyle(main).overflowY === "hidden";
    return led && !document.querySelector(".stForm").checkVisibility({{ visibilityProperty: true }}) ? "" : "it scrolls";
  }}
  if (!shown) return inside(document.querySelector(".stMain img[role=img]")) ? "" : "the picture is not in the frame";
  for (const part of [".picture-sentence", ".picture-dial:not([hidden]) .picture-ruler"])
    if (shown.querySelector(part) && !inside(shown.querySelector(part))) return `${{part}} is not in the frame`;
  if (!shown.querySelector(".picture-sentence").innerText.trim()) return "no sentence";
  const whole = (each) => each.scrollHeight <= each.clientHeight + 1 && each.scrollWidth <= each.clientWidth + 1;
  const cut = [".picture-sentence > span", ".picture-value"].filter((part) => !whole(shown.querySelector(part)));
  const box = open.getBoundingClientRect(), range = document.createRange();
  range.selectNodeContents(shown.querySelector(".picture-sentence > span"));
  const covers = (line) => line.left < box.right && line.right > box.left + 4 && line.top < box.bottom - 4 && line.bottom > box.top;
  if ([...range.getClientRects()].some(covers)) return "the way out covers the sentence";
  if (cut.length || !whole(shown)) return `${{cut.join(" and ") || "the picture"}} is cut`;
  const small = shown.querySelector(".picture-small");
  if (shown.classList.contains("picture-cramped"))
    return innerHeight > 240 && innerWidth > 160 ? "no plot"
      : small.hidden || inside(small) ? "" : "the line that leads to the plot is not in the frame";
  const sizes = [...shown.querySelectorAll(".picture-plot .plotclip rect")]
    .map((each) => Math.min(each.getAttribute("width"), each.getAttribute("height")));
  const drawn = inside(shown.querySelector(".picture-plot .main-svg")) && sizes.length;
  if (!drawn || sizes.some((each) => each < 40)) return `the plots are not in the frame: ${{sizes}}`;
  return ({TEXTS})(shown).join();
}}"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an app that pages of localhost, a site other than its own, may show in a frame."""
    port = free()
    address, log = f"http://127.0.0.1:{port}", tmp_path_factory.mktemp("framed") / "app.log"
    allowed = {"EXPLORER_FRAME_ANCESTORS": "http://localhost:*"}
    with running(streamlit(ROOT / "app.py"), lambda: healthy(address), log, **at(port), **allowed):
        yield address


@contextlib.contextmanager
def framed(visit: Visit, folder: Path, frame: str) -> Iterator[tuple[Page, Frame]]:
    """A slide of another site with this frame, and the page in it when it is at rest."""
    (folder / "slide.html").write_text(f"<!doctype html><title>Slide</title><body style='margin: 0'>{frame}")
    with served(folder) as address:
        [shown] = re.findall('src="([^"]+)"', frame)
        page = visit(f"{address.replace('127.0.0.1', 'localhost')}/slide.html", ignore="404", inside=shown)
        inside = page.wait_for_selector("iframe").content_frame()  # type: ignore[union-attr]
        assert inside is not None
        settle(inside)
        yield page, inside


def iframe(address: str) -> str:
    return f'<iframe src="{escape(address)}" width="800" height="450" style="border: 0"></iframe>'


@pytest.mark.parametrize("name", PICTURED, ids=lambda name: name.replace(RAW_FEATURES, "three_plots"))
def test_the_picture_fills_a_frame_of_another_site_at_every_size_in_both_themes(visit: Visit, app: str, tmp_path: Path, name: str) -> None:
    with framed(visit, tmp_path, iframe(f"{app}/{name}{'&' if '?' in name else '?'}embed=true")) as (page, inside):
        for width, height in SIZES:
            page.evaluate("([width, height]) => Object.assign(document.querySelector('iframe'), { width, height })", [width, height])
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                fits(inside)
            drag(page, inside)
            fits(inside)
        for size in (*TINY, *[(390, 300)] * (name == "sweep"), TINY[0], SIZES[0]):  # where its sentence needs small type
            page.evaluate("([width, height]) => Object.assign(document.querySelector('iframe'), { width, height })", size)
            fits(inside, WRONG if size in SIZES else TINY_WRONG)
        assert "embed=true" in inside.url


def fits(inside: Frame, wrong: str = WRONG) -> None:
    """Waits until all is right in the frame, and says what is not."""
    settle(inside)
    try:
        inside.wait_for_function(f"() => ({wrong})() === ''")
    except Exception as error:
        raise AssertionError(inside.evaluate(wrong)) from error


def drag(page: Page, inside: Frame) -> None:
    """Drag the ruler, if there is one, there and back by hand: picture, sentence and value follow."""
    dial = inside.locator(".picture-embedded .picture-dial:not([hidden]) input")
    if not dial.count():
        return
    box, last = dial.bounding_box(), int(dial.get_attribute("max") or 0)
    assert box is not None
    y, at_thumb = box["y"] + box["height"] / 2, int(dial.input_value()) / max(last, 1)
    page.mouse.move(box["x"] + 22 + at_thumb * (box["width"] - 44), y)
    page.mouse.down()
    for share in (0.2, 0.9, 0.5):
        page.mouse.move(box["x"] + share * box["width"], y, steps=3)
        near = "([dial, there, near]) => Math.abs(dial.value - there) <= near"
        inside.wait_for_function(near, arg=[dial.element_handle(), share * last, max(0.1 * last, 1)])
        at_hand = int(dial.input_value())
        inside.wait_for_function("at => document.querySelector('.picture-embedded').dataset.drawn.startsWith(`${at} `)", arg=at_hand)
    page.mouse.up()


def test_what_is_shared_is_short_and_opens_the_same_as_link_frame_and_code(visit: Visit, app: str, tmp_path: Path) -> None:
    """The rates of the ruler are ones that a link can say, wherever it is released."""
    start = "v=1&loss=linear_regression&learning_rate=0.0001&steps=50"
    page = visit(f"{app}/?{start}", ignore="404", permissions=["clipboard-read", "clipboard-write"])
    settle(page)
    for key, times in (("PageUp", 3), ("PageDown", 5)):
        dial = page.get_by_role("slider", name="Learning rate")
        dial.focus()
        before = page.url
        for _ in range(times):
            page.keyboard.press(key)
        page.wait_for_function("before => location.href !== before", arg=before)
        settle(page)
        value = page.locator(".picture-now").first.inner_text()
        page.get_by_role("button", name="Share").click()
        sheet = page.get_by_role("dialog", name="Share")
        expect(sheet.get_by_text("Link copied")).to_be_visible()
        link = page.evaluate("navigator.clipboard.readText()")
        assert len(dict(parse_qsl(urlsplit(link).query))["learning_rate"]) <= 9, link
        code = sheet.get_by_role("img")
        page.wait_for_function("() => document.querySelector('.way-sheet img').naturalWidth > 0")
        assert page.evaluate("async () => (await fetch(document.querySelector('.way-sheet img').src)).text()") == qr(link)
        expect(code).to_be_visible()
        assert violations(page) == []
        sheet.get_by_role("button", name="Copy frame").click()
        expect(sheet.get_by_text("Frame copied")).to_be_visible()
        frame = page.evaluate("navigator.clipboard.readText()")
        page.keyboard.press("Escape")
        expect(sheet).to_be_hidden()
        with framed(visit, tmp_path, frame) as (_, inside):
            fits(inside)
            expect(inside.locator(".picture-embedded .picture-now").first).to_have_text(value)
            inside.locator(".way-open").focus()
            expect(inside.locator(".way-open")).to_have_attribute("href", re.compile(rf"^{re.escape(link)}$"))


WATCH = """window.early = [];
let rows = 0;
(function watch() {
  const parts = document.querySelectorAll(".stMain *, [data-testid=stSidebar] *, [data-testid=stHeader] *");
  const seen = [...parts].filter((each) => !each.closest(".picture-embedded, .small, .way-open")
    && each.checkVisibility({ visibilityProperty: true, opacityProperty: true })
    && [...each.childNodes].some(({ nodeType, data }) => nodeType === 3 && data.trim()));
  rows = seen.length ? rows + 1 : 0;
  if (rows > 2) early.push(...seen.map(({ textContent }) => textContent.slice(0, 80))); // in one it may be found before it is painted
  requestAnimationFrame(watch);
})();"""
"""Notes what is seen of a page, from its first frame on, beside its picture or the line that stands for all of it."""


@pytest.mark.parametrize("name", ["step_size", "race", "quiz"])
def test_a_frame_shows_nothing_else_while_its_picture_comes(visit: Visit, app: str, name: str) -> None:
    """The words are there, and the picture's code is late."""
    for size in ({"width": 200, "height": 150}, {"width": 160, "height": 120}):
        late: list[Route] = []

        def before(page: Page, late: list[Route] = late) -> None:
            page.add_init_script(WATCH)
            page.route("**/assets/code/picture-*.js", lambda route: late.append(route))

        page = visit(f"{app}/{name}?embed=true", ignore="404", before=before, viewport=size)
        page.wait_for_function(
            "document.querySelector('.stMain .way, .stMain h1') && document.querySelector('[data-testid=stApp]')"
            ".dataset.testScriptState === 'notRunning'"
        )
        if name != "quiz":
            while not late:
                page.wait_for_timeout(50)
            assert page.evaluate("getComputedStyle(document.documentElement, '::after').content") == '"Loading …"'
            late.pop().continue_()
        settle(page)
        expect(page.locator(".way-open")).to_be_visible()
        expect(page.locator(".small" if name == "quiz" else ".picture-embedded")).to_be_visible()
        assert page.evaluate("early") == []


def test_a_frame_says_why_its_picture_cannot_be_drawn(visit: Visit, app: str) -> None:
    for name in ("step_size", "race"):
        page = visit(
            f"{app}/{name}?embed=true", ignore="ERR_FAILED", before=lambda page: page.route("**/plotly*.js", lambda route: route.abort())
        )
        expect(page.locator(".picture-problem").first).to_contain_text("The picture cannot be drawn")
        expect(page.locator(".picture-problem").first).to_be_in_viewport(ratio=0.999)


@pytest.mark.parametrize("said", ["embed=1", "EMBED=Yes", "embed="])
@pytest.mark.parametrize("path", ["", "step_size", "race"])
def test_other_ways_to_ask_for_a_frame_lead_to_the_one_that_streamlit_knows(app: str, path: str, said: str) -> None:
    for link, opened in (
        (f"v=1&{said}&loss=ravine", "v=1&embed=true&loss=ravine"),
        (f"not{said}", f"not{said}"),
        ("embed=false", "embed=false"),
    ):
        with urlopen(f"{app}/{path}?{link}") as answer:
            assert urlsplit(answer.url).query == opened


def test_a_link_that_is_too_long_or_none_has_no_code(visit: Visit, app: str) -> None:
    page = visit(f"{app}/?v=1&loss=x_squared&learning_rate=0.5&nonsense={'x' * 3000}", ignore="400")
    settle(page)
    page.evaluate("History.prototype.replaceState.call(history, null, '', `${location.href}&more=${'x'.repeat(3000)}`)")
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_text("There is no QR code of a link as long as this.")).to_be_visible()


STILL = """document.querySelector(".st-key-notes")?.getAnimations({ subtree: true }).length === 0"""
UNCOVERED = f"""() => {STILL} && (() => {{
  const box = (selector) => document.querySelector(selector)?.getBoundingClientRect();
  const notes = box(".st-key-notes"), shown = box(".picture-embedded[data-drawn]") ?? box("img[role=img]");
  return notes && shown && notes.height <= 40 && notes.bottom <= innerHeight + 1 && shown.height >= 100 && shown.bottom <= notes.top + 1;
}})()"""

REACHED = f"""() => {STILL} && [...document.querySelectorAll(".st-key-notes [data-testid=stAlert]")].filter((note) => {{
  note.scrollIntoView({{ block: "nearest" }});
  const {{ top, bottom }} = note.getBoundingClientRect();
  return note.innerText.includes("nonsense") && top >= -1 && bottom <= innerHeight + 1;
}}).length >= 2"""


@pytest.mark.parametrize("name", ["step_size", "cases"])
def test_what_a_link_says_in_vain_is_one_line_below_the_picture_that_unfolds(visit: Visit, app: str, name: str) -> None:
    link = "v=1&loss=nonsense&optimizer=nonsense&learning_rate=-1&steps=-3&nonsense=2&case=nonsense&symptom=nonsense&embed=true"
    page = visit(f"{app}/{name}?{link}", ignore="404", viewport={"width": 480, "height": 320})
    settle(page)
    line = page.get_by_text("Not all of this link could be used")
    for _ in range(2):
        page.wait_for_function(UNCOVERED)
        line.click()
        page.wait_for_function(REACHED)
        line.click()
    if name == "step_size":
        page.get_by_role("slider", name="Learning rate").press("ArrowRight")
        expect(line).to_have_count(0)


CLEAR = """() => {
  const [open, card] = [".way-open", ".picture-guess"].map((each) => document.querySelector(each).getBoundingClientRect());
  return card.height && (open.bottom <= card.top || open.left >= card.right);
}"""


ASKED_WHOLE = """() => {
  const shown = document.querySelector(".picture-embedded"), form = shown?.querySelector(".picture-guess:not([hidden])");
  const show = form?.querySelector(".picture-show");
  if (!show) return "nothing is asked";
  const whole = (each) => each.scrollHeight <= each.clientHeight + 1 && each.scrollWidth <= each.clientWidth + 1;
  if (!whole(shown) || !whole(document.documentElement)) return "it scrolls";
  const { bottom, right } = show.getBoundingClientRect(), parts = [...form.querySelectorAll(".picture-part:not([hidden])")];
  if (bottom > innerHeight || right > innerWidth) return "the button is not in the frame";
  if (innerHeight >= 240 && !parts.length) return "no question";
  if (innerHeight >= 500 && form.querySelector(".picture-part[hidden]")) return "a question is left out";
  return parts.length || form.querySelector(".picture-elsewhere").checkVisibility() ? "" : "no word about the question";
}"""


@pytest.mark.parametrize("name", ["step_size", "race", "sweep", "network"])
def test_what_a_frame_asks_fits_it_and_what_has_no_room_is_left_out(visit: Visit, app: str, name: str) -> None:
    page = visit(f"{app}/{name}?embed=true&view.predict=true", ignore="404", viewport={"width": 800, "height": 450})
    settle(page)
    for width, height in ((320, 240), (390, 500), (160, 120), (480, 320), (800, 500), (320, 240)):
        page.set_viewport_size({"width": width, "height": height})
        settle(page)
        page.wait_for_function(f"() => ({ASKED_WHOLE})() === ''")
    page.get_by_role("button", name="Show what happens").click()
    page.wait_for_function(f"() => ({TINY_WRONG})() === ''")


def test_who_races_is_named_in_a_small_frame_which_has_room_for_one_plot(visit: Visit, app: str) -> None:
    page = visit(f"{app}/race?embed=true", ignore="404", viewport={"width": 320, "height": 240})
    names = ["gradient descent", "momentum", "Nesterov", "Adam"]
    for width, height, plots in ((320, 240, 1), (800, 450, 2), (320, 240, 1)):
        page.set_viewport_size({"width": width, "height": height})
        expect(page.locator(".legendtext")).to_have_text(names)
        expect(page.locator(".cartesianlayer .subplot")).to_have_count(plots)
        for name in names:
            expect(page.locator(".legendtext").filter(has_text=name)).to_be_in_viewport(ratio=0.999)


@pytest.mark.parametrize(("name", "size"), [("step_size", (480, 320)), ("race", (480, 320))])
def test_a_low_frame_keeps_a_third_for_the_plot_and_its_buttons(visit: Visit, app: str, name: str, size: tuple[int, int]) -> None:
    width, height = size
    page = visit(f"{app}/{name}?embed=true&v=1&loss=ravine", ignore="404", viewport={"width": width, "height": height})
    page.wait_for_function("height => document.querySelector('.picture-embedded .picture-stage')?.clientHeight >= height / 3", arg=height)
    page.locator(".picture-embedded .picture-predict").click()
    page.wait_for_function(CLEAR)
    for button in ("Show what happens", "Predict first"):
        page.get_by_role("button", name=button).first.focus()
        expect(page.get_by_role("button", name=button).first).to_be_in_viewport(ratio=0.95)  # but for rounding


@pytest.mark.parametrize("name", [RAW_FEATURES, "race", "sweep"])
def test_in_a_narrow_frame_the_sentence_has_the_room_of_the_plots(visit: Visit, app: str, name: str) -> None:
    page = visit(f"{app}/{name}{'&' if '?' in name else '?'}embed=true", ignore="404", viewport={"width": 800, "height": 450})
    settle(page)
    words = page.locator(".picture-embedded .picture-sentence")
    whole = words.inner_text()
    for width, height in ((150, 400), (390, 300), (120, 600), (240, 360), (150, 400)):
        page.set_viewport_size({"width": width, "height": height})
        settle(page)
        page.wait_for_function(f"() => ({TINY_WRONG})() === ''")
        if width <= 160:
            expect(words).to_have_text(whole)


def test_a_log_of_ones_own_is_not_in_the_link_and_the_sheet_says_so(visit: Visit, app: str) -> None:
    page = visit(f"{app}/diagnose", ignore="404")
    for typed in ("1\n0.5\n0.25\n0.12", "3\n2\n1\n0.5\n0.4"):
        box = page.get_by_role("textbox", name="Your losses")
        box.fill(typed)
        box.press("Control+Enter")
        page.wait_for_function("!location.search && document.querySelector('[data-brought]')")
        page.get_by_role("button", name="Share").click()
        expect(page.get_by_role("dialog", name="Share")).to_contain_text("the log itself is not in it")
        page.keyboard.press("Escape")


@pytest.mark.parametrize("size", [(1400, 900), (1000, 1000), (700, 450)])
def test_headings_of_two_lines_are_whole_in_a_frame_of_any_size(visit: Visit, server: str, size: tuple[int, int]) -> None:
    page = visit(f"{server}/landscape?embed=true", viewport={"width": size[0], "height": size[1]})
    settle(page)
    tops = page.evaluate(
        "() => [...document.querySelectorAll('.picture .annotation-text')].map((each) => each.getBoundingClientRect().top"
        " - each.closest('svg').getBoundingClientRect().top)"
    )
    assert tops
    assert min(tops) >= 0
