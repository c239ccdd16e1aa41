"""A real PostgreSQL for as long as a test needs one."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PATIENCE = 120.0


def program(name: str) -> str | None:
    """Where a program of PostgreSQL is: Debian keeps them out of the way."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(found[-1]) if found else None)


@contextlib.contextmanager
def postgres() -> Iterator[str | None]:
    """The address of a new database, as SQLAlchemy writes it; None where PostgreSQL is not installed. It does not run as root."""
    initdb, server = program("initdb"), program("postgres")
    other = next((each for each in ("postgres", "nobody") if any(user.pw_name == each for user in pwd.getpwall())), None)
    user = None if os.getuid() else other
    if not initdb or not server or (not os.getuid() and not user):
        yield None
        return
    with tempfile.TemporaryDirectory() as folder, socket.socket() as any_port:
        if user:
            shutil.chown(folder, user)
        any_port.bind(("127.0.0.1", 0))
        port = any_port.getsockname()[1]
        any_port.close()
        command = [initdb, "-D", f"{folder}/data", "-U", "rooms", "--auth=trust", "--no-sync", "--locale=C", "--encoding=UTF8"]
        subprocess.run(command, user=user, check=True, capture_output=True, cwd="/")
        command = [server, "-D", f"{folder}/data", "-p", str(port), "-k", folder, "-h", "127.0.0.1"]
        process = subprocess.Popen(command, user=user, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            address = f"postgresql+psycopg://rooms@127.0.0.1:{port}/postgres"
            answers(address, process)
            yield address
        finally:
            process.send_signal(signal.SIGINT)  # whoever is still connected is not waited for
            process.wait(PATIENCE)


def answers(address: str, process: subprocess.Popen[bytes]) -> None:
    """Waits until somebody can connect."""
    import psycopg

    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            psycopg.connect(address.replace("+psycopg", "")).close()
            return
        except psycopg.OperationalError:
            assert process.poll() is None, "PostgreSQL ended"
            assert time.monotonic() < deadline, f"PostgreSQL is not ready after {PATIENCE} s"
            time.sleep(0.1)
