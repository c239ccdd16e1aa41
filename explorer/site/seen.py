"""Run what the link of a case describes and keep what a small picture and a text need of it: a verdict, a sentence, numbers, a curve.

What cases show is recorded in `explorer/cases/seen.json`, so that no visitor waits for it; `python -m explorer.site.casebook` writes it.
"""

import functools
import json
import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from typing import Any, Self

import numpy as np

from explorer.core.ground.parameters import experiment
from explorer.core.ground.prose import counted, plain
from explorer.core.maps.canvas import Canvas
from explorer.core.maps.map import Map
from explorer.core.maps.render import render
from explorer.core.maps.tile import VERDICTS
from explorer.core.networks.training import ending, train
from explorer.core.run.race import Race
from explorer.core.run.setup import Setup
from explorer.core.verdict.explanation import Explanation
from explorer.core.verdict.sentence import Verdict, marked
from explorer.core.verdict.verdict import judge
from explorer.figures.thumbnail import INK, Curve, envelope, sparkline, tiles

FACTS: dict[str, str] = tomllib.loads(files("explorer.cases").joinpath("facts.toml").read_text("utf-8"))
"""The numbers of a run that a text may carry and a head may claim."""

COARSE = 24  # a map is seen in at most this many pixels a side
NAN_ONLY = "nan without divergence"  # the word for a run whose loss is shown as nan or inf while its weights stay finite


@dataclass(frozen=True, eq=False)
class Seen:
    """What was seen of a case: its verdict, a sentence with the verdict in bold, the numbers, and what a picture needs.

    `curves` are the losses of its runs; a map has `cells` instead, the verdict of each of its pixels from the bottom row up.
    """

    verdict: str
    sentence: str
    facts: dict[str, float]
    curves: tuple[Curve, ...] = ()
    cells: tuple[tuple[Verdict, ...], ...] = ()
    coordinates: tuple[str, str] = ("", "")

    def drawn(self, title: str, *, ink: str = INK, words: bool = True) -> str:
        """Return its small picture, with or without words in it; its text for who cannot see it begins with the title."""
        alt = f"{title}. {self.sentence.replace('**', '')}"
        if self.cells:
            return tiles(self.cells, self.coordinates, alt, ink=ink, words=words)
        return sparkline(self.curves, alt, ink=ink, words=words)

    def record(self) -> dict[str, Any]:
        """Return it as what JSON can hold: of a curve what is drawn, to five digits."""
        curves = []
        for each in self.curves:
            drawn = envelope(each.loss)
            loss = [float(f"{loss:.5g}") for loss in each.loss[drawn]]
            curves.append({"name": each.name, "verdict": each.verdict, "steps": each.steps[drawn].tolist(), "loss": loss})
        return asdict(replace(self, curves=())) | {"curves": curves}

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        """Return what `record` had written."""
        drawn = [(each["name"], Verdict(each["verdict"]), np.array(each["steps"]), np.array(each["loss"])) for each in record["curves"]]
        cells = tuple(tuple(map(Verdict, row)) for row in record["cells"])
        return cls(
            **{**record, "curves": tuple(Curve(*each) for each in drawn), "cells": cells, "coordinates": tuple(record["coordinates"])}
        )


def see(page: str, query: Mapping[str, str]) -> Seen:
    """Return what a link of that page shows: as it was recorded, or else from a run. Kept, for pages ask again at every rerun.

    >>> see("step_size", {"v": "1", "loss": "x_squared", "learning_rate": "1.1", "steps": "2000"}).facts["step"]
    1947
    """
    return _seen_by(name_of(page, query))


def name_of(page: str, query: Mapping[str, str]) -> str:
    """Return the name of a link in the record, in whatever order its parts are."""
    return json.dumps([page, dict(sorted(query.items()))])


@functools.cache
def recorded() -> dict[str, Any]:
    """Return what `explorer/cases/seen.json` has, by page and link."""
    known: dict[str, Any] = json.loads(files("explorer.cases").joinpath("seen.json").read_text("utf-8"))
    return known


@functools.lru_cache(maxsize=400)
def _seen_by(name: str) -> Seen:
    return Seen.of(recorded()[name]) if name in recorded() else run_link(*json.loads(name))


def run_link(page: str, query: Mapping[str, str]) -> Seen:
    """Run what a link of that page describes: a race and a map by their page, a single run by its loss."""
    pages = {"race": _of_race, "map": _of_map}
    losses = {"network": _of_training, "convolution": _of_training, "homemade_network": _of_large_run}
    way: Callable[[Mapping[str, str]], Seen] = pages.get(page) or losses.get(query.get("loss", ""), _of_run)
    return way(query)


