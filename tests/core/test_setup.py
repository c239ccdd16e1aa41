"""A setup is the link, the case and the cache key: every one survives the trip, and no link can break the page."""

from __future__ import annotations

import contextlib
import pickle
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer import LOSSES, OPTIMIZERS, SCHEDULES, Setup, run
from explorer.core.ground.parameters import Parameter
from explorer.core.losses import Loss
from explorer.core.run.setup import PLAIN, SHELVES, built_once

# Losses with many weights are as lawful as the others, but slow: they meet two rules.
WIDE = {name for name in LOSSES if LOSSES[name]().dim > 50}
PAIRS = [(loss, rule) for loss in LOSSES for rule in OPTIMIZERS if loss not in WIDE or rule in ("gradient_descent", "adam")]


def values(knob: Parameter) -> st.SearchStrategy[Any]:
    """Values that the knob's rule admits, odd ones among them. Whole numbers stay small: they are sizes."""
    lowest, highest = max(knob.knob.at_least, knob.knob.above, -1e6), min(knob.knob.at_most, knob.knob.below, 1e6)
    number = st.floats(lowest, highest, exclude_min=lowest == knob.knob.above, exclude_max=highest == knob.knob.below)
    match knob.kind:
        case "number":
            return number
        case "integer":
            return st.integers(int(max(lowest, 0)), int(min(highest, max(lowest, 0) + 40)))
        case "switch":
            return st.booleans()
        case "choice":
            return st.sampled_from(knob.options)
        case "numbers":
            return st.lists(number, min_size=1, max_size=5).map(tuple)
        case "choices":
            return st.lists(st.sampled_from(knob.options), min_size=1, unique=True).map(tuple)
    return st.just(knob.default)  # text has its own grammar


@st.composite
def setups(draw: st.DrawFn) -> Setup:
    chosen = {kind: draw(st.sampled_from(sorted(shelf))) for kind, shelf in SHELVES.items()}
    known = {f"{kind}.{name}": knob for kind, name_ in chosen.items() for name, knob in SHELVES[kind].parameters(name_).items()}
    turned = draw(st.lists(st.sampled_from(sorted(known)), unique=True)) if known else []
    setup = Setup(
        **chosen,
        learning_rate=draw(st.floats(0, allow_infinity=False)),
        steps=draw(st.integers(0, 10**9)),
        batch_size=draw(st.none() | st.integers(1, 10**6)),
        seed=draw(st.integers(0, 2**53)),
    )
    for name in turned:
        setup = setup.with_knobs({name: draw(values(known[name]))})
    return setup


@given(setup=setups())
@settings(max_examples=300)
def test_every_setup_survives_the_trip_through_a_link(setup: Setup) -> None:
    query = setup.to_query()
    assert all(isinstance(name, str) and isinstance(text, str) for name, text in query.items())
    back = Setup.from_query(query)
    assert back == setup
    assert hash(back) == hash(setup)
    assert back.to_query() == query


@pytest.mark.parametrize(("loss", "optimizer"), PAIRS)
def test_every_pair_survives_with_a_start(loss: str, optimizer: str) -> None:
    start = tuple((1e-300 + 0.1 * i) * (-1) ** i for i in range(LOSSES[loss]().dim))
    setup = Setup(loss, optimizer, 5e-324, start=start)
    assert Setup.from_query(setup.to_query()) == setup
    assert Setup.salvage(setup.to_query()) == (setup, [])
    assert pickle.loads(pickle.dumps(setup)) == setup


def test_equal_setups_are_one_key_however_they_were_written() -> None:
    a = Setup("quadratic", "momentum", 0.5, start=(1, 2), steps=50, knobs={"optimizer.momentum": 0.5, "loss.eigenvalues": [1, 100]})
    b = Setup("quadratic", "momentum", np.float64(0.5), start=[1.0, 2.0], steps=50.0, knobs=(("loss.eigenvalues", (1.0, 100.0)), ("optimizer.momentum", 0.5)))  # type: ignore[arg-type]  # fmt: skip  # noqa: E501
    assert a == b
    assert hash(a) == hash(b)
    assert {a: 1}[b] == 1
    assert a != Setup("quadratic", "momentum", 0.5, start=(1, 2), steps=51, knobs=a.knobs)


