"""A page that holds nothing but the picture, for the tests of the picture: gradient descent on a ravine, from closed forms."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from explorer.site.content import Dial, Mark
from explorer.ui.picture import picture

EIGENVALUES = np.array([1 / 6, 2.0])
START = np.array([-4.0, 2.2])
RATES = np.linspace(0.02, 1.32, 131)
PATH, LOSS = 180, 240
COLORS = {"converged": "#009E73", "slow": "#E69F00", "oscillating": "#56B4E9", "diverged": "#D55E00"}
SURFACE = (  # one dark pixel, stretched
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def path_of(rate: float, steps: int) -> np.ndarray:
    """(2, steps): the iterates of gradient descent, in closed form."""
    with np.errstate(over="ignore"):
        return START[:, None] * (1 - rate * EIGENVALUES[:, None]) ** np.arange(steps)


def zone_of(rate: float) -> str:
    """The verdict of the ravine at a rate."""
    worst = np.abs(1 - rate * EIGENVALUES).max()
    return "diverged" if worst > 1.0001 else "oscillating" if worst > 0.985 and rate > 0.9 else "slow" if worst > 0.93 else "converged"


def wild(frame: dict) -> dict:
    """The same frame, with a factor of a hundred orders of magnitude between the windows of its first and last points."""
    y = frame["data"][0]["y"] * 10.0 ** (np.arange(PATH) * 1.2)
    views = [[k, {"yaxis": {"range": [-extent, extent]}}] for k in range(0, PATH, 10) for extent in [float(np.abs(y[: k + 11]).max())]]
    return frame | {"data": [{"x": frame["data"][0]["x"], "y": y}, {"x": [0.0], "y": y[-1:]}, *frame["data"][2:]], "views": views}


def level_lines() -> tuple[np.ndarray, np.ndarray]:
    """(3000,) twice: fifty ellipses with gaps, one trace."""
    angle = np.append(np.linspace(0, 2 * np.pi, 59), np.nan)
    radius = np.linspace(0.1, 5, 50)[:, None]
    return (radius * np.cos(angle) * 1.9).ravel(), (radius * np.sin(angle) * 0.55).ravel()


def frame_of(rate: float) -> dict:
    x, y = path_of(rate, PATH).clip(-1e6, 1e6)  # far outside the window, and still a number that SVG can read
    loss = np.log10(0.5 * EIGENVALUES @ path_of(rate, LOSS) ** 2 + 1e-300)
    far = min(max(3.0, float(np.abs(y[:60]).max()) * 1.1), 60.0)
    slope = 2 * np.log10(np.abs(1 - rate * EIGENVALUES).max())
    steps = np.arange(LOSS)
    near = {"yaxis": {"range": [-3, 3]}}
    return {
        "data": [
            {"x": x, "y": y},
            {"x": x[-1:], "y": y[-1:]},
            {"x": steps, "y": loss},
            {"x": steps, "y": loss[0] + slope * steps},
            {"x": steps[-1:], "y": loss[-1:]},
        ],
        "traces": [1, 2, 3, 4, 5],
        "layout": {"yaxis2": {"range": [min(loss[:120].min(), -1), max(loss[:120].max(), 1)]}},
        "views": [[0, near], [30, {"yaxis": {"range": [-far, far]}}]],
    }


@st.cache_data(max_entries=1)
def frames() -> list[dict]:
    return [frame_of(rate) for rate in RATES]


def figure() -> go.Figure:
    x, y = level_lines()
    figure = go.Figure(layout={"template": "none"})
    figure.add_scatter(x=x, y=y, mode="lines", line={"width": 1, "color": "#888888"}, hoverinfo="skip")
    figure.add_scatter(x=[], y=[], mode="lines+markers", line={"color": "var(--st-primary-color)"}, meta={"reveal": True}, name="path")
    figure.add_scatter(x=[], y=[], mode="markers", marker={"size": 12, "color": "var(--st-text-color)"}, meta={"head": 1})
    second = {"xaxis": "x2", "yaxis": "y2", "mode": "lines"}
    figure.add_scatter(x=[], y=[], line={"color": "var(--st-primary-color)", "width": 3}, meta={"reveal": True}, name="loss", **second)
    figure.add_scatter(x=[], y=[], line={"color": "var(--st-text-color)", "dash": "dot"}, name="theory", **second)
    figure.add_scatter(x=[], y=[], meta={"head": 3}, marker={"size": 12}, **second | {"mode": "markers"})
    figure.update_layout(
        showlegend=False,
        margin={"l": 70, "r": 20, "t": 30, "b": 50},
        xaxis={"domain": [0, 0.46], "range": [-5, 5], "title": {"text": "flat direction, λ = 0.167"}},
        yaxis={"title": {"text": "steep direction, λ = 2"}},
        xaxis2={"domain": [0.56, 1], "range": [0, 120], "title": {"text": "step"}, "anchor": "y2"},
        yaxis2={"anchor": "x2", "title": {"text": "log₁₀ loss"}},
    )
    place = {"xref": "x", "yref": "y", "x": -5, "y": 3, "sizex": 10, "sizey": 6, "sizing": "stretch"}
    figure.add_layout_image(source=SURFACE, layer="below", opacity=0.2, **place)
    return figure


def dial() -> Dial:
    zones = [zone_of(rate) for rate in RATES]
    worst = [np.abs(1 - rate * EIGENVALUES).max() for rate in RATES]
    return Dial(
        label="Learning rate",
        values=[f"{rate:.2f} = {rate:.2f} × the edge" for rate in RATES],
        words=[f"**{zone}**: each step multiplies the error by {factor:.3f}" for zone, factor in zip(zones, worst, strict=True)],
        zones=zones,
        colors=COLORS,
        marks=[Mark(48, "1/λmax"), Mark(90, "best"), Mark(98, "edge 2/λmax"), Mark(101, "twice the best")],
        alts=[f"At rate {rate:.2f} the path is {zone}." for rate, zone in zip(RATES, zones, strict=True)],
    )


NARROW = {
    "height": 760,
    "xaxis": {"domain": [0, 1]},
    "yaxis": {"domain": [0.58, 1]},
    "xaxis2": {"domain": [0, 1]},
    "yaxis2": {"domain": [0, 0.42]},
}

st.set_page_config(layout="wide")
query = st.query_params
runs = st.session_state["runs"] = st.session_state.get("runs", 0) + 1
with st.container(horizontal=True):
    preset = 120 if st.toggle("Beyond the edge") else 60
    st.button("Another widget")
position = picture(
    figure(),
    key="demo",
    alt="Path of gradient descent on a ravine, and its loss.",
    frames=[wild(frame) for frame in frames()] if "wild" in query else frames(),
    dial=dial(),
    value=preset,
    times=() if "frames" in query else [f"step {step}" for step in range(LOSS)],
    narrow=NARROW,
)
st.write(f"position {position}, run {runs}")
