"""Small pictures as SVG, for a page that shows many of them: a run's loss, or a map in a few pixels.

Each is one ``<img role="img">`` with the drawing inside its address, since Streamlit takes bare SVG out of what it shows, and a text for
who cannot see it. The drawing cannot ask the page for its colors, so `ink` is the color of words and lines. All text is escaped.
"""

import base64
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from explorer.core.ground.prose import plain
from explorer.core.verdict.verdict import Verdict
from explorer.figures.landscape import Landscape
from explorer.figures.stage import log_loss
from explorer.figures.theme import COLORS, Array

WIDTH, HEIGHT = 270, 110  # of the drawing; it is as wide on the page as there is room
LEFT, TOP, BOTTOM = 6, 18, 20  # room at the side, and for the words above and below the curve
TRACK = 24  # height of a bar of parts
DRAWN = 300  # about how many points of a longer curve are drawn: the highest and the lowest of each piece
DECADES = 24.0  # powers of ten that the window reaches below the start, at most

INK = "#767676"
"""Color of words and lines, legible on white and on black."""

DASHES = ("", "7 4", "2 3", "9 3 2 3")  # several curves are told apart by their dashes too


@dataclass(frozen=True, eq=False)
class Curve:
    """The loss along one run: `steps` and `loss` ``(n,)``, the runner's name, and the verdict whose color it has."""

    name: str
    verdict: Verdict
    steps: NDArray[np.intp]
    loss: Array

    @classmethod
    def of(cls, name: str, verdict: Verdict, loss: NDArray[Any]) -> Self:
        """The curve of a run that was looked at in every step."""
        return cls(name, verdict, np.arange(loss.size), loss.astype(float))

    @property
    def ended(self) -> Self:
        """The curve up to where it stays non-finite."""
        finite = np.flatnonzero(np.isfinite(self.loss))
        end = finite[-1] + 2 if finite.size else 1
        return replace(self, steps=self.steps[:end], loss=self.loss[:end])


def sparkline(
    curves: Sequence[Curve], alt: str, *, height: int = HEIGHT, ink: str = INK, hide_verdict: bool = False, words: bool = True
) -> str:
    """Return the losses of one run or several over the steps, on a logarithmic scale, with the numbers at the ends.

    A curve that becomes inf or nan ends in a cross at the top. With `hide_verdict` it has the color of the text; without `words` there
    are no numbers, for a picture too small to read them.
    """
    losses = np.concatenate([each.loss[np.isfinite(each.loss)] for each in curves]) if curves else np.array([])
    if not losses.size:
        return _svg(_word(WIDTH / 2, height / 2, "no number to draw", "middle"), alt, height, ink)
    logs = [log_loss(each.loss) if np.isfinite(each.loss).any() else np.array([]) for each in curves]
    finite = np.concatenate([each[np.isfinite(each)] for each in logs])
    low, high = max(float(finite.min()), float(finite.max()) - 300, float(finite[0]) - DECADES), float(finite.max())
    low, high = (low, high) if high - low > 0.02 else (low - 0.5, high + 0.5)
    last = max(max(int(each.steps[-1]) for each in curves), 1)

    def up(values: Array) -> Array:
        return TOP + (height - TOP - BOTTOM) * (1 - (np.clip(values, low, high) - low) / (high - low))

    level = f'<line x1="0" x2="{WIDTH}" y1="{up(finite[0]):.1f}" y2="{up(finite[0]):.1f}" stroke="currentColor"'
    parts = [f'{level} stroke-opacity="0.25" stroke-dasharray="2 4"/>']
    for number, (curve, values) in enumerate(zip(curves, logs, strict=True)):
        color = ink if hide_verdict else COLORS[curve.verdict]
        kept = envelope(values)
        x = LEFT + (WIDTH - 2 * LEFT) * curve.steps[kept] / last
        dash = f' stroke-dasharray="{DASHES[number % len(DASHES)]}"' if number else ""
        path = _path(x, up(values[kept]), np.isfinite(values[kept]))
        parts.append(f'<path d="{path}" fill="none" stroke="{color}" stroke-width="2" stroke-linejoin="round"{dash}/>')
        if values.size and not np.isfinite(values[-1]):
            parts.append(f'<path d="M{x[-1] - 4:.1f} {TOP - 4:.1f}l8 8m0 -8l-8 8" stroke="{color}" stroke-width="2.5"/>')
    if words:
        parts.append(_word(LEFT, 11, plain(float(losses.max()), 2), "start"))
        parts.append(_word(LEFT, height - 4, f"lowest {plain(float(losses.min()), 2)}", "start"))
        parts.append(_word(WIDTH - LEFT, height - 4, f"step {last:,}", "end"))
    return _svg("".join(parts), alt, height, ink)


def tiles(
    cells: Sequence[Sequence[Verdict | None]],
    coordinates: tuple[str, str],
    alt: str,
    *,
    height: int = HEIGHT,
    ink: str = INK,
    words: bool = True,
) -> str:
    """Return a map in few pixels, each in the color of its verdict, if it has one yet.

    `coordinates` are what runs along it and up, unless without `words`.
    """
    wide, tall = (WIDTH - 2 * LEFT) / max(len(cells[0]), 1), (height - TOP - BOTTOM) / len(cells)
    across, up = coordinates
    parts = [_word(LEFT, 11, f"↑ {up}", "start"), _word(WIDTH - LEFT, height - 4, f"{across} →", "end")] if words else []
    for row, line in enumerate(reversed(cells)):
        begin = 0
        for verdict, alike in itertools.groupby(line):
            count = len(list(alike))
            size = f'width="{count * wide + 0.3:.1f}" height="{tall + 0.3:.1f}"'
            if verdict is not None:
                parts.append(f'<rect x="{LEFT + begin * wide:.1f}" y="{TOP + row * tall:.1f}" {size} fill="{COLORS[verdict]}"/>')
            begin += count
    return _svg("".join(parts), alt, height, ink)


