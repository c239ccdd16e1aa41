"""How early the monitor warns, and how often for nothing: python -m benchmarks.monitor [--setups 12] [--write].

Every run of `benchmarks.monitor_runs` is fed to a monitor step by step, three times: the loss alone; with the gradient's norm and the rate;
with the model too. A warning is in time if it comes before the loss is 100 times its start. The thresholds of explorer/core/diagnosis were
chosen on the runs that are not held out. `--write` puts the tables into docs/monitor.md and draws its pictures.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from loky import ProcessPoolExecutor

from benchmarks import monitor_runs as runs
from benchmarks.report import text
from explorer import Monitor
from explorer.core.diagnosis import monitor
from explorer.core.diagnosis.monitor import Notice

DOCS = Path(__file__).parents[1] / "docs"
MODES = {"loss": "the loss", "gradient": "and the gradient's norm", "model": "and the model"}
WORDS = {**MODES, "edge": "only λη beyond the edge"}
MARKS = {
    "loss": ("#d55e00", "■", "2 4"),
    "gradient": ("#e69f00", "▲", "8 4"),
    "model": ("#0072b2", "●", "none"),
    "edge": ("#555555", "✕", "none"),
}
"""The colors of Okabe and Ito, a shape and a dash each."""
SCALES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.6, 1.0, 1.7, 3.0, 10.0)
"""What multiplies the heights at which a rise is a reason to warn, for the ROC."""
HEIGHTS = ("NEXT", "STEADY_FROM", "RISEN")


@dataclass(frozen=True)
class Watched:
    """What a monitor said of a run: the step of its first warning, -1 for none, and the steps that a warning is measured against."""

    family: str
    setup: str
    column: int
    label: str
    held_out: bool
    mode: str
    scale: float
    warned: int
    sentence: str
    far: int  # the first step at which the loss is `FAR` times its start, or not finite
    steps: int  # the number of losses; the last one is inf where it overflows

    @property
    def in_time(self) -> bool:
        return 0 <= self.warned < self.far

    @property
    def lead(self) -> int:
        """Steps from the warning to the first loss that is not finite, 0 for none."""
        return self.steps - 1 - self.warned if self.warned >= 0 else 0


def first_warning(run: runs.Labelled, mode: str) -> tuple[Notice | None, int]:
    """The first warning of a run before it is lost, and the first step at which a look found the rate beyond the edge, or -1."""
    path, beyond = run.path, -1
    model = {"model": run.objective, "batch_size": path.batch_size} if mode == "model" else {}
    watch = Monitor(dtype="float32" if path.x.dtype == np.float32 else "float64", optimizer=run.optimizer, **model)
    said = None
    for step, (loss, norm, rate) in enumerate(zip(run.loss.tolist(), run.gradient_norm.tolist(), run.rate.tolist(), strict=True)):
        more = {} if mode == "loss" else {"gradient_norm": norm, "learning_rate": rate}
        if mode == "model":
            more |= {"x": lambda step=step: run.point(step), "preconditioner": run.preconditioner(step)}
        notice = watch.update(loss, **more)
        if beyond < 0 and watch.look is not None and watch.look.times_edge > 1:
            beyond = step
        said = said or (notice if np.isfinite(loss) else None)
        if said and (mode != "model" or beyond >= 0):
            break
    return said, beyond


def watched(run: runs.Labelled, modes: Iterable[str] = MODES, scale: float = 1.0) -> list[Watched]:
    """What is said of a run in each mode; with the model also as mode ``"edge"``: the first look beyond the edge, taken for a warning."""
    far = np.flatnonzero(~(run.loss < runs.FAR * run.level))
    far_at, found = int(far[0]) if far.size else len(run.loss), []
    for mode in modes:
        notice, beyond = first_warning(run, mode)
        about = (-1, "") if notice is None else (notice.step, notice.sentence)
        for name, (warned, sentence) in {mode: about, **({"edge": (beyond, "")} if mode == "model" else {})}.items():
            key = run.family, run.setup, run.column, run.label, run.held_out, name, scale
            found.append(Watched(*key, warned, sentence, far_at, len(run.loss)))
    return found


@contextlib.contextmanager
def heights(scale: float) -> Iterator[None]:
    """The monitor with the heights of its rules multiplied, at least 1.01."""
    usual = {name: getattr(monitor, name) for name in HEIGHTS}
    try:
        for name, height in usual.items():
            setattr(monitor, name, max(scale * height, 1.01))
        yield
    finally:
        for name, height in usual.items():
            setattr(monitor, name, height)


def setup(family: str, number: int) -> list[Watched]:
    """All that is said of one setup's runs, at every scale without the model."""
    found = []
    with np.errstate(all="ignore"):
        for run in runs.made(family, number):
            found += watched(run)
            for scale in SCALES:
                with heights(scale):
                    found += watched(run, ("loss", "gradient"), scale) if scale != 1 else []
    return found


# ---- the table ------------------------------------------------------------------------------------------------------------------


def shares(count: int, of: int) -> str:
    return f"{count} of {of}" if of else "–"


