"""The points that a picture shows: on its canvas while it moves, or by Plotly."""

from __future__ import annotations

from playwright.sync_api import Page

POINTS = """(index) => {
  const moving = document.querySelector(".picture-live:not([hidden])"), rest = document.querySelector(".js-plotly-plot");
  const { x, y } = (moving?.shown ?? rest.data)[index];
  return { x: [...x], y: [...y] };
}"""


def points(page: Page, index: int) -> dict[str, list[float]]:
    """Those of a trace of the first picture, by its place in the figure."""
    return page.evaluate(POINTS, index)
