"""Read the case files, a TOML head between two `+++` lines and then a text, and run what they describe.

The text may carry numbers of the run it speaks of, filled in when it is shown: ``{rate}`` is replaced by this run's learning rate. The
set is fixed, and nothing is evaluated: see `FACTS`. Anything else in braces is left as written.
"""

from __future__ import annotations

import functools
import math
import re
import threading
import tomllib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.core.ground.prose import plain
from explorer.core.maps.canvas import Canvas
from explorer.core.maps.map import Map
from explorer.core.maps.render import render
from explorer.core.maps.tile import VERDICTS
from explorer.core.networks.training import History, ending, train
from explorer.core.run.race import Race
from explorer.core.run.setup import Setup
from explorer.core.verdict.explanation import Explanation
from explorer.core.verdict.sentence import Verdict, marked
from explorer.core.verdict.verdict import judge

SYMPTOMS = ("explodes", "jumps", "stuck", "spikes", "too slow", "nan without divergence")
"""Words for a curve's symptom; a case that compares several runs (a race, a map) has none."""

FACTS = {
    "rate": "the learning rate",
    "critical": "the critical rate at the start of the run (2/λ for gradient descent)",
    "ratio": "the rate as a multiple of the critical one",
    "factor": "what each step multiplies the error by, measured late in the run",
    "theory": "the same, predicted",
    "step": "the first step at which anything was not finite",
    "steps": "how many steps were asked for",
    "start": "the loss at the start",
    "final": "the loss at the end",
    "peak": "the largest finite loss",
    "best": "the smallest loss",
    "rises": "how many steps (of a network: looks) raised the loss",
    "sharpness": "of a network: the sharpness at the last look",
    "tolerated": "of a network: the largest curvature that the rate tolerates",
    "constant": "of a network: the loss of the best constant answer",
    "dead": "of a network: the largest share of dead units of a layer, in %",
}
"""The numbers of a run that a text may carry and a head may claim."""

COARSE = 24
"""A map is seen in at most this many pixels a side."""

NAN_ONLY = "nan without divergence"
"""The word for a run whose loss is shown as nan or inf while its weights stay finite."""


@dataclass(frozen=True)
class Case:
    """A situation that can be made to happen: what is asked, the setup that shows it, and what must be seen.

    `label` is the short name on a button, `query` the setup (or the race, the map, the view) as a link has it, and `must` the verdict
    of its run, for a race one for each racer with commas between them, for a map those that at least a hundredth of it has. `switch` is
    the one change (parts of a query; an empty one takes the part out) that makes it go away, and `then` the verdict after it. Where
    chaos makes the word a matter of the last bit, `must` and `then` are alternatives with | between them.

    `numbers` and `then_numbers` are what else must be seen before and after the switch, by the names of `FACTS`: a whole number exactly,
    any other within half a percent, a pair as a lower and an upper end. `symptom` is one of `SYMPTOMS`, `knob` what made it, in the
    words of an answer, `also` other knobs that would do it too. `related` are names of other cases. `preset` is whether its page
    offers it among the situations to start from; a `page` "cases" means that it is shown on the page of cases only.
    """

    name: str
    title: str
    label: str
    question: str
    page: str
    query: dict[str, str]
    must: str
    text: str
    switch_label: str = ""
    switch: dict[str, str] = field(default_factory=dict)
    then: str = ""
    symptom: str = ""
    knob: str = ""
    also: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    numbers: dict[str, Any] = field(default_factory=dict)
    then_numbers: dict[str, Any] = field(default_factory=dict)
    preset: bool = True

    def claims(self, found: Seen, *, after: bool = False) -> list[str]:
        """Return the head's claims that `found` does not show, in words; empty if all hold. `after` is about the run after the switch."""
        verdict, numbers = (self.then, self.then_numbers) if after else (self.must, self.numbers)
        wrong = [] if found.verdict in verdict.split("|") else [f"verdict must be {verdict}, got {found.verdict}: {found.sentence}"]
        off = {name: claim for name, claim in numbers.items() if not agrees(found.facts[name], claim)}
        return wrong + [f"{name} must be {claim}, got {found.facts[name]}" for name, claim in off.items()]

    @functools.cached_property
    def setup(self) -> Setup:
        """The setup that shows it."""
        return setup_of(self.query)

    @functools.cached_property
    def race(self) -> Race:
        """The race that shows it, for a case of the page "race"."""
        return Race.from_query(self.query)

    @functools.cached_property
    def map(self) -> Map:
        """The map that shows it, for a case of the page "map"."""
        return Map.from_query(self.query)

    @functools.cached_property
    def undone(self) -> Case:
        """The case as its switch leaves it."""
        return replace(self, query={name: text for name, text in (self.query | self.switch).items() if text})

    @property
    def switched(self) -> Setup:
        """The setup after the switch."""
        return self.undone.setup

    @functools.cached_property
    def link(self) -> dict[str, str]:
        """The query as the case's page writes it itself."""
        if self.page in ("race", "map"):
            return dict(self.query)
        return self.setup.to_query() | {name: text for name, text in self.query.items() if name.startswith("view.")}


