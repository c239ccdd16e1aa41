"""Slices of a network's loss: level lines on shaded ground, or a surface, for one network or two side by side."""

import contourpy
import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from explorer.core.ground.prose import plain
from explorer.core.networks.planes import Pane, Slice, Survey
from explorer.figures import theme
from explorer.figures.theme import FAINT, QUIET, TEXT, VERMILION, Array, Part, axes, figure, heading, line, margins, marks, on, stacked
from explorer.figures.ticks import logs

DECADES = 24.0  # powers of ten drawn below the largest loss; zero has no logarithm and is drawn at the bottom
LEVELS = 14  # most levels, the same in all panes, one factor apart
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)  # that factor's logarithm is one of these
HEIGHT = 520
PAIR, ALONE = ([0.0, 0.45], [0.55, 1.0]), ([0.16, 0.84],)  # where the panes stand
NUMBERS = ("", "2")  # of their axes
COLORED = {"colorscale": "Cividis", "showscale": False, "hovertemplate": "loss 10<sup>%{z:.2f}</sup><extra></extra>"}
DOT = {"size": 7, "color": theme.GROUND, "line": {"width": 2, "color": TEXT}}
"""A point of the path: as its line, in the color of text, which alone is seen on all of the shading."""

HERE = "the network is here<extra></extra>"


def _camera(away: float) -> Part:
    """Return where a scene is looked at from: so far away that the name of the vertical axis is inside the picture."""
    return {"eye": {"x": 1.04 * away, "y": 1.1 * away, "z": 0.62 * away}, "center": {"x": 0, "y": 0, "z": -0.16}}


AWAY = _camera(2.05)
STACKED = stacked(900, (0.64, 1), (0, 0.36)) | {
    "scene": {"domain": {"x": [0, 1], "y": [0.53, 0.98]}, "camera": AWAY},
    "scene2": {"domain": {"x": [0, 1], "y": [0, 0.41]}, "camera": AWAY},
}
WHOLE = {"height": 460, "xaxis": {"domain": [0, 1]}, "scene": {"domain": {"x": [0, 1], "y": [0, 1]}, "camera": AWAY}}


def narrow(survey: Survey) -> Part:
    """Return the layout on a phone: two panes one above the other."""
    return STACKED if len(survey.panes) == 2 else WHOLE


def draw(survey: Survey) -> tuple[go.Figure, list[Part]]:
    """Return the figure, and a frame for each seed of the survey's view; what has not been computed yet is left empty."""
    low, high = heights(survey)
    surface = survey.view.drawn == "surface"
    domains = PAIR if len(survey.panes) == 2 else ALONE
    layout: Part = {"height": HEIGHT, **(margins(16, 16, 64, 8) if surface else margins(72, 16, 64, 60))}
    for i, domain in enumerate(domains):
        layout |= _scene(i, domain, (low, high)) if surface else _axes(i, domain, survey)
    frames: list[Part] = []
    for seed in survey.view.seeds:
        data = [
            trace
            for i, pane in enumerate(survey.panes)
            for trace in (_surface if surface else _lines)(i, pane, pane.slices.get(seed), low, high)
        ]
        notes = [heading(_heading(pane, seed), NUMBERS[i]) | {"align": "left"} for i, pane in enumerate(survey.panes)]
        # The name of the frame is part of its layout, so that a move to it draws the shading and the headings anew.
        frames.append({"data": data, "traces": list(range(len(data))), "layout": {"meta": seed, "annotations": notes}})
    return figure(frames[0]["data"], layout | frames[0]["layout"]), frames


def heights(survey: Survey) -> tuple[float, float]:
    """Return the smallest and largest log₁₀ of the loss in all panes and planes: one scale, so that they can be compared."""
    seen = np.concatenate([np.ravel(each.height) for pane in survey.panes for each in list(pane.slices.values())] or [np.empty(0)])
    seen = seen[np.isfinite(seen)]
    if seen.size == 0 or seen.max() <= 0:
        return 0.0, 1.0
    high = float(np.log10(seen.max()))
    return max(float(np.log10(max(seen.min(), 1e-300))), high - DECADES), high


