"""Knobs: what a number may be, written in the annotation of a factory's parameter, as in ``beta1: Decay = 0.9``."""

import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Knob:
    """The range of a number: where a slider runs, and which values are refused, for a typed value may lie beyond the slider.

    >>> Knob(0, 0.99, at_least=0, below=1).rule
    '≥ 0 and < 1'
    """

    low: float = 0  # the slider's ends
    high: float = 1
    log: bool = False  # spaced by factors
    at_least: float = -math.inf  # allowed itself, and so is `at_most`
    above: float = -math.inf  # not allowed itself, nor is `below`
    at_most: float = math.inf
    below: float = math.inf
    label: str = ""  # what a panel writes beside the slider
    help: str = ""  # what it explains
    only_with: tuple[str, str] | None = None  # another knob and the value it must have for this one to matter: a panel hides it otherwise
    readable: Callable[[str], object] | None = None  # called with a free text: raises ValueError for one that means nothing
    among: Mapping[str, Any] | None = None
    """Makes a text a choice of names only known at run time: those it lists are offered, those it can look up accepted, any other refused
    by its UnknownName. It must be hashable, because Python keeps one annotation for all that are equal."""

    @property
    def rule(self) -> str:
        bounds = (("≥", self.at_least), (">", self.above), ("≤", self.at_most), ("<", self.below))
        return " and ".join(f"{sign} {bound:g}" for sign, bound in bounds if math.isfinite(bound))

    def admits(self, value: float | np.ndarray) -> bool:
        """Return whether every number in `value` satisfies the rule (nan and infinities never do)."""
        if isinstance(value, int | float):  # a tenth of the time that arrays take
            return bool(self.at_least <= value <= self.at_most and self.above < value < self.below and math.isfinite(value))
        value = np.asarray(value, dtype=float)
        inside = (value >= self.at_least) & (value > self.above) & (value <= self.at_most) & (value < self.below)
        return bool(np.all(inside & np.isfinite(value)))


def knob_table(package: str) -> dict[str, dict[str, Knob]]:
    """Return the knobs of each section of the ``knobs.toml`` of a package, by name: what a signature has no room for."""
    table = tomllib.loads((files(package) / "knobs.toml").read_text("utf-8"))

    def knob(only_with: Sequence[str] = (), **rest: Any) -> Knob:
        return Knob(**rest, only_with=(only_with[0], only_with[1]) if only_with else None)

    return {section: {name: knob(**each) for name, each in knobs.items()} for section, knobs in table.items()}


ANY_NUMBER = Knob(-10, 10)
NOT_NEGATIVE = Knob(at_least=0)
