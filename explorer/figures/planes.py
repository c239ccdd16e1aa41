"""Slices of a network's loss: level lines on shaded ground, or a surface, for one network or two side by side."""

from __future__ import annotations

from typing import Any

import contourpy
import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.core.ground.prose import plain
from explorer.core.networks.planes import Pane, Slice, Survey
from explorer.figures.theme import FAINT, QUIET, TEMPLATE, TEXT, VERMILION, heading

Array = NDArray[np.float64]

DECADES = 24.0
"""Powers of ten drawn below the largest loss; zero has no logarithm and is drawn at the bottom."""

LEVELS = 14
"""Most levels, the same in all panes, one factor apart."""

STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
"""That factor's logarithm is one of these."""

HEIGHT = 520

PAIR, ALONE = ([0.0, 0.45], [0.55, 1.0]), ([0.16, 0.84],)
"""Where the panes stand."""


def _camera(away: float) -> dict[str, Any]:
    """Return where a scene is looked at from: so far away that the name of the vertical axis is inside the picture."""
    return {"eye": {"x": 1.04 * away, "y": 1.1 * away, "z": 0.62 * away}, "center": {"x": 0, "y": 0, "z": -0.16}}


STACKED = {
    "height": 900,
    "xaxis": {"domain": [0, 1]},
    "yaxis": {"domain": [0.59, 1]},
    "xaxis2": {"domain": [0, 1]},
    "yaxis2": {"domain": [0, 0.41]},
    "scene": {"domain": {"x": [0, 1], "y": [0.53, 0.98]}, "camera": _camera(2.05)},
    "scene2": {"domain": {"x": [0, 1], "y": [0, 0.41]}, "camera": _camera(2.05)},
}
WHOLE = {"height": 460, "xaxis": {"domain": [0, 1]}, "scene": {"domain": {"x": [0, 1], "y": [0, 1]}, "camera": _camera(2.05)}}


def narrow(survey: Survey) -> dict[str, Any]:
    """Return the layout on a phone: two panes one above the other."""
    return STACKED if len(survey.panes) == 2 else WHOLE


def draw(survey: Survey) -> tuple[go.Figure, list[dict[str, Any]]]:
    """Return the figure, and a frame for each seed of the survey's view; what has not been computed yet is left empty."""
    low, high = heights(survey)
    surface = survey.view.drawn == "surface"
    domains = PAIR if len(survey.panes) == 2 else ALONE
    layout: dict[str, Any] = {"template": TEMPLATE, "height": HEIGHT, "margin": {"t": 64, "l": 72, "r": 16, "b": 60}}
    if surface:
        layout["margin"] = {"t": 64, "l": 16, "r": 16, "b": 8}
    for i, domain in enumerate(domains):
        layout |= _scene(i, domain, (low, high)) if surface else _axes(i, domain, survey)
    frames: list[dict[str, Any]] = []
    for seed in survey.view.seeds:
        data = [
            trace
            for i, pane in enumerate(survey.panes)
            for trace in (_surface if surface else _lines)(i, pane, pane.slices.get(seed), low, high)
        ]
        notes = [heading(_heading(pane, seed), _number(i)) | {"align": "left"} for i, pane in enumerate(survey.panes)]
        # The name of the frame is part of its layout, so that a move to it draws the shading and the headings anew.
        frames.append({"data": data, "traces": list(range(len(data))), "layout": {"meta": seed, "annotations": notes}})
    return go.Figure({"data": frames[0]["data"], "layout": layout | frames[0]["layout"]}), frames


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


def _number(pane: int) -> str:
    return str(pane + 1) if pane else ""


def _logs(height: Array, low: float) -> Array:
    with np.errstate(all="ignore"):
        logs = np.log10(height)
    return np.where(np.isfinite(height), np.maximum(logs, low), np.nan)


def _heading(pane: Pane, seed: int) -> str:
    """Return the network's name and what its grid says."""
    rough = pane.ruggedness.get(seed)
    name = pane.name or "this network"
    if rough is None:
        return name
    if not np.isfinite(rough.smallest):
        return f"{name}: no number"
    minima = f"{rough.minima} local minim{'um' if rough.minima == 1 else 'a'}"
    return f"{name}:<br>{minima}, loss {plain(rough.smallest)} to {plain(rough.largest)}"


