"""The pages of docs/api, one a public name, from its docstring and its signature as written: `python -m docs.make_api` writes them anew.

griffe reads the source without running it, so that a signature says `ArrayLike` and not what it stands for.
"""

import inspect
import re
from pathlib import Path

import griffe

import explorer

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "api"
SOURCE = griffe.load("explorer", search_paths=[ROOT])
BESIDE = ("bridges.jax_loss", "bridges.torch_loss", "site.write_html")
"""What is public beside `import explorer`, by the place from which it is imported."""
DOORS = {place.rpartition(".")[2]: place for place in (*(f"core.doors.{name}" for name in explorer.__all__), *BESIDE)}
NEAR = {
    "Blocks": "core.optimizers.rule.Blocks",
    "Conditions": "core.run.descent.Conditions",
    "Facts": "core.losses.protocol.Facts",
    "Notice": "core.diagnosis.monitor.Notice",
    "Race": "core.run.race.Race",
    "Shown": "site.shown.Shown",
    "Survey": "core.networks.planes.Survey",
}
"""What is no public name, and is explained on the page of each that speaks of it."""
HEAD = "from explorer import *\nimport numpy as np"
"""What the example of every page begins with."""


def found(name: str) -> griffe.Object:
    """Return where a public name is defined."""
    there = SOURCE[DOORS[name]]
    return there.final_target if isinstance(there, griffe.Alias) else there


def public(name: str) -> str:
    """Return how a name is called from outside, such as ``explorer.bridges.torch_loss``."""
    return f"explorer.{DOORS[name].removeprefix('core.doors.')}"


def file(name: str) -> str:
    """Return the file of a name's page; where capitals alone tell two names apart, as no file system need do, the class has another.

    >>> file("trace"), file("Trace"), file("Loss")
    ('trace.md', 'Trace-class.md', 'Loss.md')
    """
    return f"{name}{'-class' if name != name.lower() and name.lower() in DOORS else ''}.md"


def words(thing: griffe.Object) -> str:
    """Return a docstring, empty if there is none."""
    return thing.docstring.value if thing.docstring else ""


def written(function: griffe.Function, name: str) -> str:
    """Return a signature as the source has it, an argument a line where it is long."""
    parts, star = [], False
    for each in function.parameters:
        kind = str(each.kind and each.kind.value)
        if each.name in {"self", "cls"} or each.name.startswith("_"):
            continue
        if kind == "keyword-only" and not star:
            parts.append("*")
        star = star or kind in {"keyword-only", "variadic positional"}
        text = {"variadic positional": "*", "variadic keyword": "**"}.get(kind, "") + each.name
        text += f": {each.annotation}" if each.annotation else ""
        parts.append(text + (f" = {each.default}" if each.default is not None and "variadic" not in kind else ""))
    ends = f" -> {function.returns}" if function.returns and function.name != "__init__" else ""
    line = f"{name}({', '.join(parts)}){ends}"
    return line if len(line) <= 100 else f"{name}(\n    " + ",\n    ".join(parts) + f",\n){ends}"


def markdown(text: str, *, beside: str = "") -> str:
    r"""Return a docstring as Markdown: examples fenced, and every public name that it speaks of a link to its page, but for `beside`.

    >>> markdown("As `run` has it, ``(runs,)``.\n\n    >>> 1 + 1\n    2").splitlines()
    ['As [`run`](run.md) has it, `(runs,)`.', '', '```pycon', '>>> 1 + 1', '2', '```']
    """
    parts = re.split(r"\n\n(?=    \S)|\n\n(?! {4})", text)  # an example may be indented, as a whole
    return "\n\n".join(_fenced(part) if part.lstrip().startswith(">>>") else _linked(part, beside) for part in parts)


def _fenced(part: str) -> str:
    inset = len(part) - len(part.lstrip(" "))
    return "```pycon\n" + "\n".join(line[inset:] for line in part.splitlines()) + "\n```"


