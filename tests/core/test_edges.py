"""Where every rule and schedule stops working: theory's number, and the run that shows it. Numbers in names are those of docs/theory.md.

Convention: η = learning rate, λ = curvature, β = momentum; x² has curvature 2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.special import gamma

from explorer import LOSSES, OPTIMIZERS, SCHEDULES, Optimizer, Setup, Verdict, critical_learning_rate, find_edge, judge, run
from explorer.core.optimizers import Recurrence, clipped, heavy_ball, with_decoupled_decay
from explorer.core.theory.curvature import second_order
from explorer.core.theory.edge import Edge, best_learning_rate

GD = OPTIMIZERS["gradient_descent"]()
Array = np.ndarray


@dataclass(frozen=True)
class Line:
    """A loss of one number from its value and slope: any class with these members will do."""

    function: Callable[[Array], Array]
    slope: Callable[[Array], Array]
    minimum: float | None = None
    dim = 1
    start = np.array([1.0])

    def value(self, x: Array) -> Array:
        return self.function(x[0])

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        return self.function(x[0]), self.slope(x[0])[np.newaxis]

    def hvp(self, x: Array, v: Array) -> Array:
        return np.zeros_like(v)


def parabola(*eigenvalues: float) -> Any:
    return LOSSES["quadratic"](eigenvalues=eigenvalues)


# 1 to 19: rules that do not divide. What theory says is exact, and the bisection over runs finds it.

LAM, DECAY = 3.0, 0.7
EXACT: dict[str, tuple[Optimizer, float]] = {
    "1 gradient descent": (GD, 2 / LAM),
    "6 with weight decay": (OPTIMIZERS["gradient_descent"](weight_decay=DECAY), 2 / (LAM + DECAY)),
    "7 with decoupled decay": (with_decoupled_decay(DECAY, GD), 2 / (LAM + DECAY)),
    **{f"9 heavy ball {b}": (OPTIMIZERS["momentum"](momentum=b), 2 * (1 + b) / LAM) for b in (0.0, 0.3, 0.5, 0.9, 0.99)},
    "9 with weight decay": (OPTIMIZERS["momentum"](momentum=0.9, weight_decay=DECAY), 3.8 / (LAM + DECAY)),
    "9 with decoupled decay": (with_decoupled_decay(DECAY, OPTIMIZERS["momentum"](momentum=0.9)), 1 / (LAM / 3.8 + DECAY / 2)),
    "9 dampened by half": (OPTIMIZERS["momentum"](momentum=0.9, dampening=0.5), 3.8 / 0.5 / LAM),
    "12 averaged momentum": (OPTIMIZERS["momentum"](momentum=0.9, dampening=0.9), 38 / LAM),
    **{f"10 Nesterov {b}": (OPTIMIZERS["nesterov"](momentum=b), 2 * (1 + b) / (1 + 2 * b) / LAM) for b in (0.3, 0.5, 0.9, 0.99)},
    "10 with weight decay": (OPTIMIZERS["nesterov"](momentum=0.9, weight_decay=DECAY), 3.8 / 2.8 / (LAM + DECAY)),
}


@pytest.mark.parametrize("row", EXACT)
def test_theory_and_measurement_find_the_same_edge(row: str) -> None:
    rule, edge = EXACT[row]
    assert critical_learning_rate(parabola(0.1, LAM), rule) == pytest.approx(edge, rel=1e-12)
    low, high = find_edge(parabola(0.1, LAM), rule, edge / 2, edge * 2, precision=3e-4)
    assert low * (1 - 1e-3) < edge < high * (1 + 1e-3)


# 20 to 29: rules that divide. With ε = 1 and a start of 1e-140 the denominator is 1 to the last digit: it stands still, as theory has it.

FROZEN: dict[str, tuple[Optimizer, float]] = {
    "adagrad": (OPTIMIZERS["adagrad"](eps=1), 2 / LAM),
    "20 rmsprop": (OPTIMIZERS["rmsprop"](eps=1), 2 / LAM),
    "20 rmsprop with momentum": (OPTIMIZERS["rmsprop"](eps=1, momentum=0.9), 3.8 / LAM),
    "20 rmsprop with weight decay": (OPTIMIZERS["rmsprop"](eps=1, weight_decay=DECAY), 2 / (LAM + DECAY)),
    "adadelta": (OPTIMIZERS["adadelta"](eps=1), 2 / LAM),
    "20 adam": (OPTIMIZERS["adam"](eps=1), 38 / LAM),
    "20 adam without momentum": (OPTIMIZERS["adam"](beta1=0, eps=1), 2 / LAM),
    "20 adam with weight decay": (OPTIMIZERS["adam"](eps=1, weight_decay=DECAY), 38 / (LAM + DECAY)),
    "20 amsgrad": (OPTIMIZERS["adam"](eps=1, amsgrad=True), 38 / LAM),
    "adamw": (OPTIMIZERS["adamw"](eps=1, weight_decay=DECAY), 1 / (LAM / 38 + DECAY / 2)),
    "adamax": (OPTIMIZERS["adamax"](eps=1), 38 / LAM),
    "nadam at its start, μ = β₁/2": (OPTIMIZERS["nadam"](eps=1, momentum_decay=0), 3.8 / (1.9 - 0.81) / LAM),
    "12 nadam at its end, μ = β₁": (OPTIMIZERS["nadam"](eps=1, momentum_decay=1000), 13.5714285714 / LAM),
    "radam": (OPTIMIZERS["radam"](eps=1, beta2=0.9), 38 / LAM),
    "60 asgd": (OPTIMIZERS["asgd"](lambd=0, weight_decay=DECAY), 2 / (LAM + DECAY)),
    "62 adafactor": (OPTIMIZERS["adafactor"](eps1=1, eps2=1000), 2e-3 / LAM),
}


@pytest.mark.parametrize("row", FROZEN)
def test_a_preconditioner_that_stands_still(row: str) -> None:
    rule, edge = FROZEN[row]
    start = [1e-140]
    assert critical_learning_rate(parabola(LAM), rule, start) == pytest.approx(edge, rel=1e-10)
    low, high = find_edge(parabola(LAM), rule, edge * 0.98, edge * 1.02, start=start, steps=400, precision=3e-4)
    assert low * (1 - 1e-3) < edge < high * (1 + 1e-3)


def test_12_averaged_forms() -> None:
    assert heavy_ball(0.9, 1 - 0.9).edge == pytest.approx(38)
    assert OPTIMIZERS["nadam"](momentum_decay=1000).recurrence.edge == pytest.approx(2 * 1.9 / (0.1 * 2.8))


@pytest.mark.parametrize(("name", "knobs"), [("signsgd", {}), ("rprop", {}), ("muon", {"weight_decay": 0.0})])
def test_61_to_63_no_rate_makes_a_step_of_a_fixed_length_grow(name: str, knobs: dict[str, float]) -> None:
    rule, start = OPTIMIZERS[name](**knobs), np.array([1.0, -2.0])
    for eigenvalues in ((1, 10), (1e-3, 1e6)):
        loss = LOSSES["quadratic"](eigenvalues=eigenvalues, rotation=30)
        edge = Edge.of(loss, rule, start)
        assert edge.rate == np.inf
        assert "same length on any curvature" in edge.reason
        path = run(loss, rule, [0.01, 1.0, 100.0], start=start, steps=2000)
        assert not (judge(path).verdict == Verdict.DIVERGED).any()
        assert np.abs(path.x[1000:]).max() < 2000
    assert OPTIMIZERS["muon"](weight_decay=0.5).largest_stable_rate(1e9) == 4.0  # 2/decay


def test_20_the_edge_is_that_of_the_preconditioned_hessian() -> None:
    """P differs between coordinates and the valley is turned: no one curvature decides."""
    loss, start = LOSSES["quadratic"](eigenvalues=(1, 10), rotation=30), np.array([3.0, -1.0])
    c, s = np.cos(np.pi / 6), np.sin(np.pi / 6)
    turn = np.array([[c, s], [-s, c]])
    hessian = turn.T @ np.diag([1.0, 10.0]) @ turn + 0.5 * np.eye(2)
    gradient = hessian @ start
    edge = 38 / np.linalg.eigvals(np.diag(1 / (np.abs(gradient) + 0.1)) @ hessian).max()
    assert critical_learning_rate(loss, OPTIMIZERS["adam"](eps=0.1, weight_decay=0.5), start) == pytest.approx(edge, rel=1e-12)
    both = critical_learning_rate(loss, OPTIMIZERS["adam"](eps=0.1, weight_decay=[0.0, 0.5]), start)
    assert both[1] == pytest.approx(edge, rel=1e-12)


def test_lion_has_no_edge_but_its_decay_has() -> None:
    start = np.array([1.0, 1.0])
    assert Edge.of(parabola(1, 10), OPTIMIZERS["lion"](), start).rate == np.inf
    assert "same length on any curvature" in Edge.of(parabola(1, 10), OPTIMIZERS["lion"](), start).reason
    rule = OPTIMIZERS["lion"](weight_decay=0.5)
    assert critical_learning_rate(parabola(1.0), rule) == 4
    verdicts = judge(run(parabola(1.0), rule, [3.9, 4.1], start=[1e3], steps=500)).verdict
    assert list(verdicts == Verdict.DIVERGED) == [False, True]


def test_the_reason_of_an_edge_counts_the_decay() -> None:
    start = np.array([1.0])
    assert Edge.of(parabola(LAM), EXACT["6 with weight decay"][0], start).reason.startswith("2/(λ + 0.7), with λ = 3 ")
    assert Edge.of(parabola(LAM), FROZEN["adamw"][0], start).reason.startswith("38/(λ + 13.3), with λ = ")
    assert Edge.of(parabola(LAM), GD, start).exact
    assert not Edge.of(parabola(LAM), clipped(GD, norm=1.0), start).exact


def test_2_the_best_rate_of_gradient_descent() -> None:
    for k in (10.0, 100.0, 1e4):
        best = best_learning_rate(GD, [1, k])
        assert best == pytest.approx(2 / (1 + k))
        np.testing.assert_allclose(GD.recurrence.growth(best * np.array([1, k])), (k - 1) / (k + 1))


def test_3_x_squared() -> None:
    path = run(LOSSES["x_squared"](), GD, [0.3, 0.5, 1.0], start=[1.0], steps=9)
    np.testing.assert_allclose(path.x[:, 0, 0], 0.4 ** np.arange(10))
    assert path.x[1, 0, 1] == 0
    np.testing.assert_array_equal(path.x[:, 0, 2], (-1.0) ** np.arange(10))
    assert (path.loss[:, 2] == 1).all()


def test_4_a_step_goes_uphill_beyond_twice_the_best() -> None:
    loss, x = LOSSES["rosenbrock"](), np.array([-0.5, 0.7])
    _, g = loss.value_and_gradient(x[:, None])
    gg, ghg = float((g * g).sum()), float((g * loss.hvp(x[:, None], g)).sum())
    for share, sign in ((0.99, -1), (1.01, 1)):
        assert np.sign(second_order(loss, x, -share * 2 * gg / ghg * g[:, 0]).predicted) == sign
    assert second_order(loss, x, -gg / ghg * g[:, 0]).predicted == pytest.approx(-(gg**2) / ghg / 2)
    assert 2 * gg / ghg >= 2 / np.linalg.eigvalsh([[2 - 400 * (0.7 - 0.75), 200.0], [200.0, 200.0]])[-1]  # row 5


def test_6_weight_decay_moves_the_minimum() -> None:
    loss, hessian, bottom = LOSSES["booth"](), np.array([[10.0, 8], [8, 10]]), np.array([1.0, 3])
    path = run(loss, OPTIMIZERS["gradient_descent"](weight_decay=0.5), 0.1, steps=300)
    np.testing.assert_allclose(path.x[-1, :, 0], np.linalg.solve(hessian + 0.5 * np.eye(2), hessian @ bottom))


def test_7_decoupled_decay_is_weight_decay_for_gradient_descent_only() -> None:
    loss, rates = LOSSES["rosenbrock"](), [1e-3, 5e-4]
    coupled = run(loss, OPTIMIZERS["gradient_descent"](weight_decay=0.5), rates, steps=30)
    np.testing.assert_array_equal(coupled.x, run(loss, with_decoupled_decay(0.5, GD), rates, steps=30).x)
    adam, adamw = (run(loss, OPTIMIZERS[name](weight_decay=0.5), 0.01, steps=30).x for name in ("adam", "adamw"))
    assert np.abs(adam - adamw).max() > 1e-3


@pytest.mark.parametrize(("rate", "loss_step"), [(1.5, 512), (2.5, 256), (1.1, 1947)])
def test_8_overflow(rate: float, loss_step: int) -> None:
    """The loss of r^t goes first, at ⌈512 / log₂ r⌉, the point at twice that."""
    path = run(LOSSES["x_squared"](), GD, rate, start=[1.0], steps=2 * loss_step + 5)
    growth = abs(1 - 2 * rate)
    assert loss_step == int(np.ceil(512 / np.log2(growth)))
    assert int(np.argmax(~np.isfinite(path.loss[:, 0]))) == judge(path).first_nonfinite[0] == loss_step
    assert abs(int(np.argmax(~np.isfinite(path.x[:, 0, 0]))) - 1024 / np.log2(growth)) <= 1 + 1 / np.log2(growth)


def test_11_nesterov_is_sutskevers_in_the_point_that_looks_ahead() -> None:
    beta, rate, loss = 0.9, 1e-3, LOSSES["rosenbrock"]()
    path = run(loss, OPTIMIZERS["nesterov"](momentum=beta), rate, steps=30).x[:, :, 0]
    theta, v = loss.start[:, None], np.zeros((2, 1))
    for point in path:
        np.testing.assert_allclose((theta + beta * v)[:, 0], point, rtol=1e-12)
        v = beta * v - rate * loss.value_and_gradient(theta + beta * v)[1]
        theta = theta + v


@pytest.mark.parametrize("k", [10.0, 100.0, 1e4])
def test_13_to_15_the_best_momentum(k: float) -> None:
    root, curvatures = np.sqrt(k), np.array([1.0, np.sqrt(k), k])
    polyak = heavy_ball(((root - 1) / (root + 1)) ** 2).growth((2 / (root + 1)) ** 2 * curvatures)
    np.testing.assert_allclose(polyak, (root - 1) / (root + 1), atol=3e-8 * root)  # a double root is found to half the digits
    nesterov = OPTIMIZERS["nesterov"](momentum=(root - 1) / (root + 1)).recurrence.growth(curvatures / k)
    assert nesterov.max() == pytest.approx(1 - 1 / root, abs=1e-7)
    s = np.sqrt(3 * k + 1)
    best = OPTIMIZERS["nesterov"](momentum=(s - 2) / (s + 2)).recurrence.growth(4 / (3 * k + 1) * curvatures)
    assert best.max() == pytest.approx(1 - 2 / s, abs=1e-7)


def test_16_the_effective_step() -> None:
    """Heavy ball with β = 0.9 at η = 1e-4 moves as gradient descent would at 10.09 η."""
    assert (1 - heavy_ball(0.9).growth(1e-4)) / 1e-4 == pytest.approx(10.09, abs=2e-3)
    path = run(parabola(1.0), OPTIMIZERS["momentum"](momentum=0.9), 1e-4, steps=400)
    assert (1 - path.x[-1, 0, 0] / path.x[-2, 0, 0]) / 1e-4 == pytest.approx(10.09, abs=2e-3)


def test_17_the_best_momentum_for_quadratics_can_cycle_on_a_convex_loss() -> None:
    """Lessard et al. 2016, section 4.6: curvatures 1 and 25, no minimum but 0."""
    loss = Line(
        lambda x: np.select([x < 1, x < 2], [12.5 * x * x, 0.5 * x * x + 24 * x - 12], 12.5 * x * x - 24 * x + 36),
        lambda x: np.select([x < 1, x < 2], [25 * x, x + 24], 25 * x - 24),
        minimum=0.0,
    )
    path = run(loss, OPTIMIZERS["momentum"](momentum=4 / 9), 1 / 9, start=[3.3], steps=600)
    np.testing.assert_allclose(np.sort(path.x[-3:, 0, 0]), np.array([-2208, 792, 2592]) / 1225, rtol=1e-14)
    assert judge(path).verdict[0] == Verdict.OSCILLATING


def test_18_a_transient_is_not_a_catapult() -> None:
    path = run(parabola(1.0), OPTIMIZERS["momentum"](momentum=0.9), 3.79, steps=600)
    assert path.loss.max() / path.loss[0, 0] == pytest.approx(111, abs=1)
    assert judge(path).verdict[0] == Verdict.CONVERGED


def test_19_complex_roots_shrink_by_the_root_of_momentum_whatever_the_rate() -> None:
    root = np.sqrt(0.9)
    h = np.linspace((1 - root) ** 2, (1 + root) ** 2, 50)[1:-1]
    np.testing.assert_allclose(heavy_ball(0.9).growth(h), root)
    np.testing.assert_allclose(heavy_ball(0.9).growth([3.797, 3.8]), [root, 1], atol=3e-3)
    assert Recurrence().growth(2.0) == 1


def test_21_without_epsilon_steps_scale_with_the_rate_and_curvature_drops_out() -> None:
    """x_t(η, x₀) = η X_t(x₀/η). Short, because without ε a run underflows in the end."""
    unit = run(parabola(1.0), OPTIMIZERS["adam"](eps=0), 1.0, start=[3.0], steps=300).x
    scaled = run(parabola(1.0), OPTIMIZERS["adam"](eps=0), 0.01, start=[0.03], steps=300).x
    steep = run(parabola(7.0), OPTIMIZERS["adam"](eps=0), 1.0, start=[3.0], steps=300).x
    np.testing.assert_allclose(scaled / 0.01, unit, atol=1e-10)
    np.testing.assert_allclose(steep, unit, atol=1e-10)


def test_22_rmsprop_jumps_between_plus_and_minus_half_a_step() -> None:
    path = run(LOSSES["x_squared"](), OPTIMIZERS["rmsprop"](alpha=0.9), 0.1, start=[1.0], steps=1500)
    np.testing.assert_allclose(np.abs(path.x[-50:, 0, 0]), 0.05, rtol=1e-6)
    assert (path.x[-50:-1, 0, 0] * path.x[-49:, 0, 0] < 0).all()
    np.testing.assert_allclose(path.loss[-50:, 0], 0.1**2 / 4, rtol=1e-6)


@pytest.mark.parametrize("beta1", [0.0, 0.5, 0.9])
def test_22_adams_cycle_of_two(beta1: float) -> None:
    """|x| = η(1 - β₁)/(2(1 + β₁)), η/38 at 0.9: from a state on the cycle, the step leads to -x."""
    x = np.array([[(1 - beta1) / (1 + beta1) / 2]])  # η = 1
    m = -(1 - beta1) / (1 + beta1) * x
    direction, _ = OPTIMIZERS["adam"](beta1=beta1, eps=0).update(x, (10**6, m, x * x, x * x), x)
    np.testing.assert_allclose(x - direction, -x)


def test_23_at_its_defaults_adam_leaves_that_cycle() -> None:
    """An irregular orbit: calm, then bursts. Its size is η's whatever the curvature, and β₂ decides how high the bursts are."""
    path = run(LOSSES["x_squared"](), OPTIMIZERS["adam"](beta2=[0.999, 0.99, 0.95]), 0.1, start=[1.0], steps=50_000)
    late = path.x[-20_000:, 0] / 0.1
    np.testing.assert_allclose(np.sqrt((late**2).mean(axis=0)), [0.0285, 0.0283, 0.0280], atol=8e-4)
    largest = np.abs(late).max(axis=0)
    assert ((np.array([0.17, 0.11, 0.036]) < largest) & (largest < [0.5, 0.19, 0.044])).all()
    assert (np.abs(late[1:] + late[:-1]).max(axis=0) > 0.01).all()  # on the cycle of two it would be 0


