"""The one loop of the program, and the path it leaves."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from explorer.core.ground.blas import one_blas_thread
from explorer.core.ground.knobs import NOT_NEGATIVE, check_number, check_whole, must
from explorer.core.losses.protocol import DataLoss, Facts, Loss
from explorer.core.optimizers import Optimizer, State, length
from explorer.core.schedules import Schedule, constant

Array = NDArray[np.float64]

MOST_NUMBERS = 20_000_000
"""The most numbers a kept path may have, (steps + 1) × runs × dim: 160 MB of float64."""

NOISE = 1
"""Stream id of the gradient's noise: keeps it independent of the batches, which the same seed draws."""

# The GNU C library returns freed memory to the system and fetches it again page by page at every step, unless it has once seen a larger
# block freed. For sweeps of 2**15 runs that is 1.1 to 1.3 times the CPU time: benchmarks/first_block.py.
np.empty(2**21)


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Everything that happened to a batch of runs. Index 0 is the start; the last axis is always runs.

    `x` is ``(steps+1, dim, runs)``; `loss` and `gradient_norm` (Euclidean) are ``(steps+1, runs)``, of the whole loss even where
    the steps were taken on mini-batches; `learning_rate` is ``(runs,)`` and `multiplier`, the schedule's part of it, ``(steps,)``.
    `objective`, `optimizer` and `batch_size` say what ran. `preconditioner` ``(steps+1, dim, runs)``, kept if it was asked for, is
    what divided each coordinate's last step; nan at the start. `rows` ``(steps, batch_size)`` are the examples of each step (drawn with
    `replacement` or in epochs), and
    `gradient_noise` is the standard deviation of what was added to each coordinate of the gradient.
    """

    x: Array
    loss: Array
    gradient_norm: Array
    learning_rate: Array
    multiplier: Array
    objective: Loss
    optimizer: Optimizer
    batch_size: int | None = None
    preconditioner: Array | None = None
    rows: NDArray[np.intp] | None = None
    gradient_noise: float = 0.0
    replacement: bool = False
    seed: int = 0
    rate_scale: ArrayLike | None = None

    @property
    def stochastic(self) -> bool:
        """Whether random numbers went into the steps: mini-batches or noise."""
        return self.rows is not None or self.gradient_noise > 0

    @property
    def steps(self) -> int:
        return len(self.x) - 1

    @property
    def runs(self) -> int:
        return self.x.shape[-1]

    def preconditioner_at(self, step: int, run: int = 0) -> Array | None:
        """What divided each coordinate's last step before `step` in one run, ``(dim, 1)``; None at the start, or if nothing did.

        If it was not kept, the run takes its steps again.
        """
        divided_by, column = self.optimizer.preconditioner, np.array([run])
        if divided_by is None or step == 0:
            return None
        if self.preconditioner is not None:
            return self.preconditioner[step][:, column]
        rates = scaled(self.learning_rate, self.rate_scale, self.x[0])[..., column]
        rows, multiplier = None if self.rows is None else self.rows[:step], self.multiplier[:step]
        with np.errstate(all="ignore"):
            again = descend(
                self.objective, self.optimizer.on(column), rates, self.x[0][:, column], multiplier, rows, self.gradient_noise, self.seed
            )
            return np.broadcast_to(divided_by(deque(again, maxlen=1)[0].state), (self.x.shape[1], 1))


def run(
    loss: Loss,
    optimizer: Optimizer,
    learning_rate: ArrayLike,
    *,
    start: ArrayLike | None = None,
    steps: int = 100,
    schedule: Schedule | None = None,
    batch_size: int | None = None,
    replacement: bool = False,
    gradient_noise: float = 0.0,
    seed: int = 0,
    keep_preconditioner: bool = False,
    whole: bool = True,
    rate_scale: ArrayLike | None = None,
) -> Trajectory:
    """Descend from `start` and keep the whole path.

    `learning_rate` is a number or ``(runs,)``; `start` is ``(dim,)``, shared by all runs, or ``(dim, runs)``; the optimizer's
    hyperparameters may be ``(runs,)`` too. `batch_size` takes each step on that many of the loss's examples, the same for all
    runs, drawn from `seed`: shuffled in epochs, or with `replacement` each example independently. `gradient_noise` adds normal
    noise of that standard deviation to every coordinate of the gradient, the same at the same step of all runs, from `seed` too.
    `whole` False records at each step the loss and gradient of its batch, which the step needs anyway, instead of those of all examples,
    which cost as much as many steps; only the last is still of all. `rate_scale` ``(dim,)`` or ``(dim, runs)`` multiplies the learning
    rate of each coordinate, such as those of one layer. Everything is computed in the type of the start, float32 or float64. A run that
    overflows goes on through inf and nan: nothing is clipped or raised.

    Raises ValueError for a rate or noise that is negative or not finite, a start of the wrong length or not finite, a batch larger than the
    data, and a path of more than `MOST_NUMBERS` numbers (`sweep` keeps no path).

    >>> from explorer import LOSSES, OPTIMIZERS
    >>> path = run(LOSSES["x_squared"](), OPTIMIZERS["gradient_descent"](), [0.5, 0.9, 1.1], start=[1.0], steps=2)
    >>> path.x[:, 0].round(2)
    array([[ 1.  ,  1.  ,  1.  ],
           [ 0.  , -0.8 , -1.2 ],
           [ 0.  ,  0.64,  1.44]])
    """
    rate = check_rate(learning_rate)
    steps = check_whole("steps", steps, at_least=0)
    x, rate = aligned(loss, optimizer, rate, start, rate_scale)
    check_size(steps, *x.shape)
    multiplier = (schedule or constant())(np.arange(steps))
    path = np.empty((steps + 1, *x.shape), x.dtype)
    values, norms = np.empty((2, steps + 1, x.shape[1]), x.dtype)
    rates = scaled(rate, rate_scale, x)
    rows, noise = batches(loss, batch_size, steps, seed, replacement=replacement), check_noise(gradient_noise)
    divided_by = np.empty_like(path) if keep_preconditioner and optimizer.preconditioner is not None else None
    with np.errstate(all="ignore"), one_blas_thread:  # overflow is a result; for products this small, threads only wait for each other
        for moment in descend(loss, optimizer, rates, x, multiplier, rows, noise, seed, whole=whole):
            path[moment.step], values[moment.step], norms[moment.step] = moment.x, moment.loss, length(moment.gradient)
            if divided_by is not None and optimizer.preconditioner is not None:
                divided_by[moment.step] = optimizer.preconditioner(moment.state) if moment.step else np.nan
    made = (loss, optimizer, batch_size, divided_by, rows, noise, replacement, seed, rate_scale)
    return Trajectory(path, values, norms, rate, multiplier, *made)


class Moment(NamedTuple):
    """What the loop has in its hands before each step: ``x`` and ``gradient`` ``(dim, runs)``, ``loss`` ``(runs,)``, the rule's state."""

    step: int
    x: Array
    loss: Array
    gradient: Array
    state: State


