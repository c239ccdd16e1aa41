"""A web site without a server: every case as a page of its own, and a gallery, a tour and a quiz that lead to them.

Links are relative and nothing is fetched from elsewhere, so that the folder can lie anywhere: on a course's site, on a stick.
"""

import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from html import escape
from os import PathLike
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from explorer.core.ground.checks import must
from explorer.core.ground.prose import counted
from explorer.core.losses import Facts
from explorer.core.networks.planes import View, survey
from explorer.core.networks.training import train
from explorer.core.run.setup import Setup
from explorer.core.verdict.forensics import why_nan
from explorer.site.casebook import SYNONYMS, Case, asked, by_symptom, casebook, choices, heading
from explorer.site.content import FLAT, HERE
from explorer.site.gift import MARKDOWN, QUESTION, gift
from explorer.site.kept import kept, known
from explorer.site.mark import ICON
from explorer.site.shown import Shown, shown
from explorer.site.standalone import html

TOUR = (
    ("09_x_squared", "One number and one slope: the rate at which x² begins to jump, and why it is 2/λ."),
    ("10_regression_to_nan", "The same on five points and a line, until the loss is nan."),
    ("15_ravine", "Two curvatures: the steep one sets the largest rate, the flat one how long it takes."),
    ("20_momentum_transient", "Momentum allows a larger rate, and its first rise is no divergence."),
    ("12_raw_features_adam", "Adam divides by the size of the gradient, and has an edge of its own."),
    ("50_dead_units", "A network: here a large rate kills units instead of the loss."),
    ("51_edge_of_stability", "Full batches drive a network to its own edge, where it stays."),
    ("45_map_fractal", "The border between what trains and what does not is a fractal."),
)
"""The ideas in their order, each with the case that shows it."""

QUIZ = "quiz.gift.txt"
"""The quiz for a learning platform; Moodle takes a file that ends in txt. It is written first: by it a folder is known as a site."""


def write_site(
    folder: str | PathLike[str], *, app: str = "", only: Iterable[str] | None = None, told: Callable[[str], Any] = lambda _: None
) -> Path:
    """Write the site into `folder`, which is made if it is not there, and return the path of its first page.

    A site that is there is written anew; a folder with other files is refused, but for hidden ones such as `.git`.

    `app` is the address of a running app, `https://...`, for the links that open a case with all its knobs; without it there are none.
    `only` names the cases that are written, all by default: training the networks of some forty of them takes minutes. `told` is
    called with the name of each page before it is computed.

    Raises ValueError for an unknown case, an address that is none and a folder of other files, OSError where nothing can be written.

        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     first = write_site(folder, only=["09_x_squared"])
        ...     sorted(path.name for path in first.parent.iterdir())
        ['09_x_squared-undone.html', '09_x_squared.html', 'index.html', 'plotly-cartesian.min.js', 'quiz.gift.txt']
    """
    if not folder:
        raise must("folder", "the path of a folder, such as site, or . for this one", "none")
    folder, names = Path(folder), [case.name for case in casebook()]
    wanted = names if only is None else list(only)
    for name in wanted:
        if name not in names:
            raise ValueError(f"there is no case named {name!r}; they are {', '.join(names)}")
    if app and not app.startswith(("http://", "https://")):
        raise ValueError(f"app must be an address that begins with https:// or http://, got {app!r}")
    folder.mkdir(parents=True, exist_ok=True)
    others = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    if others and QUIZ not in others:
        raise must("folder", "new, empty, or a site that was written before", f"{folder}, with {counted(len(others), 'file')}: {others[0]}")
    chosen = [case for case in casebook() if case.name in wanted]
    (folder / QUIZ).write_text(gift(chosen), encoding="utf-8")
    for case in chosen:
        for each, name in ((case, case.name), (case.undone, f"{case.name}-undone"))[: 1 + bool(case.switch)]:
            told(name)
            shows = replace(picture(each), title=case.title + f", then: {case.switch_label}" * (each is not case))
            page = html(shows, FLAT.name, _words(case, each, chosen, app, told_above=bool(shows.dial and shows.dial.words)))
            (folder / f"{name}.html").write_text(page, encoding="utf-8")
    shutil.copyfile(FLAT, folder / FLAT.name)
    first = folder / "index.html"
    first.write_text(_index(chosen), encoding="utf-8")
    return first


