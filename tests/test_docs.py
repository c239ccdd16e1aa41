"""What the documents say of the code is so: whatever a document or a docstring refers to by number or by name exists."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

from tests.test_floors import imports

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
ARCHITECTURE = DOCS / "architecture.md"
THEORY, CASES = ((DOCS / name).read_text(encoding="utf-8") for name in ("theory.md", "cases.md"))
ENTRIES: list[tuple[str, str]] = re.findall(r"^\*\*(\d+)\. (.*?)(?=^\*\*\d+\. |^## |\Z)", THEORY, re.MULTILINE | re.DOTALL)
KNOWN = {number for number, _ in ENTRIES} | set(re.findall(r"^\| ([QS]\d[a-z]?) \|", CASES, re.MULTILINE))
"""The numbers of the theory and the rows of the cases."""


def cited(text: str) -> Iterator[str]:
    """Every number or row that a text cites.

    >>> list(cited("a loss (THEORY 9, 10 and 53; CASES S2b)")), list(cited("CASES.md, THEORY 1.6"))
    (['9', '10', '53', 'S2b'], ['CASES.md', '1.6'])
    """
    for found in re.finditer(r"\b(?:THEORY|CASES)(?:[.]md| [QS]?\d[\d.]*[a-z]?(?:(?:, | and | to )[QS]?\d[\d.]*[a-z]?)*)", text):
        yield from re.findall(r"[A-Z]+[.]md|[QS]?\d+(?:\.\d+)?[a-z]?", found[0])


@functools.cache
def names_in(place: str) -> list[str]:
    """The names of the tests in a file under tests/."""
    tree = ast.parse((ROOT / "tests" / place).read_text(encoding="utf-8"))
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]


def test_every_citation_leads_somewhere() -> None:
    paths = [path for folder in ("explorer", "tests", "benchmarks", "docs") for path in (ROOT / folder).rglob("*.*")]
    texts = {path: path.read_text(encoding="utf-8") for path in paths if path.suffix in {".py", ".md"} and path != Path(__file__)}
    found = [(path.name, each) for path, text in texts.items() for each in cited(text)]
    assert len(found) > 40
    assert [(name, each) for name, each in found if each not in KNOWN] == []


def test_every_number_in_the_name_of_a_test_is_one_of_the_theory_or_the_cases() -> None:
    places = [path.relative_to(ROOT / "tests").as_posix() for path in (ROOT / "tests").rglob("test_*.py")]
    found = [(name, re.match(r"test_(\d+|[qs]\d[a-z]?)_", name)) for place in places for name in names_in(place)]
    assert [name for name, number in found if number and number[1].capitalize() not in KNOWN] == []


def test_every_number_of_the_theory_has_a_source_and_tests_that_exist() -> None:
    assert [number for number, _ in ENTRIES] == [str(i + 1) for i in range(len(ENTRIES))]
    for number, text in ENTRIES:
        _, source, tested = re.split(r"\*(?:Source|Tested):\* ", text)
        tests = re.findall(r"`([\w/]+\.py)::(\w+)`", tested)
        assert source, number
        assert tests, number
        assert [name for place, name in tests if name not in names_in(place)] == [], number


def test_every_link_between_the_documents_exists() -> None:
    for path in (*DOCS.rglob("*.md"), *ROOT.glob("*.md")):
        prose = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        links = re.findall(r"\]\((?!https?:)([^)#]+)", prose)
        assert [link for link in links if not (path.parent / link).exists()] == [], path.name


SHELVES = ["data", "schedules", "optimizers", "losses"]
ORDER = [
    "ground",
    *SHELVES,
    "files",
    "theory",
    "verdict",
    "run",
    "diagnosis",
    "networks",
    "maps",
    "doors",
    "cli",
    "bridges",
    "figures",
    "site",
    "hall",
    "ui",
]
"""Rooms from the ground up; one that is not named here comes last."""


def room(module: str) -> str:
    """The room of a module: `explorer.core.theory.edge` is in `theory`, `explorer.ui.panel` in `ui`, `explorer` itself is the doors."""
    _, *rest = module.removesuffix(".__init__").split(".")
    return "doors" if not rest else rest[min(1, len(rest) - 1)] if rest[0] == "core" else rest[0]


def map_of_imports() -> str:
    """A row for each room, with a dot under the rooms that it imports."""
    arrows = set()
    for path in (ROOT / "explorer").rglob("*.py"):
        place = path.relative_to(ROOT).as_posix()
        here = room(place.removesuffix(".py").replace("/", "."))
        arrows |= {(here, room(name)) for _, name in imports(place, path.read_text(encoding="utf-8")) if name.startswith("explorer.")}
    rooms = sorted({end for arrow in arrows for end in arrow}, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))
    rows = ["".join("  ■" if one == other else "  ●" if (one, other) in arrows else "  ·" for other in rooms) for one in rooms]
    numbers = range(1, len(rooms) + 1)
    head = "".join(f"{number:3}" for number in numbers)
    return f"{'':13}{head}\n" + "".join(f"{number:2} {name:10}{row}\n" for number, name, row in zip(numbers, rooms, rows, strict=True))


def test_the_map_of_imports_is_that_of_the_code() -> None:
    """Where it is out of date, `python -m tests.test_docs` writes it anew."""
    assert map_of_imports() in ARCHITECTURE.read_text(encoding="utf-8"), "docs/architecture.md is out of date: python -m tests.test_docs"


def test_what_the_architecture_walks_through_exists() -> None:
    stops = re.findall(r"`((?:ui|core|figures|site)/[\w/]+\.\w+)(?:::(\w+))?`", ARCHITECTURE.read_text(encoding="utf-8"))
    assert len(stops) > 10
    for place, name in stops:
        source = (ROOT / "explorer" / place).read_text(encoding="utf-8")
        assert not name or re.search(rf"^(?:def|class) {name}\b", source, re.MULTILINE), f"{place} has no {name}"


if __name__ == "__main__":
    text = re.sub(r"(?<=<!-- now -->\n```text\n)[^`]*", map_of_imports(), ARCHITECTURE.read_text(encoding="utf-8"))
    ARCHITECTURE.write_text(text, encoding="utf-8")
