"""Laws of the home page's picture, for every loss with every optimizer: it draws the run, all of it, and nothing else."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from explorer.core.data import Table, remember
from explorer.core.losses import LOSSES, Facts
from explorer.core.optimizers import OPTIMIZERS
from explorer.core.run.ruler import ruler
from explorer.core.run.setup import Setup
from explorer.core.theory.curvature import second_order
from explorer.core.verdict.explanation import Explanation
from explorer.core.verdict.forensics import growth as grown
from explorer.core.verdict.forensics import why_nan
from explorer.figures import growth, microscope, step_size
from explorer.figures.landscape import OPAQUE, Landscape
from explorer.figures.step_size import BEST, CURVE, FITTED, FLOOR, GROUND, HERE, HOP, LEAVING, MOVED, NOW, PATH, RAIL, SWINGS, UPHILL
from explorer.figures.ticks import loss_axis

COLOR = re.compile(r"#[0-9a-fA-F]{6}|rgba\(\d+,\d+,\d+,[\d.]+\)|var\(--[\w-]+\)")


def explained(setup: Setup) -> Explanation:
    loss, optimizer = setup.make_loss(), setup.make_optimizer()
    scale = ruler(loss, optimizer, setup.initial_point, setup.learning_rate)
    return Explanation.of(setup.run(scale.rates))


def one(setup: Setup) -> Explanation:
    return Explanation.of(setup.run())


def leaves(tree: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every value in a figure with the name it has."""
    if isinstance(tree, Mapping):
        for key, part in tree.items():
            yield from leaves(part, key)
    elif isinstance(tree, list | tuple) and name not in ("x", "y"):
        for part in tree:
            yield from leaves(part, name)
    else:
        yield name, tree


def points(frame: Mapping[str, Any], trace: int) -> tuple[np.ndarray, np.ndarray]:
    part = frame["data"][frame["traces"].index(trace)]
    return tuple(np.array([np.nan if each is None else each for each in part.get(axis, [])], dtype=float) for axis in ("x", "y"))


def check_look(figure: Any, frames: list[dict[str, Any]]) -> None:
    """Colors that a browser knows, ranges that are numbers, texts that people read."""
    for name, value in leaves([figure.to_dict(), frames]):
        if name == "color" and value is not None:
            assert COLOR.fullmatch(str(value)), value
        if name == "range":
            assert math.isfinite(value)
        if name in ("text", "ticktext") and isinstance(value, str):
            assert not re.search(r"\d[eE][+-]?\d|\bnan\b(?! from| at step)|None", re.sub("#[0-9A-F]{6}", "", value)), value


SMALL = [name for name in LOSSES if LOSSES[name]().dim <= 100]
EACH_WITH_FOUR = [(loss, [*OPTIMIZERS][(5 * i + k) % len(OPTIMIZERS)]) for i, loss in enumerate(SMALL) for k in (0, 1, 4, 8)]


