"""The largest safe rate of somebody's own function: the curvature against the exact one, the bracket against theory."""

from __future__ import annotations

import re
import textwrap
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer import LOSSES, OPTIMIZERS, Optimizer, Stopped, critical_learning_rate, from_function, run
from explorer.core.ground.arrays import Array
from explorer.core.ground.prose import plain
from explorer.core.run import safe_rate as safe_rate_module
from explorer.core.run.held import Trials, bounds, breaches, held
from explorer.core.run.safe_rate import SafeRate, safe_rate

ROOT = Path(__file__).parents[2]

CURVATURES = np.array([0.1, 1.0, 3.0, 10.0])


def bowl(x: np.ndarray) -> tuple[float, np.ndarray]:
    return float(x @ (CURVATURES * x)) / 2, CURVATURES * x


@pytest.mark.parametrize("rule", ["gradient_descent", "momentum", "nesterov"])
def test_on_a_quadratic_theory_lies_in_the_bracket(rule: str) -> None:
    optimizer = OPTIMIZERS[rule]()
    found = safe_rate(bowl, np.ones(4), optimizer=optimizer, steps=200)
    assert found.sharpness == pytest.approx(10.0, rel=1e-6)
    assert found.rate == pytest.approx(float(optimizer.largest_stable_rate(10.0)), rel=1e-6)
    assert found.held < 1.02 * found.rate
    assert 0.98 * found.rate < found.broke < 1.06 * found.rate
    assert found.agrees
    safe = re.escape(plain(0.8 * found.held))
    assert re.match(rf"{safe} is safe for at least 800 steps(, though [^;]+)?; in 200 steps every rate tried up to ", found.sentence)
    assert found.longest == 800
    last, first = (float(each) for each in re.search(r"up to ([\d.]+) held, and every one from ([\d.]+) on", found.sentence).groups())
    assert (last, first) == (pytest.approx(found.held, rel=6e-3), pytest.approx(found.broke, rel=6e-3))
    assert last < first
    curves = run(from_function(bowl, np.ones(4)), optimizer, [0.8 * found.held, 1.5 * found.broke], start=np.ones(4), steps=1000).loss
    assert held(curves).tolist() == [True, False]


@pytest.mark.parametrize(("rule", "times"), [("adam", 1e4), ("momentum", 3), ("gradient_descent", 1)])
def test_what_is_called_safe_is_an_attribute_and_the_peak_on_the_way_is_said(rule: str, times: float) -> None:
    """Adam far beyond its edge throws the point away, divides by what it saw there, and ends below its start: held, but not harmless."""
    found = safe_rate("quadratic", optimizer=rule)
    losses = run("quadratic", rule, found.safe, steps=found.longest).loss[:, 0]
    assert found.peak == pytest.approx(losses.max(), rel=1e-3)
    assert found.peak >= times * losses[0] * (1 - 1e-3)
    assert len(found.losses) == found.longest + 1
    rises = f", though the loss rises from 5.5 to {plain(found.peak, 4)} at step {losses.argmax()} before it ends at "
    assert found.sentence.startswith(f"{plain(found.safe)} is safe for at least 800 steps" + (rises if times > 1 else "; in 200"))
    assert found.to_frame()[["safe", "peak"]].to_numpy().tolist() == [[found.safe, found.peak]]
    unchecked = safe_rate("quadratic", optimizer=rule, check=False)
    assert np.isnan([unchecked.safe, unchecked.peak]).all()


@pytest.mark.parametrize("name", ["linear_regression", "rosenbrock", "booth", "uv", "network", "logistic_regression", "himmelblau"])
@pytest.mark.parametrize("rule", ["gradient_descent", "adam"])
def test_the_edge_at_the_start_is_the_exact_one(name: str, rule: str) -> None:
    loss, optimizer = LOSSES[name](), OPTIMIZERS[rule]()
    found = safe_rate(loss, optimizer=optimizer, check=False)
    assert found.rate == pytest.approx(critical_learning_rate(loss, optimizer, loss.start), rel=2e-3)
    assert found.rate_low <= found.rate <= found.rate_high


