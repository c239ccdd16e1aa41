"""What a loss is: a function and its derivatives as one value, for many points at once."""

import functools
import itertools
import math
from collections.abc import Callable, Mapping
from numbers import Real
from types import FunctionType
from typing import Any, Generic, Literal, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from explorer.core.ground.arrays import Array as Array
from explorer.core.ground.checks import NotReal, check_floats, check_left, check_real, check_takes, must, typed
from explorer.core.ground.prose import plain
from explorer.core.ground.shelf import Shelf
from explorer.core.losses.fit import Fit
from explorer.core.losses.written import Written
from explorer.core.optimizers.rule import Blocks


@runtime_checkable
class Loss(Protocol):
    """A scalar function of `dim` numbers with its exact derivatives. Any class with these members will do.

    The last axis is always runs: `x` is ``(dim, runs)``, so ``a, b = x`` unpacks a surface's coordinates and one point is a
    batch of one. Overflow is a result: values may come back inf or nan, and nothing is raised or clipped. Results have the
    floating type of `x`; what is written below as an array is float64. For a look by hand, the losses of this library and of its
    bridges take one point ``(dim,)`` too.

    A loss may know more of itself, under the names of `Facts`: those members are optional.

    See also: `LOSSES`, `from_function`, `torch_loss`, `jax_loss`.

    >>> class Valley:
    ...     dim, start, minimum = 2, np.array([1.0, 1.0]), 0.0
    ...
    ...     def value(self, x):
    ...         return x[0] ** 2 + 50 * x[1] ** 2
    ...
    ...     def value_and_gradient(self, x):
    ...         return self.value(x), np.stack([2 * x[0], 100 * x[1]])
    ...
    ...     def hvp(self, x, v):
    ...         return np.stack([2 * v[0], 100 * v[1]])
    >>> from explorer import critical_learning_rate
    >>> critical_learning_rate(Valley(), "gradient_descent")    # 2/λ with λ = 100
    0.02
    """

    @property
    def dim(self) -> int:
        """How many numbers a point has."""

    @property
    def start(self) -> Array:
        """Where a run begins unless told otherwise: ``(dim,)``."""

    @property
    def minimum(self) -> float | None:
        """The smallest value; None where it is not known, -inf where there is none."""

    def value(self, x: Array) -> Array:
        """Return the loss at each point: ``(dim, runs) -> (runs,)``."""

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        """Return the loss and its gradient: ``(dim, runs) -> (runs,), (dim, runs)``."""

    def hvp(self, x: Array, v: Array) -> Array:
        """Return the exact Hessian at `x` times `v`: ``(dim, runs), (dim, runs) -> (dim, runs)``."""


@runtime_checkable
class DataLoss(Loss, Protocol):
    """A loss that is a mean or a sum over examples; `on` is the same loss on some of them (a mini-batch)."""

    @property
    def examples(self) -> int:
        """How many examples there are."""

    def on(self, rows: NDArray[np.intp]) -> Loss:
        """Return the loss on these rows only, with the same reduction."""


Of = TypeVar("Of", bound=type)


