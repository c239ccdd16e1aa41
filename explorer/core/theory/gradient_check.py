"""Is the gradient right? The analytic one against differences of the loss, one group of parameters at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from explorer.core.ground.arrays import rounding_of
from explorer.core.ground.blas import one_blas_thread
from explorer.core.ground.checks import check_number, check_whole, must
from explorer.core.ground.display import Displayed
from explorer.core.ground.prose import listed, plain
from explorer.core.ground.shelf import door
from explorer.core.losses.protocol import Array, Facts, Loss, check_loss, check_reached, first_hessian_times, first_seen, first_value, seen
from explorer.core.losses.wrapped import Function, as_loss
from explorer.core.theory.differences import IMAGINARY, complex_step, derivatives, differences, each, rounding, sides, slopes_along
from explorer.core.theory.gradient_mistakes import Look, recognized, slip

WRONG = 1e-4
"""A relative error beyond this is not rounding: these differences agree with a right gradient to about 1e-8."""

BIASED = 0.02
"""Slopes along right gradients among many kinks were off by up to 0.5 % in float32 (138 blocks of relu networks): wrong ones are more."""

PRODUCT_WRONG = 0.01
"""A product with the Hessian farther than this from differences of the gradient is wrong: in float32 right ones are off by up to 0.001."""

NOT_FINITE = "it is not finite"

CONFIRMED = 1e-6
"""A complex step counts only if differences agree to this: for a loss with an absolute value it computes something else."""

BLURRED = 0.1
"""Numeric gradients that differ by more than this share of their length are inconclusive."""

MOST = 32
"""Coordinates of one block that are checked: all of a small one, a sample of a large one."""

WORST = 5
"""Coordinates that are named as the worst."""

NEARBY = 0.05
"""How far the second point is at which a mistake must explain the gradient too, relative to the coordinate."""

CURVE = 10.0 ** -np.arange(0.5, 13.0, 0.5)
"""Sizes of the difference at which `error_by_step` looks, relative as `SIZES` are."""

ON_THE_CURVE = 8
"""Coordinates of one block that `error_by_step` looks at."""


@dataclass(frozen=True)
class Coordinate:
    """One number of a gradient, such as `W1[0, 1]`: what it is and what differences say, or at a kink the slopes on its two sides."""

    block: str
    name: str
    analytic: float
    numeric: float
    kink: tuple[float, float] | None = None

    def sentence(self) -> str:
        """Return it in words."""
        if self.kink is None:
            return f"{self.name}: {plain(self.analytic, 4)} instead of {plain(self.numeric, 4)}"
        left, right = (plain(side, 3) for side in self.kink)
        said = f"{self.name} is at a kink: the slope is {left} on the left and {right} on the right"
        if not np.isfinite(self.analytic):
            return f"{said}, and the gradient is {plain(self.analytic)}"
        return f"{said}; {plain(self.analytic, 3)} is {'one of the numbers between them' if self.between else 'not between them'}"

    @property
    def between(self) -> bool:
        """Whether it is a number between the slopes on both sides of a kink, each of which is as good as another there."""
        if self.kink is None:
            return False
        slack = 1e-4 * (self.kink[1] - self.kink[0])
        return bool(min(self.kink) - abs(slack) <= self.analytic <= max(self.kink) + abs(slack))


@dataclass(frozen=True)
class BlockCheck:
    """One group of parameters: how far the analytic gradient is from the numeric one, relative to the length of the latter.

    `doubt` is how far two numeric gradients are from each other, or what the rounding of the loss makes of them if that is more, by the
    same measure (of the analytic one where the numeric is 0): an `error` that is not well above it says nothing.
    `analytic` and `numeric` are the lengths of the two over the `checked` of `size` parameters; of a single parameter the number itself.
    `step` is the size of the difference, relative to the coordinate if that is above 1, and `method` how it was taken. `mistake` names
    what was forgotten, where the two gradients tell; else it is empty. `worst` are the coordinates that are farthest off, the farthest
    first, and `kinks` those that lie at a kink of the loss, where a gradient between the slopes of the two sides is none the worse.
    """

    block: str
    error: float
    doubt: float
    analytic: float
    numeric: float
    checked: int
    size: int
    step: float
    method: Literal["complex step", "differences"]
    mistake: str = ""
    worst: tuple[Coordinate, ...] = ()
    kinks: tuple[Coordinate, ...] = ()

    @property
    def verdict(self) -> Literal["right", "wrong", "cannot tell"]:
        """Whether the analytic gradient is that of the loss, where differences of the loss can tell."""
        if np.isfinite(self.numeric) and not np.isfinite(self.analytic):
            return "wrong"
        clear = self.doubt <= BLURRED or (self.numeric and self.error > 10 * self.doubt)
        if not np.isfinite(self.numeric) or (self.error and not clear):
            return "cannot tell"
        return "right" if self.error <= max(WRONG, 10 * self.doubt) else "wrong"

    @property
    def wrong(self) -> bool:
        """Whether the analytic gradient is not that of the loss."""
        return self.verdict == "wrong"

    def sentence(self) -> str:
        """Return the finding in words."""
        what = f"{self.block}: relative error {plain(self.error, 2)} over {self.checked} of {self.size} parameters"
        match self.verdict:
            case "wrong":
                where = f"; {'the worst ' if self.checked > 1 else ''}{self.worst[0].sentence()}" if self.worst else ""
                return f"{what}; the gradient is not that of the loss{f': {self.mistake}' if self.mistake else ''}{where}"
            case "cannot tell":
                return f"{what}; differences cannot tell here, because no two of them agree: the loss is too flat, too large, or has a kink"
        return "; ".join([what, *(kink.sentence() for kink in self.kinks[:WORST])])


@dataclass(frozen=True, repr=False)
class GradientCheck(Displayed):
    """What `check_gradient` found: `blocks`, one for each group of parameters, of `loss` at `x` ``(dim,)``.

    `product_error` is how far the loss's own product with the Hessian, `hvp`, is from differences of the gradient, relative to these; nan
    where it has none, where the gradient itself is not right, and where two differences do not agree.

    See also: `check_gradient`.

    >>> check_gradient("booth").summary()
    'The gradient is right.'
    """

    blocks: tuple[BlockCheck, ...]
    loss: Loss | None = field(default=None, compare=False)
    x: Array | None = field(default=None, compare=False)
    product_error: float = float("nan")

    @property
    def product_wrong(self) -> bool:
        """Whether `hvp` is not the derivative of the gradient."""
        return self.product_error > PRODUCT_WRONG

    def to_columns(self) -> dict[str, list[Any]]:
        """Return a row for each block."""
        names = ("block", "verdict", "error", "doubt", "analytic", "numeric", "checked", "size", "step", "method", "mistake")
        return {name: [getattr(each, name) for each in self.blocks] for name in names}

    @property
    def wrong(self) -> tuple[str, ...]:
        """The names of the blocks whose gradient is not that of the loss; empty if all is well."""
        return tuple(each.block for each in self.blocks if each.wrong)

    def __getitem__(self, block: str) -> BlockCheck:
        return next(each for each in self.blocks if each.block == block)

    @property
    def worst(self) -> tuple[Coordinate, ...]:
        """The coordinates of all blocks that are farthest off, the farthest first; what is not finite before all others."""
        return _farthest([one for block in self.blocks if block.wrong for one in block.worst])

    def sentence(self) -> str:
        """Return all findings, a line each."""
        return "\n".join(each.sentence() for each in self.blocks)

    def summary(self) -> str:
        """Return the finding in one or two sentences.

        >>> from explorer import LOSSES
        >>> check_gradient(LOSSES["booth"]()).summary()
        'The gradient is right.'
        """
        mistakes = list(dict.fromkeys(block.mistake for block in self.blocks if block.wrong))
        by = {mistake: listed([block.block for block in self.blocks if block.wrong and block.mistake == mistake]) for mistake in mistakes}
        found = [f"The gradient by {names} is wrong{f': {mistake}' if mistake else ''}." for mistake, names in by.items()]
        found += [f"Worst {one.sentence()}." for one in self.worst if self[one.block].mistake in ("", NOT_FINITE)][:1]
        unknown = [block.block for block in self.blocks if block.verdict == "cannot tell"]
        if unknown:
            found.append(f"Of {listed(unknown)} differences of the loss cannot tell: no two of them agree.")
        rest = [block for block in self.blocks if block.verdict == "right"]
        if found and rest:
            found.append(f"{'All others are' if len(rest) > 1 else f'{rest[0].block} is'} right.")
        kinks = [kink for block in rest for kink in block.kinks]
        more = f" So are {len(kinks) - 1} more." if len(kinks) > 1 else ""
        found += ["The gradient is right."] * (not found)
        if self.product_wrong:
            found.append(f"The product with the Hessian, hvp, is not its derivative: relative error {plain(self.product_error, 2)}.")
        return " ".join(found) + (f" {kinks[0].sentence()}.{more}" if kinks else "")


def _farthest(coordinates: list[Coordinate]) -> tuple[Coordinate, ...]:
    def far(one: Coordinate) -> float:
        return abs(one.analytic - one.numeric) if np.isfinite(one.analytic) else np.inf

    return tuple(sorted(coordinates, key=far, reverse=True)[:WORST])


@door
def check_gradient(loss: Function | Loss, x: ArrayLike | None = None, *, seed: int = 0) -> GradientCheck:
    """Compares the gradient of `loss` at `x` ``(dim,)``, by default its start, with central differences of its value.

    A function of one point, as `from_function` takes it, will do for the loss, with an `x`.

    The differences are extrapolated once (Richardson), which leaves an error of the fourth power of their size, and are taken at several
    sizes around what the rounding of the loss asks for (`rounding`), because none fits every loss. Where the loss can be computed with
    complex numbers and they agree, the complex step Im f(x + ih)/h takes their place, which is exact but for rounding (Squire and Trapp
    1998, SIAM Review 40). The parameters are grouped by the loss's `blocks`, if it has any; of a large block a sample of 32 is
    checked, drawn from `seed`. A block that is right and all 0, as biases are at a start, is looked at once more elsewhere: a mistake in
    proportion to it is not seen there. Of a wrong one the common mistakes are tried, and named if they explain it at two points. Where the
    gradient is right, the loss's `hvp`, if it has one, is compared with differences of it in a direction drawn from `seed`.

    Raises ValueError for a point of the wrong length, for a function without one, and for one whose gradient is not the same twice.

    See also: `GradientCheck`, `from_function`, `why_nan`. PyTorch: autograd.gradcheck; JAX: test_util.check_grads; scipy:
    optimize.check_grad.

    >>> from explorer import LOSSES, check_gradient, from_function
    >>> check_gradient(LOSSES["rosenbrock"]()).wrong
    ()
    >>> forgotten = from_function(lambda x: (x @ x, x), start=[3.0, 4.0])    # its gradient is 2x
    >>> print(check_gradient(forgotten).summary())
    The gradient by x is wrong: it is 0.5 times the right one.
    >>> check_gradient(forgotten).worst[0].sentence()
    'x2: 4 instead of 8'
    """
    loss, point, gradient, random = _asked(loss, x, seed)
    with np.errstate(all="ignore"), one_blas_thread:
        eps = rounding(loss, point)
        found = {name: _checked(loss, point, gradient, name, where, random, eps) for name, where in Facts(loss).groups}
        blocks = tuple(_passed_on(loss, point, found, random, eps).values())
        right = all(block.verdict == "right" for block in blocks) and hasattr(loss, "hvp")
        coarse = max(eps, rounding_of(gradient))
        return GradientCheck(blocks, loss, point, _product_error(loss, point, random, coarse) if right else float("nan"))


def _product_error(loss: Loss, point: Array, random: np.random.Generator, eps: float) -> float:
    """Return the distance of the loss's product with the Hessian from differences of its gradient, relative to these; nan if in doubt."""
    v = random.standard_normal(point.size) * np.maximum(np.abs(point), 1)
    v /= np.linalg.norm(v)
    own = np.asarray(first_hessian_times(loss, point[:, np.newaxis].copy(), v[:, np.newaxis].copy()), dtype=float)[:, 0]
    ways = eps ** (1 / 3) * max(1.0, float(np.abs(point).max())) * np.array([1.0, 0.25])
    ahead, behind = (seen(loss, point[:, np.newaxis] + sign * v[:, np.newaxis] * ways)[1] for sign in (1, -1))
    wide, narrow = ((ahead - behind) / (2 * ways)).T
    return _relative(own - narrow, narrow) if _relative(wide - narrow, narrow) < PRODUCT_WRONG / 10 else float("nan")


