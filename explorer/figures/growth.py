"""What grew before a run became inf or nan: loss, gradient, weights and layers over the steps, and which of them went first."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.core.ground.prose import plain
from explorer.core.verdict.forensics import Forensics, Growth
from explorer.figures.stage import LOWEST, crosses, thin
from explorer.figures.theme import BLUE, GREEN, ORANGE, TEXT, VERMILION, Array, Part, legend, line, margins, marks, plot
from explorer.figures.ticks import ends, logs, loss_axis

LOOKS = {"loss": (BLUE, "solid"), "gradient": (ORANGE, "dash"), "largest weight": (GREEN, "dot")}
"""Color and dash of each quantity; layers are thin lines in the color of the text."""

DASHES = ("dashdot", "longdash", "longdashdot")

NARROW = {"height": 520, **margins(60, 8, 150, 60), "legend": {"font": {"size": 13}}}


def draw(grown: Growth, found: Forensics) -> tuple[go.Figure, str]:
    """Return the figure, with a cross where each quantity became inf or nan, and what it shows in words."""
    drawn = {name: np.maximum(logs(sizes), LOWEST) for name, (_, sizes) in grown.items()}
    low, high = ends(*drawn.values())
    margin = max(0.06 * (high - low), 0.3)
    traces = [_line(name, steps, drawn[name], sizes) for name, (steps, sizes) in grown.items()]
    for name, (looked_at, sizes) in grown.items():
        lost = np.flatnonzero(~np.isfinite(sizes))[:60]  # the first few dozen
        if lost.size:
            what, color = f"{name}, step", LOOKS.get(name, (TEXT, ""))[0]
            traces.append(crosses(color, high + margin, x=looked_at[lost], values=sizes[lost], what=what) | {"showlegend": False})
    ceased = _ceased(grown)
    if ceased:  # each at the last point that it has, where its line ends without a cross
        last = {name: int(np.flatnonzero(np.isfinite(drawn[name]))[-1]) for name in ceased if np.isfinite(drawn[name]).any()}
        at = {"x": [grown[name][0][i] for name, i in last.items()], "y": [drawn[name][i] for name, i in last.items()]}
        said = [f"{name} 0 from step {ceased[name]:,} on" for name in last]
        traces.append(marks(TEXT, "circle-open", size=9, name="0 from here on", text=said, textposition="middle right", **at) | NAMED)
    if found.step >= 0:  # where the first quantity became inf or nan
        hover = f"step {found.step:,}: the {found.quantity} is the first that is no finite number<extra></extra>"
        name, at = f"{found.quantity} leaves first", {"x": [found.step] * 2, "y": [low - margin, high + 2 * margin]}
        traces.insert(0, line(VERMILION, 2, dash="dash", name=name, hovertemplate=hover, **at))
    up, layout = loss_axis(low - margin, high + 2 * margin), {"height": 440, **legend(1.1, yanchor="bottom"), **margins(84, 16, 96, 60)}
    return plot(traces, {"nticks": 8}, up, names=("step", "size"), **layout), _words(grown, ceased, found)


NAMED: Part = {"mode": "markers+text", "showlegend": False, "hoverinfo": "text", "cliponaxis": False}


def _ceased(grown: Growth) -> dict[str, int]:
    """Return from which step on a quantity is exactly 0 to the end, which a logarithm cannot show; nothing of one that always was."""
    last = {name: np.flatnonzero(sizes)[-1:] for name, (_, sizes) in grown.items()}
    return {
        name: int(steps[last[name][0] + 1]) for name, (steps, sizes) in grown.items() if last[name].size and last[name][0] < len(sizes) - 1
    }


def _line(name: str, steps: NDArray[np.intp], drawn: Array, sizes: Array) -> Part:
    number = int(name.split()[-1]) if name.startswith("layer") else 0
    color, dash = LOOKS.get(name, (TEXT, DASHES[(number - 1) % len(DASHES)]))
    at = thin(len(steps) - 1)
    return line(color, 1.5 if number else 3, dash=dash, x=steps[at], y=drawn[at], name=name) | {
        "mode": "lines+markers" if len(at) < 60 else "lines",
        "marker": {"size": 3 if number else 6, "color": color},
        "text": [plain(float(each)) for each in sizes[at]],
        "hovertemplate": f"{name}, step %{{x}}: %{{text}}<extra></extra>",
    }


def _words(grown: Growth, ceased: dict[str, int], found: Forensics) -> str:
    """Return what the picture shows, for screen readers."""
    ends = []
    for name, (_, sizes) in grown.items():
        finite = sizes[np.isfinite(sizes)]
        ends.append(f"{name} from {plain(float(finite[0]))} to {plain(float(finite[-1]))}" if finite.size else f"{name} never finite")
    zeros = [f"{name} is 0 from step {step:,} on" for name, step in ceased.items()]
    return f"What the run computes, over its steps. {found.sentence}. As far as finite: {'; '.join(ends + zeros)}."
