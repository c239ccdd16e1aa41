"""What theory says of mini-batches and noise: where the mean square stops shrinking, and the floor it then keeps.

The theory is of independent draws: batches drawn at every step from all examples, each without repetition or, with `replacement`, each
example by itself. Shuffled epochs, the loop's default, have the same first step and a lower floor, because what one batch leaves out
the next ones contain.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy
from numpy.typing import ArrayLike

from explorer.core.ground.checks import check_whole, must
from explorer.core.losses.protocol import Array, DataLoss, Facts, seen

MOST_DIMENSIONS = 20  # of a second moment: its operator has dim⁴ numbers, 160 000 of them here


def batch_variance_share(examples: int, batch_size: int, *, replacement: bool = False) -> float:
    """Return the variance of a mini-batch's mean, as a share of the variance over the examples: c.

    1/B with replacement, (n - B)/(B(n - 1)) without, which is 0 for the full batch.

    >>> batch_variance_share(10, 2, replacement=True), batch_variance_share(10, 10)
    (0.5, 0.0)
    """
    n, size = check_whole("examples", examples, at_least=1), check_whole("batch_size", batch_size, at_least=1)
    if replacement:
        return 1 / size
    if size > n:
        raise must("batch_size", f"at most the number of examples, {n}", size)
    return (n - size) / (size * (n - 1)) if n > 1 else 0.0


@dataclass(frozen=True, eq=False)
class SecondMoment:
    """The recursion of E[eeᵀ], the mean square of the distance from a stationary point: M ← Q M + η²S.

    `hessians` ``(n, dim, dim)`` and `gradients` ``(n, dim)`` are those of each example at the point, `share` is c, so that a
    batch's Hessian has E[h_B ⊗ h_B] = H ⊗ H + c (mean hᵢ ⊗ hᵢ - H ⊗ H) (Mulayoff and Michaeli 2023, arXiv 2306.07850; THEORY 33).
    Exact for least squares; for other losses it holds near the minimum.
    """

    hessians: Array
    gradients: Array
    share: float

    @classmethod
    def of(cls, loss: DataLoss, x: ArrayLike, batch_size: int, *, replacement: bool = False) -> Self:
        """Return the second moment about the minimum `x` ``(dim,)`` of a loss that is a mean over its examples.

        Raises ValueError for more than `MOST_DIMENSIONS` dimensions, and for a sum over the examples.

        >>> from explorer import LOSSES
        >>> fit = LOSSES["linear_regression"](data="noisy_line")
        >>> moment = SecondMoment.of(fit, fit.minimizer, batch_size=5)
        >>> bool(moment.largest_rate < 2 / np.linalg.eigvalsh(moment.hessian)[-1])
        True
        """
        if loss.dim > MOST_DIMENSIONS:
            raise must("dim", f"at most {MOST_DIMENSIONS} for a second moment", loss.dim)
        if not Facts(loss).averages:
            raise must("reduction", "mean, since a batch's sum is its mean with the rate times batch_size", "sum")
        share = batch_variance_share(loss.examples, batch_size, replacement=replacement)
        point = np.repeat(np.asarray(x, dtype=float)[:, np.newaxis], loss.dim, axis=1)
        each = [loss.on(np.array([i])) for i in range(loss.examples)]
        hessians = np.stack([one.hvp(point, np.eye(loss.dim)) for one in each])
        gradients = np.stack([seen(one, point[:, :1])[1][:, 0] for one in each])
        return cls(hessians, gradients, share)

    @property
    def hessian(self) -> Array:
        return self.hessians.mean(axis=0)

    @property
    def _twice(self) -> Array:
        """E[h_B ⊗ h_B], ``(dim², dim²)``."""
        n, dim, _ = self.hessians.shape
        flat = self.hessians.reshape(n, dim * dim)
        each = (flat.T @ flat / n).reshape(dim, dim, dim, dim).transpose(0, 2, 1, 3).reshape(dim * dim, dim * dim)
        whole = np.kron(self.hessian, self.hessian)
        return whole + self.share * (each - whole)

    @property
    def _once(self) -> Array:
        """H ⊗ I + I ⊗ H, ``(dim², dim²)``."""
        unit = np.eye(len(self.hessian))
        return np.kron(self.hessian, unit) + np.kron(unit, self.hessian)

    @property
    def largest_rate(self) -> float:
        """The rate below which E‖e‖² does not grow: 2/λmax of E[h_B ⊗ h_B] against ½(H ⊗ I + I ⊗ H), where H curves at all.

        Q = E[(I - ηh_B) ⊗ (I - ηh_B)] maps positive matrices to positive ones, so its largest eigenvalue leaves the unit circle first,
        and uᵀQu < 1 says η uᵀE[h_B ⊗ h_B]u < uᵀ(H ⊗ I + I ⊗ H)u for every u. Infinite where nothing curves, 0 where something curves down.
        """
        values, vectors = np.linalg.eigh(self._once / 2)
        if values[-1] <= 0:
            return np.inf if values[0] == 0 else 0.0
        if values[0] < -1e-9 * values[-1]:
            return 0.0
        curved = values > 1e-12 * values[-1]
        basis = vectors[:, curved] / np.sqrt(values[curved])
        return float(2 / scipy.linalg.eigvalsh(basis.T @ self._twice @ basis)[-1])

    @property
    def noise(self) -> Array:
        """The covariance of a mini-batch's gradient at the point, ``(dim, dim)``: S, which is 0 where all examples are fitted."""
        off = self.gradients - self.gradients.mean(axis=0)
        return self.share * off.T @ off / len(off)

    def variance(self, learning_rate: float) -> Array:
        """Return the floor: what E[eeᵀ] ends at, ``(dim, dim)``, exact for any stable rate; inf beyond `largest_rate`.

        Along flat directions there is neither noise nor restoring force, and the floor is 0.
        """
        dim = len(self.hessian)
        if learning_rate >= self.largest_rate:
            return np.full((dim, dim), np.inf)
        stays = learning_rate * self._once - learning_rate**2 * self._twice  # I - Q
        moment = np.linalg.lstsq(stays, learning_rate**2 * self.noise.ravel(), rcond=1e-12)[0]
        return np.asarray(moment.reshape(dim, dim))

    def loss_floor(self, learning_rate: float) -> float:
        """Return the mean of the loss above its minimum that remains: ½ tr(H E[eeᵀ])."""
        variance = self.variance(learning_rate)
        return float(0.5 * np.sum(self.hessian * variance)) if np.isfinite(variance).all() else np.inf


