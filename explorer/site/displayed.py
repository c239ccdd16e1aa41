"""What a result shows outside of the app: a Plotly figure that stands alone, and a sentence with a small picture for a notebook.

`explorer.core.ground.display` imports this module by its name, once a result is asked for either.
"""

import functools
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from textwrap import wrap
from typing import Any

import numpy as np
import plotly.graph_objects as go

from explorer.core.diagnosis.diagnosis import Diagnosis
from explorer.core.files.logs import LogFile
from explorer.core.ground.display import Displayed
from explorer.core.ground.prose import plain
from explorer.core.maps.canvas import UNDONE, Canvas
from explorer.core.maps.tile import VERDICTS
from explorer.core.networks.planes import Survey
from explorer.core.networks.training import History
from explorer.core.run.descent import Trajectory
from explorer.core.run.finder import RateFinder
from explorer.core.run.safe_rate import SafeRate
from explorer.core.theory.gradient_check import GradientCheck
from explorer.core.theory.spectrum import Density
from explorer.core.verdict.forensics import Forensics
from explorer.core.verdict.verdict import Outcome, Verdict, judge
from explorer.figures.theme import COLORS, GREEN, TEXT, VERMILION, Part
from explorer.figures.thumbnail import Curve, sparkline, tiles, track
from explorer.site.content import HERE
from explorer.site.shown import Shown, shown

_RULES = (HERE / "standalone.css").read_text(encoding="utf-8").partition("@media")[0].split(";")
LIGHT = {f"var({name.strip()})": value.strip() for name, _, value in (each.partition(":") for each in _RULES) if "--st-" in name}
"""The colors and the font of the light theme, by what stands for them in a figure."""

GROUND = {"paper_bgcolor": "var(--st-background-color)", "plot_bgcolor": "var(--st-background-color)"}
LETTERS, LINE, SLIDER = 80, 24, 90  # letters of a line above a figure, its height in pixels, and that of the slider below
MOST = 120  # positions of a slider through the steps of a run
FEW = 4  # runs whose curves a small picture holds: it has as many dashes to tell them apart
CELLS = 18, 36  # tiles of a small map, up and across


# -- a figure that stands alone --------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Still:
    """What one position of a slider shows: patches of the traces by their number, and of the layout."""

    label: str
    traces: dict[int, Part]
    layout: Part


def plotted(what: Any) -> go.Figure:
    """Return the picture of `what` as a Plotly figure of its own, in the light theme's colors; what the app moves has a slider.

    That is one through the rates or planes of the dial; of a single run, through its steps.
    Raises TypeError for what has no picture.

    >>> from explorer import Setup
    >>> figure = plotted(Setup("x_squared", steps=20).run([0.5, 0.9, 1.1]))
    >>> [step["label"] for step in figure.layout.sliders[0].steps], len(figure.frames)
    (['0.5 = 0.5 × the critical rate', '0.9 = 0.9 × the critical rate', '1.1 = 1.1 × the critical rate'], 3)
    """
    picture = shown(what)
    traces, layout = _parts(picture.figure)
    stills = _stills(picture, traces)
    if not stills:
        return go.Figure(_painted(traces), _painted(merged(layout, GROUND)))
    first = picture.value if len(picture.frames) > 1 else len(stills) - 1
    drawn = [merged(trace, stills[first].traces.get(i, {})) for i, trace in enumerate(traces)]
    layout = merged(merged(layout, GROUND), stills[first].layout)
    frames: list[Part] = []
    if len(stills) > 1:
        layout = _with_slider(layout, picture.dial.label if picture.dial and len(picture.frames) > 1 else "", stills, first)
        frames = [
            {
                "name": str(i),
                "data": [{"type": traces[index].get("type", "scatter"), **patch} for index, patch in still.traces.items()],
                "traces": list(still.traces),
                "layout": still.layout,
            }
            for i, still in enumerate(stills)
        ]
    return go.Figure(_painted(drawn), _painted(layout), _painted(frames))


def _parts(figure: go.Figure | Part) -> tuple[list[Part], Part]:
    """Return the traces and the layout of a figure as plain parts, arrays as they are."""
    if isinstance(figure, go.Figure):
        return [each.to_plotly_json() for each in figure.data], figure.layout.to_plotly_json()
    return list(figure["data"]), dict(figure["layout"])


def _stills(picture: Shown, traces: Sequence[Part]) -> list[Still]:
    """Return what the frames show: every position of the dial at rest; of a single one, its steps."""
    dial, times, last = picture.dial, picture.times, len(picture.times) - 1
    titles = [_title(each) for each in (dial.words if dial else ())] or [{}] * len(picture.frames)
    if len(picture.frames) != 1 or not times:
        labels = dial.values if dial else [""] * len(picture.frames)
        end = last if times else np.inf
        return [_still(*each, traces, end, resting=True) for each in zip(labels, picture.frames, titles, strict=True)]
    (frame,), (title,) = picture.frames, titles
    at = np.unique(np.linspace(0, last, min(len(times), MOST)).round().astype(int)).tolist()
    return [_still(times[time], frame, title, traces, time, resting=time == last) for time in at]


