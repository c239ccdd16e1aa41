"""What is drawn of a thing that somebody has: a setup, a run, a sweep, a race, a map, a network's training, a landscape, a finding."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import singledispatch
from types import MappingProxyType
from typing import Any

import numpy as np
import plotly.graph_objects as go

from explorer.core.diagnosis.diagnosis import Diagnosis, diagnose
from explorer.core.files.logs import LogFile
from explorer.core.ground.checks import must
from explorer.core.ground.prose import plain, sentence
from explorer.core.maps.boundary import lines
from explorer.core.maps.canvas import Canvas
from explorer.core.maps.map import Map
from explorer.core.maps.render import render
from explorer.core.networks.planes import Survey
from explorer.core.networks.training import History
from explorer.core.run.bracket import bracket
from explorer.core.run.descent import Trajectory
from explorer.core.run.finder import RateFinder
from explorer.core.run.race import Race
from explorer.core.run.ruler import Ruler, ruler
from explorer.core.run.safe_rate import SafeRate
from explorer.core.run.setup import Setup
from explorer.core.theory.gradient_check import GradientCheck, error_by_step
from explorer.core.theory.spectrum import Density
from explorer.core.verdict.explanation import Explanation
from explorer.core.verdict.forensics import Forensics, growth
from explorer.core.verdict.verdict import Outcome, Verdict
from explorer.figures import diagnosis, gradient, network, planes, race, spectrum, step_size, sweep
from explorer.figures import growth as growth_figure
from explorer.figures import map as map_figure
from explorer.figures.stage import Picture
from explorer.figures.theme import COLORS, Part, safe
from explorer.site.content import Content, Dial, Mark, content
from explorer.site.questions import Question, leading, of_race, of_run

SAVED = ", saved"
POSITIONS = 200  # the most runs that one picture has a frame of: of more, evenly spaced ones, and the dial says so
RUNS = "The landscape of the loss with the path; the loss at every step."


@dataclass(frozen=True, eq=False)
class Shown:
    """A figure with all that the picture component takes beside it (`explorer.ui.picture.picture` says what), and what stands above it."""

    figure: go.Figure | dict[str, Any]
    alt: str
    frames: Sequence[Part] = ()
    dial: Dial | None = None
    value: int = 0
    times: Sequence[str] = ()
    narrow: Part | None = None
    title: str = ""
    recipe: str = ""
    question: Question | None = None
    said: str = ""


@singledispatch
def shown(what: object) -> Shown:
    """Return the picture of `what`. Raises TypeError for what has none."""
    kinds = sorted(each.__name__ for each in shown.registry if each is not object)
    raise TypeError(f"what is drawn must be one of {', '.join(kinds)}, got {type(what).__name__}")


@shown.register
def _(what: Shown) -> Shown:
    return what


@shown.register
def _(setup: Setup) -> Shown:
    return ruled(setup)[-1]


@shown.register
def _(trajectory: Trajectory) -> Shown:
    if not np.isfinite(trajectory.loss).any(axis=0).all():
        raise must(
            "trajectory", "of runs whose loss is a finite number somewhere, to be drawn", "one that is lost from the start; ask why_nan"
        )
    some = np.unique(np.linspace(0, trajectory.runs - 1, min(trajectory.runs, POSITIONS)).round().astype(int))
    explanation = Explanation.of(trajectory if some.size == trajectory.runs else trajectory.at(some))
    dial = _rates(explanation)
    if some.size < trajectory.runs:
        dial = replace(dial, label=f"{dial.label}, {some.size} of {trajectory.runs:,} runs")
    return replace(_staged(step_size.draw(explanation), RUNS), dial=dial)


@shown.register
def _(held: Race) -> Shown:
    return raced(held)[1]


@shown.register
def _(plan: Map) -> Shown:
    canvas = Canvas.blank(plan)
    for _ in render(plan, canvas):
        pass
    return shown(canvas)


@shown.register
def _(history: History) -> Shown:
    alt = "Losses, sharpness beside the edge, gradients of the layers, dead and saturated units over the steps."
    return Shown(network.instruments(history), alt, narrow=network.NARROW, title="What does this network do at this rate?")


@shown.register
def _(survey: Survey) -> Shown:
    figure, frames = planes.draw(survey)
    seeds = [str(seed) for seed in survey.view.seeds]
    dial = Dial(label="Plane, by its seed:", values=seeds) if len(frames) > 1 else None
    alt = "The loss in planes through the weights of a network."
    title = "What does the landscape around this network look like?"
    return Shown(figure, alt, frames if dial else (), dial, narrow=planes.narrow(survey), title=title)


@shown.register
def _(outcome: Outcome) -> Shown:
    said = f"{outcome.summary()}."
    return Shown(sweep.outcomes(outcome), f"The loss at the end of each run. {said}", title="What became of every rate?", said=said)


@shown.register
def _(found: RateFinder) -> Shown:
    alt = f"The loss of one run whose rate grows at every step, {found.summary()}."
    return Shown(sweep.found_rates(found), alt, title="What would a learning-rate finder say?")


@shown.register
def _(canvas: Canvas) -> Shown:
    if canvas.plan is None:
        raise must("canvas", "of a whole map to be drawn, such as render fills", "a part of one")
    plan = canvas.plan
    across, up = (side.label for side in map_figure.sides(plan))
    shares = ", ".join(f"{plain(100 * share, 2)} % {verdict}" for verdict, share in canvas.shares().items())
    alt = f"A map of what becomes of runs: across, {across}; up, {up}. {shares}."
    figure, title = map_figure.draw(plan, canvas, lines(plan)), "Which runs converge, and which diverge?"
    return Shown(figure, alt, narrow=map_figure.NARROW, title=title, recipe=plan.setup.recipe)


@shown.register
def _(found: Diagnosis) -> Shown:
    record = found.record
    if record is None or not record.values.size:
        raise must("losses", "at least one number to be drawn", "none")
    name = "your training loss" if record.called == "the loss" else safe(record.called)
    alt = f"The curve of {record.called}, {record.values.size:,} values. {found.sentence}."
    held = record.beside(record.validation) if "loss" in name else None  # an accuracy has another axis
    figure = diagnosis.draw(record.at, record.values, held, axis=record.counter, name=name)
    said = sentence(found.sentence)
    return Shown(figure, alt, narrow=diagnosis.CURVES, title="What does your loss curve say?", said=said)


@shown.register
def _(log: LogFile) -> Shown:
    return shown(diagnose(log))


@shown.register
def _(found: Density) -> Shown:
    return Shown(spectrum.draw(found), f"How the Hessian's eigenvalues are spread: {found.summary()}.", title="How does the loss curve?")


@shown.register
def _(found: SafeRate) -> Shown:
    figure, said = diagnosis.brackets(["this loss"], [found]), f"{found.sentence}."
    return Shown(figure, said, narrow=diagnosis.RATES, title="What is my largest safe rate?", said=said)


@shown.register
def _(check: GradientCheck) -> Shown:
    if check.loss is None:
        raise must("check", "what check_gradient returns to be drawn", "one that does not know its loss")
    figure, alt = gradient.draw(check, error_by_step(check.loss, check.x))
    return Shown(figure, alt, narrow=gradient.NARROW, title="Is my gradient right?", said=check.summary())


@shown.register
def _(found: Forensics) -> Shown:
    if found.trajectory is None:
        raise must("finding", "what why_nan returns to be drawn", "one that does not know its run")
    figure, alt = growth_figure.draw(growth(found.trajectory, found.run), found)
    return Shown(figure, alt, narrow=growth_figure.NARROW, title="Why is it nan?", said=sentence(found.sentence))


def content_of(picture: Shown) -> Content:
    """Return what of a picture the component fetches."""
    return content(picture.figure, picture.frames, picture.dial, picture.narrow, picture.times, picture.question)


def ruled(setup: Setup, more: Mapping[str, float] | None = None) -> tuple[Ruler, Explanation, tuple[float, float], Shown]:
    """Return a setup's ruler, its runs, the two rates around the first divergence (`bracket`), and what is shown of them.

    `more` are further marks on the ruler, by name.
    With rescues, the same rates are run without them too: what they saved is marked on the ruler, and the ghost stays in the picture.
    """
    loss, optimizer = setup.make_loss(), setup.make_optimizer()
    scale = ruler(loss, optimizer, setup.initial_point, setup.learning_rate, more)
    setup.check_start()
    explanation, bare = Explanation.of(setup.run(scale.rates)), setup.without_rescues()
    ghost = Explanation.of(bare.run(scale.rates)) if bare != setup else None
    drawing = step_size.draw(explanation, ghost)
    between = bracket(loss, optimizer, scale.rates, explanation.outcome.verdict == Verdict.DIVERGED, **setup.conditions())
    picture = replace(
        _staged(drawing, RUNS),
        dial=_rates(explanation, ghost, setup.rescues, scale.marks),
        value=scale.position(setup.learning_rate),
        question=of_run(explanation, drawing, between),
        title="Where does the learning rate stop working?",
        recipe=setup.recipe,
    )
    return scale, explanation, between, picture


def raced(held: Race) -> tuple[list[Explanation], Shown]:
    """Return every racer's run, explained, and what is shown of them all."""
    held.setup.check_start()
    names, runs = held.names, held.run()
    drawing, explanations = race.draw(runs, names), [Explanation.of(each) for each in runs]
    picture = _staged(drawing, f"Left, the paths of {', '.join(names)} on the landscape; right, their losses.")
    asked, said = of_race(held, drawing, names, explanations), leading(names, explanations)
    return explanations, replace(picture, question=asked, title="Which optimizer survives here?", recipe=held.recipe, said=said)


def _rates(
    explanation: Explanation, ghost: Explanation | None = None, rescues: str = "", marks: Mapping[str, float] = MappingProxyType({})
) -> Dial:
    """Return a dial through the rates of these runs: its zones are their verdicts."""
    positions, outcome = range(explanation.trajectory.runs), explanation.outcome
    saved = explanation.saved(ghost) if ghost else np.zeros(len(positions), dtype=bool)
    return Dial(
        label="Learning rate",
        values=[explanation.rate(i) for i in positions],
        words=[explanation.beside(ghost, i, rescues) if ghost else explanation.sentence(i) for i in positions],
        zones=[f"{verdict}{SAVED if saved[i] else ''}" for i, verdict in enumerate(outcome.verdict)],
        colors={f"{verdict}{mark}": color for mark in ("", SAVED) for verdict, color in COLORS.items()},
        marks=[Mark(position, name) for name, position in marks.items()],
        alts=[outcome.sentence(i) for i in positions],
    )


def _staged(drawing: Picture, alt: str) -> Shown:
    return Shown(drawing.figure, alt, drawing.frames, times=drawing.times, narrow=drawing.narrow)
