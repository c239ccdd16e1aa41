"""What is kept of a room, in a dozen statements: its state, its problems, who bets, and one bet of each in a round.

A bet has a number that counts up in the browser which sends it, not a time: of the same one's bets the last by that number holds,
whichever arrives last, and one that arrives twice counts once. No clock but the database's is asked, and only for a room's age.
"""

import hashlib
import hmac
import secrets
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from explorer.hall.database import Database, Row, Transaction

LETTERS, LENGTH = "BCDFGHJKLMNPQRSTVWXZ", 6
"""Of a code: none that is read as another or as a digit, and no vowels, so that no code is a word."""

DAY = 24 * 3600  # seconds that a room is kept
MOST_ROOMS, MOST_BETS = 1000, 5000  # rooms at a time, and bets in one round

TABLES = (
    "CREATE TABLE IF NOT EXISTS rooms (code TEXT PRIMARY KEY, secret TEXT NOT NULL, begun BIGINT NOT NULL, state TEXT NOT NULL,"
    " round INTEGER NOT NULL, edition INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS rounds (code TEXT, round INTEGER, problem TEXT NOT NULL, PRIMARY KEY (code, round))",
    "DROP TABLE IF EXISTS players",  # of the first version, in which two could have one name
    "CREATE TABLE IF NOT EXISTS people (code TEXT, who TEXT, nickname TEXT NOT NULL, looks TEXT NOT NULL, hidden INTEGER NOT NULL,"
    " PRIMARY KEY (code, who))",
    "CREATE UNIQUE INDEX IF NOT EXISTS one_of_a_name ON people (code, looks) WHERE looks <> ''",
    "CREATE TABLE IF NOT EXISTS bets (code TEXT, round INTEGER, who TEXT, rate DOUBLE PRECISION NOT NULL, turn BIGINT NOT NULL,"
    " PRIMARY KEY (code, round, who))",
)
ROOM = "SELECT secret, state, round, edition FROM rooms WHERE code = :code AND begun > {now} - :day"
PROBLEM = "SELECT problem FROM rounds WHERE code = :code AND round = :round"
COUNT = "SELECT count(*) FROM bets WHERE code = :code AND round = :round"
BETS = (
    "SELECT bets.round, bets.who, bets.rate, bets.turn, people.nickname, people.hidden FROM bets"
    " JOIN people ON people.code = bets.code AND people.who = bets.who WHERE bets.code = :code"
)
OTHER = "SELECT 1 FROM people WHERE code = :code AND looks = :looks AND looks <> '' AND who <> :who"
BET = (
    "INSERT INTO bets (code, round, who, rate, turn) SELECT code, round, CAST(:who AS TEXT), CAST(:rate AS DOUBLE PRECISION),"
    " CAST(:turn AS BIGINT) FROM rooms WHERE code = :code AND round = :round AND state = 'open' AND begun > {now} - :day"
    " AND ((SELECT count(*) FROM bets WHERE code = :code AND round = :round) < :most"
    " OR EXISTS (SELECT 1 FROM bets WHERE code = :code AND round = :round AND who = :who))"
    f" AND NOT EXISTS ({OTHER})"
    " ON CONFLICT (code, round, who) DO UPDATE SET rate = excluded.rate, turn = excluded.turn WHERE excluded.turn > bets.turn"
)
PERSON = (
    "INSERT INTO people (code, who, nickname, looks, hidden) VALUES (:code, :who, :nickname, :looks, 0)"
    " ON CONFLICT (code, who) DO UPDATE SET nickname = excluded.nickname, looks = excluded.looks,"
    " hidden = CASE WHEN excluded.looks = people.looks THEN people.hidden ELSE 0 END"
)
OPEN = (
    "INSERT INTO rooms (code, secret, begun, state, round, edition) SELECT CAST(:code AS TEXT), CAST(:secret AS TEXT), {now}, 'open', 1, 0"
)
OPEN += " WHERE (SELECT count(*) FROM rooms) < :most ON CONFLICT (code) DO NOTHING"
POSE = "INSERT INTO rounds (code, round, problem) VALUES (:code, :round, :problem)"
TURN = "UPDATE rooms SET state = :state, round = :next WHERE code = :code AND round = :round AND begun > {now} - :day"
HIDE = "UPDATE people SET hidden = :hidden WHERE code = :code AND looks = :looks"
EDITION = "UPDATE rooms SET edition = edition + 1 WHERE code = :code"
OWN = "SELECT rate, turn FROM bets WHERE code = :code AND round = :round AND who = :who"
NICKNAME = "SELECT nickname FROM people WHERE code = :code AND who = :who"
OLD = "DELETE FROM {table} WHERE code NOT IN (SELECT code FROM rooms WHERE begun > {now} - :day)"
END = "DELETE FROM {table} WHERE code = :code"
FORGET = ("bets", "people", "rounds", "rooms")


