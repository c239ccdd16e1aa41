"""Every result, wherever somebody looks at it: one line, a sentence with a small picture, a figure that stands alone, a table."""

from __future__ import annotations

import base64
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

import explorer
from explorer import LOSSES, Axis, Canvas, Map, Setup, Verdict, from_function
from explorer.core.ground.display import Displayed
from explorer.core.networks.planes import View, survey
from explorer.core.networks.training import train
from explorer.core.run.race import Race, Racer
from explorer.core.verdict.sentence import TABLE
from explorer.site import write_html

ROOT = Path(__file__).parents[1]
RATES = [0.1, 0.3, 0.39]
EVIL = '<img src=x onerror="alert(1)"> loss'
EVIL_LOG = f"step\t{EVIL}\n" + "\n".join(f"{k}\t{2 * 0.9**k}" for k in range(30))


def canvas(*, whole: bool = True) -> Canvas:
    plan = Map(Setup("x_squared"), Axis("learning_rate", 0, 2, count=16), Axis("start.0", 1, 2, count=8))
    found = Canvas.blank(plan)
    for _ in explorer.render(plan, found) if whole else ():
        pass
    return found


def last(steps: Any) -> Any:
    *_, found = steps
    return found


NAMED = {"Diagnosis, of a log", "GradientCheck"}
"""Those whose figure says a name that somebody gave."""


def mistaken(x: np.ndarray) -> tuple[float, np.ndarray]:
    return float(x @ x), x  # its gradient is 2x


NET = Setup("network", steps=8)

RESULTS: dict[str, Callable[[], Any]] = {
    "Trajectory": lambda: explorer.run("quadratic", "momentum", RATES),
    "Trajectory, one run": lambda: explorer.run("quadratic", "momentum", 0.39, steps=400),
    "Trajectory, a curve": lambda: explorer.run("x_fourth", "gradient_descent", [0.1, 9.0], steps=30),
    "Outcome": lambda: explorer.sweep("quadratic", "momentum", np.geomspace(1e-3, 1, 64)),
    "Outcome, no rates": lambda: explorer.judge(explorer.run("booth", "adam", 0.1, start=np.ones((2, 3)))),
    "Outcome, all lost": lambda: explorer.sweep("x_fourth", "gradient_descent", [0.0, 50.0, 90.0]),
    "Diagnosis": lambda: explorer.diagnose([4.0, 2.0, 8.0, 64.0, 1e9, float("inf")]),
    "Diagnosis, of a log": lambda: explorer.diagnose(explorer.read_log(EVIL_LOG, roles={"train": EVIL})),
    "LogFile": lambda: explorer.read_log(EVIL_LOG),
    "Canvas": canvas,
    "Canvas, blank": lambda: canvas(whole=False),
    "Forensics": lambda: explorer.why_nan(explorer.run("x_squared", "gradient_descent", 1.1, steps=2000)),
    "Forensics, none": lambda: explorer.why_nan(explorer.run("x_squared", "gradient_descent", [0.1, 0.2], steps=20), 1),
    "SafeRate": lambda: explorer.safe_rate("quadratic", steps=50),
    "SafeRate, unchecked": lambda: explorer.safe_rate("quadratic", check=False),
    "GradientCheck": lambda: explorer.check_gradient(from_function(mistaken, [3.0, 4.0], blocks={f"{EVIL}": 1, "b": 1})),
    "RateFinder": lambda: explorer.find_rate("quadratic", "gradient_descent", 1e-3, 10.0),
    "Density": lambda: explorer.density(LOSSES["network"](), probes=3, products=10),
    "History": lambda: last(train(NET)),
    "Survey": lambda: last(survey(NET, View(planes=2, side=7, pair=False))),
}
RACE = Race(Setup("ravine", learning_rate=0.5, steps=300), (Racer("gradient_descent", 1.9), Racer("adam", 0.1)))
PLANS: dict[str, Callable[[], Any]] = {"Setup": lambda: Setup("ravine", steps=20), "Race": lambda: RACE, "Map": lambda: canvas().plan}

made = cache(lambda name: (RESULTS | PLANS)[name]())
drawn = cache(lambda name: made(name).plot())


