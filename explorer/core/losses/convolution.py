"""A small convolutional network for images of 8 × 8 digits."""

from typing import Annotated, Literal

from explorer.core.data import Seed
from explorer.core.ground.knobs import Knob, must
from explorer.core.losses.network import Network, shelf
from explorer.core.losses.network.assembly import Style
from explorer.core.losses.network.layers import Chain, Layer, Window
from explorer.core.losses.network.shelf import check_work, trained, whole
from explorer.core.losses.network.task import Data, Task
from explorer.core.losses.protocol import LOSSES
from explorer.core.losses.regression import Reduction

SIDE = 8  # the digits are 8 × 8 pixels

Channels = Annotated[
    tuple[float, ...],
    Knob(1, 16, at_least=1, at_most=256, label="channels", help="Kinds of patterns that each convolution looks for, as in 8, 16."),
]
Dense = Annotated[int, Knob(1, 64, at_least=1, at_most=1024, label="units", help="Of the fully connected layer after the convolutions.")]
Kernel = Annotated[int, Knob(1, 5, at_least=1, at_most=SIDE, label="window", help="Side of the square of pixels that a unit sees.")]
Examples = Annotated[int, Knob(10, 400, at_least=1, at_most=100_000, label="examples", help="How many digits are trained on.")]
Scaling = Annotated[
    Literal["unit", "raw", "centered", "standardized"],
    Knob(label="pixels", help="unit: from 0 to 1; raw: from 0 to 16, which makes the curvature of the first layer 256 times as large."),
]
Normalization = Annotated[
    Literal["none", "batch"], Knob(label="normalization", help="Every channel to mean 0 and spread 1 over the batch and all positions.")
]


@LOSSES
def convolution(
    channels: Channels = (2, 2),
    units: Dense = 4,
    kernel: Kernel = 3,
    activation: shelf.ActivationName = "tanh",
    examples: Examples = 20,
    validation: shelf.Validation = 0,
    scaling: Scaling = "unit",
    reduction: Reduction = "mean",
    naive: shelf.Naive = False,
    initialization: shelf.Init = "glorot_normal",
    hidden_scale: shelf.Scale = 1.0,
    output_scale: shelf.OutputScale = 1.0,
    biases: shelf.Biases = True,
    normalization: Normalization = "none",
    weight_standardization: shelf.Standardization = False,
    dropout: shelf.DropoutRate = 0.0,
    l2: shelf.Decay = 0.0,
    bad_cell: shelf.BadCell = "none",
    bad_value: shelf.BadValue = 100.0,
    wrong_labels: shelf.WrongLabels = 0.0,
    dtype: shelf.Precision = "float64",
    seed: Seed = 0,
) -> Network:
    """A network that sees images through small windows: raw pixels alone can make its curvature too large for any usual rate.

    Convolutions of `kernel` × `kernel` without padding, one fully connected layer of `units`, and cross-entropy over the ten digits (LeCun
    et al. 1998, "Gradient-based learning applied to document recognition"). channels=(8, 16) and units=32 with ReLU
    is the network of CASES S5.

    Raises ValueError for windows that leave no image, and as `network` does.

    >>> [name for name, _ in convolution().blocks]
    ['W1', 'b1', 'W2', 'b2', 'W3', 'b3', 'W4', 'b4']
    """
    style = Style(
        activation=activation,
        initialization=initialization,
        hidden_scale=hidden_scale,
        output_scale=output_scale,
        biases=biases,
        normalization=normalization,
        weight_standardization=weight_standardization,
        dropout=dropout,
    )
    data = Data("digits", examples, 0.0, validation, scaling, bad_cell=bad_cell, bad_value=bad_value, wrong_labels=wrong_labels, seed=seed)
    train, held_out, values = data.split()
    task = Task.of(values, "digits", naive=naive)
    body = images(style, [whole("channels", each) for each in channels], units, kernel, task.outputs)
    check_work(body, len(train.target))
    return trained(body, style, task, train, held_out, reduction=reduction, l2=l2, dtype=dtype, seed=seed)


def images(style: Style, channels: list[int], units: int, kernel: int, outputs: int) -> Chain:
    """Return the layers for images of `SIDE` × `SIDE` pixels. Raises ValueError if the windows leave no pixel."""
    layers: list[Layer] = []
    side, depth = SIDE, 1
    for width in channels:
        window = Window(depth, side, kernel)
        if window.out_side < 1:
            most = (SIDE - 1) // (kernel - 1)
            raise must(
                "channels",
                f"at most {most} convolutions of {kernel} × {kernel}, or no pixel is left of {SIDE} × {SIDE}",
                f"{len(channels)}",
            )
        layers += style.hidden(style.linear(depth * kernel**2, width, window=window))
        side, depth = window.out_side, width
    layers += style.hidden(style.linear(depth * side**2, units))
    return Chain((*layers, style.linear(units, outputs, last=True)))
