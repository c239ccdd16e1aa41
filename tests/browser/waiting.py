"""What a test waits for in a browser: never for a time."""

from __future__ import annotations

from playwright.sync_api import Page

AT_REST = r"""() => {
  const page = document.querySelector("[data-testid=stApp]"), said = page?.innerText ?? "";
  const tried = said.match(/([\d,]+) of ([\d,]+) rates tried/);
  return page?.dataset.testScriptState === "notRunning"
    && [...document.querySelectorAll("[data-testid=stBidiComponentRegular]")].every(({ childElementCount }) => childElementCount > 1)
    && [...document.querySelectorAll(".picture")].every((picture) => picture.dataset.drawn)
    && !document.querySelector("[role=progressbar]")
    && tried?.[1] === tried?.[2]
    && !/After [\d,]+ of [\d,]+ steps the loss|Trying the first other rates|Taking the first steps/.test(said);
}"""

INTO_SIGHT = """async (each) => {
  const inSight = () => { // and not behind the picture that stays
    const { left, width, top, bottom } = each.getBoundingClientRect();
    return top >= 80 && bottom <= innerHeight && document.elementFromPoint(left + width / 2, (top + bottom) / 2) === each;
  };
  for (let tries = 0; !inSight() && tries < 100; tries++) {
    each.scrollIntoView({ block: "center" });
    await new Promise(requestAnimationFrame);
  }
}"""


def settle(page: Page) -> None:
    """Wait until the server has said all it has to say, every component is there, every picture drawn and no work under way, at once."""
    page.wait_for_function(AT_REST)
