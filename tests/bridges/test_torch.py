"""A PyTorch model is a loss: exact derivatives of any model, the model left alone, and every function of the library on a stranger's."""

from __future__ import annotations

import copy
import pickle
import re
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.linalg import eigh

from benchmarks.bridges import of_torch
from explorer import (
    OPTIMIZERS,
    Loss,
    Verdict,
    check_gradient,
    critical_learning_rate,
    find_edge,
    judge,
    run,
    safe_rate,
    sharpness,
    sweep,
    top_eigenvalues,
    why_nan,
)
from explorer.bridges import torch_loss
from explorer.core.losses.protocol import DataLoss
from explorer.core.networks.planes import curvature, random_plane, scan
from explorer.core.theory.curvature import hessian
from explorer.core.verdict.forensics import Origin

torch = pytest.importorskip("torch", reason="PyTorch is not installed: it comes with the extra named torch")
nn = torch.nn
pytestmark = pytest.mark.filterwarnings("ignore")  # theirs
DESCENT = OPTIMIZERS["gradient_descent"]()


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


class Tied(nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
    """The output's weights are those of the embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.out = nn.Embedding(5, 3), nn.Linear(3, 5, bias=False)
        self.out.weight = self.embed.weight

    def forward(self, x: Any) -> Any:
        return self.out(torch.tanh(self.embed(x))).mean(1)


class Branching(nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
    """It asks its numbers which way to go, which no vmap can do; with a recurrent layer, which vmap does not know either."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.out = nn.GRU(4, 3, batch_first=True), nn.Linear(3, 5)

    def forward(self, x: Any, scale: Any) -> Any:
        z = self.out(self.layer(x)[0][:, -1])
        return z * scale if z.sum() > 0 else 2 * z * scale


def frozen() -> Any:
    model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 5))
    model[0].requires_grad_(False)
    return model


def convolutional() -> Any:
    return nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.GELU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(12, 5))


def last(tensor: Any) -> Any:
    return tensor.to(memory_format=torch.channels_last)


def attending() -> Any:
    return nn.Sequential(
        nn.TransformerEncoderLayer(4, 2, 6, dropout=0.1, activation="gelu", batch_first=True).eval(), nn.Flatten(), nn.Linear(12, 5)
    )