def setup_of(query: Mapping[str, str]) -> Setup:
    """Return the setup of a link. How its page looks at it, the parts that begin with ``view.``, is no part of it.

    >>> setup_of({"v": "1", "loss": "network", "view.plane": "path"}) == Setup("network")
    True
    """
    return Setup.from_query({name: text for name, text in query.items() if not name.startswith("view.")})


@functools.cache
def casebook() -> tuple[Case, ...]:
    """Return all cases, in the order of their numbers. Raises ValueError naming the file whose head cannot be read."""
    folder = files("explorer.cases")
    return tuple(
        read(path.name, path.read_text("utf-8")) for path in sorted(folder.iterdir(), key=lambda p: p.name) if path.name.endswith(".md")
    )


@functools.cache
def cases() -> tuple[Case, ...]:
    """Return the cases that pages offer to start from; `casebook` has all."""
    return tuple(case for case in casebook() if case.preset)


@functools.cache
def lab(page: str) -> str:
    """Return the path of the page of that name, as Streamlit's links have it; empty for "cases", and where there is no such page.

    >>> lab("step_size"), lab("cases"), lab("nowhere")
    ('pages/10_step_size.py', '', '')
    """
    found = sorted((Path(__file__).parent / "pages").glob(f"[0-9][0-9]_{page}.py"))
    return f"pages/{found[0].name}" if found and page != "cases" else ""


def read(name: str, content: str) -> Case:
    """Return one case file.

    >>> read("01_x.md", '''+++
    ... title = "T"
    ... label = "L"
    ... question = "Q?"
    ... page = "step_size"
    ... must = "converged"
    ... [setup]
    ... v = "1"
    ... loss = "x_squared"
    ... +++
    ... Text.''').setup.loss
    'x_squared'
    """
    try:
        _, head, text = content.split("+++\n", 2)
        facts: dict[str, Any] = tomllib.loads(head)
        facts |= {each: tuple(facts[each]) for each in ("also", "related") if each in facts}
        case = Case(name=name.removesuffix(".md"), text=text.strip(), query=facts.pop("setup"), **facts)
        _ = case.race if case.page == "race" else case.map if case.page == "map" else case.switched  # a wrong head is refused here
        if case.symptom not in ("", *SYMPTOMS):
            raise ValueError(f"symptom must be one of {', '.join(SYMPTOMS)}, got {case.symptom!r}")
        for fact in {*case.numbers, *case.then_numbers} - {*FACTS}:
            raise ValueError(f"a number must be one of {', '.join(FACTS)}, got {fact!r}")
        return case
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"explorer/cases/{name} must be a TOML head between two +++ lines and a text: {error}") from error


@dataclass(frozen=True, eq=False)
class Curve:
    """The loss along one run: `steps` and `loss` ``(n,)``, the runner's name, and the verdict whose color it has."""

    name: str
    verdict: Verdict
    steps: NDArray[np.intp]
    loss: NDArray[np.float64]

    @property
    def ended(self) -> Curve:
        """The curve up to where it stays non-finite."""
        finite = np.flatnonzero(np.isfinite(self.loss))
        end = finite[-1] + 2 if finite.size else 1
        return replace(self, steps=self.steps[:end], loss=self.loss[:end])


