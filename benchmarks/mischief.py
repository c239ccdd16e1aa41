"""Nonsense at every door of the core, made from a seed: `python -m benchmarks.mischief --count 1000000 --seed 1`.

Links, formulas, logs, tables, canvas files, and values of every type for knobs and arguments: each is taken, or refused by a ValueError
with a sentence of ours. Printed are how many were taken and refused at each door, everything else that came out of one (another exception,
a warning that escaped, a foreign sentence), and the slowest with their CPU time. `--only SEED:NUMBER` shows one input again.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import string
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

import explorer
from explorer import LOSSES, OPTIMIZERS, SCHEDULES, Axis, Canvas, Map, Setup, render
from explorer.core.files.tables import read_table
from explorer.core.ground.parameters import experiment, parameters
from explorer.core.losses.formula import ByHand, formula
from explorer.core.losses.grammar import CONSTANTS, FUNCTIONS
from explorer.core.maps.boundary import lines
from explorer.core.maps.canvas import HEADER, MAGIC
from explorer.core.networks.planes import Survey, View, check_work, panes
from explorer.core.run.finder import find_rate
from explorer.core.run.program import program
from explorer.core.run.race import Race, Racer
from explorer.core.run.ruler import ruler
from explorer.core.run.setup import PLAIN, SHELVES
from explorer.core.verdict.explanation import Explanation
from explorer.core.verdict.forensics import growth

LONGEST = 0.5  # seconds of CPU that an input may take
FEW = 6  # steps of the runs that a link opens here
FOREIGN = re.compile(
    r"invalid literal|could not convert|truth value|Exceeds|not enough values|too many values|cannot convert|can't convert|out of bounds"
    r"|broadcast|setting an array|unsupported operand|has no attribute|not iterable|must be real|not supported between|codec|Expecting"
    r"|Unable to allocate|Maximum allowed|index \d|shape mismatch|unhashable|not callable|missing \d|NoneType|inhomogeneous"
)
"""How Python and numpy speak of a value: a visitor would not know of what."""

NUMBERS = [
    *("0", "-0", "1", "2", "3", "-1", "0.1", "1e-3", "1.5", "+1", "--1", ".5", "5.", "1e", "0x10", "1_000", "1j", "1e5e5", "١٢", "½", "²"),
    *("1e308", "-1e308", "1e309", "-1e309", "1e160", "1e-320", "5e-324", "nan", "-nan", "inf", "-inf", "1e12", "1e15", "1e22", "1e400"),
    *("2147483648", "9007199254740993", "-9223372036854775808", "1,2", "1;2", ",", "0,0,0", "1,nan", "1e308,1e308", "1e-300,1e300"),
    *("true", "None", "", " ", "1 2", "9" * 400, "9" * 5000, "1" * 30, "0." + "0" * 400 + "1", ",".join("1" * 60), ",".join("1" * 2000)),
]
WORDS = [
    *("", " ", "💥", "\0", "<img src=x onerror=alert(1)>", "![](http://x.example/a.png)", "a" * 3000, "../../etc", "é", "∞", "x" * 101),
    *("__class__", "%s%n", "{0}", "$x$", "\u202e"),
]
VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2, 0.5, 1e308, -1e308, 1e-320, float("nan"), float("inf"), 10**400, -(10**400), 10**5000, 1j, "1", "x"),
    *([], [1], [[1]], [1, 2], [[1, 2], [3]], (), (1, 2), {}, {"a": 1}, {1}, b"1", [10**400, 1], ["1", "2"], range(3), "9" * 5000),
    *(np.array(1.0), np.array([1.0, 2.0]), np.array([]), np.array([[1.0]]), np.array("x"), np.array(None), np.ones((2, 2, 2))),
    *(np.array([1, "x"], dtype=object), np.float32(0.1), np.int64(3), np.datetime64("2020-01-01"), np.ma.masked),
    *(object(), len, iter([1]), Ellipsis),
]


@dataclass
class Made:
    """What a generator of nonsense has: its source of chance."""

    random: random.Random

    def one(self, among: Any) -> Any:
        return self.random.choice(among)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def number(self) -> str:
        if self.chance(0.4):
            return str(self.one(NUMBERS))
        return f"{self.random.uniform(-10, 10):.3g}" if self.chance(0.7) else f"{10 ** self.random.uniform(-320, 308):.3g}"

    def word(self) -> str:
        if self.chance(0.5):
            return str(self.one(WORDS))
        return "".join(self.one(string.printable) for _ in range(self.random.randint(1, 12)))

    def mangled(self, text: str) -> str:
        """A text with some of its letters doubled, lost, swapped or replaced."""
        for _ in range(self.random.randint(0, 3)):
            at = self.random.randint(0, len(text))
            to = min(len(text), at + self.random.randint(0, 5))
            text = text[:at] + self.one(["", self.word()[:20], text[at:to] * self.random.randint(2, 40), self.number()[:20]]) + text[to:]
        return text

    # ---- what a door is given

    def query(self) -> dict[str, str]:
        """The parts of a link, most of them right."""
        setup = Setup(self.one([*LOSSES]))
        query = {"v": "1", "loss": setup.loss}
        for kind in ("optimizer", "schedule"):
            if self.chance(0.6):
                query[kind] = self.one([*SHELVES[kind]]) if self.chance(0.9) else self.word()
        setup, _ = Setup.salvage(query)
        known = [(name, each) for kind in SHELVES for name, each in setup.parameters(kind).items()]
        for name, parameter in self.random.sample([*known, *PLAIN.items()], k=min(len(known), self.random.randint(0, 4))):
            right = self.chance(0.3) and parameter.default is not None
            query[name] = self.mangled(parameter.write(parameter.default)) if right else self.number()
            if parameter.options and self.chance(0.7):
                query[name] = self.one(parameter.options)
            elif parameter.kind == "text" and self.chance(0.8):
                query[name] = self.formula()
        starts = ",".join(self.number() for _ in range(setup.make_loss().dim % 7))
        query |= {name: text for name, text in (("start", starts), ("learning_rate", self.number())) if self.chance(0.4)}
        if self.chance(0.2):
            query[self.word()] = self.word()
        return query

    def axis(self, setup: Setup) -> str:
        knob = self.one(
            ["learning_rate", "start.0", "start.1", "steps", "seed", "batch_size", "optimizer.momentum", "loss.width", "rate.W1"]
        )
        text = f"{knob}:{self.number()}:{self.number()}:{self.one(['log', 'linear'])}:{self.one(['8', '16', '2', self.number()])}"
        return self.mangled(text) if self.chance(0.2) else text

    def formula(self, depth: int = 0) -> str:
        if depth > self.random.randint(1, 5):
            return self.one([*"xyxyx", *CONSTANTS, "a" if self.chance(0.1) else "2", "1", "0.5", self.number()])
        inner = lambda: self.formula(depth + 1)  # noqa: E731
        text = self.one(
            [
                lambda: f"({inner()}{self.one('+-*/^')}{inner()})",
                lambda: f"{inner()}{self.one('+-*/^')}{inner()}",
                lambda: f"{self.one([*FUNCTIONS])}({inner()}{f',{inner()}' * self.chance(0.15)})",
                lambda: f"-{inner()}",
                lambda: f"{inner()}^{self.one(['2', '3', '0.5', '-1', self.number()])}",
            ]
        )()
        if not depth and self.chance(0.2):
            text += f"; a = {inner()}"
        return self.mangled(text) if not depth and self.chance(0.15) else text

    def log(self) -> str:
        names = [self.one(["loss", "train_loss", "val_loss", "lr", "step", "epoch", "grad_norm", "acc", self.word()]) for _ in range(4)]
        end = self.one(["\n", "\r\n", "\r", "\n\n"])
        rows = range(self.random.randint(1, 30))
        text = self.one(
            [
                lambda: end.join(" ".join(f"{name}{self.one([': ', '=', ' '])}{self.number()}" for name in names) for _ in rows),
                lambda: end.join([",".join(names), *(",".join(self.number() for _ in names) for _ in rows)]),
                lambda: end.join(json.dumps({name: self.json() for name in names}) for _ in rows),
                lambda: json.dumps([{name: self.json() for name in names} for _ in rows]),
                lambda: json.dumps(self.json(3)),
                lambda: end.join(f"{name} = {[self.random.random() for _ in rows]}" for name in names),
                lambda: (
                    "| " + " | ".join(names) + " |" + end + end.join("| " + " | ".join(self.number() for _ in names) + " |" for _ in rows)
                ),
                lambda: (
                    self.one([" ", "[", "(", ",", "1", "a", "=", "1,", "loss ", "nan", "\t1", "[1]", "epoch 1/", "1%|", "skipping "])
                    * self.random.randint(1, 6000)
                ),
                lambda: "".join(self.one(string.printable) for _ in range(self.random.randint(1, 300))),
            ]
        )()
        return self.mangled(text) if self.chance(0.5) else text

    def json(self, depth: int = 1) -> Any:
        made = [
            lambda: self.random.uniform(-1e3, 1e3), lambda: self.one([None, True, float("nan"), float("inf"), 10**400, 0, -1]),
            self.word, self.number,
        ]  # fmt: skip
        if depth:
            made += [
                lambda: [self.json(depth - 1) for _ in range(self.random.randint(0, 4))],
                lambda: {
                    self.one(["loss", "data", "columns", "0", self.word()]): self.json(depth - 1) for _ in range(self.random.randint(0, 3))
                },
            ]
        return self.one(made)()

    def value(self) -> Any:
        return self.one(VALUES) if self.chance(0.7) else self.one([self.number(), self.word(), [self.one(VALUES), self.one(VALUES)]])


# ---- the doors


def link(made: Made) -> list[str]:
    """A link, as the pages open it: what can be read of it is run for a few steps, explained and written down."""
    setup, said = Setup.salvage(made.query())
    assert Setup.from_query(setup.to_query()) == setup, "a link that is written is read as the same setup"
    if made.chance(0.15):
        used(replace(setup, steps=min(setup.steps, FEW)))
    return said


def used(setup: Setup) -> None:
    loss = setup.make_loss()
    rates = [setup.learning_rate]
    if loss.dim <= 60:
        try:
            setup.check_start()
        except ValueError:
            pass
        else:
            rates = [*ruler(loss, setup.make_optimizer(), setup.initial_point, setup.learning_rate).rates[::40], setup.learning_rate]
    path = setup.run(np.array(rates))
    explained = Explanation.of(path)
    for i in range(len(rates)):
        explained.sentence(i)
    if loss.dim <= 60:
        explorer.why_nan(path), growth(path)
        program(setup)


def race(made: Made) -> list[str]:
    names = [made.one([*OPTIMIZERS, made.word()]) for _ in range(made.random.randint(0, 9))]
    racers = ",".join(f"{name}:{made.number()}" for name in names)
    query = made.query() | {"racers": racers, "pace": made.one(["own", "shared", "fraction", made.word()])}
    found, said = Race.salvage(query)
    assert Race.from_query(found.to_query()) == found, "a link that is written is read as the same race"
    if made.chance(0.2):
        replace(found, setup=replace(found.setup, steps=min(found.setup.steps, FEW))).run()
    return said


def plane(made: Made) -> list[str]:
    query = made.query()
    setup, _ = Setup.salvage(query)
    found, said = Map.salvage(query | {name: made.axis(setup) for name in ("x", "y")})
    assert Map.from_query(found.to_query()) == found, "a link that is written is read as the same map"
    if made.chance(0.05) and found.pixels <= 1024 and found.largest[0] <= 60:
        lines(found)
    return said


def view(made: Made) -> list[str]:
    """How a page looks at a network: what can be read of it is checked for its size, and written down."""
    names = [*parameters(View), made.word()]
    query = {"v": "1", "loss": made.one(["network", "convolution", "booth"])}
    query |= {f"view.{name}": made.one([made.number(), made.word(), "true", "path", "initial"]) for name in made.random.sample(names, k=3)}
    found, said = View.salvage(query)
    assert View.salvage(found.to_query()) == (found, []), "a link that is written is read as the same view"
    setup, more = Setup.salvage(experiment(query))
    check_work(Survey(found, panes(setup, found)))
    return said + more


def typed(made: Made) -> None:
    text = made.formula()
    loss = formula(text)
    x = np.array([[float(made.random.uniform(-3, 3)), made.one([0.0, 1e308, np.nan, 1.0])] for _ in range(loss.dim)])
    with np.errstate(all="ignore"):  # overflow is a result: the loop computes so
        loss.value_and_gradient(x), loss.hvp(x, x)
    assert loss.formula
    assert loss.minimum is None or loss.minimum < np.inf
    assert loss.written is None or loss.written.value
    if made.chance(0.2):
        ByHand(text, tuple(made.formula() for _ in range(loss.dim)))


def log(made: Made) -> list[str]:
    text = made.log()
    found = explorer.read_log(text.encode("utf-8", "replace") if made.chance(0.5) else text)
    explorer.diagnose(found)
    if made.chance(0.2):
        found.with_roles({made.one(["train", "step", made.word()]): made.one([*found.columns, made.value()])})
    return [*found.notes, found.reading]


def table(made: Made) -> list[str]:
    return [*read_table(made.log().encode("utf-8", "replace")).notes]


def knob(made: Made) -> None:
    shelf: Any = made.one([LOSSES, OPTIMIZERS, SCHEDULES])
    name = made.one([*shelf])
    known = [*shelf.parameters(name)]
    shelf[name](**{made.one(known): made.value() for _ in range(made.random.randint(1, 2)) if known})


def argument(made: Made) -> None:
    """A call of the library with one argument or two that are nonsense."""
    loss, rule = LOSSES["booth"](), OPTIMIZERS["adam"]()
    function = lambda x: (float(x @ x), 2 * x)  # noqa: E731
    both: dict[str, Any] = {"loss": loss, "optimizer": rule}
    named = {"start": None, "steps": 3, "seed": 0, "batch_size": None, "schedule": None, "gradient_noise": 0.0, "rate_scale": None}
    doors: Mapping[str, tuple[Callable[..., Any], dict[str, Any]]] = {
        "run": (explorer.run, both | {"learning_rate": 0.1} | named),
        "sweep": (explorer.sweep, both | {"learning_rate": [0.1, 1.0], "tile": None} | named),
        "diagnose": (explorer.diagnose, {"losses": [3.0, 2.0, 1.5, 1.2, 1.0], "stochastic": None}),
        "critical": (explorer.critical_learning_rate, both | {"x": None}),
        "edge": (explorer.find_edge, both | {"low": 0.01, "high": 10.0, "steps": 20, "precision": 0.1}),
        "gradient": (explorer.check_gradient, {"loss": loss, "x": None, "seed": 0}),
        "setup": (Setup, {"loss": "booth", "optimizer": "adam", "learning_rate": 0.1, "knobs": (), "clip_norm": None} | named),
        "axis": (Axis, {"knob": "learning_rate", "low": 0.0, "high": 1.0, "log": False, "count": 4}),
        "map": (Map, {"setup": Setup("booth"), "x": Axis("learning_rate", 0, 1), "y": Axis("start.0", 0, 1)}),
        "log": (explorer.read_log, {"content": "loss\n1\n2\n", "roles": None}),
        "query": (Setup.from_query, {"query": {"v": "1"}}),
        "function": (
            explorer.from_function,
            {"value_and_gradient": function, "start": [1.0, 2.0], "minimum": None, "blocks": None, "hvp": None},
        ),
        "safe": (
            explorer.safe_rate,
            {"value_and_gradient": function, "start": [1.0, 2.0], "optimizer": rule, "steps": 3, "batch_size": None},
        ),
        "nan": (explorer.why_nan, {"trajectory": PATH, "run": 0}),
        "sentence": (explorer.judge(PATH).sentence, {"run": 0}),
        "judge": (explorer.judge, {"trajectory": PATH}),
        "race": (Race, {"setup": Setup("booth", steps=3), "racers": (Racer("adam", 0.1),), "pace": "own"}),
        "racer": (Racer, {"optimizer": "adam", "learning_rate": 0.1}),
        "finder": (find_rate, both | {"low": 0.01, "high": 1.0, "start": None, "steps": 10}),
        "table": (read_table, {"content": b"a,b\n1,2\n2,1\n3,5\n", "target": "b"}),
        "render": (painted, {"plan": PLAN, "canvas": None, "stop": None, "tile": 8}),
    }
    doors["setup"][1].pop("rate_scale"), doors["setup"][1].update(schedule="constant")
    call, given = doors[made.one([*doors])]
    for name in made.random.sample([*given], k=made.one([1, 1, 2]) if len(given) > 1 else 1):
        given[name] = made.value()
    call(**given)


PLAN = Map(Setup("booth"), Axis("learning_rate", 0, 1, count=4), Axis("start.0", 0, 1, count=4))
PATH = Setup("booth", learning_rate=10.0, steps=200).run()


def painted(plan: Any, canvas: Any, **given: Any) -> list[float]:
    return list(render(plan, Canvas.blank(PLAN) if canvas is None else canvas, **given))


def canvas(made: Made) -> None:
    """A file where a map is kept, with another head or other pixels."""
    with tempfile.TemporaryDirectory() as folder:
        _opened(made, Path(folder) / "map.bin")


def _opened(made: Made, path: Path) -> None:
    Canvas.open(path, PLAN)
    content = bytearray(path.read_bytes())
    if made.chance(0.5):
        part = {"map": made.one([PLAN.digest, made.json(2)]), "shape": made.json(2), "query": made.json(2)}
        held = made.one([made.json(3), part])
        head = MAGIC + json.dumps(held).encode()
        content[:HEADER] = head[:HEADER].ljust(HEADER)
    for _ in range(made.random.randint(0, 6)):
        content[made.random.randint(0, len(content) - 1)] = made.random.randint(0, 255)
    path.write_bytes(bytes(content[: made.one([len(content), len(content), made.random.randint(0, len(content))])]))
    found = Canvas.open(path, PLAN)
    found.shares(), found.copy().filled(), found.stride
    explorer.core.maps.canvas.csv(PLAN, found)


DOORS: dict[Callable[[Made], list[str] | None], int] = {
    link: 14,
    race: 5,
    plane: 4,
    typed: 4,
    log: 10,
    table: 12,
    knob: 26,
    argument: 20,
    canvas: 5,
    view: 3,
}
"""How often each of them is tried."""


# ---- what came of it


@dataclass
class Report:
    """What came out of the doors: counts by door, what was no ValueError of ours with the inputs that did it, and the slowest."""

    taken: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)
    wrong: dict[str, list[str]] = field(default_factory=dict)
    slowest: list[tuple[float, str, str]] = field(default_factory=list)

    @property
    def count(self) -> int:
        return self.taken.total() + self.refused.total()

    def lines(self) -> Iterator[str]:
        yield f"{self.count:,} inputs, {self.seconds.total():.1f} s of CPU; at most {max(self.slowest)[0]:.2f} s for one"
        for door in sorted(self.seconds):
            yield f"  {door:10} {self.taken[door]:7,} taken {self.refused[door]:7,} refused {self.seconds[door]:8.1f} s"
        for where, found in sorted(self.wrong.items(), key=lambda each: -len(each[1])):
            yield f"WRONG {len(found):5,} times, {where}: first {found[0]}"
        for took, door, which in sorted(self.slowest, reverse=True)[:5]:
            yield f"  {took:.3f} s  {door} {which}"


def ours(error: ValueError) -> bool:
    """Whether the sentence of an error was raised by our own code, and not by Python or numpy within it."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return "explorer" in Path(last.filename).parts and (last.line or "").startswith("raise") and not FOREIGN.search(str(error))


