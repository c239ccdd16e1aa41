"""A small convolutional network for images of 8 × 8 digits."""

from typing import Annotated, Literal

from explorer.core.data import Seed
from explorer.core.ground.checks import must
from explorer.core.losses.network import Network, activations, initialization
from explorer.core.losses.network.assembly import Style
from explorer.core.losses.network.layers import Chain, Layer, Window
from explorer.core.losses.network.shelf import KNOBS, check_work, trained, whole
from explorer.core.losses.network.task import Data, Task
from explorer.core.losses.protocol import LOSSES
from explorer.core.losses.regression import Reduction

SIDE = 8  # the digits are 8 × 8 pixels
NETWORK, CONVOLUTION = KNOBS["network"], KNOBS["convolution"]


@LOSSES
def convolution(
    channels: Annotated[tuple[float, ...], CONVOLUTION["channels"]] = (2, 2),
    units: Annotated[int, CONVOLUTION["units"]] = 4,
    kernel: Annotated[int, CONVOLUTION["kernel"]] = 3,
    activation: Annotated[activations.Name, NETWORK["activation"]] = "tanh",
    examples: Annotated[int, CONVOLUTION["examples"]] = 20,
    validation: Annotated[int, NETWORK["validation"]] = 0,
    scaling: Annotated[Literal["unit", "raw", "centered", "standardized"], CONVOLUTION["scaling"]] = "unit",
    reduction: Reduction = "mean",
    naive: Annotated[bool, NETWORK["naive"]] = False,
    initialization: Annotated[initialization.Name, NETWORK["initialization"]] = "glorot_normal",
    hidden_scale: Annotated[float, NETWORK["hidden_scale"]] = 1.0,
    output_scale: Annotated[float, NETWORK["output_scale"]] = 1.0,
    biases: Annotated[bool, NETWORK["biases"]] = True,
    normalization: Annotated[Literal["none", "batch"], CONVOLUTION["normalization"]] = "none",
    weight_standardization: Annotated[bool, NETWORK["weight_standardization"]] = False,
    dropout: Annotated[float, NETWORK["dropout"]] = 0.0,
    l2: Annotated[float, NETWORK["l2"]] = 0.0,
    bad_cell: Annotated[Literal["none", "number", "nan", "inf"], NETWORK["bad_cell"]] = "none",
    bad_value: Annotated[float, NETWORK["bad_value"]] = 100.0,
    wrong_labels: Annotated[float, NETWORK["wrong_labels"]] = 0.0,
    dtype: Annotated[Literal["float64", "float32"], NETWORK["dtype"]] = "float64",
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
