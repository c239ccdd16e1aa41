"""How every figure looks: an explicit template, and a color, dash and symbol for each verdict.

Colors are Okabe and Ito's (2008), moved as little as it takes to have a contrast of 3 on white, on the dark ground and where a landscape
is shaded most on either (WCAG 1.4.11), and to stay apart for color-blind readers: `tests/figures/test_theme.py` measures both. No color
stands alone. Text and grid colors are the page's own CSS variables, which the picture resolves, so that a figure follows light and dark.
"""

import html
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

from explorer.core.ground.arrays import Array as Array
from explorer.core.verdict.verdict import Verdict

COLORS = {
    Verdict.CONVERGED: "#1C815A",
    Verdict.CONVERGING: "#0086C4",
    Verdict.SLOW: "#C56400",
    Verdict.OSCILLATING: "#95538B",
    Verdict.NOISY: "#86804E",
    Verdict.STUCK: "#7D7F7F",
    Verdict.CATAPULT: "#1966DA",
    Verdict.DIVERGED: "#B9462F",
}

TEXT = "var(--st-text-color)"
FAINT = "var(--st-border-color)"
BLUE, VERMILION, GREEN, ORANGE = (COLORS[each] for each in (Verdict.CATAPULT, Verdict.DIVERGED, Verdict.CONVERGED, Verdict.SLOW))

_AXIS = {
    "showline": True,
    "linecolor": FAINT,
    "gridcolor": FAINT,
    "gridwidth": 0.5,
    "zeroline": False,
    "ticks": "outside",
    "tickcolor": FAINT,
    "tickfont": {"size": 16},
    "title": {"font": {"size": 17}},
    "automargin": False,
    "ticklabeloverflow": "allow",
    "exponentformat": "power",
}

TEMPLATE = go.layout.Template(
    layout={
        "font": {"size": 16, "color": TEXT},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "xaxis": _AXIS | {"tickangle": 0},
        "yaxis": _AXIS,
        "showlegend": False,
        "hovermode": "closest",
        "margin": {"l": 72, "r": 16, "t": 36, "b": 56},
        "dragmode": "pan",
    }
)

Part = dict[str, Any]


QUIET: Part = {"hoverinfo": "skip"}
GROUND = "var(--st-background-color)"


def figure(traces: Iterable[Mapping[str, Any]], layout: Mapping[str, Any]) -> go.Figure:
    """Return a figure of these traces, which are of the type scatter unless they say otherwise."""
    return go.Figure(unchecked(traces, layout))


def unchecked(traces: Iterable[Mapping[str, Any]], layout: Mapping[str, Any]) -> Part:
    """Return the same as plain parts: for what is drawn at every release of a ruler, where Plotly's checks take longer than the rest."""
    return {"data": [{"type": "scatter", **trace} for trace in traces], "layout": {"template": TEMPLATE.to_plotly_json(), **layout}}


def plot(traces: Iterable[Mapping[str, Any]], across: Part, up: Part, *, names: tuple[str, str], **layout: Any) -> go.Figure:
    """Return a figure of one plot with these axes and the `names` of what runs across, below it, and up, above it."""
    titled = {"xaxis": {**across, "title": {"text": names[0]}}, "yaxis": up, "annotations": [heading(f"↑ {names[1]}")]}
    return figure(traces, titled | layout)


def line(color: str, width: float, *, dash: str = "solid", **more: Any) -> Part:
    """Return a trace that is a line."""
    return {"mode": "lines", "line": {"color": color, "width": width, "dash": dash}, **more}


def marks(color: str, symbol: str, *, size: int, **more: Any) -> Part:
    """Return a trace of single marks."""
    return {"mode": "markers", "marker": {"color": color, "symbol": symbol, "size": size}, **more}


def with_gaps(lines: Iterable[Any]) -> Array:
    """Return many lines ``(points, 2)`` as one, with a gap after each."""
    pieces = [piece for each in lines for piece in (np.asarray(each, dtype=float), np.full((1, 2), np.nan))]
    return np.concatenate(pieces) if pieces else np.full((1, 2), np.nan)


def safe(name: str) -> str:
    """Return a name that somebody else gave as a figure shows it: Plotly reads tags, and a long one runs over its plot.

    >>> safe("<a>x"), safe("a column with a long name")
    ('&lt;a&gt;x', 'a column with …')
    """
    return html.escape(name if len(name) <= 16 else f"{name[:14]}…", quote=False)


def on(plot: str) -> Part:
    """Return the axes of one of several plots, for a trace: ``""`` is the first, ``"2"`` the second."""
    return {"xaxis": f"x{plot}", "yaxis": f"y{plot}"}


def axes(plot: str, across: Part, up: Part) -> Part:
    """Return the two axes of one of several plots, for a layout."""
    return {f"xaxis{plot}": {"anchor": f"y{plot}", **across}, f"yaxis{plot}": {"anchor": f"x{plot}", **up}}


def legend(y: float, **more: Any) -> Part:
    """Return a legend in one line above the plots or, below 0, under them."""
    return {"showlegend": True, "legend": {"orientation": "h", "x": 0, "y": y, "font": {"size": 15}, **more}}


def margins(left: int, right: int, top: int, bottom: int) -> Part:
    """Return the room around the plots, in pixels."""
    return {"margin": {"l": left, "r": right, "t": top, "b": bottom}}


def stacked(height: int, *spans: tuple[float, float]) -> Part:
    """Return what a phone changes in a layout of several plots side by side: one above the other, each as wide as the page.

    A figure's `NARROW` is its layout on a phone.

    >>> stacked(860, (0.56, 1), (0, 0.4))["yaxis2"]
    {'domain': [0, 0.4]}
    """
    found: Part = {"height": height}
    for plot, span in zip(["", *map(str, range(2, len(spans) + 1))], spans, strict=True):
        found |= {f"xaxis{plot}": {"domain": [0, 1]}, f"yaxis{plot}": {"domain": list(span)}}
    return found


SAMPLES = {"solid": "━━", "dash": "╸╸", "dashdot": "━ ∙", "dot": "∙∙∙", "longdash": "━ ━", "longdashdot": "━ ∙ ━"}
"""What a name in a plot begins with, so that its line is known by more than its place."""


def sampled(color: str, dash: str, text: str) -> str:
    """Return a line's name after a sample of it: the line's own color would be too pale for letters."""
    return f'<span style="color:{color}"><b>{SAMPLES[dash]}</b></span> {text}'


def heading(text: str, axis: str = "") -> dict[str, Any]:
    """Return a title above one of several plots, which moves with it when the plots are stacked on a phone.

    Also a vertical axis's name: beside the axis it would run into numbers that grow longer while one drags.
    """
    place = {"xref": f"x{axis} domain", "yref": f"y{axis} domain", "x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom"}
    return {**place, "text": f"<b>{text}</b>", "showarrow": False}
