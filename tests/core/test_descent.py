"""The one loop: a batch is its runs, an overflow is a result, a refusal is a sentence."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from explorer import LOSSES, OPTIMIZERS, critical_learning_rate, run, sweep, why_nan
from explorer.core.ground.size import PATH
from explorer.core.losses import DataLoss
from explorer.core.optimizers import length
from explorer.core.run.descent import Descent, batches, descend

GD = OPTIMIZERS["gradient_descent"]()
X2 = LOSSES["x_squared"]()
LINE = LOSSES["linear_regression"](data="noisy_line", examples=10)
# Losses with many weights are as lawful as the others, but slow: they meet two rules.
WIDE = {name for name in LOSSES if LOSSES[name]().dim > 50}
PAIRS = [(loss, rule) for loss in LOSSES for rule in OPTIMIZERS if loss not in WIDE or rule in ("gradient_descent", "adam")]


@pytest.mark.parametrize(("loss_name", "optimizer_name"), PAIRS)
def test_a_column_of_a_batch_is_that_run_alone(loss_name: str, optimizer_name: str) -> None:
    loss, optimizer = LOSSES[loss_name](), OPTIMIZERS[optimizer_name]()
    rng = np.random.default_rng(1)
    rates = np.array([1e-6, 1e-4, 1e-2])
    start = loss.start[:, None] + rng.standard_normal((loss.dim, 3))
    together = run(loss, optimizer, rates, start=start, steps=15)
    for i in range(3):
        alone = run(loss, optimizer, rates[i], start=start[:, i], steps=15)
        for member in ("x", "loss", "gradient_norm"):
            # Matrix products may sum in another order for another number of columns, and rounding grows on the way.
            column = getattr(together, member)[..., i : i + 1]
            scale = np.nanmax(np.abs(column), where=np.isfinite(column), initial=0)
            np.testing.assert_allclose(column, getattr(alone, member), rtol=1e-9, atol=1e-11 * scale)


@pytest.mark.parametrize("name", LOSSES)
def test_shapes(name: str) -> None:
    loss = LOSSES[name]()
    path = run(loss, GD, [1e-6, 1e-5, 1e-4], steps=4)
    assert path.x.shape == (5, loss.dim, 3)
    assert path.loss.shape == path.gradient_norm.shape == (5, 3)
    assert path.learning_rate.shape == (3,)
    assert path.multiplier.shape == (4,)
    assert (path.steps, path.runs) == (4, 3)
    np.testing.assert_array_equal(path.x[0], np.repeat(loss.start[:, None], 3, axis=1))
    value, gradient = loss.value_and_gradient(path.x[3])
    np.testing.assert_array_equal(path.loss[3], value)
    np.testing.assert_allclose(path.gradient_norm[3], np.linalg.norm(gradient, axis=0), rtol=1e-14)


@pytest.mark.parametrize("steps", [0, 1, 7])
def test_index_0_is_the_start_and_the_last_is_after_the_last_step(steps: int) -> None:
    path = run(X2, GD, 0.25, start=[8.0], steps=steps)
    np.testing.assert_array_equal(path.x[:, 0, 0], 8 * 0.5 ** np.arange(steps + 1))
    np.testing.assert_array_equal(path.loss[:, 0], 64 * 0.25 ** np.arange(steps + 1))
    np.testing.assert_array_equal(path.gradient_norm[:, 0], 16 * 0.5 ** np.arange(steps + 1))


def test_what_may_differ_between_runs_is_given_its_runs() -> None:
    momentum = OPTIMIZERS["momentum"](momentum=np.array([0.0, 0.5, 0.9]))
    assert run(X2, momentum, 0.1, steps=2).runs == 3
    assert run(X2, momentum, [0.1, 0.2, 0.3], start=[[1.0, 2.0, 3.0]], steps=2).runs == 3
    assert run(X2, GD, 0.1, start=[[1.0, 2.0]], steps=2).runs == 2
    # THEORY 52: x² from 1 at .01 with momentum .9
    path = run(X2, OPTIMIZERS["momentum"](momentum=np.array([0.0, 0.9])), 0.01, steps=3)
    np.testing.assert_allclose(path.x[:, 0], [[1, 1], [0.98, 0.98], [0.9604, 0.9424], [0.941192, 0.889712]], rtol=1e-14)


def test_a_run_changes_none_of_its_arguments() -> None:
    rates, start = np.array([0.1, 2.0]), np.ones((1, 2))
    run(X2, OPTIMIZERS["adam"](), rates, start=start, steps=5)
    np.testing.assert_array_equal(rates, [0.1, 2.0])
    np.testing.assert_array_equal(start, 1)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"learning_rate": -1}, "learning_rate must be finite and ≥ 0, got -1"),
        ({"learning_rate": np.nan}, "learning_rate must be finite and ≥ 0, got nan"),
        ({"learning_rate": [0.1, np.inf]}, "learning_rate must be finite and ≥ 0, got inf"),
        ({"learning_rate": "fast"}, "learning_rate must be a number, got 'fast'"),
        ({"learning_rate": [[0.1, 0.2]]}, "learning_rate must be a number or one per run, (runs,), got shape (1, 2)"),
        ({"start": [1.0, 2.0]}, "start must be 1 numbers, (dim,) or (dim, runs), got shape (2,)"),
        ({"start": 1.0}, "start must be 1 numbers, (dim,) or (dim, runs), got shape ()"),
        ({"start": np.ones((1, 1, 1))}, "start must be 1 numbers, (dim,) or (dim, runs), got shape (1, 1, 1)"),
        ({"start": [np.nan]}, "start must be finite, got nan"),
        ({"start": [[1.0, -np.inf]]}, "start must be finite, got -inf"),
        ({"start": ["a"]}, "start must be numbers, got ['a']"),
        ({"learning_rate": [0.1, 0.2], "start": np.ones((1, 3))}, "learning_rate must be for 1 run or for all 3 of them, got 2 runs"),
        ({"steps": -1}, "steps must be finite and ≥ 0, got -1"),
        ({"steps": 1.5}, "steps must be a whole number, got 1.5"),
        ({"steps": np.inf}, "steps must be finite and ≥ 0, got inf"),
        ({"batch_size": 5}, "batch_size must be left out for a loss without examples, got 5"),
        (
            {"steps": PATH},
            "steps must be ≤ 19,999,999 for 1 dimension × 1 run, got 20,000,000; sweep keeps no path",
        ),
        ({"loss": LINE, "batch_size": 11}, "batch_size must be at most the number of examples, 10, got 11"),
        ({"loss": LINE, "batch_size": 0}, "batch_size must be finite and ≥ 1, got 0"),
        ({"loss": LINE, "batch_size": 2.5}, "batch_size must be a whole number, got 2.5"),
    ],
)
def test_refusals(arguments: dict[str, Any], sentence: str) -> None:
    given = {"loss": X2, "learning_rate": 0.1} | arguments
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        run(given.pop("loss"), GD, given.pop("learning_rate"), **given)


def test_hyperparameters_for_another_number_of_runs_are_refused() -> None:
    with pytest.raises(ValueError, match="hyperparameters must be for 1 run or for all 3 of them, got 2 runs"):
        run(X2, OPTIMIZERS["momentum"](momentum=np.array([0.1, 0.2])), [0.1, 0.2, 0.3])


@pytest.mark.parametrize("optimizer", ["gradient_descent", "momentum", "nesterov"])
@pytest.mark.parametrize("name", ["x_squared", "x_fourth", "quadratic", "rosenbrock", "beale", "himmelblau", "linear_regression"])
def test_an_overflow_goes_through_inf_to_nan_without_a_warning(name: str, optimizer: str) -> None:
    path = run(LOSSES[name](), OPTIMIZERS[optimizer](), 10.0, start=2 + LOSSES[name]().start, steps=1500)
    loss = path.loss[:, 0]
    first = np.argmax(~np.isfinite(loss))
    assert first > 0
    assert loss[first] == np.inf or np.isnan(loss[first])
    assert np.isfinite(loss[:first]).all()
    assert np.isnan(loss[-1])
    assert np.isnan(path.x[-1]).all()


@pytest.mark.parametrize("size", [1e-160, 1e-200, 1.0, 1e160, 1e300])
def test_a_length_is_finite_whenever_it_can_be(size: float) -> None:
    """Against Python's own hypot, which scales before it squares. The smallest lengths may underflow: nothing rests on them."""
    assert length(np.array([[3.0], [4.0]]) * size)[0] == pytest.approx(np.hypot(3 * size, 4 * size), rel=1e-14, abs=1e-155)


