"""The density of a Hessian's eigenvalues: how many lie where, on a logarithmic scale, as Ghorbani et al. 2019 draw it."""

import numpy as np
import plotly.graph_objects as go

from explorer.core.ground.checks import must
from explorer.core.theory.spectrum import Density
from explorer.figures.theme import BLUE, line, margins, plot
from explorer.figures.ticks import logs, loss_axis

POINTS = 600  # of the curve
DECADES = 8.0  # powers of ten below the highest point that are drawn


def draw(found: Density) -> go.Figure:
    """Return the smoothed density against the eigenvalue. Raises ValueError where the Hessian is not finite."""
    if not np.isfinite(found.eigenvalues).all():
        raise must("the eigenvalues", "finite to be drawn", "nan: the Hessian is not finite at this point")
    low, high = float(found.eigenvalues.min()), float(found.eigenvalues.max())
    room = 0.05 * ((high - low) or abs(high) or 1.0)
    grid = np.linspace(low - room, high + room, POINTS)
    heights = logs(found.on(grid))
    top = float(np.nanmax(heights, initial=-np.inf)) if np.isfinite(heights).any() else 0.0
    hover = "λ = %{x:.3g}: 10<sup>%{y:.2f}</sup><extra></extra>"
    traces = [line(BLUE, 3, x=grid, y=np.fmax(heights, top - DECADES), hovertemplate=hover)]
    up, names = loss_axis(top - DECADES - 0.2, top + 0.3), ("eigenvalue λ of the Hessian", "density of eigenvalues")
    return plot(traces, {"nticks": 8}, up, names=names, height=420, **margins(84, 16, 48, 60))
