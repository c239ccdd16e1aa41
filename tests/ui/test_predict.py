"""Predict first, on the side of the server: the links of the four pages keep it, and only what says so turns it."""

from __future__ import annotations

import re

import pytest

from explorer.core.run.race import Race, Racer
from explorer.core.run.setup import Setup
from explorer.core.verdict.explanation import Explanation
from explorer.figures import race as figure
from explorer.site.questions import NOBODY, RIGHT, of_race
from explorer.site.shown import shown
from explorer.ui import address
from tests.ui.reading import FOLDER, finished, opened, pictures

PAGES = ("10_step_size", "20_race", "30_sweep", "50_network")
LINK = {"v": "1", "loss": "network", "loss.examples": "10", "loss.hidden": "2", "steps": "5", "learning_rate": "0.1"}


@pytest.mark.parametrize("page", PAGES)
def test_a_link_asks_first(page: str) -> None:
    app = opened(FOLDER / "pages" / f"{page}.py", LINK | {address.PREDICT: "True"})
    assert app.query_params[address.PREDICT] == "true"
    assert not app.warning
    app.query_params.clear()
    for name, text in (LINK | {"steps": "6"}).items():
        app.query_params[name] = text
    app.run()  # a link that says nothing of it
    assert app.query_params["steps"] == "6"
    assert app.query_params[address.PREDICT] == "true"
    app.query_params[address.PREDICT] = "perhaps"
    app.run()
    assert "got 'perhaps'" in app.warning[0].value
    assert address.PREDICT not in app.query_params


@pytest.mark.parametrize("page", PAGES)
def test_too_few_steps_are_asked_nothing(page: str) -> None:
    """And the next time something, on the same page."""
    app = opened(FOLDER / "pages" / f"{page}.py", LINK | {"steps": "0"})
    for steps in (0, 2, 1, 5):
        next(each for each in app.text_input if each.label == "steps").set_value(str(steps)).run()
        question = pictures(finished(app))[0]["question"]
        assert bool(question["guesses"]) == (steps > 1)
        assert question["instead"].startswith(f"Nothing is asked: in {steps} step") == (steps < 2)


@pytest.mark.parametrize("rate", [0.0, 0.1])
@pytest.mark.parametrize(
    ("loss", "rule"),
    [("saddle", "momentum"), ("linear_regression", "radam"), ("formula", "adam"), ("quadratic", "gradient_descent"), ("absolute", "lion")],
)
def test_no_answer_contradicts_what_is_shown(loss: str, rule: str, rate: float) -> None:
    """Of a loss without a lower end, with a rate of 0, at an edge that is marked where nothing diverges."""
    setup = Setup(loss, rule, learning_rate=rate)
    picture = shown(setup)
    assert picture.question is not None
    assert picture.dial is not None
    line, end = picture.question.guesses
    for i, (word, at) in enumerate(zip(picture.dial.words, end.truth, strict=True)):
        right = [replies[at] for replies, scores in zip(end.replies, end.scores, strict=True) if scores[at] == "right"]
        assert len(right) == 1
        assert ("diverges" in right[0]) == word.startswith("**Diverges**")
        assert "goes to a minimum" not in right[0] or (loss not in ("saddle", "formula") and "does not move" not in word)
        assert picture.dial.zones[i] in right[0] or "diverges" in right[0]
    told = line.replies[-1][0]
    assert bool(re.search("edge|no minimum", told)) == (loss != "quadratic" and rule != "lion"), told


@pytest.mark.parametrize("scale", ["1e200", "1", "1e-200", "1e40"])
def test_the_scale_has_few_powers_of_ten_under_it_however_far_the_answer_is(scale: str) -> None:
    question = shown(Setup("formula", knobs={"loss.text": f"{scale}*x^2"}, start=(1.0,))).question
    assert question is not None
    names = [*question.guesses[0].names.values()][:-1]  # and "none"
    assert 3 <= len(names) == len({*names}) <= 6


@pytest.mark.parametrize(
    ("loss", "rates", "wins"),
    [("ravine", (1.9, 0.5), True), ("ravine", (5.0, 5.0), False), ("x_squared", (0.1, 5.0), True), ("saddle", (0.5, 0.1), True)],
)
def test_what_is_asked_of_the_winner_of_a_race_is_what_a_winner_can_become(loss: str, rates: tuple[float, float], wins: bool) -> None:
    """One that diverges does not win, so it is no choice, but on a loss without a lower end; that nobody wins is one in both questions."""
    race = Race(Setup(loss), (Racer("gradient_descent", rates[0]), Racer("momentum", rates[1])))
    runs = race.run()
    asked = of_race(race, figure.draw(runs, race.names), race.names, [Explanation.of(each) for each in runs])
    who, end = asked.guesses
    diverging = [option for option in end.options if "diverges" in option]
    assert len(diverging) == (loss == "saddle")
    if loss != "saddle":
        assert "without diverging" in who.asks[0]
        assert who.options[-1] == NOBODY
        assert end.options[-1] == f"It is {NOBODY}"
        right = [scores[0] == RIGHT for scores in end.scores]
        assert right[-1] is (who.scores[-1][0] == RIGHT) is not wins
        assert end.replies[-1][0].startswith("You said that the winner is nobody" if wins else "Right: the winner is nobody")
