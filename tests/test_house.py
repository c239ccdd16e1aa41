"""The house keeps its own promises: checked code, one list of dependencies, a README whose commands and code are the real ones."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import plotly
import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]

# where the distribution and its module have different names
IMPORTED_AS = {"scikit-learn": "sklearn", "pillow": "PIL", "markdown-it-py": "markdown_it"}


def distribution(requirement: str) -> str:
    """The bare name in `numpy>=2.1,<3`."""
    return re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0]


def brought(requirements: list[str]) -> Iterator[str]:
    """These requirements, with those of our own extras in the place of their names."""
    for each in requirements:
        own = re.fullmatch(r"divergence-explorer\[(.*)\]", each)
        yield from (one for extra in own[1].split(",") for one in brought(EXTRAS[extra])) if own else [each]


def block(language: str, text: str) -> list[str]:
    """The fenced blocks of one language in a Markdown text."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def command(name: str) -> str:
    """The command that README.md marks with `<!-- name -->`."""
    return block("bash", README.split(f"<!-- {name} -->\n", 1)[1])[0].strip()


@pytest.mark.parametrize("check", ["ruff check .", "ruff format --check .", "mypy"])
def test_the_code_passes(check: str) -> None:
    done = subprocess.run([sys.executable, "-m", *check.split()], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"`{check}` says:\n{done.stdout}{done.stderr}"


DEPENDENCIES = [*PROJECT["project"]["dependencies"], *brought(EXTRAS["app"])]
"""What the app needs: the library's own dependencies first."""


def test_requirements_are_what_the_app_needs() -> None:
    assert (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines() == DEPENDENCIES


def test_the_library_itself_needs_little() -> None:
    assert [distribution(each) for each in PROJECT["project"]["dependencies"]] == ["numpy", "scipy", "threadpoolctl"]
    assert {"app", "data", "formula", "plot", "cluster", "torch", "jax", "all", "test"} <= EXTRAS.keys()
    assert {*brought(EXTRAS["all"])} == {each for name in EXTRAS.keys() - {"test", "bench"} for each in brought(EXTRAS[name])}


def test_every_extra_that_is_asked_for_exists() -> None:
    asked = {
        node.args[0].value
        for path in (ROOT / "explorer").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "needs"
        and isinstance(node.args[0], ast.Constant)
    }
    assert asked
    assert asked <= EXTRAS.keys()


def test_every_dependency_is_imported_and_every_import_is_a_dependency() -> None:
    ours = {"explorer"} | sys.stdlib_module_names
    imported = {name.split(".")[0] for path in [ROOT / "app.py", *(ROOT / "explorer").rglob("*.py")] for name in modules(path)} - ours
    needed = map(distribution, [*DEPENDENCIES, *(each for extra in ("cluster", "fast", "rooms") for each in brought(EXTRAS[extra]))])
    assert imported == {IMPORTED_AS.get(name, name) for name in needed}


def modules(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level}


def test_every_dependency_earns_its_line_in_the_readme() -> None:
    assert re.findall(r"^\| `([\w-]+)` \|", README, re.MULTILINE) == [distribution(each) for each in DEPENDENCIES]


def test_the_table_of_questions_has_every_page_in_the_order_of_the_navigation() -> None:
    rows = README.split("| page | question |\n", 1)[1].split("\n\n", 1)[0]
    pages = [path.stem.split("_", 1)[1].replace("_", " ").capitalize() for path in sorted((ROOT / "explorer/ui/pages").glob("[0-9]*_*.py"))]
    assert re.findall(r"^\| ([\w ]+) \|", rows, re.MULTILINE) == pages


def test_every_data_file_is_shipped() -> None:
    shipped = ["*.py", *PROJECT["tool"]["setuptools"]["package-data"]["*"]]
    files = [path for path in (ROOT / "explorer").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert [path for path in files if not any(path.match(pattern) for pattern in shipped)] == []


def test_the_changelog_speaks_of_this_version() -> None:
    assert f"## [{PROJECT['project']['version']}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_ci_runs_the_command_of_the_readme_and_no_other() -> None:
    shown = subprocess.run([ROOT / ".ci" / "run", "--show"], cwd="/", capture_output=True, text=True, check=True).stdout
    assert shown.strip() == command("test")
    assert "pytest" in shown
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert 'bash -euo pipefail -c "$command"' in script
    assert not re.search(r"pytest|\bpip ", script)


@pytest.mark.parametrize("name", ["start", "test"])
def test_a_command_needs_nothing_but_python(name: str) -> None:
    first, *_ = command(name).split(" && ")
    assert first == "python3 -m venv .venv"
    assert len(command(name).splitlines()) == 1


def test_starting_asks_for_nothing() -> None:
    """Without this, Streamlit's first start on a machine waits at the terminal for an e-mail address."""
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["server"]["showEmailPrompt"] is False
    assert config["browser"]["gatherUsageStats"] is False


@pytest.mark.parametrize("code", [pytest.param(code, id=f"block{i}") for i, code in enumerate(block("python", README))])
def test_the_readme_prints_what_it_says(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A comment after a print is what the print must print; what is written stays out of the checkout."""
    monkeypatch.chdir(tmp_path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, {"__name__": "readme"})
    assert printed.getvalue().splitlines() == re.findall(r"^print\(.*\)  # (.*)$", code, re.MULTILINE)


@pytest.mark.parametrize("said", block("console", README))
def test_the_commands_of_the_readme_print_what_it_says(said: str) -> None:
    typed, _, printed = said.removeprefix("$ ").partition("\n")
    here = f'divergence-explorer() {{ "{sys.executable}" -m explorer.cli "$@"; }}; {typed}'
    done = subprocess.run(["bash", "-c", here], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (printed, "")


BANNED = [
    "number line",
    "rate stands",
    "so many",
    "so often",
    "for ever",
    "whoever",
    "brought along",
    "gone on with",
    "slope is told",
    "broke where it stood",
]
"""Phrases that read as translated; the field has plainer ones: became inf, this rate tolerates, at most, forever, uploaded, resumed."""


@pytest.mark.parametrize("phrase", BANNED)
def test_the_prose_is_plain(phrase: str) -> None:
    suffixes = {".py", ".js", ".md", ".css", ".html", ".toml"}
    texts = [path for folder in ("explorer", "docs") for path in (ROOT / folder).rglob("*") if path.suffix in suffixes]
    found = re.compile(rf"\b{phrase}\b".replace(" ", r"\s+"), re.IGNORECASE)
    assert [path.name for path in (ROOT / "README.md", ROOT / "app.py", *texts) if found.search(path.read_text(encoding="utf-8"))] == []


def test_the_part_of_plotly_s_javascript_is_of_the_version_that_the_library_brings() -> None:
    own, whole = (ROOT / "explorer/site/bundle/plotly-cartesian.min.js"), Path(plotly.__file__).parent / "package_data/plotly.min.js"
    majors = [re.search(r"plotly\.js .*?v(\d+)\.", file.read_text(encoding="utf-8")[:200]) for file in (own, whole)]
    assert all(majors)
    assert len({found[1] for found in majors if found}) == 1, "take plotly.js-cartesian-dist-min of that version"