def error_by_step(loss: Function | Loss, x: ArrayLike | None = None, *, seed: int = 0) -> dict[str, Array]:
    """Return the relative error of each block's gradient at `x` ``(dim,)`` against differences of each size in `CURVE`, ``(len(CURVE),)``.

    A right gradient makes a V: differences that are too large miss the curvature, those that are too small are all rounding. A wrong one
    stays flat at its error. Of each block a sample of `ON_THE_CURVE` is looked at. Raises ValueError for a point of the wrong length.

    >>> from explorer import LOSSES
    >>> errors = error_by_step(LOSSES["network"]())["W1"]
    >>> bool(errors[0] > 1e-4), bool(errors.min() < 1e-9), bool(errors[-1] > 1e-4)
    (True, True, True)
    """
    loss, point, gradient, random = _asked(loss, x, seed)
    found = {}
    with np.errstate(all="ignore"), one_blas_thread:
        for name, where in Facts(loss).groups:
            some = random.permutation(np.arange(point.size)[where])[:ON_THE_CURVE]
            numeric = [differences(loss, point, each(some), size) for size in CURVE]
            found[name] = np.array([_relative(gradient[some] - these, these) for these in numeric])
    return found


def _asked(given: Function | Loss, x: ArrayLike | None, seed: int) -> tuple[Loss, Array, Array, np.random.Generator]:
    """Return the loss, the point ``(dim,)``, the gradient there, and what samples are drawn with; nonsense is refused with a sentence."""
    loss, random = as_loss(given, x, name="x"), np.random.default_rng(check_whole("seed", seed, at_least=0))
    check_loss(loss, "value")
    point, gradient = _at(loss, x)
    with np.errstate(all="ignore"), one_blas_thread:
        value = first_value(loss, point[:, np.newaxis].copy())
    check_reached(loss.minimum, value, value)
    return loss, point, gradient, random


