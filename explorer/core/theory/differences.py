"""Derivatives from values alone: central differences of the size that rounding asks for, slopes on both sides, complex steps."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from explorer.core.losses.protocol import Array, Facts, Loss

POWERS = (1 / 5, 1 / 4, 1 / 7, 1 / 3, 2 / 5)
"""Sizes of the difference are these powers of the rounding ε, relative to the coordinate if that is above 1: they are tried until two in a
row agree to `AGREED`; else the best two. At ε^⅕ the errors of an extrapolated difference, h⁴ and ε/h, are alike (THEORY 57)."""

AGREED = 1e-7
"""Numeric gradients this close to each other, relative to their length, need no third."""

IMAGINARY = 1e-20
"""The size of a complex step: nothing is subtracted, so it may be arbitrarily small."""

AT_ONCE = 4_000_000
"""Numbers that are given to the loss at once, dim × runs."""

SLOPES = 40
"""Sizes of the difference that a slope along a direction is the mean over."""

LOOKED_AT = 8
"""Values near the point whose digits tell the precision that they were computed in."""

Move = NDArray[np.intp]
"""The coordinates that are changed together by one difference."""


def rounding(loss: Loss, point: Array) -> float:
    """Return the ε of the numbers that `loss` computes with: as it says, or that of float32 or float16 if its values near `point` are such.

    A loss in float32 often hands its value over as a Python float; then all digits beyond the 24th are 0.

    >>> from explorer import from_function
    >>> single = from_function(lambda x: (float(np.float32(np.cos(x[0]))), -np.sin(x)), start=[1.0])
    >>> rounding(single, single.start) == float(np.finfo(np.float32).eps)
    True
    """
    near = point[:, np.newaxis] + 0.01 * np.random.default_rng(0).standard_normal((point.size, LOOKED_AT)) * _scale(point)[:, np.newaxis]
    values = loss.value(near)
    values = values[np.isfinite(values)].astype(float)
    told = np.unique(values).size > LOOKED_AT // 2
    with np.errstate(over="ignore"):
        narrow = [kind for kind in (np.float16, np.float32) if told and (values.astype(kind) == values).all()]
    return max([Facts(loss).rounding, *(float(np.finfo(kind).eps) for kind in narrow)])


def _scale(point: Array) -> Array:
    return np.maximum(np.abs(point), 1)


def each(coordinates: NDArray[np.intp]) -> list[Move]:
    """Return one move along each of these coordinates."""
    return list(coordinates[:, np.newaxis])


def derivatives(loss: Loss, point: Array, moves: list[Move], eps: float) -> tuple[Array, float, float]:
    """Return the derivatives along these moves, how far the two estimates that are closest to each other are apart, and their step."""
    sizes = [eps**power for power in POWERS]
    before, best, doubt, chosen = differences(loss, point, moves, sizes[0]), np.full(len(moves), np.nan), np.inf, sizes[0]
    for size in sizes[1:]:
        now = differences(loss, point, moves, size)
        apart = float(np.linalg.norm(now - before))
        if apart < doubt:
            best, doubt, chosen = now, apart, size
        if doubt <= AGREED * np.linalg.norm(best):
            break
        before = now
    return best, doubt, chosen


def differences(loss: Loss, point: Array, moves: list[Move], size: float) -> Array:
    """(8 (f(h/2) - f(-h/2)) - (f(h) - f(-h))) / 6h along each move: its error is of the order h⁴."""
    return _stencil(loss, point, moves, size, (0.5, -0.5, 1.0, -1.0), lambda f, h: (8 * (f[0] - f[1]) - (f[2] - f[3])) / (6 * h))


def sides(loss: Loss, point: Array, moves: list[Move], size: float) -> tuple[Array, Array]:
    """Return the slopes to the left and to the right, each with an error of the order h²: ±(4 f(±h/2) - f(±h) - 3 f(0)) / h."""

    def side(sign: float) -> Array:
        return _stencil(loss, point, moves, size, (0, sign / 2, sign), lambda f, h: sign * (4 * f[1] - f[2] - 3 * f[0]) / h)

    return side(-1), side(1)


def slopes_along(loss: Loss, point: Array, direction: Array, eps: float) -> tuple[float, float, float]:
    """Return the slopes to the left and right along a direction ``(dim,)`` of length 1, and the standard error of their mean.

    Means over many sizes: less blurred than the derivatives by each coordinate, by the square root of their number, and where the loss
    has kinks all around, as a network of relus in float32 has, because the errors of kinks (∝ h) and of rounding (∝ ε/h) average out.
    """
    h = eps ** np.linspace(2 / 5, 1 / 2, SLOPES) * _scale(point[direction != 0]).max()
    values = loss.value(point[:, np.newaxis] + direction[:, np.newaxis] * np.concatenate([[0], h, -h])).astype(float)
    right, left = (values[1 : SLOPES + 1] - values[0]) / h, (values[0] - values[SLOPES + 1 :]) / h
    unseen = eps * abs(values[0]) / h[0]  # a slope so small changes no digit of the loss, and then all of them are 0
    return float(left.mean()), float(right.mean()), float(max(((left + right) / 2).std(ddof=1), unseen) / np.sqrt(SLOPES))


def _stencil(
    loss: Loss, point: Array, moves: list[Move], size: float, shares: Sequence[float], combined: Callable[[list[Array], Array], Array]
) -> Array:
    found = []
    for some in _chunks(point, moves):
        h = size * np.array([_scale(point[move]).max() for move in some])
        found.append(combined([loss.value(_moved(point, some, share * h)) for share in shares], h))
    return np.concatenate(found)


def complex_step(loss: Loss, point: Array, moves: list[Move]) -> Array | None:
    """Im f(x + ih)/h along each move; None for a loss that does not compute with complex numbers."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a loss that drops the imaginary part disagrees with the differences, and does not count
            steps = ((some, np.full(len(some), IMAGINARY * 1j)) for some in _chunks(point, moves))
            values = np.concatenate([loss.value(_moved(point, some, step)) for some, step in steps])
    except Exception:  # noqa: BLE001 - however a user's function fails on complex numbers, there are the differences
        return None
    return values.imag / IMAGINARY if np.iscomplexobj(values) else None


def _moved(point: Array, moves: list[Move], by: Array) -> Array:
    """Return the point ``(dim, moves)``, each column with its coordinates moved."""
    x = np.repeat(point[:, np.newaxis], len(moves), axis=1).astype(np.result_type(point, by))
    for column, move in enumerate(moves):
        x[move, column] += by[column]
    return x


def _chunks(point: Array, moves: list[Move]) -> Iterator[list[Move]]:
    """Return the moves in groups that fit into memory."""
    at_once = max(AT_ONCE // point.size // 4, 1)
    return (moves[begin : begin + at_once] for begin in range(0, len(moves), at_once))
