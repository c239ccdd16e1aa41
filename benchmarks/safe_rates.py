"""Whether the rates that `safe_rate` names are kept by training itself: python -m benchmarks.safe_rates [--write] [names and rules ...].

Ten small networks, four of the library's own and, where torch is installed, six of PyTorch's, under four rules. `safe_rate` is asked with
its own defaults; then each network is trained from the same start, the library's by `run`, PyTorch's by a loop of torch.optim on the model
itself, for `TRAINED` full-batch steps. At 0.8 × the largest rate that held training must hold, at 1.5 × the smallest that failed it must
fail, as `explorer.core.run.held.held` defines it. `--write` puts the table into docs/safe_rate.md.
"""

import copy
import importlib.util
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer import LOSSES, OPTIMIZERS, SafeRate, run, safe_rate
from explorer.core.data import breast_cancer, digits
from explorer.core.ground.prose import plain
from explorer.core.run.held import BROKEN, SAFE, held

Array = NDArray[Any]
RULES = {"gradient_descent": "SGD", "momentum": "momentum", "adam": "Adam", "adamw": "AdamW"}
TRAINED = 1000
"""Steps of training: not a number that `safe_rate` has tried."""

PAGE = Path(__file__).parents[1] / "docs" / "safe_rate.md"


@dataclass(frozen=True)
class Own:
    """A network of somebody's: what `safe_rate` finds for a rule, and the losses ``(TRAINED + 1,)`` of training at a rate."""

    name: str
    found: Callable[[str], SafeRate]
    trained: Callable[[str, float], Array]


LIBRARY: dict[str, tuple[str, dict[str, Any]]] = {
    "CNN (float32)": ("convolution", {"channels": (4, 8), "units": 16, "activation": "relu", "examples": 40, "dtype": "float32"}),
    "deep tanh": ("network", {"hidden": (12,), "repeat": 8}),
    "batch norm": ("network", {"hidden": (16, 16), "activation": "relu", "normalization": "batch", "data": "spirals"}),
    "logistic, raw features": ("logistic_regression", {"data": "breast_cancer"}),
}


def of_the_library(name: str) -> Own:
    """One of the library's losses."""
    loss = LOSSES[LIBRARY[name][0]](**LIBRARY[name][1])

    def trained(rule: str, rate: float) -> Array:
        return run(loss, OPTIMIZERS[rule](), rate, start=loss.start, steps=TRAINED).loss[:, 0]

    return Own(name, lambda rule: safe_rate(loss, optimizer=OPTIMIZERS[rule]()), trained)