def _at(loss: Loss, x: ArrayLike | None) -> tuple[Array, Array]:
    """Return the point ``(dim,)`` and the gradient there."""
    point = np.array(check_number("start" if x is None else "x", loss.start if x is None else x, shape="numbers"))
    if point.shape != (loss.dim,):
        raise must("x", f"{loss.dim} numbers, (dim,)", f"shape {point.shape}")
    with np.errstate(all="ignore"), one_blas_thread:
        gradient = first_seen(loss, point[:, np.newaxis].copy())[1][:, 0]
        again = seen(loss, point[:, np.newaxis].copy())[1][:, 0]
    if _relative(gradient - again, gradient) > math.sqrt(rounding_of(gradient)):  # False of nan
        got = f"one that differs by {plain(float(np.linalg.norm(gradient - again)), 2)}"
        raise must("the loss", "a function that gives the same gradient twice: fix its random numbers", got)
    return point, gradient


def _relative(off: Array, to: Array) -> float:
    """Return the length of one relative to that of the other; 0 where both are 0."""
    length, reference = float(np.linalg.norm(off)), float(np.linalg.norm(to))
    return length / reference if reference else np.inf if length else 0.0


def _checked(loss: Loss, point: Array, gradient: Array, name: str, where: slice, random: np.random.Generator, eps: float) -> BlockCheck:
    everything = np.arange(point.size)[where]
    some = np.sort(random.permutation(everything.size)[:MOST])
    found, look = _looked(loss, point, gradient, name, where, some, eps)
    if found.verdict == "right" and not point[where].any():
        elsewhere = point.copy()
        elsewhere[where] = 0.1 * random.standard_normal(everything.size)
        there, there_look = _looked(loss, elsewhere, _at(loss, elsewhere)[1], name, where, some, eps)
        found, look = (there, there_look) if there.wrong else (found, look)
    if not found.wrong:
        return _along(look, found)
    if not np.isfinite(look.analytic).all():
        return replace(found, mistake=NOT_FINITE)
    shift = random.choice((-1, 1), point.size) * random.uniform(NEARBY / 2, NEARBY, point.size)
    nearby = look.point + shift * np.where(look.point, np.abs(look.point), 0.1)
    _, again = _looked(loss, nearby, _at(loss, nearby)[1], name, where, some, eps)
    return replace(found, mistake=recognized(look, again if again.useful else None) if look.useful else "")


