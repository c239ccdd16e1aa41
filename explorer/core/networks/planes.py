"""Slices of a network's loss: planes through its weights, the losses on a grid of them, and how rugged they are."""

import math
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self

import numpy as np
import scipy

from explorer.core.ground.blas import one_blas_thread
from explorer.core.ground.display import Displayed
from explorer.core.ground.knobs import knob_table
from explorer.core.ground.parameters import Look
from explorer.core.ground.prose import counted, plain
from explorer.core.ground.size import check_size
from explorer.core.losses.network.assembly import work
from explorer.core.losses.protocol import Array, Facts
from explorer.core.networks.training import History, train
from explorer.core.run.setup import Setup
from explorer.core.theory.curvature import top_eigenvalues

PLANES = 2  # stream id of the planes: keeps them independent of the first weights, which the same seed draws
LOOKS = 12  # number of points that are kept of a run's path
AT_ONCE = 2_000_000  # numbers of weights that one batch of grid points may have: 16 MB
ROUNDING = 1e-9  # share by which every neighbor of a local minimum is higher: differences within rounding do not count
MOST_TRAINING, MOST_POINTS = 4e9, 2e10  # multiplications of the runs, and of the grids: half a minute each
DRAWABLE = 1e100  # a run's points beyond this are left out of its plane: squares of them would overflow

KNOBS = knob_table("explorer.core.networks")["view"]


@dataclass(frozen=True)
class View(Look):
    """Which slices are looked at, and how: a signature that is its control panel.

    >>> View(planes=5).to_query(), View.salvage({"view.planes": "5", "view.reach": "far"})
    ({'view.planes': '5'}, (View(plane='random', at='trained', planes=5, seed=0, reach=1.0, side=31, pair=True, drawn='lines'), \
["reach must be a number, got 'far'"]))
    """

    plane: Annotated[Literal["random", "path"], KNOBS["plane"]] = "random"
    at: Annotated[Literal["trained", "initial"], KNOBS["at"]] = "trained"
    planes: Annotated[int, KNOBS["planes"]] = 3
    seed: Annotated[int, KNOBS["seed"]] = 0
    reach: Annotated[float, KNOBS["reach"]] = 1.0
    side: Annotated[int, KNOBS["side"]] = 31
    pair: Annotated[bool, KNOBS["pair"]] = True
    drawn: Annotated[Literal["lines", "surface"], KNOBS["drawn"]] = "lines"

    @property
    def seeds(self) -> range:
        """Those of the planes: a path has one plane of its own."""
        return range(self.seed, self.seed + (self.planes if self.plane == "random" else 1))


@dataclass(frozen=True, eq=False)
class Plane:
    """The points ``origin + directions @ (a, b)``, a and b between `low` and `high`."""

    origin: Array
    directions: Array
    low: Array  # ``(2,)``
    high: Array  # ``(2,)``
    shares: tuple[float, float] | None = None  # a path's parts of variance

    def at(self, across: Array, up: Array) -> Array:
        """Return the weights ``(dim, points)`` at these coordinates ``(points,)``."""
        return self.origin[:, np.newaxis] + self.directions @ np.stack([across, up])

    def project(self, x: Array) -> Array:
        """Return the coordinates ``(2, points)`` of what lies nearest to weights ``(dim, points)``."""
        return np.linalg.lstsq(self.directions, x - self.origin[:, np.newaxis])[0].astype(np.float64)


