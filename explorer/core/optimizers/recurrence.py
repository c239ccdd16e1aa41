"""The theory of a rule on a parabola: two roots, from which its edge and its growth follow."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from explorer.core.ground.arrays import Array as Array
from explorer.core.ground.checks import check_floats

Number = float | Array  # a hyperparameter: a number, or an array ``(runs,)``


@dataclass(frozen=True)
class Recurrence:
    """What a rule does to ½λx² at learning rate η: x(t+1) = trace·x(t) - det·x(t-1), both affine in h = ηλ.

    ``trace = trace_0 - trace_h·h`` and ``det = det_0 - det_h·h`` are this table of constants; edge, roots and growth follow from it.
    Goh 2017, "Why Momentum Really Works", writes gradient descent and the heavy ball this way. `moves` says that it is the table of the
    first step only, because a constant in it has a schedule of its own. Where the table is not known, and so all that follows from it is
    nan, `unknown` says why.

    >>> Recurrence(trace_0=1.9, trace_h=1, det_0=0.9, det_h=0).edge    # heavy ball, β = 0.9: 2(1 + β)
    3.8
    """

    trace_0: Number = 1.0
    trace_h: Number = 1.0
    det_0: Number = 0.0
    det_h: Number = 0.0
    moves: bool = False
    unknown: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether it is x ← x - hx, gradient descent's, for every run."""
        return bool(np.all((self.trace_0 == 1) & (self.trace_h == 1) & (self.det_0 == 0) & (self.det_h == 0)))

    @property
    def edge(self) -> Number:
        """The largest h at which no root is outside the unit circle: Jury's test 1 + trace + det ≥ 0 fails first as h grows.

        Infinite where h has no say.
        """
        slope = self.trace_h + self.det_h
        return np.inf if np.ndim(slope) == 0 and slope == 0 else (1 + self.trace_0 + self.det_0) / slope

    @np.errstate(all="ignore")  # of an infinite h
    def trace_and_det(self, h: Number) -> tuple[Array, Array]:
        """The two coefficients at `h`, broadcast together."""
        h = check_floats("h", h)
        return self.trace_0 - self.trace_h * h, self.det_0 - self.det_h * h

    @np.errstate(all="ignore")
    def roots(self, h: Number) -> Array:
        """Both roots of z² - trace·z + det at each h: complex ``(2, *h.shape)``, the larger in absolute value first."""
        trace, det = np.broadcast_arrays(*self.trace_and_det(h))
        half = np.asarray(trace, dtype=complex) / 2
        root = np.sqrt(half * half - det)
        larger = half + np.where(half.real < 0, -root, root)
        smaller = np.where(larger == 0, 0, det / larger)  # the product of the roots is det: no cancellation
        return np.stack([larger, smaller])

    def growth(self, h: Number) -> Array:
        """The factor per step in the long run: the larger root's absolute value, at each h."""
        return np.abs(self.roots(h)[0])


PLAIN_STEP = Recurrence()  # gradient descent, x ← x - η g: stable while h < 2
ANY_CURVATURE = Recurrence(trace_h=0.0)  # a step of the same length on any curvature: no h is too large
UNKNOWN = Recurrence(np.nan, np.nan, np.nan, np.nan)  # left to be measured

LATE = 1000  # looks at a gradient of 0 after which the corrections of a start, such as Adam's, are mostly over
LATER = (1000, 2000, 4000, 8000, 16_000)  # and as many more, until a step is like the one before them
PERIOD = 12  # steps in a row that must be alike: a rule may step now and then only
SMALL = 1e-30  # a gradient whose square is nothing beside any ε
LOUD = (1.0, 1e6)  # gradients that a rule may answer though it does not answer small ones
APART = ((SMALL, 0.0), (SMALL, SMALL), (1.0, 0.5))  # gradients and what is remembered, on which the length of a step may depend
MOST = 64  # numbers beside one coordinate that a measured rule remembers: the eigenvalues of more take minutes
RATES = (1.0, 1e-6, 1e-3, 0.1, 10.0)  # a rule with the rate inside must have one edge h = ηλ at all of them
GROWS = 1e-9  # an eigenvalue this far outside of the unit circle is outside of it, not rounded