def _along(look: Look, found: BlockCheck) -> BlockCheck:
    """Look along the gradient itself where differences by each coordinate are blurred, but for kinks: a wrong length is seen better."""
    length = float(np.linalg.norm(look.whole))
    if found.doubt <= WRONG or found.kinks or not 0 < length < np.inf:
        return found
    direction = np.zeros_like(look.point)
    direction[look.where] = look.whole / length
    left, right, doubt = slopes_along(look.loss, look.point, direction, look.eps)
    slope = float(np.clip(length, min(left, right), max(left, right)))  # at a kink any number between is as good
    words = f"it is {plain(length / slope, 3)} times as long as the loss is steep along it" if slope else "the loss is flat along it"
    sharper = replace(found, error=abs(length / slope - 1) if slope else np.inf, doubt=doubt / length, mistake=words, worst=())
    return sharper if sharper.wrong and sharper.error > BIASED else found


def _looked(
    loss: Loss, point: Array, gradient: Array, name: str, where: slice, some: NDArray[np.intp], eps: float
) -> tuple[BlockCheck, Look]:
    """Compare the gradient of one block at one point with differences."""
    everything = np.arange(point.size)[where]
    moves, analytic = each(everything[some]), gradient[where][some]
    numeric, apart, step = derivatives(loss, point, moves, eps)
    scatter = float(eps / step * np.sqrt(some.size) * np.abs(loss.value(point[:, np.newaxis])[0]))
    names = _names(loss, name, where, some)
    kinks = _kinks(loss, point, name, names, moves, analytic, numeric, eps)
    for i, kink in kinks.items():
        numeric[i] = kink.analytic if kink.between else kink.numeric
    reference = float(np.linalg.norm(numeric) or np.linalg.norm(analytic))
    doubt = max(apart, scatter) / reference if reference else 0.0
    method: Literal["complex step", "differences"] = "differences"
    exact = complex_step(loss, point, moves) if eps <= np.finfo(float).eps and not kinks else None
    if exact is not None and doubt <= BLURRED and _relative(exact - numeric, numeric) <= max(CONFIRMED, 10 * doubt):
        numeric, doubt, step, method = exact, float(np.finfo(float).eps), IMAGINARY, "complex step"
    alone = some.size == everything.size == 1
    coordinates = [kinks.get(i) or Coordinate(name, names[i], float(analytic[i]), float(numeric[i])) for i in range(some.size)]
    check = BlockCheck(
        block=name,
        error=_relative(analytic - numeric, numeric),
        doubt=doubt,
        analytic=float(analytic[0] if alone else np.linalg.norm(analytic)),
        numeric=float(numeric[0] if alone else np.linalg.norm(numeric)),
        checked=some.size,
        size=everything.size,
        step=step,
        method=method,
        worst=_farthest(coordinates),
        kinks=tuple(kinks.values()),
    )
    return check, Look(loss, point, name, where, some, gradient[where], numeric, doubt * reference, eps, names)


