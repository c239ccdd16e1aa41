"""A log that is one document, or a row of them: JSON, Python's print of it, lists of numbers."""

import contextlib
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from explorer.core.files.roles import COUNTERS, MOST_LETTERS, is_side, kind, names_run, tells_runs, tells_sides, words
from explorer.core.files.rows import COUNTED, Lines, column
from explorer.core.files.sheet import (
    MOST_CELLS,
    MOST_LABELS,
    Numbers,
    Sheet,
    beyond,
    left_out,
    ma,
    most_columns,
    sheet,
    spread,
)
from explorer.core.files.text import TEXT, plainly, value
from explorer.core.ground.checks import must, typed
from explorer.core.ground.prose import counted

MOST_LISTS = 3_000  # what has more is no file of lists

_PYTHON = [(re.compile(rf"(?<![\w'\"]){word}(?![\w'\"])"), json_word) for word, json_word in
           (("nan", "NaN"), ("inf", "Infinity"), ("None", "null"), ("True", "true"), ("False", "false"))]  # fmt: skip
_PYTHON_ROW = re.compile(r"([{,]\s*+)(\d++)(?=\s*+:\s*+\{)")  # {0: {'loss': 0.5}}


def document(text: str) -> Sheet | None:
    """One JSON document with a list of objects (trainer_state.json has it as `log_history`), or Python's print of one. None for others.

    >>> document('{"log_history": [{"loss": 2.0}, {"loss": 1.0}]}').columns["loss"].tolist()
    [2.0, 1.0]
    """
    first, _, rest = text.strip().partition("\n")
    if first[:1] not in ("{", "[") or (rest and first.rstrip().endswith("}")):  # what ends in its first line is one of many
        return None
    cut: list[str] = []
    try:
        found = json.loads(text, parse_int=float)
    except (json.JSONDecodeError, RecursionError) as error:
        if isinstance(error, RecursionError):
            raise ValueError("the file must have a row in each line, and its JSON is nested deeper than a log is, from line 1 on") from None
        try:
            text = _PYTHON_ROW.sub(r'\1"\2"', text)
            for pattern, plain in _PYTHON:
                text = pattern.sub(plain, text)
            found = json.loads(text.replace("'", '"'), parse_int=float) if len(text) < 1 << 22 else None
        except (json.JSONDecodeError, RecursionError):
            found = _whole_objects(text)
            if found is None:
                return None
            cut = ["The file ends within a row, which is left out."]
    records = _objects(found) or ([found] if isinstance(found, dict) else [])
    kept = spread(len(records)) if records else []
    flat = [(row + 1, dict(_flat(records[row]))) for row in kept]
    named = list(_series(records[0])) if len(records) == 1 else []
    if any(kind(name) in ("train", "validation") for name, _ in named):
        columns = _named_lists(named, text.count("\n", 0, text.index("[")) + 1)
        columns.labels = dict(itertools.islice(_labels(records[0], columns.rows), MOST_LABELS))
        return columns
    if len(flat) > 1 or (flat and not any(isinstance(each, list) for each in records[0].values())):
        few = [f"Of {len(records):,} rows {len(kept):,} were read, evenly."] if len(kept) < len(records) else []
        return sheet(flat, ["A row's line is its place in the list.", *few, *cut])
    listed = lists(text)
    if listed is None and found is not None:
        raise ValueError(f"the file must have a list of rows, or lists of numbers, and its JSON, from line 1 on, has none: {first[:40]!r}")
    return listed


def _whole_objects(text: str) -> Any:
    """What a document has before its last whole object, if it was cut off behind it, as where a run was killed; None if it was not."""
    end = text.rfind("}")
    for brackets in ("]", "]}", "}", "}}") if end > 0 and text.rstrip()[-1] not in "]}" and len(text) < 1 << 22 else ():
        with contextlib.suppress(json.JSONDecodeError, RecursionError):
            return json.loads(text[: end + 1] + brackets, parse_int=float)
    return None


