"""The controls: a `Setup` on one side, widgets and the link on the other. No other module has widgets for knobs.

The setup in the session is the only state. Every widget shows its part of it, and turning one replaces it; so a preset, a link and
a hand all go the same way. Refused input stays in its box, with the reason under it, and the setup is unchanged.
"""

import html
import math
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, fields, replace
from functools import partial
from secrets import token_hex
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explorer.core.data import remember
from explorer.core.files.tables import read_table
from explorer.core.ground.checks import short, typed
from explorer.core.ground.parameters import Look, Parameter, experiment, parameters
from explorer.core.ground.prose import listed
from explorer.core.losses import LOSSES, DataLoss
from explorer.core.run.setup import PLAIN, RESCUES, SHELVES, START, Setup
from explorer.ui.fold import fold
from explorer.ui.words import literally

Asked = TypeVar("Asked")
Read = TypeVar("Read")
Result = TypeVar("Result")
Viewed = TypeVar("Viewed", bound=Look)
GO = "go"  # where in the session it is kept which page should be shown next, and by which link, as `st.switch_page` takes it
PREDICT = "view.predict"

STEP_SIZE = "pages/10_step_size.py"
HERE = "here"  # where in the session it is kept which page is shown, by its address within the app

BACK, BOUND = "back", "bound"
"""Where in the session it is kept which step back or forward was the last, and to which page and link the visitor is on the way."""

STATE, LINKS, REFUSED, NOTES, SAID, WAITING = "setup", "setup:links", "setup:refused", "setup:notes", "setup:said", "setup:waiting"


PARTS = {each.name for each in fields(Setup)} - {"knobs"}
"""What the link of an experiment says; that of a lesson, a case or a curve has nothing of it."""


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


def arrive(read: Callable[[dict[str, str]], tuple[Read, list[str]]], adopt: Callable[[Read], None], default: Read, known: str) -> None:
    """Makes hold what the page was opened with: a link's record, or the default as long as the session has nothing at `known`.

    A link that names no loss speaks of the default's.
    """
    predict(predicting().predict)
    query, complaints = opened(), _doubled()
    if PREDICT in query:
        complaints += Predicting.salvage({PREDICT: query.pop(PREDICT)})[1]
    if query:
        try:
            LOSSES[query.get("loss", "")]
        except ValueError as error:
            complaints += [str(error)] if query.pop("loss", None) is not None else []
            own = [name for name in SHELVES if name in query]
            query = {name: text for name, text in setup_in(default).to_query().items() if name.partition(".")[0] not in own} | query
        found, more = read(query)
        adopt(found)
        complaints += more
    elif known not in st.session_state:
        adopt(default)
    if query or complaints:
        say([f"{complaint}. {REST}" for complaint in complaints])


REST = "The rest of the link is used."


def linked(*known: str) -> dict[str, str]:
    """Return the link that the page was just opened with, of which it knows these parts, and keep a sentence for whatever else it says."""
    query = opened()
    strange = [f"a link to this page has no part named {typed(name)}, but {listed(known)}" for name in query if name not in (*known, "v")]
    if query:
        say([f"{complaint}. {REST}" for complaint in (*_doubled(), *strange)])
    return {name: text for name, text in query.items() if name in known}


def _doubled() -> list[str]:
    """Say of each part that the link has more than once which of them counts."""
    many = {name: st.query_params.get_all(name) for name in opened()}
    return [
        f"{name} is {len(texts)} times in this link: {typed(texts[-1])}, the last, counts" for name, texts in many.items() if len(texts) > 1
    ]


def current(default: Setup, fits: Callable[[Setup], bool] = lambda setup: True) -> Setup:
    """The setup that holds now: the session's, unless the page was opened by another link."""
    arrive(Setup.salvage, adopt, default, STATE)
    return usable(default, fits)


def viewed(page: str, default: Setup, look: Viewed, fits: Callable[[Setup], bool] = lambda setup: True) -> tuple[Setup, Viewed]:
    """The setup that holds now and how the page looks at it: the session's, unless the page was opened by another link."""

    def read(query: dict[str, str]) -> tuple[tuple[Setup, Viewed], list[str]]:
        setup, more = Setup.salvage(experiment(query))
        seen, complaints = type(look).salvage(query)
        return (setup, seen), more + complaints

    arrive(read, partial(adopt_view, page), (default, look), STATE)
    return usable(default, fits), _look(page, look)


