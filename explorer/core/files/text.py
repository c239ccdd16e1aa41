"""What any text file of numbers needs: its text, its lines, what divides their cells, and which number a cell is."""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from explorer.core.ground.checks import must, typed

DELIMITERS = "\t;,"
MISSING = {"", "na", "n/a", "nan", "null", "none", "?", "-", "#n/a"}

POINT = re.compile(r"[+-]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d++)?", re.ASCII)
COMMA = re.compile(r"[+-]?(?:\d{1,3}(?:\.\d{3})++(?:,\d*+)?|\d++(?:,\d*+)?|,\d++)(?:[eE][+-]?\d++)?", re.ASCII)
_HAS_COMMA = re.compile(r"\A[+-]?[\d.]*+,\d++(?:[eE][+-]?\d++)?", re.ASCII)

_ANSI = re.compile(r"\x1b(?:\[[0-?]*+[ -/]*+[@-~]|\][^\x07\x1b\n]*+\x07?|[@-Z\\^_])?")
_BACKSPACES = re.compile(r"\x08++\r?")
_CONTROLS = bytes([*range(8), 11, *range(14, 26), *range(28, 32)])  # what no text has; it may have backspace, escape, DOS' end


def _joined(number: re.Match[str]) -> str:
    return re.sub(r"[\s_'’]", "", number[0])


def _summed(row: re.Match[str]) -> str:
    try:
        train, test = (sum(map(float, re.split(r"[\s,]++", terms))) for terms in row.group(2, 3))
    except ValueError:
        return row[0]
    return f"step {row[1]}, total train loss {train:.9g}, total test loss {test:.9g}"


_START = r"(?<![\w.@#])(?<!\w-)"
_THOUSANDS = {"k": 3, "K": 3, "M": 6, "G": 9, "B": 9, "T": 12}
_SPACES = "\u00a0\u2009\u202f"  # which divide thousands and never columns

_SPELT: Sequence[tuple[str, str, str | Callable[[re.Match[str]], str]]] = (
    ("(", r"(?<!\w)(?:[A-Za-z]{1,6}\.)?(?:[tT]ensor|float\d{0,3}|[aA]rray)\(", "("),
    ("=", r",\s{0,4}(?:device|dtype|grad_fn|requires_grad|weak_type)=[^,)\n]{0,80}+", ""),
    ("(", r"(?i)(?<![^\W_])nan\(\w{0,20}+\)", "nan"),
    ("#", r"(?i)1\.#(?:qnan|snan|ind)0{0,20}+|#num(?!\w)!?|#div/0!?", "nan"),
    ("#", r"(?i)1\.#inf0{0,20}+", "inf"),
    ("∞", "∞", "inf"),
    ("−", "−", "-"),
    ("]  ", r"(?m)^(\d++)[ \t]++\[([^\[\]\n]++)\][ \t]++\[([^\[\]\n]++)\](?:[ \t]++\[[^\[\]\n]*+\])?[ \t]*$", _summed),  # DeepXDE's terms
    *((space, rf"(?<![\w.,])\d{{1,3}}(?:{space}\d{{3}}){{1,9}}+(?!\d)", _joined) for space in (*_SPACES, "'", "’")),
    ("_", rf"{_START}\d++(?:_\d++)++(?!\w)", _joined),
    *((mark, rf"(?<=[\d.]) {{1,2}}+(?={mark[1]}[+-]\d{{2,3}}(?!\w))", "") for mark in (" e", " E")),  # 7.75 e-01
    ("10^", r"(?<=[\d.]) ?[×xX*·] ?10\^([+-]?\d{1,3})(?!\d)", r"e\1"),
    ("D", rf"{_START}(\d++[.,]\d*+|\.\d++|\d++(?=D[+-]))D(?=[+-]?\d{{1,3}}(?!\w))", r"\1e"),  # Fortran
    *((unit, rf"{_START}(\d++(?:[.,]\d++){{0,9}}+|\.\d++){unit}(?!\w)", rf"\1e{power}") for unit, power in _THOUSANDS.items()),
)
SPELLINGS = [(literal, re.compile(pattern), plain) for literal, pattern, plain in _SPELT]
"""How programs wrap and spell a number, each with letters that tell at once whether it is there, and what it is in plain letters."""

TEXT = object()  # what `value` says of a cell that is neither a number nor missing


