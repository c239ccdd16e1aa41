"""Slices of a network's loss: planes are what their paper says, grids are the loss itself, and no number breaks them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from explorer.core.losses import LOSSES
from explorer.core.networks.planes import (
    Ruggedness,
    Survey,
    View,
    check_work,
    curvature,
    finding,
    on_path,
    panes,
    path_plane,
    random_plane,
    scan,
    summary,
    survey,
)
from explorer.core.run.setup import Setup

SMALL = Setup("network", learning_rate=0.3, steps=20, knobs={"loss.hidden": (5, 5), "loss.examples": 12})
DEEP = {"loss.hidden": (10,), "loss.repeat": 20, "loss.activation": "relu", "loss.initialization": "he_normal", "loss.examples": 40}


def last(setup: Setup, view: View) -> Survey:
    *_, found = survey(setup, view)
    return found


@pytest.mark.parametrize("name", ["network", "convolution"])
def test_every_unit_of_a_direction_is_as_long_as_the_unit_s_weights(name: str) -> None:
    loss: Any = LOSSES[name](examples=5)
    plane = random_plane(loss, loss.start, seed=3)
    for (letters, where), part in zip(loss.blocks, loss.body.parts, strict=True):
        for direction in plane.directions.T:
            sizes = np.linalg.norm(direction[where].reshape(part.shape[0], -1), axis=1)
            wanted = np.linalg.norm(loss.start[where].reshape(part.shape[0], -1), axis=1) if letters.startswith("W") else 0
            np.testing.assert_allclose(sizes, wanted)


def test_another_seed_is_another_plane_and_the_same_is_the_same() -> None:
    loss: Any = SMALL.make_loss()
    one, same, other = (random_plane(loss, loss.start, seed).directions for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other)


def test_a_plane_of_the_seed_that_drew_the_weights_does_not_lead_along_them() -> None:
    """With the same random numbers for both, the first layer's part of a direction would be a multiple of its weights."""
    loss: Any = LOSSES["network"](hidden=(200,), seed=3)
    weights, directions = loss.start[:400], random_plane(loss, loss.start, seed=3).directions[:400]
    cosines = weights @ directions / np.linalg.norm(weights) / np.linalg.norm(directions, axis=0)
    assert (np.abs(cosines) < 0.2).all()


def test_a_grid_is_the_loss_at_its_points(monkeypatch: pytest.MonkeyPatch) -> None:
    loss: Any = SMALL.make_loss()
    monkeypatch.setattr("explorer.core.networks.planes.AT_ONCE", 7 * loss.dim)
    plane = random_plane(loss, loss.start, seed=0)
    *_, seen = scan(loss, plane, 5)
    assert seen.complete
    for i, j in [(0, 0), (2, 2), (4, 1), (1, 4)]:
        x = plane.at(seen.across[j : j + 1], seen.up[i : i + 1])
        assert seen.height[i, j] == pytest.approx(loss.value(x)[0])
    assert seen.height[2, 2] == pytest.approx(loss.value(loss.start[:, np.newaxis])[0])


def test_the_plane_of_a_path_in_a_plane_holds_all_of_it() -> None:
    random = np.random.default_rng(0)
    basis = np.linalg.qr(random.standard_normal((30, 2)))[0]
    points = (random.standard_normal((9, 2)) * [5, 1]) @ basis.T
    plane = path_plane(points)
    assert plane.shares is not None
    assert sum(plane.shares) == pytest.approx(1)
    assert plane.shares[0] > plane.shares[1]
    np.testing.assert_allclose(plane.at(*plane.project(points.T)), points.T, atol=1e-9)
    np.testing.assert_array_equal(plane.origin, points[-1])
    assert (plane.project(points.T) > plane.low[:, np.newaxis]).all()


def test_a_long_random_walk_has_three_quarters_of_its_variance_in_two_components() -> None:
    """Antognini and Sohl-Dickstein 2018: so a large share by itself says little."""
    steps = np.random.default_rng(0).standard_normal((300, 4000))
    plane = path_plane(np.cumsum(steps, axis=0))
    assert plane.shares is not None
    assert sum(plane.shares) == pytest.approx(6 / np.pi**2 * 1.25, abs=0.02)


@pytest.mark.parametrize("points", [np.zeros((1, 4)), np.ones((5, 4)), np.full((3, 4), 1e200), np.arange(3.0)[:, np.newaxis] * np.ones(4)])
def test_a_path_without_a_plane_gets_one_all_the_same(points: np.ndarray) -> None:
    plane = path_plane(points)
    np.testing.assert_allclose(plane.directions.T @ plane.directions, np.eye(2), atol=1e-12)
    assert (plane.high > plane.low).all()


def test_minima_are_counted_inside_and_not_on_plateaus() -> None:
    x = np.linspace(-3, 3, 61)
    waves = np.cos(2 * np.pi * x)[:, np.newaxis] + np.cos(2 * np.pi * x)
    assert Ruggedness.of(waves).minima == 36
    assert Ruggedness.of(np.ones((9, 9))).minima == 0
    assert Ruggedness.of(1 + 1e-14 * np.random.default_rng(0).standard_normal((9, 9))).minima == 0
    assert Ruggedness.of((x[:, np.newaxis] - 10) ** 2 + x**2).minima == 0
    assert Ruggedness.of(np.full((5, 5), np.inf)) == Ruggedness(0, np.inf, np.inf, 25)


