"""Every page opened with every size at its extreme, under a memory limit: it fits, or is refused with what would."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.ui.reading import FOLDER

ROOT = FOLDER.parents[1]
PAGES = [path.stem.split("_", 1)[1] for path in sorted(FOLDER.glob("pages/[0-9]*.py"))]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how much memory a process has, and holds it to a limit")
@pytest.mark.parametrize("pages", [PAGES[i::2] for i in range(2)], ids=",".join)
def test_pages_fit_into_their_memory_or_refuse(pages: list[str]) -> None:
    """In a process of its own, which the limit is for; `python -m benchmarks.extremes` turns the sizes of more losses, and each alone."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.extremes", *pages, "--losses", "ravine", "--few"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "WRONG" not in done.stdout, done.stdout
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == pages
    refused = [int(line.split(" refused")[0].rpartition(" ")[2]) for line in done.stdout.splitlines()]
    assert max(refused) > 2, "the extremes are beyond the law"
