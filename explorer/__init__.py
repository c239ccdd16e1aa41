"""Where the learning rate stops working, what happens there, and why: for any loss and any optimizer."""

from explorer.core.descent import Trajectory, run
from explorer.core.losses import LOSSES, Loss
from explorer.core.optimizers import OPTIMIZERS, Optimizer
from explorer.core.schedules import SCHEDULES

__all__ = ["LOSSES", "OPTIMIZERS", "SCHEDULES", "Loss", "Optimizer", "Trajectory", "run"]
