"""The sweep: what became of every rate, for several rules and seeds, with theory's edges and the cliff that was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.core.ground.prose import plain
from explorer.core.verdict.verdict import Verdict
from explorer.figures.race import LOOKS
from explorer.figures.stage import QUIET
from explorer.figures.theme import COLORS, TEMPLATE, TEXT, heading

Array = NDArray[np.float64]

ROOF = 1.5
"""Decades above the highest finite loss at which runs that became inf or nan are drawn."""

SYMBOLS = {
    Verdict.CONVERGED: "circle",
    Verdict.CONVERGING: "circle-open",
    Verdict.SLOW: "triangle-left-open",
    Verdict.OSCILLATING: "diamond",
    Verdict.NOISY: "star-open",
    Verdict.STUCK: "square-open",
    Verdict.CATAPULT: "triangle-up",
    Verdict.DIVERGED: "x",
}

NARROW = {
    "height": 860,
    "legend": {"y": 1.06, "yanchor": "bottom"},
    "xaxis": {"domain": [0, 1], "nticks": 4},
    "yaxis": {"domain": [0.58, 1]},
    "xaxis2": {"domain": [0, 1], "nticks": 4},
    "yaxis2": {"domain": [0, 0.4]},
}


@dataclass(frozen=True, eq=False)
class Band:
    """What a sweep found for one rule.

    Rates ``(n,)``, final losses ``(seeds, n)``, the verdicts of the first seed ``(n,)``, factors per step measured and predicted ``(n,)``;
    theory's edge and the bracket of the measured one, nan where there is none.
    """

    name: str
    rates: Array
    final: Array
    verdict: NDArray[np.object_]
    measured: Array
    predicted: Array
    edge: float
    cliff: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Finder:
    """A learning-rate finder's curve: the rate it had and the loss it saw at each step, and the rate it would suggest."""

    rates: Array
    loss: Array
    suggestion: float


def draw(bands: Sequence[Band], finder: Finder | None = None) -> go.Figure:
    """Final loss to the left, growth per step to the right, both against the learning rate."""
    finite = np.concatenate([np.log10(band.final[np.isfinite(band.final) & (band.final > 0)]) for band in bands])
    low, high = (max(float(finite.min()), -30.0), float(np.percentile(finite, 98))) if finite.size else (0.0, 1.0)
    roof = min(high, low + 40) + ROOF
    traces: list[dict[str, object]] = []
    for i, band in enumerate(bands):
        traces += _losses(band, i, roof) + _growth(band, i)
    if finder is not None:
        traces.append(_finder(finder, roof))
    shapes = [shape for i, band in enumerate(bands) for shape in _edges(band, i)]
    return go.Figure(
        {
            "data": [{"type": "scatter", **trace} for trace in traces],
            "layout": {
                "template": TEMPLATE,
                "height": 500,
                "showlegend": True,
                "legend": {"orientation": "h", "y": 1.24, "x": 0, "font": {"size": 15}},
                "margin": {"t": 104, "l": 72, "r": 16, "b": 60},
                "shapes": shapes,
                "annotations": [
                    heading("↑ loss at the end (✕: inf or nan)"),
                    heading("↑ factor per step (line: theory)", "2"),
                ],
                "xaxis": {"type": "log", "domain": [0, 0.47], "title": {"text": "learning rate"}, "exponentformat": "power", "nticks": 7},
                "yaxis": {"tickprefix": "10<sup>", "ticksuffix": "</sup>", "range": [low - 0.5, roof + 0.4], "nticks": 7},
                "xaxis2": {
                    "type": "log",
                    "domain": [0.56, 1],
                    "anchor": "y2",
                    "title": {"text": "learning rate"},
                    "matches": "x",
                    "exponentformat": "power",
                    "nticks": 7,
                },
                "yaxis2": {"anchor": "x2", "range": [-0.02, 2.5], "nticks": 6},
            },
        }
    )


