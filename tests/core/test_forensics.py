"""Why a run became nan: every origin caused on purpose, and told from the others."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from explorer import LOSSES, Setup, Verdict, judge
from explorer.core.verdict.forensics import Origin, growth, why_nan


def setup(loss: str, rate: float, *, rule: str = "gradient_descent", rule_knobs: dict[str, Any] | None = None, **given: Any) -> Setup:
    fields = {name: given.pop(name) for name in ("steps", "start", "batch_size", "seed") if name in given}
    knobs = {f"loss.{name}": value for name, value in given.items()} | {f"optimizer.{n}": v for n, v in (rule_knobs or {}).items()}
    return Setup(loss, rule, rate, knobs=knobs, **{"steps": 300} | fields)


FORMULA = {"start": (1.0,), "steps": 20}
MOONS = {"hidden": (8,), "data": "moons", "batch_size": 10, "steps": 60}
DIABETES = {"activation": "relu", "data": "diabetes"}

CAUSED = {
    "raw features": (setup("linear_regression", 1e-3), Origin.RATE, "loss"),
    "x⁴ from too far": (setup("x_fourth", 0.6, start=(1.0,)), Origin.RATE, "loss"),
    "momentum": (setup("quadratic", 0.5, rule="momentum", start=(1, 1), steps=5000), Origin.RATE, "loss"),
    "a network on raw data": (
        setup("network", 1e-3, hidden=(32,), scaling="centered", examples=442, batch_size=32, steps=50, **DIABETES),
        Origin.RATE,
        "loss",
    ),
    "a nan in a batch": (setup("network", 0.1, bad_cell="nan", **MOONS), Origin.DATA, "loss"),
    "an inf that tanh hides": (setup("network", 0.1, bad_cell="inf", **MOONS), Origin.DATA, "gradient"),
    "one huge number": (
        setup(
            "network",
            0.1,
            hidden=(32,),
            scaling="standardized",
            standardize_target=True,
            examples=400,
            bad_cell="number",
            bad_value=1000.0,
            batch_size=30,
            **DIABETES,
        ),
        Origin.OUTLIER,
        "loss",
    ),
    "a naive logarithm": (
        setup("homemade_network", 3.0, data="breast_cancer", features="standardized", naive=True, steps=20),
        Origin.LOG,
        "loss",
    ),
    "log 0": (setup("formula", 1.0, text="log(x)", **FORMULA), Origin.LOG, "loss"),
    "log of a negative number": (setup("formula", 1.5, text="x*log(x)", **FORMULA), Origin.DOMAIN, "loss"),
    "0/0": (setup("formula", 0.5, text="sin(x)/x", **FORMULA | {"start": (0.0,)}), Origin.RATIO, "loss"),
    "the root of 0": (setup("formula", 0.5, text="sqrt(x^2)", **FORMULA | {"start": (0.0,)}), Origin.RATIO, "gradient"),
    "Adam without ε": (setup("x_squared", 0.1, rule="adam", rule_knobs={"eps": 0.0}, start=(0.0,)), Origin.RATIO, "weight"),
    "L2 beyond 2/η": (
        setup("linear_regression", 0.5, standardize=True, rule_knobs={"weight_decay": 5.0}, steps=2000),
        Origin.DECAY,
        "loss",
    ),
    "a start too far out": (setup("formula", 0.1, text="exp(x)", **FORMULA | {"start": (800.0,)}), Origin.PRECISION, "loss"),
    "a step too far out": (setup("formula", 400.0, text="exp(x)+exp(-x)", **FORMULA), Origin.RATE, "loss"),
    "float32": (setup("network", 0.1, hidden=(8,), dtype="float32", feature_scale=1e20, steps=5, **DIABETES), Origin.PRECISION, "loss"),
}


@pytest.mark.parametrize("name", CAUSED)
def test_an_origin_is_named(name: str) -> None:
    caused, origin, quantity = CAUSED[name]
    found = why_nan(caused.run())
    assert found.origin == origin, found.sentence
    assert found.quantity == quantity
    assert found.sentence.startswith(f"{origin}: ")
    assert found.change


@pytest.mark.parametrize("rate", [1e3, 1e154, 1e308])
@pytest.mark.parametrize("loss", [name for name in LOSSES if name not in ("formula", "network", "convolution", "homemade_network")])
def test_a_number_that_is_too_large_is_no_logarithm_of_0(loss: str, rate: float) -> None:
    """However far one step leads, and wherever a run starts: what is beyond the largest number is beyond it by its size."""
    assert why_nan(setup(loss, rate).run()).origin in (None, Origin.RATE)
    far = Setup(loss).make_loss().dim * (1e160,)
    assert why_nan(setup(loss, rate, start=far).run()).origin in (None, Origin.RATE, Origin.PRECISION)


@pytest.mark.parametrize("name", [name for name, (_, origin, _) in CAUSED.items() if origin == Origin.RATE])
def test_the_advice_says_how_it_follows_from_the_edge_that_is_named(name: str) -> None:
    found = why_nan(CAUSED[name][0].run())
    edge, below = (
        re.search(r"× the edge [^;]*?, ([\d.]+)", found.sentence),
        re.search(r"below ([\d.]+), which is 0.9 × the edge:", found.change),
    )
    assert (edge is None) == (below is None)
    assert edge is None or float(below[1]) == pytest.approx(0.9 * float(edge[1]), rel=6e-3)


@pytest.mark.parametrize("name", CAUSED)
def test_a_loss_is_in_no_group_of_parameters(name: str) -> None:
    assert not re.search(r"the loss was the first[^;]* (in|of) [A-Za-z]+\d", why_nan(CAUSED[name][0].run()).sentence)


def test_the_step_is_the_first_that_is_not_finite() -> None:
    found = why_nan(setup("x_squared", 1.1, start=(1.0,), steps=2000).run())
    assert found.step == 1947
    assert "below" in found.change


def test_the_example_at_fault_is_named() -> None:
    for name in ("a nan in a batch", "one huge number"):
        found = why_nan(CAUSED[name][0].run())
        assert found.row == 0
        assert "example 1" in found.sentence


def test_the_layer_is_named_where_there_are_layers() -> None:
    found = why_nan(CAUSED["a network on raw data"][0].run())
    assert found.block in {"W1", "b1", "W2", "b2", "layer 1"}
    assert "by a larger factor at every step" in found.sentence


def test_each_run_of_a_batch_is_looked_at_by_itself() -> None:
    path = setup("x_squared", 0.1, start=(1.0,), steps=1000).run([0.1, 2.0])
    assert why_nan(path, 0).origin is None
    assert "every number of this run is finite" in why_nan(path, 0).sentence
    assert why_nan(path, 1).origin == Origin.RATE


def test_a_network_that_is_far_too_fast_says_which_layer() -> None:
    caused = setup("network", 1e30, hidden=(8,), activation="relu", data="diabetes", steps=4)
    found = why_nan(caused.run())
    assert found.origin == Origin.RATE
    assert found.block


def test_growth_ends_with_the_weights_and_the_first_to_leave_is_the_one_that_is_named() -> None:
    path = CAUSED["a network on raw data"][0].run()
    found, grown = why_nan(path), growth(path)
    assert list(grown) == ["loss", "gradient", "largest weight", "layer 1"]
    left = {name: int(steps[~np.isfinite(sizes)][0]) for name, (steps, sizes) in grown.items()}
    assert min(left, key=lambda name: left[name]) == found.quantity
    assert left["loss"] == found.step < left["largest weight"]
    steps, weight = grown["largest weight"]
    assert steps[-1] == left["largest weight"]
    assert np.isfinite(weight[:-1]).all()


def test_the_growth_of_a_run_whose_weights_stay_finite_goes_to_its_end() -> None:
    path = CAUSED["a naive logarithm"][0].run()
    steps, loss = growth(path)["loss"]
    assert steps[-1] == path.steps
    assert 0 < np.isfinite(loss).sum() < loss.size


@pytest.mark.parametrize(("run", "says"), [(99, "got 99"), (-1, "got -1"), ("a", "a number, got 'a'"), ([0], "one number")])
def test_a_run_that_there_is_not_is_refused(run: Any, says: str) -> None:
    with pytest.raises(ValueError, match=rf"^run must be .*{says}"):
        why_nan(Setup("x_squared", steps=2).run(), run)


@pytest.mark.parametrize("look", [why_nan, judge])
def test_what_is_no_trajectory_is_refused(look: Any) -> None:
    with pytest.raises(ValueError, match=r"^trajectory must be what run returns, got None$"):
        look(None)


@pytest.mark.parametrize("rule", ["gradient_descent", "momentum", "nesterov"])
@pytest.mark.parametrize("rate", [0.25, 0.5, 1.0])
def test_the_weight_decay_that_is_advised_holds_and_a_little_more_does_not(rule: str, rate: float) -> None:
    def decayed(decay: float) -> Setup:
        knobs = {"loss.eigenvalues": (0.1, 1.0), "optimizer.weight_decay": decay}
        return Setup("quadratic", rule, learning_rate=rate, steps=4000).with_knobs(knobs)

    advised = float(re.search(r"below ([\d.]+)", why_nan(decayed(40.0).run()).change)[1])
    assert judge(decayed(0.98 * advised).run()).verdict[0] != Verdict.DIVERGED
    assert judge(decayed(1.05 * advised).run()).verdict[0] == Verdict.DIVERGED


def test_without_any_weight_decay_the_rate_would_be_too_high() -> None:
    hopeless = Setup("x_squared", learning_rate=3.0, steps=2000).with_knobs({"optimizer.weight_decay": 1.0})
    assert "without weight decay" in why_nan(hopeless.run()).change


def test_a_run_that_is_finite_so_far_and_grows_is_said_to_diverge() -> None:
    found = why_nan(setup("x_squared", 1.1, start=(1.0,), steps=50).run())
    assert found.origin is None
    assert "but it diverges, from 0.5 to" in found.sentence or "but it diverges, from 1 to" in found.sentence
    assert "diverges" not in why_nan(setup("x_squared", 0.1, start=(1.0,), steps=50).run()).sentence
