"""Every door that names an edge names the same one: a table of doors × rules × knobs, and short runs on both sides of it.

The rows are made from the shelf: each rule as it is, and once more with each of its knobs turned. A new rule or knob is in it by itself.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from explorer import (
    LOSSES,
    OPTIMIZERS,
    Monitor,
    Optimizer,
    Setup,
    Verdict,
    after_warmup,
    check_gradient,
    clipped,
    critical_learning_rate,
    find_edge,
    find_rate,
    judge,
    run,
    safe_rate,
    sweep,
    why_nan,
)
from explorer.core.ground.parameters import Parameter, parameters
from explorer.core.ground.prose import plain
from explorer.core.maps.boundary import lines
from explorer.core.maps.map import Axis, Map
from explorer.core.networks.training import History, ending, train
from explorer.core.optimizers import with_decoupled_decay
from explorer.core.optimizers.recurrence import UNKNOWN
from explorer.core.run.ruler import ruler
from explorer.core.theory.edge import Edge, as_seen, edge_curvature, first_look
from explorer.core.verdict.fuse import fuse
from explorer.core.verdict.measured import edge_along

Array = np.ndarray

TURNED: dict[str, Any] = {
    "weight_decay": 0.7,
    "momentum": 0.5,
    "dampening": 0.5,
    "eps": 0.5,
    "amsgrad": True,
    "centered": True,
    "beta1": 0.5,
    "beta2": 0.8,
    "rho": 0.5,
    "lr_decay": 0.1,
    "initial_accumulator_value": 2.0,
    "momentum_decay": 0.0,
    "lambd": 0.7,
    "alpha": 0.9,
    "t0": 3.0,
    "etaminus": 0.3,
    "etaplus": 1.5,
    "step_size_min": 1e-3,
    "step_size_max": 1.0,
    "beta2_decay": -0.5,
    "eps1": 0.5,
    "eps2": 0.1,
    "d": 2.0,
    "nesterov": False,
    "ns_coefficients": (2.0, -1.5, 0.5),
    "ns_steps": 3,
    "adjust_lr_fn": "match_rms_adamw",
}
"""Another value for a knob, where it matters which."""


def turned(parameter: Parameter) -> Any:
    """Return another value of a knob: the one above, or one within its range that is not its default."""
    knob, default = parameter.knob, parameter.default
    if parameter.name in TURNED:
        return TURNED[parameter.name]
    if parameter.kind == "switch":
        return not default
    if parameter.kind == "choice":
        return next(each for each in parameter.options if each != default)
    middle = (knob.low + knob.high) / 2
    found = middle if middle != default else (knob.low + middle) / 2
    assert np.isfinite(found), f"say in TURNED to which value {parameter.name} is turned here"
    return int(found) if parameter.kind == "integer" else found


def rows() -> dict[str, tuple[str, dict[str, Any]]]:
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for name, factory in OPTIMIZERS.items():
        knobs = parameters(factory)
        base = {"eps": 1.0} if "eps" in knobs else {}
        found[name] = name, base
        found |= {f"{name}, {knob}": (name, base | {knob: turned(parameter)}) for knob, parameter in knobs.items()}
    return found


ROWS = rows()
VALLEY = {"eigenvalues": (1.0, 10.0), "rotation": 30.0}
START = np.array([1.0, -0.5])


def valley() -> Any:
    return LOSSES["quadratic"](**VALLEY)


def function(x: Array) -> tuple[float, Array]:
    """The valley to somebody who has no Hessian of it."""
    value, gradient = valley().value_and_gradient(x[:, np.newaxis])
    return float(value[0]), gradient[:, 0]


def by_hand(name: str, knobs: dict[str, Any]) -> float:
    """The edge from a matrix of numbers: eigenvalues of P⁻¹(H + w), and nothing of the theory's rooms but the rule's constant."""
    rule, x = OPTIMIZERS[name](**knobs), START[:, np.newaxis]
    matrix = valley().hvp(np.repeat(x, 2, axis=1), np.eye(2)) + rule.weight_decay * np.eye(2)
    if rule.preconditioner is not None:
        gradient = valley().value_and_gradient(x)[1]
        P = np.broadcast_to(rule.preconditioner(rule.update(gradient, rule.init(x), x)[1]), x.shape)
        matrix = matrix / P
    share = np.linalg.eigvals(matrix).real.max() / rule.recurrence.edge + rule.decoupled_decay / 2
    return float(1 / share) if share else np.inf


@pytest.mark.parametrize("row", ROWS)
def test_the_doors_agree(row: str) -> None:
    name, knobs = ROWS[row]
    loss, rule, edge = valley(), OPTIMIZERS[name](**knobs), by_hand(name, knobs)
    assert critical_learning_rate(loss, rule, START) == pytest.approx(edge, rel=1e-12)
    assert Edge.of(loss, rule, START).rate == pytest.approx(edge, rel=1e-12)
    scale = ruler(loss, rule, START, 0.1)
    marked = [scale.rates[at] for mark, at in scale.marks.items() if mark.startswith("edge")]
    assert marked == pytest.approx([edge] if np.isfinite(edge) else [], rel=1e-12)
    assert safe_rate(loss, START, optimizer=rule, check=False).rate == pytest.approx(edge, rel=1e-6)
    assert safe_rate(function, START, optimizer=rule, check=False).rate == pytest.approx(edge, rel=1e-6)
    along = edge_along(run(loss, rule, 1e-12, start=START, steps=1, keep_preconditioner=True))[1]
    assert along == pytest.approx(edge, rel=1e-9), "at the start, and where a step of next to no length leads"
    if np.isfinite(rule.recurrence.edge):
        curvature = float(edge_curvature(loss, rule, START[:, np.newaxis])[0])
        assert rule.largest_stable_curvature(edge) == pytest.approx(curvature, rel=1e-9)


@pytest.mark.parametrize("row", ROWS)
def test_a_rate_for_a_curvature_and_a_curvature_for_a_rate_are_inverse(row: str) -> None:
    name, knobs = ROWS[row]
    rule = OPTIMIZERS[name](**knobs)
    for decayed in (rule, with_decoupled_decay(0.3, rule)):
        if not np.isfinite(decayed.recurrence.edge):
            beyond = -np.inf if decayed.decoupled_decay else np.inf  # 2/decay lies between these two
            assert list(decayed.largest_stable_curvature(np.array([1e-3, 1e3]))) == [np.inf, beyond]
            continue
        curvatures = np.array([0.1, 3.0, 1e6])
        np.testing.assert_allclose(decayed.largest_stable_curvature(decayed.largest_stable_rate(curvatures)), curvatures, rtol=1e-8)


@pytest.mark.parametrize("row", ROWS)
def test_the_instruments_of_a_network_agree(row: str) -> None:
    name, knobs = ROWS[row]
    setup = Setup("network", name, 1e-9, steps=1).with_knobs(
        {"loss.hidden": (3,), "loss.examples": 20} | {f"optimizer.{knob}": value for knob, value in knobs.items()}
    )
    *_, history = train(setup, looks=1)  # the rate is so small that the point of the second look is the first's
    loss, rule = setup.make_loss(), setup.make_optimizer()
    edge = critical_learning_rate(loss, rule, loss.start)
    assert history.ratio[-1] == pytest.approx(1e-9 / edge, rel=2e-3)
    if np.isfinite(rule.recurrence.edge):
        assert rule.largest_stable_rate(history.sharpness[-1]) == pytest.approx(edge, rel=2e-3)
        assert history.edge[-1] == rule.largest_stable_curvature(1e-9)


@pytest.mark.parametrize("row", ROWS)
def test_the_boundary_of_a_map_agrees(row: str) -> None:
    name, knobs = ROWS[row]
    chosen = {f"loss.{knob}": value for knob, value in VALLEY.items()} | {f"optimizer.{knob}": value for knob, value in knobs.items()}
    setup = Setup("quadratic", name, start=tuple(START)).with_knobs(chosen)
    plan = Map(setup, Axis("learning_rate", 0, 2, count=4), Axis("start.0", 1, 2, count=3))
    expected = [critical_learning_rate(valley(), OPTIMIZERS[name](**knobs), (x, START[1])) for x in plan.y.values]
    found = lines(plan)
    assert [line.x for line in found] == [pytest.approx(expected, rel=1e-12)] if np.isfinite(expected).all() else not found


SHARES = np.array([0.02, 0.1, 0.5, 0.98, 1.02, 2.0, 10.0, 50.0])
"""Of the edge at the start. Where a rule's own clock moves it (RAdam divides by 1 first, by ε later), some stay on one side of it."""


