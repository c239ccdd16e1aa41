"""The public names: what `import explorer` offers."""

from explorer.core.diagnosis.diagnosis import Diagnosis, diagnose
from explorer.core.diagnosis.monitor import Monitor
from explorer.core.files.logs import LogFile, read_log
from explorer.core.ground.halt import Stopped
from explorer.core.losses import LOSSES, Loss, from_function
from explorer.core.maps.canvas import Canvas
from explorer.core.maps.map import Axis, Map
from explorer.core.maps.render import render
from explorer.core.optimizers import OPTIMIZERS, Optimizer, clipped
from explorer.core.run.bracket import find_edge
from explorer.core.run.descent import Trajectory, run
from explorer.core.run.finder import RateFinder, find_rate
from explorer.core.run.safe_rate import SafeRate, safe_rate
from explorer.core.run.setup import Setup
from explorer.core.run.sweep import sweep
from explorer.core.schedules import SCHEDULES, Schedule, after_warmup
from explorer.core.theory.edge import critical_learning_rate
from explorer.core.theory.gradient_check import GradientCheck, check_gradient
from explorer.core.theory.spectrum import Density, Trace, density, sharpness, top_eigenvalues, trace
from explorer.core.verdict.forensics import Forensics, why_nan
from explorer.core.verdict.verdict import Outcome, Verdict, judge

__all__ = [
    "LOSSES", "OPTIMIZERS", "SCHEDULES", "Axis", "Canvas", "Density", "Diagnosis", "Forensics", "GradientCheck", "LogFile", "Loss", "Map",
    "Monitor", "Optimizer", "Outcome", "RateFinder", "SafeRate", "Schedule", "Setup", "Stopped", "Trace", "Trajectory", "Verdict",
    "after_warmup", "check_gradient", "clipped", "critical_learning_rate", "density", "diagnose", "find_edge", "find_rate", "from_function",
    "judge", "read_log", "render", "run", "safe_rate", "sharpness", "sweep", "top_eigenvalues", "trace", "why_nan",
]  # fmt: skip
