"""A run as a program that somebody takes away: the Python that makes it, with numpy alone, with PyTorch, or as a notebook."""

import ast
import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode

import numpy as np

from explorer.core.ground.prose import counted
from explorer.core.losses import Facts
from explorer.core.losses.written import Written
from explorer.core.optimizers import OPTIMIZERS, Optimizer
from explorer.core.optimizers.rule import in_torch_words
from explorer.core.run.descent import NOISE
from explorer.core.run.setup import SHELVES, Setup

MOST_NUMBERS = 20_000
"""The most numbers of data and start that a program holds: about 200 kB of text."""

MATRICES_ONLY = {"Muon"}
"""Rules that PyTorch has for matrices alone: there the point is one column."""

Library = Literal["numpy", "torch"]


def program(setup: Setup, library: Library = "numpy") -> str:
    """Return the text of a program that makes this run and prints its loss at every step, named ``losses``.

    Its lines are those that the loss and the rule know of themselves. Where one has none, there are too many numbers, or the run is in
    float32, it asks this package for the run, and says so in its first lines.

    >>> print(program(Setup("x_squared", learning_rate=0.5, steps=2)).partition("x = ")[2])
    np.float64(1.0)
    losses = [loss(x)]
    for t in range(1, steps + 1):
        g = gradient(x)
        x = x - learning_rate * g
        losses.append(loss(x))
    <BLANKLINE>
    for t, value in enumerate(losses):
        print(t, float(value))
    <BLANKLINE>
    """
    loss, rule, start = setup.make_loss(), setup.make_optimizer(), setup.initial_point
    written = Facts(loss).written
    blocks = rule.shaped and len(Facts(loss).blocks) > 0  # its lines are those for one vector
    if written is None or not rule.code[2] or blocks or (library == "torch" and written.torch == ""):
        why = f"{'PyTorch' if library == 'torch' else 'numpy'} has no short form of this run"
    elif start.dtype != np.float64:
        why = f"this run is computed in {start.dtype}"
    elif start.size + sum(map(np.size, written.numbers.values())) > MOST_NUMBERS:
        why = f"this run has more than {MOST_NUMBERS:,} numbers of data and weights"
    else:
        writer = _Writer(setup, written, rule, library == "torch")
        return "\n".join([*writer.head(), *(writer.with_torch() if writer.own else writer.by_hand()), *SAID]) + "\n"
    lines = [about(setup), f"# Made with the package divergence-explorer, because {why}."]
    lines += ["# The uploaded table comes first: explorer.core.data.remember(table)."] * ("upload-" in str(setup.knobs))
    lines += [
        "from explorer import Setup",
        "",
        f"setup = Setup.from_query({urlencode(setup.to_query())!r})",
        "losses = setup.run().loss[:, 0]",
    ]
    return "\n".join([*lines, *SAID]) + "\n"


SAID = ["", "for t, value in enumerate(losses):", "    print(t, float(value))"]

PLOT = """try:
    import matplotlib.pyplot as plt
except ImportError:
    print("pip install matplotlib, and this cell draws the losses")
else:
    plt.semilogy(losses)
    plt.xlabel("step")
    plt.ylabel("loss")
    plt.show()"""


def about(setup: Setup) -> str:
    """Return the comment that says what is run.

    >>> about(Setup("x_squared", steps=20))
    '# x² · gradient descent · learning rate 0.1 · 20 steps'
    """
    kinds = ("loss", "optimizer", "schedule")[: 2 + (setup.schedule != "constant")]
    names = [SHELVES[kind].title(getattr(setup, kind)) for kind in kinds]
    return "# " + " · ".join([*names, f"learning rate {setup.learning_rate:g}", counted(setup.steps)])


def notebook(setup: Setup, said: str = "") -> str:
    """Return the run as a Jupyter notebook (nbformat 4.5): what is run and what was `said` of it, the program in numpy, a plot."""
    words = f"### {about(setup).removeprefix('# ')}\n\n{said}"
    sources = [("markdown", words.strip()), ("code", program(setup).strip()), ("code", PLOT)]
    code: dict[str, Any] = {"execution_count": None, "outputs": []}
    cells = [
        {"cell_type": kind, "id": f"cell-{i}", "metadata": {}, "source": source} | (code if kind == "code" else {})
        for i, (kind, source) in enumerate(sources)
    ]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": cells}, ensure_ascii=False, indent=1)


