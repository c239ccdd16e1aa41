"""The map: a color for each verdict, darker where it went faster, words on the regions, and theory's lines over them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
import scipy.ndimage
from numpy.typing import NDArray
from plotly.colors import hex_to_rgb

from explorer.core.ground.checks import short
from explorer.core.ground.prose import plain
from explorer.core.maps.boundary import Line
from explorer.core.maps.canvas import UNDONE, Canvas
from explorer.core.maps.map import Axis, Map, knobs
from explorer.core.maps.tile import VERDICTS
from explorer.core.verdict.verdict import Verdict
from explorer.figures.png import write_png
from explorer.figures.theme import COLORS, GROUND, QUIET, TEXT, Array, Part, figure, heading, legend, line, margins, marks
from explorer.figures.ticks import log_axis

DEEP = 1e-5  # a window narrower than this share of its numbers is drawn as offsets from its low end: tick labels would all be alike
SHADES = 9  # stops of a color scale
ROOMY = 0.07  # a region gets its word where an ellipse with this share of the picture's sides as its radii fits into it
WORD = 0.25, 0.07  # the width and height that a word takes on a phone, as shares of the picture
LEAST = 48  # most pixels a side in which regions are looked for
NARROW = {"height": 560, **margins(56, 8, 190, 64), "legend": {"font": {"size": 13}}}

DASHES = ("solid", "dash", "dot")


@dataclass(frozen=True)
class Side:
    """How one axis is drawn: what is subtracted from its numbers, and whether Plotly's axis is logarithmic."""

    axis: Axis
    label: str

    @property
    def deep(self) -> bool:
        """Whether the window is too narrow for its numbers to be written out."""
        return (self.axis.high - self.axis.low) < DEEP * max(abs(self.axis.low), abs(self.axis.high))

    @property
    def origin(self) -> float:
        """What is subtracted from the numbers that are drawn: a click and a box report the difference."""
        return self.axis.low if self.deep else 0.0

    @property
    def log(self) -> bool:
        return self.axis.log and not self.deep

    def place(self, values: Any) -> Any:
        """Return where a value is in Plotly's layout: its logarithm on a logarithmic axis."""
        return np.log10(values) if self.log else values - self.origin

    def layout(self) -> Part:
        """Plotly's axis."""
        ends = [float(end) for end in self.place(np.array([self.axis.low, self.axis.high]))]
        found: Part = {"showgrid": False} | (log_axis(*ends) if self.log else {"type": "linear", "range": ends, "nticks": 8})
        if self.deep:
            values = np.linspace(ends[0], ends[1], 5).tolist()
            found |= {"tickvals": values, "ticktext": [plain(value, 2, sign=value > 0) for value in values]}
        return found

    @property
    def title(self) -> str:
        """The axis's name; in a deep window with the number that its offsets are counted from."""
        return f"{self.label}: {short(self.axis.low)} + …" if self.deep else self.label


def sides(plan: Map) -> tuple[Side, Side]:
    """Return how both axes are drawn."""
    known = knobs(plan.setup)
    across, up = (Side(axis, known[axis.knob].label) for axis in (plan.x, plan.y))
    return across, up


def draw(plan: Map, canvas: Canvas, lines: Sequence[Line] = ()) -> go.Figure:
    """Return the map as far as it is known: unfinished pixels look like their coarser neighbors."""
    stride = canvas.stride
    picture = canvas.filled(stride)
    across, up = sides(plan)
    shares = canvas.shares()
    grid = {"x": _ends(across, stride), "y": _ends(up, stride)}
    traces: list[Part] = []
    for verdict in shares:
        percent = f"{plain(100 * shares[verdict], 2)} %" if shares[verdict] >= 0.001 else "< 0.1 %"
        named = marks(COLORS[verdict], "square", size=14, x=[None], y=[None], name=f"{verdict} {percent}")
        traces += [_region(verdict, picture, grid, across, up), named]
    traces += [trace for i, each in enumerate(lines) for trace in _line(each, i, across, up)]
    layout = {
        "height": 640,
        "dragmode": "select",
        "uirevision": "&".join([plan.x.write(), plan.y.write()]),
        **legend(1, yref="container", yanchor="top", itemclick=False, itemdoubleclick=False),
        **margins(84, 16, 84, 64),
        "annotations": [heading(f"↑ {up.title}"), *_words(picture, across, up)],
        "xaxis": across.layout() | {"title": {"text": across.title}},
        "yaxis": up.layout(),
    }
    return figure(traces, layout)


def _ends(side: Side, stride: int) -> list[float]:
    """Return where the pixels end, as Plotly draws them; a list, because arrays travel in half the digits."""
    edges = side.axis.edges - side.origin
    return np.append(edges[:-1][::stride], edges[-1]).tolist()


def _region(verdict: Verdict, picture: Canvas, grid: Part, across: Side, up: Side) -> Part:
    """Return the pixels of one verdict."""
    here = picture.codes == VERDICTS.index(verdict)
    z = np.where(here, picture.pace, np.nan).astype(np.float32)
    low, high = _range(verdict, picture.pace[here])
    said = "overflow at step %{z:,.0f}" if verdict == Verdict.DIVERGED else "loss × 10<sup>%{z:.1f}</sup>"
    numbers = "".join(f"<br>{side.label}: {_hovered(side, letter)}" for side, letter in ((across, "x"), (up, "y")))
    return {
        "type": "heatmap",
        **grid,
        "z": z,
        "zmin": low,
        "zmax": high,
        "colorscale": _scale(verdict, low, high),
        "showscale": False,
        "hoverongaps": False,
        "name": str(verdict),
        "hovertemplate": f"<b>{verdict}</b>, {said}{numbers}<extra></extra>",
    }


