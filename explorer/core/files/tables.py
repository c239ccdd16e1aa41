"""A table out of an uploaded file: what is used of it, what is not, and why, in words."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.core.data import Table
from explorer.core.files.text import COMMA, MISSING, POINT, best_delimiter, cells, decimal_comma, decoded, number
from explorer.core.ground.checks import must, typed

MOST_BYTES = 1 << 20  # 1 MB. A run on more rows than that holds shows nothing else.
MOST_COLUMNS = 200  # of numbers: the most dimensions for which a Hessian is assembled

_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class TableFile:
    """The table, which of its columns is the target, and sentences that account for every row and column of the file.

    `targets` are all columns that could have been the target.
    """

    table: Table
    target: str
    targets: tuple[str, ...]
    notes: tuple[str, ...]


def read_table(content: bytes, *, target: str | None = None) -> TableFile:
    r"""The table in the bytes of a CSV file: a line of names, then numbers.

    Comma, semicolon and tab are told apart, and so are decimal points and decimal commas. `target` is the column to predict, by
    default the last one of numbers; a text column will do if it has exactly two different values. Every other column of numbers
    becomes a feature. Text and constant columns are left out, and so are rows with a missing value: `notes` names and counts them.

    Raises ValueError with a sentence for everything that cannot be used.

    >>> file = read_table(b"size;rooms;rent\n50,5;2;500\n80;3;?\n100;4;900\n")
    >>> file.table.features.tolist(), file.table.target.tolist(), file.target
    ([[50.5, 2.0], [100.0, 4.0]], [500.0, 900.0], 'rent')
    >>> file.notes
    ('2 of 3 rows are used; 1 has a missing value: line 3.', "Numbers are read with decimal commas: '50,5' is 50.5.")
    """
    names, lines, rows, delimiter = _cells(decoded(content, MOST_BYTES, "a line of names and rows of numbers"))
    comma = decimal_comma([cell for row in rows for cell in row], delimiter)
    columns = {name: _column(name, [row[i] for row in rows], lines, comma is not None) for i, name in enumerate(names)}
    if len(rows) < 2:
        raise ValueError(f"the file must have at least two rows of values under its names, got {len(rows)}")
    numbers = tuple(name for name, each in columns.items() if each.why is None)
    targets = tuple(name for name, each in columns.items() if each.why is None or len(_words(each)) == 2)
    target = _chosen_target(target, names, numbers)
    goal, notes = _classes(target, columns[target])
    features = [name for name in numbers if name != target]
    used = _complete([*(columns[name] for name in features), goal], lines, notes)
    y = goal.values[used]
    if (y == y[0]).all():
        raise ValueError(f"the target must vary, but {target!r} is {y[0]:g} in every row that is used: choose another target")
    constant = [name for name in features if (columns[name].values[used] == columns[name].values[used][0]).all()]
    features = [name for name in features if name not in constant]
    if comma is not None:
        notes.append(f"Numbers are read with decimal commas: {comma!r} is {number(comma, decimal_comma=True):g}.")
    notes += [f"Column {name!r} is left out: it is {columns[name].values[used][0]:g} in every row." for name in constant]
    notes += [f"Column {name!r} is left out: {each.why}." for name, each in columns.items() if each.why is not None and name != target]
    if not features:
        raise ValueError(f"the file must have a column of numbers that vary besides the target {target!r}; {' '.join(notes)}")
    if len(features) > MOST_COLUMNS:
        raise ValueError(f"the file must have at most {MOST_COLUMNS} columns of numbers besides the target, got {len(features)}")
    X = np.column_stack([columns[name].values[used] for name in features])
    return TableFile(Table(X, y, tuple(features), target), target, targets, tuple(notes))


def _cells(text: str) -> tuple[list[str], list[int], list[list[str]], str]:
    """The names, the number of each row's line, the rows, and the delimiter."""
    lines = re.split("\r\n?|\n", text)
    delimiter, _ = best_delimiter(lines)
    (_, names), *rest = [*cells(lines, delimiter)] or [(1, [""])]
    _check_names(names, delimiter)
    for line, row in rest:
        if len(row) != len(names):
            raise ValueError(f"every line must have as many cells as the first, {len(names)}, but line {line} has {len(row)}")
    return names, [line for line, _ in rest], [row for _, row in rest], delimiter


