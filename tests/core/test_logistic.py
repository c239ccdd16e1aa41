"""Logistic regression: what separates its two kinds of data, and the recorded thresholds of both."""

from __future__ import annotations

import numpy as np
import pytest

from explorer import LOSSES, OPTIMIZERS, Verdict, critical_learning_rate, judge, run
from explorer.core.data import CANCER_COLUMNS, Table, remember
from explorer.core.losses.logistic import LogisticLoss

GD = OPTIMIZERS["gradient_descent"]()
OVERLAP = LOSSES["logistic_regression"](data="three_to_one")


def test_the_overlapping_points_have_their_minimum_and_edge_in_closed_form() -> None:
    np.testing.assert_allclose(OVERLAP.minimizer, [np.log(3), 0], atol=1e-15)  # type: ignore[attr-defined]
    assert OVERLAP.minimum == pytest.approx(-0.75 * np.log(0.75) - 0.25 * np.log(0.25), rel=1e-15)
    assert critical_learning_rate(OVERLAP, GD) == pytest.approx(32 / 3, rel=1e-12)


def test_above_the_edge_it_cycles_in_two_places_then_in_six_then_irregularly() -> None:
    path = run(OVERLAP, GD, [10.6, 10.7, 20, 25], steps=20_000)
    assert [*judge(path).verdict] == [Verdict.CONVERGED, *[Verdict.OSCILLATING] * 3]
    tail = path.x[-2000:, 0]
    period = [next((k for k in range(1, 100) if np.ptp(tail[::k, i]) < 1e-6), None) for i in range(4)]
    assert period == [1, 2, 6, None]
    # The Lyapunov exponent of the map of the one weight that moves: negative on a cycle, positive in chaos.
    probability = 1 / (1 + np.exp(-path.x[10_000:, 0]))
    exponent = np.log(np.abs(1 - path.learning_rate * probability * (1 - probability))).mean(axis=0)
    assert (exponent[:3] < 0).all()
    assert exponent[3] == pytest.approx(0.13, abs=0.03)


@pytest.mark.parametrize("data", [{"gap": 8.0}, {"data": "iris", "standardize": True}])
def test_separable_classes_are_learned_at_any_rate(data: dict[str, object]) -> None:
    loss = LOSSES["logistic_regression"](**data)
    assert (loss.minimum, loss.minimizer) == (0.0, None)  # type: ignore[attr-defined]
    assert critical_learning_rate(loss, GD) == np.inf
    path = run(loss, GD, [1, 10, 1e3, 1e6], steps=3000)
    assert (path.loss[-1] < 1e-2).all()
    assert not (judge(path).verdict == Verdict.DIVERGED).any()


def test_which_of_the_bundled_classes_a_plane_separates() -> None:
    """Setosa and the wines are known to be separable, the other irises not; the tumors only with all thirty columns."""

    def separable(**settings: object) -> bool:
        return LOSSES["logistic_regression"](**settings).separable  # type: ignore[attr-defined]

    assert [separable(data="iris", species=each) for each in ("setosa", "versicolor", "virginica")] == [True, False, False]
    assert [separable(data="wine", cultivar=each) for each in ("first", "second", "third")] == [True] * 3
    assert [separable(data="breast_cancer", columns=each) for each in (CANCER_COLUMNS, CANCER_COLUMNS[:10])] == [True, False]


@pytest.mark.parametrize(
    ("settings", "intercept"),
    [({"gap": 1.0}, True), ({"data": "breast_cancer"}, True), ({"data": "iris", "species": "versicolor", "intercept": False}, False)],
)
def test_the_minimizer_is_scikit_learns(settings: dict[str, object], intercept: bool) -> None:
    from sklearn.linear_model import LogisticRegression

    loss = LOSSES["logistic_regression"](**settings)
    assert isinstance(loss, LogisticLoss)
    theirs = LogisticRegression(C=np.inf, fit_intercept=False, solver="newton-cholesky", tol=1e-12).fit(loss.X, loss.y)
    np.testing.assert_allclose(loss.minimizer, theirs.coef_[0], rtol=1e-6)
    assert intercept == ("intercept" in loss.coordinates)


def test_classes_that_only_touch_have_no_minimizer_and_no_known_minimum() -> None:
    """One point of each class at 0, the rest apart: the loss falls for ever, but not to 0."""
    X = np.array([[-1.0], [0.0], [0.0], [1.0]])
    loss = LogisticLoss(X, np.array([-1.0, -1.0, 1.0, 1.0]), np.zeros(1), ("x",))
    assert (loss.separable, loss.minimizer, loss.minimum) == (False, None, None)


def test_of_several_minimizers_the_nearest_to_the_start_is_meant() -> None:
    X = np.array([[1.0, 1.0]] * 4)  # only the sum of the two weights matters
    loss = LogisticLoss(X, np.array([1.0, 1.0, 1.0, -1.0]), np.array([1.0, 0.0]), ("a", "b"))
    assert loss.minimizer is not None
    np.testing.assert_allclose(loss.minimizer, np.array([1, 0]) + (np.log(3) - 1) / 2)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_data_that_are_not_finite_have_no_minimum_and_do_not_raise(bad: float) -> None:
    loss = LogisticLoss(np.array([[1.0], [bad]]), np.array([1.0, -1.0]), np.zeros(1), ("x",))
    assert (loss.minimum, loss.minimizer) == (None, None)
    with np.errstate(all="ignore"):
        assert not np.isfinite(loss.value(np.ones((1, 1)))).all() or bad == np.inf


def test_margins_far_out_neither_overflow_nor_vanish() -> None:
    x = np.array([[800.0, -800.0], [0.0, 0.0]])
    value, gradient = OVERLAP.value_and_gradient(x)
    np.testing.assert_allclose(value, [200, 600])
    np.testing.assert_allclose(gradient[0], [0.25, -0.75])


def test_an_uploaded_table_of_two_classes() -> None:
    features = np.random.default_rng(0).standard_normal((9, 2))
    two = remember(Table(features, np.where(features[:, 0] > 0, 7.0, 3.0), ("a", "b")))
    loss = LOSSES["logistic_regression"](data=two)
    assert isinstance(loss, LogisticLoss)
    np.testing.assert_array_equal(loss.y, np.where(features[:, 0] > 0, 1, -1))
    many = remember(Table(features, np.arange(9.0), ("a", "b")))
    with pytest.raises(ValueError, match=f"data must be a table whose target has two different values, .* got '{many}' with 9 of them"):
        LOSSES["logistic_regression"](data=many)
