"""What one position of a drag costs, on every page with a dial: `python -m benchmarks.drag [page ...]`.

For each dial, dragged there and back at a person's pace: the script of a drawing (from the beginning of the screen's frame to the end of
the drawing), the wall time from the hand to the picture on the screen, and the messages to the server before the release. In the same run,
in turns with the pages, an empty figure of Plotly's whose axis changes and a line on a bare canvas, dragged by the same kind of slider. The
goal, on two cores with software rendering at 1280 × 900: medians of at most 12 ms of script and 33 ms to the picture.
"""

import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import Locator, Page, WebSocket, sync_playwright

from explorer.site.casebook import cases
from explorer.site.content import PLOTLY
from tests.browser.conftest import ARGUMENTS, NAMES, ROOT, serve
from tests.browser.waiting import INTO_SIGHT

SIZE = {"width": 1280, "height": 900}
ROUNDS = 3

WATCH = """() => {
  window.scripts = [];
  window.updates = [];
  let hand, frame;
  document.addEventListener("input", ({ timeStamp }) => (hand ??= timeStamp), true);
  const next = window.requestAnimationFrame.bind(window), mark = performance.mark.bind(performance);
  window.requestAnimationFrame = (what) => next((time) => { frame = Math.max(frame ?? 0, performance.now()); return what(time); });
  performance.mark = (name, ...more) => {
    if (name === "picture drawn" && hand !== undefined) {
      const began = hand;
      hand = undefined;
      scripts.push(performance.now() - frame);
      next(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => updates.push(performance.now() - began);
        port2.postMessage(0);
      });
    }
    return mark(name, ...more);
  };
}"""
"""From the first move that is not drawn yet to the moment after the frame that shows it: never less than a frame of the screen."""

PLAIN = """<body><script src="PLOTLY"></script>
<div class="picture" data-drawn="true">
<input type="range" aria-label="Place" max="130" value="0" style="width: 900px"><div id="plot" style="height: 420px"></div>
</div><script>
const input = document.querySelector("input"), plot = document.querySelector("#plot");
%s
let waiting = false;
input.oninput = () => {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(async () => { waiting = false; await show(Number(input.value)); performance.mark("picture drawn"); });
};
show(0);
</script></body>"""

BARE = {
    "an empty figure of Plotly's": """const size = { width: 900, height: 420 };
const show = (i) => Plotly.react(plot, [{ x: [0, 1], y: [0, 1] }], { ...size, yaxis: { range: [0, 1 + i] } });""",
    "a line on a bare canvas": """const canvas = Object.assign(document.createElement("canvas"), { width: 900, height: 420 });
const pen = plot.appendChild(canvas).getContext("2d");
const show = (i) => {
  pen.clearRect(0, 0, 900, 420);
  pen.beginPath();
  for (let x = 0; x < 900; x++) pen.lineTo(x, 210 + 200 * Math.sin((x * (1 + i)) / 900));
  pen.stroke();
};""",
}


def dials() -> list[tuple[str, str, str]]:
    """Return the name, the address and the label of every dial."""
    rulers = [case for case in cases() if case.page == "step_size" and case.preset]
    found = [(f"Step size: {case.label}", f"?{urlencode(case.setup.to_query())}", "Learning rate") for case in rulers]
    found += [("Step size: a step under the microscope", "", "Step"), ("Race: time", "race", "Time")]
    return [
        *found,
        ("Network: rates", "network", "Learning rate"),
        ("Network: steps", "network", "Step"),
        ("Landscape: planes", "landscape", "Plane"),
    ]


def main() -> None:
    executable = next(filter(None, map(shutil.which, NAMES)))
    chosen = [each for each in dials() if not sys.argv[1:] or any(word.lower() in each[0].lower() for word in sys.argv[1:])]
    with tempfile.TemporaryDirectory() as folder, serve(ROOT / "app.py", Path(folder)) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        found: dict[str, dict[str, list[float]]] = {}
        for _ in range(ROUNDS):
            for name, path, label in [(name, script, "Place") for name, script in BARE.items()] + chosen:
                page, sent = browser.new_page(viewport=SIZE), []
                page.on("websocket", lambda socket, sent=sent: listen(socket, sent))
                page.goto(f"{address}/{'_stcore/health' if name in BARE else path}")
                if name in BARE:
                    page.set_content(PLAIN.replace("<body>", f'<base href="{address}/"><body>').replace("PLOTLY", PLOTLY.address) % path)
                dial = page.locator(f".picture[data-drawn] input[type=range][aria-label^='{label}']:visible").first
                dial.wait_for()
                page.wait_for_timeout(
                    500 if name in BARE else 6000
                )  # until the server has said all, and Streamlit has fetched what it may need
                page.evaluate(WATCH)
                seen = drag(page, dial, sent)
                kept = found.setdefault(name, {})
                for what, times in seen.items():
                    kept.setdefault(what, []).extend(times)
                page.close()
        browser.close()
    print(f"{'':<44} drawn   script: median   95 %     to the picture: median   95 %   messages before the release")
    for name, seen in found.items():
        script, wall = seen["scripts"], seen["updates"]
        numbers = f"{statistics.median(script):>10.1f} ms {high(script):>6.1f}   {statistics.median(wall):>18.1f} ms {high(wall):>6.1f}"
        print(f"{name:<44} {len(script):>5} {numbers} {sum(seen['messages']):>10.0f}")


def high(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]


def listen(socket: WebSocket, messages: list[int]) -> None:
    """Note the size of every message, either way."""
    for way in ("framesent", "framereceived"):
        socket.on(way, lambda payload: messages.append(len(payload)))


def drag(page: Page, dial: Locator, messages: list[int]) -> dict[str, Any]:
    """Drag from end to end and back at a person's pace, a dial of few positions as often as gives as many moves, then let go."""
    dial.evaluate(INTO_SIGHT)
    box, last = dial.bounding_box(), int(dial.get_attribute("max") or 1)
    assert box
    moves = min(60, 4 * last)
    y, places = box["y"] + box["height"] / 2, [box["x"] + 14 + (box["width"] - 28) * i / moves for i in range(moves + 1)]
    page.mouse.move(places[0], y)
    page.mouse.down()
    messages.clear()
    for x in (places + places[::-1]) * (60 // moves):
        page.mouse.move(x, y)
        page.wait_for_timeout(25)
    page.wait_for_timeout(200)
    before, seen = len(messages), page.evaluate("({ scripts, updates })")
    page.mouse.up()
    return seen | {"messages": [before]}


if __name__ == "__main__":
    main()