def test_a_knob_at_its_default_is_not_written() -> None:
    assert Setup("quadratic", knobs={"loss.eigenvalues": (1, 10), "loss.rotation": 0}) == Setup("quadratic")
    assert Setup().to_query() == {"v": "1", "loss": "quadratic", "optimizer": "gradient_descent", "learning_rate": "0.1"}


@pytest.mark.parametrize(("loss", "optimizer"), PAIRS)
def test_equal_setups_run_alike_to_the_last_bit(loss: str, optimizer: str) -> None:
    setup = Setup(loss, optimizer, 0.01, steps=20)
    first, again = setup.run(), Setup.from_query(setup.to_query()).run()
    for member in ("x", "loss", "gradient_norm"):
        assert getattr(first, member).tobytes() == getattr(again, member).tobytes()


def test_the_seed_of_the_batches_is_in_the_link() -> None:
    setup = Setup("linear_regression", learning_rate=1e-5, batch_size=8, seed=3, steps=30)
    again = Setup.from_query(setup.to_query())
    assert setup.run().x.tobytes() == again.run().x.tobytes()
    assert setup.run().x.tobytes() != Setup("linear_regression", learning_rate=1e-5, batch_size=8, seed=4, steps=30).run().x.tobytes()


def test_a_run_at_other_rates_is_this_run_at_each() -> None:
    setup = Setup("rosenbrock", "momentum", 1e-4, steps=25)
    together = setup.run([1e-5, 1e-4, 1e-3])
    assert together.runs == 3
    np.testing.assert_allclose(together.x[:, :, 1], setup.run().x[:, :, 0], rtol=1e-12)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"loss": "x_cubed"}, "loss must be one of .*, got 'x_cubed'"),
    ({"optimizer": "adma"}, "optimizer must be one of .*, got 'adma'; did you mean adam"),
    ({"schedule": ""}, "schedule must be one of .*, got ''"),
    ({"learning_rate": -0.1}, "learning_rate must be finite and ≥ 0, got -0.1"),
    ({"learning_rate": float("nan")}, "learning_rate must be finite and ≥ 0, got nan"),
    ({"learning_rate": float("inf")}, "learning_rate must be finite and ≥ 0, got inf"),
    ({"learning_rate": None}, "learning_rate must be"),
    ({"learning_rate": [0.1, 0.2]}, "learning_rate must be one number, got"),
    ({"steps": -1}, "steps must be finite and ≥ 0, got -1"),
    ({"steps": 1.5}, "steps must be a whole number, got 1.5"),
    ({"batch_size": 0}, "batch_size must be finite and ≥ 1, got 0"),
    ({"seed": -1}, "seed must be finite and ≥ 0, got -1"),
    ({"start": (1.0,)}, "start must be 2 numbers for quadratic, got 1"),
    ({"start": (1.0, float("nan"))}, "start must be finite, got nan"),
    ({"start": 1.0}, "start must be one number a dimension, got 1.0"),
    ({"start": ("a", "b")}, "start must be a number, got 'a'"),
    ({"start": ((1.0, 2.0), (3.0, 4.0))}, "each number of start must be one number, got"),
    ({"knobs": {"loss.colour": 1}}, "a knob must be one of loss.eigenvalues, loss.rotation, .*, got 'loss.colour'"),
    ({"knobs": {"optimizer.momentum": 0.5}}, "a knob must be one of .*, got 'optimizer.momentum'"),
    ({"optimizer": "momentum", "knobs": {"optimizer.momentum": 1.01}}, "momentum must be finite and ≥ 0 and ≤ 1, got 1.01"),
    ({"optimizer": "momentum", "knobs": {"optimizer.momentum": np.array([0.1, 0.2])}}, "momentum must be one number, got"),
    ({"knobs": {"loss.eigenvalues": ()}}, "eigenvalues must be one or more numbers"),
    ({"loss": [1]}, r"loss must be one of .*, got \[1\]$"),
    ({"optimizer": {}}, "optimizer must be one of .*, got {}$"),
    ({"schedule": ["cosine"]}, r"schedule must be one of .*, got \['cosine'\]$"),
    ({"loss": 10**5000}, r"loss must be one of .*, got 1e\+5000$"),
    ({"optimizer": 10**400}, r"optimizer must be one of .*, got 1e\+400$"),
    ({"schedule": "1" * 309}, "schedule must be one of .*, got '1{30}…'$"),
    ({"replacement": 10**400}, r"replacement must be True or False, got 1e\+400$"),
    ({"start": 10**400}, r"start must be one number a dimension, got 1e\+400$"),
    ({"start": (10**400, 1)}, r"start must be finite, got 1e\+400$"),
    ({"start": np.array(5)}, r"start must be one number a dimension, got array\(5\)$"),
    ({"start": "12"}, "start must be one number a dimension, got '12'$"),
    ({"learning_rate": []}, "learning_rate must be one or more numbers, .*, got none$"),
    ({"knobs": 5}, "knobs must be a mapping such as .*, got 5$"),
    ({"knobs": (3, 4)}, r"knobs must be a mapping such as .*, got \(3, 4\)$"),
]


