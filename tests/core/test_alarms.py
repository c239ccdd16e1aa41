"""What says that a run is dead though its loss looks well, and levels and growth that have a name."""

from __future__ import annotations

import json

import numpy as np
import pytest

from explorer import Verdict, diagnose, read_log

NAN, INF = float("nan"), float("inf")
FALL = [1.05 * 0.9**k for k in range(12)]


def lines(losses: list[float], norms: list[float], more: str = "") -> str:
    return "\n".join(f"step {k} loss: {a:.4f} grad_norm: {b}" for k, (a, b) in enumerate(zip(losses, norms, strict=True))) + more


def first_advice(text: str) -> str:
    return diagnose(read_log(text)).causes[0].name


def test_a_gradient_that_stays_nan_is_a_dead_run() -> None:
    found = diagnose(read_log(lines([*FALL, 0, 0, 0, 0], [2.0] * 11 + [NAN] * 5)))
    assert found.verdict == Verdict.DIVERGED
    assert "the gradient's norm is nan from step 11 on" in found.sentence
    assert "the loss is exactly 0 from step 12 on" in found.sentence
    assert found.evidence["the loss is exactly 0"] == "from step 12 on"
    assert found.causes[0].name == "The weights are nan"
    assert "suddenly nan" in found.symptoms
    assert diagnose(FALL, gradient_norm=[2.0] * 11 + [NAN]).verdict == Verdict.DIVERGED
    warming = diagnose([*FALL, 0, 0, 0], learning_rate=[1e-6 * k for k in range(1, 16)])
    assert warming.causes[0].name == "The weights are nan"


def test_a_step_left_out_is_no_dead_run() -> None:
    """Loss scaling tries a scale that is too large now and then: the norm is inf in that row."""
    found = diagnose(FALL * 2, gradient_norm=([2.0] * 5 + [INF]) * 4)
    assert found.verdict != Verdict.DIVERGED
    assert diagnose(FALL, gradient_norm=[2.0] * 11 + [INF]).verdict != Verdict.DIVERGED


@pytest.mark.parametrize(
    ("losses", "dead"),
    [
        ([2.1, 1.9, 1.8, 1.6, 1.5, 1.4, 0, 0, 0, 0, 0, 0], True),
        ([2.1, 1.7, 1.3, 0.9, 0.5, 0.1, 0, 0, 0, 0, 0, 0], False),  # a hinge reaches 0
        ([round(2.0 * 0.3**k, 4) for k in range(20)], False),  # printed with four digits
        ([2.0] + [0.0] * 9, False),  # one step to the minimum of a quadratic
        ([0.5] * 6 + [0.0] * 6, True),
    ],
)
def test_a_loss_of_exactly_0_is_never_passed_over(losses: list[float], dead: bool) -> None:
    found = diagnose(losses)
    assert (found.verdict == Verdict.DIVERGED) == dead
    assert "the loss is exactly 0 from row" in found.sentence
    assert not any("Nothing is wrong" in each.name for each in found.causes)


def test_a_lost_validation_is_said_with_its_row() -> None:
    found = diagnose(FALL, validation=[None, 1.2, None, 1.1, None, 1.0, None, NAN, None, NAN, None, NAN])
    assert "the validation loss is nan from row 8 on" in found.sentence
    assert found.causes[0].name == "The validation cannot be computed"


def test_validation_in_rows_of_its_own_counts() -> None:
    found = diagnose([*FALL, None], validation=[None] * 12 + [NAN])
    assert "the validation loss is nan in row 13" in found.sentence