class Caching(nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
    """It keeps its first output."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.kept = nn.Linear(4, 3), None

    def forward(self, x: Any) -> Any:
        self.kept = self.layer(x) if self.kept is None else self.kept
        return self.kept


def converged() -> Any:
    """A spectral norm in training mode whose singular vectors no longer change, as long as the weights do not."""
    torch.manual_seed(0)
    return nn.utils.parametrizations.spectral_norm(nn.Linear(4, 3), n_power_iterations=5000)


class Squaring(nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
    """A layer whose output is squared by any function that does it."""

    def __init__(self, square: Callable[[Any], Any]) -> None:
        super().__init__()
        self.layer, self.square = nn.Linear(4, 3), square

    def forward(self, x: Any) -> Any:
        return self.square(self.layer(x))


class Square(torch.autograd.Function):  # type: ignore[misc, name-defined, unused-ignore]
    """Its gradient is right, and its second derivative 0."""

    @staticmethod
    def forward(context: Any, x: Any) -> Any:
        context.save_for_backward(x)
        return x**2

    @staticmethod
    def backward(context: Any, gradient: Any) -> Any:
        return 2 * context.saved_tensors[0].detach() * gradient


class Once(Square):
    """Its second derivative is an error."""

    backward = staticmethod(torch.autograd.function.once_differentiable(Square.backward))


class Making(nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
    """It makes a part of itself when it is first called."""

    def __init__(self, register: str) -> None:
        super().__init__()
        self.layer, self.register = nn.Linear(4, 3), register

    def forward(self, x: Any) -> Any:
        if not hasattr(self, "scale"):
            made = nn.Linear(4, 4) if self.register == "add_module" else nn.Parameter(torch.ones(4))
            getattr(self, self.register)("scale", made)
        return self.layer(self.scale(x) if self.register == "add_module" else self.scale * x)


class Checkpointed(nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
    """It computes its first layers again for the gradient, in either of the two ways, or keeps what they gave."""

    def __init__(self, again: dict[str, bool] | None) -> None:
        super().__init__()
        self.first, self.out, self.again = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 3)), nn.Linear(3, 3), again

    def forward(self, x: Any) -> Any:
        return self.out(torch.tanh(self.first(x) if self.again is None else torch.utils.checkpoint.checkpoint(self.first, x, **self.again)))


class Cube(torch.autograd.Function):  # type: ignore[misc, name-defined, unused-ignore]
    """vmap knows its gradient, and not the gradient's, which looks at a number."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Any) -> Any:
        return x**3

    @staticmethod
    def setup_context(context: Any, inputs: Any, output: Any) -> None:
        context.save_for_backward(*inputs)

    @staticmethod
    def backward(context: Any, gradient: Any) -> Any:
        return gradient * Slope.apply(*context.saved_tensors)


class Slope(Cube):
    @staticmethod
    def forward(x: Any) -> Any:
        return 3 * x**2

    @staticmethod
    def backward(context: Any, gradient: Any) -> Any:
        (x,) = context.saved_tensors
        return gradient * 6 * x / float(x.sum()) * float(x.sum())


class Derivative(nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
    """It is the derivative of a network with respect to its inputs, as physics-informed ones are."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: Any) -> Any:
        x = x.detach().requires_grad_()
        return torch.autograd.grad(torch.tanh(self.layer(x)).sum(), x, create_graph=True)[0]


MODELS: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "channels_last": (lambda: last(convolutional()), lambda: last(torch.randn(6, 2, 4, 4))),
    "attention, evaluating": (attending, lambda: torch.randn(6, 3, 4)),
    "batch normalization, training": (
        lambda: nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Tanh(), nn.Linear(3, 5)),
        lambda: torch.randn(6, 4),
    ),
    "weight normalization": (
        lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)), nn.Tanh(), nn.Linear(3, 5)),
        lambda: torch.randn(6, 4),
    ),
    "tied": (Tied, lambda: torch.randint(5, (6, 2))),
    "frozen": (frozen, lambda: torch.randn(6, 4)),
    "one at a time, from a tuple": (Branching, lambda: (torch.randn(6, 2, 4), torch.rand(6, 1))),
    "from a dictionary": (Branching, lambda: {"x": torch.randn(6, 2, 4), "scale": torch.rand(6, 1)}),
}


def doubled(data: Any) -> Any:
    if isinstance(data, dict):
        return {name: doubled(each) for name, each in data.items()}
    if isinstance(data, tuple):
        return tuple(map(doubled, data))
    return data.double() if data.is_floating_point() else data


@pytest.mark.parametrize("name", MODELS)
def test_derivatives_are_the_model_s_own_and_the_model_stays_as_it_is(name: str) -> None:
    make, inputs = MODELS[name]
    model, data, targets = make().double(), doubled(inputs()), torch.randint(5, (6,))
    before, modes = copy.deepcopy(model.state_dict()), [each.training for each in model.modules()]
    loss = torch_loss(model, nn.functional.cross_entropy, data, targets)
    assert isinstance(loss, Loss)
    assert isinstance(loss, DataLoss)
    assert loss.start.dtype == np.float64
    assert [each for each, _ in loss.blocks] == [each for each, part in model.named_parameters() if part.requires_grad]
    random = np.random.default_rng(0)
    x, v = loss.start[:, np.newaxis] + 0.1 * random.standard_normal((loss.dim, 3)), random.standard_normal((loss.dim, 3))
    for some in (loss, loss.on(np.array([4, 1, 1])), loss.on(np.array([2, 2] if "normalization" in name else [2]))):
        value, gradient = some.value_and_gradient(x)
        product, h = some.hvp(x, v), 1e-5
        difference = (some.value_and_gradient(x + h * v)[1] - some.value_and_gradient(x - h * v)[1]) / (2 * h)
        np.testing.assert_allclose(product, difference, rtol=1e-5, atol=1e-6 * max(np.abs(product).max(), 1))
        np.testing.assert_allclose(some.hessian_at(x[:, [1, 1, 1]])(v), hessian(some, x[:, 1]) @ v, atol=1e-9)
        for i in range(3):
            alone = some.value_and_gradient(x[:, [i]])
            np.testing.assert_allclose(alone[0], value[[i]], rtol=1e-12)
            np.testing.assert_allclose(alone[1], gradient[:, [i]], atol=1e-12)
    output = model(**data) if isinstance(data, dict) else model(*data) if isinstance(data, tuple) else model(data)
    own = nn.functional.cross_entropy(output, targets)
    slopes = torch.autograd.grad(own, [each for each in model.parameters() if each.requires_grad])
    value, gradient = loss.value_and_gradient(loss.start[:, np.newaxis])
    np.testing.assert_allclose(value, own.item(), rtol=1e-12)
    np.testing.assert_allclose(gradient[:, 0], np.concatenate([each.numpy().ravel() for each in slopes]), atol=1e-12)
    if "normalization" not in name:  # it was called just now, by us
        assert all(torch.equal(each, before[key]) for key, each in model.state_dict().items())
    assert [each.training for each in model.modules()] == modes


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ["adafactor", "adam", "adagrad", "rprop"])
def test_steps_in_either_type_are_those_of_torch(name: str, kind: Any) -> None:
    """With all knobs as they are by default: a default that depends on the type is no number that float64 could tell."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 5)).to(kind)
    data, targets, rate = torch.randn(20, 4, dtype=kind), torch.randint(5, (20,)), 0.01
    path = run(torch_loss(model, nn.functional.cross_entropy, data, targets), OPTIMIZERS[name](), rate, steps=20)
    theirs = getattr(torch.optim, OPTIMIZERS.torch(name))(model.parameters(), lr=rate)
    for _ in range(20):
        theirs.zero_grad()
        nn.functional.cross_entropy(model(data), targets).backward()
        theirs.step()
    weights = nn.utils.parameters_to_vector(model.parameters()).detach()
    np.testing.assert_allclose(path.x[-1, :, 0], weights, rtol=0, atol=200 * torch.finfo(kind).eps)


def test_running_statistics_of_the_model_are_not_touched() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    loss = torch_loss(model, nn.functional.cross_entropy, torch.randn(6, 4), torch.randint(3, (6,)))
    run(loss, DESCENT, [0.1, 0.2], steps=3, batch_size=2)
    assert model[1].num_batches_tracked == 0
    assert not model[1].running_mean.any()


DATA = (torch.randn(6, 4), torch.randint(3, (6,)))
MEAN = nn.functional.cross_entropy


@pytest.mark.parametrize(
    ("model", "rest", "sentence"),
    [
        (
            lambda: nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5)),
            (MEAN, *DATA),
            "the same loss twice: call model.eval.*draws random numbers",
        ),
        (
            lambda: nn.Linear(4, 3),
            (lambda output, target: MEAN(output * target.add_(1.0).mean(), torch.zeros(6, dtype=torch.long)), DATA[0], torch.zeros(6)),
            r"leave the data as they are: x = x \+ 1 instead of x \+= 1, say, got one that changes them in place",
        ),
        (lambda: nn.Linear(4, 3, device="meta"), (MEAN, *DATA), "ones with numbers in them, .*, got tensors on the device meta"),
        (lambda: nn.LazyLinear(3), (MEAN, *DATA), "a lazy one has to be called once"),
        (lambda: nn.Linear(4, 3).requires_grad_(False), (MEAN, *DATA), "parameters that require a gradient"),
        (lambda: nn.Linear(4, 3), (nn.CrossEntropyLoss(reduction="none"), *DATA), r"returns one real number.*shape \(6,\)"),
        (lambda: nn.Linear(4, 1), (lambda o, t: o.mean() * 1j, *DATA), r"returns one real number.*got complex64 of shape"),
        (lambda: nn.Linear(4, 3), (MEAN, DATA[0], DATA[1][:5]), r"as many in each, got lengths \[5, 6\]"),
        (lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(4, 3)), (MEAN, *DATA), "leaves its buffers as they are"),
        (converged, (MEAN, *DATA), "leaves its buffers as they are: call model.eval.. first, got one that changes parametrizations"),
        (Caching, (MEAN, *DATA), "computes its loss anew at every call, got one whose loss depends on what it was called with before"),
        (lambda: nn.utils.weight_norm(nn.Linear(4, 3)), (MEAN, *DATA), "that copy.deepcopy can copy, with torch.nn.utils.parametrizations"),
        (lambda: "a model", (MEAN, *DATA), "must be a torch.nn.Module, got 'a model'"),
        (
            lambda: nn.Linear(4, 3).half(),
            (MEAN, DATA[0].half(), DATA[1]),
            r"float32 or float64, as model.float\(\) makes it, got float16 .*at w",
        ),
        (lambda: nn.Linear(4, 3).bfloat16(), (MEAN, *DATA), "float32 or float64, .*got bfloat16 of shape .3, 4. at weight"),
        (
            lambda: nn.Linear(4, 3),
            (MEAN, DATA[0].double(), DATA[1]),
            r"takes the inputs, \(float64 of shape \(6, 4\)\), got .*by \.float\(\)",
        ),
        (lambda: nn.Linear(5, 3), (MEAN, *DATA), "model must be one that takes the inputs, .*got RuntimeError: mat1 and mat2 shapes"),
        (
            lambda: nn.Linear(4, 3),
            (MEAN, DATA[0].numpy(), DATA[1]),
            "inputs must be tensors, such as torch.as_tensor makes.*ndarray of float32",
        ),
        (
            lambda: nn.Linear(4, 2),
            (MEAN, DATA[0], DATA[1] + 9),
            "loss_function must be one that takes the model's output and .*out of bounds",
        ),
        (
            lambda: nn.LSTM(4, 3),
            (MEAN, *DATA),
            r"loss_function must be .*\(float32 of shape \(6, 3\), \(float32.*must be Tensor, not tuple",
        ),
        (lambda: nn.Linear(4, 3), (nn.CrossEntropyLoss, *DATA), "loss_function must be one that takes"),
        (lambda: nn.Linear(4, 3), (lambda o, t: (o.argmax(1) == t).float().mean(), *DATA), "has a gradient.*constant or detached"),
        (lambda: nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)), (MEAN, DATA[0][:1], DATA[1][:1]), "2 values or more for each channel"),
        (lambda: Making("register_buffer"), (MEAN, *DATA), "call it once first, got one that makes scale in forward"),
        (lambda: Making("register_parameter"), (MEAN, *DATA), "call it once first, got one that makes scale in forward"),
        (lambda: Making("add_module"), (MEAN, *DATA), "call it once first, got one that makes scale.weight in forward"),
        (
            lambda: Squaring(lambda z: z.sum().backward(retain_graph=True) or z),
            (MEAN, *DATA),
            r"leaves backward\(\) to the training loop",
        ),
        (lambda: torch.jit.script(nn.Linear(4, 3)), (MEAN, *DATA), "as it was before torch.jit.script or torch.jit.trace compiled it"),
        (lambda: nn.DataParallel(nn.Linear(4, 3)), (MEAN, *DATA), "a single device: model.module, got DataParallel"),
        (lambda: nn.Linear(4, 3), (MEAN, [[1.0] * 4], DATA[1]), "inputs must be tensors, such as torch.as_tensor makes of a list"),
        (lambda: nn.Linear(4, 3), (MEAN, DATA[0], [1, 2]), "targets must be tensors, such as torch.as_tensor makes of a list"),
        (
            lambda: nn.Linear(4, 3),
            (MEAN, torch.utils.data.DataLoader(DATA[0]), DATA[1]),
            r"next\(iter\(loader\)\) of a DataLoader, got <torch.*DataLoader",
        ),
        (
            lambda: nn.Linear(4, 3),
            (lambda o, t: (MEAN(o, t), o), *DATA),
            r"one real number.*, in a tensor, got \(float32 of shape \(\), float32 of",
        ),
    ],
)
def test_what_cannot_be_a_loss_is_refused_with_a_sentence(model: Any, rest: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        torch_loss(model(), *rest)


@pytest.mark.parametrize("again", [{"use_reentrant": False}, {"use_reentrant": True}])
def test_what_a_model_computes_again_for_its_gradient_is_computed_once(again: dict[str, bool]) -> None:
    """Computed again it would be with the model's own parameters, whatever the run's are: points away from them show it."""
    plain, model = Checkpointed(None).double(), Checkpointed(again).double()
    model.load_state_dict(plain.state_dict())
    wanted, loss = (torch_loss(each, MEAN, DATA[0].double(), DATA[1]) for each in (plain, model))
    random = np.random.default_rng(0)
    for _ in range(2):
        x, v = loss.start[:, np.newaxis] + random.standard_normal((loss.dim, 3)), random.standard_normal((loss.dim, 3))
        np.testing.assert_allclose(loss.value_and_gradient(x)[1], wanted.value_and_gradient(x)[1], atol=1e-12)
        np.testing.assert_allclose(loss.hvp(x, v), wanted.hvp(x, v), atol=1e-12)
        MEAN(model(DATA[0].double().requires_grad_()), DATA[1]).backward()  # theirs, afterwards, is as it was
    own = np.concatenate([each.grad.numpy().ravel() / 2 for each in model.parameters()])
    np.testing.assert_allclose(own, loss.value_and_gradient(loss.start[:, np.newaxis])[1][:, 0], atol=1e-12)


@pytest.mark.parametrize("model", [lambda: Squaring(Cube.apply), Derivative])
def test_where_vmap_does_not_know_a_derivative_runs_go_one_after_another(model: Callable[[], Any]) -> None:
    loss = torch_loss(model().double(), lambda output, target: (output**2).mean(), DATA[0].double(), DATA[1])
    random = np.random.default_rng(0)
    x, v, h = loss.start[:, np.newaxis] + random.standard_normal((loss.dim, 3)), random.standard_normal((loss.dim, 3)), 1e-6
    slope = (loss.value_and_gradient(x + h * v)[1] - loss.value_and_gradient(x - h * v)[1]) / (2 * h)
    for products in (loss.hvp(x, v), loss.hessian_at(x)(v)):
        np.testing.assert_allclose(products, slope, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(loss.value(x), loss.value_and_gradient(x)[0], rtol=1e-12)
    assert sharpness(loss) == pytest.approx(np.linalg.eigvalsh(hessian(loss, loss.start))[-1], rel=1e-6)
    assert np.isfinite(sweep(loss, DESCENT, [0.01, 0.02], steps=2).final_loss).all()


def test_hooks_on_gradients_are_left_out_by_name() -> None:
    plain, model, called = nn.Linear(4, 3), nn.Linear(4, 3), list[Any]()
    model.load_state_dict(plain.state_dict())
    model.bias.register_hook(lambda gradient: 0 * gradient)
    model.register_full_backward_hook(lambda *given: called.append(given))
    with pytest.warns(UserWarning, match="hooks on gradients are left out, those of bias, the model"):
        loss = torch_loss(model, MEAN, *DATA)
    x = loss.start[:, np.newaxis]
    np.testing.assert_array_equal(loss.value_and_gradient(x)[1], torch_loss(plain, MEAN, *DATA).value_and_gradient(x)[1])
    assert not called
    MEAN(model(DATA[0]), DATA[1]).backward()
    assert called  # theirs is as it was
    assert not model.bias.grad.any()


@pytest.mark.parametrize("training", [True, False])
def test_attention_is_computed_from_its_formulas_without_a_warning(training: bool) -> None:
    model = nn.Sequential(nn.TransformerEncoderLayer(4, 2, 6, dropout=0, batch_first=True), nn.Flatten(), nn.Linear(12, 3)).train(training)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss = torch_loss(model, MEAN, torch.randn(6, 3, 4), DATA[1])
        sweep(loss, DESCENT, [0.01, 0.02], steps=2)
        loss.hvp(loss.start[:, np.newaxis] * [1.0, 1.01], loss.start[:, np.newaxis] * [1.0, 1.01])


def test_batch_normalization_takes_batches_of_two_and_why_nan_each_example() -> None:
    """As PyTorch refuses a batch of one; of an image one example is many values, and an evaluating model takes any batch."""
    model, targets = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 3)), DATA[1]
    loss = torch_loss(model, MEAN, *DATA)
    for door in (run, sweep):
        with pytest.raises(
            ValueError, match=r"2 values or more for each channel of BatchNorm in training mode, got 1: take larger batches"
        ):
            door(loss, DESCENT, [0.1, 0.2], batch_size=1, steps=3)
        door(loss, DESCENT, [0.1, 0.2], batch_size=2, steps=3)
    assert why_nan(run(loss, DESCENT, 1e30, steps=50)).origin in (Origin.RATE, Origin.PRECISION)
    images = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 3))
    run(torch_loss(images, MEAN, torch.randn(6, 2, 4, 4), targets), DESCENT, 0.1, batch_size=1, steps=2)
    run(torch_loss(model.eval(), MEAN, *DATA), DESCENT, 0.1, batch_size=1, steps=2)


