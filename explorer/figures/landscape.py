"""The ground a run walks on: a curve in one dimension, level lines in two, a plane of two eigenvectors in more."""

from dataclasses import dataclass
from typing import Self

import contourpy
import numpy as np
from numpy.typing import NDArray

from explorer.core.ground.prose import plain
from explorer.core.losses.protocol import Facts, Loss
from explorer.core.theory.curvature import spectrum
from explorer.figures.theme import Array, safe, with_gaps

MOST_GRID = 4_000_000  # numbers in the grid that level lines are found on, points × dim: with more weights it is coarser
DRAWABLE = 1e300  # largest coordinate that Plotly's axes handle: the path is drawn up to here, and a marker shows where it continues
OPENINGS = 24  # while a path is played, the window opens at most this many times, by at least a factor of four
OVERVIEW = 300.0  # a path is shown whole in one window up to this many times the size of the first one
SAMPLES = 10  # samples of level lines for each factor of ten outside the first window
GLOW = 96  # pixels a side of the picture under the level lines

GLOWS, OPAQUE = (0, 90, 160, 0), 0.18
"""Its color, a dark blue, and how opaque it is where the ground is lowest: every color of `theme` has a contrast of 3 on it."""

FAR = 10  # how many times as far out as the first window it is asked whether a loss of one number falls
LEVELS = 11  # levels in the first window; at most as many again outside it


