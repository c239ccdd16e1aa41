"""Every page opened with every size at its extreme, under a memory limit: it fits, or is refused with what would."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.ui.reading import FOLDER

ROOT = FOLDER.parents[1]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how much memory a process has, and holds it to a limit")
def test_every_page_fits_into_its_memory_or_refuses() -> None:
    """In a process of its own, which the limit is for; `python -m benchmarks.extremes` turns the sizes of more losses."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.extremes", "--losses", "ravine", "--few"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "WRONG" not in done.stdout, done.stdout
    assert len(done.stdout.splitlines()) == len([*FOLDER.glob("pages/[0-9]*.py")])
    assert sum(int(line.split(" refused")[0].rpartition(" ")[2]) for line in done.stdout.splitlines()) > 12, (
        "the extremes are beyond the law"
    )
