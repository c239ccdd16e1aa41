"""Laws that every loss keeps: a loss is tested by being on the shelf. Then the numbers that other programs found."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from explorer.core.losses import LOSSES, DataLoss, Loss
from explorer.core.losses.protocol import Array, Facts
from explorer.core.losses.regression import LeastSquares

Row = tuple[str, dict[str, Any]]

Q0: dict[str, Any] = {"data": "line", "half": False, "start": "zero"}
S4: dict[str, Any] = {"data": "noisy_line", "reduction": "sum", "intercept": False, "start": "zero"}

# Settings beyond each factory's defaults that take another path through its code.
EXTRA: list[Row] = [
    ("quadratic", {"eigenvalues": (1, 10), "rotation": 30}),
    ("quadratic", {"eigenvalues": (4,), "rotation": 30}),
    ("quadratic", {"eigenvalues": (3, 0, 2), "rotation": 60}),
    ("quadratic", {"eigenvalues": (1, -1)}),
    ("ravine", {"dimension": 20, "rotation": 45}),
    ("linear_regression", Q0),
    ("linear_regression", S4),
    ("linear_regression", {"columns": ("age", "s3", "s6"), "standardize": True}),
    ("linear_regression", {"columns": ("sex",), "reduction": "sum", "half": False, "intercept": False}),
    ("linear_regression", {"data": "noisy_line", "examples": 1}),
    ("linear_regression", {"data": "linnerud", "response": "pulse", "start": "zero"}),
    ("logistic_regression", {"gap": 8.0, "start": "he"}),
    ("logistic_regression", {"data": "three_to_one", "intercept": False}),
    ("logistic_regression", {"data": "breast_cancer", "standardize": True}),
    ("logistic_regression", {"data": "iris", "species": "virginica", "start": "he"}),
    ("logistic_regression", {"data": "wine", "cultivar": "third", "standardize": True}),
    ("formula", {"text": "x"}),
    ("formula", {"text": "a*x^2 + 3*x*y + b*y^2 - x; a = 2; b = 5/2"}),
    ("formula", {"text": "max(x, y) + abs(x - z)*sigmoid(y) + tanh(w) + relu(v - 1.5)*exp(-u^2/9)"}),
    ("formula", {"text": "-20*exp(-0.2*sqrt(0.5*(x^2+y^2))) - exp(0.5*(cos(2*pi*x)+cos(2*pi*y))) + e + 20"}),
    ("formula", {"text": "(x^2 + 7)^1.5 / (3 + cos(y)) + log(5 + x^2) + 2^y + min(x^3, 9) + sinh(y)*cosh(x)/9"}),
    ("uv", {"width": 1, "scale": 0.5, "seed": 3}),
]
ROWS: list[Row] = [(name, {}) for name in LOSSES] + EXTRA


def build(row: Row) -> Loss:
    name, settings = row
    return LOSSES[name](**settings)


def points(loss: Loss, runs: int = 6) -> tuple[Array, Array]:
    """Points about the start, and directions."""
    rng = np.random.default_rng(7)
    x, v = rng.standard_normal((2, loss.dim, runs))
    return loss.start[:, None] + x, v


def slope(f: Any, h: float) -> Array:
    """f'(0) by central differences, extrapolated once (Richardson): the error is O(h⁴)."""
    return (8 * (f(h / 2) - f(-h / 2)) - (f(h) - f(-h))) / (6 * h)


def assert_near(got: Array, expected: Array, relative: float) -> None:
    """Equal to a fraction of the largest entry: entries that cancel have no digits of their own."""
    np.testing.assert_allclose(got, expected, rtol=relative, atol=relative * float(np.max(np.abs(expected), initial=0)))


every_loss = pytest.mark.parametrize("row", ROWS, ids=str)


@every_loss
def test_members_and_shapes(row: Row) -> None:
    loss = build(row)
    x, v = points(loss)
    assert isinstance(loss, Loss)
    assert loss.start.shape == (loss.dim,)
    value, gradient = loss.value_and_gradient(x)
    assert (value.shape, gradient.shape, loss.hvp(x, v).shape) == ((6,), x.shape, x.shape)
    assert np.isfinite(loss.value(loss.start[:, None])).all()