def _still(label: str, frame: Part, title: Part, traces: Sequence[Part], last: float, *, resting: bool) -> Still:
    """Return what a frame changes up to its point `last`, as `patchesOf` and `viewOf` of picture_values.js have it."""
    view: Part = next((view for begin, view in reversed(frame.get("views", ())) if begin <= last), {})
    layout = merged(merged(frame.get("layout", {}), view), title)
    given = dict(zip(frame["traces"], frame["data"], strict=True))
    patches = {index: {name: part for name, part in patch.items() if name != "rest"} for index, patch in given.items()}
    found = dict(patches)
    for index, trace in enumerate(traces):
        meta = trace.get("meta") or {}
        reveals = bool(meta.get("reveal"))
        source = index if reveals else meta.get("head")
        if source is None:
            continue
        whole = merged(_points(traces[source]), patches.get(source, {}))
        each = (traces[source].get("meta") or {}).get("each", 1)
        rest = given.get(source, {}).get("rest") if resting else None
        end = int(min(each * (last + 1 if rest is None else rest), _count(whole)))
        begin = max(end - meta.get("points", end if reveals else 1), 0)
        seen = _points(whole) if reveals else {name: whole[name] for name in ("x", "y") if name in whole}
        found[index] = merged(patches.get(index, {}), _cut(seen, begin, end))
    return Still(label, found, layout)


def merged(tree: Any, patch: Any) -> Any:
    """Return a tree with what a patch changes of it.

    >>> merged({"line": {"width": 2, "dash": "dot"}}, {"line": {"width": 3}})
    {'line': {'width': 3, 'dash': 'dot'}}
    """
    if not (isinstance(tree, Mapping) and isinstance(patch, Mapping)):
        return patch
    return {**tree, **{name: merged(tree[name], part) if name in tree else part for name, part in patch.items()}}


def _is_array(part: Any) -> bool:
    return isinstance(part, np.ndarray | list | tuple)


def _count(trace: Mapping[str, Any]) -> int:
    return len(trace.get("y", trace.get("x", ())))


def _points(trace: Mapping[str, Any], count: int | None = None) -> Part:
    """Return only what has one entry a point."""
    count = _count(trace) if count is None else count
    found: Part = {}
    for name, part in trace.items():
        if _is_array(part) and len(part) == count:
            found[name] = part
        elif isinstance(part, Mapping) and name != "meta" and (inner := _points(part, count)):
            found[name] = inner
    return found


def _cut(points: Part, begin: int, end: int) -> Part:
    return {name: part[begin:end] if _is_array(part) else _cut(part, begin, end) for name, part in points.items()}


def _title(words: str) -> Part:
    """Return a dial's sentence, whose start may be bold, as the title of a layout."""
    text = "<br>".join(wrap(escape(words, quote=False), LETTERS))
    return {"title": {"text": re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", text, flags=re.DOTALL)}}


def _with_slider(layout: Part, label: str, stills: Sequence[Still], first: int) -> Part:
    """Return a layout with a slider below, and room above for the longest title."""
    lines = max(each.layout.get("title", {}).get("text", "").count("<br>") + 1 for each in stills) if "title" in layout else 0
    own = {"l": 72, "r": 16, "t": 36, "b": 56} | layout.get("margin", {})
    how = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}, "transition": {"duration": 0}}
    slider = {
        "active": first,
        "pad": {"t": own["b"] + 12},
        "currentvalue": {"prefix": f"{label} " if label else "", "font": {"size": 16, "color": TEXT}},
        "font": {"size": 1, "color": "rgba(0,0,0,0)"},  # the names of all positions would lie on each other
        "ticklen": 0,
        "minorticklen": 0,
        "steps": [{"label": each.label, "method": "animate", "args": [[str(i)], how]} for i, each in enumerate(stills)],
    }
    place = {"x": 0.01, "xanchor": "left", "y": 1, "yanchor": "top", "yref": "container", "pad": {"t": 12}, "font": {"size": 16}}
    margin = own | {"t": own["t"] + LINE * lines, "b": own["b"] + SLIDER}
    height = layout.get("height", 420) + LINE * lines + SLIDER
    return merged(layout, {"sliders": [slider], "margin": margin, "height": height, "title": place if lines else {}})


def _painted(tree: Any) -> Any:
    """Return a tree whose colors are those of the light theme: outside of our pages nobody knows the names."""
    if isinstance(tree, str):
        return functools.reduce(lambda text, name: text.replace(name, LIGHT[name]), LIGHT, tree) if "var(" in tree else tree
    if isinstance(tree, Mapping):
        return {name: _painted(part) for name, part in tree.items()}
    return [_painted(part) for part in tree] if isinstance(tree, list | tuple) else tree


