"""How fast a sweep is beside torch and JAX: `python -m benchmarks.jobs [--jobs A,B,C] [--minutes 10] [--quick]`, extra `bench`.

A: 512 learning rates on a quadratic. B: 512 rates of a 2-16-16-1 network and 64 of one for the digits. C: a map, each pixel one training of
a 16-16-1 network. For each, the peers take turns, one training each, round after round, and the median CPU time of the process counts
(all of its threads; every library is held to one, but for a second loop of torch.optim as it comes, with one a core: the others wait
for work by spinning, which costs that much CPU time). So the ratios bear a busy machine; the times themselves do not. Before anything is
timed, the peers must end at the same losses. At the end: a table, docs/benchmark.svg, and what else a sweep promises.
"""

from __future__ import annotations

import argparse
import itertools
import os
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks import machine, peers, promises, report
from benchmarks.peers import Array, Call, Task
from benchmarks.report import Row

PICTURE = Path(__file__).parent.parent / "docs" / "benchmark.svg"

TOLERANCE = {"float64": 1e-9, "float32": 1e-3}
"""How far the final losses of two peers may be apart, as a share."""

FEWEST, MOST = 3, 15
"""Rounds: as many as the minutes allow, within these."""

PEERS = "torch.optim", "torch.optim, all threads", "torch vmap", "JAX", "JAX, last loss only", "JAX, ½xᵀHx"
LOOP, FREE, VMAP, JAX, LEAN, MATRIX = PEERS


@dataclass(frozen=True)
class Match:
    """One row of the table. `goals` are the least ratios to reach, by peer; `work` the flops and tanhs of a step of a run."""

    name: str
    make: Callable[[], Task]
    goals: Mapping[str, float]
    work: tuple[float, float]
    vmap: bool = False
    matrix: Callable[[], Task] | None = None


@dataclass
class Peaks:
    """What the processor can do, measured in the same run: the best of all looks."""

    flops: dict[str, float] = field(default_factory=dict)
    tanhs: dict[str, float] = field(default_factory=dict)

    def look(self) -> None:
        """Measures again: a large product, and tanh of what fits the cache."""
        for dtype in ("float64", "float32"):
            a, z = np.ones((1024, 1024), dtype), np.linspace(-2, 2, 2**13).astype(dtype)
            out = np.empty_like(z)
            flops = 2 * 1024**3 / cpu(lambda a=a: a @ a)
            tanhs = 100 * z.size / cpu(lambda z=z, out=out: [np.tanh(z, out=out) for _ in range(100)])
            self.flops[dtype] = max(flops, self.flops.get(dtype, 0))
            self.tanhs[dtype] = max(tanhs, self.tanhs.get(dtype, 0))

    def least(self, work: tuple[float, float], dtype: str) -> float:
        """Seconds of a run's step if nothing but its products and tanhs cost anything, at their peak."""
        return work[0] / self.flops[dtype] + work[1] / self.tanhs[dtype]


def cpu(act: Callable[[], object]) -> float:
    """Seconds of CPU time of the whole process."""
    began = time.process_time()
    act()
    return time.process_time() - began


def passes(widths: Sequence[int], examples: int) -> tuple[float, float]:
    """The flops and tanhs of loss and gradient of a network: one product forward, two back, but one at the first layer."""
    weights = [a * b for a, b in itertools.pairwise(widths)]
    return 2 * examples * (3 * sum(weights) - weights[0]), examples * sum(widths[1:-1])