def random_plane(loss: Any, x: Array, seed: int, reach: float = 1.0) -> Plane:
    """Return a filter-normalized random plane through the weights `x` ``(dim,)``, of any loss.

    Both directions are normal random numbers, with the weights of each unit (of a convolution: each filter) scaled to the length of that
    unit's own: d ← d/‖d‖ · ‖θ‖. Biases, gains and shifts, the blocks of one axis, stay as they are; a loss without blocks is one unit. So
    a change of 1 is as large as the weights themselves, however they are scaled, which rectified units do not notice. Li et al. 2018,
    arXiv 1712.09913, section 4.

    >>> from explorer import LOSSES
    >>> net = LOSSES["network"](hidden=(3,))
    >>> plane = random_plane(net, net.start, seed=0)
    >>> unit = slice(0, 2)
    >>> bool(np.isclose(np.linalg.norm(plane.directions[unit, 0]), np.linalg.norm(net.start[unit])))
    True
    """
    random = np.random.default_rng([seed, PLANES])
    directions = np.zeros((2, loss.dim))
    shapes = Facts(loss).shapes
    for name, where in Facts(loss).groups:
        shape = shapes.get(name, (1, where.stop - where.start))
        if len(shape) > 1:
            drawn = random.standard_normal((2, shape[0], math.prod(shape[1:])))
            sizes = np.linalg.norm(x[where].reshape(drawn.shape[1:]), axis=-1, keepdims=True)
            directions[:, where] = (drawn / np.linalg.norm(drawn, axis=-1, keepdims=True) * sizes).reshape(2, -1)
    return Plane(x.astype(float), directions.T, np.full(2, -reach), np.full(2, reach))


def path_plane(points: Array) -> Plane:
    """Return the plane in which a path ``(looks, dim)`` moved most, through its last point: the first two principal components.

    The directions have length 1. `shares` of the variance about the mean are the components' own; a path that stays on a line, or where it
    began, has a second direction that is any other. Li et al. 2018, section 7. Much of the variance lies in two components of any random
    walk, too: 6/π² (1 + 1/4), about 76 %, if it is long (Antognini and Sohl-Dickstein 2018, arXiv 1806.08805).

    >>> plane = path_plane(np.array([[0.0, 0, 0], [2, 0, 0], [4, 1, 0], [6, 1, 0]]))
    >>> [round(each, 2) for each in plane.shares], plane.origin
    ([0.99, 0.01], array([6., 1., 0.]))
    """
    points = points[(np.abs(points) < DRAWABLE).all(axis=1)]
    last = points[-1] if len(points) else np.zeros(points.shape[1])
    _, sizes, vectors = np.linalg.svd(points - points.mean(axis=0) if len(points) else points, full_matrices=False)
    variance = np.append(sizes, [0.0, 0.0]) ** 2
    found = vectors[: int((sizes[:2] > ROUNDING * max(sizes.max(initial=0), 1e-300)).sum())]
    others = np.random.default_rng(0).standard_normal((2, len(last)))
    directions = np.linalg.qr(np.concatenate([found, others]).T)[0][:, :2]
    if directions.shape[1] < 2:  # a single weight
        directions = np.append(directions, np.zeros_like(directions), axis=1)
    coordinates = directions.T @ (points - last).T if len(points) else np.zeros((2, 1))
    low, high = coordinates.min(axis=1), coordinates.max(axis=1)
    reach = np.maximum(high - low, 0.3 * float((high - low).max()) or 1.0)
    middle, total = (low + high) / 2, float(variance.sum()) or 1.0
    shares = float(variance[0] / total), float(variance[1] / total)
    return Plane(last.astype(float), directions, middle - 0.75 * reach, middle + 0.75 * reach, shares)


@dataclass(eq=False)
class Slice:
    """The losses ``(side, side)`` on a grid of a plane, row by row from below; nan where nothing was computed yet, inf beyond numbers."""

    plane: Plane
    height: Array
    done: int = 0

    @property
    def complete(self) -> bool:
        return self.done == self.height.size

    @property
    def across(self) -> Array:
        return np.linspace(self.plane.low[0], self.plane.high[0], self.height.shape[1])

    @property
    def up(self) -> Array:
        return np.linspace(self.plane.low[1], self.plane.high[1], self.height.shape[0])


