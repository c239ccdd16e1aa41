"""The pool of processes: shared, polite, and gone when the process that started it is gone, however that ended."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from explorer import sweep
from explorer.core.ground import workers
from explorer.core.ground.workers import POLITE, Cluster, processes

PATIENCE = 120
STARTS = """
import os, time
from explorer.core.ground.workers import processes
pool = processes()
print(pool.submit(os.getpid).result(), flush=True)
busy = pool.submit(time.sleep, 1000)
time.sleep(1000)
"""


def alive(pid: int) -> bool:
    """Whether a process is there, and no mere entry in the table of processes."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="looks at processes as Linux shows them")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_is_left_behind(end: signal.Signals) -> None:
    """While one of them is at work."""
    with subprocess.Popen([sys.executable, "-c", STARTS], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as parent:
        assert parent.stdout
        worker = int(parent.stdout.readline())
        assert alive(worker)
        parent.send_signal(end)
        parent.wait(PATIENCE)
        until = time.monotonic() + PATIENCE
        while alive(worker):
            assert time.monotonic() < until, "it outlives its parent"
            time.sleep(0.1)


def test_they_give_way_to_others() -> None:
    assert processes().submit(os.nice, 0).result() == min(os.nice(0) + POLITE, 19)


@pytest.mark.parametrize("address", ["nonsense", "tcp://127.0.0.1", "http://127.0.0.1:1", "tcp://127.0.0.1:1"])
def test_without_the_cluster_that_was_named_they_do_the_work_and_the_log_says_so_once(
    address: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is wrong with it: no address, nobody there, or what speaks to it is not installed."""
    monkeypatch.setattr(workers, "CLUSTER", Cluster(address))
    monkeypatch.setattr(workers, "AGAIN", 0.0)
    with caplog.at_level(logging.INFO, "explorer"):
        assert [processes().submit(pow, 2, power).result() for power in range(3)] == [1, 2, 4]
    [said] = caplog.messages
    assert said.startswith(f"There is no cluster at {address} (")


class Deadly:
    """A loss that ends every process but the one it was made in, as the system does where memory runs out."""

    dim, start, minimum = 1, np.ones(1), 0.0

    def __init__(self) -> None:
        self.home = os.getpid()

    def value(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.value_and_gradient(x)[0]

    def value_and_gradient(self, x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if os.getpid() != self.home:
            os._exit(9)
        return x[0] ** 2, 2 * x


def test_a_worker_that_dies_is_said_in_a_sentence() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        with pytest.raises(BrokenExecutor, match=r"a worker of the executor ended before .* tiles of fewer than 3 runs need less"):
            sweep(Deadly(), "gradient_descent", [0.1, 0.2, 0.3], executor=pool, steps=5)
        with pytest.raises(ValueError, match="executor must be one that takes work: make another"):
            sweep(Deadly(), "gradient_descent", [0.1, 0.2, 0.3], executor=pool, steps=5)
