"""Reads the case files: a TOML head between two `+++` lines, then a text."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from explorer.core.map import Map
from explorer.core.race import Race
from explorer.core.setup import Setup


@dataclass(frozen=True)
class Case:
    """A situation that can be made to happen: what is asked, the setup that shows it, and what must be seen.

    `label` is the short name on a button, `query` the setup (or the race, or the map) as a link has it, and `must` the verdict of its
    run, for a race one for each racer with commas between them, for a map those that at least a hundredth of it has. `switch` is the
    one change (parts of a query) that makes it go away, and `then` the verdict after it.
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

    @property
    def setup(self) -> Setup:
        """The setup that shows it."""
        return Setup.from_query(self.query)

    @property
    def race(self) -> Race:
        """The race that shows it, for a case of the page "race"."""
        return Race.from_query(self.query)

    @property
    def map(self) -> Map:
        """The map that shows it, for a case of the page "map"."""
        return Map.from_query(self.query)

    @property
    def switched(self) -> Setup:
        """The setup after the switch."""
        return Setup.from_query(self.query | self.switch)


@functools.cache
def cases() -> tuple[Case, ...]:
    """All cases, in the order of their numbers. Raises ValueError naming the file whose head cannot be read."""
    folder = files("explorer.cases")
    return tuple(
        read(path.name, path.read_text("utf-8")) for path in sorted(folder.iterdir(), key=lambda p: p.name) if path.name.endswith(".md")
    )


def read(name: str, content: str) -> Case:
    """One case file.

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
        case = Case(name=name.removesuffix(".md"), text=text.strip(), query=facts.pop("setup"), **facts)
        _ = case.race if case.page == "race" else case.map if case.page == "map" else case.switched  # a head that is wrong is refused here
        return case
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"explorer/cases/{name} must be a TOML head between two +++ lines and a text: {error}") from error
