"""A PyTorch model as a loss: exact derivatives by its own autograd, all runs in one pass of the model (`torch.func.vmap`)."""

from __future__ import annotations

import contextlib
import copy
import threading
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.bridges.bridge import BY_DIFFERENCES, FEW, DataBridge, Times, is_exact, needed, said
from explorer.core.ground.arrays import Array
from explorer.core.ground.checks import check_made, must, typed
from explorer.core.losses.protocol import check_bound

ONE_AT_A_TIME = threading.RLock()
"""While the parameters are replaced (`torch.func.functional_call`) a model belongs to one thread. PyTorch has threads of its own."""

LARGE = 10**7
"""Parameters × examples from which vectors are multiplied with the Hessian one after another: all in one call take as long or longer, and
nobody can interrupt it."""


def torch_loss(model: Any, loss_function: Callable[..., Any], inputs: Any, targets: Any, *, lower_bound: float | None = None) -> DataBridge:
    """Return the loss of a PyTorch model on these data as a `Loss` of its parameters, for every function of this library.

    It is ``loss_function(model(inputs), targets)``, from which a number must come back. `inputs` and `targets` are a tensor, a tuple or a
    dictionary of tensors, with the examples along the first axis; a tuple becomes the positional arguments of the model, a dictionary its
    keywords. Gradients and products with the Hessian are exact (double backpropagation, Pearlmutter 1994), in the model's own types,
    for all runs in one pass; where the model takes only one at a time, one after another. Weight normalization and attention, whose fused
    forms have a wrong second derivative or none, are computed from their formulas. The product is compared once with a difference of
    gradients, in float64 on a few examples; of a model where PyTorch has it wrong, or not at all, it is by differences from then on, and a
    UserWarning says so; another names the hooks on gradients, which are left out. `lower_bound` is what the loss never falls below, 0 for
    most, if you know it: a verdict can then tell what is left.

    What is trained are the parameters that require a gradient, tied ones once, from where they are now; each is a block with its own name.
    The model is copied, so that neither it nor its buffers are changed. As in training, `BatchNorm` in training mode uses the mean and
    variance of the examples at hand (for a mini-batch, its own); running ones are neither used nor changed.

    Raises ValueError for a model without parameters to train, with ones that have no shape yet or are of another type than float32 and
    float64 (in 16 bits curvature is rounded away), for one that cannot be copied, that draws random numbers, as dropout does in training
    mode, that makes a part of itself when it is first called, or whose loss depends on what it was called with before, as with spectral
    normalization in training mode, for one that `torch.jit` compiled or that is spread over devices, for data whose tensors are not equally
    long or that the model or the loss function does not take, with what PyTorch says of it, for `BatchNorm` in training mode with one value
    a channel, and for a loss that is not one number with a gradient.
    Raises ImportError where PyTorch is not installed.

    See also: `jax_loss`, `from_function`, `safe_rate`.

    >>> import torch
    >>> from explorer import OPTIMIZERS, critical_learning_rate
    >>> line = torch.nn.Linear(1, 1, bias=False)
    >>> loss = torch_loss(line, torch.nn.functional.mse_loss, torch.tensor([[1.0], [3.0]]), torch.zeros(2, 1))
    >>> loss.blocks, loss.start.dtype, loss.examples
    ((('weight', slice(0, 1, None)),), dtype('float32'), 2)
    >>> critical_learning_rate(loss, OPTIMIZERS["gradient_descent"]())    # 2/λ with λ = 2 · (1² + 3²)/2
    0.2
    """
    torch = needed("torch", "PyTorch")
    check_made("model", model, torch.nn.Module, "a torch.nn.Module")
    if isinstance(model, torch.nn.DataParallel | torch.nn.parallel.DistributedDataParallel):
        raise must("model", "the one on a single device: model.module", type(model).__name__)
    if any(isinstance(each, torch.jit.ScriptModule) for each in model.modules()):
        raise must("model", "one in Python, as it was before torch.jit.script or torch.jit.trace compiled it", type(model).__name__)
    check_made("loss_function", loss_function, Callable, "a function of the model's output and the targets")
    data = inputs if isinstance(inputs, tuple | list | dict) else (inputs,), targets
    for name, each in (("inputs", inputs), ("targets", targets)):
        if any(hasattr(part, "__array__") and not isinstance(part, torch.Tensor) for part in _leaves(each)):
            raise must(name, "tensors, such as torch.as_tensor makes of an array", _described(torch, each))
        none = isinstance(each, tuple | dict) and not each  # a model of its parameters alone
        if not (none or _tensors(torch, each)) and (name == "inputs" or hasattr(each, "__len__")):
            raise must(
                name, "tensors, such as torch.as_tensor makes of a list, or next(iter(loader)) of a DataLoader", _described(torch, each)
            )
    lengths = {len(each) if each.ndim else 0 for each in _tensors(torch, data)}
    if len(lengths) != 1 or 0 in lengths:
        raise must("inputs and targets", "tensors with the examples along the first axis, as many in each", f"lengths {sorted(lengths)}")
    data = _each(torch, data, lambda each: each.detach().clone())  # a model may write into what it is given, and its owner too
    trained = {name: each for name, each in model.named_parameters() if each.requires_grad}
    if not trained or any(torch.nn.parameter.is_lazy(each) for each in trained.values()):
        raise must("model", "one with parameters that require a gradient and have a shape: a lazy one has to be called once", "none")
    if any(each.is_meta for each in [*model.parameters(), *model.buffers(), *_tensors(torch, data)]):
        raise must("model and data", "ones with numbers in them, as on the device cpu", "tensors on the device meta")
    for name, each in trained.items():
        if each.dtype not in (torch.float32, torch.float64):
            raise must(
                "model", "one with parameters of float32 or float64, as model.float() makes it", f"{_described(torch, each)} at {name}"
            )
    kind: Any = np.float64 if any(each.dtype == torch.float64 for each in trained.values()) else np.float32
    start = np.concatenate([each.detach().cpu().to(torch.float64).numpy().ravel() for each in trained.values()]).astype(kind)
    try:
        arithmetic = TorchModel(copy.deepcopy(model), loss_function, tuple(trained))
    except Exception as error:
        way = "one that copy.deepcopy can copy, with torch.nn.utils.parametrizations.weight_norm instead of torch.nn.utils.weight_norm, say"
        raise must("model", way, said(error)) from error
    arithmetic.check(start, data)
    hooked = [name for name, each in trained.items() if each._backward_hooks or each._post_accumulate_grad_hooks]
    hooked += [name or "the model" for name, each in model.named_modules() if any(_gradient_hooks(each))]
    if hooked:
        warnings.warn(HOOKS.format(", ".join(hooked[:5])), stacklevel=2)
    exact = is_exact(arithmetic, start, data, *lengths)
    if not exact:
        warnings.warn(BY_DIFFERENCES.format(DETACHED), stacklevel=2)
    shapes = {name: tuple(each.shape) for name, each in trained.items()}
    rounding = max(torch.finfo(each.dtype).eps for each in trained.values())
    reduction = getattr(loss_function, "reduction", "mean")
    made = DataBridge(arithmetic, start, shapes, rounding, lower_bound, data, lengths.pop(), reduction, exact_product=exact)
    return check_bound("lower_bound", lower_bound, made)


