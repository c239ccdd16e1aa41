"""The smallest networks, with the runs last: one hidden layer, one output, many runs.

There a matrix product for each run is too small to be worth its call; with the runs last the processor works through them in a row, and the
parameters need not be turned around. The equations are those of `layers`, written out.
"""

from __future__ import annotations

import numpy as np

from explorer.core.losses.network.layers import Activate, Chain, Linear
from explorer.core.losses.network.objectives import Objective
from explorer.core.losses.protocol import Array

MOST_EXAMPLES, MOST_UNITS, FEWEST_RUNS = 512, 64, 32
"""Beyond these the layout with the runs first is the faster one, or no slower (measured at 16 inputs and 16 units)."""

CHUNK = 2**20
"""Bytes of the hidden signals of the runs that are computed at once: what a core's own cache holds."""


def fits(body: Chain, X: Array) -> bool:
    """Whether a network on these inputs ``(inputs, examples)`` is one of the smallest."""
    match body.layers:
        case (Linear(standardized=False, window=None) as first, Activate() as middle, Linear(outputs=1)):
            return not middle.activation.of_input and X.shape[1] <= MOST_EXAMPLES and first.outputs <= MOST_UNITS
    return False


def value_and_gradient(body: Chain, objective: Objective, X: Array, y: Array, scale: float, x: Array) -> tuple[Array, Array]:
    """The loss and its gradient, as `Network.value_and_gradient` without a penalty: ``(dim, runs) -> (runs,), (dim, runs)``."""
    first = body.layers[0]
    assert isinstance(first, Linear)
    runs = x.shape[1]
    value, gradient = np.empty(runs, x.dtype), np.empty_like(x, order="C")
    at_once = max(CHUNK // (first.outputs * X.shape[1] * x.itemsize), 1)
    for begin in range(0, runs, at_once):
        some = slice(begin, begin + at_once)
        value[some] = _chunk(body, objective, X, y, scale, np.ascontiguousarray(x[:, some]), gradient[:, some])
    return value, gradient


def _chunk(body: Chain, objective: Objective, X: Array, y: Array, scale: float, x: Array, g: Array) -> Array:
    """The loss of a few runs; fills in `g`. Signals are ``(units, examples, runs)``."""
    first, middle, last = body.layers
    assert isinstance(first, Linear)
    assert isinstance(middle, Activate)
    assert isinstance(last, Linear)
    h, i = first.outputs, first.inputs
    cut, _, bottom = h * i, body.slices[1], body.slices[2].start
    X = first.multiplier * X
    a = np.matmul(X.T, x[:cut].reshape(h, i, -1))
    if first.bias:
        a += x[cut:bottom, np.newaxis]
    a = middle.activation.value(a)
    w = last.multiplier * x[bottom : bottom + h]
    z = np.einsum("hr,hnr->nr", w, a)
    if last.bias:
        z += x[-1]
    value, slope = objective.value_and_slope(z.T[:, np.newaxis], y, scale)
    d = np.ascontiguousarray(slope[:, 0].T)
    g[bottom : bottom + h] = last.multiplier * np.einsum("nr,hnr->hr", d, a)
    if last.bias:
        g[-1] = d.sum(axis=0)
    delta = middle.activation.slope(a)
    delta *= w[:, np.newaxis]
    delta *= d
    g[:cut] = np.matmul(X, delta).reshape(cut, -1)
    if first.bias:
        g[cut:bottom] = delta.sum(axis=1)
    return value
