"""What a benchmark ran on, in a line or two."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_info

from explorer.core.ground import elementary

CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


def processor() -> str:
    """Its name, as the system has it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def vectors() -> str:
    """The instructions that numpy's tanh of float64 was made for on this processor, BLAS's kernels, and who computes tanh here."""
    (own,) = np.lib.introspect.opt_func_info(func_name="^tanh$", signature="float64")["tanh"].values()
    width = {"X86_V4": "AVX-512, 8 float64 at once", "X86_V3": "AVX2, 4 float64 at once"}
    named = next((words for name, words in width.items() if name in own["current"]), own["current"])
    found = {f"{each['internal_api']} for {each.get('architecture', '?')}" for each in threadpool_info() if each["user_api"] == "blas"}
    kernels = ", ".join(sorted(found))
    return f"numpy with {named}; {kernels}; tanh by {'numba' if elementary.best(np.float64) is not None else 'numpy'}"


def caches() -> str:
    """The sizes of the caches that the first core uses."""
    found = []
    for index in sorted(CACHES.glob("index*")):
        level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
        if kind != "Instruction":
            found.append(f"level {level} {size}B")
    return ", ".join(found) or "caches unknown"


def described() -> str:
    """All of it, with the load before the benchmark."""
    load = f"; load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{processor()}, {os.cpu_count()} cores; {vectors()}; {caches()}{load}"
