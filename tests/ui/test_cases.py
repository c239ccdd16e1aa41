"""Every case is true: its setup does what its head says, and so does the setup after the switch."""

from __future__ import annotations

import base64
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from explorer.core.run.race import Race
from explorer.core.verdict.verdict import Verdict
from explorer.figures.thumbnail import sparkline
from explorer.ui.casebook import FACTS, NAN_ONLY, SYMPTOMS, Case, Curve, casebook, cases, filled, lab, read, see
from tests.ui.reading import FOLDER, drawings, opened

SINGLE = [case for case in casebook() if case.page not in ("race", "map")]
PAGE = FOLDER / "pages" / "70_cases.py"


def name(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("case", SINGLE, ids=name)
def test_a_case_is_true(case: Case) -> None:
    assert case.claims(see(case.page, case.query)) == []
    assert case.switch, "a case can be made to go away with one change"
    assert case.claims(see(case.page, case.undone.query), after=True) == []
    assert case.setup != case.switched


@pytest.mark.parametrize("case", SINGLE, ids=name)
def test_a_case_is_written_as_a_link(case: Case) -> None:
    """What is in the head is all that is needed, and nothing in it is a default that may change under it."""
    assert case.query["v"] == "1"
    assert {"loss", "optimizer", "learning_rate"} <= case.query.keys()


@pytest.mark.parametrize("case", SINGLE, ids=name)
def test_the_numbers_in_a_text_are_there(case: Case) -> None:
    text = filled(case.text, see(case.page, case.query).facts)
    assert [each for each in re.findall(r"\{(\w+)\}", text) if each in FACTS] == []
    assert not re.search(r"\d[eE][+-]?\d|\bNone\b", text)


@pytest.mark.parametrize("case", [case for case in casebook() if case.page == "race"], ids=name)
def test_a_race_is_true(case: Case) -> None:
    assert case.claims(see(case.page, case.query)) == []
    assert Race.from_query(case.race.to_query()) == case.race


def test_every_case_has_words() -> None:
    for case in casebook():
        assert all([case.title, case.label, case.question, case.text, case.page]), case.name
        assert case.must, case.name
    assert len({(case.page, case.label) for case in casebook()}) == len(casebook())


def test_there_are_enough_cases_and_every_symptom_has_one() -> None:
    assert len(casebook()) >= 30
    assert {case.symptom for case in casebook()} >= {*SYMPTOMS}


@pytest.mark.parametrize("case", casebook(), ids=name)
def test_related_cases_exist(case: Case) -> None:
    assert {*case.related} <= {each.name for each in casebook()} - {case.name}


def test_the_verdicts_of_cases_are_verdicts() -> None:
    known = {str(each) for each in Verdict} | {NAN_ONLY}
    for case in casebook():
        assert {each.strip() for each in re.split(r"[,|]", f"{case.must},{case.then or case.must}")} <= known, case.name


@pytest.mark.parametrize(
    "content",
    [
        "",
        "no head",
        "+++\nnot toml\n+++\ntext",
        '+++\ntitle = "T"\n+++\ntext',
        '+++\ntitle="T"\nlabel="L"\nquestion="Q"\npage="step_size"\nmust="slow"\nsymptom="sad"\n[setup]\nv="1"\n+++\ntext',
        '+++\ntitle="T"\nlabel="L"\nquestion="Q"\npage="step_size"\nmust="slow"\n[setup]\nv="1"\n[numbers]\nluck=7\n+++\ntext',
    ],
)
def test_a_file_that_is_no_case_is_named(content: str) -> None:
    with pytest.raises(ValueError, match=r"explorer/cases/99_x\.md must be"):
        read("99_x.md", content)


def test_a_text_is_filled_and_never_evaluated() -> None:
    assert filled("{rate} {__class__} {0} {rate.real} {{rate}}", {"rate": 0.5, "__class__": 1}) == "0.5 {__class__} {0} {rate.real} {0.5}"


@pytest.mark.parametrize("loss", [[1.0], [np.nan], [np.inf], [0.0, 0.0], [1.0, np.inf], [-1.0, 1e300, 1.0], [1.0, np.nan, 2.0]])
def test_every_curve_can_be_drawn(loss: list[float]) -> None:
    curve = Curve("<b>", Verdict.DIVERGED, np.arange(len(loss)), np.array(loss))
    drawn = sparkline([curve], 'say "x" <b>')
    assert drawn.startswith('<img role="img" alt="say &quot;x&quot; &lt;b&gt;"')
    inside = base64.b64decode(drawn.partition("base64,")[2].partition('"')[0]).decode()
    assert "nan" not in inside
    ElementTree.fromstring(inside)


@pytest.fixture(scope="module")
def done() -> None:
    """All runs are made, as they are for a visitor who has waited."""
    for case in casebook():
        see(case.page, case.query)
        if case.switch:
            see(case.page, case.undone.query)


@pytest.mark.usefixtures("done")
def test_every_case_has_a_card_with_a_picture() -> None:
    app = opened(PAGE)
    assert not app.exception
    shown = drawings(app)
    assert len(shown) == len(casebook())
    for case in casebook():
        assert any(each.startswith(case.title) for each in shown), case.name


@pytest.mark.usefixtures("done")
def test_a_switch_changes_the_picture_and_its_words() -> None:
    app = opened(PAGE)
    case = next(each for each in casebook() if each.name == "10_regression_to_nan")
    before = next(each for each in drawings(app) if each.startswith(case.title))
    app.toggle(key=f"cases:switch:{case.name}").set_value(True).run()
    after = next(each for each in drawings(app) if each.startswith(case.title))
    assert "Diverges" in before
    assert "Converges" in after


@pytest.mark.usefixtures("done")
def test_cards_are_filtered_by_symptom_and_by_words() -> None:
    app = opened(PAGE)
    app.pills(key="cases:symptom").set_value("stuck").run()
    assert len(drawings(app)) == sum(case.symptom == "stuck" for case in casebook())
    app.text_input(key="cases:search").set_value("SIGMOID slope").run()
    assert len(drawings(app)) == 1
    app.text_input(key="cases:search").set_value("no such word").run()
    assert "No case contains these words" in app.info[0].value


OPENED = [
    case
    for case in casebook()
    if case.page in ("race", "gradient", "why_nan")
    or case.query["loss"] == "homemade_network"
    or case.name in ("20_momentum_transient", "26_logistic_separable")
]


@pytest.mark.parametrize("case", OPENED, ids=name)
def test_a_case_opens_in_the_lab(case: Case) -> None:
    """Those that its page does not offer by themselves; a link is a link, so not all of them."""
    query = case.query if case.page == "race" else case.setup.to_query()
    app = opened(FOLDER / lab(case.page), query)
    assert not app.exception
    assert not app.warning
    assert app.session_state["setup"] == (case.race.setup if case.page == "race" else case.setup)


def test_the_pages_offer_the_presets() -> None:
    assert [case for case in casebook() if case.preset] == [*cases()]
    assert next(iter(cases())).name == "10_regression_to_nan", "the home page opens with it"
