"""What may be behind a recorded curve: each cause with what speaks for it, the test that would tell it apart, and what to change first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.core.diagnosis.signs import FEWEST, Signs
from explorer.core.ground.knobs import must
from explorer.core.ground.prose import plain
from explorer.core.verdict.verdict import Verdict

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Cause:
    """Something that makes curves look like this: its name, what here speaks for it, the test that tells, and what to change first."""

    name: str
    because: str
    test: str
    change: str


NOISE_FLOOR = Cause(
    "The noise of the mini-batches holds the loss up",
    "The level has stopped and the scatter is random: at a fixed rate the loss ends at a floor, about η s²/(2 − ηλ), not at its minimum.",
    "Divide the rate by 4: scatter and level must fall; or log the loss of the whole data, which does not scatter.",
    "Let the learning rate decay, or use larger batches.",
)
COLLAPSE = Cause(
    "The units died or saturated",
    "It learned, then jumped up to a level with hardly any gradient, from which no rate brings it back.",
    "Count hidden units that are 0 for every example, log the gradient's norm, compare the level with the best constant answer.",
    "Lower the rate or the momentum, clip the gradient, or normalize; start anew, since these weights are lost.",
)
RATE_TOO_LARGE_ONCE = Cause(
    "The learning rate was too large for a moment",
    "One step beyond the edge is enough to put the weights on a plateau.",
    "Same seed, half the rate: does it still jump?",
    "Halve the learning rate, or warm it up.",
)
OTHER_DATA = Cause(
    "The data changed",
    "Another file, order or task from that row on looks the same.",
    "Evaluate the old weights on the new data.",
    "Shuffle.",
)
NOTHING_ARRIVES = Cause(
    "The gradient does not arrive",
    "The loss does not react: a frozen layer, a detached tensor, zeroed gradients, saturated units, or a start on a plateau.",
    "Print the gradient's norm of every layer after one backward pass: which is 0?",
    "Check that the optimizer has the parameters, and the initialization.",
)
CONSTANT_ANSWER = Cause(
    "It gives the same answer for every example",
    "The level is that of the best constant answer (ln K for K classes).",
    "Train on ten examples: a network that can learn gets them right.",
    "Check the inputs' scale, the labels and the last layer.",
)
RATE_TOO_SMALL = Cause(
    "The learning rate is too small",
    "The fall per row hardly changes, so the curve is still near its beginning.",
    "Multiply the rate by 10 for a few hundred steps: the slope must grow tenfold.",
    "Multiply the learning rate by 3, as long as it holds; the page Safe rate says how far.",
)
LABELS = Cause(
    "The labels say nothing about the inputs",
    "Shuffled or shifted labels look like this.",
    "Look at ten examples with their labels.",
    "Mend the data.",
)
ILL_CONDITIONED = Cause(
    "One direction is much flatter than the steepest",
    "The steep direction sets the largest rate, the flat one the time: their ratio is the condition number.",
    "Standardize the features: if the pace changes, it was the scale.",
    "Standardize, normalize, or use momentum or Adam.",
)
CATAPULTED = Cause(
    "The rate is above 2/λ but the loss became flatter",
    "The loss rose well above its start and then fell below it: between about 2/λ and 4/λ a network moves to a flatter valley.",
    "Measure the sharpness before and after: a catapult ends where it is lower.",
    "Nothing, if you can afford the rise; else warm up or halve the rate.",
)
MOMENTUM = Cause(
    "Momentum's first swing",
    "With momentum near 1 a rise of a hundred times the start is normal and says nothing about curvature.",
    "Same run without momentum at the same η/(1 − β).",
    "Nothing; a warm-up removes it.",
)
WARM_UP = Cause(
    "Weights that were large at the start",
    "A large last layer multiplies the first losses.",
    "Divide the last layer's first weights by 10.",
    "A smaller initialization.",
)
SCALES = Cause(
    "Features or targets in large units",
    "Curvature grows with the square of the inputs: raw columns lower the edge by orders of magnitude.",
    "Standardize the inputs: the same rate must then hold.",
    "Standardize features and targets.",
)
SUM = Cause(
    "A loss that is a sum over the batch",
    "A sum is a mean with the learning rate multiplied by the batch size.",
    "Divide the loss by the number of examples.",
    "Use the mean.",
)
MOMENTUM_ADDS = Cause(
    "Momentum close to 1",
    "Past steps add up to η/(1 − β): the rate is effectively ten times as large at 0.9.",
    "Same rate without momentum.",
    "Lower β, or the rate by 1 − β.",
)
DECAY = Cause(
    "Weight decay times rate above 2",
    "Coupled L2 adds its coefficient to every curvature: with η·w > 2 the weights themselves oscillate and grow.",
    "Set the decay to 0 for a few steps.",
    "Lower the weight decay.",
)
PERIODIC_DATA = Cause(
    "The data come in a fixed order",
    "An unshuffled epoch repeats with the length of the epoch.",
    "Is the period the number of batches in an epoch?",
    "Shuffle.",
)
NOTHING_WRONG = Cause(
    "Nothing is wrong with the steps",
    "The loss fell and has converged, to the log's digits.",
    "Run on at a tenth of the rate: it must not fall further.",
    "Nothing.",
)
LOCAL_FLOOR = Cause(
    "The floor is not the lowest possible",
    "A plateau without gradient looks the same in the loss.",
    "Log the gradient's norm, and compare with the best constant answer.",
    "Another start.",
)
GOES_ON = Cause(
    "It has not finished",
    "The loss is still falling at a pace worth waiting for.",
    "Run on: what is left shrinks by the same factor in the same time.",
    "Nothing, or a slightly larger rate.",
)


@dataclass(frozen=True, eq=False)
class Record:
    """A recorded curve without what is missing: `values` ``(n,)`` with nan and inf among them, their `steps` and `rows` ``(n,)``.

    The others are nan where they are missing. `lost_from` is the first entry of the non-finite end, None if the last value is finite.
    """

    values: Array
    steps: Array
    rows: NDArray[np.intp]
    missing: int
    stepped: bool
    validation: Array | None
    learning_rate: Array | None
    gradient_norm: Array | None

    @classmethod
    def of(cls, losses: Any, steps: Any, validation: Any, learning_rate: Any, gradient_norm: Any) -> Record:
        values, present = numbers("losses", losses)
        if values.ndim != 1:
            raise must("losses", "one number a row, (n,)", f"shape {values.shape}")
        at = np.arange(len(values), dtype=float) if steps is None else numbers("steps", steps)[0]
        others = {
            name: None if given is None else np.where(*_with_nan(*numbers(name, given)))
            for name, given in (("validation", validation), ("learning_rate", learning_rate), ("gradient_norm", gradient_norm))
        }
        for name, column in {"steps": at, **others}.items():
            if column is not None and column.shape != values.shape:
                raise must(name, f"one number for each of the {len(values)} losses", f"shape {column.shape}")
        if not (np.isfinite(at).all() and (np.diff(at) > 0).all()):
            raise must("steps", "finite and increasing", "others; sort them, or leave them out")
        kept = {name: None if column is None else column[present] for name, column in others.items()}
        missing = int(len(values) - present.sum())
        return cls(values[present], at[present], np.flatnonzero(present), missing, steps is not None, **kept)

    @property
    def lost_from(self) -> int | None:
        """The first entry of the non-finite end. An end no longer than gaps before it is one more gap."""
        finite = np.isfinite(self.values)
        if not self.values.size or finite[-1]:
            return None
        ends = np.flatnonzero(finite)
        if not ends.size:
            return 0
        gaps = np.diff(ends) - 1
        length = len(finite) - 1 - ends[-1]
        return None if length <= gaps.max(initial=0) and (gaps > 0).sum() >= 2 else int(ends[-1] + 1)

    @property
    def finite(self) -> Array:
        return self.values[np.isfinite(self.values)]

    @property
    def finite_steps(self) -> Array:
        return self.steps[np.isfinite(self.values)]

    @property
    def grew(self) -> bool:
        """Whether the last finite values were on their way out: above the start, and rising by a factor or to a size never seen before."""
        z = self.finite
        if len(z) < 2:
            return False
        with np.errstate(over="ignore"):
            above = z / 2 - z.min() / 2
            tail = above[-3:]
            before = float(np.max(above[:-2])) if len(z) > 3 else above[0]
            return bool(
                tail[-1] >= tail.max() and tail[-1] > 0 and z[-1] > z[0] and (tail[-1] > 2 * before or z[-1] - z[-2] > 0.5 * before)
            )

    def place(self, entry: int) -> str:
        """Return where an entry stands, as its owner would find it."""
        return f"step {self.steps[entry]:,.0f}" if self.stepped else f"row {self.rows[entry] + 1:,}"


def _with_nan(values: Array, present: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], Array, float]:
    return present, values, np.nan


def numbers(name: str, given: Any) -> tuple[Array, NDArray[np.bool_]]:
    """Return the numbers in what was given, and which of them are there: None and masked entries are not."""
    mask = np.ma.getmaskarray(given) if isinstance(given, np.ma.MaskedArray) else None
    try:
        if mask is not None:
            return np.asarray(np.ma.filled(given.astype(float), np.nan)), ~mask
        if isinstance(given, Sequence) and any(each is None for each in given):
            present = np.array([each is not None for each in given])
            return np.array([np.nan if each is None else float(each) for each in given]), present
        values = np.asarray(given, dtype=float)
    except (TypeError, ValueError):
        raise must(name, "numbers", repr(given)[:60]) from None
    return values, np.ones(values.shape, dtype=bool)


def symptoms(record: Record, signs: Signs | None, verdict: Verdict | None) -> tuple[str, ...]:
    """Return what a person would say of the curve, in a few fixed words, the telling one first."""
    found = []
    if verdict == Verdict.DIVERGED:
        found.append("explodes" if record.lost_from is None or record.grew else "suddenly nan")
    if record.lost_from is None and not np.isfinite(record.values).all():
        found.append("nan without divergence")
    words = {
        Verdict.OSCILLATING: "jumps",
        Verdict.NOISY: "jumps",
        Verdict.STUCK: "stuck",
        Verdict.SLOW: "too slow",
        Verdict.CATAPULT: "rises, then learns",
    }
    if verdict in words:
        found.append(words[verdict])
    if signs is not None and len(signs.spikes):
        found.append("spikes")
    if _overfits(record):
        found.append("validation rises")
    return tuple(found)


def ranked(record: Record, signs: Signs | None, verdict: Verdict | None, found: Sequence[str]) -> tuple[Cause, ...]:
    """Return the causes that the curve leaves possible, the likeliest first.

    A cause's weight is a judgment, not a probability: what fits everything that was seen stands before what fits part of it.
    """
    if verdict is None:
        return ()
    suspects = [*_of_verdict(record, signs, verdict), *_of_symptoms(record, signs, found), *_of_rate(record, verdict)]
    return tuple(cause for _, cause in sorted(suspects, key=lambda each: -each[0]))


Suspects = list[tuple[float, Cause]]


def _of_verdict(record: Record, signs: Signs | None, verdict: Verdict) -> Suspects:
    match verdict:
        case Verdict.DIVERGED:
            return _of_growth(record, signs) if record.lost_from is None or record.grew else _of_sudden_loss(record)
        case Verdict.OSCILLATING:
            return _of_oscillation(signs)
        case Verdict.NOISY:
            return [
                (3, NOISE_FLOOR),
                (
                    1,
                    Cause(
                        "A bounded bounce that is not random",
                        "Without knowing whether the steps were random, chaos looks the same.",
                        "Run it on the full batch: what still jumps is the rate's doing.",
                        "Tell the page whether the batches were random.",
                    ),
                ),
            ]
        case Verdict.STUCK if signs is not None and signs.stays_up:
            return [(3, COLLAPSE), (2, RATE_TOO_LARGE_ONCE), (1, OTHER_DATA)]
        case Verdict.STUCK:
            return [(3, NOTHING_ARRIVES), (2.5 + _looks_constant(signs), CONSTANT_ANSWER), (2, RATE_TOO_SMALL), (1, LABELS)]
        case Verdict.SLOW:
            return [(3, RATE_TOO_SMALL), (2, ILL_CONDITIONED), (1.5, NOTHING_ARRIVES)]
        case Verdict.CATAPULT:
            return [(3, CATAPULTED), (2, MOMENTUM), (1, WARM_UP)]
        case Verdict.CONVERGED:
            return [(1, NOTHING_WRONG), (0.5, LOCAL_FLOOR)]
    return [(1, GOES_ON)]


def _of_growth(record: Record, signs: Signs | None) -> Suspects:
    factor = signs.factor if signs is not None else float("nan")
    because = f"The loss was growing by a factor of {plain(factor)} from row to row" if factor > 1 else "The loss grew before it was lost"
    blow_up = Cause(
        "The learning rate is too large",
        f"{because}: beyond the edge, every step multiplies the error by |1 − ηλ|, and the loss by its square.",
        "Run the same seed at half the rate: the growth is slower or gone. A bad batch would come back at the same step.",
        "Divide the learning rate by 3, or by 10 if that is not enough; the page Safe rate measures how far you may go.",
    )
    found: Suspects = [(3, blow_up), (1.5, SCALES), (1, SUM), (0.9, MOMENTUM_ADDS), (0.5, DECAY)]
    top = _precision(record)
    if top:
        found.append(
            (
                2,
                Cause(
                    f"Overflow of {top}",
                    f"The last finite value is close to the largest {top} number.",
                    "Compute the same step in float64: if it is finite there, only the format gave out.",
                    "Scale the loss (loss scaling, bfloat16), after you have lowered the rate.",
                ),
            )
        )
    return found


def _of_sudden_loss(record: Record) -> Suspects:
    at = record.lost_from or 0
    word = "nan" if np.isnan(record.values[at]) else "inf"
    first = at == 0
    seen = "There is no finite value before it." if first else "Up to the row before, nothing grew."
    log_zero = Cause(
        "The logarithm of 0, or 0/0, in the loss",
        f"{seen} "
        + (
            "−log 0 is inf: a predicted probability was rounded to 0."
            if word == "inf"
            else "0 · log 0 and 0/0 are nan, while the weights may be fine."
        ),
        "Compute loss and gradient of that batch once more: if the gradient is finite, only the loss's formula gave out.",
        "Compute the loss from the logits (log-softmax, log-sum-exp), and add ε under roots and denominators.",
    )
    data = Cause(
        "A nan, an inf or an outlier in the data",
        f"{seen} The first batch with a bad number ruins every weight at once, at any rate.",
        "Check that every feature and target of that batch is finite, and how large the largest is; the same row breaks every run.",
        "Drop or mend the row. Clipping the gradient rescues an outlier, never a nan.",
    )
    between = Cause(
        "Growth between two rows of the log",
        "A run far beyond the edge goes from harmless to inf in a few steps, which a sparse log does not show.",
        "Log every step around that row, with the gradient's norm.",
        "Divide the learning rate by 3 and see whether the row moves.",
    )
    half = Cause(
        "Overflow in 16 or 32 bits",
        "Activations overflow long before the loss looks large.",
        "Run that step in float32 or float64.",
        "Use loss scaling or bfloat16.",
    )
    return [
        (3.5 if first else 2.5, data),
        (3.2 if word == "inf" else 3, log_zero),
        (0.5 if first else 2.0 + _gradient_grew(record), between),
        (1, half),
    ]


def _of_oscillation(signs: Signs | None) -> Suspects:
    two = signs is not None and signs.rhythm == "two"
    because = (
        "Every second value repeats: the steps jump across the minimum and back, which is what a rate just beyond the edge does."
        if two
        else "The jumps are bounded and not random: beyond the edge, a loss that flattens out or has kinks bounces and does not explode."
    )
    edge = Cause(
        "The learning rate is beyond the edge, and the loss holds it back",
        because,
        "Halve the rate: the jumps must die out, and the loss end lower.",
        "Halve the learning rate, or let it decay: the size of the jumps shrinks with it.",
    )
    kink = Cause(
        "Steps of a fixed length",
        "Sign-like rules (Adam, RMSProp, Lion) and kinks such as |x| take steps about as long as the rate, however near.",
        "Halve the rate: the size of the bounce halves too.",
        "Let the rate decay to 0.",
    )
    return [(3, edge), (2, kink), (1, PERIODIC_DATA)]


def _of_symptoms(record: Record, signs: Signs | None, found: Sequence[str]) -> Suspects:
    suspects: Suspects = []
    if "nan without divergence" in found:
        lost = int(np.sum(~np.isfinite(record.values)))
        suspects.append(
            (
                4,
                Cause(
                    "The loss is shown as nan, but the training goes on",
                    f"{lost:,} values are not finite and finite ones come after them: weights that are nan never come back.",
                    "Look at the gradient at such a row: it is finite. Or the nan only marks rows where nothing was logged.",
                    "Compute the loss from the logits (log-softmax), not as −y log a.",
                ),
            )
        )
    if "spikes" in found and signs is not None:
        count = len(signs.spikes)
        suspects.append(
            (
                1.2,
                Cause(
                    "Single bad batches",
                    f"{count} value{'s stand' if count > 1 else ' stands'} far above the rows around {'them' if count > 1 else 'it'}.",
                    "Do they come back at the same examples with another seed? Then it is the data; else the rate, or Adam's bursts.",
                    "Clip the gradient's norm; for Adam lower β₂ or raise ε.",
                ),
            )
        )
    if "validation rises" in found:
        suspects.append(
            (
                2,
                Cause(
                    "Overfitting",
                    "The validation loss rises while the training loss still falls.",
                    "More data, or a smaller network: the gap must shrink.",
                    "Stop where the validation loss is lowest; weight decay or dropout.",
                ),
            )
        )
    return suspects


def _of_rate(record: Record, verdict: Verdict) -> Suspects:
    """Return what the recorded learning rate says."""
    rate = record.learning_rate
    if rate is None or not np.isfinite(rate).any():
        return []
    known = rate[np.isfinite(rate)]
    if verdict == Verdict.DIVERGED and known[-1] > 1.5 * known[0]:
        return [
            (
                3.5,
                Cause(
                    "The warm-up goes too far",
                    f"The rate rose from {plain(known[0])} to {plain(known[-1])} before the loss was lost.",
                    "Stop the warm-up at a third of that rate.",
                    "Lower the peak of the schedule.",
                ),
            )
        ]
    if verdict in (Verdict.SLOW, Verdict.STUCK, Verdict.CONVERGED) and 0 <= known[-1] < 0.01 * known.max():
        return [
            (
                2.8,
                Cause(
                    "The schedule has stopped the run",
                    f"The rate fell from {plain(known.max())} to {plain(known[-1])}: rates whose sum is finite lead only so far.",
                    "Continue at a tenth of the first rate: if the loss falls again, it was the schedule.",
                    "Let the rate decay later or less.",
                ),
            )
        ]
    return []


def _gradient_grew(record: Record) -> float:
    """1 if the gradient's norm was rising by a factor before the loss was lost."""
    norm = record.gradient_norm
    if norm is None:
        return 0.0
    known = norm[: (record.lost_from or 0) + 1]
    known = known[np.isfinite(known)]
    return float(known.size >= 3 and known[-1] > 10 * np.median(known))


