"""The command line: `divergence-explorer` opens the app; with a command it says what a log shows, or what a setup does.

The exit status is 0; 1 where the run diverged, so that a script or CI can stop; and 2, with a sentence, where the input is refused or the
answer cannot be written.
"""

import argparse
import contextlib
import itertools
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from explorer.core.diagnosis.diagnosis import diagnose
from explorer.core.files.forms import MOST_BYTES
from explorer.core.files.logs import read_log
from explorer.core.ground.checks import must, typed
from explorer.core.ground.extras import needs
from explorer.core.ground.parameters import experiment
from explorer.core.ground.prose import counted, plain, told_apart
from explorer.core.ground.size import check_size
from explorer.core.run.bracket import bracket
from explorer.core.run.ruler import RATES, ruler
from explorer.core.run.setup import Setup, parts
from explorer.core.run.sweep import sweep
from explorer.core.theory.edge import Edge
from explorer.core.verdict.sentence import Verdict

CAUSES = 3  # as many as one reads in a terminal; --json has all
MOST_STEPS = 1_000_000  # of a sweep, which takes a quarter of a minute of the simplest loss


@dataclass(frozen=True)
class Answer:
    """What a command found: in words, a line each; the same in numbers, by name; and whether the run diverged."""

    words: Sequence[str]
    numbers: Mapping[str, Any]
    diverged: bool


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for, and return the exit status.

    >>> main(["edge", "loss=quadratic&loss.eigenvalues=1,10&learning_rate=0.3"])
    Theory puts the edge at 0.2: 2/λ, with λ = 10 the largest curvature.
    Measured: runs of 100 steps hold at 0.2 and diverge at 0.2002.
    At the learning rate 0.3, 1.5 times the edge: Diverges: after 100 steps the loss is 8.035 × 10⁶⁰, from 5.5; it has not turned.
    1
    """
    asked = _parser().parse_args(arguments)
    try:
        if asked.command is None:
            return opened()
        if asked.command == "site":
            return _written(built(asked.folder, asked.app), 0)
        answer: Answer = asked.answers(asked.of)
    except (ValueError, ModuleNotFoundError) as refusal:
        return _refused(str(refusal))
    text = json.dumps(_finite(answer.numbers), indent=2) if asked.json else "\n".join(answer.words)
    return _written(text, int(answer.diverged))


def _written(text: str, status: int) -> int:
    """Write an answer, and return the exit status: this one, but for an answer that nobody got."""
    try:
        _say(text, sys.stdout)
    except BrokenPipeError:  # who reads has gone, as `head` does
        _quietly(sys.stdout)
    except OSError as error:
        _quietly(sys.stdout)
        return _refused(f"the answer must be written somewhere: {error.strerror}")
    return status


def _refused(reason: str) -> int:
    """Say why there is no answer, and return the exit status."""
    _tell(f"divergence-explorer: {reason}")
    return 2


def _tell(text: str) -> None:
    """Write beside the answer, if anybody listens there."""
    try:
        _say(text, sys.stderr)
    except OSError:
        _quietly(sys.stderr)


def _parser() -> argparse.ArgumentParser:
    status = "The exit status is 1 where the run diverged, 2 where the input is refused, else 0."
    of_app = "Without a command it opens the app; Streamlit's settings are taken from the environment: STREAMLIT_SERVER_PORT=8600."
    parser = argparse.ArgumentParser("divergence-explorer", description=(__doc__ or "").split("\n")[0], epilog=f"{of_app} {status}")
    commands = parser.add_subparsers(dest="command", metavar="command")
    setup = "the link of a run in the app, or its part behind the question mark: 'loss=quadratic&optimizer=adam&learning_rate=0.3'"
    rows: list[tuple[str, Callable[[str], Answer], str, str, str]] = [
        (
            "diagnose",
            diagnosed,
            "LOG",
            "a file with losses: a table, JSON, what a program printed; - reads the standard input",
            "read a log",
        ),
        ("edge", edge, "SETUP", setup, "say where the learning rate stops working, in theory and measured"),
        ("sweep", swept, "SETUP", setup, "say what happens at every learning rate around the edge"),
    ]
    for name, answers, what, of, does in rows:
        command = commands.add_parser(name, help=does, description=does.capitalize() + ".", epilog=status)
        command.add_argument("of", metavar=what, help=of)
        command.add_argument("--json", action="store_true", help="print numbers for a program to read, as JSON")
        command.set_defaults(answers=answers)
    does = "write a web site of all cases that needs no server"
    site = commands.add_parser("site", help=does, description=does.capitalize() + "; it takes some minutes.")
    site.add_argument("folder", metavar="FOLDER", help="where to; it is made if it is not there")
    site.add_argument("--app", default="", help="the address of a running app, for links that open a case in it")
    return parser


def opened() -> int:
    """Serve the app, and open it in the browser, until it is stopped."""
    with needs("app", "the app"):
        from streamlit.web import cli
    cli.main(["run", str(Path(__file__).with_name("ui") / "app.py")])
    return 0


def built(folder: str, app: str) -> str:
    """Write the site that needs no server, saying which page is being computed, and return its first page."""
    with needs("plot", "the site"):
        from explorer.site.gallery import write_site
    try:
        first = write_site(folder, app=app, told=_tell)
    except OSError as error:
        raise must("FOLDER", "one that can be written", f"{typed(folder)}: {error.strerror}") from error
    return str(first)


def diagnosed(path: str) -> Answer:
    """Return what the log in a file shows, or on the standard input for ``-``."""
    try:
        if not path or (path == "-" and sys.stdin is None):
            raise OSError(None, "there is no file of this name" if not path else "the standard input is closed")
        with contextlib.nullcontext(sys.stdin.buffer) if path == "-" else Path(path).open("rb") as file:
            log = read_log(file.read(MOST_BYTES + 1))
    except OSError as error:
        raise must("LOG", "a file that can be read, or -", f"{typed(path)}: {error.strerror}") from error
    found = diagnose(log)
    causes = [
        line
        for place, cause in enumerate(found.causes[:CAUSES], 1)
        for line in ("", f"{place}. {cause.name}. {cause.because}", f"   Test: {cause.test}", f"   Change: {cause.change}")
    ]
    numbers = asdict(replace(found, record=None)) | {"reading": log.reading, "notes": log.notes}
    del numbers["record"]  # who has the log has the curve
    return Answer([log.reading, f"{found.sentence}.", *causes], numbers, found.verdict == Verdict.DIVERGED)


def edge(link: str) -> Answer:
    """Return where the edge of a setup is, in theory and measured, and what becomes of its own rate."""
    answer = swept(link)
    numbers = {name: value for name, value in answer.numbers.items() if name != "rates"}
    return Answer(answer.words[-3:], numbers, answer.diverged)


def swept(link: str) -> Answer:
    """Return what happens at the rates around the edge of a setup, and what `edge` says."""
    setup = Setup.from_query(experiment(parts(link)))
    setup.check_start()
    check_size("steps", setup.steps, {}, MOST_STEPS)
    setup.check_work({"rate": RATES})
    loss, optimizer, conditions = setup.make_loss(), setup.make_optimizer(), setup.conditions()
    scale = ruler(loss, optimizer, setup.initial_point, setup.learning_rate)
    rates, theory = scale.rates[scale.rates > 0], scale.edge
    outcome, own = (sweep(loss, optimizer, each, **conditions) for each in (rates, setup.learning_rate))
    holds, diverges = bracket(loss, optimizer, rates, outcome.verdict == Verdict.DIVERGED, **conditions)
    lost = None if math.isnan(diverges) else sweep(loss, optimizer, diverges, **conditions)
    falls = lost is not None and bool(lost.falls(0))
    words = [*_ranges(rates, outcome.verdict), _in_theory(theory), _measured(holds, diverges, counted(setup.steps), falls=falls)]
    share = f", {theory.share(setup.learning_rate)} times the edge" if 0 < theory.rate < math.inf else ""
    numbers = {
        "setup": setup.to_query(),
        "edge": {"rate": theory.rate, "reason": theory.reason, "exact": theory.exact},
        "holds": holds,
        "diverges": diverges,
        "falls_without_end": falls,
        "verdict": own.verdict[0],
        "sentence": own.sentence(),
        "rates": [
            {"learning_rate": rate, "verdict": verdict, "final_loss": final}
            for rate, verdict, final in zip(rates.tolist(), outcome.verdict, outcome.final_loss.tolist(), strict=True)
        ],
    }
    words.append(f"At the learning rate {plain(setup.learning_rate, 4)}{share}: {own.sentence()}.")
    return Answer(words, numbers, own.verdict[0] == Verdict.DIVERGED)


def _ranges(rates: np.ndarray[Any, np.dtype[np.float64]], verdicts: np.ndarray[Any, Any]) -> Iterator[str]:
    """Yield a line for each stretch of rates with the same verdict."""
    bounds = [0, *(np.flatnonzero(verdicts[1:] != verdicts[:-1]) + 1).tolist(), rates.size]
    pairs = [(told_apart(rates[first], rates[end - 1]), end - first) for first, end in itertools.pairwise(bounds)]
    texts = [low if of == 1 else f"{low} to {high}" for (low, high), of in pairs]
    width = max(24, 2 + max(map(len, texts)))
    yield from (f"{text:{width}}{verdicts[first]}" for text, first in zip(texts, bounds, strict=False))


def _in_theory(edge: Edge) -> str:
    if not math.isfinite(edge.rate):
        return f"Theory: {edge.reason}."
    return f"Theory puts the edge at {plain(edge.rate, 4)}: {edge.reason}{'' if edge.exact else ', which decides only near there'}."


def _measured(holds: float, diverges: float, steps: str, *, falls: bool) -> str:
    """Say between which rates runs begin to diverge; where that is to fall, as off a saddle, it is a matter of the steps."""
    more = "; there they leave downhill and fall without end, which more steps show at smaller rates too" if falls else ""
    if math.isnan(diverges):
        return f"Measured: no rate up to {plain(holds)} diverges in {steps}."
    if math.isnan(holds):
        return f"Measured: every rate from {plain(diverges)} on diverges in {steps}{more}."
    low, high = told_apart(holds, diverges, digits=4)
    return f"Measured: runs of {steps} hold at {low} and diverge at {high}{more}."


def _finite(value: Any) -> Any:
    """Return what JSON has a word for: a number that is not finite is null."""
    match value:
        case Mapping():
            return {name: _finite(each) for name, each in value.items()}
        case list() | tuple():
            return [_finite(each) for each in value]
        case float():
            return value if math.isfinite(value) else None
    return value


def _say(text: str, stream: TextIO | None) -> None:
    """Write a text, without what a terminal would take for a command (a log may have written it), or cannot show.

    Raises OSError where it cannot be written.
    """
    if stream is None:
        raise OSError(None, "the standard output is closed")
    plain_text = "".join(each if each.isprintable() or each == "\n" else "?" for each in text)
    letters = stream.encoding or "utf-8"
    stream.write(plain_text.encode(letters, "replace").decode(letters) + "\n")
    stream.flush()


def _quietly(stream: TextIO | None) -> None:
    """Write no more, nor what was not written."""
    if stream is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


if __name__ == "__main__":
    sys.exit(main())
