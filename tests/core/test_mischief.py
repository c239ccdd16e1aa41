"""Nonsense is refused with a sentence, whatever door it comes to, and costs no more than sense does."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from benchmarks import mischief
from explorer import LOSSES, OPTIMIZERS, Axis, Map, Optimizer, Setup, find_edge, read_log, sweep
from explorer.core.files.tables import read_table
from explorer.core.run.race import Race, Racer

COUNT = 20_000
"""Under a minute of CPU: many of the links are run too. `python -m benchmarks.mischief --count 1000000` tries more."""

ORDINARY = "step 10 loss: 0.5 lr 1e-3\n"


def seconds(call: Callable[[], Any], enough: float = 0.0) -> float:
    """CPU time, the least of three, for others run beside it; of fewer where one is less than `enough` to ask for."""
    least = np.inf
    for _ in range(3):
        began = time.process_time()
        with suppress(ValueError):
            call()
        least = min(least, time.process_time() - began)
        if least < enough:
            break
    return least


@functools.cache
def ordinary() -> float:
    """How long a letter of an ordinary log takes here."""
    text = ORDINARY * 4000
    return seconds(lambda: read_log(text)) / len(text)


@pytest.mark.parametrize("seed", range(4))
def test_nothing_comes_out_of_a_door_but_a_sentence_and_soon(seed: int) -> None:
    """The slowest take at most as long as half a second of the machine on which it was measured, by the time of an ordinary log.

    What others do on the machine at that moment makes all of it slower: the slowest may try again.
    """
    report = mischief.attack(COUNT // 4, seed)
    assert report.wrong == {}
    assert min(report.taken[each.__name__] for each in mischief.DOORS) > 5, "each door lets some in, or nothing behind it is tried"
    for took, name, which in report.slowest:
        if took > mischief.LONGEST / 2:
            door = next(each for each in mischief.DOORS if each.__name__ == name)
            again = seconds(functools.partial(mischief.tried, door, which))
            assert min(took, again) < mischief.LONGEST * max(ordinary() / 1e-6, 1), f"{name} {which}"  # a microsecond there


def test_the_attack_sees_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def foreign(made: mischief.Made) -> None:
        int(made.one(["a", "b"]))

    def broken(made: mischief.Made) -> None:
        np.array([1e308]) * 10 if made.chance(0.5) else None + 1  # type: ignore[operator]

    def says(made: mischief.Made) -> list[str]:
        return ["could not convert string to float: 'x'"]

    monkeypatch.setattr(mischief, "DOORS", {foreign: 1, broken: 1, says: 1})
    found = " ".join(mischief.attack(60, 1).wrong)
    for each in ("foreign, ValueError", "broken, RuntimeWarning", "broken, TypeError", "says says"):
        assert each in found


TEXTS = {
    "calls": lambda n: "float(" * (n // 6),
    "one word": lambda n: "a" * n,
    "a long number": lambda n: "a=" + "1" * n + "x",
    "spaces": lambda n: "loss: 1\nstep" + " " * n + "x",
    "a JSON key": lambda n: f'{{"{"grad" * (n // 4)}": 1}}',
    "JSON keys in lines": lambda n: f'{{"{"grad" * (n // 8)}": 1}}\n' * 2,
    "a cell": lambda n: "loss,acc\n" + "1" * n + "x,1\n2,2\n",
    "groups": lambda n: "loss -1" + ",111" * (n // 4) + "1x",
    "thousands": lambda n: "loss 1" + ",1" * (n // 2) + " k",
    "skipping": lambda n: "skipp" * (n // 5),
    "lists": lambda n: "loss 1 " + "[1]" * (n // 3),
    "numbers in a line": lambda n: "a 1 " * (n // 4),
    "names": lambda n: "\n".join(f'{{"n{i}": 1}}' for i in range(n // 12)),
    "lists with names": lambda n: "\n".join(f"a{i % 9} = [1, 2]" for i in range(n // 12)),
    "lines of names": lambda n: "\n".join("loss,acc,lr\n1,2,3" if i % 2 else "step,loss,acc\n1,2,3" for i in range(n // 18)),
}


@pytest.mark.parametrize("door", [read_log, lambda text: read_table(text.encode())], ids=["log", "table"])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_a_hostile_text_costs_little_more_than_an_ordinary_one(text: Callable[[int], str], door: Callable[[str], Any]) -> None:
    few, many = 16_000, 128_000
    short = seconds(lambda: door(text(few)))
    most = min(12 * many * ordinary(), max(28 * short, 0.02))  # quadratic would be 64 times for 8 times the letters
    assert seconds(lambda: door(text(many)), enough=most) < most


def test_a_log_of_many_names_keeps_those_with_the_most_values() -> None:
    found = read_log("\n".join(f'{{"loss": {i}, "n{i}": 1, "m{i}": 2}}' for i in range(5000)))
    assert len(found.columns) <= 500
    assert "loss" in found.columns
    assert any(note.startswith("Of 10,001 names the 500 with the most values") for note in found.notes)


def test_lists_that_are_given_in_pieces_are_read_whole() -> None:
    found = read_log("\n".join(f"losses = [{i}, {i + 0.5}]" for i in range(600)))
    assert found.losses.tolist() == [i / 2 for i in range(1200)]


# ---- sizes

SIZES: dict[str, tuple[Callable[[], Any], str]] = {
    "a path": (lambda: Setup("x_squared", steps=10**12).run(), r"steps must be ≤ 19,999,999 for 1 dimension × 1 run, got 10{0}1?,"),
    "a sweep": (
        lambda: sweep(LOSSES["x_squared"](), OPTIMIZERS["adam"](), [0.1], steps=10**12),
        r"steps must be ≤ 20,000,000, got 1,000,000,000,000",
    ),
    "batches": (
        lambda: sweep(LOSSES["linear_regression"](), OPTIMIZERS["adam"](), [0.1], steps=3 * 10**6, batch_size=10),
        r"steps must be ≤ 2,000,000 for 10 examples, got 3,000,000",
    ),
    "an edge": (
        lambda: find_edge(LOSSES["x_squared"](), OPTIMIZERS["adam"](), 0.1, 10.0, steps=10**12),
        r"steps must be ≤ 20,000,000, got",
    ),
    "points": (
        lambda: sweep(LOSSES["ravine"](dimension=100_000), OPTIMIZERS["adam"](), np.ones(3000)),
        r"runs must be ≤ 2,684 for 100,000 dimensions, got 3,000",
    ),
    "a race": (
        lambda: Race(
            Setup("quadratic", steps=19_999, knobs={"loss.eigenvalues": tuple(range(1, 1001))}), (Racer("adam", 0.1), Racer("lion", 0.1))
        ).run(),
        r"steps must be ≤ 3,999 for 1,000 dimensions × 2 racers, got 19,999",
    ),
    "a map": (lambda: Map.from_query("v=1&steps=1000000000000"), r"pixels × steps × dim must be ≤ 1 × 10¹³"),
}


@pytest.mark.parametrize(("call", "sentence"), SIZES.values(), ids=SIZES.keys())
def test_what_would_not_fit_is_refused_with_what_would(call: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()


EXTREMES = """
import resource
from dataclasses import replace
import numpy as np
from explorer import LOSSES, OPTIMIZERS, SCHEDULES, Map, Setup, sweep
from explorer.core.run.race import Race
from explorer.core.run.setup import PLAIN, SHELVES