def test_a_length_of_what_is_not_finite() -> None:
    gradient = np.array([[np.inf, np.nan, -np.inf, 0.0, 1e300], [1.0, 1.0, np.nan, 0.0, 0.0]])
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(length(gradient), [np.inf, np.nan, np.nan, 0.0, 1e300])


@pytest.mark.parametrize(("batch_size", "per_epoch"), [(1, 10), (3, 3), (5, 2), (10, 1)])
def test_each_epoch_is_a_new_shuffle(batch_size: int, per_epoch: int) -> None:
    rows = batches(LINE, batch_size, 7 * per_epoch, seed=4)
    assert rows is not None
    assert rows.shape == (7 * per_epoch, batch_size)
    for epoch in np.split(rows, 7):
        assert len(set(epoch.ravel())) == per_epoch * batch_size, "no example twice in an epoch"
        assert set(epoch.ravel()) <= set(range(10))
    assert not np.array_equal(rows[:per_epoch], rows[per_epoch : 2 * per_epoch])


@pytest.mark.parametrize("steps", [0, 1, 3, 4, 100])
def test_as_many_batches_as_steps(steps: int) -> None:
    rows = batches(LINE, 3, steps, seed=1)
    assert rows is not None
    assert rows.shape == (steps, 3)
    longer = batches(LINE, 3, steps + 50, seed=1)
    assert longer is not None
    np.testing.assert_array_equal(rows, longer[:steps])


