"""The shelf of update rules: one file a family; importing a family registers its rules.

A point is ``(dim, runs)`` and every hyperparameter is a number or an array ``(runs,)``. The learning rate is not a rule's business:
the loop computes ``x - learning_rate * direction``. Formulas are PyTorch 2.13's, whose recorded steps the tests compare with.
"""

from explorer.core.optimizers import linear, matrices, scaled, scaled_momentum, signs
from explorer.core.optimizers.recurrence import Recurrence, heavy_ball
from explorer.core.optimizers.rule import (
    CLIP,
    OPTIMIZERS,
    Blocks,
    Optimizer,
    State,
    check_optimizer,
    check_step,
    clipped,
    length,
    with_decoupled_decay,
    with_weight_decay,
)

__all__ = [
    "CLIP", "OPTIMIZERS", "Blocks", "Optimizer", "Recurrence", "State", "check_optimizer", "check_step", "clipped", "heavy_ball", "length",
    "linear", "matrices", "scaled", "scaled_momentum", "signs", "with_decoupled_decay", "with_weight_decay",
]  # fmt: skip
