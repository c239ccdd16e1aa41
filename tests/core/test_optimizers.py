"""Laws that every rule keeps, and its stability against independent arithmetic: companion matrices, bisection, runs."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer import LOSSES, OPTIMIZERS, Optimizer, check_gradient, clipped, from_function, run
from explorer.core.ground.parameters import Parameter
from explorer.core.optimizers import Recurrence


def varied(knob: Parameter) -> np.ndarray:
    """Values that differ between three runs: near both ends of the knob's slider and between them."""
    low, high = knob.knob.low, knob.knob.high
    return np.geomspace(low, high, 3) if knob.knob.log else low + (high - low) * np.array([0.0 if knob.knob.admits(low) else 0.1, 0.5, 1.0])


SWITCHES = [(name, {}) for name in OPTIMIZERS] + [
    (name, {switch.name: True}) for name in OPTIMIZERS for switch in OPTIMIZERS.parameters(name).values() if switch.kind == "switch"
]
LINEAR = [
    ("gradient_descent", {}),
    *(("momentum", {"momentum": beta}) for beta in (0.0, 0.3, 0.5, 0.9, 0.99)),
    ("momentum", {"momentum": 0.9, "dampening": 0.5}),
    *(("nesterov", {"momentum": beta}) for beta in (0.3, 0.5, 0.9, 0.99)),
]

every_rule = pytest.mark.parametrize(("name", "switches"), SWITCHES, ids=str)
every_linear_rule = pytest.mark.parametrize(("name", "knobs"), LINEAR, ids=str)


@every_rule
def test_a_column_of_a_batch_is_that_run_alone_with_its_own_hyperparameters(name: str, switches: dict[str, bool]) -> None:
    rng = np.random.default_rng(3)
    gradients, start = rng.standard_normal((12, 2, 3)), rng.standard_normal((2, 3))
    numbers = [each for each in OPTIMIZERS.parameters(name).values() if each.kind == "number"]

    def path(columns: slice) -> np.ndarray:
        knobs: dict[str, Any] = {each.name: varied(each)[columns] for each in numbers}
        rule, x, directions = OPTIMIZERS[name](**switches, **knobs), start[:, columns], []
        state = rule.init(x)
        for gradient in gradients[:, :, columns]:
            direction, state = rule.update(gradient, state, x)
            directions.append(direction)
            x = x - 0.1 * direction
        return np.array(directions)

    together = path(slice(0, 3))
    for i in range(3):
        np.testing.assert_array_equal(together[:, :, i : i + 1], path(slice(i, i + 1)))


@every_rule
def test_a_number_is_an_array_of_equal_numbers(name: str, switches: dict[str, bool]) -> None:
    loss, rates = LOSSES["rosenbrock"](), [1e-4, 1e-3]
    numbers = {each.name: each.default for each in OPTIMIZERS.parameters(name).values() if each.kind == "number"}
    arrays = {knob: np.full(2, value) for knob, value in numbers.items()}
    np.testing.assert_allclose(
        run(loss, OPTIMIZERS[name](**switches, **arrays), rates, steps=20).x, run(loss, OPTIMIZERS[name](**switches), rates, steps=20).x
    )


@every_rule
def test_updating_changes_nothing_it_was_given(name: str, switches: dict[str, bool]) -> None:
    rule, rng = OPTIMIZERS[name](**switches), np.random.default_rng(0)
    x, g = rng.standard_normal((2, 3, 4))
    state = rule.init(x)
    for _ in range(3):
        given_x, given_g, given_state = x.copy(), g.copy(), tuple(np.copy(part) for part in state)
        first, after = rule.update(g, state, x)
        again, _ = rule.update(g, state, x)
        np.testing.assert_array_equal(first, again)
        np.testing.assert_array_equal((x, g), (given_x, given_g))
        for part, kept in zip(state, given_state, strict=True):
            np.testing.assert_array_equal(part, kept)
        state = after


