"""The ticks of axes, at the ends of what floats hold, and as far apart as their numbers need it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from explorer.figures.ticks import log_axis, loss_axis


@pytest.mark.parametrize("window", [(-323.3, 308.0), (-300.0, 300.0), (-308.0, -1.0), (0.0, 308.2)])
def test_a_window_over_all_numbers_has_ticks(window: tuple[float, float]) -> None:
    assert 2 <= len(log_axis(*window)["ticktext"]) <= 12


@given(st.floats(-300, 300), st.floats(-2, 2.78), st.sampled_from([4, 5, 7]), st.booleans(), st.booleans())
@example(3.0, 1.05, 5, False, False)  # its ticks were all in the uppermost decade of eleven
@example(5.2, -0.2, 7, True, False)  # had none
def test_ticks_are_apart_and_all_over_the_axis(low: float, decades: float, most: int, signed: bool, lowest: bool) -> None:
    """In any window: no number runs into the next, and no more than three quarters of the axis are without one."""
    high = min(low + 10**decades, 308.0)
    if high - low < 0.01:
        return
    axis = loss_axis(low, high, signed=signed, most=most, least=(low, "lower") if lowest else None)
    at, span = np.array(axis["tickvals"]), high - low
    assert len(set(axis["ticktext"])) == at.size >= 1
    assert np.diff(at).min(initial=span) >= 0.95 * span / (most + 2)
    assert np.diff([low, *at, high]).max() <= 0.75 * span, axis
