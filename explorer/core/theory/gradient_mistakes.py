"""What was forgotten? The common mistakes in a gradient, each tried on its numbers, and named only if it explains them at two points."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from explorer.core.ground.prose import plain
from explorer.core.losses.network.activations import ACTIVATIONS, Activation
from explorer.core.losses.protocol import Array, Facts, Loss
from explorer.core.theory.differences import derivatives, each

EXPLAINED = 1e-4
"""A mistake is named if what it leaves unexplained is less than this share of what is wrong, or no more than the differences' own error."""

AT_MOST = 0.1
"""But it never leaves more than this share unexplained, however blurred the differences are."""

FAR = (1e7, 1e8)
"""A penalty ½ λ ‖w‖² is what grows with the square of the weights: seen with them multiplied by these."""


@dataclass(frozen=True, eq=False)
class Look:
    """One block at one point: `whole` is its gradient ``(size,)``; `analytic` and `numeric` are those of `some` of its numbers."""

    loss: Loss
    point: Array
    block: str
    where: slice
    some: NDArray[np.intp]
    whole: Array
    numeric: Array
    noise: float
    """The length of the error that `numeric` may have."""
    eps: float
    names: tuple[str, ...]
    """Of the numbers that were looked at."""

    @property
    def analytic(self) -> Array:
        return self.whole[self.some]

    @property
    def weights(self) -> Array:
        """The parameters that were looked at."""
        return self.point[self.where][self.some]

    @property
    def off(self) -> Array:
        """What is wrong with the gradient."""
        return self.analytic - self.numeric

    @property
    def useful(self) -> bool:
        """Whether the numeric gradient is known well enough to try anything on it."""
        return bool(np.isfinite(self.off).all() and self.noise <= AT_MOST * np.linalg.norm(self.off))

    @cached_property
    def total(self) -> float:
        """The derivative along all numbers of the block together."""
        return float(derivatives(self.loss, self.point, [np.arange(self.point.size)[self.where]], self.eps)[0][0])

    def explained(self, rest: Array) -> bool:
        """Whether `rest` is nothing beside what is wrong."""
        wrong = float(np.linalg.norm(self.off))
        return bool(np.linalg.norm(rest) <= min(max(EXPLAINED * wrong, 10 * self.noise), AT_MOST * wrong))


@dataclass(frozen=True)
class Guess:
    """One mistake that was tried: what it would leave unexplained at any look, and its name. `free` numbers were fitted to find it."""

    rest: Callable[[Look], Array]
    words: str
    free: int = 0


def recognized(look: Look, again: Look | None) -> str:
    """Return the mistake that explains both looks, or nothing. Without a second look nothing is fitted to one number."""
    for guess in (guess for guesses in (_factors, _transposed, _summed, _penalties) for guess in guesses(look)):
        seen = [look] if again is None else [look, again]
        if all(one.explained(guess.rest(one)) for one in seen) and (again is not None or guess.free < look.some.size):
            return guess.words
    return ""


def _factors(look: Look) -> Iterator[Guess]:
    """The sign, a sum for a mean or the reverse, any other number."""
    squares = float(look.numeric @ look.numeric)
    times = float(look.analytic @ look.numeric) / squares if squares else 0.0
    if not times:
        return
    many = max(abs(times), 1 / abs(times))
    rounded = round(many)
    if abs(many - rounded) <= max(1e-4, 10 * look.noise / np.sqrt(squares)) * many:
        times = float(np.copysign(rounded if abs(times) > 1 else 1 / rounded, times))
    examples, reductions, words = Facts(look.loss).examples, ("sum", "mean"), f"it is {plain(times, 4)} times the right one"
    if times == -1:
        words = "it has the opposite sign"
    elif rounded == examples > 1 and times in (rounded, 1 / rounded):
        taken, meant = reductions if times > 1 else reductions[::-1]
        words = f"it is the {taken} over the {examples} examples, where the loss is their {meant}"
    elif examples == 1 and look.whole.size > 1 and rounded > 4 and times in (rounded, 1 / rounded):
        taken, meant = reductions if times > 1 else reductions[::-1]
        words += f", as a {taken} over {rounded} examples is where the loss is their {meant}"
    special = many == rounded and rounded <= 100
    yield Guess(lambda one: one.analytic - times * one.numeric, words, free=0 if special or times == -1 else 1)


