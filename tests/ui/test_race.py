"""The page "Race": who runs how fast is chosen, comes back with a link, and what cannot be read is refused."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.ui.reading import FOLDER, opened, pictures

PAGE = FOLDER / "pages" / "20_race.py"


def rates(app: AppTest) -> list[str]:
    return list(app.table[0].value["learning rate"])


def test_the_pace_is_chosen_and_kept_and_a_link_brings_it_along() -> None:
    app = opened(PAGE)
    own = rates(app)
    app.radio[0].set_value("shared").run()
    box = next(each for each in app.text_input if each.label == "learning rate for all")
    box.set_value("0.25").run()
    assert rates(app) == ["0.25"] * len(own)
    assert app.radio[0].value == "shared"
    query = {name: values[0] if isinstance(values, list) else values for name, values in dict(app.query_params).items()}
    linked = opened(PAGE, query)
    assert linked.radio[0].value == "shared"
    assert rates(linked) == ["0.25"] * len(own)
    linked.radio[0].set_value("fraction").run()
    assert linked.radio[0].value == "fraction"
    assert len(set(rates(linked))) > 1
    app.radio[0].set_value("own").run()
    assert rates(app) == own


def test_every_rate_that_is_typed_holds_however_many_came_before() -> None:
    app = opened(PAGE)
    app.radio[0].set_value("shared").run()
    for rate in ("0.25", "0.3", "0.2", "0.25", "0.1"):
        next(each for each in app.text_input if each.label == "learning rate for all").set_value(rate).run()
        assert {*rates(app)} == {rate}
        assert app.query_params["learning_rate"] in (rate, [rate])


def test_a_rate_for_all_that_is_no_number_is_refused_with_a_sentence() -> None:
    app = opened(PAGE)
    app.radio[0].set_value("shared").run()
    before = rates(app)
    next(each for each in app.text_input if each.label == "learning rate for all").set_value("ten").run()
    assert "got 'ten'" in app.error[0].value
    assert rates(app) == before


@pytest.mark.parametrize(
    ("query", "headline", "right"),
    [
        (
            {"loss": "x_squared", "racers": "adam:0.1,gradient_descent:0.5,nesterov:0.5"},
            "Gradient descent and Nesterov tie after 100 steps with a loss of 0.",
            [1, 2],
        ),
        (
            {
                "loss": "linear_regression",
                "loss.data": "noisy_line",
                "racers": "momentum:0.1,gradient_descent:0.1,nesterov:9",
                "steps": "300",
            },
            "Momentum and gradient descent tie after 300 steps with a loss of 0.4967; Nesterov diverged.",
            [0, 1],
        ),
        (
            {"loss": "x_squared", "racers": "adam:0.1,gradient_descent:0.4,nesterov:0.5"},
            "Nesterov leads after 100 steps with a loss of 0.",
            [2],
        ),
        ({"loss": "x_squared", "racers": "gradient_descent:5,nesterov:5", "steps": "1000"}, "Nobody arrives: all 2 racers diverged.", [2]),
    ],
)
def test_who_ends_alike_leads_alike(query: dict[str, str], headline: str, right: list[int]) -> None:
    """On the floor of the loss, or in the digits that are shown: each of those who tie is a right guess, and nobody else is."""
    app = opened(PAGE, {"v": "1", "steps": "100"} | query)
    assert app.header[0].value == headline
    who, _ = pictures(app)[0]["question"]["guesses"]
    assert [i for i, (score,) in enumerate(who["scores"]) if score == "right"] == right
    ended = list(app.table[0].value["loss at the end"])
    assert len({ended[i] for i in right if i < len(ended)}) <= 1
