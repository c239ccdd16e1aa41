"""Why a run of ours became inf or nan: which quantity went first, at which step, in which layer, from which example."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self

import numpy as np
from numpy.typing import NDArray

from explorer.core.ground.checks import check_whole
from explorer.core.ground.display import Displayed
from explorer.core.ground.prose import counted, plain, told_apart
from explorer.core.ground.shelf import door
from explorer.core.losses.protocol import Array, DataLoss, Facts, Loss, seen
from explorer.core.optimizers import Optimizer
from explorer.core.run.descent import Trajectory
from explorer.core.theory.curvature import sharpness
from explorer.core.theory.edge import edge_curvature
from explorer.core.verdict.profile import Profile
from explorer.core.verdict.verdict import Verdict, judge

GREW = 1e3  # growth of a loss or a weight beyond this factor is divergence, not a sudden failure
OUTLIER = 30.0  # an example is an outlier if it pulls at the weights this many times as hard as the median one
MOST_EXAMPLES = 2000  # at most this many are looked at one by one
LOOKS = 40  # number of steps of a network at which the hidden layers are looked at


class Origin(StrEnum):
    """What made a run become inf or nan."""

    RATE = "learning rate"
    OUTLIER = "outlier in the data"
    DATA = "nan or inf in the data"
    LOG = "logarithm of 0"
    RATIO = "0/0"
    DOMAIN = "outside of its domain"
    DECAY = "weight decay"
    PRECISION = "number format"


@dataclass(frozen=True, repr=False)
class Forensics(Displayed):
    """What was found. `origin` is None for a run that stayed finite.

    `quantity` (``activation``, ``loss``, ``gradient`` or ``weight``) was the first that was not finite, at step `step`, in the group
    of parameters or the layer `block`; `began` is the step from which the loss only grew. `row` is the example at fault, counted from
    0. `sentence` says it in words, and `change` what to change first. What does not apply is None, -1 or empty.
    `trajectory` and `run` are what was looked at.

    See also: `why_nan`.

    >>> from explorer import Setup, why_nan
    >>> why_nan(Setup("x_squared", learning_rate=0.1, steps=10).run()).origin is None
    True
    """

    origin: Origin | None
    quantity: str
    step: int
    began: int
    block: str
    row: int | None
    sentence: str
    change: str = ""
    trajectory: Trajectory | None = field(default=None, compare=False)
    run: int = field(default=0, compare=False)

    def summary(self) -> str:
        """Return the sentence."""
        return self.sentence


@door
@np.errstate(all="ignore")
def why_nan(trajectory: Trajectory, run: int = 0) -> Forensics:
    """Return why one run became inf or nan, from the path and by trying again what it did there.

    A sudden failure (the loss was harmless a step before) is told from growth. Of the first kind are a bad
    number in the data, the logarithm of 0, 0/0, and a point where the loss is nan all around, as a root below 0; of the second weight decay
    with η·w > 2, one example that is too steep for the rate, a number format that gives out too early, and the learning rate.

    Raises ValueError for what `run` did not return, and a run that it does not have.

    See also: `Forensics`, `check_gradient`, `Monitor`. PyTorch: autograd.set_detect_anomaly; JAX: the option jax_debug_nans.

    >>> from explorer import Setup
    >>> found = why_nan(Setup("x_squared", learning_rate=1.1, start=(1.0,), steps=2000).run())
    >>> str(found.origin), found.quantity, found.step
    ('learning rate', 'loss', 1947)
    """
    profile = Profile.of(trajectory)
    run = check_whole("run", run, at_least=0, at_most=trajectory.runs - 1)
    step, quantity = int(profile.first_nonfinite[run]), str(profile.first_quantity[run])
    if step < 0:
        outcome = judge(trajectory)
        first, last = (plain(float(each[run])) for each in (outcome.start_loss, outcome.final_loss))
        grows = (
            f"; but it diverges, from {first} to {last} so far: more steps would end it" if outcome.verdict[run] == Verdict.DIVERGED else ""
        )
        fine = f"every number of this run is finite, in {counted(trajectory.steps)}{grows}"
        return Forensics(None, "", -1, -1, "", None, fine, "", trajectory, run)
    scene = _Scene.of(trajectory, run, step, quantity)
    for clue in (_bad_data, _broke, _decay, _outlier, _precision):
        found = clue(scene)
        if found is not None:
            return found
    return _rate(scene)


Growth = dict[str, tuple[NDArray[np.intp], Array]]
"""The sizes of what a run computes, by name: at which steps they were looked at ``(n,)``, and how large they were ``(n,)``."""


@np.errstate(all="ignore")
def growth(trajectory: Trajectory, run: int = 0) -> Growth:
    """How large loss, gradient, weights and hidden layers of one run were, up to the step in which its weights are lost.

    The largest weight and the largest output of a layer, each without its sign, are what overflows first; layers are looked at in
    `LOOKS` steps, more closely towards the end.

    >>> from explorer import Setup
    >>> steps, size = growth(Setup("x_squared", learning_rate=1.1, start=(1.0,), steps=2).run())["largest weight"]
    >>> steps, size.round(2)
    (array([0, 1, 2]), array([1.  , 1.2 , 1.44]))
    """
    weight = np.abs(trajectory.x[:, :, run]).max(axis=1)
    lost = np.flatnonzero(~np.isfinite(weight))
    steps = np.arange(lost[0] + 1 if lost.size else len(weight))
    sizes: Growth = {
        "loss": (steps, np.abs(trajectory.loss[steps, run])),
        "gradient": (steps, trajectory.gradient_norm[steps, run]),
        "largest weight": (steps, weight[steps]),
    }
    signals = Facts(trajectory.objective).signals
    if signals is not None:
        looks = np.unique(steps[-1] - np.geomspace(1, steps.size, LOOKS).astype(np.intp) + 1)
        found = (signals(trajectory.x[at][:, [run]]) for at in looks)
        outputs = ([each.value(signal.copy()) if each.of_input else signal for each, signal in layers] for layers in found)
        heights = np.array([[np.abs(output).max() for output in each] for each in outputs], dtype=float)
        sizes |= {f"layer {number}": (looks, heights) for number, heights in enumerate(heights.T, 1)}
    return sizes


@dataclass(frozen=True, eq=False)
class _Scene:
    """One run around the step where it was lost: points ``(dim, 1)`` there and a step before, and whether it had grown."""

    path: Trajectory
    run: int
    step: int
    quantity: str
    here: Array
    before: Array
    began: int
    grew: bool
    block: str

    @classmethod
    def of(cls, path: Trajectory, run: int, step: int, quantity: str) -> Self:
        here, before = path.x[step][:, [run]], path.x[max(step - 1, 0)][:, [run]]
        losses, norms = path.loss[: step + 1, run], path.gradient_norm[: step + 1, run]
        falls = np.flatnonzero(losses[1:] <= losses[:-1])
        began = int(falls[-1]) + 1 if falls.size else 0  # from there on the loss only grew
        minimum = path.objective.minimum
        above = np.abs(losses - (minimum if minimum is not None and np.isfinite(minimum) else 0.0))
        last = max(step - 1, 0)
        tiny = np.finfo(float).tiny
        grew = step > 0 and bool(
            above[last] > GREW * max(above[0], tiny)
            or norms[last] > GREW * max(norms[0], tiny)
            or np.nanmax(np.abs(here), initial=0) > GREW * (1 + np.abs(before).max())
        )
        scene = cls(path, run, step, quantity, here, before, began, grew, "")
        layer = scene._layer()
        return replace(scene, quantity="activation", block=layer) if layer else replace(scene, block=scene._block())

    @property
    def loss(self) -> Loss:
        return self.path.objective

    @property
    def rule(self) -> Optimizer:
        return self.path.optimizer.on(np.array([self.run]))

    @property
    def rate(self) -> float:
        """The learning rate of the step that led here."""
        multiplier = self.path.multiplier
        factor = float(multiplier[max(self.step - 1, 0)]) if multiplier.size else 1.0
        return float(self.path.learning_rate[self.run]) * factor

    @property
    def decay(self) -> float:
        """The weight decay of the rule and the penalty of the loss, together."""
        parts = (self.rule.weight_decay, self.rule.decoupled_decay, Facts(self.loss).l2)
        return sum(float(np.ravel(each)[0]) for each in parts)

    def _layer(self) -> str:
        """The first hidden layer whose output is not finite while all weights are."""
        signals = Facts(self.loss).signals
        if signals is None or self.quantity == "weight" or self.grew is False:
            return ""
        for number, (_, signal) in enumerate(signals(self.here), 1):
            if not np.isfinite(signal).all():
                return f"layer {number}"
        return ""

    def _block(self) -> str:
        """The group of parameters that is not finite, or else has the largest gradient where the growth shows."""
        blocks = Facts(self.loss).blocks
        if not blocks:
            return ""
        if self.quantity == "weight":
            return next((name for name, where in blocks if not np.isfinite(self.here[where]).all()), "")
        at = self.here if self.quantity == "gradient" else self.before
        _, gradient = seen(self.loss, at)
        lost = [name for name, where in blocks if not np.isfinite(gradient[where]).all()]
        if lost:
            return lost[-1]  # the gradient comes from the last layer
        return str(max(blocks, key=lambda each: float(np.abs(gradient[each[1]]).max(initial=0)))[0])

    def found(self, origin: Origin, why: str, change: str, row: int | None = None) -> Forensics:
        """The finding, with the sentence that begins with its name."""
        in_no_layer = origin in (Origin.DATA, Origin.LOG, Origin.DOMAIN)  # but in what goes in or comes out
        block = "" if in_no_layer else self.block
        who = {"weight": f"a weight of {block}", "activation": f"the output of {block}", "gradient": f"the gradient of {block}"}
        what = who.get(self.quantity, "the loss") if block else f"the {self.quantity}"
        steepest = f"; the largest gradient was that of {block}" if block and self.quantity == "loss" else ""
        first = f"{what} was the first to become inf or nan, at step {self.step:,}{steepest}"
        said = f"{origin}: {why}; {first}"
        return Forensics(origin, self.quantity, self.step, self.began, block, row, said, change, self.path, self.run)


def _pulls(loss: DataLoss, rows: NDArray[np.intp], x: Array) -> Array:
    """The gradient's norm of each of these examples by itself, ``(n,)``: taken twice, for a batch normalization takes no single one."""
    gradients = (seen(loss.on(np.array([row, row])), x)[1] for row in rows[:MOST_EXAMPLES])
    return np.array([np.sqrt((gradient**2).sum()) for gradient in gradients])


