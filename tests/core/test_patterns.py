"""No text makes a regular expression of the program take more than linear time, whichever way the expression is used.

Every pattern is found by itself: in the calls of `re` in the source, and in what the modules hold. Each is tried with strings made of its
own structure: what leads to one of its repeated pieces, that piece over and over, and an end that fails; and the whole way to it repeated,
since a search begins anew at every letter.
"""

import ast
import importlib
import itertools
import math
import re
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from re import _compiler, _parser  # type: ignore[attr-defined]  # isort: skip  # Python's own, which no release has moved since 3.11

import explorer

ROOT = Path(explorer.__file__).parent
SCRIPTS = {ROOT / "ui" / "main.py", *(ROOT / "ui" / "pages").glob("*.py")}  # run when they are imported
FUNCTIONS = {"compile", "search", "match", "fullmatch", "split", "findall", "finditer", "sub", "subn", "template"}

LENGTHS = (*range(4, 40, 2), *(2**k for k in range(6, 13)))  # letters of an attack
LONGER = (2**13, 2**14, 2**15, 2**16)  # of one that takes more than `SHORT` up to there
SHORT, STUCK = 4e-3, 0.2  # seconds: what takes less is no harm, and cannot be measured; and what no 40 letters may take
MOST_GROWTH = 28.0  # times as long for 8 times the letters: for a linear pattern it is 8, for a quadratic one 64

REPEATS = {_parser.MAX_REPEAT, _parser.MIN_REPEAT, _parser.POSSESSIVE_REPEAT}
ALPHABET = "aA1 \t\n.,:;|/-_=+'\"()[]{}%#é!"


# ---- the patterns of the program


def module_of(path: Path) -> str:
    return ".".join(("explorer", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")


def held(value: Any, depth: int = 3) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        yield value
    elif depth and isinstance(value, dict | list | tuple | set | frozenset):
        for each in itertools.chain(value, value.values() if isinstance(value, dict) else ()):
            yield from held(each, depth - 1)


def written(path: Path) -> Iterator[tuple[int, str, int]]:
    """The line, pattern and flags of every call of `re` in a file. Fails for a pattern that only a running function knows."""
    tree = ast.parse(path.read_text("utf-8"))
    names = {} if path in SCRIPTS else vars(importlib.import_module(module_of(path)))
    assert not any(isinstance(node, ast.ImportFrom) and node.module == "re" for node in ast.walk(tree)), f"{path}: import re whole"
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.Lambda)]
    inside = {id(node) for function in functions for node in ast.walk(function)}
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=name), args=[pattern, *_]) if name in FUNCTIONS:
                given = (*node.args[1:], *(keyword.value for keyword in node.keywords))
                flags = [each for each in given if isinstance(each, ast.Attribute | ast.BinOp) and ast.unparse(each).startswith("re.")]
                try:
                    known = [eval(ast.unparse(each), {"re": re} | names) for each in (pattern, *flags)]
                except NameError:
                    assert id(node) not in inside, f"{path}:{node.lineno}: a pattern must be known without running the function"
                    continue  # in a comprehension of the module, which holds it
                yield node.lineno, known[0], int(sum(known[1:], 0))


def patterns() -> dict[str, re.Pattern[str]]:
    found: dict[tuple[str, int], str] = {}
    for path in sorted(ROOT.rglob("*.py")):
        for line, pattern, flags in written(path):
            found.setdefault((pattern, re.compile(pattern, flags).flags), f"{path.relative_to(ROOT)}:{line}")
        if path not in SCRIPTS:
            for each in held({name: value for name, value in vars(importlib.import_module(module_of(path))).items() if name[:2] != "__"}):
                found.setdefault((each.pattern, each.flags), f"{path.relative_to(ROOT)}")
    return {f"{place} {pattern[:60]}": re.compile(pattern, flags) for (pattern, flags), place in found.items()}


# ---- strings that attack one


def matches(node: Any, state: Any, flags: int) -> list[str]:
    """The letters of the alphabet that one piece of a pattern matches; that letter, where it is one."""
    if node[0] is _parser.LITERAL:
        return [chr(node[1])]
    one = _parser.SubPattern(state, [node])
    compiled = _compiler.compile(one, flags & ~re.DEBUG)
    return [letter for letter in ALPHABET + "".join(map(chr, literals(one))) if compiled.fullmatch(letter)]


