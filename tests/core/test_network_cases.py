"""docs/cases.md, the rows about networks: each setting shows what was measured by an independent program.

What the table records of ten seeds is tested here on fewer of them, or over fewer epochs, where that keeps the file quick; the number
of seeds is written at each test. Loss of regressions is half the mean squared error, initialization He's, biases 0.

Where the recorded number is another one, the test says so, with what PyTorch measures of the same recipe over its own seeds 0-9:
benchmarks/cases_in_torch.py makes those numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from explorer import LOSSES, OPTIMIZERS, SCHEDULES, Loss, Optimizer, check_gradient, run
from explorer.core.losses.network import Network
from explorer.core.losses.protocol import Array
from explorer.core.networks.instruments import activity, block_norms, score
from explorer.core.optimizers import clipped
from explorer.core.run.descent import Trajectory
from explorer.core.theory.curvature import second_order, top_eigenvalues

GD = OPTIMIZERS["gradient_descent"]()
LN_10 = np.log(10)


def momentum(beta: float) -> Optimizer:
    return OPTIMIZERS["momentum"](momentum=beta)


def network(**knobs: Any) -> Network:
    loss = LOSSES["network"](**{"activation": "relu", "initialization": "he_normal", **knobs})
    assert isinstance(loss, Network)
    return loss


def trained(loss: Loss, rule: Optimizer, rates: Any, steps: int, batch_size: int, seed: int = 0, schedule: Any = None) -> Trajectory:
    return run(loss, rule, rates, steps=steps, batch_size=batch_size, seed=seed, schedule=schedule, whole=False)


def first_lost(path: Trajectory) -> Array:
    """The first step after which a run's point is no longer finite; -1 if it always is."""
    lost = ~np.isfinite(path.x).all(axis=1)
    return np.where(lost.any(axis=0), lost.argmax(axis=0), -1)


# S1: regressions


def diabetes(seed: int, **knobs: Any) -> Network:
    return network(**{"hidden": (32,), "data": "diabetes", "examples": 442, "scaling": "centered", "seed": seed, **knobs})


def test_s1b_a_network_explodes_faster_than_exponentially() -> None:
    """Ten seeds, 300 steps.

    3e-4 is on the edge: it stays finite for 8 of 10 seeds here and 7 of 10 in PyTorch, where 10 of 10 are recorded. At 5e-4 PyTorch
    too is lost for all ten, after 8 to 10 steps, and at 1e-3 after 7.
    """
    lost = []
    for seed in range(10):
        path = trained(diabetes(seed), GD, [2e-4, 3e-4, 5e-4, 1e-3], 300, 32, seed)
        lost.append(first_lost(path))
    below, edge, above, far = np.transpose(lost)
    assert (below < 0).all()
    assert (edge < 0).sum() >= 7
    assert ((above > 0) & (above < 60)).all()
    assert ((far > 0) & (far <= 8)).all()
    losses = run(diabetes(0), GD, 1e-3, steps=5, batch_size=32).loss[:, 0]
    growth = np.diff(np.log(losses))
    assert losses[0] == pytest.approx(1.5e4, rel=0.05)
    assert (np.diff(growth) > 0).all(), "each step multiplies by more than the one before, because growing weights raise the curvature"


def test_s1b_scaling_the_data_makes_every_usual_rate_work() -> None:
    loss = diabetes(0, scaling="standardized", standardize_target=True)
    final = loss.value(trained(loss, GD, [1e-3, 1e-2, 1e-1], 300, 32).x[-1])
    assert (final < 0.7 * loss.value(loss.start[:, None])).all()


def test_s1c_adam_is_finite_but_slow() -> None:
    """Two seeds; 1e-3 after 3000 steps, 1e-2 after 1000."""
    for seed in range(2):
        loss = diabetes(seed)
        x = trained(loss, OPTIMIZERS["adam"](), [1e-3, 1e-2], 3000, 32, seed).x
        slow, quick = loss.value(x[3000])[0], loss.value(x[1000])[1]
        assert 1500 < slow < 3000
        assert 1000 < quick < 1600


