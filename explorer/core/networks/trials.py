"""Trials: a short training at every rate of a ruler, coarse to fine, for a loss whose runs take time."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from explorer.core.ground.blas import one_blas_thread
from explorer.core.ground.prose import counted, plain
from explorer.core.losses.protocol import Array, Facts
from explorer.core.networks.training import due
from explorer.core.optimizers import length
from explorer.core.run.descent import Descent, descend
from explorer.core.run.ruler import Ruler, ruler
from explorer.core.run.setup import Setup
from explorer.core.run.sweep import sweep
from explorer.core.verdict.measured import useless_from
from explorer.core.verdict.profile import Profile
from explorer.core.verdict.verdict import Outcome, Verdict, decide

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
    start: float = np.nan  # the loss before the first step
    whole: int = -1  # the position of which the run with all its steps has the word
    moves: bool = False  # whether the rule preconditions, so that its edge moves along with the run

    @property
    def first_diverged(self) -> float:
        """The smallest rate tried that diverged; infinite if none did."""
        return float(np.min(self.ruler.rates[self.tried & (self.verdict == Verdict.DIVERGED)], initial=np.inf))

    @property
    def critical(self) -> str:
        """What the edge is called."""
        return "edge at the start" if self.moves else "critical rate"

    @property
    def useless_from(self) -> float:
        """The smallest rate tried from which on no run ends lower than it began; infinite if that of the largest does."""
        return useless_from(self.ruler.rates[self.tried], self.final[self.tried], self.start)

    def told(self, position: int, outcome: Outcome) -> Self:
        """Return them with what became of the run at one position, which may have had more steps than a trial."""
        here = np.arange(self.tried.size) == position
        return replace(
            self,
            whole=position,
            tried=self.tried | here,
            verdict=np.where(here, outcome.verdict, self.verdict),
            final=np.where(here, outcome.final_loss, self.final),
            words=tuple(np.where(here, outcome.sentence(), np.array(self.words, dtype=object))),
        )

    @property
    def after(self) -> str:
        """What a verdict of a trial that is shorter than the run has behind it: a longer run may end otherwise."""
        return "" if self.steps == self.asked else f" by step {self.steps:,}"

    @property
    def zones(self) -> list[str]:
        """The verdict at each rate, with the step that it holds for where the run has more of them."""
        return [str(each) + self.after * (i != self.whole) for i, each in enumerate(self.verdict)]

    def sentence(self) -> str:
        """Return what the trials say, in their own numbers: where the loss ends lowest, and where runs begin to diverge."""
        rates, edge = self.ruler.rates, self.ruler.edge
        known = np.flatnonzero(self.tried & np.isfinite(self.final))
        length = counted(self.steps) if self.steps == self.asked else f"the first {self.steps:,} of {counted(self.asked)}"
        text = f"{int(self.tried.sum()):,} of {rates.size:,} rates tried, each for {length}"
        if known.size:
            best = known[np.argmin(self.final[known])]
            text += f": the loss ends lowest at the rate {plain(rates[best])}, at {plain(self.final[best])}"
        at, useless = self.first_diverged, self.useless_from
        far, some = min(at, rates[-1]), np.isfinite(edge.rate)
        begin = self.tried.all() and bool((self.verdict[rates >= at] == Verdict.DIVERGED).all())  # and no larger rate holds again
        begins = "runs begin to diverge at" if begin else "the smallest of them that diverges is"
        text += f"; {begins} {plain(at)}" if np.isfinite(at) else f"; none up to {plain(far)} diverges"
        if some and (np.isfinite(at) or far > edge.rate):
            text += f", {plain(far / edge.rate)} × the {self.critical}"
        if useless < far:  # more rates than the last one tried
            text += f"; from {plain(useless)} on no run ends below the {plain(self.start)} that it began with"
        critical = f"The {self.critical} is {plain(edge.rate, 4)}: {edge.reason}" if some else f"No critical rate: {edge.reason}"
        if np.isinf(at) and far > edge.rate:
            critical += "; beyond it a run jumps about, the farther the larger the rate" if self.moves else "; it holds at the first step"
        return f"{text}. {critical}."


def untried(setup: Setup) -> Trials:
    """Return the ruler of a setup and how long a trial on it is, before any rate was tried.

    A trial has the setup's steps, or fewer if all together would be more than `MOST_WORK`. Raises ValueError if only a few would fit.
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
    verdict: NDArray[np.object_] = np.full(count, Verdict.STUCK, dtype=object)
    moves, none = optimizer.preconditioner is not None, np.zeros(count, dtype=bool)
    return Trials(scale, steps, setup.steps, none, verdict, np.full(count, np.nan), ("",) * count, moves=moves)


def trials(setup: Setup) -> Generator[Trials, None, None]:
    """Tries every rate of the setup's ruler, from its own and a few far apart to all, and yields what is known after each `AT_ONCE`.

    Raises what `untried` does.

    >>> *_, found = trials(Setup("x_squared", learning_rate=0.5))
    >>> found.first_diverged, bool(found.tried.all())
    (1.001, True)
    """
    loss, optimizer, found = setup.make_loss(), setup.make_optimizer(), untried(setup)
    scale, count = found.ruler, found.ruler.rates.size
    conditions = setup.conditions() | {"steps": found.steps}
    own = scale.position(setup.learning_rate)
    order = [i for stride in STRIDES for i in range(0, count, stride) if i != own and (stride == STRIDES[0] or i % (2 * stride))]
    order.insert(0, own)
    for begin in range(0, count, AT_ONCE):
        some = np.sort(order[begin : begin + AT_ONCE])
        if setup.batch_size is None:
            outcome = sweep(loss, optimizer, scale.rates[some], **conditions)
        else:
            outcome = _seen_now_and_then(Descent.of(loss, optimizer, scale.rates[some], **conditions | {"whole": False}))
        tried, verdict, final, words = found.tried.copy(), found.verdict.copy(), found.final.copy(), np.array(found.words, dtype=object)
        tried[some], verdict[some], final[some] = True, outcome.verdict, outcome.final_loss
        words[some] = [outcome.sentence(k) for k in range(some.size)]
        known = np.flatnonzero(tried)
        nearest = known[np.abs(np.arange(count)[:, np.newaxis] - known).argmin(axis=1)]
        start = float(outcome.start_loss[0])
        found = replace(found, tried=tried, verdict=verdict[nearest], final=final, words=tuple(words), start=start)
        yield found


def _seen_now_and_then(descent: Descent) -> Outcome:
    """Return the outcomes of runs on mini-batches, whose own losses say little: by the whole loss, at as many looks as `train` takes."""
    loss, looks = descent.objective, due(descent.steps)
    lost, losses = np.full(descent.runs, -1), []
    last: list[Array] = []
    with np.errstate(all="ignore"), one_blas_thread:
        for moment in descend(descent):
            finite = np.isfinite(moment.loss) & np.isfinite(moment.x).all(axis=0)
            lost = np.where((lost < 0) & ~finite, moment.step, lost)
            last = [*last[-2:], moment.x]
            if moment.step in looks:
                losses.append(np.where(lost < 0, loss.value(moment.x), np.nan))
        profile = Profile.seen(
            np.array(losses),
            np.array(last),
            length(moment.gradient),
            steps=descent.steps,
            first_nonfinite=lost,
            first_quantity=np.where(lost < 0, "", "loss"),
        )
        return decide(profile, loss, descent.start, last[-1], stochastic=True)
