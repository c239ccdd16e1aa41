"""Train a network with its instruments: what is seen at evenly spaced looks, and the verdict in words."""

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from explorer.core.ground.display import Displayed
from explorer.core.ground.prose import plain, told_apart
from explorer.core.losses.protocol import Array, Facts
from explorer.core.networks.instruments import activity, block_norms, score, update_ratios
from explorer.core.optimizers import Optimizer, length
from explorer.core.run.descent import Descent, descend
from explorer.core.run.setup import Setup
from explorer.core.theory.curvature import top_eigenvalues
from explorer.core.theory.edge import as_seen
from explorer.core.verdict.profile import Profile
from explorer.core.verdict.sentence import Verdict, marked
from explorer.core.verdict.verdict import Outcome, decide

LOOKS = 60  # number of looks at a run, evenly spread over its steps
LARGE, FULL_LOOK, SHORT_LOOK = 2_000_000, 30, 10  # Hessian products of one look at the sharpness; fewer beyond this many weights × examples
AT_THE_EDGE = 0.15  # late in a run at the edge of stability the sharpness is this close to the edge, as a share (Cohen et al. 2021)
ROUNDING = 1e-6  # a loss that rose by a smaller share of itself has not risen: float32 rounds by about as much
DEAD, SATURATED = 0.5, 0.9  # share of a layer's units without any slope, and of its slopes that are flat, beyond which it is


@dataclass(eq=False, repr=False)
class History(Displayed):
    """What was seen of one run, a row a look, and its outcome so far: that of `decide`, as every other run's."""

    loss: Any
    optimizer: Optimizer
    total: int
    outcome: Outcome | None = None
    steps: list[int] = field(default_factory=list)
    train: list[float] = field(default_factory=list)
    peaks: list[tuple[int, float]] = field(default_factory=list)  # step and loss of the highest since the last look; on batches the look
    validation: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    sharpness: list[float] = field(default_factory=list)  # preconditioned for a rule that preconditions
    edge: list[float] = field(default_factory=list)  # the largest curvature that the rule tolerates at that step's rate
    stable: list[float] = field(default_factory=list)  # the largest stable rate there, decay counted
    ratio: list[float] = field(default_factory=list)  # the rate over it: above 1 is beyond
    norms: list[dict[str, float]] = field(default_factory=list)  # the gradient's length in each block
    ratios: list[dict[str, float]] = field(default_factory=list)  # the relative update of each block
    dead: list[list[float]] = field(default_factory=list)  # the share of each hidden layer
    saturated: list[list[float]] = field(default_factory=list)  # the share of each hidden layer
    x: list[Array] = field(default_factory=list)  # the points themselves
    lost_at: int = -1

    def summary(self) -> str:
        """Return the verdict so far, with what the instruments add to it."""
        return "nothing was looked at yet" if self.outcome is None else "; ".join([self.outcome.sentence(), *seen(self)])

    def to_columns(self) -> dict[str, list[Any]]:
        """Return a row for each look."""
        names = ("steps", "train", "validation", "accuracy", "validation_accuracy", "sharpness", "edge", "stable", "ratio")
        return {name: getattr(self, name) for name in names}

    @property
    def verdict(self) -> Verdict:
        return Verdict.SLOW if self.outcome is None else Verdict(self.outcome.verdict[0])

    @property
    def share(self) -> float:
        return 1.0 if self.lost_at >= 0 or not self.total else self.steps[-1] / self.total

    @property
    def course(self) -> tuple[NDArray[np.intp], Array]:
        """The steps and training losses of all looks and peaks, in order: a spike between two looks is there."""
        seen = dict(sorted([*self.peaks, *zip(self.steps, self.train, strict=True)]))
        return np.array(list(seen), dtype=np.intp), np.array(list(seen.values()))

    def now(self) -> Self:
        """Return a copy that no longer grows, to be drawn while the run continues."""
        return self._rows(slice(None))

    def last(self) -> Self:
        """Return what was seen at the last look alone."""
        return self._rows(slice(-1, None))

    def _rows(self, which: slice) -> Self:
        rows: dict[str, Any] = {name: each[which] for name, each in vars(self).items() if isinstance(each, list)}
        return replace(self, **rows)


