"""The race: every racer's path on one landscape, and its loss beside it, played in time."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from explorer.core.run.descent import Trajectory
from explorer.core.verdict.verdict import Verdict
from explorer.figures.landscape import Landscape
from explorer.figures.stage import ON_CURVE, Picture, ground, layout, log_loss, loss_range, small, thin, views
from explorer.figures.theme import COLORS, Part, figure, legend, line, margins, marks
from explorer.figures.ticks import loss_axis, lowest

LOOKS = [
    (COLORS[Verdict.CATAPULT], "solid", "circle"),
    (COLORS[Verdict.DIVERGED], "dash", "square"),
    (COLORS[Verdict.CONVERGED], "dashdot", "diamond"),
    (COLORS[Verdict.OSCILLATING], "dot", "cross"),
    (COLORS[Verdict.SLOW], "longdash", "triangle-up"),
    (COLORS[Verdict.CONVERGING], "longdashdot", "triangle-down"),
    (COLORS[Verdict.STUCK], "solid", "star"),
    (COLORS[Verdict.NOISY], "dash", "hexagon"),
]
"""Each racer's color, dash and symbol: never one of them alone."""

FIRST = 1  # the trace of the landscape comes first; then path, head, curve and head of each racer, and last the minimum and the start


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
    lines, *named = ground(landscape, whole[:, np.newaxis], points[:, 0, 0])
    traces: list[Part] = [lines]
    data: list[Part] = []
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
    signed = bool(np.nanmin(loss) < 0)
    axis = loss_axis(bottom, top, signed=signed, least=None if signed else lowest(loss[drawn], bottom))
    played = views(landscape, windows, whole)
    frame = {
        "data": data,
        "traces": list(range(FIRST, FIRST + len(data))),
        "layout": {**played[-1][1], "yaxis2": axis},
        "views": played,
    }
    drawing = figure([*traces, *named], layout(landscape, int(drawn[-1])) | legend(1.28) | margins(72, 16, 96, 56))
    return Picture(drawing, [frame], [f"step {step:,}" for step in drawn], drawn)


def _traces(name: str, run: int, drawn: NDArray[np.intp]) -> list[Part]:
    """Return a racer's path, its head, its loss curve and that one's head."""
    color, dash, symbol = LOOKS[run % len(LOOKS)]
    path = FIRST + 4 * run
    named = {"name": name, "legendgroup": name}
    head = marks(color, symbol, size=13, showlegend=False, hoverinfo="name", **named)
    hover = f"{name}, step %{{x}}: 10<sup>%{{y:.3f}}</sup><extra></extra>"
    return [
        line(color, 2, dash=dash, meta={"reveal": True}, showlegend=False, hoverinfo="name", **named),
        head | {"meta": {"head": path}},
        line(color, 3, dash=dash, x=drawn, meta={"reveal": True}, hovertemplate=hover, **named, **ON_CURVE),
        head | {"meta": {"head": path + 2}} | ON_CURVE,
    ]
