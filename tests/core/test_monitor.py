"""The monitor: warned in time, silent where nothing is wrong, and the step of the overflow as theory has it."""

from __future__ import annotations

import json
import math
import pickle
import re
import sys
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from benchmarks import monitor_runs as runs
from benchmarks.monitor import HEIGHTS, first_warning, heights
from explorer import LOSSES, OPTIMIZERS, Loss, Monitor, run
from explorer.core.diagnosis import monitor
from explorer.core.diagnosis.monitor import Notice, State
from explorer.core.theory.growth import Modes

GD = OPTIMIZERS["gradient_descent"]()


def fed(watch: Monitor, losses: Any, **more: Any) -> list[Notice]:
    """All warnings of a monitor that is fed these losses."""
    said = [watch.update(loss, **more) for loss in losses]
    return [each for each in said if each is not None]


# ---- the runs of the benchmark, a few of each kind ------------------------------------------------------------------------------

SOME = [
    ("quadratics, gradient descent", 2),
    ("quadratics, momentum", 3),
    ("surfaces", 0),
    ("surfaces", 3),
    ("catapults (u·v)", 3),
    ("networks, gradient descent", 3),
    ("networks, mini-batches", 3),
]


@pytest.fixture(scope="module")
def labelled() -> list[runs.Labelled]:
    with np.errstate(all="ignore"):
        return [each for family, number in SOME for each in runs.made(family, number)]


def test_the_small_set_has_a_dozen_of_each_kind(labelled: list[runs.Labelled]) -> None:
    for label in (runs.OVERFLOWS, runs.HEALTHY):
        assert sum(each.label == label for each in labelled) >= 12


@pytest.mark.parametrize("mode", ["loss", "gradient", "model"])
def test_every_run_that_overflows_is_warned_of_and_no_healthy_one(labelled: list[runs.Labelled], mode: str) -> None:
    """With the model, before the loss is 100 times its start."""
    for each in labelled:
        notice, _ = first_warning(each, mode)
        if each.label == runs.OVERFLOWS:
            assert notice is not None, each.setup
            assert mode != "model" or (each.loss[: notice.step + 1] < runs.FAR * each.level).all(), each.setup
        elif each.label == runs.HEALTHY:
            assert notice is None, (each.setup, each.column, notice)


def test_the_benchmark_leaves_the_thresholds_as_they_are() -> None:
    before = {name: getattr(monitor, name) for name in HEIGHTS}
    with heights(0.1):
        assert before["NEXT"] / 10 == monitor.NEXT
    assert {name: getattr(monitor, name) for name in HEIGHTS} == before


# ---- the step of the overflow ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rule", "rate"), [("gradient_descent", 0.23), ("gradient_descent", 0.5), ("momentum", 0.41), ("nesterov", 0.2)])
def test_the_overflow_of_a_quadratic_is_where_theory_has_it(rule: str, rate: float) -> None:
    loss, optimizer = LOSSES["quadratic"](eigenvalues=(1.0, 10.0)), OPTIMIZERS[rule]()
    expected = int(Modes.of(loss, optimizer, loss.start).overflow_step(np.array([rate]))[0])
    losses = run(loss, optimizer, rate, steps=60).loss[:, 0]
    watch = Monitor()
    assert len(fed(watch, losses)) == 1
    assert watch.overflow_step == expected


def test_single_precision_overflows_earlier() -> None:
    steps = {}
    for dtype in ("float32", "float64"):
        watch = Monitor(dtype=dtype)
        fed(watch, 2.0 ** np.arange(20))
        steps[dtype] = watch.overflow_step
    assert steps == {"float32": 128, "float64": 1024}


@pytest.mark.parametrize(("dtype", "largest"), [("float32", 3.4028234663852886e38), ("float64", 1.7976931348623157e308)])
def test_a_loss_beyond_all_numbers_of_its_type_is_lost(dtype: str, largest: float) -> None:
    for sign in (1, -1):
        watch = Monitor(dtype=dtype)
        fed(watch, [1.0, sign * largest])
        assert watch.state is not State.LOST
        watch.update(sign * 1e39)
        assert (watch.state is State.LOST) == (dtype == "float32")
        assert dtype == "float64" or watch.sentence.endswith("inf at step 2")


