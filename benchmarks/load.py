"""Many visitors at once: `python -m benchmarks.load [visitors ...] [--seconds 60] [--training 0] [--replicas 1 2]`.

Every visitor is a websocket that speaks Streamlit's protocol as a browser does. It opens "Step size" and releases the ruler somewhere else
every 5 to 10 s. Those who train open "Network" and ask for another rate as often, one that nobody else has asked for.

With `--replicas 1 2` one process of the app and then two stand behind the proxy of docs/deploy.md, for every number of visitors; 0 is one
without the proxy.

Goals, on two cores with the visitors on the same machine: 95 of 100 releases within 1 s and 95 of 100 visits within 4 s, with up to 200
visitors; the health check within 0.1 s; and 95 of 100 releases within 1 s beside 30 who train networks.
"""

import argparse
import asyncio
import gzip
import http.client
import json
import os
import random
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from threading import Timer
from urllib.parse import urlencode

import websockets
from streamlit.proto.AutoRerun_pb2 import AutoRerun
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.browser.conftest import ROOT, proxied, serve

PATIENCE = 120.0
"""Seconds after which what was asked for counts as an error."""

POSITIONS: dict[str, int] = {}
"""How many positions each ruler has, by where it was fetched."""

PRESETS = ("x_squared", "quadratic", "rosenbrock", "linear_regression")


