"""The questions people came with, with the numbers that another program measured (docs/cases.md)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from explorer import LOSSES, OPTIMIZERS, Verdict, critical_learning_rate, find_edge, judge, run
from explorer.core.theory.curvature import second_order, spectrum
from explorer.core.verdict.explanation import Explanation
from explorer.core.verdict.measured import measured_growth

GD = OPTIMIZERS["gradient_descent"]()
Q0: dict[str, Any] = {"data": "line", "half": False, "start": "zero"}
S4: dict[str, Any] = {"data": "noisy_line", "reduction": "sum", "intercept": False, "start": "zero"}


def verdicts(path: Any) -> list[str]:
    return [str(each) for each in judge(path).verdict]


# Q0: y = 0.4x on 5..40, mean squared error without the ½, from 0.


def test_q0_one_order_of_magnitude_is_on_both_sides_of_the_edge() -> None:
    loss = LOSSES["linear_regression"](**Q0)
    values, _ = spectrum(loss, loss.start)
    np.testing.assert_allclose(values, [0.411, 1276.59], rtol=1e-3)
    edge = critical_learning_rate(loss, GD)
    assert edge == pytest.approx(0.001567, abs=5e-7)
    assert 0.001 < edge < 0.01
    path = run(loss, GD, [0.001, 0.01], steps=1000)
    assert verdicts(path) == ["converged", "diverged"]


def test_q0_the_printed_slopes_grow_as_printed() -> None:
    """|1 - .01 λ| = 11.766 a step; every ten steps ×5.0844804e10."""
    loss = LOSSES["linear_regression"](**Q0)
    path = run(loss, GD, 0.01, steps=60)
    slope = path.x[:, 0, 0]
    for t in (10, 20, 30, 40, 50):
        assert slope[t + 10] / slope[t] == pytest.approx(5.0844804e10, rel=1e-6)  # printed in single precision
    assert measured_growth(path)[0] == pytest.approx(11.766, abs=5e-4)
    assert GD.recurrence.growth(0.01 * spectrum(loss, loss.start)[0]).max() == pytest.approx(11.766, abs=5e-4)


def test_q0_ends_in_nan_at_the_forecast_step() -> None:
    loss = LOSSES["linear_regression"](**Q0)
    explanation = Explanation.of(run(loss, GD, [0.01], steps=1000))
    assert explanation.outcome.first_nonfinite[0] == explanation.overflow[0]
    assert np.isnan(explanation.trajectory.x[-1]).all()


# S1a: one linear neuron on two raw columns of the diabetes data.


def test_s1a_the_numbers() -> None:
    loss = LOSSES["linear_regression"]()
    assert spectrum(loss, loss.start)[0][-1] == pytest.approx(9846, abs=1)
    assert critical_learning_rate(loss, GD) == pytest.approx(2.03e-4, rel=2e-3)
    path = run(loss, GD, [1e-3, 1e-4], steps=200)
    np.testing.assert_allclose(path.loss[:3, 0], [1.6e4, 1.07e6, 8.3e7], rtol=0.01)
    outcome = judge(path)
    assert outcome.first_nonfinite.tolist() == [161, -1]
    assert path.loss[161, 0] == np.inf
    assert outcome.final_loss[1] == pytest.approx(2.2e3, rel=0.05)
    # ×77 a step: the loss by the square of |1 - .001 λ| = 8.846.
    ratios = path.loss[2:150, 0] / path.loss[1:149, 0]
    np.testing.assert_allclose(ratios[5:], 8.846**2, rtol=1e-3)
    assert pytest.approx(78.2, abs=0.1) == 8.846**2


@pytest.mark.parametrize("seed", range(10))
def test_s1a_the_threshold_is_two_over_lambda(seed: int) -> None:
    loss = LOSSES["linear_regression"](seed=seed)
    edge = critical_learning_rate(loss, GD)
    low, high = find_edge(loss, GD, 1e-5, 1e-2, steps=1000, precision=1e-3)
    assert low == pytest.approx(edge, rel=3e-3)
    assert high == pytest.approx(edge, rel=3e-3)


def test_s1a_standardized_features_move_the_edge() -> None:
    loss = LOSSES["linear_regression"](standardize=True)
    assert spectrum(loss, loss.start)[0][-1] == pytest.approx(1.40, abs=0.005)
    assert critical_learning_rate(loss, GD) == pytest.approx(1.43, abs=0.005)
    path = run(loss, GD, [0.001, 0.01, 0.1, 1.0, 1.5], steps=2000)
    assert (np.array(verdicts(path)) == "diverged").tolist() == [False, False, False, False, True]
    assert verdicts(path)[3] == "converged"


def test_s1c_adam_does_not_explode_but_its_rate_has_the_units_of_the_weights() -> None:
    """S1c's idea on S1a: 1e-3 is finite but slow, where plain gradient descent is nan."""
    loss, adam = LOSSES["linear_regression"](), OPTIMIZERS["adam"]()
    path = run(loss, adam, [1e-3, 10.0], steps=200)
    outcome = judge(path)
    assert np.isfinite(path.loss).all()
    assert outcome.verdict[0] == Verdict.SLOW
    assert path.loss[-1, 1] < 2.5e3 < path.loss[-1, 0]
    # Each of its first steps is at most about the rate long (THEORY 26).
    assert np.abs(np.diff(path.x[:50, :, 0], axis=0)).max() <= 1.01e-3


