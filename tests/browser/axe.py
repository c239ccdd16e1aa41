"""What axe-core (deque.com/axe) finds on a page that shuts somebody out."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from playwright.sync_api import Page

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OF_STREAMLIT = {
    # Its box to drop a file on is role="presentation" with a name and a tabindex of -1; the button in it is a button.
    ("presentation-role-conflict", "stFileUploaderDropzone"),
    # Its menus and hints open in a box at the end of the page, beside header, sidebar and main part.
    ("region", "stFloatingOverlayPortal"),
}
"""The rule and the element of what Streamlit's own elements do, and no option or style of theirs can change."""


def violations(page: Page) -> list[str]:
    """Return what is broken: the rule, the element and why."""
    page.evaluate(AXE)
    run = "(tags) => axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] })"
    found: list[dict[str, Any]] = page.evaluate(run, TAGS)["violations"]
    return [
        f"{rule['id']}: {node['html'][:200]} {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
        if not any(rule["id"] == id_ and element in node["html"] for id_, element in OF_STREAMLIT)
    ]
