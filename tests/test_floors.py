"""The law of the house, read from the source of every file under explorer/: imports only go down.

    app.py                    may import everything
      explorer/cli.py         the command line; it starts Streamlit, and imports nothing of the app
      explorer/ui/            Streamlit; nobody below imports it, and pages do not know each other
        explorer/cases/       text, no code
        explorer/hall/        a class that bets: Starlette's routes; no Streamlit
        explorer/site/        pictures as files; no Streamlit
        explorer/figures/     Plotly; no Streamlit
        explorer/bridges/     torch and jax, imported when they are needed; nobody imports it
          explorer/core/      numpy; neither Plotly nor Streamlit. What draws a result is asked for by name, in ground/display.py alone

Each rule is a function from a file's place and its source to a list of sentences: where the rule is broken and the way out.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "explorer").rglob("*.py"))

Rule = Callable[[str, str], list[str]]

WEB = {"streamlit", "starlette", "uvicorn"}
# What a floor may import of the program, and which libraries it may not. The floor of explorer/__init__.py, the doors, is "".
ALLOWED = {
    "": {"core"},
    "core": {"core"},
    "bridges": {"core", "bridges"},
    "figures": {"core", "figures"},
    "cases": set(),
    "site": {"core", "figures", "site"},
    "cli": {"core", "site"},
    "__main__": {"cli"},
    "hall": {"core", "figures", "site", "hall"},
    "ui": {"", "core", "figures", "site", "hall", "cases", "ui"},
}
FORBIDDEN = {
    "": {"plotly"} | WEB,
    "core": {"plotly"} | WEB,
    "bridges": {"plotly"} | WEB,
    "figures": WEB,
    "cases": set(),
    "site": WEB,
    "hall": WEB - {"starlette"},
    "ui": set(),
    "cli": {"plotly"},
}


def floor(place: str) -> str:
    """The floor of a file: `explorer/core/schedules.py` is on `core`, `explorer/cli.py` on its own."""
    return place.split("/")[1].removesuffix(".py").removesuffix("__init__")


parsed = functools.lru_cache(1)(ast.parse)
"""The tree of a file, which every rule asks for in turn."""


def imports(place: str, source: str) -> Iterator[tuple[int, str]]:
    """Line and full name of every module or member that a file imports, wherever in the file it does so."""
    package = place.split("/")[:-1]
    for node in ast.walk(parsed(source)):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                above = package[: len(package) - level + 1] if level else []
                yield from ((node.lineno, ".".join([*above, *([module] if module else []), alias.name])) for alias in names)
            case ast.Call(
                func=ast.Name(id="__import__" | "import_module") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield node.lineno, name


def imports_only_go_down(place: str, source: str) -> list[str]:
    here = floor(place)
    broken = []
    for line, name in imports(place, source):
        first, *rest = name.split(".")
        there = rest[0] if rest and rest[0] in ALLOWED else ""
        if first == "explorer" and there not in ALLOWED.get(here, set()):
            broken.append(
                f"{place}:{line} imports {name}: the floor {here or 'explorer/__init__.py'!r} may import only "
                f"{sorted(ALLOWED.get(here, set()))} of explorer; move what both need down, or hand it over as an argument"
            )
    return broken


ROOMS = {"ground": 0, "losses": 1, "optimizers": 1, "schedules": 1, "data": 1, "files": 2, "theory": 2, "run": 3, "verdict": 3}
"""The rooms of the core, from the ground up; what is not named here (maps, networks, diagnosis) is on the top."""


def rooms_of_the_core_know_those_below(place: str, source: str) -> list[str]:
    """Theory needs a loss, a rule and a point, never a run; a run and its verdict know each other; files know no diagnosis."""
    if floor(place) != "core":
        return []
    here = place.split("/")[2].removesuffix(".py")
    return [
        f"{place}:{line} imports {name}: the room {here!r} may only know rooms below it; move what both need down, or hand it over"
        for line, name in imports(place, source)
        if name.startswith("explorer.core.") and ROOMS.get(name.split(".")[2], 4) > ROOMS.get(here, 4)
    ]


def libraries_stay_on_their_floor(place: str, source: str) -> list[str]:
    here = floor(place)
    return [
        f"{place}:{line} imports {name}: no {name.split('.')[0]} on the floor {here or 'explorer/__init__.py'!r}; "
        "return data, and let the floor above show them"
        for line, name in imports(place, source)
        if name.split(".")[0] in FORBIDDEN.get(here, set())
    ]


def every_file_is_on_a_floor(place: str, source: str) -> list[str]:
    if floor(place) in ALLOWED:
        return []
    floors = "core, bridges, figures, site, hall, cases, ui and cli.py"
    return [f"{place} is on no floor: explorer/ has {floors}; move it to the lowest one it needs"]


def cases_hold_no_code(place: str, source: str) -> list[str]:
    if floor(place) != "cases" or all(isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant) for each in parsed(source).body):
        return []
    return [f"{place} has code: a case is a .md file with a TOML head; what it has to compute belongs into explorer/core"]


def pages_do_not_know_each_other(place: str, source: str) -> list[str]:
    return [
        f"{place}:{line} imports {name}: nobody imports a page; what two pages share is a piece of explorer/ui, figures or core"
        for line, name in imports(place, source)
        if name.startswith("explorer.ui.pages")
    ]


def every_widget_has_a_key(place: str, source: str) -> list[str]:
    """Without one a widget that shows what holds is another widget after each turn, and the next turn is lost."""
    if not place.startswith("explorer/ui/"):
        return []
    return [
        f"{place}:{node.lineno} has a widget without a key: Streamlit tells it by what it shows, and forgets what is turned next"
        for node in ast.walk(parsed(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in WIDGETS
        and not {"key", None} & {each.arg for each in node.keywords}
    ]


WIDGETS = {"checkbox", "data_editor", "file_uploader", "multiselect", "number_input", "pills", "radio", "segmented_control"}
WIDGETS |= {"select_slider", "selectbox", "slider", "text_area", "text_input", "toggle"}


def only_descent_loops_over_steps(place: str, source: str) -> list[str]:
    """A `for` or `while` statement about steps. A comprehension is allowed: it cannot carry a point from step to step."""
    if place == "explorer/core/run/descent.py":
        return []
    return [
        f"{place}:{node.lineno} loops over steps: explorer/core/run/descent.py has the one loop of the program; call it, "
        "or compute all steps at once (an array operation or a comprehension)"
        for node in ast.walk(parsed(source))
        if (isinstance(node, ast.For) and (speaks_of_steps(node.target) or speaks_of_steps(node.iter)))
        or (isinstance(node, ast.While) and speaks_of_steps(node.test))
    ]


def speaks_of_steps(tree: ast.AST) -> bool:
    """Whether a name in it is `step` or `steps`, alone or last as in `max_steps`; a `step_size` is something else."""
    words = [node.id if isinstance(node, ast.Name) else node.attr for node in ast.walk(tree) if isinstance(node, ast.Name | ast.Attribute)]
    return any(word.lower().split("_")[-1] in {"step", "steps"} for word in words)


def nothing_is_executed_from_text(place: str, source: str) -> list[str]:
    return [
        f"{place}:{node.lineno} calls {ast.unparse(node.func)}: text from a link or a form must never run as code; parse it with ast and "
        "compute what is on a list of allowed nodes"
        for node in ast.walk(parsed(source))
        if isinstance(node, ast.Call) and ast.unparse(node.func).removeprefix("builtins.") in {"eval", "exec", "compile"}
    ]


def names_that_are_computed_are_imported_in_one_place(place: str, source: str) -> list[str]:
    """A result's `plot` asks for what draws it, floors above, by its name; nothing else in the core may reach up so."""
    if floor(place) not in ("", "core") or place == "explorer/core/ground/display.py":
        return []
    return [
        f"{place}:{node.lineno} imports a module by a name that is computed: only explorer/core/ground/display.py does; write the name out"
        for node in ast.walk(parsed(source))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).split(".")[-1] in {"import_module", "__import__"}
        and not (node.args and isinstance(node.args[0], ast.Constant))
    ]


