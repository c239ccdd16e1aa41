"""The bets of a class as dots above the ruler of what really happens, as SVG."""

import heapq
import math
from collections.abc import Mapping, Sequence
from html import escape
from itertools import permutations, product

from explorer.core.ground.prose import plain, power_of_ten
from explorer.core.verdict.verdict import Verdict
from explorer.figures.theme import COLORS

TRACK, ROOM, LINE, TICK = 24, 84, 18, 5  # heights: of the track, of the dots above it, of a line of words, of a tick
SIDE, LETTER, GAP = 12.0, 7.5, 5.0  # room at both sides; how wide a letter is, about; between a name and its line, or the next name
DOTS = (9.0, 7.0, 5.0, 4.0, 3.0, 2.0, 1.5, 1.0, 0.6)  # how wide a dot is: the first of these with which the highest pile of dots has room


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

    `marks` are rates with a name, which stands at the top of a line. A dot's center is where its rate is. Every verdict is named at the
    widest of its zones, also where that is narrower than the name; at others where the name has room.
    The drawing is `width` units wide, its letters are 14 of them high.
    """
    low, high = (math.log10(end) for end in ends)

    def at(rate: float) -> float:
        return SIDE + (width - 2 * SIDE) * (math.log10(rate) - low) / (high - low)

    top = LINE * len(marks) + ROOM
    placed = [(verdict, at(begin), at(end)) for (verdict, begin), (_, end) in zip(zones, [*zones[1:], ("", ends[1])], strict=True)]
    parts, grounds, words = [], [], []  # a line that passes behind a name is hidden there
    for verdict, left, right in placed:
        parts.append(f'<path d="M{left:.1f} {top}H{right:.1f}v{TRACK}H{left:.1f}z" fill="{COLORS[Verdict(verdict)]}" class="zone"/>')
    named, below = _named(placed, width), top + TRACK + TICK
    for verdict, zone, middle, row in named:
        y, half = below + LINE * (row + 1), _half(verdict)
        if row:  # a line leads down to it
            parts.append(f'<path d="M{zone:.1f} {top + TRACK}V{y - LINE + 4}" class="mark"/>')
        grounds.append(f'<path d="M{middle - half:.1f} {y - LINE + 1}h{2 * half:.1f}v{LINE + 2}h{-2 * half:.1f}z" class="ground"/>')
        words.append(f'<path d="M{middle - half:.1f} {y + 1}h{2 * half:.1f}" stroke="{COLORS[Verdict(verdict)]}" class="name"/>')
        words.append(_word(middle, y - 5, verdict))
    bottom = below + LINE * (max(row for *_, row in named) + 2) + 4
    parts.append(_dots([at(rate) for rate in rates], top))
    for row, (x, text, left) in enumerate(_marked([(at(rate), f"{name} {plain(rate, 4)}") for name, rate in marks.items()], width)):
        words.append(_word(x - GAP if left else x + GAP, LINE * (row + 1) - 5, text, "end" if left else "start"))
        parts.append(f'<path d="M{x:.1f} {LINE * row + 4}V{top + TRACK}" class="mark"/>')
    for decade in range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1):
        x, text = at(10.0**decade), plain(10.0**decade) if abs(decade) < 4 else power_of_ten(decade)
        words.append(_word(x, bottom - 4, text, ("start", "middle", "end")[(x > 20) + (x > width - 20)]))
        parts.append(f'<path d="M{x:.1f} {top + TRACK}v{TICK}" class="mark"/>')
    size = f'viewBox="0 0 {width} {bottom}" style="max-width:{2 * width}px"'
    return f'<svg class="strip" role="img" aria-label="{escape(alt)}" {size}>{"".join(parts + grounds + words)}</svg>'


def _named(zones: Sequence[tuple[str, float, float]], width: float) -> list[tuple[str, float, float, int]]:
    """Return the names under the track: a verdict, the middles of its zone and of its name, and the row in which no other name is near.

    Names that have room in their zones come first, all of them; then what is not named yet, at the widest of its zones.

    >>> _named([("slow", 12, 30), ("converging", 30, 120), ("oscillating", 120, 120.2), ("diverged", 120.2, 348)], 360)
    [('converging', 75.0, 75.0, 0), ('diverged', 234.1, 234.1, 0), ('oscillating', 120.1, 120.1, 1), ('slow', 21.0, 21.0, 1)]
    """
    wide = [zone for zone in zones if 2 * _half(zone[0]) < zone[2] - zone[1]]
    others = {zone[0]: zone for zone in sorted(zones, key=lambda zone: zone[2] - zone[1])}  # by verdict, the widest
    for verdict, *_ in wide:
        others.pop(verdict, None)
    found, rows = [], [list[tuple[float, float]]()]
    for verdict, left, right in [*wide, *others.values()]:
        zone, half = (left + right) / 2, _half(verdict)
        middle = min(max(zone, half), width - half)
        start, end = middle - half - GAP, middle + half + GAP
        row = next((i for i, taken in enumerate(rows) if all(end <= one or start >= other for one, other in taken)), len(rows))
        rows += [[]] * (row == len(rows))
        rows[row] = [*rows[row], (middle - half, middle + half)]
        found.append((verdict, zone, middle, row))
    return found


def _half(text: str) -> float:
    return LETTER * len(text) / 2


def _marked(marks: Sequence[tuple[float, str]], width: float) -> list[tuple[float, str, bool]]:
    """Return the names of lines from top to bottom, each a place, a text, and whether it stands left of its line.

    None runs over the side, and none is crossed by the line of one above.

    >>> _marked([(200, "edge 2"), (150, "median 1.082")], 360), _marked([(100, "edge 2"), (60, "median 1.082")], 360)
    ([(200, 'edge 2', False), (150, 'median 1.082', True)], [(60, 'median 1.082', False), (100, 'edge 2', False)])
    """

    def clear(rows: Sequence[tuple[float, str, bool]]) -> bool:
        boxes = [(x - GAP - LETTER * len(text), x) if left else (x, x + GAP + LETTER * len(text)) for x, text, left in rows]
        crossed = any(start < rows[above][0] < end for i, (start, end) in enumerate(boxes) for above in range(i))
        return not crossed and all(start >= 0 and end <= width for start, end in boxes)

    ways = [
        [(*mark, left) for mark, left in zip(order, sides, strict=True)]
        for order in permutations(marks)
        for sides in product((False, True), repeat=len(marks))
    ]
    return next(filter(clear, ways), ways[0])


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
