"""The loss shelf: one file a family; importing a family registers its losses."""

from explorer.core.losses import (
    convolution,
    formula,
    homemade,
    logistic,
    network,
    quadratic,
    random_network,
    regression,
    scalar,
    surfaces,
    uv,
)
from explorer.core.losses.protocol import LOSSES, DataLoss, Facts, Loss
from explorer.core.losses.wrapped import Pointwise, from_function

__all__ = [
    "LOSSES", "DataLoss", "Facts", "Loss", "Pointwise", "convolution", "formula", "from_function", "homemade", "logistic", "network",
    "quadratic", "random_network", "regression", "scalar", "surfaces", "uv",
]  # fmt: skip
