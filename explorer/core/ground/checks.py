"""Refusals in one form, ``name must be rule, got value``, and the checks that make them."""

import inspect
import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from explorer.core.ground.knobs import ANY_NUMBER, Knob

NUMBERS = "one or more numbers, such as (1, 10)"


def must(name: str, rule: str, got: object) -> ValueError:
    """Return a refusal in the one form: the name, the rule, the value."""
    return ValueError(f"{name} must be {rule}, got {got}")


def check_made(name: str, value: Any, kind: Any, rule: str) -> Any:
    """Return what is of this kind, such as ``Executor | None``; anything else is refused with a sentence."""
    if not isinstance(value, kind):
        raise must(name, rule, typed(value))
    return value


def check_left(name: str, before: np.ndarray, after: np.ndarray, what: str = "x") -> None:
    """Refuse with a sentence a function that has changed in place what it was given: its caller would go on with something else."""
    if not np.array_equal(before, after, equal_nan=True):
        raise must(name, f"a function that leaves its {what} as it is: begin it with {what} = {what}.copy()", "one that changed it")


def check_takes(name: str, function: Any, *arguments: str) -> None:
    """Refuse with a sentence what cannot be called with these arguments, as far as Python knows a function's own."""
    rule = f"a function of ({', '.join(arguments)})"
    check_made(name, function, Callable, rule)
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # one written in C
        return
    try:
        signature.bind(*arguments)
    except TypeError:
        raise must(name, rule, f"one of {signature}") from None


class NotReal(ValueError):
    """A function returned complex or masked numbers."""


def check_real(name: str, *returned: Any) -> None:
    """Refuse with a sentence a function that returned complex or masked numbers: numpy would drop a part or the mask, and go on."""
    for kind, found in (("complex", map(np.iscomplexobj, returned)), ("masked", map(np.ma.is_masked, returned))):
        if any(found):
            raise NotReal(*must(name, "a function that returns real numbers", f"{kind} ones").args)


def check_mapping(name: str, value: Any, such: str) -> dict[str, Any]:
    """Return a mapping from names, or its pairs, as a dictionary; anything else is refused with a sentence."""
    try:
        pairs = [*(value.items() if isinstance(value, Mapping) else value)]
        found = {check_made(name, each, str, "names"): item for each, item in pairs}
    except (TypeError, ValueError):
        raise must(name, f"a mapping such as {such}", typed(value)) from None
    if len(found) < len(pairs):
        twice = next(each for i, (each, _) in enumerate(pairs) if each in [earlier for earlier, _ in pairs[:i]])
        raise must(name, "of different names", f"{twice!r} twice")
    return found


def check_switch(name: str, value: Any) -> bool:
    """Return what is True or False, or 1 or 0, as a bool; anything else is refused with a sentence."""
    if not (isinstance(value, bool | np.bool_ | int) and value in (0, 1)):
        raise must(name, "True or False", typed(value))
    return bool(value)


def check_floats(name: str, value: Any, *, shape: str = "a number") -> np.ndarray:
    """Return numbers, nan and infinities among them, as a float array; anything else is refused with a sentence.

    >>> check_floats("rate", "0,5")
    Traceback (most recent call last):
    ...
    ValueError: rate must be a number such as 0.5, got '0,5'
    """
    try:
        return _floats(value)
    except (TypeError, ValueError, ArithmeticError, RuntimeError):  # the last of PyTorch, for a tensor that requires a gradient
        pointed = value.strip().replace(",", ".", 1) if isinstance(value, str) and len(value) < MOST_TYPED else ""
        meant = f" such as {pointed}" if re.fullmatch(r"\A[+-]?\d++\.\d++(?:[eE][+-]?\d++)?", pointed, re.ASCII) else ""
        raise must(name, shape + meant, typed(value)) from None


def check_number(name: str, value: Any, knob: Knob = ANY_NUMBER, *, shape: str = "a number") -> Any:
    """`value` as a float, or as a float array if it is one; refused with a sentence unless finite and within `knob`, and no True."""
    boolean = isinstance(value, np.ndarray) and value.dtype.kind == "b"
    given = value if isinstance(value, list | tuple) else [value]
    if boolean or any(isinstance(each, bool | np.bool_) for each in given):
        raise must(name, shape, typed(value))
    number = check_floats(name, value, shape=shape)
    if not number.size:
        raise must(name, NUMBERS, "none")
    if lost := next((each for each in given if isinstance(each, str | Decimal | Fraction) and vanishes(each)), None):
        raise must(name, f"0, or at least {SMALLEST} in size", _cut(str(lost).strip(), MOST_TYPED))
    if not knob.admits(number):
        kept = np.array([knob.admits(each) for each in number.ravel()])
        raise must(name, f"finite and {knob.rule}" if knob.rule else "finite", _first(value, kept))
    return float(number) if number.ndim == 0 else number


def vanishes(given: str | Decimal | Fraction) -> bool:
    """Whether a number is too small to be one: not 0, and 0 as a float. Of text any digit before its exponent says that it is not 0.

    >>> [vanishes(each) for each in ("1e-400", "5e-324", "0.0e-400", Fraction(1, 10**400), Decimal(0))]
    [True, False, False, True, False]
    """
    return float(given) == 0 and (bool(re.search(r"(?i)\A[^e]*[1-9]", given)) if isinstance(given, str) else given != 0)


