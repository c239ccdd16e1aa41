"""The package as somebody has it who installs it: built, and installed outside of this checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

BUILD = "import sys; from setuptools import build_meta; getattr(build_meta, 'build_' + sys.argv[1])(sys.argv[2])"


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
    builder = next((each.version for each in metadata.distributions(name="setuptools")), "0")
    if int(builder.split(".")[0]) < 77:
        said = f'setuptools must be >= 77 to build the package, got {builder}: pip install -e ".[test]"'
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
