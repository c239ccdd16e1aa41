"""From a formula's syntax tree to numpy functions of its value, gradient and Hessian, by way of sympy.

Only nodes on the list become symbols; everything else is refused. The functions are sympy functions of our own that nothing rewrites:
sympy's would search for simplifications, which takes seconds on a hostile formula, and differentiate abs into distributions.
"""

import ast
import itertools
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from sympy.printing.numpy import NumPyPrinter

from explorer.core.ground.prose import counted
from explorer.core.losses.grammar import ALLOWED, FUNCTIONS, LARGEST_EXPONENT, Reading, refusal
from explorer.core.losses.written import Written

Symbolic = Any  # sympy ships no types
MOST_TERMS = 6000  # of all derivatives together, counted as nodes of their trees
MOST_WRITTEN = 3000  # characters of a gradient that people still read
ARITHMETIC: dict[type[ast.operator], Callable[..., Symbolic]]
ARITHMETIC = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
HIGHEST_POWER = 400  # what exponents may multiply to: (x^20)^20


@dataclass(frozen=True, eq=False)
class Compiled:
    """Numpy functions of the separate variables, each ``(runs,)``; an entry that does not vary is a plain number.

    `value_and_gradient` is a list, the value first; `hessian` the lower triangle row by row.
    """

    variables: tuple[str, ...]
    latex: str
    is_quadratic: bool
    value: Callable[..., Any]
    value_and_gradient: Callable[..., Sequence[Any]]
    hessian: Callable[..., Sequence[Any]]
    symbolic: tuple[Symbolic, ...]  # the value and the gradient

    def written(self) -> Written | None:
        """Return the formula and its gradient as lines of Python; None where they are too long to be read."""
        clash = {"np", "torch", "point"}
        names = tuple(f"{each}_" if each in clash else each for each in self.variables)
        letters = {sympy.Symbol(f"x{i}"): sympy.Symbol(name) for i, name in enumerate(names)}
        value, *gradient = (each.xreplace(letters) for each in self.symbolic)
        body, *parts = map(_to_read(_WRITTEN), (value, *gradient))
        slope = parts[0] if len(parts) == 1 else f"np.array([{', '.join(parts)}])"
        if len(slope) > MOST_WRITTEN:
            return None
        known = {each.func.__name__ for each in value.atoms(sympy.Function)}
        plain = value.free_symbols and not known & {"f_max", "f_min"}  # of which PyTorch's have half a slope from either side at a tie
        torch = f"return {_to_read(_WRITTEN | _TORCH)(value)}" if plain else ""
        return Written(f"return {body}", f"return {slope}", coordinates=names, torch=torch)


def compiled(reading: Reading) -> Compiled:
    """Return the functions of a formula. Raises ValueError for a piece that is not on the list, or derivatives too long to be useful."""
    settings = {name: _build(tree, {}) for name, tree in reading.settings.items()}
    symbols = [sympy.Symbol(f"x{i}") for i in range(len(reading.variables))]
    f = _build(reading.tree, settings | dict(zip(reading.variables, symbols, strict=True)))
    counter = _Counter(MOST_TERMS)
    gradient = [counter.passed(sympy.diff(f, each)) for each in symbols]
    hessian = [counter.passed(sympy.diff(gradient[i], symbols[j])) for i in range(len(symbols)) for j in range(i + 1)]
    names = dict(zip(symbols, (sympy.Symbol(each) for each in reading.variables), strict=True))
    return Compiled(
        variables=reading.variables,
        latex=sympy.latex(f.xreplace(names)),
        is_quadratic=not any(each.free_symbols for each in hessian),
        value=_numpy(symbols, f),
        value_and_gradient=_numpy(symbols, [f, *gradient]),
        hessian=_numpy(symbols, hessian),
        symbolic=(f, *gradient),
    )


class _Counter:
    """Lets derivatives pass until there are too many terms of them."""

    def __init__(self, left: int) -> None:
        self.left = left

    def passed(self, expression: Symbolic) -> Symbolic:
        self.left -= sum(1 for _ in itertools.islice(sympy.preorder_traversal(expression), self.left + 1))
        if self.left < 0:
            raise refusal(f"more than {MOST_TERMS} terms", "have derivatives of bounded length; shorten its products or its nesting")
        return expression