# -- a sentence with a small picture ---------------------------------------------------------------------------------


def html(what: Displayed) -> str:
    """Return what a notebook shows of a result: its sentence, and a small picture with the same as its text. All text is escaped."""
    said = judge(what).summary() if isinstance(what, Trajectory) else what.summary()
    return f"<p>{escape(said)}</p>{small(what, f'{type(what).__name__}: {said}')}"


@functools.singledispatch
def small(what: Any, alt: str) -> str:
    """Return a small picture of `what`, with a text for who cannot see it; nothing where it has none."""
    return ""


@small.register
def _(trajectory: Trajectory, alt: str) -> str:
    runs = np.unique(np.linspace(0, trajectory.runs - 1, min(trajectory.runs, FEW)).round().astype(int)).tolist()
    verdicts = judge(trajectory).verdict
    return sparkline([Curve.of("", Verdict(verdicts[run]), trajectory.loss[:, run]).ended for run in runs], alt)


@small.register
def _(outcome: Outcome, alt: str) -> str:
    rates, verdicts = outcome.learning_rate, outcome.verdict
    order = np.arange(verdicts.size) if rates is None else np.argsort(rates, kind="stable")
    alike = [(verdict, len(list(some))) for verdict, some in itertools.groupby(verdicts[order])]
    ends = ("", "") if rates is None else (plain(float(rates[order[0]])), plain(float(rates[order[-1]])))
    return track([(str(verdict), count / verdicts.size, COLORS[verdict]) for verdict, count in alike], alt, ends=ends)


@small.register
def _(canvas: Canvas, alt: str) -> str:
    codes = canvas.filled(canvas.stride).codes
    rows, columns = (np.unique(np.linspace(0, size - 1, most).round().astype(int)) for size, most in zip(codes.shape, CELLS, strict=True))
    cells = [[None if code == UNDONE else VERDICTS[code] for code in line] for line in codes[np.ix_(rows, columns)].tolist()]
    names = (canvas.plan.x.knob, canvas.plan.y.knob) if canvas.plan else ("", "")
    return tiles(cells, names, alt, words=canvas.plan is not None)


@small.register
def _(found: Diagnosis, alt: str) -> str:
    if found.record is None:
        return ""
    curve = Curve.of("", found.verdict or Verdict.STUCK, found.record.values)
    return sparkline([curve.ended], alt, hide_verdict=found.verdict is None)


@small.register
def _(log: LogFile, alt: str) -> str:
    return _nameless(log.losses.compressed(), alt)


@small.register
def _(found: RateFinder, alt: str) -> str:
    return _nameless(found.losses, alt)


@small.register
def _(found: Density, alt: str) -> str:
    low, high = float(found.eigenvalues.min()), float(found.eigenvalues.max())
    return _nameless(found.on(np.linspace(low, high, 200)), alt, words=False) if low < high else ""


@small.register
def _(found: Forensics, alt: str) -> str:
    if found.trajectory is None:
        return ""
    verdict = Verdict.DIVERGED if found.origin else Verdict(judge(found.trajectory).verdict[found.run])
    return sparkline([Curve.of("", verdict, found.trajectory.loss[:, found.run]).ended], alt)


@small.register
def _(history: History, alt: str) -> str:
    return sparkline([Curve("", history.verdict, *history.course).ended], alt) if history.steps else ""


@small.register
def _(found: Survey, alt: str) -> str:
    """Draw the loss straight through the middle of the first plane."""
    planes = list(found.panes[0].slices.values())
    return _nameless(planes[0].height[len(planes[0].height) // 2], alt, words=False) if planes else ""


@small.register
def _(found: SafeRate, alt: str) -> str:
    known = [each for each in (found.held, found.broke, found.rate) if 0 < each < np.inf]
    if not known:
        return ""
    low, high = min(known) / 3, 3 * max(known)
    held, broke = low if np.isnan(found.held) else found.held, high if np.isnan(found.broke) else found.broke
    shares = np.diff(np.log(np.maximum([low, held, broke, high], low))) / np.log(high / low)
    names = (("held", GREEN), ("not tried", COLORS[Verdict.STUCK]), ("failed", VERMILION))
    return track(
        [(name, float(share), color) for (name, color), share in zip(names, shares, strict=True)], alt, ends=(plain(low), plain(high))
    )


@small.register
def _(check: GradientCheck, alt: str) -> str:
    colors = {"right": GREEN, "wrong": VERMILION, "cannot tell": COLORS[Verdict.STUCK]}
    signs = {"right": "", "wrong": "✕ ", "cannot tell": "? "}
    return track([(f"{signs[each.verdict]}{each.block}", 1 / len(check.blocks), colors[each.verdict]) for each in check.blocks], alt)


def _nameless(values: np.ndarray, alt: str, *, words: bool = True) -> str:
    """Return a curve that has no verdict."""
    return sparkline([Curve.of("", Verdict.STUCK, values).ended], alt, hide_verdict=True, words=words)
