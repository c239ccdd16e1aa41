"""A plain Python function of one point as a loss, for many points at once."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from explorer.core.ground.arrays import rounding_of
from explorer.core.ground.checks import (
    NotReal,
    check_left,
    check_made,
    check_mapping,
    check_number,
    check_real,
    check_scalar,
    check_takes,
    check_whole,
    must,
    typed,
)
from explorer.core.ground.prose import plain
from explorer.core.ground.shelf import door
from explorer.core.losses.protocol import RUNS, Array, Loss, blocks_of, check_bound, check_loss, of_one_or_many, seen
from explorer.core.optimizers import length

Function = Callable[[Array], tuple[float, ArrayLike]]
Block = int | Sequence[int] | slice
Blocks = Mapping[str, Block] | Sequence[tuple[str, Block]]


Product = Callable[[Array, Array], ArrayLike]

SMALLER, LOOKS = 8, 13
"""The factor by which too wide a stride shrinks, and how often at most: from 6e-6 of a point to its rounding."""


@np.errstate(all="ignore")  # too wide a stride may leave what a function can say: it is then refused
def stride(loss: Loss, x: Array, share: float) -> Array:
    """The stride of a central difference of gradients at each point ``(dim, runs) -> (runs,)``: a share of the scale of what is smooth.

    That begins as the length of the point, or 1 if it is shorter, and shrinks until differences along a fixed direction agree with those of
    the next smaller stride, to within the share; where none do, as at a kink, it is where they agree best. It takes 4 gradients, at most
    2 · (`LOOKS` + 1).

    >>> narrow = from_function(lambda x: (float(np.cosh(x[0] / 1e-9)), np.sinh(x / 1e-9) / 1e-9), [0.0])
    >>> bool(stride(narrow, np.zeros((1, 1)), 6e-6)[0] < 1e-9)
    True
    """
    v = np.random.default_rng(1).standard_normal((len(x), 1))
    v, h = v / length(v), share * np.maximum(length(x), 1.0)
    best, gap, wide = h.copy(), np.full(h.size, np.inf), difference(loss, x, v, h)
    for _ in range(LOOKS):
        narrow = difference(loss, x, v, h / SMALLER)
        apart = length(wide - narrow) / length(narrow)
        better = apart < gap
        best, gap = np.where(better, h, best), np.where(better, apart, gap)
        if (gap <= share).all() or not (wide.any() or narrow.any()):  # a plane is smooth on every scale
            break
        wide, h = narrow, h / SMALLER
    return best


def difference(loss: Loss, x: Array, v: Array, h: Array) -> Array:
    """The central difference of gradients at `x` ``(dim, runs)`` along `v`, from strides `h` ``(runs,)`` to both sides."""
    return np.asarray((seen(loss, x + h * v)[1] - seen(loss, x - h * v)[1]) / (2 * h))


def differences(loss: Loss, x: Array, share: float) -> Callable[[Array], Array]:
    """Return the function v -> Hv at these points ``(dim, runs)`` by differences of gradients, whose strides are looked for once."""
    points, which = np.unique(x, axis=1, return_inverse=True)
    h = stride(loss, points, share)[which]
    return lambda v: difference(loss, x, v, h / np.where(v.any(axis=0), length(v), 1))


@of_one_or_many
@dataclass(frozen=True, eq=False)
class Pointwise:
    """A loss made of a function that knows one point ``(dim,)`` only; `from_function` makes one."""

    value_and_gradient_at: Function
    start: Array
    minimum: float | None = None
    coordinates: tuple[str, ...] = ()
    own_share: float | None = None
    blocks: tuple[tuple[str, slice], ...] = ()
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    product_at: Product | None = None

    @cached_property
    def rounding(self) -> float:
        """The ε of the type that the function computes in: the coarser of its value's and its gradient's."""
        return max(map(rounding_of, self.at(self.start)))

    @property
    def share(self) -> float:
        """Of the smooth scale, for a central difference: ε^⅓ of the function's digits, where its errors, h² and ε/h, are alike."""
        return self.own_share or self.rounding ** (1 / 3)

    @property
    def exact_product(self) -> bool | None:
        """False where the product with the Hessian is a difference; the function's own has to be checked."""
        return False if self.product_at is None else None

    @property
    def dim(self) -> int:
        return len(self.start)

    def value(self, x: Array) -> Array:
        return self.value_and_gradient(x)[0]

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        values, gradient = np.empty(x.shape[1], dtype=x.dtype), np.empty_like(x)
        for i, point in enumerate(x.T):
            if not np.isfinite(point).all():  # what has overflowed costs no more calls
                values[i], gradient[:, i] = np.nan, np.nan
                continue
            values[i], gradient[:, i] = self.at(point)
        return values, gradient

    def at(self, point: Array) -> tuple[Array, Array]:
        """Return value and gradient ``(dim,)`` at one point, in the function's own types; what is no number is refused with a sentence."""
        given = self.value_and_gradient_at(own := point.copy())
        if (own != point).any():
            check_left("value_and_gradient", point, own)
        try:
            if point.dtype.kind != "c":  # a complex step
                check_real("value_and_gradient", *given)
            value, slope = (_numbers(each, point.dtype.kind) for each in given)
            got = f"shapes {value.shape} and {slope.shape}"
        except NotReal:
            raise
        except (TypeError, ValueError, OverflowError, RuntimeError):
            got = typed(given)
        else:
            if value.ndim == 0 and slope.shape == point.shape:
                return value, slope
        raise must("value_and_gradient", f"a function from ({self.dim},) to a number and an array ({self.dim},)", got)

    def hvp(self, x: Array, v: Array) -> Array:
        """Return the Hessian at `x` times `v`: the function's own product where it has one, else a central difference of gradients.

        That is exact to about 1e-10 of the product where the loss is smooth on the scale that `stride` finds, and exact but for rounding on
        a quadratic; a kink closer than the stride is seen as a very large curvature.
        """
        return self.hessian_at(x)(v)

    def hessian_at(self, x: Array) -> Callable[[Array], Array]:
        """The function v -> Hv at these points, whose strides are looked for once."""
        if self.product_at is not None:
            return lambda v: np.stack([self._product(*each) for each in zip(x.T, v.T, strict=True)], axis=1)
        once, again = (self.at(x[:, 0])[1] for _ in range(2))
        if not np.array_equal(once, again, equal_nan=True):
            got = f"one that differs by {plain(float(np.linalg.norm(once - again)), 2)}"
            raise must("value_and_gradient", "a function that gives the same gradient twice: fix its random numbers, or give an hvp", got)
        return differences(self, x, self.share)

    def _product(self, point: Array, v: Array) -> Array:
        """The function's own product at one point ``(dim,)``; what is none is refused with a sentence."""
        assert self.product_at is not None
        found = np.asarray(self.product_at(point.copy(), v.copy()))
        if found.shape != point.shape:
            raise must("hvp", f"a function from two arrays ({self.dim},) to one", f"shape {found.shape}")
        return found


