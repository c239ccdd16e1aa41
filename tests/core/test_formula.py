"""The formula door: what it reads, what it proves, every refusal's sentence, and a fuzz that it answers soon and runs nothing."""

from __future__ import annotations

import builtins
import cProfile
import io
import os
import subprocess
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer import LOSSES, OPTIMIZERS, Loss, Setup, Verdict, critical_learning_rate, judge, run
from explorer.core.losses.formula import Formula
from explorer.core.losses.grammar import FUNCTIONS, MOST_CHARACTERS
from explorer.core.losses.protocol import Array

formula = LOSSES["formula"]
formula()  # so that nobody's calls include the import of sympy
MOST_CALLS = 3_000_000
"""Calls of Python functions in which whatever is typed must be answered: a second or two. What is nastiest here takes 1,200,000."""


def value(text: str, *x: float) -> float:
    return float(formula(text).value(np.array(x, dtype=float)[:, np.newaxis])[0])


@pytest.mark.parametrize(
    ("text", "point", "expected"),
    [
        ("x^2 + 10*sin(y)^2", (2, 1), 4 + 10 * np.sin(1) ** 2),
        ("x**2", (3,), 9),
        ("-x^2", (3,), -9),
        ("2^x * e^-x", (3,), 8 / np.e**3),
        ("2^-1*x", (3,), 1.5),
        ("x²+√(y)·2−π", (3, 4), 13 - np.pi),
        ("pi*x", (1,), np.pi),
        ("a*x + b; a = 2; b = a0; a0 = 1", (1,), None),
        ("a*x^n; a = -3/2; n = 2*2", (2,), -24),
        ("x1 + x_2 + θ", (1, 2, 4), 7),
        ("007*x + .5 + 1.e1 + 1E-1", (1,), 17.6),
        ("max(x, 2*y) - min(x, y) + relu(-x) + sign(y)", (1, 4), 8 - 1 + 0 + 1),
        ("0*x + 5", (3,), 5),
        ("x;", (3,), 3),
        ("log(exp(x))/sqrt(x)", (9,), 3),
        ("x^0.5 + x^-2", (4,), 2 + 1 / 16),
    ],
)
def test_it_means_what_it_says(text: str, point: tuple[float, ...], expected: float | None) -> None:
    if expected is None:
        with pytest.raises(ValueError, match="formula must set b to a number, got 'a0'"):
            formula(text)
    else:
        assert value(text, *point) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("name", ["rosenbrock", "beale", "himmelblau", "three_hump_camel", "double_well", "booth"])
