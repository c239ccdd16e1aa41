"""The ticks of axes, at the ends of what floats hold."""

from __future__ import annotations

import pytest

from explorer.figures.ticks import log_axis


@pytest.mark.parametrize("window", [(-323.3, 308.0), (-300.0, 300.0), (-308.0, -1.0), (0.0, 308.2)])
def test_a_window_over_all_numbers_has_ticks(window: tuple[float, float]) -> None:
    assert 2 <= len(log_axis(*window)["ticktext"]) <= 12
