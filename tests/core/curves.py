"""Loss curves whose verdict is known from how they were made: runs of our own, judged with everything known, and synthetic processes.

Each is then recorded as people record: in another unit, from another zero, every k-th step, rounded, smoothed, with values missing.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer import LOSSES, OPTIMIZERS, Trajectory, judge, run

Array = NDArray[np.float64]
Random = np.random.Generator

UNKNOWN = "cannot tell"
HELD_OUT = 0.5
"""The share of the curves that was never looked at while thresholds were chosen."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """A recorded curve, the verdict it must have, and what its owner knows of it. None among the losses is a missing value."""

    name: str
    label: str
    losses: Any
    steps: Array | None = None
    stochastic: bool | None = None

    @property
    def held_out(self) -> bool:
        """Whether it was kept aside: decided by its name, so that no one chooses."""
        return hashlib.sha256(self.name.encode()).digest()[0] < 256 * HELD_OUT

    @property
    def program(self) -> str:
        """The program whose log it could stand in: decided by its name too."""
        return [*PROGRAMS][hashlib.sha256(self.name.encode()).digest()[1] % len(PROGRAMS)]

    def log(self) -> str:
        """The curve as its program would have printed it, a row for each value that is not missing, in six digits."""
        head, row = PROGRAMS[self.program]
        steps = np.arange(1, len(self.losses) + 1) if self.steps is None else self.steps
        known = ~np.ma.getmaskarray(self.losses)
        rows = zip(steps[known].astype(int), np.ma.filled(self.losses, 0.0)[known], strict=True)
        return head + "".join(row.format(step=i, loss=f"{loss:.6g}", samples=64 * i, epoch=i / 500) for i, loss in rows)


PROGRAMS = {
    "Hugging Face": ("", "{{'loss': {loss}, 'learning_rate': 5e-05, 'epoch': {epoch}}}\n"),
    "a PyTorch loop": ("", "Train Epoch: 1 [{samples}/9600000 (1%)]\tLoss: {loss}\n"),
    "nanoGPT": ("tokens per iteration will be: 491,520\n", "iter {step}: loss {loss}, time 210.33ms, mfu 17.52%\n"),
    "Megatron": (
        "",
        " iteration {step:8d}/  500000 | consumed samples: {samples:12d} | elapsed time per iteration (ms): 612.3 |"
        " learning rate: 1.500E-04 | global batch size:    64 | lm loss: {loss} | loss scale: 1.0 | number of skipped iterations:   0 |\n",
    ),
    "Keras": ("", "Epoch {step}/500000\n938/938 [==============================] - 2s 2ms/step - loss: {loss}\n"),
    "fairseq": ("", "2023-05-01 10:00:00 | INFO | train_inner | epoch 001: {step} / 500000 loss={loss}, wps=31520, ups=2.5, lr=0.0005\n"),
    "Caffe": ("", "I0501 10:00:00.123456 12345 solver.cpp:239] Iteration {step}, loss = {loss}\n"),
    "CSV": ("step,train_loss\n", "{step},{loss}\n"),
    "a Markdown table": ("| step | training loss |\n|---|---|\n", "| {step} | {loss} |\n"),
}
"""What stands before the rows of a log, and a row, of programs that people use."""


# ---- runs of our own: the label is the verdict of `judge`, which knows the minimum, every step and x ------------------------------------

RUNS: list[tuple[str, str, dict[str, Any], dict[str, Any], list[float], dict[str, Any]]] = [
    ("quadratic", "gradient_descent", {"eigenvalues": (1, 10)}, {}, [0.002, 0.02, 0.1, 0.19, 0.21, 0.3], {"start": (1, 1), "steps": 400}),
    ("quadratic", "momentum", {"eigenvalues": (1, 10)}, {"momentum": 0.9}, [0.01, 0.1, 0.39], {"start": (1, 1), "steps": 600}),
    ("quadratic", "nesterov", {"eigenvalues": (1, 50)}, {"momentum": 0.9}, [0.001, 0.01, 0.03], {"start": (1, 1), "steps": 600}),
    ("x_squared", "gradient_descent", {}, {}, [0.3, 0.9, 1.02, 1.1], {"start": (1.0,), "steps": 2000}),
    ("x_squared", "momentum", {}, {"momentum": 0.95}, [0.01, 0.5], {"start": (1.0,), "steps": 300}),
    ("x_fourth", "gradient_descent", {}, {}, [0.01, 0.2, 0.49, 0.51], {"start": (1.0,), "steps": 500}),
    ("absolute", "gradient_descent", {}, {}, [0.31, 0.8, 0.04], {"start": (1.05,), "steps": 300}),
    ("double_well", "gradient_descent", {}, {}, [0.1, 0.9, 1.1, 1.27, 1.4, 1.7, 1.95], {"start": (0.5,), "steps": 400}),
    ("ravine", "gradient_descent", {}, {}, [0.02, 0.5, 1.9, 2.05], {"start": (1, 0.3), "steps": 300}),
    ("rosenbrock", "gradient_descent", {}, {}, [1e-5, 1e-3], {"steps": 1500}),
    ("rosenbrock", "adam", {}, {}, [0.003, 0.05], {"steps": 3000}),
    ("booth", "gradient_descent", {}, {}, [0.01, 0.1, 0.12], {"steps": 500}),
    ("beale", "gradient_descent", {}, {}, [1e-3, 1e-2], {"steps": 2000}),
    ("linear_regression", "gradient_descent", {}, {}, [1e-6, 1e-4, 2.1e-4, 1e-3], {"steps": 500}),
    ("linear_regression", "gradient_descent", {"standardize": True}, {}, [1e-4, 0.1, 1.0, 1.5], {"steps": 400}),
    ("linear_regression", "adam", {"standardize": True}, {}, [0.001, 3.0], {"steps": 400}),
    ("linear_regression", "gradient_descent", {"data": "noisy_line"}, {}, [0.02, 0.2, 0.5], {"steps": 1500, "batch_size": 5}),
    ("linear_regression", "gradient_descent", {"data": "noisy_line"}, {}, [0.05, 0.3], {"steps": 800, "batch_size": 2}),
    (
        "quadratic",
        "gradient_descent",
        {"eigenvalues": (1, 4)},
        {},
        [0.05, 0.2, 0.4],
        {"start": (3, 3), "steps": 1000, "gradient_noise": 0.3},
    ),
    ("logistic_regression", "gradient_descent", {"data": "three_to_one"}, {}, [0.5, 12.0, 14.0, 20.0], {"steps": 400}),
    ("logistic_regression", "gradient_descent", {"gap": 8.0}, {}, [0.5, 5.0], {"steps": 400}),
    ("uv", "gradient_descent", {"seed": 0}, {}, [0.3, 1.2, 1.5], {"steps": 300}),
    ("uv", "gradient_descent", {"seed": 3}, {}, [1.1, 1.3, 1.4], {"steps": 300}),
    ("uv", "gradient_descent", {"seed": 5, "width": 64}, {}, [1.2, 1.4], {"steps": 400}),
]


@functools.cache
def own_runs() -> tuple[tuple[str, str, Array, bool], ...]:
    """Name, verdict, losses and randomness of every run whose verdict a quarter more of steps does not change."""
    found = []
    for loss, rule, knobs, settings, rates, options in RUNS:
        objective, optimizer = LOSSES[loss](**knobs), OPTIMIZERS[rule](**settings)
        path = run(objective, optimizer, rates, **options)
        verdict = judge(path).verdict
        longer = judge(run(objective, optimizer, rates, **options | {"steps": options["steps"] * 5 // 4})).verdict
        for i, rate in enumerate(rates):
            if verdict[i] == longer[i] and _varies(path.loss[:, i]) and not (verdict[i] == "slow" and _nearly_there(path, i)):
                found.append((f"{loss} {rule} {knobs} {rate}", str(verdict[i]), path.loss[:, i], path.stochastic))
    return tuple(found)


def _nearly_there(path: Trajectory, i: int) -> bool:
    """Whether so little is left to fall that only who knows the minimum sees that it falls slowly."""
    lowest = path.objective.minimum or 0.0
    return bool(path.loss[-1, i] - lowest < 0.1 * (path.loss[0, i] - lowest))


def _varies(loss: Array) -> bool:
    finite = loss[np.isfinite(loss)]
    return finite.size < 2 or float(np.ptp(finite)) > 1e-9 * float(np.abs(finite).max())


# ---- synthetic processes: the label is what the process does ----------------------------------------------------------------------------

Process = Callable[[Random, int], Array]
PROCESSES: dict[str, tuple[str, Process, frozenset[str]]] = {}
"""By name: the label, the process from a number of rows to losses, and what may be done to it afterwards."""


def process(label: str, *allowed: str) -> Callable[[Process], Process]:
    def register(make: Process) -> Process:
        PROCESSES[make.__name__] = (label, make, frozenset(allowed))
        return make

    return register


def noise(random: Random, n: int, sd: float) -> Array:
    """White, or with a memory, or heavy-tailed: as mini-batch losses are."""
    white = random.standard_normal(n)
    kind = random.integers(3)
    if kind == 1:
        memory = random.uniform(0.2, 0.7)
        white = _smoothed(white, 1 - memory) * np.sqrt((1 + memory) / (1 - memory))
    if kind == 2:
        white = random.standard_t(4, n) / np.sqrt(2)
    return sd * white


def _smoothed(values: Array, share: float) -> Array:
    """The running mean m ← m + share (v - m)."""
    found, m = np.empty_like(values), values[0]
    for i, v in enumerate(values):
        m += share * (v - m)
        found[i] = m
    return found


@process("converging", "thin", "smooth", "round", "miss")
def power_law(random: Random, n: int) -> Array:
    t = np.linspace(0, 1, n)
    fall = (1 + random.uniform(5, 200) * t) ** -random.uniform(0.25, 1.0)
    return fall + noise(random, n, random.choice([0, 0.002, 0.01]) * np.sqrt(min(n / 200, 1)))


@process("converging", "thin", "smooth", "round", "miss")
def exponential_on_its_way(random: Random, n: int) -> Array:
    t = np.linspace(0, 1, n)
    return np.exp(-random.uniform(2.0, 5.0) * t) + noise(random, n, random.choice([0, 0.002, 0.008]) * np.sqrt(min(n / 200, 1)))


@process("converging", "round", "miss")
def with_bad_batches(random: Random, n: int) -> Array:
    n = max(n, 100)
    t = np.linspace(0, 1, n)
    y = np.exp(-random.uniform(2.0, 4.0) * t) + noise(random, n, 0.004)
    y[random.choice(np.arange(n // 10, n), max(n // 200, 2), replace=False)] += random.uniform(0.5, 8)
    return y


@process("converging", "thin", "round", "miss")
def ringing(random: Random, n: int) -> Array:
    n = max(n, 60)
    t = np.linspace(0, 1, n)
    return np.exp(-random.uniform(3, 8) * t) * (1 + 0.95 * np.cos(2 * np.pi * random.uniform(5, min(n / 8, 40)) * t))


@process("converging", "smooth", "round", "miss")
def cosine_schedule(random: Random, n: int) -> Array:
    n = max(n, 60)
    t = np.linspace(0, 1, n)
    rate = (1 + np.cos(np.pi * t)) / 2
    gone = np.cumsum(rate) / n
    return 0.6 * np.exp(-random.uniform(4, 8) * gone) + 0.1 * (1 - t) + rate * noise(random, n, 0.02)


@process("noisy", "thin", "smooth", "round", "miss")
def noise_floor(random: Random, n: int) -> Array:
    t = np.linspace(0, 1, n)
    return random.uniform(0.02, 0.5) + np.exp(-random.uniform(25, 80) * t) + noise(random, n, random.uniform(0.01, 0.08))


@process("noisy", "thin", "round", "miss")
def noise_floor_in_proportion(random: Random, n: int) -> Array:
    t = np.linspace(0, 1, n)
    level = 0.05 + np.exp(-random.uniform(25, 60) * t)
    return level * np.exp(noise(random, n, random.uniform(0.1, 0.3)))


@process("stuck", "thin", "smooth", "round", "miss")
def never_learned(random: Random, n: int) -> Array:
    return np.log(10) + noise(random, n, random.uniform(0.005, 0.3))


@process("stuck", "smooth", "round", "miss")
def collapsed(random: Random, n: int) -> Array:
    n = max(n, 40)
    t, when = np.linspace(0, 1, n), random.uniform(0.2, 0.45)
    learned, level = 0.3 + 1.3 * np.exp(-10 * t), random.uniform(1.2, 2.2)
    up = 1 / (1 + np.exp(-np.clip((t - when) * 200, -50, 50)))
    return (1 - up) * learned + up * level + noise(random, n, random.choice([0.001, 0.02, 0.05]))


@process("slow", "thin", "smooth", "round", "miss")
def straight_line(random: Random, n: int) -> Array:
    t = np.linspace(0, 1, n)
    return 1 - random.uniform(0.1, 0.3) * t + noise(random, n, random.choice([0, 0.0005, 0.003]) * np.sqrt(min(n / 200, 1)))


@process("slow", "thin", "round", "miss")
def crawl_after_a_fall(random: Random, n: int) -> Array:
    t = np.linspace(0, 1, n)
    return np.exp(-random.uniform(30, 80) * t) + 0.3 * np.exp(-random.uniform(0.02, 0.4) * t)


@process("diverged", "thin", "round", "miss")
def growing(random: Random, n: int) -> Array:
    t = np.linspace(0, 1, n)
    grown = np.exp(random.uniform(3, 60) * t)
    return grown * np.exp(noise(random, n, random.choice([0, 0.02, 0.1])))


@process("diverged", "thin", "miss")
def fell_then_grew(random: Random, n: int) -> Array:
    n = max(n, 30)
    t = np.linspace(0, 1, n)
    return np.exp(-8 * t) + 1e-4 * np.exp(random.uniform(14, 40) * t) + noise(random, n, random.choice([0, 0.01]))


@process("diverged", "miss")
def exploded_at_the_end(random: Random, n: int) -> Array:
    n = max(n, 30)
    y = 0.2 + np.exp(-4 * np.linspace(0, 1, n)) + noise(random, n, random.choice([0.001, 0.02]))
    rows = int(random.integers(4, 8))
    y[-rows:] += random.uniform(0.5, 3) * random.uniform(3, 50) ** np.arange(rows)
    return y


@process("diverged", "thin", "miss")
def grew_to_inf(random: Random, n: int) -> Array:
    t = np.linspace(0, 1, n)
    with np.errstate(over="ignore"):
        y = np.exp(random.uniform(900, 3000) * t)
    if random.random() < 0.5:
        y[np.isinf(y)] = np.nan
    return y


@process("diverged", "smooth", "miss")
def suddenly_nan(random: Random, n: int) -> Array:
    y = np.exp(-4 * np.linspace(0, 1, n)) + noise(random, n, random.choice([0, 0.02]))
    y[int(n * random.uniform(0.3, 0.95)) :] = np.nan
    return y


@process("oscillating", "thin_odd", "round", "miss")
def two_cycle(random: Random, n: int) -> Array:
    k = np.arange(n)
    return 1 + np.exp(-10 * k / n) + random.uniform(0.05, 0.6) * (-1.0) ** k + noise(random, n, random.choice([0, 1e-3]))


@process("oscillating", "round")
def longer_cycle(random: Random, n: int) -> Array:
    n = max(n, 60)
    period = int(random.integers(3, max(4, min(12, n // 12))))
    values = random.uniform(0.2, 1.0, period) + np.arange(period) % 2
    return np.tile(values, n // period + 1)[:n] + 2 * np.exp(-12 * np.arange(n) / n)


@process("oscillating", "round")
def chaos(random: Random, n: int) -> Array:
    n = max(n, 120)
    x, found, r = random.uniform(0.1, 0.9), np.empty(n), random.uniform(3.65, 3.99)
    for i in range(n):
        x = r * x * (1 - x)
        found[i] = x
    return found + 1


@process("oscillating", "thin", "full batch")
def chaos_seen_now_and_then(random: Random, n: int) -> Array:
    return chaos(random, 5 * n)[::5] + np.exp(-30 * np.linspace(0, 1, max(n, 24)))[: len(chaos(random, 5 * n)[::5])].mean()


@process("catapult", "thin", "round", "miss")
def thrown_over_the_ridge(random: Random, n: int) -> Array:
    n = max(n, 40)
    t, when = np.linspace(0, 1, n), random.uniform(0.08, 0.25)
    up = np.log(random.uniform(4, 60))
    climb = np.minimum(t / when, 1) * up - np.maximum(t - when, 0) * random.uniform(8, 20)
    return np.exp(climb) * np.exp(noise(random, n, random.choice([0, 0.01])))


@process("converged", "thin", "miss")
def arrived(random: Random, n: int) -> Array:
    return np.exp(-random.uniform(22, 60) * np.linspace(0, 1, n))


@process("converged", "thin", "miss", "round")
def arrived_in_print(random: Random, n: int) -> Array:
    n = max(n, 60)
    return np.round(0.25 + np.exp(-random.uniform(22, 60) * np.linspace(0, 1, n)), 4)


@process("converging", "miss")
def shown_as_nan_now_and_then(random: Random, n: int) -> Array:
    n = max(n, 60)
    y = np.exp(-random.uniform(2.5, 4) * np.linspace(0, 1, n))
    y[1:][random.random(n - 1) < random.choice([0.05, 0.6])] = np.nan
    y[-1] = np.exp(-4)
    return y


@process(UNKNOWN)
def too_short(random: Random, n: int) -> Array:
    return random.uniform(0, 1, int(random.integers(1, 6)))


@process(UNKNOWN, "miss")
def constant(random: Random, n: int) -> Array:
    return np.full(n, random.uniform(-1, 1))


@process(UNKNOWN)
def all_missing(random: Random, n: int) -> Array:
    return np.ma.masked_all(n)


# ---- as it was recorded -----------------------------------------------------------------------------------------------------------------


def recorded(name: str, label: str, y: Any, allowed: frozenset[str], random: Random, stochastic: bool | None) -> Labelled:
    """The curve as somebody logged it."""
    steps = None
    if "thin" in allowed or "thin_odd" in allowed:
        most = max(len(y) // 24, 1)
        every = int(random.integers(1, min(most, 30) + 1))
        every += (every % 2 == 0) and "thin_odd" in allowed
        rows = np.arange(0, len(y), every)
        if "thin" in allowed and random.random() < 0.2 and len(rows) > 200:
            rows = np.unique(np.geomspace(1, len(y), 160).astype(int)) - 1  # logged ever more seldom
        y, steps = y[rows], rows.astype(float)
        if random.random() < 0.5 and np.ptp(np.diff(rows)) == 0:
            steps = None
    if "smooth" in allowed and random.random() < 0.35 and len(y) >= 100:
        y = _smoothed(y, 1 - random.choice([0.6, 0.8]))
    if "round" in allowed and random.random() < 0.3 and np.isfinite(y).all():
        size = float(np.ptp(y))
        digits = 4 - int(np.floor(np.log10(size))) if size > 0 and np.abs(y).max() < 1e6 else None
        y = np.round(y, digits) if digits is not None else y
    if not isinstance(y, np.ma.MaskedArray):
        finite = np.abs(y[np.isfinite(y)]).max(initial=0)
        if finite < 1e250:
            a = 10 ** random.uniform(-6, 6)
            b = random.choice([0.0, 1.0, -3.0, 20.0]) * a * min(float(np.abs(y[:1]).max(initial=0)) if np.isfinite(y[0]) else 1.0, 1e6)
            y = a * y + b
    if "miss" in allowed and random.random() < 0.4:
        gone = random.random(len(y)) < random.choice([0.03, 0.3])
        gone[[0, -1]] = False
        y = np.ma.masked_array(y, gone)
    return Labelled(name, label, y, steps, stochastic)


def curves(copies: int = 12) -> Iterator[Labelled]:
    """All labelled curves: `copies` of each synthetic process, half as many of each run."""
    for name, label, losses, stochastic in own_runs():
        for copy in range(max(copies // 4, 2)):
            random = np.random.default_rng([copy, *name.encode()])
            known = stochastic if random.random() < 0.5 or label in ("noisy",) else None
            allowed = frozenset({"round", "miss"}) if label in ("oscillating", "converged", "catapult") else frozenset({"thin", "miss"})
            allowed = allowed - {"miss", "round"} if label == "oscillating" else allowed
            yield recorded(f"{name} #{copy}", label, losses, allowed, random, known)
    for name, (label, make, allowed) in PROCESSES.items():
        for copy in range(copies):
            random = np.random.default_rng([copy, *name.encode()])
            rows = int(10 ** random.uniform(np.log10(20), 3.7)) if copy else 100_000
            full_batch = False if "full batch" in allowed else None
            yield recorded(f"{name} #{copy}", label, make(random, rows), allowed, random, full_batch)