def train(setup: Setup, looks: int = LOOKS) -> Generator[History, None, None]:
    """Run a setup of a network and yield the history so far after each look.

    A run that overflows ends there: the history says at which step. The verdict rests on every step's loss; with mini-batches, whose own
    losses say little, on the whole loss at the looks. Raises ValueError for a loss that is no network.
    """
    loss, optimizer = setup.make_loss(), setup.make_optimizer()
    if Facts(loss).signals is None:
        raise ValueError(f"loss must be a network for its instruments, got {setup.loss}")
    descent = Descent.of(loss, optimizer, setup.learning_rate, **(setup.conditions() | {"whole": setup.batch_size is None}))
    rates = setup.learning_rate * np.append(descent.multiplier, descent.multiplier[-1:] if setup.steps else 1.0)
    looked = due(setup.steps, looks)
    history, warm, peak = History(loss, optimizer, setup.steps), None, (0, -np.inf)
    losses: list[float] = []
    last: list[Array] = []
    with np.errstate(all="ignore"):  # overflow is a result
        for moment in descend(descent):
            finite = bool(np.isfinite(moment.loss[0]) and np.isfinite(moment.x).all())
            last = [*last[-2:], moment.x]
            if descent.whole:
                losses.append(float(moment.loss[0]))
                peak = max(peak, (moment.step, losses[-1]), key=lambda each: each[1])
            if moment.step not in looked and finite:
                continue
            history.lost_at = -1 if finite else moment.step
            if finite or not moment.step:
                warm, value, gradient = _look(history, moment, warm, float(rates[moment.step]))
                if not descent.whole:
                    losses.append(value)
                history.peaks.append(max(peak, (moment.step, history.train[-1]), key=lambda each: each[1]))
                peak = 0, -np.inf
            history.outcome = _outcome(history, losses, last, gradient, stochastic=descent.stochastic)
            yield history.now()
            if not finite:
                return


def due(steps: int, looks: int = LOOKS) -> set[int]:
    """Return the steps at which a run is looked at."""
    return set(np.unique(np.linspace(0, steps, looks + 1).round().astype(int)).tolist())


def _outcome(history: History, losses: list[float], last: list[Array], gradient: Array, *, stochastic: bool) -> Outcome:
    """Return what every other run's verdict rests on, decided for these losses; a catapult's fall in sharpness only at the end."""
    profile = Profile.seen(
        np.array(losses)[:, np.newaxis],
        np.array(last),
        gradient,
        steps=history.steps[-1],
        first_nonfinite=np.array([history.lost_at]),
        first_quantity=np.array(["loss"]),
    )
    at_the_end = history.share == 1 and history.lost_at < 0
    return decide(profile, history.loss, history.x[0][:, np.newaxis], last[-1], stochastic=stochastic, look=at_the_end)


def _look(history: History, moment: Any, warm: Array | None, rate: float) -> tuple[Array, float, Array]:
    """Read every instrument once; return where the next look at the sharpness should begin, the whole loss and its gradient's length."""
    loss, rule, x = history.loss, history.optimizer, moment.x
    divided_by = rule.divided_by(moment.state, x) if rule.preconditioner is not None and moment.step else None
    most = FULL_LOOK if loss.dim * loss.examples < LARGE else SHORT_LOOK
    top = top_eigenvalues(loss, x, warm=warm, most=most, **as_seen(rule, divided_by))
    value, gradient = loss.value_and_gradient(x)
    scores, layers = score(loss, x), activity(loss, x)
    sharpness = float(top.sharpness[0]) if divided_by is not None or rule.preconditioner is None else float("nan")
    history.steps.append(moment.step)
    history.train.append(float(scores.loss[0]))
    history.validation.append(float(scores.validation_loss[0]))
    history.accuracy.append(float(scores.accuracy[0]))
    history.validation_accuracy.append(float(scores.validation_accuracy[0]))
    history.sharpness.append(sharpness)
    history.edge.append(float(np.ravel(rule.largest_stable_curvature(rate))[0]))
    history.stable.append(float(np.ravel(rule.largest_stable_rate(sharpness))[0]) if np.isfinite(sharpness) else float("nan"))
    history.ratio.append(rate / history.stable[-1])
    history.norms.append({name: float(norm[0]) for name, norm in block_norms(loss, gradient).items()})
    before = history.x[-1][:, np.newaxis] if history.x else x
    history.ratios.append({name: float(ratio[0]) for name, ratio in update_ratios(loss, before, x).items()})
    history.dead.append([float(layer.dead[0]) for layer in layers])
    history.saturated.append([float(layer.saturated[0]) for layer in layers])
    history.x.append(x[:, 0].copy())
    return top.vector, float(value[0]), length(gradient)