def as_content(given: object) -> bytes | str:
    """Return a file's bytes, or pasted text; anything else is refused with a sentence."""
    if isinstance(given, bytes) or (isinstance(given, str) and not _FILE.fullmatch(given)):
        return given
    if isinstance(given, bytearray | memoryview):
        return bytes(given)
    raise must("content", "the bytes of a file or the text in it, such as open(name, 'rb').read()", typed(given))


_FILE = re.compile(r"\A\s*+[^\s,;\"'{}\[\]]{1,500}\.(?:txt|log|csv|tsv|jsonl?|out|md)\s*+")  # the name of a file is not what is in it


def decoded(content: bytes | str, most_bytes: int, form: str) -> str:
    r"""The file's text as a terminal shows it, without colors; a backspace is a carriage return.

    UTF-8 with or without a mark, UTF-16; what is neither is taken for the Western European of Excel, unless it is UTF-8 but for a few
    letters. Raises ValueError for a file of more
    than `most_bytes`, a workbook, another binary file, and an empty one: that sentence names the `form` a file must have.

    >>> decoded(b"loss\n1\n", 100, "rows"), decoded("\x1b[1mloss\x1b[0m", 100, "rows")
    ('loss\n1\n', 'loss')
    """
    content = as_content(content)
    if len(content) > most_bytes:
        raise ValueError(
            f"the file must be at most {most_bytes >> 20} MB ({most_bytes:,} bytes), got {len(content):,}: keep some of its rows"
        )
    if isinstance(content, bytes) and content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise ValueError("the file must be a text file, and this is a workbook or an archive: save the sheet as CSV")
    encoding = _encoding(content[:400]) if isinstance(content, bytes) else ""
    if isinstance(content, bytes) and encoding != "utf-8-sig":
        content = content.decode(encoding, errors="replace")
    raw = content if isinstance(content, bytes) else content.encode("utf-8", "replace")
    if len(raw.translate(None, _CONTROLS)) < len(raw):
        at = next(place for place, code in enumerate(raw) if code in _CONTROLS)
        where = f"byte {raw[at]} in line {raw.count(10, 0, at) + 1:,}"
        raise ValueError(f"the file must be a text file with a line for each row, and this is binary ({where}): save the table as CSV")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("utf-8-sig" if _mostly_utf8(raw) else "cp1252", errors="replace")
    if text.count("\ufffd") > 5:
        raise ValueError("the file must be a text file with a line for each row, and this is binary: save the table as CSV")
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    if "\x08" in text:
        text = _BACKSPACES.sub("\r", text)
    if not text.strip():
        raise ValueError(f"the file must have {form}, and it is empty")
    return text


def _encoding(head: bytes) -> str:
    """UTF-16 with its mark, or without it where every second byte of English is zero; else UTF-8."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    high, low = (head[place::2].count(0) / max(len(head) / 2, 1) for place in (0, 1))
    return "utf-8-sig" if max(high, low) < 0.8 or min(high, low) > 0.1 else "utf-16-be" if high > low else "utf-16-le"


def _mostly_utf8(raw: bytes) -> bool:
    """Whether most letters beyond ASCII are UTF-8's: two or more bytes, where the Western European ones are one each."""
    letters = (len(raw) - len(raw.translate(None, bytes(range(0xC2, 0xF5))))) or 1
    return raw.decode("utf-8", errors="replace").count("\ufffd") < letters / 2


def plainly(text: str) -> str:
    """The text with every number in plain letters.

    >>> plainly("tensor(4.2, device='cuda:0', grad_fn=<MseLossBackward0>) -nan(ind)")
    '(4.2) -nan'
    """
    for literal, pattern, plain in SPELLINGS:
        if literal in text:
            text = pattern.sub(plain, text)
    return text


def best_delimiter(lines: Sequence[str], among: str = DELIMITERS) -> tuple[str, float]:
    """The delimiter that divides the first 200 lines most evenly, and the share of them that it divides alike.

    >>> best_delimiter(["a;b", "1,5;2", "2,5;3"])
    (';', 1.0)
    """
    head = [line[:100_000] for line in lines if line.strip()][:200]
    fits = {each: _fit(head, each) for each in among}
    best = max(fits, key=lambda each: fits[each])
    return best, fits[best]


def _fit(head: Sequence[str], delimiter: str) -> float:
    try:
        widths = Counter(len(row) for row in csv.reader(head, delimiter=delimiter))
    except csv.Error:
        return 0.0
    width, count = widths.most_common(1)[0] if widths else (1, 0)
    return count / len(head) if width > 1 else 0.0


