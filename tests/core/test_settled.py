"""What `sweep` says is what `run` and `judge` say; and what is said where no minimum is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer import LOSSES, OPTIMIZERS, SCHEDULES, Loss, Verdict, from_function, judge, run, sweep
from explorer.core.losses.protocol import Array
from explorer.core.optimizers import clipped
from explorer.core.run.sweep import Watch
from explorer.core.schedules import after_warmup

GD, ADAM = OPTIMIZERS["gradient_descent"](), OPTIMIZERS["adam"]()
X2, UNIT = LOSSES["x_squared"](), LOSSES["quadratic"](eigenvalues=(1,))


def both(loss: Loss, rates: Any, rule: Any = GD, **conditions: Any) -> list[str]:
    """The verdicts of `judge`, once `sweep` has said the same."""
    told, swept = judge(run(loss, rule, rates, **conditions)), sweep(loss, rule, rates, **conditions)
    assert list(map(str, told.verdict)) == list(map(str, swept.verdict))
    return [str(each) for each in told.verdict]


# A run that has settled may wake.


@pytest.mark.parametrize(
    ("rate", "schedule"),
    [(1.2, after_warmup(SCHEDULES["constant"](), 100)), (1.3, SCHEDULES["constant_warmup"](factor=0.2, steps=150))],
)
def test_a_rate_that_rises_after_a_run_has_settled_wakes_it(rate: float, schedule: Any) -> None:
    assert both(X2, [rate, 0.4], schedule=schedule, steps=1000) == ["diverged", "converged"]


@pytest.mark.parametrize("rule", ["gradient_descent", "momentum", "nesterov"])
def test_a_start_whose_loss_underflows_is_not_at_the_minimum(rule: str) -> None:
    assert both(UNIT, [6.0, 0.5], OPTIMIZERS[rule](), start=[1e-200], steps=2000) == ["diverged", "converged"]


def test_a_steep_direction_far_below_the_losss_digits_grows_all_the_same() -> None:
    valley = LOSSES["quadratic"](eigenvalues=(1, 10))
    assert both(valley, [0.5, 0.19], start=[1.0, 1e-200], steps=1000) == ["diverged", "converged"]


def test_what_has_settled_costs_nothing_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The point of looking: of 100 runs that converge within 100 steps, none goes on to step 5000."""
    looks = []
    monkeypatch.setattr(Watch, "see", lambda watch, moment, see=Watch.see: looks.append(moment.x.shape[1]) or see(watch, moment))
    sweep(X2, GD, np.linspace(0.3, 0.7, 100), steps=5000)
    assert len(looks) < 200


LOSS = st.one_of(
    st.builds(lambda *each: LOSSES["quadratic"](eigenvalues=each), st.floats(0.1, 2), st.floats(0, 12)),
    st.sampled_from([LOSSES[name]() for name in ("x_squared", "x_fourth", "absolute", "double_well", "saddle", "himmelblau", "noisy")
                     if name in LOSSES]),
    st.just(LOSSES["linear_regression"](data="noisy_line")),
    st.just(from_function(lambda x: (float(np.cos(x).sum()), -np.sin(x)), [0.3, 2.0])),
)  # fmt: skip
RULE = st.one_of(
    st.builds(lambda name: OPTIMIZERS[name](), st.sampled_from(sorted(OPTIMIZERS))),
    st.builds(lambda beta, decay: OPTIMIZERS["momentum"](momentum=beta, weight_decay=decay), st.floats(0, 1), st.sampled_from([0, 0.1])),
    st.builds(lambda norm: clipped(GD, norm=norm), st.floats(0.1, 10)),
)
SCHEDULE = st.one_of(
    st.just(None),
    st.builds(lambda factor, steps: SCHEDULES["constant_warmup"](factor=factor, steps=steps), st.floats(0.01, 1), st.integers(1, 400)),
    st.builds(lambda steps: after_warmup(SCHEDULES["cosine"](steps=200), steps), st.integers(1, 300)),
    st.builds(lambda period: SCHEDULES["cosine_restarts"](period=period), st.integers(1, 200)),
    st.builds(lambda steps: SCHEDULES["step_decay"](steps=steps, gamma=0.1), st.integers(1, 200)),
)