def test_25_adam_settles_if_epsilon_lets_it() -> None:
    """ηλ/ε < 38: P falls to ε and no further. Just beyond, it jumps between the two places where √v + ε = ηλ/38."""
    rule = OPTIMIZERS["adam"](beta2=0.9, eps=1.0)
    path = run(parabola(1.0), rule, [37.9, 38.1], start=[1e-9], steps=3000)
    assert np.abs(path.x[-1, 0, 0]) < 1e-40
    np.testing.assert_allclose(np.abs(path.x[-50:, 0, 1]), 38.1 / 38 - 1, rtol=1e-6)
    assert list(judge(path).verdict) == [Verdict.CONVERGED, Verdict.OSCILLATING]


def test_26_adams_first_step() -> None:
    g = np.array([[3.0, -1e-8, 1e-12, 0.0]])
    for name in ("adam", "adamw", "adamax"):
        rule = OPTIMIZERS[name](eps=1e-8)
        direction, _ = rule.update(g, rule.init(g), np.zeros_like(g))
        np.testing.assert_allclose(direction, g / (np.abs(g) + 1e-8), rtol=1e-12)


SLOPE = Line(lambda x: -x, lambda x: -np.ones_like(x), minimum=-np.inf)
"""Downhill for ever: the loss -x."""


