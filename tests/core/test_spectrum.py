"""Eigenvalues, trace and density from products alone are those of the whole Hessian, also as an optimizer sees it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import explorer
from explorer import (
    LOSSES,
    OPTIMIZERS,
    Optimizer,
    critical_learning_rate,
    density,
    find_edge,
    from_function,
    run,
    safe_rate,
    sharpness,
    top_eigenvalues,
    trace,
)
from explorer.core.theory.curvature import check_product, hessian
from explorer.core.theory.curvature import top_eigenvalues as looked
from explorer.core.theory.edge import first_look

NET: Any = LOSSES["network"](hidden=(20, 20), data="moons")  # 501 parameters
ADAM = OPTIMIZERS["adam"](weight_decay=0.1)


def dense(rule: Any) -> np.ndarray:
    """The matrix P^-½ (H + weight decay) P^-½, symmetric."""
    H = hessian(NET, NET.start)
    if rule is None:
        return H
    P = first_look(NET, rule, NET.start[:, np.newaxis])
    assert P is not None
    return (H + rule.weight_decay * np.eye(NET.dim)) / np.sqrt(P) / np.sqrt(P.T)


@pytest.mark.parametrize("rule", [None, ADAM], ids=["plain", "Adam"])
def test_the_largest_eigenvalues_are_those_of_the_whole_matrix(rule: Any) -> None:
    exact = np.linalg.eigvalsh(dense(rule))[::-1]
    values, vectors = top_eigenvalues(NET, 5, optimizer=rule)
    np.testing.assert_allclose(values, exact[:5], rtol=1e-6)
    assert sharpness(NET, optimizer=rule) == pytest.approx(exact[0], rel=1e-6)
    assert critical_learning_rate(NET, rule or OPTIMIZERS["gradient_descent"]()) == pytest.approx(
        (rule or OPTIMIZERS["gradient_descent"]()).largest_stable_rate(exact[0]), rel=1e-6
    )
    P = 1.0 if rule is None else first_look(NET, rule, NET.start[:, np.newaxis])
    matrix = hessian(NET, NET.start) + (0 if rule is None else rule.weight_decay * np.eye(NET.dim))
    np.testing.assert_allclose(matrix @ vectors / P, vectors * values, atol=1e-5 * values[0])


@pytest.mark.parametrize("rule", [None, ADAM], ids=["plain", "Adam"])
def test_the_trace_is_within_its_error_and_exact_with_as_many_products_as_dimensions(rule: Any) -> None:
    exact = float(np.trace(dense(rule)))
    found = [trace(NET, optimizer=rule, seed=seed) for seed in range(8)]
    away = np.array([(each.value - exact) / each.error for each in found])
    assert (np.abs(away) < 4).all()
    assert 0.3 < np.sqrt((away**2).mean()) < 2
    whole = trace(NET, optimizer=rule, probes=NET.dim)
    assert (whole.value, whole.error) == (pytest.approx(exact, rel=1e-9), 0.0)


@pytest.mark.parametrize("rule", [None, ADAM], ids=["plain", "Adam"])
def test_the_density_has_the_moments_that_its_vectors_see(rule: Any) -> None:
    """A quadrature of k nodes is exact for powers below 2k: what is left is which vectors were drawn."""
    exact, Q = np.linalg.eigh(dense(rule))
    found = density(NET, optimizer=rule, probes=6, products=8, seed=3)
    weights = (Q.T @ np.random.default_rng(3).choice((-1.0, 1.0), (NET.dim, 6))) ** 2 / NET.dim
    np.testing.assert_allclose(found.weights.sum(axis=1), 1, rtol=1e-12)
    for power in range(16):
        seen = ((exact / exact[-1]) ** power @ weights).mean()
        assert found.moment(power)[0] / exact[-1] ** power == pytest.approx(seen, rel=1e-7)


def test_the_density_is_the_histogram_of_the_spectrum() -> None:
    exact = np.linalg.eigvalsh(hessian(NET, NET.start))
    found = density(NET, probes=30, products=40)
    width = exact[-1] / 20
    grid = np.linspace(exact[0] - 8 * width, exact[-1] + 8 * width, 400)
    smooth = np.exp(-(((grid[:, np.newaxis] - exact) / width) ** 2) / 2).mean(axis=1) / (width * np.sqrt(2 * np.pi))
    drawn = found.on(grid, width)
    assert np.trapezoid(drawn, grid) == pytest.approx(1, abs=1e-6)
    assert np.trapezoid(np.abs(drawn - smooth), grid) < 0.03
    for power in (1, 2, 3):
        mean, error = found.moment(power)
        assert abs(mean - (exact**power).mean()) < 4 * error


def test_what_is_zero_but_for_rounding_is_not_below_zero() -> None:
    """Half of them come out below 0, by 1e-8 of the largest."""
    rank = np.random.default_rng(0).standard_normal((60, 5)).astype(np.float32)
    flat = from_function(lambda x: (0.0 * x.sum(), 0 * x), np.ones(60), hvp=lambda x, v: rank @ (rank.T @ v.astype(np.float32)))
    found = density(flat, products=40)
    assert found.share(-np.inf, 0) > 0
    assert found.share(-np.inf, -found.rounding) == 0
    assert found.summary().startswith("eigenvalues 0 to")


def test_in_float32_it_stops_where_rounding_begins() -> None:
    """Without an end at √ε every look would take all 400 products."""
    asked = 0
    single: Any = LOSSES["network"](hidden=(20, 20), data="moons", dtype="float32")

    class Counted:
        dim, start, minimum, rounding = single.dim, single.start, None, float(np.finfo(np.float32).eps)
        value_and_gradient = staticmethod(single.value_and_gradient)

        def hvp(self, x: Any, v: Any) -> Any:
            nonlocal asked
            asked += 1
            return single.hvp(x.astype(np.float32), v.astype(np.float32)).astype(x.dtype)

    loss: Any = Counted()
    assert sharpness(loss, loss.start) == pytest.approx(float(np.linalg.eigvalsh(hessian(single, single.start))[-1]), rel=1e-5)
    assert asked < 60


def test_nonsense_is_refused_and_what_overflows_is_nan() -> None:
    with pytest.raises(ValueError, match=r"^k must be .*501, got 0$"):
        top_eigenvalues(NET, 0)
    with pytest.raises(ValueError, match=r"^x must be one point, \(2,\), got shape \(2, 3\)$"):
        trace(LOSSES["booth"](), np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"^probes must be ≤ 5,000,000 for 2 products, got 10,000,000$"):
        density("booth", probes=10**7)
    with pytest.raises(ValueError, match=r"^products must be ≤ .* for 1,000,000 dimensions, got 1,000,000$"):
        density(from_function(lambda x: (x @ x / 2, x), np.ones(10**6)), probes=2, products=10**6)
    with pytest.raises(ValueError, match="must have the member hvp"):
        sharpness(type("Bare", (), {"dim": 1, "start": np.ones(1), "minimum": None, "value_and_gradient": None})())
    far = LOSSES["x_fourth"](), [1e200]
    assert np.isnan(top_eigenvalues(far[0], 1, far[1])[0]).all()


def test_an_edge_is_found_without_a_path_beyond_624_parameters() -> None:
    low, high = find_edge(from_function(lambda x: (x @ x / 2, x), np.ones(700)), OPTIMIZERS["gradient_descent"](), 0.5, 8.0)
    assert low <= 2 <= high


@pytest.mark.parametrize("dim", [31, 101, 301])
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_few_different_eigenvalues_bring_no_others(dim: int, kind: Any) -> None:
    """After as many products as there are different ones nothing but rounding is left, and the basis goes on from elsewhere."""
    loss = LOSSES["quadratic"](eigenvalues=[1.0] * (dim - 1) + [5.0])
    values, vectors = top_eigenvalues(loss, 8, loss.start.astype(kind))
    np.testing.assert_allclose(values, [5.0] + [1.0] * 7, rtol=1e-5)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(8), atol=1e-4)
    found = density(loss, loss.start.astype(kind))
    assert found.eigenvalues.min() > 0.99
    assert found.eigenvalues.max() < 5.01
    assert found.share(-np.inf, 0.5) == 0


DOORS: dict[str, Any] = {
    "sharpness": sharpness,
    "top_eigenvalues": lambda *given: top_eigenvalues(given[0], 1, *given[1:])[0][0],
    "trace": lambda *given: trace(*given).value,
    "trace's error": lambda *given: trace(*given).error,
    "density": lambda *given: density(*given).moment(1)[0],
    "critical_learning_rate": lambda loss, *x: critical_learning_rate(loss, "gradient_descent", *x),
}


class Own:
    """f = x² + 50 y², whose product with the Hessian somebody else writes."""

    dim, start, minimum = 2, np.array([1.0, 1.0]), 0.0

    def __init__(self, hvp: Any) -> None:
        self.product = hvp

    def value(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(x[0] ** 2 + 50 * x[1] ** 2)

    def value_and_gradient(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.value(x), np.stack([2 * x[0], 100 * x[1]])

    def hvp(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        return np.asarray(self.product(v))


@pytest.mark.parametrize("door", DOORS)
def test_where_the_hessian_is_not_finite_all_that_is_said_of_it_is_nan(door: str) -> None:
    assert np.isnan(DOORS[door]("rosenbrock", (1e200, 1.0)))
    assert np.isnan(DOORS[door](from_function(lambda x: (np.nan, np.nan * x), [1.0, 1.0])))
    assert np.isfinite(DOORS[door]("rosenbrock", (1.0, 1.0)))


@pytest.mark.parametrize("door", [*DOORS, "safe_rate"])
def test_what_is_no_product_with_a_hessian_is_refused(door: str) -> None:
    random = np.random.default_rng(0)
    ask = DOORS.get(door, lambda loss: safe_rate(loss, check=False))
    for hvp in (lambda v: [-v[1], v[0]], lambda v: [2 * v[0] + 5 * v[1], 100 * v[1]], lambda v: random.random() * v):
        with pytest.raises(ValueError, match=r"^hvp must be the product with the Hessian, the same twice and with uᵀHv = vᵀHu, got "):
            ask(Own(hvp))
    ask(Own(lambda v: [2 * v[0], 100 * v[1]]))
    below = Optimizer(lambda x: (x,), lambda g, s, x: (g, s), preconditioner=lambda s: 0 * s[0] - 1)
    if door != "trace's error" and "rate" not in door:
        with pytest.raises(ValueError, match=r"^preconditioner must be a function whose numbers are ≥ 0: by it steps are divided, got -1$"):
            getattr(explorer, door)("quadratic", optimizer=below)


@pytest.mark.parametrize("name", LOSSES)
def test_no_product_of_the_shelves_is_suspected(name: str) -> None:
    """Neither far out, nor where all is flat, nor in float32, in which half of the digits are missing."""
    loss, random = LOSSES[name](), np.random.default_rng(0)
    for scale, away in ((1.0, 0.0), (1.0, 1.0), (0.0, 0.0), (10.0, 10.0), (1e3, 1.0)):
        x = scale * loss.start + away * random.standard_normal(loss.dim)
        for kind in (np.float32, np.float64):
            check_product(loss, x.astype(kind)[:, np.newaxis])


@pytest.mark.parametrize(("hidden", "share"), [((16,), 1.1), ((20, 20), 1.0), ((20, 20), 1.1), ((20, 20), 1.3)])
def test_looks_along_a_run_follow_the_largest_eigenvalue_and_not_the_one_that_was_largest(hidden: tuple[int, ...], share: float) -> None:
    network = LOSSES["network"](hidden=hidden, activation="tanh")
    rate = share * float(critical_learning_rate(network, "gradient_descent"))
    points, warm = run(network, "gradient_descent", rate, steps=300).x[::5], None
    for x in points:
        top = looked(network, x, warm=warm)
        warm = top.vector
        assert top.sharpness[0] == pytest.approx(sharpness(network, x[:, 0]), rel=0.01)
