"""Map: any two knobs against each other, coarse to fine; where runs diverge, how fast, and theory's line over it."""

import io
import math
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from explorer.core.ground.checks import short
from explorer.core.ground.prose import counted, plain
from explorer.core.maps.boundary import agreement, lines
from explorer.core.maps.canvas import Canvas, csv, records
from explorer.core.maps.map import LAYER, Axis, Map, knobs, too_much, window
from explorer.core.maps.render import render
from explorer.core.maps.tile import in_words
from explorer.core.run.setup import Setup
from explorer.core.verdict.verdict import Verdict
from explorer.figures import map as figure
from explorer.site.casebook import cases
from explorer.site.kept import known
from explorer.ui import address, notes, panel, widgets
from explorer.ui.job import Job, job
from explorer.ui.part import part
from explorer.ui.picture import picture
from explorer.ui.presets import presets
from explorer.ui.words import literally

PLAN, BACK, JOB = "map:plan", "map:back", "map:job"
DEFAULT = next(case.record for case in cases() if case.page == "map")
PIXELS = (32, 64, 128, 192, 256, 384, 512)

MOST_FOR_A_VISITOR = 4 * 10**10
"""Pixels × steps × dim that the page computes: for the fractal 512² pixels, minutes on two cores. The library has a larger bound."""

MOST_KEPT = 24  # maps that are kept for all visitors together, so that going back, or a shared link, shows at once what is known

GLANCE, WAIT, BEAT = 0.8, 4.0, 1.0
"""Seconds: a map that is finished by then appears at once; the first picture is waited for; and between two looks at one in the making."""

ALWAYS = (Verdict.DIVERGED, Verdict.CONVERGED)  # what is always told of a map; of the other verdicts, those of a twentieth of it or more


def main() -> None:
    """Show the picture, what it says, and in the sidebar its axes."""
    st.title("How does the edge move when two knobs are turned?", anchor=False)
    top = st.container()
    plan = current()
    notes.show()
    canvas = canvas_of(plan)
    painting = job(JOB, plan, lambda halt: render(plan, canvas, stop=halt), keeps=True)
    painting.wait(WAIT, GLANCE)
    live = painting.running
    fine = [knobs(plan.setup)[axis.knob].label for axis in (plan.x, plan.y) if axis.at_the_floor]
    if fine:
        st.warning(
            f"Neighboring pixels of {' and of '.join(fine)} are less than four units in the last place apart: float64 ends here, and"
            " what is seen is rounding.",
            icon=":material/zoom_in:",
        )
    part(show, BEAT if live else None)(plan, canvas, painting, live)
    below = st.container()
    with top:
        panel.recipe(plan.setup.recipe)
        presets("map", plan, adopt, below=below)
    take_away(plan, canvas)
    address.write(plan.to_query())
    with st.sidebar:
        sides(plan)
        panel.all_controls(plan.setup, rate="learning_rate" not in (plan.x.knob, plan.y.knob))


# ---- which map it is


def current() -> Map:
    """Return the map that holds now: the session's, unless the page was opened by a link; or the last one that could be made, and why."""
    panel.arrive(Map.salvage, adopt, DEFAULT, panel.STATE)
    before: Map | None = st.session_state.get(PLAN)
    asked, otherwise = (panel.usable(DEFAULT.setup), before), (DEFAULT.setup, DEFAULT)
    (setup, _), plan = panel.computable("map", asked, otherwise, lambda each: checked(fitting(*each)))
    if before is None or before.setup.loss != setup.loss:
        st.session_state[BACK] = []
    st.session_state[PLAN] = plan
    return plan


def fitting(setup: Setup, before: Map | None) -> Map:
    """The axes of another map on this setup. A knob that it does not have makes way for another; for another loss the windows are new."""
    axes: tuple[Axis | None, ...] = (None, None) if before is None else (before.x, before.y)
    if before is not None and before.setup.loss != setup.loss:
        axes = tuple(window(setup, axis.knob, axis.count) if axis and axis.knob in knobs(setup) else None for axis in axes)
    x, y = axes
    return Map.of(setup, x, y)


