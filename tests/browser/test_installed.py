"""The app that the command `divergence-explorer` opens where the package is installed, far from a checkout."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import answering
from tests.package import Installed


def test_the_command_opens_the_app_with_its_settings(installed: Installed, visit: Callable[..., Page], tmp_path: Path) -> None:
    with answering([str(installed.scripts / "divergence-explorer")], tmp_path, installed.elsewhere) as address:
        page = visit(address, ignore="/_stcore/")  # Streamlit asks for these below a page's own name first
        dial, line = page.get_by_role("slider", name="Learning rate"), page.locator(".js-plotly-plot .scatterlayer .trace").first
        for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
            dial.press(key)
            expect(page.locator(".picture").first).to_have_attribute("data-drawn", re.compile(rf"^{dial.input_value()} "))
        expect(line).to_be_attached()
        assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "18px"  # as explorer/ui/.streamlit/config.toml says
        page.goto(f"{address}/sweep?v=1&loss=quadratic&learning_rate=0.1")
        expect(line).to_be_attached()
