"""What a network answers at every look, and what its layers hear of it: the curve or the border that it draws, and gradients as bars."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, NamedTuple

import contourpy
import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.core.ground.prose import plain
from explorer.core.networks.training import History
from explorer.figures.race import LOOKS
from explorer.figures.theme import BLUE, TEMPLATE, TEXT, heading
from explorer.figures.ticks import loss_axis

Array = NDArray[np.float64]

GRID, CURVE = 48, 200
"""Points along each side of the grid on which a border is found, and along a curve."""

HEIGHT = 420

NARROW = {
    "height": 820,
    "xaxis": {"domain": [0, 1]},
    "yaxis": {"domain": [0.56, 1]},
    "xaxis2": {"domain": [0, 1]},
    "yaxis2": {"domain": [0, 0.36]},
}
"""The layout of two plots on a phone."""


@dataclass(frozen=True, eq=False)
class Answers:
    """A figure with a frame for each look, what it shows in words, and how it changes on a phone."""

    figure: go.Figure
    frames: list[dict[str, Any]]
    alt: str
    narrow: dict[str, Any]


class Drawn(NamedTuple):
    """What a network draws among its examples: the line ``(points, 2)`` at every look, and the examples, group by group."""

    title: str
    alt: str
    lines: list[Array]
    groups: dict[str, Array]
    across: tuple[float, float]
    up: tuple[float, float]


def answers(history: History) -> Answers:
    """Draw the border between the classes of a network of two inputs, or the curve of one input; and each layer's gradient as bars."""
    drawn = _border(history) or _curve(history)
    traces, frames, layout = _bars(history)
    if drawn is None:
        layout["xaxis2"]["domain"] = [0.1, 0.9]
        return Answers(go.Figure({"data": traces, "layout": layout}), frames, "The gradient of each layer.", {})
    for frame, line in zip(frames, drawn.lines, strict=True):
        frame["traces"].append(len(traces))
        frame["data"].append({"x": line[:, 0], "y": line[:, 1]})
    traces += [{"type": "scatter", "mode": "lines", "line": {"color": TEXT, "width": 4}, "hoverinfo": "skip"}]
    for (color, _, symbol), (name, points) in zip(itertools.cycle(LOOKS), drawn.groups.items(), strict=False):
        marker = {"color": color, "symbol": symbol, "size": 8}
        traces.append({"type": "scatter", "x": points[0], "y": points[1], "mode": "markers", "marker": marker, "name": name})
    layout["annotations"].append(heading(drawn.title))
    layout |= {"xaxis": {"domain": [0, 0.5], "range": list(drawn.across)}, "yaxis": {"range": list(drawn.up)}}
    alt = f"Left, {drawn.alt}; right, the gradient of each layer."
    return Answers(go.Figure({"data": traces, "layout": layout}), frames, alt, NARROW)


def _bars(history: History) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, Any]]:
    """Return a bar for each layer's gradient with its number: traces, frames, and the layout, with room for a plot on the left."""
    weights = [name for name in history.norms[0] if name.startswith("W")]
    norms = np.array([[each[name] for name in weights] for each in history.norms])
    with np.errstate(all="ignore"):
        logs = np.where(np.isfinite(norms) & (norms > 0), np.log10(norms), np.nan)
    known = logs[np.isfinite(logs)]
    floor, top = (float(known.min()) - 0.5, float(known.max()) + 0.5) if known.size else (-1.0, 1.0)
    ends = np.where(np.isfinite(logs), logs, floor)  # a gradient of 0 is no bar, but a number
    bars = np.stack([np.full_like(ends, floor), ends, np.full_like(ends, np.nan)], axis=2).reshape(len(ends), -1)
    axes = {"type": "scatter", "xaxis": "x2", "yaxis": "y2", "hoverinfo": "skip"}
    places = np.arange(len(weights))
    traces: list[dict[str, Any]] = [
        {"x": np.repeat(places, 3).astype(float), "mode": "lines", "line": {"color": BLUE, "width": 30}, **axes},
        {"x": places.tolist(), "mode": "text", "textposition": "top center", "textfont": {"size": 13}, "cliponaxis": False, **axes},
    ]
    frames = [
        {"data": [{"y": bar}, {"y": end.tolist(), "text": [plain(norm, 2) for norm in row]}], "traces": [0, 1], "layout": {}}
        for bar, end, row in zip(bars, ends, norms, strict=True)
    ]
    layout: dict[str, Any] = {
        "template": TEMPLATE,
        "height": HEIGHT,
        "annotations": [heading("↑ gradient of each layer", "2")],
        "xaxis2": {
            "domain": [0.62, 1],
            "anchor": "y2",
            "tickvals": places.tolist(),
            "ticktext": weights,
            "range": [-0.6, len(weights) - 0.4],
        },
        "yaxis2": {"anchor": "x2"} | loss_axis(floor, top),
    }
    return traces, frames, layout


