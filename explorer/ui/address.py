"""The address bar: the link that a page was opened with and the one that it says, and where a visitor goes."""

import html
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from secrets import token_hex
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from explorer.core.ground.checks import typed
from explorer.core.ground.parameters import Look
from explorer.core.ground.prose import listed
from explorer.ui import notes

GO = "go"
"""Where in the session it is kept which page should be shown next, and by which link, as `st.switch_page` takes it."""

HERE = "here"
"""Where in the session it is kept which page is shown, by its address within the app."""

BACK, BOUND = "back", "bound"
"""Where in the session it is kept which step back or forward was the last, and to which page and link the visitor is on the way."""

LINKS, PREDICT = "setup:links", "view.predict"
"""Where in the session the last links are kept, and whether answers are hidden."""


@dataclass(frozen=True)
class Predicting(Look):
    """Whether pages hide their answers until they are guessed."""

    predict: bool = False


def predicting() -> Predicting:
    """Whether the answers are hidden: as the page's link says, or else as they are."""
    query = opened()
    return Predicting.salvage({PREDICT: query[PREDICT]})[0] if PREDICT in query else Predicting(st.session_state.get(PREDICT, False))


def predict(on: bool) -> None:
    """Hide the answers from now on, or no longer."""
    st.session_state[PREDICT] = on


def about(problem: Mapping[str, str]) -> None:
    """Say which problem the page is about, before anything on it tells the answer: another one is asked anew (`prediction.js`)."""
    st.html(f'<i class="asked" data-about="{html.escape(urlencode(problem))}"></i>')


def linked(*known: str) -> dict[str, str]:
    """Return the link that the page was just opened with, of which it knows these parts, and keep a sentence for whatever else it says."""
    query = opened()
    strange = [f"a link to this page has no part named {typed(name)}, but {listed(known)}" for name in query if name not in (*known, "v")]
    if query:
        notes.say([f"{complaint}. {notes.REST}" for complaint in (*doubled(), *strange)])
    return {name: text for name, text in query.items() if name in known}


def doubled() -> list[str]:
    """Say of each part that the link has more than once which of them counts."""
    many = {name: st.query_params.get_all(name) for name in opened()}
    return [
        f"{name} is {len(texts)} times in this link: {typed(texts[-1])}, the last, counts" for name, texts in many.items() if len(texts) > 1
    ]


def go_back(page: str, query: dict[str, str]) -> None:
    """Note that the visitor went back or forward in the history, to this page and its link."""
    st.session_state.pop(GO, None)
    st.session_state[BOUND] = page, query, True
    for link, shown in written():
        if link == query and PREDICT in shown:
            predict(shown[PREDICT])  # the answers are hidden as they were there


def opened() -> dict[str, str]:
    """The link that the page was just opened with; empty if it was opened without, or if the page itself wrote it.

    A browser that has not heard of the newest link says an older one, which is nobody's wish unless the visitor goes there.
    """
    query = dict(st.query_params)
    return query if BOUND in st.session_state or query not in [link for link, _ in written()] else {}


def returned() -> bool:
    """Whether the visitor has just gone back or forward to the page in the history."""
    return BOUND in st.session_state and st.session_state[BOUND][2]


def arrived() -> None:
    """Say that the page which the visitor went to is shown."""
    st.session_state.pop(BOUND, None)


def written() -> list[tuple[dict[str, str], dict[str, Any]]]:
    """The last links that the page wrote, the newest at the end, each with what the boxes showed then."""
    found: list[tuple[dict[str, str], dict[str, Any]]] = st.session_state.setdefault(LINKS, [])
    return found


def write(query: dict[str, str]) -> None:
    """Puts the experiment into the address bar, so that the page can be bookmarked and sent as it is.

    The browser is told that this is the page's link, and after which step back or forward (`beginning.js`).
    """
    links = written()
    if not links or links[-1][0] != query:
        links.append((query, {}))  # before the browser hears of it: a run may be interrupted in between
        del links[:-32]
    links[-1][1][PREDICT] = st.session_state.get(PREDICT, False)
    address = f"./{st.session_state.get(HERE, '')}{'?' * bool(query)}{urlencode(query)}"
    link = b64encode(address.encode()).decode()  # no browser takes this for a link
    back = st.session_state.get(BACK, 0)
    st.html(f'<i class="asked" data-link="{link}" data-back="{back}" data-said="{token_hex(4)}"></i>')
    if dict(st.query_params) != query:
        st.query_params.from_dict(query)
    arrived()
