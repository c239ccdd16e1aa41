"""What stands above every page: the name and the mark, the pages in four groups, and the button that shares what is shown."""

import ast
import functools
from collections.abc import Mapping
from operator import itemgetter
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import streamlit as st

from explorer.site.content import HERE as SITE
from explorer.site.lessons import lessons
from explorer.site.mark import mark as drawn_mark
from explorer.site.module import Module
from explorer.ui import address
from explorer.ui.drawn import ink
from explorer.ui.part import heard
from explorer.ui.server import FRAMED_BY

HERE = Path(__file__).parent
PAGES = sorted((HERE / "pages").glob("[0-9]*.py"))
GROUPS = {10: "see it", 50: "networks", 70: "learn", 80: "my own run"}
"""The groups by the number of their first page: a new page is in one by its own number."""

WAY, SHOWN, HEARD = "way", "way:case", "way:heard"

PARTS = (SITE, "prediction"), (HERE, "popover"), (HERE, "present"), (HERE, "way")

CODE = Module("way", "\n".join((folder / f"{name}.js").read_text(encoding="utf-8") for folder, name in PARTS))
_component = st.components.v2.component(
    "divergence_explorer.way",
    js=CODE.fetched,
    css=(HERE / "way.css").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def name_of(path: Path) -> str:
    """Return the name of a page's file, which is its address: `step_size` of `10_step_size.py`."""
    return path.stem.split("_", 1)[1]


def title_of(path: Path) -> str:
    """Return the title of a page: "Step size" of `10_step_size.py`."""
    return name_of(path).replace("_", " ").capitalize()


@functools.cache
def lab(page: str) -> str:
    """Return the path of the page of that name, as Streamlit's links have it; empty for "cases", and where there is no such page.

    >>> lab("step_size"), lab("cases"), lab("nowhere")
    ('pages/10_step_size.py', '', '')
    """
    return "" if page == "cases" else _path(page)


def _path(page: object) -> str:
    return next((f"pages/{path.name}" for path in PAGES if name_of(path) == page), "")


@functools.cache
def grouped() -> list[tuple[str, list[tuple[str, str, str, str]]]]:
    """Return the groups of the navigation, with the name, title, line and address of each page; the line is its file's own first."""
    found: dict[str, list[tuple[str, str, str, str]]] = {group: [] for group in GROUPS.values()}
    for path in PAGES:
        first = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]
        line = first.partition(": ")[2]
        group = GROUPS[max(number for number in GROUPS if number <= int(path.stem.split("_")[0]))]
        found[group].append((name_of(path), title_of(path), line[:1].upper() + line[1:], "./" if path is PAGES[0] else name_of(path)))
    return [*found.items()]


def go(name: object) -> None:
    """Note the page that was clicked in the navigation; what comes from a browser is checked."""
    path = _path(name)
    if path:
        st.session_state[address.GO] = {"page": path}


def follow(step: object) -> None:
    """Go to the step of a lesson, which is its name, a dot and its place; what comes from a browser is checked."""
    name, _, place = str(step).rpartition(".")
    lesson = next((each for each in lessons() if each.name == name), None)
    if lesson is not None and place.isdecimal() and int(place) < len(lesson.stops):
        case = lesson.stops[int(place)].case
        st.session_state[address.GO] = {"page": lab(case.page), "query_params": case.link}


def show(case: object) -> None:
    """Note the case whose picture was clicked on the page of cases."""
    st.session_state[SHOWN] = case


def predict(on: object) -> None:
    """Hide the answers of the pages until they are guessed, or no longer."""
    address.predict(on is True)


def dress(dark: object) -> None:
    """Hear that the page has another theme: the run that hears it draws what has its ink in it, and Streamlit says which theme it is."""


def back(there: object) -> None:
    """Note to where the visitor went back or forward; what comes from a browser is checked."""
    match there:
        case [str(path), str(query)] if page := _path(path.strip("/") or name_of(PAGES[0])):
            address.go_back(page, dict(parse_qsl(query, keep_blank_values=True)))


LISTENERS = {"page": go, "case": show, "step": follow, "predict": predict, "theme": dress, "back": back}


def hear() -> None:
    """Listen once to each wish of the browser, in their order: they are numbered, as long as the browser has the page."""
    for count, name, wish in _wishes(st.session_state.get(WAY)):
        if name == "back":
            st.session_state[address.BACK] = count
        if count > st.session_state[HEARD]:
            st.session_state[HEARD] = count
            LISTENERS[name](wish)


def _wishes(state: object) -> list[tuple[int, str, Any]]:
    """Return the last wish of each name with its number; none where a run was interrupted before it came to the component."""
    said = [(state.get(name), name) for name in LISTENERS] if isinstance(state, Mapping) else []
    found = [(wish[0], name, wish[1]) for wish, name in said if isinstance(wish, list) and len(wish) == 2 and type(wish[0]) is int]
    return sorted(found, key=itemgetter(0))


def way(page: str) -> None:
    """Show it, with the page of that address as the current one."""
    lengths = {lesson.name: len(lesson.stops) for lesson in lessons()}
    data = {
        "groups": grouped(),
        "here": page or name_of(PAGES[0]),
        "path": f"./{page}",
        "back": st.session_state.get(address.BACK, 0),
        "lessons": lengths,
        "framed": FRAMED_BY != "'self'",
        "predict": address.predicting().predict,
        "dark": st.context.theme.type == "dark",
    }
    _component(key=WAY, data=data, **{f"on_{name}_change": heard(hear) for name in LISTENERS})  # type: ignore[arg-type]  # one for each name
    if HEARD not in st.session_state:  # what a browser wished of a server that it has lost: its link says what became of it
        st.session_state[HEARD] = max((count for count, _, _ in _wishes(st.session_state.get(WAY))), default=0)
    hear()


def mark(word: str = "") -> str:
    """Return the mark as the address of an SVG in the colors of the page's theme, with a word beside it."""
    return drawn_mark(word, dark=st.context.theme.type == "dark", ink=ink())
