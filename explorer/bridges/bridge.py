"""What both bridges share: a model as a `Loss`, whose points are numpy's, many at once, in pieces that fit into memory."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from textwrap import shorten
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from explorer.core.ground.arrays import Array
from explorer.core.ground.checks import check_number, check_one, must, typed
from explorer.core.ground.extras import needs
from explorer.core.ground.prose import counted
from explorer.core.losses.protocol import blocks_of, finite_rows, of_one_or_many
from explorer.core.losses.wrapped import differences

MEMORY = 2**28
"""Bytes that the intermediate results of one piece may take; where more runs are asked for, they are computed one piece after another."""

PRODUCT = 4
"""How many times the memory of a gradient a product with the Hessian takes: it keeps the gradient's own intermediate results too."""

FEW = 16  # examples on which the product with the Hessian is compared with what it should be
AGREE = 0.01  # the share by which the two may differ

BY_DIFFERENCES = (
    "products with the model's Hessian are central differences of its gradients, less exact and slower: {}; runs are not concerned"
)

Times = Callable[[Array], Array]


class Model(Protocol):
    """The arithmetic of one library, a point a row: ``(runs, dim)`` in, ``(runs,)`` or ``(runs, dim)`` out, in the model's own types."""

    def value(self, x: Array, data: Any) -> Array:
        """Return the loss on these data at each point."""

    def value_and_gradient(self, x: Array, data: Any) -> tuple[Array, Array]:
        """Return the loss and its gradient."""

    def hessian_at(self, x: Array, data: Any) -> Times:
        """Return the function v -> Hv at these points."""

    def on(self, data: Any, rows: NDArray[np.intp]) -> Any:
        """Return these rows of the data."""

    def arrays(self, data: Any) -> list[NDArray[Any]]:
        """Return the numbers of the data, an example a row of each."""

    def portable(self, data: Any) -> Any:
        """Return the data as what another process can read."""

    def memory(self, data: Any) -> int:
        """Return the bytes that the intermediate results of one run take."""

    def has_product(self, x: Array, data: Any) -> bool:
        """Return whether there is a product with the Hessian at a point; raises what the library says of data that do not fit."""

    def in_float64(self, data: Any) -> Callable[[Array, Array], tuple[Array, Array]]:
        """Return the function from points and vectors to the gradient and its product with the Hessian, all in float64."""


@np.errstate(all="ignore")
def is_exact(model: Model, start: Array, data: Any, examples: int = 1) -> bool:
    """Return whether there is a product with the Hessian at the start, and it is what differences of gradients say.

    They are of a few examples, in float64. It is wrong only where four of them, to both sides and with a tenth of the others' stride, agree
    with each other and not with it: so no kink, at the start or between two points, is blamed. What cannot be computed in float64 is taken
    to be right.
    """
    try:
        some = model.on(data, np.arange(min(FEW, examples)))
        exists = model.has_product(start[np.newaxis], some)
    except Exception:  # noqa: BLE001 - whatever it says of fewer examples than it wants
        some, exists = data, model.has_product(start[np.newaxis], data)
    if not exists:
        return False
    x = start[np.newaxis].astype(float)
    v = np.random.default_rng(0).standard_normal(x.shape)
    v *= max(float(np.linalg.norm(x)), 1.0) / np.linalg.norm(v)
    try:
        both = model.in_float64(some)
        here, product = both(x, v)
        sides = np.array([[(both(x + side * h * v, v)[0] - here) / (side * h) for side in (1, -1)] for h in (1e-6, 1e-7)])
    except Exception:  # noqa: BLE001 - whatever it is that wants another type
        return True
    agreed = sides.mean(axis=(0, 1))
    off = np.linalg.norm(agreed - product)
    return not (off > AGREE * np.linalg.norm(agreed) and all(np.linalg.norm(each - agreed) < 0.1 * off for each in sides.reshape(4, -1)))