@dataclass(frozen=True, eq=False)
class Landscape:
    """How points of a loss become points of a picture.

    `origin` is ``(dim,)`` and `basis` ``(dim, 2)``: the plane that is drawn, through the minimum if it is known. In one dimension the
    second coordinate of the picture is the loss itself. `center` and `reach`, both ``(2,)``, are the window before anything leaves it; in
    one dimension it opens upwards from its lowest loss, or downwards, with a negative reach, from the highest of one that falls further
    out.
    """

    loss: Loss
    origin: Array
    basis: Array
    center: Array
    reach: Array
    labels: tuple[str, str]

    @classmethod
    def of(cls, loss: Loss, start: Array) -> Self:
        """The landscape of a loss, with a window that shows the start ``(dim,)`` and the minimum."""
        minimizer = Facts(loss).minimizer
        target = np.zeros(loss.dim) if minimizer is None else np.asarray(minimizer, dtype=float)
        names = _axis_names(loss)
        if loss.dim == 1:
            middle = target[0] if Facts(loss).is_quadratic else 0.0  # other wells may lie on the far side of zero
            reach = 1.6 * max(abs(start[0] - middle), abs(target[0] - middle), 0.1)
            with np.errstate(all="ignore"):  # a logarithm, say, has no value on the left
                value = loss.value(np.append(target, middle + reach * np.linspace(-1, 1, 41))[np.newaxis])
                beyond = loss.value((middle + FAR * reach * np.linspace(-1, 1, 41))[np.newaxis])
            finite = value[np.isfinite(value)]
            low, high = float(finite.min()), float(finite.max())
            falls = bool((beyond < low - (high - low)).any())
            center, tall = (high, low - high) if falls else (low, high - low)
            return cls(loss, target, np.eye(1), np.array([middle, center]), np.array([reach, tall or 1.0]), (names[0], "loss"))
        if loss.dim == 2:
            origin, basis, labels = np.zeros(2), np.eye(2), _coordinate_labels(loss, target, names)
        else:
            values, vectors = spectrum(loss, target if minimizer is not None else start)
            origin, basis = target, vectors[:, [0, -1]]
            labels = (f"flattest direction, λ = {plain(values[0])}", f"steepest direction, λ = {plain(values[-1])}")
        here, there = basis.T @ (start - origin), basis.T @ (target - origin)
        away = np.abs(here - there)
        return cls(loss, origin, basis, there, 1.5 * np.maximum(away, 0.25 * max(away.max(), 0.4)), labels)

    def project(self, x: Array, value: Array) -> Array:
        """The picture's coordinates ``(2, steps, runs)`` of a path ``(steps, dim, runs)`` with its losses ``(steps, runs)``.

        What is no longer a number, or too large to draw, is nan there.
        """
        with np.errstate(all="ignore"):
            if self.loss.dim == 1:
                points = np.stack([x[:, 0], value])
            else:
                points = np.einsum("dk,tdr->ktr", self.basis, x - self.origin[:, np.newaxis])
            return np.where(np.abs(points) < DRAWABLE, points, np.nan)

    def minimum(self) -> Array:
        """The picture's coordinates of the minimum, ``(2,)``; nan if it is not known."""
        minimizer = Facts(self.loss).minimizer
        if minimizer is None:
            return np.full(2, np.nan)
        point = np.asarray(minimizer, dtype=float)[:, np.newaxis]
        return self.project(point[np.newaxis], self.loss.value(point)[np.newaxis])[:, 0, 0]

    def at(self, across: Array, up: Array) -> Array:
        """The loss on a grid of the plane: ``(n,), (m,) -> (m, n)``."""
        points = self.origin[:, np.newaxis] + self.basis @ np.stack([grid.ravel() for grid in np.meshgrid(across, up)])
        with np.errstate(all="ignore"):
            return self.loss.value(points).reshape(up.size, across.size)

    def away(self, points: Array) -> Array:
        """How far out the path has been by each step, ``(2, steps, runs)`` in units of `reach`, with a margin."""
        with np.errstate(all="ignore"):
            away = np.abs((points - self.center[:, np.newaxis, np.newaxis]) / self.reach[:, np.newaxis, np.newaxis])
            return 1.15 * np.fmax.accumulate(np.where(np.isnan(away), 0, away), axis=1)

    def windows(self, away: Array) -> Array:
        """How far the window is open at each step while a path is played, as factors ``(2, steps, runs)`` of `reach`.

        It never closes again and fits the path at the end; on the way there it opens `OPENINGS` times at most, by equal factors,
        because a window that moved at every step would be hard to follow.
        """
        by = np.log(np.maximum(away[:, -1:] ** (1 / OPENINGS), 4.0))
        with np.errstate(over="ignore"):  # one opening beyond the largest number: `away` is the smaller of the two then
            opened = np.exp(by * np.ceil(np.log(np.maximum(away, 1)) / by))
        return np.where(away > 1.13, np.minimum(opened, away[:, -1:]), 1.0).clip(1)

    def overview(self, away: Array) -> tuple[Array, NDArray[np.intp]]:
        """The window for the whole path at once, ``(2, runs)`` factors, and the last step it reaches, ``(runs,)``.

        It fits the path as far as `OVERVIEW` times the first window. Further out only the last hop would be visible,
        and none of those that led to it.
        """
        inside = (away <= OVERVIEW).all(axis=0)
        last = np.where(inside.all(axis=0), away.shape[1], inside.argmin(axis=0)) - 1
        return away[:, last.clip(0), np.arange(last.size)].clip(1), last.clip(0)

    def ranges(self, factors: Array) -> tuple[Array, Array]:
        """The ranges of the two axes, ``(n, 2)`` each, for windows opened by ``(2, n)`` factors."""
        (x, y), (a, b) = self.center, self.reach[:, np.newaxis] * factors
        bottom = y - 0.12 * b if self.loss.dim == 1 else y - b
        return np.stack([x - a, x + a], axis=1), np.sort(np.stack([bottom, y + b], axis=1), axis=1)

    def lines(self, factors: Array) -> tuple[Array, Array]:
        """The curve, or the level lines, as one line with gaps, for windows opened by ``(2, windows)`` factors."""
        widest = factors.max(axis=1, initial=1).clip(1)
        return self._curve(widest[0]) if self.loss.dim == 1 else self._levels(widest)

    def glow(self) -> tuple[NDArray[np.uint8], tuple[float, float, float, float]] | None:
        """How low the ground is in the first window, as pixels ``(n, n, 4)`` from the top down, and where: left, top, width, height.

        The lower, the more opaque, by the square root of the height above the lowest: even steps in the distance, on a bowl. It fades
        out towards the sides, for a window that opens shows what is beyond. None in one dimension, or where nothing is finite.
        """
        if self.loss.dim == 1:
            return None
        side = np.linspace(-1, 1, int(GLOW * self.detail))
        height = self.at(self.center[0] + 1.3 * self.reach[0] * side, self.center[1] + 1.3 * self.reach[1] * side[::-1])
        seen = np.isfinite(height) & (np.abs(height) < DRAWABLE)
        if not seen.any() or np.ptp(height[seen]) == 0:
            return None
        low = height[seen].min()
        share = np.sqrt((np.where(seen, height, np.inf) - low) / np.ptp(height[seen])).clip(0, 1)
        fade = (4 * (1 - np.abs(side))).clip(0, 1)
        rgba = np.full((side.size, side.size, 4), GLOWS, np.uint8)
        rgba[..., 3] = np.round(255 * OPAQUE * (1 - share) * fade * fade[:, np.newaxis])
        (x, y), (a, b) = self.center, 1.3 * self.reach
        return rgba, (float(x - a), float(y + b), float(2 * a), float(2 * b))

    def _curve(self, widest: float) -> tuple[Array, Array]:
        """Sampled evenly within the first window and every tenfold one, so that it is smooth in all of them."""
        sizes = np.append(10.0 ** np.arange(np.log10(widest)), widest)
        x = np.unique(np.concatenate([np.linspace(-1.2, 1.2, 241) * self.reach[0] * size for size in sizes])) + self.center[0]
        with np.errstate(all="ignore"):
            value = self.loss.value(x[np.newaxis])
        return x, np.where(np.abs(value) < DRAWABLE, value, np.nan)

    @property
    def detail(self) -> float:
        """How finely it is sampled, 1 for a loss that is cheap: of a network, some millions of numbers must do."""
        return float(np.clip(np.sqrt(MOST_GRID / self.loss.dim) / 81, 0.2, 1.0))

    def _levels(self, widest: Array) -> tuple[Array, Array]:
        """One grid for all windows, even in the first and coarser by equal factors outside, so that no line ends at a window's side."""
        grids = (reach * _outward(far, self.detail) for reach, far in zip(self.reach, widest, strict=True))
        across, up = (middle + grid for middle, grid in zip(self.center, grids, strict=True))
        height = self.at(across, up)
        near = np.ix_(np.abs(up - self.center[1]) <= 1.31 * self.reach[1], np.abs(across - self.center[0]) <= 1.31 * self.reach[0])
        generator = contourpy.contour_generator(across, up, np.where(np.abs(height) < DRAWABLE, height, np.nan))
        drawn = levels(height[near], height, self.loss.minimum)
        points = with_gaps(line for level in drawn for line in generator.lines(level))
        return points[:, 0], points[:, 1]