def of_one_or_many(loss: Of) -> Of:
    """Let the members of a class of losses take one point ``(dim,)`` too: a number for ``(runs,)``, and ``(dim,)`` for ``(dim, runs)``.

    Raises ValueError for one of another length, or of no numbers.

    >>> from explorer import LOSSES
    >>> bowl = LOSSES["quadratic"](eigenvalues=(1, 10))
    >>> bowl.value(bowl.start), bowl.value_and_gradient([1.0, 0.0])
    (np.float64(5.5), (np.float64(0.5), array([1., 0.])))
    """

    def column(self: Any, name: str, point: Array) -> Array:
        if point.shape != (self.dim,):
            raise must(name, f"{self.dim} numbers, (dim,) or (dim, runs)", f"shape {point.shape}")
        return point[:, np.newaxis]

    def alone(of_many: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(of_many)
        def asked(self: Any, x: Array, *v: Array) -> Any:
            try:
                if x.ndim > 1:  # all that a step of a run has to pay for it
                    return of_many(self, x, *v)
            except AttributeError:
                if hasattr(x, "ndim"):
                    raise
                return asked(self, *(check_floats("x", each, shape="numbers") for each in (x, *v)))
            found = of_many(self, *(column(self, *each) for each in zip("xv", (x, *v), strict=False)))
            return tuple(each[..., 0][()] for each in found) if isinstance(found, tuple) else found[..., 0][()]

        return asked

    for name in {"value", "value_and_gradient", "hvp"} & {*vars(loss)}:
        setattr(loss, name, alone(getattr(loss, name)))
    return loss


Known = TypeVar("Known")


def _number(given: Any) -> bool:
    return isinstance(given, float | np.floating | np.integer) or (type(given) is int and abs(given) <= int(np.finfo(float).max))


def _parts(given: Any) -> bool:
    """Whether these are names with slices, as `Facts.blocks` has them."""
    pairs = isinstance(given, tuple | list) and all(isinstance(each, tuple | list) and len(each) == 2 for each in given)
    return pairs and all(isinstance(name, str) and isinstance(at, slice) and None not in (at.start, at.stop) for name, at in given)


class Optional(Generic[Known]):
    """A member that a loss may have, what holds where it has none, and what it must be: in words, and as a type or a test."""

    def __init__(self, default: Known, rule: str = "True or False", holds: Any = bool | np.bool_) -> None:
        self.default, self.rule, self.holds = default, rule, holds

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, facts: "Facts", owner: type) -> Known:
        with np.errstate(all="ignore"):  # of a loss whose numbers overflow, a fact may be inf or nan
            found: Known = getattr(facts.loss, self.name, self.default)
        if found is not self.default and not (
            isinstance(found, self.holds) if not isinstance(self.holds, FunctionType) else self.holds(found)
        ):
            raise must(f"the loss's {self.name}", self.rule, typed(found))
        return found


MANY = 2**31  # examples: a batch is drawn from a list of them
MAYBE_POINTS = "None or a function of points (dim, runs)"


