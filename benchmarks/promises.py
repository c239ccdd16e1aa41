"""What a sweep promises besides speed: each is measured here, in a few seconds, and answers with a line."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.peers import ONE
from explorer import LOSSES, OPTIMIZERS, Outcome, Verdict, run, sweep
from explorer.core.files.logs import read_log
from explorer.core.ground.workers import processes
from explorer.core.maps.canvas import Canvas
from explorer.core.maps.map import Map
from explorer.core.maps.render import render
from explorer.core.run.descent import Descent, descend
from explorer.core.theory.curvature import top_eigenvalues

ROUNDS = 5


def line(name: str, found: str, *, goal: str = "", reached: bool | None = None) -> str:
    """One promise, what was measured, and what was wanted."""
    end = f"goal {goal} {'reached' if reached else 'NOT reached'}" if reached is not None else ""
    return f"{name:<52}{found:<58}{end}"


def taken(clock: Callable[[], float], *acts: Callable[[], object]) -> list[float]:
    """The median time of each act, taken in turns."""
    times: list[list[float]] = [[] for _ in acts]
    for _ in range(ROUNDS):
        for act, each in zip(acts, times, strict=True):
            began = clock()
            act()
            each.append(clock() - began)
    return [median(each) for each in times]


def overview(side: int, steps: int, examples: int = 16, **more: Any) -> Outcome:
    """A map from rates that do nothing to rates that overflow, of the fractal's network."""
    loss = LOSSES["random_network"](width=16, examples=examples)
    sizes = [each.stop - each.start for _, each in loss.blocks]  # type: ignore[attr-defined]
    axis = np.geomspace(1e-1, 1e4, side)
    scale = np.repeat(np.stack([each.ravel() for each in np.meshgrid(axis, axis)]), sizes, axis=0)
    return sweep(loss, OPTIMIZERS["gradient_descent"](), np.ones(side**2), rate_scale=scale, steps=steps, **more)


def retiring() -> str:
    """Runs that are over leave the batch; without that they cost as much as ever."""

    def kept() -> Outcome:
        with patch("explorer.core.run.sweep.COMPACT", 2.0):
            return overview(32, 500, executor=ONE)

    def retired() -> Outcome:
        return overview(32, 500, executor=ONE)

    with_it, without = taken(time.process_time, retired, kept)
    same = bool(np.array_equal(retired().verdict == Verdict.DIVERGED, kept().verdict == Verdict.DIVERGED))
    found = f"{without / with_it:.2f} times faster, {'the same' if same else 'OTHER'} runs diverge"
    return line("retiring, on a 32² map of 500 steps", found, goal="≥ 1.3", reached=same and without / with_it >= 1.3)


def beyond(rule: str) -> str:
    """Whether a step costs more long after all runs have converged, where numbers shrink below what a processor likes."""
    loss, rates, steps = LOSSES["ravine"](condition_number=10.0, dimension=10), np.geomspace(0.05, 1.5, 512), 400
    if rule == "adam":
        rates = np.geomspace(0.01, 0.1, 512)
    once, longer = taken(
        time.process_time, *(lambda n=n: sweep(loss, OPTIMIZERS[rule](), rates, steps=n, executor=ONE) for n in (steps, 10 * steps))
    )
    ratio = longer / 10 / once
    return line(f"10 times as many steps, converged, {rule}", f"{ratio:.2f} times the cost of a step", goal="≤ 1.2", reached=ratio <= 1.2)


def beyond_with_path() -> str:
    """The same for `run`, which retires nobody."""
    loss, rates = LOSSES["ravine"](condition_number=10.0, dimension=10), np.geomspace(0.05, 1.5, 121)
    once, longer = taken(time.process_time, *(lambda n=n: run(loss, OPTIMIZERS["gradient_descent"](), rates, steps=n) for n in (400, 4000)))
    return line("10 times as many steps, converged, with the path", f"{longer / 10 / once:.2f} times the cost of a step")


def threads() -> str:
    """Two threads against one where a step is long enough for them, in wall time: a busy machine may have no second core to spare."""
    two = ThreadPoolExecutor(2)
    one, both = taken(time.perf_counter, *(lambda pool=pool: overview(16, 60, 272, executor=pool, tile=64) for pool in (ONE, two)))
    return line(
        "two threads against one, 272 examples, wall time", f"{one / both:.2f} times faster", goal="≥ 1.4", reached=one / both >= 1.4
    )


def everyone() -> str:
    """What a map is given, processes, and two threads, against one thread: where steps are short threads wait for each other's Python."""
    two, others = ThreadPoolExecutor(2), processes()
    overview(16, 10, executor=others, tile=16)  # all have started and imported
    pools = ONE, two, others
    one, both, apart = taken(time.perf_counter, *(lambda pool=pool: overview(48, 200, executor=pool, tile=144) for pool in pools))
    found = f"processes {one / apart:.2f}, two threads {one / both:.2f} times faster"
    return line("all cores against one thread, 16 examples", found, goal="≥ 1.4", reached=one / apart >= 1.4)


