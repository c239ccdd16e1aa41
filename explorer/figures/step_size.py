"""The home page's picture: the landscape with the path on it, and the loss curve; one frame for each rate of the ruler."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.core.ground.arrays import Array
from explorer.core.ground.prose import plain, power_of_ten
from explorer.core.losses import Facts, Loss
from explorer.core.losses.fit import Fit
from explorer.core.run.descent import Trajectory
from explorer.core.verdict.explanation import Explanation
from explorer.core.verdict.verdict import Verdict
from explorer.figures.landscape import DRAWABLE, Landscape
from explorer.figures.stage import LOWEST, ON_CURVE, RING, Picture, ground, layout, log_loss, loss_range, small, thin, views
from explorer.figures.theme import BLUE, COLORS, GREEN, ORANGE, QUIET, TEXT, Part, axes, figure, heading, line, marks, on, safe, stacked
from explorer.figures.ticks import MOST, loss_axis

GROUND, PATH, LATEST, HOP, HERE, MINIMUM, START, LEAVING, GHOST, CURVE, THEORY, FLOOR, NOW, UPHILL, RAIL, SWINGS, FITTED, BEST = range(18)
"""The traces, in the order they are drawn, names above lines; with examples, they follow."""

MOVED = [PATH, LATEST, HOP, HERE, LEAVING, GHOST, CURVE, THEORY, FLOOR, NOW, UPHILL, RAIL, SWINGS, FITTED]
"""The traces that a frame changes; the last two with examples only."""

NAMES = (
    "ground",
    "path",
    "latest steps",
    "slope of the step",
    "here",
    "minimum",
    "start",
    "leaves",
    "loss left to itself",
    "loss",
    "theory",
    "floor",
    "now",
    "first uphill step",
    "from here inf or nan",
)
"""What traces are called in the file of the picture's points."""

BESIDE = ([0, 0.28], [0.375, 0.655], [0.75, 1])  # where three plots stand beside each other
NARROW = stacked(1240, (0.77, 1), (0.385, 0.615), (0, 0.23))  # the layout of three plots on a phone
MANY = 100  # more examples than these are drawn small
TRAIL = 10  # how many lines the fit leaves behind it
RECENT = 40  # the latest points of a path, so far back, are drawn strong, with dots; what is older is a thinner line
NAME = (0.5, 0.09)  # the room that the name of the first uphill step takes, as shares of its plot
STILL = 2e-3  # what moves by a smaller share of its window stands still for the eye: it is not sent on


def draw(explanation: Explanation, ghost: Explanation | None = None) -> Picture:
    """Return the picture of a batch of runs from one start; `ghost`, the same runs without their rescues, is drawn as a thin line."""
    trajectory = explanation.trajectory
    landscape = Landscape.of(trajectory.objective, trajectory.x[0, :, 0])
    drawn = thin(trajectory.steps)
    points = landscape.project(trajectory.x, trajectory.loss)
    away = landscape.away(points)
    overview, reached = landscape.overview(away)
    windows = landscape.windows(away)[:, drawn]
    logs = log_loss(trajectory.loss)
    theory = _theory_line(explanation, drawn)
    fit, hops = Facts(trajectory.objective).fit, _hops(trajectory, landscape, drawn)
    ends = None if fit is None else _ends(fit, trajectory.x[drawn])
    past = log_loss(ghost.trajectory.loss) if ghost is not None else np.full_like(logs, np.nan)
    frames: list[Part] = []
    for run in range(trajectory.runs):
        path = _path(explanation, points[:, :, run], landscape, overview[:, run], drawn, int(reached[run]), run)
        path.insert(2, _hop(hops[:, run], landscape, inside=path[0]["rest"]))
        curve, axis = _curve(explanation, logs, past[drawn, run], theory[:, run], drawn, run)
        played = views(landscape, windows[:, :, run], overview[:, run])
        shown = {**played[-1][1], "yaxis2": axis}  # at rest the last view, the overview
        if fit is not None and ends is not None:
            curve += _fitted(fit, ends[..., run], path[0])
            shown["yaxis3"] = {"range": _opened(fit, curve[-2]["y"][: 2 * path[0]["rest"]])}
        frames.append({"data": path + curve, "traces": MOVED[: len(path + curve)], "layout": shown, "views": played})
    named = ["dotted: theory"] * bool(np.isfinite(theory).any()) + ["dashed: left to itself"] * (ghost is not None)
    hover = "" if np.nanmin(trajectory.loss) < 0 else ": 10<sup>%{y:.3f}</sup>"
    loss = f"loss ({', '.join(named)})" if named else "loss"
    figure = _figure(landscape, points, overview, drawn, loss, hover)
    times = [f"step {step:,}" for step in drawn]
    if fit is None:
        return Picture(figure, frames, times, drawn)
    return Picture(_with_data(figure, fit, landscape.loss), frames, times, drawn, NARROW)


