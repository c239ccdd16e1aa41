"""Rendering a map: coarse to fine, on any executor; it can be interrupted and resumed."""

import math
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from explorer.core.ground.arrays import Array
from explorer.core.ground.checks import check_made, check_whole, must
from explorer.core.ground.extras import has
from explorer.core.ground.halt import AnyOf, Halt, Stopped
from explorer.core.ground.shelf import door
from explorer.core.ground.travel import sent
from explorer.core.ground.workers import processes, threads, threads_start
from explorer.core.maps.canvas import Canvas, linked
from explorer.core.maps.map import Map, together, with_knob
from explorer.core.maps.tile import NEAR, Pace, render_elsewhere, render_tile
from explorer.core.run.setup import Setup
from explorer.core.run.sweep import TICK, one_blas_thread

COARSE = 32  # most pixels a side of the first picture ...
FIRST_PICTURE = 1.0  # ... and most seconds of work in it, with fewer pixels if necessary
FAR = 1.0  # seconds of work in one tile for other processes and machines, where handing one over costs more than to a thread
LONG = 3.0  # seconds of work beyond which other processes are worth their start-up of one or two seconds
AHEAD = 64  # tiles handed to an executor whose workers cannot be counted


class Unfinished(Exception):
    """Some tiles could not be computed, even at the second try; rendering again computes only them."""


@dataclass(frozen=True, eq=False)
class Tile:
    """A piece of a map."""

    pixels: NDArray[np.intp]  # their places in the flattened canvas
    setup: Setup  # what they share
    turned: dict[str, Array]  # the knobs that differ


def strides(plan: Map, first: int) -> list[int]:
    """Return the passes over a map, coarse to fine: powers of two, from a picture of at most `first` pixels a side down to every pixel.

    >>> strides(Map.of(Setup("x_squared"), count=256), 32)
    [8, 4, 2, 1]
    """
    coarsest = max(math.ceil(math.log2(max(plan.shape) / first)), 0)
    return [2**power for power in range(coarsest, -1, -1)]


def tiles(plan: Map, canvas: Canvas, size: Callable[[int], int], passes: list[int]) -> Iterator[Tile]:
    """Return the remaining tiles of these passes; `size` maps a number of steps to the runs of one tile."""
    todo = ~canvas.done
    for stride in passes:
        here = np.zeros(plan.shape, dtype=bool)
        here[::stride, ::stride] = todo[::stride, ::stride]
        todo &= ~here
        for setup, pixels in _groups(plan, here):
            at_once = size(setup.steps)
            for begin in range(0, pixels.size, at_once):
                some = pixels[begin : begin + at_once]
                i, j = np.divmod(some, plan.shape[1])
                turned = {axis.knob: axis.values[at] for axis, at in ((plan.x, j), (plan.y, i)) if together(axis.knob)}
                # A batch needs something that has its number of runs, if only the rate that all of them have.
                yield Tile(some, setup, turned or {"learning_rate": np.full(some.size, setup.learning_rate)})


def _groups(plan: Map, here: NDArray[np.bool_]) -> Iterator[tuple[Setup, NDArray[np.intp]]]:
    """Yield the pixels that can be computed as one batch, with the setup that they share."""
    apart = [axis for axis in (plan.x, plan.y) if not together(axis.knob)]
    pixels = np.flatnonzero(here)
    i, j = np.divmod(pixels, plan.shape[1])
    keys = np.stack([j if axis is plan.x else i for axis in apart] or [np.zeros_like(pixels)], axis=1)
    for key in np.unique(keys, axis=0):
        setup = plan.setup
        for axis, at in zip(apart, key, strict=False):
            setup = with_knob(setup, axis.knob, float(axis.values[at]))
        yield setup, pixels[(keys == key).all(axis=1)]


