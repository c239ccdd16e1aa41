"""Data sets: their shapes, their recorded numbers, and what standardizing does."""

from __future__ import annotations

import typing

import numpy as np
import pytest

from explorer.core.data import DATA, Table, noisy_line, standardize
from explorer.core.losses import LOSSES


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
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-14)
    np.testing.assert_allclose(features.std(axis=0), 1)


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
        ("diabetes", {"columns": ()}, r"columns must be .*, got \(\)"),
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


def test_the_literal_of_columns_is_what_the_panel_offers() -> None:
    from explorer.core.data import Column

    assert DATA.parameters("diabetes")["columns"].options == typing.get_args(Column)
