"""Shelves: a signature is its control panel.

Registering a factory on a `Shelf` is the whole registration: the panel, the link, the axes of a sweep and the tests all read the shelf.
A public function, a `door`, says whose a keyword is that it does not take.
"""

import difflib
import functools
import inspect
import pickle
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Generic, TypeVar, cast

import numpy as np

from explorer.core.ground.checks import check_made, check_one, must, typed
from explorer.core.ground.elsewhere import pointer
from explorer.core.ground.parameters import Parameter, parameters
from explorer.core.ground.travel import packed

Item = TypeVar("Item")


class UnknownName(KeyError, ValueError):
    """A name that is not on the shelf; the message lists those that are."""

    def __str__(self) -> str:
        return str(self.args[0])


class Shelf(Mapping[str, Callable[..., Item]], Generic[Item]):
    """Named factories. Decorating a factory with the shelf registers it under its own name and checks its arguments.

    `finish` is called with what a factory made, its name and its checked knobs, and may write them into it. With `for_each_run` a knob may
    be a number for each run; else it is one number.

    >>> from typing import Annotated
    >>> from explorer.core.ground.knobs import Knob
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
                raise TypeError(f"{name} has no knob {typed(knob)}{pointer(knob)}{_taken_by(knob)}; it has {', '.join(known) or 'none'}")
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