def _numbers(given: ArrayLike, kind: str) -> Array:
    """Return numbers as an array of their own type, complex ones only where the `kind` of the point is complex."""
    found = np.asarray(given)
    if found.dtype == object:  # such as Python's longest integers, or None
        return np.asarray(np.vectorize(float, otypes=[float])(found))
    if found.dtype.kind not in "biuf" + kind:
        raise TypeError
    return found


def as_loss(given: Any, start: ArrayLike | None, *, name: str = "start") -> Loss:
    """Return a loss as it is, or one made of a function and the start that it needs; refused with a sentence otherwise."""
    if isinstance(given, str) or hasattr(given, "value_and_gradient"):
        return check_loss(given, *RUNS)
    if callable(given) and start is None:
        raise must(name, "one or more numbers, (dim,), for a function", "none")
    return from_function(given, () if start is None else start)


def as_point(start: ArrayLike) -> Array:
    """A start as ``(dim,)``; refused with a sentence unless it is a list of finite numbers."""
    point = np.array(check_number("start", start, shape="numbers"), dtype=float)
    if point.ndim != 1 or not point.size:
        raise must("start", "one or more numbers, (dim,)", f"shape {point.shape}")
    return point


@door
def from_function(
    value_and_gradient: Function,
    start: ArrayLike,
    *,
    minimum: float | None = None,
    coordinates: Sequence[str] | None = None,
    blocks: Blocks | None = None,
    hvp: Product | None = None,
) -> Pointwise:
    """Return a loss from a function of one point: ``(dim,)`` to its value and its gradient ``(dim,)``. It works wherever a loss does.

    `value_and_gradient` is the function, `start` ``(dim,)`` where runs begin, `minimum` the smallest value, if it is known.
    Many runs are a loop in Python over the runs, so it costs a call of the function for each run at each step; write a class with the
    members of `Loss` to compute all runs at once. `hvp` is the product with the Hessian, from a point and a vector ``(dim,)`` each, where
    there is one; without it, it is a central difference of gradients.

    `blocks` are the groups that the numbers of the point belong to, in order: a name each, with its shape or a slice, such as
    ``{"W1": (16, 2), "b1": 16}``; `check_gradient` looks at each by itself and calls a number `W1[0, 1]`.

    Raises ValueError for a start that is not a list of finite numbers, a minimum above the value there, a different number of coordinates
    or of numbers in the blocks, and, once it is called, for a function whose value is no number or whose gradient has another shape than
    its point.

    See also: `Loss`, `torch_loss`, `jax_loss`, `check_gradient`. scipy's minimize takes such a function with jac=True.

    >>> bowl = from_function(lambda x: (x @ x, 2 * x), start=[3.0, 4.0], minimum=0.0)
    >>> bowl.value_and_gradient(np.array([[3.0, 0.0], [4.0, 1.0]]))
    (array([25.,  1.]), array([[6., 0.],
           [8., 2.]]))
    >>> from_function(lambda x: (x @ x, 2 * x), start=np.ones(6), blocks={"W": (2, 2), "b": 2}).blocks
    (('W', slice(0, 4, None)), ('b', slice(4, 6, None)))
    """
    check_made("value_and_gradient", value_and_gradient, Callable, "a function from a point (dim,) to its value and gradient, or a Loss")
    check_made("hvp", hvp, Callable | None, "None or a function from a point and a vector (dim,) to their product")
    point = as_point(start)
    if minimum is not None and not np.array_equal(minimum, -np.inf):
        minimum = check_scalar("minimum", minimum)
    sizes, shapes = _blocks(blocks, point.size)
    own = (f"{name}{list(at) if at else ''}" for name, size in sizes.items() for at in np.ndindex(shapes.get(name, size)))
    if coordinates is None:
        names = tuple(own if sizes else (f"x{i}" for i in range(1, point.size + 1)))
    else:
        names = () if isinstance(coordinates, str) or not np.iterable(coordinates) else tuple(coordinates)
    if len(names) != point.size or not all(isinstance(name, str) for name in names):
        raise must("coordinates", f"{point.size} names, one a number of the start", typed(coordinates))
    check_takes("value_and_gradient", value_and_gradient, "x")
    if hvp is not None:
        check_takes("hvp", hvp, "x", "v")
    made = Pointwise(value_and_gradient, point, minimum, names, blocks=blocks_of(sizes), shapes=shapes, product_at=hvp)
    return check_bound("minimum", minimum, made)


def _blocks(blocks: Blocks | None, dim: int) -> tuple[dict[str, tuple[int, ...]], dict[str, tuple[int, ...]]]:
    """Return how many numbers each block has, and the shapes of those that were given one."""
    sizes: dict[str, tuple[int, ...]] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    end = 0
    for name, given in check_mapping("blocks", () if blocks is None else blocks, '{"W1": (16, 2), "b1": 16}').items():
        if isinstance(given, slice):
            if given.start != end or given.step not in (None, 1):
                raise must("blocks", "slices that follow each other from 0 on", f"{given} for {name}")
            sizes[name] = (check_whole(f"the end of {name} in blocks", given.stop, at_least=end) - end,)
        else:
            shape = given if isinstance(given, list | tuple) else np.ravel(given) if isinstance(given, np.ndarray) else [given]
            sizes[name] = shapes[name] = tuple(check_whole(f"the shape of {name} in blocks", each, at_least=0) for each in shape)
        end += math.prod(sizes[name])
    if sizes and end != dim:
        raise must("blocks", f"of {dim} numbers together, as the start has", f"{end}")
    return sizes, shapes
