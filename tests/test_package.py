"""What somebody gets who installs the package: built, installed outside of this checkout, and used from there."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from importlib import metadata
from pathlib import Path

from tests.package import Installed

ROOT = Path(__file__).parents[1]

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