@dataclass(frozen=True, eq=False)
class Seen:
    """What was seen of a case: its verdict, a sentence with the verdict in bold, the numbers, and what a picture needs.

    `curves` are the losses of its runs; a map has `cells` instead, the verdict of each of its pixels from the bottom row up.
    """

    verdict: str
    sentence: str
    facts: dict[str, float]
    curves: tuple[Curve, ...] = ()
    cells: tuple[tuple[Verdict, ...], ...] = ()
    coordinates: tuple[str, str] = ("", "")


def see(page: str, query: Mapping[str, str]) -> Seen:
    """Run what a link of that page describes. Cached for all visitors, and never computed twice at a time.

    >>> query = {"v": "1", "loss": "x_squared", "optimizer": "gradient_descent", "learning_rate": "1.1", "steps": "2000"}
    >>> found = see("step_size", query)
    >>> found.verdict, found.facts["step"]
    ('diverged', 1947)
    """
    key = (page, tuple(sorted(query.items())))
    with _ONE_AT_A_TIME:
        if key not in _KEPT:
            _KEPT[key] = _way(page, query)(query)
            if len(_KEPT) > _MOST_KEPT:
                _KEPT.popitem(last=False)
        return _KEPT[key]


def glimpse(page: str, query: Mapping[str, str]) -> Seen | None:
    """Return what `see` has kept, without a run and without a wait; None if there is nothing yet."""
    return _KEPT.get((page, tuple(sorted(query.items()))))


_ONE_AT_A_TIME = threading.Lock()
_KEPT: OrderedDict[tuple[str, tuple[tuple[str, str], ...]], Seen] = OrderedDict()
_MOST_KEPT = 400


def filled(text: str, facts: Mapping[str, float]) -> str:
    """Return the text with this run's numbers in the places of the names of `FACTS`; a name without a number stays.

    >>> filled("at {rate} after {step} steps, {x} and {theory}", {"rate": 0.001, "step": 1947, "theory": float("nan")})
    'at 0.001 after 1,947 steps, {x} and {theory}'
    """

    def number(found: re.Match[str]) -> str:
        value = facts.get(found[1]) if found[1] in FACTS else None
        if value is None or math.isnan(value):
            return found[0]
        return f"{value:,}" if isinstance(value, int) else plain(value, 4)

    return re.sub(r"\{(\w+)\}", number, text)


def agrees(value: float, claim: Any) -> bool:
    """Return whether a number is what a head claims: a whole number exactly, a pair as two ends, any other to half a percent.

    >>> agrees(1947, 1947), agrees(1946, 1947), agrees(0.998, 1.0), agrees(3, [1, 2])
    (True, False, True, False)
    """
    if isinstance(claim, list | tuple):
        low, high = claim
        return bool(low <= value <= high)
    return value == claim if isinstance(claim, int) else math.isclose(value, claim, rel_tol=5e-3)


def _of_run(query: Mapping[str, str]) -> Seen:
    """Return one run of any loss, explained with its edge."""
    setup = Setup.from_query(query)
    explanation = Explanation.of(setup.run())
    edge, outcome = float(explanation.edge.rate), explanation.outcome
    facts = {
        "critical": edge,
        "ratio": setup.learning_rate / edge if edge > 0 else math.nan,
        "factor": float(explanation.measured[0]),
        "theory": float(explanation.predicted[0]),
    }
    curve = _curve("", outcome.verdict[0], explanation.trajectory.loss[:, 0])
    return _seen(setup, curve, explanation.sentence(0), int(outcome.first_nonfinite[0]), facts)


def _of_large_run(query: Mapping[str, str]) -> Seen:
    """Return one run of a loss too large for its edge to be worth the time."""
    setup = Setup.from_query(query)
    path = setup.run()
    loss, outcome = path.loss[:, 0].astype(float), judge(path)
    lost, lost_at = int((~np.isfinite(loss)).sum()), int(outcome.first_nonfinite[0])
    if lost and np.isfinite(path.x).all():
        shown = f"the loss is nan or inf at {lost} of {loss.size} steps, while every weight stays finite; at the end it is"
        sentence = f"**Nan without divergence**: {shown} {plain(loss[-1])}."
        return replace(_seen(setup, _curve("", Verdict.STUCK, loss), sentence, lost_at), verdict=NAN_ONLY)
    return _seen(setup, _curve("", outcome.verdict[0], loss), marked(outcome.sentence(0)), lost_at)


