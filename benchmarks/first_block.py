"""What the block that `descent` frees at its import gains: `python -m benchmarks.first_block`.

The same sweeps in fresh processes that took turns, with and without it: CPU time and page faults, the medians of five rounds.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from statistics import median

import numpy as np

JOBS = {"gradient descent": 300, "Adam": 150}
"""Rules and steps; 32,768 runs of Rosenbrock are arrays of half a megabyte."""


def measured() -> list[float]:
    """CPU seconds and page faults of each job, one after the other, once warm."""
    if os.environ["FIRST_BLOCK"] == "without":
        empty, np.empty = np.empty, lambda shape, *rest, **named: None if shape == 2**21 else empty(shape, *rest, **named)
        from explorer.core.run import descent  # noqa: F401

        np.empty = empty
    from explorer import LOSSES, OPTIMIZERS, sweep

    found = []
    for name, steps in JOBS.items():
        for _ in range(2):
            before = resource.getrusage(resource.RUSAGE_SELF)
            rule = OPTIMIZERS[name.lower().replace(" ", "_")]()
            sweep(LOSSES["rosenbrock"](), rule, np.geomspace(1e-5, 1e-3, 2**15), steps=steps)
            after = resource.getrusage(resource.RUSAGE_SELF)
        found += [after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, after.ru_minflt - before.ru_minflt]
    return found


if __name__ == "__main__":
    if "FIRST_BLOCK" in os.environ:
        print(*measured())
        sys.exit()
    rows: dict[str, list[list[float]]] = {"with": [], "without": []}
    for _ in range(5):
        for how, seen in rows.items():
            call = [sys.executable, "-m", "benchmarks.first_block"]
            out = subprocess.run(call, env={**os.environ, "FIRST_BLOCK": how}, capture_output=True, text=True, check=True).stdout
            seen.append([float(number) for number in out.split()])
    with_it, without = ([median(column) for column in zip(*seen, strict=True)] for seen in rows.values())
    for i, name in enumerate(JOBS):
        faults = f"page faults {with_it[2 * i + 1]:.0f} instead of {without[2 * i + 1]:.0f}"
        print(f"{name:18} {with_it[2 * i]:.2f} s instead of {without[2 * i]:.2f} s ({without[2 * i] / with_it[2 * i]:.2f} times), {faults}")