def _theory_line(explanation: Explanation, drawn: NDArray[np.intp]) -> Array:
    """log₁₀ of the loss that the eigenvectors' recurrences predict, ``(drawn, runs)``; nan where theory has no line."""
    trajectory, modes = explanation.trajectory, explanation.modes
    if modes is None or modes.minimum < 0 or not np.isfinite(modes.minimum):
        return np.full((drawn.size, trajectory.runs), np.nan)
    with np.errstate(all="ignore"):
        excess = modes.log_excess(trajectory.learning_rate, drawn)
        line = np.logaddexp(excess, np.log(modes.minimum)) / np.log(10)
    return np.where(line > 308.3, np.nan, line.clip(min=LOWEST))


def _path(
    explanation: Explanation, points: Array, landscape: Landscape, opened: Array, drawn: NDArray[np.intp], reached: int, run: int
) -> list[Part]:
    """Return the traces of the landscape: the path as long as one sees it move, its latest steps, where it is, and where it leaves.

    At rest the path is shown as far as the overview reaches.
    """
    color = COLORS[explanation.outcome.verdict[run]]
    seen = points[:, drawn]
    there = np.flatnonzero(np.isfinite(seen).all(axis=0))
    seen = seen[:, : there[-1] + 1] if there.size else points[:, :1]  # a start so far out that nothing of it can be placed
    end = small(seen[:, -1])
    with np.errstate(all="ignore"):
        moves = _moves(np.abs(seen - seen[:, -1:]) / (np.abs(landscape.reach) * opened)[:, np.newaxis])
    across, up = (small(each[: moves + 1]) for each in seen)
    inside = int(np.searchsorted(drawn, reached, side="right"))
    path = {"x": across, "y": up, "line": {"color": color}, "rest": inside}
    latest = {"line": path["line"], "marker": path["line"]}
    return [path, latest, {"x": end[:1], "y": end[1:]}, _leaving(points, explanation, landscape.center, int(drawn[inside - 1]), run)]


def _moves(shares: Array) -> int:
    """Return how many steps one sees move, for how far each ``(..., steps)`` moves anything, as a share of its window."""
    seen = np.flatnonzero((shares > STILL).any(axis=tuple(range(shares.ndim - 1))))
    return int(seen[-1]) + 1 if seen.size else 0


def _hops(trajectory: Trajectory, landscape: Landscape, drawn: NDArray[np.intp]) -> Array:
    """Each step as three points of the curve ``(steps drawn, runs, 3, 2)``: where it began, where its slope led, where it landed.

    In one dimension only; nan before the first step.
    """
    hops = np.full((drawn.size, trajectory.runs, 3, 2), np.nan)
    if landscape.loss.dim == 1:
        before, after = trajectory.x[drawn[1:] - 1, 0], trajectory.x[drawn[1:], 0]
        with np.errstate(all="ignore"):
            value, slope = (each.reshape(before.shape) for each in trajectory.objective.value_and_gradient(before.reshape(1, -1)))
            led = value + slope * (after - before)
        at = [(before, value), (after, led), (after, trajectory.loss[drawn[1:]])]
        hops[1:] = np.moveaxis(np.array(at), (0, 1), (2, 3))
    return hops


def _hop(hops: Array, landscape: Landscape, inside: int) -> Part:
    """Return the trace of the step that was made last, as long as one sees it move."""
    with np.errstate(all="ignore"):
        moves = _moves(np.abs(hops[:, 1, 0] - hops[:, 0, 0]) / landscape.reach[0])
    points = hops[: min(moves, inside)].reshape(-1, 2).clip(-DRAWABLE, DRAWABLE)
    return {"x": small(points[:, 0]), "y": small(points[:, 1])}


def _ends(fit: Fit, x: Array) -> Array:
    """Both ends of the fitted line at every step drawn, ``(2, 2, steps, runs)``."""
    steps, dim, runs = x.shape
    return fit.ends(np.moveaxis(x, 1, 0).reshape(dim, -1)).reshape(2, 2, steps, runs)