def levels(low: float, high: float) -> tuple[Array, Array]:
    """Return the levels between two logarithms, whole multiples of one step, and which of them have a name.

    >>> levels(-0.2, 4.3)[0][:4].tolist()
    [0.0, 0.5, 1.0, 1.5]
    """
    step = next((each for each in STEPS if (high - low) / each <= LEVELS), STEPS[-1])
    found = step * np.arange(np.ceil(low / step), np.floor(high / step) + 1) + 0.0
    whole = np.abs(found - found.round()) < 1e-9
    return found, found[whole] if whole.sum() > 2 else found[::2]


def _heights(loss: ArrayLike, low: float) -> Array:
    """Return log₁₀ of the loss, no lower than what is drawn; nan where the loss is not finite."""
    return np.where(np.equal(loss, 0), low, np.maximum(logs(loss), low))


def _heading(pane: Pane, seed: int) -> str:
    """Return the network's name and what its grid says."""
    rough, name = pane.ruggedness.get(seed), pane.name or "this network"
    if rough is None:
        return name
    if not np.isfinite(rough.smallest):
        return f"{name}: no number"
    minima = f"{rough.minima} minim{'um' if rough.minima == 1 else 'a'}"
    return f"{name}:<br>{minima}, loss {plain(rough.smallest)} to {plain(rough.largest)}"


def _axes(i: int, domain: list[float], survey: Survey) -> Part:
    seen = survey.panes[i].slices.get(survey.view.seed)
    first, second = "first direction, in weight lengths", "second direction"
    if survey.view.plane != "random":
        parts = seen.plane.shares if seen is not None and seen.plane.shares is not None else (np.nan, np.nan)
        shares = [f", {plain(100 * share, 2)} %" if np.isfinite(share) else "" for share in parts]
        first, second = f"component 1 of the path{shares[0]}", f"component 2{shares[1]}"
    across, up, _ = _ground(seen, 0.0)
    shared = {"nticks": 6, "showgrid": False}
    x = {"domain": domain, "title": {"text": first}, "range": [float(across[0]), float(across[-1])], **shared}
    return axes(NUMBERS[i], x, {"title": {"text": second}, "range": [float(up[0]), float(up[-1])], **shared})


def _scene(i: int, domain: list[float], ends: tuple[float, float]) -> Part:
    """Return a scene, and the axes without anything on them that its heading stands on."""
    hidden = {"visible": False, "range": [0, 1], "fixedrange": True}
    axis = {"color": TEXT, "gridcolor": FAINT, "zerolinecolor": FAINT, "backgroundcolor": "rgba(0,0,0,0)", "tickfont": {"size": 12}}
    room = 0.03 * (ends[1] - ends[0]) + 1e-6
    titles = {"x": "first", "y": "second", "z": "log₁₀ loss"}
    scene: Part = {f"{letter}axis": axis | {"title": {"text": text, "font": {"size": 14}}, "nticks": 5} for letter, text in titles.items()}
    scene["zaxis"] |= {"nticks": 6, "range": [ends[0] - room, ends[1] + room]}
    look = {"dragmode": "turntable", "bgcolor": "rgba(0,0,0,0)", "aspectmode": "cube", "camera": _camera(1.7)}
    place = {"domain": {"x": domain, "y": [0, 1]}}
    return {f"scene{NUMBERS[i]}": scene | look | place} | axes(NUMBERS[i], {"domain": domain, **hidden}, hidden)


def _ground(seen: Slice | None, low: float) -> tuple[Array, Array, Array]:
    """Return a slice's coordinates across and up, and the heights on its grid; a window without a height where there is none yet."""
    if seen is None:
        return np.array([-1.0, 1]), np.array([-1.0, 1]), np.full((2, 2), np.nan)
    return seen.across, seen.up, _heights(seen.height, low)


