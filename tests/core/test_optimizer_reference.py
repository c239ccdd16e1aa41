"""Every rule is PyTorch's to the last digit: its recorded steps, its refusals and its defaults, and the laws that every rule keeps."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer import LOSSES, OPTIMIZERS, Optimizer, from_function, run
from explorer.core.ground.parameters import Parameter
from explorer.core.optimizers import clipped, with_decoupled_decay
from explorer.core.optimizers.rule import PAIRS

REFERENCE = json.loads((Path(__file__).parents[1] / "data" / "torch_reference.json").read_text(encoding="utf-8"))
"""PyTorch 2.13 in float64, as tests/data/record_torch_reference.py wrote it: steps, defaults, schedules, and what it refuses."""

PROBLEMS = {
    "x2": LOSSES["x_squared"](),
    "quad_1_100": LOSSES["quadratic"](eigenvalues=(1, 100)),
    "rosenbrock": LOSSES["rosenbrock"](),
}


def matrices(x: np.ndarray) -> tuple[float, np.ndarray]:
    """Two layers on one example with the squared error, ½‖V(Wa) + c - y‖², for the rules that look at a matrix as one."""
    W, V, c = x[:6].reshape(3, 2), x[6:12].reshape(2, 3), x[12:]
    a, y = np.array([1.0, -2.0]), np.array([0.5, 1.5])
    error = V @ (W @ a) + c - y
    return 0.5 * error @ error, np.concatenate([np.outer(V.T @ error, a).ravel(), np.outer(error, W @ a).ravel(), error])


PROBLEMS |= {"matrices": from_function(matrices, np.ones(14), blocks={"W": (3, 2), "V": (2, 3), "c": 2})}


THEIRS = [name for name in OPTIMIZERS if OPTIMIZERS.torch(name)]


def reference(name: str) -> dict[str, Any]:
    """PyTorch's defaults and steps of this rule: as they were recorded, else as PyTorch says now."""
    if name not in REFERENCE["rules"]:
        pytest.importorskip("torch", reason=f"{name} is not recorded: run tests/data/record_torch_reference.py where PyTorch is installed")
        from tests.data.record_torch_reference import recorded

        return recorded(name)
    return dict(REFERENCE["rules"][name])


@pytest.mark.parametrize("name", THEIRS)
def test_steps_are_pytorchs(name: str) -> None:
    for row in reference(name)["rows"]:
        path = run(PROBLEMS[row["problem"]], OPTIMIZERS[name](**row["knobs"]), row["learning_rate"], start=row["x"][0], steps=20)
        what = f"{row['problem']} {row['knobs']}"
        # η = 0.01 takes a coordinate with λ = 100 to 0 in one step: what is left there is rounding, theirs or ours.
        np.testing.assert_allclose(path.x[:, :, 0], row["x"], rtol=1e-10, atol=1e-15, err_msg=what)
        np.testing.assert_allclose(path.loss[:, 0], row["loss"], rtol=1e-10, atol=0, err_msg=what)


@pytest.mark.parametrize("name", THEIRS)
def test_defaults_are_pytorchs(name: str) -> None:
    theirs = reference(name)["defaults"]
    ours = {each.name: each.default for each in OPTIMIZERS.parameters(name).values()}
    pairs = {pair for pair, (first, _) in PAIRS.items() if first in ours}
    theirs |= {each: value for pair in pairs for each, value in zip(PAIRS[pair], theirs[pair], strict=True)}
    theirs |= {"eps1": np.finfo(float).eps} if "eps1" in ours else {}  # None there: that of the numbers' type
    theirs |= {"adjust_lr_fn": "original", "ns_coefficients": tuple(theirs["ns_coefficients"])} if "adjust_lr_fn" in ours else {}
    # SGD with momentum 0 is gradient descent; a rule that is called momentum has some.
    descends = OPTIMIZERS.torch(name).startswith("SGD")
    assert {knob for knob, default in ours.items() if default != theirs[knob]} <= ({"momentum"} if descends else set())
    switches = {"maximize", "foreach", "capturable", "differentiable", "fused", "decoupled_weight_decay"}
    fixed = {knob for knob in theirs if f"{knob}=" in OPTIMIZERS.torch(name)}
    unknown = theirs.keys() - ours.keys() - switches - fixed - {"lr"} - pairs
    assert unknown <= ({"momentum", "dampening", "nesterov"} if descends else set())


