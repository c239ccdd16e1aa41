"""What happened to a run: one word for each, and the numbers that decided it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.core.ground.prose import plain
from explorer.core.losses.protocol import Loss
from explorer.core.run.descent import Trajectory
from explorer.core.theory.curvature import sharpness
from explorer.core.verdict.profile import ROUNDING, Profile
from explorer.core.verdict.sentence import Verdict as Verdict
from explorer.core.verdict.sentence import became, counted, told

Array = NDArray[np.float64]

TOLERANCE = 1e-6
"""Converged: the loss above its minimum has shrunk to a millionth of what it was at the start, a thousandth of the way in x."""

GROWTH = 1.02
"""Diverged while still finite: the largest loss of each quarter exceeds the one before by 2 %, twice over. A run that is bounded
has quarters that level off; at 1.02 per quarter of 100 steps the error grows by 1.0004 a step, so an edge is seen to 0.02 %."""

STEADY = 0.3
"""...and the later growth is at least this share of the earlier one (in logarithms): growth that fades is on its way to a bound."""

PATIENCE = 20
"""Converging: at its present rate the run would converge within this many times the steps it has had; beyond that it is slow."""

FLAT = 1e-6
"""Stuck: moving by its own length along the gradient could not change the loss by more than this share; or arrived where there is
no minimum, on a saddle."""

PLATEAU = 0.01
"""...or a network whose loss stays, for the last quarter, this close to that of the best constant answer: it ignores its input. A fall
by that little in a quarter of a run would be slow at best, and noise of mini-batches about a dead network stays within it."""

RISE = 2.0
"""A catapult rises to at least this multiple of the start: less is a wobble that every momentum run has."""

SHARPNESS_FALL = 0.95
"""...and ends where the sharpness is below this share of the start's. On a quadratic it cannot fall, so momentum's transient is none."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """One verdict a run, with the numbers it rests on. Every array is ``(runs,)``.

    `first_nonfinite` is the first step at which anything was inf or nan, -1 if nothing ever was, and `first_quantity` what it was
    there: ``weight``, ``loss``, ``gradient``, or an empty string. `decline` is the factor per step by which the largest loss
    above the minimum shrank or grew from the third to the fourth quarter of the run.
    """

    verdict: NDArray[np.object_]
    first_nonfinite: NDArray[np.intp]
    first_quantity: NDArray[np.str_]
    final_loss: Array
    best_loss: Array
    peak_loss: Array
    start_loss: Array
    decline: Array
    steps: int

    def evidence(self, run: int = 0) -> dict[str, float | int | str]:
        """Return the numbers that decided one run's verdict, by name, thresholds included."""
        return {
            "verdict": str(self.verdict[run]),
            "steps": self.steps,
            "loss at the start": float(self.start_loss[run]),
            "largest loss": float(self.peak_loss[run]),
            "smallest loss": float(self.best_loss[run]),
            "loss at the end": float(self.final_loss[run]),
            "change of the largest loss per step, late in the run": float(self.decline[run]),
            "first step that is not finite": int(self.first_nonfinite[run]),
            "what was not finite there": str(self.first_quantity[run]),
            "converged below this share of the start's loss": TOLERANCE,
            "slow beyond this many times the steps": PATIENCE,
        }

    def numbers(self, run: int = 0, digits: int = 4) -> dict[str, str]:
        """Return one run's numbers as its sentence names them, in text."""
        losses = {"start": self.start_loss, "final": self.final_loss, "peak": self.peak_loss, "low": self.best_loss, "high": self.peak_loss}
        numbers = {name: plain(each[run], digits) for name, each in losses.items()} | {"span": counted(self.steps)}
        if self.verdict[run] == Verdict.SLOW and self.final_loss[run] <= self.start_loss[run]:
            numbers["final"] = f"still {numbers['final']}"
        return numbers

    def sentence(self, run: int = 0) -> str:
        """Return one run's verdict in words, with its numbers: ``Diverges: the loss became inf or nan at step 6``."""
        numbers, step = self.numbers(run), self.first_nonfinite[run]
        instead, more = "", ""
        match self.verdict[run]:
            case Verdict.DIVERGED if step >= 0:
                instead = became(self.first_quantity[run], "inf or nan", step)
            case Verdict.DIVERGED:
                more = "it has not turned"
            case Verdict.CONVERGING:
                more = f"it still falls by a factor of {plain(self.decline[run], 4)} a step"
            case Verdict.SLOW:
                more = f"at this pace it would take over {PATIENCE} times as many steps"
        return told(self.verdict[run], numbers, instead=instead, more=more)


def judge(trajectory: Trajectory) -> Outcome:
    """Return one verdict a run: what each word means is at the constants above.

    >>> from explorer import LOSSES, OPTIMIZERS, run
    >>> path = run(LOSSES["x_squared"](), OPTIMIZERS["gradient_descent"](), [0.3, 1.0, 1.1], start=[1.0])
    >>> [str(verdict) for verdict in judge(path).verdict]
    ['converged', 'oscillating', 'diverged']
    """
    profile = Profile.of(trajectory)
    outcome = decide(profile, trajectory.objective.minimum, stochastic=trajectory.stochastic, plateau=plateau(trajectory.objective))
    return with_catapults(outcome, trajectory.objective, trajectory.x[0], trajectory.x[-1])


def plateau(loss: Loss) -> float:
    """Return what the best constant answer reaches, for a loss that has one; else nan."""
    return float(getattr(loss, "best_constant", np.nan))


