"""A training log out of an uploaded file, or out of what was pasted: which curve is in it, and what was not used."""

import builtins
import itertools
import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.core.files.forms import document, json_lines, lists, table
from explorer.core.files.lines import LONGEST, POINTS, printed
from explorer.core.files.roles import COUNTERS, ROLES, WORDS, count_up, extra, kind, like_a_loss, losses, named, parts, run_of, words
from explorer.core.files.runs import ROWS_BEFORE, beside_training, counters, last_run, other_runs, without_torn_end
from explorer.core.files.sheet import MOST_ROWS, Numbers, Sheet, none_found, shown, spread
from explorer.core.files.tensorboard import events, is_events
from explorer.core.files.text import as_content, decoded, plainly, value
from explorer.core.ground.checks import check_made, check_mapping, must, typed
from explorer.core.ground.display import Displayed
from explorer.core.ground.prose import counted
from explorer.core.ground.shelf import door

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
    of each row or a counter begins anew.

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
    return _log(_sheet(content), {} if roles is None else roles)


def _sheet(content: bytes | str) -> Sheet:
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


HUNK = re.compile(r"\A@@ -\d++(?:,\d++)? \+\d++(?:,\d++)? @@")


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


_PARTS = re.compile(r"([+-]?(?:\d++\.?\d*+|\.\d++)(?:[eE](?:[+-]?\d++|[+-]?\Z))?)")
LOOKED_BACK = 2_000  # lines before the last


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
    lost = np.flatnonzero(np.any([~np.isfinite(each.filled(0)) for each in columns.values()], axis=0))[:HEAD]
    kept = sorted({*spread(rows), *lost.tolist()})
    notes.append(f"Of {rows:,} rows {len(kept):,} are looked at, evenly, and the first {HEAD} with nan or inf.")
    return {name: values[kept] for name, values in columns.items()}, None if step is None else step[kept]
