"""Knobs and shelves: a signature is its control panel.

A factory's parameters carry their range in their annotation, as in ``beta1: Decay = 0.9``. Registering the factory on a
`Shelf` is the whole registration: the panel, the link, the axes of a sweep and the tests all read the shelf.
"""

import difflib
import functools
import hashlib
import inspect
import json
import math
import pickle
import re
import tomllib
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files
from typing import Annotated, Any, ClassVar, Generic, Literal, Self, TypeVar, cast

import numpy as np

from explorer.core.ground.elsewhere import pointer
from explorer.core.ground.travel import packed

VIEW = "view."
"""What the parts of a link begin with that say how its page looks at an experiment."""


@dataclass(frozen=True)
class Knob:
    """The range of a number: where a slider runs, and which values are refused, for a typed value may lie beyond the slider.

    >>> Knob(0, 0.99, at_least=0, below=1).rule
    '≥ 0 and < 1'
    """

    low: float = 0  # the slider's ends
    high: float = 1
    log: bool = False  # spaced by factors
    at_least: float = -math.inf  # allowed itself, and so is `at_most`
    above: float = -math.inf  # not allowed itself, nor is `below`
    at_most: float = math.inf
    below: float = math.inf
    label: str = ""  # what a panel writes beside the slider
    help: str = ""  # what it explains
    only_with: tuple[str, str] | None = None  # another knob and the value it must have for this one to matter: a panel hides it otherwise
    readable: Callable[[str], object] | None = None  # called with a free text: raises ValueError for one that means nothing
    among: Mapping[str, Any] | None = None
    """Makes a text a choice of names only known at run time: those it lists are offered, those it can look up accepted, any other refused
    by its UnknownName. It must be hashable, because Python keeps one annotation for all that are equal."""

    @property
    def rule(self) -> str:
        bounds = (("≥", self.at_least), (">", self.above), ("≤", self.at_most), ("<", self.below))
        return " and ".join(f"{sign} {bound:g}" for sign, bound in bounds if math.isfinite(bound))

    def admits(self, value: float | np.ndarray) -> bool:
        """Return whether every number in `value` satisfies the rule (nan and infinities never do)."""
        if isinstance(value, int | float):  # a tenth of the time that arrays take
            return bool(self.at_least <= value <= self.at_most and self.above < value < self.below and math.isfinite(value))
        value = np.asarray(value, dtype=float)
        inside = (value >= self.at_least) & (value > self.above) & (value <= self.at_most) & (value < self.below)
        return bool(np.all(inside & np.isfinite(value)))


def knob_table(package: str) -> dict[str, dict[str, Knob]]:
    """Return the knobs of each section of the ``knobs.toml`` of a package, by name: what a signature has no room for."""
    table = tomllib.loads((files(package) / "knobs.toml").read_text("utf-8"))

    def knob(only_with: Sequence[str] = (), **rest: Any) -> Knob:
        return Knob(**rest, only_with=(only_with[0], only_with[1]) if only_with else None)

    return {section: {name: knob(**each) for name, each in knobs.items()} for section, knobs in table.items()}


Item = TypeVar("Item")
Whole = TypeVar("Whole")
ANY_NUMBER = Knob(-10, 10)
NUMBERS = "one or more numbers, such as (1, 10)"


def must(name: str, rule: str, got: object) -> ValueError:
    """Return a refusal in the one form: the name, the rule, the value."""
    return ValueError(f"{name} must be {rule}, got {got}")


def strictly(read: tuple[Whole, Sequence[str]]) -> Whole:
    """Return what was read of a link whose every part could be read. Raises ValueError with all complaints if there are any."""
    found, complaints = read
    if complaints:
        raise ValueError("; ".join(complaints))
    return found


def check_made(name: str, value: Any, kind: Any, rule: str) -> Any:
    """Return what is of this kind, such as ``Executor | None``; anything else is refused with a sentence."""
    if not isinstance(value, kind):
        raise must(name, rule, typed(value))
    return value