def _bad_data(scene: _Scene) -> Forensics | None:
    """Examples whose gradient is no number at the very start, while that of others is: for what they hold, or for what is made of it."""
    loss = scene.loss
    if not isinstance(loss, DataLoss):
        return None
    norms = _pulls(loss, np.arange(loss.examples), scene.path.x[0][:, [scene.run]])
    bad = np.flatnonzero(~np.isfinite(norms))
    if not bad.size or bad.size == norms.size:
        return None
    finite = Facts(loss).finite_examples
    made = finite is not None and bool(finite[bad].all())  # its own numbers are fine
    if made and np.isfinite(_pulls(loss, bad, 1e-3 * scene.path.x[0][:, [scene.run]])).any():
        return None  # it depends on the weights
    row, others = int(bad[0]), f" and {bad.size - 1:,} more" if bad.size > 1 else ""
    have, gradient = ("have", "their gradients") if others else ("has", "its gradient")
    drawn = ""
    if scene.path.rows is not None:
        met = np.flatnonzero(np.isin(scene.path.rows, bad).any(axis=1))
        drawn = (
            f"; the batch of step {met[0]:,} is the first with it, and the loss over all examples has it from the start" if met.size else ""
        )
    if made:
        why = f"of example {row + 1:,}{others} {gradient} would be no number at smaller weights either, though all values are finite{drawn}"
        return scene.found(Origin.RATIO, why, "Add a small ε to the denominator, or under the root, that is 0 there.", row)
    why = f"example {row + 1:,}{others} {have} a value that is no finite number, and {gradient} with it{drawn}"
    return scene.found(Origin.DATA, why, "Drop or mend that row; no rate and no clipping can.", row)