def decide(profile: Profile, minimum: float | None, *, stochastic: bool = False, plateau: float = np.nan) -> Outcome:
    """Return the verdict that follows from a summary, all but the catapults, which ask for the curvature too.

    `plateau` is the loss of an answer that ignores the data, where there is one: a run that stays there is stuck.
    """
    with np.errstate(all="ignore"):
        above, tiny = _above_the_floor(profile, minimum)
        start, final = above(profile.start_loss), above(profile.final_loss)
        half, third, fourth = _quarters(above(profile.highest))
        (early, late), (early_low, late_low) = _last_two(above(profile.highest)), _last_two(above(profile.lowest))
        decline = (fourth / third) ** (1 / max(profile.steps / 4, 1))

        nonfinite = profile.first_nonfinite >= 0
        grows = (third > GROWTH * half) & (fourth > GROWTH * third) & (np.log(fourth / third) > STEADY * np.log(third / half))
        diverged = nonfinite | (grows & _below(late, early) & (fourth > start) & (final > start))
        arrived = above(profile.highest)[-1] <= np.maximum(TOLERANCE * start, tiny)
        stuck = profile.final_gradient * (1 + profile.size) <= FLAT * np.maximum(np.abs(final), tiny)
        level = above(plateau)
        stuck |= (late.max(axis=0) <= (1 + PLATEAU) * level) & (late_low.min(axis=0) >= (1 - PLATEAU) * level)
        steps_to_go = np.log(TOLERANCE * start / fourth) / np.log(decline)
        clear = _below(early, late) & _below(early_low, late_low)  # of the noise, if there is any
        falling = (decline < 1) & (steps_to_go <= PATIENCE * profile.steps) & (clear | (not stochastic))
        jumps = (profile.rises[len(profile.rises) // 2 :].sum(axis=0) > 0) | profile.turned

        verdict = np.select(
            [diverged, arrived & (minimum != -np.inf), arrived | stuck, falling, jumps & stochastic, jumps],
            [Verdict.DIVERGED, Verdict.CONVERGED, Verdict.STUCK, Verdict.CONVERGING, Verdict.NOISY, Verdict.OSCILLATING],
            Verdict.SLOW,
        )
    return Outcome(
        verdict=np.array([Verdict(each) for each in verdict], dtype=object),
        first_nonfinite=profile.first_nonfinite,
        first_quantity=profile.first_quantity,
        final_loss=profile.final_loss,
        best_loss=np.fmin.reduce(profile.lowest),
        peak_loss=np.where(nonfinite, np.inf, profile.highest.max(axis=0)),
        start_loss=profile.start_loss,
        decline=decline,
        steps=profile.steps,
    )


def _above_the_floor(profile: Profile, minimum: float | None):  # type: ignore[no-untyped-def]
    """Return how far above its minimum a loss is, and the distance that is rounding only.

    Where there is no minimum, the size of the loss counts: a fall without end is a divergence too. Where it is not known,
    the run's best loss is used instead only within rounding, so that no run counts as converged by its own measure.
    """
    if minimum is None or minimum == -np.inf:
        return np.abs, np.zeros(profile.start_loss.shape)
    return lambda loss: loss - minimum, np.full(profile.start_loss.shape, ROUNDING * abs(minimum))


def _quarters(highest: Array) -> tuple[Array, Array, Array]:
    """Return the largest value in the second, third and fourth quarter of the parts (of the last three, if fewer than 8)."""
    if len(highest) < 8:
        highest = np.concatenate([highest[:1]] * max(3 - len(highest), 0) + [highest])
        return highest[-3], highest[-2], highest[-1]
    quarter = len(highest) // 4
    second, third, fourth = (highest[len(highest) - k * quarter :][:quarter].max(axis=0) for k in (3, 2, 1))
    return second, third, fourth


def _last_two(parts: Array) -> tuple[Array, Array]:
    """Return the parts in the third and in the fourth quarter of a run (the last two parts, if there are fewer than 8)."""
    quarter = max(len(parts) // 4, 1)
    return parts[-2 * quarter : -quarter], parts[-quarter:]


def _below(upper: Array, lower: Array) -> NDArray[np.bool_]:
    """Return whether all of one quarter's parts lie below all of another's.

    A bounded run, random or chaotic, moves its largest loss up or down by chance; for all of four parts to go the same way takes
    a chance of 1 in 70, where the largest of them does so every other time.
    """
    return np.asarray(lower.max(axis=0, initial=-np.inf) < upper.min(axis=0, initial=np.inf))


@np.errstate(over="ignore", invalid="ignore")
def with_catapults(outcome: Outcome, loss: Loss, start: Array, end: Array) -> Outcome:
    """Mark the runs that rose well above the start and came down where the loss is less curved; points are ``(dim, runs)``."""
    minimum = loss.minimum or 0.0
    rose = outcome.peak_loss - minimum > RISE * (outcome.start_loss - minimum)
    came_down = (outcome.verdict == Verdict.CONVERGED) | (outcome.verdict == Verdict.CONVERGING)
    candidates = np.flatnonzero(rose & came_down & (outcome.final_loss < outcome.start_loss) & np.isfinite(minimum))
    if candidates.size:
        fell = sharpness(loss, end[:, candidates]) < SHARPNESS_FALL * sharpness(loss, start[:, candidates])
        outcome.verdict[candidates[fell]] = Verdict.CATAPULT
    return outcome