def test_a_formula_typed_again_is_the_loss_of_the_shelf(name: str) -> None:
    texts = {
        "rosenbrock": "(1-x)^2 + 100*(y-x^2)^2",
        "beale": "(1.5-x+x*y)^2 + (2.25-x+x*y^2)^2 + (2.625-x+x*y^3)^2",
        "himmelblau": "(x^2+y-11)^2 + (x+y^2-7)^2",
        "three_hump_camel": "2*x^2 - 1.05*x^4 + x^6/6 + x*y + y^2",
        "double_well": "(x^2-1)^2/4",
        "booth": "(x+2*y-7)^2 + (2*x+y-5)^2",
    }
    typed, kept = formula(texts[name]), LOSSES[name]()
    x, v = np.random.default_rng(0).standard_normal((2, kept.dim, 9))
    np.testing.assert_allclose(typed.value(x), kept.value(x), rtol=1e-12)
    np.testing.assert_allclose(typed.value_and_gradient(x)[1], kept.value_and_gradient(x)[1], rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(typed.hvp(x, v), kept.hvp(x, v), rtol=1e-10, atol=1e-10)


def test_coordinates_start_and_settings() -> None:
    loss = formula("b*z^2 + a^2 + Z; b = 3")
    assert isinstance(loss, Formula)
    assert loss.coordinates == ("Z", "a", "z")
    assert loss.start.tolist() == [1, 1, 1]
    assert loss.minimum is None
    assert loss.formula == "Z + a^{2} + 3 z^{2}"


def test_a_link_carries_it_and_a_run_uses_it() -> None:
    setup = Setup("formula", learning_rate=0.1, start=(3.0, 1.0), knobs={"loss.text": "a*x^2 + y^2/2; a = 5"})
    assert Setup.from_query(setup.to_query()) == setup
    assert setup.run().x[0, :, 0].tolist() == [3, 1]
    path = run(setup.make_loss(), OPTIMIZERS["gradient_descent"](), [0.15, 0.25], steps=800)
    assert [*judge(path).verdict] == [Verdict.CONVERGED, Verdict.DIVERGED]


@pytest.mark.parametrize(
    ("text", "minimum", "minimizer"),
    [
        ("(x-3)^2 + 5*(y+x)^2 + 7", 7, (3, -3)),
        ("x^2 - y^2", -np.inf, None),
        ("x^2 + 0*y", None, None),
        ("x^2 + y", None, None),
        ("x", None, None),
        ("x^4", None, None),
        ("abs(x)", None, None),
    ],
)
def test_what_is_proven_of_the_minimum(text: str, minimum: float | None, minimizer: tuple[float, ...] | None) -> None:
    loss = formula(text)
    assert isinstance(loss, Formula)
    assert loss.minimum == minimum
    assert loss.is_quadratic == (minimizer is not None)
    if minimizer is None:
        assert loss.minimizer is None
    else:
        np.testing.assert_allclose(loss.minimizer, minimizer)
        assert critical_learning_rate(loss, OPTIMIZERS["gradient_descent"]()) == pytest.approx(
            2 / np.linalg.eigvalsh([[12, 10], [10, 10]])[1]
        )


@pytest.mark.parametrize(
    ("text", "slope"), [("abs(x-1)", 0), ("relu(x-1)", 0), ("max(x, 1)", 0), ("min(x, 1)", 0), ("min(1, x)", 1), ("sign(x-1)", 0)]
)
def test_a_kink_has_one_slope_and_no_curvature(text: str, slope: float) -> None:
    loss, x = formula(text), np.ones((1, 1))
    assert loss.value_and_gradient(x)[1].item() == slope
    assert loss.hvp(x, x).item() == 0


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "be an expression such as x.*, got ''"),
        ("   ", "be an expression"),
        (";", "be an expression"),
        ("x +", "be a complete expression .* breaks off at its end, got 'x [+]'"),
        ("(x", "be a complete expression"),
        ("x)", "be a complete expression .* at '\\)'"),
        ("x ** / 2", "be a complete expression .* at '/', got 'x \\^ / 2'"),
        ("2x", "have a sign such as \\* between two values .*, got '2 x'"),
        ("x y", "have a sign such as .*, got 'x y'"),
        ("x(y)", "have a sign such as .*, got 'x\\('"),
        ("SIN(x)", "call no other functions than sin .*, in small letters; write sin, got 'SIN\\('"),
        ("gamma(x)", "call no other functions than sin .*, in small letters, got 'gamma\\('"),
        ("x^2 + nan", "have numbers that are finite, .*, got 'nan'"),
        ("Inf*x", "have numbers that are finite, .*, got 'Inf'"),
        ("1e-400*x", "keep its numbers 0, or at least 5e-324, got '1e-400'"),
        ("(x)(y)", "have a sign such as .*, got '\\)\\('"),
        ("sin x", "give sin its argument in parentheses, got 'sin'"),
        ("sin + x", "give sin its argument"),
        ("x*sin", "give sin its argument"),
        ("sin(x, y)", "give sin 1 argument, got"),
        ("max(x)", "give max 2 arguments, got"),
        ("sin()*x", "give sin 1 argument"),
        ("x^y", "have a number as exponent .*write exp\\(y\\*log\\(x\\)\\) for x\\^y, got 'x\\^y'"),
        ("(-2)^x", "have .* above 0 as base"),
        ("x^21", "have exponents from -20 to 20, got 'x\\^21'"),
        ("x^2^5", "have exponents from -20 to 20"),
        ("x*9^9^9", "have exponents from -20 to 20"),
        ("((x^20)^20)^20", "have exponents that multiply to at most 400"),
        ("(1e20*x)^20", "keep its numbers below 1.8e308"),
        ("x/0", "not divide by zero, got"),
        ("1/(x-x)", "not divide by zero"),
        ("log(0)*x", "have only numbers that are finite; this one is -inf, got 'log\\(0\\)'"),
        ("sqrt(-1)*x", "have only numbers that are finite; this one is nan"),
        ("exp(1000)*x", "have only numbers that are finite; this one is inf"),
        ("0^-1*x", "have only numbers that are finite; this one is inf"),
        ("1e999*x", "keep its numbers below 1.8e308, got '1e999'"),
        ("5", "have a variable, such as x"),
        ("a; a = 2", "have a variable"),
        ("a+b+c+d+f+g+h", "have at most 6 variables, got 'a b c d f g h'"),
        ("x; a = 3", "use each letter that it sets, got 'a'"),
        ("a*x; a = 3; a = 4", "set each letter once"),
        ("x; sin = 3", "set each letter once, and none that has a meaning already|give sin"),
        ("x*e; e = 3", ".*none that has a meaning already"),
        ("a*x; a = y", "set a to a number, got 'y'"),
        ("a*x; a", "be followed by settings of the form a = 3"),
        ("a*x; 3 = a", "be followed by settings"),
        ("a*x; a = ", "be followed by settings"),
        ("x = 3", "have = only where a letter is set"),
        ("a*x; a = b = 3", "have = only where"),
        ("x == 3", "have = only where"),
        ("x.real", "be made of numbers, letters, .*, got '.'"),
        ("__import__('os').system('true')", "be made of .*, got '_'"),
        ("x__class__", "be made of .*, got '_'"),
        ("'x'", "be made of"),
        ("f'{x}'", "be made of|have a sign"),
        ("[x for x in y]", "be made of .*, got '\\['"),
        ("{x: y}", "be made of"),
        ("lambda: x", "be made of .*, got 'lambda'"),
        ("x if y else z", "be made of .*, got 'if'"),
        ("x and y", "be made of .*, got 'and'"),
        ("None", "be made of .*, got 'None'"),
        ("x := 3", "be made of .*, got ':'"),
        ("x < y", "be made of .*, got '<'"),
        ("x @ y", "be made of .*, got '@'"),
        ("x // y", "be a complete expression"),
        ("x % y", "be made of .*, got '%'"),
        ("(x, y)", "be made of .*, got '\\(x, y\\)'"),
        ("()", "have a variable"),
        ("x + ()", "be made of .*, got '\\(\\)'"),
        ("max(*x)", "be made of"),
        ("max(**x)", "be made of"),
        ("x\n+ y # note", "be made of .*, got '#'"),
        ("ｘ + 1", "be made of .*, got 'ｘ'"),
        ("x\u0000", "be made of"),
        ("x" * (MOST_CHARACTERS + 1), f"have at most {MOST_CHARACTERS} characters, got 201"),
        ("+".join("x" * 61), "have at most 120 numbers, names and signs, got 121"),
        ("(" * 13 + "x" + ")" * 13, "have parentheses at most 12 deep"),
        ("*".join(f"sin(x+{i}*y)" for i in range(10)), "have derivatives of bounded length"),
    ],
)
def test_refusals_name_the_rule_and_the_piece(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^formula must ({sentence})"):
        formula(text)


@pytest.mark.parametrize("bad", [3, None, b"x", ["x"]])
def test_only_text_is_read(bad: object) -> None:
    with pytest.raises(ValueError, match="text must be text"):
        formula(bad)


def test_the_path_of_a_formula_may_leave_the_number_line() -> None:
    path = run(formula("x^20 - exp(x)"), OPTIMIZERS["gradient_descent"](), 1.0, start=[2.0], steps=20)
    assert judge(path).verdict[0] == Verdict.DIVERGED


# The fuzz. Whatever is typed, the answer is a loss that can be asked or a ValueError, it comes soon, and nothing is run.

NASTY = [
    "__import__('os').system('touch /')", "().__class__.__bases__[0].__subclasses__()", "exec('1')", "eval(x)", "open('x')", "lambda: 0",
    "f'{x!r}'", "[i for i in x]", "{x}", "x.__class__", "print(x)", "breakpoint()", "globals()", "(yield)", "await x", "x := 1",
    "9**9**9**9", "x" * 200, "(" * 200, "-" * 200, "((((((((((((x))))))))))))", "sin(" * 12 + "x*y*z" + ")" * 12, "x^20" * 9,
    "exp(x*" * 12 + "y" + ")" * 12, "tanh(x+y*" * 11 + "z" + ")" * 11, "sigmoid(x*" * 12 + "y" + ")" * 12, "(" * 12 + "x" + "+y)^2" * 12,
    "sin(x*y*z*a*b*c)^20*cos(x+y+z+a+b+c)^20", "*".join("(x+y+z+a+b+c)" for _ in range(9)), "/".join(["(x+y/z)"] * 17),
    "max(" * 11 + "x" + ",y)" * 11, "((x^20)^20)*((y^20)^20)*((z^20)^20)", "(1e15*x)^20", "1/x/x/x^-20", "x^0.1^0.1^0.1", "(x+1e-300)^-20",
    "*".join(f"(x+{i}*y)" for i in range(15)), "power(x, 2)", "step(x)", "f_sin(x)", "x0*x1", "nan*x", "inf*x", "oo", "zoo", "S", "N",
]  # fmt: skip
PIECES = [
    *FUNCTIONS, "x", "y", "z", "a", "b", "c", "pi", "e", "(", ")", "(", ")", "^", "**", "+", "-", "*", "/", ",", ";", "=", "2", "20", "0",
    "1e308", ".5", "9" * 30, " ", "\n", "_", "__", ".", "'", '"', "[", "]", "{", "}", ":", "lambda ", "for ", "in ", "if ", "else ", "@",
    "\\", "#", "%", "!", "²", "π", "√", "ｘ", "\u200b", "\ud800", "\x00", "é", "𝑥",
]  # fmt: skip
arithmetic = st.recursive(
    st.sampled_from(["x", "y", "z", "a", "b", "c", "2", "0", "-1", "0.5", "1e300", "pi", "e"]),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner),
        st.builds("{}({})".format, st.sampled_from([*FUNCTIONS]), inner),
        st.builds("{}({},{})".format, st.sampled_from(["max", "min"]), inner, inner),
        st.builds("({})^{}".format, inner, st.sampled_from(["2", "20", "-20", "0.5", "-1", "x", "(1/3)"])),
    ),
    max_leaves=25,
)
typed = st.one_of(
    st.text(max_size=210),
    st.lists(st.sampled_from(PIECES), max_size=60).map("".join),
    st.lists(st.sampled_from([*NASTY, *PIECES]), max_size=4).map("".join),
    arithmetic,
    st.builds("{}; a = {}".format, arithmetic, arithmetic),
)