def check_left(name: str, before: np.ndarray, after: np.ndarray, what: str = "x") -> None:
    """Refuse with a sentence a function that has changed in place what it was given: its caller would go on with something else."""
    if not np.array_equal(before, after, equal_nan=True):
        raise must(name, f"a function that leaves its {what} as it is: begin it with {what} = {what}.copy()", "one that changed it")


def check_takes(name: str, function: Any, *arguments: str) -> None:
    """Refuse with a sentence what cannot be called with these arguments, as far as Python knows a function's own."""
    rule = f"a function of ({', '.join(arguments)})"
    check_made(name, function, Callable, rule)
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # one written in C
        return
    try:
        signature.bind(*arguments)
    except TypeError:
        raise must(name, rule, f"one of {signature}") from None


class NotReal(ValueError):
    """A function returned complex or masked numbers."""


def check_real(name: str, *returned: Any) -> None:
    """Refuse with a sentence a function that returned complex or masked numbers: numpy would drop a part or the mask, and go on."""
    for kind, found in (("complex", map(np.iscomplexobj, returned)), ("masked", map(np.ma.is_masked, returned))):
        if any(found):
            raise NotReal(*must(name, "a function that returns real numbers", f"{kind} ones").args)


def check_mapping(name: str, value: Any, such: str) -> dict[str, Any]:
    """Return a mapping from names, or its pairs, as a dictionary; anything else is refused with a sentence."""
    try:
        pairs = [*(value.items() if isinstance(value, Mapping) else value)]
        found = {check_made(name, each, str, "names"): item for each, item in pairs}
    except (TypeError, ValueError):
        raise must(name, f"a mapping such as {such}", typed(value)) from None
    if len(found) < len(pairs):
        twice = next(each for i, (each, _) in enumerate(pairs) if each in [earlier for earlier, _ in pairs[:i]])
        raise must(name, "of different names", f"{twice!r} twice")
    return found


def check_switch(name: str, value: Any) -> bool:
    """Return what is True or False, or 1 or 0, as a bool; anything else is refused with a sentence."""
    if not (isinstance(value, bool | np.bool_ | int) and value in (0, 1)):
        raise must(name, "True or False", typed(value))
    return bool(value)


def check_floats(name: str, value: Any, *, shape: str = "a number") -> np.ndarray:
    """Return numbers, nan and infinities among them, as a float array; anything else is refused with a sentence.

    >>> check_floats("rate", "0,5")
    Traceback (most recent call last):
    ...
    ValueError: rate must be a number such as 0.5, got '0,5'
    """
    try:
        return _floats(value)
    except (TypeError, ValueError, ArithmeticError, RuntimeError):  # the last of PyTorch, for a tensor that requires a gradient
        pointed = value.strip().replace(",", ".", 1) if isinstance(value, str) and len(value) < MOST_TYPED else ""
        meant = f" such as {pointed}" if re.fullmatch(r"\A[+-]?\d++\.\d++(?:[eE][+-]?\d++)?", pointed, re.ASCII) else ""
        raise must(name, shape + meant, typed(value)) from None


def check_number(name: str, value: Any, knob: Knob = ANY_NUMBER, *, shape: str = "a number") -> Any:
    """`value` as a float, or as a float array if it is one; refused with a sentence unless finite and within `knob`, and no True."""
    boolean = isinstance(value, np.ndarray) and value.dtype.kind == "b"
    if boolean or any(isinstance(each, bool | np.bool_) for each in (value if isinstance(value, list | tuple) else [value])):
        raise must(name, shape, typed(value))
    number = check_floats(name, value, shape=shape)
    if not number.size:
        raise must(name, NUMBERS, "none")
    if not knob.admits(number):
        kept = np.array([knob.admits(each) for each in number.ravel()])
        raise must(name, f"finite and {knob.rule}" if knob.rule else "finite", _first(value, kept))
    return float(number) if number.ndim == 0 else number