@pytest.mark.parametrize(("loss", "optimizer"), EACH_WITH_FOUR)
def test_every_run_can_be_drawn(loss: str, optimizer: str) -> None:
    """Every loss, with four of the rules in turn, and so every rule: a drawing knows a rule by its path only."""
    explanation = explained(Setup(loss, optimizer, 0.1, steps=25))
    drawing = step_size.draw(explanation)
    assert len(drawing.frames) == explanation.trajectory.runs
    assert len(drawing.times) == len(drawing.drawn) == 26
    for run, frame in enumerate(drawing.frames):
        assert frame["traces"] == [
            each for each in MOVED if each <= (RAIL if Facts(explanation.trajectory.objective).fit is None else FITTED)
        ]
        assert len(frame["data"]) == len(frame["traces"])
        assert {*frame["layout"]} - {"yaxis3"} == {"xaxis", "yaxis", "yaxis2"}
        assert [each[0] for each in frame["views"]] == sorted({each[0] for each in frame["views"]})
        for axis in frame["layout"].values():
            assert axis["range"][0] < axis["range"][1]
        _, curve = points(frame, CURVE)
        finite = np.isfinite(explanation.trajectory.loss[drawing.drawn, run])
        assert (np.isfinite(curve) == finite).all()
        low, high = frame["layout"]["yaxis2"]["range"]
        assert ((curve[finite] >= low - 1e-3) & (curve[finite] <= high)).all()
    check_look(drawing.figure, drawing.frames)
    lens = microscope.magnify(explanation.trajectory, explanation.trajectory.runs // 2)
    if lens is not None:
        assert len(lens.frames) == len(lens.steps) == len(lens.words)
        assert 0 <= lens.telling < len(lens.steps)
        check_look(go.Figure(lens.figure), lens.frames)


@pytest.mark.parametrize("loss", [name for name in LOSSES if LOSSES[name]().dim <= 2])
def test_the_path_is_the_trajectory_as_long_as_one_sees_it_move_and_is_never_clamped(loss: str) -> None:
    explanation = explained(Setup(loss, learning_rate=0.1, steps=40))
    trajectory = explanation.trajectory
    drawing = step_size.draw(explanation)
    for run, frame in enumerate(drawing.frames):
        x, y = points(frame, PATH)
        second = trajectory.x[:, 1, run] if trajectory.x.shape[1] == 2 else trajectory.loss[:, run]
        with np.errstate(all="ignore"):
            near = (np.abs(trajectory.x[:, 0, run]) < 1e290) & (np.abs(second) < 1e290)
        near = np.flatnonzero(np.logical_and.accumulate(near))
        for path, at, axis in ((x, trajectory.x[:, 0, run], "xaxis"), (y, second, "yaxis")):
            assert (np.abs(at[near[near >= x.size]] - path[-1]) < 0.002 * np.ptp(frame["layout"][axis]["range"])).all(), "it stands still"
        near = near[near < x.size]
        np.testing.assert_allclose(x[near], trajectory.x[near, 0, run], rtol=1e-4, atol=1e-30)
        np.testing.assert_allclose(y[near], second[near], rtol=1e-4, atol=1e-30)


@pytest.mark.parametrize("rate", [0.3, 0.9, 0.999, 1.05, 1.5])
def test_at_rest_the_whole_path_is_in_the_window_or_an_arrow_says_where_it_goes_on(rate: float) -> None:
    explanation = one(Setup("x_squared", learning_rate=rate, start=(1.0,), steps=100))
    drawing = step_size.draw(explanation)
    [frame] = drawing.frames
    x, y = points(frame, PATH)
    shown = frame["data"][0]["rest"]
    (left, right), (bottom, top) = (frame["layout"][axis]["range"] for axis in ("xaxis", "yaxis"))
    assert ((x[:shown] >= left) & (x[:shown] <= right) & (y[:shown] >= bottom) & (y[:shown] <= top)).all()
    away, _ = points(frame, LEAVING)
    assert (away.size == 0) == (shown == 101)
    if away.size:
        assert away[0] == pytest.approx(x[shown - 1])
        assert f"leaves at step {shown:,}" in frame["data"][frame["traces"].index(LEAVING)]["text"][0]


def test_every_step_can_be_seen_while_it_is_played() -> None:
    """The window that is open at a step holds the point of that step, and it never closes again."""
    drawing = step_size.draw(one(Setup("ravine", learning_rate=2.3, start=(1.0, 0.3), steps=200)))
    [frame] = drawing.frames
    x, y = points(frame, PATH)
    widths = []
    for step in range(200):
        view = [each for each in frame["views"] if each[0] <= step][-1][1]
        (left, right), (bottom, top) = view["xaxis"]["range"], view["yaxis"]["range"]
        assert left <= x[step] <= right, step
        assert bottom <= y[step] <= top, step
        widths.append(top - bottom)
    assert widths == sorted(widths)


def test_marks_say_the_right_steps() -> None:
    """x² at 1.1 from 1: uphill at once, inf at step 1947; the loss is one hop later than nan for ever."""
    explanation = one(Setup("x_squared", learning_rate=1.1, start=(1.0,), steps=2000))
    [frame] = step_size.draw(explanation).frames
    parts = dict(zip(frame["traces"], frame["data"], strict=True))
    assert parts[UPHILL]["text"] == ["first uphill step: 1"]
    assert parts[UPHILL]["x"] == [1]
    assert parts[RAIL]["x"][:2] == [1947, 2000]
    assert "inf from step 1,947" in parts[RAIL]["text"][-1]
    loss = explanation.trajectory.loss[:, 0]
    assert np.flatnonzero(np.isinf(loss))[0] == 1947


def test_a_run_that_falls_has_no_marks() -> None:
    [frame] = step_size.draw(one(Setup("x_squared", learning_rate=0.2, start=(1.0,)))).frames
    for trace in (UPHILL, RAIL, LEAVING):
        assert points(frame, trace)[0].size == 0


def test_the_rings_stand_at_the_end() -> None:
    [frame] = step_size.draw(one(Setup("booth", learning_rate=0.05, steps=30))).frames
    for ring, line in ((HERE, PATH), (NOW, CURVE)):
        assert points(frame, ring)[1] == points(frame, line)[1][-1]


@pytest.mark.parametrize(
    ("loss", "far"), [*((name, 1.0) for name in LOSSES if LOSSES[name]().dim == 2), ("quadratic", 250.0), ("himmelblau", 250.0)]
)
def test_level_lines_lie_on_levels(loss: str, far: float) -> None:
    """All points of a line have one loss: as nearly as straight pieces between the points of the grid can."""
    ground = LOSSES[loss]()
    landscape = Landscape.of(ground, np.asarray(ground.start))
    x, y = landscape.lines(np.array([[far], [far]]))
    ends = np.flatnonzero(np.isnan(x))
    assert ends.size >= 8
    near = landscape.at(*(middle + reach * np.linspace(-1, 1, 30) for middle, reach in zip(landscape.center, landscape.reach, strict=True)))
    scatter, spread = [], np.ptp(near)
    for start, end in zip(np.r_[0, ends[:-1] + 1], ends, strict=True):
        value = ground.value(np.stack([x[start:end], y[start:end]]))
        scatter.append(np.ptp(value) / max(np.abs(value).max(), 0.05 * spread))
    assert np.median(scatter) < 0.2


def test_level_lines_reach_the_side_of_every_window() -> None:
    landscape = Landscape.of(LOSSES["ravine"](), np.array([1.0, 0.3]))
    x, _ = landscape.lines(np.array([[1.0, 40.0, 200.0], [1.0, 3.0, 7.0]]))
    assert np.nanmax(x) >= landscape.center[0] + 200 * landscape.reach[0]


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.11])
def test_the_microscope_shows_the_terms_of_the_step(rate: float) -> None:
    trajectory = Setup("beale", "momentum", rate, steps=20).run()
    lens = microscope.magnify(trajectory)
    assert lens is not None
    for position, step in enumerate(lens.steps):
        x = trajectory.x[:, :, 0]
        terms = second_order(trajectory.objective, x[step], x[step + 1] - x[step])
        *_, summed, bars, _ = lens.frames[position]["data"]
        assert list(bars["y"]) == pytest.approx([terms.slope, terms.bend, terms.actual])
        assert len(bars["text"]) == 3
        assert summed["y"] == pytest.approx([terms.predicted] * 2)
        assert lens.words[position].startswith(f"**Step {step + 1:,}**")
        assert ("it rises" in lens.words[position] or "loss rises" in lens.words[position]) == (terms.actual > 0)


