"""Schedules: from the step to the multiplier of the learning rate, in PyTorch 2.13's sequences.

A schedule is a pure function of an array of steps, counted from 0; step t is the one that leads from point t to point t + 1. What
PyTorch gives in learning rates (``eta_min``, ``max_lr``) is a share of the learning rate here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from explorer.core.ground.checks import check_made, check_number, check_whole, must
from explorer.core.ground.knobs import NOT_NEGATIVE, Knob
from explorer.core.ground.shelf import Shelf, door

Schedule = Callable[[NDArray[np.intp]], NDArray[np.float64]]
"""A function from steps, counted from 0, to what multiplies the learning rate there: ``(n,) -> (n,)``.

See also: `SCHEDULES`, `after_warmup`. PyTorch: the function of a LambdaLR; optax: a schedule, which returns the rate itself.

>>> run("x_squared", "gradient_descent", 0.4, start=[1.0], steps=2, schedule=lambda step: 0.5**step).x[:, 0, 0]
array([1.  , 0.2 , 0.12])
"""

Steps = Annotated[int, Knob(1, 1000, log=True, at_least=1, label="steps of the schedule")]
Gamma = Annotated[float, Knob(0.01, 1, above=0, help="What the rate is multiplied by each time.")]
Floor = Annotated[float, Knob(at_least=0, help="Where the rate ends, as a share of where it began.")]
Share = Annotated[float, Knob(0.01, 1, above=0, at_most=1, help="Where the rate begins, as a share of the full one.")]

WARMUP_START = 0.01  # the share of the rate at which a warm-up begins: near zero, without wasting a step


@dataclass(frozen=True, eq=False)
class Made:
    """A schedule of the shelf, which travels as its name and knobs, because its function is a closure."""

    function: Schedule
    name: str
    knobs: Mapping[str, Any]

    def __call__(self, step: Any) -> NDArray[np.float64]:
        with np.errstate(all="ignore"):  # overflow is a result
            return self.function(_checked(step))

    def __reduce__(self) -> tuple[Any, ...]:
        return _learned, (SCHEDULES.carried(self.name), self.name, dict(self.knobs))


def _checked(step: Any) -> Any:
    counts = isinstance(step, np.ndarray) and step.dtype.kind in "iu"
    return step if counts else check_number("step", step, NOT_NEGATIVE)


def _learned(own: bytes, name: str, knobs: Mapping[str, Any]) -> Schedule:
    """The same in a process whose shelf may not have it."""
    SCHEDULES.learn(name, own)
    return SCHEDULES[name](**knobs)


SCHEDULES: Shelf[Schedule] = Shelf("schedule", Made)
"""The schedules by name: a mapping to functions that make a `Schedule`, in PyTorch's sequences.

As a decorator, or by `named`, it puts a function of yours, with annotated arguments, on the shelf. Raises ValueError with the names there
are for another name, and for a value beyond its rule; TypeError for an argument that the schedule has not.

See also: `Schedule`, `after_warmup`, `LOSSES`, `OPTIMIZERS`. PyTorch: torch.optim.lr_scheduler. optax:
cosine_decay_schedule, cosine_onecycle_schedule, sgdr_schedule, exponential_decay, polynomial_schedule, linear_schedule and others.

