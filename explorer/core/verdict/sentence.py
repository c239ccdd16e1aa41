"""The verdicts in words: one table from each to its word and its sentence, to which every place adds what it alone knows."""

from collections.abc import Mapping
from enum import StrEnum


class Verdict(StrEnum):
    """What happened to a run, in a word. The numbers behind each stand at the top of `core/verdict/verdict.py`.

    - converged: of the loss above its minimum a millionth of the start's is left, or it came to rest at a minimum;
    - converging: it will within 20 times the steps, as far as theory or its fall tell; slow: it falls, and that takes longer;
    - oscillating: it jumps and does not come down; noisy: so does it, of mini-batches or noise in the gradient;
    - stuck: the loss does not move, or stays at that of the best constant answer; catapult: it rose to twice its start or more, and
      came down where it is flatter;
    - diverged: it became inf or nan, or grows from quarter to quarter of the run.

    See also: `Outcome`, `judge`, `diagnose`.

    >>> Verdict("diverged") is Verdict.DIVERGED, f"It {Verdict.DIVERGED}."
    (True, 'It diverged.')
    """

    CONVERGED = "converged"
    CONVERGING = "converging"
    SLOW = "slow"
    OSCILLATING = "oscillating"
    NOISY = "noisy"
    STUCK = "stuck"
    CATAPULT = "catapult"
    DIVERGED = "diverged"


CHANGE = "after {span} the loss is {final}, from {start}"

TABLE = {
    Verdict.CONVERGED: ("Converges", CHANGE),
    Verdict.CONVERGING: ("Converging", CHANGE),
    Verdict.SLOW: ("Slow", CHANGE),
    Verdict.OSCILLATING: ("Oscillates", "after {span} the loss still jumps between {low} and {high}"),
    Verdict.NOISY: ("Noisy", "the loss jumps about {final}, from {start} at the start"),
    Verdict.STUCK: ("Stuck", "the loss stays at {final}"),
    Verdict.CATAPULT: ("Catapult", "the loss rose from {start} to {peak}, then fell to {final} where it is flatter"),
    Verdict.DIVERGED: ("Diverges", CHANGE),
}
"""The word and the sentence of each verdict; the names in braces are the run's own numbers, as text."""


def told(verdict: Verdict, numbers: Mapping[str, str], *, first: str = "", instead: str = "", more: str = "") -> str:
    """Return a verdict's sentence: its word, what is known before it, the table's sentence or what is known `instead`, and `more`.

    >>> told(Verdict.SLOW, {"span": "2 steps", "start": "3", "final": "2"}, more="give it time")
    'Slow: after 2 steps the loss is 2, from 3; give it time'
    """
    head, sentence = TABLE[verdict]
    if verdict == Verdict.OSCILLATING and numbers["low"] == numbers["high"]:
        sentence = "the loss stays at {low} while the point jumps from side to side"
    return f"{head}: {'; '.join(part for part in (first, instead or sentence.format_map(numbers), more) if part)}"


def became(quantity: str, how: str, step: int) -> str:
    """Return the sentence for a quantity that was not finite from some step on; at step 0 the data or the start are not.

    >>> became("loss", "inf", 1947)
    'the loss became inf at step 1,947'
    """
    return f"the {quantity} became {how} at step {step:,}" if step else f"the {quantity} is {how} from the start"


def hopeless(quantity: str) -> str:
    """Return the sentence for a quantity that is not finite from the start, where rates are looked for.

    >>> hopeless("loss")
    'the loss is inf or nan from the start, at any rate: look for nan and inf in the data and the start'
    """
    return f"{became(quantity, 'inf or nan', 0)}, at any rate: look for nan and inf in the data and the start"


def marked(sentence: str) -> str:
    """Return a sentence as Markdown, its word in bold and a full stop at its end.

    >>> marked("Stuck: the loss stays at 1")
    '**Stuck**: the loss stays at 1.'
    """
    head, _, rest = sentence.partition(": ")
    return f"**{head}**: {rest}."
