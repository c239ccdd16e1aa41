"""The learning-rate ruler: which rates it carries, and theory's marks on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_UP, Context

import numpy as np

from explorer.core.losses.protocol import Array, Facts, Loss
from explorer.core.optimizers import Optimizer
from explorer.core.theory.curvature import spectrum
from explorer.core.theory.edge import Edge, best_learning_rate

RATES = 140  # about how many are on a ruler
POSITIONS = 101  # rates evenly spaced (in factors) over the ruler's length, plus extra positions near the marks
SMALLEST, LARGEST = float(np.finfo(np.float64).tiny), float(np.finfo(np.float64).max) / 2  # of float64, with room
AROUND = (0.001, 0.003, 0.01, 0.03, 0.06, 0.1)  # rates this far to either side of the edge are on the ruler too, as shares of it


@dataclass(frozen=True, eq=False)
class Ruler:
    """The rates ``(n,)`` in order, theory's marks (name -> position among them), and the edge."""

    rates: Array
    marks: dict[str, int]
    edge: Edge

    def position(self, learning_rate: float) -> int:
        """Return the position of the rate nearest to `learning_rate` (in factors)."""
        with np.errstate(divide="ignore"):
            distance = np.abs(np.log(self.rates) - np.log(learning_rate)) if learning_rate > 0 else self.rates
        return int(np.nanargmin(distance))


@np.errstate(all="ignore")
def ruler(loss: Loss, optimizer: Optimizer, start: Array, learning_rate: float, more: Mapping[str, float] | None = None) -> Ruler:
    """Return the ruler for a run from `start` ``(dim,)``: at least 121 rates around the edge, the chosen one among them.

    `more` are further marks, by name.

    >>> from explorer import LOSSES, OPTIMIZERS
    >>> r = ruler(LOSSES["x_squared"](), OPTIMIZERS["gradient_descent"](), np.array([1.0]), 0.9)
    >>> {name: float(r.rates[position]) for name, position in r.marks.items()}
    {'1/λ': 0.5, 'best': 0.5, 'edge': 1.0}
    """
    edge = Edge.of(loss, optimizer, start)
    named = _named(loss, optimizer, start, edge) | {name: rate for name, rate in (more or {}).items() if 0 < rate < LARGEST}
    low, high = (_short(end) for end in _ends(loss, optimizer, start, edge))
    if learning_rate > 0:
        low, high = min(low, learning_rate), min(max(high, learning_rate), LARGEST)
    beside = [(edge.rate * (1 + side * share), side) for share in AROUND for side in (-1, 1) if edge.rate * (1 + share) < LARGEST]
    fine = [_short(rate, 5, ROUND_UP if side < 0 else ROUND_DOWN) for rate, side in beside]  # no farther from the edge
    extra = [*named.values(), *fine, learning_rate]
    even = np.array([_short(rate) for rate in np.geomspace(low, high, max(POSITIONS, 121 - len(fine)) + len(named) + 8)])
    away = np.abs(even[:, np.newaxis] / np.array([*named.values(), *fine]) - 1).min(axis=1, initial=np.inf)
    rates = np.unique(np.concatenate([even[away > 1e-9], extra]))  # no even rate nearly repeats an exact one
    return Ruler(rates, {name: int(np.searchsorted(rates, rate)) for name, rate in named.items()}, edge)


def _short(rate: float, digits: int = 3, rounding: str = ROUND_HALF_EVEN) -> float:
    """Return a rate in few digits, for a link: the even ones lie 6 % apart, those around the edge 0.1 %; marks stay exact."""
    return float(Context(prec=digits, rounding=rounding).create_decimal(f"{rate:.12g}"))


def _named(loss: Loss, optimizer: Optimizer, start: Array, edge: Edge) -> dict[str, float]:
    """Theory's marks for this loss and optimizer, by the name they carry on the ruler."""
    if not np.isfinite(edge.rate):
        return {}
    minimizer, closed_form = Facts(loss).minimizer, Facts(loss).edge_curvature
    if optimizer.preconditioner is not None or minimizer is None or closed_form is not None:
        return {"edge" if optimizer.preconditioner is None else "edge at the start": edge.rate}
    best = float("nan") if optimizer.measured else best_learning_rate(optimizer, spectrum(loss, minimizer)[0])
    one = {"1/λ": float(edge.rate / optimizer.recurrence.edge)} if edge.curvature > 0 else {}
    return one | ({"best": best} if np.isfinite(best) else {}) | {"edge": edge.rate}


def _ends(loss: Loss, optimizer: Optimizer, start: Array, edge: Edge) -> tuple[float, float]:
    """Return where the ruler begins and ends: around the edge, or around the distance to go if steps have a fixed length."""
    if np.isfinite(edge.rate) and optimizer.preconditioner is None:
        return max(edge.rate / 100, SMALLEST), min(edge.rate * 10, LARGEST)
    minimizer = Facts(loss).minimizer
    distance = float(np.abs(start - (0 if minimizer is None else minimizer)).max()) or 1.0
    return max(distance * 1e-4, SMALLEST), min(distance * 1e2, LARGEST)
