"""The page Network: what a run keeps is what it did, a run can be stopped, and what cannot be run is said."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.core.data import Table, remember
from explorer.core.ground.halt import Halt
from explorer.core.ground.prose import plain
from explorer.core.networks import trials as module
from explorer.core.networks.training import ending, train
from explorer.core.networks.trials import FEWEST_STEPS, MOST_WORK, trials
from explorer.core.run.descent import run
from explorer.core.run.setup import Setup
from explorer.core.run.sweep import sweep
from explorer.core.verdict.sentence import TABLE, Verdict
from explorer.figures import network as figure
from explorer.figures.answers import answers
from explorer.site.casebook import Case, casebook
from explorer.site.kept import tried
from explorer.ui import job
from tests.ui.reading import MAIN, PATIENCE, finished, nudge, pictures

SHORT = Setup("network", learning_rate=0.5, steps=30)


def last(setup: Setup) -> Any:
    *_, history = train(setup)
    return history


def test_every_look_is_a_row() -> None:
    history = last(SHORT)
    assert history.steps[0] == 0
    assert history.steps[-1] == 30
    rows = [value for value in vars(history).values() if isinstance(value, list)]
    assert len(rows) > 10
    assert {len(row) for row in rows} == {len(history.steps)}
    assert history.share == 1


def test_a_spike_between_two_looks_is_seen() -> None:
    """Case 81, its loss as `run` keeps it at every step beside the course that two looks leave."""
    case = next(case for case in casebook() if case.name == "81_homemade_spike")
    *_, history = train(case.setup, looks=2)
    path = run(case.setup.make_loss(), case.setup.make_optimizer(), case.setup.learning_rate, **case.setup.conditions()).loss[:, 0]
    steps, course = history.course
    np.testing.assert_array_equal(steps, sorted({0, 50, 100, int(np.argmax(path)), 51 + int(np.argmax(path[51:]))}))
    np.testing.assert_allclose(course, path[steps], rtol=1e-9)
    assert f"the loss rose from {plain(path[0], 4)} to {plain(path.max(), 4)}" in ending(history)


def test_the_sharpness_is_the_hessian_s_largest_eigenvalue() -> None:
    history = last(SHORT)
    point = np.repeat(history.x[-1][:, np.newaxis], history.loss.dim, axis=1)
    hessian = history.loss.hvp(point, np.eye(history.loss.dim))
    assert history.sharpness[-1] == pytest.approx(np.linalg.eigvalsh((hessian + hessian.T) / 2)[-1], rel=2e-2)
    assert history.edge[-1] == 4.0


def test_a_rate_beyond_the_edge_is_said_to_be() -> None:
    """η(λ + decay) > 2 is beyond the edge with hardly any sharpness, as the ruler's critical rate has it; 0.98 of the edge is not."""
    beyond = last(Setup("network", learning_rate=2.0, knobs={"optimizer.weight_decay": 1.0}))
    assert beyond.edge[-1] == pytest.approx(0.0, abs=1e-12)
    assert beyond.ratio[-1] == pytest.approx(2.0 * (beyond.sharpness[-1] + 1.0) / 2)
    assert beyond.verdict == Verdict.DIVERGED
    assert "this rate tolerates curvature up to 0, so the rate is beyond the edge" in ending(beyond)
    below = last(Setup("network", learning_rate=0.98, knobs={"optimizer.weight_decay": 1.0}))
    assert below.ratio[-1] == pytest.approx(0.98 * (below.sharpness[-1] + 1.0) / 2)
    assert "beyond" not in ending(below)


def test_data_that_are_no_numbers_are_named() -> None:
    history = last(Setup("network", steps=5, knobs={"loss.bad_cell": "nan"}))
    assert history.lost_at == 0
    assert ending(history).startswith("**Diverges**: the loss is inf or nan from the start; the data or the first weights are not finite")
    figure.instruments(history)


def test_only_networks_have_instruments() -> None:
    with pytest.raises(ValueError, match="loss must be a network for its instruments, got ravine"):
        next(train(Setup("ravine")))


@pytest.mark.parametrize("knobs", [{}, {"loss.objective": "squared_error"}])
def test_the_line_is_where_the_network_is_undecided(knobs: dict[str, Any]) -> None:
    history = last(replace(SHORT, knobs=knobs))
    drawn = answers(history)
    assert len(drawn.frames) == len(history.steps)
    line = drawn.frames[-1]["data"][2]
    points = np.stack([line["x"], line["y"]])[:, :1]
    assert abs(history.loss.outputs(history.x[-1][:, np.newaxis], points)[0, 0, 0]) < 0.05
    groups = [trace for trace in drawn.figure.data if trace.mode == "markers"]
    assert [trace.name for trace in groups] == ["class 0", "class 1"]
    assert sum(len(trace.x) for trace in groups) == history.loss.examples, "every example is in the picture"


