"""What happened to a run: tables from closed forms (docs/theory.md), and the laws that no verdict may break."""

from __future__ import annotations

import inspect
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from explorer import LOSSES, OPTIMIZERS, Loss, Outcome, Verdict, from_function, judge, run, sweep
from explorer.core.losses.protocol import Array, Facts
from explorer.core.verdict import profile
from explorer.core.verdict import verdict as thresholds
from explorer.core.verdict.sentence import TABLE

GD = OPTIMIZERS["gradient_descent"]()
X2, X4, V, WELL = (LOSSES[name]() for name in ("x_squared", "x_fourth", "absolute", "double_well"))
UNIT = LOSSES["quadratic"](eigenvalues=(1,))
HEAVY = OPTIMIZERS["momentum"](momentum=0.9)


def verdicts(loss: Loss, rates: Any, optimizer: Any = GD, **settings: Any) -> list[str]:
    return [str(each) for each in judge(run(loss, optimizer, rates, **settings)).verdict]


# Closed forms.


def test_x_squared() -> None:
    """The loss shrinks by (1 - 2η)² a step (THEORY 3): below 1e-6 of it within 2000 steps for η ≥ .00173, and for 1 - η ≥ .00173."""
    table = {
        0.01: "converged", 0.3: "converged", 0.5: "converged", 0.9: "converged", 0.99: "converged",
        0.999: "converging", 0.9999: "converging",
        1.0: "oscillating",
        1.0001: "diverged", 1.001: "diverged", 1.01: "diverged", 1.1: "diverged",
    }  # fmt: skip
    assert dict(zip(table, verdicts(X2, list(table), steps=2000), strict=True)) == table


def test_x_to_minus_x_oscillates_though_its_loss_is_constant() -> None:
    outcome = judge(run(X2, GD, 1.0, steps=2000))
    assert outcome.sentence() == "Oscillates: the loss stays at 1 while the point jumps from side to side"
    assert outcome.best_loss[0] == outcome.peak_loss[0] == 1


@pytest.mark.parametrize("rate", [0.3, 0.7, 1.0, 2.0, 100.0, 1e6])
def test_an_absolute_value_bounces_and_never_diverges(rate: float) -> None:
    """r <-> η - r, with r = x₀ mod η (THEORY 40)."""
    path = run(V, GD, rate, start=[1.05], steps=1000)
    assert verdicts(V, rate, start=[1.05], steps=1000) == ["oscillating"]
    r = math.fmod(1.05, rate)
    assert sorted(path.loss[-2:, 0]) == pytest.approx(sorted([r, rate - r]), rel=1e-9)


def test_an_absolute_value_converges_where_the_rate_divides_the_start() -> None:
    assert verdicts(V, [0.25, 0.5, 1.0], start=[1.0], steps=20) == ["converged"] * 3


@pytest.mark.parametrize("rate", [0.1, 0.02])
@pytest.mark.parametrize("steps", [100, 1000])
def test_x_fourth_on_both_sides_of_its_boundary(rate: float, steps: int) -> None:
    """|x₀| < 1/√(2η) exactly (THEORY 41); the tail is slow, loss ~ 1/(64 η² t²)."""
    edge = 1 / np.sqrt(2 * rate)
    inside, outside, well_inside, well_outside = verdicts(X4, rate, start=[edge * np.array([1 - 1e-9, 1 + 1e-9, 0.9, 1.1])], steps=steps)
    assert (outside, well_outside) == ("diverged", "diverged")
    assert {inside, well_inside} <= {"converged", "converging"}


def test_x_fourth_on_its_boundary_is_a_two_cycle() -> None:
    assert verdicts(X4, 0.125, start=[2.0], steps=1000) == ["oscillating"]


@pytest.mark.parametrize("start", [0.3, 0.5, 1.2, -0.7])
@pytest.mark.parametrize("steps", [500, 2000])
def test_the_double_well_by_regime(start: float, steps: int) -> None:
    """Stable below η = 1, cycles and bounded chaos up to 2 (THEORY 44)."""
    stable, bounded = [0.1, 0.5, 0.9, 0.98], np.linspace(1.02, 2, 99)
    assert set(verdicts(WELL, stable, start=[start], steps=steps)) == {"converged"}
    assert set(verdicts(WELL, bounded, start=[start], steps=steps)) == {"oscillating"}


