"""The loss shelf: one file a family; importing a family registers its losses."""

from __future__ import annotations

from explorer.core.losses import quadratic, regression, scalar, surfaces
from explorer.core.losses.protocol import LOSSES, DataLoss, Loss

__all__ = ["LOSSES", "DataLoss", "Loss", "quadratic", "regression", "scalar", "surfaces"]
