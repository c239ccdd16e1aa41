"""The widget that fits a parameter. Refused input stays in its box, with the reason under it."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explorer.core.ground.checks import short
from explorer.core.ground.parameters import Parameter
from explorer.ui import address
from explorer.ui.words import literally

REFUSED = "setup:refused"
"""Where in the session it is kept why what was typed is refused, by the key of its box."""


def spaced(name: str) -> str:
    """A choice as a person writes it: ``he_normal`` is he normal."""
    return name.replace("_", " ")


def widget(
    key: str,
    parameter: Parameter,
    value: Any,
    turn: Callable[[str], None],
    name: str,
    *,
    options: list[Any] | None = None,
    none: str = "",
    spoken: Callable[[str], str] = spaced,
    explained: str = "",
) -> None:
    """The widget that fits a parameter's kind and shows this value; turned, it calls `turn` with the name.

    `options` are where a slider stops, `none` is what 0 and None are called there, and `spoken` is a choice in words.
    """
    shared: Any = {"key": key, "help": explained or parameter.knob.help or None, "on_change": turn, "args": (name,)}
    seed(key, list(value) if parameter.kind == "choices" else value)
    match parameter.kind:
        case "switch":
            st.toggle(parameter.label, **shared)
        case "choice":
            offered = parameter.options if value in parameter.options else (*parameter.options, value)  # an uploaded table, say
            st.selectbox(parameter.label, offered, format_func=spoken, **shared)
        case "choices":
            st.multiselect(parameter.label, parameter.options, format_func=spoken, **shared)
        case "number" | "integer" if math.isfinite(parameter.knob.low):
            st.select_slider(
                parameter.label,
                options or stops(parameter, value),
                format_func=lambda stop: none if none and stop in (None, 0, none) else short(float(stop)),
                **shared,
            )
        case _:
            text(key, parameter.label, parameter.write(value), turn, name, explained=shared["help"])
    refusal(key)


def text(key: str, label: str, value: str, turn: Callable[..., None], *args: str, explained: str | None = None) -> None:
    """A box for text; what is typed is handed to `turn`, and what is refused stays in it."""
    seed(key, value)
    st.text_input(label, key=key, help=explained, on_change=turn, args=args)


def stops(parameter: Parameter, value: Any) -> list[Any]:
    """Where a knob's slider stops: its range in round numbers, 1-2-5 by decades if it is logarithmic, and the value it has."""
    knob = parameter.knob
    if knob.log:
        decades = range(math.floor(math.log10(knob.low)), math.ceil(math.log10(knob.high)) + 1)
        found = [float(f"{digit}e{decade}") for decade in decades for digit in (1, 2, 5)]
        found = [each for each in found if knob.low * (1 - 1e-9) <= each <= knob.high * (1 + 1e-9)]
        if knob.at_least == 0:
            found.append(0.0)
    elif parameter.kind == "integer":
        step = max(round((knob.high - knob.low) / 100), 1)
        found = [float(each) for each in range(int(knob.low), int(knob.high) + 1, step)]
    else:
        found = [float(f"{knob.low + (knob.high - knob.low) * i / 100:.6g}") for i in range(101)]
    kind = int if parameter.kind == "integer" else float
    return sorted({kind(each) for each in (*found, parameter.default, value) if each is not None})


def seed(key: str, value: Any) -> None:
    """Lets a widget show what holds, unless what was typed there was refused."""
    if key not in st.session_state.get(REFUSED, {}):
        st.session_state[key] = value
        for _, shown in address.written()[-1:]:
            shown[key] = value


@contextmanager
def refusing(key: str) -> Iterator[None]:
    """Take what was typed into that box; if it is refused (ValueError), it stays there, with the reason under it."""
    try:
        yield
        st.session_state[REFUSED].pop(key, None)
    except ValueError as error:
        st.session_state[REFUSED][key] = str(error)


def refusal(key: str, shown: str = "value") -> None:
    """Says why what was typed there was refused, and what of the last good ones is `shown`."""
    if key in st.session_state.get(REFUSED, {}):
        st.error(f"{literally(st.session_state[REFUSED][key])}. The picture still shows the last good {shown}.", icon=":material/error:")


def echo(key: str = "") -> bool:
    """Whether what the browser says of a widget is from before the page changed it, and nobody's wish.

    Turning a widget runs the whole page. A part of the page that runs by itself brings along what the browser last knew of all widgets,
    which may be older than the rate or the preset just chosen; and Streamlit may merge that with a run of the whole page. There the
    browser's address bar tells: it still has an older link of this page, with which the box showed this very value, or it was typed there
    and has been taken already.
    """
    context = get_script_run_ctx()
    if context is not None and context.fragment_ids_this_run:
        return True
    if not key:
        return False
    query, links, value = dict(st.query_params), address.written(), st.session_state[key]
    here, taken = [shown for link, shown in links if link == query], f"{key} taken"
    if here and query != links[-1][0] and any(value == shown[each] for shown in here for each in (key, taken) if each in shown):
        return True
    for shown in here:
        shown[taken] = value
    return False
