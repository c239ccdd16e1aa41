"""Going back and forward in a real browser: one step is one that the visitor made, and shows what was shown there."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from playwright.sync_api import Page, WebSocket, expect
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.browser.waiting import settle

Visit = Callable[..., Page]

OWN = {"v": "1", "loss": "rosenbrock", "optimizer": "momentum", "learning_rate": "0.0007", "steps": "60"}

SHOWN = """() => ({
  link: location.pathname + location.search,
  title: document.querySelector("h1")?.innerText ?? null,
  sentence: [...document.querySelectorAll(".picture-sentence")].map((each) => each.innerText),
  ruler: document.querySelector(".picture input[type=range]")?.value ?? null,
  hides: "hushed" in document.documentElement.dataset,
  recipe: document.querySelector(".recipe")?.innerText ?? null,
  chosen: [...document.querySelectorAll("[data-testid=stButtonGroup] [kind$=Active]")].map((each) => each.innerText),
  warned: document.querySelectorAll("[data-testid=stAlert]").length,
})"""
"""What a visitor sees of where the history is."""

SAYS = "() => [...document.querySelectorAll('[data-link]')].some(({ dataset }) => atob(dataset.link).endsWith(location.search))"
"""Whether a page says that it is the one of the address."""

FAST = """async ([steps, by]) => {
  for (let step = 0; step < steps; step++) {
    history.go(by);
    await new Promise((go) => setTimeout(go, 50));
  }
}"""
"""Goes back or forward faster than any page is computed."""


def test_back_and_forward_are_the_steps_that_the_visitor_made(visit: Visit, server: str) -> None:
    """Three pages with moves on each, from a link with a problem of its own: all the way back and all the way forward, twice."""
    told: list[bytes] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda message: told.append(bytes(message)))  # type: ignore[arg-type]

    page = visit(f"{server}/?{urlencode(OWN)}", before=lambda page: page.on("websocket", listen))
    settle(page)
    steps, before = [page.evaluate(SHOWN)], page.evaluate("history.length")

    def step(act: Callable[[], object]) -> None:
        act()
        page.wait_for_function("link => location.pathname + location.search !== link", arg=steps[-1]["link"])
        page.wait_for_function(SAYS)
        settle(page)
        steps.append(page.evaluate(SHOWN))

    def press(key: str) -> None:
        page.locator(".picture input[type=range]").first.focus()
        page.keyboard.press(key)

    step(lambda: press("ArrowRight"))
    step(page.get_by_role("button", name="Predict first").first.click)
    step(page.get_by_role("link", name="Lessons", exact=True).click)
    step(page.get_by_test_id("stButtonGroup").locator("button").nth(2).click)
    step(page.get_by_role("link", name="Cases", exact=True).click)
    step(page.get_by_test_id("stButtonGroup").locator("button").nth(1).click)
    step(page.get_by_role("link", name="Step size", exact=True).click)
    step(page.get_by_role("button", name="Predict first").first.click)
    assert page.evaluate("history.length") == before + len(steps) - 1
    assert [each["warned"] for each in steps] == [0] * len(steps)

    def same(wanted: dict[str, object]) -> None:
        page.wait_for_function(f"wanted => JSON.stringify(({SHOWN})()) === JSON.stringify(wanted)", arg=wanted)
        settle(page)
        assert page.evaluate(SHOWN) == wanted

    for _ in range(2):
        for wanted in steps[-2::-1]:
            page.go_back()
            same(wanted)
        for wanted in steps[1:]:
            page.go_forward()
            same(wanted)
    for wanted, by in ((steps[0], -1), (steps[-1], 1)):
        page.evaluate(FAST, [len(steps) - 1, by])
        same(wanted)
    # A message that is a name for one before it leaves a page blank for good where the browser has dropped that meanwhile.
    assert told
    assert not any(ForwardMsg.FromString(message).HasField("ref_hash") for message in told)


def test_pages_that_compute_are_passed_through_faster_than_they_compute(visit: Visit, server: str) -> None:
    """A part of a page that was left must neither take the place of the page that follows nor what was wished meanwhile."""
    page = visit(server)
    settle(page)
    steps, before = [page.evaluate(SHOWN)], page.evaluate("history.length")
    for name in ("Network", "Race", "Landscape", "Sweep"):
        page.locator(".picture input[type=range]").first.press("ArrowRight")
        page.get_by_role("link", name=name, exact=True).click()
        page.wait_for_function("name => location.pathname.endsWith(name)", arg=name.lower())
        page.wait_for_function(SAYS)
        settle(page)
        steps.append(page.evaluate(SHOWN))
    made = page.evaluate("history.length") - before
    assert made >= len(steps) - 1
    for by, shown in ((-1, 0), (1, -1), (-1, 0), (1, -1)):
        page.evaluate(FAST, [made, by])
        page.wait_for_function("title => document.querySelector('h1')?.innerText === title", arg=steps[shown]["title"])
        page.wait_for_function(SAYS)
        settle(page)
        assert page.locator("h1").inner_text() == steps[shown]["title"]
        expect(
            page.locator(".picture").first
        ).to_be_attached()  # between two runs that follow each other the server is at rest for a moment


def test_a_path_without_a_page_says_so_and_leads_home(visit: Visit, server: str) -> None:
    for path in ("/nowhere", "/foo/bar", "/race/foo", "/foo/<b>"):
        page = visit(f"{server}{path}", ignore="404")
        expect(page.locator("h1")).to_have_text(f"There is no page {path}")
        page.get_by_role("link", name="The first page").click()
        expect(page.locator("h1")).to_contain_text("stop working")
        assert page.evaluate("location.pathname") == "/"


def test_a_page_that_there_is_asks_for_nothing_in_vain(visit: Visit, server: str) -> None:
    for path in ("/class", "/race", "/"):
        settle(visit(f"{server}{path}"))  # the console stays silent
    assert visit(f"{server}//race?steps=5").url.startswith(f"{server}/race?")
