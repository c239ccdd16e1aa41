"""One animated picture: any Plotly figure with frames, and real `<input type="range">`s that move through them.

Everything is drawn in the browser from what is fetched once; only a release of the slider reports back. See `picture`.

What a picture shows does not travel with the page's words, which Streamlit sends at every run: they name it, and the browser fetches what
it does not have, compressed, from `CONTENTS`, which `explorer/ui/server.py` serves. So does it with the component's own code.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from explorer.site.content import CODE, CONTENTS, Content, Dial, content
from explorer.site.questions import Question
from explorer.ui.part import heard, inside, reported

_component = st.components.v2.component(
    "divergence_explorer.picture",
    js=CODE.fetched,
    isolate_styles=False,  # Plotly puts its own style sheet in the document's head
)


def picture(
    figure: go.Figure | Mapping[str, Any] | Content,
    *,
    key: str,
    alt: str,
    frames: Sequence[Mapping[str, Any]] = (),
    dial: Dial | None = None,
    value: int = 0,
    times: Sequence[str] = (),
    height: int | None = None,
    narrow: Mapping[str, Any] | None = None,
    hint: str = "",
    said: str = "",
    question: Question | None = None,
    on_click: Callable[[Any], None] | None = None,
    on_box: Callable[[Any], None] | None = None,
    on_move: Callable[[int], None] | None = None,
) -> int:
    """Show a figure whose frames follow a slider in the browser; return the committed position of `dial`.

    A frame is a dict `{"data": [partial traces], "traces": [indices into figure.data], "layout": {...}, "views": [[k, {...}], ...]}`
    with numpy arrays inside; `layout` and the layout patches of `views` hold axis ranges (`{"xaxis": {"range": [0, 1]}}`), and
    what one frame sets every frame sets. The last view is shown, or, while time is played, the last whose k has come.

    `times` labels the steps of a second slider, with play and step buttons: it cuts every trace with `meta={"reveal": True}`
    to its first points, and shows of a trace with `meta={"head": i}` only that point of trace i. With `"points": n` either shows the last n
    points up to there; a revealed trace with `"each": n` has n points a step. What it has fewer of than there are steps stays at its end.
    When nothing is played, a partial trace's `"rest": n` shows its first n steps only. Without `times`, play moves the dial.

    `narrow` is a layout patch for widths below 640 px. A string `"var(--st-text-color)"` anywhere in figure, frames or narrow
    becomes that color of the theme. Points are drawn as they are: cut those that lie very far outside their window (a million
    times its size), which SVG cannot place.

    `hint` stands beside the thumb of the dial until the visitor has moved one.

    `said` is the page's sentence about it, where no dial has words: an embedded page, which is only its first picture, shows it there.

    `question` is what is asked, instead of the picture, while the page hides its answers (`address.predicting`).

    `height` in pixels is the figure's own, unless it is given.

    `on_click` is called with the `customdata` of a point that was clicked, or with its `[x, y]` if it has none; `on_box` with
    `[x, x, y, y]`, the two corners of a box drawn in a figure with `dragmode="select"`. Both come from a browser: check them.

    `value` is shown at first and whenever it changes; else the visitor's position stays. What comes back from the browser is
    validated: an `int` in `range(len(frames))`, and `value` for anything else.

    A page whose `value` follows the visitor gives `on_move`. It is called with the position of a release before the page runs, and
    cannot be interrupted, as a run can: the page starts with the new position as its `value`. Only what the page wishes since then, or
    a dial with other `values`, moves the slider again.

    Raises `ValueError` when `dial` and `frames` differ in length.

    A page that keeps what it shows keeps it as a `content` of figure, frames, dial, narrow, times and question, and gives that instead of
    them.

        position = picture(figure, key="home", alt="Path of gradient descent", frames=frames, dial=dial, value=60)
    """
    shown = figure if isinstance(figure, Content) else content(figure, frames, dial, narrow, times, question)
    positions = shown.positions or 1
    value = min(max(int(value), 0), positions - 1)
    scale = shown.values if on_move is not None else ()
    fresh = f"{key}:asked" not in st.session_state
    position, asked, epoch = _agree(key, value, positions, scale)
    memory: _Memory = st.session_state[f"{key}:asked"]
    memory.movers[epoch] = (positions, on_move)
    for old in [*memory.movers][:-SLOWEST]:
        del memory.movers[old]
    if shown not in memory.contents:
        memory.contents.append(shown)
    _component(
        key=key,
        data={
            "key": key,
            "alt": alt,
            "content": shown.text if shown.name in memory.lost else f"{CONTENTS}/{shown.name}",
            "height": height or shown.height or 440,
            "value": asked,
            "hint": hint,
            "said": said,
            "embedded": bool(st.context.is_embedded),
            "epoch": epoch,
            "clickable": on_click is not None,
            "boxable": on_box is not None,
            "follows": on_move is not None,
            "part": inside.get(),
        },
        on_value_change=heard(partial(_hear, key)),
        on_clicked_change=reported(key, "clicked", on_click),
        on_boxed_change=reported(key, "boxed", on_box),
        on_lost_change=reported(key, "lost", partial(_lose, memory)),
    )
    before = _reported(st.session_state.get(key))  # a new session knows it only now
    if fresh and before[0] >= epoch:  # the page has lost its server and found this one: its dial goes where its link is
        memory.epoch, memory.heard = before[0] + 1, before
        st.rerun()
    return position


SLOWEST = 3  # how many contents of a picture, and meanings of its positions, are kept for a browser that is slow, while the page goes on


@dataclass
class _Memory:
    """What Python asked the browser to show: the payload changes only when Python moves the slider, never when a visitor does.

    `asked` is the position that page and browser agreed on last: the page's `value`, or what the page heard of the visitor since.
    `heard` is the last release that the page was told of, and `movers` have, by epoch, how many positions there were and who is told of
    one: it is another rate on another ruler. `contents` are kept for the browser to fetch, and `lost` are the names of those that it
    could not: another replica was asked, perhaps.
    """

    asked: int
    shown: int
    scale: tuple[str, ...] = ()
    epoch: int = 0
    heard: tuple[int, int] = (-1, -1)
    movers: dict[int, tuple[int, Callable[[int], None] | None]] = field(default_factory=dict)
    committed: bool = False
    contents: deque[Content] = field(default_factory=lambda: deque(maxlen=SLOWEST))
    lost: set[str] = field(default_factory=set)


def _agree(key: str, value: int, count: int, scale: tuple[str, ...]) -> tuple[int, int, int]:
    """Return the position that holds now, and the (value, epoch) to send.

    The visitor owns the position until a new wish of Python's: another `value` than the one agreed on, or another `scale`, on which the
    visitor's position means something else. A commit names the epoch it belongs to, so one from before Python moved the slider (which
    the browser keeps sending) is stale once the page was told of it. As long as a visitor only drags, `shown` and `epoch` stay, and so
    Streamlit finds the payload in its cache.
    """
    memory = st.session_state.setdefault(f"{key}:asked", _Memory(asked=value, shown=value, scale=scale))
    if _hear(key):
        st.rerun()  # a commit that no callback announced: the page began without it, and perhaps with a wish from before it
    committed = _committed(key, memory.epoch, count)
    position = memory.shown if committed is None else committed
    moved = scale != memory.scale or (value != memory.asked and value != position)
    forgotten = committed is None and (memory.committed or value != memory.shown)  # the page was left, or has fewer frames
    if moved or forgotten:
        memory.shown, memory.epoch, position = value, memory.epoch + 1, value
    memory.asked, memory.scale, memory.committed = value, scale, committed is not None and not moved
    return position, memory.shown, memory.epoch


def _reported(state: object) -> tuple[int, int]:
    """Return the epoch and the position that a browser reports, perhaps of a session before this one; -1 and -1 for nonsense.

    >>> _reported({"value": [3, 7]}), _reported({"value": [3, "7"]}), _reported(None)
    ((3, 7), (-1, -1), (-1, -1))
    """
    match state.get("value") if isinstance(state, Mapping) else None:
        case [int(epoch), int(position)]:
            return epoch, position
    return -1, -1


def _committed(key: str, epoch: int, count: int) -> int | None:
    """Return the position that a visitor released the dial at, if it is sound and not from another epoch."""
    named, position = _reported(st.session_state.get(key))
    return position if named == epoch and 0 <= position < count else None


def _hear(key: str) -> bool:
    """Hand a release to the page that follows its dial; whether there was one that it had not heard.

    One that the page was not told of yet came after all that it was: also of an earlier epoch, if the visitor let go before Python's wish,
    such as for the rate typed just before, had arrived in the browser. It is told to the page as that was then, which knows whether it
    still means something, and the dial is moved to it.
    """
    memory: _Memory = st.session_state[f"{key}:asked"]
    epoch, position = release = _reported(st.session_state.get(key))
    count, on_move = memory.movers.get(epoch, (0, None))
    now = epoch == memory.epoch
    if on_move is None or not 0 <= position < count or (release == memory.heard and not now):
        return False
    memory.heard = release
    if now and position == memory.asked:
        return False
    if now:
        memory.asked = position
    on_move(position)
    return True


def _lose(memory: _Memory, address: object) -> None:
    """Note that a browser could not fetch what is shown: from now on it comes with the page's words."""
    memory.lost = {each.name for each in memory.contents if each.name in memory.lost or address == f"{CONTENTS}/{each.name}"}
