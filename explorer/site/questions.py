"""What a picture asks before it shows its answer: a rate on a scale, or one of a few choices, and what is said to every guess.

All that can be said is computed here, as the sentences of a dial are; the browser (`picture_guess.js`) only shows what fits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.core.ground.prose import listed, plain, power_of_ten
from explorer.core.losses import LOSSES
from explorer.core.run.race import Race
from explorer.core.theory.edge import Edge
from explorer.core.verdict.explanation import Explanation
from explorer.core.verdict.verdict import Verdict
from explorer.figures import step_size
from explorer.figures.stage import Picture
from explorer.figures.theme import Array

DECADE = (1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2, 2.2, 2.5, 2.8, 3, 3.3, 3.6, 4, 4.5, 5, 5.5, 6, 6.5, 7, 8, 9)
"""The rates to choose from in each decade. The scale is the same for all problems: on a ruler the edge would always be in the middle."""

LOWEST, HIGHEST = -6, 2
"""The decades of the scale; others only where the answer lies there."""

RIGHT, WRONG, UNTRIED = "right", "wrong", ""
"""How a guess was; one of which nobody knows is not counted."""

NEAR = 1.25
"""A rate within this factor of the answer is right."""

BECAME: Mapping[str, Sequence[Verdict]] = {
    "goes to a minimum, fast or slowly": (Verdict.CONVERGED, Verdict.CONVERGING, Verdict.SLOW, Verdict.CATAPULT),
    "jumps about, or stays above the minimum": (Verdict.OSCILLATING, Verdict.NOISY, Verdict.STUCK),
    "diverges": (Verdict.DIVERGED,),
}
"""What may become of a run, for those who guess it."""


@dataclass(frozen=True, eq=False)
class Guess:
    """One thing to guess.

    `asks` and `truth` hold one entry for each position of the picture's dial, or one for all; a truth is a place in the rows of `replies`
    and of `scores`, which have a row for each of the `options`. With `names`, place -> text under the track, the options are a scale,
    else one chooses among them. `at` says where on the picture's dial an option is, None where it is not on it.
    """

    asks: Sequence[str]
    options: Sequence[str]
    replies: Sequence[Sequence[str]]
    scores: Sequence[Sequence[str]]
    truth: Sequence[int] = (0,)
    names: Mapping[int, str] = field(default_factory=dict)
    at: Sequence[float | None] = ()


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked of a picture, and what is seen of it before: these traces of its figure, with a layout in which no answer is.

    Without `traces` nothing of the picture is seen. `alt` says for screen readers what is.
    """

    guesses: Sequence[Guess]
    traces: Sequence[int] = ()
    layout: Mapping[str, Any] = field(default_factory=dict)
    alt: str = ""


ASKED = "What becomes of this run, at the learning rate {}?"

ELSEWHERE = 1.01
"""The factor beyond which the mark of theory's edge stands elsewhere than where runs begin to diverge."""

GROUND = "The landscape of the loss, with its minimum and the start. What happens on it is shown after the guess."


def edge(
    rates: Array, low: float, high: float, asks: str = "", *, on_dial: bool = True, so_far: bool = False, theory: Edge | None = None
) -> Guess:
    """Return the question where runs begin to diverge: of `rates`, between `low` and `high`, nan for what was not seen (`bracket`).

    The answer is `low`, the largest rate at which a run does not diverge. `so_far` says that more rates are being tried, `on_dial` that the
    picture's dial goes through these. `theory` is the edge that is marked there: where it is elsewhere, the reply says what the mark is.

    >>> guess = edge(np.array([0.1, 1.0, 10.0]), 0.38, 0.3804)
    >>> guess.replies[guess.options.index("0.3")]
    ('Runs diverge from 0.38 on: you said 0.3, 1.27 times too low.',)
    >>> guess.scores[guess.options.index("0.4")], guess.at[guess.options.index("1")]
    (('right',), 1.0)
    >>> unseen = edge(np.array([0.1, 10.0]), 10.0, np.nan)
    >>> unseen.replies[-1], unseen.replies[unseen.options.index("20")]
    (('You said that no rate diverges, and none up to 10 does.',), ('No rate up to 10 diverges; 20 was not tried.',))
    """
    asks, least, most = asks or "From which learning rate on do runs diverge?", float(rates[0]), float(rates[-1])
    if np.isnan(high):
        scale, found = _scale(), f"no rate up to {plain(most)} diverges"
        guess = _never(asks, scale, found, most)
        reply, score = f"You said that no rate diverges, and none up to {plain(most)} does.", RIGHT
    elif np.isnan(low):
        scale, found = _scale(), f"{plain(least)}, the smallest rate tried, diverges too"
        guess = _never(asks, scale, found)
        reply, score = f"You said that no rate diverges, but {found}.", WRONG
    else:
        scale = _scale(low, high)
        found, mark = f"Runs diverge from {plain(low, 4)} on{', as far as rates were tried' * so_far}", _mark(theory, low)
        guess = _rate(asks, found, low, low, mark)
        reply, score = f"{found}: you said that no rate does.{mark}", WRONG
    return replace(
        guess,
        options=[*guess.options, "no rate diverges"],
        replies=[*guess.replies, (reply,)],
        scores=[*guess.scores, (score,)],
        names={**guess.names, len(guess.options): "none"},
        at=[*_places(scale, rates), None] if on_dial else (),
    )


