"""What a linear model does among its examples: the line that it lays through them, or the border that it draws between two classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from explorer.core.ground.arrays import Array

FAR = 1e3
"""Ends are drawn at most this many windows away: beyond, a line is upright for any eye, and its numbers too large for a browser."""


@dataclass(frozen=True, eq=False)
class Fit:
    """Examples and the model's line among them, along the first feature or the first two that are not constant; others at their mean.

    `groups` are the examples, one class each, ``(2, n)``; `window` is ``(2, 2)``, the ranges across and up that show them, and a line that
    leaves it may open it upward to `opens` times its size; `ends` maps weights ``(dim, k)`` to the two ends of the line, outside of the
    window, ``(2, 2, k)``: coordinate, end, point; `note` says what the marks are.

    >>> X, y = np.array([[1.0, 1], [3, 1]]), np.array([2.0, 6])
    >>> across, up = Fit.line(X, y, ("x", "constant"), "y").ends(np.array([[2.0], [1.0]]))
    >>> ((up - 1) / across).ravel()
    array([2., 2.])
    """

    groups: tuple[Array, ...]
    labels: tuple[str, str]
    window: Array
    ends: Callable[[Array], Array]
    note: str
    opens: float = 1.0

    @classmethod
    def line(cls, X: Array, y: Array, coordinates: Sequence[str], answer: str) -> Self | None:
        """The heights of Xw along one feature: X is ``(n, dim)``, `y` ``(n,)``; None if no feature varies, or a number is not finite."""
        if not len(varying(X)) or not np.isfinite(y).all():
            return None
        feature = varying(X)[0]
        window = np.stack([_around(X[:, feature], 0.1), _around(y, 0.6)])
        grid = np.repeat(X.mean(axis=0)[np.newaxis], 2, axis=0)
        grid[:, feature] = across = _around(window[0], 0.05)
        far = window[1] + FAR * np.array([-1, 1]) * np.ptp(window[1])

        def ends(w: Array) -> Array:
            with np.errstate(all="ignore"):
                up = (grid @ w).clip(*far)
            return np.stack([np.broadcast_to(across[:, np.newaxis], up.shape), up])

        return cls((np.stack([X[:, feature], y]),), (coordinates[feature], answer), window, ends, "dotted: best fit", opens=6.0)

    @classmethod
    def border(cls, X: Array, y: Array, coordinates: Sequence[str]) -> Self | None:
        """Where Xw is 0 in the plane of two features: `y` is ±1 ``(n,)``; None if fewer vary. Without a direction there is no line: nan."""
        if len(varying(X)) < 2:
            return None
        one, two = varying(X)[:2]
        window = np.stack([_around(X[:, one], 0.1), _around(X[:, two], 0.1)])
        size, middle = np.ptp(window, axis=1)[:, np.newaxis], window.mean(axis=1)[:, np.newaxis]
        others = X.mean(axis=0)
        others[[one, two]] = 0

        def ends(w: Array) -> Array:
            with np.errstate(all="ignore"):
                slope = w[[one, two]] * size  # in windows, where across and up are alike
                height = others @ w + (w[[one, two]] * middle).sum(axis=0)
                length = np.hypot(*slope)
                foot, along = -height / length * slope / length, np.stack([-slope[1], slope[0]]) / length
                foot = foot.clip(-FAR, FAR)
            return middle[..., np.newaxis] + size[..., np.newaxis] * np.stack([foot - 2 * along, foot + 2 * along], axis=1)

        groups = tuple(np.stack([X[y == sign, one], X[y == sign, two]]) for sign in (-1, 1))
        return cls(groups, (coordinates[one], coordinates[two]), window, ends, "○ + classes, dotted: best")


def varying(X: Array) -> np.ndarray:
    """Return the columns that are not constant.

    >>> varying(np.array([[1.0, 2, 3], [1, 4, 5]])).tolist()
    [1, 2]
    """
    return np.flatnonzero(np.ptp(X, axis=0) > 0) if len(X) and np.isfinite(X).all() else np.empty(0, dtype=int)


def _around(values: Array, margin: float) -> Array:
    """Return the range of some values with a margin on both sides, as a share of it."""
    low, high = float(values.min()), float(values.max())
    room = margin * (high - low or abs(high) or 1.0)
    return np.array([low - room, high + room])