def test_runs_that_do_not_fit_together_are_computed_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    loss = torch_loss(nn.Linear(4, 3), MEAN, *DATA)
    x, v = (np.random.default_rng(seed).standard_normal((loss.dim, 7)) for seed in (0, 1))
    whole = loss.value(x), *loss.value_and_gradient(x), loss.hvp(x, v), loss.hessian_at(x)(v)
    monkeypatch.setattr("explorer.bridges.bridge.MEMORY", 8 * loss.model.memory(loss.data))
    pieces = loss.value(x), *loss.value_and_gradient(x), loss.hvp(x, v), loss.hessian_at(x)(v)
    for one, other in zip(whole, pieces, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_threads_take_turns() -> None:
    """While one computes, the parameters of the model are its own."""
    loss, rates = torch_loss(nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)), MEAN, *DATA), np.geomspace(1e-3, 1e3, 24)
    with ThreadPoolExecutor(4) as pool:
        found = sweep(loss, DESCENT, rates, steps=40, executor=pool, tile=3)
    path = judge(run(loss, DESCENT, rates, steps=40))
    np.testing.assert_allclose(found.final_loss, path.final_loss, rtol=1e-3)
    assert found.first_nonfinite.tolist() == path.first_nonfinite.tolist()


def test_the_readme_s_lines_run_as_they_are_printed() -> None:
    """With nothing known but what is the reader's own."""
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    first, second = (each for each in re.findall(r"```py\n(.*?)```", text, re.DOTALL) if "torch_loss" in each)
    mine = {"inputs": torch.randn(40, 4), "targets": torch.randn(40, 3), "loss_function": nn.functional.mse_loss, "model": nn.Linear(4, 3)}
    exec(first.replace("steps=500", "steps=5"), names := {**mine})
    assert names["low"] <= 1.001 * names["edge"]
    assert names["high"] >= 0.999 * names["edge"]
    exec(second, {**mine})


