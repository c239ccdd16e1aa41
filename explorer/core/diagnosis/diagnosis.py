"""A verdict for a curve that somebody else recorded: from the numbers alone, with what decided and what may be behind it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from explorer.core.diagnosis.alarms import Alarm, alarms
from explorer.core.diagnosis.causes import Cause, grew, overfits, plunged, ranked, symptoms
from explorer.core.diagnosis.levels import named_level
from explorer.core.diagnosis.record import Record, numbers
from explorer.core.diagnosis.signs import CERTAIN, FEWEST, Signs, rises_again
from explorer.core.files.logs import LogFile
from explorer.core.files.roles import kind
from explorer.core.ground.arrays import Array
from explorer.core.ground.checks import check_mapping, check_switch, must, typed
from explorer.core.ground.display import Displayed
from explorer.core.ground.prose import counted, plain
from explorer.core.ground.shelf import door
from explorer.core.verdict.sentence import Verdict, told
from explorer.core.verdict.verdict import PATIENCE, RISE, TOLERANCE

RECOVERS = 0.1  # ...a fall in the last quarter by less than this share of what was lost is no recovery
ACCELERATES = 1.05  # a fall that accelerates by more than this factor a quarter is not slow, however straight it looks

CHAOS = "nothing exactly, but what follows can be foretold from the values before (chaos)"
PATTERN = {"two": "it jumps back and forth", "cycle": "it repeats a cycle", "chaos": f"it repeats {CHAOS}", "": ""}
"""How a curve jumps, by what `Signs.rhythm` found."""

REPEATS = {"two": "every second row", "cycle": "a cycle", "chaos": CHAOS, "": "nothing"}

DECADES = 2.0  # a positive curve that spans more decades is looked at in logarithms
COMPARED = 64  # two curves are compared at this many evenly spaced times


@dataclass(frozen=True, eq=False, repr=False)
class Diagnosis(Displayed):
    """What a recorded curve shows. `verdict` is None where the numbers cannot tell of the steps, and `sentence` says why.

    `evidence` are the numbers that decided, by name; `causes` what may be behind it, the likeliest first, each with the test that
    tells it apart and what to change first; `symptoms` short words such as ``"explodes"``; `cases` the names of the known curves, the
    most alike first. `record` is the curve itself.

    See also: `diagnose`, `Verdict`.

    >>> from explorer import diagnose
    >>> found = diagnose([4.0, 2.0, 8.0, 64.0, 1e9, float("inf")])
    >>> str(found.verdict), found.causes[0].name
    ('diverged', 'The learning rate is too large')
    """

    verdict: Verdict | None
    sentence: str
    evidence: dict[str, float | int | str]
    causes: tuple[Cause, ...]
    symptoms: tuple[str, ...]
    cases: tuple[str, ...] = ()
    record: Record | None = None

    def summary(self) -> str:
        """Return the sentence."""
        return self.sentence

    def to_columns(self) -> dict[str, Any]:
        """Return a row for each value of the curve: where it stands, and what the other curves that were given are there."""
        if self.record is None:
            return {}
        own, others = self.record, ("validation", "learning_rate", "gradient_norm", "loss_scale")
        beside = {name: own.beside(getattr(own, name)) for name in others}
        return {own.counter: own.at, "loss": own.values} | {name: each for name, each in beside.items() if each is not None}


@door
@np.errstate(all="ignore")  # what overflows on the way is as large as a number can be
def diagnose(
    losses: ArrayLike | Sequence[float | None] | LogFile,
    *,
    stochastic: bool | None = None,
    steps: ArrayLike | None = None,
    validation: ArrayLike | Sequence[float | None] | None = None,
    learning_rate: ArrayLike | Sequence[float | None] | None = None,
    gradient_norm: ArrayLike | Sequence[float | None] | None = None,
    loss_scale: ArrayLike | Sequence[float | None] | None = None,
    known: Mapping[str, ArrayLike] | None = None,
) -> Diagnosis:
    """Return the verdict on losses ``(n,)``, in the words of `Verdict`; None and masked entries are missing values, nan and inf are data.

    Where several rows at the end have no value, and all before had one or at a far shorter pace, the loss was nan, as pandas and JSON
    write it. Of more than 500,000 rows some 50,000 are looked at, evenly, and the first that are nan or inf.

    A `LogFile`, as `read_log` returns it, brings its steps and its other curves along; what is given beside it counts instead. Of a
    column whose name says that it is no loss there is no verdict, nor of a validation loss that rises from its lowest row on.

    `stochastic` says whether the steps were random (mini-batches); None finds out as far as the numbers tell. `steps` are the steps of
    the rows, increasing, if they were not logged evenly; `validation`, `learning_rate`, `gradient_norm` and `loss_scale`, one a row,
    sharpen the causes, and the verdict where they tell that the run is dead: a gradient that stays nan. `known` are curves by name to
    compare with, for `Diagnosis.cases`.

    The verdict does not depend on the loss's unit or zero: a·L + b has the same, for a > 0, but for a loss that is suddenly exactly 0,
    and for a first step of less than a hundredth of the loss after which nothing moves. A loss that is not finite from some row
    to the last one has diverged; one that comes back was only displayed so. What cannot be known has no verdict: fewer than 8
    values, or all equal. The words mean what they mean in `judge`, but for what only who knows x and the minimum can see: a plateau
    that was reached by falling counts as converged, and momentum's first swing looks like a catapult.

    Raises ValueError for an argument that is not one number a row, for a rate, norm or scale below 0, and for steps that do not increase.

    See also: `read_log`, `Diagnosis`, `Monitor` for a run under way, `judge` for one of this library.

    >>> diagnose([4.0, 2.0, 8.0, 64.0, 1e9, float("inf")]).sentence
    'Diverges: the loss grew from 2 to 1 × 10⁹ and is inf from row 6 on'
    >>> str(diagnose([0.5**k for k in range(40)]).verdict), diagnose([1.0, 0.9]).verdict
    ('converged', None)
    """
    given = {"validation": validation, "learning_rate": learning_rate, "gradient_norm": gradient_norm, "loss_scale": loss_scale}
    lines: tuple[tuple[str, int, str], ...] = ()
    called, judged, counter, whole, beside = "the loss", "train", "step", "", None
    if isinstance(losses, LogFile):
        log = losses
        counter = log.counter if steps is None else counter
        steps, losses, lines = log.step if steps is None else steps, log.losses, log.alarms
        called, whole, judged, beside = log.called, log.of, kind(log.roles["train"]), log.beside()
        given = {role: log.curve(role) if curve is None else curve for role, curve in given.items()}
    record = Record.of(losses, steps, counter=counter, called=called, whole=whole, beside=beside, **given)
    curves = check_mapping("known", {} if known is None else known, '{"a run of last week": losses}')
    given_curves, curves = curves, {name: numbers(f"known[{name!r}]", curve)[0] for name, curve in curves.items()}
    for name, curve in curves.items():
        if curve.ndim != 1 or not np.isfinite(curve).any():
            raise must(f"known[{name!r}]", "one number a row, (n,), some of them finite", typed(given_curves[name]))
    stochastic = None if stochastic is None else check_switch("stochastic", stochastic)
    if called != "the loss" and judged not in ("train", "validation", "") and record.values.size:
        first, last = float(record.values[0]), float(record.values[-1])
        moves = "rises" if last > first else "falls" if last < first else "goes"
        return _no_verdict(record, f"{called} is no loss: it {moves} from {plain(first, 4)} to {plain(last, 4)}", None, ())
    heard = alarms(record, lines)
    signs, verdict, sentence = _judged(record, stochastic, heard)
    alive = record.lost_from is None and not any(each.dead for each in heard)
    if judged == "validation" and alive and rises_again(record.finite) and not (signs and (signs.explodes or signs.blew_up)):
        return _no_verdict(record, "; ".join([f"Overfits: {_risen(record, called)}", *map(str, heard)]), signs, heard, "validation rises")
    found = symptoms(record, signs, verdict, heard)
    sentence = re.sub(r"“[^“”]*+”|\bthe loss\b(?! scale| of)", lambda said: said[0] if said[0].startswith("“") else called, sentence)
    return Diagnosis(
        verdict=verdict,
        sentence=sentence,
        evidence=_evidence(record, signs, str(verdict or "cannot tell"), heard),
        causes=ranked(record, signs, verdict, found, heard),
        symptoms=found,
        cases=() if verdict is None else tuple(sorted(curves, key=lambda name: -likeness(record.values, curves[name]))),
        record=record,
    )


def _no_verdict(record: Record, sentence: str, signs: Signs | None, heard: Sequence[Alarm], *found: str) -> Diagnosis:
    """Return what is said of a column that tells nothing of the steps."""
    evidence = _evidence(record, signs, sentence.partition(":")[0].lower(), heard)
    return Diagnosis(None, sentence, evidence, ranked(record, signs, None, found, heard), found, record=record)


def _judged(record: Record, stochastic: bool | None, heard: Sequence[Alarm]) -> tuple[Signs | None, Verdict | None, str]:
    """Return the signs of the finite part, if it has any, and the verdict with its sentence, and with what else was heard of the run."""
    signs, verdict, sentence = _of_losses(record, stochastic)
    beside = [str(each) for each in heard]
    if record.lost_from is None and any(each.dead for each in heard):
        return signs, Verdict.DIVERGED, told(Verdict.DIVERGED, {}, instead=", and ".join(beside))
    if verdict not in (None, Verdict.DIVERGED) and signs is not None and signs.long_spikes:
        beside.insert(0, _spike(record, signs))
    if verdict != Verdict.DIVERGED and overfits(record):
        beside.append(_risen(record.validation))
    return signs, verdict, "; ".join([sentence, *beside])


def _risen(curve: Record | None, called: str = "the validation loss") -> str:
    assert curve is not None
    lowest = int(np.nanargmin(np.where(np.isfinite(curve.values), curve.values, np.nan)))
    least, last = plain(float(curve.values[lowest]), 4), plain(float(curve.finite[-1]), 4)
    return f"{called} rises from {curve.place(lowest)} on, from {least} to {last}"


def _of_losses(record: Record, stochastic: bool | None) -> tuple[Signs | None, Verdict | None, str]:
    finite = record.finite
    signs = Signs.of(finite, record.finite_steps) if finite.size >= 4 and finite.max() > finite.min() else None
    if record.values.size == 0:
        return None, None, f"Cannot tell: {'no value was recorded' if not record.missing else f'all {record.missing:,} values are missing'}"
    if record.lost_from is not None:
        return signs, Verdict.DIVERGED, told(Verdict.DIVERGED, {}, instead=_lost(record, signs))
    if finite.size and signs is not None and finite.size >= 5 and signs.grew:
        return signs, Verdict.DIVERGED, _sentence(Verdict.DIVERGED, signs, record.whole)
    if finite.size < FEWEST:
        return (
            signs,
            None,
            f"Cannot tell: a verdict takes at least {FEWEST} values, and there {'is' if finite.size == 1 else 'are'} {finite.size}",
        )
    if signs is None:
        level = float(finite[0])
        return (
            None,
            None,
            f"Cannot tell: all {finite.size:,} values are {plain(level, 4)}{_named(level)}; the log may be rounded, or the rate 0",
        )
    verdict = verdict_of(signs, stochastic)
    return signs, verdict, _sentence(verdict, signs, record.whole)


def verdict_of(signs: Signs, stochastic: bool | None = None) -> Verdict:
    """Return the verdict that follows from the signs of a curve that stayed finite and did not grow beyond its start."""
    beats = bool(signs.rhythm) and abs(signs.levels[2] - signs.levels[3]) < signs.noise
    recovers = signs.levels[2] - signs.levels[3] > RECOVERS * (signs.end - signs.best)
    falls = (signs.drop > CERTAIN and not beats) or (not signs.jumps and not signs.rises and not signs.settled)
    if (falls or signs.shrinks) and (recovers or not signs.stays_up):
        came = Verdict.CONVERGED if signs.settled and not signs.left > TOLERANCE else _waiting(signs)
    elif signs.settled:
        came = Verdict.STUCK if signs.stays_up else Verdict.CONVERGED
    elif (signs.rhythm and stochastic is not True) or (stochastic is False and signs.jumps):
        return Verdict.OSCILLATING
    elif signs.stays_up:
        came = Verdict.STUCK
    else:
        return Verdict.NOISY if signs.moved else Verdict.STUCK
    if came == Verdict.CONVERGED and signs.stopped_at_once:
        return Verdict.STUCK
    return Verdict.CATAPULT if came in (Verdict.CONVERGED, Verdict.CONVERGING) and _catapulted(signs) else came


def _waiting(signs: Signs) -> Verdict:
    """Return whether it is worth waiting for: in the steps that the rest would take at this pace, as `verdict.PATIENCE` has it."""
    if np.isnan(signs.pace) or (signs.shrinks and signs.drop < CERTAIN):
        return Verdict.CONVERGING
    if signs.pace >= 1:
        return Verdict.CONVERGING if signs.pace > ACCELERATES else Verdict.SLOW
    if signs.pace == 0 or signs.left <= TOLERANCE:
        return Verdict.CONVERGING
    quarters = np.log(TOLERANCE / signs.left) / np.log(signs.pace)
    return Verdict.SLOW if quarters > 4 * PATIENCE else Verdict.CONVERGING


def _catapulted(signs: Signs) -> bool:
    """Return whether it rose to `RISE` times the start, both above where it ended, before it had fallen."""
    stands_out = signs.peak - signs.start > CERTAIN * signs.rough
    return bool(stands_out and signs.end < signs.start and signs.peak - signs.end > RISE * (signs.start - signs.end))


def _lost(record: Record, signs: Signs | None) -> str:
    at, rows = record.lost_from or 0, record.values.size
    word, z = plain(float(record.values[at])), record.finite
    if not z.size:
        return f"the loss is {word} in all {rows:,} rows" if rows > 1 else f"the only value is {word}"
    last, low, place = plain(float(z[-1])), plain(float(z.min())), record.place(at)
    few = f"; {counted(z.size, 'finite value')} before it {'is' if z.size == 1 else 'are'} not enough to tell whether it grew"
    first = plain(float(z[0]))
    was, more = (
        (f"fell from {first} to {last}, as if it had no lower bound,", "")
        if plunged(record, signs)
        else {True: (f"grew from {low} to {last}", ""), False: (f"was {last}, nothing unusual,", ""), None: (f"was {last}", few)}[
            grew(record, signs)
        ]
    )
    if record.unwritten:
        lost, of = record.unwritten, record.values.size + record.missing
        word = "missing" if at >= rows - lost else word
        more += f": the last {lost:,} of {of:,} rows have no value, which is what pandas and JSON write for nan"
    return f"the loss {was} and is {word} from {place} on{more}"


def _named(level: float) -> str:
    return f" ({name})" if (name := named_level(level)) else ""


def _sentence(verdict: Verdict, signs: Signs, whole: str) -> str:
    losses = {"peak": signs.peak, "low": signs.tail_low, "high": signs.tail_high, "final": signs.ends[0], "start": signs.begins[0]}
    numbers = {name: plain(each, 7 if signs.stopped_at_once else 4) for name, each in losses.items()}
    numbers["span"] = f"{whole}, of which {signs.rows:,} were judged," if whole else counted(signs.rows, "row")
    for name, (_, median) in {"start": signs.begins, "final": signs.ends}.items():
        numbers[name] = "about " * (median and not (verdict == Verdict.NOISY and name == "final")) + numbers[name]
    instead, more = "", ""
    match verdict:
        case Verdict.DIVERGED:
            factor = f", by a factor of {plain(signs.factor)} a row at the end" if signs.factor > 1.005 else ""
            low, high = plain(signs.lowest, 4), plain(signs.risen, 4)
            came = f"fell from {numbers['start']} to {low}, then rose" if signs.had_fallen else f"rose from {low}"
            instead, more = f"the loss {came} to {high}{factor}", "it stays up" if signs.blew_up and signs.turned else "it has not turned"
        case Verdict.SLOW | Verdict.CONVERGING if signs.above_start:
            numbers["start"] += f" by way of {numbers['peak']}"
            more = "it comes down, but is still higher than it began"
        case Verdict.CONVERGED:
            more = "it stays there, to the digits of the log"
        case Verdict.CONVERGING:
            more = "it falls at every step, faster and faster" if signs.falls and signs.pace > ACCELERATES else "it is still falling"
        case Verdict.SLOW:
            more = "it falls about as much in every quarter, so nothing says that the end is near"
        case Verdict.OSCILLATING:
            more = PATTERN[signs.rhythm]
        case Verdict.NOISY:
            more = f"it scatters by {plain(signs.noise, 2)}, {'and rises late in the run' if signs.drop < -CERTAIN else 'with no trend'}"
        case Verdict.STUCK if signs.had_learned:
            came = f"from {numbers['start']} to {'about ' * signs.jumps}{plain(signs.best, 4)}"
            instead = f"the loss had come down {came}, rose again and stays at {numbers['final']}"
        case Verdict.STUCK if signs.stays_up:
            instead = f"the loss rose from {numbers['start']} to {numbers['final']} and stays there"
        case Verdict.STUCK if signs.stopped_at_once:
            instead = f"the loss went from {numbers['start']} to {numbers['final']} at once, by less than a hundredth, and stays there"
        case Verdict.STUCK:
            instead = f"the loss has not left {numbers['final']}{_named(signs.end)}, where it began, by more than it scatters"
            more = f"it scatters by {plain(signs.noise, 2)}, which is too noisy to tell whether it falls" if signs.drowns else ""
        case Verdict.CATAPULT:  # whether it is flatter there, the losses alone do not show
            instead = f"the loss rose from {numbers['start']} to {numbers['peak']}, then fell to {numbers['final']}"
    apart = [f"the last row alone {'jumps' if signs.leap > signs.last else 'falls'} to {plain(signs.leap, 4)}"] * signs.leaps
    return "; ".join([told(verdict, numbers, instead=instead, more=more), *apart])


def _spike(record: Record, signs: Signs) -> str:
    """Return what is said of the spikes of several rows: of the highest."""
    first, end = signs.long_spikes[0]
    at = first + int(record.finite[first:end].argmax())
    place = record.place(int(np.flatnonzero(np.isfinite(record.values))[at]))
    more = f", the highest of {len(signs.long_spikes)}" if len(signs.long_spikes) > 1 else ""
    return f"a spike to {plain(float(record.finite[at]), 3)} at {place}, over after {end - first} rows{more}"


def _evidence(record: Record, signs: Signs | None, word: str, heard: Sequence[Alarm]) -> dict[str, float | int | str]:
    found: dict[str, float | int | str] = {"in the file": record.whole} if record.whole else {}
    found |= {
        "verdict": word,
        "rows with a value": int(record.values.size) - record.unwritten,
        "missing values": record.missing + record.unwritten,
        "values that are not finite": int(record.values.size - record.finite.size) - record.unwritten,
    }
    if record.lost_from is not None:
        found["not finite from here to the end"] = record.place(record.lost_from)
    found |= {each.seen: each.where for each in heard}
    if overfits(record):
        found["validation"] = _risen(record.validation)
    if signs is None:
        return found
    if signs.leaps:
        found["the last row, which is judged apart"] = signs.leap
    return found | {
        "loss at the start" + ", median of the first fiftieth" * signs.begins[1]: signs.begins[0],
        "largest loss of all rows": signs.highest,
        "smallest loss of all rows": signs.lowest,
        "loss at the end" + ", median of the last eighth of the rows" * signs.ends[1]: signs.ends[0],
        "scatter around the trend, late in the run": signs.noise,
        "fall from the third to the fourth quarter, in standard errors": signs.drop,
        "standard errors from which a movement is certain": CERTAIN,
        "factor by which the fall per quarter shrinks": signs.pace,
        "slow if what is left takes more than this many times the rows": PATIENCE,
        "what the jumps repeat": REPEATS[signs.rhythm],
        "single spikes": len(signs.spikes),
        "spikes of several rows": len(signs.long_spikes),
    }


def likeness(one: ArrayLike, other: ArrayLike) -> float:
    """Return how alike two curves are, regardless of units, lengths and steps: 1 for the same shape, 0 or less for nothing in common.

    The root mean square between their `shape`s, and between the slopes of these.

    >>> likeness([4, 2, 1, 0.5, 0.25], [40, 20, 10, 5, 2.5]) > 0.99
    True
    """
    a, b = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    logs = spans_decades(a) and spans_decades(b)
    p, q = shape(a, logs=logs), shape(b, logs=logs)
    apart = np.sqrt(np.mean((p - q) ** 2)) + np.sqrt(np.mean((np.diff(p) - np.diff(q)) ** 2))
    return float(1 - apart / 0.5)


def spans_decades(losses: Array) -> bool:
    """Return whether a curve is better looked at in logarithms: positive, and over more than `DECADES` decades.

    >>> spans_decades(np.array([1.0, 1e3, np.inf])), spans_decades(np.array([1.0, 2.0])), spans_decades(np.array([0.0, 1e3]))
    (True, False, False)
    """
    finite = losses[np.isfinite(losses)]
    return bool(finite.size and finite.min() > 0 and np.log10(finite.max()) - np.log10(finite.min()) > DECADES)


@np.errstate(all="ignore")
def shape(losses: Array, *, logs: bool = False) -> Array:
    """Return the finite part of a curve without its units and its length: ``(COMPARED,)`` numbers from 0 at its lowest to 1 at its highest.

    With `logs`, its logarithms, of what is positive.

    >>> shape(np.array([3.0, 1.0, np.inf])).round(2)[[0, -1]].tolist(), shape(np.array([1.0, 1e3, 1e6]), logs=True).round(2)[32].item()
    ([1.0, 0.0], 0.51)
    """
    finite = losses[np.isfinite(losses)]
    finite = np.log10(finite[finite > 0]) if logs else finite
    if not finite.size:
        return np.zeros(COMPARED)
    low, high = float(finite.min()), float(finite.max())
    above = (finite / 2 - low / 2) / (high / 2 - low / 2) if high > low else np.zeros(finite.size)
    return np.interp(np.linspace(0, len(above) - 1, COMPARED), np.arange(len(above)), above)
