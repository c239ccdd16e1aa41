"""Numbers as people read them."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from explorer.core.ground.prose import plain

NUMBER = re.compile(r"[+−]?(\d{1,3}(,\d{3})*(\.\d+)?|\d(\.\d+)? × 10⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)$")


def read(text: str) -> float:
    """The number that a reader understands."""
    digits = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
    mantissa, _, power = text.replace(",", "").replace("−", "-").partition(" × 10")
    return float(f"{mantissa}e{power.translate(digits) or 0}")


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0, 3, "0"),
        (-0.0, 3, "0"),
        (1, 3, "1"),
        (0.1 + 0.2, 3, "0.3"),
        (-12.5, 3, "−12.5"),
        (161, 3, "161"),
        (1947, 3, "1,950"),
        (1947, 4, "1,947"),
        (999.9, 3, "1,000"),
        (0.0001, 3, "0.0001"),
        (0.00009999, 3, "0.0001"),
        (0.0000999, 3, "9.99 × 10⁻⁵"),
        (999_999.9, 3, "1 × 10⁶"),
        (999_499, 3, "999,000"),
        (1e6, 3, "1 × 10⁶"),
        (5.0844804e10, 8, "5.0844804 × 10¹⁰"),
        (2.5e277, 3, "2.5 × 10²⁷⁷"),
        (-4e-9, 3, "−4 × 10⁻⁹"),
        (1.7976931348623157e308, 3, "1.8 × 10³⁰⁸"),
        (5e-324, 1, "5 × 10⁻³²⁴"),
        (float("inf"), 3, "inf"),
        (float("-inf"), 3, "−inf"),
        (float("nan"), 3, "nan"),
    ],
)
def test_numbers_in_words(value: float, digits: int, text: str) -> None:
    assert plain(value, digits) == text


def test_a_sign_where_it_is_wanted() -> None:
    assert [plain(value, sign=True) for value in (2.0, -2.0, 1e9)] == ["+2", "−2", "+1 × 10⁹"]


@given(value=st.floats(allow_nan=False, allow_infinity=False), digits=st.integers(1, 9), sign=st.booleans())
@example(value=1.7976931348623157e308, digits=2, sign=False)
@example(value=9.5, digits=1, sign=False)
def test_a_reader_gets_the_number_back(value: float, digits: int, sign: bool) -> None:
    text = plain(value, digits, sign=sign)
    assert NUMBER.match(text), text
    if 1e-290 < abs(value) < 1e307:
        assert read(text) == pytest.approx(value, rel=0.5001 * 10 ** (1 - digits))