def _of_run(query: Mapping[str, str]) -> Seen:
    """Return one run of any loss, explained with its edge."""
    setup = Setup.from_query(query)
    explanation = Explanation.of(setup.run())
    edge, outcome = float(explanation.edge.rate), explanation.outcome
    facts = {
        "critical": edge,
        "ratio": setup.learning_rate / edge if edge > 0 else math.nan,
        "factor": float(explanation.measured[0]),
        "theory": float(explanation.predicted[0]),
    }
    curve = Curve.of("", outcome.verdict[0], explanation.trajectory.loss[:, 0])
    return _seen(setup, curve, explanation.sentence(0), int(outcome.first_nonfinite[0]), facts)


def _of_large_run(query: Mapping[str, str]) -> Seen:
    """Return one run of a loss too large for its edge to be worth the time."""
    setup = Setup.from_query(query)
    path = setup.run()
    loss, outcome = path.loss[:, 0].astype(float), judge(path)
    lost, lost_at = int((~np.isfinite(loss)).sum()), int(outcome.first_nonfinite[0])
    if lost and np.isfinite(path.x).all():
        shown = f"the loss is nan or inf at {lost:,} of {counted(loss.size)}, while every weight stays finite; at the end it is"
        sentence = f"**Nan without divergence**: {shown} {plain(loss[-1])}."
        return replace(_seen(setup, Curve.of("", Verdict.STUCK, loss), sentence, lost_at), verdict=NAN_ONLY)
    return _seen(setup, Curve.of("", outcome.verdict[0], loss), marked(outcome.sentence(0)), lost_at)


def _of_training(query: Mapping[str, str]) -> Seen:
    """Return one run of a network, with its instruments."""
    setup = Setup.from_query(experiment(query))
    *_, history = train(setup)
    steps, loss = history.course
    if history.lost_at > 0:
        steps, loss = np.append(steps, history.lost_at), np.append(loss, np.inf)
    facts = {
        "sharpness": history.sharpness[-1],
        "tolerated": history.edge[-1],
        "constant": float(history.loss.best_constant),
        "dead": 100 * max(history.dead[-1], default=0.0),
    }
    return _seen(setup, Curve("", history.verdict, steps, loss), ending(history), history.lost_at, facts)


def _of_race(query: Mapping[str, str]) -> Seen:
    """Return all racers, each with its own verdict."""
    race = Race.from_query(query)
    runs = zip(race.racers, race.run(), strict=True)
    curves = tuple(Curve.of(racer.optimizer.replace("_", " "), judge(path).verdict[0], path.loss[:, 0]) for racer, path in runs)
    sentence = "**A race**: " + "; ".join(f"{each.name} {each.verdict}" for each in curves) + "."
    return Seen(",".join(str(each.verdict) for each in curves), sentence, {}, tuple(each.ended for each in curves))


def _of_map(query: Mapping[str, str]) -> Seen:
    """Return a map in few pixels."""
    plan = Map.from_query(query)
    small = Map(plan.setup, replace(plan.x, count=min(plan.x.count, COARSE)), replace(plan.y, count=min(plan.y.count, COARSE)))
    canvas = Canvas.blank(small)
    for _ in render(small, canvas):
        pass
    shares = {verdict: share for verdict, share in canvas.shares().items() if share >= 0.01}
    words = ", ".join(f"{plain(100 * share, 2)} % {verdict}" for verdict, share in sorted(shares.items(), key=lambda each: -each[1]))
    cells = tuple(tuple(VERDICTS[code] for code in row) for row in canvas.codes)
    names = (plan.x.knob.rpartition(".")[2], plan.y.knob.rpartition(".")[2])
    coordinates = tuple("start" if name.isdigit() else name.replace("_", " ") for name in names)
    return Seen(",".join(str(each) for each in shares), f"**A map**: {words}.", {}, cells=cells, coordinates=coordinates)  # type: ignore[arg-type]


def _seen(setup: Setup, curve: Curve, sentence: str, lost_at: int, facts: Mapping[str, float] | None = None) -> Seen:
    """Return what was seen of one run: the numbers that every run has, and its own."""
    loss = curve.loss
    finite = loss[np.isfinite(loss)]
    with np.errstate(all="ignore"):
        rises = int((np.diff(loss) > 1e-13 * np.abs(loss[:-1])).sum())
    shared = {
        "rate": setup.learning_rate,
        "step": lost_at if lost_at >= 0 else math.nan,
        "steps": setup.steps,
        "start": float(loss[0]),
        "final": float(loss[-1]),
        "peak": float(finite.max()) if finite.size else math.nan,
        "best": float(finite.min()) if finite.size else math.nan,
        "rises": rises,
    }
    return Seen(str(curve.verdict), sentence, shared | dict(facts or {}), (curve.ended,))
