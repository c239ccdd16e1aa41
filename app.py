"""The app, started from a checkout by `streamlit run app.py`: Streamlit looks for this object in the text of this file."""

import streamlit as st

from explorer.ui.server import PARTS

app = st.App(**PARTS)