def _objects(found: Any, depth: int = 0) -> list[dict[str, Any]]:
    """The longest list of objects in a document; its rows as objects, where their names stand apart as `columns`."""
    if isinstance(found, list):
        return [each for each in found if isinstance(each, dict)]
    if not isinstance(found, dict) or depth > 3:
        return []
    if isinstance(names := found.get("columns"), list) and isinstance(rows := found.get("data"), list):
        return [dict(zip(map(str, names), row, strict=False)) for row in rows if isinstance(row, list)]
    own: list[dict[str, Any]] = []
    if columns := {name: each for name, each in found.items() if isinstance(each, dict) and _counts(each) and _flat_values(each)}:
        rows = dict.fromkeys(key for each in columns.values() for key in each)
        if len(rows) * len(columns) > 4 * MOST_CELLS:
            raise must("rows × names", f"≤ {4 * MOST_CELLS:,}", f"{len(rows):,} × {len(columns):,}: keep some of them")
        own = _in_order({row: {name: each.get(row) for name, each in columns.items()} for row in rows})  # pandas' to_json
    elif _counts(found) and all(isinstance(each, dict) and not any(True for _ in _series(each)) for each in found.values()):
        own = _in_order(found)
    elif depth == 0 and len(found) > 1 and _counts(found) and _flat_values(found):
        own = _in_order({row: {"loss": each} for row, each in found.items()})
    inside = [_objects(each, depth + 1) for each in found.values()] if not own or columns else []
    return max([own, *inside], key=lambda rows: (any(_names_loss(row) for row in rows[:1]), len(rows)))


def _names_loss(row: Mapping[str, Any]) -> bool:
    return any(kind(name) in ("train", "validation") for name, _ in _flat(row))


def _counts(found: Mapping[str, Any]) -> str | None:
    """What the names of an object count, as those of pandas' rows, or of ``{"epoch_1": …, "epoch_2": …}``; None if they do not."""
    named = [_ROW_NAME.fullmatch(name) for name in found]
    what = {name[1].lower() if name else "?" for name in named}
    word = what.pop() if len(what) == 1 else "?"
    return word or "index" if not word or kind(word) in COUNTERS else None


def _flat_values(found: Mapping[str, Any]) -> bool:
    return not any(isinstance(each, dict | list) for each in found.values())


