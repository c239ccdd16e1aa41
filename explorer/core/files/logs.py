"""A training log out of an uploaded file, or out of what was pasted: which curve is in it, and what was not used."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.core.files.forms import MOST_NOTES, sheet_of
from explorer.core.files.roles import COUNTERS, ROLES, count_up, extra, kind, like_a_loss, losses, named, parts, run_of, words
from explorer.core.files.runs import counters, last_run, other_runs
from explorer.core.files.sheet import MOST_LOST, MOST_ROWS, Numbers, Sheet, looked_at, none_found, shown
from explorer.core.ground.checks import check_made, check_mapping, must, typed
from explorer.core.ground.display import Displayed
from explorer.core.ground.prose import counted
from explorer.core.ground.shelf import door

MOST_RANKS = 1024  # more different numbers of ranks are none


@dataclass(frozen=True, eq=False, repr=False)
class LogFile(Displayed):
    """The columns of numbers by name, masked arrays ``(rows,)`` in the order of the steps, and what each one is.

    `roles` names the column that is the step, the training loss and so on, for those of `ROLES` that were found. `step` ``(rows,)`` is
    None where no column can be one; the rows are then in the file's order. `reading` says what was taken for the training loss, its first
    values and where they come from; `notes` are sentences that account for every row. `alarms` are the lines that speak of an overflow,
    one near the end that speaks of an error, those that say that the loss was lost, and rows at the end that could not be read:
    ``(kind, line, words)``. `called` is what sentences call the
    judged column: by its own name where it was chosen by hand; `of` is what the file has, such as ``"300,001 lines"``, where not all
    is judged.

    See also: `read_log`, `diagnose`.

    >>> from explorer import read_log
    >>> log = read_log("step,loss 1,0.5 2,0.25".replace(" ", chr(10)))
    >>> log.losses.tolist(), log.step.tolist()
    ([0.5, 0.25], [1.0, 2.0])
    """

    columns: Mapping[str, Numbers]
    roles: Mapping[str, str]
    step: NDArray[np.float64] | None
    notes: tuple[str, ...]
    reading: str = ""
    alarms: tuple[tuple[str, int, str], ...] = ()
    called: str = "the loss"
    of: str = ""
    _sheet: Sheet | None = field(default=None, repr=False)

    def summary(self) -> str:
        """Return what was taken for the training loss."""
        return self.reading

    def to_columns(self) -> dict[str, Any]:
        """Return all columns by name, missing values as nan."""
        return {name: each.filled(np.nan) for name, each in self.columns.items()}

    def curve(self, role: str) -> Numbers | None:
        """The column of that role, None if there is none. Raises ValueError for what is no role."""
        if check_made("a role", role, str, f"one of {', '.join(ROLES)}") not in ROLES:
            raise must("a role", f"one of {', '.join(ROLES)}", typed(role))
        return self.columns[self.roles[role]] if role in self.roles else None

    @property
    def counter(self) -> str:
        """What counts the rows, in one word: "epoch" or "step"."""
        name = self.roles.get("step", "")
        return "epoch" if kind(name) == "epoch" and words(name)[-1] not in ("round", "rounds", "tree") else "step"

    @property
    def losses(self) -> Numbers:
        """The training loss ``(rows,)``, which every log has."""
        return self.columns[self.roles["train"]]

    def beside(self) -> list[NDArray[np.bool_]]:
        """Return where each other column has a value, ``(rows,)``, and where only a run goes on that is not the judged one."""
        name, there = self.roles["train"], ~np.ma.getmaskarray(self.losses)
        run, at = run_of(name), {each: ~np.ma.getmaskarray(values) for each, values in self.columns.items() if each != name}
        others = [at[each] for each in at if kind(each) == "train" and not (run and run_of(each) == run)]
        alone = (np.logical_or if run else np.logical_and).reduce(others) if others else np.zeros(len(there), dtype=bool)
        return [*at.values(), alone & ~there]

    def with_roles(self, roles: Mapping[str, str | None]) -> "LogFile":
        r"""The same log with other columns for these roles, None for no column; what was chosen before stays.

        Raises ValueError for a role or a column that is none.

        >>> read_log("step,loss,other\n1,2,3\n2,1,5\n").with_roles({"train": "other"}).curve("train").tolist()
        [3.0, 5.0]
        """
        assert self._sheet is not None
        return _log(self._sheet, roles)


@door
def read_log(content: bytes | str, *, roles: Mapping[str, str | None] | None = None) -> LogFile:
    r"""The log in `content`, a file's bytes or text that was pasted.

    Tables (CSV, Markdown, a print of pandas, the exports of TensorBoard and W&B), JSON and Python's lists and dictionaries, the event
    files of TensorBoard, and the lines that programs print, such as ``step 10 loss: 0.5``. Columns are recognized by all the words of
    their names, and by their values; `roles` says otherwise by hand: the name of the column for a role, None for no column. Rows are
    sorted by step, the last of equal steps counts; of several runs in one file the last to begin is read, whether a column names the run
    of each row or a counter begins anew, unless another that is named is lost, or ends above its own start: that one is read then.

    Raises ValueError with a sentence for what cannot be used.

    See also: `LogFile`, `diagnose`.

    >>> log = read_log(b"epoch;loss;val_loss\n2;0,5;\n1;1,0;1,1\n3;nan;0,9\n")
    >>> log.roles
    {'step': 'epoch', 'train': 'loss', 'validation': 'val_loss'}
    >>> log.curve("train").tolist(), log.curve("validation").tolist()
    ([1.0, 0.5, nan], [1.1, None, 0.9])
    >>> log.notes[:2], log.reading
    (('All 3 rows are used.', "In 1 of them 'val_loss' has no value."), "Read as the training loss: 'loss', 0.5, 1, nan, from line 2 on.")
    """
    return _log(sheet_of(content), {} if roles is None else roles)


# ---- from columns to a log --------------------------------------------------------------------------------------------------------------


@np.errstate(all="ignore")  # a difference of two numbers of a log may be inf
def _log(sheet: Sheet, chosen: Mapping[str, str | None]) -> LogFile:
    by_hand: dict[str, Any] = {role: name for role, name in sheet.chosen.items() if name is None or name in sheet.columns}
    by_hand |= check_mapping("roles", chosen, '{"train": "loss"}')
    for role, name in by_hand.items():
        if role not in ROLES:
            raise must("a role", f"one of {', '.join(ROLES)}", typed(role))
        if name is not None and not (isinstance(name, str) and name in sheet.columns):
            raise must(ROLES[role], f"one of the columns {', '.join(sheet.columns)}", typed(name))
    others, which = other_runs(sheet, by_hand.get("train"))
    sheet, said = replace(sheet, columns=dict(sheet.columns), others=others), list[str]()
    roles = _roles(sheet, by_hand, said)
    if np.ma.getmaskarray(sheet.columns[roles["train"]]).all():
        raise ValueError(f"the training loss must have a value in some row, and {roles['train']!r} has none")
    sheet = last_run(sheet, roles["train"], [name for name in by_hand.values() if name], by_counter="step" not in by_hand)
    roles = {role: name for role, name in roles.items() if name in sheet.columns}  # the others are of another run
    if "train" not in by_hand:
        sheet = _of_all_ranks(sheet, roles["train"])
    _note_breaks(sheet, roles["train"], said)
    train = sheet.columns[roles["train"]]
    first = int(np.flatnonzero(~np.ma.getmaskarray(train))[0])
    role = "" if "train" in by_hand else " as the training loss"
    which = "".join(f"; {each}" for each in (which, *sheet.judged) if each)
    reading = f"Read{role}: {roles['train']!r}, {shown(train)}, from line {sheet.lines[first]:,} on{which}."
    columns, step, used = _ordered(sheet, roles, by_hand, said)
    if step is None:
        roles.pop("step", None)
    columns, step = _thinned(columns, step, said)
    rows, looked_at = sheet.rows, len(columns[roles["train"]])
    of = f"{sheet.whole:,} lines" if sheet.whole else f"{used:,} rows" if looked_at < used else ""
    lost = [
        f"{used:,} of {rows:,} rows are used."
        if used < rows
        else f"{rows:,} rows are used."
        if of
        else "The only row is used."
        if rows == 1
        else f"All {rows:,} rows are used."
    ]
    for role, name in roles.items():
        gaps = int(np.ma.getmaskarray(columns[name]).sum())
        if gaps and role != "step":
            lost.append(f"In {gaps:,} of them {name!r} has no value.")
    return LogFile(
        columns,
        {role: roles[role] for role in ROLES if role in roles},
        step,
        (
            *lost,
            *sheet.notes[:MOST_NOTES],
            *[f"And {len(sheet.notes) - MOST_NOTES:,} notes more."] * (len(sheet.notes) > MOST_NOTES),
            *said,
        ),
        reading,
        _heard(sheet, train),
        repr(roles["train"]) if "train" in by_hand else "the loss",
        of,
        replace(sheet, chosen=by_hand),
    )


def _heard(sheet: Sheet, train: Numbers) -> tuple[tuple[str, int, str], ...]:
    """The alarms of the run that is judged: a loss that was lost is none where a finite one follows, and an error says less than it."""
    went_on = int(sheet.lines[np.isfinite(train.filled(np.nan))].max(initial=0))
    lost = [each for each in sheet.alarms if each[0] == "lost" and each[1] > went_on]
    return tuple(each for each in sheet.alarms if each in lost or each[0] not in ("lost", *["error"] * bool(lost)))


def _roles(sheet: Sheet, by_hand: Mapping[str, str | None], said: list[str]) -> dict[str, str]:
    """Which column is what: by hand, else by name and values, else, where there are no names, by place."""
    found = {role: name for role, name in by_hand.items() if name is not None}
    free = {name: values for name, values in sheet.columns.items() if name not in {*found.values(), *sheet.others}}
    free = free if sheet.named else {}
    if "train" not in by_hand and (name := _loss(sheet, free, "train", said)):
        found["train"] = name
    if "validation" not in by_hand and (name := _loss(sheet, free, "validation", said, like=extra(found.get("train", "")))):
        found["validation"] = name
    for role in ("learning_rate", "gradient_norm", "loss_scale"):
        if role not in by_hand and (name := named(role, free)):
            found[role] = name
        elif role not in by_hand and (below := [name for name in free if kind(name) == role and (free[name].compressed() < 0).any()]):
            said.append(f"{below[0]!r} has values below 0, so it is not taken for the {ROLES[role]}; it may be its logarithm.")
    if "train" in found or "train" in by_hand:
        if "train" not in found:
            raise ValueError("the training loss must be one of the columns, and it was given none")
        return found
    rest = [name for name in sheet.columns if name not in {*found.values(), *sheet.others} and kind(name) not in COUNTERS]
    if not sheet.named and len(rest) > 1 and "step" not in by_hand and count_up(sheet.columns[rest[0]]):
        found["step"] = rest.pop(0)
    # One number with an unknown name is no curve.
    unknown = [name for name in rest if not (sheet.named and kind(name)) and np.ma.count(sheet.columns[name]) > sheet.named]
    unknown = [name for name in unknown if not sheet.named or like_a_loss(name)]
    likely = [name for name in unknown if not count_up(sheet.columns[name])]
    if "validation" in found and "validation" not in by_hand:
        found["train"] = found.pop("validation")
    elif unknown:
        found["train"] = (likely or unknown)[0]
    else:
        raise none_found(sheet.columns, sheet.lines.tolist())
    train = sheet.columns[found["train"]]
    if "step" not in found and kind(found["train"]) != "train" and count_up(train) and (np.diff(train) == 1).all():
        raise none_found(sheet.columns, sheet.lines.tolist())  # it numbers the rows
    if sheet.named:
        said.append(f"No column is named like a training loss: {found['train']!r} is taken for it.")
    return found


def _loss(sheet: Sheet, free: Mapping[str, Numbers], role: str, said: list[str], *, like: Collection[str] = ()) -> str | None:
    """The loss to judge: the best by its name and rows, or the sum of the parts that it is one of; the others are noted."""
    names = losses(free, role, like=like)
    if not names:
        return None
    summed = parts(free, names)
    if summed:
        total = " + ".join(summed)
        sheet.columns[total] = np.ma.sum(np.ma.stack([free[name] for name in summed]), axis=0)
        said.append(f"No column is the total {ROLES[role]}: the sum of {', '.join(summed)} is judged.")
        return total
    if role == "train" and len(names) > 1:
        said.append(f"Other losses of training: {', '.join(map(repr, names[1:6]))}{', …' * (len(names) > 6)}.")
    return names[0]


def _note_breaks(sheet: Sheet, train: str, said: list[str]) -> None:
    first = {
        name: int(np.flatnonzero(bad)[0])
        for name, values in sheet.columns.items()
        if kind(name) == "train" and (bad := ~np.isfinite(values.filled(0.0))).any()
    }
    if first and set(first) != {train}:
        name = min(first, key=lambda each: (first[each], each == train))
        row = first[name]
        said.append(f"The first loss that is not finite is {name!r}: {sheet.columns[name][row]:g} in line {sheet.lines[row]:,}.")


def _of_all_ranks(sheet: Sheet, train: str) -> Sheet:
    """The mean over the ranks where each prints a line of its own; every rank's loss is kept."""
    name = next((name for name in sheet.columns if words(name)[-1:] in (("rank",), ("worker",))), None)
    if name is None or not sheet.named:
        return sheet
    rank = np.where(np.ma.getmaskarray(sheet.columns[train]), np.nan, sheet.columns[name].filled(np.nan))
    ranks = np.unique(rank[np.isfinite(rank)])
    if not 2 <= ranks.size <= min(MOST_RANKS, 0.5 * rank.size):
        return sheet
    rows = [np.flatnonzero(rank == each) for each in ranks]
    shortest = min(map(len, rows))
    losses = np.ma.stack([sheet.columns[train][at[:shortest]] for at in rows])
    of = {f"{train} (rank {each:g})": loss for each, loss in zip(ranks, losses, strict=True)}
    bad = {each: int(np.flatnonzero(~np.isfinite(loss))[0]) for each, loss in of.items() if not np.isfinite(loss).all()}
    first = min(bad, key=lambda each: bad[each], default=None)
    broke = f" The first that is not finite is {first!r}, in row {bad[first] + 1:,}." if first else ""
    kept = rows[0][:shortest]
    notes = [*sheet.notes, f"{counted(len(ranks), 'rank')} print lines of their own: the mean of their losses is judged.{broke}"]
    columns = sheet.taken(kept) | of | {train: np.ma.masked_array(losses.filled(np.nan).mean(axis=0))}
    return replace(sheet, columns=columns, lines=sheet.lines[kept], rows=len(kept), notes=notes)


