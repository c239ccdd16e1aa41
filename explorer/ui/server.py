"""The application: Streamlit's pages, plus Plotly's own JavaScript served once over HTTP.

`streamlit run app.py` starts it from a checkout, the command `divergence-explorer` wherever it is installed (`explorer/ui/app.py`); the
settings of both are in `explorer/ui/.streamlit/config.toml`. JavaScript, Plotly's and that of components, travels compressed, once, and is
then kept by the browser (`explorer/site/module.py`).
"""

import asyncio
import contextlib
import ctypes
import functools
import gc
import html
import importlib
import logging
import os
import pkgutil
import re
import secrets
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pandas as pd  # noqa: F401 - before there are threads: Plotly takes a pandas that another thread is still importing for whole
import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.runtime.pages_manager import PagesManager

from explorer.hall.routes import PREFIX, forget, routes
from explorer.site.content import CODE, CONTENTS, PLOTLY, PLOTLY_IN_SPACE, known
from explorer.site.mark import ICON
from explorer.site.module import MODULES, Code
from explorer.ui.turns import turn

# `main.py` declares the pages. Streamlit learns that only when it first runs it: until then a link to a page would
# open the file by itself, without the navigation and the wide layout.
PagesManager.uses_pages_directory = False

COLLECT_EVERY = 60
"""Seconds between two full collections of garbage, each in the next moment without a run; then free memory is given back. Streamlit's own
after every run, switched off in its configuration, stops all visitors for 0.15 s, most of it for modules and functions that stay anyway."""


@asynccontextmanager
async def tidy(app: st.App) -> AsyncIterator[None]:
    """Import early what pages need, take it out of the collector's sight, and collect garbage and old rooms now and then."""

    async def keep() -> None:
        await asyncio.to_thread(prepare)
        while True:
            await asyncio.sleep(COLLECT_EVERY)
            for _ in range(10 * COLLECT_EVERY):
                if not any(thread.name == "ScriptRunner.scriptThread" for thread in threading.enumerate()):
                    break
                await asyncio.sleep(0.1)
            gc.collect()
            await asyncio.to_thread(give_back)
            await forget()

    task = asyncio.create_task(keep())
    yield
    task.cancel()


def prepare() -> None:
    """Import what the first visitors would wait for; real data last."""
    floors = [importlib.import_module(f"explorer.{floor}") for floor in ("core", "figures", "site", "hall")]
    rooms = [each.name for floor in floors for each in pkgutil.walk_packages(floor.__path__, f"{floor.__name__}.")]
    for name in (*rooms, "scipy.special", "scipy.linalg", "scipy.ndimage", "sklearn.datasets"):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def give_back() -> None:
    """Give free memory back to the system, which GNU's C library keeps."""
    with contextlib.suppress(AttributeError, OSError, TypeError):  # another library has no such function
        ctypes.CDLL(None).malloc_trim(0)


def share_one_heap() -> None:
    """Let all threads take memory from the same heap: each with its own keeps what is free there, and every visitor has threads."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


M_ARENA_MAX = -8  # its number in GNU's `malloc.h`


def take_many_connections() -> None:
    """Take as many open files as the system gives: a hall of phones has a connection each, and most systems begin with a thousand."""
    with contextlib.suppress(ImportError, OSError, ValueError):  # no such module on Windows
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


share_one_heap()  # before there are any threads
take_many_connections()


def report(error: Exception) -> bool:
    """Say that a page failed by a number under which the log has the error; no visitor reads a traceback."""
    number = secrets.token_hex(3)
    logging.getLogger("explorer").error("Number %s: %r", number, error)
    st.error(
        f"This page ran into a mistake of its own, number {number}. What you set is in the address: go back in your browser, or turn"
        " something else. Please report the number with the address.",
        icon=":material/error:",
    )
    return True


FRAMED_BY = os.environ.get("EXPLORER_FRAME_ANCESTORS", "'self'")
"""The sites that may show the app within a page of their own, as `frame-ancestors` lists them: a lecturer's, say."""

POLICY = {
    "default-src": "'self'",
    # Streamlit's own first script, and those of components, are inline; what drives a browser, as the tests do, evaluates conditions.
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval' blob:",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' ws://{host} wss://{host} data: blob:",  # not every browser takes 'self' to mean a socket of the same host too
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "frame-ancestors": FRAMED_BY,
}
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # a link says what somebody computes
    "content-security-policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
}
HOST = re.compile(r"[\w.:\[\]-]++")  # what a request may call this server for that to stand in a header


