"""How long a drag's updates take in a real browser, and what they cost the server: `python -m benchmarks.drag`.

The picture is the one of tests/browser/picture_demo.py: 131 frames of a path (180 points), a loss and a theory line (240 each) and
markers, over 3000 points of level lines and an image. The goal: a median of at most 33 ms on two cores with software rendering.
"""

import shutil
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Page, WebSocket, sync_playwright

from tests.browser.conftest import ARGUMENTS, NAMES, ROOT, WIDE, serve

WATCH = """() => {
  window.updates = [];
  window.beats = [];
  for (const name of ["animate", "react"]) {
    const draw = Plotly[name];
    Plotly[name] = async (...all) => {
      const began = performance.now();
      await draw(...all);
      updates.push(performance.now() - began);
    };
  }
  let last = performance.now();
  const beat = (now) => { beats.push(now - last); last = now; requestAnimationFrame(beat) };
  requestAnimationFrame(beat);
}"""


def main() -> None:
    executable = next(filter(None, map(shutil.which, NAMES)))
    app = ROOT / "tests" / "browser" / "picture_app.py"
    with tempfile.TemporaryDirectory() as folder, serve(app, Path(folder)) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        page = browser.new_page(viewport=WIDE)
        messages: list[int] = []
        page.on("websocket", lambda socket: listen(socket, messages))
        page.goto(address)
        page.locator(".picture[data-drawn]").wait_for()
        page.wait_for_timeout(1000)
        page.evaluate(WATCH)
        report(drag(page, messages))
        browser.close()


def listen(socket: WebSocket, messages: list[int]) -> None:
    """Note the size of every message, either way."""
    for way in ("framesent", "framereceived"):
        socket.on(way, lambda payload: messages.append(len(payload)))


def drag(page: Page, messages: list[int]) -> dict[str, object]:
    """Drag from end to end and back at a person's pace, then let go."""
    box = page.get_by_role("slider", name="Learning rate").bounding_box()
    assert box
    y, places = box["y"] + box["height"] / 2, [box["x"] + 14 + (box["width"] - 28) * i / 130 for i in range(131)]
    page.mouse.move(places[60], y)
    page.mouse.down()
    messages.clear()
    for x in places[60:] + places[::-1]:
        page.mouse.move(x, y)
        page.wait_for_timeout(30)
    page.wait_for_timeout(200)
    before = len(messages)
    page.mouse.up()
    page.wait_for_timeout(1000)
    return page.evaluate("({updates, beats})") | {"messages before it": before, "bytes at the release": sum(messages)}


def report(seen: dict) -> None:
    for name in ("updates", "beats"):
        times = sorted(seen.pop(name))
        print(f"{name:<22} {len(times):>6} median {statistics.median(times):6.1f} ms  95% {times[int(len(times) * 0.95)]:6.1f} ms")
    for name, count in seen.items():
        print(f"{name:<22} {count:>6}")


if __name__ == "__main__":
    main()