@pytest.mark.parametrize("name", ["adamw", "lion"])
def test_28_decay_draws_into_a_box(name: str) -> None:
    path = run(SLOPE, OPTIMIZERS[name](weight_decay=0.1), 0.1, start=[0.0], steps=2000)
    assert path.x[-1, 0, 0] == pytest.approx(10, abs=1e-6)
    assert path.x.max() < 10


def test_29_adagrad_moves_with_the_root_of_time() -> None:
    """2η√T + ζ(½)η: the sum of 1/√t."""
    zeta_half = -1.4603545088
    path = run(SLOPE, OPTIMIZERS["adagrad"](), 0.1, start=[0.0], steps=10_000)
    assert path.x[-1, 0, 0] == pytest.approx(2 * 0.1 * np.sqrt(10_000) + zeta_half * 0.1, abs=1e-3)
    assert path.x[-1, 0, 0] == pytest.approx(19.8545, abs=1e-4)


def test_adagrad_comes_back_from_beyond_its_edge() -> None:
    path = run(parabola(1.0, 10.0), OPTIMIZERS["adagrad"](), [1.0, 10.0, 1000.0], steps=3000)
    assert (judge(path).verdict == Verdict.CONVERGED).all()


def test_radam_waits_five_steps_and_may_overflow_there() -> None:
    """Un-rectified momentum on Rosenbrock's start: 38/λ = 0.025, so 0.05 leaves at once where Adam does not."""
    loss = LOSSES["rosenbrock"]()
    assert critical_learning_rate(loss, OPTIMIZERS["radam"](), loss.start) == pytest.approx(38 / 1506.37, rel=1e-5)
    radam, adam = (run(loss, OPTIMIZERS[name](), 0.05, steps=5) for name in ("radam", "adam"))
    assert not radam.loss.max() < 1e20
    assert adam.loss.max() < 30


