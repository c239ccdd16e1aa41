"""Where rooms are kept: SQLite's one file on this machine, or PostgreSQL for several machines. Both run the same statements."""

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from explorer.core.ground.extras import needs

FOLDER, ADDRESS = "EXPLORER_ROOMS", "EXPLORER_DATABASE"
"""The environment variables that name the folder of SQLite's file, and a PostgreSQL: `postgresql+psycopg://user@host/database`."""

PATIENCE = 10.0  # seconds that a statement waits for another process that writes
Row = Sequence[Any]


class Transaction(Protocol):
    """What runs statements together: all of them or none."""

    def run(self, statement: str, given: Mapping[str, Any]) -> tuple[list[Row], int]:
        """Run one statement, with ``:name`` for what is given; return the rows that it found and how many it changed."""
        ...


class Database(Protocol):
    """A database that begins transactions. `now` is its clock in SQL, in whole seconds: one clock for all who share it."""

    now: str

    def begin(self) -> contextlib.AbstractContextManager[Transaction]:
        """Begin a transaction, which is kept unless an error leaves it."""
        ...

    def close(self) -> None:
        """Close what is open."""
        ...


class Lite:
    """SQLite in one file, with a log that is written ahead, which is in the system's hands once a statement is answered.

    So a process that is killed loses nothing; a power cut may take the last moments, since nobody waits for the disk.
    A transaction that writes must do so first: then it waits for another process that writes, instead of failing later.
    """

    now = "CAST(strftime('%s', 'now') AS INTEGER)"

    def __init__(self, file: Path) -> None:
        self.file = file
        self._connection = sqlite3.connect(file, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")

    @contextlib.contextmanager
    def begin(self) -> Iterator[Transaction]:
        self._connection.execute("BEGIN")
        try:
            yield self
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def run(self, statement: str, given: Mapping[str, Any]) -> tuple[list[Row], int]:
        done = self._connection.execute(statement, given)
        return done.fetchall(), done.rowcount

    def close(self) -> None:
        self._connection.close()


class Alchemy:
    """PostgreSQL, through SQLAlchemy."""

    now = "CAST(EXTRACT(EPOCH FROM CURRENT_TIMESTAMP) AS BIGINT)"

    def __init__(self, address: str) -> None:
        with needs("rooms", f"rooms in the database that {ADDRESS} names"):
            import psycopg  # noqa: F401 - the driver, which SQLAlchemy looks for by the name in the address
            import sqlalchemy
        self._sql = sqlalchemy
        self._engine = sqlalchemy.create_engine(address, pool_pre_ping=True)

    @contextlib.contextmanager
    def begin(self) -> Iterator[Transaction]:
        with self._engine.begin() as connection:
            yield _Connected(self._sql, connection)

    def close(self) -> None:
        self._engine.dispose()


class _Connected:
    def __init__(self, sql: Any, connection: Any) -> None:
        self._sql, self._connection = sql, connection

    def run(self, statement: str, given: Mapping[str, Any]) -> tuple[list[Row], int]:
        done = self._connection.execute(self._sql.text(statement), dict(given))
        return list(done.fetchall()) if done.returns_rows else [], done.rowcount


def named(environment: Mapping[str, str] = os.environ) -> Database:
    """Return the database that the environment names; without a word, a file in a folder of this user's own among the temporary ones.

    Raises OSError where the folder cannot be used, and what SQLAlchemy raises for an address that it cannot use.
    """
    if environment.get(ADDRESS):
        return Alchemy(environment[ADDRESS])
    folder = Path(environment.get(FOLDER) or Path(tempfile.gettempdir()) / f"divergence-explorer-{_user()}")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not environment.get(FOLDER) and folder.stat().st_uid != _user():
        raise PermissionError(f"{folder} is another user's; name a folder of your own in {FOLDER}")
    return Lite(folder / "rooms.sqlite3")


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0
