"""A class that bets, over HTTP and by plain forms: what is asked, what is taken, what is refused, and what nobody may see."""

from __future__ import annotations

import html
import json
import re
import socket
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote, urlsplit

import numpy as np
import pytest

from explorer.core.ground.prose import plain
from explorer.core.losses import LOSSES
from explorer.core.run.bracket import diverges
from explorer.core.run.setup import Setup
from explorer.core.verdict.verdict import Verdict
from explorer.hall import pages, routes, store
from explorer.hall.pages import Own, clean, leader, points, result, student
from explorer.hall.problem import Problem, still
from explorer.hall.store import Bet, Room, State
from explorer.site.casebook import casebook
from tests.hall.people import RAVINE, Lecturer, Student

CASES = [case for case in casebook() if case.page == "step_size"]
ROOM = Room("BCDFGH", "", State.OPEN, 1, 0, "", 0)
ASKS = RAVINE.replace("ravine", "x_squared")


PROBLEMS = {case.name: Problem.of(case.setup) for case in routes.offered()}


def test_three_rounds_by_plain_forms(address: str) -> None:
    """No script runs here: what a browser without scripts shows is the whole of it."""
    lecturer = Lecturer(address).open()
    ada, ben, eve = (Student(address).join(lecturer.code) for _ in range(3))
    assert "<noscript>" in ada.page
    assert 'img role="img" alt="The loss, with the start' in ada.page
    for round, next_case in ((1, "09_x_squared"), (2, "20_momentum_transient"), (3, None)):
        for person in (ada, ben, eve):
            person.join(lecturer.code)
            assert f"round {round}" in person.page
        low, high = (float(re.findall(f'data-{end}="([^"]+)"', ada.page)[0]) for end in ("low", "high"))
        ada.bet(low, "Ada")
        ada.bet(high, "Ada")
        assert "You bet" in ada.bet((low * high) ** 0.5, "Ada")
        ben.bet(low, "Ben")
        assert "(closed)" in lecturer.does("close")
        eve.bet(low, "Eve")
        assert (eve.status, eve.refusal) == (409, f"Your bet for round {round} came too late; its bets are closed.")
        assert "You did not bet in this round." in eve.join(lecturer.code).page
        assert '<svg class="strip"' not in lecturer.page + ada.join(lecturer.code).page
        lecturer.does("reveal")
        for page in (lecturer.page, ada.join(lecturer.code).page, eve.join(lecturer.code).page):
            assert page.count('<svg class="strip"') == 1
            assert "2 bets" in page
        rows = re.findall(r"<tr><td>(\w+)</td><td class=\"number\">(\d+)</td><td class=\"number\">(\d)</td>", eve.page)
        assert {(name, played) for name, _, played in rows} == {("Ada", str(round)), ("Ben", str(round))}
        lecturer.does("open")
        assert "revealed" in lecturer.page, "what was shown is not bet on again"
        if next_case:
            lecturer.does("next", case=next_case)
    lecturer.does("end")
    for person in (ada, lecturer):
        person.ask(f"/room/{lecturer.code}")
        assert (person.status, person.refusal[:42]) == (404, "There is no room of that code, or it has e")


@pytest.mark.parametrize("name", PROBLEMS)
def test_before_it_is_revealed_nothing_that_is_sent_depends_on_the_answer(name: str) -> None:
    """The pages of a problem, and of one with another answer, are the same to the byte; and a phone loads little."""
    told = PROBLEMS[name]
    other = replace(told, edge=told.low * 7, reason="-", words=("diverged",), begins=(told.low,))
    bets = [Bet(1, "a", told.low, 1, "Ada", False)]
    for state in (State.OPEN, State.CLOSED):
        room = replace(ROOM, state=state, count=1)
        for own in (Own(None, 0, ""), Own(told.low, 3, "Ada")):
            sent = student(room, told, own, "")
            assert sent == student(room, other, own, "")
            assert len(sent.encode()) <= 50_000
            assert not re.search(r"\b(λ|curvature) ?=", html.unescape(re.sub("<style>.*</style>", "", sent, flags=re.DOTALL)))
        assert leader(room, [told], bets, "", "http://a/room/BCDFGH", CASES) == leader(
            room, [other], bets, "", "http://a/room/BCDFGH", CASES
        )


