"""What every test of a page starts with: a visitor who stays, and memory that is given back."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import streamlit as st

from explorer.ui import job


@pytest.fixture(autouse=True)
def the_visitor_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine, nobody has left before the test ends. What still works then finds that nobody looks."""
    monkeypatch.setattr(job, "PATIENCE", math.inf)


@pytest.fixture(autouse=True, scope="module")
def memory_is_given_back() -> Iterator[None]:
    """Streamlit keeps what pages have computed for the next visitor: up to 64 MB a picture."""
    yield
    st.cache_resource.clear()
