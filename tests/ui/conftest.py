"""What every test of a page starts with: a visitor who stays, cases that run once for all workers, and memory that is given back."""

from __future__ import annotations

import hashlib
import math
import os
import pickle
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import streamlit as st

from explorer.ui import casebook, job
from explorer.ui.casebook import Seen


@pytest.fixture(autouse=True)
def the_visitor_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine, nobody has left before the test ends. What still works then finds that nobody looks."""
    monkeypatch.setattr(job, "PATIENCE", math.inf)


@pytest.fixture(autouse=True, scope="session")
def every_case_runs_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What one worker has seen of a case, the others read: the cases are the longest runs of the tests."""
    folder = tmp_path_factory.getbasetemp()
    folder = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "cases"
    folder.mkdir(exist_ok=True)
    way = casebook._way

    def shared(page: str, query: Mapping[str, str]) -> Callable[[Mapping[str, str]], Seen]:
        return lambda query: read_or_run(folder, (page, *sorted(query.items())), lambda: way(page, query)(query))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(casebook, "_way", shared)
        yield


def read_or_run(folder: Path, key: tuple[object, ...], run: Callable[[], Seen]) -> Seen:
    """What is kept in the folder under this key, else the run's, kept whole or not at all."""
    kept = folder / hashlib.sha256(repr(key).encode()).hexdigest()
    if not kept.exists():
        part = kept.with_suffix(f".{os.getpid()}")
        part.write_bytes(pickle.dumps(run()))
        part.replace(kept)
    seen: Seen = pickle.loads(kept.read_bytes())
    return seen


@pytest.fixture(autouse=True, scope="module")
def memory_is_given_back() -> Iterator[None]:
    """Streamlit keeps what pages have computed for the next visitor: up to 64 MB a picture."""
    yield
    st.cache_resource.clear()