@pytest.mark.parametrize("setup", [*(case.setup for case in routes.offered()), *map(Setup, LOSSES)], ids=lambda setup: setup.recipe)
def test_an_open_round_says_nothing_of_its_problem_but_what_is_run_and_the_start(setup: Setup) -> None:
    """The shelf's sentences about losses, some of which say where the edge is, are nowhere; the number is that of the loss at the start."""
    shown, about = still(setup), (LOSSES[setup.loss].__doc__ or "").strip().splitlines()[0]
    value = plain(float(setup.make_loss().value(setup.initial_point[:, np.newaxis])[0]))
    ((told, alt),) = re.findall('<p class=\'told\'>(.*)</p><img role="img" alt="(.*?)" [^>]+>$', shown)
    assert alt == html.escape(f"The loss, with the start of a run, where it is {value}. No run is shown.")
    assert told.endswith(f", where the loss is {value}")
    problem = Problem(setup.to_query(), setup.recipe, shown, 0.1, 10.0, 0.5, "Why.", ("diverged",), (0.1,))
    for page in (student(ROOM, problem, Own(None, 0, ""), ""), leader(ROOM, [problem], [], "", "http://a/room/BCDFGH", CASES)):
        assert not [clause for clause in re.split("[,:;.] ", about) if " " in clause and clause in html.unescape(page)]


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_answer_is_what_runs_do(name: str) -> None:
    """At rates that were not tried for it a run ends as the zones say, but for those next to a border, which is known to 3 %."""
    problem, setup = PROBLEMS[name], next(case.setup for case in CASES if case.name == name)
    rates = np.geomspace(problem.low * 1.01, problem.high / 1.01, 47)
    borders = np.array([*problem.begins[1:]])
    far = rates[(np.abs(rates[:, np.newaxis] / borders - 1) > 0.04).all(axis=1)]
    around = [problem.edge / 1.02, problem.edge * 1.02]
    diverged = diverges(setup.make_loss(), setup.make_optimizer(), np.append(far, around), **setup.conditions())
    assert diverged[:-2].tolist() == [problem.verdict(rate) == Verdict.DIVERGED for rate in far]
    assert diverged[-2:].tolist() == [False, True] == [problem.verdict(rate) == Verdict.DIVERGED for rate in around]
    assert 10 * problem.low <= problem.edge * (1 + 1e-9) < problem.high / 10


def test_the_middle_of_the_range_says_nothing() -> None:
    setup = Setup("x_squared")
    assert len({Problem.of(setup).low for _ in range(40)}) == 2


HOSTILE = {
    "no number": ({"rate": "alot"}, 400, "A bet is a number such as 0.05, got 'alot'."),
    "nothing": ({"rate": ""}, 400, "A bet is a number such as 0.05, got ''."),
    "nan": ({"rate": "nan"}, 400, "A bet is a number such as 0.05, got 'nan'."),
    "inf": ({"rate": "1e999"}, 400, "A bet is a learning rate between 0.01 and 100, got inf."),
    "negative": ({"rate": "-1"}, 400, "A bet is a learning rate between 0.01 and 100, got −1."),
    "zero": ({"rate": "0"}, 400, "A bet is a learning rate between 0.01 and 100, got 0."),
    "two numbers in one": ({"rate": "1,000"}, 400, "1,000 can be read as 1000 and as 1.000: write it without a comma."),
    "a power alone": ({"rate": "10²"}, 400, "A bet is a number such as 0.05, got '10²'."),
    "too large": ({"rate": "1e7"}, 400, "A bet is a learning rate between 0.01 and 100, got 1 × 10⁷."),
    "code": ({"rate": "__import__('os')"}, 400, "A bet is a number such as 0.05, got \"__import__('os')\"."),
    "markup": ({"rate": "<script>"}, 400, "A bet is a number such as 0.05, got '<script>'."),
    "SQL": ({"rate": "1); DROP TABLE bets"}, 400, "A bet is a number such as 0.05, got '1); DROP TABLE bets'."),
    "a long name": ({"nickname": "x" * 25}, 400, "A nickname has at most 24 characters, got 25."),
    "no round": ({"round": ""}, 400, "The round of a bet is a whole number, got ''. Open the room’s page again."),
    "a forged number": ({"turn": "-1"}, 400, "The number of a bet is a whole number, got '-1'. Open the room’s page again."),
    "a number beyond all": (
        {"turn": "9" * 30},
        400,
        "The number of a bet is a whole number, got '99999999999999999999'. Open the room’s page again.",
    ),
    "a round to come": ({"round": "2"}, 409, "Round 2 has not begun: round 1 is open."),
    "many fields": (
        dict.fromkeys("abcdefghijklmnopqrst", ""),
        400,
        "A form of these pages has at most 20 fields. Open the room’s page again.",
    ),
    "too long": ({"more": "x" * 1100}, 413, "That is too long: 1,024 bytes at most."),
}


