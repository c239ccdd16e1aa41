"""One step under a microscope, and the loss split by eigenvector: why the loss went up or down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.core.ground.prose import plain
from explorer.core.losses.protocol import Facts
from explorer.core.run.descent import Trajectory
from explorer.core.theory.curvature import SecondOrder, second_order, spectrum
from explorer.figures.theme import BLUE, COLORS, GREEN, ORANGE, TEMPLATE, TEXT, VERMILION, heading
from explorer.figures.ticks import loss_axis

Array = NDArray[np.float64]

MOST_STEPS = 80
"""A longer run can be looked at in this many places, closer together early on."""

MOST_MODES = 5
"""Most eigenvectors drawn: the steepest first, and always the flattest."""

DRAWABLE = 1e280
"""Steps to where the loss is larger are left out: the parabola's terms would overflow before the loss does."""

VISIBLE = 1e-9
"""A step whose slope is less than this share of the steepest step's counts as no step."""

SAMPLES = np.linspace(-0.5, 2.0, 51)
"""Where the loss is drawn along a step, in lengths of that step."""

MODEL, ALONG, BOTTOM, FROM, TO, SLOPE, BEND, HAPPENED, SUM, BAR_TEXT, AT = range(11)
"""The traces of a frame, in the order they are drawn; one for each eigenvector comes after them."""

NARROW = {
    "height": 1180,
    "xaxis": {"domain": [0, 1]},
    "yaxis": {"domain": [0.73, 1]},
    "xaxis2": {"domain": [0, 1]},
    "yaxis2": {"domain": [0.38, 0.62]},
    "xaxis3": {"domain": [0, 1]},
    "yaxis3": {"domain": [0, 0.27]},
}


@dataclass(frozen=True, eq=False)
class Microscope:
    """A figure with a frame for each step looked at, what each shows in words, and the table of the eigenvectors."""

    figure: go.Figure
    frames: list[dict[str, Any]]
    steps: list[int]
    words: list[str]
    modes: list[dict[str, float]]
    telling: int
    """The position to begin at: the first step uphill if the loss ends higher than it began, else the last step that lowered it."""


def magnify(trajectory: Trajectory, run: int = 0) -> Microscope | None:
    """Return the steps of one run, each against its second-order prediction; None if the run has no step that can be drawn."""
    x = trajectory.x[:, :, run]
    finite = np.isfinite(x).all(axis=1) & (np.abs(trajectory.loss[:, run]) < DRAWABLE)  # false for nan
    usable = int(np.argmin(finite)) - 1 if not finite.all() else len(x) - 1
    if usable < 1:
        return None
    steps = _places(usable)
    each = [_look(trajectory, x[step], x[step + 1] - x[step]) for step in steps]
    modes = Split.of(trajectory, run)
    frames = [_frame(*look, step, modes) for step, look in zip(steps, each, strict=True)]
    words = [_words(step, look[2], plain_step=trajectory.optimizer.is_plain) for step, look in zip(steps, each, strict=True)]
    uphill = [i for i, look in enumerate(each) if look[2].actual > 0]
    slopes = np.abs([look[2].slope for look in each])
    worse = not finite.all() or trajectory.loss[-1, run] > trajectory.loss[0, run]
    telling = uphill[0] if uphill and worse else int(np.flatnonzero(slopes >= VISIBLE * slopes.max())[-1])
    return Microscope(_figure(modes), frames, steps, words, modes.table(), telling)


def _places(usable: int) -> list[int]:
    if usable <= MOST_STEPS:
        return list(range(usable))
    early = MOST_STEPS // 2
    return [int(step) for step in np.unique(np.concatenate([np.arange(early), np.geomspace(early, usable - 1, early).round()]))]


def _look(trajectory: Trajectory, x: Array, move: Array) -> tuple[Array, Array, SecondOrder]:
    """Return the change of the loss along one step ``(samples,)``, what the parabola says of it, and the parabola's terms."""
    loss = trajectory.objective
    with np.errstate(all="ignore"):
        value = loss.value(x[:, np.newaxis] + move[:, np.newaxis] * SAMPLES)
        change = value - loss.value(x[:, np.newaxis])
        terms = second_order(loss, x, move)
        return change, terms.slope * SAMPLES + terms.bend * SAMPLES**2, terms


