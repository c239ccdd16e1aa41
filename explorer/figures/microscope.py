"""One step under a microscope, and the loss split by eigenvector: why the loss went up or down."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from explorer.core.ground.prose import plain
from explorer.core.run.descent import Trajectory
from explorer.core.theory.curvature import SecondOrder, second_orders
from explorer.core.theory.growth import Split
from explorer.figures import theme
from explorer.figures.stage import named
from explorer.figures.theme import BLUE, GREEN, ORANGE, QUIET, TEXT, VERMILION, Array, Part, axes, heading, line, on, stacked, unchecked
from explorer.figures.ticks import ends, logs, loss_axis

MOST_STEPS = 48  # a longer run can be looked at in this many places, closer together early on
MOST_MODES = 5  # most eigenvectors drawn: the steepest first, and always the flattest
DRAWABLE = 1e280  # steps to where the loss is larger are left out: the parabola's terms would overflow before the loss does
VISIBLE = 1e-9  # a step whose slope is less than this share of the steepest step's counts as no step
SAMPLES = np.linspace(-0.5, 2.0, 51)  # where the loss is drawn along a step, in lengths of that step
MOST_AT_ONCE = 200_000  # numbers of the points along several steps that are looked at together
LINE = 19  # pixels: the height of a name's line
NARROW = stacked(1180, (0.77, 1), (0.385, 0.615), (0, 0.23))


@dataclass(frozen=True, eq=False)
class Microscope:
    """A figure with a frame for each step looked at, what each shows in words, and the table of the eigenvectors."""

    figure: Part
    frames: list[Part]
    steps: list[int]
    words: list[str]
    modes: dict[str, Array]
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
    at_once = max(MOST_AT_ONCE // (x.shape[1] * SAMPLES.size), 1)
    chosen = [steps[first : first + at_once] for first in range(0, len(steps), at_once)]
    each = [look for some in chosen for look in _looks(trajectory, x[some].T, x[np.add(some, 1)].T - x[some].T)]
    modes = Split.of(trajectory.objective, trajectory.optimizer, x, rate=float(trajectory.learning_rate[run]), most=MOST_MODES)
    up = list(_split_range(modes))
    frames = [_frame(*look, step, up) for step, look in zip(steps, each, strict=True)]
    plain_step = trajectory.optimizer.is_plain
    words = [_words(step, look[2], plain_step=plain_step) for step, look in zip(steps, each, strict=True)]
    uphill = [i for i, look in enumerate(each) if look[2].actual > 0]
    slopes = np.abs([look[2].slope for look in each])
    worse = not finite.all() or trajectory.loss[-1, run] > trajectory.loss[0, run]
    telling = uphill[0] if uphill and worse else int(np.flatnonzero(slopes >= VISIBLE * slopes.max())[-1])
    columns = {"curvature λ": modes.eigenvalues, "factor per step": modes.growth, "part of the loss at the start": modes.share[0]}
    return Microscope(_figure(modes), frames, steps, words, columns, telling)


def _places(usable: int) -> list[int]:
    if usable <= MOST_STEPS:
        return list(range(usable))
    early = MOST_STEPS // 2
    return [int(step) for step in np.unique(np.concatenate([np.arange(early), np.geomspace(early, usable - 1, early).round()]))]


def _looks(trajectory: Trajectory, x: Array, moves: Array) -> Iterator[tuple[Array, Array, SecondOrder]]:
    """Return for each step from `x` ``(dim, steps)`` the change of the loss along it, the parabola's ``(samples,)``, and its terms."""
    loss = trajectory.objective
    with np.errstate(all="ignore"):
        along = loss.value((x[:, :, np.newaxis] + moves[:, :, np.newaxis] * SAMPLES).reshape(len(x), -1)).reshape(-1, SAMPLES.size)
        changes = along - loss.value(x)[:, np.newaxis]
        terms = second_orders(loss, x, moves)
        parabolas = [each.slope * SAMPLES + each.bend * SAMPLES**2 for each in terms]
    return zip(changes, parabolas, terms, strict=True)


def _words(step: int, terms: SecondOrder, *, plain_step: bool) -> str:
    if terms.slope == terms.bend == 0:
        return f"**Step {step + 1:,}**: the gradient is 0 here, or too small for a number, so the loss stays."
    along = "−ε gᵀg" if plain_step else "gᵀΔ"
    expected, seen = ("rise" if change > 0 else "fall" if change else "stay" for change in (terms.predicted, terms.actual))
    if expected == seen == "stay":
        verdict = "so the loss stays"
    elif expected == seen and abs(terms.actual - terms.predicted) <= 0.5 * abs(terms.predicted):
        verdict = f"so the loss {seen}s by {plain(abs(terms.actual))} (predicted: {plain(terms.predicted, sign=True)})"
    else:
        should, really = (f" by {plain(abs(each))}" if each else "" for each in (terms.predicted, terms.actual))
        verdict = f"so the loss should {expected}{should}; it {seen}s{really}, for the step is too long for these two terms"
    return (
        f"**Step {step + 1:,}**: the slope gives {along} = {plain(terms.slope, sign=True)}, the curvature adds"
        f" {plain(terms.bend, sign=terms.bend != 0)}; {_larger(terms)}, {verdict}."
    )


def _larger(terms: SecondOrder) -> str:
    """Return which of the two terms decides."""
    if terms.bend == 0:
        return "there is no curvature"
    if terms.slope * terms.bend >= 0:
        return f"both point {'up' if terms.predicted > 0 else 'down'}"
    if plain(abs(terms.bend)) == plain(abs(terms.slope)):
        return "to three digits the two cancel"
    return "the second outgrows the first" if abs(terms.bend) > abs(terms.slope) else "the first is the larger"