def _hovered(side: Side, letter: str) -> str:
    return f"{side.axis.low:.6g} + %{{{letter}:.3g}}" if side.deep else f"%{{{letter}:.5g}}"


def _range(verdict: Verdict, pace: NDArray[np.float32]) -> tuple[float, float]:
    """From which to which pace a verdict's color gets darker."""
    low, high = (float(each) for each in np.percentile(pace, (1, 99))) if pace.size else (0.0, 1.0)
    low = max(low, 1.0) if verdict == Verdict.DIVERGED else low
    return low, max(high, low + 1)


def _scale(verdict: Verdict, low: float, high: float) -> list[list[Any]]:
    """Dark where a loss overflowed soon or fell far, pale where it took its time; in even factors of the steps to an overflow."""
    shares = np.linspace(0, 1, SHADES)
    at = (np.geomspace(low, high, SHADES) - low) / (high - low) if verdict == Verdict.DIVERGED else shares
    at[-1] = 1.0
    return [[float(place), "#{:02x}{:02x}{:02x}".format(*_shade(verdict, share))] for place, share in zip(at, shares, strict=True)]


def _shade(verdict: Verdict, share: Any) -> NDArray[np.uint8]:
    """Return a verdict's color between dark (0) and pale (1): ``(...) -> (..., 3)``."""
    color = np.array(hex_to_rgb(COLORS[verdict]))
    stops = np.stack([0.75 * color, color, 0.45 * color + 0.55 * 255])
    return np.stack([np.interp(share, [0, 0.5, 1], stops[:, k]) for k in range(3)], axis=-1).astype(np.uint8)


def _line(theory: Line, i: int, across: Side, up: Side) -> list[Part]:
    """Draw one of theory's lines over a pale one so that it is seen on every color."""
    x, y = theory.x - across.origin, theory.y - up.origin
    inside = _near(x, across) & _near(y, up)
    points = {"x": np.where(inside, x, np.nan).tolist(), "y": np.where(inside, y, np.nan).tolist(), **QUIET}
    return [
        line(GROUND, 6, opacity=0.7, showlegend=False, **points),
        line(TEXT, 2.5, dash=DASHES[i % len(DASHES)], name=theory.name, **points),
    ]


@np.errstate(all="ignore")
def _near(values: Array, side: Side) -> NDArray[np.bool_]:
    """Return which are in the window or within its width of it: SVG cannot place what lies a million times further."""
    low, high = side.place(np.array([side.axis.low, side.axis.high]))
    at = np.log10(values) if side.log else values
    return np.asarray((at >= 2 * low - high) & (at <= 2 * high - low))


def _words(picture: Canvas, across: Side, up: Side) -> list[Part]:
    """Return the name of each region that has room for it, where it has most; of two that would lie on each other, that with more room."""
    apart = max(-(-max(picture.codes.shape) // LEAST), 1)
    codes = picture.codes[::apart, ::apart]
    height, width = codes.shape
    found: list[tuple[float, float, float, int]] = []
    for code in np.unique(codes[codes != UNDONE]).tolist():
        regions, count = scipy.ndimage.label(codes == code)
        for region in range(1, count + 1):
            room = scipy.ndimage.distance_transform_edt(np.pad(regions == region, 1), sampling=(1 / height, 1 / width))[1:-1, 1:-1]
            row, column = divmod(int(np.argmax(room)), width)
            if room[row, column] >= ROOMY:
                found.append((float(room[row, column]), (column + 0.5) / width, (row + 0.5) / height, code))
    placed: list[tuple[float, float]] = []
    look = {"showarrow": False, "font": {"size": 15, "color": TEXT}, "bgcolor": GROUND, "opacity": 0.85, "borderpad": 3}
    words = []
    for _, x, y, code in sorted(found, reverse=True):
        if not any(abs(x - other_x) < WORD[0] and abs(y - other_y) < WORD[1] for other_x, other_y in placed):
            placed.append((x, y))
            at = {"x": float(across.place(across.axis.at(x))), "y": float(up.place(up.axis.at(y)))}
            words.append({**at, "text": str(VERDICTS[code]), **look})
    return words


def png(plan: Map, canvas: Canvas) -> bytes:
    """Return the bare picture, a pixel for each pixel, as a PNG file; the map's link is in its description.

    What is not done is transparent.
    """
    picture = canvas.filled()
    rgba = np.zeros((*picture.codes.shape, 4), np.uint8)
    for code in np.unique(picture.codes[picture.codes != UNDONE]):
        verdict, here = VERDICTS[code], picture.codes == code
        low, high = _range(verdict, picture.pace[here])
        pace = picture.pace[here].astype(float).clip(low, high)
        share = np.log(pace / low) / np.log(high / low) if verdict == Verdict.DIVERGED else (pace - low) / (high - low)
        rgba[here, :3], rgba[here, 3] = _shade(verdict, share), 255
    link = "&".join(f"{name}={text}" for name, text in plan.to_query().items())
    return write_png(rgba[::-1], {"Description": link, "Software": "Divergence Explorer"})