def floor_variance(noise: ArrayLike, learning_rate: ArrayLike, curvature: ArrayLike, momentum: ArrayLike = 0.0) -> Array:
    """Return the variance of x that gradient noise of standard deviation `noise` sustains on curvature λ, with heavy-ball momentum β.

    η s² (1 + β) / (λ (1 - β)(2(1 + β) - ηλ)), from the variance of the second-order recurrence; without momentum η s²/(λ(2 - ηλ))
    (THEORY 34). The loss keeps ½λ times this (`floor_loss`). Infinite at and beyond the edge. All arguments broadcast.

    >>> float(floor_variance(1.0, 1.0, 1.0)), float(floor_variance(1.0, 0.1, 0.0))
    (1.0, inf)
    """
    s, rate, lam, b = (np.asarray(each, dtype=float) for each in (noise, learning_rate, curvature, momentum))
    with np.errstate(divide="ignore", invalid="ignore"):
        left = lam * (1 - b) * (2 * (1 + b) - rate * lam)
        return np.where(left > 0, rate * s**2 * (1 + b) / left, np.where(rate * s == 0, 0.0, np.inf))


def floor_loss(noise: ArrayLike, learning_rate: ArrayLike, curvature: ArrayLike, momentum: ArrayLike = 0.0) -> Array:
    """Return the mean of the loss above its minimum along one eigenvector: ½λ Var. Over several, add them up.

    >>> float(floor_loss(1.0, 1.0, 1.0))
    0.5
    """
    return 0.5 * np.asarray(curvature, dtype=float) * floor_variance(noise, learning_rate, curvature, momentum)
