"""Every case is true: its setup does what its head says, and so does the setup after the switch."""

from __future__ import annotations

import pytest

from explorer.core.verdict import Verdict, judge
from explorer.ui.casebook import Case, cases, read

SINGLE = [case for case in cases() if case.page == "step_size"]


@pytest.mark.parametrize("case", SINGLE, ids=lambda case: case.name)
def test_a_case_is_true(case: Case) -> None:
    assert str(judge(case.setup.run()).verdict[0]) == case.must
    assert case.switch, "a case can be made to go away with one change"
    assert str(judge(case.switched.run()).verdict[0]) == case.then
    assert case.setup != case.switched


@pytest.mark.parametrize("case", SINGLE, ids=lambda case: case.name)
def test_a_case_is_written_as_a_link(case: Case) -> None:
    """What is in the head is all that is needed, and nothing in it is a default that may change under it."""
    assert case.query["v"] == "1"
    assert {"loss", "optimizer", "learning_rate"} <= case.query.keys()


def test_every_case_has_words() -> None:
    for case in cases():
        assert all([case.title, case.label, case.question, case.text, case.page]), case.name
        assert case.must, case.name
    assert len({(case.page, case.label) for case in cases()}) == len(cases())


def test_the_verdicts_of_cases_are_verdicts() -> None:
    known = {str(each) for each in Verdict}
    for case in (each for each in cases() if each.page != "network"):  # its words are of training: see test_network.py
        assert {each.strip() for each in f"{case.must},{case.then or case.must}".split(",")} <= known, case.name


@pytest.mark.parametrize("content", ["", "no head", "+++\nnot toml\n+++\ntext", '+++\ntitle = "T"\n+++\ntext'])
def test_a_file_that_is_no_case_is_named(content: str) -> None:
    with pytest.raises(ValueError, match=r"explorer/cases/99_x\.md must be"):
        read("99_x.md", content)