def _broke(scene: _Scene) -> Forensics | None:
    """Return the origin of a sudden failure: nothing had grown."""
    if scene.grew:
        return None
    if scene.quantity == "weight":
        why = "the rule divided 0 by 0: where the gradient was 0, so is what divides it"
        return scene.found(Origin.RATIO, why, "Give the optimizer its ε.")
    if scene.path.x.dtype == np.float32 and _is_finite_in_float64(scene):
        return _precision(scene)
    if _overflows(scene):
        if scene.step:
            return None  # a step led there
        why = f"the loss at the start is above {plain(float(np.finfo(scene.here.dtype).max), 2)}, the largest number of {scene.here.dtype}"
        return scene.found(Origin.PRECISION, why, "Start closer to the minimum, or scale features and targets down.")
    value, gradient = seen(scene.loss, scene.here)
    around = np.random.default_rng(0).standard_normal((len(scene.here), 8)) * 1e-6 * (1 + np.abs(scene.here).max())
    near, slopes = seen(scene.loss, scene.here + around.astype(scene.here.dtype))
    if scene.quantity == "loss" and np.isnan(value[0]) and not (np.isfinite(gradient).all() or np.isfinite(near).any()):
        why = "the loss is nan at weights that are fine, and right beside them: a root or a logarithm of a number below 0, 0/0, or inf/inf"
        change = "Keep what a root or a logarithm takes above 0, add a small ε to a denominator, and compute a softmax from its logits."
        return scene.found(Origin.DOMAIN, why, change)
    if scene.quantity == "loss" and (np.isfinite(gradient).all() or np.isinf(value[0])):
        why = f"the loss is {_word(value[0])} at weights that are fine" + (
            ", and so is the gradient there: only the loss's formula gave out" if np.isfinite(gradient).all() else ": a pole"
        )
        return scene.found(
            Origin.LOG, why, "Compute the loss from the logits (log-sum-exp), or keep the argument of the logarithm above 0."
        )
    what = "the loss" if scene.quantity == "loss" else "the gradient"
    harmless = " and harmless right beside it" if np.isfinite(near).all() and np.isfinite(slopes).all() else ""
    why = f"{what} is {_word(value[0]) if what == 'the loss' else 'no number'} at this very point{harmless}"
    return scene.found(Origin.RATIO, why, "Add a small ε to the denominator, or under the root.")


