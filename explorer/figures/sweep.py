"""The sweep: what became of every rate, for several rules and seeds, with theory's edges and the cliff that was found."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.colors import hex_to_rgb

from explorer.core.ground.prose import plain
from explorer.core.run.finder import RateFinder
from explorer.core.verdict.verdict import Outcome, Verdict
from explorer.figures.race import LOOKS
from explorer.figures.stage import log_loss
from explorer.figures.theme import COLORS, QUIET, TEXT, Array, Part, axes, figure, heading, legend, line, margins, marks, on, plot, stacked
from explorer.figures.ticks import ends, log_axis, logs, loss_axis, lowest

ROOF = 1.5  # decades above the highest finite loss at which runs that became inf or nan are drawn

SYMBOLS = {
    Verdict.CONVERGED: "circle",
    Verdict.CONVERGING: "circle-open",
    Verdict.SLOW: "triangle-left-open",
    Verdict.OSCILLATING: "diamond",
    Verdict.NOISY: "star-open",
    Verdict.STUCK: "square-open",
    Verdict.CATAPULT: "triangle-up",
    Verdict.DIVERGED: "x",
}

_FEWER = {"domain": [0, 1], "nticks": 4}
NARROW = stacked(860, (0.58, 1), (0, 0.4)) | {"legend": {"y": 1.06, "yanchor": "bottom"}, "xaxis": _FEWER, "xaxis2": _FEWER}
ALONE = {"height": 420, **legend(1.1, yanchor="bottom"), **margins(72, 16, 84, 60)}  # the layout of a single plot


@dataclass(frozen=True, eq=False)
class Band:
    """What a sweep found for one rule.

    Rates ``(n,)``, final losses ``(seeds, n)``, the verdicts of the first seed ``(n,)``, factors per step measured and predicted ``(n,)``;
    theory's edge and the bracket of the measured one, nan where there is none.
    """

    name: str
    rates: Array
    final: Array
    verdict: NDArray[np.object_]
    measured: Array
    predicted: Array
    edge: float
    cliff: tuple[float, float]

    @property
    def middle(self) -> float:
        """The measured edge: the middle of its bracket."""
        return float(np.sqrt(self.cliff[0] * self.cliff[1]))


def draw(bands: Sequence[Band], finder: RateFinder | None = None) -> go.Figure:
    """Final loss to the left, growth per step to the right, both against the learning rate."""
    finite = np.concatenate([np.log10(band.final[np.isfinite(band.final) & (band.final > 0)]) for band in bands])
    low, high = (max(float(finite.min()), -30.0), float(np.percentile(finite, 98))) if finite.size else (0.0, 1.0)
    roof = min(high, low + 40) + ROOF
    least = lowest(np.concatenate([band.final.ravel() for band in bands]), low - 1e-9)
    least = (low - ROOF, least[1]) if least else None
    floor = least[0] if least else low
    traces = [trace for i, band in enumerate(bands) for trace in (*_losses(band, i, floor, roof), *_growth(band, i))]
    if finder is not None:
        heights = np.minimum(logs(np.maximum(finder.losses, 10.0**floor)), roof)
        hover = "finder, at η = %{x:.3g}: 10<sup>%{y:.2f}</sup><extra></extra>"
        traces.append(line(TEXT, 2, dash="dot", x=finder.rates, y=heights, name="learning-rate finder", hovertemplate=hover))
    rates = np.log10(np.concatenate([band.rates for band in bands]))
    rate = {"title": {"text": "learning rate"}, **log_axis(float(rates.min()) - 0.1, float(rates.max()) + 0.1)}
    loss = loss_axis(floor - 0.5, roof + 0.4, least=least)
    layout = {
        "height": 500,
        **legend(1.24),
        **margins(72, 16, 104, 60),
        "shapes": [shape for i, band in enumerate(bands) for shape in _edges(band, i)],
        "annotations": [heading("↑ loss at the end (✕: inf or nan)"), heading("↑ factor per step (line: theory)", "2")],
        **axes("", {"domain": [0, 0.47], **rate}, loss),
        **axes("2", {"domain": [0.56, 1], "matches": "x", **rate}, {"range": [-0.02, 2.5], "nticks": 6}),
    }
    return figure(traces, layout)


def outcomes(found: Outcome) -> go.Figure:
    """Return the loss at the end of every run of a sweep against its rate; against its number where the rates are alike or unknown."""
    rates = found.learning_rate
    by_rate = rates is not None and np.unique(rates).size > 1
    at = np.asarray(rates if by_rate else np.arange(found.verdict.size), dtype=float)
    lost = ~np.isfinite(found.final_loss) | (found.first_nonfinite >= 0)
    heights = np.where(lost, np.nan, log_loss(found.final_loss))
    low, high = ends(heights)
    roof = min(high, low + 40) + ROOF
    heights = np.where(lost, roof, heights.clip(max=roof))
    order = np.argsort(at, kind="stable")
    traces = [line(TEXT, 1, x=at[order], y=heights[order], showlegend=False, **QUIET)]
    for verdict in dict.fromkeys(found.verdict[order].tolist()):
        here = order[found.verdict[order] == verdict]
        words = [f"{'η =' if by_rate else 'run'} {plain(at[i], 4)}: {verdict}, loss {plain(float(found.final_loss[i]), 4)}" for i in here]
        mark = marks(COLORS[verdict], SYMBOLS[verdict], size=9, x=at[here], y=heights[here], name=f"{verdict} ({here.size:,})")
        traces.append(mark | {"text": words, "hovertemplate": "%{text}<extra></extra>", "showlegend": True})
    powers = by_rate and bool((at > 0).all())
    across = log_axis(*np.log10([at.min() / 1.25, at.max() * 1.25])) if powers else {"nticks": 8}
    up = loss_axis(low - 0.5, roof + 0.4, signed=bool(np.nanmin(np.where(lost, 0.0, found.final_loss), initial=0) < 0))
    return plot(traces, across, up, names=("learning rate" if by_rate else "run", "loss at the end (top: inf or nan)"), **ALONE)


def found_rates(found: RateFinder) -> go.Figure:
    """Return the curve of a learning-rate finder, with the two rates that libraries read off it."""
    heights = log_loss(found.losses)
    low, high = ends(heights)
    hover = "η = %{x:.3g}: 10<sup>%{y:.2f}</sup><extra></extra>"
    traces = [line(TEXT, 3, x=found.rates, y=heights, showlegend=False, hovertemplate=hover)]
    for name, rate, dash in (("steepest", found.steepest, "dash"), ("a tenth of the lowest", found.tenth, "dot")):
        if np.isfinite(rate):
            traces.append(line(LOOKS[0][0], 2, dash=dash, x=[rate, rate], y=[low, high], name=f"{name}: {plain(rate)}", **QUIET))
    if found.rates.size == 1:  # a line has no length there
        traces[0] |= {"mode": "markers", "marker": {"size": 9, "color": TEXT}}
    reach = np.log10([min([found.rates[0], *(each for each in (found.tenth,) if each > 0)]), found.rates[-1]])
    up = loss_axis(low - 0.2, high + 0.2, signed=bool((found.losses < 0).any()))
    return plot(traces, log_axis(float(reach[0]) - 0.1, float(reach[1]) + 0.1), up, names=("learning rate", "loss"), **ALONE)


def verdict_marks(verdicts: NDArray[np.object_]) -> Part:
    """What makes a line one with a mark at each point, in the color and the shape of its verdict."""
    marker = {"size": 9, "symbol": [SYMBOLS[each] for each in verdicts], "color": [COLORS[each] for each in verdicts]}
    return {"mode": "lines+markers", "marker": marker}


def _losses(band: Band, i: int, floor: float, roof: float) -> list[Part]:
    color, dash, _ = LOOKS[i % len(LOOKS)]
    with np.errstate(all="ignore"):
        heights = np.where(np.isfinite(band.final), np.log10(np.maximum(band.final, 10.0**floor)), roof).clip(max=roof)
    words = [f"{band.name}, η = {plain(rate, 4)}: {verdict}" for rate, verdict in zip(band.rates, band.verdict, strict=True)]
    curve = line(color, 2, dash=dash, x=band.rates, y=np.median(heights, axis=0), name=band.name, legendgroup=band.name, text=words)
    curve |= verdict_marks(band.verdict) | {"showlegend": False}
    named = line(color, 2, dash=dash, x=[None], y=[None], name=band.name, legendgroup=band.name)  # the rule's line, and nobody's verdict
    curve |= {"customdata": _opens(band), "hovertemplate": "%{text}<br>loss 10<sup>%{y:.2f}</sup><extra></extra>"}
    if len(heights) == 1:
        return [named, curve]
    x, y = np.concatenate([band.rates, band.rates[::-1]]), np.concatenate([heights.max(axis=0), heights.min(axis=0)[::-1]])
    pale = f"rgba{(*hex_to_rgb(color), 0.18)}".replace(" ", "")
    seeds = {"mode": "lines", "line": {"width": 0}, "fill": "toself", "fillcolor": pale, "showlegend": False}
    return [{"x": x, "y": y, **seeds, **QUIET}, named, curve]


def _growth(band: Band, i: int) -> list[Part]:
    color, dash, symbol = LOOKS[i % len(LOOKS)]
    shown = np.where(band.measured <= 2.5, band.measured, np.nan)
    told = [f"×{plain(each, 5)} a step" if np.isfinite(each) else "too few steps to measure a factor" for each in band.measured]
    words = [f"{band.name}, η = {plain(rate, 4)}: {factor}" for rate, factor in zip(band.rates, told, strict=True)]
    seen = marks(color, symbol, size=7, x=band.rates, y=shown, text=words, customdata=_opens(band), hovertemplate="%{text}<extra></extra>")
    theory = line(color, 2, dash=dash, x=band.rates, y=band.predicted, **QUIET)
    one = line(TEXT, 1, x=band.rates[[0, -1]], y=[1, 1], **QUIET)
    return [trace | on("2") | {"legendgroup": band.name, "showlegend": False} for trace in (theory, seen, one)]


def _opens(band: Band) -> list[list[Any]]:
    """What a click on a point says: the rule, and the rate."""
    return [[band.name, float(rate)] for rate in band.rates]


def _edges(band: Band, i: int) -> list[Part]:
    """Return a thick line where the cliff was found, theory's edge dashed over it, in both plots."""
    color = LOOKS[i % len(LOOKS)][0]
    found = [(band.middle, "solid", 5, 0.35), (band.edge, "dash", 2, 1.0)]
    ends = {"type": "line", "y0": 0, "y1": 1}
    return [
        {**ends, "xref": f"x{plot}", "yref": f"y{plot} domain", "x0": at, "x1": at, "opacity": opacity}
        | {"line": {"color": color, "width": width, "dash": dash}}
        for plot in ("", "2")
        for at, dash, width, opacity in found
        if np.isfinite(at)
    ]