def _floats(value: Any) -> np.ndarray:
    """Return numbers as float64, an integer beyond all floats as inf; complex numbers, dates and what is masked are no numbers here."""
    if any(map(np.ma.is_masked, value if isinstance(value, list | tuple) else [value])):
        raise TypeError
    if np.asarray(value).dtype.kind in "cmM":
        raise TypeError
    try:
        return np.asarray(value, dtype=float)
    except OverflowError:
        return np.asarray(np.vectorize(lambda each: float(Decimal(each)))(np.asarray(value, dtype=object)))


def check_points(name: str, value: Any, dim: int, knob: Knob = ANY_NUMBER) -> Any:
    """Return numbers within `knob` ``(dim,)`` or ``(dim, runs)`` as floats ``(dim, runs)``; anything else is refused with a sentence.

    >>> check_points("start", [1, 2], 2).shape
    (2, 1)
    """
    x = np.asarray(check_number(name, value, knob, shape="numbers"))
    if x.ndim not in (1, 2) or len(x) != dim:
        raise must(name, f"{dim} numbers, (dim,) or (dim, runs)", f"shape {x.shape}")
    return x[:, np.newaxis] if x.ndim == 1 else x


LARGEST_WHOLE = 2**53  # up to here every whole number is a float64 of its own; beyond, what is asked for would not be what runs
MOST_TYPED = 30  # the most characters of a typed number or text that a refusal repeats


def check_integer(name: str, value: Any, knob: Knob = ANY_NUMBER) -> Any:
    """Return `value` as an int, or as an int array if it is one; refused with a sentence unless whole, exact and within `knob`.

    >>> check_integer("steps", "1e308")
    Traceback (most recent call last):
    ValueError: steps must be a whole number up to 9,007,199,254,740,992, got 1e308
    """
    if type(value) is int and abs(value) <= LARGEST_WHOLE and knob.admits(value):  # no True
        return value
    number = check_number(name, value, knob)
    for rule, kept in (("", number % 1 == 0), (f" up to {LARGEST_WHOLE:,}", abs(number) <= LARGEST_WHOLE)):
        if not np.all(kept):
            raise must(name, f"a whole number{rule}", _first(value, kept))
    return int(number) if isinstance(number, float) else number.astype(int)


def check_whole(name: str, value: object, *, at_least: int, at_most: float = math.inf) -> int:
    """Return `value` as an int; refused with a sentence unless it is one whole number from `at_least` to `at_most`."""
    return int(check_one(name, check_integer(name, value, Knob(at_least=at_least, at_most=at_most))))


def check_place(name: str, value: object, count: int) -> int:
    """Return which of `count` things is meant, from 0 on or, below that, from the end; refused with a sentence if it is none of them."""
    return check_whole(name, value, at_least=-count, at_most=count - 1)


def check_scalar(name: str, value: Any, knob: Knob = ANY_NUMBER) -> float:
    """Return `value` as a float; refused with a sentence unless it is one number, finite and within `knob`."""
    return float(check_one(name, check_number(name, value, knob)))


def check_one(name: str, checked: Any) -> Any:
    """Return a checked value, refused if it is one for each run."""
    if isinstance(checked, np.ndarray):
        raise must(name, "one number", str(checked))
    return checked


def _first(value: Any, kept: Any) -> str:
    """Return the first number in `value` that is not `kept`, as it was given: text as it was typed, as far as a sentence can hold it."""
    given = np.asarray(value, dtype=object).ravel()[np.argmin(kept)]
    if isinstance(given, np.number):
        given = float(given)
    if not isinstance(given, str):
        return short(given) if isinstance(given, int | float) else typed(given)
    return _cut(given.strip(), MOST_TYPED)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def _is_empty(value: object) -> bool:
    return not value.size if isinstance(value, np.ndarray) else isinstance(value, list | tuple) and all(map(_is_empty, value))


