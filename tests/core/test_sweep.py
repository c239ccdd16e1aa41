"""Where the edge really is: found by bisection, whatever theory says."""

from __future__ import annotations

import math
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from explorer import (
    LOSSES,
    OPTIMIZERS,
    Loss,
    Optimizer,
    Stopped,
    Verdict,
    critical_learning_rate,
    find_edge,
    from_function,
    judge,
    run,
    safe_rate,
    sweep,
)
from explorer.core.run import descent

GD = OPTIMIZERS["gradient_descent"]()


@pytest.mark.parametrize("precision", [0.1, 1e-2, 1e-3])
def test_a_bracket_of_the_asked_width_whose_ends_differ(precision: float) -> None:
    loss = LOSSES["booth"]()
    low, high = find_edge(loss, GD, 0.01, 1.0, precision=precision)
    assert low < high <= low * (1 + precision)
    assert [str(each == Verdict.DIVERGED) for each in judge(run(loss, GD, [low, high], steps=1000)).verdict] == ["False", "True"]


@pytest.mark.parametrize(
    ("loss_name", "optimizer_name", "edge"),
    [
        ("x_squared", "gradient_descent", 1.0),
        ("x_squared", "momentum", 1.9),
        ("x_squared", "nesterov", 1.9 / 2.8),
        ("booth", "gradient_descent", 1 / 9),
        ("ravine", "momentum", 3.8),
        ("double_well", "gradient_descent", 2.0),
        ("x_fourth", "gradient_descent", 0.5),
    ],
)
def test_it_is_where_theory_has_it(loss_name: str, optimizer_name: str, edge: float) -> None:
    low, high = find_edge(LOSSES[loss_name](), OPTIMIZERS[optimizer_name](), edge / 5, edge * 5, steps=1000)
    assert low == pytest.approx(edge, rel=1e-3)
    assert high == pytest.approx(edge, rel=1e-3)


def test_the_start_decides_where_it_should() -> None:
    for start in (0.5, 1.0, 3.0):
        low, _ = find_edge(LOSSES["x_fourth"](), GD, 1e-3, 10.0, start=[start])
        assert low == pytest.approx(1 / (2 * start**2), rel=1e-3)  # THEORY 41


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (2.0, 1.0), (-1.0, 1.0), (1.0, 1.0)])
def test_refused_brackets(low: float, high: float) -> None:
    with pytest.raises(ValueError, match=f"low and high must be finite and 0 < low < high, got {low} and {high}"):
        find_edge(LOSSES["x_squared"](), GD, low, high)


def test_what_is_beside_the_edge_is_said_of_steps_in_any_spelling() -> None:
    for steps in (50, "50", np.int64(50)):
        with pytest.raises(ValueError, match="but in 50 steps high does not diverge"):
            find_edge(LOSSES["x_squared"](), GD, 0.1, 0.2, steps=steps)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["low", "high", "precision"])
@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("a", "a number, got 'a'"),
        (None, "finite"),
        ([0.1], r"one number, got \[0.1\]"),
        (10**400, r"finite.*, got 1e\+400"),
        (np.nan, "finite.*, got nan"),
        (np.inf, "finite.*, got inf"),
        (1j, "a number, got 1j"),
    ],
)
def test_an_end_and_a_precision_are_numbers(name: str, value: Any, rule: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be {rule}"):
        find_edge(LOSSES["x_squared"](), GD, **({"low": 0.1, "high": 10.0} | {name: value}))


@pytest.mark.parametrize("precision", [0, -1, 1e-300])
def test_a_precision_that_no_two_rates_have_is_refused(precision: float) -> None:
    with pytest.raises(ValueError, match=f"^precision must be finite and ≥ 1e-12, got {precision:g}$"):
        find_edge(LOSSES["x_squared"](), GD, 0.1, 10.0, precision=precision)


def test_the_finest_precision_is_reached() -> None:
    low, high = find_edge(LOSSES["x_squared"](), GD, 0.9, 1.2, steps=100, precision=1e-12)
    assert low < high <= low * (1 + 1e-12)


def test_a_keyword_that_is_none_is_named_with_the_function_that_was_called() -> None:
    loss = LOSSES["x_squared"]()
    for function, rates in ((run, (0.1,)), (sweep, (0.1,)), (find_edge, (0.1, 10.0))):
        with pytest.raises(TypeError, match=f"^{function.__name__} has no keyword 'foo'; beside its own it has start, steps"):
            function(loss, GD, *rates, foo=3)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("loss", "low", "high", "says"),
    [
        (
            "x_squared",
            1.5,
            3.0,
            "1.5 and 3, but in 1,000 steps low diverges (Diverges: the loss became inf or nan at step 512): give a smaller low",
        ),
        ("absolute", 0.01, 3.0, "0.01 and 3, but in 1,000 steps high does not diverge (Oscillates: after 1,000 steps"),
        (from_function(lambda x: (math.nan, x), [1.0]), 0.1, 1.0, "but the loss is inf or nan from the start, at any rate: look for nan"),
    ],
)
def test_an_edge_that_is_not_between_them(loss: Loss | str, low: float, high: float, says: str) -> None:
    """The refusal names both rates, what became of the one in question, and the way out."""
    with pytest.raises(ValueError, match=f"^the edge must lie between low and high, .*{re.escape(says)}"):
        find_edge(loss, GD, low, high)


