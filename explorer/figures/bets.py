"""The bets of a class as dots above the ruler of what really happens, as SVG."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape

from explorer.core.ground.prose import plain, power_of_ten
from explorer.core.verdict.verdict import Verdict
from explorer.figures.theme import COLORS

TRACK, ROOM, LINE = 24, 130, 18
"""Heights: of the track, of the dots above it, of a line of words."""

SIDE, LETTER = 12.0, 7.5
"""Room at both sides; how wide a letter is, about."""

DOTS = (9.0, 7.0, 5.0, 4.0, 3.0, 2.0, 1.5, 1.0, 0.6)
"""How wide a dot is: the first of these with which the highest column of dots has room."""


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

    `marks` are rates with a name, which stands at the top of a line; no dot lies on the other side of the first than its rate does.
    The drawing is `width` units wide, its letters are 14 of them high.
    """
    low, high = (math.log10(end) for end in ends)

    def at(rate: float) -> float:
        return SIDE + (width - 2 * SIDE) * (math.log10(rate) - low) / (high - low)

    top = LINE * len(marks) + ROOM
    bottom = top + TRACK + 2 * LINE
    parts, words, taken = [], [], -math.inf
    for (verdict, begin), (_, end) in zip(zones, [*zones[1:], ("", ends[1])], strict=True):
        left, right, half = at(begin), at(end), LETTER * len(verdict) / 2
        parts.append(f'<path d="M{left:.1f} {top}H{right:.1f}v{TRACK}H{left:.1f}z" fill="{COLORS[Verdict(verdict)]}" class="zone"/>')
        middle = (left + right) / 2
        if 2 * half < right - left and middle - half > taken:
            words.append(_word(middle, top + TRACK + LINE - 4, verdict))
            taken = middle + half
    parts.append(_dots([at(rate) for rate in rates], top, at(next(iter(marks.values()), ends[0]))))
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


def _dots(places: Sequence[float], ground: float, edge: float) -> str:
    """One path of points, in columns that stand on the ground, each on one side of the first mark, as its dots are."""
    for size in DOTS:
        columns = Counter(math.floor((place - edge) / size) for place in places)
        if max(columns.values(), default=0) * size <= ROOM:
            break
    drawn = "".join(
        f"M{edge + (column + 0.5) * size:.1f} {ground - 1 - size / 2:.1f}h0" + f"m0 {-size:.1f}h0" * (count - 1)
        for column, count in sorted(columns.items())
    )
    return f'<path d="{drawn}" class="dots" stroke-width="{0.9 * size:.1f}"/>'


def _word(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(text)}</text>'