@pytest.mark.parametrize("row", [row for row, (name, knobs) in ROWS.items() if not OPTIMIZERS[name](**knobs).recurrence.moves])
def test_short_runs_keep_to_it(row: str) -> None:
    """What is below its edge at each of 400 steps holds, what is beyond it at each of them diverges; the edge as it is along the run.

    From so near the minimum the gradient adds nothing to ε: what divides the steps follows the rule's clock alone, if it moves at all.
    """
    name, knobs = ROWS[row]
    rule = OPTIMIZERS[name](**knobs)
    any_curvature = np.isinf(rule.recurrence.edge)
    start = 1e3 * START if any_curvature else 1e-140 * START
    edge = critical_learning_rate(valley(), rule, start)
    if not np.isfinite(edge):
        assert any_curvature
        return
    path = run(valley(), rule, SHARES * edge, start=start, steps=400, keep_preconditioner=True)
    lost, sides = judge(path).verdict == Verdict.DIVERGED, 0
    schedule = "if what its recurrence is made of has a schedule, the recurrence says moves=True"
    for i, share in enumerate(SHARES):
        along = edge_along(path, i, most=401)[1]
        below, beyond = share * edge < 0.985 * np.nanmin(along), share * edge > 1.015 * np.nanmax(along)
        assert not (below and lost[i]), f"{row} diverges at {share} of its edge {edge:.4g}, below it at each step of the run: {schedule}"
        assert not (beyond and not lost[i]), f"{row} holds at {share} of its edge {edge:.4g}, beyond it at each step of the run: {schedule}"
        sides += below + beyond
    assert sides, f"{row}: the edge {edge:.4g} moves so far that no run is on one side of it"


