"""The network on the shelf: its signature is its control panel."""

from typing import Annotated, Literal

import numpy as np

from explorer.core.data import Seed, Table
from explorer.core.ground.knobs import Knob, knob_table
from explorer.core.ground.size import PATH, check_size
from explorer.core.losses.network import activations, initialization, task
from explorer.core.losses.network.assembly import Style, signals, widest, work
from explorer.core.losses.network.layers import Chain, size
from explorer.core.losses.network.model import Network
from explorer.core.losses.network.task import TABLES, Data, Task
from explorer.core.losses.protocol import LOSSES, Array
from explorer.core.losses.regression import Half, Reduction

MOST_LAYERS = 2000
MOST_WORK = 2_000_000_000  # most multiplications that one pass over the data may take: about a second for one step of one run

KNOBS = knob_table("explorer.core.losses.network")
NETWORK = KNOBS["network"]


@LOSSES
def network(
    hidden: Annotated[tuple[float, ...], NETWORK["hidden"]] = (16, 16),
    activation: Annotated[activations.Name, NETWORK["activation"]] = "tanh",
    data: Annotated[str, Knob(label="data", among=TABLES)] = "moons",
    examples: Annotated[int, NETWORK["examples"]] = 100,
    noise: Annotated[float, NETWORK["noise"]] = 0.2,
    validation: Annotated[int, NETWORK["validation"]] = 0,
    scaling: Annotated[task.Scaling, NETWORK["scaling"]] = "raw",
    standardize_target: Annotated[bool, NETWORK["standardize_target"]] = False,
    objective: Annotated[task.Aim, NETWORK["objective"]] = "fitting",
    reduction: Reduction = "mean",
    half: Half = True,
    naive: Annotated[bool, NETWORK["naive"]] = False,
    initialization: Annotated[initialization.Name, NETWORK["initialization"]] = "glorot_normal",
    hidden_scale: Annotated[float, NETWORK["hidden_scale"]] = 1.0,
    output_scale: Annotated[float, NETWORK["output_scale"]] = 1.0,
    biases: Annotated[bool, NETWORK["biases"]] = True,
    normalization: Annotated[Literal["none", "batch", "layer"], NETWORK["normalization"]] = "none",
    weight_standardization: Annotated[bool, NETWORK["weight_standardization"]] = False,
    skip: Annotated[bool, NETWORK["skip"]] = False,
    dropout: Annotated[float, NETWORK["dropout"]] = 0.0,
    l2: Annotated[float, NETWORK["l2"]] = 0.0,
    repeat: Annotated[int, NETWORK["repeat"]] = 1,
    widen: Annotated[int, NETWORK["widen"]] = 1,
    bad_cell: Annotated[Literal["none", "number", "nan", "inf"], NETWORK["bad_cell"]] = "none",
    bad_value: Annotated[float, NETWORK["bad_value"]] = 100.0,
    wrong_labels: Annotated[float, NETWORK["wrong_labels"]] = 0.0,
    feature_scale: Annotated[float, NETWORK["feature_scale"]] = 1.0,
    dtype: Annotated[Literal["float64", "float32"], NETWORK["dtype"]] = "float64",
    seed: Seed = 0,
) -> Network:
    """A neural network: its curvature changes with every step, so its largest learning rate cannot be known beforehand.

    Fully connected layers, a ← f(W a + b), `repeat` times those of `hidden`, each with `widen` times its units; the last layer is linear,
    and the objective is half or all of the squared error, or cross-entropy. Gradient by backpropagation (Rumelhart, Hinton and Williams
    1986), exact product with the Hessian by the R-operator (Pearlmutter 1994). With `skip`, a ← a + f(W a + b)/√depth where the widths
    allow it. `data` is one of the tables listed or the name of an uploaded one, all its columns. `seed` draws data and weights.

    Raises ValueError for a network too large for its data, classes where there are none, and a validation that leaves nothing.

    >>> net = network(hidden=(3,), data="waves", examples=5, noise=0)
    >>> net.dim, net.blocks
    (10, (('W1', slice(0, 3, None)), ('b1', slice(3, 6, None)), ('W2', slice(6, 9, None)), ('b2', slice(9, 10, None))))
    """
    check_size("repeat", repeat, {"layer": len(hidden)}, MOST_LAYERS)
    widths = [whole("hidden", width) * widen for width in hidden] * repeat
    style = Style(activation, initialization, hidden_scale, output_scale, biases, normalization, weight_standardization, skip, dropout)
    what = Data(data, examples, noise, validation, scaling, standardize_target, bad_cell, bad_value, wrong_labels, feature_scale, seed)
    train, held_out, values = what.split()
    aim = Task.of(values, data, aim=objective, half=half, naive=naive)
    body = style.body(train.features.shape[1], widths, aim.outputs)
    check_work(body, len(train.target))
    return trained(body, style, aim, train, held_out, reduction=reduction, l2=l2, dtype=dtype, seed=seed)


def trained(
    body: Chain,
    style: Style,
    aim: Task,
    train: Table,
    held_out: Table | None,
    *,
    reduction: Literal["mean", "sum"],
    l2: float,
    dtype: str,
    seed: int,
) -> Network:
    """Return the loss of these layers on these tables."""

    def columns(table: Table) -> tuple[Array, Array]:
        return np.ascontiguousarray(table.features.T, dtype=dtype), aim.targets(table.target).astype(dtype)

    X, y = columns(train)
    return Network(
        body,
        aim.objective,
        X,
        y,
        style.start(body, np.random.default_rng(seed)).astype(dtype),
        widest(body, len(X)),
        reduction,
        l2,
        seed if style.dropout else None,
        columns(held_out) if held_out is not None else None,
    )


def check_work(body: Chain, examples: int) -> None:
    """Refuse a network that would take too long over its data, and say what would fit."""
    instead = "; or narrower and fewer layers"
    check_size("examples", examples, {"weight": work(body)}, MOST_WORK, otherwise=instead)
    check_size("examples", examples, {"signal": signals(body)}, PATH, otherwise=instead)
    check_size("weights", size(body), {}, PATH, otherwise=instead)


def whole(name: str, number: float) -> int:
    """Return the number as an int. Raises ValueError if it is not whole."""
    if number % 1:
        raise ValueError(f"{name} must be whole numbers of units, got {number:g}")
    return int(number)