@of_one_or_many
@dataclass(frozen=True, eq=False, repr=False)
class Bridge:
    """A model of another library as a `Loss`; `torch_loss` and `jax_loss` make one.

    `start` ``(dim,)`` are its parameters, one after another, in float64 if one of them is, else in float32. Points of any type are
    computed in the parameters' own types, whose ε is `rounding`, and results have the type of the points. `shapes` are those of the
    parameters, by their names. Unless `exact_product`, products with the Hessian are central differences of gradients.
    """

    model: Model
    start: Array
    shapes: Mapping[str, tuple[int, ...]]
    rounding: float
    lower_bound: float | None
    data: Any = ()
    exact_product: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        if self.lower_bound is not None:
            check_one("lower_bound", check_number("lower_bound", self.lower_bound))

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}: {counted(len(self.start), 'parameter')} in {counted(len(self.shapes), 'block')}, as {self.start.dtype}"
        )

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"data": self.model.portable(self.data)}

    minimum = None
    order = "F"  # a run's numbers beside each other, as the libraries want them

    @property
    def dim(self) -> int:
        return len(self.start)

    @property
    def blocks(self) -> tuple[tuple[str, slice], ...]:
        """Where each parameter lies in a point."""
        return blocks_of(self.shapes)

    def value(self, x: Array) -> Array:
        return np.concatenate([self._as(x, self.model.value(rows, self.data)) for rows in self._pieces(x)])

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        values, gradients = zip(*(self.model.value_and_gradient(rows, self.data) for rows in self._pieces(x)), strict=True)
        return self._as(x, np.concatenate(values)), self._as(x, np.concatenate(gradients)).T

    def hvp(self, x: Array, v: Array) -> Array:
        if not self.exact_product:
            return self.hessian_at(x)(v)
        pieces = zip(self._pieces(x, PRODUCT), self._pieces(v, PRODUCT), strict=True)
        return self._as(v, np.concatenate([self.model.hessian_at(rows, self.data)(along) for rows, along in pieces])).T

    def hessian_at(self, x: Array) -> Times:
        """The function v -> Hv at these points ``(dim, runs)``; the gradient is computed once, where one piece can keep it."""
        if not self.exact_product:
            return differences(self, x, self.rounding ** (1 / 3))
        pieces = self._pieces(x, PRODUCT)
        if len(pieces) > 1:
            return lambda v: self.hvp(x, v)
        times = self.model.hessian_at(pieces[0], self.data)
        return lambda v: self._as(v, times(self._rows(v))).T

    def _pieces(self, x: Array, share: int = 1) -> list[Array]:
        """Points as rows in the start's type, as many together as fit into `MEMORY`."""
        at_once = max(MEMORY // (share * max(self.model.memory(self.data), 1)), 1)
        return np.split(self._rows(x), range(at_once, x.shape[1], at_once))

    def _rows(self, x: Array) -> Array:
        return np.array(x.T, self.start.dtype, order="C")

    @staticmethod
    def _as(x: Array, found: Array) -> Array:
        return found.astype(x.dtype, copy=False)


@dataclass(frozen=True, eq=False, repr=False)
class DataBridge(Bridge):
    """The same of a model with data: a mean or a sum, as `reduction` says, over as many `examples` as the first axis of the data has."""

    examples: int = 1
    reduction: str = "mean"

    @property
    def finite_examples(self) -> NDArray[np.bool_]:
        return finite_rows(*self.model.arrays(self.data))

    def on(self, rows: NDArray[np.intp]) -> Self:
        """Return the loss on these examples, counted from 0. Raises ValueError for what does not name some of them."""
        rows = np.asarray(rows)
        if rows.ndim != 1 or not rows.size or rows.dtype.kind not in "iu" or rows.min() < 0 or rows.max() >= self.examples:
            raise must("rows", f"a list of whole numbers from 0 to {self.examples - 1}", typed(rows.tolist()))
        return replace(self, data=self.model.on(self.data, rows), examples=len(rows))


def said(error: Exception) -> str:
    """Return what a library says, in one line of at most some hundred letters."""
    return f"{type(error).__name__}: {shorten(str(error), 300, placeholder=' …')}"


def needed(library: str, title: str) -> Any:
    """Return a library that is imported only here. Raises ModuleNotFoundError with the line to type where it is not installed."""
    with needs(library, f"a loss from {title}"):
        return importlib.import_module(library)