>>> SCHEDULES["step_decay"](steps=2, gamma=0.5)(np.arange(4))
array([1. , 1. , 0.5, 0.5])
"""


@SCHEDULES
def constant() -> Schedule:
    """The same learning rate at every step.

    >>> constant()(np.arange(3))
    array([1., 1., 1.])
    """
    return lambda step: np.ones(np.shape(step))


@SCHEDULES
def step_decay(steps: Steps = 30, gamma: Gamma = 0.1) -> Schedule:
    """Cut the rate by the same factor at regular intervals.

    γ^⌊t / steps⌋, PyTorch's StepLR.

    >>> step_decay(steps=2, gamma=0.5)(np.arange(6))
    array([1.  , 1.  , 0.5 , 0.5 , 0.25, 0.25])
    """
    return lambda step: np.asarray(gamma ** (step // steps))


@SCHEDULES
def multi_step(
    milestones: Annotated[tuple[float, ...], Knob(0, 1000, at_least=0, help="The steps at which the rate is cut.")] = (30.0, 80.0),
    gamma: Gamma = 0.1,
) -> Schedule:
    """Cut the rate by the same factor at steps of your choice.

    γ to the number of milestones ≤ t, PyTorch's MultiStepLR. Raises ValueError for a milestone that is not a whole number.

    >>> multi_step(milestones=(1, 3), gamma=0.5)(np.arange(5))
    array([1.  , 0.5 , 0.5 , 0.25, 0.25])
    """
    for each in milestones:
        if each % 1:
            raise must("milestones", "whole numbers of steps", f"{each:g}")
    reached = sorted(milestones)
    return lambda step: np.asarray(gamma ** np.searchsorted(reached, step, side="right"))


@SCHEDULES
def exponential(gamma: Gamma = 0.95) -> Schedule:
    """Shrink the rate by the same factor at every step.

    γᵗ, PyTorch's ExponentialLR. The rates sum to η / (1 - γ) only, so a run stalls before the minimum if that is too little.

    >>> exponential(gamma=0.5)(np.arange(4))
    array([1.   , 0.5  , 0.25 , 0.125])
    """
    return lambda step: np.asarray(gamma**step)


@SCHEDULES
def constant_warmup(factor: Share = 1 / 3, steps: Steps = 5) -> Schedule:
    """A smaller rate for the first steps, then the full one at once.

    `factor` while t < `steps`, PyTorch's ConstantLR; He et al. 2016 began ResNet-110 so.

    >>> constant_warmup(factor=0.5, steps=2)(np.arange(4))
    array([0.5, 0.5, 1. , 1. ])
    """
    return lambda step: np.where(step < steps, factor, 1.0)


@SCHEDULES
def linear_warmup(
    start_factor: Share = 1 / 3,
    end_factor: Annotated[float, Knob(at_least=0, at_most=1, help="Where the rate ends, as a share of the full one.")] = 1.0,
    steps: Steps = 5,
) -> Schedule:
    """Raise the rate evenly to its full size over the first steps.

    s + (e - s) min(t, n) / n from s = `start_factor` to e = `end_factor` in n = `steps`, PyTorch's LinearLR (Goyal et al. 2017,
    section 2.2). To go on with another schedule afterwards, see `after_warmup`.

    >>> linear_warmup(start_factor=0.2, steps=4)(np.arange(6)).round(2)
    array([0.2, 0.4, 0.6, 0.8, 1. , 1. ])
    """
    return lambda step: start_factor + (end_factor - start_factor) * np.minimum(step, steps) / steps


@SCHEDULES
def polynomial(
    steps: Steps = 100, power: Annotated[float, Knob(0.1, 4, above=0, help="1 is a straight line; more falls faster at first.")] = 1.0
) -> Schedule:
    """Lower the rate to exactly zero, along a straight line or a steeper curve.

    (1 - min(t, n) / n)ᵖ with n = `steps`, PyTorch's PolynomialLR. From step n on nothing moves.

    >>> polynomial(steps=4)(np.arange(6))
    array([1.  , 0.75, 0.5 , 0.25, 0.  , 0.  ])
    """
    return lambda step: np.asarray((1 - np.minimum(step, steps) / steps) ** power)


@SCHEDULES
def cosine(steps: Steps = 100, floor: Floor = 0.0) -> Schedule:
    """Lower the rate along half a cosine: slowly at first, slowly at the end; beyond its steps it climbs back up.

    f + (1 - f)(1 + cos(πt / n)) / 2 with f = `floor` and n = `steps` (Loshchilov & Hutter 2017, equation 5), PyTorch's
    CosineAnnealingLR, which is a cosine beyond n too: at 2n the rate is what it was at the start.

    >>> cosine(steps=4)(np.arange(9)).round(3)
    array([1.   , 0.854, 0.5  , 0.146, 0.   , 0.146, 0.5  , 0.854, 1.   ])
    """
    return lambda step: _half_cosine(step / steps, 1.0, floor)


@SCHEDULES
def cosine_restarts(
    period: Steps = 50,
    growth: Annotated[int, Knob(1, 4, at_least=1, help="Each period is this many times as long as the one before.")] = 1,
    floor: Floor = 0.0,
) -> Schedule:
    """Lower the rate along half a cosine, then jump back to the top and begin again.

    The cosine of `cosine` over periods of length T, Tg, Tg² ... with T = `period` and g = `growth` (Loshchilov & Hutter 2017, SGDR),
    PyTorch's CosineAnnealingWarmRestarts. The step at which a period ends is the first of the next one, so f is never reached.

    >>> cosine_restarts(period=2, growth=2)(np.arange(7)).round(3)
    array([1.   , 0.5  , 1.   , 0.854, 0.5  , 0.146, 1.   ])
    """

    def schedule(step: NDArray[np.intp]) -> NDArray[np.float64]:
        count = 1 if growth == 1 else int(np.log2(np.max(step, initial=0) / period + 1)) + 1
        lengths = period * growth ** np.arange(count, dtype=float)
        begins = np.cumsum(lengths) - lengths
        current = np.searchsorted(begins, step, side="right") - 1
        return _half_cosine((step - begins[current]) % lengths[current] / lengths[current], 1.0, floor)

    return schedule


@SCHEDULES
def one_cycle(
    steps: Steps = 100,
    rise: Annotated[float, Knob(0.05, 0.95, above=0, below=1, help="The share of the steps in which the rate rises.")] = 0.3,
    div_factor: Annotated[float, Knob(1, 100, log=True, above=0, help="The rate begins at the full one divided by this.")] = 25.0,
    final_div_factor: Annotated[float, Knob(1, 1e5, log=True, above=0, help="It ends at its beginning divided by this.")] = 1e4,
    anneal: Literal["cos", "linear"] = "cos",
    three_phase: bool = False,
) -> Schedule:
    """Raise the rate to its full size, then lower it to almost nothing, once: the whole run is one cycle.

    PyTorch's OneCycleLR with total_steps = `steps` and pct_start = `rise` (Smith & Topin 2018): from 1 / `div_factor` up to 1,
    down to 1 / (`div_factor` · `final_div_factor`); `three_phase` comes down as it went up first. `anneal` draws each phase as half a
    cosine or a line. PyTorch also moves the momentum from 0.95 to 0.85 and back; here momentum stays what the optimizer says.

    Raises ValueError when asked beyond step n = `steps`, as PyTorch does. Step n itself, one after the last, goes on along the
    last phase, as there: with three linear phases it is negative.

    >>> one_cycle(steps=5, rise=0.4, anneal="linear")(np.arange(5)).round(4)
    array([0.04  , 1.    , 0.6667, 0.3333, 0.    ])
    >>> one_cycle(steps=5)(np.arange(7))
    Traceback (most recent call last):
    ValueError: steps must be at least the length of the run for one_cycle, which ends after 5, got 5 at step 6
    """
    low, end = 1 / div_factor, 1 / div_factor / final_div_factor
    top = rise * steps - 1
    phases = [(top, low, 1.0), *([(2 * top, 1.0, low), (steps - 1, low, end)] if three_phase else [(steps - 1, 1.0, end)])]
    curve = _half_cosine if anneal == "cos" else _line

    def schedule(step: NDArray[np.intp]) -> NDArray[np.float64]:
        if np.any(step > steps):
            raise must(
                "steps", f"at least the length of the run for one_cycle, which ends after {steps}", f"{steps} at step {np.max(step)}"
            )
        begins = [0.0, *(last for last, _, _ in phases)]
        pieces = [
            curve((step - begin) / ((last - begin) or 1.0), first, then)  # a phase may be empty
            for begin, (last, first, then) in zip(begins, phases, strict=False)
        ]
        return np.select([step <= last for last, _, _ in phases[:-1]], pieces[:-1], pieces[-1])

    return schedule


@SCHEDULES
def inverse_sqrt(
    steps: Annotated[float, Knob(1, 1000, log=True, above=0, help="The number of steps after which the rate is 1/√2.")] = 1.0,
) -> Schedule:
    """Lower the rate ever more slowly, with the square root of time, and never to zero.

    1/√(1 + t/n) with n = `steps`. After a warm-up of n steps too, it is √(n/t), the Transformer's schedule (Vaswani et al. 2017,
    equation 3).

    >>> inverse_sqrt()(np.array([0, 3, 8, 99]))
    array([1.        , 0.5       , 0.33333333, 0.1       ])
    """
    return lambda step: 1 / np.sqrt(1 + step / steps)


@door
def after_warmup(schedule: Schedule | str, steps: int, *, start_factor: float = WARMUP_START) -> Schedule:
    """A schedule, or the one of this name, after a linear rise from `start_factor` to the full rate in `steps` steps.

    It begins at its own step 0 then: PyTorch's SequentialLR of a LinearLR and the schedule, with the milestone at `steps`. With 0 steps
    it is the schedule itself.
    Raises ValueError for steps that are not a whole number ≥ 0, a factor that is not > 0 and ≤ 1, and what is no schedule.

    See also: `SCHEDULES`, `Schedule`. optax: join_schedules.

    >>> after_warmup(SCHEDULES["exponential"](gamma=0.5), 2, start_factor=0.2)(np.arange(5)).round(3)
    array([0.2 , 0.6 , 1.  , 0.5 , 0.25])
    """
    rule = 'a name such as "cosine", or made by SCHEDULES["cosine"]()'
    own: Schedule = check_made("schedule", SCHEDULES.made(schedule), Callable, rule)
    steps = check_whole("steps", steps, at_least=0)
    rise = SCHEDULES["linear_warmup"](start_factor=start_factor, steps=max(steps, 1))
    if not steps:
        return own
    return Warmed(rise, own, steps)


@dataclass(frozen=True, eq=False)
class Warmed:
    """A schedule after the `rise` of its first `steps`."""

    rise: Schedule
    own: Schedule
    steps: int

    def __call__(self, step: Any) -> NDArray[np.float64]:
        step = _checked(step)
        return np.where(step < self.steps, self.rise(step), self.own(np.maximum(step - self.steps, 0)))


def _half_cosine(share: NDArray[np.float64], first: float, then: float) -> NDArray[np.float64]:
    """From `first` at share 0 to `then` at share 1, along half a cosine."""
    return np.asarray(then + (first - then) * (1 + np.cos(np.pi * share)) / 2)


def _line(share: NDArray[np.float64], first: float, then: float) -> NDArray[np.float64]:
    """From `first` at share 0 to `then` at share 1, along a straight line."""
    return np.asarray(first + (then - first) * share)