@np.errstate(all="ignore")
def measured(
    begin: Callable[..., Any], direction: Callable[..., Any], preconditioner: Callable[..., Array] | None, *, rated: bool = False
) -> Recurrence:
    """A recurrence with the edge of a rule that names none: infinite where none is found, as for steps that stay long as gradients shrink.

    At rest in a minimum, z = (x, what the rule remembers) is multiplied by the Jacobian of its step, whose first row is affine in h = ηλ.
    The Jacobian is measured on ½x², with what divides the step held still, and the edge is the smallest h at which one of its eigenvalues
    leaves the unit circle. The point does not move while the rule's counters run on. A rule has an `unknown` edge that raises an error
    there or changes the point, returns what is not finite, not the same twice or never the same for long, remembers more with every step
    or more than `MOST` numbers, whose steps depend on other coordinates or lead away at any rate, or that answers small gradients
    otherwise than in proportion or by long steps. The Jacobian of a `rated` rule has η inside, too: its edge is a number h only where that,
    and what divides its steps, is one at all `RATES`.
    """
    found, divided = [], []
    for rate in RATES if rated else RATES[:1]:
        asked = partial(direction, rate=rate)
        found.append(_at_rest(begin, asked, preconditioner))
        if found[-1].unknown:
            return found[-1]
        if rated and preconditioner is not None:
            x = np.ones((1, 1))
            step, state = asked(x, begin(x), x)
            divided.append(preconditioner(state, step))
    if all(_alike(one, other) for each in ([recurrence.edge for recurrence in found], divided) for one, other in pairwise(each)):
        return found[0]
    return replace(UNKNOWN, unknown="its steps are not in proportion to the rate that it is given, so no edge follows from a curvature")


def _alike(one: ArrayLike, other: ArrayLike, atol: float = 0.0) -> bool:
    return np.allclose(one, other, rtol=1e-6, atol=atol, equal_nan=True)


