"""The command line: words or JSON, and an exit status that a script can act on."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from explorer.cli import main
from explorer.core.run.setup import Setup

EXPLODES = "step,loss\n" + "\n".join(f"{step},{1.5**step}" for step in range(20))
FALLS = "step,loss\n" + "\n".join(f"{step},{0.5**step}" for step in range(60))


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(arguments)
    return status, *capsys.readouterr()


def test_a_log_is_read_from_a_file_and_from_the_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for text, status, verdict in ((EXPLODES, 1, "diverged"), (FALLS, 0, "converged"), (EXPLODES, 1, "diverged"), ("3\n2\n", 0, None)):
        (tmp_path / "log").write_text(text)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        in_words, out, _ = answer(capsys, "diagnose", str(tmp_path / "log"))
        in_numbers, numbers, _ = answer(capsys, "diagnose", "-", "--json")
        found = json.loads(numbers)
        assert (in_words, in_numbers, found["verdict"]) == (status, status, verdict)
        assert out.splitlines()[:2] == [found["reading"], f"{found['sentence']}."]
        assert all(cause["change"] in out for cause in found["causes"][:3])


def test_of_several_runs_in_one_log_the_answer_says_which_is_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = ([f"{name},{step},{start * 0.98**step}" for step in range(150)] for name, start in (("a", 2.0), ("b", 0.04)))
    (tmp_path / "log").write_text("\n".join(["run,step,loss", *(row for rows in zip(one, two, strict=True) for row in rows)]))
    status, out, _ = answer(capsys, "diagnose", str(tmp_path / "log"))
    assert (status, out.splitlines()[0][-35:]) == (0, "the last of 2 runs, 'b', is judged.")
    assert "Converging" in out.splitlines()[1]


@pytest.mark.parametrize(
    ("link", "status", "edge"),
    [
        ("loss=quadratic&learning_rate=0.3", 1, 0.2),
        ("http://localhost:8501/sweep?v=1&loss=quadratic&learning_rate=0.1&view.seeds=2#top", 0, 0.2),
        ("v=1&loss=absolute&optimizer=lion&learning_rate=0", 0, None),
    ],
)
def test_edge_and_sweep_say_the_same(link: str, status: int, edge: float | None, capsys: pytest.CaptureFixture[str]) -> None:
    (one, words, _), (two, longer, _) = answer(capsys, "edge", link), answer(capsys, "sweep", link)
    assert one == two == status
    assert longer.endswith(words)
    assert len(words.splitlines()) == 3
    (_, first, _), (_, second, _) = answer(capsys, "edge", link, "--json"), answer(capsys, "sweep", link, "--json")
    few, many = json.loads(first), json.loads(second)
    rates = many.pop("rates")
    assert few == many
    assert few["edge"]["rate"] == edge
    assert few["sentence"] in words
    assert len(rates) > 100
    own = Setup.from_query(few["setup"]).learning_rate
    assert {each["verdict"] for each in rates if each["learning_rate"] == own} <= {few["verdict"]}
    if edge:
        assert few["holds"] <= edge * (1 + 1e-3) <= few["diverges"] * (1 + 2e-3)
    else:
        assert few["diverges"] is None


@pytest.mark.parametrize(("start", "falls"), [("1,0.01", True), ("1,0", False)])
def test_an_edge_at_which_runs_leave_a_saddle_is_said_to_be_one(start: str, falls: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """From exactly above the saddle they only overshoot; from beside it every rate leaves it, if it has enough steps."""
    _, words, _ = answer(capsys, "edge", f"loss=saddle&start={start}")
    assert ("fall without end, which more steps show at smaller rates too" in words) is falls
    _, numbers, _ = answer(capsys, "edge", f"loss=saddle&start={start}", "--json")
    found = json.loads(numbers)
    assert found["falls_without_end"] is falls
    assert ("it falls without end" in found["sentence"]) is falls
    _, more, _ = answer(capsys, "edge", f"loss=saddle&start={start}&steps=400", "--json")
    assert (json.loads(more)["diverges"] < found["diverges"] / 2) is falls


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("diagnose", "no such file"), "LOG must be a file that can be read, or -, got 'no such file': No such file or directory"),
        (("diagnose", "."), "Is a directory"),
        (("diagnose", ""), "got '': there is no file of this name"),
        (("edge", "loss=quadratic&loss=ravine"), "a link's loss must be one, said once, got 'quadratic' and 'ravine'"),
        (("sweep", "loss=x_squared&steps=1e7"), "steps must be ≤ 1,000,000, got 10,000,000"),
        (("edge", "loss=linear_regression&steps=1e6"), "steps must be ≤ 107,735 for 3 dimensions"),
        (("edge", "loss=nothing"), "loss must be one of"),
        (("edge", "quadratic"), "a link has no part named 'quadratic'"),
        (("sweep", "loss=x_squared&start=1e200"), "start must be where the loss is finite"),
        (("sweep", "loss=formula&loss.text=__import__('os').getcwd()", "--json"), "formula must"),
        (("sweep", "v=2&loss=x_squared"), "v must be 1"),
        (("site", ""), "folder must be the path of a folder, such as site"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence(
    arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, said = answer(capsys, *arguments)
    assert (status, out, said.count("\n")) == (2, "", 1)
    assert sentence in said


def test_nothing_that_a_log_says_is_a_command_to_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log").write_text(EXPLODES.replace("loss", "\x9b31mloss\u202e"))
    status, out, _ = answer(capsys, "diagnose", str(tmp_path / "log"))
    assert status == 1
    assert all(each.isprintable() or each == "\n" for each in out)
    assert main(["diagnose", "\x1b[31m"]) == 2
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [("edge",), ("edge", "a", "b"), ("nothing",), ("--json",)])
def test_a_wrong_call_shows_the_right_one(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "usage: divergence-explorer" in capsys.readouterr().err


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    said = " ".join(capsys.readouterr().out.split())
    assert all(name in said for name in ("diagnose", "edge", "sweep", "exit status is 1 where the run diverged"))


def test_who_reads_may_leave_early() -> None:
    """As `head -0` does: no traceback, and the status is that of the run."""
    asked = [sys.executable, "-m", "explorer", "sweep", "loss=x_squared&steps=50"]
    for _ in range(2):
        process = subprocess.Popen(asked, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == ""
        process.stderr.close()
        assert process.wait(120) in (0, 1)


@pytest.mark.parametrize(
    ("shell", "said"),
    [
        ("diagnose log > /dev/full", "the answer must be written somewhere: No space left on device"),
        ("diagnose log --json >&-", "the answer must be written somewhere: the standard output is closed"),
        ("diagnose - <&-", "LOG must be a file that can be read, or -, got '-': the standard input is closed"),
        ("diagnose nothing 2>&-", ""),
        ("diagnose nothing 2> /dev/full", ""),
    ],
)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_an_answer_that_nobody_gets_is_no_verdict(shell: str, said: str, tmp_path: Path) -> None:
    """A full disk and closed streams: the status is never the 1 of a run that diverged, as this one has."""
    (tmp_path / "log").write_text(EXPLODES)
    asked = ["bash", "-c", f'PYTHONPATH="{Path(__file__).parents[1]}" "{sys.executable}" -m explorer {shell}']
    done = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"divergence-explorer: {said}\n" * bool(said)


def test_a_verdict_stands_apart_from_a_long_range(capsys: pytest.CaptureFixture[str]) -> None:
    main(["sweep", "loss=linear_regression&optimizer=nesterov"])
    rows = [line for line in capsys.readouterr().out.splitlines() if re.match(r"[\d.]+ ", line)]
    assert len(rows) >= 3
    assert all(re.search(r"\d  +[a-z]+$", row) for row in rows)
    assert len({row.rindex(" ") for row in rows}) == 1
