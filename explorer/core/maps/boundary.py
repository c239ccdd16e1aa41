"""Theory's lines on a map, and whether the runs agree with them."""

import functools
from dataclasses import dataclass, replace

import numpy as np
import scipy

from explorer.core.losses.protocol import Array, DataLoss, Facts
from explorer.core.maps.canvas import Canvas
from explorer.core.maps.map import Map, with_knob
from explorer.core.maps.tile import VERDICTS
from explorer.core.run.setup import RESCUES, Setup
from explorer.core.theory.edge import Edge
from explorer.core.theory.noise import MOST_DIMENSIONS, SecondMoment, batch_variance_share
from explorer.core.verdict.verdict import Verdict

MOST_EDGES, FEW_EDGES, CHEAP = 512, 33, 50  # most points of a line: fewer where a Hessian has more than `CHEAP` dimensions


@dataclass(frozen=True, eq=False)
class Line:
    """Where theory puts a boundary: points ``(n,)`` in the map's units, and in words. `exact` if it decides which runs diverge."""

    name: str
    x: Array
    y: Array
    exact: bool


@functools.lru_cache(maxsize=64)
def lines(plan: Map) -> tuple[Line, ...]:
    """Theory's boundaries on a map that has the learning rate on one axis: the edge for each value of the other knob.

    >>> from explorer.core.maps.map import Axis
    >>> plan = Map(Setup("x_squared", "momentum"), Axis("learning_rate", 0, 2, count=4), Axis("optimizer.momentum", 0, 1, count=4))
    >>> [line] = lines(plan)
    >>> line.name, line.x, line.y    # ηλ = 2(1 + β), λ = 2
    ('theory: the edge 2(1 + β)/λ', array([1.125, 1.375, 1.625, 1.875]), array([0.125, 0.375, 0.625, 0.875]))
    """
    rates = [axis for axis in (plan.x, plan.y) if axis.knob == "learning_rate"]
    if not rates:
        return ()
    other = plan.y if plan.x.knob == "learning_rate" else plan.x
    dim, _ = plan.largest
    most = MOST_EDGES if dim <= CHEAP else FEW_EDGES
    at = other.values if other.size <= most else other.at(np.linspace(0, 1, most + 2)[1:-1])
    setups = [with_knob(plan.setup, other.knob, float(value)) for value in at]
    found: list[Line] = []
    for name, edges, exact in (_edges(setups, other.knob), _divergence(setups), _in_mean_square(setups)):
        if np.isfinite(edges).any():
            x, y = (edges, at) if plan.x.knob == "learning_rate" else (at, edges)
            found.append(Line(name, x, y, exact))
    return tuple(found)


Edges = tuple[str, Array, bool]


def _edges(setups: list[Setup], knob: str) -> Edges:
    first, edges = setups[0], list[Edge]()
    one = not knob.startswith(("loss.", "start")) and Facts(first.make_loss()).edge_curvature is None  # Hessian, at one point
    for setup in setups:
        rule = setup.make_optimizer()
        known = edges[0].curvature if edges and one and rule.preconditioner is None else None
        edges.append(Edge.of(setup.make_loss(), rule, setup.initial_point, curvature=known))
    steady = first.batch_size is None and first.gradient_noise == 0 and first.schedule == "constant" and not first.warmup_steps
    exact = all(edge.exact for edge in edges) and steady and knob not in ("batch_size", "gradient_noise", "steps", "warmup_steps", *RESCUES)
    facts, rule, ball = Facts(first.make_loss()), first.make_optimizer(), setups[-1].make_optimizer().recurrence
    heavy = rule.preconditioner is None and not ball.is_plain and bool(np.all((ball.trace_h == 1) & (ball.det_h == 0)))
    word = "theory: the edge" + " 2(1 + β)/λ" * heavy
    if facts.divergence_rate is not None and rule.is_plain:
        word, exact = "theory: the minimum turns unstable", False
    elif not exact:
        local = rule.preconditioner is not None or facts.minimizer is None or facts.edge_curvature is not None
        word += " at the start" if local and np.isfinite(rule.recurrence.edge) else ""
        word += " of all examples" if first.batch_size is not None or knob == "batch_size" else ""
    return word, np.array([edge.rate for edge in edges]), exact


def _divergence(setups: list[Setup]) -> Edges:
    """Where runs diverge, if that is another rate than the one where the minimum turns unstable."""
    first = setups[0]
    plain_descent = first.make_optimizer().is_plain and first == first.without_rescues()
    bounded = Facts(first.make_loss()).divergence_rate
    if bounded is None or not plain_descent or first.gradient_noise:
        return "", np.array([np.nan]), False
    return "theory: runs diverge", bounded(np.array([setup.initial_point for setup in setups]).T), True


def _in_mean_square(setups: list[Setup]) -> Edges:
    """Where mini-batches stop converging in the mean square, for gradient descent on least squares."""
    sizes = [setup.batch_size for setup in setups]
    loss = setups[0].make_loss()
    least_squares = Facts(loss).is_quadratic and Facts(loss).averages
    alike = len({replace(setup, batch_size=None) for setup in setups}) == 1
    minimizer = Facts(loss).minimizer
    if None in sizes or not (least_squares and alike and setups[0].make_optimizer().is_plain) or loss.dim > MOST_DIMENSIONS:
        return "", np.array([np.nan]), False
    if minimizer is None or not np.isfinite(minimizer).all():
        return "", np.array([np.nan]), False
    assert isinstance(loss, DataLoss)
    whole = SecondMoment.of(loss, minimizer, 1)
    shares = [batch_variance_share(loss.examples, size or 1, replacement=setups[0].replacement) for size in sizes]
    return "theory: the mean square grows", np.array([replace(whole, share=share).largest_rate for share in shares]), False


@dataclass(frozen=True)
class Agreement:
    """Pixels that theory predicts `right`, out of the finished `pixels` more than one away from its line."""

    right: int
    pixels: int


def agreement(plan: Map, canvas: Canvas) -> Agreement | None:
    """Whether runs diverge where theory says so; None where no theory decides it.

    >>> from explorer.core.maps.map import Axis
    >>> plan = Map(Setup("x_squared"), Axis("learning_rate", 0, 2, count=8), Axis("start.0", 1, 2, count=4))
    >>> from explorer.core.maps.render import render
    >>> canvas = Canvas.blank(plan)
    >>> _ = list(render(plan, canvas))
    >>> agreement(plan, canvas)
    Agreement(right=24, pixels=24)
    """
    exact = [line for line in lines(plan) if line.exact]
    if not exact or max(plan.x.size, plan.y.size) > MOST_EDGES:
        return None
    line = exact[-1]
    across = plan.x.knob == "learning_rate"
    beyond = plan.x.values > line.x[:, np.newaxis] if across else plan.y.values[:, np.newaxis] > line.y
    square = np.ones((3, 3))
    clear = scipy.ndimage.minimum_filter(beyond, footprint=square) == scipy.ndimage.maximum_filter(beyond, footprint=square)
    counted = clear & canvas.done
    diverged = canvas.codes == VERDICTS.index(Verdict.DIVERGED)
    return Agreement(int((counted & (diverged == beyond)).sum()), int(counted.sum()))
