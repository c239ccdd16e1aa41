"""The form of what was uploaded or pasted: JSON, lists, a table, what a program printed, and the words of its end."""

import builtins
import itertools
import re
from collections import Counter
from dataclasses import replace

import numpy as np

from explorer.core.files.documents import document, json_lines, lists
from explorer.core.files.lines import LONGEST, POINTS, printed
from explorer.core.files.roles import WORDS
from explorer.core.files.rows import table
from explorer.core.files.runs import ROWS_BEFORE, beside_training, without_torn_end
from explorer.core.files.sheet import MOST_ROWS, Sheet, spread
from explorer.core.files.tensorboard import events, is_events
from explorer.core.files.text import as_content, decoded, plainly, value
from explorer.core.ground.prose import counted

MOST_BYTES = 32 << 20  # 32 MB: a million rows of a few columns
MOST_READ = 5_000_000  # letters of a log of many lines that are read
LONGEST_LINE = 4 << 20  # a longer line holds no row of a log
HEAD = 20  # the lines of a long log that are read whatever its length: the first have the names, the last say what became of it
NOT_FINITE = re.compile(r"(?i)\b(?:nan|inf)\b")
HINTS = ("verflow", "OVERFLOW", "kipp")  # a line of an overflow has one of these: looked for first, since most lines have none

OVERFLOW = re.compile(r"(?i)gradient overflow|overflow(ed)? (detected|in)|overflow!|skipp(?:ed|ing) (this )?step\b")
ERROR = re.compile(
    r"\b[A-Z]\w*(Error|Exception)\b|^\s*(ERROR|FATAL|Killed|Segmentation fault)\b|(?i:out of memory|nan detected|loss is nan)"
)
LOST = re.compile(
    r"(?i)\A(?=.*(?:loss|cost|objective|model|training))(?:"
    r"(?=.*(?<![^\W_])(?:nans?|inf|infinite|infinity|(?:non-?|not )finite|invalid)(?![^\W_]))"
    r".*(?:error|exception|(?<!early[ _-])stop|abort|terminat|exit|halt)"
    r"|.*(?:loss|cost|objective) (?:\w++ ){0,2}(?:became|becomes|turned|went) (?:\w++ ){0,2}(?:nan|inf)"
    r"|.*(?:loss|cost|objective|model|training) (?:(?!not |never )\w++ ){0,3}(?:explod|diverg)(?:ed|es|ing)(?!\w))"
)
"""A line that says in words that the loss was lost: with what came of it, that the program gave up, or that it explodes."""

LOST_HINTS = ("nan", "inf", "invalid", "explod", "diverg")  # one of which each has, in small letters
MOST_REPEATED = 2  # more sentences that differ in their numbers alone are rows

EXCEPTIONS = [name for name, each in vars(builtins).items() if isinstance(each, type) and issubclass(each, BaseException)]
TRACEBACK = re.compile(r"\A(?:\[rank\d++\]: ?)?Traceback \(most recent call last\):")
INSIDE = re.compile(r"\A(?:\[rank\d++\]: ?+)?\s")  # what a traceback has below that: places, and the lines that stand there
ENDS = re.compile(r"\A(?:\[rank\d++\]: ?+)?[\w.]++: *+(.*)")
RAISED = re.compile(rf"\A(?:\[rank\d++\]: ?)?(?:{'|'.join(EXCEPTIONS)}): *+(.*)")
"""The last line of a traceback, whatever exception it names, and one without the rest, if it names one of Python's own; what it says."""

MOST_NOTES = 20  # of what was left out: more is no log
HUNK = re.compile(r"\A@@ -\d++(?:,\d++)? \+\d++(?:,\d++)? @@")
_PARTS = re.compile(r"([+-]?(?:\d++\.?\d*+|\.\d++)(?:[eE](?:[+-]?\d++|[+-]?\Z))?)")
LOOKED_BACK = 2_000  # lines before the last


