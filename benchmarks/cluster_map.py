"""A map on one machine or on many: `python -m benchmarks.cluster_map map.bin`.

By default the network's border of trainability in 128² pixels on this machine's own processes; `--pixels 1024` and a cluster of Dask's
make it the large one:

    dask scheduler                                      # on one machine: it prints its address
    dask worker tcp://ADDRESS:8786 --nthreads 1 --nworkers auto      # on every machine, this one too
    python -m benchmarks.cluster_map map.bin --pixels 1024 --scheduler tcp://ADDRESS:8786

`--latency` measures instead how long it takes to stop in the middle of a tile, in the threads of this process: 100 ms is the promise.

Every tile is written into the file as it comes in. Whatever interrupts this, the same command goes on from there. A worker that dies costs
its tile only.
"""

import argparse
import contextlib
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial
from pathlib import Path

from explorer.core.ground.extras import needs
from explorer.core.maps.canvas import Canvas
from explorer.core.maps.map import Axis, Map, duration
from explorer.core.maps.render import render
from explorer.core.maps.tile import in_words
from explorer.core.run.setup import Setup
from explorer.figures.map import png


def main() -> None:
    options = asked()
    setup = Setup("random_network", steps=options.steps, knobs={"loss.examples": options.examples})
    axes = (Axis(f"rate.{layer}", 0.1, 1e4, log=True, count=options.pixels) for layer in ("W1", "W2"))
    plan = Map(setup, *axes)
    if options.latency:
        latency(plan)
        return
    canvas = Canvas.open(options.file, plan)
    print(f"{plan.pixels:,} runs of {options.steps:,} steps, {canvas.share:.1%} done before", flush=True)
    with workers(options.scheduler) as (executor, count):
        print(f"about {in_words(duration(plan, count) * (1 - canvas.share))} on {count} workers as fast as this machine", flush=True)
        began, before, told = time.monotonic(), canvas.share, 0.0
        for share in render(plan, canvas, executor):
            spent = time.monotonic() - began
            if spent > told + 1 or share == 1:
                told = spent
                left = f", {in_words(spent * (1 - share) / (share - before))} left" if share < 1 else ""
                print(f"{share:7.2%} after {in_words(spent)}{left}", flush=True)
    print(*(f"{verdict} {part:.1%}" for verdict, part in canvas.shares().items()), sep=", ")
    picture = options.file.with_suffix(".png")
    picture.write_bytes(png(plan, canvas))
    print(f"{picture}: the picture")


def latency(plan: Map) -> None:
    """Stops a map in its threads thirty times, each time a little later, and says how long that took."""
    took = []
    for i in range(30):
        stop, asked_at = threading.Event(), [0.0]

        def ask(stop: threading.Event = stop, at: list[float] = asked_at) -> None:
            at[0] = time.perf_counter()
            stop.set()

        timer = threading.Timer(0.3 + i / 29, ask)
        timer.start()
        for _ in render(plan, Canvas.blank(plan), stop=stop):
            pass
        took.append(1000 * (time.perf_counter() - asked_at[0]))
    took.sort()
    print(f"stopping: median {took[15]:.0f} ms, largest {took[-1]:.0f} ms; the promise is 100 ms")


def asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path, help="holds what is done; an existing one is gone on with")
    parser.add_argument("--pixels", type=int, default=128, help="a side (128)")
    parser.add_argument("--steps", type=int, default=500, help="of each run (500)")
    parser.add_argument("--examples", type=int, default=16, help="of the network (16; the paper has 272)")
    parser.add_argument("--scheduler", help="the address of a Dask scheduler; without one, processes of this machine")
    parser.add_argument("--latency", action="store_true", help="measure how long it takes to stop, and nothing else")
    return parser.parse_args()


@contextlib.contextmanager
def workers(scheduler: str | None) -> Iterator[tuple[Executor | Callable[[], Executor], int]]:
    """An executor and how many work for it."""
    if scheduler is None:
        count = os.cpu_count() or 1
        yield partial(ProcessPoolExecutor, count, mp_context=multiprocessing.get_context("spawn")), count
        return
    with needs("cluster", "a map on a cluster"):
        from distributed import Client

    with Client(scheduler) as client:
        yield client.get_executor(), sum(client.nthreads().values())


if __name__ == "__main__":
    main()
