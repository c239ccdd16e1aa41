"""Numbers for readers: no ``e+277`` in a sentence."""

import math
from collections.abc import Sequence

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def plain(value: float, digits: int = 3, *, sign: bool = False) -> str:
    """Return a number with `digits` significant digits: with commas where it is of an everyday size, with a power of ten otherwise.

    >>> plain(0.001567), plain(16015.5, 4), plain(2.5e277), plain(-4e-9, sign=True), plain(float("inf"))
    ('0.00157', '16,020', '2.5 × 10²⁷⁷', '−4 × 10⁻⁹', 'inf')
    """
    if not math.isfinite(value):
        return str(float(value)).replace("-", "−")
    lead = "−" if value < 0 else "+" if sign else ""
    rounded = float(f"{abs(value):.{digits}g}")
    if rounded == 0 or 1e-4 <= rounded < 1e6:
        text = f"{rounded:,.{max(digits - 1 - math.floor(math.log10(rounded)), 0) if rounded else 0}f}"
        return lead + (text.rstrip("0").rstrip(".") if "." in text else text)
    # Of the value itself: the largest float64 rounds up to more than a float64 can be.
    mantissa, exponent = f"{abs(value):.{digits - 1}e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{lead}{mantissa} × {power_of_ten(int(exponent))}"


def told_apart(*values: float, digits: int = 3) -> list[str]:
    """Return numbers as `plain` does, with as many more digits as it takes to tell those apart that differ.

    >>> told_apart(0.00020313, 0.000203132), told_apart(2.0, 2.0)
    (['0.00020313', '0.000203132'], ['2', '2'])
    """
    texts = [plain(value, digits) for value in values]
    return texts if digits >= 17 or len({*texts}) == len({*values}) else told_apart(*values, digits=digits + 1)


def power_of_ten(exponent: int) -> str:
    """Return a power of ten as it is read.

    >>> power_of_ten(-12)
    '10⁻¹²'
    """
    return f"10{str(exponent).translate(_SUPERSCRIPTS)}"


def counted(number: int, noun: str = "step") -> str:
    """Return a number of things in words.

    >>> counted(1), counted(1200, "row")
    ('1 step', '1,200 rows')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence has them; nothing of none.

    >>> listed([]), listed(["momentum"]), listed(["momentum", "Nesterov", "Adam"])
    ('', 'momentum', 'momentum, Nesterov and Adam')
    """
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def sentence(text: str) -> str:
    """Return the sentence with a capital and a full stop.

    >>> sentence("nothing grew")
    'Nothing grew.'
    """
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def plain_or(otherwise: str, value: float, digits: int = 3) -> str:
    """Return a number as `plain` does, or what to say where it is none.

    >>> plain_or("–", 0.25), plain_or("–", float("nan"))
    ('0.25', '–')
    """
    return plain(value, digits) if math.isfinite(value) else otherwise
