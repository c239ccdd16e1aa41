"""A run as a program: what it computes is the run itself, in numpy, in PyTorch and as a notebook."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import sys
from collections.abc import Iterator
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest

from explorer.core.data import Table, remember
from explorer.core.losses import LOSSES
from explorer.core.optimizers import OPTIMIZERS
from explorer.core.run.program import Library, notebook, program
from explorer.core.run.setup import Setup
from explorer.core.schedules import SCHEDULES

NO_LINES = {"convolution", "random_network"}
"""Losses that no dozen lines compute as they are on the shelf: their programs ask the package."""

LINE = {"loss.data": "line"}
STEEP = {"loss.condition_number": 50, "loss.rotation": 30}
CALM = {"x_squared": 0.1, "ravine": 0.3, "linear_regression": 1e-3}
SMOOTH = (
    "sin(x) + cos(y)^2 - tan(x/9) + exp(-y^2) + log(2 + x^2) + sqrt(1 + y^2) + abs(x)^1.5 + tanh(x*y) + x^2*pi/e + (x^1.5)^2 + 1/3 + 3/e"
)
KINKS = "sigmoid(x) + relu(y - 1/2) + max(x, -2*x) + min(y^2, 3) + sinh(x/5) + cosh(y/5) + sign(x)*x + relu(x)^2"

SWITCHED = [
    ("adam", {"amsgrad": True, "weight_decay": 0.1}),
    ("adamw", {"amsgrad": True, "weight_decay": 0}),
    ("momentum", {"dampening": 0.5}),
    ("rmsprop", {"momentum": 0.5, "centered": True, "weight_decay": 0.01}),
    ("adagrad", {"lr_decay": 0.1, "initial_accumulator_value": 0.5}),
    ("radam", {"beta2": 0.9}),
    ("lion", {"weight_decay": 0.3}),
    ("gradient_descent", {"weight_decay": 0.3}),
    ("signsgd", {"momentum": 0.5, "weight_decay": 0.3}),
    ("asgd", {"lambd": 0.1, "weight_decay": 0.2}),
    ("rprop", {"etaminus": 0.3, "step_size_max": 0.02}),
    ("muon", {"nesterov": False, "adjust_lr_fn": "match_rms_adamw", "ns_coefficients": (2.0, -1.5, 0.5), "weight_decay": 0.0}),
    ("adafactor", {"eps1": 0.1, "d": 1.5, "weight_decay": 0.3}),
]
CONDITIONS: list[tuple[str, dict[str, Any]]] = [
    ("linear_regression", {"batch_size": 3}),
    ("linear_regression", {"batch_size": 3, "replacement": True, "seed": 4}),
    ("linear_regression", {"batch_size": 2, "gradient_noise": 0.3, "clip_norm": 1.0, "seed": 2}),
    ("linear_regression", {"batch_size": 2, "steps": 0}),
    ("x_squared", {"gradient_noise": 0.3, "clip_value": 0.5}),
    ("ravine", {"clip_value": 0.1, "clip_norm": 0.12, "warmup_steps": 7, "schedule": "cosine", "start": (3.0, -2.0)}),
]


def ran(text: str, **names: Any) -> dict[str, Any]:
    """The names that a program has in the end; what it prints are its losses, one a step."""
    printed = io.StringIO()
    with np.errstate(all="ignore"), contextlib.redirect_stdout(printed):
        exec(compile(text, "program", "exec"), names)
    rows = [line.split() for line in printed.getvalue().splitlines()]
    assert [int(step) for step, _ in rows] == list(range(len(names["losses"])))
    np.testing.assert_array_equal([float(value) for _, value in rows], np.asarray(names["losses"], dtype=float))
    return names


def imported(text: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Import(names=names):
                found |= {each.name for each in names}
            case ast.ImportFrom(module=module):
                found.add(str(module))
    return found


def same(setup: Setup, library: Library = "numpy", *, own: bool = True) -> str:
    """Check a program against the run: every loss to ten digits, or to rounding where it has fallen to nothing. Return its text."""
    text = program(setup, library)
    if own:
        assert "explorer" not in imported(text), text
    expected = setup.run().loss[:, 0]
    found = np.asarray(ran(text)["losses"], dtype=float)
    scale = np.nanmax(np.abs(expected[np.isfinite(expected)]), initial=0)
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(expected))
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-20 * scale)
    return text


def turned(loss: str, optimizer: str, knobs: dict[str, Any], rate: float, **rest: Any) -> Setup:
    own = {"ravine": STEEP, "linear_regression": LINE}.get(loss, {})
    return Setup(loss, optimizer, rate, knobs=own | {f"optimizer.{name}": value for name, value in knobs.items()}, **rest)


def rate_of(loss: str, optimizer: str) -> float:
    adaptive = OPTIMIZERS[optimizer]().preconditioner is not None
    return 0.01 if adaptive and optimizer != "radam" else CALM[loss]


@pytest.fixture(params=["numpy", "torch"])
def library(request: pytest.FixtureRequest) -> Iterator[Library]:
    if request.param == "numpy":
        yield "numpy"
        return
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: it comes with the extra named bench")
    before = torch.get_default_dtype()  # which a program sets, for all that follows
    yield "torch"
    torch.set_default_dtype(before)


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_is_its_own_program(loss: str, library: Library) -> None:
    flat = loss in ("rosenbrock", "beale", "linear_regression")
    same(Setup(loss, learning_rate=1e-5 if flat else 0.01, steps=20), library, own=loss not in NO_LINES)


@pytest.mark.parametrize("loss", ["x_squared", "ravine", "linear_regression"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_rule_is_its_own_program(optimizer: str, loss: str, library: Library) -> None:
    text = same(turned(loss, optimizer, {}, rate_of(loss, optimizer), steps=60), library)
    assert ("torch.optim" in text) == (library == "torch" and bool(OPTIMIZERS.torch(optimizer)))


RATED = [name for name in OPTIMIZERS if OPTIMIZERS[name]().rated]


@pytest.mark.parametrize("optimizer", RATED)
def test_a_schedule_reaches_a_rate_that_is_inside_a_rule(optimizer: str, library: Library) -> None:
    same(turned("ravine", optimizer, {}, 0.1, schedule="exponential", warmup_steps=5, steps=60), library)


@pytest.mark.parametrize("optimizer", ["adafactor", "muon"])
def test_a_rule_that_looks_at_matrices_asks_the_package_where_there_are_some(optimizer: str) -> None:
    assert "explorer" in imported(same(turned("network", optimizer, {}, 0.1, steps=5), own=False))


@pytest.mark.parametrize(("optimizer", "knobs"), SWITCHED)
def test_every_switch_of_a_rule_is_in_its_program(optimizer: str, knobs: dict[str, Any], library: Library) -> None:
    setup = turned("ravine", optimizer, knobs, rate_of("ravine", optimizer), steps=60)
    assert program(setup, library) != program(Setup("ravine", optimizer, setup.learning_rate, steps=60), library)
    same(setup, library)


@pytest.mark.parametrize(("loss", "conditions"), CONDITIONS)
@pytest.mark.parametrize("optimizer", ["momentum", "lion"])
def test_batches_noise_clipping_and_schedules_are_the_runs(optimizer: str, loss: str, conditions: dict[str, Any], library: Library) -> None:
    setup = turned(loss, optimizer, {"weight_decay": 0.1}, rate_of(loss, optimizer), **{"steps": 30, **conditions})
    same(setup, library)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_is_in_the_program(schedule: str, library: Library) -> None:
    same(Setup("x_squared", "nesterov", 0.05, schedule=schedule, steps=40), library)


@pytest.mark.parametrize("text", ["x^2", "3*(np-1)^2 + point^4", SMOOTH, KINKS, "2 + 0*x", "x^2/0.1 + x^-2"])
def test_formulas_are_written_with_their_gradients(text: str, library: Library) -> None:
    asks = library == "torch" and text in (KINKS, "2 + 0*x")
    same(Setup("formula", learning_rate=0.01, steps=15, knobs={"loss.text": text}), library, own=not asks)


@pytest.mark.parametrize(
    "knobs",
    [
        {"half": False, "reduction": "sum"},
        {"half": True, "reduction": "sum", "intercept": False},
        {"half": False, "data": "noisy_line", "examples": 7},
        {"data": "linnerud", "standardize": True},
    ],
)
def test_every_form_of_least_squares(knobs: dict[str, Any], library: Library) -> None:
    same(Setup("linear_regression", learning_rate=1e-7, steps=30, knobs={f"loss.{name}": value for name, value in knobs.items()}), library)


@pytest.mark.parametrize(
    "knobs",
    [
        {"activation": "relu", "hidden": (5, 4, 3), "initialization": "pytorch"},
        {"activation": "leaky_relu", "biases": False, "l2": 0.01},
        {"activation": "sigmoid", "data": "iris", "objective": "cross_entropy", "scaling": "standardized"},
        {"activation": "tanh", "data": "digits", "hidden": (4,), "scaling": "unit"},
        {"activation": "linear", "data": "waves", "initialization": "mean_field", "l2": 0.1},
        {"activation": "tanh", "data": "waves", "half": False, "reduction": "sum"},
    ],
)
def test_networks_of_plain_layers_are_written_forward_and_backward(knobs: dict[str, Any], library: Library) -> None:
    own = {f"loss.{name}": value for name, value in knobs.items()}
    same(Setup("network", "momentum", 0.01, steps=25, knobs=own), library)
    same(Setup("network", "adam", 0.01, steps=25, batch_size=5, knobs=own), library)


@pytest.mark.parametrize(
    "setup",
    [
        Setup("x_squared", learning_rate=1.3, steps=1000),
        Setup("quadratic", "momentum", 0.9, steps=600),
        Setup("linear_regression", learning_rate=0.01, steps=500, knobs=LINE),
        Setup("linear_regression", learning_rate=0.01, steps=120),
    ],
)
def test_a_run_that_becomes_inf_becomes_inf_at_the_same_step(setup: Setup) -> None:
    assert not np.isfinite(setup.run().loss[-1, 0])
    same(setup)


def test_what_has_no_lines_asks_the_package_and_says_so() -> None:
    large = {"data": "digits", "examples": 400}
    for knobs in ({"activation": "gelu"}, {"normalization": "layer"}, {"dropout": 0.2}, {"dtype": "float32"}, large):
        own = {f"loss.{name}": value for name, value in knobs.items()}
        text = same(Setup("network", learning_rate=0.01, steps=3, knobs=own), own=False)
        assert "# Made with the package divergence-explorer, because" in text
        assert "explorer" in imported(text)


def test_an_uploaded_table_is_in_the_program() -> None:
    x = np.linspace(1, 3, 9)
    name = remember(Table(x[:, None], x**3, ("x",)))
    assert "upload" not in same(Setup("linear_regression", learning_rate=0.05, steps=20, knobs={"loss.data": name}))


def test_a_program_is_short_and_needs_numpy_alone() -> None:
    text = program(Setup("x_squared"))
    assert imported(text) == {"numpy"}
    assert len([line for line in text.splitlines() if line.strip()]) <= 16


@pytest.mark.parametrize(
    "setup", [Setup("x_squared"), Setup("linear_regression", "adam", 0.1, knobs=LINE, batch_size=4), Setup("network", steps=9)]
)
def test_the_cells_of_the_notebook_make_the_run(setup: Setup) -> None:
    """Without matplotlib too: then the last cell says what is missing."""
    written = json.loads(notebook(setup, "**Converging**: a sentence."))
    assert (written["nbformat"], written["nbformat_minor"]) == (4, 5)
    first, *cells = written["cells"]
    assert first["cell_type"] == "markdown"
    assert "**Converging**: a sentence." in first["source"]
    assert len({each["id"] for each in written["cells"]}) == len(written["cells"])
    assert all(each["outputs"] == [] and each["execution_count"] is None for each in cells)
    names = ran(cells[0]["source"])
    np.testing.assert_allclose(names["losses"], setup.run().loss[:, 0], rtol=1e-10)
    plots = MagicMock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "matplotlib", MagicMock(pyplot=plots))
        patch.setitem(sys.modules, "matplotlib.pyplot", plots)
        exec(compile(cells[1]["source"], "plot", "exec"), names)
        plots.semilogy.assert_called_once_with(names["losses"])
        patch.setitem(sys.modules, "matplotlib", None)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(cells[1]["source"], "plot", "exec"), names)
        assert "pip install matplotlib" in printed.getvalue()
