"""Whose numbers are in one log: of several runs one is judged, and a held-out set's losses stand beside those of training."""

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from explorer.core.files.roles import COUNTERS, alike, has, kind, losses, names_run, parts, run_of, tells_runs, tells_sides, words
from explorer.core.files.sheet import Numbers, Sheet, ma, most_columns
from explorer.core.ground.prose import counted

ROWS_BEFORE = 7  # that a row is held against, to see whether it is whole
FAR_ABOVE = 100.0  # times another loss, which is then no part of one run with it
NEARER = 0.25  # times as far from the first loss of all as from the row before is where another run begins ...
LEAPS = 4.0  # ... and as many usual changes from the row before: one of noise is hardly ever larger
MOST_NAMED = 5  # of the runs that are left out
MOST_SAID = 60  # letters of a run's name


def beside_training(sheet: Sheet) -> Sheet:
    """The losses of rows that a column such as `phase` says to be of a held-out set, as columns of their own: ``val loss``."""
    by = next((name for name, labels in sheet.labels.items() if tells_sides(labels)), None)
    if by is None:
        return sheet
    held_out = [label for label in dict.fromkeys(sheet.labels[by]) if has(label, "held out")]
    of_training = [name for name in sheet.columns if kind(name) == "train"]
    if len(held_out) * len(of_training) > most_columns(len(sheet.lines)):
        return sheet
    labels, columns = np.array(sheet.labels[by]), dict(sheet.columns)
    for name, values in ((name, columns[name]) for name in of_training):
        columns[name] = ma.masked_where(np.isin(labels, held_out), values)
        columns |= {each: ma.masked_where(labels != side, values) for side in held_out if (each := f"{side} {name}") not in columns}
    columns = {name: values for name, values in columns.items() if np.ma.count(values)}
    note = f"{by!r} says which rows are of {', '.join(map(repr, held_out))}: their losses are no losses of training."
    rest = {name: each for name, each in sheet.labels.items() if name != by}
    return replace(sheet, columns=columns, labels=rest, notes=[*sheet.notes, note])


def without_torn_end(sheet: Sheet, last: int) -> Sheet:
    """The sheet without the row of that line, which does not end, if it has a part only of what every row before it has.

    A program that was killed wrote half of it, and its last number may be half a number.
    """
    there = np.array([~np.ma.getmaskarray(values)[-ROWS_BEFORE - 1 :] for values in sheet.columns.values()])
    before_alike = (there[:, :-1] == there[:, :1]).all()
    torn = before_alike and (there[:, -1] <= there[:, 0]).all() and there[:, -1].sum() < there[:, 0].sum() and there[:, -1].any()
    ends = [values[-1] for values in sheet.columns.values() if values[-1] is not ma.masked]
    if len(sheet.lines) <= ROWS_BEFORE or sheet.lines[-1] != last or not torn or not np.isfinite(ends).all():
        return sheet
    labels = {name: each[:-1] for name, each in sheet.labels.items()}
    note = f"Line {last:,} ends before its row does and is left out."
    return replace(sheet, columns=sheet.taken(slice(-1)), lines=sheet.lines[:-1], labels=labels, notes=[*sheet.notes, note])


def other_runs(sheet: Sheet, chosen: str | None) -> tuple[frozenset[str], str]:
    """The columns of the runs that are not judged, where several have columns of their own, and which one is, in words.

    It is the run of the column that was chosen by hand, else the one whose loss ends highest: what a log is brought for. Where losses
    have names that hardly differ, they may be parts of one run: the first is judged, unless another is lost or ends far above it.
    """
    columns = {name: values for name, values in sheet.columns.items() if sheet.named and np.ma.count(values)}
    names: dict[str, list[str]] = {}
    for name in columns:
        if run := run_of(name):
            names.setdefault(run, []).append(name)
    train = {run: losses({name: columns[name] for name in of}, "train")[:1] for run, of in names.items()}
    end = {run: columns[of[0]] for run, of in train.items() if of}
    highest = {run: _height(values) for run, values in end.items()}
    judged = run_of(chosen) if chosen else max(highest, key=lambda run: highest[run], default="")
    if len(end) < 2 or judged not in names:
        return (frozenset(), "") if chosen else _losses_alike(columns)
    others = [run for run in names if run != judged]
    which = (
        f"of {len(names)} runs with columns of their own {judged[:MOST_SAID]!r} is judged{'' if chosen else ', whose loss ends highest'}"
    )
    return frozenset(name for run in others for name in names[run]), f"{which}, not {_listed([repr(run[:MOST_SAID]) for run in others])}"


def _listed(told: Sequence[str]) -> str:
    """The first of the runs that are left out."""
    return ", ".join(told[:MOST_NAMED]) + ", …" * (len(told) > MOST_NAMED)


