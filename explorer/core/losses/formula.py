"""A loss that a visitor types. The text is read, never run: every piece of it is on a list, or it is refused with a sentence."""

from __future__ import annotations

import ast
import functools
import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from scipy.special import expit

from explorer.core.knobs import Knob
from explorer.core.losses.protocol import LOSSES, Array

if TYPE_CHECKING:
    from explorer.core.losses.symbols import Compiled

MOST_CHARACTERS, MOST_PIECES, DEEPEST, MOST_VARIABLES, LARGEST_EXPONENT = 200, 120, 12, 6, 20
"""What a formula may have of each: together with the bound on its derivatives they keep an answer below half a second."""

FUNCTIONS: Mapping[str, tuple[Any, int]] = MappingProxyType(
    {
        "sin": (np.sin, 1),
        "cos": (np.cos, 1),
        "tan": (np.tan, 1),
        "exp": (np.exp, 1),
        "log": (np.log, 1),
        "sqrt": (np.sqrt, 1),
        "abs": (np.abs, 1),
        "sign": (np.sign, 1),
        "sinh": (np.sinh, 1),
        "cosh": (np.cosh, 1),
        "tanh": (np.tanh, 1),
        "sigmoid": (expit, 1),
        "relu": (lambda u: np.maximum(u, 0), 1),
        "max": (np.maximum, 2),
        "min": (np.minimum, 2),
    }
)
"""What may be called: the numpy function, and how many arguments it takes. Their derivatives are in `symbols`."""

CONSTANTS = ("pi", "e")
ALLOWED = f"numbers, letters, + - * / ^, parentheses, {' '.join(CONSTANTS)}, and the functions {' '.join(FUNCTIONS)}"
EXAMPLE = "x^2 + 10*sin(y)^2"

_AS_TYPED = str.maketrans({"−": "-", "–": "-", "·": "*", "×": "*", "÷": "/", "²": "^2", "³": "^3", "⁴": "^4", "√": " sqrt", "π": " pi "})
_PIECE = re.compile(
    r"(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)|(?P<name>[A-Za-zα-ωΑ-Ω](?:_?[A-Za-zα-ωΑ-Ω0-9])*)|(?P<sign>\*\*|[-+*/^(),;=])"
)


def refusal(piece: str, rule: str) -> ValueError:
    """The one form of a refusal: the rule, and the offending piece."""
    shown = piece if len(piece) <= 40 else piece[:37] + "..."
    return ValueError(f"formula must {rule}, got {shown!r}")


@dataclass(frozen=True)
class Reading:
    """A formula's syntax tree, what its letters are set to, and the letters that are left, in alphabetical order."""

    tree: ast.expr
    settings: Mapping[str, ast.expr]
    variables: tuple[str, ...]


def read(text: str) -> Reading:
    """Reads a formula and the settings after it, without computing anything. Raises ValueError naming the piece and the rule.

    >>> read("a*x^2 + y; a = 3").variables
    ('x', 'y')
    """
    if len(text) > MOST_CHARACTERS:
        raise refusal(f"{len(text)} of them", f"have at most {MOST_CHARACTERS} characters")
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
    variables = tuple(sorted(names - set(settings)))
    if not variables:
        raise refusal(text, "have a variable, such as x, that is not set to a number")
    if len(variables) > MOST_VARIABLES:
        raise refusal(" ".join(variables), f"have at most {MOST_VARIABLES} variables")
    return Reading(tree, settings, variables)


def _pieces(text: str) -> Iterator[str]:
    """The text's numbers, names and signs. Only these ever reach the parser."""
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
        if found.lastgroup == "name" and keyword.iskeyword(found.group()):
            raise refusal(found.group(), f"be made of {ALLOWED}")
        # As a float, so that 007 is 7 as everywhere but in Python, and a long number is no long work.
        yield repr(float(found.group())) if found.lastgroup == "number" else "**" if found.group() == "^" else found.group()


def _sections(pieces: list[str]) -> list[list[str]]:
    """The formula and its settings: the pieces between semicolons, once those that stand side by side are known to fit."""
    if len(pieces) > MOST_PIECES:
        raise refusal(f"{len(pieces)} of them", f"have at most {MOST_PIECES} numbers, names and signs")
    depth, sections = 0, [list[str]()]
    for before, piece in zip([";", *pieces], [*pieces, ";"], strict=True):
        depth += (piece == "(") - (piece == ")")
        if depth > DEEPEST:
            raise refusal("(" * depth, f"have parentheses at most {DEEPEST} deep")
        if before in FUNCTIONS and piece != "(":
            raise refusal(before, f"give {before} its argument in parentheses")
        ends = before == ")" or before[0].isalnum() or before[0] == "."
        starts = piece == "(" or piece[0].isalnum() or piece[0] == "."
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
    """A piece as a person writes it: ``2.0`` is ``2``."""
    return "^" if piece == "**" else piece.removesuffix(".0")