@dataclass(frozen=True, eq=False)
class Split:
    """The loss above the minimum split by the Hessian's eigenvectors: ½λc², with c the distance along each.

    `eigenvalues` and `growth` (the factor per step, nan where no recurrence tells it) are ``(modes,)``, `share` is ``(steps+1, modes)``.
    Empty where the minimum is not known or nothing curves there. Exact on a quadratic, and near the minimum of others.
    """

    eigenvalues: Array
    growth: Array
    share: Array
    exact: bool

    @classmethod
    def of(cls, trajectory: Trajectory, run: int) -> Split:
        loss, optimizer = trajectory.objective, trajectory.optimizer
        minimizer = Facts(loss).minimizer
        exact = Facts(loss).is_quadratic
        values, vectors = spectrum(loss, minimizer) if minimizer is not None else (np.empty(0), np.empty((loss.dim, 0)))
        chosen = np.flatnonzero(np.abs(values) > 0)[::-1]
        chosen = np.r_[chosen[: MOST_MODES - 1], chosen[-1:]] if chosen.size > MOST_MODES else chosen
        values, vectors = values[chosen], vectors[:, chosen]
        with np.errstate(all="ignore"):
            away = trajectory.x[:, :, run] - (0 if minimizer is None else minimizer)
            distance = away @ vectors
            # Beside a direction that has exploded, what is left in the others is only the rounding of the large one.
            distance[np.abs(distance) < 1e-13 * np.linalg.norm(away, axis=1)[:, np.newaxis]] = np.nan
            share = 0.5 * values * distance**2
        growth = np.full(values.shape, np.nan)
        if optimizer.is_linear:
            growth = optimizer.recurrence.growth((values + np.max(optimizer.weight_decay)) * trajectory.learning_rate[run])
        return cls(values, growth, share, exact)

    def table(self) -> list[dict[str, float]]:
        """Return a row for each eigenvector: its curvature, its factor per step, its share of the loss at the start."""
        return [
            {"curvature λ": value, "factor per step": growth, "part of the loss at the start": part}
            for value, growth, part in zip(self.eigenvalues.tolist(), self.growth.tolist(), self.share[0].tolist(), strict=True)
        ]


def _words(step: int, terms: SecondOrder, *, plain_step: bool) -> str:
    if terms.slope == terms.bend == 0:
        return f"**Step {step + 1:,}**: the gradient is 0 here, or too small for a number, so the loss stays."
    along = "−ε gᵀg" if plain_step else "gᵀΔ"
    expected, seen = ("rise" if change > 0 else "fall" for change in (terms.predicted, terms.actual))
    verdict = f"so the loss {seen}s" if expected == seen else f"so the loss should {expected}; it {seen}s"
    return (
        f"**Step {step + 1:,}**: the slope gives {along} = {plain(terms.slope, sign=True)}, the curvature adds"
        f" {plain(terms.bend, sign=terms.bend != 0)}; {_larger(terms)}, {verdict} by {plain(abs(terms.actual))}"
        f" (predicted: {plain(terms.predicted, sign=True)})."
    )


def _larger(terms: SecondOrder) -> str:
    """Return which of the two terms decides."""
    if terms.bend == 0:
        return "there is no curvature"
    if terms.slope * terms.bend >= 0:
        return f"both point {'up' if terms.predicted > 0 else 'down'}"
    return "the second outgrows the first" if abs(terms.bend) > abs(terms.slope) else "the first is the larger"


def _scaled(*values: Array) -> tuple[float, ...]:
    """Return a window that shows what matters: the middle of the curves, never the far end of one that shoots off."""
    finite = np.concatenate([each[np.isfinite(each) & (np.abs(each) < 1e300)] for each in values])
    low, high = min(float(finite.min()), 0.0), max(float(finite.max()), 0.0)
    margin = 0.12 * (high - low) or 1.0
    return low - margin, high + margin


