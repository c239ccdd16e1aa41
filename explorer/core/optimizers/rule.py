"""What an update rule is: a pair of pure functions and its own stability rule; and what wraps any rule: decay and clipping."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray

from explorer.core.ground.checks import (
    check_floats,
    check_left,
    check_made,
    check_number,
    check_real,
    check_switch,
    check_takes,
    must,
    typed,
)
from explorer.core.ground.knobs import Knob
from explorer.core.ground.shelf import Shelf, door
from explorer.core.optimizers.recurrence import UNKNOWN, Array, Number, Recurrence, measured

Code = tuple[str, str, str]  # lines of Python: before the steps, in each, and the direction
State = tuple[Any, ...]  # what a rule remembers: a tuple of arrays ``(dim, runs)`` and counters
Step = tuple[Array, State]  # a direction ``(dim, runs)`` and what is remembered after it

Decay = Annotated[float, Knob(0, 0.999, at_least=0, below=1, help="How much of the past is kept at each step.")]
Momentum = Annotated[float, Knob(0, 0.99, at_least=0, at_most=1, label="momentum β", help="The share of the last step that is repeated.")]
Dampening = Annotated[float, Knob(0, 0.99, at_least=0, below=1, help="The share of the new gradient that is held back.")]
Epsilon = Annotated[float, Knob(1e-10, 1e-2, log=True, at_least=0, label="ε", help="Keeps the denominator away from zero.")]
WeightDecay = Annotated[float, Knob(at_least=0, help="Adds weight decay × x to the gradient (L2): every curvature grows by it.")]
DecoupledDecay = Annotated[float, Knob(at_least=0, help="Shrinks x by η × weight decay at each step, beside the step itself.")]

CLIP = Knob(0.01, 100, log=True, above=0)  # the range of a clipping threshold


@dataclass(frozen=True)
class Blocks:
    """Where the blocks of a point lie, and their shapes: what a rule looks at that treats a matrix as one."""

    parts: tuple[tuple[slice, tuple[int, ...]], ...]

    @classmethod
    def one(cls, x: Array) -> Self:
        """All of a point ``(dim, runs)`` as one vector."""
        return cls(((slice(0, len(x)), (len(x),)),))

    def each(self, function: Callable[..., Array], *arrays: Array) -> Array:
        """What `function` makes of every block of `arrays` ``(dim, runs)``, given in its own shape ``(*shape, runs)``: ``(dim, runs)``.

        >>> Blocks(((slice(0, 4), (2, 2)), (slice(4, 5), (1,)))).each(lambda W: W.sum(axis=0, keepdims=True), np.ones((5, 1)))[:, 0]
        array([2., 2., 2., 2., 1.])
        """
        runs, found = arrays[0].shape[1], []
        for where, shape in self.parts:
            made = function(*(each[where].reshape(*shape, runs) for each in arrays))
            found.append(np.broadcast_to(made, (*shape, runs)).reshape(-1, runs))
        return np.concatenate(found)


@dataclass(frozen=True, eq=False)
class Optimizer:
    """An update rule and its edge as one value.

    `init` makes the state for a point ``(dim, runs)``; `update` turns ``(gradient, state, x)`` into ``(direction, state)``. A rule that
    treats a matrix as one is `shaped`: its `init` takes the `Blocks` of the loss too. One whose formula has the learning rate inside is
    `rated`: its `update` takes the rate of this step, a number, ``(runs,)`` or ``(dim, runs)``, as a fourth argument.
    `preconditioner` reads from a state what divides each coordinate's step, ``(dim, runs)``; None where nothing does.
    `recurrence` is the rule with that preconditioner held still; if it is left out, its edge is `measured` at rest on a parabola, with a
    point of one coordinate; where there is none to be measured, as for steps out of proportion to the rate that a `rated` rule is given,
    `recurrence.unknown` says why.
    `weight_decay` is what the rule adds to every curvature, before anything divides it, and `decoupled_decay` what it multiplies x by,
    beside the step. A rule of your own that divides its steps, or decays, must say so here for its edge to count it.
    `clips` says that large gradients are cut, so that the recurrence holds for small ones only. `code` is the rule as people read it, for a
    program that they take away: what comes before the first step, what each step t = 1, 2, ... does with the gradient g (and, if it is
    `rated`, with the `rate`), and its direction; ``a if knob else b`` and ``if knob:`` are folded. A test runs it. `name` and `knobs` are
    written in by the shelf.

    Raises ValueError for an `init` or an `update` that does not take these arguments; what else is wrong with the two functions is seen in
    the first run, as Python says it.

    See also: `OPTIMIZERS`, `clipped`, `critical_learning_rate`. optax: GradientTransformation, whose updates have the rate and the sign in
    them.

    >>> def heavy_ball(g, state, x):
    ...     b = 0.9 * state[0] + g
    ...     return b, (b,)
    >>> own = Optimizer(init=lambda x: (np.zeros_like(x),), update=heavy_ball)
    >>> round(own.largest_stable_rate(10.0), 6), own.measured    # 2(1 + β)/λ
    (0.38, True)
    """

    init: Callable[..., State]
    update: Callable[..., Step]
    recurrence: Recurrence = field(default_factory=lambda: UNKNOWN)
    preconditioner: Callable[[State], Array] | None = None
    weight_decay: Number = 0.0
    decoupled_decay: Number = 0.0
    clips: bool = False
    shaped: bool = False
    rated: bool = False
    code: Code = ("", "", "")
    name: str = ""
    knobs: Mapping[str, Any] = field(default_factory=dict)
    measured: bool = False

    def __post_init__(self) -> None:
        for name in ("clips", "shaped", "rated", "measured"):
            object.__setattr__(self, name, check_switch(name, getattr(self, name)))
        check_made("recurrence", self.recurrence, Recurrence, "a Recurrence, or left out: its edge is then measured")
        check_made("knobs", self.knobs, Mapping, 'a mapping such as {"momentum": 0.9}')
        check_made("name", self.name, str, "a name on the shelf of optimizers, or empty")
        code: Any = self.code
        if not (isinstance(code, tuple) and len(code) == 3 and all(isinstance(each, str) for each in code)):
            raise must("code", "three texts: lines before the steps, in each of them, and the direction", typed(code))
        check_takes("init", self.init, "x", *["blocks"] * self.shaped)
        check_takes("update", self.update, "gradient", "state", "x", *["rate"] * self.rated)
        if self.preconditioner is not None:
            check_takes("preconditioner", self.preconditioner, "state")
        for name in ("weight_decay", "decoupled_decay"):
            object.__setattr__(self, name, check_number(name, getattr(self, name)))
        if self.recurrence is UNKNOWN:
            object.__setattr__(self, "measured", True)
            object.__delattr__(self, "recurrence")

    if not TYPE_CHECKING:  # a checker would take any name for one that this finds

        def __getattr__(self, name: str) -> Any:
            """The recurrence of a rule that names none, measured when it is first asked for."""
            if name != "recurrence":
                raise AttributeError(f"an Optimizer has no {name!r}")

            def asked(gradient: Array, state: State, x: Array, rate: float) -> Step:
                before = x.copy()
                return check_step(self.direction(gradient, state, x, rate), x, before)

            divided_by = None if self.preconditioner is None else self.divided_by
            object.__setattr__(self, name, found := measured(self.begin, asked, divided_by, rated=self.rated))
            return found

    def begin(self, x: Array, blocks: Blocks | None = None) -> State:
        """The state for a point ``(dim, runs)`` of a loss with these blocks; by default the point is one vector."""
        state: State = self.init(x, blocks) if self.shaped else self.init(x)
        if not isinstance(state, tuple | list):
            raise must("init", "a function that returns a tuple, of arrays (dim, runs) and counters", typed(state))
        return state

    def divided_by(self, state: State, x: Array) -> Array:
        """What the preconditioner makes of a state, for points like `x` ``(dim, runs)``; refused with a sentence if it does not fit."""
        assert self.preconditioner is not None
        found: Any = self.preconditioner(state)
        try:
            numbers = check_floats("preconditioner", found)
            if np.shape(numbers) not in ((), (len(x), 1), x.shape):  # (1, runs) would be one number for all coordinates
                raise ValueError
        except ValueError:
            got = f"shape {np.shape(found)}" if np.ndim(found) else typed(found)
            raise must("preconditioner", f"a function whose numbers have the shape of x, {x.shape}", got) from None
        divisor = np.broadcast_to(numbers, x.shape)
        if (divisor < 0).any():
            raise must("preconditioner", "a function whose numbers are ≥ 0: by it steps are divided", f"{divisor.min():.4g}")
        return divisor

    def direction(self, gradient: Array, state: State, x: Array, rate: Number = 1.0) -> Step:
        """What a step of the learning rate `rate` is multiplied by, ``(dim, runs)``, and the state after it."""
        return self.update(gradient, state, x, rate) if self.rated else self.update(gradient, state, x)

    @property
    def runs(self) -> int:
        """How many runs the hyperparameters are for: 1 if they are all numbers."""
        return max((value.size for value in self.knobs.values() if isinstance(value, np.ndarray)), default=1)

    def on(self, columns: NDArray[np.intp]) -> "Optimizer":
        """The rule for some of its runs; itself if its hyperparameters are numbers."""
        if self.runs == 1:
            return self
        return _made(self.name, {name: value[columns] if isinstance(value, np.ndarray) else value for name, value in self.knobs.items()})

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as its name and knobs, because its functions are closures; a rule of one's own as its parts, which cloudpickle can."""
        if self.name:
            return _learned, (OPTIMIZERS.carried(self.name), self.name, dict(self.knobs))
        return Optimizer, tuple(getattr(self, each.name) for each in fields(self))

    @property
    def is_linear(self) -> bool:
        """Whether the recurrence is the whole truth on a quadratic: nothing divides the step or is clipped, and it is no measurement."""
        return self.preconditioner is None and not self.clips and not self.measured

    @property
    def is_plain(self) -> bool:
        """Whether a step is -η times the gradient and nothing else: no memory, no decay, nothing that divides or clips."""
        return self.is_linear and self.recurrence.is_plain and not (np.any(self.weight_decay) or np.any(self.decoupled_decay))

    def largest_stable_rate(self, curvature: Number) -> Number:
        """The largest learning rate that does not diverge on curvature `curvature`.

        For a rule with a preconditioner P that is an eigenvalue of P⁻¹(H + weight_decay), for others one of H. Infinite where
        nothing curves upward, nan for a rule of your own whose edge could not be measured. With edge e = recurrence.edge and
        decoupled decay w it is the η where η(curvature/e + w/2) = 1: at the edge x(t+1) = -x(t), and the step that does this has
        2 - ηw left to cover instead of 2. That is exact for every rule here, as long as P holds still.

        >>> OPTIMIZERS["gradient_descent"]().largest_stable_rate(4.0)
        0.5
        >>> round(OPTIMIZERS["adamw"](weight_decay=1.0).largest_stable_rate(19.0), 6)    # η (19/38 + 1/2) = 1
        1.0
        """
        edge = np.asarray(self.recurrence.edge, dtype=float)
        curved = check_floats("curvature", curvature) + self._coupled
        share = np.where(np.isinf(edge), 0.0, curved / edge) + np.asarray(self.decoupled_decay) / 2
        with np.errstate(divide="ignore", over="ignore"):
            rate = np.where(share <= 0, np.inf, 1 / np.where(share <= 0, 1, share))  # nan of nan
        return float(rate) if rate.ndim == 0 else rate

    def largest_stable_curvature(self, learning_rate: Number) -> Number:
        """The largest curvature on which this learning rate does not diverge: the inverse of `largest_stable_rate`.

        What weight decay uses up of it is gone: without curvature left it is 0, and below 0 the decay alone is beyond the edge.

        >>> OPTIMIZERS["gradient_descent"](weight_decay=1.0).largest_stable_curvature(0.5)    # 2/η - weight_decay
        3.0
        """
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            left = 1 / check_floats("learning_rate", learning_rate) - np.asarray(self.decoupled_decay) / 2
            edge = np.asarray(self.recurrence.edge, dtype=float)
            curvature = np.where(np.isinf(edge), np.where(left < 0, -np.inf, np.inf), edge * left) - self._coupled
        return float(curvature) if curvature.ndim == 0 else curvature

    @property
    def _coupled(self) -> Number:
        """The decay that is added to a curvature; what a preconditioner divides is in that curvature already."""
        return self.weight_decay if self.preconditioner is None else 0.0