def _look(page: str, look: Viewed) -> Viewed:
    """How the page looks at what holds; `look` unless it was turned, or came with a link."""
    return type(look).salvage(st.session_state.get(f"{page}:view", look.to_query()))[0]


def adopt_view(page: str, chosen: tuple[Setup, Look]) -> None:
    """Adopt a setup, and how the page looks at it."""
    setup, look = chosen
    adopt(setup)
    keep_view(page, look)


def keep_view(page: str, look: Look) -> None:
    """Keep how the page looks at what it shows."""
    st.session_state[f"{page}:view"] = look.to_query()


def view_control(page: str, look: Look, name: str, **shown: Any) -> None:
    """The control of one part of how the page looks at what it shows."""

    def turn(name: str) -> None:
        if not echo():
            with refusing(key := f"{page}:{name}"):
                keep_view(page, replace(_look(page, look), **{name: st.session_state[key]}))

    widget(f"{page}:{name}", parameters(type(look))[name], getattr(look, name), turn, name, **shown)


def usable(default: Setup, fits: Callable[[Setup], bool] = lambda setup: True) -> Setup:
    """The session's setup, if the page can use it: `fits` says so. Else the default, while the visitor's own waits for another page.

    The optimizer goes along, for every page can use it: the default is run under it, with its knobs.

    What waits is forgotten once anything else is turned, opened or chosen: that is the visitor's problem then.
    """
    context, state = get_script_run_ctx(), st.session_state
    here = context.page_script_hash if context else ""
    if WAITING in state:
        mine, instead, refused_at = state[WAITING]
        if state[STATE] != instead:
            del state[WAITING]
        elif refused_at != here and fits(mine):
            adopt(mine)
    if not fits(state[STATE]):
        if opened():
            here = ", ".join(name for name in LOSSES if fits(Setup(name)))
            also_say(f"loss must be one of {here} on this page, got {typed(state[STATE].loss)}. {INSTEAD['first']}")
        _wait(state[STATE], default.with_rule_of(state[STATE]))
    return state[STATE]


def _wait(setup: Setup, instead: Setup) -> None:
    """Shows another setup on this page; this one waits for a page that can use it."""
    context = get_script_run_ctx()
    adopt(instead)
    st.session_state[WAITING] = setup, instead, context.page_script_hash if context else ""


def go_back(page: str, query: dict[str, str]) -> None:
    """Note that the visitor went back or forward in the history, to this page and its link."""
    st.session_state.pop(GO, None)
    st.session_state[BOUND] = page, query, True
    for link, shown in _written():
        if link == query and PREDICT in shown:
            predict(shown[PREDICT])  # the answers are hidden as they were there


def follow(here: str) -> None:
    """Goes from this page to the one that a click asked for, with the link that it was faster than, or back to where the visitor was.

    It holds until that page says its link, however often it is interrupted before, or until the visitor goes elsewhere.
    """
    state = st.session_state
    if GO in state:
        link = experiment(st.query_params.to_dict())
        unread = {"query_params": link} if STATE not in state and PARTS & {name.partition(".")[0] for name in link} else {}
        wish = {"query_params": {}} | unread | state.pop(GO)
        state[BOUND] = wish["page"], wish["query_params"], False
    elif BOUND not in state or state[BOUND][:2] == (here, dict(st.query_params)):
        return
    page, query, _ = state[BOUND]
    st.switch_page(page, query_params=query)


def opened() -> dict[str, str]:
    """The link that the page was just opened with; empty if it was opened without, or if the page itself wrote it.

    A browser that has not heard of the newest link says an older one, which is nobody's wish unless the visitor goes there.
    """
    query = dict(st.query_params)
    return query if BOUND in st.session_state or query not in [link for link, _ in _written()] else {}


def returned() -> bool:
    """Whether the visitor has just gone back or forward to the page in the history."""
    return BOUND in st.session_state and st.session_state[BOUND][2]


def arrived() -> None:
    """Say that the page which the visitor went to is shown."""
    st.session_state.pop(BOUND, None)


def _written() -> list[tuple[dict[str, str], dict[str, Any]]]:
    """The last links that the page wrote, the newest at the end, each with what the boxes showed then."""
    found: list[tuple[dict[str, str], dict[str, Any]]] = st.session_state.setdefault(LINKS, [])
    return found


