"""The setup that holds, and the controls that turn it: a `Setup` on one side, widgets and the link on the other.

The setup in the session is the only state. Every widget shows its part of it, and turning one replaces it; so a preset, a link and
a hand all go the same way. Refused input stays in its box, with the reason under it, and the setup is unchanged.
"""

import html
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from functools import partial
from typing import Any, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explorer.core.data import remember
from explorer.core.files.tables import read_table
from explorer.core.ground.arrays import Array
from explorer.core.ground.checks import short, typed
from explorer.core.ground.parameters import Look, Parameter, experiment, parameters
from explorer.core.losses import LOSSES, DataLoss
from explorer.core.run.setup import PLAIN, RESCUES, SHELVES, START, Setup
from explorer.ui import address, notes, widgets
from explorer.ui.fold import fold
from explorer.ui.words import literally

Asked = TypeVar("Asked")
Read = TypeVar("Read")
Result = TypeVar("Result")
Viewed = TypeVar("Viewed", bound=Look)

STATE, WAITING, CHOSEN = "setup", "setup:waiting", "setup:chosen"
"""Where in the session it is kept which setup holds, which waits for a page that can use it, and how often one was chosen as a whole."""

STEP_SIZE = "pages/10_step_size.py"

PARTS = {each.name for each in fields(Setup)} - {"knobs"}
"""What the link of an experiment says; that of a lesson, a case or a curve has nothing of it."""


def arrive(read: Callable[[dict[str, str]], tuple[Read, list[str]]], adopt: Callable[[Read], None], default: Read, known: str) -> None:
    """Makes hold what the page was opened with: a link's record, or the default as long as the session has nothing at `known`.

    A link that names no loss speaks of the default's.
    """
    address.predict(address.predicting().predict)
    query, complaints = address.opened(), address.doubled()
    if address.PREDICT in query:
        complaints += address.Predicting.salvage({address.PREDICT: query.pop(address.PREDICT)})[1]
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
        notes.say([f"{complaint}. {notes.REST}" for complaint in complaints])


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
        if not widgets.echo():
            with widgets.refusing(key := f"{page}:{name}"):
                keep_view(page, replace(_look(page, look), **{name: st.session_state[key]}))

    widgets.widget(f"{page}:{name}", parameters(type(look))[name], getattr(look, name), turn, name, **shown)


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
        if address.opened():
            here = ", ".join(name for name in LOSSES if fits(Setup(name)))
            notes.also_say(f"loss must be one of {here} on this page, got {typed(state[STATE].loss)}. {INSTEAD['first']}")
        _wait(state[STATE], default.with_rule_of(state[STATE]))
    return state[STATE]


def _wait(setup: Setup, instead: Setup) -> None:
    """Shows another setup on this page; this one waits for a page that can use it."""
    context = get_script_run_ctx()
    _hold(instead)
    st.session_state[WAITING] = setup, instead, context.page_script_hash if context else ""


def follow(here: str) -> None:
    """Goes from this page to the one that a click asked for, with the link that it was faster than, or back to where the visitor was.

    It holds until that page says its link, however often it is interrupted before, or until the visitor goes elsewhere.
    """
    state = st.session_state
    if address.GO in state:
        link = experiment(st.query_params.to_dict())
        unread = {"query_params": link} if STATE not in state and PARTS & {name.partition(".")[0] for name in link} else {}
        wish = {"query_params": {}} | unread | state.pop(address.GO)
        state[address.BOUND] = wish["page"], wish["query_params"], False
    elif address.BOUND not in state or state[address.BOUND][:2] == (here, dict(st.query_params)):
        return
    page, query, _ = state[address.BOUND]
    st.switch_page(page, query_params=query)


def adopt(setup: Setup) -> None:
    """Adopt `setup`, which was chosen as a whole, as the current one: widgets and the link follow."""
    st.session_state[CHOSEN] = st.session_state.get(CHOSEN, 0) + 1
    _hold(setup)


def _hold(setup: Setup) -> None:
    """Make `setup` the current one."""
    st.session_state[STATE] = setup
    st.session_state[widgets.REFUSED] = {}
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
        used = _rest(asked, compute, str(error)) if address.opened() else None
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
            notes.also_say(f"{each}. {notes.REST}")
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
    _hold(good)
    if boxes and (setup.loss, setup.optimizer) == (good.loss, good.optimizer):
        st.session_state[widgets.REFUSED] = {boxes[0]: reason}
    else:  # it came by a link, from another page, or with another loss
        _wait(setup, good)
        notes.also_say(f"{reason}. {INSTEAD[shown]}")


INSTEAD = {"last": "The last picture that could be made is shown.", "first": "This page's own example is shown."}


def mover(rates: Array) -> Callable[[int], None]:
    """Return what makes the rate hold at which a visitor releases the ruler of these rates, as it is now.

    It holds whatever else is turned at the same time, on whichever ruler; a setup that was chosen as a whole since then has a rate itself.
    """
    chosen = st.session_state[CHOSEN]

    def move(to: int) -> None:
        if st.session_state[CHOSEN] == chosen:
            st.session_state[STATE] = replace(st.session_state[STATE], learning_rate=float(rates[to]))
            st.session_state[widgets.REFUSED].pop("box:learning_rate", None)

    return move


def recipe(line: str, tells: Sequence[str] = ()) -> None:
    """Say in one line what is run; where the sidebar is closed, a click on it opens it. What `tells` the answer is hidden with it."""
    text = html.escape(line)
    for each in map(html.escape, tells):
        text = text.replace(each, f'<span class="tells">{each}</span>')
    st.html(f'<button type="button" class="recipe" aria-label="Open the controls">{text}</button>')


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
            offered = (each for each in widgets.stops(parameter, value or parameter.knob.low) if each != parameter.default)
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
        notes.say([f"{error}. The last good data are still used."])


def _name(kind: str, setup: Setup) -> None:
    """The box that chooses from a shelf, with what the choice is under it."""
    shelf = SHELVES[kind]
    widgets.seed(f"box:{kind}", getattr(setup, kind))
    st.selectbox(kind, list(shelf), key=f"box:{kind}", format_func=shelf.title, on_change=_turn, args=(kind,))
    st.caption((shelf[getattr(setup, kind)].__doc__ or "").strip().splitlines()[0])


def _knob(name: str, parameter: Parameter, value: Any, **look: Any) -> None:
    widgets.widget(f"box:{name}", parameter, value, _turn, name, **look)


def _text(name: str, label: str, value: str, explained: str) -> None:
    widgets.text(f"box:{name}", label, value, _turn, name, explained=explained)
    widgets.refusal(f"box:{name}")


def _turn(name: str) -> None:
    """One widget was turned: the setup with that part replaced, or the reason why not."""
    key, setup = f"box:{name}", st.session_state[STATE]
    value = st.session_state[key]
    if widgets.echo(key) or (name in SHELVES and value == getattr(setup, name)):
        return
    with widgets.refusing(key):
        st.session_state[STATE] = _fitting(setup.with_part(name, value), name)
        if name in SHELVES:
            st.session_state[widgets.REFUSED] = {}


def _fitting(setup: Setup, turned: str) -> Setup:
    """A schedule that was just chosen is made as long as the run, which is what people mean; others stay as they are."""
    known = setup.parameters(turned).get("schedule.steps") if turned == "schedule" else None
    return setup.with_knobs({"schedule.steps": setup.steps}) if known and known.knob.admits(setup.steps) else setup