@pytest.mark.parametrize("row", [row for row, (name, knobs) in ROWS.items() if OPTIMIZERS[name](**knobs).preconditioner is None])
def test_forensics_names_the_same_edge(row: str) -> None:
    name, knobs = ROWS[row]
    rule = OPTIMIZERS[name](**knobs)
    edge = critical_learning_rate(valley(), rule)
    assert f"is 1.5 × the edge at the start, {plain(edge)}" in why_nan(run(valley(), rule, 1.5 * edge, start=START, steps=5000)).sentence


BY_HAND = {"decoupled by hand": with_decoupled_decay(0.7, OPTIMIZERS["momentum"]())}
DECAYED = BY_HAND | {row: OPTIMIZERS[name](**knobs) for row, (name, knobs) in ROWS.items()}


@pytest.mark.parametrize("row", DECAYED)
def test_the_fuse_sees_what_the_rule_saw(row: str) -> None:
    loss, rule = LOSSES["linear_regression"](data="noisy_line", noise=3.0), DECAYED[row]
    lit_at = (each for each in (1.0, 30.0, 1000.0) if fuse(run(loss, rule, each, batch_size=2, steps=40, seed=3)))
    rate = next(lit_at)  # so large that some step goes uphill, whatever the rule divides by
    path = run(loss, rule, rate, batch_size=2, steps=40, keep_preconditioner=True, seed=3)
    lit = fuse(run(loss, rule, rate, batch_size=2, steps=40, seed=3))
    assert lit is not None
    batch, x = loss.on(lit.rows), path.x[lit.step]  # type: ignore[attr-defined]
    matrix = batch.hvp(np.repeat(x, loss.dim, axis=1), np.eye(loss.dim))
    if path.preconditioner is not None:
        matrix = (matrix + rule.weight_decay * np.eye(loss.dim)) / path.preconditioner[lit.step + 1]
    assert lit.curvature == pytest.approx(np.linalg.eigvals(matrix).real.max(), rel=1e-9)
    assert lit.too_sharp == (rule.largest_stable_rate(lit.curvature) < rate)
    if np.isfinite(rule.recurrence.edge):
        assert rule.largest_stable_rate(lit.edge) == pytest.approx(rate)


# What was wrong.


