"""Where weights begin: each initialization is one variance and one shape of the distribution."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from explorer.core.losses.protocol import Array

Name = Literal[
    "pytorch", "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal", "zero", "mean_field",
]  # fmt: skip


@dataclass(frozen=True)
class Initialization:
    """Independent weights of mean 0 and variance `gain` / (`ins` · fan_in + `outs` · fan_out)."""

    gain: int
    ins: int = 1
    outs: int = 0
    uniform: bool = False  # instead of normal
    random_biases: bool = False  # biases are drawn from the same distribution, instead of being 0
    in_forward: bool = False  # weights of size 1: 1/√fan_in is in the network, so in the gradient and the rate too

    def draw(self, random: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        deviation = 1.0 if self.in_forward else (self.gain / (self.ins * fan_in + self.outs * fan_out)) ** 0.5
        if self.uniform:
            return random.uniform(-1, 1, shape) * (3**0.5 * deviation)
        return random.standard_normal(shape) * deviation


INITIALIZATIONS: Mapping[str, Initialization] = MappingProxyType(
    {
        # torch.nn.Linear: U(±1/√fan_in) for weights and biases alike, hence variance 1/(3 fan_in).
        "pytorch": Initialization(1, ins=3, uniform=True, random_biases=True),
        # Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", section 4.2.1.
        "glorot_uniform": Initialization(2, outs=1, uniform=True),
        "glorot_normal": Initialization(2, outs=1),
        # He et al. 2015, arXiv 1502.01852, section 2.2.
        "he_uniform": Initialization(2, uniform=True),
        "he_normal": Initialization(2),
        # LeCun et al. 1998, "Efficient BackProp", section 4.6.
        "lecun_uniform": Initialization(1, uniform=True),
        "lecun_normal": Initialization(1),
        "zero": Initialization(0),
        # Sohl-Dickstein 2024, arXiv 2402.06184: N(0, 1).
        "mean_field": Initialization(1, in_forward=True),
    }
)
