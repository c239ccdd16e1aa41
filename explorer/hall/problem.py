"""What a round asks: a setup, the range of rates that is bet on, and the answer, which is found before the first bet."""

import json
import math
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from statistics import median
from typing import Self

import numpy as np

from explorer.core.ground.prose import counted, plain, told_apart
from explorer.core.ground.size import WORK, check_size
from explorer.core.losses import Facts
from explorer.core.run.bracket import bracket
from explorer.core.run.ruler import SMALLEST, ruler
from explorer.core.run.setup import SHELVES, Setup
from explorer.core.run.sweep import sweep
from explorer.core.verdict.verdict import Verdict
from explorer.figures.landscape import Landscape
from explorer.figures.thumbnail import ground
from explorer.site.questions import ENDLESS

DECADES, AROUND = 4, (1, 2)
"""Powers of ten that one can bet in, and how many whole ones of them may lie below that of the edge: chance chooses, so that the middle
of the range says nothing."""

MOST_STEPS = 20_000  # of a run: they are taken one after the other, while a class waits
TRIED = 40  # rates that are run in each power of ten
SWEEPS = 4  # times that about as many rates are run: on the ruler, in search of the edge, which is two, and of what is shown


TOLD = {"loss": 4, "optimizer": 2, "schedule": 4}
"""How many of its knobs are told of each, also where nobody has turned them: who bets must know what is run."""

FEW = 4  # dimensions up to which the numbers of the start are told


INK = "#1F2328"
"""Of the picture, which pages on a dark ground turn round: it cannot ask them."""


def still(setup: Setup) -> str:
    """Return what a setup is before anybody knows the answer, as HTML: all that decides a run but its rate, and where it begins.

    What the shelf says of the loss is left out: of x² it says from which rate on runs diverge.
    """
    loss, start = setup.make_loss(), setup.initial_point
    kinds = ("loss", "optimizer", "schedule")[: 2 + (setup.schedule != "constant")]
    parts = [", ".join([SHELVES[kind].title(getattr(setup, kind)), *setup.turned(kind, TOLD[kind])]) for kind in kinds]
    value = plain(float(loss.value(start[:, np.newaxis])[0]))
    numbers = ", ".join(map(plain, start[:FEW]))
    point = numbers if loss.dim == 1 else f"({numbers})" if loss.dim <= FEW else f"a point of {loss.dim:,} numbers"
    more = {
        f"warm-up of {counted(setup.warmup_steps)}": setup.warmup_steps,
        f"gradients clipped to a length of {setup.clip_norm}": setup.clip_norm,
        f"gradients clipped to ±{setup.clip_value}": setup.clip_value,
        f"batches of {setup.batch_size}": setup.batch_size,
        f"noise of {setup.gradient_noise:g} on the gradient": setup.gradient_noise,
    }
    begins = f"{counted(setup.steps)}, from {point}, where the loss is {value}"
    lines = [*parts, *[ENDLESS.strip()] * Facts(loss).endless, *[told for told, used in more.items() if used], begins]
    alt = f"The loss, with the start of a run, where it is {value}. No run is shown."
    return f"<p class='told'>{'<br>'.join(map(escape, lines))}</p>{ground(Landscape.of(loss, start), start, alt, ink=INK)}"


def typeable(rate: float) -> str:
    """Return a rate as it can be typed: without the comma that others read as a decimal point.

    >>> typeable(1000.0), typeable(2.5e-5)
    ('1000', '2.5 × 10⁻⁵')
    """
    return plain(rate).replace(",", "")


@dataclass(frozen=True)
class Standing:
    """Where the bets of a round lie: how many, the median, how many are on the safe side, and the smallest factor from the edge."""

    count: int
    median: float
    safe: int
    nearest: float


