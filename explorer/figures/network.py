"""What is seen of a network while it trains: its losses, its sharpness beside the edge, its layers; and where it draws the line."""

from __future__ import annotations

from typing import Any

import contourpy
import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.core.networks.training import History
from explorer.figures.race import LOOKS
from explorer.figures.theme import BLUE, TEMPLATE, TEXT, heading
from explorer.figures.ticks import loss_axis

Array = NDArray[np.float64]

GRID = 48
"""Points along each side of the grid on which the decision boundary is found."""

TALL, LINE = 240, 16
"""Pixels: about the height of one plot, and that of a line of text in it."""

SAMPLES = {"solid": "━━", "dash": "╸╸", "dashdot": "━ ∙", "dot": "∙∙∙", "longdash": "━ ━", "longdashdot": "━ ∙ ━"}
"""What a name in a plot begins with, so that its line is known by more than its place."""

NARROW = {
    "height": 1300,
    "xaxis": {"domain": [0, 1]},
    "yaxis": {"domain": [0.8, 1]},
    "xaxis2": {"domain": [0, 1]},
    "yaxis2": {"domain": [0.54, 0.73]},
    "xaxis3": {"domain": [0, 1]},
    "yaxis3": {"domain": [0.27, 0.46]},
    "xaxis4": {"domain": [0, 1]},
    "yaxis4": {"domain": [0, 0.19]},
}

PAIR = {
    "height": 820,
    "xaxis": {"domain": [0, 1]},
    "yaxis": {"domain": [0.56, 1]},
    "xaxis2": {"domain": [0, 1]},
    "yaxis2": {"domain": [0, 0.36]},
}


def instruments(history: History) -> go.Figure:
    """Four plots over the steps: losses, sharpness and edge, the gradient of each layer, dead and saturated units."""
    steps = np.array(history.steps)
    constant = float(np.log10(max(history.loss.best_constant, 1e-300)))
    traces = [
        _line(history.course[0], _log(history.course[1]), "training", 0, ""),
        _line(steps, _log(history.validation), "validation", 1, ""),
        _line(steps[[0, -1]], np.full(2, constant), "best constant answer", 6, ""),
        _line(steps, _log(history.sharpness), "sharpness", 1, "2"),
        _line(steps, _log(history.edge), "what this rate stands", 0, "2"),
    ]
    weights = [name for name in history.norms[0] if name.startswith("W")] or list(history.norms[0])
    traces += [_line(steps, _log([each[name] for each in history.norms]), f"gradient of {name}", i, "3") for i, name in enumerate(weights)]
    for i in range(len(history.dead[0])):
        traces.append(_line(steps, 100 * np.array([each[i] for each in history.dead]), f"dead, layer {i + 1}", i, "4"))
        saturated = _line(steps, 100 * np.array([each[i] for each in history.saturated]), f"saturated, layer {i + 1}", i, "4")
        saturated["line"] = {**saturated["line"], "width": 1, "dash": "dot"}
        traces.append(saturated)
    axes = {axis: _scale([trace["y"] for trace in traces if trace["yaxis"] == f"y{axis}"]) for axis in ("", "2", "3")}
    axes["4"] = {"range": [-4, 104], "nticks": 6}
    step = {"title": {"text": "step"}, "range": [0, max(history.total, 1)]}
    return go.Figure(
        {
            "data": [{"type": "scatter", **trace} for trace in traces],
            "layout": {
                "template": TEMPLATE,
                "height": 720,
                "showlegend": False,
                "annotations": [
                    heading("↑ loss"),
                    heading("↑ sharpness, and what the rate stands", "2"),
                    heading("↑ gradient of each layer", "3"),
                    heading("↑ units in percent: dead —, saturated ···", "4"),
                    *_names(traces, {f"y{axis}": each["range"] for axis, each in axes.items()}),
                ],
                "xaxis": {"domain": [0, 0.44], **step},
                "yaxis": {"domain": [0.6, 1], **axes[""]},
                "xaxis2": {"domain": [0.56, 1], "anchor": "y2", **step},
                "yaxis2": {"domain": [0.6, 1], "anchor": "x2", **axes["2"]},
                "xaxis3": {"domain": [0, 0.44], "anchor": "y3", **step},
                "yaxis3": {"domain": [0, 0.4], "anchor": "x3", **axes["3"]},
                "xaxis4": {"domain": [0.56, 1], "anchor": "y4", **step},
                "yaxis4": {"domain": [0, 0.4], "anchor": "x4", **axes["4"]},
            },
        }
    )


def _log(values: Any) -> Array:
    with np.errstate(all="ignore"):
        logs = np.log10(np.array(values, dtype=float))
    return np.where(np.isfinite(logs), logs, np.nan)


