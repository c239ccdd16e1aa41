"""A piece of a map: the runs of one setup that differ in some of its knobs, and what they cost."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from explorer.core.losses.protocol import Array, Facts, Loss
from explorer.core.optimizers import OPTIMIZERS, Optimizer, clipped
from explorer.core.run.descent import Descent
from explorer.core.run.setup import SHELVES, Setup
from explorer.core.run.sweep import SETTLED, fitting, one_blas_thread, sweep_tile
from explorer.core.verdict.verdict import Outcome, Verdict

VERDICTS = tuple(Verdict)  # a pixel's code is its verdict's place in this tuple
NEAR = 0.15  # seconds of work in one tile for the threads of this process

LARGEST = math.log10(float(np.finfo(np.float64).max))


def render_tile(setup: Setup, turned: Mapping[str, Array], stop: Any = None) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """The codes and the pace of runs that differ in the knobs `turned`, each ``(runs,)``: see `explorer.core.maps.canvas.Canvas`.

    This is what travels to other processes, with a setup instead of a loss, since that is small. Raises Stopped.
    """
    loss, conditions = setup.make_loss(), setup.conditions()
    start = setup.initial_point[:, np.newaxis]
    if any(knob.startswith("start.") for knob in turned):  # a start of one's own is float64, as everywhere
        start = start.astype(np.float64)
    runs = len(next(iter(turned.values())))
    parts = []
    with one_blas_thread:
        for some in np.array_split(np.arange(runs), -(-runs // fitting(start))):
            mine = {knob: values[some] for knob, values in turned.items()}
            x = np.repeat(start, some.size, axis=1)
            for knob in (each for each in mine if each.startswith("start.")):
                x[int(knob.removeprefix("start."))] = mine[knob]
            rate = mine.get("learning_rate", np.full(some.size, setup.learning_rate))
            scale = _of_layers(loss, rate, mine)
            conditions |= {"start": x, "rate_scale": scale}
            descent = Descent.of(loss, _rule(setup, mine), rate if scale is None else np.ones(some.size), **conditions)
            outcome = sweep_tile(descent, stop)
            codes = np.array([VERDICTS.index(verdict) for verdict in outcome.verdict], dtype=np.int8)
            parts.append((codes, _pace(outcome, loss.minimum)))
    every_code, pace = zip(*parts, strict=True)
    return np.concatenate(every_code), np.concatenate(pace)


def render_elsewhere(own: Mapping[str, bytes], setup: Setup, turned: Mapping[str, Array]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """The same in another process, which may not know the setup's `own_factories`."""
    for kind, carried in own.items():
        SHELVES[kind].learn(getattr(setup, kind), carried)
    return render_tile(setup, turned)


def _rule(setup: Setup, turned: Mapping[str, Array]) -> Optimizer:
    own = {name.removeprefix("optimizer."): value for name, value in (*setup.knobs, *turned.items()) if name.startswith("optimizer.")}
    clip = {name: turned.get(f"clip_{name}", getattr(setup, f"clip_{name}")) for name in ("norm", "value")}
    return clipped(OPTIMIZERS[setup.optimizer](**own), **clip)


def _of_layers(loss: Loss, rate: Array, turned: Mapping[str, Array]) -> Array | None:
    """Return the rate of each coordinate, ``(dim, runs)``, where some groups of weights have their own; else None."""
    own = {name: where for name, where in Facts(loss).blocks if f"rate.{name}" in turned}
    if not own:
        return None
    rates = np.repeat(rate[np.newaxis], loss.dim, axis=0)
    for name, where in own.items():
        rates[where] = turned[f"rate.{name}"]
    return rates


@np.errstate(all="ignore")
def _pace(outcome: Outcome, minimum: float | None) -> NDArray[np.float32]:
    floor = minimum if minimum is not None and np.isfinite(minimum) else 0.0
    first, last = np.abs(outcome.start_loss - floor), np.abs(outcome.final_loss - floor)
    change = np.clip(np.nan_to_num(np.log10(last / first), nan=0.0), math.log10(SETTLED), LARGEST)
    to_come = (LARGEST - np.log10(last)) / np.log10(outcome.decline)
    forecast = outcome.steps + np.where(np.isfinite(to_come) & (to_come > 0), to_come, 0)
    step = np.where(outcome.first_nonfinite >= 0, outcome.first_nonfinite, forecast)
    return np.where(outcome.verdict == Verdict.DIVERGED, step, change).astype(np.float32)


CLOCK = getattr(time, "thread_time", time.perf_counter)
"""Seconds of this thread; a browser's Python has no such clock, and no other thread."""


@dataclass(frozen=True)
class Pace:
    """Seconds of CPU time of a step: `fixed` for any number of runs, and `per_run` for each of them. Measured, on this machine."""

    fixed: float
    per_run: float

    @classmethod
    def of(cls, setup: Setup) -> Self:
        """From a few steps of this setup, with one run and with as many as fit a core's cache."""
        many = int(np.clip(2**12 // setup.make_loss().dim, 8, 2048))

        def seconds(runs: int) -> float:
            """Of twenty steps more, which leaves out what a tile costs beside its steps."""
            took = []
            for many_times in (4, 24, 4, 24):
                few, began = replace(setup, steps=many_times), CLOCK()
                render_tile(few, {"learning_rate": np.full(runs, few.learning_rate)})
                took.append(CLOCK() - began)
            return max(min(took[1::2]) - min(took[::2]), 1e-6) / 20

        one = seconds(1)
        return cls(one, max((seconds(many) - one) / (many - 1), 5e-9))

    def tile(self, steps: int, budget: float) -> int:
        """Return how many runs fill a tile of `seconds`; a power of two, so that small differences in speed do not matter.

        At least enough that the fixed part is not most of it.
        """
        runs = max((budget / max(steps, 1) - self.fixed) / self.per_run, self.fixed / self.per_run, 16)
        return int(2 ** math.floor(math.log2(min(runs, 2**17))))

    def seconds(self, runs: int, steps: int, tile: int) -> float:
        """Return the seconds that this many runs take on one core, in tiles."""
        return steps * (math.ceil(runs / tile) * self.fixed + runs * self.per_run)


def in_words(seconds: float) -> str:
    """Return a duration in everyday words.

    >>> in_words(0.4), in_words(75), in_words(9000), in_words(1e6)
    ('1 s', '1 min 15 s', '2 h 30 min', '11 days 14 h')
    >>> in_words(86400)
    '1 day 0 h'
    """
    seconds = max(math.ceil(seconds), 1)
    for unit, part, names in ((86400, 3600, "days h"), (3600, 60, "h min"), (60, 1, "min s")):
        if seconds >= unit:
            whole, rest = divmod(round(seconds / part) * part, unit)
            first, second = names.split()
            return f"{whole:,} {first if whole > 1 else first.removesuffix('s')} {rest // part} {second}"
    return f"{seconds} s"
