"""What a visitor of each of the pages waits for, in a real browser: `python -m benchmarks.page [page ...]`.

Goals, on two cores with software rendering: the first picture 2 s on a first visit and 1 s after; a control to the new picture 300 ms, on
the pages of networks 1 s to the first curve and 8 s to the last; on "Step size" an update of a drag 33 ms and no message before the
release, and 20 ms for computing 121 rates of 200 steps with their paths on a surface. All are medians.
"""

import shutil
import statistics
import sys
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
from explorer.site.casebook import cases
from explorer.ui.way import PAGES, name_of, title_of
from tests.browser.conftest import ARGUMENTS, NAMES, ROOT, WIDE, serve

FIRST = """() => performance.getEntriesByName("picture drawn")[0]?.startTime ?? new Promise((resolve) =>
  new PerformanceObserver((seen) => resolve(seen.getEntries().at(-1).startTime))
    .observe({ type: "largest-contentful-paint", buffered: true }))"""
"""When the first picture was drawn; on a page without one of Plotly's, when the largest thing in the window was."""

LIVE = ("50_network", "60_landscape")
"""The pages whose pictures grow while they are looked at."""

DRAWN = "() => document.querySelector('.picture')?.dataset.drawn"


def main() -> None:
    executable = next(filter(None, map(shutil.which, NAMES)))
    chosen = [path for path in PAGES if name_of(path) in (sys.argv[1:] or map(name_of, PAGES))]
    with tempfile.TemporaryDirectory() as folder, serve(ROOT / "app.py", Path(folder)) as address, sync_playwright() as playwright:
        empty = Path(folder) / "empty.py"
        empty.write_text("import streamlit\n\nstreamlit.title('An empty page')\n", encoding="utf-8")
        with serve(empty, Path(folder)) as bare:
            visits(playwright, executable, "An empty page of Streamlit", bare)
        urlopen(address).close()  # the server's own imports
        for path in chosen:
            visits(playwright, executable, title_of(path), f"{address}/{'' if path is PAGES[0] else name_of(path)}")
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        context = browser.new_context(viewport=WIDE)
        for path in chosen:
            starting(context, address, path)
        if PAGES[0] in chosen:
            computing()
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


def visits(playwright: Playwright, executable: str, title: str, address: str) -> None:
    """From the address to the first picture: with nothing cached, and again with what the browser has kept."""
    visit(playwright, executable, address)  # fills the server's caches
    firsts, *seconds = zip(*(visit(playwright, executable, address) for _ in range(3)), strict=True)
    row(f"{title}: first visit", firsts, goal=2000)
    row(f"{title}: later", [each for one in seconds for each in one], goal=1000)


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
    """A new tab, and how long it took from the start of its navigation to the first picture, in ms."""
    urlopen(Request(f"{door}/json/new?{address}", method="PUT")).close()
    time.sleep(6)
    browser = playwright.chromium.connect_over_cdp(door)
    [page] = [page for page in browser.contexts[0].pages if page.url.startswith(address)]
    drawn = float(page.evaluate(FIRST))
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


def starting(context: BrowserContext, address: str, path: Path) -> None:
    """From a click on each preset of a page to its picture; of what is computed live, to the first and to the last of it."""
    page = context.new_page()
    page.goto(f"{address}/{'' if path is PAGES[0] else name_of(path)}")
    page.wait_for_timeout(6000)
    chips = page.locator(f".st-key-{name_of(path)}-preset").get_by_role("radio")
    if page.locator(".picture").count() and chips.count() > 1:
        page.evaluate(LISTEN)
        first, last = [], []
        for chip in [*chips.all()[1:], chips.first]:
            first.append(until_drawn(page, chip.click))
            last.append(page.evaluate("ended()"))
        live = path.stem in LIVE
        row(f"{title_of(path)}: a preset", first, goal=1000 if live else 300)
        if live:
            row(f"{title_of(path)}: all of it", last, goal=8000)
    page.close()


def turning(context: BrowserContext, address: str) -> None:
    """From the turn of another control to the new picture: the page's own clock, from the click (or the key) to the end of drawing."""
    page = context.new_page()
    page.goto(f"{address}/?v=1&loss=rosenbrock&optimizer=gradient_descent&learning_rate=0.00123")
    page.wait_for_function(DRAWN)
    page.wait_for_timeout(1500)
    page.evaluate(LISTEN)
    losses = ["booth", "beale", "himmelblau", "matyas", "saddle", "ravine", "quadratic"]
    rules = ["momentum", "Nesterov", "Adam", "RMSProp"] * 2
    row("another loss", [chosen(page, "loss", name) for name in losses], goal=300)
    row("another optimizer", [chosen(page, "optimizer", name) for name in rules], goal=300)
    row("another number of steps", [typed(page, "steps", str(110 + i)) for i in range(7)], goal=300)
    page.close()


LISTEN = """() => {
  const root = () => document.querySelector(".picture");
  const said = () => root().querySelector(".picture-image").ariaLabel + root().querySelector(".picture-value").textContent;
  window.arm = () => { window.acted = window.done = window.newest = undefined; window.before = said(); };
  window.ended = async () => { // when nothing was drawn for three seconds
    while (performance.now() - newest < 3000) await new Promise((resolve) => setTimeout(resolve, 100));
    return newest - acted;
  };
  for (const name of ["click", "keydown"]) document.addEventListener(name, () => (window.acted ??= performance.now()), true);
  new MutationObserver(() => {
    if (!root() || (said() === window.before && !window.done)) return;
    window.newest = performance.now();
    window.done ??= window.newest;
  }).observe(document.body, { subtree: true, attributeFilter: ["data-drawn"] });
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