def test_a_growth_that_grows_is_foreseen_as_one() -> None:
    """x⁴ far out: the logarithm of the loss triples at every step."""
    path = run(LOSSES["x_fourth"](), GD, 0.126, start=[2.0], steps=60)
    lost = int(np.argmax(~np.isfinite(path.loss[:, 0])))
    (notice,) = fed(Monitor(), path.loss[:lost, 0])
    assert abs(notice.overflow_step - lost) <= 1


@pytest.mark.parametrize("share", [0.01, 0.2, 1.0])
@pytest.mark.parametrize("factor", [12.0, 30.0, 1000.0])
def test_a_growth_that_levels_off_is_not_taken_for_one_that_goes_on_growing(share: float, factor: float) -> None:
    """A flat direction and a steep one: factors of 1.1, 4, 10, 12, 12, ... No step is named of one change, and none far too early."""
    losses = 1 + share * factor ** np.arange(90.0)
    overflows = int(np.ceil(np.log(float(np.finfo(np.float32).max) / share) / np.log(factor)))
    watch, named = Monitor(dtype="float32"), []
    for loss in losses[:overflows]:
        notice = watch.update(loss)
        if notice is not None:
            assert ("inf at" in notice.sentence) == (notice.overflow_step is not None)
        named += [watch.overflow_step] if watch.state is State.LEAVING else []
    assert named[0] is None or named[0] > 0.6 * overflows
    assert min(each for each in named if each) > 0.6 * overflows
    assert named[3] == pytest.approx(overflows, abs=0.25 * overflows)


# ---- what is no reason to warn, in words ----------------------------------------------------------------------------------------


def test_a_catapult_and_a_swing_are_told_apart_by_the_model() -> None:
    catapult, ravine = LOSSES["uv"](width=64), LOSSES["quadratic"](eigenvalues=(0.01, 1.0))
    swing = OPTIMIZERS["momentum"](momentum=0.99)
    for loss, rule, rate, start, word in (
        (catapult, GD, 1.3, catapult.start, "flatter: a catapult"),
        (ravine, swing, 3.5, np.array([0.01, 1.0]), "as sharp: an ordinary swing"),
    ):
        path = run(loss, rule, rate, start=start, steps=60)
        watch = Monitor(model=loss, optimizer=rule)
        sentences = []
        for x, value in zip(path.x[:, :, 0], path.loss[:, 0], strict=True):
            assert watch.update(value, x=x, learning_rate=rate) is None
            sentences.append(watch.sentence)
        assert path.loss[:, 0].max() > path.loss[0, 0]
        assert any(word in each for each in sentences)


def test_noise_and_spikes_that_come_back_are_no_news() -> None:
    random = np.random.default_rng(0)
    for seed in range(20):
        noisy = random.lognormal(0, 0.7, 2000) / np.sqrt(1 + np.arange(2000) / 50)
        noisy[random.integers(100, 2000, 5)] *= 40
        assert fed(Monitor(), noisy) == [], seed


def test_far_beyond_the_edge_the_model_warns_at_the_first_step() -> None:
    bowl = LOSSES["x_squared"]()
    notice = Monitor(model=bowl).update(1.0, x=[1.0], learning_rate=1.5)
    assert notice is not None
    assert notice.overflow_step == Modes.of(bowl, GD, np.array([1.0])).overflow_step(np.array([1.5]))[0]
    assert "1.5 times what the rate tolerates" in notice.sentence


# ---- whatever a loop may feed ---------------------------------------------------------------------------------------------------


class Tensor:
    """What PyTorch's and JAX's scalars have in common."""

    def __init__(self, value: float) -> None:
        self.value = value

    def item(self) -> float:
        return self.value


def test_a_number_is_a_number_however_it_comes() -> None:
    kinds = [float, np.float32, np.float64, np.asarray, Tensor, Fraction, lambda each: np.full((1,), each)]
    words = set()
    for kind in kinds:
        watch = Monitor()
        fed(watch, [kind(value) for value in (1.0, 2.0, 4.0)])
        words.add(watch.sentence)
    assert len(words) == 1
    assert Monitor().update(10**400).state is State.LOST


