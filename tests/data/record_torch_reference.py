"""Records what PyTorch does as torch_reference.json: python -m tests.data.record_torch_reference, where PyTorch is installed.

Every rule on the shelf that PyTorch has: its defaults, and 20 steps on three problems with the settings below, or as it comes off the
shelf. Every schedule's multipliers, and what PyTorch refuses. In float64, with torch 2.13.0 on a CPU.
"""

from __future__ import annotations

import ast
import functools
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch.optim import lr_scheduler

from explorer import OPTIMIZERS
from explorer.core.optimizers.rule import in_torch_words

torch.set_default_dtype(torch.float64)  # NAdam keeps the product of its momenta in it

STEPS = 20
SHAPES = {"matrices": [(3, 2), (2, 3), (2,)]}
"""Of a problem whose numbers are several parameters in PyTorch, and blocks here: their shapes, in order."""
LEAVES = (1.5, -0.7, 0.2, 0.9, -1.1, 0.4, 0.3, -0.8, 1.2, -0.5, 0.6, 1.0, 0.1, -0.2)


def matrices(x: torch.Tensor) -> torch.Tensor:
    """Two layers on one example with the squared error: ½‖V(Wa) + c - y‖²."""
    W, V, c = x[:6].reshape(3, 2), x[6:12].reshape(2, 3), x[12:]
    a, y = torch.tensor([1.0, -2.0]), torch.tensor([0.5, 1.5])
    return 0.5 * ((V @ (W @ a) + c - y) ** 2).sum()


PROBLEMS: dict[str, tuple[list[float], Callable[[torch.Tensor], torch.Tensor]]] = {
    "x2": ([1.0], lambda x: (x**2).sum()),
    "quad_1_100": ([1.0, 1.0], lambda x: 0.5 * (x[0] ** 2 + 100 * x[1] ** 2)),
    "rosenbrock": ([-1.2, 1.0], lambda x: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2),
    "matrices": ([*LEAVES], matrices),
}
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "gradient_descent": [{"lr": 0.01}, {"lr": 0.01, "weight_decay": 0.1}],
    "momentum": [{"lr": 0.01, "momentum": 0.9}, {"lr": 0.01, "momentum": 0.9, "dampening": 0.5}],
    "nesterov": [{"lr": 0.01, "momentum": 0.9}, {"lr": 0.01, "momentum": 0.9, "weight_decay": 0.1}],
    "adagrad": [{"lr": 0.1}, {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.1, "weight_decay": 0.01}],
    "rmsprop": [
        {"lr": 0.01},
        {"lr": 0.01, "momentum": 0.9},
        {"lr": 0.01, "centered": True},
        {"lr": 0.01, "alpha": 0.9, "weight_decay": 0.1},
    ],
    "adadelta": [{}],
    "adam": [
        {"lr": 0.1},
        {"lr": 0.1, "amsgrad": True},
        {"lr": 0.1, "weight_decay": 0.1},
        {"lr": 0.1, "beta1": 0.5, "beta2": 0.9, "eps": 1e-3},
    ],
    "adamw": [{"lr": 0.1}, {"lr": 0.1, "weight_decay": 0.1}],
    "adamax": [{"lr": 0.05}],
    "nadam": [{}, {"lr": 0.05}],
    "radam": [{"lr": 0.05}],
    "asgd": [{"lr": 0.01}, {"lr": 0.01, "lambd": 0.1, "alpha": 0.5, "t0": 3, "weight_decay": 0.1}],
    "rprop": [{}, {"lr": 0.1, "etaminus": 0.3, "etaplus": 1.5, "step_size_min": 0.01, "step_size_max": 0.2}],
    "adafactor": [{"lr": 0.1}, {"lr": 1.0}, {"lr": 0.3, "beta2_decay": -0.5, "eps1": 1e-3, "eps2": 0.1, "d": 2.0, "weight_decay": 0.1}],
    "muon": [
        {"lr": 0.1},
        {"lr": 0.05, "momentum": 0.8, "nesterov": False, "ns_steps": 3, "eps": 0.5, "weight_decay": 0.0},
        {"lr": 0.05, "adjust_lr_fn": "match_rms_adamw", "ns_coefficients": [2.0, -1.5, 0.5]},
    ],
}
"""A rule's knobs in our words, and its learning rate; a rule that is not here is recorded as it comes off the shelf."""

