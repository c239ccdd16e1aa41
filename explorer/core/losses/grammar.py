"""The grammar of typed formulas: a text is split into tokens, each checked against a list, and parsed into a syntax tree.

Nothing is computed or executed; what is not on the list is refused with a sentence.
"""

import ast
import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import scipy

from explorer.core.ground.checks import SMALLEST, vanishes

MOST_CHARACTERS, MOST_PIECES, DEEPEST, MOST_VARIABLES, LARGEST_EXPONENT = 200, 120, 12, 6, 20
"""Largest number of each in a formula: with the bound on its derivatives, they keep an answer below half a second."""

FUNCTIONS: Mapping[str, tuple[Any, int]] = MappingProxyType(
    {name: (getattr(np, name), 1) for name in ("sin", "cos", "tan", "exp", "log", "sqrt", "abs", "sign", "sinh", "cosh", "tanh")}
    | {
        "sigmoid": (lambda u: scipy.special.expit(u), 1),
        "relu": (lambda u: np.maximum(u, 0), 1),
        "max": (np.maximum, 2),
        "min": (np.minimum, 2),
    }
)
"""What may be called: the numpy function, and how many arguments it takes. Their derivatives are in `symbols`."""

CONSTANTS = ("pi", "e")
NO_NUMBERS = ("nan", "inf", "infinity")  # as variables they would be another loss than the one that was meant
ALLOWED = f"numbers, letters, + - * / ^, parentheses, {' '.join(CONSTANTS)}, and the functions {' '.join(FUNCTIONS)}"
EXAMPLE = "x^2 + 10*sin(y)^2"

_AS_TYPED = str.maketrans({"−": "-", "–": "-", "·": "*", "×": "*", "÷": "/", "²": "^2", "³": "^3", "⁴": "^4", "√": " sqrt", "π": " pi "})
_PIECE = re.compile(
    r"(?P<number>(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?)|(?P<name>[A-Za-zα-ωΑ-Ω](?:_?[A-Za-zα-ωΑ-Ω0-9])*+)|(?P<sign>\*\*|[-+*/^(),;=])"
)


def refusal(piece: str, rule: str) -> ValueError:
    """Return a refusal, in the one form: the rule, and the offending piece."""
    shown = piece if len(piece) <= 40 else piece[:37] + "..."
    return ValueError(f"formula must {rule}, got {shown!r}")


@dataclass(frozen=True)
class Reading:
    """A formula's syntax tree, what its letters are set to, and the letters that are left, in alphabetical order."""

    tree: ast.expr
    settings: Mapping[str, ast.expr]
    variables: tuple[str, ...]


def read(text: str, beside: Reading | None = None) -> Reading:
    """Read a formula and the settings after it, without computing anything. Raises ValueError naming the piece and the rule.

    A formula `beside` another has the variables and the settings of that one, whether it uses them or not.

    >>> f = read("a*x^2 + y; a = 3")
    >>> f.variables, read("1", beside=f).variables
    (('x', 'y'), ('x', 'y'))
    """
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"formula must have at most {MOST_CHARACTERS} characters, got {len(text):,}")
    first, *rest = _sections(list(_pieces(text.translate(_AS_TYPED))))
    tree = _parsed(first)
    settings: dict[str, ast.expr] = {}
    for section in rest:
        name = section[0]
        if len(section) < 3 or not name[0].isalpha() or section[1] != "=":
            raise refusal(" ".join(section), "be followed by settings of the form a = 3, with a semicolon before each")
        if name in FUNCTIONS or name in CONSTANTS or name in settings:
            raise refusal(" ".join(section), "set each letter once, and none that has a meaning already")
        settings[name] = _parsed(section[2:])
        for other in _names(settings[name]):
            raise refusal(other, f"set {name} to a number")
    names = _names(tree)
    for name in settings:
        if name not in names:
            raise refusal(name, "use each letter that it sets")
    if beside is not None:
        for name in sorted(names - {*settings, *beside.settings, *beside.variables}):
            raise refusal(name, f"have no other variable than {', '.join(beside.variables)} beside that formula")
        return Reading(tree, {**beside.settings, **settings}, beside.variables)
    variables = tuple(sorted(names - set(settings)))
    if not variables:
        raise refusal(text, "have a variable, such as x, that is not set to a number")
    if len(variables) > MOST_VARIABLES:
        raise refusal(" ".join(variables), f"have at most {MOST_VARIABLES} variables")
    return Reading(tree, settings, variables)