@pytest.mark.parametrize("name", ["CNN", "block"])
def test_every_function_takes_a_stranger_s_network(name: str) -> None:
    model, loss_function, inputs, targets = of_torch(name)
    loss = torch_loss(model, loss_function, inputs[:16], targets[:16])
    assert loss.start.dtype == np.float32
    assert 1800 < loss.dim < 3000
    exact = eigh(hessian(loss, loss.start), eigvals_only=True, subset_by_index=[loss.dim - 3, loss.dim - 1])[::-1]
    assert sharpness(loss) == pytest.approx(exact[0], rel=1e-3)
    np.testing.assert_allclose(top_eigenvalues(loss, 3)[0], exact[:3], rtol=1e-3)
    edge = critical_learning_rate(loss, DESCENT)
    assert edge == pytest.approx(2 / exact[0], rel=1e-3)
    assert not check_gradient(loss).wrong

    found = safe_rate(loss, steps=10)
    assert found.rate == pytest.approx(edge, rel=2e-3)
    assert found.looks[-1] == 40
    assert np.isfinite(found.edges).all()

    rates = [found.rate / 20, 1e20 * found.rate]
    path = run(loss, DESCENT, rates, steps=20)
    assert path.x.dtype == np.float32
    assert path.loss[-1, 0] < path.loss[0, 0]
    outcome = sweep(loss, DESCENT, rates, steps=20)
    assert outcome.verdict[1] == judge(path).verdict[1] == "diverged"
    low, high = find_edge(loss, DESCENT, *rates, steps=20, precision=0.1)
    assert rates[0] < low < high < 1.1 * low
    reason = why_nan(path, 1)
    assert reason.origin in (Origin.RATE, Origin.PRECISION)
    assert reason.step == outcome.first_nonfinite[1]
    assert reason.block in dict(loss.blocks)

    plane = random_plane(loss, loss.start, seed=0)
    *_, ground = scan(loss, plane, 5)
    assert ground.complete
    assert ground.height[2, 2] == pytest.approx(loss.value(loss.start[:, np.newaxis])[0], rel=1e-5)
    assert curvature(loss, plane) <= exact[0] * 1.001


