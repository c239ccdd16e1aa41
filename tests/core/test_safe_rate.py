"""The largest safe rate of somebody's own function: the curvature against the exact one, the bracket against theory."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer import LOSSES, OPTIMIZERS, critical_learning_rate
from explorer.core.run import safe_rate as safe_rate_module
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
    assert "diverged" in found.sentence


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
def test_the_readme_shows_the_same_five_lines(library: str) -> None:
    code, readme = written(library), (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"```py\n{code.strip()}\n```" in re.sub(r"\n{3,}", "\n\n", readme)
    assert len([line for line in code.splitlines() if line and "import" not in line]) <= 5


def test_a_pytorch_model_in_five_lines() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: it comes with the extra named bench")
    torch.manual_seed(0)
    inputs, targets = torch.randn(50, 3), torch.randn(50, 1)
    model = torch.nn.Linear(3, 1)
    names = {"torch": torch, "safe_rate": safe_rate, "loss_function": torch.nn.functional.mse_loss}
    found = ran("torch", {**names, "model": model, "inputs": inputs, "targets": targets})
    check(found, inputs.numpy())


def test_a_jax_model_in_five_lines() -> None:
    jax = pytest.importorskip("jax", reason="JAX is not installed: it comes with the extra named bench")
    inputs = np.random.default_rng(0).standard_normal((50, 3))
    targets = np.random.default_rng(1).standard_normal(50)

    def loss_function(parameters, inputs, targets):  # type: ignore[no-untyped-def]
        return ((inputs @ parameters["w"] + parameters["b"] - targets) ** 2).mean()

    names = {"jax": jax, "np": np, "safe_rate": safe_rate, "loss_function": loss_function}
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
    with pytest.raises(ValueError, match=r'^optimizer must be made by OPTIMIZERS\["adam"\]\(\), got \'adam\'$'):
        safe_rate(loss, optimizer="adam")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^value_and_gradient must be a function .*, got 'quadratic'$"):
        safe_rate("quadratic", [1.0])  # type: ignore[arg-type]