@pytest.mark.parametrize("nonsense", ["0.5", b"1", [1.0, 2.0], True, 1j, {}, Decimal("nan"), np.zeros(3), np.array(["1"])], ids=repr)
def test_what_is_no_number_is_refused_with_a_sentence(nonsense: Any) -> None:
    for name in ("loss", "learning_rate", "gradient_norm"):
        watch = Monitor()
        with pytest.raises(ValueError, match=f"{name} must be one number"):
            watch.update(**{"loss": 2.0, name: nonsense})
        assert watch.update(1.0) is None


def test_none_is_a_missing_loss() -> None:
    watch = Monitor()
    assert fed(watch, [None, np.ma.masked, 1.0, None, 2.0]) == []
    assert watch.step == 4
    assert "2 times" in watch.sentence


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_loss_that_is_lost_is_said_once_and_may_come_back(value: float) -> None:
    watch = Monitor()
    first = fed(watch, [value, value, 3.0, 2.0, value, 1.0])
    assert [each.step for each in first] == [0, 4]
    assert {each.state for each in first} == {State.LOST}
    assert watch.state is State.STEADY


def test_a_gradient_that_is_nan_is_a_lost_run_whatever_the_loss_says() -> None:
    watch = Monitor()
    assert watch.update(1.0, gradient_norm=2.0) is None
    assert watch.update(0.5, gradient_norm=np.nan).sentence == "lost: the gradient's norm is nan at step 1"
    assert watch.update(0.0, gradient_norm=np.float32(np.nan)) is None


def test_negative_losses_are_measured_from_the_lowest() -> None:
    falling = fed(Monitor(), -np.linspace(1, 50, 200))
    rising = fed(Monitor(), 3.0 - np.linspace(1, 2, 200))
    assert falling == rising == []
    watch = Monitor()
    assert len(fed(watch, -5 + 1.5 ** np.arange(60))) == 1
    assert watch.overflow_step == 1751  # log(1.8e308) / log(1.5)
    assert fed(Monitor(), np.zeros(50)) == []


def test_a_rise_of_negative_losses_is_said_to_be_measured_from_the_lowest() -> None:
    watch = Monitor()
    (notice,) = fed(watch, [-3.0, -5.0, *(-5 + 1.5 ** np.arange(1, 20))])
    assert "the loss, measured from its lowest, −5, grew by 1.5 a step" in notice.sentence
    assert "the loss, measured from its lowest, −5, is" in (fed(after := Monitor(), [-5.0, -3.0]), after.sentence)[1]
    assert "measured" not in (fed(after := Monitor(), [5.0, 7.0]), after.sentence)[1]


def test_steps_may_skip_repeat_and_go_back() -> None:
    losses = {10 * step: 1.1 ** (10 * step) for step in range(12)}
    watch = Monitor()
    said = [watch.update(loss, step=step) for step, loss in losses.items()]
    (notice,) = filter(None, said)
    assert "grew by 1.1 a step" in notice.sentence
    assert watch.overflow_step == pytest.approx(np.log(np.finfo(float).max) / np.log(1.1), abs=2)
    assert fed(Monitor(), 1.0 + 0.2 * np.arange(3), step=5) == []  # the same step again
    again = Monitor()
    for step in (0, 1, 2, 3, 1, 2, 3, 1, 2, 3):
        assert again.update(2.0**step, step=step) is None
    for nonsense in (-1, 0.5, "x", [1, 2]):
        with pytest.raises(ValueError, match="step must be"):
            watch.update(1.0, step=nonsense)


def test_any_sequence_of_numbers_is_taken() -> None:
    random = np.random.default_rng(0)
    odd = [0.0, -0.0, 1e308, -1e308, 5e-324, np.nan, np.inf, -np.inf, None, 1.0, -1.0, 1e200, -1e200]
    for turn in range(400):
        watch = Monitor(dtype=("float32", "float64")[turn % 2])
        for step in range(30):
            loss = (odd[random.integers(len(odd))], float(np.exp(20 * random.normal())), 1.5**step)[random.integers(3)]
            norm = odd[random.integers(len(odd))]
            about = {"gradient_norm": norm and abs(norm), "learning_rate": 10.0 ** random.integers(-5, 300)}
            notice = watch.update(loss, step=int(random.integers(40)) if random.random() < 0.2 else None, **about)
            assert notice is None or notice.state in (State.LEAVING, State.LOST)
            assert watch.sentence
            assert watch.overflow_step is None or watch.overflow_step >= watch.step


