"""What a test waits for in a browser: never for a time."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect


def settle(page: Page) -> None:
    """Wait until the server has said all it has to say, and every picture is drawn."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    for picture in page.locator(".picture").all():
        expect(picture).to_have_attribute("data-drawn", re.compile("."))