# 30 to 39: noise, and rates that shrink.


def noisy(lam: float, size: float, seed: int) -> Line:
    """½λx² with a gradient that is off by a random amount of this standard deviation, other for each run and step."""
    random = np.random.default_rng(seed)
    return Line(lambda x: lam / 2 * x * x, lambda x: lam * x + size * random.standard_normal(x.shape), minimum=0.0)


def test_34_the_noise_floor() -> None:
    """Var x = η s² (1 + β)/(λ (1 - β)(2(1 + β) - ηλ))."""
    lam, size, chains = 2.0, 3.0, 800
    rate, beta = np.array([0.1, 0.7, 0.1, 0.6]), np.array([0.0, 0.0, 0.9, 0.5])
    rule = OPTIMIZERS["momentum"](momentum=np.repeat(beta, chains))
    path = run(noisy(lam, size, 1), rule, np.repeat(rate, chains), start=[0.0], steps=700)
    measured = (path.x[300:, 0].reshape(-1, 4, chains) ** 2).mean(axis=(0, 2))
    np.testing.assert_allclose(measured, rate * size**2 * (1 + beta) / (lam * (1 - beta) * (2 * (1 + beta) - rate * lam)), rtol=0.04)


def test_35_momentum_at_the_same_effective_step_has_the_same_floor() -> None:
    """To first order in η/(1 - β): within the 2 % by which 2 - ηλ and 2(1 + β) - ηλ differ here, and chance."""
    chains = 800
    rule = OPTIMIZERS["momentum"](momentum=np.repeat([0.0, 0.9], chains))
    path = run(noisy(2.0, 1.0, 4), rule, np.repeat([0.02, 0.002], chains), start=[0.0], steps=700)
    plain, heavy = (path.x[300:, 0].reshape(-1, 2, chains) ** 2).mean(axis=(0, 2))
    assert heavy == pytest.approx(plain, rel=0.06)


