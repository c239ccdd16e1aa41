"""The words of the field, explained where they stand on a page, listed below it, and printed to `docs/glossary.md`.

A browser marks them without changing the page, which is Streamlit's (`glossary.js`). `python -m explorer.ui.glossary` prints them.
"""

import functools
from pathlib import Path
from urllib.parse import urlencode

import streamlit as st

from explorer.site.glossary import glossary
from explorer.site.module import Module
from explorer.ui import address
from explorer.ui.part import reported
from explorer.ui.way import lab

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs" / "glossary.md"
WORDS = "words"

CODE = Module("glossary", "\n".join((HERE / f"{name}.js").read_text(encoding="utf-8") for name in ("popover", "glossary")))
_component = st.components.v2.component(
    "divergence_explorer.words",
    js=CODE.fetched,
    css=(HERE / "glossary.css").read_text(encoding="utf-8"),
    isolate_styles=False,
)


@functools.cache
def _sent() -> list[tuple[str, tuple[str, ...], str, str, str, str]]:
    """Return each word as its browser needs it: with its spellings, its line, and the name, title and address of its case."""
    found = []
    for word in glossary():
        page = lab(word.case.page).partition("_")[2].removesuffix(".py")
        address = f"{'' if page == 'step_size' else page}?{urlencode(word.case.link)}"
        found.append((word.term, (word.term, *word.spelled), word.line, word.case.name, word.case.title, address))
    return found


def words() -> None:
    """Explain the words of the page above: by hover and touch where they stand, by keyboard in a list below it."""
    _component(key=WORDS, data={"words": _sent()}, on_case_change=reported(WORDS, "case", _open))


def _open(name: object) -> None:
    """Go to the case that was clicked; what comes from a browser is checked."""
    case = next((word.case for word in glossary() if word.case.name == name), None)
    if case is not None:
        st.session_state[address.GO] = {"page": lab(case.page), "query_params": case.link}


def printed() -> str:
    """Return the glossary as a document."""
    head = "# The words of the field\n\nOne line each, with a case that shows it. Pages explain them where they stand.\n\n"
    return head + "\n".join(
        f"**{word.term}**: {word.line} See [{word.case.title}](../explorer/cases/{word.case.name}.md).\n" for word in glossary()
    )


if __name__ == "__main__":
    DOCUMENT.write_text(printed(), encoding="utf-8")
