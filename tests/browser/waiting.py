"""What a test waits for in a browser: never for a time."""

from __future__ import annotations

import itertools

from playwright.sync_api import Frame, Page, TimeoutError

AT_WORK = r"""() => {
  const page = document.querySelector("[data-testid=stApp]"), said = page?.innerText ?? "";
  const tried = said.match(/([\d,]+) of ([\d,]+) rates tried/);
  const all = (selector, holds) => [...document.querySelectorAll(selector)].every(holds);
  return [
    page?.dataset.testScriptState === "notRunning" || "the page runs",
    !document.querySelector("[data-testid=stSkeleton]") || "a part of the page is not there",
    all("[data-testid=stBidiComponentRegular]", ({ childElementCount }) => childElementCount > 1) || "a component is not there",
    all(".picture", (picture) => picture.dataset.drawn) || "a picture is not drawn",
    !document.querySelector("[role=progressbar]") || "work is under way",
    tried?.[1] === tried?.[2] || "rates are tried",
    !/After [\d,]+ of [\d,]+ steps the loss|Trying the first other rates|Taking the first steps/.test(said) || "a network is trained",
  ].filter((each) => each !== true);
}"""
"""What a page still does, in words."""

FRAMES = 3
"""For how many frames in a row a page must be at rest: what the server has said reaches a picture a task after it has reached the page."""

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


_waits = itertools.count()


def settle(page: Page | Frame) -> None:
    """Wait until the server has said all it has to say, every component is there, every picture drawn and no work under way, at once."""
    frames = f"restful{next(_waits)}"
    try:
        page.wait_for_function(f"() => (window.{frames} = ({AT_WORK})().length ? 0 : (window.{frames} ?? 0) + 1) >= {FRAMES}")
    except TimeoutError as error:
        raise AssertionError(f"{page.url} is not at rest: {page.evaluate(AT_WORK)}; it says {page.inner_text('body')}") from error