def test_36_one_over_time_averages_the_noise_away() -> None:
    """η_t = 1/(λ(t + 1)): x_T = -mean(noise)/λ exactly, wherever it starts."""
    lam, steps, chains = 2.0, 100, 2000
    noise = np.random.default_rng(2).standard_normal((steps + 1, chains))
    rows = iter(noise)
    loss = Line(lambda x: lam / 2 * x * x, lambda x: lam * x + next(rows))
    path = run(loss, GD, np.full(chains, 1 / lam), start=[7.0], steps=steps, schedule=lambda step: 1 / (step + 1.0))
    np.testing.assert_allclose(path.x[-1, 0], -noise[:steps].mean(axis=0) / lam, atol=1e-13)
    assert path.x[-1, 0].var() == pytest.approx(1 / (lam**2 * steps), rel=0.1)


def test_37_geometric_decay_stalls() -> None:
    """x_∞ = x₀ Π (1 - ηλγᵗ), the q-Pochhammer symbol (ηλ; γ)_∞, and not 0: the rates have a finite sum."""
    rates = np.array([0.1, 0.5, 0.9])
    path = run(parabola(1.0), GD, rates, steps=400, schedule=SCHEDULES["exponential"](gamma=0.9))
    stall = np.array([np.prod(1 - rate * 0.9 ** np.arange(400)) for rate in rates])
    np.testing.assert_allclose(path.x[-1, 0], stall, rtol=1e-13)
    np.testing.assert_allclose(path.x[-1], path.x[-50], rtol=1e-13)
    assert (path.x[-1] > 1e-6).all()