def _at_rest(begin: Callable[..., Any], direction: Callable[..., Any], preconditioner: Callable[..., Array] | None) -> Recurrence:
    """The same for a rule whose rate, if it is given one, is that of `direction`."""
    x = np.zeros((1, 1))
    try:
        runs = np.shape(direction(x, begin(x + 1), x + 1)[0])[-1]  # a point of zeros hides x *= 0.9
        x = np.zeros((1, runs))
        state = begin(x)
        for _ in range(LATE):
            before, (_, state) = state, direction(x, state, x)
        if [*map(np.shape, before)] != [*map(np.shape, state)]:
            return replace(UNKNOWN, unknown="what it remembers grows with every step, so no step is like the one before")
        memory = [i for i, part in enumerate(state) if np.ndim(part) and not np.any(part)]
        places = np.cumsum([1, *(np.size(state[i]) // runs for i in memory)])

        def step(z: Array) -> Any:
            """The direction and what is remembered after it: at z the gradient of ½x² is x; a decay, which sees x, counts apart."""
            parts = dict(zip(memory, np.split(z, places[:-1])[1:], strict=True))
            return direction(z[:1], tuple(parts[i].reshape(np.shape(part)) if i in parts else part for i, part in enumerate(state)), x)

        def moved(at: int, small: float) -> Array:
            """How the direction and all that is remembered answer one number of z, ``(n, runs)``."""
            z = np.zeros((places[-1], runs))
            z[at] = small
            d, after = step(z)
            d = d if preconditioner is None else d * preconditioner(after, d)
            return np.concatenate([np.reshape(each, (-1, runs)) for each in (d, *(after[i] for i in memory))]) / small

        def answers(small: float, sign: int = 1) -> Array:
            """The same for each number of z; a gradient has both signs, what is remembered may be a mean of squares."""
            return np.stack([moved(at, small if at else sign * small) for at in range(places[-1])], axis=1)

        alike = partial(_alike, atol=GROWS)
        whole, steady = answers(SMALL), False
        same = alike(whole, answers(SMALL))
        for late in LATER if same else ():
            for _ in range(late):
                _, state = direction(x, state, x)
            before, whole = whole, answers(SMALL)
            if steady := alike(before, whole):
                break
        for _ in range(PERIOD if steady else 0):
            _, state = direction(x, state, x)
            steady = steady and alike(whole, answers(SMALL))
        half, loud = answers(SMALL / 2, -1), [answers(each) for each in LOUD]
        lengths = [np.abs(step(np.repeat([[g], [remembered]], [1, places[-1] - 1], axis=0) * np.ones(runs))[0]) for g, remembered in APART]
    except Exception as error:  # noqa: BLE001 - a rule of somebody else that wants another point
        why = f"the rule raised {type(error).__name__}: {' '.join(str(error).split())}"
        return replace(UNKNOWN, unknown=why)
    if not (np.isfinite(whole).all() and np.isfinite(half).all()):
        return replace(UNKNOWN, unknown="what it returned for a gradient of 1e-30 is not finite")
    if not same:
        return replace(UNKNOWN, unknown="it does not answer the same gradient twice in the same way")
    if not steady:
        return replace(UNKNOWN, unknown="its steps go on to become longer or shorter of themselves, so that no rate is its edge")
    if all(length.all() and _alike(length, lengths[0]) for length in lengths):
        return ANY_CURVATURE  # times what divides it, a sign looks like any step in proportion
    if not (alike(whole, half) and _alike(whole[0], half[0], atol=GROWS * np.abs(whole[0]).max())):  # g³ is next to nothing, too
        longer = (np.abs(half) > np.abs(whole) * (1 - 1e-6) - GROWS).all() and not alike(np.abs(whole), np.abs(half))
        return ANY_CURVATURE if longer else replace(UNKNOWN, unknown="its steps are not in proportion to small gradients to both sides")
    if _coupled(begin, direction, runs):
        return replace(UNKNOWN, unknown="a coordinate's step depends on the others, so that no edge follows from a curvature alone")
    edges = np.array([_edge_of(jacobian) for jacobian in np.moveaxis(whole, -1, 0)])
    if np.isinf(edges).any() and not all(alike(whole, each) for each in loud):
        return replace(UNKNOWN, unknown="its steps are in another proportion to a gradient of 1 than to one of 1e-30, which has no edge")
    if not edges.all():
        return replace(UNKNOWN, unknown="it moves away from a minimum at any rate")
    return Recurrence(trace_h=2 / edges if runs > 1 else 2 / float(edges[0]))


def _coupled(begin: Callable[..., Any], direction: Callable[..., Any], runs: int) -> bool:
    """Whether three steps along one coordinate alone are others where there are more of them, or move these."""

    def steps(dim: int) -> Array:
        x = np.zeros((dim, runs))
        g, state, found = np.zeros_like(x), begin(x), []
        g[0] = 1.0
        for _ in range(3):
            d, state = direction(SMALL * g, state, x)
            found.append(d / SMALL)
        return np.stack(found)

    try:
        alone, among = steps(1), steps(3)
    except Exception:  # noqa: BLE001 - a rule for points of one coordinate alone
        return False
    return not (np.allclose(among[:, :1], alone, equal_nan=True) and np.allclose(np.nan_to_num(among[:, 1:]), 0))


def _edge_of(jacobian: Array) -> float:
    """The smallest h at which a root of the step grows, of this response ``(n, n)`` of direction and memory; infinite if there is none.

    It is 0 where one grows at any h. Of a direction that is ten times as long it is a tenth.
    """
    longest = float(np.abs(jacobian[0]).max())
    if longest == 0:
        return np.inf
    jacobian = np.vstack([jacobian[:1] / longest, jacobian[1:]])

    def steps(h: Array) -> Array:
        M = np.repeat(jacobian[np.newaxis], h.size, axis=0)
        M[:, 0] = np.eye(len(jacobian))[0] - h[:, np.newaxis] * jacobian[0]
        return M

    def larger(h: Array) -> Array:
        return np.asarray(np.abs(np.linalg.eigvals(steps(h))).max(axis=1) - 1)

    def grows(h: Array) -> bool:
        """Whether an eigenvalue is outside by more than rounding, which moves two that are nearly one by far more than a single one."""
        (M,) = steps(h)
        values, vectors = np.linalg.eig(M)
        at = int(np.argmax(np.abs(values)))
        with np.errstate(all="ignore"):
            left = np.linalg.pinv(vectors)[at]
        rounding = np.finfo(float).eps * np.linalg.norm(M) * np.linalg.norm(vectors[:, at]) * np.linalg.norm(left)
        return bool(np.abs(values[at]) - 1 > 10 * rounding)

    h = np.geomspace(1e-30, 1e15, 4501)
    outside = larger(h) > GROWS
    real = next((int(i) for i in np.flatnonzero(outside) if grows(h[i : i + 1])), None)
    if real is None:
        return np.inf
    inside = np.flatnonzero(~outside[:real])  # from the last of these on it grows
    h = h[inside[-1] if inside.size else 0 : real + 1]
    while not np.isclose(h[0], h[-1], rtol=1e-12, atol=0):
        first = int(np.argmax(larger(h) > GROWS))
        if first == 0:
            break
        h = np.linspace(h[first - 1], h[first], 101)
    return 0.0 if larger(h[:1] / 2)[0] > GROWS / 1000 else float(h[0]) / longest


def heavy_ball(beta: Number, share: Number = 1.0) -> Recurrence:
    """Momentum b ← β b + share · g, x ← x - η b: stable while h · share < 2(1 + β) (Goh 2017). With share 1 - β, b is a running mean.

    >>> round(heavy_ball(0.9, 1 - 0.9).edge, 6)    # 2(1 + β)/(1 - β)
    38.0
    """
    return Recurrence(trace_0=1 + beta, trace_h=share, det_0=beta, det_h=0.0)
