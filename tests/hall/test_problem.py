"""What a round asks: all that decides a run is told, and nothing of its answer; the answer agrees with itself."""

from __future__ import annotations

import itertools
import math
import re
from itertools import combinations, pairwise

import pytest

from explorer import Setup, judge
from explorer.core.ground.prose import plain
from explorer.figures.bets import strip
from explorer.hall.pages import Own, result, student
from explorer.hall.problem import Problem, still
from explorer.hall.routes import number, offered
from explorer.hall.store import Bet, Room, State
from explorer.site.questions import ENDLESS


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


def test_the_edge_of_the_words_is_the_edge_of_the_zones_and_no_run_diverges_at_it() -> None:
    for case in offered()[::3]:
        problem = Problem.of(case.setup)
        assert problem.edge in problem.begins
        assert problem.verdict(problem.edge) != "diverged" == problem.verdict(problem.edge * 1.001)
        assert judge(case.setup.run([problem.edge])).verdict[0] != "diverged"


def test_a_bet_at_the_edge_is_on_the_safe_side_wherever_the_edge_was_rounded() -> None:
    """Four digits are told of an edge: a bet of these is at it, whether they are a little below or above what was found."""
    for edge in (2.0, 0.38004, 0.37996, 1 / 3, 2 / 3):
        told = float(plain(edge, 4))
        problem = Problem({}, "", "", 0.01, 100.0, edge, "", ("converged", "diverged"), (0.01, edge))
        for rate, safe in ((told * 0.99, 1), (told, 1), (edge, 1), (told * 1.01, 0), (told, 1)):
            standing = problem.standing([rate])
            assert standing
            assert (standing.safe, problem.verdict(rate)) == (safe, "converged" if safe else "diverged")


@pytest.mark.parametrize("width", [360, 900])
def test_every_verdict_has_its_name_and_no_name_lies_on_another_or_is_crossed_by_a_line(width: int) -> None:
    """Wherever the edge and the median are, with zones from wide to none."""
    words, grid = ("slow", "converging", "oscillating", "diverged"), [10 ** (i / 4 - 2) for i in range(17)]
    for edge, middle, share in itertools.product(grid[1:], grid, (0.5, 0.01)):
        zones = [*zip(words, (0.01, 0.01 + (edge - 0.01) * share, edge * 0.999, edge), strict=True)]
        drawn = strip(zones, (0.01, 100.0), [], {"edge": edge, "median": middle}, alt="", width=width)
        named = re.findall(r'<text x="(\d+)" y="(\d+)" text-anchor="(\w+)">(.*?)</text>', drawn)
        shift = {"start": 0.0, "middle": -0.5, "end": -1.0}
        boxes = [
            (int(x) + shift[anchor] * 7.5 * len(text), 7.5 * len(text), int(y), text) for x, y, anchor, text in named if text[0].isalpha()
        ]
        assert sorted(text for *_, text in boxes if text in words) == sorted(words)
        assert drawn.count('class="ground"') == len(words)
        assert drawn.rindex('class="mark"') < drawn.index('class="ground"'), "a line is drawn over a name"
        for left, wide, y, text in boxes:
            assert left >= -1, text
            assert left + wide <= width + 1, text
            others = [(start, length) for start, length, height, other in boxes if height == y and other != text]
            assert all(start >= left + wide - 1 or start + length <= left + 1 for start, length in others), text
            lines = [float(x) for x, top in re.findall(r'd="M([\d.]+) (\d+)V\d+" class="mark"', drawn) if int(top) < y - 14]
            assert text in words or not [x for x in lines if left + 1 < x < left + wide - 1], text


@pytest.mark.parametrize("width", [360, 900])
def test_every_dot_is_whole_and_its_center_is_where_its_rate_is_on_the_ruler(width: int) -> None:
    """Bets at both ends, at the edge, at the median, in crowds, and five thousand of them."""
    ends, few = (0.01, 100.0), [0.01, 100.0, 2.0, 2.5, 2.5, 2.51, 0.01, 0.5]
    many = [10 ** (4 * (i * 7919 % 5000) / 4999 - 2) for i in range(5000)]
    for rates in (few, many, [2.5] * 3000, [2.5] * 100 + few, [2.5]):
        drawn = strip([("converged", 0.01), ("diverged", 2.0)], ends, rates, {"edge": 2.0, "median": 2.5}, alt="", width=width)
        marks = [float(x) for x in re.findall(r'd="M([\d.]+) \d+V', drawn)]
        dots = sorted((float(x), float(y)) for x, y in re.findall(r"M([\d.]+) ([\d.]+)h0", drawn))
        size, ground = (float(re.findall(each, drawn)[0]) for each in ('dots" stroke-width="(.*?)"', r"V(\d+)"))
        places = [12 + (width - 24) * (math.log10(rate) + 2) / 4 for rate in sorted(rates)]
        assert [x for x, _ in dots] == pytest.approx(places, abs=0.051)
        assert marks == pytest.approx([12 + (width - 24) * (math.log10(rate) + 2) / 4 for rate in (2.0, 2.5)], abs=0.051)
        assert all(size / 2 <= x <= width - size / 2 and size / 2 <= y <= ground - 24 - size / 2 for x, y in dots)
        if len(rates) < 3000:  # none hides another
            assert all(math.dist(one, other) > 0.9 * size for one, other in combinations(dots, 2))


def test_a_loss_without_lower_end_says_so_before_and_after() -> None:
    problem = Problem.of(Setup("saddle"))
    assert ENDLESS.strip() in problem.shown
    assert ENDLESS in problem.reason
    assert ENDLESS.strip() not in still(Setup("ravine"))


def test_a_student_reads_by_how_much_the_bet_was_off() -> None:
    problem = Problem.of(Setup("quadratic", knobs={"loss.eigenvalues": (1, 10)}))
    room = Room("ABCDEF", "", State.REVEALED, 1, 0, "", 1)
    for rate, said in (
        (0.3, "You bet 0.3, 1.5 times too high (the edge is 0.2); a run at your rate: diverged. That is 67 points."),
        (0.1, "You bet 0.1, 2 times too low (the edge is 0.2); a run at your rate: converged. That is 50 points."),
        (0.2, "You bet 0.2, right at the edge (the edge is 0.2); a run at your rate: oscillating. That is 100 points."),
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