def of_pytorch() -> Iterator[Own]:
    """Models of PyTorch in float32, each wrapped as the README wraps one."""
    import torch
    from torch import nn
    from torch.nn.functional import cross_entropy
    from torch.nn.utils import parameters_to_vector as flat
    from torch.nn.utils import vector_to_parameters

    torch.set_num_threads(1)

    class Block(nn.Module):
        """A transformer block over the eight rows of an image."""

        def __init__(self, width: int = 8) -> None:
            super().__init__()
            self.into, self.place = nn.Linear(8, width), nn.Parameter(0.1 * torch.randn(8, width))
            self.attention = nn.MultiheadAttention(width, 2, batch_first=True)
            self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
            self.feed = nn.Sequential(nn.Linear(width, 16), nn.GELU(), nn.Linear(16, width))
            self.out = nn.Linear(width, 10)

        def forward(self, images: Any) -> Any:
            x = self.into(images.view(-1, 8, 8)) + self.place
            y = self.first(x)
            x = x + self.attention(y, y, y, need_weights=False)[0]
            return self.out((x + self.feed(self.second(x))).mean(dim=1))

    def perceptron(activation: type[Any], widths: tuple[int, ...], *, norm: bool = False) -> Any:
        layers: list[Any] = []
        for before, after in itertools.pairwise(widths[:-1]):
            layers += [nn.Linear(before, after), *([nn.BatchNorm1d(after)] if norm else []), activation()]
        return nn.Sequential(*layers, nn.Linear(*widths[-2:]))

    def convolutional() -> Any:
        convolved = [nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        return nn.Sequential(*convolved, nn.Conv2d(4, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32, 10))

    images, cancer = digits(), breast_cancer()
    X, y = torch.tensor(images.features[:32] / 16, dtype=torch.float32), torch.tensor(images.target[:32], dtype=torch.long)
    raw, ill = torch.tensor(cancer.features, dtype=torch.float32), torch.tensor(cancer.target > cancer.target.min(), dtype=torch.long)
    models: dict[str, tuple[Callable[[], Any], Any, Any]] = {
        "CNN": (convolutional, X, y),
        "transformer block": (Block, X, y),
        "deep tanh": (lambda: perceptron(nn.Tanh, (64, *[16] * 8, 10)), X, y),
        "ReLU, no normalization": (lambda: perceptron(nn.ReLU, (64, 32, 32, 32, 10)), X, y),
        "batch norm": (lambda: perceptron(nn.ReLU, (64, 32, 32, 10), norm=True), X, y),
        "logistic, raw features": (lambda: nn.Linear(raw.shape[1], 2), raw, ill),
    }
    rules: dict[str, Callable[..., Any]] = {
        "gradient_descent": torch.optim.SGD,
        "momentum": lambda parameters, lr: torch.optim.SGD(parameters, lr=lr, momentum=0.9),
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
    }

    def own(name: str, make: Callable[[], Any], inputs: Any, targets: Any) -> Own:
        torch.manual_seed(0)
        model = make()

        def found(rule: str) -> SafeRate:
            asked = copy.deepcopy(model)

            def value_and_gradient(x: Array) -> tuple[float, Array]:
                vector_to_parameters(torch.as_tensor(x, dtype=flat(asked.parameters()).dtype), asked.parameters())
                loss = cross_entropy(asked(inputs), targets)
                return loss.item(), flat(torch.autograd.grad(loss, list(asked.parameters()))).numpy()

            return safe_rate(value_and_gradient, flat(asked.parameters()).detach().numpy(), optimizer=OPTIMIZERS[rule]())

        def trained(rule: str, rate: float) -> Array:
            trainee, losses = copy.deepcopy(model), np.full(TRAINED + 1, np.nan)
            steps = rules[rule](trainee.parameters(), lr=rate)
            for step in range(TRAINED + 1):
                steps.zero_grad()
                loss = cross_entropy(trainee(inputs), targets)
                losses[step] = loss.item()
                if not np.isfinite(losses[step]):
                    break
                loss.backward()
                steps.step()
            return losses

        return Own(f"{name} (PyTorch)", found, trained)

    for name, (make, inputs, targets) in models.items():
        yield own(name, make, inputs, targets)


def row(own: Own, rule: str) -> tuple[str, bool, bool]:
    """A row of the table, whether training held at the share of the rate that held, and whether it failed at that of the one that broke."""
    began = time.perf_counter()
    found = own.found(rule)
    took = time.perf_counter() - began
    curves = [own.trained(rule, rate) if np.isfinite(rate) else None for rate in (SAFE * found.held, BROKEN * found.broke)]
    kept, failed = (losses is not None and bool(held(losses)) == wanted for losses, wanted in zip(curves, (True, False), strict=True))
    cells = [own.name, RULES[rule], plain(found.rate, 3), plain(found.held, 3), plain(found.broke, 3)]
    cells += ["none" if losses is None else f"{plain(losses[0], 3)} → {plain(losses[-1], 3)}" for losses in curves]
    return " | ".join(["", *cells, f"{took:.1f}", ""]).strip(), kept, failed


HEAD = """| network | rule | from the curvature | held | broke | loss at 0.8 × held | loss at 1.5 × broke | seconds |
|---|---|---|---|---|---|---|---|"""


def main() -> None:
    names = [each for each in sys.argv[1:] if not each.startswith("--") and each not in RULES]
    rules = [each for each in RULES if each in sys.argv[1:]] or [*RULES]
    owns = [of_the_library(name) for name in LIBRARY]
    owns += [*of_pytorch()] if importlib.util.find_spec("torch") else []
    lines, kept, broken = [HEAD], 0, 0
    print(HEAD)
    for own in owns:
        for rule in rules if not names or own.name in names else ():
            line, safe, failed = row(own, rule)
            lines, kept, broken = [*lines, line], kept + safe, broken + failed
            print(line, "" if safe and failed else f"<- held {safe}, failed {failed}", flush=True)
    count = len(lines) - 1
    total = f"Training at 0.8 × the rate that held ended below its start in {kept} of {count}; at 1.5 × the rate that broke, it failed in"
    total = f"{total} {broken} of {count}."
    print(total)
    if "--write" in sys.argv:
        before, _, after = PAGE.read_text(encoding="utf-8").partition("<!-- table -->")
        after = after.partition("<!-- end -->")[2]
        text = "\n".join([before + "<!-- table -->", total, "", *lines, "<!-- end -->"]) + after
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
