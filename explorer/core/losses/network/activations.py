"""What a unit does to its input: each activation is one definition with its first two derivatives."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
import scipy  # which loads its parts when they are first used

from explorer.core.ground.elementary import sigmoid, tanh
from explorer.core.losses.protocol import Array

Name = Literal["tanh", "relu", "leaky_relu", "sigmoid", "gelu", "linear"]

LEAK = 0.01  # the slope of a leaky ReLU below 0: PyTorch's default


@dataclass(frozen=True)
class Activation:
    """f, f′ and f″. `value` may overwrite what it is given; `slope` may answer in a second array, `spare`.

    `slope` and `bend` take the output f(z) where it determines them, so that z need not be kept. `gain` is the factor on the weights that
    keeps a signal's size when the weights have mean 0 and variance 1/fan_in (He et al. 2015), and `centered_gain` that which keeps its
    variance when the weights of each unit sum to 0 (Brock et al. 2021, arXiv 2101.08692).
    """

    value: Callable[[Array], Array]
    slope: Callable[..., Array]
    bend: Callable[[Array], Array | float]
    of_input: bool = False  # whether slope and bend want z itself
    steepest: float = 1.0  # the largest slope, which a saturated unit is far from
    gain: float = 1.0
    centered_gain: float = 1.0
    code: tuple[str, str, str] | None = None  # f(z) in numpy, f′ in terms of a = f(z), f(z) in PyTorch: for a program to take away


def _density(z: Array) -> Array:
    return np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)


def _one_minus_square(a: Array, spare: Array | None = None) -> Array:
    s = np.multiply(a, a, out=spare)
    return np.subtract(1, s, out=s)


RELU_GAIN, CENTERED_RELU_GAIN = math.sqrt(2), math.sqrt(2 / (1 - 1 / math.pi))

ACTIVATIONS: Mapping[str, Activation] = MappingProxyType(
    {
        "tanh": Activation(
            lambda z: tanh(z, out=z),
            _one_minus_square,
            lambda a: -2 * a * (1 - a * a),
            code=("np.tanh(z)", "1 - a * a", "torch.tanh(z)"),
        ),
        "relu": Activation(
            lambda z: np.maximum(z, 0, out=z),
            lambda a, spare=None: (a > 0).astype(a.dtype),
            lambda a: 0.0,
            gain=RELU_GAIN,
            centered_gain=CENTERED_RELU_GAIN,
            code=("np.maximum(z, 0)", "a > 0", "torch.relu(z)"),
        ),
        "leaky_relu": Activation(
            lambda z: np.maximum(z, LEAK * z, out=z),
            lambda a, spare=None: np.where(a > 0, 1, LEAK).astype(a.dtype),
            lambda a: 0.0,
            gain=math.sqrt(2 / (1 + LEAK**2)),
            centered_gain=CENTERED_RELU_GAIN,
            code=(f"np.maximum(z, {LEAK} * z)", f"np.where(a > 0, 1, {LEAK})", f"torch.nn.functional.leaky_relu(z, {LEAK})"),
        ),
        "sigmoid": Activation(
            lambda z: sigmoid(z, out=z),
            lambda a, spare=None: a * (1 - a),
            lambda a: a * (1 - a) * (1 - 2 * a),
            steepest=0.25,
            code=("1 / (1 + np.exp(-z))", "a * (1 - a)", "torch.sigmoid(z)"),
        ),
        "gelu": Activation(
            lambda z: z * scipy.special.ndtr(z),  # the exact form, PyTorch's default (Hendrycks and Gimpel 2016, arXiv 1606.08415)
            lambda z, spare=None: scipy.special.ndtr(z) + z * _density(z),
            lambda z: (2 - z * z) * _density(z),
            of_input=True,
            gain=RELU_GAIN,
            centered_gain=CENTERED_RELU_GAIN,
        ),
        "linear": Activation(lambda z: z, lambda a, spare=None: np.ones_like(a), lambda a: 0.0, code=("z", "1", "z")),
    }
)