def _ordered(
    sheet: Sheet, roles: dict[str, str], by_hand: Mapping[str, str | None], said: list[str]
) -> tuple[dict[str, Numbers], NDArray[Any] | None, int]:
    """The columns in the order of the steps, the steps, and how many rows that is. Notes what was sorted and dropped."""
    columns, there = sheet.columns, ~np.ma.getmaskarray(sheet.columns[roles["train"]])
    of_kind = counters(sheet, there)
    candidates = [name for each in COUNTERS for name in of_kind[each]]
    if "step" in by_hand or "step" in roles:
        candidates = [roles["step"]] if "step" in roles else []
    step = None
    for strict in (True, False):
        if step is None and not strict and "step" not in by_hand and (nested := _nested(sheet, of_kind, there)):
            roles["step"], step = nested
        for name in candidates:
            if step is None and (values := _counts(columns[name], there, strict=strict or kind(name) in ("batch", "epoch"))) is not None:
                roles["step"], step = name, values
    rows = len(there)
    late = np.zeros(rows, dtype=bool)
    if step is not None and "step" not in by_hand and kind(roles["step"]) != "epoch":
        for name in of_kind["epoch"]:
            late |= _place(step, columns[name].filled(np.nan), there)
    if step is None:
        if candidates and rows > 1:
            said.append(f"{candidates[0]!r} does not count the rows: the file's order is used instead.")
        return columns, None, rows
    placed = _between(step, there)
    if placed:
        said.append(f"In {counted(placed, 'row')} {roles['step']!r} cannot be read: they are placed by the rows around them.")
    kept = np.flatnonzero(np.isfinite(step))
    if kept.size < rows:
        said.append(f"{counted(rows - kept.size, 'row')} without a step {'is' if rows - kept.size == 1 else 'are'} left out.")
    # A row that only its epoch places comes first: the loss of its last step counts, not the mean that is printed behind it.
    order = kept[np.lexsort((~late[kept], step[kept]))]
    if (order != kept).any() and (np.diff(step[kept]) < 0).any():
        said.append(f"The rows are sorted by {roles['step']!r}.")
    merged, steps, twice = _merged(columns, order, step)
    if twice:
        said.append(f"{counted(twice, 'row')} repeat{'s' * (twice == 1)} a step: of equal steps the last value counts.")
    return merged, steps, len(order)