def _frame(change: Array, model: Array, terms: SecondOrder, step: int, modes: Split) -> dict[str, Any]:
    bars = np.array([terms.slope, terms.bend, terms.actual])
    lowest = -terms.slope / (2 * terms.bend) if terms.bend > 0 else np.nan
    inside = -0.5 <= lowest <= 2
    near = (SAMPLES >= -0.25) & (SAMPLES <= 1.25)
    low, high = _scaled(change[near], model[near])
    bar_low, bar_high = _scaled(bars)

    def clipped(curve: Array) -> Array | list[float]:
        inside = np.where((curve >= low) & (curve <= high), curve, np.nan)
        return inside if max(-low, high) > 1e-30 else inside.tolist()  # an array travels as float32, which ends at 1e-38

    return {
        "data": [
            {"y": clipped(model)},
            {"y": clipped(change)},
            {"x": [lowest] if inside else [], "y": [terms.slope * lowest + terms.bend * lowest**2] if inside else []},
            {"y": [0.0]},
            {"y": [terms.actual]},
            {"y": [0.0, bars[0]]},
            {"y": [0.0, bars[1]]},
            {"y": [0.0, terms.actual]},
            {"y": [terms.predicted, terms.predicted]},
            {
                "y": bars.tolist(),
                # The dotted line of slope + curvature runs along the end of the third bar: its number keeps clear of it.
                "text": [_clear(bar, i == 2) for i, bar in enumerate(bars)],
                "textposition": ["bottom center" if bar < 0 else "top center" for bar in bars],
            },
            {"x": [step + 1, step + 1], "y": list(_split_range(modes))},
        ],
        "traces": list(range(AT + 1)),
        "layout": {"yaxis": {"range": [low, high]}, "yaxis2": {"range": [1.25 * bar_low, 1.25 * bar_high]}},
    }


def _clear(bar: float, lined: bool) -> str:
    text = plain(bar, sign=bar != 0)
    return text if not lined else f" <br>{text}" if bar < 0 else f"{text}<br> "


def _split_logs(modes: Split) -> Array:
    with np.errstate(all="ignore"):
        logs = np.log10(np.abs(modes.share))
    return np.where(np.isfinite(logs), logs, np.nan)


def _split_range(modes: Split) -> tuple[float, float]:
    logs = _split_logs(modes)
    if not np.isfinite(logs).any():
        return 0.0, 1.0
    high = float(np.nanmax(logs))
    low = max(float(np.nanmin(logs)), float(np.nanmax(logs[0], initial=-np.inf)) - 24 if np.isfinite(logs[0]).any() else -np.inf)
    margin = max(0.08 * (high - low), 0.3)
    return low - margin, high + margin


def _figure(modes: Split) -> go.Figure:
    quiet = {"hoverinfo": "skip"}
    bars, split = {"xaxis": "x2", "yaxis": "y2"}, {"xaxis": "x3", "yaxis": "y3"}
    traces: list[dict[str, Any]] = [{} for _ in range(AT + 1)]
    traces[MODEL] = {"x": SAMPLES, "mode": "lines", "line": {"color": ORANGE, "width": 3, "dash": "dash"}, **quiet}
    traces[ALONG] = {"x": SAMPLES, "mode": "lines", "line": {"color": TEXT, "width": 2}, **quiet}
    traces[BOTTOM] = _point("lowest", "diamond-open", GREEN, "bottom center")
    traces[FROM] = {**_point("from", "circle-open", BLUE, "top center"), "x": [0.0]}
    traces[TO] = {**_point("landed", "x", VERMILION, "top center"), "x": [1.0]}
    for trace, position, color in ((SLOPE, 0, BLUE), (BEND, 1, VERMILION), (HAPPENED, 2, "#8A8A8A")):
        traces[trace] = {"x": [position, position], "mode": "lines", "line": {"color": color, "width": 34}, **bars, **quiet}
    traces[SUM] = {"x": [1.6, 2.4], "mode": "lines", "line": {"color": TEXT, "width": 3, "dash": "dot"}, **bars, **quiet}
    traces[BAR_TEXT] = {"x": [0, 1, 2], "mode": "text", "textfont": {"size": 14}, "cliponaxis": False, **bars, **quiet}
    traces[AT] = {"mode": "lines", "line": {"color": TEXT, "width": 1, "dash": "dot"}, **split, **quiet}
    traces += _mode_lines(modes, split)
    steps = len(modes.share) - 1
    lowest, highest = _split_range(modes)
    return go.Figure(
        {
            "data": [{"type": "scatter", **trace} for trace in traces],
            "layout": {
                "template": TEMPLATE,
                "height": 430,
                "annotations": [
                    heading("change along the step"),
                    heading("its two terms, ⋯ summed", "2"),
                    heading("loss in each eigenvector", "3"),
                    *_mode_names(modes),
                ],
                "xaxis": {"domain": [0, 0.29], "title": {"text": "1 = where it landed"}, "range": [-0.5, 2.0]},
                "yaxis": {"nticks": 6, "zeroline": True, "zerolinecolor": "#8A8A8A"},
                "xaxis2": {
                    "domain": [0.37, 0.63],
                    "anchor": "y2",
                    "range": [-0.6, 2.6],
                    "tickvals": [0, 1, 2],
                    "ticktext": ["slope", "<br>curvature", "happened"],  # the longest one lower, or neighbors would touch
                    "tickangle": 0,
                    "showgrid": False,
                },
                "yaxis2": {"anchor": "x2", "nticks": 6, "zeroline": True, "zerolinecolor": "#8A8A8A"},
                "xaxis3": {"domain": [0.71, 1], "anchor": "y3", "title": {"text": "step"}, "range": [0, max(steps, 1)]},
                "yaxis3": {"anchor": "x3", **loss_axis(lowest, highest)},
            },
        }
    )