def _scale(logs: list[Array]) -> dict[str, Any]:
    """The axis of these lines, with a little air, in numbers that people read."""
    known = np.concatenate(logs)
    known = known[np.isfinite(known)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    air = 0.06 * (high - low) + 0.02
    return loss_axis(low - air, high + air)


def _line(x: NDArray[Any], y: Array, name: str, look: int, axis: str) -> dict[str, Any]:
    color, dash, _ = LOOKS[look % len(LOOKS)]
    return {
        "x": x,
        "y": y,
        "mode": "lines",
        "name": name,
        "line": {"color": color, "dash": dash, "width": 3},
        "xaxis": f"x{axis}",
        "yaxis": f"y{axis}",
        "customdata": y if axis == "4" else 10.0**y,  # all but the percentages are drawn in logarithms
        "hovertemplate": f"{name}, step %{{x}}: %{{customdata:.3g}}<extra></extra>",
    }


def _names(traces: list[dict[str, Any]], ranges: dict[str, list[float]]) -> list[dict[str, Any]]:
    """Each line's name at its end, inside the plot: no legend to look up. One that would lie on another moves up."""
    ends: list[tuple[str, float, dict[str, Any]]] = []
    for trace in traces:
        seen = np.flatnonzero(np.isfinite(trace["y"]))
        if seen.size and not trace["name"].startswith("saturated"):
            low, high = ranges[trace["yaxis"]]
            ends.append((trace["yaxis"], TALL * float(trace["y"][seen[-1]] - low) / (high - low), trace | {"last": seen[-1]}))
    found, top = [], dict.fromkeys(ranges, -np.inf)
    for axis, height, trace in sorted(ends, key=lambda end: end[:2]):
        top[axis] = max(height, top[axis] + LINE)
        found.append(
            {
                "xref": trace["xaxis"],
                "yref": axis,
                "x": trace["x"][trace["last"]],
                "y": float(trace["y"][trace["last"]]),
                "xanchor": "right",
                "yanchor": "bottom",
                "yshift": 3 + top[axis] - height,
                # the line's own color would be too pale for letters: its sample has it
                "text": f'<span style="color:{trace["line"]["color"]}"><b>{SAMPLES[trace["line"]["dash"]]}</b></span> {trace["name"]}',
                "font": {"size": 13},
                "showarrow": False,
            }
        )
    return found


def boundary(history: History) -> tuple[go.Figure, list[dict[str, Any]]] | None:
    """Where a network of two inputs draws the line between its classes at every look, and its layers' gradients as bars."""
    known = np.isfinite(history.loss.X).all(axis=0)  # a spoiled cell has no place in the picture
    X, y = history.loss.X[:, known], history.loss.y[:, known]
    if len(X) != 2:
        return None
    low, high = X.min(axis=1), X.max(axis=1)
    margin = 0.15 * (high - low)
    across, up = (np.linspace(a, b, GRID) for a, b in zip(low - margin, high + margin, strict=True))
    grid = np.stack([each.ravel() for each in np.meshgrid(across, up)])
    classes = np.round(y[0]).astype(int) if len(y) == 1 else y.argmax(axis=0)
    with np.errstate(all="ignore"):
        said = history.loss.outputs(np.stack(history.x, axis=1), grid)
    weights = [name for name in history.norms[0] if name.startswith("W")]
    norms = _log([[each[name] for name in weights] for each in history.norms])
    floor = float(np.nanmin(norms)) - 0.5 if np.isfinite(norms).any() else -1.0
    frames = []
    for i in range(len(history.x)):
        height = said[i, 0] if len(y) == 1 else said[i].max(axis=0) - np.partition(said[i], -2, axis=0)[-2]
        line = _zero_line(across, up, height.reshape(GRID, GRID))
        bars = np.stack([np.full(len(weights), floor), norms[i], np.full(len(weights), np.nan)], axis=1).ravel()
        frames.append({"data": [{"x": line[:, 0], "y": line[:, 1]}, {"y": bars}], "traces": [0, 1], "layout": {}})
    places = np.repeat(np.arange(len(weights)), 3).astype(float)
    markers = [{"color": LOOKS[c % len(LOOKS)][0], "symbol": LOOKS[c % len(LOOKS)][2], "size": 8} for c in range(int(classes.max()) + 1)]
    figure = go.Figure(
        {
            "data": [
                {"type": "scatter", "mode": "lines", "line": {"color": TEXT, "width": 4}, "hoverinfo": "skip"},
                {
                    "type": "scatter",
                    "x": places,
                    "mode": "lines",
                    "line": {"color": BLUE, "width": 30},
                    "xaxis": "x2",
                    "yaxis": "y2",
                    "hoverinfo": "skip",
                },
                *(
                    {
                        "type": "scatter",
                        "x": X[0, classes == c],
                        "y": X[1, classes == c],
                        "mode": "markers",
                        "marker": marker,
                        "name": f"class {c}",
                    }
                    for c, marker in enumerate(markers)
                ),
            ],
            "layout": {
                "template": TEMPLATE,
                "height": 420,
                "annotations": [heading("where the network draws the line"), heading("↑ gradient of each layer", "2")],
                "xaxis": {"domain": [0, 0.5], "range": [float(across[0]), float(across[-1])]},
                "yaxis": {"range": [float(up[0]), float(up[-1])]},
                "xaxis2": {
                    "domain": [0.62, 1],
                    "anchor": "y2",
                    "tickvals": list(range(len(weights))),
                    "ticktext": weights,
                    "range": [-0.6, len(weights) - 0.4],
                },
                "yaxis2": {
                    "anchor": "x2",
                    "range": [floor, float(np.nanmax(norms, initial=floor)) + 0.5],
                    "tickprefix": "10<sup>",
                    "ticksuffix": "</sup>",
                },
            },
        }
    )
    return figure, frames


def _zero_line(across: Array, up: Array, height: Array) -> Array:
    """Where the network is undecided, as one line with gaps."""
    if not np.isfinite(height).all():
        return np.full((1, 2), np.nan)
    lines = contourpy.contour_generator(across, up, height).lines(0.0)
    pieces = [piece for line in lines for piece in (np.asarray(line), np.full((1, 2), np.nan))]
    return np.concatenate(pieces) if pieces else np.full((1, 2), np.nan)
