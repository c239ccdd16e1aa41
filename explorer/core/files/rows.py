"""A log as a table: rows of cells, with or without a line of names, whose names may change on the way."""

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from explorer.core.files.lines import AMBIGUOUS, LONGEST, ambiguous
from explorer.core.files.roles import MOST_LETTERS, kind, tells_runs, tells_sides
from explorer.core.files.sheet import MOST_COLUMNS, Numbers, Sheet, beyond, left_out, ma, most_columns
from explorer.core.files.text import COMMA, DELIMITERS, TEXT, best_delimiter, cells, closed, decimal_comma, number, unspaced, value
from explorer.core.ground.prose import counted

Lines = Sequence[tuple[int, str]]  # lines with their numbers in the file

KEYS = ("key", "metric", "tag", "name", "variable", "series")  # columns that say what the value beside them is
_ROW = re.compile(r"\A\s*+[-+.]?+\d")
_COMMENTED = re.compile(r"\A\s*+#\s*+[-+.]?+\d")
_DIVIDED = re.compile(r",[ \t]++")
_WIDE = re.compile(r"\s{2,}+")
_NAME = re.compile(r"\S++(?: \S++)*+")
COUNTED = re.compile(r"\A\s*+[\[(<](\d++)(?:/\d++)?[\])>]:?(?=\s++\S)")  # [3] 0.5
_BAR = re.compile(r"(?<!\d)\d{1,3}%\|.*")
_WHOLE = re.compile(r"[+-]?\d++")
_HEAD, _GROUPS = re.compile(r"[+-]?\d{1,3}"), re.compile(r"(?:\d{3})++(?:\.\d*+)?")


def table(lines: Lines) -> Sheet:
    """Rows of cells, with or without a line of names; where other names follow, their columns stand beside the first ones.

    Raises ValueError for what is no table of numbers.
    """
    lines, comments = _without_comments(lines)
    places, rows, delimiter = _rows(lines)
    widths: dict[int, int] = {}
    for row in rows[:2000]:
        widths[len(row)] = widths.get(len(row), 0) + 1
    width = max(widths, key=lambda each: widths[each] * (each > 1 or delimiter == " "))
    named = len(rows[0])
    if delimiter != " " and named > 1 and _texts(rows[0]) and (widths[named] > 1 or not any(any(row[named:]) for row in rows[:2000])):
        width = named  # blank cells at the end are left out in most rows, or too many
    if width > MOST_COLUMNS:
        raise ValueError(f"the file must have at most {MOST_COLUMNS} columns, got {width:,}: keep those of the steps and the losses")
    if delimiter == "," and width == 2 and _are_decimals(rows):
        rows, delimiter, width = [[",".join(row)] for row in rows], ";", 1
    counts = delimiter == "," and width == 2 and all(map(str.isdecimal, rows[0])) and len(rows[0]) == 2
    sections, odd, cut = _sections(places, rows, width, delimiter)
    numbered = sorted(row for _, found in sections for row in found)
    if not numbered:
        only = ", ".join(cell[:40] for cell in rows[0][:5])
        raise ValueError(f"the file must have rows of numbers under its names, and there are only the names {only}")
    kept = {row: i for i, row in enumerate(numbered)}
    found = Sheet({}, np.array([places[row] for row in numbered]), len(numbered) + len(odd), named=bool(sections[0][0]) or width == 1)
    if comments:
        found.notes.append(f"{left_out(comments)}: commented out by a #.")
    if odd:
        found.notes.append(f"{left_out([places[row] for row in odd])}: not {counted(width, 'cell')} as in most rows, or names again.")
    if cut:
        told = ", ".join(f"{places[row]:,}" for row, _ in cut[:5]) + ", …" * (len(cut) > 5)
        found.notes.append(f"{counted(len(cut), 'row')} with more cells than names ({told}): {cut[0][1]} in the first.")
    after = [row for row in odd if row > numbered[-1] and len(rows[row]) > 1 and _begins(rows[row])]
    found.alarms = tuple(("unread", places[row], delimiter.join(rows[row])[:100]) for row in after)
    if counts:
        found.notes.append(f"{','.join(rows[0])!r} is ambiguous: it is read as two numbers, because the first of them counts.")
    given = [cell for row in numbered[:20_000] for cell in rows[row]]
    comma = decimal_comma(given, delimiter)
    if comma is not None:
        found.notes.append(f"Numbers are read with decimal commas: {comma!r} is {number(comma, decimal_comma=True):g}.")
        found.notes += [ambiguous(cell) for cell in given if AMBIGUOUS["."].fullmatch(cell)][:1]
    every, most = set[str](), most_columns(len(numbered))
    for names, body in sections:
        titles = _distinct(names) if names else ["loss"] if width == 1 else [f"column {i + 1}" for i in range(width)]
        at = [kept[row] for row in body]
        columns = dict(zip(titles, zip(*(rows[row] for row in body), strict=True), strict=True))
        for name, each, places_of in _curves(columns, at):
            every.add(name)
            if name in found.columns or len(found.columns) < most:
                _take(found, name, each, places_of, comma=comma is not None)
    found.notes += beyond(len(every), most)
    if not found.columns:
        raise ValueError("the file must have a column of numbers, and every column is text")
    return found