@pytest.mark.parametrize(("fields", "sentence"), REFUSED)
def test_refusals(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}"):
        Setup(**fields)


NONSENSE: list[tuple[dict[str, str], int]] = [
    ({"v": "1"}, 0),
    ({}, 0),
    ({"v": "0"}, 1),
    ({"loss": "x_squared"}, 0),  # no version: of this one
    ({"v": "1", "loss": "x_cubed"}, 1),
    ({"v": "1", "loss": ""}, 1),
    ({"v": "1", "loss": "../../etc/passwd"}, 1),
    ({"v": "1", "learning_rate": "-1"}, 1),
    ({"v": "1", "learning_rate": "nan"}, 1),
    ({"v": "1", "learning_rate": "1e999"}, 1),
    ({"v": "1", "learning_rate": "0x10"}, 1),
    ({"v": "1", "learning_rate": ""}, 1),
    ({"v": "1", "steps": "many", "seed": "-3", "batch_size": "1.5"}, 3),
    ({"v": "1", "steps": "1e400"}, 1),
    ({"v": "1", "start": "1"}, 1),
    ({"v": "1", "start": "1,2,3"}, 1),
    ({"v": "1", "start": "1,,2"}, 1),
    ({"v": "1", "start": "1,inf"}, 1),
    ({"v": "1", "loss.eigenvalues": "1,nan"}, 1),
    ({"v": "1", "loss.eigenvalues": ""}, 1),
    ({"v": "1", "loss.colour": "red"}, 1),
    ({"v": "1", "colour": "red", "Loss": "x_squared"}, 2),
    ({"v": "1", "optimizer": "adam", "optimizer.momentum": "0.5"}, 1),
    ({"v": "1", "optimizer": "momentum", "optimizer.momentum": "1.01"}, 1),
    ({"v": "1", ".": "1", "..": "", "loss.": "2", ".eigenvalues": "1"}, 4),
    ({"v": "1", "loss": "linear_regression", "loss.data": "iris", "loss.columns": "bmi,bmi", "loss.standardize": "maybe"}, 3),
    ({"v": "1", "loss": "rosenbrock", "start": "1,2", "loss.eigenvalues": "1,2"}, 1),
]


@pytest.mark.parametrize(("query", "complaints"), NONSENSE)
def test_a_mangled_link_is_read_as_far_as_it_goes(query: dict[str, str], complaints: int) -> None:
    setup, sentences = Setup.salvage(query)
    assert len(sentences) == complaints
    assert all(len(sentence) > 10 for sentence in sentences)
    assert Setup.from_query(setup.to_query()) == setup
    if complaints:
        with pytest.raises(ValueError, match=re.escape(sentences[0])):
            Setup.from_query(query)
    else:
        assert Setup.from_query(query) == setup


def test_what_can_be_read_is_kept() -> None:
    setup, complaints = Setup.salvage(
        {
            "v": "1",
            "loss": "quadratic",
            "loss.eigenvalues": "1,2,3",
            "start": "4,5,6",
            "optimizer": "adma",
            "steps": "7",
            "learning_rate": "?",
        }
    )
    assert setup == Setup("quadratic", start=(4, 5, 6), steps=7, knobs={"loss.eigenvalues": (1, 2, 3)})
    assert len(complaints) == 2