def _check_names(names: list[str], delimiter: str) -> None:
    if len(names) == 1:
        other = next((each for each in "|: " if each in names[0]), "")
        hint = f"; {names[0][:40]!r} seems to be divided by {other!r}" if other else ""
        raise ValueError(f"the file must have two columns or more, divided by comma, semicolon or tab, got one{hint}")
    if all(POINT.fullmatch(each) or COMMA.fullmatch(each) for each in names):
        raise ValueError(f"the first line must hold the columns' names, got numbers: {', '.join(names[:3])}")
    for place, name in enumerate(names, 1):
        if not name:
            raise ValueError(f"every column must have a name in the first line, but column {place} of {len(names)} has none")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(
            f"every column must have a name of its own, but {twice[0]!r} stands {names.count(twice[0])} times in the first line"
        )


@dataclass(frozen=True, eq=False)
class _Column:
    """Its numbers, nan where one is missing; or else why it has none, and its cells."""

    values: NDArray[Any]
    cells: list[str]
    why: str | None = None


def _column(name: str, cells: list[str], lines: Sequence[int], comma: bool) -> _Column:
    form = COMMA if comma else POINT
    values = np.full(len(cells), np.nan)
    for i, cell in enumerate(cells):
        if cell.lower() in MISSING:
            continue
        if form.fullmatch(cell):
            values[i] = number(cell, decimal_comma=comma)
        if np.isinf(values[i]) or _INFINITE.fullmatch(cell):
            raise ValueError(f"every number must be finite, but column {name!r} has {cell} in line {lines[i]}")
        if np.isnan(values[i]):
            return _Column(values, cells, f"it has text, such as {cell[:30]!r} in line {lines[i]}")
    return _Column(values, cells, "it has no value in any row" if np.isnan(values).all() else None)


def _words(column: _Column) -> list[str]:
    return sorted({cell for cell in column.cells if cell.lower() not in MISSING})


def _chosen_target(target: Any, names: list[str], numbers: tuple[str, ...]) -> str:
    if target is None:
        if not numbers:
            raise ValueError(f"the file must have columns of numbers, and {', '.join(map(repr, names[:5]))} have none")
        return numbers[-1]
    if isinstance(target, str) and target in names:
        return target
    raise must("the target", f"one of {', '.join(names)}", typed(target))


def _classes(target: str, column: _Column) -> tuple[_Column, list[str]]:
    """The target's column as numbers: two words become 0 and 1, in alphabetical order."""
    if column.why is None:
        return column, []
    words = _words(column)
    if len(words) != 2:
        raise ValueError(
            f"the target must be a column of numbers, or of two different words, but {target!r} has {len(words)} different values,"
            f" such as {', '.join(map(repr, words[:3]))}"
            if words
            else f"the target must be a column of numbers, but {target!r} has no value in any row"
        )
    values = np.array([np.nan if cell.lower() in MISSING else float(cell == words[1]) for cell in column.cells])
    return _Column(values, column.cells), [f"In {target!r}, {words[0]!r} is 0 and {words[1]!r} is 1."]


def _complete(columns: list[_Column], lines: Sequence[int], notes: list[str]) -> NDArray[Any]:
    """Which rows have every value; the first of the notes says how many, and where the others are."""
    used: NDArray[Any] = np.logical_and.reduce([~np.isnan(each.values) for each in columns])
    lost = [str(line) for line, kept in zip(lines, used, strict=True) if not kept]
    if used.sum() < 2:
        raise ValueError(
            f"the file must have at least two rows without a missing value, got {used.sum()} of {used.size}; an empty column is no"
            f" obstacle, but a cell that is empty in line {lost[0]} is"
        )
    where = f"line{'s' if len(lost) > 1 else ''} {', '.join(lost[:5])}{' ...' if len(lost) > 5 else ''}"
    missing = f"; {len(lost)} {'have' if len(lost) > 1 else 'has'} a missing value: {where}" if lost else ""
    notes.insert(0, f"{used.sum():,} of {used.size:,} rows are used{missing}." if lost else f"All {used.size:,} rows are used.")
    return used
