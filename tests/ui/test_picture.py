"""The Python half of the picture: what is sent, and which of two positions holds."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.ui.picture import Dial, encode, picture
from tests.ui.reading import read


def script() -> None:
    import streamlit as st

    from explorer.ui.picture import Dial, picture

    count = st.session_state.get("count", 10)
    frames = [{"data": [{"y": [i]}], "traces": [0]} for i in range(count)]
    if not st.session_state.get("away"):
        dial = Dial(label="Rate", values=[str(i) for i in range(count)])
        value = st.session_state.get("preset", 4)
        st.text(picture({"data": [{"y": [0]}]}, key="shown", alt="A point.", frames=frames, dial=dial, value=value))


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_function(script).run()


def sent(app: AppTest) -> dict[str, Any]:
    [component] = app.get("bidi_component")
    return read(component)


def held(app: AppTest) -> int:
    assert not app.exception
    return int(app.text[0].value)


def test_the_value_is_shown_first(app: AppTest) -> None:
    assert held(app) == sent(app)["value"] == 4


def test_a_commit_is_returned_and_the_payload_stays(app: AppTest) -> None:
    before = sent(app)
    app.session_state["shown"] = {"value": [before["epoch"], 7]}
    assert held(app.run()) == 7
    assert sent(app) == before


def test_a_page_may_follow_the_commit_without_sending_again(app: AppTest) -> None:
    before = sent(app)
    app.session_state["shown"] = {"value": [before["epoch"], 7]}
    app.session_state["preset"] = 7
    assert held(app.run()) == 7
    assert sent(app) == before


@pytest.mark.parametrize("nonsense", [None, -1, 10, 1e9, "7", True, 2.5, [], {}, [0], [0, "7"], [0, [7]], {"value": 7}, float("nan")])
def test_nonsense_from_a_browser_is_the_value(app: AppTest, nonsense: object) -> None:
    app.session_state["shown"] = {"value": nonsense}
    assert held(app.run()) == 4


def test_python_moves_the_slider_and_the_old_commit_is_stale(app: AppTest) -> None:
    commit = {"value": [sent(app)["epoch"], 7]}
    app.session_state["shown"] = commit
    app.session_state["preset"] = 2
    assert held(app.run()) == sent(app)["value"] == 2
    app.session_state["shown"] = commit  # the browser goes on sending what it has
    assert held(app.run()) == 2
    app.session_state["shown"] = {"value": [sent(app)["epoch"], 7]}
    assert held(app.run()) == 7


def test_a_commit_beyond_fewer_frames_is_forgotten(app: AppTest) -> None:
    app.session_state["shown"] = {"value": [sent(app)["epoch"], 9]}
    app.run()
    app.session_state["count"] = 6
    assert held(app.run()) == sent(app)["value"] == 4


def test_a_second_visit_starts_from_the_value(app: AppTest) -> None:
    app.session_state["shown"] = {"value": [sent(app)["epoch"], 9]}
    before = sent(app.run())
    app.session_state["away"] = True
    app.run()
    app.session_state["away"] = False
    assert held(app.run()) == sent(app)["value"] == 4
    assert sent(app)["epoch"] > before["epoch"]


def test_an_array_travels_as_half_of_its_bytes() -> None:
    spec = encode(np.array([1.0, np.nan, -np.inf]))
    assert spec["dtype"] == "f4"
    np.testing.assert_array_equal(np.frombuffer(base64.b64decode(spec["bdata"]), "<f4"), [1, np.nan, -np.inf])
    assert encode(np.array([1e300]))["dtype"] == "f8"
    assert encode(np.arange(6).reshape(2, 3))["shape"] == "2, 3"


@pytest.mark.parametrize(
    ("array", "plain"),
    [
        (np.array([2**40]), [2**40]),
        (np.array(["a", "b"]), ["a", "b"]),
        (np.array([True]), [True]),
        (np.float32(0.5), 0.5),
    ],
)
def test_what_does_not_fit_a_typed_array_is_a_list(array: np.ndarray, plain: object) -> None:
    assert encode(array) == plain


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match=r"Dial\.words must have one entry a value \(2\) or none, got 1"):
        Dial(label="Rate", values=["1", "2"], words=["one"])
    with pytest.raises(ValueError, match="2 values for 1 frames"):
        picture({"data": []}, key="k", alt="a", frames=[{"data": [], "traces": []}], dial=Dial(label="Rate", values=["1", "2"]))
