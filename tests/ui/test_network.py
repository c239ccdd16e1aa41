"""The page Network: every case of it is true, a run can be stopped, and what cannot be run is said."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.core.setup import Setup
from explorer.core.training import ending, train
from explorer.figures import network as figure
from explorer.ui import job
from explorer.ui.casebook import Case, cases

MAIN = Path(__file__).parents[2] / "explorer" / "ui" / "main.py"
CASES = [case for case in cases() if case.page == "network"]
SHORT = Setup("network", learning_rate=0.5, steps=30)


def last(setup: Setup) -> Any:
    *_, history = train(setup)
    return history


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_is_true(case: Case) -> None:
    assert ending(last(case.setup)).startswith(f"**{case.must}**")
    assert ending(last(case.switched)).startswith(f"**{case.then}**")


def test_every_look_is_a_row() -> None:
    history = last(SHORT)
    assert history.steps[0] == 0
    assert history.steps[-1] == 30
    rows = (history.train, history.sharpness, history.edge, history.norms, history.ratios, history.dead, history.saturated, history.x)
    assert {len(row) for row in rows} == {len(history.steps)}
    assert history.share == 1


def test_the_sharpness_is_the_hessian_s_largest_eigenvalue() -> None:
    history = last(SHORT)
    point = np.repeat(history.x[-1][:, np.newaxis], history.loss.dim, axis=1)
    hessian = history.loss.hvp(point, np.eye(history.loss.dim))
    assert history.sharpness[-1] == pytest.approx(np.linalg.eigvalsh((hessian + hessian.T) / 2)[-1], rel=2e-2)
    assert history.edge[-1] == 4.0


def test_data_that_are_no_numbers_are_named() -> None:
    history = last(Setup("network", steps=5, knobs={"loss.bad_cell": "nan"}))
    assert history.lost_at == 0
    assert ending(history).startswith("**No number to begin with**")
    figure.instruments(history)


def test_only_networks_have_instruments() -> None:
    with pytest.raises(ValueError, match="loss must be a network for its instruments, got ravine"):
        next(train(Setup("ravine")))


def test_the_line_is_where_the_network_is_undecided() -> None:
    history = last(SHORT)
    drawn = figure.boundary(history)
    assert drawn is not None
    line = drawn[1][-1]["data"][0]
    points = np.stack([line["x"], line["y"]])[:, :1]
    assert abs(history.loss.outputs(history.x[-1][:, np.newaxis], points)[0, 0, 0]) < 0.05


def test_a_job_that_nobody_looks_at_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "PATIENCE", 0.05)
    ended = threading.Event()

    def forever() -> Generator[int, None, None]:
        try:
            for number in iter(int, 1):
                time.sleep(0.01)
                yield number
        finally:
            ended.set()

    work = job.Job(forever)
    assert ended.wait(5), "the visitor has gone, so must the work"
    work.wait(5)
    assert not work.running


def test_a_job_keeps_a_refusal_as_a_sentence() -> None:
    def refused() -> Generator[int, None, None]:
        yield 1
        raise ValueError("so many steps")

    work = job.Job(refused)
    work.wait(5)
    assert work.look() == 1
    assert work.error == "so many steps"


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(str(MAIN), default_timeout=60)
    for name, value in query.items():
        app.query_params[name.replace("__", ".")] = value
    app.run()
    return app.switch_page("pages/50_network.py").run()


def test_too_much_work_is_refused_with_what_would_fit() -> None:
    app = opened()
    app.text_input(key="box:steps").set_value("1000000000").run()
    assert not app.exception
    said = " ".join(each.value for each in [*app.error, *app.warning])
    assert "steps must be ≤" in said