def answer(text: str) -> tuple[Loss | ValueError, int]:
    """The loss, asked once, or the refusal; and the calls of functions that took, which no other process changes."""
    profile = cProfile.Profile(builtins=False)
    try:
        with profile, warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
            warnings.simplefilter("error")
            for place, name in DOORS:
                patch.setattr(place, name, forbidden)
            loss = formula(text)
        x: Array = np.full((loss.dim, 2), 0.7)
        with np.errstate(all="ignore"):
            assert loss.value_and_gradient(x)[1].shape == loss.hvp(x, x).shape == x.shape
            assert loss.minimum is None or loss.minimum < np.inf or np.isnan(loss.minimum)
        found: Loss | ValueError = loss
    except ValueError as error:
        found = error
    return found, sum(each.callcount for each in profile.getstats())


def forbidden(*args: object, **kwargs: object) -> None:
    raise AssertionError(f"something was run: {args}")


# Doors that an escape would go through. Sympy needs none of them once it has been imported.
DOORS = [
    (os, "system"),
    (subprocess, "Popen"),
    (io, "open"),
    *((builtins, name) for name in ("open", "eval", "print", "breakpoint", "input")),
]


@pytest.mark.parametrize("text", NASTY)
def test_what_is_nasty_is_answered_soon(text: str) -> None:
    result, calls = answer(text)
    assert isinstance(result, Formula | ValueError)
    assert calls < MOST_CALLS


@settings(max_examples=1000, database=None)
@given(typed)
def test_whatever_is_typed_is_answered_soon_and_never_run(text: str) -> None:
    result, calls = answer(text)
    assert isinstance(result, Formula) or str(result).startswith("formula must ")
    assert calls < MOST_CALLS


def test_a_quadratic_whose_minimum_is_beyond_all_numbers_has_none_that_is_known() -> None:
    steep = formula("x*(1e308+x)+1")
    assert (steep.minimizer, steep.minimum, steep.is_quadratic) == (None, None, False)
