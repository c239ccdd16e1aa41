"""What was forgotten? The common mistakes in a gradient, each tried on its numbers, and named only if it explains them at two points."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from explorer.core.ground.prose import plain
from explorer.core.losses.network.activations import ACTIVATIONS, Activation
from explorer.core.losses.protocol import Array, Facts, Loss, seen
from explorer.core.theory.differences import derivatives, each

EXPLAINED = 1e-4
"""A mistake is named if what it leaves unexplained is less than this share of what is wrong, or no more than the differences' own error."""

AT_MOST = 0.1
"""But it never leaves more than this share unexplained, however blurred the differences are."""

FAR = 10.0 ** np.arange(8, 0.4, -0.5)
"""A penalty ½ λ ‖w‖² is what grows with the square of the weights: seen with them multiplied by these, as far as the loss is finite."""


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

    def along(self, where: slice) -> float:
        """The derivative along all these numbers together."""
        return float(derivatives(self.loss, self.point, [np.arange(self.point.size)[where]], self.eps)[0][0])

    def explained(self, guess: Guess, *, confirmed: bool) -> bool:
        """Whether `guess` leaves nothing beside what is wrong, nor beside what it says is wrong with all but the worst of the numbers.

        One number that is wrong looks like many a mistake. If a guess was fitted to hardly more than it, it must be exact and `confirmed`.
        """
        rest, others = guess.rest(self), np.arange(self.some.size) != np.abs(self.off).argmax()
        silent = bool(np.linalg.norm((self.off - rest)[others]) <= self.noise)
        alone = bool(guess.free) and (silent or 2 * guess.free >= self.some.size)
        blur = 0.0 if alone else 10 * guess.blur * self.noise

        def nothing(some: slice | NDArray[np.bool_]) -> bool:
            wrong = float(np.linalg.norm(self.off[some]))
            return bool(np.linalg.norm(rest[some]) <= min(max(EXPLAINED * wrong, blur), AT_MOST * wrong))

        return (confirmed or not alone) and nothing(slice(None)) and (silent or nothing(others))


@dataclass(frozen=True)
class Guess:
    """One mistake that was tried: what it would leave unexplained at any look, and its name. `free` numbers were fitted to find it.

    The error of `rest` is `blur` times that of the differences.
    """

    rest: Callable[[Look], Array]
    words: str | Callable[[], str]
    free: int = 0
    blur: float = 1.0


def recognized(look: Look, again: Look | None) -> str:
    """Return the mistake that explains both looks, or nothing. Without a second look nothing is fitted to one number."""
    tried = (_zero, _factors, _transposed, _summed, _penalties, _swapped, partial(_factors, penalty=True))
    seen = [look] if again is None else [look, again]
    for guess in (guess for guesses in tried for guess in guesses(look)):
        if all(one.explained(guess, confirmed=again is not None) for one in seen):
            return guess.words if isinstance(guess.words, str) else guess.words()
    return ""


def _zero(look: Look) -> Iterator[Guess]:
    yield Guess(lambda one: one.off * one.whole.any(), "it is 0 everywhere, and the loss changes with it")


def _swapped(look: Look) -> Iterator[Guess]:
    """The gradient of another block of the same size."""
    for name, where in Facts(look.loss).groups:
        all_of_it = np.arange(look.point.size)[where]
        if name == look.block or all_of_it.size != look.whole.size:
            continue
        if np.isclose(look.whole.sum(), look.along(where), rtol=0.01, atol=look.noise):  # what costs one difference is tried first
            moves = each(all_of_it[look.some])
            rest = partial(lambda moves, one: one.analytic - derivatives(one.loss, one.point, moves, one.eps)[0], moves)
            yield Guess(rest, f"it has the numbers of {name}")