@every_loss
def test_optional_members_keep_their_word(row: Row) -> None:
    loss = build(row)
    x, v = points(loss)
    coordinates = getattr(loss, "coordinates", None)
    assert coordinates is None or len(set(coordinates)) == loss.dim
    if getattr(loss, "is_quadratic", False):
        assert_near(loss.hvp(x, v), loss.hvp(0 * x, v), 1e-12)
    if Facts(loss).edge_curvature is not None:
        assert loss.edge_curvature(x).shape == (6,)


@every_loss
def test_value_is_that_of_value_and_gradient(row: Row) -> None:
    loss = build(row)
    x, _ = points(loss)
    np.testing.assert_allclose(loss.value(x), loss.value_and_gradient(x)[0], rtol=1e-14)


@every_loss
def test_gradient_is_the_slope_of_the_value(row: Row) -> None:
    loss = build(row)
    x, v = points(loss)
    slopes = slope(lambda t: loss.value(x + t * v), 1e-3)
    scale = np.max(np.abs(slopes)) + np.max(np.abs(loss.value(x)))
    np.testing.assert_allclose(np.sum(loss.value_and_gradient(x)[1] * v, axis=0), slopes, rtol=1e-6, atol=1e-8 * scale)


@every_loss
def test_hvp_is_the_slope_of_the_gradient(row: Row) -> None:
    loss = build(row)
    x, v = points(loss)
    assert_near(loss.hvp(x, v), slope(lambda t: loss.value_and_gradient(x + t * v)[1], 1e-3), 1e-6)


@every_loss
def test_hessian_is_symmetric(row: Row) -> None:
    loss = build(row)
    x, v = points(loss)
    u = v[:, ::-1]
    assert_near(np.sum(u * loss.hvp(x, v), axis=0), np.sum(v * loss.hvp(x, u), axis=0), 1e-12)


@every_loss
def test_a_column_of_a_batch_is_that_run_alone(row: Row) -> None:
    loss = build(row)
    x, v = points(loss)
    value, gradient = loss.value_and_gradient(x)
    product = loss.hvp(x, v)
    for i in range(x.shape[1]):
        one = slice(i, i + 1)
        alone = loss.value_and_gradient(x[:, one])
        np.testing.assert_allclose(alone[0], value[one], rtol=1e-13)
        assert_near(alone[1], gradient[:, one], 1e-13)
        assert_near(loss.hvp(x[:, one], v[:, one]), product[:, one], 1e-13)


@every_loss
def test_the_minimum_is_the_value_at_the_minimizer(row: Row) -> None:
    loss = build(row)
    minimizer = getattr(loss, "minimizer", None)
    if minimizer is None:
        return
    assert loss.minimum is not None
    assert minimizer.shape == (loss.dim,)
    value, gradient = loss.value_and_gradient(minimizer[:, None])
    scale = np.abs(loss.value_and_gradient(loss.start[:, None])[1]).max()
    assert value[0] == pytest.approx(loss.minimum, rel=1e-12, abs=1e-12)
    assert np.abs(gradient).max() <= 1e-9 * max(scale, 1)
    assert (loss.value(points(loss)[0]) >= loss.minimum).all()


@every_loss
def test_single_precision_stays_single(row: Row) -> None:
    loss = build(row)
    x, v = np.asarray(points(loss)).astype("f4")
    value, gradient = loss.value_and_gradient(x)
    assert {value.dtype, gradient.dtype, loss.value(x).dtype, loss.hvp(x, v).dtype} == {np.dtype(np.float32)}


@every_loss
def test_survives_pickling(row: Row) -> None:
    loss = build(row)
    x, _ = points(loss)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(loss)).value(x), loss.value(x))


@every_loss
def test_overflow_is_a_result(row: Row) -> None:
    loss = build(row)
    x, _ = points(loss)
    with np.errstate(all="ignore"):
        for far in (1e200, np.inf, np.nan):
            value, gradient = loss.value_and_gradient(x * far)
            assert (value.shape, gradient.shape) == ((6,), x.shape)