def picture(case: Case) -> Shown:
    """Return what the page of a case shows."""
    record, view = case.record, {name: text for name, text in case.query.items() if name.startswith("view.")}
    if case.page == "landscape":
        *_, found = survey(record, View.salvage(view)[0])
        return shown(found)
    if case.page == "map":
        return shown(known(record) if kept(record) else record)
    if case.page == "why_nan":
        return shown(why_nan(record.run()))
    if isinstance(record, Setup) and Facts(record.make_loss()).signals is not None:
        *_, history = train(record)
        return shown(history)
    return shown(record)


def _words(case: Case, each: Case, chosen: list[Case], app: str, *, told_above: bool) -> str:
    """What stands below a picture: the verdict, the switch, the question, why, and where to go from here."""
    seen, place = each.seen, chosen.index(case)
    undone = each is not case
    parts = [] if told_above else [f"<p>{MARKDOWN.renderInline(seen.sentence)}</p>"]
    if case.switch:
        to, label = (f"{case.name}.html", "Without it") if undone else (f"{case.name}-undone.html", "The one change that makes it go away")
        parts.append(f'<p class="switch"><a href="{to}">{label}: {escape(case.switch_label)}</a></p>')
    parts.append(f"<blockquote>{escape(case.question)}</blockquote>")
    parts.append(f"<details{' open' * undone}><summary>Why</summary>{MARKDOWN.render(case.why)}</details>")
    near = [(other.title, f"{other.name}.html") for other in chosen if other.name in case.related]
    if near:
        parts.append(f"<p>See also: {'; '.join(_link(*each) for each in near)}.</p>")
    if app:
        page = "" if case.page == "step_size" else case.page
        address = f"{app.rstrip('/')}/{page}?{urlencode(each.link)}"
        parts.append(f"<p>{_link('Open it in the app, with all its knobs', address)}</p>")
    follows = chosen[(place + 1) % len(chosen)]
    parts.append(f"<nav>{_link('All cases', 'index.html')} {_link(f'Next: {follows.title}', f'{follows.name}.html')}</nav>")
    return "\n".join(parts)


def _link(text: str, address: str) -> str:
    return f'<a href="{escape(address)}">{escape(text)}</a>'


def _index(chosen: list[Case]) -> str:
    """The first page: the tour, the gallery by symptoms with its search, and the quiz."""
    by_name = {case.name: case for case in chosen}
    tour = "".join(f"<li>{_link(by_name[name].title, f'{name}.html')}: {escape(line)}</li>" for name, line in TOUR if name in by_name)
    gallery = "".join(_strip(kind, group) for kind, group in by_symptom(chosen).items() if group)
    parts = {"tour": tour, "gallery": gallery, "quiz": _data([_question(case) for case in asked(chosen)]), "synonyms": _data(SYNONYMS)}
    parts |= {"question": QUESTION, "gift": QUIZ}
    style = (HERE / "standalone.css").read_text(encoding="utf-8")
    page = (HERE / "gallery.html").read_text(encoding="utf-8").replace("{{icon}}", ICON).replace("{{style}}", style)
    for name, part in parts.items():
        page = page.replace("{{" + name + "}}", part)
    return page


def _data(tree: Any) -> str:
    """JSON that ends no script."""
    return json.dumps(tree).replace("<", "\\u003c")


def _strip(kind: str, group: list[Case]) -> str:
    return f"<section><h2>{heading(kind)}</h2><ul class='gallery'>{''.join(map(_tile, group))}</ul></section>"


def _tile(case: Case) -> str:
    small = case.seen.drawn(case.title, words=False)
    return f'<li data-words="{escape(case.words)}"><a href="{case.name}.html">{small}<span>{escape(case.title)}</span></a></li>'


def _question(case: Case) -> dict[str, Any]:
    """A question of the quiz: a curve, the knob that made it among others, and the page that shows why."""
    curve = case.seen.drawn("A loss curve", words=False)
    return {"curve": curve, "options": choices(case, casebook(), 0), "knob": case.knob, "title": case.title, "page": f"{case.name}.html"}
