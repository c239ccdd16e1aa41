"""What happened to a run: one word for each, and the numbers that decided it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.core.ground.checks import check_place, check_whole
from explorer.core.ground.display import Displayed, span
from explorer.core.ground.prose import counted, plain
from explorer.core.ground.shelf import door
from explorer.core.losses.protocol import Array, Facts, Loss, check_reached
from explorer.core.run.descent import Descent, Trajectory
from explorer.core.theory.curvature import extremes, sharpness
from explorer.core.theory.growth import steps_to_go
from explorer.core.verdict.profile import PARTS, ROUNDING, Profile
from explorer.core.verdict.sentence import Verdict as Verdict
from explorer.core.verdict.sentence import became, told

TOLERANCE = 1e-6  # converged: the loss above its minimum has shrunk to this share of the start's, a thousandth of the way in x
# Diverged while still finite: the largest loss of each quarter exceeds the one before by 2 %, twice over. A run that is bounded has
# quarters that level off; at 1.02 per quarter of 100 steps the error grows by 1.0004 a step, so an edge is seen to 0.02 %.
GROWTH = 1.02
STEADY = 0.3  # and the later growth is at least this share of the earlier one (in logarithms): growth that fades is on its way to a bound
PATIENCE = 20  # converging: it would converge within this many times the steps that it has had; slow: that takes longer
FORESEEN = 1e4  # how many times the steps it has had a run can be foreseen: beyond that, no number is told
FLAT = 1e-6  # stuck: its own length along the gradient could not change the loss by more than this share; or arrived on a saddle
# ... or a network whose loss stays, for the last quarter, this close to that of the best constant answer: it ignores its input. A fall
# by that little in a quarter of a run would be slow at best, and noise of mini-batches about a dead network stays within it.
PLATEAU = 0.01
UNFADED = 0.9999  # of a fall in equal steps, the share from one quarter to the next that rounding leaves
VALLEY = 0.1  # a floor that bends down by less than this share of its walls is a network's that is nearly fitted; a saddle's bends more
CURVED = 1e-9  # a smallest curvature above this share of the largest is positive: products by differences of gradients are exact to 1e-10
# A run that jumps is on its way down if its largest loss shrank to this share in two quarters, or if all parts of each quarter lie below
# all of the one before, twice over: by chance 1 in 35,000. Chaos, whose largest losses are an accident, does neither. A quadratic knows
# none, and a network's spikes on its way down are none.
DAMPED = 0.01
# ... and where the minimum is not known, a run is gone whose losses are farther apart from quarter to quarter while its point is this many
# times as far out as it began: a loss without a bound falls, and is no less lost.
GONE = 1e6
RISE = 2.0  # a catapult rises to at least this multiple of the start, and what does is told: less is a wobble that momentum's runs have
SHARPNESS_FALL = 0.95  # ... and ends with this share of the start's sharpness; on a quadratic, momentum's transient cannot


@dataclass(frozen=True, eq=False, repr=False)
class Outcome(Displayed):
    """One verdict a run, with the numbers it rests on. Every array is ``(runs,)``.

    `start_loss` and `final_loss` are those of the start and the end; of a run that `sweep` left alone because it had converged beyond all
    doubt, the last is that of the step at which it did, 1e-38, say, where `run` goes on to 1e-194. `best_loss` and `peak_loss` are the
    smallest and the largest of all `steps`. `first_nonfinite` is the first step at which anything was inf or nan, -1 if nothing ever was,
    and `first_quantity` what it was there: ``weight``, ``loss``, ``gradient``, or an empty string. `decline` is the factor per step by
    which the largest loss above the minimum shrank or grew from the third to the fourth quarter of the run, `left` the share of the start's
    loss above the minimum that is left at the end (nan without a minimum), and `to_go` how many more steps it takes to a millionth,
    by theory on a quadratic, else by how the fall fades; 0 of a run that has arrived, infinite if it does not fall, and nan, as `left` is,
    if the fall of a loss that is below 0 and may have no minimum does not fade. `late_low` and `late_high` are the losses between which the
    last quarter moves.
    `final_gradient` is the gradient's length at the end, and `smallest_curvature` what tells a minimum there where the loss does not know
    its own; else nan. `learning_rate` are the rates of the runs, None if who asked did not say.

    See also: `judge`, `sweep`, `Verdict`.

    >>> from explorer import sweep
    >>> outcome = sweep("x_squared", "gradient_descent", [0.3, 1.1], steps=2000)
    >>> outcome.final_loss.round(3), outcome.first_nonfinite
    (array([ 0., inf]), array([  -1, 1947]))
    """

    verdict: NDArray[np.object_]
    first_nonfinite: NDArray[np.intp]
    first_quantity: NDArray[np.str_]
    final_loss: Array
    best_loss: Array
    peak_loss: Array
    start_loss: Array
    late_low: Array
    late_high: Array
    decline: Array
    left: Array
    to_go: Array
    final_gradient: Array
    smallest_curvature: Array
    steps: int
    learning_rate: Array | None = None

    def summary(self) -> str:
        """Return the sentence of a single run; of several how many came to which verdict, the most first.

        >>> from explorer import sweep
        >>> sweep("x_squared", "gradient_descent", [0.3, 0.4, 1.1], start=[1.0])
        <Outcome: 3 runs of 100 steps at the learning rate 0.3 to 1.1: 2 converged, 1 diverged>
        """
        if len(self.verdict) == 1:
            return self.sentence()
        words = [str(each) for each in self.verdict]
        counts = sorted(((words.count(word), word) for word in dict.fromkeys(words)), key=lambda each: -each[0])
        rates = "" if self.learning_rate is None else f" at the learning rate {span(self.learning_rate)}"
        found = ", ".join(f"{count:,} {word}" for count, word in counts)
        return f"{counted(len(words), 'run')} of {counted(self.steps)}{rates}: {found}"

    def to_columns(self) -> dict[str, NDArray[Any]]:
        """Return a row for each run, with all that is known of it."""
        rates = {} if self.learning_rate is None else {"learning_rate": self.learning_rate}
        found = {name: each for name, each in vars(self).items() if isinstance(each, np.ndarray)}
        return rates | found | {"verdict": self.verdict.astype(str).astype(object)}

    def _one(self, run: int) -> int:
        """The place of a run, as an array takes it; refused with a sentence where there is none."""
        return check_place("run", run, len(self.verdict))

    def evidence(self, run: int = 0) -> dict[str, float | int | str]:
        """Return the numbers that decided one run's verdict, by name, thresholds included."""
        run = self._one(run)
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
        run, digits = self._one(run), check_whole("digits", digits, at_least=1, at_most=17)
        losses = {"start": self.start_loss, "final": self.final_loss, "peak": self.peak_loss, "low": self.late_low, "high": self.late_high}
        numbers = {name: plain(each[run], digits) for name, each in losses.items()} | {"span": counted(self.steps)}
        start, final, peak = (float(losses[name][run]) for name in ("start", "final", "peak"))
        rose = peak > (final if start < final else RISE * abs(start))
        if rose and peak < np.inf and self.verdict[run] != Verdict.CATAPULT and numbers["final"] != numbers["peak"]:
            numbers["start"] += f" by way of {numbers['peak']}"
        elif self.verdict[run] == Verdict.SLOW:
            numbers["final"] = f"still {numbers['final']}"
        return numbers

    def sentence(self, run: int = 0) -> str:
        """Return one run's verdict in words, with its numbers: ``Diverges: the loss became inf or nan at step 6``."""
        run = self._one(run)
        numbers, step = self.numbers(run), self.first_nonfinite[run]
        instead, more = "", ""
        match self.verdict[run]:
            case Verdict.DIVERGED if step >= 0:
                instead = became(self.first_quantity[run], "inf or nan", step)
            case Verdict.DIVERGED:
                more = "it falls without end" if self.falls(run) else "it has not turned"
            case Verdict.CONVERGING:
                more = self.worse(run) or f"it still falls by a factor of {plain(self.decline[run], 4)} a step"
            case Verdict.CONVERGED:
                more = self.at_a_minimum(run)
            case Verdict.SLOW if still := self.still(run):
                instead = still
            case Verdict.SLOW:
                more = self.pace(run)
        return told(self.verdict[run], numbers, instead=instead, more=more)

    def still(self, run: int = 0) -> str:
        """Return that a run does not move, as at a rate of 0; else nothing."""
        run = self._one(run)
        stays = self.steps > 0 and self.peak_loss[run] == self.best_loss[run]
        return f"the run does not move, and the loss stays at {plain(self.start_loss[run], 4)}" if stays else ""

    def falls(self, run: int = 0) -> bool:
        """Return whether a run diverges downhill, as off a saddle without a minimum: at which rates is then a matter of the steps.

        >>> from explorer import sweep
        >>> sweep("saddle", "gradient_descent", 0.1, steps=200).falls()
        True
        """
        run = self._one(run)
        return bool(self.verdict[run] == Verdict.DIVERGED and self.final_loss[run] < self.start_loss[run])

    def worse(self, run: int = 0) -> str:
        """Return that a run that comes down is still above its start, so that so far it was of no use; else nothing."""
        run = self._one(run)
        return "it comes down, but is still higher than it began" if self.final_loss[run] > self.start_loss[run] else ""

    def pace(self, run: int = 0) -> str:
        """Return how much of its way a slow run has come, and how long the rest would take: one that needs more steps is no failure."""
        run = self._one(run)
        left = self.left[run]
        if not self.steps:
            return "no step was taken"
        if np.isnan(left) and np.isnan(self.to_go[run]):
            return "its fall does not fade, and no minimum is in sight"
        if np.isnan(left) and np.isfinite(self.final_loss[run]):
            return "it is unbounded below: there is no minimum to reach"
        if not (self.to_go[run] < np.inf and left < 1):
            return "the run does not move" if self.still(run) else "it does not fall any more"
        way = f"all but {plain(100 * left, 2)} %" if left < 0.05 else f"{plain(100 * (1 - left), 2)} %"
        rest = (
            f"with about {plain(self.to_go[run], 2)} more steps to go" if self.to_go[run] < FORESEEN * self.steps else "and its fall fades"
        )
        return f"{way} of the way, {rest}"

    def at_a_minimum(self, run: int = 0) -> str:
        """Return what shows that a run ended at a minimum, where the loss does not know its own; else nothing."""
        run = self._one(run)
        gradient, curvature = self.final_gradient[run], self.smallest_curvature[run]
        return "" if np.isnan(curvature) else f"at a minimum: gradient {plain(gradient, 2)}, smallest curvature {plain(curvature, 4)}"


