"""Is the gradient right? The analytic one against differences of the loss, one group of parameters at a time."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from explorer.core.ground.blas import one_blas_thread
from explorer.core.ground.knobs import check_number, must
from explorer.core.ground.prose import plain
from explorer.core.losses.protocol import Facts, Loss

Array = NDArray[np.float64]

WRONG = 1e-4
"""A relative error beyond this is not rounding: these differences agree with a right gradient to about 1e-8."""

SIZES = (1e-3, 1e-4, 1e-2, 1e-5, 1e-6)
"""Sizes of the difference, relative to the coordinate if that is above 1: tried until two in a row agree to `AGREED`; else the best two."""

AGREED = 1e-7
"""Numeric gradients this close to each other, relative to their length, need no third."""

IMAGINARY = 1e-20
"""The size of a complex step: nothing is subtracted, so it may be arbitrarily small."""

CONFIRMED = 1e-6
"""A complex step counts only if differences agree to this: for a loss with an absolute value it computes something else."""

BLURRED = 0.1
"""Numeric gradients that differ by more than this share of their length are inconclusive."""

MOST = 32
"""Coordinates of one block that are checked: all of a small one, a sample of a large one."""

AT_ONCE = 4_000_000
"""Numbers that are given to the loss at once, dim × runs."""

CURVE = 10.0 ** -np.arange(0.5, 13.0, 0.5)
"""Sizes of the difference at which `error_by_step` looks, relative as `SIZES` are."""

ON_THE_CURVE = 8
"""Coordinates of one block that `error_by_step` looks at."""

Move = NDArray[np.intp]
"""The coordinates that are changed together by one difference."""


@dataclass(frozen=True)
class BlockCheck:
    """One group of parameters: how far the analytic gradient is from the numeric one, relative to the length of the latter.

    `doubt` is how far two numeric gradients are from each other, or what the rounding of the loss makes of them if that is more, by the
    same measure (of the analytic one where the numeric is 0): an `error` that is not well above it says nothing.
    `analytic` and `numeric` are the lengths of the two over the `checked` of `size` parameters; of a single parameter the number itself.
    `step` is the size of the difference, relative to the coordinate if that is above 1, and `method` how it was taken. `mistake` names
    what was forgotten, where the two gradients tell; else it is empty.
    """

    block: str
    error: float
    doubt: float
    analytic: float
    numeric: float
    checked: int
    size: int
    step: float
    method: Literal["complex step", "differences"]
    mistake: str = ""

    @property
    def verdict(self) -> Literal["right", "wrong", "cannot tell"]:
        """Whether the analytic gradient is that of the loss, where differences of the loss can tell."""
        clear = self.doubt <= BLURRED or (self.numeric and self.error > 10 * self.doubt)
        if not np.isfinite(self.numeric) or (self.error and not clear):
            return "cannot tell"
        return "right" if self.error <= max(WRONG, 10 * self.doubt) else "wrong"

    @property
    def wrong(self) -> bool:
        """Whether the analytic gradient is not that of the loss."""
        return self.verdict == "wrong"

    def sentence(self) -> str:
        """Return the finding in words."""
        what = f"{self.block}: relative error {plain(self.error, 2)} over {self.checked} of {self.size} parameters"
        match self.verdict:
            case "wrong":
                return f"{what}; the gradient is not that of the loss{f': {self.mistake}' if self.mistake else ''}"
            case "cannot tell":
                return f"{what}; differences cannot tell here, because no two of them agree: the loss is too flat, too large, or has a kink"
        return what


@dataclass(frozen=True)
class GradientCheck:
    """What `check_gradient` found, block by block."""

    blocks: tuple[BlockCheck, ...]

    @property
    def wrong(self) -> tuple[str, ...]:
        """The names of the blocks whose gradient is not that of the loss; empty if all is well."""
        return tuple(each.block for each in self.blocks if each.wrong)

    def __getitem__(self, block: str) -> BlockCheck:
        return next(each for each in self.blocks if each.block == block)

    def sentence(self) -> str:
        """Return all findings, a line each."""
        return "\n".join(each.sentence() for each in self.blocks)

    def summary(self) -> str:
        """Return the finding in one or two sentences.

        >>> from explorer import LOSSES
        >>> check_gradient(LOSSES["booth"]()).summary()
        'The gradient is right.'
        """
        unknown = [each.block for each in self.blocks if each.verdict == "cannot tell"]
        found = [
            f"The gradient by {each.block} is wrong{f': {each.mistake}' if each.mistake else ''}." for each in self.blocks if each.wrong
        ]
        if unknown:
            found.append(f"Of {_listed(unknown)} differences of the loss cannot tell: no two of them agree.")
        rest = [each.block for each in self.blocks if each.verdict == "right"]
        if rest and found:
            found.append(f"{'All others are' if len(rest) > 1 else f'{rest[0]} is'} right.")
        return " ".join(found) or "The gradient is right."


def _listed(names: list[str]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else names[0]


def check_gradient(loss: Loss, x: ArrayLike | None = None, *, seed: int = 0) -> GradientCheck:
    """Compares the gradient of `loss` at `x` ``(dim,)``, by default its start, with central differences of its value.

    The differences are extrapolated once (Richardson), which leaves an error of the fourth power of their size, and are taken at several
    sizes, because none fits every loss. Where the loss can be computed with complex numbers and they agree, the complex step
    Im f(x + ih)/h takes their place, which is exact but for rounding (Squire and Trapp 1998, SIAM Review 40). The parameters are
    grouped by the loss's `blocks`, if it has any; of a large block a sample of `MOST` is checked, drawn from `seed`.

    Raises ValueError for a point of the wrong length.

    >>> from explorer import LOSSES, check_gradient, from_function
    >>> check_gradient(LOSSES["rosenbrock"]()).wrong
    ()
    >>> forgotten = from_function(lambda x: (x @ x, x), start=[3.0, 4.0])    # its gradient is 2x
    >>> check_gradient(forgotten).sentence()
    'x: relative error 0.5 over 2 of 2 parameters; the gradient is not that of the loss: it is 0.5 times the right one'
    """
    point, gradient = _at(loss, x)
    random = np.random.default_rng(seed)
    with np.errstate(all="ignore"), one_blas_thread:
        return GradientCheck(tuple(_checked(loss, point, gradient, name, where, random) for name, where in Facts(loss).groups))


def error_by_step(loss: Loss, x: ArrayLike | None = None, *, seed: int = 0) -> dict[str, Array]:
    """Return the relative error of each block's gradient at `x` ``(dim,)`` against differences of each size in `CURVE`, ``(len(CURVE),)``.

    A right gradient makes a V: differences that are too large miss the curvature, those that are too small are all rounding. A wrong one
    stays flat at its error. Of each block a sample of `ON_THE_CURVE` is looked at. Raises ValueError for a point of the wrong length.

    >>> from explorer import LOSSES
    >>> errors = error_by_step(LOSSES["network"]())["W1"]
    >>> bool(errors[0] > 1e-4), bool(errors.min() < 1e-9), bool(errors[-1] > 1e-4)
    (True, True, True)
    """
    point, gradient = _at(loss, x)
    random = np.random.default_rng(seed)
    found = {}
    with np.errstate(all="ignore"), one_blas_thread:
        for name, where in Facts(loss).groups:
            some = random.permutation(np.arange(point.size)[where])[:ON_THE_CURVE]
            numeric = [_differences(loss, point, _each(some), size) for size in CURVE]
            found[name] = np.array([_relative(gradient[some] - each, each) for each in numeric])
    return found


def _at(loss: Loss, x: ArrayLike | None) -> tuple[Array, Array]:
    """Return the point ``(dim,)`` and the gradient there."""
    point = np.asarray(loss.start if x is None else check_number("x", x, shape="numbers"), dtype=float)
    if point.shape != (loss.dim,):
        raise must("x", f"{loss.dim} numbers, (dim,)", f"shape {point.shape}")
    with np.errstate(all="ignore"), one_blas_thread:
        return point, loss.value_and_gradient(point[:, np.newaxis])[1][:, 0]


def _each(coordinates: NDArray[np.intp]) -> list[Move]:
    """Return one move along each of these coordinates."""
    return list(coordinates[:, np.newaxis])


def _relative(off: Array, to: Array) -> float:
    """Return the length of one relative to that of the other; 0 where both are 0."""
    length, reference = float(np.linalg.norm(off)), float(np.linalg.norm(to))
    return length / reference if reference else np.inf if length else 0.0


def _checked(loss: Loss, point: Array, gradient: Array, name: str, where: slice, random: np.random.Generator) -> BlockCheck:
    everything = np.arange(point.size)[where]
    some = np.sort(random.permutation(everything)[:MOST])
    numeric, apart, step = _numeric(loss, point, _each(some))
    analytic = gradient[some]
    rounding = float(np.finfo(float).eps / step * np.sqrt(some.size) * np.abs(loss.value(point[:, np.newaxis])[0]))
    reference = float(np.linalg.norm(numeric) or np.linalg.norm(analytic))
    doubt = max(apart, rounding) / reference if reference else 0.0
    method: Literal["complex step", "differences"] = "differences"
    exact = _complex_step(loss, point, _each(some))
    if exact is not None and doubt <= BLURRED and _relative(exact - numeric, numeric) <= max(CONFIRMED, 10 * doubt):
        numeric, doubt, step, method = exact, float(np.finfo(float).eps), IMAGINARY, "complex step"
    alone = everything.size == 1
    found = BlockCheck(
        block=name,
        error=_relative(analytic - numeric, numeric),
        doubt=doubt,
        analytic=float(analytic[0] if alone else np.linalg.norm(analytic)),
        numeric=float(numeric[0] if alone else np.linalg.norm(numeric)),
        checked=some.size,
        size=everything.size,
        step=step,
        method=method,
    )
    return replace(found, mistake=_mistake(loss, point, gradient, everything, analytic, numeric)) if found.wrong else found


def _mistake(loss: Loss, point: Array, gradient: Array, everything: NDArray[np.intp], analytic: Array, numeric: Array) -> str:
    """Return what was forgotten, in words; empty where the two gradients do not tell."""
    if not np.isfinite(analytic).all():
        return "it is not finite"
    whole = gradient[everything]
    if everything.size > 1 and np.ptp(whole) <= 1e-9 * np.abs(whole).max() and np.ptp(numeric) > WRONG * np.abs(numeric).max():
        total = float(_numeric(loss, point, [everything])[0][0])
        for value, word in ((total, "sum"), (total / everything.size, "mean")):
            if abs(whole[0] - value) <= WRONG * abs(value):
                return (
                    f"each of its {everything.size} numbers is the {word} of all {everything.size}: a {word} over the examples went over"
                    f" the units too, as {word}(dZ, keepdims=True) does without axis=1"
                )
    squares = float(numeric @ numeric)
    times = float(analytic @ numeric) / squares if squares else 0.0
    if not times or not _relative(analytic - times * numeric, analytic) <= WRONG:
        return ""
    if abs(times + 1) <= WRONG:
        return "it has the opposite sign"
    examples = Facts(loss).examples
    if examples > 1 and abs(times / examples - 1) <= WRONG:
        return f"it is the sum over the {examples} examples, where the loss is their mean"
    if examples > 1 and abs(times * examples - 1) <= WRONG:
        return f"it is the mean over the {examples} examples, where the loss is their sum"
    whole_number = max(abs(times), 1 / abs(times))
    if everything.size > 1 or (whole_number <= 100 and abs(whole_number - round(whole_number)) <= 1e-6 * whole_number):
        return f"it is {plain(times, 4)} times the right one"
    return ""


def _numeric(loss: Loss, point: Array, moves: list[Move]) -> tuple[Array, float, float]:
    """Return the derivatives along these moves, how far the two estimates that are closest to each other are apart, and their step."""
    before, best, doubt, chosen = _differences(loss, point, moves, SIZES[0]), np.full(len(moves), np.nan), np.inf, SIZES[0]
    for size in SIZES[1:]:
        now = _differences(loss, point, moves, size)
        apart = float(np.linalg.norm(now - before))
        if apart < doubt:
            best, doubt, chosen = now, apart, size
        if doubt <= AGREED * np.linalg.norm(best):
            break
        before = now
    return best, doubt, chosen


def _moved(point: Array, moves: list[Move], by: Array) -> Array:
    """Return the point ``(dim, moves)``, each column with its coordinates moved."""
    x = np.repeat(point[:, np.newaxis], len(moves), axis=1).astype(np.result_type(point, by))
    for column, move in enumerate(moves):
        x[move, column] += by[column]
    return x


def _differences(loss: Loss, point: Array, moves: list[Move], size: float) -> Array:
    """(8 (f(h/2) - f(-h/2)) - (f(h) - f(-h))) / 6h along each move: its error is of the order h⁴."""
    found = []
    for some in _chunks(point, moves):
        h = size * np.array([max(float(np.abs(point[move]).max()), 1.0) for move in some])
        near_up, near_down, up, down = (loss.value(_moved(point, some, share * h)) for share in (0.5, -0.5, 1.0, -1.0))
        found.append((8 * (near_up - near_down) - (up - down)) / (6 * h))
    return np.concatenate(found)


def _complex_step(loss: Loss, point: Array, moves: list[Move]) -> Array | None:
    """Im f(x + ih)/h along each move; None for a loss that does not compute with complex numbers."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a loss that drops the imaginary part disagrees with the differences, and does not count
            steps = ((some, np.full(len(some), IMAGINARY * 1j)) for some in _chunks(point, moves))
            values = np.concatenate([loss.value(_moved(point, some, step)) for some, step in steps])
    except Exception:  # noqa: BLE001 - however a user's function fails on complex numbers, there are the differences
        return None
    return values.imag / IMAGINARY if np.iscomplexobj(values) else None


def _chunks(point: Array, moves: list[Move]) -> Iterator[list[Move]]:
    """Return the moves in groups that fit into memory."""
    at_once = max(AT_ONCE // point.size // 4, 1)
    return (moves[begin : begin + at_once] for begin in range(0, len(moves), at_once))