def row(name: str, some: Sequence[Watched]) -> str:
    """A row: of the runs that overflow those warned of in time, of the healthy ones the false alarms, in each mode."""
    cells = [name]
    for label, hit in ((runs.OVERFLOWS, lambda each: each.in_time), (runs.HEALTHY, lambda each: each.warned >= 0)):
        of = {mode: [each for each in some if each.label == label and each.mode == mode] for mode in MODES}
        cells.append(str(len(of["loss"])))
        cells += [f"{sum(map(hit, each))}" if each else "–" for each in of.values()]
        if label == runs.OVERFLOWS:
            cells += [f"{median(each.lead for each in of['model']):.0f}" if of["model"] else "–"]
    return f"| {' | '.join(cells)} |"


HEAD = """| runs | overflow | in time: loss | + gradient | + model | median lead | healthy | false: loss | + gradient | + model |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"""


def table(some: Sequence[Watched]) -> str:
    lines = [HEAD, *(row(family, [each for each in some if each.family == family]) for family in runs.FAMILIES), row("**all**", some)]
    return "\n".join(lines)


def summary(some: Sequence[Watched]) -> str:
    """The goals, and what was reached, for each mode."""
    lines = [
        "| fed with | overflow | warned in time | warned before inf | median lead | healthy | false alarms | came back from 100 × | broke "
        "without inf |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|"
    ]
    for mode, words in WORDS.items():
        of = {label: [each for each in some if each.label == label and each.mode == mode] for label in runs.LABELS}
        out, healthy = of[runs.OVERFLOWS], of[runs.HEALTHY]
        cells = [words, str(len(out)), f"{np.mean([each.in_time for each in out]):.1%}", f"{np.mean([each.lead > 0 for each in out]):.1%}"]
        false = sum(each.warned >= 0 for each in healthy)
        cells += [f"{median(each.lead for each in out):.0f}", str(len(healthy)), f"{false} ({false / len(healthy):.2%})"]
        cells += [shares(sum(each.warned >= 0 for each in of[label]), len(of[label])) for label in (runs.CAME_BACK, runs.NEITHER)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


# ---- what a step costs ----------------------------------------------------------------------------------------------------------


def speed(steps: int = 20_000) -> dict[str, float]:
    """Microseconds of CPU time of one `update`, the median of seven rounds, by what is fed."""
    noise = random.Random(0).random
    curves = {
        "a falling, noisy loss": [1 / (1 + i / 100) + 0.05 * noise() for i in range(steps)],
        "a loss that rises at every step": [1 + 1e-4 * i * (1 + 0.01 * noise()) for i in range(steps)],
        "a loss on its way out": [2 * 1.01 ** (i % 60_000) for i in range(steps)],
    }

    def each(losses: list[float], **more: float) -> float:
        update, began = Monitor().update, time.process_time()
        for loss in losses:
            update(loss, **more)
        return (time.process_time() - began) / steps * 1e6

    fed = {"": {}, ", with the gradient's norm and the rate": {"gradient_norm": 1.0, "learning_rate": 0.1}}
    return {
        name + how: median(each(losses, **more) for _ in range(7))
        for (name, losses), (how, more) in itertools.product(curves.items(), fed.items())
    }


# ---- the pictures ---------------------------------------------------------------------------------------------------------------

WIDTH, HEIGHT, LEFT, TOP, RIGHT, FOOT = 640, 420, 70, 84, 24, 56


def chart(title: str, about: str, across: tuple[str, dict[float, str]], up: tuple[str, dict[float, str]], drawn: Sequence[str]) -> str:
    """An SVG with a title and a description, axes from 0 to 1 with these ticks, and what is `drawn` in them."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" role="img">',
        f"<title>{title}</title>\n<desc>{about}</desc>",
        '<rect width="100%" height="100%" fill="#fff"/>',
        text(16, 26, title, weight="bold", size=15),
        text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, across[0], anchor="middle", color="#555"),
        text(16, TOP - 14, up[0], color="#555"),
    ]
    for at, said in across[1].items():
        x, y = place(at, 0)
        parts += [f'<path d="M{x:.1f} {y:.1f}V{TOP}" stroke="#ddd"/>', text(x, y + 18, said, anchor="middle", color="#555")]
    for at, said in up[1].items():
        x, y = place(0, at)
        parts += [f'<path d="M{x:.1f} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>', text(x - 8, y + 4, said, anchor="end", color="#555")]
    return "\n".join([*parts, *drawn, "</svg>\n"])


def place(x: float, y: float) -> tuple[float, float]:
    return LEFT + (WIDTH - LEFT - RIGHT) * x, HEIGHT - FOOT - (HEIGHT - FOOT - TOP) * y


def line(mode: str, points: Sequence[tuple[float, float]]) -> str:
    color, _, dash = MARKS[mode]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in itertools.starmap(place, points))
    return f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2" stroke-dasharray="{dash}"/>'


def mark(mode: str, x: float, y: float) -> str:
    (color, sign, _), (left, top) = MARKS[mode], place(x, y)
    return text(left, top + 5, sign, anchor="middle", color=color, size=15)


def legend(modes: Iterable[str]) -> list[str]:
    """A row of marks with what each stands for."""
    parts, x = [], 16.0
    for mode in modes:
        parts += [text(x, 50, MARKS[mode][1], color=MARKS[mode][0], size=15), text(x + 18, 50, WORDS[mode])]
        x += 32 + 7 * len(WORDS[mode])
    return parts


PERCENT = {0.0: "0 %", 0.25: "25 %", 0.5: "50 %", 0.75: "75 %", 1.0: "100 %"}
LEAST = 1e-3


def rates(some: Iterable[Watched], mode: str, scale: float = 1.0) -> tuple[float, float]:
    """The shares of false alarms and of warnings in time."""
    of = [each for each in some if each.mode == mode and each.scale == scale]
    out, healthy = ([each for each in of if each.label == label] for label in (runs.OVERFLOWS, runs.HEALTHY))
    return float(np.mean([each.warned >= 0 for each in healthy])), float(np.mean([each.in_time for each in out]))


def roc(some: Sequence[Watched]) -> str:
    """Warnings in time against false alarms, these on a logarithmic axis that begins at `LEAST`."""

    def at(found: tuple[float, float]) -> tuple[float, float]:
        return float(np.log(max(found[0], LEAST) / LEAST) / -np.log(LEAST)), found[1]

    drawn = [line(mode, sorted(at(rates(some, mode, scale)) for scale in SCALES)) for mode in ("loss", "gradient")]
    words = []
    for mode, said in WORDS.items():
        false, in_time = rates(some, mode)
        drawn.append(mark(mode, *at((false, in_time))))
        words.append(f"{said}: {in_time:.0%} in time, {false:.1%} false alarms")
    drawn += legend(WORDS)
    ticks = {at((share, 0))[0]: said for share, said in ((1e-3, "0.1 % or fewer"), (1e-2, "1 %"), (1e-1, "10 %"), (1.0, "100 %"))}
    about = f"Held-out runs. {'; '.join(words)}. The lines are what other thresholds would do."
    return chart(
        "Warned in time, against false alarms", about, ("false alarms among healthy runs", ticks), ("warned in time", PERCENT), drawn
    )


def leads(some: Sequence[Watched]) -> str:
    """The share of the runs that overflow by how many steps before, at least, they were warned of, on a logarithmic axis up to 1,000."""
    drawn, words = [], []
    for mode, said in MODES.items():
        lead = np.array([each.lead for each in some if each.mode == mode and each.label == runs.OVERFLOWS and each.scale == 1])
        steps = np.unique(np.geomspace(1, 1000, 80).round())
        points = [(float(np.log10(step) / 3), float(np.mean(lead >= step))) for step in steps]
        drawn.append(line(mode, points))
        drawn += [mark(mode, *points[at]) for at in range(0, len(points), 12)]
        words.append(f"{said}: half are warned of {np.median(lead):.0f} or more steps before")
    ticks = {0.0: "1", 1 / 3: "10", 2 / 3: "100", 1.0: "1,000"}
    drawn += legend(MODES)
    about = f"Held-out runs that overflow. {'; '.join(words)}."
    return chart(
        "How long before inf the warning came", about, ("steps before inf, at least", ticks), ("runs that overflow", PERCENT), drawn
    )


# ---- all of it ------------------------------------------------------------------------------------------------------------------


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--setups", type=int, default=12, help="of each family")
    asked.add_argument("--write", action="store_true", help="into docs/monitor.md and its pictures")
    given = asked.parse_args()
    families, numbers = zip(*itertools.product(runs.FAMILIES, range(given.setups)), strict=True)
    with ProcessPoolExecutor() as pool:
        found = [each for some in pool.map(setup, families, numbers) for each in some]
    parts = {"held out": [each for each in found if each.held_out], "chosen on": [each for each in found if not each.held_out]}
    said = {}
    for name, some in parts.items():
        usual = [each for each in some if each.scale == 1]
        said[f"summary, {name}"], said[f"table, {name}"] = summary(usual), table(usual)
    costs = speed()
    said["cost"] = "\n".join(["| `update` of | µs |", "|---|--:|", *(f"| {name} | {cost:.1f} |" for name, cost in costs.items())])
    for name, lines in said.items():
        print(f"\n{name}\n{lines}")
    if given.write:
        (DOCS / "monitor-roc.svg").write_text(roc(parts["held out"]), encoding="utf-8")
        (DOCS / "monitor-lead.svg").write_text(leads(parts["held out"]), encoding="utf-8")
        written(DOCS / "monitor.md", said.items())


def written(page: Path, said: Iterable[tuple[str, str]]) -> None:
    """Put each text between its marks in a page."""
    prose = page.read_text(encoding="utf-8")
    for name, lines in said:
        before, _, rest = prose.partition(f"<!-- {name} -->")
        prose = "\n".join([f"{before}<!-- {name} -->", lines, f"<!-- end -->{rest.partition('<!-- end -->')[2]}"])
    page.write_text(prose, encoding="utf-8")


if __name__ == "__main__":
    main()