def test_the_error_bar_holds_the_truth() -> None:
    loss = LOSSES["network"](hidden=(20, 20))
    found = safe_rate(loss, check=False)
    exact = 2 / critical_learning_rate(loss, OPTIMIZERS["gradient_descent"](), loss.start)
    assert abs(found.sharpness - exact) <= found.error


def test_float32_gradients_get_a_stride_of_their_own() -> None:
    def rough(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = bowl(x.astype(np.float32))
        return value, gradient.astype(np.float32)

    assert safe_rate(rough, np.ones(4), check=False).sharpness == pytest.approx(10.0, rel=1e-2)


def test_from_a_minimum_the_kick_shows_the_edge() -> None:
    found = safe_rate(bowl, np.zeros(4), steps=200)
    assert found.broke == pytest.approx(0.2, rel=0.06)


def test_where_nothing_curves_there_is_no_edge() -> None:
    found = safe_rate(LOSSES["absolute"]())
    assert found.rate == np.inf
    assert "nothing curves" in found.sentence


def test_where_the_curvature_grows_the_runs_are_to_be_trusted() -> None:
    found = safe_rate(lambda x: (float(x[0] ** 2 / 2 + x[0] ** 4), np.array([x[0] + 4 * x[0] ** 3])), [2.0], optimizer=None)
    assert np.isfinite(found.broke)


@pytest.mark.parametrize(
    ("function", "start", "says"),
    [
        (bowl, None, "start must be"),
        (bowl, [float("nan")], "finite"),
        (bowl, [[1.0, 2.0]], "one or more numbers"),
        (lambda x: (float("nan"), x), [1.0], "finite at the start"),
        (lambda x: (1.0, np.ones(3)), [1.0], "value_and_gradient must be a function"),
    ],
)
def test_a_refusal_is_a_sentence(function, start, says: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=says):
        safe_rate(function, start)


def written(library: str) -> str:
    """The code that the documentation shows for one library."""
    shown = re.findall(r"::\n\n((?:    .*\n|\n)+)", safe_rate_module.__doc__ or "")
    return next(textwrap.dedent(code) for code in shown if library in code)


@pytest.mark.parametrize("library", ["torch", "jax"])
def test_the_readme_shows_the_same_lines(library: str) -> None:
    code, readme = written(library), (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(line in readme for line in code.splitlines())


def test_a_pytorch_model_in_one_line() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: it comes with the extra named bench")
    torch.manual_seed(0)
    inputs, targets = torch.randn(50, 3), torch.randn(50, 1)
    model = torch.nn.Linear(3, 1)
    names = {"safe_rate": safe_rate, "loss_function": torch.nn.functional.mse_loss}
    found = ran("torch", {**names, "model": model, "inputs": inputs, "targets": targets})
    check(found, inputs.numpy())


def test_a_jax_model_in_one_line() -> None:
    jax = pytest.importorskip("jax", reason="JAX is not installed: it comes with the extra named bench")
    inputs = np.random.default_rng(0).standard_normal((50, 3))
    targets = np.random.default_rng(1).standard_normal(50)

    def loss_function(parameters, inputs, targets):  # type: ignore[no-untyped-def]
        return ((inputs @ parameters["w"] + parameters["b"] - targets) ** 2).mean()

    names = {"safe_rate": safe_rate, "loss_function": loss_function}
    inputs, targets = inputs.astype(np.float32), targets.astype(np.float32)
    names |= {"inputs": inputs, "targets": targets}
    parameters = {"w": jax.numpy.zeros(3), "b": jax.numpy.zeros(())}
    found = ran("jax", {**names, "parameters": parameters, "inputs": inputs, "targets": targets})
    check(found, inputs)


def ran(library: str, names: dict[str, Any]) -> SafeRate:
    """What the documentation's code finds, with these names around it."""
    exec(written(library).replace("safe_rate(", "found = safe_rate("), names)
    found: SafeRate = names["found"]
    return found


def check(found: SafeRate, inputs: np.ndarray) -> None:
    """The curvature of least squares is known; single precision is enough for three digits of it."""
    X = np.column_stack([inputs, np.ones(len(inputs))])
    assert found.sharpness == pytest.approx(2 * np.linalg.eigvalsh(X.T @ X / len(X))[-1], rel=2e-3)
    assert found.agrees
    assert found.held < 1.1 * found.rate
    assert found.broke > 0.9 * found.rate


def test_what_is_no_start_rule_or_function_is_refused() -> None:
    loss: Any = LOSSES["booth"]()
    with pytest.raises(ValueError, match=r"^start must be 2 numbers"):
        safe_rate(loss, [1, 2, 3])
    with pytest.raises(ValueError, match=r"^optimizer must be one of gradient_descent, .*, got 'adma'; did you mean adamax\?$"):
        safe_rate(loss, optimizer="adma")
    with pytest.raises(ValueError, match=r"^value_and_gradient must be a function .*, got 3$"):
        safe_rate(3, [1.0])  # type: ignore[arg-type]


# What was wrong.


@pytest.mark.parametrize("scale", [1e-9, 1e-6, 1e3, 1e9])
@pytest.mark.parametrize("at", [0.0, 1.0])
def test_a_curvature_is_seen_on_every_scale(scale: float, at: float) -> None:
    found = safe_rate(lambda x: (float(np.cosh(x[0] / scale)), np.sinh(x / scale) / scale), [at * scale])
    assert found.sharpness == pytest.approx(np.cosh(at) / scale**2, rel=1e-4)
    assert found.held <= found.broke <= 2.1 * scale**2


@pytest.mark.parametrize("power", [-200, 200])
def test_curvatures_far_from_one(power: int) -> None:
    curvatures = CURVATURES * 10.0**power
    found = safe_rate(lambda x: (float(x @ (curvatures * x)) / 2, curvatures * x), np.ones(4))
    assert found.sharpness == pytest.approx(curvatures[-1], rel=1e-6)
    assert found.held == pytest.approx(2 / curvatures[-1], rel=0.03)
    assert found.broke == pytest.approx(2 / curvatures[-1], rel=0.03)


def test_a_preconditioner_that_overflows_is_said() -> None:
    found = safe_rate(lambda x: (float(x @ x) * 1e200, 2e200 * x), np.ones(2), optimizer=OPTIMIZERS["adam"]())
    assert "in 200 steps no rate that was tried held" in found.sentence
    assert found.sentence.endswith("; the curvature at the start is not finite")


def test_the_kick_does_not_move_the_edge_of_the_quartic() -> None:
    found = safe_rate(LOSSES["x_fourth"]())
    assert found.held < 0.5 < found.broke < 0.515


@pytest.mark.parametrize("rule", ["momentum", "nesterov"])
def test_the_closed_form_of_the_quartic_is_not_that_of_a_rule_with_memory(rule: str) -> None:
    optimizer = OPTIMIZERS[rule]()
    assert critical_learning_rate(LOSSES["x_fourth"](), optimizer, [1.0]) == pytest.approx(optimizer.largest_stable_rate(12.0))


def test_the_edge_is_followed_along_the_run() -> None:
    """From the top of the double well nothing curves upward; where Adam arrives something does, and RAdam divides by more than 1 later."""
    well = safe_rate(LOSSES["double_well"](), optimizer=OPTIMIZERS["adam"]())
    assert well.rate == np.inf
    assert np.isfinite(well.edges).any()
    assert "nothing curves upward at the start" in well.sentence
    assert "along the run at" in well.sentence
    edges = [safe_rate(LOSSES["quadratic"](), optimizer=OPTIMIZERS["radam"](eps=eps)).edges[-1] for eps in (1.0, 10.0)]
    assert edges[1] > 2 * edges[0]


def test_the_search_goes_on_until_something_breaks() -> None:
    loss = LOSSES["network"](hidden=(8,), examples=40)
    found = safe_rate(loss, optimizer=OPTIMIZERS["adam"](), steps=100)
    assert found.rate < found.held < found.broke < np.inf


def test_a_network_that_a_step_has_killed_did_not_hold() -> None:
    """Its loss may end a little below the start, at the entropy of its classes; smaller rates show how far it can fall."""
    assert bounds({0.1: (2.3, 2.3), 1.0: (0.05, 0.05), 2.0: (-1.0, -0.5)}) == (0.1, 2.0)
    tried = {1.0: (1.1, 1.1), 2.0: (-1.0, -0.5)}
    assert breaches(tried, {0.8: (0.05, 0.05), 3.0: (-1.0, -0.5)}) == {0.8: (0.05, 0.05)}
    assert breaches(tried, {0.8: (2.3, 2.3), 3.0: (-1.0, 0.5)}) == {3.0: (-1.0, 0.5)}


def test_runs_on_batches_hold_from_every_seed() -> None:
    loss, rule = LOSSES["linear_regression"](data="noisy_line"), OPTIMIZERS["gradient_descent"]()
    found, whole = safe_rate(loss, batch_size=2), safe_rate(loss)
    assert found.held < 0.9 * whole.held
    for seed in range(3, 8):
        curves = run(loss, rule, [0.8 * found.held, 1.5 * found.broke], batch_size=2, steps=1000, seed=seed).loss
        assert held(curves[[0, -1]]).tolist() == [True, False]
    each = [Trials(loss, rule, loss.start[:, np.newaxis], 2).falls([rate], 200)[rate] for rate in (0.01, 1.2 * found.broke)]
    assert each[0][0] > 0 > each[1][1]


def own_rms(eps: float, **parts: Any) -> Optimizer:
    """RMSProp as somebody writes it, with v corrected for its start."""

    def update(g: Array, state: Any, x: Array) -> Any:
        v, t = 0.99 * state[0] + 0.01 * g * g, state[1] + 1
        return g / (np.sqrt(v / (1 - 0.99**t)) + eps), (v, t)

    return Optimizer(init=lambda x: (np.zeros_like(x), 0), update=update, **parts)


@pytest.mark.parametrize("eps", [1e-8, 1e-16])
def test_what_runs_show_does_not_depend_on_what_a_rule_says_of_itself(eps: float) -> None:
    """At rest only ε divides its steps, and the edge measured there is 2ε/λ: at 1e-16 such a step is rounded away, and nothing falls."""
    steep = LOSSES["quadratic"](eigenvalues=(1, 25))
    said = own_rms(eps, preconditioner=lambda state: np.sqrt(state[0] / (1 - 0.99 ** state[1])) + eps)
    silent, told = safe_rate(steep, optimizer=own_rms(eps)), safe_rate(steep, optimizer=said)
    assert silent.rate == pytest.approx(2 * eps / 25, rel=1e-3)
    assert told.rate == pytest.approx(2.0, rel=1e-3)
    assert [silent.held, silent.broke] == pytest.approx([told.held, told.broke], rel=0.05)
    assert silent.lowest < silent.held < silent.broke < silent.highest
    assert "a rule of your own may lack its preconditioner" in silent.sentence
    assert "wrong" not in told.sentence


@pytest.mark.parametrize(
    ("holds", "firsts", "last", "found"),
    [
        ((0.0, 1.0), (1.0, 1e9), 1.0, (1.0, 1.0)),  # one search is enough
        ((0.0, 1.0), (1e-9, 1.0), 1.0, (1.0, 1.0)),  # the first sees nothing fail
        ((1e-5, 1.0), (1e-20, 1e-3), 1e-3, (1.0, 1.0)),  # the first sees nothing hold, and is left out
        ((0.0, np.inf), (1.0, 1e-9), 1e-9, (2.0**17, np.nan)),  # neither sees anything fail: what both have seen counts
    ],
)
def test_a_second_search_finds_what_the_first_has_not(
    monkeypatch: pytest.MonkeyPatch, holds: Any, firsts: Any, last: float, found: Any
) -> None:
    def falls(self: Trials, rates: Any, steps: int) -> dict[float, tuple[float, float]]:
        return {rate: (1.0, 1.0) if holds[0] < rate < holds[1] else (-1.0, -1.0) for rate in rates}

    monkeypatch.setattr(Trials, "falls", falls)
    tried, first = Trials(LOSSES["x_squared"](), OPTIMIZERS["momentum"](), np.ones((1, 1))).begun(firsts, 200)
    assert first == last
    assert bounds(tried) == pytest.approx(found, rel=0.025, nan_ok=True)


class Counted:
    """What a run needs, and a product with the Hessian that counts; no `value`."""

    dim, start, minimum = 4, np.ones(4), None
    products = 0

    def value_and_gradient(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        gradient = CURVATURES[:, np.newaxis] * x
        return (x * gradient).sum(axis=0) / 2, gradient

    def hvp(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        self.products += 1
        return CURVATURES[:, np.newaxis] * v


def test_a_product_of_ones_own_is_used() -> None:
    counted: Any = Counted()
    found = safe_rate(counted, check=False)
    assert counted.products > 0
    assert found.sharpness == pytest.approx(10.0, rel=1e-12)
    assert found.error < 1e-12
    mine = from_function(bowl, np.ones(4), hvp=lambda x, v: 2 * CURVATURES * v)  # not the true one, so that it shows
    assert safe_rate(mine, check=False).sharpness == pytest.approx(20.0, rel=1e-12)


def test_what_no_run_has_shown_is_not_called_safe() -> None:
    uphill = safe_rate(lambda x: (float(x @ x), -2 * x), [1.0])
    assert np.isnan(uphill.held)
    assert f"no rate that was tried held, down to {plain(uphill.lowest)}, and" in uphill.sentence
    assert "safe" not in safe_rate(bowl, np.ones(4), check=False).sentence
    plane = safe_rate(lambda x: (-float(x[0]), -np.ones(1)), [0.0])
    assert np.isnan(plane.broke)
    assert f"no rate was found from which all failed, up to {plain(plane.highest)}" in plane.sentence


# Small real networks: what is named is kept by training itself. benchmarks/safe_rates.py has the whole table.


@pytest.mark.parametrize("rule", ["gradient_descent", "adam"])
@pytest.mark.parametrize(
    ("name", "knobs"),
    [
        ("network", {"hidden": (8,), "examples": 40}),
        ("network", {"hidden": (8, 8), "examples": 40, "activation": "relu", "normalization": "batch"}),
        ("network", {"hidden": (6,), "repeat": 4, "examples": 40, "dtype": "float32"}),
        ("logistic_regression", {"data": "breast_cancer"}),
    ],
)
def test_own_training_keeps_to_the_rates(name: str, knobs: dict[str, Any], rule: str) -> None:
    loss, optimizer = LOSSES[name](**knobs), OPTIMIZERS[rule]()
    found = safe_rate(loss, optimizer=optimizer, steps=100)
    curves = run(loss, optimizer, [0.8 * found.held, 1.5 * found.broke], start=loss.start, steps=400).loss
    assert held(curves).tolist() == [True, False]


@pytest.mark.filterwarnings("ignore")  # theirs
def test_own_training_in_pytorch_keeps_to_the_rates() -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed: it comes with the extra named bench")
    from benchmarks import safe_rates

    own = next(each for each in safe_rates.of_pytorch() if each.name.startswith("ReLU"))
    line, kept, failed = safe_rates.row(own, "gradient_descent")
    assert (kept, failed) == (True, True), line


def test_it_is_stopped_within_a_step() -> None:
    """From within the function that it asks, which is never asked again but for the rest of that step."""
    stop, asked = threading.Event(), 0

    def at(x: Array) -> tuple[float, Array]:
        nonlocal asked
        asked += 1
        if asked == 300:
            stop.set()
        return float(x @ (x * [1, 10])) / 2, x * [1, 10]

    with pytest.raises(Stopped):
        safe_rate(at, [1.0, 1.0], stop=stop)
    assert 300 <= asked < 330
