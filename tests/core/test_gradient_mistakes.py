"""The common mistakes of a gradient, each planted in a loss that people write, recognized by name; and none where nothing is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from explorer import LOSSES, check_gradient, from_function
from explorer.core.losses.network import layers
from explorer.core.losses.network.activations import ACTIVATIONS
from explorer.core.losses.protocol import Array, Facts
from explorer.core.losses.wrapped import Pointwise
from explorer.core.theory.differences import rounding
from explorer.core.theory.gradient_mistakes import slip

RANDOM = np.random.default_rng(1)
X, Y = RANDOM.standard_normal((3, 40)), RANDOM.standard_normal((2, 40))
LABELS = np.sign(X[0] + 0.5 * RANDOM.standard_normal(40))
SHAPES = {"W1": (5, 3), "b1": (5,), "W2": (4, 5), "b2": (4,), "W3": (2, 4), "b3": (2,)}
POINT = 0.7 * RANDOM.standard_normal(sum(int(np.prod(shape)) for shape in SHAPES.values()))


def split(x: Array) -> dict[str, Array]:
    parts, begin = {}, 0
    for name, shape in SHAPES.items():
        parts[name] = x[begin : begin + int(np.prod(shape))].reshape(shape)
        begin += parts[name].size
    return parts


def slope(name: str, z: Array) -> Array:
    f = ACTIVATIONS[name]
    return f.slope(z if f.of_input else f.value(z.copy()))


def mlp(
    changed: Callable[[dict[str, Array], dict[str, Array]], None] = lambda p, g: None,
    *,
    penalty: float = 0.0,
    f: str = "tanh",
    slopes: tuple[Callable[[Array], Array] | None, Callable[[Array], Array] | None] = (None, None),
    start: Array = POINT,
    blocks: Any = SHAPES,
    kind: type[np.floating[Any]] = np.float64,
) -> Pointwise:
    """A network of two hidden layers as somebody writes it; `changed` spoils its gradient, `slopes` its activations' derivatives."""
    first, second = (given or (lambda z: slope(f, z)) for given in slopes)
    data, targets = X.astype(kind), Y.astype(kind)

    def value_and_gradient(x: Array) -> tuple[float, Array]:
        p = split(x.astype(kind))
        z1 = p["W1"] @ data + p["b1"][:, None]
        a1 = ACTIVATIONS[f].value(z1.copy())
        z2 = p["W2"] @ a1 + p["b2"][:, None]
        a2 = ACTIVATIONS[f].value(z2.copy())
        residual = p["W3"] @ a2 + p["b3"][:, None] - targets
        value = float(0.5 * (residual**2).sum() / 40 + sum(0.5 * penalty * (p[name] ** 2).sum() for name in ("W1", "W2", "W3")))
        d3 = residual / 40
        d2 = (p["W3"].T @ d3) * second(z2)
        d1 = (p["W2"].T @ d2) * first(z1)
        g = {"W1": d1 @ data.T, "b1": d1.sum(1), "W2": d2 @ a1.T, "b2": d2.sum(1), "W3": d3 @ a2.T, "b3": d3.sum(1)}
        for name in ("W1", "W2", "W3"):
            g[name] = g[name] + penalty * p[name]
        changed(p, g)
        return value, np.concatenate([g[name].ravel() for name in SHAPES])

    return from_function(value_and_gradient, start, blocks=blocks)


def add(name: str, factor: float) -> Callable[[dict[str, Array], dict[str, Array]], None]:
    """A gradient with `factor` times the parameters themselves too much."""

    def changed(p: dict[str, Array], g: dict[str, Array]) -> None:
        g[name] = g[name] + factor * p[name]

    return changed


def times(name: str, factor: float) -> Callable[[dict[str, Array], dict[str, Array]], None]:
    def changed(p: dict[str, Array], g: dict[str, Array]) -> None:
        g[name] = factor * g[name]

    return changed


def transposed(p: dict[str, Array], g: dict[str, Array]) -> None:
    g["W2"] = g["W2"].T