NAMES = st.sampled_from([*SHELVES, *PLAIN, "v", "learning_rate", "start"]) | st.sampled_from(
    [f"{kind}.{knob}" for kind, shelf in SHELVES.items() for name in shelf for knob in shelf.parameters(name)]
)
TEXTS = st.text(max_size=12) | st.sampled_from(
    ["1", "-1", "0", "nan", "inf", "-inf", "1e999", "1,2", "true", "1_000", "٣", " 1 ", "1e30", "None", *LOSSES, *OPTIMIZERS, *SCHEDULES]
)


@given(query=st.dictionaries(NAMES | st.text(max_size=8), TEXTS, max_size=8))
@settings(max_examples=500)
def test_no_link_raises(query: dict[str, str]) -> None:
    setup, complaints = Setup.salvage(query)
    assert all(isinstance(each, str) and each for each in complaints)
    assert Setup.from_query(setup.to_query()) == setup
    if complaints:
        with pytest.raises(ValueError, match=f"^{re.escape('; '.join(complaints))}$"):
            Setup.from_query(query)
    else:
        assert Setup.from_query(query) == setup


def test_another_loss_takes_its_own_start_and_knobs() -> None:
    setup = Setup("quadratic", "momentum", start=(1, 2), knobs={"loss.rotation": 30, "optimizer.momentum": 0.5})
    assert setup.with_choice("loss", "x_squared") == Setup("x_squared", "momentum", knobs={"optimizer.momentum": 0.5})
    assert setup.with_choice("optimizer", "adam") == Setup("quadratic", "adam", start=(1, 2), knobs={"loss.rotation": 30})


def test_another_length_takes_the_start_back_and_another_value_does_not() -> None:
    setup = Setup("quadratic", start=(1, 2))
    assert setup.with_knobs({"loss.eigenvalues": (1, 2, 3)}).start is None
    assert setup.with_knobs({"loss.eigenvalues": (7, 8)}).start == (1, 2)
    with pytest.raises(ValueError, match="rotation must be"):
        setup.with_knobs({"loss.rotation": np.nan})


@given(start=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=2))
def test_a_start_is_exact(start: list[float]) -> None:
    setup = Setup("quadratic", start=tuple(start))
    assert Setup.from_query(setup.to_query()).start == tuple(start)


@pytest.mark.parametrize("knobs", [{"columns": ("bmi", "bp", "s5"), "standardize": True}, {}])
def test_opening_a_link_and_running_it_builds_its_loss_once(knobs: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    built, make = [], LOSSES["linear_regression"]

    def counted(**given: Any) -> Loss:
        built.append(given)
        return make(**given)

    start = (0.5,) * make(**knobs).dim
    query = {"v": "1", "loss": "linear_regression", "start": ",".join(map(str, start)), "steps": "9", "batch_size": "4", "seed": "2"}
    query |= {f"loss.{name}": LOSSES.parameters("linear_regression")[name].write(value) for name, value in knobs.items()}
    monkeypatch.setitem(LOSSES._factories, "linear_regression", counted)
    built_once.cache_clear()
    setup = Setup.from_query(query | {"learning_rate": "0.01", "optimizer": "adam", "optimizer.beta1": "0.5"})
    setup.run([0.01, 0.1])
    assert setup.initial_point.tolist() == list(start)
    assert setup.without_rescues().make_loss() is setup.make_loss()
    assert len(built) == 1
    built_once.cache_clear()


@pytest.mark.parametrize("name", LOSSES)
def test_nothing_that_is_done_with_a_loss_changes_it(name: str) -> None:
    """Equal setups share one loss, so its numbers must stay what they are, even if somebody writes into its start."""
    loss = LOSSES[name]()
    for part in vars(loss).values():
        if isinstance(part, np.ndarray):
            part.flags.writeable = False
    path = run(loss, OPTIMIZERS["adam"](), 1e-3, steps=3)
    loss.hvp(path.x[-1], np.ones_like(path.x[-1]))
    with contextlib.suppress(ValueError):  # some hand out a copy, the others one that is read-only
        Setup(name).make_loss().start[:] = 7
    Setup(name).initial_point[:] = 7
    np.testing.assert_array_equal(Setup(name).initial_point, loss.start)
    assert pickle.loads(pickle.dumps(Setup(name))) == Setup(name)