@pytest.mark.parametrize(
    ("row", "lost"),
    [
        ("{k},{loss},0.001", True),
        ("{k},{loss},", True),  # a rate that nobody logs
        ("{k},{loss},{late}", False),  # rows of an evaluation, which had no loss before either
    ],
)
@pytest.mark.parametrize("blank", ["", "NA", "null"])
def test_a_loss_that_is_missing_to_the_end_was_nan(row: str, lost: bool, blank: str) -> None:
    """As pandas and JSON write it: read like a nan that stands there."""
    values = [f"{2.3 * 0.97**k:.4f}" if k < 70 else blank for k in range(120)]
    text = "step,loss,other\n" + "".join(row.format(k=k, loss=each, late="1.0" if k >= 70 else "") + "\n" for k, each in enumerate(values))
    found = diagnose(read_log(text))
    assert (found.verdict == Verdict.DIVERGED) == ("suddenly nan" in found.symptoms) == lost
    assert (
        "is missing from step 70 on: the last 50 of 120 rows have no value, which is what pandas and JSON write" in found.sentence
    ) == lost
    assert (found.evidence["rows with a value"], found.evidence["missing values"]) == (70, 50)
    listed = json.dumps([float(each) if each != blank else None for each in values])
    assert diagnose(read_log(listed)).sentence == diagnose(json.loads(listed)).sentence
    assert "missing from row 71 on" in diagnose(read_log(listed)).sentence


@pytest.mark.parametrize("every", [2, 10, 13])
@pytest.mark.parametrize("end", [0, 1, 2, 9])
def test_a_loss_that_is_logged_now_and_then_is_not_lost(every: int, end: int) -> None:
    losses = [2.3 * 0.97**k if k % every == 0 else None for k in range(12 * every + 1)]
    assert diagnose(losses + [None] * min(end, every - 1)).verdict == diagnose(losses).verdict != Verdict.DIVERGED
    doubling = [2.3 * 0.97**k if (k & (k - 1)) == 0 else None for k in range(2**9 + 50 * end)]
    assert diagnose(doubling).verdict != Verdict.DIVERGED
    runs = "Step,a - loss,b - loss,c - loss\n" + "".join(
        f"{k},{2 - k / 99 if k < 60 else ''},{'' if k > 70 else 1},{1}\n" for k in range(90)
    )
    assert diagnose(read_log(runs)).verdict != Verdict.DIVERGED


def test_a_loss_scale_that_only_falls_is_said() -> None:
    found = diagnose(FALL, loss_scale=[2.0 ** (16 - k) for k in range(12)])
    assert "the loss scale only falls, from 65,536 to 32 in row 12" in found.sentence
    assert diagnose(FALL, loss_scale=[65536.0, 32768.0, *[16384.0] * 10]).sentence == diagnose(FALL).sentence


def test_lines_of_the_log_are_heard() -> None:
    skipped = "\nGradient overflow.  Skipping step, loss scaler 0 reducing loss scale to 16384.0\n"
    text = lines(FALL[:6], [2.0] * 6) + skipped + lines(FALL[6:], [2.0] * 6)
    found = diagnose(read_log(text))
    assert "in line 7" in found.sentence
    assert "Gradient overflow" in found.sentence
    deepspeed = "\n[deepspeed] OVERFLOW! Rank 0 Skipping step. Attempted loss scale: 65536, reducing to 32768\n"
    assert "OVERFLOW" in diagnose(read_log(text.replace(skipped, deepspeed))).sentence
    stopped = lines(FALL, [2.0] * 12, "\nTraceback (most recent call last):\nRuntimeError: CUDA error: device-side assert triggered\n")
    assert "RuntimeError" in diagnose(read_log(stopped)).sentence
    assert "says" not in diagnose(read_log(lines(FALL, [2.0] * 12, "\nsaved the model\n"))).sentence


def test_validation_that_rises_is_a_sign_with_its_row() -> None:
    rising = [0.5 + 0.02 * abs(k - 10) for k in range(40)]
    found = diagnose(np.exp(-np.arange(40) / 8), validation=rising)
    assert "validation rises" in found.symptoms
    assert "the validation loss rises from row 11 on, from 0.5 to 1.08" in found.sentence
    assert found.causes[0].name == "Overfitting"


