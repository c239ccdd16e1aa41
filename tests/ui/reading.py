"""What tests read from a page that runs without a browser."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

import explorer.ui
from explorer.core.run.setup import Setup
from explorer.site.content import CONTENTS, known

FOLDER = Path(explorer.ui.__path__[0])
MAIN = FOLDER / "main.py"

KINDS = ("toggle", "checkbox", "select_slider", "slider", "number_input", "multiselect", "selectbox", "pills", "segmented_control", "radio")
FOLDED = [label for file in FOLDER.rglob("*.py") for label in re.findall(r'\bfold\("([^"]+)"', file.read_text(encoding="utf-8"))]
JOBS = [key for file in FOLDER.rglob("*.py") for key in re.findall(r'"([\w:]+:job)"', file.read_text(encoding="utf-8"))]
PATIENCE = 300
"""Seconds until a page that has not finished counts as hanging: a sweep of a network takes ten of two idle cores, tests share."""
QUOTED = r"`[^`]*`|[‘'\"“][^’'\"”]*[’'\"”]|got \S+"
NAN_IS_THE_WORD = r"(Loss → |goes to |became |loss is |or |, )nan\b|nan (after|from)"


def opened(page: Path | None = None, query: dict[str, str] | None = None) -> AppTest:
    """A page as somebody finds it who opens it by a link and unfolds everything."""
    app = AppTest.from_file(str(MAIN), default_timeout=PATIENCE)
    if page is not None:
        app.switch_page(str(page.relative_to(FOLDER)))
    for name, value in (query or {}).items():
        app.query_params[name] = value
    for label in FOLDED:
        for used in (True, False):
            app.session_state[f"fold:{label}:{used}"] = True
    return app.run()


def address(app: AppTest) -> dict[str, str]:
    """What stands in the address bar, by name."""
    return {name: value[0] if isinstance(value, list) else value for name, value in app.query_params.items()}


def working(app: AppTest) -> list[Any]:
    """The page's work in the background."""
    return [app.session_state[key][1] for key in JOBS if key in app.session_state]


def finished(app: AppTest) -> AppTest:
    """The page once all its work in the background is done."""
    for job in working(app):
        job.wait(PATIENCE)
    return app.run()


def begun(app: AppTest) -> AppTest:
    """The page once its work in the background has something to show."""
    for job in working(app):
        job.wait(PATIENCE, 0.01)
    return app.run()


def leave(app: AppTest) -> None:
    """The visitor closes the page: its work in the background stops."""
    for job in working(app):
        job.stop()


def controls(app: AppTest) -> list[Any]:
    """All that can be turned on a page: whatever has ends, or a choice."""
    return [each for kind in KINDS for each in app.get(kind) if each.key]


def control(app: AppTest, key: str) -> Any:
    """The control of that key; None if the page has no such control now."""
    return next((each for each in controls(app) if each.key == key and not getattr(each, "disabled", False)), None)


def ends(widget: Any) -> list[Any]:
    """Both ends of what a widget can be set to, or everything there is to choose."""
    match widget.type:
        case "toggle" | "checkbox":
            return [True, False]
        case "select_slider":
            return [widget.options[0], widget.options[-1]]
        case "slider" | "number_input":
            return [widget.min, widget.max]
        case "multiselect":
            return [widget.options[:1], widget.options]
        case _:
            return list(widget.options)


def pictures(app: AppTest) -> list[dict[str, Any]]:
    """The data of each picture on the page, as the browser gets them."""
    return [read(each) for each in components(app)]


def components(app: AppTest) -> list[Any]:
    """The pictures on the page, and no other components, as Streamlit has them."""
    return [each for each in app.get("bidi_component") if each.proto.component_name == "divergence_explorer.picture"]


def read(component: Any) -> dict[str, Any]:
    """The data of one picture, with its content."""
    data = json.loads(component.proto.json)
    return data | json.loads(content(component))


def content(component: Any) -> str:
    """What one picture shows, as its browser fetches it."""
    found = known(json.loads(component.proto.json)["content"].removeprefix(f"{CONTENTS}/"))
    assert found is not None
    return found.text


def drawings(app: AppTest) -> list[str]:
    """The texts of the small drawings on the page, which are images and no component."""
    return [html.unescape(text) for each in app.get("html") for text in re.findall(r'<img role="img" alt="([^"]*)"', each.proto.body)]


def number(text: str) -> float:
    """A number as `plain` writes it, read again."""
    mantissa, _, power = text.replace(",", "").replace("−", "-").partition(" × 10")
    return float(mantissa) * 10.0 ** int(power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")) or 0)


def unreadable(text: str) -> bool:
    """Whether a text has a number that only a computer would write so, a nan where a number belongs, or Python showing through.

    >>> [unreadable(text) for text in ("2.5e+277", "at nan a step", "1e-05", "None", "in 1 steps", "in 201 steps", "the loss is nan")]
    [True, True, True, True, True, False, False]
    """
    said = re.sub(f"{QUOTED}|{NAN_IS_THE_WORD}", "", text)
    return bool(re.search(r"\d[eE][+-]?\d|\bnan\b|\bNone\b|np\.|array\(|(?<![\d.,])1 (step|row|line|point|example)s\b", said))


def nudge(setup: Setup) -> float:
    """Return a factor that makes a rate another number and changes no run but a chaotic one, as the last bit of another processor does."""
    return 1 + max(1e-13, 4 * float(np.finfo(setup.make_loss().start.dtype).eps))