def adopt(setup: Setup) -> None:
    """Adopt `setup` as the current one: widgets and the link follow."""
    st.session_state[STATE] = setup
    st.session_state[REFUSED] = {}
    st.session_state.pop(WAITING, None)


def computable(
    page: str, asked: Asked, default: Asked, compute: Callable[[Asked], Result], setup_of: Callable[[Asked], Setup] | None = None
) -> tuple[Asked, Result]:
    """What is asked for and what was computed of it; or as much of a link as can be, or the last that could on this page, with the reason.

    `asked` is the page's whole state: a setup, a tuple that begins with one, or what has it as `setup`; the setup that a page is about may
    be another, which `setup_of` says. `compute` raises ValueError where it refuses.

        setup, found = panel.computable("sweep", panel.current(DEFAULT), DEFAULT, computed)
    """
    found = setup_of or setup_in
    try:
        result = compute(asked)
    except ValueError as error:
        used = _rest(asked, compute, str(error)) if opened() else None
        if used is None:
            kept: Asked | None = st.session_state.get(f"{page}:good")
            good, shown = (default, "first") if kept is None or kept == asked else (kept, "last")  # what has begun may be refused later
            refuse(found(asked), found(good), str(error), shown)
            used = good, compute(good)
        asked, result = used
    st.session_state[f"{page}:good"] = asked
    return asked, result


def _rest(asked: Asked, compute: Callable[[Asked], Result], reason: str) -> tuple[Asked, Result] | None:
    """Return what can be computed of a link without the parts that are refused, each of which is said; None if that is not enough."""
    setup, reasons = setup_in(asked), [reason]
    left = {*setup.to_query()} - {"v"}
    while named := next((name for name in left if f" {name.rpartition('.')[2]} must be " in f" {reasons[-1]}"), ""):
        left.remove(named)
        setup = setup.without(named)
        try:
            found = _with_setup(asked, setup)
            result = compute(found)
        except ValueError as error:
            reasons.append(str(error))
            continue
        _wait(setup_in(asked), setup)
        for each in reasons:
            also_say(f"{each}. {REST}")
        return found, result
    return None


def setup_in(asked: Any) -> Setup:
    """Return the setup in the state of a page."""
    found: Setup = asked if isinstance(asked, Setup) else asked[0] if isinstance(asked, tuple) else asked.setup
    return found


def _with_setup(asked: Any, setup: Setup) -> Any:
    """Return the state of a page with this setup instead of its own."""
    if isinstance(asked, Setup):
        return setup
    return (setup, *asked[1:]) if isinstance(asked, tuple) else replace(asked, setup=setup)


def anchored(page: str, setup: Setup, carries: Callable[[Setup], bool]) -> Setup:
    """The setup whose ruler is shown: its rate is fixed while a visitor drags, so that the ruler does not move.

    `carries(held)` says whether the ruler of a setup that differs only in its rate has a place for the rate of this one.
    """
    held: Setup | None = st.session_state.get(f"{page}:anchor")
    if held is not None and replace(held, learning_rate=setup.learning_rate) == setup and carries(held):
        return held
    st.session_state[f"{page}:anchor"] = setup
    return setup


def refuse(setup: Setup, good: Setup, reason: str, shown: str = "last") -> None:
    """Goes back to `good` from a setup that cannot be run; what was typed last stays in its box, with the reason under it."""
    changed = [name for name in ("steps", "start", "learning_rate") if getattr(setup, name) != getattr(good, name)]
    changed += [dotted for dotted, _ in {*setup.knobs} - {*good.knobs}]
    boxes = [f"box:{name}" for name in changed if f"box:{name}" in st.session_state]
    adopt(good)
    if boxes and (setup.loss, setup.optimizer) == (good.loss, good.optimizer):
        st.session_state[REFUSED] = {boxes[0]: reason}
    else:  # it came by a link, from another page, or with another loss
        _wait(setup, good)
        also_say(f"{reason}. {INSTEAD[shown]}")


INSTEAD = {"last": "The last picture that could be made is shown.", "first": "This page's own example is shown."}