class Headers:
    """Gives every answer the headers that keep a page from loading anything of others, and closes what only its server should read."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Adds them, and to every page what it will need."""
        called = next((value.decode("latin-1") for name, value in scope.get("headers", ()) if name == b"host"), "")
        host = called if HOST.fullmatch(called) else "localhost"

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = message.get("headers", ())
                html = any(name == b"content-type" and value.startswith(b"text/html") for name, value in own)
                plots = html and PREFIX not in scope["path"]  # a room has no plot
                added = HEADERS | {"link": early()} if plots else HEADERS
                message["headers"] = [*own, *((name.encode(), value.replace("{host}", host).encode()) for name, value in added.items())]
            await send(message)

        if scope["type"] == "http" and scope["path"].endswith("/_stcore/metrics"):
            await PlainTextResponse("Not found", 404)(scope, receive, with_headers)
        elif scope["type"] == "http" and f"{PREFIX}/" in scope["path"]:  # no files, so no way out; Streamlit says "Bad Request" and no more
            await self.app({**scope, "path": scope["path"].replace("\0", "").replace("..", "")}, receive, with_headers)
        else:
            await self.app(scope, receive, with_headers if scope["type"] == "http" else send)


UNSEEN = '<style>:root:not([data-watched]) :is(.stMain, [data-testid="stSidebar"]) * { visibility: hidden !important; }</style>'
"""Shows nothing of a page until `prediction.js` watches it: Streamlit shows answers before any style or script of a page."""

UNFRAMED = """<style>:root:not([data-framed]) #root * { visibility: hidden !important; }
:root:not([data-framed]) { color-scheme: light dark; background: Canvas; }
:root:not([data-framed])::after { content: "Loading …"; position: fixed; inset: 0; display: grid; place-content: center; color: GrayText;
  font: 1rem "Segoe UI", sans-serif; }</style><noscript><style>:root::after { display: none !important; }</style></noscript>"""
"""Shows nothing of a page in a frame until `beginning.js` says that its picture is there."""

UNSCRIPTED = """<noscript><style>body > noscript:first-of-type { display: none; }
body { max-width: 36em; margin: 15vh auto; padding: 0 1em; font: 18px/1.5 "Segoe UI", sans-serif; }</style>
<h1>Divergence Explorer</h1><p>It shows, for any loss and any optimizer, where the learning rate stops working, what happens there, and why.
Your browser must allow scripts for that. Without them you can still bet with a class, in <a href="room">a room</a> whose code you were
given.</p></noscript>"""
"""Is read instead of Streamlit's own words where a browser runs no scripts."""

BEGINNING = f"<script>{Path(__file__).with_name('beginning.js').read_text('utf-8')}</script>"  # runs before Streamlit's own scripts

