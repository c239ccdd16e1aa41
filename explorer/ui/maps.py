"""The maps of the cases that take long, computed beforehand: a file beside each case, written by `python -m explorer.ui.maps`."""

from importlib.resources import files
from io import BytesIO
from pathlib import Path

import numpy as np

from explorer.core.maps.canvas import Canvas
from explorer.core.maps.map import Map
from explorer.core.maps.render import render
from explorer.core.maps.tile import Pace
from explorer.ui.casebook import Case, casebook

LONG = 2.0
"""Seconds beyond which nobody should wait for a map that can be known beforehand."""


def long_maps() -> list[Case]:
    """Return the cases whose maps are kept in files."""
    return [case for case in casebook() if isinstance(case.record, Map) and files("explorer.cases").joinpath(f"{case.name}.npz").is_file()]


def known(plan: Map) -> Canvas:
    """Return what is known of a map: all of it if it is a case's and its file is of this very map, else nothing yet."""
    for case in long_maps():
        if case.record == plan:
            with np.load(BytesIO(files("explorer.cases").joinpath(f"{case.name}.npz").read_bytes())) as kept:
                if str(kept["map"]) == plan.digest:
                    return Canvas(kept["codes"], kept["pace"])
    return Canvas.blank(plan)


def write() -> None:
    """Compute every case's map that takes long, and keep it."""
    for case in casebook():
        plan = case.record
        if not isinstance(plan, Map):
            continue
        pace = Pace.of(plan.at(-1, -1))
        if pace.seconds(plan.pixels, plan.largest[1], pace.tile(plan.largest[1], 1.0)) < LONG:
            continue
        canvas = Canvas.blank(plan)
        for _ in render(plan, canvas):
            pass
        np.savez_compressed(
            Path(__file__).parents[1] / "cases" / f"{case.name}.npz", map=np.array(plan.digest), codes=canvas.codes, pace=canvas.pace
        )


if __name__ == "__main__":
    write()
