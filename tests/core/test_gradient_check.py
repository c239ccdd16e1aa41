"""The gradient check: every loss of the shelf passes, every planted mistake is found and named, and what cannot be told is not."""

from __future__ import annotations

import numpy as np
import pytest

from explorer import LOSSES, check_gradient, from_function, safe_rate
from explorer.core.losses.formula import ByHand
from explorer.core.theory.differences import IMAGINARY
from explorer.core.theory.gradient_check import CURVE, error_by_step

POINT = [0.7, -1.3, 2.1]


def quartic(gradient):  # type: ignore[no-untyped-def]
    """½ Σ x⁴ with a gradient of somebody's own."""
    return from_function(lambda x: (0.5 * float((x**4).sum()), gradient(x)), start=POINT)


@pytest.mark.parametrize("name", LOSSES)
def test_every_gradient_on_the_shelf_is_right(name: str) -> None:
    found = check_gradient(LOSSES[name]())
    assert {each.verdict for each in found.blocks} == {"right"}
    assert found.summary() == "The gradient is right."


def test_a_complex_step_is_exact_where_the_loss_allows_it() -> None:
    found = check_gradient(LOSSES["uv"]())["x"]
    assert (found.method, found.step) == ("complex step", IMAGINARY)
    assert found.error < 1e-15


def test_a_complex_step_that_differences_do_not_confirm_does_not_count() -> None:
    """|x| of a complex number is its length, so the logistic loss with it in its formula has another complex slope."""
    found = check_gradient(LOSSES["logistic_regression"]())["x"]
    assert found.method == "differences"
    assert not found.wrong


@pytest.mark.parametrize(
    ("gradient", "mistake"),
    [
        (lambda x: -2 * x**3, "it has the opposite sign"),
        (lambda x: x**3, "it is 0.5 times the right one"),
        (lambda x: np.full(3, (2 * x**3).sum()), "each of its 3 numbers is the sum of all 3"),
        (lambda x: np.full(3, (2 * x**3).mean()), "each of its 3 numbers is the mean of all 3"),
        (lambda x: np.full(3, np.nan), "it is not finite"),
        (lambda x: 2 * x**3 + [0, 0.1, 0], ""),
        (lambda x: np.zeros(3), "it is 0 everywhere, and the loss changes with it"),
    ],
)
def test_a_planted_mistake_is_found_and_named(gradient, mistake: str) -> None:  # type: ignore[no-untyped-def]
    (found,) = check_gradient(quartic(gradient)).blocks
    assert found.wrong
    assert found.mistake.startswith(mistake)
    assert bool(found.mistake) == bool(mistake)