@pytest.mark.parametrize(
    ("loss", "wrong", "says"),
    [
        (mlp(transposed), ("W2",), "it is transposed"),
        (
            mlp(transposed, blocks=(("W1", slice(0, 15)), ("b1", slice(15, 20)), ("W2", slice(20, 40)), ("rest", slice(40, 54)))),
            ("W2",),
            "it is transposed",
        ),
        (mlp(times("W1", -1)), ("W1",), "it has the opposite sign"),
        (mlp(times("b3", 40)), ("b3",), "it is 40 times the right one"),
        (mlp(times("W2", 1 / 40)), ("W2",), "it is 0.025 times the right one, as a mean over 40 examples"),
        (mlp(times("W2", 2)), ("W2",), "it is 2 times the right one"),
        (mlp(add("W3", -0.01), penalty=0.01), ("W3",), "the penalty is forgotten"),
        (mlp(add("W3", 0.01), penalty=0.01), ("W3",), "the penalty is doubled"),
        (mlp(add("b2", 0.01), penalty=0.01), ("b2",), "the bias is in the gradient's penalty, but not in the loss's"),
        (
            mlp(add("b2", 0.01), penalty=0.01, start=np.where(np.arange(54) < 40, POINT, 0)),
            ("b2",),
            "the bias is in the gradient's penalty",
        ),
    ],
)
def test_a_mistake_in_a_network_of_one_s_own_is_recognized(loss: Pointwise, wrong: tuple[str, ...], says: str) -> None:
    found = check_gradient(loss)
    assert found.wrong == wrong
    assert says in found[wrong[0]].mistake
    assert found.worst[0].name.startswith(wrong[0])
    assert says in found.summary()


MATRICES = ("W1", "W2", "W3")


def everywhere(data: float, penalty: float) -> Callable[[dict[str, Array], dict[str, Array]], None]:
    """`data` times the gradient, and `penalty` times the parameters too much in every matrix."""

    def changed(p: dict[str, Array], g: dict[str, Array]) -> None:
        for name in g:
            g[name] = data * g[name] + (penalty * p[name] if name in MATRICES else 0)

    return changed


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (0.0, "forgotten: it lacks 0.01 times the parameters; the loss has ½ λ‖w‖² with λ = 0.01"),
        (0.5, "halved: it lacks 0.005 times the parameters; the loss has ½ λ‖w‖² with λ = 0.01"),
        (2.0, "doubled: it has 0.01 times the parameters too much; the loss has ½ λ‖w‖² with λ = 0.01"),
        (-1.0, "of the wrong sign: it lacks 0.02 times the parameters; the loss has ½ λ‖w‖² with λ = 0.01"),
    ],
)
def test_a_penalty_is_named_alike_in_all_matrices(given: float, says: str) -> None:
    """Of the last, in which the squares of the residuals grow as a penalty does, the others know."""
    found = check_gradient(mlp(everywhere(1, 0.01 * (given - 1)), penalty=0.01))
    assert found.summary() == f"The gradient by W1, W2 and W3 is wrong: the penalty is {says}. All others are right."


def test_of_a_penalty_that_the_loss_does_not_show_every_possibility_is_named() -> None:
    """With relus the residuals' squares grow as a penalty does in every matrix."""
    found = check_gradient(mlp(everywhere(1, -0.01), penalty=0.01, f="relu"))
    maybe = "the penalty is forgotten (λ = 0.01), halved (λ = 0.02) or of the wrong sign (λ = 0.005): it lacks 0.01 times the parameters"
    assert found.wrong == MATRICES
    assert {found[name].mistake for name in MATRICES} == {f"{maybe}, the derivative of ½ λ‖w‖²"}


@pytest.mark.parametrize(
    ("times", "says"),
    [
        (40, "it is 40 times the right one{}, as a sum over 40 examples is where the loss is their mean"),
        (-1, "it has the opposite sign{}"),
        (1.2, "it is 1.2 times the right one{}"),
    ],
)
def test_a_factor_is_seen_beside_a_penalty(times: float, says: str) -> None:
    found = check_gradient(mlp(everywhere(times, (1 - times) * 0.01), penalty=0.01))
    expected = {name: says.format(" but for the penalty" if name in MATRICES else "") for name in SHAPES}
    assert {each.block: each.mistake for each in found.blocks} == expected


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_one_wrong_number_is_no_mistake_of_the_block(kind: type[np.floating[Any]], seed: int) -> None:
    """5 % too large: in float32 it is blurred enough to be almost anything, but every number beside it says that it is not."""

    def one_wrong(p: dict[str, Array], g: dict[str, Array]) -> None:
        g["W2"] = g["W2"].copy()
        g["W2"][1, 2] *= 1.05

    found = check_gradient(mlp(one_wrong, penalty=0.1, start=np.random.default_rng(seed).standard_normal(POINT.size), kind=kind))
    assert (found.wrong, found["W2"].mistake, found.worst[0].name) == (("W2",), "", "W2[1, 2]")