def test_its_data_are_its_own_and_rows_name_some_of_them() -> None:
    torch.manual_seed(0)
    inputs, targets = torch.randn(12, 3), torch.randn(12, 2)
    loss = torch_loss(torch.nn.Linear(3, 2), torch.nn.functional.mse_loss, inputs, targets)
    before = loss.value(loss.start[:, None])
    inputs.zero_()
    np.testing.assert_array_equal(loss.value(loss.start[:, None]), before)
    for rows in ([True, False] * 6, [[0, 1], [2, 3]], [], [99], [-1], [0.5], None, "abc", 3):
        with pytest.raises(ValueError, match="rows must be a list of whole numbers from 0 to 11, got"):
            loss.on(rows)
    for bound in (np.nan, "a", np.inf):
        with pytest.raises(ValueError, match="lower_bound must be"):
            torch_loss(torch.nn.Linear(3, 2), torch.nn.functional.mse_loss, inputs, targets, lower_bound=bound)
    with pytest.raises(ValueError, match=r"lower_bound must be at most the loss at the start, .*, got 100"):
        torch_loss(torch.nn.Linear(3, 2), torch.nn.functional.mse_loss, inputs, targets, lower_bound=100)


def test_a_fitted_network_that_still_falls_is_not_stuck() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(8, 64), torch.nn.Tanh(), torch.nn.Linear(64, 4))
    loss = torch_loss(model, torch.nn.functional.cross_entropy, torch.randn(32, 8), torch.randint(0, 4, (32,)))
    for steps in (100, 400):
        assert judge(run(loss, "adam", 0.1, steps=steps)).verdict[0] == Verdict.CONVERGING


