"""The words of the field, a line each: what the app's pages and those of a class explain them by."""

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path

from explorer.site.casebook import Case, by_name


@dataclass(frozen=True)
class Word:
    """A word, what it means in one line, the case that shows it, and how else it is spelled."""

    term: str
    line: str
    case: Case
    spelled: tuple[str, ...] = ()


@functools.cache
def glossary() -> tuple[Word, ...]:
    """Return all words, by the alphabet."""
    listed = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    words = (Word(term, each["line"], by_name()[each["case"]], tuple(each.get("spelled", ()))) for term, each in listed.items())
    return tuple(sorted(words, key=lambda word: word.term.casefold()))
