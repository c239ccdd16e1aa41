"""Every schedule is PyTorch's sequence, quirks included, and keeps the laws of a pure function of the step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer import LOSSES, OPTIMIZERS, SCHEDULES, find_edge, find_rate, from_function, run, sweep
from explorer.core.ground.parameters import Parameter
from explorer.core.schedules import Schedule, after_warmup

REFERENCE = json.loads((Path(__file__).parents[1] / "data" / "torch_reference.json").read_text(encoding="utf-8"))["schedules"]

OURS: dict[str, tuple[Schedule, float]] = {
    "CosineAnnealingLR(T_max=10,eta_min=0.001)": (SCHEDULES["cosine"](steps=10, floor=0.01), 0.1),
    "CosineAnnealingLR(T_max=20)": (SCHEDULES["cosine"](steps=20), 0.1),
    "StepLR(3,0.5)": (SCHEDULES["step_decay"](steps=3, gamma=0.5), 0.1),
    "MultiStepLR([5,9],0.1)": (SCHEDULES["multi_step"](milestones=(5, 9), gamma=0.1), 0.1),
    "ExponentialLR(0.9)": (SCHEDULES["exponential"](gamma=0.9), 0.1),
    "LinearLR(1/3,1,5)": (SCHEDULES["linear_warmup"](), 0.1),
    "LinearLR(0.1,1,10)": (SCHEDULES["linear_warmup"](start_factor=0.1, steps=10), 0.1),
    "ConstantLR(0.5,4)": (SCHEDULES["constant_warmup"](factor=0.5, steps=4), 0.1),
    "PolynomialLR(10,2)": (SCHEDULES["polynomial"](steps=10, power=2), 0.1),
    "OneCycleLR(max_lr=0.1,total_steps=20)": (SCHEDULES["one_cycle"](steps=20), 0.1),
    "OneCycleLR(max_lr=1,total_steps=10,linear,three_phase)": (SCHEDULES["one_cycle"](steps=10, anneal="linear", three_phase=True), 1.0),
    "CosineAnnealingWarmRestarts(T_0=5,T_mult=2)": (SCHEDULES["cosine_restarts"](period=5, growth=2), 0.1),
    "SequentialLR(LinearLR(0.1,1,5)->Cosine(15)) milestone 5": (after_warmup(SCHEDULES["cosine"](steps=15), 5, start_factor=0.1), 0.1),
    "InverseSqrt LambdaLR 1/sqrt(1+t)": (SCHEDULES["inverse_sqrt"](), 0.1),
}
"""PyTorch's name -> ours, and the full rate: its base_lr, but for OneCycleLR its max_lr."""


@pytest.mark.parametrize("row", REFERENCE, ids=lambda row: row["name"])
def test_the_recorded_rates(row: dict[str, Any]) -> None:
    schedule, rate = OURS[row["name"]]
    np.testing.assert_allclose(rate * schedule(np.arange(len(row["lr"]))), row["lr"], rtol=1e-10, atol=1e-15)


def test_every_recorded_schedule_is_ours() -> None:
    assert {row["name"] for row in REFERENCE} == OURS.keys()


STEPS = np.arange(101)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_is_a_pure_function_of_the_step(name: str) -> None:
    """Any steps, in any order, and alone: the same multipliers, as floats, finite and with nothing below 0 before the end."""
    schedule = SCHEDULES[name]()
    whole = schedule(STEPS)
    assert whole.dtype == float
    assert whole.shape == STEPS.shape
    assert np.isfinite(whole).all()
    assert (whole[:100] >= 0).all()
    assert whole.max() <= 1
    assert (whole > 0).any()
    np.testing.assert_array_equal(schedule(STEPS[::-1]), whole[::-1])
    np.testing.assert_array_equal(np.concatenate([schedule(STEPS[i : i + 1]) for i in STEPS]), whole)
    assert schedule(STEPS[:0]).shape == (0,)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_multiplies_the_rate_of_a_run(name: str) -> None:
    path = run(LOSSES["quadratic"](eigenvalues=(1,)), OPTIMIZERS["gradient_descent"](), 0.5, steps=40, schedule=SCHEDULES[name]())
    np.testing.assert_allclose(path.x[1:, 0, 0], np.cumprod(1 - 0.5 * SCHEDULES[name]()(np.arange(40))), rtol=1e-13)


