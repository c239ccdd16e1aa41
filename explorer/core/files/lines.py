"""The lines that programs print while they train: which number in a line has which name.

A line without its numbers is its shape. What each number is follows from the shape alone, so it is worked out once for all lines of it.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Self

from explorer.core.files.roles import COUNTERS, MOST_LETTERS, WORDS, has, is_side, kind, names_run, words
from explorer.core.files.sheet import MOST_COLUMNS, Sheet, sheet
from explorer.core.ground.prose import counted

LONGEST = 20_000  # a longer line is no row of a log
MOST_NAMES = 200  # no row has more
MOST_SHAPES = 2_000  # a text of more kinds of lines is prose from there on

SIMPLER = [
    (literal, re.compile(pattern), plain)
    for literal, pattern, plain in (
        ("] ", r"^[IWEF]\d{4} [^\]]{0,120}+\] ?", ""),  # glog, which Caffe writes with
        ("(*", r"\(\*[^)]{0,80}+\)", ""),  # Caffe: the loss times its weight
        ("number of", r"number of (nan|skipped) iterations", r"number_of_\1_iterations"),  # Megatron: this nan is a word
        ("count", r"(?i)(?<!\w)(nan|inf) count(?=s?[:=])", r"\1_count"),
        ("Saving dict", r"Saving dict for", "eval, "),  # TensorFlow's estimator
        ("results at", r"validation results at", "validation loss at"),  # GPT-NeoX
        (" INFO T", r"^.{1,200}? INFO (?=(?:Train|Test): \[)", ""),  # Swin Transformer
        ("epoch", r"(?<!\w)(\d++)epoch(?=:| results)", r"epoch \1 "),  # ESPnet
        ("Up. ", r": Up\. ", ": update "),  # Marian
        ("L.r. ", r"(?<!\w)L\.r\. ", "lr "),
        ("final step", r"Loss for final step: .*", ""),  # the last loss again
        ("finished with", r"Trial (\d++) finished with value: (\S++) .*", r"step \1, value \2"),  # Optuna
        ("mprove", r"(?<!\w)\w{1,40}+ (?:improved|did not improve) from .*", ""),  # Keras' checkpoint
        (" until ", r"(?:Training|Will train) until .*", ""),  # LightGBM, XGBoost: when they will stop early
        ("Region ", r"^.*(?<!\w)Region \d++ A.*", ""),  # darknet: one of its layers
        ("第", r"第 ?(\d{1,9}) ?(轮|步)", r"\2 \1 "),
        ("：", "：", ": "),
        ("，", "，", ", "),
        ('File "', r'File "[^"]{1,300}+", line \d++', ""),  # Python's traceback
        (".py:", r"\.py:\d++(?::\w++)?", " "),  # a place in the source
        # Thousands, where a name says that it is one number: 9 900.25, and 1,20,345.5 of India.
        ("oss", r"(oss[ :=]{1,3}+\d{1,3}) (\d{3}(?=\.\d))", r"\1\2"),
        ("oss", r"(oss[ :=]{1,3}+\d{1,2}),(\d\d),(\d{3}(?=\.\d))", r"\1\2\3"),
        ("%|", r"(?<!\d)\d{1,3}%\|[^|]{0,300}+\|", " "),  # tqdm's bar: beside it stands how many of how many
        ("%", r"(?<!\d)\d{1,3}%(?=[ \t]*[━─╸╺]{2})", ""),  # rich's
        ("-", r"\d{4}-\d\d-\d\d(?!\d)T?", ""),
        ("/", r"\d\d/\d\d(?:/\d{2,4})?+ (?=\d\d:\d\d)", ""),
        (":", r"\[?(?<![\w.:])\d{1,4}(?::\d\d){1,3}(?:[.,]\d{1,9})?(?![\w:])\]?", ""),
        ("ank", r"(?i)\[?(?<![^\W_])rank[ :_]?(\d{1,4})(?![.\d])\]?:?", r" rank: \1, "),
    )
]
"""What some programs write beside their numbers, each with letters that tell at once whether it is there, and what stands for it."""

PROGRAMS: Sequence[tuple[str, tuple[str, ...]]] = (
    ("#: #, # avg loss, # rate", ("step", "loss", "avg loss", "learning rate")),  # darknet
    ("#: #, # avg, # rate", ("step", "loss", "avg loss", "learning rate")),
    ("[#, #]", ("epoch", "batch")),  # PyTorch's tutorial
    ("[#/#][#/#]", ("epoch", "", "batch", "")),  # PyTorch's DCGAN
    ("[#]", ("iteration",)),  # XGBoost, LightGBM
    ("Train: # [#/#", ("epoch", "progress", "")),  # timm
    ("Train: [#/#][#/#]", ("epoch", "", "batch", "")),  # Swin Transformer
    ("# [D loss:", ("step",)),  # Keras' GANs
    ("# # ms run, # ms python", ("step", "")),  # tinygrad
    ("#:", ("step",)),
)
"""How the lines of a program begin, its numbers written as #, and what these are."""

