"""Read the case files, a TOML head between two `+++` lines and then a text, and run what they describe.

The text may carry numbers of the run it speaks of, filled in when it is shown: ``{rate}`` is replaced by this run's learning rate. The
set is fixed, and nothing is evaluated: see `FACTS`. Anything else in braces is left as written.
"""

import functools
import json
import math
import random
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from operator import attrgetter
from pathlib import Path
from typing import Any, Self

import numpy as np

from explorer.core.ground.parameters import experiment
from explorer.core.ground.prose import plain
from explorer.core.maps.map import Map
from explorer.core.run.race import Race
from explorer.core.run.setup import Setup
from explorer.site.seen import FACTS, Seen, name_of, run_link, see

SYMPTOMS = ("explodes", "jumps", "stuck", "spikes", "too slow", "nan without divergence")
"""Words for a curve's symptom; a case that compares several runs (a race, a map) has none."""

TOGETHER = "races, maps and landscapes"  # what the cases that are not a single curve are called instead

SYNONYMS: dict[str, list[str]] = tomllib.loads(files("explorer.cases").joinpath("synonyms.toml").read_text("utf-8"))
"""What people type, and what they mean as well."""

RECORDS: dict[str, Any] = {"race": Race, "map": Map}  # what a link of a page says, where that is more than a setup
CHOICES = 4  # answers that the quiz offers for a curve
POINTS = 10  # numbers that a curve has at least, if the quiz asks about it: two look like any other two


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

    @functools.cached_property
    def record(self) -> Any:
        """What its page shows: a race, a map, or a setup."""
        return RECORDS.get(self.page, Setup).from_query(experiment(self.query))

    @property
    def seen(self) -> Seen:
        """What its link shows."""
        return see(self.page, self.query)

    @property
    def why(self) -> str:
        """Its text with the numbers of its run, as Markdown."""
        return filled(self.text, self.seen.facts).replace("$", r"\$")

    @property
    def setup(self) -> Setup:
        """The setup of what its page shows."""
        found: Setup = self.record if isinstance(self.record, Setup) else self.record.setup
        return found

    @property
    def words(self) -> str:
        """Where a search looks for its words."""
        return f"{self.title} {self.label} {self.question} {self.text} {self.knob} {self.symptom}".casefold()

    @functools.cached_property
    def undone(self) -> Self:
        """The case as its switch leaves it."""
        return replace(self, query={name: text for name, text in (self.query | self.switch).items() if text})

    @functools.cached_property
    def link(self) -> dict[str, str]:
        """The query as the case's page writes it itself."""
        return {**self.record.to_query(), **{name: text for name, text in self.query.items() if name.startswith("view.")}}


@functools.cache
def casebook() -> tuple[Case, ...]:
    """Return all cases, in the order of their numbers. Raises ValueError naming the file whose head cannot be read."""
    folder = sorted(files("explorer.cases").iterdir(), key=attrgetter("name"))
    return tuple(read(path.name, path.read_text("utf-8")) for path in folder if path.name.endswith(".md"))


@functools.cache
def by_name() -> dict[str, Case]:
    """Return all cases by their names."""
    return {case.name: case for case in casebook()}


@functools.cache
def cases() -> tuple[Case, ...]:
    """Return the cases that pages offer to start from; `casebook` has all."""
    return tuple(case for case in casebook() if case.preset)


def by_symptom(among: Iterable[Case]) -> dict[str, list[Case]]:
    """Return the cases under each symptom, and under `TOGETHER`, in the order of a gallery."""
    found: dict[str, list[Case]] = {kind: [] for kind in (*SYMPTOMS, TOGETHER)}
    for case in among:
        found[case.symptom or TOGETHER].append(case)
    return found


def heading(symptom: str) -> str:
    """Return what stands above the cases of a symptom.

    >>> heading("jumps"), heading("too slow")
    ('It jumps', 'Too slow')
    """
    return f"It {symptom}" if symptom in ("explodes", "jumps", "spikes") else symptom.capitalize()


def asked(among: Iterable[Case]) -> list[Case]:
    """Return the cases that the quiz can ask about: of one curve, which has points enough to be recognized by.

    >>> from explorer.site.casebook import casebook
    >>> "88_zero_by_zero" in [case.name for case in asked(casebook())]  # its loss is nan from the start
    False
    """
    found = [case for case in among if case.knob and case.symptom and case.switch]
    return [case for case in found if sum(np.isfinite(each.loss).sum() for each in case.seen.curves) >= POINTS]


def choices(case: Case, among: Sequence[Case], seed: int) -> list[str]:
    """The case's knob among those of others, first of those with the same symptom; none that would make the same curve.

    >>> from explorer.site.casebook import casebook
    >>> case = next(each for each in casebook() if each.name == "09_x_squared")
    >>> found = choices(case, casebook(), 0)
    >>> len(found), len(set(found)), case.knob in found
    (4, 4, True)
    """
    draw = random.Random(f"{case.name}{seed}")
    alike = sorted({each.knob for each in among if each.symptom == case.symptom and each.knob} - {case.knob, *case.also})
    others = sorted({each.knob for each in among if each.knob} - {case.knob, *case.also, *alike})
    wrong = [*draw.sample(alike, len(alike)), *draw.sample(others, len(others))][: CHOICES - 1]
    return draw.sample([case.knob, *wrong], len(wrong) + 1)


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
        _ = case.record, case.undone.record  # a wrong head is refused here
        if case.symptom not in ("", *SYMPTOMS):
            raise ValueError(f"symptom must be one of {', '.join(SYMPTOMS)}, got {case.symptom!r}")
        for fact in {*case.numbers, *case.then_numbers} - {*FACTS}:
            raise ValueError(f"a number must be one of {', '.join(FACTS)}, got {fact!r}")
        return case
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"explorer/cases/{name} must be a TOML head between two +++ lines and a text: {error}") from error


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


def record() -> None:
    """Run every case, before and after its switch, and write what is seen to `explorer/cases/seen.json`."""
    links = {name_of(each.page, each.query): each for case in casebook() for each in (case, case.undone)}
    lines = [f"{json.dumps(name)}: {json.dumps(run_link(each.page, each.query).record())}" for name, each in links.items()]
    text = ",\n".join(lines)
    (Path(__file__).parents[1] / "cases" / "seen.json").write_text(f"{{\n{text}\n}}\n", "utf-8")


if __name__ == "__main__":
    record()