@dataclass(frozen=True)
class Problem:
    """A setup as a link, in words, and as it is shown; the range of rates; the edge and why it is there; the verdicts and where they begin.

    It holds all that a room needs, for the tables that somebody uploaded are not in a link.
    `edge` is theory's where that decides the run, else the largest rate that was seen to hold, found by bisection: at it no run diverges.

    >>> problem = Problem.of(Setup("quadratic", knobs={"loss.eigenvalues": (1, 10)}))
    >>> problem.edge, problem.words[-1], Problem.read(problem.written()) == problem
    (0.2, 'diverged', True)
    """

    query: dict[str, str]
    recipe: str
    shown: str
    low: float
    high: float
    edge: float
    reason: str
    words: tuple[str, ...]
    begins: tuple[float, ...]

    @classmethod
    def of(cls, setup: Setup) -> Self:
        """Return the problem of a setup, at whatever rate it is. Raises ValueError where it is too large, or no rate of it diverges."""
        loss, optimizer = setup.make_loss(), setup.make_optimizer()
        check_size("steps", setup.steps, {}, MOST_STEPS)
        setup.check_work({"rate": DECADES * TRIED}, WORK / SWEEPS)
        setup.check_start()
        scale = ruler(loss, optimizer, setup.initial_point, 0.0)
        first = sweep(loss, optimizer, scale.rates, **setup.conditions()).verdict == Verdict.DIVERGED
        held, lost = bracket(loss, optimizer, scale.rates, first, **setup.conditions())
        if not (held > 0 and math.isfinite(lost)):
            least, most = told_apart(scale.rates[0], scale.rates[-1])
            every = f"every rate from {least} on" if first.any() else f"no rate up to {most}"
            raise ValueError(f"in {counted(setup.steps)} {every} diverges: there is no edge to bet on; choose another problem")
        exact = scale.edge.exact and held * 0.5 < scale.edge.rate < lost * 2
        edge = scale.edge.rate if exact else held
        reason = f"Theory puts it there: {scale.edge.reason}." if exact else f"Found by bisection, in runs of {counted(setup.steps)}."
        reason += ENDLESS * Facts(loss).endless
        low = max(10.0 ** (math.floor(math.log10(edge)) - random.SystemRandom().choice(AROUND)), SMALLEST)
        rates = np.union1d(np.geomspace(low, low * 10.0**DECADES, DECADES * TRIED + 1), [held, lost])
        verdict = [str(each) for each in sweep(loss, optimizer, rates, **setup.conditions()).verdict]
        starts = [0, *(i for i in range(1, rates.size) if verdict[i] != verdict[i - 1])]
        root = np.sqrt(rates)  # the product of two rates that were run may be no number
        between = [float(root[i - 1] * root[i]) if i else low for i in starts]
        begins = [edge if rates[i] == lost else rate for i, rate in zip(starts, between, strict=True)]
        return cls(
            setup.to_query(),
            setup.recipe,
            still(setup),
            low,
            float(rates[-1]),
            edge,
            reason,
            tuple(verdict[i] for i in starts),
            tuple(map(float, begins)),
        )

    def written(self) -> str:
        """Return it as `read` takes it."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Self:
        told = json.loads(text)
        return cls(**told | {"words": tuple(told["words"]), "begins": tuple(told["begins"])})

    def place(self, rate: float) -> float:
        """Return where a rate lies on the range, from 0 to 1."""
        return math.log(rate / self.low) / math.log(self.high / self.low)

    @property
    def ends(self) -> tuple[str, str]:
        """The range as it can be typed."""
        return typeable(self.low), typeable(self.high)

    def check(self, rate: float) -> float:
        """Return the rate if it can be bet. Raises ValueError with a sentence if not."""
        if not self.low * (1 - 1e-9) <= rate <= self.high * (1 + 1e-9):
            raise ValueError(f"a bet is a learning rate between {' and '.join(self.ends)}, got {plain(rate, 12)}")
        return min(max(rate, self.low), self.high)

    def beyond(self, rate: float) -> bool:
        """Whether a rate is beyond the edge. One at the edge, in the four digits in which both are told, is not: no run diverges there.

        >>> problem = Problem({}, "", "", 0.01, 100, 0.38004, "", ("converged", "diverged"), (0.01, 0.38004))
        >>> [(rate, problem.verdict(rate)) for rate in (0.38, 0.38004, 0.3800401, 0.3802) if not problem.beyond(rate)]
        [(0.38, 'converged'), (0.38004, 'converged'), (0.3800401, 'converged')]
        """
        return rate > self.edge and plain(rate, 4) != plain(self.edge, 4)

    def verdict(self, rate: float) -> str:
        """Return what becomes of a run at that rate."""
        rate = rate if self.beyond(rate) else min(rate, self.edge)
        return self.words[max(sum(begin < rate for begin in self.begins) - 1, 0)]

    def points(self, rate: float) -> int:
        """Return what a bet earns: 100 at the edge, 50 where it is off by a factor of 2, 10 where it is off by 10."""
        return round(100 * min(rate / self.edge, self.edge / rate))

    def distance(self, rate: float) -> float:
        """Return by which factor a rate is off the edge, at least 1."""
        return max(rate / self.edge, self.edge / rate)

    def standing(self, rates: Sequence[float]) -> Standing | None:
        """Return where bets lie, None for no bets.

        >>> Problem({}, "", "", 0.01, 100, 1.0, "", ("converged", "diverged"), (0.01, 1.0)).standing([0.5, 2.0])
        Standing(count=2, median=1.0, safe=1, nearest=2.0)
        """
        if not rates:
            return None
        safe = sum(not self.beyond(rate) for rate in rates)
        middle = math.exp(median(map(math.log, rates)))  # in factors, as they stand on the ruler
        return Standing(len(rates), middle, safe, min(map(self.distance, rates)))