def typed(value: object) -> str:
    """Return what was given as Python writes it, as far as a sentence can hold it: of long text its beginning, of a long integer its size.

    >>> typed("adam"), typed([]), typed("1" * 309), typed(10**400)
    ("'adam'", 'none', "'111111111111111111111111111111…'", '1e+400')
    """
    if isinstance(value, str):
        return repr(_cut(value, MOST_TYPED))
    if isinstance(value, int) and abs(value) > LARGEST_WHOLE:
        return short(value)
    tensor = any(hasattr(each, "detach") for each in (value[:2] if isinstance(value, list | tuple) else [value]))
    joined = "torch.nn.utils.parameters_to_vector(...)" * isinstance(value, list)  # the parameters of a model
    made = f", of which {joined}.detach().cpu().numpy() makes an array" * tensor
    made += ", of which .compressed() leaves out what is masked" * (np.ma.is_masked(value) and value is not np.ma.masked)
    if _is_empty(value):
        return "none"
    try:
        return _cut(" ".join(repr(value).split()), 4 * MOST_TYPED) + made
    except ValueError:  # Python writes no integer of more than 4,300 digits
        return f"a {type(value).__name__}"


@dataclass(frozen=True)
class Parameter:
    """One parameter of a factory: its `kind`, default, range and choices, and how to check, read and write a value.

    `kind` is one of ``number``, ``integer``, ``switch``, ``choice``, ``numbers``, ``choices`` and ``text``. The last three
    of a factory's kinds hold a tuple of floats, a tuple of names out of `options`, and free text.
    """

    name: str
    kind: Literal["number", "integer", "switch", "choice", "numbers", "choices", "text"]
    default: Any
    knob: Knob
    options: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return self.knob.label or self.name.replace("_", " ")

    def check(self, value: Any) -> Any:
        """The value in its canonical form. Raises ValueError naming the value, the rule and the way out."""
        match self.kind:
            case "number":
                return check_number(self.name, value, self.knob)
            case "integer":
                return check_integer(self.name, value, self.knob)
            case "switch":
                return check_switch(self.name, value)
            case "choice" if self.knob.among is not None:
                self._need(isinstance(value, str), "a name", value)
                self.knob.among[value]  # raises the sentence
            case "choice":
                self._need(isinstance(value, str) and value in self.options, f"one of {', '.join(self.options)}", value)
            case "numbers":
                values = check_number(self.name, value, self.knob, shape=NUMBERS) if not isinstance(value, str) else np.array([])
                self._need(np.ndim(values) <= 1 and np.size(values) > 0, NUMBERS, value)
                return tuple(np.ravel(values).tolist())
            case "choices":
                names = (value,) if isinstance(value, str) or not np.iterable(value) else tuple(value)
                different = all(isinstance(name, str) and name in self.options for name in names) and len(set(names)) == len(names) > 0
                self._need(different, f"one or more different names of {', '.join(self.options)}", value)
                return names
            case _:
                self._need(isinstance(value, str), "text", value)
                if self.knob.readable is not None:
                    self.knob.readable(value)
        return value

    def _need(self, holds: bool, rule: str, value: object) -> None:
        if not holds:
            raise must(self.name, rule, typed(value))

    def parse(self, text: str) -> Any:
        """The value that `write` wrote. Raises ValueError with a sentence for anything else.

        >>> Parameter("rates", "numbers", (1.0,), ANY_NUMBER).parse("1,10")
        (1.0, 10.0)
        """
        match self.kind:
            case "switch":
                return self.check({"true": True, "false": False}.get(text.lower(), text))
            case "numbers":
                parts = tuple(text.split(","))
                try:
                    np.array(parts, dtype=float)
                except ValueError:
                    raise must(self.name, "numbers with commas, such as 1,10", typed(text)) from None
                return self.check(parts)
            case "choices":
                return self.check(tuple(text.split(",")))
        return self.check(text)

    def write(self, value: Any) -> str:
        """The shortest text that `parse` turns back into exactly this value."""
        match self.kind:
            case "number":
                return short(value)
            case "switch":
                return "true" if value else "false"
            case "numbers":
                return ",".join(short(each) for each in value)
            case "choices":
                return ",".join(value)
        return str(value)


def short(number: float) -> str:
    """The shortest decimal text that reads back as the same float: ``1.0`` is ``1``. Of an integer beyond all floats, its first digits.

    >>> short(1.0), short(0.1), short(1e-8), short(10**400)
    ('1', '0.1', '1e-08', '1e+400')
    """
    try:
        return repr(float(number)).removesuffix(".0")
    except OverflowError:
        return f"{Decimal(number).normalize():.10g}"