@pytest.mark.parametrize("classes", [3, 10])
def test_classes_beyond_two_have_borders_between_them(classes: int) -> None:
    angle = 2 * np.pi * np.arange(30) / 30
    name = remember(Table(np.stack([np.cos(angle), np.sin(angle)], axis=1), (np.arange(30) // (30 // classes)).astype(float), ("x", "y")))
    history = last(Setup("network", learning_rate=1, steps=200, knobs={"loss.data": name, "loss.objective": "cross_entropy"}))
    drawn = answers(history)
    line = drawn.frames[-1]["data"][2]
    points = np.stack([line["x"], line["y"]])
    said = history.loss.outputs(history.x[-1][:, np.newaxis], points[:, np.isfinite(points).all(axis=0)])[0]
    best, second = np.sort(said, axis=0)[::-1][:2]
    assert said.shape[1] > 20
    assert np.median(best - second) < 0.1
    groups = [trace for trace in drawn.figure.data if trace.mode == "markers"]
    assert len(groups) == classes
    assert sum(len(trace.x) for trace in groups) == 30, "every example is in the picture"


def test_a_regression_on_a_line_draws_its_curve() -> None:
    history = last(Setup("network", learning_rate=0.1, steps=30, knobs={"loss.data": "waves"}))
    curve = answers(history).frames[-1]["data"][2]
    said = history.loss.outputs(history.x[-1][:, np.newaxis], np.asarray(curve["x"])[np.newaxis])[0, 0]
    np.testing.assert_allclose(curve["y"], said)


@pytest.mark.parametrize("knobs", [{"loss.data": "diabetes"}, {"loss.data": "digits", "loss.scaling": "unit"}])
def test_other_networks_have_the_gradients_of_their_layers_alone(knobs: dict[str, Any]) -> None:
    history = last(Setup("network", learning_rate=0.01, steps=5, knobs=knobs))
    drawn = answers(history)
    assert len(drawn.figure.data) == 2
    layers = {name: norm for name, norm in history.norms[-1].items() if name.startswith("W")}
    np.testing.assert_allclose(10 ** np.asarray(drawn.frames[-1]["data"][0]["y"])[1::3], list(layers.values()))
    assert drawn.frames[-1]["data"][1]["text"] == [plain(norm, 2) for norm in layers.values()]


def test_a_job_that_nobody_looks_at_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "PATIENCE", 0.05)
    ended = threading.Event()

    def forever(halt: Halt) -> Generator[int, None, None]:
        try:
            for number in iter(int, 1):
                time.sleep(0.01)
                yield number
        finally:
            ended.set()

    work = job.Job(forever)
    work.wait(PATIENCE)
    assert not work.running, "the visitor has gone, so must the work"
    assert not ended.is_set(), "it goes on where it was, should there be another look"
    del work
    assert ended.wait(PATIENCE), "and is given up with its session"


def test_a_job_keeps_a_refusal_as_a_sentence() -> None:
    def refused(halt: Halt) -> Generator[int, None, None]:
        yield 1
        raise ValueError("so many steps")

    work = job.Job(refused)
    work.wait(PATIENCE)
    assert work.look() == 1
    assert work.error == "so many steps"


def test_a_job_that_was_abandoned_is_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job.st, "session_state", {})
    whole = Setup("network", learning_rate=0.5, steps=3)
    with monkeypatch.context() as nobody_looks:
        nobody_looks.setattr(job, "PATIENCE", -1.0)
        gone = job.job("key", 1, lambda halt: train(whole))
        gone.wait(PATIENCE)
    assert gone.latest is not None
    assert gone.latest.share < 1
    again = job.job("key", 1, lambda halt: train(whole))
    again.wait(PATIENCE)
    assert again.latest is not None
    assert again.latest.share == 1
    assert job.job("key", 1, lambda halt: train(whole)) is again


def test_work_that_is_done_is_done_for_the_next_visitor_too(monkeypatch: pytest.MonkeyPatch) -> None:
    began: list[int] = []

    def work(halt: Halt) -> Generator[int, None, None]:
        began.append(1)
        yield from (1, 2)

    def visitor(about: int, **how: bool) -> job.Job[int]:
        monkeypatch.setattr(job.st, "session_state", {})
        found = job.job("done", about, work, **how)
        found.wait(PATIENCE)
        return found

    assert [visitor(1).latest, visitor(1).latest, len(began)] == [2, 2, 1]
    assert not visitor(1).running
    assert [visitor(2).latest, len(began)] == [2, 2], "another question has another answer"
    assert [visitor(1, keeps=True).latest, len(began)] == [2, 3], "what keeps its results by itself finds them by itself"


def test_trials_are_the_sweep_of_their_ruler_whatever_their_order() -> None:
    setup = replace(SHORT, batch_size=10, knobs={"loss.hidden": (4,)})
    *_, found = trials(setup)
    outcome = sweep(setup.make_loss(), setup.make_optimizer(), found.ruler.rates, **setup.conditions())  # by the whole loss: each is a look
    assert found.tried.all()
    calm = found.ruler.rates < found.ruler.edge.rate  # beyond it, rounding may grow
    assert found.verdict[calm].tolist() == outcome.verdict[calm].tolist()
    np.testing.assert_allclose(found.final[calm], outcome.final_loss[calm])
    assert found.ruler.rates[found.ruler.position(setup.learning_rate)] == setup.learning_rate


def test_trials_go_from_coarse_to_fine() -> None:
    gaps = [np.diff(np.flatnonzero(found.tried)).max() for found in trials(replace(SHORT, steps=1))]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[0] <= 16
    assert gaps[-1] == 1


def test_trials_are_shorter_where_all_steps_would_take_too_long() -> None:
    setup = replace(SHORT, steps=100_000)
    found = next(trials(replace(setup, learning_rate=1e3)))  # all are lost, or stay where they are, within a few steps
    loss: Any = setup.make_loss()
    assert loss.dim * loss.examples * found.steps * found.tried.size <= MOST_WORK
    assert f"the first {found.steps:,} of 100,000 steps" in found.sentence()


def test_a_ruler_that_would_say_nothing_is_refused() -> None:
    setup = Setup("network", steps=FEWEST_STEPS, knobs={"loss.hidden": (300, 300), "loss.examples": 500})
    with pytest.raises(ValueError, match=r"weights × examples must be ≤ [\d,]+ for a ruler of \d+ rates, got 45,750,500 a step"):
        next(trials(setup))


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(str(MAIN), default_timeout=PATIENCE)
    for name, value in query.items():
        app.query_params[name.replace("__", ".")] = value
    app.run()
    return app.switch_page("pages/50_network.py").run()


def test_too_much_work_is_refused_with_what_would_fit() -> None:
    app = opened()
    app.text_input(key="box:steps").set_value("1000000000").run()
    assert not app.exception
    said = " ".join(each.value for each in [*app.error, *app.warning])
    assert "steps must be ≤" in said


def ruler_of(app: AppTest) -> dict[str, Any]:
    return next(each for each in pictures(app) if each["key"] == "network:ruler")


def test_the_ruler_says_of_every_rate_what_became_of_it_and_marks_the_critical_one() -> None:
    shown = ruler_of(finished(opened()))
    dial = shown["dial"]
    assert len(dial["zones"]) == len(dial["values"]) > 121
    assert all(word.startswith(f"**{TABLE[zone][0]}**: ") for word, zone in zip(dial["words"], dial["zones"], strict=True))
    [mark] = dial["marks"]
    assert mark["text"] == "2/sharpness at the start"
    assert dial["values"][mark["position"]].endswith("= 1 × the critical rate")
    assert "rates tried, each for 400 steps: the loss ends lowest" in shown["alt"]


def test_a_released_ruler_trains_at_its_rate_and_stays() -> None:
    app = finished(opened())
    before, said = ruler_of(app), app.header[0].value
    app.session_state["network:ruler"] = {"value": [ruler_of(app)["epoch"], 7]}
    after = finished(app.run())
    assert not after.exception
    rate = after.session_state["setup"].learning_rate
    assert before["dial"]["values"][7].startswith(f"{plain(rate, 4)} = ")
    assert after.query_params["learning_rate"] in (str(rate), [str(rate)])
    assert ruler_of(after)["dial"] == before["dial"]
    assert after.header[0].value != said


def test_every_rate_that_is_typed_is_on_the_ruler() -> None:
    """Exactly, not the next one: ruler, link and run are of one rate."""
    app = finished(opened(steps="40", loss="network", loss__examples="20"))
    for rate in ("0.7", "2.02", "0.7"):
        app.text_input(key="box:learning_rate").set_value(rate).run()
        shown = ruler_of(finished(app))
        assert shown["dial"]["values"][shown["value"]].split(" ")[0] == rate


def test_a_rate_beyond_the_ruler_has_a_ruler_of_its_own() -> None:
    app = finished(opened(steps="40", loss="network", loss__examples="20"))
    app.text_input(key="box:learning_rate").set_value("300").run()
    assert ruler_of(finished(app))["dial"]["values"][-1].startswith("300 ")


@pytest.mark.parametrize("query", [{}, {"batch_size": "5"}], ids=["full batch", "mini-batches"])
def test_one_run_has_one_sentence_and_what_stands_below_is_no_second_verdict(query: dict[str, str]) -> None:
    """The ruler says what became of the run, of all its steps, and its point in the plot is the run's last loss, as the metric is."""
    app = finished(opened(steps="40", loss="network", loss__examples="20", **query))
    history, shown = app.session_state["network:job"][1].latest, ruler_of(app)
    assert shown["dial"]["words"][shown["value"]].replace("**", "") == history.outcome.sentence()
    assert shown["dial"]["zones"][shown["value"]] == history.verdict
    assert not [each.value for each in app.header if each.value.startswith(tuple(head for head, _ in TABLE.values()))]
    assert next(each.value for each in app.metric if each.label == "training loss") == plain(history.train[-1], 4)
    assert plain(history.train[-1], 4) in history.outcome.sentence()


def test_a_run_that_is_not_over_has_no_verdict() -> None:
    """Nor has its rate one on the ruler: what it will come to is not known."""
    app = opened(steps="400000", loss="network", loss__examples="20")
    said = [each.value for each in app.header]
    app.session_state["network:job"][1].stop()
    app.session_state["network:ruler:job"][1].stop()
    assert not [each for each in said if each.startswith(tuple(head for head, _ in TABLE.values()))]
    assert said
    assert all(re.match(r"After [\d,]+ of 400,000 steps the loss is .+, from .+\.$", each) for each in said), said


def test_what_a_flat_network_is_told_of_its_rates_is_what_they_did() -> None:
    """All weights 0: far beyond the critical rate nothing diverges, and nothing learns."""
    *_, found = trials(Setup("network", steps=30, knobs={"loss.hidden_scale": 0.0, "loss.output_scale": 0.0, "loss.examples": 20}))
    told, rates, edge = found.sentence(), found.ruler.rates, found.ruler.edge.rate
    assert np.isinf(found.first_diverged)
    assert f"none up to {plain(rates[-1])} diverges, {plain(rates[-1] / edge)} × the critical rate" in told
    assert f"The critical rate is {plain(edge, 4)}: 2/λ, with λ = {plain(found.ruler.edge.curvature, 4)} the largest" in told
    assert "it holds at the first step" in told


def test_where_adam_stops_is_said_with_numbers() -> None:
    *_, found = trials(Setup("network", "adam", learning_rate=0.1, steps=30, knobs={"loss.examples": 20}))
    below = found.ruler.rates[found.final < found.start]
    assert np.isfinite(found.useless_from)
    assert below.max() < found.useless_from
    assert f"from {plain(found.useless_from)} on no run ends below the {plain(found.start)} that it began with" in found.sentence()
    assert f"The edge at the start is {plain(found.ruler.edge.rate, 4)}" in found.sentence()
    history = last(Setup("network", "adam", learning_rate=0.1, steps=30, knobs={"loss.examples": 20}))
    low, high = np.nanmin(history.stable), np.nanmax(history.stable)
    assert f"the edge in the optimizer's own units is between {plain(low)} and {plain(high)} from its first step on" in ending(history)


KEPT = [each for case in casebook() if case.page == "network" for each in (case, case.undone)]


@pytest.mark.parametrize("case", KEPT[::5], ids=lambda case: f"{case.name} at {case.setup.learning_rate}")
def test_a_ruler_computed_beforehand_is_what_its_trials_find(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first trials made again agree in verdict, loss and words, but where the rounding of one machine decides, as a nudge shows."""
    kept = tried(case.setup)
    assert kept is not None
    assert kept.tried.all()
    again, real, factor = next(trials(case.setup)), module.ruler, nudge(case.setup)
    monkeypatch.setattr(module, "ruler", lambda *given: replace(real(*given), rates=real(*given).rates * factor))
    nudged = next(trials(case.setup))
    numbers = re.compile(r"[\d,.]+(e[+-]?\d+)?")
    some = np.flatnonzero(again.tried)
    words, nudged_words, kept_words = (np.array([numbers.sub("#", each.words[i]) for i in some]) for each in (again, nudged, kept))
    settled = np.isclose(again.final[some], nudged.final[some], rtol=1e-4, equal_nan=True) & (words == nudged_words)
    assert settled.any()
    sure = some[settled]
    np.testing.assert_allclose(kept.final[sure], again.final[sure], rtol=1e-3)
    assert (kept.verdict[sure] == again.verdict[sure]).all()
    assert (kept_words == words)[settled].all()


def test_every_case_of_a_network_has_its_ruler_at_once_and_another_setup_has_not() -> None:
    assert all(tried(case.setup) is not None for case in KEPT)
    assert tried(replace(KEPT[0].setup, steps=KEPT[0].setup.steps + 1)) is None
