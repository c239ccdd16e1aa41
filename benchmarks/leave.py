"""Who closes the window leaves no work behind: `python -m benchmarks.leave`.

One visitor after the other asks a page for its heaviest work and closes the window once that has taken `BEGUN` seconds of CPU. Then the
server's processes are watched until they rest: `STILL` seconds with less than a twentieth of a core. Goal: within 5 s.
"""

import asyncio
import contextlib
import os
import random
import time
from urllib.parse import urlencode

from benchmarks.load import Seen, Usage, Visitor, server, serving
from benchmarks.soak import offspring

STILL, BEGUN, PATIENCE = 0.5, 1.5, 40.0


def heaviest() -> dict[str, tuple[str, dict[str, str]]]:
    """A link for each page that computes for long: as much as it allows, at a rate that nobody has asked for."""
    rate = f"{random.uniform(0.01, 0.02):.6f}"
    network = {"v": "1", "loss": "network", "learning_rate": rate, "loss.seed": str(random.randrange(10**6))}
    wide = network | {"loss.hidden": "64,64", "loss.data": "noisy_line", "loss.examples": "500"}
    slow = {"v": "1", "loss": "quadratic", "loss.eigenvalues": "1,10", "learning_rate": rate}
    return {
        "Step size": ("", slow | {"steps": "28000"}),
        "Race": ("race", slow | {"steps": "490000", "racers": "adam:0.01,lion:0.01,momentum:0.01,rmsprop:0.01", "pace": "own"}),
        "Sweep": ("sweep", network | {"steps": "4000", "view.seeds": "10"}),
        "Map": ("map", network | {"x": "rate.W1:0.1:100:log:256", "y": "rate.W2:0.1:100:log:256", "steps": "300"}),
        "Network, its run": ("network", network | {"steps": "60000"}),
        "Network, its ruler": ("network", wide | {"steps": "1500"}),
        "Landscape": ("landscape", network | {"steps": "2000", "view.at": "trained", "view.side": "101"}),
        "Why nan": ("why_nan", network | {"steps": "60000", "batch_size": "16"}),
        "Safe rate": ("safe_rate", network | {"steps": "1000"}),
    }


def used(process: int) -> float:
    """Seconds of CPU that a process and those it started have used."""
    total = Usage.of([process]).cpu
    for each in offspring(process):
        with contextlib.suppress(OSError):
            total += Usage.of([each]).cpu
    return total


def rests(process: int, within: float) -> float:
    """Seconds until the server rests, or `within`."""
    began, last, since = time.monotonic(), used(process), time.monotonic()
    while time.monotonic() - began < within:
        time.sleep(0.1)
        now = used(process)
        if now - last > 0.05 * STILL:
            last, since = now, time.monotonic()
        elif time.monotonic() - since > STILL:
            return since - began
    return within


async def leaves(address: str, page: str, query: dict[str, str], process: int) -> float:
    """Open a page, and close the window when the server is at work on it; return how much that has taken."""
    before, until = used(process), time.monotonic() + PATIENCE
    async with Visitor(address, page, Seen()) as visitor:
        visitor.query = urlencode(query)
        await visitor.ask()
        while used(process) - before < BEGUN and time.monotonic() < until:
            await asyncio.sleep(0.1)
        return used(process) - before


def main() -> None:
    print(f"load {os.getloadavg()[0]:.1f}\nasked of | CPU when the window was closed | seconds until the server rested")
    with server() as address:
        process = serving(address)
        for name, (page, query) in heaviest().items():
            rests(process, PATIENCE)
            spent = asyncio.run(leaves(address, page, query, process))
            print(f"{name} | {spent:.1f} s | {rests(process, PATIENCE):.1f}", flush=True)


if __name__ == "__main__":
    main()
