"""Is the gradient right? The analytic one against differences of the loss, one group of parameters at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from explorer.core.blas import one_blas_thread
from explorer.core.knobs import check_number, must
from explorer.core.losses.protocol import Loss
from explorer.core.prose import plain

Array = NDArray[np.float64]

WRONG = 1e-4
"""A relative error beyond this is no rounding: differences as taken here agree with a right gradient to about 1e-8."""

SIZES = (1e-3, 1e-4, 1e-2, 1e-5, 1e-6)
"""Sizes of the difference, relative to the coordinate if that is above 1: tried until two in a row agree to `AGREED`; else the best two."""

AGREED = 1e-7
"""Numeric gradients this close to each other, relative to their length, need no third."""

MOST = 32
"""Coordinates of one block that are checked: all of a small one, a sample of a large one."""

AT_ONCE = 4_000_000
"""Numbers that are given to the loss at once, dim × runs."""


@dataclass(frozen=True)
class BlockCheck:
    """One group of parameters: how far the analytic gradient is from the numeric one, relative to the length of the latter.

    `doubt` is how far two numeric gradients are from each other, by the same measure: an `error` that is not well above it says nothing.
    """

    block: str
    error: float
    doubt: float
    analytic: float
    numeric: float
    checked: int
    size: int

    @property
    def wrong(self) -> bool:
        """Whether the analytic gradient is not that of the loss."""
        return not self.error <= max(WRONG, 10 * self.doubt)

    def sentence(self) -> str:
        """The finding in words."""
        what = f"{self.block}: relative error {plain(self.error, 2)} over {self.checked} of {self.size} parameters"
        return f"{what}; the gradient is not that of the loss" if self.wrong else what


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
        """All findings, a line each."""
        return "\n".join(each.sentence() for each in self.blocks)


def check_gradient(loss: Loss, x: ArrayLike | None = None, *, seed: int = 0) -> GradientCheck:
    """Compares the gradient of `loss` at `x` ``(dim,)``, by default its start, with central differences of its value.

    The differences are extrapolated once (Richardson), which leaves an error of the fourth power of their size, and are taken at several
    sizes, because none fits every loss. The parameters are grouped by the loss's `blocks`, if it has any; of a large block a sample of
    `MOST` is checked, drawn from `seed`. Raises ValueError for a point of the wrong length.

    >>> from explorer import LOSSES, check_gradient, from_function
    >>> check_gradient(LOSSES["rosenbrock"]()).wrong
    ()
    >>> forgotten = from_function(lambda x: (x @ x, x), start=[3.0, 4.0])    # its gradient is 2x
    >>> check_gradient(forgotten).sentence()
    'x: relative error 0.5 over 2 of 2 parameters; the gradient is not that of the loss'
    """
    point = np.asarray(loss.start if x is None else check_number("x", x, shape="numbers"), dtype=float)
    if point.shape != (loss.dim,):
        raise must("x", f"{loss.dim} numbers, (dim,)", f"shape {point.shape}")
    random = np.random.default_rng(seed)
    blocks: tuple[tuple[str, slice], ...] = getattr(loss, "blocks", (("x", slice(0, loss.dim)),))
    with np.errstate(all="ignore"), one_blas_thread():
        gradient = loss.value_and_gradient(point[:, np.newaxis])[1][:, 0]
        return GradientCheck(tuple(_checked(loss, point, gradient, name, where, random) for name, where in blocks))


def _checked(loss: Loss, point: Array, gradient: Array, name: str, where: slice, random: np.random.Generator) -> BlockCheck:
    everything = np.arange(point.size)[where]
    some = np.sort(random.permutation(everything)[:MOST])
    numeric, doubt = _numeric(loss, point, some)
    numeric_length = float(np.linalg.norm(numeric))
    off = float(np.linalg.norm(gradient[some] - numeric))
    error = off / numeric_length if numeric_length else np.inf if off else 0.0
    doubt = doubt / numeric_length if numeric_length else 0.0
    return BlockCheck(name, error, doubt, float(np.linalg.norm(gradient[some])), numeric_length, some.size, everything.size)


def _numeric(loss: Loss, point: Array, coordinates: NDArray[np.intp]) -> tuple[Array, float]:
    """The partial derivatives, and how far the two estimates of them that are closest to each other are apart."""
    before, best, doubt = _differences(loss, point, coordinates, SIZES[0]), np.full(coordinates.size, np.nan), np.inf
    for size in SIZES[1:]:
        now = _differences(loss, point, coordinates, size)
        apart = float(np.linalg.norm(now - before))
        if apart < doubt:
            best, doubt = now, apart
        if doubt <= AGREED * np.linalg.norm(best):
            break
        before = now
    return best, doubt


def _differences(loss: Loss, point: Array, coordinates: NDArray[np.intp], size: float) -> Array:
    """(8 (f(h/2) - f(-h/2)) - (f(h) - f(-h))) / 6h along each coordinate: its error is of the order h⁴."""
    found = np.empty(coordinates.size)
    at_once = max(AT_ONCE // point.size // 4, 1)
    for begin in range(0, coordinates.size, at_once):
        some = coordinates[begin : begin + at_once]
        h = size * np.maximum(np.abs(point[some]), 1)
        values = []
        for share in (0.5, -0.5, 1.0, -1.0):
            x = np.repeat(point[:, np.newaxis], some.size, axis=1)
            x[some, np.arange(some.size)] += share * h
            values.append(loss.value(x))
        near_up, near_down, up, down = values
        found[begin : begin + at_once] = (8 * (near_up - near_down) - (up - down)) / (6 * h)
    return found
