"""Records a few steps of the same networks in PyTorch, as torch_network.json: python tests/data/record_torch_network.py.

Made with torch 2.13.0 on a CPU, in float64. Run it again only to add rows: the numbers are the reference.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

STEPS = 5
ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "sigmoid": nn.Sigmoid, "gelu": nn.GELU, "linear": nn.Identity}
NORMS = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}
OPTIMIZERS = {
    "gradient_descent": lambda p: torch.optim.SGD(p, lr=0.1),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01),
}
ROWS: list[dict[str, Any]] = [
    {"widths": (2, 5, 4, 1), "activation": "tanh", "objective": "half_mse", "optimizer": "gradient_descent"},
    {"widths": (3, 6, 1), "activation": "relu", "objective": "mse", "optimizer": "momentum"},
    {"widths": (2, 4, 4, 1), "activation": "sigmoid", "objective": "two", "optimizer": "gradient_descent"},
    {"widths": (3, 5, 4), "activation": "gelu", "objective": "many", "optimizer": "adam"},
    {"widths": (2, 6, 3), "activation": "leaky_relu", "objective": "many_sum", "optimizer": "gradient_descent"},
    {"widths": (2, 5, 5, 1), "activation": "tanh", "norm": "batch", "objective": "two", "optimizer": "gradient_descent"},
    {"widths": (3, 5, 5, 3), "activation": "relu", "norm": "layer", "objective": "many", "optimizer": "momentum"},
    {"channels": (2, 3), "units": 4, "activation": "relu", "objective": "many", "outputs": 3, "optimizer": "gradient_descent"},
]


def network(row: dict[str, Any]) -> nn.Module:
    """The layers of a row, in PyTorch's words."""
    activation = ACTIVATIONS[row["activation"]]
    if "channels" in row:
        layers: list[nn.Module] = []
        side, depth = 8, 1
        for width in row["channels"]:
            layers += [nn.Conv2d(depth, width, 3), activation()]
            side, depth = side - 2, width
        layers += [nn.Flatten(), nn.Linear(depth * side**2, row["units"]), activation(), nn.Linear(row["units"], row["outputs"])]
        return nn.Sequential(*layers)
    widths, layers = row["widths"], []
    for before, width in itertools.pairwise(widths[:-1]):
        norm = [NORMS[row["norm"]](width)] if "norm" in row else []
        layers += [nn.Linear(before, width), *norm, activation()]
    return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))


def objective(name: str, z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The loss of outputs ``(n, outputs)``."""
    match name:
        case "half_mse":
            return nn.functional.mse_loss(z, y) / 2
        case "mse":
            return nn.functional.mse_loss(z, y)
        case "two":
            return nn.functional.binary_cross_entropy_with_logits(z, y)
        case "many":
            return nn.functional.cross_entropy(z, y)
        case _:
            return nn.functional.cross_entropy(z, y, reduction="sum")


def record(row: dict[str, Any], seed: int) -> dict[str, Any]:
    """The data, the first parameters, and the loss and parameters after each step."""
    torch.manual_seed(seed)
    net = network(row).double()
    n = 6
    inputs = 64 if "channels" in row else row["widths"][0]
    outputs = row["outputs"] if "channels" in row else row["widths"][-1]
    X = torch.randn(n, inputs, dtype=torch.float64)
    if row["objective"].startswith("many"):
        y: Any = torch.arange(n) % outputs
    else:
        y = (torch.arange(n) % 2).double()[:, None] if row["objective"] == "two" else torch.randn(n, 1, dtype=torch.float64)
    rule = OPTIMIZERS[row["optimizer"]](net.parameters())

    def flat() -> list[float]:
        return nn.utils.parameters_to_vector(net.parameters()).tolist()

    found: dict[str, Any] = {**row, "X": X.tolist(), "y": y.tolist(), "start": flat(), "loss": []}
    for _ in range(STEPS):
        rule.zero_grad()
        loss = objective(row["objective"], net(X.reshape(n, 1, 8, 8) if "channels" in row else X), y)
        loss.backward()
        found["loss"].append(loss.item())
        rule.step()
    return found | {"end": flat()}


if __name__ == "__main__":
    rows = [record(row, seed) for seed, row in enumerate(ROWS)]
    content = {"torch": torch.__version__, "steps": STEPS, "rows": rows}
    Path(__file__).with_name("torch_network.json").write_text(json.dumps(content), encoding="utf-8")
