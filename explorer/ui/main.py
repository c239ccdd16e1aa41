"""The navigation: every file `pages/NN_name.py` is a page; a new page is a new file."""

from pathlib import Path

import streamlit as st

from explorer.ui import address, panel, part
from explorer.ui.glossary import words
from explorer.ui.way import PAGES, mark, name_of, title_of, way

st.set_page_config(page_title="Divergence Explorer", page_icon=mark(), layout="wide")
st.html(Path(__file__).with_name("house.css"))
if st.context.is_embedded:
    st.html(Path(__file__).with_name("embed.css"))
house = Path(__file__).with_name("house.js").read_text("utf-8")
skip = "<button type='button' class='skip'>Skip to the slider</button>"
st.html(f"{skip}<script type='module'>{house}</script>", unsafe_allow_javascript=True)
if PAGES:
    st.logo(mark("Divergence Explorer"), size="large", icon_image=mark())
    pages = [st.Page(path, title=title_of(path), url_path=name_of(path), default=path is PAGES[0]) for path in PAGES]
    page = st.navigation(pages, position="hidden")
    file = f"pages/{PAGES[pages.index(page)].name}"
    part.begun()
    panel.follow(file)
    st.session_state[address.HERE] = page.url_path
    way(page.url_path)
    panel.follow(file)  # what the run before would have heard, had it not been interrupted
    page.run()
    address.arrived()
    words()
else:
    st.info("There is no page yet: put one into `explorer/ui/pages/`, named like `10_step_size.py`.")
