"""A hall that bets: `python -m benchmarks.hall [--students 1000] [--seconds 10] [--flood 100000]`.

One process of the app, and on the same machine that many simulated phones in one room. Each opens the page of the room, bets within these
seconds, one of ten changes the bet, and each asks every three to five seconds whether the room has changed, as the page's script does. The
page before the hall asks once a second, and a visitor releases the ruler of "Step size" again and again, first alone and then beside the
class. Then the round is revealed, and every phone fetches the result.

With `--flood` that many more bets, each of another phone, then arrive from one address. Goals, on two cores: 95 of 100 bets are answered
within 0.3 s, none is lost, the lecturer's page shows all within 2 s, and the visitor's releases take as long as alone.
"""

import argparse
import asyncio
import json
import os
import random
import re
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from benchmarks.load import Seen, Usage, Visitor, serving
from tests.browser.conftest import ROOT, serve

RAVINE = "/room?v=1&loss=ravine&learning_rate=0.1"


class Phone:
    """One connection that is kept open, and one cookie."""

    def __init__(self, address: str) -> None:
        self.host, self.port = urlsplit(address).hostname or "", urlsplit(address).port
        self.cookies: dict[str, str] = {}
        self.reader: asyncio.StreamReader | None = None

    async def ask(self, path: str, fields: dict[str, object] | None = None) -> tuple[int, dict[str, str], str]:
        """Send a request, and return the status, the headers and the body; once more where the server has closed the connection."""
        for attempt in range(2):
            try:
                if self.reader is None:
                    self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
                return await self._ask(path, fields)
            except (ConnectionError, asyncio.IncompleteReadError):
                self.reader = None
                if attempt:
                    raise
        raise AssertionError

    async def _ask(self, path: str, fields: dict[str, object] | None) -> tuple[int, dict[str, str], str]:
        assert self.reader
        body = "" if fields is None else urlencode(fields)
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        head = [
            f"{'GET' if fields is None else 'POST'} {path} HTTP/1.1",
            f"host: {self.host}",
            f"cookie: {cookie}",
            "accept: application/json",
        ]
        self.writer.write("\r\n".join([*head, f"content-length: {len(body)}", "", body]).encode())
        await self.writer.drain()
        first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        for name, value in re.findall(r"^([\w-]+)=([^;]*)", headers.get("set-cookie", "")):
            self.cookies[name] = value
        return int(first.split()[1]), headers, (await self.reader.readexactly(int(headers.get("content-length", 0)))).decode()

    def close(self) -> None:
        if self.reader is not None:
            self.writer.close()


@dataclass
class Lesson:
    """What all who were in the room met, in seconds, and how they were answered."""

    address: str
    code: str
    seconds: float
    begins: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    times: dict[str, list[float]] = field(default_factory=lambda: {each: [] for each in ("page", "bet", "look", "result")})
    statuses: Counter[int] = field(default_factory=Counter)
    last: float = 0.0

    async def timed(self, what: str, phone: Phone, path: str, fields: dict[str, object] | None = None) -> None:
        """Ask, and note how long the answer took and what it was."""
        began = time.perf_counter()
        status, _, _ = await phone.ask(f"/room/{self.code}{path}", fields)
        self.times[what].append(time.perf_counter() - began)
        self.statuses[status] += 1

    async def studies(self, number: int) -> None:
        """One phone, from the door to the result."""
        phone, turn = Phone(self.address), asyncio.Lock()  # its one connection

        async def looks() -> None:
            while not await happens(self.over, random.uniform(3, 5)):
                async with turn:
                    await self.timed("look", phone, "/state")

        await asyncio.sleep(random.uniform(0, self.seconds))
        await self.timed("page", phone, "")
        looking = asyncio.create_task(looks())
        await self.begins.wait()
        for attempt in range(1, 2 + (number % 10 == 0)):
            await asyncio.sleep(random.uniform(0, self.seconds / (1 + (number % 10 == 0))))
            bet = {"round": 1, "turn": attempt, "rate": f"{10 ** random.uniform(-0.9, 1.9):.3g}", "nickname": f"student {number}"}
            async with turn:
                await self.timed("bet", phone, "/bet", bet)
            self.last = max(self.last, time.perf_counter())
        await looking
        await asyncio.sleep(random.uniform(0, 1.5))  # as the script does, not the whole hall at once
        await self.timed("result", phone, "")
        phone.close()


async def happens(event: asyncio.Event, within: float) -> bool:
    """Whether it is set within these seconds."""
    try:
        await asyncio.wait_for(event.wait(), within)
    except TimeoutError:
        return False
    return True