def _counts(values: Numbers, there: NDArray[np.bool_], *, strict: bool) -> NDArray[Any] | None:
    """The values of a column that counts the rows, nan where it has none; None if it does not. A strict one has no loss twice."""
    step = values.filled(np.nan)
    beside = step[np.isfinite(step) & there]
    distinct = np.unique(beside).size
    if distinct < (beside.size if strict else 0.5 * beside.size) or (distinct < 2 and len(step) > 1) or beside.size < 0.5 * there.sum():
        return None
    return step


def _place(step: NDArray[Any], epoch: NDArray[Any], there: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Gives the rows without a step the last one of their epoch, and returns which these are."""
    every, of = np.unique(epoch, return_inverse=True)
    last, has_step = np.full(every.size, -np.inf), np.isfinite(step)
    np.maximum.at(last, of[has_step & there], step[has_step & there])
    without = ~has_step & np.isfinite(epoch) & np.isfinite(last[of])
    step[without] = last[of[without]]
    return without


def _between(step: NDArray[Any], there: NDArray[np.bool_]) -> int:
    """Gives the rows with a loss whose step cannot be read one between those of the rows around them, and returns how many these are."""
    known, without = np.flatnonzero(np.isfinite(step)), np.flatnonzero(~np.isfinite(step) & there)
    if known.size and without.size:
        pace = float(np.median(np.diff(step[known]))) if known.size > 1 else 1.0
        beyond = without - np.clip(without, known[0], known[-1])
        step[without] = np.interp(without, known, step[known]) + beyond * (pace if pace > 0 else 1.0)
    return int(without.size if known.size else 0)


def _nested(sheet: Sheet, of_kind: Mapping[str, list[str]], there: NDArray[np.bool_]) -> tuple[str, NDArray[Any]] | None:
    """The step of a counter that begins again in every epoch: both as one, equal to the counter within the first epoch.

    An epoch has as many steps as is printed, else as the counter was seen to have.
    """
    columns = sheet.columns
    for coarse in of_kind.get("epoch", ()):
        for fine in (*of_kind.get("step", ()), *of_kind.get("batch", ())):
            epoch, inner = columns[coarse].filled(np.nan), columns[fine].filled(np.nan)
            both = np.isfinite(epoch) & np.isfinite(inner) & there
            pairs = epoch[both] % 1 == 0
            if (
                both.sum() < max(2, 0.5 * there.sum())
                or not pairs.all()
                or np.unique([epoch[both], inner[both]], axis=1).shape[1] < both.sum()
            ):
                continue
            pace = np.diff(np.unique(inner[both]))
            length, first = np.ptp(inner[both]) + (np.median(pace) if pace.size else 1), epoch[both].min()
            if sheet.totals.get(fine, 0) >= inner[both].max():
                length, first = sheet.totals[fine], min(first, 1)
            # An evaluation counts batches of its own.
            return fine, np.where(there | (kind(fine) == "step"), (epoch - first) * length + inner, np.nan)
    return None


def _merged(columns: Mapping[str, Numbers], order: NDArray[np.intp], step: NDArray[Any]) -> tuple[dict[str, Numbers], NDArray[Any], int]:
    """Rows of equal step as one, each column with the last value that it has there: trainers log losses of one step in several rows."""
    steps, group = np.unique(step[order], return_inverse=True)
    if steps.size == order.size:
        return {name: values[order] for name, values in columns.items()}, steps, 0
    found = {}
    for name, values in columns.items():
        sorted_values = values[order]
        there = np.flatnonzero(~np.ma.getmaskarray(sorted_values))
        last = np.full(steps.size, -1)
        last[group[there]] = there  # of equal places the last assignment stays
        found[name] = np.ma.masked_array(np.where(last >= 0, sorted_values.filled(np.nan)[last], np.nan), last < 0)
    return found, steps, int(order.size - steps.size)


def _thinned(
    columns: dict[str, Numbers], step: NDArray[np.float64] | None, notes: list[str]
) -> tuple[dict[str, Numbers], NDArray[np.float64] | None]:
    rows = len(next(iter(columns.values())))
    if rows <= 1.2 * MOST_ROWS:
        return columns, step
    kept = looked_at(np.any([~np.isfinite(each.filled(0)) for each in columns.values()], axis=0))
    notes.append(f"Of {rows:,} rows {len(kept):,} are looked at, evenly, and the first {MOST_LOST} with nan or inf.")
    return {name: values[kept] for name, values in columns.items()}, None if step is None else step[kept]
