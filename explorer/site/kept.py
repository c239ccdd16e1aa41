"""What the cases show that takes long, computed beforehand: a file beside each case, written by `python -m explorer.site.kept`.

A file holds, under the digest of the record that it was computed for, the pixels of a map or the trials of a network's ruler.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from explorer.core.ground.parameters import digest
from explorer.core.maps.canvas import Canvas
from explorer.core.maps.map import Map
from explorer.core.maps.render import render
from explorer.core.maps.tile import Pace
from explorer.core.networks import trials
from explorer.core.run.setup import Setup
from explorer.core.verdict.verdict import Verdict
from explorer.site.casebook import Case, casebook

LONG = 2.0  # seconds beyond which nobody should wait for what can be known beforehand


def file_of(case: Case) -> Path:
    """Return where what is kept of a case is."""
    return Path(__file__).parents[1] / "cases" / f"{case.name}.npz"


def kept(record: Map | Setup) -> dict[str, np.ndarray]:
    """Return what was computed of this very record, by name; empty if it is not that of a case, before or after its switch."""
    for case in casebook():
        if record in (case.record, case.undone.record) and file_of(case).is_file():
            start = f"{digest(record.to_query())}:"
            with np.load(file_of(case)) as held:
                return {name.removeprefix(start): held[name] for name in held.files if name.startswith(start)}
    return {}


def known(plan: Map) -> Canvas:
    """Return what is known of a map: all of it if it is kept, else nothing yet."""
    held = kept(plan)
    return Canvas(held["codes"], held["pace"], plan) if held else Canvas.blank(plan)


def tried(setup: Setup) -> trials.Trials | None:
    """Return the trials of a network's ruler, if they are kept."""
    held = kept(setup)
    if not held:
        return None
    found = trials.untried(setup)
    if found.steps != held["steps"] or found.ruler.rates.shape != held["rates"].shape or not np.allclose(found.ruler.rates, held["rates"]):
        return None  # the ruler has other rates by now
    verdict = np.array([Verdict(each) for each in held["verdict"].tolist()], dtype=object)
    words = tuple(held["words"].tolist())
    return replace(
        found, tried=np.ones(len(words), dtype=bool), verdict=verdict, final=held["final"], words=words, start=float(held["start"])
    )


def computed(case: Case) -> dict[str, np.ndarray]:
    """Compute what is kept of a case before and after its switch; empty if nobody waits for it."""
    both = [case.record, *([case.undone.record] if case.switch else [])]
    found = {digest(record.to_query()): _pixels(record) if isinstance(record, Map) else _trials(record) for record in both}
    return {f"{each}:{name}": array for each, held in found.items() for name, array in held.items()}


def _pixels(plan: Map) -> dict[str, np.ndarray]:
    pace = Pace.of(plan.at(-1, -1))
    if pace.seconds(plan.pixels, plan.largest[1], pace.tile(plan.largest[1], 1.0)) < LONG:
        return {}
    canvas = Canvas.blank(plan)
    for _ in render(plan, canvas):
        pass
    return {"codes": canvas.codes, "pace": canvas.pace}


def _trials(setup: Setup) -> dict[str, np.ndarray]:
    *_, found = trials.trials(setup)
    words, verdict = np.array(found.words), np.array([str(each) for each in found.verdict])
    of = {"rates": found.ruler.rates, "steps": np.array(found.steps), "start": np.array(found.start)}
    return of | {"verdict": verdict, "final": found.final, "words": words}


def write() -> None:
    """Keep what takes long of every map and network among the cases."""
    for case in casebook():
        if case.page in ("map", "network") and (found := computed(case)):
            np.savez_compressed(file_of(case), allow_pickle=False, **found)


if __name__ == "__main__":
    write()