class Facts:
    """What a loss may know of itself beyond `Loss`, each with what holds where it has no such member. Read when asked for.

    >>> class Bowl:
    ...     dim = 2
    >>> Facts(Bowl()).minimizer, Facts(Bowl()).coordinates, Facts(Bowl()).groups
    (None, ('x1', 'x2'), (('x', slice(0, 2, None)),))
    """

    def __init__(self, loss: Loss) -> None:
        self.loss = loss

    minimizer = Optional[Array | None](None, "None or an array (dim,)", np.ndarray | None)
    """A point ``(dim,)`` where `minimum` is reached, the one nearest `start` if there are several."""
    lower_bound = Optional[float | None](None, "None or a number", lambda given: given is None or _number(given))
    """A value that the loss never falls below, such as 0 for a mean of squares, where its minimum is not known."""
    best_constant = Optional(math.nan, "a number", _number)
    """Of a network: the loss of the best answer that is the same for every example."""
    formula = Optional("", "a text", str)
    """The loss in LaTeX."""
    is_quadratic = Optional(False)
    """Whether the Hessian is the same everywhere, so that the theory of a quadratic is exact."""
    eigenvalues = Optional[tuple[float, ...]]((), "a tuple of numbers", lambda given: isinstance(given, tuple) and all(map(_number, given)))
    """Of a Hessian that is the same everywhere, all of them, in any order, where the loss knows them."""
    edge_curvature = Optional[Callable[[Array], Array] | None](None, MAYBE_POINTS, Callable | None)
    """``(dim, runs) -> (runs,)``, only where the edge has a closed form other than the Hessian's top eigenvalue: gradient descent from
    `x` stays bounded for learning rates below 2 / edge_curvature(x)."""
    divergence_rate = Optional[Callable[[Array], Array] | None](None, MAYBE_POINTS, Callable | None)
    """``(dim, runs) -> (runs,)``, only where gradient descent from `x` still stays bounded beyond the edge: up to this rate."""
    hessian_at = Optional[Callable[[Array], Callable[[Array], Array]] | None](None, MAYBE_POINTS, Callable | None)
    """From points to the function v -> Hv there, where that saves computing the same again for every v."""
    exact_product = Optional[bool | None](None, "None, True or False", bool | np.bool_ | None)
    """Whether `hvp` is known to be the derivative of the gradient (True), or is a difference of gradients (False); else it is checked."""
    blocks = Optional[tuple[tuple[str, slice], ...]](
        (), 'pairs of a name and a slice, such as (("W1", slice(0, 32)), ("b1", slice(32, 48)))', _parts
    )
    """The groups of parameters in order, by name, such as ``(("W1", slice(0, 32)), ("b1", slice(32, 48)))``."""
    shapes = Optional[Mapping[str, tuple[int, ...]]]({}, 'a mapping such as {"W1": (16, 2), "b1": (16,)}', Mapping)
    """The shape of each block by its name, such as ``{"W1": (16, 2), "b1": (16,)}``."""
    rounding = Optional(float(np.finfo(float).eps), "a number > 0", lambda given: _number(given) and given > 0)
    """The ε of the type it computes in where a point is float64."""
    signals = Optional[Callable[[Array], Any] | None](None, MAYBE_POINTS, Callable | None)
    """Of a network: every hidden layer's activation, and what its slope is evaluated at, ``(runs, units, examples)``."""
    examples = Optional(1, f"a whole number from 1 to {MANY:,}", lambda given: isinstance(given, int | np.integer) and 0 < given < MANY)
    """How many examples one evaluation goes through."""
    finite_examples = Optional[NDArray[np.bool_] | None](None, "None or an array (examples,)", np.ndarray | None)
    """Of a loss with data: whether all numbers of each example are finite, ``(examples,)``; None where it cannot say."""
    l2 = Optional(0.0, "a number", _number)
    """The weight of its own penalty ½ l2 ‖W‖²."""
    fit = Optional[Fit | None](None, "None or a Fit", Fit | None)
    """Of a linear model: its line among the examples, to be drawn."""
    written = Optional[Written | None](None, "None or a Written", Written | None)
    """Its own lines of Python, for a program that makes a run of it."""
    order = Optional[Literal["C", "F"]]("C", "C or F", lambda given: isinstance(given, str) and given in ("C", "F"))
    """How it wants points laid out in memory, where that makes it faster."""

    @property
    def coordinates(self) -> tuple[str, ...]:
        """The names of the `dim` numbers, such as ``("bmi", "bp", "intercept")``; x1, x2, ... unless it says."""
        return self.first_coordinates(self.loss.dim)

    def first_coordinates(self, most: int) -> tuple[str, ...]:
        """Return the names of the first `most` of them: a network may have millions."""
        return self.own_coordinates(most) or tuple(f"x{i + 1}" for i in range(min(most, self.loss.dim)))

    def own_coordinates(self, most: int) -> tuple[str, ...]:
        """Return the first `most` names that the loss has given them; none if it has not."""
        own: Any = getattr(self.loss, "coordinates", ())
        if not (isinstance(own, tuple | list) and len(own) in (0, self.loss.dim) and all(isinstance(each, str) for each in own[:most])):
            raise must("the loss's coordinates", f"a tuple of {self.loss.dim} names", typed(own))
        return tuple(own[:most])

    @property
    def groups(self) -> tuple[tuple[str, slice], ...]:
        """The blocks, or all parameters as one group named x."""
        return self.blocks or (("x", slice(0, self.loss.dim)),)

    @property
    def layout(self) -> Blocks:
        """The blocks with their shapes, for a rule that looks at a matrix as one; a number is a vector of one."""
        return Blocks(tuple((where, self.shapes.get(name) or (where.stop - where.start,)) for name, where in self.groups))

    @property
    def endless(self) -> bool:
        """Whether it has no lower end, so that a run may fall without end."""
        return self.loss.minimum == -math.inf

    @property
    def averages(self) -> bool:
        """Whether it is a mean over its examples, not their sum."""
        return isinstance(self.loss, DataLoss) and getattr(self.loss, "reduction", "mean") == "mean"


