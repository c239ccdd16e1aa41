"""The race: every racer's path on one landscape, and its loss beside it, played in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.core.run.descent import Trajectory
from explorer.figures.landscape import Landscape
from explorer.figures.stage import ON_CURVE, ground, layout, log_loss, loss_range, small, thin, views
from explorer.figures.ticks import loss_axis

Array = NDArray[np.float64]

LOOKS = [
    ("#0072B2", "solid", "circle"),
    ("#D55E00", "dash", "square"),
    ("#009E73", "dashdot", "diamond"),
    ("#CC79A7", "dot", "cross"),
    ("#E69F00", "longdash", "triangle-up"),
    ("#56B4E9", "longdashdot", "triangle-down"),
    ("#8A8A8A", "solid", "star"),
    ("#B8A800", "dash", "hexagon"),
]
"""Each racer's color, dash and symbol: never one of them alone."""

GROUND = 3
"""Traces of the landscape, which come first; then path, head, curve and head of each racer."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure with one frame, and the names of the steps it can be played through."""

    figure: go.Figure
    frames: list[dict[str, Any]]
    times: list[str]


def draw(trajectories: Sequence[Trajectory], names: Sequence[str]) -> Picture:
    """Return the picture of runs from one start on one loss, one trajectory of one run each, all of the same length."""
    first = trajectories[0]
    x = np.concatenate([each.x for each in trajectories], axis=2)
    loss = np.concatenate([each.loss for each in trajectories], axis=1)
    landscape = Landscape.of(first.objective, first.x[0, :, 0])
    drawn = thin(first.steps)
    points = landscape.project(x, loss)
    away = landscape.away(points)
    overview, reached = landscape.overview(away)
    whole = overview.max(axis=1)
    windows = landscape.windows(away).max(axis=2)[:, drawn]
    logs = log_loss(loss)
    bottom, top = loss_range(logs[drawn].ravel())
    traces: list[dict[str, Any]] = ground(landscape, whole[:, np.newaxis], points[:, 0, 0])
    data: list[dict[str, Any]] = []
    for run, name in enumerate(names):
        traces += _traces(name, run, drawn)
        across, up = (small(each) for each in points[:, drawn, run])
        inside = int(np.searchsorted(drawn, reached[run], side="right"))
        curve = np.where(np.isfinite(logs[drawn, run]), np.maximum(logs[drawn, run], bottom), np.nan).astype(np.float32)
        data += [
            {"x": across, "y": up, "rest": inside},
            {"x": across[-1:], "y": up[-1:]},
            {"y": curve},
            {"x": drawn[-1:].astype(float), "y": curve[-1:]},
        ]
    played = views(landscape, windows, whole)
    frame = {
        "data": data,
        "traces": list(range(GROUND, GROUND + len(data))),
        "layout": {**played[-1][1], "yaxis2": loss_axis(bottom, top, signed=bool(np.nanmin(loss) < 0))},
        "views": played,
    }
    plan = layout(landscape, int(drawn[-1]))
    plan |= {
        "showlegend": True,
        "legend": {"orientation": "h", "y": 1.28, "x": 0, "font": {"size": 15}},
        "margin": {"t": 96, "l": 72, "r": 16, "b": 56},
    }
    figure = go.Figure({"data": [{"type": "scatter", **trace} for trace in traces], "layout": plan})
    return Picture(figure, [frame], [f"step {step:,}" for step in drawn])


def _traces(name: str, run: int, drawn: NDArray[np.intp]) -> list[dict[str, Any]]:
    """Return a racer's path, its head, its loss curve and that one's head."""
    color, dash, symbol = LOOKS[run % len(LOOKS)]
    path = GROUND + 4 * run
    line = {"color": color, "width": 2, "dash": dash}
    head = {
        "mode": "markers",
        "marker": {"size": 13, "color": color, "symbol": symbol},
        "showlegend": False,
        "hoverinfo": "name",
        "name": name,
    }
    return [
        {
            "mode": "lines",
            "line": line,
            "name": name,
            "meta": {"reveal": True},
            "legendgroup": name,
            "showlegend": False,
            "hoverinfo": "name",
        },
        head | {"meta": {"head": path}, "legendgroup": name},
        {
            "x": drawn,
            "mode": "lines",
            "line": line | {"width": 3},
            "name": name,
            "meta": {"reveal": True},
            "legendgroup": name,
            "hovertemplate": f"{name}, step %{{x}}: 10<sup>%{{y:.3f}}</sup><extra></extra>",
            **ON_CURVE,
        },
        head | {"meta": {"head": path + 2}, "legendgroup": name} | ON_CURVE,
    ]
