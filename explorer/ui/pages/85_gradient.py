"""Gradient: is the analytic one right? For any loss of the shelf, a formula with a gradient by hand, or your own code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from explorer.core.ground.prose import plain
from explorer.core.losses.formula import ByHand, Formula
from explorer.core.losses.protocol import Facts
from explorer.core.run.setup import Setup
from explorer.core.theory.gradient_check import MOST, GradientCheck, check_gradient, error_by_step
from explorer.figures import gradient as figure
from explorer.ui import address, notes, panel
from explorer.ui.fold import fold
from explorer.ui.picture import picture
from explorer.ui.presets import presets
from explorer.ui.short_table import short_table
from explorer.ui.turns import turn

TYPED, EXAMPLE = "gradient:typed", "gradient:example"
BY_HAND = "gradient."  # prefix of a link's parts that hold a component typed by hand
CODE = Setup("homemade_network", learning_rate=1.0).with_knobs({"loss.examples": 60, "loss.bias": "as_written"})
MISTAKEN = {"x": "2*x", "y": "10*sin(y)*cos(y)"}
"""A gradient of the formula that everybody begins with; the second omits the 2 of the square."""

EXAMPLES: dict[str, tuple[Setup, dict[str, str]]] = {
    "Somebody's numpy code": (CODE, {}),
    "A formula, its gradient by hand": (Setup("formula"), MISTAKEN),
    "A network": (Setup("network"), {}),
    "A convolution": (Setup("convolution"), {}),
}

MOST_WORK = 2e10  # parameters × examples × evaluations that one check may take: a few seconds on one core
Asked = tuple[Setup, dict[str, str]]

Found = tuple[GradientCheck, dict[str, NDArray[np.float64]]]


def main() -> None:
    """What is checked, the finding in a sentence, the picture, and a row for each block of parameters."""
    st.title("Is this gradient right?", anchor=False)
    setup = here()
    examples(setup)
    hand = by_hand(setup) if setup.loss == "formula" else ()
    (setup, _), (check, errors) = panel.computable("gradient", (setup, hand), (CODE, ()), lambda each: computed(*each))
    notes.show()
    address.write(setup.to_query() | {f"{BY_HAND}{name}": text for name, text in typed().items() if setup.loss == "formula" and text})
    st.header(check.summary(), anchor=False)
    drawn, alt = figure.draw(check, errors)
    picture(drawn, key="gradient:picture", alt=alt, said=check.summary(), height=420, narrow=figure.NARROW)
    presets("gradient", setup)
    st.caption(
        "A right gradient makes a V: large differences miss the curvature, small ones are all rounding. A wrong one stays flat"
        " at every size. The mark is the step of the check: a complex step where the loss can be computed with complex numbers (it"
        " subtracts nothing, so it may be tiny), else the differences, extrapolated once (Richardson), where two sizes agree best."
        " Above the dotted line a gradient is wrong."
    )
    if check.worst:
        short_table(worst(check), "The coordinates of the gradient that are farthest off, by name and block")
    short_table(table(check), "What was checked of each group of parameters, and whether it is right")
    with fold("Check your own") as unfolded:
        if unfolded:
            how()
    with st.sidebar:
        panel.controls(setup, ("loss",), rate=False, steps=False)
        panel.upload(setup)


def how() -> None:
    """Say how to ask the same in Python."""
    st.markdown(
        "`explorer.check_gradient` takes any loss, or a function from a point to its value and gradient. With its blocks it says which"
        " is wrong, and tries on each: a sign, a factor, a sum for a mean, a transpose, a penalty that is forgotten, doubled or on the"
        " bias, and behind each bias the derivative of the activation."
    )
    st.code(
        "from explorer import check_gradient, from_function\n\n"
        'blocks = {"W1": (16, 2), "b1": 16, "W2": (1, 16), "b2": 1}\n'
        "check = check_gradient(from_function(value_and_gradient, start, blocks=blocks))\n"
        "print(check.summary())",
        language="python",
    )


def here() -> Setup:
    """Return the setup that holds now; a link brings the components typed by hand along."""
    panel.arrive(read, adopt, EXAMPLES["Somebody's numpy code"], panel.STATE)
    return panel.usable(CODE)


def read(query: dict[str, str]) -> tuple[Asked, list[str]]:
    """As much of a link as can be read, and what could not."""
    hand = {name.removeprefix(BY_HAND): text for name, text in query.items() if name.startswith(BY_HAND)}
    setup, complaints = Setup.salvage({name: text for name, text in query.items() if not name.startswith(BY_HAND)})
    formula: Any = setup.make_loss()
    letters = formula.coordinates if setup.loss == "formula" else ()
    strange = [f"{BY_HAND}{name} must be the derivative by a letter of the formula" for name in hand if name not in letters]
    return (setup, hand), complaints + strange


def adopt(chosen: Asked) -> None:
    """Make a setup hold, with the components of its gradient that were typed by hand."""
    setup, st.session_state[TYPED] = chosen
    panel.adopt(setup)


def typed() -> dict[str, str]:
    """Return the components typed by hand, by the letter."""
    found: dict[str, str] = st.session_state.setdefault(TYPED, {})
    return found


def examples(setup: Setup) -> None:
    """Show what to begin with."""
    losses = {example.loss: name for name, (example, _) in EXAMPLES.items()}
    st.session_state[EXAMPLE] = losses.get(setup.loss)
    st.pills("Check", list(EXAMPLES), key=EXAMPLE, on_change=take_example, label_visibility="collapsed")


def take_example() -> None:
    """Take over a clicked example."""
    if st.session_state[EXAMPLE] in EXAMPLES:
        setup, hand = EXAMPLES[st.session_state[EXAMPLE]]
        adopt((setup, dict(hand)))


def by_hand(setup: Setup) -> tuple[str, ...]:
    """Return a box for each component of the formula's gradient; what cannot be read stays in its box, and the exact one is used."""
    formula: Any = setup.make_loss()
    st.markdown(f"$f = {formula.formula}$. Type its gradient as you worked it out; an empty box is worked out exactly.")
    components = []
    for column, name in zip(st.columns(formula.dim), formula.coordinates, strict=True):
        key = f"gradient:box:{name}"
        st.session_state[key] = typed().get(name, "")
        column.text_input(f"∂f/∂{name}", key=key, on_change=take_component, args=(name,), placeholder="exact")
        components.append(readable(formula, name, column))
    return tuple(components)


