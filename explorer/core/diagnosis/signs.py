"""What can be measured on a loss curve that somebody else recorded: nothing here depends on its unit, its zero or how often it was logged.

A run of ours has a known minimum, every step, and says whether random numbers went in. A recorded curve has none of these: distances are
measured from the curve itself, so that `a·L + b` gives the same signs, quarters of the run stand for numbers of steps, and noise is
told from movement by its statistics.
"""

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from explorer.core.ground.arrays import Array
from explorer.core.verdict.profile import PARTS, ROUNDING
from explorer.core.verdict.verdict import GROWTH, RISE, STEADY, TOLERANCE

FEWEST = 8  # values that a verdict on a finite curve needs: four quarters of two
CERTAIN = 4.0  # standard errors by which two levels must differ: by chance 1 in 16,000, and noise in logs is not quite independent
OUTLIER = 8.0  # standard deviations of the noise from which a value is a spike
STAYS_UP = 0.25  # a curve ends above its best level if it has lost at least this share of what it had won
ALTERNATES = 0.7  # a 2-cycle: values two rows apart are correlated by more than this, neighbors by less than minus this
PERIODIC = 0.85  # a longer cycle: the curve is correlated with itself a period later by at least this, and much less in between
PRINTED = 1e-2  # a grid coarser than this share of the curve's height is the loss's own movement, not rounding in print
REGAINS = 0.05  # growth below the start has won back at least this share of the fall ...
ACCELERATES = 1.1  # ... and rises in each third of its time by this factor more than in the one before
BLOWN = 1000.0  # a curve blew up if it ends this many times as far above its lowest row as all before that: sure and wrong costs 100
FADES = 0.7  # jumps die out if each quarter's spread is at most this share of the last one's: by chance in 1 of 1,000 curves
FORECAST = 0.35  # chaos: what followed the most similar moment foretells the next value with this share of a straight line's error
LEAPS = 0.5  # a last row leaps if it lies above the rows before it by this share of all their movement, at least
SINGLE = 3  # more spikes are no exceptions
RARELY = 25  # a fall of this many rows that one rise breaks has no noise: noise rises in about every second row
LOSES = 0.1  # a validation loss that rises has lost at least this share of what it had won in the later half of the rows to its lowest
ABOVE = 1.0  # a spike of several rows stands above those around it by more than this many times their range
CHANCE = 0.01  # a rise at the end that noise or a random walk would make as often as this is no growth
DROWNS = 0.1  # noise by more than this share of the level: a network's first steps, logged batch by batch, scatter by less
WHITE = 1.4826 / math.sqrt(6)  # white noise's standard deviation, by the median of its second differences' sizes
LOOKED_AT = 800  # most of the last values that are compared pair by pair