def _pieces(text: str) -> Iterator[str]:
    """Yield the text's numbers, names and signs. Only these ever reach the parser."""
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        found = _PIECE.match(text, position)
        if found is None:
            raise refusal(text[position], f"be made of {ALLOWED}")
        position = found.end()
        if found.lastgroup == "number" and not np.isfinite(float(found.group())):
            raise refusal(found.group(), "keep its numbers below 1.8e308")
        if found.lastgroup == "name" and found.group().lower() in NO_NUMBERS:
            raise refusal(found.group(), "have numbers that are finite, and no letters that read as another")
        if found.lastgroup == "number" and vanishes(found.group()):
            raise refusal(found.group(), f"keep its numbers 0, or at least {SMALLEST}")
        if found.lastgroup == "name" and keyword.iskeyword(found.group()):
            raise refusal(found.group(), f"be made of {ALLOWED}")
        # As a float, so that 007 is 7, as everywhere but in Python, and a long number is cheap.
        yield repr(float(found.group())) if found.lastgroup == "number" else "**" if found.group() == "^" else found.group()


def _sections(pieces: list[str]) -> list[list[str]]:
    """Return the formula and its settings: the pieces between semicolons, once those that stand side by side are known to fit."""
    if len(pieces) > MOST_PIECES:
        raise ValueError(f"formula must have at most {MOST_PIECES} numbers, names and signs, got {len(pieces):,}")
    depth, sections = 0, [list[str]()]
    for before, piece in zip([";", *pieces], [*pieces, ";"], strict=True):
        depth += (piece == "(") - (piece == ")")
        if depth > DEEPEST:
            raise refusal("(" * depth, f"have parentheses at most {DEEPEST} deep")
        if before in FUNCTIONS and piece != "(":
            raise refusal(before, f"give {before} its argument in parentheses")
        ends = before == ")" or before[0].isalnum() or before[0] == "."
        starts = piece == "(" or piece[0].isalnum() or piece[0] == "."
        if piece == "(" and before[0].isalpha() and len(before) > 1 and before not in (*FUNCTIONS, *CONSTANTS):
            meant = f"; write {before.lower()}" if before.lower() in FUNCTIONS else ""
            raise refusal(f"{before}(", f"call no other functions than {' '.join(FUNCTIONS)}, in small letters{meant}")
        if ends and starts and before not in FUNCTIONS:
            raise refusal(
                f"{_written(before)}{'' if piece == '(' else ' '}{_written(piece)}", f"have a sign such as * between two values ({ALLOWED})"
            )
        if piece == ";":
            sections.append([])
        else:
            sections[-1].append(piece)
    return sections[:1] + [each for each in sections[1:] if each]


def _written(piece: str) -> str:
    """Return a piece as a person writes it: ``2.0`` is ``2``."""
    return "^" if piece == "**" else piece.removesuffix(".0")


def _parsed(pieces: list[str]) -> ast.expr:
    """Return the syntax tree of one expression. Nothing is run: `ast.parse` only builds the tree."""
    text = " ".join(pieces)
    if not pieces:
        raise refusal(text, f"be an expression such as {EXAMPLE}")
    if "=" in pieces:
        raise refusal(" ".join(map(_written, pieces)), "have = only where a letter is set, after a semicolon, as in a*x^2; a = 3")
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, MemoryError, RecursionError) as error:
        offset = getattr(error, "offset", None) or len(text) + 1
        at = text[offset - 1 :].split(" ")[0]
        where = f"at {_written(at)!r}" if at else "at its end"
        raise refusal(" ".join(map(_written, pieces)), f"be a complete expression such as {EXAMPLE}, and it breaks off {where}") from None


def _names(tree: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - FUNCTIONS.keys() - set(CONSTANTS)