def test_the_seed_is_the_batches() -> None:
    np.testing.assert_array_equal(batches(LINE, 3, 20, seed=1), batches(LINE, 3, 20, seed=1))
    assert not np.array_equal(batches(LINE, 3, 20, seed=1), batches(LINE, 3, 20, seed=2))
    assert batches(LINE, None, 20) is None
    assert batches(X2, None, 20) is None


@pytest.mark.parametrize("name", [name for name in LOSSES if isinstance(LOSSES[name](), DataLoss)])
def test_a_step_of_sgd_is_taken_on_its_batch_and_the_loss_is_of_all(name: str) -> None:
    loss = LOSSES[name]()
    assert isinstance(loss, DataLoss)
    path = run(loss, GD, [1e-6, 1e-5], steps=6, batch_size=4, seed=3)
    rows = batches(loss, 4, 6, seed=3)
    assert rows is not None
    x = np.repeat(loss.start[:, None], 2, axis=1)
    for step in range(6):
        np.testing.assert_allclose(path.x[step], x, rtol=1e-12)
        np.testing.assert_allclose(path.loss[step], loss.value(x), rtol=1e-12)
        x = x - [1e-6, 1e-5] * loss.on(rows[step]).value_and_gradient(x)[1]
    np.testing.assert_allclose(path.x[-1], x, rtol=1e-12)
    assert path.batch_size == 4


def test_the_whole_data_set_as_a_batch_is_no_batch() -> None:
    whole, all_at_once = run(LINE, GD, 0.3, steps=20), run(LINE, GD, 0.3, steps=20, batch_size=10)
    np.testing.assert_allclose(all_at_once.x, whole.x, rtol=1e-9)


def test_a_schedule_multiplies_the_rate() -> None:
    path = run(X2, GD, [0.1, 0.2], steps=4, schedule=lambda step: 1 / (1.0 + step))
    np.testing.assert_array_equal(path.multiplier, [1, 1 / 2, 1 / 3, 1 / 4])
    expected = np.cumprod(1 - 2 * np.outer(path.multiplier, [0.1, 0.2]), axis=0)
    np.testing.assert_allclose(path.x[1:, 0], expected, rtol=1e-15)
    np.testing.assert_array_equal(path.learning_rate, [0.1, 0.2])


def test_a_rate_of_nothing_stays() -> None:
    for name in OPTIMIZERS:
        path = run(LOSSES["rosenbrock"](), OPTIMIZERS[name](), 0.0, steps=5)
        np.testing.assert_array_equal(path.x, np.broadcast_to(path.x[0], path.x.shape))


