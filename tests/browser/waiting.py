"""What a test waits for in a browser: never for a time."""

from __future__ import annotations

from playwright.sync_api import Page

AT_REST = """() => document.querySelector("[data-testid=stApp]")?.dataset.testScriptState === "notRunning"
  && [...document.querySelectorAll(".picture")].every((picture) => picture.dataset.drawn)"""


def settle(page: Page) -> None:
    """Wait until the server has said all it has to say, and every picture is drawn: at one moment, for pictures come and go."""
    page.wait_for_function(AT_REST)
