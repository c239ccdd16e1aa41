"""A JAX function is a loss: its own derivatives, with and without data, and every function of the library on a stranger's."""

from __future__ import annotations

import pickle
import re
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.linalg import eigh

from benchmarks.bridges import of_jax
from explorer import OPTIMIZERS, Loss, check_gradient, critical_learning_rate, find_edge, judge, run, safe_rate, sharpness, sweep, why_nan
from explorer.bridges import jax_loss
from explorer.core.ground.workers import processes
from explorer.core.losses.protocol import DataLoss
from explorer.core.networks.planes import curvature, random_plane
from explorer.core.theory.curvature import hessian

jax = pytest.importorskip("jax", reason="JAX is not installed: it comes with the extra named jax")
jnp = jax.numpy
pytestmark = pytest.mark.filterwarnings("ignore")  # theirs
DESCENT = OPTIMIZERS["gradient_descent"]()


def fitted(p: Any, X: Any, y: Any) -> Any:
    return ((jnp.tanh(X @ p["hidden"]["w"] + p["hidden"]["b"]) @ p["out"] - y) ** 2).mean()


def small() -> tuple[Any, Any, Any]:
    random = np.random.default_rng(0)
    parameters = {"hidden": {"w": random.standard_normal((4, 3)), "b": np.zeros(3)}, "out": random.standard_normal(3)}
    return parameters, random.standard_normal((6, 4)), random.standard_normal(6)


def test_the_readme_s_lines_run_as_they_are_printed() -> None:
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    code = next(each for each in re.findall(r"```py\n(.*?)```", text, re.DOTALL) if "jax_loss" in each)
    parameters, inputs, targets = small()
    exec(code, {"loss_function": fitted, "parameters": parameters, "inputs": inputs, "targets": targets})


def test_derivatives_are_those_of_the_function() -> None:
    with jax.enable_x64(True):
        parameters, X, y = small()
        loss, bare = jax_loss(fitted, parameters, X, y), jax_loss(lambda p: fitted(p, X, y), parameters)
        assert isinstance(loss, DataLoss)
        assert isinstance(bare, Loss)
        assert not isinstance(bare, DataLoss)
        assert loss.start.dtype == np.float64
        assert loss.shapes == {"hidden.b": (3,), "hidden.w": (4, 3), "out": (3,)}
        random = np.random.default_rng(1)
        x, v = loss.start[:, np.newaxis] + random.standard_normal((loss.dim, 3)), random.standard_normal((loss.dim, 3))
        value, gradient = loss.value_and_gradient(x)
        np.testing.assert_allclose(bare.value(x), value, rtol=1e-12)
        assert loss.value(loss.start) == loss.value(loss.start[:, np.newaxis])[0]
        assert loss.hvp(loss.start, loss.start).shape == (loss.dim,)
        h = 1e-5
        difference = (loss.value_and_gradient(x + h * v)[1] - loss.value_and_gradient(x - h * v)[1]) / (2 * h)
        np.testing.assert_allclose(loss.hvp(x, v), difference, rtol=1e-6, atol=1e-7)
        for i in range(3):
            np.testing.assert_allclose(loss.value_and_gradient(x[:, [i]])[1], gradient[:, [i]], rtol=1e-12)
        rows = np.array([4, 1, 1])
        np.testing.assert_allclose(loss.on(rows).value(x), jax_loss(fitted, parameters, X[rows], y[rows]).value(x), rtol=1e-12)
        assert not check_gradient(loss).wrong


