"""The one loop of the program, and the path it leaves."""

from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple, Self, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from explorer.core.ground.blas import one_blas_thread
from explorer.core.ground.checks import (
    check_floats,
    check_integer,
    check_made,
    check_number,
    check_place,
    check_points,
    check_real,
    check_scalar,
    check_switch,
    check_takes,
    check_whole,
    must,
    typed,
)
from explorer.core.ground.display import Displayed, span
from explorer.core.ground.halt import heed
from explorer.core.ground.knobs import NOT_NEGATIVE
from explorer.core.ground.prose import counted
from explorer.core.ground.shelf import door, knob_of
from explorer.core.ground.size import BATCH, MOST_RUNS, PATH, REMEMBERED, check_size
from explorer.core.losses.protocol import RUNS, Array, DataLoss, Facts, Loss, check_loss, first_seen, seen
from explorer.core.optimizers import Optimizer, State, check_optimizer, check_step, length
from explorer.core.schedules import SCHEDULES, Schedule, constant

NOISE = 1  # stream id of the gradient's noise: keeps it independent of the batches, which the same seed draws

FRAMED = 16  # coordinates of a point that a table has columns for, at most

MANY = "; give fewer rates, or one part of them after another"

LOOK = 16  # steps between two looks at how much the rule remembers: one of somebody's own may keep all gradients

SMALL = 2**16  # bytes of a point up to which its rates are laid out in its shape: then numpy multiplies twice as fast

# The GNU C library returns freed memory to the system and fetches it again page by page at every step, unless it has once seen a larger
# block freed. For sweeps of 2**15 runs that is 1.1 to 1.3 times the CPU time: benchmarks/first_block.py.
np.empty(2**21)


class Conditions(TypedDict, total=False):
    """What `run` and `sweep` take beside the loss, the rule and the rates; whatever is left out has the default that `Descent.of` gives it.

    - `start`: ``(dim,)``, shared by all runs, or ``(dim, runs)``; the loss's own by default. Everything is computed in its type, float32
      or float64.
    - `steps`: how many, 100 by default. `schedule`: from a step to what multiplies the rates there, or the name of one, such as "cosine".
    - `batch_size`: takes each step on that many of the loss's examples, the same for all runs, drawn from `seed`: shuffled in epochs, or
      with `replacement` each example independently.
    - `gradient_noise`: adds normal noise of that standard deviation to every coordinate of the gradient, the same at the same step of
      all runs, from `seed` too.
    - `whole`: if False, what is recorded at each step are the loss and gradient of its batch, which the step needs anyway, instead of
      those of all examples, which cost as much as many steps; only the last is still of all.
    - `rate_scale`: ``(dim,)`` or ``(dim, runs)``, multiplies the learning rate of each coordinate, such as those of one layer.
    """

    start: ArrayLike | None
    steps: int
    schedule: Schedule | str | None
    batch_size: int | None
    replacement: bool
    gradient_noise: float
    seed: int
    whole: bool
    rate_scale: ArrayLike | None


def known_to(function: str, conditions: Conditions) -> Conditions:
    """Return the conditions; a keyword that is none raises the TypeError of the function that was called."""
    for name in conditions.keys() - Conditions.__annotations__.keys():
        raise TypeError(f"{function} has no keyword {name!r}{knob_of(name)}; beside its own it has {', '.join(Conditions.__annotations__)}")
    return conditions


