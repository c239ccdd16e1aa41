"""One frozen, flat description of an experiment: what a link, a case and a cache key are made of."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self
from urllib.parse import parse_qsl

import numpy as np
from numpy.typing import ArrayLike, NDArray

from explorer.core.ground.checks import check_made, check_mapping, check_number, check_one, check_whole, must, short, typed
from explorer.core.ground.display import Drawable
from explorer.core.ground.elsewhere import pointer
from explorer.core.ground.knobs import NOT_NEGATIVE, Knob
from explorer.core.ground.parameters import Parameter, strictly
from explorer.core.ground.prose import counted, listed
from explorer.core.ground.shelf import Shelf, door
from explorer.core.ground.size import WORK, check_size
from explorer.core.losses import LOSSES, DataLoss, Loss
from explorer.core.optimizers import CLIP, OPTIMIZERS, Optimizer, clipped
from explorer.core.run.descent import Conditions, Trajectory, run
from explorer.core.schedules import SCHEDULES, Schedule, after_warmup

VERSION = 1  # version of the query string. A link with another is read as far as its names are still known; one with none is of this one.

SHELVES: dict[str, Shelf[Any]] = {"loss": LOSSES, "optimizer": OPTIMIZERS, "schedule": SCHEDULES}

Knobs = tuple[tuple[str, Any], ...]
SUCH_KNOBS = '{"optimizer.momentum": 0.9}'


@door
@dataclass(frozen=True)
class Setup(Drawable):
    """Everything that a run depends on, and nothing else: equal setups give equal runs, to the last bit.

    `knobs` holds what is set on the loss, the optimizer and the schedule, by dotted name: ``(("loss.eigenvalues", (1, 100)),)``; a mapping
    will do. What is left out has its default. `start` None is the loss's own start, `batch_size` None all the examples.

    Three rescues go with any optimizer and schedule: `warmup_steps` raises the rate evenly from near zero before the schedule begins
    (`after_warmup`), `clip_norm` and `clip_value` cut large gradients (`clipped`). 0 and None are without. `learning_rate`,
    `steps`, `seed`, `replacement` and `gradient_noise` are those of `run`.

    Raises ValueError with a sentence for an unknown name and a value beyond its rule.

    See also: `Map`, `run`, `write_html`.

    >>> setup = Setup("quadratic", "momentum", 0.1, knobs={"loss.eigenvalues": (1, 100), "optimizer.momentum": 0.5})
    >>> setup.to_query()["loss.eigenvalues"]
    '1,100'
    >>> Setup.from_query(setup.to_query()) == setup
    True
    """

    loss: str = "quadratic"
    optimizer: str = "gradient_descent"
    learning_rate: float = 0.1
    start: tuple[float, ...] | None = None
    steps: int = 100
    schedule: str = "constant"
    batch_size: int | None = None
    warmup_steps: int = 0
    clip_norm: float | None = None
    clip_value: float | None = None
    replacement: bool = False
    gradient_noise: float = 0.0
    seed: int = 0
    knobs: Knobs = field(default=())

    def __post_init__(self) -> None:
        known = {dotted: each for kind in SHELVES for dotted, each in self.parameters(kind).items()}
        given = check_mapping("knobs", self.knobs, SUCH_KNOBS)
        for dotted in given:
            if dotted not in known:
                raise must("a knob", f"one of {', '.join(known) or 'none'}", typed(dotted))
        checked = {dotted: check_one(known[dotted].name, known[dotted].check(value)) for dotted, value in given.items()}
        object.__setattr__(self, "knobs", tuple(sorted((k, v) for k, v in checked.items() if v != known[k].default)))
        for name, parameter in ({"learning_rate": LEARNING_RATE} | PLAIN).items():
            value = getattr(self, name)
            if value is not None or parameter.default is not None:
                object.__setattr__(self, name, check_one(name, parameter.check(value)))
        if self.start is not None:
            given_start: Any = self.start
            if not np.iterable(given_start) or isinstance(given_start, str | bytes | set | dict):
                raise must("start", "one number a dimension", typed(self.start))
            start, dim = tuple(self.start), self.make_loss().dim
            if not (all(type(each) is float for each in start) and np.isfinite(start).all()):  # long ones are, and fast to check
                start = tuple(check_one("each number of start", check_number("start", each)) for each in start)
            if len(start) != dim:
                raise must("start", f"{counted(dim, 'number')} for {self.loss}", f"{len(start)}")
            object.__setattr__(self, "start", start)

    def parameters(self, kind: str) -> dict[str, Parameter]:
        """The knobs of the chosen loss, optimizer or schedule, by dotted name."""
        KIND.check(kind)
        return {f"{kind}.{name}": each for name, each in SHELVES[kind].parameters(getattr(self, kind)).items()}

    def turned(self, kind: str, first: int = 0) -> list[str]:
        """What is set on the loss, the optimizer or the schedule, in words; of its `first` knobs also what they are by themselves.

        >>> setup = Setup("ravine", "momentum", 0.1, knobs={"optimizer.momentum": 0.5})
        >>> setup.turned("optimizer"), setup.turned("loss", first=2)
        (['momentum β 0.5'], ['condition number 100', 'dimensions 2'])
        """
        known, knobs, first = self.parameters(kind), dict(self.knobs), check_whole("first", first, at_least=0)
        told = {name: each.default for name, each in [*known.items()][:first] if each.default not in (0, "none")} | knobs
        found = [(each, told[name]) for name, each in known.items() if told.get(name, False) is not False]
        return [each.label + ("" if value is True else f" {each.write(value)}") for each, value in found]

    @property
    def recipe(self) -> str:
        """What is run, in one line, but for the rate.

        >>> Setup("x_squared", "momentum", 0.1, knobs={"optimizer.momentum": 0.5}).recipe
        'x² · momentum, momentum β 0.5 · 100 steps'
        """
        return self.recipe_of(self._named("optimizer"))

    def recipe_of(self, optimizers: str) -> str:
        """The same line of several optimizers, however they are named.

        >>> Setup("x_squared").recipe_of("gradient descent at 0.1, Adam at 0.3")
        'x² · gradient descent at 0.1, Adam at 0.3 · 100 steps'
        """
        parts = [
            self._named("loss"),
            check_made("optimizers", optimizers, str, "their names, as a text"),
            *[self._named("schedule")] * (self.schedule != "constant"),
        ]
        return " · ".join([*parts, *[f"batches of {self.batch_size}"] * (self.batch_size is not None), counted(self.steps)])

    def _named(self, kind: str) -> str:
        return ", ".join([SHELVES[kind].title(getattr(self, kind)), *self.turned(kind)[:3]])

    def _chosen(self, kind: str) -> dict[str, Any]:
        prefix = kind + "."
        return {name.removeprefix(prefix): value for name, value in self.knobs if name.startswith(prefix)}

    def make_loss(self) -> Loss:
        """The loss, built from its knobs; equal setups share one."""
        return built_once(LOSSES[self.loss], tuple(self._chosen("loss").items()))

    def own_factories(self) -> dict[str, bytes]:
        """Those of its three names that somebody else put on the shelves, by kind, for a process that does not know them."""
        carried = {kind: shelf.carried(getattr(self, kind)) for kind, shelf in SHELVES.items()}
        return {kind: own for kind, own in carried.items() if own}

    @property
    def initial_point(self) -> NDArray[np.float64]:
        """Where the run begins, ``(dim,)``: its own start, or the loss's, whose floating type the run then has.

        >>> Setup("booth").initial_point, Setup("booth", start=(1.0, 2.0)).initial_point
        (array([0., 0.]), array([1., 2.]))
        """
        return np.array(self.make_loss().start if self.start is None else self.start)

    def check_start(self) -> None:
        """Raise ValueError if the loss is not finite where the run begins: there is nothing to follow from there.

        >>> Setup("x_squared", start=(1e200,)).check_start()
        Traceback (most recent call last):
        ...
        ValueError: start must be where the loss is finite, got a loss of inf; begin elsewhere, or ask the page Why nan
        """
        with np.errstate(all="ignore"):
            loss = float(self.make_loss().value(self.initial_point[:, np.newaxis])[0])
        if not np.isfinite(loss):
            raise ValueError(f"start must be where the loss is finite, got a loss of {loss}; begin elsewhere, or ask the page Why nan")

    def check_work(self, beside: Mapping[str, int], most: float = WORK) -> None:
        """Raise ValueError if steps × dimensions × examples × all that is `beside` them is more than `most`; it says what would fit.

        On batches too a run computes the loss of all examples at every step. Besides, a step goes over every number a few times, which is
        slow next to the multiplications of a matrix: without examples a tenth fits.

        >>> Setup("linear_regression", steps=10**6).check_work({"rate": 140})
        Traceback (most recent call last):
        ...
        ValueError: steps must be ≤ 107,735 for 3 dimensions × 442 examples × 140 rates, got 1,000,000
        """
        loss, most = self.make_loss(), check_one("most", check_number("most", most, Knob(above=0)))
        given = check_mapping("beside", beside, '{"rate": 140}')
        beside = {name: check_whole(f"beside[{name!r}]", each, at_least=1) for name, each in given.items()}
        check_size("steps", self.steps, {"dimension": loss.dim, **beside}, most / 10)
        if isinstance(loss, DataLoss):
            check_size("steps", self.steps, {"dimension": loss.dim, "example": loss.examples, **beside}, most)

    def make_optimizer(self) -> Optimizer:
        """The optimizer, built from its knobs, on a clipped gradient if that is asked for."""
        return clipped(OPTIMIZERS[self.optimizer](**self._chosen("optimizer")), norm=self.clip_norm, value=self.clip_value)

    def make_schedule(self) -> Schedule:
        """The schedule, built from its knobs, after the warm-up if there is one."""
        return after_warmup(SCHEDULES[self.schedule](**self._chosen("schedule")), self.warmup_steps)

    def run(self, learning_rate: ArrayLike | None = None, *, keep_preconditioner: bool = False) -> Trajectory:
        """The run this setup describes; with rates ``(runs,)``, the same run at each of them.

        >>> Setup("x_squared", learning_rate=0.5, start=(1.0,), steps=1).run().x[:, 0, 0]
        array([1., 0.])
        """
        rates = self.learning_rate if learning_rate is None else learning_rate
        return run(self.make_loss(), self.make_optimizer(), rates, keep_preconditioner=keep_preconditioner, **self.conditions())

    def conditions(self) -> Conditions:
        """What `run`, `sweep` and `find_edge` take beside the loss, the rule and the rates.

        >>> sorted(Setup("x_squared", steps=7).conditions())
        ['batch_size', 'gradient_noise', 'replacement', 'schedule', 'seed', 'start', 'steps']
        """
        names = ("start", "steps", "batch_size", "replacement", "gradient_noise", "seed")
        given: Any = {name: getattr(self, name) for name in names} | {"schedule": self.make_schedule()}
        return given  # no checker can follow the names

    def without_rescues(self) -> Self:
        """The same experiment left to itself: a constant rate from the first step, nothing clipped, no weight decay.

        >>> Setup("x_squared", learning_rate=2.0, clip_norm=1.0, schedule="cosine").without_rescues().to_query()
        {'v': '1', 'loss': 'x_squared', 'optimizer': 'gradient_descent', 'learning_rate': '2'}
        """
        plain = {name: parameter.default for name, parameter in RESCUES.items()}
        kept = tuple(each for each in self.with_choice("schedule", "constant").knobs if each[0] != "optimizer.weight_decay")
        return replace(self, schedule="constant", knobs=kept, **plain)

    @property
    def rescues(self) -> str:
        """What it has that `without_rescues` has not, in words; nothing if it is left to itself.

        >>> Setup("x_squared", learning_rate=2.0, clip_norm=1.0, schedule="cosine").rescues
        'the schedule and the clipping'
        """
        bare = self.without_rescues()
        names = {
            "the schedule": self.schedule != bare.schedule,
            "the warm-up": self.warmup_steps != bare.warmup_steps,
            "the clipping": (self.clip_norm, self.clip_value) != (bare.clip_norm, bare.clip_value),
            "weight decay": "optimizer.weight_decay" in dict(self.knobs),
        }
        return listed([name for name, used in names.items() if used])

    def to_query(self) -> dict[str, str]:
        """The setup as the parameters of a link; what has its default is left out, but for the names and the rate."""
        query = {"v": str(VERSION), "loss": self.loss, "optimizer": self.optimizer, "learning_rate": short(self.learning_rate)}
        defaults = {each.name: each.default for each in fields(self)}
        if self.schedule != defaults["schedule"]:
            query["schedule"] = self.schedule
        query |= {name: each.write(getattr(self, name)) for name, each in PLAIN.items() if getattr(self, name) != defaults[name]}
        if self.start is not None:
            query["start"] = ",".join(short(each) for each in self.start)
        known = {dotted: each for kind in SHELVES for dotted, each in self.parameters(kind).items()}
        return query | {dotted: known[dotted].write(value) for dotted, value in self.knobs}

    @classmethod
    def from_query(cls, query: Mapping[str, str] | str) -> Self:
        """The setup that a link, or its parts by name, describe. Raises ValueError naming all that is wrong; `salvage` goes on."""
        return strictly(cls.salvage(query))

    @classmethod
    def salvage(cls, query: Mapping[str, str] | str) -> tuple[Self, list[str]]:
        """As much of a link as can be read, and a sentence for each part that cannot; that part has its default.

        >>> setup, complaints = Setup.salvage({"v": "1", "loss": "x_squared", "steps": "many"})
        >>> setup.steps, complaints
        (100, ["steps must be a number, got 'many'"])
        """
        query, setup, complaints = parts(query), cls(), []
        if query.get("v", str(VERSION)) != str(VERSION):
            complaints.append(f"v must be {VERSION}, the version of links that this app writes, got {typed(query['v'])}")
        # Names first: which knobs there are, and how long a start is, depends on them.
        order = [*SHELVES, *sorted(name for name in query if "." in name), "start", "learning_rate", *PLAIN]
        for name in (each for each in order if each in query):
            try:
                setup = setup.with_part(name, query[name])
            except ValueError as error:
                complaints.append(str(error))
        complaints += [f"a link has no part named {typed(name)}{pointer(name)}" for name in query if name not in {*order, "v"}]
        return setup, complaints

    def with_part(self, name: str, value: Any) -> Self:
        """This setup with one part replaced, by its name in a link: with a value, or with text as a link says it."""
        if check_made("the name of a part", name, str, "text, as in a link") in SHELVES:
            return self if isinstance(value, str) and value == getattr(self, name) else self.with_choice(name, value)
        plain = {"start": START, "learning_rate": LEARNING_RATE, **PLAIN}
        if isinstance(value, str):
            value = (plain[name] if name in plain else self._known(name)).parse(value)
        return replace(self, **{name: value}) if name in plain else self.with_knobs({name: value})

    def without(self, name: str) -> Self:
        """This setup without one part, by its name in a link: that part has its default.

        >>> Setup(steps=5, knobs={"loss.eigenvalues": (1, 2)}).without("steps").without("loss.eigenvalues") == Setup()
        True
        """
        if "." in name:
            return replace(self, knobs=tuple(each for each in self.knobs if each[0] != name))
        default: Any = getattr(type(self), name)
        return self.with_choice(name, default) if name in SHELVES else replace(self, **{name: default})

    def _known(self, dotted: str) -> Parameter:
        kind = dotted.partition(".")[0]
        known = self.parameters(kind) if kind in SHELVES else {}
        if dotted not in known:
            raise must("a knob", f"one of {', '.join(known) or 'those of the loss, the optimizer and the schedule'}", typed(dotted))
        return known[dotted]

    def with_choice(self, kind: str, name: str) -> Self:
        """This setup with another loss, optimizer or schedule; the old one's knobs go with it, and the start with the loss."""
        KIND.check(kind)
        kept = tuple(each for each in self.knobs if not each[0].startswith(kind + "."))
        start = None if kind == "loss" else self.start
        chosen: dict[str, Any] = {kind: name, "knobs": kept, "start": start}
        return replace(self, **chosen)

    def with_rule_of(self, other: "Setup") -> Self:
        """This setup under the optimizer of another one, with its knobs; and at its rate, where the rule divides the gradient by its size.

        There the rate is the length of a step, whatever the loss. Elsewhere it says nothing without the curvature of the other's loss.

        >>> Setup("booth", learning_rate=0.05).with_rule_of(Setup("x_squared", "adam", 0.3, knobs={"optimizer.beta1": 0.5})).to_query()
        {'v': '1', 'loss': 'booth', 'optimizer': 'adam', 'learning_rate': '0.3', 'optimizer.beta1': '0.5'}
        >>> Setup("booth", learning_rate=0.05).with_rule_of(Setup("x_squared", "momentum", 0.3)).learning_rate
        0.05
        """
        rule = check_made("other", other, Setup, "a Setup").make_optimizer()
        rate = self.learning_rate if rule.preconditioner is None or rule.rated else other.learning_rate
        knobs = {f"optimizer.{name}": value for name, value in other._chosen("optimizer").items()}
        return replace(self.with_choice("optimizer", other.optimizer), learning_rate=rate).with_knobs(knobs)

    def with_knobs(self, knobs: Mapping[str, Any]) -> Self:
        """This setup with some knobs turned, by dotted name. A start of a length that no longer fits goes back to the loss's own."""
        turned = tuple((dict(self.knobs) | check_mapping("knobs", knobs, SUCH_KNOBS)).items())
        try:
            return replace(self, knobs=turned)
        except ValueError:
            return replace(self, knobs=turned, start=None)


