"""Nothing that a visitor wrote is rendered: no link, no picture, no tag, whichever door it came by."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.core.data import Table, remember
from explorer.figures import diagnosis
from tests.ui.reading import FOLDER, finished, leave, opened

EVIL = (
    "www.evil.test a@evil.test ![p](https://evil.test/p.png)[q](https://evil.test)<img src=x> $x$ :red[r] https://evil.test/u"
    " :material/home: :streamlit: :smile: ->"
)
ESCAPED = re.compile(r"(?<!\\)!\[p|(?<![\\!])\[q|(?<!\\)<img src=x|(?<!\\)\$x|https://evil|www\.evil|a@evil")
RENDERED = re.compile(rf"{ESCAPED.pattern}|:red\[|:material/|:streamlit:|:smile:|-\\?>")
"""What Markdown would render of it, the last ones and an address escaped or not, unless something stands in them."""

PAGES = sorted((FOLDER / "pages").glob("[0-9]*.py"))
MARKED = ("markdown", "caption", "header", "title", "subheader", "warning", "error", "info", "success", "metric", "table")
LABELED = ("selectbox", "multiselect", "text_input", "pills", "radio", "toggle", "button", "select_slider", "slider", "expander")

NAMES = {"loss": EVIL, "optimizer": EVIL, "schedule": EVIL}
NUMBERS = {"learning_rate": EVIL, "steps": EVIL, "start": EVIL}
PARTS = {EVIL: "1", "view.rules": EVIL, f"view.{EVIL}": "2", "case": EVIL, "curve": EVIL, "x": EVIL, "y": EVIL, "racers": EVIL}
LINKS: dict[str, dict[str, str]] = {
    "names, numbers and parts": NAMES | NUMBERS | PARTS,
    "numbers and knobs": NUMBERS | {"loss": "network", "loss.hidden": EVIL, "loss.activation": EVIL, "loss.data": EVIL},
    "a formula": {"loss": "formula", "loss.text": EVIL},
}


def rendered(app: AppTest) -> list[str]:
    """Every Markdown on the page in which something that was brought would be rendered."""
    texts = [each.value for kind in MARKED for each in app.get(kind) if isinstance(getattr(each, "value", None), str)]
    widgets: list[Any] = [each for kind in LABELED for each in app.get(kind)]
    texts += [each.label for each in widgets if getattr(each, "label", "")]
    texts += [option for each in widgets if each.type in ("pills", "radio") for option in each.options]
    texts += [each.proto.body for each in app.get("html")]
    return [text for text in texts if RENDERED.search(re.sub(r"`[^`]*`", "", text))]


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_link_is_not(page: Any, link: str) -> None:
    app = opened(page, query={"v": "1", "steps": "5"} | LINKS[link])
    assert not app.exception
    assert not rendered(app)
    leave(app)


@pytest.mark.parametrize("page", ["10_step_size", "20_race", "30_sweep", "50_network", "82_why_nan", "85_gradient", "90_safe_rate"])
def test_a_name_of_a_column_is_not(page: str) -> None:
    draw = np.random.default_rng(0)
    name = remember(Table(draw.normal(size=(20, 2)), draw.normal(size=20), (EVIL, "b"), EVIL))
    loss = "network" if page == "50_network" else "linear_regression"
    app = finished(opened(FOLDER / "pages" / f"{page}.py", query={"v": "1", "loss": loss, "loss.data": name, "steps": "5"}))
    assert not app.exception
    assert not rendered(app)
    leave(app)


def test_a_box_is_not() -> None:
    app = opened(PAGES[0])
    for key in ("box:learning_rate", "box:steps", "box:start", "box:seed"):
        app.text_input(key=key).set_value(EVIL).run()
        assert app.error
        assert not rendered(app)


LOGS = {
    "a table": f"epoch,{EVIL.replace(',', ';')},loss\n1,2,3\n2,3,2\n3,4,1\n4,1,0.5",
    "lines": "\n".join(f"step {i} {EVIL} loss: {1 / (i + 1)}" for i in range(20)),
    "json": "\n".join(f'{{"{EVIL}": {i}, "loss": {1 / (i + 1)}}}' for i in range(20)),
    "no log": EVIL,
}


@pytest.mark.parametrize("log", LOGS)
def test_a_log_is_not(log: str) -> None:
    app = opened(FOLDER / "pages" / "80_diagnose.py")
    app.text_area[0].set_value(LOGS[log]).run()
    assert not app.exception
    assert not rendered(app)


def test_a_name_of_the_column_of_steps_is_not_in_the_picture() -> None:
    drawn = diagnosis.draw(np.arange(3.0), np.array([1.0, 2.0, 3.0]), axis="<a href='https://evil.test'>step</a>")
    assert "<" not in drawn.layout.xaxis.title.text