_EXPONENT = r"(?:[eE][+-]?\d++)?"
_SPECIAL = r"|[+-]?(?i:nan|inf(?:inity)?)(?!\w))"
POINTS = re.compile(
    rf"(?<![\w.@#])([+-]?(?:\d{{1,3}}(?:,\d{{3}}){{1,9}}+(?!\d)(?:\.\d*+)?|\d++(?:\.\d*+)?|\.\d++){_EXPONENT}(?!\.\d){_SPECIAL}", re.ASCII
)  # 2.5.1 is a version
COMMAS = re.compile(
    rf"(?<![\w.@#])([+-]?(?:\d{{1,3}}(?:\.\d{{3}}){{1,9}}+(?!\d)(?:,\d++)?|\d++(?:[.,]\d++)?){_EXPONENT}{_SPECIAL}", re.ASCII
)
_DECIMAL_COMMA = re.compile(r"(?<![\d.,])(?<!\d:)(?:0,\d++|\d++,(?:\d{1,2}|\d{4,}+)|\d{1,3}(?:\.\d{3}){1,9}+,\d++)(?!\d|[.,]\d)", re.ASCII)
AMBIGUOUS = {mark: re.compile(rf"(?<![\d.,])(?<!\d:)[1-9]\d{{0,2}}{re.escape(mark)}\d{{3}}(?!\d|[.,]\d)", re.ASCII) for mark in ",."}

_HEXADECIMAL = re.compile(r"(?<![\w.])[+-]?0[xX][\da-fA-F]++", re.ASCII)
_BREAK = re.compile(r"[,;|\t()\[\]{}<>:=]|\s[-–—*]{1,3}\s|(?<!\w)['\"`]|['\"`](?!\w)|\s{2,}+")
_ASIDE = re.compile(r"[(\[]([^()\[\]]{1,40})[)\]]$")
_TOTAL = re.compile(r"\A\s*+(?:/|of|von|de|sur|out of)\s*+")
_TAG = re.compile(r"(?i)(?<![\w.])(train(?:ing|_inner)?|valid(?:ation)?|val|test(?:ing)?|eval(?:uation)?|dev|validierung)(?!\w|\.\w)")
_BAR = re.compile(r"\A\s*+(?:step *)?(\d++)/(\d++) (?:[\[━]|- )")
_SIDES = re.compile(r"(?i)(?<!\w)(train\w*)\s*\|\s*(valid\w*)\s*$")  # AllenNLP: the names of two columns, under which each line has a name
_BY_SIDES = re.compile(r"(?<![\w.])(\w+)\s+\|\s+(\S+)\s+\|\s+(\S+)\s*$")
_RUN = re.compile(r"(?<![\w.])([Rr]un(?:_id|_name)?|[Ee]xperiment)[=:] ?[\"']?([^\W\d][\w.-]*+)")  # structlog: run=a step=1 loss=0.5
_NO_NUMBER = re.compile(
    r"(?<![^\s=:'\"(\[|])(?i:none|null|nil|n/?a|overflow|undefined|invalid|\*{2,}+|-{2,}+|#{2,}+|\?++)(?![^\s,;)\]}'\"|.])"
)  # what programs print in the place of a number
_DIVIDES = re.compile(r"[\s,;:|]*+")
_DURATION = re.compile(r"\s?(?:ms|s|m|h|d|secs?|mins?|hrs?|seconds?|minutes?|hours?|days?)(?!\w)")
_UNIT = re.compile(r"[^\W\d][^\s,;)\]]{0,9}+")


