"""What a visitor of the page "Step size" waits for, in a real browser: `python -m benchmarks.page`.

Goals, on two cores with software rendering: an update of a drag 33 ms (median) and no message before the release, any other control to the
new picture 300 ms (median), the first plot 4 s on a first visit and 1.5 s on a second, and 20 ms for computing 121 rates of 200 steps
with their paths on a surface.
"""

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from subprocess import DEVNULL, Popen
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import numpy as np
from playwright.sync_api import BrowserContext, Page, Playwright, sync_playwright

from benchmarks.drag import WATCH, listen
from explorer import LOSSES, OPTIMIZERS, run
from explorer.ui.casebook import cases
from tests.browser.conftest import ARGUMENTS, NAMES, ROOT, WIDE, serve

DRAWN = "() => document.querySelector('.picture')?.dataset.drawn"


def main() -> None:
    executable = next(filter(None, map(shutil.which, NAMES)))
    computing()
    with tempfile.TemporaryDirectory() as folder, serve(ROOT / "app.py", Path(folder)) as address, sync_playwright() as playwright:
        visits(playwright, executable, address)
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        context = browser.new_context(viewport=WIDE)
        dragging(context, address)
        turning(context, address)
        browser.close()


def computing() -> None:
    """The runs themselves, without words and pictures."""
    times = []
    for loss in ("rosenbrock", "himmelblau", "ravine"):
        for _ in range(10):
            began = time.perf_counter()
            run(LOSSES[loss](), OPTIMIZERS["gradient_descent"](), np.geomspace(1e-4, 1e-1, 121), steps=200)
            times.append((time.perf_counter() - began) * 1e3)
    row("121 rates × 200 steps on a surface", times, goal=20)


def visits(playwright: Playwright, executable: str, address: str) -> None:
    """From the address to the first plot: with nothing cached, and again with what the browser has kept."""
    urlopen(address).close()  # the server's own imports
    visit(playwright, executable, address)  # and its caches
    firsts, *seconds = zip(*(visit(playwright, executable, address) for _ in range(5)), strict=True)
    row("first visit to the first plot", firsts, goal=4000)
    row("second visit", [each for one in seconds for each in one], goal=1500)


def visit(playwright: Playwright, executable: str, address: str, times: int = 3) -> list[float]:
    """One new visitor who comes several times.

    Nobody watches while the page loads: under an attached debugger V8 reads Plotly three times more, once for each error that Plotly
    throws and catches while it starts. The page's own clock is read when all is done.
    """
    size = f"--window-size={WIDE['width']},{WIDE['height']}"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = ["--headless=new", f"--user-data-dir={profile}", "--remote-debugging-port=0", size, *ARGUMENTS]
        with Popen([executable, *options, "about:blank"], stderr=DEVNULL) as chromium:
            port = Path(profile) / "DevToolsActivePort"
            while not (port.exists() and port.read_text()):
                time.sleep(0.05)
            door = f"http://127.0.0.1:{port.read_text().split()[0]}"
            found = [first_plot(playwright, door, address) for _ in range(times)]
            chromium.terminate()
    return found


def first_plot(playwright: Playwright, door: str, address: str) -> float:
    """A new tab, and how long it took from the start of its navigation to the first plot, in ms."""
    urlopen(Request(f"{door}/json/new?{address}", method="PUT")).close()
    time.sleep(6)
    browser = playwright.chromium.connect_over_cdp(door)
    [page] = [page for page in browser.contexts[0].pages if page.url.startswith(address)]
    drawn = float(page.evaluate("performance.getEntriesByName('picture drawn')[0].startTime"))
    page.close()
    browser.close()
    return drawn


def dragging(context: BrowserContext, address: str) -> None:
    """Each preset dragged over all positions and back."""
    for case in cases():
        if case.page != "step_size":
            continue
        page = context.new_page()
        messages: list[int] = []
        page.on("websocket", lambda socket, messages=messages: listen(socket, messages))
        page.goto(f"{address}/?{urlencode(case.setup.to_query())}")
        page.wait_for_function(DRAWN)
        page.wait_for_timeout(3000)  # until Streamlit has fetched what it may need later
        page.evaluate(WATCH)
        before = drag(page, messages)
        row(f"drag: {case.label}", page.evaluate("updates"), goal=33, note=f"{before} messages before the release")
        page.close()


