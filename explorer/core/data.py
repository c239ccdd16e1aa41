"""Data sets: small frozen tables on a shelf, and those that visitors uploaded."""

import functools
import hashlib
import threading
import typing
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import numpy as np

from explorer.core.ground.arrays import Array
from explorer.core.ground.checks import typed
from explorer.core.ground.extras import needs
from explorer.core.ground.knobs import Knob
from explorer.core.ground.shelf import Shelf, UnknownName

POINTS = 3  # stream id of the drawn points: keeps them independent of a network's weights, which the same seed draws


def _of(data: str, low: float = 0, high: float = 1, **rest: Any) -> Knob:
    """Return a knob that matters for one table only."""
    return Knob(low, high, only_with=("data", data), **rest)


Column = Literal["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"]
Columns = Annotated[
    tuple[Column, ...], _of("diabetes", label="columns", help="Which measurements of the patients predict the disease's progress.")
]
Examples = Annotated[int, _of("noisy_line", 2, 500, at_least=1, at_most=1_000_000, label="examples", help="How many points are drawn.")]
Noise = Annotated[float, _of("noisy_line", 0, 5, at_least=0, label="noise", help="Standard deviation of the targets around the line.")]
Seed = Annotated[int, Knob(0, 99, at_least=0, at_most=2**32 - 1, label="seed", help="Another seed draws other random numbers.")]

CancerColumn = Literal[
    "mean radius", "mean texture", "mean perimeter", "mean area", "mean smoothness",
    "mean compactness", "mean concavity", "mean concave points", "mean symmetry", "mean fractal dimension",
    "radius error", "texture error", "perimeter error", "area error", "smoothness error",
    "compactness error", "concavity error", "concave points error", "symmetry error", "fractal dimension error",
    "worst radius", "worst texture", "worst perimeter", "worst area", "worst smoothness",
    "worst compactness", "worst concavity", "worst concave points", "worst symmetry", "worst fractal dimension",
]  # fmt: skip
CANCER_COLUMNS: tuple[CancerColumn, ...] = typing.get_args(CancerColumn)
CancerColumns = Annotated[
    tuple[CancerColumn, ...], _of("breast_cancer", label="columns", help="Which measurements of the cells tell a tumor's kind.")
]
Species = Annotated[Literal["setosa", "versicolor", "virginica"], _of("iris", label="species", help="This one against the other two.")]
Cultivar = Annotated[Literal["first", "second", "third"], _of("wine", label="cultivar", help="This one against the other two.")]
Response = Annotated[Literal["weight", "waist", "pulse"], _of("linnerud", label="response", help="What the exercises are to predict.")]
Gap = Annotated[float, _of("blobs", 0, 10, at_least=0, label="gap", help="Between the clouds' centers; each has a spread of 1.")]
BlobPoints = Annotated[int, _of("blobs", 2, 500, at_least=2, at_most=1_000_000, label="examples", help="How many points are drawn.")]
Points = Annotated[int, Knob(2, 500, at_least=2, at_most=1_000_000, label="examples", help="How many points are drawn.")]
Spread = Annotated[float, Knob(at_least=0, label="noise", help="Standard deviation of what is added to every point.")]
Turns = Annotated[float, Knob(0.5, 3, above=0, at_most=20, label="turns", help="How often each arm of the spirals goes around.")]


@dataclass(frozen=True, eq=False)
class Table:
    """Examples in rows: `features` ``(n, p)``, `target` ``(n,)``, the `names` of the p columns, and what the target is called."""

    features: Array
    target: Array
    names: tuple[str, ...]
    answer: str = "y"


DATA: Shelf[Table] = Shelf("data")


@DATA
def diabetes(columns: Columns = ("bmi", "bp")) -> Table:
    """442 patients: body measurements and blood values in their own units, and the progression of their diabetes a year later.

    Efron, Hastie, Johnstone and Tibshirani 2004, "Least angle regression"; scikit-learn's ``load_diabetes(scaled=False)``.

    >>> table = diabetes(columns=("bp", "age"))
    >>> table.features[0].tolist(), table.target[0].item()
    ([101.0, 59.0], 151.0)
    """
    features, target, names, _ = _bundled("diabetes")
    return Table(features[:, [names.index(column) for column in columns]], target.copy(), columns, "progress")


@DATA
def line() -> Table:
    """Eight points exactly on y = 0.4 x, at x = 5, 10, ... 40: a table anyone can fit by hand, but far from zero mean.

    The question "linear regression diverges at .01 but not at .001", CASES Q0.

    >>> line().target.tolist()
    [2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0]
    """
    x = np.arange(5.0, 45.0, 5.0)
    return Table(x[:, None], x * 2 / 5, ("x",))