def _overfits(record: Record) -> bool:
    """Return whether the validation loss ends clearly above its lowest value while the training loss ends near its own."""
    validation = record.validation
    if validation is None:
        return False
    held, train = validation[np.isfinite(validation)], record.finite
    if held.size < FEWEST or train.size < FEWEST:
        return False
    tail = max(held.size // 8, 1)
    lowest, end, first = held.min(), np.median(held[-tail:]), held[0]
    noise = 1.4826 * np.median(np.abs(np.diff(held))) if held.size > 2 else 0.0
    trained = np.median(train[-max(train.size // 8, 1) :]) <= np.median(train[: max(train.size // 2, 1)])
    return bool(trained and end - lowest > max(0.1 * max(first - lowest, 0.0), 4 * noise) and held.argmin() < held.size - tail)


def _precision(record: Record) -> str:
    """Return the number format whose largest number the curve nearly reached, if there is one."""
    last = float(np.abs(record.finite[-1])) if record.finite.size else 0.0
    for name, largest in (("float16", 65504.0), ("float32", 3.4028235e38)):
        if largest**0.8 < last <= largest and record.lost_from is not None:
            return name
    return ""


def _looks_constant(signs: Signs | None) -> float:
    """Return 1 if the level is ln K, the loss of a constant answer among K classes."""
    if signs is None:
        return 0.0
    return float(any(abs(signs.end - math.log(classes)) < 0.01 * math.log(classes) for classes in (2, 3, 4, 5, 10, 20, 100, 1000)))
