"""The same training runs in four ways: ours, a loop of torch.optim, torch.func.vmap, and JAX (jit, vmap and scan).

A peer is what a good user of that library would write. All begin at the same weights, see the same mini-batches in the same order and
have the same rates; what they give back, the loss of every run after its last step, is compared before anything is timed.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer import LOSSES, OPTIMIZERS, Loss, sweep
from explorer.core.run.descent import batches

Array = NDArray[Any]
Formula = Callable[..., Any]
"""The loss as the peers are told it, ``(namespace, parts, *data) -> number``: for torch and for jax.numpy alike."""

Call = Callable[[], Array]
"""Trains, and gives the final losses."""

ONE = ThreadPoolExecutor(1)
"""One thread for a sweep, so that what is compared is the work of one core."""


@dataclass(frozen=True, eq=False)
class Task:
    """Many training runs of one loss. `rates` is ``(parts, runs)``: the learning rate of each group of weights in each run.

    `shapes` are those of the parts, in the order of the loss's own point; `data` is what the formula is told besides. With `batch_size`
    the last axis of the data is the examples.
    """

    loss: Loss
    formula: Formula
    shapes: tuple[tuple[int, ...], ...]
    data: tuple[Array, ...]
    rates: Array
    steps: int
    rule: str = "gradient_descent"
    dtype: str = "float64"
    batch_size: int | None = None

    @property
    def runs(self) -> int:
        return self.rates.shape[1]

    @cached_property
    def rows(self) -> Array | None:
        """The examples of each step ``(steps, batch_size)``: those that our loop draws."""
        return batches(self.loss, self.batch_size, self.steps)

    @cached_property
    def parts(self) -> list[Array]:
        """Where every run begins."""
        cuts = np.cumsum([int(np.prod(shape)) for shape in self.shapes])[:-1]
        parts = np.split(self.loss.start.astype(self.dtype), cuts)
        return [part.reshape(shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def typed(self, make: Callable[[Array], Any]) -> list[Any]:
        """The data in the task's type, as another library's arrays."""
        return [make(each.astype(self.dtype)) for each in self.data]


# ---- the losses, as the peers are told them -----------------------------------------------------------------------------------


def bowl(xp: Any, parts: Sequence[Any], lam: Any) -> Any:
    """½ Σ λᵢ xᵢ²: the quadratic in its eigenbasis."""
    (x,) = parts
    return 0.5 * (lam * x * x).sum()


def bowl_by_matrix(xp: Any, parts: Sequence[Any], H: Any) -> Any:
    """½ xᵀHx: the quadratic as a matrix."""
    (x,) = parts
    return 0.5 * (x @ (H @ x))


def mean_field(xp: Any, parts: Sequence[Any], X: Any, y: Any) -> Any:
    """The network of the fractal: see `explorer.core.losses.random_network`."""
    W1, w2 = parts
    n = len(w2)
    return (((xp.tanh((2 / n) ** 0.5 * (X @ W1)) @ w2) / n - y) ** 2).mean()


def outputs(xp: Any, parts: Sequence[Any], X: Any) -> Any:
    """A tanh network, its last layer linear."""
    a = X
    for W, b in zip(parts[:-2:2], parts[1:-2:2], strict=True):
        a = xp.tanh(W @ a + b[:, None])
    return parts[-2] @ a + parts[-1][:, None]


def squared_error(xp: Any, parts: Sequence[Any], X: Any, y: Any) -> Any:
    """Half the mean square."""
    return 0.5 * ((outputs(xp, parts, X) - y) ** 2).mean()


def cross_entropy(xp: Any, parts: Sequence[Any], X: Any, y: Any) -> Any:
    """The mean over examples; y is 1 for the right class."""
    z = outputs(xp, parts, X)
    return (xp.log(xp.exp(z).sum(0)) - (z * y).sum(0)).mean()


# ---- the tasks ----------------------------------------------------------------------------------------------------------------


def quadratic(dim: int, runs: int, steps: int, rule: str = "gradient_descent", *, by_matrix: bool = False) -> Task:
    """Job A: a ravine of condition number 10⁴, with rates that all converge but have not yet arrived."""
    loss = LOSSES["ravine"](condition_number=1e4, dimension=dim)
    lam = np.array(loss.eigenvalues)
    rates = np.geomspace(1e-3, 0.1, runs)[np.newaxis]
    return Task(loss, bowl_by_matrix if by_matrix else bowl, ((dim,),), (np.diag(lam) if by_matrix else lam,), rates, steps, rule)


def network(runs: int, steps: int, dtype: str, batch_size: int | None = None) -> Task:
    """Job B: 2-16-16-1, tanh, squared error on 200 points."""
    loss = LOSSES["network"](hidden=(16, 16), data="moons", examples=200, objective="squared_error", dtype=dtype)
    return _perceptron(loss, squared_error, (2, 16, 16, 1), np.geomspace(1e-3, 0.1, runs), steps, dtype, batch_size)


def digits(runs: int, steps: int, dtype: str, batch_size: int | None = None) -> Task:
    """Job B on the digits: 64-128-64-10, tanh, cross-entropy on 1500 images."""
    loss = LOSSES["network"](hidden=(128, 64), data="digits", examples=1500, scaling="unit", dtype=dtype)
    return _perceptron(loss, cross_entropy, (64, 128, 64, 10), np.geomspace(1e-3, 0.1, runs), steps, dtype, batch_size)


def _perceptron(loss: Any, formula: Formula, widths: Sequence[int], rates: Array, steps: int, dtype: str, batch_size: int | None) -> Task:
    shapes = [shape for before, here in itertools.pairwise(widths) for shape in ((here, before), (here,))]
    rates = np.tile(rates, (len(shapes), 1))
    return Task(loss, formula, tuple(shapes), (loss.X, loss.y), rates, steps, dtype=dtype, batch_size=batch_size)


def fractal(side: int, steps: int, dtype: str, examples: int) -> Task:
    """Job C: a map of side² runs of the fractal's network, the rates of its two layers along the axes; a window where all converge."""
    loss: Any = LOSSES["random_network"](width=16, examples=examples)
    axis = np.geomspace(0.1, 3, side)
    rates = np.stack([each.ravel() for each in np.meshgrid(axis, axis)])
    return Task(loss, mean_field, ((16, 16), (16,)), (loss.X, loss.y), rates, steps, dtype=dtype)


