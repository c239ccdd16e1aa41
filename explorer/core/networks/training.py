"""A run of a network with its instruments: what is looked at every so many steps, and which of the ends it came to."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.core.ground.prose import plain
from explorer.core.networks.instruments import activity, block_norms, score, top_eigenvalues, update_ratios
from explorer.core.optimizers import Optimizer
from explorer.core.run.descent import aligned, batches, check_rate, descend
from explorer.core.run.setup import Setup

Array = NDArray[np.float64]

LOOKS = 60
"""How often a run is looked at, evenly spread over its steps."""

LARGE, FULL_LOOK, SHORT_LOOK = 2_000_000, 30, 10
"""Products with the Hessian for one look at the sharpness, beginning where the last look ended: fewer where weights × examples are many."""

AT_THE_EDGE = 0.15
"""A run is at the edge of stability when late in it the sharpness is this close to the edge, as a share of it (Cohen et al. 2021)."""

ROUNDING = 1e-6
"""A loss that rose by a smaller share of itself has not risen: float32 rounds by about as much."""

DEAD = 0.5
"""A layer is dead when more of its units than this never have a slope."""


@dataclass(eq=False)
class History:
    """What was seen of one run, a row a look.

    `peaks` are the step and the loss where it was highest since the look before; on mini-batches, whose own losses say little, the look.
    `edge` is the sharpness that the rule can take at that step's rate; `sharpness` is preconditioned for a rule that preconditions.
    `x` are the points themselves, `norms` and `ratios` the gradient's length and the relative update of each block, `dead` and
    `saturated` the shares of each hidden layer.
    """

    loss: Any
    optimizer: Optimizer
    total: int
    steps: list[int] = field(default_factory=list)
    train: list[float] = field(default_factory=list)
    peaks: list[tuple[int, float]] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    sharpness: list[float] = field(default_factory=list)
    edge: list[float] = field(default_factory=list)
    norms: list[dict[str, float]] = field(default_factory=list)
    ratios: list[dict[str, float]] = field(default_factory=list)
    dead: list[list[float]] = field(default_factory=list)
    saturated: list[list[float]] = field(default_factory=list)
    x: list[Array] = field(default_factory=list)
    lost_at: int = -1

    @property
    def share(self) -> float:
        """How much of the run is done."""
        return 1.0 if self.lost_at >= 0 or not self.total else self.steps[-1] / self.total

    @property
    def course(self) -> tuple[NDArray[np.intp], Array]:
        """The steps and training losses of all looks and peaks, in order: a spike between two looks is there."""
        seen = dict(sorted([*self.peaks, *zip(self.steps, self.train, strict=True)]))
        return np.array(list(seen), dtype=np.intp), np.array(list(seen.values()))

    def now(self) -> History:
        """A copy that does not grow any more, for whoever draws it while the run goes on."""
        rows: dict[str, Any] = {name: each[:] for name, each in vars(self).items() if isinstance(each, list)}
        return replace(self, **rows)


def train(setup: Setup, looks: int = LOOKS) -> Generator[History, None, None]:
    """Runs a setup of a network and yields the history so far after each look.

    A run that overflows ends there: the history says at which step. Raises ValueError for a loss that is no network.
    """
    loss, optimizer = setup.make_loss(), setup.make_optimizer()
    if not hasattr(loss, "signals"):
        raise ValueError(f"loss must be a network for its instruments, got {setup.loss}")
    x, rate = aligned(loss, optimizer, check_rate(setup.learning_rate), setup.start)
    multiplier = setup.make_schedule()(np.arange(setup.steps))
    rows = batches(loss, setup.batch_size, setup.steps, setup.seed, replacement=setup.replacement)
    due = set(np.unique(np.linspace(0, setup.steps, looks + 1).round().astype(int)).tolist())
    history, warm, peak = History(loss, optimizer, setup.steps), None, (0, -np.inf)
    with np.errstate(all="ignore"):  # overflow is a result
        for moment in descend(loss, optimizer, rate, x, multiplier, rows, setup.gradient_noise, setup.seed, whole=rows is None):
            finite = bool(np.isfinite(moment.loss[0]) and np.isfinite(moment.x).all())
            if rows is None and moment.loss[0] > peak[1]:
                peak = moment.step, float(moment.loss[0])
            if moment.step not in due and finite:
                continue
            if not finite and moment.step:
                history.lost_at = moment.step
                yield history.now()
                return
            factor = multiplier[min(moment.step, len(multiplier) - 1)] if len(multiplier) else 1.0
            warm = _look(history, moment, warm, float(rate[0] * factor))
            history.peaks.append(max(peak, (moment.step, history.train[-1]), key=lambda each: each[1]))
            peak = 0, -np.inf
            if not finite:
                history.lost_at = 0
            yield history.now()
            if not finite:
                return


def _look(history: History, moment: Any, warm: Array | None, rate: float) -> Array:
    """Reads every instrument once; returns where the next look at the sharpness should begin."""
    loss, rule, x = history.loss, history.optimizer, moment.x
    divided_by = rule.preconditioner(moment.state) if rule.preconditioner is not None and moment.step else None
    most = FULL_LOOK if loss.dim * loss.examples < LARGE else SHORT_LOOK
    top = top_eigenvalues(loss, x, warm=warm, preconditioner=divided_by, most=most)
    _, gradient = loss.value_and_gradient(x)
    scores, layers = score(loss, x), activity(loss, x)
    history.steps.append(moment.step)
    history.train.append(float(scores.loss[0]))
    history.validation.append(float(scores.validation_loss[0]))
    history.accuracy.append(float(scores.accuracy[0]))
    history.validation_accuracy.append(float(scores.validation_accuracy[0]))
    history.sharpness.append(float(top.sharpness[0]) if divided_by is not None or rule.preconditioner is None else float("nan"))
    history.edge.append(float(np.ravel(rule.recurrence.edge)[0]) / rate if rate > 0 else float("inf"))
    history.norms.append({name: float(norm[0]) for name, norm in block_norms(loss, gradient).items()})
    before = history.x[-1][:, np.newaxis] if history.x else x
    history.ratios.append({name: float(ratio[0]) for name, ratio in update_ratios(loss, before, x).items()})
    history.dead.append([float(layer.dead[0]) for layer in layers])
    history.saturated.append([float(layer.saturated[0]) for layer in layers])
    history.x.append(x[:, 0].copy())
    return top.vector


def ending(history: History) -> str:
    """Which of the ends a run came to, in one sentence with its numbers: the verdict first, in bold."""
    train, sharp, edge = (np.array(each) for each in (history.train, history.sharpness, history.edge))
    start, final = plain(train[0]), plain(train[-1])
    late = slice(-max(len(train) // 4, 1), None)
    constant = history.loss.best_constant
    if history.lost_at == 0:
        return "**No number to begin with**: the loss is not finite before the first step, so the data or the first weights are not."
    if history.lost_at > 0:
        seen = f"; at the last look before it the sharpness was {plain(sharp[-1])}, and this rate stands {plain(edge[-1])}"
        return f"**Overflow**: the loss left the number line at step {history.lost_at:,}{seen if np.isfinite(sharp[-1]) else ''}."
    worst = int(np.argmax(history.dead[-1])) if history.dead[-1] else 0
    stays = train[late].min() >= 0.9 * constant and np.ptp(train[late]) <= 0.05 * max(abs(train[-1]), 1e-300)
    if history.dead[-1] and history.dead[-1][worst] > DEAD and stays:
        return (
            f"**Dead plateau**: {plain(100 * history.dead[-1][worst])} % of the units of layer {worst + 1} pass no gradient any more; the"
            f" loss stays at {final}, and a constant answer reaches {plain(constant)}."
        )
    if history.saturated[-1] and max(history.saturated[-1]) > 0.9 and stays:
        return f"**Saturated**: {plain(100 * max(history.saturated[-1]))} % of the slopes are flat, so the loss stays at {final}."
    risen = train[-1] > (1 + ROUNDING) * train[0]
    if stays and not risen:
        weights = [norm for name, norm in history.norms[-1].items() if name.startswith("W")]
        return (
            f"**Stuck**: the loss stays at {final}, and a constant answer reaches {plain(constant)}; the gradient of the first layer is"
            f" {plain(weights[0], 2)}, of the last {plain(weights[-1], 2)}."
        )
    ratio = float(np.nanmean(sharp[late] / edge[late])) if np.isfinite(sharp[late]).any() else float("nan")
    rises = int(np.sum(np.diff(train) > ROUNDING * np.abs(train[:-1])))
    peak = max(loss for _, loss in history.peaks)
    if peak > 2 * train[0] and train[-1] < train[0] and sharp[-1] < 0.95 * np.nanmax(sharp[: max(len(sharp) // 4, 1)]):
        return f"**Catapult**: the loss rose from {start} to {plain(peak)}, then fell to {final} where the network is flatter."
    if abs(ratio - 1) < AT_THE_EDGE and train[-1] < train[0]:
        return (
            f"**Edge of stability**, which is not divergence: the sharpness hovers at {plain(100 * ratio)} % of what this rate stands"
            f" ({plain(edge[-1])}), while the loss falls from {start} to {final}, with {rises} rises between looks."
        )
    standing = f"the sharpness is {plain(sharp[-1])}, and this rate stands {plain(edge[-1])}"
    if risen:
        return f"**Not learning**: the loss went from {start} to {final}; {standing}."
    return f"**Learning**: the loss went from {start} to {final}; {standing}."