def at_rest(count: int, *, counted: bool = True) -> Callable[[Array], State]:
    """Return the `init` of a rule that begins with zeros: the number of steps taken, if that is `counted`, and `count` arrays."""
    return lambda x: (0,) * counted + tuple(np.zeros_like(x) for _ in range(count))


def kept(state: State) -> Array:
    """Return what divided the last step: the `preconditioner` of a rule that keeps it as the last part of its state."""
    divisor: Array = state[-1]
    return divisor


OPTIMIZERS: Shelf[Optimizer] = Shelf(
    "optimizer", lambda made, name, knobs: dataclasses.replace(made, name=name, knobs=knobs), for_each_run=True
)
"""The update rules by name: a mapping to functions that make an `Optimizer`, with PyTorch's names and defaults.

A hyperparameter is a number or ``(runs,)``. As a decorator, or by `named`, it puts a function of yours, with annotated arguments, on the
shelf. Raises ValueError with the names there are for another name, and for a value beyond its rule; TypeError for a hyperparameter that the
rule has not.

See also: `Optimizer`, `clipped`, `LOSSES`, `SCHEDULES`. PyTorch: torch.optim. optax has them by the same names, but for sgd, with momentum
and nesterov as arguments, sign_sgd, contrib.muon, and no ASGD.

>>> OPTIMIZERS["momentum"](momentum=0.5).knobs["momentum"]
0.5
>>> OPTIMIZERS["momentum"](momentum=-1)
Traceback (most recent call last):
ValueError: momentum must be finite and ≥ 0 and ≤ 1, got -1
"""