def _parsed(pieces: list[str]) -> ast.expr:
    """The syntax tree of one expression. Nothing is run: `ast.parse` only builds the tree."""
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
    """The letters in a tree: all names but those of functions and constants."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - FUNCTIONS.keys() - set(CONSTANTS)


@functools.lru_cache(maxsize=64)
def _compiled(text: str) -> Compiled:
    from explorer.core.losses import symbols  # here, because sympy takes longer to import than everything else together

    return symbols.compiled(read(text))


@dataclass(frozen=True)
class Formula:
    """The loss that a text describes, with its derivatives worked out symbolically; the text is all that is compared and pickled.

    `minimum` is known only where the formula is quadratic. A kink has one slope and no curvature: that of
    abs and relu is 0 there, that of max and min the slope of their second argument.

    >>> Formula("x^2 * y").value_and_gradient(np.array([[1.0, 2.0], [3.0, 5.0]]))
    (array([ 3., 20.]), array([[ 6., 20.],
           [ 1.,  4.]]))
    """

    text: str

    @property
    def _compiled(self) -> Compiled:
        return _compiled(self.text)

    @property
    def coordinates(self) -> tuple[str, ...]:
        return self._compiled.variables

    @property
    def settings(self) -> Mapping[str, float]:
        """What the letters after the semicolons are set to."""
        return self._compiled.settings

    @property
    def formula(self) -> str:
        return self._compiled.latex

    @property
    def dim(self) -> int:
        return len(self.coordinates)

    @property
    def start(self) -> Array:
        return np.ones(self.dim)

    @cached_property
    def _constant_hessian(self) -> Array | None:
        """The Hessian ``(dim, dim)`` if it is the same everywhere."""
        return self.hvp(np.zeros((self.dim, self.dim)), np.eye(self.dim)) if self._compiled.is_quadratic else None

    @property
    def is_quadratic(self) -> bool:
        """Whether it is a quadratic with one minimum, of which the theory is exact."""
        return self.minimizer is not None

    @cached_property
    def minimizer(self) -> Array | None:
        """The minimum of a quadratic that curves upward in every direction; None for all else."""
        H = self._constant_hessian
        if H is None or not np.isfinite(H).all():
            return None
        values = np.linalg.eigvalsh(H)
        if values[0] <= 1e-12 * values[-1]:
            return None
        with np.errstate(all="ignore"):
            slope = self.value_and_gradient(np.zeros((self.dim, 1)))[1][:, 0]
        return np.asarray(-np.linalg.solve(H, slope)) if np.isfinite(slope).all() else None

    @property
    def minimum(self) -> float | None:
        """The smallest value of a quadratic; -inf where one curves downward; None where nothing is proven."""
        if self.minimizer is not None:
            return float(self.value(self.minimizer[:, np.newaxis])[0])
        H = self._constant_hessian
        bends_down = H is not None and np.isfinite(H).all() and (values := np.linalg.eigvalsh(H))[0] < -1e-12 * np.abs(values).max()
        return -np.inf if bends_down else None

    def value(self, x: Array) -> Array:
        return _filled([self._compiled.value(*x)], (1, x.shape[1]), x.dtype)[0]

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        value, *gradient = self._compiled.value_and_gradient(*x)
        return _filled([value], (1, x.shape[1]), x.dtype)[0], _filled(gradient, x.shape, x.dtype)

    def hvp(self, x: Array, v: Array) -> Array:
        rows = iter(self._compiled.hessian(*x))
        product = np.zeros_like(v)
        for i in range(self.dim):
            for j in range(i + 1):  # the lower triangle is all there is
                entry = next(rows)
                product[i] += entry * v[j]
                if i != j:
                    product[j] += entry * v[i]
        return product


def _filled(rows: Any, shape: tuple[int, int], dtype: Any = float) -> Array:
    """Rows that may be plain numbers, as an array."""
    out = np.empty(shape, dtype=dtype)
    for i, row in enumerate(rows):
        out[i] = row
    return out


Text = Annotated[
    str,
    Knob(
        0,
        1,
        label="formula",
        help=f"In {ALLOWED}. One to {MOST_VARIABLES} variables; a letter that is set after a semicolon is a number: a*x^2 + y^2; a = 3.",
        readable=_compiled,
    ),
]


@LOSSES
def formula(text: Text = EXAMPLE) -> Formula:
    """A loss of your own: type it, and its slope and curvature are worked out exactly.

    Whatever is typed, from 1 in every variable; the variables are its letters in alphabetical order. A semicolon ends the formula, and
    after it letters are set to numbers. Gradient and Hessian come from symbolic differentiation (sympy 1.14), not from differences.

    >>> loss = formula("a*x^2 + y^2; a = 5")
    >>> loss.coordinates, loss.hvp(np.zeros((2, 1)), np.ones((2, 1))).ravel().tolist()
    (('x', 'y'), [10.0, 2.0])
    >>> formula("x.real")
    Traceback (most recent call last):
    ValueError: formula must be made of numbers, letters, + - * / ^, ..., got '.'
    """
    return Formula(text)