def sheet_of(content: bytes | str) -> Sheet:
    """Return the columns of what was uploaded or pasted, whatever its form; raises ValueError where there are none."""
    content = as_content(content)
    if isinstance(content, bytes) and is_events(content):
        return events(content)
    text = decoded(content, MOST_BYTES, "a number in each row").replace("\r\n", "\n")
    lines = text.split("\n")
    lines, said = _patched(lines)
    text = "\n".join(lines) if said else text
    longest = max(range(len(lines)), key=lambda i: len(lines[i]))
    if len(lines[longest]) > LONGEST_LINE:
        raise ValueError(
            f"the file must have a row in each line, and line {longest + 1:,} has {len(lines[longest]):,} characters:"
            f" {lines[longest][:40].strip()!r}…"
        )
    whole = document(text)
    if whole is None and "[" in text[:2000]:
        whole = lists(plainly(text))
    if whole is not None:
        whole.notes += said
        return beside_training(whole)
    kept, notes = _thinned_lines(lines)
    alarms = _alarms(kept)
    kept, overwritten = _as_on_screen(kept)
    kept, lost = _last_words(kept)
    kept = _without_errors(kept)
    text = plainly("\n".join(line for _, line in kept))
    kept = [(place, line) for (place, _), line in zip(kept, text.split("\n"), strict=True)]
    torn = bool(lines[-1].strip()) and _ends_within_a_number([line for _, line in kept])
    if torn:
        notes = [f"Line {kept[-1][0]:,} ends within a number and is left out.", *notes]
        kept, text = kept[:-1], text[: text.rindex("\n")]
    found = json_lines(kept) or lists(text) or _printed_or_table(kept)
    found.rows += torn
    found.notes += said + notes + overwritten
    if lines[-1].strip():
        found = without_torn_end(found, len(lines))
    return replace(beside_training(found), alarms=(*found.alarms, *alarms, *lost), whole=len(lines) - (not lines[-1]) if notes else 0)


def _patched(lines: list[str]) -> tuple[list[str], list[str]]:
    """What the lines of a diff make of the file, a blank one for each that is not in it, and a note; all others as they are."""
    first = next((i for i, line in enumerate(lines[: 10 * HEAD]) if HUNK.match(line)), None)
    marks = ("+", "-", " ", "@", "\\", "", "d", "i")  # of diff and index, above another file
    if first is None or any(line[:1] not in marks for line in lines[first:]):
        return lines, []
    kept = [line[1:] if i > first and line[:1] in ("+", " ") and not line.startswith("+++ ") else "" for i, line in enumerate(lines)]
    taken = sum(line.startswith("-") and not line.startswith("--- ") for line in lines[first:])
    gone = f"{counted(taken, 'line')} with a minus {'is' if taken == 1 else 'are'} left out"
    return kept, [f"This is a diff, read as what it makes of the file: {gone}."]


