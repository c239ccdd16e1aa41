"""Visitors through all pages and situations, again and again: `python -m benchmarks.soak [--minutes 60] [--visitors 4]`.

In a round every page and every case is opened once, by its link with a learning rate that nobody has asked for: so what is kept for
visitors is always new. Who opens one stays until its work in the background is over, at most `STAY` seconds, releases a ruler where there
is one, and closes the window. After a round: the memory, threads, files and live objects of the server's process, and how many processes
it has besides. Goal: flat in the last half, that is, the memory of its last quarter at most a twentieth above that of the one before.
"""

import argparse
import asyncio
import os
import random
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load import Seen, Usage, Visitor, server, serving
from explorer.core.ground.checks import short
from explorer.site.casebook import casebook
from explorer.ui.way import PAGES, lab, name_of

STAY = 6.0
"""Seconds for which a visitor looks on at work in the background."""

AWAY = 0.05
"""By how much a visitor's rate differs from the one in a link, at most."""


@dataclass(frozen=True)
class Held:
    """What a process and its children hold: MB of memory, threads, open files, and the number and MB of the children."""

    memory: float
    threads: int
    files: int
    children: int
    theirs: float

    @classmethod
    def of(cls, pid: int) -> "Held":
        """Read it from /proc, as Linux has it."""
        folder = Path(f"/proc/{pid}")
        theirs = [Usage.of([each]).memory for each in offspring(pid)]
        return cls(Usage.of([pid]).memory, len([*folder.glob("task/*")]), len([*folder.glob("fd/*")]), len(theirs), sum(theirs))


def offspring(pid: int) -> Iterator[int]:
    """The processes that one has started, and theirs."""
    for children in Path(f"/proc/{pid}").glob("task/*/children"):
        for child in map(int, children.read_text().split()):
            yield child
            yield from offspring(child)


def visits() -> list[tuple[str, dict[str, str]]]:
    """Every page as it opens by itself, and every case on its page; the rate is another each time."""
    links = [(name_of(path), {"v": "1"}) for path in PAGES]
    links += [(case.page, case.query) if lab(case.page) else ("cases", {"v": "1", "case": case.name}) for case in casebook()]
    return [("" if page == name_of(PAGES[0]) else page, another(query)) for page, query in links]


def another(query: dict[str, str]) -> dict[str, str]:
    """A link with a rate that nobody has asked for, where it has one."""
    rate = float(query.get("learning_rate", 0.1)) * (1 + random.uniform(-AWAY, AWAY))
    return query | {"learning_rate": short(rate)}


async def visit(address: str, page: str, query: dict[str, str], seen: Seen) -> None:
    """Open a page, wait for what it works on, release its ruler if it has one, and close the window."""
    async with Visitor(address, page, seen) as visitor:
        seen.opened.append(await visitor.open(query))
        end = time.monotonic() + STAY
        while visitor.looks and time.monotonic() < end:
            await asyncio.sleep(0.2)
        if visitor.ruler is not None:
            seen.released.append(await visitor.release())


async def walk(address: str, left: list[tuple[str, dict[str, str]]], seen: Seen) -> None:
    """One visitor after the other, as long as there is a page left to visit."""
    while left:
        page, query = left.pop()
        try:
            await visit(address, page, query, seen)
        except Exception as error:  # noqa: BLE001 - each is an error of the round
            seen.errors.append(f"{page or 'step_size'}: {error!r}")


async def once(address: str, visitors: int) -> Seen:
    """A round, by that many at once."""
    seen, left = Seen(), visits()
    random.shuffle(left)
    await asyncio.gather(*(walk(address, left, seen) for _ in range(visitors)))
    return seen


COLUMNS = "minute | MB | threads | files | processes besides | their MB | visits | errors | open p50"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--visitors", type=int, default=4)
    asked = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}; the visitors are on the same machine of {os.cpu_count()} cores\n{COLUMNS}", flush=True)
    with server() as address:
        process, began, memory = serving(address), time.monotonic(), []
        while (passed := (time.monotonic() - began) / 60) < asked.minutes:
            seen = asyncio.run(once(address, asked.visitors)) if memory else Seen()
            held = Held.of(process)
            memory.append((passed, held.memory))
            counts = [held.threads, held.files, held.children, f"{held.theirs:.0f}", len(seen.opened), len(seen.errors)]
            opened = f"{statistics.median(seen.opened):.2f}" if seen.opened else "–"
            minute = (time.monotonic() - began) / 60
            print(" | ".join(map(str, (f"{minute:.1f}", f"{held.memory:.0f}", *counts, opened))), flush=True)
            for error in sorted(set(seen.errors))[:3]:
                print(f"  {error}", file=sys.stderr)
        until = time.monotonic() - began
        third, last = ([mb for at, mb in memory if share <= 60 * at / until < share + 0.25] for share in (0.5, 0.75))
        if third and last:
            print(f"last quarter over the one before: {statistics.median(last) / statistics.median(third):.3f}")


if __name__ == "__main__":
    main()