def matrix(rule: Recurrence, h: float) -> np.ndarray:
    trace, det = rule.trace_and_det(h)
    return np.array([[float(trace), -float(det)], [1.0, 0.0]])


@every_linear_rule
def test_roots_are_the_companion_matrix_eigenvalues(name: str, knobs: dict[str, float]) -> None:
    rule = OPTIMIZERS[name](**knobs).recurrence
    h = np.concatenate([np.linspace(-1, 1.5 * float(rule.edge), 211), [0.0, float(rule.edge)]])
    roots = rule.roots(h)
    assert roots.shape == (2, h.size)
    assert (np.abs(roots[0]) >= np.abs(roots[1]) - 1e-12).all()
    for i, each in enumerate(h):
        expected = np.linalg.eigvals(matrix(rule, each))
        # A double root moves by the square root of a rounding error.
        np.testing.assert_allclose(np.sum(roots[:, i]), np.sum(expected), atol=1e-12)
        np.testing.assert_allclose(np.prod(roots[:, i]), np.prod(expected), atol=1e-12)
        np.testing.assert_allclose(rule.growth(each), np.abs(expected).max(), atol=2e-7)


@every_linear_rule
def test_the_edge_is_where_bisection_finds_it(name: str, knobs: dict[str, float]) -> None:
    rule = OPTIMIZERS[name](**knobs).recurrence
    low, high = 1e-3, 100.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if np.abs(np.linalg.eigvals(matrix(rule, middle))).max() <= 1 else (low, middle)
    assert rule.edge == pytest.approx(low, rel=1e-9)