def checked(plan: Map) -> Map:
    """Return the map, refused with a sentence if it is more work than a visitor may ask a server for."""
    dim, steps = plan.largest
    if plan.pixels * steps * dim > MOST_FOR_A_VISITOR:
        raise ValueError(too_much(plan, MOST_FOR_A_VISITOR))
    return plan


def adopt(plan: Map) -> None:
    """Make `plan` the map that holds; what was typed and refused is forgotten, and so is the way back."""
    panel.adopt(plan.setup)
    st.session_state[PLAN], st.session_state[BACK] = plan, []


@st.cache_resource(show_spinner=False, max_entries=MOST_KEPT)
def canvas_of(plan: Map) -> Canvas:
    """Return what is known of a map, for any visitor; a case's that takes long is known beforehand."""
    return known(plan)


# ---- the picture


def show(plan: Map, canvas: Canvas, painting: Job[float], live: bool) -> None:
    """Show the unfinished or finished picture and its controls. Reruns by itself while the map is being rendered."""
    painting.look()
    moved = st.session_state[PLAN] != plan or st.session_state[JOB][1] is not painting
    if moved or notes.NOTES in st.session_state:
        st.rerun()
    if live != painting.running:
        notes.again()
    canvas = canvas.copy()  # rendering continues while this is drawn: the words must match the picture
    sentence = headline(plan, canvas)
    st.header(sentence, anchor=False)
    finished = bool(canvas.done.all())
    progress(plan, canvas, painting)
    names = [side.label for side in figure.sides(plan)]
    picture(
        figure.draw(plan, canvas, lines(plan)),
        key="map:picture",
        alt=f"A map of what becomes of runs: across, {names[0]} from {short(plan.x.low)} to {short(plan.x.high)};"
        f" up, {names[1]} from {short(plan.y.low)} to {short(plan.y.high)}. {sentence}",
        said=sentence,
        narrow=figure.NARROW,
        on_click=open_run,
        on_box=zoom_to_box,
    )
    with st.container(horizontal=True):
        if painting.running:
            st.button("Stop", on_click=painting.stop, icon=":material/stop:")
        elif not finished:
            st.button("Go on", on_click=painting.go_on, icon=":material/play_arrow:")
        st.button("Zoom in", on_click=zoom, args=(0.5,), icon=":material/zoom_in:")
        st.button("Zoom out", on_click=zoom, args=(2.0,), icon=":material/zoom_out:")
        if st.session_state[BACK]:
            st.button("Back", on_click=back, icon=":material/undo:")
    layers = any(axis.knob.startswith(LAYER) for axis in (plan.x, plan.y))
    click = f"a click opens that run on Step size{', with one rate for all its layers' if layers else ''}"
    size = f" {plan.x.size:,} × {plan.y.size:,} runs of {counted(plan.largest[1])}"
    took = f"{size} took {in_words(painting.seconds)}." if finished and painting.latest else ""
    st.caption(f"Darker: overflowed sooner, or fell further. With a mouse, drag a box to zoom; {click}.{took}")
    case = next((each for each in cases() if each.page == "map" and each.record == plan), None)
    if case:
        st.markdown(case.text)


def headline(plan: Map, canvas: Canvas) -> str:
    """Return how much of the map diverges and converges, and whether theory's line is right."""
    shares = canvas.shares()
    diverged, converged = (percent(shares.get(each, 0.0)) for each in ALWAYS)
    done = int(canvas.done.sum())
    if not done:
        return f"Not one of {plan.pixels:,} runs is over yet."
    runs, so_far = counted(done, "run"), "" if done == plan.pixels else "So far, "
    rest = [(share, verdict) for verdict, share in shares.items() if verdict not in ALWAYS and share >= 0.05]
    others = [f"{percent(share)} are {verdict}{'s' * (verdict == Verdict.CATAPULT)}" for share, verdict in rest]
    text = f"{so_far}{', '.join([f'{diverged} of {runs} diverged', f'{converged} converged', *others])}."
    found = agreement(plan, canvas)
    if found is None or found.pixels == 0:
        return text
    wrong = found.pixels - found.right
    which = "every run" if wrong == 0 else f"all but {wrong:,} of {found.pixels:,} runs"
    return f"{text} Theory's line is right for {which} further than a pixel from it."