def _build(node: ast.expr, values: Mapping[str, Symbolic]) -> Symbolic:
    """Return the symbolic form of one node. Constants are folded into one number at once, so none can grow without bound."""
    match node:
        case ast.Constant(value=float(number)):
            return _number(number, node)
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.Name(id="pi"):
            return sympy.pi
        case ast.Name(id="e"):
            return sympy.E
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_build(operand, values)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _build(operand, values)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_build(left, values), _build(right, values), node)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
            a, b = _build(left, values), _build(right, values)
            if isinstance(op, ast.Div) and b == 0:
                raise refusal(_text(node), "not divide by zero")
            return _finite(ARITHMETIC[type(op)](a, b), node)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS and ast.Starred not in map(type, args):
            if len(args) != FUNCTIONS[name][1]:
                raise refusal(_text(node), f"give {name} {counted(FUNCTIONS[name][1], 'argument')}")
            built = [_build(each, values) for each in args]
            return OPAQUE[name](*built) if any(each.free_symbols for each in built) else _folded(FUNCTIONS[name][0], built, node)
    raise refusal(_text(node), f"be made of {ALLOWED}")


def _text(node: ast.expr) -> str:
    return ast.unparse(node).replace(" ** ", "^").replace("**", "^").replace(".0", "")


def _power(base: Symbolic, exponent: Symbolic, node: ast.expr) -> Symbolic:
    if exponent.free_symbols:
        if base.free_symbols or not float(base) > 0:
            raise refusal(_text(node), "have a number as exponent or above 0 as base; write exp(y*log(x)) for x^y")
        power = exponent if base == sympy.E else exponent * _number(np.log(float(base)), node)
        return OPAQUE["exp"](power) if power.free_symbols else _folded(np.exp, [power], node)
    n = float(exponent)
    if not abs(n) <= LARGEST_EXPONENT:
        raise refusal(_text(node), f"have exponents from -{LARGEST_EXPONENT} to {LARGEST_EXPONENT}")
    if not base.free_symbols:
        return _folded(lambda b: np.power(b, n), [base], node)
    if not n.is_integer():
        return OPAQUE["power"](base, sympy.Float(n))
    result = base ** int(n)
    for each in result.atoms(sympy.Pow):
        if each.exp.is_number and abs(each.exp) > HIGHEST_POWER:
            raise refusal(_text(node), f"have exponents that multiply to at most {HIGHEST_POWER}")
    return result


def _folded(function: Callable[..., Any], args: list[Symbolic], node: ast.expr) -> Symbolic:
    with np.errstate(all="ignore"):
        return _number(float(function(*(float(each) for each in args))), node)


def _number(value: float, node: ast.expr) -> Symbolic:
    if not np.isfinite(value):
        raise refusal(_text(node), f"have only numbers that are finite; this one is {value:g}")
    return sympy.Integer(int(value)) if value.is_integer() and abs(value) < 2**53 else sympy.Float(value)


def _finite(expression: Symbolic, node: ast.expr) -> Symbolic:
    """Return the expression; if it is a number beyond float64, a refusal."""
    return _folded(float, [expression], node) if expression.is_Number and expression.is_Float else expression


# The functions, and the derivative by each argument.


def _opaque(name: str, derivatives: Callable[..., tuple[Symbolic, ...]], latex: str) -> Symbolic:
    """Return a sympy function that is differentiated by this rule and otherwise left as it is."""

    def fdiff(self: Symbolic, argindex: int = 1) -> Symbolic:
        return derivatives(self, *self.args)[argindex - 1]

    def show(self: Symbolic, printer: Symbolic, exp: str | None = None) -> str:
        shown = latex.format(*(printer._print(each) for each in self.args))
        return shown if exp is None else rf"\left({shown}\right)^{{{exp}}}"

    return type(f"f_{name}", (sympy.Function,), {"fdiff": fdiff, "_latex": show, "__module__": __name__})


ZERO = sympy.Integer(0)


def _word(name: str) -> str:
    return rf"\{name}\left({{}}\right)"


