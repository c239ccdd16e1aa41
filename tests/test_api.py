"""The reference in docs/api: its pages are those of the docstrings, every public name says what it must, and every example runs."""

from __future__ import annotations

import doctest
import functools
import importlib.util
import re

import griffe
import pytest

from docs import make_api
from docs.make_api import DOORS, FOLDER, HEAD, NEAR, SOURCE, found, pages, public, words

NAMES = pytest.mark.parametrize("name", sorted(DOORS))


@functools.cache
def results() -> set[str]:
    """The classes that another public name returns, as `sweep` an `Outcome`: nobody calls them, so they refuse nothing."""
    said = [str(found(name).returns) for name in DOORS if isinstance(found(name), griffe.Function)]
    return {word for each in said for word in re.findall(r"\w+", each)} & DOORS.keys()


def refuses(name: str) -> bool:
    """Whether it is called with what somebody typed: a function, or a class that people make themselves."""
    thing = found(name)
    bases = {str(each) for each in thing.bases} if isinstance(thing, griffe.Class) else set()
    return not isinstance(thing, griffe.Attribute) and name not in results() and not bases & {"Protocol", "StrEnum", "Exception"}


def untold(name: str) -> set[str]:
    """Arguments, or fields of a class, of which neither the docstring speaks nor a type that is a public name, as `loss: Loss | str`."""
    thing = found(name)
    function = thing.members.get("__init__") if isinstance(thing, griffe.Class) else thing
    if not isinstance(function, griffe.Function):
        return set()
    prose = words(thing).partition(">>>")[0]
    if "`Conditions`" in prose:  # its page has them too
        prose += words(SOURCE[NEAR["Conditions"]])
    typed = {each.name for each in function.parameters if {*re.findall(r"\w+", str(each.annotation))} & DOORS.keys()}
    said = {each.name for each in function.parameters if re.search(rf"\b{each.name}\b", prose)}
    return {each.name for each in function.parameters if each.name != "self" and not each.name.startswith("_")} - typed - said


def test_the_pages_are_those_that_the_docstrings_give() -> None:
    """Where they are out of date, `python -m docs.make_api` writes them anew."""
    there = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    now = pages()
    assert [name for name in there.keys() | now.keys() if there.get(name) != now.get(name)] == [], "run python -m docs.make_api"


@NAMES
def test_a_public_name_says_what_it_does_takes_refuses_and_is_beside(name: str) -> None:
    text = words(found(name))
    summary = text.partition("\n")[0]
    assert summary.endswith((".", ":")), "its first line is a sentence"
    assert untold(name) == set(), "what are these arguments?"
    assert not refuses(name) or re.search(r"\bRaises [A-Z]\w+", text), "what does it refuse?"
    assert ">>> " in text, "it needs an example"
    (beside,) = re.findall(r"^See also: (.*?)(?:\.(?: |$)|\.?\n\n)", text + "\n\n", re.MULTILINE | re.DOTALL)
    others = re.findall(r"`(\w+)`", beside)
    assert others, beside
    assert name not in others
    assert set(others) <= DOORS.keys(), beside


@NAMES
def test_the_example_of_a_page_runs_as_it_stands(name: str) -> None:
    """After the two lines that docs/api/README.md says, and nothing else."""
    for library in re.findall(r"^>>> import (\w+)", text := words(found(name)), re.MULTILINE):
        if importlib.util.find_spec(library) is None:
            pytest.skip(f"{library} is not installed")
    known: dict[str, object] = {}
    exec(HEAD, known)
    module, _, own = public(name).rpartition(".")
    known[own] = getattr(importlib.import_module(module), own)
    runner = doctest.DocTestRunner(optionflags=doctest.REPORT_ONLY_FIRST_FAILURE)
    said: list[str] = []
    runner.run(doctest.DocTestParser().get_doctest(text, known, name, None, None), out=said.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(said)


def test_the_examples_of_the_writer_itself_run() -> None:
    assert doctest.testmod(make_api).failed == 0


def test_every_class_that_a_page_names_is_explained() -> None:
    """It has a page, or stands on the page that speaks of it."""
    sources = [path.read_text(encoding="utf-8") for path in (FOLDER.parents[1] / "explorer").rglob("*.py")]
    classes = {name for text in sources for name in re.findall(r"^class ([A-Z]\w+)", text, re.MULTILINE)}
    assert {*NEAR} < classes
    for path in {*FOLDER.glob("*.md")} - {FOLDER / "README.md"}:
        text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        named = classes.intersection(re.findall(r"`([A-Z]\w+)`", text)) - {*DOORS}
        assert [name for name in named if f"\n## {name}\n" not in text] == [], path.name
