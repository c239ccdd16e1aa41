"""What may be behind a recorded curve: which situations it is in, and the causes of ``causes.toml`` that would explain them."""

import functools
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np

from explorer.core.diagnosis.alarms import Alarm
from explorer.core.diagnosis.levels import classes_of, named_level
from explorer.core.diagnosis.record import Record
from explorer.core.diagnosis.signs import FEWEST, SINGLE, Signs, grew_at_the_end, rises_again
from explorer.core.ground.prose import counted, plain
from explorer.core.verdict.verdict import Verdict


@dataclass(frozen=True)
class Cause:
    """Something that makes curves look like this: its name, what here speaks for it, the test that tells, and what to change first."""

    name: str
    because: str
    test: str
    change: str


@functools.cache
def known() -> tuple[dict[str, Any], ...]:
    """Return all causes as the table has them, what speaks for them not filled in yet."""
    return tuple(tomllib.loads((files("explorer.core.diagnosis") / "causes.toml").read_text("utf-8"))["cause"])


def symptoms(record: Record, signs: Signs | None, verdict: Verdict | None, heard: Sequence[Alarm] = ()) -> tuple[str, ...]:
    """Return what a person would say of the curve, in a few fixed words, the telling one first."""
    found = []
    if verdict == Verdict.DIVERGED:
        dead = record.lost_from is None and any(each.dead for each in heard)
        lost = "falls without end" if plunged(record, signs) else "suddenly nan"
        found.append({True: "explodes", False: lost, None: "too few rows to tell"}[not dead and grew(record, signs)])
    if record.lost_from is None and not np.isfinite(record.values).all():
        found.append("nan without divergence")
    words = {
        Verdict.OSCILLATING: "jumps",
        Verdict.NOISY: "jumps",
        Verdict.STUCK: "stuck",
        Verdict.SLOW: "too slow",
        Verdict.CATAPULT: "rises, then learns",
    }
    if verdict in (Verdict.SLOW, Verdict.CONVERGING) and signs is not None and signs.above_start:
        found.append("explodes")
    elif verdict in words:
        drowned = verdict == Verdict.STUCK and signs is not None and signs.drowns
        found.append("too noisy to tell" if drowned else words[verdict])
    if signs is not None and (len(signs.spikes) or signs.long_spikes) and verdict != Verdict.DIVERGED:
        found.append("spikes")
    if overfits(record):
        found.append("validation rises")
    if signs is not None and signs.leap > signs.last:
        found.append("the last row jumps")
    return tuple(found)


def ranked(
    record: Record, signs: Signs | None, verdict: Verdict | None, found: Sequence[str], heard: Sequence[Alarm] = ()
) -> tuple[Cause, ...]:
    """Return the causes that the curve leaves possible, the likeliest first.

    A cause's weight is a judgment, not a probability: what fits everything that was seen stands before what fits part of it.
    """
    if verdict is None and not heard and not found:
        return ()
    seen, numbers = {*found, *situations(record, signs, verdict, heard)}, _numbers(record, signs) | {"alarm": ", ".join(map(str, heard))}
    suspects = []
    for cause in known():
        weights = [weight for situation, weight in cause["weight"].items() if situation in seen]
        if weights:
            because = cause["because"]
            said = because if isinstance(because, str) else next(text for situation, text in because.items() if situation in seen)
            texts = (cause["name"], said, cause["test"], cause["change"])
            suspects.append((sum(weights), Cause(*(text.format_map(numbers).strip() for text in texts))))
    return tuple(cause for _, cause in sorted(suspects, key=lambda each: -each[0]))


