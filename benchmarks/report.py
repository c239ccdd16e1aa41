"""What the benchmarks found, as a table of text and as a picture."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

ABOUT = {
    "A": "512 learning rates on a quadratic of condition number 10⁴, float64",
    "B": "512 rates of a tanh network 2-16-16-1 on 200 points (few runs: 64), and 64 of 64-128-64-10 on 1500 digits",
    "C": "a map of the fractal's 16-16-1 tanh network, the rates of its two layers along the axes",
}

HEAD = f"{'':<34}{'runs × steps':>13} {'ours':>9} {'peak':>6}  the others, a step of a run, and how many times ours; ✓ goal reached, ✗ not"
PROMISES = "What else a sweep promises"


@dataclass(frozen=True)
class Row:
    """Median seconds of CPU time for a step of a run, by peer; `share` of the roofline that ours reaches; what JAX took to compile."""

    name: str
    runs: int
    steps: int
    seconds: Mapping[str, float]
    goals: Mapping[str, float]
    share: float
    compiling: float
    rounds: int

    def ratio(self, peer: str) -> float:
        """How many times ours a peer takes."""
        return self.seconds[peer] / self.seconds["ours"]

    def reached(self, peer: str) -> bool | None:
        """Whether the goal is, None where there is none."""
        return self.ratio(peer) >= self.goals[peer] if peer in self.goals else None


def duration(seconds: float) -> str:
    """In three digits.

    >>> duration(1.234e-8), duration(4.56e-5)
    ('12.3 ns', '45.6 µs')
    """
    for unit, size in (("ns", 1e-9), ("µs", 1e-6), ("ms", 1e-3)):
        if seconds < 999.5 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


def times(ratio: float) -> str:
    """A ratio in three digits, without an exponent.

    >>> times(1234.5), times(0.1234)
    ('1230', '0.123')
    """
    return f"{float(f'{ratio:.3g}'):g}"


def line(row: Row) -> str:
    """A line of the table."""
    marks = {True: " ✓", False: " ✗", None: ""}
    others = [
        f"{peer} {duration(seconds)} ({times(row.ratio(peer))}×{marks[row.reached(peer)]})"
        for peer, seconds in row.seconds.items()
        if peer != "ours"
    ]
    size = f"{row.runs} × {row.steps}"
    ours = f"{row.name:<34}{size:>13} {duration(row.seconds['ours']):>9} {row.share:>5.0%}"
    return f"{ours}  {'; '.join(others)}; compiled in {row.compiling:.1f} s; {row.rounds} rounds"


def footnotes(flops: Mapping[str, float], tanhs: Mapping[str, float]) -> str:
    """How to read the table."""
    peaks = ", ".join(f"{dtype} {flops[dtype] / 1e9:.0f} GFLOP/s and {tanhs[dtype] / 1e9:.2f} G tanh/s" for dtype in sorted(flops))
    return (
        "torch.optim: one run, for the time of all of them; with all threads, those that wait spin, which is CPU time too. JAX:\n"
        "jit(vmap(scan)) without compiling, with the loss of every step, which a verdict needs; 'last loss only' lets the compiler\n"
        "leave out all but the gradients; '½xᵀHx' is told the quadratic as a matrix instead of its curvatures one by one. peak: the\n"
        "time that the products and tanhs alone would take at this machine's best,\n"
        f"over ours; for A the product is that with the matrix. One core here, measured in between: {peaks}."
    )


# ---- the picture --------------------------------------------------------------------------------------------------------------

LEFT, RIGHT, TOP, STEP, FOOT = 250, 40, 92, 24, 46
WIDTH = 900
MARKS = {
    "ours": ("#0072b2", "●"),
    "JAX": ("#e69f00", "▲"),
    "torch vmap": ("#009e73", "◆"),
    "torch.optim": ("#d55e00", "■"),
}
"""Who is drawn, in the colors of Okabe and Ito and a shape each."""


def picture(rows: Mapping[str, list[Row]]) -> str:
    """An SVG: a line for each job, a mark for each peer, on a logarithmic axis of time."""
    everything = [seconds for each in rows.values() for row in each for peer, seconds in row.seconds.items() if peer in MARKS]
    low, high = math.floor(math.log10(min(everything))), math.ceil(math.log10(max(everything)))

    def across(seconds: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (math.log10(seconds) - low) / (high - low)

    parts, y = [], float(TOP)
    for job, each in rows.items():
        parts.append(text(16, y, f"{job}", weight="bold"))
        for row in each:
            parts += _row(row, y, across)
            y += STEP
        y += STEP / 2
    bottom = y - STEP / 2
    grid = []
    for power in range(low, high + 1):
        x = across(10.0**power)
        grid.append(f'<line x1="{x:.1f}" y1="{TOP - 14}" x2="{x:.1f}" y2="{bottom:.1f}" stroke="#ddd"/>')
        grid.append(text(x, bottom + 18, duration(10.0**power), anchor="middle", color="#555"))
    title = "One training step of one run, CPU time on one core: further left is faster"
    head = [text(16, 28, title, weight="bold", size=16), *_legend()]
    note = text(16, bottom + 38, "× is how many times a sweep's time the loop of torch.optim takes.", color="#555")
    box = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + FOOT:.0f}" font-family="sans-serif" role="img">'
    return "\n".join(
        [box, f"<title>{title}</title>", '<rect width="100%" height="100%" fill="#fff"/>', *grid, *head, *parts, note, "</svg>\n"]
    )


def _row(row: Row, y: float, across) -> list[str]:  # type: ignore[no-untyped-def]
    drawn = {peer: seconds for peer, seconds in row.seconds.items() if peer in MARKS}
    ends = across(min(drawn.values())), across(max(drawn.values()))
    parts = [
        text(34, y, row.name),
        f'<line x1="{ends[0]:.1f}" y1="{y - 5}" x2="{ends[1]:.1f}" y2="{y - 5}" stroke="#bbb"/>',
        *(text(across(seconds), y, MARKS[peer][1], anchor="middle", color=MARKS[peer][0], size=15) for peer, seconds in drawn.items()),
    ]
    if "torch.optim" in drawn:
        parts.append(text(across(drawn["torch.optim"]) + 10, y, f"{times(row.ratio('torch.optim'))}×", color="#555"))
    return parts


def _legend() -> list[str]:
    parts, x = [], 16.0
    for peer, (color, mark) in MARKS.items():
        parts += [text(x, 56, mark, color=color, size=15), text(x + 18, 56, "explorer.sweep" if peer == "ours" else peer)]
        x += 160
    return parts


def text(x: float, y: float, said: str, *, anchor: str = "start", color: str = "#222", weight: str = "normal", size: int = 13) -> str:
    """A line of text in an SVG."""
    style = f'text-anchor="{anchor}" fill="{color}" font-weight="{weight}" font-size="{size}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(said)}</text>'
