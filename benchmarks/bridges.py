"""A sweep of a PyTorch or JAX model, all rates at once, beside training it at one rate after another as one would in that library.

    python -m benchmarks.bridges

A convolutional network and a transformer block of 2 to 3 thousand parameters in float32, at 64 rates. The peer is a loop of torch.optim,
and of JAX's compiled gradient. Each library is held to one thread; all begin at the same weights and take the same mini-batches, and their
final losses are compared first. CPU time, interleaved; the median of the ratios of each round.
"""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import duration, times
from explorer import OPTIMIZERS, Loss, sweep
from explorer.bridges import jax_loss, torch_loss
from explorer.core.run.descent import batches

Array = NDArray[Any]
RATES = np.geomspace(1e-4, 1e-1, 64)
STEPS, ROUNDS, EXAMPLES = 100, 3, 256
BATCH_SIZES = (8, 16)
ONE_THREAD = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


def data(name: str) -> tuple[Array, Array]:
    """Images ``(examples, 1, 8, 8)`` of ten classes, or sequences ``(examples, 8, 4)`` of three, in which there is something to learn."""
    random = np.random.default_rng(0)
    shape, classes = ((1, 8, 8), 10) if name == "CNN" else ((8, 4), 3)
    inputs = random.standard_normal((EXAMPLES, *shape)).astype(np.float32)
    return inputs, (inputs.reshape(EXAMPLES, -1) @ random.standard_normal((inputs[0].size, classes))).argmax(axis=1)


def of_torch(name: str) -> tuple[Any, Callable[..., Any], Any, Any]:
    """Return a model, its loss function, inputs and targets."""
    import torch
    from torch import nn

    torch.manual_seed(0)

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.head = nn.Linear(4, 16), nn.Linear(16, 3)
            self.block = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)

        def forward(self, x: Any) -> Any:
            return self.head(self.block(self.embed(x)).mean(1))

    convolutions = [nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    model = nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(64, 10)) if name == "CNN" else Block()
    return model, nn.functional.cross_entropy, *map(torch.as_tensor, data(name))


