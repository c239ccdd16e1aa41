"""Every page with every size at its extreme, under a memory limit: `python -m benchmarks.extremes [page ...] [--losses ravine network]`.

Run as a process of its own, for the limit holds until it ends. Prints a line for each page: how many links were opened, how many of them
were refused something, and the longest that the page's own run took.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.mischief import FOREIGN
from explorer import LOSSES, OPTIMIZERS, Setup
from explorer.core.ground.parameters import Parameter, parameters
from explorer.core.networks.planes import View
from explorer.core.run.setup import PLAIN
from tests.ui.reading import FOLDER, address, leave, opened, working

LIMIT = 3 << 30
"""Bytes of address space beyond what the process has once all is imported: a page's share, its threads, and what is computed with."""

GLANCE = 3.0
"""Seconds for which work in the background is looked on at: what does not fit shows at once."""

SAID = ("warning", "error", "info", "header", "markdown", "caption")
PAGES = {path.stem.split("_", 1)[1]: path for path in sorted((FOLDER / "pages").glob("[0-9]*.py"))}
LARGE = ("ravine", "linear_regression", "network", "convolution", "homemade_network")
"""Losses that have sizes of their own."""


def largest(parameter: Parameter) -> str:
    """The largest value that a knob takes, as a link says it."""
    top = parameter.knob.at_most
    one = repr(top if np.isfinite(top) else 2.0**53 if parameter.kind == "integer" else 1e308)
    return ",".join([one] * 400) if parameter.kind == "numbers" else one


def sizes(loss: str) -> dict[str, str]:
    """Every whole number and every list of a setup with this loss, at its extreme."""
    known = {**Setup.salvage({"v": "1", "loss": loss})[0].parameters("loss"), **PLAIN}
    asked = {name: each for name, each in known.items() if each.kind in ("integer", "numbers") and not name.endswith("seed")}
    return {name: largest(each) for name, each in asked.items()}


def needed(loss: str, name: str) -> dict[str, str]:
    """What else must be chosen for a knob to matter: the data that it is of."""
    knob = Setup.salvage({"v": "1", "loss": loss})[0].parameters("loss").get(name)
    return {} if knob is None or knob.knob.only_with is None else {f"loss.{knob.knob.only_with[0]}": str(knob.knob.only_with[1])}


def links(page: str, losses: tuple[str, ...], *, few: bool) -> Iterator[dict[str, str]]:
    """What a page is opened with: all sizes that a loss has together, with what the page has besides, and each alone, if not just a few."""
    more: dict[str, str] = {}
    if page == "map":
        more = {"x": "learning_rate:0:1:linear:4096", "y": "steps:1:9007199254740992:linear:4096"}
    elif page == "race":
        more = {"racers": ",".join(f"{name}:0.1" for name in OPTIMIZERS), "pace": "shared"}
    elif page == "sweep":
        more = {"view.rules": ",".join(OPTIMIZERS), "view.seeds": "10", "view.finder": "true"}
    elif page == "landscape":
        more = {f"view.{name}": largest(each) for name, each in parameters(View).items() if each.kind == "integer"} | {"view.at": "trained"}
    yield {"v": "1", "steps": "1e12"}
    if more:  # else it is shown already: the page as it opens is what is left where the steps are refused
        yield {"v": "1", **more}
    for loss in losses:
        given = sizes(loss)
        base = {"v": "1", "loss": loss, "steps": "20000"}
        alone = [name for name in given if (loss == losses[0] or name not in PLAIN) and not few]
        yield from ({**base, **needed(loss, name), name: given[name]} for name in alone)
        for data in {tuple(needed(loss, name).items()): None for name in given}:
            yield {**base, **given, **dict(data), **more}
            yield {**base, **given, **dict(data), **more, "steps": "2000", "batch_size": "1"}


def wrong(app: Any) -> list[str]:
    """What a page must not show: a traceback, or how Python and numpy speak of a value."""
    texts = [each.value for kind in SAID for each in app.get(kind) if isinstance(getattr(each, "value", None), str)]
    return [each.message or "an exception" for each in app.exception] + [text for text in texts if FOREIGN.search(text)]


def visit(name: str, path: Path, losses: tuple[str, ...], *, few: bool) -> str:
    """Open a page by all its links; return the line about it, with what went wrong."""
    refused, slowest, found = 0, (0.0, ""), []
    opened_by, looked = [*links(name, losses, few=few)], set[str]()
    for link in opened_by:
        began, shown = time.process_time(), "&".join(f"{part}={text[:30]}" for part, text in link.items())
        try:
            app = opened(path, link)
        except RuntimeError as error:  # it does not end
            found.append(f"{shown}: {error}")
            continue
        slowest = max(slowest, (time.process_time() - began, shown))
        refused += bool([*app.warning, *app.error])
        found += [f"{shown}: {each}" for each in wrong(app)]
        if working(app) and (same := str(sorted(address(app).items()))) not in looked:  # what was refused leaves the same work
            looked.add(same)
            for job in working(app):
                job.wait(GLANCE)
            found += [f"{shown}, later: {each}" for each in wrong(app.run())]
        leave(app)
        for job in working(app):
            job.wait(60)
    told = f"{name}: {len(opened_by)} links, {refused} refused something, at most {slowest[0]:.1f} s of CPU ({slowest[1]})"
    return "\n".join([told, *(f"WRONG {each}" for each in found)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", default=[*PAGES])
    parser.add_argument("--losses", nargs="*", default=[*LARGE], choices=[*LOSSES], help="whose sizes are turned")
    parser.add_argument("--few", action="store_true", help="turn no size alone")
    asked = parser.parse_args()
    for name in LOSSES:
        LOSSES[name]().value(np.zeros((LOSSES[name]().dim, 1)))  # what is imported and kept once
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + LIMIT, held + LIMIT))
    for name in asked.pages:
        print(visit(name, PAGES[name], tuple(asked.losses), few=asked.few), flush=True)


if __name__ == "__main__":
    main()
