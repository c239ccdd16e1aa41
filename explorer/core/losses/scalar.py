"""Losses of one number, small enough to follow by hand."""

from __future__ import annotations

import numpy as np

from explorer.core.losses.protocol import LOSSES, Array
from explorer.core.losses.surfaces import ClosedForm


@LOSSES.named("x²")
def x_squared() -> ClosedForm:
    """The simplest bowl: every step multiplies x by 1 - 2η, so it converges below a learning rate of 1 and blows up above.

    x², from 1. Its curvature is 2, twice that of ½x²: at η = ½ one step is enough, at η = 1 it jumps between 1 and -1 forever.
    From 1 at η = 1.1 the loss overflows at step ⌈512 / log₂ |1 - 2η|⌉ = 1947 (THEORY 3 and 8).

    >>> x_squared().value_and_gradient(np.array([[1.0, -3.0]]))
    (array([1., 9.]), array([[ 2., -6.]]))
    """

    def function(x: Array) -> Array:
        return x * x

    def gradient(x: Array) -> tuple[Array]:
        return (2 * x,)

    def hessian(x: Array) -> tuple[tuple[float]]:
        return ((2.0,),)

    return ClosedForm("x_squared", "x^2", function, gradient, hessian, (1.0,), 0.0, (0.0,), is_quadratic=True)


@LOSSES.named("x⁴")
def x_fourth() -> ClosedForm:
    """A bowl that is flat below and ever steeper above: whether a rate is too large depends on where one starts.

    x⁴, from 1. A step is x ← x (1 - 4ηx²); it converges exactly if |x₀| < 1/√(2η) and otherwise blows up faster than any
    exponential (THEORY 41). So the curvature that decides is gradient / x = 4x², a third of the Hessian's 12x².

    >>> x_fourth().edge_curvature(np.array([[1.0, 0.5]]))
    array([4., 1.])
    """

    def function(x: Array) -> Array:
        return (x * x) * (x * x)

    def gradient(x: Array) -> tuple[Array]:
        return (4 * x * x * x,)

    def hessian(x: Array) -> tuple[tuple[Array]]:
        return ((12 * x * x,),)

    def edge_curvature(x: Array) -> Array:
        return 4 * x[0] * x[0]

    return ClosedForm("x_fourth", "x^4", function, gradient, hessian, (1.0,), 0.0, (0.0,), edge=edge_curvature)


@LOSSES.named("|x|")
def absolute() -> ClosedForm:
    """A sharp V: no rate ever blows up, but a fixed step cannot stop, it bounces across the bottom forever.

    |x|, from 1, with slope sign(x) and sign(0) = 0. The bounces are r and η - r with r = x₀ mod η (THEORY 40).

    >>> absolute().value_and_gradient(np.array([[-2.0, 0.0]]))
    (array([2., 0.]), array([[-1.,  0.]]))
    """

    def gradient(x: Array) -> tuple[Array]:
        return (np.sign(x),)

    def hessian(x: Array) -> tuple[tuple[float]]:
        return ((0.0,),)

    def edge_curvature(x: Array) -> Array:
        return np.zeros_like(x[0])

    return ClosedForm("absolute", "|x|", np.abs, gradient, hessian, (1.0,), 0.0, (0.0,), edge=edge_curvature)


@LOSSES
def double_well() -> ClosedForm:
    """Two hollows with a hill between: above a rate of 1 it settles in neither, but jumps in 2, 4, 8 ... places, then chaotically.

    (x² - 1)²/4, from ½. Gradient descent on it is the cubic map y ← (1 + η)y - y³ with y = √η x: the wells are stable below
    η = 1, chaos stays bounded up to η = 2 (THEORY 44; Chen et al. 2023, arXiv 2310.01687).
    """

    def function(x: Array) -> Array:
        s = x * x - 1
        return s * s / 4

    def gradient(x: Array) -> tuple[Array]:
        return (x * (x * x - 1),)

    def hessian(x: Array) -> tuple[tuple[Array]]:
        return ((3 * x * x - 1,),)

    def divergence_rate(x: Array) -> Array:
        return np.asarray(2 / np.maximum(1.0, x[0] ** 2 - 1))  # bounded exactly if |x₀| < √(1 + 2/η), and η < 2

    name, formula = "double_well", r"\tfrac14\,(x^2-1)^2"
    return ClosedForm(name, formula, function, gradient, hessian, (0.5,), 0.0, (1.0,), divergence_rate=divergence_rate)