@pytest.mark.parametrize("seed", range(6))
def test_units_at_their_kink_in_float32_are_right(seed: int) -> None:
    """With biases of 0 some examples reach no unit of the first layer, so that those of the second are at 0."""
    start = np.random.default_rng(seed).standard_normal(POINT.size) * np.concatenate(
        [np.full(int(np.prod(shape)), name in MATRICES) for name, shape in SHAPES.items()]
    )
    assert check_gradient(mlp(f="relu", start=start, kind=np.float32)).wrong == ()


def blocks_of_four(changed: Callable[[Array], Array]) -> Pointwise:
    """A quartic of a matrix and two vectors, its gradient ``(8,)`` spoiled."""
    factors = np.arange(1.0, 9.0)
    start = np.array([0.7, -1.3, 2.1, 0.4, -0.6, 1.1, 0.9, -1.7])
    return from_function(lambda x: (float(factors @ x**4) / 4, changed(factors * x**3)), start, blocks={"W": (2, 2), "b": (2,), "c": (2,)})


@pytest.mark.parametrize(
    ("changed", "mistakes"),
    [
        (lambda g: g, ("", "", "")),
        (lambda g: g[[0, 2, 1, 3, 4, 5, 6, 7]], ("W is transposed", "", "")),
        (lambda g: g[[0, 1, 2, 3, 6, 7, 4, 5]], ("", "it has the numbers of c", "it has the numbers of b")),
        (lambda g: g * [1, 1, 1, 1, 0, 0, 1, 1], ("", "it is 0 everywhere, and the loss changes with it", "")),
        (lambda g: g * [1, 1, 1, 1, 0, 1, 1, 1], ("", "", "")),
    ],
)
def test_what_is_in_the_wrong_place_or_missing_is_named(changed: Callable[[Array], Array], mistakes: tuple[str, ...]) -> None:
    assert tuple(each.mistake for each in check_gradient(blocks_of_four(changed)).blocks) == mistakes


@pytest.mark.parametrize(("spoiled", "says"), [(np.ones_like, "the derivative of relu is missing"), (None, "")])
def test_a_missing_relu_is_seen_whatever_the_seed(spoiled: Callable[[Array], Array] | None, says: str) -> None:
    """Also if all of its few units are drawn to be on one side; and a right one is not called missing."""
    loss = mlp(f="relu", slopes=(None, spoiled))
    where = dict(Facts(loss).blocks)
    eps = float(np.finfo(float).eps)
    assert {slip(loss, POINT, where["W2"], where["b2"], eps, np.random.default_rng(seed)) for seed in range(30)} == {says}


SPOILED: dict[str, Callable[[str, Array], Array]] = {
    "is missing": lambda f, z: np.ones_like(z),
    "is there twice": lambda f, z: slope(f, z) ** 2,
    "is taken at the activation's output instead of its input": lambda f, z: slope(f, ACTIVATIONS[f].value(z.copy())),
    "is taken of the input by the formula for the output": lambda f, z: ACTIVATIONS[f].slope(z),
}
HARMLESS = {("relu", 1), ("relu", 2), ("relu", 3), ("leaky_relu", 2), ("leaky_relu", 3), ("gelu", 3)}
"""Twice the derivative of relu is once, and the output of a relu has the sign of its input; gelu's formula is for the input."""
CASES = [(f, what, (f, i) in HARMLESS) for f in ("tanh", "sigmoid", "relu", "leaky_relu", "gelu") for i, what in enumerate(SPOILED)]


@pytest.mark.parametrize("layer", [1, 2])
@pytest.mark.parametrize(("f", "what", "harmless"), CASES)
def test_a_wrong_derivative_of_an_activation_is_recognized(f: str, layer: int, what: str, harmless: bool) -> None:
    def spoiled(z: Array) -> Array:
        return SPOILED[what](f, z)

    found = check_gradient(mlp(f=f, slopes=(spoiled, None) if layer == 1 else (None, spoiled)))
    assert found.wrong == (() if harmless else ("W1", "b1", "W2", "b2")[: 2 * layer])
    assert {each.mistake for each in found.blocks if each.wrong} == (set() if harmless else {f"the derivative of {f} {what}"})


