"""Marks against the ground that they lie on, measured in the picture: both as the browser draws them, in both themes."""

from __future__ import annotations

import io
from collections.abc import Callable
from urllib.parse import urlencode

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page

from explorer.site.casebook import cases
from tests.browser.waiting import settle
from tests.figures.test_theme import contrast

Visit = Callable[..., Page]

PAGES = {
    "step_size": {"v": "1", "loss": "ravine", "optimizer": "momentum", "learning_rate": "0.03"},
    "race": {},
    "landscape": next(case.query for case in cases() if case.name == "61_path"),
}

MARKS = """plot => [...plot.querySelectorAll(".subplot.xy .scatterlayer .trace")]
  .filter((trace) => trace.__data__[0].trace.name !== "ground")
  .flatMap((trace) => [...trace.querySelectorAll(".js-line, .point")])
  .map((mark) => getComputedStyle(mark))
  .map(({ stroke, strokeWidth, fill }) => (Number.parseFloat(strokeWidth) > 0 && stroke !== "none" ? stroke : fill))"""
BARE = """plot => {
  const over = ".scatterlayer, .annotation, .zerolinelayer, [class*=gridlayer], [class*=lines-], [class*=axislayer]";
  for (const each of plot.querySelectorAll(over)) each.style.visibility = "hidden";
  for (const each of document.querySelectorAll(".picture-head")) each.style.position = "static";
  const frame = plot.getBoundingClientRect(), { xaxis: x, yaxis: y } = plot._fullLayout;
  return { x: frame.x + x._offset + 2, y: frame.y + y._offset + 2, width: x._length - 4, height: y._length - 4 };
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_every_mark_has_a_contrast_of_3_on_every_pixel_of_its_ground(visit: Visit, server: str, name: str, theme: str) -> None:
    """WCAG 2.2, 1.4.11: a path may run anywhere, so its color is held to the whole plot, but for the level lines it crosses."""
    page = visit(f"{server}/{name}?{urlencode(PAGES[name])}", ignore="404", color_scheme=theme)
    settle(page)
    plot = page.locator(".picture-plot").first
    page.wait_for_function("document.querySelector('.picture-plot .subplot.xy .scatterlayer .trace .js-line')")
    marks = {tuple(map(int, each[each.index("(") + 1 : -1].split(",")[:3])) for each in plot.evaluate(MARKS) if each.startswith("rgb(")}
    shot = page.screenshot(clip=plot.evaluate(BARE))
    ground = np.unique(np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).reshape(-1, 3), axis=0)
    assert marks
    assert len(ground) > 20, "it is shaded"
    worst = min((contrast(written(mark), written(pixel)), mark, tuple(pixel)) for mark in marks for pixel in ground)
    assert worst[0] >= 3, worst


def written(color: object) -> str:
    """The color as CSS writes it in hexadecimal."""
    return "#" + bytes(np.asarray(color, np.uint8)).hex()