def take_component(name: str) -> None:
    """Take over a typed component."""
    typed()[name] = st.session_state[f"gradient:box:{name}"]


def readable(formula: Formula, name: str, column: Any) -> str:
    """Return what was typed for one component, if it can be read; else nothing, with the reason under its box."""
    text = typed().get(name, "")
    try:
        ByHand(formula.text, tuple(text if each == name else "" for each in formula.coordinates))
    except ValueError as error:
        column.error(f"{error}. The exact component is used instead.", icon=":material/error:")
        return ""
    return text


@st.cache_resource(max_entries=32, show_spinner="Comparing the gradient with differences of the loss…")
def computed(setup: Setup, hand: tuple[str, ...]) -> Found:
    """Return the check, and the errors at all sizes of the difference."""
    loss: Any = setup.make_loss()
    blocks = len(Facts(loss).groups)
    work = loss.dim * Facts(loss).examples * blocks * MOST * 16
    if work > MOST_WORK:
        raise ValueError(
            f"parameters × examples must be ≤ {plain(MOST_WORK / (blocks * MOST * 16), 2)} for {blocks} blocks,"
            f" got {plain(loss.dim * Facts(loss).examples, 2)}; use fewer units or examples"
        )
    checked = ByHand(loss.text, hand) if hand else loss
    with turn(work):
        return check_gradient(checked, setup.start), error_by_step(checked, setup.start)


def table(check: GradientCheck) -> pd.DataFrame:
    """Return a row for each block."""
    rows = [
        {
            "parameters": each.block,
            "checked": f"{each.checked:,} of {each.size:,}",
            "analytic": said(each.analytic),
            "numeric": said(each.numeric),
            "relative error": said(each.error, 2),
            "checked with": f"{each.method} of {plain(each.step)}",
            "verdict": each.verdict,
        }
        for each in check.blocks
    ]
    return pd.DataFrame(rows)


def worst(check: GradientCheck) -> pd.DataFrame:
    """Return a row for each of the worst coordinates."""
    rows = [
        {
            "worst": each.name,
            "parameters": each.block,
            "analytic": said(each.analytic),
            "numeric": said(each.numeric),
            "at a kink": "–" if each.kink is None else f"slopes {said(each.kink[0])} and {said(each.kink[1])}",
        }
        for each in check.worst
    ]
    kinks = any(each.kink for each in check.worst)
    return pd.DataFrame(rows).drop(columns=[] if kinks else ["at a kink"])


def said(number: float, digits: int = 6) -> str:
    """Return a number of the table; a dash for what is none."""
    return plain(number, digits) if np.isfinite(number) else "–"


main()
