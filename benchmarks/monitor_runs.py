"""Runs whose end is known, for the monitor: small networks and toy losses under many rules, each recorded as a training loop sees it.

A setup is a loss, a rule and conditions, all drawn from the seed of its name; it runs at `RATES` rates around its own edge. A third of the
setups, picked by a hash of their names, is held out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer import LOSSES, OPTIMIZERS, SCHEDULES, Loss, Optimizer, Trajectory, critical_learning_rate, run, sweep

Array = NDArray[np.float64]
Random = np.random.Generator

RATES, LOW, HIGH = 8, 0.3, 1.6
"""Rates of each setup, log-uniform between `LOW` and `HIGH` times the smallest of a scan that overflows: far beyond it a run is
over in five steps, and needs no warning. Where none overflows, times the edge that theory names."""
SCAN = np.geomspace(0.1, 20, 24)
"""The rates of that scan, as multiples of the edge that theory names at the start."""
HELD_OUT = 1 / 3

LABELS = OVERFLOWS, HEALTHY, CAME_BACK, NEITHER = "overflows", "healthy", "came back", "neither"
"""What became of a run: its loss became inf or nan; it ended below its start and was never `FAR` times as high; it ended below its start
after it was; it is finite and not below its start: stuck, dead, or still on its way."""
FAR = 100.0


@dataclass(frozen=True, eq=False)
class Labelled:
    """One run as a loop sees it: the loss ``(n,)`` that each step was taken on, its gradient's norm and the rate, up to the first inf.

    `level` is the loss of all examples at the start.
    """

    family: str
    setup: str
    column: int
    label: str
    level: float
    loss: Array
    gradient_norm: Array
    rate: Array
    path: Trajectory

    @property
    def held_out(self) -> bool:
        return held_out(self.setup)

    @property
    def objective(self) -> Loss:
        return self.path.objective

    @property
    def optimizer(self) -> Optimizer:
        return self.path.optimizer

    def point(self, step: int) -> Array:
        """The parameters before a step, ``(dim,)``."""
        return self.path.x[step][:, self.column]

    def preconditioner(self, step: int) -> Array | None:
        """What divided each coordinate's last step before this one, ``(dim,)``; None where nothing did."""
        kept = self.path.preconditioner
        return None if kept is None or step == 0 else kept[step][:, self.column]

    @cached_property
    def overflow(self) -> int:
        """The first step whose loss is not finite, -1 if all are."""
        return len(self.loss) - 1 if self.label == OVERFLOWS else -1


def held_out(setup: str) -> bool:
    """Whether a setup was kept aside while thresholds were chosen: decided by its name, so that no one chooses."""
    return hashlib.sha256(setup.encode()).digest()[0] < 256 * HELD_OUT


@dataclass(frozen=True)
class Setting:
    """What a family draws: a loss, a rule, and what else `run` takes."""

    loss: Loss
    optimizer: Optimizer
    conditions: Mapping[str, Any]


def one_of(random: Random, *choices: Any) -> Any:
    return choices[int(random.integers(len(choices)))]


def network(random: Random, **more: Any) -> Loss:
    """A network of one of several activations, depths, widths, first weights and data sets."""
    about: dict[str, Any] = {
        "hidden": one_of(random, (8,), (16,), (32,), (12, 12), (8, 8, 8)),
        "activation": one_of(random, "tanh", "relu", "leaky_relu", "gelu", "sigmoid", "linear"),
        "data": one_of(random, "moons", "circles", "spirals", "waves", "diabetes", "wine", "iris"),
        "examples": int(random.integers(20, 80)),
        "initialization": one_of(random, "glorot_normal", "he_normal", "lecun_uniform", "pytorch"),
        "objective": one_of(random, "squared_error", "fitting"),
        "scaling": "standardized",
        "standardize_target": True,
        "seed": int(random.integers(100)),
    }
    return LOSSES["network"](**about | more)


def plain_or_momentum(random: Random) -> Optimizer:
    return one_of(random, OPTIMIZERS["gradient_descent"](), momentum(random))


def momentum(random: Random) -> Optimizer:
    return OPTIMIZERS[one_of(random, "momentum", "nesterov")](momentum=one_of(random, 0.5, 0.8, 0.9, 0.95, 0.99))


