"""Step size: drag the learning rate through the edge and see what happens there, and why."""

from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from explorer.core.ground.prose import counted, plain, plain_or, told_apart
from explorer.core.ground.size import PAGE, check_size
from explorer.core.losses import DataLoss, Facts, Loss
from explorer.core.optimizers import OPTIMIZERS
from explorer.core.run.ruler import LARGEST, RATES, Ruler
from explorer.core.run.setup import Setup
from explorer.core.run.sweep import sweep
from explorer.core.theory.noise import MOST_DIMENSIONS, SecondMoment
from explorer.core.verdict.explanation import Explanation
from explorer.core.verdict.fuse import fuse
from explorer.core.verdict.measured import useless_from
from explorer.core.verdict.verdict import Verdict
from explorer.figures import edge, microscope
from explorer.figures.theme import Array
from explorer.site.casebook import cases
from explorer.site.content import Content, Dial, content
from explorer.site.shown import content_of, ruled
from explorer.ui import address, notes, panel
from explorer.ui.fold import fold
from explorer.ui.metrics import Metric, metrics
from explorer.ui.picture import picture
from explorer.ui.presets import presets
from explorer.ui.short_table import offer, short_table
from explorer.ui.takeaway import takeaway
from explorer.ui.turns import turn
from explorer.ui.words import sentence

Computed = tuple[Ruler, Explanation, tuple[float, float], Content]
"""The ruler, its runs, the two rates around the first divergence (`bracket`), and what is shown of them."""
DEFAULT = next(case.setup for case in cases() if case.page == "step_size")


@st.cache_resource(max_entries=16, show_spinner="Running every rate of the ruler…")
def computed(setup: Setup) -> Computed:
    """All rates of the ruler at once, so that dragging and releasing cost the server nothing."""
    loss = setup.make_loss()
    check_size("steps", setup.steps, {"dimension": loss.dim, "rate": RATES}, PAGE, plus=1)
    setup.check_work({"rate": RATES})
    setup.check_start()
    with turn(setup.steps * loss.dim * RATES):
        scale, explanation, between, drawn = ruled(setup, batch_marks(setup, loss))
        return scale, explanation, between, content_of(drawn)


def anchored(setup: Setup) -> tuple[Setup, Computed]:
    """The setup whose ruler is shown, which has the rate of this one, and what was computed of it."""
    held = panel.anchored("step_size", setup, lambda held: setup.learning_rate in computed(held)[0].rates)
    return held, computed(held)


def batch_marks(setup: Setup, loss: Loss) -> dict[str, float]:
    """The mark where the mean square of the error stops shrinking on mini-batches, where theory knows it."""
    known, minimizer = Facts(loss), Facts(loss).minimizer
    if setup.batch_size is None or not (isinstance(loss, DataLoss) and known.averages and known.is_quadratic and minimizer is not None):
        return {}
    if not setup.make_optimizer().is_plain or loss.dim > MOST_DIMENSIONS:
        return {}
    moment = SecondMoment.of(loss, minimizer, setup.batch_size, replacement=setup.replacement)
    return {f"edge in batches of {setup.batch_size}": moment.largest_rate}


@st.cache_resource(max_entries=64, show_spinner=False)
def magnified(setup: Setup, position: int) -> tuple[Content, int, dict[str, Array]] | None:
    """The steps of the run at one position of the ruler under the microscope, which of them to begin at, and the table of eigenvectors."""
    lens = microscope.magnify(computed(setup)[1].trajectory, position)
    if lens is None:
        return None
    dial = Dial(label="Step", values=[f"{step + 1:,}" for step in lens.steps], words=lens.words, alts=lens.words)
    return content(lens.figure, lens.frames, dial, microscope.NARROW), lens.telling, lens.modes


