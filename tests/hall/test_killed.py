"""The whole application is killed in mid-round, and started again: no bet that was answered is lost, and the round goes on."""

from __future__ import annotations

import signal
from pathlib import Path

from explorer.hall.database import FOLDER
from tests.browser.conftest import ROOT, at, free, healthy, running, streamlit
from tests.hall.people import Lecturer, Student


def test_a_server_that_is_killed_in_mid_round_loses_no_bet(tmp_path: Path) -> None:
    port, environment = free(), {FOLDER: str(tmp_path / "rooms")}
    address = f"http://127.0.0.1:{port}"
    command, log = streamlit(ROOT / "app.py"), tmp_path / "app.log"

    def ready() -> bool:
        return healthy(address)

    with running(command, ready, log, **environment, **at(port)) as process:
        lecturer = Lecturer(address).open()
        students = [Student(address).join(lecturer.code) for _ in range(12)]
        for i, each in enumerate(students):
            each.bet(0.1 * (i + 1), f"student {i}")
            if i == 8:
                process.send_signal(signal.SIGKILL)
                process.wait()
                break
    answered = students[:9]
    assert [each.status for each in answered] == [200] * 9
    with running(command, ready, log, **environment, **at(port)):
        for i, each in enumerate(answered):
            assert f"You bet {0.1 * (i + 1):.1g}" in each.join(lecturer.code).page
        for i, each in enumerate(students[9:]):
            each.bet(1, f"late, but in {i}")
        students[0].bet(2, "student 0")
        assert "12 bets" in lecturer.does("reveal")
        assert "plotly" not in lecturer.headers.get("link", ""), "a room has no plot to fetch beforehand"