def take_rate(ruler: Setup, learning_rate: float) -> None:
    """Makes the rate at which a visitor released the ruler of that setup the one that holds, unless the ruler is no longer shown."""
    setup: Setup = st.session_state[STATE]
    if replace(setup, learning_rate=ruler.learning_rate) == ruler:
        st.session_state[STATE] = replace(setup, learning_rate=learning_rate)
        st.session_state[REFUSED].pop("box:learning_rate", None)


def write_link(query: dict[str, str]) -> None:
    """Puts the experiment into the address bar, so that the page can be bookmarked and sent as it is.

    The browser is told that this is the page's link, and after which step back or forward (`beginning.js`).
    """
    links = _written()
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


UNUSED = "Not all of this link could be used"


def say(sentences: list[str]) -> None:
    """Keeps what `notes` should say next."""
    st.session_state[NOTES] = sentences


def also_say(sentence: str) -> None:
    """Keeps one more sentence for `notes`."""
    say([*st.session_state.get(NOTES, []), sentence])


def notes() -> None:
    """Says what was wrong with the link that opened the page, until something is turned; in a frame as one line that unfolds."""
    st.session_state[SAID] = st.session_state.pop(NOTES, [])
    if st.session_state[SAID]:
        with st.container(key="notes"), st.expander(UNUSED) if st.context.is_embedded else nullcontext():
            for note in st.session_state[SAID]:
                st.warning(literally(note), icon=":material/link_off:")


def again() -> NoReturn:
    """Rerun the page because work is done, not because of the visitor: notes are shown again."""
    st.session_state[NOTES] = st.session_state.get(SAID, [])
    st.rerun()


def recipe(line: str) -> None:
    """Say in one line what is run; where the sidebar is closed, a click on it opens it."""
    st.html(f'<button type="button" class="recipe" aria-label="Open the controls">{html.escape(line)}</button>')


def controls(setup: Setup, kinds: tuple[str, ...] = ("loss", "optimizer"), *, rate: bool = True, steps: bool = True) -> None:
    """The controls of an experiment: what is chosen from these shelves, with its knobs, then start, rate as a number, and steps."""
    for kind in kinds:
        _name(kind, setup)
        known = setup.parameters(kind)
        values = {dotted: parameter.default for dotted, parameter in known.items()} | dict(setup.knobs)
        for dotted, parameter in known.items():
            other = parameter.knob.only_with
            if other is None or values[f"{kind}.{other[0]}"] == other[1]:
                _knob(dotted, parameter, values[dotted])
    start = tuple(setup.initial_point.tolist())
    if len(start) <= 16:
        _text("start", "start point", START.write(start), "One number for each coordinate, with commas.")
    if rate:
        rate_box(setup, explained="Any number ≥ 0; the slider above the picture runs around the edge.")
    if steps:
        _text("steps", "steps", str(setup.steps), "How many steps are taken.")


def rate_box(setup: Setup, label: str = "learning rate", explained: str = "Any number ≥ 0.") -> None:
    """The box in which the rate is typed."""
    _text("learning_rate", label, short(setup.learning_rate), explained)


def all_controls(setup: Setup, *, rate: bool = True, data: bool = False) -> None:
    """The controls of an experiment with its randomness and its rescues, and with a box for one's own `data`."""
    controls(setup, rate=rate)
    if data:
        upload(setup)
    sampling(setup)
    rescues(setup)


def rescues(setup: Setup) -> None:
    """Show the rescues of a run that would diverge, each switched on by a number; the schedule is one of them."""
    with fold("Rescues", used=setup != setup.without_rescues()) as unfolded:
        if not unfolded:
            return
        _name("schedule", setup)
        for dotted, parameter in setup.parameters("schedule").items():
            _knob(dotted, parameter, dict(setup.knobs).get(dotted, parameter.default))
        for name, parameter in RESCUES.items():
            value = getattr(setup, name)
            offered = (each for each in stops(parameter, value or parameter.knob.low) if each != parameter.default)
            _knob(name, parameter, value, options=[parameter.default, *offered], none="off")
        st.caption("Weight decay is among the optimizer's knobs. The run without all of these stays in the picture as a dashed line.")


