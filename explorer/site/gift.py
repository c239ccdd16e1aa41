"""The quiz as a file for Moodle and other learning platforms, in the format GIFT: docs.moodle.org/en/GIFT_format."""

import re
from collections.abc import Iterable
from html import escape

from markdown_it import MarkdownIt

from explorer.core.ground.prose import counted, plain
from explorer.core.losses import LOSSES
from explorer.core.optimizers import OPTIMIZERS
from explorer.core.run.setup import Setup
from explorer.figures.thumbnail import sparkline
from explorer.site.casebook import Case, asked, casebook, choices
from explorer.site.seen import Seen

QUESTION = "Turning which knob makes it go away?"
HEIGHT = 150  # of the drawing of a curve
MARKDOWN = MarkdownIt("commonmark", {"html": False})


def gift(cases: Iterable[Case], seed: int = 0) -> str:
    """Return the questions that the quiz can ask about `cases`, each with its curve, four choices and why.

    Equal seeds mix the choices alike. The curve is a picture inside the text, so that the file needs no other.

    >>> from explorer.site.casebook import casebook
    >>> text = gift(casebook()[:1])
    >>> text.splitlines()[0]
    '$CATEGORY: Divergence Explorer'
    """
    return "\n\n".join(["$CATEGORY: Divergence Explorer", *(question(case, seed) for case in asked(cases))]) + "\n"


def question(case: Case, seed: int) -> str:
    """Return one question."""
    seen = case.seen
    parts = (curve(seen), f"<p><em>“{escape(case.question)}”</em></p>", f"<p>{escape(facts(case.setup, seen))}</p>", f"<p>{QUESTION}</p>")
    answers = "\n".join(f"{'=' if each == case.knob else '~'}{escaped(escape(each))}" for each in choices(case, casebook(), seed))
    why = f"<p><strong>{escape(case.title)}</strong></p>{MARKDOWN.render(case.why)}"
    return f"::{escaped(case.name)}::[html]{escaped(''.join(parts))}{{\n{answers}\n####{escaped(why)}\n}}"


def curve(seen: Seen, ink: str = "#000000") -> str:
    """Return the curve without its verdict's color; the facts beside it say the verdict."""
    alt = f"The loss of a run over its steps. {seen.sentence.replace('**', '')}"
    return sparkline(seen.curves, alt, height=HEIGHT, ink=ink, hide_verdict=True)


def facts(setup: Setup, seen: Seen) -> str:
    """Return what anyone who made the run would know: the loss, the rule, the rate, how long, and how it went."""
    what = f"{LOSSES.title(setup.loss)} · {OPTIMIZERS.title(setup.optimizer)} · learning rate {plain(setup.learning_rate)}"
    batch = f" · batches of {setup.batch_size}" if setup.batch_size else ""
    return f"{what}{batch} · {counted(setup.steps)}. {seen.sentence.replace('**', '')}"


def escaped(text: str) -> str:
    r"""Return text in which no character ends a part of a question: those have a backslash before them, and a new line is one of them.

    >>> escaped("a = {b}: ~50 # of C:\\d\n")
    'a \\= \\{b\\}\\: \\~50 \\# of C\\:\\\\d\\n'
    """
    return re.sub(r"([\\~=#{}:])", r"\\\1", text).replace("\n", "\\n")