class _Plan(NamedTuple):
    """What follows from the shape of a line."""

    names: list[str]  # of its numbers, "" for one that has none
    counting: list[str]  # those of them that count
    loses: bool  # whether one is a loss
    trains: bool  # whether one is a loss of training
    known: bool  # whether a name is known
    evaluates: bool  # whether it counts the batches of an evaluation
    total: tuple[str, int] | None  # the counter that stands before its total, and where that is
    begins: bool  # whether it is the headline of a run
    worded: bool  # whether a word may stand for a number

    @classmethod
    def of(cls, texts: Sequence[str], names: list[str]) -> Self:
        """Return the plan of a line that `names` names, split into what stands between its numbers and these in turn."""
        kinds = {name: kind(name) for name in names if name}
        before_total = (
            (name, 2 * i + 3)
            for i, name in enumerate(names[:-1])
            if kinds.get(name) in ("step", "batch") and _TOTAL.fullmatch(texts[2 * i + 2])
        )
        return cls(
            names,
            [name for name, each in kinds.items() if each in COUNTERS],
            loses=not {"train", "validation"}.isdisjoint(kinds.values()),
            trains="train" in kinds.values(),
            known=any(each for name, each in kinds.items() if name != "progress"),
            evaluates=any(each == "batch" and has(name, "held out") for name, each in kinds.items()),
            total=next(before_total, None),
            begins=all(map(names_run, kinds)),
            worded=any(map(_NO_NUMBER.search, texts[::2])),
        )


