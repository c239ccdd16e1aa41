"""What the loop offers to networks: steps that look only at their batch, single precision, and a learning rate for each layer."""

from __future__ import annotations

import numpy as np
import pytest

from explorer import LOSSES, OPTIMIZERS, SCHEDULES, run, sweep
from explorer.core.losses.network import Network
from explorer.core.run.descent import Descent, batches, descend

GD = OPTIMIZERS["gradient_descent"]()


def small(**knobs: object) -> Network:
    loss = LOSSES["network"](hidden=(4,), examples=20, **knobs)
    assert isinstance(loss, Network)
    return loss


def test_a_run_may_look_at_its_batches_only() -> None:
    loss = small()
    seen, whole = (run(loss, GD, [0.1, 0.5], steps=30, batch_size=5, seed=2, whole=each) for each in (False, True))
    np.testing.assert_array_equal(seen.x, whole.x)
    np.testing.assert_array_equal(seen.loss[-1], whole.loss[-1])
    rows = batches(loss, 5, 30, seed=2)
    assert rows is not None
    for step in (0, 7, 29):
        value, gradient = loss.on(rows[step]).value_and_gradient(seen.x[step])
        np.testing.assert_allclose(seen.loss[step], value, rtol=1e-13)
        np.testing.assert_allclose(seen.gradient_norm[step], np.linalg.norm(gradient, axis=0), rtol=1e-12)
    np.testing.assert_array_equal(sweep(loss, GD, [0.1, 0.5], steps=30, batch_size=5, seed=2, whole=False).final_loss, whole.loss[-1])


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize("name", OPTIMIZERS)
@np.errstate(all="ignore")  # as every caller of the loop has it: some processors' products of matrices raise flags of their own
def test_single_precision_stays_single_along_a_run(name: str, schedule: str) -> None:
    loss = small(dtype="float32")
    noisy = {"steps": 4, "schedule": SCHEDULES[schedule](), "batch_size": 5, "gradient_noise": 0.1}
    for moment in descend(Descent.of(loss, OPTIMIZERS[name](), [0.1, 0.2], **noisy)):
        arrays = [moment.x, moment.loss, moment.gradient, *(part for part in moment.state if np.ndim(part) == 2)]
        assert {each.dtype for each in arrays} == {np.dtype(np.float32)}
    assert run(loss, GD, 0.1, steps=2).x.dtype == np.float32
    assert run(loss, GD, 0.1, start=np.zeros(loss.dim), steps=2).x.dtype == np.float64


def test_each_layer_may_have_its_own_rate() -> None:
    loss = small(biases=False)
    scale = np.ones((loss.dim, 3))
    scale[dict(loss.blocks)["W1"]] = [0, 1, 3]
    path = run(loss, GD, 0.1, steps=1, rate_scale=scale)
    gradient = loss.value_and_gradient(loss.start[:, None])[1]
    np.testing.assert_allclose(path.x[1], path.x[0] - 0.1 * scale * gradient, rtol=1e-13)
    np.testing.assert_array_equal(path.learning_rate, [0.1, 0.1, 0.1])
    rates = np.array([0.1, 0.2, 0.3])
    path = run(loss, GD, rates, steps=200, rate_scale=scale)
    outcome = sweep(loss, GD, rates, steps=200, rate_scale=scale, tile=2)
    np.testing.assert_allclose(outcome.final_loss, path.loss[-1], rtol=1e-9)
    alone = run(loss, GD, 0.3, steps=200, rate_scale=scale[:, 2])
    np.testing.assert_allclose(alone.loss[-1, 0], path.loss[-1, 2], rtol=1e-9)


@pytest.mark.parametrize(
    ("scale", "sentence"),
    [
        ([1.0, 2.0], r"rate_scale must be 17 numbers, \(dim,\) or \(dim, runs\), got shape \(2,\)"),
        (-np.ones(17), "rate_scale must be finite and ≥ 0, got -1"),
        (np.ones((17, 3)), "learning_rate must be for 1 run or for all 3 of them, got 2 runs"),
    ],
)
def test_rates_of_another_shape_are_refused(scale: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        run(small(), GD, [0.1, 0.2], rate_scale=scale)  # type: ignore[arg-type]
