"""Lessons for a lecture: an ordered list of cases, each with what to ask, what is seen and why, and the common wrong answer.

A lesson is one TOML file in `explorer/cases/lessons`.
"""

import functools
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from operator import attrgetter

from explorer.site.casebook import Case, by_name


@dataclass(frozen=True)
class Stop:
    """A case, as it is or as its switch leaves it: what to ask before it is shown, why it does what it does, and what many answer."""

    case: Case
    ask: str
    because: str
    wrong: str


@dataclass(frozen=True)
class Lesson:
    """About ten minutes: a title, what it is about in a sentence, and where it stops."""

    name: str
    title: str
    about: str
    stops: tuple[Stop, ...]


@functools.cache
def lessons() -> tuple[Lesson, ...]:
    """Return all lessons, in the order of their numbers. Raises ValueError naming the file that cannot be read."""
    folder = sorted(files("explorer.cases").joinpath("lessons").iterdir(), key=attrgetter("name"))
    return tuple(_read(path.name, path.read_text("utf-8")) for path in folder if path.name.endswith(".toml"))


def _read(name: str, content: str) -> Lesson:
    try:
        head = tomllib.loads(content)
        stops = []
        for each in head.pop("step"):
            case = by_name()[each.pop("case")]
            stops.append(Stop(case.undone if each.pop("undone", False) else case, **each))
        return Lesson(name.removesuffix(".toml"), stops=tuple(stops), **head)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"explorer/cases/lessons/{name} must have a title, what it is about, and steps with a case: {error}") from error