@pytest.mark.parametrize("first", [2.7, 10.8])  # a language model begins at the logarithm of its vocabulary
@pytest.mark.parametrize(("rows", "scatter"), [(40, 0.0), (120, 0.0), (120, 0.02), (1000, 0.05)])
def test_a_rise_of_a_tenth_of_the_fall_is_overfitting(first: float, rows: int, scatter: float) -> None:
    u, noise = np.arange(rows) / rows, scatter * np.random.default_rng(rows).standard_normal(rows)
    train = 0.3 + 2.3 * np.exp(-3 * u)
    held = train + 0.1 + 1.2 * np.maximum(u - 0.5, 0)  # from 0.9 at 0.58 up to 1.107
    held[0] = first
    assert "validation rises" in diagnose(train, validation=held + noise).symptoms
    assert "validation rises" not in diagnose(train, validation=train + 0.1 + noise).symptoms


@pytest.mark.parametrize(
    ("held", "rises"),
    [
        ([0.9, 0.7, 0.6, 0.55, 0.54, 0.56, 0.58, 0.61, 0.63, 0.66], True),
        ([2.1, 1.8, 1.7, 1.65, 1.7, 1.8, 1.9, 2.0, 2.2, 2.4, 2.6, 2.9], True),
        ([0.69, 0.6, 0.55, 0.56, 0.54, 0.55, 0.56, 0.55, 0.55, 0.56], False),
        ([0.5] * 20 + [0.51] * 20, False),  # printed in steps of 0.01
        ([0.5] * 20 + [0.5 + 1e-16] * 20, False),
    ],
)
def test_a_few_epochs_and_printed_digits(held: list[float], rises: bool) -> None:
    for a, b in ((1.0, 0.0), (7.0, -3.0)):
        found = diagnose(0.7 ** np.arange(len(held)), validation=a * np.array(held) + b)
        assert ("validation rises" in found.symptoms) == rises


@pytest.mark.parametrize("rows", [100, 300, 1000])
@pytest.mark.parametrize("kind", ["with a memory", "with heavy tails"])
def test_no_noise_of_a_validation_is_overfitting(rows: int, kind: str) -> None:
    """At most 1 in 100, on a floor and on the way there, also of a moving average of noise, and of Student's with 3 degrees of freedom."""
    seen = 0
    for seed in range(100):
        random = np.random.default_rng([rows, seed])
        noise = (
            np.convolve(random.standard_normal(rows + 4), np.full(5, 5**-0.5), "valid") if "memory" in kind else random.standard_t(3, rows)
        )
        fall = np.exp(-np.arange(rows) / (15, rows / 4)[seed % 2])
        seen += "validation rises" in diagnose(fall, validation=1.1 * fall + 0.05 * noise).symptoms
    assert seen <= 1


@pytest.mark.parametrize(
    ("level", "name"),
    [
        (0.6931, "ln 2"),
        (2.3026, "ln 10"),
        (6.9078, "ln 1,000"),
        (10.8249, "ln 50,257"),
        (87.34, "float32"),
        (16.118, "10⁻⁷"),
        (15.942, "ε"),
    ],
)
def test_a_flat_curve_names_its_level(level: float, name: str) -> None:
    assert name in diagnose([level] * 30).sentence
    assert name in diagnose(level * (1 + 1e-5 * np.random.default_rng(0).standard_normal(100))).sentence
    assert "(" not in diagnose([1.2345] * 30).sentence


@pytest.mark.parametrize("more", [[], [3e12, 3.2e12, 3e12, 3.1e12, 2.9e12], [3e12] * 12])
def test_what_fell_and_blew_up_has_diverged(more: list[float]) -> None:
    found = diagnose([2.34, 2.1, 1.9, 1.7, 1.6, 1.5, 1.45, 1.4, 1.38, 34, 34_700, 3e12, *more])
    assert found.verdict == Verdict.DIVERGED
    assert "fell from 2.34 to 1.38, then rose to 3" in found.sentence
    assert ("stays up" if more else "it has not turned") in found.sentence