def best(rates: Array, final: Array) -> Guess:
    """Return the question at which rate the loss ends lowest, for the losses ``(rates,)`` at the end: to a hundredth of the lowest.

    >>> guess = best(np.array([0.1, 0.2, 0.3]), np.array([3.0, 1.0, np.inf]))
    >>> guess.replies[guess.options.index("0.1")]
    ('The loss ends lowest at 0.2: you said 0.1, 2 times too low.',)
    """
    least = float(np.nanmin(final))
    found = rates[final <= max(least, 1.01 * least)] if np.isfinite(least) else rates[:1]
    low, high = float(found[0]), float(found[-1])
    shown = plain(low, 4) if low == high else f"{plain(low, 4)} to {plain(high, 4)}"
    return _rate("At which rate does the loss end lowest?", f"The loss ends lowest at {shown}", low, high)


def becomes(asks: Sequence[str], verdicts: NDArray[np.object_], who: str = "it") -> Guess:
    """Return the question what becomes of a run, `who` in the reply, for its verdict at each position of a dial.

    >>> guess = becomes(["What becomes of this run?"], np.array(["slow"]))
    >>> guess.replies[0], guess.replies[2]
    (('Right: it goes to a minimum, fast or slowly (slow).',), ('You said that it diverges; it goes to a minimum, fast or slowly (slow).',))
    """
    known = list(dict.fromkeys(str(each) for each in verdicts))
    ends = [next(what for what, among in BECAME.items() if each in among) for each in known]
    named = [end if end == "diverges" else f"{end} ({verdict})" for end, verdict in zip(ends, known, strict=True)]
    told = [
        tuple(
            f"Right: {who} {name}." if said == end else f"You said that {who} {said}; it {name}."
            for end, name in zip(ends, named, strict=True)
        )
        for said in BECAME
    ]
    scores = [tuple(RIGHT if said == end else WRONG for end in ends) for said in BECAME]
    return Guess(asks, [f"It {each}" for each in BECAME], told, scores, [known.index(str(each)) for each in verdicts])


def who(asks: str, names: Sequence[str], winners: Sequence[int], nobody: str) -> Guess:
    """Return the question which of these wins: `winners` do, each of which is right; nobody if there is none, by what `nobody` says.

    >>> guess = who("Who wins?", ["Ada", "Bob", "Cy"], [0, 2], "nobody")
    >>> guess.replies[2], guess.replies[1]
    (('Right: Cy, who ties with Ada.',), ('You said Bob; it is Ada and Cy, who tie.',))
    """
    options, right = [*names, nobody], winners or [len(names)]
    found = listed([options[i] for i in right]) + ", who tie" * (len(right) > 1)
    replies, scores = [f"You said {each}; it is {found}." for each in options], [WRONG] * len(options)
    for i in right:
        others = [options[k] for k in right if k != i]
        replies[i], scores[i] = f"Right: {options[i]}{f', who ties with {listed(others)}' if others else ''}.", RIGHT
    return Guess((asks,), options, [(reply,) for reply in replies], [(score,) for score in scores])


def of_run(explanation: Explanation, drawing: Picture, bracket: tuple[float, float]) -> Question:
    """Return what is asked of a ruler's runs: where their edge is, which lies in a bracket, and what becomes of the run that is chosen."""
    rates = explanation.trajectory.learning_rate
    asks = [ASKED.format(plain(float(rate), 4)) for rate in rates]
    guesses = edge(rates, *bracket, theory=explanation.edge), becomes(asks, explanation.outcome.verdict)
    examples = range(step_size.BEST + 1, len(drawing.figure.data))
    return _seen(drawing, guesses, [step_size.GROUND, step_size.MINIMUM, step_size.START, *examples])


def of_race(race: Race, drawing: Picture, names: Sequence[str], explanations: Sequence[Explanation]) -> Question:
    """Return what is asked of a race: who of these names leads at the end, and what becomes of it."""
    first, rate = leaders(explanations), plain(race.setup.learning_rate, 4)
    paces = {"own": "", "shared": f", all at the rate {rate}", "fraction": f", each at {rate} times its own edge"}
    what = f"On {LOSSES.title(race.setup.loss)}{paces[race.pace]}"
    asks = f"{what}: who has the lowest loss after {race.setup.steps:,} steps, without diverging?"
    rates = [f" at the rate {plain(each.learning_rate, 4)}" * (race.pace == "own") for each in race.racers]
    known = [f"{name}{rate}" for name, rate in zip(names, rates, strict=True)]
    verdicts = [explanations[i].outcome.verdict[0] for i in first or [0]]  # if nobody leads, all of them diverged
    end = becomes(("And what becomes of the winner?",), np.array(verdicts, dtype=object), "the winner")
    count = len(drawing.figure.data)  # the landscape comes first, its minimum and the start come last
    return _seen(drawing, (who(asks, known, first, "nobody, all diverge"), _any(end)), [0, count - 2, count - 1])