MEMORY = """
import re, numpy as np
from pathlib import Path
from explorer import LOSSES, OPTIMIZERS, sweep
def megabytes(name):  # not resource.getrusage, whose peak a process inherits from the one that started it
    return int(re.search(name + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024
loss, rule = LOSSES["ravine"](condition_number=100.0), OPTIMIZERS["gradient_descent"]()
sweep(loss, rule, [0.1], steps=10)
before = megabytes("VmRSS")
sweep(loss, rule, np.linspace(0.001, 2.2, 10_000), steps=10_000)
print(megabytes("VmHWM") - before)
"""


def memory() -> str:
    """A sweep of 10 000 rates over 10 000 steps, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    more = float(done.stdout)
    return line("memory of 10 000 rates × 10 000 steps, d = 2", f"{more:.1f} MB over the baseline", goal="< 200 MB", reached=more < 200)


def sharpness() -> str:
    """A network's sharpness at every tenth step, each look beginning where the last one ended, beside the training that is looked at."""
    loss, rule, rates = LOSSES["network"](hidden=(16, 16), examples=200), OPTIMIZERS["gradient_descent"](), np.geomspace(1e-2, 0.5, 16)
    descent = Descent.of(loss, rule, rates, steps=300)

    def train(looks: int | None) -> None:
        warm = None
        for moment in descend(descent):
            if looks is not None and moment.step % looks == 0:
                warm = top_eigenvalues(loss, moment.x, warm=warm).vector

    bare, watched = taken(time.process_time, lambda: train(None), lambda: train(10))
    more = watched / bare - 1
    return line("the sharpness at every tenth step of a network", f"{more:.2f} times the training itself", goal="≤ 1", reached=more <= 1)


def with_path() -> str:
    """A page's own work for its ruler: all rates, with their paths, on a surface."""
    loss, rule, rates = LOSSES["himmelblau"](), OPTIMIZERS["gradient_descent"](), np.geomspace(1e-4, 1e-1, 121)
    (seconds,) = taken(time.process_time, lambda: run(loss, rule, rates, steps=200))
    return line("121 rates × 200 steps on a surface, with the path", f"{seconds * 1e3:.1f} ms", goal="≤ 20 ms", reached=seconds <= 0.02)


def first_picture() -> str:
    """From nothing to the first 32² pixels of the fractal's map, 500 steps."""
    setup = {"v": "1", "loss": "random_network", "learning_rate": "1", "steps": "500"}
    plan = Map.from_query(setup | {"x": "rate.W1:0.1:10000:log:256", "y": "rate.W2:0.1:10000:log:256"})
    times = []
    for _ in range(3):
        canvas, began = Canvas.blank(plan), time.perf_counter()
        for _ in render(plan, canvas):
            if canvas.done[::8, ::8].all():
                break
        times.append(time.perf_counter() - began)
    seconds = median(times)
    return line("first picture of a 256² map, wall time", f"{seconds:.2f} s", goal="< 1 s", reached=seconds < 1)


def growth() -> str:
    """How the cost of a step of a run changes with the runs, the steps and the dimension: gradient descent on a ravine."""
    rule = OPTIMIZERS["gradient_descent"]()

    def cost(runs: int, steps: int, dim: int) -> float:
        loss, rates = LOSSES["ravine"](condition_number=1e4, dimension=dim), np.geomspace(1e-3, 0.1, runs)
        return taken(time.process_time, lambda: sweep(loss, rule, rates, steps=steps, executor=ONE))[0] / runs / steps

    def row(name: str, sizes: Sequence[int], place: int) -> str:
        cells = []
        for size in sizes:
            given = [512, 500, 10]
            given[place] = size
            cells.append(f"{size:>8,}: {cost(*given) * 1e9:6.0f} ns")
        return f"  {name:<12}" + "  ".join(cells)

    rows = [row("runs", (1, 8, 64, 512, 4096), 0), row("steps", (50, 500, 5000), 1), row("dimensions", (2, 10, 100, 1000), 2)]
    return "\n".join(itertools.chain(["a step of a run, beside 512 runs × 500 steps in d = 10:"], rows))


def reading() -> str:
    """A log of a million rows, as somebody uploads it."""
    text = "step,loss\n" + "".join(f"{i},{2 / (i + 1) ** 0.5:.6f}\n" for i in range(10**6))
    began = time.process_time()
    read_log(text)
    seconds = time.process_time() - began
    return line("a log of a million rows, read and thinned", f"{seconds:.1f} s", goal="≤ 5 s", reached=seconds <= 5)


ALL = [
    retiring,
    lambda: beyond("gradient_descent"),
    lambda: beyond("momentum"),
    lambda: beyond("adam"),
    beyond_with_path,
    threads,
    everyone,
    memory,
    with_path,
    sharpness,
    first_picture,
    growth,
    reading,
]
"""What `benchmarks.jobs` asks after the comparison."""
