"""What is seen of a network while it trains: its losses, its sharpness beside the edge, its layers."""

import itertools
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.core.networks.training import History
from explorer.figures.race import LOOKS
from explorer.figures.theme import Array, Part, axes, figure, heading, line, on, sampled, stacked
from explorer.figures.ticks import ends, logs, loss_axis

TALL, LINE = 240, 16  # pixels: about the height of one plot, and that of a line of text in it
MOST_NAMES = 12  # most names that fit into a plot above each other
EARLY = 0.65  # a line that ends before this share of the steps has its name behind its end

HEADINGS = {
    "": "loss",
    "2": "sharpness and what the rate tolerates",
    "3": "gradient of each layer",
    "4": "units in percent: dead —, saturated ···",
}
"""What stands above each plot."""

NARROW = stacked(1340, (0.82, 1), (0.545, 0.725), (0.275, 0.455), (0, 0.18))


def instruments(history: History) -> go.Figure:
    """Return four plots over the steps: losses, sharpness and edge, the gradient of each layer, dead and saturated units."""
    steps = np.array(history.steps)
    constant = float(np.log10(max(history.loss.best_constant, 1e-300)))
    traces = [
        _line(history.course[0], logs(history.course[1]), "training", 0, ""),
        _line(steps, logs(history.validation), "validation", 1, ""),
        _line(steps[[0, -1]], np.full(2, constant), "best constant answer", 6, ""),
        _line(steps, logs(history.sharpness), "sharpness", 1, "2"),
        _line(steps, logs(history.edge), "what this rate tolerates", 0, "2"),
    ]
    weights = [name for name in history.norms[0] if name.startswith("W")] or list(history.norms[0])
    traces += [_line(steps, logs([each[name] for each in history.norms]), f"gradient of {name}", i, "3") for i, name in enumerate(weights)]
    for i in range(len(history.dead[0])):
        traces.append(_line(steps, 100 * np.array([each[i] for each in history.dead]), f"dead, layer {i + 1}", i, "4"))
        traces.append(_line(steps, 100 * np.array([each[i] for each in history.saturated]), f"saturated, layer {i + 1}", i, "4"))
        traces[-1]["line"] |= {"width": 1, "dash": "dot"}
    scales = {plot: _scale([trace["y"] for trace in traces if trace["yaxis"] == f"y{plot}"]) for plot in ("", "2", "3")}
    scales["4"] = {"range": [-4, 104], "nticks": 6}
    step = {"title": {"text": "step"}, "range": [0, max(history.total, 1)]}
    names = _names(traces, {f"y{plot}": each["range"] for plot, each in scales.items()}, history.total)
    layout: Part = {"height": 720, "annotations": [*(heading(f"↑ {text}", plot) for plot, text in HEADINGS.items()), *names]}
    places = itertools.product(([0.6, 1], [0, 0.4]), ([0, 0.44], [0.56, 1]))
    for (plot, scale), (up, across) in zip(scales.items(), places, strict=True):
        layout |= axes(plot, {"domain": across, **step}, {"domain": up, **scale})
    return figure(traces, layout)


def _scale(lines: list[Array]) -> Part:
    """Return the axis of these lines, with a little air, in numbers that people read."""
    low, high = ends(*lines)
    air = 0.06 * (high - low) + 0.02
    return loss_axis(low - air, high + air)


def _line(x: NDArray[Any], y: Array, name: str, look: int, plot: str) -> Part:
    color, dash, _ = LOOKS[look % len(LOOKS)]
    said = y if plot == "4" else 10.0**y  # all but the percentages are drawn in logarithms
    hover = f"{name}, step %{{x}}: %{{customdata:.3g}}<extra></extra>"
    return line(color, 3, dash=dash, x=x, y=y, name=name, customdata=said, hovertemplate=hover, **on(plot))


def _names(traces: list[Part], ranges: dict[str, list[float]], steps: int) -> list[Part]:
    """Return each line's name at its end, inside the plot: no legend to look up. None overlap, and of many lines only some are named."""
    found = []
    for axis, (low, high) in ranges.items():
        named = [trace for trace in traces if trace["yaxis"] == axis and not trace["name"].startswith("saturated")]
        ends = []
        for trace in named[:: -(-len(named) // MOST_NAMES) or 1]:
            seen = np.flatnonzero(np.isfinite(trace["y"]))
            if seen.size:
                y = float(trace["y"][seen[-1]])
                ends.append((TALL * (y - low) / (high - low), float(trace["x"][seen[-1]]), y, trace))
        ends.sort(key=lambda end: end[0])
        for place, (height, x, y, trace) in zip(_apart([end[0] for end in ends]), ends, strict=True):
            early = x < EARLY * steps  # the line ends there: beside it is room, before it are the others
            beside = {"xanchor": "left", "xshift": 6} if early else {"xanchor": "right", "xshift": 0}
            above = {"yanchor": "bottom", "yshift": 3 + place - height}
            text = sampled(trace["line"]["color"], trace["line"]["dash"], trace["name"])
            look = {"text": text, "font": {"size": 13}, "showarrow": False}
            found.append({"xref": trace["xaxis"], "yref": axis, "x": x, "y": y, **beside, **above, **look})
    return found


def _apart(heights: list[float]) -> list[float]:
    """These heights, sorted, moved up until no two texts lie on each other, then down where they would leave the plot.

    >>> _apart([0.0, 4.0, 230.0, 231.0])
    [0.0, 16.0, 205.0, 221.0]
    """
    places: list[float] = []
    for height in heights:
        places.append(max(height, places[-1] + LINE) if places else height)
    roof = TALL - 3.0
    for i in reversed(range(len(places))):
        roof = places[i] = min(places[i], roof - LINE)
    return places