def test_38_one_over_time_shrinks_by_a_power_of_it() -> None:
    """η_t = c/(λ(1 + t)): Γ(T + 1 - c)/(Γ(1 - c) Γ(T + 1)), about T^-c."""
    steps, c = 150, np.array([0.25, 0.5, 0.9])
    path = run(parabola(4.0), GD, c / 4.0, steps=steps, schedule=lambda step: 1 / (step + 1.0))
    np.testing.assert_allclose(path.x[-1, 0], gamma(steps + 1 - c) / gamma(1 - c) / gamma(steps + 1), rtol=1e-12)


# 40 to 44: one number, not a quadratic.


@pytest.mark.parametrize(("rate", "lands"), [(0.3, 0.1), (0.07, 0.02), (100.0, 1.0)])
def test_40_the_absolute_value_bounces_between_two_places(rate: float, lands: float) -> None:
    """r ↔ η - r with r = x₀ mod η; the loss is never above η once it is there, and never diverges."""
    for rule in (GD, OPTIMIZERS["lion"](beta1=0, beta2=0)):
        path = run(LOSSES["absolute"](), rule, rate, start=[1.0], steps=61)
        np.testing.assert_allclose(np.sort(path.loss[-2:, 0]), np.sort([lands, rate - lands]), atol=1e-12)
        assert path.loss[-20:].max() <= rate
        assert judge(path).verdict[0] == Verdict.OSCILLATING