def tried(door: Callable[[Made], list[str] | None], which: str) -> tuple[bool, tuple[str, str] | None]:
    """Whether an input was taken; and where something came out that should not, and what, if it did."""
    try:
        foreign = [each for each in door(Made(random.Random(which))) or () if FOREIGN.search(each)]
    except Exception as error:  # noqa: BLE001 - each one is what is looked for
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{door.__name__}, {type(error).__name__} in {Path(last.filename).name}:{last.lineno}"
        return False, None if isinstance(error, ValueError) and ours(error) else (where, str(error))
    return True, (f"{door.__name__} says", foreign[0]) if foreign else None


def attack(count: int, seed: int, only: str = "", minutes: float = math.inf) -> Report:
    """Try that many inputs, or as many as fit into these minutes; the same ones for the same seed."""
    end = time.monotonic() + 60 * minutes
    report, doors = Report(), random.Random(seed).choices([*DOORS], [*DOORS.values()], k=count)
    for each in LOSSES:
        LOSSES[each]()  # what is imported only once is no input's fault
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number, door in enumerate(doors):
            which, name = f"{seed}:{number}", door.__name__
            if only and only != which:
                continue
            if time.monotonic() > end:
                break
            began = time.process_time()
            taken, wrong = tried(door, which)
            took = time.process_time() - began
            (report.taken if taken else report.refused)[name] += 1
            report.seconds[name] += took
            if wrong:
                report.wrong.setdefault(wrong[0], []).append(f"{which} {wrong[1][:200]}")
            report.slowest = sorted([*report.slowest, (took, name, which)], reverse=True)[:20]
    return report


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="one input, as it is printed: 1:234")
    parser.add_argument("--minutes", type=float, default=math.inf, help="as many as fit into these")
    asked = parser.parse_args()
    if asked.only:
        asked.seed = int(asked.only.partition(":")[0])
        asked.count = int(asked.only.partition(":")[2]) + 1
    print(*attack(asked.count, asked.seed, asked.only, asked.minutes).lines(), sep="\n")