def _lines(i: int, pane: Pane, seen: Slice | None, low: float, high: float) -> list[Part]:
    """Shading, level lines, their names, the path, and where the network is."""
    across, up, height = _ground(seen, low)
    level, names, at = _contours(across, up, height, *levels(low, high))
    path, point = _path(pane, seen)
    shade = {"type": "heatmap", "x": across, "y": up, "z": height, "zmin": low, "zmax": max(high, low + 1e-9), "opacity": 0.55}
    star = marks(VERMILION, "star", size=15, x=point[0], y=point[1], hovertemplate=HERE)
    star["marker"] |= {"line": {"width": 1.5, "color": TEXT}}
    traces = [
        shade | COLORED | {"zsmooth": "best" if np.isfinite(height).all() else False},
        line(TEXT, 1, x=level[:, 0], y=level[:, 1], name="ground", **QUIET),
        {"x": at[:, 0], "y": at[:, 1], "mode": "text", "text": names, "textfont": {"size": 13, "color": TEXT}, **QUIET},
        line(TEXT, 3, x=path[0], y=path[1], **QUIET) | {"mode": "lines+markers", "marker": DOT},
        star,
    ]
    return [{"type": "scatter"} | trace | on(NUMBERS[i]) for trace in traces]


def _surface(i: int, pane: Pane, seen: Slice | None, low: float, high: float) -> list[Part]:
    """Return the surface, the path at the losses it really had, where the network is, and a point nobody sees that holds the heading."""
    scene = {"scene": f"scene{NUMBERS[i]}"}
    across, up, height = _ground(seen, low)
    path, point = _path(pane, seen)
    train = np.array(pane.history.train if pane.history is not None else [], dtype=float)
    along = _heights(train[: path.shape[1]], low) if path.shape[1] else np.empty(0)
    with np.errstate(all="ignore"):
        value = pane.loss.value(pane.point[:, np.newaxis].astype(pane.loss.start.dtype))
    here = np.full(point.shape[1], _heights(value, low)[0])
    way = line(VERMILION, 6, x=path[0], y=path[1], z=along, **QUIET)
    return [
        {"type": "surface", "x": across, "y": up, "z": height, "cmin": low, "cmax": max(high, low + 1e-9), **COLORED, **scene},
        way | {"type": "scatter3d", "mode": "lines+markers", "marker": {"size": 3, "color": VERMILION}, **scene},
        marks(VERMILION, "diamond", size=6, type="scatter3d", x=point[0], y=point[1], z=here, hovertemplate=HERE, **scene),
        {"type": "scatter", "x": [0.5], "y": [0.5], "mode": "markers", "opacity": 0, **QUIET, **on(NUMBERS[i])},
    ]


def _path(pane: Pane, seen: Slice | None) -> tuple[Array, Array]:
    """Return the run's path in its own plane ``(2, looks)``, none in a random one; and where the network is ``(2, 1)``."""
    if seen is None:
        return np.empty((2, 0)), np.empty((2, 0))
    if seen.plane.shares is None:
        return np.empty((2, 0)), np.zeros((2, 1))
    with np.errstate(all="ignore"):
        path = seen.plane.directions.T @ (pane.path - seen.plane.origin).T
    return np.where(np.abs(path) < 1e100, path, np.nan), np.zeros((2, 1))


def _contours(across: Array, up: Array, height: Array, every: Array, named: Array) -> tuple[Array, list[str], Array]:
    """Return the level lines as one line with gaps, and names with their places: near the middle of the longest line of a level."""
    drawn, names, places = [], [], [np.empty((0, 2))]
    if np.isfinite(height).any():
        generator = contourpy.contour_generator(across, up, np.ma.masked_invalid(height))
        for level in every:
            lines = [np.asarray(line) for line in generator.lines(float(level))]
            drawn += lines
            if lines and level in named:
                places.append(_place(max(lines, key=len), across, up))
                names += [plain(float(f"{10.0**level:.2g}"), 2)] * len(places[-1])
    return theme.with_gaps(drawn), names, np.concatenate(places)


def _place(line: Array, across: Array, up: Array) -> Array:
    """Return where a line has room for its name, ``(1, 2)``: the middle of its points away from the window's sides, if any."""
    low, high = np.array([across[0], up[0]]), np.array([across[-1], up[-1]])
    inside = line[((line > low + 0.1 * (high - low)) & (line < high - 0.1 * (high - low))).all(axis=1)]
    return inside[len(inside) // 2 : len(inside) // 2 + 1]