def test_40_sign_descent() -> None:
    """Exactly 0 iff η divides x₀; at r = η/2 the loss is constant. With its own β, Lion's cycle is a few η wide, on any bowl."""
    path = run(LOSSES["absolute"](), GD, [0.25, 0.4], start=[1.0], steps=30)
    assert (path.x[4:, 0, 0] == 0).all()
    np.testing.assert_allclose(path.loss[-10:, 1], 0.2)
    for lam in (1.0, 100.0):
        late = run(parabola(lam), OPTIMIZERS["lion"](), 0.01, start=[1.003], steps=2000).x[-500:, 0, 0]
        assert 0.01 < np.abs(late).max() < 0.02


@pytest.mark.parametrize("rate", [0.1, 0.02])
def test_41_x_fourth_is_decided_by_the_start(rate: float) -> None:
    edge = 1 / np.sqrt(2 * rate)
    start = edge * np.array([[1 - 1e-9, 1 + 1e-9, -1 + 1e-9, -1 - 1e-9]])
    verdicts = judge(run(LOSSES["x_fourth"](), GD, rate, start=start, steps=300)).verdict
    assert list(verdicts == Verdict.DIVERGED) == [False, True, False, True]
    assert critical_learning_rate(LOSSES["x_fourth"](), GD, [edge]) == pytest.approx(rate)


def test_41_on_its_edge_x_fourth_jumps_for_ever() -> None:
    path = run(LOSSES["x_fourth"](), GD, 0.125, start=[2.0], steps=100)
    np.testing.assert_array_equal(path.x[:, 0, 0], 2 * (-1.0) ** np.arange(101))


def test_42_the_tail_of_x_fourth() -> None:
    path = run(LOSSES["x_fourth"](), GD, 0.02, start=[1.0], steps=10_000)
    assert path.x[-1, 0, 0] == pytest.approx(1 / np.sqrt(8 * 0.02 * 10_000), rel=2e-3)
    assert path.loss[-1, 0] == pytest.approx(1 / (64 * 0.02**2 * 10_000**2), rel=6e-3)


@pytest.mark.parametrize("p", [4, 6, 8])
def test_43_any_even_power(p: int) -> None:
    rate = 0.05
    edge = (2 / (rate * p)) ** (1 / (p - 2))
    path = run(Line(lambda x: x**p, lambda x: p * x ** (p - 1), 0.0), GD, rate, start=edge * np.array([[1 - 1e-6, 1 + 1e-6]]), steps=200)
    assert list(judge(path).verdict == Verdict.DIVERGED) == [False, True]


WELL = LOSSES["double_well"]()
PERIOD_FOUR, CASCADE_ENDS, WELLS_MERGE = np.sqrt(5) - 1, 1.3022835, 1.5 * np.sqrt(3) - 1


def tail(rates: Any, steps: int = 20_000, start: Any = None) -> Array:
    """The last 4,000 points of runs in the double well: ``(4000, runs)``."""
    return run(WELL, GD, rates, start=start, steps=steps).x[-4000:, 0]


def period(x: Array) -> int:
    """After how many steps a path returns; 0 if it does not within 64."""
    returns = (p for p in (1, 2, 4, 8, 16, 32, 64) if np.abs(x[p:] - x[:-p]).max() < 1e-7)
    return next(returns, 0)


def test_44_the_wells_lose_hold_and_the_period_doubles() -> None:
    near = 5e-4
    rates = [0.99, 1.01, PERIOD_FOUR - near, PERIOD_FOUR + near, 1.29, 1.3, CASCADE_ENDS + 2e-3]
    assert [period(x) for x in tail(rates).T] == [1, 2, 2, 4, 8, 16, 0]


def test_44_its_cycle_of_two() -> None:
    rate = 1.1
    s, d = np.sqrt(1 + 3 / rate), np.sqrt(1 - 1 / rate)
    x = tail(rate)[-2:, 0]
    np.testing.assert_allclose(np.sort(x), [(s - d) / 2, (s + d) / 2], rtol=1e-14)
    assert np.prod(1 - rate * (3 * x * x - 1)) == pytest.approx(9 - 2 * (1 + rate) ** 2)


def test_44_the_wells_merge() -> None:
    sides = [np.unique(np.sign(x)).size for x in tail([WELLS_MERGE - 0.005, WELLS_MERGE + 0.005]).T]
    assert sides == [1, 2]


