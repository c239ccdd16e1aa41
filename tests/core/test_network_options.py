"""What the knobs of a network do, one at a time, and what is refused with which sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from explorer import LOSSES, check_gradient, from_function
from explorer.core.data import Table, remember
from explorer.core.losses.network import Network
from explorer.core.losses.network.activations import ACTIVATIONS
from explorer.core.losses.network.task import TABLES


def network(**knobs: Any) -> Network:
    loss = LOSSES["network"](**{"hidden": (4,), "examples": 30, **knobs})
    assert isinstance(loss, Network)
    return loss


def at_start(loss: Network) -> np.ndarray[Any, Any]:
    return loss.start[:, None]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_is_one_function_with_its_derivatives(name: str) -> None:
    f, z, h = ACTIVATIONS[name], np.linspace(-3.05, 3.05, 40), 1e-4

    def told(z: Any) -> Any:
        return z if f.of_input else f.value(z.copy())

    np.testing.assert_allclose(f.slope(told(z)), (f.value(z + h) - f.value(z - h)) / (2 * h), atol=1e-7)
    np.testing.assert_allclose(f.bend(told(z)) + 0 * z, (f.slope(told(z + h)) - f.slope(told(z - h))) / (2 * h), atol=1e-7)
    assert np.abs(f.slope(told(np.linspace(-9, 9, 2001)))).max() == pytest.approx(f.steepest, rel=0.15)


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "gelu", "tanh"])
def test_a_gain_keeps_the_size_of_a_signal(name: str) -> None:
    f, z = ACTIVATIONS[name], np.random.default_rng(0).standard_normal(200_000)
    if "relu" in name:
        assert np.mean((f.gain * f.value(z.copy())) ** 2) == pytest.approx(1, rel=0.02)
    if name == "relu":
        assert np.var(f.centered_gain * f.value(z.copy())) == pytest.approx(1, rel=0.02)


@pytest.mark.parametrize("name", TABLES)
def test_every_table_can_be_learned_from(name: str) -> None:
    loss = network(data=name, validation=10)
    assert loss.examples == 30
    assert loss.validation is not None
    assert loss.validation.examples == 10
    value, gradient = loss.value_and_gradient(at_start(loss))
    assert np.isfinite(value).all()
    assert np.isfinite(gradient).all()
    assert (loss.y.shape[0] == 10) == (name == "digits")


def test_more_examples_than_there_are_means_all() -> None:
    assert network(data="diabetes", examples=100_000).examples == 442
    assert network(data="diabetes", examples=100_000, validation=100).examples == 342
    assert network(data="moons", examples=70).examples == 70


@pytest.mark.parametrize(
    ("scaling", "check"),
    [
        ("raw", lambda X: X.max() == 16),
        ("unit", lambda X: X.max() == 1 and X.min() == 0),
        ("centered", lambda X: np.abs(X.mean(axis=1)).max() < 1e-12 and X.max() > 10),
        ("standardized", lambda X: np.allclose(X.std(axis=1)[X.any(axis=1)], 1)),
    ],
)
def test_scaling(scaling: str, check: Any) -> None:
    assert check(network(data="digits", scaling=scaling, examples=1797).X)


def test_what_spoils_the_training_examples_leaves_the_held_out_ones_alone() -> None:
    knobs: dict[str, Any] = {"data": "diabetes", "validation": 50}
    clean = network(**knobs)
    for cell, value in {"number": 7e3, "nan": np.nan, "inf": np.inf}.items():
        loss = network(**knobs, bad_cell=cell, bad_value=7e3)
        np.testing.assert_array_equal(np.argwhere(~(loss.X == clean.X)), [[0, 0]])
        np.testing.assert_array_equal(loss.X[0, 0], value)
        assert loss.validation is not None
        assert clean.validation is not None
        np.testing.assert_array_equal(loss.validation.X, clean.validation.X)
    swapped = network(**knobs, wrong_labels=0.5)
    assert (swapped.y != clean.y).sum() == pytest.approx(15, abs=2)
    np.testing.assert_array_equal(np.sort(swapped.y), np.sort(clean.y))
    scaled = network(**knobs, feature_scale=100)
    np.testing.assert_allclose(scaled.X[0], 100 * clean.X[0])
    np.testing.assert_array_equal(scaled.X[1:], clean.X[1:])


def test_a_cell_that_is_not_finite_is_a_loss_that_is_not() -> None:
    loss = network(data="diabetes", bad_cell="nan")
    with np.errstate(all="ignore"):
        assert np.isnan(loss.value(at_start(loss)))
        assert np.isfinite(loss.on(np.arange(1, 30)).value(at_start(loss)))


def test_dropout_is_drawn_from_the_seed_and_the_rows_and_only_there() -> None:
    loss, without = network(dropout=0.5), network()
    x = np.repeat(at_start(loss), 3, axis=1)
    np.testing.assert_array_equal(loss.value(x), without.value(x))
    rows = np.arange(30)
    first = loss.on(rows).value(x)
    assert (first == first[0]).all(), "all runs see the same masks"
    np.testing.assert_array_equal(loss.on(rows).value(x), first)
    assert (loss.on(rows[::-1]).value(x) != first).all()
    assert (network(dropout=0.5, seed=1).on(rows).value(x) != first).all()
    many = [loss.on(np.random.default_rng(i).permutation(30)).outputs(x)[0, 0, 0] for i in range(5)]
    assert len(set(many)) == 5


def test_dropout_keeps_the_mean_of_a_signal() -> None:
    loss = network(dropout=0.3, activation="linear", hidden=(200,))
    x, rng = at_start(loss), np.random.default_rng(0)
    orders = [rng.permutation(30) for _ in range(400)]
    outputs = np.mean([loss.on(order).outputs(x)[0, 0][np.argsort(order)] for order in orders], axis=0)
    np.testing.assert_allclose(outputs, loss.outputs(x)[0, 0], atol=5 * 1.2 * (0.3 / 0.7 / 400) ** 0.5)


def test_a_penalty_is_on_weights_only_and_told_apart() -> None:
    loss, without = network(l2=0.5), network()
    x = at_start(loss) + 1.0
    weights = np.concatenate([x[where] for name, where in loss.blocks if name.startswith("W")])
    np.testing.assert_allclose(loss.penalty(x), 0.25 * (weights**2).sum())
    np.testing.assert_allclose(loss.data_loss(x), without.value(x))
    assert not without.penalty(x).any()


def test_separate_scales_of_hidden_and_output_layers() -> None:
    plain, scaled = network(hidden=(4, 4)), network(hidden=(4, 4), hidden_scale=0.1, output_scale=10)
    for name, factor in {"W1": 0.1, "W2": 0.1, "W3": 10, "b1": 1}.items():
        where = dict(plain.blocks)[name]
        np.testing.assert_allclose(scaled.start[where], factor * plain.start[where])


def test_repeat_makes_a_network_deep() -> None:
    assert [name for name, _ in network(hidden=(3, 2), repeat=2, biases=False).blocks] == ["W1", "W2", "W3", "W4", "W5"]


def test_widen_makes_a_network_wide() -> None:
    wide, same = network(hidden=(3, 2), widen=4), network(hidden=(12, 8))
    assert wide.blocks == same.blocks
    np.testing.assert_array_equal(wide.start, same.start)


def test_the_naive_logarithm_is_the_stable_one_until_something_rounds_to_0() -> None:
    for data in ("moons", "digits"):
        stable, naive = (network(data=data, scaling="unit", naive=each) for each in (False, True))
        x = at_start(stable)
        np.testing.assert_allclose(naive.value(x), stable.value(x), rtol=1e-12)
        far = 1e4 * x
        with np.errstate(all="ignore"):
            assert not np.isfinite(naive.value(far)).any()
        assert np.isfinite(stable.value(far)).all()
        np.testing.assert_array_equal(naive.value_and_gradient(far)[1], stable.value_and_gradient(far)[1])


def test_batch_norm_makes_the_scale_of_the_weights_irrelevant() -> None:
    loss = network(normalization="batch", hidden=(4, 4))
    x = at_start(loss)
    larger = x.copy()
    for name in ("W1", "W2"):
        larger[dict(loss.blocks)[name]] *= 100
    np.testing.assert_allclose(loss.outputs(larger), loss.outputs(x), atol=2e-3)


def test_outputs_for_other_inputs_and_accuracy() -> None:
    loss = network(examples=50)
    x = np.repeat(at_start(loss), 3, axis=1)
    np.testing.assert_allclose(loss.outputs(x, loss.X), loss.outputs(x))
    assert loss.outputs(x, np.zeros((2, 7))).shape == (3, 1, 7)
    assert loss.accuracy(x).shape == (3,)
    assert np.isnan(network(data="waves").accuracy(at_start(network(data="waves")))).all()


@pytest.mark.parametrize(
    ("knobs", "sentence"),
    [
        ({"hidden": (2.5,)}, "hidden must be whole numbers of units, got 2.5"),
        ({"hidden": ()}, r"hidden must be one or more numbers, such as \(1, 10\), got none"),
        ({"hidden": (0,)}, "hidden must be finite and ≥ 1 and ≤ 4096, got 0"),
        ({"repeat": 0}, "repeat must be finite and ≥ 1 and ≤ 200, got 0"),
        (
            {"hidden": (4096, 4096), "examples": 1000},
            "examples must be ≤ 119 for 16,797,697 weights, got 1,000; or narrower and fewer layers",
        ),
        ({"data": "diabetes", "validation": 442}, "validation must leave examples to train on, at most 441 of diabetes, got 442"),
        (
            {"data": "waves", "objective": "cross_entropy"},
            "the objective cross_entropy must have 2 to 20 classes to tell apart, got 'waves' whose target has 30 different values;"
            " squared_error takes any target",
        ),
        ({"data": "houses"}, "data must be one of moons, .*, or an uploaded table, got 'houses'"),
        ({"dropout": 1}, "dropout must be finite and ≥ 0 and < 1, got 1"),
    ],
)
def test_refusals(knobs: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        network(**knobs)


def test_uploaded_tables_of_one_class_two_and_many() -> None:
    features = np.random.default_rng(0).standard_normal((12, 3))

    def upload(target: Any) -> str:
        return remember(Table(features.copy(), np.asarray(target, dtype=float), ("a", "b", "c")))

    one, two, three = upload(np.ones(12)), upload(np.arange(12) % 2), upload(np.arange(12) % 3)
    assert np.isfinite(network(data=one).value(at_start(network(data=one)))).all()
    with pytest.raises(ValueError, match=r"cross_entropy must have 2 to 20 classes to tell apart, got .* has 1 different values"):
        network(data=one, objective="cross_entropy")
    assert network(data=two).accuracy(at_start(network(data=two))) >= 0
    assert network(data=three).y.shape == (1, 12)
    assert network(data=three, objective="cross_entropy").y.shape == (3, 12)
    empty = remember(Table(np.full((12, 3), np.nan), np.arange(12.0), ("a", "b", "c")))
    with np.errstate(all="ignore"):
        assert np.isnan(network(data=empty, scaling="standardized").value(at_start(network(data=empty)))).all()


@pytest.mark.parametrize("knobs", [{"channels": (2,) * 4, "kernel": 3}, {"channels": (2, 2.5)}, {"kernel": 9}])
def test_a_convolution_that_leaves_no_image_is_refused(knobs: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"channels must be|kernel must be"):
        LOSSES["convolution"](**knobs)


def test_the_gradient_check_asks_for_a_point_and_finds_what_is_planted() -> None:
    loss = network()
    with pytest.raises(ValueError, match=rf"x must be {loss.dim} numbers, \(dim,\), got shape \(2,\)"):
        check_gradient(loss, [1.0, 2.0])
    assert check_gradient(loss).wrong == ()
    planted = from_function(lambda x: (np.sum(np.cos(x)), -np.sin(x) + 0.01 * (x > 2)), start=[1.0, 2.5])
    found = check_gradient(planted)
    assert found.wrong == ("x",)
    assert found["x"].error == pytest.approx(0.01 / np.hypot(np.sin(1), np.sin(2.5)), rel=1e-3)
    assert "the gradient is not that of the loss" in found.sentence()
    flat = from_function(lambda x: (0.0, 0 * x), start=[1.0])
    assert check_gradient(flat).wrong == ()
