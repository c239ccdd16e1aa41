"""Maps agree with theory, with themselves whatever computes them, and survive every interruption."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest

from explorer import OPTIMIZERS, Setup, Stopped, Verdict, judge, run
from explorer.core.data import Table, remember
from explorer.core.ground.prose import plain
from explorer.core.ground.workers import processes
from explorer.core.maps import map as plans
from explorer.core.maps import render as rendering
from explorer.core.maps.boundary import agreement, lines
from explorer.core.maps.canvas import UNDONE, Canvas, csv, records
from explorer.core.maps.map import Axis, Map, knobs, with_knob
from explorer.core.maps.render import Unfinished, render, strides, tiles
from explorer.core.maps.tile import VERDICTS, in_words, render_tile

BOWL = Setup("quadratic", "momentum", steps=1000, knobs={"loss.eigenvalues": (1.0,)})
PATIENCE = 300.0
"""Seconds until a thread that does not end counts as hanging."""

DIVERGED = VERDICTS.index(Verdict.DIVERGED)


def triangle(count: int = 64, high: float = 4.5) -> Map:
    return Map(BOWL, Axis("learning_rate", 0, high, count=count), Axis("optimizer.momentum", 0, 1, count=count))


def whole(plan: Map, *args: Any, **kwargs: Any) -> Canvas:
    canvas = Canvas.blank(plan)
    shares = list(render(plan, canvas, *args, **kwargs))
    assert shares == sorted(shares)
    assert shares[-1] == 1
    return canvas


# ---- theory


def test_momentum_diverges_outside_of_its_triangle_and_nowhere_else() -> None:
    plan = triangle(128)
    canvas = whole(plan)
    rate, beta = plan.x.values, plan.y.values[:, np.newaxis]
    pixel = 4.5 / 128, 1 / 128
    far = np.abs(rate - 2 * (1 + beta)) > pixel[0] + 2 * pixel[1]  # a pixel across and a pixel up
    np.testing.assert_array_equal((canvas.codes == DIVERGED)[far], (rate > 2 * (1 + beta))[far])
    found = agreement(plan, canvas)
    assert found is not None
    assert found.right == found.pixels > 0.95 * plan.pixels


@pytest.mark.parametrize(
    ("setup", "x", "y"),
    [
        (Setup("x_fourth", steps=300), Axis("start.0", -3, 3, count=48), Axis("learning_rate", 0.01, 10, True, 48)),
        (Setup("double_well", steps=1000), Axis("start.0", -3, 3, count=48), Axis("learning_rate", 0, 2.5, count=48)),
        (Setup("ravine", steps=300), Axis("learning_rate", 0, 2.5, count=32), Axis("loss.condition_number", 1, 1e4, True, 16)),
        (Setup("x_squared", "nesterov", steps=300), Axis("optimizer.momentum", 0, 1, count=32), Axis("learning_rate", 0.1, 2, count=32)),
        (Setup("x_squared", steps=300), Axis("learning_rate", 0, 1.5, count=32), Axis("optimizer.weight_decay", 0, 1, count=32)),
    ],
)
def test_the_map_agrees_with_theory(setup: Setup, x: Axis, y: Axis) -> None:
    plan = Map(setup, x, y)
    found = agreement(plan, whole(plan))
    assert found is not None
    assert found.right == found.pixels > 0.8 * plan.pixels


def test_the_lines_are_the_closed_forms() -> None:
    start = Axis("start.0", -3, 3, count=31)
    [quartic] = lines(Map(Setup("x_fourth"), start, Axis("learning_rate", 0.01, 10)))
    np.testing.assert_allclose(quartic.y, np.where(start.values == 0, np.inf, 1 / (2 * np.where(start.values, start.values, 1) ** 2)))
    unstable, diverge = lines(Map(Setup("double_well"), start, Axis("learning_rate", 0.01, 10)))
    np.testing.assert_allclose(unstable.y, 1.0)
    beyond = np.abs(start.values) > 1.5
    np.testing.assert_allclose(np.abs(start.values[beyond]), np.sqrt(1 + 2 / diverge.y[beyond]))
    assert diverge.y.max() == 2
    assert lines(Map(Setup("booth"), Axis("start.0", 0, 1), Axis("start.1", 0, 1))) == ()


def test_batches_move_the_line() -> None:
    setup = Setup("linear_regression", steps=50, knobs={"loss.standardize": True})
    plan = Map(setup, Axis("learning_rate", 1e-3, 10, True, 8), Axis("batch_size", 1, 442, True, 12))
    of_all, mean_square = lines(plan)
    assert not of_all.exact
    assert not mean_square.exact
    assert (np.diff(mean_square.x) > 0).all()
    assert (mean_square.x <= of_all.x * (1 + 1e-9)).all()
    assert agreement(plan, Canvas.blank(plan)) is None


def test_rescues_and_loss_of_exactness_make_no_promise() -> None:
    axes = Axis("learning_rate", 0, 3, count=8), Axis("start.0", 1, 2, count=8)
    for setup in (Setup("x_squared", clip_norm=1.0), Setup("x_squared", gradient_noise=0.1), Setup("x_squared", "adam")):
        assert not any(line.exact for line in lines(Map(setup, *axes)))


# ---- one pixel is one run

FEW = {"loss.hidden": (2,), "loss.examples": 10}


@pytest.mark.parametrize(
    ("setup", "x", "y"),
    [
        (Setup("booth", "adam", steps=60), Axis("learning_rate", 1e-3, 10, True, 5), Axis("optimizer.beta1", 0, 0.99, count=4)),
        (Setup("rosenbrock", steps=60), Axis("start.0", -2, 2, count=5), Axis("start.1", -2, 2, count=4)),
        (Setup("ravine", steps=60), Axis("loss.dimension", 2, 6, count=5), Axis("loss.condition_number", 1, 100, True, 4)),
        (Setup("network", steps=20, knobs=FEW), Axis("loss.widen", 1, 6, True, 5), Axis("loss.repeat", 1, 3, count=3)),
        (Setup("network", steps=20, knobs=FEW), Axis("learning_rate", 1e-2, 1, True, 5), Axis("loss.hidden_scale", 0.1, 10, True, 3)),
        (Setup("linear_regression", learning_rate=1e-4), Axis("batch_size", 1, 442, True, 5), Axis("steps", 5, 60, count=4)),
        (Setup("x_squared", learning_rate=1.2, steps=60), Axis("clip_norm", 0.1, 10, True, 5), Axis("seed", 0, 3, count=4)),
        (Setup("x_squared", schedule="exponential", steps=60), Axis("learning_rate", 0, 2, count=5), Axis("warmup_steps", 0, 9, count=4)),
    ],
)
def test_a_pixel_is_the_run_of_its_setup(setup: Setup, x: Axis, y: Axis) -> None:
    plan = Map(setup, x, y)
    canvas = whole(plan)
    for i, j in np.ndindex(plan.shape):
        outcome = judge(plan.at(i, j).run())
        assert VERDICTS[canvas.codes[i, j]] == outcome.verdict[0], plan.at(i, j)
        if outcome.first_nonfinite[0] >= 0:
            assert canvas.pace[i, j] == outcome.first_nonfinite[0]
        if outcome.verdict[0] == Verdict.CONVERGING:
            minimum = plan.at(i, j).make_loss().minimum or 0
            expected = np.log10((outcome.final_loss[0] - minimum) / (outcome.start_loss[0] - minimum))
            assert canvas.pace[i, j] == pytest.approx(expected, abs=1e-3)


def test_every_knob_that_is_offered_makes_a_map() -> None:
    for setup in (Setup("quadratic", "adamw"), Setup("linear_regression"), Setup("ravine", "rmsprop", schedule="step_decay")):
        for knob in knobs(setup):
            plan = Map.of(setup, y=plans.window(setup, knob, 4), count=4)
            assert plan.y.knob == knob != plan.x.knob
            assert with_knob(setup, knob, float(plan.y.values[0])) != setup


# ---- the same whatever computes it


@pytest.mark.parametrize("tile", [7, 64, 10_000])
def test_the_same_verdicts_whatever_the_tiles(tile: int) -> None:
    plan = triangle(24)
    expected = whole(plan)
    for executor in (None, ThreadPoolExecutor(3)):
        np.testing.assert_array_equal(whole(plan, executor, tile=tile).codes, expected.codes)


class Counting(Executor):
    """Runs each job at once, and counts them; `failing` says which ones die."""

    def __init__(self, failing: Any = lambda n: False) -> None:
        self.jobs: list[Any] = []
        self.failing = failing

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.jobs.append(args)
        if self.failing(len(self.jobs)):
            future.set_exception(RuntimeError("the worker died"))
        else:
            future.set_result(pickle.loads(pickle.dumps(fn))(*pickle.loads(pickle.dumps(args)), **kwargs))
        return future


def test_it_works_on_any_executor_and_its_jobs_travel() -> None:
    plan = triangle(16)
    np.testing.assert_array_equal(whole(plan, Counting(), tile=50).codes, whole(plan).codes)


def test_coarse_pixels_come_first_and_each_pixel_once() -> None:
    plan = triangle(100)
    assert strides(plan, 32) == [4, 2, 1]
    found = list(tiles(plan, Canvas.blank(plan), lambda steps: 40, strides(plan, 32)))
    order = np.concatenate([tile.pixels for tile in found])
    np.testing.assert_array_equal(np.sort(order), np.arange(plan.pixels))
    i, j = np.divmod(order, 100)
    coarse = (i % 4 == 0) & (j % 4 == 0)
    assert coarse[: 25 * 25].all()


def test_an_unfinished_picture_shows_coarse_neighbors() -> None:
    plan = triangle(64)
    canvas = Canvas.blank(plan)
    work = render(plan, canvas, Counting(), tile=256)
    while canvas.stride > 1 or not canvas.done[::2, ::2].all():
        next(work)
    work.close()
    filled = canvas.filled()
    assert (filled.codes != UNDONE).all()
    assert np.isfinite(filled.pace).all()
    np.testing.assert_array_equal(filled.codes[canvas.done], canvas.codes[canvas.done])
    assert (filled.codes == np.kron(canvas.codes[::2, ::2], np.ones((2, 2), int)))[~canvas.done].all()
    assert canvas.filled(2).codes.shape == (32, 32)
    assert (Canvas.blank(plan).filled().codes == UNDONE).all()


# ---- stopping, and going on


def test_no_tile_starts_after_stop() -> None:
    plan, stop, pool = triangle(64), threading.Event(), Counting()
    canvas = Canvas.blank(plan)
    for _ in render(plan, canvas, pool, stop=stop, tile=16):
        if not stop.is_set():
            stop.set()
            begun = len(pool.jobs)
    assert len(pool.jobs) == begun
    assert 0 < canvas.share < 1


def test_a_tile_in_flight_stops_within_a_step() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        render_tile(Setup("x_squared", steps=10**6), {"learning_rate": np.full(10, 0.1)}, stop)


@pytest.mark.parametrize("how", ["stop", "close", "exception"])
def test_whatever_ends_it_ends_the_work_and_keeps_what_is_done(how: str) -> None:
    plan = Map(Setup("x_squared", learning_rate=1.0, steps=20_000), Axis("start.0", 1, 2, count=64), Axis("gradient_noise", 1, 2, count=64))
    canvas, stop = Canvas.blank(plan), threading.Event()
    work = render(plan, canvas, stop=stop, tile=4)
    before = set(threading.enumerate())
    if how == "stop":
        threading.Timer(0.3, stop.set).start()
        list(work)
    else:
        next(work)
        if how == "close":
            work.close()
        else:
            with pytest.raises(KeyError):
                work.throw(KeyError)
    left = canvas.share
    assert left < 1
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE)
    assert set(threading.enumerate()) <= before, "nothing goes on"
    assert canvas.share == left


def test_going_on_computes_only_what_is_missing() -> None:
    plan, pool = triangle(40), Counting()
    canvas = Canvas.blank(plan)
    work = render(plan, canvas, pool, tile=100)
    for _ in range(5):
        next(work)
    work.close()
    kept, before = canvas.done.copy(), canvas.codes.copy()
    second = Counting()
    *_, share = render(plan, canvas, second, tile=100)
    assert share == 1
    assert sum(len(next(iter(turned.values()))) for _, turned in second.jobs) == plan.pixels - kept.sum()
    np.testing.assert_array_equal(canvas.codes[kept], before[kept])
    np.testing.assert_array_equal(canvas.codes, whole(plan).codes)
    assert list(render(plan, canvas, second)) == []


def test_a_tile_whose_worker_died_is_tried_once_more() -> None:
    plan, pool = triangle(20), Counting(failing=lambda n: n == 3)
    np.testing.assert_array_equal(whole(plan, pool, tile=50).codes, whole(plan).codes)


def test_a_tile_that_dies_twice_is_left_undone_and_told() -> None:
    plan = triangle(20)
    canvas = Canvas.blank(plan)
    deadly = Counting()
    deadly.failing = lambda n: deadly.jobs[-1][1]["learning_rate"][0] > 3.4  # always the same tiles
    with pytest.raises(Unfinished, match="tiles could not be computed, even at the second try") as caught:
        list(render(plan, canvas, deadly, tile=5))
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert 0 < canvas.share < 1
    list(render(plan, canvas))
    assert canvas.done.all()


def pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))


def test_a_killed_worker_costs_its_tiles_only() -> None:
    """Of other processes: a pool that breaks is replaced, what is done stays done, and nothing is lost silently."""
    plan, pools = triangle(48), []

    def hire() -> ProcessPoolExecutor:
        pools.append(pool())
        return pools[-1]

    canvas = Canvas.blank(plan)
    work = render(plan, canvas, hire, tile=200)
    for count, _ in enumerate(work):
        if count == 2:
            os.kill(next(iter(pools[0]._processes)), signal.SIGKILL)
    assert canvas.done.all()
    assert len(pools) == 2
    np.testing.assert_array_equal(canvas.codes, whole(plan).codes)


@pytest.fixture
def long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every map counts as long: only its first picture is made in this process, unless the others fail."""
    monkeypatch.setattr(rendering, "LONG", 0.0)
    monkeypatch.setattr(rendering, "COARSE", 8)