def _fitted(fit: Fit, ends: Array, path: Part) -> list[Part]:
    """Return the lines up to the last that one sees move: those of the steps before, and the last, in the path's color.

    Every second line is turned round: drawn as one line, they are joined outside of the window.
    """
    there = np.flatnonzero(np.isfinite(ends).all(axis=(0, 1)))
    ends = ends[:, :, : there[-1] + 1 if there.size else 0]
    if ends.size:
        moves = _moves(np.abs(ends - ends[..., -1:]) / np.ptp(fit.window, axis=1)[:, np.newaxis, np.newaxis])
        ends = ends[:, :, : moves + 1].copy()
        ends[:, :, 1::2] = ends[:, ::-1, 1::2]
    across, up = (small(each.T.ravel()) for each in ends)
    return [{"x": across, "y": up, "line": path["line"], "rest": path["rest"]}, {"line": path["line"]}]


def _opened(fit: Fit, heights: Array | list[float]) -> list[float]:
    """Return the range that shows the examples, opened for the lines that are seen at rest as far as the fit allows."""
    middle, half = fit.window[1].mean(), np.ptp(fit.window[1]) / 2
    factor = np.nanmax(np.abs(np.asarray(heights, dtype=float) - middle), initial=0) / half
    return [float(f"{middle + side * half * np.clip(factor, 1, fit.opens):.5g}") for side in (-1, 1)]


def _curve(
    explanation: Explanation, logs: Array, ghost: Array, theory: Array, drawn: NDArray[np.intp], run: int
) -> tuple[list[Part], Part]:
    """Return the traces of the loss curve, and its axis; the ghost is drawn as far as two decades beyond the curve."""
    color = COLORS[explanation.outcome.verdict[run]]
    curve = _until_lost(logs[:, run], explanation.trajectory.loss[:, run])[drawn]
    ghost = np.where(ghost <= np.nanmax(curve[np.isfinite(curve)]) + 2, ghost, np.nan)
    bottom, top = loss_range(np.concatenate([curve, ghost]))
    shown = np.where(np.isfinite(curve), np.maximum(curve, bottom), np.nan).astype(np.float32)
    line = _or_nothing(np.where((theory >= bottom) & (theory <= top), theory, np.nan))
    here = {"x": drawn[-1:].astype(float), "y": shown[-1:]}
    rail = _rail(explanation, bottom, top, run)
    past = _or_nothing(np.where(np.isfinite(ghost), np.maximum(ghost, bottom), np.nan))
    uphill = _uphill(explanation, logs, drawn, bottom, top, run)
    alone = Facts(explanation.trajectory.objective).fit is None  # without a third plot, there is room for more ticks
    axis = loss_axis(bottom, top, signed=bool(np.nanmin(explanation.trajectory.loss) < 0), most=MOST if alone else 5)
    floor = _floor(explanation, curve, bottom, top, run)
    return [{"y": past}, {"y": shown, "line": {"color": color}}, {"y": line}, floor, here, uphill, rail], axis


def _until_lost(curve: Array, loss: Array) -> Array:
    """Return the curve as far as the loss is a number: where a lost run strays back to one, as of a logarithm, it is no run any more."""
    held = np.isfinite(loss)
    held[0] |= held[1:2].all()  # thrown out from the start, and caught
    return np.where(np.logical_and.accumulate(held), curve, np.nan)


def _floor(explanation: Explanation, curve: Array, bottom: float, top: float, run: int) -> Part:
    """Return where the curve is flat at its end for a reason that no run can change, and what it is.

    The floor of the noise, in theory, as a line; or 0, where a loss has no logarithm; or as close to the minimum as numbers are to each
    other; or the lower end of the plot.
    """
    expected, loss = explanation.floor[run], explanation.trajectory.loss[:, run]
    level = np.log10(expected) if 0 < expected < np.inf else np.nan
    if bottom <= level <= top:
        return {"y": [level, level], "text": ["noise floor, in theory", ""], "textposition": "top right"}
    words, level = "", max(curve[-1], bottom)
    if loss.min() >= 0 and np.isfinite(loss[-1]):
        left, lowest = np.flatnonzero(loss), f"below {power_of_ten(int(np.floor(bottom)) + 1)}"
        if not loss[-1]:
            words = f"0 from step {left[-1] + 1 if left.size else 0:,} on"
            words = f"{lowest}, {words}" if (log_loss(loss[left]) < bottom).any() else f"exactly {words}"
        elif explanation.rounded[run]:
            words = "as close as rounding allows"
        elif curve[-1] < bottom:
            words = lowest
    return {"y": [np.nan, level] if words else [], "text": ["", words], "textposition": "top left"}  # the line is the curve itself