def _losses_alike(columns: Mapping[str, Numbers]) -> tuple[frozenset[str], str]:
    """The losses with nearly the same name as one that is lost, or ends far above them, and which that is, in words."""
    names = losses(columns, "train")
    same = alike(names) if len(names) > 1 and not parts(columns, names) else []
    height = {name: _height(columns[name]) for name in same}
    highest = max(same, key=lambda name: height[name], default="")
    if not same or not height[highest] > FAR_ABOVE * max(abs(height[same[0]]), abs(float(columns[highest].compressed()[0]))):
        return frozenset(), ""
    others = [name for name in same if name != highest]
    which = f"of {len(same)} losses with such names {highest!r} is judged, which ends highest"
    return frozenset(others), f"{which}, not {_listed([*map(repr, others)])}"


def _height(values: Numbers) -> float:
    """Where a loss ends; inf if it was lost."""
    given = values.compressed()
    return float(given[-1]) if np.isfinite(given).all() else np.inf


def last_run(sheet: Sheet, train: str, taken: Collection[str] = (), *, by_counter: bool = True) -> Sheet:
    """The rows and columns of the run that began last, and a note of the others. `taken` are the columns that are something else.

    Of runs that a column names another is judged where it is lost or got worse, as of runs with columns of their own.
    """
    found = _of_last_name(sheet, train, taken) if sheet.named else sheet
    found = _since_last_beginning(found, train) if by_counter else found
    other = [name for name, values in found.columns.items() if len(values) < len(sheet.lines) and not np.ma.count(values)]
    return replace(found, columns={name: values for name, values in found.columns.items() if name not in other})


def _of_last_name(sheet: Sheet, train: str, taken: Collection[str]) -> Sheet:
    used = np.flatnonzero(~np.ma.getmaskarray(sheet.columns[train]))
    numbers = {name: _spelled(values) for name, values in sheet.columns.items() if name not in taken and names_run(name)}
    given = {name: each for name, each in {**numbers, **sheet.labels}.items() if tells_runs(name, each)}
    run: list[tuple[str, ...]] = [()] * len(sheet.lines)
    by: list[str] = []
    for name in sorted(given, key=lambda each: "name" not in words(each)):  # a number of a run that has a name too says no more
        finer = [(*known, label) for known, label in zip(run, _onward(given[name]), strict=True)]
        before, many = (len({each[row] for row in used}) for each in (run, finer))
        if before < many <= 0.5 * used.size and _each_names(given[name], finer, used):
            run, by = finer, [*by, name]
    texts = [f"Column {name!r} is text and is left out." for name in sheet.labels if name not in by]
    sheet = replace(sheet, labels={}, notes=[*sheet.notes, *texts])
    if not by:
        return sheet
    names = list(dict.fromkeys(run[row] for row in used))
    number = {each: place for place, each in enumerate(names)}
    which = np.array([number.get(each, -1) for each in run])
    told, column = [repr(", ".join(each)[:MOST_SAID]) for each in names], " and ".join(map(repr, by))
    if goes_on := _goes_on(sheet, which, used):
        as_one = f"{column} changes {counted(len(names) - 1, 'time')}, and {goes_on!r} goes on: the rows are read as one run."
        return replace(sheet, notes=[*sheet.notes, as_one])
    one = _worse(sheet.columns[train].filled(np.nan)[used], which[used])
    kept = np.flatnonzero(which == one)
    others = _listed([each for place, each in enumerate(told) if place != one])
    left = len(which) - kept.size
    if one == len(names) - 1:
        why, judged = "the last to begin", f"the last of {len(names)} runs, {told[one]}, is judged"
    else:
        why, judged = "which ends highest", f"of {len(names)} runs {told[one]} is judged, whose loss ends highest"
    notes = [
        *sheet.notes,
        f"{len(names)} runs are in this file, told apart by {column}: {told[one]}, {why}, is judged."
        f" {counted(left, 'row')} of {others} {'is' if left == 1 else 'are'} left out.",
        *_broken(sheet, train, which[used], used, told, one),
    ]
    return replace(sheet, columns=sheet.taken(kept), lines=sheet.lines[kept], notes=notes, judged=(*sheet.judged, judged))


def _spelled(values: Numbers) -> list[str]:
    """A column of whole numbers as labels; nothing of others."""
    whole = is_whole(values)
    return [f"{each:.15g}" if whole and np.isfinite(each) else "" for each in values.filled(np.nan).tolist()]


def _onward(labels: Sequence[str]) -> list[str]:
    """Each row's label, else that of the row above, as below a headline or in a spreadsheet."""
    first = next(each for each in labels if each)
    return list(itertools.accumulate(labels, lambda above, each: each or above, initial=first))[1:]


def _each_names(labels: Sequence[str], run: Sequence[tuple[str, ...]], used: NDArray[np.intp]) -> bool:
    """Whether most rows with a loss have a label themselves, or each label is a headline, of one stretch of rows."""
    changes = sum(run[one] != run[other] for one, other in itertools.pairwise(used))
    return sum(bool(labels[row]) for row in used) > 0.5 * used.size or changes == len({run[row] for row in used}) - 1