def test_a_long_map_is_finished_by_other_processes(long: None, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, sent = triangle(48), []

    class Recorded(Executor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            sent.append(args)
            return processes().submit(fn, *args, **kwargs)

    monkeypatch.setattr(rendering, "processes", Recorded)
    np.testing.assert_array_equal(whole(plan).codes, whole(plan, Counting()).codes)
    assert sum(len(next(iter(turned.values()))) for _, turned in sent) == plan.pixels - 6 * 6


def test_what_other_processes_cannot_do_is_done_here(long: None) -> None:
    """They do not know a table that a visitor brought to this one."""
    table = Table(np.arange(12.0).reshape(6, 2) % 5, np.arange(6.0), ("a", "b"))
    plan = Map.of(Setup("linear_regression", knobs={"loss.data": remember(table)}), count=32)
    assert not (whole(plan).codes == UNDONE).any()


def test_a_killed_process_costs_nothing(long: None) -> None:
    plan = triangle(64)
    canvas = Canvas.blank(plan)
    for count, _ in enumerate(render(plan, canvas)):
        if count == 2:
            os.kill(next(iter(processes()._processes)), signal.SIGKILL)
    assert canvas.done.all()
    np.testing.assert_array_equal(whole(plan).codes, canvas.codes)


def test_a_shared_pool_that_breaks_is_asked_for_anew_and_shut_down_by_nobody(long: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when all its workers are killed: it refuses whatever it is handed next; again, and once more."""
    plan, hired, threads = triangle(64), [], ThreadPoolExecutor(1)

    class Mortal(Executor):
        def __init__(self) -> None:
            hired.append(self)
            self.left = 3 if len(hired) < 4 else plan.pixels

        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            self.left -= 1
            if self.left < 0:
                raise BrokenExecutor("A worker process managed by the executor was unexpectedly terminated")
            return threads.submit(fn, *args, **kwargs)

        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            pytest.fail("others use it too")

    monkeypatch.setattr(rendering, "processes", Mortal)
    monkeypatch.setattr(rendering.Pace, "tile", lambda *_: 64)  # many tiles, however fast the machine
    with threads:
        codes = whole(plan).codes
    assert len(hired) == 4
    monkeypatch.undo()
    np.testing.assert_array_equal(codes, whole(plan, Counting()).codes)


def test_the_same_on_a_cluster() -> None:
    distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    plan = triangle(32)
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        canvas = whole(plan, client.get_executor(), tile=300)
    np.testing.assert_array_equal(canvas.codes, whole(plan).codes)


# ---- files


def test_a_file_keeps_what_is_done(tmp_path: Path) -> None:
    plan, path = triangle(32), tmp_path / "map.bin"
    canvas = Canvas.open(path, plan)
    work = render(plan, canvas, Counting(), tile=64)
    for _ in range(6):
        next(work)
    work.close()
    share, codes = canvas.share, canvas.codes.copy()
    del canvas, work  # as if the process had ended
    again = Canvas.open(path, plan)
    assert again.share == share
    np.testing.assert_array_equal(again.codes, codes)
    list(render(plan, again))
    np.testing.assert_array_equal(Canvas.open(path, plan).codes, whole(plan).codes)
    assert np.isfinite(Canvas.open(path, plan).pace).all()


RENDERED_BY_ANOTHER = """
import sys
from pathlib import Path
from explorer import Canvas, Map, render

plan = Map.from_query(sys.argv[2])
canvas = Canvas.open(sys.argv[1], plan)
for share in render(plan, canvas, tile=16):
    print(share, flush=True)
    sys.stdin.readline()
"""


def test_a_file_is_open_in_one_process_at_a_time_and_whole_when_one_was_killed(tmp_path: Path) -> None:
    """One begins, this process is refused, the other is killed, and this one goes on and refuses in turn; again."""
    plan, path = triangle(16), tmp_path / "map.bin"
    command = [sys.executable, "-c", RENDERED_BY_ANOTHER, str(path), urlencode(plan.to_query())]
    used = "map.bin must be open in one process at a time, and another has it; wait for its end, or choose another name"
    for _ in range(2):
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout is not None
            share = float(other.stdout.readline())
            for _ in range(2):
                with pytest.raises(ValueError, match=re.escape(used)):
                    Canvas.open(path, plan)
            other.kill()
        canvas = Canvas.open(path, plan)
        assert canvas.share >= share
        next(render(plan, canvas, tile=16))
        share = canvas.share
        del canvas
    canvas, same = Canvas.open(path, plan), Canvas.open(path, plan)
    assert canvas.share == share
    assert used in subprocess.run(command, capture_output=True, text=True, check=False).stderr, "as long as this process keeps it"
    list(render(plan, canvas))
    np.testing.assert_array_equal(same.codes, whole(plan).codes)


def test_a_file_of_another_map_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "map.bin"
    Canvas.open(path, triangle(16))
    with pytest.raises(ValueError, match=r"map\.bin holds another map \(.*x=learning_rate:0:4\.5:linear:16.*\); choose another name"):
        Canvas.open(path, triangle(17))


@pytest.mark.parametrize("content", [b"\n", b"\x89PNG" * 2000])
def test_a_file_that_is_no_map_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "map.bin"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="must be a file that this program wrote for a map"):
        Canvas.open(path, triangle(16))


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "map.bin"
    Canvas.open(path, triangle(16))
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(ValueError, match=r"must have 5,376 bytes, got 5,369: it is cut off"):
        Canvas.open(path, triangle(16))


def test_tables_to_take_away() -> None:
    plan = Map(Setup("x_squared"), Axis("learning_rate", 0, 2, count=2), Axis("start.0", 1, 3, count=2))
    canvas = whole(plan)
    head, *rows = csv(plan, canvas).splitlines()
    assert head == "learning_rate,start.0,verdict,overflow step or log10 of final/first loss"
    assert rows[0].startswith("0.5,1.5,converged,-")
    assert len(rows) == 4
    table = records(plan, canvas)
    assert table.shape == (2, 2)
    assert table["x"][0].tolist() == [0.5, 1.5]
    assert table["y"][:, 0].tolist() == [1.5, 2.5]
    assert csv(plan, Canvas.blank(plan)).count("\n") == 1


# ---- axes and links


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Axis("learning_rate", 0, 1, count=1), "the points of learning_rate must be finite and ≥ 2 and ≤ 4096, got 1"),
        (lambda: Axis("learning_rate", 0, 1, count=10**6), "≤ 4096"),
        (lambda: Axis("learning_rate", 4, 1), "the low end of learning_rate must be below the high one, got 4 and 1"),
        (lambda: Axis("learning_rate", 1, 1), "must be below the high one"),
        (lambda: Axis("learning_rate", 0, 1, log=True), "the low end of learning_rate must be > 0 on a logarithmic axis, got 0"),
        (lambda: Axis("learning_rate", np.nan, 1), "the low end of learning_rate must be finite, got nan"),
        (lambda: Map(BOWL, Axis("learning_rate", 0, 1), Axis("learning_rate", 0, 2)), "two different knobs, got learning_rate twice"),
        (lambda: Map(Setup(), Axis("learning_rate", 0, 1), Axis("optimizer.beta1", 0, 1)), "has no knob 'optimizer.beta1'"),
        (lambda: Map(Setup(), Axis("learning_rate", 0, 1), Axis("start.7", 0, 1)), "has no knob 'start.7'"),
        (lambda: Map(Setup(), Axis("learning_rate", 0, 1), Axis("batch_size", 1, 9)), "has no knob 'batch_size'"),
        (lambda: Map(BOWL, Axis("learning_rate", -1, 1), Axis("optimizer.momentum", 0, 1)), "learning_rate must be finite and ≥ 0"),
        (lambda: Map(BOWL, Axis("learning_rate", 0, 1), Axis("optimizer.momentum", 0, 2)), "momentum must be finite and ≥ 0 and ≤ 1"),
        (
            lambda: Map(BOWL, Axis("learning_rate", 0, 1), Axis("steps", 5, 5.5)),
            "the ends of steps must be two whole numbers",
        ),
        (lambda: Map(Setup("linear_regression"), Axis("learning_rate", 0, 1), Axis("batch_size", 1, 999)), "batch_size must be"),
        (lambda: Axis.parse("learning_rate:1:2"), "an axis must be knob:low:high:log or linear:points"),
        (lambda: Axis.parse("learning_rate:a:2:log:5"), "a knob and three numbers"),
    ],
)
def test_bad_axes_are_refused_with_a_sentence(make: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()


def test_too_large_a_map_is_refused_with_the_one_that_fits() -> None:
    setup = Setup("ravine", steps=10_000, knobs={"loss.dimension": 100})
    with pytest.raises(
        ValueError, match=r"must be ≤ 1 × 10¹³, got 4,096 × 4,096 × 10,000 × 100, about .* of work here; 3,162 × 3,162 pixels"
    ):
        Map(setup, Axis("learning_rate", 0, 2, count=4096), Axis("start.0", 1, 2, count=4096))


@pytest.mark.parametrize("plan", [triangle(), Map.of(Setup("linear_regression"), y=Axis("batch_size", 1, 442, True, 50))])
def test_a_link_replays_the_map(plan: Map) -> None:
    assert Map.from_query(plan.to_query()) == plan
    assert hash(Map.from_query(plan.to_query())) == hash(plan)
    assert plan.digest == Map.from_query(plan.to_query()).digest


def test_a_bad_link_is_read_as_far_as_it_goes() -> None:
    query = triangle().to_query()
    plan, complaints = Map.salvage(query | {"y": "optimizer.beta1:0:1:linear:9"})
    assert plan.x == triangle().x
    assert complaints == ["the knob of an axis must be one of the loss, the optimizer and the loop, got 'optimizer.beta1'"]
    plan, complaints = Map.salvage(query | {"y": query["x"]})
    assert complaints == ["the two axes must be two different knobs, got learning_rate twice"]
    with pytest.raises(ValueError, match="a link has no part named 'z'"):
        Map.from_query(query | {"z": "1"})
    plan, complaints = Map.salvage(query | {"steps": "1000000000000"})
    assert plan.setup == triangle().setup.without("steps")
    assert "pixels × steps × dim must be" in complaints[0]
    assert Map.salvage({})[1] == []


def test_a_deep_zoom_still_has_different_numbers() -> None:
    for log in (False, True):
        deep = Axis("learning_rate", 3.21, 3.21 * (1 + 1e-12), log, 256)
        assert (np.diff(deep.values) > 0).all()
        assert not deep.at_the_floor
        assert Axis("learning_rate", 3.21, 3.21 * (1 + 1e-14), log, 64).at_the_floor
        np.testing.assert_allclose(Axis("learning_rate", 1e-3, 1e3, log).edges[[0, -1]], [1e-3, 1e3], rtol=1e-14)


def test_a_value_lies_in_its_pixel() -> None:
    for axis in (
        Axis("learning_rate", 1e-3, 10, True, 33),
        Axis("learning_rate", -1, 10, count=33),
        Map.of(Setup(), y=Axis("steps", 1, 99, True)).y,
    ):
        assert [axis.pixel(value) for value in axis.values] == list(range(axis.size))
        assert (axis.edges[:-1] <= axis.values).all()
        assert (axis.values <= axis.edges[1:]).all()
        assert axis.pixel(-99) == 0
        assert axis.pixel(1e9) == axis.size - 1


def test_durations_in_words() -> None:
    assert [in_words(seconds) for seconds in (0, 59.2, 60, 3599, 7200, 1e5)] == [
        "1 s", "1 min 0 s", "1 min 0 s", "59 min 59 s", "2 h 0 min", "1 day 4 h"
    ]  # fmt: skip


def test_the_first_picture_of_a_costly_map_is_coarser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "FIRST_PICTURE", 0.0)
    plan, pool = triangle(64), Counting()
    work = render(plan, Canvas.blank(plan), pool)
    next(work)
    work.close()
    assert len(pool.jobs[0][1]["learning_rate"]) <= 64


def test_a_map_of_a_float32_network_overflows_where_its_runs_do() -> None:
    knobs = {"loss.hidden": (4,), "loss.data": "waves", "loss.activation": "relu", "loss.dtype": "float32"}
    setup = Setup("network", steps=60, knobs=knobs)
    plan = Map(setup, Axis("learning_rate", 1, 1000, True, 3), Axis("loss.hidden_scale", 2, 4, count=2))
    canvas, outcomes = whole(plan), {at: judge(plan.at(*at).run()) for at in np.ndindex(plan.shape)}
    assert {at: canvas.pace[at] for at in outcomes if canvas.codes[at] == VERDICTS.index(Verdict.DIVERGED)} == {
        at: outcome.first_nonfinite[0] for at, outcome in outcomes.items() if outcome.verdict[0] == Verdict.DIVERGED
    }
    wide = Map(setup.with_knobs({"loss.dtype": "float64"}), plan.x, plan.y)
    assert (whole(wide).pace != canvas.pace).any(), "float64 holds out longer"


# ---- the fractal


def test_each_layer_has_its_own_rate() -> None:
    setup = Setup("random_network", steps=3, knobs={"loss.width": 3})
    loss = setup.make_loss()
    plan = Map(setup, Axis("rate.W1", 0, 2, count=3), Axis("rate.W2", 0, 2, count=2))
    canvas = whole(plan)
    for i, j in np.ndindex(plan.shape):
        scale = np.repeat([plan.x.values[j], plan.y.values[i]], [9, 3])
        path = run(loss, OPTIMIZERS["gradient_descent"](), 1.0, steps=3, rate_scale=scale)
        assert canvas.pace[i, j] == pytest.approx(np.log10(path.loss[-1, 0] / path.loss[0, 0]), abs=1e-5)


def test_the_run_nearest_to_a_pixel_has_the_mean_rate_of_its_layers_and_says_so() -> None:
    setup = Setup("random_network", steps=50, knobs={"loss.width": 3})
    plan = Map(setup, Axis("rate.W1", 0.1, 10, True, 3), Axis("rate.W2", 0.1, 10, True, 3))
    for i, j in np.ndindex(plan.shape):
        found, sentence = plan.nearest(i, j)
        assert found.learning_rate**2 == pytest.approx(plan.x.values[j] * plan.y.values[i])
        assert f"the rates are {plain(plan.x.values[j])} for W1 and {plain(plan.y.values[i])} for W2" in sentence
        if i == j:  # one rate for both
            assert VERDICTS[whole(plan).codes[i, j]] == judge(found.run()).verdict[0]
    frozen = Map(replace(setup, learning_rate=0.0), Axis("rate.W1", 0.1, 10, True, 3), Axis("seed", 0, 1, count=2))
    assert frozen.nearest(0, 0)[0].learning_rate == 0, "the other layer does not learn"
    plain_map = Map(setup, Axis("learning_rate", 0.1, 10, True, 3), Axis("seed", 0, 1, count=2))
    assert plain_map.nearest(1, 1) == (plain_map.at(1, 1), "")


def test_the_border_of_trainability_has_structure_at_every_level() -> None:
    """Down to a window 1e-10 wide: no level shows one verdict, or a border as short as a line's."""
    setup, first = Setup("random_network", steps=500), 40.0

    def diverged(rates: Any) -> Any:
        return render_tile(setup, {"rate.W1": np.full(rates.size, first), "rate.W2": rates})[0] == DIVERGED

    low, high = 20.0, 1000.0
    while high - low > 1e-12 * low:  # a point of the border, seen from a line through it
        rates = np.linspace(low, high, 17)
        changes = np.flatnonzero(np.diff(diverged(rates)))
        middle = changes[len(changes) // 2]
        low, high = rates[middle], rates[middle + 1]
    lengths = []
    for width in (1e-1, 1e-5, 1e-10):
        axes = [Axis(knob, at * (1 - width), at * (1 + width), count=16) for knob, at in (("rate.W1", first), ("rate.W2", low))]
        lost = whole(Map(setup, *axes)).codes == DIVERGED
        assert 0 < lost.mean() < 1
        lengths.append(np.mean(np.diff(lost, axis=0)[:, 1:] | np.diff(lost, axis=1)[1:]))
    assert np.mean(lengths) > 2 / 16