NOWHERE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>No such page · Divergence Explorer</title>{icon}<style>:root {{ color-scheme: light dark; font: 18px/1.5 "Segoe UI", sans-serif }}
body {{ max-width: 36em; margin: 15vh auto; padding: 0 1em }} a {{ color: light-dark(#0072B2, #56B4E9) }}</style>
<main><h1>There is no page {path}</h1>
<p>Perhaps its link was cut or mistyped. <a href="{home}">The first page</a> leads to all others.</p></main>"""

OTHERS = (PREFIX.strip("/"), "_stcore/", "assets/", "component/", "media/")
"""Where paths begin that are no page's and are answered as they are."""


class Pages:
    """Gives the pages of Streamlit what must be there before its own scripts, and every other path a page that says that it is none.

    Streamlit answers all of them alike, and of a path of two parts its page stays empty.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers for Streamlit where it answers with its page."""
        added, found = b"", True

        async def with_more(message: Message) -> None:
            nonlocal added, found
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if message["status"] == 200 and headers.get("content-type", "").startswith("text/html"):
                    found = here in names()
                    asks = scope["query_string"].lower().split(b"&")
                    parts = UNSEEN * (b"view.predict=true" in asks) + UNFRAMED * (b"embed=true" in asks)
                    added = (BEGINNING + parts + UNSCRIPTED).encode()
                    for name in ("etag", "last-modified"):  # they are of Streamlit's part alone
                        del headers[name]
                    headers["content-length"] = str(int(headers.get("content-length", 0)) + len(added))
            elif not message.get("more_body"):
                message["body"] = message.get("body", b"") + added
            if found:
                await send(message)

        root = scope.get("root_path", "").rstrip("/")
        here = scope["path"].removeprefix(root).strip("/") if scope["type"] == "http" else ""
        if scope["type"] != "http" or scope["method"] != "GET" or here.startswith(OTHERS):
            await self.app(scope, receive, send)
            return
        asked = [each for each in scope["headers"] if each[0] not in (b"accept-encoding", b"if-none-match", b"if-modified-since")]
        await self.app({**scope, "headers": asked}, receive, with_more)
        if not found:
            page = NOWHERE.format(icon=ICON, path=html.escape(f"/{here}"), home=f"{root}/")
            await HTMLResponse(page, 404)(scope, receive, send)


@functools.cache
def names() -> frozenset[str]:
    """Return the paths of the pages; of the first it is empty."""
    from explorer.ui.way import PAGES, name_of  # here, because it imports this module

    return frozenset(map(name_of, PAGES[1:])) | {""}


FRAMED = re.compile(r"(?:^|(?<=&))embed=(?:1|yes|on)?(?=&|$)", re.IGNORECASE)
"""Other ways to ask for a page in a frame than `embed=true`, the one that Streamlit knows."""


class Framed:
    """Leads from a link that says `embed=1` to the one that says `embed=true`, without which the frame has all of the page.

    Also from `//race` to `/race`: Streamlit says "Bad Request" and no more.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Redirects within the same path."""
        query = scope["query_string"].decode("latin-1") if scope["type"] == "http" and scope["method"] == "GET" else ""
        meant = FRAMED.sub("embed=true", query)
        if scope["type"] == "http" and scope["path"].startswith("//"):
            await RedirectResponse(f"/{scope['path'].lstrip('/')}?{meant}".rstrip("?"))(scope, receive, send)  # on this server: one slash
            return
        await (self.app if meant == query else RedirectResponse(f"?{meant}"))(scope, receive, send)


def home(request: Request) -> RedirectResponse:
    """Return the first page by its own name, as the others have one: Streamlit knows it by `/` only."""
    return RedirectResponse(f"./?{request.url.query}")


def contents(request: Request) -> Response:
    """Return what a picture shows, for good: it has its name from what is in it."""
    found = known(request.path_params["name"])
    return Response("Not found", 404) if found is None else for_good(found.zipped, "application/json")


@functools.cache
def scripts() -> dict[str, Code]:
    """Return what runs in a browser, by name."""
    from explorer.ui import glossary, way  # here, because they import this module

    return {each.name: each for each in (PLOTLY, way.CODE, CODE, glossary.CODE, PLOTLY_IN_SPACE)}


@functools.cache
def early() -> str:
    """Ask a browser to fetch and compile what every page needs while Streamlit's own page is still starting."""
    return ", ".join(f"<{each.address}>; rel=modulepreload" for each in scripts().values() if each is not PLOTLY_IN_SPACE)


def code(request: Request) -> Response:
    """Return what runs in a browser, for good; to a page that asks for another version, of another replica perhaps, this one, for now."""
    module = scripts().get(request.path_params["name"])
    if module is None:
        return Response("Not found", 404)
    return for_good(module.zipped, "text/javascript", FOR_GOOD if request.path_params["version"] == module.version else "no-store")


FOR_GOOD = "private, max-age=31536000, immutable"


def for_good(zipped: bytes, kind: str, keep: str = FOR_GOOD) -> Response:
    """Return what was compressed beforehand, as every browser takes it."""
    return Response(zipped, media_type=kind, headers={"content-encoding": "gzip", "cache-control": keep})


def standalone(request: Request) -> HTMLResponse:
    """Return the page that a picture fills when it is saved as a page of its own."""
    from explorer.site.standalone import template  # here, because it brings everything that `prepare` imports beside the first answers

    return HTMLResponse(template())


def qr_code(request: Request) -> Response:
    """Return the QR code of a link, or why there is none."""
    from explorer.site.qr import qr

    try:
        return Response(qr(request.query_params.get("link", "")), media_type="image/svg+xml")
    except ValueError as error:
        return PlainTextResponse(str(error), 400)


PARTS: dict[str, Any] = {
    "script_path": Path(__file__).with_name("main.py"),
    "lifespan": tidy,
    "on_script_error": report,
    "routes": [
        Route(f"/{CONTENTS}/{{name}}", contents),
        Route(f"/{MODULES}/{{name}}-{{version}}.js", code),
        Route("/assets/standalone.html", standalone),
        Route("/assets/qr.svg", qr_code),
        Mount("/assets", Response("Not found", 404)),
        Route("/step_size", home),
        *routes(turn),
    ],
    "middleware": [Middleware(Headers), Middleware(GZipMiddleware), Middleware(Pages), Middleware(Framed)],
}
"""What `st.App` is made of, wherever Streamlit looks for one: it reads the text of the file that it is told to run."""
