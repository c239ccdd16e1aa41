"""From the knobs to layers and first weights."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from explorer.core.losses.network.activations import ACTIVATIONS
from explorer.core.losses.network.initialization import INITIALIZATIONS
from explorer.core.losses.network.layers import Activate, Chain, Dropout, Layer, Linear, Normalize, Residual, Window, size
from explorer.core.losses.protocol import Array


@dataclass(frozen=True)
class Style:
    """All that the layers of a network have in common."""

    activation: str = "tanh"
    initialization: str = "glorot_normal"
    hidden_scale: float = 1.0
    output_scale: float = 1.0
    biases: bool = True
    normalization: Literal["none", "batch", "layer"] = "none"
    weight_standardization: bool = False
    skip: bool = False
    dropout: float = 0.0

    def hidden(self, linear: Linear) -> list[Layer]:
        layers: list[Layer] = [linear]
        if self.normalization != "none":
            layers.append(Normalize(linear.outputs, self.normalization))
        layers.append(Activate(self.activation))
        if self.dropout:
            layers.append(Dropout(self.dropout, linear.outputs, linear.positions))
        return layers

    def linear(self, inputs: int, outputs: int, *, last: bool = False, window: Window | None = None) -> Linear:
        """Return the linear part of a layer: hidden, or the `last` one."""
        activation = ACTIVATIONS[self.activation]
        multiplier = 1.0
        # The weights of a unit with one input would all be standardized to 0.
        standardized = self.weight_standardization and not last and inputs > 1
        if standardized:
            multiplier = activation.centered_gain / math.sqrt(inputs)
        elif INITIALIZATIONS[self.initialization].in_forward:
            # √2 inside of every activation; the last layer is divided by √fan_in twice (THEORY 49).
            multiplier = 1 / inputs if last else math.sqrt(2 / inputs)
        return Linear(inputs, outputs, self.biases, multiplier, standardized, window)

    def body(self, inputs: int, hidden: Sequence[int], outputs: int) -> Chain:
        """Return a network of fully connected layers; with `skip`, around every hidden layer as wide as the hidden layer before it."""
        layers = self.hidden(self.linear(inputs, hidden[0]))
        for before, width in itertools.pairwise(hidden):
            block = self.hidden(self.linear(before, width))
            layers += [Residual(Chain(tuple(block)), 1 / math.sqrt(len(hidden)))] if self.skip and before == width else block
        return Chain((*layers, self.linear(hidden[-1], outputs, last=True)))

    def start(self, body: Chain, random: np.random.Generator) -> Array:
        """Return the first weights ``(dim,)``, layer by layer as PyTorch draws them: weights, then biases."""
        initialization = INITIALIZATIONS[self.initialization]
        flat = list(_flat(body))
        found = []
        for layer in flat:
            if isinstance(layer, Linear):
                fans = layer.inputs, layer.outputs * (layer.window.width**2 if layer.window else 1)
                scale = self.output_scale if layer is flat[-1] else self.hidden_scale
                found.append(scale * initialization.draw(random, (layer.outputs * layer.inputs,), *fans))
                if layer.bias:
                    drawn = initialization.random_biases
                    found.append(initialization.draw(random, (layer.outputs,), *fans) if drawn else np.zeros(layer.outputs))
            elif isinstance(layer, Normalize):
                found += [np.ones(layer.units), np.zeros(layer.units)]
        return np.concatenate(found)


def _flat(chain: Chain) -> Iterator[Layer]:
    for layer in chain.layers:
        if isinstance(layer, Residual):
            yield from _flat(layer.inner)
        else:
            yield layer


def _linear(body: Chain) -> Iterator[Linear]:
    return (layer for layer in _flat(body) if isinstance(layer, Linear))


def widest(body: Chain, inputs: int) -> int:
    """Return the largest number of signals that one example makes in any layer."""
    return max(inputs, *(max(layer.outputs, layer.inputs) * layer.positions for layer in _linear(body)))


def signals(body: Chain) -> int:
    """Return how many numbers one example makes in all layers together, which a pass keeps for its way back."""
    return sum(layer.outputs * layer.positions for layer in _linear(body))


def work(body: Chain) -> int:
    """Multiplications that one example costs on its way through the network."""
    return sum(size(layer) * layer.positions for layer in _linear(body))
