"""The pieces of compose.yaml as plain processes: replicas behind the proxy of Caddyfile, and a cluster. Some of them die."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import loky
import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from explorer import Setup
from explorer.core.ground import workers
from explorer.core.ground.workers import Cluster
from explorer.core.maps import render as rendering
from explorer.core.maps.canvas import Canvas
from explorer.core.maps.map import Axis, Map
from explorer.core.maps.render import render
from tests.browser.conftest import PATIENCE, ROOT, at, free, healthy, proxied, running, streamlit
from tests.browser.waiting import settle

Process = subprocess.Popen[bytes]
CONNECTED = "(state) => document.querySelector('[data-testid=stApp]').dataset.testConnectionState {} 'CONNECTED'"


def need(found: object, what: str) -> None:
    """Skip the test where something is missing; in CI that is a failure."""
    if not found:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(what)


# ---- replicas


@contextlib.contextmanager
def replica(name: str, port: int, folder: Path) -> Iterator[Process]:
    """A process of the app, whose answers say its name."""
    said, log = f"https://{name}.test", folder / f"{name}.log"
    with running(
        streamlit(ROOT / "app.py"), lambda: healthy(f"http://127.0.0.1:{port}"), log, **at(port), EXPLORER_FRAME_ANCESTORS=said
    ) as process:
        yield process


def named(headers: dict[str, str]) -> str:
    """The name of the replica that gave this answer."""
    return headers["content-security-policy"].rsplit("https://", 1)[1].removesuffix(".test")


def newcomer(site: str) -> str:
    """The replica of one who has no cookie yet."""
    with urllib.request.urlopen(f"{site}/_stcore/health", timeout=PATIENCE) as answer:
        return named({name.lower(): value for name, value in answer.headers.items()})


def whose(context: BrowserContext, site: str) -> str:
    """The one replica that all requests of this visitor reach."""
    names = {named(context.request.get(f"{site}/_stcore/health").headers) for _ in range(8)}
    assert len(names) == 1
    return names.pop()


def seen(page: Page) -> tuple[str, str, str]:
    """What the visitor has before them, at rest: the link, the words, and where the ruler stands."""
    settle(page)
    dial = page.get_by_role("slider", name="Learning rate")
    return page.url, page.locator(".picture-sentence").first.inner_text(), dial.input_value()


def turn(page: Page, key: str) -> None:
    """Move the ruler, until the server has written the link of that."""
    before = page.url
    page.get_by_role("slider", name="Learning rate").press(key)
    page.wait_for_url(lambda url: url != before)


def test_a_visitor_whose_replica_dies_sees_the_same_run_at_another_one(browser: Browser, tmp_path: Path) -> None:
    """The page finds it by itself, and by a reload; and the other way round, once the first one is back."""
    need(shutil.which("caddy"), "caddy is not on the PATH")
    ports = {"anna": free(), "ben": free()}
    with contextlib.ExitStack() as stack:

        def begin(name: str) -> Process:
            return stack.enter_context(replica(name, ports[name], tmp_path))

        with ThreadPoolExecutor(2) as both:
            living = dict(zip(ports, both.map(begin, ports), strict=True))
        site = stack.enter_context(proxied([f"http://127.0.0.1:{port}" for port in ports.values()], tmp_path))
        assert {newcomer(site) for _ in range(64)} == set(ports)

        context = stack.enter_context(contextlib.closing(browser.new_context()))
        context.set_default_timeout(1000 * PATIENCE)
        page, sockets = context.new_page(), []
        page.on("websocket", lambda socket: sockets.append(socket))
        page.goto(f"{site}/?v=1&loss=x_squared&learning_rate=0.9&start=1")
        settle(page)
        first = whose(context, site)
        for key in ("PageUp", "ArrowLeft"):
            here = whose(context, site)
            turn(page, key)
            before = seen(page)
            living[here].kill()
            page.wait_for_function(CONNECTED.format("!=="))
            page.wait_for_function(CONNECTED.format("==="))
            assert whose(context, site) != here
            assert seen(page) == before
            with sockets[-1].expect_event("framereceived"):  # the other one, which hears of this visitor for the first time, shows the link
                page.get_by_role("slider", name="Learning rate").press("End")
            page.wait_for_function("(words) => document.querySelector('.picture-sentence').innerText === words", arg=before[1])
            assert seen(page) == before
            turn(page, key)
            before = seen(page)
            page.reload()
            assert seen(page) == before
            living[here] = begin(here)
            there = whose(context, site)
            assert there != here, "what was uploaded there would be lost"
        assert there == first


# ---- a cluster


INSIDE = "--host 127.0.0.1 --dashboard-address 127.0.0.1:0"
"""What keeps to this machine what runs the code that is sent to it."""


def dask(part: str, *options: str) -> list[str]:
    return [sys.executable, "-m", "dask", part, *options, *INSIDE.split()]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, Process, list[Process]]]:
    """The address of a scheduler, its process, and two workers."""
    need(find_spec("distributed"), "the extra `cluster` is not installed")
    port = free()
    address, log = f"tcp://127.0.0.1:{port}", tmp_path / "scheduler.log"
    with contextlib.ExitStack() as stack:

        def begin(command: list[str], log: Path, ready: str) -> Process:
            return stack.enter_context(running(command, lambda: log.exists() and ready in log.read_text(), log))

        scheduler = begin(dask("scheduler", "--port", str(port)), log, "Scheduler at")
        options = (address, "--nthreads", "1", "--no-nanny", "--local-directory", str(tmp_path))
        with ThreadPoolExecutor(2) as both:
            hands = both.map(lambda name: begin(dask("worker", *options), tmp_path / f"{name}.log", "Registered to"), "ab")
            yield address, scheduler, list(hands)


def listened_at(pid: int) -> set[str]:
    """The addresses at which a process listens, as Linux writes them."""
    sockets = {str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir()}
    rows = [line.split() for kind in ("tcp", "tcp6") for line in Path(f"/proc/{pid}/net/{kind}").read_text().splitlines()[1:]]
    return {row[1].partition(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says at which address a process listens")
def test_nobody_else_reaches_what_runs_the_code_that_is_sent_to_it(cluster: tuple[str, Process, list[Process]]) -> None:
    _, scheduler, hands = cluster
    assert [listened_at(each.pid) for each in (scheduler, *hands)] == [{"0100007F"}] * 3, "127.0.0.1"
    told = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8").splitlines()
    commands = [line for line in told if line.startswith((".venv/bin/dask", "nice"))]
    assert [INSIDE in line for line in commands] == [True, True]


def whole(plan: Map, at: float = 1.0, then: Callable[[], None] = lambda: None) -> Canvas:
    """Render a map; once this share of it is done, something happens."""
    canvas, waits = Canvas.blank(plan), True
    for share in render(plan, canvas):
        if waits and share >= at:
            then()
            waits = False
    assert canvas.done.all()
    return canvas


def test_a_map_is_whole_whichever_part_of_the_cluster_dies(
    cluster: tuple[str, Process, list[Process]], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A worker first, then the scheduler, both in the middle of a map; then there is none, which the log says once."""
    address, scheduler, hands = cluster
    setup = Setup("random_network", steps=50, knobs={"loss.examples": 4})
    plan = Map(setup, *(Axis(f"rate.{layer}", 0.1, 1e4, log=True, count=48) for layer in ("W1", "W2")))
    alone = whole(plan).codes

    asks = "from explorer.core.ground.workers import processes; import os; print(processes().submit(os.getpid).result())"
    told = subprocess.run([sys.executable, "-c", asks], cwd=ROOT, env=os.environ | {"EXPLORER_SCHEDULER": address}, capture_output=True)
    assert int(told.stdout) in {hand.pid for hand in hands}

    monkeypatch.setattr(rendering, "LONG", 0.0)
    monkeypatch.setattr(rendering, "COARSE", 8)
    monkeypatch.setattr(rendering.Pace, "tile", lambda *_: 64)
    monkeypatch.setattr(workers, "CLUSTER", Cluster(address))
    with monkeypatch.context() as without:
        without.setattr(loky, "get_reusable_executor", lambda **_: pytest.fail("the cluster is enough"))
        np.testing.assert_array_equal(whole(plan, 0.2, hands[0].kill).codes, alone)
    with caplog.at_level(logging.WARNING, "explorer"):
        np.testing.assert_array_equal(whole(plan, 0.2, scheduler.kill).codes, alone)
        np.testing.assert_array_equal(whole(plan).codes, alone)
    [said] = [record.message for record in caplog.records if record.name == "explorer"]
    assert said.startswith(f"There is no cluster at {address}")


def test_no_job_waits_for_a_scheduler_that_died_while_it_was_handed_over(
    cluster: tuple[str, Process, list[Process]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dask takes back what it knows to be lost, and once only: what comes a moment later waited for ever, and a map with it."""
    address, scheduler, _ = cluster
    pool = workers.Workers(address)

    async def forgotten() -> None:
        pass

    monkeypatch.setattr(pool._client, "_reconnect", forgotten)
    jobs = [pool.submit(time.sleep, 600) for _ in range(3)]
    scheduler.kill()
    for job in jobs:
        with pytest.raises(BrokenExecutor, match="connection to the scheduler is lost"):
            job.result(PATIENCE)
    with pytest.raises(BrokenExecutor):
        pool.submit(pow, 2, 10)