def test_s1e_a_sum_is_a_mean_with_the_rate_times_the_batch() -> None:
    for seed in range(10):
        loss = diabetes(seed, scaling="standardized", reduction="sum")
        path = trained(loss, GD, [1e-4, 1e-3], 100, 16, seed)
        learns, fails = first_lost(path)
        assert learns == -1
        assert 5 <= fails <= 12
        assert loss.value(path.x[-1])[0] < loss.value(loss.start[:, None])[0] / 5
    mean, rows = diabetes(0, scaling="standardized"), np.arange(16)
    _, of_sum = diabetes(0, scaling="standardized", reduction="sum").on(rows).value_and_gradient(mean.start[:, None])
    _, of_mean = mean.on(rows).value_and_gradient(mean.start[:, None])
    np.testing.assert_allclose(of_sum, 16 * of_mean, rtol=1e-12)


# S2b and THEORY 46: the edge of stability


@pytest.mark.parametrize("seed", range(10))
def test_s2b_the_loss_first_rises_where_the_second_term_overtakes_the_first(seed: int) -> None:
    """Ten seeds: at the very step, in all of them.

    Which step it is depends on the draw: 106 to 585 here, 93 to 316 in PyTorch (medians 204 and 196), 149 recorded. At half
    the rate, where 749 is recorded, it is 537 to 1265 here and 667 to 1263 in PyTorch, and none of 1500 for 4 seeds here and 3 there.
    """
    loss = network(hidden=(20, 20), data="waves", examples=20, noise=0, activation="tanh", initialization="glorot_normal", seed=seed)
    path = run(loss, GD, 0.4, steps=700)
    first = int(np.flatnonzero(np.diff(path.loss[:, 0]) > 0)[0])
    terms = [second_order(loss, path.x[t, :, 0], path.x[t + 1, :, 0] - path.x[t, :, 0]) for t in range(first - 5, first + 1)]
    uphill = [each.bend > -each.slope for each in terms]
    assert uphill == [False] * 5 + [True]
    sharp = top_eigenvalues(loss, path.x[first, :, :]).sharpness
    assert sharp > 2 / 0.4
    assert path.loss[first, 0] < 0.6 * path.loss[0, 0], "the loss was still falling when the sharpness passed the edge"


def test_the_edge_of_stability() -> None:
    """1-12-1 tanh, PyTorch's initialization, squared error without the ½; 8000 steps; ten seeds."""
    nets = [
        network(hidden=(12,), data="waves", examples=20, noise=0, activation="tanh", initialization="pytorch", half=False, seed=seed)
        for seed in range(10)
    ]  # the same data, other weights
    loss, start = nets[0], np.stack([each.start for each in nets], axis=1)
    path = run(loss, GD, 0.2, start=start, steps=8000)
    assert ((np.diff(path.loss, axis=0) > 0).sum(axis=0) > 100).all(), "the loss no longer falls at every step"
    sharp = np.mean([top_eigenvalues(loss, x, tolerance=1e-3).sharpness for x in path.x[6000::50]], axis=0)
    np.testing.assert_allclose(sharp * 0.2 / 2, 1, atol=0.02)
    early, middle, late = (np.median(path.loss[end - 250 : end], axis=0) for end in (2000, 4000, 8000))  # a single loss may be a spike
    assert (late < middle).all()
    assert (middle < early).all()
    assert (early < 0.01 * path.loss[0]).all(), "and all the same it falls"
    for rate in (0.1, 0.05):
        below = run(loss, GD, rate, start=start, steps=8000)
        assert (np.diff(below.loss, axis=0) < 0).all(), "at a rate that stays below the edge it falls at every step"
        assert (top_eigenvalues(loss, below.x[-1], tolerance=1e-3).sharpness < 2 / rate).all()


# S5: digits, three outcomes


def digits(seed: int, hidden: tuple[int, ...], **knobs: Any) -> Network:
    return network(hidden=hidden, data="digits", examples=400, validation=300, scaling="unit", dtype="float32", seed=seed, **knobs)


def outcome(loss: Network, rule: Optimizer, rate: float, seed: int, epochs: int = 50) -> tuple[float, float, float]:
    """Training loss, validation loss and the largest share of dead units of any layer."""
    x = trained(loss, rule, rate, epochs * 12, 32, seed).x[-1]
    found = score(loss, x)
    return found.loss[0], found.validation_loss[0], max(layer.dead[0] for layer in activity(loss, x))


