"""The verdict in one plain sentence, with the run's own numbers, for each rate of a ruler."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from explorer.core.ground.prose import counted, plain
from explorer.core.losses.protocol import Array, Facts
from explorer.core.run.descent import Trajectory
from explorer.core.theory.edge import Edge
from explorer.core.theory.growth import Modes, predicted_growth
from explorer.core.verdict.measured import ROUNDED, floors, measured_growth, thrown
from explorer.core.verdict.sentence import Verdict, became, marked, told
from explorer.core.verdict.verdict import TOLERANCE, Outcome, judge

ULPS = 8
"""A run whose coordinates move by no more units in the last place than this stands still: it is at the end of its digits."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """What happened to each run beside what theory says, ``(runs,)`` each; nan or -1 where theory says nothing."""

    trajectory: Trajectory
    outcome: Outcome
    edge: Edge
    modes: Modes | None
    predicted: Array  # factor per step of the distance from the minimum, in theory
    measured: Array  # the same, as the run shows it
    overflow: NDArray[np.intp]  # the step at which the loss should exceed the largest float64
    uphill: NDArray[np.intp]  # the first step that raised the loss, -1 if none did
    floor: Array  # the loss that mini-batches or noise should leave

    @cached_property
    def rounded(self) -> NDArray[np.bool_]:
        """Return which runs ended as near to their minimum as numbers are to each other: they only moved from one to the next."""
        x, quarter = self.trajectory.x, max(self.outcome.steps // 4, 1) + 1
        with np.errstate(all="ignore"):
            moved, size = (np.abs(each).max(axis=(0, 1), initial=0.0) for each in (np.diff(x[-quarter:], axis=0), x[-quarter:]))
            there = (moved <= ULPS * np.finfo(x.dtype).eps * size) & (self.outcome.late_high <= ROUNDED * self.outcome.start_loss)
        return there & (self.outcome.verdict == Verdict.CONVERGED)

    @classmethod
    @np.errstate(all="ignore")  # overflow is a result
    def of(cls, trajectory: Trajectory) -> Self:
        """Return the explanation of a batch of runs from one start.

        >>> from explorer import LOSSES, OPTIMIZERS, run
        >>> path = run(LOSSES["x_squared"](), OPTIMIZERS["gradient_descent"](), 1.1, start=[1.0], steps=2000)
        >>> Explanation.of(path).sentence(0)
        '**Diverges**: each step multiplies the error by 1.2 (theory: 1.2); the loss became inf at step 1,947 (forecast: 1,947).'
        """
        loss, optimizer, rate = trajectory.objective, trajectory.optimizer, trajectory.learning_rate
        start = trajectory.x[0, :, 0]
        exact = trajectory.undisturbed and Facts(loss).is_quadratic and not np.any(optimizer.weight_decay)
        modes = Modes.of(loss, optimizer, start) if exact else None
        rises = np.diff(trajectory.loss, axis=0) > 1e-13 * np.abs(trajectory.loss[:-1])
        never = ~rises.any(axis=0)
        return cls(
            trajectory=trajectory,
            outcome=judge(trajectory),
            edge=Edge.of(loss, optimizer, start),
            modes=modes,
            predicted=predicted_growth(loss, optimizer, rate, start) if trajectory.undisturbed else np.full(rate.size, np.nan),
            measured=measured_growth(trajectory),
            overflow=modes.overflow_step(rate) if modes is not None else np.full(rate.size, -1),
            uphill=np.where(never, -1, np.vstack([rises, never]).argmax(axis=0)),
            floor=floors(trajectory),
        )

    def beside(self, baseline: Self, run: int, rescues: str) -> str:
        """Return the sentence, with what became of the same run in `baseline`, without its `rescues`, which are named in words."""
        without = baseline.outcome.sentence(run)
        return f"{self.sentence(run)} Without {rescues}: {without[0].lower()}{without[1:]}."

    def saved(self, baseline: Self) -> NDArray[np.bool_]:
        """Return which rates diverge in `baseline` and do not diverge here: ``(runs,)``."""
        return np.asarray((baseline.outcome.verdict == Verdict.DIVERGED) & (self.outcome.verdict != Verdict.DIVERGED))

    def rate(self, run: int) -> str:
        """Return the rate and how many times the edge it is: ``0.001 = 4.92 × the critical rate``.

        The rate alone where nothing is critical, and for a rule that preconditions: its edge moves along with the run.
        """
        rate = float(self.trajectory.learning_rate[run])  # a Python float: 1e308 / 0.001 is inf, without a warning
        settled = np.isfinite(self.edge.rate) and self.trajectory.optimizer.preconditioner is None
        return plain(rate, 4) + (f" = {self.edge.share(rate)} × the critical rate" if settled else "")

    def sentence(self, run: int) -> str:
        """Return what happened and how fast: the verdict first, in bold."""
        verdict, numbers = self.outcome.verdict[run], self.outcome.numbers(run, 3)
        first, instead, more = "", "", ""
        match verdict:
            case Verdict.DIVERGED:
                first, (instead, more) = self._factor(run), self._end(run)
            case Verdict.CONVERGED:
                first, instead = self._factor(run), self._arrival(run)
            case Verdict.CONVERGING:
                first, more = self._factor(run), self.outcome.worse(run)
            case Verdict.SLOW:
                first, more = self._factor(run), self.outcome.pace(run)
            case Verdict.OSCILLATING:
                first = "it neither settles nor explodes"
            case Verdict.NOISY:
                expected = f" (theory: {plain(self.floor[run])})" if np.isfinite(self.floor[run]) else ""
                late = self.trajectory.loss[-max(len(self.trajectory.loss) // 4, 2) :, run]
                numbers["final"] = plain(float(late.mean())) + expected
            case Verdict.STUCK:
                first = f"the gradient is {plain(self.trajectory.gradient_norm[-1, run], 2)}"
        return marked(told(verdict, numbers, first=first, instead=instead, more=more))

    def stops(self, name: str, along: Array, useless: float) -> str:
        """Return where a rule that preconditions stops, for its edge `along` one run and the rate from which on it is `useless`.

        It seldom explodes: P grows with the gradients, and its edge with it. So what is said is how far runs beyond the edge go.
        """
        rates, verdict = self.trajectory.learning_rate, self.outcome.verdict
        known, gone = along[np.isfinite(along)], rates[verdict == Verdict.DIVERGED]
        text = f"{name}'s edge is {plain(self.edge.rate)} at the start"
        if known.size:
            text += f" and between {plain(known.min())} and {plain(known.max())} along this run, for it grows with the gradients"
        text += f". Runs diverge from {plain(gone.min())} on" if gone.size else f". No run diverges, up to {plain(rates.max())}"
        beyond = (rates > self.edge.rate) & (verdict != Verdict.DIVERGED)
        if beyond.any():
            far = plain(thrown(self.trajectory)[beyond].max(), 2)
            times = "its rate" if far == "1" else f"{far} times its rate"
            text += f": beyond the edge a run jumps about, at most {times} away from the start"
        if np.isfinite(useless):
            text += f". From about {plain(useless, 2)} on that is of no use: in {counted(self.outcome.steps)} no loss falls below its start"
        return f"{text}."

    def steady_factor(self, run: int) -> float:
        """Return the measured factor per step of a run that has one; nan where it changes from step to step."""
        return float(self.measured[run]) if self._settled(run) else np.nan

    def _settled(self, run: int) -> bool:
        """Return whether a run's measured factor fits what became of its loss."""
        verdict, falls = self.outcome.verdict[run], bool(np.isfinite(self.outcome.to_go[run]))
        return _agrees(float(self.measured[run]), verdict, linear=self.modes is not None, falls=falls)

    def _factor(self, run: int) -> str:
        """Return the factor per step, measured and predicted, in words that fit how the run moves."""
        norms = self.trajectory.gradient_norm[:, run]
        if self.edge.curvature == 0 and np.unique(norms[norms > 0]).size == 1:
            if self.trajectory.optimizer.is_plain and self.trajectory.undisturbed:
                return f"every step is {plain(self.trajectory.learning_rate[run] * norms[0])} long, near the minimum as far from it"
            return "the gradient is as large near the minimum as far from it"
        if self.modes is None and self.outcome.verdict[run] == Verdict.DIVERGED and _accelerates(norms):
            return "each step grows more than the one before it, because the curvature grows on the way out"
        measured, theory, verdict = self.measured[run], self._theory(run), self.outcome.verdict[run]
        if self.trajectory.learning_rate[run] == 0:
            return "the rate is 0, so there is no step to take"
        if norms[0] == 0:
            return "the gradient at the start is 0, so there is no step to take"
        if self.outcome.steps < 2 or 0 <= self.outcome.first_nonfinite[run] <= 2:
            return f"too few steps to measure a factor{theory}"
        if not np.isfinite(measured) and verdict == Verdict.CONVERGED:
            return f"the {'first' if norms[1] <= ROUNDED * norms[0] else 'second'} step lands in the minimum"
        if not self._settled(run):
            return f"the factor changes from step to step{theory}"
        if abs(measured - 1) < 5e-5:
            return f"each step changes the error by less than 0.005 %{theory}"
        if measured > 1:
            return f"each step multiplies the error by {_factor(measured)}{theory}"
        return f"each step keeps {_factor(measured)} of the error{theory}"

    def _theory(self, run: int) -> str:
        """Return theory's factor, qualified where it holds only asymptotically, or only near the minimum."""
        predicted, measured = self.predicted[run], self.measured[run]
        if not np.isfinite(predicted):
            return ""
        agrees = np.isfinite(measured) and abs(np.log(max(predicted, 1e-300) / measured)) < 0.01 * max(abs(np.log(measured)), 0.01)
        where = (
            "theory"
            if agrees or not np.isfinite(measured)
            else "theory, in the long run"
            if self.modes is not None
            else "theory, at the minimum"
        )
        return f" ({where}: {_factor(predicted)})"

    def _end(self, run: int) -> tuple[str, str]:
        step, forecast = self.outcome.first_nonfinite[run], self.overflow[run]
        if step >= 0:
            ahead = f" (forecast: {forecast:,})" if forecast >= 0 else ""
            return became(self.outcome.first_quantity[run], self.how(run), step) + ahead, ""
        if Facts(self.trajectory.objective).endless:
            return "", "it falls without end, because it has no minimum"
        return "", f"it will be inf at step {forecast:,}" if forecast >= 0 else "it has not turned"

    def how(self, run: int) -> str:
        """Return how a lost run became so: inf, −inf or nan."""
        path, step = self.trajectory, self.outcome.first_nonfinite[run]
        values = {"weight": path.x[step, :, run], "loss": path.loss[step, [run]], "gradient": path.gradient_norm[step, [run]]}
        first = values[self.outcome.first_quantity[run]]
        return "nan" if np.isnan(first).any() else plain(first[~np.isfinite(first)][0])

    def _arrival(self, run: int) -> str:
        if self.trajectory.objective.minimum is None:
            return self.outcome.at_a_minimum(run)
        minimum = self.trajectory.objective.minimum
        above = self.trajectory.loss[:, run] - minimum
        far = np.flatnonzero(~(above <= TOLERANCE * above[0]))
        if far.size == 0 or far[-1] == len(above) - 1:
            return "the loss is at its minimum" + (f", {plain(minimum)}" if minimum else "")
        if (above[far[-1] + 1 :] == 0).all():
            return f"the loss is at its minimum{f', {plain(minimum)},' if minimum else ''} from step {far[-1] + 1:,} on"
        left = f"a millionth of the starting loss{' above the minimum' if minimum else ''} is left"
        return f"{left} {f'at step {far.size:,}' if far[-1] == far.size - 1 else f'from step {far[-1] + 1:,} on'}"


