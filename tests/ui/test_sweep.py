"""The page Sweep: its headline names the measured edge beside theory's."""

from __future__ import annotations

import re

import pytest

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