class TorchModel:
    """The arithmetic of a copy of a model; `names` are those of the parameters that a point consists of."""

    def __init__(self, model: Any, loss_function: Callable[..., Any], names: tuple[str, ...]) -> None:
        self.model, self.loss_function = model, loss_function
        known = dict(model.named_parameters())
        self.parts = {name: (known[name].shape, known[name].dtype) for name in names}
        self.sizes = [known[name].numel() for name in names]
        self.device = known[names[0]].device
        self.together, self.curved, self.batched, self.quiet, self.an_example = True, True, True, True, 0.0
        for each in model.modules():
            _by_batch(each)
            _by_formula(each)
            for hooks in _gradient_hooks(each):
                hooks.clear()

    def check(self, start: Array, data: Any) -> None:
        """Look at the start once: how many bytes an example takes, whether runs go together; what is not the same twice is refused."""
        torch, x = needed("torch", "PyTorch"), self._tensor(start[np.newaxis])
        with _exact(torch), torch.enable_grad():
            self._check(torch, x, data)
            self._see_together(torch, torch.cat([x, 1.01 * x + 0.01]), data)

    def _check(self, torch: Any, x: Any, data: Any) -> None:
        before, fresh = {name: each.clone() for name, each in self.model.named_buffers()}, copy.copy(self)
        fresh.model = copy.deepcopy(self.model)
        given = [each.clone() for each in _tensors(torch, data)]
        kept: list[int] = []

        def noted(saved: Any) -> Any:
            kept.append(saved.nbytes)
            return saved

        point, known = x[0].requires_grad_(), {*self._names()}
        with torch.autograd.graph.saved_tensors_hooks(noted, lambda saved: saved):
            single = self._loss(point, data, asked=partial(_asked, torch))
        if made := [name for name in self._names() if name not in known]:
            raise must(
                "model", "one that has all of its parts before it is called: call it once first", f"one that makes {made[0]} in forward"
            )
        if not isinstance(single, torch.Tensor) or single.numel() != 1 or single.is_complex():
            several = isinstance(single, torch.Tensor) and single.numel() != 1
            got = f"shape {tuple(single.shape)}" if several else _described(torch, single)
            raise must("loss_function", "a function that returns one real number, as with reduction='mean', in a tensor", got)
        if not single.requires_grad:
            raise must(
                "loss_function", "one whose result has a gradient with respect to the parameters", "one that is constant or detached"
            )
        try:
            torch.autograd.grad(single, point)
        except (RuntimeError, NotImplementedError) as error:
            raise must("model and loss_function", "ones that have a gradient", said(error)) from error
        self.an_example = sum(kept) / max(len(each) for each in _tensors(torch, data))
        first = self._first(torch, x.detach(), data)
        fresh.together, fresh.quiet = self.together, self.quiet
        again, elsewhere = self._losses(x, data), 1.01 * x + 0.01
        stale = _differ(torch, self._losses(elsewhere, data), fresh._losses(elsewhere, data))
        changed = [name for name, each in self.model.named_buffers() if not torch.equal(each, before[name])]
        if changed:
            raise must("model", "one that leaves its buffers as they are: call model.eval() first", f"one that changes {changed[0]}")
        if _differ(torch, first, again):
            if any(_differ(torch, *pair) for pair in zip(given, _tensors(torch, data), strict=True)):
                what = "model and loss_function"
                raise must(what, "ones that leave the data as they are: x = x + 1 instead of x += 1, say", "one that changes them in place")
            raise _drawn("one that gives another: it draws random numbers, or changes something of its own")
        if stale:
            raise must("model", "one that computes its loss anew at every call", "one whose loss depends on what it was called with before")

    def _names(self) -> list[str]:
        """Those of all parameters and buffers."""
        return [name for name, _ in (*self.model.named_parameters(), *self.model.named_buffers())]

    def _first(self, torch: Any, x: Any, data: Any) -> Any:
        """The losses ``(runs,)`` in the first way that works.

        That is all runs together, or one by one where vmap does not know an operation or numbers decide what is done; and with nothing
        kept for a gradient, or with it where the model computes one itself.
        """
        ways = [(together, quiet) for together in (True, False) for quiet in (True, False)]
        for self.together, self.quiet in ways:
            try:
                with torch.set_grad_enabled(not self.quiet):
                    return self._losses(x, data)
            except Exception as error:  # one run, with its gradient, could be computed: vmap has its own reasons
                if "random" in str(error):
                    raise _drawn() from error
                reason = error
        raise must("model", "one that leaves backward() to the training loop", said(reason)) from reason

    def _see_together(self, torch: Any, points: Any, data: Any) -> None:
        """Find out whether vmap knows the gradient of what it computes, and the gradient's: of a few examples, else of all."""
        some = self.on(data, np.arange(min(FEW, *map(len, _tensors(torch, data)))))
        for known, order in (("together", 1), ("curved", 2)):
            setattr(self, known, self.together and any(_has_gradient(torch, self._losses, points, each, order) for each in (some, data)))

    def has_product(self, x: Array, data: Any) -> bool:
        self.value_and_gradient(x, data)
        try:
            self.hessian_at(x, data)(x)
        except (RuntimeError, NotImplementedError):
            return False
        return True

    def in_float64(self, data: Any) -> Callable[[Array, Array], tuple[Array, Array]]:
        function = self.loss_function
        function = copy.deepcopy(function).double() if hasattr(function, "double") else function
        wide = TorchModel(copy.deepcopy(self.model).double(), function, tuple(self.parts))
        wide.together, wide.curved, wide.quiet = self.together, self.curved, self.quiet
        data = _each(needed("torch", "PyTorch"), data, lambda each: each.double() if each.is_floating_point() else each)
        return lambda x, v: (wide.value_and_gradient(x, data)[1], wide.hessian_at(x, data)(v))

    def value(self, x: Array, data: Any) -> Array:
        torch = needed("torch", "PyTorch")
        with _exact(torch), torch.set_grad_enabled(not self.quiet):
            return _array(self._losses(self._tensor(x), data))

    def value_and_gradient(self, x: Array, data: Any) -> tuple[Array, Array]:
        torch = needed("torch", "PyTorch")
        with _exact(torch), torch.enable_grad():
            points = self._tensor(x).requires_grad_()
            losses = self._losses(points, data)
            (gradient,) = torch.autograd.grad(losses.sum(), points)  # a run's loss knows only its own point
            return _array(losses), _array(gradient)

    def hessian_at(self, x: Array, data: Any) -> Times:
        torch = needed("torch", "PyTorch")
        alone = bool((x == x[0]).all())  # one point and many vectors: the gradient is computed once
        if self.together and not (alone or self.curved):
            each = [self.hessian_at(row[np.newaxis], data) for row in x]
            return lambda v: np.concatenate([times(along[np.newaxis]) for times, along in zip(each, v, strict=True)])
        small = x.shape[1] * max(map(len, _tensors(torch, data))) < LARGE
        with _exact(torch), torch.enable_grad():
            points = self._tensor(x[0] if alone else x).requires_grad_()
            loss = self._loss(points, data) if alone else self._losses(points, data).sum()
            (gradient,) = torch.autograd.grad(loss, points, create_graph=True)

        def along(v: Any, *, batched: bool = False) -> Any:
            kept = {"retain_graph": True, "allow_unused": True, "materialize_grads": True, "is_grads_batched": batched}
            return torch.autograd.grad(gradient, points, v, **kept)[0]

        def times(v: Array) -> Array:
            if not gradient.requires_grad:  # the loss is linear
                return np.zeros_like(v)
            vectors = self._tensor(v)
            with _exact(torch):
                if not alone:
                    return _array(along(vectors))
                if len(v) > 1 and small and self.together and self.batched:
                    try:
                        return _array(along(vectors, batched=True))
                    except RuntimeError:  # of one whose second derivative vmap does not know, such as a group norm's
                        self.batched = False
                return _array(torch.stack([along(each) for each in vectors]))

        return times

    def on(self, data: Any, rows: NDArray[np.intp]) -> Any:
        torch = needed("torch", "PyTorch")
        places = torch.as_tensor(rows)
        return _each(torch, data, lambda tensor: tensor[places.to(tensor.device)])

    def arrays(self, data: Any) -> list[NDArray[Any]]:
        return [_array(each) for each in _tensors(needed("torch", "PyTorch"), data)]

    def portable(self, data: Any) -> Any:
        return data

    def memory(self, data: Any) -> int:
        return int(self.an_example * max(len(each) for each in _tensors(needed("torch", "PyTorch"), data)))

    def _losses(self, x: Any, data: Any) -> Any:
        """The loss at each point ``(runs, dim) -> (runs,)``."""
        torch = needed("torch", "PyTorch")
        if self.together:
            return torch.func.vmap(partial(self._loss, data=data))(x)
        return torch.stack([self._loss(each, data) for each in x])

    def _loss(self, point: Any, data: Any, *, asked: Callable[..., Any] = lambda _, function, *given: function(*given)) -> Any:
        """The loss at one point ``(dim,)``, of a model and a loss function that are `asked` under these names."""
        torch, (inputs, targets) = needed("torch", "PyTorch"), data
        numbers = zip(self.parts.items(), point.split(self.sizes), strict=True)
        parts = {name: part.view(shape).to(kind) for (name, (shape, kind)), part in numbers}
        arguments = ((), inputs) if isinstance(inputs, dict) else (tuple(inputs), {})
        call = torch.func.functional_call
        output = asked("model", lambda _: call(self.model, parts, *arguments), inputs)
        loss = asked("loss_function", self.loss_function, output, targets)
        one = isinstance(loss, torch.Tensor) and loss.numel() == 1 and not loss.is_complex()  # whose imaginary part would be dropped
        return loss.reshape(()).to(point.dtype) if one else loss

    def _tensor(self, x: Array) -> Any:
        return needed("torch", "PyTorch").from_numpy(np.ascontiguousarray(x)).to(self.device)