def _in_order(found: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows in the order of the numbers in their names, each with its own."""
    what = _counts(found) or "index"
    numbers = {name: float(match[2]) for name in found if (match := _ROW_NAME.fullmatch(name))}
    return [{what: numbers[name], **found[name]} for name in sorted(numbers, key=lambda each: numbers[each])]


_ROW_NAME = re.compile(r"\A([^\W\d_]*+)[ _:#=.-]{0,3}+(\d++(?:\.\d++)?)")


def json_lines(lines: Lines) -> Sheet | None:
    """An object in each line; None if fewer than half of the lines are one."""
    records, bad = [], []
    begin = [line for _, line in lines if line.strip()][:200]
    if sum(line.lstrip().startswith("{") and line.rstrip().endswith("}") for line in begin) < 0.5 * len(begin):
        return None
    for place, line in lines:
        if line.strip():
            try:
                found = json.loads(line, parse_int=float)
                records.append((place, dict(_flat(found)) if isinstance(found, dict) else {}))
            except (json.JSONDecodeError, RecursionError):
                bad.append(place)
    if len(records) < len(bad) or not any(each for _, each in records):
        return None
    found = sheet(records, [f"{left_out(bad)}: no JSON."] if bad else [])
    found.rows += len(bad)
    return found


def _flat(record: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, float | str]]:
    for name, each in record.items():
        while isinstance(each, list) and len(each) == 1:
            each = each[0]
        if isinstance(each, Mapping) and before.count("/") < 4:
            yield from _flat(each, f"{before}{name}/")
        elif isinstance(each, str) and (names_run(f"{before}{name}") or is_side(each)):
            yield f"{before}{name}", each
        elif isinstance(each, str | int | float) and not isinstance(each, bool):
            found = value(plainly(each), decimal_comma=False) if isinstance(each, str) else float(each)
            if isinstance(found, float):
                yield f"{before}{name}", found


def _series(record: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Numbers]]:
    """The lists of numbers at any depth, each with the names on the way to it."""
    for name, each in record.items():
        if isinstance(each, Mapping) and before.count("/") < 4:
            yield from _series(each, f"{before}{name}/")
        elif isinstance(each, list) and each and (found := column([str(one) for one in each], comma=False)) and not found[1]:
            yield f"{before}{name}", found[0]


def _labels(record: Mapping[str, Any], rows: int) -> Iterator[tuple[str, list[str]]]:
    """The lists of text that name the run of each row, or its side."""
    for name, each in record.items():
        texts = isinstance(each, list) and len(each) == rows and all(isinstance(one, str) for one in each)
        if texts and (tells_runs(name, each) or tells_sides(each)):
            yield name, [one[:MOST_LETTERS] for one in each]


def lists(text: str) -> Sheet | None:
    """Lists of numbers with names, such as ``losses = [1.2, 0.9]`` or the History of Keras; a list of rows; nothing but numbers.

    >>> lists("{'loss': [2.0, 1.0], 'val_loss': [2.1, nan]}").columns["val_loss"].tolist()
    [2.1, nan]
    """
    text = _bracketed(text)
    if _PAIRS.match(text):  # (0, 1.0) in each line, or a list of such
        text = text.translate(str.maketrans("()", "[]"))
    elif _NUMBERED.match(text):  # {0: 1.0, 1: 0.9}
        text = _NUMBERED_ITEM.sub(r"[\1, \2]", text)
    if (even := _even(text)) is not None:
        return even
    blocks: list[tuple[str, Numbers, int]] = []
    inside = end = 0
    broken: re.Match[str] | None = None
    for match in re.finditer(r"\[([^\[\]/]++)(?:\]|\Z)", text):  # [3/10] counts
        found = _numbers(match[1])
        if found is None and broken is None and _LISTED.match(match[1]):
            broken = match
        if found is not None:
            name = _name_before(text[max(end, match.start() - 120) : match.start()])
            inside += len(match[0]) + (len(name) + 4 if name else 0)
            blocks.append((name, found, match.start()))
        end = match.end()
        if (inside < 0.2 * end and end > 20_000) or len(blocks) > MOST_LISTS:
            break
    mostly = inside > 0.5 * len(text.strip()) and len(blocks) <= MOST_LISTS
    if mostly and 2 * sum(len(found) for name, found, _ in blocks if name) > sum(len(found) for _, found, _ in blocks):
        line = text.count("\n", 0, next(start for name, _, start in blocks if name)) + 1
        return _named_lists([(name, found) for name, found, _ in blocks if name], line)
    if broken is not None and _is_literal(text):
        other = next(each for each in re.split(r"[\s,;]++", broken[1]) if value(each, decimal_comma=False) is TEXT)
        line = text.count("\n", 0, broken.start()) + 1
        raise ValueError(f"the file must have nothing but numbers in a list, and the one in line {line:,} has {typed(other)}")
    return _bare(text)


def _bracketed(text: str) -> str:
    """The text with brackets around the numbers of each line that has a name and nothing else.

    A name that stands twice, or counts, as of ``epoch 1: 0.5 0.4 0.3``, is one of rows: the text is then as it was.
    """
    lines = [line.partition(":" if ":" in line else "=") for line in text.split("\n", MOST_NAMED) if line.strip()]
    names = {name.strip() for name, _, numbers in lines if _SEVERAL.match(numbers) and _numbers(numbers) is not None}
    if len(lines) > MOST_NAMED or len(names) < len(lines) or any(word.isdecimal() for name in names for word in words(name)):
        return text
    return "\n".join(f"{name} = [{numbers}]" for name, _, numbers in lines)


_SEVERAL = re.compile(r"\A[ \t]*+[-+.\w]++(?:[ \t]*+[,;][ \t]*+|[ \t]++)[-+.\w]++(?:[ \t]*+[,;][ \t]*+|[ \t]++)[-+.\w]")  # three or more
MOST_NAMED = 50  # lists in lines of their own


def _is_literal(text: str) -> bool:
    """Whether a text is one list or dictionary as Python writes it, perhaps with its name: what opens first closes at the end, if ever."""
    begin, depth = _OPENS.match(text), 0
    for bracket in re.finditer(r"[\[({\])}]", text) if begin else ():
        depth += 1 if bracket[0] in "[({" else -1
        if not depth:
            return not text[bracket.end() :].strip(" \t\r\n,;")
    return begin is not None


def _even(text: str) -> Sheet | None:
    """Rows of equally many numbers in brackets, and little else, read at once; None for others."""
    inside = [] if len(_NAMED.findall(text)) > 1 else re.findall(r"\[([^\[\]]++)\]", text)
    widths = {each.rstrip(" ,").count(",") + 1 for each in inside}
    width = widths.pop() if len(widths) == 1 and len(inside) > 2 else 0
    if not 1 < width <= 20 or sum(map(len, inside)) + 2 * len(inside) <= 0.5 * len(text.strip()):
        return None
    found = _numbers(",".join(each.rstrip(" ,") for each in inside))
    if found is None or len(found) != width * len(inside):
        return None
    rows = found.reshape(-1, width)
    board = width == 3 and rows[0, 0] > 1e9
    titles = ["Wall time", "Step", "Value"] if board else [f"column {i + 1}" for i in range(width)]
    return Sheet(dict(zip(titles, rows.T, strict=True)), np.arange(1, len(rows) + 1), len(rows), named=board)


_OPENS = re.compile(r"\A\s*+(?:[\w.]++\s*+=\s*+)?[\[({]")
_LISTED = re.compile(r"\A\s*+[-+\d.][\d.e+-]*+\s*+(?:,|(?<=\s)[-+\d.])")
_NAMED = re.compile(r"[=:]\s*+\[")
_PAIRS = re.compile(r"\A\s*+(?:\w++\s*+[=:]\s*+)?\[?\s*+\(\s*+[\d.]++\s*+,\s*+[-+\w.]++\s*+[,)]")
_NUMBERED = re.compile(r"\A\s*+\{\s*+\d++\s*+:")
_NUMBERED_ITEM = re.compile(r"(?<![\w.])(\d++)\s*+:\s*+([-+\w.]++)")


def _named_lists(blocks: Sequence[tuple[str, Numbers]], line: int) -> Sheet:
    pieces: dict[str, list[Numbers]] = {}
    for name, found in blocks:
        pieces.setdefault(name[:MOST_LETTERS], []).append(found)
    longest = max(sum(map(len, each)) for each in pieces.values())
    columns = {name: ma.concatenate(each) for name, each in itertools.islice(pieces.items(), most_columns(longest))}
    longest = max(map(len, columns.values()))
    short = [name for name, found in columns.items() if len(found) < longest]
    padded = {name: ma.concatenate([found, ma.masked_all(longest - len(found))]) for name, found in columns.items()}
    notes = [f"{name!r} has {counted(len(columns[name]), 'value')}, and the longest list {longest:,}." for name in short[:3]]
    return Sheet(padded, np.full(longest, line), longest, notes + beyond(len(pieces), len(columns)))


def _name_before(text: str) -> str:
    """The name before a list: of ``train_losses = [`` it is train_losses."""
    text = text.rstrip(" \t\r\n([{")
    if not text.endswith((":", "=")):
        return ""
    found = re.search(r"(?<![\w./ -])[\w./ -]++$", text[:-1].rstrip(" \t'\"")[-60:])
    return found[0].strip() if found else ""


def _bare(text: str) -> Sheet | None:
    """Nothing but numbers, however they are divided: one curve, in their order."""
    lines = [line for line in text.split("\n") if line.strip()]
    if any(len(re.findall(r"[^\s,;]++", line)) > 1 for line in lines[:50]) and len(lines) > 1 and text.lstrip()[0] not in "[(":
        return None
    if sum(bool(COUNTED.match(line)) for line in lines[:50]) > 0.5 * len(lines[:50]):  # [3] 0.5
        return None
    found = _numbers(text)
    if found is None or not np.ma.count(found):
        return None
    places = np.arange(1, len(found) + 1) if len(lines) == len(found) else np.ones(len(found), dtype=np.intp)
    return Sheet({"loss": found}, places, len(found), named=False)


def _numbers(text: str) -> Numbers | None:
    """The numbers in a text of nothing else, masked where one is missing; None if there is anything else."""
    text = text.strip(" \t\r\n,;[](){}")
    if any(value(token, decimal_comma=False) is TEXT for token in re.split(r"[\s,;]++", text[:400])[:-1]):
        return None
    tokens = re.split(r"[\s,;]++", text)
    found = column(tokens, comma=False)
    return None if found is None or found[1] else found[0]
