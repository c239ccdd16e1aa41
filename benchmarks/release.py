"""What one release of the ruler costs the server: `python -m benchmarks.release [--releases 40]`.

A visitor of "Step size", over a websocket in Streamlit's own protocol as in `benchmarks.load`, opens one loss after the other and releases
its ruler at random places. In turn with every release, another server of an empty page of Streamlit's, a title alone, runs that.
CPU time is the server's whole, by its own clock; bytes are those of the socket.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.load import Seen, Visitor, server, serving
from tests.browser.conftest import serve

LOSSES = ("x_squared", "quadratic", "rosenbrock", "linear_regression", "network")
EMPTY = "import streamlit\n\nstreamlit.title('An empty page')\n"


def spent(pid: int) -> float:
    """Return the ms of processors that a process has used, by the clock that Linux has of every process."""
    return 1e3 * time.clock_gettime((~pid << 3) | 2)


class Costs:
    """What several runs of one page took: each the server's ms, the seconds until the answer, and the bytes that came."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.found: list[tuple[float, float, int]] = []

    async def of(self, visitor: Visitor, release: bool) -> None:
        """Make one, and wait until the server rests."""
        visitor.received, before = 0, spent(self.pid)
        took = await (visitor.release() if release else visitor.run())
        await asyncio.sleep(0.1)  # what it does after its last word
        self.found.append((spent(self.pid) - before, took, visitor.received))

    def row(self, name: str) -> str:
        """A line of the table: medians, and the mean of what the CPU did."""
        cpu, took, received = zip(*self.found, strict=True)
        cells = [f"{statistics.median(cpu):.1f}", f"{statistics.fmean(cpu):.1f}", f"{1e3 * statistics.median(took):.0f}"]
        return " | ".join([name, *cells, f"{statistics.median(received) / 1e3:.1f}", f"{max(received) / 1e3:.1f}"])


async def compare(app: str, empty: str, loss: str, releases: int) -> None:
    """Print the lines of one loss."""
    seen, query = Seen(), {"v": "1", "loss": loss}
    first, later, nothing = Costs(serving(app)), Costs(serving(app)), Costs(serving(empty))
    async with Visitor(app, "", seen) as visitor, Visitor(empty, "", seen) as other:
        await visitor.open(query)
        await other.run()
        for _ in range(releases):
            await later.of(visitor, release=True)
            await nothing.of(other, release=False)
    for _ in range(5):
        async with Visitor(app, "", seen) as visitor:
            visitor.query = f"v=1&loss={loss}"
            await first.of(visitor, release=False)
    for name, costs in (("visit", first), ("release", later), ("empty page", nothing)):
        print(costs.row(f"{loss} | {name}"), flush=True)
    for error in sorted(set(seen.errors))[:3]:
        print(f"  {error}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("losses", nargs="*", default=LOSSES)
    parser.add_argument("--releases", type=int, default=40)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, server() as app:
        page = Path(folder) / "empty.py"
        page.write_text(EMPTY, encoding="utf-8")
        with serve(page, Path(folder)) as empty:
            print("loss | what | CPU ms, median | mean | ms to the answer | kB received, median | most")
            for loss in asked.losses:
                asyncio.run(compare(app, empty, loss, asked.releases))


if __name__ == "__main__":
    main()