STEEP = {"gradient_descent", "momentum", "nesterov", "radam", "asgd"}
"""They take whole gradients, at least at first: on Rosenbrock's walls only at a small rate."""

SCHEDULES: dict[str, tuple[int, Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler]]] = {
    "CosineAnnealingLR(T_max=10,eta_min=0.001)": (20, lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=10, eta_min=0.001)),
    "CosineAnnealingLR(T_max=20)": (20, lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=20)),
    "StepLR(3,0.5)": (20, lambda o: lr_scheduler.StepLR(o, 3, 0.5)),
    "MultiStepLR([5,9],0.1)": (20, lambda o: lr_scheduler.MultiStepLR(o, [5, 9], 0.1)),
    "ExponentialLR(0.9)": (20, lambda o: lr_scheduler.ExponentialLR(o, 0.9)),
    "LinearLR(1/3,1,5)": (20, lambda o: lr_scheduler.LinearLR(o, 1 / 3, 1, 5)),
    "LinearLR(0.1,1,10)": (20, lambda o: lr_scheduler.LinearLR(o, 0.1, 1, 10)),
    "ConstantLR(0.5,4)": (20, lambda o: lr_scheduler.ConstantLR(o, 0.5, 4)),
    "PolynomialLR(10,2)": (20, lambda o: lr_scheduler.PolynomialLR(o, 10, 2)),
    "OneCycleLR(max_lr=0.1,total_steps=20)": (20, lambda o: lr_scheduler.OneCycleLR(o, max_lr=0.1, total_steps=20)),
    "OneCycleLR(max_lr=1,total_steps=10,linear,three_phase)": (
        10,
        lambda o: lr_scheduler.OneCycleLR(o, max_lr=1.0, total_steps=10, anneal_strategy="linear", three_phase=True),
    ),
    "CosineAnnealingWarmRestarts(T_0=5,T_mult=2)": (20, lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, T_0=5, T_mult=2)),
    "SequentialLR(LinearLR(0.1,1,5)->Cosine(15)) milestone 5": (
        20,
        lambda o: lr_scheduler.SequentialLR(
            o, [lr_scheduler.LinearLR(o, 0.1, 1, 5), lr_scheduler.CosineAnnealingLR(o, T_max=15)], milestones=[5]
        ),
    ),
    "InverseSqrt LambdaLR 1/sqrt(1+t)": (20, lambda o: lr_scheduler.LambdaLR(o, lambda t: (1 + t) ** -0.5)),
}
"""PyTorch's name -> how many steps it can take, and the schedule. The rate is 0.1."""

REFUSALS: dict[str, tuple[str, dict[str, Any]]] = {
    "SGD lr=-1": ("SGD", {"lr": -1.0}),
    "SGD lr=0": ("SGD", {"lr": 0.0}),
    "SGD lr=nan": ("SGD", {"lr": float("nan")}),
    "SGD lr=inf": ("SGD", {"lr": float("inf")}),
    "SGD momentum=-0.1": ("SGD", {"momentum": -0.1}),
    "SGD momentum=1.5": ("SGD", {"momentum": 1.5}),
    "SGD nesterov momentum=0": ("SGD", {"nesterov": True}),
    "SGD nesterov dampening": ("SGD", {"nesterov": True, "momentum": 0.9, "dampening": 0.5}),
    "SGD wd=-1": ("SGD", {"weight_decay": -1.0}),
    "Adam beta1=1": ("Adam", {"betas": (1.0, 0.999)}),
    "Adam beta2=-0.1": ("Adam", {"betas": (0.9, -0.1)}),
    "Adam eps=-1": ("Adam", {"eps": -1.0}),
    "Adam eps=0": ("Adam", {"eps": 0.0}),
    "RMSprop alpha=1.5": ("RMSprop", {"alpha": 1.5}),
    "Adadelta rho=2": ("Adadelta", {"rho": 2.0}),
}


