"""The planes through a network's weights, while one drags from one to the next."""

from __future__ import annotations

import io
from collections.abc import Callable
from urllib.parse import urlencode

import numpy as np
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import PATIENCE

Visit = Callable[..., Page]
SMALL = {"v": "1", "loss": "network", "loss.examples": "20", "optimizer": "gradient_descent", "learning_rate": "0.5", "steps": "40"}
MOVES = "[...document.querySelectorAll('.picture-live')].some((each) => each.checkVisibility())"


def seen(page: Page) -> np.ndarray:
    with Image.open(io.BytesIO(page.locator(".picture-stage").first.screenshot())) as image:
        return np.asarray(image.convert("RGB"), dtype=float)


def test_a_plane_looks_under_the_hand_as_it_does_at_rest(visit: Visit, server: str) -> None:
    page = visit(f"{server}/landscape?{urlencode(SMALL)}", ignore="404")
    dial = page.get_by_role("slider", name="Plane, by its seed:")
    expect(page.get_by_role("progressbar")).to_have_count(0)
    page.wait_for_function("document.querySelector('.picture')?.dataset.drawn", timeout=1000 * PATIENCE)
    box, last = dial.bounding_box(), int(dial.get_attribute("max") or 0)
    assert box

    def drag(to: int) -> np.ndarray:
        page.mouse.move(box["x"] + 14 + (box["width"] - 28) * to / last, box["y"] + box["height"] / 2)
        page.wait_for_function(f"document.querySelector('.picture').dataset.drawn?.startsWith('{to} ')")
        return seen(page)

    drag(0)
    page.mouse.down()
    other, moving = drag(1), drag(last)
    assert page.evaluate(MOVES), "drawn without Plotly"
    page.mouse.up()
    page.wait_for_function(f"document.querySelector('.picture').dataset.drawn && !{MOVES}")
    rest = seen(page)
    assert np.abs(moving - rest).mean() < np.abs(other - rest).mean() / 3
