"""Subtract the mean, divide by the spread: the one function behind batch norm, layer norm and weight standardization."""

import numpy as np

from explorer.core.losses.protocol import Array

EPSILON = 1e-5  # added to the variance, so that what has no spread becomes 0 and not nan: PyTorch's default


def normalized(z: Array, axis: int) -> tuple[Array, Array]:
    """Return both y = (z - mean) s and s = 1/√(variance + ε), along `axis`."""
    c = z - z.mean(axis=axis, keepdims=True)
    s = 1 / np.sqrt((c * c).mean(axis=axis, keepdims=True) + z.dtype.type(EPSILON))
    c *= s
    return c, s


def backward(y: Array, s: Array, d: Array, axis: int) -> Array:
    """Return the gradient by z from that by y: the Jacobian s(I - mean - y mean y) is symmetric, so any direction's product too."""
    return s * (d - d.mean(axis=axis, keepdims=True) - y * (d * y).mean(axis=axis, keepdims=True))


def push(y: Array, s: Array, t: Array, axis: int) -> tuple[Array, Array]:
    """Return how y and s change when z changes by `t`."""
    return backward(y, s, t, axis), -(s * s) * (y * t).mean(axis=axis, keepdims=True)


def pull(y: Array, s: Array, yt: Array, st: Array, d: Array, dt: Array, axis: int) -> tuple[Array, Array]:
    """Return the gradient by z, and how it changes when y, s and `d` change by `yt`, `st` and `dt`."""

    def mean(u: Array) -> Array:
        return np.asarray(u.mean(axis=axis, keepdims=True))

    inner = d - mean(d) - y * mean(d * y)
    change = dt - mean(dt) - yt * mean(d * y) - y * mean(dt * y + d * yt)
    return s * inner, st * inner + s * change
