"""The line that a linear model lays through its examples, and the border that it draws between two classes."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.core.losses import LOSSES, Facts
from explorer.core.losses.fit import FAR, Fit, varying


@pytest.mark.parametrize(
    "knobs", [{}, {"data": "line"}, {"data": "noisy_line", "intercept": False}, {"data": "linnerud", "standardize": True}]
)
def test_the_ends_of_a_line_are_what_the_model_answers_there(knobs: dict[str, object]) -> None:
    loss = LOSSES["linear_regression"](**knobs)
    fit, weights = Facts(loss).fit, np.random.default_rng(0).standard_normal((loss.dim, 5))
    feature, means = varying(loss.X)[0], loss.X.mean(axis=0)
    across, up = fit.ends(weights)
    for end, run in np.ndindex(2, 5):
        example = means.copy()
        example[feature] = across[end, run]
        assert up[end, run] == pytest.approx(example @ weights[:, run])
    assert (across[0] < fit.window[0, 0]).all(), "it begins and ends outside of the window"
    assert (across[1] > fit.window[0, 1]).all()


@pytest.mark.parametrize("knobs", [{}, {"data": "iris"}, {"data": "breast_cancer", "standardize": True}, {"intercept": False}])
def test_the_border_is_where_the_model_cannot_decide(knobs: dict[str, object]) -> None:
    loss = LOSSES["logistic_regression"](**knobs)
    fit, weights = Facts(loss).fit, np.random.default_rng(1).standard_normal((loss.dim, 6))
    one, two = varying(loss.X)[:2]
    ends = fit.ends(weights)
    for end, run in np.ndindex(2, 6):
        example = loss.X.mean(axis=0)
        example[[one, two]] = ends[:, end, run]
        size = np.abs(example * weights[:, run]).max()
        assert abs(example @ weights[:, run]) < 1e-9 * size
    assert sum(group.shape[1] for group in fit.groups) == loss.examples


@pytest.mark.parametrize("weights", [1e300, -1e300, np.inf, np.nan, 0.0])
def test_a_line_of_a_run_that_diverged_can_be_drawn_or_is_none(weights: float) -> None:
    for loss in (LOSSES["linear_regression"](data="line"), LOSSES["logistic_regression"]()):
        fit = Facts(loss).fit
        ends = fit.ends(np.full((loss.dim, 1), weights))
        assert ends.shape == (2, 2, 1)
        off = np.abs(ends - fit.window.mean(axis=1)[:, np.newaxis, np.newaxis]) / np.ptp(fit.window, axis=1)[:, np.newaxis, np.newaxis]
        assert (off[np.isfinite(off)] <= FAR + 3).all()


def test_what_has_no_feature_that_varies_has_no_line() -> None:
    assert Facts(LOSSES["logistic_regression"](data="three_to_one", intercept=False)).fit is None
    assert Facts(LOSSES["x_squared"]()).fit is None
    assert varying(np.array([[np.nan, 1.0], [1.0, 2.0]])).size == 0
    assert isinstance(Facts(LOSSES["linear_regression"]()).fit, Fit)
