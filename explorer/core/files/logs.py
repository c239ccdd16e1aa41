"""A training log out of a file that somebody brought, or out of numbers that were pasted: which curve is in it, and what was not used."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.core.files.text import COMMA, DELIMITERS, MISSING, decimal_comma, decoded, number

MOST_BYTES = 32 << 20
"""32 MB: a million rows of a few columns."""

MOST_ROWS = 100_000
"""A longer log is thinned evenly to at most so many rows: a verdict needs no more, and a browser draws no more."""

HEAD = 20
"""So many first lines of a long log are read whatever its length: the names are among them."""

MOST_COLUMNS = 500

ROLES: Mapping[str, str] = {
    "step": "step",
    "train": "training loss",
    "validation": "validation loss",
    "learning_rate": "learning rate",
    "gradient_norm": "gradient norm",
}
"""What a column may be for, and what that is called."""

HELD_OUT = r"(^|_)(v|val|valid|validation|eval|evaluation|test|dev)(_|$)"
LOSS = r"(^|_)(loss|losses|cost|objective|nll|error|mse|mae|rmse|perplexity|ppl|cross_entropy|crossentropy|bce|ce)(_|$)"

NAMES: Mapping[str, Sequence[str]] = {
    "step": (
        r"^(trainer_)?(global_)?_?steps?$",
        r"(^|_)(global_)?step$",
        r"^(num_)?iter(ation)?s?$",
        r"^(batch|update|row)(es|s)?$",
        r"^epochs?$",
    ),
    "train": (rf"^(?=.*train)(?=.*{LOSS})", r"^loss$", rf"^(?!.*{HELD_OUT})(?=.*{LOSS})", r"^values?$", r"^train(ing)?$"),
    "validation": (rf"^(?=.*{HELD_OUT})(?=.*{LOSS})", r"^val(id(ation)?)?$"),
    "learning_rate": (r"^(lr|learning_?rate|eta)$", r"(^|_)(lr|learning_?rate)(_|$)"),
    "gradient_norm": (r"(^|_)(grad|gradient|gradients)_?(2_)?norm", r"^g_?norm$", r"grad.*norm"),
}
"""By which names a column is recognized, the surest first. W&B's exports put the run before the name and __MIN and __MAX behind it."""

_NAN = re.compile(r"[+-]?(nan(\(\w*\))?|1\.#(qnan|snan|ind)0*|#num!?|#div/0!?)", re.IGNORECASE)
_INF = re.compile(r"[+-]?(inf(inity)?|∞|1\.#inf0*|overflow)", re.IGNORECASE)
_WRAPPED = re.compile(r"(?:tensor|np\.float\d+|float\d*|array)\(\s*([^\s,)]+(?:\(\w*\))?)[^)]*\)")
_NUMBER = r"[+-]?(?:\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?|nan|inf(?:inity)?)"
_NAMED = re.compile(rf"['\"]?([A-Za-z_][\w/.\-]*)['\"]?\s*[:=]\s*({_NUMBER})(?![\w.])", re.IGNORECASE)
_SPOKEN = re.compile(
    rf"\b((?:(?:train|val|valid|validation|test|eval)\w*[ _])?(?:loss|lr|grad[ _]norm))\s+({_NUMBER})(?![\w.])", re.IGNORECASE
)
_COUNTED = re.compile(r"\b(global_step|step|iteration|iter|epoch)\s*[:#=\[]*\s*(\d+)", re.IGNORECASE)

COUNTERS = {"global_step", "step", "iteration", "iter", "epoch"}

Numbers = Any
"""A masked array of floats: masked where a value is missing, while nan and inf are values."""


@dataclass(frozen=True, eq=False)
class LogFile:
    """The columns of numbers by name, masked arrays ``(rows,)`` in the order of the steps, and what each one is.

    `roles` names the column that is the step, the training loss and so on, for those of `ROLES` that were found. `step` ``(rows,)`` is
    None where no column can be one; the rows are then in the file's order. `notes` are sentences that account for every row.
    """

    columns: Mapping[str, Numbers]
    roles: Mapping[str, str]
    step: NDArray[np.float64] | None
    notes: tuple[str, ...]

    def curve(self, role: str) -> Numbers | None:
        """The column of that role, None if there is none."""
        return self.columns[self.roles[role]] if role in self.roles else None