def test_a_step_over_a_kink_is_not_laid_to_the_two_terms() -> None:
    """From 0.15 to -0.15 on abs(x): the slope promises a fall by 0.3, and nothing has fallen."""
    lens = microscope.magnify(Setup("absolute", learning_rate=0.3, start=(0.15,), steps=4).run())
    assert lens is not None
    assert "the loss should fall by 0.3; it" in lens.words[0]
    assert "too long" in lens.words[0]


@pytest.mark.parametrize("loss", ["x_squared", "rosenbrock", "quadratic", "absolute"])
def test_plotly_would_take_what_the_microscope_draws(loss: str) -> None:
    lens = microscope.magnify(Setup(loss, learning_rate=1e-3, steps=20).run())
    go.Figure(lens.figure)
    for frame in lens.frames:
        traces = [trace | part for trace, part in zip(lens.figure["data"], frame["data"], strict=False)]
        go.Figure({"data": traces, "layout": lens.figure["layout"] | frame["layout"]})


def test_the_microscope_begins_where_there_is_something_to_see() -> None:
    falls = microscope.magnify(Setup("x_squared", learning_rate=0.9, start=(1.0,), steps=2000).run())
    assert falls is not None
    assert falls.steps[falls.telling] < 60  # the error is a millionth long before step 2000
    rises = microscope.magnify(Setup("x_squared", learning_rate=1.1, start=(1.0,), steps=2000).run())
    assert rises is not None
    assert rises.telling == 0
    assert microscope.magnify(Setup("x_squared", learning_rate=1e300, start=(1.0,), steps=5).run()) is None


