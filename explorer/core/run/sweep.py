"""Many runs at once, in memory that does not grow with their steps; and where the edge really is."""

import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, fields
from typing import Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from explorer.core.ground.blas import one_blas_thread as one_blas_thread
from explorer.core.ground.checks import check_made, check_takes, check_whole, must
from explorer.core.ground.halt import AnyOf, Halt, Stopped, heed, heeding
from explorer.core.ground.shelf import door
from explorer.core.ground.travel import sent
from explorer.core.ground.workers import threads
from explorer.core.losses.protocol import Array, Loss
from explorer.core.optimizers import Optimizer, length
from explorer.core.run.descent import Conditions, Descent, Moment, columns, descend, known_to
from explorer.core.theory.curvature import sharpness
from explorer.core.verdict.profile import PARTS, ROUNDING, Profile, came_down
from explorer.core.verdict.verdict import Outcome, decided

TILE = 2**18  # bytes of one tile's point, (dim × runs): so small that the arrays of a step need not leave the cache of a core
FEWEST = 64  # fewest runs in one tile: with fewer, calling numpy would cost more than it computes
EVERY = 32  # steps between two looks at who is done: often enough to save the work, seldom enough to cost nothing

WORTH_A_THREAD = 5e-4
"""Seconds that the gradient of a tile takes from which a thread a core is faster than one thread: between shorter steps they wait for each
other's Python. Measured on two cores, with steps of 0.3 ms they have 0.8 of the speed of one, with 0.7 ms 1.6 times its speed."""

TICK = 0.05  # seconds between two reports of progress, and between two looks at whether to stop
COMPACT = 1 / 8  # runs that are done leave the batch once they are this share of it: making it smaller costs about as much as a step

SETTLED = 1e-28
"""A run whose loss above the minimum is this share of the start's has converged far beyond any verdict. Left alone it would go on
shrinking into subnormal numbers, which are up to 80 times slower to compute with."""

BELOW_THE_EDGE = 0.999  # a run is left alone at a minimum only if its rate is this far below the edge there: at it, rounding decides


@door
def sweep(
    loss: Loss | str,
    optimizer: Optimizer | str,
    learning_rate: ArrayLike,
    *,
    executor: Executor | None = None,
    tile: int | None = None,
    progress: Callable[[float], None] | None = None,
    stop: threading.Event | None = None,
    **conditions: Unpack[Conditions],
) -> Outcome:
    """Return the verdicts that `run` and `judge` would give, in memory for the runs and not for their steps.

    `learning_rate` and `conditions` are those of `run` (`Conditions`). The runs are cut into tiles of `tile` runs, which go to `executor`,
    any `concurrent.futures.Executor` (by default one thread a core where a step takes long enough for it, else one; BLAS is held to one);
    what a script defines, its own classes and lambdas, travels to any of them. The verdicts do not depend on either, but where float64's
    last bit decides them, as in chaos: how BLAS rounds depends on the number of runs side by side. `progress` is called with the share that
    is done, every 0.05 s; setting `stop`, or an exception in `progress`, ends the sweep within a step, and with it what threads have begun.
    Tiles that have not begun are canceled; what other processes have begun is left to end there, unheard.

    A run that has overflowed, or converged beyond all doubt, costs nothing from then on: its `final_loss` is that of that moment, where
    `run` and `judge` have the one after all steps. Raises Stopped if it was asked to stop, BrokenExecutor if a worker died, and ValueError
    as `run` does, but for the size of the path.

    See also: `run`, which keeps the paths; `Outcome`, `find_edge`, `render`.

    >>> from explorer import LOSSES, OPTIMIZERS
    >>> outcome = sweep(LOSSES["x_squared"](), OPTIMIZERS["gradient_descent"](), [0.3, 1.0, 1.1], start=[1.0], steps=5000)
    >>> [str(verdict) for verdict in outcome.verdict], outcome.first_nonfinite.tolist()
    (['converged', 'oscillating', 'diverged'], [-1, -1, 1947])
    """
    descent = Descent.of(loss, optimizer, learning_rate, **known_to("sweep", conditions))
    check_made("executor", executor, Executor | None, "None or an executor of concurrent.futures, such as ThreadPoolExecutor(2)")
    if progress is not None:
        check_takes("progress", progress, "share")
    check_made("stop", stop, threading.Event | None, "None or a threading.Event")
    size = fitting(descent.start) if tile is None else check_whole("tile", tile, at_least=1)
    tiles = descent.parted(size)
    done = dict(_each(tiles, executor, stop or threading.Event(), progress or (lambda share: None)))
    return joined([done[place] for place in range(len(tiles))])