@DATA
def noisy_line(examples: Examples = 50, noise: Noise = 1.0, seed: Seed = 0) -> Table:
    """Points around y = 2x with x drawn evenly from -1 to 1: the article's recipe for a regression through the origin.

    y = 2x + noise · N(0, 1), CASES S4.

    >>> noisy_line(examples=3, noise=0).features.shape
    (3, 1)
    """
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, examples)
    return Table(x[:, None], 2 * x + noise * rng.standard_normal(examples), ("x",))


@DATA
def linnerud(response: Response = "weight") -> Table:
    """Twenty men at a fitness club: chin-ups, sit-ups and jumps, and their weight (pounds), waist (inches) or pulse.

    Tenenhaus 1998, "La régression PLS"; scikit-learn's ``load_linnerud``.

    >>> table = linnerud(response="pulse")
    >>> table.names, table.features[0].tolist(), table.target[0].item()
    (('chins', 'situps', 'jumps'), [5.0, 162.0, 60.0], 50.0)
    """
    features, targets, names, responses = _bundled("linnerud")
    chosen = [each.lower() for each in responses].index(response)
    return Table(features.copy(), targets[:, chosen].copy(), tuple(each.lower() for each in names), response)


@DATA
def blobs(examples: BlobPoints = 50, gap: Gap = 3.0, seed: Seed = 0) -> Table:
    """Two round clouds of points in the plane, half of the points each: a wide gap lets a line separate them.

    (x, y) = N(0, I) ± (gap/2, 0), labeled ±1. Whether the classes are separable depends on the draw: below a gap of 3 hardly
    ever, above 6 nearly always.

    >>> blobs(examples=4).target.tolist()
    [-1.0, 1.0, -1.0, 1.0]
    """
    label = np.where(np.arange(examples) % 2, 1.0, -1.0)
    points = np.random.default_rng([seed, POINTS]).standard_normal((examples, 2))
    return Table(points + np.outer(label, [gap / 2, 0.0]), label, ("x", "y"))


@DATA
def three_to_one() -> Table:
    """Eight points that no line separates: of the four at 1 three are positive, of the four at -1 three are negative.

    The best weight is log 3, where the curvature is ¾ · ¼: 2/λ = 32/3 (THEORY 48).

    >>> table = three_to_one()
    >>> (table.features[:, 0] * table.target).tolist()
    [1.0, 1.0, 1.0, -1.0, 1.0, 1.0, 1.0, -1.0]
    """
    x, agrees = np.repeat([1.0, -1.0], 4), np.tile([1.0, 1.0, 1.0, -1.0], 2)
    return Table(x[:, None], x * agrees, ("x",))


@DATA
def breast_cancer(columns: CancerColumns = CANCER_COLUMNS) -> Table:
    """569 tumors: sizes and shapes of their cells' nuclei, and whether they are benign (1) or malignant (-1).

    Street, Wolberg and Mangasarian 1993; scikit-learn's ``load_breast_cancer``.

    >>> breast_cancer(columns=("mean area", "worst texture")).features[0].tolist()
    [1001.0, 17.33]
    """
    features, target, names, _ = _bundled("breast_cancer")
    return Table(features[:, [names.index(column) for column in columns]], np.where(target == 1, 1.0, -1.0), columns)


@DATA
def iris(species: Species = "setosa") -> Table:
    """150 irises: length and width of their sepals and petals in cm, one species (1) against the other two (-1).

    Setosa is separable from the rest; the other two are not. Fisher 1936; scikit-learn's ``load_iris``.

    >>> int((iris().target == 1).sum())
    50
    """
    features, target, names, kinds = _bundled("iris")
    return Table(features.copy(), np.where(target == kinds.index(species), 1.0, -1.0), tuple(each.removesuffix(" (cm)") for each in names))


@DATA
def wine(cultivar: Cultivar = "first") -> Table:
    """178 Italian wines: 13 chemical measurements in their own units, one cultivar (1) against the other two (-1).

    Aeberhard and Forina 1992; scikit-learn's ``load_wine``.

    >>> wine().names[:3]
    ('alcohol', 'malic_acid', 'ash')
    """
    features, target, names, _ = _bundled("wine")
    return Table(features.copy(), np.where(target == ("first", "second", "third").index(cultivar), 1.0, -1.0), tuple(names))


@DATA
def moons(examples: Points = 100, noise: Spread = 0.2, seed: Seed = 0) -> Table:
    """Two half circles that reach into each other, one a class: no line separates them, a small network does.

    scikit-learn's ``make_moons``, labeled ±1.

    >>> sorted(moons(examples=4, noise=0).features.round(6).tolist())
    [[-1.0, 0.0], [0.0, 0.5], [1.0, 0.0], [2.0, 0.5]]
    """
    return _drawn("moons", examples, noise, seed)


