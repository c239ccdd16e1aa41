"""Landscape: planes through a network's weights, random ones and that of its own path, with and without skip connections."""

from dataclasses import replace
from functools import partial

import streamlit as st

from explorer.core.ground.parameters import parameters
from explorer.core.ground.prose import plain_or
from explorer.core.networks.planes import Survey, View, cautions, check_work, finding, on_path, panes, summary, survey
from explorer.core.run.setup import Setup
from explorer.figures import planes as figure
from explorer.site.casebook import cases
from explorer.site.content import Dial
from explorer.ui import address, notes, panel
from explorer.ui.job import beside, job, stop, stopped, watched
from explorer.ui.metrics import Metric, metrics
from explorer.ui.picture import picture
from explorer.ui.presets import presets
from explorer.ui.takeaway import takeaway

Seen = tuple[Setup, View]  # what is trained, and the planes that are looked at
JOB = "landscape:job"
DEFAULT = next(case.setup for case in cases() if case.page == "landscape")


def main() -> None:
    """Show the controls, then the planes so far."""
    st.title("What does the landscape around this network look like?", anchor=False)
    asked = panel.viewed("landscape", DEFAULT, View(), lambda setup: setup.loss in ("network", "convolution"))
    (setup, view), _ = panel.computable("landscape", asked, (DEFAULT, View()), allowed)
    panel.keep_view("landscape", view)
    address.write(setup.to_query() | view.to_query())
    notes.show()
    seen = replace(view, drawn="lines")  # as a surface they are the same numbers
    panel.recipe(setup.recipe)
    chips, pause, picture_of_it, words, below = (st.container() for _ in range(5))
    with chips:
        adopt = partial(panel.adopt_view, "landscape")
        presets("landscape", (setup, seen), adopt, lambda case: (case.setup, View.salvage(case.query)[0]), below=below)
    with st.sidebar:
        st.button("Stop", on_click=stop, args=(JOB,), width="stretch", help="Stop the work; what was computed stays.")
        for name in parameters(View):
            if view.plane != "path" or name not in ("at", "planes", "seed", "reach"):
                panel.view_control("landscape", view, name, spoken=readable)
        panel.all_controls(setup)
    running = job(JOB, (setup, seen), lambda halt: survey(setup, seen))
    running.wait(1.4)  # most are done by then, and are shown complete
    with pause:
        stopped(JOB)
    with picture_of_it:
        watched(running, lambda found: show(drawn_as(view, found)), "Building the network…")
    with words:
        beside(running, lambda found: explain(drawn_as(view, found)))
    takeaway(setup)


def allowed(asked: Seen) -> None:
    """Refuse more work than a visitor may ask for."""
    check_work(Survey(asked[1], panes(*asked)))


def readable(name: str) -> str:
    """Return a choice of the view as a person would say it."""
    said = {"random": "random directions", "path": "of the run's own path", "trained": "trained weights", "initial": "first weights"}
    return said.get(name, "level lines" if name == "lines" else name)


def drawn_as(view: View, found: Survey) -> Survey:
    """Return the planes so far, drawn as the visitor wishes."""
    return Survey(replace(found.view, drawn=view.drawn), found.panes, found.doing, found.share)


def show(found: Survey) -> None:
    """Show the picture of the planes so far, which stays while one reads what they say."""
    view = found.view
    if found.share < 1:
        st.progress(min(found.share, 1.0), found.doing)
    drawn, frames = figure.draw(found)
    findings = [finding(found, seed) for seed in view.seeds]
    several = len(frames) > 1
    dial = Dial(
        label="Plane, by its seed:",
        values=[str(seed) for seed in view.seeds],
        words=findings,
        alts=[each.replace("**", "") for each in findings],
    )
    how = "Level lines of the loss" if view.drawn == "lines" else "The loss as a surface"
    where = "in the plane of the run's own path, with the path on it" if view.plane == "path" else "in a random plane through the weights"
    picture(
        drawn,
        key="landscape:picture",
        alt=f"{how} {where}{', without skip connections and with them' if len(found.panes) == 2 else ''}. {summary(found)}",
        frames=frames if several else (),
        dial=dial if several else None,
        narrow=figure.narrow(found),
    )


def explain(found: Survey) -> None:
    """Say what the planes so far say, and what no slice can show."""
    st.header(summary(found), anchor=False)
    for note in filter(None, (on_path(found), cautions(found))):
        st.markdown(note)
    names = [f"sharpness of all directions{', ' if pane.name else ''}{pane.name}" for pane in found.panes]
    curved = [(name, pane.sharpness, max(pane.curvature.values())) for name, pane in zip(names, found.panes, strict=True) if pane.curvature]
    metrics(*(Metric(name, plain_or("–", all_), f"in these planes at most {plain_or('–', here)}") for name, all_, here in curved))
    st.caption(limits(found))


def limits(found: Survey) -> str:
    """Explain what a slice cannot show."""
    dim = found.panes[0].loss.dim
    text = (
        f"A slice shows 2 of {dim:,} directions and holds all others still. A minimum of a slice need not be one of the loss; a valley"
        " that bends out of the slice looks like a wall; and the steepest direction is almost never in a random plane, whose curvature is"
        " an average over all directions: smooth here does not mean that a large step is safe. "
    )
    if found.view.plane == "path":
        return text + "The path lies near this plane, not in it: its losses are its own, not those of the landscape drawn under it."
    return text + (
        "Biases stay as they are; the weights of each unit move by as much as their length (Li et al. 2018). The path is not drawn here:"
        " it is almost at right angles to random directions and would look like a point."
    )


main()