def matches(*, quick: bool = False) -> dict[str, list[Match]]:
    """All jobs. `quick` has a quarter of the steps."""

    def s(steps: int) -> int:
        return max(steps // 4, 2) if quick else steps

    found: dict[str, list[Match]] = {"A": [], "B": [], "C": []}
    for rule, name in (("gradient_descent", "gradient descent"), ("adam", "Adam")):
        for dim, steps in ((2, 2000), (10, 1000), (100, 200)):
            goals = {LOOP: 1000 if dim <= 10 else 200, JAX: 1 / 3 if dim == 2 else 1, MATRIX: 1 / 3 if dim == 2 else 1}

            def make(dim: int = dim, steps: int = steps, rule: str = rule, *, by_matrix: bool = False) -> Task:
                return peers.quadratic(dim, 512, s(steps), rule, by_matrix=by_matrix)

            matrix = lambda make=make: make(by_matrix=True)  # noqa: E731
            found["A"].append(Match(f"{name}, d = {dim}", make, goals, (2 * dim**2, 0), matrix=matrix))
    for dtype in ("float32", "float64"):
        full, mini = passes((2, 16, 16, 1), 200), passes((2, 16, 16, 1), 16)
        name = f"network, {{}}, {dtype}"
        few = f"few runs, batches of 16, {dtype}"  # where a compiled loop gains most, since its arrays still fit the cache
        found["B"] += [
            Match(name.format("full batch"), lambda d=dtype: peers.network(512, s(60), d), {LOOP: 10, JAX: 1}, full, vmap=True),
            Match(name.format("batches of 16"), lambda d=dtype: peers.network(512, s(400), d, 16), {LOOP: 50, JAX: 1}, mini),
            Match(few, lambda d=dtype: peers.network(64, s(400), d, 16), {LOOP: 50}, mini),
        ]
    wide = (64, 128, 64, 10)
    found["B"] += [
        Match("digits, batches of 64, float32", lambda: peers.digits(64, s(200), "float32", 64), {LOOP: 4, JAX: 1}, passes(wide, 64)),
        Match("digits, full batch, float32", lambda: peers.digits(64, s(12), "float32"), {LOOP: 1, JAX: 1}, passes(wide, 1500)),
    ]
    for examples, side, steps, least in ((16, 32, 300, 300), (272, 12, 100, 20)):
        for dtype in ("float32", "float64"):

            def pixels(d: str = dtype, n: int = examples, side: int = side, steps: int = steps) -> Task:
                return peers.fractal(side, s(steps), d, n)

            work = passes((16, 16, 1), examples)
            found["C"].append(Match(f"{examples} examples, {dtype}", pixels, {LOOP: least, JAX: 1}, work, vmap=True))
    return found


def compete(match: Match, peaks: Peaks, seconds: float, others: Sequence[str] = PEERS) -> Row:
    """One row: the same losses first, then rounds for this long."""
    task, (calls, compiling) = match.make(), _entered(match)
    calls = {name: call for name, call in calls.items() if name in ("ours", *others)}
    ended = {name: call() for name, (call, _) in calls.items()}
    for name, losses in ended.items():
        columns = calls[name][1]
        np.testing.assert_allclose(losses, ended["ours"][columns], rtol=TOLERANCE[task.dtype], err_msg=f"{match.name}: {name}")
    times: dict[str, list[float]] = {name: [] for name in calls}
    began = time.monotonic()
    while len(times["ours"]) < FEWEST or (time.monotonic() - began < seconds and len(times["ours"]) < MOST):
        peaks.look()
        for name, (call, columns) in calls.items():
            times[name].append(cpu(call) / task.steps / np.arange(task.runs)[columns].size)
    middle = {name: median(each) for name, each in times.items()}
    share = peaks.least(match.work, task.dtype) / middle["ours"]
    goals = dict(match.goals) | {FREE: match.goals[LOOP]}
    return Row(match.name, task.runs, task.steps, middle, goals, share, compiling, len(times["ours"]))


def _entered(match: Match) -> tuple[dict[str, tuple[Call, slice | Array]], float]:
    """Who takes part, each with the columns it trains, and how long JAX compiled; all have run once."""
    task, everyone = match.make(), slice(None)
    middle = np.array([task.runs // 2])
    calls: dict[str, tuple[Call, slice | Array]] = {
        "ours": (peers.ours(task), everyone),
        LOOP: (peers.torch_optim(task, middle), middle),
    }
    if match.vmap:
        calls[VMAP] = peers.torch_vmap(task), everyone
    calls[JAX] = peers.jax_scan(task), everyone
    calls[LEAN] = peers.jax_scan(task, keeps_losses=False), everyone
    if match.matrix is not None:
        calls[MATRIX] = peers.jax_scan(match.matrix()), everyone
    calls[FREE] = peers.torch_optim(task, middle, os.cpu_count() or 1), middle  # last: its threads spin on for some milliseconds
    began = time.perf_counter()
    calls[JAX][0]()
    return calls, time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", default="A,B,C", help="which of A, B and C")
    parser.add_argument("--minutes", type=float, default=10, help="about how long; the compiling comes on top")
    parser.add_argument("--quick", action="store_true", help="a quarter of the steps, three rounds, no picture")
    parser.add_argument("--no-promises", action="store_true", help="only the comparison")
    parser.add_argument("--peers", default=";".join(PEERS), help="which of the others, with semicolons between them")
    given = parser.parse_args()
    chosen = {job: rows for job, rows in matches(quick=given.quick).items() if job in given.jobs.split(",")}
    seconds = 0 if given.quick else 60 * given.minutes * 0.7 / sum(map(len, chosen.values()))
    rows: dict[str, list[Row]] = {}
    peaks = Peaks()
    with threadpool_limits(1), warnings.catch_warnings(action="ignore"):
        import torch

        torch.set_num_threads(1)
        print(machine.described())
        for job, each in chosen.items():
            print(f"\n{job}: {report.ABOUT[job]}\n{report.HEAD}", flush=True)
            rows[job] = []
            for match in each:
                rows[job].append(compete(match, peaks, seconds, given.peers.split(";")))
                print(report.line(rows[job][-1]), flush=True)
    print("\n" + report.footnotes(peaks.flops, peaks.tanhs))
    if not given.no_promises:
        print(f"\n{report.PROMISES}", flush=True)
        for promise in promises.ALL:
            print(promise(), flush=True)
    if not given.quick and len(chosen) == 3:
        PICTURE.write_text(report.picture(rows), encoding="utf-8")
        print(f"\ndrawn: {PICTURE.relative_to(PICTURE.parents[1])}")


if __name__ == "__main__":
    main()