def _or_nothing(line: Array) -> Array:
    """Return a line as it is drawn; empty if there is nothing of it to see, so that nothing is sent."""
    return line.astype(np.float32) if np.isfinite(line).any() else np.empty(0, dtype=np.float32)


def _leaving(points: Array, explanation: Explanation, middle: Array, last: int, run: int) -> Part:
    """Return where the path leaves the overview: an arrow the way it goes on, and how far that is."""
    if last == points.shape[1] - 1:
        return {"x": [], "y": [], "text": []}
    here, following = points[:, last], points[:, last + 1]
    step = explanation.outcome.first_nonfinite[run]
    if step >= 0:
        words = f"leaves at step {last + 1:,}:<br>{explanation.outcome.first_quantity[run]} {explanation.how(run)} at step {step:,}"
    else:
        end = np.abs(explanation.trajectory.x[-1, :, run]).max()
        words = f"leaves at step {last + 1:,},<br>at {plain(float(end))} by step {points.shape[1] - 1:,}"
    # The next hop may be so much longer that a browser cannot draw it: its direction is what matters.
    with np.errstate(all="ignore"):
        hop = following - here
        away = hop / np.abs(hop).max() * 4 * max(float(np.abs(here - points[:, 0]).max()), 1e-9)
    tip = here + away if np.isfinite(away).all() else here
    return {
        "x": [here[0], tip[0]],
        "y": [here[1], tip[1]],
        "text": [words, ""],
        "textposition": f"{'top' if here[1] < middle[1] else 'bottom'} {'left' if here[0] > middle[0] else 'right'}",
    }


def _uphill(explanation: Explanation, logs: Array, drawn: NDArray[np.intp], bottom: float, top: float, run: int) -> Part:
    """Return a triangle where the first uphill step landed, and its number where it covers the least of the curve."""
    step = int(explanation.uphill[run]) + 1
    if step <= 0 or not np.isfinite(logs[step, run]):
        return {"x": [], "y": [], "text": []}
    finely = np.linspace(0, drawn.size - 1, 8 * drawn.size)
    x, y = (
        np.interp(finely, np.arange(drawn.size), each) for each in (drawn / max(drawn[-1], 1), (logs[drawn, run] - bottom) / (top - bottom))
    )
    here, up = step / max(drawn[-1], 1), (logs[step, run] - bottom) / (top - bottom)
    found = {}
    for where, low in (("middle", up - NAME[1] / 2), ("top", up + 0.02), ("bottom", up - 0.02 - NAME[1])):
        for side, left in (("right", here + 0.03), ("left", here - 0.03 - NAME[0])):
            fits = left >= 0 and left + NAME[0] <= 1 and 0 <= low <= 1 - NAME[1]
            covered = (x >= left) & (x <= left + NAME[0]) & (y >= low) & (y <= low + NAME[1])
            found[f"{where} {side}"] = int(covered.sum()) if fits else covered.size
    return {
        "x": [step],
        "y": [logs[step, run]],
        "text": [f"first uphill step: {step:,}"],
        "textposition": min(found, key=found.__getitem__),
    }


def _rail(explanation: Explanation, bottom: float, top: float, run: int) -> Part:
    """Return a line along the top, of −inf along the bottom, from the step at which the loss became inf or nan, with those steps."""
    loss = explanation.trajectory.loss[:, run]
    lost = np.flatnonzero(~np.isfinite(loss))
    if lost.size == 0:
        return {"x": [], "y": [], "text": []}
    kinds = {"inf": np.isposinf(loss), "−inf": np.isneginf(loss), "nan": np.isnan(loss)}
    words = [f"{name} from step {at.argmax():,}" for name, at in kinds.items() if at.any()]
    early, falls, span = bool(lost[0] < 0.5 * len(loss)), bool(np.isneginf(loss[lost[0]])), top - bottom
    level, inwards = (bottom + 0.05 * span, 0.04 * span) if falls else (top - 0.05 * span, -0.04 * span)
    return {
        "x": [int(lost[0]), len(loss) - 1, None, int(lost[0])],
        "y": [level, level, None, level + inwards if early else level],
        "text": ["", "", "", f"{', '.join(words)} "],
        "textposition": f"{'top' if falls else 'bottom'} right" if early else "middle left",
    }