def _titles(pane: Pane, survey: Survey) -> tuple[str, str]:
    """Return the two axes' names."""
    if survey.view.plane == "random":
        return "first direction, in lengths of the weights", "second direction"
    seen = pane.slices.get(survey.view.seed)
    first, second = seen.plane.shares if seen is not None and seen.plane.shares is not None else (np.nan, np.nan)
    shares = [f", {plain(100 * share, 2)} %" if np.isfinite(share) else "" for share in (first, second)]
    return f"component 1 of the path{shares[0]}", f"component 2{shares[1]}"


def _axes(i: int, domain: list[float], survey: Survey) -> dict[str, Any]:
    pane, n = survey.panes[i], _number(i)
    first, second = _titles(pane, survey)
    seen = pane.slices.get(survey.view.seed)
    ends = {} if seen is None else {"x": [*map(float, seen.across[[0, -1]])], "y": [*map(float, seen.up[[0, -1]])]}
    shared = {"nticks": 6, "showgrid": False}
    return {
        f"xaxis{n}": {"domain": domain, "anchor": f"y{n}", "title": {"text": first}, **shared, "range": ends.get("x", [-1, 1])},
        f"yaxis{n}": {"domain": [0, 1], "anchor": f"x{n}", "title": {"text": second}, **shared, "range": ends.get("y", [-1, 1])},
    }


def _scene(i: int, domain: list[float], ends: tuple[float, float]) -> dict[str, Any]:
    """Return a scene, and the axes without anything on them that its heading stands on."""
    n = _number(i)
    hidden: dict[str, Any] = {"visible": False, "range": [0, 1], "fixedrange": True}
    axis: dict[str, Any] = {"color": TEXT, "gridcolor": FAINT, "zerolinecolor": FAINT, "backgroundcolor": "rgba(0,0,0,0)"}
    axis["tickfont"] = {"size": 12}
    room = 0.03 * (ends[1] - ends[0]) + 1e-6
    return {
        f"scene{n}": {
            "domain": {"x": domain, "y": [0, 1]},
            "dragmode": "turntable",
            "bgcolor": "rgba(0,0,0,0)",
            "aspectmode": "cube",
            "camera": _camera(1.7),
            "xaxis": axis | {"title": {"text": "first", "font": {"size": 14}}, "nticks": 5},
            "yaxis": axis | {"title": {"text": "second", "font": {"size": 14}}, "nticks": 5},
            "zaxis": axis | {"title": {"text": "log₁₀ loss", "font": {"size": 14}}, "nticks": 6, "range": [ends[0] - room, ends[1] + room]},
        },
        f"xaxis{n}": {"domain": domain, "anchor": f"y{n}", **hidden},
        f"yaxis{n}": {"domain": [0, 1], "anchor": f"x{n}", **hidden},
    }


def _lines(i: int, pane: Pane, seen: Slice | None, low: float, high: float) -> list[dict[str, Any]]:
    """Shading, level lines, their names, the path, and where the network is."""
    on = {"xaxis": f"x{_number(i)}", "yaxis": f"y{_number(i)}"}
    height = np.full((2, 2), np.nan) if seen is None else _logs(seen.height, low)
    across, up = (np.array([-1.0, 1]),) * 2 if seen is None else (seen.across, seen.up)
    every, named = levels(low, high)
    line, names, at = _contours(across, up, height, every, named)
    path, point = _path(pane, seen)
    shade = {
        "type": "heatmap",
        "x": across,
        "y": up,
        "z": height,
        "zmin": low,
        "zmax": max(high, low + 1e-9),
        "colorscale": "Cividis",
        "opacity": 0.55,
        "zsmooth": "best" if np.isfinite(height).all() else False,
        "showscale": False,
        "hovertemplate": "loss 10<sup>%{z:.2f}</sup><extra></extra>",
    }
    return [
        shade | on,
        {"type": "scatter", "x": line[:, 0], "y": line[:, 1], "mode": "lines", "line": {"color": TEXT, "width": 1}, **QUIET, **on},
        {
            "type": "scatter",
            "x": at[:, 0],
            "y": at[:, 1],
            "mode": "text",
            "text": names,
            "textfont": {"size": 13, "color": TEXT},
            **QUIET,
            **on,
        },
        {
            "type": "scatter",
            "x": path[0],
            "y": path[1],
            "mode": "lines+markers",
            "line": {"color": VERMILION, "width": 3},
            "marker": {"size": 6, "color": VERMILION},
            **QUIET,
            **on,
        },
        {
            "type": "scatter",
            "x": point[0],
            "y": point[1],
            "mode": "markers",
            "marker": {"size": 15, "symbol": "star", "color": VERMILION, "line": {"width": 1.5, "color": TEXT}},
            "hovertemplate": "the network is here<extra></extra>",
            **on,
        },
    ]


