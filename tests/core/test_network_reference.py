"""The same networks in PyTorch: a few recorded steps, equal to the last digits. Recorded by tests/data/record_torch_network.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer import LOSSES, OPTIMIZERS, run
from explorer.core.losses.convolution import images
from explorer.core.losses.network import Network
from explorer.core.losses.network.assembly import Style, widest
from explorer.core.losses.network.objectives import ManyClasses, Objective, SquaredError, TwoClasses

REFERENCE = json.loads((Path(__file__).parents[1] / "data" / "torch_network.json").read_text(encoding="utf-8"))
OBJECTIVES: dict[str, Objective] = {
    "half_mse": SquaredError(),
    "mse": SquaredError(half=False),
    "two": TwoClasses(),
    "many": ManyClasses(),
    "many_sum": ManyClasses(),
}
RULES = {
    "gradient_descent": (OPTIMIZERS["gradient_descent"](), 0.1),
    "momentum": (OPTIMIZERS["momentum"](momentum=0.9), 0.05),
    "adam": (OPTIMIZERS["adam"](), 0.01),
}


def made(row: dict[str, Any]) -> Network:
    style = Style(row["activation"], normalization=row.get("norm", "none"))
    if "channels" in row:
        body = images(style, row["channels"], row["units"], 3, row["outputs"])
    else:
        inputs, *hidden, outputs = row["widths"]
        body = style.body(inputs, hidden, outputs)
    X, y = np.array(row["X"]).T, np.array(row["y"], dtype=float)
    targets = (y == np.arange(row.get("outputs") or row["widths"][-1])[:, None]).astype(float) if y.ndim == 1 else y.T
    reduction = "sum" if row["objective"].endswith("sum") else "mean"
    return Network(body, OBJECTIVES[row["objective"]], X, targets, np.array(row["start"]), widest(body, len(X)), reduction)  # type: ignore[arg-type]


@pytest.mark.parametrize("row", REFERENCE["rows"], ids=lambda row: f"{row['activation']}-{row['objective']}-{row.get('norm', '')}")
def test_a_few_steps_are_pytorchs(row: dict[str, Any]) -> None:
    optimizer, rate = RULES[row["optimizer"]]
    path = run(made(row), optimizer, rate, steps=REFERENCE["steps"])
    np.testing.assert_allclose(path.loss[:-1, 0], row["loss"], rtol=1e-12)
    np.testing.assert_allclose(path.x[-1, :, 0], row["end"], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("initialization", "hidden", "output", "bias"),
    [
        ("pytorch", 1 / (3 * 64), 1 / (3 * 300), 1 / (3 * 64)),
        ("glorot_uniform", 2 / (64 + 300), 2 / (300 + 10), 0),
        ("glorot_normal", 2 / (64 + 300), 2 / (300 + 10), 0),
        ("he_uniform", 2 / 64, 2 / 300, 0),
        ("he_normal", 2 / 64, 2 / 300, 0),
        ("lecun_uniform", 1 / 64, 1 / 300, 0),
        ("lecun_normal", 1 / 64, 1 / 300, 0),
        ("mean_field", 1, 1, 0),
        ("zero", 0, 0, 0),
    ],
)
def test_weights_begin_with_the_variance_that_the_papers_give_them(initialization: str, hidden: float, output: float, bias: float) -> None:
    loss = LOSSES["network"](hidden=(300,), data="digits", examples=2, initialization=initialization)
    assert isinstance(loss, Network)
    parts = {name: loss.start[where] for name, where in loss.blocks}
    for name, expected in {"W1": hidden, "W2": output, "b1": bias}.items():
        spread = 4 * (2 / parts[name].size) ** 0.5  # four standard errors of a normal's variance
        assert parts[name].var() == pytest.approx(expected, rel=spread), name
        assert abs(parts[name].mean()) <= 4 * (expected / parts[name].size) ** 0.5
        if "normal" not in initialization and initialization != "mean_field":
            assert np.abs(parts[name]).max(initial=0) <= (3 * expected) ** 0.5


@pytest.mark.parametrize(("initialization", "activation"), [("he_normal", "relu"), ("lecun_normal", "linear")])
def test_the_size_of_a_signal_survives_many_layers(initialization: str, activation: str) -> None:
    """The mean over nets of the second moment after 20 layers: 1 within what 20 nets scatter (THEORY 50)."""
    ratios = []
    for seed in range(20):
        knobs = {"hidden": (64,), "repeat": 20, "data": "digits", "scaling": "standardized", "examples": 20, "seed": seed}
        loss = LOSSES["network"](**knobs, activation=activation, initialization=initialization)
        assert isinstance(loss, Network)
        signals = [np.mean(signal**2) for _, signal in loss.signals(loss.start[:, None])]
        ratios.append(signals[-1] / signals[0])
    assert np.mean(ratios) == pytest.approx(1, abs=4 * np.std(ratios) / 20**0.5)
