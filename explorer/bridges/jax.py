"""A JAX function as a loss: its own exact derivatives, all runs in one compiled call (`jax.vmap`)."""

from __future__ import annotations

import importlib
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.bridges.bridge import BY_DIFFERENCES, MEMORY, Bridge, DataBridge, Times, is_exact, needed, said
from explorer.core.ground.arrays import Array
from explorer.core.ground.checks import check_made, must, typed
from explorer.core.ground.travel import packed
from explorer.core.losses.protocol import check_bound


def jax_loss(function: Callable[..., Any], parameters: Any, *data: Any, lower_bound: float | None = None) -> Bridge:
    """Return a JAX function as a `Loss` of its parameters, for every function of this library.

    It is ``function(parameters, *data)``, from which a number must come back. `parameters` are any pytree of arrays of float32 or
    float64, such as Flax has, and where every run starts; each array is a block, named by its place, such as ``dense.w``. `data` are
    pytrees of arrays with the examples along the first axis, if mini-batches are to be taken of them. Gradients and products with the
    Hessian (forward over reverse, Pearlmutter 1994) are exact, in the parameters' own types, and compiled for the number of runs rounded
    up to a power of two. The product is compared once with a difference of gradients, in float64 on a few examples; where they disagree, as
    of a `custom_vjp` that stops a gradient, it is by differences from then on, and a UserWarning says so. `lower_bound` is what the
    function never falls below, if you know it.

    Raises ValueError for parameters that are none, in 16 bits too, where curvature is rounded away; for data whose arrays are not equally
    long or that the function does not take, with what JAX says of it; and for a function that does not return one number. Raises
    ImportError where JAX is not installed.

    See also: `torch_loss`, `from_function`, `safe_rate`.

    >>> import jax.numpy as jnp
    >>> from explorer import OPTIMIZERS, critical_learning_rate
    >>> loss = jax_loss(lambda parameters, x: ((parameters["w"] * x) ** 2).mean(), {"w": jnp.ones(1)}, jnp.array([1.0, 3.0]))
    >>> loss.blocks, loss.start.dtype, loss.examples
    ((('w', slice(0, 1, None)),), dtype('float32'), 2)
    >>> critical_learning_rate(loss, OPTIMIZERS["gradient_descent"]())    # 2/λ with λ = 2 · (1² + 3²)/2
    0.2
    """
    jax = needed("jax", "JAX")
    check_made("function", function, Callable, "a function of the parameters")
    leaves, _ = jax.tree_util.tree_flatten_with_path(parameters)
    names = [jax.tree_util.keystr(path, simple=True, separator=".") or "x" for path, _ in leaves]
    kinds = [_kind(jax, name, each) for name, (_, each) in zip(names, leaves, strict=True)]
    wrong = [f"{kind} at {name}" for name, kind in zip(names, kinds, strict=True) if kind not in (np.float32, np.float64)]
    if wrong or not names:
        raise must("parameters", "arrays of float32 or float64", (wrong or ["none"])[0])
    arrays = jax.tree.leaves(data)
    if tensors := [each for each in arrays if hasattr(each, "detach") or np.ma.is_masked(each)]:
        raise must("data", "arrays of JAX or numpy", typed(tensors[0]))
    lengths = {len(each) if np.ndim(each) else 0 for each in arrays}
    if data and (len(lengths) != 1 or 0 in lengths):
        raise must("data", "arrays with the examples along the first axis, as many in each", f"lengths {sorted(lengths)}")
    arithmetic = JaxFunction(function, parameters)
    kind: Any = np.float64 if arithmetic.flat.dtype == np.float64 else np.float32
    start = np.asarray(arithmetic.flat, kind)
    arithmetic.check(data)
    shapes = {name: np.shape(each) for name, (_, each) in zip(names, leaves, strict=True)}
    rounding = max(float(jax.numpy.finfo(kind).eps) for kind in kinds)
    kept = tuple(jax.tree.map(jax.numpy.asarray, data))
    exact = is_exact(arithmetic, start, kept, *lengths)
    if not exact:
        warnings.warn(BY_DIFFERENCES.format(STOPPED), stacklevel=2)
    given = arithmetic, start, shapes, rounding, lower_bound
    made = DataBridge(*given, kept, lengths.pop(), exact_product=exact) if data else Bridge(*given, exact_product=exact)
    return check_bound("lower_bound", lower_bound, made)


STOPPED = "JAX's derivative of the gradient is another than they say; look for stop_gradient(), custom_vjp and custom_jvp"


def _kind(jax: Any, name: str, leaf: Any) -> Any:
    """The type of a parameter as JAX takes it; refuse with a sentence what it does not."""
    try:
        return jax.numpy.result_type(leaf)
    except (TypeError, ValueError):
        raise must("parameters", "arrays of float32 or float64", f"{typed(leaf)} at {name}") from None


