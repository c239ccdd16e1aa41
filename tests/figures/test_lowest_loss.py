"""A loss that no logarithm can draw, 0 or one far below all others, is drawn at a level that is named."""

from __future__ import annotations

import numpy as np
import pytest

from explorer import Setup, judge, sweep
from explorer.core.verdict.measured import measured_growth
from explorer.figures import race
from explorer.figures import sweep as sweeps


@pytest.mark.parametrize(("rates", "name"), [((0.5, 0.9), "0"), ((0.4, 0.9), "lower"), ((0.9, 0.99), "")])
def test_a_race_and_a_sweep_name_what_is_lower_than_their_axis(rates: tuple[float, float], name: str) -> None:
    setups = [Setup("x_squared", learning_rate=rate, steps=100) for rate in rates]
    paths = [each.run() for each in setups]
    axis = race.draw(paths, ["a", "b"]).frames[0]["layout"]["yaxis2"]
    assert (axis["ticktext"][0] == name) == bool(name)
    lowest = min(float(np.nanmin(part["y"])) for part in race.draw(paths, ["a", "b"]).frames[0]["data"][2::4])
    assert not name or axis["tickvals"][0] == pytest.approx(lowest, abs=1e-4)

    setup = setups[0]
    found = sweep(setup.make_loss(), setup.make_optimizer(), rates, **setup.conditions())
    factors = measured_growth(setup.run(rates))
    band = sweeps.Band(
        "a", np.array(rates), found.final_loss[np.newaxis], judge(setup.run(rates)).verdict, factors, factors, 1.0, (1.0, 1.001)
    )
    drawing = sweeps.draw([band])
    (low, high), ticks = drawing.layout.yaxis.range, drawing.layout.yaxis.ticktext
    heights = np.concatenate(
        [np.asarray(trace.y, dtype=float) for trace in drawing.data if trace.yaxis in (None, "y") and trace.name == "a"]
    )
    heights = heights[np.isfinite(heights)]
    assert ((heights > low) & (heights < high)).all(), "every run is seen"
    assert (0 in found.final_loss) == ("0" in ticks)
