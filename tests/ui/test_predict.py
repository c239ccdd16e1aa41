"""Predict first, on the side of the server: the links of the four pages keep it, and only what says so turns it."""

from __future__ import annotations

import pytest

from explorer.ui import panel
from tests.ui.reading import FOLDER, opened

PAGES = ("10_step_size", "20_race", "30_sweep", "50_network")
LINK = {"v": "1", "loss": "network", "loss.examples": "10", "loss.hidden": "2", "steps": "5", "learning_rate": "0.1"}


@pytest.mark.parametrize("page", PAGES)
def test_a_link_asks_first(page: str) -> None:
    app = opened(FOLDER / "pages" / f"{page}.py", LINK | {panel.PREDICT: "True"})
    assert app.query_params[panel.PREDICT] == "true"
    assert not app.warning
    app.query_params.clear()
    for name, text in (LINK | {"steps": "6"}).items():
        app.query_params[name] = text
    app.run()  # a link that says nothing of it
    assert app.query_params["steps"] == "6"
    assert app.query_params[panel.PREDICT] == "true"
    app.query_params[panel.PREDICT] = "perhaps"
    app.run()
    assert "got 'perhaps'" in app.warning[0].value
    assert panel.PREDICT not in app.query_params