def _factor(value: float) -> str:
    return plain(value, 4 if abs(value - 1) > 1e-3 else 6)


def _agrees(measured: float, verdict: Verdict, *, linear: bool, falls: bool) -> bool:
    """Return whether a factor of the gradient fits what the loss did: the gradient may grow on a way down, and shrink on a way up.

    Without a minimum in sight a loss that does not fall keeps its error, whatever the gradient does; so does one that jumps about.
    """
    none = 0.0 if linear else 5e-5
    match verdict:
        case Verdict.DIVERGED:
            return bool(measured > 1 + none)
        case Verdict.CONVERGED:
            return bool(measured < 1 - none)
        case Verdict.SLOW:  # a late fall by a tenth at every step would not have been slow
            return bool((0.9 if falls else 1 - 5e-5) < measured < 1 + 5e-5)
        case Verdict.OSCILLATING | Verdict.NOISY if not linear:
            return False
    return bool(measured < 1 + 5e-5)


def _accelerates(norms: Array) -> bool:
    """Return whether the gradient grew by more and more: a straight line in a logarithmic plot would not."""
    with np.errstate(all="ignore"):
        growth = np.diff(np.log(norms[np.isfinite(norms)]))
    return growth.size >= 2 and bool(growth[-1] > 1.5 * np.abs(np.median(growth[:-1])) and growth[-1] > 1)
