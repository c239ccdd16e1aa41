"""What can be measured on a network while it trains: functions of a loss and points, each cheap enough for every few steps."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.core.losses.protocol import Array, Facts, Loss
from explorer.core.optimizers import length

SATURATED = 0.05  # share of the activation's largest slope below which a unit is saturated on an example; dead if so on every one


def block_norms(loss: Loss, gradient: Array) -> dict[str, Array]:
    """The Euclidean length of the gradient ``(dim, runs)`` in each block of parameters: name -> ``(runs,)``.

    >>> from explorer import LOSSES
    >>> net = LOSSES["network"](hidden=(2,), initialization="zero")
    >>> _, gradient = net.value_and_gradient(net.start[:, np.newaxis])
    >>> {name: float(norm[0]) for name, norm in block_norms(net, gradient).items() if name.startswith("W")}
    {'W1': 0.0, 'W2': 0.0}
    """
    return {name: length(gradient[where]) for name, where in Facts(loss).groups}


def update_ratios(loss: Loss, before: Array, after: Array) -> dict[str, Array]:
    """How far a step moved each block, relative to its own length: name -> ``(runs,)``; about 1e-3 is healthy (a rule of thumb).

    Infinite where a block was 0 and moved, 0 where it did not move.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = {name: (length(after[where] - before[where]), length(before[where])) for name, where in Facts(loss).groups}
        return {name: np.where(step == 0, 0.0, step / size) for name, (step, size) in moved.items()}


@dataclass(frozen=True, eq=False)
class Activity:
    """What the units of one hidden layer do over the examples; every array is ``(runs,)``."""

    saturated: Array  # the share of units × examples with a slope below `SATURATED` of the activation's largest
    dead: Array  # the share of units without any slope on any example: no gradient reaches their weights any more


def activity(loss: Any, x: Array) -> list[Activity]:
    """The activity of each hidden layer of a network at the points ``(dim, runs)``, from the input to the output.

    >>> from explorer import LOSSES
    >>> net = LOSSES["network"](hidden=(4, 4), activation="relu")
    >>> x = net.start.copy()
    >>> x[dict(net.blocks)["b2"]] = -100                       # far below anything that the layer before can say
    >>> [layer.dead[0].item() for layer in activity(net, x[:, np.newaxis])]
    [0.0, 1.0]
    """
    found = []
    with np.errstate(all="ignore"):
        for activation, signal in loss.signals(x):
            flat = ~(np.abs(activation.slope(signal)) > SATURATED * activation.steepest)
            found.append(Activity(flat.mean(axis=(1, 2)), flat.all(axis=2).mean(axis=1)))
    return found


@dataclass(frozen=True, eq=False)
class Score:
    """How well a network does; every array is ``(runs,)``, nan where it has no meaning (no validation, no classes)."""

    loss: Array
    penalty: Array
    accuracy: Array
    validation_loss: Array
    validation_accuracy: Array
    best_constant: float  # of the best answer that ignores the input: a loss that stays there has learned nothing


def score(loss: Any, x: Array) -> Score:
    """The data loss, the penalty and the accuracy of a network at the points ``(dim, runs)``, on its examples and those held out.

    >>> from explorer import LOSSES
    >>> net = LOSSES["network"](initialization="zero", validation=50)
    >>> found = score(net, net.start[:, np.newaxis])
    >>> bool(found.loss[0] >= found.best_constant), found.validation_accuracy.shape
    (True, (1,))
    """
    nothing: NDArray[np.float64] = np.full(x.shape[1], np.nan)
    held_out = loss.validation
    with np.errstate(all="ignore"):
        return Score(
            loss.data_loss(x),
            loss.penalty(x),
            loss.accuracy(x),
            nothing if held_out is None else held_out.value(x),
            nothing if held_out is None else held_out.accuracy(x),
            loss.best_constant,
        )