@pytest.mark.parametrize("cut", [0, 3])
@pytest.mark.parametrize("after", [[], [4e3] * 9, [4e3, 1e3, 2e3, 1e3], [4e3 * 3**k for k in range(9)], [1.0, 2.0, 3.0]])
def test_the_sentence_names_the_step_that_is_foreseen_and_no_other(after: list[float], cut: int) -> None:
    """Also long after a warning, when the growth has changed or ended, and after a checkpoint."""
    watch = Monitor()
    assert fed(watch, [1.0 * 2**k for k in range(12)])
    for value in after:
        watch.update(value)
        if cut and watch.step > cut + 12:
            state, watch = watch.state_dict(), Monitor()
            watch.load_state_dict(state)
        step = watch.overflow_step
        assert re.findall(r"inf at (?:about )?step ([\d,]+)", watch.sentence) == ([] if step is None else [f"{step:,}"]), watch.sentence
        assert watch.sentence.startswith(str(watch.state))
    if after[1:] == 8 * [4e3]:
        assert watch.sentence == "on its way out: the loss is 4,000 times the highest that it has come back from, but has stopped growing"


@pytest.mark.parametrize("cut", [0, 1, 4, 9])
def test_a_checkpoint_goes_on_as_if_nothing_had_been(cut: int) -> None:
    losses = 1.4 ** np.arange(14)
    whole, before, after = Monitor(), Monitor(), Monitor()
    expected = fed(whole, losses)
    said = fed(before, losses[:cut])
    after.load_state_dict(json.loads(json.dumps(before.state_dict())))
    assert said + fed(after, losses[cut:]) == expected
    assert (after.state, after.overflow_step) == (whole.state, whole.overflow_step)
    assert pickle.loads(pickle.dumps(after)).sentence == after.sentence
    with pytest.raises(ValueError, match="state must be what state_dict"):
        after.load_state_dict({"step": 3})


def test_the_memory_does_not_grow() -> None:
    def size(watch: Monitor) -> int:
        return sum(sys.getsizeof(each) for each in vars(watch).values())

    random, watch, sizes = np.random.default_rng(0), Monitor(), []
    for _ in range(3):
        fed(watch, (1 + 1e-6 * np.arange(5000) + random.random(5000) / 100).tolist(), gradient_norm=1.0, learning_rate=0.1)
        sizes.append(size(watch))
    assert len(watch._rise) <= monitor.REMEMBERED
    assert max(sizes) - min(sizes) < 100


def test_nonsense_about_the_model_is_refused_with_a_sentence() -> None:
    bowl: Loss = LOSSES["x_squared"]()
    for given, words in (
        ({"dtype": "half"}, "dtype must be float64 or float32"),
        ({"optimizer": "sgd"}, "optimizer must be one of|gradient_descent"),
        ({"optimizer": 3}, "optimizer must be a name such as"),
        ({"model": bowl, "every": 0}, "every must be finite and ≥ 1"),
        ({"model": object()}, "model must be a Loss with hvp, as torch_loss and jax_loss"),
    ):
        with pytest.raises(ValueError, match=words):
            Monitor(**given)
    for given, words in (({"batch_size": 0}, "batch_size must be finite and ≥ 1"), ({"every": "x"}, "every must be")):
        with pytest.raises(ValueError, match=words):
            Monitor(**given)
    with pytest.raises(ValueError, match=r"batch_size must be left out where there is no model to look at.*, got 3$"):
        Monitor(batch_size=3)
    watch = Monitor(model=bowl)
    with pytest.raises(ValueError, match="learning_rate must be given with x"):
        watch.update(1.0, x=[1.0])
    with pytest.raises(ValueError, match="x must be given at every step where there is a model"):
        watch.update(1.0, learning_rate=0.1)
    with pytest.raises(ValueError, match="left out where there is no model to look at"):
        Monitor().update(1.0, x=[1.0], learning_rate=0.1)
    with pytest.raises(ValueError, match="x must be 1 numbers"):
        watch.update(1.0, x=[1.0, 2.0], learning_rate=0.1)
    assert "the point has inf or nan in it" in str(watch.update(1.0, x=[np.nan], learning_rate=0.1))