@contextlib.contextmanager
def _exact(torch: Any) -> Iterator[None]:
    """Attention from its formula, because the fused forms of it have no second derivative; one thread at a time.

    Nothing is computed again for a gradient (`torch.utils.checkpoint`): it would be with the model's own parameters instead of a run's.
    What vmap warns of, an operation that it computes one run after another, only PyTorch's developers can change.
    """
    attention, warns = torch.nn.attention, getattr(torch._C._functorch, "_set_vmap_fallback_warning_enabled", lambda on: None)
    with ONE_AT_A_TIME, attention.sdpa_kernel(attention.SDPBackend.MATH), _computed_once(torch.utils.checkpoint):
        fast = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        warns(False)
        try:
            yield
        finally:
            warns(True)
            torch.backends.mha.set_fastpath_enabled(fast)


@contextlib.contextmanager
def _computed_once(checkpoint: Any) -> Iterator[None]:
    """Let `checkpoint` call its function and keep what it computed."""
    own = checkpoint.CheckpointFunction, checkpoint._checkpoint_hook
    checkpoint.CheckpointFunction = SimpleNamespace(apply=lambda function, preserve, *given: function(*given))
    checkpoint._checkpoint_hook = contextlib.nullcontext
    try:
        yield
    finally:
        checkpoint.CheckpointFunction, checkpoint._checkpoint_hook = own