def digest(query: Mapping[str, str]) -> str:
    """Return a fingerprint of a record by its link: two records with the same one are the same."""
    return hashlib.sha256(json.dumps(dict(query), sort_keys=True).encode()).hexdigest()


def parameters(factory: Callable[..., Any]) -> dict[str, Parameter]:
    """The parameters of `factory` by name, read from its signature.

    Raises TypeError for an annotation that no control could show, so that a factory is complete when it registers.
    """
    hints = typing.get_type_hints(factory, include_extras=True)
    return {name: _parameter(name, hints.get(name), each.default) for name, each in inspect.signature(factory).parameters.items()}


@dataclass(frozen=True)
class Look:
    """How a page looks at what it shows: its fields are controls and, after ``view.``, parts of a link.

    >>> @dataclass(frozen=True)
    ... class Seeds(Look):
    ...     seeds: Annotated[int, Knob(at_least=1)] = 1
    >>> Seeds(3).to_query(), Seeds.salvage({"loss": "ravine", "view.seeds": "0"})
    ({'view.seeds': '3'}, (Seeds(seeds=1), ['seeds must be finite and ≥ 1, got 0']))
    """

    def __post_init__(self) -> None:
        for name, each in parameters(type(self)).items():
            if getattr(self, name) != each.default:
                object.__setattr__(self, name, each.check(getattr(self, name)))

    def to_query(self) -> dict[str, str]:
        """As parts of a link; what has its default is left out."""
        known = parameters(type(self))
        return {f"{VIEW}{name}": each.write(getattr(self, name)) for name, each in known.items() if getattr(self, name) != each.default}

    @classmethod
    def salvage(cls, query: Mapping[str, str]) -> tuple[Self, list[str]]:
        """As much of a link's parts as can be read, and a sentence for each that cannot."""
        known = parameters(cls)
        read: dict[str, Any] = {}
        complaints = []
        for dotted in (each for each in query if each.startswith(VIEW)):
            name = dotted.removeprefix(VIEW)
            try:
                if name not in known:
                    raise ValueError(f"a link has no part named {dotted!r}")
                read[name] = known[name].parse(query[dotted])
            except ValueError as error:
                complaints.append(str(error))
        return cls(**read), complaints


def experiment(query: Mapping[str, str]) -> dict[str, str]:
    """Return a link without how its page looks at it, the parts that begin with ``view.``."""
    return {name: text for name, text in query.items() if not name.startswith(VIEW)}