@pytest.mark.parametrize("noise", [0.0, 0.003, 0.01])
@pytest.mark.parametrize("rows", [60, 100])
def test_growth_is_seen_from_below_the_start(noise: float, rows: int) -> None:
    """1.02 a row after a fall from 2.3 to 0.3."""
    losses = np.array([*(0.3 + 2 * np.exp(-np.arange(60) / 10)), *(0.3 * 1.02 ** np.arange(rows))])
    losses += noise * np.random.default_rng(3).standard_normal(losses.size)
    found = diagnose(losses)
    assert found.verdict == Verdict.DIVERGED
    assert "fell from 2.3" in found.sentence
    assert noise or "by a factor of 1.02 a row" in found.sentence


def test_a_line_up_after_a_fall_is_no_exponential() -> None:
    losses = [*(0.3 + 2 * np.exp(-np.arange(60) / 10)), *(0.3 + 0.01 * np.arange(60))]
    assert diagnose(losses).verdict != Verdict.DIVERGED


def test_stuck_at_once_is_not_converged() -> None:
    found = diagnose([1.9112] + [1.9105] * 9)
    assert found.verdict == Verdict.STUCK
    assert "from 1.9112 to 1.9105 at once" in found.sentence
    assert diagnose([4.0] + [0.5] * 9).verdict == Verdict.CONVERGED


@pytest.mark.parametrize(("factor", "rows"), [(1.01, 12), (1.01, 60), (1.01, 300), (1.3, 20), (2.0, 20)])
@pytest.mark.parametrize("offset", [0.0, 5.0])
def test_the_factor_is_right_to_its_digits(factor: float, rows: int, offset: float) -> None:
    found = diagnose(offset + factor ** np.arange(rows))
    assert f"by a factor of {factor:g} a row" in found.sentence


def test_a_line_has_no_factor() -> None:
    assert "factor" not in diagnose(1 + 0.01 * np.arange(30)).sentence


def test_a_spike_in_noise_is_still_seen() -> None:
    rng = np.random.default_rng(0)
    for sigma in (0.003, 0.01, 0.03):
        losses = np.exp(-np.arange(200) / 15) + sigma * rng.standard_normal(200)
        assert "spikes" not in diagnose(losses).symptoms
        losses[[90, 150]] += 30 * sigma
        found = diagnose(losses)
        assert "spikes" in found.symptoms
        assert found.evidence["single spikes"] == 2


@pytest.mark.parametrize(
    ("end", "diverged"),
    [
        ("FloatingPointError: Loss became infinite or NaN at iteration=231!", True),
        ("Loss is nan, stopping training", True),
        ("ValueError: Model loss is NaN or Inf. Exiting.", True),
        ("RuntimeError: CUDA out of memory", False),
        ("Early stopping at epoch 12: training loss is finite", False),
        ("Training stopped: no improvement in 10 epochs", False),
    ],
)
def test_a_program_that_gives_up_because_of_nan_is_believed(end: str, diverged: bool) -> None:
    found = diagnose(read_log("\n".join(f"iter {k} loss {loss:.4f}" for k, loss in enumerate(FALL)) + f"\n{end}\n"))
    assert (found.verdict == Verdict.DIVERGED) == diverged
    assert ("The program stopped with an error" in {cause.name for cause in found.causes}) == ("CUDA" in end)
    assert not diverged or end in found.sentence


