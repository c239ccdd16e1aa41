"""The demo of the picture as an application: `streamlit run tests/browser/picture_app.py`."""

import sys
from pathlib import Path

import streamlit as st

sys.path.insert(0, str(Path(__file__).parents[2]))

from explorer.ui.server import PARTS

app = st.App(**PARTS | {"script_path": "picture_demo.py"})
