"""A recorded curve as it was given: what is missing taken out, what is not a number kept."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.core.files.sheet import looked_at
from explorer.core.ground.arrays import Array
from explorer.core.ground.checks import check_floats, must, typed

SIZES = ("learning_rate", "gradient_norm", "loss_scale")  # columns that are never below 0
MOST_JUDGED = 500_000  # more values take seconds: some of them are looked at, evenly, and those that are first lost
SEVERAL = 3  # rows at the end without a value, at least: one may be half a row, two the last evaluation


@dataclass(frozen=True, eq=False)
class Record:
    """A recorded curve without what is missing; others beside it are records too, for they may have rows without a training loss.

    Those of its last rows that were nan, and have no value because nothing was written for it, count as nan; `unwritten` says how many.
    """

    values: Array  # ``(n,)``, nan and inf among them
    steps: Array  # ``(n,)``
    rows: NDArray[np.intp]  # ``(n,)``
    missing: int
    counter: str  # the word for where an entry stands: row, step or epoch
    called: str = "the loss"
    whole: str = ""  # what the file has, such as ``"300,001 lines"``, where these are not all
    unwritten: int = 0
    validation: "Record | None" = None
    learning_rate: "Record | None" = None
    gradient_norm: "Record | None" = None
    loss_scale: "Record | None" = None

    @classmethod
    def of(
        cls,
        losses: Any,
        steps: Any,
        *,
        counter: str = "step",
        called: str = "the loss",
        whole: str = "",
        beside: Iterable[NDArray[np.bool_]] | None = None,
        **others: Any,
    ) -> "Record":
        values, present = numbers("losses", losses)
        if values.ndim != 1:
            raise must("losses", "one number a row, (n,)", f"shape {values.shape}")
        at = np.arange(len(values), dtype=float) if steps is None else numbers("steps", steps)[0]
        given = {name: numbers(name, column) for name, column in others.items() if column is not None}
        for name, column in {"steps": at, **{name: column for name, (column, _) in given.items()}}.items():
            if column.shape != values.shape:
                raise must(name, f"one number for each of the {len(values)} losses", f"shape {column.shape}")
        for name, (column, there) in given.items():
            low = there & (column < 0)
            if name in SIZES and low.any():
                row = int(np.argmax(low))
                raise must(name, "≥ 0 in every row; of its logarithm log10, give 10.0**log10", f"{column[row]:g} in row {row + 1:,}")
        if not (np.isfinite(at).all() and (np.diff(at) > 0).all()):
            raise must("steps", "finite and increasing", "others; sort them, or leave them out")

        looked = np.arange(len(values))
        if len(values) > MOST_JUDGED:
            looked = np.array(looked_at(present & ~np.isfinite(values)))
            whole = whole or f"{len(values):,} values"

        def kept(column: Array, there: NDArray[np.bool_], **more: Any) -> "Record":
            rows = looked[there[looked]]
            return cls(column[rows], at[rows], rows, int((~there).sum()), "row" if steps is None else counter, **more)

        end = unwritten(present, [there for _, there in given.values()] if beside is None else beside)
        present = present | (np.arange(len(present)) >= len(present) - end)
        own = {"called": called, "whole": whole, "unwritten": end}
        return kept(values, present, **own, **{name: kept(*column) for name, column in given.items()})

    @property
    def at(self) -> Array:
        """Where each entry stands, ``(n,)``, as a picture has it: its step, or the number of its row from 1 on."""
        return np.asarray(self.rows + 1.0 if self.counter == "row" else self.steps)

    def beside(self, other: "Record | None") -> Array | None:
        """Return another curve of the same rows at this one's entries, ``(n,)``, nan where it has no value; None if there is none."""
        if other is None:
            return None
        found, both = np.full(self.values.size, np.nan), np.isin(other.rows, self.rows)
        found[np.searchsorted(self.rows, other.rows[both])] = other.values[both]
        return found

    @property
    def lost_from(self) -> int | None:
        """The first entry of the non-finite end. An end no longer than gaps before it is one more gap."""
        finite = np.isfinite(self.values)
        if not self.values.size or finite[-1]:
            return None
        ends = np.flatnonzero(finite)
        if not ends.size:
            return 0
        gaps = np.diff(ends) - 1
        length = len(finite) - 1 - ends[-1]
        return None if length <= gaps.max(initial=0) and (gaps > 0).sum() >= 2 else int(ends[-1] + 1)

    @property
    def finite(self) -> Array:
        return self.values[np.isfinite(self.values)]

    @property
    def finite_steps(self) -> Array:
        return self.steps[np.isfinite(self.values)]

    def place(self, entry: int) -> str:
        """Return where an entry stands, as its owner would find it."""
        step = float(self.steps[entry])
        if self.counter == "row":
            return f"row {self.rows[entry] + 1:,}"
        return f"{self.counter} {step:,.0f}" if step.is_integer() else f"{self.counter} {step:.6g}"


def unwritten(there: NDArray[np.bool_], beside: Iterable[NDArray[np.bool_]] = ()) -> int:
    """Return how many rows at the end were nan, by where a column has values and where others have, ``(n,)`` each.

    pandas writes nothing for nan, and JSON null: as for what was not logged. They were nan if they are `SEVERAL`, more than a pace of
    logging that doubles would leave out, and in none of them stands what never stands beside a value, as in an evaluation at the end.

    >>> unwritten(np.arange(120) < 70), unwritten(np.arange(120) % 10 == 0), unwritten(np.arange(8) < 5, [np.arange(8) > 4])
    (50, 0, 0)
    """
    rows = np.flatnonzero(there)
    if not rows.size:
        return 0
    end = len(there) - 1 - int(rows[-1])
    other = np.logical_or.reduce([each[-end:] for each in beside if not each[there].any()]) if end else False
    most = 2 * int(np.diff(rows, prepend=-1).max()) - 1
    return end if int(end - np.sum(other)) > max(SEVERAL - 1, most) else 0


def numbers(name: str, given: Any) -> tuple[Array, NDArray[np.bool_]]:
    """Return the numbers in what was given, nan where missing, and which are there: None, pandas' NA and masked entries are not."""
    if isinstance(given, str | bytes):
        raise must(name, "numbers, or a file that read_log(Path(...).read_bytes()) has read", typed(given))
    mask = np.ma.getmaskarray(given) if isinstance(given, np.ma.MaskedArray) else None
    try:
        if mask is not None:
            return np.asarray(np.ma.filled(given.astype(float), np.nan)), ~mask
        listed: Any = given if isinstance(given, Sequence) else np.asarray(given)
        if isinstance(given, Sequence) or (listed.dtype == object and listed.ndim == 1):
            present = np.array([each is not None and type(each).__name__ != "NAType" for each in listed], dtype=bool)  # pandas' NA
            if not present.all():
                there = [each if is_there else np.nan for each, is_there in zip(listed, present, strict=True)]
                return check_floats(name, there, shape="numbers"), present
    except (TypeError, ValueError, OverflowError, RuntimeError):
        raise must(name, "numbers", typed(given)) from None
    values = check_floats(name, given, shape="numbers")
    return values, np.ones(values.shape, dtype=bool)