@dataclass(frozen=True, eq=False)
class Descent:
    """What `descend` does, by its noun: a batch of runs before the first step, all checked, every part with its runs.

    What has no comment is as in `Conditions`. It can travel to another process.
    """

    objective: Loss
    optimizer: Optimizer
    learning_rate: Array  # ``(runs,)``
    start: Array  # ``(dim, runs)``
    multiplier: Array  # ``(steps,)``: the schedule's part of the rate
    rows: NDArray[np.intp] | None  # ``(steps, batch_size)``: the examples of each step, None for all
    batch_size: int | None
    replacement: bool
    gradient_noise: float
    seed: int
    whole: bool
    rate_scale: Array | None  # ``(dim, runs)``

    @classmethod
    def of(
        cls,
        loss: Loss | str,
        optimizer: Optimizer | str,
        learning_rate: ArrayLike,
        *,
        start: ArrayLike | None = None,
        steps: int = 100,
        schedule: Schedule | str | None = None,
        batch_size: int | None = None,
        replacement: bool = False,
        gradient_noise: float = 0.0,
        seed: int = 0,
        whole: bool = True,
        rate_scale: ArrayLike | None = None,
        kept: bool = False,
    ) -> Self:
        """Prepare, in this one place, everything that descends; `kept` says that every step's point will be.

        Raises ValueError for a rate or noise that is negative or not finite, a start of the wrong length or not finite, a batch larger
        than the data, numbers of runs that do not fit together, and what would not fit into memory: see `explorer.core.ground.size`.

        >>> from explorer import LOSSES, OPTIMIZERS
        >>> descent = Descent.of(LOSSES["booth"](), OPTIMIZERS["adam"](), [0.1, 0.2, 0.3], steps=50)
        >>> descent.start.shape, descent.learning_rate.shape, descent.multiplier.shape
        ((2, 3), (3,), (50,))
        """
        loss, optimizer = check_loss(loss, *RUNS), check_optimizer(optimizer)
        rule = 'None, a name such as "cosine", or made by SCHEDULES["cosine"]()'
        course: Schedule | None = check_made("schedule", SCHEDULES.made(schedule), Callable | None, rule)
        if isinstance(learning_rate, np.ndarray):  # before each is looked at, which takes seconds
            check_size("runs", learning_rate.size, {}, MOST_RUNS, otherwise=MANY)
        rate = np.atleast_1d(check_number("learning_rate", learning_rate, NOT_NEGATIVE))
        replacement, whole = check_switch("replacement", replacement), check_switch("whole", whole)
        noise = check_scalar("gradient_noise", gradient_noise, NOT_NEGATIVE)
        steps, seed = check_whole("steps", steps, at_least=0), check_whole("seed", seed, at_least=0)
        x = check_points("start", loss.start if start is None else start, loss.dim)
        scale = None if rate_scale is None else check_points("rate_scale", rate_scale, loss.dim, NOT_NEGATIVE)
        if rate.ndim != 1:
            raise must("learning_rate", "a number or one per run, (runs,)", f"shape {rate.shape}")
        counts = {"learning_rate": rate.size, "start": x.shape[1], "hyperparameters": optimizer.runs}
        counts["rate_scale"] = 1 if scale is None else scale.shape[1]
        runs = max(counts.values())
        for name, count in counts.items():
            if count not in (1, runs):
                raise must(name, f"for 1 run or for all {runs} of them", f"{count} runs")
        check_size("runs", runs, {}, MOST_RUNS, otherwise=MANY)
        check_size("runs", runs, {"dimension": loss.dim}, BATCH)
        if kept:
            without = "; sweep keeps no path"
            check_size("steps", steps, {"dimension": loss.dim, "run": runs}, PATH, plus=1, otherwise=without)
        check_size("steps", steps, {}, PATH)
        order = Facts(loss).order
        kind: Any = np.float32 if np.asarray(loss.start if start is None else start).dtype == np.float32 else np.float64
        x = np.array(np.broadcast_to(x, (loss.dim, runs)), kind, order=order)
        rate = np.array(np.broadcast_to(rate, runs))
        try:
            returned = (course or constant())(np.arange(steps))
        except Exception as error:
            rule = "a function of the steps, (n,), that returns a multiplier for each, by np.where for an if"
            raise must("schedule", rule, f"{type(error).__name__}: {error}") from error
        multiplier = check_floats("what schedule returns", returned, shape="numbers")
        if any(each is None for each in np.ravel(returned)[np.isnan(multiplier).ravel()]):  # of which numpy makes nan
            raise must("what schedule returns", "numbers", typed(returned))
        if multiplier.shape != (steps,):
            raise must("what schedule returns", f"a multiplier for each step, ({steps},)", f"shape {multiplier.shape}")
        if not NOT_NEGATIVE.admits(multiplier):
            at = int(np.argmin(np.isfinite(multiplier) & (multiplier >= 0)))
            raise must("what schedule returns", "finite and ≥ 0", f"{multiplier[at]} at step {at:,}")
        rows = batches(loss, batch_size, steps, seed, replacement=replacement)
        scale = None if scale is None else np.array(np.broadcast_to(scale, x.shape), order=order)
        made = cls(loss, optimizer, rate, x, multiplier, rows, batch_size, replacement, noise, seed, whole, scale)
        more = {"remembered number": made.remembered}
        check_size("runs", runs if kept else 1, more, BATCH, otherwise="; sweep takes as many at once as fit" * kept)
        return made

    @property
    def steps(self) -> int:
        return len(self.multiplier)

    @property
    def runs(self) -> int:
        return self.start.shape[1]

    @property
    def remembered(self) -> int:
        """How many numbers the optimizer remembers of one run before its first step."""
        try:
            with np.errstate(all="ignore"):
                return numbers(self.optimizer.on(np.array([0])).begin(self.start[:, :1], Facts(self.objective).layout))
        except MemoryError as error:
            raise must("what the optimizer remembers", "so little that one run fits into memory", f"MemoryError: {error}") from None

    def parted(self, most: int | None = None) -> "list[Descent]":
        """Return the same in tiles of at most `most` runs, and of no more than what the optimizer remembers of them has room for."""
        fits = max(REMEMBERED // max(self.remembered, 1), 1)
        count = max(-(-self.runs // min(fits, most or fits)), 1)
        return [self.on(each) for each in np.array_split(np.arange(self.runs), count)]

    @property
    def undisturbed(self) -> bool:
        """Whether each step is the rule's recurrence and nothing else: no schedule, no batches, nothing divided or clipped."""
        return self.optimizer.is_linear and not self.stochastic and bool((self.multiplier == 1).all())

    @property
    def stochastic(self) -> bool:
        """Whether random numbers go into the steps: mini-batches or noise."""
        return self.rows is not None or self.gradient_noise > 0

    def on(self, runs: NDArray[np.intp]) -> "Descent":
        scale = None if self.rate_scale is None else columns(self.rate_scale, runs)
        some = {"learning_rate": columns(self.learning_rate, runs), "start": columns(self.start, runs), "rate_scale": scale}
        return Descent(**{each.name: getattr(self, each.name) for each in fields(Descent)} | some | {"optimizer": self.optimizer.on(runs)})


@dataclass(frozen=True, eq=False, repr=False)
class Trajectory(Displayed, Descent):
    """A descent and everything that happened in it. Index 0 is the start; the last axis is always runs.

    `x` is ``(steps+1, dim, runs)``; `loss` and `gradient_norm` (Euclidean) are ``(steps+1, runs)``, of the whole loss even where
    the steps were taken on mini-batches. `preconditioner` ``(steps+1, dim, runs)``, kept if it was asked for, is what divided each
    coordinate's last step; nan at the start. `learning_rate` is ``(runs,)``, `multiplier` ``(steps,)`` the schedule's part of it, `rows`
    ``(steps, batch_size)`` the examples of each step, None for all. The rest is what it was run with, as in `Conditions`.

    See also: `run`, `judge`, `why_nan`.

    >>> from explorer import run
    >>> path = run("booth", "adam", [0.1, 0.2], steps=10)
    >>> path.x.shape, path.loss.shape
    ((11, 2, 2), (11, 2))
    """

    x: Array
    loss: Array
    gradient_norm: Array
    preconditioner: Array | None

    def summary(self) -> str:
        """Return how many runs of how many steps at which rates these are, and where their losses ended; `judge` says more.

        >>> run("x_squared", "gradient_descent", [0.5, 2.0], start=[1.0], steps=600)
        <Trajectory: 2 runs of 600 steps in 1 dimension at the learning rate 0.5 to 2; the loss at the end is 0, of 1 run not finite>
        """
        last = self.loss[-1]
        lost = int((~np.isfinite(last)).sum())
        ends = "; the loss at the end is " + (span(last) + (f", of {counted(lost, 'run')} not finite" if 0 < lost < self.runs else ""))
        size = f"{counted(self.runs, 'run')} of {counted(self.steps)} in {counted(self.x.shape[1], 'dimension')}"
        return f"{size} at the learning rate {span(self.learning_rate)}{ends}"

    def to_columns(self) -> dict[str, NDArray[Any]]:
        """Return a row for each step of each run: loss, gradient, and the point's first 16 coordinates by name."""
        steps, runs = self.loss.shape
        found: dict[str, NDArray[Any]] = {"run": np.repeat(np.arange(runs), steps), "step": np.tile(np.arange(steps), runs)}
        found |= {"learning_rate": np.repeat(self.learning_rate, steps)}
        found |= {name: getattr(self, name).T.ravel() for name in ("loss", "gradient_norm")}
        names = Facts(self.objective).first_coordinates(FRAMED)
        return found | {name if name not in found else f"{name} (x)": self.x[:, i].T.ravel() for i, name in enumerate(names)}

    def at(self, runs: NDArray[np.intp]) -> "Trajectory":
        """Return what happened in some of the runs.

        >>> from explorer import LOSSES, OPTIMIZERS
        >>> run(LOSSES["x_squared"](), OPTIMIZERS["adam"](), [0.1, 0.2, 0.3], steps=5).at(np.array([2, 0])).learning_rate
        array([0.3, 0.1])
        """
        runs = np.array([check_place("one of runs", each, self.runs) for each in np.ravel(np.asarray(check_integer("runs", runs)))])
        some, names = self.on(runs), ("x", "loss", "gradient_norm", "preconditioner")
        seen: dict[str, Any] = {name: None if getattr(self, name) is None else columns(getattr(self, name), runs) for name in names}
        return replace(self, **{each.name: getattr(some, each.name) for each in fields(some)}, **seen)

    def preconditioner_at(self, step: int, run: int = 0) -> Array | None:
        """What divided each coordinate's last step before `step` in one run, ``(dim, 1)``; None at the start, or if nothing did.

        If it was not kept, the run takes its steps again.
        """
        step = check_whole("step", step, at_least=0, at_most=self.steps)
        column = np.array([check_place("run", run, self.runs)])
        if self.optimizer.preconditioner is None or step == 0:
            return None
        if self.preconditioner is not None:
            return self.preconditioner[step][:, column]
        rows = None if self.rows is None else self.rows[:step]
        again = replace(self.on(column), multiplier=self.multiplier[:step], rows=rows)
        with np.errstate(all="ignore"):
            last = deque(descend(again), maxlen=1)[0]
            return again.optimizer.divided_by(last.state, last.x)


@door
def run(
    loss: Loss | str,
    optimizer: Optimizer | str,
    learning_rate: ArrayLike,
    *,
    keep_preconditioner: bool = False,
    **conditions: Unpack[Conditions],
) -> Trajectory:
    """Descend from `start` and keep the whole path.

    A loss, an optimizer and a schedule may be given by name: then they have their defaults. `learning_rate` is a number or ``(runs,)``; the
    optimizer's hyperparameters may be ``(runs,)`` too. All else, such as `start` and `steps`, is one of the `conditions`, those of
    `Conditions`. `keep_preconditioner` keeps what divided the steps: as much memory again. A run that overflows goes on through inf and
    nan: nothing is clipped or raised.

    Raises ValueError for a rate or noise that is negative or not finite, a start of the wrong length or not finite, a batch larger than the
    data, numbers of runs that do not fit together, and a path of more than 20 million numbers (`sweep` keeps no path); TypeError for a
    keyword that is none.

    See also: `sweep`, which keeps no path; `judge`, `Trajectory`. PyTorch and optax leave this loop to their users.

    >>> from explorer import LOSSES, OPTIMIZERS
    >>> path = run(LOSSES["x_squared"](), OPTIMIZERS["gradient_descent"](), [0.5, 0.9, 1.1], start=[1.0], steps=2)
    >>> path.x[:, 0].round(2)
    array([[ 1.  ,  1.  ,  1.  ],
           [ 0.  , -0.8 , -1.2 ],
           [ 0.  ,  0.64,  1.44]])
    >>> run("rosenbrock", "adam", 0.01, schedule="cosine").runs
    1
    """
    descent = Descent.of(loss, optimizer, learning_rate, kept=True, **known_to("run", conditions))
    path = np.empty((descent.steps + 1, *descent.start.shape), descent.start.dtype)
    values, norms = np.empty((2, len(path), path.shape[-1]), path.dtype)
    rule = descent.optimizer
    keep = check_switch("keep_preconditioner", keep_preconditioner) and rule.preconditioner is not None
    divided_by = np.empty_like(path) if keep else None
    with np.errstate(all="ignore"), one_blas_thread:  # overflow is a result; for products this small, threads only wait for each other
        for moment in descend(descent):
            path[moment.step], values[moment.step], norms[moment.step] = moment.x, moment.loss, length(moment.gradient)
            if divided_by is not None and rule.preconditioner is not None:
                divided_by[moment.step] = rule.divided_by(moment.state, moment.x) if moment.step else np.nan
    return Trajectory(**vars(descent), x=path, loss=values, gradient_norm=norms, preconditioner=divided_by)


class Moment(NamedTuple):
    """What the loop has in its hands before each step: ``x`` and ``gradient`` ``(dim, runs)``, ``loss`` ``(runs,)``, the rule's state."""

    step: int
    x: Array
    loss: Array
    gradient: Array
    state: State


def descend(descent: Descent) -> Generator[Moment, NDArray[np.intp] | None, None]:
    """The loop: yields the moment before each step, and once more after the last. Loss and gradient are of the whole loss.

    Send the columns that are to go on to drop the other runs, which cost nothing from then on. With `whole` False the
    moments before the last have the loss and gradient of their step's batch. Raises Stopped once what is heeded
    (`heeding` in `core/ground/halt.py`) is set.
    """
    loss, optimizer, x, rows, whole = descent.objective, descent.optimizer, descent.start, descent.rows, descent.whole
    rate = descent.learning_rate if descent.rate_scale is None else descent.learning_rate * descent.rate_scale
    state, rate, gradient_noise = optimizer.begin(x, Facts(loss).layout), rate.astype(x.dtype, copy=False), descent.gradient_noise
    spread = np.array(np.broadcast_to(rate, x.shape)) if x.nbytes <= SMALL and x.flags.c_contiguous else rate
    random = np.random.default_rng([descent.seed, NOISE])
    for step, factor in enumerate(descent.multiplier.tolist()):
        heed()
        batch = loss if rows is None else loss.on(rows[step])  # type: ignore[attr-defined]
        value, gradient = (seen if step else first_seen)(loss if whole else batch, x)
        keep = yield Moment(step, x, value, gradient, state)
        if keep is not None:
            runs = x.shape[1]
            x, gradient, rate, spread = (columns(each, keep) for each in (x, gradient, rate, spread))
            state, optimizer = tuple(_columns(part, runs, keep) for part in state), optimizer.on(keep)
        if whole and rows is not None:
            _, gradient = seen(batch, x)
        if gradient_noise:
            gradient = gradient + gradient_noise * random.standard_normal((loss.dim, 1)).astype(x.dtype, copy=False)
        before = x.copy() if step < 2 else x  # a start of zeros hides x *= 0.9
        found = optimizer.direction(gradient, state, x, rate if factor == 1 else rate * factor)
        direction, state = found if step > 1 else check_step(found, x, before)
        if step % LOOK == 0 and (held := numbers(state)) > BATCH:
            rule = f"≤ {BATCH:,} numbers for all runs together, a window of the last steps, say, or fewer steps or runs"
            raise must("what the optimizer remembers", rule, f"{held:,} for {counted(x.shape[1], 'run')} at step {step:,}")
        way = (spread if factor == 1 else spread * factor) * direction
        if way.dtype.kind == "c":
            check_real("update", direction)
        x = np.subtract(x, way, out=way).astype(x.dtype, copy=False)  # a rule may compute more precisely than the start asks for
        del gradient, direction, way
    yield Moment(descent.steps, x, *seen(loss, x), state)


def numbers(state: Any) -> int:
    """Return how many numbers a state has, or a part of it.

    >>> numbers((3, np.zeros((2, 5)), [np.zeros(2)]))
    13
    """
    return sum(map(numbers, state)) if isinstance(state, tuple | list) else int(getattr(state, "size", 1))


def _columns(part: Any, runs: int, keep: NDArray[np.intp]) -> Any:
    return columns(part, keep) if np.ndim(part) and np.shape(part)[-1] == runs else part


def columns(part: Array, keep: NDArray[np.intp]) -> Array:
    """These runs of an array with the runs last, laid out in memory as all of them were: of ``part[:, keep]`` that is not so.

    What is made of arrays of one order has that order too, so a loss that asks for its own finds it at every step.

    >>> columns(np.asfortranarray(np.ones((3, 4))), np.array([0, 2])).flags.f_contiguous
    True
    """
    return part.T.take(keep, 0).T if part.flags.f_contiguous else part.take(keep, -1)


def batches(loss: Loss, batch_size: int | None, steps: int, seed: int = 0, *, replacement: bool = False) -> NDArray[np.intp] | None:
    """Which examples each step sees: ``(steps, batch_size)``, or None for all of them at every step.

    Each epoch is a new shuffle of the examples; what is left over at its end is dropped, so every batch has the same size. With
    `replacement` every example of every batch is drawn independently, and may come twice in one batch.
    """
    if batch_size is None:
        return None
    batch_size = check_whole("batch_size", batch_size, at_least=1)
    if not isinstance(loss, DataLoss):
        raise must("batch_size", "left out for a loss without examples", batch_size)
    check_takes("on", loss.on, "rows")
    if batch_size > (examples := Facts(loss).examples):
        raise must("batch_size", f"at most the number of examples, {examples}", batch_size)
    check_size("steps", steps, {"example": batch_size}, PATH)
    random = np.random.default_rng(seed)
    if replacement:
        return random.integers(loss.examples, size=(steps, batch_size), dtype=np.intp)
    per_epoch = loss.examples // batch_size
    epochs = [random.permutation(loss.examples)[: per_epoch * batch_size] for _ in range(-(-steps // per_epoch))]
    return np.reshape(np.concatenate(epochs) if epochs else [], (-1, batch_size))[:steps].astype(np.intp)
