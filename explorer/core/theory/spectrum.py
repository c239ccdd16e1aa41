"""The spectrum of a loss's Hessian from products with it: largest eigenvalues, trace and density, at a point or as an optimizer sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike, NDArray

from explorer.core.ground.arrays import Array
from explorer.core.ground.blas import one_blas_thread
from explorer.core.ground.checks import check_floats, check_number, check_one, check_scalar, check_whole, must
from explorer.core.ground.display import Displayed, Told, span
from explorer.core.ground.knobs import Knob
from explorer.core.ground.prose import counted, plain, plain_or
from explorer.core.ground.shelf import door
from explorer.core.ground.size import BATCH, PATH, check_size
from explorer.core.losses.protocol import RUNS, Facts, Loss, check_loss
from explorer.core.optimizers import Optimizer, check_optimizer
from explorer.core.theory import curvature
from explorer.core.theory.curvature import check_product
from explorer.core.theory.edge import as_seen, first_look, points_of

AT_ONCE = 2**22
"""Numbers that the probes of one look have together, dim × probes; more are looked at one group after another."""


@door
@np.errstate(all="ignore")
def sharpness(loss: Loss | str, x: ArrayLike | None = None, *, optimizer: Optimizer | str | None = None) -> float | Array:
    """Return the largest eigenvalue of the Hessian at `x`: a number at ``(dim,)``, ``(runs,)`` at ``(dim, runs)``.

    `x` is by default the minimum, else the start. With an `optimizer` that divides its steps, as Adam does, it is that of P⁻¹(H + weight
    decay) with P as the optimizer has it after one look at the gradient at `x` (Cohen et al. 2022, arXiv 2207.14484): what 2/η is to be
    compared with. nan where the Hessian is not finite, as of a point so far out that it overflows, or of nan in the inputs: so it is for
    `top_eigenvalues`, `trace`, `density` and `critical_learning_rate` too.

    Raises ValueError for a loss without `hvp`, or with one that is no product with a symmetric matrix or not the same twice, for a
    `preconditioner` below 0, and for points that are not of its dimension.

    See also: `critical_learning_rate`, which says the rate that follows from it; `top_eigenvalues`. PyHessian: `hessian.eigenvalues`.

    >>> from explorer import LOSSES, OPTIMIZERS
    >>> bowl = LOSSES["quadratic"](eigenvalues=(1, 3, 10))
    >>> round(sharpness(bowl), 6), round(sharpness(bowl, [1.0, 1.0, 1.0], optimizer=OPTIMIZERS["adam"](eps=0.0)), 6)
    (10.0, 1.0)
    """
    at = _Seen.of(loss, x, optimizer, most=None)
    found = curvature.sharpness(at.loss, at.x, at.preconditioner, at.weight_decay)
    return float(found[0]) if at.single else found


@door
@np.errstate(all="ignore")
def top_eigenvalues(
    loss: Loss | str, k: int = 1, x: ArrayLike | None = None, *, optimizer: Optimizer | str | None = None
) -> tuple[Array, Array]:
    """Return the `k` largest eigenvalues of the Hessian at `x` ``(dim,)``, largest first ``(k,)``, and their vectors ``(dim, k)``.

    `x` and `optimizer` are as in `sharpness`; the vectors, of length 1, are then those of P⁻¹(H + weight decay). Up to 200 dimensions
    they are those of the whole matrix; beyond, they come from at most 400 products with it (Lanczos), until what is left over is √ε of the
    largest, ε that of the loss's own numbers, and of an eigenvalue that is there several times it may find only one. The largest are
    meant, not the largest without their sign. nan where the Hessian is not finite.

    Raises ValueError unless 1 ≤ k ≤ dim.

    See also: `sharpness`, `density`. PyHessian: `hessian.eigenvalues(top_n=k)`; scipy: sparse.linalg.eigsh.

    >>> from explorer import LOSSES
    >>> values, vectors = top_eigenvalues(LOSSES["quadratic"](eigenvalues=(1, 3, 10)), 2)
    >>> values.round(6), vectors.shape
    (array([10.,  3.]), (3, 2))
    """
    at = _Seen.of(loss, x, optimizer)
    k = check_whole("k", k, at_least=1, at_most=at.loss.dim)
    product, tolerance = at.product(1), curvature.exact(at.loss, at.x)
    if at.loss.dim <= curvature.DENSE:
        matrix = at.product(at.loss.dim)(np.eye(at.loss.dim))
        if not np.isfinite(matrix).all():
            return np.full(k, np.nan), np.full((at.loss.dim, k), np.nan)
        values, vectors = (each[..., ::-1][..., :k] for each in scipy.linalg.eigh((matrix + matrix.T) / 2))
    else:
        begin = np.random.default_rng(0).standard_normal(at.x.shape)
        top = curvature.lanczos(product, begin, range(-1, -1 - k, -1), tolerance=tolerance, most=max(curvature.PATIENT, 4 * k))
        values, vectors = top.values[:, 0], top.vectors[:, :, 0].T
    vectors = vectors * at.root
    return values, vectors / np.linalg.norm(vectors, axis=0)


@dataclass(frozen=True, repr=False)
class Trace(Told):
    """The sum of the eigenvalues as `value`, and its standard `error`, 0 where it is exact; from this many `products`.

    Both are nan where the Hessian is not finite.

    See also: `trace`, `Density`.

    >>> from explorer import trace
    >>> trace("booth")    # as many probes as dimensions, or more
    <Trace: the eigenvalues' sum is 20, from 2 products with the Hessian>
    """

    value: float
    error: float
    products: int

    def summary(self) -> str:
        """Return the sum, with its standard error where it has one."""
        found = plain_or("not finite", self.value) + (f" ± {plain_or('?', self.error, 2)}" if self.error else "")
        return f"the eigenvalues' sum is {found}, from {counted(self.products, 'product')} with the Hessian"


@door
def trace(
    loss: Loss | str, x: ArrayLike | None = None, *, optimizer: Optimizer | str | None = None, probes: int = 100, seed: int = 0
) -> Trace:
    """Return the sum of all eigenvalues of the Hessian at `x` ``(dim,)``, from `probes` products with it.

    Hutchinson 1990: the mean of vᵀHv over random vectors v of ±1, drawn from `seed`, whose standard error falls with the root of their
    number; with as many as there are dimensions the unit vectors give it exactly. `x` and `optimizer` are as in `sharpness`.

    Raises ValueError for a loss without `hvp`, more than one point, and fewer than 2 probes.

    See also: `Trace`, `density`. PyHessian: `hessian.trace`.

    >>> from explorer import LOSSES
    >>> trace(LOSSES["quadratic"](eigenvalues=(1, 3, 10)))
    <Trace: the eigenvalues' sum is 14, from 3 products with the Hessian>
    """
    at, probes = _Seen.of(loss, x, optimizer), check_whole("probes", probes, at_least=2)
    random = np.random.default_rng(check_whole("seed", seed, at_least=0))
    known = probes >= at.loss.dim
    forms = []
    for some in at.groups(min(probes, at.loss.dim)):
        v = np.eye(at.loss.dim)[:, some] if known else random.choice((-1.0, 1.0), (at.loss.dim, some.stop - some.start))
        with np.errstate(all="ignore"), one_blas_thread:
            forms.append(np.einsum("dr,dr->r", v, at.product(v.shape[1])(v)))
    found = np.concatenate(forms)
    if not np.isfinite(found).all():
        return Trace(float("nan"), float("nan"), found.size)
    if known:
        return Trace(float(found.sum()), 0.0, found.size)
    return Trace(float(found.mean()), float(found.std(ddof=1) / np.sqrt(found.size)), found.size)


@dataclass(frozen=True, eq=False, repr=False)
class Density(Displayed):
    """How the eigenvalues are spread: at `eigenvalues` ``(probes, k)`` lie these `weights`, of which each row's sum is 1.

    Each row is what one random vector sees: a quadrature that has the first 2k - 1 moments of the spectrum in that vector's weights.
    An eigenvalue whose size is below `rounding` is 0 as far as the loss's own numbers can tell.

    See also: `density`, `Trace`.

    >>> two = Density(np.array([[1.0, 3.0], [1.0, 3.0]]), np.array([[0.75, 0.25], [0.75, 0.25]]))
    >>> two.share(0, 2), two.moment(1)[0]
    (0.75, 1.5)
    """

    eigenvalues: Array
    weights: Array
    rounding: float = 0.0

    def summary(self) -> str:
        """Return between which numbers the eigenvalues lie, their mean with its standard error, and how many are below 0."""
        if not np.isfinite(self.eigenvalues).all():
            return "not known, as the Hessian is not finite there"
        (mean, error), rounded = self.moment(1), np.where(np.abs(self.eigenvalues) < self.rounding, 0.0, self.eigenvalues)
        below = 100 * self.share(-np.inf, -self.rounding)
        seen = f"{span(rounded)}, {plain(mean)} ± {plain_or('?', error, 2)} on average, {plain(below, 2)} % of them below 0"
        return f"eigenvalues {seen}, from {counted(len(self.weights), 'probe')}"

    def to_columns(self) -> dict[str, NDArray[Any]]:
        """Return a row for each eigenvalue of each probe."""
        probes = np.repeat(np.arange(len(self.weights)), self.weights.shape[1])
        return {"probe": probes, "eigenvalue": self.eigenvalues.ravel(), "weight": self.weights.ravel()}

    def moment(self, power: int) -> tuple[float, float]:
        """Return the mean of λ^power over all eigenvalues and its standard error."""
        with np.errstate(all="ignore"):  # of a power beyond all floats
            each = (self.weights * self.eigenvalues ** check_scalar("power", power)).sum(axis=1)
            return float(each.mean()), float(each.std(ddof=1) / np.sqrt(len(each)))

    def share(self, low: float, high: float) -> float:
        """Return the share of all eigenvalues between two numbers, `low` ≤ λ < `high`.

        A zero may come out as ±1e-17: ``share(-np.inf, -rounding)`` is the share of those that are below 0.
        """
        low, high = (float(check_one(name, check_floats(name, each)[()])) for name, each in (("low", low), ("high", high)))
        inside = (self.eigenvalues >= low) & (self.eigenvalues < high)
        return float((self.weights * inside).sum() / len(self.weights))

    def on(self, grid: ArrayLike, width: float | None = None) -> Array:
        """Return the density on a `grid` ``(n,)`` of λ, smoothed by a normal curve of this standard deviation ``(n,)``.

        By default that is a hundredth of the spectrum's length. Ghorbani et al. 2019, arXiv 1901.10159, section 2.
        """
        points = np.atleast_1d(check_number("grid", grid, shape="numbers"))
        if points.ndim != 1:
            raise must("grid", "numbers, (n,)", f"shape {points.shape}")
        length = float(np.ptp(self.eigenvalues)) or float(np.abs(self.eigenvalues).max()) or 1.0
        sigma = length / 100 if width is None else check_scalar("width", width, Knob(above=0))
        with np.errstate(all="ignore"):
            away = (points[:, np.newaxis] - self.eigenvalues.ravel()) / sigma
            return np.asarray(np.exp(-(away**2) / 2) @ self.weights.ravel() / (sigma * np.sqrt(2 * np.pi) * len(self.weights)))


@door
def density(
    loss: Loss | str,
    x: ArrayLike | None = None,
    *,
    optimizer: Optimizer | str | None = None,
    probes: int = 10,
    products: int = 100,
    seed: int = 0,
) -> Density:
    """Return how the eigenvalues of the Hessian at `x` ``(dim,)`` are spread, from `products` products with each of `probes` vectors.

    Stochastic Lanczos quadrature: the eigenvalues of the tridiagonal matrix that the iteration builds from a random vector of ±1, drawn
    from `seed`, with the squares of the first components of its eigenvectors as weights (Golub and Welsch 1969; Lin, Saad and Yang 2016,
    SIAM Review 58; for networks Ghorbani et al. 2019, arXiv 1901.10159). `x` and `optimizer` are as in `sharpness`. All is nan where the
    Hessian is not finite.

    Raises ValueError for a loss without `hvp`, more than one point, fewer than 2 probes or 1 product, and more than fit into memory.

    See also: `Density`, `trace`, `top_eigenvalues`. PyHessian: `hessian.density`.

    >>> from explorer import LOSSES
    >>> found = density(LOSSES["quadratic"](eigenvalues=(1, 1, 1, 10)))
    >>> round(found.share(0, 2), 6), round(found.moment(1)[0], 6)    # three of four are 1
    (0.75, 3.25)
    """
    at, probes = _Seen.of(loss, x, optimizer), check_whole("probes", probes, at_least=2)
    products = min(check_whole("products", products, at_least=1), at.loss.dim)
    check_size("probes", probes, {"product": products}, PATH / 2)  # an eigenvalue and its weight each
    check_size("products", products, {"dimension": at.loss.dim}, BATCH)
    random = np.random.default_rng(check_whole("seed", seed, at_least=0))
    found = []
    for some in at.groups(probes, products):
        begin = random.choice((-1.0, 1.0), (at.loss.dim, some.stop - some.start))
        with np.errstate(all="ignore"), one_blas_thread:
            *_, (diagonal, off, _) = curvature.krylov(at.product(begin.shape[1]), begin, products)
        values, vectors = curvature.ritz(diagonal, off[:, :-1], range(products))
        found.append((values, vectors[:, :, 0] ** 2))
    values, weights = (np.concatenate(each) for each in zip(*found, strict=True))
    return Density(values, weights, max(1e-6, 32 * Facts(at.loss).rounding) * float(np.abs(values).max()))


@dataclass(frozen=True, eq=False)
class _Seen:
    """The Hessian at points ``(dim, runs)`` as an optimizer sees it."""

    loss: Loss
    x: Array
    single: bool
    preconditioner: Array | None
    weight_decay: float | Array

    @classmethod
    def of(cls, loss: Loss | str, x: ArrayLike | None, optimizer: Optimizer | str | None, *, most: int | None = 1) -> _Seen:
        loss = check_loss(loss, *RUNS, "hvp")
        points, single = points_of(loss, x)
        if most is not None and points.shape[1] > most:
            raise must("x", f"one point, ({loss.dim},)", f"shape {points.shape}")
        check_product(loss, points)
        if optimizer is None:
            return cls(loss, points, single, None, 0.0)
        rule = check_optimizer(optimizer)
        if rule.runs not in (1, points.shape[1]):
            raise must("optimizer", f"for 1 run or for all {points.shape[1]} points", f"{rule.runs} runs")
        seen = {"preconditioner": None, "weight_decay": 0.0, **as_seen(rule, first_look(loss, rule, points))}
        return cls(loss, points, single, **seen)

    @property
    def root(self) -> Array | float:
        """P^-½ ``(dim, runs)``."""
        return 1.0 if self.preconditioner is None else 1 / np.sqrt(self.preconditioner)

    def product(self, runs: int) -> Callable[[Array], Array]:
        """The function v -> P^-½ (H + weight decay) P^-½ v on vectors ``(dim, runs)``, all at the one point."""
        x = np.repeat(self.x, runs, axis=1)
        return curvature.product_at(self.loss, x, self.preconditioner, self.weight_decay)

    def groups(self, probes: int, products: int = 1) -> list[slice]:
        """Split the probes into groups whose vectors fit into memory."""
        at_once = max(min(AT_ONCE // self.loss.dim, BATCH // (self.loss.dim * products)), 1)
        return [slice(begin, min(begin + at_once, probes)) for begin in range(0, probes, at_once)]
