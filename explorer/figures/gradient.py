"""How far a gradient is from differences of its loss, by the size of the difference: a V where it is right, a plateau where it is wrong."""

from __future__ import annotations

import html
from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from explorer.core.ground.prose import plain
from explorer.core.theory.differences import IMAGINARY
from explorer.core.theory.gradient_check import CURVE, WRONG, BlockCheck, GradientCheck
from explorer.figures.theme import GREEN, QUIET, TEXT, VERMILION, Array, Part, legend, line, margins, marks, plot
from explorer.figures.ticks import log_axis

LEAST = 1e-17  # where an error of 0 is drawn: rounding allows none smaller

LOOKS = {"right": (GREEN, "solid", "circle"), "wrong": (VERMILION, "dash", "x"), "cannot tell": (TEXT, "dot", "square")}
"""Color, dash and symbol of each verdict."""

NARROW = {"height": 480, **margins(60, 8, 96, 60), "legend": {"font": {"size": 13}}}  # the layout on a phone


def draw(check: GradientCheck, errors: Mapping[str, Array]) -> tuple[go.Figure, str]:
    """Return the figure, a line for each block with a mark at the step of its check, and what it shows in words."""
    exact = any(each.step == IMAGINARY for each in check.blocks)
    left = np.log10(IMAGINARY) - 1 if exact else np.log10(CURVE[-1]) - 0.5
    traces = [line(TEXT, 1, dash="dot", x=[10**left, 1.0], y=[WRONG, WRONG], showlegend=False, **QUIET)]
    traces += [each | {"showlegend": False} for block in check.blocks for each in _block(block, errors[block.block])]
    for verdict in sorted({each.verdict for each in check.blocks}):
        color, dash, symbol = LOOKS[verdict]
        mark = {"mode": "lines+markers", "marker": {"symbol": symbol, "size": 11, "color": color}}
        traces.append(line(color, 3, dash=dash, x=[None], y=[None], name=verdict, showlegend=True) | mark)
    top = max([WRONG, *(each.error for each in check.blocks if np.isfinite(each.error)), *(_highest(each) for each in errors.values())])
    up, names = log_axis(float(np.log10(LEAST)) - 0.5, float(np.log10(top)) + 0.7), ("size of the difference", "relative error")
    layout = {"height": 420, **legend(1.1, yanchor="bottom"), **margins(84, 16, 84, 60)}
    return plot(traces, log_axis(left, 0), up, names=names, **layout), _words(check, errors)


def _highest(errors: Array) -> float:
    """Return the largest finite error worth showing."""
    finite = errors[np.isfinite(errors)]
    return float(min(finite.max(initial=0.0), 1e6))


def _block(block: BlockCheck, errors: Array) -> list[Part]:
    """Return the line of one block, named where it is wrong, and the mark at the step of its check."""
    color, dash, symbol, name = *LOOKS[block.verdict], html.escape(block.block, quote=False)
    finite = np.isfinite(errors)
    where = f"{name}, {block.method} of {plain(block.step)}: relative error {plain(block.error, 2)}, {block.verdict}"
    texts = [plain(float(each), 2) for each in errors[finite]]
    hover = f"{name}, difference of %{{x:.0e}}: relative error %{{text}}<extra></extra>"
    curve = line(color, 3 if block.wrong else 1.5, dash=dash, x=CURVE[finite], y=np.maximum(errors[finite], LEAST), text=texts)
    mark = marks(color, symbol, size=13 if block.wrong else 9, text=[name], textposition="bottom center", textfont={"color": TEXT})
    at = {"x": [block.step], "y": [max(block.error, LEAST)]} if np.isfinite(block.error) else {"x": [], "y": []}
    mark |= at | {"mode": "markers+text" if block.wrong else "markers", "hovertemplate": f"{where}<extra></extra>"}
    return [curve | {"hovertemplate": hover}, mark]


def _words(check: GradientCheck, errors: Mapping[str, Array]) -> str:
    """Return what the picture shows, for screen readers."""
    lows = {name: float(np.nanmin(each)) if np.isfinite(each).any() else np.inf for name, each in errors.items()}
    seen = [
        f"{each.block} stays at {plain(lows[each.block], 2)} or above at every size"
        if each.wrong
        else f"{each.block} comes down to {plain(min(each.error, lows[each.block]), 2)}"
        for each in check.blocks
        if np.isfinite(lows[each.block]) and np.isfinite(each.error)
    ]
    return f"The relative error of each block's gradient against the size of the difference. {check.summary()} {'; '.join(seen[:8])}."