def test_s1a_as_a_sum_has_its_edge_at_a_442nd() -> None:
    whole, mean = (LOSSES["linear_regression"](reduction=reduction) for reduction in ("sum", "mean"))
    assert critical_learning_rate(mean, GD) == pytest.approx(442 * critical_learning_rate(whole, GD), rel=1e-12)


# S2a: the two terms of one step.


@pytest.mark.parametrize("rate", [1e-4, 1e-3])
def test_s2a_the_two_terms_are_exact_and_the_first_wins_at_step_0(rate: float) -> None:
    loss = LOSSES["linear_regression"]()
    path = run(loss, GD, rate, steps=10)
    for step in range(10):
        x, move = path.x[step, :, 0], path.x[step + 1, :, 0] - path.x[step, :, 0]
        terms = second_order(loss, x, move)
        assert terms.predicted == pytest.approx(terms.actual, rel=1e-6, abs=1e-9 * abs(terms.slope))
        assert terms.actual == pytest.approx(path.loss[step + 1, 0] - path.loss[step, 0], rel=1e-6, abs=1e-9 * abs(terms.slope))
    x, g = loss.start, loss.value_and_gradient(loss.start[:, None])[1][:, 0]
    first = second_order(loss, x, -rate * g)
    assert first.slope == pytest.approx(-rate * g @ g)
    assert first.bend == pytest.approx(0.5 * rate**2 * g @ loss.hvp(x[:, None], g[:, None])[:, 0])
    assert (first.bend > -first.slope) == (rate == 1e-3)
    assert Explanation.of(path).uphill[0] == (0 if rate == 1e-3 else -1)


# S3: x² from 1.


def test_s3_x_squared_by_hand() -> None:
    loss = LOSSES["x_squared"]()
    rates = np.array([0.5, 0.9, 1.0, 1.1])
    path = run(loss, GD, rates, steps=2500)
    x = path.x[:, 0]
    assert x[1, 0] == 0
    assert (np.sign(x[:20, 1]) == (-1) ** np.arange(20)).all()
    assert set(path.loss[:, 2]) == {1.0}
    np.testing.assert_array_equal(x[:, 2], (-1.0) ** np.arange(2501))
    outcome = judge(path)
    assert (outcome.first_nonfinite[3], str(outcome.first_quantity[3])) == (1947, "loss")
    assert verdicts(path) == ["converged", "converged", "oscillating", "diverged"]
    np.testing.assert_allclose(x[1:10], x[:9] * (1 - 2 * rates), rtol=1e-9)


@pytest.mark.parametrize("rate", [1.01, 1.05, 1.1, 1.2, 1.5, 2.0, 3.0, 10.0])
def test_s3_the_step_of_the_overflow_is_exact(rate: float) -> None:
    expected = np.ceil(512 / np.log2(2 * rate - 1))
    explanation = Explanation.of(run(LOSSES["x_squared"](), GD, rate, steps=int(expected) + 5))
    assert explanation.outcome.first_nonfinite[0] == explanation.overflow[0] == expected


# S4: regression through the origin, ½ sum.


def test_s4_smooth_on_one_side_and_further_away_with_each_step_on_the_other() -> None:
    draws = [LOSSES["linear_regression"](**S4, seed=seed) for seed in range(10)]
    edges = np.array([critical_learning_rate(loss, GD) for loss in draws])
    X = [loss.X for loss in draws]  # type: ignore[attr-defined]
    np.testing.assert_allclose(edges, [2 / (x**2).sum() for x in X])
    assert ((edges > 0.05) & (edges < 0.2)).all()
    for loss, edge in zip(draws, edges, strict=True):
        distance = np.abs(run(loss, GD, [0.01, 0.12], steps=40).x[:, 0] - loss.minimizer)  # type: ignore[attr-defined]
        assert (np.diff(distance[:30, 0]) < 0).all()
        assert (np.diff(distance[:, 1]) > 0).all() == (edge < 0.12)
    assert 0.01 < edges[0] < 0.12, "the draw that the explorer shows first"


@pytest.mark.parametrize(("examples", "moved"), [(25, 2), (500, 0.1)])
def test_s4_more_points_move_the_edge_of_a_sum_and_not_of_a_mean(examples: int, moved: float) -> None:
    few, many = (LOSSES["linear_regression"](**S4, examples=n) for n in (50, examples))
    assert critical_learning_rate(many, GD) / critical_learning_rate(few, GD) == pytest.approx(moved, rel=0.25)
    few, many = (LOSSES["linear_regression"](**(S4 | {"reduction": "mean"}), examples=n) for n in (50, examples))
    assert critical_learning_rate(many, GD) / critical_learning_rate(few, GD) == pytest.approx(1, rel=0.25)
