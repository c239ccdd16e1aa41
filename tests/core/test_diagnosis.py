"""The verdict on recorded curves: against labels from the generating process, under other units, logged more seldom, and on the strange."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from explorer import Verdict
from explorer.core.diagnosis.diagnosis import Diagnosis, diagnose, likeness
from explorer.core.files.logs import read_log
from explorer.core.verdict.sentence import TABLE
from tests.core.curves import PROGRAMS, UNKNOWN, Labelled, curves

PAGE = Path(__file__).parents[2] / "docs" / "diagnosis.md"
WORDS = [*map(str, Verdict), UNKNOWN]


@pytest.fixture(scope="module")
def labelled() -> list[Labelled]:
    return list(curves())


def verdict(curve: Labelled) -> str:
    found = diagnose(curve.losses, steps=curve.steps, stochastic=curve.stochastic).verdict
    return str(found) if found else UNKNOWN


def test_there_are_many_curves_of_every_kind(labelled: list[Labelled]) -> None:
    assert len(labelled) >= 400
    assert {curve.label for curve in labelled} == set(WORDS)
    lengths = [len(curve.losses) for curve in labelled]
    assert min(lengths) < 20
    assert max(lengths) == 100_000


def from_log(curve: Labelled) -> str:
    """The verdict on the curve's log, as its program printed it and `read_log` read it."""
    found = diagnose(read_log(curve.log()), stochastic=curve.stochastic).verdict
    return str(found) if found else UNKNOWN


def logged(labelled: list[Labelled]) -> list[Labelled]:
    """The held-out curves that a log can hold: a log without any value is none. Of the longest, tests/core/test_log_file.py reads one."""
    return [curve for curve in labelled if curve.held_out and np.ma.count(curve.losses) and len(curve.losses) < 40_000]


def test_the_held_out_curves_get_their_labels(labelled: list[Labelled]) -> None:
    """On the part that no threshold was chosen on, as numbers and in the logs of programs; the page in docs/ shows these counts."""
    held_out = [curve for curve in labelled if curve.held_out]
    counts = Counter((curve.label, verdict(curve)) for curve in held_out)
    logs = Counter((curve.label, from_log(curve)) for curve in logged(labelled))
    if not PAGE.exists():
        PAGE.write_text(written(counts, logs, len(labelled), false_alarms()), encoding="utf-8")
    for found, what in ((counts, "words"), (logs, "logs")):
        right = sum(count for (label, word), count in found.items() if label == word)
        assert right >= 0.95 * found.total(), found
        shown = re.search(rf"\*\*(\d+) of (\d+) {what}", PAGE.read_text(encoding="utf-8"))
        assert shown, f"docs/diagnosis.md must say how many {what} are right"
        close = int(shown[2]) == found.total() and abs(int(shown[1]) - right) <= 3  # another processor rounds otherwise
        assert close, "docs/diagnosis.md is out of date: delete it, run this test, and commit the new one"


TRENDS: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "1": lambda u: np.ones_like(u),
    "exp(−t/15)": lambda u: np.exp(-u * len(u) / 15),
    "exp(−4t/n)": lambda u: np.exp(-4 * u),
    "1/√(1 + t)": lambda u: (1 + u * len(u)) ** -0.5,
    "1 − 0.9 t/n": lambda u: 1 - 0.9 * u,
}
NOISES = (0.003, 0.01, 0.03, 0.1, 0.3)
LENGTHS = (30, 100, 300, 1000)
EACH = 12
SIGNS = ("spikes", "explodes", "suddenly nan", "rises, then learns", "validation rises", "oscillating", "rose again")