def scan(loss: Any, plane: Plane, side: int) -> Generator[Slice, None, None]:
    """Yield the losses on a grid of a plane, as they come: the same slice after each batch of points."""
    found = Slice(plane, np.full((side, side), np.nan))
    across, up = (each.ravel() for each in np.meshgrid(found.across, found.up))
    flat = found.height.reshape(-1)
    batch = max(AT_ONCE // loss.dim, 1)
    for begin in range(0, flat.size, batch):
        some = slice(begin, begin + batch)
        with np.errstate(all="ignore"), one_blas_thread:  # overflow is a result
            value = loss.value(plane.at(across[some], up[some]).astype(loss.start.dtype))
        flat[some] = np.where(np.isfinite(value), value, np.inf)
        found.done = min(begin + batch, flat.size)
        yield found


@dataclass(frozen=True)
class Ruggedness:
    """What a grid of losses says of its ground."""

    minima: int  # local ones in its inside
    smallest: float
    largest: float
    lost: int  # points beyond numbers

    @classmethod
    def of(cls, height: Array) -> Self:
        """Of losses ``(n, m)``. A local minimum is lower than all its eight neighbors; what is no number is higher than any.

        >>> Ruggedness.of(np.array([[3.0, 3, 3, 3], [3, 1, 2, 3], [3, 3, 3, np.inf]]))
        Ruggedness(minima=1, smallest=1.0, largest=3.0, lost=1)
        """
        finite = np.isfinite(height)
        ground = np.where(finite, height, np.inf)
        around = scipy.ndimage.minimum_filter(ground, footprint=[[1, 1, 1], [1, 0, 1], [1, 1, 1]])
        lower = (finite & (ground < around - ROUNDING * np.abs(np.where(finite, ground, 0))))[1:-1, 1:-1]
        seen = height[finite]
        if seen.size == 0:
            return cls(0, math.inf, math.inf, int(height.size))
        return cls(int(lower.sum()), float(seen.min()), float(seen.max()), int((~finite).sum()))

    def rougher_than(self, other: Self) -> bool:
        """More local minima and a larger loss; one of the two may be the same, and points beyond numbers are larger than any loss."""
        mine, its = ((each.minima, (each.lost, each.largest)) for each in (self, other))
        return mine != its and mine[0] >= its[0] and mine[1] >= its[1]


@dataclass(eq=False)
class Pane:
    """One network, and what is seen of it by the seed of a plane."""

    name: str
    setup: Setup
    loss: Any
    point: Array  # the weights looked at
    history: History | None = None
    slices: dict[int, Slice] = field(default_factory=dict)
    ruggedness: dict[int, Ruggedness] = field(default_factory=dict)
    curvature: dict[int, float] = field(default_factory=dict)  # the largest in each plane
    sharpness: float = math.nan  # the largest in all directions

    @property
    def path(self) -> Array:
        """Where the run has been, ``(looks, dim)``."""
        return np.array(self.history.x if self.history is not None else [self.point], dtype=float)


@dataclass(eq=False, repr=False)
class Survey(Displayed):
    """All that is looked at; it grows while it is computed."""

    view: View
    panes: list[Pane]
    doing: str = "about to begin"  # what is being done now
    share: float = 0.0  # how much is done

    def summary(self) -> str:
        """Return how rugged the ground around each network is, in the first plane; or how far the work is."""
        seed = self.view.seeds[0]
        if not self.complete(seed):
            return f"{self.doing}, {plain(100 * self.share)} % done"
        seen = [(pane.name or "the network", pane.ruggedness[seed]) for pane in self.panes]
        words = [
            f"{name}: losses {plain(each.smallest)} to {plain(each.largest)}, local minima: {each.minima}, beyond numbers: {each.lost}"
            for name, each in seen
        ]
        return "; ".join(words)

    def to_columns(self) -> dict[str, list[Any]]:
        """Return a row for each network and plane that is done."""
        done = [(pane.name, seed, each) for pane in self.panes for seed, each in pane.ruggedness.items()]
        found: dict[str, list[Any]] = {"network": [name for name, _, _ in done], "seed": [seed for _, seed, _ in done]}
        return found | {name: [getattr(each, name) for _, _, each in done] for name in ("minima", "smallest", "largest", "lost")}

    def complete(self, seed: int) -> bool:
        return all(seed in pane.ruggedness for pane in self.panes)


def panes(setup: Setup, view: View) -> list[Pane]:
    """Return the network by itself, or without and with skip connections if these can be and are asked for.

    Raises ValueError for a loss that is no network.
    """
    loss: Any = setup.make_loss()
    if Facts(loss).signals is None:
        raise ValueError(f"loss must be a network for its planes, got {setup.loss}")
    start = setup.initial_point.astype(float)
    if view.pair and setup.loss == "network":
        both = [setup.with_knobs({"loss.skip": skip}) for skip in (False, True)]
        losses: list[Any] = [each.make_loss() for each in both]
        if len({len(each.body.layers) for each in losses}) + len({str(each.body) for each in losses}) > 2:
            names = "without skip connections", "with skip connections"
            return [Pane(*each, start) for each in zip(names, both, losses, strict=True)]
    return [Pane("", setup, loss, start)]


def survey(setup: Setup, view: View) -> Generator[Survey, None, None]:
    """Train, then compute the grids of one seed after another; yield the same growing survey again and again.

    Raises ValueError as `check_work` does.
    """
    found = Survey(view, panes(setup, view))
    check_work(found)
    yield found
    total = len(found.panes) * (len(view.seeds) + 1)
    for i, pane in enumerate(found.panes):
        if view.at == "trained" or view.plane == "path":
            for history in train(pane.setup, LOOKS):
                pane.history, found.doing, found.share = history, "training", (i + history.share) / total
                yield found
            pane.point = pane.path[-1]
        with np.errstate(all="ignore"), one_blas_thread:
            x = pane.point[:, np.newaxis].astype(pane.loss.start.dtype)
            pane.sharpness = float(top_eigenvalues(pane.loss, x).sharpness[0])
    for k, seed in enumerate(view.seeds):
        for i, pane in enumerate(found.panes):
            with np.errstate(all="ignore"):  # of a run that overflowed the weights themselves may be beyond squaring
                plane = path_plane(pane.path) if view.plane == "path" else random_plane(pane.loss, pane.point, seed, view.reach)
            found.doing = f"plane {k + 1} of {len(view.seeds)}"
            for each in scan(pane.loss, plane, view.side):
                pane.slices[seed] = each
                found.share = (len(found.panes) * (k + 1) + i + each.done / each.height.size) / total
                yield found
            pane.curvature[seed] = curvature(pane.loss, plane)
            pane.ruggedness[seed] = Ruggedness.of(pane.slices[seed].height)
    found.share = 1.0
    yield found


@np.errstate(all="ignore")  # where a run has overflowed there is no curvature
def curvature(loss: Any, plane: Plane) -> float:
    """Return the largest curvature at the origin of a plane of all directions that lie in it; nan if there is none."""
    if not np.isfinite(plane.directions).all() or not plane.directions.any(axis=0).all():
        return math.nan
    basis = np.linalg.qr(plane.directions)[0].astype(loss.start.dtype)
    origin = np.repeat(plane.origin[:, np.newaxis], 2, axis=1).astype(loss.start.dtype)
    bent = basis.T @ loss.hvp(origin, basis)
    return float(np.linalg.eigvalsh((bent + bent.T) / 2)[-1]) if np.isfinite(bent).all() else math.nan


def check_work(found: Survey) -> None:
    """Refuse a survey that would take too long, and say what would fit."""
    view, first = found.view, found.panes[0]
    each = work(first.loss.body)
    batch = first.setup.batch_size or first.loss.examples
    runs = len(found.panes) if view.at == "trained" or view.plane == "path" else 0
    check_size("steps", first.setup.steps, {"weight": each, "example": batch, "run": runs}, MOST_TRAINING)
    a_point = each * first.loss.examples * len(found.panes) * len(view.seeds)
    if a_point * view.side**2 > MOST_POINTS:
        fits = math.isqrt(int(MOST_POINTS / a_point))
        instead = f"{fits} a side would fit" if fits >= 5 else "fewer examples or planes would fit"
        raise ValueError(
            f"grid points × weights × examples × planes must be ≤ {MOST_POINTS:,.0f}, got {view.side}² × {each:,} ×"
            f" {first.loss.examples:,} × {len(found.panes) * len(view.seeds)}; {instead}"
        )


def finding(found: Survey, seed: int) -> str:
    """Return what the grid of one seed says, in one sentence with its numbers: the verdict first, in bold."""
    if not found.complete(seed):
        return f"**Not seen yet**: {found.doing}."
    rough, side = [pane.ruggedness[seed] for pane in found.panes], found.view.side
    grid = f"on this grid of {side} × {side}"
    if len(rough) == 2:
        without, with_skip = rough
        numbers = (
            f"{_minima(without.minima)} {grid} against {with_skip.minima}, and a largest loss of {_largest(without)} against"
            f" {_largest(with_skip)}"
        )
        if found.view.plane == "path":  # two planes, two windows: there is nothing to compare
            return f"**Each in the plane of its own path**: without skip connections {numbers}."
        if without.rougher_than(with_skip):
            return f"**Rougher without skip connections**: {numbers}."
        if with_skip.rougher_than(without):
            return f"**Smoother without skip connections**: {numbers}."
        return f"**Neither is rougher**: without skip connections {numbers}."
    if not math.isfinite(rough[0].smallest):
        return f"**No number anywhere** {grid}: the loss overflows, or the data hold a number that is none."
    lost = f"; it overflows at {rough[0].lost:,} points" if rough[0].lost else ""
    goes = f"the loss goes from {plain(rough[0].smallest)} to {plain(rough[0].largest)}{lost}"
    return f"**{_minima(rough[0].minima).capitalize()}** {grid}: {goes}."


def summary(found: Survey) -> str:
    """Return what all planes say together, in one sentence; of one plane, what `finding` says."""
    seeds = [seed for seed in found.view.seeds if found.complete(seed)]
    if not seeds or len(found.view.seeds) == 1:
        return finding(found, found.view.seed).replace("**", "")
    counts = [", ".join(str(pane.ruggedness[seed].minima) for seed in seeds) for pane in found.panes]
    of = counted(len(seeds), "plane")
    if len(found.panes) == 1:
        return f"In {of} through the same weights: {counts[0]} local minima."
    rougher = sum(found.panes[0].ruggedness[seed].rougher_than(found.panes[1].ruggedness[seed]) for seed in seeds)
    heights = [", ".join(_largest(pane.ruggedness[seed]) for seed in seeds) for pane in found.panes]
    numbers = f"{counts[0]} local minima against {counts[1]}, and largest losses of {heights[0]} against {heights[1]}"
    return f"Rougher without skip connections in {rougher} of {of}: {numbers}."


def on_path(found: Survey) -> str:
    """Return how much of the runs' ways their planes hold; empty for random planes."""
    parts = []
    for pane in found.panes:
        seen = pane.slices.get(found.view.seed)
        if seen is not None and seen.plane.shares is not None:
            first, second = (100 * share for share in seen.plane.shares)
            run = f"the run {pane.name}" if pane.name else "the run"
            parts.append(f"{plain(first + second)} % of the variance of where {run} has been ({plain(first)} % and {plain(second)} %)")
    if not parts:
        return ""
    return f"The path's plane holds {', and '.join(parts)}. A long random walk would have 76 %, so by itself a large share means little."


def cautions(found: Survey) -> str:
    """Return what went wrong with the weights that are looked at; empty if nothing did."""
    parts = []
    for pane in found.panes:
        if pane.history is not None and pane.history.lost_at >= 0:
            run = f"The run {pane.name}" if pane.name else "The run"
            parts.append(f"{run} overflowed at step {pane.history.lost_at:,}: these are the weights of the last look before.")
    return " ".join(parts)


def _minima(count: int) -> str:
    return "no local minimum" if count == 0 else f"{count} local minim{'um' if count == 1 else 'a'}"


def _largest(rough: Ruggedness) -> str:
    return "overflow" if rough.lost else plain(rough.largest)
