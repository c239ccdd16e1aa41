"""The learning-rate finder: one run whose rate grows from step to step, as deep-learning libraries offer it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from explorer.core.ground.checks import check_whole
from explorer.core.ground.display import Displayed
from explorer.core.ground.prose import counted, plain, plain_or
from explorer.core.ground.shelf import door
from explorer.core.ground.size import PATH, check_size
from explorer.core.losses.protocol import Array, Loss
from explorer.core.optimizers import Optimizer
from explorer.core.run.bracket import ends
from explorer.core.run.descent import run
from explorer.core.verdict.profile import Profile
from explorer.core.verdict.sentence import hopeless

GAVE_UP = 4.0  # the finder stops once the loss is this many times the best so far: fastai's and Lightning's rule
SKIPPED = 10  # steps that Lightning skips at the start when it looks for the steepest descent


@dataclass(frozen=True, eq=False, repr=False)
class RateFinder(Displayed):
    """The `rates` and `losses` up to where the finder gave up, ``(n,)``, and two rates that libraries read off such a curve.

    `steepest` is where the loss falls fastest a step, Lightning's suggestion; `tenth` is a tenth of the rate with the lowest loss, fastai's
    first rule. nan where the curve is too short.

    See also: `find_rate`.

    >>> from explorer import find_rate
    >>> found = find_rate("x_squared", "gradient_descent", 1e-3, 100.0)
    >>> found.rates.shape == found.losses.shape, bool(found.tenth < found.rates[-1])
    (True, True)
    """

    rates: Array
    losses: Array
    steepest: float
    tenth: float

    def summary(self) -> str:
        """Return where the finder gave up, and what libraries would read off its curve."""
        steepest, tenth = (plain_or("none", each) for each in (self.steepest, self.tenth))
        end = f"{plain(float(self.rates[-1]))} after {counted(self.rates.size)}"
        return f"from the rate {plain(float(self.rates[0]))} to {end}; steepest at {steepest}, a tenth of the lowest point is {tenth}"

    def to_columns(self) -> dict[str, Array]:
        """Return a row for each step."""
        return {"learning_rate": self.rates, "loss": self.losses}


@door
def find_rate(
    loss: Loss | str, optimizer: Optimizer | str, low: float, high: float, *, start: ArrayLike | None = None, steps: int = 100
) -> RateFinder:
    """Run once with a learning rate that grows from `low` to `high` by equal factors (Smith 2017, arXiv 1506.01186, section 3.3).

    `start` ``(dim,)`` is the loss's own by default. It answers another question than a sweep: what one run survives for a few steps at each
    rate, not what a run at that rate becomes. Just beyond the edge a run needs many steps to grow, which the finder does not give it.

    Raises ValueError unless 0 < low < high and both are finite, and for a loss or gradient that is inf or nan from the start.

    See also: `RateFinder`, `find_edge`, `sweep`. Lightning: Tuner.lr_find; torch-lr-finder: LRFinder.range_test.

    >>> from explorer import LOSSES, OPTIMIZERS
    >>> found = find_rate(LOSSES["x_squared"](), OPTIMIZERS["gradient_descent"](), 1e-3, 100.0)
    >>> bool(found.rates[-1] > 1.0)    # it only gives up well beyond the edge, which is 1
    True
    """
    steps = check_whole("steps", steps, at_least=1)
    check_size("steps", steps, {}, PATH)
    low, high = ends(low, high)
    rates = np.geomspace(low, high, steps)
    path = run(loss, optimizer, 1.0, start=start, steps=steps, schedule=lambda step: rates[step])
    begun = Profile.of(path)
    if begun.first_nonfinite[0] == 0:
        raise ValueError(hopeless(begun.first_quantity[0]))
    losses = path.loss[:-1, 0]
    with np.errstate(all="ignore"):
        lost = ~np.isfinite(losses) | (losses > GAVE_UP * np.fmin.accumulate(np.abs(losses)))
    end = max(int(np.argmax(lost)), 1) if lost.any() else len(losses)
    rates, losses = rates[:end], losses[:end]
    inner = losses[SKIPPED:-1]
    steepest = float(rates[SKIPPED + np.argmin(np.gradient(inner))]) if inner.size > 1 else float("nan")
    return RateFinder(rates, losses, steepest, float(rates[np.argmin(losses)] / 10) if losses.size > 1 else float("nan"))
