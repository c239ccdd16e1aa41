"""The learning rate and the edge, step by step: where a schedule, or a curvature that moves, takes the run across."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.core.ground.prose import plain
from explorer.core.run.descent import Trajectory
from explorer.core.verdict.measured import edge_along
from explorer.figures.theme import BLUE, TEMPLATE, VERMILION, heading
from explorer.figures.ticks import loss_axis

Array = NDArray[np.float64]


def draw(trajectory: Trajectory, run: int = 0) -> tuple[go.Figure, str]:
    """Return the figure for one run, and what it shows in one sentence."""
    steps, edge = edge_along(trajectory, run)
    scheduled = np.append(trajectory.multiplier, trajectory.multiplier[-1:])[steps]
    rate = trajectory.learning_rate[run] * scheduled
    known = np.isfinite(edge) & (edge > 0)
    shown = np.where(known, np.log10(np.where(known, edge, 1)), np.nan)
    used = np.log10(np.maximum(rate, 1e-300), where=rate > 0, out=np.full(rate.shape, np.nan))
    figure = go.Figure(
        {
            "data": [
                _line(steps, shown, VERMILION, "dash", "edge"),
                _line(steps, used, BLUE, "solid", "learning rate"),
            ],
            "layout": {
                "template": TEMPLATE,
                "height": 320,
                "showlegend": True,
                "legend": {"orientation": "h", "y": 1.16, "x": 1, "xanchor": "right"},
                "annotations": [heading("↑ learning rate and edge")],
                "xaxis": {"title": {"text": "step"}},
                "yaxis": _axis(np.concatenate([shown, used])),
            },
        }
    )
    return figure, _words(steps, rate, edge, known)


def _axis(logs: Array) -> dict[str, object]:
    finite = logs[np.isfinite(logs)]
    low, high = (finite.min(), finite.max()) if finite.size else (-1.0, 0.0)
    margin = max(0.08 * (high - low), 0.1)
    return loss_axis(float(low - margin), float(high + margin))


def _line(steps: NDArray[np.intp], values: Array, color: str, dash: str, name: str) -> dict[str, object]:
    return {
        "type": "scatter",
        "x": steps,
        "y": values,
        "mode": "lines",
        "name": name,
        "line": {"color": color, "width": 3, "dash": dash},
        "hovertemplate": f"{name}, step %{{x}}: 10<sup>%{{y:.3f}}</sup><extra></extra>",
    }


def _words(steps: NDArray[np.intp], rate: Array, edge: Array, known: NDArray[np.bool_]) -> str:
    """Return when the rate is beyond the edge, with this run's numbers."""
    if not known.any():
        return "Nothing curves upward along this run, so there is no edge to cross."
    beyond = known & (rate > edge)
    last = np.flatnonzero(known)[-1]
    end = f"at step {steps[last]:,} the rate is {plain(rate[last])} and the edge {plain(edge[last])}"
    if not beyond.any():
        return f"The rate stays below the edge all the way; {end}."
    first = int(steps[np.argmax(beyond)])
    return f"The rate is beyond the edge at {plain(100 * beyond[known].mean())} % of the steps looked at, first at step {first:,}; {end}."