@pytest.mark.parametrize("f", ["tanh", "sigmoid", "relu"])
def test_a_derivative_that_is_missing_everywhere_is_recognized(f: str) -> None:
    found = check_gradient(mlp(f=f, slopes=(np.ones_like, np.ones_like)))
    assert found.wrong == ("W1", "b1", "W2", "b2")
    assert found.summary() == f"The gradient by W1, b1, W2 and b2 is wrong: the derivative of {f} is missing. All others are right."


def test_of_a_network_of_the_shelf_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's own network, its backward pass spoiled; its start has biases of 0."""
    loss = LOSSES["network"](hidden=(8,), repeat=2, activation="tanh")
    assert check_gradient(loss).wrong == ()

    def forgotten(self: Any, p: Array, memory: Any, d: Array, g: Array) -> Array:
        return d

    monkeypatch.setattr(layers.Activate, "backward", forgotten)
    found = check_gradient(loss)
    assert found.wrong == ("W1", "b1", "W2", "b2")
    assert {each.mistake for each in found.blocks if each.wrong} == {"the derivative of tanh is missing"}


def test_what_cannot_be_recognized_is_at_least_placed() -> None:
    """A wrong matrix on the way back: only where it comes from is known."""

    def value_and_gradient(x: Array) -> tuple[float, Array]:
        value, gradient = right.value_and_gradient_at(x)
        return value, np.concatenate([gradient[:20] * np.linspace(1, 2, 20), gradient[20:]])

    right = mlp()
    found = check_gradient(from_function(value_and_gradient, POINT, blocks=SHAPES))
    assert found.wrong == ("W1", "b1")
    assert found["W1"].mistake == "W2 and what comes after it is right, so the mistake is in what comes back to here from there"


def logistic(given: float, own: float, *, bias: bool = False, blocks: Any = None) -> Pointwise:
    """Logistic regression with an intercept: the value has a penalty ½ `own` ‖w‖², the gradient `given` w, and with `bias` of b too."""
    shelf = LOSSES["logistic_regression"]()

    def value_and_gradient(x: Array) -> tuple[float, Array]:
        value, gradient = shelf.value_and_gradient(x[:, None])
        counted = np.array([*np.ones(len(x) - 1), 0])
        also = np.array([*np.ones(len(x) - 1), bias])
        return float(value[0] + 0.5 * own * (counted * x * x).sum()), gradient[:, 0] + given * also * x

    start = np.linspace(-1, 1.3, shelf.dim)
    names = [f"w{i}" for i in range(shelf.dim - 1)] + ["intercept"]
    return from_function(value_and_gradient, start, coordinates=None if blocks else names, blocks=blocks)


@pytest.mark.parametrize(
    ("given", "own", "bias", "says"),
    [
        (0.0, 0.1, False, "the penalty is forgotten: it lacks 0.1 times the parameters"),
        (0.2, 0.1, False, "the penalty is doubled: it has 0.1 times the parameters"),
        (0.05, 0.1, False, "the penalty is halved: it lacks 0.05 times the parameters"),
        (0.1, 0.0, False, "it has a penalty that the loss has not: it has 0.1 times the parameters"),
        (
            0.1,
            0.1,
            True,
            "the bias is in the gradient's penalty, but not in the loss's: the gradient has 0.1 times the parameters of intercept",
        ),
    ],
)
def test_a_penalty_is_recognized_with_its_weight(given: float, own: float, bias: bool, says: str) -> None:
    """A logistic loss grows no faster than its weights do, so its own penalty is seen far away: forgotten is not halved."""
    found = check_gradient(logistic(given, own, bias=bias))
    assert found.wrong == ("x",)
    assert found["x"].mistake.startswith(says)


def test_a_right_penalty_is_right() -> None:
    assert check_gradient(logistic(0.1, 0.1)).summary() == "The gradient is right."


def test_the_worst_is_named_by_block_and_place() -> None:
    def one_wrong(p: dict[str, Array], g: dict[str, Array]) -> None:
        g["W2"] = g["W2"].copy()
        g["W2"][2, 3] += 0.5

    found = check_gradient(mlp(one_wrong))
    (worst, *others) = found.worst
    assert (worst.block, worst.name, found["W2"].mistake) == ("W2", "W2[2, 3]", "")
    assert worst.analytic - worst.numeric == pytest.approx(0.5)
    assert max(abs(each.analytic - each.numeric) for each in others) < 1e-9
    assert "W2[2, 3]" in found.sentence()
    assert "Worst W2[2, 3]" in found.summary()
    shelf = check_gradient(LOSSES["homemade_network"](examples=60, bias="as_written"))
    assert {each.name[:3] for each in shelf.worst} == {"b1["}


