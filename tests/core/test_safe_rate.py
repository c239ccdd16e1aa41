"""The largest safe rate of somebody's own function: the curvature against the exact one, the bracket against theory."""

from __future__ import annotations

import numpy as np
import pytest

from explorer import LOSSES, OPTIMIZERS, critical_learning_rate
from explorer.core.safe_rate import safe_rate

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


def test_a_pytorch_model_in_five_lines() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: it comes with the extra named bench")
    from torch.nn.utils import parameters_to_vector as flat
    from torch.nn.utils import vector_to_parameters

    torch.manual_seed(0)
    inputs, targets = torch.randn(50, 3, dtype=torch.float64), torch.randn(50, 1, dtype=torch.float64)
    model = torch.nn.Linear(3, 1, dtype=torch.float64)

    def value_and_gradient(x: np.ndarray) -> tuple[float, np.ndarray]:
        vector_to_parameters(torch.as_tensor(x), model.parameters())
        loss = torch.nn.functional.mse_loss(model(inputs), targets)
        return loss.item(), flat(torch.autograd.grad(loss, list(model.parameters()))).numpy()

    found = safe_rate(value_and_gradient, flat(model.parameters()).detach().numpy(), steps=200)
    X = np.column_stack([inputs.numpy(), np.ones(50)])
    assert found.sharpness == pytest.approx(2 * np.linalg.eigvalsh(X.T @ X / 50)[-1], rel=1e-3)
    assert found.agrees
