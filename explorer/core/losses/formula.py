"""A loss that a visitor types. The text is read, never run: see `grammar` for what it may say, `symbols` for its derivatives."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from explorer.core.ground.checks import must
from explorer.core.ground.extras import needs
from explorer.core.ground.knobs import Knob
from explorer.core.losses.grammar import ALLOWED, EXAMPLE, MOST_VARIABLES, read
from explorer.core.losses.protocol import LOSSES, Array, of_one_or_many
from explorer.core.losses.written import Written

if TYPE_CHECKING:
    from explorer.core.losses.symbols import Compiled


@functools.lru_cache(maxsize=64)
def _compiled(text: str, beside: str | None = None) -> Compiled:
    with needs("formula", 'the loss "formula"'):
        from explorer.core.losses import symbols  # here, because sympy takes longer to import than everything else together

    return symbols.compiled(read(text, None if beside is None else read(beside)))


@of_one_or_many
@dataclass(frozen=True)
class Formula:
    """The loss that a text describes, with its derivatives worked out symbolically; the text is all that is compared and pickled.

    `minimum` is known only where the formula is quadratic. A kink has one slope and no curvature: that of
    abs and relu is 0 there, that of max and min the slope of their second argument.

    >>> Formula("x^2 * y").value_and_gradient(np.array([[1.0, 2.0], [3.0, 5.0]]))
    (array([ 3., 20.]), array([[ 6., 20.],
           [ 1.,  4.]]))
    """

    text: str

    @property
    def _compiled(self) -> Compiled:
        return _compiled(self.text)

    @property
    def coordinates(self) -> tuple[str, ...]:
        return self._compiled.variables

    @property
    def formula(self) -> str:
        return self._compiled.latex

    @property
    def dim(self) -> int:
        return len(self.coordinates)

    @property
    def start(self) -> Array:
        return np.ones(self.dim)

    @property
    def written(self) -> Written | None:
        return self._compiled.written()

    @cached_property
    def _constant_hessian(self) -> Array | None:
        return self.hvp(np.zeros((self.dim, self.dim)), np.eye(self.dim)) if self._compiled.is_quadratic else None

    @property
    def is_quadratic(self) -> bool:
        """Whether it is a quadratic with one minimum, for which the theory is exact."""
        return self.minimizer is not None

    @cached_property
    def minimizer(self) -> Array | None:
        """The minimum of a quadratic that curves upward in every direction; None otherwise."""
        H = self._constant_hessian
        if H is None or not np.isfinite(H).all():
            return None
        values = np.linalg.eigvalsh(H)
        if values[0] <= 1e-12 * values[-1]:
            return None
        with np.errstate(all="ignore"):
            slope = self.value_and_gradient(np.zeros((self.dim, 1)))[1][:, 0]
            lowest = np.asarray(-np.linalg.solve(H, slope))
            return lowest if np.isfinite(self.value(lowest[:, np.newaxis])).all() else None

    @property
    def minimum(self) -> float | None:
        """The smallest value of a quadratic; -inf where one curves downward; None where nothing is proven."""
        if self.minimizer is not None:
            with np.errstate(all="ignore"):
                return float(self.value(self.minimizer[:, np.newaxis])[0])
        H = self._constant_hessian
        bends_down = H is not None and np.isfinite(H).all() and (values := np.linalg.eigvalsh(H))[0] < -1e-12 * np.abs(values).max()
        return -np.inf if bends_down else None

    def value(self, x: Array) -> Array:
        return _filled([self._compiled.value(*x)], (1, x.shape[1]), x.dtype)[0]

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        value, *gradient = self._compiled.value_and_gradient(*x)
        return _filled([value], (1, x.shape[1]), x.dtype)[0], _filled(gradient, x.shape, x.dtype)

    def hvp(self, x: Array, v: Array) -> Array:
        rows = iter(self._compiled.hessian(*x))
        product = np.zeros_like(v)
        for i in range(self.dim):
            for j in range(i + 1):  # the lower triangle is all there is
                entry = next(rows)
                product[i] += entry * v[j]
                if i != j:
                    product[j] += entry * v[i]
        return product


def _filled(rows: Any, shape: tuple[int, int], dtype: Any = float) -> Array:
    out = np.empty(shape, dtype=dtype)
    for i, row in enumerate(rows):
        out[i] = row
    return out


@of_one_or_many
@dataclass(frozen=True)
class ByHand(Formula):
    """A formula with a gradient that somebody worked out by hand: right or wrong, it is used as typed.

    `components` has the partial derivative by each coordinate as a formula in the letters of the first; an empty one is worked out
    symbolically. Raises ValueError for a component that cannot be read, naming it.

    >>> wrong = ByHand("a*x^2*y; a = 3", ("2*x*y", ""))    # the factor a is forgotten
    >>> wrong.value_and_gradient(np.array([[1.0], [2.0]]))
    (array([6.]), array([[4.],
           [3.]]))
    """

    components: tuple[str, ...]
    minimum = minimizer = written = None  # what follows from the gradient may be as wrong
    is_quadratic = False

    def __post_init__(self) -> None:
        if len(self.components) != self.dim:
            raise must("components", f"{self.dim} formulas, one a coordinate", f"{len(self.components)}")
        for name, text in zip(self.coordinates, self.components, strict=True):
            try:
                self._typed(text)
            except ValueError as error:
                raise ValueError(f"∂f/∂{name}: {error}") from error

    def _typed(self, text: str) -> Compiled | None:
        return _compiled(text, self.text) if text.strip() else None

    @property
    def blocks(self) -> tuple[tuple[str, slice], ...]:
        return tuple((name, slice(i, i + 1)) for i, name in enumerate(self.coordinates))

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        value, gradient = super().value_and_gradient(x)
        for row, text in zip(gradient, self.components, strict=True):
            typed = self._typed(text)
            if typed is not None:
                row[:] = typed.value(*x)
        return value, gradient


Text = Annotated[
    str,
    Knob(
        label="formula",
        help=f"In {ALLOWED}. One to {MOST_VARIABLES} variables; a letter that is set after a semicolon is a number: a*x^2 + y^2; a = 3.",
        readable=_compiled,
    ),
]


@LOSSES.named("your own formula")
def formula(text: Text = EXAMPLE) -> Formula:
    """A loss of your own: type it, and its slope and curvature are worked out exactly.

    The loss as typed, from 1 in every variable; the variables are its letters in alphabetical order. A semicolon ends the formula;
    after it letters are set to numbers. Gradient and Hessian come from symbolic differentiation (sympy 1.14), not from differences.

    >>> loss = formula("a*x^2 + y^2; a = 5")
    >>> loss.coordinates, loss.hvp(np.zeros((2, 1)), np.ones((2, 1))).ravel().tolist()
    (('x', 'y'), [10.0, 2.0])
    >>> formula("x.real")
    Traceback (most recent call last):
    ValueError: formula must be made of numbers, letters, + - * / ^, ..., got '.'
    """
    return Formula(text)