def test_the_double_well_diverges_above_two() -> None:
    assert set(verdicts(WELL, [2.001, 2.01, 2.1, 3], start=[0.5], steps=5000)) == {"diverged"}
    # ... and at once outside |x₀| = √(1 + 2/η).
    edge = np.sqrt(1 + 2 / 1.5)
    assert verdicts(WELL, 1.5, start=[[edge * 0.999, edge * 1.001]], steps=1000) == ["oscillating", "diverged"]


@pytest.mark.parametrize("steps", [50, 100, 200, 300, 1000])
def test_the_transient_of_momentum_is_no_catapult(steps: int) -> None:
    """At β = .9, ηλ = 3.79 of 3.8 the loss first rises 111-fold (THEORY 18)."""
    outcome = judge(run(UNIT, HEAVY, 3.79, steps=steps))
    assert str(outcome.verdict[0]) in ("converging", "converged")
    assert outcome.peak_loss[0] / outcome.start_loss[0] == pytest.approx(110.72, abs=0.01)


@pytest.mark.parametrize("steps", [50, 200, 2000])
def test_momentum_diverges_above_its_edge(steps: int) -> None:
    assert verdicts(UNIT, [3.81, 4.0, 10.0], HEAVY, steps=steps) == ["diverged"] * 3


@pytest.mark.parametrize("optimizer", ["gradient_descent", "momentum", "nesterov"])
@pytest.mark.parametrize("loss", [X2, UNIT, LOSSES["booth"](), LOSSES["ravine"](), LOSSES["quadratic"](eigenvalues=(1, 2, 3, 10))], ids=str)
def test_one_percent_to_either_side_of_the_edge(loss: Loss, optimizer: str) -> None:
    rule = OPTIMIZERS[optimizer]()
    sharpest = np.linalg.eigvalsh(loss.hvp(np.zeros((loss.dim, loss.dim)), np.eye(loss.dim)))[-1]
    edge = rule.largest_stable_rate(sharpest)
    for steps in (500, 1500):
        below, above = verdicts(loss, [0.99 * edge, 1.01 * edge], rule, steps=steps)
        assert below in ("converging", "converged")
        assert above == "diverged"


@dataclass(frozen=True)
class Product:
    """f²/2 with f = u·v/√n, the two-layer linear net on one example (Lewkowycz et al. 2020, arXiv 2003.02218)."""

    n: int = 50
    minimum: float = 0.0

    @property
    def dim(self) -> int:
        return 2 * self.n

    @property
    def start(self) -> Array:
        return np.random.default_rng(0).standard_normal(2 * self.n)

    def value(self, x: Array) -> Array:
        return self.value_and_gradient(x)[0]

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        u, v = x[: self.n], x[self.n :]
        f = (u * v).sum(axis=0) / np.sqrt(self.n)
        return f * f / 2, f * np.concatenate([v, u]) / np.sqrt(self.n)

    def hvp(self, x: Array, p: Array) -> Array:
        u, v, a, b = x[: self.n], x[self.n :], p[: self.n], p[self.n :]
        f = (u * v).sum(axis=0) / np.sqrt(self.n)
        slope = (u * b + v * a).sum(axis=0) / self.n
        return slope * np.concatenate([v, u]) + f * np.concatenate([b, a]) / np.sqrt(self.n)


def test_a_catapult_rises_and_lands_where_it_is_flatter() -> None:
    """Between 2/λ and 4/λ with λ = (‖u‖² + ‖v‖²)/n; below it is lazy, above it diverges (THEORY 45)."""
    loss = Product()
    edge = 2 / ((loss.start**2).sum() / loss.n)
    table = {0.5: "converged", 0.9: "converged", 1.3: "catapult", 1.5: "catapult", 1.7: "catapult", 2.2: "diverged", 3.0: "diverged"}
    path = run(loss, GD, edge * np.array(list(table)), steps=500)
    outcome = judge(path)
    assert dict(zip(table, map(str, outcome.verdict), strict=True)) == table
    for i in range(2, 5):
        assert outcome.peak_loss[i] > thresholds.RISE * outcome.start_loss[i]
        assert (path.x[-1, :, i] ** 2).sum() < 0.95 * (loss.start**2).sum(), "flatter: λ fell"
        assert outcome.sentence(i).startswith("Catapult: the loss rose from ")