def _losses(band: Band, i: int, roof: float) -> list[dict[str, object]]:
    color, dash, _ = LOOKS[i % len(LOOKS)]
    with np.errstate(all="ignore"):
        logs = np.where(np.isfinite(band.final), np.log10(np.maximum(band.final, 1e-30)), roof).clip(max=roof)
    median = np.median(logs, axis=0)
    traces: list[dict[str, object]] = []
    if len(logs) > 1:
        around = np.concatenate([logs.max(axis=0), logs.min(axis=0)[::-1]])
        fill = {"x": np.concatenate([band.rates, band.rates[::-1]]), "y": around, "fill": "toself", "fillcolor": _faint(color)}
        traces.append(fill | {"mode": "lines", "line": {"width": 0}, "showlegend": False, **QUIET})
    words = [f"{band.name}, η = {plain(rate, 4)}: {verdict}" for rate, verdict in zip(band.rates, band.verdict, strict=True)]
    traces.append(
        {
            "x": band.rates,
            "y": median,
            "mode": "lines+markers",
            "name": band.name,
            "legendgroup": band.name,
            "line": {"color": color, "dash": dash, "width": 2},
            "marker": {
                "size": 9,
                "symbol": [SYMBOLS[verdict] for verdict in band.verdict],
                "color": [COLORS[verdict] for verdict in band.verdict],
            },
            "text": words,
            "customdata": [[band.name, float(rate)] for rate in band.rates],
            "hovertemplate": "%{text}<br>loss 10<sup>%{y:.2f}</sup><extra></extra>",
        }
    )
    return traces


def _growth(band: Band, i: int) -> list[dict[str, object]]:
    color, dash, symbol = LOOKS[i % len(LOOKS)]
    axes = {"xaxis": "x2", "yaxis": "y2", "legendgroup": band.name, "showlegend": False}
    shown = np.where(band.measured <= 2.5, band.measured, np.nan)
    words = [
        f"{band.name}, η = {plain(rate, 4)}: ×{plain(factor, 5)} a step" for rate, factor in zip(band.rates, band.measured, strict=True)
    ]
    return [
        {"x": band.rates, "y": band.predicted, "mode": "lines", "line": {"color": color, "dash": dash, "width": 2}, **axes, **QUIET},
        {
            "x": band.rates,
            "y": shown,
            "mode": "markers",
            "marker": {"color": color, "symbol": symbol, "size": 7},
            "text": words,
            "hovertemplate": "%{text}<extra></extra>",
            "customdata": [[band.name, float(rate)] for rate in band.rates],
            **axes,
        },
        {"x": band.rates[[0, -1]], "y": [1, 1], "mode": "lines", "line": {"color": TEXT, "width": 1}, **axes, **QUIET},
    ]


def _finder(finder: Finder, roof: float) -> dict[str, object]:
    with np.errstate(all="ignore"):
        logs = np.log10(np.maximum(finder.loss, 1e-30))
    return {
        "x": finder.rates,
        "y": np.where(np.isfinite(logs), np.minimum(logs, roof), np.nan),
        "mode": "lines",
        "name": "learning-rate finder",
        "line": {"color": TEXT, "width": 2, "dash": "dot"},
        "hovertemplate": "finder, at η = %{x:.3g}: 10<sup>%{y:.2f}</sup><extra></extra>",
    }


def _edges(band: Band, i: int) -> list[dict[str, object]]:
    """Return a thick line where the cliff was found, theory's edge dashed over it, in both plots."""
    color = LOOKS[i % len(LOOKS)][0]
    found = [(np.sqrt(band.cliff[0] * band.cliff[1]), "solid", 5, 0.35), (band.edge, "dash", 2, 1.0)]
    return [
        {
            "type": "line",
            "xref": f"x{axis}",
            "yref": f"y{axis} domain",
            "x0": at,
            "x1": at,
            "y0": 0,
            "y1": 1,
            "opacity": opacity,
            "line": {"color": color, "width": width, "dash": dash},
        }
        for axis in ("", "2")
        for at, dash, width, opacity in found
        if np.isfinite(at)
    ]


def _faint(color: str) -> str:
    red, green, blue = (int(color[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"
