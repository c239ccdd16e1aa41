"""Safe rate: how large may the learning rate be here? From the curvature at the start, and by trying rates on both sides of it."""

import contextlib
import re
import textwrap
from collections.abc import Generator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pandas as pd
import streamlit as st

from explorer.core.ground.halt import Halt, Stopped
from explorer.core.ground.knobs import Knob
from explorer.core.ground.parameters import Look
from explorer.core.ground.prose import counted, plain
from explorer.core.optimizers import OPTIMIZERS
from explorer.core.run import safe_rate as own
from explorer.core.run.safe_rate import SafeRate, safe_rate
from explorer.core.run.setup import Setup
from explorer.figures import diagnosis as figure
from explorer.ui import address, notes, panel
from explorer.ui.fold import fold
from explorer.ui.job import Job, job, stop, stopped, watched
from explorer.ui.picture import picture
from explorer.ui.short_table import short_table

JOB = "safe_rate:job"
MOST_STEPS = 1000
GLANCE, WAIT = 1.2, 4.0
"""Seconds: most optimizers are done after a glance, and shown complete; the first is waited for, then the page says that it waits."""

DEFAULT = Setup("linear_regression", learning_rate=1e-4, steps=100)


@dataclass(frozen=True)
class Asked(Look):
    """The optimizers that are asked about."""

    rules: Annotated[tuple[str, ...], Knob(label="optimizers", among=OPTIMIZERS)] = ("gradient_descent", "momentum", "nesterov", "adam")


@st.cache_resource(max_entries=64, show_spinner=False)
def measured(setup: Setup, rule: str, _halt: Halt) -> SafeRate:
    """Return the largest safe rate of one rule. Raises Stopped once the work should stop."""
    chosen = setup if rule == setup.optimizer else setup.with_choice("optimizer", rule)
    return safe_rate(
        chosen.make_loss(),
        setup.initial_point,
        optimizer=chosen.make_optimizer(),
        steps=min(max(setup.steps, 1), MOST_STEPS),
        batch_size=setup.batch_size,
        stop=_halt,
    )


def work(setup: Setup, rules: list[str], halt: Halt) -> Generator[list[SafeRate], None, None]:
    """Yield what is known of the first rules, one more each time."""
    found: list[SafeRate] = []
    with contextlib.suppress(Stopped):
        for rule in rules:
            found = [*found, measured(setup, rule, halt)]
            yield found


def begun(setup: Setup, rules: list[str]) -> Job[list[SafeRate]]:
    """Return the job that measures these rules, with the first of them done where that takes no longer than `WAIT`."""
    running = job(JOB, (setup, *rules), lambda halt: work(setup, rules, halt), keeps=True)
    running.wait(WAIT, GLANCE)
    if running.error:
        raise ValueError(running.error)
    return running


def main() -> None:
    """The sentence, the picture of all rules, the table, and how to ask the same of a model of one's own."""
    st.title("What is my largest safe rate?", anchor=False)
    setup, look = panel.viewed("safe_rate", DEFAULT, Asked())
    panel.view_control("safe_rate", look, "rules", spoken=OPTIMIZERS.title)
    rules = list(look.rules)
    setup, running = panel.computable("safe_rate", setup, DEFAULT, lambda each: begun(each, rules))
    notes.show()
    address.write(setup.to_query() | look.to_query())
    stopped(JOB)
    watched(running, lambda found: show(rules, found), "Measuring the curvature, and trying rates on both sides…")
    with fold("Ask it of your own model, in PyTorch or JAX") as unfolded:
        if unfolded:
            how()
    with st.sidebar:
        st.button("Stop", on_click=stop, args=(JOB,), width="stretch", help="Stop the runs after their current step; what was found stays.")
        panel.controls(setup, ("loss",), rate=False)
        panel.upload(setup)


def how() -> None:
    """Say how to ask the same in Python."""
    st.markdown("`explorer.safe_rate` takes any function from a point to the loss and its gradient, as numpy arrays.")
    for library, code in zip(st.tabs(["PyTorch", "JAX"]), re.findall(r"::\n\n((?:    .*\n|\n)+)", own.__doc__ or ""), strict=True):
        library.code(textwrap.dedent(code).strip(), language="python")
    st.markdown("The model must be deterministic: no dropout, and the same data at every call.")


def show(rules: list[str], found: list[SafeRate]) -> None:
    """Show what is known of the rules measured so far: the sentence of the first, the picture, and the table."""
    if len(found) < len(rules):
        st.progress(len(found) / len(rules), f"{len(found)} of {len(rules)} optimizers")
    names = [OPTIMIZERS.title(rule) for rule in rules[: len(found)]]
    st.header(f"With {names[0]}: {found[0].sentence}.", anchor=False)
    picture(
        figure.brackets(names, found),
        key="safe_rate:picture",
        alt=" ".join(f"{name}: {each.sentence}." for name, each in zip(names, found, strict=True)),
        said=f"With {names[0]}: {found[0].sentence}.",
        height=150 + 70 * len(rules),
        narrow=figure.RATES,
    )
    st.caption(
        "The diamond is what the curvature at the start allows: 2/λ for gradient descent; for rules that divide by the gradient's size,"
        " in their own units; the open one is the least it allows along a run. A run held if its loss ended below where it began, all"
        f" through the last tenth of {counted(found[0].steps)} or more. The bar lies between the last rate up to which all that were tried"
        " held and the first from which none did."
    )
    table(names, found)


def table(names: list[str], found: list[SafeRate]) -> None:
    """A row for each rule."""
    rows = [
        {
            "optimizer": name,
            "from the curvature": plain(each.rate, 4) if np.isfinite(each.rate) else "no limit",
            "error": each.uncertainty,
            "largest rate that held": plain(each.held, 4) if np.isfinite(each.held) else "none",
            "smallest rate that failed": plain(each.broke, 4) if np.isfinite(each.broke) else "none",
            "held for longer": f"{plain(each.safe, 4)}, {counted(each.longest)}" if each.safe > 0 else "none",
        }
        for name, each in zip(names, found, strict=True)
    ]
    short_table(pd.DataFrame(rows), "The largest safe rate of each optimizer")
    st.markdown("\n".join(f"- **{name}**: {each.sentence}." for name, each in zip(names, found, strict=True)))


main()
