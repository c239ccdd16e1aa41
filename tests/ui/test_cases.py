"""Every case is true: its setup does what its head says, and so does the setup after the switch."""

from __future__ import annotations

import base64
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.typing import NDArray
from streamlit.testing.v1 import AppTest

from explorer.core.maps.map import Axis
from explorer.core.run.race import Race
from explorer.core.verdict.verdict import Verdict
from explorer.figures.thumbnail import Curve, sparkline
from explorer.site import seen
from explorer.site.casebook import SYMPTOMS, Case, casebook, cases, filled, read
from explorer.site.seen import COARSE, FACTS, NAN_ONLY, Seen, name_of, recorded, run_link, see
from explorer.ui.way import lab
from tests.ui.reading import FOLDER, address, drawings, nudge, opened

SINGLE = [case for case in casebook() if case.page not in ("race", "map")]
PAGE = FOLDER / "pages" / "70_cases.py"


def name(case: Case) -> str:
    return case.name


def agrees(value: float, claim: Any) -> bool:
    """Whether a number is what a head claims: a whole number exactly, a pair as two ends, any other to half a percent."""
    if isinstance(claim, list | tuple):
        low, high = claim
        return bool(low <= value <= high)
    return value == claim if isinstance(claim, int) else math.isclose(value, claim, rel_tol=5e-3)


def untrue(case: Case, found: Seen, *, after: bool = False) -> list[str]:
    """The head's claims that `found` does not show, in words; `after` is about the run after the switch."""
    verdict, numbers = (case.then, case.then_numbers) if after else (case.must, case.numbers)
    wrong = [] if found.verdict in verdict.split("|") else [f"verdict must be {verdict}, got {found.verdict}: {found.sentence}"]
    off = {name: claim for name, claim in numbers.items() if not agrees(found.facts[name], claim)}
    return wrong + [f"{name} must be {claim}, got {found.facts[name]}" for name, claim in off.items()]


@pytest.mark.parametrize("case", [case for case in casebook() if case.page != "map"], ids=name)
def test_a_case_is_true_and_what_pages_show_of_it_is_its_run(case: Case) -> None:
    assert case.switch or case.page == "race", "a case can be made to go away with one change"
    for each, after in ((case, False), (case.undone, True)) if case.switch else ((case, False),):
        found, shown = run_link(each.page, each.query), see(each.page, each.query)
        assert untrue(case, found, after=after) == []
        assert untrue(case, shown, after=after) == []
        assert alike(shown, found) or not alike(nudged(each), found), "python -m explorer.site.casebook records it anew"