def read_log(content: bytes | str, *, roles: Mapping[str, str | None] | None = None) -> LogFile:
    r"""The log in a file's bytes, or in text that was pasted.

    CSV with comma, semicolon or tab, decimal points or commas; the exports of TensorBoard and W&B, the CSV logs of Lightning and
    Keras; JSON lines; a list of numbers; the lines that programs print, such as ``step 10 loss: 0.5``. Columns are recognized by name;
    `roles` says otherwise by hand: the name of the column for a role, None for no column. Rows are sorted by step, the last of equal
    steps counts.

    Raises ValueError with a sentence for what cannot be used.

    >>> log = read_log(b"epoch;loss;val_loss\n2;0,5;\n1;1,0;1,1\n3;nan;0,9\n")
    >>> log.roles
    {'step': 'epoch', 'train': 'loss', 'validation': 'val_loss'}
    >>> log.curve("train").tolist(), log.curve("validation").tolist()
    ([1.0, 0.5, nan], [1.1, None, 0.9])
    >>> log.notes[:2]
    ('All 3 rows are used.', "In 1 of them 'val_loss' has no value.")
    """
    text = decoded(content.encode() if isinstance(content, str) else content, MOST_BYTES, "a number in each row")
    text, read, lines = _thinned_lines(text)
    table = _read(text)
    if read < lines:
        table.notes.append(
            f"Of {lines:,} lines the first {HEAD}, every {-(-lines // MOST_ROWS) | 1}th and the last were read: {read:,} in all."
        )
    chosen = _chosen_roles(table, roles or {})
    columns, step, used = _ordered(table, chosen)
    if step is None:
        chosen.pop("step", None)
    columns, step = _thinned(columns, step, table.notes)
    whole = "The only row is used." if used == 1 else f"All {used:,} rows are used."
    lost = [f"{used:,} of {table.lines:,} rows are used." if used < table.lines else whole]
    for role, name in chosen.items():
        gaps = int(np.ma.getmaskarray(columns[name]).sum())
        if gaps and role != "step":
            lost.append(f"In {gaps:,} of them {name!r} has no value.")
    if "train" in chosen and np.ma.getmaskarray(columns[chosen["train"]]).all():
        raise ValueError(f"the training loss must have a value in some row, and {chosen['train']!r} has none")
    return LogFile(columns, chosen, step, (*lost, *table.notes))


