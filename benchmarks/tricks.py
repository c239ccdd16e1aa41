"""What the less obvious forms in the code gain on this processor: `python -m benchmarks.tricks`. Each has its line here.

Best CPU time of several rounds; the last column is how many times as long the obvious form takes: below 1 the trick loses here.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from scipy.special import expit
from threadpoolctl import threadpool_limits

from benchmarks import machine
from explorer.core.ground import blas, elementary


def best(act: Callable[[], object], repeats: int = 50, rounds: int = 9) -> float:
    """Seconds of CPU time of one call."""
    found = []
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(repeats):
            act()
        found.append((time.process_time() - began) / repeats)
    return min(found)


def line(name: str, trick: Callable[[], object], obvious: Callable[[], object], of: int = 1) -> None:
    ours, plain = best(trick), best(obvious)
    print(f"{name:<64}{ours / of * 1e9:>12.2f} ns{plain / of * 1e9:>12.2f} ns{plain / ours:>8.2f}", flush=True)


def functions(kind: type, size: int) -> None:
    """Tanh and the logistic function, for a number."""
    x = (1.5 * np.random.default_rng(0).standard_normal(size)).astype(kind)
    out = np.empty_like(x)
    how = "compiled" if elementary.best(kind) is not None else "numpy's own here"
    line(f"tanh, {kind.__name__}, {size} numbers, {how}; np.tanh", lambda: elementary.tanh(x, out), lambda: np.tanh(x, out=out), size)
    line(f"sigmoid, {kind.__name__}, {size} numbers; expit", lambda: elementary.sigmoid(x, out), lambda: expit(x, out=out), size)


def products(kind: type, runs: int, units: int, examples: int) -> None:
    """The products of a layer, for all runs."""
    d, a = np.random.default_rng(0).standard_normal((2, runs, units, examples)).astype(kind)
    out, turned = np.empty((runs, units, units), kind), a.swapaxes(1, 2)
    ways = {"as it is": lambda: np.matmul(d, turned, out=out), "copied": lambda: np.matmul(d, np.ascontiguousarray(turned), out=out)}
    trick, obvious = ("copied", "as it is") if blas.turned_is_slow() else ("as it is", "copied")
    line(f"d aᵀ, {kind.__name__}, {runs} runs, {units} × {examples}, {trick}; {obvious}", ways[trick], ways[obvious])
    W, X = np.ones((runs, 2 * units + 1), kind)[:, : 2 * units].reshape(runs, units, 2), a[0, :2]
    name = f"W X with shared X, {kind.__name__}, {runs} runs, {units} × {examples}, one product; many"
    line(name, lambda: (W.reshape(-1, 2) @ X).reshape(runs, units, -1), lambda: W @ X)


def main() -> None:
    print(f"{machine.described()}\n\n{'form; obvious form':<64}{'form':>15}{'obvious':>15}{'ratio':>8}")
    with threadpool_limits(1):
        for kind in (np.float64, np.float32):
            for size in (2**12, 2**16):
                functions(kind, size)
            for shape in ((512, 16, 16), (20, 16, 200), (64, 64, 64)):
                products(kind, *shape)


if __name__ == "__main__":
    main()