def test_on_a_saddle() -> None:
    """Exactly on the ridge a run comes to rest where there is no minimum; off it the distance grows by 1 + η for ever."""
    saddle = LOSSES["saddle"]()
    start = [[1, 1, 0], [0, 0.01, 0]]
    assert verdicts(saddle, 0.1, start=start, steps=10) == ["converging", "converging", "stuck"]
    for steps in (200, 1000, 20000):
        assert verdicts(saddle, 0.1, start=start, steps=steps) == ["stuck", "diverged", "stuck"]


@dataclass(frozen=True)
class Plateau:
    """ln(1 + e^x), and a dead unit's constant below zero: nothing to follow there, though the minimum is elsewhere."""

    dim: int = 1
    minimum: float | None = None

    @property
    def start(self) -> Array:
        return np.array([-1.0])

    def value(self, x: Array) -> Array:
        return 2.3 + np.maximum(x[0], 0) ** 2

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        return self.value(x), 2 * np.maximum(x, 0)

    def hvp(self, x: Array, v: Array) -> Array:
        return 2 * (x > 0) * v


@pytest.mark.parametrize("minimum", [None, 0.0, -5.0])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_dead_plateau_holds_every_rule_that_does_not_decay(minimum: float | None, optimizer: str) -> None:
    rule = OPTIMIZERS[optimizer](**({"weight_decay": 0.0} if "weight_decay" in OPTIMIZERS.parameters(optimizer) else {}))
    for steps in (1, 20, 500):
        assert verdicts(Plateau(minimum=minimum), [1e-3, 1.0], rule, steps=steps) == ["stuck", "stuck"]


def product(x: np.ndarray) -> tuple[float, np.ndarray]:
    """½‖uvᵀ − M‖², a matrix of rank one in its factors: (cu, v/c) is as good as (u, v)."""
    u, v = x[:3], x[3:]
    off = np.outer(u, v) - np.outer([1.0, 2.0, -1.0], [1.0, 0.5, 2.0])
    return float((off**2).sum() / 2), np.concatenate([off @ v, off.T @ u])


@pytest.mark.parametrize("optimizer", ["gradient_descent", "adam"])
def test_the_flat_floor_of_a_valley_is_a_minimum(optimizer: str) -> None:
    factors = from_function(product, [0.5, 0.1, 0.2, 0.3, 0.1, -0.1])
    path = run(factors, OPTIMIZERS[optimizer](), 0.05, steps=2000)
    assert path.loss[-1, 0] < 1e-6 * path.loss[0, 0]
    assert judge(path).verdict[0] == sweep(factors, OPTIMIZERS[optimizer](), 0.05, steps=2000).verdict[0] == Verdict.CONVERGED


def test_on_the_ridge_of_a_saddle_the_loss_falls_to_0_and_is_no_minimum() -> None:
    saddle = from_function(lambda x: (x[0] ** 2 - x[1] ** 2, np.array([2 * x[0], -2 * x[1]])), [1.0, 0.0])
    assert judge(run(saddle, GD, 0.1, steps=400)).verdict[0] == Verdict.STUCK


def test_no_rate_is_slow_and_a_start_at_the_minimum_has_converged() -> None:
    assert verdicts(X2, [0.0, 1e-9], steps=100) == ["slow", "slow"]
    assert verdicts(X2, [0.0, 0.1, 100.0], start=[0.0], steps=100) == ["converged"] * 3
    regression = LOSSES["linear_regression"]()
    assert verdicts(regression, 1e-5, start=regression.minimizer, steps=50) == ["converged"]  # type: ignore[attr-defined]


