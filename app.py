"""The application object: Streamlit's pages, plus Plotly's own JavaScript served once over HTTP.

Start it with `streamlit run app.py`. Plotly's file (5 MB) travels compressed, once, and is then cached by the
browser; the picture component (`explorer/ui/picture.js`) imports it from `/assets/plotly.min.js`.
"""

from pathlib import Path

import plotly
import streamlit as st
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from streamlit.runtime.pages_manager import PagesManager

ASSETS = Path(plotly.__file__).parent / "package_data"

# `explorer/ui/main.py` declares the pages. Streamlit learns that only when it first runs it: until then a link to a page would
# open the file by itself, without the navigation and the wide layout.
PagesManager.uses_pages_directory = False

app = st.App(
    "explorer/ui/main.py",
    routes=[Mount("/assets", StaticFiles(directory=ASSETS))],
    middleware=[Middleware(GZipMiddleware)],
)
