"""A network of plain layers as lines of numpy: forward, then backward."""

import re
from typing import Any

from explorer.core.losses.network.layers import Activate, Linear
from explorer.core.losses.written import Written


def lines(net: Any) -> Written | None:
    """Return a network's lines; None where they would be many: convolutions, normalization, skips, dropout, gelu."""
    layers, aim, where = net.body.layers, net.objective.code, dict(net.blocks)
    plain = all(isinstance(each, Linear) and each.window is None and not each.standardized for each in layers[::2])
    plain = plain and all(isinstance(each, Activate) and each.activation.code for each in layers[1::2])
    if aim is None or not plain or net.dropout_seed is not None:
        return None
    functions, last, mean = [each.activation.code for each in layers[1::2]], len(layers[::2]), " / len(y)" * (net.reduction == "mean")
    split, numpy, torch, names = (list[str]() for _ in range(4))
    backward = [f"d = {_of(aim[1], last)}{mean}"]
    for i, each in enumerate(layers[::2], 1):
        times = "" if each.multiplier == 1 else f"{each.multiplier!r} * "
        parts = {f"W{i}": f"{times}x[{where[f'W{i}'].start}:{where[f'W{i}'].stop}].reshape({each.outputs}, {each.inputs})"}
        parts |= {f"b{i}": f"x[{where[f'b{i}'].start}:{where[f'b{i}'].stop}]"} if each.bias else {}
        split.append(f"{', '.join(parts)} = {', '.join(parts.values())}")
        before = f"a{i - 1}" if i > 1 else "X"
        for text, role in ((numpy, 0), (torch, 2)):
            text.append(f"z{i} = {before} @ W{i}.T{f' + b{i}' * each.bias}")
            text += [f"a{i} = {_of(functions[i - 1][role], i)}"] if i < last else []
        names.append(f"dW{i}.ravel(){f', db{i}' * each.bias}")
    for i, each in reversed(list(enumerate(layers[::2], 1))):
        times = "" if each.multiplier == 1 else f"{each.multiplier!r} * "
        weights = where[f"W{i}"]
        decay = f" + {net.l2!r} * x[{weights.start}:{weights.stop}].reshape({each.outputs}, {each.inputs})" * bool(net.l2)
        backward += [f"d = d @ W{i + 1}{f' * ({_of(functions[i - 1][1], i)})'.replace(' * (1)', '')}"] if i < last else []
        backward.append(f"dW{i} = {times + '(' if times else ''}d.T @ {f'a{i - 1}' if i > 1 else 'X'}{')' * bool(times)}{decay}")
        backward += [f"db{i} = d.sum(axis=0)"] * each.bias
    squares = [f"(x[{at.start}:{at.stop}] ** 2).sum()" for name, at in where.items() if name.startswith("W")]
    penalty = f" + {net.l2 / 2!r} * ({' + '.join(squares)})" if net.l2 else ""
    value, theirs = (f"return {_of(aim[role], last)}{mean}{penalty}" for role in (0, 2))
    return Written(
        "\n".join([*split, *numpy, value]),
        "\n".join([*split, *numpy, *backward, f"return np.concatenate([{', '.join(names)}])"]),
        {"X": net.X.T, "y": net.y.T},
        examples=("X", "y"),
        torch="\n".join([*split, *torch, theirs]),
    )


def _of(text: str, layer: int) -> str:
    return re.sub(r"\b([za])\b", rf"\g<1>{layer}", text)