def test_a_recorded_rule_is_on_the_shelf() -> None:
    assert REFERENCE["rules"].keys() <= set(THEIRS)


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name not in THEIRS])
def test_a_rule_that_pytorch_does_not_have_shows_a_step(name: str) -> None:
    """Its example, which runs, is its reference."""
    assert ">>>" in (shown := OPTIMIZERS[name].__doc__ or "")
    assert ".update(" in shown


def test_lion_is_the_papers_algorithm() -> None:
    """PyTorch has none. Chen et al. 2023, algorithm 2, its lines one by one, with the learning rate inside."""
    beta1, beta2, decay, rate = 0.9, 0.99, 0.1, 0.01
    for loss in PROBLEMS.values():
        path = run(loss, OPTIMIZERS["lion"](weight_decay=decay), rate, steps=20).x[:, :, :1]
        theta, m = path[0], np.zeros_like(path[0])
        for point in path:
            np.testing.assert_allclose(theta, point, rtol=1e-10, atol=1e-15)
            _, g = loss.value_and_gradient(theta)
            c = beta1 * m + (1 - beta1) * g
            theta = theta - rate * (np.sign(c) + decay * theta)
            m = beta2 * m + (1 - beta2) * g


def test_signsgd_is_the_papers_algorithm() -> None:
    """PyTorch has none. Bernstein et al. 2018, algorithm 2 (Signum), and 1 where nothing is remembered."""
    for beta in (0.9, 0.0):
        for loss in PROBLEMS.values():
            path = run(loss, OPTIMIZERS["signsgd"](momentum=beta), 0.01, steps=20).x[:, :, :1]
            x, m = path[0], np.zeros_like(path[0])
            for point in path:
                np.testing.assert_allclose(x, point, rtol=1e-10, atol=1e-15)
                m = beta * m + (1 - beta) * loss.value_and_gradient(x)[1]
                x = x - 0.01 * np.sign(m)


def test_the_mean_of_asgd_is_that_of_the_points_it_passed() -> None:
    """From t₀ + 2 on, as PyTorch's `ax`, whose weight is one over the steps since t₀ of the step before."""
    loss, rule, t0 = PROBLEMS["quad_1_100"], OPTIMIZERS["asgd"](t0=3.0), 3
    points = run(loss, rule, 0.01, steps=12).x
    state = rule.begin(points[0])
    for point in points:
        _, state = rule.direction(loss.value_and_gradient(point)[1], state, point, 0.01)
    np.testing.assert_allclose(state[1], points[t0 + 2 :].mean(axis=0), rtol=1e-12)


REFUSED = [
    ("gradient_descent", {"weight_decay": -1}, "weight_decay must be finite and ≥ 0, got -1"),
    ("momentum", {"momentum": -0.1}, "momentum must be finite and ≥ 0 and ≤ 1, got -0.1"),
    ("nesterov", {"momentum": 0}, "momentum must be finite and > 0 and < 1, got 0"),
    ("adam", {"beta1": 1}, "beta1 must be finite and ≥ 0 and < 1, got 1"),
    ("adam", {"beta2": -0.1}, "beta2 must be finite and ≥ 0 and < 1, got -0.1"),
    ("adam", {"eps": -1}, "eps must be finite and ≥ 0, got -1"),
    ("adadelta", {"rho": 2}, "rho must be finite and ≥ 0 and < 1, got 2"),
    # What PyTorch takes without a word:
    ("momentum", {"momentum": 1.5}, "momentum must be finite and ≥ 0 and ≤ 1, got 1.5"),
    ("rmsprop", {"alpha": 1.5}, "alpha must be finite and ≥ 0 and < 1, got 1.5"),
]