for name in LOSSES:
    LOSSES[name]().value(np.zeros((LOSSES[name]().dim, 1)))  # what is imported and kept once
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + (3 << 30), held + (3 << 30)))

def largest(parameter):
    top = parameter.knob.at_most
    return repr(top if np.isfinite(top) else 2.0**53 if parameter.kind == "integer" else 1e308)

refused = 0
for kind, shelf in SHELVES.items():
    for name in shelf:
        alone, _ = Setup.salvage({"v": "1", kind: name})
        known = {**alone.parameters(kind), **PLAIN}
        sizes = {each: largest(one) for each, one in known.items() if one.kind in ("integer", "number")}
        sizes |= {each: ",".join([largest(one)] * 400) for each, one in known.items() if one.kind == "numbers"}
        for query in (sizes, *({each: text} for each, text in sizes.items())):
            setup, complaints = Setup.salvage({"v": "1", kind: name} | query)
            few = replace(setup, steps=min(setup.steps, 1))
            race = Race.salvage(query | {"v": "1", kind: name})[0]
            calls = [few.run]
            if setup.steps > 10**5:
                calls += [setup.run, race.run, lambda: sweep(setup.make_loss(), setup.make_optimizer(), [0.1], **setup.conditions())]
            for call in calls:
                try:
                    call()
                except ValueError:
                    refused += 1
            try:
                small = setup.make_loss().dim <= 5000  # the edge of larger ones takes long, and no more memory
            except ValueError:
                small = True
            if small:
                Map.salvage(query | {"v": "1", kind: name})