ROWS = torch.tensor([[1.0, 2.0, 4.0], [3.0, 1.0, -1.0], [2.0, -1.0, 0.5], [0.3, 0.7, -2.0]])


@pytest.mark.parametrize(
    ("spoiled", "loss_function", "origin"),
    [
        (0.0, lambda output, _: torch.sqrt((output**2).sum(1)).mean(), "0/0"),
        (0.0, lambda output, _: (output[:, 0] / (output**2).sum(1).sqrt()).mean(), "0/0"),
        (5000.0, lambda output, _: -(output.exp() / output.exp().sum(1, keepdim=True)).log()[:, 0].mean(), "outside of its domain"),
        (-1.0, lambda output, _: torch.sqrt(output.mean() - 1e3), "outside of its domain"),
        (float("nan"), lambda output, _: (output**2).mean(), "nan or inf in the data"),
        (float("inf"), lambda output, _: (output**2).mean(), "nan or inf in the data"),
    ],
)
def test_finite_data_are_not_blamed_for_what_is_made_of_them(spoiled: float, loss_function: Any, origin: str) -> None:
    torch.manual_seed(0)
    rows = torch.cat([ROWS, torch.full((2, 3), spoiled)])
    found = why_nan(
        run(torch_loss(torch.nn.Linear(3, 2, bias=False), loss_function, rows, torch.zeros(6)), "gradient_descent", 0.1, steps=9)
    )
    assert (str(found.origin), found.step) == (origin, 0), found.sentence
    assert found.row in (4, None)


