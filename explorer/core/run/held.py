"""What it means that a run held, in one place; and the search for the rates up to which runs do, and from which none does."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from explorer.core.ground.blas import one_blas_thread
from explorer.core.losses.protocol import Array, Loss, seen
from explorer.core.optimizers import Optimizer
from explorer.core.run.descent import Descent, descend

TAIL = 10
"""One in this many of a run's losses, the last ones, are its end: beyond the edge a run jumps about, and one loss is a matter of luck."""

LATER = 2
"""What is named as held must have stayed below the start through the last half of a run: spikes are rare, and another run has others."""

ROUNDING = 16
"""Losses that differ by at most this many ulps differ by arithmetic noise."""

SAFE, BROKEN = 0.8, 1.5
"""The shares of the largest rate that held, and of the smallest that failed, which must hold and fail too, in longer runs."""

ENOUGH = 0.5
"""A rate must take the loss down by this share of what a smaller rate does: a network that a large step kills may end below its start."""

PRECISION = 0.025
"""A gap between rates that end in different ways is cut in half until it is this share of them."""

AROUND = (1 / 64, 1 / 8, 0.5, 0.95, 1.05, 2.0)
"""The rates that a search begins with, as multiples of the first: the two lowest are to show how far a loss can fall."""

RUNGS = 2.0**16
"""The search goes as many times below the first rate and above it."""

MOST_RATES = 64
"""Most rates that one search tries."""

LONGER = 4
"""How many times as long the runs are that try what was found; where they do not keep to it, the search goes on with such runs."""

ROUNDS = 4
"""Most times that the search goes on with longer runs, knowing what they did where they did not keep to what it had found."""

SEEDS = 3
"""Seeds of the runs on batches."""

Falls = Mapping[float, tuple[float, float]]
"""By rate: what `fall` says, the least and the most of it."""