@pytest.mark.parametrize(
    ("function", "parameters", "sentence"),
    [
        (lambda p: p["w"], {"w": np.ones(3, np.float32)}, r"one that returns one real number.*float32 of shape \(3,\)"),
        (lambda p: p["w"].sum(), {"w": np.ones(3, np.int32)}, "arrays of float32 or float64, got int32 at w"),
        (lambda p: 0.0, {}, "arrays of float32 or float64, got none"),
        (lambda p: p["w"].sum(), {"w": jnp.ones(3, jnp.bfloat16)}, "arrays of float32 or float64, got bfloat16 at w"),
        (lambda p: p["w"].sum(), {"w": "abc"}, "arrays of float32 or float64, got 'abc' at w"),
        (
            lambda p: p["v"].sum(),
            {"w": np.ones(3, np.float32)},
            "takes the parameters and the data, none, inside of jax.jit, got KeyError: 'v'",
        ),
        (
            lambda p: p["w"].sum() if p["w"][0] > 0 else 0.0,
            {"w": np.ones(3, np.float32)},
            "inside of jax.jit, got TracerBoolConversionError",
        ),
    ],
    ids=["not one number", "integers", "nothing", "bfloat16", "text", "another key", "branching"],
)
def test_what_cannot_be_a_loss_is_refused_with_a_sentence(function: Any, parameters: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        jax_loss(function, parameters)


@pytest.mark.parametrize("wide", [False, True])
def test_it_travels_to_other_processes(wide: bool) -> None:
    """As a pickle too, with JAX's 64 bits where it has them: a process begins with 32."""
    with jax.enable_x64(wide), ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        kind = np.float64 if wide else np.float32
        parameters, X, y = jax.tree.map(lambda each: each.astype(kind), small())
        shift = jnp.asarray(0.1, kind)
        for loss in (jax_loss(lambda p, X, y: fitted(p, X, y) + shift, parameters, X, y), jax_loss(lambda p: fitted(p, X, y), parameters)):
            again = pickle.loads(pickle.dumps(loss))
            assert again.start.dtype == kind
            assert np.array_equal(again.value(loss.start[:, np.newaxis]), loss.value(loss.start[:, np.newaxis]))
            here, loky, there = (sweep(loss, DESCENT, [0.05, 0.1], steps=3, tile=1, executor=each) for each in (None, processes(), pool))
            assert np.array_equal(loky.final_loss, here.final_loss)
            assert np.array_equal(there.final_loss, here.final_loss)


def test_data_of_another_library_are_refused_with_a_sentence() -> None:
    class Tensor:  # what PyTorch's has, and no array
        shape = (3,)

        def detach(self) -> Any: ...

    with pytest.raises(
        ValueError, match=r"^data must be arrays of JAX or numpy, got .*of which \.detach\(\)\.cpu\(\)\.numpy\(\) makes an array$"
    ):
        jax_loss(fitted, small()[0], Tensor(), np.ones(3))


@pytest.mark.parametrize("name", ["CNN", "block"])
def test_every_function_takes_a_stranger_s_network(name: str) -> None:
    function, parameters, inputs, targets = of_jax(name)
    loss = jax_loss(function, parameters, inputs[:16], targets[:16])
    assert loss.start.dtype == np.float32
    assert 1800 < loss.dim < 3000
    exact = eigh(hessian(loss, loss.start), eigvals_only=True, subset_by_index=[loss.dim - 3, loss.dim - 1])[::-1]
    assert sharpness(loss) == pytest.approx(exact[0], rel=1e-3)
    edge = critical_learning_rate(loss, DESCENT)
    assert edge == pytest.approx(2 / exact[0], rel=1e-3)
    found = safe_rate(loss, steps=5)
    assert found.rate == pytest.approx(edge, rel=2e-3)
    assert np.isfinite(found.edges).all()
    rates = [found.rate / 20, 1e20 * found.rate]
    path, outcome = run(loss, DESCENT, rates, steps=10), sweep(loss, DESCENT, rates, steps=10)
    assert outcome.verdict[1] == judge(path).verdict[1] == "diverged"
    assert why_nan(path, 1).step == outcome.first_nonfinite[1]
    low, high = find_edge(loss, DESCENT, *rates, steps=10, precision=0.1)
    assert rates[0] < low < high < 1.1 * low
    assert curvature(loss, random_plane(loss, loss.start, seed=0)) <= exact[0] * 1.001


def test_a_function_that_draws_counts_or_has_no_gradient_is_refused_at_the_door() -> None:
    called = []

    def counts(x: Any) -> Any:
        called.append(1)
        return len(called) * jnp.sum(x**2)

    def loops(x: Any) -> Any:
        return jax.lax.while_loop(lambda at: at[0] < 3, lambda at: (at[0] + 1, 2 * at[1]), (0, jnp.sum(x**2)))[1]

    def draws(x: Any) -> Any:
        return jnp.sum(x**2) * (1 + np.random.rand())  # noqa: NPY002

    for function, rule in ((counts, "the same loss twice"), (draws, "the same loss twice"), (loops, "a gradient, and a gradient of that")):
        with pytest.raises(ValueError, match=rule):
            jax_loss(function, jnp.ones(3))
    with pytest.raises(ValueError, match="a gradient, and a gradient of that"):
        jax_loss(lambda x: {"loss": jnp.sum(x**2)}, jnp.ones(3))
    for function in (lambda x: jnp.sum(x**2), lambda x: jnp.sum(x**2)[None]):  # one number, of whatever shape
        assert sharpness(jax_loss(function, jnp.ones(3))) == pytest.approx(2)


def test_a_second_derivative_that_is_wrong_is_measured_and_said() -> None:
    squared = jax.custom_vjp(lambda x: x**2)
    squared.defvjp(lambda x: (x**2, x), lambda x, g: (2 * g * jax.lax.stop_gradient(x),))
    forward = jax.custom_jvp(lambda x: x**2)
    forward.defjvp(lambda x, v: (x[0] ** 2, 2 * jax.lax.stop_gradient(x[0]) * v[0]))
    X = jnp.ones((5, 3))
    for square in (squared, forward):
        for function, data in ((lambda p, x, f=square: f(x @ p["w"]).mean(), (X,)), (lambda p, f=square: f(X @ p["w"]).mean(), ())):
            with pytest.warns(UserWarning, match="central differences of its gradients, .* look for stop_gradient"):
                loss = jax_loss(function, {"w": jnp.ones((3, 2))}, *data)
            assert sharpness(loss) == pytest.approx(3, rel=1e-4)
            assert critical_learning_rate(loss, DESCENT) == pytest.approx(2 / 3, rel=1e-4)
    for at in (jnp.ones(3), jnp.zeros(3)):  # kinks are no mistake, not even where it starts
        for function in (lambda p: abs(p).sum() + (p[:2] ** 2).sum(), lambda p: jax.nn.relu(X @ p).sum() ** 2):
            assert jax_loss(function, at).exact_product