def _curves(columns: Mapping[str, Sequence[str]], at: Sequence[int]) -> Iterator[tuple[str, Sequence[str], Sequence[int]]]:
    """Each column with its rows; where one names what the value of a row is, the values of each name instead."""
    of = {name.lower(): name for name in columns}
    key, values = (next((of[each] for each in among if each in of), "") for among in (KEYS, ("value", "values")))
    rows: dict[str, list[int]] = {}
    if key and values:
        for i, cell in enumerate(columns[key]):
            rows.setdefault(cell, []).append(i)
    if not rows or len(rows) > min(MOST_COLUMNS, 0.5 * len(at)) or column(list(rows), comma=False):
        rows = {}
    for name, row in rows.items():
        yield name[:MOST_LETTERS] or "value", [columns[values][i] for i in row], [at[i] for i in row]
    yield from ((name, each, at) for name, each in columns.items() if not rows or name not in (key, values))


def _rows(lines: Lines) -> tuple[list[int], list[list[str]], str]:
    """Each row's line and cells, and what divides them. Rulers are left out, and so are a # before a line and a progress bar behind it."""
    kept = [(place, _BAR.sub("", line.removeprefix("#").rstrip(" \r").replace("┃", "│"))) for place, line in lines]
    kept = [(place, COUNTED.sub(r"\1", line)) for place, line in kept]
    kept = [(place, line) for place, line in kept if line.strip("-=+|:_─│┼━╪═┏┳┓┡╇┩└┴┘├┤┌┬┐╭╮╰╯╞╡ \t")]
    kept = _by_semicolons(_without_thousands(kept))
    kept = [(place, line) for (place, _), line in zip(kept, closed([line for _, line in kept]), strict=True)]
    delimiter, share = best_delimiter([line for _, line in kept], DELIMITERS + "|│")
    widths = Counter(len(line.split()) for _, line in kept[:200])
    spaced = max((count / min(len(kept), 200) for width, count in widths.items() if width > 1), default=0.0)
    if share < 0.3 or (delimiter == "," and share < spaced):  # the commas are in the numbers
        names = list(_NAME.finditer(kept[0][1])) if kept else []
        under = [(place, _in_columns(line, names)) for place, line in kept[1:]]
        widths = Counter(len(line.split()) for _, line in under[:200]) or widths
        width = max(widths, key=lambda each: widths[each], default=0)
        kept, delimiter = [(place, _spaced(line, width)) for place, line in kept[:1]] + under, " "
    elif delimiter in "|│":
        kept = [(place, line.strip().removeprefix(delimiter).removesuffix(delimiter)) for place, line in kept]
    found = [(kept[line - 1][0], row) for line, row in cells([line for _, line in kept], delimiter) if any(row)]
    every = [isinstance(value(cell, decimal_comma=True), float) for _, row in found[:200] for cell in row]
    prose = delimiter == " " and sum(every) < 0.3 * len(every) and len(found) > 3
    if (
        prose
        or not found
        or not (any(every) or len(found) == 1 or any(isinstance(value(cell, decimal_comma=True), float) for cell in found[-1][1]))
    ):
        first = lines[0][1].strip()
        long = f", and has {len(first):,} characters, more than the {LONGEST:,} of a row that is read" if len(first) > LONGEST else ""
        raise ValueError(f"the file must have rows of numbers, and none was found; line {lines[0][0]} is {first[:60]!r}{long}")
    return [place for place, _ in found], [row for _, row in found], delimiter


def _without_comments(lines: Lines) -> tuple[Lines, list[int]]:
    """The lines without the rows that a # takes out, unless most rows have one, and where these are; none has a remark behind it."""
    marked = {place for place, line in lines if _COMMENTED.match(line)}
    rows = sum(bool(_ROW.match(line)) for _, line in lines)
    marked = marked if len(marked) < rows else set()
    kept = [(place, _unremarked(line)) for place, line in lines if place not in marked]
    return kept, sorted(marked)


def _unremarked(line: str) -> str:
    """A row of numbers without a remark such as ``# ok`` behind it."""
    row, mark, said = line.partition("#")
    remark = mark and row[-1:].isspace() and row.rstrip()[-1:].isdigit() and not said[:1].isdigit() and _ROW.match(row)
    return row.rstrip() if remark else line