def _without_errors(lines: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """The lines without Python's tracebacks, whose numbers are none of the run's: of the last line of each its words are kept.

    Raises ValueError if nothing else is there.
    """
    if not any(each in line for _, line in lines for each in ("Traceback", "Error", "Exception")):
        return lines
    kept, inside, error = list[tuple[int, str]](), False, (0, "")
    for place, line in lines:
        if TRACEBACK.match(line) or (inside and INSIDE.match(line)):
            inside, rest, error = True, "", error if error[0] else (place, line)
        elif raised := (ENDS if inside else RAISED).match(line):
            inside, error, rest = False, (place, line), "" if _is_number(raised[1]) else raised[1]
        else:
            inside, rest = False, line
        kept.append((place, rest))
    if error[0] and not any(line.strip() for _, line in kept):
        raise ValueError(f"the file must have what a program printed, and all of it is an error: line {error[0]:,} is {error[1][:60]!r}")
    return kept


def _is_number(text: str) -> bool:
    return isinstance(value(text.strip(), decimal_comma=False), float)


def _ends_within_a_number(lines: list[str]) -> bool:
    """Whether the last line, which does not end, has a number at its end without the point or the exponent of all those in its place.

    A program that was killed wrote half of it: 3.9e or 3 of 3.9e+05.
    """
    *before, number, end = ["", *_PARTS.split(lines[-1][-LONGEST:].strip())]
    if end or not number:
        return False
    before = before[1:]
    narrow, many = [" ".join(each.split()) for each in before[::2]], len(before)
    alike = []
    for line in lines[-LOOKED_BACK:-1]:
        pieces = _PARTS.split(line[-LONGEST:].strip(), many // 2 + 1)
        if len(pieces) > many and [" ".join(each.split()) for each in pieces[:many:2]] == narrow:
            alike.append(pieces[many])
    if len(alike) < ROWS_BEFORE:
        return False
    own, *exponents = (len(each.lower().partition("e")[2].lstrip("+-")) for each in (number, *alike))
    return number[-1] in "eE+-" or own < min(exponents) == max(exponents) or ("." not in number and all("." in each for each in alike))


def _alarms(lines: list[tuple[int, str]]) -> tuple[tuple[str, int, str], ...]:
    lines = [(place, line[:LONGEST]) for place, line in lines]
    found = [("overflow", place, line) for place, line in lines if any(hint in line for hint in HINTS) and OVERFLOW.search(line)]
    end = [(place, line) for place, line in lines[-4 * HEAD :] if line.strip()][-5:]
    found += [("error", place, line) for place, line in end if ERROR.search(line)][:1]
    return tuple((kind, place, line.strip()[:100]) for kind, place, line in found)


def _last_words(lines: list[tuple[int, str]]) -> tuple[list[tuple[int, str]], tuple[tuple[str, int, str], ...]]:
    """The lines without those that say that the loss was lost, whose numbers are no row of the run's, and alarms of these.

    A line of which others have the words and other numbers is a row. Where nothing else has a number, what they say is all there is.
    """
    said = {
        i: _wording(line)
        for i, (_, line) in enumerate(lines)
        if any(hint in line.lower() for hint in LOST_HINTS) and LOST.match(line[:LONGEST])
    }
    if not said:
        return lines, ()
    several = Counter(words for _, words in {(lines[i][1], words) for i, words in said.items()})
    rows = {words for words, count in several.items() if count > MOST_REPEATED}
    rows |= {words for i, (_, line) in enumerate(lines) if i not in said and (words := _wording(line)) in several}
    said = {i: words for i, words in said.items() if words not in rows}
    alarms = tuple(("lost", lines[i][0], lines[i][1].strip()[:100]) for i in said)
    kept = [(place, "" if i in said else line) for i, (place, line) in enumerate(lines)]
    return (kept if any(POINTS.search(line) for _, line in kept) else lines), alarms


def _wording(line: str) -> str:
    """What is said whatever the numbers are."""
    return " ".join(POINTS.sub("#", line[:LONGEST]).split())


def _printed_or_table(lines: list[tuple[int, str]]) -> Sheet:
    """What a program printed, if some hundred lines look so; a table, if they can be one; else what is printed among other text."""
    sample = [*lines[:300], *(lines[i] for i in spread(len(lines), 300) if i >= 300)]
    tried = printed(sample)
    if tried is not None and len(tried[0].lines) == 1 and not all(np.isfinite(each).all() for each in tried[0].columns.values()):
        place, line = next(each for each in lines if each[0] == tried[0].lines[0])
        if _is_prose(line):
            raise ValueError(f"the file must have what a program printed, and line {place:,} is a sentence: {line.strip()[:60]!r}")
    if tried is None or tried[1] < 0.3:
        names = tried is not None and max(map(np.ma.count, tried[0].columns.values())) >= 0.5 * len(tried[0].lines)
        try:
            found = table(lines)
            if found.named or not names or not sample[0][1].strip()[:1].isalpha():
                return found  # else each line begins with a word: the name of its number, whatever it says
        except ValueError:
            if not names:
                raise  # a number here and there in prose
    whole = printed(lines)
    assert whole is not None
    return whole[0]


def _is_prose(line: str) -> bool:
    """Whether someone speaks of a number: with the words of a question, or five words a number and no alarm of a program."""
    spoken = [word for word in re.findall(r"(?<!\w)[^\W\d_]++(?!\w)", line.lower()) if word not in ("nan", "inf")]
    few = len(spoken) < 5 * len(POINTS.findall(line)) or LOST.match(line) or ERROR.search(line)
    return line.rstrip().endswith("?") or not few or not WORDS["prose"].isdisjoint(spoken)


def _thinned_lines(lines: list[str]) -> tuple[list[tuple[int, str]], list[str]]:
    """At most about `MOST_ROWS` lines and `MOST_READ` letters, with their numbers, from all of the file, and a note of it."""
    most = min(MOST_ROWS, MOST_READ * len(lines) // (sum(map(len, lines)) + 1))
    if len(lines) <= max(1.2 * most, 2 * HEAD):
        return list(enumerate(lines, 1)), []
    lost = itertools.islice((i for i, line in enumerate(lines) if NOT_FINITE.search(line)), HEAD)
    evenly = (HEAD + i for i in spread(len(lines) - 2 * HEAD, most))
    kept = sorted({*range(HEAD), *lost, *evenly, *range(len(lines) - HEAD, len(lines))})
    total = len(lines) - (not lines[-1])
    note = f"Of {total:,} lines {len(kept):,} were read: evenly, the first and last {HEAD}, and the first {HEAD} with nan or inf."
    return [(i + 1, lines[i]) for i in kept], [note]


def _as_on_screen(lines: list[tuple[int, str]]) -> tuple[list[tuple[int, str]], list[str]]:
    """Lines that were written over with carriage returns as their last state; where they are hardly more than one, as all their states."""
    over = [i for i, (_, line) in enumerate(lines) if "\r" in line.strip("\r")]
    if not over:
        return lines, []
    states = [(place, [each for each in line.split("\r") if each.strip()] or [""]) for place, line in lines]
    if len(over) < 3:
        return [(place, each) for place, every in states for each in every], []
    return [(place, every[-1]) for place, every in states], [
        f"{counted(len(over), 'line')} were written over: the last state of each counts."
    ]
