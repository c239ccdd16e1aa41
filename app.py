"""The application object: Streamlit's pages, plus Plotly's own JavaScript served once over HTTP.

Start it with `streamlit run app.py`. Plotly's file (5 MB) travels compressed, once, and is then cached by the
browser; the picture component (`explorer/ui/picture.js`) imports it from `/assets/plotly.min.js`.
"""

from importlib import import_module
from pathlib import Path
from threading import Thread

import plotly
import streamlit as st
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.runtime.pages_manager import PagesManager

ASSETS = Path(plotly.__file__).parent / "package_data"

# `explorer/ui/main.py` declares the pages. Streamlit learns that only when it first runs it: until then a link to a page would
# open the file by itself, without the navigation and the wide layout.
PagesManager.uses_pages_directory = False

# Otherwise the first visitor who asks for real data would wait most of a second.
Thread(target=import_module, args=("sklearn.datasets",), daemon=True).start()


class Preload:
    """Asks a browser to fetch and compile Plotly while Streamlit's own page is still starting: a second less to the first plot."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Adds the header to every HTML answer."""

        async def with_link(message: Message) -> None:
            if any(name == b"content-type" and value.startswith(b"text/html") for name, value in message.get("headers", ())):
                message["headers"] = [*message["headers"], (b"link", b"<assets/plotly.min.js>; rel=modulepreload")]
            await send(message)

        await self.app(scope, receive, with_link if scope["type"] == "http" else send)


def home(request: Request) -> RedirectResponse:
    """Return the first page by its own name, as the others have one: Streamlit knows it by `/` only."""
    return RedirectResponse(f"./?{request.url.query}")


app = st.App(
    "explorer/ui/main.py",
    routes=[Mount("/assets", StaticFiles(directory=ASSETS)), Route("/step_size", home)],
    middleware=[Middleware(Preload), Middleware(GZipMiddleware)],
)