def _goes_on(sheet: Sheet, which: NDArray[np.intp], used: NDArray[np.intp]) -> str:
    """The counter that goes on from each run to the next, as where one was resumed under another name; "" if none does."""
    found = counters(sheet, np.isin(np.arange(len(which)), used))
    for name in (*found["step"], *found["epoch"]):
        values = sheet.columns[name].filled(np.nan)[used]
        begin, end = np.full(which.max() + 1, np.inf), np.full(which.max() + 1, -np.inf)
        np.minimum.at(begin, which[used], values)
        np.maximum.at(end, which[used], values)
        if np.isfinite(values).all() and (end[:-1] < begin[1:]).all():
            return name
    return ""


def _worse(losses: NDArray[np.float64], which: NDArray[np.intp]) -> int:
    """The run to judge: the last to begin, unless another is lost at its end or ends above its own start and above the last one's end."""
    of = [losses[which == run] for run in range(which.max() + 1)]
    ends = [each[-1] if np.isfinite(each[-1]) else np.inf for each in of]
    last = len(ends) - 1
    highest = int(np.argmax(ends))
    return highest if ends[highest] > max(ends[last], of[highest][0]) else last


def _broken(sheet: Sheet, train: str, which: NDArray[np.intp], used: NDArray[np.intp], told: Sequence[str], judged: int) -> list[str]:
    """A note of the first of the other runs that has a loss that is not finite."""
    bad = np.flatnonzero(~np.isfinite(sheet.columns[train].filled(np.nan)[used]) & (which != judged) & (which >= 0))
    return [f"The loss of {told[which[row]]} is not finite in line {sheet.lines[used[row]]:,}." for row in bad[:1]]


def _since_last_beginning(sheet: Sheet, train: str) -> Sheet:
    """The rows of the last run, if a counter begins anew where no epoch does: several runs were appended to one file."""
    there = ~np.ma.getmaskarray(sheet.columns[train])
    found = counters(sheet, there)
    for name in (*found["epoch"], *found["step"]):
        rows = np.flatnonzero(there & ~np.ma.getmaskarray(sheet.columns[name]))
        values = sheet.columns[name].filled(np.nan)[rows]
        if rows.size < 6 or not np.isfinite(values).all():
            continue
        changes = np.diff(values)
        falls = np.flatnonzero(changes < 0) + 1
        if not falls.size:
            return sheet  # the coarsest counter only grows
        lengths = np.diff([0, *falls, rows.size])
        anew = values[falls] <= values[0] + changes[changes > 0].min(initial=np.inf)
        of_one_length = falls.size > 1 and kind(name) == "step" and np.unique(lengths).size == 1
        # ... are the steps of epochs that are not printed, if the losses go on
        within = of_one_length and not _from_the_first(sheet.columns[train].filled(np.nan)[rows], falls)
        if anew.all() and lengths.min() >= 3 and not within:
            start = int(rows[falls[-1]])
            begin = f"{name!r} begins anew in line {sheet.lines[start]:,}"
            note = (
                f"{falls.size + 1} runs were written to this file: {begin}. The last is judged, {counted(start, 'row')} before it left out."
            )
            judged = f"the last of {falls.size + 1} runs is judged"
            columns, lines = sheet.taken(slice(start, None)), sheet.lines[start:]
            return replace(sheet, columns=columns, lines=lines, notes=[*sheet.notes, note], judged=(*sheet.judged, judged))
    return sheet


def _from_the_first(losses: Numbers, begin: NDArray[np.intp]) -> bool:
    """Whether the losses ``(n,)`` begin again at these rows where the first began, as runs do, and do not go on where the last ended."""
    again, before = losses[begin], losses[begin - 1]
    back, onward = (np.where(np.isfinite(apart), apart, np.inf) for apart in (np.abs(again - losses[0]), np.abs(again - before)))
    changes = np.abs(np.diff(losses))
    usual = np.median(changes[np.isfinite(changes)]) if np.isfinite(changes).any() else 0.0
    return bool(np.median(onward) > max(np.median(back) / NEARER, LEAPS * usual))


def counters(sheet: Sheet, there: NDArray[np.bool_]) -> dict[str, list[str]]:
    """The counters of each kind, the one with values beside most losses first. Two of which no row has both are one: iter, step."""
    names = [name for name in sheet.columns if sheet.named and name not in sheet.others]
    found = {each: [name for name in names if kind(name) == each] for each in COUNTERS}
    for same in found.values():
        same.sort(key=lambda name: (not is_whole(sheet.columns[name]), -(there & ~np.ma.getmaskarray(sheet.columns[name])).sum()))
        for other in same[1:]:
            gone, others = np.ma.getmaskarray(sheet.columns[same[0]]), np.ma.getmaskarray(sheet.columns[other])
            if (gone | others).all():
                sheet.columns[same[0]] = ma.where(gone, sheet.columns[other], sheet.columns[same[0]])
    return found


def is_whole(values: Numbers) -> bool:
    """Whether all values of a column are whole numbers.

    >>> is_whole(np.ma.masked_invalid([1.0, np.nan])), is_whole(np.ma.array([0.5]))
    (True, False)
    """
    given = values.compressed()
    return bool((np.isfinite(given) & (np.floor(given) == given)).all())
