"""Every public door met with nonsense: it answers, or refuses with a sentence of ours that names the value, the rule and the way out."""

import inspect
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import explorer
from explorer import (
    LOSSES,
    OPTIMIZERS,
    SCHEDULES,
    Axis,
    Canvas,
    Map,
    Monitor,
    Optimizer,
    Setup,
    after_warmup,
    check_gradient,
    clipped,
    critical_learning_rate,
    density,
    diagnose,
    find_edge,
    find_rate,
    from_function,
    judge,
    read_log,
    render,
    run,
    safe_rate,
    sharpness,
    sweep,
    why_nan,
)
from explorer.core.losses.protocol import Facts, Optional


class Tensor:
    """As PyTorch's is while it requires a gradient: numpy may not have its numbers."""

    def __array__(self, *_: object, **__: object) -> Any:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")

    def __repr__(self) -> str:
        return "tensor([1., 2.], requires_grad=True)"

    def detach(self) -> np.ndarray:
        return np.array([1.0, 2.0])


HUGE = 10**400
NONSENSE: list[Any] = [
    *(None, True, 0, 3, -1, 1.5, float("nan"), float("inf"), 5e-324, 1e308, 10**30, HUGE, 1j, "", "abc", b"x", [], (), {}, {"a": 1}),
    *(
        [1, [2, 3]],
        [None],
        ["a"],
        [HUGE, 1],
        range(3),
        {1},
        object(),
        int,
        lambda x: x,
        np.array(3.0),
        np.array([1, 2]),
        np.array(["a", "b"]),
    ),
    *(np.ones((2, 2, 2)), np.array([]), np.datetime64("2020"), np.float16(1), [1.0, 2.0, 3.0]),
    *(Tensor(), [Tensor()], (Tensor(), Tensor()), np.array([1.0, None]), np.ma.masked_array([1.0, 2.0], [True, False])),
]

BOWL, DESCENT, ADAM = LOSSES["quadratic"](), OPTIMIZERS["gradient_descent"](), OPTIMIZERS["adam"]()
SETUP = Setup("x_squared", steps=5)
ACROSS, UP = Axis("learning_rate", 0.1, 1, count=4), Axis("start.0", 0.5, 1, count=4)
PLANE = Map(SETUP, ACROSS, UP)
PATH = run(BOWL, DESCENT, [0.1, 0.5], steps=20)
OUTCOME = judge(PATH)
CURVE = [0.5**k for k in range(20)]
SPREAD = density(BOWL, probes=2)


def bowl(x: np.ndarray) -> tuple[float, np.ndarray]:
    return float(x @ x), 2 * x


class Answers:
    """A loss of one's own that returns whatever it is told to."""

    dim, start, minimum = 2, np.ones(2), 0.0

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def value(self, x: Any) -> Any:
        return (x**2).sum(axis=0)

    def value_and_gradient(self, x: Any) -> Any:
        return self.answer


def went_on(state: Any) -> object:
    """What a monitor says that goes on from such a state, when it is fed: it must come to no harm by it."""
    watch = Monitor()
    watch.load_state_dict(state)
    for loss in (1.0, 4.0, 16.0, 0.5):
        watch.update(loss, gradient_norm=1.0, learning_rate=0.1)
        _ = watch.sentence, watch.overflow_step
    return watch.state_dict()


def own_member(name: str, value: object) -> object:
    """A loss with examples and with a member that is odd, asked for all that a loss is asked for."""
    own = Own()
    if not callable(value):  # what a function of theirs does is their own
        setattr(own, name, value)
    path = run(own, ADAM, [0.1, 0.2], steps=3, batch_size=2, start=(1, 1))
    lost = run(own, DESCENT, 30.0, steps=200)  # 59 times as far from 0 at every step: inf after 174
    judge(path), judge(lost), why_nan(lost)
    return critical_learning_rate(own, DESCENT), sharpness(own), check_gradient(own), path.to_columns()


class Own:
    """A loss of one's own with examples."""

    dim, start, minimum, examples = 2, np.ones(2), None, 4

    def value(self, x: Any) -> Any:
        return (x**2).sum(axis=0)

    def value_and_gradient(self, x: Any) -> Any:
        return self.value(x), 2 * x

    def hvp(self, x: Any, v: Any) -> Any:
        return 2 * v

    def on(self, rows: Any) -> Any:
        return self


