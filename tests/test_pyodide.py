"""The core where there are no threads, processes or sockets, as in a browser: it does all that it does elsewhere, to the same numbers."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.browser.conftest import ROOT
from tests.core.everything import everything

WITHOUT = r"""
import os, socket, subprocess, sys, threading, time

# what Pyodide 0.27.7 and 314.0.7 have no module for, and what is in none of the core's own dependencies
for name in (
    "_curses _lzma _multiprocessing _posixshmem _sqlite3 _ssl curses dbm ensurepip fcntl grp lzma pwd readline resource sqlite3 ssl"
    " termios tkinter venv cloudpickle distributed jax loky numba pandas sklearn starlette streamlit sympy torch"
).split():
    sys.modules[name] = None  # an import of it fails, and nobody finds it


def refuse(error):
    def refused(*given, **more):
        raise error
    return refused


threading.Thread.start = refuse(RuntimeError("can't start new thread"))
subprocess.Popen.__init__ = os.fork = os.posix_spawn = refuse(OSError(138, "emscripten does not support processes."))
socket.socket.connect = socket.create_connection = refuse(OSError(23, "Host is unreachable"))
for module, name in ((time, "thread_time"), (os, "sched_getaffinity"), (os, "nice")):
    delattr(module, name)
"""
RUN = """
from explorer.core.ground.workers import processes
from tests.core.everything import everything

import json
done = everything()
try:
    processes()
except RuntimeError as error:
    done["refused"] = str(error)
print(json.dumps(done))
"""


def test_the_core_does_everything_without_what_pyodide_lacks() -> None:
    command = [sys.executable, "-W", "error", "-c", WITHOUT + RUN]
    alone = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert alone.returncode == 0, alone.stderr
    found = json.loads(alone.stdout)
    assert found.pop("refused").startswith("processes must be started for this, which a browser does not allow")
    assert found == json.loads(json.dumps(everything()))


def test_what_is_forbidden_there_is_forbidden() -> None:
    """Or the test above would say nothing."""
    for attempt in (
        "threading.Thread(target=int).start()",
        "import loky",
        "import fcntl",
        "subprocess.run(['true'])",
        "os.fork()",
        "socket.create_connection(('127.0.0.1', 9))",
        "import multiprocessing.synchronize",
        "time.thread_time()",
    ):
        alone = subprocess.run([sys.executable, "-c", f"{WITHOUT}\n{attempt}"], cwd=ROOT, capture_output=True, text=True, check=False)
        assert alone.returncode == 1, attempt
