"""Plain networks: fully connected layers with activations between them, and nothing else. The equations of `layers`, written out.

A third of a step on a small batch would be Python that finds out what kind of layer comes next; here it is known beforehand.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from explorer.core.losses.network.activations import Activation
from explorer.core.losses.network.layers import Activate, Chain, Linear, back, outer, over_examples
from explorer.core.losses.network.objectives import Objective
from explorer.core.losses.protocol import Array


class Dense(NamedTuple):
    """A fully connected layer: where its parameters are, the shape of its weights, and the activation after it (None at the end)."""

    weights: slice
    bias: slice
    shape: tuple[int, int]
    multiplier: float
    activation: Activation | None

    @property
    def has_bias(self) -> bool:
        return self.bias.stop > self.bias.start


Plan = tuple[Dense, ...]


@functools.lru_cache(maxsize=64)
def plan(body: Chain) -> Plan | None:
    """The layers of a plain network; None for any other."""
    found = []
    for layer, after, where in zip(body.layers, [*body.layers[1:], None], body.slices, strict=True):
        match layer, after:
            case Linear(standardized=False, window=None), None:
                activation = None
            case Linear(standardized=False, window=None), Activate() if not after.activation.of_input:
                activation = after.activation
            case Activate(), Linear():
                continue
            case _:
                return None
        cut = where.start + layer.outputs * layer.inputs
        weights, bias = slice(where.start, cut), slice(cut, where.stop)
        found.append(Dense(weights, bias, (layer.outputs, layer.inputs), layer.multiplier, activation))
    return tuple(found)


def value_and_gradient(plan: Plan, objective: Objective, X: Array, y: Array, scale: float, p: Array, g: Array) -> Array:
    """The loss ``(runs,)`` at the parameters `p` ``(runs, dim)``, without a penalty; fills in its gradient `g`, of the same shape."""
    a, inputs, matrices = X, [], []
    for layer in plan:
        W = p[:, layer.weights].reshape(-1, *layer.shape)
        if layer.multiplier != 1:
            W = layer.multiplier * W
        inputs.append(a)
        matrices.append(W)
        a = W @ a
        if layer.has_bias:
            a += p[:, layer.bias, np.newaxis]
        if layer.activation is not None:
            a = layer.activation.value(a)
    value, d = objective.value_and_slope(a, y, scale)
    for i in reversed(range(len(plan))):
        layer, a = plan[i], inputs[i]
        dW = outer(d, a, out=g[:, layer.weights].reshape(-1, *layer.shape))
        if layer.multiplier != 1:
            dW *= layer.multiplier
        if layer.has_bias:
            g[:, layer.bias] = over_examples(d)
        if i:
            d = back(matrices[i], d)
            d *= plan[i - 1].activation.slope(a, a)  # type: ignore[union-attr]
    return value