def false_alarms() -> Counter[tuple[str, float]]:
    """How often each sign is seen, by the noise, on curves that have none: a trend and Gaussian noise, the same or in proportion."""
    seen: Counter[tuple[str, float]] = Counter()
    for trend, noise, rows, seed in itertools.product(TRENDS.values(), NOISES, LENGTHS, range(EACH)):
        rng = np.random.default_rng([rows, seed])
        level = trend(np.arange(rows) / rows)
        scatter = noise * (level + 0.05 if seed % 2 else 1.0)
        losses, validation = (part * level + scatter * rng.standard_normal(rows) for part in (1.0, 1.1))
        found = diagnose(losses, validation=validation)
        again = found.verdict == Verdict.STUCK and re.search("had come down|the loss rose", found.sentence)
        signs = {*found.symptoms, str(found.verdict), "rose again" if again else ""}
        seen.update((sign, noise) for sign in SIGNS if sign in signs)
    return seen


def test_noise_is_no_sign() -> None:
    """At most one false alarm of each sign in a hundred curves; the page shows the counts."""
    curves = len(TRENDS) * len(LENGTHS) * EACH * len(NOISES)
    seen = false_alarms()
    for sign in SIGNS:
        count = sum(seen[sign, noise] for noise in NOISES)
        assert count <= 0.01 * curves, (sign, seen)
        shown = re.search(rf"^\| {sign} \|.*\| (\d+) of {curves:,} ", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
        assert shown, f"docs/diagnosis.md does not say how often {sign} is a false alarm"
        assert abs(int(shown[1]) - count) <= 2, "docs/diagnosis.md is out of date: delete it, run these tests, and commit the new one"


@pytest.mark.parametrize(("tau", "noise", "rows"), [(60, 0.3, 300), (60, 0.3, 1000), (10, 0.2, 300), (8, 0.3, 60)])
def test_a_short_fall_under_noise_is_seen(tau: float, noise: float, rows: int) -> None:
    """Of 3.7 standard deviations, or 5.5: a single row hardly shows it, all of them together do."""
    fall = 1.2 + 1.1 * np.exp(-np.arange(rows) / tau)
    found = Counter(str(diagnose(fall + noise * np.random.default_rng(seed).standard_normal(rows)).verdict) for seed in range(60))
    assert found["noisy"] + found["converging"] + found["converged"] >= 54


@pytest.mark.parametrize("rows", [30, 60, 300, 1000])
def test_noise_alone_has_not_fallen(rows: int) -> None:
    found = Counter(str(diagnose(2.3 + 0.3 * np.random.default_rng(seed).standard_normal(rows)).verdict) for seed in range(100))
    assert found["stuck"] >= 95


@pytest.mark.parametrize("fall", [[0.9 * 0.85**k + 0.1 for k in range(rows)] for rows in (10, 40)])
@pytest.mark.parametrize("last", [1.0, 9.35])
def test_one_last_row_far_above_the_others_is_judged_apart(fall: list[float], last: float) -> None:
    found = diagnose([*fall, last])
    assert found.verdict == diagnose(fall).verdict == Verdict.CONVERGING
    assert found.sentence.endswith(f"the last row alone jumps to {last:g}")
    assert found.evidence["the last row, which is judged apart"] == last
    assert found.causes[0].name == "Single bad batches"
    assert diagnose([*fall, last, fall[-1]]).sentence.count("alone") == 0


@pytest.mark.parametrize("rows", [120, 400, 3000])
@pytest.mark.parametrize("noise", [0.0, 0.01, 0.05])
def test_a_spike_of_several_rows_is_found(rows: int, noise: float) -> None:
    """That comes back at once or by and by, early or late; and none once there are so many that they are how it moves."""
    u = np.arange(rows)
    curve = 0.8 + 2 * np.exp(-5 * u / rows) + noise * np.random.default_rng(rows).standard_normal(rows)
    assert not diagnose(curve).evidence["spikes of several rows"]
    for at, form in itertools.product((rows // 3, 4 * rows // 5), (np.full(4, 4.0), 4 * 0.7 ** np.arange(8))):
        spiked = curve.copy()
        spiked[at : at + len(form)] += form
        found = diagnose(spiked)
        top = f"{spiked[at : at + len(form)].max():.3g}".rstrip("0")
        assert re.search(rf"a spike to {top}0? at row [\d,]+, over after [4-8] rows$", found.sentence), found.sentence
        assert found.verdict == diagnose(curve).verdict
        assert "spikes" in found.symptoms
    assert not diagnose(curve + 4 * (u % 20 < 4)).evidence["spikes of several rows"]


@pytest.mark.parametrize(("rows", "noise", "height"), [(120, 0.01, 5), (120, 0.01, 50), (300, 0.02, 50)])
def test_one_bad_batch_in_a_noisy_plateau_is_no_chaos(rows: int, noise: float, height: float) -> None:
    """One value far off enlarges the standard deviation that a forecast is measured against."""
    for seed, share in itertools.product(range(5), (0.6, 0.8)):
        plateau = 0.3 + 2 * 0.9 ** np.arange(rows) + noise * np.random.default_rng(seed).standard_normal(rows)
        found = diagnose(np.insert(plateau, int(share * rows), height))
        assert (found.verdict, found.causes[0].name) == (Verdict.NOISY, "Single bad batches")
        assert found.evidence["what the jumps repeat"] == "nothing"


@pytest.mark.parametrize("height", [5.0, 50.0])
def test_where_one_bad_batch_stands_does_not_change_the_verdict(height: float) -> None:
    """A catapult takes several rows to come down; and a smooth fall that begins again has no rhythm."""
    fall = 0.3 + 2 * 0.9 ** np.arange(80)
    spiked = [np.insert(fall, row, height) for row in (10, 20, 30, 40, 50, 70)]
    for losses in (*spiked, [*fall, height, *fall[-30:]]):
        found = diagnose(losses)
        assert (found.verdict, found.causes[0].name) == (Verdict.CONVERGING, "Single bad batches")
    catapult = [2.3, 3.0, 5.0, 9.0, 14.0, 11.0, 6.0, 3.0, *fall]
    assert diagnose(catapult).verdict == Verdict.CATAPULT


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.05])
@pytest.mark.parametrize("rows", [40, 200, 1000])
def test_the_headline_and_the_table_give_the_same_ends(rows: int, noise: float) -> None:
    """The first and the last value of a curve without noise; medians, said to be some, of one with noise."""
    losses = 0.1 + 2 * np.exp(-4 * np.arange(rows) / rows) + noise * np.random.default_rng(rows).standard_normal(rows)
    found = diagnose(losses)
    ends = {name.split(",")[0]: (name, value) for name, value in found.evidence.items() if name.startswith("loss at the")}
    for (name, value), exact in zip(ends.values(), (losses[0], losses[-1]), strict=True):
        said = ("about " if "median" in name else "") + f"{value:.4g}"
        assert re.search(rf"(from|is) {re.escape(said)}\b", found.sentence), (found.sentence, said)
        assert value == exact or (noise and "median" in name)


@pytest.mark.parametrize("seed", range(3))
def test_chaos_is_told_in_plain_words(seed: int) -> None:
    x = [0.3 + 0.01 * seed]
    while len(x) < 200:
        x.append(3.9 * x[-1] * (1 - x[-1]))
    found = diagnose(x)
    assert "it repeats nothing exactly, but what follows can be foretold from the values before (chaos)" in found.sentence
    assert str(found.evidence["what the jumps repeat"]) in found.sentence


@pytest.mark.parametrize("seed", range(4))
def test_what_is_stuck_only_in_its_noise_is_too_noisy_to_tell(seed: int) -> None:
    """Twice the noise is none the clearer; a level that hardly scatters is stuck, and one at ln 10 has a name."""
    noise = np.random.default_rng(seed).standard_normal(180)
    for scatter in (0.4, 0.8):
        found = diagnose(1.6 + scatter * noise, stochastic=True)
        assert (found.verdict, found.symptoms[0], found.causes[0].name) == (
            Verdict.STUCK,
            "too noisy to tell",
            "The rows are too noisy to tell",
        )
        assert "too noisy to tell whether it falls" in found.sentence
    for level, scatter, name in (
        (1.5, 0.02, "The gradient does not arrive"),
        (np.log(10), 0.002, "It gives the same answer for every example"),
    ):
        found = diagnose(level + scatter * noise)
        assert (found.symptoms[0], found.causes[0].name) == ("stuck", name)


def matrix(counts: Counter[tuple[str, str]]) -> str:
    """The confusion matrix in Markdown."""
    rows = [f"| **{label}** | " + " | ".join(str(counts[label, found] or "·") for found in WORDS) + " |" for label in WORDS]
    return "\n".join(["| really \\ found | " + " | ".join(WORDS) + " |\n|---" + "|--:" * len(WORDS) + "|", *rows])


def share(counts: Counter[tuple[str, str]], what: str) -> str:
    """How many are right, in bold."""
    right = sum(counts[word, word] for word in WORDS)
    return f"**{right} of {counts.total()} {what} are right, {100 * right / counts.total():.1f} %**"


def written(counts: Counter[tuple[str, str]], logs: Counter[tuple[str, str]], curves: int, seen: Counter[tuple[str, float]]) -> str:
    """The page of documentation, with the confusion matrix and the false alarms."""
    each = len(TRENDS) * len(LENGTHS) * EACH
    alarms = ["| sign \\ noise | " + " | ".join(map(str, NOISES)) + " | all | |\n|---" + "|--:" * (len(NOISES) + 2) + "|"]
    for sign in SIGNS:
        count, every = sum(seen[sign, noise] for noise in NOISES), each * len(NOISES)
        by_noise = " | ".join(str(seen[sign, noise] or "·") for noise in NOISES)
        alarms.append(f"| {sign} | {by_noise} | {count} of {every:,} | {100 * count / every:.1f} % |")
    return TEXT.format(
        total=counts.total(),
        share=share(counts, "words"),
        curves=curves,
        other=curves - counts.total(),
        matrix=matrix(counts),
        programs=", ".join(PROGRAMS),
        log_share=share(logs, "logs"),
        log_matrix=matrix(logs),
        each=each,
        trends=", ".join(TRENDS),
        lengths=", ".join(f"{rows:,}" for rows in LENGTHS),
        alarms="\n".join(alarms),
    )


TEXT = """# How good is the diagnosis?

`explorer.diagnose` reads a loss curve that somebody else recorded and says one of eight words, or that it cannot tell. How often is the
word right?

{curves} curves were made whose word is known from how they were made ([tests/core/curves.py](../tests/core/curves.py)): runs of this
program's own losses and optimizers, whose word is the verdict of `judge`, which knows the minimum, every step and every weight; and
synthetic processes (power laws, noise floors, cycles, chaos, collapses, explosions). Each was then recorded as people record: 1 to
100,000 rows, another unit and zero, every k-th step or ever more seldom, rounded, smoothed, with up to 30 % of the values missing.

{other} of them were used to choose the thresholds. The other {total}, picked by a hash of their names, were not; on these
{share}:

{matrix}

## In the logs of real programs

Each of the held-out curves of fewer than 40,000 rows was also printed as a program prints it, in six digits (by a hash of its name one
of: {programs}), read by `read_log` and judged by `diagnose`. Of these
{log_share}:

{log_matrix}

The word does not change when the loss is multiplied by a positive number or shifted, and a test holds that for every curve. Two things
need the loss's zero, and are none of these curves: a loss that is suddenly exactly 0, and a first step of less than a hundredth of the
loss after which nothing moves.

## False alarms

How often a sign is seen where there is none: on the trends {trends} with Gaussian
noise of five sizes, the same everywhere or in proportion to the loss, in {lengths} rows, {each} curves of each size, with a
validation loss that falls alike. A test holds each sign to 1 %:

{alarms}

"Rose again" is a run that is said to have come down and to have been stuck above its best level later.

## What the numbers alone cannot tell

Left out of the set, because nothing in the losses shows it:

- a run that falls on slowly where less than a tenth of the way is left: who does not know the minimum sees a floor;
- a point that jumps from side to side at a constant loss, as x² does at η = 1: the curve is a straight line;
- momentum's first swing from a catapult: only a fall in sharpness tells them apart, and the loss does not show it;
- a plateau that was reached by falling from a minimum: both are flat. The gradient's norm, or the loss of the best constant answer, tells;
- chaos that is logged every fifth step from noise, unless one says that the steps were not random (`stochastic=False`).

This page is written by tests/core/test_diagnosis.py.
"""


@pytest.mark.parametrize(("a", "b"), [(3.7, 0.0), (1e-9, 0.0), (1.0, 2.5), (2e5, -7.0)])
def test_units_and_zeros_do_not_matter(labelled: list[Labelled], a: float, b: float) -> None:
    changed = []
    for curve in labelled[::4]:
        y = np.ma.masked_invalid(curve.losses).compressed()
        if y.size and np.abs(y).max() < 1e200:
            moved = a * (curve.losses + b * max(float(np.ptp(y)), 1e-3 * float(np.abs(y).max())))
            other = Labelled(curve.name, curve.label, moved, curve.steps, curve.stochastic)
            changed += [curve.name] if verdict(other) != verdict(curve) else []
    assert changed == []


@pytest.mark.parametrize("every", [3, 7])
def test_thinning_does_not_matter(labelled: list[Labelled], every: int) -> None:
    """Where enough is left, and where the label is not in the single rows."""
    single = ("exploded_at_the_end", "with_bad_batches", "chaos", "longer_cycle", "shown_as_nan", "double_well", "logistic", "absolute")
    looked_at = [
        curve
        for curve in labelled
        if not curve.name.startswith(single) and len(curve.losses) >= 100 * every and not isinstance(curve.losses, np.ma.MaskedArray)
    ]
    same = [
        verdict(curve)
        == verdict(
            Labelled(
                curve.name,
                curve.label,
                curve.losses[::every],
                None if curve.steps is None else curve.steps[::every],
                curve.stochastic,
            )
        )
        for curve in looked_at
    ]
    assert len(same) > 20
    assert np.mean(same) >= 0.95


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("losses", "word", "says"),
    [
        ([], None, "no value"),
        ([None, None], None, "all 2 values are missing"),
        ([1.0, 0.5], None, "at least 8"),
        ([1.0], None, "at least 8"),
        ([0.7] * 100, None, "all 100 values are 0.7"),
        ([NAN] * 5, "diverged", "nan in all 5 rows"),
        ([INF], "diverged", "only value is inf"),
        ([1.0, 10.0, 1e3, 1e5, INF], "diverged", "grew"),
        ([1.0, 10.0, 1e3, 1e5, NAN, NAN], "diverged", "grew"),
        ([1.0, 0.5, 0.4, 0.3, NAN], "diverged", "nothing unusual"),
        ([-(2.0**k) for k in range(1000)], "converging", "from −1; it falls at every step, faster and faster"),
        ([-(1.1**k) for k in range(300)], "converging", "from −1; it falls at every step, faster and faster"),
        (
            [-(10.0**k) for k in range(300)] + [-INF] * 10,
            "diverged",
            "fell from −1 to −1 × 10²⁹⁹, as if it had no lower bound, and is −inf",
        ),
        ([1e300 * (-1) ** k for k in range(40)], "oscillating", "back and forth"),
        ([5.0 - k * 1e-12 for k in range(10)], None, ""),
    ],
)
def test_the_strange_and_the_short(losses: list[float | None], word: str | None, says: str) -> None:
    found = diagnose(losses)
    assert says in found.sentence
    if says:
        assert (str(found.verdict) if found.verdict else None) == word


