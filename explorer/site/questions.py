"""What a picture asks before it shows its answer: a rate on a scale, or one of a few choices, and what is said to every guess.

All that can be said is computed here, as the sentences of a dial are; the browser (`picture_guess.js`) only shows what fits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from explorer.core.ground.prose import counted, listed, plain, power_of_ten
from explorer.core.losses import LOSSES, Facts, Loss
from explorer.core.run.race import Race
from explorer.core.theory.edge import Edge
from explorer.core.verdict.explanation import Explanation
from explorer.core.verdict.verdict import Verdict
from explorer.figures import step_size
from explorer.figures.stage import Picture
from explorer.figures.theme import Array

DECADE = (1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2, 2.2, 2.5, 2.8, 3, 3.3, 3.6, 4, 4.5, 5, 5.5, 6, 6.5, 7, 8, 9)
"""The rates to choose from in each decade. The scale is the same for all problems: on a ruler the edge would always be in the middle."""

LOWEST, HIGHEST = -6, 2  # the decades of the scale; others only where the answer lies there
RIGHT, WRONG, UNTRIED = "right", "wrong", ""  # how a guess was; one of which nobody knows is not counted
NEAR = 1.25  # a rate within this factor of the answer is right

BECAME: Mapping[str, Sequence[Verdict]] = {
    "goes to a minimum, fast or slowly": (Verdict.CONVERGED, Verdict.CONVERGING, Verdict.SLOW, Verdict.CATAPULT),
    "jumps about, or stays above the minimum": (Verdict.OSCILLATING, Verdict.NOISY, Verdict.STUCK),
    "diverges": (Verdict.DIVERGED,),
}
"""What may become of a run, for those who guess it."""

UNBOUNDED = dict(
    zip(("comes down, fast or slowly", "jumps about, or stays where it is", "diverges, or falls without end"), BECAME.values(), strict=True)
)
"""The same on a loss of which nobody knows that it has a minimum."""

FEWEST = 2  # steps of a run that can be seen to grow; with fewer nothing is asked
ENDLESS = " This loss has no minimum, and a run that falls without end diverges, too."


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

    Without `traces` nothing of the picture is seen. `alt` says for screen readers what is. Without `guesses` nothing is asked, and
    `instead` says why.
    """

    guesses: Sequence[Guess]
    traces: Sequence[int] = ()
    layout: Mapping[str, Any] = field(default_factory=dict)
    alt: str = ""
    instead: str = ""

    def of_steps(self, steps: int) -> Self:
        """Return what is asked of runs of that many steps: nothing, if there are too few for a verdict.

        >>> Question([becomes(["What becomes of it?"], np.array(["slow"]))]).of_steps(1).instead
        'Nothing is asked: in 1 step no run can be seen to diverge. Give it at least 2 steps.'
        """
        why = f"Nothing is asked: in {counted(steps)} no run can be seen to diverge. Give it at least {counted(FEWEST)}."
        return self if steps >= FEWEST else replace(self, guesses=(), instead=why)


NOBODY = "nobody, all diverge"  # who wins a race in which there is no winner, for one that diverges does not win
ASKED = "What becomes of this run, at the learning rate {}?"
ELSEWHERE = 1.01  # the factor beyond which the mark of theory's edge stands elsewhere than where runs begin to diverge
GROUND = "The landscape of the loss, with its minimum and the start. What happens on it is shown after the guess."


def edge(
    rates: Array,
    low: float,
    high: float,
    asks: str = "",
    *,
    steps: int,
    on_dial: bool = True,
    so_far: bool = False,
    theory: Edge | None = None,
    endless: bool = False,
) -> Guess:
    """Return the question where runs begin to diverge: of `rates`, between `low` and `high`, nan for what was not seen (`bracket`).

    The answer is `low`, the largest rate at which a run does not diverge. `so_far` says that more rates are being tried, `on_dial` that the
    picture's dial goes through these. `theory` is the edge that is marked there: where it is elsewhere, the reply says what the mark is.
    A run has `steps`; `endless` says that the loss has no lower end, and that to fall without end is a divergence, too.

    >>> guess = edge(np.array([0.1, 1.0, 10.0]), 0.38, 0.3804, steps=100)
    >>> guess.replies[guess.options.index("0.3")]
    ('Runs diverge beyond 0.38: you said 0.3, 1.27 times too low.',)
    >>> guess.scores[guess.options.index("0.4")], guess.at[guess.options.index("1")]
    (('right',), 1.0)
    >>> unseen = edge(np.array([0.1, 10.0]), 10.0, np.nan, steps=5)
    >>> unseen.replies[-1], unseen.replies[unseen.options.index("20")]
    (('You said that no rate diverges, and none up to 10 does in 5 steps.',), ('No rate up to 10 diverges in 5 steps; 20 was not tried.',))
    """
    asks, least, most = asks or "From which learning rate on do runs diverge?", float(rates[rates > 0][0]), float(rates[-1])
    more = ENDLESS * endless or _mark(theory, most if np.isnan(high) else low if low > 0 else least, steps)
    if np.isnan(high):
        scale, found = _scale(), f"no rate up to {plain(most)} diverges in {counted(steps)}"
        guess = _never(asks, scale, found, most, more)
        reply, score = f"You said that no rate diverges, and none up to {plain(most)} does in {counted(steps)}.{more}", RIGHT
    elif not low > 0:
        scale, found = _scale(), f"{plain(least)}, the smallest rate tried, diverges too"
        guess = _never(asks, scale, found, more=more)
        reply, score = f"You said that no rate diverges, but {found}.{more}", WRONG
    else:
        scale = _scale(low, high)
        found = f"Runs diverge beyond {plain(low, 4)}{', as far as rates were tried' * so_far}"
        guess = _rate(asks, found, low, low, more)
        reply, score = f"{found}: you said that no rate does.{more}", WRONG
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
    if not np.isfinite(least):
        return _never("At which rate does the loss end lowest?", _scale(), "no run ends at a number")
    found = rates[final <= max(least, 1.01 * least)]
    low, high = float(found[0]), float(found[-1])
    shown = plain(low, 4) if low == high else f"{plain(low, 4)} to {plain(high, 4)}"
    return _rate("At which rate does the loss end lowest?", f"The loss ends lowest at {shown}", low, high)