NO_MODES = {
    "xref": "x3 domain",
    "yref": "y3 domain",
    "x": 0.5,
    "y": 0.5,
    "text": "No minimum is known<br>at which the loss curves.",
    "showarrow": False,
}
"""What stands in the third plot when there is nothing to draw in it."""

DASHES = ["solid", "dash", "dashdot", "dot", "longdash"]
SAMPLE = ["━━", "╍╍", "━·", "····", "━ ━"]
"""What each dash looks like in a line of text."""


def _mode_color(i: int) -> str:
    return list(COLORS.values())[(7 - i) % 8]


def _mode_lines(modes: Split, axes: dict[str, str]) -> list[dict[str, Any]]:
    """Return a line for each eigenvector, told apart by dash and color."""
    logs, (low, _) = _split_logs(modes), _split_range(modes)
    return [
        {
            "y": np.where(logs[:, i] >= low, logs[:, i], np.nan),
            "mode": "lines",
            "line": {"width": 3, "dash": DASHES[i % 5], "color": _mode_color(i)},
            "hovertemplate": f"λ={value:.4g}, step %{{x}}: 10<sup>%{{y:.2f}}</sup><extra></extra>",
            **axes,
        }
        for i, value in enumerate(modes.eigenvalues)
    ]


def _mode_names(modes: Split) -> list[dict[str, Any]]:
    """Return the eigenvectors' names with their factors: in the corner that the lines leave free."""
    logs = _split_logs(modes)
    if not modes.eigenvalues.size:
        return [NO_MODES]
    with np.errstate(all="ignore"):
        ends = [column[np.isfinite(column)] for column in logs.T]
        rising = any(end.size and end[-1] > end[0] for end in ends)
    names = []
    for i, (value, growth) in enumerate(zip(modes.eigenvalues, modes.growth, strict=True)):
        factor = f": ×{plain(growth, 4)} a step" if np.isfinite(growth) else ""
        y = 0.075 * (len(modes.eigenvalues) - 1 - i)
        names.append(
            {
                "xref": "x3 domain",
                "yref": "y3 domain",
                "x": 0.98 if rising else 0.02,
                "y": y,
                "xanchor": "right" if rising else "left",
                "yanchor": "bottom",
                "text": f'<span style="color:{_mode_color(i)}"><b>{SAMPLE[i % 5]}</b></span> λ={plain(value, 4)}{factor}',
                "showarrow": False,
                "font": {"size": 14},
                "bgcolor": "var(--st-background-color)",
                "borderpad": 1,
            }
        )
    return names


def _point(name: str, symbol: str, color: str, position: str) -> dict[str, Any]:
    return {
        "mode": "markers+text",
        "text": [name],
        "textposition": position,
        "marker": {"symbol": symbol, "size": 13, "color": color, "line": {"width": 3, "color": color}},
        "hoverinfo": "skip",
    }