def track(parts: Sequence[tuple[str, float, str]], alt: str, *, ends: tuple[str, str] = ("", ""), ink: str = INK) -> str:
    """Return a bar of parts side by side, each a name, its share of the width and its color; a name stands above where it has room.

    `ends` are what stands below both ends of the bar.
    """
    height = TOP + TRACK + BOTTOM
    drawn, begin = [], float(LEFT)
    for name, share, color in parts:
        wide = share * (WIDTH - 2 * LEFT)
        size = f'width="{max(wide - 1, 1):.1f}" height="{TRACK}"'
        drawn.append(f'<rect x="{begin:.1f}" y="{TOP}" {size} fill="{color}"/>')
        drawn.append(_word(begin, TOP - 5, name, "start") if 7 * len(name) < wide else "")
        begin += wide
    drawn += [_word(LEFT, height - 4, ends[0], "start"), _word(WIDTH - LEFT, height - 4, ends[1], "end")]
    return _svg("".join(drawn), alt, height, ink)


def ground(landscape: Landscape, start: Array, alt: str, *, height: int = 2 * HEIGHT, ink: str = INK) -> str:
    """Return the curve or the level lines of a landscape with the start ``(dim,)`` and no run on it, nor the curvatures along its axes."""
    across, up = landscape.lines(np.ones((2, 1)))
    (x,), (y,) = landscape.ranges(np.ones((2, 1)))
    begin = landscape.project(start[np.newaxis, :, np.newaxis], landscape.loss.value(start[:, np.newaxis])[np.newaxis])[:, 0, 0]

    def placed(across: Array, up: Array) -> tuple[Array, Array]:
        wide, tall = WIDTH - 2 * LEFT, height - TOP - BOTTOM
        return LEFT + wide * (across - x[0]) / (x[1] - x[0]), TOP + tall * (1 - (up - y[0]) / (y[1] - y[0]))

    inside = (across >= x[0]) & (across <= x[1]) & (up >= y[0]) & (up <= y[1])
    path = _path(*placed(across, up), inside)
    (right,), (high,) = placed(begin[:1], begin[1:])
    drawn = 'stroke-opacity="0.6"' if landscape.loss.dim > 1 else 'stroke-width="2"'  # many lines lie behind the words
    names = [label.partition(",")[0] for label in landscape.labels]  # what follows is the curvature along it
    parts = [
        f'<path d="{path}" fill="none" stroke="currentColor" {drawn}/>',
        f'<circle cx="{right:.1f}" cy="{high:.1f}" r="5" fill="none" stroke="{COLORS[Verdict.CATAPULT]}" stroke-width="3"/>',
        _word(right, high - 10, "start", "end" if right > WIDTH / 2 else "start"),
        _word(LEFT, 11, f"↑ {names[1]}", "start"),
        _word(WIDTH - LEFT, height - 4, f"{names[0]} →", "end"),
    ]
    return _svg("".join(parts), alt, height, ink)


def envelope(values: Array, most: int = DRAWN) -> NDArray[np.intp]:
    """Return which points are drawn: all, if they are `most` at most; else where each of equal pieces is highest and lowest, and both ends.

    >>> kept = envelope(np.sin(np.arange(10_000)), 300)
    >>> len(kept) <= 302, kept[[0, -1]].tolist()
    (True, [0, 9999])
    """
    if values.size <= most:
        return np.arange(values.size)
    kept = {0, values.size - 1}
    for piece in np.array_split(np.arange(values.size), most // 2):
        known = piece[np.isfinite(values[piece])]
        kept |= {int(known[values[known].argmax()]), int(known[values[known].argmin()])} if known.size else {int(piece[0])}
    return np.array(sorted(kept), dtype=np.intp)


def _path(x: Array, y: Array, inside: NDArray[np.bool_]) -> str:
    """Return an SVG path through the points that are inside, lifted over the others."""
    drawn, pen = [], "M"
    for across, up, seen in zip(x, y, inside, strict=True):
        if seen:
            drawn.append(f"{pen}{across:.1f} {up:.1f}")
        pen = "L" if seen else "M"
    if len(drawn) == 1 or (drawn and all(each[0] == "M" for each in drawn)):
        drawn = [f"{each}h2" for each in drawn]  # a point alone would be invisible
    return "".join(drawn)


def _word(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" font-size="12" fill="currentColor">{escape(text)}</text>'


def _svg(inside: str, alt: str, height: int, ink: str) -> str:
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" color="{ink}" font-family="sans-serif">{inside}</svg>'
    )
    address = base64.b64encode(drawing.encode()).decode()
    style = f"display:block;width:100%;max-width:{2 * WIDTH}px"
    return f'<img role="img" alt="{escape(alt, quote=True)}" src="data:image/svg+xml;base64,{address}" style="{style}">'