@DATA
def circles(examples: Points = 100, noise: Spread = 0.1, seed: Seed = 0) -> Table:
    """Two circles around one center, one a class: the inner has half the radius of the outer.

    scikit-learn's ``make_circles`` with ``factor=0.5``, labeled ±1.

    >>> sorted(np.linalg.norm(circles(examples=4, noise=0).features, axis=1).round(6).tolist())
    [0.5, 0.5, 1.0, 1.0]
    """
    return _drawn("circles", examples, noise, seed, factor=0.5)


def _drawn(name: str, examples: int, noise: float, seed: int, **shape: float) -> Table:
    """Return points in the plane from one of scikit-learn's recipes, their two classes as ±1."""
    features, target = getattr(_datasets(name), f"make_{name}")(examples, noise=noise or None, random_state=seed, **shape)
    return Table(features, np.where(target == 1, 1.0, -1.0), ("x", "y"))


@DATA
def spirals(examples: Points = 100, turns: Turns = 1.0, noise: Spread = 0.05, seed: Seed = 0) -> Table:
    """Two arms of a spiral wound into each other, one a class: the hardest of the plane's data sets for a small network.

    At radius r from 0 to 1 the arm is at the angle 2π · turns · r, the other one opposite (Lang and Witbrock 1988, "Learning to tell two
    spirals apart").

    >>> spirals(examples=4, noise=0).target.tolist()
    [-1.0, 1.0, -1.0, 1.0]
    """
    label = np.where(np.arange(examples) % 2, 1.0, -1.0)
    r = (np.arange(examples) // 2 + 1) / ((examples + 1) // 2)
    angle = 2 * np.pi * turns * r
    points = (label * r)[:, np.newaxis] * np.column_stack([np.cos(angle), np.sin(angle)])
    return Table(points + noise * np.random.default_rng([seed, POINTS]).standard_normal(points.shape), label, ("x", "y"))


@DATA
def waves(examples: Points = 20, noise: Spread = 0.0, seed: Seed = 0) -> Table:
    """Points on the curve y = sin 3x, evenly from x = -1 to 1: the smallest regression that wants a curve.

    >>> table = waves(examples=3)
    >>> table.features[:, 0].tolist(), table.target.round(3).tolist()
    ([-1.0, 0.0, 1.0], [-0.141, 0.0, 0.141])
    """
    x = np.linspace(-1, 1, examples)
    return Table(x[:, np.newaxis], np.sin(3 * x) + noise * np.random.default_rng([seed, POINTS]).standard_normal(examples), ("x",))


@DATA
def digits() -> Table:
    """1797 written digits as images of 8 × 8 pixels from 0 (white) to 16 (black), and which digit each is meant to be.

    Alpaydin and Kaynak 1998, "Optical recognition of handwritten digits"; scikit-learn's ``load_digits``.

    >>> table = digits()
    >>> table.features.shape, table.features.max().item(), table.target[:4].tolist()
    ((1797, 64), 16.0, [0.0, 1.0, 2.0, 3.0])
    """
    features, target, names, _ = _bundled("digits")
    return Table(features.copy(), target.astype(float), tuple(names))


def _datasets(name: str) -> Any:
    """Return the module of scikit-learn that has the data set of this name."""
    with needs("data", f'the data set "{name}"'):
        from sklearn import datasets  # here, because it takes longer to import than everything else together
    return datasets


@functools.cache
def _bundled(name: str) -> tuple[Array, Array, list[str], list[str]]:
    """Return one of scikit-learn's data sets: features, target, and the names of both."""
    datasets = _datasets(name)
    bunch = datasets.load_diabetes(scaled=False) if name == "diabetes" else getattr(datasets, f"load_{name}")()
    return bunch.data, bunch.target, list(map(str, bunch.feature_names)), list(map(str, bunch.get("target_names", ())))


MOST_UPLOADS = 16  # uploaded tables that are kept, the least recently used dropped first: at worst 64 MB of numbers, at 1 MB a file

_uploads: OrderedDict[str, Table] = OrderedDict()
_uploads_lock = threading.Lock()


def remember(table: Table) -> str:
    """Store an uploaded table and return the name by which any loss on data finds it, such as ``upload-3fa9c1d2e4b5``.

    The name is a hash of the table's content: the same table uploaded again, even after a restart, has the same name, so a link to it
    works again. It is long enough not to be guessed and is listed nowhere, so a visitor's table is found only by who has its link.

    >>> remember(line()) == remember(line())
    True
    """
    parts = [table.features.tobytes(), table.target.tobytes(), repr((table.features.shape, table.names)).encode()]
    name = "upload-" + hashlib.sha256(b"".join(parts)).hexdigest()[:12]
    for array in (table.features, table.target):
        array.setflags(write=False)
    with _uploads_lock:
        _uploads[name] = table
        _uploads.move_to_end(name)
        while len(_uploads) > MOST_UPLOADS:
            _uploads.popitem(last=False)
    return name


@dataclass(frozen=True)
class Tables(Mapping[str, Callable[..., Table]]):
    """What a loss can be fitted to: it lists some of the tables on the shelf, and looks up those and every remembered upload.

    >>> tables = Tables(("line",))
    >>> list(tables), remember(line()) in tables, "iris" in tables
    (['line'], True, False)
    """

    names: tuple[str, ...]

    def __getitem__(self, name: str) -> Callable[..., Table]:
        if name in self.names:
            return DATA[name]
        with _uploads_lock:
            if name in _uploads:
                _uploads.move_to_end(name)
                table = _uploads[name]
                return lambda: table
        if name.startswith("upload-"):
            raise UnknownName(
                f"data must be a table that this app still has, got {name!r}: an uploaded file is kept only until the app restarts or"
                f" {MOST_UPLOADS} others replace it; upload the same file again and the link works"
            )
        raise UnknownName(f"data must be one of {', '.join(self.names)}, or an uploaded table, got {typed(name)}")

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def load(self, name: str, knobs: Mapping[str, Any]) -> Table:
        """Return the table of that name, drawn with those of the `knobs` that it has. Raises UnknownName, a ValueError with a sentence."""
        factory = self[name]
        return factory(**{knob: knobs[knob] for knob in (DATA.parameters(name) if name in DATA else ())})


def standardize(table: Table) -> Table:
    """Return the table with every feature shifted to mean 0 and scaled to standard deviation 1 (dividing by n, as scikit-learn does).

    A constant column says nothing about the examples and has no spread to divide by: it becomes zero, not nan.

    >>> standardize(Table(np.array([[1.0, 7.0], [3.0, 7.0]]), np.zeros(2), ("a", "b"))).features.tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """
    X = table.features
    # Compared with itself, because the rounded mean of equal numbers can differ from them and leave a tiny spread.
    constant = np.equal(X, X[0]).all(axis=0)
    X = np.where(constant, 0.0, X)
    return replace(table, features=(X - X.mean(axis=0)) / np.where(constant, 1.0, X.std(axis=0)))


def center(table: Table) -> Table:
    """Return the table with every feature shifted to mean 0; its spread is unchanged.

    >>> center(Table(np.array([[1.0], [4.0]]), np.zeros(2), ("a",))).features.tolist()
    [[-1.5], [1.5]]
    """
    return replace(table, features=table.features - table.features.mean(axis=0))


def to_unit(table: Table) -> Table:
    """Return the table with all features divided by one number, the largest there is: digits then go from 0 to 1.

    >>> to_unit(Table(np.array([[2.0, -4.0]]), np.zeros(1), ("a", "b"))).features.tolist()
    [[0.5, -1.0]]
    """
    largest = np.abs(table.features).max(initial=0)
    return replace(table, features=table.features / (largest if largest > 0 else 1.0))


def with_cell(table: Table, row: int, column: int, value: float) -> Table:
    """Return the table with one number replaced, by an outlier, nan or inf. Counts past the end wrap around to the first row or column.

    >>> with_cell(Table(np.zeros((2, 1)), np.zeros(2), ("a",)), row=3, column=0, value=np.inf).features.tolist()
    [[0.0], [inf]]
    """
    features = table.features.copy()
    features[row % len(features), column % features.shape[1]] = value
    return replace(table, features=features)


def with_feature_scaled(table: Table, column: int, factor: float) -> Table:
    """Return the table with one feature in other units: multiplied by `factor`.

    >>> with_feature_scaled(Table(np.ones((1, 2)), np.zeros(1), ("a", "b")), column=1, factor=1000).features.tolist()
    [[1.0, 1000.0]]
    """
    factors = np.ones(table.features.shape[1])
    factors[column % factors.size] = factor
    return replace(table, features=table.features * factors)


def with_wrong_labels(table: Table, share: float, seed: int) -> Table:
    """Return the table with a share of its targets shuffled among themselves: some examples carry another example's label.

    >>> before = Table(np.zeros((8, 1)), np.arange(8.0), ("a",))
    >>> int((with_wrong_labels(before, share=0.5, seed=0).target != before.target).sum())
    4
    """
    random = np.random.default_rng(seed)
    chosen = random.permutation(len(table.target))[: round(share * len(table.target))]
    target = table.target.copy()
    target[chosen] = table.target[np.roll(chosen, 1)]
    return replace(table, target=target)