@door
def render(
    plan: Map,
    canvas: Canvas,
    executor: Executor | Callable[[], Executor] | None = None,
    *,
    stop: Halt | None = None,
    tile: int | None = None,
) -> Generator[float, None, None]:
    """Compute what the canvas is missing, coarse to fine, and yield the share that is done after each finished tile.

    Tiles of `tile` runs go to `executor`, any `concurrent.futures.Executor`; by default the first picture and whatever is short to a
    thread, the rest of a long map to one process a core, where the extra `parallel` is installed. Without `tile` they are as large as
    takes a fraction of a second here, and about a second with an executor that is not of threads. Setting `stop` (an event, or anything
    with `is_set`), closing the generator, or an exception where it is used ends the work within a step of it (what other processes have
    begun is left to end, unheard), and what is done is kept: rendering the same canvas again goes on from there.

    A tile that fails, because its worker died, is tried once more. To have workers of a pool that breaks with one of them (as a
    `ProcessPoolExecutor` does) replaced, give the function that makes the pool instead of the pool. Raises Unfinished, after everything
    else is done, if tiles failed twice. Verdicts do not depend on the tiles or the executor, but where float64's last bit decides them.

    See also: `Map`, `Canvas`, `sweep`.

    >>> from explorer.core.maps.map import Axis
    >>> from explorer.core.maps.tile import VERDICTS
    >>> plan = Map(Setup("x_squared"), Axis("learning_rate", 0, 2, count=4), Axis("start.0", 1, 2, count=2))
    >>> canvas = Canvas.blank(plan)
    >>> for share in render(plan, canvas):
    ...     pass
    >>> share, [str(VERDICTS[code]) for code in canvas.codes[0]]
    (1.0, ['converged', 'converged', 'diverged', 'diverged'])
    """
    check_made("plan", plan, Map, "a Map")
    if check_made("canvas", canvas, Canvas, "made by Canvas.blank or Canvas.open").codes.shape != plan.shape:
        raise must("canvas", f"of {plan.shape} pixels, as the map is", canvas.codes.shape)
    if canvas.plan is not None and canvas.plan.digest != plan.digest:
        raise must("canvas", "of this map, as Canvas.blank(plan) makes it", f"one of another ({linked(canvas.plan.to_query())})")
    check_made("executor", executor, Executor | Callable | None, "None, an executor of concurrent.futures, or a function that makes one")
    check_made("stop", stop, Halt | None, "None or a threading.Event")
    tile = None if tile is None else check_whole("tile", tile, at_least=1)
    if canvas.done.all():
        return
    halt = threading.Event()
    halts = AnyOf((halt, stop) if stop is not None else (halt,))
    pace = Pace.of(plan.at(-1, -1)) if tile is None else Pace(0.0, 1.0)
    first = COARSE
    while tile is None and first > 8 and pace.seconds(first * first, plan.largest[1], first * first) > FIRST_PICTURE:
        first //= 2
    passes = strides(plan, first)

    def painted(crew: _Crew, passes: list[int], budget: float) -> Iterator[float]:
        queue = tiles(plan, canvas, lambda steps: tile or pace.tile(steps, budget), passes)
        try:
            for done, codes, numbers in crew.work(queue):
                canvas.paint(done.pixels, codes, numbers)
                yield canvas.share
        finally:
            if crew.waiting:  # interrupted
                halt.set()
            crew.leave()

    with one_blas_thread:
        if executor is None:
            yield from painted(_Crew(None, halts), passes[:1], NEAR)
            steps, left = plan.largest[1], int(np.count_nonzero(~canvas.done))
            long = tile is None and pace.seconds(left, steps, pace.tile(steps, NEAR)) > LONG
            if long and not halts.is_set() and has("loky") and threads_start():
                yield from painted(_Crew(processes, halts, shared=True), passes, NEAR)
        last = _Crew(executor, halts)  # of the default's, it does what the processes could not, such as data that only this one has
        yield from painted(last, passes, NEAR if last.near else FAR)
    if last.lost:
        raise Unfinished(
            f"{last.lost:,} tiles could not be computed, even at the second try; rendering again computes only them. "
            f"The last was lost to {type(last.reason).__name__}: {last.reason}"
        ) from last.reason


Result = tuple[NDArray[np.int8], NDArray[np.float32]]


@dataclass(eq=False)
class _Crew:
    """Hands tiles to an executor, a few more than it has workers, and takes care of those that fail."""

    given: Executor | Callable[[], Executor] | None
    halt: Halt
    shared: bool = False  # others use the pool too, and nobody may shut it down
    lost: int = 0
    reason: BaseException | None = None
    pool: Executor = field(init=False)
    waiting: dict[Future[Result], tuple[Tile, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.pool = self._hired()

    def _hired(self) -> Executor:
        if isinstance(self.given, Executor):
            return self.given
        made = threads(1) if self.given is None else self.given()
        return check_made("what executor made", made, Executor, "an executor of concurrent.futures")

    @property
    def near(self) -> bool:
        """Whether the work is done in this process, where it can be told to stop."""
        return isinstance(self.pool, ThreadPoolExecutor)

    @property
    def room(self) -> int:
        """How many tiles the executor may hold: enough that no worker waits for the next one."""
        return 2 * getattr(self.pool, "_max_workers", AHEAD // 2)

    def work(self, queue: Iterator[Tile]) -> Iterator[tuple[Tile, NDArray[np.int8], NDArray[np.float32]]]:
        """Yield each tile with its result, as they come in, until there is none left or it is time to stop."""
        again: deque[Tile] = deque()
        more = True
        while not self.halt.is_set():
            while more and len(self.waiting) < self.room and not self.halt.is_set():
                tile = again.popleft() if again else next(queue, None)
                more = tile is not None
                if tile is not None:
                    self._submit(tile, 1)
            if not self.waiting:
                return
            finished, _ = wait(self.waiting, timeout=TICK, return_when=FIRST_COMPLETED)
            for future in finished:
                tile, attempt = self.waiting.pop(future)
                try:
                    codes, pace = future.result()
                except Stopped:
                    return
                except (Exception, CancelledError) as error:  # noqa: BLE001 - however its worker died, the map goes on
                    self._failed(tile, attempt, error)
                else:
                    yield tile, codes, pace

    def _submit(self, tile: Tile, attempt: int) -> None:
        try:
            future = self._handed(tile)
        except BrokenExecutor:
            if not callable(self.given):
                raise
            self._dismiss(wait=False)
            self.pool = self._hired()
            future = self._handed(tile)
        self.waiting[future] = (tile, attempt)

    def _handed(self, tile: Tile) -> Future[Result]:
        own = {} if self.near else tile.setup.own_factories()
        if own:
            return sent(self.pool, render_elsewhere, own, tile.setup, tile.turned)
        return self.pool.submit(render_tile, tile.setup, tile.turned, *((self.halt,) if self.near else ()))

    def _failed(self, tile: Tile, attempt: int, error: BaseException) -> None:
        try:
            if attempt > 1:
                raise error
            self._submit(tile, attempt + 1)
        except (Exception, CancelledError) as last:  # noqa: BLE001 - told at the end: see Unfinished
            self.lost, self.reason = self.lost + 1, last

    def leave(self) -> None:
        """Cancel what has not begun; own threads end after their current step."""
        for future in self.waiting:
            future.cancel()
        self._dismiss(wait=self.near)

    def _dismiss(self, wait: bool) -> None:
        """Shut down a pool of its own."""
        if not (self.shared or isinstance(self.given, Executor)):
            self.pool.shutdown(wait=wait, cancel_futures=True)