def check_optimizer(optimizer: object) -> Optimizer:
    """Return a rule as it is, or by its name with its defaults; refuse with a sentence what is neither."""
    return check_made("optimizer", OPTIMIZERS.made(optimizer), Optimizer, 'a name such as "adam", or made by OPTIMIZERS["adam"]()')


def check_step(step: Any, x: Array, before: Array) -> Step:
    """Return what `update` returned; refuse with a sentence what is no direction of the shape of `x` with a state, or has changed `x`.

    That was `before`.
    """
    check_left("update", before, x)
    if not (isinstance(step, tuple) and len(step) == 2):
        raise must("update", "a function that returns a pair: the direction (dim, runs), and the state", f"{type(step).__name__}")
    if np.asarray(step[0]).dtype.kind not in "fiubc":
        raise must("update", "a function whose direction is of numbers", typed(step[0]))
    if np.shape(step[0]) != x.shape:
        raise must("update", f"a function whose direction has the shape of x, {x.shape}", f"{np.shape(step[0])}")
    check_real("update", step[0])
    return step[0], step[1]


def _learned(own: bytes, name: str, knobs: Mapping[str, Any]) -> Optimizer:
    """The same in a process whose shelf may not have it."""
    OPTIMIZERS.learn(name, own)
    return _made(name, knobs)


