"""The claims of papers in docs/papers: every script prints the paper's number beside ours, and they agree as far as it says."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest

PAPERS = Path(__file__).parents[1] / "docs" / "papers"
SCRIPTS = sorted(PAPERS.glob("*.py"))
SMALLER = {"sohl_dickstein_2024": ["32"]}
"""What a script is given that would take longer than the rest together: its own smaller size."""

NUMBER = r"-?\d[\d.]*(?:e-?\d+)?"
CLAIM = re.compile(rf"paper: ({NUMBER})(?: to ({NUMBER}))?, here: ({NUMBER}), (?:within ({NUMBER}): )?\w.+")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_what_a_paper_claims_is_measured(script: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the share of the paper's number that the line gives with its reason, or in the paper's range."""
    monkeypatch.setattr(sys, "argv", [str(script), *SMALLER.get(script.stem, [])])
    runpy.run_path(str(script), run_name="__main__")
    lines = [line for line in capsys.readouterr().out.splitlines() if "paper:" in line]
    assert lines
    for line in lines:
        claim = CLAIM.search(line)
        assert claim, line
        low, high, here, within = (float(each) if each else None for each in claim.groups())
        assert low is not None
        assert here is not None
        assert (high is None) == (within is not None), "a number has a tolerance, a range has none"
        assert here == pytest.approx(low, rel=within, abs=0) if high is None else low < here < high, line


def test_a_script_is_short_and_in_the_table() -> None:
    table = (PAPERS / "README.md").read_text(encoding="utf-8")
    assert [script.name for script in SCRIPTS if len(script.read_text(encoding="utf-8").splitlines()) > 30] == []
    assert sorted(re.findall(r"^\| \[(\w+\.py)\]", table, re.MULTILINE)) == [script.name for script in SCRIPTS]
