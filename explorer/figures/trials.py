"""The ruler of a network: the loss at the end of a short training against its rate, and a ring that follows the slider."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from explorer.core.networks.trials import Trials
from explorer.figures.stage import LOWEST, RING
from explorer.figures.sweep import ROOF, verdict_marks
from explorer.figures.theme import QUIET, TEXT, line, margins, plot
from explorer.figures.ticks import logs, loss_axis


def draw(found: Trials) -> tuple[go.Figure, list[dict[str, Any]]]:
    """Return the figure, and a frame for each rate of the ruler, whether it was tried or not: across are the ruler's own positions."""
    rates, tried = found.ruler.rates, np.flatnonzero(found.tried)
    heights = logs(np.maximum(found.final[tried], 10**LOWEST))
    finite = heights[np.isfinite(heights)]
    low, high = (float(finite.min()), float(np.percentile(finite, 95))) if finite.size else (0.0, 1.0)
    roof = high + ROOF / 2
    height = np.where(np.isfinite(heights), np.minimum(heights, roof), roof)
    words = [f"rate {rate:.4g}: {found.words[i]}" for i, rate in zip(tried, rates[tried], strict=True)]
    curve = line(TEXT, 1, x=tried, y=height, text=words, hovertemplate="%{text}<extra></extra>", cliponaxis=False)
    curve |= verdict_marks(found.verdict[tried])
    places = np.arange(rates.size)
    at = np.interp(places, tried, height)
    frames = [{"data": [{"x": places[i : i + 1], "y": at[i : i + 1]}], "traces": [1], "layout": {}} for i in range(rates.size)]
    known = rates > 0  # a rate of 0 has its place on the ruler, and no logarithm
    across = loss_axis(*np.log10(rates[known][[0, -1]]))
    bottom, top = low - 0.1 * (roof - low), roof + 0.1 * (roof - low)
    critical = [line(TEXT, 2, dash="dash", x=[mark, mark], y=[bottom, top], **QUIET) for mark in found.ruler.marks.values()]
    across |= {"range": [0, rates.size - 1], "tickvals": np.interp(across["tickvals"], np.log10(rates[known]), places[known])}
    up, names = loss_axis(bottom, top, most=4), ("learning rate", "loss at the end (✕: inf or nan)")
    return plot([curve, RING, *critical], across, up, names=names, height=240, **margins(72, 32, 36, 56)), frames