OPAQUE: dict[str, Symbolic] = {}
OPAQUE |= {
    "sin": _opaque("sin", lambda f, u: (OPAQUE["cos"](u),), _word("sin")),
    "cos": _opaque("cos", lambda f, u: (-OPAQUE["sin"](u),), _word("cos")),
    "tan": _opaque("tan", lambda f, u: (1 + f**2,), _word("tan")),
    "exp": _opaque("exp", lambda f, u: (f,), "e^{{{}}}"),
    "log": _opaque("log", lambda f, u: (1 / u,), _word("log")),
    "sqrt": _opaque("sqrt", lambda f, u: (1 / (2 * f),), r"\sqrt{{{}}}"),
    "abs": _opaque("abs", lambda f, u: (OPAQUE["sign"](u),), r"\left|{}\right|"),
    "sign": _opaque("sign", lambda f, u: (ZERO,), r"\operatorname{{sign}}\left({}\right)"),
    "sinh": _opaque("sinh", lambda f, u: (OPAQUE["cosh"](u),), _word("sinh")),
    "cosh": _opaque("cosh", lambda f, u: (OPAQUE["sinh"](u),), _word("cosh")),
    "tanh": _opaque("tanh", lambda f, u: (1 - f**2,), _word("tanh")),
    "sigmoid": _opaque("sigmoid", lambda f, u: (f * (1 - f),), r"\sigma\left({}\right)"),
    "relu": _opaque("relu", lambda f, u: (OPAQUE["step"](u),), r"\operatorname{{relu}}\left({}\right)"),
    "step": _opaque("step", lambda f, u: (ZERO,), r"\left[{}>0\right]"),
    "max": _opaque("max", lambda f, u, v: (OPAQUE["step"](u - v), 1 - OPAQUE["step"](u - v)), r"\max\left({}, {}\right)"),
    "min": _opaque("min", lambda f, u, v: (OPAQUE["step"](v - u), 1 - OPAQUE["step"](v - u)), r"\min\left({}, {}\right)"),
    "power": _opaque("power", lambda f, u, n: (n * OPAQUE["power"](u, n - 1), ZERO), r"\left({}\right)^{{{}}}"),
}

_NUMPY = {f"f_{name}": function for name, (function, _) in FUNCTIONS.items()}
_NUMPY |= {"f_step": lambda u: np.heaviside(u, 0.0), "f_power": np.power}

_WRITTEN: dict[str, Any] = {f"f_{name}": f"np.{name}" for name in FUNCTIONS} | {"f_max": "np.maximum", "f_min": "np.minimum"}
_WRITTEN |= {
    "f_sigmoid": [(lambda *_: True, lambda u: f"(1 / (1 + np.exp(-({u}))))")],
    "f_relu": [(lambda *_: True, lambda u: f"np.maximum({u}, 0)")],
    "f_step": [(lambda *_: True, lambda u: f"np.heaviside({u}, 0.0)")],
    "f_power": [(lambda *_: True, lambda u, n: f"(({u}) ** {n})")],
}
_TORCH = {"f_sigmoid": "torch.sigmoid", "f_relu": "torch.relu"}
"""How each function is written in a program that somebody takes away, and what PyTorch writes otherwise."""


def _to_read(functions: Mapping[str, Any]) -> Callable[[Symbolic], str]:
    """Return what writes an expression as lines that stand for themselves."""
    printer = _printer({"user_functions": functions, "allow_unknown_functions": False})
    printer._print_Pi, printer._print_Exp1 = (lambda _: "np.pi"), (lambda _: "np.e")
    printer._print_exp = lambda power: f"(np.e ** ({printer.doprint(power.args[0])}))"
    return printer.doprint


def _numpy(symbols: list[Symbolic], expressions: Symbolic) -> Callable[..., Any]:
    """Return numpy code for the expressions. What is compiled here is printed from symbols, of which every node came through `_build`."""
    printer = _printer({"inline": True, "allow_unknown_functions": True})
    folded = {constant: sympy.Float(float(constant)) for constant in (sympy.pi, sympy.E)}  # else Python computes them, and raises errors
    expressions = [each.xreplace(folded) for each in expressions] if isinstance(expressions, list) else expressions.xreplace(folded)
    return sympy.lambdify(symbols, expressions, modules=[_NUMPY, "numpy"], printer=printer, cse=True)


def _printer(settings: Mapping[str, Any]) -> Symbolic:
    """Return a printer of every number as its float64: sympy prints 15 digits, and numpy has no integers beyond 2^63."""
    printer = NumPyPrinter({"fully_qualified_modules": False, **settings})
    printer._print_Float = printer._print_Rational = lambda number: repr(_float64(number))
    printer._print_Integer = lambda number: str(number) if abs(number) < 2**53 else repr(_float64(number))
    return printer


def _float64(number: Symbolic) -> float:
    try:
        value = float(number)
    except OverflowError:
        value = np.inf
    if not np.isfinite(value):
        raise refusal(str(number), "keep its numbers below 1.8e308, also where it is multiplied out")
    return value