RULES: list[Rule] = [
    every_file_is_on_a_floor,
    imports_only_go_down,
    rooms_of_the_core_know_those_below,
    libraries_stay_on_their_floor,
    cases_hold_no_code,
    pages_do_not_know_each_other,
    every_widget_has_a_key,
    only_descent_loops_over_steps,
    nothing_is_executed_from_text,
    names_that_are_computed_are_imported_in_one_place,
]


@pytest.mark.parametrize("place", FILES)
def test_the_house_keeps_its_rules(place: str) -> None:
    source = (ROOT / place).read_text(encoding="utf-8")
    broken = [sentence for rule in RULES for sentence in rule(place, source)]
    assert not broken, "\n".join(broken)


BREAKS = [
    (every_widget_has_a_key, "explorer/ui/pages/99_new.py", "import streamlit as st\nst.text_input('rate', '1')"),
    (every_file_is_on_a_floor, "explorer/utils.py", ""),
    (every_file_is_on_a_floor, "explorer/attic/old.py", ""),
    (imports_only_go_down, "explorer/cli.py", "from explorer.ui import server"),
    (imports_only_go_down, "explorer/core/run/sweep.py", "from explorer import cli"),
    (imports_only_go_down, "explorer/core/run/sweep.py", "import explorer"),
    (imports_only_go_down, "explorer/core/run/sweep.py", "from explorer import run"),
    (imports_only_go_down, "explorer/core/run/sweep.py", "import explorer.figures.theme"),
    (imports_only_go_down, "explorer/core/losses/scalar.py", "from ...figures import theme"),
    (imports_only_go_down, "explorer/core/run/setup.py", "def late():\n    from explorer.ui import panel"),
    (imports_only_go_down, "explorer/core/run/setup.py", "import importlib\nimportlib.import_module('explorer.ui.panel')"),
    (imports_only_go_down, "explorer/figures/ruler.py", "from explorer.ui.panel import panel"),
    (imports_only_go_down, "explorer/figures/ruler.py", "from explorer import cases"),
    (imports_only_go_down, "explorer/__init__.py", "from explorer.figures import ruler"),
    (imports_only_go_down, "explorer/__init__.py", "from explorer.bridges import torch_loss"),
    (imports_only_go_down, "explorer/ui/panel.py", "from explorer.bridges import torch_loss"),
    (rooms_of_the_core_know_those_below, "explorer/core/theory/edge.py", "from explorer.core.run.descent import Trajectory"),
    (rooms_of_the_core_know_those_below, "explorer/core/files/logs.py", "from explorer.core.diagnosis import signs"),
    (libraries_stay_on_their_floor, "explorer/core/verdict/verdict.py", "import plotly.graph_objects as go"),
    (libraries_stay_on_their_floor, "explorer/core/verdict/verdict.py", "from streamlit import cache_data"),
    (libraries_stay_on_their_floor, "explorer/figures/theme.py", "import streamlit as st"),
    (cases_hold_no_code, "explorer/cases/10_question.py", "SETUP = {}"),
    (
        pages_do_not_know_each_other,
        "explorer/ui/pages/20_sweep.py",
        "from importlib import import_module\nimport_module('explorer.ui.pages.10_a')",
    ),
    (pages_do_not_know_each_other, "explorer/ui/panel.py", "from explorer.ui.pages import words"),
    (only_descent_loops_over_steps, "explorer/core/run/sweep.py", "for step in range(9):\n    x = x - gradient(x)"),
    (only_descent_loops_over_steps, "explorer/core/run/sweep.py", "for _ in range(setup.steps):\n    x = x - gradient(x)"),
    (only_descent_loops_over_steps, "explorer/ui/pages/10_a.py", "while k < max_steps:\n    k += 1"),
    (nothing_is_executed_from_text, "explorer/core/losses/formula.py", "eval(text)"),
    (nothing_is_executed_from_text, "explorer/ui/panel.py", "import builtins\nbuiltins.exec(text)"),
    (names_that_are_computed_are_imported_in_one_place, "explorer/core/run/setup.py", "import importlib\nimportlib.import_module(NAME)"),
]