def _linked(part: str, beside: str) -> str:
    names = "|".join(sorted(DOORS.keys() - {beside}, key=len, reverse=True))
    part = re.sub(r"``(.+?)``", r"`\1`", part)
    return re.sub(rf"(?<![`\[])`({names})`(?!`)", lambda name: f"[{name[0]}]({file(name[1])})", part)


def members(thing: griffe.Class) -> str:
    """Return what one does with an object of this class: its methods and properties, and what its fields say of themselves."""
    parts = []
    for name, each in thing.members.items():
        own = each.final_target if isinstance(each, griffe.Alias) else each
        if name.startswith("_") or not (words(own) or "property" in own.labels):
            continue
        if isinstance(own, griffe.Function):
            head = written(own, name)
        else:
            head = name + (f": {own.annotation}" if isinstance(own, griffe.Attribute) and own.annotation else "")
        shown = f"```python\n{head}\n```\n\n" if head != name else ""
        parts.append(f"### {name}\n\n{shown}{markdown(words(own), beside=thing.name)}".rstrip())
    return "\n\n".join(parts)


def on_the_shelf(name: str) -> str:
    """Return a table of what a shelf has: its knobs with their defaults, PyTorch's call of the same, and what it is."""
    shelf = getattr(explorer, name)
    rows = ["| name | knobs | PyTorch | |", "|---|---|---|---|"]
    for each in shelf:
        knobs = ", ".join(f"`{knob}={known.write(known.default)}`" for knob, known in shelf.parameters(each).items())
        text = inspect.getdoc(shelf[each]) or ""
        said = re.search(r"PyTorch's\s+([A-Z]\w+)", text)
        torch = shelf.torch(each) or (said[1] if said else "")
        told = text.partition("\n")[0].replace("|", r"\|").replace("``", "`")
        rows.append(f"| `{each}` | {knobs} | {f'`{torch}`' if torch else ''} | {told} |")
    return "\n".join(rows)


def page(name: str) -> str:
    """Return the page of a public name."""
    thing = found(name)
    parts = [f"# {name}", f"`{public(name)}`, in [{(place := thing.relative_package_filepath.as_posix())}](../../{place})"]
    if isinstance(thing, griffe.Function):
        parts.append(f"```python\n{written(thing, name)}\n```")
    elif (
        isinstance(thing, griffe.Class)
        and "__init__" in thing.members
        and not {"Protocol", "StrEnum"} & {str(each) for each in thing.bases}
    ):
        parts.append(f"```python\n{written(thing['__init__'], name)}\n```")
    parts.append(markdown(words(thing), beside=name))
    if isinstance(thing, griffe.Class) and (more := members(thing)):
        parts.append(f"## Members\n\n{more}")
    for other, place in NEAR.items():
        if f"`{other}`" in words(thing):
            parts += [f"## {other}", markdown(words(SOURCE[place]).partition("\n\n>>>")[0], beside=name), members(SOURCE[place])]
    if name in {"LOSSES", "OPTIMIZERS", "SCHEDULES"}:
        parts.append(on_the_shelf(name))
    return "\n\n".join(filter(None, parts)) + "\n"


def index() -> str:
    """Return the list of all names, a line each."""
    told = {name: _linked(words(found(name)).partition("\n")[0], name).replace("|", r"\|") for name in sorted(DOORS, key=str.lower)}
    rows = [f"| [`{public(name)}`]({file(name)}) | {line} |" for name, line in told.items()]
    return (
        "# The public names\n\nWritten from the docstrings by `python -m docs.make_api`. The examples run as they stand after\n\n"
        f"```python\n{HEAD}\n```\n\nThe last axis of an array is always runs, and index 0 of its steps the start. "
        "Losses are in the loss's own unit; a learning rate is in that"
        "\nof one over the curvature, or of the point itself where the rule divides its steps.\n\n"
        "| name | |\n|---|---|\n" + "\n".join(rows) + "\n"
    )


def pages() -> dict[str, str]:
    """Return the text of every file in docs/api."""
    return {"README.md": index()} | {file(name): page(name) for name in DOORS}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for stale in FOLDER.glob("*.md"):
        stale.unlink()
    for place, text in pages().items():
        (FOLDER / place).write_text(text, encoding="utf-8")
