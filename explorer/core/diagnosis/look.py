"""What a look at the model tells of a run under way: how far its rate is from the edge, and what a rehearsal of the next steps becomes."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from explorer.core.ground.blas import one_blas_thread
from explorer.core.ground.checks import check_floats, check_takes, must, typed
from explorer.core.ground.prose import plain
from explorer.core.losses.protocol import RUNS, Array, Loss, check_loss
from explorer.core.optimizers import Optimizer
from explorer.core.run.descent import Descent, descend
from explorer.core.theory.curvature import MOST_PRODUCTS
from explorer.core.theory.edge import glance, unmeasured
from explorer.core.verdict.verdict import SHARPNESS_FALL

# Thresholds chosen on two thirds of the runs of benchmarks/monitor.py, as those of monitor.py.
REHEARSED = 100  # steps of a rehearsal: about as many evaluations as two looks at the sharpness
SHARPER = 1.1  # at the edge of stability every look finds ηλ just above its edge: the next rehearsal is at this many times the last one's
BATCHED = 0.2  # the share of the whole loss's edge from which runs on mini-batches are rehearsed: a batch is sharper than all of them
GONE = 1e3  # a rehearsal that ends this many times as high as it began, and still rises, has not come back
TRUSTED = 3.0  # a rehearsal begins at rest: of rules with memory, but at the start, it counts from a rise to this many times the start on
AGREE = 2  # a rehearsal draws other mini-batches than the run: this many must agree

Point = ArrayLike | Callable[[], ArrayLike]


@dataclass(frozen=True)
class Look:
    """What was found at one step; nan for what is not known.

    `times_edge` is the `sharpness` over the largest that the rate tolerates. Where the next steps were rehearsed, `highest` and `last` are
    losses of the rehearsal and `flattened` the share of the sharpness at its end; `overflow` is the number of steps until it is inf or nan,
    None if it does not go there. `at_rest` says that the run's rule remembers what the rehearsal began without, such as a velocity.
    """

    step: int
    sharpness: float
    times_edge: float
    highest: float = math.nan
    last: float = math.nan
    flattened: float = math.nan
    overflow: int | None = None
    at_rest: bool = False

    @property
    def returns(self) -> bool:
        """Whether a rehearsal came down from its highest loss."""
        return self.overflow is None and self.last < self.highest

    @property
    def overflow_step(self) -> int:
        """The step of the overflow, -1 for none."""
        return -1 if self.overflow is None else self.step + self.overflow

    @property
    def why(self) -> str:
        """The reason for a warning in words; an empty string where there is none."""
        if self.overflow is None:
            return ""
        sharp = f"the sharpness is {plain(self.times_edge)} times what the rate tolerates, and " if self.times_edge > 1 else ""
        begun = ", begun at rest," if self.at_rest else ""
        return f"{sharp}a rehearsal from step {self.step:,} on{begun} is inf at step {self.overflow_step:,}"

    @property
    def measured(self) -> str:
        """What was measured there in words; an empty string where the sharpness that the rule sees is not known."""
        if math.isnan(self.times_edge):
            return ""
        return f"at step {self.step:,} the sharpness was {plain(self.sharpness)}, {plain(self.times_edge)} times what the rate tolerates"

    def __str__(self) -> str:
        unknown = f"at step {self.step:,} the sharpness was not known: a rule that divides its steps takes the preconditioner"
        rehearsed = self.why or (self.turn if self.returns else "")
        return "; ".join(filter(None, (self.measured or unknown, rehearsed)))

    @property
    def turn(self) -> str:
        """How a rehearsal came down, in words: where it is flatter after a catapult, where it is as sharp after a swing."""
        down = f"a rehearsal comes down from {plain(self.highest)} to {plain(self.last)}"
        if math.isnan(self.flattened):
            return down
        return f"{down} where it is {'flatter: a catapult' if self.flattened < SHARPNESS_FALL else 'as sharp: an ordinary swing'}"


class Inspector:
    """Looks at a model every few steps and where a rise begins, and rehearses what is beyond the edge."""

    def __init__(self, model: Loss, rule: Optimizer, *, batch_size: int | None, every: int, largest: float) -> None:
        if not isinstance(model, str) and not hasattr(model, "value_and_gradient"):
            raise must("model", "a Loss with hvp, as torch_loss and jax_loss of explorer.bridges make of a model", typed(model))
        self._model, self._rule, self._largest = check_loss(model, *RUNS, "hvp"), rule, largest
        if rule.recurrence.unknown:
            raise ValueError(f"the optimizer {unmeasured(rule)}")
        self._batch_size, self.every = batch_size, every
        self.rehearsed_at = -1.0  # `times_edge` at the last rehearsal, -1 before the first
        self._warm: Array | None = None

    def check(self, name: str, given: Point | None) -> None:
        """Refuse with a sentence what is neither a function nor a point of the model's dimension, and what divides no step of the rule."""
        if name == "preconditioner" and given is not None and self._rule.preconditioner is None:
            raise must(name, f"left out for {self._rule.name}, which does not divide its steps", "one")
        if given is not None and not callable(given) and getattr(given, "shape", ())[:1] != (self._model.dim,):
            self._point(name, given)

    def look(self, step: int, x: Point, rate: float, preconditioner: Point | None, *, start: float, height: float) -> Look | None:
        """Return what is found at a point ``(dim,)``, None where it is not finite; the loss is `height` times its `start`, at least 1."""
        point = self._columns("x", x)
        if point is None:
            return None
        divided_by = None if preconditioner is None else self._divisor(preconditioner)
        sharpness = times = math.nan
        if self._rule.preconditioner is None or divided_by is not None:
            sharpness = self._sharpness(point, divided_by)
            tolerated = float(np.max(self._rule.largest_stable_curvature(rate))) if rate > 0 else math.inf
            times = sharpness / tolerated if tolerated > 0 else math.inf
        first = self.rehearsed_at < 0
        bar = 1.0 if self._batch_size is None else BATCHED
        if not (rate > 0 and (first or height > 1 or times > max(bar, SHARPER * self.rehearsed_at))):
            return Look(step, sharpness, times)
        self.rehearsed_at = max(self.rehearsed_at, 0.0) if math.isnan(times) else times
        trusted = first or self._rule.is_plain or height >= TRUSTED
        seeds = [AGREE * step + draw for draw in range(1 if self._batch_size is None else AGREE)]
        for seed in seeds:
            losses, end = self._rehearsed(point, rate, seed)
            overflow = self._overflow(losses, start) if trusted else None
            if overflow is None:
                break
        returns = height > 1 and overflow is None and losses[-1] < max(losses) and divided_by is None and sharpness > 0
        flattened = self._sharpness(end, None) / sharpness if returns else math.nan
        return Look(step, sharpness, times, max(losses), losses[-1], flattened, overflow, at_rest=step > 0 and not self._rule.is_plain)

    def _columns(self, name: str, given: Point) -> Array | None:
        """Return a point as a column ``(dim, 1)`` of its own type, None where it is not finite."""
        if callable(given):
            check_takes(name, given)
        numbers = given() if callable(given) else given
        point = self._point(name, numbers)
        single = str(getattr(numbers, "dtype", "")).endswith("float32")
        return point.astype(np.float32 if single else float) if np.isfinite(point).all() else None

    def _divisor(self, given: Point) -> Array:
        """Return what the rule divides by as a column; refuse with a sentence what nothing can be divided by."""
        column = self._columns("preconditioner", given)
        if column is None or not (column > 0).all():
            got = "inf or nan among them" if column is None else plain(float(column.min()))
            raise must("preconditioner", "finite and > 0, for the rule divides its steps by it", got)
        return column

    def _point(self, name: str, given: ArrayLike) -> Array:
        """Return the numbers of a point, or of its first run, ``(dim, 1)``; refuse with a sentence what are none, or not as many."""
        dim = self._model.dim
        point = check_floats(name, given, shape="numbers")
        if point.ndim not in (1, 2) or len(point) != dim:
            rule = f"{dim} numbers, (dim,), those that the model trains in its order, without what is frozen"
            raise must(name, rule, f"shape {point.shape}")
        return point.reshape(dim, -1)[:, :1]

    def _sharpness(self, x: Array, divided_by: Array | None) -> float:
        top = glance(self._model, self._rule, x, divided_by, warm=self._warm, tolerance=0.02, most=MOST_PRODUCTS)
        self._warm = top.vector
        return float(top.sharpness[0])

    @np.errstate(all="ignore")
    def _rehearsed(self, x: Array, rate: float, seed: int) -> tuple[list[float], Array]:
        """Return the losses of a run from here at one rate, up to the first that overflows, and the point where it ends."""
        losses: list[float] = []
        descent = Descent.of(self._model, self._rule, rate, start=x, steps=REHEARSED, batch_size=self._batch_size, whole=False, seed=seed)
        with one_blas_thread:
            for moment in descend(descent):
                losses.append(float(moment.loss[0]))
                if not losses[-1] <= self._largest:
                    break
        return losses, moment.x

    def _overflow(self, losses: list[float], start: float) -> int | None:
        """Return after how many steps a rehearsal overflows, or will at the pace of its later half; None if it does not go there."""
        end, middle = len(losses) - 1, len(losses) // 2
        if not losses[end] <= self._largest:
            return end
        half, last = losses[middle], losses[end]
        if not (0 < half < last > max(losses) / 2 and last > GONE * max(losses[0], start)):
            return None
        return end + math.ceil(math.log(self._largest / last) / math.log(last / half) * (end - middle))
