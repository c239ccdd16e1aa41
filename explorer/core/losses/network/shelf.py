"""The network on the shelf: its signature is its control panel."""

from typing import Annotated, Literal

import numpy as np

from explorer.core.data import Seed, Table
from explorer.core.ground.knobs import Knob
from explorer.core.losses.network import activations, initialization, task
from explorer.core.losses.network.assembly import Style, widest, work
from explorer.core.losses.network.layers import Chain
from explorer.core.losses.network.model import Network
from explorer.core.losses.network.task import TABLES, Data, Task
from explorer.core.losses.protocol import LOSSES, Array
from explorer.core.losses.regression import Half, Reduction

MOST_WORK = 2_000_000_000  # most multiplications that one pass over the data may take: about a second for one step of one run

Hidden = Annotated[
    tuple[float, ...], Knob(1, 64, at_least=1, at_most=4096, label="hidden layers", help="The number of units of each, as in 16, 16.")
]
Repeat = Annotated[
    int, Knob(1, 20, at_least=1, at_most=200, label="repeat the hidden layers", help="10 units repeated 20 times is a deep network.")
]
Widen = Annotated[
    int, Knob(1, 16, at_least=1, at_most=256, label="widen the hidden layers", help="10 units widened 20 times are 200 in each layer.")
]
ActivationName = Annotated[activations.Name, Knob(label="activation", help="What each hidden unit does to its input.")]
DataName = Annotated[str, Knob(label="data", among=TABLES)]
Examples = Annotated[
    int,
    Knob(2, 500, at_least=1, at_most=100_000, label="examples", help="How many are trained on; more than there are means all there are."),
]
Noise = Annotated[float, Knob(at_least=0, label="noise", help="Of the data that are drawn: added to points or targets.")]
Validation = Annotated[
    int, Knob(0, 300, at_least=0, at_most=100_000, label="validation", help="Examples held out to see what was learned.")
]
Scaling = Annotated[
    task.Scaling,
    Knob(label="features", help="As they are; divided by the largest; every column to mean 0; every column to mean 0 and spread 1."),
]
StandardizeTarget = Annotated[bool, Knob(label="standardize the target", help="What is to be predicted: to mean 0 and spread 1.")]
Objective = Annotated[task.Aim, Knob(label="objective", help="fitting: cross-entropy for classes, squared error otherwise.")]
Naive = Annotated[bool, Knob(label="naive logarithm", help="-y log a as it is written: nan once a rounds to 0, while training goes on.")]
Init = Annotated[initialization.Name, Knob(label="initialization", help="How large the first weights are.")]
Scale = Annotated[
    float, Knob(0.01, 10, log=True, at_least=0, label="hidden scale", help="Multiplies the first weights of the hidden layers.")
]
OutputScale = Annotated[
    float, Knob(0.01, 10, log=True, at_least=0, label="output scale", help="Multiplies the first weights of the last layer.")
]
Biases = Annotated[bool, Knob(label="biases", help="A constant in every unit.")]
Normalization = Annotated[
    Literal["none", "batch", "layer"],
    Knob(
        label="normalization",
        help="Every unit to mean 0 and spread 1 over the batch, or every example over the units. The batch is the examples at hand, for"
        " validation those held out: there are no running averages.",
    ),
]
Standardization = Annotated[
    bool, Knob(label="weight standardization", help="The weights of every hidden unit to mean 0 and a spread that keeps the signal's size.")
]
Skip = Annotated[bool, Knob(label="skip connections", help="Adds a layer's input to its output, where both have the same number of units.")]
DropoutRate = Annotated[
    float,
    Knob(
        0,
        0.8,
        at_least=0,
        below=1,
        label="dropout",
        help="Share of hidden units left out. On batches only: for full batch set the batch size to all examples.",
    ),
]
Decay = Annotated[float, Knob(0, 0.1, at_least=0, label="L2 penalty", help="½ of this times the squared weights is added to the loss.")]
BadCell = Annotated[Literal["none", "number", "nan", "inf"], Knob(label="bad cell", help="Replaces one number of one training example.")]
BadValue = Annotated[float, Knob(0, 1e4, label="bad number", help="What that one number becomes.", only_with=("bad_cell", "number"))]
WrongLabels = Annotated[float, Knob(at_least=0, at_most=1, label="wrong labels", help="This share of the examples swap their targets.")]
FeatureScale = Annotated[
    float, Knob(1e-2, 1e3, log=True, above=0, label="scale of the first feature", help="As if it were measured in other units.")
]
Precision = Annotated[Literal["float64", "float32"], Knob(label="precision", help="float32 is twice as fast and overflows at 3e38.")]


@LOSSES
def network(
    hidden: Hidden = (16, 16),
    activation: ActivationName = "tanh",
    data: DataName = "moons",
    examples: Examples = 100,
    noise: Noise = 0.2,
    validation: Validation = 0,
    scaling: Scaling = "raw",
    standardize_target: StandardizeTarget = False,
    objective: Objective = "fitting",
    reduction: Reduction = "mean",
    half: Half = True,
    naive: Naive = False,
    initialization: Init = "glorot_normal",
    hidden_scale: Scale = 1.0,
    output_scale: OutputScale = 1.0,
    biases: Biases = True,
    normalization: Normalization = "none",
    weight_standardization: Standardization = False,
    skip: Skip = False,
    dropout: DropoutRate = 0.0,
    l2: Decay = 0.0,
    repeat: Repeat = 1,
    widen: Widen = 1,
    bad_cell: BadCell = "none",
    bad_value: BadValue = 100.0,
    wrong_labels: WrongLabels = 0.0,
    feature_scale: FeatureScale = 1.0,
    dtype: Precision = "float64",
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
    each = work(body)
    if each * examples > MOST_WORK:
        raise ValueError(
            f"weights × examples must be ≤ {MOST_WORK:,}, got {each:,} × {examples:,};"
            f" {MOST_WORK // each:,} examples would fit, or narrower and fewer layers"
        )


def whole(name: str, number: float) -> int:
    """Return the number as an int. Raises ValueError if it is not whole."""
    if number % 1:
        raise ValueError(f"{name} must be whole numbers of units, got {number:g}")
    return int(number)
