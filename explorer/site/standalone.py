"""A picture as one HTML file that drags, plays and speaks as in the app, without a server: offline, in a slide, in a course's page."""

import base64
import gzip
import json
import shutil
from functools import cache
from os import PathLike
from pathlib import Path
from typing import Any

from plotly import graph_objects as go

from explorer.core.ground.checks import check_made, check_switch, must, typed
from explorer.site.content import FLAT, HERE, IN_SPACE, SCRIPT, STYLE
from explorer.site.mark import ICON
from explorer.site.shown import Shown, content_of, shown


def write_html(what: Any, path: str | PathLike[str], *, inline: bool = True) -> Path:
    """Write a picture of `what` to a file of its own and return its path.

    `what` is a `Setup` (the ruler of the page "Step size"), a `Trajectory` (a dial over its rates, and its steps played), a `Race`, a
    `Map` (rendered first), a `Canvas`, what a network's `train` yields, a `Survey` of a landscape, the result of any other function of
    `explorer` that has a `plot()`, or a `Shown` of your own. The file holds Plotly, compressed, some 0.7 MB; with `inline=False` Plotly is
    written beside it once, for a folder of pictures, and the file has 60 kB to 1.2 MB (the cases). Neither asks a server for anything.

    Raises TypeError for what has no picture, ValueError for what cannot be run and for a path or an `inline` that is none, OSError where
    the file cannot be written.

    See also: `Setup`, `Trajectory`, `Map`. Plotly: Figure.write_html.

        >>> import tempfile
        >>> from explorer import Setup
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = write_html(Setup("x_squared", steps=20), f"{folder}/x_squared.html")
        ...     file.stat().st_size < 5e6
        True
    """
    rule = 'the path of a file, such as "picture.html"'
    if not str(check_made("path", path, str | PathLike, rule)) or "\0" in str(path):
        raise must("path", rule, typed(path))
    inline, path, picture = check_switch("inline", inline), Path(path), shown(what)
    code = IN_SPACE if _in_space(picture.figure) else FLAT
    path.write_text(html(picture, code if inline else code.name), encoding="utf-8")
    if not inline and not (path.parent / code.name).exists():
        shutil.copyfile(code, path.parent / code.name)
    return path


def html(picture: Shown, code: Path | str, words: str = "") -> str:
    """Return the page of a picture with Plotly's `code` in it, or the name of the file beside it, and `words`, HTML, below it."""
    sent = content_of(picture)
    told = {
        "key": "picture",
        "alt": picture.alt,
        "content": sent.text,
        "height": sent.height or 440,
        "value": picture.value,
        "hint": "",
        "epoch": 0,
        "title": picture.title,
        "recipe": picture.recipe,
        "said": picture.said,
        "address": "",
    }
    parts = {"plotly": code if isinstance(code, str) else _zipped_file(code), "shown": _zipped(json.dumps(told))}
    page = template(words)
    for name, part in parts.items():
        page = page.replace("{{" + name + "}}", part)
    return page


def template(words: str = "") -> str:
    """Return the page with its style, its script and its words, and places for Plotly and for what it shows."""
    page = (HERE / "standalone.html").read_text(encoding="utf-8")
    style = (HERE / "standalone.css").read_text(encoding="utf-8")
    return (
        page.replace("{{icon}}", ICON)
        .replace("{{words}}", words)
        .replace("{{style}}", STYLE + style)
        .replace("{{script}}", f"{SCRIPT}\nstand();\n")
    )


def _in_space(figure: go.Figure | dict[str, Any]) -> bool:
    return any("scene" in trace for trace in (figure["data"] if isinstance(figure, dict) else figure.to_dict()["data"]))


def _zipped(text: str) -> str:
    """What `unzipped` of picture_alone.js reads."""
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode("ascii")


@cache
def _zipped_file(code: Path) -> str:
    return _zipped(code.read_text(encoding="utf-8"))
