"""The page Landscape: its cases are true, its link opens what it says, and what cannot be computed is said."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.core.networks.planes import View, survey
from explorer.core.run.setup import Setup
from explorer.figures import planes as figure
from explorer.site.casebook import Case, cases
from tests.ui.reading import FOLDER, opened, pictures

PAGE = FOLDER / "pages" / "60_landscape.py"
CASES = [case for case in cases() if case.page == "landscape"]
SMALL = {"v": "1", "loss": "network", "loss.hidden": "4,4", "loss.examples": "10", "steps": "5", "learning_rate": "0.1"}


def page(**query: str) -> AppTest:
    return opened(PAGE, SMALL | {f"view.{name}": text for name, text in query.items()})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_is_offered_with_its_view(case: Case) -> None:
    app = opened(PAGE, case.query)
    assert not app.warning
    assert app.session_state["landscape:preset"] == case.label
    other = next(each for each in CASES if each != case)
    app.pills(key="landscape:preset").set_value(other.label).run()
    assert app.session_state["setup"] == other.setup
    assert app.session_state["landscape:view"].get("view.plane", "random") == other.query.get("view.plane", "random")
    next(each for each in app.button if each.label == other.switch_label).click().run()
    assert app.session_state["setup"] == other.undone.setup
    assert app.session_state["landscape:preset"] == other.label


def test_the_steepest_direction_of_a_run_at_the_edge_is_not_in_the_plane_of_its_path() -> None:
    case = next(each for each in CASES if each.name == "61_path")
    *_, found = survey(case.setup, View(plane="path", pair=False))
    [pane] = found.panes
    assert pane.sharpness > 3 * max(pane.curvature.values())


def test_the_twenty_layers_of_the_case_are_rougher_without_skips_and_its_four_less_so() -> None:
    rougher = []
    for setup in (CASES[0].setup, CASES[0].undone.setup):
        *_, found = survey(setup, View())
        without, with_skip = (pane.ruggedness for pane in found.panes)
        rougher.append(sum(without[seed].minima > with_skip[seed].minima for seed in found.view.seeds))
    assert rougher[0] == 3
    assert rougher[1] < 3


def test_a_link_opens_its_view() -> None:
    app = page(plane="path", drawn="surface", side="11")
    assert app.query_params["view.plane"] in ("path", ["path"])
    (shown,) = pictures(app)
    assert {trace["type"] for trace in shown["figure"]["data"]} == {"surface", "scatter3d", "scatter"}
    assert "own path" in shown["alt"]


def test_what_is_wrong_in_a_link_is_said() -> None:
    app = page(side="2", seed="1")
    assert "side must be finite and ≥ 5" in app.warning[0].value
    assert app.query_params["view.seed"] in ("1", ["1"])


def test_a_dial_has_a_word_for_every_plane() -> None:
    (shown,) = pictures(page(planes="4", side="7"))
    assert shown["dial"]["values"] == ["0", "1", "2", "3"]
    assert len(set(shown["dial"]["words"])) > 1


def test_one_plane_needs_no_dial() -> None:
    (shown,) = pictures(page(planes="1", side="7"))
    assert shown["dial"] is None


def test_too_much_work_is_refused_and_the_page_goes_on() -> None:
    app = page(side="7")
    app.text_input(key="box:steps").set_value("1000000000").run()
    said = " ".join(each.value for each in [*app.error, *app.warning])
    assert "steps must be ≤" in said
    assert pictures(app)


def test_another_loss_gives_way_to_a_network() -> None:
    app = opened(PAGE, {"v": "1", "loss": "ravine"})
    assert not app.exception
    assert app.query_params["loss"] in ("network", ["network"])


@pytest.mark.parametrize(
    "view", [View(planes=2, side=7), View(plane="path", side=7), View(drawn="surface", side=7), View(pair=False, side=7)]
)
def test_a_figure_can_be_drawn_at_every_moment(view: View) -> None:
    for found in survey(Setup("network", steps=3, knobs={"loss.hidden": (4, 4), "loss.examples": 10}), view):
        drawn, frames = figure.draw(found)
        assert len(frames) == len(view.seeds)
        assert {len(frame["data"]) for frame in frames} == {len(drawn.data)}


def test_level_lines_lie_on_their_level() -> None:
    *_, found = survey(Setup("network", steps=3, knobs={"loss.hidden": (6,), "loss.examples": 10}), View(planes=1, side=41))
    pane = found.panes[0]
    line = figure.draw(found)[1][0]["data"][1]
    points = np.stack([line["x"], line["y"]])
    points = points[:, np.isfinite(points[0])]
    logs = np.log10(pane.loss.value(pane.slices[0].plane.at(*points)))
    every, _ = figure.levels(*figure.heights(found))
    assert np.abs(logs[:, np.newaxis] - every).min(axis=1).max() < 0.05 * max(np.diff(every).max(), 0.2)