def becomes(
    asks: Sequence[str],
    verdicts: NDArray[np.object_],
    who: str = "it",
    *,
    still: Sequence[bool] = (),
    choices: Mapping[str, Sequence[Verdict]] = BECAME,
) -> Guess:
    """Return the question what becomes of a run, `who` in the reply, for its verdict at each position of a dial.

    `still` says which of the runs do not move: one that counts as slow has come down nowhere. `choices` is `UNBOUNDED` where that is
    what can be said of the loss.

    >>> guess = becomes(["What becomes of this run?"], np.array(["slow"]))
    >>> guess.replies[0], guess.replies[2]
    (('Right: it goes to a minimum, fast or slowly (slow).',), ('You said that it diverges; it goes to a minimum, fast or slowly (slow).',))
    >>> becomes(["And this one?"], np.array(["slow"]), still=[True]).replies[1]
    ('Right: it jumps about, or stays above the minimum (slow).',)
    """
    _, stays, diverges = choices
    each = [*zip(map(str, verdicts), still or [False] * len(verdicts), strict=True)]
    known = list(dict.fromkeys(each))
    ends = [
        stays if at_rest and verdict == Verdict.SLOW else next(what for what, among in choices.items() if verdict in among)
        for verdict, at_rest in known
    ]
    named = [end if end == diverges else f"{end} ({verdict})" for end, (verdict, _) in zip(ends, known, strict=True)]
    told = [
        tuple(
            f"Right: {who} {name}." if said == end else f"You said that {who} {said}; it {name}."
            for end, name in zip(ends, named, strict=True)
        )
        for said in choices
    ]
    scores = [tuple(RIGHT if said == end else WRONG for end in ends) for said in choices]
    return Guess(asks, [f"It {each}" for each in choices], told, scores, [known.index(one) for one in each])


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
    trajectory, outcome = explanation.trajectory, explanation.outcome
    loss, rates = trajectory.objective, trajectory.learning_rate
    asks = [ASKED.format(plain(float(rate), 4)) for rate in rates]
    still = [bool(outcome.still(i)) for i in range(len(asks))]
    line = edge(rates, *bracket, steps=trajectory.steps, theory=explanation.edge, endless=Facts(loss).endless)
    guesses = line, becomes(asks, outcome.verdict, still=still, choices=_choices(loss))
    examples = range(step_size.BEST + 1, len(drawing.figure.data))
    return _seen(drawing, guesses, [step_size.GROUND, step_size.MINIMUM, step_size.START, *examples]).of_steps(trajectory.steps)


