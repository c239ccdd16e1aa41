"""The application object: what a visitor reads when a page fails, and how it is set up to serve many."""

from __future__ import annotations

import re

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest


def failing() -> None:
    from explorer.ui import server

    try:
        raise KeyError("loss")
    except KeyError as error:
        server.report(error)


def test_a_page_that_fails_says_a_number_that_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        caplog.clear()
        page = AppTest.from_function(failing).run()
        assert not page.exception
        [said] = page.error
        number = re.search(r"number (\w{6})", said.value)
        assert number
        assert "KeyError" not in said.value
        assert f"Number {number[1]}: KeyError('loss')" in caplog.text


def test_nothing_stops_all_visitors_after_every_run() -> None:
    """An option that Streamlit no longer knows would be an error here."""
    assert config.get_option("runner.postScriptGC") is False
    assert config.get_option("server.fileWatcherType") == "none"
    assert config.get_option("client.showErrorDetails") == "none"
