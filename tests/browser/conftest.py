"""A running app and a real Chromium; a page whose console must stay silent."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright

ROOT = Path(__file__).parents[2]
NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic"]
ARGUMENTS += ["--no-first-run", "--disable-component-update", "--disable-sync"]
ARGUMENTS += ["--process-per-site"]  # all pages of a context and a server share one: see `keeper`
WIDE: ViewportSize = {"width": 1440, "height": 900}
MEDIA = ("color_scheme", "reduced_motion", "forced_colors")

PATIENCE = 120.0
"""Seconds until what a test waits for counts as missing. Nothing waits for a time: a slow machine is no failure."""

expect.set_options(timeout=1000 * PATIENCE)

collect_ignore = ["picture_demo.py", "picture_app.py"]  # Streamlit scripts: importing one runs it


def free() -> int:
    """A port that nobody listens at."""
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return int(any_port.getsockname()[1])


@contextlib.contextmanager
def running(
    command: list[str], ready: Callable[[], bool], printed: Path, cwd: Path = ROOT, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ready, ended afterwards; what it printed goes to a file, and into the failure."""
    with printed.open("a") as log:
        process = subprocess.Popen(command, cwd=cwd, stdout=log, stderr=subprocess.STDOUT, env=os.environ | environment)
        try:
            deadline = time.monotonic() + PATIENCE
            while not ready():
                if process.poll() is not None or time.monotonic() > deadline:
                    what = f"ended with code {process.returncode}" if process.poll() is not None else f"is not ready after {PATIENCE} s"
                    pytest.fail(f"`{' '.join(command)}` {what}; it printed:\n{printed.read_text()}")
                time.sleep(0.1)
            yield process
        finally:
            process.terminate()
            process.wait(PATIENCE)


def streamlit(app: Path) -> list[str]:
    """The command that runs an application; `at` says where."""
    return [sys.executable, "-m", "streamlit", "run", str(app)]


def at(port: int) -> dict[str, str]:
    """The environment in which an app is served at a port of this machine."""
    return {"STREAMLIT_SERVER_PORT": str(port), "STREAMLIT_SERVER_ADDRESS": "127.0.0.1", "STREAMLIT_SERVER_HEADLESS": "true"}


@contextlib.contextmanager
def answering(command: list[str], folder: Path, cwd: Path = ROOT) -> Iterator[str]:
    """The address of the app that a command starts."""
    port = free()
    address = f"http://127.0.0.1:{port}"
    with running(command, lambda: healthy(address), folder / f"{Path(command[-1]).stem}.log", cwd, **at(port)):
        yield address


def serve(app: Path, folder: Path) -> contextlib.AbstractContextManager[str]:
    """The address of `streamlit run app`."""
    return answering(streamlit(app), folder)


@contextlib.contextmanager
def proxied(replicas: list[str], folder: Path) -> Iterator[str]:
    """The address of the proxy that `Caddyfile` describes, before replicas at these addresses."""
    port = free()
    address, places = f"http://127.0.0.1:{port}", " ".join(each.removeprefix("http://") for each in replicas)
    command = ["caddy", "run", "--config", str(ROOT / "Caddyfile"), "--adapter", "caddyfile"]
    site = {"EXPLORER_SITE": f":{port}", "EXPLORER_REPLICAS": f"to {places}", "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with running(command, lambda: healthy(address), folder / "caddy.log", **site):
        yield address


def healthy(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=10) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], str]]:
    """`start(path)` runs an application until the end of the session and returns its address."""
    with contextlib.ExitStack() as stack:
        yield lambda app: stack.enter_context(serve(app, tmp_path_factory.mktemp("server")))


@pytest.fixture(scope="session")
def server(start: Callable[[Path], str]) -> str:
    """The address of the running application."""
    return start(ROOT / "app.py")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; without one the tests are skipped, except in CI."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no browser: none of {', '.join(NAMES)} is on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS, timeout=1000 * PATIENCE)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def contexts(browser: Browser) -> Callable[..., BrowserContext]:
    """`contexts(**options)` is the context with these options, one for all tests: its cache has what all pages load."""

    made: dict[str, BrowserContext] = {}

    def context(**options: Any) -> BrowserContext:
        if repr(options) not in made:
            made[repr(options)] = browser.new_context(viewport=WIDE, **options)
            made[repr(options)].set_default_timeout(1000 * PATIENCE)
        return made[repr(options)]

    return context


@pytest.fixture(scope="session")
def keeper() -> Callable[[BrowserContext, str], Page]:
    """`keeper(context, url)` is an empty page of that server, which stays open, so that its process never ends.

    Each new process would compile Streamlit and Plotly again: more than a third of the work of opening a page.
    """

    @functools.cache
    def stays(context: BrowserContext, origin: str) -> Page:
        page = context.new_page()
        page.route("**", lambda route: route.fulfill(content_type="text/html", body=""))
        page.goto(origin)
        return page

    return lambda context, url: stays(context, "/".join(url.split("/")[:3]))


@pytest.fixture
def visit(contexts: Callable[..., BrowserContext], keeper: Callable[[BrowserContext, str], Page]) -> Iterator[Callable[..., Page]]:
    """`visit(url, ignore=None, before=None, inside="", viewport=WIDE, **options)` opens a page; an error on its console fails the test.

    `ignore` is a text that an expected error holds; `before(page)` may listen or route before the page loads; `inside` is the address of a
    frame in it. The options are those of a context, which a page has by itself where it can. What tests before had the browser remember,
    as whether the sidebar is open, is forgotten.
    """
    errors: list[str] = []
    pages = []
    forgotten = set()

    def open_page(
        url: str = "about:blank",
        *,
        ignore: str | None = None,
        before: Callable[[Page], Any] | None = None,
        inside: str = "",
        viewport: ViewportSize = WIDE,
        **options: Any,
    ) -> Page:
        def note(text: str) -> None:
            if ignore is None or ignore not in text:
                errors.append(text)

        media = {name: options.pop(name) for name in MEDIA if name in options}
        context = contexts(**options)
        for kept in (url, inside):
            if kept.startswith("http://127.0.0.1:"):
                empty = keeper(context, kept)
                if empty not in forgotten:
                    empty.evaluate("localStorage.clear()")
                    forgotten.add(empty)
        page = context.new_page()
        pages.append(page)
        page.set_viewport_size(viewport)
        page.emulate_media(**media)
        page.on("console", lambda message: note(f"{message.text} ({message.location['url']})") if message.type == "error" else None)
        page.on("pageerror", lambda error: note(str(error)))
        if before:
            before(page)
        page.goto(url)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert errors == []


@pytest.fixture
def page(visit: Callable[..., Page]) -> Page:
    """An empty wide page whose console must stay silent."""
    return visit()