DETACHED = (
    "double backpropagation fails, or is not the derivative of the gradient; look for detach(), and for an operation"
    " with a backward of its own"
)


HOOKS = (
    "hooks on gradients are left out, those of {}: the gradient is that of the loss; where a hook freezes a parameter use"
    " requires_grad_(False), where it masks one multiply by the mask in forward"
)


class OneValue(ValueError):
    """A normalization over the batch has nothing to normalize over."""


def _by_batch(norm: Any) -> None:
    """Let a normalization in training mode have no running mean and variance."""
    torch = needed("torch", "PyTorch")
    if not (isinstance(norm, torch.nn.modules.batchnorm._NormBase) and norm.training):
        return
    norm.running_mean = norm.running_var = norm.num_batches_tracked = None
    if isinstance(norm, torch.nn.modules.batchnorm._BatchNorm):
        norm.register_forward_pre_hook(_check_values)


def _check_values(norm: Any, given: tuple[Any, ...]) -> None:
    """Refuse what PyTorch refuses, also where there are many runs: it would count their values together."""
    if given[0].numel() == given[0].size(1):
        way = "take larger batches, or call model.eval() first"
        raise OneValue(f"a batch must have 2 values or more for each channel of BatchNorm in training mode, got 1: {way}")


def _gradient_hooks(module: Any) -> list[Any]:
    """What was registered to change, or to watch, the gradients of a module: its dictionaries of hooks, by their numbers."""
    return [module._backward_hooks, module._backward_pre_hooks]


