"""Data sets: small frozen tables on a shelf."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from explorer.core.knobs import Knob, Shelf

Array = NDArray[np.float64]

Column = Literal["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"]
Columns = Annotated[
    tuple[Column, ...],
    Knob(0, 1, label="columns", help="Which measurements of the patients predict the disease's progress.", only_with=("data", "diabetes")),
]
Examples = Annotated[
    int, Knob(2, 500, at_least=1, at_most=1_000_000, label="examples", help="How many points are drawn.", only_with=("data", "noisy_line"))
]
Noise = Annotated[
    float,
    Knob(0, 5, at_least=0, label="noise", help="Standard deviation of the targets around the line.", only_with=("data", "noisy_line")),
]
Seed = Annotated[int, Knob(0, 99, at_least=0, at_most=2**32 - 1, label="seed", help="Another seed draws other random numbers.")]


@dataclass(frozen=True, eq=False)
class Table:
    """Examples in rows: `features` ``(n, p)``, `target` ``(n,)`` and the `names` of the p columns."""

    features: Array
    target: Array
    names: tuple[str, ...]


DATA: Shelf[Table] = Shelf("data")


@DATA
def diabetes(columns: Columns = ("bmi", "bp")) -> Table:
    """442 patients: body measurements and blood values in their own units, and how far their diabetes had come a year later.

    Efron, Hastie, Johnstone and Tibshirani 2004, "Least angle regression"; scikit-learn's ``load_diabetes(scaled=False)``.

    >>> table = diabetes(columns=("bp", "age"))
    >>> table.features[0].tolist(), table.target[0].item()
    ([101.0, 59.0], 151.0)
    """
    features, target, names = _diabetes()
    return Table(features[:, [names.index(column) for column in columns]], target.copy(), columns)


@functools.cache
def _diabetes() -> tuple[Array, Array, list[str]]:
    from sklearn.datasets import load_diabetes  # here, because it takes longer to import than everything else together

    bunch = load_diabetes(scaled=False)
    return bunch.data, bunch.target, list(bunch.feature_names)


@DATA
def line() -> Table:
    """Eight points exactly on y = 0.4 x, at x = 5, 10, ... 40: a table anyone can fit by hand, but far from zero mean.

    The question "linear regression diverges at .01 but not at .001", CASES Q0.

    >>> line().target.tolist()
    [2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0]
    """
    x = np.arange(5.0, 45.0, 5.0)
    return Table(x[:, None], x * 2 / 5, ("x",))


@DATA
def noisy_line(examples: Examples = 50, noise: Noise = 1.0, seed: Seed = 0) -> Table:
    """Points around y = 2x with x drawn evenly from -1 to 1: the article's recipe for a regression through the origin.

    y = 2x + noise · N(0, 1), CASES S4.

    >>> noisy_line(examples=3, noise=0).features.shape
    (3, 1)
    """
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, examples)
    return Table(x[:, None], 2 * x + noise * rng.standard_normal(examples), ("x",))


def standardize(table: Table) -> Table:
    """The table with every feature shifted to mean 0 and scaled to standard deviation 1 (dividing by n, as scikit-learn does).

    A constant column says nothing about the examples and has no spread to divide by: it becomes zero, not nan.

    >>> standardize(Table(np.array([[1.0, 7.0], [3.0, 7.0]]), np.zeros(2), ("a", "b"))).features.tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """
    X = table.features
    # Compared with itself, because the rounded mean of equal numbers can differ from them and leave a tiny spread.
    constant = np.equal(X, X[0]).all(axis=0)
    X = np.where(constant, 0.0, X)
    return replace(table, features=(X - X.mean(axis=0)) / np.where(constant, 1.0, X.std(axis=0)))
