"""The convolutional network: its windows against a loop in Python, its derivatives under its options."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from explorer import LOSSES
from explorer.core.losses.network import Network
from explorer.core.losses.network.layers import Window
from tests.core.test_network import slope

ROWS: list[dict[str, Any]] = [
    {},
    {"channels": (2, 3, 2), "activation": "gelu", "normalization": "batch"},
    {"kernel": 2, "activation": "sigmoid", "weight_standardization": True, "reduction": "sum"},
    {"kernel": 1, "channels": (3,), "biases": False, "l2": 0.1, "initialization": "mean_field"},
    {"dropout": 0.3, "scaling": "standardized", "hidden_scale": 0.5, "normalization": "batch", "weight_standardization": True},
    {"kernel": 5, "channels": (2,), "scaling": "centered", "activation": "leaky_relu", "hidden_scale": 0.1},
]
every_row = pytest.mark.parametrize("row", ROWS, ids=str)


def made(row: dict[str, Any]) -> Network:
    loss = LOSSES["convolution"](**{"examples": 8, "channels": (2, 2), "units": 3, "initialization": "glorot_normal", **row})
    assert isinstance(loss, Network)
    return loss.on(np.arange(8)) if "dropout" in row else loss


@every_row
def test_derivatives_are_exact_and_a_batch_is_its_columns(row: dict[str, Any]) -> None:
    loss = made(row)
    u, v = np.random.default_rng(5).standard_normal((2, loss.dim, 3))
    x, h = loss.start[:, None] + 0.05 * u, 1e-6 if row.get("activation") == "leaky_relu" else 1e-4
    _, gradient = loss.value_and_gradient(x)
    slopes = slope(lambda t: loss.value(x + t * v), h)
    np.testing.assert_allclose(np.sum(gradient * v, axis=0), slopes, rtol=1e-6, atol=1e-6 * np.abs(slopes).max())
    product = loss.hvp(x, v)
    expected = slope(lambda t: loss.value_and_gradient(x + t * v)[1], h)
    np.testing.assert_allclose(product, expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max())
    w = v[:, ::-1]
    left, right = np.sum(w * product, axis=0), np.sum(v * loss.hvp(x, w), axis=0)
    np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-11 * np.abs(product).max() * loss.dim)
    for i in range(3):
        one = slice(i, i + 1)
        np.testing.assert_allclose(loss.value_and_gradient(x[:, one])[1], gradient[:, one], rtol=1e-9, atol=1e-12 * np.abs(gradient).max())


@pytest.mark.parametrize("width", [1, 2, 3, 5])
def test_a_window_sees_what_a_loop_would_and_its_adjoint_puts_it_back(width: int) -> None:
    rng, window = np.random.default_rng(0), Window(channels=2, side=5, width=width)
    images = rng.standard_normal((3, 2, 5, 5, 4))
    seen = window.gather(images.reshape(3, 2, 100))
    assert seen.shape == (3, 2 * width**2, window.positions * 4)
    out = window.out_side
    patches = seen.reshape(3, 2, width, width, out, out, 4)
    for i in range(out):
        for j in range(out):
            np.testing.assert_array_equal(patches[:, :, :, :, i, j], images[:, :, i : i + width, j : j + width])
    np.testing.assert_array_equal(window.gather(images[0].reshape(50, 4)), seen[0])  # shared by all runs
    d = rng.standard_normal(seen.shape)
    assert np.sum(d * seen) == pytest.approx(np.sum(window.scatter(d) * images.reshape(3, 2, 100)))


def test_the_network_of_the_case_has_the_layers_of_its_name() -> None:
    loss = LOSSES["convolution"](channels=(8, 16), units=32, examples=20)
    assert isinstance(loss, Network)
    shapes = [part.shape for part in loss.body.parts if part.letter == "W"]
    assert shapes == [(8, 9), (16, 72), (32, 256), (10, 32)]
    assert loss.outputs(loss.start[:, None]).shape == (1, 10, 20)
