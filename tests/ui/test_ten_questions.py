"""The ten questions that people came with, each answered on the page where its run is: by the page as it opens, or a chip and a switch.

Every number that is looked for is computed here anew, from the data and the formula.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer import Setup, check_gradient
from explorer.core.ground.prose import plain
from explorer.core.networks.training import History
from explorer.core.verdict.measured import edge_along
from explorer.site.casebook import Case, casebook
from tests.ui.reading import FOLDER, PATIENCE, opened, pictures

CASES = {case.name: case for case in casebook()}
PAGES = {path.stem.partition("_")[2]: path for path in (FOLDER / "pages").glob("[0-9]*.py")}


def chosen(name: str, *, switched: bool = False) -> AppTest:
    """The page of a case as it opens, after a click on the case's chip, and one on its switch if that is asked for."""
    case = CASES[name]
    app = opened(PAGES[case.page])
    app.pills(key=f"{case.page}:preset").set_value(case.label).run()
    if switched:
        next(each for each in app.button if each.label == case.switch_label).click().run()
    waited(app)
    assert not app.exception
    assert app.session_state["setup"] == (case.undone if switched else case).setup
    return app


def waited(app: AppTest) -> None:
    """Wait for the run of a network, and for the first of the rates beside it, of which its own is one."""
    if "network:job" in app.session_state:
        app.session_state["network:job"][1].wait(PATIENCE)
        trying = app.session_state["network:ruler:job"][1]
        while trying.latest is None and trying.running:
            trying.wait(0.2)
        app.run()
        trying.stop()


def said(app: AppTest) -> str:
    """The sentence above the ruler, for the run that is shown."""
    shown = next(each for each in pictures(app) if each["key"].endswith(":ruler"))
    return str(shown["dial"]["words"][shown["value"]])


def texts(app: AppTest) -> str:
    """All else that the page says, its metrics included."""
    spoken = [each.value for kind in ("header", "markdown", "caption") for each in app.get(kind)]
    return "\n".join([*spoken, *(f"{each.label}: {each.value}" for each in app.metric)])


def answered(app: AppTest, case: Case) -> str:
    """Everything on the page, which has the case's question and its answer with the numbers of its run."""
    found = f"{said(app)}\n{texts(app)}" if case.page in ("step_size", "network") else texts(app)
    assert case.question in found
    assert case.why in found
    return found


def eigenvalues(setup: Setup) -> Any:
    """Of the Hessian at the start, smallest first."""
    loss = setup.make_loss()
    point = np.repeat(np.asarray(setup.initial_point, dtype=float)[:, np.newaxis], loss.dim, axis=1)
    return np.linalg.eigvalsh(loss.hvp(point, np.eye(loss.dim)))


def trained(app: AppTest) -> History:
    """The run of the page, whose last loss is that of its last weights."""
    history: History = app.session_state["network:job"][1].latest
    assert history.train[-1] == pytest.approx(float(history.loss.value(history.x[-1][:, np.newaxis])[0]), rel=1e-5)
    return history


def test_q0_why_does_one_order_of_magnitude_matter_so_much() -> None:
    x = np.arange(5.0, 41.0, 5)
    curvature = np.linalg.eigvalsh(2 / x.size * np.array([[x @ x, x.sum()], [x.sum(), x.size]]))[-1]
    factor = 0.01 * curvature - 1
    found = answered(chosen("10_regression_to_nan"), CASES["10_regression_to_nan"])
    assert f"each step multiplies the error by {plain(factor, 4)} (theory: {plain(factor, 4)})" in found
    assert f"with λ = {plain(curvature, 6)} the largest curvature" in found
    assert f"critical rate: {plain(2 / curvature, 5)}" in found
    assert 0.001 < 2 / curvature < 0.01
    assert "**Converges**" in said(chosen("10_regression_to_nan", switched=True))


def test_q1_why_does_minimizing_maximize() -> None:
    case = CASES["11_raw_features"]
    top, path = eigenvalues(case.setup)[-1], case.setup.run()
    found = answered(chosen(case.name), case)
    lost = int(np.argmin(np.isfinite(path.loss[:, 0])))
    assert f"multiplies the error by {plain(1e-3 * top - 1, 4)} (theory: {plain(1e-3 * top - 1, 4)})" in found
    assert f"the loss became inf at step {lost}" in found
    assert f"critical rate: {plain(2 / top, 5)}" in found