@settings(max_examples=60, derandomize=True)
@given(LOSS, RULE, SCHEDULE, st.integers(-200, 3), st.sampled_from([1, 31, 32, 33, 200, 700]), st.integers(0, 4), st.integers(0, 9))
def test_sweep_and_judge_never_differ(loss: Loss, rule: Any, schedule: Any, size: int, steps: int, batch_size: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    conditions: dict[str, Any] = {"batch_size": batch_size} if batch_size and hasattr(loss, "on") else {}
    conditions["start"] = random.standard_normal((loss.dim, 6)) * 10.0 ** np.where(np.arange(6) < 3, 0, size)
    both(loss, 10 ** random.uniform(-2, 1, 6), rule, schedule=schedule, steps=steps, **conditions)


# No minimum is known.


@dataclass(frozen=True)
class Rastrigin:
    """10 n + Σ x² - 10 cos 2πx: wells within a bowl (Rastrigin 1974)."""

    minimum: float | None = None
    dim = 2
    start = np.array([5.12, -5.12])

    def value(self, x: Array) -> Array:
        return (10 + x**2 - 10 * np.cos(2 * np.pi * x)).sum(axis=0)

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        return self.value(x), 2 * x + 20 * np.pi * np.sin(2 * np.pi * x)

    def hvp(self, x: Array, v: Array) -> Array:
        return (2 + 40 * np.pi**2 * np.cos(2 * np.pi * x)) * v


@pytest.mark.parametrize("minimum", [None, 0.0])
@pytest.mark.parametrize("steps", [100, 200, 500, 2000])
def test_chaos_far_above_the_edge_oscillates(minimum: float | None, steps: int) -> None:
    rates = np.geomspace(4, 90, 200) * 2 / (2 + 40 * np.pi**2)
    assert set(both(Rastrigin(minimum), rates, steps=steps)) == {"oscillating"}


def gaussian() -> Loss:
    """The mean negative log-likelihood of a normal distribution, by its mean and the logarithm of its width."""
    data = np.random.default_rng(0).normal(0, 0.08, 100)

    def value_and_gradient(x: Array) -> tuple[float, Array]:
        z = (data - x[0]) * np.exp(-x[1])
        return float((z * z).mean() / 2 + x[1]), np.array([-z.mean() * np.exp(-x[1]), 1 - (z * z).mean()])

    return from_function(value_and_gradient, [0.5, 0.9])


def test_a_loss_that_falls_below_zero_is_healthy() -> None:
    for steps in (50, 70, 100):
        assert both(gaussian(), [0.03, 0.05], ADAM, steps=steps) == ["converging"] * 2
    assert Verdict.DIVERGED not in both(gaussian(), np.geomspace(1e-4, 0.1, 20), ADAM, steps=500)


@pytest.mark.parametrize(
    ("function", "start", "curvature"),
    [
        (lambda x: (float(x[0] ** 4 - 2 * x[0] ** 2 + 3), 4 * x**3 - 4 * x), 0.5, 8),
        (lambda x: (float(np.cosh(x[0])), np.sinh(x)), 1.5, 1),
        (lambda x: (float((2 * x[0] - 1) ** 2 + (x[0] + 1) ** 2), 4 * (2 * x - 1) + 2 * (x + 1)), 3.0, 10),
    ],
)
def test_at_a_minimum_a_run_has_converged(function: Callable[[Array], Any], start: float, curvature: float) -> None:
    loss = from_function(function, [start])
    assert both(loss, [0.05, 0.1], steps=1000) == ["converged"] * 2
    outcome = judge(run(loss, GD, 0.1, steps=1000))
    assert outcome.smallest_curvature[0] == pytest.approx(curvature, rel=1e-6)
    assert f"at a minimum: gradient {outcome.final_gradient[0]:.0e}"[:22] in outcome.sentence()
    assert outcome.sentence().endswith(f"smallest curvature {curvature}")


@pytest.mark.parametrize("shift", [-1e3, 0.0, 1e3])
def test_what_is_not_known_of_a_quadratic_changes_no_verdict_and_neither_does_its_height(shift: float) -> None:
    loss = from_function(lambda x: (float(x @ x) + shift, 2 * x), [1.0])
    rates = [0.01, 0.3, 0.999, 1.0, 1.01, 1.1]
    assert both(loss, rates, steps=1000) == both(X2, rates, start=[1.0], steps=1000)


def test_a_saddle_is_stuck() -> None:
    loss = from_function(lambda x: (float(x[0] ** 2 - x[1] ** 2), np.array([2 * x[0], -2 * x[1]])), [1.0, 0.0])
    assert both(loss, [0.1, 0.4], steps=500) == ["stuck"] * 2


def test_a_rate_of_nothing_does_not_move_and_says_so() -> None:
    assert judge(run(X2, GD, 0.0, start=[1.0])).sentence() == "Slow: the run does not move, and the loss stays at 1"


def test_an_infinite_loss_at_the_start_alone_is_no_divergence() -> None:
    start, rates = [1e80], [0.25e-160, 1e-170, 1.0]  # x⁴ overflows there, its gradient does not
    assert both(LOSSES["x_fourth"](), rates, start=start, steps=100) == ["converged", "diverged", "diverged"]
    assert judge(run(LOSSES["x_fourth"](), GD, rates, start=start, steps=100)).first_nonfinite.tolist() == [-1, 0, 0]


def test_momentum_of_one_is_a_run_that_swings_for_ever() -> None:
    rule = OPTIMIZERS["momentum"](momentum=1.0)
    assert rule.largest_stable_rate(2.0) == 2.0
    assert both(X2, [0.1, 0.8, 1.9, 2.1], rule, steps=500) == ["oscillating"] * 3 + ["diverged"]
    with pytest.raises(ValueError, match=r"momentum must be finite and ≥ 0 and ≤ 1, got 1\.01"):
        OPTIMIZERS["momentum"](momentum=1.01)
