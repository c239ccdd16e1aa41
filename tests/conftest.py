"""What every test starts with. Nothing is seeded here: a test that needs random numbers names its own seed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from tests.package import installed as installed

# A slow machine is no failure; and CI draws the same examples every time, a person new ones.
settings.register_profile("patient", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("patient")

BROWSER = Path(__file__).parent / "browser"


@pytest.fixture(autouse=True)
def numpy_speaks_up() -> Iterator[None]:
    """Numpy's own error state, whatever ran before: an overflow warns, hence fails, unless the code under test expects it."""
    with np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"):
        yield


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Only test_*.py is read for tests and examples: the Streamlit scripts that browser tests start would run when imported."""
    return True if collection_path.suffix == ".py" and not collection_path.name.startswith("test_") else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests/browser by its place, so that `-m "not browser"` leaves out all of it."""
    for item in items:
        if item.path.is_relative_to(BROWSER):
            item.add_marker(pytest.mark.browser)
