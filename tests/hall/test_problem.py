"""What a round asks: all that decides a run is told, and nothing of its answer; the answer agrees with itself."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from explorer import Setup
from explorer.core.ground.prose import plain
from explorer.figures.bets import strip
from explorer.hall.pages import Own, result, student
from explorer.hall.problem import Problem, still
from explorer.hall.routes import number, offered
from explorer.hall.store import Bet, Room, State


@pytest.mark.parametrize(
    ("setup", "told"),
    [
        (Setup("formula"), ["x^2 + 10*sin(y)^2", "from (1, 1)", "where the loss is 8.08"]),
        (Setup("ravine", "momentum"), ["condition number 100", "momentum β 0.9"]),
        (Setup("x_squared", start=(3,), gradient_noise=0.5, clip_norm=2), ["from 3,", "noise of 0.5", "a length of 2"]),
        (Setup("network", "adam", steps=7), ["hidden layers 16,16", "beta2 0.999", "7 steps"]),
        (Setup("ravine", knobs={"loss.condition_number": 7}), ["condition number 7"]),
    ],
)
def test_all_that_decides_a_run_is_told(setup: Setup, told: list[str]) -> None:
    shown = still(setup)
    assert [each for each in told if each not in shown] == []


def test_two_problems_that_differ_are_told_apart() -> None:
    """The cases that a class can bet on: none looks like another that has another edge."""
    edges: dict[str, float] = {}
    for case in offered():
        problem = Problem.of(case.setup)
        assert edges.setdefault(problem.shown, problem.edge) == pytest.approx(problem.edge), case.title


def test_the_edge_of_the_words_is_the_edge_of_the_zones() -> None:
    for case in offered()[::3]:
        problem = Problem.of(case.setup)
        assert problem.edge in problem.begins
        assert problem.verdict(problem.edge) == "diverged" != problem.verdict(problem.edge * (1 - 1e-9))


def test_no_dot_lies_on_the_other_side_of_the_edge() -> None:
    """Five safe bets within a percent of the edge, and five beyond it, on a phone and before the hall."""
    problem = Problem.of(Setup("formula", knobs={"loss.text": "x^2 + 3*y^2"}))
    rates = [problem.edge * (1 + step / 400) for step in (-5, -3, -2, -1, -0.1, 0.1, 1, 2, 3, 5)]
    for width in (360, 760):
        drawn = strip(
            [*zip(problem.words, problem.begins, strict=True)],
            (problem.low, problem.high),
            rates,
            {"edge": problem.edge},
            alt="",
            width=width,
        )
        edge = float(re.findall(r'd="M([\d.]+) 4V', drawn)[0])
        dots = re.findall(r"M([\d.]+) [\d.]+h0((?:m0 -[\d.]+h0)*)", drawn)
        places = [float(x) for x, more in dots for _ in range(1 + more.count("m0"))]
        assert sum(place < edge for place in places) == sum(place > edge for place in places) == 5


def test_a_student_reads_by_how_much_the_bet_was_off() -> None:
    problem = Problem.of(Setup("quadratic", knobs={"loss.eigenvalues": (1, 10)}))
    room = Room("ABCDEF", "", State.REVEALED, 1, 0, "", 1)
    for rate, said in (
        (0.3, "You bet 0.3, 1.5 times too high (the edge is 0.2); a run at your rate: diverged. That is 67 points."),
        (0.1, "You bet 0.1, 2 times too low (the edge is 0.2); a run at your rate: converged. That is 50 points."),
        (0.2001, "You bet 0.2001, right at the edge (the edge is 0.2); a run at your rate: diverged. That is 100 points."),
    ):
        assert said in student(room, problem, Own(rate, 1, ""), "")
    told = result([problem], [Bet(1, "a", 0.3, 1, "", False)], 1, 360)
    assert f"The edge is {plain(problem.edge, 4)}." in told
    assert all(low < high for low, high in pairwise(problem.begins))


def test_the_scale_of_a_phone_is_written_as_it_can_be_typed() -> None:
    """A number with a comma is refused, so none is shown, wherever the range lies."""
    room = Room("ABCDEF", "", State.OPEN, 1, 0, "", 0)
    for low in (1e-6, 0.1, 10.0, 1e3):
        problem = Problem({}, "", "", low, low * 1e4, low * 50, "", ("diverged",), (low,))
        scale = re.findall('class="ends" aria-hidden="true">(.*?)</div>', student(room, problem, Own(None, 0, ""), ""))[0]
        assert [number(each) for each in re.findall("<span>(.*?)</span>", scale)] == pytest.approx([low * 10**k for k in range(5)])


@pytest.mark.parametrize("scale", ["1e200", "1e-200"])
def test_the_verdicts_of_a_ruler_far_from_1_begin_one_after_the_other(scale: str) -> None:
    problem = Problem.of(Setup("formula", knobs={"loss.text": f"{scale}*x^2"}, start=(1.0,)))
    assert all(low < high for low, high in pairwise((0.0, *problem.begins, problem.high)))
    assert [problem.verdict(problem.edge * factor) for factor in (0.5, 2)] == ["converged", "diverged"]
