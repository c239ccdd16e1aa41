"""Small pictures as SVG, for a page that shows many of them: a run's loss, or a map in a few pixels.

Each is one ``<img role="img">`` with the drawing inside its address, since Streamlit takes bare SVG out of what it shows, and a text for
who cannot see it. The drawing cannot ask the page for its colors, so `ink` is the color of words and lines. All text is escaped.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from explorer.core.ground.prose import plain
from explorer.core.verdict.verdict import Verdict
from explorer.figures.stage import log_loss
from explorer.figures.theme import COLORS

Array = NDArray[np.float64]

WIDTH, HEIGHT = 270, 110
"""Of the drawing; it is as wide on the page as there is room."""

LEFT, TOP, BOTTOM = 6, 18, 20
"""Room at the side, and for the words above and below the curve."""

DRAWN = 300
"""About how many points of a longer curve are drawn: the highest and the lowest of each piece."""

DECADES = 24.0
"""Powers of ten that the window reaches below the start, at most."""

INK = "#767676"
"""Color of words and lines, legible on white and on black."""

DASHES = ("", "7 4", "2 3", "9 3 2 3")
"""Several curves are told apart by their dashes too."""


class Drawable(Protocol):
    """One curve: its steps and losses ``(n,)``, a name that may be empty, and the verdict whose color it has."""

    @property
    def name(self) -> str: ...
    @property
    def verdict(self) -> Verdict: ...
    @property
    def steps(self) -> NDArray[np.intp]: ...
    @property
    def loss(self) -> Array: ...


def sparkline(curves: Sequence[Drawable], alt: str, *, height: int = HEIGHT, ink: str = INK, hide_verdict: bool = False) -> str:
    """Return the losses of one run or several over the steps, on a logarithmic scale, with the numbers at the ends.

    A curve that becomes inf or nan ends in a cross at the top. With `hide_verdict` it has the color of the text.
    """
    logs = [log_loss(each.loss) if np.isfinite(each.loss).any() else np.array([]) for each in curves]
    finite = np.concatenate([each[np.isfinite(each)] for each in logs]) if logs else np.array([])
    if not finite.size:
        return _svg(_word(WIDTH / 2, height / 2, "no number to draw", "middle"), alt, height, ink)
    low, high = max(float(finite.min()), float(finite.max()) - 300, float(finite[0]) - DECADES), float(finite.max())
    low, high = (low, high) if high - low > 0.02 else (low - 0.5, high + 0.5)
    last = max(max(int(each.steps[-1]) for each in curves), 1)

    def place(steps: Array, values: Array) -> tuple[Array, Array]:
        x = LEFT + (WIDTH - 2 * LEFT) * steps / last
        y = TOP + (height - TOP - BOTTOM) * (1 - (np.clip(values, low, high) - low) / (high - low))
        return x, y

    parts = [_line(0, WIDTH, place(np.zeros(1), finite[:1])[1][0])]
    for number, (curve, values) in enumerate(zip(curves, logs, strict=True)):
        color = ink if hide_verdict else COLORS[curve.verdict]
        kept = envelope(values)
        x, y = place(curve.steps[kept].astype(float), values[kept])
        inside = np.isfinite(values[kept])
        dash = f' stroke-dasharray="{DASHES[number % len(DASHES)]}"' if number else ""
        parts.append(f'<path d="{_path(x, y, inside)}" fill="none" stroke="{color}" stroke-width="2" stroke-linejoin="round"{dash}/>')
        if values.size and not np.isfinite(values[-1]):
            parts.append(_cross(float(x[-1]), TOP, color))
    ends = (float(each.loss[np.isfinite(each.loss)].max()) for each in curves if np.isfinite(each.loss).any())
    parts.append(_word(LEFT, 11, plain(max(ends), 2), "start"))
    lows = (float(each.loss[np.isfinite(each.loss)].min()) for each in curves if np.isfinite(each.loss).any())
    parts.append(_word(LEFT, height - 4, f"lowest {plain(min(lows), 2)}", "start"))
    parts.append(_word(WIDTH - LEFT, height - 4, f"step {last:,}", "end"))
    return _svg("".join(parts), alt, height, ink)


def tiles(cells: Sequence[Sequence[Verdict]], coordinates: tuple[str, str], alt: str, *, height: int = HEIGHT, ink: str = INK) -> str:
    """Return a map in few pixels, each in the color of its verdict; `coordinates` are what runs along it and up."""
    rows, columns = len(cells), max(len(cells[0]), 1)
    wide, tall = (WIDTH - 2 * LEFT) / columns, (height - TOP - BOTTOM) / rows
    parts = []
    for row, line in enumerate(cells):
        top = TOP + (rows - 1 - row) * tall
        for begin, end, verdict in _stretches(line):
            parts.append(
                f'<rect x="{LEFT + begin * wide:.1f}" y="{top:.1f}" width="{(end - begin) * wide + 0.3:.1f}" height="{tall + 0.3:.1f}"'
                f' fill="{COLORS[verdict]}"/>'
            )
    across, up = coordinates
    words = _word(LEFT, 11, f"↑ {up}", "start") + _word(WIDTH - LEFT, height - 4, f"{across} →", "end")
    return _svg("".join(parts) + words, alt, height, ink)


def envelope(values: Array) -> NDArray[np.intp]:
    """Return which points are drawn: all of them if they are few, else where each of equal pieces is highest and lowest, and both ends.

    >>> kept = envelope(np.sin(np.arange(10_000)))
    >>> len(kept) < 400, kept[[0, -1]].tolist()
    (True, [0, 9999])
    """
    if values.size <= DRAWN:
        return np.arange(values.size)
    kept = {0, values.size - 1}
    for piece in np.array_split(np.arange(values.size), DRAWN // 2):
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


def _stretches(line: Sequence[Verdict]) -> list[tuple[int, int, Verdict]]:
    """Return equal neighbors together: (begin, end, verdict)."""
    changes = [i for i in range(len(line)) if i == 0 or line[i] != line[i - 1]]
    return [(begin, end, line[begin]) for begin, end in zip(changes, [*changes[1:], len(line)], strict=True)]


def _line(begin: float, end: float, y: float) -> str:
    return f'<line x1="{begin}" x2="{end}" y1="{y:.1f}" y2="{y:.1f}" stroke="currentColor" stroke-opacity="0.25" stroke-dasharray="2 4"/>'


def _cross(x: float, y: float, color: str) -> str:
    return f'<path d="M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8" stroke="{color}" stroke-width="2.5"/>'


def _word(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" font-size="12" fill="currentColor">{escape(text)}</text>'


def _svg(inside: str, alt: str, height: int, ink: str) -> str:
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" color="{ink}" font-family="sans-serif">{inside}</svg>'
    )
    address = base64.b64encode(drawing.encode()).decode()
    style = f"display:block;width:100%;max-width:{2 * WIDTH}px"
    return f'<img role="img" alt="{escape(alt, quote=True)}" src="data:image/svg+xml;base64,{address}" style="{style}">'