def test_s5_one_layer_is_good() -> None:
    """Ten seeds: the training loss goes to 0.

    The validation loss hangs on which digits are held out: .17 to .40 here and .22 to .51 in PyTorch (medians .30 and .29), .14
    recorded. With one draw of the digits for all seeds it is anything from .08 (of the first 700 in the file) to .9 (the file's next 300).
    """
    found = np.array([outcome(digits(seed, (64,)), momentum(0.95), 0.1, seed)[:2] for seed in range(10)])
    assert (found[:, 0] < 0.01).all()
    assert (found[:, 1] < 0.6).all()


def test_s5_two_layers_mostly_learn_and_three_never_do() -> None:
    """Ten seeds: the number that end with a training loss below .2.

    Two layers: 6 here, 7 in PyTorch, 10 recorded. A rate of .1 is on the border: .05 is good for all ten, and at .1 the draw of the
    digits decides between 4 and 10, and another rounding between 4 and 8. Three layers: none in either.
    """
    good = [[outcome(digits(seed, (64,) * depth), momentum(0.95), 0.1, seed)[0] < 0.2 for seed in range(10)] for depth in (2, 3)]
    assert sum(good[0]) >= 3
    assert sum(good[1]) <= 1
    assert all(outcome(digits(seed, (64, 64)), momentum(0.95), 0.05, seed)[0] < 0.2 for seed in range(10))


def test_s5_three_layers_collapse_and_nothing_brings_them_back() -> None:
    """Ten seeds, 50 epochs: at least the seven that are recorded end far above their best, with most units of a layer dead.

    Nine here; of PyTorch's, nine end above .8 and the other at .77.
    """
    collapsed = [outcome(digits(seed, (64, 64, 64)), momentum(0.95), 0.1, seed) for seed in range(10)]
    plateau = [loss > 0.8 and validation > 0.8 and dead > 0.7 for loss, validation, dead in collapsed]
    assert sum(plateau) >= 7
    stuck = plateau.index(True)
    loss = digits(stuck, (64, 64, 64))
    end = trained(loss, momentum(0.95), 0.1, 600, 32, stuck).x[-1]
    again = run(loss, GD, [1e-3, 1e-1], start=end, steps=120, batch_size=32, whole=False).x[-1]
    assert (loss.value(again) > 0.6).all(), "a smaller or the same rate does not recover"


