"""Somebody's own network in numpy, exactly as their code defines it, bug included."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

from explorer.core.data import DATA, Seed
from explorer.core.losses.network import Network
from explorer.core.losses.network.assembly import Style, widest
from explorer.core.losses.network.objectives import TwoClasses
from explorer.core.losses.network.shelf import KNOBS
from explorer.core.losses.network.task import SCALINGS, Scaling
from explorer.core.losses.protocol import LOSSES, Array, of_one_or_many
from explorer.core.losses.written import Written

HIDDEN = (128, 64)
HOMEMADE = KNOBS["homemade"]


@of_one_or_many
@dataclass(frozen=True, eq=False)
class Homemade(Network):
    """A network whose gradient by b1 is what the code computes: with `mended` False, one sum over examples and units for all biases.

    Value and Hessian are those of the true loss.
    """

    mended: bool = True

    @property
    def written(self) -> Written | None:
        return super().written if self.mended else None

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        value, gradient = super().value_and_gradient(x)
        if not self.mended:
            b1 = dict(self.blocks)["b1"]
            gradient[b1] = gradient[b1].sum(axis=0)  # db1 = np.sum(dZ1, keepdims=True) / m
        return value, gradient


@LOSSES
def homemade_network(
    data: Annotated[Literal["moons", "breast_cancer"], HOMEMADE["data"]] = "moons",
    examples: Annotated[int, HOMEMADE["examples"]] = 150,
    noise: Annotated[float, HOMEMADE["noise"]] = 0.2,
    features: Annotated[Scaling, HOMEMADE["features"]] = "raw",
    bias: Annotated[Literal["mended", "as_written"], HOMEMADE["bias"]] = "mended",
    naive: Annotated[bool, HOMEMADE["naive"]] = False,
    hidden_scale: Annotated[float, HOMEMADE["hidden_scale"]] = 1.0,
    output_scale: Annotated[float, HOMEMADE["output_scale"]] = 1.0,
    dropout: Annotated[float, HOMEMADE["dropout"]] = 0.0,
    l2: Annotated[float, HOMEMADE["l2"]] = 0.0,
    seed: Seed = 4,
) -> Homemade:
    """A network that somebody wrote by hand: its loss jumps at a high rate, and one line of its gradient is wrong.

    Two hidden layers of 128 and 64 tanh units and a sigmoid output, with cross-entropy: the question "my numpy network's loss rises when I
    raise the rate from 0.01 to 1", CASES Q8. W1 = rand, W2 = randn and W3 = randn in that order from RandomState(`seed`), biases 0; the
    weights are neither centered nor scaled by their number, so that many units begin saturated. `bias` puts back the missing axis=1.

    >>> homemade_network().blocks[0]
    ('W1', slice(0, 256, None))
    """
    table = DATA[data](examples=examples, noise=noise) if data == "moons" else DATA[data]()
    table = SCALINGS[features](table)
    X, y = np.ascontiguousarray(table.features.T), np.where(table.target > 0, 1.0, 0.0)[np.newaxis]
    body = Style("tanh", dropout=dropout).body(len(X), HIDDEN, 1)
    start = first_weights(len(X), seed, hidden_scale, output_scale)
    mask_seed, mended = seed if dropout else None, bias == "mended"
    return Homemade(body, TwoClasses(naive), X, y, start, widest(body, len(X)), l2=l2, dropout_seed=mask_seed, mended=mended)


def first_weights(inputs: int, seed: int, hidden_scale: float, output_scale: float) -> Array:
    """Return the question's draws, in its order; each matrix is (units, inputs of a unit)."""
    random = np.random.RandomState(seed)
    first, second = HIDDEN
    W1, W2, W3 = random.rand(first, inputs), random.randn(second, first), random.randn(1, second)
    parts = [hidden_scale * W1, np.zeros(first), hidden_scale * W2, np.zeros(second), output_scale * W3, np.zeros(1)]
    return np.concatenate([part.ravel() for part in parts])