def test_a_sum_for_a_mean_is_named_by_the_number_of_examples() -> None:
    class Summed:
        """A regression whose gradient forgets the 1/n."""

        right = LOSSES["linear_regression"](standardize=True)
        dim, start, minimum, examples = right.dim, right.start, None, right.examples  # type: ignore[attr-defined]

        def value(self, x: np.ndarray) -> np.ndarray:
            return self.right.value(x)

        def value_and_gradient(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            value, gradient = self.right.value_and_gradient(x)
            return value, gradient * self.examples

        def hvp(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
            return self.right.hvp(x, v)

    assert f"the sum over the {Summed.examples} examples" in check_gradient(Summed()).summary()


def test_the_missing_axis_of_the_question_is_named() -> None:
    found = check_gradient(LOSSES["homemade_network"](examples=60, bias="as_written"))
    assert found.wrong == ("b1",)
    assert "each of its 128 numbers is the sum of all 128" in found["b1"].mistake
    assert "axis=1" in found.summary()


def test_what_differences_cannot_tell_is_said() -> None:
    """A loss that is all rounding: 1e16 + x has no digits left for x."""
    found = check_gradient(from_function(lambda x: (1e16 + float(x[0]), np.ones(1)), start=[1.0]))
    assert found["x"].verdict == "cannot tell"
    assert found.wrong == ()
    assert "cannot tell" in found.summary()
    never = check_gradient(from_function(lambda x: (np.nan, x), start=[1.0]))
    assert never["x"].verdict == "cannot tell"


def test_the_error_against_the_step_is_a_v_where_the_gradient_is_right_and_flat_where_it_is_wrong() -> None:
    right = error_by_step(quartic(lambda x: 2 * x**3))["x"]
    assert right.shape == CURVE.shape
    assert right.min() < 1e-11 < 1e-6 < right[-1]
    wrong = error_by_step(quartic(lambda x: x**3))["x"]
    np.testing.assert_allclose(wrong, 0.5, rtol=0.05)


def test_a_gradient_by_hand_is_what_was_typed() -> None:
    formula = "a*x^2*y + 3*z; a = 4"
    typed = ByHand(formula, ("2*a*x*y", "", "3"))
    assert check_gradient(typed, [1.0, 2.0, 3.0]).wrong == ()
    forgotten = ByHand(formula, ("2*x*y", "", "4"))
    found = check_gradient(forgotten, [1.0, 2.0, 3.0])
    assert found.wrong == ("x", "z")
    assert found["x"].mistake == "it is 0.25 times the right one"
    assert (found["x"].analytic, found["x"].numeric) == (4.0, pytest.approx(16.0))


@pytest.mark.parametrize(
    ("components", "says"),
    [
        (("2*x",), r"components must be 2 formulas"),
        (("2*x", "w"), r"∂f/∂y: formula must have no other variable than x, y"),
        (("2*x", "__import__('os')"), r"∂f/∂y: formula must be made of"),
        (("2*", ""), r"∂f/∂x: formula must be a complete expression"),
    ],
)
def test_a_component_that_cannot_be_read_is_refused(components: tuple[str, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ByHand("x^2 + y", components)


@pytest.mark.parametrize(("share", "wrong"), [(1.0, False), (0.5, True), (2.0, True)])
def test_a_product_with_the_hessian_that_is_not_the_gradients_derivative_is_said(share: float, wrong: bool) -> None:
    """By differences of the gradient; where it is too large, the rate that follows and the runs contradict each other, and that is said."""
    bowl = LOSSES["quadratic"](eigenvalues=(2, 100))
    own = from_function(lambda x: (bowl.value(x[:, None])[0], bowl.value_and_gradient(x[:, None])[1][:, 0]), bowl.start,
                        hvp=lambda x, v: share * bowl.hvp(x[:, None], v[:, None])[:, 0])  # fmt: skip
    for _ in range(2):
        found = check_gradient(own)
        assert (found.wrong, found.product_wrong) == ((), wrong)
        assert ("hvp" in found.summary()) == wrong
    assert found.product_error == pytest.approx(abs(share - 1), abs=1e-6)
    assert ("one of the two is wrong: check_gradient" in safe_rate(own).sentence) == (share > 1)


@pytest.mark.parametrize("value", [np.float16, float])
@pytest.mark.parametrize("gradient", [np.float16, np.float32, float])
def test_few_digits_of_a_loss_or_its_gradient_are_no_mistake(value: type, gradient: type) -> None:
    class Rounded:
        dim, start, minimum, hvp = 3, np.array([1.0, 2.0, 0.5]), None, lambda self, x, v: 12 * x**2 * v

        def __init__(self, slope: float = 4.0) -> None:
            self.slope = slope

        def value(self, x: np.ndarray) -> np.ndarray:
            return (x**4).sum(axis=0).astype(value)

        def value_and_gradient(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return self.value(x), (self.slope * x**3).astype(gradient)

    assert check_gradient(Rounded()).summary() == "The gradient is right."
    assert check_gradient(Rounded(5.0)).wrong == ("x",)


def test_a_random_gradient_is_not_called_wrong() -> None:
    random = np.random.default_rng(0)
    noisy = from_function(lambda x: (float(x @ x), 2 * x + 1e-3 * random.standard_normal(x.shape)), [1.0, 2.0])
    with pytest.raises(ValueError, match="a function that gives the same gradient twice: fix its random numbers, got one"):
        check_gradient(noisy)