class _Plans:
    """The plan of each shape of lines, made once."""

    def __init__(self, pattern: re.Pattern[str], *, commas: bool) -> None:
        self._pattern, self._commas = pattern, commas
        self._plans: dict[tuple[str, ...], _Plan] = {}
        self._trained: set[tuple[str, ...]] = set()  # the shapes with a loss of training, whatever the spaces in them
        self.twice: set[str] = set()  # the names that stand twice in a line

    def of(self, texts: Sequence[str], tag: str) -> _Plan:
        """Return the plan of a line in its pieces, texts and numbers in turn."""
        key = (tag, *texts[::2])
        if key not in self._plans:
            names = planned(texts[::2], tag) if len(self._plans) < MOST_SHAPES else [""] * (len(texts) // 2)
            self.twice |= {name[:-4] for name in names if name.endswith(" (2)")}
            plan = self._plans[key] = _Plan.of(texts, names)
            if plan.trains:
                self._trained.add(_narrow(key))
        return self._plans[key]

    def lost(self, line: str, tag: str) -> list[str]:
        """Return the pieces of a line where a word stands for a loss that was a number in others of its shape; none if none does.

        A word beside a loss that is a number says that another was not computed.
        """
        texts = self._pattern.split(_NO_NUMBER.sub(lambda word: "inf" if word[0][0] in "oO" else "nan", line), MOST_COLUMNS)
        if _narrow((tag, *texts[::2])) not in self._trained:
            return []
        named = zip(self.of(texts, tag).names, texts[1::2], strict=True)
        losses = [_float(number, commas=self._commas) for name, number in named if kind(name) in ("train", "validation")]
        return [] if any(map(math.isfinite, losses)) else texts


def _narrow(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(" ".join(text.split()) for text in texts)


def printed(lines: Sequence[tuple[int, str]]) -> tuple[Sheet, float] | None:
    """The rows that the lines print, and how surely it is a printed log: the share of lines with numbers that name one. None if none does.

    A line that only counts, such as Keras' ``Epoch 3/10``, counts for those below it; a line without a counter goes on with the row above
    if none of its names is there. So does a line of an evaluation that counts batches of its own: the last of them counts.
    """
    head = "\n".join(line for _, line in lines[:2000])[:200_000]
    rest, found_commas = _DECIMAL_COMMA.subn("", head)  # the points of 1.200,5 divide thousands
    commas = found_commas > len(re.findall(r"\d\.\d", rest))
    pattern = COMMAS if commas else POINTS
    plans = _Plans(pattern, commas=commas)
    worded: list[tuple[int, str, str]] = []  # where a word stands for a loss: the line, the loss and the word
    records: list[tuple[int, dict[str, float | str]]] = []
    without, unread, numeric, losses, known, tag = [], list[str](), 0, 0, 0, ""
    context: dict[str, float | str] = {}
    fresh, total, done, several, evaluates, sides = True, "", False, False, False, None
    bars: dict[int, float] = {}  # the first bar below each row
    totals: dict[str, Counter[float]] = {}  # how many steps an epoch has, by the name of what counts them
    above, longest = 0, 0.0
    for place, line in lines:
        done, above = done and place <= above + 1, place  # what stands between two lines of a thinned log is not known
        line = line if len(line) <= LONGEST else "…"
        for literal, noise, plain in SIMPLER:
            if literal in line:
                line = noise.sub(plain, line)
        if "0x" in line or "0X" in line:
            for match in _HEXADECIMAL.finditer(line):
                before = pattern.split(line[max(match.start() - MOST_LETTERS, 0) : match.start()])[-1]
                name = " ".join(_spoken(_BREAK.split(before.rstrip(" :="))[-1]))
                unread += [f"In line {place:,} {name!r} counts as missing: {match[0][:30]!r}."] if kind(name) else []
            line = _HEXADECIMAL.sub(",", line)
        if sides and (each := _BY_SIDES.search(line)):
            line = f"{sides[1]} {each[1]} {each[2]}, {sides[2]} {each[1]} {each[3]}"
        if ("un" in line or "xp" in line) and (named := _RUN.search(line)):
            fresh |= context.get(named[1]) != named[2]
            context[named[1]] = named[2]
        texts = pattern.split(line, MOST_COLUMNS)
        if bar := _BAR.match(line):
            # Behind that of the epoch, a bar of another total is an evaluation's, and so is one of the same that begins again.
            again = bar[2] != total or (done and "val_" not in line and (bar[1] != total or not several))
            evaluates = not fresh and bool(context) and (evaluates or (total != "" and again))
            if not evaluates:
                several = (several and not fresh) or bar[1] != bar[2] or "ETA" in line
                total, done = bar[2], bar[1] == bar[2]
            tag = "eval" if evaluates else tag
        plan = plans.of(texts, tag)
        if plan.worded and not plan.trains and (pieces := plans.lost(line, tag)):
            texts, plan = pieces, plans.of(pieces, tag)
            worded.append((place, next(name for name in plan.names if kind(name) == "train"), _NO_NUMBER.findall(line)[0]))
        names, counting, of = plan.names, plan.counting, plan.total
        # A line such as ``Test Error:`` speaks of the line below it.
        headline = _TAG.search(line[:80]) if len(texts) == 1 and line.rstrip().endswith(":") else None
        tag = headline[0] if headline else ""
        sides = _SIDES.search(line) or sides if len(texts) == 1 else sides
        pairs = {name: _float(number, commas=commas) for name, number in zip(names, texts[1::2], strict=True) if name}
        numeric += len(texts) > 1
        if not pairs:
            without += [place] if line.strip() else []
            continue
        losses += plan.loses
        known += plan.known
        fresh |= plan.begins  # the headline of another run
        counters = {name: pairs[name] for name in counting}
        if len(counters) == len(pairs):
            if pairs.keys() == {"progress"}:
                if len(texts) > 3 and (whole := _float(texts[3], commas=commas)) < longest:
                    continue  # a shorter bar is an evaluation's
                longest = max(longest, whole) if len(texts) > 3 else longest
                bars.setdefault(len(records) - 1, pairs["progress"])
            # Epoch 1/1 is a call of its own each time.
            fresh |= any(context.get(name) != each for name, each in pairs.items()) or (len(texts) > 3 and "epoch" in map(kind, pairs))
            context |= pairs
        elif (evaluates and bar) or (plan.evaluates and records and _trained(records[-1][1])):
            row = records[-1][1]
            row |= {name: each for name, each in pairs.items() if kind(name) == "validation" or not (name in row or name in counters)}
        elif not fresh and (
            _goes_on(records[-1][1], pairs, counters) or (bar and context and records[-1][1].get("progress") == pairs.get("progress", -1))
        ):
            records[-1][1].update(pairs)
        else:
            records.append((place, {**context, **pairs}))
            fresh = False
            if of:
                totals.setdefault(of[0], Counter())[_float(texts[of[1]], commas=commas)] += 1
    if not records:
        return None
    _beside_bars([record for _, record in records], bars, thinned=lines[-1][0] - lines[0][0] >= len(lines))
    found = sheet(records)
    found.totals = {name: max(count, key=lambda each: count[each]) for name, count in totals.items()}
    if without:
        found.notes.append(f"{counted(len(without), 'line')} without a name and a number {'is' if len(without) == 1 else 'are'} left out.")
    found.notes += unread[:3] + [f"So do {len(unread) - 3:,} more in hexadecimal."] * (len(unread) > 3)
    if commas:
        found.notes.append("Numbers are read with decimal commas.")
    if each := next((match for _, line in lines[:2000] for match in AMBIGUOUS["." if commas else ","].findall(line)), None):
        found.notes.append(ambiguous(each))
    if worded:
        place, name, word = worded[0]
        often = f"as in {len(worded):,} lines, and counts" if len(worded) > 1 else "and counts"
        found.notes.append(f"In line {place:,} {name!r} is {word!r}, where it was a number before, {often} as not finite.")
    if plans.twice:
        found.notes.append(f"{', '.join(map(repr, sorted(plans.twice)[:3]))} stands twice in a line: the first number counts.")
    sure = 1.0 if losses >= 2 else max(losses, 0.6 * known) / max(numeric, 1)
    return found, sure


def ambiguous(given: str) -> str:
    """The note of how a number such as 1,000 or 1.000 is read, whose mark may divide thousands or be the decimal one."""
    mark, plain = ("comma" if "," in given else "point"), re.sub("[.,]", "", given)
    return f"{given!r} is ambiguous: it is read as {plain}, as if the {mark} divided thousands."


def _trained(record: Mapping[str, float | str]) -> set[str]:
    return {name for name in record if kind(name) == "train"}


def _beside_bars(records: Sequence[dict[str, float | str]], bars: Mapping[int, float], *, thinned: bool) -> None:
    """Gives each row the bar below it, if the first loss has none above: Hugging Face's. Where one has none below, bars tell nothing."""
    first = next((record for record in records if _trained(record)), {})
    if not bars or not first or first.get("progress"):
        return
    complete = not thinned and all(row in bars for row, record in enumerate(records) if _trained(first) & record.keys())
    for row, record in enumerate(records):
        if complete and row in bars:
            record["progress"] = bars[row]
        elif not complete:
            record.pop("progress", None)


def _goes_on(record: Mapping[str, float | str], pairs: Mapping[str, float], counters: Mapping[str, float]) -> bool:
    """Whether a line belongs to the row above: it counts the same, or nothing, and names nothing that is there."""
    if len(record) > MOST_NAMES or any(name in record and name not in counters for name in pairs):
        return False
    if any(record.get(name, number) != number for name, number in counters.items()):
        return False
    return (
        not counters or counters.keys() <= record.keys() or {kind(name) for name in record}.isdisjoint(map(kind, counters.keys() - record))
    )


def planned(texts: Sequence[str], tag: str = "") -> list[str]:
    """The name of each number between these texts, "" for one that has none.

    `tag` says whose numbers they are (validation, say) where the line above did. The name is what stands before the number, else behind it.

    >>> planned(["Epoch ", "/", ", train loss ", ", lr: ", ""])
    ['Epoch', '', 'train loss', 'lr']
    >>> planned(["Cost after iteration ", ": ", ""]), planned(["valid on 'valid' subset | loss ", ""])
    (['iteration', 'Cost'], ['valid loss'])
    >>> planned(["epoch ", " batch ", " ", ""])  # what is counted has no name
    ['epoch', 'batch', 'value']
    """
    shape = "".join("#".join(" ".join(text.split()) for text in texts).split(" "))
    given = next((names for begins, names in PROGRAMS if shape.startswith(begins.replace(" ", ""))), ())
    names: list[str] = []
    phrase, sides = "", _of_two_sides(texts)
    bare = len(texts)  # the numbers from here to the end of the line have no names
    while bare > 1 and _DIVIDES.fullmatch(texts[bare - 1]):
        bare -= 1
    for i, text in enumerate(texts[:-1]):
        after = texts[i + 1]
        text = text.removeprefix(unit[0]) if i and (unit := _UNIT.match(text)) else text
        before, aside = _without_aside(text.rstrip(" \t:=|>[({'\"~≈"))
        pieces = [piece.strip() for piece in _BREAK.split(before)] + [""] * before.endswith((",", ";", ")", "]", "}"))
        *free, last = pieces
        for piece in free:
            phrase = piece if kind(piece) in ("train", "validation") else phrase
        for piece in (*free, aside):
            tag = [tag, *_TAG.findall(piece)][-1]
        spoken = _spoken(last)
        if len(spoken) > 1 and kind(spoken[-1]) in COUNTERS:
            rest = " ".join(_spoken(" ".join(spoken[:-1])))
            if kind(rest) in ("train", "validation"):
                phrase, spoken, tag = rest, spoken[-1:], [tag, *_TAG.findall(rest)][-1]
            elif _TAG.fullmatch(rest):
                tag, spoken = rest, spoken[-1:]
        name = " ".join(spoken[-6:])[-MOST_LETTERS:]
        percent = after.startswith("%") and (not name or kind(name) in COUNTERS)
        if i < len(given):
            name = given[i]
        elif i in sides:
            name = sides[i]
        elif not i and _TAG.fullmatch(name) and _TOTAL.fullmatch(after):  # Test: [1/196]
            name, tag = f"{name} progress", name
        elif (
            i and names[0].endswith(" progress") and has(names[0], "held out") and text.strip() == "(" and after.startswith(")")
        ):  # an evaluation's mean so far
            name, names[-1] = names[-1], ""
        elif percent or (i and _TOTAL.fullmatch(text)) or (name.lower() == "eta" and _DURATION.match(after)):
            name = ""
        elif not name and _TOTAL.fullmatch(after) and i + 2 < len(texts):
            name = "progress"
        elif not name and phrase and i and kind(names[-1]) in COUNTERS and text.strip(" )]") in (":", "=", "->", "→", "is"):
            name = phrase
        elif not name and i >= bare and all(kind(each) in COUNTERS for each in names[:bare]):
            name = f"value {i - bare + 1}" if i > bare else "value"
        elif not name:
            name = _behind(after, last=i + 2 == len(texts))
        elif phrase and kind(name) in ("train", "validation") and not has(name, "loss") and not has(name, "metric"):
            name = f"{phrase} {name}"  # loss (train): 0.5
        if tag and kind(name) == "train" and not has(name, "train"):
            name = f"{tag} {name}"
        names.append(f"{name} (2)" if name and name in names else name)
    return names


def _of_two_sides(texts: Sequence[str]) -> dict[int, str]:
    """The names of two numbers of which the words before or behind them say whose each is: ``loss 0.5/0.6 (train/val)``."""
    found: dict[int, str] = {}
    for i in (i for i in range(len(texts) - 2) if texts[i + 1].strip() in ("/", "|", ",")):
        for text in (texts[i][-MOST_LETTERS:], texts[i + 2][:MOST_LETTERS]):
            both = _TWO_SIDES.search(text)
            if both and is_side(both[1]) and is_side(both[2]) and has(both[1], "held out") != has(both[2], "held out"):
                before = _TWO_SIDES.sub(" ", texts[i][-MOST_LETTERS:]).rstrip(" \t:=|>[({'\"~≈")
                name = " ".join(_spoken(_BREAK.split(before)[-1]))
                if kind(name) not in COUNTERS:
                    found |= {i: f"{both[1]} {name}".strip(), i + 1: f"{both[2]} {name}".strip()}
    return found


_TWO_SIDES = re.compile(r"[(\[]?(?<!\w)([^\W\d_]++) ?[/|,] ?([^\W\d_]++)[)\]]?")


def _without_aside(text: str) -> tuple[str, str]:
    """The text without the words in brackets at its end, and these: ``Epoch(train)``."""
    aside = _ASIDE.search(text[-60:])
    return (text[: len(text) - len(aside[0])].rstrip(), aside[1]) if aside and words(aside[1]) else (text, "")


def _spoken(piece: str) -> list[str]:
    """The words of a name, without those that only lead to the number."""
    found = piece.strip(" \t-–—*#.'\"`!?/\\│┃║█▏▎▍▌▋▊▉").split()
    while found and (found[-1].lower() in WORDS["stop"] or not words(found[-1])):
        found.pop()
    while found and (found[0].lower() in WORDS["stop"] or not words(found[0])):
        found.pop(0)
    return found


def _behind(after: str, *, last: bool) -> str:
    """The name that stands behind a number, as in ``442.0 avg loss,``; a unit that touches it is none, but for tqdm's ``220it``."""
    lead = _BREAK.split(after)[0]
    if lead[:1].isalpha():
        return "progress" if lead.split()[0] == "it" else ""
    rest = after[len(lead) :].strip(" :=")
    spoken = _spoken(lead)
    return " ".join(spoken[:4])[:MOST_LETTERS] if spoken and (last or rest) else ""


def _float(text: str, *, commas: bool) -> float:
    if not commas:
        return float(text.replace(",", "") if "," in text else text)
    if "," in text:
        return float(text.replace(".", "").replace(",", "."))
    return float(text.replace(".", "") if re.fullmatch(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})++", text) else text)