@every_loss
def test_batches_add_up_to_the_whole(row: Row) -> None:
    loss = build(row)
    if not isinstance(loss, DataLoss):
        return
    x, v = points(loss)
    rows = np.random.default_rng(1).permutation(loss.examples)
    assert_near(loss.on(rows).value(x), loss.value(x), 1e-10)
    assert_near(loss.on(rows).hvp(x, v), loss.hvp(x, v), 1e-10)
    # One batch an example divides every data set into equal ones. Stacked, so that value and gradient are checked in one go.
    batches = [np.vstack(loss.on(rows[i : i + 1]).value_and_gradient(x)) for i in range(loss.examples)]
    reduce = np.sum if getattr(loss, "reduction", "mean") == "sum" else np.mean
    assert_near(reduce(batches, axis=0), np.vstack(loss.value_and_gradient(x)), 1e-10)


@pytest.mark.parametrize("name", LOSSES)
def test_the_docstring_explains_the_loss_in_a_line(name: str) -> None:
    doc = LOSSES[name].__doc__ or ""
    first, *rest = doc.strip().splitlines()
    assert first.endswith(".")
    assert "".join(rest).strip(), "the formula and its source come after the first line"


@pytest.mark.parametrize("name", LOSSES)
def test_every_default_keeps_its_own_rule(name: str) -> None:
    for each in LOSSES.parameters(name).values():
        assert each.check(each.default) == each.default
        assert each.parse(each.write(each.default)) == each.default


# The numbers that other programs found.


def spectrum(loss: Loss, x: Array) -> Array:
    """The eigenvalues of the Hessian at one point, ascending."""
    return np.asarray(np.linalg.eigvalsh(loss.hvp(np.repeat(x[:, None], loss.dim, axis=1), np.eye(loss.dim))), dtype=float)


def bottom(loss: Loss) -> Array:
    """Its minimizer, which must be known."""
    return np.asarray(loss.minimizer)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "minimizer", "sharpest"),
    [
        ("rosenbrock", (1, 1), 1001.6006),
        ("booth", (1, 3), 18),
        ("beale", (3, 0.5), 48.9798),
        ("himmelblau", (3, 2), 82.2843),
        ("matyas", (0, 0), 1),
        ("three_hump_camel", (0, 0), 4.41421),
        ("double_well", (1,), 2),
        ("x_squared", (0,), 2),
    ],
)
def test_the_sharpest_curvature_at_the_minimum(name: str, minimizer: tuple[float, ...], sharpest: float) -> None:
    loss = LOSSES[name]()
    np.testing.assert_allclose(bottom(loss), minimizer)
    assert spectrum(loss, bottom(loss))[-1] == pytest.approx(sharpest, rel=2e-6)


def path(loss: Loss, learning_rate: float, steps: int) -> Array:
    """The losses of plain gradient descent, until the first that is not finite."""
    x, losses = loss.start[:, None], []
    with np.errstate(all="ignore"):
        for _ in range(steps + 1):
            value, gradient = loss.value_and_gradient(x)
            losses.append(value[0])
            if not np.isfinite(value[0]):
                break
            x = x - learning_rate * gradient
    return np.array(losses)


@pytest.mark.parametrize("learning_rate", [1.1, 1.5, 2.5])
def test_x_squared_overflows_exactly_when_the_arithmetic_does(learning_rate: float) -> None:
    losses = path(LOSSES["x_squared"](), learning_rate, 3000)
    assert len(losses) - 1 == np.ceil(512 / np.log2(2 * learning_rate - 1))
    assert losses[-1] == np.inf


def test_the_diabetes_case_is_the_recorded_one() -> None:
    loss = LOSSES["linear_regression"]()
    losses = path(loss, 1e-3, 200)
    np.testing.assert_allclose(losses[:3], [16015.516406645589, 1068328.7954664228, 83410058.13439181], rtol=1e-13)
    assert len(losses) - 1 == 161
    np.testing.assert_allclose(spectrum(loss, loss.start), [0.0165, 19.304, 9845.77], rtol=4e-5)
    standardized = LOSSES["linear_regression"](standardize=True)
    assert spectrum(standardized, standardized.start)[-1] == pytest.approx(1.3954, rel=1e-5)


def test_the_line_of_the_cleanest_question_is_the_recorded_one() -> None:
    loss = LOSSES["linear_regression"](**Q0)
    np.testing.assert_array_equal(loss.start, [0, 0])
    np.testing.assert_allclose(spectrum(loss, loss.start), [0.411252254, 1276.58875], rtol=1e-8)
    np.testing.assert_allclose(bottom(loss), [0.4, 0], atol=1e-12)


