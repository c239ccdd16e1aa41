r"""The largest safe learning rate for numbers of one's own: from the curvature at a point, and tried in runs on both sides.

All it asks for is a function from a point ``(dim,)`` to the loss and its gradient ``(dim,)``, in numpy, or any loss. A PyTorch model is one
by::

    from explorer.bridges import torch_loss

    safe_rate(torch_loss(model, loss_function, inputs, targets))

and a JAX function of its parameters by::

    from explorer.bridges import jax_loss

    safe_rate(jax_loss(loss_function, parameters, inputs, targets))

The model must be deterministic: no dropout, and the same data at every call.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from explorer.core.ground.arrays import rounding_of
from explorer.core.ground.checks import check_made, check_points, check_switch, check_whole, must
from explorer.core.ground.display import Displayed
from explorer.core.ground.halt import Halt, heeding
from explorer.core.ground.prose import counted, plain, told_apart
from explorer.core.ground.shelf import door
from explorer.core.losses.protocol import Array, Facts, Loss, check_reached, first_hessian_times, first_seen, seen
from explorer.core.losses.wrapped import Function, Pointwise, as_loss, as_point, from_function, stride
from explorer.core.optimizers import Optimizer, check_optimizer, check_step, length
from explorer.core.run.descent import Descent, descend
from explorer.core.run.held import LONGER, SAFE, Trials
from explorer.core.theory.curvature import check_product, product_at
from explorer.core.theory.edge import as_seen, closed_curvature, first_look, glance
from explorer.core.verdict.verdict import RISE

ACCURATE, ROUGH = 1e-3, 0.05
"""Lanczos stops once its error bound is this share of the eigenvalue: at the start, and at each look along a run."""

MOST_PRODUCTS = 60
"""Most products with the Hessian at the start, two gradients each, and as many for all looks along a run."""

LOOKS = 6
"""Looks at the edge along a run that held: at its first step, its last, and in between, each later by the same factor."""

VISIBLE = 1000
"""A fall of this many ulps of the loss can be seen."""

KICK = 1e-4
"""Runs begin at most this share of the scale on which the loss is smooth away from the start."""


@dataclass(frozen=True, eq=False, repr=False)
class SafeRate(Displayed):
    """The curvature at a point, the rate that follows from it, and what runs say.

    `sharpness` is the Hessian's largest eigenvalue, for a rule that preconditions that of P⁻¹H, known to within ± `error`, and
    `direction` ``(dim,)`` its vector; `rate` is the
    largest stable rate on it, and `rate_low`, `rate_high` what it is at the ends of the error bar. `held` is the largest rate up to which
    all that were tried held, and `broke` the smallest from which all failed, in runs of `steps` steps or more; nan where there is none.
    `lowest` and `highest` are the ends of the rates that the search tried.
    In runs of `longest` steps 0.8 × `held` held and 1.5 × `broke` failed; 0 if there were none such. `edges` ``(looks,)`` is what the
    curvature allows after `looks` ``(looks,)`` steps of a run at 0.8 × `held`, and `losses` ``(longest + 1,)`` are that run's, of all
    examples. What held means is said in `core/run/held.py`: how a run ends, not what it passes, which is the `peak`.

    See also: `safe_rate`.

    >>> from explorer import safe_rate
    >>> found = safe_rate("x_squared")
    >>> round(found.rate, 3), round(found.safe, 2), found.agrees
    (1.0, 0.79, True)
    """

    sharpness: float
    error: float
    direction: Array
    rate: float
    rate_low: float
    rate_high: float
    held: float
    broke: float
    steps: int
    longest: int
    looks: NDArray[np.intp]
    edges: Array
    losses: Array
    lowest: float = float("nan")
    highest: float = float("nan")

    def summary(self) -> str:
        """Return the sentence."""
        return self.sentence

    def to_columns(self) -> dict[str, Any]:
        """Return one row: the numbers, and what the sentence says of them."""
        return super().to_columns() | {"safe": [self.safe], "peak": [self.peak]}

    @property
    def safe(self) -> float:
        """The rate that the sentence calls safe, 0.8 × `held`, for at least `longest` steps; nan where none is known."""
        return SAFE * self.held if self.longest else float("nan")

    @property
    def peak(self) -> float:
        """The highest loss of the run at 0.8 × `held`; nan where there was no such run."""
        return float(self.losses.max()) if self.losses.size else float("nan")

    @property
    def agrees(self) -> bool:
        """Whether the rate that the curvature says lies between `held` and `broke`, or within a tenth of them."""
        return bool(self.held <= 1.1 * self.rate_high and self.broke >= 0.9 * self.rate_low)

    @property
    def uncertainty(self) -> str:
        """The error bar of the rate in words."""
        if not (np.isfinite(self.rate) and self.rate > 0):
            return "no limit"
        share = 100 * max(self.rate_high - self.rate, self.rate - self.rate_low) / self.rate
        return "known to 0.1 %" if share <= 0.1 else f"± {plain(share, 2)} %"

    @property
    def sentence(self) -> str:
        """The finding in one sentence, with the numbers: what is safe comes first, as it has been seen in runs."""
        return "; ".join(filter(None, (self._kept, self._seen, self._at_the_start, self._along, self._doubt)))

    @property
    def _kept(self) -> str:
        if not self.longest:
            longer = f"no rate is known to be safe for {counted(LONGER * self.steps)}: such runs failed where shorter ones held"
            return longer if self._seen else "no run was made"
        return f"{plain(self.safe)} is safe for at least {counted(self.longest)}{self._passed}" if np.isfinite(self.safe) else ""

    @property
    def _passed(self) -> str:
        """How high the loss rose before it fell, where that is a rise as `judge` has it: above all that the run has won by `RISE` times."""
        start, end, at = float(self.losses[0]), float(self.losses[-1]), int(self.losses.argmax())
        if not self.peak - end > RISE * (start - end):
            return ""
        return f", though the loss rises from {plain(start, 4)} to {plain(self.peak, 4)} at step {at:,} before it ends at {plain(end, 4)}"

    @property
    def _seen(self) -> str:
        if np.isnan(self.lowest):
            return ""
        last, first = told_apart(self.held, self.broke)
        none = f"no rate that was tried held, down to {plain(self.lowest)}"
        held = none if np.isnan(self.held) else f"every rate tried up to {last} held"
        none = f"no rate was found from which all failed, up to {plain(self.highest)}"
        broke = none if np.isnan(self.broke) else f"every one from {first} on failed"
        return f"in {counted(self.steps)} {held}, and {broke}"

    @property
    def _at_the_start(self) -> str:
        if not np.isfinite(self.sharpness):
            return "the curvature at the start is not finite"
        if np.isnan(self.rate):
            return f"the rule's edge is not known, so the curvature at the start, {plain(self.sharpness)}, sets no limit"
        if not np.isfinite(self.rate) and self.sharpness > 0:
            return f"the rule has no edge on the curvature at the start, {plain(self.sharpness)}, which sets no limit"
        if not np.isfinite(self.rate):
            return "nothing curves upward at the start, so the curvature there sets no limit"
        return f"the curvature at the start, {plain(self.sharpness)}, allows up to {plain(self.rate)} ({self.uncertainty})"

    @property
    def _doubt(self) -> str:
        """That one of the two numbers must be wrong: no run holds far beyond an edge that stays where it is."""
        stays = self.edges.size and np.isfinite(self.edges).all() and self.edges.max() <= 1.1 * self.rate
        if not (stays and SAFE * self.held > 1.1 * self.rate_high):
            return ""
        return (
            "runs hold far beyond that though it does not move, so one of the two is wrong: check_gradient looks at gradient and hvp, and a"
            " rule of your own may lack its preconditioner, rated or recurrence"
        )

    @property
    def _along(self) -> str:
        """How the edge moves, where it moves by more than a tenth."""
        edges = self.edges[np.isfinite(self.edges)]
        if not edges.size or (self.rate / 1.1 <= edges.min() and edges.max() <= 1.1 * self.rate):
            return ""
        low, high = plain(edges.min()), plain(edges.max())
        return f"along the run at {plain(SAFE * self.held)} it allows " + (f"{low} to {high}" if edges.max() > 1.1 * edges.min() else low)


@door
@np.errstate(all="ignore")  # where a curvature or a rate overflows, that is the answer
def safe_rate(
    value_and_gradient: Function | Loss | str,
    start: ArrayLike | None = None,
    *,
    optimizer: Optimizer | str | None = None,
    steps: int = 200,
    batch_size: int | None = None,
    check: bool = True,
    stop: Halt | None = None,
) -> SafeRate:
    """The largest safe learning rate at a point, in theory and measured.

    `value_and_gradient` is a function from ``(dim,)`` to the loss and its gradient ``(dim,)``, any `Loss`, or the name of one; `start`
    ``(dim,)`` is the point, for a `Loss` its own start by default. `optimizer` is gradient descent by default. The curvature comes from
    the loss's own product with the Hessian, or from differences of gradients along the directions that Lanczos' method asks for, at most
    2 · `MOST_PRODUCTS` of them; its error bar is the residual of the eigenpair, which bounds the distance to the nearest eigenvalue
    (Parlett 1980, "The Symmetric Eigenvalue Problem", section 4.5), and what half the stride changes.

    With `check`, runs of `steps` steps find the rates up to which all hold and from which all fail, as `held` in `core/run/held.py` defines
    it, and runs of 4 times as many steps must keep to it at 0.8 and 1.5 times those; where they do not, the search goes on with such runs.
    The search begins at the rate that the curvature allows, and where it does not find both, again at one whose first step is a tenth of
    the scale on which the loss is smooth, whatever the rule says of its edge.
    That is some 15 to 30 runs of `steps` steps, 4 to 20 of the longer ones and one more to look at the edge along it, at most 64 rates in
    each of at most 6 searches; with a `batch_size`, each from 3 seeds. All are computed in the type of the gradient, float32 or float64.

    Setting `stop`, a `threading.Event` for one, ends the runs within a step.

    Raises ValueError for a start that is not a list of finite numbers, and a function that is not finite there; Stopped if it was asked to.

    See also: `SafeRate`, `critical_learning_rate`, `find_edge`.

    >>> found = safe_rate(lambda x: (float(x @ (x * [1, 10])) / 2, x * [1, 10]), [1.0, 1.0], check=False)
    >>> round(found.sharpness, 6), round(found.rate, 6)
    (10.0, 0.2)
    """
    steps, check = check_whole("steps", steps, at_least=1), check_switch("check", check)
    loss = _as_loss(value_and_gradient, start)
    point = as_point(loss.start if start is None else start)
    rule, x = check_optimizer("gradient_descent" if optimizer is None else optimizer), check_points("start", point, loss.dim)
    check_made("stop", stop, Halt | None, "None or what is_set, such as a threading.Event")
    value, gradient = first_seen(loss, x)
    if not (np.isfinite(value).all() and np.isfinite(gradient).all()):
        raise must("value_and_gradient", "finite at the start", f"{value[0]} with a gradient of length {np.linalg.norm(gradient)}")
    check_reached(loss.minimum, value, value)
    curvature, error, direction = _curvature(loss, rule, x)
    rate, low, high = (float(np.ravel(rule.largest_stable_rate(each))[0]) for each in (curvature, curvature + error, curvature - error))
    theory = (curvature, error, direction, rate, low, high)
    nowhere = np.arange(0), np.array([]), np.array([])
    if not check:
        return SafeRate(*theory, np.nan, np.nan, steps, 0, *nowhere)
    starts, scale = _starts(loss, x, direction)
    firsts = [each for each in (rate, _visible(loss, rule, x, scale)) if 0 < each < np.inf] or [1.0]
    with heeding(stop):
        held, broke, longest, tried = Trials(loss, rule, starts, batch_size).proven(firsts, steps)
        along = _followed(loss, rule, starts[:, 0], SAFE * held, longest or steps) if np.isfinite(held) else nowhere
    looks, edges, losses = along
    return SafeRate(*theory, held, broke, steps, longest, looks, edges, losses, min(tried), max(tried))


def _as_loss(given: Function | Loss | str, start: ArrayLike | None) -> Loss:
    """A loss as it is, one whose class lacks the rarer members point by point, or one made of a function."""
    loss, own = as_loss(given, start), getattr(given, "hvp", None)
    if isinstance(given, Loss | str) or not hasattr(given, "value_and_gradient"):
        return loss

    def at(x: Array) -> tuple[float, Array]:
        value, gradient = seen(loss, x[:, np.newaxis])
        return value[0], gradient[:, 0]

    product = None if own is None else lambda x, v: own(x[:, np.newaxis], v[:, np.newaxis])[:, 0]
    return from_function(at, loss.start if start is None else start, minimum=loss.minimum, hvp=product)


def _curvature(loss: Loss, rule: Optimizer, x: Array) -> tuple[float, float, Array]:
    """The deciding curvature at `x` ``(dim, 1)``, how far it may be off, and its direction ``(dim,)`` of length 1; zeros if it has none."""
    check_product(loss, x)
    P = first_look(loss, rule, x)
    P = None if P is None else np.where(np.isfinite(P), P, np.nan)  # what divides by inf sees no curvature, not a flat one
    top, closed_form = glance(loss, rule, x, P, tolerance=ACCURATE, most=MOST_PRODUCTS), closed_curvature(loss, rule, x)
    direction = (top.vector if P is None else top.vector / np.sqrt(P))[:, 0]
    direction = np.nan_to_num(direction / np.linalg.norm(direction))
    if closed_form is not None:
        return float(closed_form[0]), 0.0, direction
    curvature, error = float(top.sharpness[0]), float(top.residual[0])
    if isinstance(loss, Pointwise) and loss.product_at is None:
        halved = replace(loss, own_share=loss.share / 2)
        v = top.vector / np.linalg.norm(top.vector)
        error += abs(float(np.vdot(v, product_at(halved, x, **as_seen(rule, P))(v))) - curvature)
    return curvature, error, direction


def _starts(loss: Loss, x: Array, direction: Array) -> tuple[Array, float]:
    """Two points ``(dim, 2)`` a little to both sides of `x` along the steepest direction, and the scale on which the loss is smooth.

    So an instability has a seed, and luck a second chance to be seen. From a point where the gradient is nothing it is as far as it takes
    for a fall to be more than rounding. They are of the gradient's type.
    """
    digits = loss.rounding if isinstance(loss, Pointwise) else rounding_of(np.asarray(loss.start))
    kind: Any = np.float32 if digits > np.finfo(float).eps else np.float64
    share = float(np.finfo(kind).eps) ** (1 / 3)
    scale = float(stride(loss, x, share)[0]) / share
    value, gradient = seen(loss, x)
    bend = float(direction @ first_hessian_times(loss, x, direction[:, np.newaxis])[:, 0])
    rounding = VISIBLE * np.finfo(kind).eps * abs(float(value[0]))
    still = bend > 0 and length(gradient)[0] < np.sqrt(rounding) * np.sqrt(bend)
    reach = max(min(share, KICK) * scale, np.sqrt(2 * rounding / bend) if still else 0.0)
    return (x + reach * np.outer(direction, [1, -1])).astype(kind), scale


def _visible(loss: Loss, rule: Optimizer, x: Array, scale: float) -> float:
    """The rate whose first step is a tenth of the scale on which the loss is smooth, whatever its curvature; nan if there is none."""
    step, _ = check_step(rule.direction(seen(loss, x)[1], rule.begin(x, Facts(loss).layout), x), x, x.copy())
    size = float(length(np.broadcast_to(step, x.shape))[0])
    return 0.1 * scale / size if 0 < size < np.inf else float("nan")


@np.errstate(all="ignore")
def _followed(loss: Loss, rule: Optimizer, start: Array, rate: float, steps: int) -> tuple[NDArray[np.intp], Array, Array]:
    """The edge along a run: the steps and the rates ``(looks,)``, nan where a point is not finite; and its losses ``(steps + 1,)``."""
    looks, edges, losses, warm = np.unique(np.geomspace(1, steps, LOOKS).round().astype(np.intp)), [], [], None
    descent = Descent.of(loss, rule, rate, start=start, steps=steps)
    for moment in descend(descent):
        losses.append(float(moment.loss[0]))
        if moment.step in looks:
            P = None if rule.preconditioner is None else rule.divided_by(moment.state, moment.x)
            curvature = closed_curvature(loss, rule, moment.x)
            if curvature is None:
                top = glance(loss, rule, moment.x, P, warm=warm, tolerance=ROUGH, most=MOST_PRODUCTS // LOOKS)
                curvature, warm = top.sharpness, top.vector
            edges.append(float(np.ravel(rule.largest_stable_rate(curvature))[0]))
    return looks, np.array(edges), np.array(losses)
