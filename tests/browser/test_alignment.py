"""A ruler and the plot under it share one horizontal scale: the thumb stands above its own place, at both ends and in the middle."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

SMALL = {"v": "1", "loss": "network", "loss.examples": "20", "optimizer": "gradient_descent", "learning_rate": "0.5", "steps": "40"}
WITHIN = 3.0
"""Pixels between the middle of the thumb and that of its mark."""
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}

PLACES = """root => {
  const input = root.querySelector(".picture-ruler input"), plot = root.querySelector(".js-plotly-plot");
  const box = input.getBoundingClientRect(), thumb = parseFloat(getComputedStyle(root).getPropertyValue("--thumb"));
  const thumbAt = box.left + thumb / 2 + (box.width - thumb) * Number(input.value) / Number(input.max);
  const live = root.querySelector(".picture-live:not([hidden])"), { x } = live?.shown[1] ?? plot._fullData[1], { xaxis } = plot._fullLayout;
  return [thumbAt, plot.getBoundingClientRect().left + xaxis._offset + xaxis.l2p(x[0])];
}"""


@pytest.mark.parametrize("options", [{}, PHONE], ids=["wide", "phone"])
def test_the_thumb_stands_above_its_mark_in_the_plot(visit: Callable[..., Page], server: str, options: dict[str, object]) -> None:
    page = visit(f"{server}/network?{urlencode(SMALL)}", ignore="404", **options)
    expect(page.get_by_text("rates tried, each for 40 steps").first).to_be_visible()
    root = page.locator(".picture").first
    dial = root.get_by_role("slider", name="Learning rate", exact=True)
    last = int(dial.get_attribute("max") or 0)
    for position in (0, last // 2, last):
        dial.evaluate("(each, to) => { each.value = to; each.dispatchEvent(new Event('input')); }", position)
        expect(root).to_have_attribute("data-drawn", f"{position} 0")
        thumb, mark = page.wait_for_function(f"() => ({PLACES})(document.querySelector('.picture'))").json_value()
        assert abs(thumb - mark) <= WITHIN, position