def sampling(setup: Setup) -> None:
    """Show the sources of randomness: mini-batches of a loss on data, noise on the gradient of any other."""
    loss = setup.make_loss()
    used = any(getattr(setup, name) != PLAIN[name].default for name in ("batch_size", "replacement", "gradient_noise"))
    with fold("Mini-batches and noise", used=used) as unfolded:
        if not unfolded:
            return
        if isinstance(loss, DataLoss):
            sizes = sorted({size for size in (1, 2, 5, 10, 20, 50, 100, 200, 500) if size < loss.examples} | {setup.batch_size or 1})
            explained = f"Number of the {loss.examples} examples that each step uses."
            _knob("batch_size", PLAIN["batch_size"], setup.batch_size, options=[None, *sizes], none="all", explained=explained)
            if setup.batch_size is not None:
                _knob("replacement", PLAIN["replacement"], setup.replacement)
        noises = sorted({0.0, *(float(f"{digit}e{decade}") for decade in range(-3, 2) for digit in (1, 2, 5)), setup.gradient_noise})
        explained = "The standard deviation of what is added to each coordinate of the gradient, the same for all rates."
        _knob("gradient_noise", PLAIN["gradient_noise"], setup.gradient_noise, options=noises, none="off", explained=explained)
        _text("seed", "seed of batches and noise", str(setup.seed), "Another seed draws other random numbers.")


def upload(setup: Setup) -> None:
    """Take a visitor's own table for a loss on data; show what was read of it, and which column is predicted."""
    if "loss.data" not in setup.parameters("loss"):
        return
    with fold("Your own data", used=st.session_state.get("box:file") is not None) as unfolded:
        if not unfolded:
            return
        given = st.file_uploader("A CSV file with a line of names and then numbers, up to 1 MB", type=["csv", "tsv", "txt"], key="box:file")
        if given is None:
            return
        try:
            content = given.getvalue()
            found = read_table(content)
            target = st.selectbox("column to predict", found.targets, index=found.targets.index(found.target), key="box:target")
            found = found if target == found.target else read_table(content, target=target)
            for note in found.notes:
                st.caption(literally(note))
            name = remember(found.table)
            if dict(setup.knobs).get("loss.data") != name:
                st.button("Use this table", on_click=_use_table, args=(name,), type="primary")
        except ValueError as error:
            st.error(f"{literally(str(error))}. The picture still shows the last good data.", icon=":material/error:")


def _use_table(name: str) -> None:
    """The uploaded table becomes the loss's data."""
    try:
        adopt(st.session_state[STATE].with_knobs({"loss.data": name}))
    except ValueError as error:
        say([f"{error}. The last good data are still used."])


def _name(kind: str, setup: Setup) -> None:
    """The box that chooses from a shelf, with what the choice is under it."""
    shelf = SHELVES[kind]
    seed(f"box:{kind}", getattr(setup, kind))
    st.selectbox(kind, list(shelf), key=f"box:{kind}", format_func=shelf.title, on_change=_turn, args=(kind,))
    st.caption((shelf[getattr(setup, kind)].__doc__ or "").strip().splitlines()[0])


def _knob(name: str, parameter: Parameter, value: Any, **look: Any) -> None:
    widget(f"box:{name}", parameter, value, _turn, name, **look)


def _text(name: str, label: str, value: str, explained: str) -> None:
    text(f"box:{name}", label, value, _turn, name, explained=explained)
    refusal(f"box:{name}")


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
        for _, shown in _written()[-1:]:
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
    browser's address bar tells: it still has an older link of this page, with which the box showed this very value.
    """
    context = get_script_run_ctx()
    if context is not None and context.fragment_ids_this_run:
        return True
    query, links = dict(st.query_params), _written()
    if not links or query == links[-1][0]:
        return False
    return any(query == link and key in shown and shown[key] == st.session_state[key] for link, shown in links)


def _turn(name: str) -> None:
    """One widget was turned: the setup with that part replaced, or the reason why not."""
    key, setup = f"box:{name}", st.session_state[STATE]
    value = st.session_state[key]
    if echo(key) or (name in SHELVES and value == getattr(setup, name)):
        return
    with refusing(key):
        st.session_state[STATE] = _fitting(setup.with_part(name, value), name)
        if name in SHELVES:
            st.session_state[REFUSED] = {}


def _fitting(setup: Setup, turned: str) -> Setup:
    """A schedule that was just chosen is made as long as the run, which is what people mean; others stay as they are."""
    known = setup.parameters(turned).get("schedule.steps") if turned == "schedule" else None
    return setup.with_knobs({"schedule.steps": setup.steps}) if known and known.knob.admits(setup.steps) else setup