@pytest.mark.parametrize("beta", [0.0, 0.3, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("curvature", [0.5, 2.0, 1e4])
def test_edges_in_closed_form(beta: float, curvature: float) -> None:
    assert OPTIMIZERS["gradient_descent"]().largest_stable_rate(curvature) == pytest.approx(2 / curvature)
    assert OPTIMIZERS["momentum"](momentum=beta).largest_stable_rate(curvature) == pytest.approx(2 * (1 + beta) / curvature)
    averaged = OPTIMIZERS["momentum"](momentum=beta, dampening=beta)
    assert averaged.largest_stable_rate(curvature) == pytest.approx(2 * (1 + beta) / (1 - beta) / curvature)
    assert OPTIMIZERS["rmsprop"](momentum=beta).largest_stable_rate(curvature) == pytest.approx(2 * (1 + beta) / curvature)
    assert OPTIMIZERS["adam"](beta1=beta).largest_stable_rate(curvature) == pytest.approx(2 * (1 + beta) / (1 - beta) / curvature)
    if beta:
        edge = 2 * (1 + beta) / (1 + 2 * beta)
        assert OPTIMIZERS["nesterov"](momentum=beta).largest_stable_rate(curvature) == pytest.approx(edge / curvature)


@pytest.mark.parametrize("name", ["gradient_descent", "momentum", "nesterov"])
def test_weight_decay_is_curvature_for_rules_without_a_preconditioner(name: str) -> None:
    plain, decayed = OPTIMIZERS[name](), OPTIMIZERS[name](weight_decay=3.0)
    assert decayed.largest_stable_rate(2.0) == pytest.approx(plain.largest_stable_rate(5.0))
    q, shifted = LOSSES["quadratic"](eigenvalues=(1, 2)), LOSSES["quadratic"](eigenvalues=(4, 5))
    np.testing.assert_allclose(run(q, decayed, 0.1, steps=30).x, run(shifted, plain, 0.1, steps=30).x, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ["gradient_descent", "momentum", "nesterov"])
@pytest.mark.parametrize("curvature", [0.0, -1.0, -1e300])
def test_what_curves_nowhere_upward_has_no_edge(name: str, curvature: float) -> None:
    assert OPTIMIZERS[name]().largest_stable_rate(curvature) == np.inf


def test_an_edge_for_each_run() -> None:
    rule = OPTIMIZERS["momentum"](momentum=np.array([0.0, 0.5, 0.9]))
    assert rule.runs == 3
    np.testing.assert_allclose(rule.largest_stable_rate(np.array([1.0, 2.0, 0.0])), [2, 1.5, np.inf])
    np.testing.assert_allclose(rule.largest_stable_rate(2.0), [1, 1.5, 1.9])
    assert OPTIMIZERS["momentum"]().runs == 1


@given(h=st.floats(-10, 10), beta=st.floats(0, 0.999), ahead=st.booleans())
def test_growth_is_what_a_long_run_shows(h: float, beta: float, ahead: bool) -> None:
    rule = (OPTIMIZERS["nesterov"](momentum=max(beta, 1e-3)) if ahead else OPTIMIZERS["momentum"](momentum=beta)).recurrence
    growth, n = float(rule.growth(h)), 1024
    if growth < 1e-3:
        return  # its power is 0 to rounding
    # ‖Mⁿ‖ is at least ρⁿ, and at most about n ρⁿ (a double root); half of it for the largest entry in place of the norm.
    largest = np.abs(np.linalg.matrix_power(matrix(rule, h) / growth, n)).max()
    assert 0.49 < largest < 40 * n


@pytest.mark.parametrize(
    ("name", "knobs", "sentence"),
    [
        ("momentum", {"momentum": 1.01}, "momentum must be finite and ≥ 0 and ≤ 1, got 1.01"),
        ("momentum", {"momentum": -0.1}, "momentum must be finite and ≥ 0 and ≤ 1, got -0.1"),
        ("momentum", {"momentum": np.array([0.1, np.nan])}, "momentum must be finite and ≥ 0 and ≤ 1, got nan"),
        ("nesterov", {"momentum": 0}, "momentum must be finite and > 0 and < 1, got 0"),
        ("adam", {"beta2": 1}, "beta2 must be finite and ≥ 0 and < 1, got 1"),
        ("adam", {"eps": -1e-8}, "eps must be finite and ≥ 0, got -1e-08"),
        ("rmsprop", {"alpha": 1.5}, "alpha must be finite and ≥ 0 and < 1, got 1.5"),
        ("gradient_descent", {"weight_decay": np.inf}, "weight_decay must be finite and ≥ 0, got inf"),
    ],
)
def test_refusals(name: str, knobs: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        OPTIMIZERS[name](**knobs)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"optimizer must be one of gradient_descent, .*, got 'adma'; did you mean adam"):
        OPTIMIZERS["adma"]


def test_what_the_shelf_writes_in() -> None:
    rule = OPTIMIZERS["momentum"](momentum=0.5)
    assert isinstance(rule, Optimizer)
    assert (rule.name, dict(rule.knobs)) == ("momentum", {"momentum": 0.5, "dampening": 0.0, "weight_decay": 0.0})


@pytest.mark.parametrize("name", ["muon", "adafactor", "adam"])
def test_numbers_and_empty_parameters_are_blocks_like_others(name: str) -> None:
    """Of a model: a learnable temperature, and a layer of no units."""
    scale = np.arange(1.0, 6.0)
    bowl = from_function(lambda x: (float(x @ (scale * x)), 2 * scale * x), np.ones(5), blocks={"t": (), "none": (0, 3), "W": (2, 2)})
    together = run(bowl, name, [0.01, 0.1, 0.5], steps=7)
    for at, rate in enumerate((0.01, 0.1, 0.5)):
        alone = run(bowl, name, rate, steps=7)
        np.testing.assert_allclose(together.loss[:, at], alone.loss[:, 0], rtol=1e-12)
    assert [each.block for each in check_gradient(bowl).blocks] == ["t", "W"]


def test_a_clip_is_refused_by_the_name_that_it_was_given() -> None:
    with pytest.raises(ValueError, match=r"^norm must be "):
        clipped("adam", norm=0.0)
    with pytest.raises(ValueError, match=r"^value must be "):
        clipped("adam", value="a")  # type: ignore[arg-type]