def _has_gradient(torch: Any, losses: Callable[..., Any], points: Any, data: Any, order: int) -> bool:
    """Whether the losses have derivatives up to this order."""
    points = points.detach().requires_grad_()
    try:
        total = losses(points, data).sum()
        for _ in range(order):
            if total.requires_grad:
                total = torch.autograd.grad(total, points, create_graph=True, allow_unused=True, materialize_grads=True)[0].sum()
    except Exception:  # noqa: BLE001 - of vmap, or of examples that are too few
        return False
    return True


def _by_formula(module: Any) -> None:
    """Let a weight normalization compute g v/‖v‖: the second derivative of its fused form is wrong (in PyTorch 2.13 by 16 % and more)."""
    torch = needed("torch", "PyTorch")
    if isinstance(module, torch.nn.utils.parametrizations._WeightNorm):
        module.forward = partial(_normalized, module.dim)


def _normalized(dim: int, length: Any, direction: Any) -> Any:
    """The weights of this length along `dim`; Salimans and Kingma 2016, equation 2."""
    return direction * (length / needed("torch", "PyTorch").norm_except_dim(direction, 2, dim))


def _asked(torch: Any, name: str, function: Callable[..., Any], *given: Any) -> Any:
    """What a model or a loss function returns; what it raises instead is said in a sentence with what it was given."""
    try:
        return function(*given)
    except OneValue:
        raise
    except Exception as error:
        what = "the inputs" if name == "model" else "the model's output and the targets"
        kinds = sorted(
            {str(each.dtype).removeprefix("torch.") for each in _tensors(torch, given) if each.is_floating_point()} - {"float32"}
        )
        way = f"; data of {kinds[0]} can be turned by .float(), a model by .double()" if "dtype" in str(error) and kinds else ""
        raise must(name, f"one that takes {what}, {', '.join(_described(torch, each) for each in given)}", said(error) + way) from error