@pytest.mark.parametrize("case", [case for case in casebook() if case.page == "map"], ids=name)
def test_a_map_is_true_in_every_third_row_and_column(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ninth of the work: the middle of a pixel three times as wide and high is the middle of one of the recorded."""
    shown = see(case.page, case.query)
    assert set(shown.verdict.split(",")) == set(case.must.split(","))
    monkeypatch.setattr(seen, "COARSE", COARSE // 3)
    rows, columns = shared(case.record.y), shared(case.record.x)

    def every_third(query: Mapping[str, str]) -> NDArray[np.str_]:
        found = run_link(case.page, query)
        return np.array([[found.cells[row][column] for column in columns] for row in rows])

    recorded = np.array([[shown.cells[rows[row]][columns[column]] for column in columns] for row in rows])
    found = every_third(case.query)
    settled = np.ones(found.shape, dtype=bool)  # not at a border, where the last bit decides, and each processor has its own
    for share in (1e-13, -1e-13, 1e-12, 1e-11):
        if (found == recorded)[settled].mean() >= 0.95:
            break
        settled &= found == every_third(case.query | {axis: moved(case.query[axis], share) for axis in "xy"})
    assert found.size >= 9
    assert settled.mean() >= 0.5
    assert (found == recorded)[settled].mean() >= 0.95, "python -m explorer.site.casebook records it anew"


def shared(axis: Axis) -> dict[int, int]:
    """Which pixels of a coarser axis have their middle in common with which of the recorded."""
    few, many = (replace(axis, count=min(axis.count, count)).values for count in (COARSE // 3, COARSE))
    return {i: int(np.abs(many - value).argmin()) for i, value in enumerate(few) if np.isclose(many, value, atol=0).any()}


def moved(axis: str, share: float) -> str:
    """A logarithmic axis moved by this share of its values; any other as it is."""
    name, low, high, *scale = axis.split(":")
    return ":".join([name, *(repr(float(end) * (1 + share)) for end in (low, high)), *scale]) if "log" in scale else axis


def nudged(case: Case) -> Seen:
    """What its run is at a rate so near that only chaos tells the two apart; then the last bit of another processor does so too."""
    return run_link(case.page, {**case.query, "learning_rate": f"{float(case.query['learning_rate']) * nudge(case.setup)!r}"})


def alike(shown: Seen, found: Seen) -> bool:
    """Whether what was recorded is what a run shows on this machine, to the digits that a text has."""
    numbers = [(value, found.facts[name]) for name, value in shown.facts.items() if not math.isnan(value)]
    lengths = [[each.steps[-1] for each in seen.curves] for seen in (shown, found)]
    return shown.verdict == found.verdict and lengths[0] == lengths[1] and all(agrees(now, float(then)) for then, now in numbers)


def test_everything_that_a_case_shows_is_recorded_and_nothing_else() -> None:
    links = {name_of(each.page, each.query) for case in casebook() for each in (case, case.undone)}
    assert set(recorded()) == links


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
def test_a_race_is_a_link(case: Case) -> None:
    assert Race.from_query(case.record.to_query()) == case.record


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


def gallery(app: AppTest) -> list[str]:
    """The cases in the gallery, by their names; each with its picture."""
    [page] = [each.proto.body for each in app.get("html") if 'class="gallery"' in each.proto.body]
    names = re.findall(r'<a href="cases\?case=(\w+)"', page)
    assert page.count("<img ") == len(names)
    return names


def test_every_case_is_in_the_gallery_with_a_picture() -> None:
    app = opened(PAGE)
    assert not app.exception
    assert sorted(gallery(app)) == sorted(case.name for case in casebook())
    *pictures, card = drawings(app)
    assert all(any(each.startswith(case.title) for each in pictures) for case in casebook())
    assert card == pictures[0], "the first is open"


@pytest.mark.parametrize("case", casebook()[::6], ids=name)
def test_a_link_opens_the_card_of_its_case(case: Case) -> None:
    app = opened(PAGE, {"case": case.name})
    assert not app.exception
    assert drawings(app)[-1].startswith(case.title)
    assert any(case.question in each.value for each in app.caption)


def test_a_link_to_no_case_opens_the_first() -> None:
    app = opened(PAGE, {"case": "<b>nonsense"})
    assert not app.exception
    assert drawings(app)[-1] == drawings(app)[0]


def test_a_switch_changes_the_picture_and_its_words() -> None:
    case = next(each for each in casebook() if each.name == "10_regression_to_nan")
    app = opened(PAGE, {"case": case.name})
    before = drawings(app)[-1]
    app.toggle(key=f"cases:switch:{case.name}").set_value(True).run()
    after = drawings(app)[-1]
    assert "Diverges" in before
    assert "Converges" in after


def test_cases_are_filtered_by_symptom_and_by_words() -> None:
    app = opened(PAGE)
    app.pills(key="cases:symptom").set_value("stuck").run()
    assert len(gallery(app)) == sum(case.symptom == "stuck" for case in casebook())
    app.text_input(key="cases:search").set_value("SIGMOID slope").run()
    assert len(gallery(app)) == 1
    assert drawings(app)[0] == drawings(app)[-1], "its card is open"
    app.text_input(key="cases:search").set_value("no such word").run()
    assert "No case contains these words" in app.info[0].value


@pytest.mark.parametrize(
    ("words", "found"),
    [("CNN", "59_convolution_slow"), ("NaN", "10_regression_to_nan"), ("plateau", "34_on_the_hill"), ("dying ReLU", "50_dead_units")],
)
def test_what_people_type_finds_what_they_mean(words: str, found: str) -> None:
    app = opened(PAGE)
    app.text_input(key="cases:search").set_value(words).run()
    assert found in gallery(app)
    assert len(gallery(app)) < len(casebook()) / 2


def test_every_synonym_is_found_in_a_case() -> None:
    listed = tomllib.loads((FOLDER.parent / "cases" / "synonyms.toml").read_text(encoding="utf-8"))
    texts = [f"{each.title} {each.label} {each.question} {each.text} {each.knob} {each.symptom}".casefold() for each in casebook()]
    for word, alike in listed.items():
        assert word == word.casefold()
        assert [each for each in alike if not any(each in text for text in texts)] == [], word


OPENED = [
    case
    for case in casebook()
    if case.page in ("race", "gradient", "why_nan") or case.name in ("20_momentum_transient", "26_logistic_separable", "82_naive_logarithm")
]


@pytest.mark.parametrize("case", OPENED, ids=name)
def test_a_case_opens_in_the_lab(case: Case) -> None:
    """Those that its page does not offer by themselves; a link is a link, so not all of them."""
    query = case.query if case.page == "race" else case.setup.to_query()
    app = opened(FOLDER / lab(case.page), query)
    assert not app.exception
    assert not app.warning
    if case.page == "race":
        written = {key: value[0] if isinstance(value, list) else value for key, value in app.query_params.items()}
        assert written == case.record.to_query()
    else:
        assert app.session_state["setup"] == case.setup


def test_the_pages_offer_the_presets() -> None:
    assert [case for case in casebook() if case.preset] == [*cases()]
    assert next(iter(cases())).name == "09_x_squared", "the home page opens with it"


def test_a_link_to_a_case_that_there_is_not_says_so_until_another_is_chosen() -> None:
    app = opened(PAGE, {"case": "99_no[such](case)"})
    (note,) = app.warning
    assert "There is no case named" in note.value
    assert r"99_no\[such\]" in note.value, "what a link says is no Markdown"
    assert "search" in note.value
    assert not opened(PAGE, {"case": "09_x_squared"}).warning


def test_a_link_brings_the_filter_and_the_filter_writes_it() -> None:
    app = opened(PAGE, {"symptom": "stuck", "search": "sigmoid"})
    assert (app.pills(key="cases:symptom").value, app.text_input(key="cases:search").value) == ("stuck", "sigmoid")
    few = gallery(app)
    app.text_input(key="cases:search").set_value("").run()
    assert len(few) < len(gallery(app)) == sum(case.symptom == "stuck" for case in casebook())
    assert address(app) == {"symptom": "stuck"}
    app.pills(key="cases:symptom").set_value(None).run()
    app.text_input(key="cases:search").set_value("a & b=c").run()
    assert address(app) == {"search": "a & b=c"}
    wrong = opened(PAGE, {"symptom": "bored", "case": "15_ravine"})
    assert "symptom must be one of explodes" in wrong.warning[0].value
    assert len(gallery(wrong)) == len(casebook())
    assert address(wrong) == {"case": "15_ravine"}
