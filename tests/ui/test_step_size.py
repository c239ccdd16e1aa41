"""The page "Step size" without a browser: every loss and optimizer, links, refusals, presets, sessions."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from explorer.core.losses import LOSSES
from explorer.core.optimizers import OPTIMIZERS
from explorer.core.run.setup import Setup
from explorer.site.casebook import Case, cases
from explorer.site.shown import ruled
from tests.ui.reading import FOLDER, opened, pictures

RULER = "step_size:ruler"
CASES = [case for case in cases() if case.page == "step_size"]
DEFAULT = CASES[0].setup
DRAWABLE = [name for name in LOSSES if LOSSES[name]().dim <= 100]
"""Networks have pages of their own: there are too many numbers in them for a run at every rate of a ruler."""

CALM = {"v": "1", "loss": "x_squared", "optimizer": "gradient_descent", "learning_rate": "0.1"}


def setup_of(app: AppTest) -> Setup:
    return app.session_state["setup"]


def link_of(app: AppTest) -> dict[str, str]:
    return {name: value[0] if isinstance(value, list) else value for name, value in app.query_params.items()}


def shown(app: AppTest) -> dict[str, Any]:
    """The data of the ruler."""
    assert not app.exception, [each.value for each in app.exception]
    return next(each for each in pictures(app) if each["key"] == RULER)


def typed(app: AppTest, box: str, text: str) -> AppTest:
    return app.text_input(key=f"box:{box}").set_value(text).run()


def sentence(app: AppTest) -> str:
    return shown(app)["dial"]["words"][shown(app)["value"]]


@pytest.mark.parametrize(("kind", "names"), [("loss", DRAWABLE), ("optimizer", [*OPTIMIZERS])])
def test_everything_on_the_shelves_has_a_sentence_at_every_rate_and_its_knobs_meet_at_an_end(kind: str, names: list[str]) -> None:
    """One after the other: as it is chosen, and with all its knobs at their first or all at their last, in turn.

    Each loss with several optimizers: `tests/figures/test_step_size.py`; both ends of every knob by itself: `tests/ui/test_panel.py`.
    """
    app = opened(query={**CALM, "steps": "30"})
    for end, name in zip(cycle((0, -1)), names, strict=False):
        app.selectbox(key=f"box:{kind}").select(name).run()
        assert getattr(setup_of(app), kind) == name
        words = shown(app)["dial"]["words"]
        assert len(words) >= 121
        assert all(words), f"{name}: a position has no sentence"
        assert link_of(app) == setup_of(app).to_query()
        turned = set[str]()
        while left := [
            each for each in (*app.select_slider, *app.toggle) if str(each.key).startswith(f"box:{kind}.") and each.key not in turned
        ]:
            for each in left:  # what one of them hides is not there to be turned by the next
                each.set_value(each.options[end] if each.type == "select_slider" else end == 0)
                turned.add(str(each.key))
            app.run()
            assert shown(app)["dial"]["words"], f"{name}: {turned}"
            assert all("steps must be ≤" in error.value for error in app.error), f"{name}: {turned}"
        if app.error:  # the next would be chosen of what is shown instead
            app = opened(query={**CALM, "steps": "30"})


def test_two_visitors_of_one_link_compute_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []
    monkeypatch.setattr("explorer.site.shown.ruled", lambda *asked: ran.append(asked) or ruled(*asked))
    found = [shown(opened(query={**CALM, "learning_rate": rate})) for rate in ("0.1234567", "0.1234567", "0.7654321", "0.1234567")]
    assert len(ran) == 2
    assert found[0] == found[1] == found[3] != found[2]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_link_opens_exactly_its_setup(case: Case) -> None:
    for setup in (case.setup, case.undone.setup):
        app = opened(query=setup.to_query())
        assert setup_of(app) == setup
        assert link_of(app) == setup.to_query()
        assert not app.warning
        assert app.text_input(key="box:learning_rate").value == setup.to_query()["learning_rate"]
        assert not app.session_state["setup:refused"]


def test_a_link_opened_twice_shows_the_same() -> None:
    """To the last bit: the setup is all that a run depends on."""
    query = {"v": "1", "loss": "rosenbrock", "optimizer": "momentum", "learning_rate": "0.0007", "start": "-1,2", "steps": "77"}
    one, two = (shown(opened(query=query)) for _ in range(2))
    assert one == two


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"loss": "nonsense"}, "nonsense"),
        ({"loss": "x_sqared"}, "did you mean x_squared"),
        ({"optimizer": "sgd"}, "sgd"),
        ({"learning_rate": "-1"}, "-1"),
        ({"learning_rate": "nan"}, "nan"),
        ({"learning_rate": "inf"}, "inf"),
        ({"learning_rate": "fast"}, "fast"),
        ({"learning_rate": ""}, "''"),
        ({"steps": "2.5"}, "2.5"),
        ({"steps": "-3"}, "-3"),
        ({"steps": "1000000000"}, "1,000,000,000"),
        ({"start": "1,2,3"}, "3"),
        ({"start": "nan"}, "nan"),
        ({"start": "here"}, "here"),
        ({"v": "0"}, "'0'"),
        ({"v": "2"}, "'2'"),
        ({"optimizer.momentum": "0.5"}, "optimizer.momentum"),
        ({"optimizer": "momentum", "optimizer.momentum": "1.01"}, "momentum must be finite and ≥ 0 and ≤ 1, got 1.01"),
        ({"loss": "quadratic", "loss.eigenvalues": "1, foo"}, "1, foo"),
        ({"color": "blue"}, "color"),
        ({"loss.": "1"}, "loss."),
        ({"<script>": "alert(1)"}, "script"),
        ({"batch_size": "8"}, "8"),
        ({"seed": "x"}, "'x'"),
    ],
    ids=str,
)
def test_a_mangled_link_says_what_was_wrong_and_goes_on(query: dict[str, str], said: str) -> None:
    app = opened(query=CALM | query)
    assert shown(app)["dial"]["words"]
    [warning] = app.warning
    assert said in warning.value
    assert "is used" in warning.value or "is shown" in warning.value
    assert link_of(app) == setup_of(app).to_query()
    assert not app.run().warning  # said once


def test_a_link_of_nonsense_keeps_the_rest() -> None:
    app = opened(query={"v": "1", "loss": "booth", "optimizer": "nope", "learning_rate": "0.03", "steps": "many"})
    assert (setup_of(app).loss, setup_of(app).learning_rate) == ("booth", 0.03)
    assert len(app.warning) == 2


@pytest.mark.parametrize(
    ("query", "box", "text", "said"),
    [
        ({}, "learning_rate", "-0.1", "learning_rate must be finite and ≥ 0, got -0.1"),
        ({}, "learning_rate", "nan", "learning_rate must be finite and ≥ 0, got nan"),
        ({}, "learning_rate", "inf", "got inf"),
        ({}, "learning_rate", "0,1", "learning_rate must be a number such as 0.1, got '0,1'"),
        ({}, "start", "1,2", "start must be 1 number for x_squared, got 2"),
        ({}, "start", "nan", "got nan"),
        ({}, "start", "", "start must be numbers"),
        ({}, "steps", "1000000000", "steps must be ≤"),
        ({}, "steps", "-1", "steps must be finite and ≥ 0, got -1"),
        ({}, "steps", "1.5", "steps must be a whole number, got 1.5"),
        ({"loss": "quadratic"}, "loss.eigenvalues", "1, foo", "1, foo"),
        ({"loss": "quadratic"}, "loss.eigenvalues", "1,inf", "got inf"),
        ({"loss": "quadratic"}, "loss.eigenvalues", "", "eigenvalues"),
    ],
)
def test_what_is_refused_stays_in_its_box_with_the_reason(query: dict[str, str], box: str, text: str, said: str) -> None:
    app = opened(query=CALM | query)
    before, link = shown(app), link_of(app)
    typed(app, box, text)
    assert shown(app) == before
    [error] = app.error
    assert said in error.value
    assert app.text_input(key=f"box:{box}").value == text
    assert link_of(app) == link
    app.toggle[0].set_value(not app.toggle[0].value).run() if app.toggle else app.run()
    assert app.text_input(key=f"box:{box}").value == text
    good = {"learning_rate": "0.2", "start": "2", "steps": "50", "loss.eigenvalues": "1,7"}[box]
    typed(app, box, good)
    assert not app.error
    assert link_of(app)[box] == good


@pytest.mark.parametrize("nonsense", [None, -1, 10**6, 2.5, "7", True, [], [0], [0, -1], [0, 10**6], [99, 3], {"a": 1}, float("nan")])
def test_nonsense_from_the_browser_is_ignored(nonsense: object) -> None:
    app = opened(query=CALM)
    before = shown(app)
    app.session_state[RULER] = {"value": nonsense}
    assert shown(app.run()) == before
    assert setup_of(app).learning_rate == 0.1
    assert not app.error


def test_a_release_changes_setup_link_and_numbers() -> None:
    app = opened(query=CALM)
    data = shown(app)
    metrics = [each.value for each in app.metric]
    last = len(data["frames"]) - 1
    app.session_state[RULER] = {"value": [data["epoch"], last]}
    app.run()
    assert setup_of(app).learning_rate > 1
    assert link_of(app)["learning_rate"] == app.text_input(key="box:learning_rate").value
    assert [each.value for each in app.metric] != metrics
    assert shown(app) == data  # not sent again: the browser has it
    assert setup_of(opened(query=link_of(app))) == setup_of(app)


def test_a_typed_rate_moves_the_slider() -> None:
    app = typed(opened(query=CALM), "learning_rate", "1.1")
    data = shown(app)
    assert data["dial"]["values"][data["value"]].startswith("1.1 ")
    assert "it will be inf at step 1,947" in sentence(app)
    assert "became inf at step 1,947" in sentence(typed(app, "steps", "2000"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_preset_and_its_switch(case: Case) -> None:
    app = opened(query=CALM)
    app.pills[0].set_value(case.label).run()
    assert setup_of(app) == case.setup
    assert any(case.question in each.value for each in app.markdown)
    [switch] = [each for each in app.button if each.label == case.switch_label]
    switch.click().run()
    assert setup_of(app) == case.undone.setup
    [back] = [each for each in app.button if each.label == "Switch back"]
    back.click().run()
    assert setup_of(app) == case.setup
    assert link_of(app) == case.setup.to_query()


def test_two_visitors_share_nothing() -> None:
    one, two = opened(query=CALM), opened(query=CALM)
    typed(one, "learning_rate", "1.2")
    typed(one, "steps", "-1")
    two.run()
    assert setup_of(two).learning_rate == 0.1
    assert not two.error
    assert link_of(two)["learning_rate"] == "0.1"


def test_the_page_without_a_link_is_the_first_case() -> None:
    app = opened()
    assert setup_of(app) == DEFAULT
    assert sentence(app).startswith("**Converges**")


def test_the_page_says_what_theory_and_run_agree_on() -> None:
    app = opened(query=CALM | {"learning_rate": "1.1", "steps": "2000", "start": "1"})
    assert [each.value for each in app.metric] == ["1", "1.1 ×", "1.2 | 1.2", "1,947 | 1,947"]
    assert sentence(app) == (
        "**Diverges**: each step multiplies the error by 1.2 (theory: 1.2); the loss became inf at step 1,947 (forecast: 1,947)."
    )


@pytest.mark.parametrize(
    "page", [None, FOLDER / "pages" / "20_race.py", FOLDER / "pages" / "30_sweep.py"], ids=["step size", "race", "sweep"]
)
@pytest.mark.parametrize(
    "link",
    [
        {"loss": "formula", "loss.text": "log(x)", "start": "-1"},
        {"loss": "formula", "loss.text": "1/x", "start": "0"},
        {"loss": "x_squared", "start": "1e308"},
        {"loss": "quadratic", "start": "1e200,1e200"},
    ],
    ids=lambda link: link.get("loss.text", link["loss"]),
)
def test_a_start_where_the_loss_is_not_finite_is_refused_in_a_sentence(page: str | None, link: dict[str, str]) -> None:
    app = opened(page and FOLDER / "pages" / page, {"v": "1", "learning_rate": "0.1", "steps": "20", **link})
    assert not app.exception
    assert any("start must be where the loss is finite" in each.value for each in [*app.error, *app.warning, *app.info])


def test_a_run_without_steps_is_not_called_lost() -> None:
    app = opened(None, {"v": "1", "loss": "x_squared", "learning_rate": "0", "steps": "0", "start": "0"})
    assert not app.exception
    assert not any("became inf or nan" in each.value for each in app.info)


def test_a_sweep_that_would_not_end_is_refused() -> None:
    app = opened(FOLDER / "pages" / "30_sweep.py", {"v": "1", "loss": "x_squared", "learning_rate": "0.1", "steps": "1e9"})
    assert any("steps must be ≤ 100,000" in each.value for each in [*app.error, *app.warning, *app.info])


NOTHING_MUCH = [
    {"loss": "x_squared", "steps": "0"},
    {"loss": "linear_regression", "steps": "0"},
    {"loss": "x_squared", "start": "0"},
    {"loss": "x_squared", "start": "-0"},
    {"loss": "x_squared", "start": "1e-320"},
    {"loss": "quadratic", "loss.eigenvalues": "0"},
    {"loss": "quadratic", "loss.eigenvalues": "1e308,1e-320"},
    {"loss": "quadratic", "loss.eigenvalues": "1e308,1e308", "start": "1,1"},
    {"loss": "formula", "loss.text": "0*x"},
    {"loss": "formula", "loss.text": "1e300*x^2"},
    {"loss": "formula", "loss.text": "a*x^2; a = 1e300"},
]


@pytest.mark.parametrize("query", NOTHING_MUCH, ids=str)
def test_a_run_that_goes_nowhere_or_is_lost_at_once_has_its_picture(query: dict[str, str]) -> None:
    """One that starts in its minimum, takes no steps, or where nothing can be placed: no refusal, and no message of a library's."""
    app = opened(query={"v": "1"} | query)
    assert not app.exception
    assert not app.warning
    assert not app.error
    assert pictures(app)[0]["frames"]
    for steps in ("3", "0", "2"):
        app.text_input(key="box:steps").set_value(steps).run()
        assert not app.exception
        assert not app.error