def _factors(look: Look, *, penalty: bool = False) -> Iterator[Guess]:
    """The sign, a sum for a mean or the reverse, any other number; with `penalty` of all but a penalty, which is in proportion to w."""
    parts = np.stack([look.numeric, look.weights] if penalty else [look.numeric], axis=1)
    if not parts.any(axis=0).all():
        return
    inverse = np.linalg.pinv(parts)
    times, *more = map(float, inverse @ look.analytic)
    error = 10 * look.noise * float(np.linalg.norm(inverse[0]))
    if (penalty and abs(times) <= error) or not times:
        return
    many, also = max(abs(times), 1 / abs(times)), " but for the penalty" if penalty else ""
    rounded = round(many)
    if abs(many - rounded) <= max(1e-4, error) * many:
        times = float(np.copysign(rounded if abs(times) > 1 else 1 / rounded, times))
    examples, reductions, words = Facts(look.loss).examples, ("sum", "mean"), f"it is {plain(times, 4)} times the right one{also}"
    taken, meant = reductions if abs(times) > 1 else reductions[::-1]
    if times == -1:
        words = f"it has the opposite sign{also}"
    elif rounded == examples > 1 and times in (rounded, 1 / rounded):
        words = f"it is the {taken} over the {examples} examples, where the loss is their {meant}{also}"
    elif examples == 1 and look.whole.size > 1 and rounded > 4 and times in (rounded, 1 / rounded):
        words += f", as a {taken} over {rounded} examples is where the loss is their {meant}"
    special = abs(times) in (rounded, 1 / rounded) and rounded <= 100

    def rest(one: Look) -> Array:
        return one.analytic - times * one.numeric - sum(much * one.weights for much in more)

    if times != 1:
        yield Guess(rest, words, free=penalty + (not special), blur=max(abs(times), 1.0))