class State(StrEnum):
    """What a round is: open for bets, closed, or revealed."""

    OPEN = "open"
    CLOSED = "closed"
    REVEALED = "revealed"


class Taken(StrEnum):
    """What became of a bet."""

    HOLDS = "holds"
    OLDER = "older"
    LATE = "late"
    FULL = "full"
    NAMED = "named"
    GONE = "gone"


@dataclass(frozen=True)
class Bet:
    """A rate that somebody bet in a round, in whose name; `hidden` where the lecturer took the name off the screen."""

    round: int
    who: str
    rate: float
    turn: int
    nickname: str
    hidden: bool


@dataclass(frozen=True)
class Room:
    """A room as it is now: the problem of its round, as `Problem` writes it, and how many have bet in it.

    `edition` counts how often a name was hidden or shown.
    """

    code: str
    secret: str
    state: State
    round: int
    edition: int
    problem: str
    count: int

    def led_by(self, secret: str) -> bool:
        """Whether this is the secret that the room was opened with."""
        return hmac.compare_digest(self.secret, _digest(secret))


@dataclass(frozen=True)
class Store:
    """The rooms of a database.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from explorer.hall.database import Lite
    >>> store = Store.of(Lite(Path(tempfile.mkdtemp()) / "rooms.sqlite3"))
    >>> code, secret = store.open("{}")
    >>> store.bet(code, 1, "anna", 0.2, 1, "Anna"), store.bet(code, 1, "anna", 0.1, 2, "Anna"), store.bet(code, 1, "anna", 0.2, 1, "Anna")
    (<Taken.HOLDS: 'holds'>, <Taken.HOLDS: 'holds'>, <Taken.OLDER: 'older'>)
    >>> [bet.rate for bet in store.bets(code)]
    [0.1]
    """

    database: Database

    @classmethod
    def of(cls, database: Database) -> "Store":
        """Return the rooms of a database, whose tables are made if they are not there."""
        with database.begin() as transaction:
            for table in TABLES:
                transaction.run(table, {})
        return cls(database)

    def open(self, problem: str) -> tuple[str, str]:
        """Open a room with its first problem; return its code and the secret of who leads it. Raises ValueError if there are too many."""
        self.forget()
        for _ in range(8):
            code, secret = "".join(secrets.choice(LETTERS) for _ in range(LENGTH)), secrets.token_urlsafe(24)
            with self.database.begin() as transaction:
                if self._run(transaction, OPEN, code=code, secret=_digest(secret), most=MOST_ROOMS)[1]:
                    self._run(transaction, POSE, code=code, round=1, problem=problem)
                    return code, secret
        raise ValueError(f"there are {MOST_ROOMS:,} rooms already, which is the most; one that is a day old makes place")

    def room(self, code: str) -> Room | None:
        """Return the room of that code, or None where there is none, or none any more."""
        with self.database.begin() as transaction:
            return self._room(transaction, code)

    def bet(self, code: str, round: int, who: str, rate: float, turn: int, nickname: str) -> Taken:
        """Take a bet, and the name of who makes it, which nobody else in the room may have; say what became of it."""
        with self.database.begin() as transaction:
            bet, person = {"code": code, "round": round, "who": who}, {"code": code, "who": who, "looks": looks(nickname)}
            if self._run(transaction, BET, **bet | person, rate=rate, turn=turn, most=MOST_BETS)[1]:
                self._run(transaction, PERSON, **person, nickname=nickname)
                return Taken.HOLDS
            room = self._room(transaction, code)
            if room is None:
                return Taken.GONE
            if (room.state, room.round) != (State.OPEN, round):
                return Taken.LATE
            if self._run(transaction, OTHER, **person)[0]:
                return Taken.NAMED
            own = self._run(transaction, OWN, **bet)[0]
            return Taken.FULL if not own else Taken.HOLDS if tuple(own[0]) == (rate, turn) else Taken.OLDER

    def own(self, code: str, round: int, who: str) -> tuple[float | None, int, str]:
        """Return the rate that somebody bet in that round, None for none, its number, and the nickname."""
        with self.database.begin() as transaction:
            own = self._run(transaction, OWN, code=code, round=round, who=who)[0]
            name = self._run(transaction, NICKNAME, code=code, who=who)[0]
        rate, turn = own[0] if own else (None, 0)
        return rate, turn, name[0][0] if name else ""

    def bets(self, code: str) -> list[Bet]:
        """Return the bets of all rounds of a room."""
        with self.database.begin() as transaction:
            rows = self._run(transaction, BETS, code=code)[0]
        return [Bet(round, who, rate, turn, nickname, bool(hidden)) for round, who, rate, turn, nickname, hidden in rows]

    def problems(self, code: str, rounds: int) -> list[str]:
        """Return the problems of that many rounds, the first ones."""
        with self.database.begin() as transaction:
            return [self._run(transaction, PROBLEM, code=code, round=round)[0][0][0] for round in range(1, rounds + 1)]

    def turn(self, code: str, round: int, state: State) -> None:
        """Make the state of a round another; nothing happens once the room is in another round."""
        with self.database.begin() as transaction:
            self._run(transaction, TURN, code=code, round=round, next=round, state=state.value)

    def go_on(self, code: str, round: int, problem: str) -> None:
        """Go on from that round to the next; nothing happens once the room has gone on."""
        with self.database.begin() as transaction:
            if self._run(transaction, TURN, code=code, round=round, next=round + 1, state=State.OPEN.value)[1]:
                self._run(transaction, POSE, code=code, round=round + 1, problem=problem)

    def hide(self, code: str, nickname: str, *, hidden: bool) -> None:
        """Take a nickname off the screen, however it is written, or put it back."""
        with self.database.begin() as transaction:
            self._run(transaction, HIDE, code=code, looks=looks(nickname), hidden=int(hidden))
            self._run(transaction, EDITION, code=code)

    def end(self, code: str) -> None:
        """Delete a room and all that belongs to it."""
        with self.database.begin() as transaction:
            for table in FORGET:
                self._run(transaction, END.replace("{table}", table), code=code)

    def forget(self) -> None:
        """Delete the rooms that are a day old."""
        with self.database.begin() as transaction:
            for table in FORGET:
                self._run(transaction, OLD.replace("{table}", table))

    def _room(self, transaction: Transaction, code: str) -> Room | None:
        for secret, state, round, edition in self._run(transaction, ROOM, code=code)[0]:
            (problem,) = self._run(transaction, PROBLEM, code=code, round=round)[0][0]
            count = self._run(transaction, COUNT, code=code, round=round)[0][0][0]
            return Room(code, secret, State(state), round, edition, problem, count)
        return None

    def _run(self, transaction: Transaction, statement: str, **given: Any) -> tuple[list[Row], int]:
        if ":day" in statement:
            given["day"] = DAY
        return transaction.run(statement.replace("{now}", self.database.now), given)


def looks(nickname: str) -> str:
    """Return what two nicknames have in common that are taken for one another: letters in small, without spaces and what cannot be seen.

    >>> looks("Ada L") == looks("ＡＤＡl"), looks("Ada") == looks("Adà")
    (True, False)
    """
    seen = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", nickname).casefold())
    return "".join(each for each in seen if not (each.isspace() or unicodedata.category(each) == "Cf" or each in VARIANTS))


VARIANTS = {chr(0xFE00 + i) for i in range(16)}  # what chooses between two drawings of one character, such as a heart in black and in red


def _digest(secret: str) -> str:
    """What the database keeps of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
