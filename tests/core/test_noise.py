"""Chance in a run: the same random numbers for every run, and what theory says of thresholds and floors, against enumeration."""

from __future__ import annotations

import numpy as np
import pytest

from explorer import LOSSES, OPTIMIZERS, Setup, Verdict, judge, run
from explorer.core.descent import batches
from explorer.core.sweep import sweep

GD = OPTIMIZERS["gradient_descent"]()
X2 = LOSSES["x_squared"]()
LINE = LOSSES["linear_regression"](data="line")


# Random numbers: the same for every run, from the seed, and none where none are asked for.


def test_with_replacement_every_example_is_drawn_independently() -> None:
    rows = batches(LINE, 3, 4000, seed=2, replacement=True)
    assert rows is not None
    assert rows.shape == (4000, 3)
    share = np.bincount(rows.ravel(), minlength=8) / rows.size
    np.testing.assert_allclose(share, 1 / 8, atol=0.02)
    assert np.mean([len(set(each)) < 3 for each in rows.tolist()]) == pytest.approx(1 - 7 * 6 / 8**2, abs=0.03)
    np.testing.assert_array_equal(rows, batches(LINE, 3, 4000, seed=2, replacement=True))
    with pytest.raises(ValueError, match="batch_size must be at most the number of examples"):
        batches(LINE, 9, 2, replacement=True)


def test_noise_is_the_same_for_every_run_and_for_the_same_seed() -> None:
    rates = np.array([0.1, 0.2, 0.3])
    path = run(X2, GD, rates, steps=50, gradient_noise=0.5, seed=3)
    added = (path.x[:-1] - path.x[1:]) / rates - 2 * path.x[:-1]
    np.testing.assert_allclose(added[:, :, 1:], np.repeat(added[:, :, :1], 2, axis=2), atol=1e-12)
    np.testing.assert_array_equal(path.x, run(X2, GD, rates, steps=50, gradient_noise=0.5, seed=3).x)
    np.testing.assert_array_equal(path.x[:21], run(X2, GD, rates, steps=20, gradient_noise=0.5, seed=3).x)
    assert (path.x[1:] != run(X2, GD, rates, steps=50, gradient_noise=0.5, seed=4).x[1:]).all()
    long = run(X2, GD, 0.1, steps=20_000, gradient_noise=0.5)
    noise = (long.x[:-1] - long.x[1:]) / 0.1 - 2 * long.x[:-1]
    assert (noise.mean(), noise.std()) == pytest.approx((0, 0.5), abs=0.02)
    # What is kept is the whole loss and its own gradient.
    np.testing.assert_array_equal(long.gradient_norm, np.abs(2 * long.x[:, 0]))


def test_without_noise_nothing_is_added_and_with_it_the_verdict_knows() -> None:
    np.testing.assert_array_equal(run(X2, GD, 0.1, gradient_noise=0).x, run(X2, GD, 0.1).x)
    assert not run(X2, GD, 0.1).stochastic
    noisy = run(X2, GD, 0.1, steps=1000, gradient_noise=0.1)
    assert noisy.stochastic
    assert judge(noisy).verdict[0] == Verdict.NOISY
    assert sweep(X2, GD, [0.1], steps=1000, gradient_noise=0.1).final_loss[0] == noisy.loss[-1, 0]


@pytest.mark.parametrize("noise", [-1, np.nan, np.inf, "much", (0.1, 0.2)])
def test_noise_must_be_one_number(noise: object) -> None:
    with pytest.raises(ValueError, match="gradient_noise must be"):
        run(X2, GD, 0.1, gradient_noise=noise)  # type: ignore[arg-type]


def test_a_link_carries_what_is_random() -> None:
    setup = Setup("linear_regression", batch_size=4, replacement=True, gradient_noise=0.25, learning_rate=1e-5)
    assert setup.to_query()["replacement"] == "true"
    assert Setup.from_query(setup.to_query()) == setup
    path = setup.run()
    assert (path.gradient_noise, path.stochastic) == (0.25, True)
    assert path.rows is not None
    assert "replacement" not in Setup().to_query()
    for wrong in ({"replacement": "yes"}, {"gradient_noise": -1}, {"gradient_noise": (1, 2)}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
            Setup(**wrong)  # type: ignore[arg-type]