@door
def judge(trajectory: Trajectory) -> Outcome:
    """Return one verdict a run, with its numbers, of a `trajectory`: what each word means is said in `Verdict`.

    Raises ValueError for what `run` did not return.

    See also: `Outcome`, `sweep`, `diagnose` for losses alone.

    >>> from explorer import LOSSES, OPTIMIZERS, run
    >>> path = run(LOSSES["x_squared"](), OPTIMIZERS["gradient_descent"](), [0.3, 1.0, 1.1], start=[1.0])
    >>> [str(verdict) for verdict in judge(path).verdict]
    ['converged', 'oscillating', 'diverged']
    """
    return decided(Profile.of(trajectory), trajectory, trajectory.x[-1])


def decided(profile: Profile, descent: Descent, end: Array) -> Outcome:
    """Return the verdict that follows from a descent's summary and its last points ``(dim, runs)``."""
    loss, rates, minimum = descent.objective, descent.learning_rate, descent.objective.minimum
    known = descent.undisturbed and descent.rate_scale is None and minimum is not None

    def foreseen(some: NDArray[np.intp]) -> Array:
        goal = TOLERANCE * (profile.start_loss[some] - (minimum or 0.0))
        return steps_to_go(loss, descent.optimizer.on(some), rates[some], end[:, some], goal)

    given = {"stochastic": descent.stochastic, "learning_rate": rates, "foreseen": foreseen if known else None}
    return decide(profile, loss, descent.start, end, **given)  # type: ignore[arg-type]