@pytest.mark.parametrize("rule", ["gradient_descent", "momentum", "adam"])
def test_a_preconditioner_is_what_the_rule_divides_by(rule: str) -> None:
    """As an array and as a function; a refusal leaves the monitor as it was, and what is right is taken next."""
    watch = Monitor(model=LOSSES["x_squared"](), optimizer=rule)
    divides = OPTIMIZERS[rule]().preconditioner is not None
    for wrong in (-1.0, 0.0, np.nan, np.inf) if divides else (1e-3, 1.0):
        for given in (np.full(1, wrong), lambda wrong=wrong: np.full(1, wrong)):
            with pytest.raises(ValueError, match="^preconditioner must be " + ("finite and > 0" if divides else f"left out for {rule}")):
                watch.update(1.0, x=np.ones(1), learning_rate=0.1, preconditioner=given)
            assert (watch.step, watch.look) == (-1, None)
    watch.update(1.0, x=np.ones(1), learning_rate=0.1, **{"preconditioner": np.full(1, 0.5)} if divides else {})
    assert watch.look is not None
    assert watch.look.sharpness == pytest.approx(4.0 if divides else 2.0)


class Breaking:
    """A model that gives out when it is looked at."""

    dim, start, minimum, broken = 1, np.ones(1), 0.0, True

    def value(self, x: Any) -> Any:
        return x[0] ** 2

    def value_and_gradient(self, x: Any) -> Any:
        return x[0] ** 2, 2 * x

    def hvp(self, x: Any, v: Any) -> Any:
        if self.broken:
            raise MemoryError("no room")
        return 2 * v


def test_a_step_that_is_refused_changes_nothing() -> None:
    """Whatever is wrong, at any step, in any order: the next one goes on as if that had not been fed."""
    model = Breaking()
    for start in range(4):
        watch, whole = Monitor(model=model, every=2), Monitor(model=model, every=2)
        for step, loss in enumerate([1.0, 0.9, 1.5, 1.4, 3.0, 9.0]):
            about = {"x": [loss**0.5], "learning_rate": 0.1, "gradient_norm": 2.0}
            before, model.broken = watch.state_dict(), True
            wrongs = [
                {"learning_rate": -1.0},
                {"learning_rate": np.inf},
                {"gradient_norm": "a"},
                {"x": [1.0, 2.0]},
                {"step": -1},
                {"x": None},
            ]
            for wrong in wrongs[start:] + wrongs[:start]:
                with pytest.raises(ValueError, match="must be"):
                    watch.update(loss, **{**about, **wrong})
                assert str(watch.state_dict()) == str(before)
            if step in (0, 2, 4):
                with pytest.raises(MemoryError):
                    watch.update(loss, **about)
                assert str(watch.state_dict()) == str(before)
            model.broken = False
            assert watch.update(loss, **about) == whole.update(loss, **about)
            assert (watch.sentence, watch.look) == (whole.sentence, whole.look)


def test_a_memory_that_is_none_is_refused_and_changes_nothing() -> None:
    watch = Monitor()
    fed(watch, 1.3 ** np.arange(6))
    kept = watch.state_dict()
    for name, wrong in (
        *((name, each) for name in ("start", "growth", "rehearsed_at", "rises") for each in ("abc", None, [1.0], True)),
        *(
            ("rise", each)
            for each in ("abc", 3, [(1, 2, 3)], [(2, 1.0), (1, 1.0)], [(1, np.nan)], [(99, 1.0)], [(k, 1.0) for k in range(17)])
        ),
        *(("step", each) for each in (-2, 0.5, "x", None)),
        *(("state", each) for each in ("going", 3, None)),
    ):
        with pytest.raises(ValueError, match=rf"state\['{name}'\] must be"):
            watch.load_state_dict({**kept, name: wrong})
        assert watch.state_dict() == kept
    watch.load_state_dict(kept)
    assert watch.state_dict() == kept


