"""Network: train one live, with its sharpness beside the edge, its layers' gradients, its dead units and the line it draws.

Above it a ruler of learning rates: each was tried in the background, and the slider chooses the one that is trained.
"""

from collections.abc import Generator
from typing import Any

import numpy as np
import streamlit as st

from explorer.core.ground.prose import plain, plain_or
from explorer.core.ground.size import check_size
from explorer.core.networks.training import History, seen, train
from explorer.core.networks.trials import Trials, trials
from explorer.core.run.setup import Setup
from explorer.core.verdict.sentence import marked
from explorer.figures import network as figure
from explorer.figures import trials as ruler_figure
from explorer.figures.answers import answers
from explorer.figures.theme import COLORS
from explorer.site.content import Dial, Mark
from explorer.site.kept import tried
from explorer.site.questions import ASKED, Question, becomes, edge
from explorer.ui import address, notes, panel
from explorer.ui.job import job, stop, stopped, watched
from explorer.ui.metrics import Metric, metrics
from explorer.ui.picture import picture
from explorer.ui.presets import presets
from explorer.ui.takeaway import takeaway

JOB, RULER = "network:job", "network:ruler:job"
DEFAULT = Setup("network", learning_rate=0.5, steps=400)
MOST_WORK = 4e9  # weights × examples × steps that one run may take: about half a minute on one core


def main() -> None:
    """Show the controls, then the run in progress; above it the ruler, whose rates are tried meanwhile."""
    st.title("What does this network do at this rate?", anchor=False)
    setup = panel.current(DEFAULT, lambda setup: setup.loss in ("network", "convolution", "homemade_network"))
    setup, _ = panel.computable("network", setup, DEFAULT, check_work)
    address.write(setup.to_query() | address.predicting().to_query())
    address.about({name: text for name, text in setup.to_query().items() if name != "learning_rate"})
    with st.container():  # what is said here comes and goes, and the ruler below keeps its place
        notes.show()
        panel.recipe(setup.recipe)
        chips, pause = st.container(), st.container()
    with st.sidebar:
        said = "Stop the run after its current step, and trying other rates; what was measured stays."
        st.button("Stop", on_click=stop, args=(JOB, RULER), width="stretch", help=said)
        panel.all_controls(setup)
    top, below = st.container(), st.container()
    with chips:
        presets("network", setup, below=below)
    held = panel.anchored("network", setup, lambda _: carries(setup))
    running = job(JOB, setup, lambda halt: train(setup))
    trying = job(RULER, held, lambda halt: known(held))
    running.wait(4, 1.2)  # most runs are over by then, and are shown complete
    with pause:
        stopped(JOB, RULER)
    watched(running, show, "Taking the first steps…")
    run = running.latest if running.latest is not None and running.latest.share == 1 else None
    verdict = marked(run.outcome.sentence()) if run is not None and run.outcome is not None else ""
    trying.wait(2, 0.05)  # until the next ruler has its first rates, the one before it stays
    with top:
        waiting = "" if running.ahead else f"{verdict} Trying the first other rates…"  # else the run says so, which comes first
        watched(trying, lambda found: choose(found, setup, run, running.left_off), waiting, aside=True)
        if trying.error and verdict:
            st.header(verdict.replace("**", ""), anchor=False)
    takeaway(setup)


def known(setup: Setup) -> Generator[Trials, None, None]:
    """Yield the trials of a setup's ruler: as they were kept, or made, by turns with the run, which came first."""
    kept = tried(setup)
    if kept is not None:
        yield kept
    else:
        yield from trials(setup)


def check_work(setup: Setup) -> None:
    """Refuse a run that would take too long, with the estimate and what would fit."""
    loss: Any = setup.make_loss()
    examples = setup.batch_size or loss.examples
    seconds = plain(30 * loss.dim * examples * setup.steps / MOST_WORK)
    taking = f": that would take about {seconds} s"
    check_size("steps", setup.steps, {"weight": loss.dim, "example": examples}, MOST_WORK, otherwise=taking)


def carries(setup: Setup) -> bool:
    """Whether the ruler that is shown, as far as it is known, has the rate of this setup."""
    known: Trials | None = st.session_state[RULER][1].latest if RULER in st.session_state else None
    return known is not None and setup.learning_rate in known.ruler.rates