def _word(value: float) -> str:
    return "nan" if np.isnan(value) else plain(float(value))


def _is_finite_in_float64(scene: _Scene) -> bool:
    """Whether the loss and its gradient at that point are finite numbers once computed with more digits."""
    value, gradient = seen(scene.loss, scene.here.astype(np.float64))
    return bool(np.isfinite(value).all() and np.isfinite(gradient).all())


def _overflows(scene: _Scene) -> bool:
    """Whether the loss is beyond the largest number because the weights are that far out: on the way there from 0 it grows up to it.

    At a pole, or outside of its domain, it is as harmless as ever right before.
    """

    def size(share: float) -> float:
        return float(np.abs(scene.loss.value(share * scene.here)[0]))

    low, high = 0.0, 1.0
    if np.isfinite(size(high)) or not np.isfinite(size(low)):
        return False
    while low < (share := (low + high) / 2) < high:
        found = size(share)
        if np.sqrt(np.finfo(scene.here.dtype).max) < found < np.inf:
            return True
        low, high = (share, high) if np.isfinite(found) else (low, share)
    return False


def _decay(scene: _Scene) -> Forensics | None:
    """Weight decay by itself beyond the edge, or all that takes the run across it."""
    if not scene.decay:
        return None
    rule, product = scene.rule, scene.rate * scene.decay
    penalty = Facts(scene.loss).l2 if rule.preconditioner is None else 0.0  # else it is divided, like all of the gradient
    limit = float(np.ravel(rule.largest_stable_rate(penalty))[0]) * scene.decay
    if not product >= limit:
        return None
    much, bound = told_apart(product, limit)
    above = f"{'above' if product > limit else 'as much as'} {bound}"
    why = f"the rate times the weight decay is {much}, {above}: the decay alone takes the weights across 0 and out"
    # The loss's own curvature uses up some of what the rate tolerates, by as much as the rule's edge has it; a decoupled decay's is 2.
    curved = float(sharpness(scene.loss, scene.path.x[0][:, [scene.run]])[0]) - penalty if rule.preconditioner is None else 0.0
    share = 2 / float(np.ravel(rule.recurrence.edge)[0]) if np.any(rule.decoupled_decay) else 1.0
    most = limit / scene.rate - max(np.nan_to_num(curved), 0.0) * share
    advice = (
        f"Lower the weight decay below {plain(most)}, or the rate."
        if most > 0
        else "Lower the rate: without weight decay it is too high too."
    )
    return scene.found(Origin.DECAY, why, advice)


