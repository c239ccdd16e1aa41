"""The page Gradient: the question's code, a formula with a gradient by hand, and what comes by a link."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.ui.reading import FOLDER, opened, pictures

PAGE = FOLDER / "pages" / "85_gradient.py"
FORMULA = {"v": "1", "loss": "formula", "optimizer": "gradient_descent", "learning_rate": "0.1"}


def said(app: AppTest) -> str:
    assert not app.exception
    return str(app.header[0].value)


def box(app: AppTest, label: str):  # type: ignore[no-untyped-def]
    return next(each for each in app.text_input if each.label == label)


def test_the_question_s_code_is_wrong_in_b1_and_can_be_mended() -> None:
    app = opened(PAGE)
    assert said(app).startswith("The gradient by b1 is wrong: each of its 128 numbers is the sum of all 128")
    (shown,) = pictures(app)
    assert "axis=1" in shown["alt"]
    rows = app.table[1].value
    assert list(rows["verdict"]) == ["right", "wrong", *["right"] * 4]
    worst = app.table[0].value
    assert set(worst["parameters"]) == {"b1"}
    assert worst["worst"].str.fullmatch(r"b1\[\d+\]").all()
    next(each for each in app.button if each.label == "Mend db1").click().run()
    assert said(app) == "The gradient is right."


def test_a_gradient_is_typed() -> None:
    app = opened(PAGE)
    app.pills[0].set_value("A formula, its gradient by hand").run()
    assert said(app) == "The gradient by y is wrong: it is 0.5 times the right one. x is right."
    box(app, "∂f/∂y").set_value("20*sin(y)*cos(y)").run()
    assert said(app) == "The gradient is right."
    assert dict(app.query_params)["gradient.y"] == "20*sin(y)*cos(y)"


@pytest.mark.parametrize("text", ["", "w", "2*", "__import__", "1e999", "x" * 300, "٣", "<b>"])
def test_whatever_is_typed_gets_a_picture_and_stays_in_its_box(text: str) -> None:
    app = opened(PAGE, FORMULA)
    box(app, "∂f/∂x").set_value(text).run()
    assert said(app) == "The gradient is right."
    assert pictures(app)
    assert box(app, "∂f/∂x").value == text
    assert bool(app.error) == bool(text)


def test_a_link_brings_the_gradient_along() -> None:
    app = opened(PAGE, FORMULA | {"loss.text": "x^3", "gradient.x": "2*x^2"})
    assert not app.warning
    assert box(app, "∂f/∂x").value == "2*x^2"
    assert said(app).startswith("The gradient by x is wrong")


def test_what_would_take_too_long_is_refused_with_a_sentence() -> None:
    app = opened(PAGE, {"v": "1", "loss": "network", "loss.hidden": "3000,3000"})
    assert "parameters × examples must be ≤" in app.warning[0].value
    assert pictures(app)