def test_q1_which_of_the_two_terms_of_a_step_wins() -> None:
    case = CASES["11_raw_features"]
    loss, x = case.setup.make_loss(), np.asarray(case.setup.initial_point, dtype=float)[:, np.newaxis]
    gradient = loss.value_and_gradient(x)[1]
    slope, bend = -1e-3 * float((gradient**2).sum()), 0.5 * 1e-6 * float((gradient * loss.hvp(x, gradient)).sum())
    lens = next(each for each in pictures(chosen(case.name)) if each["key"] == "step_size:microscope")
    words = lens["dial"]["words"][lens["value"]]
    assert f"−ε gᵀg = {plain(slope, sign=True)}, the curvature adds {plain(bend, sign=True)}" in words
    assert "the second outgrows the first" in words


def test_q2_is_it_ill_conditioning() -> None:
    case = CASES["15_ravine"]
    low, high = eigenvalues(case.setup)
    found = answered(chosen(case.name), case)
    assert f"multiplies the error by {plain(2.05 * high - 1, 4)}" in found
    assert f"λ = {plain(high, 6)} the largest curvature" in found
    assert "A bad condition number alone does not diverge" in found
    assert high / low == pytest.approx(100)


def test_q3_where_does_adam_stop() -> None:
    case = CASES["12_raw_features_adam"]
    setup = case.undone.setup
    _, edges = edge_along(setup.run(keep_preconditioner=True))
    found = texts(chosen(case.name, switched=True))
    assert "Where does Adam stop?" in found
    assert f"between {plain(np.nanmin(edges))} and {plain(np.nanmax(edges))} along this run" in found
    useless = float(found.partition("From about ")[2].partition(" on that is of no use")[0].replace(",", ""))
    below, above = (Setup.from_query(setup.to_query() | {"learning_rate": str(useless * by)}).run().loss[:, 0] for by in (0.7, 1.05))
    assert below[-1] < below[0]
    assert above[-1] >= above[0]
    assert np.isfinite(above).all()


@pytest.mark.parametrize(("name", "curvature"), [("09_x_squared", 2.0), ("14_sum_of_squares", None)])
def test_q4_why_does_a_small_gradient_move_me_further_away(name: str, curvature: float | None) -> None:
    case = CASES[name]
    for switched in (False, True):
        setup = (case.undone if switched else case).setup
        factor = abs(1 - setup.learning_rate * (curvature or eigenvalues(setup)[-1]))
        words = said(chosen(name, switched=switched))
        assert f"{'multiplies' if factor > 1 else 'keeps'}" in words
        assert plain(factor, 4) in words
    answered(chosen(name), case)


def test_q5_it_starts_well_then_stays_up_and_nothing_brings_it_back() -> None:
    case = CASES["50_dead_units"]
    app = chosen(case.name)
    found, history = answered(app, case), trained(app)
    assert f"**Stuck**: the loss stays at {plain(history.train[-1], 4)}" in found
    assert f"{plain(100 * max(history.dead[-1]))} % of the units of layer" in found
    assert f"a constant answer reaches {plain(history.loss.best_constant, 4)}" in found
    assert min(history.train) < history.loss.best_constant / 2 < history.train[-1], "it had started well"


def test_q6_stuck_on_a_plateau_at_every_rate() -> None:
    case = CASES["34_on_the_hill"]
    app = chosen(case.name)
    found = answered(app, case)
    gradient = case.setup.make_loss().value_and_gradient(np.zeros((1, 1)))[1]
    assert float(gradient[0, 0]) == 0
    ruler = next(each for each in pictures(app) if each["key"] == "step_size:ruler")
    assert set(ruler["dial"]["zones"]) == {"stuck"}
    assert "the gradient is 0; the loss stays at 0.25" in found


def test_q7_which_of_all_the_causes_is_it() -> None:
    case = CASES["91_unstable_loss"]
    app = chosen(case.name)
    found, history = answered(app, case), trained(app)
    assert f"the loss stays at {plain(history.train[-1], 4)}" in found
    for cause in ("clipping", "Glorot's weights", "skip", "batch normalization", "weight standardization"):
        assert cause in found


def test_q8_are_the_gradients_wrong() -> None:
    app = opened(PAGES["gradient"])
    case = CASES["80_homemade_bug"]
    assert case.question in texts(app)
    loss = app.session_state["setup"].make_loss()
    assert check_gradient(loss, np.asarray(loss.start, dtype=float)).wrong == ("b1",)
    assert "The gradient by b1 is wrong" in app.header[0].value


def test_q9_is_it_normal_that_it_goes_up_and_down() -> None:
    case = CASES["83_homemade_batches"]
    found = answered(chosen(case.name), case)
    rises = int((np.diff(case.setup.run().loss[:, 0]) > 0).sum())
    assert f"{rises}" in found
    assert rises > 30
