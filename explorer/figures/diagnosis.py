"""A recorded curve with a known one laid over it, and the largest safe rates of several rules side by side."""

from collections.abc import Sequence
from textwrap import wrap

import numpy as np
import plotly.graph_objects as go

from explorer.core.diagnosis.diagnosis import COMPARED, shape, spans_decades
from explorer.core.ground.prose import plain
from explorer.core.run.safe_rate import SafeRate
from explorer.figures import theme
from explorer.figures.stage import crosses
from explorer.figures.theme import BLUE, GREEN, ORANGE, QUIET, TEXT, VERMILION, Array, Part, figure, legend, line, margins, marks, plot
from explorer.figures.thumbnail import envelope
from explorer.figures.ticks import logs, loss_axis

DRAWN = 1200  # a longer curve is drawn as the lowest and the highest values of stretches, about this many points: no spike is lost
CURVES = {"height": 520, "legend": {"y": -0.26, "yanchor": "top"}, **margins(64, 10, 40, 150)}  # the layout of the curve on a phone
WIDEST = 34  # letters that a line of the legend has room for on a phone

RATES = {
    "height": 440,
    "legend": {"y": -0.28, "x": -0.3, "yanchor": "top"},
    "xaxis": {"nticks": 4},
    "yaxis": {"tickfont": {"size": 14}},
    **margins(116, 10, 30, 140),
}
"""The layout of the rates on a phone."""


def draw(
    step: Array,
    losses: Array,
    validation: Array | None = None,
    overlay: tuple[str, Array] | None = None,
    axis: str = "row",
    name: str = "your training loss",
) -> go.Figure:
    """Return the losses ``(n,)`` at `step` ``(n,)``, in order, with marks where they are not finite.

    `overlay` is a known curve that looks like it, with what that is called: it is stretched to fit.
    """
    finite = losses[np.isfinite(losses)]
    powers = spans_decades(losses)

    def scaled(values: Array) -> Array:
        return logs(values) if powers else np.where(np.isfinite(values), values, np.nan)

    values = scaled(losses)
    low, high = _window(scaled(finite))
    margin = 0.06 * (high - low)
    at = envelope(values, DRAWN)
    traces = [_line(step[at], values[at], losses[at], name, BLUE, "solid", 3, axis)]
    if validation is not None and np.isfinite(validation).any():
        held = scaled(validation)
        there = np.flatnonzero(np.isfinite(held))
        there = there[envelope(held[there], DRAWN)]
        traces.append(_line(step[there], held[there], validation[there], "your validation loss", ORANGE, "dot", 2, axis))
    lost = np.flatnonzero(~np.isfinite(losses) & ~np.isneginf(losses))
    if lost.size:
        some = lost[np.unique(np.linspace(0, lost.size - 1, min(lost.size, 60)).astype(np.intp))]
        traces.append(crosses(VERMILION, high + margin, x=step[some], values=losses[some], what=axis) | {"name": "not finite"})
    if overlay is not None:
        traces.append(_stretched(*overlay, step[np.isfinite(losses)], low, high, powers=powers))
    if finite.size < 60:
        traces[0] |= {"mode": "lines+markers", "marker": {"color": BLUE, "size": 7}}
    bottom, top = low - margin, high + 2 * margin
    up = loss_axis(bottom, top) if powers else {"range": [bottom, top], "nticks": 7, "exponentformat": "power"}
    names = theme.safe(axis), "loss" if "loss" in name else name
    return plot(traces, {"nticks": 8}, up, names=names, height=420, **legend(1.2), **margins(84, 16, 84, 56))


def _window(values: Array) -> tuple[float, float]:
    """Return the lowest and the highest value, a little apart."""
    if not values.size:
        return -1.0, 1.0
    low, high = float(values.min()), float(values.max())
    return (low, high) if high - low > 1e-9 * max(abs(high), 1e-300) else (low - max(abs(low), 1.0) / 2, high + max(abs(high), 1.0) / 2)


def _line(step: Array, values: Array, losses: Array, name: str, color: str, dash: str, width: int, axis: str) -> Part:
    said, hover = [plain(float(each), 4) for each in losses], f"{name}, {axis} %{{x}}: %{{text}}<extra></extra>"
    return line(color, width, dash=dash, x=step, y=values, text=said, name=name, hovertemplate=hover)


def _stretched(name: str, losses: Array, step: Array, low: float, high: float, *, powers: bool) -> Part:
    form = shape(losses, logs=powers and spans_decades(losses))
    x = np.linspace(float(step[0]), float(step[-1]), COMPARED) if step.size else np.array([])
    name = "<br>".join(wrap(f"case: {name} (stretched to fit)", WIDEST, break_on_hyphens=False))
    return line(TEXT, 2, dash="dash", x=x, y=low + form * (high - low), name=name, opacity=0.75, **QUIET)


def brackets(names: Sequence[str], found: Sequence[SafeRate]) -> go.Figure:
    """Return a row for each rule: what the curvature allows, with its error bar and its least along a run, and the measured bracket."""
    rows = np.arange(len(names))[::-1].astype(float)
    rate = np.array([each.rate for each in found])
    below = np.array([each.rate - each.rate_low if np.isfinite(each.rate) else 0.0 for each in found])
    above = np.array([each.rate_high - each.rate if np.isfinite(each.rate_high) else 0.0 for each in found])
    held, broke = (np.array(each) for each in zip(*((each.held, each.broke) for each in found), strict=True))
    least = np.array([min(each.edges[np.isfinite(each.edges)], default=np.nan) for each in found])
    between = np.stack([held, broke, np.full(len(found), np.nan)], axis=1).ravel()
    traces = [
        line(VERMILION, 8, x=between, y=np.repeat(rows - 0.15, 3), opacity=0.5, showlegend=False, **QUIET),
        _marks(held, rows - 0.05, "largest rate that held", "triangle-right", GREEN, names),
        _marks(broke, rows - 0.25, "smallest rate that failed", "x", VERMILION, names),
        _marks(least, rows + 0.2, "its least along a run", "diamond-open", BLUE, names),
        _marks(rate, rows + 0.2, "from the curvature", "diamond", BLUE, names)
        | {"error_x": {"type": "data", "array": above, "arrayminus": below, "color": BLUE}},
    ]
    layout = {
        "height": 150 + 70 * len(names),
        **legend(1.16, yanchor="bottom"),
        **margins(150, 24, 76, 60),
        "xaxis": {"type": "log", "title": {"text": "learning rate"}, "exponentformat": "power", "nticks": 7},
        "yaxis": {"tickvals": rows, "ticktext": list(names), "range": [-0.6, len(names) - 0.4]},
    }
    return figure(traces, layout)


def _marks(at: Array, y: Array, name: str, symbol: str, color: str, names: Sequence[str]) -> Part:
    text = [f"{rule}: {name}, {plain(float(each), 4)}" for rule, each in zip(names, at, strict=True)]
    x = np.where(np.isfinite(at), at, np.nan)
    return marks(color, symbol, size=14, x=x, y=y, name=name, text=text, hovertemplate="%{text}<extra></extra>")
