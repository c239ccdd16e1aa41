"""The rooms in both databases: the same statements, the same answers, whatever order bets arrive in, and nothing of another room."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from explorer.hall import store as module
from explorer.hall.database import ADDRESS, FOLDER, named
from explorer.hall.store import State, Store, Taken
from tests.hall.postgres import postgres


@pytest.fixture(scope="module")
def server() -> Iterator[str | None]:
    with postgres() as address:
        yield address


@pytest.fixture(params=["sqlite", "postgresql"])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """What names a database of this kind."""
    if request.param == "sqlite":
        return {FOLDER: str(tmp_path / "rooms")}
    address = request.getfixturevalue("server")
    if address is None:
        pytest.skip("PostgreSQL is not installed")
    return {ADDRESS: address}


@pytest.fixture
def store(environment: dict[str, str]) -> Iterator[Store]:
    with closing(named(environment)) as database:
        yield Store.of(database)


def test_the_last_bet_by_its_number_holds_in_whatever_order_they_arrive(store: Store) -> None:
    code, _ = store.open("{}")
    sent = [(1, 0.1), (2, 0.4), (3, 0.2), (2, 0.4), (3, 0.2)]
    for i, order in enumerate(itertools.islice(itertools.permutations(sent), 0, 120, 7)):
        taken = [store.bet(code, 1, f"student {i}", rate, turn, "") for turn, rate in order]
        assert store.own(code, 1, f"student {i}") == (0.2, 3, "")
        best = 0
        for (turn, _), said in zip(order, taken, strict=True):
            assert said is (Taken.HOLDS if turn >= best else Taken.OLDER)
            best = max(best, turn)
    room = store.room(code)
    assert room is not None
    assert room.count == len(store.bets(code)) == 18


def test_rooms_walked_at_random_keep_to_a_model_and_never_see_each_other(store: Store) -> None:
    """Two rooms, some hundred moves of lecturers and students; after each, both are what a dictionary says."""
    draw = random.Random(7)
    codes = [store.open("first")[0] for _ in range(2)]
    model = {code: {"round": 1, "state": State.OPEN, "bets": {}} for code in codes}
    for move in range(150):
        code, who = draw.choice(codes), f"student {draw.randrange(6)}"
        room = model[code]
        match draw.randrange(8):
            case 0:
                room["state"] = draw.choice([State.OPEN, State.CLOSED, State.REVEALED])
                store.turn(code, room["round"], room["state"])
                store.turn(code, room["round"] + 1, State.REVEALED)  # of no round yet
            case 1:
                store.go_on(code, room["round"], f"problem {move}")
                store.go_on(code, room["round"], "clicked twice")
                room |= {"round": room["round"] + 1, "state": State.OPEN}
            case _:
                round = room["round"] - draw.randrange(2)
                holds = round == room["round"] and room["state"] is State.OPEN
                assert store.bet(code, round, who, move + 1.0, move, "") is (Taken.HOLDS if holds else Taken.LATE)
                if holds:
                    room["bets"][round, who] = move + 1.0
        for each in codes:
            now, told = store.room(each), model[each]
            assert now is not None
            assert (now.round, now.state) == (told["round"], told["state"])
            assert now.problem != "clicked twice"
            assert {(bet.round, bet.who): bet.rate for bet in store.bets(each)} == told["bets"]
    store.end(codes[0])
    assert store.room(codes[0]) is None
    assert store.bets(codes[0]) == []
    assert store.bet(codes[0], 1, "late", 1.0, 1, "") is Taken.GONE
    assert store.room(codes[1]) is not None


def test_a_full_room_refuses_one_more_and_lets_those_inside_change(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BETS", 20)
    code, _ = store.open("{}")
    taken = [store.bet(code, 1, f"student {i}", 1.0, 1, "") for i in range(60)]
    assert taken == [Taken.HOLDS] * 20 + [Taken.FULL] * 40
    assert store.bet(code, 1, "student 3", 2.0, 2, "") is Taken.HOLDS
    assert len(store.bets(code)) == 20


def test_names_are_hidden_and_shown_and_a_new_name_is_seen(store: Store) -> None:
    code, _ = store.open("{}")
    for turn, name in ((1, "rude"), (2, "rude"), (3, "Ada")):
        store.bet(code, 1, "a", 1.0, turn, name)
        assert [bet.hidden for bet in store.bets(code)] == [turn == 2]
        store.hide(code, name, hidden=True)
        assert [bet.hidden for bet in store.bets(code)] == [True]
    store.hide(code, "Ada", hidden=False)
    assert [(bet.nickname, bet.hidden) for bet in store.bets(code)] == [("Ada", False)]


def test_a_name_belongs_to_one_however_it_is_written(store: Store) -> None:
    """While it is had: who takes another one leaves it to others. Without a name there may be any number."""
    code, other = store.open("{}")[0], store.open("{}")[0]
    assert store.bet(code, 1, "a", 1.0, 1, "Ada") is Taken.HOLDS
    for turn, name in enumerate(("ADA", "ada", "A da", "A\N{ZERO WIDTH JOINER}da", "ＡＤＡ"), 2):
        assert store.bet(code, 1, "b", 1.0, turn, name) is Taken.NAMED
        assert store.bet(other, 1, "b", 1.0, turn, name) is Taken.HOLDS
        assert store.bet(code, 1, "a", 1.0, turn, name) is Taken.HOLDS
        assert [bet.who for bet in store.bets(code)] == ["a"]
        for hidden in (True, False):
            store.hide(code, "aDa", hidden=hidden)
            assert [bet.hidden for bet in store.bets(code)] == [hidden]
    assert store.bet(code, 1, "a", 1.0, 20, "Bea") is Taken.HOLDS
    assert store.bet(code, 1, "b", 1.0, 20, "ada") is Taken.HOLDS
    assert store.bet(code, 1, "a", 1.0, 21, "Ada") is Taken.NAMED
    assert [store.bet(code, 1, who, 1.0, 30, "") for who in "abc"] == [Taken.HOLDS] * 3
    assert store.bet(code, 1, "c", 1.0, 31, "Ada") is Taken.HOLDS


def test_a_room_is_forgotten_after_a_day_and_only_its_secret_leads_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    (old, secret), (other, _) = store.open("{}"), store.open("{}")
    room = store.room(old)
    assert room is not None
    assert room.led_by(secret)
    assert not any(room.led_by(forged) for forged in ("", other, secret[:-1], room.secret))
    monkeypatch.setattr(module, "DAY", -1)
    assert store.room(old) is None
    assert store.bet(old, 1, "a", 1.0, 1, "") is Taken.GONE
    monkeypatch.undo()
    store.bet(old, 1, "a", 1.0, 1, "")
    monkeypatch.setattr(module, "DAY", -1)
    store.forget()
    monkeypatch.undo()
    assert store.room(old) is None
    assert store.bets(old) == []


def test_there_are_only_so_many_rooms(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ROOMS", 0)
    with pytest.raises(ValueError, match="there are 0 rooms already, which is the most"):
        store.open("{}")


def test_processes_that_share_a_database_lose_no_bet(environment: dict[str, str]) -> None:
    """Four stores, each with its own connection, as processes have: what all of them write together is there."""
    with ExitStack() as stack:
        stores = [Store.of(stack.enter_context(closing(named(environment)))) for _ in range(4)]
        code, _ = stores[0].open("{}")

        def bets(number: int) -> list[Taken]:
            return [stores[number].bet(code, 1, f"{number} {i}", 1.0, 1, "") for i in range(25)]

        with ThreadPoolExecutor(4) as threads:
            taken = [*threads.map(bets, range(4))]
        assert taken == [[Taken.HOLDS] * 25] * 4
        assert [len(each.bets(code)) for each in stores] == [100] * 4


def test_a_folder_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        named({FOLDER: str(tmp_path / "file" / "rooms")})
