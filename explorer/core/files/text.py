"""What any text file of numbers needs: its text, what divides its cells, and which number a cell is."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence

DELIMITERS = {"\t": "tab", ";": "semicolon", ",": "comma"}
MISSING = {"", "na", "n/a", "nan", "null", "none", "?", "-", "#n/a"}

POINT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
COMMA = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+(,\d*)?|\d+,?\d*|,\d+)([eE][+-]?\d+)?", re.ASCII)
HAS_COMMA = re.compile(r"[+-]?[\d.]*,\d+([eE][+-]?\d+)?", re.ASCII)


def decoded(content: bytes, most_bytes: int, form: str) -> str:
    r"""The file's text. UTF-8 with or without a mark, UTF-16 with one; what is neither is taken for the Western European of Excel.

    Raises ValueError for a file of more than `most_bytes`, a workbook, another binary file, and an empty one, which is told what `form` a
    file must have.

    >>> decoded(b"loss\n1\n", 100, "rows")
    'loss\n1\n'
    """
    if len(content) > most_bytes:
        raise ValueError(
            f"the file must be at most {most_bytes >> 20} MB ({most_bytes:,} bytes), got {len(content):,}: keep some of its rows"
        )
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise ValueError("the file must be a text file, and this is a workbook or an archive: save the sheet as CSV")
    try:
        encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
        text = content.decode(encoding)
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    if _CONTROL.search(text) or text.count("\ufffd") > 5:
        raise ValueError("the file must be a text file with a line for each row, and this is binary: save the table as CSV")
    if not text.strip():
        raise ValueError(f"the file must have {form}, and it is empty")
    return text


_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x19\x1b-\x1f]")


def best_delimiter(text: str) -> str:
    """Of tab, semicolon and comma the one that divides the first lines most evenly."""
    head = [line for line in text[:100_000].splitlines() if line.strip()][:50]
    return max(DELIMITERS, key=lambda each: fit(head, each))


def fit(head: Sequence[str], delimiter: str) -> tuple[bool, float]:
    """How well a delimiter fits: whether the first line has it, and the share of the first lines that have as many of it."""
    try:
        widths = [len(row) for row in csv.reader(head, delimiter=delimiter)]
    except csv.Error:
        return False, 0.0
    return widths[0] > 1, sum(width == widths[0] for width in widths) / len(widths)


def decimal_comma(cells: Sequence[str], delimiter: str) -> str | None:
    """A cell such as 1,5 if that is one and a half in this file. Raises ValueError if 1.5 is so in others.

    >>> decimal_comma(["7", "1,5"], ";"), decimal_comma(["7", "1.5"], ";")
    ('1,5', None)
    """
    if delimiter == ",":
        return None
    comma = next((cell for cell in cells if HAS_COMMA.fullmatch(cell) and COMMA.fullmatch(cell)), None)
    point = next((cell for cell in cells if "." in cell and POINT.fullmatch(cell) and not COMMA.fullmatch(cell)), None)
    if comma is not None and point is not None:
        raise ValueError(f"the file must write all its numbers with a decimal point, or all with a comma, got {comma!r} and {point!r}")
    return comma


def number(cell: str, *, decimal_comma: bool) -> float:
    """The number that a cell of the form `COMMA` or `POINT` is.

    >>> number("1.234,5", decimal_comma=True), number("1.5", decimal_comma=False)
    (1234.5, 1.5)
    """
    return float(cell.replace(".", "").replace(",", ".") if decimal_comma else cell)
