"""The sentence of a run: it says this run's numbers, in words, and nothing that they contradict."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from explorer import LOSSES, OPTIMIZERS, Setup, Verdict, run
from explorer.core.ground.prose import plain
from explorer.core.run.ruler import ruler
from explorer.core.verdict.explanation import Explanation

# Losses with many weights are as lawful as the others, but slow: they meet one rule.
WIDE = {name for name in LOSSES if LOSSES[name]().dim > 50}
PAIRS = [(loss, rule) for loss in LOSSES for rule in OPTIMIZERS if loss not in WIDE or rule == "adam"]
HEADS = {
    Verdict.CONVERGED: "**Converges**: ",
    Verdict.CONVERGING: "**Converging**: ",
    Verdict.SLOW: "**Slow**: ",
    Verdict.OSCILLATING: "**Oscillates**: ",
    Verdict.NOISY: "**Noisy**: ",
    Verdict.STUCK: "**Stuck**: ",
    Verdict.CATAPULT: "**Catapult**: ",
    Verdict.DIVERGED: "**Diverges**: ",
}


def explain(name: str, rate: Any, optimizer: str = "gradient_descent", steps: int = 200, start: Any = None, **settings: Any) -> Explanation:
    return Explanation.of(run(LOSSES[name](**settings), OPTIMIZERS[optimizer](), rate, start=start, steps=steps))


@pytest.mark.parametrize(
    ("loss_name", "optimizer_name", "steps"), [(*pair, steps) for pair in PAIRS for steps in ((8,) if pair[0] in WIDE else (0, 1, 2, 60))]
)
def test_every_sentence_of_every_ruler_reads_well(loss_name: str, optimizer_name: str, steps: int) -> None:
    loss, optimizer = LOSSES[loss_name](), OPTIMIZERS[optimizer_name]()
    rates = ruler(loss, optimizer, loss.start, 1e6).rates[:: 5 if steps == 60 else 60 if loss_name in WIDE else 20]
    told = Explanation.of(run(loss, optimizer, np.concatenate([[0.0], rates, [1e300]]), steps=steps))
    for i in range(rates.size + 2):
        sentence, verdict = told.sentence(i), told.outcome.verdict[i]
        assert sentence.startswith(HEADS[verdict])
        assert sentence.endswith(".")
        for text in (sentence, told.outcome.sentence(i), told.rate(i)):
            assert text
            assert not re.search(r"nan(?! at step)|e[+-]\d|(?<![\d.])\d{5}|None|array|--|  ", text), text
        assert not re.search(r"\b1 steps\b", sentence)
        assert told.rate(i).startswith(plain(told.trajectory.learning_rate[i], 4))
        if verdict == Verdict.DIVERGED and told.outcome.first_nonfinite[i] >= 0:
            assert f"at step {told.outcome.first_nonfinite[i]:,}" in sentence
        if verdict in (Verdict.CONVERGING, Verdict.SLOW):
            start, final, peak = (plain(each[i]) for each in (told.outcome.start_loss, told.outcome.final_loss, told.outcome.peak_loss))
            began, ended, most = (float(each[i]) for each in (told.outcome.start_loss, told.outcome.final_loss, told.outcome.peak_loss))
            rose = (began < ended or most > 2 * abs(began)) and peak not in (final, "inf")
            more = told.outcome.pace(i) if verdict == Verdict.SLOW else told.outcome.worse(i)
            _, said, rest = sentence.partition(f"{final}, from {start}{f' by way of {peak}' * rose}{f'; {more}' if more else ''}")
            assert said
            slows = r"; only the steep directions fall so fast, and the flat ones need about [^;]+ more steps"
            assert re.fullmatch(rf"({slows})?\.", rest) if verdict == Verdict.CONVERGING and loss.dim > 1 else rest == "."
        # A factor is stated only where it agrees with the verdict.
        if match := re.search(r"(multiplies the error by|keeps) ([^ ]+)", sentence):
            assert (match[1] == "keeps") == (verdict != Verdict.DIVERGED)


def test_a_factor_is_named_only_of_a_run_that_has_one() -> None:
    told = explain("linear_regression", [0.001, 0.0178], "adam")
    assert "keeps 0.9992" in told.sentence(0)
    assert told.steady_factor(0) == told.measured[0]
    assert "the factor changes from step to step" in told.sentence(1)
    assert told.sentence(1).endswith("it does not fall any more.")
    assert np.isnan(told.steady_factor(1))
    jumps = explain("double_well", [1.03, 1.4])
    assert set(jumps.outcome.verdict) == {Verdict.OSCILLATING}
    assert np.isnan([jumps.steady_factor(i) for i in range(2)]).all(), "a bounded run has no factor, also where its gradient seems to"


def test_a_large_rise_on_the_way_is_told() -> None:
    told = explain("linear_regression", [5000.0, 0.001], "adam")
    assert f", from 16,000 by way of {plain(told.outcome.peak_loss[0])}." in told.sentence(0)
    assert "by way of" not in told.sentence(1)


def test_what_a_run_would_be_without_is_named() -> None:
    """Weight decay may be the culprit, and is no rescue then."""
    setup = Setup("x_squared", "gradient_descent", 0.9, knobs={"optimizer.weight_decay": 0.44})
    told, bare = (Explanation.of(each.run([0.9])) for each in (setup, setup.without_rescues()))
    assert "Without weight decay: converges: " in told.beside(bare, 0, setup.rescues)
    more = Setup("x_squared", learning_rate=2.0, schedule="cosine", warmup_steps=3, clip_value=1.0)
    assert (more.rescues, more.without_rescues().rescues) == ("the schedule, the warm-up and the clipping", "")


@pytest.mark.parametrize("size", [0.0, 1e-300, 1e-155, 1e155, 1e200, 1e307])
@pytest.mark.parametrize("loss_name", [name for name in LOSSES if name not in WIDE])
def test_a_start_may_be_anywhere(loss_name: str, size: float) -> None:
    loss = LOSSES[loss_name]()
    for optimizer in ("gradient_descent", "momentum", "adam"):
        told = explain(loss_name, [0.0, 1e-300, 0.1, 3.0, 1e300], optimizer, steps=30, start=np.full(loss.dim, size))
        for i in range(5):
            assert not re.search(r"nan(?! at step)|e[+-]\d", told.sentence(i)), told.sentence(i)


FULL = [
    (
        {"name": "x_squared", "rate": 1.1, "steps": 2000},
        "**Diverges**: each step multiplies the error by 1.2 (theory: 1.2); the loss became inf at step 1,947 (forecast: 1,947).",
    ),
    (
        {"name": "x_squared", "rate": 1.1, "steps": 100},
        "**Diverges**: each step multiplies the error by 1.2 (theory: 1.2); after 100 steps the loss is 6.86 × 10¹⁵, from 1;"
        " it will be inf at step 1,947.",
    ),
    (
        {"name": "x_squared", "rate": 0.9},
        "**Converges**: each step keeps 0.8 of the error (theory: 0.8); a millionth of the starting loss is left at step 31.",
    ),
    (
        {"name": "x_squared", "rate": 0.5},
        "**Converges**: the first step lands in the minimum; the loss is at its minimum from step 1 on.",
    ),
    (
        {"name": "x_squared", "rate": 1.0},
        "**Oscillates**: it neither settles nor explodes; the loss stays at 1 while the point jumps from side to side.",
    ),
    (
        {"name": "x_squared", "rate": 0.0},
        "**Slow**: the rate is 0, so there is no step to take; after 200 steps the loss is still 1, from 1; the run does not move.",
    ),
    (
        {"name": "x_squared", "rate": 0.1, "start": [0.0]},
        "**Converges**: the gradient at the start is 0, so there is no step to take; the loss is at its minimum.",
    ),
    (
        {"name": "x_squared", "rate": 0.1, "steps": 1},
        "**Slow**: too few steps to measure a factor (theory: 0.8); after 1 step the loss is still 0.64, from 1;"
        " 36 % of the way, with about 30 more steps to go.",
    ),
    (
        {"name": "linear_regression", "rate": 1e-3},
        "**Diverges**: each step multiplies the error by 8.846 (theory: 8.846); the loss became inf at step 161 (forecast: 161).",
    ),
    (
        {"name": "absolute", "rate": 0.3, "start": [1.05]},
        "**Oscillates**: it neither settles nor explodes; the loss stays at 0.15 while the point jumps from side to side.",
    ),
    (
        {"name": "absolute", "rate": 0.4, "start": [1.05]},
        "**Oscillates**: it neither settles nor explodes; after 200 steps the loss still jumps between 0.15 and 0.25.",
    ),
    (
        {"name": "absolute", "rate": 0.004},
        "**Converging**: every step is 0.004 long, near the minimum as far from it; after 200 steps the loss is 0.2, from 1.",
    ),
    (
        {"name": "x_fourth", "rate": 0.51},
        "**Diverges**: each step grows more than the one before it, because the curvature grows on the way out;"
        " the loss became inf at step 8.",
    ),
    (
        {"name": "saddle", "rate": 0.1, "start": [1.0, 0.0]},
        "**Stuck**: the gradient is 7.1 × 10⁻¹⁰; the loss stays at 2.49 × 10⁻¹⁹.",
    ),
    (
        {"name": "quadratic", "rate": 0.205, "start": [1.0, 0.0]},
        "**Converges**: each step keeps 0.795 of the error (theory: 0.795); a millionth of the starting loss is left at step 31.",
    ),
]


@pytest.mark.parametrize(("case", "sentence"), FULL)
def test_sentences_in_full(case: dict[str, Any], sentence: str) -> None:
    assert explain(**case).sentence(0) == sentence


def test_the_rate_beside_the_edge() -> None:
    assert explain("linear_regression", 1e-3, steps=5).rate(0) == "0.001 = 4.92 × the critical rate"
    assert explain("absolute", 1e-3, steps=5).rate(0) == "0.001"
    assert explain("x_squared", 0.1, "adam", steps=5).rate(0) == "0.1", "Adam's edge moves along with the run"


def test_a_catapult_and_noise_in_words() -> None:
    well = explain("x_fourth", 0.125, start=[[1.9, 2.1]], steps=10)
    assert well.sentence(0).startswith("**Converging**")
    line = LOSSES["linear_regression"](data="noisy_line")
    noisy = Explanation.of(run(line, OPTIMIZERS["gradient_descent"](), 0.3, steps=2000, batch_size=5))
    said = re.fullmatch(r"\*\*Noisy\*\*: the loss jumps about ([\d.]+) \(theory: ([\d.]+)\), from [\d.]+ at the start\.", noisy.sentence(0))
    assert said is not None
    assert float(said[1]) == pytest.approx(float(said[2]), rel=0.05), "the level that was seen is near the floor that theory expects"


def test_what_was_infinite_and_what_was_no_number() -> None:
    assert "the loss became −inf at step" in explain("saddle", 3.0, steps=2000).sentence(0)
    assert "the weight became inf at step 1" in explain("x_squared", 1e200, start=[-1e150]).sentence(0)
    assert "the weight became −inf at step 1" in explain("x_squared", 1e200, start=[1e150]).sentence(0)
    assert "the loss is inf from the start" in explain("x_squared", 0.1, start=[1e200]).sentence(0)


@pytest.mark.parametrize("optimizer", ["gradient_descent", "momentum", "nesterov"])
@pytest.mark.parametrize("name", ["x_squared", "quadratic", "ravine", "linear_regression", "booth"])
def test_prediction_and_measurement_agree_in_the_long_run(name: str, optimizer: str) -> None:
    loss, rule = LOSSES[name](), OPTIMIZERS[optimizer]()
    edge = float(np.ravel(rule.largest_stable_rate(np.linalg.eigvalsh(loss.hvp(np.zeros((loss.dim,) * 2), np.eye(loss.dim)))[-1]))[0])
    told = Explanation.of(run(loss, rule, edge * np.array([1.05, 1.5, 4.0]), steps=400))
    np.testing.assert_allclose(told.measured, told.predicted, rtol=1e-3)
    np.testing.assert_array_equal(told.outcome.verdict, Verdict.DIVERGED)
    seen = told.outcome.first_nonfinite
    np.testing.assert_array_equal(seen[seen >= 0], told.overflow[seen >= 0])


def test_the_first_uphill_step() -> None:
    told = explain("x_squared", [0.1, 0.9, 1.0, 1.1], steps=50)
    np.testing.assert_array_equal(told.uphill, [-1, -1, -1, 0])
    # THEORY 18: this transient rises at once; from a start along the flat mode alone nothing rises at all.
    told = explain("quadratic", [0.205], start=[1.0, 1e-3], steps=400)
    losses = told.trajectory.loss[:, 0]
    assert told.uphill[0] == np.argmax(np.diff(losses) > 0) > 0
    assert explain("quadratic", [0.205], steps=0).uphill[0] == -1


def test_a_direction_without_a_share_predicts_nothing() -> None:
    """Beyond the edge of the steep direction, but started along the flat one: theory for this run is that of the flat one."""
    told = explain("quadratic", [0.25], start=[1.0, 0.0])
    assert told.predicted[0] == pytest.approx(0.75)
    assert told.outcome.verdict[0] == Verdict.CONVERGED


def test_a_run_that_ends_above_its_start_says_how_high_it_was() -> None:
    """`from 24.2` alone would read as if the rate were too small."""
    path = run(LOSSES["rosenbrock"](), OPTIMIZERS["rmsprop"](), 10.0, start=[-1.2, 1.0], steps=100)
    assert path.loss.max() > 1e9 > path.loss[-1, 0] > path.loss[0, 0]
    assert "from 24.2 by way of 9.33 × 10⁹" in Explanation.of(path).sentence(0)
    assert "by way of" not in Explanation.of(run(LOSSES["x_squared"](), OPTIMIZERS["gradient_descent"](), 1.1, start=[1.0])).sentence(0)


@pytest.mark.parametrize("rate", [0.02, 0.03, 0.04, 0.1, 0.25, 0.29, 1.0])
def test_a_fall_that_will_not_last_says_how_long_the_rest_takes(rate: float) -> None:
    """On a ravine the loss falls fast while its walls do: a smaller rate looks faster than a larger one, which has that behind it."""
    ravine, rule = LOSSES["ravine"](), OPTIMIZERS["gradient_descent"]()
    told = Explanation.of(run(ravine, rule, rate, steps=100))
    said = re.search(r"(?:need about|with about) ([\d,]+) more steps", told.sentence(0))
    assert (said is not None) == (rate < 0.2), told.sentence(0)
    if said is not None:
        more = int(said[1].replace(",", ""))
        losses = run(ravine, rule, rate, steps=100 + int(1.3 * more)).loss[:, 0]
        needed = int(np.argmax(losses <= 1e-6 * losses[0])) - 100
        assert needed == pytest.approx(more, rel=0.2)


def test_a_rate_of_0_is_said_and_not_measured() -> None:
    found = Explanation.of(Setup("x_squared", learning_rate=0.0).run())
    assert "the rate is 0, so there is no step to take" in found.sentence(0)