def test_more_runs_than_can_be_kept_are_refused_before_any_is_looked_at() -> None:
    """Of a broadcast array, whose 8 GB are not there: a look at each would need them."""
    rates = np.broadcast_to(0.1, 10**12)
    for door in (run, sweep):
        with pytest.raises(ValueError, match=r"^runs must be ≤ 5,000,000, got 1,000,000,000,000; give fewer rates, or one part"):
            door("booth", GD, rates)
        with pytest.raises(ValueError, match=r"^runs must be ≤ 5,000,000, got 6,000,000; give"):
            door("booth", OPTIMIZERS["momentum"](momentum=np.full(6_000_000, 0.5)), 0.1)


def test_what_a_rule_of_ones_own_remembers_bounds_the_runs_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dense preconditioner, of dim² numbers a run, filled the memory with 64 runs; a rule that keeps every gradient has no recurrence."""
    seen: list[int] = []

    def divided(gradient: Any, state: Any, x: Any) -> Any:
        seen.append(x.shape[1])
        return np.einsum("ijr,jr->ir", state[0], gradient), state

    dense = Optimizer(init=lambda x: (np.repeat(np.eye(len(x))[:, :, np.newaxis], x.shape[1], axis=2),), update=divided)
    hoards = Optimizer(init=lambda x: (), update=lambda gradient, state, x: (gradient, (*state, gradient)))
    loss, rates = LOSSES["quadratic"](eigenvalues=np.arange(1.0, 11.0)), np.geomspace(1e-3, 0.19, 40)
    whole, safe = sweep(loss, dense, rates, steps=20).final_loss, safe_rate(loss, optimizer=dense, steps=20)
    monkeypatch.setattr(descent, "REMEMBERED", 300)
    seen.clear()
    assert sweep(loss, dense, rates, steps=20).final_loss == pytest.approx(whole, rel=1e-12)
    assert safe_rate(loss, optimizer=dense, steps=20).held == safe.held
    assert max(seen) <= 3
    monkeypatch.setattr(descent, "BATCH", 1000)
    with pytest.raises(ValueError, match=r"^runs must be ≤ 10 for 100 remembered numbers, got 40; sweep takes as many at once as fit$"):
        run(loss, dense, rates, steps=20)
    with pytest.raises(ValueError, match=r"^what the optimizer remembers must be ≤ 1,000 numbers .*, got 1,020 for 6 runs at step 16$"):
        sweep(loss, hoards, rates[:6], steps=20)
    with pytest.raises(ValueError, match=r"what it remembers grows with every step.*or use find_edge"):
        critical_learning_rate(loss, hoards)


@pytest.mark.parametrize("asked", [Stopped, KeyError])
def test_a_sweep_that_ends_early_ends_what_the_caller_s_threads_have_begun(asked: type[Exception]) -> None:
    """And it leaves the caller's event as it is."""
    stop, futures = threading.Event(), []

    class Kept(ThreadPoolExecutor):
        def submit(self, *given: Any, **named: Any) -> Any:
            futures.append(super().submit(*given, **named))
            return futures[-1]

    def ended(share: float) -> None:
        if asked is not Stopped:
            raise asked
        stop.set()

    with Kept(2) as pool, pytest.raises(asked):
        sweep("network", "momentum", np.geomspace(0.001, 0.01, 64), steps=200_000, executor=pool, tile=8, stop=stop, progress=ended)
    ends = [Stopped if each.cancelled() else type(each.exception()) for each in futures]
    assert ends == [Stopped] * 8
    assert stop.is_set() == (asked is Stopped)