def of_jax(name: str) -> tuple[Callable[..., Any], Any, Any, Any]:
    """Return the loss as a function of the parameters and the data, the parameters, inputs and targets."""
    import jax
    import jax.numpy as jnp

    random = np.random.default_rng(1)

    def drawn(*shape: int) -> Any:
        return jnp.asarray(random.standard_normal(shape) / np.sqrt(np.prod(shape[:-1])), jnp.float32)

    def cross_entropy(z: Any, y: Any) -> Any:
        return -jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], 1).mean()

    def convolved(a: Any, W: Any) -> Any:
        a = jax.nn.relu(jax.lax.conv_general_dilated(a, W, (1, 1), "SAME", dimension_numbers=("NCHW", "HWIO", "NCHW")))
        return a.reshape(*a.shape[:2], a.shape[2] // 2, 2, a.shape[3] // 2, 2).max((3, 5))

    def cnn(p: Any, x: Any, y: Any) -> Any:
        a = convolved(convolved(x, p["conv1"]), p["conv2"])
        return cross_entropy(a.reshape(len(a), -1) @ p["out"]["w"] + p["out"]["b"], y)

    def normed(a: Any, p: Any) -> Any:
        return (a - a.mean(-1, keepdims=True)) / jnp.sqrt(a.var(-1, keepdims=True) + 1e-5) * p["gain"] + p["shift"]

    def block(p: Any, x: Any, y: Any) -> Any:
        a = x @ p["embed"]
        q, k, v = jnp.split((a @ p["attention"]).reshape(*a.shape[:2], 2, 24), 3, axis=-1)
        seen = jax.nn.softmax(jnp.einsum("nqhd,nkhd->nhqk", q, k) / np.sqrt(8))
        a = normed(a + jnp.einsum("nhqk,nkhd->nqhd", seen, v).reshape(a.shape) @ p["project"], p["norm1"])
        a = normed(a + jax.nn.relu(a @ p["wide"]) @ p["narrow"], p["norm2"])
        return cross_entropy(a.mean(1) @ p["head"], y)

    norm = {"gain": jnp.ones(16), "shift": jnp.zeros(16)}
    small = {"conv1": drawn(3, 3, 1, 8), "conv2": drawn(3, 3, 8, 16), "out": {"w": drawn(64, 10), "b": jnp.zeros(10)}}
    wide = {"embed": drawn(4, 16), "attention": drawn(16, 48), "project": drawn(16, 16), "wide": drawn(16, 32), "narrow": drawn(32, 16)}
    inputs, targets = map(jnp.asarray, data(name))
    return (
        (cnn, small, inputs, targets)
        if name == "CNN"
        else (block, wide | {"norm1": norm, "norm2": norm, "head": drawn(16, 3)}, inputs, targets)
    )


def swept(loss: Loss, batch_size: int) -> Array:
    """The losses after the last step, all rates at once."""
    return sweep(loss, OPTIMIZERS["gradient_descent"](), RATES, steps=STEPS, batch_size=batch_size, whole=False).final_loss


def loop_of_torch(name: str, batch_size: int) -> Array:
    """The same by torch.optim, one rate after another."""
    import torch

    model, loss_function, inputs, targets = of_torch(name)
    rows = batches(torch_loss(model, loss_function, inputs, targets), batch_size, STEPS)
    assert rows is not None

    def trained(rate: float) -> float:
        own = copy.deepcopy(model)
        optimizer = torch.optim.SGD(own.parameters(), lr=rate)
        for some in map(torch.as_tensor, rows):
            optimizer.zero_grad()
            loss_function(own(inputs[some]), targets[some]).backward()
            optimizer.step()
        with torch.no_grad():
            return float(loss_function(own(inputs), targets))

    return np.array([trained(rate) for rate in RATES])


def loop_of_jax(name: str, batch_size: int) -> Callable[[], Array]:
    """The same by JAX, one rate after another, its step compiled."""
    import jax

    function, parameters, inputs, targets = of_jax(name)
    rows = batches(jax_loss(function, parameters, inputs, targets), batch_size, STEPS)
    assert rows is not None

    @jax.jit
    def step(p: Any, rate: Any, x: Any, y: Any) -> Any:
        return jax.tree.map(lambda each, slope: each - rate * slope, p, jax.grad(function)(p, x, y))

    whole = jax.jit(function)

    def trained(rate: float) -> float:
        p = parameters
        for some in rows:
            p = step(p, np.float32(rate), inputs[some], targets[some])
        return float(whole(p, inputs, targets))

    return lambda: np.array([trained(rate) for rate in RATES])


def compared(ours: Callable[[], Array], theirs: Callable[[], Array]) -> tuple[float, float, float]:
    """Return the CPU times of both for a step of a run, and the median of their ratios; their losses must agree."""
    np.testing.assert_allclose(ours(), theirs(), rtol=2e-3)
    spent: list[tuple[float, float]] = []
    for _ in range(ROUNDS):
        marks = [time.process_time()]
        for work in (ours, theirs):
            work()
            marks.append(time.process_time())
        spent.append((marks[1] - marks[0], marks[2] - marks[1]))
    mine, others = np.median(spent, axis=0) / (STEPS * len(RATES))
    return float(mine), float(others), float(np.median([theirs / ours for ours, theirs in spent]))


def main() -> None:
    os.environ.setdefault("XLA_FLAGS", ONE_THREAD)
    import torch

    torch.set_num_threads(1)
    print(
        f"{len(RATES)} rates at once against one after another, {STEPS} steps of gradient descent, float32, CPU time of one step of one run"
    )
    for name in ("CNN", "block"):
        in_torch, in_jax = torch_loss(*of_torch(name)), jax_loss(*of_jax(name))
        for size in BATCH_SIZES:
            pairs = {
                "torch_loss / torch.optim": (in_torch, lambda name=name, size=size: loop_of_torch(name, size)),
                "jax_loss / jax.jit": (in_jax, loop_of_jax(name, size)),
            }
            for peer, (loss, theirs) in pairs.items():
                mine, others, ratio = compared(lambda loss=loss, size=size: swept(loss, size), theirs)
                head = f"{name:<6} {loss.dim:>5} parameters, batches of {size:>3}  {peer:<26}"
                print(f"{head} {duration(mine):>8} {duration(others):>8} {times(ratio):>6}×")


if __name__ == "__main__":
    main()