def _described(torch: Any, given: Any) -> str:
    """What was given, in a few words: ``float32 of shape (6, 4)``."""
    if isinstance(given, torch.Tensor):
        return f"{str(given.dtype).removeprefix('torch.')} of shape {tuple(given.shape)}"
    if isinstance(given, dict) and 0 < len(given) <= 3:
        return f"{{{', '.join(f'{name!r}: {_described(torch, each)}' for name, each in given.items())}}}"
    if isinstance(given, tuple | list) and 0 < len(given) <= 3:
        return f"({', '.join(_described(torch, each) for each in given)})"
    if hasattr(given, "dtype") and hasattr(given, "shape"):
        return f"{type(given).__name__} of {given.dtype} and shape {tuple(given.shape)}"
    return typed(given)


def _drawn(got: str = "one that draws random numbers") -> ValueError:
    return must("model", "one that gives the same loss twice: call model.eval(), or set dropout to 0", got)


def _differ(torch: Any, one: Any, other: Any) -> bool:
    return not torch.equal(torch.nan_to_num(one), torch.nan_to_num(other))


def _each(torch: Any, data: Any, function: Callable[[Any], Any]) -> Any:
    """The same tuples and dictionaries with the function's results for their tensors; what is none stays as it is."""
    if isinstance(data, dict):
        return {name: _each(torch, each, function) for name, each in data.items()}
    if isinstance(data, tuple | list):
        return tuple(_each(torch, each, function) for each in data)
    return function(data) if isinstance(data, torch.Tensor) else data


def _leaves(data: Any) -> list[Any]:
    """What the tuples and dictionaries hold."""
    inside = data.values() if isinstance(data, dict) else data if isinstance(data, tuple | list) else None
    return [data] if inside is None else [leaf for each in inside for leaf in _leaves(each)]


def _tensors(torch: Any, data: Any) -> list[Any]:
    found: list[Any] = []
    _each(torch, data, found.append)
    return found


def _array(tensor: Any) -> Array:
    return np.asarray(tensor.detach().cpu().numpy())