def _transposed(look: Look) -> Iterator[Guess]:
    """The numbers of a matrix in the order of its transpose; where no shape is known, of every shape that fits."""
    shape, size = Facts(look.loss).shapes.get(look.block), look.whole.size
    for rows in (shape[0],) if shape and len(shape) == 2 else () if shape else range(2, size // 2 + 1):
        if size % rows == 0 and 1 < rows < size:
            words = f"it is transposed: its numbers are those of a {size // rows} × {rows} matrix, the block is {rows} × {size // rows}"

            yield Guess(partial(lambda rows, one: one.whole.reshape(-1, rows).T.ravel()[one.some] - one.numeric, rows), words)


def _summed(look: Look) -> Iterator[Guess]:
    """One number for all: the missing axis of a sum."""
    size = look.whole.size
    if size > 1 and np.ptp(look.whole) <= 1e-9 * np.abs(look.whole).max() and np.ptp(look.numeric) > EXPLAINED * np.abs(look.numeric).max():
        for share, word in ((1, "sum"), (size, "mean")):
            words = (
                f"each of its {size} numbers is the {word} of all {size}: a {word} over the examples went over the units too, as"
                f" {word}(dZ, keepdims=True) does without axis=1"
            )
            yield Guess(partial(lambda share, one: one.analytic - one.total / share, share), words)


def _penalties(look: Look) -> Iterator[Guess]:
    """The derivative of a penalty λ‖w‖²/2 or λ‖w‖₁ that is missing, too large, or there for a bias."""
    off = look.off
    for squared, derivative in ((True, np.copy), (False, np.sign)):
        toward = derivative(look.weights)
        there = (np.abs(off) > max(1e-3 * np.abs(off).max(), 10 * look.noise / np.sqrt(off.size))) & (toward != 0)
        if there.any() and (squared or np.ptp(toward[there])):  # of one sign only it is any constant
            rate = float(off[there] @ toward[there] / (toward[there] @ toward[there]))
            yield Guess(
                partial(lambda much, derivative, one: one.off - much * derivative(one.weights), rate * there, derivative),
                _penalty(look, there, rate, squared=squared),
                free=int(there.sum() == 1) * look.some.size,
            )


def _penalty(look: Look, there: NDArray[np.bool_], rate: float, *, squared: bool) -> str:
    """Name what is wrong with a penalty whose derivative is too large by `rate` × the weights that are `there`."""
    named = {name.split("[")[0] for name, is_there in zip(look.names, there, strict=True) if is_there}
    bias = all(name.lower().startswith(("b", "intercept", "offset")) or name.lower().endswith("bias") for name in named)
    whose = "" if there.all() or len(named) > 3 else f" of {', '.join(sorted(named))}"
    size, form = plain(abs(rate), 3), "½ λ‖w‖²" if squared else "λ‖w‖₁"
    times = f"{size} times {'the parameters' if squared else 'the sign of the parameters'}{whose}"
    if bias and len(named) == 1:
        what = "the bias is in the gradient's penalty, but not in the loss's" if rate > 0 else "the loss has the bias in its penalty too"
        return f"{what}: the gradient {'has' if rate > 0 else 'lacks'} {times}{' too much' if rate > 0 else ''}"
    own = (Facts(look.loss).l2 or _growth(look, there)) if squared else np.nan
    if rate < 0:
        half = np.isclose(-2 * rate, own, rtol=0.01)
        maybe = " or halved" if not half and not np.isclose(-rate, own, rtol=0.01) else ""
        return f"the penalty is {'halved' if half else 'forgotten'}{maybe}: it lacks {times}, the derivative of {form} with λ = {size}"
    if abs(own) <= 0.01 * rate:
        what = "it has a penalty that the loss has not"
    elif np.isclose(own, rate, rtol=0.01):
        what = "the penalty is doubled"
    else:
        what = "the penalty is doubled, or in the gradient only"
    return f"{what}: it has {times} too much, the derivative of {form} with λ = {size}"


def _growth(look: Look, there: NDArray[np.bool_]) -> float:
    """Return the λ of the loss's own ½ λ‖w‖², where it alone grows with the square of the weights; nan where this cannot be told."""
    weights = np.arange(look.point.size)[look.where][look.some[there]]
    far = np.repeat(look.point[:, np.newaxis], len(FAR), axis=1)
    far[weights] *= FAR
    found = 2 * look.loss.value(far) / (far[weights] ** 2).sum(axis=0)
    if not np.isfinite(found).all() or not (np.isclose(found[0], found[1], rtol=0.01) or (np.abs(found) < 1e-5).all()):
        return np.nan
    return float(found[-1])


SLIPS: dict[str, Callable[[Activation, Array, Array], Array]] = {
    "is missing": lambda f, z, a: np.ones_like(z),
    "is there twice": lambda f, z, a: _slope(f, z) ** 2,
    "is taken at the activation's output instead of its input": lambda f, z, a: _slope(f, a),
    "is taken of the input by the formula for the output": lambda f, z, a: f.slope(z.copy()),
}
"""What stands in a gradient instead of f′(z), where a = f(z)."""


def _slope(f: Activation, z: Array) -> Array:
    slope: Array = f.slope(z.copy() if f.of_input else f.value(z.copy()))
    return slope


def slip(loss: Loss, point: Array, weights: slice, bias: slice, eps: float, random: np.random.Generator) -> str:
    """Return what is wrong with the derivative of the activation f behind z = Wa + b; empty where nothing can be told.

    With W = 0 every example has z = b, so that a wrong f′ is off by a factor that is the same for all examples and known for each unit: its
    activation and mistake are those whose factors the gradient by b has, at two b of opposite sign. A normalization after W prevents it.
    """
    some = np.sort(random.permutation(np.arange(point.size)[bias])[:32])
    z, seen = random.uniform(0.3, 1.5, point.size) * random.choice((-1, 1), point.size), None
    for turned in (z, -z):
        at = point.copy()
        at[weights], at[bias] = 0, turned[bias]
        given = loss.value_and_gradient(at[:, np.newaxis])[1][some, 0]
        right, doubt, _ = derivatives(loss, at, each(some), eps)
        if not (np.isfinite(given).all() and np.isfinite(right).all() and right.any()):
            return ""
        fits = set()
        for name, f in ACTIVATIONS.items():
            for what, instead in SLIPS.items():
                b = at[some]
                expected, slope = instead(f, b, f.value(b.copy())) * right, _slope(f, b)
                length = float(np.linalg.norm(expected))
                if np.linalg.norm(given * slope - expected) <= min(
                    max(EXPLAINED * length, 10 * doubt), AT_MOST * length
                ) and not np.allclose(slope, instead(f, b, f.value(b.copy())), rtol=0.01):
                    fits.add(f"the derivative of {name} {what}")
        seen = fits if seen is None else seen & fits
    return " or ".join(sorted(seen or ()))