def test_a_step_without_a_gradient_is_called_that() -> None:
    lens = microscope.magnify(Setup("x_squared", learning_rate=0.5, start=(1.0,), steps=5).run())
    assert lens is not None
    assert lens.telling == 0
    assert "the gradient is 0 here" in lens.words[-1]


@pytest.mark.parametrize(
    ("low", "high", "signed"),
    [(-0.1, 2.1, False), (0, 300, False), (-307, 308, False), (1.99, 2.01, False), (-30, -29.9, False), (-2.6, 0.3, True), (-300, 4, True)],
)
def test_a_loss_axis_names_where_its_ticks_are(low: float, high: float, signed: bool) -> None:
    axis = loss_axis(low, high, signed=signed)
    at, names = axis["tickvals"], axis["ticktext"]
    assert 2 <= len(at) == len(names) == len(set(names)) <= 8
    assert at == sorted(at)
    for position, name in zip(at, names, strict=True):
        assert low <= position <= high
        value = number(name)
        if abs(position) < 300:
            expected = math.copysign(math.log10(1 + abs(value)), value) if signed else math.log10(value)
            assert position == pytest.approx(expected, abs=1e-3)


def number(name: str) -> float:
    """The number that a tick says."""
    superscripts = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
    name = name.replace("−", "-").replace(",", "")
    name = re.sub(r"(?<!× )10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", lambda found: "1e" + found[1].translate(superscripts), name)
    return float(re.sub(r" × 10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", lambda found: "e" + found[1].translate(superscripts), name))


def test_a_picture_names_its_lines() -> None:
    with_theory = step_size.draw(one(Setup("x_squared", learning_rate=0.3)))
    without = step_size.draw(one(Setup("himmelblau", learning_rate=0.01)))
    headings = ["".join(each.text for each in drawing.figure.layout.annotations) for drawing in (with_theory, without)]
    assert ["dotted: theory" in text for text in headings] == [True, False]
    assert with_theory.figure.data[GROUND].x is not None


