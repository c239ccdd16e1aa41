"""The theory of a rule on a parabola: two roots, from which its edge and its growth follow."""

from dataclasses import dataclass

import numpy as np

from explorer.core.ground.arrays import Array as Array

Number = float | Array  # a hyperparameter: a number, or an array ``(runs,)``


@dataclass(frozen=True)
class Recurrence:
    """What a rule does to ½λx² at learning rate η: x(t+1) = trace·x(t) - det·x(t-1), both affine in h = ηλ.

    ``trace = trace_0 - trace_h·h`` and ``det = det_0 - det_h·h`` are this table of constants; edge, roots and growth follow from it.
    Goh 2017, "Why Momentum Really Works", writes gradient descent and the heavy ball this way.

    >>> Recurrence(trace_0=1.9, trace_h=1, det_0=0.9, det_h=0).edge    # heavy ball, β = 0.9: 2(1 + β)
    3.8
    """

    trace_0: Number = 1.0
    trace_h: Number = 1.0
    det_0: Number = 0.0
    det_h: Number = 0.0

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

    def trace_and_det(self, h: Number) -> tuple[Array, Array]:
        """The two coefficients at `h`, broadcast together."""
        h = np.asarray(h, dtype=float)
        return self.trace_0 - self.trace_h * h, self.det_0 - self.det_h * h

    def roots(self, h: Number) -> Array:
        """Both roots of z² - trace·z + det at each h: complex ``(2, *h.shape)``, the larger in absolute value first."""
        trace, det = np.broadcast_arrays(*self.trace_and_det(h))
        half = np.asarray(trace, dtype=complex) / 2
        root = np.sqrt(half * half - det)
        larger = half + np.where(half.real < 0, -root, root)
        with np.errstate(divide="ignore", invalid="ignore"):
            smaller = np.where(larger == 0, 0, det / larger)  # the product of the roots is det: no cancellation
        return np.stack([larger, smaller])

    def growth(self, h: Number) -> Array:
        """The factor per step in the long run: the larger root's absolute value, at each h."""
        return np.abs(self.roots(h)[0])


PLAIN_STEP = Recurrence()  # gradient descent, x ← x - η g: stable while h < 2


def heavy_ball(beta: Number, share: Number = 1.0) -> Recurrence:
    """Momentum b ← β b + share · g, x ← x - η b: stable while h · share < 2(1 + β) (Goh 2017). With share 1 - β, b is a running mean.

    >>> round(heavy_ball(0.9, 1 - 0.9).edge, 6)    # 2(1 + β)/(1 - β)
    38.0
    """
    return Recurrence(trace_0=1 + beta, trace_h=share, det_0=beta, det_h=0.0)