def _outlier(scene: _Scene) -> Forensics | None:
    """One example that is too steep for the rate, when the others are not."""
    loss = scene.loss
    if not isinstance(loss, DataLoss) or loss.examples < 3:
        return None
    everyone, path = np.arange(min(loss.examples, MOST_EXAMPLES)), scene.path
    pulls = _pulls(loss, everyone, path.x[0][:, [scene.run]])
    top = int(np.argmax(pulls))
    if not pulls[top] > OUTLIER * np.median(pulls):
        return None
    drawn = np.flatnonzero((path.rows[: scene.step] == top).any(axis=1)) if path.rows is not None else np.array([scene.began])
    if not drawn.size:
        return None
    rows = path.rows[drawn[0]] if path.rows is not None else everyone
    others = rows[rows != top] if (rows != top).any() else everyone[everyone != top]
    edge, without = (_edge(scene, loss.on(some), int(drawn[0])) for some in (rows, others))
    if not edge < scene.rate < without:
        return None
    with_it, alone, rate = told_apart(edge, without, scene.rate)
    why = (
        f"example {top + 1:,} pulls {plain(pulls[top] / np.median(pulls))} times as hard as the median one: with it the edge is"
        f" {with_it}, without it {alone}, and the rate {rate} lies between"
    )
    return scene.found(Origin.OUTLIER, why, "Look at that example; clip the gradient's norm, or scale the feature.", top)


def _edge(scene: _Scene, loss: Loss, step: int) -> float:
    """The largest stable rate of the run's rule, as it was at a step, on this loss at the point there."""
    x = scene.path.x[step][:, [scene.run]]
    curvature = edge_curvature(loss, scene.rule, x, scene.path.preconditioner_at(step, scene.run))
    return float(np.ravel(scene.rule.largest_stable_rate(curvature))[0])


def _precision(scene: _Scene) -> Forensics | None:
    """A number too large for float32 that float64 holds, in a run that was not on its way out."""
    if scene.path.x.dtype != np.float32 or not np.isfinite(scene.here).all() or not _is_finite_in_float64(scene):
        return None
    if scene.grew and scene.step - scene.began >= 3:
        return None
    why = "in float64 loss and gradient are finite at the same weights: beyond 3.4 × 10³⁸ float32 has no numbers"
    return scene.found(Origin.PRECISION, why, "Use float64, or scale features and targets down.")


def _rate(scene: _Scene) -> Forensics:
    """What is left: steps too long for the curvature."""
    began, step, edge = scene.began, scene.step, _edge(scene, scene.loss, 0)
    there = "at the start"
    if began and not edge < scene.rate:
        edge, there = _edge(scene, scene.loss, began), f"at step {began:,}"
    losses = scene.path.loss[:, scene.run]
    last = step - 1 if np.isfinite(losses[step - 1]) else step - 2
    grown = (losses[last] / losses[began]) ** (1 / (last - began)) if last > began and losses[began] > 0 else float("nan")
    with_each = np.log(losses[began + 1 : last + 1] / losses[began:last])
    faster = last - began > 1 and with_each[-1] > 2 * with_each[0] > 0
    pace = ", by a larger factor at every step" if faster else f", by a factor of {plain(grown)} a step" if grown > 1 else ""
    rate, beyond = plain(scene.rate), np.isfinite(edge) and 0 < edge < scene.rate
    times = f"{plain(scene.rate / edge)} ×" if np.isfinite(scene.rate / edge) else "far beyond"
    beside = f"the rate {rate} is {times} the edge {there}, {plain(edge)}" if beyond else f"the curvature {there} sets no edge below {rate}"
    later = "; float32 gave out sooner than float64 would have" if scene.path.x.dtype == np.float32 else ""
    moves = "" if Facts(scene.loss).is_quadratic else ", and the edge may fall during a run"
    change = f"Use a rate below {plain(0.9 * edge)}, which is 0.9 × the edge: at the edge itself the loss does not shrink{moves}."
    why = f"from step {began:,} on the loss only grew{pace}; {beside}{later}"
    return scene.found(Origin.RATE, why, change if beyond else "Divide the learning rate by 3, and again until a run holds.")
