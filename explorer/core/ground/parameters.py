"""The parameters of a factory, read from its signature: how a value is checked, read from a link and written into one."""

import hashlib
import inspect
import json
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self, TypeVar

import numpy as np

from explorer.core.ground.checks import NUMBERS, check_integer, check_number, check_switch, must, short, typed
from explorer.core.ground.knobs import ANY_NUMBER, Knob

VIEW = "view."
"""What the parts of a link begin with that say how its page looks at an experiment."""


Whole = TypeVar("Whole")


def strictly(read: tuple[Whole, Sequence[str]]) -> Whole:
    """Return what was read of a link whose every part could be read. Raises ValueError with all complaints if there are any."""
    found, complaints = read
    if complaints:
        raise ValueError("; ".join(complaints))
    return found


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
                    raise ValueError(f"a link has no part named {typed(dotted)}")
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
