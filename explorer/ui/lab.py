"""Where a case is run: the page of its name."""

import functools
from pathlib import Path


@functools.cache
def lab(page: str) -> str:
    """Return the path of the page of that name, as Streamlit's links have it; empty for "cases", and where there is no such page.

    >>> lab("step_size"), lab("cases"), lab("nowhere")
    ('pages/10_step_size.py', '', '')
    """
    found = sorted((Path(__file__).parent / "pages").glob(f"[0-9][0-9]_{page}.py"))
    return f"pages/{found[0].name}" if found and page != "cases" else ""