def test_44_lyapunov_exponents() -> None:
    """Below 0 in the cascade, above in chaos, ln 3 where it is Chebyshev's cubic."""
    rates = np.array([1.30, 1.31, 2.0])
    x = run(WELL, GD, rates, steps=20_000).x[2000:, 0]
    np.testing.assert_allclose(np.log(np.abs(1 - rates * (3 * x * x - 1))).mean(axis=0), [-0.059, 0.089, np.log(3)], atol=4e-3)


def test_44_beyond_two_almost_every_start_diverges() -> None:
    start = np.linspace(-1.3, 1.3, 41)[np.newaxis]
    for rate, share in ((1.999, 0.0), (2.05, 0.95)):
        diverged = judge(run(WELL, GD, rate, start=start, steps=3000)).verdict == Verdict.DIVERGED
        assert diverged.mean() >= share
        assert share > 0 or not diverged.any()
    assert judge(run(WELL, GD, 1.5, start=[0.0])).verdict[0] == Verdict.STUCK


@pytest.mark.parametrize("rate", [0.5, 1.5, 2.0])
def test_44_where_a_start_is_bounded(rate: float) -> None:
    edge = np.sqrt(1 + 2 / rate)
    path = run(WELL, GD, rate, start=edge * np.array([[1 - 1e-9, 1 + 1e-9]]), steps=400)
    assert list(np.isfinite(path.x[-1, 0])) == [True, False]


# The rescues of a setup: warm-up and clipping, whatever the optimizer and the schedule.


def test_clipping_turns_divergence_into_a_bounce() -> None:
    """Beyond the edge a clipped step is at most η · threshold long, and points back."""
    rates = [0.1, 0.3, 5.0]
    assert list(judge(run(parabola(1.0, 10.0), GD, rates, steps=300)).verdict == Verdict.DIVERGED) == [False, True, True]
    path = run(parabola(1.0, 10.0), clipped(GD, norm=1.0), rates, steps=300)
    assert list(judge(path).verdict) == [Verdict.CONVERGED, Verdict.OSCILLATING, Verdict.OSCILLATING]
    assert (np.linalg.norm(np.diff(path.x, axis=0), axis=1) <= np.array(rates) * (1 + 1e-12)).all()


RESCUED = Setup("rosenbrock", "adam", 0.05, schedule="cosine", warmup_steps=10, clip_norm=1.5, clip_value=0.7, seed=3)


def test_a_link_carries_the_rescues() -> None:
    query = RESCUED.to_query()
    assert {name: query[name] for name in ("schedule", "warmup_steps", "clip_norm", "clip_value", "seed")} == {
        "schedule": "cosine",
        "warmup_steps": "10",
        "clip_norm": "1.5",
        "clip_value": "0.7",
        "seed": "3",
    }
    assert Setup.from_query(query) == RESCUED
    assert not {"warmup_steps", "clip_norm", "clip_value"} & Setup().to_query().keys()


def test_a_setup_runs_with_its_rescues() -> None:
    rule, schedule = RESCUED.make_optimizer(), RESCUED.make_schedule()
    assert (rule.name, rule.knobs["clip_norm"], rule.knobs["clip_value"]) == ("adam", 1.5, 0.7)
    np.testing.assert_allclose(schedule(np.array([0, 5, 10, 60])), [0.01, 0.505, 1, 0.5])
    by_hand = run(LOSSES["rosenbrock"](), clipped(OPTIMIZERS["adam"](), norm=1.5, value=0.7), 0.05, schedule=schedule)
    np.testing.assert_array_equal(RESCUED.run().x, by_hand.x)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("warmup_steps", -1, "warmup_steps must be finite and ≥ 0, got -1"),
        ("warmup_steps", 1.5, "warmup_steps must be a whole number, got 1.5"),
        ("clip_norm", 0, "clip_norm must be finite and > 0, got 0"),
        ("clip_norm", np.nan, "clip_norm must be finite and > 0, got nan"),
        ("clip_value", np.inf, "clip_value must be finite and > 0, got inf"),
        ("clip_value", "much", "clip_value must be a number, got 'much'"),
        ("clip_value", [1, 2], r"clip_value must be one number, got \[1. 2.\]"),
    ],
)
def test_refused_rescues(field: str, value: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        Setup(**{field: value})
    if not isinstance(value, list):
        _, complaints = Setup.salvage({"v": "1", field: str(value)})
        assert len(complaints) == 1


@pytest.mark.parametrize("share", [1e300, 1e150, 1.0, 1e-150])
def test_the_measured_edge_of_a_rule_is_as_small_as_its_steps_are_long(share: float) -> None:
    own = Optimizer(init=lambda x: (), update=lambda g, state, x: (share * g, state))
    assert critical_learning_rate("quadratic", own) * share == pytest.approx(0.2, rel=1e-8)