def _outward(far: float, detail: float) -> Array:
    """Where the grid of the level lines is sampled along an axis, in units of the first window, as far as `far`."""
    side = np.geomspace(1.3, 1.3 * far, max(int(np.ceil(SAMPLES * detail * np.log10(far))), 0) + 1)[1:]
    return np.concatenate([-side[::-1], np.linspace(-1.3, 1.3, int(81 * detail) | 1), side])


def levels(near: Array, everywhere: Array, minimum: float | None) -> Array:
    """Which levels are drawn: `LEVELS` by equal factors in the first window, then on by larger ones to where the ground is highest.

    By factors above the minimum, or on both sides of zero where the ground falls below it, as about a saddle.
    """
    near, everywhere = near[np.isfinite(near)], everywhere[np.abs(everywhere) < DRAWABLE]
    if near.size == 0 or near.max() <= near.min():
        return np.empty(0)
    below = minimum is None or not np.isfinite(minimum)
    floor = 0.0 if below and near.min() < 0 else near.min() if below else float(minimum)  # type: ignore[arg-type]

    def upward(inner: float, outer: float) -> Array:
        if inner <= 0:
            return np.empty(0)
        first = inner * np.geomspace(1e-3, 0.8, LEVELS)
        further = max(outer / inner, 1.0)  # less where all is so high that no level of it can be drawn
        more = min(int(np.log10(further) * 3), LEVELS)
        return np.append(first, first[-1] * np.geomspace(1, further, more + 1)[1:])

    up, down = upward(near.max() - floor, everywhere.max() - floor), upward(floor - near.min(), floor - everywhere.min())
    return np.unique(np.concatenate([floor - down, floor + up] + ([[floor]] if down.size else [])))


def _axis_names(loss: Loss) -> tuple[str, ...]:
    """What the coordinates are: of a linear model, what they do with the examples."""
    names = Facts(loss).coordinates
    if Facts(loss).fit is None:
        return names
    features = [name for name in names if name != "intercept"]
    return tuple(
        name if name == "intercept" else "slope of the line" if len(features) == 1 else f"weight of {safe(name)}" for name in names
    )


def _coordinate_labels(loss: Loss, target: Array, names: tuple[str, ...]) -> tuple[str, str]:
    """The coordinates' names, each with its curvature where the coordinates are the eigenvectors."""
    if Facts(loss).is_quadratic:
        curvature = loss.hvp(np.repeat(target[:, np.newaxis], 2, axis=1), np.eye(2))
        if abs(curvature[0, 1]) <= 1e-9 * np.abs(curvature).max():
            return f"{names[0]}, curvature {plain(curvature[0, 0])}", f"{names[1]}, curvature {plain(curvature[1, 1])}"
    return names[0], names[1]