def parts(link: Mapping[str, str] | str) -> dict[str, str]:
    """Return the parts of a link by name: of the text of one, or of a mapping. Raises ValueError for what is neither, or says two things.

    >>> parts("https://example.org/?v=1&start=1%2C2")
    {'v': '1', 'start': '1,2'}
    """
    if isinstance(link, str):
        pairs = parse_qsl(link.partition("#")[0].rpartition("?")[2], keep_blank_values=True)
        found = dict(pairs)
        for name, text in pairs:
            if text != found[name]:
                raise must(f"a link's {name}", "one, said once", f"{typed(text)} and {typed(found[name])}")
        return found
    return check_mapping("a link", link, '{"v": "1", "loss": "quadratic"}, or its text, v=1&loss=quadratic')


@functools.lru_cache(maxsize=16)
@np.errstate(all="ignore")  # of knobs beyond all measure, what overflows is a result
def built_once(factory: Callable[..., Loss], knobs: Knobs) -> Loss:
    """Make the loss of this factory with these knobs. A link, a page and a map ask for the same few again and again, so they share it."""
    loss = factory(**dict(knobs))
    loss.start.flags.writeable = False
    return loss


KIND = Parameter("kind", "choice", "loss", Knob(), tuple(SHELVES))
START = Parameter("start", "numbers", (1.0,), Knob(-5, 5))
LEARNING_RATE = Parameter("learning_rate", "number", 0.1, Knob(1e-6, 10, log=True, at_least=0))
WHOLE = {
    "steps": Parameter("steps", "integer", 100, Knob(1, 2000, at_least=0)),
    "batch_size": Parameter("batch_size", "integer", None, Knob(1, 64, at_least=1)),
    "seed": Parameter("seed", "integer", 0, Knob(0, 9, at_least=0)),
}
RESCUES = {
    "warmup_steps": Parameter("warmup_steps", "integer", 0, Knob(0, 100, at_least=0, label="warm-up steps")),
    "clip_norm": Parameter("clip_norm", "number", None, replace(CLIP, label="clip the gradient's length at")),
    "clip_value": Parameter("clip_value", "number", None, replace(CLIP, label="clip each coordinate of the gradient at")),
}
SAMPLING = {
    "replacement": Parameter("replacement", "switch", False, Knob(label="draw with replacement")),
    "gradient_noise": Parameter("gradient_noise", "number", 0.0, replace(NOT_NEGATIVE, label="noise on the gradient")),
}
PLAIN = WHOLE | RESCUES | SAMPLING  # the fields that a link writes as one word each, and leaves out at their default