def fall(losses: ArrayLike, parts: int = TAIL) -> tuple[Array, Array]:
    """How far below its first loss a run ended, the least and the most, from its losses ``(steps + 1, ...)``: ``(...)`` each.

    Its end is the last of `parts` equal parts of its losses, at least one; what is not finite is not below anything, and what is equal but
    for the rounding of the losses' own type has not fallen.

    >>> fall([2.0, 3.0, 0.5]), fall([2.0, 1.0, np.nan])
    ((array(1.5), array(1.5)), (array(-inf), array(-inf)))
    """
    curve = np.asarray(losses)
    rounding = ROUNDING * np.finfo(curve.dtype if curve.dtype == np.float32 else float).eps * np.abs(curve[0])
    end = curve[-max(len(curve) // parts, 1) :].astype(float)
    below = curve[0] - np.where(np.isfinite(end), end, np.inf)
    below = np.where(np.abs(below) <= rounding, 0.0, below)
    return np.asarray(below.min(axis=0)), np.asarray(below.max(axis=0))


def held(losses: ArrayLike) -> NDArray[np.bool_]:
    """Whether a run held: it ended below its start, with every loss of its last tenth. What did not hold has failed.

    >>> [bool(held(each)) for each in ([2.0, 3.0, 1.0], [2.0, 1.0, np.nan], [2.0, 1.0, 2.0])]
    [True, False, False]
    """
    return fall(losses)[0] > 0


@dataclass(frozen=True, eq=False)
class Trials:
    """Runs of a rule on a loss, from `starts` ``(dim, m)``, and on batches from `SEEDS` seeds: what a rate does is what all of them do."""

    loss: Loss
    rule: Optimizer
    starts: Array
    batch_size: int | None = None

    def falls(self, rates: Iterable[float], steps: int) -> dict[float, tuple[float, float]]:
        """The least that runs at each of these rates fall, over all of their `LATER` part, and the most at their end.

        On batches it is the loss of all examples, at the last step.
        """
        tried, count = np.array([*rates], dtype=float), self.starts.shape[1]
        starts, seeds = np.repeat(self.starts, len(tried), axis=1), 1 if self.batch_size is None else SEEDS
        each = []
        for seed in range(seeds if len(tried) else 0):
            whole = self.batch_size is None
            parts = {"start": starts, "steps": steps, "batch_size": self.batch_size, "seed": seed, "whole": whole}
            descent = Descent.of(self.loss, self.rule, np.tile(tried, count), **parts)  # type: ignore[arg-type]
            losses = np.concatenate([_losses(some) for some in descent.parted()], axis=1)
            each += [*np.reshape([fall(losses, LATER)[0], fall(losses)[1]], (2, count, len(tried))).transpose(1, 0, 2)]
        return {rate: (min(one[0, i] for one in each), max(one[1, i] for one in each)) for i, rate in enumerate(tried.tolist())}

    def proven(self, firsts: Iterable[float], steps: int) -> tuple[float, float, int, Falls]:
        """The `bounds` found in runs of `steps` steps from the first start, the length of runs that kept to them, and all in the search.

        It begins around each of `firsts` until it has found both bounds: the rate that theory names may be wrong. The length is 0 if none
        kept to them. These runs are `LONGER`, and from every start. Where they do not keep to what was found, the search goes on with such
        runs, knowing what they did.
        """
        one, longest = replace(self, starts=self.starts[:, :1]), LONGER * steps
        tried, first = one.begun(firsts, steps)
        for length in (0, *[longest] * ROUNDS):
            tried = search(partial(one.falls, steps=length), first, tried) if length else tried
            largest, smallest = bounds(tried)
            longer = self.falls([rate for rate in (SAFE * largest, BROKEN * smallest) if np.isfinite(rate)], longest)
            broken = breaches(tried, longer)
            if longer and not broken:
                return largest, smallest, longest, tried
            tried = {**tried, **broken}
        return (*bounds(tried), 0, tried)

    def begun(self, firsts: Iterable[float], steps: int) -> tuple[Falls, float]:
        """Searches around each of these rates until one finds both bounds, and the rate of the last.

        All that they tried, or, where that has fewer bounds than one of them, what this one tried: a step that is rounded away fails.
        """
        found: list[Falls] = []
        for first in dict.fromkeys(firsts):
            found.append(search(partial(self.falls, steps=steps), first, {}))
            if np.isfinite(bounds(found[-1])).all():
                break
        together = {rate: falls for tried in found for rate, falls in tried.items()}
        return max(together, *reversed(found), key=lambda tried: np.isfinite(bounds(tried)).tolist()), first


def _losses(descent: Descent) -> Array:
    """The losses ``(steps + 1, runs)``, nan once no run is finite; on batches the first and the last of all examples, ``(2, runs)``."""
    losses = np.full((descent.steps + 1, descent.runs), np.nan, descent.start.dtype)
    with np.errstate(all="ignore"), one_blas_thread:
        for moment in descend(descent):
            if moment.step and not np.isfinite(moment.loss).any():
                break
            losses[moment.step] = moment.loss
        return losses if descent.rows is None else np.stack([seen(descent.objective, descent.start)[0], losses[-1]])


def bounds(tried: Falls) -> tuple[float, float]:
    """The largest rate up to which every one held, and the smallest from which every one failed; nan where there is none.

    Each that held has fallen at least `ENOUGH` times as far as all below it; of those that failed, no loss at the end is below the start.

    >>> bounds({0.1: (1.0, 1.0), 0.2: (0.9, 1.0), 0.3: (0.1, 0.2), 0.4: (0.9, 1.0), 0.5: (-2.0, -1.0)})
    (0.2, 0.5)
    """
    largest, smallest, enough = np.nan, np.nan, 0.0
    for rate in sorted(tried):
        least, _ = tried[rate]
        if not (least > 0 and least >= enough):
            break
        largest, enough = rate, max(enough, ENOUGH * least)
    for rate in sorted(tried, reverse=True):
        if tried[rate][1] > 0:
            break
        smallest = rate
    return largest, smallest


def breaches(tried: Falls, longer: Falls) -> Falls:
    """Which longer runs do not keep to the bounds: at `SAFE` times the one all must fall far enough, at `BROKEN` times the other none may.

    Those that do are left out: a longer run falls farther, and would be no measure for shorter ones.
    """
    largest, _ = bounds(tried)
    enough = max((ENOUGH * least for rate, (least, _) in tried.items() if rate <= largest), default=0.0)
    keeps = {rate: least >= enough if rate == SAFE * largest else most <= 0 for rate, (least, most) in longer.items()}
    return {rate: each for rate, each in longer.items() if not keeps[rate]}


def search(tries: Callable[[list[float]], Falls], first: float, tried: Falls) -> Falls:
    """How far every rate fell that it took to find the `bounds`, with those that were `tried` before; at most `MOST_RATES` more.

    It begins around `first`, goes on until something holds and something fails, both ways at most `RUNGS`, and closes the gaps.
    """
    known, most = dict(tried), len(tried) + MOST_RATES
    wanted = [share * first for share in AROUND] if not tried else _wanted(tried, first)
    while len(known) < most and (new := [rate for rate in dict.fromkeys(wanted) if rate not in known and 0 < rate < np.inf]):
        known |= tries(new)
        wanted = _wanted(known, first)
    return known


def _wanted(tried: Falls, first: float) -> list[float]:
    """The rates to try next; once both bounds are narrow, their shares `SAFE` and `BROKEN`."""
    rates, (largest, smallest) = sorted(tried), bounds(tried)
    wanted = []
    if np.isnan(largest) and rates[0] > first / RUNGS:
        wanted += [rates[0] / 8, rates[0] / 2]
    if np.isnan(smallest) and rates[-1] < first * RUNGS:
        wanted += [rates[-1] * 2, rates[-1] * 4]
    if wanted:
        return wanted
    around = [(low, high) for low, high in pairwise(rates) if low == largest or high == smallest]
    wanted = [float(np.sqrt(low) * np.sqrt(high)) for low, high in around if high > low * (1 + PRECISION)]
    return wanted or [SAFE * largest, BROKEN * smallest]
