"""Maps: a plane of two knobs, each pixel of which is one run."""

import functools
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from explorer.core.ground.checks import check_floats, check_made, check_place, check_scalar, check_switch, check_whole, must, short, typed
from explorer.core.ground.display import Drawable
from explorer.core.ground.knobs import Knob
from explorer.core.ground.parameters import Parameter, digest, strictly
from explorer.core.ground.prose import plain
from explorer.core.losses.protocol import Array, DataLoss, Facts
from explorer.core.maps.tile import NEAR, Pace, in_words
from explorer.core.run.descent import batches
from explorer.core.run.setup import LEARNING_RATE, RESCUES, SAMPLING, SHELVES, WHOLE, Setup, parts
from explorer.core.theory.edge import Edge

MOST_POINTS = 4096  # of one axis
MOST_WORK = 10**13  # the most pixels × steps × dim of a map: 4096² pixels of the fractal's 500 steps in 272 dimensions fit
FLOOR = 4  # neighboring pixels fewer units in the last place apart are at the resolution of float64
MEASURED = 5_000  # most dimensions of a map of which a refusal measures how long it would take: a step of more takes long itself


@dataclass(frozen=True)
class Axis:
    """One side of a map: the knob that is turned along it, the two ends of the window, and its number of pixels.

    The window goes from `low` to `high`, evenly, or by equal factors if it is `log`. `knob` is ``learning_rate``, ``start.0`` (a coordinate
    of the start), ``optimizer.momentum``, ``loss.condition_number``, ``batch_size``, ``steps``, ``rate.W1`` (the learning rate of one
    layer) and so on: see `knobs`. A pixel stands for the knob's value in its middle, so the ends themselves are not run. An axis of `whole`
    numbers has a pixel for each of them, which may be fewer than `count`; a `Map` knows which axes are.

    Raises ValueError with a sentence for one point, ends that are reversed, not finite, or not positive on a logarithmic axis.

    See also: `Map`, `Setup`, whose knobs it turns. In numpy: `linspace`, or `geomspace` if `log`.

    >>> Axis("learning_rate", 0.0, 4.0, count=4).values
    array([0.5, 1.5, 2.5, 3.5])
    >>> Axis("learning_rate", 1e-2, 1e2, log=True, count=2).values
    array([ 0.1, 10. ])
    """

    knob: str
    low: float
    high: float
    log: bool = False
    count: int = 256
    whole: bool = False

    def __post_init__(self) -> None:
        check_made("the knob of an axis", self.knob, str, "a name such as learning_rate")
        for name in ("low", "high"):
            object.__setattr__(self, name, check_scalar(f"the {name} end of {self.knob}", getattr(self, name)))
        for name in ("log", "whole"):
            object.__setattr__(self, name, check_switch(name, getattr(self, name)))
        object.__setattr__(self, "count", check_whole(f"the points of {self.knob}", self.count, at_least=2, at_most=MOST_POINTS))
        if not self.low < self.high:
            raise ValueError(f"the low end of {self.knob} must be below the high one, got {short(self.low)} and {short(self.high)}")
        if self.log and self.low <= 0:
            raise must(f"the low end of {self.knob}", "> 0 on a logarithmic axis", short(self.low))
        if self.whole and math.floor(self.high) - math.ceil(self.low) < 1:
            raise must(f"the ends of {self.knob}", "two whole numbers or more apart", f"{short(self.low)} and {short(self.high)}")

    def at(self, share: Any) -> Array:
        """Return the value at a share of the way from the low end to the high one; exact to the last place, at any zoom."""
        share = check_floats("share", share, shape="numbers")
        if not self.log:
            apart = self.high - self.low  # may be more than a float64 can be
            return np.asarray(self.low + apart * share if math.isfinite(apart) else self.low * (1 - share) + self.high * share)
        ratio = (self.high - self.low) / self.low
        return np.asarray(self.low + self.low * np.expm1(share * (math.log1p(ratio) if ratio < 1 else math.log(self.high / self.low))))

    @functools.cached_property
    def values(self) -> Array:
        """The knob's value in the middle of each pixel, ``(size,)``."""
        values = self.at((np.arange(self.count) + 0.5) / self.count)
        return np.unique(values.round().clip(math.ceil(self.low), math.floor(self.high))) if self.whole else values

    @property
    def size(self) -> int:
        return len(self.values) if self.whole else self.count

    @property
    def edges(self) -> Array:
        """Where pixels end, ``(size + 1,)``."""
        if not self.whole:
            return self.at(np.arange(self.count + 1) / self.count)
        between = np.sqrt(self.values[1:] * self.values[:-1]) if self.log else (self.values[1:] + self.values[:-1]) / 2
        return np.concatenate([[self.low], between, [self.high]])

    def pixel(self, value: float) -> int:
        """Return the pixel in which a value lies; the nearest one for a value outside of the window."""
        value = check_scalar("value", value)
        return int(np.clip(np.searchsorted(self.edges, value, side="right") - 1, 0, self.size - 1))

    @property
    def at_the_floor(self) -> bool:
        """Whether neighboring pixels hardly differ as numbers: zooming in further shows rounding, not the map."""
        values = self.values
        return not self.whole and bool((np.diff(values) < FLOOR * np.spacing(np.abs(values[1:]))).any())

    def write(self) -> str:
        return ":".join([self.knob, short(self.low), short(self.high), "log" if self.log else "linear", str(self.count)])

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the axis that `write` wrote. Raises ValueError with a sentence for anything else.

        >>> Axis.parse("learning_rate:0.01:4:log:64")
        Axis(knob='learning_rate', low=0.01, high=4.0, log=True, count=64, whole=False)
        """
        form = "knob:low:high:log or linear:points, such as learning_rate:0.01:4:log:64"
        words = check_made("an axis", text, str, form).split(":")
        if len(words) != 5 or words[3] not in ("log", "linear"):
            raise must("an axis", form, typed(text))
        try:
            np.array([words[1], words[2], words[4]], dtype=float)
        except ValueError:
            raise must("an axis", "a knob and three numbers, such as learning_rate:0.01:4:log:64", typed(text)) from None
        return cls(words[0], words[1], words[2], words[3] == "log", words[4])


RATE = LEARNING_RATE.knob

AN_AXIS = 'an Axis, such as Axis("learning_rate", 0, 2)'

LAYER = "rate."  # before the name of a group of a network's weights: the learning rate of that group alone


@functools.lru_cache(maxsize=256)
def knobs(setup: Setup) -> Mapping[str, Parameter]:
    """Return the knobs that a map of this experiment may have along an axis, by name: every number that it has.

    >>> sorted(knobs(Setup("x_squared", "momentum")))[-5:]
    ['optimizer.weight_decay', 'seed', 'start.0', 'steps', 'warmup_steps']
    """
    loss, given = setup.make_loss(), dict(setup.knobs)
    found = {"learning_rate": replace(LEARNING_RATE, knob=replace(RATE, label="learning rate"))}
    for i, name in enumerate(Facts(loss).first_coordinates(16)):
        knob = Knob(-5, 5, label=f"start, {name}")
        found[f"start.{i}"] = Parameter(f"start.{i}", "number", float(loss.start[i]), knob)
    for kind in ("optimizer", "loss", "schedule"):
        known = SHELVES[kind].parameters(getattr(setup, kind))
        for name, each in known.items():
            other = each.knob.only_with
            shown = other is None or given.get(f"{kind}.{other[0]}", known[other[0]].default) == other[1]
            if each.kind in ("number", "integer") and shown:
                found[f"{kind}.{name}"] = each
    for name, _ in Facts(loss).blocks:
        found[f"{LAYER}{name}"] = replace(LEARNING_RATE, name=f"{LAYER}{name}", knob=replace(RATE, label=f"learning rate of {name}"))
    if isinstance(loss, DataLoss):
        found["batch_size"] = replace(WHOLE["batch_size"], knob=Knob(1, loss.examples, log=True, at_least=1, at_most=loss.examples))
    found |= {"steps": WHOLE["steps"], "seed": WHOLE["seed"], "gradient_noise": SAMPLING["gradient_noise"]}
    return found | RESCUES


def together(knob: str) -> bool:
    """Return whether runs that differ in this knob can be computed as one batch; for the others there is one batch for each value."""
    return knob == "learning_rate" or knob.startswith(("start.", "optimizer.", LAYER)) or knob in ("clip_norm", "clip_value")


@dataclass(frozen=True)
class Map(Drawable):
    """A plane of experiments: the setup with two of its knobs replaced by the two axes. Equal maps have the same picture.

    Raises ValueError with a sentence for a knob that the setup does not have, one that is on both axes, values beyond its rule, and
    more work than `MOST_WORK`, with the coarser grid that fits.

    See also: `Axis`, `render`, `Canvas`.

    >>> triangle = Map(Setup("x_squared", "momentum"), Axis("learning_rate", 0, 2), Axis("optimizer.momentum", 0, 1))
    >>> Map.from_query(triangle.to_query()) == triangle
    True
    >>> Map(Setup("x_squared"), Axis("learning_rate", 0, 2), Axis("optimizer.momentum", 0, 1))
    Traceback (most recent call last):
    ValueError: gradient_descent on x_squared has no knob 'optimizer.momentum'; it has learning_rate, start.0, ...
    """

    setup: Setup
    x: Axis
    y: Axis

    def __post_init__(self) -> None:
        check_made("setup", self.setup, Setup, "a Setup")
        for name in ("x", "y"):
            check_made(name, getattr(self, name), Axis, AN_AXIS)
        known = knobs(self.setup)
        for axis in (self.x, self.y):
            if axis.knob not in known:
                who = f"{self.setup.optimizer} on {self.setup.loss}"
                raise ValueError(f"{who} has no knob {typed(axis.knob)}; it has {', '.join([*known][:2])}, ...")
        if self.x.knob == self.y.knob:
            raise must("the two axes", "two different knobs", f"{self.x.knob} twice")
        for name in ("x", "y"):
            object.__setattr__(self, name, _checked(getattr(self, name), known[getattr(self, name).knob]))
        dim, steps = self.largest
        if self.pixels * steps * dim > MOST_WORK:
            raise ValueError(too_much(self, MOST_WORK))

    @property
    def shape(self) -> tuple[int, int]:
        """Pixels up and across, ``(y.size, x.size)``."""
        return self.y.size, self.x.size

    @property
    def pixels(self) -> int:
        return self.x.size * self.y.size

    @functools.cached_property
    def largest(self) -> tuple[int, int]:
        """The most dimensions and steps that a pixel has. The corners are made here, so what they refuse is refused."""
        corners = [self.at(0, 0), self.at(-1, -1)]
        losses = [corner.make_loss() for corner in corners]
        for corner, loss in zip(corners, losses, strict=True):
            corner.make_optimizer(), corner.make_schedule(), batches(loss, corner.batch_size, 1)
        return max(loss.dim for loss in losses), max(corner.steps for corner in corners)

    def at(self, i: int, j: int) -> Setup:
        """Return the setup of the pixel i up and j across, but for the rates of single layers."""
        y, x = self.y.values[check_place("i", i, self.y.size)], self.x.values[check_place("j", j, self.x.size)]
        return with_knob(with_knob(self.setup, self.x.knob, float(x)), self.y.knob, float(y))

    def nearest(self, i: int, j: int) -> tuple[Setup, str]:
        """Return the setup nearest to the pixel i up and j across, and in a sentence how it differs; empty where it is the pixel's own.

        All layers of a setup have one rate: where a pixel's have their own, it is their geometric mean.
        """
        setup, places = self.at(i, j), ((self.x, j), (self.y, i))
        own = {axis.knob.removeprefix(LAYER): float(axis.values[k]) for axis, k in places if axis.knob.startswith(LAYER)}
        if not own:
            return setup, ""
        rates = [own.get(name, setup.learning_rate) for name, _ in Facts(setup.make_loss()).blocks]
        mean = math.exp(sum(map(math.log, rates)) / len(rates)) if min(rates) > 0 else 0.0
        named = " and ".join(f"{plain(rate)} for {name}" for name, rate in own.items())
        sentence = (
            f"In that pixel the rates are {named}. One run here has one rate for all layers: shown is their geometric mean, {plain(mean)}."
        )
        return replace(setup, learning_rate=mean), sentence

    def to_query(self) -> dict[str, str]:
        return self.setup.to_query() | {"x": self.x.write(), "y": self.y.write()}

    @property
    def digest(self) -> str:
        """A fingerprint: two maps with the same one have the same pixels."""
        return digest(self.to_query())

    @classmethod
    def of(cls, setup: Setup, x: Axis | None = None, y: Axis | None = None, count: int = 128) -> Self:
        """Return a map of this setup: the axes as far as they fit it, else its learning rate against the first other knob it has.

        >>> plane = Map.of(Setup("x_squared"), y=Axis("optimizer.momentum", 0, 1))
        >>> plane.x.knob, plane.y.knob
        ('learning_rate', 'start.0')
        """
        check_made("setup", setup, Setup, "a Setup")
        for name, axis in (("x", x), ("y", y)):
            check_made(name, axis, Axis | None, AN_AXIS)
        known = knobs(setup)
        chosen = [axis if axis is not None and axis.knob in known else None for axis in (x, y)]
        for i, wanted in ((0, ["learning_rate", "start.0"]), (1, ["optimizer.momentum", "start.0", *known])):
            if chosen[i] is None:
                other = chosen[1 - i]
                taken = other.knob if other is not None else None
                chosen[i] = window(setup, next(knob for knob in wanted if knob in known and knob != taken), count)
        assert chosen[0] is not None
        assert chosen[1] is not None
        return cls(setup, chosen[0], chosen[1])

    @classmethod
    def from_query(cls, query: Mapping[str, str] | str) -> Self:
        """Return the map that a link, or its parts by name, describe. Raises ValueError naming all that is wrong; `salvage` goes on."""
        return strictly(cls.salvage(query))

    @classmethod
    def salvage(cls, query: Mapping[str, str] | str) -> tuple[Self, list[str]]:
        """As much of a link as can be read, and a sentence for each part that cannot; that part is the setup's own.

        >>> plane, complaints = Map.salvage({"v": "1", "loss": "x_squared", "x": "learning_rate:4:1:log:64"})
        >>> plane.x.knob, complaints
        ('learning_rate', ['the low end of learning_rate must be below the high one, got 4 and 1'])
        """
        query = parts(query)
        setup, complaints = Setup.salvage({name: text for name, text in query.items() if name not in ("x", "y")})
        axes: dict[str, Axis | None] = {"x": None, "y": None}
        try:
            known = knobs(setup)
        except ValueError as error:  # its loss cannot be made
            return cls.of(Setup()), [*complaints, str(error)]
        for name in axes:
            try:
                if name in query:
                    axis = Axis.parse(query[name])
                    if axis.knob not in known:
                        raise must("the knob of an axis", "one of the loss, the optimizer and the loop", typed(axis.knob))
                    axes[name] = _checked(axis, known[axis.knob])
            except ValueError as error:
                complaints.append(str(error))
        refused: list[str] = []
        for possible in ((setup, axes["x"], axes["y"]), (setup.without("steps"), axes["x"], axes["y"]), (setup, None, None)):
            try:
                return cls.of(*possible), complaints + refused[:1]
            except ValueError as error:
                refused.append(str(error))
        return cls.of(Setup()), complaints + refused[:1]


def _checked(axis: Axis, parameter: Parameter) -> Axis:
    axis = replace(axis, whole=parameter.kind == "integer")
    for value in (axis.values[0], axis.values[-1]):
        replace(parameter, name=axis.knob).check(float(value))
    return axis


def with_knob(setup: Setup, knob: str, value: float) -> Setup:
    """Return the setup with one of its `knobs` at a value; the nearest whole number where it must be one.

    >>> with_knob(Setup("booth"), "start.1", 2.0).start
    (0.0, 2.0)
    """
    value = float(round(value) if knobs(setup)[knob].kind == "integer" else value)
    if knob.startswith(LAYER):
        return setup  # all layers of a setup have one rate: see `Map.nearest`
    if knob.startswith("start."):
        start = setup.initial_point.tolist()
        start[int(knob.removeprefix("start."))] = value
        return replace(setup, start=tuple(start))
    if "." in knob:
        return setup.with_knobs({knob: value})
    changed: dict[str, Any] = {knob: value}
    return replace(setup, **changed)


def window(setup: Setup, knob: str, count: int = 128) -> Axis:
    """Return an axis with a window worth looking at first: around the edge, around the start, or all of the knob's range.

    >>> window(Setup("x_squared"), "learning_rate", 64)
    Axis(knob='learning_rate', low=0.0, high=1.5, log=False, count=64, whole=False)
    """
    parameter = knobs(setup)[knob]
    loss = setup.make_loss()
    if knob == "learning_rate":
        rate = Edge.of(loss, setup.make_optimizer(), setup.initial_point).rate
        if np.isfinite(rate) and setup.make_optimizer().preconditioner is None:
            return Axis(knob, 0.0, float(f"{1.5 * rate:.3g}"), count=count)
        return Axis(knob, 1e-3, 10.0, log=True, count=count)
    if knob.startswith(LAYER):
        return Axis(knob, 0.1, 1000.0, log=True, count=count)
    if knob.startswith("start."):
        reach = max(3.0, 2 * abs(parameter.default))
        return Axis(knob, -reach, reach, count=count)
    low, high, log = parameter.knob.low, parameter.knob.high, parameter.knob.log
    return Axis(knob, low, high, log, count)


def duration(plan: Map, cores: int | None = None) -> float:
    """About how many seconds the whole map takes, at the speed that this machine has now."""
    pace, (_, steps) = Pace.of(plan.at(-1, -1)), plan.largest
    return pace.seconds(plan.pixels, steps, pace.tile(steps, NEAR)) / (cores or os.cpu_count() or 1)


def too_much(plan: Map, most: int) -> str:
    """Return the refusal of a map that is more work than `most`: the bound, the time it would take, and the grid that fits."""
    dim, steps = plan.largest
    shrink = math.sqrt(most / (plan.pixels * steps * dim))
    fits = [int(size * shrink) for size in (plan.x.size, plan.y.size)]
    way_out = f"{fits[0]:,} × {fits[1]:,} pixels would fit" if min(fits) >= 2 else "fewer steps or dimensions would fit"
    took = f", about {in_words(duration(plan))} of work here" if dim <= MEASURED else ""
    return f"pixels × steps × dim must be ≤ {plain(most)}, got {plan.x.size:,} × {plan.y.size:,} × {steps:,} × {dim:,}{took}; {way_out}"