def numbers(explanation: Explanation, run: int) -> None:
    """The four numbers of the verdict, large enough for the last row."""
    line, outcome = explanation.edge, explanation.outcome
    rate, some = float(explanation.trajectory.learning_rate[run]), np.isfinite(line.rate)
    name = "critical rate" if explanation.trajectory.optimizer.preconditioner is None else "edge at the start"
    step = explanation.overflow[run]
    forecast = f"{step:,}" if step >= 0 else "never" if explanation.modes else "–"
    seen = f"{outcome.first_nonfinite[run]:,}" if outcome.first_nonfinite[run] >= 0 else "not yet" if step >= 0 else "none"
    both = explanation.predicted[run], explanation.steady_factor(run)
    factors = [plain_or("–", each, 4 if abs(each - 1) > 1e-3 else 6) for each in both]
    metrics(
        Metric(name, plain_or("none", line.rate, 5), help=sentence(line.reason)),
        Metric(f"this rate / {name}", f"{line.share(rate)} ×" if some else "–"),
        Metric("per step: theory | measured", " | ".join(factors)),
        Metric("overflow: forecast | seen", f"{forecast} | {seen}"),
    )
    st.caption(f"The {name} is {line.reason}." if some else f"Why there is no {name}: {line.reason}.")


def measured_edge(setup: Setup, explanation: Explanation, between: tuple[float, float]) -> None:
    """Where runs really begin to diverge, by bisection, for a run that theory's edge does not decide."""
    if explanation.edge.exact and explanation.modes is not None:
        return
    low, high = between
    if low > 0 and np.isfinite(high):
        rates = " and ".join(told_apart(low, high, digits=5))
        st.caption(f"Found by bisection: in {counted(setup.steps)} runs begin to diverge between {rates}.")
    else:
        few = "every rate" if explanation.outcome.verdict[0] == Verdict.DIVERGED else "no rate"
        line = explanation.edge
        where = "at the start" if "start" in line.reason else "near the minimum"
        theory = f": the one that theory has is {where}" if np.isfinite(line.rate) else ""
        st.caption(f"In {counted(setup.steps)} {few} on this ruler diverges, so bisection finds no edge{theory}.")


def moving_edge(setup: Setup, explanation: Explanation) -> None:
    """The rate beside the edge at every step, where one of them moves; and for a rule whose own edge does, where it stops."""
    still = setup.make_optimizer().preconditioner is None and Facts(setup.make_loss()).is_quadratic
    if still and setup.schedule == "constant" and not setup.warmup_steps:
        return
    shown, words, along = followed(setup)
    if setup.make_optimizer().preconditioner is not None and np.isfinite(explanation.edge.rate):
        name = OPTIMIZERS.title(setup.optimizer)
        st.header(f"Where does {name} stop?", anchor=False)
        st.markdown(explanation.stops(name, along, useless_rate(replace(setup, learning_rate=1.0), explanation.edge.rate)))
    st.header("The edge moves: the rate beside it at every step")
    if np.isfinite(explanation.edge.rate) and not np.isfinite(along).any():
        words = f"{words.removesuffix('.')}: the edge on the ruler is that of the minimum, where it does not come."
    st.markdown(words)
    picture(shown, key="step_size:edge", alt=f"The learning rate and the edge over the steps of this run. {words}")


@st.cache_resource(max_entries=64, show_spinner=False)
def followed(setup: Setup) -> tuple[Content, str, Array]:
    """The edge along one run: drawn, in words, in numbers."""
    figure, words, along = edge.draw(setup.run(keep_preconditioner=True))
    return content(figure), words, along


@st.cache_resource(max_entries=64, show_spinner=False)
def useless_rate(setup: Setup, edge: float) -> float:
    """The rate from which on no run ends below its start, to a quarter of itself: looked for far beyond the ruler."""
    rates = edge * np.geomspace(1, 1e9, 91)
    rates = rates[rates < LARGEST]
    loss = setup.make_loss()
    with turn(setup.steps * loss.dim * rates.size):
        outcome = sweep(loss, setup.make_optimizer(), rates, **setup.conditions())
    return useless_from(rates, outcome.final_loss, float(outcome.start_loss[0]))