@pytest.mark.parametrize(("name", "edge"), [("adam", 38 * 16 / 15), ("rmsprop", 1 / 3)])
def test_a_safe_rate_counts_the_decay_that_is_divided(name: str, edge: float) -> None:
    loss, rule = LOSSES["quadratic"](eigenvalues=(1, 10)), OPTIMIZERS[name](eps=1.0, weight_decay=5.0)
    assert safe_rate(loss, (1.0, 1.0), optimizer=rule, check=False).rate == pytest.approx(edge, rel=1e-9)
    assert critical_learning_rate(loss, rule, (1.0, 1.0)) == pytest.approx(edge, rel=1e-12)


def test_a_network_beyond_the_edge_of_its_decay_is_told_so() -> None:
    setup = Setup("network", "gradient_descent", 2.0, steps=60).with_knobs({"optimizer.weight_decay": 1.0})
    history = trained(setup)
    assert history.edge[-1] == 0  # 2/η - decay: no curvature is left
    assert history.ratio[-1] == pytest.approx(2 * (history.sharpness[-1] + 1) / 2)
    assert history.ratio[-1] > 1
    assert "so the rate is beyond the edge" in ending(history)


def trained(setup: Setup) -> History:
    *_, history = train(setup)
    return history


def test_the_fuse_of_adam_is_not_its_plain_curvature() -> None:
    """38/η is compared with λmax(P⁻¹(H + w)), P of the run at that very step; noise and clipping come again when it is run again."""
    loss, rule = LOSSES["linear_regression"](data="line", half=False), OPTIMIZERS["adam"](weight_decay=0.5)
    conditions = {"batch_size": 2, "steps": 30, "seed": 1, "gradient_noise": 0.5}
    kept, again = (run(loss, rule, [0.01, 0.05], keep_preconditioner=keep, **conditions) for keep in (True, False))
    lit, same = fuse(kept, 1), fuse(again, 1)
    assert lit is not None
    assert same is not None
    assert lit.edge == pytest.approx(38 / 0.05)
    assert same.curvature == pytest.approx(lit.curvature, rel=1e-12)
    plain_curvature = float(np.linalg.eigvalsh(loss.on(lit.rows).hvp(np.zeros((2, 2)), np.eye(2)))[-1])  # type: ignore[attr-defined]
    assert abs(lit.curvature / plain_curvature - 1) > 0.1


def test_what_a_rule_sees() -> None:
    x, rule = START[:, np.newaxis], OPTIMIZERS["adam"](weight_decay=0.5)
    assert as_seen(OPTIMIZERS["momentum"](weight_decay=0.5), None) == {}
    assert first_look(valley(), OPTIMIZERS["momentum"](), x) is None
    assert as_seen(rule, first_look(valley(), rule, x))["weight_decay"] == 0.5


def test_the_quartic_has_one_edge_too() -> None:
    loss, rule = LOSSES["x_fourth"](), OPTIMIZERS["gradient_descent"]()
    found = safe_rate(loss, [2.0])
    assert found.rate == critical_learning_rate(loss, rule, [2.0]) == 0.125
    assert found.agrees
    low, high = find_edge(loss, rule, 0.01, 1.0, start=[2.0])
    assert low == pytest.approx(0.125, rel=1e-3) == high


@pytest.mark.parametrize(
    ("x", "says"),
    [
        ([10**400, 1], "finite, got 1e+400"),
        ([np.nan, 1], "finite, got nan"),
        ([np.inf, 1], "finite, got inf"),
        ([None, 1], "finite, got None"),
        ([1j, 1], "numbers, got [1j, 1]"),
        ("a", "numbers, got 'a'"),
        ([], "one or more numbers, such as (1, 10), got none"),
        (5, "2 numbers, (dim,) or (dim, runs), got shape ()"),
        ([1, 2, 3], "2 numbers, (dim,) or (dim, runs), got shape (3,)"),
        ([[[1]], [[1]]], "2 numbers, (dim,) or (dim, runs), got shape (2, 1, 1)"),
    ],
)
def test_a_point_that_is_none_is_refused_as_a_start_is(x: Any, says: str) -> None:
    loss, rule = LOSSES["booth"](), OPTIMIZERS["gradient_descent"]()
    with pytest.raises(ValueError, match=f"^x must be {re.escape(says)}$"):
        critical_learning_rate(loss, rule, x)
    with pytest.raises(ValueError, match=f"^start must be {re.escape(says)}$"):
        run(loss, rule, 0.1, start=x)