@pytest.mark.parametrize("lost", [20, 30, 39])
def test_what_is_lost_with_the_loss_is_no_cause_of_its_own(lost: int) -> None:
    """The validation at the loss's own row, or later; and before it, once more."""
    fall = np.exp(-np.linspace(0, 3, 60))

    def until(row: int) -> np.ndarray:
        return np.where(np.arange(60) < row, fall, np.nan)

    for row in (lost, lost + 5):
        found = diagnose(until(lost), validation=until(row))
        assert "The validation cannot be computed" not in [each.name for each in found.causes]
        assert "the validation loss is nan" in found.sentence
    for loss in (until(lost), fall):
        assert "The validation cannot be computed" in [each.name for each in diagnose(loss, validation=until(lost - 5)).causes]
    for row in (lost, lost - 1):
        assert diagnose(until(lost), gradient_norm=until(row), validation=until(lost)).causes[0].name == "The weights are nan"


def test_what_the_log_says_is_quoted_as_it_stands() -> None:
    """A column chosen by hand goes by its own name, but not within the log's own words."""
    text = "\n".join(f"step {k} loss {loss:.4f} aux_loss {loss:.4f}" for k, loss in enumerate(FALL))
    for end in ("RuntimeError: the loss is too old", "Error: stopping, as the loss is nan"):
        found = diagnose(read_log(f"{text}\n{end}\n", roles={"train": "aux_loss"}))
        assert f"“{end}”" in found.sentence
    assert "'aux_loss'" in diagnose(read_log(text, roles={"train": "aux_loss"})).sentence


LAST_WORDS = [
    "Batch 12: Invalid loss, terminating training",
    "Monitored metric train_loss = nan is not finite. Previous best value was 0.500. Signaling Trainer to stop.",
    "FloatingPointError: Minimum loss scale reached (0.0001). Your loss is probably exploding. Try lowering the learning rate.",
    "Minimum loss scale reached (0.0001). Your loss is probably exploding.",
    "Loss is nan, stopping training",
    "Loss became infinite or NaN at iteration=30!",
    "ERROR:tensorflow:Model diverged with loss = NaN.",
    "Model diverged with loss = NaN.",
    "Training loss has exploded at step 30, giving up",
]


@pytest.mark.parametrize("after", ["", "{'loss_ce': tensor(nan), 'loss_bbox': tensor(0.3)}\n", "saving\n" * 30])
@pytest.mark.parametrize("head", ["", "step,loss\n", '{"step": 0, "loss": 1.05}\n'])
@pytest.mark.parametrize("words", LAST_WORDS)
def test_a_trainer_s_last_words_are_an_alarm_and_no_row(words: str, head: str, after: str) -> None:
    row = {"": "iter {} loss {:.4f}", "s": "{},{:.4f}", "{": '{{"step": {}, "loss": {:.4f}}}'}[head[:1]]
    rows = head + "\n".join(row.format(k, loss) for k, loss in enumerate(FALL, 1))
    log = read_log(f"{rows}\n{words}\n{after if not head else ''}")
    assert log.roles == {"step": "step" if head else "iter", "train": "loss"}
    assert log.losses[-1] == pytest.approx(FALL[-1], abs=1e-4)
    assert not [name for name in log.columns if name.split()[0] in ("Loss", "Monitored", "Batch", "Minimum", "Model", "Training")]
    found = diagnose(log)
    assert found.verdict == Verdict.DIVERGED
    assert words[:60] in found.sentence
    assert "The program stopped with an error" not in {cause.name for cause in found.causes}
    assert diagnose(read_log(f"{rows.split(chr(10))[0]}\n{words}\n{rows}")).verdict != Verdict.DIVERGED, "it went on"


def test_rows_that_speak_of_a_lost_loss_are_rows() -> None:
    row = "epoch {} training loss: {}, stopping counter: {}/9"
    log = read_log("\n".join(row.format(k, "nan" if k > 5 else 1 / (k + 1), k) for k in range(9)))
    assert np.isnan(log.losses.filled(0)).tolist() == [False] * 6 + [True] * 3
    log = read_log("batch size: 32\n" + "\n".join(row.format(k, "nan", k) for k in range(9)))
    assert np.isnan(log.losses.compressed()).sum() == 9
