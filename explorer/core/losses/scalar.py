"""Losses of one number, small enough to follow by hand."""

import numpy as np

from explorer.core.losses.protocol import LOSSES
from explorer.core.losses.surfaces import ClosedForm


@LOSSES.named("x²")
def x_squared() -> ClosedForm:
    """The simplest bowl: every step multiplies x by 1 - 2η, so it converges below a learning rate of 1 and blows up above.

    x², from 1. Its curvature is 2, twice that of ½x²: at η = ½ one step is enough, at η = 1 it jumps between 1 and -1 forever.
    From 1 at η = 1.1 the loss overflows at step ⌈512 / log₂ |1 - 2η|⌉ = 1947 (THEORY 3 and 8).

    >>> x_squared().value_and_gradient(np.array([[1.0, -3.0]]))
    (array([1., 9.]), array([[ 2., -6.]]))
    """
    return ClosedForm(
        "x_squared",
        "x^2",
        begin=(1.0,),
        bottom=(0.0,),
        function=lambda x: x * x,
        gradient=lambda x: (2 * x,),
        hessian=lambda x: ((2.0,),),
        is_quadratic=True,
    )


@LOSSES.named("x⁴")
def x_fourth() -> ClosedForm:
    """A bowl that is flat below and ever steeper above: whether a rate is too large depends on where one starts.

    x⁴, from 1. A step is x ← x (1 - 4ηx²); it converges exactly if |x₀| < 1/√(2η) and otherwise blows up faster than any
    exponential (THEORY 41). So the curvature that decides is gradient / x = 4x², a third of the Hessian's 12x².

    >>> x_fourth().edge_curvature(np.array([[1.0, 0.5]]))
    array([4., 1.])
    """
    return ClosedForm(
        "x_fourth",
        "x^4",
        begin=(1.0,),
        bottom=(0.0,),
        function=lambda x: (x * x) * (x * x),
        gradient=lambda x: (4 * x * x * x,),
        hessian=lambda x: ((12 * x * x,),),
        edge_curvature=lambda x: 4 * x[0] * x[0],
    )


@LOSSES.named("|x|")
def absolute() -> ClosedForm:
    """A sharp V: no rate ever blows up, but a fixed step cannot stop, it bounces across the bottom forever.

    |x|, from 1, with slope sign(x) and sign(0) = 0. The bounces are r and η - r with r = x₀ mod η (THEORY 40).

    >>> absolute().value_and_gradient(np.array([[-2.0, 0.0]]))
    (array([2., 0.]), array([[-1.,  0.]]))
    """
    return ClosedForm(
        "absolute",
        "|x|",
        begin=(1.0,),
        bottom=(0.0,),
        function=lambda x: np.abs(x),
        gradient=lambda x: (np.sign(x),),
        hessian=lambda x: ((0.0,),),
        edge_curvature=lambda x: np.zeros_like(x[0]),
    )


@LOSSES
def double_well() -> ClosedForm:
    """Two hollows with a hill between: above a rate of 1 it settles in neither, but jumps in 2, 4, 8 ... places, then chaotically.

    (x² - 1)²/4, from ½. Gradient descent on it is the cubic map y ← (1 + η)y - y³ with y = √η x: the wells are stable below
    η = 1, chaos stays bounded up to η = 2 (THEORY 44; Chen et al. 2023, arXiv 2310.01687).
    """
    return ClosedForm(
        "double_well",
        r"\tfrac14\,(x^2-1)^2",
        begin=(0.5,),
        bottom=(1.0,),
        function=lambda x: (s := x * x - 1) * s / 4,
        gradient=lambda x: (x * (x * x - 1),),
        hessian=lambda x: ((3 * x * x - 1,),),
        divergence_rate=lambda x: 2 / np.maximum(1.0, x[0] ** 2 - 1),  # bounded exactly if |x₀| < √(1 + 2/η), and η < 2
    )
