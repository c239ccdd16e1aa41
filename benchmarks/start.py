"""What it costs to import the library, beside numpy alone: `python -m benchmarks.start`. Goal: 0.3 s and 300 modules for `import explorer`.

Medians of the CPU time of fresh processes, interleaved, less that of an empty one.
"""

import resource
import statistics
import subprocess
import sys

ROUNDS = 9
WHAT = {
    "nothing": "",
    "import numpy": "import numpy",
    "import explorer": "import explorer",
    "from explorer import run": "from explorer import run",
    "... and a first sweep": "from explorer import *; sweep(LOSSES['quadratic'](), OPTIMIZERS['adam'](), [0.1, 1])",
}


def main() -> None:
    seconds: dict[str, list[float]] = {name: [] for name in WHAT}
    modules: dict[str, int] = {}
    for _ in range(ROUNDS):
        for name, code in WHAT.items():
            before = spent()
            command = [sys.executable, "-c", f"{code}\nimport sys; print(len(sys.modules))"]
            modules[name] = int(subprocess.run(command, check=True, capture_output=True).stdout)
            seconds[name].append(spent() - before)
    empty = statistics.median(seconds["nothing"])
    print(f"{'':26}{'CPU, s':>8}{'modules':>9}")
    for name, each in seconds.items():
        print(f"{name:26}{statistics.median(each) - empty:8.3f}{modules[name]:9}")


def spent() -> float:
    """Return the CPU time of all processes that this one has waited for, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