def blocks_of(shapes: Mapping[str, tuple[int, ...]]) -> tuple[tuple[str, slice], ...]:
    """Return where each block lies in a point, in the order of their shapes; one without numbers lies nowhere.

    >>> blocks_of({"W": (2, 3), "none": (0, 3), "b": (2,)})
    (('W', slice(0, 6, None)), ('b', slice(6, 8, None)))
    """
    ends = itertools.accumulate(map(math.prod, shapes.values()), initial=0)
    return tuple((name, slice(*each)) for name, each in zip(shapes, itertools.pairwise(ends), strict=True) if each[0] < each[1])


def finite_rows(*arrays: NDArray[Any]) -> NDArray[np.bool_]:
    """Return whether all numbers of each example, a row of every array, are finite."""
    each = [np.isfinite(rows).reshape(len(rows), -1).all(axis=1) for rows in arrays]
    return np.asarray(np.logical_and.reduce(each))


LOSSES: Shelf[Loss] = Shelf("loss")
"""The losses by name: a mapping to functions that make a `Loss`.

As a decorator, or by `named`, it puts a function of yours, with annotated arguments, on the shelf. Raises ValueError with the names there
are for another name, and for a value beyond its rule; TypeError for an argument that the loss has not.

See also: `Loss`, `from_function`, `torch_loss`, `jax_loss`, `OPTIMIZERS`, `SCHEDULES`.

>>> LOSSES["quadratic"](eigenvalues=(1, 10)).value(np.array([[1.0], [1.0]]))    # ½ (x₁² + 10 x₂²), points (dim, runs)
array([5.5])
"""

RUNS = ("dim", "start", "minimum", "value_and_gradient")  # the members of a loss that a run needs; `hvp` is for what asks for curvature


Bounded = TypeVar("Bounded", bound=Loss)


def check_loss(loss: Any, *needs: str) -> Loss:
    """Return a loss, or the one of this name with its defaults, that has these members and a minimum that is None or a number.

    Anything else is refused with a sentence.
    """
    loss = LOSSES.made(loss)
    missing = [name for name in needs if not hasattr(loss, name)]
    if isinstance(loss, type) or len(missing) == len(needs) > 1:
        rule = 'a name such as "quadratic", made by LOSSES["quadratic"]() or from_function, or of a class with the members of Loss'
        rule += "; torch_loss and jax_loss of explorer.bridges make one of a model" * callable(loss)
        rule += f"; the class is one, so call it, as in {getattr(loss, '__name__', '')}()" * (isinstance(loss, type) and not missing)
        raise must("loss", rule, typed(loss))
    if "dim" in needs and not missing and not (isinstance(loss.dim, int | np.integer) and loss.dim > 0):
        raise must("the loss's dim", "a whole number of at least 1", typed(loss.dim))
    if missing:
        lacks, way = ", ".join(missing), "from_function makes a loss that has all from its value and gradient"
        own = "; or write hvp(x, v), the Hessian at x times v, (dim, runs) all three" if "hvp" in missing else ""
        raise ValueError(f"loss must have the member {lacks}; {way}{own}")
    minimum = loss.minimum if "minimum" in needs else None
    if minimum is not None and not (isinstance(minimum, Real) and minimum < np.inf):
        raise must("the loss's minimum", "None, -inf or a number", typed(minimum))
    checked: Loss = loss
    return checked


def check_bound(name: str, bound: float | None, loss: Bounded) -> Bounded:
    """Return a loss whose value at its start is not below what it never falls below, but for rounding; another is refused."""
    if bound is not None and bound > (first := float(loss.value(np.asarray(loss.start)[:, np.newaxis])[0])) + 1e-6 * (1 + abs(first)):
        raise must(name, f"at most the loss at the start, {plain(first, 6)}, for no loss is below it", bound)
    return loss


