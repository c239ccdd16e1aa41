"""The smallest network that catapults: its two-number map, its phases and its nearest minimum."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from explorer import LOSSES, OPTIMIZERS, Verdict, critical_learning_rate, judge, run
from explorer.core.losses.uv import TwoLayers
from explorer.core.theory.curvature import sharpness

GD = OPTIMIZERS["gradient_descent"]()


def curvature(loss: TwoLayers, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """(‖u‖² + ‖v‖²)/n, the λ of the theory; at the minimum the Hessian's only one."""
    return np.asarray((x**2).sum(axis=0) / loss.width)


@pytest.mark.parametrize(("width", "seed"), [(1, 0), (16, 1), (200, 2)])
def test_the_path_is_that_of_the_reduced_map(width: int, seed: int) -> None:
    loss = TwoLayers(width, seed=seed)
    start = loss.start[:, np.newaxis]
    rate = np.array([0.5, 1.9, 2.5, 3.5]) / curvature(loss, start)
    path = run(loss, GD, rate, steps=40)
    f, kernel = loss.output(start) * np.ones(4), curvature(loss, start) * np.ones(4)
    for x in path.x:
        np.testing.assert_allclose(loss.output(x), f, rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(curvature(loss, x), kernel, rtol=1e-10)
        f, kernel = (
            f * (1 - rate * kernel + rate**2 * f**2 / width),
            kernel + rate * f**2 / width * (rate * kernel - 4),
        )


@pytest.mark.parametrize("seed", range(10))
def test_between_2_and_4_over_the_curvature_it_catapults_and_above_it_diverges(seed: int) -> None:
    loss = LOSSES["uv"](width=64, seed=seed)
    assert isinstance(loss, TwoLayers)
    start = loss.start[:, np.newaxis]
    kernel = curvature(loss, start)[0]
    path = run(loss, GD, np.array([0.5, 1.5, 3.0, 3.5, 4.2, 5]) / kernel, steps=400)
    verdict = judge(path).verdict
    assert [*verdict[:2]] == [Verdict.CONVERGED] * 2
    assert [*verdict[2:4]] == [Verdict.CATAPULT] * 2
    assert [*verdict[4:]] == [Verdict.DIVERGED] * 2
    final = curvature(loss, path.x[-1])
    assert (final[2:4] < 2 / path.learning_rate[2:4]).all()


@pytest.mark.parametrize("width", [1, 5, 40])
def test_the_nearest_minimum_and_its_curvature(width: int) -> None:
    loss = TwoLayers(width, seed=4)
    bottom, rng = loss.minimizer, np.random.default_rng(0)
    assert loss.output(bottom[:, np.newaxis])[0] == pytest.approx(0, abs=1e-14)
    # Any other point with f = 0: a random one, brought to f = 0 in the same way, is farther away.
    for _ in range(100):
        u, v = (bottom + 0.1 * rng.standard_normal(2 * width)).reshape(2, width)
        v = v - u * (u @ v) / (u @ u)
        assert np.linalg.norm(np.concatenate([u, v]) - loss.start) >= np.linalg.norm(bottom - loss.start) * (1 - 1e-12)
    kernel = curvature(loss, bottom[:, np.newaxis])
    np.testing.assert_allclose(sharpness(loss, bottom[:, np.newaxis]), kernel)
    assert critical_learning_rate(loss, GD) == pytest.approx(2 / kernel[0])
