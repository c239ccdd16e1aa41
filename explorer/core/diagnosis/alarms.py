"""What speaks of a dead run whatever its loss looks like: numbers lost beside the loss, a loss of exactly 0, scales that only fall."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explorer.core.diagnosis.record import Record
from explorer.core.ground.prose import counted, plain

SUDDEN = 3.0  # a loss that falls to exactly 0 in one row by more than this many of its usual changes has not come there by learning
HALVINGS = 4.0  # a loss scale that only falls has fallen by more than this factor: two halvings are how every run with one begins


@dataclass(frozen=True)
class Alarm:
    """One such thing: the `situation` by which the causes know it, what was seen and `where`, and whether the run is dead by it."""

    situation: str
    seen: str
    where: str
    dead: bool = False

    def __str__(self) -> str:
        return f"{self.seen} {self.where}"


def alarms(record: Record, lines: Sequence[tuple[str, int, str]] = ()) -> tuple[Alarm, ...]:
    """Return all alarms, what kills a run first; `lines` are those of `LogFile.alarms`.

    >>> [str(each) for each in alarms(Record.of([3.0, 2.0, 1.5, 0.0, 0.0], None))]
    ['the loss is exactly 0 from row 4 on']
    """
    found = [*_lost(record), *_zero(record), *_scale(record)]
    for situation in ("lost", "overflow", "error"):
        said = [(line, text) for kind, line, text in lines if kind == situation]
        if said:
            often = f" (the first of {len(said):,} such lines)" if len(said) > 1 else ""
            found.append(Alarm(situation, f"the log says “{said[0][1]}”", f"in line {said[0][0]:,}{often}", situation == "lost"))
    if unread := [(line, text) for kind, line, text in lines if kind == "unread"]:
        found.append(
            Alarm("unread", f"the log ends with {counted(len(unread), 'row')} that could not be read", f"from line {unread[0][0]:,} on")
        )
    return tuple(sorted(found, key=lambda each: not each.dead))


def _lost(record: Record) -> list[Alarm]:
    """Return the other curves that are not finite to their end; a gradient that stays nan has made every weight nan, or moves none."""
    found = []
    for name, curve in (("gradient's norm", record.gradient_norm), ("validation loss", record.validation)):
        if curve is None or (at := curve.lost_from) is None:
            continue
        stays = len(curve.values) - at > 1
        word = plain(float(curve.values[at]))
        dead = name == "gradient's norm" and (stays or bool(np.isnan(curve.values[at])))
        with_loss = record.lost_from is not None and curve.rows[at] >= record.rows[record.lost_from]
        situation = "lost with the loss" if with_loss and curve is record.validation else f"{name} lost"
        found.append(Alarm(situation, f"the {name} is {word}", f"{'from' if stays else 'in'} {curve.place(at)}{' on' * stays}", dead))
    return found


def _zero(record: Record) -> list[Alarm]:
    """Return whether the loss is exactly 0 to its end: suddenly, or after a fall that led there."""
    values = record.values
    away = np.flatnonzero(values != 0)
    if not away.size or away[-1] == len(values) - 1 or not np.isfinite(values[away[-1]]):
        return []
    at, last = int(away[-1]) + 1, float(values[away[-1]])
    changes = np.abs(np.diff(values[:at][np.isfinite(values[:at])]))
    usual = float(np.median(changes[-8:])) if changes.size else math.inf
    dead = len(values) - at > 1 and last > max(SUDDEN * usual, 0.01 * float(np.nanmax(values[:at])))
    return [Alarm("the loss is 0", "the loss is exactly 0", f"from {record.place(at)} on", dead)]


def _scale(record: Record) -> list[Alarm]:
    """Return whether the loss scale only falls, to the end: each halving is a step that overflowed and was left out."""
    curve = record.loss_scale
    if curve is None or len(scale := curve.finite) < 3:
        return []
    falls = bool((np.diff(scale) <= 0).all() and scale[-1] < scale[0] / HALVINGS)
    if not falls or not (scale[-1] < scale[len(scale) // 2] or scale[-1] <= 1):
        return []
    at = int(np.flatnonzero(curve.values == scale[-1])[0])
    return [
        Alarm(
            "loss scale falls",
            f"the loss scale only falls, from {plain(float(scale[0]), 6)} to {plain(float(scale[-1]), 6)}",
            f"in {curve.place(at)}",
        )
    ]
