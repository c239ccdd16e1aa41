"""Linear regression: a quadratic whose curvature comes from data."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray

from explorer.core import data as tables
from explorer.core.data import Columns, Examples, Noise, Response, Seed, Table, Tables
from explorer.core.ground.knobs import Knob
from explorer.core.losses.fit import Fit
from explorer.core.losses.protocol import LOSSES, Array, finite_rows, of_one_or_many
from explorer.core.losses.written import Written

TABLES = Tables(("diabetes", "linnerud", "line", "noisy_line"))
Data = Annotated[str, Knob(label="data", among=TABLES)]
Standardize = Annotated[bool, Knob(label="standardize the features", help="Every column to mean 0 and spread 1.")]
Intercept = Annotated[bool, Knob(label="intercept", help="Fit a constant too; without it the line goes through the origin.")]
Reduction = Annotated[Literal["mean", "sum"], Knob(label="over the examples", help="A sum is a mean with the rate times the examples.")]
Half = Annotated[bool, Knob(label="½ in front", help="½ (ŷ - y)² instead of (ŷ - y)²: half the curvature, twice the largest rate.")]
Start = Annotated[Literal["he", "zero"], Knob(label="start", help="he: random weights, intercept 0; zero: all zero.")]


@of_one_or_many
@dataclass(frozen=True, eq=False)
class LeastSquares:
    """The mean or sum over examples of (Xw - y)², or of its half. `X` is ``(examples, dim)``, `y` ``(examples,)``.

    >>> fit = LeastSquares(np.eye(2), np.array([3.0, 4.0]), np.zeros(2), ("a", "b"), reduction="sum", half=True)
    >>> fit.value_and_gradient(np.array([[0.0, 3.0], [0.0, 4.0]]))
    (array([12.5,  0. ]), array([[-3.,  0.],
           [-4.,  0.]]))
    >>> fit.on(np.array([1])).value(np.zeros((2, 1)))
    array([8.])
    """

    X: Array
    y: Array
    start: Array
    coordinates: tuple[str, ...]
    reduction: Literal["mean", "sum"] = "mean"
    half: bool = True
    compact: bool = True
    answer: str = "y"
    is_quadratic = True

    @property
    def dim(self) -> int:
        return self.X.shape[1]

    @property
    def examples(self) -> int:
        return len(self.y)

    @property
    def scale(self) -> float:
        return (0.5 if self.half else 1.0) / (self.examples if self.reduction == "mean" else 1)

    @property
    def formula(self) -> str:
        fronts = {("mean", True): r"\tfrac{1}{2n} ", ("mean", False): r"\tfrac{1}{n} ", ("sum", True): r"\tfrac{1}{2} ", ("sum", False): ""}
        return fronts[self.reduction, self.half] + r"\sum_{i=1}^{n} (x_i^\top w - y_i)^2"

    @cached_property
    def _terms(self) -> tuple[Array, Array, float]:
        """A, b and rest such that the loss is ‖Aw - b‖² + rest.

        With X = QR the residual splits into a part inside the columns of X and one outside that w cannot reach: ‖Xw - y‖² = ‖Rw - Qᵀy‖² +
        ‖y - QQᵀy‖². R is only (dim, dim), so a step costs the same for 8 examples as for a million, and unlike XᵀX it does not square the
        condition number. The scale goes in too, so that the loss itself, and not some larger number on the way, is the first to overflow.
        """
        root = self.scale**0.5
        if not self.compact or self.examples <= self.dim:
            return root * self.X, root * self.y, 0.0
        Q, R = np.linalg.qr(self.X)
        b = Q.T @ self.y
        return root * R, root * b, float(self.scale * np.sum((self.y - Q @ b) ** 2))

    def _residual(self, w: Array) -> tuple[Array, Array, float]:
        A, b, rest = self._terms
        A = A.astype(w.dtype, copy=False)
        return A, A @ w - b.astype(w.dtype, copy=False)[:, None], rest

    def value(self, x: Array) -> Array:
        _, r, rest = self._residual(x)
        return np.einsum("nr,nr->r", r, r) + rest

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        A, r, rest = self._residual(x)
        return np.einsum("nr,nr->r", r, r) + rest, 2 * (A.T @ r)

    def hvp(self, x: Array, v: Array) -> Array:
        A = self._terms[0].astype(v.dtype, copy=False)
        return 2 * (A.T @ (A @ v))

    @property
    def written(self) -> Written:
        mean, r = self.reduction == "mean", "r = X @ x - y\n"
        share = " / (2 * len(y))" if mean and self.half else " / len(y)" if mean else " / 2" if self.half else ""
        slope = f"return {'' if self.half else '2 * '}X.T @ r{' / len(y)' * mean}"
        return Written(f"{r}return r{share} @ r", r + slope, {"X": self.X, "y": self.y}, examples=("X", "y"))

    @property
    def finite_examples(self) -> NDArray[np.bool_]:
        return finite_rows(self.X, self.y)

    def on(self, rows: NDArray[np.intp]) -> Self:
        """Return the loss on these rows: the mean over them, or their sum. Not factorized, since a mini-batch is used only once."""
        return replace(self, X=self.X[rows], y=self.y[rows], compact=False)

    @cached_property
    def minimizer(self) -> Array | None:
        """The least-squares solution nearest the start; None if the data are not finite."""
        A, b, _ = self._terms
        if not (np.isfinite(A).all() and np.isfinite(b).all()):
            return None
        # Solving for the way from the start, of which lstsq returns the shortest, is what makes it the nearest.
        return self.start + np.linalg.lstsq(A, b - A @ self.start, rcond=None)[0]

    @cached_property
    def fit(self) -> Fit | None:
        """The line among the examples."""
        return Fit.line(self.X, self.y, self.coordinates, self.answer)

    @property
    def minimum(self) -> float | None:
        return None if self.minimizer is None else float(self.value(self.minimizer[:, None])[0])


@LOSSES
def linear_regression(
    data: Data = "diabetes",
    columns: Columns = ("bmi", "bp"),
    standardize: Standardize = False,
    intercept: Intercept = True,
    reduction: Reduction = "mean",
    half: Half = True,
    start: Start = "he",
    examples: Examples = 50,
    noise: Noise = 1.0,
    seed: Seed = 0,
    response: Response = "weight",
) -> LeastSquares:
    """A straight line through data, one neuron with no activation: its largest learning rate comes from the units of the data.

    Mean or sum over the examples of (ŷ - y)², halved or not, with ŷ = Xw. Its Hessian is scale · 2XᵀX, the same everywhere, so
    columns with large numbers make large curvature. He's start: He et al. 2015, arXiv 1502.01852, section 2.2. `data` is one of
    the tables listed, or the name of an uploaded one (`explorer.core.data.remember`). `columns` matters for diabetes only, `response` for
    linnerud, `examples` and `noise` for the noisy line; `seed` draws that line's points and He's weights.

    >>> linear_regression().coordinates
    ('bmi', 'bp', 'intercept')
    >>> linear_regression(data="line", half=False, start="zero").start
    array([0., 0.])
    """
    own = {"columns": columns, "examples": examples, "noise": noise, "seed": seed, "response": response}
    table = TABLES.load(data, own)
    table = tables.standardize(table) if standardize else table
    X, coordinates = with_intercept(table, intercept)
    return LeastSquares(
        X=X,
        y=table.target,
        start=first_weights(start, table, seed, intercept),
        coordinates=coordinates,
        reduction=reduction,
        half=half,
        answer=table.answer,
    )


def with_intercept(table: Table, intercept: bool) -> tuple[Array, tuple[str, ...]]:
    """Return the features and their names, and a column of ones called intercept if it is wanted: ``(n, dim)`` and dim names."""
    if not intercept:
        return table.features, table.names
    return np.column_stack([table.features, np.ones(len(table.target))]), (*table.names, "intercept")


def first_weights(start: Literal["he", "zero"], table: Table, seed: int, intercept: bool) -> Array:
    """He's random weights or zeros, one a feature, and 0 for the intercept."""
    p = table.features.shape[1]
    weights = np.zeros(p) if start == "zero" else np.random.default_rng(seed).standard_normal(p) * np.sqrt(2 / p)
    return np.append(weights, np.zeros(int(intercept)))