def _floats(value: Any) -> np.ndarray:
    """Return numbers as float64, an integer beyond all floats as inf; complex numbers, dates, bytes and masked ones are none."""
    if any(map(np.ma.is_masked, value if isinstance(value, list | tuple) else [value])):
        raise TypeError
    if np.asarray(value).dtype.kind in "cmMS":
        raise TypeError
    try:
        return np.asarray(value, dtype=float)
    except OverflowError:
        return np.asarray(np.vectorize(lambda each: float(Decimal(each)))(np.asarray(value, dtype=object)))


def check_points(name: str, value: Any, dim: int, knob: Knob = ANY_NUMBER) -> Any:
    """Return numbers within `knob` ``(dim,)`` or ``(dim, runs)`` as floats ``(dim, runs)``; anything else is refused with a sentence.

    >>> check_points("start", [1, 2], 2).shape
    (2, 1)
    """
    x = np.asarray(check_number(name, value, knob, shape="numbers"))
    if x.ndim not in (1, 2) or len(x) != dim:
        raise must(name, f"{dim} numbers, (dim,) or (dim, runs)", f"shape {x.shape}")
    return x[:, np.newaxis] if x.ndim == 1 else x


SMALLEST = "5e-324"  # what is closer to 0 than half of it would be 0

LARGEST_WHOLE = 2**53  # up to here every whole number is a float64 of its own; beyond, what is asked for would not be what runs


MOST_TYPED = 30  # the most characters of a typed number or text that a refusal repeats


def check_integer(name: str, value: Any, knob: Knob = ANY_NUMBER) -> Any:
    """Return `value` as an int, or as an int array if it is one; refused with a sentence unless whole, exact and within `knob`.

    >>> check_integer("steps", "1e308")
    Traceback (most recent call last):
    ValueError: steps must be a whole number up to 9,007,199,254,740,992, got 1e308
    """
    if type(value) is int and abs(value) <= LARGEST_WHOLE and knob.admits(value):  # no True
        return value
    number = check_number(name, value, knob)
    for rule, kept in (("", number % 1 == 0), (f" up to {LARGEST_WHOLE:,}", abs(number) <= LARGEST_WHOLE)):
        if not np.all(kept):
            raise must(name, f"a whole number{rule}", _first(value, kept))
    return int(number) if isinstance(number, float) else number.astype(int)


def check_whole(name: str, value: object, *, at_least: int, at_most: float = math.inf) -> int:
    """Return `value` as an int; refused with a sentence unless it is one whole number from `at_least` to `at_most`."""
    return int(check_one(name, check_integer(name, value, Knob(at_least=at_least, at_most=at_most))))


def check_place(name: str, value: object, count: int) -> int:
    """Return which of `count` things is meant, from 0 on or, below that, from the end; refused with a sentence if it is none of them."""
    return check_whole(name, value, at_least=-count, at_most=count - 1)


def check_scalar(name: str, value: Any, knob: Knob = ANY_NUMBER) -> float:
    """Return `value` as a float; refused with a sentence unless it is one number, finite and within `knob`."""
    return float(check_one(name, check_number(name, value, knob)))


def check_one(name: str, checked: Any) -> Any:
    """Return a checked value, refused if it is one for each run."""
    if isinstance(checked, np.ndarray):
        raise must(name, "one number", str(checked))
    return checked


def _first(value: Any, kept: Any) -> str:
    """Return the first number in `value` that is not `kept`, as it was given: text as it was typed, as far as a sentence can hold it."""
    given = np.asarray(value, dtype=object).ravel()[np.argmin(kept)]
    if isinstance(given, np.number):
        given = float(given)
    if not isinstance(given, str):
        return short(given) if isinstance(given, int | float) else typed(given)
    return _cut(given.strip(), MOST_TYPED)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def _is_empty(value: object) -> bool:
    return not value.size if isinstance(value, np.ndarray) else isinstance(value, list | tuple) and all(map(_is_empty, value))


def typed(value: object) -> str:
    """Return what was given as Python writes it, as far as a sentence can hold it: of long text its beginning, of a long integer its size.

    >>> typed("adam"), typed([]), typed("1" * 309), typed(10**400)
    ("'adam'", 'none', "'111111111111111111111111111111…'", '1e+400')
    """
    if isinstance(value, str):
        return repr(_cut(value, MOST_TYPED))
    if isinstance(value, int) and abs(value) > LARGEST_WHOLE:
        return short(value)
    tensor = any(hasattr(each, "detach") for each in (value[:2] if isinstance(value, list | tuple) else [value]))
    joined = "torch.nn.utils.parameters_to_vector(...)" * isinstance(value, list)  # the parameters of a model
    made = f", of which {joined}.detach().cpu().numpy() makes an array" * tensor
    made += ", of which .compressed() leaves out what is masked" * (np.ma.is_masked(value) and value is not np.ma.masked)
    if _is_empty(value):
        return "none"
    try:
        return _cut(" ".join(repr(value).split()), 4 * MOST_TYPED) + made
    except ValueError:  # Python writes no integer of more than 4,300 digits
        return f"a {type(value).__name__}"


def short(number: float) -> str:
    """The shortest decimal text that reads back as the same float: ``1.0`` is ``1``. Of an integer beyond all floats, its first digits.

    >>> short(1.0), short(0.1), short(1e-8), short(10**400)
    ('1', '0.1', '1e-08', '1e+400')
    """
    try:
        return repr(float(number)).removesuffix(".0")
    except OverflowError:
        return f"{Decimal(number).normalize():.10g}"