def test_the_line_among_the_examples_is_the_model_s_at_every_step() -> None:
    setup = Setup("linear_regression", learning_rate=1.2e-3, steps=60).with_knobs({"loss.data": "line", "loss.half": False})
    explanation = Explanation.of(setup.run([1.2e-3, 1.6e-3]))
    drawing, trajectory = step_size.draw(explanation), explanation.trajectory
    seen = []
    for run, frame in enumerate(drawing.frames):
        x, y = (np.asarray(each).reshape(-1, 2) for each in points(frame, SWINGS))
        seen.append(len(x))
        steps = drawing.drawn[: len(x)]
        slope, intercept = trajectory.x[steps, :, run].T
        np.testing.assert_allclose(y, slope[:, np.newaxis] * x + intercept[:, np.newaxis], rtol=1e-5, atol=1e-4)
        assert (np.sort(x, axis=1) == np.sort(x[0])).all(), "every line goes from side to side"
        assert (np.diff(x, axis=1).ravel() * (-1) ** np.arange(len(x)) > 0).all(), "and the next begins where it ends"
        low, high = frame["layout"]["yaxis3"]["range"]
        assert low < 2 < 16 < high, "the examples are seen"
    assert seen[0] < seen[1] == 61, "the one that converges is sent until it stands still"
    swings, fitted = (drawing.figure.data[each].meta for each in (SWINGS, FITTED))
    assert fitted["head"] == SWINGS
    assert swings["each"] == fitted["points"] == 2
    best = drawing.figure.data[BEST]
    assert np.allclose(best.y, 0.4 * np.asarray(best.x))


def test_a_run_that_diverges_opens_the_window_of_its_line_as_far_as_the_examples_can_be_told_apart() -> None:
    setup = Setup("linear_regression", learning_rate=1e-3, steps=60).with_knobs({"loss.data": "line", "loss.half": False})
    spans = [np.ptp(each["layout"]["yaxis3"]["range"]) for each in step_size.draw(Explanation.of(setup.run([1e-3, 1.7e-3, 1e-2]))).frames]
    assert spans[0] < spans[2] <= 6.01 * spans[0]
    assert spans == sorted(spans)


@pytest.mark.parametrize("loss", ["x_squared", "double_well", "absolute"])
def test_a_step_goes_along_the_slope_and_then_to_the_curve(loss: str) -> None:
    explanation = Explanation.of(Setup(loss, learning_rate=0.3, steps=12).run([0.3]))
    x, y = (np.asarray(each, dtype=float).reshape(-1, 3) for each in points(step_size.draw(explanation).frames[0], HOP))
    trajectory = explanation.trajectory
    assert np.isnan(x[0]).all(), "no step has been made yet"
    for step in range(1, len(x)):
        before, after = trajectory.x[step - 1, 0, 0], trajectory.x[step, 0, 0]
        slope = trajectory.objective.value_and_gradient(np.array([[before]]))[1][0, 0]
        np.testing.assert_allclose(x[step], [before, after, after], rtol=1e-5)
        begun, landed = trajectory.loss[step - 1 : step + 1, 0]
        np.testing.assert_allclose(y[step], [begun, begun + slope * (after - before), landed], rtol=1e-5, atol=1e-6)


def test_what_somebody_named_a_column_is_no_tag() -> None:
    table = Table(np.array([[1.0], [2.0]]), np.array([1.0, 3.0]), ("<b>x</b>",), '<a href="https://example.org">here</a>')
    drawing = step_size.draw(
        Explanation.of(Setup("linear_regression", learning_rate=0.1, steps=3).with_knobs({"loss.data": remember(table)}).run([0.1]))
    )
    layout = drawing.figure.layout
    written = [layout.xaxis.title.text, layout.xaxis3.title.text, layout.annotations[-1].text.removeprefix("<b>").removesuffix("</b>")]
    assert not any("<" in text for text in written), written


