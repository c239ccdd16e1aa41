"""Losses from outside: a plain function of one point, and a class written against the protocol without a base class."""

from __future__ import annotations

import numpy as np
import pytest

import explorer
from explorer import LOSSES, OPTIMIZERS, Loss, Verdict, critical_learning_rate, from_function, judge, run
from explorer.core.losses.protocol import Array

GD = OPTIMIZERS["gradient_descent"]()


def rosenbrock(x: Array) -> tuple[float, list[float]]:
    a, b = x
    return (1 - a) ** 2 + 100 * (b - a * a) ** 2, [2 * (a - 1) - 400 * a * (b - a * a), 200 * (b - a * a)]


def test_a_function_of_one_point_is_the_loss_of_the_shelf() -> None:
    ours, theirs = from_function(rosenbrock, start=(-1.2, 1), minimum=0.0), LOSSES["rosenbrock"]()
    assert isinstance(ours, Loss)
    rates = [1e-4, 5e-4, 1e-2]
    mine, shelf = (run(loss, GD, rates, steps=200) for loss in (ours, theirs))
    np.testing.assert_allclose(mine.x, shelf.x, rtol=1e-9)
    assert [*judge(mine).verdict] == [*judge(shelf).verdict]
    assert Verdict.DIVERGED in judge(mine).verdict
    assert critical_learning_rate(ours, GD, (1, 1)) == pytest.approx(critical_learning_rate(theirs, GD), rel=1e-6)


@pytest.mark.parametrize("name", ["rosenbrock", "beale", "himmelblau", "quadratic", "linear_regression", "logistic_regression", "uv"])
def test_the_central_difference_is_as_exact_as_it_says(name: str) -> None:
    theirs = LOSSES[name]()

    def one(x: Array) -> tuple[float, Array]:
        value, gradient = theirs.value_and_gradient(x[:, np.newaxis])
        return value[0], gradient[:, 0]

    ours = from_function(one, start=theirs.start)
    x, v = np.random.default_rng(0).standard_normal((2, theirs.dim, 5)) + 1
    expected = theirs.hvp(x, v)
    np.testing.assert_allclose(ours.hvp(x, v), expected, atol=1e-9 * np.abs(expected).max())
    np.testing.assert_array_equal(ours.hvp(x, 0 * v), 0)
    np.testing.assert_allclose(ours.hvp(x, 1e-9 * v), 1e-9 * expected, atol=1e-17 * np.abs(expected).max())


def test_names_of_the_coordinates() -> None:
    assert from_function(rosenbrock, (0, 0)).coordinates == ("x1", "x2")
    assert from_function(rosenbrock, (0, 0), coordinates=("a", "b")).coordinates == ("a", "b")


@pytest.mark.parametrize(
    ("start", "coordinates", "sentence"),
    [
        ((), None, "start must be one or more numbers"),
        (3.0, None, "start must be one or more numbers"),
        ("abc", None, "start must be numbers, got 'abc'"),
        ((1, np.nan), None, "start must be finite, got nan"),
        ((1, 2), ("a",), "coordinates must be 2 names, one a number of the start, got \\('a',\\)"),
    ],
)
def test_refusals(start: object, coordinates: tuple[str, ...] | None, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        from_function(rosenbrock, start, coordinates=coordinates)  # type: ignore[arg-type]


@pytest.mark.parametrize("blocks", [{"W": (2, 2), "b": 2}, (("W", slice(0, 4)), ("b", slice(4, 6)))])
def test_blocks_are_shapes_or_slices(blocks: object) -> None:
    loss = from_function(lambda x: (float(x @ x), 2 * x), np.ones(6), blocks=blocks)  # type: ignore[arg-type]
    assert loss.blocks == (("W", slice(0, 4)), ("b", slice(4, 6)))
    assert loss.coordinates[-1] == "b[1]"
    assert loss.coordinates[1] == ("W[0, 1]" if isinstance(blocks, dict) else "W[1]")


@pytest.mark.parametrize(
    ("blocks", "sentence"),
    [
        ({"W": (2, 2)}, "blocks must be of 6 numbers together, as the start has, got 4"),
        ((("W", slice(0, 4)), ("b", slice(3, 6))), "blocks must be slices that follow each other from 0 on"),
    ],
)
def test_blocks_that_are_not_the_point_s_are_refused(blocks: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        from_function(lambda x: (float(x @ x), 2 * x), np.ones(6), blocks=blocks)  # type: ignore[arg-type]


@pytest.mark.parametrize("function", [lambda x: (x, x), lambda x: (0.0, 1.0), lambda x: (0.0, [1.0])])
def test_a_function_of_another_shape_is_told_so(function: object) -> None:
    loss = from_function(function, (1, 2))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="value_and_gradient must be a function from"):
        run(loss, GD, 0.1)


class Bowl:
    """Everything the protocol asks for, and nothing else."""

    dim = 2
    start = np.array([1.0, 1.0])
    minimum = 0.0
    curvature = np.array([[1.0], [10.0]])

    def value(self, x: Array) -> Array:
        return (0.5 * self.curvature * x * x).sum(axis=0)

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        return self.value(x), self.curvature * x

    def hvp(self, x: Array, v: Array) -> Array:
        return self.curvature * v


def test_a_class_without_a_base_class_works_everywhere() -> None:
    bowl = Bowl()
    assert isinstance(bowl, Loss)
    assert critical_learning_rate(bowl, GD) == pytest.approx(0.2)
    assert critical_learning_rate(bowl, OPTIMIZERS["momentum"](momentum=0.9)) == pytest.approx(0.38)
    path = run(bowl, GD, [0.1, 0.2, 0.5], steps=1000)
    assert [*judge(path).verdict] == [Verdict.CONVERGED, Verdict.OSCILLATING, Verdict.DIVERGED]
    np.testing.assert_array_equal(path.x, run(LOSSES["quadratic"](), GD, [0.1, 0.2, 0.5], steps=1000).x)
    low, high = explorer.find_edge(bowl, GD, 0.01, 10)
    assert (low, high) == pytest.approx((0.2, 0.2), rel=1e-3)


def test_a_function_that_draws_is_refused_where_its_curvature_is_asked_for() -> None:
    rng = np.random.default_rng(0)
    drawn = from_function(lambda x: (float(x @ x + rng.normal()), 2 * x + rng.normal(size=2)), [1.0, 2.0])
    assert run(drawn, GD, 0.1, steps=20).steps == 20
    for asked in (explorer.sharpness, explorer.trace, explorer.top_eigenvalues):
        with pytest.raises(ValueError, match=r"^value_and_gradient must be a function that gives the same gradient twice.*differs by"):
            asked(drawn)
