"""A race: several optimizers from one start on one loss, with the same random numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self, get_args

import numpy as np

from explorer.core.ground.checks import check_made, check_one, must, short
from explorer.core.ground.display import Drawable
from explorer.core.ground.knobs import Knob
from explorer.core.ground.parameters import Parameter, strictly
from explorer.core.ground.prose import listed, plain
from explorer.core.ground.size import PAGE, check_size
from explorer.core.optimizers import OPTIMIZERS
from explorer.core.run.descent import Trajectory
from explorer.core.run.setup import LEARNING_RATE, Setup
from explorer.core.theory.edge import Edge

MOST_RACERS = 8

Pace = Literal["own", "shared", "fraction"]  # each racer's own learning rate, the setup's, or that fraction of each one's edge
PACE = Parameter("pace", "choice", "own", Knob(), get_args(Pace))


@dataclass(frozen=True)
class Racer:
    """An optimizer by name, and the learning rate it has when each has its own.

    Raises ValueError with a sentence for an unknown optimizer, and a rate below zero or not finite.
    """

    optimizer: str
    learning_rate: float

    def __post_init__(self) -> None:
        OPTIMIZERS[self.optimizer]
        check_one("learning_rate", LEARNING_RATE.check(self.learning_rate))


@dataclass(frozen=True)
class Race(Drawable):
    """Who runs, on what, and how fast. `setup` says all but who runs; its learning rate is the shared one, or the fraction.

    A racer has the default knobs of its optimizer, or those that `setup` has if that is its optimizer too.

    Raises ValueError with a sentence for no racer, more than eight, and an unknown pace.

    >>> race = Race(Setup("x_squared", learning_rate=0.5), (Racer("gradient_descent", 0.1), Racer("adam", 0.2)), "fraction")
    >>> [round(rate, 6) for rate in race.rates()]
    [0.5, 19.0]
    >>> Race.from_query(race.to_query()) == race
    True
    """

    setup: Setup
    racers: tuple[Racer, ...]
    pace: Pace = "own"

    def __post_init__(self) -> None:
        check_made("setup", self.setup, Setup, "a Setup")
        if not 1 <= len(check_made("racers", self.racers, tuple, "a tuple of Racer")) <= MOST_RACERS:
            raise must("racers", f"1 to {MOST_RACERS} optimizers", f"{len(self.racers)}")
        PACE.check(self.pace)
        for racer in self.racers:
            check_made("a racer", racer, Racer, "a Racer")

    def setups(self) -> list[Setup]:
        """One complete setup a racer, with the rate it really runs at."""
        return [replace(setup, learning_rate=float(rate)) for setup, rate in zip(self._alone(), self.rates(), strict=True)]

    def _alone(self) -> list[Setup]:
        return [self.setup.with_part("optimizer", racer.optimizer) for racer in self.racers]

    @property
    def names(self) -> list[str]:
        """Each racer's name: its optimizer, with what is set on it, numbered where it runs twice."""
        set_on = "".join(f" ({each})" for each in self.setup.turned("optimizer")[:1])
        titles = [OPTIMIZERS.title(each.optimizer) + set_on * (each.optimizer == self.setup.optimizer) for each in self.racers]
        return [f"{title} {titles[:i].count(title) + 1}" if title in titles[:i] else title for i, title in enumerate(titles)]

    @property
    def recipe(self) -> str:
        """What is run, in one line, each racer with its rate.

        >>> Race(Setup("x_squared"), (Racer("gradient_descent", 0.1), Racer("adam", 0.2))).recipe
        'x² · gradient descent at 0.1, Adam at 0.2 · 100 steps'
        """
        return self.setup.recipe_of(", ".join(f"{name} at {plain(rate)}" for name, rate in zip(self.names, self.rates(), strict=True)))

    def rates(self) -> list[float]:
        """The rate each racer runs at. A racer that has no edge (nothing can diverge) runs at its own rate instead of a fraction of it."""
        if self.pace == "own":
            return [racer.learning_rate for racer in self.racers]
        if self.pace == "shared":
            return [self.setup.learning_rate] * len(self.racers)
        edges = [edge.rate for edge in self.edges()]
        return [
            self.setup.learning_rate * edge if np.isfinite(edge) and edge > 0 else racer.learning_rate
            for racer, edge in zip(self.racers, edges, strict=True)
        ]

    def edges(self) -> list[Edge]:
        loss, start = self.setup.make_loss(), self.setup.initial_point
        return [Edge.of(loss, alone.make_optimizer(), start) for alone in self._alone()]

    def run(self) -> list[Trajectory]:
        """Run every racer. Raises ValueError for more than a page keeps of all of them together."""
        beside = {"dimension": self.setup.make_loss().dim, "racer": len(self.racers)}
        check_size("steps", self.setup.steps, beside, PAGE, plus=1)
        return [setup.run() for setup in self.setups()]

    def to_query(self) -> dict[str, str]:
        query, plain = self.setup.to_query(), Setup(self.setup.loss).to_query()
        racers = ",".join(f"{racer.optimizer}:{short(racer.learning_rate)}" for racer in self.racers)
        chosen = {name: value for name, value in query.items() if name != "optimizer" or value != plain["optimizer"]}
        return chosen | {"racers": racers, "pace": self.pace}

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Self:
        """The race that a link describes. Raises ValueError naming everything in it that is wrong."""
        return strictly(cls.salvage(query))

    @classmethod
    def salvage(cls, query: Mapping[str, str]) -> tuple[Self, list[str]]:
        """As much of a link as can be read, and a sentence for each part that cannot; that part is the default's.

        Of racers only those are left out that cannot be read, and those beyond the most; if none is left, the default's run.

        >>> race, complaints = Race.salvage({"v": "1", "loss": "x_squared", "racers": "snail:0.1"})
        >>> complaints[0].startswith("racers: optimizer must be one of gradient_descent")
        True
        >>> race, complaints = Race.salvage({"v": "1", "loss": "x_squared", "racers": "adam:-1,momentum:0.1,adam:-2"})
        >>> race.racers, complaints
        ((Racer(optimizer='momentum', learning_rate=0.1),), ['racers: learning_rate must be finite and ≥ 0, got -1 and -2'])
        """
        setup, complaints = Setup.salvage({name: text for name, text in query.items() if name not in ("racers", "pace")})
        racers, pace = DEFAULT.racers, DEFAULT.pace
        if "racers" in query:
            racers, refused = _racers(query["racers"].split(","))
            complaints += refused
        try:
            cls(setup, racers, query.get("pace", pace))  # type: ignore[arg-type]
            pace = query.get("pace", pace)  # type: ignore[assignment]
        except ValueError as error:
            complaints.append(str(error))
        return cls(setup, racers, pace), complaints


