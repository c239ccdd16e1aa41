"""How every figure looks: an explicit template, and a color, dash and symbol for each verdict.

Colors are Okabe and Ito's (2008), which stay apart for color-blind readers; no color stands alone. Text and grid colors are the
page's own CSS variables, which the picture resolves, so that a figure follows light and dark.
"""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from explorer.core.verdict.verdict import Verdict

COLORS = {
    Verdict.CONVERGED: "#009E73",
    Verdict.CONVERGING: "#56B4E9",
    Verdict.SLOW: "#E69F00",
    Verdict.OSCILLATING: "#CC79A7",
    Verdict.NOISY: "#B3A200",
    Verdict.STUCK: "#8A8A8A",
    Verdict.CATAPULT: "#0072B2",
    Verdict.DIVERGED: "#D55E00",
}

TEXT = "var(--st-text-color)"
FAINT = "var(--st-border-color)"
BLUE, VERMILION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"

_AXIS = {
    "showline": True,
    "linecolor": FAINT,
    "gridcolor": FAINT,
    "gridwidth": 0.5,
    "zeroline": False,
    "ticks": "outside",
    "tickcolor": FAINT,
    "tickfont": {"size": 15},
    "title": {"font": {"size": 17}, "standoff": 8},
    "automargin": False,
    "exponentformat": "power",
}

TEMPLATE = go.layout.Template(
    layout={
        "font": {"size": 16, "color": TEXT},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "xaxis": _AXIS,
        "yaxis": _AXIS,
        "showlegend": False,
        "hovermode": "closest",
        "margin": {"l": 72, "r": 16, "t": 36, "b": 56},
        "dragmode": "pan",
    }
)


def heading(text: str, axis: str = "") -> dict[str, Any]:
    """Return a title above one of several plots, which moves with it when the plots are stacked on a phone.

    Also a vertical axis's name: beside the axis it would run into numbers that grow longer while one drags.
    """
    return {
        "xref": f"x{axis} domain",
        "yref": f"y{axis} domain",
        "x": 0,
        "y": 1.02,
        "xanchor": "left",
        "yanchor": "bottom",
        "text": f"<b>{text}</b>",
        "showarrow": False,
    }
