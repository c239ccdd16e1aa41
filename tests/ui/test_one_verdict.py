"""One run has one verdict, and one word for it, whichever door is asked."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from explorer import Setup, Verdict, diagnose, judge, sweep
from explorer.core.networks.planes import View, cautions, finding, on_path, summary, survey
from explorer.core.networks.training import ending, train
from explorer.core.networks.trials import trials
from explorer.core.verdict.explanation import Explanation
from explorer.core.verdict.sentence import TABLE
from explorer.figures.microscope import magnify
from explorer.site.casebook import Case, cases
from explorer.site.seen import see
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


def small(setup: Setup) -> Setup:
    """The same in a few seconds: fewer steps, examples and layers."""
    known, knobs = setup.parameters("loss"), dict(setup.knobs)
    if "loss.examples" in known:
        knobs["loss.examples"] = max(60, setup.batch_size or 0)
    knobs |= {name: knobs[name][:3] for name in ("loss.hidden",) if len(knobs.get(name, ())) > 3}
    return replace(setup, steps=min(setup.steps, 80)).with_knobs(knobs)


def close(text: str, value: float, digits: int = 3) -> bool:
    """Whether a number that was read is this one, in its first digits."""
    return number(text) == pytest.approx(value, rel=0.51 * 10.0 ** (1 - digits))


def presets_of(page: str) -> list[Any]:
    chosen = [each for case in cases() if case.page == page for each in (case, case.undone)]
    return [pytest.param(each, id=f"{each.name}-{i % 2}") for i, each in enumerate(chosen)]


@pytest.mark.parametrize("case", presets_of("network"))
def test_every_sentence_of_a_network_preset_says_what_its_numbers_say(case: Case) -> None:
    *_, history = train(small(case.setup))
    said, train_loss = ending(history), np.array(history.train)
    gradients = [norm for name, norm in history.norms[-1].items() if name.startswith("W")]
    named: dict[str, tuple[float, ...]] = {
        r"after (\S+) steps the loss is (?:still )?(.+?), from (.+?)(?: by way|;|\.$)": (history.total, train_loss[-1], train_loss[0]),
        r"became inf or nan at step ([\d,]+)": (history.lost_at,),
        r"the loss stays at ([^;]+);": (train_loss[-1],),
        r"the sharpness (?:is|was) (.+?), and this rate tolerates curvature up to (.+?)(?:, so|;|\.$)": (
            history.sharpness[-1],
            history.edge[-1],
        ),
        r"a constant answer reaches (.+?)(?:;|\.$)": (float(history.loss.best_constant),),
        r"(\S+) % of the units of layer": (100 * max(history.dead[-1], default=0.0),),
        r"gradient of the first layer is (.+?), of the last (.+)\.": (gradients[0], gradients[-1]),
    }
    read = 0
    for pattern, numbers in named.items():
        found = re.search(pattern, said)
        if found is not None:
            read += 1
            digits = 2 if "gradient" in pattern else 3
            assert all(close(text, value, digits) for text, value in zip(found.groups(), numbers, strict=True)), (said, numbers)
    assert read or "jumps" in said, said
    tolerated = np.array(history.ratio)
    assert ("beyond the edge" in said) <= (tolerated[-1] > 1), said
    if beyond := re.search(r"after (\d+) of the last (\d+) looks, where the rate is (\S+) %", said):
        assert "this is the edge of stability" in said
        assert 0 < int(beyond[1]) <= int(beyond[2])
        assert close(beyond[3], 100 * np.nanmean(tolerated[-int(beyond[2]) :]))
    assert ("edge of stability" in said) == (beyond is not None), said
    assert ("did not rise" in said) <= bool((np.diff(train_loss) <= 1e-6 * train_loss[:-1])[-5:].all()), said


@pytest.mark.parametrize("case", presets_of("landscape"))
def test_every_sentence_of_a_landscape_preset_says_what_its_numbers_say(case: Case) -> None:
    view = View.salvage({name: text for name, text in case.query.items() if name.startswith("view.")})[0]
    *_, found = survey(small(case.setup), replace(view, side=11))
    rough = [{seed: pane.ruggedness[seed] for seed in found.view.seeds} for pane in found.panes]

    def heights(text: str, ruggedness: list[Any]) -> None:
        for each, known in zip(text.split(", "), ruggedness, strict=True):
            assert (each == "overflow") == bool(known.lost)
            assert known.lost or close(each, known.largest), text

    for seed in found.view.seeds:
        said, here = finding(found, seed), [each[seed] for each in rough]
        if len(here) == 2:
            counts = re.search(r"(no|\d+) local minim.*? against (\d+), and a largest loss of (.+?) against (.+)\.$", said)
            assert counts is not None, said
            assert [int(counts[i].replace("no", "0")) for i in (1, 2)] == [each.minima for each in here], said
            heights(f"{counts[3]}, {counts[4]}", here)
            assert ("Rougher" in said) <= here[0].rougher_than(here[1]), said
            assert ("Smoother" in said) <= here[1].rougher_than(here[0]), said
        else:
            goes = re.search(r"from (.+?) to (.+?)(?:;|\.$)", said)
            assert goes is None or (close(goes[1], here[0].smallest) and close(goes[2], here[0].largest)), said
    if together := re.search(
        r"in (\d+) of (\d+) planes?: (.+?) local minima against (.+?), and largest losses of (.+) against (.+)\.$", summary(found)
    ):
        assert int(together[2]) == len(found.view.seeds)
        assert int(together[1]) == sum(rough[0][seed].rougher_than(rough[1][seed]) for seed in found.view.seeds)
        for pane, (counts, largest) in enumerate(((together[3], together[5]), (together[4], together[6]))):
            assert [int(each) for each in counts.split(", ")] == [each.minima for each in rough[pane].values()]
            heights(largest, list(rough[pane].values()))
    for share, first, second in re.findall(r"(\S+) % of the variance .*?\((\S+) % and (\S+) %\)", on_path(found)):
        assert number(share) == pytest.approx(number(first) + number(second), abs=0.2)
        assert number(share) <= 100.5
    assert bool(cautions(found)) == any(pane.history is not None and pane.history.lost_at >= 0 for pane in found.panes)


@pytest.mark.parametrize(("steps", "says"), [(20, False), (1500, True)])
def test_the_edge_of_stability_is_named_where_the_loss_rises_and_not_before(steps: int, says: bool) -> None:
    """A run comes near the edge while its loss still falls at every step; only beyond it does the loss jump on its way down."""
    case = next(each for each in cases() if each.name == "51_edge_of_stability")
    *_, history = train(replace(case.setup, steps=steps))
    rises = int((np.diff(history.train) > 1e-6 * np.array(history.train[:-1])).sum())
    assert ("edge of stability" in ending(history)) == says, ending(history)
    assert (rises > 0) == says