def _thinned_lines(text: str) -> tuple[str, int, int]:
    """At most about `MOST_ROWS` lines of a text, how many they are, and of how many."""
    lines = text.splitlines()
    if len(lines) <= 1.2 * MOST_ROWS:
        return text, len(lines), len(lines)
    every = -(-len(lines) // MOST_ROWS) | 1
    kept = lines[:HEAD] + lines[HEAD:-1:every] + lines[-1:]
    return "\n".join(kept), len(kept), len(lines)


@dataclass(eq=False)
class _Table:
    """Names, numbers ``(lines,)`` by name, how many rows there were at first, and what was noted so far."""

    columns: dict[str, Numbers]
    lines: int
    notes: list[str] = field(default_factory=list)
    named: bool = True


def _read(text: str) -> _Table:
    """The form of the text, by its looks, and the numbers in it."""
    begin = text.lstrip()[:1]
    if begin == "{" or (begin == "[" and "{" in text[:200]):
        found = _json(text)
        if found is not None:
            return found
    listed = _list(text)
    if listed is not None:
        return listed
    printed = _printed(text)
    return printed if printed is not None else _table(text)


# ---- forms ------------------------------------------------------------------------------------------------------------------------------


def _json(text: str) -> _Table | None:
    """JSON lines, or one list of objects. None if no line is one: Python prints its dictionaries alike."""
    try:
        whole = json.loads(text)
        records = whole if isinstance(whole, list) else [whole]
        bad: list[int] = []
        lines = len(records)
    except (json.JSONDecodeError, RecursionError):
        records, bad, lines = [], [], 0
        for place, line in enumerate(text.splitlines(), 1):
            if line.strip():
                lines += 1
                try:
                    records.append(json.loads(line))
                except (json.JSONDecodeError, RecursionError):
                    bad.append(place)
    flat = [dict(_flat(each)) for each in records if isinstance(each, dict)]
    if not flat or len(flat) < 0.5 * lines:
        return None
    names = list(dict.fromkeys(itertools.chain.from_iterable(flat)))[:MOST_COLUMNS]
    table = _Table({}, lines)
    for name in names:
        cells = [each.get(name) for each in flat]
        values = _column(["" if cell is None else str(cell) for cell in cells], comma=False)
        if values is not None:
            table.columns[name] = values[0]
    if lines > len(flat):
        table.notes.append(
            f"{_lines(bad)}: no JSON." if bad else f"{lines - len(flat):,} of {_count(lines, 'row')} are no objects and left out."
        )
    return _some(table)


def _flat(record: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in record.items():
        if isinstance(value, Mapping) and before.count("/") < 4:
            yield from _flat(value, f"{before}{name}/")
        elif isinstance(value, bool) or not isinstance(value, list | dict):
            yield before + str(name), value


def _list(text: str) -> _Table | None:
    """Nothing but numbers, however they are divided: one curve, in their order."""
    head = text[:2000]
    if re.search(r"[A-Za-z]{2}", _WRAPPED.sub("1", re.sub(_NAN, "1", re.sub(_INF, "1", re.sub(r"(?i)\b(none|null|na|n/a)\b", "1", head))))):
        return None
    lines = [line for line in text.splitlines() if line.strip()]
    tokens = re.split(r"[\s,;]+", _WRAPPED.sub(r"\1", text).strip(" \t\r\n,;[]()"))
    widths = {len(re.split(r"[\s,;]+", line.strip(" \t\r,;[]()"))) for line in lines[:50]}
    if len(lines) > 1 and widths != {1} and "[" not in head:
        return None
    found = _column([token.strip("[]()'\"") for token in tokens], comma=False)
    if found is None or found[1]:
        return None
    return _Table({"loss": found[0]}, len(tokens), named=False)


def _printed(text: str) -> _Table | None:
    """The lines that a program prints while it trains: names with a colon or an equals sign, and a number."""
    lines = text.splitlines()
    if sum(bool(_NAMED.search(line) or _SPOKEN.search(line)) for line in lines[:200]) < 0.3 * sum(
        bool(line.strip()) for line in lines[:200]
    ):
        return None
    records, without, count = [], 0, None
    for line in lines:
        pairs = dict(_SPOKEN.findall(line)) | dict(_NAMED.findall(line))
        counted = {name.lower(): value for name, value in _COUNTED.findall(line)}
        if {name.lower() for name in pairs} - COUNTERS:
            records.append((count or {}) | counted | pairs)
            count = None
        elif counted:
            count, without = counted, without + 1  # Keras prints the epoch above its losses
        else:
            without += bool(line.strip())
    if not records:
        return None
    names = list(dict.fromkeys(itertools.chain.from_iterable(records)))[:MOST_COLUMNS]
    table = _Table({}, len(records) + without)
    for name in names:
        values = _column([record.get(name, "") for record in records], comma=False)
        if values is not None:
            table.columns[name] = values[0]
    if without:
        table.notes.append(f"{_count(without, 'line')} without a name and a number {'is' if without == 1 else 'are'} left out.")
    return _some(table)


def _table(text: str) -> _Table:
    """Rows of cells, with or without a line of names."""
    rows, delimiter = _rows(text)
    width = Counter(len(cells) for _, cells in rows[:2000]).most_common(1)[0][0]
    if width > MOST_COLUMNS:
        raise ValueError(f"the file must have at most {MOST_COLUMNS} columns, got {width}")
    if delimiter == "," and width == 2 and _are_decimals(rows):
        rows, delimiter, width = [(line, [",".join(cells)]) for line, cells in rows], ";", 1
    first = next(i for i, (_, cells) in enumerate(rows) if len(cells) == width)
    head = rows[first][1]
    named = any(_value(cell, comma=delimiter != ",") is _TEXT for cell in head)
    if first and not named:
        _refuse_decimal_commas(rows[first - 1], rows[first], delimiter)
    counted = rows[:first] + rows[first + named :]
    body = [(line, cells) for line, cells in counted if len(cells) == width and not (named and cells == head)]
    names = _distinct(head) if named else ["loss"] if width == 1 else [f"column {i + 1}" for i in range(width)]
    table = _Table({}, len(counted), named=named or width == 1)
    if len(body) < len(counted):
        kept = {line for line, _ in body}
        odd = [line for line, _ in counted if line not in kept]
        table.notes.append(f"{_lines(odd)}: not {_count(width, 'cell')} as in most rows, or the names once more.")
    if not body:
        raise ValueError(f"the file must have rows of numbers under its names, and there are only the names {', '.join(names[:5])}")
    comma = decimal_comma([cell for _, cells in body[:20_000] for cell in cells], delimiter)
    if comma is not None:
        table.notes.append(f"Numbers are read with decimal commas: {comma!r} is {number(comma, decimal_comma=True):g}.")
    for i, name in enumerate(names):
        _take(table, name, body, i, comma=comma is not None)
    return _some(table)


def _take(table: _Table, name: str, body: Sequence[tuple[int, list[str]]], i: int, *, comma: bool) -> None:
    """Reads one column of the rows into the table, or notes why not."""
    found = _column([cells[i] for _, cells in body], comma=comma)
    if found is None:
        table.notes.append(f"Column {name!r} is text and is left out.")
        return
    table.columns[name], texts = found
    if texts:
        line, cells = body[texts[0]]
        table.notes.append(
            f"In {name!r} {_count(len(texts), 'cell')} of text count{'s' * (len(texts) == 1)} as missing: {cells[i][:30]!r} in line"
            f" {line:,}{', …' * (len(texts) > 1)}."
        )


def _rows(text: str) -> tuple[list[tuple[int, list[str]]], str]:
    """Each row's line and cells, and what divides them. A # before a line is dropped."""
    text = re.sub(r"(?m)^#[ \t]*", "", text)
    head = [line for line in text[:100_000].splitlines() if line.strip()][:200]
    counts = {each: Counter(line.count(each) for line in head if each in line) for each in (*DELIMITERS, "|")}
    share = {each: max(count.values(), default=0) / max(len(head), 1) for each, count in counts.items()}
    delimiter = max(share, key=lambda each: share[each])
    if share[delimiter] < 0.3:
        text, delimiter = re.sub(r"(?m)[ \t]+$|^[ \t]+", "", re.sub(r"[ \t]+", " ", text)), " "
    elif delimiter == "|":
        text = re.sub(r"(?m)^[ \t]*\||\|[ \t]*$", "", re.sub(r"(?m)^[ \t|:-]+$", "", text))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if row]
    except csv.Error as error:
        raise ValueError(f"the file must have a row in each line, and line {reader.line_num} cannot be read: {error}") from None
    rows = [(line, cells) for line, cells in rows if any(cells)]
    if not any(isinstance(_value(cell, comma=True), float) for _, cells in rows[:2000] for cell in cells) and len(rows) != 1:
        raise ValueError(f"the file must have numbers, and none was found; its first line is {(head or ['#'])[0].strip()[:60]!r}")
    return rows, delimiter


def _are_decimals(rows: Sequence[tuple[int, list[str]]]) -> bool:
    """Whether pairs of whole numbers without names, such as 0,52, are one number each: they are, unless the first counts."""
    cells = [each for _, each in rows[:200] if len(each) == 2]
    if not all(part.lstrip("+-").isdecimal() for pair in cells for part in pair):
        return False
    whole = [int(first) for first, _ in cells]
    return not all(a < b for a, b in itertools.pairwise(whole)) or len(whole) < 2


def _refuse_decimal_commas(names: tuple[int, list[str]], row: tuple[int, list[str]], delimiter: str) -> None:
    """Names of fewer cells than the numbers below them: decimal commas in a file that is divided by commas."""
    (_, above), (line, below) = names, row
    words = all(_value(cell, comma=False) is _TEXT for cell in above)
    if delimiter == "," and words and len(above) < len(below) <= 2 * len(above):
        raise ValueError(
            f"every line must have as many cells as there are names, {len(above)}, but line {line} has {len(below)}: with decimal commas"
            " the cells must be divided by semicolons or tabs"
        )


def _some(table: _Table) -> _Table:
    if not table.columns:
        raise ValueError("the file must have a column of numbers, and every column is text")
    return table


def _distinct(names: Sequence[str]) -> list[str]:
    """The names, with a number behind those that came before, and one for each that is empty."""
    found: list[str] = []
    for place, name in enumerate(names, 1):
        name = name or f"column {place}"
        found.append(name if name not in found else f"{name} ({place})")
    return found


def _lines(places: Sequence[int]) -> str:
    """``Line 7 is left out``, ``3 lines are left out (7, 9, 12)``."""
    if len(places) == 1:
        return f"Line {places[0]:,} is left out"
    shown = ", ".join(f"{each:,}" for each in places[:5])
    return f"{len(places):,} lines are left out ({shown}{', …' if len(places) > 5 else ''})"


def _count(number: int, thing: str) -> str:
    """``1 row``, ``2 rows``.

    >>> _count(1200, "row")
    '1,200 rows'
    """
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


# ---- cells ------------------------------------------------------------------------------------------------------------------------------

_TEXT = object()


def _column(cells: Sequence[str], *, comma: bool) -> tuple[Numbers, list[int]] | None:
    """The numbers of a column, masked where they are missing, and which cells were text; None if most are."""
    try:
        found = np.array(cells, dtype=float)  # the usual case, at the speed of C
        return np.ma.masked_array(found, np.zeros(len(cells), dtype=bool)), []
    except ValueError:
        pass
    values, gone, texts = np.full(len(cells), np.nan), np.zeros(len(cells), dtype=bool), []
    for i, cell in enumerate(cells):
        value = _value(cell, comma=comma)
        if isinstance(value, float):
            values[i] = value
            continue
        gone[i] = True
        if value is _TEXT:
            texts.append(i)
    if len(texts) > 0.5 * (len(cells) - gone.sum() + len(texts)):
        return None
    return np.ma.masked_array(values, gone), texts


def _value(cell: str, *, comma: bool) -> Any:
    """A cell's number, None if it is missing, `_TEXT` if it is neither."""
    try:
        return float(cell)
    except ValueError:
        pass
    if comma and COMMA.fullmatch(cell):
        return number(cell, decimal_comma=True)
    plain = _WRAPPED.sub(r"\1", cell).strip().rstrip("%").replace("−", "-")
    if _NAN.fullmatch(plain):
        return float("nan")
    if _INF.fullmatch(plain):
        return float("-inf") if plain.startswith("-") else float("inf")
    if plain.lower() in MISSING:
        return None
    try:
        return float(plain)
    except ValueError:
        return _TEXT


# ---- columns ----------------------------------------------------------------------------------------------------------------------------


def _chosen_roles(table: _Table, by_hand: Mapping[str, str | None]) -> dict[str, str]:
    """Which column is what: by hand, else by name, else, where there are no names, by place."""
    for role, name in by_hand.items():
        if role not in ROLES:
            raise ValueError(f"a role must be one of {', '.join(ROLES)}, got {role!r}")
        if name is not None and name not in table.columns:
            raise ValueError(f"{ROLES[role]} must be one of the columns {', '.join(table.columns)}, got {name!r}")
    found: dict[str, str] = {}
    for role in ROLES:
        if role in by_hand:
            name = by_hand[role]
        else:
            taken = {*found.values(), *(each for each in by_hand.values() if each)}
            name = _by_name(role, [each for each in table.columns if each not in taken]) if table.named else None
        if name is not None:
            found[role] = name
    if "train" not in found and "train" not in by_hand:
        rest = [name for name in table.columns if name not in found.values()]
        if not table.named and len(rest) > 1 and "step" not in by_hand and _grows(table.columns[rest[0]]):
            found["step"] = rest.pop(0)
        if "validation" in found and not rest:
            found["train"] = found.pop("validation")
        elif rest:
            found["train"] = rest[0]
        else:
            raise ValueError(f"the file must have a column with a loss, and {', '.join(map(repr, table.columns))} is none")
        if table.named and len(table.columns) > 1:
            table.notes.append(f"No column is named like a training loss: {found['train']!r} is taken for it.")
    return {role: found[role] for role in ROLES if role in found}


def _by_name(role: str, names: Sequence[str]) -> str | None:
    """The first column that the surest pattern knows."""
    plain = {name: _plain(name) for name in names}
    usual = [name for name in names if not re.search(r"__(MIN|MAX)$", name)]
    for pattern in NAMES[role]:
        for name in usual:
            if re.search(pattern, plain[name]):
                return name
    return None


def _plain(name: str) -> str:
    """A column's name without its run, capitals and signs.

    >>> _plain("run-1 - train/Loss"), _plain("valLoss")
    ('train_loss', 'val_loss')
    """
    name = re.sub(r"([a-z])([A-Z])", r"\1_\2", name.split(" - ")[-1])
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _grows(values: Numbers) -> bool:
    whole = values.compressed()
    return whole.size == len(values) > 1 and bool(np.isfinite(whole).all()) and bool((np.diff(whole) > 0).all() and (whole % 1 == 0).all())


def _ordered(table: _Table, roles: Mapping[str, str]) -> tuple[dict[str, Numbers], NDArray[np.float64] | None, int]:
    """The columns in the order of the steps, the steps, and how many rows that is. Notes what was sorted and dropped."""
    rows = len(next(iter(table.columns.values())))
    if "step" not in roles:
        return table.columns, None, rows
    name = roles["step"]
    step = table.columns[name].filled(np.nan)
    usable = np.isfinite(step)
    distinct = np.unique(step[usable]).size
    if distinct < 0.5 * usable.sum() or distinct < 2 or usable.sum() < 0.5 * rows:
        if rows > 1:
            table.notes.append(f"{name!r} does not count the rows: the file's order is used instead.")
        return table.columns, None, rows
    kept = np.flatnonzero(usable)
    if kept.size < rows:
        table.notes.append(f"{_count(rows - kept.size, 'row')} without a step {'is' if rows - kept.size == 1 else 'are'} left out.")
    order = kept[np.argsort(step[kept], kind="stable")]
    if not (np.diff(step[kept]) >= 0).all():
        table.notes.append(f"The rows were not in the order of {name!r}, and were sorted.")
    merged, steps, twice = _merged(table.columns, order, step)
    if twice:
        table.notes.append(f"{_count(twice, 'row')} repeat{'s' * (twice == 1)} a step: of equal steps the last value counts.")
    return merged, steps, len(order)


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
    """At most `MOST_ROWS` rows: every so-many-th, an odd number apart, and the last one."""
    rows = len(next(iter(columns.values())))
    if rows <= MOST_ROWS:
        return columns, step
    every = -(-rows // MOST_ROWS) | 1
    kept = np.unique(np.append(np.arange(0, rows, every), rows - 1))
    notes.append(f"Of {rows:,} rows every {every}th is looked at, and the last: {kept.size:,} in all.")
    return {name: values[kept] for name, values in columns.items()}, None if step is None else step[kept]