def leaders(explanations: Sequence[Explanation]) -> list[int]:
    """Return who of some racers have the lowest loss at the end and did not diverge: more than one where `final` shows the same for them.

    On a loss without a lower end, nobody diverges.
    """
    endless = explanations[0].trajectory.objective.minimum == -np.inf
    lost = [not endless and each.outcome.verdict[0] == Verdict.DIVERGED for each in explanations]
    loss = [float(each.outcome.final_loss[0]) for each in explanations]
    there = [i for i in range(len(loss)) if np.isfinite(loss[i]) and not lost[i]]
    best = min(there, key=lambda i: loss[i], default=None)
    return [i for i in there if best is not None and final(explanations[i]) == final(explanations[best])]


def final(racer: Explanation) -> str:
    """Return a racer's loss at the end, as it is shown: in digits that a reader compares."""
    return plain(float(racer.outcome.final_loss[0]), 4)


def _any(guess: Guess) -> Guess:
    """Return a guess to which each of its truths is right."""
    best = [row.index(RIGHT) if RIGHT in row else 0 for row in guess.scores]

    def one(rows: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
        return [(row[k],) for row, k in zip(rows, best, strict=True)]

    return replace(guess, replies=one(guess.replies), scores=one(guess.scores), truth=(0,))


def _seen(drawing: Picture, guesses: Sequence[Guess], traces: Sequence[int]) -> Question:
    """Return a question beside the landscape: these traces of a picture, but for its second plot, which waits for the loss curves."""
    headings = [each.to_plotly_json() for each in drawing.figure.layout.annotations if not str(each.xref).startswith("x2")]
    return Question(guesses, traces, {"annotations": headings}, GROUND)


def _rate(asks: str, found: str, low: float, high: float, more: str = "") -> Guess:
    """Return a guess on the scale of rates whose answer lies between `low` and `high`: within a factor of `NEAR` it is right."""
    scale, replies, scores = _scale(low, high), [], []
    for rate in scale.tolist():
        by, side = (low / rate, "low") if rate < low else (rate / high, "high")
        score = RIGHT if by <= NEAR else f"{plain(by)} times too {side}"
        said = f"right, within a factor of {NEAR}" if score == RIGHT else score
        replies.append((f"{found}: you said {plain(rate)}, {said}.{more}",))
        scores.append((score,))
    return Guess((asks,), [plain(each) for each in scale.tolist()], replies, scores, names=_names(scale))


def _mark(theory: Edge | None, low: float) -> str:
    """Return what the mark of theory's edge is, where it is not where runs begin to diverge."""
    if theory is None or not np.isfinite(theory.rate) or 1 / ELSEWHERE < theory.rate / low < ELSEWHERE:
        return ""
    where = "at the start, and runs move on from there" if "start" in theory.reason else "near the minimum, and holds there alone"
    return f" The mark at {plain(theory.rate, 4)} is theory's edge {where}."


def _never(asks: str, scale: Array, found: str, most: float = np.inf) -> Guess:
    """Return a guess on the scale of rates whose answer is none of them, as far as rates up to `most` were tried."""
    rates, tried = [plain(each) for each in scale.tolist()], (scale <= most).tolist()
    beyond = f"{found[:1].upper()}{found[1:]}"
    replies = [
        (f"You said {rate}, but {found}." if known else f"{beyond}; {rate} was not tried.",)
        for rate, known in zip(rates, tried, strict=True)
    ]
    return Guess((asks,), rates, replies, [(WRONG if known else UNTRIED,) for known in tried], names=_names(scale))


def _scale(*answers: float) -> Array:
    """Return the rates of the scale, with a decade beyond an answer that lies outside of it."""
    decades = [int(np.floor(np.log10(each))) for each in answers if 0 < each < np.inf]
    low = min([LOWEST, *(each - 1 for each in decades if each < LOWEST)])
    high = max([HIGHEST, *(each + 2 for each in decades if each >= HIGHEST)])
    return np.array([float(f"{digits}e{decade}") for decade in range(low, high) for digits in DECADE] + [float(f"1e{high}")])


def _names(scale: Array) -> dict[int, str]:
    """Return the powers of ten under the scale, each second one."""
    powers = {i: round(np.log10(scale[i])) for i in range(0, scale.size, len(DECADE))}
    return {i: power_of_ten(power) if abs(power) > 1 else plain(10.0**power) for i, power in powers.items() if power % 2 == 0}


def _places(scale: Array, rates: Array) -> list[float | None]:
    """Return where each rate of the scale is among these in order, None where it lies beside them."""
    known = np.flatnonzero(rates > 0)
    inside = (scale >= rates[known[0]]) & (scale <= rates[known[-1]])
    at = np.interp(np.log(scale), np.log(rates[known]), known).round(2)
    return [place if there else None for place, there in zip(at.tolist(), inside.tolist(), strict=True)]
