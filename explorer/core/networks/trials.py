"""Trials: a short training at every rate of a ruler, coarse to fine, for a loss whose runs take time."""

from collections.abc import Generator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from explorer.core.ground.prose import plain
from explorer.core.losses.protocol import Array, Facts
from explorer.core.run.ruler import Ruler, ruler
from explorer.core.run.setup import Setup
from explorer.core.run.sweep import sweep
from explorer.core.verdict.verdict import Verdict

AT_ONCE = 16  # rates tried together: enough for a first impression, few enough for a second
MOST_WORK = 1e10  # weights × examples × steps of all trials together: a few seconds on one core
FEWEST_STEPS = 20  # fewest steps of a meaningful trial

STRIDES = (16, 8, 4, 2, 1)


@dataclass(frozen=True, eq=False)
class Trials:
    """What is known so far of each rate of a ruler; every array is ``(rates,)``."""

    ruler: Ruler
    steps: int
    asked: int  # the steps that the setup asks for
    tried: NDArray[np.bool_]  # which rates were tried
    verdict: NDArray[np.object_]  # of the nearest rate that was tried
    final: Array  # the loss after `steps` steps, nan where a rate was not tried
    words: tuple[str, ...]  # the verdict in a sentence, empty where a rate was not tried

    @property
    def first_diverged(self) -> float:
        """The smallest rate tried that diverged; infinite if none did."""
        return float(np.min(self.ruler.rates[self.tried & (self.verdict == Verdict.DIVERGED)], initial=np.inf))

    def sentence(self) -> str:
        """Return what the trials say, in their own numbers: where the loss ends lowest, and where runs begin to diverge."""
        rates, edge = self.ruler.rates, self.ruler.edge
        known = np.flatnonzero(self.tried & np.isfinite(self.final))
        length = f"{self.steps:,}" if self.steps == self.asked else f"the first {self.steps:,} of {self.asked:,}"
        text = f"{int(self.tried.sum()):,} of {rates.size:,} rates tried, each for {length} steps"
        if known.size:
            best = known[np.argmin(self.final[known])]
            text += f": the loss ends lowest at the rate {plain(rates[best])}, at {plain(self.final[best])}"
        at = self.first_diverged
        times = f", {plain(at / edge.rate)} × the critical rate" if np.isfinite(edge.rate) else ""
        diverge = f"runs begin to diverge at {plain(at)}{times}" if np.isfinite(at) else f"none up to {plain(rates[-1])} diverges"
        critical = (
            f"The critical rate is {plain(edge.rate)}: {edge.reason}" if np.isfinite(edge.rate) else f"No critical rate: {edge.reason}"
        )
        return f"{text}; {diverge}. {critical}."


def trials(setup: Setup) -> Generator[Trials, None, None]:
    """Tries every rate of the setup's ruler, from its own and a few far apart to all, and yields what is known after each `AT_ONCE`.

    A trial has the setup's steps, or fewer if all together would be more than `MOST_WORK`. Raises ValueError if only a few would fit.

    >>> *_, found = trials(Setup("x_squared", learning_rate=0.5))
    >>> found.first_diverged, bool(found.tried.all())
    (1.001, True)
    """
    loss, optimizer = setup.make_loss(), setup.make_optimizer()
    scale = ruler(loss, optimizer, setup.initial_point, setup.learning_rate)
    count = scale.rates.size
    each = loss.dim * (Facts(loss).examples if setup.batch_size is None else setup.batch_size)
    steps = min(setup.steps, int(MOST_WORK / (each * count)))
    if steps < min(setup.steps, FEWEST_STEPS):
        raise ValueError(
            f"weights × examples must be ≤ {int(MOST_WORK / (FEWEST_STEPS * count)):,} for a ruler of {count} rates, got {each:,} a step"
        )
    conditions = setup.conditions() | {"steps": steps, "whole": setup.batch_size is None}
    own = scale.position(setup.learning_rate)
    order = [i for stride in STRIDES for i in range(0, count, stride) if i != own and (stride == STRIDES[0] or i % (2 * stride))]
    order.insert(0, own)
    verdict: NDArray[np.object_] = np.full(count, Verdict.STUCK, dtype=object)
    found = Trials(scale, steps, setup.steps, np.zeros(count, dtype=bool), verdict, np.full(count, np.nan), ("",) * count)
    for begin in range(0, count, AT_ONCE):
        some = np.sort(order[begin : begin + AT_ONCE])
        outcome = sweep(loss, optimizer, scale.rates[some], **conditions)
        tried, verdict, final, words = found.tried.copy(), found.verdict.copy(), found.final.copy(), np.array(found.words, dtype=object)
        tried[some], verdict[some], final[some] = True, outcome.verdict, outcome.final_loss
        words[some] = [outcome.sentence(k) for k in range(some.size)]
        known = np.flatnonzero(tried)
        nearest = known[np.abs(np.arange(count)[:, np.newaxis] - known).argmin(axis=1)]
        found = replace(found, tried=tried, verdict=verdict[nearest], final=final, words=tuple(words))
        yield found
