"""Laws that a network keeps under every pair of its options, and what its parts are known to do."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from explorer import LOSSES
from explorer.core.losses.network import Network
from explorer.core.losses.protocol import Array

OPTIONS: dict[str, tuple[Any, ...]] = {
    "hidden": ((4, 4), (3,), (2, 5, 5)),
    "activation": ("tanh", "relu", "leaky_relu", "sigmoid", "gelu", "linear"),
    "task": (
        {"data": "moons"},
        {"data": "waves"},
        {"data": "digits", "scaling": "unit"},
        {"data": "moons", "objective": "squared_error", "half": False},
        {"data": "diabetes", "scaling": "standardized", "standardize_target": True},
    ),
    "reduction": ("mean", "sum"),
    "initialization": ("pytorch", "glorot_uniform", "he_normal", "mean_field"),
    "biases": (True, False),
    "normalization": ("none", "batch", "layer"),
    "weight_standardization": (False, True),
    "skip": (False, True),
    "dropout": (0.0, 0.3),
    "l2": (0.0, 0.1),
}


def pairs(options: dict[str, tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Rows in which every two values of every two options meet: greedily, each row the best of many random ones."""
    sizes = [len(values) for values in options.values()]
    names = range(len(sizes))
    missing = {(i, a, j, b) for i, j in itertools.combinations(names, 2) for a in range(sizes[i]) for b in range(sizes[j])}
    rng, rows = np.random.default_rng(0), []
    while missing:
        candidates = [rng.integers(sizes) for _ in range(60)]
        met = [{(i, row[i], j, row[j]) for i, j in itertools.combinations(names, 2)} & missing for row in candidates]
        best = int(np.argmax([len(each) for each in met]))
        if met[best]:
            missing -= met[best]
            rows.append({name: values[k] for (name, values), k in zip(options.items(), candidates[best], strict=True)})
    return rows


def made(row: dict[str, Any]) -> tuple[Network, Array, Array]:
    """The network of a row, on a batch where dropout counts; points beside its start, and directions."""
    loss = LOSSES["network"](**{"examples": 7, "noise": 0.1, "seed": 3, **row["task"], **{k: v for k, v in row.items() if k != "task"}})
    assert isinstance(loss, Network)
    if row["dropout"]:
        loss = loss.on(np.arange(loss.examples))
    u, v = np.random.default_rng(5).standard_normal((2, loss.dim, 3))
    return loss, loss.start[:, None] + 0.1 * u, v


every_pair = pytest.mark.parametrize("row", pairs(OPTIONS), ids=lambda row: "-".join(str(value) for value in row.values())[:60])


def slope(f: Any, h: float) -> Array:
    """f'(0) by central differences, extrapolated once (Richardson): the error is O(h⁴)."""
    return (8 * (f(h / 2) - f(-h / 2)) - (f(h) - f(-h))) / (6 * h)


@every_pair
def test_derivatives_are_exact(row: dict[str, Any]) -> None:
    loss, x, v = made(row)
    value, gradient = loss.value_and_gradient(x)
    np.testing.assert_allclose(loss.value(x), value, rtol=1e-14)
    np.testing.assert_allclose(loss.data_loss(x) + loss.penalty(x), value, rtol=1e-14)
    # A step small enough that a kink of ReLU is hardly ever inside it.
    h = 1e-6 if "relu" in row["activation"] else 1e-4
    slopes = slope(lambda t: loss.value(x + t * v), h)
    np.testing.assert_allclose(np.sum(gradient * v, axis=0), slopes, rtol=2e-6, atol=2e-6 * np.abs(slopes).max())
    product = loss.hvp(x, v)
    expected = slope(lambda t: loss.value_and_gradient(x + t * v)[1], h)
    np.testing.assert_allclose(product, expected, rtol=1e-5, atol=3e-6 * np.abs(expected).max())


@every_pair
def test_the_hessian_is_symmetric_and_a_batch_is_its_columns(row: dict[str, Any]) -> None:
    loss, x, v = made(row)
    u = v[:, ::-1]
    product = loss.hvp(x, v)
    left, right = np.sum(u * product, axis=0), np.sum(v * loss.hvp(x, u), axis=0)
    np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-11 * np.abs(product).max() * loss.dim)
    value, gradient = loss.value_and_gradient(x)
    for i in range(3):
        one = slice(i, i + 1)
        alone = loss.value_and_gradient(x[:, one])
        np.testing.assert_allclose(alone[0], value[one], rtol=1e-12)
        np.testing.assert_allclose(alone[1], gradient[:, one], rtol=1e-10, atol=1e-12 * np.abs(gradient).max())
        np.testing.assert_allclose(loss.hvp(x[:, one], v[:, one]), product[:, one], rtol=1e-9, atol=1e-11 * np.abs(product).max())
    np.testing.assert_allclose(loss.hessian_at(x)(v), product, rtol=1e-12)


@pytest.mark.parametrize(
    "row", [row for row in pairs(OPTIONS) if len(row["hidden"]) == 1], ids=lambda row: f"{row['activation']}-{row['task']['data']}"
)
def test_one_run_says_what_thirty_at_once_say(row: dict[str, Any]) -> None:
    loss, x, _ = made(row | {"normalization": "none", "weight_standardization": False, "dropout": 0.0, "l2": 0.0})
    many = np.repeat(x, 30, axis=1)
    for few, last in zip(loss.value_and_gradient(x), loss.value_and_gradient(many), strict=True):
        np.testing.assert_allclose(np.repeat(few, 30, axis=-1), last, rtol=1e-11, atol=1e-12 * np.abs(last).max())
