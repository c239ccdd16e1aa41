"""The demo of the picture as an application: `streamlit run tests/browser/picture_app.py`."""

import sys
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

sys.path.insert(0, str(Path(__file__).parents[2]))

app = st.App(
    "picture_demo.py",
    routes=[Mount("/assets", StaticFiles(packages=[("explorer.site", "bundle")]))],
    middleware=[Middleware(GZipMiddleware)],
)
