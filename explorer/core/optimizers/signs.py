"""Rules that keep only the sign of each coordinate."""

import numpy as np

from explorer.core.optimizers.recurrence import Array, Recurrence
from explorer.core.optimizers.rule import OPTIMIZERS, Decay, DecoupledDecay, Optimizer, State, at_rest, with_decoupled_decay


@OPTIMIZERS
def lion(beta1: Decay = 0.9, beta2: Decay = 0.99, weight_decay: DecoupledDecay = 0.0) -> Optimizer:
    """Step by the learning rate in every coordinate, in the direction that momentum and gradient vote for: only signs count.

    c = β₁ m + (1 - β₁) g, x ← (1 - η w) x - η sign(c), then m ← β₂ m + (1 - β₂) g (Chen et al. 2023, arXiv 2302.06675).
    No curvature has an edge: a step never grows, so nothing diverges, and never shrinks, so nothing settles. Near a minimum it
    ends in a cycle: with both β at 0 between the two places r and η - r of sign descent, else within about 2 η. Decay alone can
    diverge, at η w > 2; below, it draws x into the box |x| ≤ 1/w.

    >>> direction, _ = lion().update(np.array([[4.0], [-0.1]]), lion().init(np.ones((2, 1))), np.ones((2, 1)))
    >>> direction[:, 0]
    array([ 1., -1.])
    >>> lion().largest_stable_rate(1.0)
    inf
    """

    def update(g: Array, state: State, x: Array) -> tuple[Array, State]:
        m, _ = state
        c = beta1 * m + (1 - beta1) * g
        m = beta2 * m + (1 - beta2) * g
        return np.sign(c), (m, c)

    def preconditioner(state: State) -> Array:
        _, c = state
        return np.abs(c)  # sign(c) = c / |c|

    any_curvature = Recurrence(trace_0=1.0, trace_h=0.0, det_0=0.0, det_h=0.0)
    code = "m = np.zeros_like(x)", "c = beta1 * m + (1 - beta1) * g\nm = beta2 * m + (1 - beta2) * g", "np.sign(c)"
    return with_decoupled_decay(weight_decay, Optimizer(at_rest(2, counted=False), update, any_curvature, preconditioner, code=code))