def _names(loss: Loss, block: str, where: slice, some: NDArray[np.intp]) -> tuple[str, ...]:
    """Return what these numbers of a block are called: by the loss's own names, else by their place in the block, such as `W1[0, 1]`."""
    start = where.start or 0
    if Facts(loss).own_coordinates(1) or not Facts(loss).blocks:
        names = Facts(loss).coordinates
        return tuple(names[start + i] for i in some)
    shape = Facts(loss).shapes.get(block) or (where.stop - start,)
    return tuple(f"{block}{[int(i) for i in np.unravel_index(at, shape)]}" for at in some)


def _kinks(
    loss: Loss, point: Array, block: str, names: tuple[str, ...], moves: list[NDArray[np.intp]], analytic: Array, numeric: Array, eps: float
) -> dict[int, Coordinate]:
    """Return which of the numbers that look wrong lie at a kink: there the slopes on both sides differ by as much at two sizes."""
    off = np.abs(analytic - numeric)
    suspects = np.flatnonzero(~(off <= WRONG * np.linalg.norm(numeric)))
    if not suspects.size:
        return {}
    size = eps ** (1 / 3)
    (left, right), (near_left, near_right) = (sides(loss, point, [moves[i] for i in suspects], h) for h in (size, size / 8))
    jump = near_right - near_left
    noise = 8 * 10 * eps / size * np.abs(loss.value(point[:, np.newaxis])[0])
    alike = np.abs(jump - (right - left)) <= 0.05 * np.abs(jump) + noise
    real = alike & (np.abs(jump) > 1e-3 * (np.abs(left) + np.abs(right)) + 2 * noise)
    given = analytic[suspects]
    near_left, near_right = (np.where(np.abs(side - given) <= noise, given, side) for side in (near_left, near_right))
    return {
        int(i): Coordinate(block, names[i], float(analytic[i]), float(numeric[i]), kink=(float(one), float(other)))
        for i, one, other, is_real in zip(suspects, near_left, near_right, real, strict=True)
        if is_real
    }