def adaptive(random: Random) -> Optimizer:
    return OPTIMIZERS[one_of(random, "adam", "adamw", "rmsprop", "nadam", "adamax", "adagrad")]()


def warmed(random: Random, steps: int) -> Any:
    return one_of(
        random,
        SCHEDULES["linear_warmup"](start_factor=0.01, steps=int(random.integers(20, steps // 2))),
        SCHEDULES["one_cycle"](steps=steps),
        SCHEDULES["cosine"](steps=steps),
        SCHEDULES["cosine_restarts"](period=steps // 4),
        SCHEDULES["step_decay"](steps=steps // 3),
    )


def quadratics(random: Random) -> Setting:
    eigenvalues = tuple(np.sort(10 ** random.uniform(-2, 1, int(random.integers(1, 12)))))
    loss = LOSSES["quadratic"](eigenvalues=eigenvalues)
    start = random.standard_normal(len(eigenvalues)) * 10 ** random.uniform(-2, 1)
    return Setting(loss, OPTIMIZERS["gradient_descent"](), {"steps": 600, "start": start})


def swings(random: Random) -> Setting:
    """Momentum on ill-conditioned bowls, some from a start that lies in the flat directions: its ordinary first rise."""
    eigenvalues = np.sort(10 ** random.uniform(-2, 1, int(random.integers(2, 12))))
    start = random.standard_normal(len(eigenvalues)) / eigenvalues ** one_of(random, 0, 0.5, 1)
    return Setting(LOSSES["quadratic"](eigenvalues=tuple(eigenvalues)), momentum(random), {"steps": 600, "start": start})


def surfaces(random: Random) -> Setting:
    name = one_of(random, "rosenbrock", "himmelblau", "beale", "x_fourth", "double_well", "three_hump_camel", "booth")
    loss = LOSSES[name]()
    start = loss.start + 0.3 * random.standard_normal(loss.dim)
    return Setting(loss, plain_or_momentum(random), {"steps": 600, "start": start})


def catapults(random: Random) -> Setting:
    """½(u·v/√n)², which rises by up to about n before it turns, for rates up to twice the edge (Lewkowycz et al. 2020)."""
    width = int(2 ** random.uniform(1, 7))
    return Setting(LOSSES["uv"](width=width, seed=int(random.integers(100))), OPTIMIZERS["gradient_descent"](), {"steps": 400})


def full_batch(random: Random) -> Setting:
    return Setting(network(random), OPTIMIZERS["gradient_descent"](), {"steps": 400})


def with_momentum(random: Random) -> Setting:
    return Setting(network(random), momentum(random), {"steps": 400})


def adaptive_rules(random: Random) -> Setting:
    return Setting(network(random), adaptive(random), {"steps": 400})


def mini_batches(random: Random) -> Setting:
    conditions = {"steps": 500, "batch_size": int(random.integers(2, 17)), "whole": False, "seed": int(random.integers(1000))}
    return Setting(network(random), one_of(random, plain_or_momentum(random), adaptive(random)), conditions)


def scheduled(random: Random) -> Setting:
    conditions: dict[str, Any] = {"steps": 400, "schedule": warmed(random, 400)}
    if random.random() < 0.5:
        conditions |= {"batch_size": 8, "whole": False, "seed": int(random.integers(1000))}
    return Setting(network(random), one_of(random, plain_or_momentum(random), adaptive(random)), conditions)


def edge_of_stability(random: Random) -> Setting:
    """Full-batch runs that sharpen up to 2/η and stay there: squared error, hundreds of steps at rates below the first edge."""
    loss = network(random, activation=one_of(random, "tanh", "relu", "gelu"), objective="squared_error", hidden=(16, 16))
    return Setting(loss, OPTIMIZERS["gradient_descent"](), {"steps": 800})


def wrong_labels(random: Random) -> Setting:
    loss = network(random, wrong_labels=float(random.uniform(0.1, 0.5)), data=one_of(random, "moons", "circles", "wine"))
    conditions = {"steps": 500, "batch_size": int(random.integers(1, 9)), "whole": False, "seed": int(random.integers(1000))}
    return Setting(loss, plain_or_momentum(random), conditions)


def spikes(random: Random) -> Setting:
    """One example far from all others: every batch that has it jumps, and most runs recover."""
    loss = network(
        random, bad_cell="number", bad_value=float(10 ** random.uniform(1, 2)), scaling="raw", data=one_of(random, "moons", "waves")
    )
    conditions = {"steps": 500, "batch_size": int(random.integers(2, 9)), "whole": False, "seed": int(random.integers(1000))}
    return Setting(loss, one_of(random, plain_or_momentum(random), adaptive(random)), conditions)


def linear_models(random: Random) -> Setting:
    which = one_of(random, "linear_regression", "logistic_regression")
    data = one_of(random, "breast_cancer", "wine") if which == "logistic_regression" else one_of(random, "diabetes", "noisy_line")
    conditions: dict[str, Any] = {"steps": 400}
    if random.random() < 0.6:
        conditions |= {"batch_size": int(random.integers(1, 17)), "whole": False, "seed": int(random.integers(1000))}
    return Setting(LOSSES[which](data=data, standardize=True), plain_or_momentum(random), conditions)


def single_precision(random: Random) -> Setting:
    conditions: dict[str, Any] = {"steps": 400}
    if random.random() < 0.5:
        conditions |= {"batch_size": 8, "whole": False, "seed": int(random.integers(1000))}
    loss = network(random, dtype="float32")
    return Setting(loss, plain_or_momentum(random), conditions | {"start": np.asarray(loss.start, np.float32)})


FAMILIES: dict[str, Callable[[Random], Setting]] = {
    "quadratics, gradient descent": quadratics,
    "quadratics, momentum": swings,
    "surfaces": surfaces,
    "catapults (u·v)": catapults,
    "networks, gradient descent": full_batch,
    "networks, momentum": with_momentum,
    "networks, adaptive rules": adaptive_rules,
    "networks, mini-batches": mini_batches,
    "networks, schedules": scheduled,
    "networks, float32": single_precision,
    "edge of stability": edge_of_stability,
    "wrong labels, small batches": wrong_labels,
    "one far example: spikes": spikes,
    "linear models": linear_models,
}


def made(family: str, number: int, rates: int = RATES) -> list[Labelled]:
    """The runs of one setup, by its family and number."""
    name = f"{family} {number}"
    random = np.random.default_rng([*hashlib.sha256(name.encode()).digest()])
    setting = FAMILIES[family](random)
    conditions = dict(setting.conditions)
    edge = float(np.max(critical_learning_rate(setting.loss, setting.optimizer, conditions.get("start"))))
    scan = SCAN * (edge if np.isfinite(edge) else 1.0)
    ends = sweep(setting.loss, setting.optimizer, scan, **conditions).first_nonfinite
    smallest = scan[np.argmax(ends > 0)] if (ends > 0).any() else scan[0] / SCAN[0]
    rate = smallest * np.exp(random.uniform(np.log(LOW), np.log(HIGH), rates))
    path = run(setting.loss, setting.optimizer, rate, keep_preconditioner=True, **conditions)
    level = float(setting.loss.value(path.x[0][:, :1])[0])
    return [labelled(family, name, path, column, level) for column in range(rates)]


def labelled(family: str, setup: str, path: Trajectory, column: int, level: float) -> Labelled:
    """One run of a path, cut at its first loss that is not finite, with its label; `level` is the loss of all examples at the start."""
    seen = path.loss.shape[0] - (not path.whole)  # of mini-batches, the last loss is of all examples
    loss, norm = (np.asarray(each[:seen, column], dtype=float) for each in (path.loss, path.gradient_norm))
    rate = path.learning_rate[column] * path.multiplier[: seen - path.whole]
    rate = np.concatenate([rate, rate[-1:]]) if path.whole else rate
    lost = np.flatnonzero(~np.isfinite(loss))
    end = int(lost[0]) + 1 if lost.size else len(loss)
    below = max(float(np.median(loss[-max(len(loss) // 10, 1) :])), float(path.loss[-1, column])) < level
    label = OVERFLOWS if lost.size else NEITHER if not below else CAME_BACK if loss.max() > FAR * level else HEALTHY
    return Labelled(family, setup, column, label, level, loss[:end], norm[:end], rate[:end], path)


def all_runs(setups: int, *, families: Mapping[str, Any] = FAMILIES, rates: int = RATES) -> Iterator[Labelled]:
    """All runs of this many setups of each family."""
    for family in families:
        for number in range(setups):
            yield from made(family, number, rates)
