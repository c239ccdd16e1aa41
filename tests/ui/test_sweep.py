"""The page Sweep: its headline names the measured edge beside theory's."""

from __future__ import annotations

import re

import numpy as np
import pytest

from explorer import Setup
from explorer.core.verdict.explanation import Explanation
from tests.ui.reading import FOLDER, number, opened

PAGE = FOLDER / "pages" / "30_sweep.py"

AGREES = ({}, {"loss": "x_squared"}, {"loss": "quadratic", "optimizer": "momentum"}, {"loss": "ravine", "optimizer": "nesterov"})
APART = ({"loss": "uv"}, {"loss": "uv", "optimizer": "momentum"})


@pytest.mark.parametrize("link", [*AGREES, *APART], ids=str)
def test_numbers_that_are_said_to_be_apart_are_written_apart(link: dict[str, str]) -> None:
    app = opened(PAGE, {"v": "1", "loss": "linear_regression", "steps": "100"} | link)
    said = app.header[0].value.replace("\N{NO-BREAK SPACE}", " ")
    theory = r"theory puts the edge at (.+?), (which agrees to within )?([\d.]+) %( below| above|\.)"
    found = re.search(rf"between (\S+) and (\S+); {theory}", said)
    assert found is not None, said
    low, high, edge, share = (number(each) for each in (found[1], found[2], found[3], found[5]))
    assert low < high
    assert (low <= edge <= high) == bool(found[4]) == (link in AGREES), said
    beside = high / low - 1 if found[4] else abs(edge / (low * high) ** 0.5 - 1)
    assert 100 * beside == pytest.approx(share, rel=0.06, abs=0.02), said
    assert (edge < low) == (found[6] == " below"), said


@pytest.mark.parametrize("rule", ["gradient_descent", "nesterov"])
def test_the_factors_are_those_of_the_page_step_size_also_where_a_run_arrives_at_once(rule: str) -> None:
    setup = Setup("double_well", rule, 0.31, start=(0.5,), steps=150)
    [*_, shown] = (each.value for each in opened(PAGE, setup.to_query()).dataframe)
    rates = shown["learning rate"].to_numpy()
    alone = Explanation.of(setup.run(rates)).measured
    np.testing.assert_allclose(shown["factor per step, measured"], alone, rtol=1e-9)
    fast = (rates > 0.2) & (rates < 0.4)
    assert np.isfinite(alone[fast]).all()
    assert (alone[fast] < 0.9).all()
