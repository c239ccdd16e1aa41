"""Logistic regression: two classes, a loss that flattens out instead of curving up forever."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray

from explorer.core import data as tables
from explorer.core.data import BlobPoints, CancerColumns, Cultivar, Gap, Seed, Species, Table, Tables
from explorer.core.ground.knobs import Knob
from explorer.core.losses.fit import Fit
from explorer.core.losses.protocol import LOSSES, Array, of_one_or_many
from explorer.core.losses.regression import Intercept, Standardize, first_weights, with_intercept
from explorer.core.losses.written import Written

TABLES = Tables(("blobs", "three_to_one", "breast_cancer", "iris", "wine"))
Data = Annotated[str, Knob(label="data", among=TABLES)]
Start = Annotated[Literal["zero", "he"], Knob(label="start", help="zero: every class equally likely; he: random weights, intercept 0.")]

NEWTON_ROUNDS = 100  # far more than Newton's method needs where there is a minimum: each round doubles the correct digits


@of_one_or_many
@dataclass(frozen=True, eq=False)
class LogisticLoss:
    """The mean over examples of log(1 + exp(-m)) with the margins m = y·Xw: `X` is ``(examples, dim)``, `y` of ±1 ``(examples,)``.

    Computed from exp(-|m|), so that no margin overflows it; far on the wrong side the loss is simply -m.

    >>> loss = LogisticLoss(np.array([[1.0], [1.0]]), np.array([1.0, 1.0]), np.zeros(1), ("x",))
    >>> loss.value(np.array([[0.0, -1000.0, 1000.0]]))
    array([6.93147181e-01, 1.00000000e+03, 0.00000000e+00])
    """

    X: Array
    y: Array
    start: Array
    coordinates: tuple[str, ...]
    formula = r"\tfrac{1}{n} \sum_{i=1}^{n} \log(1 + e^{-y_i x_i^\top w})"

    @property
    def dim(self) -> int:
        return self.X.shape[1]

    @property
    def examples(self) -> int:
        return len(self.y)

    @cached_property
    def _signed(self) -> Array:
        return self.X * self.y[:, np.newaxis]

    def _margins(self, w: Array) -> tuple[Array, Array, Array]:
        """Return the signed features, the margins ``(examples, runs)``, and exp(-|margin|)."""
        Z = self._signed.astype(w.dtype, copy=False)
        m = Z @ w
        return Z, m, np.exp(-np.abs(m))

    def value(self, x: Array) -> Array:
        _, m, e = self._margins(x)
        return (np.maximum(-m, 0) + np.log1p(e)).mean(axis=0)

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        Z, m, e = self._margins(x)
        wrong = np.where(m > 0, e, 1) / (1 + e)  # σ(-m), the probability that the model gives to the other class
        return (np.maximum(-m, 0) + np.log1p(e)).mean(axis=0), -(Z.T @ wrong) / len(Z)

    def hvp(self, x: Array, v: Array) -> Array:
        Z, _, e = self._margins(x)
        curvature = e / (1 + e) ** 2  # σ(m) σ(-m)
        return Z.T @ (curvature * (Z.astype(v.dtype, copy=False) @ v)) / len(Z)

    @property
    def written(self) -> Written:
        margins = "m = y * (X @ x)\n"
        value, gradient = "return np.logaddexp(np.zeros_like(m), -m).mean()", "return -X.T @ (y / (1 + np.exp(m))) / len(y)"
        return Written(margins + value, margins + gradient, {"X": self.X, "y": self.y}, examples=("X", "y"))

    def on(self, rows: NDArray[np.intp]) -> Self:
        return replace(self, X=self.X[rows], y=self.y[rows])

    @cached_property
    def _bottom(self) -> tuple[bool, Array | None]:
        """Whether a hyperplane separates the classes, and the minimizer nearest the start if Newton's method converges to one.

        Each Newton step is a weighted least-squares problem, solved without squaring its condition number; it is halved until the loss
        does not rise. A point with all margins positive is itself the proof that the classes are separable. The size of the step
        decides convergence, not that of the gradient, which vanishes on the way to infinity too.
        """
        if not np.isfinite(self.X).all():
            return False, None
        spread = np.abs(self.X).max(axis=0, initial=0)
        scaled = self._signed / np.where(spread > 0, spread, 1)
        w = np.zeros(self.dim)  # of the scaled features
        with np.errstate(all="ignore"):
            for _ in range(NEWTON_ROUNDS):
                m = scaled @ w
                if m.min() > 1e-12 * np.abs(m).max():
                    return True, None
                root = 0.5 / np.cosh(m / 2)  # √(σ(m) σ(-m)), and exp(-m/2) is σ(-m) divided by it
                way, _, rank, _ = np.linalg.lstsq(scaled * root[:, np.newaxis], np.exp(-m / 2), rcond=None)
                way = _not_uphill(m, scaled @ way) * way
                w = w + way
                if np.abs(way).max() <= 1e-10 * max(1, np.abs(w).max()):
                    w = w / np.where(spread > 0, spread, 1)
                    # Where the features do not decide a direction, any point along it is as good: the nearest to the start.
                    if rank < self.dim:
                        w = self.start + np.linalg.lstsq(self.X, self.X @ (w - self.start), rcond=None)[0]
                    return False, w
        return False, None

    @property
    def separable(self) -> bool:
        """Whether a hyperplane has every example on its own side: then the loss falls toward 0 forever and has no minimizer."""
        return self._bottom[0]

    @property
    def minimizer(self) -> Array | None:
        """The minimizer nearest the start; None where there is none: for separable classes, and those that only just touch."""
        return self._bottom[1]

    @property
    def minimum(self) -> float | None:
        """The smallest value; for separable classes the 0 that it approaches; None where neither is known."""
        if self.separable:
            return 0.0
        return None if self.minimizer is None else float(self.value(self.minimizer[:, np.newaxis])[0])

    @cached_property
    def fit(self) -> Fit | None:
        """The border between the classes."""
        return Fit.border(self.X, self.y, self.coordinates)

    @property
    def edge_curvature(self) -> Callable[[Array], Array] | None:
        """Zero everywhere on separable classes, where gradient descent converges at any rate; otherwise the Hessian decides."""
        return (lambda x: np.zeros_like(x[0])) if self.separable else None


def _not_uphill(m: Array, change: Array) -> float:
    """Return the largest of 1, ½, ¼ ... of a step that does not raise the loss; the whole step changes the margins `m` by `change`."""
    shares = 0.5 ** np.arange(30)
    losses = np.logaddexp(0, -m[:, np.newaxis] - change[:, np.newaxis] * shares).mean(axis=0)
    good = losses <= np.logaddexp(0, -m).mean() * (1 + 1e-15)
    return float(shares[good.argmax()]) if good.any() else 0.0


@LOSSES
def logistic_regression(
    data: Data = "blobs",
    columns: CancerColumns = ("mean radius", "mean texture"),
    species: Species = "setosa",
    cultivar: Cultivar = "first",
    standardize: Standardize = False,
    intercept: Intercept = True,
    start: Start = "zero",
    examples: BlobPoints = 50,
    gap: Gap = 2.0,
    seed: Seed = 0,
) -> LogisticLoss:
    """A line between two classes: if it can separate them no learning rate diverges; if it cannot, a large one cycles forever.

    Mean of log(1 + exp(-y xᵀw)) with labels y = ±1. Separable: gradient descent minimizes it at any constant rate (Wu, Braverman and
    Lee 2023, arXiv 2305.11788), though the loss may first rise; its infimum 0 is not reached. Not separable: the minimum is stable below
    2/λ and splits into cycles above, without ever diverging (Meng et al. 2024, arXiv 2406.05033). `data` is one of the tables listed, or
    the name of an uploaded one whose target has two different values, of which the larger is 1. `columns` matters for the breast
    cancer data, `species` for iris, `cultivar` for wine, `examples` and `gap` for blobs.

    >>> bool(logistic_regression(data="three_to_one").minimizer[0] == np.log(3))
    True
    >>> logistic_regression(gap=8).separable, logistic_regression(gap=1).separable
    (True, False)
    """
    own = {"columns": columns, "species": species, "cultivar": cultivar, "examples": examples, "gap": gap, "seed": seed}
    table = TABLES.load(data, own)
    y = signs(table, data)
    table = tables.standardize(table) if standardize else table
    X, coordinates = with_intercept(table, intercept)
    return LogisticLoss(X, y, first_weights(start, table, seed, intercept), coordinates)


def signs(table: Table, name: str) -> Array:
    """Return the target of two classes as ±1, the larger value 1. Raises ValueError if it has another number of different values."""
    values = np.unique(table.target)
    if len(values) != 2:
        raise ValueError(
            f"data must be a table whose target has two different values, one a class, got {name!r} with {len(values)} of them"
        )
    return np.where(table.target == values[1], 1.0, -1.0)