def _transposed(look: Look) -> Iterator[Guess]:
    """The numbers of a matrix in the order of its transpose; where no shape is known, of every shape that fits."""
    shape, size = Facts(look.loss).shapes.get(look.block), look.whole.size
    for rows in (shape[0],) if shape and len(shape) == 2 else () if shape else range(2, size // 2 + 1):
        columns = size // rows
        if columns * rows == size and 1 < rows < size:
            words = f"it is transposed: its numbers are those of a {columns} × {rows} matrix, the block is {rows} × {columns}"
            words = words if rows != columns else f"{look.block} is transposed"
            yield Guess(partial(lambda rows, one: one.whole.reshape(-1, rows).T.ravel()[one.some] - one.numeric, rows), words)


def _summed(look: Look) -> Iterator[Guess]:
    """One number for all: the missing axis of a sum."""
    size = look.whole.size
    if size > 1 and np.ptp(look.whole) <= 1e-9 * np.abs(look.whole).max() and np.ptp(look.numeric) > EXPLAINED * np.abs(look.numeric).max():
        for share, word in ((1, "sum"), (size, "mean")):
            words = f"each of its {size} numbers is the {word} of all {size}: a {word} over the examples went over the units too"
            words += f", as {word}(dZ, keepdims=True) does without axis=1"
            yield Guess(partial(lambda share, one: one.analytic - one.along(one.where) / share, share), words)


def _penalties(look: Look) -> Iterator[Guess]:
    """The derivative of a penalty λ‖w‖²/2 or λ‖w‖₁ that is missing, too large, or there for a bias; of a matrix in all its numbers."""
    off, of = look.off, np.array([name.split("[")[0] for name in look.names])
    for squared, derivative in ((True, np.copy), (False, np.sign)):
        toward = derivative(look.weights)
        seen = (np.abs(off) > max(1e-3 * np.abs(off).max(), 10 * look.noise / np.sqrt(off.size))) & (toward != 0)
        there = np.isin(of, of[seen])
        if seen.any() and (squared or np.ptp(toward[seen])):  # of one sign only it is any constant
            rate = float(off[there] @ toward[there] / (toward[there] @ toward[there]))
            yield Guess(
                partial(lambda much, derivative, one: one.off - much * derivative(one.weights), rate * there, derivative),
                partial(_penalty, look, there, rate, squared=squared),
                free=1,
            )


def _penalty(look: Look, there: NDArray[np.bool_], rate: float, *, squared: bool) -> str:
    """Name what is wrong with a penalty whose derivative is too large by `rate` × the weights that are `there`."""
    named = {name.split("[")[0] for name, is_there in zip(look.names, there, strict=True) if is_there}
    bias = all(name.lower().startswith(("b", "intercept", "offset")) or name.lower().endswith("bias") for name in named)
    whose = "" if there.all() or len(named) > 3 else f" of {', '.join(sorted(named))}"
    much, form, too = abs(rate), "½ λ‖w‖²" if squared else "λ‖w‖₁", " too much" if rate > 0 else ""

    def amount(much: float) -> str:
        return f"{plain(much, 3)} times {'the parameters' if squared else 'the sign of the parameters'}{whose}{too}"

    if bias and len(named) == 1:
        what = "the bias is in the gradient's penalty, but not in the loss's" if rate > 0 else "the loss has the bias in its penalty too"
        return f"{what}: the gradient {'has' if rate > 0 else 'lacks'} {amount(much)}"
    verb, shares = ("has", {"doubled": 1.0}) if rate > 0 else ("lacks", {"forgotten": 1.0, "halved": 2.0, "of the wrong sign": 0.5})
    for i, own in enumerate(_own(look, there) if squared else ()):
        if rate > 0 and i == 0 and abs(own) <= 0.01 * rate:
            return f"it has a penalty that the loss has not: it has {amount(much)}, the derivative of {form} with λ = {plain(much, 3)}"
        for what, share in shares.items():
            if np.isclose(own, share * much, rtol=0.02):
                return f"the penalty is {what}: it {verb} {amount(own / share)}; the loss has {form} with λ = {plain(own, 3)}"
    *some, last = (f"{what} (λ = {plain(share * much, 3)})" for what, share in shares.items())
    maybe = f"{', '.join(some)} or {last}" if some else f"{last}, or in the gradient only"
    return f"the penalty is {maybe}: it {verb} {amount(much)}, the derivative of {form}"


def _own(look: Look, there: NDArray[np.bool_]) -> Iterator[float]:
    """Return what may be the λ of the loss's own ½ λ‖w‖²: of these weights, as it says, and then of other blocks, which may share it."""
    everything = np.arange(look.point.size)
    yield Facts(look.loss).l2 or _growth(look, everything[look.where][look.some[there]])
    others = (where for name, where in Facts(look.loss).groups if name != look.block and len(Facts(look.loss).shapes.get(name, ())) > 1)
    yield from (_growth(look, everything[where]) for where in others)


def _growth(look: Look, weights: NDArray[np.intp]) -> float:
    """Return the λ of ½ λ‖w‖², where it alone grows with the square of these weights; nan where this cannot be told.

    Unlike a square of the data it grows alike in all directions: it is seen in two.
    """
    ways = look.point[weights], look.point[weights][::-1] * (-1.0) ** np.arange(weights.size)
    far = np.repeat(look.point[:, np.newaxis], 6 * FAR.size, axis=1)
    far[weights] = np.concatenate([np.outer(way, times * FAR) for times in (1, 2, 3) for way in ways], axis=1)
    one, two, three = look.loss.value(far).astype(float).reshape(3, 2, -1)
    found = (three - 2 * two + one) / (ways[0] @ ways[0] * FAR**2)
    near, beyond = found[:, 1:], found[:, :-1]
    agree = [np.isclose(other, beyond[0], rtol=0.01) | (np.abs(other) + np.abs(beyond[0]) < 1e-5) for other in (*near, beyond[1])]
    known = beyond[0][np.all(agree, axis=0) & np.isfinite(beyond[0])]
    return float(known[0]) if known.size else np.nan


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
    z, looks = random.uniform(0.3, 1.5, point.size) * random.choice((-1, 1), point.size), []
    for turned in (z, -z):
        at = point.copy()
        at[weights], at[bias] = 0, turned[bias]
        looks.append((at[some], seen(loss, at[:, np.newaxis])[1][some, 0], *derivatives(loss, at, each(some), eps)[:2]))
    b, given, right, doubts = (np.hstack(part) for part in zip(*looks, strict=True))
    doubt = float(np.linalg.norm(doubts))

    def alike(these: Array, those: Array) -> bool:
        length = float(np.linalg.norm(those))
        return bool(np.linalg.norm(these - those) <= min(max(EXPLAINED * length, 10 * doubt), AT_MOST * length))

    if not (np.isfinite(given).all() and np.isfinite(right).all() and right.any()) or np.linalg.norm(given - right) <= 10 * doubt:
        return ""
    fits = set()
    for name, f in ACTIVATIONS.items():
        for what, instead in SLIPS.items():
            stands, slope = instead(f, b, f.value(b.copy())), _slope(f, b)
            if alike(given * slope, stands * right) and not np.allclose(slope, stands, rtol=0.01):
                fits.add(f"the derivative of {name} {what}")
    return " or ".join(sorted(fits))