def _surface(i: int, pane: Pane, seen: Slice | None, low: float, high: float) -> list[dict[str, Any]]:
    """Return the surface, the path at the losses it really had, where the network is, and a point nobody sees that holds the heading."""
    on = {"scene": f"scene{_number(i)}"}
    height = np.full((2, 2), np.nan) if seen is None else _logs(seen.height, low)
    across, up = (np.array([-1.0, 1]),) * 2 if seen is None else (seen.across, seen.up)
    path, point = _path(pane, seen)
    train = np.array(pane.history.train if pane.history is not None else [], dtype=float)
    along = _logs(train[: path.shape[1]], low) if path.shape[1] else np.empty(0)
    here = _here(pane, low)
    hidden = {"xaxis": f"x{_number(i)}", "yaxis": f"y{_number(i)}"}
    return [
        {
            "type": "surface",
            "x": across,
            "y": up,
            "z": height,
            "cmin": low,
            "cmax": max(high, low + 1e-9),
            "colorscale": "Cividis",
            "showscale": False,
            "hovertemplate": "loss 10<sup>%{z:.2f}</sup><extra></extra>",
            **on,
        },
        {
            "type": "scatter3d",
            "x": path[0],
            "y": path[1],
            "z": along,
            "mode": "lines+markers",
            "line": {"color": VERMILION, "width": 6},
            "marker": {"size": 3, "color": VERMILION},
            **QUIET,
            **on,
        },
        {
            "type": "scatter3d",
            "x": point[0],
            "y": point[1],
            "z": np.full(point.shape[1], here),
            "mode": "markers",
            "marker": {"size": 6, "color": VERMILION, "symbol": "diamond"},
            "hovertemplate": "the network is here<extra></extra>",
            **on,
        },
        {"type": "scatter", "x": [0.5], "y": [0.5], "mode": "markers", "opacity": 0, **QUIET, **hidden},
    ]


def _here(pane: Pane, low: float) -> float:
    """log₁₀ of the loss where the network is."""
    with np.errstate(all="ignore"):
        value = pane.loss.value(pane.point[:, np.newaxis].astype(pane.loss.start.dtype))
    return float(_logs(np.asarray(value, dtype=float), low)[0])


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
    pieces, names, places = [np.full((1, 2), np.nan)], [], [np.empty((0, 2))]
    if np.isfinite(height).any():
        generator = contourpy.contour_generator(across, up, np.ma.masked_invalid(height))
        for level in every:
            lines = [np.asarray(line) for line in generator.lines(float(level))]
            for line in lines:
                pieces += [line, np.full((1, 2), np.nan)]
            place = _place(max(lines, key=len), across, up) if lines and level in named else np.empty((0, 2))
            names += [plain(float(f"{10.0**level:.2g}"), 2)] * len(place)
            places.append(place)
    return np.concatenate(pieces), names, np.concatenate(places)


def _place(line: Array, across: Array, up: Array) -> Array:
    """Return where a line has room for its name, ``(1, 2)``: the middle of its points away from the window's sides, if any."""
    low, high = np.array([across[0], up[0]]), np.array([across[-1], up[-1]])
    inside = line[((line > low + 0.1 * (high - low)) & (line < high - 0.1 * (high - low))).all(axis=1)]
    return inside[len(inside) // 2 : len(inside) // 2 + 1]