async def opened(address: str) -> tuple[Phone, str]:
    """Return who leads a new room, and its code."""
    lecturer = Phone(address)
    await lecturer.ask(RAVINE, {})
    return lecturer, next(name for name in lecturer.cookies if name.startswith("leads-")).removeprefix("leads-")


async def counts(lecturer: Phone, code: str, wanted: int, patience: float) -> tuple[int, float]:
    """Ask once a second, as the page before the hall does, how many have bet: until it is that many; return how many, and when."""
    until = time.perf_counter() + patience
    while True:
        count = json.loads((await lecturer.ask(f"/room/{code}/lead/state"))[2])["count"]
        if count >= wanted or time.perf_counter() > until:
            return count, time.perf_counter()
        await asyncio.sleep(1)


async def releases(address: str, until: asyncio.Event) -> list[float]:
    """One who looks at "Step size" and releases its ruler twice a second."""
    seen, times = Seen(), []
    async with Visitor(address, "", seen) as visitor:
        await visitor.open({"v": "1", "loss": "quadratic"})
        await visitor.release()
        while not times or not until.is_set():
            times.append(await visitor.release())
            await asyncio.sleep(0.5)
    assert not seen.errors, seen.errors
    return times


async def controls(address: str, until: asyncio.Event) -> list[float]:
    """What an answer takes that costs nothing, five times a second: so much is the machine's."""
    phone, times = Phone(address), []
    while not await happens(until, 0.2):
        began = time.perf_counter()
        await phone.ask("/_stcore/health")
        times.append(time.perf_counter() - began)
    return times


async def alone(address: str, seconds: float) -> list[float]:
    over = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, over.set)
    return await releases(address, over)


async def flooded(address: str, count: int) -> Counter[int]:
    """How that many bets of one address, each of another phone, are answered."""
    _, code = await opened(address)
    statuses: Counter[int] = Counter()

    async def sends(numbers: Iterable[int]) -> None:
        phone = Phone(address)
        for number in numbers:
            phone.cookies = {"bets": str(number)}
            statuses[(await phone.ask(f"/room/{code}/bet", {"round": 1, "turn": 1, "rate": 1}))[0]] += 1
        phone.close()

    await asyncio.gather(*(sends(range(start, count, 20)) for start in range(20)))
    return statuses


def quantiles(times: list[float]) -> str:
    """The median, 95 of 100, and the longest, in milliseconds."""
    return " | ".join(
        f"{1000 * each:.0f}" for each in (statistics.median(times), statistics.quantiles(times, n=20, method="inclusive")[-1], max(times))
    )


async def measure(address: str, process: int, students: int, seconds: float) -> None:
    """Print what the class and the visitor met."""
    await alone(address, 1)  # who comes first waits for what is imported then
    by_himself = await alone(address, seconds)
    lecturer, code = await opened(address)
    lesson = Lesson(address, code, seconds)
    class_ = [asyncio.create_task(lesson.studies(number)) for number in range(students)]
    await asyncio.sleep(seconds + 5)
    beside = asyncio.create_task(alone(address, seconds))
    empty = asyncio.create_task(controls(address, lesson.over))
    before, began = Usage.of([process]), time.perf_counter()
    lesson.begins.set()
    count, seen = await counts(lecturer, code, students, 60)
    after, took = Usage.of([process]), time.perf_counter() - began
    times = await beside
    await lecturer.ask(f"/room/{code}/lead", {"do": "reveal", "round": 1})
    lesson.over.set()
    await asyncio.gather(*class_)
    print("ms | median | 95 of 100 | longest")
    for what, each in {**lesson.times, "nothing": await empty, "release alone": by_himself, "release beside the class": times}.items():
        print(f"{what} ({len(each)}) | {quantiles(each)}")
    print(f"{count} of {students} counted, {max(seen - lesson.last, 0):.2f} s after the last answer; by status: {dict(lesson.statuses)}")
    print(f"the server used {(after.cpu - before.cpu) / took:.0%} of a core while they bet, and {after.memory:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--flood", type=int, default=0, help="how many bets arrive from one address afterwards")
    asked = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; the phones are on the same machine", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["EXPLORER_ROOMS"] = folder
        with serve(ROOT / "app.py", Path(folder)) as address:
            asyncio.run(measure(address, serving(address), asked.students, asked.seconds))
            if asked.flood:
                began = time.perf_counter()
                statuses = asyncio.run(flooded(address, asked.flood))
                print(f"{asked.flood:,} bets of one address in {time.perf_counter() - began:.0f} s; answers by status: {dict(statuses)}")


if __name__ == "__main__":
    main()
