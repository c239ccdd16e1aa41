"""A loss as the lines of Python that compute it, for a program that somebody takes away."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, eq=False)
class Written:
    """The bodies of ``loss(x)`` and ``gradient(x)`` for one point ``(dim,)``, in numpy, and the arrays that they name.

    With `coordinates` the bodies speak of those: of one, which then is the point and a plain number, or of several. `examples` names the
    arrays of which a mini-batch takes rows. `torch` is the body of the loss in PyTorch where it is not the same with torch for np: "" if
    PyTorch has no such function. A test runs what is written beside the loss itself.
    """

    value: str
    gradient: str
    numbers: Mapping[str, Any] = field(default_factory=dict)
    coordinates: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    torch: str | None = None


def from_source(factory: Callable[..., Any]) -> Written:
    """Read the `function` and the `gradient` that a factory hands over, out of its own source, so that nobody writes them twice."""
    source = textwrap.dedent(inspect.getsource(inspect.unwrap(factory)))
    tree = ast.parse(source)
    inner: dict[str, Any] = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    given: dict[str | None, Any] = {each.arg: each.value for each in ast.walk(tree) if isinstance(each, ast.keyword)}
    bodies: dict[str, str] = {}
    for role in ("function", "gradient"):
        node: Any = inner[given[role].id] if isinstance(given[role], ast.Name) else given[role]
        *before, last = [node.body] if isinstance(node, ast.Lambda) else [*node.body[:-1], node.body[-1].value]
        parts = last.elts if isinstance(last, ast.Tuple) else [last]
        *lines, text = (str(ast.get_source_segment(source, each)) for each in (*before, parts[0]))
        rest = "".join(f", {ast.get_source_segment(source, each)}" for each in parts[1:])
        bodies[role] = "\n".join([*lines, f"return np.array([{text}{rest}])" if rest else f"return {text}"])
    return Written(bodies["function"], bodies["gradient"], coordinates=tuple(each.arg for each in node.args.args))