@pytest.mark.parametrize(("name", "knobs", "sentence"), REFUSED)
def test_what_is_refused(name: str, knobs: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        OPTIMIZERS[name](**knobs)


@pytest.mark.parametrize("rate", [-1, np.nan, np.inf])
def test_refused_learning_rates(rate: float) -> None:
    with pytest.raises(ValueError, match=r"^learning_rate must be finite and ≥ 0, got "):
        run(PROBLEMS["x2"], OPTIMIZERS["gradient_descent"](), rate)


def test_every_refusal_of_pytorch_has_its_row() -> None:
    """A rate of 0 and ε = 0 are taken, as there; Nesterov has no dampening to refuse."""
    theirs = [case for case, answer in REFERENCE["refusals"] if answer != "accepted"]
    rates, dampened = 1, 1
    pytorch_takes = 2
    assert len(theirs) == rates + dampened + len(REFUSED) - pytorch_takes
    assert "dampening" not in OPTIMIZERS.parameters("nesterov")
    OPTIMIZERS["adam"](eps=0)
    run(PROBLEMS["x2"], OPTIMIZERS["adam"](), 0.0)


NUMBERS = [(name, each) for name in OPTIMIZERS for each in OPTIMIZERS.parameters(name).values() if each.kind == "number"]
EVERY_NUMBER = pytest.mark.parametrize(("name", "knob"), NUMBERS, ids=[f"{name}.{each.name}" for name, each in NUMBERS])


@EVERY_NUMBER
def test_a_number_is_finite_and_within_its_rule(name: str, knob: Parameter) -> None:
    beyond = [value for value in (-1e-9, 1e-9, 1.0, 1.5) if not knob.knob.admits(value)]
    assert beyond
    for value in (np.nan, np.inf, -np.inf, np.array([0.5, np.nan]), *beyond):
        with pytest.raises(ValueError, match=rf"^{knob.name} must be finite and {re.escape(knob.knob.rule)}, got "):
            OPTIMIZERS[name](**{knob.name: value})


@EVERY_NUMBER
def test_a_number_may_be_one_for_each_run(name: str, knob: Parameter) -> None:
    """Column i of a batch is that run alone, in every digit, and so is its edge."""
    values = np.array([0.05, 0.3, 0.7])
    values = values if knob.knob.admits(values) else knob.knob.low + (knob.knob.high - knob.knob.low) * values
    loss, rates = PROBLEMS["rosenbrock"], np.array([1e-4, 2e-4, 5e-5])
    together = OPTIMIZERS[name](**{knob.name: values})
    path = run(loss, together, rates, steps=12)
    edges = np.broadcast_to(together.largest_stable_rate(3.0), 3)
    assert together.runs == 3
    for i, value in enumerate(values.tolist()):
        alone = OPTIMIZERS[name](**{knob.name: value})
        np.testing.assert_array_equal(path.x[:, :, i], run(loss, alone, rates[i], steps=12).x[:, :, 0])
        assert edges[i] == alone.largest_stable_rate(3.0)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_rule_is_pure(name: str) -> None:
    """`update` leaves what it was given as it was, so that two runs may share a rule and a state may be kept."""
    rule = OPTIMIZERS[name]()
    x, gradient = np.array([[1.0, 2.0], [-3.0, 0.5]]), np.array([[0.1, -0.2], [3.0, 4.0]])
    _, state = rule.update(gradient, rule.init(x), x)
    kept = [np.copy(each) for each in (x, gradient, *state)]
    first, _ = rule.update(gradient, state, x)
    again, _ = rule.update(gradient, state, x)
    np.testing.assert_array_equal(first, again)
    for before, after in zip(kept, (x, gradient, *state), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_preconditioner_divides_the_step(name: str) -> None:
    """What a state says divides the step is what divided it: a step is linear in the rest of the state."""
    rule = OPTIMIZERS[name]()
    if rule.preconditioner is None:
        return
    g = np.array([[2.0], [-0.5], [1e-3]])
    direction, state = rule.update(g, rule.init(g), np.zeros_like(g))
    times = direction * rule.preconditioner(state)
    np.testing.assert_allclose(times / g, np.full_like(g, times[0, 0] / g[0, 0]), rtol=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_rule_is_introduced_in_one_plain_sentence(name: str) -> None:
    """It is shown under the box that chooses the rule."""
    first = (OPTIMIZERS[name].__doc__ or "").splitlines()[0]
    assert 20 < len(first) < 140
    assert first.endswith(".")
    assert not set("←√η₁") & set(first)


# Gradient clipping: any rule on a gradient that is cut first.

GRADIENT = np.array([[3.0, 0.3, 0.0, -30.0], [4.0, -0.4, 0.0, 0.1]])


def seen(norm: Any = None, value: Any = None, gradient: np.ndarray = GRADIENT) -> np.ndarray:
    """The gradient that a rule is given once it has been clipped."""
    with np.errstate(all="ignore"):
        return clipped(OPTIMIZERS["gradient_descent"](), norm=norm, value=value).update(gradient, (), gradient)[0]


def test_clipping_by_norm_is_clip_grad_norm_() -> None:
    """Its coefficient max_norm / (norm + 1e-6), at most 1, for each run by itself."""
    norms = np.hypot(*GRADIENT)
    np.testing.assert_allclose(seen(norm=2.0), GRADIENT * np.minimum(2 / (norms + 1e-6), 1), rtol=1e-15)
    np.testing.assert_array_equal(seen(norm=2.0)[:, 1:3], GRADIENT[:, 1:3])
    thresholds = np.array([1.0, 0.1, 1.0, 100.0])
    columns = [seen(norm=thresholds[i], gradient=GRADIENT[:, i : i + 1]) for i in range(4)]
    np.testing.assert_array_equal(seen(norm=thresholds), np.hstack(columns))


def test_clipping_by_value_is_clip_grad_value_() -> None:
    np.testing.assert_array_equal(seen(value=1.0), [[1, 0.3, 0, -1], [1, -0.4, 0, 0.1]])
    np.testing.assert_array_equal(seen(value=np.array([1, 0.1, 1, 2])), [[1, 0.1, 0, -2], [1, -0.1, 0, 0.1]])
    both = seen(norm=1.0, value=1.0)
    np.testing.assert_allclose(both[:, 0], np.sqrt([0.5, 0.5]), rtol=1e-6)


def test_inf_is_rescued_by_value_only_and_nan_never() -> None:
    broken = np.array([[np.inf, np.nan], [1.0, 1.0]])
    np.testing.assert_array_equal(seen(norm=1.0, gradient=broken), [[np.nan, np.nan], [0, np.nan]])
    np.testing.assert_array_equal(seen(value=2.0, gradient=broken), [[2, np.nan], [1, 1]])


def test_a_gradient_whose_squares_overflow_keeps_its_direction() -> None:
    np.testing.assert_allclose(seen(norm=1.0, gradient=np.array([[3e200], [4e200]]))[:, 0], [0.6, 0.8], rtol=1e-15)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_any_rule_can_be_clipped(name: str) -> None:
    """A threshold beyond every gradient changes nothing; one that is reached is the rule on the shorter gradient."""
    rule, loss = OPTIMIZERS[name](), PROBLEMS["rosenbrock"]
    plain = run(loss, rule, 1e-4, steps=5)
    loose = run(loss, clipped(rule, norm=1e6, value=1e6), 1e-4, steps=5)
    np.testing.assert_array_equal(plain.x, loose.x)
    _, gradient = loss.value_and_gradient(loss.start[:, None])
    short = gradient / (np.linalg.norm(gradient) + 1e-6)
    direction, _ = clipped(rule, norm=1.0).update(gradient, rule.init(short), loss.start[:, None])
    expected, _ = rule.update(short, rule.init(short), loss.start[:, None])
    np.testing.assert_allclose(direction, expected, rtol=1e-13)


def test_a_clipped_rule_says_so_and_keeps_its_edge() -> None:
    rule = clipped(OPTIMIZERS["momentum"](), norm=np.array([1.0, 2.0]))
    assert (rule.name, rule.runs, rule.clips, rule.is_linear) == ("momentum", 2, True, False)
    assert rule.largest_stable_rate(1.0) == OPTIMIZERS["momentum"]().largest_stable_rate(1.0)
    assert run(PROBLEMS["x2"], rule, 0.1, steps=3).runs == 2
    assert clipped(rule) is rule


@pytest.mark.parametrize("threshold", [0, -1, np.nan, np.inf, [1.0, np.nan]])
def test_refused_thresholds(threshold: Any) -> None:
    for kind in ("norm", "value"):
        with pytest.raises(ValueError, match=rf"^{kind} must be finite and > 0, got "):
            clipped(OPTIMIZERS["adam"](), **{kind: threshold})


def test_weight_decay_is_not_clipped() -> None:
    """As in PyTorch, where clipping comes before the optimizer, and the decay is the optimizer's."""
    rule: Optimizer = clipped(OPTIMIZERS["gradient_descent"](weight_decay=10.0), value=1.0)
    direction, _ = rule.update(np.array([[5.0]]), (), np.array([[2.0]]))
    assert direction == 21
    direction, _ = clipped(with_decoupled_decay(10.0, OPTIMIZERS["gradient_descent"]()), value=1.0).update(
        np.array([[5.0]]), (), np.array([[2.0]])
    )
    assert direction == 21