NUMBERS = [(name, each) for name in SCHEDULES for each in SCHEDULES.parameters(name).values() if each.kind in ("number", "integer")]


@pytest.mark.parametrize(("name", "knob"), NUMBERS, ids=[f"{name}.{each.name}" for name, each in NUMBERS])
def test_a_number_is_one_finite_number_within_its_rule(name: str, knob: Parameter) -> None:
    for value in (np.nan, np.inf, -1):
        with pytest.raises(ValueError, match=rf"^{knob.name} must be finite and (≥|>) [01].*, got "):
            SCHEDULES[name](**{knob.name: value})
    for end in (knob.knob.low, knob.knob.high):
        assert np.isfinite(SCHEDULES[name](**{knob.name: end})(np.arange(1 if knob.name == "steps" else 100))).all()
    with pytest.raises(ValueError, match=rf"^{knob.name} must be one number, got \[\S+ \S+\]$"):
        SCHEDULES[name](**{knob.name: [knob.default, knob.default]})


def test_cosine_goes_back_up_beyond_its_steps() -> None:
    np.testing.assert_allclose(SCHEDULES["cosine"](steps=10, floor=0.1)(np.array([0, 10, 20, 30])), [1, 0.1, 1, 0.1], atol=1e-15)


def test_polynomial_ends_at_exactly_zero() -> None:
    assert (SCHEDULES["polynomial"](steps=10, power=0.5)(np.arange(10, 20)) == 0).all()


def test_restarts_fall_on_their_steps_however_long_the_run() -> None:
    """T(gᵏ - 1)/(g - 1), exactly: PyTorch finds the period with a logarithm, which rounds."""
    for period, growth in [(1, 2), (3, 3), (7, 10), (5, 1), (1, 1000)]:
        all_begins = (period * sum(growth**i for i in range(k)) for k in range(12))
        begins = np.array([each for each in all_begins if each < 3_000_000])
        schedule = SCHEDULES["cosine_restarts"](period=period, growth=growth)
        assert (schedule(begins) == 1).all()
        later = np.arange(1, 3000)
        assert (schedule(later[~np.isin(later, np.arange(0, 3000, period) if growth == 1 else begins)]) < 1).all()


def test_one_cycle_refuses_what_is_beyond_its_end() -> None:
    schedule = SCHEDULES["one_cycle"](steps=10, anneal="linear", three_phase=True)
    assert schedule(np.array([10]))[0] == pytest.approx(-0.0079952)
    with pytest.raises(ValueError, match=r"^steps must be at least the length of the run for one_cycle, which ends after 10, got 10 at"):
        schedule(np.array([11]))


@pytest.mark.parametrize("steps", [1, 2, 5, 10])
def test_one_cycle_may_be_too_short_to_rise(steps: int) -> None:
    for rise in (0.05, 0.2, 0.5, 0.6, 0.95):
        for three_phase in (False, True):
            rates = SCHEDULES["one_cycle"](steps=steps, rise=rise, three_phase=three_phase)(np.arange(steps + 1))
            assert (np.abs(rates) <= 1).all()


@pytest.mark.parametrize("rise", [0.05, 0.3, 0.5, 0.6, 0.95])
@pytest.mark.parametrize("three_phase", [False, True])
@pytest.mark.parametrize("anneal", ["cos", "linear"])
def test_one_cycle_rises_once_and_falls(rise: float, three_phase: bool, anneal: str) -> None:
    rates = SCHEDULES["one_cycle"](steps=40, rise=rise, three_phase=three_phase, anneal=anneal)(np.arange(40))
    top = int(rates.argmax())
    assert abs(top - (40 * rise - 1)) < 1
    assert (np.diff(rates[: top + 1]) > 0).all()
    assert (np.diff(rates[top + 1 :]) < 0).all()
    assert rates[0] == pytest.approx(1 / 25)
    if not three_phase or rise < 0.5:
        assert rates[-1] == pytest.approx(1 / 25e4)


