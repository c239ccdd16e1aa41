"""The learning rate and the edge, step by step: where a schedule, or a curvature that moves, takes the run across."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.core.ground.prose import plain
from explorer.core.run.descent import Trajectory
from explorer.core.verdict.measured import edge_along
from explorer.figures.theme import BLUE, VERMILION, Array, Part, line, plot
from explorer.figures.ticks import ends, logs, loss_axis


def draw(trajectory: Trajectory, run: int = 0) -> tuple[go.Figure, str, Array]:
    """Return the figure for one run, what it shows in one sentence, and the edges."""
    steps, edge = edge_along(trajectory, run)
    scheduled = np.append(trajectory.multiplier, trajectory.multiplier[-1] if trajectory.steps else 1.0)[steps]
    rate = trajectory.learning_rate[run] * scheduled
    known = np.isfinite(edge) & (edge > 0)
    traces = [_line(steps, logs(edge), VERMILION, "dash", "edge"), _line(steps, logs(rate), BLUE, "solid", "learning rate")]
    low, high = ends(*(trace["y"] for trace in traces), otherwise=(-1.0, 0.0))
    margin = max(0.08 * (high - low), 0.1)
    named = {"showlegend": True, "legend": {"orientation": "h", "y": 1.16, "x": 1, "xanchor": "right"}}
    drawn = plot(traces, {}, loss_axis(low - margin, high + margin), names=("step", "rate"), height=320, **named)
    return drawn, _words(steps, rate, edge, known), edge


def _line(steps: NDArray[np.intp], values: Array, color: str, dash: str, name: str) -> Part:
    hover = f"{name}, step %{{x}}: 10<sup>%{{y:.3f}}</sup><extra></extra>"
    return line(color, 3, dash=dash, x=steps, y=values, name=name, hovertemplate=hover)


def _words(steps: NDArray[np.intp], rate: Array, edge: Array, known: NDArray[np.bool_]) -> str:
    """Return when the rate is beyond the edge, with this run's numbers."""
    if not known.any():
        return "Nothing curves upward where this run goes, so it meets no edge on its way."
    beyond = known & (rate > edge)
    last = np.flatnonzero(known)[-1]
    end = f"at step {steps[last]:,} the rate is {plain(rate[last])} and the edge {plain(edge[last])}"
    if not beyond.any():
        return f"Along this run the rate stays below the edge; {end}."
    first = int(steps[np.argmax(beyond)])
    return f"The rate is beyond the edge at {plain(100 * beyond[known].mean())} % of the steps looked at, first at step {first:,}; {end}."
