"""How long reading a log takes: `python -m benchmarks.logs`, CPU time of the process, the least of three.

Logs of 30 MB in the style of several programs (goal: 3 s), what must be refused at once (0.5 s), and texts made to be slow (50 ms for those
of 32,000 letters).
"""

import json
import os
import time
from collections.abc import Callable, Mapping

from explorer import read_log
from tests.core.test_log_reader import HOSTILE, REFUSED

SIZE = 30 << 20


def filled(line: Callable[[int, float], str], head: str = "", tail: str = "") -> bytes:
    """30 MB of lines."""
    row = len(line(500_000, 0.5))
    return (head + "".join(line(k, 2 / (k + 1) ** 0.5) for k in range(SIZE // row)) + tail).encode()


LOGS: dict[str, Callable[[], bytes]] = {
    "CSV": lambda: filled(lambda k, loss: f"{k},{loss:.6f},0.001\n", "step,loss,lr\n"),
    "Hugging Face": lambda: filled(
        lambda k, loss: f"{{'loss': {loss:.4f}, 'grad_norm': 2.1, 'learning_rate': 1e-05, 'epoch': {k / 1000}}}\n"
    ),
    "JSON lines": lambda: filled(lambda k, loss: f'{{"loss": {loss:.4f}, "grad_norm": 2.1, "step": {k}}}\n'),
    "one JSON": lambda: filled(lambda k, loss: f'{{"loss": {loss:.4f}, "step": {k}}},\n', '{"log_history": [', '{"loss": 0.1}]}'),
    "short lines": lambda: filled(lambda k, loss: f"iter {k}: loss {loss:.4f}\n"),
    "long lines": lambda: filled(
        lambda k, loss: (
            f"2023-05-04 12:00:00,123 - mmdet - INFO - Epoch [1][{k}/7330]\tlr: 1.978e-03, eta: 1 day, 2:03:04, time: 0.312, "
            f"memory: 3900, loss_rpn_cls: 0.40, loss_cls: 0.9, acc: 80.1, loss: {loss:.4f}\n"
        )
    ),
    "one number a line": lambda: filled(lambda _, loss: f"{loss:.4f}\n"),
    "prose": lambda: filled(lambda k, _: f"word{k * 7919 % 9000} other{k * 104729 % 9000} and so on until {k}\n"),
}
AT_ONCE: dict[str, Callable[[], bytes]] = {
    "a line of 30 MB": lambda: b"x" * SIZE,
    "30 MB of binary": lambda: bytes(range(256)) * (SIZE >> 8),
    "10,000 names": lambda: "\n".join(json.dumps({f"name{k}": k}) for k in range(10_000)).encode(),
    "all nan": lambda: filled(lambda k, _: f"step {k} loss: nan\n")[: 1 << 19],
} | {name: lambda content=content: content for name, content, _ in REFUSED}


def seconds(content: bytes | str) -> tuple[float, str]:
    """CPU seconds to read or to refuse it, and what came of it."""
    least, came = float("inf"), ""
    for _ in range(3):
        begin = time.process_time()
        try:
            came = read_log(content).reading
        except ValueError as error:
            came = str(error)
        least = min(least, time.process_time() - begin)
    return least, came


def main() -> None:
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    tables: dict[str, Mapping[str, bytes | str]] = {
        "30 MB": {name: make() for name, make in LOGS.items()},
        "at once": {name: make() for name, make in AT_ONCE.items()},
        "hostile": {name: make(32_000 // max(len(make(10)) // 10, 1)) for name, make in HOSTILE.items()},
    }
    for title, contents in tables.items():
        print(f"\n{title:24}{'ms':>8}")
        for name, content in contents.items():
            taken, came = seconds(content)
            print(f"{name:24}{1e3 * taken:8.1f}  {came[:100]}")


if __name__ == "__main__":
    main()
