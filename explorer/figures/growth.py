"""What grew before a run became inf or nan: loss, gradient, weights and layers over the steps, and which of them went first."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.core.ground.prose import plain
from explorer.core.verdict.forensics import Forensics, Growth
from explorer.figures.stage import thin
from explorer.figures.theme import BLUE, GREEN, ORANGE, TEMPLATE, TEXT, VERMILION, heading
from explorer.figures.ticks import loss_axis

Array = NDArray[np.float64]

LOOKS = {"loss": (BLUE, "solid"), "gradient": (ORANGE, "dash"), "largest weight": (GREEN, "dot")}
"""Color and dash of each quantity; layers are thin lines in the color of the text."""

DASHES = ("dashdot", "longdash", "longdashdot")

SMALLEST = 1e-30
"""Nothing is drawn below this."""

NARROW = {"height": 520, "margin": {"l": 60, "r": 8, "t": 150, "b": 60}, "legend": {"font": {"size": 13}}}
"""The layout on a phone."""


def draw(grown: Growth, found: Forensics) -> tuple[go.Figure, str]:
    """Return the figure, with a cross where each quantity became inf or nan, and what it shows in words."""
    logs = {name: (steps, _logs(sizes)) for name, (steps, sizes) in grown.sizes.items()}
    finite = np.concatenate([each[np.isfinite(each)] for _, each in logs.values()])
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    margin = max(0.06 * (high - low), 0.3)
    traces = [_line(name, steps, each, grown.sizes[name][1]) for name, (steps, each) in logs.items()]
    traces += [_cross(name, steps, sizes, high + margin) for name, (steps, sizes) in grown.sizes.items() if not np.isfinite(sizes).all()]
    if found.step >= 0:
        traces.insert(0, _first(found, low - margin, high + 2 * margin))
    figure = go.Figure(
        {
            "data": [{"type": "scatter", **trace} for trace in traces],
            "layout": {
                "template": TEMPLATE,
                "height": 440,
                "showlegend": True,
                "legend": {"orientation": "h", "x": 0, "y": 1.1, "yanchor": "bottom", "font": {"size": 15}},
                "margin": {"t": 96, "l": 84, "r": 16, "b": 60},
                "annotations": [heading("↑ size")],
                "xaxis": {"title": {"text": "step"}, "nticks": 8},
                "yaxis": loss_axis(low - margin, high + 2 * margin),
            },
        }
    )
    return figure, _words(grown, found)


def _logs(sizes: Array) -> Array:
    """log₁₀ of the sizes, nan where there is nothing to draw."""
    with np.errstate(all="ignore"):
        return np.where(np.isfinite(sizes) & (sizes > 0), np.log10(np.maximum(sizes.astype(float), SMALLEST)), np.nan)


def _line(name: str, steps: NDArray[np.intp], logs: Array, sizes: Array) -> dict[str, Any]:
    number = int(name.split()[-1]) if name.startswith("layer") else 0
    color, dash = LOOKS.get(name, (TEXT, DASHES[(number - 1) % len(DASHES)]))
    at = thin(len(steps) - 1)
    return {
        "x": steps[at],
        "y": logs[at],
        "mode": "lines+markers" if len(at) < 60 else "lines",
        "name": name,
        "line": {"color": color, "dash": dash, "width": 1.5 if number else 3},
        "marker": {"size": 3 if number else 6, "color": color},
        "text": [plain(float(each)) for each in sizes[at]],
        "hovertemplate": f"{name}, step %{{x}}: %{{text}}<extra></extra>",
    }


def _cross(name: str, steps: NDArray[np.intp], sizes: Array, height: float) -> dict[str, Any]:
    """Return a cross at every step, of the first few dozen, at which the quantity is no finite number."""
    lost = np.flatnonzero(~np.isfinite(sizes))[:60]
    color, _ = LOOKS.get(name, (TEXT, ""))
    return {
        "x": steps[lost],
        "y": np.full(lost.size, height),
        "mode": "markers",
        "marker": {"symbol": "x", "size": 9, "color": color},
        "text": ["nan" if np.isnan(each) else "inf" for each in sizes[lost]],
        "showlegend": False,
        "hovertemplate": f"{name}, step %{{x}}: %{{text}}<extra></extra>",
    }


def _first(found: Forensics, low: float, high: float) -> dict[str, Any]:
    """Return the step at which the first quantity became inf or nan."""
    return {
        "x": [found.step, found.step],
        "y": [low, high],
        "mode": "lines",
        "line": {"color": VERMILION, "width": 2, "dash": "dash"},
        "name": f"{found.quantity} leaves first",
        "hovertemplate": f"step {found.step:,}: the {found.quantity} is the first that is no finite number<extra></extra>",
    }


def _words(grown: Growth, found: Forensics) -> str:
    """Return what the picture shows, for screen readers."""
    ends = []
    for name, (_, sizes) in grown.sizes.items():
        finite = sizes[np.isfinite(sizes)]
        ends.append(f"{name} from {plain(float(finite[0]))} to {plain(float(finite[-1]))}" if finite.size else f"{name} never finite")
    return f"What the run computes, over its steps. {found.sentence}. As far as finite: {'; '.join(ends)}."
