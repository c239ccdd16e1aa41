"""The one search for an edge: two rates between which runs begin to diverge."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.core.ground.checks import check_scalar
from explorer.core.ground.knobs import Knob
from explorer.core.ground.prose import counted, plain
from explorer.core.ground.shelf import door
from explorer.core.losses.protocol import RUNS, Array, Loss, check_loss
from explorer.core.optimizers import Optimizer, check_optimizer
from explorer.core.run.descent import known_to
from explorer.core.run.sweep import sweep
from explorer.core.verdict.sentence import hopeless
from explorer.core.verdict.verdict import Outcome, Verdict

AT_ONCE = 32  # rates tried together in each round of the search for the edge: a batch costs little more than one run
FINEST = Knob(1e-6, 1, log=True, at_least=1e-12)  # `precision`: nearer, rates differ by little more than rounding


@door
def find_edge(
    loss: Loss | str, optimizer: Optimizer | str, low: float, high: float, *, steps: int = 1000, precision: float = 1e-4, **conditions: Any
) -> tuple[float, float]:
    """Return two rates, at most a share `precision` apart, between which runs begin to diverge: measured, not predicted.

    `conditions` are what else `run` takes, such as `start` or `schedule`; every run has `steps` steps. `low` must not diverge and some
    rate up to `high` must. The search begins with `AT_ONCE` rates between them and goes on below the smallest that diverges. Where one
    edge parts the rates, as on a quadratic, the numbers are its own, as far as `steps` tell growth from none: a run has diverged once it is
    above its start, and just beyond the edge that takes long. On a network verdicts may alternate on a whole range of rates: the
    numbers are then one of many changes, to all their digits, and which one depends on `low`, `high` and `steps`. `safe_rate` says below
    which rate all runs hold. Raises ValueError, with the verdict at the rate in question, if the edge is not between `low` and `high`.

    See also: `critical_learning_rate`, which predicts it; `sweep`, `safe_rate`.

    >>> from explorer import LOSSES, OPTIMIZERS
    >>> low, high = find_edge(LOSSES["x_squared"](), OPTIMIZERS["gradient_descent"](), 0.1, 10.0)
    >>> round(low, 3), round(high, 3)
    (1.0, 1.0)
    """
    loss, optimizer = check_loss(loss, *RUNS), check_optimizer(optimizer)
    low, high = ends(low, high)
    precision = check_scalar("precision", precision, FINEST)
    known_to("find_edge", conditions)  # type: ignore[arg-type]
    rates, conditions = np.geomspace(low, high, AT_ONCE), {**conditions, "steps": steps}
    outcome = sweep(loss, optimizer, rates, **conditions)
    diverged = outcome.verdict == Verdict.DIVERGED
    if diverged[0] or not diverged.any():
        raise ValueError(f"the edge must lie between low and high, {plain(low)} and {plain(high)}, but {_beside(outcome)}")
    return bracket(loss, optimizer, rates, diverged, precision=precision, **conditions)


def ends(low: float, high: float) -> tuple[float, float]:
    """Return the two rates between which one looks; refused with a sentence unless they are positive, finite and in order."""
    low, high = check_scalar("low", low), check_scalar("high", high)
    if not 0 < low < high:
        raise ValueError(f"low and high must be finite and 0 < low < high, got {low} and {high}")
    return low, high


def _beside(outcome: Outcome) -> str:
    """Say that the edge is not among the rates tried, in order, with the verdict at the end where it is missing and the way out."""
    low = outcome.verdict[0] == Verdict.DIVERGED
    ways = "give a smaller low", "give a larger high or more steps"
    if outcome.first_nonfinite[0] == 0:
        return hopeless(outcome.first_quantity[0])
    seen = f"in {counted(outcome.steps)} {'low diverges' if low else 'high does not diverge'} ({outcome.sentence(0 if low else -1)})"
    return f"{seen}: {ways[not low]}, or ask safe_rate, which searches by itself and counts a run that does not learn as failed"


def bracket(
    loss: Loss,
    optimizer: Optimizer,
    rates: Array,
    diverged: NDArray[np.bool_],
    *,
    precision: float = 1e-3,
    at_once: int = AT_ONCE,
    **conditions: Any,
) -> tuple[float, float]:
    """The last rate that held before the first that diverged, and that one, brought to a share `precision` of each other.

    `rates` ``(n,)``, in order, have been tried, and `diverged` ``(n,)`` says what came of it; `at_once` more are tried together, both ends
    counted. nan for what was not seen: no rate that held below, or none that diverged.

    >>> from explorer import LOSSES, OPTIMIZERS
    >>> loss, rule = LOSSES["x_squared"](), OPTIMIZERS["gradient_descent"]()
    >>> low, high = bracket(loss, rule, np.array([0.1, 3.0]), np.array([False, True]))
    >>> round(low, 3), round(high, 2)
    (1.0, 1.0)
    """
    if not diverged.any():
        return float(rates[-1]), float("nan")
    first = int(np.argmax(diverged))
    if first == 0:
        return float("nan"), float(rates[0])
    low, high = float(rates[first - 1]), float(rates[first])
    while low > 0 and high / low - 1 > precision * (1 + 1e-9):  # two rates of a ruler differ by a thousandth but for rounding
        rates = np.geomspace(low, high, at_once)
        diverged = np.array([False, *diverges(loss, optimizer, rates[1:-1], **conditions), True])
        first = int(np.argmax(diverged))
        low, high = float(rates[first - 1]), float(rates[first])
    return low, high


def diverges(loss: Loss, optimizer: Optimizer, rates: Array, **conditions: Any) -> NDArray[np.bool_]:
    """Whether a run at each of these rates ``(n,)`` diverges."""
    return np.asarray(sweep(loss, optimizer, rates, **conditions).verdict == Verdict.DIVERGED)