class Seen(HTMLParser):
    """The tags of a piece of HTML with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_every_result_is_here() -> None:
    assert {type(made(name)) for name in RESULTS} == set(Displayed.__subclasses__())


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_prints_as_one_short_line(name: str) -> None:
    said = repr(made(name))
    assert said.startswith(f"<{type(made(name)).__name__}: ")
    assert len(said) <= 200
    assert "\n" not in said
    assert "array(" not in said


@pytest.mark.parametrize("name", RESULTS)
def test_a_notebook_shows_the_sentence_and_a_picture_with_a_text(name: str) -> None:
    result = made(name)
    seen = Seen(result._repr_html_())
    assert [tag for tag, _ in seen.tags] == ["p", "img"]
    said = explorer.judge(result).summary() if isinstance(result, explorer.Trajectory) else result.summary()
    assert seen.text == said
    picture = seen.tags[1][1]
    assert said in str(picture["alt"])
    drawing = ET.fromstring(base64.b64decode(str(picture["src"]).partition(",")[2]))
    assert len(drawing)
    assert {each.tag.partition("}")[2] for each in drawing.iter()} <= {"svg", "path", "line", "text", "rect"}


def test_the_sentence_has_the_verdict() -> None:
    assert "2 converging, 1 diverged" in made("Trajectory")._repr_html_()
    assert "Diverges: the loss grew from 2 to 1 × 10⁹" in made("Diagnosis")._repr_html_()
    assert "learning rate: " in made("Forensics")._repr_html_()


@pytest.mark.parametrize("name", [*RESULTS, *PLANS])
def test_a_figure_stands_alone(name: str) -> None:
    figure = drawn(name)
    assert isinstance(figure, go.Figure)
    go.Figure(figure.to_dict())  # Plotly checks every part
    text = str(figure.to_dict())
    assert "var(" not in text
    assert "<img" not in text
    assert ("&lt;img" in text) == (name in NAMED)
    if figure.frames:
        (slider,) = figure.layout.sliders
        assert [step.args[0][0] for step in slider.steps] == [frame.name for frame in figure.frames]
        assert len({str(frame.to_plotly_json()) for frame in figure.frames}) == len(figure.frames), "every position moves something"


@pytest.mark.parametrize(
    ("name", "positions"), [("Trajectory", 3), ("Trajectory, one run", 120), ("Race", 120), ("Survey", 2), ("Outcome", 0), ("Canvas", 0)]
)
def test_what_the_app_moves_has_a_slider(name: str, positions: int) -> None:
    assert len(drawn(name).frames) == positions


def test_of_many_runs_some_are_drawn_and_the_slider_says_so() -> None:
    path = explorer.run("quadratic", "adam", np.geomspace(0.01, 1, 5000), steps=10, keep_preconditioner=True)
    figure = path.plot()
    assert len(figure.frames) == 200
    assert figure.layout.sliders[0].currentvalue.prefix.strip() == "Learning rate, 200 of 5,000 runs"
    assert [step.label.split()[0] for step in figure.layout.sliders[0].steps[:: len(figure.frames) - 1]] == ["0.01", "1"]
    some = path.at(np.array([7, 0, 4999]))
    np.testing.assert_array_equal(some.x, path.x[:, :, [7, 0, 4999]])
    assert explorer.judge(some).verdict.tolist() == explorer.judge(path).verdict[[7, 0, 4999]].tolist()


def test_a_slider_of_rates_shows_where_each_run_went() -> None:
    path, figure = made("Trajectory"), drawn("Trajectory")
    here = next(i for i, trace in enumerate(figure.data) if trace.meta == {"head": 1} and trace.mode == "markers")
    for run in (0, 1, 2, 1, 0):
        frame = figure.frames[run]
        head = dict(zip(frame.traces, frame.data, strict=True))[here]
        if run < 2:
            np.testing.assert_allclose([head.x[0], head.y[0]], path.x[-1, :, run], rtol=1e-5, atol=1e-7)
        assert figure.layout.sliders[0].steps[run].label.startswith(str(RATES[run]))
        assert frame.layout.title.text.startswith(f"<b>{TABLE[explorer.judge(path).verdict[run]][0]}</b>: ")


def test_a_slider_of_steps_shows_the_run_so_far() -> None:
    figure = drawn("Race")
    path = RACE.run()[0]
    curve, head = (
        next(i for i, each in enumerate(figure.data) if each.xaxis == "x2" and each.meta == meta)
        for meta in ({"reveal": True}, {"head": 3})
    )
    for at in (0, 60, 119, 7):
        frame, step = figure.frames[at], int(figure.layout.sliders[0].steps[at].label.removeprefix("step "))
        shown = dict(zip(frame.traces, frame.data, strict=True))
        assert shown[curve].x[-1] == shown[head].x[0] == step
        np.testing.assert_allclose(shown[head].y[0], np.log10(path.loss[step, 0]), rtol=1e-4)
    assert figure.data[curve].x[-1] == RACE.setup.steps, "it opens with the whole run"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (lambda: explorer.run(from_function(lambda x: (np.nan, x), [1.0, 2.0]), "adam", [0.1, 0.2], steps=3), "ask why_nan"),
        (lambda: explorer.diagnose([]), "losses must be at least one number to be drawn, got none"),
        (lambda: canvas().filled(2), "canvas must be of a whole map to be drawn"),
        (lambda: explorer.density("rosenbrock", [1e200, 1e200]), "the eigenvalues must be finite to be drawn, got nan: the Hessian is not"),
    ],
)
def test_what_cannot_be_drawn_says_so_and_is_still_a_sentence(found: Callable[[], Any], said: str) -> None:
    result = found()
    assert Seen(result._repr_html_()).text
    with pytest.raises(ValueError, match=said):
        result.plot()


def test_a_finder_that_gave_up_at_its_first_rate_is_a_point() -> None:
    found = explorer.find_rate("quadratic", "momentum", 100, 1000)
    (point,) = found.plot().data
    assert (found.rates.size, point.mode, list(point.x)) == (1, "markers", [100.0])


@pytest.mark.parametrize(("wrong", "said"), [*(({"path": each}, "path must be the path of a file") for each in (None, 3, b"a", "a\0b", "")),
                                             ({"inline": "no"}, "inline must be True or False, got 'no'")])  # fmt: skip
def test_a_page_is_written_only_where_it_was_asked_for(wrong: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"^{said}"):
        write_html(Setup("x_squared"), **{"path": tmp_path / "page.html"} | wrong)
    assert [*tmp_path.iterdir()] == []


def test_a_trace_is_its_sentence() -> None:
    """Two numbers have no picture."""
    for found, said in (
        (explorer.trace("booth"), "the eigenvalues' sum is 20, from 2 products with the Hessian"),
        (explorer.Trace(20.0, 0.5, 7), "the eigenvalues' sum is 20 ± 0.5, from 7 products with the Hessian"),
        (explorer.Trace(np.nan, np.nan, 7), "the eigenvalues' sum is not finite ± ?, from 7 products with the Hessian"),
    ):
        assert (repr(found), Seen(found._repr_html_()).text) == (f"<Trace: {said}>", said)
        assert found.to_frame().products.tolist() == [found.products]


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_is_a_table(name: str) -> None:
    assert not made(name).to_frame().empty or name == "Canvas, blank"


def test_tables_hold_the_numbers() -> None:
    path, outcome, painted = made("Trajectory"), made("Outcome"), made("Canvas")
    table = path.to_frame()
    row = table[(table.run == 1) & (table.step == 7)].iloc[0]
    assert (row.learning_rate, row.loss, row.x) == (0.3, path.loss[7, 1], path.x[7, 0, 1])
    table = outcome.to_frame()
    assert table.verdict.tolist() == [str(each) for each in outcome.verdict]
    assert len(table) == 64
    assert table.learning_rate[table.verdict == Verdict.DIVERGED].min() > 0.38
    curve = {"losses": [3.0, None, 2.0, 1.5], "validation": [None, 9.0, 2.5, None]}
    table = explorer.diagnose(curve["losses"], validation=curve["validation"]).to_frame()
    assert table.row.tolist() == [1, 3, 4]
    np.testing.assert_array_equal(table.validation, [np.nan, 2.5, np.nan])
    table = painted.to_frame()
    assert len(table) == 16 * 8
    assert set(table.verdict[table.learning_rate > 1]) == {"diverged"}


def test_without_the_extras_a_sentence_says_what_to_type() -> None:
    code = """
import sys
import explorer
path = explorer.run("x_squared", "adam", 0.1)
print(repr(path)[:20], "plotly" in sys.modules, "pandas" in sys.modules)
sys.modules["plotly"] = sys.modules["pandas"] = None
print(path._repr_html_().count("<"), path._repr_html_()[:8])
for ask in (path.plot, explorer.Setup().plot, path.to_frame):
    try:
        ask()
    except ModuleNotFoundError as error:
        print(error)
"""
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == [
        "<Trajectory: 1 run o False False",
        "2 <p>1 run",
        'Trajectory.plot() needs plotly: pip install "divergence-explorer[plot]"',
        'Setup.plot() needs plotly: pip install "divergence-explorer[plot]"',
        'Trajectory.to_frame() needs pandas: pip install "divergence-explorer[frame]"',
    ]