def descend(
    loss: Loss,
    optimizer: Optimizer,
    learning_rate: Array,
    x: Array,
    multiplier: Array,
    rows: NDArray[np.intp] | None = None,
    gradient_noise: float = 0.0,
    seed: int = 0,
    *,
    whole: bool = True,
) -> Generator[Moment, NDArray[np.intp] | None, None]:
    """The loop: yields the moment before each step, and once more after the last. Loss and gradient are of the whole loss.

    One step a row of `multiplier` ``(steps,)``, each on the loss's examples ``rows[step]`` if `rows` are given, with normal
    noise from `seed` of standard deviation `gradient_noise` on each coordinate, the same for all runs. Whoever is done with
    some of the runs sends the columns that are to go on; the others cost nothing from then on. `learning_rate` is ``(runs,)`` or
    ``(dim, runs)``. With `whole` False the moments before the last have the loss and gradient of their step's batch.
    """
    state, learning_rate = optimizer.init(x), learning_rate.astype(x.dtype, copy=False)
    random = np.random.default_rng([seed, NOISE])
    for step, factor in enumerate(multiplier):
        batch = loss if rows is None else loss.on(rows[step])  # type: ignore[attr-defined]
        value, gradient = (loss if whole else batch).value_and_gradient(x)
        keep = yield Moment(step, x, value, gradient, state)
        if keep is not None:
            runs = x.shape[1]
            x, gradient, learning_rate = columns(x, keep), columns(gradient, keep), columns(learning_rate, keep)
            state, optimizer = tuple(_columns(part, runs, keep) for part in state), optimizer.on(keep)
        if whole and rows is not None:
            _, gradient = batch.value_and_gradient(x)
        if gradient_noise:
            gradient = gradient + gradient_noise * random.standard_normal((loss.dim, 1)).astype(x.dtype, copy=False)
        direction, state = optimizer.update(gradient, state, x)
        way = (learning_rate if factor == 1 else learning_rate * float(factor)) * direction
        x = np.subtract(x, way, out=way).astype(x.dtype, copy=False)  # a rule may compute more precisely than the start asks for
        del gradient, direction, way
    yield Moment(len(multiplier), x, *loss.value_and_gradient(x), state)


