"""What somebody gets who installs the package: built, installed outside of this checkout, and used from there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import answering, browser, contexts, visit

ROOT = Path(__file__).parents[1]
__all__ = ["browser", "contexts", "visit"]  # fixtures

BUILD = "import sys; from setuptools import build_meta; getattr(build_meta, 'build_' + sys.argv[1])(sys.argv[2])"

BASE = {"numpy", "scipy", "threadpoolctl"}

BASE_ALONE = f"""
import importlib.abc, sys
class BaseAlone(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        if top not in {{*sys.stdlib_module_names, *{BASE}, "explorer"}} and not top.startswith("_sysconfigdata"):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, BaseAlone())
"""


@dataclass(frozen=True)
class Installed:
    """Both distributions, and a fresh environment with the wheel in it that borrows the libraries of this one."""

    sdist: Path
    wheel: Path
    scripts: Path  # where its python and its commands are
    elsewhere: Path  # an empty folder to work in

    def python(self, code: str) -> subprocess.CompletedProcess[str]:
        """Run some code there."""
        return subprocess.run([self.scripts / "python", "-c", code], cwd=self.elsewhere, capture_output=True, text=True)


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The source distribution of this checkout, and the wheel that is built from that, installed."""
    if int(metadata.version("setuptools").split(".")[0]) < 77:
        said = 'setuptools is too old to build the package: pip install -e ".[test]"'
        (pytest.fail if os.environ.get("CI") else pytest.skip)(said)
    built, elsewhere = tmp_path_factory.mktemp("built"), tmp_path_factory.mktemp("elsewhere")
    leave = shutil.ignore_patterns(".git", ".venv", "build", "dist", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis", "test-results")
    shutil.copytree(ROOT, built / "checkout", symlinks=True, ignore=leave)

    def build(kind: str, folder: Path) -> Path:
        done = subprocess.run([sys.executable, "-c", BUILD, kind, built], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return next(built.glob({"sdist": "*.tar.gz", "wheel": "*.whl"}[kind]))

    sdist = build("sdist", built / "checkout")
    with tarfile.open(sdist) as archive:
        archive.extractall(built, filter="data")
    wheel = build("wheel", built / sdist.name.removesuffix(".tar.gz"))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", built / "venv"], check=True)
    scripts = built / "venv" / "bin"
    options = ["--no-deps", "--no-index", "--no-compile", "--quiet"]
    subprocess.run([sys.executable, "-m", "pip", "--python", scripts / "python", "install", *options, wheel], check=True)
    borrowed = [path for path in sys.path if path.endswith("site-packages")]
    [packages] = (built / "venv").glob("lib/*/site-packages")
    (packages / "borrowed.pth").write_text("\n".join(borrowed))
    return Installed(sdist, wheel, scripts, elsewhere)


def test_both_distributions_carry_every_file(installed: Installed) -> None:
    files = {
        path.relative_to(ROOT).as_posix() for path in (ROOT / "explorer").rglob("*") if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(installed.wheel) as archive:
        assert {name for name in archive.namelist() if ".dist-info/" not in name} == files
    with tarfile.open(installed.sdist) as archive:
        there = {name.partition("/")[2] for name in archive.getnames()}
    assert files | {"app.py", "README.md", "requirements.txt", ".streamlit/config.toml", "tests/test_package.py", ".ci/run"} <= there


def test_the_base_install_imports_little_and_does_its_work(installed: Installed) -> None:
    done = installed.python(
        BASE_ALONE
        + """
import explorer
assert len(sys.modules) <= 300, len(sys.modules)
assert "numpy" not in sys.modules
from explorer import *
loss, rule = LOSSES["quadratic"](eigenvalues=(1, 10)), OPTIMIZERS["gradient_descent"]()
print(explorer.__file__, explorer.__version__)
print(*judge(run(loss, rule, [0.1, 0.2, 0.5], steps=1000)).verdict)
print(*sweep(LOSSES["network"](data="waves", activation="gelu"), rule, [0.01, 1e5], steps=200).verdict)
print(diagnose([1.0, 2, 4, 8, 16, 32, 64, 128]).verdict, round(critical_learning_rate(loss, rule), 3))
plan = Map(Setup("x_squared"), Axis("learning_rate", 0, 2, count=8), Axis("start.0", 1, 2, count=8))
canvas = Canvas.blank(plan)
print(*list(render(plan, canvas))[-1:], canvas.shares()["diverged"])
for name in ("linear_regression", "formula"):
    try:
        run(LOSSES[name](), rule, 0.1)
    except ModuleNotFoundError as error:
        print(error)
from explorer.core.ground.workers import processes
try:
    processes()
except ModuleNotFoundError as error:
    print(error)
from explorer.cli import main
print(main([]), main(["edge", "loss=quadratic&learning_rate=0.5", "--json"]))
"""
    )
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    assert first.split() == [
        str(next(installed.scripts.parent.glob("lib/*/site-packages/explorer/__init__.py"))),
        metadata.version("divergence-explorer"),
    ]
    assert rest[:4] == ["converged oscillating diverged", "slow diverged", "diverged 0.2", "1.0 0.5"]
    assert rest[4:7] == [
        'the data set "diabetes" needs sklearn: pip install "divergence-explorer[data]"',
        'the loss "formula" needs sympy: pip install "divergence-explorer[formula]"',
        'a process for each core needs loky: pip install "divergence-explorer[parallel]"',
    ]
    assert rest[-1] == "2 1"
    assert done.stderr == 'divergence-explorer: the app needs streamlit: pip install "divergence-explorer[app]"\n'


DOWNSTREAM = """
import explorer
from explorer import LOSSES, OPTIMIZERS, Setup, Trajectory, Verdict, critical_learning_rate, diagnose, judge, run, sweep

loss = LOSSES["quadratic"](eigenvalues=(1, 10))
trajectory: Trajectory = run(loss, OPTIMIZERS["adam"](), [0.1, 0.2], steps=10)
verdict: Verdict | None = diagnose([1.0, 2.0, 4.0]).verdict
words: list[str] = [judge(trajectory).sentence(run) for run in range(2)]
version: str = explorer.__version__
print(verdict, words, version, explorer.sweep(loss, OPTIMIZERS["adam"](), 0.1).steps + sweep(loss, OPTIMIZERS["adam"](), 0.1).steps)
print(critical_learning_rate(loss, OPTIMIZERS["adam"]()), Setup("booth").to_query()["loss"].upper())
"""


def test_a_script_that_uses_it_passes_mypy_strict(installed: Installed) -> None:
    """And what is wrong in one is seen: the types are really there."""
    script = installed.elsewhere / "script.py"
    for wrong, said in (("", "Success: no issues found in 1 source file\n"), ("judge(3)\nexplorer.nothing\n", "Found 2 errors")):
        script.write_text(DOWNSTREAM + wrong)
        command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", installed.scripts / "python", script.name]
        done = subprocess.run(command, cwd=installed.elsewhere, capture_output=True, text=True)
        assert said in done.stdout, done.stdout + done.stderr


@pytest.mark.browser
def test_the_command_opens_the_app_with_its_settings(installed: Installed, visit: Callable[..., Page], tmp_path: Path) -> None:
    with answering([str(installed.scripts / "divergence-explorer")], tmp_path, installed.elsewhere) as address:
        page = visit(address, ignore="/_stcore/")  # Streamlit asks for these below a page's own name first
        dial, line = page.get_by_role("slider", name="Learning rate"), page.locator(".js-plotly-plot .scatterlayer .trace").first
        for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
            dial.press(key)
            expect(page.locator(".picture").first).to_have_attribute("data-drawn", re.compile(rf"^{dial.input_value()} "))
        expect(line).to_be_attached()
        assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "18px"  # as explorer/ui/.streamlit/config.toml says
        page.goto(f"{address}/sweep?v=1&loss=quadratic&learning_rate=0.1")
        expect(line).to_be_attached()
