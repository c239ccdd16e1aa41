"""The page Quiz: every curve can be asked, an answer counts once, and the case behind it opens and can be undone."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.site.casebook import Case, casebook
from explorer.site.casebook import asked as asked_about
from explorer.site.seen import see
from tests.ui.reading import FOLDER, drawings, opened

PAGE = FOLDER / "pages" / "75_quiz.py"
ASKED = asked_about(casebook())


def asked(case: Case) -> AppTest:
    """The quiz with this case as its next curve."""
    app = opened(PAGE)
    app.session_state["quiz:state"].order[:] = [case, *ASKED]
    return app.run()


def answered(app: AppTest, choice: str) -> AppTest:
    app.radio[0].set_value(choice)
    app.button[0].click().run()
    assert not app.exception
    return app


CASE = next(case for case in ASKED if case.name == "10_regression_to_nan")


def test_a_right_answer_counts_and_opens_the_case() -> None:
    app = answered(asked(CASE), CASE.knob)
    assert "Right" in app.success[0].value
    assert CASE.title in [each.value for each in app.header]
    assert any("1 of 1 right" in each.value for each in app.markdown)
    assert any("0.001567" in each.value for each in app.markdown), "the text has this run's numbers"


def test_a_wrong_answer_says_what_it_was_and_can_be_undone() -> None:
    app = asked(CASE)
    app = answered(app, next(each for each in app.radio[0].options if each != CASE.knob))
    assert CASE.knob in app.error[0].value
    assert any("0 of 1 right" in each.value for each in app.markdown)
    before = drawings(app)[-1]
    app.toggle[0].set_value(True).run()
    assert drawings(app)[-1] != before
    app.button[0].click().run()
    assert app.radio, "the next curve is asked"
    assert any("Curve 2" in each.value for each in app.markdown)


@pytest.mark.parametrize("page", sorted({case.page for case in ASKED}))
def test_an_answer_leads_to_every_lab(page: str) -> None:
    case = next(each for each in ASKED if each.page == page)
    app = answered(asked(case), case.knob)
    (way,) = app.get("page_link")
    assert dict(parse_qsl(way.proto.query_string)) == case.link


def test_no_answer_is_no_answer() -> None:
    app = opened(PAGE)
    app.button[0].click().run()
    assert app.info
    assert any("0 of 0" in each.value for each in app.markdown)


@pytest.mark.parametrize("case", ASKED, ids=lambda case: case.name)
def test_no_choice_would_have_done_it_too(case: Case) -> None:
    assert case.symptom
    assert case.knob not in case.also


def test_every_curve_has_points_enough_to_be_recognized() -> None:
    assert len(ASKED) > 40
    for case in ASKED:
        (curve,) = see(case.page, case.query).curves
        assert np.isfinite(curve.loss).sum() >= 10, case.name


def test_every_curve_is_asked_with_its_own_knob_among_four() -> None:
    for case in ASKED[::8]:
        options = asked(case).radio[0].options
        assert len({*options}) == 4
        assert case.knob in options
        assert not {*case.also} & {*options}


def test_a_link_shows_the_same_curve_again_and_does_not_say_the_answer() -> None:
    app = opened(PAGE)
    for _ in range(3):
        app = answered(app, app.radio[0].options[0])
        app.button[0].click().run()
    link = {"curve": "".join(app.query_params["curve"])}
    assert re.fullmatch(r"[0-9]+\.4", link["curve"])
    friend = opened(PAGE, query=link)
    assert friend.session_state["quiz:state"].case == app.session_state["quiz:state"].case
    assert any("Curve 4" in each.value and "0 of 0" in each.value for each in friend.markdown)
    assert friend.radio[0].options == app.radio[0].options
    friend = answered(friend, friend.session_state["quiz:state"].case.knob)
    assert any("1 of 1 right" in each.value for each in friend.markdown)


def test_the_version_alone_is_no_curve_that_could_be_wrong() -> None:
    app = opened(PAGE, query={"v": "1"})
    assert not app.warning
    assert app.radio


@pytest.mark.parametrize("curve", ["", "x", "1", "1.0", "1.999", "-1.2", "1.1.1", "9" * 400 + ".1", "\u0661.\u0661"])
def test_a_link_of_no_curve_begins_another_game_and_says_so(curve: str) -> None:
    app = opened(PAGE, query={"curve": curve})
    assert not app.exception
    assert app.warning
    assert app.radio