def _made(name: str, knobs: Mapping[str, Any]) -> Optimizer:
    """The rule that the shelf, and what was wrapped around it since, make of this name and these knobs."""
    rule = OPTIMIZERS[name](**{knob: value for knob, value in knobs.items() if knob not in WRAPPED})
    for knob in (each for each in knobs if each in WRAPPED):
        rule = WRAPPED[knob](rule, knobs[knob])
    return rule


PAIRS = {"betas": ("beta1", "beta2"), "etas": ("etaminus", "etaplus"), "step_sizes": ("step_size_min", "step_size_max")}
PAIRS |= {"eps": ("eps1", "eps2")}


def in_torch_words(knobs: Mapping[str, Any]) -> dict[str, Any]:
    """Our knobs as PyTorch's arguments: the same names, but for those that are pairs there.

    >>> in_torch_words({"beta1": 0.9, "beta2": 0.99, "eps": 1e-8})
    {'eps': 1e-08, 'betas': (0.9, 0.99)}
    """
    paired = {pair: names for pair, names in PAIRS.items() if names[0] in knobs}
    rest = {name: value for name, value in knobs.items() if not any(name in names for names in paired.values())}
    return rest | {pair: (knobs[first], knobs[second]) for pair, (first, second) in paired.items()}


def with_weight_decay(weight_decay: Number, rule: Optimizer) -> Optimizer:
    """The rule on loss + ½·weight_decay·‖x‖², as PyTorch's coupled `weight_decay`: added to the gradient before anything else."""
    if np.ndim(weight_decay) == 0 and weight_decay == 0:
        return rule

    def update(gradient: Array, state: State, x: Array, *rate: Number) -> Step:
        return rule.update(gradient + weight_decay * x, state, x, *rate)

    return _wrapped(rule, {"with_weight_decay": weight_decay}, update=update, weight_decay=rule.weight_decay + weight_decay)


def with_decoupled_decay(weight_decay: Number, rule: Optimizer) -> Optimizer:
    """The rule with x ← (1 - η·weight_decay) x beside its step, never divided or averaged (Loshchilov & Hutter 2019, algorithm 2).

    For plain gradient descent it is the same map as `with_weight_decay`; for a rule that divides its steps it is not.

    >>> with_decoupled_decay(1.0, OPTIMIZERS["gradient_descent"]()).largest_stable_rate(3.0)    # 2/(λ + weight_decay)
    0.5
    """
    if np.ndim(weight_decay) == 0 and weight_decay == 0:
        return rule

    def update(gradient: Array, state: State, x: Array, *rate: Number) -> Step:
        direction, state = rule.update(gradient, state, x, *rate)
        return direction + weight_decay * x, state

    return _wrapped(rule, {"with_decoupled_decay": weight_decay}, update=update, decoupled_decay=rule.decoupled_decay + weight_decay)