def choose(found: Trials, setup: Setup, run: History | None, stopped: bool) -> None:
    """Show the ruler with the rates tried so far. Releasing its slider trains at that rate, of which the whole run has the word."""
    if st.session_state[panel.STATE] != setup:
        st.rerun()  # the slider was moved, which ran only this part of the page
    scale, said = found.ruler, found.sentence()
    here = scale.position(setup.learning_rate)
    if run is not None and run.outcome is not None and scale.rates[here] == setup.learning_rate:
        found = found.told(here, run.outcome)
    beside = [f" = {scale.edge.share(float(rate))} × the {found.critical}" if np.isfinite(scale.edge.rate) else "" for rate in scale.rates]
    words = [each or f"Not tried yet: the nearest rate tried is {zone}" for each, zone in zip(found.words, found.verdict, strict=True)]
    if run is None:
        words[here] = f"{'Stopped' if stopped else 'In training'}: what becomes of this rate is known at its last step"
    dial = Dial(
        label="Learning rate",
        values=[f"{plain(rate, 4)}{times}" for rate, times in zip(scale.rates, beside, strict=True)],
        words=[f"**{word}**{colon}{rest}" for word, colon, rest in (each.partition(":") for each in words)],
        zones=found.zones,
        colors={f"{verdict}{after}": color for after in ("", found.after) for verdict, color in COLORS.items()},
        marks=[Mark(position, f"{scale.edge.formula.replace('λ', 'sharpness')} at the start") for position in scale.marks.values()],
        alts=words,
        aligned=True,
    )
    drawn, frames = ruler_figure.draw(found)
    picture(
        drawn,
        key="network:ruler",
        alt=f"The loss at the end of a training against its learning rate. {said}",
        frames=frames,
        dial=dial,
        value=here,
        question=asked(found, setup.steps),
        on_move=panel.mover(scale.rates),
    )
    st.caption(said)


def asked(found: Trials, steps: int) -> Question:
    """What is asked before the trials are shown: from which rate on they diverge, and what becomes of the rate that is trained."""
    rates, first = found.ruler.rates, found.first_diverged
    low = float(np.max(rates[found.tried & (rates < first)], initial=-np.inf))
    low, high = (float(each) if np.isfinite(each) else np.nan for each in (low, first))
    cliff = edge(rates, low, high, steps=steps, so_far=not found.tried.all(), theory=found.ruler.edge)
    asks = [ASKED.format(plain(float(rate), 4)) for rate in rates]
    return Question((cliff, becomes(asks, found.verdict, still=[*(rates == 0)]))).of_steps(steps)


def show(history: History) -> None:
    """Show the run so far: what its instruments add to the verdict, which the ruler has, and the line it draws."""
    if history.share < 1:
        losses = plain(history.train[-1], 4), plain(history.train[0], 4)
        spoken = "After {:,} of {:,} steps the loss is {}, from {}.".format(history.steps[-1], history.total, *losses)
    else:
        told = "; ".join(seen(history))
        spoken = f"{told[:1].upper()}{told[1:]}." if told else ""
    if spoken:
        st.header(spoken, anchor=False)
    figure_alt = f"Losses, sharpness beside the edge, gradients of the layers, dead and saturated units over the steps. {spoken}"
    picture(figure.instruments(history), key="network:instruments", alt=figure_alt, narrow=figure.NARROW)
    numbers(history)
    looks = history if history.share == 1 else history.last()  # of a run under way its last look: all of them come once, at its end
    drawn = answers(looks)
    alts = [f"loss {plain_or('–', each, 4)}" for each in looks.train]
    dial = Dial(label="Step", values=[f"{step:,}" for step in looks.steps], alts=alts)
    picture(drawn.figure, key="network:answers", alt=drawn.alt, frames=drawn.frames, dial=dial, value=len(alts) - 1, narrow=drawn.narrow)


def numbers(history: History) -> None:
    """The numbers of the last look."""
    accuracy, dead = history.accuracy[-1], max(history.dead[-1], default=0.0)
    constant = f"best constant {plain(history.loss.best_constant, 4)}"
    limit = "The rate as a share of the largest stable one at this sharpness, weight decay counted: at 1 is the edge of stability."
    metrics(
        Metric("training loss", plain_or("–", history.train[-1], 4), constant),
        Metric("accuracy", f"{plain(100 * accuracy)} %" if np.isfinite(accuracy) else "–"),
        Metric("sharpness / limit", plain_or("–", history.ratio[-1], 4), help=limit),
        Metric("dead units", f"{plain(100 * dead)} %", help="In the layer that has most of them."),
    )


main()