def _examples(history: History) -> tuple[Array, Array]:
    """Inputs and targets that have a place in a picture: a spoiled cell has none."""
    known = np.isfinite(history.loss.X).all(axis=0)
    return history.loss.X[:, known], history.loss.y[:, known]


def _border(history: History) -> Drawn | None:
    """Return where a network of two inputs changes its mind between classes; None for another, or for targets that are no classes."""
    X, y = _examples(history)
    values = np.unique(y[0])
    if len(X) != 2 or not X.size or (len(y) == 1 and values.size != 2):
        return None
    classes = np.searchsorted(values, y[0]) if len(y) == 1 else y.argmax(axis=0)
    level = 0.0 if np.isfinite(history.accuracy[0]) else float(values.mean())  # squared error takes the two values as they are
    low, high = X.min(axis=1), X.max(axis=1)
    margin = 0.15 * (high - low)
    across, up = (np.linspace(a, b, GRID) for a, b in zip(low - margin, high + margin, strict=True))
    said = _said(history, np.stack([each.ravel() for each in np.meshgrid(across, up)]))
    ahead = said - level if len(y) == 1 else np.stack([said[:, c] - np.delete(said, c, 1).max(axis=1) for c in range(len(y))], axis=1)
    return Drawn(
        "where the network draws the line",
        "the examples and the line between the classes",
        [np.concatenate([_zero_line(across, up, each.reshape(GRID, GRID)) for each in classes_ahead]) for classes_ahead in ahead],
        {f"class {c}": X[:, classes == c] for c in np.unique(classes).tolist()},
        (float(across[0]), float(across[-1])),
        (float(up[0]), float(up[-1])),
    )


def _curve(history: History) -> Drawn | None:
    """Return what a network of one input and one output answers along it; None for another."""
    X, y = _examples(history)
    if len(X) != 1 or len(y) != 1 or not X.size:
        return None
    low, high, bottom, top = float(X.min()), float(X.max()), float(y.min()), float(y.max())
    margin, air = 0.05 * (high - low), 0.3 * (top - bottom) or 1.0
    x = np.linspace(low - margin, high + margin, CURVE)
    said = _said(history, x[np.newaxis])[:, 0]
    inside = np.where(np.abs(said - (bottom + top) / 2) < 10 * air, said, np.nan)  # further out there is nothing to see of it
    return Drawn(
        "what the network answers",
        "the examples and the curve of the network's answers",
        [np.stack([x, curve], axis=1) for curve in inside],
        {"examples": np.stack([X[0], y[0]])},
        (float(x[0]), float(x[-1])),
        (bottom - air, top + air),
    )


def _said(history: History, inputs: Array) -> Array:
    """Return the outputs at these inputs ``(inputs, points)``, at every look: ``(looks, outputs, points)``."""
    with np.errstate(all="ignore"):
        return np.asarray(history.loss.outputs(np.stack(history.x, axis=1), inputs), dtype=float)


def _zero_line(across: Array, up: Array, height: Array) -> Array:
    """Return where the network is undecided, as one line with gaps."""
    if not np.isfinite(height).all():
        return np.full((1, 2), np.nan)
    lines = contourpy.contour_generator(across, up, height).lines(0.0)
    pieces = [piece for line in lines for piece in (np.asarray(line), np.full((1, 2), np.nan))]
    return np.concatenate(pieces) if pieces else np.full((1, 2), np.nan)