def drawn(plan: Any, canvas: Any, *given: Any, **more: Any) -> list[float]:
    return list(render(plan, canvas, *given, **more))


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "what it returns": lambda z: lambda x: z,
    "its value": lambda z: lambda x: (z, 2 * x),
    "its gradient": lambda z: lambda x: (1.0, z),
}
TAKERS: dict[str, Callable[[Any], object]] = {
    "safe_rate": lambda f: safe_rate(f, [1.0, 1.0], steps=5),
    "check_gradient": lambda f: check_gradient(f, [1.0, 1.0]),
    "why_nan": lambda f: why_nan(run(from_function(f, [1.0, 1.0]), DESCENT, 0.1, steps=2)),
}
DOORS: dict[str, Callable[[Any], object]] = {
    **{
        f"{taker}: {part} of a function": lambda z, give=give, take=take: take(give(z))
        for taker, take in TAKERS.items()
        for part, give in FUNCTIONS.items()
    },
    **{f"run: {name}": lambda z, name=name: run(BOWL, DESCENT, 0.1, **{"steps": 5} | {name: z}) for name in ("start", "steps")},
    **{f"run: {name}": lambda z, name=name: run(BOWL, DESCENT, 0.1, **{name: z}) for name in ("whole", "replacement", "seed")},
    **{f"sweep: {name}": lambda z, name=name: sweep(BOWL, DESCENT, [0.1, 0.2], **{name: z}) for name in ("executor", "stop", "progress")},
    **{f"sweep: {name}": lambda z, name=name: sweep(BOWL, DESCENT, [0.1, 0.2], **{name: z}) for name in ("tile", "whole")},
    "run: schedule": lambda z: run(BOWL, DESCENT, 0.1, steps=5, schedule=z if not callable(z) else 3),
    "run: what a schedule returns": lambda z: run(BOWL, DESCENT, 0.1, steps=5, schedule=lambda steps: z),
    "run: loss": lambda z: run(z, DESCENT, 0.1),
    "run: the answer of a loss": lambda z: run(Answers(z), DESCENT, 0.1),  # type: ignore[arg-type]
    "run: optimizer": lambda z: run(BOWL, z, 0.1),
    "run: keep_preconditioner": lambda z: run(BOWL, ADAM, 0.1, keep_preconditioner=z),
    "run: preconditioner_at": lambda z: run(BOWL, ADAM, 0.1, steps=3).preconditioner_at(z),
    "safe_rate": safe_rate,
    "safe_rate: start": lambda z: safe_rate(bowl, z, steps=5),
    "safe_rate: the answer of a loss": lambda z: safe_rate(Answers(z)),  # type: ignore[arg-type]
    "find_edge": lambda z: find_edge(z, DESCENT, 0.1, 1),
    "find_edge: optimizer": lambda z: find_edge(BOWL, z, 0.1, 1),
    **{
        f"find_rate: {name}": lambda z, name=name: find_rate(**{"loss": BOWL, "optimizer": DESCENT, "low": 0.1, "high": 1, name: z})
        for name in ("loss", "optimizer", "low", "high", "steps", "start")
    },
    "clipped": clipped,
    "clipped: norm": lambda z: clipped(ADAM, norm=z),
    "clipped: value": lambda z: clipped(ADAM, value=z),
    "after_warmup": lambda z: after_warmup(z, 3),
    "after_warmup: steps": lambda z: after_warmup("cosine", z),
    "after_warmup: start_factor": lambda z: after_warmup("cosine", 3, start_factor=z),
    "safe_rate: optimizer": lambda z: safe_rate(bowl, [1.0, 1.0], optimizer=z, check=False),
    "critical_learning_rate: loss": lambda z: critical_learning_rate(z, DESCENT),
    "critical_learning_rate: optimizer": lambda z: critical_learning_rate(BOWL, z),
    "critical_learning_rate": lambda z: critical_learning_rate(BOWL, DESCENT, z),
    "judge": judge,
    "why_nan": lambda z: why_nan(PATH, z),
    "from_function": lambda z: from_function(z, [1.0, 1.0]),
    "from_function: start": lambda z: from_function(bowl, z),
    "from_function: minimum": lambda z: judge(run(from_function(bowl, [1.0, 1.0], minimum=z), DESCENT, 0.1, steps=2)),
    "from_function: coordinates": lambda z: from_function(bowl, [1.0, 1.0], coordinates=z),
    "from_function: blocks": lambda z: from_function(bowl, [1.0, 1.0], blocks=z),
    "from_function: a block": lambda z: from_function(bowl, [1.0, 1.0], blocks={"a": z}),
    "from_function: a slice": lambda z: from_function(bowl, [1.0, 1.0], blocks={"a": slice(0, z)}),
    "from_function: hvp": lambda z: from_function(bowl, [1.0, 1.0], hvp=z),
    "check_gradient": check_gradient,
    "check_gradient: x": lambda z: check_gradient(BOWL, z),
    "check_gradient: x of a function": lambda z: check_gradient(bowl, z),
    "check_gradient: seed": lambda z: check_gradient(BOWL, seed=z),
    "check_gradient: the answer of a loss": lambda z: check_gradient(Answers(z)),  # type: ignore[arg-type]
    "diagnose": diagnose,
    "diagnose: stochastic": lambda z: diagnose(CURVE, stochastic=z),
    "diagnose: a loss": lambda z: diagnose([*CURVE, z]),
    "diagnose: steps": lambda z: diagnose(CURVE, steps=z),
    "diagnose: a step": lambda z: diagnose(CURVE, steps=[*range(19), z]),
    **{
        f"diagnose: {name}": lambda z, name=name: diagnose(CURVE, **{name: z})
        for name in ("validation", "learning_rate", "gradient_norm", "loss_scale")
    },
    **{
        f"diagnose: one of {name}": lambda z, name=name: diagnose(CURVE, **{name: [*CURVE[1:], z]})
        for name in ("validation", "learning_rate", "gradient_norm", "loss_scale")
    },
    "diagnose: known": lambda z: diagnose(CURVE, known=z),
    "diagnose: a known curve": lambda z: diagnose(CURVE, known={"a": z}),
    "read_log": read_log,
    "read_log: roles": lambda z: read_log("step,loss\n1,2\n2,1\n", roles=z),
    "read_log: a role": lambda z: read_log("step,loss\n1,2\n2,1\n", roles={"train": z}),
    **{f"Setup: {name}": lambda z, name=name: Setup(**{name: z}) for name in ("loss", "optimizer", "start", "steps", "seed", "knobs")},
    "Setup.from_query": Setup.from_query,
    "Setup.salvage": Setup.salvage,
    "Setup.run": SETUP.run,
    "Setup.with_knobs": SETUP.with_knobs,
    "Setup.with_part": lambda z: SETUP.with_part(z, 1),
    "Setup.with_part: value": lambda z: SETUP.with_part("loss", z),
    "Setup.with_choice": lambda z: SETUP.with_choice(z, "adam"),
    "Setup.with_choice: name": lambda z: SETUP.with_choice("optimizer", z),
    **{
        f"Axis: {name}": lambda z, name=name: Axis(**{"knob": "learning_rate", "low": 0.1, "high": 1.0, name: z})
        for name in ("knob", "low", "high", "log", "count", "whole")
    },
    "Axis.parse": Axis.parse,
    "Map: setup": lambda z: Map(z, ACROSS, UP),
    "Map: x": lambda z: Map(SETUP, z, UP),
    "Map: y": lambda z: Map(SETUP, ACROSS, z),
    "Map.of": lambda z: Map.of(z),
    "Map.of: x": lambda z: Map.of(SETUP, z),
    "Map.of: count": lambda z: Map.of(SETUP, count=z),
    "Map.from_query": Map.from_query,
    "Map.salvage": Map.salvage,
    "Canvas.blank": Canvas.blank,
    "Canvas.open": lambda z: Canvas.open("nowhere/at all", z),
    "Canvas.open: path": lambda z: Canvas.open(z, 3),  # type: ignore[arg-type]
    "render": lambda z: drawn(z, Canvas.blank(PLANE)),
    "render: canvas": lambda z: drawn(PLANE, z),
    "render: stop": lambda z: drawn(PLANE, Canvas.blank(PLANE), stop=z),
    "render: tile": lambda z: drawn(PLANE, Canvas.blank(PLANE), tile=z),
    "render: executor": lambda z: drawn(PLANE, Canvas.blank(PLANE), z if not callable(z) else lambda: z),
    **{f"Outcome.{name}": getattr(OUTCOME, name) for name in ("still", "worse", "pace", "at_a_minimum")},
    **{
        f"Map.{door}: {at}": lambda z, door=door, at=at: getattr(PLANE, door)(**{"i": 0, "j": 0, at: z})
        for door in ("at", "nearest")
        for at in ("i", "j")
    },
    "Axis.at": ACROSS.at,
    "Axis.pixel": ACROSS.pixel,
    "Canvas.filled": Canvas.blank(PLANE).filled,
    "Setup.parameters": SETUP.parameters,
    "Setup.turned": SETUP.turned,
    "Setup.turned: first": lambda z: SETUP.turned("loss", z),
    "Setup.recipe_of": SETUP.recipe_of,
    "Setup.with_rule_of": SETUP.with_rule_of,
    "Setup.check_work": SETUP.check_work,
    "Setup.check_work: most": lambda z: SETUP.check_work({}, z),
    "Trajectory.at": PATH.at,
    "Trajectory.preconditioner_at: run": lambda z: run(BOWL, ADAM, 0.1, steps=3).preconditioner_at(1, z),
    "LogFile.curve": read_log("step,loss\n1,2\n2,1\n").curve,
    **{f"Density.{name}": getattr(SPREAD, name) for name in ("moment", "on")},
    "Density.on: width": lambda z: SPREAD.on([0.0, 1.0], z),
    "Density.share": lambda z: SPREAD.share(z, 1.0),
    "Density.share: high": lambda z: SPREAD.share(0.0, z),
    **{f"Recurrence.{name}": getattr(DESCENT.recurrence, name) for name in ("trace_and_det", "roots", "growth")},
    **{
        f"Optimizer: {name}": lambda z, name=name: run(BOWL, Optimizer(lambda x: (), lambda g, s, x: (g, s), **{name: z}), 0.1, steps=3)
        for name in ("recurrence", "weight_decay", "decoupled_decay", "clips", "shaped", "rated", "code", "name", "knobs")
    },
    "Monitor: the point of a function": lambda z: Monitor(model=BOWL).update(1.0, learning_rate=0.1, x=z),
    **{
        f"Monitor.load_state_dict: {name}": lambda z, name=name: went_on(Monitor().state_dict() | {name: z})
        for name in Monitor().state_dict()
    },
    **{
        f"a loss's {name}": lambda z, name=name: own_member(name, z)
        for name in [*(each for each in vars(Facts) if isinstance(vars(Facts)[each], Optional)), "coordinates", "hvp", "on"]
    },
    "a shelf's title": LOSSES.title,
    "a shelf's PyTorch name": LOSSES.torch,
    "the steps of a schedule": lambda z: SCHEDULES["cosine"]()(z),
    "the steps of a schedule after a warm-up": lambda z: after_warmup("cosine", 3)(z),
    "Outcome.sentence": OUTCOME.sentence,
    "Outcome.evidence": OUTCOME.evidence,
    "Outcome.numbers": OUTCOME.numbers,
    "Outcome.numbers: digits": lambda z: OUTCOME.numbers(0, z),
    "Optimizer.largest_stable_rate": DESCENT.largest_stable_rate,
    "Optimizer.largest_stable_curvature": DESCENT.largest_stable_curvature,
    **{f"{shelf.kind}: its name": shelf.__getitem__ for shelf in (LOSSES, OPTIMIZERS, SCHEDULES)},
    **{
        f"{shelf.kind}, {name}: {knob}": lambda z, make=shelf[name], knob=knob: make(**{knob: z})
        for shelf, names in (
            (LOSSES, ("linear_regression", "homemade_network", "quadratic")),
            (OPTIMIZERS, OPTIMIZERS),
            (SCHEDULES, SCHEDULES),
        )
        for name in names
        for knob in shelf.parameters(name)
    },
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.filterwarnings("error")
def test_a_door_answers_or_refuses_with_a_sentence_of_ours(door: str) -> None:
    for nonsense in NONSENSE:
        try:
            DOORS[door](nonsense)
        except ValueError as refused:
            trace, said = refused.__traceback__, str(refused)
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            assert trace is not None
            where = Path(trace.tb_frame.f_code.co_filename)
            assert "explorer" in where.parts, f"{nonsense!r}: {said}, raised in {where}"
            assert re.search(r"\b(must|Cannot|has no knob|no part named|holds|needs?)\b", said), f"{nonsense!r}: {said}"


ONE = [1.0, 1.0]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: check_gradient(bowl), "x must be one or more numbers, (dim,), for a function, got none"),
        (
            lambda: check_gradient(3),
            "value_and_gradient must be a function from a point (dim,) to its value and gradient, or a Loss, got 3",
        ),
        (lambda: check_gradient(BOWL, seed=-1), "seed must be finite and ≥ 0, got -1"),
        (lambda: safe_rate(lambda x: None, ONE), "value_and_gradient must be a function from (2,) to a number and an array (2,), got None"),
        (
            lambda: safe_rate(lambda x: (None, x), ONE),
            "value_and_gradient must be a function from (2,) to a number and an array (2,), got (None,",
        ),
        (lambda: safe_rate(lambda x: (HUGE, x), ONE), "value_and_gradient must be a function from (2,) to a number and an array (2,), got"),
        (lambda: run(Answers(None), DESCENT, 0.1), "value_and_gradient must be a function that returns (runs,), (dim, runs), got None"),
        (lambda: from_function(bowl, ONE, minimum=HUGE), "minimum must be finite, got 1e+400"),
        (lambda: from_function(bowl, ONE, blocks=["a", "b"]), "blocks must be a mapping such as {"),
        (lambda: from_function(bowl, ONE, blocks={"a": 1.5}), "the shape of a in blocks must be a whole number, got 1.5"),
        (lambda: from_function(bowl, ONE, coordinates="ab"), "coordinates must be 2 names, one a number of the start, got 'ab'"),
        (
            lambda: safe_rate(lambda x: (Tensor(), Tensor()), ONE),
            "tensor([1., 2.], requires_grad=True)), of which .detach().cpu().numpy() makes an array",
        ),
        (lambda: diagnose(Tensor()), "losses must be numbers, got tensor([1., 2.], requires_grad=True), of which .detach().cpu().numpy()"),
        (
            lambda: diagnose("train.csv"),
            "losses must be numbers, or a file that read_log(Path(...).read_bytes()) has read, got 'train.csv'",
        ),
        (lambda: sharpness(BOWL, [Tensor()]), "of which torch.nn.utils.parameters_to_vector(...).detach().cpu().numpy() makes an array"),
        (
            lambda: Monitor(model=bowl),
            "model must be a Loss with hvp, as torch_loss and jax_loss of explorer.bridges make of a model, got <function bowl",
        ),  # type: ignore[arg-type]
        (lambda: run(BOWL, DESCENT, True), "learning_rate must be a number, got True"),
        (lambda: run(BOWL, DESCENT, np.array([True])), "learning_rate must be a number, got array([ True])"),
        (lambda: sweep(BOWL, DESCENT, 0.1, steps=True), "steps must be a number, got True"),
        (lambda: sweep(BOWL, DESCENT, 0.1, progress=lambda: 1), "progress must be a function of (share), got one of ()"),  # type: ignore[arg-type,misc]
        (lambda: from_function(bowl, ONE, blocks=[("a", 1), ("a", 1)]), "blocks must be of different names, got 'a' twice"),
        (lambda: sharpness(Homeless()), "the loss's start must be finite, got nan"),
        (lambda: critical_learning_rate(Homeless(), DESCENT), "the loss's start must be finite, got nan"),
        (lambda: Optimizer(lambda x: (), lambda g: g), "update must be a function of (gradient, state, x), got one of (g)"),
        (lambda: Optimizer(lambda: (), lambda g, s, x: (g, s)), "init must be a function of (x), got one of ()"),
        (
            lambda: read_log("runs/train.log"),
            "content must be the bytes of a file or the text in it, such as open(name, 'rb').read(), got 'runs/",
        ),
        (lambda: read_log(Path("a")), "such as open(name, 'rb').read(), got PosixPath('a')"),  # type: ignore[arg-type]
        (lambda: diagnose(CURVE, known=3), "known must be a mapping such as {"),
        (lambda: sweep(BOWL, DESCENT, 0.1, executor=0), "executor must be None or an executor of concurrent.futures"),
        (lambda: run(BOWL, DESCENT, 0.1, whole=np.ones(2)), "whole must be True or False, got array"),
        (lambda: Map(Setup(), "learning_rate", "start.0"), "x must be an Axis, such as"),
        (lambda: Map(None, ACROSS, UP), "setup must be a Setup, got None"),
        (lambda: drawn(PLANE, Canvas.blank(Map(SETUP, ACROSS, Axis("start.0", 0.5, 1, count=5)))), "canvas must be of (4, 4) pixels"),
        (
            lambda: drawn(PLANE, Canvas.blank(Map(SETUP, UP, ACROSS))),
            "canvas must be of this map, as Canvas.blank(plan) makes it, got one of another (v=1&loss=",
        ),
        (lambda: Setup().with_choice([], "adam"), "kind must be one of loss, optimizer, schedule, got none"),
        (lambda: OUTCOME.sentence(99), "run must be finite and ≥ -2 and ≤ 1, got 99"),
        (lambda: LOSSES["network"](hidden_scale=[1, 2]), "hidden_scale must be one number, got"),
    ],
)
def test_what_a_refusal_says(call: Callable[[], object], sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        call()


class Homeless:
    """A loss whose own start is nowhere."""

    dim, start, minimum = 2, np.array([np.nan, 1.0]), None

    def value(self, x: Any) -> Any:
        return x[0] + x[1]

    def value_and_gradient(self, x: Any) -> Any:
        return self.value(x), np.ones_like(x)

    def hvp(self, x: Any, v: Any) -> Any:
        return 0 * v


class InPlace:
    """A loss that makes its gradient out of the point it is given."""

    dim, start, minimum = 2, np.ones(2), 0.0

    def value(self, x: Any) -> Any:
        return x[0] ** 2 + 50 * x[1] ** 2

    def value_and_gradient(self, x: Any) -> Any:
        value = self.value(x)
        x *= [[2.0], [100.0]]
        return value, x


def test_what_is_unusual_and_right_is_taken() -> None:
    assert check_gradient(bowl, [3.0, 4.0]).wrong == ()
    assert check_gradient(lambda x: (x @ x, x), [3.0, 4.0]).wrong == ("x",)
    assert from_function(bowl, ONE, minimum=-(10**30)).minimum == -1e30  # type: ignore[arg-type]
    assert from_function(bowl, ONE, minimum=-np.inf).minimum == -np.inf
    assert from_function(lambda x: (10**30, x), ONE).value(np.ones((2, 1))).tolist() == [1e30]
    assert str(diagnose([*CURVE, HUGE]).verdict) == "diverged"
    assert diagnose(np.array([*CURVE, None])).sentence == diagnose([*CURVE, None]).sentence
    assert diagnose(np.array([*CURVE, None])).evidence["missing values"] == 1
    assert DESCENT.largest_stable_curvature(5e-324) == np.inf
    assert np.isnan(DESCENT.largest_stable_rate(np.nan))
    assert DESCENT.largest_stable_rate(np.array([2.0, 0.0, -1.0])).tolist() == [1.0, np.inf, np.inf]
    assert OUTCOME.sentence(-1) == OUTCOME.sentence(1)
    with ThreadPoolExecutor(1) as pool:
        assert sweep(BOWL, DESCENT, [0.1, 0.5], executor=pool).verdict.tolist() == judge(run(BOWL, DESCENT, [0.1, 0.5])).verdict.tolist()


@pytest.mark.parametrize("address", ["", "?", "https://example.org/map?", "https://example.org/map?x=learning_rate:0.1:1:linear:4&"])
def test_the_text_of_a_link_is_read(address: str) -> None:
    assert Setup.from_query("v=1&loss=x_squared") == Setup("x_squared")
    assert Map.from_query(f"{address}v=1&loss=booth&start=1%2C2#top").setup == Setup("booth", start=(1.0, 2.0))


def test_a_class_of_one_s_own_is_told_what_its_members_must_do() -> None:
    """What changes the point it is given would spoil the run in silence, and numpy's own words would not name the member."""
    for door in (run, sweep):
        with pytest.raises(ValueError, match="value_and_gradient must be a function that leaves its x as it is"):
            door(InPlace(), DESCENT, 0.1)
        with pytest.raises(ValueError, match="value_and_gradient must be a function that returns real numbers, got complex ones"):
            door(Answers((np.ones(1) + 0j, np.ones((2, 1)))), DESCENT, 0.1)

    class Bent(InPlace):
        def value_and_gradient(self, x: Any) -> Any:
            return super().value_and_gradient(x.copy())

        def hvp(self, x: Any, v: Any) -> Any:
            return v[0]

    for call in (lambda: critical_learning_rate(Bent(), DESCENT), lambda: safe_rate(Bent())):
        with pytest.raises(ValueError, match="hvp must be a function that returns"):
            call()


def test_a_function_that_changes_what_it_is_given_is_named_by_every_door() -> None:
    def doubled(x: Any) -> Any:
        x *= 2  # and so the value is of another point than was asked for
        return float(x @ x), x

    class Shifted(InPlace):
        def value(self, x: Any) -> Any:
            return super().value(np.add(x, 1, out=x))

        def value_and_gradient(self, x: Any) -> Any:
            return super().value_and_gradient(x.copy())

        def hvp(self, x: Any, v: Any) -> Any:
            return np.multiply(v, 2, out=v)

    decays = Optimizer(init=lambda x: (), update=lambda g, state, x: (g + 0 * np.multiply(x, 0.9, out=x), state))
    calls: list[tuple[str, Callable[[], Any]]] = [
        ("value_and_gradient must be a function that leaves its x", lambda: check_gradient(doubled, ONE)),
        ("value_and_gradient must be a function that leaves its x", lambda: run(from_function(doubled, ONE), DESCENT, 0.1)),
        ("value_and_gradient must be a function that leaves its x", lambda: check_gradient(InPlace())),
        ("value must be a function that leaves its x", lambda: check_gradient(Shifted())),
        ("hvp must be a function that leaves its v", lambda: critical_learning_rate(Shifted(), DESCENT)),
        ("update must be a function that leaves its x", lambda: run("booth", decays, 0.1)),  # whose start is 0
        ("update must be a function that leaves its x", lambda: sweep("booth", decays, 0.1, start=(1, 1))),
    ]
    for sentence, call in calls * 2:
        with pytest.raises(ValueError, match=f"^{sentence} as it is: begin it with . = .*, got one that changed it$"):
            call()
    assert InPlace.start.tolist() == ONE


@pytest.mark.parametrize(
    "ask",
    [
        lambda loss: run(loss, DESCENT, 0.1),
        lambda loss: sweep(loss, DESCENT, 0.1),
        safe_rate,
        check_gradient,
        lambda loss: find_edge(loss, DESCENT, 0.1, 2.0),
        lambda loss: critical_learning_rate(loss, "adam"),
    ],
)
def test_every_door_takes_the_same_gradients(ask: Callable[[Any], Any]) -> None:
    """A start of integers and a list are numbers, too; in an object array each is one, but none of numpy's functions takes it."""

    class Own:
        dim, start, minimum, value, hvp = 2, np.array([1, 1]), None, lambda self, x: (x * x).sum(axis=0), lambda self, x, v: 2 * v

        def __init__(self, made: Callable[[Any], Any] = lambda g: g) -> None:
            self.made = made

        def value_and_gradient(self, x: Any) -> Any:
            return self.value(x), self.made(2 * x)

    assert ask(Own()) is not None
    assert ask(Own(lambda g: [*g])) is not None
    for kind in (object, str):
        with pytest.raises(ValueError, match=r"^value_and_gradient must be a function that returns .*, got arrays of float64 and [o<]"):
            ask(Own(lambda g, kind=kind: g.astype(kind)))


def test_masked_and_complex_numbers_are_refused_and_not_cut() -> None:
    masked, complex_ones = np.ma.masked_array([1.0, 2.0], [False, True]), np.array([1.0, 2.0 + 1j])

    def answers(part: Callable[[Any], Any]) -> Any:
        return from_function(lambda x: (float(x @ x), part(2 * x)), ONE, hvp=lambda x, v: 2 * v)

    class Bent(InPlace):
        value_and_gradient, hvp = None, lambda self, x, v: 2 * v + 0j  # type: ignore[assignment]

    rule = Optimizer(init=lambda x: (), update=lambda g, state, x: (g + 0j, state))
    late = Optimizer(init=lambda x: (0,), update=lambda g, state, x: (g * (1 if state[0] < 5 else 1j), (state[0] + 1,)))
    calls: list[tuple[str, Callable[[], Any]]] = [
        *(
            (f"start must be numbers, got {kind}", lambda each=each: run("booth", DESCENT, 0.1, start=each))
            for kind, each in (("masked_array.*compressed", masked), ("array.*2.*j", complex_ones))
        ),
        ("start must be numbers, got .masked_array", lambda: run("booth", DESCENT, 0.1, start=[masked, masked])),
        ("learning_rate must be a number, got masked_array", lambda: sweep("booth", DESCENT, masked)),
        (
            "value_and_gradient must be a function that returns real numbers, got masked ones",
            lambda: run(answers(lambda g: np.ma.masked_less(g, 3)), DESCENT, 0.1),
        ),
        (
            "value_and_gradient must be a function that returns real numbers, got complex ones",
            lambda: check_gradient(answers(lambda g: g + 0j)),
        ),
        (
            "value_and_gradient must be a function that returns real numbers, got masked ones",
            lambda: run(Answers((np.ones(1), np.ma.masked_less(np.ones((2, 1)), 2))), DESCENT, 0.1),
        ),
        ("hvp must be a function that returns real numbers, got complex ones", lambda: critical_learning_rate(Bent(), DESCENT)),
        ("update must be a function that returns real numbers, got complex ones", lambda: run("booth", rule, 0.1)),
        ("update must be a function that returns real numbers, got complex ones", lambda: run("booth", late, 0.1)),
    ]
    for sentence, call in calls:
        with pytest.raises(ValueError, match=f"^{sentence}"):
            call()
    assert run("booth", DESCENT, 0.1, start=np.ma.masked_array([1.0, 2.0])).runs == 1  # nothing of it is masked


def test_a_minimum_above_a_loss_that_a_run_reaches_is_refused() -> None:
    """Rounding is no refusal, nor is the loss of a batch, which may be lower than that of all."""

    class Bowl:
        dim, start, value, hvp = 2, np.array([3.0, 1.0]), lambda self, x: (x * x).sum(axis=0), lambda self, x, v: 2 * v

        def __init__(self, minimum: float) -> None:
            self.minimum = minimum

        def value_and_gradient(self, x: Any) -> Any:
            return self.value(x), 2 * x

    for door in (lambda loss: judge(run(loss, DESCENT, [0.1, 0.3])), lambda loss: sweep(loss, DESCENT, [0.1, 0.3])):
        with pytest.raises(ValueError, match=r"^the loss's minimum must be None or at most every loss, and .* was reached, got 5\.0$"):
            door(Bowl(5.0))
        door(Bowl(1e-9))
    for ask in (check_gradient, lambda loss: safe_rate(loss, check=False)):
        ask(Bowl(5.0))
        with pytest.raises(ValueError, match=r"at most every loss, and 10 was reached, got 50\.0$"):
            ask(Bowl(50.0))
    judge(run("linear_regression", DESCENT, 0.1, batch_size=2, whole=False, steps=300))


def test_what_is_wrong_with_a_function_of_one_s_own_is_said_in_a_sentence(tmp_path: Path) -> None:
    def ruled(**parts: Any) -> Optimizer:
        return Optimizer(**{"init": lambda x: (), "update": lambda g, state, x: (g, state), **parts})

    def scheduled(schedule: Any) -> Callable[[], Any]:
        return lambda: run("booth", DESCENT, 0.1, schedule=schedule)

    class Half:
        dim: Any = 2
        start, minimum, value, hvp = np.ones(2), 0.0, lambda self: 0, lambda self, x: x

        def value_and_gradient(self, x: Any) -> Any:
            return (x * x).sum(axis=0), 2 * x

    uneven = type("Uneven", (Half,), {"dim": 2.0})()
    flat = from_function(bowl, ONE, hvp=lambda x, v: 1.0)
    bent, zero = (ruled(preconditioner=lambda state, P=P: P) for P in (np.ones(3), 0.0))
    closed = ThreadPoolExecutor(1)
    closed.shutdown()
    plan = Map(Setup("booth"), Axis("learning_rate", 0.01, 1, count=2), Axis("steps", 1, 9, count=2))
    calls: list[tuple[str, Callable[[], Any]]] = [
        ("what schedule returns must be finite and ≥ 0, got nan at step 5", scheduled(lambda t: np.where(t == 5, np.nan, 1.0))),
        ("what schedule returns must be finite and ≥ 0, got -1.0 at step 7", scheduled(lambda t: np.where(t == 7, -1.0, 1.0))),
        ("schedule must be a function of the steps, .* by np.where for an if, got ValueError", scheduled(lambda t: 1.0 if t < 5 else 0.1)),
        ("weight_decay must be finite, got nan", lambda: ruled(weight_decay=np.nan)),
        ("decoupled_decay must be a number, got 'a'", lambda: ruled(decoupled_decay="a")),
        ("check must be True or False, got 'no'", lambda: safe_rate("booth", check="no")),  # type: ignore[arg-type]
        ("Setup has no keyword 'foo'; it has loss, optimizer", lambda: Setup(foo=1)),  # type: ignore[call-arg]
        ("value_and_gradient must be a function of .x., got one of .a, b.", lambda: check_gradient(lambda a, b: 1, ONE)),  # type: ignore
        ("value must be a function of .x., got one of ..", lambda: check_gradient(Half())),
        ("hvp must be a function of .x, v., got one of .x.", lambda: critical_learning_rate(Half(), DESCENT)),
        ("the loss's dim must be a whole number of at least 1, got 2.0", lambda: run(uneven, DESCENT, 0.1)),
        ("hvp must be a function from two arrays .2,. to one, got shape ..", lambda: critical_learning_rate(flat, DESCENT)),
        ("loss must be .*; the class is one, so call it, as in Half..", lambda: safe_rate(Half)),  # type: ignore[arg-type]
        ("preconditioner must be a function of .state., got one of ..", lambda: ruled(preconditioner=lambda: 1)),
        (
            "preconditioner must be a function whose numbers have the shape of x, .2, 1., got shape .3,.",
            lambda: safe_rate(BOWL, optimizer=bent),
        ),
        (
            "preconditioner must be a function whose numbers have the shape of x, .2, 1., got shape .1, 1.",
            lambda: sharpness("booth", optimizer=ruled(init=lambda x: (x,), preconditioner=lambda state: 0 * state[0][:1] + 4)),
        ),
        *(
            ("preconditioner must be a function whose numbers are > 0 where the gradient is not 0: .*, got zeros alone", ask)
            for ask in (lambda: sharpness(BOWL, optimizer=zero), lambda: critical_learning_rate("booth", zero))
        ),
        ("init must be a function that returns a tuple, .*, got None", lambda: run("booth", ruled(init=lambda x: None), 0.1)),
        ("update must be a function whose direction is of numbers", lambda: run("booth", ruled(update=lambda g, s, x: ("ab", s)), 0.1)),
        ("path must be the path of a file that can be written, got .*: Is a directory", lambda: Canvas.open(tmp_path, plan)),
        ("executor must be one that takes work: make another, got Thread", lambda: sweep("booth", DESCENT, 0.1, executor=closed)),
    ]
    for sentence, call in calls:
        with pytest.raises((ValueError, TypeError), match=f"^{sentence}"):
            call()


def test_a_loss_without_its_hessian_runs_and_is_judged_and_what_asks_for_curvature_says_what_it_needs() -> None:
    class Flat(InPlace):
        def value_and_gradient(self, x: Any) -> Any:
            return super().value_and_gradient(x.copy())

    rates = [0.019, 0.0199, 0.021]
    rule = OPTIMIZERS["momentum"](momentum=0.9)  # whose rise at the start asks whether it is a catapult
    for optimizer in (DESCENT, rule):
        words = sweep(Flat(), optimizer, rates, steps=3000).verdict.tolist()
        assert words == judge(run(Flat(), optimizer, rates, steps=3000)).verdict.tolist()
    assert safe_rate(Flat(), check=False).rate == pytest.approx(0.02, rel=1e-6)
    with pytest.raises(ValueError, match=r"^loss must have the member hvp; from_function makes .* the Hessian at x times v, "):
        critical_learning_rate(Flat(), DESCENT)


@pytest.mark.parametrize("call", [lambda **seed: run(BOWL, DESCENT, 0.1, **seed), lambda **seed: sweep(BOWL, DESCENT, 0.1, **seed),
                                  lambda **seed: find_edge(BOWL, DESCENT, 0.1, 1.0, **seed), lambda **seed: check_gradient(BOWL, **seed),
                                  lambda **seed: Setup(**seed), lambda **seed: LOSSES["network"](**seed)])  # fmt: skip
@pytest.mark.parametrize("seeds", [[1, 2], (3,), np.arange(2)])
def test_a_seed_is_one_number(call: Callable[..., object], seeds: Any) -> None:
    with pytest.raises(ValueError, match=r"^seed must be one number, got"):
        call(seed=seeds)


@pytest.mark.parametrize(
    ("door", "rest"),
    [
        (run, ("momentum", 0.1)),
        (sweep, ("momentum", [0.1])),
        (sharpness, ()),
        (critical_learning_rate, ("momentum",)),
        (safe_rate, ()),
        (check_gradient, ()),
        (find_rate, ("momentum", 1e-3, 1.0)),
    ],
)
def test_a_loss_whose_iterator_ends_is_said_to_be_one(door: Any, rest: tuple[Any, ...]) -> None:
    batches = iter(range(3))

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        next(batches)
        return float(x @ x), 2 * x

    own = from_function(loss, [1.0])
    with pytest.raises(ValueError, match=r"^a function of yours must be one that can be asked again .*, got one whose iterator has ended"):
        door(own, *rest)


@pytest.mark.parametrize("name", [each for each in explorer.__all__ if inspect.isfunction(getattr(explorer, each))])
def test_every_public_function_names_a_keyword_that_it_has_not(name: str) -> None:
    given = {"run": (0.1,), "sweep": ([0.1],), "find_edge": (0.1, 3.0)}.get(name)  # these hand keywords on
    with pytest.raises(TypeError, match=f"^{name} has no keyword 'nope'"):
        getattr(explorer, name)(*(("x_squared", "momentum", *given) if given else ()), nope=1)
