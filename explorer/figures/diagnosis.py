"""A recorded curve with a known one laid over it, and the largest safe rates of several rules side by side."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.core.diagnosis.diagnosis import COMPARED, shape, spans_decades
from explorer.core.ground.prose import plain
from explorer.core.run.safe_rate import SafeRate
from explorer.figures.stage import QUIET
from explorer.figures.theme import BLUE, GREEN, ORANGE, TEMPLATE, TEXT, VERMILION, heading
from explorer.figures.ticks import loss_axis

Array = NDArray[np.float64]

DRAWN = 600
"""A longer curve is drawn as the lowest and the highest value of this many stretches: no spike is lost."""

CURVES = {"height": 520, "legend": {"y": -0.26, "yanchor": "top"}, "margin": {"t": 40, "l": 64, "r": 10, "b": 150}}
"""The layout of the curve on a phone."""

RATES = {
    "height": 440,
    "margin": {"t": 30, "l": 116, "r": 10, "b": 140},
    "legend": {"y": -0.28, "x": -0.3, "yanchor": "top"},
    "yaxis": {"tickfont": {"size": 14}},
}
"""The layout of the rates on a phone."""


@dataclass(frozen=True, eq=False)
class Overlay:
    """A known curve that looks like the recorded one, and what it is called."""

    name: str
    losses: Array


def draw(step: Array, losses: Array, validation: Array | None = None, overlay: Overlay | None = None, axis: str = "row") -> go.Figure:
    """Return the losses ``(n,)`` at `step` ``(n,)``, in order, with marks where they are not finite; the overlay is stretched to fit."""
    finite = losses[np.isfinite(losses)]
    logs = spans_decades(losses)
    values = _scaled(losses, logs)
    low, high = _window(_scaled(finite, logs))
    margin = 0.06 * (high - low)
    at = _kept(values)
    traces: list[dict[str, Any]] = [
        _line(step[at], values[at], losses[at], "your training loss", BLUE, "solid", 3, axis),
    ]
    if validation is not None and np.isfinite(validation).any():
        held = _scaled(validation, logs)
        there = np.flatnonzero(np.isfinite(held))
        there = there[_kept(held[there])]
        traces.append(_line(step[there], held[there], validation[there], "your validation loss", ORANGE, "dot", 2, axis))
    lost = np.flatnonzero(~np.isfinite(losses) & ~np.isneginf(losses))
    if lost.size:
        some = lost[np.unique(np.linspace(0, lost.size - 1, min(lost.size, 60)).astype(np.intp))]
        traces.append(_crosses(step[some], losses[some], high + margin, axis))
    if overlay is not None:
        traces.append(_stretched(overlay, step[np.isfinite(losses)], low, high, logs=logs))
    if finite.size < 60:
        traces[0] |= {"mode": "lines+markers", "marker": {"color": BLUE, "size": 7}}
    return go.Figure(
        {
            "data": [{"type": "scatter", **trace} for trace in traces],
            "layout": {
                "template": TEMPLATE,
                "height": 420,
                "showlegend": True,
                "legend": {"orientation": "h", "y": 1.2, "x": 0, "font": {"size": 15}},
                "margin": {"t": 84, "l": 84, "r": 16, "b": 56},
                "annotations": [heading("↑ loss")],
                "xaxis": {"title": {"text": axis}, "nticks": 8},
                "yaxis": _vertical(low - margin, high + 2 * margin, logs=logs),
            },
        }
    )


def _vertical(low: float, high: float, *, logs: bool) -> dict[str, Any]:
    """Return the axis of the loss: by hand in logarithms; of its own where it is linear."""
    return loss_axis(low, high) if logs else {"range": [low, high], "nticks": 7, "exponentformat": "power"}


def _scaled(values: Array, logs: bool) -> Array:
    with np.errstate(all="ignore"):
        finite = np.where(np.isfinite(values), values, np.nan)
        return np.log10(np.where(finite > 0, finite, np.nan)) if logs else finite


def _window(values: Array) -> tuple[float, float]:
    """Return the lowest and the highest value, a little apart."""
    if not values.size:
        return -1.0, 1.0
    low, high = float(values.min()), float(values.max())
    return (low, high) if high - low > 1e-9 * max(abs(high), 1e-300) else (low - max(abs(low), 1.0) / 2, high + max(abs(high), 1.0) / 2)


def _kept(values: Array) -> NDArray[np.intp]:
    """Return which points are drawn: of each stretch the lowest and the highest, and the last of all."""
    if len(values) <= 2 * DRAWN:
        return np.arange(len(values))
    edges = np.linspace(0, len(values), DRAWN + 1).astype(np.intp)
    kept = [0, len(values) - 1]
    for begin, end in itertools.pairwise(edges):
        part = values[begin:end]
        if np.isfinite(part).any():
            kept += [begin + int(np.nanargmin(part)), begin + int(np.nanargmax(part))]
    return np.unique(kept)


def _line(step: Array, values: Array, losses: Array, name: str, color: str, dash: str, width: int, axis: str) -> dict[str, Any]:
    return {
        "x": step,
        "y": values,
        "text": [plain(float(each), 4) for each in losses],
        "mode": "lines",
        "name": name,
        "line": {"color": color, "dash": dash, "width": width},
        "hovertemplate": f"{name}, {axis} %{{x}}: %{{text}}<extra></extra>",
    }


def _crosses(step: Array, losses: Array, height: float, axis: str) -> dict[str, Any]:
    return {
        "x": step,
        "y": np.full(len(step), height),
        "text": ["nan" if np.isnan(each) else "inf" for each in losses],
        "mode": "markers",
        "name": "not finite",
        "marker": {"symbol": "x", "size": 9, "color": VERMILION},
        "hovertemplate": f"{axis} %{{x}}: %{{text}}<extra></extra>",
    }


def _stretched(overlay: Overlay, step: Array, low: float, high: float, *, logs: bool) -> dict[str, Any]:
    form = shape(overlay.losses, logs=logs and spans_decades(overlay.losses))
    return {
        "x": np.linspace(float(step[0]), float(step[-1]), COMPARED) if step.size else [],
        "y": low + form * (high - low),
        "mode": "lines",
        "name": f"case: {overlay.name} (stretched to fit)",
        "line": {"color": TEXT, "dash": "dash", "width": 2},
        "opacity": 0.75,
        **QUIET,
    }


def brackets(names: Sequence[str], found: Sequence[SafeRate]) -> go.Figure:
    """Return a row for each rule: the rate that the curvature allows with its error bar, and the bracket of the measured edge."""
    rows = np.arange(len(names))[::-1].astype(float)
    rate = np.array([each.rate for each in found])
    below = np.array([each.rate - each.rate_low if np.isfinite(each.rate) else 0.0 for each in found])
    above = np.array([each.rate_high - each.rate if np.isfinite(each.rate_high) else 0.0 for each in found])
    traces: list[dict[str, Any]] = [
        {
            "x": np.array([[each.held, each.broke, np.nan] for each in found]).ravel(),
            "y": np.repeat(rows - 0.15, 3),
            "mode": "lines",
            "line": {"color": VERMILION, "width": 8},
            "opacity": 0.5,
            "showlegend": False,
            **QUIET,
        },
        _marks([each.held for each in found], rows - 0.05, "largest rate that held", "triangle-right", GREEN, names),
        _marks([each.broke for each in found], rows - 0.25, "smallest rate that diverged", "x", VERMILION, names),
        _marks(rate, rows + 0.2, "from the curvature", "diamond", BLUE, names)
        | {"error_x": {"type": "data", "array": above, "arrayminus": below, "color": BLUE}},
    ]
    return go.Figure(
        {
            "data": [{"type": "scatter", **trace} for trace in traces],
            "layout": {
                "template": TEMPLATE,
                "height": 150 + 70 * len(names),
                "showlegend": True,
                "legend": {"orientation": "h", "y": 1.16, "x": 0, "yanchor": "bottom", "font": {"size": 15}},
                "margin": {"t": 76, "l": 150, "r": 24, "b": 60},
                "xaxis": {"type": "log", "title": {"text": "learning rate"}, "exponentformat": "power", "nticks": 7},
                "yaxis": {"tickvals": rows, "ticktext": list(names), "range": [-0.6, len(names) - 0.4]},
            },
        }
    )


def _marks(x: Any, y: Array, name: str, symbol: str, color: str, names: Sequence[str]) -> dict[str, Any]:
    at = np.array(x, dtype=float)
    return {
        "x": np.where(np.isfinite(at), at, np.nan),
        "y": y,
        "mode": "markers",
        "name": name,
        "marker": {"symbol": symbol, "size": 14, "color": color},
        "text": [f"{rule}: {name}, {plain(float(each), 4)}" for rule, each in zip(names, at, strict=True)],
        "hovertemplate": "%{text}<extra></extra>",
    }