def test_no_step_tells_nothing_of_the_way() -> None:
    unknown = from_function(lambda x: (float(x @ x), 2 * x), start=[1.0])
    for loss in (unknown, X2, "saddle"):
        assert sweep(loss, GD, 0.001, steps=0).sentence().endswith("no step was taken")
        assert "no step" not in sweep(loss, GD, 0.001, steps=1).sentence()


@pytest.mark.parametrize("seed", range(5))
def test_mini_batches_are_noisy_about_a_floor(seed: int) -> None:
    line = LOSSES["linear_regression"](data="noisy_line")
    for batch_size in (1, 5, 25):
        settings = {"steps": 2000, "batch_size": batch_size, "seed": seed}
        # Variance of x is 1/3: at .003 the run is on its way for all 2000 steps, at .03 it is at its floor after 500.
        assert verdicts(line, [0.003, 0.03, 0.3, 1.0], **settings) == ["converging", "noisy", "noisy", "noisy"]
        assert verdicts(line, [7.0], **settings) == ["diverged"]
    assert verdicts(line, [0.3], steps=2000) == ["converged"], "the same without batches is not"


def test_slow() -> None:
    """1 - 2e-6 of the loss is left by a step, so a millionth takes 7e6 steps."""
    assert verdicts(LOSSES["quadratic"](eigenvalues=(1e-6,)), 1.0, steps=1000) == ["slow"]
    assert verdicts(LOSSES["ravine"](condition_number=1e6), [0.5, 1.0], start=[1.0, 1e-4], steps=1000) == ["slow", "slow"]


@pytest.mark.parametrize("start", [[1.0, 1.0], [1.0, 0.3], [0.1, 3.0], [10.0, 0.01]])
@pytest.mark.parametrize("steps", [50, 100, 400, 1000])
def test_no_smaller_rate_of_a_quadratic_converges_where_a_larger_one_is_slow(start: list[float], steps: int) -> None:
    """A small rate falls fast as long as its steep directions do: theory knows what the flat ones still take (THEORY 66)."""
    said = verdicts(LOSSES["ravine"](), np.geomspace(1e-3, 1.9, 200), start=start, steps=steps)
    assert [word for word, before in zip(said, ["", *said], strict=False) if word != before][:2] == ["slow", "converging"]
    assert said.index("converging") == len(said) - said[::-1].index("slow")


@pytest.mark.parametrize(
    ("name", "rates", "looks", "within"),
    [
        *((name, (0.001, 0.003, 0.01, 0.03, 0.1), (10, 30, 100, 250, 400), 0.02) for name in ("quadratic", "booth")),
        *((name, (0.01, 0.03, 0.1), (10, 30, 100, 250, 400), 0.02) for name in ("ravine", "matyas")),  # at 0.001: 700,000 steps
        ("x_fourth", (0.01, 0.03, 0.1), (100, 250, 400), 0.05),
    ],
)
def test_the_steps_to_go_are_those_that_it_takes(name: str, rates: tuple[float, ...], looks: tuple[int, ...], within: float) -> None:
    """On quadratics by theory; on x⁴, whose tail is a power of the steps (THEORY 42), by how the fall fades."""
    loss = LOSSES[name]()
    seen = {steps: judge(run(loss, GD, rates, steps=steps)) for steps in looks}
    last = max(steps + int(1.1 * outcome.to_go.max()) + 2 for steps, outcome in seen.items())
    losses = run(loss, GD, rates, steps=last).loss - (loss.minimum or 0.0)
    took = np.argmax(losses <= 1e-6 * losses[0], axis=0)
    for steps, outcome in seen.items():
        to_go = np.array(outcome.verdict) != Verdict.CONVERGED
        assert (took - steps)[to_go] == pytest.approx(outcome.to_go[to_go], rel=within, abs=1)


# Laws.


@dataclass(frozen=True)
class Scaled:
    """Another loss times `factor` plus `shift`: the same problem in other units."""

    of: Any
    factor: float = 1.0
    shift: float = 0.0

    @property
    def dim(self) -> int:
        return self.of.dim

    @property
    def start(self) -> Array:
        return self.of.start

    @property
    def minimum(self) -> float:
        return self.of.minimum * self.factor + self.shift

    @property
    def is_quadratic(self) -> bool:
        return Facts(self.of).is_quadratic

    @property
    def minimizer(self) -> Array | None:
        return Facts(self.of).minimizer

    def value(self, x: Array) -> Array:
        return self.of.value(x) * self.factor + self.shift

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        value, gradient = self.of.value_and_gradient(x)
        return value * self.factor + self.shift, gradient * self.factor

    def hvp(self, x: Array, v: Array) -> Array:
        return self.of.hvp(x, v) * self.factor