def _with_data(figure: go.Figure, fit: Fit, loss: Loss) -> go.Figure:
    """Return the figure with a third plot: the examples, the line that fits them best, and the run's own line with those before it."""
    best = Facts(loss).minimizer
    across, up = np.full((2, 2), np.nan) if best is None else fit.ends(np.asarray(best)[:, np.newaxis])[..., 0]
    swings = line(TEXT, 1, opacity=0.45, name="lines before", **QUIET) | {"meta": {"reveal": True, "each": 2, "points": 2 * TRAIL}}
    fitted = line(TEXT, 4, name="line", **QUIET) | {"meta": {"head": SWINGS, "points": 2}}
    looks = zip(((TEXT, "circle-open"), (BLUE, "cross-thin-open")), fit.groups, strict=False)
    size = 8 if sum(each.shape[1] for each in fit.groups) <= MANY else 4
    examples = [marks(color, symbol, size=size, x=x, y=y, name="examples", **QUIET) for (color, symbol), (x, y) in looks]
    for trace in (swings, fitted, line(GREEN, 2, dash="dot", x=across, y=up, name="best fit", **QUIET), *examples):
        figure.add_trace({"type": "scatter", **trace, **on("3")})
    figure.update_layout(
        annotations=[*figure.layout.annotations, heading(f"↑ {safe(fit.labels[1])} ({fit.note})", "3")],
        **axes("3", {"title": {"text": safe(fit.labels[0])}, "range": fit.window[0]}, {"range": fit.window[1], "nticks": 5}),
    )
    for plot, domain in zip(("", "2", "3"), BESIDE, strict=True):
        figure.layout[f"xaxis{plot}"].update(domain=domain, nticks=3)
    return figure


def _figure(landscape: Landscape, points: Array, overview: Array, drawn: NDArray[np.intp], loss: str, hover: str) -> go.Figure:
    traces: list[dict[str, Any]] = [{} for _ in range(RAIL + 1)]
    traces[GROUND], traces[MINIMUM], traces[START] = ground(landscape, overview, points[:, 0, 0])
    hovered = {"hovertemplate": "%{x:.4g}, %{y:.4g}<extra></extra>"}
    traces[PATH] = {"mode": "lines", "line": {"width": 2}, "meta": {"reveal": True}} | hovered
    latest = {"mode": "lines+markers", "line": {"width": 3}, "marker": {"size": 7}}
    traces[LATEST] = latest | {"meta": {"head": PATH, "points": RECENT}} | hovered
    traces[HOP] = line(TEXT, 2, dash="dot", **QUIET) | {"meta": {"reveal": True, "each": 3, "points": 3}}
    traces[HERE] = RING | {"meta": {"head": PATH}}
    marker = {"size": [11, 0], "symbol": "square-open", "color": TEXT}
    traces[LEAVING] = line(TEXT, 2, dash="dot", **QUIET) | {"mode": "lines+markers+text", "marker": marker}
    traces[GHOST] = line("#8A8A8A", 2, dash="dash", x=drawn, **QUIET)
    traces[FLOOR] = line(ORANGE, 2, dash="longdash", x=drawn[[0, -1]], **QUIET) | {"mode": "lines+text"}
    curve = {"mode": "lines", "line": {"width": 3}, "meta": {"reveal": True}}
    traces[CURVE] = curve | {"x": drawn, "hovertemplate": f"step %{{x}}{hover}<extra></extra>"}
    traces[THEORY] = line(TEXT, 2, dash="dot", x=drawn, **QUIET)
    traces[NOW] = RING | {"meta": {"head": CURVE}, "cliponaxis": False}
    traces[UPHILL] = marks(BLUE, "triangle-up", size=12, **QUIET) | {"mode": "markers+text"}
    traces[RAIL] = line(COLORS[Verdict.DIVERGED], 8, **QUIET) | {"mode": "lines+text"}
    for trace, name in zip(traces, NAMES, strict=False):
        trace["name"] = name
    drawing = figure([trace | (ON_CURVE if i >= GHOST else {}) for i, trace in enumerate(traces)], layout(landscape, int(drawn[-1]), loss))
    if landscape.loss.dim == 1:
        drawing.layout.annotations[0].text = heading("↑ loss (dotted: along its slope)")["text"]
    return drawing