def fitting(x: Array) -> int:
    """Return the number of runs of a tile as large as the cache allows, for points like `x` ``(dim, runs)``."""
    return max(TILE // (len(x) * x.itemsize), FEWEST)


def _each(
    tiles: list[Descent], executor: Executor | None, stop: threading.Event, progress: Callable[[float], None]
) -> Iterator[tuple[int, Outcome]]:
    """Yield each tile's place and outcome, as they come in. Ending this early, by an error in `progress` too, ends the work."""
    with one_blas_thread:
        own = threads(_threads(tiles)) if executor is None else None
        pool = executor or own
        assert pool is not None
        over = threading.Event()
        # An event cannot travel to another process: there a tile that has begun goes on to its end.
        heard = AnyOf((over, stop)) if isinstance(pool, ThreadPoolExecutor) else None
        try:
            places: dict[Future[Outcome], int] = {sent(pool, sweep_tile, each, heard): place for place, each in enumerate(tiles)}
        except RuntimeError as error:  # it is shut down, or broken
            raise must("executor", "one that takes work: make another", f"{type(pool).__name__}, which says: {error}") from error
        waiting = set(places)
        try:
            while waiting:
                finished, waiting = wait(waiting, timeout=TICK, return_when=FIRST_COMPLETED)
                heed()
                if stop.is_set():
                    raise Stopped
                for future in finished:
                    yield places[future], future.result()
                progress(1 - len(waiting) / len(tiles))
        except BrokenExecutor as error:
            runs = len(tiles[0].learning_rate)
            fewer = f": tiles of fewer than {runs:,} runs need less" if runs > 1 else ""
            way = f"for want of memory, perhaps{fewer}; make another executor, this one is broken"
            raise BrokenExecutor(f"a worker of the executor ended before it had its answer: {way}") from error
        finally:
            for future in waiting:
                future.cancel()
            over.set()
            if own is not None:
                own.shutdown()


def _threads(tiles: list[Descent]) -> int:
    if len(tiles) == 1:
        return 1
    loss, rows = tiles[0].objective, tiles[0].rows
    began = time.perf_counter()
    with np.errstate(all="ignore"):
        (loss if rows is None or not len(rows) else loss.on(rows[0])).value_and_gradient(tiles[0].start)  # type: ignore[attr-defined]
    return (os.cpu_count() or 1) if time.perf_counter() - began >= WORTH_A_THREAD else 1


def joined(outcomes: list[Outcome]) -> Outcome:
    """Return the outcomes of batches of runs as that of all runs, in their order."""
    names = [each.name for each in fields(Outcome) if each.name != "steps"]
    parts = {name: np.concatenate([getattr(outcome, name) for outcome in outcomes]) for name in names}
    return Outcome(**parts, steps=outcomes[0].steps)


def sweep_tile(descent: Descent, stop: Halt | None = None) -> Outcome:
    """Return the outcome of one tile of runs: the loop, watched."""
    watch = Watch(descent)
    with np.errstate(all="ignore"), heeding(stop):  # overflow is a result; the settings are per thread
        loop = descend(descent)
        moment = next(loop)
        while True:
            keep = watch.see(moment)
            del moment  # or its arrays would stay in the cache through the next step
            if watch.live.size == 0:
                break
            try:
                moment = loop.send(keep)
            except StopIteration:
                break
        return watch.outcome()


@dataclass(eq=False)
class Watch:
    """Follow a batch of runs, keeping of each only what its verdict needs: a `Profile`, filled in as the runs go by.

    `live` ``(runs still going,)`` are the columns that are not done yet; losses wait in a buffer until the next look.
    """

    descent: Descent
    live: NDArray[np.intp] = field(init=False)

    def __post_init__(self) -> None:
        start, runs, self.steps = self.descent.start, self.descent.runs, self.descent.steps
        self.live = np.arange(runs)
        self.starts = np.unique(np.arange(PARTS) * (self.steps + 1) // PARTS)
        self.highest, self.lowest = np.full((self.starts.size, runs), -np.inf), np.full((self.starts.size, runs), np.inf)
        self.rises = np.zeros((self.starts.size, runs), dtype=np.intp)
        self.first_nonfinite = np.full(runs, -1)
        self.first_quantity = np.full(runs, "", dtype="<U8")
        self.start_loss, self.final_loss, self.final_gradient, self.size = (np.full(runs, np.nan) for _ in range(4))
        self.turned, self.awake = np.zeros((2, runs), dtype=bool)
        self.final_x = start.copy()
        self.recent: list[Array] = []
        self.buffer = np.empty((EVERY + 1, runs))  # the last loss of the look before, and those since
        self.filled = 0
        loss, rule = self.descent.objective, self.descent.optimizer
        self.decays = bool(np.any(rule.weight_decay) or np.any(rule.decoupled_decay))
        scaled = self.decays and self.descent.rate_scale is not None
        known = loss.minimum is not None and bool(np.isfinite(loss.minimum)) and hasattr(loss, "hvp")
        self.settles = rule.is_linear and not scaled and known

    def see(self, moment: Moment) -> NDArray[np.intp] | None:
        """Record one moment; now and then, return the columns that should continue, if enough of the others are done."""
        if moment.step == 0:
            self.start_loss = moment.loss.copy()
            self.buffer[0] = moment.loss
        elif moment.step == 1 and (caught := came_down(self.start_loss, moment.loss)).any():
            self.start_loss[caught] = self.buffer[:2, caught] = moment.loss[caught]
        self.filled += 1
        self.buffer[self.filled] = moment.loss
        if not math.isfinite(np.vdot(moment.gradient, moment.gradient)):  # signs and clipping can hide it from the next loss
            self._lose(moment.step, np.isfinite(moment.loss) & ~np.isfinite(moment.gradient).all(axis=0), "gradient")
        to_look = min(EVERY - self.filled, self.steps - moment.step)
        # Only the last three points are asked for, when it is time to look: to keep them at every step would crowd the cache.
        self.recent = [*self.recent[-2:], moment.x] if to_look < 3 else []
        return self._look(moment, last=moment.step == self.steps) if to_look == 0 else None

    def _look(self, moment: Moment, *, last: bool) -> NDArray[np.intp] | None:
        self._note(moment.step - self.filled + 1)
        self._lose(moment.step, np.isfinite(moment.loss) & ~np.isfinite(moment.x).all(axis=0), "weight")
        lost = self.first_nonfinite[self.live] >= 0
        settled = self._settled(moment)
        done = lost | settled
        ends = np.ones_like(done) if last else done
        if not last and np.count_nonzero(done) < COMPACT * done.size:
            ends = np.zeros_like(done)
        if ends.any():
            self._finish(moment, ends, settled & ~lost)
        self.buffer[0], self.filled = moment.loss, 0
        if last or not ends.any():
            return None
        keep = np.flatnonzero(~ends)
        self.live = self.live[keep]
        self.buffer = self.buffer.take(keep, -1)
        self.recent = [columns(x, keep) for x in self.recent]
        return keep if keep.size else None

    def _note(self, first: int) -> None:
        """Put the buffered losses, of the steps from `first` on, into the parts they belong to."""
        losses = self.buffer[1 : self.filled + 1]
        part = np.searchsorted(self.starts, np.arange(first, first + self.filled), side="right") - 1
        for each in range(part[0], part[-1] + 1):
            here = part == each
            rows = losses if here.all() else losses[here]
            self.highest[each, self.live] = np.maximum(self.highest[each, self.live], rows.max(axis=0))
            self.lowest[each, self.live] = np.minimum(self.lowest[each, self.live], rows.min(axis=0))
        late = part >= len(self.starts) // 2  # verdicts ask for rises in the second half only
        if late.any():
            rose = np.diff(self.buffer[: self.filled + 1], axis=0) > ROUNDING * np.abs(losses)
            for each in np.unique(part[late]):
                self.rises[each, self.live] += np.count_nonzero(rose[part == each], axis=0)
        if not np.isfinite(losses[-1]).all() or not np.isfinite(losses.sum()):
            lost = ~np.isfinite(losses)
            new = lost.any(axis=0) & (self.first_nonfinite[self.live] < 0)
            self.first_nonfinite[self.live[new]] = first + lost[:, new].argmax(axis=0)
            self.first_quantity[self.live[new]] = "loss"

    def _lose(self, step: int, lost: NDArray[np.bool_], quantity: str) -> None:
        """Note what was not finite at a step though the loss was."""
        new = self.live[lost & (self.first_nonfinite[self.live] < 0)]
        self.first_nonfinite[new], self.first_quantity[new] = step, quantity

    def _settled(self, moment: Moment) -> NDArray[np.bool_]:
        """Return which runs have converged for good: nothing moves them, or nothing that is still to come can wake them.

        A rule without a preconditioner keeps a run at a minimum if the rates to come are none above those it has had since the last
        look, and below the edge of the curvature there: a steep direction may be on its way up from far below the loss's digits.
        """
        descent, rule, still = self.descent, self.descent.optimizer, np.zeros(self.live.size, dtype=bool)
        if descent.stochastic:
            return still
        if not moment.gradient.all():
            still = (moment.gradient == 0).all(axis=0) & ((moment.x == 0).all(axis=0) | (not self.decays))
            for part in moment.state:
                still &= (np.reshape(part, (-1, self.live.size)) == 0).all(axis=0) if np.ndim(part) else True
        minimum, to_come = descent.objective.minimum, descent.multiplier[moment.step :]
        had = descent.multiplier[max(moment.step - self.filled, 0) : moment.step]
        if minimum is None or not self.settles or not to_come.size or not had.size or not 0 <= to_come.min() <= to_come.max() <= had.min():
            return np.asarray(still)
        floor = np.maximum(SETTLED * (self.start_loss[self.live] - minimum), ROUNDING * abs(minimum))
        arrived = (moment.loss - minimum <= floor) & ~still & ~self.awake[self.live]
        if arrived.any():
            above = self.buffer[: self.filled + 1] - minimum
            arrived &= (above[1:] <= floor).all(axis=0) & (above[-1] <= above[0])
        if arrived.any():
            at, here = self.live[arrived], np.flatnonzero(arrived)
            divided_by = None if descent.rate_scale is None else 1 / columns(descent.rate_scale, at)
            edge = rule.on(at).largest_stable_rate(sharpness(descent.objective, columns(moment.x, here), divided_by))
            awake = ~(descent.learning_rate[at] * to_come.max() < BELOW_THE_EDGE * np.asarray(edge))
            self.awake[at[awake]], arrived[here[awake]] = True, False
        return np.asarray(arrived | still)

    def _finish(self, moment: Moment, ends: NDArray[np.bool_], settled: NDArray[np.bool_]) -> None:
        """Record how these runs ended. One that has settled would have stayed where it is."""
        at = self.live[ends]
        self.final_loss[at] = moment.loss[ends]
        self.final_gradient[at] = length(moment.gradient[:, ends])
        self.size[at] = np.sqrt((moment.x[:, ends] ** 2).sum(axis=0))
        self.final_x[:, at] = moment.x[:, ends]
        if len(self.recent) > 2:
            before, last = np.diff([x[:, ends] for x in self.recent[-3:]], axis=0)
            self.turned[at] = (last * before).sum(axis=0) < 0
        rest = np.searchsorted(self.starts, moment.step, side="right")
        still = self.live[ends & settled]
        self.highest[rest:, still] = self.lowest[rest:, still] = self.final_loss[still]

    def outcome(self) -> Outcome:
        return decided(Profile(**{each.name: getattr(self, each.name) for each in fields(Profile)}), self.descent, self.final_x)