@pytest.mark.parametrize("steps", [20, 400])
@pytest.mark.parametrize("name", [name for name in LOSSES if LOSSES[name]().minimum not in (None, -math.inf)])
def test_a_verdict_does_not_depend_on_the_units_of_the_loss(name: str, steps: int) -> None:
    loss = LOSSES[name]()
    with np.errstate(all="ignore"):
        sharpest = np.linalg.eigvalsh(loss.hvp(np.repeat(loss.start[:, None], loss.dim, axis=1), np.eye(loss.dim)))[-1]
    rates = np.array([1e-4, 0.01, 0.3, 0.9, 1.05, 1.5, 3.0, 10.0]) * 2 / (abs(sharpest) or 1.0)
    expected = verdicts(loss, rates, steps=steps)
    for factor in (1e6, 1e-6):
        assert verdicts(Scaled(loss, factor), rates / factor, steps=steps) == expected
    size = float(loss.value(loss.start[:, None])[0]) or 1.0
    for shift in (size, -3 * size):
        assert verdicts(Scaled(loss, 1.0, shift), rates, steps=steps) == expected


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 5, 20, 1000])
@pytest.mark.parametrize("name", LOSSES)
def test_any_number_of_steps_has_a_verdict_and_a_sentence(name: str, steps: int) -> None:
    loss = LOSSES[name]()
    if loss.dim > 50 and steps not in (0, 3):
        return  # the same code, and many weights
    for optimizer in ("gradient_descent", "momentum", "adam") if loss.dim <= 50 else ("momentum",):
        outcome = judge(run(loss, OPTIMIZERS[optimizer](), [0, 1e-12, 1e-3, 0.1, 10, 1e6], steps=steps))
        assert isinstance(outcome, Outcome)
        assert outcome.steps == steps
        for i, word in enumerate(outcome.verdict):
            assert outcome.sentence(i).startswith(f"{TABLE[word][0]}: ")
            assert outcome.evidence(i)["verdict"] == word
    assert verdicts(loss, 0.0, steps=steps)[0] in ("slow", "stuck", "converged")


def test_two_steps_of_shrinking_are_no_divergence_and_none_is_no_verdict() -> None:
    assert verdicts(X2, [0.1, 0.5, 0.9, 1.1], steps=0) == ["slow"] * 4  # also where one step would do
    for steps in (2, 3, 4, 7, 8, 9, 15, 16, 17, 33):
        assert verdicts(X2, [0.1, 0.5, 1.0, 1.1, 2.5], steps=steps) == [
            "converging" if steps < 31 else "converged", "converged", "oscillating", "diverged", "diverged",
        ]  # fmt: skip


@given(rate=st.floats(1e-3, 3), start=st.floats(-1e3, 1e3), steps=st.integers(30, 500))
@example(rate=0.5, start=1.0, steps=30)
@example(rate=1.0, start=1.0, steps=30)
def test_x_squared_agrees_with_its_factor(rate: float, start: float, steps: int) -> None:
    factor = abs(1 - 2 * rate)
    assume(start == 0 or abs(start) > 1e-100)
    assume(factor == 1 or abs(math.log(factor or 1e-300)) > 20 / steps)  # further from the edge than this many steps can tell
    got = verdicts(X2, rate, start=[start], steps=steps)[0]
    if start == 0 or factor < 1:
        assert got in ("converged", "converging")
    else:
        assert got == ("oscillating" if factor == 1 else "diverged")