@pytest.mark.parametrize(
    ("what", "rule", "rate", "knobs"),
    [
        ("momentum .9", momentum(0.9), 0.1, {}),
        ("rate .01", momentum(0.95), 0.01, {}),
        ("tanh", momentum(0.95), 0.1, {"activation": "tanh", "initialization": "glorot_normal"}),
        ("clip 1", clipped(momentum(0.95), norm=1.0), 0.1, {}),
        ("batch norm", momentum(0.95), 0.1, {"normalization": "batch"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_s5_what_keeps_three_layers_alive(what: str, rule: Optimizer, rate: float, knobs: dict[str, Any]) -> None:
    """Three seeds."""
    for seed in range(3):
        loss, validation, _ = outcome(digits(seed, (64, 64, 64), **knobs), rule, rate, seed)
        assert loss < 0.4, what
        assert validation < 1.5, what


def test_s5_leaky_relus_are_no_cure() -> None:
    """Ten seeds: none learns, and 4 end as nan, as recorded (5 in PyTorch); with other roundings up to 2 learn, 2 to 6 are nan."""
    ends = np.array([outcome(digits(seed, (64, 64, 64), activation="leaky_relu"), momentum(0.95), 0.1, seed)[0] for seed in range(10)])
    assert (ends < 0.5).sum() <= 4
    assert 1 <= np.isnan(ends).sum() <= 8


def test_s5_five_layers_at_a_high_rate_never_learn() -> None:
    """Ten seeds, 37 epochs: at least the eight that are recorded stay near ln 10; all ten do here and in PyTorch."""
    ends = [outcome(digits(seed, (32,) * 5), momentum(0.9), 0.2, seed, epochs=37)[0] for seed in range(10)]
    assert sum(end > 1.6 for end in ends) >= 8
    assert max(ends) < 1.1 * LN_10


def test_s5_the_input_scale_of_a_convolution_is_its_curvature() -> None:
    """Two seeds for pixels from 0 to 1, four for raw ones; 12 epochs."""
    knobs: dict[str, Any] = {"channels": (8, 16), "units": 32, "activation": "relu", "initialization": "he_normal", "examples": 400}

    def ends(seed: int, scaling: str, rates: Any) -> Array:
        loss = LOSSES["convolution"](**knobs, scaling=scaling, dtype="float32", seed=seed)
        return loss.value(trained(loss, GD, rates, 144, 32, seed).x[-1])

    for seed in range(2):
        crawling, slow, *good = ends(seed, "unit", [1e-4, 1e-3, 0.1, 0.2])
        assert crawling > 0.95 * LN_10
        assert slow > 0.85 * LN_10
        assert max(good) < 0.3
    raw = [ends(seed, "raw", [0.2])[0] for seed in range(4)]
    assert sum(abs(end - LN_10) < 0.05 for end in raw) >= 2, "at a rate that the scaled pixels learn at, raw ones stick at ln 10"


# S6: causes, one at a time


def plane(loss: Network, random: np.random.Generator, side: int = 31) -> Array:
    """The loss on a random plane through the start, each unit's part of a direction as long as its weights (Li et al. 2018)."""
    start, directions = loss.start, []
    for _ in range(2):
        d = np.zeros(loss.dim)
        for (name, where), part in zip(loss.blocks, loss.body.parts, strict=True):
            if name.startswith("W"):
                rows, weights = random.standard_normal(part.shape), start[where].reshape(part.shape)
                rows *= np.linalg.norm(weights, axis=1, keepdims=True) / np.linalg.norm(rows, axis=1, keepdims=True)
                d[where] = rows.ravel()
        directions.append(d)
    a, b = np.meshgrid(*[np.linspace(-1, 1, side)] * 2, indexing="ij")
    points = start[:, None] + np.outer(directions[0], a) + np.outer(directions[1], b)
    return loss.value(points).reshape(side, side)


def local_minima(values: Array) -> int:
    inside = values[1:-1, 1:-1]
    around = [np.roll(values, (i, j), (0, 1))[1:-1, 1:-1] for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]
    return int(np.all([inside < each for each in around], axis=0).sum())


def test_s6_skip_connections_smooth_the_surface() -> None:
    """Ten pairs, at the start of training: rougher without in all of them.

    Medians: 20.5 local minima against 3 and a highest loss of 9000 against 98 here, 19 against 2.5 and 13,000 against 74 in PyTorch; 9
    against 2.5 and 10⁷ against 159 recorded. Directions drawn from the very numbers that drew the weights come close to that (7.5 against
    1 and 10⁶ against 190): they are multiples of the weights, and the plane is not random.
    """
    found = []
    for seed in range(10):
        surfaces = [
            plane(network(hidden=(10,), repeat=20, skip=skip, seed=seed), np.random.default_rng(1000 + seed)) for skip in (False, True)
        ]
        rough = [np.abs(np.diff(np.log(each), 2, axis=0)).mean() for each in surfaces]
        assert rough[0] > 2 * rough[1]
        found.append([(local_minima(each), each.max()) for each in surfaces])
    (minima, highest), (minima_skip, highest_skip) = np.median(found, axis=0)
    assert minima > 3 * minima_skip
    assert highest > 30 * highest_skip


def test_s6_a_schedule_that_ends_at_0_settles_what_a_constant_rate_keeps_jumping() -> None:
    """Medians of ten seeds at rate 3: .90 and .036 here, 1.16 on another processor, .45 and .067 in PyTorch, .544 and .049 recorded.

    At rate 2 the cosine lost when it was recorded. Here it does so in the median, .27 against .17, and for 4 of 10 seeds; in PyTorch for
    one, and in the median it wins, .09 against .19. What all agree on: at 2 it is no sure gain.
    """
    nets = [network(activation="tanh", initialization="glorot_normal", seed=seed) for seed in range(10)]

    def ends(rate: float, schedule: Any) -> Array:
        return np.array([trained(loss, GD, rate, 600, 10, seed, schedule).loss[-1, 0] for seed, loss in enumerate(nets)])

    constant, cosine = SCHEDULES["constant"](), SCHEDULES["cosine"](steps=600)
    assert np.median(ends(3, constant)) > 0.3
    assert np.median(ends(3, cosine)) < 0.15
    assert (ends(2, cosine) > ends(2, constant)).any()


@pytest.mark.parametrize(
    ("cell", "value", "survives", "clipping_helps"),
    [
        ("number", 10, True, True),
        ("number", 100, False, True),
        ("number", 1000, False, True),
        ("nan", 0, False, False),
        ("inf", 0, False, False),
    ],
)
def test_s6_one_bad_cell(cell: str, value: float, survives: bool, clipping_helps: bool) -> None:
    """Ten seeds; the cell is reached in the first epoch, of 14 steps, and an outlier takes a few more."""
    for seed in range(10):
        loss = diabetes(seed, scaling="standardized", standardize_target=True, bad_cell=cell, bad_value=value)
        plain, rescued = (first_lost(trained(loss, rule, 0.1, 60, 30, seed))[0] for rule in (GD, clipped(GD, norm=1.0)))
        assert (plain == -1) == survives
        assert plain <= 40
        assert (rescued == -1) == clipping_helps


def gradient_by_depth(**knobs: Any) -> Array:
    """The norms of the gradient by the first, the last hidden and the output's weights, ten layers deep: medians of ten seeds."""
    norms = []
    for seed in range(10):
        loss = network(hidden=(32,), repeat=10, data="digits", examples=400, scaling="unit", seed=seed, **knobs)
        by_block = block_norms(loss, loss.value_and_gradient(loss.start[:, None])[1])
        norms.append([by_block[name][0] for name in ("W1", "W10", "W11")])
    return np.array(np.median(norms, axis=0))


def test_s6_depth_makes_gradients_vanish_or_explode() -> None:
    """Ten seeds, 400 digits. The first layer's and the output's: here; in PyTorch; recorded.

    Sigmoid 4.8e-7 and .57; 4.1e-7 and .53; 9e-7 and .5. tanh at ten times Glorot's weights 145 and .53; 150 and .52; 190 and .8.
    The first layer's of ReLU at .03, 1 and 5 times He's weights 7e-15, .57, 3.1e6; 6e-15, .43, 2.3e6; 9e-15, 1.2, 1.7e6.
    """
    sigmoid: dict[str, Any] = {"activation": "sigmoid", "initialization": "glorot_normal"}
    np.testing.assert_allclose(gradient_by_depth(**sigmoid)[[0, 2]], [4.5e-7, 0.55], rtol=0.3)
    assert 0.1 < gradient_by_depth(**sigmoid, normalization="batch")[0] < 1
    assert gradient_by_depth(**sigmoid, weight_standardization=True)[0] < 1e-5, "weight standardization does not mend a sigmoid"
    tanh: dict[str, Any] = {"activation": "tanh", "initialization": "glorot_normal", "hidden_scale": 10}
    np.testing.assert_allclose(gradient_by_depth(**tanh)[[0, 2]], [150, 0.53], rtol=0.3)
    for mended in ({"normalization": "batch"}, {"weight_standardization": True}):
        assert 0.01 < gradient_by_depth(**tanh, **mended)[0] < 1
    for scale, first in ((0.03, 7e-15), (1, 0.5), (5, 2.7e6)):
        norms = gradient_by_depth(hidden_scale=scale)
        assert norms[0] == pytest.approx(first, rel=0.4)
        alike = gradient_by_depth(hidden_scale=scale, output_scale=scale)
        assert alike.max() < 4 * alike.min(), "a ReLU network is homogeneous: all its layers alike"
        assert 0.01 < gradient_by_depth(hidden_scale=scale, weight_standardization=True)[0] < 100
        assert 0.01 < gradient_by_depth(hidden_scale=scale, normalization="batch")[0] < 100


# Q7: which cause?


@pytest.mark.parametrize(
    ("rule", "rate", "knobs", "mends"),
    [
        (GD, 0.1, {}, False),
        (GD, 0.001, {}, False),
        (clipped(GD, norm=1.0), 0.1, {}, False),
        (GD, 0.1, {"hidden_scale": 1.0}, True),
        (GD, 0.1, {"skip": True}, True),
        (GD, 0.1, {"repeat": 1}, True),
        (GD, 0.1, {"normalization": "batch"}, True),
        (GD, 0.1, {"normalization": "layer"}, True),
        (GD, 0.1, {"weight_standardization": True}, True),
    ],
)
def test_q7_one_thing_at_a_time(rule: Optimizer, rate: float, knobs: dict[str, Any], mends: bool) -> None:
    """What explorer/cases/91_unstable_loss.md says: ten tanh layers at ten times Glorot's weights, and what mends them. One seed."""
    deep = {"hidden": (32,), "repeat": 10, "activation": "tanh", "initialization": "glorot_normal", "hidden_scale": 10.0}
    loss = network(data="digits", examples=200, scaling="unit", **(deep | knobs))
    end = loss.value(trained(loss, rule, rate, 150, 32).x[-1])[0]
    assert (end < 1.9) == mends
    assert mends or end > 2.2


# S7: somebody's own code


def homemade(**knobs: Any) -> Any:
    return LOSSES["homemade_network"](**{"examples": 500, **knobs})


def test_s7_as_written_it_flips_between_two_losses_and_mended_it_spikes_once() -> None:
    written = run(homemade(bias="as_written"), GD, 1.0, steps=100).loss[:, 0]
    assert written.max() > 10
    high, low = written[90::2], written[91::2]
    assert high.min() > 10 > 5 > low.max() > 3
    mended = run(homemade(), GD, 1.0, steps=100).loss[:, 0]
    assert mended[0] == pytest.approx(1.02, abs=0.005)
    assert mended.max() == mended[1] == pytest.approx(5.2, abs=0.02)
    assert mended[-1] == pytest.approx(0.0444, abs=0.001)
    assert (np.diff(run(homemade(examples=150), GD, 0.01, steps=100).loss[:, 0]) < 0).all()


@pytest.mark.parametrize(("data", "features", "error"), [("moons", "raw", 4.7), ("breast_cancer", "standardized", 1.5)])
def test_s7_the_gradient_check_finds_the_bug_and_only_that(data: str, features: str, error: float) -> None:
    """150 moons, where the error is 4.7; 500 of them make it 10.2 (9.8 in the independent program)."""
    knobs = {"data": data, "features": features, "examples": 150}
    found = check_gradient(homemade(**knobs, bias="as_written"))
    assert found.wrong == ("b1",)
    assert found["b1"].error == pytest.approx(error, rel=0.25)  # of a sample of the 128 biases
    assert max(each.error for each in found.blocks if each.block != "b1") < 1e-7
    mended = homemade(**knobs)
    x = mended.start[:, None]
    np.testing.assert_array_equal(mended.value(x), homemade(**knobs, bias="as_written").value(x))
    np.testing.assert_allclose(mended.value_and_gradient(x)[1], Network.value_and_gradient(mended, x)[1])


def test_s7_on_raw_data_the_layer_is_saturated_and_the_bug_invisible() -> None:
    assert check_gradient(homemade(data="breast_cancer", bias="as_written")).wrong == ()


def test_s7_the_loss_is_nan_while_training_goes_well() -> None:
    knobs = {"data": "breast_cancer", "features": "standardized"}
    path = run(homemade(**knobs, naive=True), GD, 3.0, steps=99)
    assert (~np.isfinite(path.loss)).sum() == 99
    assert np.isfinite(path.x).all()
    stable = run(homemade(**knobs), GD, 3.0, steps=99)
    np.testing.assert_array_equal(stable.x, path.x)
    assert stable.loss[-1, 0] < 0.05 < 5 < stable.loss[0, 0]


def test_s7_all_weights_larger_raise_the_start_only_and_the_last_layer_makes_a_spike() -> None:
    for factor in (2, 10):
        loss = run(homemade(hidden_scale=factor, output_scale=factor), GD, 0.01, steps=100).loss[:, 0]
        assert loss[0] > 2
        assert loss.max() == loss[0]
    loss = run(homemade(hidden_scale=0.1, output_scale=10), GD, 0.01, steps=100).loss[:, 0]
    np.testing.assert_allclose([loss[0], loss.max(), loss[-1]], [2.88, 22.8, 0.815], rtol=0.005)


def test_s7_what_makes_a_curve_rise() -> None:
    """At rate .01: the share of steps that go up."""

    def rising(rule: Optimizer = GD, batch_size: int | None = None, **knobs: Any) -> float:
        path = run(homemade(examples=150, **knobs), rule, 0.01, steps=100, batch_size=batch_size, whole=batch_size is None)
        return float((np.diff(path.loss[:-1, 0]) > 0).mean())

    assert rising() == 0
    assert rising(l2=0.01) == 0
    assert 0.01 < rising(momentum(0.9)) < 0.2
    assert 0.3 < rising(batch_size=32) < 0.7
    assert 0.3 < rising(batch_size=150, dropout=0.5) < 0.7
    penalized = homemade(examples=150, l2=0.01)
    assert penalized.penalty(penalized.start[:, None])[0] > 10