def ending(history: History) -> str:
    """Return a run's verdict in one sentence with its numbers, in bold, and what the instruments add to it."""
    return marked(history.summary())


def seen(history: History) -> list[str]:
    """Return what the instruments alone saw: layers without a gradient, the edge of stability, the sharpness beside what is tolerated."""
    if history.lost_at == 0:
        return ["the data or the first weights are not finite"]
    if history.lost_at > 0:
        return [f"at the last look before it {_standing(history, 'was')}"] if np.isfinite(history.sharpness[-1]) else []
    dead, saturated = history.dead[-1], history.saturated[-1]
    if history.verdict == Verdict.STUCK:
        constant = f"a constant answer reaches {plain(history.loss.best_constant, 4)}"
        if dead and max(dead) > DEAD:
            return [f"{plain(100 * max(dead))} % of the units of layer {dead.index(max(dead)) + 1} pass no gradient any more", constant]
        if saturated and max(saturated) > SATURATED:
            return [f"{plain(100 * max(saturated))} % of the slopes of layer {saturated.index(max(saturated)) + 1} are flat", constant]
        weights = [plain(norm, 2) for name, norm in history.norms[-1].items() if name.startswith("W")]
        return [constant, f"the gradient of the first layer is {weights[0]}, of the last {weights[-1]}"]
    if history.optimizer.preconditioner is not None and np.isfinite(history.stable).any():
        low, high = plain(np.nanmin(history.stable)), plain(np.nanmax(history.stable))
        return [f"the edge in the optimizer's own units is {low if low == high else f'between {low} and {high}'} from its first step on"]
    late = max(len(history.ratio) // 4, 1)
    ratio = np.array(history.ratio)[-late:]
    average = float(np.nanmean(ratio)) if np.isfinite(ratio).any() else np.nan
    if abs(average - 1) < AT_THE_EDGE and history.train[-1] < history.train[0]:
        before, highest = np.array(history.train[:-1])[-late:], np.array([loss for _, loss in history.peaks[1:]])[-late:]
        rises = int((highest - before > ROUNDING * np.abs(before)).sum())
        near = f"the rate is {plain(100 * average)} % of the largest stable one"
        if not rises:
            return [f"over the last {before.size} looks {near} on average: it is at the edge, but the loss did not rise"]
        often = f"the loss rose after {rises} of the last {before.size} looks, where {near} on average"
        return ["this is the edge of stability, which is not divergence", often]
    return [_standing(history)]


def _standing(history: History, verb: str = "is") -> str:
    """Return the sharpness beside the curvature that the rate tolerates, and whether the rate is beyond the edge."""
    sharpness, edge = history.sharpness[-1], history.edge[-1]
    if not np.isfinite(edge):
        return f"the sharpness {verb} {plain(sharpness)}"
    beyond = ", so the rate is beyond the edge" if history.ratio[-1] > 1 else ""
    sharp, tolerated = told_apart(sharpness, edge)
    return f"the sharpness {verb} {sharp}, and this rate tolerates curvature up to {tolerated}{beyond}"