def _scaled(*values: Array) -> tuple[float, float]:
    """Return a window that shows what matters: the middle of the curves, never the far end of one that shoots off."""
    low, high = ends(*(np.where(np.abs(each) < 1e300, each, np.nan) for each in values), otherwise=(0.0, 0.0))
    low, high = min(low, 0.0), max(high, 0.0)
    margin = 0.12 * (high - low) or 1.0
    return low - margin, high + margin


def _frame(change: Array, model: Array, terms: SecondOrder, step: int, up: list[float]) -> Part:
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
            {"x": [step + 1, step + 1], "y": up},
        ],
        "traces": list(range(11)),
        "layout": {"yaxis": {"range": [low, high]}, "yaxis2": {"range": [1.25 * bar_low, 1.25 * bar_high]}},
    }


def _clear(bar: float, lined: bool) -> str:
    text = plain(bar, sign=bar != 0)
    return text if not lined else f" <br>{text}" if bar < 0 else f"{text}<br> "


def _split_range(modes: Split) -> tuple[float, float]:
    heights = logs(np.abs(modes.share))
    if not np.isfinite(heights).any():
        return 0.0, 1.0
    high = float(np.nanmax(heights))
    low = max(float(np.nanmin(heights)), float(np.nanmax(heights[0], initial=-np.inf)) - 24 if np.isfinite(heights[0]).any() else -np.inf)
    margin = max(0.08 * (high - low), 0.3)
    return low - margin, high + margin


def _figure(modes: Split) -> Part:
    """Return the figure: the traces in the order in which a frame fills them, then a line for each eigenvector."""
    traces: list[Part] = [
        line(ORANGE, 3, dash="dash", x=SAMPLES),
        line(TEXT, 2, x=SAMPLES),
        named("lowest", "diamond-open", color=GREEN, position="bottom center", width=3),
        named("from", "circle-open", color=BLUE, position="top center", width=3) | {"x": [0.0]},
        named("landed", "x", color=VERMILION, position="top center", width=3) | {"x": [1.0]},
        *(line(color, 34, x=[i, i], **on("2")) for i, color in enumerate((BLUE, VERMILION, "#8A8A8A"))),
        line(TEXT, 3, dash="dot", x=[1.6, 2.4], **on("2")),
        {"x": [0, 1, 2], "mode": "text", "textfont": {"size": 14}, "cliponaxis": False, **on("2")},
        line(TEXT, 1, dash="dot", **on("3")),
    ]
    zero = {"nticks": 5, "zeroline": True, "zerolinecolor": "#8A8A8A"}
    bars = {"range": [-0.6, 2.6], "tickvals": [0, 1, 2], "showgrid": False}
    bars["ticktext"] = ["slope", "<br>curvature", "happened"]  # the longest one lower, or neighbors would touch
    steps = {"title": {"text": "step"}, "range": [0, max(len(modes.share) - 1, 1)]}
    headings = ("change along the step", ""), ("its two terms, ⋯ summed", "2"), ("loss in each eigenvector", "3")
    layout = {
        "height": 430,
        "annotations": [*(heading(*each) for each in headings), *_mode_names(modes)],
        **axes("", {"domain": [0, 0.29], "title": {"text": "1 = where it landed"}, "range": [-0.6, 2.1]}, zero),
        **axes("2", {"domain": [0.37, 0.63], **bars}, zero),
        **axes("3", {"domain": [0.71, 1], **steps}, loss_axis(*_split_range(modes))),
    }
    return unchecked([*(trace | QUIET for trace in traces), *_mode_lines(modes)], layout)


CORNER = {"xref": "x3 domain", "yref": "y3 domain", "showarrow": False}

NO_MODES = CORNER | {"x": 0.5, "y": 0.5, "text": "No minimum is known<br>at which the loss curves."}
"""What stands in the third plot when there is nothing to draw in it."""

MODES = list(zip(reversed(theme.COLORS.values()), theme.SAMPLES, strict=False))  # the color and the dash of each eigenvector


def _mode_lines(modes: Split) -> list[Part]:
    """Return a line for each eigenvector, told apart by dash and color."""
    heights, (low, _) = logs(np.abs(modes.share)), _split_range(modes)
    heights = np.where(heights >= low, heights, np.nan)
    hovers = [f"λ={value:.4g}, step %{{x}}: 10<sup>%{{y:.2f}}</sup><extra></extra>" for value in modes.eigenvalues]
    looks = zip(MODES, heights.T, hovers, strict=False)
    return [line(color, 3, dash=dash, y=height, hovertemplate=hover, **on("3")) for (color, dash), height, hover in looks]


def _mode_names(modes: Split) -> list[Part]:
    """Return the eigenvectors' names with their factors: in the corner that the lines leave free."""
    if not modes.eigenvalues.size:
        return [NO_MODES]
    seen = [column[np.isfinite(column)] for column in logs(np.abs(modes.share)).T]
    rising = any(each.size and each[-1] > each[0] for each in seen)
    corner = CORNER | ({"x": 0.98, "xanchor": "right"} if rising else {"x": 0.02, "xanchor": "left"})
    corner |= {"yanchor": "bottom", "font": {"size": 14}, "bgcolor": theme.GROUND, "borderpad": 1}
    names = []
    for i, (value, growth) in enumerate(zip(modes.eigenvalues, modes.growth, strict=True)):
        factor = f": ×{plain(growth, 4)} a step" if np.isfinite(growth) else ""
        text = theme.sampled(*MODES[i], f"λ={plain(value, 4)}{factor}")
        names.append(corner | {"y": 0.02, "yshift": LINE * (len(modes.eigenvalues) - 1 - i), "text": text})
    return names
