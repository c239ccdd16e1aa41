"""Losses given by a formula in a few coordinates: the two-dimensional test functions of the optimization literature."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from explorer.core.losses.protocol import LOSSES, Array, of_one_or_many
from explorer.core.losses.written import Written, from_source


@of_one_or_many
@dataclass(frozen=True)
class ClosedForm:
    """A loss written down by hand: `function`, `gradient` and `hessian` of the separate coordinates, each ``(runs,)``.

    `gradient` returns one entry a coordinate and `hessian` its rows; an entry of the Hessian may be a plain number. `name` is
    the name on the shelf: two of the same name are equal, and pickling sends the name only.

    >>> LOSSES["booth"]().value(np.array([[1.0, 0.0], [3.0, 0.0]]))
    array([ 0., 74.])
    """

    name: str
    formula: str = field(compare=False)
    begin: tuple[float, ...] = field(compare=False)
    bottom: tuple[float, ...] | None = field(compare=False)
    function: Callable[..., Array] = field(compare=False, repr=False)
    gradient: Callable[..., tuple[Any, ...]] = field(compare=False, repr=False)
    hessian: Callable[..., tuple[tuple[Any, ...], ...]] = field(compare=False, repr=False)
    minimum: float = field(default=0.0, compare=False)
    is_quadratic: bool = field(default=False, compare=False)
    edge_curvature: Callable[[Array], Array] | None = field(default=None, compare=False, repr=False)
    divergence_rate: Callable[[Array], Array] | None = field(default=None, compare=False, repr=False)

    @property
    def dim(self) -> int:
        return len(self.begin)

    @property
    def start(self) -> Array:
        return np.array(self.begin)

    @property
    def minimizer(self) -> Array | None:
        return None if self.bottom is None else np.array(self.bottom)

    @property
    def coordinates(self) -> tuple[str, ...]:
        return ("x", "y")[: self.dim]

    @property
    def written(self) -> Written:
        return from_source(LOSSES[self.name])

    def value(self, x: Array) -> Array:
        return self.function(*x)

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        return self.function(*x), np.array(self.gradient(*x))

    def hvp(self, x: Array, v: Array) -> Array:
        rows = self.hessian(*x)
        return np.array([sum(entry * each for entry, each in zip(row, v, strict=True)) for row in rows])

    def __reduce__(self) -> tuple[Any, ...]:
        return LOSSES[self.name], ()  # its inner functions cannot be pickled, but another process has the same factory


@LOSSES
def rosenbrock() -> ClosedForm:
    """A long curved valley with a flat floor: easy to enter, slow to follow, and 2508 times steeper across than along.

    (1 - a)² + 100 (b - a²)², from (-1.2, 1) to (1, 1). Rosenbrock 1960, "An automatic method for finding the greatest or
    least value of a function".
    """
    return ClosedForm(
        "rosenbrock",
        r"(1-x)^2 + 100\,(y-x^2)^2",
        begin=(-1.2, 1.0),
        bottom=(1.0, 1.0),
        function=lambda a, b: (1 - a) ** 2 + 100 * (b - a * a) ** 2,
        gradient=lambda a, b: (2 * (a - 1) - 400 * a * (b - a * a), 200 * (b - a * a)),
        hessian=lambda a, b: ((2 - 400 * (b - 3 * a * a), -400 * a), (-400 * a, 200.0)),
    )


@LOSSES
def booth() -> ClosedForm:
    """A plain slanted bowl, nine times steeper one way than the other: everything the theory says is exact here.

    (a + 2b - 7)² + (2a + b - 5)², from (0, 0) to (1, 3). Jamil and Yang 2013, "A literature survey of benchmark functions".
    """
    return ClosedForm(
        "booth",
        "(x+2y-7)^2 + (2x+y-5)^2",
        begin=(0.0, 0.0),
        bottom=(1.0, 3.0),
        function=lambda a, b: (a + 2 * b - 7) ** 2 + (2 * a + b - 5) ** 2,
        gradient=lambda a, b: (10 * a + 8 * b - 34, 8 * a + 10 * b - 38),
        hessian=lambda a, b: ((10.0, 8.0), (8.0, 10.0)),
        is_quadratic=True,
    )


@LOSSES
def beale() -> ClosedForm:
    """Flat plains with steep walls at the corners: a step that lands on a wall is sent far away.

    (1.5 - a + ab)² + (2.25 - a + ab²)² + (2.625 - a + ab³)², from (1, 1) to (3, ½). Moré, Garbow and Hillstrom 1981, "Testing
    unconstrained optimization software".
    """

    def gradient(a: Array, b: Array) -> tuple[Array, Array]:
        p, q, s = b - 1, b**2 - 1, b**3 - 1
        f, g, h = 1.5 + a * p, 2.25 + a * q, 2.625 + a * s
        return 2 * (f * p + g * q + h * s), 2 * a * (f + 2 * b * g + 3 * b**2 * h)

    def hessian(a: Array, b: Array) -> tuple[tuple[Any, ...], ...]:
        p, q, s = b - 1, b**2 - 1, b**3 - 1
        f, g, h = 1.5 + a * p, 2.25 + a * q, 2.625 + a * s
        aa = 2 * (p**2 + q**2 + s**2)
        ab = 2 * (f + a * p + 2 * b * (g + a * q) + 3 * b**2 * (h + a * s))
        bb = 2 * a * (a * (1 + 4 * b**2 + 9 * b**4) + 2 * g + 6 * b * h)
        return (aa, ab), (ab, bb)

    return ClosedForm(
        "beale",
        "(1.5-x+xy)^2 + (2.25-x+xy^2)^2 + (2.625-x+xy^3)^2",
        begin=(1.0, 1.0),
        bottom=(3.0, 0.5),
        function=lambda a, b: (1.5 - a * (1 - b)) ** 2 + (2.25 - a * (1 - b**2)) ** 2 + (2.625 - a * (1 - b**3)) ** 2,
        gradient=gradient,
        hessian=hessian,
    )


@LOSSES
def himmelblau() -> ClosedForm:
    """Four equally deep holes around a hill: which one a run falls into depends on the learning rate.

    (a² + b - 11)² + (a + b² - 7)², from (0, 0), where (3, 2) is the nearest of the four. Himmelblau 1972, "Applied nonlinear programming".
    """
    return ClosedForm(
        "himmelblau",
        "(x^2+y-11)^2 + (x+y^2-7)^2",
        begin=(0.0, 0.0),
        bottom=(3.0, 2.0),
        function=lambda a, b: (a * a + b - 11) ** 2 + (a + b * b - 7) ** 2,
        gradient=lambda a, b: (4 * a * (a * a + b - 11) + 2 * (a + b * b - 7), 2 * (a * a + b - 11) + 4 * b * (a + b * b - 7)),
        hessian=lambda a, b: ((12 * a * a + 4 * b - 42, 4 * (a + b)), (4 * (a + b), 4 * a + 12 * b * b - 26)),
    )


@LOSSES
def matyas() -> ClosedForm:
    """A gentle diagonal trough, 25 times steeper across than along, in which little goes wrong below a rate of 2.

    0.26 (a² + b²) - 0.48 ab, from (4, -2) to (0, 0). Jamil and Yang 2013, "A literature survey of benchmark functions".
    """
    return ClosedForm(
        "matyas",
        r"0.26\,(x^2+y^2) - 0.48\,xy",
        begin=(4.0, -2.0),
        bottom=(0.0, 0.0),
        function=lambda a, b: 0.25 * (a - b) * (a - b) + 0.01 * (a + b) * (a + b),  # written with ab, it would overflow too early
        gradient=lambda a, b: (0.52 * a - 0.48 * b, 0.52 * b - 0.48 * a),
        hessian=lambda a, b: ((0.52, -0.48), (-0.48, 0.52)),
        is_quadratic=True,
    )


@LOSSES
def three_hump_camel() -> ClosedForm:
    """Three hollows in a row, the middle one deepest: a large step can leave the best one for a side one.

    2a² - 1.05a⁴ + a⁶/6 + ab + b², from (1, 1) to (0, 0). Jamil and Yang 2013, "A literature survey of benchmark functions".
    """
    return ClosedForm(
        "three_hump_camel",
        r"2x^2 - 1.05\,x^4 + \tfrac16 x^6 + xy + y^2",
        begin=(1.0, 1.0),
        bottom=(0.0, 0.0),
        function=lambda a, b: (s := a * a) * (2 + s * (s / 6 - 1.05)) + b * (a + b),
        gradient=lambda a, b: (a * (4 + (s := a * a) * (s - 4.2)) + b, a + 2 * b),
        hessian=lambda a, b: ((4 + (s := a * a) * (5 * s - 12.6), 1.0), (1.0, 2.0)),
    )


@LOSSES
def saddle() -> ClosedForm:
    """A mountain pass: down one way, up the other. A run first settles into the pass, then slides off it without end.

    ½ (a² - b²), from (1, 0.01); it has no minimum. Gradient descent multiplies b by 1 + η at every step, whatever the rate η.

    >>> saddle().minimum
    -inf
    """
    return ClosedForm(
        "saddle",
        r"\tfrac12\,(x^2 - y^2)",
        begin=(1.0, 0.01),
        bottom=None,
        function=lambda a, b: 0.5 * (a + b) * (a - b),
        gradient=lambda a, b: (a, -b),
        hessian=lambda a, b: ((1.0, 0.0), (0.0, -1.0)),
        minimum=-np.inf,
        is_quadratic=True,
    )