@pytest.mark.parametrize("loss", ["ravine", "himmelblau", "linear_regression", "saddle", "rosenbrock"])
def test_the_ground_is_most_opaque_where_it_is_lowest_and_fades_out_to_the_sides(loss: str) -> None:
    made = LOSSES[loss]()
    landscape = Landscape.of(made, made.start)
    rgba, (left, top, width, height) = landscape.glow()
    alpha = rgba[..., 3].astype(float)
    side = (np.arange(len(alpha)) + 0.0) / (len(alpha) - 1)
    ground = landscape.at(left + width * side, top - height * side)
    inner = np.abs(2 * side - 1) < 0.7
    near, low = alpha[np.ix_(inner, inner)], ground[np.ix_(inner, inner)]
    assert near.max() > 0.78 * 255 * OPAQUE
    order = np.argsort(low.ravel())
    assert (np.diff(near.ravel()[order]) <= 1).all(), "the higher, the paler"
    assert not any(np.abs(edge).max() for edge in (alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]))
    x, y = landscape.ranges(np.ones((2, 1)))
    assert left <= x[0, 0] < x[0, 1] <= left + width, "it reaches beyond the first window"
    assert top - height <= y[0, 0] < y[0, 1] <= top


def test_a_curve_and_a_flat_ground_have_no_glow() -> None:
    flat = LOSSES["quadratic"](eigenvalues=(0.0, 0.0))
    assert Landscape.of(LOSSES["x_squared"](), np.ones(1)).glow() is None
    assert Landscape.of(flat, np.ones(2)).glow() is None


@pytest.mark.parametrize("window", [(308.0, 308.6), (307.9, 308.3), (-400.0, -399.9), (308.3, 308.9), (300.0, 400.0), (-323.5, -320.0)])
def test_an_axis_at_the_end_of_the_numbers_has_ticks_that_differ(window: tuple[float, float]) -> None:
    texts = loss_axis(*window)["ticktext"]
    assert texts
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(
    ("setup", "says"),
    [
        (Setup("x_squared", learning_rate=0.5, steps=200), "exactly 0 from step 1 on"),
        (Setup("x_squared", learning_rate=0.3, steps=2000), "below 10⁻²⁵, 0 from step 407 on"),
        (Setup("x_squared", learning_rate=0.4, steps=200), "below 10⁻²⁵"),
        (Setup("himmelblau", learning_rate=0.01, steps=2000), "as close as rounding allows"),
        (Setup("network", learning_rate=0.1, steps=30), ""),
        (Setup("x_squared", learning_rate=1.1, steps=200), ""),
        (Setup("saddle", learning_rate=0.1, steps=200), ""),
    ],
    ids=lambda each: each if isinstance(each, str) else each.loss,
)
def test_the_flat_end_of_a_loss_curve_says_what_it_is(setup: Setup, says: str) -> None:
    told = one(setup)
    (frame,) = step_size.draw(told).frames
    part = frame["data"][frame["traces"].index(FLOOR)]
    assert part["text"][1] == says
    loss = told.trajectory.loss[:, 0]
    if "0 from" in says:
        first = int(re.sub(r"\D", "", says.rpartition("0 from")[2]))
        assert loss[first - 1] > 0 == loss[first:].max()
    if says:
        curve = points(frame, CURVE)[1]
        assert part["y"][1] == pytest.approx(curve[-1], abs=1e-5), "it stands where the curve ends"
    elif part["y"]:
        assert part["y"][0] > 0


