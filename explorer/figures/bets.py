"""The bets of a class as dots above the ruler of what really happens, as SVG."""

import heapq
import math
from collections.abc import Mapping, Sequence
from html import escape

from explorer.core.ground.prose import plain, power_of_ten
from explorer.core.verdict.verdict import Verdict
from explorer.figures.theme import COLORS

TRACK, ROOM, LINE = 24, 84, 18
"""Heights: of the track, of the dots above it, of a line of words."""

SIDE, LETTER = 12.0, 7.5
"""Room at both sides; how wide a letter is, about."""

DOTS = (9.0, 7.0, 5.0, 4.0, 3.0, 2.0, 1.5, 1.0, 0.6)
"""How wide a dot is: the first of these with which the highest pile of dots has room."""


def strip(
    zones: Sequence[tuple[str, float]],
    ends: tuple[float, float],
    rates: Sequence[float],
    marks: Mapping[str, float],
    *,
    alt: str,
    width: int,
) -> str:
    """Return the zones, each a verdict and the rate it begins at, from one end to the other, under a dot for each of the rates.

    `marks` are rates with a name, which stands at the top of a line. A dot's center is where its rate is.
    The drawing is `width` units wide, its letters are 14 of them high.
    """
    low, high = (math.log10(end) for end in ends)

    def at(rate: float) -> float:
        return SIDE + (width - 2 * SIDE) * (math.log10(rate) - low) / (high - low)

    top = LINE * len(marks) + ROOM
    bottom = top + TRACK + 2 * LINE + 4
    parts, words, taken = [], [], -math.inf
    for (verdict, begin), (_, end) in zip(zones, [*zones[1:], ("", ends[1])], strict=True):
        left, right, half = at(begin), at(end), LETTER * len(verdict) / 2
        parts.append(f'<path d="M{left:.1f} {top}H{right:.1f}v{TRACK}H{left:.1f}z" fill="{COLORS[Verdict(verdict)]}" class="zone"/>')
        middle = (left + right) / 2
        if 2 * half < right - left and middle - half > taken:
            words.append(_word(middle, top + TRACK + LINE - 5, verdict))
            under = f"M{middle - half:.1f} {top + TRACK + LINE + 1}h{2 * half:.1f}"
            parts.append(f'<path d="{under}" stroke="{COLORS[Verdict(verdict)]}" class="name"/>')
            taken = middle + half
    parts.append(_dots([at(rate) for rate in rates], top))
    for row, (name, rate) in enumerate(marks.items()):
        x, text = at(rate), f"{name} {plain(rate, 4)}"
        left = x - 5 > LETTER * len(text) and (rate <= min(marks.values()) or width - x - 5 < LETTER * len(text))  # of its line
        words.append(_word(x - 5 if left else x + 5, LINE * (row + 1) - 5, text, "end" if left else "start"))
        parts.append(f'<path d="M{x:.1f} {LINE * row + 4}V{top + TRACK}" class="mark"/>')
    for decade in range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1):
        x, rate = at(10.0**decade), 10.0**decade
        words.append(
            _word(
                x,
                bottom - 4,
                plain(rate) if abs(decade) < 4 else power_of_ten(decade),
                ("start", "middle", "end")[(x > 20) + (x > width - 20)],
            )
        )
        parts.append(f'<path d="M{x:.1f} {top + TRACK}v5" class="mark"/>')
    size = f'viewBox="0 0 {width} {bottom}" style="max-width:{2 * width}px"'
    return f'<svg class="strip" role="img" aria-label="{escape(alt)}" {size}>{"".join(parts + words)}</svg>'


def _dots(places: Sequence[float], ground: float) -> str:
    """One path of points, each on the ground or on the lowest level where it touches no other; beyond all room they overlap."""
    for size in DOTS:
        levels = _levels(places, size)
        rise = min(size, ROOM / (max(levels, default=0) + 1))
        if rise == size:
            break
    heights = [ground - 1 - size / 2 - rise * level for level in levels]
    drawn = "".join(f"M{place:.1f} {height:.4g}h0" for place, height in zip(sorted(places), heights, strict=True))
    return f'<path d="{drawn}" class="dots" stroke-width="{0.9 * size:.1f}"/>'


def _levels(places: Sequence[float], size: float) -> list[int]:
    """Return the level of each dot of that size, from left to right: no pile is higher than dots at one place overlap.

    >>> _levels([0.0, 10.0, 3.0, 3.0], 5.0)
    [0, 1, 2, 0]
    """
    levels: list[int] = []
    free: list[int] = []
    busy: list[tuple[float, int]] = []
    for place in sorted(places):
        while busy and busy[0][0] <= place - size:
            heapq.heappush(free, heapq.heappop(busy)[1])
        levels.append(heapq.heappop(free) if free else len(busy))
        heapq.heappush(busy, (place, levels[-1]))
    return levels


def _word(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(text)}</text>'