def cells(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each row's last line, from 1, with its cells, 2 701,34 as 2701,34; empty rows are left out. Raises ValueError for what is no row."""
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    try:
        for row in reader:
            if len(row) > 1 or (row and row[0].strip()):
                yield reader.line_num, [unspaced(cell) for cell in row]
    except csv.Error as error:
        why = "one of its cells is too long: a quote may not be closed" if "limit" in str(error) else str(error)
        raise ValueError(f"the file must have a row in each line, and line {reader.line_num:,} cannot be read: {why}") from None


def closed(lines: Sequence[str]) -> list[str]:
    """The lines without the quotes of those in which one opens a cell and none closes it: it would swallow the rows below.

    >>> closed(['1,"0.5', '2,"0.4', '3,"of two', 'lines",0.3'])
    ['1,0.5', '2,0.4', '3,"of two', 'lines",0.3']
    """
    found, before = list(lines), None
    for i in (i for i, line in enumerate(lines) if '"' in line and line.count('"') % 2):
        opens = _OPENS.search(lines[i])
        if before is not None and opens:
            found[before] = lines[before].replace('"', "")
        before = i if opens else None
    if before is not None:
        found[before] = lines[before].replace('"', "")
    return found


_OPENS = re.compile(r"(?:\A|[\t;,|│]) *+\"(?! *+(?:[\t;,|│]|\Z))")


def unspaced(cell: str) -> str:
    """A cell without the spaces around it, and without those that divide thousands.

    >>> unspaced(" 2 701,34"), unspaced("run 2")
    ('2701,34', 'run 2')
    """
    return "".join(cell.split()) if _SPACED.fullmatch(cell) else cell.strip()


def decimal_comma(cells: Sequence[str], delimiter: str) -> str | None:
    """A cell such as 1,5 if that is one and a half in this file. Raises ValueError if 1.5 is so in others.

    Where commas divide the cells, only a quoted cell has one: it counts if no number has a point, and 1,500 is then of thousands, as it is
    where another cell is 1,500,000.

    >>> decimal_comma(["7", "1,5"], ";"), decimal_comma(["7", "1.5"], ";"), decimal_comma(["1,500,000", "980,000"], ";")
    ('1,5', None, None)
    """
    if any(cell.count(",") > 1 and _GROUPED.fullmatch(cell) for cell in cells):
        return None
    quoted = delimiter == ","
    commas = (cell for cell in cells if "," in cell and _HAS_COMMA.fullmatch(cell) and COMMA.fullmatch(cell))
    comma = next((cell for cell in commas if not (quoted and _GROUPED.fullmatch(cell))), None)
    if comma is None:
        return None
    point = next((cell for cell in cells if "." in cell and POINT.fullmatch(cell) and (quoted or not COMMA.fullmatch(cell))), None)
    if point is not None and quoted:
        return None
    if point is not None:
        raise ValueError(f"the file must write all its numbers with a decimal point, or all with a comma, got {comma!r} and {point!r}")
    return comma


def number(cell: str, *, decimal_comma: bool) -> float:
    """The number that a cell of the form `COMMA` or `POINT` is.

    >>> number("1.234,5", decimal_comma=True), number("1.5", decimal_comma=False)
    (1234.5, 1.5)
    """
    return float(cell.replace(".", "").replace(",", ".") if decimal_comma else cell)


def value(cell: str, *, decimal_comma: bool) -> float | object | None:
    """A cell's number, where nan and inf are some; None if it is missing, `TEXT` if it is neither. Of 3/10 it is 3.

    >>> [value(each, decimal_comma=False) for each in ("1e3", "[[4.2]]", "3/10", "N/A", "1,234.5", "NaN")]
    [1000.0, 4.2, 3.0, None, 1234.5, nan]
    """
    plain = cell.strip(" \t[](){}'\"%:*")
    if decimal_comma and COMMA.fullmatch(plain):
        return number(plain, decimal_comma=True)
    try:
        return float(cell)
    except ValueError:
        pass
    over, slash, below = plain.partition("/")
    if slash and below.isdecimal() and over.isdecimal():
        plain = over
    if _GROUPED.fullmatch(plain):
        plain = plain.replace(",", "")
    if plain.lower() in MISSING - {"nan"} or not plain:
        return None
    try:
        return float("inf" if plain.lower() == "overflow" else plain)
    except ValueError:
        return TEXT


_SPACED = re.compile(rf"\A *+[+-]?\d{{1,3}}(?:[ {_SPACES}]\d{{3}})++(?:[.,]\d*+)? *+", re.ASCII)
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:,\d{3})++(?:\.\d*+)?", re.ASCII)
