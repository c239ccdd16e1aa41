"""No text of a picture lies on another or is cut: at three widths, all along its ruler, and while it is played.

`test_every_page.py` asks it of every page as it opens; here it is asked of situations, and of what was hard once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from operator import attrgetter
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Locator, Page, expect

from explorer.site.casebook import Case, casebook
from tests.browser.waiting import settle

Visit = Callable[..., Page]
SIZES = ((1024, 768), (1440, 900), (390, 844))
"""A projector first: where a page opens without its sidebar, it stays without."""
PROJECTOR = dict(zip(("width", "height"), SIZES[0], strict=True))
SHOWN = {"10_regression_to_nan", "15_ravine", "16_double_well", "18_x_fourth", "30_race_ravine", "33_race_noise"}
SITUATIONS = [case for case in casebook() if case.name in SHOWN]

TEXTS = """picture => {
  const within = (box, other) => ({ left: Math.max(box.left, other.left), top: Math.max(box.top, other.top),
    right: Math.min(box.right, other.right), bottom: Math.min(box.bottom, other.bottom) });
  const size = ({ left, top, right, bottom }) => [right - left, bottom - top];
  const lost = (box, whole) => Math.max(...["left", "top"].map((side) => box[side] - whole[side]),
    ...["right", "bottom"].map((side) => whole[side] - box[side]));
  // What is seen of an element: its box within all that clips it.
  const seen = (each) => {
    let box = each.getBoundingClientRect();
    for (let up = each; up !== picture; up = up.parentElement) {
      const id = up.getAttribute("clip-path")?.match(/#([^"')]+)/)?.[1], rect = id && document.getElementById(id)?.firstElementChild;
      if (!rect) continue;
      const { a, d, e, f } = up.getScreenCTM(), { x, y, width, height } = rect.getBBox();
      box = within(box, { left: e + a * x, top: f + d * y, right: e + a * (x + width), bottom: f + d * (y + height) });
    }
    return box;
  };
  const plot = picture.querySelector(".js-plotly-plot"), page = { left: 0, right: innerWidth, top: -Infinity, bottom: Infinity };
  const shown = (each) => each.textContent.trim() && !each.closest(".hoverlayer, .modebar, defs")
    && each.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const texts = [...plot.querySelectorAll("text"), ...picture.querySelectorAll(".picture-names span")].filter(shown)
    .map((each) => ({ text: each.dataset.unformatted?.replace(/<[^>]*>/g, " ") ?? each.textContent, box: seen(each),
      whole: each.getBoundingClientRect(), room: each.closest("svg") ? plot.getBoundingClientRect() : page }))
    .filter(({ box }) => Math.min(...size(box)) >= 1);
  return texts.flatMap(({ text, box, whole, room }, i) => {
    const found = texts.slice(i + 1).filter((other) => Math.min(...size(within(box, other.box))) > 1)
      .map((other) => `“${text}” and “${other.text}” lie on each other by ${size(within(box, other.box)).map(Math.round).join(" × ")} px`);
    const cut = Math.max(lost(box, whole), lost(within(whole, room), whole));
    return cut > 1 ? [...found, `“${text}” is cut by ${Math.round(cut)} px`] : found;
  });
}"""
"""What is wrong with the texts of a picture, in words: two lie on each other by more than a pixel both ways, or one is cut."""

FITTED = """() => [...document.querySelectorAll(".picture")]
  .every((each) => Math.abs((each.querySelector(".main-svg")?.clientWidth ?? 0) - each.clientWidth) < 2)"""
SET = "(each, to) => { each.value = to; each.dispatchEvent(new Event('input')); }"


def along(picture: Locator) -> Iterator[str]:
    """Move a picture's dial to its left end, its middle and its right end, and then its clock to 0, 1 and a quarter of the way."""
    dial, clock = (picture.locator(f".{part} input") for part in ("picture-ruler", "picture-player"))
    yield "as it opens"
    last, steps = int(dial.get_attribute("max") or 0), int(clock.get_attribute("max") or 0)
    moves = [("dial", dial, to) for to in sorted({0, last // 2, last})] * (last > 0) + [
        ("clock", clock, to) for to in (0, 1, steps // 4)
    ] * (steps > 1)
    for name, slider, to in moves:
        slider.evaluate(SET, to)
        expect(picture).to_have_attribute("data-drawn", f"{dial.input_value()} {clock.input_value()}")
        yield f"{name} at {to}"


def overlaps(page: Page, where: str) -> list[str]:
    """Return what is wrong with the pictures of a page at each width, in words."""
    settle(page)
    found = []
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_function(FITTED)
        settle(page)
        found += [
            f"{where}, {width} px, {picture.get_attribute('data-key')}, {place}: {wrong}"
            for picture in page.locator(".picture").all()
            for place in along(picture)
            for wrong in picture.evaluate(TEXTS)
        ]
    return found


def test_no_heading_is_cut_where_three_plots_stand_beside_the_sidebar(visit: Visit, server: str) -> None:
    query = "v=1&loss=linear_regression&learning_rate=0.001&steps=200"
    page = visit(f"{server}/step_size?{query}", ignore="404", viewport={"width": 1280, "height": 720})
    settle(page)
    expect(page.get_by_test_id("stSidebar")).to_be_visible()
    for width in (1280, 1300, 1280):
        page.set_viewport_size({"width": width, "height": 720})
        page.wait_for_function(FITTED)
        settle(page)
        picture = page.locator(".picture").first
        wrong = [f"{place}: {each}" for place in along(picture) for each in picture.evaluate(TEXTS)]
        assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("case", SITUATIONS, ids=attrgetter("name"))
def test_no_text_lies_on_another_in_a_situation(visit: Visit, server: str, case: Case) -> None:
    page = visit(f"{server}/{case.page}?{urlencode(case.link)}", ignore="404", viewport=PROJECTOR)
    page.locator(".picture").first.wait_for()
    wrong = overlaps(page, case.label)
    assert not wrong, "\n".join(wrong)


DECADES = "?v=1&loss=linear_regression&optimizer=adam&learning_rate=20400&steps=200"
"""Its loss is drawn over eleven powers of ten; five numbers are beside it, or fewer where it is low."""


@pytest.mark.parametrize("query", [DECADES, "?v=1&loss=ravine&learning_rate=0.05"], ids=["wide", "narrow"])
def test_no_number_of_an_axis_lies_on_the_next_in_a_low_window(visit: Visit, server: str, query: str) -> None:
    """Also those of the plots below, which have ticks of their own and are as low as the window makes them."""
    page = visit(f"{server}/{query}")
    for size in ((1366, 640), (1280, 720), (390, 844), (844, 390)):
        page.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))  # type: ignore[arg-type]
        settle(page)
        page.wait_for_function(f"({FITTED})()")
        for picture in page.locator(".picture").all():
            assert [each for each in picture.evaluate(TEXTS) if re.fullmatch(NUMBERS, each)] == [], size


NUMBERS = r"“[\d.,−× ⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+” and “[\d.,−× ⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+” lie on each other.*"