@dataclass
class Seen:
    """What all visitors met, in seconds."""

    opened: list[float] = field(default_factory=list)
    released: list[float] = field(default_factory=list)
    health: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class Visitor:
    """One open page; what is no answer is noted among the errors of `seen`."""

    def __init__(self, address: str, page: str, seen: Seen) -> None:
        self.address, self.page = address.replace("http", "ws", 1) + "/_stcore/stream", page
        self.query = ""
        self.known: dict[str, ForwardMsg] = {}
        self.ruler: tuple[str, int, str] | None = None  # its widget, its epoch, and where it is to be fetched
        self.state: dict[str, str] = {}
        self.finished = asyncio.Event()
        self.errors = seen.errors
        self.looks: dict[str, asyncio.Task[None]] = {}
        self.received = 0  # bytes
        self.door = http.client.HTTPConnection(address.removeprefix("http://"), timeout=PATIENCE)
        self.kept: dict[str, bytes] = {}  # what pictures show, as a browser keeps it
        self.wanted: dict[str, str] = {}  # what each picture shows now

    async def __aenter__(self) -> "Visitor":
        self.socket = await websockets.connect(
            self.address, subprotocols=[websockets.Subprotocol("streamlit")], max_size=None, open_timeout=PATIENCE, ping_interval=None
        )
        self.reader = asyncio.create_task(self.read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.leave([*self.looks])
        self.reader.cancel()
        self.door.close()
        await self.socket.close()

    async def ask(self, fragment: str = "") -> None:
        """Ask for a run of the page, or of one fragment as its clock does."""
        message = BackMsg()
        run = message.rerun_script
        run.query_string, run.page_name, run.fragment_id, run.is_auto_rerun = self.query, self.page, fragment, bool(fragment)
        run.cached_message_hashes.extend(self.known)
        for name, value in self.state.items():
            run.widget_states.widgets.add(id=name, json_value=value)
        await self.socket.send(message.SerializeToString())

    async def run(self) -> float:
        """Run the page; return how long that took."""
        began = time.perf_counter()
        self.finished.clear()
        await self.ask()
        answer = asyncio.create_task(self.finished.wait())
        await asyncio.wait({answer, self.reader}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        answer.cancel()
        if self.reader.done():
            raise self.reader.exception() or ConnectionError("the server closed the page")
        if not self.finished.is_set():
            raise TimeoutError(f"no answer in {PATIENCE} s")
        for picture, address in [*self.wanted.items()]:
            if address not in self.kept and self.wanted[picture] == address:  # else the page has gone on
                self.kept[address] = await asyncio.to_thread(self.fetch, address)
        return time.perf_counter() - began

    def fetch(self, address: str) -> bytes:
        """Fetch what a picture shows, over the connection of before unless the server has closed that meanwhile."""
        cookies = [each.partition(";")[0] for each in self.socket.response.headers.get_all("Set-Cookie")]
        for again in (True, False):
            try:
                self.door.request("GET", f"/{address}", headers={"Accept-Encoding": "gzip", "Cookie": "; ".join(cookies)})
                answer = self.door.getresponse()
                break
            except ConnectionError:
                self.door.close()
                if not again:
                    raise
        body = answer.read()
        self.received += len(body)
        if answer.status != 200:
            raise ConnectionError(f"{answer.status} for {address}")
        return body

    def positions(self, address: str) -> int:
        """How many positions the ruler has that was fetched there."""
        if address not in POSITIONS:
            POSITIONS[address] = len(json.loads(gzip.decompress(self.kept[address]))["frames"])
        return POSITIONS[address]

    async def open(self, query: dict[str, str]) -> float:
        """Follow a link."""
        self.query = urlencode(query)
        return await self.run()

    async def release(self) -> float:
        """Release the ruler somewhere else."""
        if self.ruler is None:
            raise RuntimeError("there is no ruler on the page")
        name, epoch, address = self.ruler
        if address not in self.kept:
            self.kept[address] = await asyncio.to_thread(self.fetch, address)
        self.state[name] = json.dumps({"value": [epoch, random.randrange(self.positions(address))]})
        return await self.run()

    async def read(self) -> None:
        async for sent in self.socket:
            self.received += len(sent)
            message = ForwardMsg.FromString(sent)
            kind = message.WhichOneof("type")
            if kind == "ref_hash":
                message = self.known[message.ref_hash]
                kind = message.WhichOneof("type")
            elif message.metadata.cacheable:
                self.known[message.hash] = message
            if kind == "script_finished":
                if message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                    self.finished.set()
            elif kind == "page_info_changed":
                self.query = message.page_info_changed.query_string
            elif kind == "auto_rerun":
                self.leave([message.auto_rerun.fragment_id])
                self.looks[message.auto_rerun.fragment_id] = asyncio.create_task(self.look(message.auto_rerun))
            elif kind == "stop_auto_rerun":
                self.leave(message.stop_auto_rerun.fragment_ids)
            elif kind == "new_session" and not message.metadata.run.fragment_ids:
                self.leave([*self.looks])
            elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                self.take(message.delta.new_element)

    def leave(self, fragments: Iterable[str]) -> None:
        """Run these fragments no more."""
        for name in fragments:
            if name in self.looks:
                self.looks.pop(name).cancel()

    async def look(self, every: AutoRerun) -> None:
        """Run a fragment from time to time, as the page asks for."""
        while True:
            await asyncio.sleep(every.interval)
            await self.ask(every.fragment_id)

    def take(self, element: Element) -> None:
        """Keep the ruler, and note an error."""
        kind = element.WhichOneof("type")
        if kind == "exception" or (kind == "alert" and "mistake of its own" in element.alert.body):
            self.errors.append(element.exception.message or element.alert.body)
        if kind == "bidi_component" and element.bidi_component.component_name == "divergence_explorer.picture":
            said = json.loads(element.bidi_component.json)
            self.wanted[said["key"]] = said["content"]
            if said["key"] == "step_size:ruler":
                self.ruler = element.bidi_component.id, said["epoch"], said["content"]


@dataclass
class Visit:
    """How long a visitor stays: so many seconds, and at least so many moves, with pauses of 5 to 10 s times the `pace`."""

    seconds: float
    least: int = 0
    pace: float = 1.0

    def __post_init__(self) -> None:
        self.until = time.monotonic() + self.seconds

    def goes_on(self, moves: int) -> bool:
        return moves < self.least or time.monotonic() < self.until

    async def comes(self) -> None:
        await asyncio.sleep(self.pace * random.uniform(0, 7.5))

    async def pauses(self) -> None:
        await asyncio.sleep(self.pace * random.uniform(5, 10))


async def drags(address: str, seen: Seen, visit: Visit) -> None:
    """One who looks at "Step size" and releases its ruler now and then."""
    await visit.comes()
    async with Visitor(address, "", seen) as visitor:
        seen.opened.append(await visitor.open({"v": "1", "loss": random.choice(PRESETS)}))
        moves = 0
        while visit.goes_on(moves):
            await visit.pauses()
            seen.released.append(await visitor.release())
            moves += 1


async def trains(address: str, seen: Seen, visit: Visit) -> None:
    """One who trains networks, each at a rate that was never tried before."""
    await visit.comes()
    async with Visitor(address, "network", seen) as visitor:
        moves = 0
        while visit.goes_on(moves):
            rate = f"{random.uniform(0.1, 0.9):.6f}"
            await visitor.open(
                {"v": "1", "loss": "network", "learning_rate": rate, "steps": "2000", "loss.seed": str(random.randrange(10**6))}
            )
            moves += 1
            await visit.pauses()


async def checks(address: str, seen: Seen, visit: Visit) -> None:
    """The health check, once a second."""

    def once() -> float:
        began = time.perf_counter()
        urllib.request.urlopen(f"{address}/_stcore/health", timeout=PATIENCE).close()
        return time.perf_counter() - began

    while visit.goes_on(len(seen.health)):
        seen.health.append(await asyncio.to_thread(once))
        await asyncio.sleep(1)


async def crowd(address: str, visitors: int, visit: Visit, training: int = 0) -> Seen:
    """That many at once; who fails is an error."""
    seen = Seen()
    people = [drags] * visitors + [trains] * training + [checks]
    for end in await asyncio.gather(*(each(address, seen, visit) for each in people), return_exceptions=True):
        if isinstance(end, BaseException):
            seen.errors.append(repr(end))
    return seen


@dataclass(frozen=True)
class Usage:
    """What processes have used: seconds of processors, and MB of memory."""

    cpu: float
    memory: float

    @classmethod
    def of(cls, pids: Iterable[int]) -> "Usage":
        """Read it from /proc, as Linux has it, of several together."""
        fields = [Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split() for pid in pids]
        ticks, pages = (sum(int(each[at]) for each in fields for at in places) for places in ((11, 12), (21,)))
        return cls(ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE") / 1e6)


def serving(address: str) -> int:
    """The process that listens there."""
    port = f"STREAMLIT_SERVER_PORT={address.rsplit(':', 1)[1]}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = ((folder / name).read_bytes().split(b"\0") for name in ("cmdline", "environ"))
        except OSError:
            continue
        if b"streamlit" in command and port in environment:
            return int(folder.name)
    raise LookupError(f"nobody listens at {address}")


@contextmanager
def server() -> Iterator[str]:
    """An app of its own, whose first visitor has come and gone."""
    with tempfile.TemporaryDirectory() as folder, serve(ROOT / "app.py", Path(folder)) as address:
        asyncio.run(crowd(address, 1, Visit(0, least=1, pace=0)))
        yield address


@contextmanager
def site(replicas: int) -> Iterator[tuple[str, list[int]]]:
    """An address, and the processes of the app there: that many behind the proxy, or one without it."""
    with ExitStack() as stack:
        addresses = [stack.enter_context(server()) for _ in range(max(replicas, 1))]
        address = (
            stack.enter_context(proxied(addresses, Path(stack.enter_context(tempfile.TemporaryDirectory())))) if replicas else addresses[0]
        )
        yield address, [serving(each) for each in addresses]


def share(times: list[float], of: float) -> str:
    """A quantile, in seconds."""
    return f"{statistics.quantiles(times, n=100, method='inclusive')[round(100 * of) - 1]:.2f}" if len(times) > 1 else "–"


COLUMNS = "load | replicas | visitors | training | open p50 | open p95 | release p50 | release p95 | health max"
COLUMNS += " | releases | errors | CPU a release | MB: before, half way, at the end, later"


def line(address: str, processes: list[int], visitors: int, seconds: float, training: int, rest: float) -> tuple[list[str], Seen]:
    """A row of the table: that many visitors, for this long; memory before, half way, at the end, and `rest` seconds after it."""
    used = [Usage.of(processes)]
    half_way = Timer(seconds / 2, lambda: used.append(Usage.of(processes)))
    half_way.start()
    seen = asyncio.run(crowd(address, visitors, Visit(seconds), training))
    half_way.join()
    used.append(Usage.of(processes))
    each = (used[-1].cpu - used[0].cpu) / max(len(seen.released), 1)
    if rest:
        time.sleep(rest)
        used.append(Usage.of(processes))
    times = [share(seen.opened, 0.5), share(seen.opened, 0.95), share(seen.released, 0.5), share(seen.released, 0.95)]
    counts = [str(len(seen.released)), str(len(seen.errors)), f"{1e3 * each:.0f} ms", ", ".join(f"{each.memory:.0f}" for each in used)]
    return [str(visitors), str(training), *times, f"{max(seen.health):.2f}", *counts], seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("visitors", type=int, nargs="*", default=[1, 20, 50, 100, 200])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--training", type=int, default=0, help="how many more train networks meanwhile")
    parser.add_argument("--replicas", type=int, nargs="+", default=[0], help="processes behind the proxy; 0: one, without it")
    parser.add_argument("--rest", type=float, default=0.0, help="seconds after the last visitor has left, for one more look at the memory")
    asked = parser.parse_args()
    print(f"seconds; the visitors are on the same machine of {os.cpu_count()} cores")
    print(COLUMNS)
    for visitors, replicas in product(asked.visitors, asked.replicas):
        with site(replicas) as (address, processes):
            load = os.getloadavg()[0]
            cells, seen = line(address, processes, visitors, asked.seconds, asked.training, asked.rest)
        print(" | ".join([f"{load:.1f}", str(replicas), *cells]), flush=True)
        for error in sorted(set(seen.errors))[:3]:
            print(f"  {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
