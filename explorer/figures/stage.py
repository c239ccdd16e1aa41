"""The stage of a run: the landscape with paths on it to the left, the loss at every step to the right."""

import base64
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.figures.landscape import Landscape
from explorer.figures.png import write_png
from explorer.figures.theme import GREEN, QUIET, TEXT, Array, Part, axes, heading, line, marks, on, stacked

DRAWN = 240  # a longer run is thinned to about this many points, its first half hop by hop
LOWEST = -30.0  # lowest log₁₀ of the loss that is drawn; zero has no logarithm and is drawn at the bottom of its window
NARROW = stacked(860, (0.6, 1), (0, 0.37))

ON_CURVE = on("2")
RING = {
    "mode": "markers",
    "marker": {"size": 14, "color": "rgba(0,0,0,0)", "line": {"width": 3, "color": TEXT}},
    **QUIET,
}
"""The ring around the point that a path has come to."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure, its frames, the steps it can be played through (their names, and which they are), and its layout on a phone."""

    figure: go.Figure
    frames: list[Part]
    times: list[str]
    drawn: NDArray[np.intp]
    narrow: Part = field(default_factory=lambda: NARROW)


def thin(steps: int) -> NDArray[np.intp]:
    """Return which steps are drawn: all of them if they are few; else the first 120 and then evenly spaced ones, an odd number apart.

    An odd stride keeps a path that jumps from side to side jumping.

    >>> thin(1000)[[119, 120, 121, -1]].tolist()
    [119, 120, 129, 1000]
    """
    if steps <= DRAWN:
        return np.arange(steps + 1)
    early = DRAWN // 2
    stride = -(-(steps - early) // early) | 1
    return np.unique(np.concatenate([np.arange(early), np.arange(early, steps, stride), [steps]]))


def log_loss(loss: Array) -> Array:
    """log₁₀ of the loss, finite for every finite loss; of its size, with the sign, where losses are negative."""
    with np.errstate(all="ignore"):
        if np.any(loss < 0):
            return np.sign(loss) * np.log10(1 + np.abs(loss))
        return np.where(loss == 0, LOWEST, np.log10(loss).clip(min=LOWEST))


def small(values: Array) -> Array | list[float]:
    """As float32, half the size; as numbers of five digits where one is beyond it."""
    with np.errstate(all="ignore"):
        if np.nanmax(np.abs(values), initial=0) < 1e37:
            return values.astype(np.float32)
    return [float(f"{each:.5g}") for each in values.tolist()]


def loss_range(curve: Array) -> tuple[float, float]:
    """Return the window of the loss curve: all of it, with room for the rail, but no more than 24 decades below the start's loss."""
    finite = curve[np.isfinite(curve)]
    high = float(finite.max())
    low = max(float(finite.min()), float(finite[0]) - 24)
    margin = max(0.06 * (high - low), 0.05)
    return low - margin, high + 2.5 * margin


def views(landscape: Landscape, factors: Array, overview: Array) -> list[list[Any]]:
    """``[from which drawn step on, the landscape's ranges]``: an entry whenever the window opens further, and the overview at the end."""
    opens = np.flatnonzero(np.r_[True, (np.diff(factors, axis=1) != 0).any(axis=0)])
    opens = opens[opens < factors.shape[1] - 1]
    ranges = landscape.ranges(np.concatenate([factors[:, opens], overview[:, np.newaxis]], axis=1))
    across, up = ([[float(f"{end:.5g}") for end in ends] for ends in axis] for axis in ranges)
    at = [*opens.tolist(), factors.shape[1] - 1]
    return [[step, {"xaxis": {"range": x}, "yaxis": {"range": y}}] for step, x, y in zip(at, across, up, strict=True)]


def ground(landscape: Landscape, overview: Array, start: Array) -> list[dict[str, Any]]:
    """Return three traces: the curve or level lines for windows opened by ``(2, windows)`` factors, the minimum, and the start ``(2,)``."""
    across, up = landscape.lines(overview)
    look = ("rgba(127,127,127,0.6)", 1) if landscape.loss.dim > 1 else ("#7F7F7F", 2)
    minimum = named("minimum", "cross-thin", color=GREEN, position="bottom right", width=2, at=landscape.minimum())
    begin = named("start", "circle-open", color=TEXT, position="top left", width=2, at=start)
    return [line(*look, x=across, y=up, name="ground", showlegend=False, **QUIET), minimum, begin]


def layout(landscape: Landscape, steps: int, loss: str = "loss") -> dict[str, Any]:
    """Return the two plots side by side, for a run of this many steps; `loss` is what stands above the right one."""
    (x,), (y,) = (each.tolist() for each in landscape.ranges(np.ones((2, 1))))
    glow = landscape.glow()
    images = [] if glow is None else [_under(*glow)]
    return {
        "height": 420,
        "images": images,
        "annotations": [heading(f"↑ {landscape.labels[1]}"), heading(f"↑ {loss}", "2")],
        **axes("", {"domain": [0, 0.46], "title": {"text": landscape.labels[0]}, "range": x, "nticks": 4}, {"range": y, "nticks": 5}),
        **axes("2", {"domain": [0.57, 1], "title": {"text": "step"}, "range": [-0.02 * steps, 1.03 * max(steps, 1)]}, {}),
    }


def _under(rgba: NDArray[np.uint8], box: tuple[float, float, float, float]) -> Part:
    """Pixels under everything else on the left plot: `box` is left, top, width, height."""
    source = f"data:image/png;base64,{base64.b64encode(write_png(rgba, {})).decode()}"
    left, top, width, height = box
    place = {"x": left, "y": top, "sizex": width, "sizey": height, "xref": "x", "yref": "y"}
    return {"source": source, "layer": "below", "sizing": "stretch", **place}


def named(name: str, symbol: str, *, color: str, position: str, width: int, at: Array | None = None) -> Part:
    """A mark with its name beside it, with an outline of this width in pixels, at a point ``(2,)`` that frames do not move."""
    marker = {"symbol": symbol, "size": 13, "color": color, "line": {"width": width, "color": color}}
    place = {} if at is None else {"x": at[:1], "y": at[1:2], "showlegend": False}
    return {"mode": "markers+text", "text": [name], "textposition": position, "marker": marker, "cliponaxis": False, **QUIET, **place}


def crosses(color: str, height: float, *, x: Array | NDArray[np.intp], values: Array, what: str) -> Part:
    """Crosses at one height, where these values are not finite; `what` is the coordinate along the axis."""
    text = ["nan" if np.isnan(each) else "inf" for each in values]
    hover = f"{what} %{{x}}: %{{text}}<extra></extra>"
    return marks(color, "x", size=9, x=x, y=np.full(len(x), height), text=text, hovertemplate=hover)
