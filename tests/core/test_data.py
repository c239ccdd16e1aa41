"""Data sets: their shapes, their recorded numbers, and what standardizing does."""

from __future__ import annotations

import re
import typing

import numpy as np
import pytest

from explorer.core.data import DATA, MOST_UPLOADS, Table, Tables, noisy_line, remember, standardize
from explorer.core.losses import LOSSES
from explorer.core.run.setup import Setup


@pytest.mark.parametrize("name", DATA)
def test_every_table_fits_together(name: str) -> None:
    table = DATA[name]()
    n, p = table.features.shape
    assert table.target.shape == (n,)
    assert len(table.names) == p
    assert np.isfinite(table.features).all()
    assert np.isfinite(table.target).all()
    assert DATA[name].__doc__


@pytest.mark.parametrize("name", DATA)
def test_a_table_is_drawn_again_the_same_and_belongs_to_its_caller(name: str) -> None:
    first = DATA[name]()
    kept = first.features.copy(), first.target.copy()
    first.features[:], first.target[:] = 0, 0
    np.testing.assert_array_equal(DATA[name]().features, kept[0])
    np.testing.assert_array_equal(DATA[name]().target, kept[1])


def test_the_regression_offers_tables_that_exist() -> None:
    assert set(LOSSES.parameters("linear_regression")["data"].options) <= set(DATA)


def test_the_columns_of_diabetes_are_those_of_scikit_learn() -> None:
    names = DATA.parameters("diabetes")["columns"].options
    table = DATA["diabetes"](columns=names)
    assert table.features.shape == (442, 10)
    assert table.features[0].tolist() == [59, 2, 32.1, 101, 157, 93.2, 38, 4, 4.8598, 87]
    one = DATA["diabetes"](columns="s5")
    np.testing.assert_array_equal(one.features[:, 0], table.features[:, names.index("s5")])


def test_the_noisy_line_is_what_its_recipe_says() -> None:
    table = noisy_line(examples=20_000, noise=3, seed=5)
    x, off = table.features[:, 0], table.target - 2 * table.features[:, 0]
    assert -1 <= x.min() < -0.99
    assert 0.99 < x.max() <= 1
    assert off.std() == pytest.approx(3, rel=0.02)
    assert abs(off.mean()) < 0.1
    assert (noisy_line(seed=1).target != noisy_line(seed=2).target).all()
    assert (noisy_line(noise=0).target == 2 * noisy_line(noise=0).features[:, 0]).all()


@pytest.mark.parametrize("name", DATA)
def test_standardized_columns_have_mean_0_and_spread_1(name: str) -> None:
    features = standardize(DATA[name]()).features
    says_something = np.ptp(DATA[name]().features, axis=0) > 0  # some pixels of the digits are white in all of them
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-14)
    np.testing.assert_allclose(features.std(axis=0), says_something)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e300])
def test_a_constant_column_becomes_zero(constant: float) -> None:
    features = np.column_stack([np.arange(7.0), np.full(7, constant)])
    result = standardize(Table(features, np.zeros(7), ("a", "b"))).features
    assert (result[:, 1] == 0).all()
    assert result[:, 0].std() == pytest.approx(1)


@pytest.mark.parametrize(
    ("name", "knobs", "sentence"),
    [
        (
            "diabetes",
            {"columns": ("bmi", "height")},
            r"columns must be one or more different names of age, sex, .*, got \('bmi', 'height'\)",
        ),
        ("diabetes", {"columns": ()}, r"columns must be .*, got none"),
        ("diabetes", {"columns": ("bmi", "bmi")}, "columns must be one or more different"),
        ("noisy_line", {"noise": -1}, "noise must be finite and ≥ 0, got -1"),
        ("noisy_line", {"examples": 2.5}, "examples must be a whole number, got 2.5"),
        ("noisy_line", {"examples": 0}, "examples must be finite and ≥ 1 and ≤ 1e[+]06, got 0"),
        ("noisy_line", {"seed": -1}, "seed must be"),
    ],
)
def test_refusals(name: str, knobs: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        DATA[name](**knobs)


@pytest.mark.parametrize("name", ["blobs", "three_to_one", "breast_cancer", "iris", "wine"])
def test_classes_are_labeled_with_a_sign(name: str) -> None:
    assert set(DATA[name]().target) == {-1.0, 1.0}


DRAWN = {
    "blobs": lambda: DATA["blobs"](examples=40).features,
    "spirals": lambda: DATA["spirals"](examples=40, noise=1.0).features - DATA["spirals"](examples=40, noise=0.0).features,
    "waves": lambda: DATA["waves"](examples=40, noise=1.0).target - DATA["waves"](examples=40, noise=0.0).target,
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_network_does_not_begin_with_the_noise_of_its_data_as_weights(name: str) -> None:
    weights = LOSSES["network"](hidden=(40,), data=name, initialization="lecun_normal").start  # type: ignore[call-arg]
    assert abs(np.corrcoef(np.ravel(DRAWN[name]())[:40], weights[:40])[0, 1]) < 0.5


def test_the_gap_is_the_distance_between_the_centers() -> None:
    table = DATA["blobs"](examples=20_000, gap=5)
    centers = [table.features[table.target == sign].mean(axis=0) for sign in (-1, 1)]
    np.testing.assert_allclose(centers[1] - centers[0], [5, 0], atol=0.05)


def some_table(value: float = 1.0) -> Table:
    return Table(np.array([[value], [2.0], [4.0]]), np.array([1.0, 2.0, 3.0]), ("size",))


def test_an_upload_is_found_by_its_name_and_listed_nowhere() -> None:
    name = remember(some_table())
    assert re.fullmatch("upload-[0-9a-f]{12}", name)
    assert name == remember(some_table()) != remember(some_table(1.5))
    knob = LOSSES.parameters("linear_regression")["data"]
    assert (knob.kind, name in knob.options) == ("choice", False)
    setup = Setup("linear_regression", knobs={"loss.data": name})
    assert Setup.from_query(setup.to_query()) == setup
    assert setup.make_loss().coordinates == ("size", "intercept")  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="read-only"):
        setup.make_loss().y[:] = 0  # type: ignore[attr-defined]


def test_the_oldest_upload_is_forgotten_with_a_sentence_and_comes_back() -> None:
    first, used = remember(some_table(100)), remember(some_table(101))
    for i in range(MOST_UPLOADS):
        remember(some_table(200 + i))
        if i < MOST_UPLOADS - 1:
            assert Tables(())[used]().features[0, 0] == 101
    with pytest.raises(ValueError, match=f"{first}.*upload the same file again and the link works"):
        Setup("linear_regression", knobs={"loss.data": first})
    Setup("linear_regression", knobs={"loss.data": used})
    assert remember(some_table(100)) == first
    Setup("linear_regression", knobs={"loss.data": first})


def test_a_link_to_a_forgotten_upload_keeps_the_rest() -> None:
    setup, complaints = Setup.salvage({"v": "1", "loss": "linear_regression", "loss.data": "upload-000000000000", "steps": "7"})
    assert setup.steps == 7
    assert [each for each in complaints if "upload-000000000000" in each] == complaints != []


@pytest.mark.parametrize("value", ["house", "iris", "", "upload-", None, 3])
def test_other_names_are_refused_with_the_list(value: object) -> None:
    with pytest.raises(ValueError, match="data must be"):
        LOSSES["linear_regression"](data=value)


def test_the_literal_of_columns_is_what_the_panel_offers() -> None:
    from explorer.core.data import Column

    assert DATA.parameters("diabetes")["columns"].options == typing.get_args(Column)
