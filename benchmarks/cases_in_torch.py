"""The network rows of docs/cases.md once more, in PyTorch alone, over seeds 0-9: python benchmarks/cases_in_torch.py.

A minute on one core; needs scikit-learn too. What it prints with torch 2.13.0 on a CPU is quoted in tests/core/test_network_cases.py,
beside the same for the explorer: two programs that draw other numbers and share nothing but the recipe.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from sklearn import datasets
from torch import Tensor, nn
from torch.nn import functional, init

SEEDS = range(10)
Loss = Callable[[Tensor, Tensor], Tensor]


def he(weight: Tensor) -> None:
    """Normal, variance 2 / fan_in."""
    init.kaiming_normal_(weight, nonlinearity="relu")


class Network(nn.Module):
    """Fully connected, biases 0; with `skip`, a ← a + f(W a + b)/√depth in all hidden layers but the first."""

    def __init__(self, widths: tuple[int, ...], activation: Callable[[Tensor], Tensor], weights: Any, *, skip: bool = False) -> None:
        super().__init__()
        self.linear = nn.ModuleList(nn.Linear(before, width) for before, width in itertools.pairwise(widths))
        self.activation, self.skip = activation, skip
        for layer in self.linear:
            weights(layer.weight)
            init.zeros_(layer.bias)

    def forward(self, a: Tensor) -> Tensor:
        for i, layer in enumerate(self.linear[:-1]):
            out = self.activation(layer(a))
            a = a + out / (len(self.linear) - 1) ** 0.5 if self.skip and i else out
        return self.linear[-1](a)


def train(
    net: nn.Module, loss: Loss, X: Tensor, y: Tensor, rate: float, steps: int, batch: int, momentum: float = 0, cosine: bool = False
) -> Iterator[int]:
    """Steps of torch.optim.SGD on batches that are shuffled every epoch, what is left over being dropped; yields after each."""
    rule = torch.optim.SGD(net.parameters(), lr=rate, momentum=momentum)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(rule, steps) if cosine else None
    per_epoch = len(X) // batch
    for step in range(steps):
        if step % per_epoch == 0:
            order = torch.randperm(len(X))
        rows = order[step % per_epoch * batch :][:batch]
        rule.zero_grad()
        loss(net(X[rows]), y[rows]).backward()
        rule.step()
        if schedule is not None:
            schedule.step()
        yield step + 1


def half_mse(z: Tensor, y: Tensor) -> Tensor:
    return functional.mse_loss(z, y) / 2


def moons(seed: int) -> tuple[Tensor, Tensor]:
    X, y = datasets.make_moons(100, noise=0.2, random_state=seed)
    return torch.tensor(X), torch.tensor(y, dtype=torch.float64)[:, None]


def digits(seed: int, examples: int) -> tuple[Tensor, Tensor]:
    X, y = datasets.load_digits(return_X_y=True)
    rows = np.random.default_rng(seed).permutation(len(y))[:examples]
    return torch.tensor(X[rows] / 16), torch.tensor(y[rows])


def s1b(rate: float) -> list[int]:
    """The step after which a weight is not finite, -1 if none in 300."""
    X, y = datasets.load_diabetes(return_X_y=True, scaled=False)
    X, y = torch.tensor(X - X.mean(axis=0)), torch.tensor(y)[:, None]
    found = []
    for seed in SEEDS:
        torch.manual_seed(seed)
        net = Network((10, 32, 1), functional.relu, he)
        steps = train(net, half_mse, X, y, rate, 300, 32)
        found.append(next((step for step in steps if not all(p.isfinite().all() for p in net.parameters())), -1))
    return found


def s2b(rate: float) -> list[int]:
    """The first step that raises the loss, -1 if none of 1500 does."""
    x = torch.linspace(-1, 1, 20)[:, None]
    found = []
    for seed in SEEDS:
        torch.manual_seed(seed)
        net, last, rise = Network((1, 20, 20, 1), torch.tanh, init.xavier_normal_), np.inf, -1
        for step in train(net, half_mse, x, torch.sin(3 * x), rate, 1500, 20):
            loss = half_mse(net(x), torch.sin(3 * x)).item()
            if loss > last:
                rise = step
                break
            last = loss
        found.append(rise)
    return found


def s5(hidden: tuple[int, ...], rate: float, momentum: float, epochs: int) -> list[tuple[float, float]]:
    """The loss on 400 digits, and on 300 held out."""
    found = []
    for seed in SEEDS:
        X, y = digits(seed, 700)
        X = X.float()
        torch.manual_seed(seed)
        net = Network((64, *hidden, 10), functional.relu, he).float()
        for _ in train(net, functional.cross_entropy, X[:400], y[:400], rate, 12 * epochs, 32, momentum):
            pass
        found.append((functional.cross_entropy(net(X[:400]), y[:400]).item(), functional.cross_entropy(net(X[400:]), y[400:]).item()))
    return found


def s6_schedule(rate: float, *, cosine: bool) -> list[float]:
    """The loss after 600 steps on batches of 10."""
    found = []
    for seed in SEEDS:
        X, y = moons(seed)
        torch.manual_seed(seed)
        net = Network((2, 16, 16, 1), torch.tanh, init.xavier_normal_)
        for _ in train(net, functional.binary_cross_entropy_with_logits, X, y, rate, 600, 10, cosine=cosine):
            pass
        found.append(functional.binary_cross_entropy_with_logits(net(X), y).item())
    return found


def s6_depth(activation: Callable[[Tensor], Tensor], weights: Any, scale: float) -> list[float]:
    """The norms of the gradient by the first, the last hidden and the output's weights: medians."""
    found = []
    for seed in SEEDS:
        X, y = digits(seed, 400)
        torch.manual_seed(seed)
        net = Network((64, *[32] * 10, 10), activation, weights)
        with torch.no_grad():
            for layer in net.linear[:-1]:
                layer.weight *= scale
        functional.cross_entropy(net(X), y).backward()
        found.append([net.linear[i].weight.grad.norm().item() for i in (0, -2, -1)])
    return np.median(found, axis=0).tolist()


