"""From a table to what a network is trained on: scaled, split, spoiled, with targets that fit the objective."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal, Self

import numpy as np

from explorer.core import data as tables
from explorer.core.data import CANCER_COLUMNS, DATA, Table, Tables
from explorer.core.losses.network.objectives import ManyClasses, Objective, SquaredError, TwoClasses
from explorer.core.losses.protocol import Array

TABLES = Tables(("moons", "circles", "spirals", "blobs", "waves", "digits", "diabetes", "breast_cancer", "iris", "wine", "noisy_line"))
DRAWN = tuple(name for name in TABLES if "examples" in DATA.parameters(name))  # the tables that are drawn with any number of examples

Aim = Literal["fitting", "squared_error", "cross_entropy"]
Scaling = Literal["raw", "unit", "centered", "standardized"]

SCALINGS: Mapping[str, Callable[[Table], Table]] = MappingProxyType(
    {"raw": lambda table: table, "unit": tables.to_unit, "centered": tables.center, "standardized": tables.standardize}
)
MOST_CLASSES = 20  # a target with more distinct values is not a set of classes


@dataclass(frozen=True)
class Data:
    """Which examples, and in what state: the knobs of a network that are about its data."""

    name: str
    examples: int
    noise: float
    validation: int = 0
    scaling: Scaling = "raw"
    standardize_target: bool = False
    bad_cell: Literal["none", "number", "nan", "inf"] = "none"
    bad_value: float = 100.0
    wrong_labels: float = 0.0
    feature_scale: float = 1.0
    seed: int = 0

    def split(self) -> tuple[Table, Table | None, tuple[float, ...]]:
        """Return the examples to train on, those held out if there are any, and all the values that a target of the whole table has.

        Scaled over all of them, because a page draws both in one plane; then the training examples are spoiled: their first cell, their
        labels. A change of units applies to both. Raises ValueError if nothing is left to train on.
        """
        table = SCALINGS[self.scaling](self._table())
        if self.standardize_target:
            target = table.target - table.target.mean()
            table = replace(table, target=target / (target.std() or 1.0))
        if self.feature_scale != 1:
            table = tables.with_feature_scaled(table, 0, self.feature_scale)
        size = len(table.target)
        train = min(self.examples, size - self.validation)
        if train < 1:
            raise ValueError(f"validation must leave examples to train on, at most {size - 1} of {self.name}, got {self.validation}")
        held_out = _rows(table, slice(train, train + self.validation)) if self.validation else None
        return self._spoiled(_rows(table, slice(train))), held_out, tuple(np.unique(table.target).tolist())

    def _table(self) -> Table:
        columns = CANCER_COLUMNS if self.name == "breast_cancer" else DATA.parameters("diabetes")["columns"].options
        known = {name: each.default for other in TABLES for name, each in DATA.parameters(other).items()}
        wanted = self.examples + self.validation
        own = known | {"columns": columns, "examples": wanted, "noise": self.noise, "seed": self.seed}
        table = TABLES.load(self.name, own)
        if self.validation or wanted < len(table.target):
            order = np.random.default_rng(self.seed).permutation(len(table.target))
            table = replace(table, features=table.features[order], target=table.target[order])
        return table

    def _spoiled(self, table: Table) -> Table:
        if self.wrong_labels:
            table = tables.with_wrong_labels(table, self.wrong_labels, self.seed)
        if self.bad_cell != "none":
            value = {"number": self.bad_value, "nan": np.nan, "inf": np.inf}[self.bad_cell]
            table = tables.with_cell(table, 0, 0, value)
        return table


def _rows(table: Table, rows: slice) -> Table:
    return replace(table, features=table.features[rows], target=table.target[rows])


@dataclass(frozen=True)
class Task:
    """What a network's outputs are compared with: the objective, and targets ``(outputs, examples)`` from a table's target."""

    objective: Objective
    classes: tuple[float, ...] = ()

    @classmethod
    def of(cls, values: tuple[float, ...], name: str, *, aim: Aim = "fitting", half: bool = True, naive: bool = False) -> Self:
        """Return the task that an aim makes of a target with these different values.

        `fitting` is cross-entropy for a target of two values or one of the digits, and squared error otherwise. Squared error takes
        two values as they are, and makes of more classes one output each. Raises ValueError for classes where there are none.
        """
        labeled = len(values) == 2 or name == "digits"
        if aim == "cross_entropy" and not 2 <= len(values) <= MOST_CLASSES:
            raise ValueError(
                f"the objective cross_entropy must have 2 to {MOST_CLASSES} classes to tell apart, got {name!r} whose target has"
                f" {len(values)} different values; squared_error takes any target"
            )
        if aim == "squared_error" or not (labeled or aim == "cross_entropy"):
            return cls(SquaredError(half), values if name == "digits" else ())
        return cls(TwoClasses(naive), values) if len(values) == 2 else cls(ManyClasses(naive), values)

    @property
    def outputs(self) -> int:
        return 1 if len(self.classes) <= 2 else len(self.classes)

    def targets(self, target: Array) -> Array:
        """``(examples,) -> (outputs, examples)``: as it is, or 1 for the right class and 0 for the others."""
        if not self.classes:
            return target[np.newaxis].copy()
        if len(self.classes) == 2:
            return np.asarray(target == self.classes[1], dtype=float)[np.newaxis]
        return np.asarray(target == np.array(self.classes)[:, np.newaxis], dtype=float)
