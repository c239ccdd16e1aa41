"""The examples of a bridge are skipped where the library that it leads to is not installed."""

from __future__ import annotations

from pathlib import Path

import pytest

BRIDGES = Path(__file__).parent / "explorer" / "bridges"


@pytest.fixture(autouse=True)
def _needs_its_library(request: pytest.FixtureRequest) -> None:
    if request.path.parent == BRIDGES and request.path.stem in {"torch", "jax"}:
        pytest.importorskip(request.path.stem, reason=f"{request.path.stem} is not installed: it comes with the extra of that name")