def test_rougher_is_more_minima_and_a_larger_loss() -> None:
    rough, smooth = Ruggedness(9, 0.1, 1e7, 0), Ruggedness(2, 0.1, 159.0, 0)
    assert rough.rougher_than(smooth)
    assert not smooth.rougher_than(rough)
    assert not rough.rougher_than(rough)
    assert not Ruggedness(9, 0.1, 1.0, 0).rougher_than(smooth)
    assert Ruggedness(2, 0.1, 1.0, 4).rougher_than(smooth), "beyond numbers is larger than any"


def test_twenty_layers_are_rougher_without_skip_connections() -> None:
    """CASES S6, shortened: the first four seeds, untrained; with training it is 10 of 10 (adam .003, 200 steps, 100 examples)."""
    found = [last(Setup("network", steps=0, knobs={**DEEP, "loss.seed": seed}), View(planes=1, at="initial")) for seed in range(4)]
    without, with_skip = ([each.panes[i].ruggedness[0] for each in found] for i in (0, 1))
    assert all(a.rougher_than(b) for a, b in zip(without, with_skip, strict=True))
    assert np.mean([each.minima for each in without]) > 2 * np.mean([each.minima for each in with_skip])
    assert np.median([each.largest for each in without]) > 10 * np.median([each.largest for each in with_skip])
    assert finding(found[0], 0).startswith("**Rougher without skip connections**")


def test_a_slice_does_not_show_the_sharpest_direction() -> None:
    pane = last(SMALL, View(planes=2, pair=False)).panes[0]
    assert max(pane.curvature.values()) < pane.sharpness


def test_the_curvature_of_a_plane_is_its_own() -> None:
    loss: Any = SMALL.make_loss()
    plane = path_plane(np.random.default_rng(1).standard_normal((4, loss.dim)))
    step = 1e-4
    angles = np.linspace(0, np.pi, 181)
    across, up = step * np.cos(angles), step * np.sin(angles)
    bent = loss.value(plane.at(across, up)) - 2 * loss.value(plane.origin[:, np.newaxis]) + loss.value(plane.at(-across, -up))
    assert curvature(loss, plane) == pytest.approx(bent.max() / step**2, rel=1e-3, abs=1e-6)


def test_a_run_s_path_ends_where_its_plane_is() -> None:
    found = last(SMALL, View(plane="path", side=7))
    for pane in found.panes:
        np.testing.assert_array_equal(pane.slices[0].plane.origin, pane.path[-1])
        assert pane.ruggedness[0].smallest <= pane.slices[0].height[3, 3]
    assert "% of the variance" in on_path(found)
    assert summary(found).startswith("Each in the plane of its own path")


@pytest.mark.parametrize("view", [View(side=5), View(side=5, plane="path"), View(side=5, at="initial"), View(side=5, reach=1e6)])
@pytest.mark.parametrize(
    "spoiled",
    [{"loss.bad_cell": "nan"}, {"loss.bad_cell": "inf"}, {"loss.initialization": "zero"}, {"loss.dtype": "float32"}, {"loss.hidden": (1,)}],
)
def test_whatever_the_data_there_is_a_sentence(spoiled: dict[str, Any], view: View) -> None:
    found = last(SMALL.with_knobs(spoiled), view)
    assert summary(found)
    assert found.share == 1
    assert all(not np.isnan(each.height).any() for pane in found.panes for each in pane.slices.values())


def test_a_run_that_overflows_has_planes() -> None:
    wild = Setup("network", learning_rate=1e30, steps=20, knobs={"loss.objective": "squared_error", "loss.activation": "relu"})
    for view in (View(side=5), View(side=5, plane="path")):
        assert summary(last(wild, view))


def test_a_network_without_a_place_for_skips_is_alone() -> None:
    assert len(panes(SMALL, View())) == 2
    assert len(panes(SMALL, View(pair=False))) == 1
    assert len(panes(SMALL.with_knobs({"loss.hidden": (5, 4)}), View())) == 1
    assert len(panes(Setup("convolution"), View())) == 1


def test_too_much_is_refused_with_what_would_fit() -> None:
    with pytest.raises(ValueError, match=r"steps must be ≤ .* got 1,000,000,000"):
        next(survey(Setup("network", steps=10**9), View()))
    many = View(side=501, planes=50)
    with pytest.raises(ValueError, match=r"grid points × weights .* got 501².* (\d+) a side would fit"):
        check_work(Survey(many, panes(Setup("network"), many)))
    with pytest.raises(ValueError, match="loss must be a network for its planes, got ravine"):
        next(survey(Setup("ravine"), View()))


def test_a_view_is_a_part_of_a_link() -> None:
    view = View(plane="path", planes=2, reach=0.5, pair=False, drawn="surface")
    assert View.salvage(view.to_query()) == (view, [])
    assert View().to_query() == {}
    read, complaints = View.salvage({"view.side": "4", "view.shape": "round", "view.seed": "2"})
    assert read == View(seed=2)
    assert complaints == ["side must be finite and ≥ 5 and ≤ 501, got 4", "a link has no part named 'view.shape'"]
