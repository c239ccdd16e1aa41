"""One run has one verdict, and one word for it, whichever door is asked."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from explorer import Setup, Verdict, diagnose, judge, sweep
from explorer.core.networks.training import ending, train
from explorer.core.networks.trials import trials
from explorer.core.verdict.explanation import Explanation
from explorer.core.verdict.sentence import TABLE
from explorer.figures.microscope import magnify
from explorer.ui.casebook import Case, cases
from explorer.ui.seen import see
from tests.ui.reading import number

RUNS: dict[Verdict, dict[str, Any]] = {
    Verdict.CONVERGED: {"loss": "x_squared", "learning_rate": 0.3},
    Verdict.CONVERGING: {"loss": "quadratic", "learning_rate": 0.05, "knobs": {"loss.eigenvalues": (1.0, 10.0)}},
    Verdict.SLOW: {"loss": "x_squared", "learning_rate": 1e-6},
    Verdict.OSCILLATING: {"loss": "absolute", "learning_rate": 0.4, "start": (1.05,)},
    Verdict.NOISY: {
        "loss": "linear_regression",
        "learning_rate": 0.3,
        "batch_size": 5,
        "steps": 2000,
        "knobs": {"loss.data": "noisy_line"},
    },
    Verdict.STUCK: {"loss": "saddle", "learning_rate": 0.1, "start": (1.0, 0.0), "steps": 200},
    Verdict.CATAPULT: {"loss": "uv", "learning_rate": 2.2, "steps": 500},
    Verdict.DIVERGED: {"loss": "x_squared", "learning_rate": 1.1},
}
TRAININGS: dict[Verdict, dict[str, Any]] = {
    Verdict.CONVERGING: {"learning_rate": 0.5, "steps": 300},
    Verdict.SLOW: {"learning_rate": 1e-3, "steps": 100},
    Verdict.STUCK: {"learning_rate": 0.5, "steps": 100, "knobs": {"loss.hidden_scale": 0.0, "loss.output_scale": 0.0}},
    Verdict.DIVERGED: {"learning_rate": 100.0, "steps": 100, "knobs": {"loss.objective": "squared_error"}},
}
UNSEEN = {Verdict.CONVERGING, Verdict.SLOW, Verdict.STUCK}
"""What depends on a minimum, or a gradient, that the losses do not show."""


def test_every_verdict_has_its_own_word() -> None:
    assert set(TABLE) == set(Verdict)
    assert len({TABLE[each][0] for each in Verdict}) == len(Verdict)


@pytest.mark.parametrize("verdict", RUNS, ids=str)
def test_a_run_has_one_word_at_every_door(verdict: Verdict) -> None:
    setup = Setup(**RUNS[verdict])
    path = setup.run()
    swept = sweep(setup.make_loss(), setup.make_optimizer(), setup.learning_rate, **setup.conditions())
    seen = see("step_size", setup.to_query())
    head = TABLE[verdict][0]
    assert [judge(path).verdict[0], swept.verdict[0], seen.verdict] == [verdict] * 3
    assert judge(path).sentence().startswith(f"{head}: ")
    assert swept.sentence().startswith(f"{head}: ")
    assert Explanation.of(path).sentence(0).startswith(f"**{head}**: ")
    assert seen.sentence.startswith(f"**{head}**: ")
    if verdict not in UNSEEN:
        assert diagnose(path.loss[:, 0], stochastic=setup.batch_size is not None).sentence.startswith(f"{head}: ")


@pytest.mark.parametrize("verdict", TRAININGS, ids=str)
def test_a_training_has_the_word_of_its_run_and_of_its_ruler(verdict: Verdict) -> None:
    setup = Setup("network", **TRAININGS[verdict])
    *_, history = train(setup)
    tried = next(trials(setup))  # its own rate is among the first
    head, here = TABLE[verdict][0], tried.ruler.position(setup.learning_rate)
    seen = see("network", setup.to_query())
    assert [history.verdict, judge(setup.run()).verdict[0], tried.verdict[here], seen.verdict] == [verdict] * 4
    assert ending(history) == seen.sentence
    assert seen.sentence.startswith(f"**{head}**: ")
    assert tried.words[here].startswith(f"{head}: ")
    assert np.isfinite(history.train[0])


STEPPED = [case for case in cases() if case.page == "step_size"]


@pytest.mark.parametrize("case", STEPPED, ids=lambda case: case.name)
def test_every_sentence_of_a_preset_says_what_its_numbers_say(case: Case) -> None:
    """At both ends of its switch: the run's sentence, and those of all its steps under the microscope."""
    for each in (case, case.undone):
        path = each.setup.run()
        told, loss = Explanation.of(path), path.loss[:, 0]
        sentence = told.sentence(0)
        for step in re.findall(r"(?:became \S+ at|is left at|is left from) step ([\d,]+)", sentence):
            at, lowest = int(step.replace(",", "")), float(path.objective.minimum or 0)
            gone, left = ~np.isfinite(loss), loss - lowest > 1e-6 * (loss[0] - lowest)
            assert (gone if "became" in sentence else ~left)[at:].all(), sentence
            assert (gone if "became" in sentence else ~left)[at - 1] == 0, sentence
        for final, start in re.findall(r"the loss is (?:still )?(.+?), from (.+?)(?:;| by|\.$|\.\s)", sentence):
            assert number(final) == pytest.approx(loss[-1], rel=6e-3)
            assert number(start) == pytest.approx(loss[0], rel=6e-3)
        lens = magnify(path, 0)
        for words in lens.words if lens is not None else ():
            terms = re.search(r"= ([+−]?\d.*?), the curvature adds ([+−]?\d.*?); ", words)
            if terms is None:
                continue
            slope, bend = abs(number(terms[1].replace("+", ""))), abs(number(terms[2].replace("+", "")))
            assert ("the first is the larger" in words) <= (slope > bend), words
            assert ("the second outgrows" in words) <= (bend > slope), words
            assert ("the two cancel" in words) <= (slope == bend), words
        if each is case:
            rises = re.search(r"rises from the first step|falls at first", case.text)
            assert rises is None or ("rises" in rises[0]) == bool(loss[1] > loss[0])
