"""A warning before it happens: a run that is watched step by step, whether it is on its way out, where it will overflow, and why."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from numbers import Real
from typing import Any

import numpy as np

from explorer.core.diagnosis.look import Inspector, Look, Point
from explorer.core.ground.arrays import LARGEST
from explorer.core.ground.checks import check_mapping, check_whole, must, typed
from explorer.core.ground.knobs import NOT_NEGATIVE, Knob
from explorer.core.ground.prose import counted, plain
from explorer.core.ground.shelf import door
from explorer.core.losses.protocol import Loss
from explorer.core.optimizers import Optimizer, check_optimizer

# The thresholds were chosen on two thirds of the runs of benchmarks/monitor.py; docs/monitor.md has what they do on the last third.
NEXT = 300.0  # by the loss alone: two rises in a row, and at that pace the next loss is this many times the start ...
STEADY_FOR, STEADY_FROM = 8, 4.0  # ... or this many rises in a row to this many times the start ...
FADES = 0.97  # ... the last of which grew by no smaller share of the pace than this
RISEN = 30.0  # with the gradient's norm: at this many times the start ...
KEEPS, BEYOND = 0.9, 2.0  # ... ηλ is above the edge and does not fall, nor the growth; or it is above 2 edges, where no catapult returns
SEEN = 0.5  # a look that found the rate beyond the edge is the first sign of two: the second is a rise to this share of those heights
HIGHER = 2.0  # on a rise the model is looked at again when the loss has grown by this factor since
EXPECTED = 3.0  # a rise beyond this many times the highest loss of a rehearsal that came back is no longer explained by it
REMEMBERED = 16  # rises that the growth per step is measured on
ACCELERATES, MOST = 1.05, 4.0  # a growth that grows by more than this factor a step is no constant one, and is taken to by at most that
STILL = 1.0001  # a growth that levels off has done so
TINY, HUGE = 1e-300, 1e308  # heights are neither 0, of which nothing is a multiple, nor inf


class State(StrEnum):
    """How a run stands: below all that it has come back from; above it, without a reason to warn; on its way out; inf or nan."""

    STEADY = "steady"
    RISING = "rising"
    LEAVING = "on its way out"
    LOST = "lost"


@dataclass(frozen=True)
class Notice:
    """One warning: the `step` it was given at, the `state` then, the step of the overflow where it is foreseen, and the reason in words."""

    step: int
    state: State
    overflow_step: int | None
    sentence: str

    def __str__(self) -> str:
        return f"step {self.step:,}: {self.sentence}"


@door
class Monitor:
    r"""Watch a run from any loop: `update` takes the loss of each step and returns a `Notice` when the run is on its way out, else None.

    Its memory does not grow with the steps, and a step costs microseconds (docs/monitor.md). A rise is measured from the highest loss that
    the run has come back from by itself, at first the first one: what noise or a spike has reached is no news. `dtype` is the type that
    the loss is computed in, ``"float64"`` or ``"float32"`` (PyTorch, JAX and Keras unless told otherwise), or a library's own name for
    it: it says where inf begins.

    With the gradient's norm and the rate, η‖g‖²/2(L - L*) is at most ηλ (‖g‖² ≤ 2λ(L - L*): Nesterov 2018, "Lectures on Convex
    Optimization", theorem 2.1.5; L* is 0, or the lowest loss where that is negative), for rules without a preconditioner; `optimizer` says
    which, gradient descent by default.

    With a `model`, a `Loss` with `hvp`, the sharpness is looked at `every` steps and when a rise begins; at the first look, beyond the edge
    and on a rise, the next 100 steps are rehearsed at the present rate, on mini-batches of `batch_size` if there is one: a catapult comes
    back from its rise, and so does momentum from its first swing. What is rehearsed is the rule that `optimizer` names: where the loop
    clips its gradients, name ``clipped("adam", norm=1.0)``, for without it the rehearsal of a healthy run may overflow, and warn. A look
    costs some 30 evaluations of the model, a rehearsal 100. It begins at rest, without what a rule remembers of the run: with momentum,
    the run itself may come back where its rehearsal does not.

    Raises ValueError for a model without `hvp`, a `batch_size` without a model, a rule that is none or whose edge is not known, and what is
    no number.

    See also: `diagnose`, `why_nan`, `sharpness`. Lightning's EarlyStopping(check_finite=True) and Keras's TerminateOnNaN stop once it has
    happened.

    >>> watch = Monitor()
    >>> for step in range(10):
    ...     if notice := watch.update(2.0 * 1.31**step):
    ...         print(notice)
    step 8: on its way out: the loss grew by 1.31 a step for 8 steps: inf at step 2,626
    >>> watch.update(float("nan")).sentence
    'lost: the loss is nan at step 10'

    A catapult and a quadratic, both at a rate beyond their edge, as the model tells them apart:

    >>> from explorer import LOSSES, OPTIMIZERS, run
    >>> for loss, rate in ((LOSSES["uv"](width=64), 1.3), (LOSSES["x_squared"](), 1.3)):
    ...     path, watch = run(loss, OPTIMIZERS["gradient_descent"](), rate, steps=3), Monitor(model=loss)
    ...     said = [watch.update(value, x=x, learning_rate=rate) for x, value in zip(path.x[:, :, 0], path.loss[:, 0])]
    ...     print(*watch.sentence.split("; ")[:2], sep="\n")
    rising: the loss is 3.09 times the highest that it has come back from
    a rehearsal comes down from 2.27 to 0 where it is flatter: a catapult
    on its way out: the sharpness is 1.3 times what the rate tolerates, and a rehearsal from step 3 on is inf at step 756
    """

    def __init__(
        self,
        *,
        dtype: Any = "float64",
        model: Loss | None = None,
        optimizer: Optimizer | str | None = None,
        batch_size: int | None = None,
        every: int = 20,
    ) -> None:
        kind = str(getattr(dtype, "__name__", dtype)).removeprefix("torch.")  # numpy's, JAX's and PyTorch's own types have these names
        if kind not in ("float64", "float32"):
            raise must("dtype", "float64 or float32", typed(dtype))
        batch_size = None if batch_size is None else check_whole("batch_size", batch_size, at_least=1)
        if batch_size is not None and model is None:
            raise must("batch_size", "left out where there is no model to look at, or Monitor(model=...) made with one", batch_size)
        every = check_whole("every", every, at_least=1)
        rule = check_optimizer("gradient_descent" if optimizer is None else optimizer)
        self._beyond = largest = float(np.finfo(kind).max)  # a loss beyond it is inf there
        self._largest = math.log(largest) - 1e-12  # a power of two hits the largest number, and rounding of a logarithm must not miss it
        self._inspector = None if model is None else Inspector(model, rule, batch_size=batch_size, every=every, largest=largest)
        self._edge = float(np.max(rule.recurrence.edge)) if rule.is_linear else math.inf
        self.state = State.STEADY
        self.step = -1
        """The last step that was fed, -1 before the first."""
        self.notice: Notice | None = None
        """The last warning."""
        self.look: Look | None = None
        """The last look at the model."""
        self._start = self._last = math.nan  # the loss that a rise is measured from, and that of the step before
        self._floor = 0.0  # what heights are measured from: 0, or the lowest loss where that is negative
        self._highest = -math.inf  # of this rise
        self._rise: list[tuple[int, float]] = []  # step and logarithm of the height, `REMEMBERED` at most
        self._rises = 0  # in a row
        self._growth = self._before = self._earlier = math.nan  # the logarithm of the growth a step, of the last step, and of two before
        self._bound = self._bound_before = math.nan  # η‖g‖²/2L as a multiple of the edge, likewise
        self._looked_at = math.nan  # the loss at the last look of this rise
        self._foreseen = -1  # the step up to which a rehearsal's warning stands

    def update(
        self,
        loss: Any,
        *,
        step: int | None = None,
        gradient_norm: Any = None,
        learning_rate: Any = None,
        x: Point | None = None,
        preconditioner: Point | None = None,
    ) -> Notice | None:
        """Take the loss of one step, and return a warning if there is a new one.

        A loss is a number, or an array or tensor that holds one; None is a missing one. `step` is the next one unless given: steps may
        skip, and where they go back, as after a checkpoint, a rise begins anew. `gradient_norm` and `learning_rate` are those of the step
        that begins at the point of that loss. With a model both `x` and the rate must be given: `x` ``(dim,)`` is that point, or a function
        that returns it, called only where it is looked at, and `preconditioner` ``(dim,)``, likewise, what the rule divides by: without it
        the sharpness that an adaptive rule sees is not known.

        Raises ValueError for what is no number, for a point of another length, for a model without `x` or `x` without a model, and for a
        `preconditioner` that is not finite and > 0 or of a rule that has none; the monitor is then as it was before.
        """
        value = loss if type(loss) is float else _number("loss", loss)
        value = math.copysign(math.inf, value) if value is not None and abs(value) > self._beyond else value
        at = self.step + 1 if step is None else step if type(step) is int and step >= 0 else check_whole("step", step, at_least=0)
        fits = gradient_norm is None or (type(gradient_norm) is float and not gradient_norm < 0)
        norm = gradient_norm if fits else _number("gradient_norm", gradient_norm)
        if norm is not None and norm < 0:
            raise must("gradient_norm", "one number, ≥ 0", typed(gradient_norm))
        known = learning_rate is None or (type(learning_rate) is float and 0 <= learning_rate < math.inf)
        rate = learning_rate if known else _number("learning_rate", learning_rate, NOT_NEGATIVE)
        if self._inspector is None:
            if x is not None or preconditioner is not None:
                raise must(
                    "x and preconditioner", "left out where there is no model to look at, or Monitor(model=...) made with one", "them"
                )
            return self._take(value, at, norm, rate)
        if value is not None and x is None:
            raise must("x", "given at every step where there is a model: the point (dim,), or a function that returns it", "none")
        if x is not None and rate is None:
            raise must("learning_rate", "given with x, for the edge depends on it", "none")
        self._inspector.check("x", x)
        self._inspector.check("preconditioner", preconditioner)
        before = {**vars(self), "_rise": [*self._rise]}, {**vars(self._inspector)}
        try:
            return self._take(value, at, norm, rate, x, preconditioner)
        except BaseException:  # the model's or the point's: nothing was fed
            vars(self).update(before[0])
            vars(self._inspector).update(before[1])
            raise

    def _take(
        self,
        value: float | None,
        at: int,
        norm: float | None,
        rate: float | None,
        x: Point | None = None,
        preconditioner: Point | None = None,
    ) -> Notice | None:
        """Take what has been checked."""
        gap, self.step = at - self.step, at
        if value is None:
            return None
        if norm is not None and not norm < math.inf:
            return self._lose(f"gradient's norm is {plain(norm)}")
        due = self._inspector is not None and x is not None and (at % self._inspector.every == 0 or self._inspector.rehearsed_at < 0)
        if value <= self._start and not due:
            if value < self._floor:
                if value == -math.inf:
                    return self._lose(f"loss is {plain(value)}")
                self._floor = value
            if self._rise or self.state is not State.STEADY:
                self._come_down()
            self._last = value
            return None
        if not math.isfinite(value):
            return self._lose(f"loss is {plain(value)}")
        self._note(value, at, max(gap, 1))
        self._bound_before, self._bound = self._bound, math.nan
        if norm is not None and rate is not None and self._edge < math.inf:
            self._bound = rate * norm * norm / (2 * self._height(value) * self._edge)
        if x is not None and rate is not None and self._inspector is not None and (due or self._rose_on(value)):
            height = self._height(value) / self._height(self._start)
            self.look = self._inspector.look(at, x, rate, preconditioner, start=self._start, height=height)
            if self.look is None:
                return self._lose("point has inf or nan in it")
            self._looked_at = value
            why, self._foreseen = self.look.why, self.look.overflow_step
            if why and self.state is not State.LEAVING:
                return self._warn(State.LEAVING, why)
        if value <= self._start or self.state is State.LEAVING:
            return None
        self.state = State.RISING
        return self._warn(State.LEAVING, why) if (why := self._why(value)) else None

    def _note(self, value: float, at: int, gap: int) -> None:
        """Take a finite loss into the memory."""
        self._floor = min(self._floor, value)
        if not self._start or self._start != self._start:  # the first loss, or 0, of which nothing is a multiple
            self._start = value
        if value <= self._start:
            self._come_down()
            self._last = value
            return
        rise = self._rise
        while rise and rise[-1][0] >= at:  # a step again, or back to a checkpoint
            rise.pop()
            self._rises = 0
        here, before = math.log(self._height(value)), math.log(self._height(max(self._last, self._start)))
        self._earlier, self._before = (self._before, self._growth) if self._rises else (math.nan, math.nan)
        self._growth = (here - before) / gap
        self._rises = self._rises + 1 if value > self._last else 0
        rise.append((at, here))
        if len(rise) > REMEMBERED:
            del rise[0]
        self._highest, self._last = max(self._highest, value), value

    def _height(self, loss: float) -> float:
        """Return how high a loss is, at least as high as the start."""
        return min(max(loss - self._floor, self._start - self._floor, abs(self._start), TINY), HUGE)

    def _come_down(self) -> None:
        """End a rise: what it reached is no news any more."""
        self._start = max(self._start, self._highest)
        self._rise.clear()
        self._rises, self._highest, self._growth, self._looked_at = 0, -math.inf, math.nan, math.nan
        self.state = State.LEAVING if self.step < self._foreseen else State.STEADY

    def _rose_on(self, value: float) -> bool:
        """Whether a rise has begun, or gone on by so much since the last look that it is worth another."""
        return value > self._start and not value < HIGHER * self._looked_at

    def _why(self, value: float) -> str:
        """Return the reason to warn of this rise, by the loss and the gradient; an empty string where there is none."""
        if self.look is not None and self.look.returns and value <= EXPECTED * self.look.highest:
            return ""
        lower = SEEN if self.look is not None and self.look.times_edge > 1 else 1.0
        risen, growth = math.log(self._height(value) / self._height(self._start)), self._growth
        keeps = self._rises >= 2 and growth >= KEEPS * self._before and self._bound > 1 and self._bound >= self._bound_before
        if risen >= math.log(RISEN * lower) and growth > 0 and (keeps or self._bound > BEYOND):
            edge = f"{plain(self._bound)} times the edge {plain(self._edge)}"
            return f"{self._grown()}; by the gradient's norm ηλ is at least {edge}"
        fast = self._rises >= 2 and risen + growth >= math.log(NEXT * lower)
        steady = self._rises >= STEADY_FOR and risen >= math.log(STEADY_FROM) and growth >= FADES * self._pace()
        return self._grown() if fast or steady else ""

    def _pace(self) -> float:
        """Return the mean growth of the logarithm a step in this rise, over an even number of steps: a point may jump from side to side."""
        rise = self._rise[-self._rises :] if self._rises else self._rise[-1:]
        rise = rise[1:] if len(rise) > 2 and len(rise) % 2 == 0 else rise
        return (rise[-1][1] - rise[0][1]) / (rise[-1][0] - rise[0][0]) if len(rise) > 1 else self._growth

    @property
    def overflow_step(self) -> int | None:
        """The step at which a run on its way out overflows if nothing changes; None in other states, and where nothing says that it will.

        Of a growth by r a step the loss L overflows after log(largest / L) / log r steps. Where log r itself grows by q a step, its sums
        are added up until they reach log(largest / L); where q falls towards 1, because the growth levels off, q - 1 falls on as it did.
        One q alone shows neither, and names no step.
        """
        return self._overflow_step() if self.state is State.LEAVING else None

    def _overflow_step(self) -> int | None:
        """Return where the present growth, or a rehearsal, leads."""
        if self.step < self._foreseen:
            return self._foreseen
        q = self._growth / self._before if self._before > 0 else 1.0
        if not (self._rise and self._climbs and self._pace() > 0) or (q > ACCELERATES and not self._earlier > 0):
            return None
        at, height = self._rise[-1]
        left, growth, ahead = max(self._largest - height, 0.0), self._growth, 0
        was = self._before / self._earlier if self._earlier > 0 else 1.0
        fades = (q - 1) / (was - 1) if was > q > 1 else 1.0
        q = min(q, MOST)
        while q > (ACCELERATES if not ahead else STILL) and left >= 0:
            growth *= q
            left, q, ahead = left - growth, 1 + (q - 1) * fades, ahead + 1
        rest = (math.floor(left / (growth if ahead else self._pace())) + 1) if left >= 0 else 0
        return max(at + max(ahead + rest, 1), self.step)  # where losses are missing it may be over by now

    def _grown(self) -> str:
        """Return how the loss grew and where that leads, in words."""
        step = self._overflow_step()
        end = "" if step is None else f": inf at step {step:,}"
        now, before, pace = (plain(math.exp(min(each, 700.0))) for each in (self._growth, self._before, self._pace()))
        if self._growth > ACCELERATES * self._before:
            return f"{self._called} grew by {now} in the last step and by {before} in the one before{end.replace('at', 'at about')}"
        return f"{self._called} grew by {pace} a step for {counted(max(self._rises, 1))}{end}"

    def _leads(self) -> str:
        """Return where a run that was warned of leads by now, in the words of what `overflow_step` goes by."""
        if self.step < self._foreseen:
            return (self.look and self.look.why) or f"a rehearsal is inf at step {self._foreseen:,}"
        return self._grown() if self._climbs else f"{self._stands}, but has stopped growing"

    @property
    def _climbs(self) -> bool:
        """Whether the loss grows, and is as high as it has ever been in this rise: a wobble below the peak leads nowhere."""
        return self._growth > 0 and self._last >= self._highest

    @property
    def _stands(self) -> str:
        times = plain(self._height(self._last) / self._height(self._start))
        return f"{self._called} is {times} times the highest that it has come back from"

    @property
    def _called(self) -> str:
        """What is said to grow: a loss that has been negative is measured from its lowest."""
        return f"the loss, measured from its lowest, {plain(self._floor)}," if self._floor < 0 else "the loss"

    def _lose(self, what: str) -> Notice | None:
        """Return that something is inf or nan, once."""
        self._rise.clear()
        self._rises, self._highest, self._growth, self._foreseen = 0, -math.inf, math.nan, -1
        return None if self.state is State.LOST else self._warn(State.LOST, f"the {what} at step {self.step:,}")

    def _warn(self, state: State, why: str) -> Notice:
        self.state = state
        self.notice = Notice(self.step, state, self.step if state is State.LOST else self.overflow_step, f"{state}: {why}")
        return self.notice

    def __repr__(self) -> str:
        return f"<Monitor: {self.sentence}>"

    @property
    def sentence(self) -> str:
        """How the run stands, in words: also where there is no reason to warn."""
        look, edge = self.look, "" if self.look is None or not self.look.measured else f"; {self.look.measured}"
        if self.notice is not None and self.notice == Notice(self.step, self.state, self.overflow_step, self.notice.sentence):
            return self.notice.sentence
        if self.state is State.LEAVING:
            return f"{self.state}: {self._leads()}"
        if self.state is State.LOST:
            return f"{self.state}: it was inf or nan" if self.notice is None else self.notice.sentence
        if not self._rise:
            known = math.isfinite(self._last)
            return f"steady: the loss is {plain(self._last)}, no higher than it has come back from{edge}" if known else "no loss yet"
        if look is not None and look.returns:
            why = look.turn
        elif self._growth < FADES * self._before:
            why = "the growth fades, as that of a catapult or of momentum's first swing does before it turns"
        else:
            why = "too little to tell from noise, a catapult or momentum's first swing"
        return f"rising: {self._stands}; {why}{edge}"

    def state_dict(self) -> dict[str, Any]:
        """Return the memory as plain numbers, for a checkpoint; what was given to `Monitor` is not in it.

        >>> watch = Monitor()
        >>> watch.update(3.0)
        >>> again = Monitor()
        >>> again.load_state_dict(watch.state_dict())
        >>> again.sentence
        'steady: the loss is 3, no higher than it has come back from'
        """
        memory = {name: getattr(self, f"_{name}") for name in MEMORY}
        rehearsed_at = -1.0 if self._inspector is None else self._inspector.rehearsed_at
        return memory | {"rise": list(self._rise), "step": self.step, "state": str(self.state), "rehearsed_at": rehearsed_at}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned. Raises ValueError for anything else."""
        known = check_mapping("state", state, '{"step": 7, ...}, as state_dict() returns it')
        names = {*MEMORY, "rise", "step", "state", "rehearsed_at"}
        if missing := sorted(names - {*known}):
            raise must("state", "what state_dict() returned", f"one without {', '.join(missing)}")
        if more := sorted(map(str, {*known} - names)):
            raise must("state", "what state_dict() returned", f"one with {', '.join(more)}")
        memory = {name: _number(f"state[{name!r}]", known[name]) for name in (*MEMORY, "rehearsed_at")}
        for name, each in memory.items():
            low, high = ENDS.get(name, (-LARGEST, LARGEST))
            if each is None or not (low <= each <= high or (each != each and name not in ("floor", "highest"))):
                raise must(f"state[{name!r}]", "one number as state_dict() returns it", typed(known[name]))
        step = check_whole("state['step']", known["step"], at_least=-1)
        counts = {name: check_whole(f"state[{name!r}]", known[name], at_least=least) for name, least in (("rises", 0), ("foreseen", -1))}
        try:
            rise = [(check_whole("step", at, at_least=0), float(height)) for at, height in known["rise"]]
        except (TypeError, ValueError):
            rise = [(0, math.nan)]
        at = [each for each, _ in rise]
        if len(rise) > REMEMBERED or at != sorted({*at}) or not all(math.isfinite(height) for _, height in rise) or (at and at[-1] > step):
            raise must("state['rise']", f"at most {REMEMBERED} pairs of a step up to {step} and a finite height", typed(known["rise"]))
        if not (isinstance(known["state"], str) and known["state"] in [*State]):
            raise must("state['state']", f"one of {', '.join(State)}", typed(known["state"]))
        for name, each in {**memory, **counts}.items():
            if name != "rehearsed_at":
                setattr(self, f"_{name}", each)
        self._rise, self.step, self.state = rise, step, State(known["state"])
        if self._inspector is not None:
            self._inspector.rehearsed_at = float(memory["rehearsed_at"] or 0.0)


MEMORY = (
    "start", "last", "floor", "highest", "rises", "growth", "before", "earlier", "bound", "bound_before", "looked_at", "foreseen",
)  # fmt: skip


ENDS = {"floor": (-LARGEST, 0.0), "highest": (-math.inf, LARGEST), "rehearsed_at": (-1.0, math.inf)}
ENDS |= dict.fromkeys(("bound", "bound_before"), (0.0, math.inf))
"""Of the numbers in that memory that are not all finite ones: the smallest and the largest."""


def _number(name: str, given: Any, knob: Knob | None = None) -> float | None:
    """Return one number as a float, of whatever array or tensor holds it; None for a missing one, inf for an integer beyond all floats."""
    if given is None or given is np.ma.masked:
        return None
    try:
        value: Any = given.item() if hasattr(given, "item") else given
        number = float(value) if type(value) is not bool and isinstance(value, Real) else None
        if number is not None and (knob is None or knob.at_least <= number < math.inf):
            return number
    except OverflowError:
        if knob is None:
            return math.inf if given > 0 else -math.inf
    except (TypeError, ValueError, RuntimeError):
        pass
    raise must(name, f"one number{'' if knob is None else f', {knob.rule}'}", typed(given))
