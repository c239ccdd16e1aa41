"""tanh and the logistic function against 60 digits, in every way they are computed."""

import numpy as np
import pytest
from mpmath import mp

from explorer.core.ground import elementary

KINDS = np.float64, np.float32


def points(kind):
    """Numbers of every size and both signs: subnormal, around the formula's joints, beyond where it is cut off, inf, nan and zeros."""
    digits, random = np.finfo(kind), np.random.default_rng(0)
    sizes = 10.0 ** np.linspace(np.log10(digits.tiny), np.log10(digits.max) - 1, 300), np.exp(random.uniform(-9, 7, 2000))
    subnormal = random.integers(1, 2**20, 50) * digits.smallest_subnormal.astype(float)
    joints = (np.arange(1, 60) * np.log(2) / 2).astype(kind)
    around = joints, np.nextafter(joints, kind(0)), np.nextafter(joints, kind(99))
    with np.errstate(over="ignore"):
        some = np.concatenate([*sizes, subnormal, *around, [0, digits.tiny, digits.max, np.inf]]).astype(kind)
    return np.concatenate([some, -some, [np.nan]]).astype(kind)


def nearest(function, x):
    """The nearest float to the function of each number."""
    with mp.workdps(60):
        return np.array([float(function(mp.mpf(float(each)))) for each in x]).astype(x.dtype)


def logistic(x):
    return mp.mpf(1) / (1 + mp.exp(-x))


@pytest.mark.parametrize("kind", KINDS)
def test_tanh_is_within_two_ulp_however_it_is_computed(kind):
    x = points(kind)
    true = nearest(mp.tanh, x)
    for way in (elementary.tanh, elementary.formula(kind), elementary.compiled(kind)):
        if way is not None:  # numba is an extra
            with np.errstate(invalid="ignore"):
                found = way(x.copy())
                np.testing.assert_array_max_ulp(found, true, maxulp=2)
                assert (np.signbit(found) == np.signbit(x))[~np.isnan(x)].all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_logistic_function_is_within_two_ulp(kind):
    x = points(kind)
    true = nearest(logistic, x)
    np.testing.assert_array_max_ulp(elementary.sigmoid(x), true, maxulp=2)
    ordinary = np.abs(x) < 80  # none of them needs the other form
    np.testing.assert_array_max_ulp(elementary.sigmoid(x[ordinary]), true[ordinary], maxulp=2)


@pytest.mark.parametrize("function", [elementary.tanh, elementary.sigmoid])
@pytest.mark.parametrize("kind", KINDS)
def test_the_answer_does_not_depend_on_blocks_layout_or_where_it_is_written(function, kind, monkeypatch):
    for best in ({}, {np.float64: elementary.formula(np.float64)}):
        monkeypatch.setattr(elementary, "best", lambda kind, best=best: best.get(kind))
        x = np.random.default_rng(0).standard_normal((3, elementary.BLOCK // 2 + 7, 2)).astype(kind)
        there, expected = np.empty_like(x), np.array([function(each) for each in x.reshape(-1, 1)[:50]])
        assert function(x, out=there) is there
        np.testing.assert_array_equal(there.reshape(-1, 1)[:50], expected)
        for given in (x.copy(), np.asfortranarray(x), np.stack([x, x], axis=-1)[..., 0]):
            np.testing.assert_array_equal(function(given), there)
            assert function(given, out=given) is given
            np.testing.assert_array_equal(given, there)
    assert function(np.empty((0, 3), kind)).shape == (0, 3)


def test_halves_and_other_types_are_numpys():
    x = np.array([0.5], np.float16)
    assert elementary.tanh(x).dtype == np.float16