def literals(tree: Any) -> list[int]:
    """The letters that are written anywhere in a pattern."""
    found: list[int] = []
    for op, value in tree if isinstance(tree, _parser.SubPattern | list) else ():
        if op in (_parser.LITERAL, _parser.NOT_LITERAL):
            found.append(value)
        elif op is _parser.RANGE:
            found += value
        elif op is _parser.IN:
            found += literals(value)
        else:
            found += [code for each in subtrees(op, value) for code in literals(each)]
    return list(dict.fromkeys(found))


def subtrees(op: Any, value: Any) -> list[Any]:
    if op is _parser.BRANCH:
        return list(value[1])
    if op is _parser.GROUPREF_EXISTS:
        return [each for each in value[1:] if each is not None]
    return [each for each in (value if isinstance(value, tuple | list) else (value,)) if isinstance(each, _parser.SubPattern)]


def samples(tree: Any, flags: int, most: int = 3) -> list[str]:
    """Some strings that a pattern matches, if what looks around allows it."""
    found = [""]
    for op, value in tree:
        if op in (_parser.AT, _parser.ASSERT_NOT, _parser.GROUPREF):
            continue
        if op is _parser.ASSERT:
            here = [""] if value[0] < 0 else samples(value[1], flags, 1)
        elif op in REPEATS:
            here = [each * max(value[0], 1) for each in samples(value[2], flags, most)] + [""] * (value[0] == 0)
        elif inner := subtrees(op, value):
            here = [each for one in inner for each in samples(one, flags, most)]
        else:
            here = matches((op, value), tree.state, flags)
        found = [before + each for each in here[:most] for before in found][:most]
    return found


def repeated(tree: Any, flags: int, before: list[str]) -> Iterator[tuple[str, str]]:
    """What leads to each piece that may be repeated often, and the piece."""
    for place, (op, value) in enumerate(tree):
        way = [start + each for start in before for each in samples(_parser.SubPattern(tree.state, tree[:place].data), flags)][:3]
        if op in REPEATS and value[1] > 20:
            yield from itertools.product(way, samples(value[2], flags, 6))
        for each in subtrees(op, value):
            yield from repeated(each, flags, way)


def attacks(pattern: re.Pattern[str]) -> list[tuple[str, str, str]]:
    """Beginnings, pieces to repeat, and ends."""
    tree, flags = _parser.parse(pattern.pattern, pattern.flags), pattern.flags
    pieces = list(dict.fromkeys(repeated(tree, flags, [""])))
    ends = ["", "\0", "1x", " x\n"]
    letters = list(dict.fromkeys([*map(chr, literals(tree)), *" 1a\n"]))[:24]
    pumps = [*((way, piece) for way, piece in pieces), *(("", way + piece * k) for way, piece in pieces for k in (1, 3))]
    pumps += [("", letter) for letter in letters] + [(way, letter) for way, _ in pieces for letter in " 1a"]
    whole = [("", each) for each in samples(tree, flags)]
    return [(*each, end) for each in dict.fromkeys(pumps + whole) if each[1] for end in ends]


def seconds(pattern: re.Pattern[str], text: str) -> float:
    """The time in which it has looked everywhere in a text, and tried to match all of it: the least of three, since others run too."""

    def once() -> float:
        began = time.process_time()
        deque(pattern.finditer(text), maxlen=0)
        pattern.fullmatch(text)
        return time.process_time() - began

    first = once()
    return min(first, once(), once()) if SHORT < first < STUCK else first


def slow(pattern: re.Pattern[str]) -> str:
    """The attack whose time grows faster than its letters, in words; empty if none does."""
    for begin, piece, end in attacks(pattern):
        took: dict[int, float] = {}
        for length in (*LENGTHS, *LONGER):
            if length in LONGER and max(took.values()) < SHORT:
                break
            took[length] = seconds(pattern, begin + piece * -(-length // len(piece)) + end)
            stuck = length < 40 and took[length] > STUCK
            if stuck or (took[length] > SHORT and took[length] > MOST_GROWTH * took.get(length // 8, math.inf)):
                return f"{begin!r} + {piece!r} * n + {end!r} takes {took[length]:.3g} s for {length} letters"
    return ""


PATTERNS = patterns()


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS.keys())
def test_a_pattern_takes_linear_time(pattern: re.Pattern[str]) -> None:
    assert slow(pattern) == ""


SLOW = [r"(a+)+$", r"(?:a|a)*b", r"\d+\d+x", r"\s+$", r"skipp\w+ step", r"(?:\d+,?)+;", r"<.*>.*!", r"(?=.*x).*y", r"1(?:,\d{3})++(?!\d)"]


@pytest.mark.parametrize("pattern", SLOW)
def test_the_attacks_find_a_slow_pattern(pattern: str) -> None:
    assert slow(re.compile(pattern))