def test_the_regression_through_the_origin_has_its_edge_between_the_two_rates_of_the_article() -> None:
    loss = LOSSES["linear_regression"](**S4)
    assert loss.dim == 1
    assert 0.01 < 2 / spectrum(loss, loss.start)[-1] < 0.12
    losses = path(loss, 0.12, 50)
    assert (np.diff(losses) > 0).all()


def test_edges_that_are_not_the_hessians() -> None:
    x = np.array([[0.5, -2.0]])
    np.testing.assert_array_equal(LOSSES["x_fourth"]().edge_curvature(x), [1, 16])  # type: ignore[attr-defined]
    np.testing.assert_array_equal(LOSSES["absolute"]().edge_curvature(x), [0, 0])  # type: ignore[attr-defined]
    assert Facts(LOSSES["x_squared"]()).edge_curvature is None


@pytest.mark.parametrize("eigenvalues", [(-1, 2), (0, -0.5, 3)])
def test_a_negative_eigenvalue_has_no_minimum(eigenvalues: tuple[float, ...]) -> None:
    loss = LOSSES["quadratic"](eigenvalues=eigenvalues)
    assert loss.minimum == -np.inf
    assert loss.minimizer is None  # type: ignore[attr-defined]


def test_of_several_minimizers_the_nearest_is_meant() -> None:
    flat = LOSSES["quadratic"](eigenvalues=(1, 0), rotation=30)
    way = flat.start - bottom(flat)
    # The shortest way to a flat floor is straight across: it has no part along the floor.
    floor = np.array([-np.sin(np.pi / 6), np.cos(np.pi / 6)])
    np.testing.assert_allclose(flat.hvp(way[:, None], floor[:, None]), 0, atol=1e-15)
    assert way @ floor == pytest.approx(0, abs=1e-15)


def test_turning_the_valley_turns_its_spectrum_nowhere() -> None:
    for rotation in (0, 17, 45, 90):
        loss = LOSSES["quadratic"](eigenvalues=(1, 5, 10), rotation=rotation)
        np.testing.assert_allclose(spectrum(loss, loss.start), [1, 5, 10])
        assert loss.value(loss.start[:, None])[0] == pytest.approx(8)


def test_data_that_are_not_finite_have_no_minimum_and_do_not_raise() -> None:
    for value in (np.nan, np.inf):
        X = np.array([[1.0], [value], [2.0]])
        loss = LeastSquares(X, np.ones(3), np.zeros(1), ("x",))
        with np.errstate(all="ignore"):
            assert loss.minimum is None
            assert not np.isfinite(loss.value(np.ones((1, 1)))).any()


def test_reductions_are_scales_of_one_function() -> None:
    x = np.ones((2, 1))
    values = {
        (reduction, half): LOSSES["linear_regression"](data="line", reduction=reduction, half=half).value(x)[0]
        for reduction in ("mean", "sum")
        for half in (True, False)
    }
    whole = sum((x + 1 - 0.4 * x) ** 2 for x in range(5, 45, 5))
    expected = {("mean", True): whole / 16, ("mean", False): whole / 8, ("sum", True): whole / 2, ("sum", False): whole}
    assert values == pytest.approx(expected)


@pytest.mark.parametrize("name", LOSSES)
def test_one_point_is_taken_as_one(name: str) -> None:
    """Also as a list; what is no point of the loss is refused with a sentence, not read as another."""
    loss = LOSSES[name]()
    x, v = loss.start, np.cos(np.arange(loss.dim))
    value, gradient = loss.value_and_gradient(x[:, np.newaxis])
    for given in (x, x.tolist()):
        assert loss.value(given) == loss.value(x[:, np.newaxis])[0]
        assert loss.value_and_gradient(given)[0] == value[0]
        np.testing.assert_array_equal(loss.value_and_gradient(given)[1], gradient[:, 0])
        np.testing.assert_array_equal(loss.hvp(given, v), loss.hvp(x[:, np.newaxis], v[:, np.newaxis])[:, 0])
    for given in (np.ones(loss.dim + 1), 3, np.float64(3)):
        with pytest.raises(ValueError, match=rf"x must be {loss.dim} numbers, \(dim,\) or \(dim, runs\), got shape"):
            loss.value(given)  # type: ignore[arg-type]