def test_a_nan_that_goes_away_is_no_divergence_but_a_logarithm_of_0() -> None:
    losses = np.exp(-np.linspace(0, 4, 100))
    losses[20:90:3] = NAN
    found = diagnose(losses)
    assert found.verdict == Verdict.CONVERGING
    assert "nan without divergence" in found.symptoms
    assert "log" in found.causes[0].change


def test_the_two_ways_to_nan_are_told_apart() -> None:
    exploding, sudden = 2.0 ** np.arange(60), np.exp(-np.linspace(0, 3, 60))
    exploding[50:] = INF
    sudden[50:] = NAN
    first, second = diagnose(exploding), diagnose(sudden)
    assert (first.symptoms[0], second.symptoms[0]) == ("explodes", "suddenly nan")
    assert first.causes[0].name == "The learning rate is too large"
    assert "data" in second.causes[0].name or "logarithm" in second.causes[0].name


@pytest.mark.parametrize("trend", [lambda k: 4.0 + 0 * k, lambda k: 4 + 0.1 * np.minimum(k, 2), lambda k: 4 * np.exp(-k / 9)])
def test_noise_before_a_nan_is_no_growth(trend: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> None:
    """The learning rate is blamed for 1 in 100 of them at most, and where few rows end on a rise, it is said that they cannot tell."""
    first: Counter[str] = Counter()
    for rows, seed in itertools.product((1, 2, 3, 4, 5, 6, 8, 12, 20, 30, 100), range(60)):
        losses = trend(np.arange(rows)) + 0.1 * np.random.default_rng([rows, seed]).standard_normal(rows)
        found = diagnose([*losses, NAN])
        first[found.causes[0].name] += 1
        few = "too few rows to tell" in found.symptoms
        assert few == ("not enough to tell" in found.sentence) == (found.causes[0].name == "Too few rows to tell")
        assert not few or rows < 8
        assert found.verdict == Verdict.DIVERGED
        assert "nan from row" in found.sentence
    assert first["The learning rate is too large"] <= 0.01 * first.total(), first


@pytest.mark.parametrize("factor", [1.05, 1.5, 2.0, 4.0, 1e3])
@pytest.mark.parametrize("before", [[], [9.0, 5.0, 3.0, 2.0, 1.5]])
def test_growth_before_a_nan_is_seen(factor: float, before: list[float]) -> None:
    """By a factor, for as long as that takes to rise above the start; and two values have no scale, so they show nothing."""
    rows = 5 + int(np.ceil(np.log(max([2.0, *before])) / np.log(factor)))
    found = diagnose([*before, *factor ** np.arange(rows), NAN])
    assert "grew" in found.sentence
    assert found.causes[0].name == "The learning rate is too large"
    assert "not enough to tell" in diagnose([1.0, factor, NAN]).sentence
    assert "100 finite values before it are not enough to tell" in diagnose([1.0] * 99 + [2.0, NAN]).sentence


@pytest.mark.parametrize("top", [9.0, 12.0])
@pytest.mark.parametrize("rows", [8, 10, 15, 20])
def test_a_smooth_blow_up_after_a_fall_is_no_noise(rows: int, top: float) -> None:
    """The rise is far from every parabola through the later half, which says nothing of how much the loss scatters."""
    found = diagnose([*np.exp(3 + 4 * np.exp(-np.arange(30) / 5)), *np.exp(np.linspace(3.0, top, rows))])
    assert found.verdict == Verdict.DIVERGED
    assert "the last row alone" not in found.sentence


def test_a_rise_that_makes_a_finite_curve_diverge_is_growth_before_a_nan_too() -> None:
    rise = np.exp(np.linspace(0, 8, 200)) * np.exp(0.1 * np.random.default_rng(0).standard_normal(200))
    assert diagnose(rise).verdict == Verdict.DIVERGED
    assert "the loss grew from" in diagnose([*rise, NAN]).sentence


def test_a_loss_that_falls_below_0_until_it_is_lost_has_no_lower_bound() -> None:
    """One that is lost at an ordinary level has not, whichever way it moved there."""
    falls = [-(2.0**k) for k in range(60)]
    for lost in (-INF, NAN):
        found = diagnose([*falls, lost, lost])
        assert (found.symptoms[0], found.causes[0].name) == ("falls without end", "The loss has no lower bound")
    for level in ([2.3] * 20 + [2.2, 1.5, NAN], [-1.0 - 0.5**k for k in range(20)] + [-INF]):
        assert "lower bound" not in diagnose(level).sentence


def test_every_verdict_has_causes_with_a_test_and_a_change(labelled: list[Labelled]) -> None:
    for curve in labelled[::5]:
        found: Diagnosis = diagnose(curve.losses, steps=curve.steps, stochastic=curve.stochastic)
        assert found.sentence.startswith(TABLE[found.verdict][0] if found.verdict else UNKNOWN.capitalize())
        assert bool(found.causes) == (found.verdict is not None)
        assert all(each.name and each.because and each.test and each.change for each in found.causes)
        assert found.evidence["verdict"] == (str(found.verdict) if found.verdict else UNKNOWN)


@pytest.mark.parametrize("low", [50.0, 3.0])
@pytest.mark.parametrize(
    "fall", [lambda k: 0.95**k, lambda k: 1 / (1 + k), lambda k: (k < 3) * 1.0, lambda k: 0.9**k * (1 + 0.2 * np.sin(7 * k))]
)
def test_a_run_that_ends_above_its_start_is_not_told_to_step_farther(
    fall: Callable[[NDArray[np.float64]], NDArray[np.float64]], low: float
) -> None:
    """Whatever it does after its peak: no step that is too short raises a loss."""
    losses = np.concatenate([[2.6], low + 8e5 * fall(np.arange(199.0))])
    for unit, zero in ((1.0, 0.0), (1e-3, 7.0)):
        found = diagnose(unit * losses + zero, learning_rate=[3.0] * 200)
        assert found.verdict not in (Verdict.CONVERGED, Verdict.CATAPULT, None), found
        assert "too small" not in str(found.causes)
        assert found.causes[0].change.startswith(("Divide", "Lower")), found.causes
        assert "higher than it began" in found.sentence or "rose from" in found.sentence, found


def test_other_columns_sharpen_the_causes() -> None:
    fall = np.exp(-np.linspace(0, 4, 60))
    rising = 1 - np.linspace(0, 1, 60) * 0.8 + np.maximum(np.linspace(-0.5, 1.2, 60), 0)
    assert "validation rises" in diagnose(fall, validation=rising).symptoms
    grown = 3.0 ** np.arange(60)
    assert diagnose(grown, learning_rate=np.linspace(1e-4, 1e-2, 60)).causes[0].name == "The warm-up goes too far"


@pytest.mark.parametrize("lowest", [9, 14, 20])
def test_another_column_goes_by_its_own_name_and_its_own_measure(lowest: int) -> None:
    """A validation loss that rises from its lowest row on, in three places, a training loss, and scores and settings up and down."""
    rows = np.arange(40)
    rise = 1.0 + 0.02 * np.abs(rows - lowest)
    columns = {"loss": 2 * 0.9**rows, "eval_loss": rise, "accuracy": 1.2**rows, "val_acc": 0.9**rows, "lr": 0.1 * 0.9**rows}
    log = read_log(",".join(columns) + "\n" + "\n".join(",".join(f"{each[row]:.9g}" for each in columns.values()) for row in rows))
    assert "the loss is" in diagnose(log).sentence
    found = diagnose(log.with_roles({"train": "eval_loss"}))
    assert found.sentence == f"Overfits: 'eval_loss' rises from row {lowest + 1} on, from 1 to {rise[-1]:g}"
    assert [each.name for each in found.causes] == ["Overfitting"]
    for name, way in (("accuracy", "rises"), ("val_acc", "falls"), ("lr", "falls")):
        judged = log.with_roles({"train": name})
        assert judged.reading.startswith(f"Read: {name!r}, ")
        assert diagnose(judged).sentence.startswith(f"{name!r} is no loss: it {way} from ")
        assert (diagnose(judged).verdict, diagnose(judged).causes) == (None, ())
    assert "'loss' is" in diagnose(log.with_roles({"train": "loss"})).sentence


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"losses": "abc"}, "losses must be"),
        ({"losses": [[1.0, 2.0]]}, "one number a row"),
        ({"losses": [1.0, 2.0], "steps": [1, 1]}, "increasing"),
        ({"losses": [1.0, 2.0], "steps": [1, 2, 3]}, "one number for each of the 2 losses"),
        (
            {"losses": [1.0, 2.0], "learning_rate": [0.1, -3]},
            r"≥ 0 in every row; of its logarithm log10, give 10.0\*\*log10, got -3 in row 2",
        ),
        ({"losses": [1.0, 2.0], "gradient_norm": [-np.inf, 1]}, "gradient_norm must be ≥ 0 in every row.*, got -inf in row 1"),
        ({"losses": [1.0, 2.0], "known": {"a": 3}}, r"known\['a'\] must be one number a row, \(n,\), some of them finite, got 3"),
        ({"losses": [1.0, 2.0], "known": {"a": [[1.0], [2.0]]}}, "one number a row"),
        ({"losses": [1.0, 2.0], "known": {"a": [None, np.inf]}}, "some of them finite"),
    ],
)
def test_a_refusal_is_a_sentence(arguments: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        diagnose(**arguments)  # type: ignore[arg-type]


def test_likeness_knows_shapes_and_not_units() -> None:
    fall, rise = np.exp(-np.linspace(0, 5, 200)), np.exp(np.linspace(0, 5, 80))
    assert likeness(fall, 7 * fall[::4] + 3) > 0.95
    assert likeness(fall, rise) < 0.3
    assert diagnose(fall, known={"up": rise, "down": 2 * fall}).cases == ("down", "up")


ANY = st.one_of(st.floats(), st.none(), st.sampled_from([0.0, 1.0, 1e308, -1e308, INF]))


@given(st.lists(ANY, max_size=60), st.sampled_from([None, True, False]))
def test_any_numbers_get_a_sentence(losses: list[float | None], stochastic: bool | None) -> None:
    assert diagnose(losses, stochastic=stochastic).sentence


@pytest.mark.parametrize("factor", [1.3, 1.8, 3.0, 10.0])
@pytest.mark.parametrize("before", [[2.0], [2.0 + 0.01 * (7 * k % 5) for k in range(20)], [2 * 0.95**k + 0.3 for k in range(40)]])
@pytest.mark.parametrize("last", [3.1, 1000.0])
def test_one_low_row_hides_no_growth(factor: float, before: list[float], last: float) -> None:
    up = [before[-1] * factor**k for k in range(1, 1 + max(int(np.log(170_000) / np.log(factor)), 7))]
    found = diagnose([*before, *up, last])
    assert found.verdict == Verdict.DIVERGED
    assert "the last row jumps" not in found.symptoms
    back = diagnose([*before, *up, *[before[-1] * 0.99**k for k in range(40)]])
    assert back.verdict != Verdict.DIVERGED, "it came back, for more than a row"


@pytest.mark.parametrize("scale", [0.0, 0.02])
def test_two_rows_that_leap_the_second_farther_are_growth(scale: float) -> None:
    noise = scale * np.random.default_rng(3).standard_normal(40)
    fall = list(1 / np.arange(1, 41) + 0.1 + noise)
    assert diagnose([*fall, 10.0, 100.0]).verdict == Verdict.DIVERGED
    for spike in ([10.0], [10.0, 12.0], [10.0, 0.1], [10.0, 100.0, 0.13]):
        assert diagnose([*fall, *spike]).verdict != Verdict.DIVERGED


@pytest.mark.parametrize(
    ("end", "verdict", "said"),
    [
        ([], "slow", "600,000 values, of which "),
        ([float("nan")] * 1000, "diverged", "nan from row 599,001 on"),
        ([2e9, float("inf")], "diverged", "inf from row 600,000 on"),
    ],
)
def test_of_a_great_many_values_some_are_looked_at_and_what_was_lost_is_found(end: list[float], verdict: str, said: str) -> None:
    found = diagnose(np.append(np.linspace(4, 1, 600_000 - len(end)), end))
    assert (found.verdict, said in found.sentence) == (verdict, True)
    assert found.record.values.size < 60_000
