"""Where weights begin: each initialization is one variance and one shape of the distribution."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from explorer.core.losses.protocol import Array

Name = Literal[
    "pytorch",
    "glorot_uniform",
    "glorot_normal",
    "he_uniform",
    "he_normal",
    "lecun_uniform",
    "lecun_normal",
    "zero",
    "mean_field",
]


@dataclass(frozen=True)
class Initialization:
    """Independent weights of mean 0: their variance from (fan_in, fan_out), normal or uniform.

    `random_biases`: biases are drawn from the same distribution, instead of being 0. `in_forward`: the weights are of size 1 and the
    usual 1/√fan_in is in the network itself, so that it is in the gradient and the learning rate too ("mean field").
    """

    variance: Callable[[int, int], float]
    uniform: bool = False
    random_biases: bool = False
    in_forward: bool = False

    def draw(self, random: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        """Return random numbers of that shape for a layer with this fan-in and fan-out."""
        deviation = self.variance(fan_in, fan_out) ** 0.5
        if self.uniform:
            return random.uniform(-1, 1, shape) * (3**0.5 * deviation)
        return random.standard_normal(shape) * deviation


def _glorot(fan_in: int, fan_out: int) -> float:
    return 2 / (fan_in + fan_out)


def _he(fan_in: int, fan_out: int) -> float:
    return 2 / fan_in


def _lecun(fan_in: int, fan_out: int) -> float:
    return 1 / fan_in


INITIALIZATIONS: Mapping[str, Initialization] = MappingProxyType(
    {
        # torch.nn.Linear: U(±1/√fan_in) for weights and biases alike, hence variance 1/(3 fan_in).
        "pytorch": Initialization(lambda fan_in, fan_out: 1 / (3 * fan_in), uniform=True, random_biases=True),
        # Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", section 4.2.1.
        "glorot_uniform": Initialization(_glorot, uniform=True),
        "glorot_normal": Initialization(_glorot),
        # He et al. 2015, arXiv 1502.01852, section 2.2.
        "he_uniform": Initialization(_he, uniform=True),
        "he_normal": Initialization(_he),
        # LeCun et al. 1998, "Efficient BackProp", section 4.6.
        "lecun_uniform": Initialization(_lecun, uniform=True),
        "lecun_normal": Initialization(_lecun),
        "zero": Initialization(lambda fan_in, fan_out: 0.0),
        # Sohl-Dickstein 2024, arXiv 2402.06184: N(0, 1).
        "mean_field": Initialization(lambda fan_in, fan_out: 1.0, in_forward=True),
    }
)