@pytest.mark.parametrize(("loss", "rule"), [("quadratic", "momentum"), ("ravine", "momentum"), ("x_squared", "gradient_descent")])
def test_the_name_of_the_first_uphill_step_lies_beside_the_curve(loss: str, rule: str) -> None:
    """Wherever there is room for it, at any rate of the ruler; and no line is drawn over a name."""
    drawing = step_size.draw(explained(Setup(loss, rule, 0.1, steps=200)))
    named = [f for f in drawing.frames if "textposition" in f["data"][f["traces"].index(UPHILL)]]
    assert named
    for frame in named:
        y, (bottom, top) = points(frame, CURVE)[1], frame["layout"]["yaxis2"]["range"]
        fine, last = np.linspace(0, y.size - 1, 5000), y.size - 1
        x, y = fine / last, (np.interp(fine, np.arange(y.size), y) - bottom) / (top - bottom)
        (at,), (up,) = points(frame, UPHILL)
        at, up = at / last, (up - bottom) / (top - bottom)

        def covers(where: str, height: float, *, x: Any = x, y: Any = y, at: float = at, up: float = up) -> bool:
            """Whether the curve passes through a name of this height, half a plot long, beside the triangle."""
            vertical, side = where.split()
            middle = up + {"middle": 0.0, "top": 0.065, "bottom": -0.065}[vertical]
            along = x - at if side == "right" else at - x
            return bool(((along > 0.03) & (along < 0.53) & (abs(y - middle) < height / 2)).any())

        free = [f"{v} {s}" for v in ("middle", "top", "bottom") for s in ("right", "left")]
        inside = [each for each in free if (at < 0.46 if "right" in each else at > 0.54) and (up > 0.12 or "bottom" not in each)]
        position = frame["data"][frame["traces"].index(UPHILL)]["textposition"]
        assert not covers(position, 0.07) or all(covers(each, 0.1) for each in inside)
    order = [trace.name for trace in drawing.figure.data]
    assert {"minimum", "start", "leaves", "floor"} <= {*order}
    for name, line in (
        ("minimum", "path"),
        ("start", "path"),
        ("minimum", "latest steps"),
        ("start", "slope of the step"),
        ("floor", "loss"),
    ):
        assert order.index(name) > order.index(line), "what comes later is drawn above"


def test_what_a_run_grows_to_says_where_it_is_0_from() -> None:
    """A logarithm has no 0: the line of a quantity that came to it ends, and says so."""
    path = Setup("double_well", "nesterov", learning_rate=0.31, steps=150).run()
    drawn, words = growth.draw(grown(path), why_nan(path))
    (marks,) = [trace for trace in drawn.data if trace.name == "0 from here on"]
    first = int(np.flatnonzero(path.loss[:, 0])[-1]) + 1
    assert not path.loss[first:, 0].any()
    assert f"loss 0 from step {first} on" in marks.text
    assert f"loss is 0 from step {first} on" in words


@pytest.mark.parametrize(("text", "how", "at"), [("-x^2", "\N{MINUS SIGN}inf", "bottom"), ("x^2", "inf", "top"), ("log(x)", "nan", "top")])
def test_what_a_lost_run_became_is_said_alike_everywhere(text: str, how: str, at: str) -> None:
    """In the sentence, where the path leaves and along the side where the loss went; and no curve goes on behind that."""
    told = one(Setup("formula", learning_rate=1.3 if text == "x^2" else 0.9, steps=2000, knobs={"loss.text": text}))
    drawing = step_size.draw(told)
    lost = int(told.outcome.first_nonfinite[0])
    assert f"became {how} at step {lost:,}" in told.sentence(0)
    frame = drawing.frames[0]
    rail, leaves, curve, path = (frame["data"][frame["traces"].index(name)] for name in (RAIL, LEAVING, CURVE, PATH))
    words = " ".join(each for each in rail["text"] if each)
    assert words.startswith(f"{how} from step {lost:,}")
    assert all(f"loss {how} at step {lost:,}" in each for each in leaves["text"][:1])
    low, high = frame["layout"]["yaxis2"]["range"]
    assert (rail["y"][0] < low + 0.2 * (high - low)) == (at == "bottom")
    seen = drawing.drawn[np.isfinite(np.asarray(curve["y"], dtype=float))]
    assert seen.max() < lost
    bottom, top = frame["layout"]["yaxis"]["range"]
    values = np.asarray(path["y"][: path["rest"]], dtype=float)
    assert np.nanmin(values) >= bottom
    assert np.nanmax(values) <= top
    if text == "-x^2":
        assert top < 0.3 * -bottom, "a loss that is never above 0 has its room below"