def test_hostile_bets_are_refused_with_a_sentence_and_change_nothing(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.SystemRandom.choice", lambda self, found: found[1])
    lecturer = Lecturer(address).open()
    ada = Student(address).join(lecturer.code)
    ada.bet("0,5", "Ada")
    for name, (fields, status, sentence) in [*HOSTILE.items(), *reversed(HOSTILE.items())]:
        ada.join(lecturer.code)
        ada.bet(**{"rate": "0.5"} | fields)  # type: ignore[arg-type]
        assert (ada.status, html.unescape(ada.refusal)) == (status, sentence), name
        assert f'href="/room/{ada.code}">Back to the room<' in ada.page
        asked = ada.form() | {"round": 1, "turn": 9, "rate": 0.5} | fields
        said = ada.ask(f"/room/{ada.code}/bet", asked, accept="application/json")
        assert (ada.status, json.loads(said)["said"]) == (status, sentence), name
        assert "You bet 0.5." in ada.join(lecturer.code).page
    for sent in (b"rate=0.5&round=1&turn=9&nickname=%ff", b"rate=0.5&round=1&turn=9&nickname=%ed%a0%80", b"nickname=\xff"):
        ada.ask(f"/room/{ada.code}/bet", body=sent)
        assert (ada.status, ada.refusal[:40]) == (400, "A form of these pages is text in UTF-8, "), sent
    stranger = Student(address)
    stranger.code = lecturer.code
    stranger.bet(0.5, round=1, turn=1)
    assert (stranger.status, stranger.refusal[:30]) == (400, "Open the room’s page first, in")
    ada.ask(f"/room/{ada.code}/bet", {"rate": 0.7, "round": 1, "turn": 99}, origin="https://evil.example")
    assert (ada.status, ada.refusal) == (403, "This form came from another site.")
    assert "You bet 0.5." in ada.join(lecturer.code).page


@pytest.mark.parametrize("low", [1e-9, 1e-5, 0.01, 0.1, 1.0, 1e4])
def test_what_a_page_writes_of_its_range_can_be_typed(low: float) -> None:
    """Also one that ends beyond a thousand, or far below: the ends are bets, and what lies next to them is not."""
    problem = Problem({}, "x²", "", low, low * 1e4, low * 100, "Why.", ("diverged",), (low,))
    written = re.findall(r"As a number, from (.*?) to (.*?) <", student(ROOM, problem, Own(None, 0, ""), ""))
    assert [problem.check(routes.number(end)) for end in written[0]] == pytest.approx([low, low * 1e4])
    for beyond in (low / 1.01, low * 1.01e4):
        with pytest.raises(ValueError, match=f"between {re.escape(' and '.join(written[0]))}, got"):
            problem.check(beyond)


def test_a_bet_that_arrives_twice_or_late_counts_once(address: str) -> None:
    lecturer = Lecturer(address).open()
    ada = Student(address).join(lecturer.code)
    first, second = {"round": 1, "turn": 1, "rate": 0.5}, {"round": 1, "turn": 2, "rate": 0.7}
    for sent, status in ((first, 200), (first, 200), (second, 200), (first, 409), (second, 200), (first, 409)):
        ada.ask(f"/room/{ada.code}/bet", sent, accept="application/json")
        assert ada.status == status
    assert "You bet 0.7." in ada.join(lecturer.code).page
    assert json.loads(lecturer.ask(f"/room/{ada.code}/lead/state"))["count"] == 1 or waited_for(lecturer, 1)


def waited_for(lecturer: Lecturer, count: int) -> bool:
    """Whether that many bets are told: what is told may be half a second old."""
    while json.loads(lecturer.ask(f"/room/{lecturer.code}/lead/state"))["count"] != count:
        pass
    return True


def test_names_of_emoji_and_markup_are_shown_as_they_are_and_can_be_hidden(address: str) -> None:
    lecturer = Lecturer(address).open()
    names = ("<script>alert(1)</script>"[:24], "🦆👩🏽\N{ZERO WIDTH JOINER}🔬", "a\u0300\u0301\u0302\u0303\u0304", "x\u202ey", "'\"&amp;")
    for name in names:
        Student(address).join(lecturer.code).bet(1, name)
    lecturer.does("reveal")
    shown = [html.escape(clean(name)) for name in names]
    for name in shown:
        assert f"<td>{name}</td>" in lecturer.page
    assert "<script>alert" not in lecturer.page
    assert "\u202e" not in lecturer.page
    watching = Student(address).join(lecturer.code)
    for hide in (True, False, True):
        lecturer.does("hide" if hide else "show", nickname=clean(names[0]))
        assert (f"<td>{shown[0]}</td>" in lecturer.page) is not hide
        assert (f"<td>{shown[0]}</td>" in watching.join(lecturer.code).page) is not hide
        assert f"<td>{shown[1]}</td>" in watching.page


def test_a_word_of_a_nickname_is_written_in_one_of_the_alphabets_that_look_alike(address: str) -> None:
    lecturer = Lecturer(address).open()
    mixed = ("\N{CYRILLIC SMALL LETTER A}dmin", "Ad\N{GREEK SMALL LETTER ALPHA}", "Team \N{CYRILLIC CAPITAL LETTER O}ne")
    ordinary = ("admin", "\u0410\u0434\u0430 A", "\u03b1\u03b2\u03b3", "Zo\u00eb 2", "\u592a\u90ce-san", "\U0001f986")
    for name in (*mixed, *ordinary, *reversed(mixed)):
        student = Student(address).join(lecturer.code)
        student.bet(1, name)
        assert (student.status, "written in one alphabet" in student.refusal) == ((400, True) if name in mixed else (200, False)), name


def test_two_rooms_never_see_each_other(serve: Callable[[], str]) -> None:
    """Nor do two servers of the same rooms see anything else than one would."""
    here, there = serve(), serve()
    mine, other = Lecturer(here).open(), Lecturer(there).open(ASKS)
    ada = Student(here).join(mine.code)
    ada.bet(1, "Ada")
    assert "You bet" not in ada.join(other.code).page
    ada.bet(0.5, "Someone else")
    mine.does("reveal")
    assert "Someone" not in mine.page
    assert "round 1: " in other.does("hide", nickname="Ada")
    for intruder in (mine, ada, Student(here)):
        intruder.ask(f"/room/{other.code}/lead")
        assert (intruder.status, intruder.refusal[:27]) == (403, "This page belongs to who op")
        intruder.ask(f"/room/{other.code}/lead", {"do": "end", "round": 1})
        assert intruder.status == 403
        intruder.ask(f"/room/{other.code}/lead/state")
        assert intruder.status == 403
    intruder.cookies[f"leads-{other.code}"] = mine.cookies[f"leads-{mine.code}"]
    intruder.ask(f"/room/{other.code}/lead")
    assert intruder.status == 403
    assert "Someone else" in other.does("reveal")
    assert "Ada" not in other.page
    mine.address = there
    assert "Ada" in mine.ask(f"/room/{mine.code}/lead")


def test_whether_a_page_has_changed_costs_little(address: str) -> None:
    lecturer = Lecturer(address).open()
    ada = Student(address).join(lecturer.code)
    first = ada.ask(f"/room/{ada.code}/state")
    tag = ada.headers["etag"]
    ada.ask(f"/room/{ada.code}/state", if_none_match=tag)
    assert (ada.status, ada.page) == (304, "")
    lecturer.does("close")
    assert ada.ask(f"/room/{ada.code}/state", if_none_match=tag) != first
    assert ada.status == 200


@pytest.mark.parametrize("code", ["AAAAAA", "bcdfgh", "BCDFG", "BCDFGHJ", "%3Cb%3E", "......", "BCDFG\u0130"])
def test_a_room_that_does_not_exist(address: str, code: str) -> None:
    ada = Student(address).join(code)
    assert (ada.status, ada.refusal) == (404, "There is no room of that code, or it has ended. Look at the code on the screen again.")


def test_a_code_is_typed_in_any_way_also_in_an_address(address: str) -> None:
    lecturer = Lecturer(address).open()
    ada, code = Student(address), lecturer.code
    for typed in (f" {code[:3].lower()}-{code[3:]} ", code.lower(), f"{code[:3]} {code[3:]}", f"{code}\u00a0"):
        assert f"Room {code}" in ada.join(typed).page
        path = f"/room/{quote(typed)}"
        for more in ("", "/", "/bet", ""):
            assert f"Room {code}" in ada.ask(path + more), more
        assert "You bet 1." in ada.ask(f"{path}/bet", {"round": 1, "turn": 1, "rate": 1})
        assert "Close bets" in lecturer.ask(f"{path}/lead")


def test_what_is_not_there_is_said_on_a_page_of_ours_with_a_way_out(address: str) -> None:
    lecturer = Lecturer(address).open()
    room = f"/room/{lecturer.code}"
    absent = {f"{room}/bets": room, f"{room}/lead/more": f"{room}/lead", f"{room}//": room, "/room/a/b/c": "/room"}
    deaf = {f"{room}/state": room, room: room, "/room/": "/room"}  # to a form that is sent there
    paths = [(path, None, 404, way) for path, way in absent.items()] + [(path, {}, 405, way) for path, way in deaf.items()]
    for path, fields, status, way in [*paths, *reversed(paths)]:
        lecturer.ask(path, fields)
        assert (lecturer.status, lecturer.page.count("</h1>"), lecturer.refusal != "") == (status, 1, True), path
        assert re.findall('class="button" href="(.*?)"', lecturer.page) == [way]
        lecturer.ask(way)
        assert lecturer.status == 200
    stranger = Student(address)
    for path, way in ((f"{room}/lead", room), ("/room/BCDFGH", "/room"), ("/room/BCDFGH/lead", "/room")):
        assert re.findall('class="button" href="(.*?)"', stranger.ask(path)) == [way]
    lecturer.ask(f"{room}/lead", {"do": "dance", "round": 1})
    assert f'href="{room}/lead">Back' in lecturer.page
    assert "Join" in stranger.ask("/room/")


def test_a_body_that_does_not_arrive_is_given_up(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lecturer, parts = Lecturer(address).open(), urlsplit(address)
    for enough, begun in ((0.01, b""), (0.01, b"round=1&")):
        monkeypatch.setattr(routes, "ENOUGH", enough)
        with socket.create_connection((parts.hostname, parts.port), timeout=60) as way:
            way.sendall(f"POST /room/{lecturer.code}/bet HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n".encode() + begun)
            said = b"".join(iter(lambda: way.recv(4096), b"")).decode()  # until the server hangs up
        assert said.startswith("HTTP/1.1 408")
        assert "Not all of the form arrived in 0.01 seconds. Send it again." in said


def test_a_bet_for_a_round_that_is_over_says_which_is_open(address: str) -> None:
    """One that was kept on a phone while the room went on."""
    lecturer = Lecturer(address).open()
    ada = Student(address).join(lecturer.code)
    for going, said in (
        (("close",), "its bets are closed"),
        (("reveal",), "its bets are closed"),
        (("next",), "round 2 is open"),
        (("close",), "round 2 is closed"),
        (("reveal", "next"), "round 3 is open"),
    ):
        for does in going:
            lecturer.does(does, case="09_x_squared")
        for accept in ("application/json", "text/html"):
            answer = ada.ask(f"/room/{ada.code}/bet", {"round": 1, "turn": 1, "rate": 1}, accept=accept)
            assert ada.status == 409
            assert f"Your bet for round 1 came too late; {said}." in answer


def test_beyond_the_bound_and_beyond_the_limit_is_refused_politely(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_BETS", 3)
    lecturer = Lecturer(address).open()
    students = [Student(address).join(lecturer.code) for _ in range(5)]
    for each in students:
        each.bet(1)
    assert [each.status for each in students] == [200] * 3 + [409] * 2
    assert students[-1].refusal == routes.SAID[store.Taken.FULL]
    students[0].join(lecturer.code).bet(2)
    assert students[0].status == 200


def test_one_address_that_asks_too_often_waits(serve: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "Limit", lambda at_once, a_second: real(min(at_once, 4), 0.08, lambda: 0.0))
    address = serve()
    lecturer = Lecturer(address).open()
    ada = Student(address).join(lecturer.code)
    for turn in range(1, 5):
        ada.ask(f"/room/{ada.code}/bet", {"round": 1, "turn": turn, "rate": 1}, accept="application/json")
    assert ada.status == 429
    assert json.loads(ada.page)["said"] == "That is more than one address may ask for. Try again in 13 seconds."
    assert ada.headers["retry-after"] == "13"
    for _ in range(5):
        ada.join("BCDFGH")
    assert (ada.status, ada.refusal[-24:]) == (429, "Try again in 13 seconds.")


real = routes.Limit


UNASKED = {
    "https://example.org": "A link of the app names a loss, as in …/?loss=quadratic&optimizer=momentum, got 'https://example.org'.",
    "?loss=absolute": "In 100 steps no rate up to 100 diverges: there is no edge to bet on; choose another problem.",
    "?loss=absolute&steps=1": "In 1 step no rate up to 100 diverges: there is no edge to bet on; choose another problem.",
    "?loss=linear_regression&steps=99999999": "Steps must be ≤ 20,000, got 99,999,999.",
    "?loss=ravine&loss.dimension=100000&steps=100": "Steps must be ≤ 31 for 100,000 dimensions × 160 rates, got 100.",
    "https://example.org/race?loss=x_squared&racers=snail:1": "Racers: optimizer must be one of .*, got 'snail'.",
    "/race?v=1&loss=ravine&racers=momentum:0.1,adam:0.1": "A room bets on one edge, and this race has 2 .* link.*",
    "/map?v=1&loss=ravine": "A room bets on the edge of one setup, and a map runs another one in each pixel: click .* Step size.*",
}
WRONG = {
    "v=1&loss=nosuch": "Loss must be one of .*, got 'nosuch'.*",
    "v=1&loss=ravine&loss.condition_number=-5": "Condition_number must be finite and ≥ 1, got -5.",
    "v=1&loss=ravine&optimizer=nosuch": "Optimizer must be one of .*, got 'nosuch'.*",
    "v=1&loss=ravine&steps=nan": "Steps must be finite and ≥ 0, got nan.",
    "v=77&loss=ravine": "V must be 1, the version of links that this app writes, got '77'.",
    "v=1&loss=ravine&step=5": "A link has no part named 'step'.*",
}
"""Links of which a part cannot be read, and the sentence about it; a problem that nobody asked for would be played instead."""


def test_a_problem_that_cannot_be_asked_says_why_and_the_round_stays(address: str) -> None:
    lecturer = Lecturer(address).open()
    wrong = {f"https://example.org/?{query}": sentence for query, sentence in WRONG.items()}
    for link, sentence in [*(UNASKED | wrong).items(), *reversed((UNASKED | wrong).items())]:
        lecturer.does("skip", link=link, case="20_momentum_transient")
        assert (lecturer.status, lecturer.refuses(sentence)) == (400, True), (link, lecturer.refusal)
        assert "Close bets" in lecturer.page, "a line beside the field, and not a page of its own"
        assert f'value="{html.escape(link)}" aria-invalid' in lecturer.page, "what was typed is kept"
        assert '<option value="20_momentum_transient" selected>' in lecturer.page
        assert "round 1: " in lecturer.ask(f"/room/{lecturer.code}/lead")
        assert "aria-invalid" not in lecturer.page
    for _ in range(2):
        lecturer.does("skip", link=f"https://example.org/?loss=x_squared&{'x' * 1100}")
        assert (lecturer.status, lecturer.refusal) == (413, "That is too long: 1,024 bytes at most.")
        assert 'aria-invalid="true" aria-describedby="refusal"' in lecturer.page, "beside the field, as the others"
    assert lecturer.does("skip", case="nosuch")
    assert lecturer.refuses("Choose a problem for the next round, or paste a link of the app.")
    for query, sentence in WRONG.items():
        lecturer.ask(f"/room?{query}", {})
        assert (lecturer.status, lecturer.refuses(sentence)) == (400, True), (query, lecturer.refusal)
        lecturer.ask(f"/room?{query}")
        assert lecturer.refuses(f"{sentence}.*"), (query, lecturer.refusal)
    lecturer.ask(html.unescape(re.findall('method="post" action="(.*?)"', lecturer.page)[0]), {})
    assert lecturer.status == 200, "what the page shows is what it opens"


@pytest.mark.parametrize(
    "link", ["race?v=1&loss=x_squared&racers=momentum:0.1", "?v=1&loss=x_squared&optimizer=momentum&view.at=3&embed=true"]
)
def test_a_link_of_any_page_makes_a_round(address: str, link: str) -> None:
    lecturer = Lecturer(address).open()
    lecturer.does("skip", link=f"https://example.org/{link.format('loss=x_squared&optimizer=momentum')}")
    assert "round 2: " in lecturer.page
    assert "momentum, momentum β 0.9" in lecturer.page


def test_the_next_round_comes_without_a_reveal_only_by_its_own_button(address: str) -> None:
    """Clicked twice, or on a page that is no longer true, a button does nothing more."""
    lecturer = Lecturer(address).open()
    for round, before in enumerate(((), ("close",), ("close", "open")), 1):
        for does in before:
            lecturer.does(does)
        assert "Next round without revealing" in lecturer.page
        for _ in range(2):
            lecturer.ask(f"/room/{lecturer.code}/lead", {"do": "next", "round": round, "case": "09_x_squared"})
            assert lecturer.status == 409
            assert lecturer.refuses(f"Round {round} has not been revealed. Reveal it first, or choose “Next round without revealing”.")
        for does in ("skip", "skip", "next"):
            lecturer.ask(f"/room/{lecturer.code}/lead", {"do": does, "round": round, "case": "09_x_squared"})
            assert f"Bets in round {round + 1}: " in lecturer.page
    assert "without revealing" not in lecturer.does("reveal")
    assert "Bets in round 5: " in lecturer.does("next", case="09_x_squared")


def test_a_list_of_thousands_of_names_is_short_and_the_best_of_what_was_revealed_come_first() -> None:
    problem = Problem({}, "x²", "", 0.01, 100.0, 1.0, "Why.", ("converged", "diverged"), (0.01, 1.0))
    first = [Bet(1, str(i), 1.0 + (i * 7 % 4210) / 4210, 1, f"Name {i}", i == 0) for i in range(4210)]
    second = [replace(bet, round=2, rate=2.0) for bet in first]
    shown = {}
    for round, state in ((1, State.OPEN), (1, State.REVEALED), (2, State.CLOSED)):
        room = replace(ROOM, round=round, state=state)
        page = leader(room, [problem] * round, [*first, *second[: 4210 * (round - 1)]], "", "http://a/room/BCDFGH", CASES)
        assert "And 4,110 more." in page
        assert len(page.encode()) < 100_000
        shown[round, state] = re.findall("<li>.*?<span>(.*?)</span>", page)
    assert shown[1, State.OPEN] == [f"Name {i}" for i in range(100)]
    assert shown[1, State.REVEALED] == shown[2, State.CLOSED] == [name for name, _, _ in points([problem], first, 1)[:100]]
    assert shown[1, State.REVEALED] != shown[1, State.OPEN]


def test_a_second_one_of_a_name_is_told_so_and_one_button_hides_a_name_however_it_is_written(address: str) -> None:
    lecturer = Lecturer(address).open()
    ada, eve = Student(address).join(lecturer.code), Student(address).join(lecturer.code)
    ada.bet(1, "Ada")
    for name in ("ada", "ＡＤＡ", "A d a"):
        eve.join(lecturer.code).bet(1, name)
        assert (eve.status, eve.refuses(routes.SAID[store.Taken.NAMED])) == (409, True)
    eve.join(lecturer.code).bet(1, "Ada E")
    assert "2 bets" in lecturer.does("reveal")
    for hide in (True, False, True):
        assert ("<td>Ada</td>" in lecturer.does("hide" if hide else "show", nickname="aDA")) is not hide
        assert "<td>Ada E</td>" in lecturer.page


def test_the_standing_of_known_bets() -> None:
    """By hand: edge 1, bets at 0.5, 0.8 and 4."""
    problem = Problem({}, "x²", "", 0.01, 100.0, 1.0, "Why.", ("converged", "diverged"), (0.01, 1.0))
    bets = [Bet(1, who, rate, 1, name, False) for who, rate, name in (("a", 0.5, "Ada"), ("b", 0.8, "Ben"), ("c", 4.0, ""))]
    told = re.sub("<[^>]+>", " ", result([problem], bets, 1, 760))
    assert (
        "3 bets, 2 of them (67 %) on the safe side. The median is 0.8, 0.8 × the edge; the nearest is 0.8 by Ben, 0.8 × the edge." in told
    )
    assert points([problem, problem], [*bets, Bet(2, "a", 1.0, 1, "Ada", False)], 2) == [("Ada", 150, 2), ("Ben", 80, 1)]
    assert "Nobody has bet" in result([problem], [], 1, 360)


def test_the_tables_of_points_are_as_long_as_one_another() -> None:
    problem = Problem({}, "x²", "", 0.01, 100.0, 1.0, "Why.", ("converged", "diverged"), (0.01, 1.0))
    for count, lengths in ((1, [1]), (5, [5]), (6, [3, 3]), (7, [4, 3]), (10, [5, 5]), (12, [5, 5])):
        shown = result([problem], [Bet(1, str(i), 0.5, 1, f"Name {i}", False) for i in range(count)], 1, 900)
        assert [table.count("<tr><td>") for table in shown.split("<table")[1:]] == lengths


def test_a_page_says_where_its_icon_is(address: str) -> None:
    """Else a browser asks the server for one that is not there."""
    lecturer = Lecturer(address).open()
    for path in ("/room", f"/room/{lecturer.code}", f"/room/{lecturer.code}/lead", "/room/nowhere"):
        assert '<link rel="icon" href="data:' in lecturer.ask(path)


def test_every_word_of_the_ruler_is_explained_once() -> None:
    words = (*map(str, Verdict), "slow")
    problem = Problem({}, "x²", "", 0.01, 100.0, 1.0, "Why.", words, tuple(0.01 * 2.0**i for i in range(len(words))))
    told = dict(re.findall("<dt .*?>(.*?)</dt><dd>(.+?)</dd>", result([problem], [], 1, 760)))
    assert [*told] == [*words[:-1]]
    assert len({*told.values()}) == len(told) == result([problem], [], 1, 760).count("<dt ")


def test_a_picture_of_a_thousand_bets_is_small_enough_for_a_phone() -> None:
    problem = next(iter(PROBLEMS.values()))
    bets = [Bet(1, str(i), problem.low * (problem.high / problem.low) ** (i / 999), 1, f"name {i}", False) for i in range(1000)]
    assert len(student(replace(ROOM, state=State.REVEALED), problem, Own(1.0, 1, ""), result([problem], bets, 1, pages.NARROW))) <= 50_000