def percent(share: float) -> str:
    """Return a share in percent, rounded neither to 0 % nor to 100 %."""
    if 0 < share < 0.001:
        return "less than 0.1 %"
    return f"{min(plain(100 * share, 2), '99.9' if share < 1 else '100', key=float)} %" if share else "none"


def progress(plan: Map, canvas: Canvas, painting: Job[float]) -> None:
    """Show the progress and what went wrong; nothing once it is finished.

    While it is at work that is one element: were there now one more, now one less, Streamlit would put another "Stop" in the place of the
    one that is being clicked.
    """
    if painting.error:
        st.error(literally(painting.error), icon=":material/error:")
    if canvas.done.all():
        return
    state = "stopped" if not painting.running else "beginning"
    if waits := painting.waits:
        state = f"{waits[:1].lower()}{waits[1:]}"
    elif painting.running and painting.first is not None and canvas.share > painting.first[1]:
        seconds, share = painting.first
        state = f"{in_words(seconds * (1 - canvas.share) / (canvas.share - share))} left"
    st.progress(canvas.share, f"{math.floor(100 * canvas.share)} % of {plan.pixels:,} runs, {state}")


# ---- moving the window


def look(**axes: Axis) -> None:
    """Show these axes, keeping the current ones to go back to; or say why not."""
    before: Map = st.session_state[PLAN]
    try:
        plan = checked(replace(before, setup=st.session_state[panel.STATE], **axes))
    except ValueError as error:
        notes.also_say(f"{error}. The window stays as it was.")
        return
    if (plan.x, plan.y) != (before.x, before.y):
        st.session_state[BACK] = [*st.session_state[BACK][-49:], before]
        move(plan)


def move(plan: Map) -> None:
    """Make another window hold; what was typed for this one and refused is forgotten."""
    st.session_state[PLAN] = plan
    for key in [key for key in st.session_state[widgets.REFUSED] if key.startswith("map:")]:
        del st.session_state[widgets.REFUSED][key]


def zoom(factor: float) -> None:
    """Zoom to `factor` times the window on both axes, as far as the knobs allow."""
    plan: Map = st.session_state[PLAN]
    x, y = (axis_within(axis, 0.5 - factor / 2, 0.5 + factor / 2) for axis in (plan.x, plan.y))
    look(x=x, y=y)


def axis_within(axis: Axis, begin: float, end: float) -> Axis:
    """Return the part of an axis between two shares of it, clipped to its knob's range; unchanged, if nothing would remain."""
    knob = knobs(st.session_state[panel.STATE])[axis.knob].knob
    low = max(float(axis.at(begin)), knob.at_least, knob.above, -np.finfo(float).max)
    high = min(float(axis.at(end)), knob.at_most, knob.below, np.finfo(float).max)
    if axis.whole:
        low, high = min(low, math.ceil(low)), max(high, math.floor(low) + 1.0)
    return replace(axis, low=low, high=high) if low < high and not (axis.log and low <= 0) else axis


def finite(sent: Any, count: int) -> bool:
    """Whether what came from a browser is that many numbers."""
    return isinstance(sent, list) and len(sent) == count and all(isinstance(each, int | float) and math.isfinite(each) for each in sent)


def zoom_to_box(box: Any) -> None:
    """Zoom into a box that was drawn."""
    plan: Map = st.session_state[PLAN]
    if finite(box, 4):
        across, up = figure.sides(plan)
        look(x=_boxed(plan.x, across.origin, *sorted(box[:2])), y=_boxed(plan.y, up.origin, *sorted(box[2:])))


def _boxed(axis: Axis, origin: float, low: float, high: float) -> Axis:
    """Return the axis between two numbers of the picture, within its present range, in as many digits as a drawn box has."""
    digits = 3 - math.floor(math.log10(max((high - low) / max(abs(low + origin), abs(high + origin)), 1e-17))) if low < high else 17
    low, high = (float(f"{end + origin:.{min(digits, 17)}g}") for end in (low, high))
    low, high = max(low, axis.low), min(high, axis.high)
    if axis.whole and math.floor(high) - math.ceil(low) < 1:
        return axis
    return replace(axis, low=low, high=high) if low < high else axis


def back() -> None:
    """Go back to the window before this one."""
    if st.session_state[BACK]:
        *st.session_state[BACK], before = st.session_state[BACK]
        move(before)