@dataclass(frozen=True, eq=False)
class Signs:
    """The finite part of a curve, measured. Levels are in the curve's own unit; everything called a share has none."""

    rows: int
    first: float  # its first value
    last: float  # its last value
    start: float  # where it begins: its first value where that stands out of the noise, else the median of its first fiftieth
    end: float  # the median of its last eighth
    lowest: float  # its smallest value
    highest: float  # its largest value
    peak: float  # the largest value that is no spike
    rough: float  # the scatter around the peak
    best: float  # its lowest level without noise
    levels: Array  # ``(4,)``: the medians of its quarters
    noise: float  # the scatter around the trend of its later half
    jumps: bool  # whether there is any noise
    drop: float  # the fall from the third to the fourth quarter in standard errors, negative for a rise
    pace: float  # the factor by which the fall per quarter shrinks: 1 for a straight line, nan where it cannot be measured
    left: float  # the share of the fall still to come if it goes on so
    settled: bool  # whether the last part is flat to `TOLERANCE`
    rises: bool  # whether the later half only goes up
    falls: bool  # whether no row lies above the one before
    shrinks: bool  # whether its jumps die out
    moved: bool  # whether the end lies below the start by more than chance
    grows: bool  # growth that has not turned, by quarters or after a fall
    blew_up: bool  # whether it ends at another size
    explodes: bool  # growth that has not turned, at the very end
    factor: float  # what it grew by per row at the end
    spikes: NDArray[np.intp]  # the rows of single ones
    long_spikes: tuple[tuple[int, int], ...]  # those of several rows, the highest first: from its first row to before the second
    rhythm: str  # ``"two"``, ``"cycle"``, ``"chaos"`` or an empty string
    tail_low: float  # of the last quarter
    tail_high: float  # of the last quarter
    risen: float  # the largest value after the lowest
    turned: bool  # whether the last row is no higher than the one before
    had_fallen: bool  # whether it came down before its lowest row
    stopped_at_once: bool  # whether it moved by less than a hundredth of its level, at its first rows only
    leap: float = math.nan  # the last row, if it lies so far from the others that one row tells nothing: it is in none of the above

    @property
    def grew(self) -> bool:
        """Whether it grew and has not turned: at its very end, by quarters, after a fall, or to another size."""
        return self.explodes or self.grows or self.blew_up

    @property
    def leaps(self) -> bool:
        """Whether its last row is judged apart."""
        return not math.isnan(self.leap)

    @property
    def begins(self) -> tuple[float, bool]:
        """Where it begins, as it is told, and whether that is a median: no noise, no median."""
        return (self.start, self.start != self.first) if self.jumps else (self.first, False)

    @property
    def ends(self) -> tuple[float, bool]:
        """Where it ends, as it is told, and whether that is a median."""
        return (self.end, self.end != self.last) if self.jumps else (self.last, False)

    @property
    def drowns(self) -> bool:
        """Whether it stays within its scatter, which is so large a share of its level that a fall may be hidden in it."""
        return not self.stays_up and self.noise > DROWNS * abs(self.end)

    @property
    def above_start(self) -> bool:
        """Whether it rose, and all of its last quarter lies above its start, however far it fell since: no step too short raises a loss."""
        return self.peak - self.end > CERTAIN * self.rough and self.tail_low > self.start

    @property
    def stays_up(self) -> bool:
        """Whether it ends well above its best level: above its start, or by a share of what had been won and by more than the noise."""
        if self.falls:
            return False  # however steep its end is: the median of that may lie above every level
        lost = self.end - self.best
        won = max(self.start - self.best, 0.0)
        return self.above_start or lost > max(STAYS_UP * won, 2 * CERTAIN * self.noise, 0.02 * (self.highest - self.lowest))

    @property
    def had_learned(self) -> bool:
        """Whether it ends well above a level that it had come down to."""
        return self.stays_up and self.start - self.best > max(2 * CERTAIN * self.noise, 0.1 * (self.end - self.best))

    @classmethod
    def of(cls, losses: Array, time: Array) -> Self:
        """Return the signs of finite losses ``(n,)``, not all equal, recorded at increasing `time` ``(n,)``; n is at least 4."""
        unit = float(np.abs(losses).max())
        z = losses / unit
        half = time / 2  # of which no difference overflows
        t = (half - half[0]) / (half[-1] - half[0]) if half[-1] > half[0] else np.linspace(0, 1, len(z))
        quarter = _quarters(t)
        grain = max(_grain(z), ROUNDING)
        long_spikes, row = _long_spikes(z, grain), np.arange(len(z))
        calm = ~np.isin(row, [each for spike in long_spikes for each in range(*spike)])
        z = np.interp(row, row[calm], z[calm])  # they are told of, and all else is measured without them
        spikes = _spikes(z, grain)
        calm = ~np.isin(row, spikes) if len(spikes) <= SINGLE else np.ones(len(z), dtype=bool)
        still = np.interp(row, row[calm], z[calm])  # a few single rows are neither noise nor a rhythm
        late = still[quarter >= 2]
        trend = _trend(late)
        residual = late - trend
        noise = _scatter(residual)
        first = np.diff(late[calm[quarter >= 2]])
        jumps = bool((first > grain).sum() > (len(late) >= RARELY) and (first < -grain).any())
        levels = np.array([np.median(z[quarter == each]) for each in range(4)])
        end = float(np.median(z[-max(len(z) // 8, 1) :]))
        start = _start(z, noise)
        peak_at, peak = _peak(z, spikes, start - max(0.1 * (start - end), CERTAIN * noise if jumps else 0.0))
        best = float(_smooth(z).min())
        late_fall = float(levels[2] - levels[3])
        memory = _memory(residual) if jumps else 1.0
        drop = _drop(still, quarter, residual, memory) if jumps else math.copysign(math.inf, late_fall) if late_fall else 0.0
        low = int(z.argmin())
        above = z - z[low]
        highs = np.maximum.reduceat(above, np.unique(np.linspace(0, len(z), min(PARTS, len(z)) + 1).astype(np.intp))[:-1])
        fall = max(start, peak if peak > start else start) - min(end, best)
        pace, left = _pace(still, t, noise if jumps else 0.0, start - end)
        last = still[-max(len(z) // PARTS, 3) :]
        signs = cls(
            rows=len(z),
            first=float(losses[0]),
            last=float(losses[-1]),
            start=start * unit,
            end=end * unit,
            lowest=float(losses.min()),
            highest=float(losses.max()),
            peak=peak * unit,
            rough=_bends(z[max(peak_at - FEWEST, 0) : peak_at + 2 * FEWEST]) * unit,
            best=best * unit,
            levels=levels * unit,
            noise=noise * unit if jumps else 0.0,
            jumps=jumps,
            drop=drop,
            pace=pace,
            left=left,
            settled=bool(np.ptp(last) <= max(TOLERANCE * fall, 2 * grain)),
            rises=bool((first >= -grain).all() and (first > grain).any()),
            falls=bool((np.diff(z) <= 0).all()),
            shrinks=jumps and _shrinks(still, quarter),
            moved=_moved(z, len(late), noise if jumps else 0.0, memory, grain),
            grows=_grows(highs, above, drop) or _grows_again(z, noise if jumps else 0.0),
            blew_up=_blew_up(z),
            explodes=_explodes(z, start, jumps=jumps),
            factor=_factor(z),
            spikes=spikes,
            long_spikes=long_spikes,
            rhythm=_rhythm(residual, _places(time)[quarter >= 2]) if jumps else "",
            tail_low=float(losses[quarter == 3].min()),
            tail_high=float(losses[quarter == 3].max()),
            risen=float(losses[low:].max()),
            turned=bool(losses[-1] <= losses[-2]),
            had_fallen=bool(low > max(len(z) // 50, 1) and start - best > CERTAIN * _bends(z[: low + 1])),
            stopped_at_once=_stopped_at_once(losses, grain * unit),
        )
        if signs.grew or not (_leaps(z) or _falls_alone(z)):
            return signs
        before = cls.of(losses[:-1], time[:-1])
        if losses[-1] < losses[-2]:
            return replace(before, leap=float(losses[-1])) if before.grew else signs
        if before.leap > before.last and losses[-1] - before.leap > before.leap - before.last and losses[-1] > signs.start:
            return replace(signs, explodes=True)  # two rows that leap, the second farther, are no spike
        return replace(before, leap=float(losses[-1]))


def _stopped_at_once(losses: Array, grain: float) -> bool:
    """Whether it moved by less than a hundredth of itself, within its first eighth, and then no more."""
    rest = losses[-(-len(losses) // 8) :]
    return bool(np.ptp(rest) <= 2 * grain and np.ptp(losses) < 0.01 * np.abs(rest).min())


def _quarters(t: Array) -> NDArray[np.intp]:
    """Return the quarter of the run of each row; by rows where uneven steps would leave a quarter with fewer than two."""
    by_time = np.minimum((4 * t).astype(np.intp), 3)
    if np.bincount(by_time, minlength=4).min() >= FEWEST // 4:
        return by_time
    return np.arange(len(t)) * 4 // len(t)


def _grain(z: Array) -> float:
    """Return the step in which the values were printed, such as 0.001, if they all lie on one grid; else 0."""
    values = np.unique(z)
    if values.size < 5:
        return 0.0
    gaps = np.diff(values)
    step = float(gaps.min())
    if not 1e-9 < step <= PRINTED * values[-1] - PRINTED * values[0]:
        return 0.0
    counts = (values - values[0]) / step
    return step if np.abs(counts - counts.round()).max() < 1e-3 + 1e-12 / step and counts[-1] >= 4 and values.size < len(z) else 0.0


def _trend(late: Array) -> Array:
    """Return a parabola through the later half, fitted twice: the second time without what lies far off."""
    u = np.linspace(-1, 1, len(late))
    if len(late) < 5:
        return np.full(len(late), np.median(late))
    degree = 2 if len(late) >= 8 else 1
    basis = np.vander(u, degree + 1)
    every = slice(None, None, len(late) // 2000 + 1)  # enough for three numbers
    some, values = basis[every], late[every]
    weight = np.ones(len(values), dtype=bool)
    for _ in range(2):
        fit = np.linalg.lstsq(some[weight], values[weight], rcond=None)[0]
        off = np.abs(values - some @ fit)
        near = off <= 5 * max(float(np.median(off)), 1e-300)
        weight = near if near.sum() > len(values) // 2 else weight
    return np.asarray(basis @ fit)


def _scatter(values: Array) -> float:
    """Return the standard deviation that the middle half of the values has."""
    return float(1.4826 * np.median(np.abs(values - np.median(values))))


def _bends(z: Array) -> float:
    """Return the standard deviation of white noise that would bend the curve as much: from second differences, without any trend."""
    return float(WHITE * np.median(np.abs(np.diff(z, 2))))


def _smooth(z: Array) -> Array:
    """Medians of about a hundredth of the rows each: what is left of a curve without its noise and single spikes."""
    width = max(len(z) // 100, 1)
    if width == 1:
        return z if len(z) < 3 else np.median(np.stack([z[:-2], z[1:-1], z[2:]]), axis=0)
    return _medians(z[: len(z) // width * width], len(z) // width)


def _medians(z: Array, parts: int) -> Array:
    """Return the median of each of the `parts` of `np.array_split`, which are of two lengths."""
    rows, longer = divmod(len(z), parts)
    cut = longer * (rows + 1)
    return np.concatenate([np.median(each, axis=1) for each in (z[:cut].reshape(longer, rows + 1), z[cut:].reshape(-1, rows))])


def _start(z: Array, noise: float) -> float:
    """Return where the curve begins: its first value where that stands out of the noise, else the median of its first fiftieth."""
    level = float(np.median(z[: max(len(z) // 50, 1)]))
    return float(z[0]) if abs(z[0] - level) > CERTAIN * noise else level


def _spikes(z: Array, grain: float) -> NDArray[np.intp]:
    """Single rows, or two, that stand far above the rows around them.

    The scatter of these rows is that of their second differences, which a trend hardly touches.
    """
    if len(z) < 2 * FEWEST:
        return np.array([], dtype=np.intp)
    width = 7
    padded = np.pad(z, width // 2, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, width)
    middle = np.median(windows, axis=1)
    off = z - middle
    blocks = np.array_split(z, max(len(z) // 32, 1))
    local = WHITE * _medians(np.pad(np.abs(np.diff(z, 2)), 1), len(blocks))
    local[[0, -1]] = _bends(z[: len(blocks[0]) + 1]), _bends(z[-len(blocks[-1]) - 1 :])  # the first row bends nothing, nor does the last
    local = np.repeat(local, [len(each) for each in blocks])
    high = off > OUTLIER * np.maximum(local, grain) + 1e-3 * np.ptp(z)
    high[:2] = False
    long = high & np.roll(high, 1) & np.roll(high, -1)
    return np.flatnonzero(high & ~(long | np.roll(long, 1) | np.roll(long, -1)))


def _long_spikes(z: Array, grain: float) -> tuple[tuple[int, int], ...]:
    """Several rows, up to a fiftieth of them or `FEWEST`, that rise far above those before and after, which lie at one level.

    Where they are more than `SINGLE`, they are how the curve moves, and none is returned.
    """
    most = max(FEWEST, len(z) // 50)
    if len(z) < 8 * most:
        return ()
    blocks = _medians(z, len(z) // most)
    around = np.median(np.lib.stride_tricks.sliding_window_view(np.pad(blocks, 2, mode="edge"), 5), axis=1)
    off = z - np.interp(np.linspace(-0.5, len(blocks) - 0.5, len(z)), np.arange(len(blocks)), around)
    high = np.concatenate([[False], off > CERTAIN * max(_scatter(off), grain), [False]])
    found = []
    for first, end in np.flatnonzero(np.diff(high)).reshape(-1, 2):
        if not 3 <= end - first <= most or first < FEWEST or end > len(z) - FEWEST:
            continue
        top = z[first:end].max()
        sides = [z[max(first - 2 * most, 0) : first], z[end : end + 2 * most]]
        far = max(max(OUTLIER * _scatter(each), OUTLIER * _bends(each), ABOVE * np.ptp(each), grain) for each in sides)
        if top - max(each.max() for each in sides) > far:
            found.append((int(first), int(end)))
    return tuple(sorted(found, key=lambda each: -z[slice(*each)].max())) if len(found) <= SINGLE else ()


def _peak(z: Array, spikes: NDArray[np.intp], fallen_to: float) -> tuple[int, float]:
    """Return the row and the height of the largest value that is no single spike on the way down."""
    kept = np.ones(len(z), dtype=bool)
    fallen = np.minimum.accumulate(z) < fallen_to
    kept[spikes] = ~fallen[spikes]
    at = int(np.argmax(np.where(kept, z, -np.inf)))
    return at, float(z[at])


def _clipped(residual: Array) -> Array:
    """Return the noise with what lies far off no farther than four standard deviations."""
    most = 4 * _scatter(residual)
    return np.clip(residual, -most, most) if most > 0 else residual


def _memory(residual: Array) -> float:
    """Return over how many rows the noise remembers: one plus twice the sum of its autocorrelations, up to the first that is not clear."""
    calm = _clipped(residual)
    calm = calm - calm.mean()
    total = float(calm @ calm)
    memory = 1.0
    for lag in range(1, min(len(calm) // 4, 200) if total else 0):
        correlation = float(calm[lag:] @ calm[:-lag]) / total
        if correlation < 2 / math.sqrt(len(calm)):
            break
        memory += 2 * correlation
    return memory


def _drop(z: Array, quarter: NDArray[np.intp], residual: Array, memory: float) -> float:
    """Return how far the mean of the fourth quarter lies below that of the third, in standard errors that allow for noise with a memory."""
    clipped = _clipped(residual)
    late = z[quarter >= 2] - residual + clipped
    third = int((quarter == 2).sum())
    error = float(np.std(clipped)) * math.sqrt(memory * (1 / third + 1 / (len(late) - third)))
    return float((late[:third].mean() - late[third:].mean()) / error) if error > 0 else 0.0


def _moved(z: Array, late: int, noise: float, memory: float, grain: float) -> bool:
    """Return whether the first row, or the first two, four, ... up to a quarter of them, lie above the `late` ones by more than chance."""
    widths = 2 ** np.arange(int(math.log2(len(z) // 4)) + 1)
    fall = np.cumsum(z)[widths - 1] / widths - np.median(z[-late:])
    error = noise * np.sqrt(np.where(widths == 1, 1.0, memory / widths) + 1.57 * memory / late)  # a median's variance is 1.57 of a mean's
    return bool((fall > np.maximum(CERTAIN * error, grain)).any())


def _pace(z: Array, t: Array, noise: float, fall: float) -> tuple[float, float]:
    """Return the factor by which the fall per quarter shrinks late in the run, and the share of the whole fall that is still to come.

    From three levels, each the mean around one of three evenly spaced times of the later half, at which a noisy curve can be read; the
    whole run instead of the half where the half falls too little to tell.
    """
    for begin in (0.5, 0.0):
        width = (1 - begin) / 6 if noise else (1 - begin) / 50
        at = (begin + width / 2, (begin + 1) / 2, 1 - width / 2)
        levels, counts = zip(*(_level(z, t, each, width) for each in at), strict=True)
        first, second = levels[0] - levels[1], levels[1] - levels[2]
        error = 1.25 * noise * math.sqrt(2 / min(counts))
        if first > max(2 * CERTAIN * error, 0.0):
            ratio = second / first
            ratio = 1.0 if abs(ratio - 1) < 2 * error * math.hypot(1, ratio) / first else ratio  # no straight line is ruled out
            quarters = 4 * (at[1] - at[0])
            pace = min(max(ratio, 0.0), 1e30) ** (1 / quarters)
            rest = second * ratio / (1 - ratio) if 0 < ratio < 1 else 0.0 if ratio <= 0 else math.inf
            return float(pace), float(rest / fall) if fall > 0 else math.inf
    return math.nan, math.nan


def _level(z: Array, t: Array, at: float, width: float) -> tuple[float, int]:
    """Return the mean of the curve within half a `width` of a time, read off a straight line between its rows where it has none there."""
    near = np.abs(t - at) <= width / 2
    if near.sum() >= 3:
        middle, before, off = z[near].mean(), (t[near] - at).mean(), t[near] - t[near].mean()
        spread = (off**2).sum()
        return float(middle - before * (off * z[near]).sum() / spread if spread > 0 else middle), int(near.sum())
    return float(np.interp(at, t, z)), 1


def _shrinks(z: Array, quarter: NDArray[np.intp]) -> bool:
    """Return whether the jumps die out: in each later quarter they are clearly smaller than in the one before."""
    parts = [z[quarter == each] for each in (1, 2, 3)]  # of too few values to tell, the spread is infinite
    spreads = [float(np.std(np.diff(part, 2))) if len(part) >= 6 else math.inf for part in parts]
    return 0 < spreads[2] < FADES * spreads[1] < FADES**2 * spreads[0]


def _grows(highs: Array, above: Array, drop: float) -> bool:
    """Growth beyond the start that has not turned, by quarters: the rule of `verdict.decide`, measured from the lowest value."""
    if len(highs) < 8 or drop > -CERTAIN:
        return False
    quarter = len(highs) // 4
    half, third, fourth = (float(highs[len(highs) - k * quarter :][:quarter].max()) for k in (3, 2, 1))
    early, late = highs[-2 * quarter : -quarter], highs[-quarter:]
    if not (third > GROWTH * half > 0 and fourth > GROWTH * third and late.min() > early.max()):
        return False
    steady = math.log(fourth / third) > STEADY * math.log(third / half)
    return bool(steady and fourth > above[0] and np.median(above[-max(len(above) // PARTS, 1) :]) > above[0])


def _grows_again(z: Array, noise: float) -> bool:
    """Growth by a factor after a fall, seen from below the start: from the lowest level on, each third rises more than the one before."""
    width = max(len(z) // 48, 1)
    levels = np.array([each.mean() for each in np.array_split(z, len(z) // width)])
    low = int(levels.argmin())
    rise = levels[low:]
    if len(rise) < 2 * FEWEST or low == 0:
        return False
    error = noise / math.sqrt(width)
    if rise[-1] - rise[0] < max(2 * CERTAIN * error, REGAINS * (levels[0] - rise[0]), 1e-9) or rise[-1] < rise.max() - CERTAIN * error:
        return False
    first, second, third = (float(each[-2:].mean() - each[:2].mean()) for each in np.array_split(rise, 3))
    if not min(first, second - ACCELERATES * first, third - ACCELERATES * second) > CERTAIN * error:
        return False
    return math.log(third / second) > STEADY * math.log(second / first)


def _blew_up(z: Array) -> bool:
    """Whether it ends at another size: so far above all that came before its lowest row that no level of a loss is as high.

    One that rises from its first rows on must do so faster and faster, since there is nothing to measure it by but its first change.
    """
    low = int(z.argmin())
    room = float(np.ptp(z[: max(low, 1) + 1]))
    if low < 2:
        change = np.diff(z[low : low + 4])
        if len(change) < 3 or not (change > 0).all() or not (np.diff(change) > 0).all():
            return False
    return bool(z[-max(len(z) // 8, 1) :].min() - z[low] > BLOWN * room)


def _explodes(z: Array, start: float, *, jumps: bool) -> bool:
    """Growth at the very end, too late for the quarters: the last rows rise by more and more, to well above all that came before."""
    if len(z) < 5:
        return False
    rising = 0
    for change in np.diff(z)[::-1]:
        if change <= 0:
            break
        rising += 1
    if rising < 3:
        return False
    tail = np.diff(z)[-rising:]
    before = z[: len(z) - rising] if rising < len(z) - 1 else z[:1]
    base, top = float(z.min()), float(before.max())
    calm = before[len(before) // 2 :]  # the rise itself is no noise
    noise = _scatter(calm - _trend(calm)) if jumps else 0.0
    room = max(top - base, start - base, 10 * noise, 1e-300)
    far = tail[-1] > tail[0] and tail[-1] >= np.median(tail) and z[-1] - base > RISE * room and z[-1] > start
    return bool(far and _by_chance(z) < CHANCE)


def grew_at_the_end(losses: Array) -> bool | None:
    """Return whether finite losses ``(n,)`` were on their way out at their end; None where they are too few to tell it from their noise.

    On their way out are last values above the start that rise by a factor, or to a size never seen before, and not by chance.

    >>> [grew_at_the_end(np.array(z)) for z in ([4.0, 2.0, 8.0, 64.0], [4.0, 4.1, 4.2], [4.0, 2.0, 1.0])]
    [True, None, False]
    """
    if len(losses) < 2:
        return None
    above = losses / 2 - losses.min() / 2
    before = float(np.max(above[:-2])) if len(losses) > 3 else float(above[0])
    rises = losses[-1] > losses[0] and above[-1] >= above[-3:].max() and (above[-1] > 2 * before or above[-1] - above[-2] > before / 4)
    if not rises or _by_chance(above) < CHANCE:
        return bool(rises)
    return None if len(losses) < FEWEST or not np.diff(above)[:-1].any() else False


def rises_again(losses: Array) -> bool:
    """Return whether finite losses ``(n,)``, such as validation's, come down and end above that, by more than noise, for a while.

    Of medians of an eighth of the rows each, the last lies above the lowest, two before it at least: by `CERTAIN` standard errors (a
    median's variance is 1.57 of a mean's; noise has a memory), by two steps of its print, and by a share of the way that the row halfway to
    the lowest had to go. The whole fall is no measure of it: a language model's first rows fall by far more than overfitting takes back.

    >>> k = np.arange(120)
    >>> fall = 2.3 * np.exp(-k / 40)
    >>> rises_again(fall), rises_again(fall + 0.01 * np.maximum(k - 60, 0))
    (False, True)
    """
    n = losses.size
    if n < FEWEST:
        return False
    z, width = losses / (float(np.abs(losses).max()) or 1.0), n // 8
    levels = _medians(z, n // width)
    low = int(levels.argmin())
    if low > len(levels) - 3:
        return False
    late = z[n // 2 :]
    residual = late - _trend(late)
    scatter = max(float(np.std(_clipped(residual))) * math.sqrt(len(late) / (len(late) - 3)), _bends(z))
    error = scatter * math.sqrt(2 * (1.57 * min(_memory(residual), width) / width if width > 1 else 1.0))
    won = max(float(np.median(z[: low * width])) - levels[low], 0.0) if low else 0.0
    values = np.unique(z)
    printed = float(np.diff(values).min(initial=math.inf)) if 2 * values.size <= n else ROUNDING
    return bool(levels[-1] - levels[low] > max(CERTAIN * error, LOSES * won, 2 * printed))


def _by_chance(z: Array) -> float:
    """Return a bound on the probability that noise or a random walk ends with such a rise, the less of two; 1 where it does not rise.

    The last change against the ν before it, about 0, is Student's: P(T > t) ≤ ½ (1 + t²/ν)^(−ν/2), where no noise is finer than the
    smallest change; and the last k changes rise, each more than the one before, with probability 1/(2ᵏ k!).
    """
    change = np.diff(z)
    *before, last = change / (float(np.abs(change).max(initial=0.0)) or 1.0)
    if not last > 0:
        return 1.0
    less = np.flatnonzero(~(np.diff(np.maximum(change, 0.0), prepend=0.0) > 0))
    k = len(change) - 1 - int(less[-1]) if less.size else len(change)
    walks = 2.0**-k / math.factorial(min(k, 100))
    past = np.abs(before)
    if not past.any():
        return walks
    t, v = last / max(float(np.sqrt(np.mean(past**2))), float(past[past > 0].min())), len(past)
    return min(walks, 0.5 * math.exp(-v / 2 * math.log1p(t * t / v)))


def _leaps(z: Array) -> bool:
    """Whether the last row alone stands far above those before it: a spike, or the first row of an end."""
    before = z[:-1]
    if len(before) < FEWEST or np.ptp(before) == 0:
        return False
    leap = z[-1] - before[-max(len(before) // 4, 4) :].max()
    return bool(leap > max(OUTLIER * _bends(before[-2 * FEWEST :]), LEAPS * np.ptp(before)))


def _falls_alone(z: Array) -> bool:
    """Whether the last row alone lies below one that rows of growth led to, at another size than all before: half a number, perhaps."""
    falls = np.flatnonzero(~(np.diff(z[:-1]) > 0))
    first = int(falls[-1]) + 1 if falls.size else 0  # of the growth
    if z[-1] >= z[-2] or len(z) - 2 - first < 3:
        return False
    room = max(float(np.ptp(z[: first + 1])), float(z[first + 1] - z[first]))
    return bool(z[-2] - z[: first + 1].min() > BLOWN * room)


def _factor(z: Array) -> float:
    """Return the factor by which the loss grew per row in the final rise; nan where it did not grow by one.

    c + a rᵏ has differences that grow by r, whatever c is: r is the slope of their logarithms, where that is known to a tenth.
    """
    change = np.diff(z[-13:])
    falls = np.flatnonzero(~(change > 0))
    change = change[falls[-1] + 1 :] if falls.size else change
    if len(change) < 3:
        return math.nan
    row = np.arange(len(change)) - (len(change) - 1) / 2
    logs = np.log(change)
    slope = float(row @ logs / (row @ row))
    off = logs - logs.mean() - slope * row
    error = math.sqrt(float(off @ off) / (len(row) - 2) / float(row @ row))
    return math.exp(slope) if slope > 10 * error and slope < 700 else math.nan


def _rhythm(residual: Array, place: NDArray[np.intp]) -> str:
    """Return what the later half repeats: every second value, a longer cycle, a rule without a cycle, or nothing visible.

    `place` ``(n,)`` is where each value stands in a log without gaps.
    """
    r = residual - residual.mean()
    if not r.any() or len(r) < 6:
        return ""
    correlation = _correlations(r, place - place[0])
    if correlation.size > 2 and correlation[1] < -ALTERNATES and correlation[2] > ALTERNATES:
        return "two"
    lags = correlation[1 : len(correlation) // 3 + 1]
    if len(r) >= 12 and bool(((lags >= PERIODIC) & (np.minimum.accumulate(lags) < 0.4)).any() if lags.size else False):
        return "cycle"
    return "chaos" if len(r) >= 30 and _forecasts(r[-LOOKED_AT:], place[-LOOKED_AT:]) else ""


def _correlations(r: Array, place: NDArray[np.intp]) -> Array:
    """Return the autocorrelation at every lag, from the pairs that are there; 0 where there are fewer than three."""
    dense, there = np.zeros(place[-1] + 1), np.zeros(place[-1] + 1)
    dense[place], there[place] = r, 1.0
    size = 1 << (2 * len(dense) - 1).bit_length()
    products, pairs = (np.fft.irfft(np.abs(np.fft.rfft(each, size)) ** 2, size)[: len(dense)] for each in (dense, there))
    return np.where(pairs > 2.5, products / np.maximum(pairs, 1) / (r @ r) * len(r), 0.0)


def _places(time: Array) -> NDArray[np.intp]:
    """Return where each row stands in a log without gaps: by its time if the times are on one grid, else one after the other."""
    gaps = np.diff(time)
    place = (time - time[0]) / gaps.min()
    on_grid = np.abs(place - place.round()).max() < 1e-6 and place[-1] < 4 * len(time)
    return place.round().astype(np.intp) if on_grid else np.arange(len(time))


def _forecasts(r: Array, place: NDArray[np.intp]) -> bool:
    """Return whether similar moments go on alike, as under a rule, and better than the best straight-line forecast would have it.

    The nearest neighbor's successor is the forecast (Lorenz 1969, "Atmospheric predictability as revealed by naturally occurring
    analogues"); noise, smoothed or not, is foretold no better than by a straight line.
    """
    whole = place[2:] - place[:-2] == 2  # three rows in a row
    past, future = np.column_stack([r[1:-1], r[:-2]])[whole], r[2:][whole]
    if len(future) < 30:
        return False
    away = np.abs(past[:, np.newaxis, 0] - past[np.newaxis, :, 0]) + np.abs(past[:, np.newaxis, 1] - past[np.newaxis, :, 1])
    away[np.abs(np.subtract.outer(np.arange(len(past)), np.arange(len(past)))) < 3] = np.inf
    analog = float(np.median(np.abs(future - future[away.argmin(axis=1)])))
    basis = np.column_stack([past, np.ones(len(past))])
    line = float(np.median(np.abs(future - basis @ np.linalg.lstsq(basis, future, rcond=None)[0])))
    return bool(analog < FORECAST * line and analog < 0.3 * r.std())