# ---- ours ---------------------------------------------------------------------------------------------------------------------


def ours(task: Task) -> Call:
    """`explorer.sweep`, as anyone calls it; of mini-batches it looks at each one's own loss."""
    sizes = [int(np.prod(shape)) for shape in task.shapes]
    one_rate = bool((task.rates == task.rates[0]).all())
    scale = None if one_rate else np.repeat(task.rates, sizes, axis=0)
    rate = task.rates[0] if one_rate else np.ones(task.runs)
    rule, start = OPTIMIZERS[task.rule](), task.loss.start.astype(task.dtype)
    rest: dict[str, Any] = {"start": start, "steps": task.steps, "batch_size": task.batch_size, "whole": task.batch_size is None}
    return lambda: sweep(task.loss, rule, rate, rate_scale=scale, executor=ONE, **rest).final_loss


# ---- torch --------------------------------------------------------------------------------------------------------------------


def torch_optim(task: Task, columns: Sequence[int], threads: int = 1) -> Call:
    """One run after another, only these: a loop of zero_grad, backward and step, in so many threads."""
    import torch

    data, rows = task.typed(torch.tensor), task.rows
    optimizers = {"gradient_descent": torch.optim.SGD, "adam": torch.optim.Adam}

    def train(column: int) -> float:
        parts = [torch.tensor(part, requires_grad=True) for part in task.parts]
        groups = [{"params": [part], "lr": float(rate)} for part, rate in zip(parts, task.rates[:, column], strict=True)]
        optimizer = optimizers[task.rule](groups)
        for step in range(task.steps):
            here = data if rows is None else [each[:, rows[step]] for each in data]
            optimizer.zero_grad()
            task.formula(torch, parts, *here).backward()
            optimizer.step()
        with torch.no_grad():
            return float(task.formula(torch, parts, *data))

    def losses() -> Array:
        torch.set_num_threads(threads)
        try:
            return np.array([train(column) for column in columns])
        finally:
            torch.set_num_threads(1)

    return losses


def torch_vmap(task: Task) -> Call:
    """Gradient descent for all runs at once: vmap over grad, and a loop over steps."""
    import torch
    from torch.func import grad, vmap

    data, rows = task.typed(torch.tensor), task.rows
    rates = [torch.tensor(each.astype(task.dtype)) for each in task.rates]
    rates = [each.reshape(-1, *[1] * len(shape)) for each, shape in zip(rates, task.shapes, strict=True)]

    def value(parts: Any, *here: Any) -> Any:
        return task.formula(torch, parts, *here)

    def over_runs(function: Any) -> Any:
        return vmap(function, in_dims=(0, *[None] * len(data)))

    def train() -> Array:
        parts = [torch.tensor(part).expand(task.runs, *part.shape).clone() for part in task.parts]
        gradient = over_runs(grad(value))
        with torch.no_grad():
            for step in range(task.steps):
                here = data if rows is None else [each[:, rows[step]] for each in data]
                parts = [part - rate * g for part, rate, g in zip(parts, rates, gradient(parts, *here), strict=True)]
            return over_runs(value)(parts, *data).numpy()

    return train


# ---- JAX ----------------------------------------------------------------------------------------------------------------------


def jax_scan(task: Task, *, keeps_losses: bool = True) -> Call:
    """All runs at once, compiled: jit over vmap over scan, with the loss of every step, which a verdict needs, or without.

    Compiled at the first call.
    """
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    data, rows = task.typed(jnp.array), task.rows
    start = [jnp.array(part) for part in task.parts]

    def value(parts: Any, *here: Any) -> Any:
        return task.formula(jnp, parts, *here)

    def train(rates: Any) -> Any:
        def step(carry: Any, row: Any) -> Any:
            parts, state = carry
            here = data if rows is None else [each[:, row] for each in data]
            loss, gradient = jax.value_and_grad(value)(parts, *here)
            directions, state = zip(*map(DIRECTIONS[task.rule], gradient, state), strict=True)
            parts = [part - rate * direction for part, rate, direction in zip(parts, rates, directions, strict=True)]
            return (parts, list(state)), loss if keeps_losses else None

        state = [(jnp.zeros_like(part), jnp.zeros_like(part), jnp.zeros((), part.dtype)) for part in start]
        (parts, _), losses = jax.lax.scan(step, (start, state), rows, length=task.steps)
        return value(parts, *data), losses

    compiled = jax.jit(jax.vmap(train, in_axes=1))
    rates = jnp.array(task.rates.astype(task.dtype))
    return lambda: np.asarray(jax.block_until_ready(compiled(rates))[0])


def _adam(g: Any, state: Any) -> Any:
    m, v, t = state
    t = t + 1
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    return (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)) ** 0.5 + 1e-8), (m, v, t)


DIRECTIONS = {"gradient_descent": lambda g, state: (g, state), "adam": _adam}
"""What JAX steps along: the gradient, or Adam's way."""