def lit(explanation: Explanation, position: int) -> None:
    """Which mini-batch raised the loss most."""
    found = fuse(explanation.trajectory, position)
    if found is None:
        return
    rows = ", ".join(str(row + 1) for row in found.rows[:8]) + (", …" if found.rows.size > 8 else "")
    st.markdown(
        f"**The batch that lit the fuse**: step {found.step + 1:,}, on example{'s' if found.rows.size > 1 else ''} {rows},"
        f" took the loss from {plain(found.before)} to {plain_or('inf', found.after)}."
        f" By itself that batch has curvature {plain(found.curvature)};"
        f" this rate tolerates {'only ' if found.too_sharp else ''}up to {plain(found.edge)}."
    )


def why(setup: Setup, position: int) -> None:
    """The microscope, and the table of the eigenvectors."""
    st.header("Why: one step under the microscope")
    found = magnified(setup, position)
    if found is None:
        lost = "This run became inf or nan in its first step: there is no step to look at. Drag the rate down a little."
        st.info(lost if setup.steps else "This run has no steps to look at. Give it some in the sidebar.")
        return
    st.markdown(
        "Along one step the loss is nearly a parabola. Its **slope** says how much the step should gain, its **curvature** how much of that"
        " is lost again: twice the step gains twice as much and loses four times as much. (ε is the rate, g the gradient, Δ the step.)"
    )
    shown, telling, _ = found
    picture(
        shown,
        key="step_size:microscope",
        alt="Left, the loss along one step with its parabola; middle, the parabola's two terms; right, the loss of each eigenvector.",
        value=telling,
    )


def table(explanation: Explanation, setup: Setup, position: int) -> None:
    """Show the numbers of the run, and offer them as CSV."""
    with fold("The numbers of this run") as unfolded:
        if not unfolded:
            return
        found = magnified(setup, position)
        if found is not None and found[2]["curvature λ"].size:
            st.markdown("Each eigenvector of the Hessian follows its own factor, independently of the others:")
            st.dataframe(pd.DataFrame(found[2]), hide_index=True)
        trajectory = explanation.trajectory
        names = Facts(trajectory.objective).coordinates
        columns = {str(name): trajectory.x[:, i, position] for i, name in enumerate(names)}
        norms = {"loss": trajectory.loss[:, position], "gradient norm": trajectory.gradient_norm[:, position]}
        frame = pd.DataFrame({"step": np.arange(trajectory.steps + 1)} | columns | norms)
        st.dataframe(frame, hide_index=True, height=320)
        offer("Download this run as CSV", frame, "run.csv")
        evidence = {name: str(value) for name, value in explanation.outcome.evidence(position).items()}
        short_table(pd.DataFrame({"what decided the verdict": evidence.keys(), "value": evidence.values()}), "What decided the verdict")


def main() -> None:
    """Show, from top to bottom: the presets, the ruler with the picture, the numbers, why, the table."""
    st.title("Where does the learning rate stop working?", anchor=False)
    top = st.container()
    setup, (held, (scale, explanation, between, shown)) = panel.computable("step_size", panel.current(DEFAULT), DEFAULT, anchored)
    address.about(held.to_query())
    notes.show()
    with top:
        panel.recipe(setup.recipe)
    position = scale.position(setup.learning_rate)
    picture(
        shown,
        key="step_size:ruler",
        alt="The landscape of the loss with the path; the loss at every step; of a model, its line among the examples.",
        value=position,
        hint="drag me" if setup == DEFAULT else "",
        on_move=panel.mover(scale.rates),
    )
    address.write(setup.to_query() | address.predicting().to_query())
    below = st.container()
    with top:
        presets("step_size", setup, below=below)
    numbers(explanation, position)
    measured_edge(held, explanation, between)
    takeaway(setup)
    lit(explanation, position)
    moving_edge(setup, explanation)
    why(held, position)
    table(explanation, held, position)
    with st.sidebar:
        panel.all_controls(setup, data=True)


main()