class JaxFunction:
    """The arithmetic of a function of a pytree, whose numbers one after another are `flat` ``(dim,)``; compiled when it is first called.

    Every call is `wide`, that is with JAX's 64 bits, where the making was: they are switched on for a thread or a process, and it is called
    in others.
    """

    def __init__(self, function: Callable[..., Any], parameters: Any) -> None:
        jax = needed("jax", "JAX")
        self.flat, unravel = importlib.import_module("jax.flatten_util").ravel_pytree(parameters)
        self.jax, self.bytes = jax, dict[Any, int]()
        self.function, self.parameters, self.wide = function, unravel(self.flat), bool(jax.config.jax_enable_x64)

        def returned(point: Any, data: Any) -> Any:
            return function(unravel(point), *data)

        def loss(point: Any, data: Any) -> Any:
            return jax.numpy.reshape(returned(point, data), ()).astype(self.flat.dtype)

        def product(point: Any, v: Any, data: Any) -> Any:
            return jax.jvp(lambda x: jax.grad(loss)(x, data), (point,), (v,))[1]

        self.returned, self.loss = returned, loss
        self.losses = jax.jit(jax.vmap(loss, (0, None)))
        self.gradients = jax.jit(jax.vmap(jax.value_and_grad(loss), (0, None)))
        self.products = jax.jit(jax.vmap(product, (0, 0, None)))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as what it was made of, for what JAX compiles stays in its process; with numpy's arrays, whose 64 bits nobody cuts."""
        return _again, (self.wide, packed((self.function, self.portable(self.parameters))))

    def check(self, data: Any) -> None:
        """Refuse what does not return one real number."""
        try:
            found = self.jax.tree.leaves(self.jax.eval_shape(self.returned, self.flat, data))
        except Exception as error:
            given = ", ".join(f"{np.asarray(each).dtype} of shape {np.shape(each)}" for each in self.jax.tree.leaves(data)) or "none"
            raise must("function", f"one that takes the parameters and the data, {given}, inside of jax.jit", said(error)) from error
        got = ", ".join(f"{each.dtype} of shape {each.shape}" for each in found) or "nothing"
        if len(found) != 1 or found[0].size != 1 or not self.jax.numpy.issubdtype(found[0].dtype, self.jax.numpy.floating):
            raise must("function", "one that returns one real number, such as a mean", got)
        once, again = (np.asarray(*self.jax.tree.leaves(self.returned(self.flat, data))).item() for _ in range(2))
        if once != again and once == once:
            raise must("function", "one that gives the same loss twice: fix its random numbers, keep no count", f"{once}, {again}")
        try:
            points = self.flat[np.newaxis]
            self.jax.eval_shape(self.gradients, points, data)
            self.jax.eval_shape(self.products, points, points, data)
        except Exception as error:
            raise must("function", "one that has a gradient, and a gradient of that", said(error)) from error

    def value(self, x: Array, data: Any) -> Array:
        with self.bits():
            return np.asarray(self.losses(self._padded(x), data))[: len(x)]

    def value_and_gradient(self, x: Array, data: Any) -> tuple[Array, Array]:
        with self.bits():
            value, gradient = self.gradients(self._padded(x), data)
        return np.asarray(value)[: len(x)], np.asarray(gradient)[: len(x)]

    def hessian_at(self, x: Array, data: Any) -> Times:
        with self.bits():
            points = self._padded(x)

        def times(v: Array) -> Array:
            with self.bits():
                return np.asarray(self.products(points, self._padded(v), data))[: len(v)]

        return times

    def on(self, data: Any, rows: NDArray[np.intp]) -> Any:
        with self.bits():
            return self.jax.tree.map(lambda each: each[rows], data)

    def arrays(self, data: Any) -> list[NDArray[Any]]:
        return [np.asarray(each) for each in self.jax.tree.leaves(data)]

    def portable(self, data: Any) -> Any:
        """As numpy's arrays, which JAX takes too."""
        return self.jax.tree.map(np.asarray, data)

    def bits(self) -> Any:
        """As many as the parameters were made with."""
        return self.jax.enable_x64(self.wide)

    def has_product(self, x: Array, data: Any) -> bool:
        with self.bits():
            self.jax.eval_shape(self.products, x, x, data)
        return True

    def in_float64(self, data: Any) -> Callable[[Array, Array], tuple[Array, Array]]:
        """As one function, compiled without optimization: it is called a few times."""
        jax = self.jax
        with jax.enable_x64(True):
            parameters, data = (jax.tree.map(_wide, self.portable(each)) for each in (self.parameters, data))
            wide = JaxFunction(self.function, parameters)
            both = jax.jit(lambda x, v: jax.jvp(jax.grad(lambda x: wide.loss(x, data)), (x,), (v,))).lower(wide.flat, wide.flat)
            compiled = both.compile(compiler_options={"xla_backend_optimization_level": 0})

        def rows(x: Array, v: Array) -> tuple[Array, Array]:
            with jax.enable_x64(True):
                gradient, product = compiled(x[0], v[0])
            return np.asarray(gradient), np.asarray(product)

        return rows

    def memory(self, data: Any) -> int:
        """As the compiler says of one run, once for each number of examples."""
        shapes = tuple(each.shape for each in self.jax.tree.leaves(data))
        if shapes not in self.bytes:
            with self.bits():
                analysis = self.gradients.lower(self.flat[np.newaxis], data).compile().memory_analysis()
            self.bytes[shapes] = int(analysis.temp_size_in_bytes) if analysis is not None else MEMORY
        return self.bytes[shapes]

    def _padded(self, x: Array) -> Any:
        """The points with the last one repeated up to a power of two: each number of runs would be compiled anew."""
        more = (1 << (len(x) - 1).bit_length()) - len(x)
        return self.jax.numpy.asarray(np.concatenate([x, np.repeat(x[-1:], more, axis=0)]), self.flat.dtype)


def _wide(array: NDArray[Any]) -> NDArray[Any]:
    return array.astype(np.float64) if np.issubdtype(array.dtype, np.floating) else array


def _again(wide: bool, made_of: bytes) -> JaxFunction:
    """The same in another process."""
    with needed("jax", "JAX").enable_x64(wide):
        return JaxFunction(*pickle.loads(made_of))