@dataclass(frozen=True)
class _Writer:
    """The parts of one program; `torch` says in which library."""

    setup: Setup
    loss: Written
    rule: Optimizer
    torch: bool

    @property
    def own(self) -> bool:
        """Whether PyTorch has the rule itself; one that has the rate inside, only with a constant rate, which it reads a step late."""
        return self.torch and bool(OPTIMIZERS.torch(self.setup.optimizer)) and not (self.rule.rated and self.scheduled)

    @property
    def scheduled(self) -> bool:
        return self.setup.schedule != "constant" or self.setup.warmup_steps > 0

    @property
    def point(self) -> str:
        """What a loss is called with."""
        if not (self.own and OPTIMIZERS.torch(self.setup.optimizer) in MATRICES_ONLY):
            return "x"
        return "x[0, 0]" if len(self.loss.coordinates) == 1 else "x[:, 0]"

    @property
    def drawn(self) -> bool:
        return self.setup.batch_size is not None or self.setup.gradient_noise > 0

    def ported(self, text: str) -> str:
        return re.sub(r"\bnp\.", "torch.", text) if self.torch else text

    def array(self, value: Any) -> str:
        """Return an array, or one number, as its library writes it: every float exactly."""
        numbers = re.sub(r"\b(nan|inf)\b", r"np.\1", repr(np.asarray(value, dtype=float).tolist()))
        maker = "torch.tensor" if self.torch else "np.array" if np.ndim(value) else "np.float64"
        return f"{maker}({self.ported(numbers)})"

    def head(self) -> Iterator[str]:
        """Yield what comes before the loop: the imports, the loss, the knobs, the start."""
        setup, loss = self.setup, self.loss
        yield about(setup)
        yield from ["import numpy as np"] * (self.drawn or not self.torch)
        yield from ["import torch", "", "torch.set_default_dtype(torch.float64)"] * self.torch
        yield ""
        yield from (f"{name} = {self.array(value)}" for name, value in loss.numbers.items())
        yield from [""] * bool(loss.numbers)
        point = "x" if not loss.coordinates else loss.coordinates[0] if len(loss.coordinates) == 1 else "point"
        given = ", ".join([point, *(f"{name}={name}" for name in loss.examples)])
        unpacked = f"{', '.join(loss.coordinates)} = point\n" if len(loss.coordinates) > 1 else ""
        bodies = {"loss": loss.value, "gradient": loss.gradient}
        if self.torch:
            bodies = {"loss": self.ported(loss.value if loss.torch is None else loss.torch)}
        for name, body in bodies.items():
            yield f"def {name}({given}):\n{textwrap.indent(unpacked + body, '    ')}\n"
        yield f"learning_rate, steps = {setup.learning_rate!r}, {setup.steps}"
        if self.scheduled:
            yield f"schedule = {setup.make_schedule()(np.arange(setup.steps)).tolist()}  # of the learning rate, at each step"
        if setup.gradient_noise:
            yield f"noise = np.random.default_rng([{setup.seed}, {NOISE}])"
        if setup.batch_size is not None:
            yield from self.batches(setup.batch_size)
        x = setup.initial_point
        start = self.array(x[:, np.newaxis] if self.point != "x" else x[0] if len(loss.coordinates) == 1 else x)
        yield f"x = {start[:-1]}, requires_grad=True)" if self.torch else f"x = {start}"

    def batches(self, size: int) -> Iterator[str]:
        """Yield the lines that draw the examples of each step."""
        yield f"random, batch_size = np.random.default_rng({self.setup.seed}), {size}"
        if self.setup.replacement:
            yield "rows = random.integers(len(y), size=(steps, batch_size))"
            return
        yield "per_epoch = len(y) // batch_size"
        yield "epochs = [random.permutation(len(y))[: per_epoch * batch_size] for _ in range(steps // per_epoch + 1)]"
        yield "rows = np.concatenate(epochs).reshape(-1, batch_size)"

    @property
    def arguments(self) -> str:
        """What a step's loss is called with."""
        rows = [f"{name}[rows[t - 1]]" for name in self.loss.examples] if self.setup.batch_size is not None else []
        return ", ".join([self.point, *rows])

    @property
    def normal(self) -> str:
        """The noise of one step."""
        drawn = "noise.standard_normal(x.shape)"
        return f"{self.setup.gradient_noise!r} * {f'torch.from_numpy(np.asarray({drawn}))' if self.torch else drawn}"

    def by_hand(self) -> Iterator[str]:
        """Yield the loop with the rule's own lines."""
        setup, rule = self.setup, self.rule
        before, step, direction = (_folded(part, rule.knobs) for part in rule.code)
        direction = direction if isinstance(ast.parse(direction, mode="eval").body, ast.Name | ast.Call) else f"({direction})"
        direction = f"({direction} + weight_decay * x)" if rule.decoupled_decay else direction
        rate = "learning_rate * schedule[t - 1]" if self.scheduled else "learning_rate"
        inside = [f"rate = {rate}"] * rule.rated
        inside += [f"g = g + {self.normal}"] * (setup.gradient_noise > 0)
        inside += ["g = np.clip(g, -clip_value, clip_value)"] * (setup.clip_value is not None)
        inside += ["g = g * min(1, clip_norm / (np.linalg.norm(g) + 1e-6))"] * (setup.clip_norm is not None)
        inside += ["g = g + weight_decay * x"] * bool(rule.weight_decay)
        inside += [*step.splitlines(), f"x = x - {'rate' if rule.rated else rate} * {direction}"]
        said = re.findall(r"\w++", "\n".join([before, *inside]))
        used = [name for name in rule.knobs if name in said]
        if used:
            yield f"{', '.join(used)} = {', '.join(repr(rule.knobs[name]) for name in used)}"
        yield from self.ported(before).splitlines()
        yield f"losses = [loss(x){'.item()' * self.torch}]"
        yield "for t in range(1, steps + 1):"
        yield f"    g{',' * self.torch} = {'torch.autograd.grad(loss' if self.torch else 'gradient'}({self.arguments}){', x)' * self.torch}"
        yield from (f"    {line if line.startswith('g = g + ') else self.ported(line)}" for line in inside)
        yield from ["    x = x.detach().requires_grad_()"] * self.torch
        yield f"    losses.append(loss(x){'.item()' * self.torch})"

    def with_torch(self) -> Iterator[str]:
        """Yield the loop with the rule of torch.optim."""
        setup, rule = self.setup, self.rule
        name, _, fixed = OPTIMIZERS.torch(setup.optimizer).rstrip(")").partition("(")
        defaults = {each.name: each.default for each in OPTIMIZERS.parameters(setup.optimizer).values()}
        knobs = {name: value for name, value in rule.knobs.items() if name in defaults and (value or value != defaults[name])}
        words = [f"{name}={value!r}" for name, value in sorted(in_torch_words(knobs).items(), key=lambda each: each[0] != "betas")]
        yield f"optimizer = torch.optim.{name}([x], {', '.join(['lr=learning_rate', *words, *filter(None, [fixed])])})"
        yield f"losses = [loss({self.point}).item()]"
        yield "for t in range(1, steps + 1):"
        yield "    optimizer.zero_grad()"
        yield f"    loss({self.arguments}).backward()"
        yield from [f"    x.grad += {self.normal}"] * (setup.gradient_noise > 0)
        yield from [f"    torch.nn.utils.clip_grad_value_(x, {setup.clip_value!r})"] * (setup.clip_value is not None)
        yield from [f"    torch.nn.utils.clip_grad_norm_(x, {setup.clip_norm!r})"] * (setup.clip_norm is not None)
        if self.scheduled:
            yield '    optimizer.param_groups[0]["lr"] = learning_rate * schedule[t - 1]'
        yield "    optimizer.step()"
        yield f"    losses.append(loss({self.point}).item())"


def _folded(code: str, knobs: Any) -> str:
    r"""Return lines without what these knobs switch off: of ``a if amsgrad else b`` one is left.

    >>> _folded("if centered: mean = 0\nv = v - mean if centered else v", {"centered": False})
    'v = v'
    """
    fold, lines = _Fold(knobs), list[str]()
    for node in ast.parse(code).body:
        fold.turned = False
        found = fold.visit(node)
        left = found if isinstance(found, list) else [found]
        lines += [ast.unparse(each) if fold.turned else str(ast.get_source_segment(code, each)) for each in left]
    return "\n".join(lines)


@dataclass
class _Fold(ast.NodeTransformer):
    knobs: Any
    turned: bool = False

    def visit(self, node: ast.AST) -> Any:
        self.generic_visit(node)
        if isinstance(node, ast.If | ast.IfExp) and isinstance(node.test, ast.Name) and node.test.id in self.knobs:
            self.turned = self.turned or isinstance(node, ast.IfExp)
            return node.body if self.knobs[node.test.id] else node.orelse
        return node