def recorded(name: str) -> dict[str, Any]:
    """PyTorch's defaults of one of our rules, and its rows: problem, learning rate, our knobs, the path and the losses along it."""
    factory, fixed = theirs(OPTIMIZERS.torch(name))
    defaults = factory([torch.zeros((1, 1), requires_grad=True)]).defaults
    shelved, rows = {each.name: each.default for each in OPTIMIZERS.parameters(name).values()}, []
    shaped = OPTIMIZERS[name]().shaped
    for problem in (each for each in PROBLEMS if shaped or each not in SHAPES):
        for setting in SETTINGS.get(name, [{}]):
            knobs = dict(setting)
            rate = knobs.pop("lr", defaults["lr"])
            rate = 1e-4 if problem == "rosenbrock" and name in STEEP else rate
            arguments = in_torch_words(shelved | knobs)
            x, loss = path(problem, columns=name == "muon", made=functools.partial(factory, lr=rate, **fixed, **arguments))
            rows.append({"problem": problem, "learning_rate": rate, "knobs": knobs, "x": x, "loss": loss})
    return {"defaults": defaults, "rows": rows}


def theirs(call: str) -> tuple[Callable[..., torch.optim.Optimizer], dict[str, Any]]:
    """PyTorch's class and the arguments that a shelf's word for it fixes.

    >>> theirs("SGD(nesterov=True)")
    (<class 'torch.optim.sgd.SGD'>, {'nesterov': True})
    """
    match ast.parse(call, mode="eval").body:
        case ast.Call(func=ast.Name(id=name), args=[], keywords=keywords):
            return getattr(torch.optim, name), {str(each.arg): ast.literal_eval(each.value) for each in keywords}
        case ast.Name(id=name):
            return getattr(torch.optim, name), {}
    raise ValueError(f"torch must be a class of torch.optim, with or without arguments, got {call!r}")


def path(
    problem: str, made: Callable[[list[torch.Tensor]], torch.optim.Optimizer], *, columns: bool = False
) -> tuple[list[list[float]], list[float]]:
    """The point before each step and after the last, and the loss there; a vector as a matrix of one column, where that is asked for."""
    start, function = PROBLEMS[problem]
    leaves, begin = [], 0
    for shape in SHAPES.get(problem, [(len(start),)]):
        size = math.prod(shape)
        leaf = torch.tensor(start[begin : begin + size], dtype=torch.float64).reshape((size, 1) if columns and len(shape) == 1 else shape)
        leaves.append(leaf.requires_grad_())
        begin += size
    rule = made(leaves)
    points, losses = [], []
    for _ in range(STEPS + 1):
        rule.zero_grad()
        x = torch.cat([leaf.reshape(-1) for leaf in leaves])
        loss = function(x)
        points.append(x.tolist())
        losses.append(loss.item())
        loss.backward()
        rule.step()
    return points, losses


def rates(steps: int, made: Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler]) -> list[float]:
    """The learning rate before each step and after the last, from a rate of 0.1."""
    rule = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    schedule, found = made(rule), []
    for step in range(steps + 1):
        found.append(rule.param_groups[0]["lr"])
        if step < steps:
            rule.step()
            schedule.step()
    return found


def answer(name: str, arguments: Mapping[str, Any]) -> str:
    """What PyTorch says to these arguments."""
    try:
        getattr(torch.optim, name)([torch.zeros(1, requires_grad=True)], **arguments)
    except ValueError as error:
        return f"ValueError: {error}"
    return "accepted"


if __name__ == "__main__":
    record = {
        "torch": torch.__version__,
        "rules": {name: recorded(name) for name in OPTIMIZERS if OPTIMIZERS.torch(name)},
        "schedules": [{"name": name, "lr": rates(*schedule)} for name, schedule in SCHEDULES.items()],
        "refusals": [[case, answer(*refused)] for case, refused in REFUSALS.items()],
    }
    (Path(__file__).parent / "torch_reference.json").write_text(json.dumps(record) + "\n", encoding="utf-8")
