"""Instruments, each against a slower way to the same number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from explorer import LOSSES, OPTIMIZERS, run
from explorer.core.losses.network import Network
from explorer.core.losses.protocol import Array
from explorer.core.networks.instruments import activity, block_norms, score, update_ratios
from explorer.core.theory.curvature import LEAST, hessian, sharpness, top_eigenvalues

GD = OPTIMIZERS["gradient_descent"]()


def network(**knobs: Any) -> Network:
    loss = LOSSES["network"](**{"hidden": (6, 5), "examples": 40, **knobs})
    assert isinstance(loss, Network)
    return loss


def points(loss: Network, runs: int = 4) -> Array:
    return loss.start[:, None] + 0.3 * np.random.default_rng(1).standard_normal((loss.dim, runs))


@pytest.mark.parametrize(
    "knobs", [{}, {"data": "waves"}, {"activation": "relu"}, {"data": "digits", "scaling": "unit", "normalization": "batch"}]
)
def test_the_largest_eigenvalues_are_those_of_the_hessian(knobs: dict[str, Any]) -> None:
    loss = network(**knobs)
    x = points(loss)
    top = top_eigenvalues(loss, x, count=3, tolerance=1e-10, most=80)
    for i in range(4):
        exact = np.linalg.eigvalsh(hessian(loss, x[:, i]))[::-1]
        np.testing.assert_allclose(top.values[:, i], exact[:3], rtol=1e-6, atol=1e-9 * exact[0])
    rough = top_eigenvalues(loss, x)
    np.testing.assert_allclose(rough.sharpness, sharpness(loss, x), rtol=2e-3)
    assert (np.abs(rough.sharpness - sharpness(loss, x)) <= rough.residual + 1e-12).all()


def test_a_column_of_a_batch_is_that_point_alone() -> None:
    loss = network()
    x = points(loss)
    together = top_eigenvalues(loss, x, tolerance=1e-12, most=60).sharpness
    for i in range(4):
        np.testing.assert_allclose(top_eigenvalues(loss, x[:, i : i + 1], tolerance=1e-12, most=60).sharpness, together[i], rtol=1e-9)


def test_a_warm_start_needs_few_products() -> None:
    loss = network()
    path = run(loss, GD, 0.3, steps=60).x
    cold = top_eigenvalues(loss, path[50])
    warm = top_eigenvalues(loss, path[60], warm=cold.vector)
    assert warm.products == LEAST <= cold.products
    np.testing.assert_allclose(warm.sharpness, sharpness(loss, path[60]), rtol=2e-3)


def test_a_preconditioner_divides_the_curvature() -> None:
    loss = network()
    x = points(loss)
    P = 0.1 + np.random.default_rng(2).random(x.shape)
    np.testing.assert_allclose(
        top_eigenvalues(loss, x, preconditioner=P, tolerance=1e-8, most=60).sharpness, sharpness(loss, x, P), rtol=1e-5
    )


def test_what_has_overflowed_has_no_curvature_and_disturbs_nobody() -> None:
    loss = network()
    x = points(loss)
    expected = top_eigenvalues(loss, x).sharpness
    x[:, 1] = np.nan
    found = top_eigenvalues(loss, x).sharpness
    assert np.isnan(found[1])
    np.testing.assert_allclose(found[[0, 2, 3]], expected[[0, 2, 3]], rtol=1e-3)


def test_any_loss_will_do() -> None:
    loss = LOSSES["rosenbrock"]()
    x = loss.start[:, None]
    np.testing.assert_allclose(top_eigenvalues(loss, x, count=2).values[:, 0], np.linalg.eigvalsh(hessian(loss, loss.start))[::-1])
    assert list(block_norms(loss, x)) == ["x"]


def test_the_gradient_of_the_blocks_is_all_of_it() -> None:
    loss = network(normalization="layer")
    _, gradient = loss.value_and_gradient(points(loss))
    norms = block_norms(loss, gradient)
    assert list(norms) == ["W1", "b1", "gain1", "shift1", "W2", "b2", "gain2", "shift2", "W3", "b3"]
    np.testing.assert_allclose(sum(norm**2 for norm in norms.values()), (gradient**2).sum(axis=0))


def test_a_step_is_measured_against_what_it_moves() -> None:
    loss = network(biases=False)
    x = points(loss)
    ratios = update_ratios(loss, x, 1.01 * x)
    for ratio in ratios.values():
        np.testing.assert_allclose(ratio, 0.01)
    assert (update_ratios(loss, 0 * x, x)["W1"] == np.inf).all()
    assert (update_ratios(loss, 0 * x, 0 * x)["W1"] == 0).all()


def test_activity_of_units_that_are_known_to_be_dead_or_saturated() -> None:
    loss = network(activation="relu")
    x = points(loss)
    half = dict(loss.blocks)["b1"].start + np.arange(3)
    x[half] = -1e3
    first, second = activity(loss, x)
    assert (first.dead >= 0.5).all()
    assert first.dead.shape == second.saturated.shape == (4,)
    shouting = network(activation="tanh", hidden_scale=1e6)
    layers = activity(shouting, shouting.start[:, None])
    for layer in layers:
        assert layer.saturated > 0.95
    for layer in activity(network(activation="gelu"), x):
        assert (layer.dead <= layer.saturated).all()
    calm = network(activation="linear")
    assert [layer.dead[0] for layer in activity(calm, calm.start[:, None])] == [0, 0]


@pytest.mark.parametrize(
    ("knobs", "constant"),
    [
        ({"data": "moons", "examples": 100}, np.log(2)),
        ({"data": "waves", "examples": 30}, None),
        ({"data": "waves", "examples": 30, "half": False, "reduction": "sum"}, None),
    ],
)
def test_no_constant_does_better_than_the_best(knobs: dict[str, Any], constant: float | None) -> None:
    loss = network(initialization="zero", **knobs)
    bias = loss.start.copy()
    tried = np.repeat(bias[:, None], 401, axis=1)
    tried[-1] = np.linspace(-2, 2, 401)
    losses = loss.value(tried)
    assert losses.min() >= loss.best_constant - 1e-12
    assert losses.min() == pytest.approx(loss.best_constant, abs=1e-3 * loss.examples)
    assert constant is None or loss.best_constant == pytest.approx(constant)


def test_the_score_tells_training_from_validation_and_data_from_penalty() -> None:
    loss = network(validation=30, l2=0.1)
    x = points(loss)
    found = score(loss, x)
    np.testing.assert_allclose(found.loss + found.penalty, loss.value(x))
    assert (found.penalty > 0).all()
    held_out = loss.validation
    assert held_out is not None
    assert held_out.examples == 30
    z = loss.outputs(x, held_out.X)[:, 0]
    np.testing.assert_allclose(found.validation_accuracy, ((z > 0) == (held_out.y > 0.5)).mean(axis=1))
    np.testing.assert_allclose(found.validation_loss, np.logaddexp(0, np.where(held_out.y > 0.5, -z, z)).mean(axis=1))
    plain = score(network(data="waves"), points(network(data="waves")))
    assert np.isnan([plain.accuracy, plain.validation_loss, plain.validation_accuracy]).all()
