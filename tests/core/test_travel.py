"""What a script defines in itself, classes, factories and lambdas, at work on every kind of worker process."""

from __future__ import annotations

import importlib.util
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from explorer import OPTIMIZERS, SCHEDULES, Optimizer, Schedule, after_warmup, run, sweep
from explorer.core.ground.travel import packed, unpacked
from explorer.core.optimizers import clipped, with_decoupled_decay

SCRIPT = """
import contextlib, sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
import numpy as np


class Refused(Exception):
    pass


class Valley:
    dim, start, minimum = 2, np.array([1.0, 1.0]), 0.0

    def __init__(self, steep=10.0):
        if 4.9 < steep < 5:
            raise Refused(f"nobody likes {steep:g}")
        self.steep = np.array([[1.0], [steep]])

    def value(self, x):
        return (self.steep * x * x).sum(axis=0) / 2

    def value_and_gradient(self, x):
        return self.value(x), self.steep * x


@contextlib.contextmanager
def workers(kind):
    if kind == "spawn":
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
            yield pool
    elif kind == "loky":
        from explorer.core.ground.workers import processes
        yield processes()
    else:
        from distributed import Client
        with Client(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None) as client:
            yield client.get_executor()


def main(kind):
    from explorer import LOSSES, OPTIMIZERS, Axis, Canvas, Map, Optimizer, Setup, from_function, render, sweep
    from explorer.core.maps.render import Unfinished

    @LOSSES
    def valley(steep: float = 10.0):
        return Valley(steep)

    @OPTIMIZERS
    def ball(share: float = 0.9):
        def update(g, state, x):
            b = share * state[0] + g
            return b, (b,)
        return Optimizer(init=lambda x: (np.zeros_like(x),), update=update)

    rates = np.linspace(0.01, 0.6, 6)
    setup = Setup("valley", "ball", 0.1, steps=30)
    planes = [Map(setup, Axis("loss.steep", 6, 20, count=4), Axis("optimizer.share", 0, 1, count=4)),
              Map(setup, Axis("loss.steep", 6, 20, count=3), Axis("learning_rate", 0, 1, count=3))]

    def maps(pool):
        found = []
        for plane in planes:
            canvas = Canvas.blank(plane)
            for share in render(plane, canvas, pool):
                pass
            found.append(canvas.codes.tolist())
        return found

    def sweeps(pool):
        rule = Optimizer(init=lambda x: (), update=lambda g, state, x: (g / 2, state))
        function = from_function(lambda x: (float(x @ x), 2 * x), [1.0, 2.0])
        return [sweep(loss, rule, rates, schedule=lambda t: 1 / (1 + t), executor=pool, tile=2, steps=40).final_loss.tolist()
                for loss, rule in ((Valley(), rule), (function, rule), (Valley(), OPTIMIZERS["ball"](share=np.linspace(0, 1, 6))))]

    with workers(kind) as pool:
        assert sweeps(pool) == sweeps(None)
        assert maps(pool) == maps(None)
        plane = Map(setup, Axis("loss.steep", 4.7, 5.4, count=5), Axis("learning_rate", 0, 1, count=3))
        assert "steep" in setup.make_loss().__dict__
        try:
            for share in render(plane, Canvas.blank(plane), pool):
                pass
        except Unfinished as error:
            assert "Refused: nobody likes 4.91" in str(error), error
        else:
            raise AssertionError("a loss that cannot be made was made")
    print("all right")


if __name__ == "__main__":
    main(sys.argv[1])
"""


@pytest.mark.parametrize("kind", ["spawn", "loky", "distributed"])
def test_what_a_script_defines_travels_to_every_kind_of_worker(kind: str, tmp_path: Path) -> None:
    if kind == "distributed" and importlib.util.find_spec("distributed") is None:
        pytest.skip("Dask is not installed: it comes with the extra named cluster")
    script = tmp_path / "own.py"
    script.write_text(SCRIPT, "utf-8")
    done = subprocess.run(
        [sys.executable, str(script), kind], capture_output=True, text=True, env={"PYTHONPATH": str(Path.cwd()), "PATH": ""}, check=False
    )
    assert done.stdout.strip().endswith("all right"), done.stderr


class Unpackable(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two} fell out")


def test_an_error_comes_back_with_its_words() -> None:
    def fails(kind: str) -> None:
        raise ValueError("x must be 1") if kind == "ours" else Unpackable(1, 2)

    with pytest.raises(ValueError, match=r"^x must be 1$"):
        unpacked(packed((fails, ("ours",))))
    with pytest.raises((RuntimeError, Unpackable), match=r"^(Unpackable: )?1 and 2 fell out$"):  # Dask, once imported, lets it travel
        unpacked(packed((fails, ("theirs",))))


WRAPPED = [
    with_decoupled_decay(0.7, OPTIMIZERS["momentum"](momentum=np.array([0.1, 0.5, 0.9]))),
    clipped(with_decoupled_decay(np.array([0.1, 0.2, 0.3]), OPTIMIZERS["adam"]()), norm=np.array([0.1, 0.2, 0.3]), value=1.0),
    clipped("muon", norm=0.5),
]


@pytest.mark.parametrize("rule", WRAPPED)
def test_what_is_wrapped_around_a_rule_travels_with_it(rule: Optimizer) -> None:
    """And stays around it for some of its runs: a decay by hand was lost there."""
    there, rates = unpacked(packed((lambda: rule, ()))), [0.05, 0.1, 0.3]
    whole = sweep("booth", rule, rates, steps=30).final_loss
    np.testing.assert_array_equal(sweep("booth", there, rates, steps=30).final_loss, whole)
    np.testing.assert_array_equal(sweep("booth", rule, rates, steps=30, tile=1).final_loss, whole)


@pytest.mark.parametrize("make", [SCHEDULES["cosine"], lambda: after_warmup(SCHEDULES["one_cycle"](steps=30), 5)])
def test_a_schedule_travels_and_is_the_same_there(make: Callable[[], Schedule]) -> None:
    """Also without cloudpickle: a path that was run with it is pickled to be kept."""
    schedule, steps = make(), np.arange(30)
    for there in (pickle.loads(pickle.dumps(schedule)), unpacked(packed((lambda: schedule, ())))):
        np.testing.assert_array_equal(there(steps), schedule(steps))
    path = run("booth", "adam", [0.1, 0.2], schedule=schedule, steps=9)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(path)).multiplier, path.multiplier)
    with pytest.raises(ValueError, match=r"^step must be finite and ≥ 0, got -1$"):
        schedule(-1)
