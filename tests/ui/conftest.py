"""What every test of a page starts with: a visitor who stays, and memory that is given back."""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterator
from functools import cache

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner

from explorer.ui import job
from tests.ui.reading import PATIENCE


@pytest.fixture(autouse=True)
def the_visitor_stays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """However slow the machine, nobody has left before the test ends, and everybody has after it: what still works there is stopped."""
    begun: weakref.WeakSet[job.Job[object]] = weakref.WeakSet()
    go_on = job.Job.go_on

    def noted(each: job.Job[object]) -> None:
        begun.add(each)
        go_on(each)

    monkeypatch.setattr(job, "PATIENCE", math.inf)
    monkeypatch.setattr(job.Job, "go_on", noted)
    yield
    for each in begun:
        each.stop()
    for each in begun:
        each.wait(PATIENCE)


@pytest.fixture(autouse=True, scope="module")
def memory_is_given_back() -> Iterator[None]:
    """Streamlit keeps what pages have computed for the next visitor: up to 64 MB a picture."""
    yield
    st.cache_resource.clear()


@pytest.fixture(autouse=True, scope="session")
def components_are_found_once() -> Iterator[None]:
    """Streamlit looks through all that is installed for components whenever a test opens a page: .3 s each, and always the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield
