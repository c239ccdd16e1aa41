"""The Python half of the picture: what is sent, and which of two positions holds."""

from __future__ import annotations

import base64
import random
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.site.content import Dial, encode
from explorer.ui.picture import _hear, picture
from tests.ui.reading import read


def script() -> None:
    import streamlit as st

    from explorer.site.content import Dial
    from explorer.ui.picture import picture

    count = st.session_state.get("count", 10)
    frames = [{"data": [{"y": [i]}], "traces": [0]} for i in range(count)]
    if not st.session_state.get("away"):
        dial = Dial(label="Rate", values=[str(i) for i in range(count)])
        value = st.session_state.get("preset", 4)
        st.text(picture({"data": [{"y": [0]}]}, key="shown", alt="A point.", frames=frames, dial=dial, value=value))


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_function(script, default_timeout=60).run()


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


def following() -> None:
    """A page that follows its dial: what a release says becomes its state, and its state is the value it shows."""
    import streamlit as st

    from explorer.site.content import Dial
    from explorer.ui.picture import picture

    state = st.session_state
    scale = state.setdefault("scale", "a")
    frames = [{"data": [{"y": [i]}], "traces": [0]} for i in range(100)]
    dial = Dial(label="Rate", values=[f"{scale}{i}" for i in range(100)])
    value = state.setdefault("wish", 60)

    def moved(to: int) -> None:
        if state.get("scale", "") == scale:  # as it was when the ruler was shown: of another one it says nothing
            state["wish"] = to

    if state.get("interrupted") == "before":
        st.stop()
    position = picture({"data": []}, key="shown", alt="", frames=frames, dial=dial, value=value, on_move=moved)
    if state.get("interrupted") == "after":
        st.stop()
    st.text(position)


class Visitor:
    """A browser of one picture, as picture.js is one: it remembers its last release, and names the epoch that it was last sent."""

    def __init__(self, *, follows: bool, calls: bool) -> None:
        self.app = AppTest.from_function(following if follows else script, default_timeout=60)
        self.name = "wish" if follows else "preset"
        self.follows, self.calls = follows, calls
        self.commit: list[int] | None = None
        self.app.run()
        self.take()

    def take(self) -> None:
        found = self.app.get("bidi_component")
        if not found:  # the run was interrupted: the browser keeps what it has
            return
        data = read(found[0])
        if self.commit is None or self.commit[0] != data["epoch"]:
            self.position = data["value"]
        self.epoch = data["epoch"]

    def run(self) -> None:
        if self.commit is not None:
            self.app.session_state["shown"] = {"value": self.commit}
        self.app.run()
        self.take()
        assert not self.app.exception

    def release(self, position: int, *, interrupted: str = "") -> None:
        """A release, whose run another one may interrupt before or after the picture."""
        self.position, self.commit = position, [self.epoch, position]
        if self.calls:
            heard(self.app, self.commit)
        if interrupted:
            self.app.session_state["interrupted"] = interrupted
            self.run()
            del self.app.session_state["interrupted"]
        self.run()

    def wish(self, position: int) -> None:
        self.app.session_state[self.name] = position
        self.run()

    def agrees(self, position: int) -> None:
        """Thumb, what Python works with, and the page's own state are one. Without a run of its own, which would hide what comes late."""
        assert (self.position, held(self.app)) == (position, position)
        if self.follows:
            assert self.app.session_state["wish"] == position


def heard(app: AppTest, commit: list[int]) -> None:
    """What Streamlit does before the page runs: it calls the picture's callback, which finds the release in the session."""
    import streamlit as st

    memory = app.session_state["shown:asked"]
    state = {"shown": {"value": commit}, "shown:asked": memory, "wish": app.session_state["wish"]}
    memory.movers = {epoch: (count, lambda to: state.update(wish=to)) for epoch, (count, _) in memory.movers.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(st, "session_state", state)
        _hear("shown")
    app.session_state["wish"] = state["wish"]


every_way = pytest.mark.parametrize(("follows", "calls"), [(True, True), (True, False), (False, False)])


@every_way
def test_twenty_releases_in_a_row_all_stay(follows: bool, calls: bool) -> None:
    visitor = Visitor(follows=follows, calls=calls)
    before = sent(visitor.app)
    for position in [7, 3, 3, 4, 9, 0, 5, 4, 6, 4, 8, 1, 2, 9, 9, 3, 7, 4, 0, 4]:
        visitor.release(position)
        visitor.agrees(position)
    assert sent(visitor.app) == before  # no release sends the frames again


@every_way
@pytest.mark.parametrize("seed", range(4))
def test_releases_and_wishes_in_any_order(follows: bool, calls: bool, seed: int) -> None:
    """The last act holds. Of a page that does not follow, a wish is a value that it did not have before."""
    draw, visitor = random.Random(seed), Visitor(follows=follows, calls=calls)
    asked = last = 60 if follows else 4
    for _ in range(25):
        to = draw.choice([last, asked, *range(10)])
        if draw.random() < 0.6:
            visitor.release(to, interrupted=draw.choice(["", "before", "after"]) if follows else "")
            last = to
        else:
            visitor.wish(to)
            last = to if follows or to != asked else last
            asked = to
        visitor.agrees(last)
        if draw.random() < 0.3:
            visitor.run()
            visitor.agrees(last)


@pytest.mark.parametrize("calls", [True, False])
def test_a_wish_back_to_where_the_dial_was_first_is_a_wish_each_time(calls: bool) -> None:
    visitor = Visitor(follows=True, calls=calls)
    for position in (70, 71, 60, 3):
        visitor.release(position)
        visitor.agrees(position)
        for _ in range(2):
            visitor.wish(60)
            visitor.agrees(60)


@pytest.mark.parametrize("interrupted", ["before", "after"])
@pytest.mark.parametrize("calls", [True, False])
def test_a_release_survives_runs_that_are_interrupted(calls: bool, interrupted: str) -> None:
    visitor = Visitor(follows=True, calls=calls)
    for position in (7, 3, 9, 60, 5):
        visitor.release(position, interrupted=interrupted)
        visitor.agrees(position)


@pytest.mark.parametrize("calls", [True, False])
def test_a_release_on_its_way_while_python_moves_the_dial_was_the_last_act_and_holds(calls: bool) -> None:
    """A rate is typed, and the ruler released before the browser has heard of it: what arrives last was done last."""
    visitor = Visitor(follows=True, calls=calls)
    for late in (7, 3, 7, 7):
        wish = [visitor.epoch, late]
        visitor.wish(2)
        visitor.commit = wish
        if calls:
            heard(visitor.app, wish)
        for _ in range(3):  # which the browser keeps sending
            visitor.run()
            visitor.agrees(late)
        visitor.wish(5)
        visitor.run()
        visitor.agrees(5)
        visitor.release(8)
        visitor.agrees(8)


@pytest.mark.parametrize("calls", [True, False])
def test_a_release_on_another_scale_says_nothing_of_this_one(calls: bool) -> None:
    """Even at the same position: 60 of one scale is another rate than 60 of the other."""
    visitor = Visitor(follows=True, calls=calls)
    for scale in "bab":
        visitor.release(7)
        late = [visitor.epoch, 9]
        visitor.app.session_state["scale"] = scale
        visitor.run()
        visitor.commit = late
        visitor.run()
        visitor.agrees(7)
        assert sent(visitor.app)["epoch"] > late[0]


def test_a_server_started_anew_takes_no_release_of_the_session_before() -> None:
    app = AppTest.from_function(following, default_timeout=60)
    app.session_state["shown"] = {"value": [3, 7]}
    assert held(app.run()) == sent(app)["value"] == 60
    for wish in (5, 6, 60):
        app.session_state["wish"] = wish
        assert held(app.run()) == wish


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