@pytest.mark.filterwarnings("always::RuntimeWarning")
@pytest.mark.parametrize("spoiled", [float("nan"), float("inf")])
def test_data_that_are_not_finite_give_nan_without_warnings(spoiled: float, recwarn: pytest.WarningsRecorder) -> None:
    inputs, targets = torch.where(ROWS == 4, spoiled, ROWS), torch.zeros(4, 1)
    loss = torch_loss(torch.nn.Linear(3, 1), torch.nn.MSELoss(), inputs, targets)
    assert np.isnan([sharpness(loss), critical_learning_rate(loss, "gradient_descent")]).all()
    assert not [each.message for each in recwarn if each.category is RuntimeWarning]


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
@pytest.mark.parametrize("square", [Square.apply, Once.apply, lambda z: z.detach() * (2 * z - z.detach())])
def test_a_product_that_is_no_derivative_of_the_gradient_is_found_out_and_measured(square: Any, kind: Any) -> None:
    """All of them have the value and the gradient of a square, but not its second derivative."""
    torch.manual_seed(0)
    inputs, targets, plain = torch.randn(30, 4, dtype=kind), torch.randn(30, 3, dtype=kind), Squaring(lambda z: z**2).to(kind)
    other = Squaring(square).to(kind)
    other.load_state_dict(plain.state_dict())
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        right, measured = (torch_loss(model, nn.functional.mse_loss, inputs, targets) for model in (plain, other))
    assert [right.exact_product, measured.exact_product, measured.on(np.arange(9)).exact_product] == [True, False, False]
    assert ["central differences" in str(each.message) for each in said] == [True]
    assert sharpness(measured) == pytest.approx(sharpness(right), rel=1e-3 if kind == torch.float32 else 1e-8)


