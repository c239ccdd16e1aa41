"""Knobs and shelves: what a signature says is what is checked, shown and written."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer import LOSSES, OPTIMIZERS, Setup, run, sweep
from explorer.core.ground.checks import check_number, short
from explorer.core.ground.knobs import Knob
from explorer.core.ground.parameters import Parameter, parameters
from explorer.core.ground.shelf import Shelf, UnknownName
from explorer.core.run.setup import PLAIN, SHELVES

SHELF: Shelf[dict[str, Any]] = Shelf("toy", for_each_run=True)


@SHELF
def toy(
    rate: Annotated[float, Knob(0, 1, at_least=0, below=1, label="rate of decay")] = 0.5,
    steps: Annotated[int, Knob(1, 9, at_least=1)] = 3,
    nesterov: bool = False,
    kind: Literal["mean", "sum"] = "mean",
    values: Annotated[tuple[float, ...], Knob(0, 1, above=-1)] = (1.0, 2.0),
    names: tuple[Literal["a", "b"], ...] = ("a",),
    text: str = "x^2",
) -> dict[str, Any]:
    """Every kind of knob."""
    return locals()


KNOBS = SHELF.parameters("toy")


def test_a_signature_is_its_panel() -> None:
    assert [(each.name, each.kind, each.default) for each in KNOBS.values()] == [
        ("rate", "number", 0.5),
        ("steps", "integer", 3),
        ("nesterov", "switch", False),
        ("kind", "choice", "mean"),
        ("values", "numbers", (1.0, 2.0)),
        ("names", "choices", ("a",)),
        ("text", "text", "x^2"),
    ]
    assert KNOBS["rate"].label == "rate of decay"
    assert KNOBS["kind"].options == ("mean", "sum")


@pytest.mark.parametrize(
    ("name", "value", "canonical"),
    [
        ("rate", 0, 0.0),
        ("rate", np.float32(0.5), 0.5),
        ("steps", 4.0, 4),
        ("steps", np.int64(4), 4),
        ("nesterov", 1, True),
        ("nesterov", np.True_, True),
        ("kind", "sum", "sum"),
        ("values", 3, (3.0,)),
        ("values", np.array([1, 2]), (1.0, 2.0)),
        ("names", "b", ("b",)),
        ("names", ["b", "a"], ("b", "a")),
        ("text", "", ""),
    ],
)
def test_values_become_canonical(name: str, value: object, canonical: object) -> None:
    got = SHELF["toy"](**{name: value})[name]
    assert got == canonical
    assert type(got) is type(canonical)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("rate", 1, "rate must be finite and ≥ 0 and < 1, got 1"),
        ("rate", float("nan"), "rate must be finite and ≥ 0 and < 1, got nan"),
        ("rate", 1.0000000001, "rate must be finite and ≥ 0 and < 1, got 1.0000000001"),
        ("rate", "fast", "rate must be a number, got 'fast'"),
        ("rate", np.array([0.1, -0.5]), "rate must be finite and ≥ 0 and < 1, got -0.5"),
        ("rate", [], "rate must be one or more numbers, such as (1, 10), got none"),
        ("rate", 1j, "rate must be a number, got 1j"),
        ("rate", np.array([1j]), "rate must be a number, got array([0.+1.j])"),
        ("rate", [10**400, "a"], f"rate must be a number, got [1{'0' * 118}…"),
        ("rate", "x" * 309, f"rate must be a number, got '{'x' * 30}…'"),
        ("nesterov", 10**400, "nesterov must be True or False, got 1e+400"),
        ("nesterov", [10**5000], "nesterov must be True or False, got a list"),
        ("steps", 0, "steps must be finite and ≥ 1, got 0"),
        ("steps", 2.5, "steps must be a whole number, got 2.5"),
        ("steps", np.array([2, 2.5]), "steps must be a whole number, got 2.5"),
        ("nesterov", "yes", "nesterov must be True or False, got 'yes'"),
        ("nesterov", 2, "nesterov must be True or False, got 2"),
        ("kind", "max", "kind must be one of mean, sum, got 'max'"),
        ("values", (), "values must be one or more numbers, such as (1, 10), got none"),
        ("values", "1,2", "values must be one or more numbers, such as (1, 10), got '1,2'"),
        ("values", ("a",), "values must be one or more numbers, such as (1, 10), got ('a',)"),
        ("values", ((1, 2), (3,)), "values must be one or more numbers, such as (1, 10), got ((1, 2), (3,))"),
        ("values", ((1, 2), (3, 4)), "values must be one or more numbers, such as (1, 10), got ((1, 2), (3, 4))"),
        ("values", (1, -1), "values must be finite and > -1, got -1"),
        ("values", (1, np.inf), "values must be finite and > -1, got inf"),
        ("names", ("a", "c"), "names must be one or more different names of a, b, got ('a', 'c')"),
        ("names", 3, "names must be one or more different names of a, b, got 3"),
        ("text", 3, "text must be text, got 3"),
    ],
)
def test_a_refusal_names_the_knob_the_rule_and_the_value(name: str, value: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        SHELF["toy"](**{name: value})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rate", "quick"),
        ("rate", "1e400"),
        ("rate", ""),
        ("steps", "2.5"),
        ("nesterov", "maybe"),
        ("kind", "max"),
        ("values", "1;2"),
        ("values", ""),
        ("names", "a,,b"),
    ],
)
def test_a_link_with_nonsense_is_refused_with_a_sentence(name: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be .*, got"):
        KNOBS[name].parse(text)


WHOLES = [each for each in PLAIN.values() if each.kind == "integer"]
WHOLES += [each for shelf in SHELVES.values() for name in shelf for each in shelf.parameters(name).values() if each.kind == "integer"]
LINE, GD = LOSSES["linear_regression"](), OPTIMIZERS["gradient_descent"]()


HUGE = {"1e+308": 1e308, "1e+400": 10**400, "1e+5000": 10**5000, "-1e+308": -1e308, "1e308": "1e308", "1.152921504606847e+18": 2**60}


@pytest.mark.parametrize("typed", HUGE)
def test_a_refused_whole_number_is_repeated_as_it_was_given(typed: str) -> None:
    """By every field and knob that is whole, by `Setup`, `run` and `sweep`, and by a link."""
    value = HUGE[typed]
    doors: list[Callable[[Any], object]] = [each.check for each in WHOLES]
    for name in ("steps", "seed", "batch_size"):
        doors += [partial(lambda door, name, given: door(LINE, GD, 0.1, **{name: given}), door, name) for door in (run, sweep)]
    for name in ("steps", "seed", "batch_size", "warmup_steps"):
        doors.append(partial(lambda name, given: Setup("linear_regression", **{name: given}), name))
    doors += [each.parse for each in WHOLES] if isinstance(value, str) else []
    for door in doors:
        with pytest.raises(ValueError, match=rf"^[\w ]+ must be .*, got {re.escape(typed)}$") as refused:
            door(value)
        assert len(str(refused.value)) < 120


@pytest.mark.parametrize(
    ("name", "text", "typed"),
    [
        ("steps", "1e308", "1e308"),
        ("seed", " 1e400 ", "1e400"),
        ("batch_size", "-1e308", "-1e308"),
        ("warmup_steps", "9007199254740994", "9007199254740994"),
        ("steps", "1" + "0" * 400, "1" + "0" * 29 + "…"),
        ("learning_rate", "1e400", "1e400"),
        ("start", "1,-1e400", "-1e400"),
        ("loss.eigenvalues", "1,1e400", "1e400"),
        ("learning_rate", " 1e-400 ", "1e-400"),
        ("start", "1,-1e-999", "-1e-999"),
    ],
)
def test_a_link_repeats_what_was_typed(name: str, text: str, typed: str) -> None:
    _, (complaint,) = Setup.salvage({"v": "1", name: text})
    assert complaint.startswith(f"{name.removeprefix('loss.')} must be ")
    assert complaint.endswith(f", got {typed}")


@pytest.mark.parametrize("number", ["1e-400", "-1E-999", Decimal("1e-400"), Fraction(1, 10**400), ["1", "2e-400"]])
def test_what_is_too_small_to_be_a_number_is_not_read_as_0(number: Any) -> None:
    with pytest.raises(ValueError, match=r"rate must be 0, or at least 5e-324 in size, got "):
        check_number("rate", number)
    assert [check_number("rate", each) for each in (Decimal(0), Fraction(0), "0e-400")] == [0, 0, 0]


@pytest.mark.parametrize("text", ["0e-400", "0.000e-999", "-0", "5e-324"])
def test_a_small_number_that_is_one_is_read(text: str) -> None:
    assert Setup.from_query({"learning_rate": text.removeprefix("-")}).learning_rate == float(text.removeprefix("-"))


finite = st.floats(allow_nan=False, allow_infinity=False)
KINDS: dict[str, st.SearchStrategy[Any]] = {
    "rate": st.floats(0, 1, exclude_max=True),
    "steps": st.integers(1, 2**53),
    "nesterov": st.booleans(),
    "kind": st.sampled_from(["mean", "sum"]),
    "values": st.lists(st.floats(-0.5, 1e300), min_size=1).map(tuple),
    "names": st.permutations(["a", "b"]).map(tuple),
    "text": st.text(),
}


@pytest.mark.parametrize("name", KNOBS)
@given(data=st.data())
def test_what_is_written_reads_back_exactly(name: str, data: st.DataObject) -> None:
    value = data.draw(KINDS[name])
    assert KNOBS[name].parse(KNOBS[name].write(value)) == value


@given(finite)
def test_short_is_exact(number: float) -> None:
    assert float(short(number)) == number


def test_hyperparameters_may_be_one_a_run() -> None:
    rates = SHELF["toy"](rate=[0.1, 0.2])["rate"]
    np.testing.assert_array_equal(rates, [0.1, 0.2])
    assert check_number("rate", 1).__class__ is float


def test_a_knob_that_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="toy has no knob 'speed'; it has rate, steps"):
        SHELF["toy"](speed=1)


def test_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(UnknownName) as unknown:
        SHELF["tou"]
    assert str(unknown.value) == "toy must be one of toy, got 'tou'; did you mean toy?"
    assert "tou" not in SHELF
    assert list(SHELF) == ["toy"]
    assert len(SHELF) == 1


def test_an_annotation_without_a_control_is_refused_at_once() -> None:
    def odd(table: dict[str, int] = {}) -> None:  # noqa: B006
        """A knob that no panel can show."""

    with pytest.raises(TypeError, match="table: no control can show"):
        parameters(odd)


def test_bounds_are_the_rule_not_the_sliders_ends() -> None:
    knob = Knob(0, 1, above=0, at_most=5)
    assert knob.rule == "> 0 and ≤ 5"
    assert knob.admits(5)
    assert not knob.admits(0)
    assert not knob.admits(np.array([1, np.nan]))
    assert Parameter("x", "number", 1.0, knob).check(3) == 3