def _passed_on(loss: Loss, point: Array, found: dict[str, BlockCheck], random: np.random.Generator, eps: float) -> dict[str, BlockCheck]:
    """Name what is passed back from layer to layer: a wrong derivative of an activation, or at least behind which block it must be."""
    where, order = dict(Facts(loss).blocks), list(found)
    unexplained = [name for name in order if found[name].wrong and not found[name].mistake]
    if not where or not unexplained:
        return found
    for bias in reversed(unexplained):
        at = order.index(bias)
        beside = [order[i] for i in (at - 1, at + 1) if 0 <= i < len(order)]
        size = found[bias].size
        layers = (name for name in beside if found[name].size % size == 0 and len(Facts(loss).shapes.get(name, (0, 0))) > 1)
        words = next(filter(None, (slip(loss, point, where[name], where[bias], eps, random) for name in layers)), "")
        if words:
            reached = max(at, *(order.index(name) for name in beside if name in unexplained), at)
            return found | {name: replace(found[name], mistake=words) for name in unexplained if order.index(name) <= reached}
    first_right = next((i for i, name in enumerate(order) if not found[name].wrong), len(order))
    if unexplained == order[:first_right] and 1 < first_right < len(order) and all(not found[name].wrong for name in order[first_right:]):
        words = f"{order[first_right]} and what comes after it is right, so the mistake is in what comes back to here from there"
        return found | {name: replace(found[name], mistake=words) for name in unexplained}
    return found