def test_a_checkpoint_remembers_that_the_model_was_looked_at() -> None:
    """The first look rehearses a run at rest; one that is resumed is not."""
    bowl, rule = LOSSES["x_squared"](), OPTIMIZERS["momentum"]()
    first, again = Monitor(model=bowl, optimizer=rule), Monitor(model=bowl, optimizer=rule)
    first.update(1.0, x=[1.0], learning_rate=0.1)
    again.load_state_dict(first.state_dict())
    assert again.update(0.9, step=7, x=lambda: pytest.fail("a look that is not due"), learning_rate=0.1) is None


def test_a_point_is_asked_for_only_where_it_is_looked_at() -> None:
    asked = []
    bowl = LOSSES["x_squared"]()
    watch = Monitor(model=bowl, every=10)
    for step in range(35):
        watch.update(0.9**step, x=lambda step=step: asked.append(step) or np.array([0.9**step]), learning_rate=0.01)
    assert asked == [0, 10, 20, 30]
    assert watch.look.times_edge == pytest.approx(0.01)


def test_what_is_beyond_all_numbers_is_named_as_it_is_and_what_is_none_is_refused() -> None:
    def fed(**given: Any) -> str:
        watch = Monitor()
        watch.update(1.0)
        watch.update(**{"loss": 2.0, "learning_rate": 0.1, **given})
        return watch.sentence

    assert fed(loss=-(10**400)) == "lost: the loss is −inf at step 1"
    assert fed(loss=10**400) == "lost: the loss is inf at step 1"
    assert fed(gradient_norm=math.inf) == fed(gradient_norm=10**400) == "lost: the gradient's norm is inf at step 1"
    for name, value in (("gradient_norm", -1.0), ("learning_rate", 10**400), ("learning_rate", math.inf)):
        with pytest.raises(ValueError, match=f"^{name} must be one number, ≥ 0, got"):
            fed(**{name: value})
    looking = Monitor(model=LOSSES["booth"](), every=1)
    with np.errstate(all="raise"):
        looking.update(1.0, x=[1e200, 2.0], learning_rate=1e300)
        assert str(looking.update(2.0, x=[math.nan, 2.0], learning_rate=0.1)) == "step 1: lost: the point has inf or nan in it at step 1"
    with pytest.raises(TypeError, match=r"^Monitor has no keyword 'x'; it has dtype, model"):
        Monitor(x=LOSSES["booth"]())  # type: ignore[call-arg]


def test_a_wobble_below_the_peak_leads_nowhere() -> None:
    watch = Monitor()
    for value in [2.0, 9.0, 90.0, 1000.0, *[100.0] * 20, 101.0]:
        watch.update(value)
    assert watch.overflow_step is None
    assert watch.sentence == "on its way out: the loss is 50.5 times the highest that it has come back from, but has stopped growing"
    for value in (2e3, 4e3, 8e3):
        watch.update(value)
    assert watch.overflow_step is not None


def test_a_rehearsal_without_the_runs_velocity_says_so() -> None:
    """A run with momentum that is thrown up, and whose rate is then beyond the edge: what it remembers is not rehearsed."""
    for rule, said in (("momentum", "on, begun at rest, is inf"), ("gradient_descent", "on is inf")):
        watch = Monitor(model=LOSSES["x_squared"](), optimizer=rule, every=1)
        watch.update(1.0, x=[1.0], learning_rate=0.01)
        notice = watch.update(16.0, x=[4.0], learning_rate=9.0)
        assert notice is not None
        assert f"a rehearsal from step 1 {said} at step " in str(notice)
    assert "begun at rest" not in str(Monitor(model=LOSSES["x_squared"](), optimizer="momentum").update(1.0, x=[1.0], learning_rate=9.0))


def test_a_state_with_a_name_too_many_is_none() -> None:
    watch = Monitor()
    with pytest.raises(ValueError, match="one with zzz"):
        watch.load_state_dict({**watch.state_dict(), "zzz": 1})
