"""What every form of a log is read into: columns of numbers by name, and the line that each row comes from."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.core.files.roles import MOST_LETTERS

MOST_LOST = 20  # rows with nan or inf that are looked at however long a log is: the first say where it was lost
MOST_ROWS = 50_000  # a longer log is thinned evenly to about this many rows: a verdict needs no more, and a browser draws no more

MOST_COLUMNS = 500
MOST_CELLS = 5_000_000  # columns × rows: 45 MB. What a log of many names and rows has beyond it is left out, and a note says so.
Numbers = Any  # a masked array of floats: masked where a value is missing, while nan and inf are values
ma: Any = np.ma  # masked arrays, of which numpy types only some functions
Records = Sequence[tuple[int, Mapping[str, float | str]]]  # the line of each row, and its numbers by name; the text of labels
MOST_LABELS = 20  # columns that name the run, or the side: more are none


@dataclass(eq=False)
class Sheet:
    """What a log is read into."""

    columns: dict[str, Numbers]  # ``(rows,)`` each
    lines: NDArray[np.intp]  # ``(rows,)``: the line of the file that a row stands in
    rows: int  # how many there were
    notes: list[str] = field(default_factory=list)
    named: bool = True  # False where the names are not the file's
    totals: Mapping[str, float] = field(default_factory=dict)  # how many a counter says that an epoch has: 469 of ``1/469``
    whole: int = 0  # the lines of the file, where not all of them were read
    alarms: tuple[tuple[str, int, str], ...] = ()  # lines that speak of an error: what kind, which line, its words
    labels: dict[str, list[str]] = field(
        default_factory=dict
    )  # ``(rows,)`` each: the text of columns that name the run of a row, or its side, train or val
    judged: tuple[str, ...] = ()  # which of several runs is judged, in words
    others: frozenset[str] = frozenset()  # the columns of runs that are not judged
    chosen: Mapping[str, str | None] = field(default_factory=dict)  # the column of each role that was chosen by hand, None for none

    def taken(self, rows: Any) -> dict[str, Numbers]:
        return {name: values[rows] for name, values in self.columns.items()}


def sheet(records: Records, notes: Sequence[str] = ()) -> Sheet:
    """The rows as columns, in time proportional to their values.

    >>> sheet([(1, {"loss": 2.0}), (3, {"loss": 1.0, "lr": 0.1})]).columns["lr"].tolist()
    [None, 0.1]
    """
    count = Counter(name for _, record in records for name, each in record.items() if not isinstance(each, str))
    most = most_columns(len(records))
    known = set(sorted(count, key=lambda name: -count[name])[:most])
    places: dict[str, list[int]] = {name: [] for name in count if name in known}
    values: dict[str, list[float]] = {name: [] for name in places}
    labels: dict[str, list[str]] = {}
    for row, (_, record) in enumerate(records):
        for name, number in record.items():
            if isinstance(number, str):
                if name in labels or len(labels) < MOST_LABELS:
                    labels.setdefault(name, [""] * len(records))[row] = number[:MOST_LETTERS]
            elif name in places:
                places[name].append(row)
                values[name].append(number)
    said = list(notes)
    said += beyond(len(count), most, " with the most values")
    columns = {name[:MOST_LETTERS]: _spread(len(records), rows, values[name]) for name, rows in places.items()}
    return Sheet(columns, np.array([line for line, _ in records], dtype=np.intp), len(records), said, labels=labels)


def most_columns(rows: int) -> int:
    """How many columns are kept of this number of rows.

    >>> most_columns(100), most_columns(50_000)
    (500, 100)
    """
    return max(1, min(MOST_COLUMNS, MOST_CELLS // max(rows, 1)))


def beyond(names: int, most: int, which: str = " first") -> list[str]:
    """The note of names that are not read, if there are any."""
    return [f"Of {names:,} names the {most:,}{which} are read."] if names > most else []


def _spread(rows: int, places: Sequence[int], values: Sequence[float]) -> Numbers:
    found = ma.masked_all(rows)
    found[list(places)] = list(values)
    return found


def spread(rows: int, most: int = MOST_ROWS) -> list[int]:
    """About `most` of the rows, the first and the last among them, one from each stretch.

    Within each stretch it is another place: what a log repeats at a fixed distance is not lost, and not all that is kept.

    >>> spread(3), spread(20, 4)
    ([0, 1, 2], [0, 8, 11, 19])
    """
    every = -(-rows // most)
    starts = np.arange(0, rows, every)
    return np.unique(np.append(np.minimum(starts + (np.arange(starts.size) * 0.618 % 1 * every).astype(int), rows - 1), rows - 1)).tolist()


def looked_at(lost: NDArray[np.bool_]) -> list[int]:
    """The rows of a long curve that are looked at: those of `spread`, and the first `MOST_LOST` that are `lost` ``(rows,)``.

    >>> looked_at(np.arange(8) == 5)
    [0, 1, 2, 3, 4, 5, 6, 7]
    """
    return sorted({*spread(len(lost)), *np.flatnonzero(lost)[:MOST_LOST].tolist()})


def shown(values: Numbers, most: int = 3) -> str:
    """The first values of a column.

    >>> shown(np.ma.masked_invalid([0.5, np.nan, 0.25, 1e-9, 3]))
    '0.5, 0.25, 1e-09, …'
    """
    first = values.compressed()
    return ", ".join(f"{each:.6g}" for each in first[:most]) + ", …" * (first.size > most)


def none_found(columns: Mapping[str, Numbers], lines: Sequence[int]) -> ValueError:
    """The error for a log in which no column is a loss: it names what was found, and where first."""
    columns = {name: values for name, values in columns.items() if np.ma.count(values)}
    if not columns:
        return ValueError("the file must have a column with a loss, and no number in it has a name")
    seen = [
        f"{name!r} ({shown(values)}; line {lines[int(np.flatnonzero(~np.ma.getmaskarray(values))[0])]:,})"
        for name, values in list(columns.items())[:4]
    ]
    more = f" and {len(columns) - 4:,} more" if len(columns) > 4 else ""
    return ValueError(f"the file must have a column with a loss, and none was found: it has {', '.join(seen)}{more}; call the loss 'loss'")


def left_out(places: Sequence[int]) -> str:
    """``Line 7 is left out``, ``3 lines are left out (7, 9, 12)``."""
    if len(places) == 1:
        return f"Line {places[0]:,} is left out"
    first = ", ".join(f"{each:,}" for each in places[:5])
    return f"{len(places):,} lines are left out ({first}{', …' * (len(places) > 5)})"
