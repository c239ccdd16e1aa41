"""What theory says should happen, against closed forms, brute force and runs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer import LOSSES, OPTIMIZERS, Loss, critical_learning_rate, run
from explorer.core.losses.regression import LeastSquares
from explorer.core.theory.curvature import DENSE, hessian, second_order, sharpness, spectrum
from explorer.core.theory.edge import best_learning_rate, edge_curvature
from explorer.core.theory.growth import Modes
from explorer.core.verdict.measured import measured_growth

GD = OPTIMIZERS["gradient_descent"]()
LINEAR: list[tuple[str, dict[str, float]]] = [
    ("gradient_descent", {}),
    ("momentum", {"momentum": 0.5}),
    ("momentum", {"momentum": 0.9}),
    ("momentum", {"momentum": 0.9, "dampening": 0.5}),
    ("nesterov", {"momentum": 0.9}),
]
QUADRATICS: list[tuple[str, dict[str, Any]]] = [
    ("x_squared", {}),
    ("booth", {}),
    ("matyas", {}),
    ("quadratic", {"eigenvalues": (1, 10)}),
    ("quadratic", {"eigenvalues": (0.5, 0, 3, 7), "rotation": 30}),
    ("ravine", {"dimension": 5}),
    ("linear_regression", {}),
    ("linear_regression", {"data": "line", "half": False, "start": "zero"}),
    ("linear_regression", {"data": "noisy_line", "reduction": "sum", "intercept": False, "start": "zero"}),
]
every_linear_rule = pytest.mark.parametrize(("name", "knobs"), LINEAR, ids=str)
every_quadratic = pytest.mark.parametrize(("loss_name", "settings"), QUADRATICS, ids=str)


# Edges.


@pytest.mark.parametrize(
    ("name", "curvature"),
    [
        ("x_squared", 2.0),
        ("rosenbrock", 1001.6006),
        ("booth", 18.0),
        ("beale", 48.9798),
        ("himmelblau", 82.2843),
        ("matyas", 1.0),
        ("three_hump_camel", 4.41421),
        ("double_well", 2.0),
    ],
)
def test_the_edge_at_the_minimum_for_every_rule(name: str, curvature: float) -> None:
    """THEORY 9, 10, 12, 20 and 53."""
    loss = LOSSES[name]()
    factors = {"gradient_descent": 2, "momentum": 2 * 1.9, "nesterov": 2 * 1.9 / 2.8}
    for rule, factor in factors.items():
        assert critical_learning_rate(loss, OPTIMIZERS[rule]()) == pytest.approx(factor / curvature, rel=2e-6)
    # At the minimum there is no gradient, so what divides the step is ε (THEORY 25: it converges iff ηλ/ε < 38).
    assert critical_learning_rate(loss, OPTIMIZERS["adam"]()) == pytest.approx(38e-8 / curvature, rel=2e-6)
    assert critical_learning_rate(loss, OPTIMIZERS["rmsprop"](eps=1e-3, momentum=0.5)) == pytest.approx(3e-3 / curvature, rel=2e-6)


def test_the_edge_of_adam_is_that_of_its_preconditioned_hessian() -> None:
    """38/λmax(P⁻¹H), P = √v̂ + ε = |g| + ε after one look (THEORY 20)."""
    loss, x = LOSSES["rosenbrock"](), np.array([-1.2, 1.0])
    _, g = loss.value_and_gradient(x[:, None])
    H = np.array([[1330.0, 480.0], [480.0, 200.0]])
    top = np.linalg.eigvals(H / (np.abs(g) + 1e-8)).max()
    assert critical_learning_rate(loss, OPTIMIZERS["adam"](), x) == pytest.approx(38 / top, rel=1e-12)
    assert critical_learning_rate(loss, OPTIMIZERS["adam"](beta1=0.5), x) == pytest.approx(6 / top, rel=1e-12)
    v = 0.01 * g * g
    top = np.linalg.eigvals(H / (np.sqrt(v) + 1e-8)).max()
    assert critical_learning_rate(loss, OPTIMIZERS["rmsprop"](), x) == pytest.approx(2 / top, rel=1e-12)


def test_the_edge_of_adam_where_the_curvature_is_flat_in_its_units_is_real() -> None:
    """ε large holds P still: on ½λx² with g ≪ ε, Adam is averaged momentum and its edge is exact (THEORY 25)."""
    loss, rule = LOSSES["quadratic"](eigenvalues=(2.0,)), OPTIMIZERS["adam"](eps=1.0)
    edge = critical_learning_rate(loss, rule)
    assert edge == pytest.approx(19)
    below, above = run(loss, rule, [0.99 * edge, 1.01 * edge], start=[1e-40], steps=300).loss.T  # type: ignore[operator]
    # Its first steps have no momentum yet, so both begin far beyond their edge.
    assert below[-1] < 1e-6 * below[100]
    assert above[-1] > 1e6 * above[100]


def test_edges_that_depend_on_the_start() -> None:
    x4, well = LOSSES["x_fourth"](), LOSSES["double_well"]()
    x0 = np.array([[0.5, 1.0, -2.0, 100.0]])
    np.testing.assert_allclose(critical_learning_rate(x4, GD, x0), 1 / (2 * x0[0] ** 2))  # THEORY 41
    np.testing.assert_allclose(critical_learning_rate(well, GD, x0), [np.inf, 1, 2 / 11, 2 / 29999])
    np.testing.assert_array_equal(critical_learning_rate(LOSSES["absolute"](), GD, x0), np.inf)
    assert critical_learning_rate(LOSSES["absolute"](), OPTIMIZERS["momentum"]()) == np.inf
    assert critical_learning_rate(x4, GD, [0.0]) == np.inf
    # A saddle has no minimum: its own start, and the direction that curves upward.
    assert critical_learning_rate(LOSSES["saddle"](), GD) == 2
    assert critical_learning_rate(LOSSES["quadratic"](eigenvalues=(-1, -3)), GD) == np.inf


def test_an_edge_for_each_point_and_each_rule() -> None:
    loss = LOSSES["rosenbrock"]()
    points = np.random.default_rng(0).standard_normal((2, 6))
    for name in ("gradient_descent", "momentum", "adam"):
        rule = OPTIMIZERS[name]()
        rates = critical_learning_rate(loss, rule, points)
        np.testing.assert_allclose(rates, [critical_learning_rate(loss, rule, point) for point in points.T], rtol=1e-12)
    two = OPTIMIZERS["momentum"](momentum=np.array([0.0, 0.9]))
    np.testing.assert_allclose(critical_learning_rate(LOSSES["x_squared"](), two), [1, 1.9])


@pytest.mark.parametrize("far", [1e160, 1e300])
@pytest.mark.parametrize("name", LOSSES)
def test_so_far_out_that_the_curvature_overflows(name: str, far: float) -> None:
    loss = LOSSES[name]()
    for rule in ("gradient_descent", "adam"):
        rate = critical_learning_rate(loss, OPTIMIZERS[rule](), np.full(loss.dim, far))
        assert isinstance(rate, float)
        assert rate >= 0 or math.isnan(rate)


# The best rate.


@pytest.mark.parametrize(("smallest", "largest"), [(1, 1), (1, 10), (0.01, 1), (3, 3e4)])
@every_linear_rule
def test_no_other_rate_is_better_than_the_best(name: str, knobs: dict[str, float], smallest: float, largest: float) -> None:
    """Against brute force on the companion matrices."""
    rule = OPTIMIZERS[name](**knobs)
    eigenvalues = np.geomspace(smallest, largest, 4)
    best = best_learning_rate(rule, eigenvalues)

    def slowest(rate: float) -> float:
        trace, det = rule.recurrence.trace_and_det(eigenvalues * rate)
        return float(max(np.abs(np.roots([1, -t, d])).max() for t, d in np.broadcast(trace, det)))

    edge = float(rule.recurrence.edge / largest)
    rates = np.concatenate([np.geomspace(edge / 1e5, edge * 1.1, 1500), best * (1 + np.linspace(-0.02, 0.02, 41))])
    assert slowest(best) <= min(map(slowest, rates)) + 1e-6
    assert 0 < best < edge


def test_best_rates_in_closed_form() -> None:
    assert best_learning_rate(GD, [2, 8]) == pytest.approx(2 / 10)  # THEORY 2
    assert best_learning_rate(OPTIMIZERS["gradient_descent"](weight_decay=1.0), [1, 7]) == pytest.approx(2 / 10)
    for kappa in (10.0, 100.0, 1e4):
        mu, L = 1.0, kappa
        beta = ((math.sqrt(kappa) - 1) / (math.sqrt(kappa) + 1)) ** 2
        goh = (2 / (math.sqrt(L) + math.sqrt(mu))) ** 2  # THEORY 13
        rule = OPTIMIZERS["momentum"](momentum=beta)
        best = best_learning_rate(rule, [mu, L])
        # At Goh's β every mode has the factor √β at this rate and at no other: a double root at either end.
        assert best == pytest.approx(goh, rel=1e-4)
        assert rule.recurrence.growth(np.array([mu, L]) * best).max() == pytest.approx(math.sqrt(beta), rel=1e-4)
        s = math.sqrt(3 * kappa + 1)
        nesterov = OPTIMIZERS["nesterov"](momentum=(s - 2) / (s + 2))  # THEORY 15
        best = best_learning_rate(nesterov, [mu, L])
        assert nesterov.recurrence.growth(np.array([mu, L]) * best).max() == pytest.approx(1 - 2 / s, rel=1e-4)
        assert best == pytest.approx(4 / (3 * L + mu), rel=1e-3)


@pytest.mark.parametrize("eigenvalues", [(0.0, 1.0), (-1.0, 1.0)])
def test_no_rate_shrinks_what_does_not_curve_upward(eigenvalues: tuple[float, ...]) -> None:
    assert math.isnan(best_learning_rate(GD, eigenvalues))


# One step.


@every_quadratic
def test_to_second_order_is_exact_on_a_quadratic(loss_name: str, settings: dict[str, Any]) -> None:
    """½ε²gᵀHg - εgᵀg (THEORY 4)."""
    loss = LOSSES[loss_name](**settings)
    rng = np.random.default_rng(2)
    for _ in range(5):
        x, move = rng.standard_normal((2, loss.dim))
        terms = second_order(loss, x, move)
        assert terms.predicted == pytest.approx(terms.actual, rel=1e-9, abs=1e-9 * (abs(terms.slope) + abs(terms.bend)))


@pytest.mark.parametrize("name", ["rosenbrock", "beale", "himmelblau", "three_hump_camel", "double_well", "x_fourth"])
def test_to_third_order_the_rest_is_small(name: str) -> None:
    loss = LOSSES[name]()
    x = loss.start + 0.1
    move = np.random.default_rng(0).standard_normal(loss.dim)
    errors = [abs((terms := second_order(loss, x, h * move)).predicted - terms.actual) for h in (1e-2, 5e-3)]
    assert errors[0] / errors[1] == pytest.approx(8, rel=0.2)


def test_a_step_goes_uphill_once_bend_outgrows_slope() -> None:
    """ε > 2gᵀg/gᵀHg (THEORY 4), and never for ε < 2/L (THEORY 5)."""
    loss = LOSSES["quadratic"](eigenvalues=(1, 10))
    x = np.array([3.0, 1.0])
    _, g = loss.value_and_gradient(x[:, None])
    turn = 2 * (g * g).sum() / (g * loss.hvp(x[:, None], g)).sum()
    assert turn > 2 / 10
    assert second_order(loss, x, -0.999 * turn * g[:, 0]).actual < 0 < second_order(loss, x, -1.001 * turn * g[:, 0]).actual


# Modes against runs.


@every_quadratic
@every_linear_rule
def test_the_loss_over_a_run_is_the_modes(name: str, knobs: dict[str, float], loss_name: str, settings: dict[str, Any]) -> None:
    loss, rule = LOSSES[loss_name](**settings), OPTIMIZERS[name](**knobs)
    edge = critical_learning_rate(loss, rule)
    rates = np.array([0.0, 0.003, 0.1, 0.25, 0.37, 0.5, 0.73, 0.97, 1.0, 1.03, 1.7]) * edge
    path = run(loss, rule, rates, steps=40)
    theory = np.exp(Modes.of(loss, rule, path.x[0, :, 0]).log_excess(rates, np.arange(41)))
    minimum = loss.minimum or 0.0
    # What the loss has shrunk by, it has lost in digits.
    error = np.abs(theory - (path.loss - minimum))
    assert (error <= 1e-8 * theory + 1e-12 * np.maximum.accumulate(path.loss, axis=0)).all()


@pytest.mark.parametrize("beta", [0.25, 0.81])
def test_a_double_root_grows_by_its_step_first(beta: float) -> None:
    """At ηλ = (1 ± √β)² both roots are ±√β: the distance is (1 + c t) √βᵗ (THEORY 13)."""
    loss, rule = LOSSES["quadratic"](eigenvalues=(1,)), OPTIMIZERS["momentum"](momentum=beta)
    rates = np.array([(1 - math.sqrt(beta)) ** 2, (1 + math.sqrt(beta)) ** 2])
    rates = np.concatenate([rates, rates * (1 + 1e-13), rates * (1 + 1e-9), rates * (1 - 1e-6)])
    path = run(loss, rule, rates, steps=60)
    theory = np.exp(Modes.of(loss, rule, path.x[0, :, 0]).log_excess(rates, np.arange(61)))
    np.testing.assert_allclose(theory, path.loss, rtol=1e-4, atol=1e-12 * path.loss.max())


def test_steps_may_differ_between_runs() -> None:
    loss, rates = LOSSES["quadratic"](eigenvalues=(1, 10)), np.array([0.05, 0.15, 0.3])
    modes = Modes.of(loss, GD, loss.start)
    together = modes.log_excess(rates, np.arange(50))
    np.testing.assert_array_equal(modes.log_excess(rates, np.array([[3, 40, 17]]))[0], [together[3, 0], together[40, 1], together[17, 2]])


@pytest.mark.parametrize("rate", [1.01, 1.1, 1.25, 1.4, 1.5, 2.5, 6.0, 20.0, 1e3, 1e10, 1e100])
def test_the_overflow_of_x_squared(rate: float) -> None:
    """⌈512/log₂|1 - 2η|⌉ from 1 (THEORY 8), predicted and seen."""
    loss = LOSSES["x_squared"]()
    step = Modes.of(loss, GD, loss.start).overflow_step(np.array([rate]))[0]
    assert step == math.ceil(512 / math.log2(2 * rate - 1))
    losses = run(loss, GD, rate, steps=int(step) + 1).loss[:, 0]
    assert np.argmax(~np.isfinite(losses)) == step


@every_quadratic
@pytest.mark.parametrize("name", ["gradient_descent", "momentum", "nesterov"])
def test_the_overflow_is_where_the_run_has_it(name: str, loss_name: str, settings: dict[str, Any]) -> None:
    loss, rule = LOSSES[loss_name](**settings), OPTIMIZERS[name]()
    rates = critical_learning_rate(loss, rule) * np.array([1.1, 1.37, 2.0, 4.92, 30.0, 1e3])
    forecast = Modes.of(loss, rule, loss.start).overflow_step(rates)
    losses = run(loss, rule, rates, steps=int(forecast.max()) + 2).loss
    early = forecast - (~np.isfinite(losses)).argmax(axis=0)
    assert (early == 0).all()


def test_what_never_overflows() -> None:
    modes = Modes.of(LOSSES["x_squared"](), GD, np.array([1.0]))
    np.testing.assert_array_equal(modes.overflow_step(np.array([0.0, 0.1, 0.5, 0.9, 1.0])), -1)
    assert modes.overflow_step(np.array([1.1]), within=1946)[0] == -1
    assert modes.overflow_step(np.array([1.1]), within=1947)[0] == 1947
    assert Modes.of(LOSSES["x_squared"](), GD, np.array([0.0])).overflow_step(np.array([5.0]))[0] == -1


def test_modes_are_eigenvectors_and_grow_by_their_own_factor() -> None:
    loss = LOSSES["quadratic"](eigenvalues=(1, 5, 10), rotation=40)
    modes = Modes.of(loss, GD, loss.start)
    np.testing.assert_allclose(modes.eigenvalues, [1, 5, 10])
    np.testing.assert_allclose(np.abs(modes.start), 1)
    rates = np.array([0.05, 0.19, 0.25])
    assert modes.log_distance(rates, np.arange(4)).shape == (4, 3, 3)
    path = run(loss, GD, rates, steps=9)
    along = np.abs(np.einsum("dm,tdr->tmr", spectrum(loss, loss.start)[1], path.x))
    np.testing.assert_allclose(np.exp(modes.log_distance(rates, np.arange(10))), along, rtol=1e-9, atol=1e-13)


# Measured growth.


@pytest.mark.parametrize("steps", [3, 30, 500, 4000])
def test_the_measured_factor_is_the_predicted_one(steps: int) -> None:
    """|1 - ηλ| (THEORY 1); what has overflowed or shrunk to rounding is left out."""
    loss = LOSSES["quadratic"](eigenvalues=(2,))
    rates = np.array([0.01, 0.1, 0.3, 0.45, 0.55, 0.9, 0.99, 1.01, 1.1, 3.0, 1e6])
    np.testing.assert_allclose(measured_growth(run(loss, GD, rates, steps=steps)), np.abs(1 - 2 * rates), rtol=1e-9)


def test_there_is_no_factor_in_less_than_two_steps() -> None:
    loss = LOSSES["x_squared"]()
    assert np.isnan(measured_growth(run(loss, GD, 0.1, steps=0))).all()
    assert np.isnan(measured_growth(run(loss, GD, [0.5, 1e308], steps=9))).all()
    assert np.isnan(measured_growth(run(loss, GD, 0.1, start=[0.0], steps=9))).all()


# Curvature.


@pytest.mark.parametrize("name", [name for name in LOSSES if LOSSES[name]().dim <= DENSE])
def test_sharpness_is_the_largest_eigenvalue(name: str) -> None:
    loss = LOSSES[name]()
    rng = np.random.default_rng(5)
    x = loss.start[:, None] + rng.standard_normal((loss.dim, 4))
    P = rng.uniform(0.5, 2, x.shape)
    for i, (top, preconditioned) in enumerate(zip(sharpness(loss, x), sharpness(loss, x, P), strict=True)):
        H = np.column_stack([loss.hvp(x[:, i : i + 1], unit[:, None])[:, 0] for unit in np.eye(loss.dim)])
        assert top == pytest.approx(np.linalg.eigvalsh(H)[-1], rel=1e-9, abs=1e-12)
        assert preconditioned == pytest.approx(np.linalg.eigvals(H / P[:, i : i + 1]).real.max(), rel=1e-9, abs=1e-12)
        np.testing.assert_allclose(hessian(loss, x[:, i]), (H + H.T) / 2, rtol=1e-12, atol=1e-12)
        values, vectors = spectrum(loss, x[:, i])
        np.testing.assert_allclose(H @ vectors, vectors * values, atol=1e-9 * max(1, np.abs(H).max()))
        assert values.size == loss.dim
        assert (np.diff(values) >= 0).all()


def wide(dim: int) -> Loss:
    rng = np.random.default_rng(1)
    X = rng.standard_normal((60, dim)) * np.geomspace(0.1, 1, dim)
    return LeastSquares(X, rng.standard_normal(60), np.zeros(dim), tuple(map(str, range(dim))))


@pytest.mark.parametrize("loss", [wide(DENSE + 50), LOSSES["ravine"](dimension=400, rotation=20)], ids=["regression", "ravine"])
def test_beyond_the_dense_the_ends_of_the_spectrum_are_found_by_products(loss: Loss) -> None:
    assert loss.dim > DENSE
    x = np.random.default_rng(0).standard_normal((loss.dim, 2))
    H = np.column_stack([loss.hvp(x[:, :1], unit[:, None])[:, 0] for unit in np.eye(loss.dim)])
    dense = np.linalg.eigvalsh(H)
    values, vectors = spectrum(loss, x[:, 0])
    assert (values.shape, vectors.shape) == ((2,), (loss.dim, 2))
    np.testing.assert_allclose(values, dense[[0, -1]], atol=1e-8 * dense[-1])
    np.testing.assert_allclose(H @ vectors[:, 1], values[1] * vectors[:, 1], atol=1e-6 * dense[-1])
    np.testing.assert_allclose(sharpness(loss, x), dense[-1], rtol=1e-9)
    P = np.random.default_rng(3).uniform(0.5, 2, x.shape)
    expected = [np.linalg.eigvalsh(H / np.sqrt(np.outer(p, p)))[-1] for p in P.T]
    np.testing.assert_allclose(sharpness(loss, x, P), expected, rtol=1e-9)
    assert critical_learning_rate(loss, GD, x[:, 0]) == pytest.approx(2 / dense[-1], rel=1e-9)


def test_products_that_are_nothing_or_no_number_at_all() -> None:
    dim = DENSE + 1
    flat = LeastSquares(np.zeros((3, dim)), np.ones(3), np.zeros(dim), tuple(map(str, range(dim))))
    assert sharpness(flat, np.zeros((dim, 1)))[0] == 0
    assert critical_learning_rate(flat, GD, np.zeros(dim)) == np.inf
    steep = LeastSquares(np.full((3, dim), 1e200), np.ones(3), np.zeros(dim), tuple(map(str, range(dim))))
    assert np.isnan(sharpness(steep, np.zeros((dim, 1)))[0])


def test_the_edge_of_a_wide_run() -> None:
    loss = LOSSES["ravine"](dimension=300)
    rates = np.array([1.9, 2.1])
    modes = Modes.of(loss, GD, loss.start)
    path = run(loss, GD, rates, steps=3000)
    assert np.isfinite(path.loss[-1, 0])
    assert (~np.isfinite(path.loss[:, 1])).any() == (modes.overflow_step(rates, within=3000)[1] >= 0)


def test_a_curvature_that_is_not_finite_is_nan() -> None:
    assert np.isnan(sharpness(LOSSES["x_fourth"](), np.array([[1e200]])))
    assert edge_curvature(LOSSES["x_fourth"](), GD, np.array([[1e200]])) == np.inf


@given(learning_rate=st.floats(1e-6, 1e3), start=st.floats(0.01, 100), curvature=st.floats(1e-3, 1e3))
def test_a_forecast_is_the_first_step_beyond_the_largest_number(learning_rate: float, start: float, curvature: float) -> None:
    """In exact logarithms: ½λx₀²|1 - ηλ|²ᵗ > 2¹⁰²⁴."""
    loss = LOSSES["quadratic"](eigenvalues=(curvature,))
    step = int(Modes.of(loss, GD, np.array([start])).overflow_step(np.array([learning_rate]))[0])
    factor = abs(1 - learning_rate * curvature)
    if factor <= 1:
        assert step == -1
        return
    exact = (1024 * math.log(2) - math.log(curvature * start * start / 2)) / 2 / math.log(factor)
    assert step == -1 if exact > 1e6 + 1 else abs(step - math.ceil(exact)) <= 1e-9 * exact + (abs(exact - round(exact)) < 1e-6 * exact)