def _racers(texts: Sequence[str]) -> tuple[tuple[Racer, ...], list[str]]:
    """The racers that can be read, and a sentence for each rule that others break, which names them all."""
    found: list[Racer] = []
    refused: dict[str, list[str]] = {}
    for text in texts:
        try:
            found.append(_racer(text))
        except ValueError as error:
            rule, _, got = str(error).partition(GOT)
            refused.setdefault(rule, []).append(got)
    complaints = [f"racers: {rule}{GOT}" + listed(list(dict.fromkeys(got))) for rule, got in refused.items()]
    if len(found) > MOST_RACERS:
        complaints.append(str(must("racers", f"1 to {MOST_RACERS} optimizers", f"{len(found)}; the first {MOST_RACERS} run")))
    return tuple(found[:MOST_RACERS]) or DEFAULT.racers, complaints


def _racer(text: str) -> Racer:
    name, _, rate = text.partition(":")
    return Racer(name, LEARNING_RATE.parse(rate or short(LEARNING_RATE.default)))


GOT = ", got "
"""What a refusal has between its rule and the value (`must`)."""


DEFAULT = Race(
    Setup("ravine", learning_rate=0.5, steps=200),
    (Racer("gradient_descent", 1.9), Racer("momentum", 0.5), Racer("nesterov", 0.5), Racer("adam", 0.1)),
)