def test_a_network_of_kinks_keeps_its_exact_product() -> None:
    """Between two points there are always some of them, and one is where the run begins."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind, inputs in ((torch.float32, torch.randn(200, 5)), (torch.float64, torch.zeros(20, 5))):
            model = nn.Sequential(nn.Linear(5, 500), nn.ReLU(), nn.Linear(500, 200), nn.Hardtanh(), nn.Linear(200, 1)).to(kind)
            assert torch_loss(model, nn.L1Loss(), inputs.to(kind), torch.ones(len(inputs), 1, dtype=kind)).exact_product


@pytest.mark.parametrize("make", [lambda: nn.BatchNorm1d(3), lambda: nn.GroupNorm(1, 3)])
def test_a_bridge_travels_with_its_normalizations(make: Callable[[], Any]) -> None:
    loss = torch_loss(nn.Sequential(nn.Linear(4, 3), make(), nn.Linear(3, 3)), MEAN, *DATA)
    again, x = pickle.loads(pickle.dumps(loss)), np.repeat(loss.start[:, np.newaxis], 2, axis=1)
    np.testing.assert_array_equal(again.value_and_gradient(x)[1], loss.value_and_gradient(x)[1])
    if isinstance(make(), nn.BatchNorm1d):
        with pytest.raises(ValueError, match="2 values or more"):
            again.on(np.array([0])).value(x)


def test_a_group_norm_has_its_curvature_one_vector_at_a_time() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.GroupNorm(2, 4), torch.nn.Linear(4, 1)).double()
    loss = torch_loss(model, torch.nn.functional.mse_loss, torch.randn(8, 3).double(), torch.randn(8, 1).double())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exact = np.linalg.eigvalsh(hessian(loss, loss.start))
    assert not loss.model.batched, "what has failed once is not tried at every product"
    assert sharpness(loss) == pytest.approx(exact[-1], rel=1e-6)
    assert find_edge(loss, "gradient_descent", 1e-3, 1e6, steps=50)[0] > 0
    assert check_gradient(loss).summary().startswith("The gradient is right")