def open_run(pointed: Any) -> None:
    """Open the run of a clicked pixel on the page Step size."""
    plan: Map = st.session_state[PLAN]
    if not finite(pointed, 2):
        return
    across, up = figure.sides(plan)
    setup, difference = plan.nearest(plan.y.pixel(pointed[1] + up.origin), plan.x.pixel(pointed[0] + across.origin))
    panel.adopt(setup)
    notes.say([difference] if difference else [])
    st.session_state[address.GO] = {"page": panel.STEP_SIZE}


# ---- the sidebar


def sides(plan: Map) -> None:
    """Show what is on the two axes, between which ends, in how many pixels."""
    offered = knobs(plan.setup)
    for name, label in (("x", "across"), ("y", "up")):
        axis, key = getattr(plan, name), f"map:{name}"
        widgets.seed(f"{key}:knob", axis.knob)
        st.selectbox(label, list(offered), key=f"{key}:knob", format_func=lambda knob: offered[knob].label, on_change=turn_to, args=(name,))
        for column, end, said in zip(st.columns(2), ("low", "high"), ("from", "to"), strict=True):
            with column:
                widgets.text(f"{key}:{end}", said, short(getattr(axis, end)), type_end, name, end)
        for end in ("low", "high"):
            widgets.refusal(f"{key}:{end}", "window")
        widgets.seed(f"{key}:log", axis.log)
        st.toggle("logarithmic", key=f"{key}:log", on_change=bend, args=(name,))
    count = max(plan.x.count, plan.y.count)
    widgets.seed("map:count", count)
    st.select_slider("pixels a side", sorted({*PIXELS, count}), key="map:count", on_change=refine)
    st.caption("Everything else, and what is not on an axis:")


def turn_to(name: str) -> None:
    """Put another knob on an axis; choosing the other axis's knob swaps the two."""
    plan: Map = st.session_state[PLAN]
    knob, axis, other = st.session_state[f"map:{name}:knob"], getattr(plan, name), plan.y if name == "x" else plan.x
    if widgets.echo() or knob == axis.knob or knob not in knobs(st.session_state[panel.STATE]):
        return
    if knob == other.knob:
        look(x=plan.y, y=plan.x)
    else:
        look(**{name: window(st.session_state[panel.STATE], knob, axis.count)})


def type_end(name: str, end: str) -> None:
    """Take a typed end of a window."""
    plan = st.session_state[PLAN]
    if not widgets.echo():
        with widgets.refusing(key := f"map:{name}:{end}"):
            axis = replace(getattr(plan, name), **{end: st.session_state[key]})
            checked(replace(plan, setup=st.session_state[panel.STATE], **{name: axis}))
            look(**{name: axis})


def bend(name: str) -> None:
    """Make an axis logarithmic or linear; one that begins at zero then begins four decades below its end."""
    axis = getattr(st.session_state[PLAN], name)
    if widgets.echo():
        return
    if not st.session_state[f"map:{name}:log"]:
        look(**{name: replace(axis, log=False)})
    elif axis.high > 0:
        look(**{name: replace(axis, log=True, low=axis.low if axis.low > 0 else axis.high * 1e-4)})
    else:
        notes.say([f"the high end of {axis.knob} must be > 0 on a logarithmic axis, got {short(axis.high)}."])


def refine() -> None:
    """Change the number of pixels a side."""
    plan, count = st.session_state[PLAN], st.session_state["map:count"]
    if not widgets.echo():
        look(x=replace(plan.x, count=count), y=replace(plan.y, count=count))


def take_away(plan: Map, canvas: Canvas) -> None:
    """Offer the map as a picture and as numbers; made only on request."""

    def npy() -> bytes:
        file = io.BytesIO()
        np.save(file, records(plan, canvas))
        return file.getvalue()

    with st.expander("Take the map away"), st.container(horizontal=True):
        st.download_button("PNG, a pixel a run", lambda: figure.png(plan, canvas), "map.png", "image/png", on_click="ignore")
        st.download_button("CSV", lambda: csv(plan, canvas), "map.csv", "text/csv", on_click="ignore")
        st.download_button("NumPy, x, y, verdict, pace", npy, "map.npy", "application/octet-stream", on_click="ignore")


main()