def of_race(race: Race, drawing: Picture, names: Sequence[str], explanations: Sequence[Explanation]) -> Question:
    """Return what is asked of a race: who of these names leads at the end, and what becomes of it."""
    first, rate, loss = leaders(explanations), plain(race.setup.learning_rate, 4), explanations[0].trajectory.objective
    endless, choices = Facts(loss).endless, [*_choices(loss).items()]
    paces = {"own": "", "shared": f", all at the rate {rate}", "fraction": f", each at {rate} times its own edge"}
    what = f"On {LOSSES.title(race.setup.loss)}{paces[race.pace]}"
    holds = "" if endless else ", without diverging"  # without a lower end, who diverges may lead
    asks = f"{what}: who has the lowest loss after {counted(race.setup.steps)}{holds}?"
    rates = [f" at the rate {plain(each.learning_rate, 4)}" * (race.pace == "own") for each in race.racers]
    known = [f"{name}{rate}" for name, rate in zip(names, rates, strict=True)]
    ends = [explanations[i].outcome for i in first or [0]]  # if nobody leads, all of them diverged
    verdicts, still = np.array([each.verdict[0] for each in ends], dtype=object), [bool(each.still()) for each in ends]
    if not endless:  # then nothing can be said of a winner that is said of those who diverge
        choices[-1] = f"is {NOBODY}", choices[-1][1]
    whose = "the winner" if first or not endless else "each racer"
    end = becomes(("And what becomes of the winner?",), verdicts, whose, still=still, choices=dict(choices))
    count = len(drawing.figure.data)  # the landscape comes first, its minimum and the start come last
    guesses = who(asks, known, first, NOBODY), _any(end)
    return _seen(drawing, guesses, [0, count - 2, count - 1]).of_steps(race.setup.steps)


def _choices(loss: Loss) -> Mapping[str, Sequence[Verdict]]:
    """Return what may become of a run on a loss, in words that are true of it."""
    bound = Facts(loss).lower_bound if loss.minimum is None else loss.minimum
    return UNBOUNDED if bound is None or bound == -np.inf else BECAME


def leaders(explanations: Sequence[Explanation]) -> list[int]:
    """Return who of some racers have the lowest loss at the end and did not diverge: more than one where `final` shows the same for them.

    On a loss without a lower end, nobody diverges.
    """
    endless = Facts(explanations[0].trajectory.objective).endless
    lost = [not endless and each.outcome.verdict[0] == Verdict.DIVERGED for each in explanations]
    loss = [float(each.outcome.final_loss[0]) for each in explanations]
    there = [i for i in range(len(loss)) if np.isfinite(loss[i]) and not lost[i]]
    best = min(there, key=lambda i: loss[i], default=None)
    return [i for i in there if best is not None and final(explanations[i]) == final(explanations[best])]


def leading(names: Sequence[str], explanations: Sequence[Explanation]) -> str:
    """Return who of these racers won, or tied, and who is out, in one sentence."""
    endless = Facts(explanations[0].trajectory.objective).endless
    diverged = [each.outcome.verdict[0] == Verdict.DIVERGED for each in explanations]
    out = [] if endless else [name for name, lost in zip(names, diverged, strict=True) if lost]
    first = leaders(explanations)
    if not first:
        return f"Nobody arrives: all {len(names)} racers diverged."
    lost = f"; {', '.join(out)} diverged" if out else "; this loss is unbounded below, so lower only means further away" if endless else ""
    who, verb = listed([names[i] for i in first]), "leads" if len(first) == 1 else "tie"
    steps, loss = counted(explanations[first[0]].outcome.steps), final(explanations[first[0]])
    return f"{who[:1].upper()}{who[1:]} {verb} after {steps} with a loss of {loss}{lost}."


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


def _mark(theory: Edge | None, low: float, steps: int) -> str:
    """Return what the mark of theory's edge is, where it is on the ruler but not where runs begin to diverge, if they do above `low`."""
    if theory is None or not np.isfinite(theory.rate) or 1 / ELSEWHERE < theory.rate / low < ELSEWHERE:
        return ""
    if theory.exact:
        where = f"; in {counted(steps)} it is measured only roughly"
    elif "start" in theory.reason:
        where = " at the start, and runs move on from there"
    else:
        where = " near the minimum, and holds there alone"
    return f" The mark at {plain(theory.rate, 4)} is theory's edge{where}."


def _never(asks: str, scale: Array, found: str, most: float = np.inf, more: str = "") -> Guess:
    """Return a guess on the scale of rates whose answer is none of them, as far as rates up to `most` were tried."""
    rates, tried = [plain(each) for each in scale.tolist()], (scale <= most).tolist()
    beyond = f"{found[:1].upper()}{found[1:]}"
    replies = [
        (f"You said {rate}, but {found}.{more}" if known else f"{beyond}; {rate} was not tried.{more}",)
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
    """Return the powers of ten under the scale, each second one; fewer where it is long, so that they can be read."""
    powers = {i: round(np.log10(scale[i])) for i in range(0, scale.size, len(DECADE))}
    each = 2 * int(np.ceil(len(powers) / 10))
    return {i: power_of_ten(power) if abs(power) > 1 else plain(10.0**power) for i, power in powers.items() if power % each == 0}


def _places(scale: Array, rates: Array) -> list[float | None]:
    """Return where each rate of the scale is among these in order, None where it lies beside them."""
    known = np.flatnonzero(rates > 0)
    inside = (scale >= rates[known[0]]) & (scale <= rates[known[-1]])
    at = np.interp(np.log(scale), np.log(rates[known]), known).round(2)
    return [place if there else None for place, there in zip(at.tolist(), inside.tolist(), strict=True)]