def _of_training(query: Mapping[str, str]) -> Seen:
    """Return one run of a network, with its instruments."""
    setup = setup_of(query)
    history: History
    *_, history = train(setup)
    steps, loss = history.course
    if history.lost_at > 0:
        steps, loss = np.append(steps, history.lost_at), np.append(loss, np.inf)
    facts = {
        "sharpness": history.sharpness[-1],
        "tolerated": history.edge[-1],
        "constant": float(history.loss.best_constant),
        "dead": 100 * max(history.dead[-1], default=0.0),
    }
    return _seen(setup, Curve("", history.verdict, steps, loss), ending(history), history.lost_at, facts)


def _of_race(query: Mapping[str, str]) -> Seen:
    """Return all racers, each with its own verdict."""
    race = Race.from_query(query)
    runs = zip(race.racers, race.run(), strict=True)
    curves = tuple(_curve(racer.optimizer.replace("_", " "), judge(path).verdict[0], path.loss[:, 0]) for racer, path in runs)
    sentence = "**A race**: " + "; ".join(f"{each.name} {each.verdict}" for each in curves) + "."
    return Seen(",".join(str(each.verdict) for each in curves), sentence, {}, tuple(each.ended for each in curves))


def _of_map(query: Mapping[str, str]) -> Seen:
    """Return a map in few pixels."""
    plan = Map.from_query(query)
    small = Map(plan.setup, replace(plan.x, count=min(plan.x.count, COARSE)), replace(plan.y, count=min(plan.y.count, COARSE)))
    canvas = Canvas.blank(small)
    for _ in render(small, canvas):
        pass
    shares = {verdict: share for verdict, share in canvas.shares().items() if share >= 0.01}
    words = ", ".join(f"{plain(100 * share, 2)} % {verdict}" for verdict, share in sorted(shares.items(), key=lambda each: -each[1]))
    cells = tuple(tuple(VERDICTS[code] for code in row) for row in canvas.codes)
    names = (plan.x.knob.rpartition(".")[2], plan.y.knob.rpartition(".")[2])
    coordinates = tuple("start" if name.isdigit() else name.replace("_", " ") for name in names)
    return Seen(",".join(str(each) for each in shares), f"**A map**: {words}.", {}, cells=cells, coordinates=coordinates)  # type: ignore[arg-type]


def _way(page: str, query: Mapping[str, str]) -> Callable[[Mapping[str, str]], Seen]:
    """Return how it is made to happen: a race and a map by their page, a single run by its loss."""
    pages = {"race": _of_race, "map": _of_map}
    losses = {"network": _of_training, "convolution": _of_training, "homemade_network": _of_large_run}
    return pages.get(page) or losses.get(query.get("loss", ""), _of_run)


def _curve(name: str, verdict: Verdict, loss: NDArray[Any]) -> Curve:
    """Return the curve of a run that was looked at in every step."""
    return Curve(name, verdict, np.arange(loss.size), loss.astype(float))


def _seen(setup: Setup, curve: Curve, sentence: str, lost_at: int, facts: Mapping[str, float] | None = None) -> Seen:
    """Return what was seen of one run: the numbers that every run has, and its own."""
    loss = curve.loss
    finite = loss[np.isfinite(loss)]
    with np.errstate(all="ignore"):
        rises = int((np.diff(loss) > 1e-13 * np.abs(loss[:-1])).sum())
    shared = {
        "rate": setup.learning_rate,
        "step": lost_at if lost_at >= 0 else math.nan,
        "steps": setup.steps,
        "start": float(loss[0]),
        "final": float(loss[-1]),
        "peak": float(finite.max()) if finite.size else math.nan,
        "best": float(finite.min()) if finite.size else math.nan,
        "rises": rises,
    }
    return Seen(str(curve.verdict), sentence, shared | dict(facts or {}), (curve.ended,))