@pytest.mark.parametrize("rate", [1.1, 1.5, 2.5])
def test_the_loss_overflows_first_and_the_weight_at_about_twice_the_step(rate: float) -> None:
    """THEORY 8: ⌈512/log₂ r⌉ for the loss, the weight itself at ⌈1024/log₂ r⌉."""
    steps = math.ceil(512 / math.log2(2 * rate - 1))
    path = run(X2, GD, rate, steps=3 * steps)
    outcome = judge(path)
    assert (outcome.first_nonfinite[0], outcome.first_quantity[0]) == (steps, "loss")
    weight = int(np.argmax(~np.isfinite(path.x[:, 0, 0])))
    assert weight == pytest.approx(2 * steps, rel=2e-3, abs=2)
    assert outcome.sentence() == f"Diverges: the loss became inf or nan at step {steps:,}"
    assert outcome.peak_loss[0] == np.inf


def test_which_quantity_went_first() -> None:
    huge = np.array([[1e120, 1e153]])
    fourth = judge(run(X4, GD, 1e-300, start=huge, steps=3))
    np.testing.assert_array_equal(fourth.first_nonfinite, [0, 0])
    np.testing.assert_array_equal(fourth.first_quantity, ["loss", "loss"])
    steep = judge(run(LOSSES["quadratic"](eigenvalues=(1e200,)), GD, 1e-100, start=[1e50], steps=3))
    assert (steep.first_nonfinite[0], steep.first_quantity[0]) == (1, "loss")
    thrown = judge(run(V, GD, 1e308, start=[1e308], steps=3))
    assert (thrown.first_nonfinite[0], thrown.first_quantity[0]) == (-1, "")
    assert judge(run(LOSSES["quadratic"](eigenvalues=(1e-320,)), HEAVY, 1.7e308, start=[1e308], steps=40)).first_nonfinite[0] == -1
    far = judge(run(UNIT, GD, 1e250, start=[1e100], steps=3))
    assert (far.first_nonfinite[0], far.first_quantity[0]) == (1, "weight")


def test_the_numbers_of_an_outcome_are_the_runs() -> None:
    path = run(WELL, GD, [0.3, 1.4, 3.0], start=[1.3], steps=300)
    outcome = judge(path)
    np.testing.assert_array_equal(outcome.start_loss, path.loss[0])
    np.testing.assert_array_equal(outcome.final_loss, path.loss[-1])
    np.testing.assert_array_equal(outcome.best_loss[:2], path.loss.min(axis=0)[:2])
    np.testing.assert_array_equal(outcome.peak_loss[:2], path.loss.max(axis=0)[:2])
    assert outcome.peak_loss[2] == np.inf
    assert outcome.first_nonfinite.tolist()[:2] == [-1, -1]


def test_the_decline_is_the_factor_of_the_loss_per_step() -> None:
    outcome = judge(run(UNIT, GD, [0.001, 0.01, 2.002], steps=1600))
    np.testing.assert_allclose(outcome.decline, [0.999**2, 0.99**2, 1.002**2], rtol=2e-5)


def test_every_threshold_is_a_named_constant_with_its_reason() -> None:
    source = [*inspect.getsource(thresholds).splitlines(), *inspect.getsource(profile).splitlines()]
    names = [name for name in {*vars(thresholds), *vars(profile)} if name.isupper()]
    assert {"PARTS", "TOLERANCE", "ROUNDING", "GROWTH", "STEADY", "PATIENCE", "FLAT", "RISE", "SHARPNESS_FALL"} <= set(names)
    for name in names:
        above, line = next((source[i - 1], text) for i, text in enumerate(source) if text.startswith(f"{name} = "))
        reason = line.partition("  # ")[2] or above.removeprefix("# ") * above.startswith("# ")
        assert len(reason.split()) >= 8, f"{name} has no reason"


def test_the_evidence_shows_the_thresholds() -> None:
    evidence = judge(run(X2, GD, 0.9)).evidence()
    assert thresholds.TOLERANCE in evidence.values()
    assert thresholds.PATIENCE in evidence.values()
    assert evidence["loss at the start"] == 1.0