def decide(
    profile: Profile,
    loss: Loss,
    start: Array,
    end: Array,
    *,
    stochastic: bool = False,
    look: bool = True,
    learning_rate: Array | None = None,
    foreseen: Callable[[NDArray[np.intp]], Array] | None = None,
) -> Outcome:
    """Return the verdict that follows from a summary and from the curvature at the first and last points, ``(dim, runs)`` both.

    A loss that fell below its own minimum is refused, for all that is said would be measured from there.
    `look` False leaves out what asks for the curvature: minima of losses that do not know their own, and catapults. `foreseen` gives the
    steps to go of some of the runs as theory knows them, else nan: it is asked of those that are neither lost nor at rest.
    """
    bound = Facts(loss).lower_bound
    minimum = bound if loss.minimum is None else loss.minimum
    with np.errstate(all="ignore"):
        best = np.fmin.reduce(profile.lowest)
        if not stochastic:  # the loss of a batch may be lower
            check_reached(loss.minimum, best, np.fmax(profile.start_loss, np.fmax.reduce(profile.highest)))
        above, tiny = _above_the_floor(profile, minimum, best)
        first, final = above(profile.start_loss), above(profile.final_loss)
        middle, early, late = _quarters(above(profile.highest))
        _, early_low, late_low = _quarters(above(profile.lowest))
        half, third, fourth = _largest(above(profile.highest))
        decline, left = (fourth / third) ** (1 / max(profile.steps / 4, 1)), final / first
        if minimum == -np.inf:
            left = np.full_like(left, np.nan)  # there is nothing to arrive at

        nonfinite = profile.first_nonfinite >= 0
        grows = (third > GROWTH * half) & (fourth > GROWTH * third) & (np.log(fourth / third) > STEADY * np.log(third / half))
        diverged = nonfinite | (grows & _below(late, early) & _below(early, middle) & (fourth > first) & (final - first > tiny))
        size = final if minimum is not None and minimum != -np.inf else profile.final_loss
        stuck = profile.final_gradient * (1 + profile.size) <= FLAT * np.maximum(np.abs(size), tiny)
        smallest = np.full(start.shape[1], np.nan)
        if minimum is None:
            quarters = zip(_quarters(profile.highest), _quarters(profile.lowest), strict=True)
            apart = [high.max(axis=0, initial=-np.inf) - low.min(axis=0, initial=np.inf) for high, low in quarters]
            gone = profile.size > GONE * (1 + np.sqrt((start**2).sum(axis=0)))
            diverged |= gone & (apart[2] > GROWTH * apart[1]) & (apart[1] > GROWTH * apart[0]) & (apart[0] > 0)
            arrived = np.zeros(start.shape[1], dtype=bool)
            quiet = profile.highest[-1] - best <= np.maximum(TOLERANCE * (profile.start_loss - best), tiny)
            asked = np.flatnonzero((quiet | stuck) & ~diverged) if look else np.arange(0)
            if asked.size:
                arrived[asked], rests, smallest[asked] = _at_rest(profile, loss, end, best, tiny, asked)
                stuck[asked] = rests
        else:
            arrived = above(profile.highest)[-1] <= np.maximum(TOLERANCE * first, tiny)
        level = above(Facts(loss).best_constant)
        stuck |= (late.max(axis=0) <= (1 + PLATEAU) * level) & (late_low.min(axis=0) >= (1 - PLATEAU) * level)
        jumps = (_quarters(profile.rises)[2].sum(axis=0) > 0) | profile.turned
        to_go = np.where(decline < 1, np.log(TOLERANCE * first / fourth) / np.log(decline), np.inf)
        if loss.minimum is not None and len(profile.highest) == PARTS:  # above a bound that need not be reached a fall fades anyway
            fading = _fading(above(profile.highest), profile.steps, np.log(final / (TOLERANCE * first)))
            to_go = np.where(jumps | (decline >= 1) | np.isnan(fading), to_go, fading)
        if minimum is None:
            to_go, left = (np.where(_unfading(profile), np.nan, each) for each in (to_go, left))
        under_way = np.flatnonzero(~(diverged | arrived | stuck))
        if foreseen is not None and under_way.size:
            known = foreseen(under_way)
            to_go[under_way] = np.where(np.isnan(known), to_go[under_way], known)
        to_go = np.where(diverged, np.inf, np.where(arrived, 0.0, to_go))
        clear = _below(early, late)
        if stochastic:
            clear &= _below(early_low, late_low)  # of the noise
        elif bound is None:
            clear = ~jumps | (clear & _below(middle, early)) | (fourth < DAMPED * half) | Facts(loss).is_quadratic  # of chaos
        else:  # a network's spikes on its way down are no chaos
            clear = np.ones_like(jumps)
        falling = (to_go <= PATIENCE * profile.steps) & clear & (profile.steps > 0)

        verdict = np.select(
            [diverged, arrived & (minimum != -np.inf), arrived | stuck, falling, jumps & stochastic, jumps],
            [Verdict.DIVERGED, Verdict.CONVERGED, Verdict.STUCK, Verdict.CONVERGING, Verdict.NOISY, Verdict.OSCILLATING],
            Verdict.SLOW,
        )
    outcome = Outcome(
        verdict=np.array([Verdict(each) for each in verdict], dtype=object),
        first_nonfinite=profile.first_nonfinite,
        first_quantity=profile.first_quantity,
        final_loss=profile.final_loss,
        best_loss=best,
        peak_loss=np.where(nonfinite, np.inf, profile.highest.max(axis=0)),
        start_loss=profile.start_loss,
        late_low=profile.lowest[-max(len(profile.lowest) // 4, 2) :].min(axis=0),
        late_high=profile.highest[-max(len(profile.highest) // 4, 2) :].max(axis=0),
        decline=decline,
        left=left,
        to_go=to_go,
        final_gradient=profile.final_gradient,
        smallest_curvature=np.where(arrived, smallest, np.nan),
        steps=profile.steps,
        learning_rate=learning_rate,
    )
    return _with_catapults(outcome, loss, start, end) if look else outcome


def _above_the_floor(profile: Profile, minimum: float | None, best: Array):  # type: ignore[no-untyped-def]
    """Return how far above its minimum a loss is, and the distance that is rounding only.

    Where there is no minimum, the size of the loss counts: a fall without end is a divergence too. Where it is not known, it is where
    the run is heading, for by its best loss alone every run would have converged: the limit of its largest losses, which fall by less
    from quarter to quarter (Aitken 1926), but no further than the loss's own size; and the best loss of a run that does not fall.
    """
    if minimum == -np.inf:
        return np.abs, np.zeros(profile.start_loss.shape)
    if minimum is not None:
        return lambda loss: loss - minimum, np.full(profile.start_loss.shape, ROUNDING * abs(minimum))
    half, third, fourth = _largest(profile.highest)
    tiny = ROUNDING * np.abs(best)
    before, after = half - third, third - fourth
    limit = np.fmax(np.where(before > after, fourth - after**2 / (before - after), -np.inf), fourth - np.abs(fourth))
    floor = np.where(after > tiny, np.fmin(limit, best), best)
    return lambda loss: loss - floor, tiny


def _unfading(profile: Profile) -> NDArray[np.bool_]:
    """Return which runs fall as much as before, or more, to below minus their start: neither their fall nor their size names a floor."""
    half, third, fourth = _largest(profile.highest)
    return np.asarray((third - fourth > UNFADED * (half - third)) & (half > third) & (fourth < -np.abs(profile.start_loss)))


def _at_rest(
    profile: Profile, loss: Loss, end: Array, best: Array, tiny: Array, asked: NDArray[np.intp]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Array]:
    """Return which of the runs `asked` about are at a minimum, which are at rest elsewhere, and their smallest curvature.

    At a minimum of curvature λ the loss is at most ‖gradient‖²/2λ too high, with the smallest λ; elsewhere its largest size says how
    far a gradient this small could lead. A valley, as of a matrix's factors, is flat along its floor: to be at rest there is to be at a
    minimum if the loss has fallen to a millionth and never below 0, and no curvature is below 0 by more than what is left of the loss
    explains, the residuals r of ∇²½r² = ∇r∇rᵀ + r∇²r.
    """
    smallest, largest = extremes(loss, end[:, asked])
    noise = max(CURVED, 64 * float(np.finfo(end.dtype).eps))
    bowl = (smallest > noise * largest) & (largest > 0)
    curvature = np.where(bowl, smallest, np.maximum(np.abs(smallest), np.abs(largest)))
    to_go = np.nan_to_num(profile.final_gradient[asked] ** 2 / (2 * curvature), nan=np.inf)
    left = np.maximum(profile.highest[-1][asked] - best[asked], to_go)
    whole = profile.start_loss[asked] - best[asked]
    rests = left <= np.maximum(TOLERANCE * whole, tiny[asked])
    flat = profile.final_gradient[asked] * (1 + profile.size[asked]) <= FLAT * np.maximum(np.abs(profile.final_loss[asked]), tiny[asked])
    share = np.where((best[asked] >= 0) & (profile.start_loss[asked] > 0), profile.final_loss[asked] / profile.start_loss[asked], np.inf)
    floor = ~bowl & (rests | flat) & (share <= TOLERANCE) & (smallest >= -np.maximum(noise, np.sqrt(share)) * largest)
    fall = profile.highest[-1][asked] - profile.final_loss[asked]
    falls = (fall > PLATEAU * np.abs(profile.final_loss[asked])) & (smallest > -VALLEY * largest)  # on its way down, and not to a saddle
    return (bowl & rests) | floor, ~bowl & ~floor & ((rests & ~falls) | flat), np.where(floor, np.nan, smallest)


def _largest(parts: Array) -> tuple[Array, Array, Array]:
    """Return the largest value in each of these quarters; the first there is, for one that a run was too short to have."""
    second, third, fourth = (quarter.max(axis=0) if len(quarter) else parts[0] for quarter in _quarters(parts))
    return second, third, fourth


def _quarters(parts: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return the parts in the second, third and fourth quarter of a run (the last three parts, if there are fewer than 8)."""
    quarter = max(len(parts) // 4, 1)
    return parts[-3 * quarter : -2 * quarter], parts[-2 * quarter : -quarter], parts[-quarter:]


def _fading(highest: Array, steps: int, need: Array) -> Array:
    """Return the steps to go for runs that only fall, if their fall goes on to fade as it did, else nan; `need` is how much, in logarithms.

    A sum of decays falls slower and slower, as its fast ones are done first, and so does a power of the steps (THEORY 66): what is
    taken to go on is by how much 1/pace grew from the last eighth but one to the last.
    """
    edges = np.arange(PARTS)[[-5, -3, -1]] * (steps + 1) // PARTS
    before, last = np.diff(edges)[:, np.newaxis] / np.log(highest[[-5, -3]] / highest[[-3, -1]])  # steps for a factor e
    growth = np.maximum(2 * (last - before) / (edges[2] - edges[0]), 0.0)
    now = last + growth * (steps - (edges[1] + edges[2]) / 2)
    return np.asarray(np.where(growth > 0, now * np.expm1(growth * need) / growth, np.nan))


def _below(upper: Array, lower: Array) -> NDArray[np.bool_]:
    """Return whether all of one quarter's parts lie below all of another's.

    A bounded run, random or chaotic, moves its largest loss up or down by chance; for all of four parts to go the same way takes
    a chance of 1 in 70, where the largest of them does so every other time.
    """
    return np.asarray(lower.max(axis=0, initial=-np.inf) < upper.min(axis=0, initial=np.inf))


@np.errstate(over="ignore", invalid="ignore")
def _with_catapults(outcome: Outcome, loss: Loss, start: Array, end: Array) -> Outcome:
    """Mark the runs that rose well above the start and came down where the loss is less curved; points are ``(dim, runs)``.

    Of a loss without `hvp` nobody knows where it is less curved: its runs keep their word.
    """
    minimum = loss.minimum or 0.0
    rose = outcome.peak_loss - outcome.start_loss > (RISE - 1) * np.abs(outcome.start_loss - minimum)
    came_down = (outcome.verdict == Verdict.CONVERGED) | (outcome.verdict == Verdict.CONVERGING)
    candidates = np.flatnonzero(rose & came_down & (outcome.final_loss < outcome.start_loss) & np.isfinite(minimum))
    if candidates.size and hasattr(loss, "hvp"):
        fell = sharpness(loss, end[:, candidates]) < SHARPNESS_FALL * sharpness(loss, start[:, candidates])
        outcome.verdict[candidates[fell]] = Verdict.CATAPULT
    return outcome
