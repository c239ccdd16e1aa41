"""The navigation: every file `pages/NN_name.py` is a page; a new page is a new file."""

from pathlib import Path

import streamlit as st

PAGES = sorted((Path(__file__).parent / "pages").glob("[0-9]*.py"))

# Plotly needs a third of a second to start: it does so while the server computes the first picture (`picture.js` finds it started).
# A narrow window has no room for the sidebar beside a picture: it begins closed, and the line that says the recipe opens it.
START = """<script type='module'>
import(new URL('assets/plotly.min.js', document.baseURI)).catch(() => {});
const press = (name) => document.querySelector(`[data-testid=${name}] button, button[data-testid=${name}]`)?.click();
if (!window.sidebarBegan) {
  window.sidebarBegan = true;
  document.addEventListener('click', ({ target }) => target.closest('.recipe') && press('stExpandSidebarButton'));
  if (innerWidth < 1280) {
    const closing = setInterval(() => {
      const { collapsed } = document.querySelector('[data-testid=stSidebar]')?.dataset ?? {};
      if (collapsed === 'false') press('stSidebarCollapseButton');
      if (collapsed === 'true') clearInterval(closing);
    }, 100);
  }
}
</script>"""


def _page(path: Path, *, first: bool) -> st.Page:
    """Return the page of a file: `10_step_size.py` is titled "Step size" and lives at `/step_size`."""
    name = path.stem.split("_", 1)[1]
    return st.Page(path, title=name.replace("_", " ").capitalize(), url_path=name, default=first)


st.set_page_config(page_title="Divergence Explorer", layout="wide")
st.html(Path(__file__).with_name("house.css"))
st.html(START, unsafe_allow_javascript=True)
if PAGES:
    st.navigation([_page(path, first=path is PAGES[0]) for path in PAGES], position="top").run()
else:
    st.info("There is no page yet: put one into `explorer/ui/pages/`, named like `10_step_size.py`.")