@torch.no_grad()
def s6_skip(*, skip: bool) -> list[tuple[int, float]]:
    """Local minima on a random plane of 31 × 31 points, each unit's part as long as its weights, and the highest loss on it."""
    found = []
    for seed in SEEDS:
        X, y = moons(seed)
        torch.manual_seed(seed)
        net = Network((2, *[10] * 20, 1), functional.relu, he, skip=skip)
        start = [p.clone() for p in net.parameters()]
        torch.manual_seed(100 + seed)  # the same numbers as the weights' would make the plane pass through multiples of them
        plane = []
        for _ in range(2):
            drawn = [torch.randn_like(p) for p in start]
            plane.append([
                d * p.norm(dim=1, keepdim=True) / d.norm(dim=1, keepdim=True) if p.ndim == 2 else 0 * d
                for d, p in zip(drawn, start, strict=True)
            ])  # fmt: skip
        height = np.empty((31, 31))
        for (i, a), (j, b) in itertools.product(enumerate(np.linspace(-1, 1, 31)), repeat=2):
            for p, origin, across, up in zip(net.parameters(), start, *plane, strict=True):
                p.copy_(origin + a * across + b * up)
            height[i, j] = functional.binary_cross_entropy_with_logits(net(X), y)
        around = [np.roll(height, shift, (0, 1))[1:-1, 1:-1] for shift in itertools.product((-1, 0, 1), repeat=2) if any(shift)]
        found.append((int(np.all([height[1:-1, 1:-1] < each for each in around], axis=0).sum()), float(height.max())))
    return found


def main() -> None:
    """Prints every row."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    np.set_printoptions(precision=3, suppress=True, linewidth=140)
    for rate in (2e-4, 3e-4, 5e-4, 1e-3):
        print(f"S1b {rate}: lost at", s1b(rate))
    for rate in (0.4, 0.2):
        print(f"S2b {rate}: first rise at", s2b(rate))
    for hidden, rate, momentum, epochs in (*[((64,) * depth, 0.1, 0.95, 50) for depth in (1, 2, 3)], ((32,) * 5, 0.2, 0.9, 37)):
        print(f"S5 {hidden} {rate} {momentum}: training, validation", *np.transpose(s5(hidden, rate, momentum, epochs)), sep="\n    ")
    for skip in (False, True):
        found = s6_skip(skip=skip)
        print(f"S6 skip {skip}: minima", [minima for minima, _ in found], "medians", np.median(found, axis=0))
    for rate in (2, 3):
        constant, cosine = (np.array(s6_schedule(rate, cosine=each)) for each in (False, True))
        print(f"S6 schedule {rate}: medians {np.median(constant):.3f} {np.median(cosine):.3f}, cosine loses {(cosine > constant).sum()}")
    for name, activation, weights, scale in (
        ("sigmoid", torch.sigmoid, init.xavier_normal_, 1.0),
        ("tanh × 10", torch.tanh, init.xavier_normal_, 10.0),
        ("ReLU × .03", functional.relu, he, 0.03),
        ("ReLU", functional.relu, he, 1.0),
        ("ReLU × 5", functional.relu, he, 5.0),
    ):
        print(f"S6 depth {name}:", *(f"{norm:.2g}" for norm in s6_depth(activation, weights, scale)))


if __name__ == "__main__":
    main()