def test_a_name_is_taken_wherever_an_object_is_and_nonsense_at_no_door() -> None:
    loss, rule = LOSSES["quadratic"](), OPTIMIZERS["momentum"]()
    doors: list[Callable[..., Any]] = [
        lambda loss, rule: run(loss, rule, 0.1, schedule="cosine").loss.tolist(),
        lambda loss, rule: sweep(loss, rule, [0.1, 0.2]).final_loss.tolist(),
        lambda loss, rule: find_edge(loss, rule, 0.1, 1.0, steps=200),
        lambda loss, rule: critical_learning_rate(loss, rule),
        lambda loss, rule: find_rate(loss, rule, 1e-3, 10.0).losses.tolist(),
        lambda loss, rule: safe_rate(loss, optimizer=rule, check=False).rate,
    ]
    for door in doors:
        assert door("quadratic", "momentum") == door(loss, rule)
        with pytest.raises(ValueError, match=r'^loss must be a name such as "quadratic", made by .* got 3$|^value_and_gradient must be'):
            door(3, rule)
        with pytest.raises(ValueError, match=r'^optimizer must be a name such as "adam", or made by OPTIMIZERS\["adam"\]\(\), got 3$'):
            door(loss, 3)
        with pytest.raises(ValueError, match=r"got 'SGD': say gradient_descent, with batch_size for mini-batches$"):
            door(loss, "SGD")
        with pytest.raises(ValueError, match=r"^loss must be one of .*, got 'quadratik'; did you mean quadratic\?$"):
            door("quadratik", rule)
    assert check_gradient("rosenbrock").wrong == ()
    assert clipped("adam", norm=1.0).knobs["clip_norm"] == 1.0
    assert after_warmup("constant", 2)(np.arange(3)).tolist() == [0.01, 0.505, 1.0]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: run("booth", "adam", lr=0.1), "run has no keyword 'lr': say learning_rate"),
        (lambda: sweep("booth", "adam", 0.1, epochs=3), "sweep has no keyword 'epochs': say steps"),
        (
            lambda: run("booth", "adam", 0.1, momentum=0.9),
            "'momentum': it is a knob of an optimizer, as in OPTIMIZERS[\"momentum\"](momentum=...)",
        ),
        (lambda: safe_rate("booth", momentum=0.9), "'momentum': it is a knob of an optimizer"),
        (lambda: Setup("booth", lr=0.1), "Setup has no keyword 'lr': say learning_rate"),
        (lambda: Setup("quadratic", "adam", beta1=0.9), "'beta1': it is a knob of the optimizer: say knobs={\"optimizer.beta1\": ...}"),
        (lambda: Setup("quadratic", warmup=3), "Setup has no keyword 'warmup': say warmup_steps"),
        (lambda: run("booth", "adam", 0.1, eigenvalues=3), 'it is a knob of a loss, as in LOSSES["quadratic"](eigenvalues=...)'),
        (lambda: OPTIMIZERS["adam"](lr=0.1), "adam has no knob 'lr': say learning_rate, to run or another door; it has beta1"),
        (lambda: OPTIMIZERS["adam"](betas=(0.9, 0.99)), "adam has no knob 'betas': say beta1 and beta2; it has beta1"),
        (lambda: OPTIMIZERS["rprop"](etas=(0.5, 1.2)), "rprop has no knob 'etas': say etaminus and etaplus"),
    ],
)
def test_what_another_library_calls_it_points_to_the_name_here(call: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(TypeError, match=re.escape(sentence)):
        call()


# A rule of one's own.


def remembering(step: Callable[[Array, Array], tuple[Array, Array]], **rest: Any) -> Optimizer:
    """A rule that remembers one array: `step` makes the direction and the next array of the gradient and the last one."""

    def update(g: Array, state: Any, x: Array) -> Any:
        direction, b = step(g, state[0])
        return direction, (b,)

    return Optimizer(init=lambda x: (np.zeros_like(x),), update=update, **rest)


def corrected(g: Array, state: Any, x: Array) -> Any:
    """Adam's momentum with its correction, and nothing that divides it."""
    t, m = state[0] + 1, 0.9 * state[1] + 0.1 * g
    return m / (1 - 0.9**t), (t, m)


def two_memories(g: Array, state: Any, x: Array) -> Any:
    """A heavy ball whose gradients are averaged first: three roots, so that no `Recurrence` is it."""
    m = 0.5 * state[0] + 0.5 * g
    b = 0.9 * state[1] + m
    return b, (m, b)


OWN = {
    "heavy ball": (remembering(lambda g, b: (0.9 * b + g, 0.9 * b + g)), 3.8),
    "nesterov": (remembering(lambda g, b: (g + 0.9 * (0.9 * b + g), 0.9 * b + g)), 2 * 1.9 / 2.8),
    "half a step": (Optimizer(init=lambda x: (), update=lambda g, state, x: (g / 2, state)), 4.0),
    "corrected": (Optimizer(init=lambda x: (0, np.zeros_like(x)), update=corrected), 38.0),
    "adam with what divides it": (dataclasses.replace(OPTIMIZERS["adam"](eps=1.0), recurrence=UNKNOWN, name=""), 38.0),
}


@pytest.mark.parametrize("name", OWN)
def test_the_edge_of_a_rule_of_ones_own_is_measured_and_runs_keep_to_it(name: str) -> None:
    rule, edge = OWN[name]
    start = 1e-140 * START
    assert rule.measured
    assert not rule.is_linear
    assert critical_learning_rate(valley(), rule, start) == pytest.approx(edge / 10, rel=1e-6)
    assert "as measured at rest on a parabola" in Edge.of(valley(), rule, START).reason
    assert ruler(valley(), rule, start, 0.1).edge.rate == pytest.approx(edge / 10, rel=1e-6)
    verdicts = sweep(valley(), rule, [0.98 * edge / 10, 1.02 * edge / 10], start=start, steps=600).verdict
    assert list(verdicts == Verdict.DIVERGED) == [False, True]


def test_the_decay_of_a_rule_of_ones_own_counts_once() -> None:
    own = Optimizer(init=lambda x: (), update=lambda g, state, x: (g + 3 * x, state), weight_decay=3.0)
    wrapped = with_decoupled_decay(1.0, remembering(lambda g, b: (0.9 * b + g, 0.9 * b + g)))
    assert critical_learning_rate(valley(), own) == pytest.approx(2 / 13, rel=1e-6)
    assert critical_learning_rate(valley(), wrapped) == pytest.approx(1 / (10 / 3.8 + 1 / 2), rel=1e-6)


def test_an_edge_that_no_recurrence_of_two_steps_has_is_measured_too() -> None:
    rule = Optimizer(init=lambda x: (np.zeros_like(x), np.zeros_like(x)), update=two_memories)
    edge = critical_learning_rate(valley(), rule)
    low, high = find_edge(valley(), rule, 0.5 * edge, 2 * edge, start=START, steps=4000, precision=1e-3)
    assert low * 0.995 < edge < high * 1.005


def test_steps_of_one_length_have_no_edge_and_say_so() -> None:
    for step in (np.sign, lambda g: g / np.maximum(np.linalg.norm(g, axis=0), 1e-300), lambda g: 0 * g):
        rule = remembering(lambda g, b, step=step: (step(g), b))
        assert critical_learning_rate(valley(), rule) == np.inf
    assert "the rule names no edge, and at rest on a parabola none was measured; find_edge" in Edge.of(valley(), rule, START).reason


@pytest.mark.parametrize("name", ["lion", "signsgd", "adam", "adagrad"])
def test_what_a_sign_is_divided_by_does_not_make_an_edge(name: str) -> None:
    """c / |c| times |c| is in proportion to c, but the step has one length: a rule as on the shelf has the shelf's edge."""
    shelf = OPTIMIZERS[name]()
    own = Optimizer(init=shelf.init, update=shelf.update, preconditioner=shelf.preconditioner)
    assert own.recurrence.edge == pytest.approx(float(shelf.recurrence.edge), rel=1e-6)


def rated(update: Any, **parts: Any) -> Optimizer:
    return Optimizer(init=lambda x: (np.zeros_like(x),), update=update, rated=True, **parts)


@pytest.mark.parametrize(
    ("rule", "true"),
    [
        (rated(lambda g, state, x, rate: (g * rate, state)), np.sqrt(2 / 25)),
        (rated(lambda g, state, x, rate: (g / (1 + rate), state)), 2 / 23),
        (rated(lambda g, state, x, rate: (g / (1 + 10 * rate), state)), 2 / 5),
        (rated(lambda g, state, x, rate: (g * rate, (0 * g + rate,)), preconditioner=lambda state: 1 / state[0]), np.sqrt(2 / 25)),
    ],
)
def test_a_step_out_of_proportion_to_its_rate_has_no_edge_from_a_curvature(rule: Optimizer, true: float) -> None:
    """Its edge is found in runs, and nowhere scaled from that at a rate of 1."""
    steep = LOSSES["quadratic"](eigenvalues=(1, 25))
    for _ in range(2):
        with pytest.raises(ValueError, match=r"its steps are not in proportion to the rate that it is given.* or use find_edge"):
            critical_learning_rate(steep, rule)
        assert np.isnan([rule.largest_stable_rate(25.0), rule.largest_stable_curvature(true)]).all()
        assert find_edge(steep, rule, 0.1 * true, 10 * true)[0] == pytest.approx(true, rel=1e-3)
    found = safe_rate(steep, optimizer=rule)
    assert found.held < 1.02 * true < 1.05 * found.broke
    assert "the rule's edge is not known" in found.sentence


def test_a_rule_that_remembers_its_rate_has_the_edge_of_what_it_does_with_it() -> None:
    """v ← 0.9 v + η g, x ← x - v is a heavy ball, whose edge is 2(1 + β)/λ; steps of one length have none."""

    def ball(g: Any, state: Any, x: Any, rate: Any) -> Any:
        v = 0.9 * state[0] + rate * g
        return v / rate, (v,)

    assert critical_learning_rate(valley(), rated(ball)) == pytest.approx(0.38, rel=1e-6)
    assert critical_learning_rate(valley(), rated(lambda g, state, x, rate: (np.sign(g), state))) == np.inf


@pytest.mark.parametrize(("i", "d"), [(0.1, 0.5), (0.1, 0.0), (0.0, 0.5), (1e-3, 2.0)])
def test_a_rule_with_two_eigenvalues_that_are_one_at_rest_has_its_edge(i: float, d: float) -> None:
    """A PID controller: at no rate at all its point and its integral stand still, two eigenvalues of 1, which rounding moves far apart."""

    def update(g: Any, state: Any, x: Any) -> Any:
        total = state[0] + g
        return g + i * total + d * (g - state[1]), (total, g)

    rule = Optimizer(init=lambda x: (np.zeros_like(x), np.zeros_like(x)), update=update)
    edge = critical_learning_rate(valley(), rule)
    low, high = find_edge(valley(), rule, edge / 2, edge * 2, start=[1e-8, 1e-8], steps=4000)
    assert low * 0.998 < edge < high * 1.002
    with_one = 4 / (2 + i + 4 * d)  # where an eigenvalue is -1: z = -1 in z - 1 + h (1 + i z/(z - 1) + d (1 - 1/z)) = 0
    assert edge == pytest.approx(with_one / 10, rel=1e-6) or d > 1


@pytest.mark.parametrize("period", [2, 3, 5])
@pytest.mark.parametrize("first", [0, 1])
def test_a_rule_that_steps_now_and_then_only_is_told_so(period: int, first: int) -> None:
    rule = Optimizer(init=lambda x: (first, np.zeros_like(x)), update=lambda g, state, x: (g * (state[0] % period == 0), (state[0] + 1, g)))
    with pytest.raises(ValueError, match="its steps go on to become longer or shorter of themselves"):
        critical_learning_rate(valley(), rule)


def for_two_numbers(g: Any, state: Any, x: Any) -> Any:
    return g.reshape(2, 1, -1)[:, 0], state


def of_no_length_0(g: Any, state: Any, x: Any) -> Any:
    if not g.any():
        raise ZeroDivisionError("a gradient\nof length 0")
    return g, state


DICE = np.random.default_rng(0)


def underflowing(g: Any, state: Any, x: Any) -> Any:
    return g**12 / g**11, state


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize(
    ("update", "why"),
    [
        (for_two_numbers, "the rule raised ValueError: cannot reshape array of size 1 into shape"),
        (of_no_length_0, "the rule raised ZeroDivisionError: a gradient of length 0"),
        (lambda g, state, x: {}["lr"], "the rule raised KeyError: 'lr'"),
        (lambda g, state, x: (g[:0], state), "the rule raised ValueError: update must be a function whose direction has the shape of x"),
        (underflowing, "what it returned for a gradient of 1e-30 is not finite"),
        (lambda g, state, x: (g - g.mean(axis=0), state), "a coordinate's step depends on the others, so that no edge follows"),
        (lambda g, state, x: (g / len(g), state), "a coordinate's step depends on the others, so that no edge follows"),
        (lambda g, state, x: (np.where(abs(g) < 1e-8, 0, g), state), "its steps are in another proportion to a gradient of 1 than to one"),
        (lambda g, state, x: (np.maximum(g, 0), state), "its steps are not in proportion to small gradients to both sides"),
        (lambda g, state, x: (np.abs(g), state), "its steps are not in proportion to small gradients to both sides"),
        (lambda g, state, x: (g**3, state), "its steps are not in proportion to small gradients to both sides"),
        (lambda g, state, x: (g * DICE.random(), state), "it does not answer the same gradient twice in the same way"),
        (lambda g, state, x: (-g, state), "it moves away from a minimum at any rate"),
        (
            lambda g, state, x: (np.multiply(x, 0.9, out=x), state),
            "the rule raised ValueError: update must be a function that leaves its x",
        ),
    ],
)
def test_a_rule_whose_edge_cannot_be_measured_says_why(update: Any, why: str) -> None:
    """At every door that needs the edge, never inf; those that only run it do, in this order and again."""
    rule = Optimizer(init=lambda x: (), update=update)
    for _ in range(2):
        with pytest.raises(ValueError, match=f"none could be measured: {re.escape(why)}.*; give it a recurrence, or use find_edge"):
            critical_learning_rate(valley(), rule)
        with pytest.raises(ValueError, match=re.escape(why)):
            Monitor(model=valley(), optimizer=rule)
        edge = Edge.of(valley(), rule, START)
        assert why in edge.reason
        assert np.isnan([edge.rate, rule.largest_stable_rate(1.0), rule.largest_stable_curvature(1.0)]).all()
        if update in (for_two_numbers, of_no_length_0):
            assert find_edge(valley(), rule, 0.01, 1.0, start=START, steps=4000)[0] == pytest.approx(0.2, rel=0.01)
            found = safe_rate(valley(), START, optimizer=rule, steps=50)
            assert found.held == pytest.approx(0.2, rel=0.05)
            assert "the rule's edge is not known" in found.sentence
            assert str(judge(run(valley(), rule, 0.3, start=START)).verdict[0]) == "diverged"


@pytest.mark.parametrize("step", [lambda g, state, x: g, lambda g, state, x: (g[:1], ()), lambda g, state, x: (g, (), 1)])
def test_a_rule_that_does_not_return_its_pair_is_refused_with_a_sentence(step: Any) -> None:
    """In two dimensions the rows of a lone direction would be taken for a direction and a state."""
    for loss in ("quadratic", "beale", LOSSES["quadratic"](eigenvalues=(1, 2, 3))):
        with pytest.raises(ValueError, match="update must be a function"):
            run(loss, Optimizer(init=lambda x: (), update=step), [0.1, 0.2], steps=3)


@pytest.mark.parametrize("power", [0.25, 1.0, -0.5])
def test_a_rule_whose_steps_shrink_or_grow_for_ever_has_no_edge(power: float) -> None:
    rule = Optimizer(init=lambda x: (0,), update=lambda g, state, x: (g / (1 + state[0]) ** power, (state[0] + 1,)))
    with pytest.raises(ValueError, match="its steps go on to become longer or shorter of themselves"):
        critical_learning_rate("quadratic", rule)


@pytest.mark.parametrize("beta", [0.9, 0.99, 0.999])
def test_a_running_mean_is_measured_once_its_start_is_forgotten(beta: float) -> None:
    def update(g: Any, state: Any, x: Any) -> Any:
        count, mean = state[0] + 1, beta * state[1] + (1 - beta) * g
        return mean / (1 - beta**count), (count, mean)

    rule = Optimizer(init=lambda x: (0, np.zeros_like(x)), update=update)
    assert rule.largest_stable_rate(1.0) == pytest.approx(2 * (1 + beta) / (1 - beta), rel=1e-9)