def check_reached(minimum: float | None, losses: Array, sizes: Array) -> None:
    """Refuse a minimum above one of these losses ``(runs,)`` by more than they may be rounded, of runs whose losses had these `sizes`."""
    with np.errstate(all="ignore"):
        below = np.zeros(losses.shape, dtype=bool) if minimum is None else minimum - losses > 1e-6 * (1 + np.abs(sizes))
    if below.any():
        raise must("the loss's minimum", f"None or at most every loss, and {plain(float(losses[below].min()), 6)} was reached", minimum)


NUMERIC = frozenset("fiubc")  # kinds of arrays; complex ones are refused at the first look


def seen(loss: Loss, x: Array) -> tuple[Array, Array]:
    """Return a loss and its gradient at `x` ``(dim, runs)``, as the arrays ``(runs,)`` and ``(dim, runs)`` that they must be."""
    given = loss.value_and_gradient(x)
    try:
        value, gradient = given
        if not type(value) is type(gradient) is np.ndarray:
            check_real("value_and_gradient", value, gradient)
            value, gradient = np.asarray(value), np.asarray(gradient)
    except NotReal:
        raise
    except (TypeError, ValueError, RuntimeError):  # the last of PyTorch, for a tensor that requires a gradient
        got = typed(given)
    else:
        if {value.dtype.kind, gradient.dtype.kind} - NUMERIC:
            got = f"arrays of {value.dtype} and {gradient.dtype}"
        elif value.shape == x.shape[1:] and gradient.shape == x.shape:
            return value, gradient
        else:
            got = f"shapes {value.shape} and {gradient.shape} at {x.shape}"
    raise must("value_and_gradient", "a function that returns (runs,), (dim, runs)", got)


def first_seen(loss: Loss, x: Array) -> tuple[Array, Array]:
    """Return the same, of a loss that is asked for the first time: it must leave `x` as it is, and have real numbers."""
    before = x.copy()
    check_takes("value_and_gradient", loss.value_and_gradient, "x")
    value, gradient = seen(loss, x)
    check_left("value_and_gradient", before, x)
    check_real("value_and_gradient", value, gradient)
    return value, gradient


def first_value(loss: Loss, x: Array) -> Array:
    """Return a loss at `x` ``(dim, runs)``, of one whose `value` is asked for the first time: it must do the same."""
    before = x.copy()
    check_takes("value", loss.value, "x")
    found: Any = loss.value(x)
    check_left("value", before, x)
    check_real("value", found)
    value = np.asarray(found)
    if value.shape != x.shape[1:] or value.dtype.kind not in "fiub":
        got = f"shape {value.shape} at {x.shape}" if value.dtype.kind in "fiub" else typed(found)
        raise must("value", "a function from (dim, runs) to the losses (runs,)", got)
    return value


def hessian_times(loss: Loss, x: Array, v: Array) -> Array:
    """Return the Hessian at each of the points `x` times `v`, ``(dim, runs)`` all three."""
    return _product(check_loss(loss, "hvp").hvp(x, v), v)


def first_hessian_times(loss: Loss, x: Array, v: Array) -> Array:
    """Return the same, of a loss that is asked for the first time: it must leave `x` and `v` as they are, and have real numbers."""
    before = x.copy(), v.copy()
    times = check_loss(loss, "hvp").hvp
    check_takes("hvp", times, "x", "v")
    found = times(x, v)
    check_real("hvp", found)
    product = _product(found, v)
    check_left("hvp", before[0], x)
    check_left("hvp", before[1], v, "v")
    return product


def _product(found: Any, v: Array) -> Array:
    product = np.asarray(found)
    if product.shape != v.shape:
        raise must("hvp", "a function that returns (dim, runs)", f"shape {product.shape} at {v.shape}")
    return product
