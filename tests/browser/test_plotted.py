"""The figure of `plot()` in a page of Plotly's own: its slider is clicked and moves the run, there and back again."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from explorer import run

HEAD = """() => {
  const plot = document.querySelector(".js-plotly-plot"), { active } = plot.layout.sliders[0];
  const head = plot.data.findIndex(({ meta, mode, xaxis }) => meta?.head && mode === "markers" && xaxis !== "x2");
  const { x, y } = plot.calcdata[head].at(-1);
  return { active, x, y, title: plot.layout.title.text };
}"""


def test_the_slider_of_a_figure_moves_it_there_and_back(browser: Browser, tmp_path: Path) -> None:
    rates = [0.05, 0.1, 0.2, 0.3]
    path = run("quadratic", "momentum", rates)
    file = tmp_path / "plot.html"
    path.plot().write_html(file, auto_play=False)
    page = browser.new_page(viewport={"width": 900, "height": 800})
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(file.as_uri())
    rail = page.locator(".slider-rail-touch-rect")
    rail.wait_for()
    box = rail.bounding_box()
    assert box is not None
    for wanted in (3, 0, 2, 1, 3, 0):
        place = 0.02 + 0.96 * wanted / (len(rates) - 1)
        page.mouse.click(box["x"] + place * box["width"], box["y"] + box["height"] / 2)
        page.wait_for_function(f"({HEAD})().active === {wanted} && Math.abs(({HEAD})().x - {path.x[-1, 0, wanted]}) < 1e-5")
        assert page.evaluate(HEAD)["y"] == pytest.approx(path.x[-1, 1, wanted], abs=1e-5)
    assert said == []
    page.close()