def _without_thousands(lines: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """The lines with 1 200.5 as 1200.5, where each has as many cells as there are names only if single spaces divide none."""
    names = lines[0][1].split() if lines else []
    wide = [(place, _WIDE.split(line.strip())) for place, line in lines[1:]]
    spaced = any(" " in cell for _, row in wide[:200] for cell in row)
    if not spaced or len(names) < 2 or not _texts(names) or any(len(row) != len(names) for _, row in wide[:200]):
        return lines
    return [lines[0], *((place, "  ".join(unspaced(cell) for cell in row)) for place, row in wide)]


def _by_semicolons(lines: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """The lines of ``1, 2,4058, 2,3`` as ``1; 2,4058; 2,3``: where a space is behind some commas, the others are decimal."""
    rows = [_DIVIDED.split(line.strip()) for _, line in lines[:200]]
    body = rows[1:] if len(rows) > 1 else rows
    given = [cell for row in body for cell in row if "," in cell]
    if len({*map(len, rows)}) != 1 or len(rows[0]) < 2 or not all(map(COMMA.fullmatch, given)) or all(map(AMBIGUOUS[","].fullmatch, given)):
        return lines
    return [(place, "; ".join(_DIVIDED.split(line.strip()))) for place, line in lines]


def _spaced(line: str, width: int) -> str:
    """A line of cells, or of names that are divided by two spaces or more and hold single ones: ``LOSS NER  ENTS_F``."""
    line = line.replace("Unnamed: ", "Unnamed:_")  # pandas' name of a column without one
    names = re.split(r"\s{2,}+", line.strip())
    inside = 1 < len(names) in (width, width - 1) and len(line.split()) > width and value(line.split()[0], decimal_comma=True) is TEXT
    return " ".join("_".join(name.split()) for name in names) if inside else " ".join(line.split())


def _in_columns(line: str, names: Sequence[re.Match[str]]) -> str:
    """The cells of a line, and a question mark for each that is blank, where all others stand under one name each."""
    found = line.split()
    if not 1 < len(found) < len(names) or not isinstance(value(found[0], decimal_comma=True), float):
        return " ".join(found)
    under = [
        [i for i, name in enumerate(names) if cell.start() < name.end() and name.start() < cell.end()] for cell in _NAME.finditer(line)
    ]
    if len(under) != len(found) or any(len(each) != 1 for each in under):
        return " ".join(found)
    return " ".join({each[0]: cell for each, cell in zip(under, found, strict=True)}.get(i, "?") for i in range(len(names)))


def _sections(
    places: Sequence[int], rows: Sequence[list[str]], width: int, delimiter: str
) -> tuple[list[tuple[list[str], list[int]]], list[int], list[tuple[int, str]]]:
    """The names, none at first, with the rows under them; the rows that are neither; and those with too many cells, and what was done."""
    first = next(i for i, row in enumerate(rows) if len(row) == width)
    texts = [value(cell, decimal_comma=True) is TEXT for cell in rows[first]]
    head = all(texts) if delimiter == " " else any(texts)
    names: list[str] = []
    above = [row for row in rows[:first] if _texts(row)]
    if head:
        names, start = rows[first], first + 1
        while start < len(rows) and len(rows[start]) == width and "" in rows[start] and _texts([cell for cell in rows[start] if cell]):
            names, start = [f"{above} {below}".strip() for above, below in zip(names, rows[start], strict=True)], start + 1  # MATLAB's
    else:
        start = first
        titled = [row for row in above if len(row) == width - 1]
        if titled and delimiter == " ":  # pandas, which gives its index no name
            names = [above[-1][0] if len(above) > 1 and len(above[-1]) == 1 else "index", *titled[0]]
        elif above and delimiter == "," and len(above[-1]) < width <= 2 * len(above[-1]):
            raise ValueError(
                f"every line must have as many cells as there are names, {len(above[-1])}, but line {places[first]} has {width}: with"
                " decimal commas the cells must be divided by semicolons or tabs"
            )
    sections: dict[tuple[str, ...], list[int]] = {tuple(names): []}
    odd = [row for row in range(first) if rows[row] not in above] if names and not head else list(range(first))
    begun, cut = names, list[tuple[int, str]]()
    for i in range(start, len(rows)):
        row = rows[i]
        if row == names:
            odd.append(i)
        elif begun and 1 < len(row) <= MOST_COLUMNS and _texts(row) and sum(map(_known, row)) >= 2:
            names = row
            sections.setdefault(tuple(names), [])
        elif len(row) == (many := len(names) or width) or (delimiter != " " and _fits(row, many)):
            row[:] = [*row[:many], *[""] * (many - len(row))]
            sections[tuple(names)].append(i)
        elif names and sections[tuple(names)] and (read := _cut(row, rows[sections[tuple(names)][-1]], delimiter)):
            cut.append((i, read[1]))
            row[:] = read[0]
            sections[tuple(names)].append(i)
        else:
            odd.append(i)
    return [(list(names), found) for names, found in sections.items() if found], sorted(odd), cut


def _cut(row: Sequence[str], above: Sequence[str], delimiter: str) -> tuple[list[str], str] | None:
    """A row with too many cells as one like that above, and what was done: commas that divide thousands, or a cell behind its last."""
    many, joined = len(above), list(row)
    while delimiter == "," and len(joined) > many:
        pair = next((i for i in range(len(joined) - 2, 0, -1) if _HEAD.fullmatch(joined[i]) and _GROUPS.fullmatch(joined[i + 1])), 0)
        if not pair:
            break
        joined[pair : pair + 2] = ["".join(joined[pair : pair + 2])]
    zero = any(cell.lstrip("+-")[:1] == "0" and cell not in row for cell in joined)  # is no head of thousands
    if len(joined) == many < len(row) and not zero and _alike(joined, above):
        return joined, "commas divide thousands"
    split = any(_WHOLE.fullmatch(one) and other[:1].isdigit() for one, other in itertools.pairwise(row[1:]))  # one number, perhaps
    if len(row) == many + 1 and (value(row[-1], decimal_comma=True) is TEXT or not split) and _alike(row[:many], above):
        return list(row[:many]), f"{row[-1][:30]!r} is left out"
    return None


def _alike(row: Sequence[str], above: Sequence[str]) -> bool:
    """Whether a row begins with a number, and has text only where the other has."""
    texts = [value(cell, decimal_comma=True) is TEXT for cell in row]
    return _begins(row) and not any(text and value(cell, decimal_comma=True) is not TEXT for text, cell in zip(texts, above, strict=True))


def _begins(row: Sequence[str]) -> bool:
    return isinstance(value(row[0], decimal_comma=True), float)


def _fits(row: Sequence[str], width: int) -> bool:
    """Whether only blank cells at the end of a row of numbers are too many, or left out."""
    return len(row) > 1 and value(row[0], decimal_comma=True) is not TEXT and not any(row[width:])


def _texts(row: Sequence[str]) -> bool:
    return all(value(cell, decimal_comma=True) is TEXT for cell in row)


def _known(name: str) -> bool:
    return bool(kind(name[:MOST_LETTERS]))


def _are_decimals(rows: Sequence[Sequence[str]]) -> bool:
    """Whether pairs of whole numbers without names, such as 0,52, are one number each: they are, unless the first counts."""
    pairs = [row for row in rows[:200] if len(row) == 2]
    if not all(_WHOLE.fullmatch(part) for pair in pairs for part in pair):
        return False
    whole = [float(first) for first, _ in pairs]
    return not all(a < b for a, b in itertools.pairwise(whole)) or len(whole) < 2


def _take(found: Sheet, name: str, given: Sequence[str], at: Sequence[int], *, comma: bool) -> None:
    """Reads one column of the rows into the sheet, or notes why not."""
    read = column(given, comma=comma)
    if (read is None or read[1]) and (tells_runs(name, given) or tells_sides(given)):
        labels = found.labels.setdefault(name, [""] * len(found.lines))
        for row, cell in zip(at, given, strict=True):
            labels[row] = cell[:MOST_LETTERS]
        return
    if read is None:
        found.notes.append(f"Column {name!r} is text and is left out.")
        return
    values, texts = read
    found.columns.setdefault(name, ma.masked_all(len(found.lines)))[at] = values
    if texts:
        found.notes.append(
            f"In {name!r} {counted(len(texts), 'cell')} of text count{'s' * (len(texts) == 1)} as missing: {given[texts[0]][:30]!r} in line"
            f" {found.lines[at[texts[0]]]:,}{', …' * (len(texts) > 1)}."
        )


def column(given: Sequence[str], *, comma: bool) -> tuple[Numbers, list[int]] | None:
    """The numbers of a column, masked where they are missing, and which cells were text; None if most are."""
    try:
        if not comma:  # the usual case, at the speed of C
            return np.ma.masked_array(np.array(given, dtype=float), np.zeros(len(given), dtype=bool)), []
    except ValueError:
        pass
    read = [value(cell, decimal_comma=comma) for cell in given]
    texts = [i for i, each in enumerate(read) if each is TEXT]
    if len(texts) > 0.5 * (len(read) - read.count(None)):
        return None
    gone = np.array([not isinstance(each, float) for each in read])
    return np.ma.masked_array([each if isinstance(each, float) else np.nan for each in read], gone), texts


def _distinct(names: Sequence[str]) -> list[str]:
    """The names, with a number behind those that came before, and one for each that is empty."""
    found: dict[str, None] = {}
    for place, name in enumerate(names, 1):
        name = name[:MOST_LETTERS] or f"column {place}"
        while name in found:
            name = f"{name} ({place})"
        found[name] = None
    return [*found]