def drag(page: Page, messages: list[int]) -> int:
    """Drag the first dial from end to end and back, each position drawn; how many messages passed before the release."""
    dial = page.get_by_role("slider", name="Learning rate")
    box, last = dial.bounding_box(), int(dial.get_attribute("max") or 0)
    assert box
    y, places = box["y"] + box["height"] / 2, [box["x"] + 14 + (box["width"] - 28) * i / last for i in range(last + 1)]
    page.mouse.move(places[int(dial.input_value())], y)
    page.mouse.down()
    messages.clear()
    for position in [*range(last + 1), *range(last, -1, -1)]:
        page.mouse.move(places[position], y)
        page.wait_for_function(f"document.querySelector('.picture').dataset.drawn?.startsWith('{position} ')")
    page.wait_for_timeout(100)
    before = len(messages)
    page.mouse.up()
    return before


def turning(context: BrowserContext, address: str) -> None:
    """From the turn of another control to the new picture: the page's own clock, from the click (or the key) to the end of drawing."""
    page = context.new_page()
    page.goto(f"{address}/?v=1&loss=rosenbrock&optimizer=gradient_descent&learning_rate=0.00123")
    page.wait_for_function(DRAWN)
    page.wait_for_timeout(1500)
    page.evaluate(LISTEN)
    losses = ["booth", "beale", "himmelblau", "matyas", "saddle", "ravine", "quadratic"]
    rules = ["momentum", "nesterov", "Adam", "RMSProp"] * 2
    row("another loss", [chosen(page, "loss", name) for name in losses], goal=300)
    row("another optimizer", [chosen(page, "optimizer", name) for name in rules], goal=300)
    row("another number of steps", [typed(page, "steps", str(110 + i)) for i in range(7)], goal=300)
    labels = [case.label for case in cases() if case.page == "step_size"]
    row("a preset", [until_drawn(page, page.get_by_role("radio", name=label, exact=True).click) for label in labels], goal=300)
    page.close()


LISTEN = """() => {
  const root = () => document.querySelector(".picture");
  const said = () => root().querySelector(".picture-plot").getAttribute("aria-label") + root().querySelector(".picture-value").textContent;
  window.arm = () => { window.acted = window.done = undefined; window.before = said(); };
  for (const name of ["click", "keydown"]) document.addEventListener(name, () => (window.acted = performance.now()), true);
  new MutationObserver(() => { if (root() && said() !== window.before) window.done ??= performance.now(); })
    .observe(document.body, { subtree: true, attributeFilter: ["data-drawn"] });
}"""


def until_drawn(page: Page, act: Callable[[], object]) -> float:
    """From an act to the next time that the first picture shows something else, drawn."""
    page.evaluate("arm()")
    act()
    page.wait_for_function("window.done")
    time = page.evaluate("done - acted")
    page.wait_for_timeout(400)
    return time


def chosen(page: Page, label: str, option: str) -> float:
    """Choosing from a box; the visitor's own time to open it is not counted."""
    page.get_by_role("combobox", name=label, exact=True).click()
    return until_drawn(page, page.get_by_role("option", name=option, exact=True).click)


def typed(page: Page, label: str, text: str) -> float:
    box = page.get_by_role("textbox", name=label, exact=True)
    box.fill(text)
    return until_drawn(page, lambda: box.press("Enter"))


def row(name: str, times: Sequence[float], *, goal: float, note: str = "") -> None:
    ordered = sorted(times)
    high = ordered[min(int(len(ordered) * 0.95), len(ordered) - 1)]
    print(
        f"{name:<36} {len(ordered):>4} median {statistics.median(ordered):7.1f} ms  95% {high:7.1f} ms  goal {goal:5.0f} ms  {note}",
        flush=True,
    )


if __name__ == "__main__":
    main()
