"""What a network answers at every look, and what its layers hear of it: the curve or the border that it draws, and gradients as bars."""

import itertools
from dataclasses import dataclass
from typing import NamedTuple

import contourpy
import numpy as np
import plotly.graph_objects as go

from explorer.core.ground.prose import plain
from explorer.core.networks.training import History
from explorer.figures.race import LOOKS
from explorer.figures.theme import BLUE, QUIET, TEXT, Array, Part, axes, figure, heading, line, marks, on, stacked, with_gaps
from explorer.figures.ticks import ends, logs, loss_axis

GRID, CURVE = 48, 200  # points along each side of the grid on which a border is found, and along a curve
HEIGHT = 420
NARROW = stacked(820, (0.56, 1), (0, 0.36))  # the layout of two plots on a phone


@dataclass(frozen=True, eq=False)
class Answers:
    """A figure with a frame for each look, what it shows in words, and how it changes on a phone."""

    figure: go.Figure
    frames: list[Part]
    alt: str
    narrow: Part


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
        return Answers(figure(traces, layout), frames, "The gradient of each layer.", {})
    for frame, border in zip(frames, drawn.lines, strict=True):
        frame["traces"].append(len(traces))
        frame["data"].append({"x": border[:, 0], "y": border[:, 1]})
    traces.append(line(TEXT, 4, **QUIET))
    for (color, _, symbol), (name, points) in zip(itertools.cycle(LOOKS), drawn.groups.items(), strict=False):
        traces.append(marks(color, symbol, size=8, x=points[0], y=points[1], name=name))
    layout["annotations"].append(heading(drawn.title))
    layout |= axes("", {"domain": [0, 0.5], "range": list(drawn.across)}, {"range": list(drawn.up)})
    alt = f"Left, {drawn.alt}; right, the gradient of each layer."
    return Answers(figure(traces, layout), frames, alt, NARROW)


def _bars(history: History) -> tuple[list[Part], list[Part], Part]:
    """Return a bar for each layer's gradient with its number: traces, frames, and the layout, with room for a plot on the left."""
    weights = [name for name in history.norms[0] if name.startswith("W")]
    norms = np.array([[each[name] for name in weights] for each in history.norms])
    heights = logs(norms)
    low, high = ends(heights, otherwise=(-0.5, 0.5))
    floor, top = low - 0.5, high + 0.5
    tops = np.where(np.isfinite(heights), heights, floor)  # a gradient of 0 is no bar, but a number
    bars = np.stack([np.full_like(tops, floor), tops, np.full_like(tops, np.nan)], axis=2).reshape(len(tops), -1)
    places = np.arange(len(weights))
    traces: list[Part] = [
        line(BLUE, 30, x=np.repeat(places, 3).astype(float)),
        {"x": places.tolist(), "mode": "text", "textposition": "top center", "textfont": {"size": 13}, "cliponaxis": False},
    ]
    frames: list[Part] = [
        {"data": [{"y": bar}, {"y": end.tolist(), "text": [plain(norm, 2) for norm in row]}], "traces": [0, 1], "layout": {}}
        for bar, end, row in zip(bars, tops, norms, strict=True)
    ]
    across = {"domain": [0.62, 1], "tickvals": places.tolist(), "ticktext": weights, "range": [-0.6, len(weights) - 0.4]}
    layout = {
        "height": HEIGHT,
        "annotations": [heading("↑ gradient of each layer", "2")],
        **axes("2", across, loss_axis(floor, top)),
    }
    return [trace | on("2") | QUIET for trace in traces], frames, layout


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
    known = np.isfinite(height).all()
    return with_gaps(contourpy.contour_generator(across, up, height).lines(0.0) if known else ())