def _parameter(name: str, hint: Any, default: Any) -> Parameter:
    knob = ANY_NUMBER
    if typing.get_origin(hint) is Annotated:
        hint, *notes = typing.get_args(hint)
        knob = next((note for note in notes if isinstance(note, Knob)), knob)
    if typing.get_origin(hint) is Literal:
        return Parameter(name, "choice", default, knob, typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        item = typing.get_args(hint)[0]
        if typing.get_origin(item) is Literal or knob.among is not None:
            return Parameter(name, "choices", default, knob, typing.get_args(item) or tuple(knob.among or ()))
        return Parameter(name, "numbers", default, knob)
    if hint is str and knob.among is not None:
        return Parameter(name, "choice", default, knob, tuple(knob.among))
    kinds: dict[Any, Any] = {float: "number", int: "integer", bool: "switch", str: "text"}
    if hint not in kinds:
        raise TypeError(f"{name}: no control can show {hint!r}; annotate it as float, int, bool, str, Literal or a tuple of these")
    return Parameter(name, kinds[hint], default, knob)


class UnknownName(KeyError, ValueError):
    """A name that is not on the shelf; the message lists those that are."""

    def __str__(self) -> str:
        return str(self.args[0])


class Shelf(Mapping[str, Callable[..., Item]], Generic[Item]):
    """Named factories. Decorating a factory with the shelf registers it under its own name and checks its arguments.

    `finish` is called with what a factory made, its name and its checked knobs, and may write them into it. With `for_each_run` a knob may
    be a number for each run; else it is one number.

    >>> SHELF = Shelf("toy")
    >>> @SHELF
    ... def spring(stiffness: Annotated[float, Knob(0, 10, at_least=0)] = 1.0):
    ...     return f"a spring of {stiffness}"
    >>> SHELF["spring"](stiffness=2)
    'a spring of 2.0'
    >>> SHELF["spring"](stiffness=-1)
    Traceback (most recent call last):
    ValueError: stiffness must be finite and ≥ 0, got -1
    """

    every: ClassVar[list["Shelf[Any]"]] = []

    def __init__(
        self, kind: str, finish: Callable[[Item, str, dict[str, Any]], Item] = lambda made, name, knobs: made, *, for_each_run: bool = False
    ) -> None:
        self.kind, self.finish, self.for_each_run = kind, finish, for_each_run
        self.every.append(self)
        self._factories: dict[str, Callable[..., Item]] = {}
        self._parameters: dict[str, dict[str, Parameter]] = {}
        self._titles: dict[str, str] = {}
        self._torch: dict[str, str] = {}
        self._learned: dict[str, bytes] = {}

    def __call__(self, factory: Callable[..., Item]) -> Callable[..., Item]:
        if not hasattr(factory, "__name__"):
            raise must(f"what is put on the shelf of the {self.kind}s", "a function, by whose name it is found", typed(factory))
        name, known, signature = factory.__name__, parameters(factory), inspect.signature(factory)

        @functools.wraps(factory)
        def checked(*args: Any, **kwargs: Any) -> Item:
            for knob in kwargs.keys() - known.keys():
                raise TypeError(f"{name} has no knob {knob!r}{pointer(knob)}{_taken_by(knob)}; it has {', '.join(known) or 'none'}")
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            for knob, value in bound.arguments.items():
                it = known[knob].check(value)
                bound.arguments[knob] = it if self.for_each_run else check_one(knob, it)
            with np.errstate(over="ignore"):  # overflow is a result
                return self.finish(factory(*bound.args, **bound.kwargs), name, dict(bound.arguments))

        self._factories[name], self._parameters[name] = checked, known
        return checked

    def named(self, title: str = "", *, torch: str = "") -> Callable[[Callable[..., Item]], Callable[..., Item]]:
        """Register with what the function's name cannot say.

        `title` is the name as people write it, where that is not the name with spaces for underscores; `torch` is PyTorch's call
        of the same, such as ``SGD(nesterov=True)``, which the tests compare with; nothing where PyTorch has none.

        >>> SHELF = Shelf("toy")
        >>> @SHELF.named("RMSProp", torch="RMSprop")
        ... def rmsprop(): ...
        >>> SHELF.title("rmsprop"), SHELF.torch("rmsprop")
        ('RMSProp', 'RMSprop')
        """

        def register(factory: Callable[..., Item]) -> Callable[..., Item]:
            self._titles[factory.__name__], self._torch[factory.__name__] = title, torch
            return self(factory)

        return register

    def made(self, given: Any) -> Any:
        """Return what the factory of this name makes with its defaults; what is no name is returned as it is.

        >>> SHELF = Shelf("toy")
        >>> @SHELF
        ... def spring(stiffness: float = 1.0):
        ...     return f"a spring of {stiffness}"
        >>> SHELF.made("spring"), SHELF.made(3)
        ('a spring of 1.0', 3)
        """
        return self[given]() if isinstance(given, str) else given

    def title(self, name: str) -> str:
        """The name as people write it: ``three_hump_camel`` is three hump camel, ``x_squared`` is x²."""
        check_made("name", name, str, "a name")
        return self._titles.get(name) or name.replace("_", " ")

    def torch(self, name: str) -> str:
        """PyTorch's call of the same; empty where it has none."""
        check_made("name", name, str, "a name")
        return self._torch.get(name, "")

    def carried(self, name: str) -> bytes:
        """The factory of this name for the shelf of another process, which has to `learn` it; empty for one of this package."""
        factory = inspect.unwrap(self[name])
        if factory.__module__.partition(".")[0] == __name__.partition(".")[0]:
            return b""
        self._learned[name] = own = packed((factory, self._titles.get(name, ""), self.torch(name)))
        return own

    def learn(self, name: str, own: bytes) -> None:
        """Register what was `carried` here, unless it is what this name stands for already."""
        if own and self._learned.get(name) != own:
            factory, title, torch = pickle.loads(own)
            self.named(title, torch=torch)(factory)
            self._learned[name] = own

    def parameters(self, name: str) -> dict[str, Parameter]:
        """The knobs of one factory by name. Raises UnknownName, a ValueError that lists the names there are."""
        _ = self[name]
        return dict(self._parameters[name])

    def __getitem__(self, name: Any) -> Callable[..., Item]:
        if not isinstance(name, str) or name not in self._factories:
            near = difflib.get_close_matches(name.lower(), self._factories, n=1) if isinstance(name, str) else []
            hint = pointer(name) or (f"; did you mean {near[0]}?" if near else "")
            raise UnknownName(f"{self.kind} must be one of {', '.join(self._factories)}, got {typed(name)}{hint}")
        return self._factories[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._factories)

    def __len__(self) -> int:
        return len(self._factories)


Door = TypeVar("Door", bound=Callable[..., Any])


def door(function: Door) -> Door:
    """The same public function, or class, which says the right name where a keyword has the one of another library or belongs elsewhere.

    >>> @door
    ... def run(learning_rate): ...
    >>> run(lr=0.1)
    Traceback (most recent call last):
    TypeError: run has no keyword 'lr': say learning_rate
    """
    own = inspect.signature(function).parameters
    takes_more = any(each.kind is each.VAR_KEYWORD for each in own.values())
    called = getattr(function, "__init__") if isinstance(function, type) else function  # noqa: B009 - as with `setattr` below

    @functools.wraps(called)
    def asked(*args: Any, **kwargs: Any) -> Any:
        for name in kwargs.keys() - own.keys():
            alike = "".join(f": say {each}" for each in difflib.get_close_matches(name, own, 1))
            hint = pointer(name) or ("" if takes_more else knob_of(name, dotted="knobs" in own) or alike)
            if hint or not takes_more:
                raise TypeError(f"{function.__name__} has no keyword {name!r}{hint or '; it has ' + ', '.join(own)}")
        try:
            return called(*args, **kwargs)
        except (StopIteration, RuntimeError) as error:  # within a generator Python makes the second of the first (PEP 479)
            if isinstance(error, StopIteration) or isinstance(error.__cause__, StopIteration):
                raise must("a function of yours", "one that can be asked again and again", "one whose iterator has ended") from error
            raise

    if not isinstance(function, type):
        return cast(Door, asked)
    setattr(function, "__init__", asked)  # noqa: B010 - a checker knows no other way to do this to a class
    return function


def knob_of(name: str, *, dotted: bool = False) -> str:
    """Return whose knob this is, to be put after a refusal of it as a keyword; nothing if it is nobody's.

    With `dotted`, as a `Setup` takes it.
    """
    owners = [(shelf, item) for shelf in Shelf.every for item in shelf if name in shelf.parameters(item)]
    if not owners:
        return ""
    shelf, item = min(owners, key=lambda owner: owner[1] != name)
    if dotted:
        return f': it is a knob of the {shelf.kind}: say knobs={{"{shelf.kind}.{name}": ...}}'
    made = f'{shelf.kind.upper()}{"ES" if shelf.kind.endswith("s") else "S"}["{item}"]({name}=...)'
    return f": it is a knob of {'an' if shelf.kind[0] in 'aeiou' else 'a'} {shelf.kind}, as in {made}"


def _taken_by(knob: str) -> str:
    """Return who takes what a factory does not, where that is another than the one who asks."""
    return ", to run or another door" if pointer(knob).endswith((" learning_rate", " steps", " start", " seed", " schedule")) else ""


NOT_NEGATIVE = Knob(at_least=0)