def test_milestones_are_whole() -> None:
    with pytest.raises(ValueError, match=r"^milestones must be whole numbers of steps, got 2\.5$"):
        SCHEDULES["multi_step"](milestones=(1, 2.5))
    np.testing.assert_allclose(SCHEDULES["multi_step"](milestones=(3, 1, 3), gamma=0.5)(np.arange(4)), [1, 0.5, 0.5, 0.125])


@pytest.mark.parametrize("name", SCHEDULES)
def test_any_schedule_can_follow_a_warmup(name: str) -> None:
    schedule = SCHEDULES[name]()
    both = after_warmup(schedule, 10, start_factor=0.5)(np.arange(60))
    np.testing.assert_allclose(both[:10], 0.5 + 0.05 * np.arange(10))
    np.testing.assert_array_equal(both[10:], schedule(np.arange(50)))
    assert after_warmup(schedule, 0) is schedule


def test_the_transformers_schedule() -> None:
    t = np.arange(1, 2000)
    expected = np.where(t < 400, 0.01 + 0.99 * t / 400, np.sqrt(400 / t))
    np.testing.assert_allclose(after_warmup(SCHEDULES["inverse_sqrt"](steps=400), 400)(t), expected)


@pytest.mark.parametrize(
    ("steps", "start_factor", "sentence"),
    [
        (-1, 0.5, "steps must be finite and ≥ 0, got -1"),
        ([1, 2], 0.5, r"steps must be one number, got \[1 2\]"),
        (0, np.nan, "start_factor must be finite and > 0 and ≤ 1, got nan"),
        (3, "a", "start_factor must be a number, got 'a'"),
        (2.5, 0.5, "steps must be a whole number, got 2.5"),
        (5, 0.0, "start_factor must be finite and > 0 and ≤ 1, got 0"),
    ],
)
def test_refused_warmups(steps: Any, start_factor: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        after_warmup(SCHEDULES["constant"](), steps, start_factor=start_factor)


@pytest.mark.parametrize("wrapped", [lambda own: own, lambda own: after_warmup(own, 3)])
@pytest.mark.parametrize(
    ("own", "sentence"),
    [
        (lambda step, total: 1.0, "^schedule must be a function of the steps, .*, got TypeError: .*missing 1 required positional"),
        (lambda step: [None] * len(step), "^what schedule returns must be numbers, got .*None"),
        (lambda step: np.full(len(step), "x"), "schedule"),
    ],
)
def test_a_schedule_of_ones_own_that_is_none_is_refused_with_a_sentence(own: Any, sentence: str, wrapped: Any) -> None:
    for door in (run, sweep):
        with pytest.raises(ValueError, match=sentence):
            door("booth", "adam", 0.1, schedule=wrapped(own), steps=5)


def test_a_finder_keeps_within_its_ends_however_far_they_lie() -> None:
    """Whose ratio is no number; and without a step beyond the last."""
    for low, high in ((1e-160, 1e160), (5e-324, 1e308), (1e-3, 10.0)):
        found = find_rate(LOSSES["absolute"](), OPTIMIZERS["signsgd"](), low, high, steps=400)
        assert found.rates[0] == low
        assert found.rates.max() <= high
        assert (np.diff(found.rates) > 0).all()
        assert found.rates.size > 100


def test_a_finder_says_what_keeps_it_from_finding_anything() -> None:
    nowhere = from_function(lambda x: (np.nan, x), [1.0])
    for door in (find_rate, find_edge):
        with pytest.raises(ValueError, match="the loss is inf or nan from the start, at any rate: look for nan and inf in the data and"):
            door(nowhere, "gradient_descent", 1e-3, 1.0)
    found = find_rate("quadratic", "gradient_descent", 1e-3, 1.0, steps=1)
    assert np.isnan([found.steepest, found.tenth]).all()
    assert found.summary().endswith("steepest at none, a tenth of the lowest point is none")
