"""How far a gradient is from differences of its loss, by the size of the difference: a V where it is right, a plateau where it is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.core.ground.prose import plain
from explorer.core.theory.gradient_check import CURVE, IMAGINARY, WRONG, BlockCheck, GradientCheck
from explorer.figures.stage import QUIET
from explorer.figures.theme import GREEN, TEMPLATE, TEXT, VERMILION, heading

Array = NDArray[np.float64]

LEAST = 1e-17
"""Where an error of 0 is drawn: rounding allows none smaller."""

LOOKS = {"right": (GREEN, "solid", "circle"), "wrong": (VERMILION, "dash", "x"), "cannot tell": (TEXT, "dot", "square")}
"""Color, dash and symbol of each verdict."""

NARROW = {"height": 480, "margin": {"l": 60, "r": 8, "t": 96, "b": 60}, "legend": {"font": {"size": 13}}}
"""The layout on a phone."""


def draw(check: GradientCheck, errors: Mapping[str, Array]) -> tuple[go.Figure, str]:
    """Return the figure, a line for each block with a mark at the step of its check, and what it shows in words."""
    traces = [each for block in check.blocks for each in _block(block, errors[block.block])]
    for verdict in sorted({each.verdict for each in check.blocks}):
        color, dash, symbol = LOOKS[verdict]
        line = {"line": {"color": color, "dash": dash, "width": 3}, "marker": {"symbol": symbol, "size": 11, "color": color}}
        traces.append({"x": [None], "y": [None], "mode": "lines+markers", "name": verdict, "showlegend": True, **line})
    exact = any(each.step == IMAGINARY for each in check.blocks)
    left = np.log10(IMAGINARY) - 1 if exact else np.log10(CURVE[-1]) - 0.5
    traces.insert(
        0, {"x": [10**left, 1.0], "y": [WRONG, WRONG], "mode": "lines", "line": {"color": TEXT, "width": 1, "dash": "dot"}, **QUIET}
    )
    top = max([WRONG, *(each.error for each in check.blocks if np.isfinite(each.error)), *(_highest(each) for each in errors.values())])
    figure = go.Figure(
        {
            "data": [{"type": "scatter", "showlegend": False, **trace} for trace in traces],
            "layout": {
                "template": TEMPLATE,
                "height": 420,
                "showlegend": True,
                "legend": {"orientation": "h", "x": 0, "y": 1.1, "yanchor": "bottom", "font": {"size": 15}},
                "margin": {"t": 84, "l": 84, "r": 16, "b": 60},
                "annotations": [heading("↑ relative error")],
                "xaxis": {"type": "log", "range": [left, 0], "nticks": 8, "title": {"text": "size of the difference"}},
                "yaxis": {"type": "log", "range": [np.log10(LEAST) - 0.5, np.log10(top) + 0.7], "nticks": 8},
            },
        }
    )
    return figure, _words(check, errors)


def _highest(errors: Array) -> float:
    """Return the largest finite error worth showing."""
    finite = errors[np.isfinite(errors)]
    return float(min(finite.max(initial=0.0), 1e6))


def _block(block: BlockCheck, errors: Array) -> list[dict[str, Any]]:
    """Return the line of one block, named where it is wrong, and the mark at the step of its check."""
    color, dash, symbol = LOOKS[block.verdict]
    finite = np.isfinite(errors)
    where = f"{block.block}, {block.method} of {plain(block.step)}: relative error {plain(block.error, 2)}, {block.verdict}"
    mark = [max(block.error, LEAST)] if np.isfinite(block.error) else []
    return [
        {
            "x": CURVE[finite],
            "y": np.maximum(errors[finite], LEAST),
            "mode": "lines",
            "line": {"color": color, "dash": dash, "width": 3 if block.wrong else 1.5},
            "text": [plain(float(each), 2) for each in errors[finite]],
            "hovertemplate": f"{block.block}, difference of %{{x:.0e}}: relative error %{{text}}<extra></extra>",
        },
        {
            "x": [block.step][: len(mark)],
            "y": mark,
            "mode": "markers+text" if block.wrong else "markers",
            "marker": {"symbol": symbol, "size": 13 if block.wrong else 9, "color": color},
            "text": [block.block],
            "textposition": "bottom center",
            "textfont": {"color": TEXT},
            "hovertemplate": f"{where}<extra></extra>",
        },
    ]


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