print(refused)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how much memory a process has, and holds it to a limit")
def test_every_size_at_its_extreme_fits_or_is_refused() -> None:
    done = subprocess.run([sys.executable, "-c", EXTREMES], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 50


# ---- no traceback

LINKS = [
    "loss=formula&loss.text=x^(1^y)",
    "loss=formula&loss.text=(pi%2Bsqrt((((1e300-pi)*(pi*x))*abs(min(y,2)))))",
    "start=1e308,1e308",
    "start=1e160,1",
    "loss=quadratic&loss.eigenvalues=" + ",".join(map(str, range(1, 52))),
    f"learning_rate={10**400}",
    f"steps={'9' * 5000}",
]


@pytest.mark.parametrize("link", LINKS)
def test_a_link_that_once_ended_in_a_traceback_is_run_or_refused(link: str) -> None:
    setup, complaints = Setup.salvage(f"v=1&{link}")
    assert not any(mischief.FOREIGN.search(each) for each in complaints)
    mischief.used(setup)


@pytest.mark.parametrize("text", ["x^(1^y)", "x^(1^y) + y"])
def test_one_to_any_power_is_one(text: str) -> None:
    loss = LOSSES["formula"](text)
    expected = np.array([3.0 + 2.0 * text.endswith("y")])
    np.testing.assert_array_equal(loss.value(np.array([[3.0], [2.0]])[: loss.dim]), expected)


LONG = "x" * 100_000


@pytest.mark.parametrize(
    "call",
    [
        lambda: Setup.from_query(LONG),
        lambda: Setup.from_query(f"{LONG}=1"),
        lambda: Setup.from_query(f"loss={LONG}"),
        lambda: LOSSES["network"](data=LONG),
        lambda: LOSSES["linear_regression"](data=LONG),
        lambda: OPTIMIZERS["adam"](**{LONG: 1}),
        lambda: Map(Setup(), Axis(LONG, 0, 1), Axis("learning_rate", 0, 1)),
        lambda: read_log("-" * 3_000_000),
        lambda: read_log('"' * 200_001),
    ],
)
def test_a_refusal_says_of_what_is_very_long_only_how_it_begins(call: Callable[[], Any]) -> None:
    with pytest.raises((ValueError, TypeError)) as refused:
        call()
    assert len(str(refused.value)) < 500
    assert not re.search(r"'{2}|x{100}", str(refused.value))


@pytest.mark.parametrize("decay", ["weight_decay", "decoupled_decay"])
@pytest.mark.parametrize("given", [b"1", "x", 1j, [b"1"], np.array([b"1"])])
def test_a_decay_that_is_no_number_is_refused(decay: str, given: Any) -> None:
    with pytest.raises(ValueError, match=f"{decay} must be a number"):
        Optimizer(init=lambda x: (), update=lambda g, state, x: (g, state), **{decay: given})