def _columns(part: Any, runs: int, keep: NDArray[np.intp]) -> Any:
    """A part of a state for some of its runs; what has no runs, such as a counter, stays as it is."""
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
    if not isinstance(loss, DataLoss):
        raise ValueError(f"batch_size must be left out for a loss without examples, got {batch_size}")
    batch_size = check_whole("batch_size", batch_size, at_least=1)
    if batch_size > loss.examples:
        raise must("batch_size", f"at most the number of examples, {loss.examples}", batch_size)
    random = np.random.default_rng(seed)
    if replacement:
        return random.integers(loss.examples, size=(steps, batch_size), dtype=np.intp)
    per_epoch = loss.examples // batch_size
    epochs = [random.permutation(loss.examples)[: per_epoch * batch_size] for _ in range(-(-steps // per_epoch))]
    return np.reshape(np.concatenate(epochs) if epochs else [], (-1, batch_size))[:steps].astype(np.intp)


def check_rate(learning_rate: ArrayLike) -> Array:
    """The rates as ``(runs,)``; refused with a sentence unless each is finite and ≥ 0."""
    return np.atleast_1d(check_number("learning_rate", learning_rate, NOT_NEGATIVE))


def check_noise(gradient_noise: Any) -> float:
    """The standard deviation as a float; refused with a sentence unless it is one finite number ≥ 0."""
    number = check_number("gradient_noise", gradient_noise, NOT_NEGATIVE)
    if np.ndim(number):
        raise must("gradient_noise", "one number", gradient_noise)
    return float(number)


def check_size(steps: int, dim: int, runs: int) -> None:
    """Refuses a path that would not fit, and says what would."""
    if (steps + 1) * dim * runs > MOST_NUMBERS:
        raise ValueError(
            f"(steps + 1) × dim × runs must be ≤ {MOST_NUMBERS:,}, got {steps + 1:,} × {dim:,} × {runs:,};"
            f" {max(MOST_NUMBERS // (dim * runs) - 1, 0):,} steps would fit, or use sweep, which keeps no path"
        )


def aligned(
    loss: Loss, optimizer: Optimizer, rate: Array, start: ArrayLike | None, rate_scale: ArrayLike | None = None
) -> tuple[Array, Array]:
    """The start ``(dim, runs)`` and the rates ``(runs,)``, after all that may differ between runs has been given its runs."""
    x = np.asarray(loss.start if start is None else check_number("start", start, shape="numbers"))
    x = x.astype(np.float32 if np.asarray(loss.start if start is None else start).dtype == np.float32 else float, copy=False)
    x = x[:, np.newaxis] if x.ndim == 1 else x
    if x.ndim != 2 or len(x) != loss.dim:
        raise must("start", f"{loss.dim} numbers, (dim,) or (dim, runs)", f"shape {x.shape}")
    if rate.ndim != 1:
        raise must("learning_rate", "a number or one per run, (runs,)", f"shape {rate.shape}")
    counts = {"learning_rate": rate.size, "start": x.shape[1], "hyperparameters": optimizer.runs}
    counts["rate_scale"] = np.atleast_2d(1 if rate_scale is None else np.transpose(rate_scale)).shape[0]
    runs = max(counts.values())
    for name, count in counts.items():
        if count not in (1, runs):
            raise must(name, f"for 1 run or for all {runs} of them", f"{count} runs")
    return np.array(np.broadcast_to(x, (loss.dim, runs)), order=Facts(loss).order), np.array(np.broadcast_to(rate, runs))


def scaled(rate: Array, scale: ArrayLike | None, x: Array) -> Array:
    """The rate of each coordinate, ``(dim, runs)``, or the rates as they are if there is no `scale`, ``(dim,)`` or ``(dim, runs)``."""
    if scale is None:
        return rate
    factors = np.asarray(check_number("rate_scale", scale, NOT_NEGATIVE, shape="numbers"))
    factors = factors[:, np.newaxis] if factors.ndim == 1 else factors
    if factors.shape not in ((len(x), 1), x.shape):
        raise must("rate_scale", f"(dim,) or (dim, runs), with dim {len(x)}", f"shape {np.shape(scale)}")
    return np.array(np.broadcast_to(rate * factors, x.shape), order="F" if x.flags.f_contiguous else "C")