def situations(record: Record, signs: Signs | None, verdict: Verdict | None, heard: Sequence[Alarm] = ()) -> list[str]:
    """Return what is so of this curve, in the words of the table of causes; its symptoms are situations, too."""
    held: dict[str, bool] = {}
    match verdict:
        case Verdict.DIVERGED if record.lost_from is None and any(each.dead for each in heard):
            held["dead"] = True
        case Verdict.DIVERGED if grew(record, signs):
            held = {"grew": True, "grew by a factor": signs is not None and signs.factor > 1}
            held["grew to the end of a format"] = bool(_precision(record))
        case Verdict.DIVERGED if plunged(record, signs):
            held = {"fell without end": True}
        case Verdict.DIVERGED:
            sudden = grew(record, signs) is False
            held = {"suddenly lost": sudden, "lost from the start": record.lost_from == 0, "gradient grew": _gradient_grew(record)}
            held["lost with its gradient"] = any(each.dead and each.situation == "gradient's norm lost" for each in heard)
            held["suddenly inf"] = sudden and not np.isnan(record.values[record.lost_from or 0])
        case Verdict.STUCK if signs is not None and signs.stays_up:
            held = {"stuck after learning": True}
        case Verdict.STUCK:
            held = {"never learned": True, "stays at ln K": classes_of(signs.end) > 0 if signs else False}
        case Verdict.SLOW | Verdict.CONVERGING if signs is not None and signs.above_start:
            held = {"still above its start": True}
        case _ if verdict is not None:
            alone = signs is not None and signs.leaps
            healthy = verdict == Verdict.CONVERGED and not heard and not alone and not overfits(record)
            held = {str(verdict): True, "healthy": healthy}
    held |= {each.situation: True for each in heard}
    held["stays at a clipped logarithm"] = (
        signs is not None and verdict in (Verdict.STUCK, Verdict.NOISY) and "−ln" in named_level(signs.end)
    )
    held["two"] = signs is not None and signs.rhythm == "two"
    held["long spike"] = signs is not None and bool(signs.long_spikes)
    held["spike in noise"] = signs is not None and verdict == Verdict.NOISY and 1 <= len(signs.spikes) <= SINGLE
    held["spike"] = signs is not None and len(signs.spikes) == 1
    rate = _known_rates(record)
    if rate.size:
        waits = verdict in (Verdict.SLOW, Verdict.STUCK, Verdict.CONVERGED)
        held["rate rose"] = verdict == Verdict.DIVERGED and rate[-1] > 1.5 * rate[0]
        held["rate fell"] = waits and 0 <= rate[-1] < 0.01 * rate.max()
    return [situation for situation, holds in held.items() if holds]


def grew(record: Record, signs: Signs | None) -> bool | None:
    """Return whether a curve that diverged grew before it was lost, if it was; None where its values are too few to tell."""
    if record.lost_from in (None, 0) or (signs is not None and signs.grew):
        return record.lost_from != 0
    return grew_at_the_end(record.finite)


def plunged(record: Record, signs: Signs | None) -> bool:
    """Return whether a curve that was lost had fallen below 0 as others grow, by a factor from row to row."""
    z = record.finite
    return record.lost_from is not None and z.size > 0 and z[-1] < 0 and not grew(record, signs) and grew_at_the_end(-z) is True


def _numbers(record: Record, signs: Signs | None) -> dict[str, Any]:
    rate, few = _known_rates(record), record.lost_from is not None and grew(record, signs) is None
    first, last, top = (plain(each) for each in (rate[0], rate[-1], rate.max())) if rate.size else ("", "", "")
    return {
        "factor": plain(signs.factor) if signs is not None else "",
        "format": _precision(record),
        "noise": plain(signs.noise, 2) if signs is not None else "",
        "level": plain(signs.end, 3) if signs is not None else "",
        "before": "There is no finite value before it." if record.lost_from == 0 else "" if few else "Up to the row before, nothing grew.",
        "finite": counted(record.finite.size, "finite value"),
        "lost": record.values.size - record.finite.size,
        "spikes": len(signs.spikes) if signs is not None else 0,
        "first": first,
        "last": last,
        "top": top,
    }


def _known_rates(record: Record) -> Any:
    return np.array([]) if record.learning_rate is None else record.learning_rate.finite


def _gradient_grew(record: Record) -> bool:
    """Return whether the gradient's norm was rising by a factor before the loss was lost."""
    norm = record.gradient_norm
    if norm is None:
        return False
    seen = norm.values[norm.rows <= record.rows[record.lost_from or 0]]
    seen = seen[np.isfinite(seen)]
    return bool(seen.size >= 3 and seen[-1] > 10 * np.median(seen))


def overfits(record: Record) -> bool:
    """Return whether the validation loss rises again while the training loss ends near its lowest."""
    train = record.finite
    if record.validation is None or train.size < FEWEST:
        return False
    trained = np.median(train[-max(train.size // 8, 1) :]) <= np.median(train[: max(train.size // 2, 1)])
    return bool(trained) and rises_again(record.validation.finite)


def _precision(record: Record) -> str:
    """Return the number format whose largest number the curve nearly reached, if there is one."""
    last = float(np.abs(record.finite[-1])) if record.finite.size else 0.0
    for name, largest in (("float16", 65504.0), ("float32", 3.4028235e38)):
        if largest**0.8 < last <= largest and record.lost_from is not None:
            return name
    return ""