KEEPS = [
    (every_file_is_on_a_floor, "explorer/__init__.py", ""),
    (imports_only_go_down, "explorer/core/losses/scalar.py", "from .protocol import LOSSES\nfrom ..ground.knobs import Knob\nimport numpy"),
    (
        imports_only_go_down,
        "explorer/figures/ruler.py",
        "from explorer.core.theory import edge\nfrom explorer.figures.theme import OKABE_ITO",
    ),
    (imports_only_go_down, "explorer/ui/panel.py", "from explorer import Setup\nfrom explorer.figures import ruler"),
    (imports_only_go_down, "explorer/__init__.py", "from explorer.core.run.descent import run"),
    (imports_only_go_down, "explorer/bridges/torch.py", "from explorer.core.losses.protocol import Loss"),
    (rooms_of_the_core_know_those_below, "explorer/core/verdict/verdict.py", "from explorer.core.run.descent import Trajectory"),
    (rooms_of_the_core_know_those_below, "explorer/core/maps/tile.py", "from explorer.core.run.sweep import sweep"),
    (libraries_stay_on_their_floor, "explorer/core/data.py", "import numpy as np\nfrom sklearn import datasets"),
    (libraries_stay_on_their_floor, "explorer/figures/theme.py", "import plotly.graph_objects as go"),
    (cases_hold_no_code, "explorer/cases/__init__.py", '"""Situations as data."""'),
    (pages_do_not_know_each_other, "explorer/ui/pages/20_sweep.py", "from explorer.ui import panel"),
    (only_descent_loops_over_steps, "explorer/core/run/descent.py", "for step in range(steps):\n    pass"),
    (only_descent_loops_over_steps, "explorer/core/run/sweep.py", "for step_size in tile:\n    pass"),
    (only_descent_loops_over_steps, "explorer/figures/curves.py", "frames = [frame(step) for step in range(steps)]"),
    (nothing_is_executed_from_text, "explorer/core/ground/knobs.py", "import re\nre.compile('a')\nmodel.eval()"),
    (names_that_are_computed_are_imported_in_one_place, "explorer/core/ground/display.py", "importlib.import_module(DRAWS)"),
    (names_that_are_computed_are_imported_in_one_place, "explorer/core/run/setup.py", "importlib.import_module('explorer.core.data')"),
]


@pytest.mark.parametrize(("rule", "place", "source"), BREAKS)
def test_a_rule_sees_what_breaks_it(rule: Rule, place: str, source: str) -> None:
    (sentence,) = rule(place, source)
    assert sentence.startswith(place)


@pytest.mark.parametrize(("rule", "place", "source"), KEEPS)
def test_a_rule_leaves_the_rest_alone(rule: Rule, place: str, source: str) -> None:
    assert rule(place, source) == []


def test_every_rule_is_known_to_fail() -> None:
    assert {rule for rule, *_ in BREAKS} == set(RULES)
