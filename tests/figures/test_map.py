"""The picture of a map: what is drawn is what is known, where it is, in words too."""

from __future__ import annotations

import io
import json
import struct
import zlib
from typing import Any

import numpy as np
import pytest

from explorer import Setup, Verdict
from explorer.core.maps.boundary import lines
from explorer.core.maps.canvas import Canvas
from explorer.core.maps.map import Axis, Map
from explorer.core.maps.render import render
from explorer.core.maps.tile import VERDICTS
from explorer.figures.map import draw, png, sides
from explorer.figures.theme import COLORS

WELL = Map(Setup("double_well", steps=200), Axis("start.0", -3, 3, count=48), Axis("learning_rate", 0.05, 2.5, True, 32))


@pytest.fixture(scope="module")
def canvas() -> Canvas:
    canvas = Canvas.blank(WELL)
    list(render(WELL, canvas))
    return canvas


def traces(figure: Any, kind: str) -> dict[str, Any]:
    return {trace.name: trace for trace in figure.data if trace.type == kind and trace.name}


def test_each_verdict_has_its_pixels_and_its_color(canvas: Canvas) -> None:
    maps = traces(draw(WELL, canvas), "heatmap")
    assert set(maps) == {str(verdict) for verdict in canvas.shares()}
    for name, trace in maps.items():
        here = canvas.codes == VERDICTS.index(Verdict(name))
        np.testing.assert_array_equal(np.isfinite(trace["z"]), here)
        assert name in trace["hovertemplate"]
        assert COLORS[Verdict(name)].lower() in [color for _, color in trace["colorscale"]]
        places = [at for at, _ in trace["colorscale"]]
        assert places == sorted(places)
        assert places[0] == 0
        assert places[-1] == 1


def test_pixels_are_where_their_values_are(canvas: Canvas) -> None:
    trace = next(iter(traces(draw(WELL, canvas), "heatmap").values()))
    np.testing.assert_allclose(trace["x"], np.linspace(-3, 3, 49), atol=1e-12)
    np.testing.assert_allclose(trace["y"], np.geomspace(0.05, 2.5, 33))


def test_words_stand_on_their_regions(canvas: Canvas) -> None:
    figure = draw(WELL, canvas).to_dict()["layout"]
    words = [each for each in figure["annotations"] if each["text"] in {str(verdict) for verdict in Verdict}]
    assert {each["text"] for each in words} >= {"diverged", "converged"}
    for each in words:
        i, j = WELL.y.pixel(10 ** each["y"]), WELL.x.pixel(each["x"])
        assert str(VERDICTS[canvas.codes[i, j]]) == each["text"]


def test_no_two_words_lie_on_each_other() -> None:
    """Not even on a map of few rows in which no two neighbors have the same verdict."""
    plan = Map(Setup("x_squared", steps=20), Axis("learning_rate", 0.1, 1.9, count=48), Axis("start.0", 1, 2, count=13))
    canvas = Canvas.blank(plan)
    list(render(plan, canvas))
    rows, columns = np.indices(canvas.codes.shape)
    canvas.codes[:, 24:] = np.where((rows + columns) % 2, VERDICTS.index(Verdict.SLOW), VERDICTS.index(Verdict.CATAPULT))[:, 24:]
    canvas.codes[:, :24] = np.where(rows // 2 % 2, VERDICTS.index(Verdict.CONVERGED), VERDICTS.index(Verdict.STUCK))[:, :24]
    words = [(each["x"], each["y"]) for each in draw(plan, canvas).to_dict()["layout"]["annotations"] if each["text"] in {*Verdict}]
    assert len(words) >= 3
    assert max(x for x, _ in words) < 1.0, "a single pixel has no room for a word"
    assert np.min(np.abs(np.diff(sorted(y for _, y in words)))) >= 0.07


def test_no_color_speaks_alone(canvas: Canvas) -> None:
    """Every verdict is in the legend by name, with its share."""
    named = " ".join(traces(draw(WELL, canvas), "scatter"))
    for verdict in canvas.shares():
        assert str(verdict) in named


def test_theory_is_drawn_within_reach_of_the_window(canvas: Canvas) -> None:
    drawn = traces(draw(WELL, canvas, lines(WELL)), "scatter")["theory: runs diverge"]
    y = np.array(drawn["y"])
    assert np.isfinite(y).any()
    assert np.nanmax(y) <= 2


def test_a_picture_in_the_making_is_as_coarse_as_what_is_known() -> None:
    canvas = Canvas.blank(WELL)
    i, j = np.meshgrid(np.arange(0, 32, 8), np.arange(0, 48, 8), indexing="ij")
    canvas.paint((i * 48 + j).ravel(), np.zeros(i.size, np.int8), np.zeros(i.size, np.float32))
    trace = next(iter(traces(draw(WELL, canvas), "heatmap").values()))
    assert trace["z"].shape == (4, 6)
    assert len(trace["x"]) == 7
    assert draw(WELL, Canvas.blank(WELL)).to_dict()["data"] == []


def test_a_deep_window_is_drawn_in_offsets() -> None:
    plan = Map(Setup("x_squared"), Axis("learning_rate", 0.5, 0.5 + 1e-9, True, 8), Axis("start.0", 1, 2, count=8))
    across, up = sides(plan)
    assert across.origin == 0.5
    assert not across.log
    assert up.origin == 0
    layout = draw(plan, Canvas.blank(plan)).to_dict()["layout"]["xaxis"]
    assert layout["type"] == "linear"
    assert layout["ticktext"][-1] == "+1 × 10⁻⁹"
    assert len(set(layout["ticktext"])) == 5


def test_what_is_sent_is_json(canvas: Canvas) -> None:
    """But for the matrices, which travel as bytes."""
    for trace in draw(WELL, canvas, lines(WELL)).to_dict()["data"]:
        json.dumps({name: part for name, part in trace.items() if name not in ("z", "x", "y")}, allow_nan=False)


def read(data: bytes) -> tuple[Any, dict[bytes, bytes]]:
    """A PNG without filters, as an array."""
    stream, chunks = io.BytesIO(data), {}
    assert stream.read(8) == b"\x89PNG\r\n\x1a\n"
    while size := stream.read(4):
        name, body = stream.read(4), stream.read(struct.unpack(">I", size)[0])
        assert struct.unpack(">I", stream.read(4))[0] == zlib.crc32(name + body)
        chunks[name] = chunks.get(name, b"") + body
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, 1 + 4 * width)
    return rows[:, 1:].reshape(height, width, 4), chunks


def test_a_png_has_a_pixel_for_each_run_and_the_link(canvas: Canvas) -> None:
    picture, chunks = read(png(WELL, canvas))
    assert picture.shape == (32, 48, 4)
    assert (picture[..., 3] == 255).all()
    assert b"y=learning_rate:0.05:2.5:log:32" in chunks[b"tEXt"]
    red, green, _, _ = picture[0, 0]  # the largest rate, far out: diverged
    assert red > green
    empty, _ = read(png(WELL, Canvas.blank(WELL)))
    assert (empty == 0).all()
