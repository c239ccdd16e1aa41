"""Where the learning rate stops working, what happens there, and why: for any loss and any optimizer."""

from explorer.core.descent import Trajectory, run
from explorer.core.diagnosis import Diagnosis, diagnose
from explorer.core.gradient_check import GradientCheck, check_gradient
from explorer.core.losses import LOSSES, Loss, from_function
from explorer.core.optimizers import OPTIMIZERS, Optimizer
from explorer.core.schedules import SCHEDULES, Schedule
from explorer.core.setup import Setup
from explorer.core.stability import critical_learning_rate
from explorer.core.sweep import Stopped, find_edge, sweep
from explorer.core.verdict import Outcome, Verdict, judge

__all__ = [
    "LOSSES",
    "OPTIMIZERS",
    "SCHEDULES",
    "Diagnosis",
    "GradientCheck",
    "Loss",
    "Optimizer",
    "Outcome",
    "Schedule",
    "Setup",
    "Stopped",
    "Trajectory",
    "Verdict",
    "check_gradient",
    "critical_learning_rate",
    "diagnose",
    "find_edge",
    "from_function",
    "judge",
    "run",
    "sweep",
]
