"""The ruler: enough rates, the right ones, for every loss and every rule, however odd the start and the rate."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer import LOSSES, OPTIMIZERS, critical_learning_rate
from explorer.core.run.ruler import AROUND, ruler
from explorer.core.run.setup import Setup
from explorer.core.theory.edge import Edge, best_learning_rate

GD = OPTIMIZERS["gradient_descent"]()
LEAST = 121
# Losses with many weights are as lawful as the others, but slow: they meet one rule.
WIDE = {name for name in LOSSES if LOSSES[name]().dim > 50}
PAIRS = [(loss, rule) for loss in LOSSES for rule in OPTIMIZERS if loss not in WIDE or rule == "adam"]
RATES = [0.0, 1e-300, 1e-12, 0.1, 1e6, 1e300]


@pytest.mark.parametrize(("loss_name", "optimizer_name"), PAIRS)
def test_enough_rates_in_order_with_the_marks_and_the_chosen_one(loss_name: str, optimizer_name: str) -> None:
    loss, optimizer = LOSSES[loss_name](), OPTIMIZERS[optimizer_name]()
    minimizer = getattr(loss, "minimizer", None)
    starts = (loss.start, 0 * loss.start, loss.start if minimizer is None else minimizer)
    for start in starts[: 1 if loss_name in WIDE else 3]:
        for chosen in RATES[3:5] if loss_name in WIDE else RATES:
            scale = ruler(loss, optimizer, start, chosen)
            assert scale.rates.size >= LEAST
            assert (np.diff(scale.rates) > 0).all(), "in order, none twice"
            assert np.isfinite(scale.rates).all()
            assert scale.rates[0] >= 0
            assert scale.rates[scale.position(chosen)] == chosen
            if np.isfinite(scale.edge.rate):
                assert scale.rates[next(at for name, at in scale.marks.items() if name.startswith("edge"))] == scale.edge.rate
            else:
                assert scale.marks == {}


@pytest.mark.parametrize("size", [1e-300, 1e-170, 1e-155, 1e150, 1e155, 1e200, 1e308])
@pytest.mark.parametrize("loss_name", [name for name in LOSSES if name not in WIDE])
def test_a_start_may_be_anywhere(loss_name: str, size: float) -> None:
    loss = LOSSES[loss_name]()
    for optimizer in ("gradient_descent", "adam"):
        scale = ruler(loss, OPTIMIZERS[optimizer](), np.full(loss.dim, size), 0.1)
        assert scale.rates.size >= LEAST
        assert (np.diff(scale.rates) > 0).all()
        assert np.isfinite(scale.rates).all()
        assert 0.1 in scale.rates
        assert "nan" not in scale.edge.reason


@pytest.mark.parametrize("optimizer_name", ["gradient_descent", "momentum", "nesterov"])
@pytest.mark.parametrize("loss_name", ["x_squared", "quadratic", "ravine", "rosenbrock", "linear_regression"])
def test_the_marks_are_theorys(loss_name: str, optimizer_name: str) -> None:
    loss, optimizer = LOSSES[loss_name](), OPTIMIZERS[optimizer_name]()
    minimizer = loss.minimizer  # type: ignore[attr-defined]
    values = np.linalg.eigvalsh(loss.hvp(np.repeat(minimizer[:, None], loss.dim, axis=1), np.eye(loss.dim)))
    scale = ruler(loss, optimizer, loss.start, 0.1)
    named = {name: scale.rates[at] for name, at in scale.marks.items()}
    assert named["1/λ"] == pytest.approx(1 / values[-1], rel=1e-9)
    assert named["edge"] == critical_learning_rate(loss, optimizer)
    assert named["best"] == pytest.approx(best_learning_rate(optimizer, values), rel=1e-6)


def test_rates_are_closest_at_the_edge() -> None:
    scale = ruler(LOSSES["quadratic"](), GD, np.ones(2), 0.1)
    for share in AROUND:
        for side in (-1, 1):
            assert np.isclose(scale.rates, scale.edge.rate * (1 + side * share), rtol=1e-4, atol=0).any()
    near = np.abs(scale.rates / scale.edge.rate - 1) < 0.05
    assert near.sum() >= 9
    assert scale.rates[0] <= scale.edge.rate / 100
    assert scale.rates[-1] >= scale.edge.rate * 9.99


@pytest.mark.parametrize("loss_name", ["x_squared", "linear_regression", "rosenbrock", "uv"])
@pytest.mark.parametrize("optimizer_name", ["gradient_descent", "adam"])
def test_a_link_says_a_rate_in_few_digits_and_finds_it_in_its_place(loss_name: str, optimizer_name: str) -> None:
    setup = Setup(loss_name, optimizer_name)
    loss, optimizer = setup.make_loss(), setup.make_optimizer()
    chosen = 1.01 * float(ruler(loss, optimizer, loss.start, 0.0).rates[60])
    scale = ruler(loss, optimizer, loss.start, chosen)
    exact = {*scale.rates[[*scale.marks.values()]].tolist(), chosen}  # what theory names, and what was asked for
    for rate in scale.rates.tolist():
        said = replace(setup, learning_rate=rate).to_query()["learning_rate"]
        assert rate in exact or len(Decimal(said).normalize().as_tuple().digits) <= 5, said
        again = ruler(loss, optimizer, loss.start, Setup.from_query(f"v=1&learning_rate={said}").learning_rate)
        assert {*again.rates.tolist(), chosen} == {*scale.rates.tolist()}
        assert again.rates[again.position(rate)] == rate


@pytest.mark.parametrize(("loss_name", "optimizer_name"), [("quadratic", "gradient_descent"), ("x_fourth", "momentum")])
def test_a_rate_beyond_the_ends_moves_them(loss_name: str, optimizer_name: str) -> None:
    loss, optimizer = LOSSES[loss_name](), OPTIMIZERS[optimizer_name]()
    assert ruler(loss, optimizer, loss.start, 1e-9).rates[0] == 1e-9
    assert ruler(loss, optimizer, loss.start, 1e9).rates[-1] == 1e9
    assert ruler(loss, optimizer, loss.start, 0.0).rates[0] == 0


@given(rate=st.floats(1e-6, 1e4))
def test_the_position_is_the_nearest_in_factors(rate: float) -> None:
    scale = ruler(LOSSES["x_squared"](), GD, np.array([1.0]), 0.1)
    assert scale.position(rate) == np.argmin(np.abs(np.log(scale.rates / rate)))


def test_no_rate_is_at_the_left_end() -> None:
    scale = ruler(LOSSES["x_squared"](), GD, np.array([1.0]), 0.1)
    assert scale.position(0.0) == 0


@pytest.mark.parametrize(
    ("loss_name", "optimizer_name", "rate", "exact", "reason"),
    [
        ("x_squared", "gradient_descent", 1.0, True, "2/λ, with λ = 2 the largest curvature"),
        ("booth", "momentum", 3.8 / 18, True, "3.8/λ, with λ = 18 the largest curvature"),
        ("rosenbrock", "gradient_descent", 0.0019968, False, "2/λ, with λ = 1,002 the largest curvature at the minimum"),
        ("saddle", "gradient_descent", 2.0, False, "2/λ, with λ = 1 the largest curvature at the start"),
        ("x_fourth", "gradient_descent", 0.5, True, "2/c, with c = 4 the gradient over the distance at the start"),
        ("x_fourth", "momentum", 3.8 / 12, False, "3.8/λ, with λ = 12 the largest curvature at the start"),
        ("absolute", "gradient_descent", np.inf, True, "nothing curves upward here, so no rate makes a step grow without end"),
        ("x_squared", "adam", 38.0, False, "38/λ, with λ = 1 the curvature in the optimizer's own units at the start"),
    ],
)
def test_the_edge_and_its_reason(loss_name: str, optimizer_name: str, rate: float, exact: bool, reason: str) -> None:
    loss = LOSSES[loss_name]()
    edge = Edge.of(loss, OPTIMIZERS[optimizer_name](), loss.start)
    assert edge.rate == pytest.approx(rate, rel=1e-5)
    assert (edge.exact, edge.reason) == (exact, reason)


def test_an_edge_so_far_out_that_it_overflows_is_none() -> None:
    edge = Edge.of(LOSSES["x_fourth"](), GD, np.array([1e200]))
    assert (edge.rate, edge.exact) == (np.inf, False)
    assert edge.reason == "theory names no edge: the curvature at the start overflows"