ROTATES = from_function(lambda x: (x[0] * x[1], np.array([x[1], -x[0]])), [1.0, 1.0])
FALLS = from_function(lambda x: (x[0] ** 2 - x[1] ** 2, np.array([2 * x[0], -2 * x[1]])), [1.0, 1e-6])
NLL = from_function(
    lambda x: (
        x[1] + 0.5 * np.exp(-2 * x[1]) * (1 + (x[0] - 1) ** 2),
        np.array([np.exp(-2 * x[1]) * (x[0] - 1), 1 - np.exp(-2 * x[1]) * (1 + (x[0] - 1) ** 2)]),
    ),
    [0.0, 2.0],
)


@pytest.mark.parametrize(
    ("loss", "rule", "rate", "word"),
    [
        (ROTATES, "gradient_descent", 1.0, "diverged"),
        (ROTATES, "momentum", 0.1, "diverged"),
        (ROTATES, "adam", 10.0, "oscillating"),
        (FALLS, "gradient_descent", 0.1, "diverged"),
        (FALLS, "momentum", 0.1, "diverged"),
        (FALLS, "gradient_descent", 0.01, "converging"),  # a saddle that it has hardly left
        (NLL, "gradient_descent", 0.1, "converged"),
        (NLL, "adam", 0.9, "converged"),
    ],
)
def test_a_run_without_a_known_minimum_that_runs_off_is_gone(loss: Loss, rule: str, rate: float, word: str) -> None:
    """Though it falls: -2 × 10⁵¹ is no way to a minimum."""
    found = judge(run(loss, OPTIMIZERS[rule](), rate, steps=400)), sweep(loss, OPTIMIZERS[rule](), rate, steps=400)
    assert [str(each.verdict[0]) for each in found] == [word, word]


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 10])
@pytest.mark.parametrize("start", [[1.0, 1.0], [0.1, 1.0], [1.0, 0.001]])
def test_a_short_run_without_a_minimum_is_not_told_its_way_to_one(start: list[float], steps: int) -> None:
    outcome = sweep("saddle", "gradient_descent", [0.001], start=start, steps=steps)
    assert "way" not in outcome.sentence()
    assert "not fall any more" not in outcome.sentence()
    assert np.isnan(outcome.left).all()


@pytest.mark.parametrize("rule", ["nesterov", "momentum", "adam", "rmsprop", "lion"])
@pytest.mark.parametrize("loss", ["linear_regression", "rosenbrock", "quadratic", "beale"])
def test_a_run_that_only_falls_in_its_last_third_does_not_jump(loss: str, rule: str) -> None:
    path = run(loss, rule, np.geomspace(1e-7, 10, 60), steps=100)
    falls = (path.loss[-33:] < path.loss[-34:-1]).all(axis=0)
    assert not (judge(path).verdict[falls] == Verdict.OSCILLATING).any()


@pytest.mark.parametrize("steps", [8, 20, 50])
def test_a_fall_without_end_is_given_no_end(steps: int) -> None:
    """Of -x² nobody has said that it has no minimum; its loss falls by a factor a step, and no number of steps is to go."""
    hill = from_function(lambda x: (-float(x @ x), -2 * x), [1.0, 1.0])
    said = judge(run(hill, "gradient_descent", 0.1, steps=steps)).sentence()
    assert said.endswith("its fall does not fade, and no minimum is in sight"), said
    bowl = from_function(lambda x: (float(x @ x) - 5, 2 * x), [1.0, 1.0])
    assert "of the way" in judge(run(bowl, "gradient_descent", 1e-4, steps=steps)).sentence(), "below 0, and it fades"


@pytest.mark.parametrize("steps", [50, 300])
def test_a_fall_in_equal_steps_is_slow_at_every_rate(steps: int) -> None:
    slope = from_function(lambda x: (float(x.sum()), np.ones_like(x)), [1.3, 0.7])
    assert set(sweep(slope, "gradient_descent", np.linspace(0.1, 2, 20), steps=steps).verdict) == {Verdict.SLOW}


def test_a_loss_below_0_that_falls_at_every_step_is_no_catapult() -> None:
    well = from_function(lambda x: (float(-np.log(1 + x @ x)), -2 * x / (1 + x @ x)), [1.3, 0.7])
    found = run(well, "gradient_descent", [0.1, 0.9], steps=300)
    assert (np.diff(found.loss, axis=0) < 0).all()
    assert Verdict.CATAPULT not in set(judge(found).verdict)