@door
def clipped(rule: Optimizer | str, *, norm: Number | None = None, value: Number | None = None) -> Optimizer:
    """Any rule, or the one of this name, on a gradient that is cut where it is too large; a threshold is a number or ``(runs,)``.

    `norm` shortens a gradient longer than this to this length and keeps its direction, g ← g · min(1, norm / (‖g‖ + 10⁻⁶)),
    each run by itself (Pascanu et al. 2013, algorithm 1; PyTorch's clip_grad_norm_). `value` cuts each coordinate to ±value
    (clip_grad_value_), and comes first if both are given. The edge stays where it is, because near a minimum nothing is
    clipped; but beyond it a run of gradient descent now jumps about at a bounded distance instead of diverging.

    A gradient with inf or nan in it is not rescued by its norm: inf · 0 is nan, as in PyTorch. By value, inf is cut and nan stays.
    Raises ValueError for a threshold that is not finite and > 0.

    See also: `OPTIMIZERS`, `Optimizer`. optax: clip_by_global_norm and clip, in a chain before the rule.

    >>> direction, _ = clipped(OPTIMIZERS["gradient_descent"](), norm=1.0).update(np.array([[3.0], [4.0]]), (), np.zeros((2, 1)))
    >>> direction[:, 0].round(6)
    array([0.6, 0.8])
    >>> clipped(OPTIMIZERS["gradient_descent"](), value=1.0).update(np.array([[0.5], [-4.0]]), (), np.zeros((2, 1)))[0][:, 0]
    array([ 0.5, -1. ])
    """
    rule, thresholds = check_optimizer(rule), {"norm": norm, "value": value}
    given = {f"clip_{name}": check_number(name, each, CLIP) for name, each in thresholds.items() if each is not None}
    if not given:
        return rule

    def update(gradient: Array, state: State, x: Array, *rate: Number) -> Step:
        if "clip_value" in given:
            gradient = np.clip(gradient, -given["clip_value"], given["clip_value"])
        if "clip_norm" in given:
            gradient = gradient * np.minimum(given["clip_norm"] / (length(gradient) + 1e-6), 1.0)
        return rule.update(gradient, state, x, *rate)

    return _wrapped(rule, given, update=update, clips=True)


def _wrapped(rule: Optimizer, knobs: Mapping[str, Any], **changed: Any) -> Optimizer:
    """The rule with some parts changed, and in its knobs what makes that change again in another process, or for some of its runs."""
    return dataclasses.replace(rule, **changed, knobs={**rule.knobs, **knobs})


WRAPPED: dict[str, Callable[[Optimizer, Any], Optimizer]] = {
    "clip_norm": lambda rule, it: clipped(rule, norm=it),
    "clip_value": lambda rule, it: clipped(rule, value=it),
    "with_weight_decay": lambda rule, it: with_weight_decay(it, rule),
    "with_decoupled_decay": lambda rule, it: with_decoupled_decay(it, rule),
}
"""By the knob that says so: what is wrapped around a rule, the innermost first."""


def length(gradient: Array) -> Array:
    """The Euclidean length of each column, ``(dim, runs) -> (runs,)``, finite whenever the length is, and 0 only for zeros.

    The squares of a gradient may overflow before it does, and vanish before it does: neither must pass for an overflow or a zero of it.

    >>> length(np.array([[3e200, 3e-200], [4e200, 4e-200]]))
    array([5.e+200, 5.e-200])
    """
    if len(gradient) == 1:
        return np.abs(gradient[0])
    with np.errstate(over="ignore", under="ignore"):
        total = np.sqrt(np.einsum("dr,dr->r", gradient, gradient))
    digits = np.finfo(total.dtype)
    suspect = ~(np.isfinite(total) & (total > np.sqrt(digits.tiny / digits.eps)))
    if suspect.any():
        columns = gradient[:, suspect]
        largest = np.abs(columns).max(axis=0)
        with np.errstate(invalid="ignore", divide="ignore", under="ignore"):
            scaled = largest * np.sqrt(((columns / largest) ** 2).sum(axis=0))
        total[suspect] = np.where(np.isfinite(largest) & (largest > 0), scaled, largest)
    return np.asarray(total)
