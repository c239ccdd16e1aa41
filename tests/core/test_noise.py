"""Chance in a run: the same random numbers for every run, and what theory says of thresholds and floors, against enumeration."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from explorer import LOSSES, OPTIMIZERS, Setup, Verdict, critical_learning_rate, judge, run
from explorer.core.losses.regression import LeastSquares
from explorer.core.run.descent import batches
from explorer.core.run.sweep import sweep
from explorer.core.theory.noise import (
    SecondMoment,
    batch_variance_share,
    floor_loss,
    floor_variance,
)
from explorer.core.verdict.fuse import fuse

GD = OPTIMIZERS["gradient_descent"]()
X2 = LOSSES["x_squared"]()
LINE = LOSSES["linear_regression"](data="line")


# Random numbers: the same for every run, from the seed, and none where none are asked for.


def test_with_replacement_every_example_is_drawn_independently() -> None:
    rows = batches(LINE, 3, 4000, seed=2, replacement=True)
    assert rows is not None
    assert rows.shape == (4000, 3)
    share = np.bincount(rows.ravel(), minlength=8) / rows.size
    np.testing.assert_allclose(share, 1 / 8, atol=0.02)
    assert np.mean([len(set(each)) < 3 for each in rows.tolist()]) == pytest.approx(1 - 7 * 6 / 8**2, abs=0.03)
    np.testing.assert_array_equal(rows, batches(LINE, 3, 4000, seed=2, replacement=True))
    with pytest.raises(ValueError, match="batch_size must be at most the number of examples"):
        batches(LINE, 9, 2, replacement=True)


def test_noise_is_the_same_for_every_run_and_for_the_same_seed() -> None:
    rates = np.array([0.1, 0.2, 0.3])
    path = run(X2, GD, rates, steps=50, gradient_noise=0.5, seed=3)
    added = (path.x[:-1] - path.x[1:]) / rates - 2 * path.x[:-1]
    np.testing.assert_allclose(added[:, :, 1:], np.repeat(added[:, :, :1], 2, axis=2), atol=1e-12)
    np.testing.assert_array_equal(path.x, run(X2, GD, rates, steps=50, gradient_noise=0.5, seed=3).x)
    np.testing.assert_array_equal(path.x[:21], run(X2, GD, rates, steps=20, gradient_noise=0.5, seed=3).x)
    assert (path.x[1:] != run(X2, GD, rates, steps=50, gradient_noise=0.5, seed=4).x[1:]).all()
    long = run(X2, GD, 0.1, steps=20_000, gradient_noise=0.5)
    noise = (long.x[:-1] - long.x[1:]) / 0.1 - 2 * long.x[:-1]
    assert (noise.mean(), noise.std()) == pytest.approx((0, 0.5), abs=0.02)
    # What is kept is the whole loss and its own gradient.
    np.testing.assert_array_equal(long.gradient_norm, np.abs(2 * long.x[:, 0]))


def test_without_noise_nothing_is_added_and_with_it_the_verdict_knows() -> None:
    np.testing.assert_array_equal(run(X2, GD, 0.1, gradient_noise=0).x, run(X2, GD, 0.1).x)
    assert not run(X2, GD, 0.1).stochastic
    noisy = run(X2, GD, 0.1, steps=1000, gradient_noise=0.1)
    assert noisy.stochastic
    assert judge(noisy).verdict[0] == Verdict.NOISY
    assert sweep(X2, GD, [0.1], steps=1000, gradient_noise=0.1).final_loss[0] == noisy.loss[-1, 0]


@pytest.mark.parametrize("noise", [-1, np.nan, np.inf, "much", (0.1, 0.2)])
def test_noise_must_be_one_number(noise: object) -> None:
    with pytest.raises(ValueError, match="gradient_noise must be"):
        run(X2, GD, 0.1, gradient_noise=noise)  # type: ignore[arg-type]


def test_a_link_carries_what_is_random() -> None:
    setup = Setup("linear_regression", batch_size=4, replacement=True, gradient_noise=0.25, learning_rate=1e-5)
    assert setup.to_query()["replacement"] == "true"
    assert Setup.from_query(setup.to_query()) == setup
    path = setup.run()
    assert (path.gradient_noise, path.stochastic) == (0.25, True)
    assert path.rows is not None
    assert "replacement" not in Setup().to_query()
    for wrong in ({"replacement": "yes"}, {"gradient_noise": -1}, {"gradient_noise": (1, 2)}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
            Setup(**wrong)  # type: ignore[arg-type]


# Theory against the enumeration of all batches, which is exact, and against runs, to a stated share.


def all_batches(examples: int, batch_size: int, replacement: bool) -> list[tuple[int, ...]]:
    """Every batch that can be drawn, as often as its chance says."""
    draw = range(examples)
    return list(itertools.product(draw, repeat=batch_size) if replacement else itertools.combinations(draw, batch_size))


def mean_square_rate(curvatures: Any, batch_size: int, *, replacement: bool = False) -> float:
    """2 E[h] / E[h_B²], below which E e² shrinks in one dimension (THEORY 30)."""
    h = np.ravel(np.asarray(curvatures, dtype=float))
    square = h.mean() ** 2 + h.var() * batch_variance_share(h.size, batch_size, replacement=replacement)
    return float(2 * h.mean() / square) if square > 0 else np.inf


def gaussian_growth(rate: float, dim: int, batch_size: int) -> float:
    """The factor of E‖e‖² a step on fresh examples a ~ N(0, I) that a weight fits exactly (THEORY 31)."""
    return 1 - 2 * rate + rate**2 * (1 + (dim + 1) / batch_size)


def interpolation_rate(largest_example: float, curvature: float, batch_size: int) -> float:
    """A rate that is safe on data that some weights fit exactly (Ma, Bassily and Belkin 2018; THEORY 32)."""
    return batch_size / (largest_example + (batch_size - 1) * curvature)


every_draw = pytest.mark.parametrize(("batch_size", "replacement"), [(1, False), (1, True), (2, False), (2, True), (3, True), (5, False)])


@every_draw
def test_in_one_dimension_the_mean_square_stops_shrinking_where_enumeration_says(batch_size: int, replacement: bool) -> None:
    h = np.array([0.5, 1.0, 4.0, 0.1, 2.0])
    of_batches = np.array([h[list(each)].mean() for each in all_batches(5, batch_size, replacement)])
    assert of_batches.var() == pytest.approx(h.var() * batch_variance_share(5, batch_size, replacement=replacement), rel=1e-12, abs=1e-15)
    rate = mean_square_rate(h, batch_size, replacement=replacement)
    assert np.mean((1 - rate * of_batches) ** 2) == pytest.approx(1, rel=1e-12)
    assert np.mean((1 - 0.99 * rate * of_batches) ** 2) < 1


def test_the_full_batch_has_the_edge_of_gradient_descent() -> None:
    assert mean_square_rate([1, 3], 2) == 1.0
    assert mean_square_rate([0, 0], 1) == np.inf
    fit = LOSSES["linear_regression"](data="linnerud", start="zero")
    assert isinstance(fit, LeastSquares)
    assert fit.minimizer is not None
    moment = SecondMoment.of(fit, fit.minimizer, fit.examples)
    assert moment.largest_rate == pytest.approx(critical_learning_rate(fit, GD), rel=1e-9)
    assert moment.loss_floor(0.5 * moment.largest_rate) == pytest.approx(0, abs=1e-20)


def some_fit(noise: float, examples: int = 5) -> LeastSquares:
    rng = np.random.default_rng(5)
    X = rng.standard_normal((examples, 2)) * [1.0, 2.0]
    return LeastSquares(X, X @ [1.0, -1.0] + noise * rng.standard_normal(examples), np.zeros(2), ("a", "b"))


@every_draw
def test_the_second_moment_is_that_of_all_batches(batch_size: int, replacement: bool) -> None:
    fit = some_fit(noise=0.7)
    moment = SecondMoment.of(fit, fit.minimizer, batch_size, replacement=replacement)  # type: ignore[arg-type]
    rate = 0.6 * moment.largest_rate
    batches = [(fit.X[list(rows)], fit.y[list(rows)]) for rows in all_batches(5, batch_size, replacement)]

    def square(rate: float) -> Any:
        return np.mean([np.kron(step, step) for X, y in batches for step in [np.eye(2) - rate * X.T @ X / len(y)]], axis=0)

    def growth(rate: float) -> float:
        return float(np.abs(np.linalg.eigvals(square(rate))).max())

    Q, kicks = square(rate), [rate * X.T @ (X @ fit.minimizer - y) / len(y) for X, y in batches]
    floor = np.linalg.solve(np.eye(4) - Q, np.mean([np.outer(each, each) for each in kicks], axis=0).ravel()).reshape(2, 2)
    np.testing.assert_allclose(moment.variance(rate), floor, rtol=1e-9, atol=1e-14)
    assert moment.loss_floor(rate) == pytest.approx(0.5 * np.trace(fit.X.T @ fit.X / 5 @ floor), rel=1e-9, abs=1e-14)
    assert growth(moment.largest_rate) == pytest.approx(1, rel=1e-9)
    assert growth(0.999 * moment.largest_rate) < 1 < growth(1.001 * moment.largest_rate)
    assert moment.loss_floor(moment.largest_rate) == np.inf


def test_in_one_dimension_both_theories_agree() -> None:
    fit = LOSSES["linear_regression"](data="noisy_line", intercept=False)
    assert isinstance(fit, LeastSquares)
    for replacement in (False, True):
        moment = SecondMoment.of(fit, fit.start, 4, replacement=replacement)
        assert moment.largest_rate == pytest.approx(mean_square_rate(fit.X**2, 4, replacement=replacement), rel=1e-12)


def test_a_flat_direction_has_neither_an_edge_nor_a_floor() -> None:
    X = np.array([[1.0, 1.0], [2.0, 2.0], [0.5, 0.5]])
    fit = LeastSquares(X, np.array([1.0, 0.0, 2.0]), np.zeros(2), ("a", "b"))
    moment = SecondMoment.of(fit, fit.minimizer, 1)  # type: ignore[arg-type]
    assert moment.largest_rate == pytest.approx(mean_square_rate(2 * X[:, 0] ** 2, 1), rel=1e-9)
    variance = moment.variance(0.1)
    np.testing.assert_allclose(variance @ [1, -1], 0, atol=1e-12)
    assert variance[0, 0] > 0


def test_what_all_weights_fit_exactly_has_no_floor_and_the_safe_rate_is_safe() -> None:
    fit = some_fit(noise=0.0, examples=40)
    for batch_size in (1, 2, 8, 40):
        moment = SecondMoment.of(fit, [1.0, -1.0], batch_size, replacement=True)
        assert moment.loss_floor(0.3 * moment.largest_rate) == pytest.approx(0, abs=1e-25)
        top = np.linalg.eigvalsh(moment.hessian)[-1]
        assert interpolation_rate((fit.X**2).sum(axis=1).max(), top, batch_size) < moment.largest_rate
    path = run(fit, GD, interpolation_rate((fit.X**2).sum(axis=1).max(), top, 2), steps=4000, batch_size=2, replacement=True)
    assert judge(path).verdict[0] == Verdict.CONVERGED


@pytest.mark.parametrize(("dim", "batch_size", "rate"), [(1, 1, 0.3), (4, 2, 0.2), (10, 30, 0.9)])
def test_fresh_gaussian_examples(dim: int, batch_size: int, rate: float) -> None:
    """One step from a unit error, 200 000 times: within four standard errors, which are below 1 %."""
    rng = np.random.default_rng(dim)
    a = rng.standard_normal((200_000 // batch_size, batch_size, dim))
    e = np.zeros(dim)
    e[0] = 1
    after = e - rate * np.einsum("tbi,tbj,j->ti", a, a, e) / batch_size
    square = (after**2).sum(axis=1)
    assert square.mean() == pytest.approx(gaussian_growth(rate, dim, batch_size), abs=4 * square.std() / np.sqrt(len(square)))
    edge = 2 * batch_size / (batch_size + dim + 1)
    assert gaussian_growth(edge, dim, batch_size) == pytest.approx(1, rel=1e-12)
    best = gaussian_growth(edge / 2, dim, batch_size)
    assert best == pytest.approx(1 - batch_size / (batch_size + dim + 1), rel=1e-12)


@pytest.mark.parametrize(("momentum", "h"), [(0.0, 0.2), (0.0, 1.5), (0.5, 1.0), (0.9, 0.3)])
def test_the_floor_of_additive_noise(momentum: float, h: float) -> None:
    """400 coordinates are 400 chains, since each has noise of its own; 4000 steps leave about 1 %, and 4 % are allowed."""
    lam, s = 2.0, 0.3
    loss = LOSSES["quadratic"](eigenvalues=(lam,) * 400)
    path = run(loss, OPTIMIZERS["momentum"](momentum=momentum), h / lam, start=np.zeros(400), steps=4000, gradient_noise=s, seed=1)
    seen = (path.x[1000:, :, 0] ** 2).mean()
    assert seen == pytest.approx(floor_variance(s, h / lam, lam, momentum), rel=0.04)
    assert path.loss[1000:].mean() == pytest.approx(400 * floor_loss(s, h / lam, lam, momentum), rel=0.04)


def test_the_floor_at_its_ends() -> None:
    np.testing.assert_array_equal(floor_variance(1.0, [0.0, 1.0, 2.0, 3.0], 1.0), [0, 1, np.inf, np.inf])
    assert floor_variance(0.0, 3.0, 1.0) == 0
    # Momentum at the same effective rate has the same floor to first order.
    assert floor_variance(1.0, 1e-4 * 0.1, 1.0, 0.9) == pytest.approx(floor_variance(1.0, 1e-4, 1.0), rel=1e-3)


def test_a_run_on_mini_batches_ends_on_the_floor() -> None:
    """The mean of the last 40 000 losses, within 5 %; shuffled epochs end lower."""
    fit = some_fit(noise=0.7, examples=20)
    moment = SecondMoment.of(fit, fit.minimizer, 2, replacement=True)  # type: ignore[arg-type]
    rate = 0.3 * moment.largest_rate
    kept, shuffled = (run(fit, GD, rate, steps=42_000, batch_size=2, replacement=each, seed=3) for each in (True, False))
    above = kept.loss[2000:].mean() - fit.minimum  # type: ignore[operator]
    assert above == pytest.approx(moment.loss_floor(rate), rel=0.05)
    assert shuffled.loss[2000:].mean() - fit.minimum < above  # type: ignore[operator]


def test_refusals_of_the_second_moment() -> None:
    with pytest.raises(ValueError, match=r"reduction must be mean, .* got sum"):
        SecondMoment.of(LOSSES["linear_regression"](data="line", reduction="sum"), [0, 0], 2)  # type: ignore[arg-type]
    wide = LeastSquares(np.eye(21), np.zeros(21), np.zeros(21), tuple(f"x{i}" for i in range(21)))
    with pytest.raises(ValueError, match="dim must be at most 20"):
        SecondMoment.of(wide, np.zeros(21), 2)
    with pytest.raises(ValueError, match="batch_size must be at most the number of examples, 8, got 9"):
        SecondMoment.of(LINE, [0, 0], 9)  # type: ignore[arg-type]


# The batch that lit the fuse.


def test_the_spoiled_cell_lights_the_fuse() -> None:
    fit = LOSSES["linear_regression"](data="diabetes", columns=("bmi", "bp", "s5"), standardize=True)
    assert isinstance(fit, LeastSquares)
    X = fit.X.copy()
    X[123, 1] = 1000.0
    path = run(replace(fit, X=X), GD, 0.1, batch_size=30, steps=60, seed=2)
    lit = fuse(path)
    assert lit is not None
    assert 123 in lit.rows
    assert lit.too_sharp
    assert lit.edge == 20
    assert lit.after > 1e4 * lit.before
    assert path.rows is not None
    np.testing.assert_array_equal(lit.rows, path.rows[lit.step])


def test_a_step_that_leaves_the_number_line_is_the_largest_rise() -> None:
    path = run(LINE, GD, [1e-5, 1e9], batch_size=2, steps=60, start=[1.0, 1.0])
    lit = fuse(path, run=1)
    assert lit is not None
    assert np.isfinite(lit.before) > np.isfinite(lit.after)
    assert lit.step + 1 == judge(path).first_nonfinite[1]


def test_without_batches_or_without_a_rise_there_is_no_fuse() -> None:
    assert fuse(run(LINE, GD, 1.0)) is None
    assert fuse(run(LINE, GD, 1.0, batch_size=2, steps=0)) is None
    calm = run(LOSSES["linear_regression"](data="noisy_line", noise=0.0), GD, 1e-3, batch_size=25, steps=10)
    assert (np.diff(calm.loss[:, 0]) < 0).all()
    assert fuse(calm) is None