@pytest.mark.parametrize("name", ["gradient_descent", "adam"])
def test_a_descent_travels_and_some_of_its_runs_are_those_runs(name: str) -> None:
    rule, scale = OPTIMIZERS[name](weight_decay=np.array([0.0, 0.1, 0.2])), np.array([[1.0, 2.0, 3.0], [0.5, 0.5, 0.5]])
    loss = LOSSES["booth"]()
    descent = Descent.of(loss, rule, 0.01, steps=6, gradient_noise=0.1, seed=3, rate_scale=scale, schedule=lambda step: 1 / (1.0 + step))
    *_, whole = descend(descent)
    some = np.array([2, 0])
    *_, part = descend(pickle.loads(pickle.dumps(descent.on(some))))
    np.testing.assert_allclose(part.x, whole.x[:, some], rtol=1e-14)
    path = run(loss, rule, 0.01, steps=6, gradient_noise=0.1, seed=3, rate_scale=scale, schedule=lambda step: 1 / (1.0 + step))
    for again, runs in ((path, slice(None)), (path.on(some), some)):  # a trajectory is the descent that it comes from
        *_, last = descend(again)
        np.testing.assert_allclose(last.x, path.x[-1][:, runs], rtol=1e-14)
    assert path.stochastic
    assert descent.runs == path.runs == 3


class Own:
    """Somebody's own loss, x², without the products with its Hessian; what it returns is `made` of that, and `minimum` what is given."""

    dim, start = 2, np.ones(2)

    def __init__(self, minimum: Any = 0.0, made: Callable[[Any, Any], Any] = lambda value, gradient: (value, gradient)) -> None:
        self.minimum, self.made = minimum, made

    def value(self, x: np.ndarray) -> np.ndarray:
        return np.asarray((x**2).sum(axis=0))

    def value_and_gradient(self, x: np.ndarray) -> Any:
        return self.made(self.value(x), 2 * x)


class Curved(Own):
    def hvp(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        return 2 * v


@pytest.mark.parametrize("minimum", [np.zeros(2), "0", np.nan, np.inf])
@pytest.mark.parametrize("begin", [run, sweep])
def test_a_minimum_that_is_no_number_is_refused_where_runs_begin(begin: Any, minimum: Any) -> None:
    with pytest.raises(ValueError, match=r"^the loss's minimum must be None, -inf or a number, got "):
        begin(Own(minimum), GD, 0.1)


def test_a_loss_without_a_member_is_told_which_and_the_way_out() -> None:
    loss: Any = Own()
    lost = run(loss, GD, 3.0, steps=2000)  # a run itself needs no curvature
    for look in (lambda: critical_learning_rate(loss, GD), lambda: why_nan(lost)):
        with pytest.raises(ValueError, match=r"^loss must have the member hvp; from_function makes"):
            look()
    del loss.minimum
    with pytest.raises(ValueError, match=r"^loss must have the member minimum; from_function makes"):
        run(loss, GD, 0.1)


def test_lists_are_taken_for_the_arrays_they_are() -> None:
    plain: Any = Curved()
    lists: Any = Curved(made=lambda value, gradient: (value.tolist(), gradient.tolist()))
    np.testing.assert_array_equal(run(lists, GD, [0.1, 1.2]).loss, run(plain, GD, [0.1, 1.2]).loss)
    np.testing.assert_array_equal(sweep(lists, GD, [0.1, 1.2]).final_loss, sweep(plain, GD, [0.1, 1.2]).final_loss)


@pytest.mark.parametrize("begin", [run, sweep])
@pytest.mark.parametrize("made", [lambda value, gradient: (float(value.sum()), gradient), lambda value, gradient: (value, gradient[0])])
def test_a_loss_of_another_shape_is_refused(begin: Any, made: Any) -> None:
    with pytest.raises(ValueError, match=r"^value_and_gradient must be a function that returns \(runs,\), \(dim, runs\), got shapes "):
        begin(Curved(made=made), GD, 0.1)


@pytest.mark.parametrize("schedule", [5, 0])
def test_what_is_no_schedule_is_refused(schedule: Any) -> None:
    with pytest.raises(ValueError, match=rf'^schedule must be None, a name such as "cosine", or made by .*, got {schedule!r}$'):
        run(X2, GD, 0.1, schedule=schedule)
