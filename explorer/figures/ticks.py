"""The axis of a loss: drawn in logarithms, named in numbers that people read."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from explorer.core.ground.prose import plain, power_of_ten
from explorer.figures.theme import Array

MOST = 7  # about how many ticks fit beside a plot
AIR = 2  # the distance between two ticks is at least that of this many more than fit, evenly apart: numbers do not run into each other
ENOUGH = 4  # ticks of a window: with fewer there are finer ones, as far as they fit
APART = (1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 500)  # decades between powers of ten
EVENLY = 1.2  # decades of a window up to which even steps are about evenly apart
LARGEST = 308.25  # numbers end a little beyond this power of ten
EVERYDAY = (1e-3, 1e5)  # powers of ten within this range are written out


def logs(values: ArrayLike) -> Array:
    """Return log₁₀ of the values, nan where there is nothing to draw: of 0, and of what is negative or not finite.

    >>> logs([100.0, 0.0, np.inf])
    array([ 2., nan, nan])
    """
    with np.errstate(all="ignore"):
        found = np.log10(np.asarray(values, dtype=float))
    return np.where(np.isfinite(found), found, np.nan)


def ends(*values: Array, otherwise: tuple[float, float] = (0.0, 1.0)) -> tuple[float, float]:
    """Return the smallest and the largest finite number in several arrays, or what to show where there is none."""
    finite = np.concatenate([each[np.isfinite(each)] for each in values])
    return (float(finite.min()), float(finite.max())) if finite.size else otherwise


def loss_axis(low: float, high: float, *, signed: bool = False, most: int = MOST, least: tuple[float, str] | None = None) -> dict[str, Any]:
    """Return an axis's range with its ticks, for log₁₀ of a loss from `low` to `high`.

    With `signed`, for sign(loss)·log₁₀(1 + |loss|), where losses are below zero. A low plot has room for fewer than the `most` of others.
    `least` is the level at which everything is drawn that is lower, and its name (`lowest`).

    >>> loss_axis(-0.1, 2.1)["ticktext"], loss_axis(0, 300)["ticktext"][:3]
    (['1', '2', '5', '10', '20', '50', '100'], ['1', '10⁵⁰', '10¹⁰⁰'])
    >>> loss_axis(-2.6, 0.3, signed=True)["ticktext"]
    ['−100', '−10', '0']
    """
    values = _chosen(low, high, most, signed)
    ticks = [] if least is None else [least]
    far = -np.inf if least is None else least[0] + (high - low) / (most + AIR)
    ticks += [(float(f"{place:.7g}"), text) for place, text in zip(_places(values, signed), _names(values), strict=True) if place > far]
    return {"range": [low, high], "tickvals": [place for place, _ in ticks], "ticktext": [text for _, text in ticks]}


def lowest(losses: Array, level: float) -> tuple[float, str] | None:
    """Return the level at which lower losses are drawn with what they are, as `loss_axis` wants it; None if there are no lower ones.

    >>> lowest(np.array([1.0, 1e-9, 0.0]), -10), lowest(np.array([1.0, 1e-12, 0.0]), -10), lowest(np.array([1.0]), -10)
    ((-10, '0'), (-10, 'lower'), None)
    """
    below = losses[(losses >= 0) & (losses < 10.0**level)]
    return (level, "lower" if below.any() else "0") if below.size else None


def log_axis(low: float, high: float) -> dict[str, Any]:
    """Return a logarithmic axis of Plotly's, such as one of rates, from 10^low to 10^high, with the ticks of `loss_axis`.

    >>> log_axis(-2, 1)["ticktext"]
    ['0.01', '0.1', '1', '10']
    """
    named = loss_axis(low, high)
    return {"type": "log", **named, "tickvals": [10**at for at in named["tickvals"]]}


def _names(values: Array) -> list[str]:
    """Return the ticks' texts: all powers of ten, but for 0 and 1, where one is far from everyday numbers."""
    sizes = np.abs(values[values != 0])
    powers = np.log10(sizes)
    plainly = bool((np.abs(powers - powers.round()) > 1e-9).any() or ((sizes <= EVERYDAY[1]).all() and (sizes >= EVERYDAY[0]).all()))
    powers = [f"{'−' if value < 0 else ''}{power_of_ten(round(np.log10(abs(value) or 1)))}" for value in values]
    return [plain(value, 6) if plainly or abs(value) in (0, 1) else power for value, power in zip(values, powers, strict=True)]


def _places(values: Array, signed: bool) -> Array:
    """Return where values stand on the axis."""
    return np.sign(values) * np.log10(1 + np.abs(values)) if signed else np.log10(values)


@np.errstate(over="ignore", divide="ignore")  # near the largest and the smallest number
def _chosen(low: float, high: float, most: int, signed: bool) -> Array:
    """Return the numbers at the ticks: powers of ten, a round number of decades apart.

    Also 2 and 5, or 3, of each in a small window, and even steps in one of about a decade: no more than fit beside each other.
    """
    span = high - low
    found = next(each for each in (_powers(low, high, apart, [1.0], signed) for apart in APART) if each.size <= most)
    if found.size >= ENOUGH:
        return found

    def fits(values: Array) -> bool:
        return found.size < values.size <= most + 1 and bool(np.diff(_places(values, signed)).min(initial=span) * (most + AIR) >= span)

    for fewer, digits in ((ENOUGH, [1.0, 2.0, 5.0]), (ENOUGH - 1, [1.0, 3.0])):
        finer = _powers(low, high, 1, digits, signed) if found.size < fewer and span < most + 1 else found
        found = finer if fits(finer) else found
    if found.size >= ENOUGH - 1 or span > EVENLY * (1 + signed):
        return found
    bottom, top = (
        float(np.sign(end) * (10.0 ** min(abs(end), 308) - 1)) if signed else 10.0 ** min(max(end, -LARGEST), LARGEST)
        for end in (low, high)
    )
    for count in range(most + 3, 1, -1):
        even = _even(bottom, top, count)
        if fits(even):
            return even
    return found if found.size else _even(bottom, top, 2)[:1]


def _powers(low: float, high: float, apart: int, digits: list[float], signed: bool) -> Array:
    """Return the powers of ten within a window whose exponents are multiples of `apart`, times each of the digits; with signs and 0."""
    if not signed:
        first, last = np.floor(low / apart), np.ceil(min(high, LARGEST) / apart)
        found = np.multiply.outer(10.0 ** (apart * np.arange(first, last + 1)), digits).ravel()
        at = np.log10(found)
    else:
        begin = apart if len(digits) == 1 else 0  # 1 stands close to 0
        sizes = np.multiply.outer(10.0 ** np.arange(begin, min(max(-low, high), LARGEST) + 1, apart), digits).ravel()
        found = np.concatenate([-sizes[::-1], [0.0], sizes])
        at = _places(found, signed)
    return found[(at >= low) & (at <= high) & (found < np.inf)]


def _even(low: float, high: float, most: int) -> Array:
    """Return round numbers, evenly apart, from `low` to `high`."""
    rough = (high - low) / (most - 1)
    if rough <= 0:
        return np.array([low])
    scale = 10.0 ** np.floor(np.log10(rough))
    step = scale * next(each for each in (1, 2, 5, 10) if each * scale >= rough * 0.999)
    return np.asarray(step * np.arange(np.ceil(low / step), np.floor(high / step) + 1))
