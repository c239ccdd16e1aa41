"""The words of the field: every one has a line, a case that shows it, and its place in the documents."""

from __future__ import annotations

import re

import pytest

from explorer.core.verdict.verdict import Verdict
from explorer.site.glossary import Word, glossary
from explorer.ui.glossary import DOCUMENT, printed
from explorer.ui.way import lab

EXPLAINED = {word.term: word for word in glossary()}


def test_the_document_says_what_the_pages_say() -> None:
    """Where it is out of date, `python -m explorer.ui.glossary` writes it anew."""
    assert DOCUMENT.read_text(encoding="utf-8") == printed()


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_is_explained_by_a_case_that_has_it(verdict: Verdict) -> None:
    assert EXPLAINED[verdict].case.must == verdict


@pytest.mark.parametrize("word", glossary(), ids=lambda word: word.term)
def test_a_word_has_one_line_and_a_case_on_a_page(word: Word) -> None:
    assert lab(word.case.page), "its case can be opened"
    assert word.line.endswith(".")
    assert len(word.line) <= 160
    for spelling in (word.term, *word.spelled):
        assert re.fullmatch(r"[\w '-]+", spelling), "it is searched for as it is written"


def test_no_two_words_are_spelled_alike() -> None:
    every = [spelling.casefold() for word in glossary() for spelling in (word.term, *word.spelled)]
    assert len(set(every)) == len(every)