def in_single(factor: float, *, told: bool) -> Pointwise:
    """A network all of whose numbers are float32, as PyTorch's are; its value comes as a Python float unless `told`."""
    shelf = LOSSES["network"](hidden=(16,), activation="gelu")

    def value_and_gradient(x: Array) -> tuple[Any, Array]:
        value, gradient = shelf.value_and_gradient(x[:, None].astype(np.float32))
        assert value.dtype == gradient.dtype == np.float32
        spoiled = gradient[:, 0].copy()
        spoiled[shelf.blocks[0][1]] *= np.float32(factor)
        return (value[0], spoiled) if told else (float(value[0]), spoiled.astype(float))

    return from_function(value_and_gradient, shelf.start, blocks=shelf.blocks)


@pytest.mark.parametrize("told", [True, False])
def test_five_percent_are_found_in_float32(told: bool) -> None:
    wrong, right = (in_single(factor, told=told) for factor in (1.05, 1.0))
    assert rounding(wrong, wrong.start) == np.finfo(np.float32).eps
    found = check_gradient(wrong)
    assert found.wrong == ("W1",)
    assert found["W1"].error == pytest.approx(0.05, rel=0.05)
    assert {each.verdict for each in check_gradient(right).blocks} == {"right"}


@pytest.mark.parametrize("given", [0.0, 1.0, 0.5])
def test_at_a_kink_every_slope_between_is_right(given: float) -> None:
    """A relu at exactly 0, whose central difference is ½."""
    loss = from_function(lambda x: (max(x[0], 0.0) + x[1] ** 2, np.array([given, 2 * x[1]])), start=[0.0, 3.0])
    found = check_gradient(loss)
    assert found.wrong == ()
    if given != 0.5:
        assert "x1 is at a kink: the slope is 0 on the left and 1 on the right" in found.summary()


def test_beyond_a_kink_it_is_wrong() -> None:
    found = check_gradient(from_function(lambda x: (abs(x[0]), np.array([3.0])), start=[0.0]))
    assert found.wrong == ("x",)
    assert "the slope is −1 on the left and 1 on the right; 3 is not between them" in found.summary()


def absolute(x: Array) -> tuple[float, Array]:
    """|x| as the root of a square: its derivative is 0/0 at 0."""
    return np.sqrt(x[0] ** 2) + x[1], np.array([x[0] / np.sqrt(x[0] ** 2), 1.0])


def sinc(x: Array) -> tuple[float, Array]:
    """sin x / x: smooth, and its derivative as one works it out is 0/0 at 0."""
    return np.sinc(x[0] / np.pi) + x[1], np.array([np.cos(x[0]) / x[0] - np.sin(x[0]) / x[0] ** 2, 1.0])


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (absolute, "Worst x1 is at a kink: the slope is −1 on the left and 1 on the right, and the gradient is nan."),
        (sinc, "Worst x1: nan instead of 0."),
    ],
)
def test_a_nan_is_said_with_its_place(function: Callable[[Array], Any], says: str) -> None:
    with np.errstate(all="ignore"):
        found = check_gradient(from_function(function, start=[0.0, 2.0]))
    assert found.wrong == ("x",)
    assert found.summary() == f"The gradient by x is wrong: it is not finite. {says}"


@pytest.mark.parametrize("single", [False, True], ids=["float64", "float32"])
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", LOSSES)
def test_nothing_is_recognized_in_a_right_gradient(name: str, seed: int, single: bool) -> None:
    """The whole shelf away from its starts, in both precisions."""
    shelf = LOSSES[name]()
    start = shelf.start + 0.1 * np.random.default_rng(seed).standard_normal(shelf.dim)
    kind = np.float32 if single else np.float64

    def value_and_gradient(x: Array) -> tuple[Any, Array]:
        value, gradient = shelf.value_and_gradient(x[:, None].astype(kind))
        return value[0], gradient[:, 0]

    found = check_gradient(from_function(value_and_gradient, start, blocks=getattr(shelf, "shapes", None)) if single else shelf, start)
    assert found.wrong == ()
    assert {each.mistake for each in found.blocks} == {""}
